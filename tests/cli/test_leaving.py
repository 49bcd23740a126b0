"""`ytpool auth revoke`: an account leaves at Google and here, and whatever happens meanwhile somebody finishes it."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta

import pytest
from newsroom import ROOT, assert_books_agree, start
from schemas import fits
from told import told


@pytest.fixture
def rows(home):
    def select(sql):
        with closing(sqlite3.connect(home / "default" / "state.db")) as connection:
            return connection.execute(sql).fetchall()

    return select


def test_a_login_is_ended_at_google_and_only_the_books_stay(ytpool, sandbox, video, rows, tmp_path):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    used = told(ytpool("quota", "report", "--json")[1])["data"]["totals"]["used"]

    status, out, err = ytpool("auth", "revoke", "news", "--yes", "--json")
    data = fits("auth-revoke", out)

    assert (status, data["ended_at_google"], data["deleted"]) == (0, True, True), err
    assert "ending the login of news for channel news (UC" in err
    assert sandbox.calls("revoke") == 1
    stolen = ("auth", "import", "back", "--client-secrets", sandbox.secrets_file(), "--token")
    status, _, err = ytpool(*stolen, tmp_path / "token-news.json")
    assert (status, "is dead" in err) == (4, True)
    assert [row["account"] for row in told(ytpool("auth", "list", "--json")[1])["data"]["accounts"]] == ["sports"]
    assert rows("SELECT * FROM secrets WHERE owner = 'news'") == rows("SELECT * FROM leavings") == []
    assert rows("SELECT count(*) FROM channels WHERE title = 'news'") == [(0,)]
    assert told(ytpool("quota", "report", "--json")[1])["data"]["totals"]["used"] == used
    assert ("oauth.revoke", "done") in rows("SELECT operation, outcome FROM activity WHERE account = 'news'")
    left = rows("SELECT DISTINCT channel_id, reason, detail FROM activity WHERE account = 'news'")
    assert (left, rows("SELECT * FROM activity_erasures")) == ([(None, "", "")], [])
    assert told(ytpool("activity", "report", "--account", "news", "--json")[1])["data"]["totals"]["calls"] > 1
    assert ytpool("auth", "revoke", "news", "--yes")[0] == 2  # there is none of that name any more
    assert_books_agree(ytpool, sandbox)


@pytest.mark.usefixtures("sandbox")
def test_it_asks_before_it_ends_anything(ytpool, sandbox):
    status, _, err = ytpool("auth", "revoke", "news")
    dry, out, _ = ytpool("auth", "revoke", "news", "--dry-run", "--json")

    assert (status, dry, told(out)["data"]["deleted"]) == (2, 0, False)
    assert "--yes" in err
    assert sandbox.calls("revoke") == 0


def test_an_account_with_unfinished_jobs_stays(ytpool, sandbox, video):
    assert ytpool("accounts", "disable", "news")[0] == 0
    assert ytpool("upload", video, "--account", "news")[0] == 6

    status, out, _ = ytpool("auth", "revoke", "news", "--yes", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "busy")
    assert "news is not removed: it has 1 unfinished job" in told(out)["error"]["message"]
    assert sandbox.calls("revoke") == 0


def test_while_google_does_not_answer_the_account_is_out_of_service_and_housekeeping_goes_on(
    ytpool, sandbox, video, rows
):
    sandbox.channel("news").fail("revoke", "backendError", times=2)

    status, out, _ = ytpool("auth", "revoke", "news", "--yes", "--json")
    data = fits("auth-revoke", out)

    assert (status, told(out)["error"]["code"], data["deleted"]) == (5, "leaving_delayed", False)
    assert "ytpool auth revoke news" in told(out)["error"]["hint"]
    assert data["delete_by"]
    assert ytpool("upload", video, "--account", "news", "--dry-run")[0] == 6
    [item] = [item for item in fits("todo", ytpool("todo", "--json")[1])["items"] if item["kind"] == "leaving"]
    assert item["command"] == "ytpool auth revoke news"
    assert ytpool("auth", "revoke", "news", "--json")[0] == 5  # it was agreed to, and is not asked again

    assert ytpool("refresh-tokens")[0] == 0
    assert rows("SELECT count(*) FROM leavings") == [(1,)]  # tried lately
    sandbox.control.clock(forward=timedelta(minutes=11))
    ytpool("refresh-tokens", "--account", "sports", "--force")  # its answer tells ytpool the time
    assert ytpool("refresh-tokens")[0] == 0
    assert rows("SELECT count(*) FROM leavings") == rows("SELECT count(*) FROM secrets WHERE owner = 'news'") == [(0,)]
    assert ytpool("accounts", "show", "news")[0] == 2


def test_a_job_that_comes_in_between_keeps_the_name_and_no_token(ytpool, sandbox, video, rows):
    sandbox.channel("news").fail("revoke", "backendError")
    assert ytpool("auth", "revoke", "news", "--yes")[0] == 5
    assert ytpool("upload", video, "--account", "news")[0] == 6  # refused, and kept for when it is enabled again
    [job] = told(ytpool("queue", "list", "--json")[1])["data"]["jobs"]

    status, out, _ = ytpool("auth", "revoke", "news", "--json")

    assert (status, told(out)["error"]["details"]["jobs"]) == (6, [job["job"]])
    assert rows("SELECT count(*) FROM secrets WHERE owner = 'news'") == [(0,)]
    assert ytpool("queue", "cancel", job["job"])[0] == 0
    assert ytpool("auth", "revoke", "news", "--json")[0] == 0
    assert rows("SELECT count(*) FROM accounts WHERE account = 'news'") == [(0,)]
    assert sandbox.calls("revoke") == 2


def test_after_seven_days_the_tokens_go_even_if_google_never_answered(ytpool, sandbox, rows):
    sandbox.channel("news").fail("revoke", "backendError", times=9)
    assert ytpool("auth", "revoke", "news", "--yes")[0] == 5
    sandbox.control.clock(forward=timedelta(days=7, minutes=1))
    ytpool("refresh-tokens", "--account", "sports", "--force")  # its answer tells ytpool the time

    status, out, _ = ytpool("auth", "revoke", "news", "--json")

    data = fits("auth-revoke", out)
    assert (status, data["ended_at_google"], data["deleted"]) == (0, False, True)
    assert "myaccount.google.com" in data["notes"][0]
    assert rows("SELECT count(*) FROM secrets WHERE owner = 'news'") == [(0,)]


def test_what_google_refuses_is_for_a_person(ytpool, sandbox):
    sandbox.channel("news").fail("revoke", "forbidden")

    status, out, _ = ytpool("auth", "revoke", "news", "--yes", "--json")

    assert (status, told(out)["error"]["code"]) == (7, "outcome_unknown")
    assert "myaccount.google.com" in told(out)["error"]["hint"]
    assert ytpool("auth", "revoke", "news", "--yes")[0] == 0


def test_a_login_that_is_dead_already_is_simply_forgotten(ytpool, sandbox):
    sandbox.channel("news").revoke()

    status, out, _ = ytpool("auth", "revoke", "news", "--yes", "--json")

    assert (status, fits("auth-revoke", out)["deleted"], fits("auth-revoke", out)["ended_at_google"]) == (
        0,
        True,
        False,
    )


def test_two_accounts_of_one_login_do_not_end_each_other(ytpool, sandbox):
    login = ("auth", "import", "again", "--client-secrets", sandbox.secrets_file())
    assert ytpool(*login, "--token", sandbox.token_file("news"))[0] == 0

    status, out, _ = ytpool("auth", "revoke", "again", "--yes", "--json")

    assert (status, sandbox.calls("revoke")) == (0, 0)
    assert "news lives by the same" in fits("auth-revoke", out)["notes"][0]
    assert ytpool("refresh-tokens", "--force")[0] == 0


@pytest.mark.parametrize("by", ["refresh-tokens", "the same command"])
def test_whatever_dies_on_the_way_somebody_finishes_it(ytpool, sandbox, rows, by):
    after = (("refresh-tokens",), ("auth", "revoke", "news", "--yes", "--json"))[by == "the same command"]
    for number in range(1, 5):
        if not rows("SELECT 1 FROM accounts WHERE account = 'news'"):
            login = ("auth", "import", "news", "--client-secrets", sandbox.secrets_file(), "--pool", "main")
            assert ytpool(*login, "--token", sandbox.token_file("news"))[0] == 0
        program = [sys.executable, "tests/killing.py", f"after {number}", "ytpool", "auth", "revoke", "news", "--yes"]
        died = subprocess.run(program, cwd=ROOT, env=os.environ, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr

        assert ytpool(*after)[0] in (0, 2)  # 2: it had gone already

        if rows("SELECT 1 FROM accounts WHERE account = 'news'"):  # died before it was said
            assert rows("SELECT * FROM leavings") == []
            assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 0
        else:
            assert rows("SELECT * FROM secrets WHERE owner = 'news'") == []


def test_a_refresh_under_way_leaves_no_token_behind(ytpool, sandbox, rows):
    sandbox.channel("news").spoil("token", "slow", seconds=1)
    refresh = start("refresh-tokens", "--account", "news", "--force", env=os.environ)
    before = sandbox.calls("token")
    while sandbox.calls("token") == before:
        time.sleep(0.02)

    assert ytpool("auth", "revoke", "news", "--yes")[0] == 0

    refresh.communicate(timeout=30)
    assert rows("SELECT * FROM secrets WHERE owner = 'news'") == []


def test_a_new_login_or_the_operators_word_takes_it_back(ytpool, sandbox, rows):
    sandbox.control.add_fault(method="revoke", kind="error", error="backendError", times=2)
    for back in (
        ("accounts", "enable", "news"),
        ("auth", "import", "news", "--client-secrets", sandbox.secrets_file(), "--token", sandbox.token_file("news")),
    ):
        assert ytpool("auth", "revoke", "news", "--yes")[0] == 5

        assert ytpool(*back)[0] == 0

        assert rows("SELECT * FROM leavings") == []
        assert told(ytpool("accounts", "show", "news", "--json")[1])["data"]["state"] == "active"


def test_an_account_that_logs_in_while_its_old_login_is_being_ended_stays(ytpool, sandbox, rows):
    sandbox.channel("news").spoil("revoke", "slow", seconds=1.5)
    with start("auth", "revoke", "news", "--yes", "--json", env=os.environ) as leaves:
        while not sandbox.calls("revoke"):
            time.sleep(0.02)
        login = ("auth", "import", "news", "--client-secrets", sandbox.secrets_file())
        assert ytpool(*login, "--token", sandbox.token_file("news"))[0] == 0
        out, err = leaves.communicate(timeout=30)

    assert (leaves.returncode, told(out)["error"]["code"]) == (6, "busy"), err
    assert rows("SELECT state, standing FROM accounts WHERE account = 'news'") == [("active", "active")]
    assert rows("SELECT count(*) FROM secrets WHERE owner = 'news'") == [(2,)]
