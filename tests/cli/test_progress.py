"""The speed that a progress display tells: of the line, and of nothing else."""

import pytest

from ytpool.cli.speed import Speed


def fed(*moves):
    speed = Speed()
    for now, count in moves:
        speed.sent(count, now)
    return speed


def test_less_than_a_second_is_no_speed():
    speed = fed((5.0, 0), (5.0001, 500_000), (5.2, 500_000))

    assert (speed.at(5.9), speed.overall()) == (None, None)
    assert speed.at(6.0) == 1_000_000


def test_what_is_sent_at_once_does_not_count_before_there_is_a_moment_to_count_from():
    assert fed((5.0, 500_000)).at(7.0) is None


def test_the_speed_is_that_of_the_last_while():
    slow_then_fast = [(float(second), 100) for second in range(30)] + [(float(second), 900) for second in range(30, 45)]

    speed = fed(*slow_then_fast)

    assert speed.at(44.0) == 900
    assert speed.overall() == pytest.approx((29 * 100 + 15 * 900) / 44)


def test_a_line_that_stands_still_gets_slower_and_is_then_not_told():
    speed = fed(*((float(second), 100) for second in range(11)))

    assert speed.at(15.0) < 100
    assert speed.at(25.0) is None


def test_after_a_long_wait_it_is_measured_anew():
    speed = fed((0.0, 0), (1.0, 100), (2.0, 100), (100.0, 0), (100.5, 50), (102.0, 150))

    assert speed.at(102.0) == 100
