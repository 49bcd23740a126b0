"""Two projects that are one at Google: their books become one, and stay right whatever is under way."""

from datetime import timedelta

import pytest
from books import make_project

from ytpool.domain import quota
from ytpool.store import limits, merging, projects, rests
from ytpool.store.ledger import Entry
from ytpool.store.rests import Scope


@pytest.fixture
def two(books):
    """Accounts of two projects, `old` and `acme`, that turn out to be one."""
    return books.account("ours", project="acme"), books.account("theirs", project="old")


def merge(books):
    with books.transaction() as tx:
        merging.move(tx, "old", "acme", books.terms(tx), books.rng, "they are one")
        projects.absorb(tx, "old", "acme")


def test_what_is_held_and_sent_goes_over_and_is_settled_by_whoever_began_it(books, two):
    ours, theirs = two
    books.spend(ours, "videos.insert")
    held, sent = books.hold(theirs, "videos.insert"), books.sent(theirs, "videos.insert")

    merge(books)

    assert books.meter("uploads") == {"held": 1, "sent": 1, "spent": 1}
    books.send(held)  # by a process that still knows its project by the former name
    books.settle(held, Entry.SPENT)
    books.settle(sent, Entry.UNKNOWN)
    books.spend(theirs, "videos.insert")
    assert books.meter("uploads") == {"spent": 3, "unknown": 1}
    assert books.meter("uploads", name="old") == {}
    assert books.differences() == []


def test_what_one_took_for_somebody_elses_use_was_the_others(books, two):
    ours, theirs = two
    books.limit(100)
    books.fill(ours, 30)
    books.fill(theirs, 60)
    books.elsewhere()  # Google said that nothing is left: 70 more than we knew of

    merge(books)

    assert books.meter() == {"held": 90, "elsewhere": 10}
    assert books.differences() == []


def test_what_is_beyond_the_limit_is_booked_as_overrun_on_every_day(books, two):
    ours, theirs = two
    for project in ("acme", "old"):
        books.limit(5, name=project)
    books.fill(ours, 4)
    books.fill(theirs, 3)
    books.forward(days=1)
    books.fill(theirs, 2)

    merge(books)

    assert books.meter(day=quota.quota_day(books.clock.wall - timedelta(days=1)))["overrun"] == 2
    assert books.meter() == {"held": 2}
    assert books.differences() == []


def test_the_operators_word_counts_before_a_learned_limit_and_the_newer_before_the_older(books, two):
    del two
    with books.transaction() as tx:
        for name, bucket, units, origin in [
            ("acme", "general", 900, "learned"),
            ("old", "general", 800, "operator"),
            ("old", "search", 7, "operator"),
        ]:
            limits.set_limit(tx, "project", name, bucket, units, books.terms(tx), books.rng, origin=origin, reason="")
    books.limit(50, name="old", bucket="uploads")
    books.forward(hours=1)
    books.limit(60, name="acme", bucket="uploads")

    merge(books)

    with books.transaction() as tx:
        rows = tx.all("SELECT name, bucket, units FROM limits ORDER BY bucket")
    assert [(row["name"], row["bucket"], row["units"]) for row in rows] == [
        ("acme", "general", 800),
        ("acme", "search", 7),
        ("acme", "uploads", 60),
    ]


def test_the_longer_of_two_rests_stays_and_a_late_one_finds_the_project(books, two):
    del two
    with books.transaction() as tx:
        for project, hours in (("acme", 1), ("old", 2)):
            until = tx.now + timedelta(hours=hours)
            rests.rest(tx, Scope.PROJECT, project, bucket="general", reason=project, lifts="time", until=until)

    merge(books)
    with books.transaction() as tx:
        until = tx.now + timedelta(hours=3)
        rests.rest(tx, Scope.PROJECT, "old", bucket="uploads", reason="late", lifts="time", until=until)
        found = [(rest.name, rest.bucket, rest.reason) for rest in rests.running(tx)]

    assert found == [("acme", "general", "old"), ("acme", "uploads", "late")]


def test_a_former_name_that_is_taken_again_is_a_project_of_its_own(books, two):
    _, theirs = two
    merge(books)

    with books.transaction() as tx:
        projects.add(tx, "old", project_id=None, number=None)
        make_project(tx, "old")
        assert projects.current(tx, "old") == "old"
    books.spend(theirs)

    assert (books.meter(), books.meter(name="old")) == ({}, {"spent": 1})
