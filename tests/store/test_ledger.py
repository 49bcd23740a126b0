"""The books as stories: who may draw, what becomes of it, and what never happens."""

from datetime import UTC, datetime, timedelta

import pytest
from books import TODAY, TOMORROW
from databases import ON_POSTGRESQL, ON_SQLITE

from ytpool.domain import quota
from ytpool.domain.quota import Urgency
from ytpool.errors import HoldLost, QuotaExhausted, Resting
from ytpool.store import caps, leases, ledger, rests
from ytpool.store.leases import LeaseKind
from ytpool.store.ledger import Call, Entry
from ytpool.store.rests import Scope


@pytest.fixture
def payer(books):
    return books.account()


@pytest.fixture(autouse=True)
def _books_are_right_at_the_end(books):
    yield
    assert books.differences() == []


def test_a_hold_draws_on_the_project_and_counts_on_the_account(books, payer):
    held = books.hold(payer, "videos.insert")

    assert held.units == 1
    assert books.meter("uploads") == {"held": 1}
    assert books.meter("uploads", scope="account", name="news") == {"held": 1}


def test_a_comment_counts_as_one_whatever_it_costs(books, payer):
    books.spend(payer, "commentThreads.insert")

    assert books.meter("general") == {"spent": 50}
    assert books.meter("comments", scope="account", name="news") == {"spent": 1}


def test_a_publication_is_held_whole_or_not_at_all(books, payer):
    books.limit(3)

    with pytest.raises(QuotaExhausted) as caught:
        books.hold(payer, "videos.insert", *["videos.list"] * 4)

    assert caught.value.details["left"] == 3
    assert caught.value.details["until"] == quota.resets_at(TODAY)
    assert books.meter("uploads") == books.meter("general") == {}


@pytest.mark.parametrize(
    ("used", "admitted"),
    [
        (79, {Urgency.NORMAL, Urgency.STARTED, Urgency.BUFFER}),
        (80, {Urgency.STARTED, Urgency.BUFFER}),
        (89, {Urgency.STARTED, Urgency.BUFFER}),
        (90, {Urgency.BUFFER}),
        (99, {Urgency.BUFFER}),
        (100, set()),
    ],
)
def test_the_fuller_a_bucket_the_fewer_may_begin(books, payer, used, admitted):
    books.fill(payer, used, "uploads")

    able = set()
    for urgency in Urgency:
        try:
            held = books.hold(payer, "videos.insert", urgency=urgency)
        except QuotaExhausted:
            continue
        able.add(urgency)
        with books.transaction() as tx:
            ledger.release(tx, [held.hold])

    assert able == admitted


def test_what_is_kept_back_is_said_with_the_way_to_it(books, payer):
    books.fill(payer, 80, "uploads")

    with pytest.raises(QuotaExhausted, match="the 20 left are kept back") as caught:
        books.hold(payer, "videos.insert")

    assert "--use-buffer" in caught.value.hint


def test_an_operators_cap_on_an_account_holds_to_the_last_unit(books, payer):
    books.limit(2, scope="account", name="news", bucket="uploads")
    books.spend(payer, "videos.insert")
    books.spend(payer, "videos.insert")

    with pytest.raises(QuotaExhausted, match="account news has 0 of 2 units of uploads left"):
        books.hold(payer, "videos.insert", urgency=Urgency.BUFFER)


@pytest.mark.parametrize("outcome", [Entry.SPENT, Entry.RELEASED, Entry.UNKNOWN])
def test_a_call_is_held_then_sent_then_settled(books, payer, outcome):
    held = books.hold(payer)
    assert books.meter() == {"held": 1}

    books.send(held)
    assert books.meter() == {"sent": 1}

    books.settle(held, outcome)
    assert books.meter() == ({} if outcome is Entry.RELEASED else {outcome: 1})


def test_settling_twice_changes_nothing(books, payer):
    held = books.spend(payer)

    books.settle(held, Entry.RELEASED)
    books.settle(held, Entry.UNKNOWN)

    assert books.meter() == {"spent": 1}


def test_what_was_not_sent_cannot_be_settled(books, payer):
    held = books.hold(payer)

    books.settle(held, Entry.SPENT)

    assert books.meter() == {"held": 1}


@pytest.mark.parametrize(("outcome", "left"), [(Entry.SPENT, {"spent": 1}), (Entry.RELEASED, {})])
def test_a_late_answer_settles_what_was_unknown(books, payer, outcome, left):
    held = books.sent(payer)
    books.forward(minutes=4)
    assert books.expire() == 1
    assert books.meter() == {"unknown": 1}

    books.settle(held, outcome)

    assert books.meter() == left


def test_a_hold_that_nobody_renews_is_released_and_can_no_longer_be_sent(books, payer):
    held = books.hold(payer)
    books.forward(seconds=90)

    with pytest.raises(HoldLost):
        books.send(held)
    assert books.expire() == 1
    assert books.meter() == {}

    with pytest.raises(HoldLost):
        books.send(held)


def test_a_renewed_hold_lives_on_and_an_expired_one_does_not_come_back(books, payer):
    held, late = books.hold(payer, job="j1"), books.hold(payer, job="j2")
    books.forward(seconds=80)
    with books.transaction() as tx:
        ledger.renew(tx, "j1")
    books.forward(seconds=80)
    with books.transaction() as tx:
        ledger.renew(tx, "j2")

    books.send(held)
    with pytest.raises(HoldLost):
        books.send(late)


@ON_SQLITE
def test_a_reboot_ends_every_hold(books, payer):
    held = books.hold(payer)
    books.sent(payer)

    books.clock.reboot()

    with pytest.raises(HoldLost):
        books.send(held)
    assert books.expire() == 2
    assert books.meter() == {"unknown": 1}


@ON_POSTGRESQL
def test_a_reboot_of_one_machine_ends_no_hold_before_its_time(books, payer):
    held, waits = books.hold(payer), books.hold(payer)
    books.clock.reboot()

    books.send(held)
    assert books.expire() == 0

    books.forward(minutes=3)
    with pytest.raises(HoldLost):
        books.send(waits)
    assert books.expire() == 2
    assert books.meter() == {"unknown": 1}


def test_a_worker_whose_job_was_taken_over_cannot_send(books, payer):
    with books.transaction() as tx:
        lease = leases.take(tx, LeaseKind.JOB, "j1", holder="j1")
    held = books.hold(payer, job="j1", fence=lease.fence)
    books.forward(seconds=11)
    with books.transaction() as tx:
        successor = leases.take(tx, LeaseKind.JOB, "j1", holder="j1")
    ours = books.hold(payer, job="j1", fence=successor.fence)

    with pytest.raises(HoldLost):
        books.send(held)
    books.send(ours)

    assert books.meter() == {"held": 1, "sent": 1}


def test_giving_back_a_job_leaves_what_was_sent_alone(books, payer):
    books.hold(payer, "videos.list", "videos.list", job="j1")
    books.sent(payer, job="j1")
    books.hold(payer, job="j2")

    with books.transaction() as tx:
        ledger.release_job(tx, "j1", "not needed")
        ledger.release_job(tx, "j1", "not needed")

    assert books.meter() == {"held": 1, "sent": 1}


@pytest.mark.parametrize(
    ("scope", "name", "bucket"),
    [
        (Scope.SERVICE, "youtube", ""),
        (Scope.PROJECT, "acme", ""),
        (Scope.PROJECT, "acme", "general"),
        (Scope.CHANNEL, "UCnews", ""),
        (Scope.ACCOUNT, "news", ""),
    ],
)
def test_what_went_to_rest_meanwhile_stops_a_call(books, payer, scope, name, bucket):
    held = books.hold(payer)
    with books.transaction() as tx:
        until = tx.now + timedelta(seconds=60)
        rests.rest(tx, scope, name, bucket=bucket, reason="it hurts", lifts="time", until=until)

    with pytest.raises(Resting, match="it hurts") as caught:
        books.send(held)
    assert caught.value.details["until"] == until
    assert books.meter() == {"held": 1}

    books.forward(seconds=60)
    books.send(held)


def test_the_rest_of_somebody_else_stops_nothing(books, payer):
    with books.transaction() as tx:
        for scope, name, bucket in (
            (Scope.SERVICE, "ftp", ""),
            (Scope.POOL, "others", ""),
            (Scope.PROJECT, "acme", "uploads"),
            (Scope.CHANNEL, "UCothers", ""),
            (Scope.ACCOUNT, "others", ""),
        ):
            rests.rest(tx, scope, name, bucket=bucket, reason="it hurts", lifts="time", until=None)

    books.spend(payer)


def test_a_call_held_before_midnight_is_paid_by_the_day_on_which_it_is_sent(books, payer):
    books.at(TODAY, 23, 57)
    held = books.hold(payer, job="j1", lasts_for=timedelta(minutes=10))
    books.at(TOMORROW, 0, 3)

    books.send(held)

    assert books.meter(day=TODAY) == {}
    assert books.meter(day=TOMORROW) == {"sent": 1}
    books.settle(held, Entry.SPENT)
    assert books.meter(day=TOMORROW) == books.meter(scope="account", name="news", day=TOMORROW) == {"spent": 1}


def test_where_the_new_day_cannot_pay_nothing_is_moved(books, payer):
    books.at(TODAY, 23, 57)
    held = books.hold(payer, "videos.insert", lasts_for=timedelta(minutes=10))
    books.at(TOMORROW, 0, 3)
    books.elsewhere(bucket="uploads")

    with pytest.raises(QuotaExhausted):
        books.send(held)

    assert books.meter("uploads", day=TODAY) == {"held": 1}
    assert books.meter("uploads", day=TOMORROW) == {"elsewhere": 100}


def test_what_was_held_yesterday_reaches_no_further_today_than_a_publication_that_has_begun(books, payer):
    books.at(TODAY, 23, 57)
    held = books.hold(payer, "videos.insert", urgency=Urgency.BUFFER, lasts_for=timedelta(minutes=10))
    books.at(TOMORROW, 0, 3)
    books.fill(payer, 89, "uploads")
    books.send(held)
    books.at(TOMORROW, 23, 57)
    late = books.hold(payer, "videos.insert", urgency=Urgency.BUFFER, lasts_for=timedelta(minutes=10))
    books.at(TOMORROW + timedelta(days=1), 0, 3)
    books.fill(payer, 90, "uploads")

    with pytest.raises(QuotaExhausted, match="are kept back"):
        books.send(late)


def test_the_new_day_pays_its_own_price(books, clock):
    clock.wall = datetime(2026, 6, 1, 6, 57, tzinfo=UTC)  # three minutes before the bucket `uploads` begins
    books.forward(seconds=0)
    payer = books.account()
    held = books.hold(payer, "videos.insert", lasts_for=timedelta(minutes=10))
    assert books.meter("general") == {"held": 100}
    books.forward(minutes=5)

    books.send(held)

    assert books.meter("general") == {}
    assert books.meter("uploads") == {"sent": 1}


@pytest.mark.parametrize(("day", "hour", "minute", "second"), [(TODAY, 23, 59, 30), (TOMORROW, 0, 0, 30)])
def test_a_call_sent_at_midnight_is_unknown_on_both_days_and_stays_so(books, payer, day, hour, minute, second):
    books.at(TODAY, 23, 59)
    held = books.hold(payer, lasts_for=timedelta(minutes=10))
    books.at(day, hour, minute, second)

    books.send(held)
    assert books.meter(day=TODAY) == books.meter(day=TOMORROW) == {"sent": 1}
    books.settle(held, Entry.SPENT)
    books.settle(held, Entry.SPENT)

    assert books.meter(day=TODAY) == books.meter(day=TOMORROW) == {"unknown": 1}
    assert books.meter(scope="account", name="news", day=TODAY) == {"unknown": 1}


def test_a_call_refused_at_midnight_cost_nothing_on_either_day(books, payer):
    books.at(TODAY, 23, 59, 30)
    held = books.sent(payer)

    books.settle(held, Entry.RELEASED)

    assert books.meter(day=TODAY) == books.meter(day=TOMORROW) == {}


def test_where_the_other_day_has_no_room_a_midnight_call_is_booked_on_its_own_only(books, payer):
    books.elsewhere()
    books.at(TOMORROW, 0, 0, 30)
    held = books.sent(payer)

    books.settle(held, Entry.SPENT)

    assert books.meter(day=TODAY) == {"elsewhere": 10_000}
    assert books.meter(day=TOMORROW) == {"unknown": 1}
    assert books.meter(scope="account", name="news", day=TODAY) == {}


@pytest.mark.parametrize(
    ("day", "hour", "minute", "second"), [(TODAY, 23, 57, 0), (TODAY, 23, 59, 30), (TOMORROW, 0, 0, 30)]
)
def test_a_refusal_that_arrives_after_midnight_is_about_the_day_before(books, payer, day, hour, minute, second):
    books.at(day, hour, minute, second)
    held = books.sent(payer)
    books.at(TOMORROW, 0, 2)
    books.settle(held, Entry.RELEASED, "quotaExceeded")

    with books.database.reading() as tx:
        assert ledger.sent_on(tx, held.hold) == TODAY


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 11, 1), 25), ((2027, 3, 14), 23)], ids=["the clocks go back", "the clocks go forward"]
)
def test_a_day_on_which_the_clocks_change_ends_at_its_own_midnight(books, clock, day, hours):
    clock.wall = datetime(2026, 10, 1, tzinfo=UTC)
    books.at(day, 0, 2)
    start = clock.wall
    payer = books.account()
    books.spend(payer)
    today = quota.quota_day(clock.wall)

    books.forward(hours=hours, minutes=-4)
    assert clock.wall - start == timedelta(hours=hours, minutes=-4)
    books.spend(payer)
    books.forward(minutes=4)
    books.spend(payer)

    assert books.meter(day=today) == {"spent": 2}
    assert books.meter(day=today + timedelta(days=1)) == {"spent": 1}


def test_a_refusal_books_the_rest_of_the_day_as_used_elsewhere(books, payer):
    books.spend(payer)

    assert books.elsewhere() == 9_999
    assert books.elsewhere() == 0

    assert books.meter() == {"spent": 1, "elsewhere": 9_999}
    with pytest.raises(QuotaExhausted):
        books.hold(payer, urgency=Urgency.BUFFER)


def test_an_adjustment_takes_back_no_more_than_was_used_elsewhere(books, payer):
    books.elsewhere(300)

    assert books.elsewhere(-100) == -100
    assert books.elsewhere(-1_000) == -200

    assert books.meter() == {}
    with pytest.raises(QuotaExhausted):
        books.fill(payer, 10_001)


def test_a_limit_lowered_below_what_is_booked_is_written_down_as_overrun(books, payer):
    books.fill(payer, 60, "uploads")

    books.limit(50, bucket="uploads")

    assert books.meter("uploads") == {"held": 60, "overrun": 10}
    assert books.differences() == []
    with pytest.raises(QuotaExhausted, match="has 0 of 50 units"):
        books.hold(payer, "videos.insert", urgency=Urgency.BUFFER)


def test_overrun_is_booked_once_and_a_limit_can_return_to_its_default(books, payer):
    books.fill(payer, 60, "uploads")
    books.limit(50, bucket="uploads")
    books.limit(55, bucket="uploads")
    books.limit(40, bucket="uploads")
    assert books.meter("uploads") == {"held": 60, "overrun": 20}

    books.limit(None, bucket="uploads")

    books.hold(payer, "videos.insert")
    books.at(TOMORROW, 12)
    books.fill(payer, 100, "uploads")


def test_a_limit_holds_for_the_days_to_come_too(books, payer):
    books.limit(5)
    books.at(TOMORROW, 12)

    with pytest.raises(QuotaExhausted):
        books.fill(payer, 6)


def test_uploads_of_a_channel_are_counted_over_24_hours_and_accounts(books):
    first, second = books.account("one", channel_id="UCnews"), books.account("two", channel_id="UCnews")
    books.spend(first, "videos.insert")
    books.forward(hours=1)
    books.sent(second, "videos.insert")
    books.hold(first, "videos.insert")
    books.settle(books.sent(first, "videos.insert"), Entry.RELEASED, "quotaExceeded")
    refused = books.sent(first, "videos.insert")
    books.settle(refused, Entry.SPENT, "uploadLimitExceeded")

    with books.database.reading() as tx:
        assert caps.taken_in_24_hours(tx, "UCnews") == 2
        assert caps.taken_in_24_hours(tx, "UCnews", held=True) == 3
        assert caps.lifts_at(tx, "UCnews", 3) == tx.now + timedelta(hours=23)
        assert caps.lifts_at(tx, "UCnews", 2) == tx.now + timedelta(hours=24)
    books.forward(hours=23)
    with books.database.reading() as tx:
        assert caps.taken_in_24_hours(tx, "UCnews") == 1


def test_an_upload_at_midnight_counts_once_for_its_channel(books, payer):
    books.spend(payer, "videos.insert")
    books.at(TOMORROW, 0, 0, 10)
    books.spend(payer, "videos.insert")

    with books.database.reading() as tx:
        assert caps.taken_in_24_hours(tx, "UCnews") == 2
        assert caps.lifts_at(tx, "UCnews", 2) == datetime(2026, 11, 19, 20, tzinfo=UTC)


def test_an_upload_that_was_refused_at_midnight_is_none_of_its_channel(books, payer):
    books.at(TODAY, 23, 59, 30)
    held = books.sent(payer, "videos.insert")

    for _ in range(2):
        books.settle(held, Entry.SPENT, "uploadLimitExceeded")

    assert books.meter("uploads", day=TODAY) == books.meter("uploads", day=TOMORROW) == {"unknown": 1}
    with books.database.reading() as tx:
        assert caps.taken_in_24_hours(tx, "UCnews", held=True) == 0


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE meters SET spent = spent + 1 WHERE scope = 'project'", "the meter says spent 2, the journal 1"),
        ("UPDATE ledger SET units = 7 WHERE scope = 'account'", "the meter says spent 1, the journal 7"),
        ("UPDATE ledger SET state = 'unknown' WHERE scope = 'project'", "the meter says unknown 0, the journal 1"),
        ("DELETE FROM meters WHERE scope = 'account'", "the journal has rows and there is no meter"),
        ("UPDATE meters SET ceiling = 0 WHERE scope = 'project'", "1 booked against a limit of 0"),
    ],
)
def test_damage_to_the_books_is_found(books, payer, damage, found):
    books.spend(payer)

    with books.transaction() as tx:
        tx.run(damage)
        differences = ledger.differences(tx)
        tx.run("DELETE FROM ledger")
        tx.run("DELETE FROM meters")

    assert any(found in difference for difference in differences), differences


def test_an_error_leaves_no_trace_of_its_transaction(books, payer):
    def hold_one_and_then_too_many():
        with books.transaction() as tx:
            terms = books.terms(tx)
            ledger.hold(tx, payer, [Call(operation="videos.list")], terms, books.rng)
            ledger.hold(tx, payer, [Call(operation="videos.list")] * 10_000, terms, books.rng)

    with pytest.raises(QuotaExhausted):
        hold_one_and_then_too_many()

    assert books.meter() == {}
