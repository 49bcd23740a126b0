"""Cookie files of other programs: one refresh for everybody who asks, and nothing bad replaces what was there."""

import json
import os
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
from newsroom import ended, start
from schemas import fits
from served import netscape, once

COMMAND = """
import os, pathlib, sys, time
account, written = sys.argv[1:]
assert written == os.environ["YTPOOL_COOKIES_FILE"] and account == os.environ["YTPOOL_ACCOUNT"]
assert "YTPOOL_HOME" not in os.environ
file = pathlib.Path(written)
with open({runs!r}, "a") as runs:
    runs.write(account + "\\n")
match account:
    case "slow":
        while not pathlib.Path({go!r}).exists():
            time.sleep(0.02)
    case "hangs":
        time.sleep(60)
    case "floods":
        while True:
            print("x" * 100_000)
    case "fails":
        print("the password is wrong, and SID was old-cookie", file=sys.stderr)
        sys.exit(3)
    case "nothing":
        sys.exit()
    case "junk":
        file.write_text("<html>log in</html>")
        sys.exit()
    case "empty":
        file.write_text("# Netscape HTTP Cookie File\\n")
        sys.exit()
    case "expired":
        file.write_text({late!r})
        sys.exit()
    case "visitor":
        file.write_text("# Netscape HTTP Cookie File\\n.youtube.com\\tTRUE\\t/\\tTRUE\\t4000000000\\tPREF\\tnobody\\n")
        sys.exit()
    case "other":
        cookie = dict(name="SID", value="s", domain=".youtube.com", path="/", expires=4e9)
        file.write_text('{{"cookies": [%s], "origins": []}}' % __import__("json").dumps(cookie))
        sys.exit()
    case "pipe":
        os.mkfifo(written)
        sys.exit()
    case "huge":
        file.write_bytes(b"#" * 60_000_000)
        sys.exit()
file.write_text({fresh!r})
"""


@pytest.fixture
def cookies(home, ytpool, tmp_path):
    """Make an account's cookie file, which the settings name, with a command that knows many ways to go wrong."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    program = tmp_path / "log-in.py"
    texts = {"late": netscape("late", 1_600_000_000), "fresh": netscape("fresh")}
    program.write_text(COMMAND.format(runs=str(tmp_path / "runs"), go=str(tmp_path / "go"), **texts))
    settings = home / "default" / "config.toml"
    words = [sys.executable, str(program), "{account}", "{file}"]
    settings.write_text(f"{settings.read_text()}\n[sessions.refresh]\ncommand = {json.dumps(words)}\n")

    def make(account):
        path = tmp_path / f"{account}.txt"
        path.write_text(netscape("old-cookie"))
        path.chmod(0o644)
        settings.write_text(f'{settings.read_text()}\n[cookie_files.{account}]\npath = "{path}"\n')
        return path

    return make


@pytest.fixture
def runs(tmp_path):
    return lambda: (tmp_path / "runs").read_text().split()


def books(home):
    return closing(sqlite3.connect(home / "default" / "state.db", isolation_level=None))


def refreshed(ytpool, account):
    status, out, _ = ytpool("sessions", "refresh", account, "--json")
    return status, json.loads(out)


def test_eight_processes_that_ask_for_the_same_refresh_run_it_once(cookies, runs, tmp_path):
    path = cookies("slow")

    processes = [start("sessions", "refresh", "slow", "--json", env={**os.environ}) for _ in range(8)]
    once(lambda: sum(one.poll() is not None for one in processes) == 7, within=60)
    (tmp_path / "go").touch()
    ends = sorted((ended(one)[:2] for one in processes), key=lambda end: end[0])

    assert runs() == ["slow"]
    assert path.read_text() == netscape("fresh")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [status for status, _ in ends] == [0, *[6] * 7]
    assert ends[0][1]["data"]["outcome"] == "refreshed"
    for _, told in ends[1:]:
        assert "the cookies of slow are being refreshed, in progress since" in told["error"]["message"]
        assert int(told["error"]["details"]["by"].rpartition("/")[2]) in [one.pid for one in processes]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("hangs", "was not done within 1.5 seconds, and was ended"),
        ("floods", "was not done within 1.5 seconds, and was ended"),
        ("fails", "ended with status 3: the password is wrong, and SID was (secret)"),
        ("nothing", "ended well, and wrote no cookies"),
        ("junk", "is not taken"),
        ("empty", "it has no cookies"),
        ("expired", "the new cookies ended at 2020-09-13 12:26 UTC"),
        ("visitor", "nobody is logged in at youtube with the new cookies"),
        ("other", "the new cookies are written as storage-state, and"),
        ("pipe", "cookies is no file"),
        ("huge", "a browser session has at most"),
    ],
)
def test_what_is_no_better_than_the_old_cookies_does_not_replace_them(
    ytpool, cookies, home, runs, monkeypatch, account, said
):
    path = cookies(account)
    if "1.5" in said:
        monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_TIMEOUT", "1.5")

    status, told = refreshed(ytpool, account)

    assert (status, told["error"]["code"]) == (1, "refresh_failed")
    assert said in told["error"]["message"]
    assert path.read_text() == netscape("old-cookie")
    assert [left.name for left in (*path.parent.glob(".*"), *(home / "default").glob("refresh.*"))] == []
    again, told = refreshed(ytpool, account)
    assert (again, told["error"]["code"], runs()) == (5, "resting", [account])
    assert said in told["error"]["message"]


def test_what_a_refresh_says_fits_its_schema(ytpool, cookies):
    cookies("news")

    for _ in range(2):
        status, out, _ = ytpool("sessions", "refresh", "news", "--json")

        assert status == 0
        fits("sessions-refresh", out)


def test_a_refresh_that_succeeded_is_not_repeated_within_five_minutes_unless_its_file_is_lost(
    ytpool, cookies, home, runs
):
    path = cookies("news")
    assert refreshed(ytpool, "news")[1]["data"]["outcome"] == "refreshed"

    status, told = refreshed(ytpool, "news")
    path.unlink()
    lost, refusal = refreshed(ytpool, "news")
    with books(home) as state:
        state.execute("UPDATE refreshes SET begun = begun - 301")

    assert (status, told["data"]["outcome"], told["data"]["cookies"]) == (0, "fresh", 8)
    assert (lost, "its file is not what it was" in refusal["error"]["message"]) == (5, True)
    assert refreshed(ytpool, "news")[1]["data"]["outcome"] == "refreshed"
    assert runs() == ["news", "news"]


def test_a_refresher_that_is_killed_frees_its_place_and_leaves_the_old_cookies(
    ytpool, cookies, home, runs, tmp_path, monkeypatch
):
    path = cookies("hangs")
    process = start("sessions", "refresh", "hangs", "--json", env={**os.environ})
    once(lambda: (tmp_path / "runs").exists() and runs())
    (command,) = [int(pid) for pid in _children(process.pid)]
    busy = refreshed(ytpool, "hangs")
    process.kill()
    process.communicate()
    os.killpg(command, signal.SIGKILL)

    status, told = refreshed(ytpool, "hangs")

    assert (busy[0], busy[1]["error"]["details"]["by"].endswith(f"/{process.pid}")) == (6, True)
    assert (status, "did not come to its end" in told["error"]["message"]) == (5, True)
    assert path.read_text() == netscape("old-cookie")
    assert len(list((home / "default").glob("refresh.*"))) == 1
    with books(home) as state:
        state.execute("UPDATE refreshes SET begun = begun - 301")
    (tmp_path / "good").write_text(netscape("good"))
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", f"cp {tmp_path / 'good'} {{file}}")
    assert refreshed(ytpool, "hangs")[0] == 0
    assert path.read_text() == netscape("good")
    assert list((home / "default").glob("refresh.*")) == []


def _children(pid):
    return [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


def test_ctrl_c_ends_the_command_and_keeps_the_old_cookies(cookies, runs, tmp_path):
    path = cookies("hangs")
    process = start("sessions", "refresh", "hangs", "--json", env={**os.environ})
    once(lambda: (tmp_path / "runs").exists() and runs())
    (command,) = _children(process.pid)

    process.send_signal(signal.SIGINT)
    status, told, _ = ended(process)

    assert (status, told["error"]["code"]) == (130, "interrupted")
    assert not Path(f"/proc/{command}").exists()
    assert path.read_text() == netscape("old-cookie")


def test_a_second_machine_is_told_since_when_and_by_whom(ytpool, cookies, home, runs):
    path = cookies("news")
    assert refreshed(ytpool, "news")[0] == 0
    with books(home) as state:
        state.execute("UPDATE refreshes SET begun = begun - 301, outcome = 'running'")
        state.execute(
            "UPDATE leases SET host = 'other-machine', pid = 7, holder = 'other-machine/7', "
            "expires = (SELECT begun FROM refreshes) + 600 WHERE kind = 'session_refresh'"
        )

    status, told = refreshed(ytpool, "news")
    planned = json.loads(ytpool("sessions", "refresh", "news", "--dry-run", "--json")[1])["data"]

    assert (status, told["error"]["details"]["by"]) == (6, "other-machine/7")
    assert planned["in_progress_by"] == "other-machine/7"
    assert (planned["path"], planned["program"]) == (str(path), sys.executable)
    assert runs() == ["news"]


@pytest.mark.parametrize(
    ("variables", "account", "file"),
    [
        ({"YT_ACCOUNT_ID": "theirs", "YT_DLP_COOKIES_FILE": "/theirs.txt"}, "theirs", "/theirs.txt"),
        ({"YT_ACCOUNT_ID": "theirs", "YTPOOL_SERVE_ACCOUNT": "ours"}, "ours", "/of-the-file.txt"),
        ({"YT_DLP_COOKIES_FILE": "/theirs", "YTPOOL_SERVE_COOKIES_FILE": "/ours"}, "of-the-file", "/ours"),
        ({}, "of-the-file", "/of-the-file.txt"),
    ],
)
def test_other_programs_variables_go_before_the_file_and_ours_before_those(
    ytpool, home, monkeypatch, variables, account, file
):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with (home / "default" / "config.toml").open("a") as settings:
        settings.write('\n[serve]\naccount = "of-the-file"\ncookies_file = "/of-the-file.txt"\n')
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    told = json.loads(ytpool("config", "show", "--json")[1])["data"]["settings"]

    values = {one["key"]: one["value"] for one in told}
    assert (values["serve.account"], values["serve.cookies_file"]) == (account, file)


def test_who_has_no_cookie_file_or_no_command_is_told_what_to_write(ytpool, cookies, monkeypatch):
    cookies("news")

    status, told = refreshed(ytpool, "nobody")
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", "''")
    without, refusal = refreshed(ytpool, "news")
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", f"{sys.executable} -c 'raise SystemExit(4)'")
    failed, ended_with = refreshed(ytpool, "news")

    assert (status, told["error"]["code"]) == (2, "unknown_name")
    assert "[cookie_files.nobody]" in told["error"]["hint"]
    assert (without, refusal["error"]["code"]) == (2, "config_invalid")
    assert "[sessions.refresh]" in refusal["error"]["hint"]
    assert (failed, "ended with status 4" in ended_with["error"]["message"]) == (1, True)
