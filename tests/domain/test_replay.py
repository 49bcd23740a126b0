"""The same days once more under another strategy: rules, luck, and which strategy to take."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.balancing import Strategy, Tier
from ytpool.domain.replay import PastJob, Peak, Played, Player, Scene, Use, advise, play, span

NOON = datetime(2026, 11, 20, 20, tzinfo=UTC)
RESET = datetime(2026, 11, 21, 8, tzinfo=UTC)


def player(account, **facts):
    return Player(
        account=account,
        project="studio",
        channel_id=f"UC{account}",
        tier=Tier.PRODUCTION,
        priority=100,
        slots=3,
        created_at=NOON - timedelta(days=60),
    )._replace(**facts)


def past(number, minutes=0.0, seconds=60.0, **facts):
    return PastJob(
        job=f"j{number:03}",
        at=NOON + timedelta(minutes=minutes),
        units={"uploads": 1, "general": 4},
        counts={"uploads": 1, "general": 4},
        seconds=seconds,
        opening={"uploads": 1},
    )._replace(**facts)


def scene(players, jobs, limits=None, **more):
    limits = {"uploads": 100, "general": 10_000} if limits is None else limits
    return Scene(
        players=players, jobs=jobs, limits={("studio", bucket): limit for bucket, limit in limits.items()}, **more
    )


def delays(played):
    return played.median_delay, played.p95_delay


def test_a_channel_takes_one_upload_at_a_time_and_who_waits_is_late_by_as_much():
    three = [past(number, seconds=600) for number in range(3)]

    alone = play(scene([player("a")], three), Strategy.FILL)
    two = play(scene([player("a"), player("b")], three), Strategy.FILL)

    assert (alone.done, delays(alone)) == (3, (600, 1200))
    assert delays(two) == (0, 600)
    assert two.shares == {"a": 2, "b": 1}
    assert (alone.deferred, alone.fairness, two.fairness) == (0, 1.0, pytest.approx(9 / 10))


def test_new_work_stops_at_the_threshold_reserve_goes_further_and_the_rest_waits_for_the_reset():
    jobs = [past(number, minutes=number) for number in range(95)]

    played = play(scene([player("a"), player("spare", tier=Tier.RESERVE)], jobs), Strategy.HEALTH)

    assert (played.shares["a"], played.shares["spare"]) == (80 + 5, 10)
    assert (played.done, played.deferred, played.left) == (95, 5, 0)
    assert played.peak == Peak("studio", "uploads", NOON.date(), 90.0)
    assert delays(played) == (0, (RESET - jobs[90].at).total_seconds())


def test_caps_of_accounts_count_by_day_and_those_of_channels_by_24_hours():
    jobs = [past(number, minutes=10 * number) for number in range(3)]

    by_day = play(scene([player("a", caps={"uploads": 2})], jobs), Strategy.FILL)
    by_hours = play(scene([player("a", channel_cap=2)], jobs), Strategy.FILL)
    never = play(scene([player("a", caps={"uploads": 0})], jobs), Strategy.FILL)

    assert (by_day.deferred, by_day.p95_delay) == (1, (RESET - jobs[2].at).total_seconds())
    assert (by_hours.deferred, by_hours.p95_delay) == (1, (jobs[0].at + timedelta(hours=24) - jobs[2].at).seconds)
    assert (never.done, never.left, never.deferred, never.undone) == (0, 3, 3, 3)


def test_what_others_used_and_jobs_for_one_account_take_room_and_are_not_counted():
    bound = [past(number, account="b", seconds=300) for number in range(2)]
    others = [Use(NOON - timedelta(hours=1), "studio", "uploads", 78)]

    played = play(scene([player("a"), player("b")], [*bound, past(7, 1), past(8, 2)], others=others), Strategy.FILL)

    assert (played.jobs, played.took) == (2, {"j007": "a", "j008": "a"})
    assert played.deferred == 1
    assert played.peak is not None
    assert played.peak.percent == 80


def test_an_account_that_fails_hands_over_and_pays_for_the_try():
    broken = player("a", fails=1.0)

    played = play(scene([broken, player("b")], [past(0), past(1, hopeless=True)]), Strategy.FILL)
    alone = play(scene([broken], [past(0)]), Strategy.FILL)

    assert (played.took, played.failed) == ({"j000": "b"}, 1)
    assert played.peak is not None
    assert played.peak.percent == 3.0  # two tries that failed, and the upload
    assert (alone.failed, alone.left, alone.undone) == (1, 0, 1)


some_players = st.lists(
    st.builds(
        player,
        st.sampled_from("abcde"),
        tier=st.sampled_from(Tier),
        slots=st.integers(1, 2),
        caps=st.sampled_from([{}, {"uploads": 1}, {"uploads": 3}]),
        channel_cap=st.sampled_from([None, None, 0, 2]),
        fails=st.sampled_from([0.0, 0.0, 0.3]),
    ),
    unique_by=lambda one: one.account,
    min_size=1,
    max_size=5,
)
some_tasks = st.lists(
    st.tuples(st.integers(0, 3_000), st.integers(0, 5_000), st.booleans()), min_size=1, max_size=25
).map(lambda rows: [past(n, minutes, float(seconds), hopeless=no) for n, (minutes, seconds, no) in enumerate(rows)])


@given(some_players, some_tasks, st.sampled_from([3, 8, 100]), st.sampled_from(Strategy), st.integers(0, 3))
def test_every_job_comes_to_one_end_and_no_limit_is_passed(players, jobs, limit, strategy, seed):
    made = scene(players, jobs, {"uploads": limit, "general": 10_000}, seed=seed)

    played = play(made, strategy)

    assert played == play(made, strategy)
    assert played.jobs == len(jobs) == played.done + played.failed + played.left
    assert sum(played.shares.values()) == played.done == len(played.took)
    assert 0 <= played.median_delay <= played.p95_delay
    assert 0 < played.fairness <= 1.0
    assert played.peak is None or played.peak.percent <= 100
    assert all(not (one.channel_cap == 0 and played.shares[one.account]) for one in players)


@given(some_players, some_tasks, st.integers(0, 3))
def test_every_strategy_meets_the_same_luck(players, jobs, seed):
    """Where nothing is scarce and everybody may be tried, the same jobs fail whoever is asked first."""
    free = [one._replace(caps={}, channel_cap=None, tier=Tier.PRODUCTION, fails=0.5) for one in players]
    made = scene(free, jobs, {"uploads": 10**6, "general": 10**6}, seed=seed)

    assert len({play(made, strategy).failed for strategy in Strategy}) == 1


# Which to take


def outcome(strategy, **facts):
    return Played(
        strategy=strategy,
        jobs=100,
        done=100,
        failed=0,
        deferred=0,
        left=0,
        median_delay=0.0,
        p95_delay=600.0,
        shares={},
        fairness=0.9,
        peak=Peak("studio", "uploads", NOON.date(), 70.0),
        took={},
    )._replace(**facts)


@pytest.mark.parametrize(
    ("present", "as_now", "other", "then"),
    [
        (
            {"deferred": 40, "p95_delay": 60.0},
            "40 of 100 jobs wait for a reset or a cap",
            {"p95_delay": 900.0},
            "0 of 100 jobs wait for a reset or a cap",
        ),
        (
            {"p95_delay": 9000.0},
            "19 of 20 jobs begin within 2 h 30 min",
            {"fairness": 0.2},
            "19 of 20 jobs begin within 10 min",
        ),
        (
            {"fairness": 0.2},
            "the accounts' shares are even to 0.20 of 1",
            {"peak": None},
            "the accounts' shares are even to 0.90 of 1",
        ),
    ],
)
def test_that_jobs_go_today_counts_before_when_they_go_and_that_before_how_evenly(present, as_now, other, then):
    played = [outcome(Strategy.FILL, **present), outcome(Strategy.RANDOM, **other)]

    assert advise(played, Strategy.FILL) == (
        Strategy.RANDOM,
        f"take random: with it {then}; with fill, as now, {as_now}",
    )


def test_work_that_stays_undone_outweighs_everything_else():
    quick = outcome(Strategy.RANDOM, failed=1, deferred=0, p95_delay=0.0, fairness=1.0)
    slow = outcome(Strategy.FILL, deferred=90, p95_delay=9000.0, fairness=0.1)

    assert advise([quick, slow], Strategy.FILL).take is Strategy.FILL


def test_a_trifle_is_no_reason_to_change():
    present = outcome(Strategy.HEALTH)
    others = [outcome(Strategy.FILL, p95_delay=590.0, fairness=0.91), outcome(Strategy.RANDOM, deferred=1)]

    advice = advise([*others, present], Strategy.HEALTH)

    assert advice == (Strategy.HEALTH, "stay with health: no other strategy does better by more than a trifle")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40, "40 s"), (720, "12 min"), (7200, "2 h"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)
def test_spans_are_said_as_people_say_them(seconds, words):
    assert span(seconds) == words
