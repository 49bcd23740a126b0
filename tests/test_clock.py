"""Quota time: corrected by Google, never back, and no plaything of the wall clock."""

from datetime import timedelta

import pytest
from books import NOON

from ytpool.clock import Calendar, Confirmation, SystemClock


@pytest.fixture
def calendar(clock):
    return Calendar(clock)


def test_without_word_from_google_the_wall_clock_counts(calendar, clock):
    assert calendar.now() == NOON
    clock.forward(timedelta(hours=1))
    assert calendar.now() == NOON + timedelta(hours=1)


def test_googles_date_corrects_a_clock_that_is_behind(calendar, clock):
    calendar.confirm(NOON + timedelta(hours=8))
    clock.forward(timedelta(minutes=1))

    assert calendar.now() == NOON + timedelta(hours=8, minutes=1)


def test_a_clock_that_is_ahead_waits_for_the_truth_to_catch_up_and_never_goes_back(calendar, clock):
    assert calendar.now() == NOON

    calendar.confirm(NOON - timedelta(minutes=10))

    assert calendar.now() == NOON
    clock.forward(timedelta(minutes=9))
    assert calendar.now() == NOON
    clock.forward(timedelta(minutes=2))
    assert calendar.now() == NOON + timedelta(minutes=1)


@pytest.mark.parametrize("confirmed", [timedelta(0), timedelta(hours=-3)], ids=["right", "corrected"])
@pytest.mark.parametrize("jump", [timedelta(hours=9), timedelta(hours=-9)], ids=["forward", "back"])
def test_once_google_has_spoken_setting_the_wall_clock_moves_nothing(calendar, clock, confirmed, jump):
    clock.wall -= confirmed
    calendar.confirm(NOON)

    clock.wall += jump
    clock.forward(timedelta(minutes=1))

    assert calendar.now() == NOON + timedelta(minutes=1)
    assert not calendar.is_behind()


def test_seconds_are_no_difference(calendar, clock):
    clock.wall += timedelta(milliseconds=1700)

    calendar.confirm(NOON)

    assert calendar.now() == NOON + timedelta(milliseconds=1700)


def test_what_an_earlier_process_was_told_holds_for_this_run_of_the_machine(clock):
    earlier = Calendar(clock)
    earlier.confirm(NOON + timedelta(hours=8))
    later = Calendar(clock)
    clock.forward(timedelta(minutes=1))

    later.remember(earlier.confirmation())

    assert later.now() == NOON + timedelta(hours=8, minutes=1)
    assert not later.is_behind()


def test_after_a_reboot_a_clock_behind_what_google_confirmed_is_noticed(calendar, clock):
    calendar.remember(Confirmation(moment=NOON + timedelta(minutes=6), boot=9e9, era="before"))

    assert calendar.is_behind()
    assert calendar.now() == NOON + timedelta(minutes=6)
    clock.forward(timedelta(minutes=1))
    assert not calendar.is_behind()


def test_the_latest_confirmation_is_kept(calendar):
    calendar.confirm(NOON + timedelta(hours=1))
    calendar.confirm(NOON)

    assert calendar.confirmation().moment == NOON + timedelta(hours=1)


def test_a_sandbox_has_a_calendar_of_its_own(clock):
    calendar = Calendar(clock, ahead=lambda: timedelta(days=3))

    calendar.confirm(NOON)

    assert calendar.now() == NOON + timedelta(days=3)
    assert calendar.confirmation() is None


def test_the_machines_own_clock_names_its_run_and_counts():
    clock = SystemClock()

    before = clock.boot()
    clock.sleep(0.01)

    assert clock.boot() >= before + 0.01
    assert clock.era() == SystemClock().era() != ""
