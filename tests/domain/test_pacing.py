"""A limit that many share: what leaves in any stretch of time, and how long anybody waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.pacing import PIECE_SECONDS, Pace, bytes_per_second
from ytpool.errors import ConfigInvalid

BLOCK = 256 * 1024


@given(
    rate=st.integers(1, 10**9),
    asked=st.lists(st.tuples(st.integers(1, BLOCK), st.floats(0, 5)), min_size=1, max_size=60),
)
def test_no_stretch_of_time_sees_more_than_the_limit_and_one_piece(rate, asked):
    pace, now, left = Pace(rate=rate), 1000.0, []
    for wanted, pause in asked:
        now += pause
        pace, count, wait = pace.take(wanted, now)
        assert 1 <= count <= wanted
        assert count <= max(1, rate * PIECE_SECONDS)
        assert wait >= 0
        left.append((now + wait, count))

    largest = max(count for _, count in left)
    for first, (begins, _) in enumerate(left):
        total = 0
        for moment, count in left[first:]:
            total += count
            assert total <= rate * (moment - begins) * (1 + 1e-6) + largest + 1


@given(rate=st.integers(1, 10**8), turns=st.integers(2, 50))
def test_whoever_always_has_something_to_send_gets_all_of_the_limit(rate, turns):
    pace, now, total = Pace(rate=rate), 50.0, 0
    for _ in range(turns):
        pace, count, wait = pace.take(BLOCK, now)
        now += wait
        total += count

    assert pace.free_at - 50.0 == pytest.approx(total / rate)


def test_nobody_waits_longer_than_a_piece_for_each_who_came_before():
    pace = Pace(rate=100)

    waits = []
    for _ in range(8):
        pace, count, wait = pace.take(BLOCK, 7.0)
        waits.append(wait)

    assert count == 25
    assert waits == pytest.approx([PIECE_SECONDS * turn for turn in range(8)])


def test_a_pause_is_not_saved_up():
    pace, _, _ = Pace(rate=1000).take(250, 0.0)

    pace, _, first = pace.take(250, 3600.0)
    _, _, second = pace.take(250, 3600.0)

    assert (first, second) == (0.0, 0.25)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5M", 5 << 20),
        ("800K", 800 << 10),
        ("1.5G", 3 << 29),
        ("123", 123),
        (" 5 MiB/s ", 5 << 20),
        ("5mb", 5 << 20),
    ],
)
def test_a_limit_is_read_as_other_tools_write_it(text, rate):
    assert bytes_per_second(text) == rate


@pytest.mark.parametrize("text", ["", "0", "0.5", "-5M", "5T", "M", "five", "5M5", "1e6", "\u0665"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ConfigInvalid):
        bytes_per_second(text)
