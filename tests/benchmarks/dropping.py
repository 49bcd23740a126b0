"""A server that speaks as much of Google's protocol as an upload needs and keeps nothing: what both sides race against.

Run as a program it prints its address and serves until its standard input ends; with a number it waits so many seconds
before it answers a chunk. Each refresh token is a channel of its own.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

_HEAD = re.compile(rb"(\w+) (\S+) HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\ncontent-range: bytes (\d+)-(\d+)/(\d+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


_BEARER = re.compile(rb"\r\nauthorization: bearer (\w[\w-]*)", re.IGNORECASE)


@contextmanager
def running(answers_after=0.0):
    """Run this server in a process of its own; yields a folder to work in and its address."""
    with (
        tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder,
        subprocess.Popen(
            [sys.executable, __file__, str(answers_after)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
        ) as server,
    ):
        try:
            yield Path(folder), server.stdout.readline().strip()
        finally:
            server.stdin.close()


def serve(listener, answers_after=0.0):
    while True:
        line, _ = listener.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_talk, args=(line, answers_after), daemon=True).start()


def _talk(line, answers_after):
    room = memoryview(bytearray(1 << 20))
    address = "http://{}:{}".format(*line.getsockname())
    rest = b""
    with line:
        while True:
            while b"\r\n\r\n" not in rest:
                data = line.recv(1 << 16)
                if not data:
                    return
                rest += data
            head, _, rest = rest.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            left = int(length[1]) if length else 0
            taken, rest = rest[:left], rest[left:]
            left -= len(taken)
            body, is_chunk = taken, _RANGE.search(head) is not None
            while left:
                got = line.recv_into(room, min(left, len(room)))
                if not got:
                    return
                left -= got
                if not is_chunk:
                    body += room[:got]
            if is_chunk and answers_after:
                time.sleep(answers_after)
            line.sendall(_answer(head, body, address))


def _answer(head, body, address):
    verb, target = _HEAD.match(head).groups()
    path = target.partition(b"?")[0].decode()
    if path == "/token":
        name = parse_qs(body.decode())["refresh_token"][0]
        return _json(200, {"access_token": name, "expires_in": 3599, "scope": SCOPE, "token_type": "Bearer"})
    bearer = _BEARER.search(head)
    channel = "UC" + (bearer[1].decode() if bearer else "").rjust(22, "b")
    if path.endswith("/channels"):
        about = {"relatedPlaylists": {"uploads": "UU" + channel[2:]}}
        return _json(
            200, {"items": [{"id": channel, "snippet": {"title": "bench"}, "contentDetails": about, "status": {}}]}
        )
    if verb == b"GET":
        status = {"privacyStatus": "private", "uploadStatus": "uploaded"}
        return _json(200, {"items": [{"id": "bench-video", "snippet": {"channelId": channel}, "status": status}]})
    if verb == b"POST":
        return _written(200, f"Location: {address}/session/1\r\n")
    sent = _RANGE.search(head)
    last, total = int(sent[2]), int(sent[3])
    if last + 1 < total:
        return _written(308, f"Range: bytes=0-{last}\r\n")
    return _json(201, {"id": "bench-video", "snippet": {"channelId": channel}, "status": {"privacyStatus": "private"}})


def _json(status, content):
    return _written(status, "Content-Type: application/json\r\n", json.dumps(content).encode())


def _written(status, headers, body=b""):
    return f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


SCOPE = "https://www.googleapis.com/auth/youtube.force-ssl"

if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("http://127.0.0.1:{}".format(listener.getsockname()[1]), flush=True)  # noqa: UP032 - it reads better
        threading.Thread(target=serve, args=(listener, *map(float, sys.argv[1:])), daemon=True).start()
        sys.stdin.read()
