"""Working off the queue: in order, once each, whoever dies, and at once when something is put there."""

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import assert_books_agree, ended, start


def data(out):
    return json.loads(out.splitlines()[-1])["data"]


def events(out, name):
    return [line for line in map(json.loads, out.splitlines()) if line.get("event") == name]


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def talk(ytpool, sandbox, make_video):
    """A video on the channel `news` that everybody sees."""
    status, out, err = ytpool(
        "upload", make_video("talk.mp4", 1000), "--account", "news", "--privacy", "public", "--json"
    )
    assert status == 0, err
    sandbox.control.clock(forward=timedelta(minutes=1))
    return data(out)["video_id"]


@pytest.fixture
def say_later(ytpool, talk):
    """Put a comment in the queue, and return its job."""

    def queue(text, *words, account="news"):
        status, out, err = ytpool("comment", "post", talk, text, "--account", account, "--queue", *words, "--json")
        assert status == 0, err
        assert data(out)["state"] == "queued"
        return data(out)["job"]

    return queue


def texts(sandbox):
    return [comment["text"] for comment in sandbox.truth()["comments"]]


def test_what_is_due_is_worked_off_by_priority_then_deadline_then_age(ytpool, sandbox, say_later):
    say_later("third: no deadline")
    say_later("fourth: no deadline, and younger")
    say_later("second: the deadline is sooner", "--deadline", "2030-01-01")
    say_later("first: it matters more", "--priority", "5")
    say_later("not today", "--not-before", "2030-01-01")

    status, out, err = ytpool("work", "--once", "--json")

    assert status == 0, err
    assert [text.partition(":")[0] for text in texts(sandbox)] == ["first", "second", "third", "fourth"]
    assert [line["state"] for line in events(out, "job")] == ["done"] * 4
    found = data(out)
    assert (found["worked"], found["counts"], found["waiting"]) == (4, {"done": 4}, 1)
    assert found["next_at"].startswith("2030-01-01")
    assert ytpool("work", "--once")[0] == 0
    assert len(texts(sandbox)) == 4
    assert_books_agree(ytpool, sandbox)


@pytest.fixture
def worker():
    """Start workers as programs of their own; whoever still lives in the end is stopped."""
    started = []

    def run(*words):
        process = start("work", "--json", *words, env=os.environ)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def idles(process, home):
    """Wait until a worker has its pipe and uses no time of the processor."""

    def used():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]

    def sleeps():
        before = used()
        time.sleep(0.5)
        return bool([*home.glob("default/workers/*.pipe")]) and used() == before

    wait_until(sleeps)


def test_a_job_is_picked_up_at_once_and_being_asked_to_stop_is_no_failure(sandbox, say_later, worker, home):
    process = worker()
    idles(process, home)

    began = time.monotonic()
    job = say_later("Somebody is there")
    line = json.loads(process.stdout.readline())
    took = time.monotonic() - began

    assert (line["event"], line["job"]) == ("begun", job)
    assert took < 2.5  # it looks by itself every five seconds
    assert json.loads(process.stdout.readline())["state"] == "done"
    process.send_signal(signal.SIGTERM)
    status, result, _ = ended(process)
    assert (status, result["data"]["counts"]) == (0, {"done": 1})
    assert texts(sandbox) == ["Somebody is there"]
