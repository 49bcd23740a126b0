"""Who is chosen, who is waited for, and who is passed over for what."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.balancing import (
    BUSY_CHANNEL,
    BUSY_SLOTS,
    RESERVE_SPARED,
    Candidate,
    Obstacle,
    Rejected,
    Strategy,
    Tier,
    Weights,
    choose,
    score,
)
from ytpool.errors import ConfigInvalid

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOGIN = Obstacle("login needed")


def make_candidate(account="news", **facts):
    return Candidate(
        account=account,
        project="studio",
        channel_id=f"UC{account}",
        tier=Tier.PRODUCTION,
        priority=100,
        free_slots=3,
        channel_busy=False,
        quota_left=1.0,
        used=0,
        successes=0,
        failures=0,
        last_upload_at=None,
        created_at=NOW - timedelta(days=60),
        obstacle=None,
    )._replace(**facts)


def pick(candidates, strategy=Strategy.HEALTH, *, seed=1, weights=None):
    return choose(candidates, strategy=strategy, weights=weights or Weights(), now=NOW, rng=random.Random(seed))


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
obstacles = st.builds(Obstacle, st.sampled_from(["login needed", "disabled", "no uploads left"]), st.none() | moments)
some_candidates = st.lists(
    st.builds(
        make_candidate,
        st.text("abcdef", min_size=1, max_size=3),
        tier=st.sampled_from(Tier),
        priority=st.integers(0, 2),
        free_slots=st.integers(0, 2),
        channel_busy=st.booleans(),
        quota_left=st.floats(-0.1, 1.1),
        used=st.integers(0, 3),
        successes=st.integers(0, 9),
        failures=st.integers(0, 9),
        last_upload_at=st.none() | moments,
        created_at=moments,
        obstacle=st.none() | obstacles,
        served=st.integers(0, 3),
    ),
    unique_by=lambda candidate: candidate.account,
    max_size=40,
)


@given(some_candidates, st.sampled_from(Strategy), st.integers())
def test_every_strategy_takes_one_free_account_of_the_working_tier_if_there_is_one(candidates, strategy, seed):
    choice = pick(candidates, strategy, seed=seed)

    able = [candidate for candidate in candidates if candidate.obstacle is None]
    working = [candidate for candidate in able if candidate.tier is Tier.PRODUCTION] or able
    free = {candidate.account for candidate in working if candidate.free_slots and not candidate.channel_busy}
    assert (choice.account in free) if free else (choice.account is None)
    assert set(choice.busy) == (set() if free else {candidate.account for candidate in working})
    assert choice.tier == (working[0].tier if working else None)
    assert [scored.account for scored in choice.best[:1]] == [choice.account][: len(free)]
    assert len(choice.best) == min(10, len(free))
    assert {scored.account for scored in choice.best} <= free
    assert choice == pick(candidates, strategy, seed=seed)


@given(some_candidates, st.sampled_from(Strategy))
def test_everybody_is_either_free_or_counted_once_under_a_reason(candidates, strategy):
    choice = pick(candidates, strategy)

    able = [candidate for candidate in candidates if candidate.free and candidate.tier is choice.tier]
    assert len(able) + sum(rejected.count for rejected in choice.rejected.values()) == len(candidates)
    assert all(len(rejected.names) == min(20, rejected.count) for rejected in choice.rejected.values())


@given(some_candidates, st.sampled_from(Strategy), st.randoms())
def test_the_order_of_the_rows_changes_nothing(candidates, strategy, shuffler):
    shuffled = shuffler.sample(candidates, len(candidates))

    assert pick(shuffled, strategy).best == pick(candidates, strategy).best


def test_reserve_waits_while_production_is_merely_busy_and_joins_when_none_of_it_can_work():
    spare = make_candidate("spare", tier=Tier.RESERVE)
    full = make_candidate("full", free_slots=0)
    sending = make_candidate("sending", channel_busy=True)
    dead = make_candidate("dead", obstacle=LOGIN)

    waiting = pick([spare, full, sending, dead])
    joined = pick([spare, dead])

    assert (waiting.account, waiting.tier) == (None, Tier.PRODUCTION)
    assert set(waiting.busy) == {"full", "sending"}
    assert waiting.rejected == {
        RESERVE_SPARED: Rejected(1, ("spare",)),
        BUSY_SLOTS: Rejected(1, ("full",)),
        BUSY_CHANNEL: Rejected(1, ("sending",)),
        "login needed": Rejected(1, ("dead",)),
    }
    assert (joined.account, joined.tier) == ("spare", Tier.RESERVE)


def test_when_nobody_can_work_the_soonest_end_of_an_obstacle_is_named():
    soon, late = NOW + timedelta(hours=2), NOW + timedelta(hours=20)

    out = pick(
        [
            make_candidate("a", obstacle=Obstacle("no uploads left", late)),
            make_candidate("b", obstacle=Obstacle("resting: upload limit of its channel", soon), tier=Tier.RESERVE),
            make_candidate("c", obstacle=LOGIN),
        ]
    )
    for_ever = pick([make_candidate("c", obstacle=LOGIN)])

    assert (out.account, out.busy, out.until) == (None, (), soon)
    assert for_ever.until is None
    assert pick([]).rejected == {}


def test_rejections_are_counted_exactly_and_name_the_first_twenty():
    candidates = [make_candidate(f"n{number:03}", obstacle=LOGIN) for number in range(150)]

    rejected = pick(candidates).rejected["login needed"]

    assert rejected.count == 150
    assert rejected.names == tuple(f"n{number:03}" for number in range(20))


def take_turns(days, strategy=Strategy.ROUND_ROBIN):
    """Let a pool work through days, each with its candidates and a number of jobs; return who took them, in order."""
    served = {}
    took = []
    for candidates, jobs in days:
        for _ in range(jobs):
            found = [one._replace(served=served.get(one.account, 0)) for one in candidates]
            account = pick(found, strategy).account
            took.append(account)
            if account is not None:
                served[account] = len(took)
    return took


@given(st.integers(1, 12), st.integers(1, 5))
def test_round_robin_gives_everybody_the_same_number_of_turns(accounts, rounds):
    candidates = [make_candidate(f"a{number}", priority=number % 3) for number in range(accounts)]

    turns = Counter(take_turns([(candidates, accounts * rounds)]))

    assert set(turns.values()) == {rounds}
    assert len(turns) == accounts


@given(st.lists(st.tuples(st.frozensets(st.sampled_from("vwxyz")), st.integers(0, 7)), max_size=30))
def test_round_robin_is_fair_to_those_who_can_always_work_whoever_rests_and_comes_back(days):
    steady = [make_candidate(name) for name in "abc"]

    took = take_turns([([*steady, *map(make_candidate, sorted(others))], jobs) for others, jobs in days])

    for end in range(len(took) + 1):
        turns = [took[:end].count(one.account) for one in steady]
        assert max(turns) - min(turns) <= 1


def test_round_robin_steps_over_a_busy_account_and_takes_it_as_soon_as_it_is_free():
    a, b, c = (make_candidate(name) for name in "abc")
    without_b = [a, b._replace(free_slots=0), c]

    assert "".join(take_turns([(without_b, 3), ([a, b, c], 4)])) == "acabcab"


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 3)), max_size=20), st.sampled_from(Strategy))
def test_reserve_works_exactly_while_production_cannot_and_leaves_again(days, strategy):
    def able(name, tier, *, can):
        return make_candidate(name, tier=tier, obstacle=None if can else LOGIN)

    for one, other, jobs in days:
        production = [able("a", Tier.PRODUCTION, can=one), able("b", Tier.PRODUCTION, can=other)]
        took = set(take_turns([([*production, able("z", Tier.RESERVE, can=True)], jobs)], strategy))
        assert (took == {"z"}) if not (one or other) else (took <= {"a", "b"})


def test_fill_stays_with_the_first_by_priority_until_it_has_no_free_slot():
    first, second = make_candidate("z", priority=1), make_candidate("a", priority=2)

    assert pick([second, first], Strategy.FILL).account == "z"
    assert pick([second, first._replace(free_slots=0)], Strategy.FILL).account == "a"


def test_least_used_takes_the_smallest_count_and_settles_a_tie_by_priority_then_name():
    worn = make_candidate("a", used=5)
    tied = [make_candidate("d", used=1, priority=2), make_candidate("c", used=1), make_candidate("b", used=1)]

    assert pick([worn, *tied], Strategy.LEAST_USED).account == "d"
    assert pick([worn, *tied[1:]], Strategy.LEAST_USED).account == "b"


def test_random_reaches_everybody_who_is_free():
    candidates = [make_candidate(name) for name in "abcde"]

    assert {pick(candidates, Strategy.RANDOM, seed=seed).account for seed in range(100)} == set("abcde")


@given(some_candidates)
def test_health_takes_the_highest_score(candidates):
    choice = pick(candidates)

    scores = [
        score(candidate, Weights(), NOW).score
        for candidate in candidates
        if candidate.free and candidate.tier is choice.tier
    ]
    assert [best.score for best in choice.best] == sorted(scores, reverse=True)[:10]


def test_equal_health_is_settled_by_priority_then_name():
    equals = [make_candidate("a", priority=2), make_candidate("c"), make_candidate("b")]

    assert pick([candidate._replace(priority=candidate.priority % 100) for candidate in equals]).account == "b"
    assert pick(equals[:2]).account == "a"


def test_a_score_is_the_weighted_sum_of_its_factors():
    candidate = make_candidate(
        quota_left=0.5,
        successes=3,
        failures=1,
        last_upload_at=NOW - timedelta(hours=6),
        created_at=NOW - timedelta(days=15),
    )

    scored = score(candidate, Weights(), NOW)

    assert scored.factors == {"quota": 0.5, "success": 0.75, "idle": 0.25, "age": 0.5}
    assert scored.score == pytest.approx(0.4 * 0.5 + 0.3 * 0.75 + 0.2 * 0.25 + 0.1 * 0.5)


def test_an_account_without_a_history_is_trusted():
    assert score(make_candidate(), Weights(), NOW).score == pytest.approx(1.0)


@given(some_candidates, st.floats(0.1, 1000))
def test_only_the_proportions_of_the_weights_matter(candidates, factor):
    for candidate in candidates:
        scored = score(candidate, Weights(*(weight * factor for weight in Weights())), NOW)

        assert scored.score == pytest.approx(score(candidate, Weights(), NOW).score)
        assert 0 <= scored.score <= 1 + 1e-9


@pytest.mark.parametrize("weights", [Weights(0, 0, 0, 0), Weights(quota=-1)])
def test_weights_that_cannot_be_proportions_are_refused(weights):
    with pytest.raises(ConfigInvalid, match="weights"):
        score(make_candidate(), weights, NOW)
