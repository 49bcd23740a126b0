"""Bringing the alerts to what is wrong now: one look, whoever makes it, and however many look at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions.alerts import causes
from ytpool.domain import alerts
from ytpool.domain.alerts import Cause, Event, Kind
from ytpool.runtime import Runtime
from ytpool.store import alerts as raised
from ytpool.store.db import Tx

_NOBODY_LOOKS = timedelta(days=1)
"""After which what `health` saw is over, if nobody has asked it since."""

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
        raised.forget(tx, tx.now - _KEPT_FOR)
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
    return raised.settle(
        tx,
        found,
        looked_at=looked_at,
        of=of,
        kinds=kinds,
        escalates_after=timedelta(hours=hours) if hours else None,
        rng=rt.rng,
    )
