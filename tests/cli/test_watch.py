"""`quota report --watch`: on a terminal, in a pipe, for a script; and how it ends."""

import json
import os
import re
import signal
import time

import pytest
from books import Books, ObedientClock, make_account
from newsroom import start
from screens import Terminal

FIRST = "\x1b[?1049h"
LAST = "\x1b[?1049l"
FRAME = "\x1b[?2026h\x1b[H"


@pytest.fixture
def books(sandbox, ytpool, home):
    """The newsroom's books of today."""
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    now = sandbox.control.clock()
    books = Books(next(home.rglob("state.db")), ObedientClock(now), seed=1)
    with books.transaction() as tx:
        books.payer = make_account(tx, "evening", project="press")
    yield books
    books.database.close()


def test_a_terminal_is_kept_filled_with_what_is_so_now_whatever_its_size(books, monkeypatch):
    monkeypatch.setenv("LINES", "24")  # some shells export what was so when they began
    with Terminal("quota", "report", "--watch", "0.2") as screen:
        before = screen.shows("Ctrl-C ends")
        assert before[0].startswith("Quota of ")
        assert not screen.cursor_is_shown
        for _ in range(77):
            books.spend(books.payer, "videos.insert")

        screen.shows("77 %")
        screen.resize(40, 10)
        small = screen.shows("lines more")
        assert small[-1].endswith("to the reset; every")
        screen.resize(120, 40)
        large = screen.shows("Elsewhere")
        assert any("Channel" in line for line in large)
        status = screen.press_ctrl_c()

        assert status == 130
        assert screen.cursor_is_shown
        written = screen.written.decode()
    frames = written[written.index(FIRST) : written.index(LAST)].split(FRAME)
    assert len(frames) >= 5
    assert not any("\x1b[2J" in frame or "\x1b[J" in frame for frame in frames[1:])
    after = written[written.index(LAST) :]
    assert "Quota of " in after
    assert "no longer watching" in after


def test_a_picture_can_be_watched_too(books):
    books.spend(books.payer, "videos.insert")
    with Terminal("quota", "report", "--watch", "--plot") as screen:
        screen.shows("evening 1 (100 %)")

        assert "every 2 s" in screen.lines[-1]
        assert screen.press_ctrl_c() == 130


@pytest.mark.usefixtures("books")
def test_a_script_gets_a_line_each_time_and_the_result_at_the_end():
    process = start("quota", "report", "--watch", "0.2", "--json", env=dict(os.environ))
    events = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    last = json.loads(out.splitlines()[-1])
    assert (process.returncode, err) == (130, "")
    assert [event["event"] for event in events] == ["report"] * 3
    assert {**events[0], "event": ""}.keys() == {"event", *last["data"]}
    assert (last["event"], last["ok"], last["error"]["code"]) == ("result", False, "interrupted")


@pytest.mark.usefixtures("books")
def test_a_pipe_gets_a_table_each_time_until_nobody_reads_any_more():
    process = start("quota", "report", "--watch", "0.2", env=dict(os.environ))
    seen = [process.stdout.readline() for _ in range(30)]
    began = time.monotonic()
    process.stdout.close()

    assert process.wait(timeout=20) == 141
    assert time.monotonic() - began < 10
    assert process.stderr.read() == ""
    process.stderr.close()
    assert len([line for line in seen if line.startswith("Project\tBucket\t")]) >= 2
    assert not any("\x1b" in line for line in seen)


@pytest.mark.usefixtures("sandbox")
def test_a_span_that_makes_no_sense_is_refused(ytpool):
    for word in ("0", "nonsense", "-1"):
        status, _, err = ytpool("quota", "report", "--watch", word)

        assert status == 2
        assert re.search("watch|no such option", err.lower())
