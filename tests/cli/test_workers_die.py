"""Workers that are killed, stand still and wake again, many at once: each job's effect once, or said to be unknown.

What happens comes from one seed; `YTPOOL_CHAOS_SEED` plays it again, as far as two runs of a machine are alike.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from agreement import assert_all_agrees, assert_each_was_said_once
from newsroom import ROOT, an_hour_later, behind_its_back, ended, looking_at, say_later, start
from steps import LEASE, steps_of
from told import data
from waiting import wait_until

MIB = 1024 * 1024
SEED = int(os.environ.get("YTPOOL_CHAOS_SEED", "1"))
WORKERS = 8
SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
JOBS = 80 if SCALE < 1 else int(2000 * SCALE)
SLOTS = 3
HOST = socket.gethostname()
LOST = ("is in other hands now", "this process stood still for too long")
KINDS_OF_WORKERS = (("--once",), (), ("--parallel", "2"))


class Crew:
    """Eight workers, replaced as they end; what becomes of them is drawn from a seed."""

    def __init__(self, steps, seed):
        self.rng = random.Random(seed)
        self.steps = steps
        self.working = []
        self.stopped = []
        self.fates = Counter()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (*self.working, *(one for one, _ in self.stopped)):
            one.kill()
            one.communicate()

    def go_on(self):
        """Let the dead be replaced, and wake whoever has stood still for longer than a lease."""
        for one in [one for one in self.working if one.poll() is not None]:
            self.working.remove(one)
            self._ended(one)
        while len(self.working) + len(self.stopped) < WORKERS:
            self.working.append(start("work", "--quiet", *self.rng.choice(KINDS_OF_WORKERS), env=os.environ))
        for one, since in [*self.stopped]:
            if time.monotonic() - since > LEASE + 1:
                self.stopped.remove((one, since))
                one.send_signal(signal.SIGCONT)
                self.working.append(one)

    def strike(self, signal_number):
        """Kill somebody, or let somebody stand still; rather somebody who is at work."""
        at_work = [one for one in self.working if self.steps.at_work((HOST, one.pid))]
        one = self.rng.choice(at_work or self.working)
        self.fates[f"{signal_number.name} {'at work' if one in at_work else 'idle'}"] += 1
        if signal_number is signal.SIGKILL:
            self.steps.kills((HOST, one.pid))
        one.send_signal(signal_number)
        if signal_number is signal.SIGSTOP:
            self.working.remove(one)
            self.stopped.append((one, time.monotonic()))

    def dismiss(self):
        """Ask everybody to stop; nobody who lives makes trouble of it."""
        for one, _ in self.stopped:
            one.send_signal(signal.SIGCONT)
            self.working.append(one)
        self.stopped.clear()
        for one in self.working:
            one.send_signal(signal.SIGTERM)
        while self.working:
            self._ended(self.working.pop())

    def _ended(self, one):
        _, err = one.communicate(timeout=120)
        assert "Traceback" not in err, err
        assert "this is a bug" not in err, err
        killed = (HOST, one.pid) in self.steps.killed_at
        self.fates["killed" if killed else f"ended with {one.returncode}"] += 1
        asked_too_early = one.returncode == -signal.SIGTERM  # it had hardly been started
        # Who stood still for longer than a lease has failed in a job that another has now, and in nothing else.
        told = [line for line in err.splitlines() if line.startswith("job ")]
        lost = one.returncode in (1, 3) and told and all(any(word in line for word in LOST) for line in told)
        assert killed or asked_too_early or lost or one.returncode in (0, 7, 130), (one.returncode, err)


def counted(state, what):
    with looking_at(state) as tx:
        return tx.one(f"SELECT count(*) FROM {what}")[0]


def left(state):
    return counted(state, "jobs WHERE kind = 'comment' AND state NOT IN ('done', 'finished_unknown')")


def three_minutes_later(ytpool, state):
    """Let the time be over in which an answer may come that a dead worker waited for, and somebody keep house."""
    with behind_its_back(state) as tx:
        tx.run("UPDATE ledger SET expires = 0 WHERE state IN ('held', 'sent') AND job IS NULL")
    assert ytpool("work", "--once")[0] == 0


def test_whoever_dies_or_stands_still_every_job_is_done_once_or_said_to_be_unknown(ytpool, sandbox, state, talk):
    texts = say_later(ytpool, talk, JOBS)
    steps = steps_of(state, slots=SLOTS, turns=2 * WORKERS)
    print(f"YTPOOL_CHAOS_SEED={SEED}")
    with Crew(steps, SEED) as crew:
        strikes = [signal.SIGKILL] * max(6, JOBS // 20) + [signal.SIGSTOP] * max(1, JOBS // 100)
        crew.rng.shuffle(strikes)
        every = len(texts) // (len(strikes) + 1)
        began = time.monotonic()
        while unfinished := left(state):
            crew.go_on()
            steps.require()
            if strikes and unfinished < every * (len(strikes) + 1):
                crew.strike(strikes.pop())
            sandbox.control.clock(forward=timedelta(seconds=5))  # what was put off is looked at again before long
            time.sleep(0.1)
        print(f"{JOBS} jobs in {time.monotonic() - began:.0f} s")
        crew.dismiss()
    steps.require()
    steps.remove()
    print(crew.fates)

    assert strikes == []
    assert crew.fates["SIGKILL at work"] > crew.fates["killed"] / 2
    assert_each_was_said_once(ytpool, state, texts, sandbox.truth(), unknown_at_most=crew.fates.total())

    told = data(ytpool("queue", "status", "--json")[1])
    assert (told["totalRunning"], told["totalQueued"], told["workers"]) == (0, 0, 0)
    assert [one["available"] for one in told["accounts"]] == [SLOTS, SLOTS]
    three_minutes_later(ytpool, state)
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


STANDS_STILL = {
    "after it is picked": ("done", 0),
    "after it is taken": ("done", 1),
    "after it is placed": ("done", 1),
    "after the comment is booked": ("finished_unknown", 1),
}
"""Where a worker stands still, what becomes of its job in other hands, and how it ends itself."""


@pytest.fixture
def stand_still():
    """Start a worker that stands still at a point of its way; whoever has not woken in the end is killed."""
    started = []

    def run(point):
        through = (sys.executable, "tests/killing.py", f"still {point}", "ytpool")
        sleeper = subprocess.Popen(
            [*through, "work", "--once", "--json"],
            env=os.environ,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(sleeper)
        wait_until(lambda: Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        return sleeper

    yield run
    for sleeper in started:
        sleeper.kill()
        sleeper.communicate()


def test_wherever_a_worker_stands_still_others_go_on_and_it_sends_nothing_when_it_wakes(
    ytpool, sandbox, state, talk, stand_still
):
    sleepers, jobs = {}, {}
    for number, point in enumerate(STANDS_STILL):
        account = ("news", "sports")[number % 2]
        status, out, _ = ytpool("comment", "post", talk, f"Still {point}", "--account", account, "--queue", "--json")
        assert status == 0
        jobs[point] = data(out)["job"]
        sleepers[point] = stand_still(point)
        with behind_its_back(state) as tx:  # else it may be over before the last of them stands still
            tx.run("UPDATE leases SET expires = expires + 60 WHERE expires > 0")
    an_hour_later(state)
    time.sleep(LEASE + 1)  # they know it, too

    status, out, err = ytpool("work", "--once", "--json")
    assert status == 7, err
    assert data(out)["counts"] == {"done": 3, "finished_unknown": 1}
    before = data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]
    assert sandbox.calls("commentThreads.insert") == 3

    for sleeper in sleepers.values():
        sleeper.send_signal(signal.SIGCONT)
    woken = {point: ended(sleeper) for point, sleeper in sleepers.items()}

    states = {job["job"]: job["state"] for job in before}
    assert {point: (states[jobs[point]], woken[point][0]) for point in jobs} == STANDS_STILL
    assert data(ytpool("queue", "list", "--all", "--json")[1])["jobs"] == before
    assert sandbox.calls("commentThreads.insert") == len(sandbox.truth()["comments"]) == 3
    assert_all_agrees(state, sandbox.truth())
    assert ytpool("state", "check")[0] == 0


def test_what_was_given_up_as_unknown_goes_on_by_itself_once_a_sleeper_wakes_and_hears_the_answer(
    ytpool, sandbox, state, talk
):
    sandbox.holds_back("commentThreads.insert")
    sandbox.control.add_fault(method="commentThreads.list", kind="error", error="backendError", times=9)
    assert ytpool("comment", "post", talk, "Good morning", "--account", "news", "--queue")[0] == 0
    with start("work", "--once", "--json", env=os.environ) as sleeper:
        wait_until(lambda: sandbox.calls("commentThreads.insert") == 1)
        sleeper.send_signal(signal.SIGSTOP)
        sandbox.goes_on()
        an_hour_later(state)
        status, out, err = ytpool("work", "--once", "--json")
        assert (status, data(out)["counts"]) == (7, {"finished_unknown": 1}), err

        sleeper.send_signal(signal.SIGCONT)
        assert ended(sleeper)[0] == 1  # its own part in it failed
    sandbox.control.clear_faults()
    sandbox.control.clock(forward=timedelta(minutes=2))
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 0  # its answer tells ytpool the time

    status, out, err = ytpool("work", "--once", "--json")

    assert (status, data(out)["counts"]) == (0, {"done": 1}), err
    assert sandbox.calls("commentThreads.insert") == len(sandbox.truth()["comments"]) == 1
    assert_all_agrees(state, sandbox.truth())


def test_what_is_held_back_or_cancelled_before_a_worker_has_begun_it_is_not_begun(
    ytpool, sandbox, talk, stand_still, make_video
):
    before = sandbox.truth()["calls"]
    sleepers = {}
    for verb, words in (
        ("hold", ("comment", "post", talk, "Good morning", "--account", "news")),
        ("cancel", ("upload", make_video("late.mp4", 1000), "--account", "news")),
        ("cancel", ("video", "update", talk, "--title", "Another title")),
    ):
        status, out, err = ytpool(*words, "--queue", "--json")
        assert status == 0, err
        job = data(out)["job"]
        sleepers[job] = stand_still("after it is picked")
        assert ytpool("queue", verb, job)[0] == 0

    for sleeper in sleepers.values():
        sleeper.send_signal(signal.SIGCONT)
    woken = [ended(sleeper) for sleeper in sleepers.values()]

    assert [status for status, *_ in woken] == [0, 0, 0]
    jobs = {job["job"]: job for job in data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]}
    assert [(jobs[job]["state"], jobs[job]["held"]) for job in sleepers] == [
        ("queued", True),
        ("cancelled", False),
        ("cancelled", False),
    ]
    assert len(jobs) == 4  # the talk's
    assert sandbox.truth()["calls"] == before
