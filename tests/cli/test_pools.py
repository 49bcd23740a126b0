"""Pools: who is in them, how they choose, and over how many projects they may."""

import pytest
from told import data, told


@pytest.fixture
def foreign(ytpool, sandbox):
    """An account that another project pays for."""
    secrets, token = sandbox.secrets_file("other"), sandbox.token_file("culture", "other")
    assert ytpool("auth", "import", "culture", "--client-secrets", secrets, "--token", token)[0] == 0
    return "culture"


def test_a_pool_with_no_account_takes_no_work_and_says_so(ytpool, sandbox, video):
    assert ytpool("pools", "set", "main", "--remove", "news", "--remove", "sports")[0] == 0

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert (status, data(out)["state"], told(out)["error"]["message"]) == (6, "deferred", "pool main has no account")
    assert "ytpool pools set main --add ACCOUNT" in told(out)["error"]["hint"]
    status, out, _ = ytpool("health", "--json")
    assert {"check": "pool main", "status": "warn", "message": "has no account"}.items() <= next(
        check for check in data(out)["checks"] if check["check"] == "pool main"
    ).items()
    assert ytpool("pools", "set", "main", "--add", "sports")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert len(sandbox.videos_on("sports")) == 1


def test_a_change_that_names_nothing_or_contradicts_itself_is_refused(ytpool, sandbox):  # noqa: ARG001
    nothing = ytpool("pools", "set", "main")
    both = ytpool("pools", "set", "main", "--add", "news", "--remove", "news")

    assert (nothing[0], nothing[2].splitlines()[0]) == (2, "ytpool: nothing to change was named")
    assert (both[0], both[2].splitlines()[0]) == (2, "ytpool: --add and --remove both name news")
    assert "news" in data(ytpool("pools", "show", "main", "--json")[1])["accounts"]


def test_a_pool_over_several_projects_is_refused_without_a_reason_and_shown_with_it_everywhere(ytpool, foreign):
    assert ytpool("pools", "set", "main", "--add", foreign, "--across-projects")[0] == 2
    assert (
        ytpool("pools", "set", "main", "--add", foreign, "--across-projects", "--reason", "two owners", "--dry-run")[0]
        == 0
    )
    assert data(ytpool("pools", "show", "main", "--json")[1])["accounts"] == ["news", "sports"]

    assert ytpool("pools", "set", "main", "--add", foreign, "--across-projects", "--reason", "two owners")[0] == 0

    shown = data(ytpool("pools", "show", "main", "--json")[1])
    assert (shown["projects"], shown["reason"]) == (["other", "press"], "two owners")
    assert "2 projects: two owners" in ytpool("pools", "list")[1]
    assert data(ytpool("quota", "report", "--json")[1])["pools"] == [
        {"pool": "main", "projects": ["other", "press"], "reason": "two owners"}
    ]
    status, out, _ = ytpool("health", "--json")
    [check] = [check for check in data(out)["checks"] if check["check"] == "pool main"]
    assert (status, check["status"]) == (0, "pass")
    assert check["message"] == "may spread its work over several projects (other, press): two owners"
    assert ytpool("pools", "set", "main", "--one-project")[0] == 2
    assert ytpool("pools", "set", "main", "--one-project", "--remove", foreign)[0] == 0
    assert data(ytpool("pools", "show", "main", "--json")[1])["reason"] == ""
