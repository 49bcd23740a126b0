"""A machine whose clock is a day behind what Google has already confirmed writes nothing until somebody has looked."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from machines import WRONG_CLOCK
from newsroom import ROOT, assert_books_agree, working_by

from ytpool.clock import SystemClock
from ytpool.domain import moments


@pytest.fixture
def state(home):
    return home / "default" / "state.db"


@pytest.fixture
def set_back(state, sandbox):
    """Boot the machine with a clock that is a day behind: Google has named a later moment before."""

    def back():
        tomorrow = sandbox.control.clock() + timedelta(days=1)
        with closing(sqlite3.connect(state)) as books, books:
            books.execute(
                "UPDATE meta SET value = ? WHERE key = 'google_confirmed'", (f"{moments.text(tomorrow)} 1.0 before",)
            )

    return back


@pytest.mark.parametrize(
    "words",
    [
        ("upload", "VIDEO", "--pool", "main"),
        ("upload", "VIDEO", "--account", "sports", "--wait"),
        ("work", "--once"),
        ("work",),
        ("video", "show", "a1b2c3d4e5f", "--account", "news"),
    ],
)
def test_nothing_is_written_and_what_helps_is_said(ytpool, sandbox, make_video, set_back, words):
    assert ytpool("upload", make_video("first.mp4", 1000), "--account", "news")[0] == 0
    set_back()
    before = sandbox.truth()["calls"]
    video = str(make_video("second.mp4", 1000))

    status, out, _ = ytpool(*[video if word == "VIDEO" else word for word in words], "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (6, "clock_behind")
    assert "this machine's clock says" in error["message"]
    assert "ytpool state check --accept-clock" in error["hint"]
    assert sandbox.truth()["calls"] == before
    checks = {one["check"]: one for one in json.loads(ytpool("health", "--json")[1])["data"]["checks"]}
    assert checks["clock"]["status"] == "fail"
    assert ytpool("quota", "report")[0] == 0
    assert ytpool("state", "check")[0] == 0


def by_the_right_clock(sandbox, *words):
    """Run a command where the clock is right: this machine's is up to a day behind the sandbox's noon."""
    behind = sandbox.control.clock() - datetime.now(UTC)
    program = [sys.executable, WRONG_CLOCK, str(behind.total_seconds()), "ytpool", *map(str, words)]
    done = subprocess.run(program, env=os.environ, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_person_may_say_that_the_clock_is_right_and_nothing_rests_for_longer_than_it_was_to(
    ytpool, sandbox, make_video, set_back, state
):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", make_video("first.mp4", 1000), "--pool", "main")[0] == 0
    tomorrow = timedelta(days=1)
    with closing(sqlite3.connect(state)) as books, books:  # written while the clock was ahead
        [(since, until)] = books.execute("SELECT since, until FROM rests")
        later = [moments.text(moments.parse(moment) + tomorrow) for moment in (since, until)]
        books.execute("UPDATE rests SET since = ?, until = ?", later)
    set_back()
    assert ytpool("upload", make_video("second.mp4", 1000), "--pool", "main")[0] == 6

    status, out, _ = by_the_right_clock(sandbox, "state", "check", "--accept-clock", "--json")

    told = json.loads(out)["data"]
    assert (status, told["clock_accepted"], told["books"]) == (0, True, [])
    assert by_the_right_clock(sandbox, "upload", make_video("second.mp4", 1000), "--pool", "main")[0] == 0
    assert [len(sandbox.videos_on(name)) for name in ("news", "sports")] == [0, 2]
    [rest] = json.loads(ytpool("rests", "list", "--json")[1])["data"]["rests"]
    assert datetime.fromisoformat(rest["until"]) - datetime.fromisoformat(rest["since"]) == timedelta(hours=24)
    assert datetime.fromisoformat(rest["until"]) - sandbox.control.clock() <= timedelta(hours=24)
    assert_books_agree(ytpool, sandbox)


class WallThatIsSet(SystemClock):
    """The machine's clocks, with somebody at the one on the wall."""

    ahead = timedelta()

    def now(self):
        return super().now() + self.ahead


def test_a_worker_goes_by_googles_time_while_somebody_sets_the_machines_clock_forward_and_back(
    ytpool, sandbox, make_video
):
    evening = f"{sandbox.control.clock() + timedelta(hours=6):%Y-%m-%dT%H:%MZ}"
    clock = WallThatIsSet()
    later = ("upload", make_video("later.mp4", 1000), "--account", "sports", "--queue", "--not-before", evening)
    assert ytpool(*later)[0] == 0

    with working_by(clock) as ended:
        for number, days in enumerate((0, 2, -2, 400, 0), start=1):
            clock.ahead = timedelta(days=days)
            assert ytpool("upload", make_video(f"{number}.mp4", 1000), "--account", "news", "--queue")[0] == 0
            deadline = time.monotonic() + 20
            while len(ended) < number:
                assert time.monotonic() < deadline, (days, ended)
                time.sleep(0.02)

    assert [one.state for one in ended] == ["done"] * 5
    assert (len(sandbox.videos_on("news")), sandbox.videos_on("sports")) == (5, [])
    assert json.loads(ytpool("rests", "list", "--json")[1])["data"]["rests"] == []
    assert [one["state"] for one in json.loads(ytpool("queue", "list", "--json")[1])["data"]["jobs"]] == ["queued"]
    assert_books_agree(ytpool, sandbox)
