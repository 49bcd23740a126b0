"""What people ask of alerts, and their word that they know."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import people
from ytpool.actions.alerts import looking
from ytpool.domain import names
from ytpool.domain.alert_targets import Target
from ytpool.domain.alerts import Severity, State
from ytpool.errors import StateAway, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import alert_messages, alerts
from ytpool.store.alerts import Alert
from ytpool.store.db import Tx

_MOST_OF_THE_PAST = 500
_WAITS_FOR_OTHERS = 2.0
"""Seconds that the state may be another process's before the list does without a look of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSeen:
    """How it stands with somebody who is told of alerts."""

    target: str
    type: str
    where: str
    severity: str
    """The least that is told."""
    waiting: int
    """Alerts that are to be told, and are not on their way yet."""
    reached_at: datetime | None
    attempts: int
    """At the message that is on its way; 0: none is."""
    next_at: datetime | None
    """When the next attempt at it may be made."""
    reason: str
    """Why the last attempt failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertList:
    """What is open, the worst first; and what is over, where it was asked for."""

    alerts: tuple[Alert, ...]
    targets: tuple[TargetSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The alerts of which somebody knows now."""

    alerts: tuple[Alert, ...]
    dry_run: bool


def listed(rt: Runtime, *, every: bool = False, severity: Severity = Severity.INFO) -> AlertList:
    """Look how things stand now, and list the alerts that are at least this bad."""
    rt.store.wait_at_most(_WAITS_FOR_OTHERS)
    with suppress(StateAway):  # then how they stood when somebody looked last
        looking.look(rt)
    with rt.store.reading() as tx:
        found = alerts.standing(tx)
        if every:
            found += alerts.resolved(tx, most=_MOST_OF_THE_PAST)
        targets = tuple(_seen(tx, target) for target in rt.config.alert_targets.values())
    return AlertList(alerts=tuple(one for one in found if one.severity.is_at_least(severity)), targets=targets)


def _seen(tx: Tx, target: Target) -> TargetSeen:
    begun, last = alert_messages.under_way(tx, target.name), alert_messages.latest(tx, target.name)
    return TargetSeen(
        target=target.name,
        type=target.type,
        where=target.shown,
        severity=target.severity,
        waiting=alert_messages.count_waiting(tx, target.name),
        reached_at=alert_messages.delivered_at(tx, target.name),
        attempts=0 if begun is None else begun.attempts,
        next_at=None if begun is None else begun.not_before,
        reason="" if last is None else last.reason,
    )


def acknowledge(
    rt: Runtime, which: Sequence[str], *, every: bool = False, note: str = "", dry_run: bool = False
) -> Acknowledged:
    """Write down that somebody knows: these are told again only if they get worse. Raises UnknownName, UsageWrong."""
    if note:
        names.require_words(note, "a note")
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        found = [alerts.get(tx, one) for one in dict.fromkeys(which)]
        for one in found:
            if one.state is State.RESOLVED:
                raise UsageWrong(f"alert {one.alert} is over; there is nothing to acknowledge", alert=one.alert)
        if every:
            found = [one for one in alerts.standing(tx) if one.state is not State.ACKNOWLEDGED]
        for one in found:
            alerts.acknowledge(tx, one.alert, by=people.me(), note=note)
        return Acknowledged(alerts=tuple(alerts.get(tx, one.alert) for one in found), dry_run=dry_run)
