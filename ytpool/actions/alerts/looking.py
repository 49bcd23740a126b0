"""Bringing the alerts to what is wrong now: one look, whoever makes it, and however many look at once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ytpool.actions.alerts import causes, telling
from ytpool.actions.health.checks import Check, Status
from ytpool.domain import alerts
from ytpool.domain.alerts import Cause, Event, Kind, Severity
from ytpool.errors import YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import alert_messages, machines, owners
from ytpool.store import alerts as raised
from ytpool.store.db import Tx

log = logging.getLogger(__name__)

_NOBODY_LOOKS = timedelta(days=1)
"""After which what `health` saw is over, if nobody has asked it since."""

_TOLD_FOR_OTHERS = timedelta(minutes=5)
"""For so long a machine lets its targets know of what another has seen, whose settings may not have them."""

_KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look has changed."""

    opened: int = 0
    escalated: int = 0
    resolved: int = 0


def look(rt: Runtime, *, dry_run: bool = False) -> Looked:
    """Open, escalate and resolve alerts as the state says; what is news waits for its targets from now on.

    The state is read without keeping anybody waiting; what another process sees meanwhile counts more.
    """
    with rt.store.reading() as tx:
        looked_at, found = tx.now, list(causes.everything(rt, tx))
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        changes = _settle(rt, tx, found, looked_at, kinds=alerts.IN_THE_STATE)
        stale = raised.unseen_since(tx, alerts.OF_HEALTH, tx.now - _NOBODY_LOOKS)
        changes += _settle(rt, tx, (), tx.now, kinds=alerts.OF_HEALTH, of=stale)
        if machines.are_several(tx):
            telling.notify(rt, tx, raised.changed_since(tx, tx.now - _TOLD_FOR_OTHERS))
        if raised.forget(tx, tx.now - _KEPT_FOR):
            alert_messages.forget(tx, rt.clock.now() - _KEPT_FOR)
    events = [change.event for change in changes]
    return Looked(
        opened=events.count(Event.OPENED),
        escalated=events.count(Event.ESCALATED),
        resolved=events.count(Event.RESOLVED),
    )


def _settle(
    rt: Runtime,
    tx: Tx,
    found: Sequence[Cause],
    looked_at: datetime,
    *,
    kinds: frozenset[Kind],
    of: Sequence[tuple[str, str]] | None = None,
) -> list[raised.Change]:
    hours = rt.config.alerts.escalate_after_hours
    changes = raised.settle(
        tx,
        found,
        looked_at=looked_at,
        of=of,
        kinds=kinds,
        escalates_after=timedelta(hours=hours) if hours else None,
        rng=rt.rng,
    )
    telling.notify(rt, tx, changes)
    return changes


_OUTSIDE = {
    "state": Severity.CRITICAL,
    "vault": Severity.CRITICAL,
    "disk": Severity.CRITICAL,
    "clock": Severity.CRITICAL,
    "configuration": Severity.WARNING,
    "youtube": Severity.WARNING,
    "providers": Severity.WARNING,
    "ftp": Severity.WARNING,
    "checks": Severity.WARNING,
}
"""The looks of `health` at what the state does not tell, and how bad it is where one fails."""


_SEEN_FROM = " @"
"""Stands before the machine from which something was seen; older versions did not say."""


def _is_of(subject: str, host: str, asked: frozenset[str]) -> bool:
    """Tell whether an alert of `health` is about what was looked at now, from here."""
    seen, _, where = subject.partition(_SEEN_FROM)
    return where in (host, "") and bool(asked.intersection(seen.split(" ", 1)))


def heard(rt: Runtime, checks: Sequence[Check], asked: frozenset[str]) -> None:
    """Take in what `health` has seen of this machine and of other services; `asked` is what it looked at.

    What one machine sees says nothing of another: each has alerts of its own, and resolves no others.
    """
    here = owners.me().host
    found = [
        Cause(
            kind=Kind.HEALTH,
            subject=f"{check.look} {check.check}{_SEEN_FROM}{here}",
            title=check.check,
            severity=_OUTSIDE[check.look],
            message=check.message,
            command=check.fix.removeprefix("run: "),
        )
        for check in checks
        if check.status is Status.FAIL and check.look in _OUTSIDE
    ]
    try:
        with rt.store.reading() as tx:
            looked_at, open_before = tx.now, raised.unseen_since(tx, alerts.OF_HEALTH, tx.now)
        if found or open_before:
            of = [key for key in open_before if _is_of(key[1], here, asked)]
            with rt.store.transaction() as tx:
                if machines.are_several(tx):
                    found = [replace(cause, title=f"{cause.title} on {here}") for cause in found]
                _settle(rt, tx, found, looked_at, kinds=alerts.OF_HEALTH, of=of)
    except YtpoolError as error:  # the next look at the state says so
        log.debug("health raised no alerts", extra={"reason": error.message})
