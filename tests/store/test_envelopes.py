"""Envelopes in the books: hard, opened in the middle of a day, lent, and known to the candidates."""

import pytest
from books import NOON, TOMORROW, make_pool

from ytpool.domain import quota
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.errors import QuotaExhausted
from ytpool.store import candidates, envelopes, ledger

TODAY = quota.quota_day(NOON)
SHARES = {"publishing": 70, "metadata": 10, "reading": 10, "buffer": 10}


@pytest.fixture
def payer(books):
    books.limit(1000)
    return books.account()


@pytest.fixture(autouse=True)
def _books_are_right_at_the_end(books):
    yield
    assert books.differences() == []


def envelope(books, purpose):
    return books.meter(purpose, scope="envelope")


def obstacle(books, *operations, **given):
    with books.transaction() as tx:
        if tx.one("SELECT 1 FROM pools") is None:
            make_pool(tx, "main", ("news",))
        target = Target(kind=TargetKind.POOL, name="main")
        [found] = candidates.of(tx, target, operations, books.terms(tx), **given)
    return found.obstacle


def test_a_call_draws_on_the_bucket_and_on_the_envelope_of_its_purpose(books, payer):
    books.share_out(**SHARES)

    held = books.hold(payer, "thumbnails.set")
    assert envelope(books, "publishing") == books.meter() == {"held": 50}
    books.send(held)
    books.settle(held, "spent")

    assert envelope(books, "publishing") == books.meter() == {"spent": 50}
    assert held.units == 50


def test_who_has_used_up_an_envelope_leaves_the_others_theirs(books, payer):
    books.share_out(**SHARES)
    books.spend(payer, "videos.update")
    books.spend(payer, "videos.update")

    with pytest.raises(QuotaExhausted, match="0 of 100 units for metadata") as caught:
        books.hold(payer, "videos.update", urgency=Urgency.STARTED)

    assert caught.value.details["until"] == quota.resets_at(TODAY)
    assert obstacle(books, "videos.update") == ("the envelope for metadata is used up", quota.resets_at(TODAY))
    assert obstacle(books, "thumbnails.set", "videos.list") is None
    books.hold(payer, "thumbnails.set")
    books.hold(payer, "videos.list")


def test_an_operation_without_a_share_is_held_by_the_bucket_alone(books, payer):
    books.share_out(publishing=70)

    for _ in range(12):
        books.hold(payer, "videos.update")

    assert books.meter() == {"held": 600}
    assert obstacle(books, "videos.update") is None


def test_what_others_have_left_is_lent_from_the_hour_on_and_until_then_the_wait_is_known(books, payer):
    books.share_out(18, **SHARES)
    for _ in range(2):
        books.spend(payer, "videos.update")
    lends_at = quota.at(TODAY, 18, 0)
    assert obstacle(books, "videos.update") == ("the envelope for metadata is used up", lends_at)

    books.at(TODAY, 18)

    assert obstacle(books, "videos.update") is None
    books.hold(payer, "videos.update")
    with books.database.reading() as tx:
        found = {one.purpose: one.ceiling for one in envelopes.standing(tx, "acme", books.terms(tx))}
    assert found == {"publishing": 650, "metadata": 150, "reading": 100, "buffer": 100}


def test_the_buffer_opens_to_the_operators_word_and_never_beyond_the_bucket(books, payer):
    books.share_out(**SHARES)
    for _ in range(4):
        books.hold(payer, "videos.update", urgency=Urgency.BUFFER)

    with pytest.raises(QuotaExhausted):
        books.hold(payer, "videos.update", urgency=Urgency.BUFFER)
    books.elsewhere(800)
    with pytest.raises(QuotaExhausted, match="project acme has 0 of 1000"):
        books.hold(payer, "videos.list", urgency=Urgency.BUFFER)


def test_shares_that_come_in_the_middle_of_a_day_count_what_it_has_used(books, payer):
    spent = books.spend(payer, "videos.update")
    held = books.hold(payer, "videos.update")
    books.share_out(**SHARES)
    assert obstacle(books, "videos.update").reason == "the envelope for metadata is used up"

    books.hold(payer, "videos.list")

    assert envelope(books, "metadata") == {"spent": 50, "held": 50}
    books.send(held)
    books.settle(held, "released")
    assert envelope(books, "metadata") == {"spent": 50}
    assert spent.units == 50


def test_a_call_held_before_midnight_draws_on_the_envelope_of_the_day_that_pays(books, payer):
    books.share_out(**SHARES)
    books.at(TODAY, 23, 50)
    held = books.hold(payer, "videos.update", lasts_for=TOMORROW - TODAY)
    books.at(TOMORROW, 0, 10)

    books.send(held)

    assert envelope(books, "metadata") == {"sent": 50}
    assert books.meter("metadata", scope="envelope", day=TODAY) == {}


def test_an_envelope_follows_a_lowered_limit_and_stays_full_where_more_is_used(books, payer):
    books.share_out(**SHARES)
    for _ in range(2):
        books.hold(payer, "videos.update")
    books.limit(500)

    with pytest.raises(QuotaExhausted):
        books.hold(payer, "videos.update")
    books.hold(payer, "videos.list")

    with books.database.reading() as tx:
        found = {one.purpose: (one.size, one.ceiling) for one in envelopes.standing(tx, "acme", books.terms(tx))}
        assert ledger.differences(tx) == []
    assert found["metadata"] == (50, 100)
    assert found["publishing"] == (350, 350)
