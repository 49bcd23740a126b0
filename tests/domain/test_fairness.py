"""Ten thousand jobs over fifteen accounts, by each strategy: what fair means for it, in numbers."""

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from ytpool.domain.balancing import Candidate, Obstacle, Strategy, Tier, Weights, choose

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
JOBS = max(1_500, round(10_000 * SCALE))
BEGINS = datetime(2026, 11, 20, 8, tzinfo=UTC)
NAMES = [f"a{number:02}" for number in range(15)]
EVERY = timedelta(minutes=2)
"""A job arrives so often, so each account's turn comes every half hour."""


class Pool:
    """Fifteen accounts without a limit, unless a test gives them one, and what each has been given."""

    def __init__(self, strategy, seed=1, **facts):
        self._strategy = strategy
        self._rng = random.Random(seed)
        self._now = BEGINS
        self.took = []
        self.accounts = {
            name: Candidate(
                account=name,
                project="studio",
                channel_id=f"UC{name}",
                tier=Tier.PRODUCTION,
                priority=100,
                free_slots=3,
                channel_busy=False,
                quota_left=1.0,
                used=0,
                successes=0,
                failures=0,
                last_upload_at=None,
                created_at=BEGINS - timedelta(days=60),
                obstacle=None,
            )._replace(**facts)
            for name in NAMES
        }

    def give(self, cost=1, fails=lambda _account: False):
        """Let the pool choose an account for a job, and write down what the state would."""
        choice = choose(
            list(self.accounts.values()), strategy=self._strategy, weights=Weights(), now=self._now, rng=self._rng
        )
        one = self.accounts[choice.account]
        self.took.append(one.account)
        failed = fails(one.account)
        self.accounts[one.account] = one._replace(
            served=len(self.took),
            used=one.used + cost,
            successes=one.successes + (not failed),
            failures=one.failures + failed,
            last_upload_at=one.last_upload_at if failed else self._now,
        )
        self._now += EVERY
        return one.account

    def shares(self):
        """Count the jobs of every account, those of none included."""
        return {name: self.took.count(name) for name in NAMES}


def test_round_robin_stays_within_one_at_every_moment():
    pool = Pool(Strategy.ROUND_ROBIN)
    turns = Counter(dict.fromkeys(NAMES, 0))

    for _ in range(JOBS):
        turns[pool.give()] += 1
        assert max(turns.values()) - min(turns.values()) <= 1


def test_least_used_stays_within_the_cost_of_one_job():
    pool = Pool(Strategy.LEAST_USED)
    costs = random.Random(7)

    for _ in range(JOBS):
        pool.give(costs.randint(1, 9))
        used = [one.used for one in pool.accounts.values()]
        assert max(used) - min(used) <= 9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_is_as_uneven_as_chance_and_no_more(seed):
    pool = Pool(Strategy.RANDOM, seed)
    for _ in range(JOBS):
        pool.give()

    expected = JOBS / len(NAMES)
    chi_square = sum((share - expected) ** 2 / expected for share in pool.shares().values())

    assert 2.70 < chi_square < 38.11  # of fourteen degrees of freedom, 99.9 % lie in between


def test_fill_fills_one_account_after_the_other():
    """Each takes a seventh of the jobs at most, so the first seven take all of them, in order, and the others none."""
    pool = Pool(Strategy.FILL)
    cap = -(-JOBS // 7)
    for _ in range(JOBS):
        account = pool.give()
        if pool.accounts[account].used == cap:
            full = pool.accounts[account]._replace(obstacle=Obstacle("at its cap", BEGINS + timedelta(days=1)))
            pool.accounts[account] = full

    assert pool.took == [NAMES[number // cap] for number in range(JOBS)]


def test_health_gives_equals_the_same_and_the_unreliable_less_but_something():
    equals = Pool(Strategy.HEALTH)
    mixed = Pool(Strategy.HEALTH)
    chance = random.Random(5)

    for _ in range(JOBS):
        equals.give()
        mixed.give(fails=lambda account: account == NAMES[0] and chance.random() < 0.02)

    even = JOBS / len(NAMES)
    assert all(abs(share - even) <= 1 for share in equals.shares().values())
    unreliable, *others = mixed.shares().values()
    assert even / 10 < unreliable < min(others)
    assert max(others) - min(others) <= 2


def test_health_prefers_whoever_has_more_left_until_they_are_level():
    """Two projects of one pool: that with more left works until both have the same share left."""
    pool = Pool(Strategy.HEALTH)
    rich = {name for name in NAMES if name < "a05"}
    left = {True: 1.0, False: 0.6}
    for _ in range(JOBS):
        for name in NAMES:
            pool.accounts[name] = pool.accounts[name]._replace(quota_left=left[name in rich])
        left[pool.give() in rich] -= 0.9 / JOBS

    assert left[True] == pytest.approx(left[False], abs=0.03)
    assert min(pool.shares().values()) > 0
