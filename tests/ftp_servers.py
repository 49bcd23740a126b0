"""FTP servers for tests: vsftpd and pyftpdlib, each a process of its own, plain and with TLS; and some that misbehave.

Run as a program this is pyftpdlib, which stands on asyncore and would warn in every test otherwise:
`ftp_servers.py FOLDER [PEM]`, with FTP_PASSWORD and FTP_REFUSES_AFTER; it prints its port.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

USER = "studio"
PASSWORD = "canary of an FTP server"


@dataclass(frozen=True)
class Server:
    """Where a server listens, and what runs it."""

    port: int
    process: subprocess.Popen

    def kill(self):
        """End it and everything it has begun, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def kill_when_somebody_is_connected(self):
        """Do so as soon as a client is in the middle of its visit."""

        def watch():
            until = time.monotonic() + 20
            while not _has_visitor(self.port) and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.2)
            self.kill()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread


@contextmanager
def vsftpd(folder, *, pem=None, more=()):
    """Run Debian's vsftpd, which knows the user `anonymous` alone here."""
    from real_parts import miss, need

    program = need("vsftpd")
    if os.geteuid() != 0:
        miss("vsftpd starts as root only")
    files, empty = folder / "files", folder / "empty"
    for one in (files, empty):
        one.mkdir(parents=True)
        one.chmod(0o555)
    port = free_port()
    settings = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": port,
        "background": "NO",
        "seccomp_sandbox": "NO",  # with it TLS ends in the middle of a record
        "secure_chroot_dir": empty,
        "anonymous_enable": "YES",
        "anon_root": files,
        **dict(more),
    }
    if pem is not None:
        settings |= {
            "ssl_enable": "YES",
            "allow_anon_ssl": "YES",
            "force_anon_logins_ssl": "YES",
            "rsa_cert_file": pem,
            "rsa_private_key_file": pem,
        }
    file = folder / "vsftpd.conf"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    file.chmod(0o600)
    for one in [folder, *folder.parents]:  # whoever serves anonymous visitors is not root
        if not one.stat().st_mode & 0o001 and one.owner() == "root":
            one.chmod(one.stat().st_mode | 0o011)
    with _running([program, str(file)]) as process:
        _until_it_listens(port, process)
        yield Server(port, process)


@contextmanager
def pyftpdlib(folder, *, pem=None, refuses_after=3):
    """Run pyftpdlib, which knows one user and takes its time to refuse a wrong password."""
    folder.mkdir()
    words = [sys.executable, "-W", "ignore", __file__, str(folder), *([str(pem)] if pem else [])]
    env = {**os.environ, "FTP_PASSWORD": PASSWORD, "FTP_REFUSES_AFTER": str(refuses_after)}
    with _running(words, env=env, stdout=subprocess.PIPE) as process:
        port = process.stdout.readline()
        assert port, "pyftpdlib did not start"
        yield Server(int(port), process)


@contextmanager
def _running(words, **how):
    process = subprocess.Popen(words, start_new_session=True, **how)
    try:
        yield process
    finally:
        Server(0, process).kill()
        if process.stdout is not None:
            process.stdout.close()


def _until_it_listens(port, process):
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}; its status is {process.poll()}")


def _has_visitor(port):
    """Tell whether this machine's list of connections has one to this port that stands."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in lines)


@contextmanager
def misbehaving(behave):
    """Listen, and let `behave` do to each connection what it likes; yields the port."""
    server = socket.create_server(("127.0.0.1", 0))
    visitors = []

    def meet(connection):
        with connection, suppress(OSError):
            behave(connection)

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            visitors.append(connection)
            threading.Thread(target=meet, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in visitors:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def repeating(connection):
    """Answer like a server that logs too much and answers with its log."""
    connection.sendall(b"220 hello\r\n")
    code = b"331"
    while heard := connection.recv(4096):
        connection.sendall(code + b" you said " + heard)
        code = b"530"


def _serve(folder, pem=None):
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, os.environ["FTP_PASSWORD"], folder, perm="el")
    how = {"authorizer": authorizer, "auth_failed_timeout": float(os.environ["FTP_REFUSES_AFTER"])}
    if pem is None:
        handler = type("Plain", (FTPHandler,), how)
    else:
        from pyftpdlib.handlers import TLS_FTPHandler

        how |= {"certfile": pem, "tls_control_required": True, "tls_data_required": True}
        handler = type("Protected", (TLS_FTPHandler,), how)
    server = FTPServer(("127.0.0.1", 0), handler)
    print(server.address[1], flush=True)
    server.serve_forever(handle_exit=False)


if __name__ == "__main__":
    import logging

    logging.disable()
    _serve(*sys.argv[1:])
