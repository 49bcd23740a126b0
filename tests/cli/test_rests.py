"""What rests is told with its end, ends by itself, and may be lifted by a person's word."""

import json
import os
from datetime import datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from ytpool import data
from ytpool.config import load
from ytpool.runtime import Runtime
from ytpool.store import rests
from ytpool.store.rests import Scope


@pytest.fixture
def run(ytpool):
    """A command's status and its data, or its error where there is one."""

    def command(*words):
        status, out, _ = ytpool(*words, "--json")
        told = json.loads(out.splitlines()[-1])
        return status, told["error"] or told["data"]

    return command


@pytest.fixture
def resting(run):
    """List what rests, as a script does."""

    def listed(*flags):
        status, told = run("rests", "list", *flags)
        assert status == 0
        Draft202012Validator(data.load("schemas/rests-list.json")).validate(told)
        return [(one["scope"], one["title"], one["bucket"], one["guessed"], one["phase"]) for one in told["rests"]]

    return listed


@pytest.fixture
def let_rest(sandbox):  # noqa: ARG001 - it sets the state up
    """Write a rest down, as a refusal does."""
    rt = Runtime(load(profile=None, environ=os.environ))

    def rest(scope, name, *, bucket="", lasts_for=timedelta(hours=2)):
        with rt.store.transaction() as tx:
            until = None if lasts_for is None else tx.now + lasts_for
            rests.rest(tx, scope, name, bucket=bucket, reason="tired", lifts="sleep", until=until)

    yield rest
    rt.close()


def test_what_rests_is_told_everywhere_with_its_end_and_is_over_at_its_time(ytpool, sandbox, run, resting, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0

    assert resting() == [("channel", "news", "uploads", False, "resting")]
    [rest] = run("rests", "list")[1]["rests"]
    until = datetime.fromisoformat(rest["until"])
    spoken = f"{until:%Y-%m-%d %H:%M} UTC"
    news, sports = run("accounts", "list")[1]["accounts"]
    assert (news["rests"], sports["rests"]) == ([f"uploads until {spoken}: uploadLimitExceeded"], [])
    checks = {one["check"]: one for one in run("health")[1]["checks"]}
    assert checks["rest channel news"]["message"] == f"uploads rests until {spoken}: uploadLimitExceeded"
    assert "ytpool rests lift channel news" in checks["rest channel news"]["fix"]
    assert rest["until"] in ytpool("rests", "list")[1]

    sandbox.control.clock(forward=until - sandbox.control.clock() + timedelta(seconds=5))
    assert run("refresh-tokens", "--force")[0] == 0  # any answer tells the time

    assert resting() == []
    assert resting("--all") == [("channel", "news", "uploads", False, "ended")]
    assert run("accounts", "list")[1]["accounts"][0]["rests"] == []


def test_a_rest_is_lifted_by_a_persons_word(run, resting, let_rest):
    let_rest(Scope.ACCOUNT, "news")
    let_rest(Scope.PROJECT, "press", bucket="search")
    let_rest(Scope.PROJECT, "press", bucket="uploads", lasts_for=None)

    status, told = run("rests", "lift", "account", "news", "--dry-run")
    assert (status, told["dry_run"], [one["name"] for one in told["lifted"]]) == (0, True, ["news"])
    assert len(resting()) == 3

    assert run("rests", "lift", "account", "news")[0] == 0
    assert run("rests", "lift", "project", "press", "--bucket", "search")[0] == 0

    assert resting() == [("project", "press", "uploads", False, "resting")]
    [todo] = run("todo")[1]["items"]
    assert (todo["message"], todo["command"]) == ("tired: sleep", "ytpool rests lift project press")
    assert run("rests", "lift", "project", "press")[0] == 0
    assert resting("--all") == []


def test_lifting_a_day_makes_up_no_quota_and_says_so(ytpool, sandbox, run, make_video):
    sandbox.project(limits={"uploads": 1})
    assert ytpool("upload", make_video("first.mp4", 1000), "--pool", "main")[0] == 0
    assert ytpool("upload", make_video("second.mp4", 1000), "--pool", "main")[0] == 5
    called = sandbox.calls("videos.insert")

    status, told = run("rests", "lift", "project", "press", "--bucket", "uploads")

    assert status == 0
    assert "this makes up no quota: project press has 1 of 1 uploads used until" in " ".join(told["notes"])
    assert ytpool("upload", make_video("second.mp4", 1000), "--pool", "main")[0] == 5
    assert sandbox.calls("videos.insert") == called


def test_what_waited_for_a_rest_goes_on_once_it_is_lifted(ytpool, sandbox, run, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--account", "news")[0] == 5
    assert ytpool("upload", "--resume")[0] == 5

    status, told = run("rests", "lift", "channel", "news")

    assert (status, told["notes"]) == (0, ["1 job that waited may go on now: ytpool upload --resume"])
    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("news")) == 1


@pytest.mark.parametrize(
    ("former", "word"),
    [
        ("accounts disable sports", "accounts enable sports"),
        ("accounts set sports --cap uploads=0", "accounts set sports --cap uploads=5"),
        ("pools set main --remove sports", "pools set main --add sports"),
        ("projects set press --limit uploads=1", "projects set press --limit uploads=9"),
        ("quota adjust press uploads +99 --reason elsewhere", "quota adjust press uploads -99 --reason miscounted"),
    ],
)
def test_what_waits_is_looked_at_again_after_a_persons_word_and_not_only_at_its_moment(
    ytpool, sandbox, run, video, former, word
):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert run(*former.split())[0] == 0
    assert ytpool("upload", video, "--pool", "main")[0] == 5
    assert ytpool("accounts", "disable", "news")[0] == 0
    assert ytpool("upload", "--resume")[0] == 5

    assert run(*word.split())[0] == 0

    assert run("queue", "list")[1]["jobs"][0]["advice"] == "ytpool work --once"
    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("sports")) == 1


def test_what_waits_is_looked_at_again_when_a_dead_login_is_renewed(ytpool, sandbox, run, make_video):
    sandbox.channel("sports").revoke()
    sandbox.channel("sports").expire_token()
    assert ytpool("stats", "a1b2c3d4e5f", "--account", "sports")[0] == 4
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", make_video("talk.mp4", 9_000), "--pool", "main")[0] == 5

    login = ("auth", "import", "sports", "--client-secrets", sandbox.secrets_file())
    assert run(*login, "--token", sandbox.token_file("sports"))[0] == 0

    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("sports")) == 1


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("account", "sports"), 2, "account sports does not rest; what rests: account news"),
        (("account", "nwes"), 2, "there is no account named 'nwes'; did you mean news"),
        (("project", "press", "--bucket", "uploads"), 2, "uploads of project press does not rest"),
        (("pool", "main"), 2, "a pool rests only when somebody pauses it; run: ytpool unpause --pool NAME"),
        (("everything", "all"), 2, "everything rests only when somebody pauses it; run: ytpool unpause"),
        (("bucket", "general"), 2, "there is no scope 'bucket'; say service, project, channel or account"),
    ],
)
def test_what_cannot_be_lifted_is_said_with_what_can(run, let_rest, words, status, says):
    let_rest(Scope.ACCOUNT, "news")

    found, error = run("rests", "lift", *words)

    assert found == status
    assert says in f"{error['message']}; {error['hint']}"


def test_a_breakers_guess_is_lifted_too_and_its_failures_are_forgotten(sandbox, run, resting, video, monkeypatch):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "1")
    sandbox.channel("news").fail("videos.insert", "backendError")
    sandbox.channel("sports").fail("videos.insert", "backendError")
    assert run("upload", video, "--pool", "main", "--no-wait")[0] == 5
    assert resting() == [("service", "youtube", "", True, "resting")]

    assert run("rests", "lift", "service", "youtube")[0] == 0

    assert resting("--all") == []
    assert run("upload", video, "--pool", "main")[0] == 0


def test_an_account_that_fails_alone_rests_on_a_guess_and_is_tried_out_again(
    sandbox, run, resting, make_video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_BREAKERS_FAILURES", "2")
    sandbox.channel("news").fail("videos.insert", "backendError", times=2)

    status, told = run("upload", make_video("first.mp4", 1000), "--pool", "main")

    assert (status, told["account"]) == (0, "sports")
    assert resting() == [("account", "news", "", True, "resting")]
    error = run("upload", make_video("second.mp4", 1000), "--account", "news", "--no-wait")[1]
    assert error["code"] == "resting"
    assert "2 failures in a row, the last: backendError" in error["message"]
    [until] = {one["until"] for one in run("rests", "list")[1]["rests"]}
    assert error["details"]["until"] == until

    sandbox.control.clock(forward=timedelta(minutes=2))
    assert run("refresh-tokens", "--force")[0] == 0  # any answer tells the time
    assert resting("--all") == [("account", "news", "", True, "on trial")]
    assert run("upload", make_video("second.mp4", 1000), "--account", "news")[0] == 0
    assert resting("--all") == []
