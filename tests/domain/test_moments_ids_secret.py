"""Small values that everything else leans on: moments as text, ids, secrets."""

import copy
import json
import logging
import pickle
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import ids, moments
from ytpool.domain.secret import Secret

ALL_TIME = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
OUR_TIME = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
BERLIN = ZoneInfo("Europe/Berlin")
VALUE = "a-value-nobody-may-see"


@given(ALL_TIME, ALL_TIME)
def test_moments_as_text_have_one_width_and_the_order_of_time(one, other):
    assert len(moments.text(one)) == 27
    assert (moments.text(one) < moments.text(other)) == (one < other)
    assert (moments.text(one) == moments.text(other)) == (one == other)


@given(ALL_TIME, st.integers(-12 * 60, 12 * 60))
def test_a_moment_survives_being_text_in_whatever_zone_it_was_said(moment, minutes):
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))

    assert moments.parse(moments.text(elsewhere)) == moment
    assert moments.parse(elsewhere.isoformat()) == moment


def test_a_moment_without_a_zone_is_neither_written_nor_read():
    with pytest.raises(ValueError, match="time zone"):
        moments.text(datetime(2026, 11, 20, 12))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        moments.parse("2026-11-20T12:00:00")


def test_no_moment_stays_none():
    assert moments.parse_optional(None) is None
    assert moments.parse_optional("2026-11-20T12:00:00Z") == datetime(2026, 11, 20, 12, tzinfo=UTC)


@given(OUR_TIME, OUR_TIME, st.randoms(use_true_random=False))
def test_ids_sort_by_the_millisecond_they_were_made_in(one, other, rng):
    earlier, later = sorted((one, other))

    first, second = ids.new(earlier, rng), ids.new(later, rng)

    assert len(first) == len(second) == 16
    if later - earlier >= timedelta(milliseconds=1):
        assert first < second


def test_ids_of_one_moment_differ_and_sort_by_who_was_made_first():
    now, rng = datetime(2026, 11, 20, tzinfo=UTC), random.Random(1)

    made = [ids.new(now, rng) for _ in range(10_000)]

    assert len(set(made)) == 10_000
    assert made == sorted(made)


def test_ids_of_one_moment_from_many_threads_differ():
    now, rng = datetime(2026, 11, 20, tzinfo=UTC), random.Random(1)

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.new(now, rng), range(10_000)))

    assert len(set(made)) == 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    name: str
    token: Secret


def test_a_secret_shows_only_through_reveal(caplog):
    secret = Secret(VALUE)
    login = Login(name="news", token=secret)

    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("login %s", login)
    seen = f"{secret} {secret!r} {secret:>20} {login} {[secret]} {caplog.text}" + "%s" % secret + str({"t": secret})  # noqa: UP031

    assert VALUE not in seen
    assert "Secret()" in seen
    assert secret.reveal() == VALUE


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy, json.dumps])
def test_a_secret_does_not_leave_by_accident(leave):
    with pytest.raises(TypeError):
        leave(Secret(VALUE))


def test_secrets_are_compared_by_their_value():
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1
    assert not Secret("")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-24T18:00", "2026-12-24T17:00:00+00:00"),
        (" 2026-12-24 18:00 ", "2026-12-24T17:00:00+00:00"),
        ("2026-12-24", "2026-12-23T23:00:00+00:00"),
        ("2026-12-24T18:00Z", "2026-12-24T18:00:00+00:00"),
        ("2026-12-24T18:00-05:00", "2026-12-24T23:00:00+00:00"),
        ("2026-12-24T18:00 America/New_York", "2026-12-24T23:00:00+00:00"),
        ("2026-12-24 18:00 UTC", "2026-12-24T18:00:00+00:00"),
    ],
)
def test_a_typed_moment_is_meant_in_its_own_zone_or_in_the_settings(written, moment):
    assert moments.typed(written, BERLIN) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("tomorrow", "is no date and time; write it as 2026-12-24T18:00"),
        ("24.12.2026 18:00", "is no date and time"),
        ("2026-13-01", "is no date and time"),
        ("2026-12-24 18:00 Berlin", "no time zone Berlin; did you mean Europe/Berlin?"),
        ("2026-12-24 18:00 Europe/Belrin", "did you mean Europe/Berlin?"),
        ("2026-12-24 18:00 Europe", "there is no time zone Europe"),
        ("2026-12-24 18:00+01:00 Europe/Berlin", "names an offset and a zone"),
        ("2027-03-28T02:30", "there is no 2027-03-28 02:30 in Europe/Berlin, the clocks skip it"),
        ("2026-10-25T02:30", "2026-10-25 02:30 comes twice in Europe/Berlin"),
        ("0001-01-01T00:00+14:00", "lies outside of all calendars"),
        ("9999-12-31T23:59-14:00", "lies outside of all calendars"),
    ],
)
def test_a_moment_that_is_none_or_more_than_one_is_refused_with_a_sentence(written, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        moments.typed(written, BERLIN)


@given(OUR_TIME)
def test_every_moment_can_be_typed_with_its_offset(moment):
    assert moments.typed(moment.astimezone(BERLIN).isoformat(), UTC) == moment


@given(st.text() | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2} ?[A-Za-z/+-]*\Z"))
def test_any_text_is_a_moment_or_refused(written):
    try:
        moment = moments.typed(written, BERLIN)
    except ValueError:
        return
    assert moment.utcoffset() == timedelta()
