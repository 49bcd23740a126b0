"""Breakers: open after exactly enough failures, half-open after their rest, closed by one call that gets through."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.breakers import ANSWERS_WITHIN, Breaker, Failure, Rules

NOON = datetime(2026, 11, 18, 20, tzinfo=UTC)
RULES = Rules()


def after(seconds):
    return NOON + timedelta(seconds=seconds)


def failing(*moments, breaker=None, rules=RULES):
    """Let failures happen at these seconds, opening the breaker as soon as it trips."""
    breaker, rng = breaker or Breaker(), random.Random(1)
    for seconds in moments:
        breaker = breaker.after_failure(Failure(after(seconds), "news"), rules)
        if breaker.trips(after(seconds), rules):
            breaker = breaker.opened(after(seconds), rules, rng)
    return breaker


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(1, 8))
def test_it_opens_with_the_first_failure_that_has_enough_others_just_before_it(moments, failures):
    moments.sort()
    rules = RULES._replace(failures=failures)
    enough = [
        moment
        for number, moment in enumerate(moments, 1)
        if number >= failures and moment - moments[number - failures] < 60
    ]

    breaker = Breaker()
    opened_at = None
    for moment in moments:
        breaker = breaker.after_failure(Failure(after(moment), "news"), rules)
        if opened_at is None and breaker.trips(after(moment), rules):
            opened_at = moment

    assert opened_at == (enough[0] if enough else None)


def test_a_call_that_gets_through_ends_the_row_of_failures():
    breaker = failing(0, 1, 2, 3).after_success(after(4))

    assert failing(5, 6, 7, 8, breaker=breaker).until is None
    assert failing(5, 6, 7, 8, 9, breaker=breaker).is_open(after(10))


def test_when_it_has_rested_three_calls_may_leave_and_no_fourth_until_one_is_heard_of_or_lost():
    breaker = failing(0, 1, 2, 3, 4)
    assert breaker.places(after(5), RULES) == 0
    rested = breaker.until

    for left in (3, 2, 1):
        assert breaker.places(rested, RULES) == left
        breaker = breaker.after_sending(rested)

    assert breaker.places(rested, RULES) == 0
    assert breaker.after_taking_back(rested).places(rested, RULES) == 1
    assert breaker.places(rested + ANSWERS_WITHIN, RULES) == 3
    assert breaker.after_success(rested).places(rested, RULES) is None


def test_an_answer_to_a_call_that_left_before_it_opened_does_not_prolong_its_rest():
    breaker = failing(0, 1, 2, 3, 4)

    assert failing(5, 6, breaker=breaker) == breaker


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_each_rest_in_a_row_is_longer_than_the_last_up_to_the_longest(rng, times):
    breaker, now, spans = failing(0, 1, 2, 3, 4), after(4), []
    for _ in range(times):
        now = breaker.until
        breaker = breaker.after_failure(Failure(now, "news"), RULES)
        assert breaker.trips(now, RULES)
        breaker = breaker.opened(now, RULES, rng)
        spans.append(breaker.until - now)

    assert all(RULES.rest <= span <= RULES.longest for span in spans)
    growing = [span for span in spans if span < RULES.longest / 1.5]
    assert growing == sorted(growing)


def test_who_was_well_for_long_begins_anew_and_who_was_not_goes_on_from_there():
    breaker = failing(0, 1, 2, 3, 4)
    closed_at = breaker.until.timestamp() - NOON.timestamp()
    closed = breaker.after_success(after(closed_at))

    soon = failing(*(closed_at + second for second in range(5)), breaker=closed)
    late = failing(*(closed_at + 1000 + second for second in range(5)), breaker=closed)

    assert (soon.openings, late.openings) == (2, 1)


def test_many_that_open_at_once_do_not_come_back_at_once():
    spans = {RULES.rest_after(30, random.Random(seed)) for seed in range(50)}

    assert len(spans) == 50
    assert max(spans) - min(spans) > RULES.longest / 4
