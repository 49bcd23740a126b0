"""Candidates: what speaks against an account, and until when."""

from datetime import date, timedelta

import pytest
from books import BOOK, TODAY, TOMORROW, make_account, make_channel, make_pool

from ytpool.domain import quota
from ytpool.domain.accounts import Standing
from ytpool.domain.balancing import Obstacle, Tier
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.terms import Terms
from ytpool.errors import QuotaExhausted
from ytpool.store import accounts, candidates, caps, leases, limits, rests
from ytpool.store.leases import LeaseKind
from ytpool.store.ledger import Entry, Payer
from ytpool.store.meters import Meter
from ytpool.store.rests import Scope

PUBLICATION = ("videos.insert", *["videos.list"] * 4)
MIDNIGHT = quota.resets_at(TODAY)
POOL = Target(kind=TargetKind.POOL, name="main")
NEWS = Payer(account="news", project="acme", channel_id="UCnews")
SPORT = Payer(account="sport", project="acme", channel_id="UCsport")


@pytest.fixture
def pool(books):
    """Two accounts of one project in a pool, and one beside it."""
    with books.transaction() as tx:
        for account in ("news", "sport", "other"):
            make_account(tx, account)
        make_pool(tx, "main", ("news", "sport"))
    return books


def _candidates(books, target=POOL, operations=PUBLICATION, **given):
    with books.database.reading() as tx:
        found = candidates.of(tx, target, operations, books.terms(tx), **given)
    return {candidate.account: candidate for candidate in found}


def _obstacles(books, **given):
    return {name: candidate.obstacle for name, candidate in _candidates(books, **given).items()}


def test_a_pools_accounts_are_candidates_and_nobody_else(pool):
    found = _candidates(pool)

    assert list(found) == ["news", "sport"]
    assert all(candidate.free and candidate.quota_left == 1.0 for candidate in found.values())
    assert list(_candidates(pool, Target(kind=TargetKind.ACCOUNT, name="other"))) == ["other"]


def test_an_accounts_facts_are_told(pool):
    pool.spend(NEWS, "videos.insert")
    pool.sent(NEWS, "videos.insert")
    with pool.transaction() as tx:
        leases.take(tx, LeaseKind.SLOT, "news", holder="j1", places=3)
        leases.take(tx, LeaseKind.CHANNEL, "UCnews", holder="j1")
        accounts.worked(tx, "news", "videos.insert", well=True, uploaded=True)
        accounts.worked(tx, "news", "videos.insert", well=False)
        accounts.arrange(tx, "news", tier="reserve", priority=7)

    news = _candidates(pool)["news"]

    assert (news.used, news.free_slots, news.channel_busy) == (2, 2, True)
    assert (news.successes, news.failures, news.last_upload_at) == (1, 1, pool.clock.now())
    assert (news.tier, news.priority, news.quota_left) == (Tier.RESERVE, 7, 0.98)


@pytest.mark.parametrize(("used", "words"), [(97, "no general left today"), (80, "80 % of general used")])
def test_a_project_that_cannot_pay_stops_all_its_accounts_until_midnight(pool, used, words):
    pool.limit(100)
    pool.fill(NEWS, used)

    for obstacle in _obstacles(pool).values():
        assert obstacle.reason.startswith(words)
        assert obstacle.until == MIDNIGHT


def test_reserve_and_what_has_begun_may_reach_further(pool):
    pool.limit(100)
    pool.fill(NEWS, 85)
    with pool.transaction() as tx:
        accounts.arrange(tx, "sport", tier="reserve")

    assert [name for name, obstacle in _obstacles(pool).items() if obstacle is None] == ["sport"]
    assert set(_obstacles(pool, urgency=Urgency.STARTED).values()) == {None}


@pytest.mark.parametrize("before_the_first_call", [True, False])
def test_a_cap_stops_its_account_alone(pool, before_the_first_call):
    if not before_the_first_call:
        pool.settle(pool.sent(NEWS, "videos.insert"), Entry.RELEASED)
    pool.limit(0, scope="account", name="news", bucket="uploads")

    assert _obstacles(pool) == {"news": Obstacle("at its cap of 0 uploads today"), "sport": None}


def test_a_cap_on_uploads_counts_also_where_uploads_are_paid_in_general_units(pool):
    pool.limit(0, scope="account", name="news", bucket="uploads")
    terms = Terms(day=TODAY, prices=BOOK.on(date(2025, 1, 1)))
    assert "uploads" not in terms.prices.cost("videos.insert")

    with pool.database.reading() as tx:
        news, sport = candidates.of(tx, POOL, ("videos.insert",), terms)

    assert news.obstacle == Obstacle("at its cap of 0 uploads today")
    assert sport.obstacle is None


def test_a_channels_learned_cap_lifts_24_hours_after_the_upload_that_filled_it(pool):
    with pool.transaction() as tx:
        caps.learn(tx, "UCnews", 2)
    pool.spend(NEWS, "videos.insert")
    assert _candidates(pool)["news"].quota_left == 0.5
    pool.forward(hours=1)
    pool.spend(NEWS, "videos.insert")

    until = pool.clock.now() + timedelta(hours=23)
    assert _obstacles(pool) == {"news": Obstacle("channel at its learned cap", until), "sport": None}
    assert _candidates(pool, operations=("videos.list",))["news"].obstacle is None


@pytest.mark.parametrize(
    ("scope", "name", "bucket", "stopped"),
    [
        (Scope.EVERYTHING, "", "", ["news", "sport"]),
        (Scope.SERVICE, "youtube", "", ["news", "sport"]),
        (Scope.SERVICE, "ftp", "", []),
        (Scope.POOL, "main", "", ["news", "sport"]),
        (Scope.POOL, "side", "", ["news"]),
        (Scope.PROJECT, "acme", "uploads", ["news", "sport"]),
        (Scope.PROJECT, "acme", "search", []),
        (Scope.CHANNEL, "UCnews", "uploads", ["news"]),
        (Scope.ACCOUNT, "sport", "", ["sport"]),
    ],
)
def test_a_rest_stops_those_it_is_about(pool, scope, name, bucket, stopped):
    with pool.transaction() as tx:
        make_pool(tx, "side", ("news",))
        rests.rest(tx, scope, name, bucket=bucket, reason="tired", lifts="time", until=MIDNIGHT)

    words = {Scope.EVERYTHING: "everything is paused: tired", Scope.POOL: f"pool {name} is paused: tired"}
    expected = Obstacle(words.get(scope, f"resting ({scope}): tired"), MIDNIGHT)
    assert _obstacles(pool) == {account: expected if account in stopped else None for account in ("news", "sport")}


def test_who_only_reads_goes_on_while_everything_is_paused(pool):
    with pool.transaction() as tx:
        rests.rest(tx, Scope.EVERYTHING, "", reason="tired", lifts="unpause", until=None)
        found = candidates.of(tx, POOL, ("videos.list",), pool.terms(tx))

    assert [one.obstacle for one in found] == [None, None]


def test_a_draining_account_begins_nothing_new_and_may_still_be_asked(pool):
    with pool.transaction() as tx:
        accounts.stand(tx, "news", Standing.DRAINING, "it moves")

    assert _obstacles(pool) == {"news": Obstacle("draining"), "sport": None}
    assert _obstacles(pool, operations=("videos.list",)) == {"news": None, "sport": None}
    pool.spend(NEWS, "videos.list")


def test_a_learned_limit_that_is_used_up_lets_one_call_try_on_the_next_day_whatever_is_kept_back(pool):
    refused = pool.sent(NEWS, "videos.insert")
    pool.settle(refused, Entry.RELEASED)
    with pool.transaction() as tx:
        meter = Meter("project", "acme", "uploads", TODAY.isoformat())
        about = {"hold": refused.hold, "operation": "videos.insert", "reason": "quotaExceeded"}
        limits.learn(tx, meter, 0, pool.terms(tx), pool.rng, **about)
    assert set(_obstacles(pool).values()) == {Obstacle("no uploads left today", MIDNIGHT)}

    pool.at(TOMORROW, 12)
    assert set(_obstacles(pool).values()) == {None}
    pool.hold(NEWS, *PUBLICATION)
    assert {obstacle.reason for obstacle in _obstacles(pool).values()} == {"no uploads left today"}


def test_of_several_obstacles_the_one_that_lasts_longest_is_named(pool):
    pool.limit(100)
    pool.fill(NEWS, 97)
    with pool.transaction() as tx:
        soon, late = tx.now + timedelta(minutes=1), tx.now + timedelta(days=3)
        rests.rest(tx, Scope.PROJECT, "acme", reason="too fast", lifts="time", until=soon)
        rests.rest(tx, Scope.ACCOUNT, "sport", reason="tired", lifts="time", until=late)
        rests.rest(tx, Scope.CHANNEL, "UCsport", reason="dozing", lifts="time", until=soon)

    assert _obstacles(pool) == {
        "news": Obstacle("no general left today", MIDNIGHT),
        "sport": Obstacle("resting (account): tired", late),
    }


@pytest.mark.parametrize("state", ["login_needed", "draining", "disabled"])
def test_an_account_that_waits_for_a_person_waits_longer_than_for_any_clock(pool, state):
    with pool.transaction() as tx:
        accounts.set_state(tx, "news", state, "")
        rests.rest(tx, Scope.EVERYTHING, "", reason="tired", lifts="time", until=MIDNIGHT)

    assert _obstacles(pool)["news"] == Obstacle(state.replace("_", " "))


def test_what_candidates_promise_the_ledger_keeps(pool):
    """Whoever is said to be able can hold, and whoever is not cannot, down to the last unit."""
    pool.limit(60)
    pool.limit(3, scope="account", name="sport", bucket="uploads")
    with pool.transaction() as tx:
        make_channel(tx, "UCsport")
    for payer in (SPORT, NEWS) * 15:
        able = _obstacles(pool, urgency=Urgency.BUFFER)[payer.account] is None
        try:
            pool.hold(payer, *PUBLICATION, urgency=Urgency.BUFFER)
        except QuotaExhausted:
            assert not able
        else:
            assert able
    assert pool.meter("general") == {"held": 60}
