"""The database goes away while something runs: nothing is posted twice, the books are equal, and work goes on later."""

import json
import os
import signal
import time

import pytest
from links import Link
from newsroom import assert_books_agree, ended, heard, start
from served import once, serving
from told import data

MIB = 1024 * 1024


@pytest.fixture
def link(own_postgres):
    """The wire between one machine and the database."""
    with Link(own_postgres.port) as link:
        yield link


@pytest.fixture
def home(home, own_postgres, schema, monkeypatch):
    """A profile whose state is on a server that may go away."""
    monkeypatch.setenv("YTPOOL_STATE", own_postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    return home


@pytest.fixture
def runs(home, link):  # noqa: ARG001 - the settings must be there first
    """Start `ytpool` at the other end of the wire; whoever still lives in the end is killed."""
    started = []

    def run(*words, **variables):
        there = {**os.environ, "YTPOOL_STATE": f"postgresql://postgres@127.0.0.1:{link.port}/postgres", **variables}
        started.append(start(*words, env=there))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def queue(ytpool, sandbox, make_video):  # noqa: ARG001 - the sandbox logs in who uploads
    """Put an upload in the queue, by a way to the database that stands; return its job."""

    def put(name, size=1000):
        status, out, err = ytpool("upload", make_video(name, size), "--account", "news", "--queue", "--json")
        assert status == 0, err
        return data(out)["job"]

    return put


def is_done(process, job):
    """Wait for a worker's word on a job, and return it."""
    for line in map(json.loads, process.stdout):
        if line["event"] == "job" and line["job"] == job:
            return line
    raise AssertionError("the worker ended without a word")


def received(tmp_path):
    """Return how many bytes of uploads the local YouTube has."""
    return sum(path.stat().st_size for path in (tmp_path / "youtube" / "uploads").iterdir())


def stands_still(tmp_path):
    """Tell whether no upload has received a byte for longer than the slow line takes for a block."""
    before = received(tmp_path)
    time.sleep(1.5)
    return received(tmp_path) == before


def assert_once(ytpool, sandbox, count):
    assert len(sandbox.truth()["videos"]) == count
    assert sandbox.calls("videos.insert") == count
    assert_books_agree(ytpool, sandbox)


def test_a_worker_outlives_a_restart_while_it_sends_and_a_crash_while_it_idles(
    ytpool, sandbox, queue, runs, own_postgres
):
    sandbox.control.add_fault(method="upload.chunk", kind="slow", bytes_per_second=4 * MIB)
    worker = runs("work", "--json", YTPOOL_UPLOAD_CHUNK_MIB="8")
    job = queue("long.mp4", 9 * MIB)
    once(lambda: sandbox.calls("upload.chunk") == 1, within=60)

    own_postgres.restart("fast")
    assert is_done(worker, job)["state"] == "done"
    own_postgres.restart("immediate")

    assert is_done(worker, queue("short.mp4"))["state"] == "done"
    worker.send_signal(signal.SIGTERM)
    status, result, _ = ended(worker)
    assert (status, result["data"]["counts"]) == (0, {"done": 2})
    assert_once(ytpool, sandbox, 2)


def test_a_worker_waits_for_a_database_that_is_away_says_so_and_stops_when_it_is_asked_to(queue, runs, link):
    worker = runs("work", "--json", YTPOOL_LOG_LEVEL="info")
    assert is_done(worker, queue("first.mp4"))["state"] == "done"

    link.refuse()
    heard(worker, "waiting for the database")
    worker.send_signal(signal.SIGTERM)

    status, result, err = ended(worker)
    assert (status, result["data"]["waiting"]) == (0, None), err
    assert "Traceback" not in err


def test_a_worker_that_is_cut_off_stops_sending_before_another_machine_goes_on(
    ytpool, sandbox, queue, runs, link, tmp_path
):
    sandbox.control.add_fault(method="upload.chunk", kind="slow", bytes_per_second=2 * MIB)
    cut_off = runs("work", "--json", YTPOOL_UPLOAD_CHUNK_MIB="64")
    job = queue("long.mp4", 50 * MIB)
    once(lambda: received(tmp_path) > 0, within=60)

    link.stall()
    once(lambda: stands_still(tmp_path), within=60)
    before = received(tmp_path)
    assert before < 50 * MIB  # the chunk under way was broken off
    while data((answer := ytpool("work", "--once", "--json"))[1])["worked"] == 0:  # the lease lasts a moment longer
        assert received(tmp_path) == before
    status, out, err = answer
    assert (status, data(out)["counts"]) == (0, {"done": 1}), err
    link.mend()

    assert is_done(cut_off, job)["state"] in {"done", "running"}
    assert is_done(cut_off, queue("short.mp4"))["state"] == "done"
    assert_once(ytpool, sandbox, 2)


@pytest.mark.parametrize("trouble", ["read_only", "down"])
def test_what_is_typed_while_the_database_takes_nothing_says_so_and_does_nothing(
    ytpool, sandbox, video, own_postgres, trouble
):
    if trouble == "down":
        own_postgres.stop()
        try:
            status, _, err = ytpool("upload", video, "--account", "news")
        finally:
            own_postgres.start()
        assert "nobody listens where the state should be" in err
    else:
        with own_postgres.read_only():
            status, _, err = ytpool("upload", video, "--account", "news")
            seen = {check["check"]: check for check in data(ytpool("health", "--json")[1])["checks"]}
        assert "can only be read" in err
        assert seen["state"]["status"] == "fail"
        assert "can only be read" in seen["state"]["message"]
        assert seen["queue"]["status"] == "pass"
    assert status == 6

    assert sandbox.calls("videos.insert") == 0
    assert ytpool("upload", video, "--account", "news")[0] == 0
    assert_once(ytpool, sandbox, 1)


SELDOM = """
from ytpool.web import standing
standing._ROUNDS_EVERY = 20
from ytpool.__main__ import run
run()
"""
"""The same program, whose rounds are 20 seconds apart."""


def test_a_server_that_lost_the_database_is_ready_soon_after_it_is_back(ytpool, home, link):  # noqa: ARG001
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    there = f"postgresql://postgres@127.0.0.1:{link.port}/postgres"
    with serving(program=SELDOM, YTPOOL_STATE=there) as server:
        once(lambda: server.ask("/readyz")[0] == 200)
        link.refuse()
        once(lambda: server.ask("/readyz")[0] == 503)
        link.mend()

        once(lambda: server.ask("/readyz")[0] == 200, within=15)
