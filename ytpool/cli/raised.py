"""How alerts are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ytpool.actions.alerts import listing, telling
from ytpool.actions.alerts.listing import Acknowledged, AlertList
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.output import VIEWS, Column, View, worded
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


def _about(alert: Alert) -> str:
    return f"{alert.kind} {alert.subject}"


def _shortened(words: str) -> str:
    """Cut a name that would fill the screen; its alert is told apart by its id."""
    return words if len(words) <= _LONGEST_NAME else f"{words[: _LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"


_LONGEST_NAME = 80

_ALERTS = (
    Column("Alert", "alert", from_width=60),
    Column("Severity", "severity", style=_style),
    Column("About", _about, shown=_shortened),
    Column("State", _state, from_width=110),
    Column("Since", "opened_at", from_width=130),
    Column("Until", "ended_at", from_width=130),
    Column("Times", "times", justify="right", from_width=130),
    Column("What", "message", from_width=40),
    Column("Type", "command", from_width=80),
)

_TARGETS = (
    Column("Target", "target"),
    Column("Kind", "type", from_width=80),
    Column("Where", "where", from_width=110),
    Column("From", "severity", from_width=80),
    Column("Waiting", "waiting", justify="right"),
    Column("Reached", "reached_at", from_width=60),
    Column("Attempts", "attempts", justify="right", shown=lambda count: str(count or ""), from_width=110),
    Column("Trouble", "reason", style="red"),
)

VIEWS[AlertList] = (
    View(rows="alerts", columns=_ALERTS, empty="nothing wants to be looked at"),
    View(rows="targets", columns=_TARGETS, empty=""),
)


def _told(done: Acknowledged) -> str:
    verb = "would be acknowledged" if done.dry_run else "acknowledged"
    lines = [f"{verb}: {one.kind} of {one.subject} ({one.message})" for one in done.alerts]
    return "\n".join(lines) or "nothing waits to be acknowledged"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedTargets:
    """What came of a test of every target."""

    targets: tuple[dict[str, Any], ...]
    dry_run: bool
    exit_status: int


def _came_of(row: dict[str, Any]) -> str:
    if row["error"]:
        return worded(row["error"]["message"], row["error"]["hint"])
    return f"told in {row['seconds']:.1f} s" if row["delivered"] else "would be told"


VIEWS[TestedTargets] = View(
    rows="targets",
    columns=(
        Column("Target", "target"),
        Column("Kind", "type"),
        Column("Where", "where", from_width=60),
        Column("Came of it", _came_of, style=lambda row: "red" if row["error"] else "green"),
    ),
    empty="nobody is told of alerts: describe somebody in [alerts.targets.NAME] of the settings",
)

VIEWS[Acknowledged] = View(text=_told)


def listed(rt: Runtime, *, every: bool, severity: Severity) -> AlertList:
    return listing.listed(rt, every=every, severity=severity)


def acknowledged(rt: Runtime, which: Sequence[str], *, every: bool, note: str, dry_run: bool) -> Acknowledged:
    if bool(which) == every:
        raise UsageWrong("name the alerts, or say --all", hint="see: ytpool alerts list")
    return listing.acknowledge(rt, which, every=every, note=note, dry_run=dry_run)


def tested(rt: Runtime, name: str | None, *, dry_run: bool) -> TestedTargets:
    found = telling.try_out(rt, name, dry_run=dry_run)
    statuses = [DONE if one.problem is None else status_of(one.problem) for one in found]
    return TestedTargets(targets=tuple(as_item(one) for one in found), dry_run=dry_run, exit_status=common(statuses))
