"""When an allowance runs out, and how sure that is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.forecast import ENOUGH_DAYS, Allowance, Change, band, outlook, runs_out

BEGINS = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOON = BEGINS + timedelta(hours=12)
ENDS = BEGINS + timedelta(hours=24)
HOUR = timedelta(hours=1)
BLINK = timedelta(milliseconds=1)
"""Moments are compared no closer than this: halves of an hour that are added up are not quite the hour."""


def allowance(level=100, used=0.0, now=NOON, changes=()):
    return Allowance(level=level, used=used, begins=BEGINS, now=now, ends=ENDS, changes=changes)


units = st.integers(0, 60).map(float)
days = st.lists(units, min_size=24, max_size=24)
moments = st.integers(0, 24 * 60 - 1).map(lambda minute: BEGINS + timedelta(minutes=minute))
waiting = st.lists(st.builds(Change, at=moments, units=units), max_size=5)
allowances = st.builds(allowance, level=st.integers(0, 800), used=units, now=moments, changes=waiting)


def later(one, other):
    """Tell whether one moment is after another; to last means to end with the day."""
    return (one or ENDS) > (other or ENDS) + BLINK


@given(st.integers(1, 50), st.integers(0, 23), st.integers(0, 200), st.integers(0, 40), st.integers(0, 9))
def test_at_a_constant_rate_it_is_exact(rate, hour, level, queue, history):
    now = BEGINS + hour * HOUR
    standing = allowance(level, used=hour * rate, now=now, changes=[Change(BEGINS, queue)])

    ahead = outlook(standing, [[float(rate)] * 24] * (ENOUGH_DAYS + history))

    end = max(now, BEGINS + (level - queue) / rate * HOUR)
    assert ahead.early == ahead.likely == ahead.late
    if end < ENDS - BLINK:
        assert abs(ahead.likely - end) < BLINK
    elif end > ENDS + BLINK:
        assert ahead.likely is None


@given(allowances, st.lists(days, max_size=8), st.builds(Change, at=moments, units=units))
def test_more_in_the_queue_never_makes_it_later(standing, history, more):
    before = outlook(standing, history)
    after = outlook(standing._replace(changes=[*standing.changes, more]), history)

    for one, other in zip(after[:3], before[:3], strict=True):
        assert not later(one, other)


@given(allowances, st.lists(days, max_size=8), st.floats(0, 50))
def test_more_use_never_makes_it_later_and_a_higher_level_never_sooner(standing, history, more):
    before = outlook(standing, history)
    used = outlook(standing._replace(used=standing.used + more), history)
    raised = outlook(standing._replace(level=standing.level + more), history)

    for one, other, up in zip(used[:3], before[:3], raised[:3], strict=True):
        assert not later(one, other)
        assert not later(other, up)


@given(allowances, st.lists(days, max_size=20))
def test_the_range_is_a_range_within_what_is_left_of_the_day(standing, history):
    ahead = outlook(standing, history)

    assert not later(ahead.early, ahead.likely)
    assert not later(ahead.likely, ahead.late)
    assert all(end is None or standing.now <= end < ENDS for end in ahead[:3])
    assert ahead.days == len(history)


@given(allowances, days)
def test_less_history_is_never_a_narrower_range(standing, day):
    unsure = outlook(standing, [day])
    sure = outlook(standing, [day] * ENOUGH_DAYS)

    assert (unsure.enough, sure.enough) == (False, True)
    assert not later(unsure.early, sure.early)
    assert not later(sure.late, unsure.late)


@given(allowances, st.lists(days, max_size=12))
def test_the_band_reaches_the_level_within_the_hour_in_which_the_range_says_so(standing, history):
    ahead, ways = outlook(standing, history), band(standing, history)

    assert (ways[0].at, ways[-1].at) == (standing.now, ENDS)
    assert all(low <= likely <= high for _, low, likely, high in ways)
    for end, used in ((ahead.early, "high"), (ahead.likely, "likely"), (ahead.late, "low")):
        for one in ways[:-1]:
            if end is None or end > one.at + BLINK:
                assert getattr(one, used) < standing.level + 0.001
            elif end < one.at - BLINK:
                assert getattr(one, used) > standing.level - 0.001


def test_what_is_full_has_run_out_and_what_nobody_uses_lasts():
    assert runs_out(allowance(level=10, used=10.0), []) == NOON
    assert runs_out(allowance(level=0), []) == NOON
    assert runs_out(allowance(level=10, used=9.9), [0.0] * 24) is None


def test_work_that_waits_for_a_time_counts_from_then():
    at = NOON + timedelta(hours=2)

    assert runs_out(allowance(level=10, used=4.0, changes=[Change(at, 6)]), []) == at
    assert runs_out(allowance(level=10, used=4.0, changes=[Change(at, 5)]), []) is None


def test_uploads_that_leave_a_count_of_24_hours_make_room():
    leaves = Change(NOON + HOUR, -1)
    one_an_hour = [1.0] * 24

    assert runs_out(allowance(level=10, used=8.5, changes=[leaves]), one_an_hour) == NOON + 2.5 * HOUR
    assert runs_out(allowance(level=10, used=9.5, changes=[leaves]), one_an_hour) == NOON + 0.5 * HOUR


def test_of_many_days_one_in_ten_is_sooner_and_one_in_ten_later():
    """Eleven days, of which each empties the rest in another number of hours."""
    paces = [[60.0 / hours] * 24 for hours in range(1, 12)]

    ahead = outlook(allowance(level=60), paces)

    assert [round((end - NOON) / HOUR, 3) for end in ahead[:3]] == [2, 6, 10]


def test_without_any_past_day_todays_own_pace_is_the_middle_of_a_wide_range():
    ahead = outlook(allowance(level=100, used=60.0), [])

    assert (ahead.days, ahead.enough) == (0, False)
    assert ahead.early == NOON + 4 * HOUR
    assert ahead.likely == NOON + 8 * HOUR
    assert ahead.late is None
