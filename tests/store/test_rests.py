"""Rests only ever get longer, and each ends."""

from datetime import timedelta

import pytest

from ytpool.store import rests
from ytpool.store.rests import Scope


@pytest.fixture
def rest(books):
    def rest(hours, reason="tired", scope=Scope.ACCOUNT, name="news"):
        with books.transaction() as tx:
            until = None if hours is None else tx.now + timedelta(hours=hours)
            rests.rest(tx, scope, name, reason=reason, lifts="time", until=until)

    return rest


def _running(books):
    with books.database.reading() as tx:
        running = rests.running(tx)
        return [(found.reason, found.until and (found.until - tx.now) / timedelta(hours=1)) for found in running]


def test_a_longer_rest_replaces_a_shorter_one_and_never_the_other_way_round(books, rest):
    rest(2, "two")
    rest(1, "one")
    assert _running(books) == [("two", 2)]
    rest(3, "three")
    assert _running(books) == [("three", 3)]
    rest(None, "a person")
    rest(4, "four")
    assert _running(books) == [("a person", None)]


def test_a_rest_that_has_ended_makes_room_for_any(books, rest):
    rest(2, "old")
    books.forward(hours=2)
    assert _running(books) == []

    rest(1, "new")

    assert _running(books) == [("new", 1)]


def _since(books):
    with books.database.reading() as tx:
        return [(tx.now - found.since) / timedelta(hours=1) for found in rests.running(tx)]


def test_a_rest_that_is_prolonged_began_when_it_began_and_one_that_had_ended_begins_anew(books, rest):
    rest(2)
    books.forward(hours=1)
    rest(2, "prolonged")
    assert _since(books) == [1]

    books.forward(hours=3)
    rest(1, "another")

    assert _since(books) == [0]


def test_the_soonest_to_end_comes_first_and_what_waits_for_a_person_last(books, rest):
    rest(None, "c", name="c")
    rest(2, "b", name="b")
    rest(1, "a", name="a")

    assert [reason for reason, _ in _running(books)] == ["a", "b", "c"]


def test_lifting_ends_a_rest_and_says_whether_there_was_one(books, rest):
    rest(None)

    with books.transaction() as tx:
        assert rests.lift(tx, Scope.ACCOUNT, "news")
        assert not rests.lift(tx, Scope.ACCOUNT, "news")

    assert _running(books) == []


def test_of_several_rests_in_the_way_the_longest_is_named(books, rest):
    payer = books.account()
    rest(1, "an hour")
    rest(5, "five hours", Scope.CHANNEL, "UCnews")
    rest(2, "two hours", Scope.PROJECT, "acme")

    with books.database.reading() as tx:
        found = rests.in_the_way(
            tx, account=payer.account, project=payer.project, channel_id=payer.channel_id, buckets={"general"}
        )

    assert found.reason == "five hours"
