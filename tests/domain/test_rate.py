"""How fast bytes may leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.rate import Throttle, parse
from ytpool.errors import ConfigInvalid


@pytest.mark.parametrize(
    ("typed", "rate"),
    [
        ("5M", 5_000_000),
        ("800k", 800_000),
        ("1.5M", 1_500_000),
        ("1G", 10**9),
        ("250000", 250_000),
        (" 5 MB/s ", 5 * 10**6),
    ],
)
def test_a_rate_is_bytes_a_second_in_thousands(typed, rate):
    assert parse(typed) == rate


@pytest.mark.parametrize(
    "typed", ["", "0", "0k", "-5M", "5Mbit", "5MiB", "5 T", "fast", "1e6", "5M/min", "\u0665M", "0.0001"]
)
def test_what_is_no_rate_is_refused_with_how_to_write_one(typed):
    with pytest.raises(ConfigInvalid) as refused:
        parse(typed)

    assert "800k, 5M or 1G" in refused.value.hint


@given(st.text())
def test_any_text_is_a_rate_or_refused(typed):
    try:
        rate = parse(typed)
    except ConfigInvalid:
        return
    assert rate > 0


@given(
    st.integers(1, 10**9),
    st.lists(st.tuples(st.integers(1, 10**7), st.floats(0, 5)), min_size=1, max_size=30),
)
def test_whoever_waits_as_told_never_sends_more_than_the_rate_and_one_second_more(rate, pieces):
    throttle, now, sent = Throttle.new(rate, at=0.0), 0.0, []
    for size, idle in pieces:
        now += idle
        throttle, wait = throttle.take(size, now)
        now += wait
        sent.append((now, size))

    for index, (began, _) in enumerate(sent):
        for ended, _ in sent[index:]:
            between = sum(size for at, size in sent if began <= at <= ended)
            largest = max(size for at, size in sent if began <= at <= ended)
            assert between <= rate * (ended - began) + max(rate, largest) + rate * 1e-6 * (1 + ended)


def test_a_second_s_worth_leaves_at_once_and_more_is_waited_for():
    throttle, first = Throttle.new(1000, at=0.0).take(1000, 0.0)
    throttle, second = throttle.take(500, 0.0)
    _, third = throttle.take(500, 1.0)

    assert (first, second, third) == (0.0, 0.5, 0.0)


def test_a_clock_that_stands_still_or_errs_gives_nothing_away():
    throttle, _ = Throttle.new(1000, at=10.0).take(1000, 10.0)

    assert throttle.take(1000, 5.0)[1] == 1.0
