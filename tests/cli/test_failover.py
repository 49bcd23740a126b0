"""What Google's answers mean, row by row of the matrix, from the outside: who took over, what rests until when, and
what the operator saw.

Rows that are stories elsewhere are not told again here:

- uploadLimitExceeded, invalid_grant, bad metadata: test_upload; thumbnails a day: actions/test_steps.
- per minute at a step, a lost answer on any other insert, duplicates and what is there already: actions/test_steps.
- 401 in the middle of an upload, a chunk that breaks, a job that stays where its bytes are: test_upload_resumes.
- a possibly charged session start booked as unknown: test_upload_resumes; unknown outcomes: test_reconcile.
- the wait for the named time: test_waiting; a rest that is listed and lifted, and 5xx on one account: test_rests.
"""

import json
import os
import sqlite3
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from newsroom import assert_books_agree, ended, start
from waiting import wait_until

from ytpool.domain import quota


class Told(NamedTuple):
    """How a command ended."""

    status: int
    data: Any
    error: Any


@pytest.fixture
def run(ytpool):
    """A command as a script runs it."""

    def command(*words):
        status, out, _ = ytpool(*words, "--json")
        told = json.loads(out.splitlines()[-1])
        return Told(status, told["data"], told["error"])

    return command


@pytest.fixture
def agencies(sandbox, ytpool):
    """`news` and `weather` of one project, then `culture` of another, in one pool that says why."""
    for name, project, priority in (("weather", "press", 15), ("culture", "agency", 30)):
        login = ("auth", "import", name, "--client-secrets", sandbox.secrets_file(project))
        assert ytpool(*login, "--token", sandbox.token_file(name, project), "--priority", priority)[0] == 0
    changes = ("--add", "weather", "--add", "culture", "--remove", "sports")
    across = ("--across-projects", "--reason", "two agencies, each with its own contract")
    assert ytpool("pools", "set", "main", *changes, *across)[0] == 0
    return sandbox


@pytest.fixture
def resting(run):
    """What rests, each with the moment of its end; a moment that no clock brings is None."""

    def listed(*flags):
        found = run("rests", "list", *flags).data["rests"]
        ends = [None if one["until"] is None else datetime.fromisoformat(one["until"]) for one in found]
        return {(one["scope"], one["title"], one["bucket"]): end for one, end in zip(found, ends, strict=True)}

    return listed


def midnight(sandbox):
    return quota.resets_at(quota.quota_day(sandbox.control.clock()))


@pytest.mark.parametrize(
    ("method", "error", "taken_by", "rests", "by_itself", "said"),
    [
        ("videos.insert", "quotaExceeded", "culture", "project press uploads", True, "used up today's quota"),
        ("videos.insert", "dailyLimitExceeded", "culture", "project press uploads", True, "Daily Limit Exceeded"),
        ("videos.insert", "rateLimitExceeded.per_day", "culture", "project press uploads", True, "per day"),
        ("videos.insert", "accessNotConfigured", "culture", "project press", False, "enable it in Google's console"),
        ("token", "invalid_client", "culture", "project press", False, "does not accept the project's OAuth client"),
        ("token", "deleted_client", "culture", "project press", False, "The OAuth client was deleted"),
        ("token", "unauthorized_client", "culture", "project press", False, "does not accept the project's OAuth"),
        ("videos.insert", "authenticatedUserAccountSuspended", "weather", "account news", False, "closed or suspended"),
        ("videos.insert", "channelClosed", "weather", "account news", False, "look at it in Studio"),
        ("videos.insert", "youtubeSignupRequired", "weather", "account news", False, "has no YouTube channel"),
    ],
)
def test_who_takes_over_and_what_rests_until_when(
    ytpool, agencies, run, resting, video, method, error, taken_by, rests, by_itself, said
):
    if method == "token":
        agencies.channel("news").expire_token()
    agencies.channel("news").fail(method, error)

    status, out, err = ytpool("upload", video, "--pool", "main")

    assert (status, f"\t{taken_by}\t" in out) == (0, True)
    assert "goes to channel news" in err
    assert said in err
    assert [video["channel_id"] for video in agencies.truth()["videos"]] == [agencies.channel(taken_by).channel_id]
    scope, name, bucket = f"{rests} ".split(" ", 2)
    assert resting() == {(scope, name, bucket.strip()): midnight(agencies) if by_itself else None}
    [row] = [one for one in run("health").data["checks"] if one["check"] == f"rest {scope} {name}"]
    assert ("ends by itself" in row["fix"]) is by_itself
    assert_books_agree(ytpool, agencies)


@pytest.mark.parametrize(
    ("method", "error", "times", "said"),
    [
        ("token", "invalid_rapt", 1, "invalid_rapt"),
        ("token", "admin_policy_enforced", 1, "admin_policy_enforced"),
        ("videos.insert", "authError", 2, "a fresh token was refused as well"),
    ],
)
def test_a_login_that_is_over_hands_over_and_is_a_persons_turn(
    ytpool, agencies, run, resting, video, method, error, times, said
):
    if method == "token":
        agencies.channel("news").expire_token()
    agencies.channel("news").fail(method, error, times=times)

    assert ytpool("upload", video, "--pool", "main")[0] == 0

    assert [len(agencies.videos_on(name)) for name in ("news", "weather")] == [0, 1]
    assert resting() == {}
    [todo] = run("todo").data["items"]
    assert (todo["kind"], todo["command"]) == ("login_needed", "ytpool auth add news")
    assert said in todo["message"]
    assert_books_agree(ytpool, agencies)


@pytest.mark.parametrize(
    ("error", "rests"),
    [
        ("rateLimitExceeded.per_minute", ("project", "press", "")),
        ("rateLimitExceeded.per_minute_per_user", ("account", "news", "")),
    ],
)
def test_too_many_calls_in_a_minute_are_waited_for_on_the_same_account(ytpool, sandbox, resting, video, error, rests):
    sandbox.channel("news").fail("videos.insert", error, retry_after=1)

    status, out, err = ytpool("upload", video, "--account", "news")

    assert (status, "\tnews\t" in out) == (0, True)
    assert "faster than Google allows per minute" in err
    assert resting() == {}
    assert [*resting("--all")] == [rests]
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize("kind", ["close", "lose_answer"])
def test_an_account_that_gets_no_answer_is_asked_again_and_then_another(
    ytpool, sandbox, resting, video, monkeypatch, kind
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    sandbox.channel("news").spoil("videos.insert", kind, times=2)

    status, out, err = ytpool("upload", video, "--pool", "main")

    assert (status, "\tsports\t" in out) == (0, True)
    assert "goes again after a pause" in err
    assert [*resting()] == [("account", "news", "")]
    assert sandbox.calls("videos.insert") == 3
    assert_books_agree(ytpool, sandbox)


def test_where_everybody_fails_the_service_is_to_blame_and_is_tried_out_when_it_has_rested(
    ytpool, sandbox, run, resting, video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "300")
    scores = [one["success_rate"] for one in run("accounts", "list").data["accounts"]]
    for name in ("news", "sports"):
        sandbox.channel(name).fail("videos.insert", "backendError", times=3)

    status, _, error = run("upload", video, "--pool", "main")

    assert (status, error["code"]) == (5, "resting")
    assert "failures in a row of 2 accounts, the last: backendError" in error["message"]
    [(what, until)] = resting().items()
    assert what == ("service", "youtube", "")
    assert timedelta(minutes=4) < until - sandbox.control.clock() < timedelta(minutes=8)
    assert datetime.fromisoformat(error["details"]["until"]) == until
    assert [one["success_rate"] for one in run("accounts", "list").data["accounts"]] == scores
    called = sandbox.calls("videos.insert")
    assert run("upload", video, "--pool", "main").status == 5
    assert sandbox.calls("videos.insert") == called

    sandbox.control.clear_faults()
    sandbox.control.clock(forward=timedelta(minutes=10))
    assert run("refresh-tokens", "--force").status == 0  # any answer tells the time
    assert run("upload", video, "--pool", "main").status == 0
    assert resting("--all") == {}
    assert_books_agree(ytpool, sandbox)


def test_bytes_wait_for_the_end_of_a_breakers_rest_and_stay_on_their_channel(
    ytpool, sandbox, run, resting, video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "300")
    for part in ("upload.final", "upload.query"):
        sandbox.channel("news").fail(part, "backendError")

    status, told, error = run("upload", video, "--pool", "main")

    assert (status, error["code"], told["state"]) == (5, "resting", "deferred")
    assert "account news rests: 2 failures in a row, the last: backendError" in error["message"]
    assert [*resting().items()] == [(("account", "news", ""), datetime.fromisoformat(error["details"]["until"]))]
    assert run("rests", "lift", "account", "news").status == 0
    assert run("upload", "--resume").data["resumed"] is True
    assert (sandbox.calls("videos.insert"), len(sandbox.videos_on("news"))) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_reading_that_gets_no_answer_says_when_it_goes_on(ytpool, sandbox, run, resting, video, monkeypatch):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "3")
    video_id = run("upload", video, "--account", "news").data["video_id"]
    sandbox.channel("news").fail("videos.list", "backendError", times=3)

    status, _, error = run("video", "show", video_id)

    assert (status, error["code"]) == (5, "resting")
    assert [*resting().values()] == [datetime.fromisoformat(error["details"]["until"])]
    assert_books_agree(ytpool, sandbox)


def test_a_login_service_in_trouble_stops_only_those_whose_tokens_are_over(
    ytpool, sandbox, run, resting, make_video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    for name in ("news", "sports"):
        sandbox.channel(name).fail("token", "backendError", times=9)

    assert run("refresh-tokens", "--force").status != 0

    assert [*resting()] == [("service", "oauth", "")]
    assert run("upload", make_video("a.mp4", 1000), "--pool", "main").status == 0
    asked = sandbox.truth()["calls"]["token"]
    later = run("refresh-tokens", "--force")
    assert later.status == 5
    assert {one["error"]["code"] for one in later.data["accounts"]} == {"resting"}
    assert sandbox.truth()["calls"]["token"] == asked
    assert {one["state"] for one in run("accounts", "list").data["accounts"]} == {"active"}
    assert_books_agree(ytpool, sandbox)


def test_one_whose_login_cannot_be_refreshed_hands_over_until_it_can(
    ytpool, sandbox, run, resting, make_video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "300")
    sandbox.control.clock(forward=timedelta(hours=1))
    assert run("refresh-tokens", "--account", "sports", "--force").status == 0  # its answer tells the time
    sandbox.channel("news").fail("token", "backendError", times=2)

    first = run("upload", make_video("a.mp4", 1000), "--pool", "main")

    assert (first.status, first.data["account"]) == (0, "sports")
    assert [*resting()] == [("account", "news", "logins")]
    sandbox.control.clock(forward=timedelta(minutes=10))
    assert run("refresh-tokens", "--account", "sports", "--force").status == 0
    assert run("upload", make_video("b.mp4", 1000), "--pool", "main").data["account"] == "news"
    assert resting("--all") == {}
    assert_books_agree(ytpool, sandbox)


def test_a_login_service_in_trouble_is_not_charged_to_youtube_by_an_upload_on_its_way(
    ytpool, sandbox, run, resting, video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "300")
    sandbox.channel("news").fail("upload.final", "authError")
    sandbox.channel("news").fail("token", "invalid_grant")
    assert run("upload", video, "--account", "news").status == 4
    login = ("auth", "import", "news", "--client-secrets", sandbox.secrets_file())
    assert ytpool(*login, "--token", sandbox.token_file("news"))[0] == 0
    sandbox.control.clock(forward=timedelta(hours=1))
    assert run("refresh-tokens", "--account", "sports", "--force").status == 0  # its answer tells the time
    sandbox.channel("news").fail("token", "backendError", times=2)

    assert run("upload", video, "--account", "news").status == 5

    assert [*resting()] == [("account", "news", "logins")]
    assert_books_agree(ytpool, sandbox)


def test_a_call_that_was_let_out_to_try_and_never_left_keeps_nobody_waiting(
    ytpool, sandbox, run, resting, make_video, monkeypatch
):
    for name, value in {"FAILURES": 2, "REST": 300, "PROBES": 1}.items():
        monkeypatch.setenv(f"YTPOOL_BREAKERS_{name}", str(value))
    begun = make_video("begun.mp4")
    sandbox.channel("news").fail("upload.final", "authError")
    sandbox.channel("news").fail("token", "invalid_grant")
    assert run("upload", begun, "--account", "news").status == 4
    login = ("auth", "import", "news", "--client-secrets", sandbox.secrets_file())
    assert ytpool(*login, "--token", sandbox.token_file("news"))[0] == 0
    sandbox.control.add_fault(method="videos.insert", kind="error", error="backendError", times=4)
    assert run("upload", make_video("other.mp4", 1000), "--pool", "main").status == 5
    assert [*resting()] == [("service", "youtube", "")]
    sandbox.control.clear_faults()
    sandbox.control.clock(forward=timedelta(hours=2))
    assert run("refresh-tokens", "--account", "sports", "--force").status == 0  # any answer tells the time
    sandbox.channel("news").fail("token", "invalid_grant")

    assert run("upload", begun, "--account", "news").status == 4  # it was to ask the session, and has no token

    assert run("upload", make_video("other.mp4", 1000), "--pool", "main", "--no-wait").data["account"] == "sports"
    assert resting("--all") == {}
    assert_books_agree(ytpool, sandbox)


def test_production_then_reserve_then_later_then_a_person(ytpool, sandbox, run, make_video):
    login = ("auth", "import", "sports", "--client-secrets", sandbox.secrets_file(), "--tier", "reserve")
    assert ytpool(*login, "--token", sandbox.token_file("sports"))[0] == 0
    channel = {name: sandbox.channel(name) for name in ("news", "sports")}

    def upload(number):
        return run("upload", make_video(f"{number}.mp4", 1000), "--pool", "main")

    assert upload(1).data["account"] == "news"
    channel["news"].fail("videos.insert", "uploadLimitExceeded")
    assert upload(2).data["account"] == "sports"
    channel["sports"].fail("videos.insert", "uploadLimitExceeded")
    status, _, error = upload(3)
    assert (status, error["code"]) == (5, "resting")
    soonest = min(datetime.fromisoformat(one["until"]) for one in run("rests", "list").data["rests"])
    assert datetime.fromisoformat(error["details"]["until"]) == soonest
    assert "ytpool upload --resume" in error["hint"]

    sandbox.control.clock(forward=timedelta(hours=25))
    assert run("refresh-tokens", "--force").status == 0  # any answer tells the time
    for each in channel.values():
        each.fail("videos.insert", "channelSuspended")
    status, _, error = upload(3)
    assert (status, error["code"]) == (6, "no_eligible_account")
    assert "closed or suspended" in error["hint"]
    assert_books_agree(ytpool, sandbox)


def test_a_refusal_for_the_day_is_the_last_call_of_its_kind_that_the_project_sees(ytpool, sandbox, home, make_video):
    """Three processes with two workers each; only what was on the wire when the first refusal came back follows it."""
    for name in ("weather", "culture", "film", "music"):
        login = ("auth", "import", name, "--client-secrets", sandbox.secrets_file())
        assert ytpool(*login, "--token", sandbox.token_file(name), "--pool", "main")[0] == 0
    sandbox.project(limits={"uploads": 3})  # and our book says 100
    sandbox.control.add_fault(method="videos.insert", kind="slow", seconds=0.3, times=99)
    files = [make_video(f"{number}.mp4", 1000) for number in range(12)]

    processes = [
        start("upload", *files[first : first + 4], "--pool", "main", "--parallel", 2, "--json", env=dict(os.environ))
        for first in (0, 4, 8)
    ]
    told = [ended(process)[1]["data"] for process in processes]

    states = [video["state"] for one in told for video in one["videos"]]
    assert (states.count("done"), states.count("deferred")) == (3, 9)
    called = sandbox.calls("videos.insert")
    assert 4 <= called <= 3 + 6
    with closing(sqlite3.connect(home / "default" / "state.db")) as books:
        [(refused_at,)] = books.execute("SELECT min(settled_at) FROM ledger WHERE reason = 'rateLimitExceeded'")
        sent = "SELECT count(DISTINCT hold) FROM ledger WHERE operation = 'videos.insert' AND sent_at IS NOT NULL"
        assert books.execute(sent).fetchone() == (called,)
        assert books.execute(f"{sent} AND sent_at > ?", (refused_at,)).fetchone() == (0,)

    status, _, _ = ytpool("upload", *files, "--pool", "main", "--parallel", "6")
    assert (status, sandbox.calls("videos.insert")) == (3, called)
    assert_books_agree(ytpool, sandbox)

    sandbox.control.clock(forward=timedelta(hours=13))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # any answer tells the new day
    assert ytpool("upload", files[-1], "--pool", "main")[0] == 0


def test_when_the_service_is_tried_out_three_calls_go_and_the_others_wait_for_the_first_answer(
    ytpool, sandbox, home, run, resting, make_video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "300")
    for name in ("weather", "culture", "film", "music"):
        login = ("auth", "import", name, "--client-secrets", sandbox.secrets_file())
        assert ytpool(*login, "--token", sandbox.token_file(name), "--pool", "main")[0] == 0
    files = [make_video(f"{number}.mp4", 1000) for number in range(6)]
    sandbox.control.add_fault(method="videos.insert", kind="error", error="backendError", times=4)
    assert run("upload", make_video("before.mp4", 1000), "--pool", "main").status == 5
    assert [*resting()] == [("service", "youtube", "")]
    sandbox.control.clear_faults()
    sandbox.control.clock(forward=timedelta(minutes=10))
    assert run("refresh-tokens", "--force").status == 0  # any answer tells the time
    sandbox.holds_back("videos.insert", times=9)
    before = sandbox.calls("videos.insert")

    def answer():
        wait_until(lambda: sandbox.calls("videos.insert") >= before + 3)
        time.sleep(0.3)  # time enough for those who should wait
        sandbox.goes_on()

    answering = threading.Thread(target=answer)
    answering.start()
    assert run("upload", *files, "--pool", "main", "--parallel", "6").status == 0
    answering.join()

    with closing(sqlite3.connect(home / "default" / "state.db")) as books:
        calls = "SELECT min(sent_at), min(settled_at) FROM ledger WHERE operation = 'videos.insert' AND reason = ''"
        times = books.execute(f"{calls} GROUP BY hold ORDER BY 1").fetchall()
    assert len(times) == 6
    first_answer = min(settled_at for _, settled_at in times)
    assert sum(sent_at < first_answer for sent_at, _ in times) == 3
    assert_books_agree(ytpool, sandbox)
