"""What was done, by whom, with what outcome: the journal summed up. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ytpool.runtime import Runtime
from ytpool.store import activity


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReport:
    """What was done over a window, by account and operation."""

    since: datetime
    until: datetime
    rows: tuple[dict[str, Any], ...]
    totals: dict[str, Any]
    errors: tuple[dict[str, Any], ...]


def activity_report(rt: Runtime, *, hours: float | None = None, since: datetime | None = None) -> ActivityReport:
    """Report what was done since a moment, or in the last so many hours (24 unless told)."""
    with rt.store.reading() as tx:
        start = since or tx.now - timedelta(hours=24 if hours is None else hours)
        until = tx.now + timedelta(microseconds=1)
        tallies = activity.tally(tx, start, until)
        reasons = activity.reasons(tx, start, until)
    rows = tuple(
        {
            "account": tally.account,
            "operation": tally.operation,
            "calls": tally.calls,
            "done": tally.done,
            "failed": tally.failed,
            "unknown": tally.unknown,
            "success_rate": round(tally.done / tally.calls, 3),
            "units": tally.units,
            "bytes": tally.bytes,
            "seconds": round(tally.seconds, 3),
            "last_at": tally.last_at,
        }
        for tally in tallies
    )
    keys = ("calls", "done", "failed", "unknown", "units", "bytes", "seconds")
    return ActivityReport(
        since=start,
        until=until,
        rows=rows,
        totals={key: sum(row[key] for row in rows) for key in keys},
        errors=tuple({"operation": op, "reason": reason, "times": times} for op, reason, times in reasons),
    )
