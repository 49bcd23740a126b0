"""Logins through a real browser, and by servers of OAuth that are not ours."""

import os
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from newsroom import FORCE_SSL, assert_books_agree, start
from told import data, told

pytest_plugins = ["chromium", "node_packages"]


@pytest.fixture
def log_in(monkeypatch):
    """Log in with this browser, as a program of its own."""

    def log_in(browser, *words):
        monkeypatch.setenv("BROWSER", str(browser))
        with start("auth", "add", *words, "--json", env=os.environ) as process:
            try:
                out, err = process.communicate(timeout=40)
            finally:
                process.kill()
        return process.returncode, out, err

    return log_in


def test_a_person_logs_in_with_chromium(ytpool, empty_sandbox, chromium, log_in, video):
    channel = empty_sandbox.channel("The News").channel_id
    empty_sandbox.channel("sports").channel_id  # noqa: B018 - the chooser offers more than one
    person = chromium(("check", "The News"), ("click", "Continue"))

    status, out, err = log_in(
        person.program, "news", "--client-secrets", empty_sandbox.secrets_file(), "--pool", "main"
    )

    assert (status, out.count("\n")) == (0, 1), err
    assert (data(out)["channel_id"], data(out)["scopes"]) == (channel, [FORCE_SSL])
    assert "The login has arrived" in person.saw()["page"]
    came_back = next(url for url in person.saw()["went"] if "code=" in url)
    assert urlsplit(came_back).hostname == "127.0.0.1"
    assert parse_qs(urlsplit(came_back).query)["code"][0] not in out + err
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    assert len(empty_sandbox.videos_on("The News")) == 1
    assert_books_agree(ytpool, empty_sandbox)


def test_a_person_who_cancels_in_chromium_is_told_by_both(ytpool, empty_sandbox, chromium, log_in):
    empty_sandbox.channel("news").channel_id  # noqa: B018 - asking for it makes it
    person = chromium(("click", "Cancel"))

    status, out, _ = log_in(person.program, "news", "--client-secrets", empty_sandbox.secrets_file())

    assert (status, told(out)["error"]["details"]["reason"]) == (4, "access_denied")
    assert told(out)["error"]["hint"] == "nothing was changed; run the same command again"
    assert "The login was refused" in person.saw()["page"]
    assert data(ytpool("accounts", "list", "--json")[1])["accounts"] == []


@pytest.fixture
def api(ytpool, monkeypatch):
    """The sandbox's API alone, where every token is the channel's: whoever made it."""
    words = ("--profile", "sandbox", "--json")
    up = data(ytpool("sandbox", "up", "--accept-any-token", "The News", *words)[1])
    monkeypatch.setenv("YTPOOL_GOOGLE_API_ROOT", up["api_root"])
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    yield up
    ytpool("sandbox", "down", *words)


def refreshed(ytpool):
    status, out, _ = ytpool("refresh-tokens", "--force", "--json")
    return status, [row["outcome"] for row in data(out)["accounts"]]


def test_a_strict_server_with_pages_of_its_own_logs_in_and_rotates(
    ytpool, api, oauth_server, chromium, log_in, tmp_path, video
):
    person = chromium(
        *(("fill", "input[name=login]", "desk"), ("fill", "input[name=password]", "p"), ("click", "Sign-in")),
        ("click", "Continue"),
    )
    with oauth_server("oidc-provider") as server:
        status, out, err = log_in(
            person.program, "news", "--client-secrets", server.secrets_file(tmp_path / "client.json")
        )

        assert status == 0, err
        assert (data(out)["channel_id"], data(out)["scopes"]) == (api["anyone_is"], [FORCE_SSL])
        assert "The login has arrived" in person.saw()["page"]
        assert ytpool("upload", video, "--account", "news")[0] == 0
        # Each refresh hands out another refresh token, and the one before it is dead.
        assert [refreshed(ytpool) for _ in range(3)] == [(0, ["refreshed"])] * 3
    assert refreshed(ytpool) == (1, ["failed"])  # the server is gone, and that says nothing about the login


@pytest.fixture
def straight_on(tmp_path):
    """A browser for pages that ask nothing: it goes where it is sent."""
    program = tmp_path / "straight_on"
    program.write_text(f"#!{sys.executable}\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).close()\n")
    program.chmod(0o700)
    return program


def test_a_lenient_server_in_trouble_costs_nobody_a_login(
    ytpool, api, oauth_server, straight_on, log_in, tmp_path, video
):
    with oauth_server("oauth2-mock-server") as server:
        secrets = server.secrets_file(tmp_path / "client.json")
        server.answers(503, {"error": "temporarily_unavailable"})
        status, out, _ = log_in(straight_on, "news", "--client-secrets", secrets)
        assert (status, told(out)["error"]["details"]["http_status"]) == (1, 503)

        status, out, err = log_in(straight_on, "news", "--client-secrets", secrets)

        assert (status, data(out)["channel_id"]) == (0, api["anyone_is"]), err
        server.answers(503, {"error": "temporarily_unavailable"})
        assert refreshed(ytpool) == (1, ["failed"])
        assert refreshed(ytpool) == (0, ["refreshed"])
        assert ytpool("upload", video, "--account", "news")[0] == 0
        server.answers(400, {"error": "invalid_grant"})
        assert refreshed(ytpool) == (4, ["login_needed"])
        status, out, err = log_in(straight_on, "news")
        assert (status, data(out)["renewed"]) == (0, True), err
        assert refreshed(ytpool) == (0, ["refreshed"])
