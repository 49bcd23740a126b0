"""The quota day turns at midnight in California, also when the clocks there change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.quota import (
    MIDNIGHT_BLUR,
    Light,
    Urgency,
    day_across_midnight,
    light,
    opens_until,
    quota_day,
    resets_at,
    starts_at,
)

THRESHOLDS = (70, 80, 90)
NOON = datetime(2026, 11, 18, 20, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(days)
def test_a_quota_day_turns_exactly_at_its_reset(day):
    assert quota_day(starts_at(day)) == day
    assert quota_day(resets_at(day) - INSTANT) == day
    assert quota_day(resets_at(day)) == day + timedelta(days=1)


@given(moments)
def test_every_moment_lies_in_its_own_quota_day(moment):
    day = quota_day(moment)

    assert starts_at(day) <= moment < resets_at(day)


@pytest.mark.parametrize(
    ("day", "hours", "starts"),
    [
        (date(2026, 3, 7), 24, datetime(2026, 3, 7, 8, tzinfo=UTC)),
        (date(2026, 3, 8), 23, datetime(2026, 3, 8, 8, tzinfo=UTC)),
        (date(2026, 3, 9), 24, datetime(2026, 3, 9, 7, tzinfo=UTC)),
        (date(2026, 11, 1), 25, datetime(2026, 11, 1, 7, tzinfo=UTC)),
        (date(2026, 11, 2), 24, datetime(2026, 11, 2, 8, tzinfo=UTC)),
    ],
)
def test_the_days_of_the_clock_changes_have_23_and_25_hours(day, hours, starts):
    assert starts_at(day) == starts
    assert resets_at(day) - starts_at(day) == timedelta(hours=hours)


@given(days, st.timedeltas(-2 * MIDNIGHT_BLUR, 2 * MIDNIGHT_BLUR))
def test_only_within_a_minute_of_midnight_a_second_day_may_count_a_call(day, offset):
    moment = resets_at(day) + offset

    other = day_across_midnight(moment)

    if abs(offset) < MIDNIGHT_BLUR:
        assert {quota_day(moment), other} == {day, day + timedelta(days=1)}
    elif abs(offset) > MIDNIGHT_BLUR:
        assert other is None


@pytest.mark.parametrize(
    ("percent", "colour"),
    [
        (0, Light.GREEN),
        (69.99, Light.GREEN),
        (70, Light.YELLOW),
        (80, Light.ORANGE),
        (89.99, Light.ORANGE),
        (90, Light.RED),
        (130, Light.RED),
    ],
)
def test_a_colour_begins_at_its_threshold(percent, colour):
    assert light(percent, THRESHOLDS) is colour


def test_more_urgent_work_reaches_further_into_a_bucket_and_none_beyond_it():
    assert [opens_until(urgency, THRESHOLDS) for urgency in Urgency] == [80, 90, 100]


@pytest.mark.parametrize(
    ("how", "urgency"),
    [
        ({"begun": False}, Urgency.NORMAL),
        ({"begun": True}, Urgency.STARTED),
        ({"begun": False, "deadline": NOON + timedelta(hours=24)}, Urgency.STARTED),
        ({"begun": False, "deadline": NOON + timedelta(hours=24, seconds=1)}, Urgency.NORMAL),
        ({"begun": False, "deadline": NOON - timedelta(hours=1)}, Urgency.STARTED),
        ({"begun": True, "use_buffer": True}, Urgency.BUFFER),
    ],
)
def test_what_has_begun_or_is_wanted_within_a_day_reaches_further_and_the_operators_word_furthest(how, urgency):
    assert Urgency.of(NOON, **{"use_buffer": False, **how}) is urgency
    assert urgency.on_reserve() is (Urgency.BUFFER if urgency is Urgency.BUFFER else Urgency.STARTED)
