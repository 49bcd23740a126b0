"""A state moves from a file to PostgreSQL and back: everything arrives, or nothing does, and nothing is sold twice."""

import json
import os
import random
import sqlite3
import time
from contextlib import closing

import pytest
from newsroom import assert_books_agree, start
from real_parts import scaled
from schemas import fits

ROWS = 1_000_000 if scaled(10) == 10 else 20_000


@pytest.fixture
def database(postgres, schema, monkeypatch, home):  # noqa: ARG001 - which forgets every variable first
    """The address of a database; the settings name a schema of it that is not there yet."""
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    return postgres.url


@pytest.fixture
def uses(monkeypatch, database):
    """Let the settings name the database, or the file."""

    def use(which):
        if which == "database":
            monkeypatch.setenv("YTPOOL_STATE", database)
        else:
            monkeypatch.delenv("YTPOOL_STATE")

    return use


def moved(ytpool, to, *words, status=0):
    found, out, err = ytpool("state", "migrate", "--to", to, "--yes", "--json", *words)
    assert found == status, out + err
    return fits("state-migrate", out) if status == 0 else json.loads(out)["error"]


def counts(ytpool):
    return json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"]


def test_a_pool_goes_on_on_postgresql_and_comes_back(ytpool, sandbox, make_video, home, database, uses):
    state = home / "default" / "state.db"
    assert ytpool("upload", make_video("first.mp4"), "--account", "news")[0] == 0
    assert ytpool("upload", make_video("second.mp4"), "--account", "news", "--queue")[0] == 0
    assert moved(ytpool, database, "--dry-run")["dry_run"] is True
    assert ytpool("rests", "list", "--json")[1].count("the state moves") == 0

    there = moved(ytpool, database)

    assert (there["left"], there["already"], there["rows"]["jobs"]) == (str(state), False, 2)
    assert moved(ytpool, database)["already"] is True
    assert "was left for" in moved(ytpool, home / "third.db", status=2)["message"]
    status, _, err = ytpool("upload", make_video("third.mp4"), "--account", "news")
    # What was left sells nothing, and takes nothing that would be lost; what to type leads to where it goes on.
    assert (status, f'write state = "{there["place"].partition(" (")[0]}" at the top of' in err) == (6, True), err
    assert ytpool("upload", make_video("third.mp4"), "--account", "news", "--queue")[0] == 6
    assert f"it was left for {there['place']}, and goes on there; write state = " in ytpool("state", "check")[1]
    assert [ytpool("unpause", *words)[0] for words in ((), ("--dry-run",))] == [2, 0]

    uses("database")
    assert ytpool("work", "--once")[0] == 0
    assert ytpool("upload", make_video("third.mp4"), "--account", "news")[0] == 0
    assert len(sandbox.videos_on("news")) == 3
    assert_books_agree(ytpool, sandbox)
    uses("file")
    assert "may be in use" in moved(ytpool, database, status=2)["message"]  # it has gone on there
    uses("database")

    back = moved(ytpool, state)

    assert (back["place"], back["rows"]["jobs"]) == (str(state), 3)
    assert "take `state` out of the settings" in back["advice"][0]
    uses("file")
    assert {job["state"] for job in counts(ytpool)} == {"done"}
    assert ytpool("upload", make_video("fourth.mp4"), "--account", "news")[0] == 0
    assert_books_agree(ytpool, sandbox)
    assert moved(ytpool, database)["already"] is False  # and to and fro, as often as one likes


def test_a_session_that_is_checked_out_stays_with_its_holder_and_is_brought_back_there(ytpool, home, database, uses):
    """It is with a program of somebody else's, which knows nothing of the move."""
    state = home / "default" / "state.db"
    assert ytpool("init", "--yes", "--vault", "keyfile", "--zone", "UTC")[0] == 0
    cookie = {"name": "sessionid", "value": "v", "domain": ".instagram.com", "path": "/", "expires": 1_899_999_999}
    (home / "cookies.json").write_text(json.dumps({"cookies": [cookie], "origins": []}))
    brought = ("sessions", "migrate", "--file", home / "cookies.json", "--user", "anna", "--platform", "instagram")
    assert ytpool(*brought)[0] == 0
    number = json.loads(ytpool("sessions", "checkout", "anna", "--json")[1])["data"]["number"]

    for to, then in ((database, "database"), (state, "file")):
        moved(ytpool, to)
        uses(then)
        status, out, err = ytpool("sessions", "checkout", "anna", "--json")
        assert (status, json.loads(out)["error"]["code"]) == (6, "session_busy"), err

    assert ytpool("sessions", "release", "anna", "--number", number)[0] == 0


def test_a_place_in_use_is_never_overwritten_and_a_state_at_work_not_moved(ytpool, sandbox, home, database, uses):
    del sandbox
    assert "is at" in moved(ytpool, home / "default" / "state.db", status=2)["message"]
    uses("database")
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    assert ytpool("accounts", "list")[0] == 0
    uses("file")
    with start("work", "--json", env=os.environ) as worker:
        try:
            until = time.monotonic() + 30
            while '"work"' not in ytpool("fleet", "status", "--json")[1]:
                assert time.monotonic() < until
                time.sleep(0.1)
            refused = moved(ytpool, database, status=6)
            assert f"process {worker.pid} on" in refused["message"]
            assert "s ago)" in refused["message"]  # one that is dead is known by that, and by when it counts as gone
            assert "counts as gone 90 s after" in refused["hint"]
        finally:
            worker.terminate()
            worker.communicate(timeout=30)
    assert moved(ytpool, database)["rows"]["accounts"] == 2  # an initialised state that nobody used is empty
    assert "mysql" in moved(ytpool, "mysql://db.example.org/ytpool", status=2)["message"]
    typed = moved(ytpool, "postgresql://clerk:guess@db.example.org/ytpool", status=2)
    assert typed["message"].startswith("--to has a password in it")
    status, _, err = ytpool("state", "migrate", "--to", "postgresql://clerk:guess@db.example.org/ytpool")
    assert (status, "--to has a password in it" in err, "guess" in err) == (2, True, False)
    assert "ytpool state migrate --to URL --dry-run" in typed["hint"]  # it stands in no settings that could be checked


def test_a_dry_run_leaves_what_is_in_the_other_place_as_it_is(ytpool, sandbox, home, tmp_path):
    del sandbox
    older, page = tmp_path / "older.db", tmp_path / "page.html"
    with closing(sqlite3.connect(home / "default" / "state.db")) as state, closing(sqlite3.connect(older)) as copy:
        state.backup(copy)
        copy.execute("UPDATE meta SET value = '25' WHERE key = 'schema'")
        copy.commit()
    page.write_text("<!DOCTYPE html>")
    before = older.read_bytes()

    for place, says in ((older, "older ytpool"), (page, "is no state of ytpool"), (tmp_path, "is a folder")):
        status, out, err = ytpool("state", "migrate", "--to", place, "--dry-run")
        assert (status, out, says in err) == (2, "", True), err

    assert (older.read_bytes(), page.read_text()) == (before, "<!DOCTYPE html>")
    assert {path.name for path in tmp_path.glob("older*")} == {"older.db"}


def fill(state):
    """Write so many rows into the ledger as if they had been sold long ago, and what they come to."""
    with closing(sqlite3.connect(state)) as books, books:
        books.execute(
            """
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
            INSERT INTO ledger (hold, scope, name, bucket, day, units, state, held_at, settled_at, reason)
            SELECT printf('h%08d', n), 'project', 'press', 'general', date('2020-01-01', '+' || (n % 2000) || ' days'),
                   n % 97, 'spent', '2020-01-01T00:00:00.000000Z', '2020-01-01T00:00:00.000000Z', 'čaj ' || n FROM n
            """,
            (ROWS,),
        )
        books.execute(
            """
            INSERT INTO meters (scope, name, bucket, day, ceiling, spent)
            SELECT scope, name, bucket, day, 1000000000, sum(units) FROM ledger WHERE name = 'press'
               AND day < '2026' GROUP BY scope, name, bucket, day
            """
        )


def test_killed_at_any_moment_a_move_is_repeated_and_every_unit_arrives(ytpool, empty_sandbox, home, database, uses):
    del empty_sandbox
    state = home / "default" / "state.db"
    fill(state)
    rng, kills, units = random.Random(1), 0, sum(n % 97 for n in range(1, ROWS + 1))
    for to, then in ((database, "database"), (state, "file")):
        for share in (0.3, 0.7, None):
            with start("state", "migrate", "--to", to, "--yes", "--json", env=os.environ) as process:
                if share is not None:
                    time.sleep(share * (0.6 + ROWS / 150_000) * rng.uniform(0.8, 1.2))
                    process.kill()
                out, err = process.communicate(timeout=600)
            if process.returncode == 0:
                break
            assert process.returncode == -9, err
            kills += 1
        done = fits("state-migrate", out)
        assert (done["rows"]["ledger"], done["units"]) == (ROWS, {"spent": units})
        uses(then)
        assert ytpool("state", "check")[0] == 0
    assert kills >= 2


def test_who_stays_with_a_state_that_was_left_says_so_and_it_is_a_state_like_any_other(ytpool, sandbox, home, database):
    del sandbox
    moved(ytpool, database)

    assert ytpool("unpause", "--yes")[0] == 0

    assert ytpool("pause", "--reason", "a look at the books")[0] == 0  # and not because it was left once
    assert moved(ytpool, home / "third.db")["already"] is False
