"""HTTP with a time limit over the whole of a conversation, whatever the other side drips.

The time limits of `requests` and `smtplib` are for each read: whoever sends a byte now and then holds them for ever.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from ytpool.domain.causes import causes
from ytpool.errors import ServerFailed


class Deadline:
    """A moment after which every connection that belongs to it is shut.

    A second descriptor of the same connection lets it be shut from outside, also where TLS has taken over the first.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self.is_over = False

    def left(self) -> float:
        return max(0.001, self._until - time.monotonic())

    def require_time(self) -> None:
        if self.is_over:
            raise TimeoutError

    def watch(self, connection: socket.socket) -> None:
        with self._lock:
            if self.is_over:
                connection.close()
                raise TimeoutError
            self._watched.append(connection.dup())

    def end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._watched:
                with suppress(OSError):  # it is shut already
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for connection in self._watched:
                connection.close()
            self._watched.clear()


@contextmanager
def deadline_of(seconds: float) -> Iterator[Deadline]:
    """Let everything that is watched end after so many seconds."""
    deadline = Deadline(seconds)
    timer = threading.Timer(seconds, deadline.end)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        deadline.close()


class _Punctual(HTTPAdapter):
    """Connections that end with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self._bind(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **named)
        self._bind(manager)
        return manager

    def _bind(self, manager: Any) -> None:
        deadline = self._deadline

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                connection = super()._new_conn()
                deadline.watch(connection)
                return connection

        class Protected(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                connection = super()._new_conn()
                deadline.watch(connection)
                return connection

        pools = urllib3.connectionpool
        manager.pool_classes_by_scheme = {
            "http": type("PlainPool", (pools.HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("ProtectedPool", (pools.HTTPSConnectionPool,), {"ConnectionCls": Protected}),
        }


@contextmanager
def session_of(deadline: Deadline) -> Iterator[requests.Session]:
    """Open a session whose connections end with a deadline."""
    with requests.Session() as session:
        session.trust_env = False  # no ~/.netrc: nobody is given a password that nobody named here
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Punctual(deadline))
        yield session


def authorities(ca_file: str) -> str | bool:
    """Return who vouches for servers: those that are named, else those of this machine."""
    return ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def failure(error: Exception, deadline: Deadline, shown: str, section: str, seconds: float) -> ServerFailed:
    """Say why an address gave no answer, in words that hold no more of it than may be shown."""
    if deadline.is_over or isinstance(error, TimeoutError | requests.Timeout):
        return ServerFailed(
            f"{shown} has not answered within {seconds:g} s",
            hint=f"look whether it works at all, or let it take longer: {section}.timeout",
        )
    found = list(causes(error))
    certificate = next((one for one in found if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return ServerFailed(
            f"the certificate of {shown} is not to be trusted: {certificate.verify_message}",
            hint=f"let the service have a valid one, or name who vouches for it: {section}.ca_file",
        )
    if any(isinstance(one, urllib3.exceptions.ProxyError) for one in found):
        return ServerFailed(f"the proxy does not lead to {shown}", hint="check HTTPS_PROXY and NO_PROXY")
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in found):
        return ServerFailed(
            f"nobody knows the machine of {shown}", hint=f"check {section}.url, and this machine's network"
        )
    if any(isinstance(one, urllib3.exceptions.NewConnectionError) for one in found):
        return ServerFailed(f"nothing takes the connection at {shown}", hint="start the service")
    why = next((one.strerror for one in found if isinstance(one, OSError) and one.strerror), "it made no sense")
    return ServerFailed(
        f"{shown} broke the connection off: {why}", hint="look into the service's own log; check http or https"
    )
