"""FTP as far as it proves that a server works: greeting, TLS, login, NOOP.

Not `ftplib`: its time limit is for each read, so a server that drips holds it for as long as it likes, and its
`FTP_TLS` accepts any certificate unless told otherwise. Here one deadline stands over everything, and the bytes of an
answer are counted.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing

from ytpool.domain import servers
from ytpool.domain.secret import Secret
from ytpool.domain.servers import FtpServer
from ytpool.errors import ServerFailed

_LONGEST = 16 << 10
"""Bytes of one answer; a greeting with a whole licence in it has a few thousand."""


def noop(server: FtpServer, password: Secret) -> str:
    """Log in, do nothing, and leave; return what protects the connection. Raises ServerFailed, saying what to do."""
    until = time.monotonic() + server.timeout
    try:
        with closing(_Dialogue(server, _connected(server, until), until)) as dialogue:
            return dialogue.held(password)
    except TimeoutError:
        raise ServerFailed(
            f"{_at(server)} has not come to the end of a login within {server.timeout:g} s",
            hint=f"look whether it works at all; some wait on purpose after a wrong password: {server.section}.timeout "
            "may be longer",
        ) from None
    except OSError as error:
        why = _tls_words(error) if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        raise ServerFailed(
            f"{_at(server)} broke the connection off: {why}", hint="look into the server's own log"
        ) from error


class _Dialogue:
    """What is said to one server, and what it answers."""

    def __init__(self, server: FtpServer, connection: socket.socket, until: float) -> None:
        self._server = server
        self._connection = connection
        self._until = until
        self._rest = b""

    def held(self, password: Secret) -> str:
        if self._server.tls == servers.IMPLICIT:
            self._protect()
        self._greeted()
        if self._server.tls == servers.EXPLICIT:
            self._ask_for_tls()
        self._log_in(password)
        code, _ = self._say("NOOP")
        if not 200 <= code < 300:
            raise ServerFailed(f"{_at(self._server)} took the login and refuses NOOP ({code})", hint=_OWN_LOG)
        self._send("QUIT")
        return self._connection.version() or "" if isinstance(self._connection, ssl.SSLSocket) else ""

    def close(self) -> None:
        self._connection.close()  # TLS has taken it over where there is any

    def _greeted(self) -> None:
        code, words = self._heard()
        while 100 <= code < 200:  # it will be ready soon
            code, words = self._heard()
        if code != 220:
            raise ServerFailed(f"{_at(self._server)} lets nobody in now: {code} {words}", hint=_OWN_LOG)

    def _ask_for_tls(self) -> None:
        code, words = self._say("AUTH TLS")
        if code != 234:
            raise ServerFailed(
                f"{_at(self._server)} has no TLS ({code} {words}); no password was sent",
                hint=f'let it have TLS, or send the password in plain text: {self._server.section}.tls = "none"',
            )
        if self._rest:
            # Whoever sits between could put answers before the encryption; what is there already is nobody's word.
            raise ServerFailed(f"{_at(self._server)} said more before TLS began than it may", hint=_OWN_LOG)
        self._protect()

    def _protect(self) -> None:
        self._connection.settimeout(_left(self._until))
        self._connection = _protected(self._server, self._connection)

    def _log_in(self, password: Secret) -> None:
        code, words = self._say(f"USER {self._server.user}")
        if code == 331:
            code, _ = self._say(f"PASS {password.reveal()}")
            words = "its words are not shown: they may repeat the password"
        if 200 <= code < 300:
            return
        if self._server.tls == servers.NONE and _WANTS_TLS.search(words):
            hint = f'it may want TLS: {self._server.section}.tls = "explicit"'
        else:
            hint = f"check {self._server.section}.user and its password"
        raise ServerFailed(f"{_at(self._server)} refuses the login of {self._server.user} ({code} {words})", hint=hint)

    def _say(self, line: str) -> tuple[int, str]:
        self._send(line)
        return self._heard()

    def _send(self, line: str) -> None:
        self._connection.settimeout(_left(self._until))
        self._connection.sendall(f"{line}\r\n".encode())

    def _heard(self) -> tuple[int, str]:
        """Return the code of an answer and its last line; an answer of several lines ends with its code and a space."""
        count = 0
        first = b""
        for line in self._lines():
            count += len(line) + 1
            match = _LINE.match(line)
            if match and match[2] != b"-" and (not first or match[1] == first):
                return int(match[1]), _readable(match[3])
            if match and not first:
                first = match[1]
            if not first or count > _LONGEST:
                break
        raise ServerFailed(f"what answers at {_at(self._server)} does not speak FTP", hint="check host, port and tls")

    def _lines(self) -> Iterator[bytes]:
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                yield line.rstrip(b"\r")
                continue
            if len(self._rest) > _LONGEST:
                return
            self._connection.settimeout(_left(self._until))
            block = self._connection.recv(4096)
            if not block:
                raise ConnectionResetError(0, "it closed in the middle of the conversation")
            self._rest += block


_LINE = re.compile(rb"([1-5]\d\d)([- ]|$)(.*)", re.DOTALL)
_WANTS_TLS = re.compile(r"tls|ssl|encrypt", re.IGNORECASE)
_OWN_LOG = "look into the server's own log"


def _connected(server: FtpServer, until: float) -> socket.socket:
    host, port = server.address
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ServerFailed(
            f"nobody knows the machine {host}", hint=f"check {server.section}.host, and this machine's network"
        ) from None
    trouble = ""
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(until))
            connection.connect(address)
        except TimeoutError:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            trouble = error.strerror or str(error)
        else:
            return connection
    raise ServerFailed(f"nothing takes the connection at {_at(server)}: {trouble}", hint="start the server")


def _protected(server: FtpServer, connection: socket.socket) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context(cafile=server.ca_file or None)
    except OSError as error:
        why = error.strerror or "it holds no certificate"
        raise ServerFailed(f"{server.ca_file} cannot be read: {why}", hint=f"check {server.section}.ca_file") from None
    try:
        return context.wrap_socket(connection, server_hostname=server.host)
    except ssl.SSLCertVerificationError as error:
        raise ServerFailed(
            f"the certificate of {_at(server)} is not to be trusted: {error.verify_message}; no password was sent",
            hint=f"let the server have a valid one, or name who vouches for it: {server.section}.ca_file",
        ) from None
    except ssl.SSLError as error:
        raise ServerFailed(
            f"no TLS comes about with {_at(server)}: {_tls_words(error)}; no password was sent",
            hint=f'check the port, and {server.section}.tls: "explicit", "implicit" or "none"',
        ) from None


def _tls_words(error: ssl.SSLError) -> str:
    return (error.reason or "TLS went wrong").lower().replace("_", " ")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _at(server: FtpServer) -> str:
    host, port = server.address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _readable(words: bytes) -> str:
    return words.decode("utf-8", "replace").strip()[:200]
