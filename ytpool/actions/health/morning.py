"""The morning checklist: what happened since yesterday, how far from the targets things are, and what to do today."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ytpool.actions import todo
from ytpool.actions.health import looking, work
from ytpool.actions.health.checks import Check, Status
from ytpool.actions.health.looking import Health
from ytpool.actions.health.work import Aim
from ytpool.actions.rehearsal import standing
from ytpool.domain import moments, quota
from ytpool.runtime import Runtime
from ytpool.store import jobs, line, meters, sums
from ytpool.store.db import Tx
from ytpool.store.jobs import Ended
from ytpool.store.sums import Sum, Window

_LOOKS_BACK = timedelta(days=1)
_WORST = 5
"""So many kinds of failure are told; the rest is in the activity report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, in numbers."""

    what: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """One thing for a person, and what to type."""

    urgency: str
    """now, today or soon"""
    what: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """Everything an operator wants to read before the day begins."""

    status: Status
    since: datetime
    until: datetime
    happened: tuple[Event, ...]
    targets: tuple[Aim, ...]
    todo: tuple[ToDo, ...]
    checks: tuple[Check, ...]
    exit_status: int


def morning(rt: Runtime, *, deep: bool = False, only: Sequence[str] = (), strict: bool = False) -> Morning:
    """Look at everything as `health` does, and tell what it means for today; without a state its error is raised."""
    health = looking.look(rt, deep=deep, only=only, strict=strict)
    with rt.store.reading() as tx:
        now = tx.now
        since = now - _LOOKS_BACK
        happened = (*_happened(tx, since), *_rehearsed(tx))
    return Morning(
        status=health.status,
        since=since,
        until=now,
        happened=happened,
        targets=tuple(work.aims(rt)),
        todo=tuple(_to_do(rt, health)),
        checks=health.checks,
        exit_status=health.exit_status,
    )


def _happened(tx: Tx, since: datetime) -> Iterator[Event]:
    window = Window(since=since, until=tx.now)
    done = [*sums.over(tx, window, ("operation",))]
    for ended in jobs.ended(tx, since):
        yield Event(what=_KINDS.get(ended.kind, f"{ended.kind} jobs"), told=_ended(ended, done))
    calls = sum(one.calls for one in done)
    if calls:
        failed, unknown = (sum(one.calls for one in done if one.outcome == how) for how in ("failed", "unknown"))
        told = f"{calls:,}, {failed:,} failed" + (f", {unknown:,} unknown" if unknown else "")
        yield Event(what="calls", told=told)
    yield from _units(tx, since)
    reasons = [(operation, reason, times) for operation, reason, times in sums.went_wrong(tx, window) if reason]
    for operation, reason, times in reasons[:_WORST]:
        yield Event(what="went wrong", told=f"{operation}: {reason}, {times} {'time' if times == 1 else 'times'}")
    waits = line.waiting(tx)
    if waits:
        first = line.soonest(tx)
        told = f"{waits:,}" + (f", the next at {moments.spoken(first)}" if first is not None and first > tx.now else "")
        yield Event(what="waiting for today", told=told)


def _rehearsed(tx: Tx) -> Iterator[Event]:
    """Yield how the last rehearsal of those that come in turn has ended, however long ago."""
    found = standing.last(tx)
    if found is not None:
        said = "did not run: " if found.ended == standing.NOT_RUN else f"{found.ended.replace('_', ' ')}, "
        told = f"{found.scenario} at {moments.spoken(found.at)}: {said}{found.told}"
        yield Event(what="last rehearsal", told=told)


def _units(tx: Tx, since: datetime) -> Iterator[Event]:
    today = quota.quota_day(tx.now)
    by_day: dict[date, dict[str, int]] = {}
    for reading in meters.since(tx, quota.quota_day(since)):
        of_day = by_day.setdefault(reading.day, {})
        of_day[reading.bucket] = of_day.get(reading.bucket, 0) + reading.used
    for day, used in by_day.items():
        told = ", ".join(f"{units:,} {bucket}" for bucket, units in used.items() if units)
        if told:
            yield Event(what=f"units of {day}{' so far' if day == today else ''}", told=told)


_KINDS = {"upload": "uploads", "comment": "comments", "task": "tasks", "chain": "chains"}


def _ended(ended: Ended, done: Iterable[Sum]) -> str:
    told = f"{ended.done:,} done, {ended.failed:,} failed"
    if ended.kind != "upload":
        return told
    size = sum(one.bytes for one in done if one.by == ("upload",))
    return (
        told + (f", {ended.fallbacks} by another than the first choice" if ended.fallbacks else "") + _gigabytes(size)
    )


def _gigabytes(size: int) -> str:
    return f", {size / 1_000_000_000:.1f} GB" if size >= 100_000_000 else ""


def _to_do(rt: Runtime, health: Health) -> Iterator[ToDo]:
    """Yield what is to be done, the most urgent first; what one command settles is said once."""
    found = [
        *(ToDo(urgency="now", what=_what(one), command=one.fix) for one in health.checks if one.status is Status.FAIL),
        *_to_look_at(rt),
        *(ToDo(urgency="today", what=f"{one.name}: {one.message}", command=one.command) for one in todo.todo(rt).items),
        *(ToDo(urgency="soon", what=_what(one), command=one.fix) for one in health.checks if one.status is Status.WARN),
    ]
    seen = set()
    for one in found:
        command = one.command.removeprefix("run: ")
        if command not in seen and not command.startswith(_BY_ITSELF):
            seen.add(command)
            yield one


def _to_look_at(rt: Runtime) -> Iterator[ToDo]:
    with rt.store.reading() as tx:
        found = standing.last(tx)
    if found is not None and found.ended in _REHEARSED:
        said = _REHEARSED[found.ended]
        # What was not played keeps its turn, and only so is it remembered that it was.
        again = "--weekly" if found.ended == standing.NOT_RUN else found.scenario
        command = f"ytpool rehearse {again} --seed {found.seed}"
        yield ToDo(urgency="today", what=f"the last rehearsal {said}: {found.told}", command=command)


_REHEARSED = {
    standing.FAILED: "failed",
    standing.NOT_MET: "proved nothing",
    standing.BROKEN_OFF: "was broken off",
    standing.NOT_RUN: "did not run",
}
"""How rehearsals ended that somebody should look at."""

_BY_ITSELF = ("nothing; ", "wait; ")
"""How the advice begins where time alone helps."""


def _what(check: Check) -> str:
    return f"{check.check}: {check.message}"
