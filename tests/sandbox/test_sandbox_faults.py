"""Faults by script, seen from the other end of the line."""

import http.client
import json
import time
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest

from ytpool.errors import UnknownName, UsageWrong
from ytpool.sandbox import bodies
from ytpool.sandbox.server import Sandbox

QUANTUM = 256 * 1024
ALL = "https://www.googleapis.com/auth/youtube.force-ssl"


@pytest.fixture
def mine(sandbox):
    return f"{sandbox.url}/youtube/v3/channels?part=id&mine=true"


def spent(control, bucket="general"):
    return next(iter(control.truth()["projects"][0]["units"].values()), {}).get(bucket, 0)


def test_a_fault_lets_some_pass_strikes_so_often_and_is_spent(control, send, mine, token):
    control.add_fault(method="channels.list", kind="error", error="backendError", skip=1, times=2, retry_after=7)

    answers = [send(mine, token=token) for _ in range(4)]

    assert [status for status, _, _ in answers] == [200, 503, 503, 200]
    assert answers[1][1]["Retry-After"] == "7"
    assert [(rule["seen"], rule["done"]) for rule in control.faults()] == [(3, 2)]
    assert control.truth()["calls"]["channels.list"] == 4
    assert control.truth()["refused"] == []


def test_one_fault_is_forgotten_and_the_others_stay(control, send, mine, token):
    gone, stays = (
        control.add_fault(method="channels.list", kind="error", error=error) for error in ("forbidden", "backendError")
    )

    control.clear_faults([gone])

    assert [rule["fault_id"] for rule in control.faults()] == [stays]
    assert send(mine, token=token)[0] == 503


def test_a_fault_strikes_only_the_channel_and_project_it_names(control, send, mine, token):
    control.add_channel("Sports")
    control.add_project("other")
    elsewhere = control.grant("other", "Sports", [ALL])["access_token"]
    control.add_fault(method="channels.list", kind="error", error="forbidden", channel="Sports", project="other")

    assert send(mine, token=token)[0] == 200
    assert send(mine, token=elsewhere)[0] == 403


@pytest.mark.parametrize(
    ("fault", "units"),
    [
        ({"error": "backendError"}, 0),
        ({"error": "backendError", "charge": True}, 1),
        ({"error": "authError"}, 0),
        ({"error": "insufficientPermissions"}, 0),
        ({"error": "accessNotConfigured"}, 0),
        ({"error": "quotaExceeded"}, 0),
        ({"error": "rateLimitExceeded.per_minute"}, 0),
        ({"error": "forbidden"}, 1),
        ({"error": "forbidden", "charge": False}, 0),
        ({"error": "channelNotFound"}, 1),
    ],
)
def test_what_a_refused_call_costs(control, send, mine, token, fault, units):
    control.add_fault(method="channels.list", kind="error", **fault)

    assert send(mine, token=token)[0] >= 400

    assert spent(control) == units


@pytest.mark.parametrize("name", bodies.NAMES)
def test_every_error_can_be_played_and_names_itself(name):
    scene = bodies.Scene(method="videos.insert", project="123456789012", bucket="uploads", limit=100)

    refused = bodies.named(name, scene)

    kind = refused.answer.status
    assert 400 <= kind < 600
    error = refused.answer.body["error"]
    if isinstance(error, dict):
        assert error["code"] == kind
        assert error["errors"][0]["reason"] == refused.reason


def test_a_login_can_fail_in_googles_words(control, sandbox, send):
    client = control.add_project("demo")["installed"]
    grant = control.grant("demo", "News", [ALL])
    form = urlencode(
        {
            "grant_type": "refresh_token",
            "refresh_token": grant["refresh_token"],
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
    )
    for error in ("invalid_rapt", "deleted_client", "internalError"):
        control.add_fault(method="token", kind="error", error=error, channel="News")

    answers = [send(f"{sandbox.url}/token", "POST", form) for _ in range(4)]

    assert [answer[0] for answer in answers] == [400, 401, 500, 200]
    assert answers[0][2]["error_subtype"] == "invalid_rapt"
    assert answers[1][2]["error"] == "deleted_client"
    assert answers[2][1]["Content-Type"].startswith("text/html")


def test_a_chunk_refused_with_503_may_have_been_kept_in_part(begin, control, send):
    uri = begin(3 * QUANTUM)
    control.add_fault(method="upload.chunk", kind="error", error="backendError", at=QUANTUM + 10)

    assert send(uri, "PUT", bytes(3 * QUANTUM))[0] == 503

    status, headers, _ = send(uri, "PUT", b"", Content_Range=f"bytes */{3 * QUANTUM}")
    assert (status, headers["Range"]) == (308, f"bytes=0-{QUANTUM - 1}")


def test_a_lost_answer_has_done_its_work(begin, control, send):
    uri = begin(1000)
    control.add_fault(method="upload.final", kind="lose_answer")

    with pytest.raises(http.client.RemoteDisconnected):
        send(uri, "PUT", bytes(1000))

    assert len(control.truth()["videos"]) == 1
    assert send(uri, "PUT", b"", Content_Range="bytes */1000")[0] == 201


def ask(send, uri, size):
    """Ask a session how much it has: status and Range."""
    status, headers, _ = send(uri, "PUT", b"", Content_Range=f"bytes */{size}")
    return status, headers["Range"]


def put(send, uri, first, end, size):
    return send(uri, "PUT", bytes(end - first), Content_Range=f"bytes {first}-{end - 1}/{size}")


def test_an_answer_may_claim_bytes_that_were_not_kept(begin, control, send):
    size = 3 * QUANTUM
    uri = begin(size)
    control.add_fault(method="upload.chunk", kind="forget", at=QUANTUM)

    claimed = put(send, uri, 0, 2 * QUANTUM, size)

    assert (claimed[0], claimed[1]["Range"]) == (308, f"bytes=0-{2 * QUANTUM - 1}")
    assert ask(send, uri, size) == (308, f"bytes=0-{QUANTUM - 1}")
    assert put(send, uri, 2 * QUANTUM, size, size)[0] == 416
    assert put(send, uri, QUANTUM, size, size)[0] == 201


def test_even_the_last_bytes_may_be_forgotten(begin, control, send):
    uri = begin(1000)
    control.add_fault(method="upload.final", kind="forget")

    claimed = put(send, uri, 0, 1000, 1000)

    assert (claimed[0], claimed[1]["Range"]) == (308, "bytes=0-999")
    assert ask(send, uri, 1000) == (308, None)
    assert control.truth()["videos"] == []


def test_an_answer_may_claim_bytes_that_were_never_sent(begin, control, send):
    size = 3 * QUANTUM
    uri = begin(size)
    control.add_fault(method="upload.chunk", kind="boast", at=QUANTUM)

    assert put(send, uri, 0, QUANTUM, size)[1]["Range"] == f"bytes=0-{2 * QUANTUM - 1}"
    assert ask(send, uri, size) == (308, f"bytes=0-{QUANTUM - 1}")


def test_an_upload_may_move_to_another_address(begin, control, send):
    size = 3 * QUANTUM
    uri = begin(size)
    control.add_fault(method="upload.chunk", kind="move", retry_after=3)

    status, headers, _ = put(send, uri, 0, QUANTUM, size)

    moved = headers["Location"]
    assert (status, headers["Range"], headers["Retry-After"]) == (308, f"bytes=0-{QUANTUM - 1}", "3")
    assert ask(send, uri, size)[0] == 404
    assert ask(send, moved, size) == (308, f"bytes=0-{QUANTUM - 1}")
    assert put(send, moved, QUANTUM, size, size)[0] == 201
    assert sum(control.truth()["upload_sessions"].values()) == 1


def test_an_upload_that_moved_is_there_after_a_restart(tmp_path, wall, begin, control, send, sandbox):
    uri = begin(2 * QUANTUM)
    control.add_fault(method="upload.chunk", kind="move")
    moved = put(send, uri, 0, QUANTUM, 2 * QUANTUM)[1]["Location"]
    sandbox.stop()

    with Sandbox(tmp_path / "sandbox", clock=wall):
        assert ask(send, moved, 2 * QUANTUM) == (308, f"bytes=0-{QUANTUM - 1}")


def test_a_308_may_ask_to_wait(begin, control, send):
    uri = begin(2 * QUANTUM)
    control.add_fault(method="upload.chunk", kind="wait", retry_after=5)

    status, headers, _ = put(send, uri, 0, QUANTUM, 2 * QUANTUM)

    assert (status, headers["Range"], headers["Retry-After"]) == (308, f"bytes=0-{QUANTUM - 1}", "5")


@pytest.mark.parametrize(
    ("rule", "expected"), [({"at": QUANTUM}, 404), ({"at": QUANTUM, "status": 410}, 410), ({"at": 1 << 30}, 404)]
)
def test_a_session_may_end_in_the_middle_and_even_with_its_last_byte(begin, control, send, rule, expected):
    uri = begin(2 * QUANTUM)
    control.add_fault(method="upload.chunk", kind="expire", **rule)

    assert put(send, uri, 0, 2 * QUANTUM, 2 * QUANTUM)[0] == expected

    assert ask(send, uri, 2 * QUANTUM)[0] == 404
    assert control.truth()["videos"] == []


def test_sessions_may_live_shorter(begin, control, send):
    control.settings(session_lives_for=3600)
    uri = begin(1000)
    control.clock(forward=timedelta(minutes=59))
    assert ask(send, uri, 1000)[0] == 308

    control.clock(forward=timedelta(minutes=1))

    assert ask(send, uri, 1000)[0] == 404


def test_faults_of_videos_leave_thumbnails_and_captions_alone(begin, control, send, sandbox, token):
    _, _, video = send(begin(1), "PUT", b"x")
    control.add_fault(method="upload.final", kind="lose_answer")
    control.add_fault(method="media.final", kind="error", error="backendError")
    track = {"snippet": {"videoId": video["id"], "language": "de", "name": ""}}
    url = f"{sandbox.url}/upload/youtube/v3/captions?uploadType=resumable&part=snippet"
    uri = send(url, "POST", track, token=token, X_Upload_Content_Length="6")[1]["Location"]

    assert [send(uri, "PUT", b"WEBVTT")[0] for _ in range(2)] == [503, 200]
    assert [rule["done"] for rule in control.faults()] == [0, 1]


@pytest.mark.parametrize(("fault", "units"), [({}, 0), ({"charge": True}, 1)])
def test_a_closed_line_has_not_done_its_work(control, send, mine, token, fault, units):
    control.add_fault(method="channels.list", kind="close", **fault)

    with pytest.raises(http.client.RemoteDisconnected):
        send(mine, token=token)

    assert spent(control) == units


def test_a_cut_resets_the_line_in_the_middle_of_a_body(begin, control, send):
    uri = begin(3 * QUANTUM)
    control.add_fault(method="upload.final", kind="cut", at=2 * QUANTUM)

    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send(uri, "PUT", bytes(3 * QUANTUM))

    status, headers, _ = send(uri, "PUT", b"", Content_Range=f"bytes */{3 * QUANTUM}")
    assert (status, headers["Range"]) == (308, f"bytes=0-{2 * QUANTUM - 1}")


def test_a_cut_may_hit_a_session_start_which_then_never_was(sandbox, control, send, token):
    control.add_fault(method="videos.insert", kind="cut", at=5)
    url = f"{sandbox.url}/upload/youtube/v3/videos?uploadType=resumable&part=snippet"

    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send(url, "POST", {"snippet": {"title": "A"}}, token=token)

    assert control.truth()["upload_sessions"] == {}


def test_a_slow_answer_takes_its_time(control, send, mine, token):
    control.add_fault(method="channels.list", kind="slow", seconds=0.3)

    began = time.monotonic()
    assert send(mine, token=token)[0] == 200

    assert time.monotonic() - began >= 0.3


def test_a_slow_upload_takes_its_time(begin, control, send):
    uri = begin(200_000)
    control.add_fault(method="upload.chunk", kind="slow", bytes_per_second=500_000)

    began = time.monotonic()
    assert send(uri, "PUT", bytes(200_000))[0] == 201

    assert time.monotonic() - began >= 0.4


def test_faults_and_their_counts_outlive_the_process(tmp_path, wall, control, send, mine, token, sandbox):
    control.add_fault(method="channels.list", kind="error", error="backendError", times=2)
    send(mine, token=token)
    sandbox.stop()

    with Sandbox(tmp_path / "sandbox", clock=wall) as again:
        assert [(rule["seen"], rule["done"]) for rule in again.control.faults()] == [(1, 1)]
        assert send(mine, token=token)[0] == 503
        again.control.clear_faults()
        assert again.control.faults() == []


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "videos.fly", "kind": "close"},
        {"method": "token", "kind": "explode"},
        {"method": "token", "kind": "error"},
        {"method": "token", "kind": "error", "error": "outOfCheese"},
        {"method": "token", "kind": "close", "times": "often"},
        {"method": "token", "kind": "close", "colour": "red"},
        {"method": "videos.insert", "kind": "move"},
        {"method": "upload.chunk", "kind": "wait"},
        {"method": "listing", "kind": "close"},
        {"method": "listing", "kind": "error", "error": "codec"},
        {"method": "processing", "kind": "error", "error": "backendError"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(control, rule):
    with pytest.raises(UsageWrong):
        control.add_fault(**rule)
    assert control.faults() == []


def test_a_fault_for_nobody_is_refused(control):
    with pytest.raises(UnknownName, match="Nowhere"):
        control.add_fault(method="token", kind="close", channel="Nowhere")


def test_a_page_in_a_browser_cannot_reach_the_desk(sandbox, control, send):
    fault = json.dumps({})

    assert send(f"{sandbox.url}/sandbox/reset", "POST", fault, Origin="http://evil.example")[0] == 403
    assert send(f"{sandbox.url}/sandbox/status", Host="evil.example:" + str(urlsplit(sandbox.url).port))[0] == 403
    assert send(f"{sandbox.url}/sandbox/reset")[0] == 404  # only asking is done with GET
    assert [channel["title"] for channel in control.status()["channels"]] == ["News"]
