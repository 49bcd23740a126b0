"""What people ask of alerts, and their word that they know."""

import getpass
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ytpool.actions.alerts import looking
from ytpool.domain import names
from ytpool.domain.alerts import Severity, State
from ytpool.errors import StateBusy, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import alerts
from ytpool.store.alerts import Alert

_MOST_OF_THE_PAST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertList:
    """What is open, the worst first; and what is over, where it was asked for."""

    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The alerts of which somebody knows now."""

    alerts: tuple[Alert, ...]
    dry_run: bool


def listed(rt: Runtime, *, every: bool = False, severity: Severity = Severity.INFO) -> AlertList:
    """Look how things stand now, and list the alerts that are at least this bad."""
    with suppress(StateBusy):  # somebody writes for long: then how they stood when somebody looked last
        looking.look(rt)
    with rt.store.reading() as tx:
        found = alerts.standing(tx)
        if every:
            found += alerts.resolved(tx, most=_MOST_OF_THE_PAST)
    return AlertList(alerts=tuple(one for one in found if one.severity.is_at_least(severity)))


def acknowledge(
    rt: Runtime, which: Sequence[str], *, every: bool = False, note: str = "", dry_run: bool = False
) -> Acknowledged:
    """Write down that somebody knows: these are told again only if they get worse. Raises UnknownName, UsageWrong."""
    if note:
        names.require_words(note, "a note")
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        found = [alerts.get(tx, one) for one in dict.fromkeys(which)]
        for one in found:
            if one.state is State.RESOLVED:
                raise UsageWrong(f"alert {one.alert} is over; there is nothing to acknowledge", alert=one.alert)
        if every:
            found = [one for one in alerts.standing(tx) if one.state is not State.ACKNOWLEDGED]
        for one in found:
            alerts.acknowledge(tx, one.alert, by=by, note=note)
        return Acknowledged(alerts=tuple(alerts.get(tx, one.alert) for one in found), dry_run=dry_run)
