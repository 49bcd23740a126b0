"""What was done: summed up over a window, handed out to other programs, and followed as it happens. Reads only."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from ytpool.domain import latencies, moments
from ytpool.errors import UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, entries, projects, sums
from ytpool.store.db import Tx
from ytpool.store.entries import Entry
from ytpool.store.sums import Sum, Window

_HOURS = 24.0
_READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to see: a window, the last day unless told, and whose doings of which kind."""

    hours: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    account: str | None = None
    project: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReport:
    """What was done over a window, summed up."""

    since: datetime
    until: datetime
    by: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    totals: dict[str, Any]
    errors: tuple[dict[str, Any], ...]
    kept_from: datetime | None
    """Where older operations are gone: the moment from which on all are known. No window begins before it."""


def report(rt: Runtime, wanted: Wanted, *, by: str | None = None) -> ActivityReport:
    """Sum up what was done in a window, by account and operation unless told, with Google's words for what failed.

    Medians and 95th percentiles are of what was done, and estimated from counts by how long calls took.
    """
    names = ("account", "operation") if by is None else (by,)
    asked = tuple(name for name in names if name != "outcome")
    besides = tuple(name for name in ("operation", "reason") if name not in asked)
    groups: dict[tuple[str, ...], _Group] = {}
    errors: dict[tuple[str, ...], int] = {}
    whole = _Group()
    with rt.store.reading() as tx:
        window, kept_from = window_of(rt, tx, wanted)
        until = wanted.until or tx.now
        called = projects.merged(tx)
        for part in sums.over(tx, window, asked, of_failures=besides):
            of = {"outcome": part.outcome, **dict(zip((*asked, *besides), part.by, strict=False))}
            if part.outcome != "done":
                error = of["operation"], of["reason"]
                errors[error] = errors.get(error, 0) + part.calls
            if "project" in of:
                of["project"] = called.get(of["project"], of["project"])
            groups.setdefault(tuple(of[name] for name in names), _Group()).take_in(part)
            whole.take_in(part)
    return ActivityReport(
        since=window.since,
        until=until,
        by=names,
        rows=tuple(
            {name: _named(name, value) for name, value in zip(names, key, strict=True)} | group.told()
            for key, group in sorted(groups.items())
            if group.calls > 0
        ),
        totals=whole.told(),
        errors=tuple(
            {"operation": operation, "reason": reason, "times": times}
            for operation, reason, times in sums.by_frequency(errors)
        ),
        kept_from=kept_from,
    )


def operations(rt: Runtime, wanted: Wanted) -> "tuple[datetime, datetime, Iterator[Entry]]":
    """Return a window's beginning and end, and every operation in it, read as it is asked for.

    What is done meanwhile is not among them, as long as the window ends now or earlier.
    """
    with rt.store.reading() as tx:
        window, _ = window_of(rt, tx, wanted)

    def read() -> Iterator[Entry]:
        before: Entry | None = None
        while True:
            rt.require_going()
            with rt.store.reading() as tx:  # each time anew: nobody is kept from tidying up for as long as it takes
                found = entries.operations(tx, window, before, _READ_AT_ONCE)
            yield from found
            if len(found) < _READ_AT_ONCE:
                return
            before = found[-1]

    return window.since, window.until, read()


def newest(rt: Runtime, wanted: Wanted, most: int) -> tuple[Sequence[Entry], int]:
    """Return the last rows of the journal, and the entry behind which `newer` goes on."""
    with rt.store.reading() as tx:
        window, _ = window_of(rt, tx, wanted)
        return entries.newest(tx, window, most) if most else (), entries.last(tx)


def newer(rt: Runtime, wanted: Wanted, after: int) -> tuple[Sequence[Entry], int]:
    """Return what was written behind an entry, and where to go on; the rest of much is there at the next question."""
    with rt.store.reading() as tx:
        end = entries.last(tx)
        if end <= after:
            return (), after
        window, _ = window_of(rt, tx, wanted)
        found = entries.written(tx, window, after, _READ_AT_ONCE)
    return found, found[-1].entry if len(found) == _READ_AT_ONCE else end


@dataclass(slots=True)
class _Group:
    """Operations that stand in one line of a report."""

    outcomes: dict[str, int] = field(default_factory=dict)
    units: int = 0
    bytes: int = 0
    seconds: float = 0.0
    last_at: str = ""
    took: list[int] = field(default_factory=lambda: [0] * latencies.CLASSES)
    """Of those that are done."""
    done_seconds: float = 0.0

    @property
    def calls(self) -> int:
        return sum(self.outcomes.values())

    def take_in(self, part: Sum) -> None:
        self.outcomes[part.outcome] = self.outcomes.get(part.outcome, 0) + part.calls
        self.units += part.units
        self.bytes += part.bytes
        self.seconds += part.seconds
        self.last_at = max(self.last_at, part.last_at)
        if part.took:
            self.done_seconds += part.seconds
            self.took = [one + more for one, more in zip(self.took, part.took, strict=True)]

    def told(self) -> dict[str, Any]:
        calls, done = self.calls, self.outcomes.get("done", 0)
        return {
            "calls": calls,
            "done": done,
            "failed": self.outcomes.get("failed", 0),
            "unknown": self.outcomes.get("unknown", 0),
            "success_rate": round(done / calls, 3) if calls else None,
            "units": self.units,
            "bytes": self.bytes,
            "seconds": round(abs(self.seconds), 3),
            "median_seconds": self._percentile(50),
            "p95_seconds": self._percentile(95),
            "last_at": moments.parse(self.last_at) if self.last_at else None,
        }

    def _percentile(self, percent: float) -> float | None:
        if sum(self.took) == 1:
            return round(self.done_seconds, 3)
        found = latencies.percentile(self.took, percent)
        return None if found is None else round(found, 3)


def _named(name: str, value: str) -> Any:
    if name == "hour":
        return datetime.fromisoformat(f"{value}:00:00+00:00")
    return value or None


def window_of(rt: Runtime, tx: Tx, wanted: Wanted) -> tuple[Window, datetime | None]:
    """Return what is asked for in the state's words, and from when on all is known.

    Raises UsageWrong and UnknownName for what makes no sense.
    """
    until = wanted.until or tx.now + timedelta(microseconds=1)
    since = wanted.since or _ago(until, _HOURS if wanted.hours is None else wanted.hours)
    if since > until:
        raise UsageWrong(
            f"the window ends {moments.spoken(until)}, before it begins {moments.spoken(since)}",
            hint="--since is the earlier of the two",
        )
    kept_from = sums.kept_from(tx)
    names: tuple[str, ...] = ()
    if wanted.account is not None and not entries.has_any_of(tx, "account", (wanted.account,)):
        accounts.get(tx, wanted.account)
    if wanted.project is not None:
        names = projects.names_of(tx, wanted.project)
        if not entries.has_any_of(tx, "project", names):
            projects.get(tx, wanted.project)
    if wanted.operation is not None:
        _require_operation(rt, tx, wanted.operation)
    if kept_from is not None:
        since = min(max(since, kept_from), until)
    window = Window(since=since, until=until, account=wanted.account, projects=names, operation=wanted.operation)
    return window, kept_from


def _require_operation(rt: Runtime, tx: Tx, name: str) -> None:
    """Refuse what no operation is called: neither by the price book of any day, nor by us, nor in the journal."""
    known = {*activity.OURS, *(priced for entry in rt.book.entries for priced in entry.prices)}
    if name in known:
        return
    recorded = entries.recorded_operations(tx)
    if name in recorded:
        return
    close = get_close_matches(name, known | recorded, n=1)
    there = f"the journal has {', '.join(sorted(recorded))}; " if recorded else ""
    raise UnknownName(
        f"there is no operation named {name!r:.60}",
        hint=f"did you mean {close[0]}?" if close else f"{there}what costs units: ytpool quota prices",
        what="operation",
        name=name,
        known=sorted(known | recorded),
    )


def _ago(until: datetime, hours: float) -> datetime:
    try:
        return until - timedelta(hours=hours)
    except (OverflowError, ValueError):
        if math.isnan(hours):
            raise UsageWrong("--hours is a number of hours") from None
        return datetime.min.replace(tzinfo=until.tzinfo)
