"""Logging accounts in and keeping them alive, through the front door."""

import os
from datetime import datetime, timedelta

import pytest
from newsroom import FORCE_SSL, assert_books_agree, start
from told import data, told

UPLOAD_ONLY = "https://www.googleapis.com/auth/youtube.upload"


def moment(text):
    return datetime.fromisoformat(text)


def test_in_the_sandbox_profile_a_login_needs_nothing(ytpool, tmp_path):
    try:
        status, out, err = ytpool("auth", "add", "news", "--pool", "main", "--profile", "sandbox", "--json")

        assert status == 0, err
        assert {name: data(out)[name] for name in ("account", "channel_title", "pool", "tier", "scopes")} == {
            "account": "news",
            "channel_title": "news",
            "pool": "main",
            "tier": "production",
            "scopes": [FORCE_SSL],
        }
        path = tmp_path / "talk.mp4"
        path.write_bytes(os.urandom(5000))
        assert ytpool("upload", path, "--pool", "main", "--profile", "sandbox")[0] == 0
        assert data(ytpool("sandbox", "status", "--profile", "sandbox", "--json")[1])["videos"] == 1
    finally:
        assert ytpool("sandbox", "down", "--profile", "sandbox")[0] == 0


def test_a_login_through_the_browser_keeps_the_chosen_channel(ytpool, empty_sandbox, browser):
    channel = empty_sandbox.channel("The News").channel_id
    browser("The News")

    status, out, err = ytpool(
        *("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--pool", "main"),
        *("--tier", "reserve", "--priority", 7, "--json"),
    )

    assert status == 0, err
    assert {name: data(out)[name] for name in ("channel_id", "channel_title", "tier", "priority", "renewed")} == {
        "channel_id": channel,
        "channel_title": "The News",
        "tier": "reserve",
        "priority": 7,
        "renewed": False,
    }
    assert data(out)["warnings"] == []
    [login] = data(ytpool("auth", "list", "--json")[1])["accounts"]
    assert (login["account"], login["state"], login["scopes"]) == ("news", "active", [FORCE_SSL])
    assert data(ytpool("pools", "list", "--json")[1])["pools"][0]["accounts"] == ["news"]
    assert_books_agree(ytpool, empty_sandbox)


def test_a_login_that_is_denied_keeps_nothing(ytpool, empty_sandbox, browser):
    empty_sandbox.channel("news").channel_id  # noqa: B018 - asking for it makes it
    browser("news", deny=True)

    status, out, _ = ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--json")

    assert (status, told(out)["error"]["code"]) == (4, "login_failed")
    assert data(ytpool("accounts", "list", "--json")[1])["accounts"] == []
    assert empty_sandbox.calls("token") == 0


def test_a_login_for_another_channel_changes_nothing(ytpool, sandbox, browser):
    before = ytpool("accounts", "show", "news", "--json")[1]
    browser("sports")

    status, out, _ = ytpool("auth", "add", "news", "--json")

    error = told(out)["error"]
    assert (status, error["code"]) == (2, "wrong_channel")
    assert (error["details"]["expected"], error["details"]["found"]) == (
        sandbox.channel("news").channel_id,
        sandbox.channel("sports").channel_id,
    )
    after, before = data(ytpool("accounts", "show", "news", "--json")[1]), data(before)
    assert {name for name in after if after[name] != before[name]} <= {"last_operation", "success_rate"}
    assert_books_agree(ytpool, sandbox)


def test_a_dead_login_lives_again_after_the_next_one(ytpool, sandbox, browser, video):
    sandbox.channel("news").revoke()
    assert ytpool("upload", video, "--account", "news")[0] == 4
    browser("news")

    status, out, _ = ytpool("auth", "add", "news", "--json")

    assert (status, data(out)["renewed"], data(out)["priority"]) == (0, True, 10)
    assert ytpool("upload", video, "--account", "news")[0] == 0
    assert len(sandbox.videos_on("news")) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_grant_that_can_only_upload_is_taken_with_a_warning(ytpool, empty_sandbox):
    status, out, err = ytpool(
        *("auth", "import", "news", "--client-secrets", empty_sandbox.secrets_file()),
        *("--token", empty_sandbox.token_file("news", scopes=(UPLOAD_ONLY, READ_ONLY)), "--json"),
    )

    assert status == 0, err
    assert set(data(out)["scopes"]) == {UPLOAD_ONLY, READ_ONLY}


READ_ONLY = "https://www.googleapis.com/auth/youtube.readonly"


def test_less_than_was_asked_for_is_said(ytpool, empty_sandbox, browser):
    empty_sandbox.channel("news").channel_id  # noqa: B018 - asking for it makes it
    browser("news", scopes=[READ_ONLY])

    status, out, err = ytpool(
        *("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--json"),
        *("--scope", UPLOAD_ONLY, "--scope", READ_ONLY),
    )

    assert status == 0, err
    assert data(out)["scopes"] == [READ_ONLY]
    not_allowed, narrow = data(out)["warnings"]
    assert "youtube.upload is missing" in not_allowed
    assert "ytpool auth add news --for upload" in narrow


def test_a_project_in_testing_mode_is_warned_of(ytpool, empty_sandbox, browser):
    empty_sandbox.channel("news").channel_id  # noqa: B018 - asking for it makes it
    browser("news")

    status, out, err = ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(testing=True))

    assert status == 0, err
    assert "Testing mode" in out
    [login] = data(ytpool("auth", "list", "--json")[1])["accounts"]
    lives_for = moment(login["grant_expires_at"]) - empty_sandbox.control.clock()
    assert timedelta(days=6, hours=23) < lives_for <= timedelta(days=7)
    empty_sandbox.control.clock(forward=timedelta(days=5, hours=1))
    ytpool("refresh-tokens", "--force")  # its answer tells ytpool the time
    status, out, _ = ytpool("health", "--json")
    assert (status, next(c["status"] for c in data(out)["checks"] if c["check"] == "grant news")) == (0, "warn")


@pytest.mark.parametrize("token", [{}, {"token": "gone", "expiry": "2020-01-01T00:00:00Z"}])
def test_a_token_file_needs_no_access_token_that_lives(ytpool, empty_sandbox, token, video):
    status, _, err = ytpool(
        *("auth", "import", "news", "--client-secrets", empty_sandbox.secrets_file()),
        *("--token", empty_sandbox.token_file("news", **token)),
    )

    assert status == 0, err
    assert ytpool("upload", video, "--account", "news")[0] == 0


def test_a_pool_over_two_projects_wants_a_reason(ytpool, sandbox):
    other = sandbox.secrets_file("other")
    login = ("auth", "import", "culture", "--client-secrets", other, "--token", sandbox.token_file("culture", "other"))

    status, out, _ = ytpool(*login, "--pool", "main", "--json")

    assert (status, told(out)["error"]["code"]) == (2, "pool_forbidden")
    assert [row["account"] for row in data(ytpool("accounts", "list", "--json")[1])["accounts"]] == ["news", "sports"]

    assert ytpool(*login)[0] == 0
    assert ytpool("pools", "set", "main", "--add", "culture")[0] == 2
    assert ytpool("pools", "set", "main", "--add", "culture", "--across-projects")[0] == 2
    assert ytpool("pools", "set", "main", "--add", "culture", "--across-projects", "--reason", " ")[0] == 2
    status, out, err = ytpool(
        *("pools", "set", "main", "--add", "culture", "--across-projects", "--reason", "two companies", "--json")
    )
    assert status == 0, err
    assert data(out)["accounts"] == ["news", "sports", "culture"] or set(data(out)["accounts"]) == {
        "news",
        "sports",
        "culture",
    }
    assert {row["project"] for row in data(ytpool("projects", "list", "--json")[1])["projects"]} == {"press", "other"}
    assert_books_agree(ytpool, sandbox)


@pytest.mark.usefixtures("sandbox")
def test_accounts_projects_and_pools_are_shown_as_they_are(ytpool):
    account = data(ytpool("accounts", "show", "news", "--json")[1])
    project = data(ytpool("projects", "show", account["project"], "--json")[1])

    assert (account["pools"], account["tier"], account["priority"], account["state"]) == (
        ["main"],
        "production",
        10,
        "active",
    )
    assert project["accounts"] == ["news", "sports"]
    status, out, _ = ytpool("pools", "set", "main", "--strategy", "round_robin", "--remove", "sports", "--json")
    assert (status, data(out)["strategy"], data(out)["accounts"]) == (0, "round_robin", ["news"])
    assert "news" in ytpool("accounts", "list")[1]


# -- refresh-tokens


def outcomes(out):
    return {row["account"]: row["outcome"] for row in data(out)["accounts"]}


def test_tokens_are_refreshed_when_they_are_due_and_not_before(ytpool, sandbox):
    status, out, _ = ytpool("refresh-tokens", "--json")
    assert (status, outcomes(out)) == (0, {"news": "fresh", "sports": "fresh"})
    assert sandbox.calls("token") == 2

    status, out, _ = ytpool("refresh-tokens", "--account", "news", "--force", "--json")
    assert (status, outcomes(out)) == (0, {"news": "refreshed"})
    assert sandbox.calls("token") == 3

    sandbox.control.clock(forward=timedelta(minutes=40))
    ytpool("refresh-tokens", "--account", "news", "--force")  # its answer tells ytpool the time
    status, out, _ = ytpool("refresh-tokens", "--json")
    assert (status, outcomes(out)) == (0, {"news": "fresh", "sports": "refreshed"})
    assert sandbox.calls("token") == 5
    assert all(
        moment(row["token_expires_at"]) > sandbox.control.clock() + timedelta(minutes=50)
        for row in data(out)["accounts"]
    )


def test_a_dead_login_is_told_alone_and_among_others(ytpool, sandbox):
    sandbox.channel("news").revoke()

    status, out, _ = ytpool("refresh-tokens", "--force", "--json")

    assert (status, outcomes(out)) == (3, {"news": "login_needed", "sports": "refreshed"})
    status, out, _ = ytpool("refresh-tokens", "--account", "news", "--json")
    assert (status, outcomes(out)) == (4, {"news": "login_needed"})
    assert "ytpool auth add news" in data(out)["accounts"][0]["error"]["hint"]


def test_trouble_at_the_token_endpoint_costs_nobody_a_token(ytpool, sandbox, video):
    sandbox.channel("news").fail("token", "backendError", times=9)
    before = data(ytpool("auth", "list", "--json")[1])["accounts"]

    status, out, _ = ytpool("refresh-tokens", "--account", "news", "--force", "--json")

    assert (status, outcomes(out)) == (1, {"news": "failed"})
    assert data(ytpool("auth", "list", "--json")[1])["accounts"] == before
    assert ytpool("upload", video, "--account", "news")[0] == 0


def test_sixteen_at_once_refresh_once(ytpool, sandbox):
    sandbox.channel("news").expire_token()
    sandbox.control.clock(forward=timedelta(hours=1, minutes=1))
    ytpool("refresh-tokens", "--account", "sports", "--force")  # its answer tells ytpool the time
    sandbox.channel("news").spoil("token", "slow", seconds=0.5, times=99)
    before = sandbox.truth()["refreshes"]

    processes = [start("refresh-tokens", "--account", "news", "--json", env=os.environ) for _ in range(16)]
    ended = [(process.communicate(timeout=60), process.returncode) for process in processes]

    assert {status for _, status in ended} == {0}, ended
    after = sandbox.truth()["refreshes"]
    assert sum(after.values()) - sum(before.values()) == 1


def test_an_account_among_many_is_refreshed_once_by_its_own_process(ytpool, sandbox):
    secrets = sandbox.secrets_file()
    names = [f"desk {number}" for number in range(14)]
    for name in names:
        login = ("auth", "import", name.replace(" ", "-"), "--client-secrets", secrets)
        assert ytpool(*login, "--token", sandbox.token_file(name))[0] == 0

    status, out, _ = ytpool("refresh-tokens", "--force", "--json")

    assert (status, set(outcomes(out).values()), len(outcomes(out))) == (0, {"refreshed"}, 16)
    assert set(sandbox.truth()["refreshes"].values()) == {2}  # the login's and this
