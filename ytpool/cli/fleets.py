"""How the machines that share a state are shown."""

from dataclasses import dataclass, fields

from ytpool.actions import fleet
from ytpool.actions.fleet import Condition, Drained, FleetStatus, Forgotten, MachineRow, Resumed
from ytpool.cli.exits import DONE, LATER, UNHEALTHY
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.domain import moments

_STYLES = {
    Condition.AT_WORK: "green",
    Condition.IDLE: "green",
    Condition.AWAY: "dim",
    Condition.DRAINING: "yellow",
    Condition.DRAINED: "yellow",
    Condition.SILENT: "red",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_PIPES_ONLY = 1 << 16
"""A width that no terminal has: there the sentences stand below the table, where they have room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTold(FleetStatus):
    """The same, with its exit status."""

    exit_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainedTold(Drained):
    """The same, with its exit status."""

    exit_status: int


def told(found: FleetStatus) -> FleetTold:
    """Let a machine that is silent be what a script hears."""
    return FleetTold(
        **{one.name: getattr(found, one.name) for one in fields(found)},
        exit_status=UNHEALTHY if fleet.is_silent(found) else DONE,
    )


def drained(done: Drained) -> DrainedTold:
    """Let a script hear whether the machine is free."""
    return DrainedTold(
        **{one.name: getattr(done, one.name) for one in fields(done)},
        exit_status=DONE if done.free or done.dry_run else LATER,
    )


def _ago(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min ago"
    return f"{seconds / _HOUR:.0f} h ago" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days ago"


def _holds(row: MachineRow) -> str:
    # A job that is under way has had its turn, and keeps it.
    shown = {kind: count for kind, count in row.holds.items() if kind != "turn" or "job" not in row.holds}
    return ", ".join(f"{count} {_plural(kind, count)}" for kind, count in shown.items())


def _plural(kind: str, count: int) -> str:
    return kind.replace("_", " ") + ("" if count == 1 else "s")


def _runs(row: MachineRow) -> str:
    doing: dict[str, int] = {}
    for process in row.processes:
        word = process.doing if process.lives else f"{process.doing} (silent)"
        doing[word] = doing.get(word, 0) + 1
    return ", ".join(f"{count} {word}" if count > 1 else word for word, count in doing.items())


def _why(row: MachineRow) -> str:
    reason = f": {row.reason}" if row.reason else ""
    drained = (
        f"drained by {row.drained_by}{reason}; to let it work again: ytpool fleet resume {row.host}"
        if row.drained_at
        else ""
    )
    return "; ".join(filter(None, (drained, *row.remarks)))


VIEWS[FleetTold] = View(
    rows="machines",
    columns=(
        Column("Machine", lambda row: f"{row.host}{' (here)' if row.is_here else ''}"),
        Column("Is", "condition", style=_STYLES),
        Column("Heard", "silent_seconds", shown=_ago),
        Column("Runs", _runs),
        Column("Holds", _holds),
        Column("Key", "key", style={"in reach": "", "unknown": "dim", "not in reach": "yellow"}),
        Column("Version", "version", from_width=100),
        Column("Clock", "clock_ahead_seconds", shown=lambda ahead: f"{ahead:+.1f} s", from_width=120),
        Column("To look at", _why, from_width=_PIPES_ONLY),
    ),
    footer=lambda found: "\n".join(
        [*(f"{row.host}: {_why(row)}" for row in found.machines if _why(row)), *found.remarks]
    ),
    empty="no machine has worked on this state yet",
)


def _drained(done: DrainedTold) -> str:
    verb = "would be drained" if done.dry_run else "is drained already" if done.already else "is drained"
    since = f" since {moments.spoken(done.drained_at)} by {done.drained_by}" if done.already else ""
    lines = [f"{done.host} {verb}{since}{f': {done.reason}' if done.reason else ''}"]
    if done.free:
        lines.append("it holds nothing")
    else:
        lines.append(f"{fleet.waits_for(done)}, and lets go of it when that is done")
    living = [process for process in done.processes if process.lives]
    if done.free_in_seconds is not None and not living:
        heard = f"nothing was heard of it for {_ago(done.silent_seconds).removesuffix(' ago')}"
        lines.append(
            heard if done.free else f"{heard}; what it holds is free by itself in {done.free_in_seconds:.0f} s"
        )
    elif living:
        lines.append(
            f"{', '.join(sorted({process.doing for process in living}))} stays there and takes nothing new; "
            f"to let it work again: ytpool fleet resume {done.host}"
        )
    return "\n".join(map(visible, lines))


def _resumed(done: Resumed) -> str:
    if not done.was_drained:
        return visible(f"{done.host} was not drained")
    return visible(f"{done.host} {'would take' if done.dry_run else 'takes'} work again")


def _forgotten(done: Forgotten) -> str:
    return visible(f"{done.host} {'would be' if done.dry_run else 'is'} forgotten")


VIEWS[DrainedTold] = View(text=_drained)
VIEWS[Resumed] = View(text=_resumed)
VIEWS[Forgotten] = View(text=_forgotten)
