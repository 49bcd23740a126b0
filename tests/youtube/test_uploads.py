"""The upload loop against servers that are honest, slow, forgetful, or lying."""

import itertools
import random
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_parts import examples

from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Moved
from ytpool.errors import FileChanged, UpstreamFailed, UsageWrong
from ytpool.youtube.uploads import CHUNK_UNIT

UNIT = CHUNK_UNIT
VIDEO = {"id": "v1", "status": {"uploadStatus": "uploaded"}}


class Session:
    """An honest upload session that keeps only a part of each chunk, as `keeps` says."""

    def __init__(self, google, size, keeps=lambda sent: sent):
        self.google, self.size, self.keeps = google, size, keeps
        self.content = bytearray()
        self.ranges = []

    def __call__(self, request):
        self.ranges.append(request.headers["content-range"])
        chunk = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", self.ranges[-1])
        if chunk is not None:
            first, last, total = map(int, chunk.groups())
            assert (first, total, len(request.body)) == (len(self.content), self.size, last - first + 1)
            self.content += request.body[: self.keeps(len(request.body))]
        if len(self.content) == self.size:
            return self.google.reply(201, VIDEO)
        kept = {"Range": f"bytes=0-{len(self.content) - 1}"} if self.content else {}
        return self.google.reply(308, b"", **kept)


def file_of(size):
    return random.Random(size).randbytes(size)


def send(youtube, google, content, *, token=None, offset=0, chunk_size=UNIT, **more):
    return youtube.send(
        Secret(f"{google.url}session?upload_id=1"),
        token=token or (lambda: Secret("t")),
        read=lambda start, length: memoryview(content)[start : start + length],
        size=len(content),
        offset=offset,
        chunk_size=chunk_size,
        **more,
    )


def test_a_file_arrives_chunk_by_chunk_and_each_is_told(google, youtube):
    content = file_of(2 * UNIT + 100)
    google.handle = session = Session(google, len(content))

    events = list(send(youtube, google, content))

    assert events == [Kept(offset=UNIT), Kept(offset=2 * UNIT), Finished(video=VIDEO)]
    assert session.content == content
    assert session.ranges == [
        f"bytes 0-{UNIT - 1}/{len(content)}",
        f"bytes {UNIT}-{2 * UNIT - 1}/{len(content)}",
        f"bytes {2 * UNIT}-{len(content) - 1}/{len(content)}",
    ]


def test_nothing_is_sent_before_the_event_before_it_was_taken(google, youtube):
    content = file_of(3 * UNIT)
    google.handle = Session(google, len(content))

    events = send(youtube, google, content)
    assert google.requests == []

    next(events)
    assert len(google.requests) == 1


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 4 * UNIT), chunks=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_whatever_a_server_keeps_of_each_chunk_the_file_arrives_byte_for_byte(google, youtube, size, chunks, seed):
    content, rng = file_of(size), random.Random(seed)
    google.handle = session = Session(google, size, lambda sent: rng.choice([sent, rng.randint(1, sent)]))

    *steps, last = send(youtube, google, content, chunk_size=chunks * UNIT)

    assert last == Finished(video=VIDEO)
    assert session.content == content
    assert [step.offset for step in steps] == sorted({step.offset for step in steps})


def test_a_chunk_of_which_nothing_was_kept_is_sent_again_but_not_for_ever(google, youtube):
    google.handle = lambda _: google.reply(308, b"")
    steps = []

    with pytest.raises(UpstreamFailed) as failed:
        steps.extend(send(youtube, google, file_of(UNIT + 1)))

    assert failed.value.reason == "noProgress"
    assert len(google.requests) == 8
    assert {request.headers["content-range"] for request in google.requests} == {f"bytes 0-{UNIT - 1}/{UNIT + 1}"}


@pytest.mark.parametrize(
    ("offset", "kept"),
    [(0, f"bytes=0-{UNIT}"), (UNIT, None), (UNIT, "bytes=0-99"), (UNIT, f"bytes=0-{3 * UNIT}")],
)
def test_a_range_of_what_was_never_sent_or_was_forgotten_ends_the_sending(google, youtube, offset, kept):
    google.answers(google.reply(308, b"", **({"Range": kept} if kept else {})))

    with pytest.raises(UpstreamFailed) as failed:
        next(send(youtube, google, file_of(3 * UNIT), offset=offset))

    assert (failed.value.reason, failed.value.http_status, failed.value.operation) == ("rangeLie", 308, "upload.chunk")


@pytest.mark.parametrize("kept", ["bytes=5-10", "bytes=0-", "0-10", "bytes=0-1,3-4"])
def test_a_range_that_cannot_be_read_is_not_guessed(google, youtube, kept):
    google.answers(google.reply(308, b"", Range=kept), google.reply(308, b"", Range=kept))
    session = Secret(f"{google.url}session")

    with pytest.raises(UpstreamFailed) as failed:
        next(send(youtube, google, file_of(3 * UNIT)))
    assert failed.value.reason == "malformedAnswer"

    with pytest.raises(UpstreamFailed):
        youtube.ask(session, Secret("t"), 3 * UNIT)


def test_a_session_that_moves_is_followed_and_told_first(google, youtube):
    content = file_of(2 * UNIT)
    google.answers(
        google.reply(308, b"", Range=f"bytes=0-{UNIT - 1}", Location="/moved?upload_id=2"), google.reply(200, VIDEO)
    )

    events = list(send(youtube, google, content))

    moved = Secret(f"{google.url}moved?upload_id=2")
    assert events == [Moved(session=moved), Kept(offset=UNIT), Finished(video=VIDEO)]
    assert urlsplit(google.requests[1].target).path == "/moved"


def test_a_session_that_moves_after_its_last_byte_is_asked_at_its_new_address(google, youtube):
    google.answers(
        google.reply(308, b"", Range="bytes=0-9", Location="/moved", Retry_After="7"),
        google.reply(308, b"", Range="bytes=0-9", Location="/moved"),
        google.reply(200, VIDEO),
    )

    events = list(send(youtube, google, bytes(10)))

    moved = Moved(session=Secret(f"{google.url}moved"))
    assert events == [moved, Kept(offset=10, retry_after=7.0), Kept(offset=10), Finished(video=VIDEO)]
    assert [urlsplit(request.target).path for request in google.requests] == ["/session", "/moved", "/moved"]
    assert [request.headers["content-range"] for request in google.requests[1:]] == ["bytes */10"] * 2


def test_a_session_that_moved_stays_moved_when_the_next_chunk_is_lost(google, youtube, token):
    content = file_of(3 * UNIT)
    google.answers(google.reply(308, b"", Range=f"bytes=0-{UNIT - 1}", Location="/moved"), google.hang_up)
    events = send(youtube, google, content)
    moved, _ = next(events), next(events)

    with pytest.raises(UpstreamFailed):
        next(events)
    google.answers(google.reply(308, b"", Range=f"bytes=0-{UNIT - 1}"))

    assert youtube.ask(moved.session, token, len(content)) == Kept(offset=UNIT)
    assert [urlsplit(request.target).path for request in google.requests] == ["/session", "/moved", "/moved"]


@pytest.mark.parametrize(("asked", "seconds"), [("3", 3.0), ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0), ("soon", None)])
def test_a_pause_that_a_session_asks_for_is_told_with_what_it_has_or_what_it_refuses(google, youtube, asked, seconds):
    google.answers(
        google.reply(308, b"", Range=f"bytes=0-{UNIT - 1}", Retry_After=asked),
        google.reply(503, b"", Retry_After=asked),
    )
    events = send(youtube, google, file_of(3 * UNIT))

    assert next(events) == Kept(offset=UNIT, retry_after=seconds)
    with pytest.raises(UpstreamFailed) as failed:
        next(events)
    assert (failed.value.http_status, failed.value.retry_after) == (503, seconds)


def test_a_server_that_had_all_and_then_forgets_some_is_caught_lying(google, youtube):
    google.answers(google.reply(308, b"", Range="bytes=0-9"), google.reply(308, b"", Range="bytes=0-4"))
    events = send(youtube, google, bytes(10))
    next(events)

    with pytest.raises(UpstreamFailed, match="confirmed 10 bytes") as failed:
        next(events)

    assert (failed.value.reason, failed.value.operation) == ("rangeLie", "upload.query")


def test_a_limit_lets_a_chunk_leave_in_pieces_and_changes_nothing_of_it(google, youtube):
    content = file_of(2 * UNIT + 100)
    google.handle = session = Session(google, len(content))
    told, asked = [], []

    def pace(wanted):
        asked.append(wanted)
        return min(wanted, 50_000)

    *_, last = send(youtube, google, content, progress=told.append, pace=pace)

    assert last == Finished(video=VIDEO)
    assert session.content == content
    assert len(asked) == 2 * -(-UNIT // 50_000) + 1
    assert max(right - left for left, right in itertools.pairwise(told)) == 50_000


def test_a_session_does_not_move_to_where_a_token_must_not_go(google, youtube):
    google.answers(google.reply(308, b"", Location="http://youtube.example/s"))

    with pytest.raises(UpstreamFailed) as failed:
        next(send(youtube, google, file_of(2 * UNIT)))

    assert failed.value.reason == "malformedAnswer"


def test_a_final_answer_that_was_lost_is_given_again_when_asked_for(google, youtube, token):
    content = file_of(UNIT + 5)
    google.answers(google.reply(308, b"", Range=f"bytes=0-{UNIT - 1}"), google.hang_up, google.reply(201, VIDEO))
    events = send(youtube, google, content)
    next(events)

    with pytest.raises(UpstreamFailed) as failed:
        next(events)

    assert (failed.value.operation, failed.value.sent, failed.value.answered) == ("upload.final", True, False)
    session = Secret(f"{google.url}session?upload_id=1")
    assert youtube.ask(session, token, len(content)) == Finished(video=VIDEO)
    asked = google.requests[-1]
    assert (asked.method, asked.headers["content-range"]) == ("PUT", f"bytes */{len(content)}")
    assert asked.headers["content-length"] == "0"


def test_a_session_tells_how_far_it_is(google, youtube, token):
    google.answers(
        google.reply(308, b""),
        google.reply(308, b"", Range="bytes=0-99", Retry_After="3"),
        google.reply(308, b"", Range="bytes=0-999", Location="/new"),
        google.reply(308, b"", Range="bytes=0-1000"),
    )
    session = Secret(f"{google.url}session")

    assert youtube.ask(session, token, 1000) == Kept(offset=0)
    assert youtube.ask(session, token, 1000) == Kept(offset=100, retry_after=3.0)
    assert youtube.ask(session, token, 1000) == Kept(offset=1000, moved_to=Secret(f"{google.url}new"))
    with pytest.raises(UpstreamFailed) as failed:
        youtube.ask(session, token, 1000)
    assert (failed.value.reason, failed.value.operation) == ("rangeLie", "upload.query")


def test_a_server_that_has_all_but_is_not_finished_is_asked_again_a_few_times(google, youtube):
    all_there = google.reply(308, b"", Range="bytes=0-9")
    google.answers(all_there, all_there, google.reply(200, VIDEO))

    assert list(send(youtube, google, bytes(10))) == [Kept(offset=10), Kept(offset=10), Finished(video=VIDEO)]
    assert [request.headers["content-range"] for request in google.requests] == [
        "bytes 0-9/10",
        "bytes */10",
        "bytes */10",
    ]

    google.handle = lambda _: all_there
    with pytest.raises(UpstreamFailed) as failed:
        list(send(youtube, google, bytes(10)))
    assert failed.value.reason == "noProgress"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
def test_an_error_ends_the_sending_and_says_which_step_met_it(google, youtube, status):
    google.answers(google.reply(status, b"<html>no</html>"), google.reply(status, b""))

    with pytest.raises(UpstreamFailed) as failed:
        next(send(youtube, google, file_of(2 * UNIT)))
    assert (failed.value.http_status, failed.value.operation) == (status, "upload.chunk")

    with pytest.raises(UpstreamFailed) as failed:
        next(send(youtube, google, file_of(10)))
    assert (failed.value.http_status, failed.value.operation) == (status, "upload.final")


@pytest.mark.parametrize("body", [b"", b"<html>", {"kind": "youtube#video"}, {"id": 7}])
def test_an_end_without_a_video_is_not_taken_for_one(google, youtube, body):
    google.answers(google.reply(200, body))

    with pytest.raises(UpstreamFailed) as failed:
        list(send(youtube, google, bytes(10)))

    assert (failed.value.http_status, failed.value.reason) == (200, "malformedAnswer")
    assert failed.value.operation == "upload.final"


def test_each_request_carries_the_token_of_its_moment(google, youtube):
    content = file_of(3 * UNIT)
    google.handle = Session(google, len(content))
    tokens = iter(["first", "second", "third"])

    list(send(youtube, google, content, token=lambda: Secret(next(tokens))))

    assert [request.headers["authorization"] for request in google.requests] == [
        "Bearer first",
        "Bearer second",
        "Bearer third",
    ]


def test_progress_moves_within_a_chunk_and_ends_at_its_end(google, youtube):
    content = file_of(8 * UNIT)
    google.handle = Session(google, len(content))
    told = []

    list(send(youtube, google, content, chunk_size=8 * UNIT, progress=told.append))

    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(content))
    assert len(set(told)) > 4


def test_a_file_that_became_shorter_is_noticed_before_it_is_sent(google, youtube):
    events = youtube.send(
        Secret(f"{google.url}session"),
        token=lambda: Secret("t"),
        read=lambda _, length: bytes(length - 1),
        size=UNIT,
        offset=0,
        chunk_size=UNIT,
    )

    with pytest.raises(FileChanged):
        next(events)

    assert google.requests == []


def test_chunks_are_multiples_of_what_google_wants(google, youtube):
    for chunk_size in (0, UNIT - 1, UNIT + 1):
        with pytest.raises(UsageWrong):
            next(send(youtube, google, bytes(10), chunk_size=chunk_size))
