"""Workers that are killed, stand still and wake again, many at once: each job's effect once, or said to be unknown.

What happens comes from one seed; `YTPOOL_CHAOS_SEED` plays it again, as far as two runs of a machine are alike.
"""

import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest
from agreement import assert_all_agrees
from newsroom import ended, start

MIB = 1024 * 1024
SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
SEED = int(os.environ.get("YTPOOL_CHAOS_SEED", "1"))
WORKERS = 8
JOBS = 80 if SCALE < 1 else int(2000 * SCALE)
SLOTS = 3
LEASE = 10.0


def data(out):
    return json.loads(out.splitlines()[-1])["data"]


def wait_until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Crew:
    """Eight workers, replaced as they end; what becomes of them is drawn from a seed."""

    def __init__(self, state, seed):
        self.rng = random.Random(seed)
        self.state = state
        self.working = []
        self.stopped = []
        self.fates = Counter()

    def go_on(self):
        """Let the dead be replaced, and wake whoever has stood still for longer than a lease."""
        for one in [one for one in self.working if one.poll() is not None]:
            self.working.remove(one)
            self._ended(one)
        while len(self.working) + len(self.stopped) < WORKERS:
            self.working.append(start("work", "--once", "--json", env=os.environ))
        for one, since in [*self.stopped]:
            if time.monotonic() - since > LEASE + 1:
                self.stopped.remove((one, since))
                one.send_signal(signal.SIGCONT)
                self.working.append(one)

    def strike(self, signal_number):
        """Kill somebody, or let somebody stand still."""
        one = self.rng.choice(self.working)
        self.fates[signal_number.name] += 1
        one.send_signal(signal_number)
        if signal_number is signal.SIGSTOP:
            self.working.remove(one)
            self.stopped.append((one, time.monotonic()))

    def dismiss(self):
        for one, _ in self.stopped:
            one.send_signal(signal.SIGCONT)
        for one in (*self.working, *(one for one, _ in self.stopped)):
            self._ended(one)

    def _ended(self, one):
        _, err = one.communicate(timeout=120)
        assert "Traceback" not in err, err
        assert "this is a bug" not in err, err

    def require_slots_kept(self):
        """No account has more at work than it has places; looked at from outside, whatever is under way."""
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)) as books:
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            rows = books.execute(
                "SELECT name, count(*) FROM leases WHERE kind = 'slot' AND expires > ? GROUP BY name", (now,)
            ).fetchall()
        assert all(count <= SLOTS for _, count in rows), rows

    def left(self):
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)) as books:
            rows = books.execute(
                "SELECT count(*) FROM jobs WHERE kind = 'comment' AND state NOT IN ('done', 'finished_unknown')"
            )
            return rows.fetchone()[0]


@pytest.fixture
def talk(ytpool, sandbox, make_video):
    """A video that everybody sees, and quota for ten thousand comments."""
    sandbox.project(limits={"general": 1_000_000})
    assert ytpool("projects", "set", "press", "--limit", "general=1000000")[0] == 0
    status, out, err = ytpool(
        *("upload", make_video("talk.mp4", 1000), "--account", "news", "--privacy", "public", "--json")
    )
    assert status == 0, err
    sandbox.control.clock(forward=timedelta(minutes=1))
    return data(out)["video_id"]


def test_whoever_dies_or_stands_still_every_job_is_done_once_or_said_to_be_unknown(ytpool, sandbox, home, talk):
    texts = [f"Good morning, number {number}" for number in range(JOBS)]
    for number, text in enumerate(texts):
        account = ("news", "sports")[number % 2]
        assert ytpool("comment", "post", talk, text, "--account", account, "--queue")[0] == 0
    [state] = home.rglob("state.db")
    crew = Crew(state, SEED)
    print(f"YTPOOL_CHAOS_SEED={SEED}")

    strikes = [signal.SIGKILL] * max(6, JOBS // 20) + [signal.SIGSTOP] * max(1, JOBS // 100)
    crew.rng.shuffle(strikes)
    every = len(texts) // (len(strikes) + 1)
    while left := crew.left():
        crew.go_on()
        crew.require_slots_kept()
        if strikes and left < every * (len(strikes) + 1):
            crew.strike(strikes.pop())
        sandbox.control.clock(forward=timedelta(seconds=5))  # what was put off is looked at again before long
        time.sleep(0.1)
    crew.dismiss()
    crew.require_slots_kept()
    print(crew.fates)

    said = Counter(comment["text"] for comment in sandbox.truth()["comments"])
    jobs = [job for job in data(ytpool("queue", "list", "--all", "--json")[1])["jobs"] if job["kind"] == "comment"]
    states = Counter(job["state"] for job in jobs)
    print(states)
    assert states.total() == len(texts)
    assert states.keys() <= {"done", "finished_unknown"}
    assert max(said.values()) == 1
    assert states["done"] <= len(said) <= len(texts)
    told = data(ytpool("queue", "status", "--json")[1])
    assert (told["totalRunning"], told["totalQueued"], told["workers"]) == (0, 0, 0)
    assert [one["available"] for one in told["accounts"]] == [SLOTS, SLOTS]
    assert_all_agrees(state, sandbox.truth())
    assert ytpool("state", "check")[0] == 0


def test_a_worker_that_stood_still_for_longer_than_its_lease_writes_nothing_any_more(ytpool, sandbox, make_video):
    file = make_video("long.mp4", 3 * MIB)
    assert ytpool("upload", file, "--account", "news", "--queue")[0] == 0
    sandbox.control.add_fault(method="upload.final", kind="slow", bytes_per_second=MIB)
    with start("work", "--once", "--json", env=os.environ) as sleeper:
        wait_until(lambda: sandbox.calls("upload.final") == 1)
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(LEASE + 1)

        status, out, err = ytpool("work", "--once", "--json")
        assert status == 0, err
        assert data(out)["counts"] == {"done": 1}
        before = data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]

        sleeper.send_signal(signal.SIGCONT)
        status, result, _ = ended(sleeper)

    assert data(ytpool("queue", "list", "--all", "--json")[1])["jobs"] == before
    assert (before[0]["state"], len(sandbox.truth()["videos"])) == ("done", 1)
    assert result["data"]["counts"] == {"done": 1}
    assert status == 1  # its own part in it failed
    assert ytpool("state", "check")[0] == 0
