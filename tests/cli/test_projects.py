"""Projects pay: their limits, their names, and two that turn out to be one."""

import json
import os
import time

import pytest
from newsroom import FORCE_SSL, assert_books_agree, start
from told import data, told

OLD = "oldtimer.apps.googleusercontent.com"
"""A client whose id begins with no number; its file names no project."""


def buckets(ytpool):
    """What is used and left of uploads and general units, by project."""
    projects = data(ytpool("quota", "report", "--json")[1])["projects"]
    return {
        one["project"]: {b["bucket"]: (b["spent"], b["left"]) for b in one["buckets"] if b["bucket"] == "uploads"}
        for one in projects
    }


@pytest.fixture
def login(ytpool, sandbox, tmp_path):
    """Log in with a client-secrets file that says other things than Google's console wrote."""

    def run(account, *, client=None, **said):
        sandbox.channel(account).channel_id  # noqa: B018 - asking for it makes it
        project = sandbox.project()
        content = sandbox.control.add_client(client, "another", "press") if client else project
        granted = sandbox.control.grant("press", account, (FORCE_SSL,), client or "")
        content["installed"] = {name: value for name, value in {**content["installed"], **said}.items() if value}
        secrets, token = tmp_path / f"client-of-{account}.json", tmp_path / f"token-of-{account}.json"
        secrets.write_text(json.dumps(content))
        token.write_text(json.dumps({"refresh_token": granted["refresh_token"]}))
        return ytpool("auth", "import", account, "--client-secrets", secrets, "--token", token, "--json")

    return run


@pytest.fixture
def two(login):
    """One project of Google's that we take for two: `press`, and what the client without a number calls itself."""
    assert login("culture", client=OLD, project_id=None)[0] == 0


@pytest.mark.usefixtures("two")
def test_two_clients_of_one_project_taken_for_two_become_one(ytpool, sandbox, make_video):
    for account in ("news", "culture", "culture"):
        assert ytpool("upload", make_video(f"{account}-{time.monotonic_ns()}.mp4"), "--account", account)[0] == 0
    assert {name: one["uploads"] for name, one in buckets(ytpool).items()} == {"press": (1, 99), OLD: (2, 98)}
    assert ytpool("pools", "set", "main", "--add", "culture")[0] == 2
    before = buckets(ytpool)
    assert ytpool("projects", "merge", OLD, "press", "--dry-run")[1].startswith(f"{OLD} would become one with press")
    assert buckets(ytpool) == before

    status, out, _ = ytpool("projects", "merge", OLD, "press", "--json")

    assert status == 0
    assert [(b["used"], b["left"]) for b in data(out)["buckets"] if b["bucket"] == "uploads"] == [([2, 1], 97)]
    assert {name: one["uploads"] for name, one in buckets(ytpool).items()} == {"press": (3, 97)}
    assert_books_agree(ytpool, sandbox)  # which runs `state check`
    assert ytpool("pools", "set", "main", "--add", "culture")[0] == 0
    assert ytpool("upload", make_video("after.mp4"), "--account", "culture")[0] == 0
    assert ytpool("refresh-tokens", "--force")[0] == 0
    [press] = data(ytpool("projects", "list", "--json")[1])["projects"]
    assert press["accounts"] == ["news", "sports", "culture"]
    assert OLD in press["clients"]
    assert_books_agree(ytpool, sandbox)


@pytest.mark.usefixtures("two")
def test_what_both_used_together_beyond_the_limit_is_said_as_overrun(ytpool, sandbox, make_video):
    assert ytpool("projects", "set", "press", "--limit", "uploads=2")[0] == 0
    for name, account in [("a", "news"), ("b", "news"), ("c", "culture")]:
        assert ytpool("upload", make_video(f"{name}.mp4"), "--account", account)[0] == 0

    assert ytpool("projects", "merge", OLD, "press")[0] == 0

    uploads = next(
        bucket
        for bucket in data(ytpool("quota", "report", "--json")[1])["projects"][0]["buckets"]
        if bucket["bucket"] == "uploads"
    )
    assert (uploads["limit"], uploads["spent"], uploads["left"]) == (2, 3, 0)
    assert_books_agree(ytpool, sandbox)
    status, out, _ = ytpool("upload", make_video("more.mp4"), "--account", "culture", "--json")
    assert (status, told(out)["error"]["code"]) == (5, "quota_exhausted")


@pytest.mark.usefixtures("two")
def test_a_job_that_runs_while_its_project_is_merged_goes_on(ytpool, sandbox, video):
    sandbox.channel("culture").spoil("videos.insert", "slow", seconds=1.5)
    words = ("upload", video, "--account", "culture", "--playlist", "+Talks", "--json")
    process = start(*words, env=os.environ)
    while not sandbox.calls("videos.insert"):
        assert process.poll() is None
        time.sleep(0.02)

    assert ytpool("projects", "merge", OLD, "press")[0] == 0

    with process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, data(out)["state"]) == (0, "done"), err
    assert buckets(ytpool) == {"press": {"uploads": (1, 99)}}
    assert_books_agree(ytpool, sandbox)


def test_projects_that_google_counts_apart_are_not_joined(ytpool, sandbox):
    secrets, token = sandbox.secrets_file("other"), sandbox.token_file("culture", "other")
    assert ytpool("auth", "import", "culture", "--client-secrets", secrets, "--token", token)[0] == 0

    for former, project, says in [
        ("other", "press", "two projects at Google: their clients begin with"),
        ("press", "press", "one project already"),
        ("presse", "other", "no project named"),
    ]:
        status, out, _ = ytpool("projects", "merge", former, project, "--json")
        assert status == 2
        assert says in told(out)["error"]["message"]
    assert len(data(ytpool("projects", "list", "--json")[1])["projects"]) == 2


def test_a_project_that_was_renamed_at_google_is_the_same_project(ytpool, sandbox, login):
    status, out, _ = login("culture", project_id="press-international")

    assert (status, data(out)["project"]) == (0, "press")
    [press] = data(ytpool("projects", "list", "--json")[1])["projects"]
    assert (press["project_id"], press["accounts"]) == ("press-international", ["news", "sports", "culture"])
    assert_books_agree(ytpool, sandbox)


def test_a_login_says_where_one_project_is_kept_as_two(ytpool, sandbox, login):
    number = data(ytpool("projects", "show", "press", "--json")[1])["number"]
    assert login("culture", client=OLD, project_id="press-international")[0] == 0

    status, out, _ = login("news", project_id="press-international")

    assert status == 0
    assert any("ytpool projects merge press-international press" in warning for warning in data(out)["warnings"])
    assert data(ytpool("projects", "show", "press", "--json")[1])["number"] == number
    assert ytpool("projects", "merge", "press-international", "press")[0] == 0
    assert_books_agree(ytpool, sandbox)


def test_limits_are_set_and_unset_and_a_project_is_called_otherwise(ytpool, sandbox, video):
    assert ytpool("projects", "set", "press", "--limit", "uploads=0")[0] == 0
    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")
    assert (status, data(out)["state"]) == (6, "deferred")
    assert "has a limit of 0 uploads" in told(out)["error"]["message"]
    [bucket] = data(ytpool("why", "press/uploads", "--json")[1])["buckets"]
    assert (bucket["open"], bucket["comes_back"]) == (False, None)
    assert "ytpool projects set press --limit uploads=N, or uploads=default" in told(out)["error"]["hint"]
    for words, says in [
        (("--limit", "upload=3"), "no bucket"),
        (("--limit", "uploads=x"), "BUCKET=N"),
        ((), "nothing"),
    ]:
        status, out, _ = ytpool("projects", "set", "press", *words, "--json")
        assert (status, says in told(out)["error"]["message"]) == (2, True)

    status, out, _ = ytpool("projects", "set", "press", "--limit", "uploads=default", "--rename", "desk", "--json")

    assert (status, data(out)["project"], data(out)["limits"]) == (0, "desk", {})
    assert ytpool("upload", "--resume")[0] == 0
    assert buckets(ytpool) == {"desk": {"uploads": (1, 99)}}
    assert ytpool("projects", "set", "desk", "--rename", "press")[0] == 0
    assert buckets(ytpool) == {"press": {"uploads": (1, 99)}}
    assert_books_agree(ytpool, sandbox)
