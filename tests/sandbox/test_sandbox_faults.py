"""Faults by script, seen from the other end of the line."""

import http.client
import json
import time
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
