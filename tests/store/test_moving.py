"""All rows of a state, from one kind of database into the other: what arrives is what left."""

import newer
import pytest
from books import Books, ObedientClock, make_account

from ytpool.domain import ids
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.errors import Interrupted, StateTooNew, StateUnusable
from ytpool.store import activity, jobs, ledger, meta, moving, uploads
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Entry, Payer
from ytpool.store.sqlite import SqliteDatabase

NAMES = ("news", "späť 📺", "tab\tand\\N\nnew line")


@pytest.fixture(params=["out of a file", "into a file"])
def ends(request, tmp_path, postgres, schema):
    """Books that are full, and books of the other kind that are empty."""
    clock = ObedientClock()
    places = [tmp_path / "state.db", f"{postgres.url}#{schema}"]
    if request.param == "into a file":
        places.reverse()
    full, empty = (Books(place, clock, seed=1).created() for place in places)
    fill(full)
    yield full, empty
    full.database.close()
    empty.database.close()


def fill(books):
    for name in NAMES:
        payer = books.account(name, channel_id=f"UC{len(name)}")
        spent, unknown = books.hold(payer), books.hold(payer)
        books.send(spent)
        books.settle(spent, Entry.SPENT)
        books.send(unknown)
        with books.transaction() as tx:
            activity.record(tx, books.rng, payer, "videos.list", Outcome.DONE, size=2**40, seconds=0.1 + 0.2)
            job = ids.new(tx.now, books.rng)
            target = Target(kind=TargetKind.ACCOUNT, name=name)
            jobs.add(
                tx,
                job,
                kind="upload",
                target=target,
                job_key="",
                fingerprint="1-a",
                sha256=None,
                request="{}",
                steps=("upload",),
            )
            uploads.add(tx, job, path=f"/mnt/{name}", size=2**50, modified_ns=1, fingerprint="1-a", slug=name)


def everything(database, besides=()):
    with database.reading() as tx:
        return {
            table: sorted(map(tuple, tx.every_row(table, [*tx.columns(table)])), key=repr)
            for table in tx.tables()
            if table not in besides
        }


def moved(source, target, still_going=lambda: None, told=lambda _: None):
    with source.database.reading() as rows, target.database.transaction() as into:
        return moving.move(rows, into, still_going, told)


def test_every_row_arrives_as_it_was_and_the_books_go_on_from_there(ends):
    full, empty = ends
    with empty.transaction() as tx:
        make_account(tx, "who was there before")
    before, seen = everything(full.database), []

    counts = moved(full, empty, told=seen.append)

    assert everything(empty.database) == before
    assert counts == {table: len(rows) for table, rows in before.items()}
    assert (seen[-1].rows, seen[-1].of) == (sum(counts.values()), sum(counts.values()))
    with empty.transaction() as tx:
        assert ledger.differences(tx) == []
        payer = Payer(account="news", project="acme", channel_id="UC4")
        activity.record(tx, empty.rng, payer, "videos.list", Outcome.DONE)
        last = tx.one("SELECT max(entry) AS last, count(*) AS rows FROM activity")
        assert last["last"] == last["rows"] == len(NAMES) + 1  # the database goes on counting


def test_a_move_that_is_broken_off_leaves_no_trace_and_is_done_again(ends):
    full, empty = ends
    before = everything(empty.database)

    def stop():
        raise Interrupted("stop")

    with pytest.raises(Interrupted):
        moved(full, empty, still_going=stop)

    assert everything(empty.database) == before
    assert moved(full, empty) == moved(full, empty)
    assert everything(empty.database) == everything(full.database)


def test_what_a_newer_version_has_added_is_not_lost_on_the_way(ends):
    full, empty = ends
    with full.transaction() as tx:
        tx.run("ALTER TABLE jobs ADD COLUMN mood TEXT")

    with pytest.raises(StateTooNew, match="the column mood of jobs"):
        moved(full, empty)


def test_what_postgresql_cannot_keep_is_named_and_nothing_arrives(postgres, schema, tmp_path):
    file, empty = (Books(place, ObedientClock()).created() for place in (tmp_path / "s.db", f"{postgres.url}#{schema}"))
    with file.transaction() as tx:
        meta.put(tx, "said", "a\0b")
    before = everything(empty.database)

    with pytest.raises(StateUnusable, match=r"a row of meta cannot be kept by PostgreSQL: .*NUL"):
        moved(file, empty)

    assert everything(empty.database) == before
    for books in (file, empty):
        books.database.close()


@pytest.mark.skipif(newer.EVERYWHERE, reason="an older program refuses: told in tests/cli/test_newer_state.py")
def test_a_copy_of_a_state_on_postgresql_is_a_state_in_a_file(postgres, schema, tmp_path):
    clock = ObedientClock()
    books = Books(f"{postgres.url}#{schema}", clock, seed=1).created()
    fill(books)
    path = tmp_path / "copy.db"
    path.touch(0o600)

    assert books.database.copy_to(path, lambda: None) == clock.now()

    copy = SqliteDatabase(path, clock, clock.now)
    assert everything(copy) == everything(books.database)
    assert copy.integrity() == []
    with copy.reading() as tx:
        assert (meta.get(tx, "min_reader"), jobs.every(tx)[0].state) == ("1", JobState.QUEUED)
    copy.close()
    books.database.close()
