"""The journal by the hour of its days."""

from datetime import timedelta

from books import TODAY, TOMORROW
from databases import ON_SQLITE

from ytpool.store import hours
from ytpool.store.ledger import Entry


def _used(books, scope="project", name="acme", bucket="general", *, until=TOMORROW + timedelta(days=1)):
    with books.database.reading() as tx:
        return hours.used(tx, scope, name, bucket, since=TODAY, until=until)


def test_what_was_used_stands_in_the_hour_in_which_it_was_sent(books):
    payer = books.account()
    books.spend(payer, "videos.list")  # noon
    books.forward(minutes=59)
    books.settle(books.sent(payer, "commentThreads.insert"), Entry.UNKNOWN)
    books.settle(books.sent(payer, "commentThreads.insert"), Entry.RELEASED)
    books.hold(payer, "commentThreads.insert")
    books.forward(hours=2)
    books.elsewhere(7)
    books.at(TOMORROW, 23, 30)
    books.spend(payer, "videos.list")

    used = _used(books)

    assert {day: {hour: units for hour, units in enumerate(day_hours) if units} for day, day_hours in used.items()} == {
        TODAY: {12: 51.0, 14: 7.0},
        TOMORROW: {23: 1.0},
    }
    assert {len(day_hours) for day_hours in used.values()} == {24}
    assert list(_used(books, until=TOMORROW)) == [TODAY]
    assert _used(books, "account", "news", "comments")[TODAY][12] == 1.0
    assert _used(books, bucket="search") == {}


def test_what_is_taken_back_leaves_no_hour_below_nothing(books):
    books.account()
    books.elsewhere(5)
    books.forward(hours=1)
    books.elsewhere(-3)

    assert _used(books)[TODAY][12:14] == [5.0, 0.0]


@ON_SQLITE
def test_looking_at_days_reads_the_journal_of_these_days_and_no_more(books):
    with books.database.reading() as tx:
        plan = tx.all(
            f"EXPLAIN QUERY PLAN {hours.BY_HOUR}", scope="project", name="acme", bucket="general", since="", until=""
        )

    [reading] = [row["detail"] for row in plan if "ledger" in row["detail"]]
    assert "ledger_by_meter (scope=? AND name=? AND bucket=? AND day>? AND day<?)" in reading
