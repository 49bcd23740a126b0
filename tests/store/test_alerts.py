"""One row for each cause, whoever looks when."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from ytpool.domain.alerts import Cause, Event, Kind, Severity
from ytpool.store import alert_messages as messages
from ytpool.store import alerts


@pytest.fixture
def settle(books):
    """Bring the alerts to what was seen so many seconds ago."""

    def settled(*severities, seconds_ago=0):
        with books.database.transaction() as tx:
            return alerts.settle(
                tx,
                [
                    Cause(kind=Kind.QUOTA, subject="acme general", title="acme", severity=severity, message="full")
                    for severity in severities
                ],
                looked_at=tx.now - timedelta(seconds=seconds_ago),
                of=None,
                kinds=frozenset(Kind),
                escalates_after=None,
                rng=random.Random(1),
            )

    return settled


def open_now(books):
    with books.database.reading() as tx:
        return [(one.severity, one.times) for one in alerts.standing(tx)]


def test_who_looked_before_somebody_saw_it_does_not_resolve_it(settle, books):
    assert [one.event for one in settle(Severity.WARNING)] == [Event.OPENED]

    assert settle(seconds_ago=5) == []

    assert open_now(books) == [(Severity.WARNING, 1)]


def test_who_looked_before_it_was_gone_does_not_open_it_again(settle, books):
    settle(Severity.WARNING, seconds_ago=30)
    assert [one.event for one in settle(seconds_ago=10)] == [Event.RESOLVED]

    assert settle(Severity.WARNING, seconds_ago=20) == []

    assert open_now(books) == []


def test_who_looked_before_it_got_better_says_nothing_of_how_it_was(settle, books):
    settle(Severity.WARNING, seconds_ago=30)
    settle(Severity.WARNING, seconds_ago=10)

    assert settle(Severity.CRITICAL, seconds_ago=20) == []

    assert open_now(books) == [(Severity.WARNING, 3)]


def test_what_comes_back_soon_is_the_same_alert(settle, books, clock):
    (opened,) = settle(Severity.WARNING)
    clock.forward(timedelta(minutes=1))
    (resolved,) = settle()
    clock.forward(timedelta(minutes=9))
    (again,) = settle(Severity.WARNING)
    clock.forward(timedelta(minutes=1))
    settle()
    clock.forward(timedelta(minutes=11))
    (other,) = settle(Severity.WARNING)

    assert opened.alert == resolved.alert == again.alert != other.alert
    assert open_now(books) == [(Severity.WARNING, 1)]


def test_a_clock_that_was_ahead_leaves_nothing_open_for_ever(settle, books):
    settle(Severity.WARNING, seconds_ago=-3600)

    assert [one.event for one in settle()] == [Event.RESOLVED]
    assert [one.event for one in settle(Severity.WARNING)] == [Event.OPENED]
    assert open_now(books) == [(Severity.WARNING, 2)]


OPENED, ESCALATED, RESOLVED = Event
INFO, WARNING, CRITICAL = Severity


@pytest.mark.parametrize(
    ("happened", "heard"),
    [
        ([(OPENED, WARNING), "tell", (RESOLVED, WARNING), (OPENED, WARNING), "tell"], [(OPENED, WARNING)]),
        ([(OPENED, WARNING), "tell", (RESOLVED, WARNING), (OPENED, CRITICAL), "tell"],
         [(OPENED, WARNING), (ESCALATED, CRITICAL)]),
        ([(OPENED, WARNING), "tell", (RESOLVED, WARNING), "tell", (OPENED, WARNING), (RESOLVED, WARNING),
          (OPENED, WARNING), "tell"],
         [(OPENED, WARNING), (RESOLVED, WARNING), (OPENED, WARNING)]),
        ([(OPENED, WARNING), "tell", (RESOLVED, WARNING), "tell", (OPENED, WARNING), (RESOLVED, WARNING), "tell"],
         [(OPENED, WARNING), (RESOLVED, WARNING)]),
        ([(OPENED, CRITICAL), "tell", (RESOLVED, CRITICAL), (OPENED, WARNING), (ESCALATED, CRITICAL), "tell"],
         [(OPENED, CRITICAL)]),
    ],
)  # fmt: skip
def test_what_a_target_believes_in_the_end_is_how_it_stands(settle, books, clock, happened, heard):
    (alert,) = settle(Severity.WARNING)
    found = []
    for number, event in enumerate(happened):
        clock.forward(timedelta(seconds=1))
        with books.database.transaction() as tx:
            if event == "tell":
                waits = messages.waiting(tx, "team")
                found += [(one.event, one.severity) for one in waits]
                messages.write(tx, str(number), "team", {}, waits, tx.now)
                messages.end(tx, str(number), messages.State.DELIVERED, tx.now, "")
            else:
                change = replace(alert, event=event[0], severity=event[1])
                messages.notify(tx, "team", change, tx.now, random.Random(number))

    assert found == heard
