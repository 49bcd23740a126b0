"""Resumable uploads on the wire, byte by byte."""

import hashlib
import http.client
import json
import os
import socket
from urllib.parse import urlsplit

import pytest

from ytpool.sandbox.server import Sandbox

QUANTUM = 256 * 1024
CONTENT = os.urandom(2 * QUANTUM + 1000)
SIZE = len(CONTENT)


@pytest.fixture
def put(send):
    def put(uri, first, last, **headers):
        """Send these bytes of CONTENT, the last one included."""
        return send(uri, "PUT", CONTENT[first : last + 1], Content_Range=f"bytes {first}-{last}/{SIZE}", **headers)

    return put


@pytest.fixture
def ask(send):
    def ask(uri, total=SIZE):
        """Ask how much is kept: the status and the Range."""
        status, headers, body = send(uri, "PUT", b"", Content_Range=f"bytes */{total}")
        return status, headers["Range"], body

    return ask


def test_a_session_says_what_it_keeps_and_repeats_its_final_answer(begin, put, ask):
    uri = begin(SIZE)
    assert ask(uri)[:2] == (308, None)

    assert put(uri, 0, QUANTUM - 1)[1]["Range"] == f"bytes=0-{QUANTUM - 1}"
    assert ask(uri)[:2] == (308, f"bytes=0-{QUANTUM - 1}")
    status, _, video = put(uri, QUANTUM, SIZE - 1)

    assert status == 201
    assert ask(uri) == (201, None, video)


def test_only_whole_quanta_are_kept_until_the_last_byte(begin, put):
    uri = begin(SIZE)

    assert put(uri, 0, QUANTUM + 99)[1]["Range"] == f"bytes=0-{QUANTUM - 1}"
    assert put(uri, QUANTUM, SIZE - 1)[0] == 201


def test_bytes_that_do_not_begin_where_the_upload_stands_are_not_kept(begin, put, control):
    uri = begin(SIZE)
    put(uri, 0, QUANTUM - 1)

    overlapping = put(uri, 0, 2 * QUANTUM - 1)
    skipping = put(uri, 2 * QUANTUM, SIZE - 1)

    assert (overlapping[0], overlapping[1]["Range"]) == (308, f"bytes=0-{QUANTUM - 1}")
    assert skipping[0] == 416
    assert skipping[2]["error"]["errors"][0]["reason"] == "requestedRangeNotSatisfiable"
    assert put(uri, QUANTUM, SIZE - 1)[0] == 201
    assert control.truth()["videos"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_one_put_without_a_range_is_the_whole(begin, send, control):
    assert send(begin(SIZE), "PUT", CONTENT)[0] == 201

    assert control.truth()["videos"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_size_may_be_told_with_the_last_chunk(send, sandbox, token):
    _, headers, _ = send(
        f"{sandbox.url}/upload/youtube/v3/videos?uploadType=resumable&part=id", "POST", {}, token=token
    )
    uri = headers["Location"]

    assert send(uri, "PUT", CONTENT[:QUANTUM], Content_Range=f"bytes 0-{QUANTUM - 1}/*")[0] == 308
    assert send(uri, "PUT", CONTENT[QUANTUM:], Content_Range=f"bytes {QUANTUM}-{SIZE - 1}/{SIZE}")[0] == 201


@pytest.mark.parametrize("content_range", ["bytes 0-5/10", "bytes 0-999/7", "items 0-999/1000", "bytes 999-0/1000"])
def test_a_range_that_does_not_fit_is_refused_and_nothing_is_kept(begin, send, ask, content_range):
    uri = begin(1000)

    assert send(uri, "PUT", CONTENT[:1000], Content_Range=content_range)[0] == 400
    assert ask(uri, 1000)[:2] == (308, None)


def test_bytes_that_came_before_the_line_broke_are_kept(begin, ask, control):
    uri = begin(SIZE)
    parts = urlsplit(uri)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {SIZE}\r\n\r\n"

    with socket.create_connection((parts.hostname, parts.port)) as line:
        line.sendall(head.encode() + CONTENT[: QUANTUM + 5000])
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""  # nobody answers a request that was never finished

    assert ask(uri)[:2] == (308, f"bytes=0-{QUANTUM - 1}")
    assert control.truth()["videos"] == []


def test_a_sparse_film_needs_no_room(begin, send, tmp_path, control):
    size = 16 * 4 * QUANTUM
    uri = begin(size + 1)

    assert send(uri, "PUT", bytes(size), Content_Range=f"bytes 0-{size - 1}/{size + 1}")[0] == 308
    (kept,) = (tmp_path / "sandbox" / "uploads").iterdir()
    assert kept.stat().st_size == size
    assert kept.stat().st_blocks * 512 < size / 4
    assert send(uri, "PUT", b"x", Content_Range=f"bytes {size}-{size}/{size + 1}")[0] == 201

    assert control.truth()["videos"][0]["sha256"] == hashlib.sha256(bytes(size) + b"x").hexdigest()


def test_a_journal_from_before_there_were_thumbnails_is_understood(tmp_path, wall, begin, put, ask, sandbox):
    uri = begin(SIZE)
    put(uri, 0, SIZE - 1)
    sandbox.stop()
    journal = tmp_path / "sandbox" / "journal.jsonl"
    text = journal.read_text(encoding="utf-8")
    assert '"method":"videos.insert",' in text
    old = text.replace('"method":"videos.insert",', "").replace('"made":', '"video_id":')
    journal.write_text(old, encoding="utf-8")

    with Sandbox(tmp_path / "sandbox", clock=wall):
        assert ask(uri)[0] == 201


def test_an_upload_that_hung_is_overtaken_by_the_next_put(begin, put, control):
    uri = begin(SIZE)
    parts = urlsplit(uri)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {SIZE}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as silent:
        silent.sendall(head.encode() + CONTENT[:100])

        assert put(uri, 0, QUANTUM - 1)[0] == 308
        assert put(uri, QUANTUM, SIZE - 1)[0] == 201
        silent.sendall(CONTENT[100:])
        silent.shutdown(socket.SHUT_WR)
        while silent.recv(65536):
            pass

    assert [video["sha256"] for video in control.truth()["videos"]] == [hashlib.sha256(CONTENT).hexdigest()]


def test_what_was_kept_is_there_after_a_restart_at_the_same_address(tmp_path, wall, begin, put, ask, sandbox):
    uri = begin(SIZE)
    put(uri, 0, QUANTUM - 1)
    sandbox.stop()

    with Sandbox(tmp_path / "sandbox", clock=wall) as again:
        assert ask(uri)[:2] == (308, f"bytes=0-{QUANTUM - 1}")
        assert put(uri, QUANTUM, SIZE - 1)[0] == 201
        (video,) = again.control.truth()["videos"]

    assert video["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert list((tmp_path / "sandbox" / "uploads").iterdir()) == []


def test_an_expired_session_is_gone(begin, put, ask, control):
    uri = begin(SIZE)
    put(uri, 0, QUANTUM - 1)

    control.expire_sessions()

    assert ask(uri)[0] == 404
    assert put(uri, QUANTUM, SIZE - 1)[0] == 404


def test_privacy_that_is_left_out_is_public_and_the_slug_names_the_file(begin, send, control):
    send(begin(5, {"snippet": {"title": "A"}}, part="snippet", Slug="caf%C3%A9%20%E2%98%95.mp4"), "PUT", b"12345")

    (video,) = control.truth()["videos"]
    assert (video["privacy"], video["file_name"]) == ("public", "café ☕.mp4")


def test_bytes_alone_are_a_video_too(sandbox, token, send, control):
    url = f"{sandbox.url}/upload/youtube/v3/videos?uploadType=media&part=snippet"

    status, _, video = send(url, "POST", CONTENT, token=token, Content_Type="video/mp4", Slug="walk.mp4")

    assert (status, video["snippet"]["title"]) == (200, "walk")
    assert control.truth()["videos"][0]["bytes"] == SIZE


def chunks(content, *sizes):
    """Write a body as HTTP does that does not know its length."""
    pieces, at = [], 0
    for size in (*sizes, len(content) - sum(sizes)):
        pieces.append(f"{size:x};note=a\r\n".encode() + content[at : at + size] + b"\r\n")
        at += size
    return b"".join(pieces) + b"0\r\nX-Trailer: is read over\r\n\r\n"


@pytest.fixture
def exchange(sandbox):
    """Say something on one line, and return the status lines and bodies that come back."""

    def exchange(*requests):
        parts = urlsplit(sandbox.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
            answers = []
            for head, body in requests:
                line.sendall(f"{head} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode() + body)
                answer = http.client.HTTPResponse(line)
                answer.begin()
                answers.append((answer.status, answer.read()))
            return answers

    return exchange


@pytest.mark.usefixtures("control")
def test_a_body_in_chunks_is_read_to_its_end_and_the_line_goes_on(exchange):
    body = json.dumps({"title": "Sports"}).encode()
    head = b"Transfer-Encoding: chunked\r\n\r\n"

    made, asked = exchange(
        ("POST /sandbox/channels", head + chunks(body, 1, 5)), ("GET /sandbox/status", b"Connection: close\r\n\r\n")
    )

    assert (made[0], asked[0]) == (200, 200)
    assert [row["title"] for row in json.loads(asked[1])["channels"]] == ["News", "Sports"]


def test_a_chunk_of_an_upload_may_come_in_chunks(begin, exchange, control):
    uri = begin(SIZE)
    target = urlsplit(uri)._replace(scheme="", netloc="").geturl()
    ranges = [(0, QUANTUM), (QUANTUM, SIZE)]

    answers = exchange(
        *(
            (
                f"PUT {target}",
                f"Transfer-Encoding: chunked\r\nContent-Range: bytes {first}-{end - 1}/{SIZE}\r\n\r\n".encode()
                + chunks(CONTENT[first:end], 1000, 70_000),
            )
            for first, end in ranges
        )
    )

    assert [status for status, _ in answers] == [308, 201]
    assert control.truth()["videos"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n1100000\r\n" + bytes((16 << 20) + 1), 413),
        (b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"\r\n", 411),
    ],
    ids=["too long", "unknown coding", "two lengths", "no length"],
)
def test_a_body_that_cannot_be_measured_is_refused(exchange, body, status):
    (answer,) = exchange(("POST /sandbox/channels", body))

    assert answer[0] == status


def test_chunks_that_make_no_sense_end_the_line(exchange):
    with pytest.raises(http.client.RemoteDisconnected):
        exchange(("POST /sandbox/channels", b"Transfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n"))


def test_bytes_are_kept_when_asked_for(tmp_path, wall):
    with Sandbox(tmp_path / "keeping", clock=wall, keep_bytes=True) as sandbox:
        sandbox.control.add_channel("News")
        sandbox.control.settings(accept_any_token="News")
        line = http.client.HTTPConnection(*urlsplit(sandbox.url).netloc.split(":"))
        url = "/upload/youtube/v3/videos?uploadType=media&part=id"
        line.request("POST", url, CONTENT, {"Authorization": "Bearer anything", "Content-Type": "video/mp4"})
        answer = line.getresponse()
        answer.read()
        line.close()
        (video,) = sandbox.control.truth()["videos"]

    assert (tmp_path / "keeping" / "videos" / video["id"]).read_bytes() == CONTENT
