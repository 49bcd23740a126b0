"""Those who are told of alerts: a web server that does as it is told, and a mail server that is a process of its own.

Run as a program this is aiosmtpd: `receivers.py FOLDER [PEM [implicit]]`, with SMTP_PASSWORD; it prints its port, and
leaves every mail that it takes in the folder.
"""

import email
import email.policy
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER = "night"
PASSWORD = "canary of a mail server"


@dataclass
class Webhook:
    """A web server: what it was told, and how it answers."""

    port: int = 0
    status: int = 200
    headers: dict = field(default_factory=dict)
    hangs: threading.Event = field(default_factory=threading.Event)
    """While it is set, nothing is answered."""
    heard: list = field(default_factory=list)
    """Every request: its headers, and its body as data."""
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hooks/canary-of-a-webhook"

    @property
    def told(self):
        return [body for _, body in self.heard]

    def hears(self, count, seconds=20):
        """Wait until it was told so often."""
        until = time.monotonic() + seconds
        while len(self.heard) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.heard) >= count, self.heard
        return self.told


@contextmanager
def webhook():
    """Run a web server that takes what is posted."""
    hook = Webhook()

    class Visitor(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.heard.append((dict(self.headers), json.loads(body)))
            while hook.hangs.is_set() and not hook.gone.is_set():
                time.sleep(0.02)
            self.answer()

        def do_GET(self):
            self.answer()

        def answer(self):
            self.send_response(hook.status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Visitor)
    server.daemon_threads = True
    hook.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield hook
    finally:
        hook.gone.set()
        server.shutdown()
        serving.join()
        server.server_close()


@dataclass(frozen=True)
class MailServer:
    """Where it listens, and what it has taken."""

    port: int
    folder: Path

    @property
    def mails(self):
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.folder.glob("*.eml"))
        ]


@contextmanager
def mail_server(folder, *, pem=None, implicit=False):
    """Run aiosmtpd, which wants TLS and a login where it has a certificate; implicit TLS begins with the first byte."""
    folder.mkdir(exist_ok=True)
    words = [sys.executable, __file__, str(folder), *([str(pem)] if pem else []), *(["implicit"] if implicit else [])]
    process = subprocess.Popen(
        words,
        env={**os.environ, "SMTP_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield MailServer(int(process.stdout.readline()), folder)
    finally:
        process.kill()
        process.communicate(timeout=10)


class _Takes:
    """Keeps every mail, in the order in which they came."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802 -- aiosmtpd calls so
        if address.startswith("nobody"):
            return "550 there is nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
        self.count += 1
        draft = self.folder / f"{self.count:04}.draft"
        draft.write_bytes(envelope.content)
        draft.rename(draft.with_suffix(".eml"))
        return "250 taken"


def _serve(folder, pem=None, implicit=None):
    import asyncio

    from aiosmtpd.smtp import SMTP, AuthResult

    def knows(server, session, envelope, mechanism, data):  # noqa: ARG001
        right = (data.login, data.password) == (USER.encode(), os.environ["SMTP_PASSWORD"].encode())
        return AuthResult(success=right, handled=right)  # whoever is refused is answered by aiosmtpd itself

    context = None
    if pem:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
    takes = _Takes(Path(folder))

    async def serve():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(
                takes,
                hostname="localhost",
                tls_context=None if implicit else context,
                require_starttls=bool(context) and not implicit,
                auth_require_tls=not implicit,  # it knows only of the TLS that it has begun itself
                auth_required=bool(context),
                authenticator=knows if context else None,
                loop=loop,
            ),
            "127.0.0.1",
            0,
            ssl=context if implicit else None,
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    _serve(*sys.argv[1:])
