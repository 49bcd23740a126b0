"""Breakers in the state: whose fault it is, how many may rest on a guess, and how many calls try it out."""

import threading
from datetime import timedelta

import pytest
from books import make_account, make_pool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_parts import examples

from ytpool.domain.accounts import Standing
from ytpool.domain.breakers import Rules, Service
from ytpool.errors import Resting
from ytpool.store import accounts, breakers, pools, rests
from ytpool.store.accounts import worked
from ytpool.store.rests import LOGINS, Scope

RULES = Rules()


class Lines:
    """Calls of accounts that fail or get through, each told in a transaction of its own."""

    def __init__(self, books):
        self.books = books

    def pool(self, name, *members):
        with self.books.transaction() as tx:
            for member in members:
                if accounts.find(tx, member) is None:
                    make_account(tx, member)
            make_pool(tx, name, members)

    def fail(self, *who, service=Service.YOUTUBE):
        for account in who:
            with self.books.transaction() as tx:
                breakers.failed(tx, account, service, RULES, self.books.rng, "backendError")

    def succeed(self, account, service=Service.YOUTUBE):
        with self.books.transaction() as tx:
            breakers.succeeded(tx, account, service)
            worked(tx, account, "videos.list", well=True)

    def break_down(self, account):
        """Let an account fail until it rests, while others get through."""
        self.fail(*[account] * 5)

    def admit(self, account, service=Service.YOUTUBE):
        with self.books.transaction() as tx:
            return breakers.admit(tx, account, service, RULES)

    def resting(self):
        with self.books.database.reading() as tx:
            return {(rest.scope.value, rest.name) for rest in rests.running(tx) if rest.guessed}

    def failures(self, account):
        with self.books.database.reading() as tx:
            return accounts.get(tx, account).failures


@pytest.fixture
def lines(books):
    return Lines(books)


def test_an_account_that_fails_alone_rests_and_is_charged(lines):
    lines.pool("main", "news", "sports")

    lines.fail(*["news"] * 4)
    assert lines.resting() == set()
    lines.fail("news")

    assert lines.resting() == {("account", "news")}
    assert lines.failures("news") == 5
    with pytest.raises(Resting) as refused:
        lines.admit("news")
    assert "5 failures in a row, the last: backendError" in refused.value.message
    assert lines.admit("sports") == ()


def test_where_all_who_tried_failed_alike_the_service_rests_and_nobody_is_blamed(lines):
    lines.pool("main", "news", "sports", "weather")
    lines.break_down("news")
    assert lines.failures("news") == 5

    lines.fail("sports")

    assert lines.resting() == {("service", "youtube")}
    assert [lines.failures(account) for account in ("news", "sports", "weather")] == [0, 0, 0]
    with pytest.raises(Resting, match="service youtube rests: 6 failures in a row of 2 accounts"):
        lines.admit("weather")


def test_somebody_who_gets_through_meanwhile_acquits_the_service(lines):
    lines.pool("main", "news", "sports", "weather", "film")

    for _ in range(5):
        lines.fail("news", "sports")
        lines.succeed("weather")

    assert lines.resting() == {("account", "news"), ("account", "sports")}


def test_an_account_in_trouble_before_all_others_were_stays_what_it_was(lines):
    lines.pool("main", "news", "sports", "weather", "film")
    lines.break_down("news")
    lines.books.forward(seconds=20)
    lines.succeed("sports")

    lines.fail("sports", "weather", "film", "sports", "weather")

    assert lines.resting() == {("account", "news"), ("service", "youtube")}
    assert lines.failures("news") == 5


def test_the_only_account_there_is_cannot_be_told_from_its_service(lines):
    lines.pool("main", "news")

    lines.break_down("news")

    assert lines.resting() == {("service", "youtube")}
    assert lines.failures("news") == 0


def test_logins_that_fail_rest_by_themselves_and_stop_no_call_whose_token_lives(lines):
    lines.pool("main", "news", "sports")

    lines.fail(*["news"] * 5, service=Service.OAUTH)

    with lines.books.database.reading() as tx:
        [rest] = rests.running(tx)
    assert (rest.scope, rest.name, rest.bucket) == (Scope.ACCOUNT, "news", LOGINS)
    assert lines.admit("news") == ()
    with pytest.raises(Resting, match="the logins of account news"):
        lines.admit("news", Service.OAUTH)


@pytest.mark.parametrize(("members", "may_rest"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (15, 7)])
def test_at_most_half_of_a_pool_rests_on_guesses(lines, members, may_rest):
    names = [f"a{number:02}" for number in range(members)]
    lines.pool("main", *names)
    lines.pool("aside", "other")

    for name in names:
        lines.break_down(name)
        lines.succeed("other")

    assert len(lines.resting()) == may_rest


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_never_more_than_half_of_any_pool_rests_on_guesses_whatever_fails(books, data):
    """Pools overlap, accounts are disabled, others get through now and then."""
    lines = Lines(books)
    with books.transaction() as tx:
        for table in ("pool_members", "pools", "accounts", "breakers"):
            tx.run(f"DELETE FROM {table}")
    names = [f"a{number}" for number in range(data.draw(st.integers(1, 7), "accounts"))]
    lines.pool("all", *names)
    lines.pool("some", *data.draw(st.sets(st.sampled_from(names), min_size=1), "some"))
    with books.transaction() as tx:
        for name in data.draw(st.sets(st.sampled_from(names)), "disabled"):
            accounts.stand(tx, name, Standing.DISABLED, "by hand")

    for _ in range(data.draw(st.integers(1, 25), "events")):
        name = data.draw(st.sampled_from(names), "account")
        match data.draw(st.sampled_from(["fail", "fail", "break", "succeed", "wait"]), "event"):
            case "fail":
                lines.fail(name)
            case "break":
                lines.break_down(name)
            case "succeed":
                lines.succeed(name)
            case "wait":
                books.forward(seconds=data.draw(st.integers(1, 90), "seconds"))
        resting = {account for scope, account in lines.resting() if scope == "account"}
        with books.database.reading() as tx:
            for pool in ("all", "some"):
                members = set(pools.get(tx, pool).accounts)
                assert len(resting & members) <= len(members) / 2


def test_after_its_rest_three_calls_try_it_out_over_all_threads_and_one_that_gets_through_opens_it_to_all(lines):
    lines.pool("main", "news", "sports")
    lines.break_down("news")
    lines.books.forward(seconds=60)
    left, at_once = [], threading.Barrier(8)

    def caller():
        at_once.wait()
        try:
            left.append(lines.admit("news"))
        except Resting as refused:
            left.append(refused.message)

    callers = [threading.Thread(target=caller) for _ in range(8)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()

    assert sum(isinstance(one, tuple) for one in left) == 3
    assert {one for one in left if isinstance(one, str)} == {
        "account news is being tried out: 5 failures in a row, the last: backendError"
    }
    lines.succeed("news")
    assert [lines.admit("news") for _ in range(5)] == [()] * 5


def test_a_probe_that_fails_lets_it_rest_longer_and_one_that_never_left_makes_room(lines):
    lines.pool("main", "news", "sports")
    lines.break_down("news")
    lines.books.forward(seconds=60)
    for _ in range(3):
        probes = lines.admit("news")
    with pytest.raises(Resting):
        lines.admit("news")
    with lines.books.transaction() as tx:
        breakers.take_back(tx, probes)
    lines.admit("news")

    lines.fail("news")

    with lines.books.database.reading() as tx:
        [rest] = rests.running(tx)
        assert timedelta(seconds=60) <= rest.until - tx.now <= timedelta(seconds=90)
    assert rest.since == lines.books.clock.wall
    assert lines.failures("news") == 6
