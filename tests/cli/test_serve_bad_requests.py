"""Requests that are huge, slow, malformed, or try what they should not: bounded, logged, and nobody else notices."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from newsroom import start
from served import IMPATIENT, once, serving

WHOLE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CALLBACK = b"POST /webhooks/film HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"

TWO_LENGTHS = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that waits for tenths of seconds, and takes all that follows."""
    home = {"YTPOOL_HOME": str(tmp_path_factory.mktemp("home"))}
    made = start("init", "--yes", "--vault", "keyfile", env={"PATH": os.environ["PATH"], **home})
    assert made.wait(timeout=60) == 0, made.communicate()
    made.communicate()
    with serving(program=IMPATIENT, YTPOOL_SERVE_HOSTS="pool.example.com, Other.example", **home) as server:
        yield server


def line(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def told(server, content):
    """Send this, and return all that comes until the line is closed."""
    with line(server) as opened:
        with contextlib.suppress(ConnectionError):
            opened.sendall(content)
        return rest(opened)


def rest(opened):
    heard = b""
    with contextlib.suppress(ConnectionError):
        while piece := opened.recv(65536):
            heard += piece
    return heard


def trickles(server, content, forever):
    """Send a beginning, then a byte every now and then; return how long that was suffered, and what was heard."""
    began = time.monotonic()
    with line(server) as opened:
        opened.sendall(content)
        opened.settimeout(0.1)
        heard = b""
        while time.monotonic() - began < 10:
            try:
                piece = opened.recv(65536)
            except TimeoutError:
                with contextlib.suppress(ConnectionError):
                    opened.sendall(forever)
                continue
            except ConnectionError:
                break
            if not piece:
                break
            heard += piece
    return time.monotonic() - began, heard


@pytest.mark.parametrize(
    ("content", "forever", "heard"),
    [
        (b"", b"", b""),
        (b"GET /livez HTTP/1.1\r\nHost: local", b"h", b"HTTP/1.1 408"),
        (b"G", b"E", b"HTTP/1.1 408"),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n", b"HTTP/1.1 408"),
        (CALLBACK, b" ", b""),
        (CALLBACK.replace(b"Content-Length: 900", b"Transfer-Encoding: chunked"), b"1\r\n \r\n", b""),
        (WHOLE, b"", b"HTTP/1.1 200"),
        (WHOLE, b"G", b"HTTP/1.1 200"),
        (
            WHOLE.replace(b"GET", b"GET").replace(b"\r\n\r\n", b"\r\nContent-Length: 99999999\r\n\r\n"),
            b" " * 9999,
            b"HTTP",
        ),
    ],
)
def test_whoever_takes_too_long_is_not_waited_for(server, content, forever, heard):
    seconds, said = trickles(server, content, forever)

    assert seconds < 10
    assert said.startswith(heard)
    assert server.ask("/livez")[0] == 200


@pytest.mark.parametrize(
    "content",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        TWO_LENGTHS + b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so(server, content):
    heard = told(server, content)

    assert heard == b"" or heard.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    assert b"Traceback" not in heard
    assert heard.count(b"HTTP/1.1 ") <= 1
    assert b'ytpool_http_refusals_total{reason="malformed"}' in server.ask("/metrics")[1]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/etc/passwd",
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/state.db",
            "//livez",
            "/livez/",
            "/LIVEZ",
            "/livez%00",
        ),
        *("/webhooks", "/livez%00", "/docs", "/openapi.json", "/api/health/cookies/../../status"),
    ],
)
def test_an_address_that_is_none_has_nothing(server, path):
    status, said, _ = server.ask(path)

    assert (status, said["error"]) == (404, "there is nothing at this address")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((name, 200) for name in ("localhost", "LOCALHOST:99", "127.0.0.1", "127.3.2.1:80", "[::1]:8383")),
        *((name, 200) for name in ("pool.example.com", "other.example:443", "Pool.Example.Com.")),
        *((name, 421) for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1")),
        *((name, 421) for name in ("localhost@evil.example", "0.0.0.0", "[fe80::1]", "", "a b", "localhost:80:80")),
    ],
)
def test_only_names_of_ours_are_answered_to(server, name, status):
    answer = server.ask("/livez", Host=name)

    assert answer[0] == status
    assert server.ask("/webhooks/film", "POST", "{}", Host=name)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "QUERY"])
def test_nothing_but_reading_is_done_there(server, method):
    assert server.ask("/livez", method)[0] == 405


def test_more_lines_than_there_is_room_for_keep_nobody_out(server):
    with contextlib.ExitStack() as opened:
        for number in range(80):
            one = opened.enter_context(line(server))
            if number % 2:
                one.sendall(CALLBACK if number % 4 == 1 else WHOLE[:20])
        began = time.monotonic()
        statuses = {server.ask("/livez")[0] for _ in range(20)}
        seconds = time.monotonic() - began

    assert (statuses, seconds < 10) == ({200}, True)


def test_who_never_reads_is_hung_up_on(server):
    gives_up_at = time.monotonic() + 60
    ask = WHOLE.replace(b"/livez", b"/metrics")
    with line(server) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.settimeout(0.2)
        with pytest.raises(ConnectionError):
            while time.monotonic() < gives_up_at:
                with contextlib.suppress(TimeoutError):
                    opened.sendall(ask * 50)

    assert server.ask("/livez")[0] == 200


@pytest.mark.usefixtures("home")
def test_a_flood_is_counted_and_told_once_in_a_while(ytpool):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with serving() as server:
        once(lambda: server.ask("/readyz")[0] == 200)
        before = memory(server.process.pid)
        many = [threading.Thread(target=flood, args=(server,)) for _ in range(4)]
        for one in many:
            one.start()
        for one in many:
            one.join()
        content = server.ask("/metrics")[1].decode()
        after = memory(server.process.pid)

    lines = [line for line in server.said.splitlines() if "refused" in line]
    assert 'ytpool_http_refusals_total{reason="no such address"} 200.0' in content
    assert 'ytpool_http_refusals_total{reason="asked under another name"} 200.0' in content
    assert 2 <= len(lines) < 10
    assert "hidden" not in server.said
    assert after - before < 20_000


def flood(server):
    for number in range(50):
        assert server.ask(f"/no/such/{number}?secret=hidden")[0] == 404
        assert server.ask("/status", Host="evil.example")[0] == 421


def memory(pid):
    """Return how much a process has in memory, in KiB."""
    (found,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(found.split()[1])
