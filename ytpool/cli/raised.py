"""How alerts are shown."""

from collections.abc import Sequence

from ytpool.actions.alerts import listing
from ytpool.actions.alerts.listing import Acknowledged, AlertList
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.alerts import Severity, State
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store.alerts import Alert

_STYLES = {Severity.CRITICAL: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def _style(alert: Alert) -> str:
    return "dim" if alert.state is State.RESOLVED else _STYLES[alert.severity]


def _state(alert: Alert) -> str:
    if alert.state is State.ACKNOWLEDGED and alert.note:
        return f"{alert.state}: {alert.note}"
    return alert.state


_ALERTS = (
    Column("Alert", "alert", from_width=80),
    Column("Severity", "severity", style=_style),
    Column("Kind", "kind"),
    Column("Subject", "subject"),
    Column("State", _state, from_width=110),
    Column("Since", "opened_at", from_width=130),
    Column("Until", "ended_at", from_width=130),
    Column("Times", "times", justify="right", from_width=130),
    Column("What", "message"),
    Column("Type", "command", from_width=80),
)

VIEWS[AlertList] = View(rows="alerts", columns=_ALERTS, empty="nothing wants to be looked at")


def _told(done: Acknowledged) -> str:
    verb = "would be acknowledged" if done.dry_run else "acknowledged"
    lines = [f"{verb}: {one.kind} of {one.subject} ({one.message})" for one in done.alerts]
    return "\n".join(lines) or "nothing waits to be acknowledged"


VIEWS[Acknowledged] = View(text=_told)


def listed(rt: Runtime, *, every: bool, severity: Severity) -> AlertList:
    return listing.listed(rt, every=every, severity=severity)


def acknowledged(rt: Runtime, which: Sequence[str], *, every: bool, note: str, dry_run: bool) -> Acknowledged:
    if bool(which) == every:
        raise UsageWrong("name the alerts, or say --all", hint="see: ytpool alerts list")
    return listing.acknowledge(rt, which, every=every, note=note, dry_run=dry_run)
