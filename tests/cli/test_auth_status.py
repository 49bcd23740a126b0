"""How long logins will live: an operator learns that one will die before it does."""

import json
import re
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from newsroom import FORCE_SSL, assert_books_agree
from schemas import fits
from told import data

UPLOAD_ONLY = "https://www.googleapis.com/auth/youtube.upload"
READ_ONLY = "https://www.googleapis.com/auth/youtube.readonly"


@pytest.fixture
def status(ytpool):
    """Ask for the life of logins; returns the status, and each account's row."""

    def ask(*words):
        ended, out, _ = ytpool("auth", "status", "--json", *words)
        return ended, {row["account"]: row for row in fits("auth-status", out)["accounts"]}

    return ask


@pytest.fixture
def later(ytpool, sandbox):
    """Let time go by; the answer to the refresh of `sports` tells ytpool so."""

    def go(**span):
        sandbox.control.clock(forward=timedelta(**span))
        ytpool("refresh-tokens", "--account", "sports", "--force")

    return go


def kinds(row):
    return [one["kind"] for one in row["concerns"]]


def warned_of(ytpool, name):
    """What `health` and `todo` say of a login."""
    checks = [one for one in data(ytpool("health", "--json")[1])["checks"] if one["check"] == f"grant {name}"]
    items = [one for one in data(ytpool("todo", "--json")[1])["items"] if one["name"] == name]
    return {one["status"] for one in checks}, {(one["kind"], one["command"]) for one in items}


def moment(text):
    return datetime.fromisoformat(text)


def test_a_login_that_nothing_threatens_ends_after_six_months_without_a_refresh(ytpool, status, later):
    ended, found = status()
    news = found["news"]
    assert (ended, kinds(news), news["ends_because"], news["error"]) == (0, [], "unused", None)
    assert (news["used_for"], news["scopes"], news["missing_scopes"]) == (["list", "upload"], [FORCE_SSL], [])
    assert moment(news["ends_at"]) - moment(news["proved_at"]) == timedelta(days=180)
    assert warned_of(ytpool, "news") == ({"pass"}, set())

    later(days=151)

    ended, found = status()
    assert (ended, kinds(found["news"])[0], kinds(found["sports"])) == (0, "login_ends", [])
    command = "ytpool refresh-tokens --account news --force"
    assert found["news"]["concerns"][0]["command"] == command
    assert warned_of(ytpool, "news") == ({"warn"}, {("login_ends", command)})
    assert ytpool(*command.split()[1:])[0] == 0
    assert status()[1]["news"]["ends_at"] > found["news"]["ends_at"]


def test_seven_days_of_testing_mode_are_foreseen_and_end_as_foreseen(ytpool, empty_sandbox, status, browser):
    empty_sandbox.channel("news").channel_id  # noqa: B018 - asking for it makes it
    browser("news")
    assert ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(testing=True))[0] == 0

    _, found = status()
    assert (found["news"]["ends_because"], kinds(found["news"])) == ("testing", [])
    assert warned_of(ytpool, "news") == ({"pass"}, set())

    empty_sandbox.control.clock(forward=timedelta(days=5, hours=1))
    assert ytpool("refresh-tokens", "--force")[0] == 0
    ended, found = status()
    assert (ended, kinds(found["news"])) == (0, ["login_ends"])
    assert warned_of(ytpool, "news") == ({"warn"}, {("login_ends", "ytpool auth add news")})

    empty_sandbox.control.clock(forward=timedelta(days=2))
    assert ytpool("refresh-tokens", "--force")[0] == 4
    ended, found = status()
    assert (ended, kinds(found["news"]), found["news"]["ends_at"]) == (4, ["login_needed"], None)
    assert found["news"]["error"]["hint"] == "run: ytpool auth add news"
    assert warned_of(ytpool, "news") == ({"fail"}, {("login_needed", "ytpool auth add news")})


def test_one_dead_login_among_others_is_partly(ytpool, sandbox, status):
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] == 3

    assert status()[0] == 3
    assert status("--account", "news")[0] == 4
    assert status("--account", "sports")[0] == 0


def test_a_login_that_allows_less_than_the_account_is_used_for_is_told_before_it_fails(
    ytpool, empty_sandbox, status, browser
):
    token = empty_sandbox.token_file("news", scopes=(READ_ONLY,))
    login = ("auth", "import", "news", "--client-secrets", empty_sandbox.secrets_file(), "--token", token)
    assert ytpool(*login)[0] == 0
    assert status()[1]["news"]["missing_scopes"] == []

    assert ytpool(*login, "--pool", "main")[0] == 0

    news = status()[1]["news"]
    assert (kinds(news), news["missing_scopes"], news["used_for"]) == (
        ["scope_missing"],
        [UPLOAD_ONLY],
        ["list", "upload"],
    )
    command = "ytpool auth add news --for upload"
    assert warned_of(ytpool, "news") == ({"warn"}, {("scope_missing", command)})
    browser("news")
    assert ytpool(*command.split()[1:], "--yes")[0] == 0
    assert (status()[1]["news"]["concerns"], status()[1]["news"]["missing_scopes"]) == ([], [])


def test_a_client_that_was_deleted_is_told_with_the_way_around_it(ytpool, sandbox, status):
    sandbox.channel("news").fail("token", "deleted_client")
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 1

    ended, found = status()

    assert (ended, kinds(found["news"]), kinds(found["sports"])) == (4, ["client_refused"], ["client_refused"])
    assert "--client-secrets FILE" in found["news"]["concerns"][0]["command"]
    assert warned_of(ytpool, "news") == ({"fail"}, set())  # the project's rest stands in `todo`, once


def test_a_client_that_gave_out_nearly_a_hundred_logins_is_warned_of_at_the_oldest(ytpool, sandbox, status):
    login = ("auth", "import", "sports", "--client-secrets", sandbox.secrets_file())
    for _ in range(89):
        assert ytpool(*login, "--token", sandbox.token_file("sports"))[0] == 0

    _, found = status()

    assert (kinds(found["news"]), kinds(found["sports"])) == (["crowded"], [])
    assert "given out 91 logins" in found["news"]["concerns"][0]["message"]


# -- the channel behind each login, within every thirty days


def test_refresh_tokens_looks_at_the_channels_again_before_thirty_days_are_over(ytpool, sandbox, status, later):
    before = sandbox.calls("channels.list")
    later(days=27)
    assert data(ytpool("refresh-tokens", "--json")[1])["verified"] == []

    later(days=1, minutes=1)  # the login of `sports` that tells the time is verified along the way
    ended, out, err = ytpool("refresh-tokens", "--json")

    assert ended == 0
    assert [(one["account"], one["outcome"], one["units"]) for one in data(out)["verified"]] == [
        ("news", "verified", 1)
    ]
    assert "news" in err
    assert sandbox.calls("channels.list") - before == 2
    assert all(moment(row["verify_by"]) > moment(row["proved_at"]) for row in status()[1].values())
    assert_books_agree(ytpool, sandbox)


def test_a_verification_that_cannot_be_had_is_done_the_next_time_and_told_when_it_is_late(
    ytpool, sandbox, status, later
):
    later(days=31)
    assert kinds(status()[1]["news"]) == ["unverified"]
    assert warned_of(ytpool, "news") == ({"warn"}, set())
    sandbox.channel("news").fail("channels.list", "backendError")

    ended, out, _ = ytpool("refresh-tokens", "--json")
    assert (ended, [one["outcome"] for one in data(out)["verified"]]) == (0, ["later"])
    ended, out, _ = ytpool("refresh-tokens", "--json")

    assert (ended, [one["outcome"] for one in data(out)["verified"]]) == (0, ["verified"])
    assert kinds(status()[1]["news"]) == []


def test_a_login_that_speaks_for_another_channel_now_needs_a_new_one(ytpool, sandbox, status, later, monkeypatch):
    later(days=29)
    other = sandbox.control.grant("press", "sports", [FORCE_SSL])

    with Says({"access_token": other["access_token"], "expires_in": 3599, "token_type": "Bearer"}) as url:
        monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", url)
        ended, out, _ = ytpool("refresh-tokens", "--account", "news", "--force", "--json")

    assert ended == 4
    assert [(one["account"], one["outcome"]) for one in data(out)["verified"]] == [("news", "other_channel")]
    [concern] = status()[1]["news"]["concerns"]
    assert (concern["kind"], "speaks for channel sports" in concern["message"]) == ("login_needed", True)


class Says:
    """A token endpoint that says one thing to everybody."""

    def __init__(self, body):
        class Visitor(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                content = json.dumps(body).encode()
                self.send_response_only(200)  # without a Date: the sandbox alone says what time it is
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Visitor)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/token"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.mark.parametrize("columns", [80, 200])
def test_people_see_it_in_one_table(ytpool, sandbox, monkeypatch, columns):
    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--account", "news", "--force")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))

    status, out, _ = ytpool("auth", "status")

    assert status == 3
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in out.splitlines()]
    assert max(map(len, lines)) <= columns
    assert ("Last answer" in lines[0]) == (columns == 200)
    assert "ytpool auth add news" in " ".join(" ".join(lines).split())
