"""Alerts as a state machine, who is told when, and in what words."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.actions.alerts import causes
from ytpool.domain import alert_messages, alert_targets
from ytpool.domain.alerts import Event, Kind, Severity, Standing, seen_again

BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)


def standing(worst, *, acknowledged=False):
    return Standing(opened_at=BEGAN, worst=worst, acknowledged=acknowledged)


@given(st.lists(st.sampled_from(list(Severity)), min_size=1))
def test_whatever_a_cause_does_nothing_is_told_twice(seen):
    worst, told = seen[0], [seen[0]]
    for severity in seen[1:]:
        step = seen_again(standing(worst), severity, BEGAN)
        worst = step.worst
        told += [step.severity] if step.event is Event.ESCALATED else []

    assert [one.rank for one in told] == sorted({one.rank for one in told})
    assert worst.rank == max(one.rank for one in seen)


@pytest.mark.parametrize(
    ("severity", "after", "acknowledged", "then"),
    [
        (Severity.WARNING, A_DAY - timedelta(seconds=1), False, Severity.WARNING),
        (Severity.WARNING, A_DAY, False, Severity.CRITICAL),
        (Severity.WARNING, A_DAY, True, Severity.WARNING),
        (Severity.INFO, 30 * A_DAY, False, Severity.INFO),
    ],
)
def test_a_warning_that_lasts_is_critical_unless_somebody_knows_of_it(severity, after, acknowledged, then):
    step = seen_again(standing(severity, acknowledged=acknowledged), severity, BEGAN + after, escalates_after=A_DAY)

    assert (step.severity, step.event is Event.ESCALATED) == (then, then is not severity)


def test_every_kind_of_todo_is_a_kind_of_alert_that_knows_how_bad_it_is():
    listed = set(data.load("schemas/todo.json")["properties"]["items"]["items"]["properties"]["kind"]["enum"])
    of_alerts = data.load("schemas/alerts-list.json")["properties"]["alerts"]["items"]["properties"]["kind"]["enum"]

    assert listed <= set(Kind)
    assert listed - {Kind.RESTING} <= set(causes.SEVERITIES)
    assert set(of_alerts) == set(Kind)


@pytest.mark.parametrize(
    ("quiet", "hours"),
    [("22:00-07:00", {22, 23, *range(7)}), ("01:00-03:00", {1, 2}), ("", set())],
)
def test_quiet_hours_may_go_over_midnight(quiet, hours):
    target = alert_targets.Target("team", type="file", path="a", quiet=quiet)

    found = {hour for hour in range(24) if target.waits(Severity.WARNING, BEGAN.replace(hour=hour))}

    assert found == hours
    assert not any(target.waits(Severity.CRITICAL, BEGAN.replace(hour=hour)) for hour in range(24))


def message(words, count=1):
    one = {"event": "opened", "kind": "quota", "subject": words, "severity": "warning", "message": words, "command": ""}
    return alert_messages.content(
        message="m1", profile="default", target="team", written_at="", alerts=[one] * count, more=0
    )


@given(st.text(max_size=700))
def test_no_name_breaks_out_of_its_line(words):
    told = message(words, count=3)

    text = alert_messages.as_text(told, 1)

    assert len(text.split("\n")) == 5
    assert "\n" not in alert_messages.headline(told)
    assert not {sign for sign in text if "\u202a" <= sign <= "\u202e"}
    json.loads(alert_messages.as_json(told, 1))
    alert_messages.as_slack(told, 1).encode()
