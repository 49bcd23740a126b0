"""Workers on other machines hear of what is queued here; they look by themselves only where nothing can be heard."""

import os

import pytest
from newsroom import assert_books_agree, working_by
from postgres import pooled
from served import once
from told import data

from ytpool.actions import afar, working

NEVER = 24 * 3600.0


@pytest.fixture
def home(home, own_postgres, schema, monkeypatch):
    """A profile whose state other machines share."""
    monkeypatch.setenv("YTPOOL_STATE", own_postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    return home


@pytest.fixture
def queue(ytpool, sandbox, make_video):  # noqa: ARG001 - the sandbox logs in who comments
    """Put a comment in the queue on this machine, and return its job."""
    status, out, err = ytpool("upload", make_video("talk.mp4", 1000), "--account", "news", "--json")
    assert status == 0, err
    talk = data(out)["video_id"]

    def queue(text):
        status, out, err = ytpool("comment", "post", talk, text, "--account", "news", "--queue", "--json")
        assert status == 0, err
        return data(out)["job"]

    return queue


@pytest.fixture
def elsewhere(home, tmp_path, monkeypatch):
    """Work on another machine, where no pipe of this one is; yields the jobs that have ended."""

    def at_work(**variables):
        with monkeypatch.context() as there:
            for name, value in {"YTPOOL_HOME": str(tmp_path / "elsewhere"), **variables}.items():
                there.setenv(name, value)
            working_there = working_by()
            ended = working_there.__enter__()
        leaving.append(working_there)
        assert os.environ["YTPOOL_HOME"] == str(home)
        return ended

    leaving = []
    yield at_work
    for one in leaving:
        one.__exit__(None, None, None)


def listening(own_postgres):
    found = own_postgres.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND state = 'idle'")
    return {pid for (pid,) in found}


def test_a_job_is_begun_at_once_on_another_machine_which_would_else_never_look(
    ytpool, sandbox, queue, elsewhere, own_postgres, monkeypatch
):
    monkeypatch.setattr(working, "LOOKS_EVERY", NEVER)
    ended = elsewhere()
    once(lambda: listening(own_postgres), within=60)

    for text in ("one", "two", "three"):  # the first may be found by the look with which listening begins
        job = queue(text)
        once(lambda job=job: job in [one.job for one in ended], within=60)

    assert [comment["text"] for comment in sandbox.truth()["comments"]] == ["one", "two", "three"]
    assert_books_agree(ytpool, sandbox)


def test_whoever_listens_is_cut_off_and_misses_nothing(queue, elsewhere, own_postgres, monkeypatch):
    monkeypatch.setattr(working, "LOOKS_EVERY", NEVER)
    ended = elsewhere()
    once(lambda: listening(own_postgres), within=60)

    for text in ("while nobody listens", "by the one who listens since"):
        before = listening(own_postgres)
        assert own_postgres.end_connections("query LIKE 'LISTEN %'") == 1
        job = queue(text)
        once(lambda before=before: listening(own_postgres) - before, within=60)
        once(lambda job=job: job in [one.job for one in ended], within=60)


def test_a_worker_that_hears_nothing_through_a_pooler_looks_and_health_says_so(
    ytpool, queue, elsewhere, own_postgres, monkeypatch
):
    monkeypatch.setattr(afar, "ARRIVES_WITHIN", 0.5)
    status, out, _ = ytpool("health", "--only", "wake_ups", "--json")
    assert (status, [check["status"] for check in data(out)["checks"]]) == (0, ["pass"])
    with pooled(own_postgres) as pool:
        monkeypatch.setattr(working, "LOOKS_EVERY", 0.2)
        ended = elsewhere(YTPOOL_STATE=pool.url)
        job = queue("found by looking")
        once(lambda: job in [one.job for one in ended], within=60)

        monkeypatch.setenv("YTPOOL_STATE", pool.url)
        [check] = data(ytpool("health", "--only", "wake_ups", "--json")[1])["checks"]

    assert check["status"] == "warn"
    assert "do not arrive through this pooler" in check["message"]
