"""Accounts as an operator arranges them, and takes them out of service while work goes on."""

import os
import signal

import pytest
from newsroom import assert_books_agree, start
from screens import Terminal
from told import data, told
from waiting import wait_until

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def small_chunks(home, monkeypatch):  # noqa: ARG001 - which forgets every variable first
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")


@pytest.fixture
def large(make_video):
    """A file of three chunks."""
    return make_video("long.mp4", 20 * MIB + 1)


def names(out):
    return [one["account"] for one in data(out)["accounts"]]


def begin(sandbox, path, *words):
    """Begin an upload in a process of its own, and return it in the middle of its second chunk."""
    before = sandbox.calls("upload.chunk")
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=4 * MIB)
    process = start("upload", path, *words, "--json", env=os.environ)
    wait_until(lambda: sandbox.calls("upload.chunk") >= before + 1)
    return process


def ended(process):
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.usefixtures("sandbox")
def test_what_is_set_is_listed_and_found_again(ytpool):
    status, out, _ = ytpool(
        *("accounts", "set", "news", "sports", "--tier", "reserve", "--slots", 2, "--json"),
        *("--cap", "uploads=5", "--cap", "comments=0", "--label", "region=eu", "--label", "desk=night shift"),
    )

    assert (status, names(out)) == (0, ["news", "sports"])
    assert (
        ytpool("accounts", "set", "sports", "--unlabel", "desk", "--cap", "uploads=none", "--tier", "production")[0]
        == 0
    )
    news, sports = data(ytpool("accounts", "list", "--json")[1])["accounts"]
    assert (news["tier"], news["slots"], news["caps"]) == ("reserve", 2, {"uploads": 5, "comments": 0})
    assert news["labels"] == {"desk": "night shift", "region": "eu"}
    assert (sports["tier"], sports["caps"], sports["labels"]) == ("production", {"comments": 0}, {"region": "eu"})
    for words, found in [
        (("--label", "region=eu"), ["news", "sports"]),
        (("--label", "region=eu", "--label", "desk=night shift"), ["news"]),
        (("--label", "region=us"), []),
        (("--tier", "reserve", "--pool", "main"), ["news"]),
        (("--state", "disabled"), []),
    ]:
        assert names(ytpool("accounts", "list", *words, "--json")[1]) == found


@pytest.mark.usefixtures("sandbox")
def test_nothing_is_set_where_something_is_wrong_or_only_asked_about(ytpool):
    before = ytpool("accounts", "list", "--json")[1]

    for words, says in [
        (("news", "sprots", "--tier", "reserve"), "sports"),
        (("news",), "nothing to change"),
        (("news", "--cap", "thumbnails=3"), "uploads=N or comments=N"),
        (("news", "--cap", "uploads=-1"), "whole number"),
        (("news", "--cap", "uploads"), "whole number"),
        (("news", "--label", "region"), "KEY=VALUE"),
        (("news", "--label", "region="), "--unlabel region"),
        (("news", "--slots", 0), "--slots"),
    ]:
        status, out, _ = ytpool("accounts", "set", *words, "--json")
        assert status == 2
        assert says in told(out)["error"]["message"] + told(out)["error"]["hint"]
    status, out, _ = ytpool("accounts", "set", "news", "--priority", 7, "--dry-run", "--json")

    assert (status, data(out)["accounts"][0]["priority"]) == (0, 7)
    assert ytpool("accounts", "list", "--json")[1] == before


def test_what_was_used_beyond_a_new_cap_is_said_in_the_books(ytpool, sandbox, make_video):
    for name in ("a.mp4", "b.mp4"):
        assert ytpool("upload", make_video(name), "--account", "news")[0] == 0

    assert ytpool("accounts", "set", "news", "--cap", "uploads=1")[0] == 0

    assert_books_agree(ytpool, sandbox)
    [news, _] = data(ytpool("quota", "report", "--json")[1])["accounts"]
    assert (news["uploads_today"], news["uploads_cap"]) == (2, 1)
    status, out, _ = ytpool("upload", make_video("c.mp4"), "--account", "news", "--json")
    assert (status, data(out)["state"]) == (5, "deferred")
    assert "cap of 1 uploads" in told(out)["error"]["message"]
    status, out, _ = ytpool("upload", make_video("d.mp4"), "--pool", "main", "--json")
    assert (status, data(out)["account"]) == (0, "sports")


def test_a_cap_of_zero_is_none_of_it_on_any_day(ytpool, sandbox, video):
    status, out, _ = ytpool("accounts", "set", "news", "--cap", "uploads=0")

    assert status == 0
    assert "no uploads" in out
    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["state"]) == (6, "deferred")
    assert "at its cap of 0 uploads" in told(out)["error"]["message"]
    assert "ytpool accounts set news --cap uploads=N" in told(out)["error"]["hint"]
    assert ytpool("accounts", "set", "news", "--cap", "none")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("news")) == 1


def test_a_disabled_account_gets_no_work_and_nothing_is_sent_as_it(ytpool, sandbox, video):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    [published] = sandbox.videos_on("news")
    assert ytpool("accounts", "disable", "news", "--reason", "sold")[0] == 0
    before = sandbox.truth()["calls"]

    for words in (
        ("upload", video, "--account", "news", "--again"),
        ("video", "show", published["id"], "--account", "news"),
        ("video", "update", published["id"], "--title", "Other", "--account", "news"),
    ):
        status, out, _ = ytpool(*words, "--json")
        assert status == 6, out
        assert "disabled" in told(out)["error"]["message"]
        assert "ytpool accounts enable news" in told(out)["error"]["hint"]
    assert sandbox.truth()["calls"] == before
    assert ytpool("upload", video, "--pool", "main", "--key", "second", "--json")[0] == 0
    assert len(sandbox.videos_on("sports")) == 1
    assert ytpool("health")[0] == 0

    assert ytpool("accounts", "enable", "news")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("news")) == 2
    assert_books_agree(ytpool, sandbox)


def test_a_dead_login_of_a_disabled_account_bothers_nobody(ytpool, sandbox):
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] == 3
    assert ytpool("health")[0] == 8
    assert data(ytpool("todo", "--json")[1])["items"][0]["kind"] == "login_needed"

    assert ytpool("accounts", "disable", "news", "--reason", "closed")[0] == 0

    assert ytpool("refresh-tokens", "--force")[0] == 0
    assert ytpool("health")[0] == 0
    assert data(ytpool("todo", "--json")[1])["items"] == []
    assert ytpool("accounts", "enable", "news")[0] == 0
    assert data(ytpool("accounts", "show", "news", "--json")[1])["state"] == "login_needed"


def test_an_account_that_is_disabled_while_its_job_runs(ytpool, sandbox, large):
    process = begin(sandbox, large, "--account", "news")

    assert ytpool("accounts", "disable", "news")[0] == 0

    status, out, _ = ended(process)
    assert (status, data(out)["state"], told(out)["error"]["code"]) == (6, "deferred", "out_of_service")
    assert told(out)["error"]["message"] == "news is disabled"
    assert sandbox.truth()["videos"] == []
    assert ytpool("upload", "--resume", "--json")[0] == 6
    assert ytpool("accounts", "enable", "news")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert (len(sandbox.videos_on("news")), sandbox.calls("videos.insert")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_login_that_dies_does_not_bring_a_drained_account_back(ytpool, sandbox, video):
    assert ytpool("accounts", "drain", "news", "--reason", "leaving")[0] == 0
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 4
    secrets, token = sandbox.secrets_file(), sandbox.token_file("news")

    assert ytpool("auth", "import", "news", "--client-secrets", secrets, "--token", token)[0] == 0

    assert data(ytpool("accounts", "show", "news", "--json")[1])["state"] == "draining"
    assert ytpool("upload", video, "--account", "news")[0] == 6


def test_what_runs_on_a_drained_account_is_finished_and_nothing_else_begins_there(ytpool, sandbox, large, make_video):
    process = begin(sandbox, large, "--pool", "main")
    waiting = start("accounts", "drain", "news", "--wait", "--json", env=os.environ)
    wait_until(lambda: data(ytpool("accounts", "show", "news", "--json")[1])["state"] == "draining")

    status, out, _ = ytpool("accounts", "drain", "news", "--json")
    [news] = data(out)["accounts"]
    assert (status, news["free"], [job["left"] for job in news["jobs"]]) == (5, False, ["running"])
    status, out, _ = ytpool("upload", make_video("next.mp4"), "--pool", "main", "--json")
    assert (status, data(out)["account"]) == (0, "sports")

    status, out, _ = ended(process)
    assert (status, data(out)["account"]) == (0, "news")
    status, out, err = ended(waiting)
    assert (status, data(out)["accounts"][0]["free"]) == (0, True)
    assert "waiting: news has running" in err
    assert_books_agree(ytpool, sandbox)


def test_what_was_begun_on_a_drained_account_is_finished_there_and_the_rest_goes_elsewhere(
    ytpool, sandbox, large, make_video
):
    process = begin(sandbox, large, "--pool", "main")
    process.send_signal(signal.SIGKILL)
    ended(process)
    assert ytpool("accounts", "disable", "news", "sports")[0] == 0
    assert ytpool("upload", make_video("unbegun.mp4"), "--pool", "main")[0] == 6
    assert ytpool("upload", make_video("named.mp4"), "--account", "news")[0] == 6
    assert ytpool("accounts", "enable", "sports")[0] == 0

    status, out, _ = ytpool("accounts", "drain", "news", "--wait", "--json")

    [news] = data(out)["accounts"]
    assert (status, news["free"]) == (6, False)
    assert [job["left"] for job in news["jobs"]] == ["parked", "waiting"]
    assert ytpool(*news["jobs"][0]["advice"].split()[1:])[0] == 0
    assert ytpool("upload", "--resume", "--json")[0] == 3  # the one for news alone waits
    assert [len(sandbox.videos_on(title)) for title in ("news", "sports")] == [1, 1]
    status, out, _ = ytpool("accounts", "drain", "news", "--json")
    assert (status, [job["left"] for job in data(out)["accounts"][0]["jobs"]]) == (0, ["waiting"])
    with Terminal("accounts", "drain", "news", columns=100) as terminal:
        table = terminal.shows("it goes after: ytpool accounts enable news")
    assert [("free" in line, "not begun" in line) for line in table if line.startswith("news")] == [
        (True, False),
        (False, True),
    ]
    assert_books_agree(ytpool, sandbox)


def test_an_upload_that_has_not_started_goes_elsewhere_when_its_account_is_drained(ytpool, sandbox, video):
    sandbox.channel("news").holds_back("videos.insert")
    sandbox.channel("news").fail("videos.insert", "backendError")
    process = start("upload", video, "--pool", "main", "--json", env=os.environ)
    wait_until(lambda: data(ytpool("accounts", "show", "news", "--json")[1])["running"])

    assert ytpool("accounts", "drain", "news")[0] == 5

    sandbox.goes_on()
    status, out, _ = ended(process)
    assert (status, data(out)["account"]) == (0, "sports")
    assert sandbox.videos_on("news") == []
    assert_books_agree(ytpool, sandbox)
