"""The older tool's files, read as what they mean here."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import names, older, quota
from ytpool.domain.balancing import Strategy
from ytpool.domain.older import Counted
from ytpool.errors import ImportInvalid, UsageWrong

BERLIN = ZoneInfo("Europe/Berlin")
HONOLULU = ZoneInfo("Pacific/Honolulu")
ZONES = st.sampled_from([UTC, BERLIN, HONOLULU, quota.PACIFIC, ZoneInfo("Pacific/Kiritimati")])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def configuration(**account):
    given = {"id": "a", "client_id": "1-a", "client_secret": "s", **account}
    return older.configuration(json.dumps({"accounts": [given]}).encode())


@pytest.mark.parametrize(
    ("word", "strategy"),
    [
        ("quota_based", Strategy.LEAST_USED),
        ("least_used", Strategy.LEAST_USED),
        ("Round-Robin", Strategy.ROUND_ROBIN),
        ("random", Strategy.RANDOM),
        ("health_based", Strategy.HEALTH),
        ("priority", Strategy.FILL),
        ("fill", Strategy.FILL),
        ("magic", Strategy.HEALTH),
        (None, Strategy.HEALTH),
    ],
)
def test_every_strategy_has_one_of_ours(word, strategy):
    content = {"accounts": [{"id": "a"}], "load_balancing": {"strategy": word}}

    assert older.configuration(json.dumps(content).encode()).strategy is strategy


@given(MOMENTS, ZONES)
def test_what_was_counted_on_the_quota_day_is_never_missed(moment, zone):
    """Whatever the machine's day was called when a unit was spent: the count of that day is of today."""
    day = quota.quota_day(moment)
    local = moment.astimezone(zone)

    plain = Counted(older_id="a", day=local.date(), units=1, updated=None)
    exact = Counted(older_id="a", day=local.date(), units=1, updated=local.replace(tzinfo=None))

    assert plain.is_of(day, zone)
    # In the hour that comes twice the first is meant, which may be an hour too early for the very first hour of a day.
    assert exact.is_of(day, zone) or moment - quota.starts_at(day) < timedelta(hours=1)


@given(MOMENTS, ZONES)
def test_a_count_that_ended_before_the_quota_day_is_over(moment, zone):
    local = moment.astimezone(zone)
    counted = Counted(older_id="a", day=local.date(), units=1, updated=local.replace(tzinfo=None))

    assert not counted.is_of(quota.quota_day(moment) + timedelta(days=1), zone)
    assert not Counted(older_id="a", day=local.date(), units=1, updated=None).is_of(
        quota.quota_day(moment) + timedelta(days=3), zone
    )


def test_three_shapes_of_a_count_say_the_same():
    shapes = (
        {"date": "2026-11-20", "accounts": {"a": {"used": 7}}},
        {"a": {"date": "2026-11-20", "quota_used": 7}},
        {"a": {"2026-11-20": {"total_units": 7, "operations": {"comment": 7}}}},
    )

    found = {older.usage(json.dumps(shape).encode()) for shape in shapes}

    assert found == {(Counted(older_id="a", day=date(2026, 11, 20), units=7, updated=None),)}


@pytest.mark.parametrize("units", [-1, True, "7", 7.0, 10**19, None])
def test_a_count_that_is_no_number_of_units_is_refused(units):
    with pytest.raises(ImportInvalid):
        older.usage(json.dumps({"a": {"date": "2026-11-20", "used": units}}).encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_is_given_is_understood_or_refused_in_words(content):
    for table in (content, {"accounts": content}, {"accounts": [content]}, {"accounts": [{"id": content}]}):
        for reading in (older.configuration, older.usage, lambda text: older.log(text, BERLIN, datetime.now(UTC))):
            try:
                reading(json.dumps(table).encode())
            except ImportInvalid as error:
                assert error.message  # noqa: PT017 -- either is right


@given(st.text())
def test_a_name_becomes_legal_and_a_legal_one_stays(name):
    try:
        made = names.legal(name)
    except UsageWrong:
        return

    assert names.require(made, "an account") == made
    assert names.legal(made) == made
    assert made == name or not names.is_legal(name)


@pytest.mark.parametrize("field", ["priority", "max_comments_per_day"])
@pytest.mark.parametrize("value", [-1, 1.5, True, "many", 10**9, []])
def test_a_number_that_is_none_is_the_accounts_problem(field, value):
    [entry] = configuration(**{field: value}).entries

    assert field in entry.problem


def test_an_account_without_a_priority_comes_last():
    [entry] = configuration().entries

    assert (entry.priority, entry.comments, entry.token_file) == (999, None, "token_a.json")
