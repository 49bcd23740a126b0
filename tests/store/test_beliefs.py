"""What Google's refusals teach: a channel's cap and a bucket's limit, each a belief with a date."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from books import TODAY, TOMORROW

from ytpool.domain import quota
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.errors import QuotaExhausted
from ytpool.store import candidates, caps, ledger, lessons, limits
from ytpool.store.ledger import Entry
from ytpool.store.meters import Meter

UPLOAD = "videos.insert"


@pytest.fixture
def payer(books):
    return books.account()


@pytest.fixture(autouse=True)
def _books_are_right_at_the_end(books):
    yield
    assert books.differences() == []


def is_able(books, payer, urgency=Urgency.NORMAL):
    """Ask the candidates, then the ledger, which must agree; nothing stays held."""
    with books.database.reading() as tx:
        target = Target(kind=TargetKind.ACCOUNT, name=payer.account)
        [candidate] = candidates.of(tx, target, (UPLOAD,), books.terms(tx), urgency=urgency)
    try:
        held = books.hold(payer, UPLOAD, urgency=urgency)
    except QuotaExhausted:
        assert candidate.obstacle is not None
        return False
    with books.transaction() as tx:
        ledger.release(tx, [held.hold])
    assert candidate.obstacle is None
    return True


def what_was_learned(books):
    with books.database.reading() as tx:
        return [(one.believed, one.shown, one.stands) for one in lessons.since(tx, TODAY)]


class TestACapOfAChannel:
    """A channel that refused its third upload in 24 hours, a day ago."""

    @pytest.fixture
    def channel(self, books, payer):
        for _ in range(2):
            books.spend(payer, UPLOAD)
        with books.transaction() as tx:
            caps.learn(tx, payer.channel_id, caps.taken_in_24_hours(tx, payer.channel_id))
        return books

    def test_counts_what_any_account_of_the_channel_holds(self, channel, payer):
        other = channel.account("other", channel_id=payer.channel_id)
        channel.at(TOMORROW, 13)

        channel.hold(payer, UPLOAD)
        channel.hold(other, UPLOAD)
        channel.hold(payer, UPLOAD)

        assert not is_able(channel, other, Urgency.BUFFER)
        assert not is_able(channel, payer)

    def test_lifts_when_the_upload_that_filled_it_is_a_day_old(self, channel, payer):
        with pytest.raises(QuotaExhausted, match="has taken 2 uploads in 24 hours") as caught:
            channel.hold(payer, UPLOAD)

        assert caught.value.details["until"] == channel.clock.now() + timedelta(hours=24)

    def test_is_tried_by_one_upload_a_day_and_raised_by_one_that_goes_well(self, channel, payer):
        channel.at(TOMORROW, 13)
        for _ in range(2):
            channel.spend(payer, UPLOAD)

        assert is_able(channel, payer)
        tried = channel.sent(payer, UPLOAD)
        assert not is_able(channel, payer)
        channel.settle(tried, Entry.SPENT)

        assert what_was_learned(channel) == [(2, 3, True)]
        assert not is_able(channel, payer)
        channel.forward(hours=24, minutes=1)
        for _ in range(4):
            channel.spend(payer, UPLOAD)
        assert not is_able(channel, payer)

    def test_gives_the_try_to_another_where_the_first_was_never_sent(self, channel, payer):
        channel.at(TOMORROW, 13)
        for _ in range(2):
            channel.spend(payer, UPLOAD)
        tried = channel.hold(payer, UPLOAD)
        assert not is_able(channel, payer)

        with channel.transaction() as tx:
            ledger.release(tx, [tried.hold])

        assert is_able(channel, payer)

    def test_is_forgotten_after_a_day_of_rest_and_seven_quiet_ones(self, channel, payer):
        channel.forward(days=8, seconds=-1)
        for _ in range(3):
            channel.spend(payer, UPLOAD)
        assert not is_able(channel, payer)

        channel.forward(seconds=1)

        assert is_able(channel, payer)

    def test_yields_to_a_cap_that_the_operator_has_set(self, channel, payer):
        channel.limit(9, scope="account", name=payer.account, bucket="uploads")

        assert is_able(channel, payer)

    def test_is_raised_by_what_the_operators_cap_let_through_and_stays_so_without_it(self, channel, payer):
        channel.limit(9, scope="account", name=payer.account, bucket="uploads")
        for _ in range(3):
            channel.spend(payer, UPLOAD)

        channel.limit(None, scope="account", name=payer.account, bucket="uploads")

        with channel.database.reading() as tx:
            assert caps.standing(tx)[payer.channel_id].uploads == 5
        assert what_was_learned(channel) == []
        assert not is_able(channel, payer)

    def test_is_not_passed_by_two_who_hold_at_once(self, channel, payer):
        channel.at(TOMORROW, 13)
        begin, got = threading.Barrier(6), []

        def hold():
            begin.wait()
            with suppress(QuotaExhausted):
                got.append(channel.hold(payer, UPLOAD))

        threads = [threading.Thread(target=hold) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(got) == 3  # two, and one that tries


class TestALimitThatGoogleNamed:
    """A bucket of a hundred uploads, of which Google said at the fourth that it holds three."""

    @pytest.fixture
    def bucket(self, books, payer):
        for _ in range(3):
            books.spend(payer, UPLOAD)
        self.refused(books, payer, 3)
        return books

    def refused(self, books, payer, units):
        """Let a call go out and come back with this limit."""
        held = books.sent(payer, UPLOAD, urgency=Urgency.BUFFER)
        books.settle(held, Entry.RELEASED, "rateLimitExceeded")
        with books.transaction() as tx:
            terms = books.terms(tx)
            meter = Meter("project", payer.project, "uploads", terms.day.isoformat())
            limits.learn(
                tx, meter, units, terms, books.rng, hold=held.hold, operation=UPLOAD, reason="rateLimitExceeded"
            )
            ledger.book_elsewhere(tx, payer.project, "uploads", terms, books.rng, "rateLimitExceeded")

    def test_is_believed_at_once_and_written_down(self, bucket, payer):
        assert bucket.meter("uploads") == {"spent": 3}
        assert what_was_learned(bucket) == [(100, 3, True)]
        assert not is_able(bucket, payer, Urgency.BUFFER)

    def test_never_goes_below_what_was_spent_without_saying_so(self, bucket, payer):
        bucket.at(TOMORROW, 12)
        bucket.spend(payer, UPLOAD)
        bucket.spend(payer, UPLOAD)
        self.refused(bucket, payer, 1)

        assert bucket.meter("uploads") == {"spent": 2, "overrun": 1}
        assert what_was_learned(bucket) == [(100, 3, True), (3, 1, True)]

    def test_above_what_we_counted_leaves_the_rest_to_somebody_else(self, bucket, payer):
        bucket.at(TOMORROW, 12)
        bucket.spend(payer, UPLOAD)
        self.refused(bucket, payer, 3)

        assert bucket.meter("uploads") == {"spent": 1, "elsewhere": 2}

    def test_is_tried_by_one_call_after_each_reset(self, bucket, payer):
        for day in (TOMORROW, TOMORROW + timedelta(days=1)):
            bucket.at(day, 12)
            for _ in range(3):
                bucket.spend(payer, UPLOAD)

            assert is_able(bucket, payer)  # and it is given back unsent
            tried = bucket.sent(payer, UPLOAD)
            assert bucket.meter("uploads") == {"spent": 3, "sent": 1, "overrun": 1}

            assert not is_able(bucket, payer, Urgency.BUFFER)
            bucket.settle(tried, Entry.UNKNOWN)
        assert what_was_learned(bucket) == [(100, 3, True)]

    def test_is_raised_by_a_try_that_goes_well_and_tried_again_tomorrow(self, bucket, payer):
        bucket.at(TOMORROW, 12)
        for _ in range(4):
            bucket.spend(payer, UPLOAD)

        assert what_was_learned(bucket) == [(100, 3, True), (3, 4, True)]
        assert not is_able(bucket, payer, Urgency.BUFFER)
        bucket.at(TOMORROW + timedelta(days=1), 12)
        for _ in range(5):
            bucket.spend(payer, UPLOAD)
        assert not is_able(bucket, payer, Urgency.BUFFER)

    def test_is_not_tried_by_a_whole_publication_at_once(self, bucket, payer):
        bucket.limit(6)
        with bucket.transaction() as tx:
            tx.run("UPDATE limits SET origin = 'learned' WHERE bucket = 'general'")
        bucket.at(TOMORROW, 12)
        bucket.fill(payer, 4)

        with pytest.raises(QuotaExhausted):
            bucket.hold(payer, *["videos.list"] * 4)
        for _ in range(3):
            bucket.hold(payer, urgency=Urgency.BUFFER)

    def test_is_forgotten_after_seven_quiet_days(self, bucket, payer):
        bucket.at(TODAY + timedelta(days=7), 12)
        for _ in range(4):
            bucket.spend(payer, UPLOAD)
        assert not is_able(bucket, payer, Urgency.BUFFER)

        bucket.at(TODAY + timedelta(days=8), 12)

        for _ in range(5):
            bucket.spend(payer, UPLOAD)

    def test_is_believed_for_longer_by_another_refusal(self, bucket, payer):
        bucket.at(TODAY + timedelta(days=5), 12)
        self.refused(bucket, payer, 3)
        bucket.at(TODAY + timedelta(days=10), 12)
        for _ in range(4):
            bucket.spend(payer, UPLOAD)

        assert not is_able(bucket, payer, Urgency.BUFFER)

    def test_yields_to_the_operators_word_which_no_refusal_changes(self, bucket, payer):
        bucket.at(TOMORROW, 12)
        bucket.limit(50, bucket="uploads")
        self.refused(bucket, payer, 3)

        assert bucket.meter("uploads") == {"elsewhere": 50}
        assert what_was_learned(bucket) == [(100, 3, True), (50, 3, False)]
        bucket.at(TOMORROW + timedelta(days=1), 12)
        bucket.fill(payer, 50, "uploads")

    def test_that_the_price_book_has_too_is_no_belief(self, bucket, payer):
        bucket.at(TOMORROW, 12)
        self.refused(bucket, payer, 100)
        bucket.at(TOMORROW + timedelta(days=1), 12)

        bucket.fill(payer, 100, "uploads")
        with bucket.database.reading() as tx:
            assert limits.standing(tx, quota.quota_day(tx.now)) == {}
