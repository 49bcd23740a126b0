"""A server that says what a test tells it to, over real sockets, and writes down what it was sent."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from ytpool.domain.secret import Secret
from ytpool.youtube.client import YouTube

DATE = "Fri, 20 Nov 2026 12:00:00 GMT"


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do with one request: which bytes to answer with, and whether to hang up afterwards."""

    raw: bytes = b""
    hang_up: bool = False
    reads_body: bool = True


HANG_UP = Step(hang_up=True)


def reply(status=200, body=b"", *, hang_up=False, reads_body=True, **headers):
    """Answer; header names are written with underscores, and None leaves a header out."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Date": DATE, "Content-Type": "application/json", "Content-Length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    raw = f"HTTP/1.1 {status} So\r\n{head}\r\n".encode("latin-1") + content
    return Step(raw=raw, hang_up=hang_up, reads_body=reads_body)


@dataclass
class Scripted:
    """Answers the n-th request with the n-th step, or each by `handle`."""

    steps: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    handle: Callable[[Request], Step] | None = None

    reply = staticmethod(reply)
    hang_up = HANG_UP

    def __post_init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._connections = 0
        self.wrap = lambda connection: connection
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def answers(self, *steps):
        self.steps += steps

    def close(self):
        # Closing alone would leave a thread sitting in accept() and the port listening.
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, self._connections), daemon=True).start()

    def _serve(self, connection, number):
        try:
            with self.wrap(connection) as line, line.makefile("rb") as incoming:
                while self._one(line, incoming, number):
                    pass
        except OSError:
            pass

    def _one(self, line, incoming, number):
        start = incoming.readline()
        if not start:
            return False
        method, target, _ = start.decode("latin-1").split(" ", 2)
        headers = {}
        while (header := incoming.readline().decode("latin-1").strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        early = self.handle is None and self.steps and not self.steps[0].reads_body
        body = b"" if early else incoming.read(length)
        request = Request(method=method, target=target, headers=headers, body=body, connection=number)
        self.requests.append(request)
        if self.handle is not None:
            step = self.handle(request)
        else:
            step = self.steps.pop(0) if self.steps else reply(599, b"nothing was scripted for this request")
        line.sendall(step.raw)
        return not step.hang_up


@pytest.fixture
def google():
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def heard() -> list[datetime]:
    return []


@pytest.fixture
def youtube(google, heard):
    client = YouTube(api_root=google.url, heard=heard.append, timeout=5)
    yield client
    client.close()


@pytest.fixture
def token():
    return Secret("the-access-token")
