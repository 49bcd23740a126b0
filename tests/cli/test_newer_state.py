"""Old and new side by side: this program on a state that a newer one has brought one additive step further."""

import os
from contextlib import closing, contextmanager

import newer
import pytest
from newsroom import assert_books_agree
from schemas import fits
from told import data

from ytpool import config
from ytpool.runtime import Runtime
from ytpool.store import db, meta


@contextmanager
def state():
    """Open the state beside the program, for a moment."""
    with closing(Runtime(config.load(profile=None, environ=os.environ))) as rt:
        yield rt.store


@pytest.fixture
def newer_state(sandbox):  # noqa: ARG001 - who logs in first does so with the state as we know it
    """Bring the state one step further than this program knows; returns how far it is, and whether all is there."""
    with state() as store:
        newer.made(store)

    def version():
        with state() as store, store.reading() as tx:
            return int(meta.get(tx, "schema")), newer.has_come(tx)

    return version


def test_an_older_program_works_on_a_newer_state_and_loses_nothing_of_it(ytpool, sandbox, newer_state, make_video):
    status, out, err = ytpool("upload", make_video("a.mp4"), "--pool", "main", "--privacy", "public", "--json")
    assert status == 0, err
    talk = data(out)["video_id"]
    assert ytpool("comment", "post", talk, "Good morning", "--account", "news", "--queue")[0] == 0
    assert ytpool("upload", make_video("b.mp4"), "--account", "sports", "--queue")[0] == 0
    status, out, err = ytpool("work", "--once", "--json")
    assert (status, data(out)["counts"]) == (0, {"done": 2}), err
    for words in (("todo",), ("queue", "list", "--all"), ("quota", "report"), ("why", "news"), ("alerts", "list")):
        assert ytpool(*words)[0] == 0, words
    assert ytpool("tidy")[0] == 0

    assert newer_state() == (db.known() + 1, True)
    assert_books_agree(ytpool, sandbox)


def test_a_newer_state_is_backed_up_and_restored_and_its_arrangement_carried_over(
    ytpool, sandbox, newer_state, video, tmp_path
):
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    pool, copy = tmp_path / "pool.toml", tmp_path / "backup.db"
    assert ytpool("accounts", "export", "--output", pool)[0] == 0
    assert ytpool("accounts", "set", "sports", "--tier", "reserve")[0] == 0
    status, out, err = ytpool("accounts", "apply", pool, "--json")
    assert (status, len(data(out)["changes"])) == (0, 1), (out, err)

    status, _, err = ytpool("state", "backup", copy)
    if "YTPOOL_STATE" in os.environ:  # row by row into a file: what has no place there is not lost without a word
        assert (status, "a newer ytpool has added" in err) == (6, True)
        assert newer_state() == (db.known() + 1, True)
        return
    assert status == 0, err
    assert ytpool("accounts", "drain", "news")[0] == 0
    status, _, err = ytpool("state", "restore", copy, "--accept", "--yes")
    assert status == 0, err

    assert newer_state() == (db.known() + 1, True)
    assert len(data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_fleet_says_where_an_older_and_a_newer_version_work_side_by_side(ytpool, newer_state, video):
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    with state() as store, store.transaction() as tx:
        for table, more, values in (
            ("machines", "first_at, knows", ":at, :knows"),
            ("processes", "pid_space, pid, pid_started, doing, began_at, knows", "'', 1, '', 'work', :at, :knows"),
        ):
            tx.run(
                f"""
                INSERT INTO {table} (host, version, seen_at, era, beat, {more})
                VALUES ('studio-9', '99.0', :at, :era, :boot, {values})
                """,
                at=tx.at,
                era=tx.era,
                boot=tx.boot,
                knows=db.known() + 1,
            )

    status, out, _ = ytpool("fleet", "status", "--json")

    found = fits("fleet-status", out)
    assert (status, found["state_version"]) == (0, db.known() + 1)
    assert "this ytpool is older than others that work here" in found["remarks"]
    assert newer_state()[1]
