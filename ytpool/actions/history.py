"""Looking back: what each quota day came to. Reads only."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ytpool.domain import quota
from ytpool.domain.terms import Terms
from ytpool.runtime import Runtime
from ytpool.store import meters, projects
from ytpool.store.meters import DayReading
from ytpool.store.suggest import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaHistory:
    """What every bucket came to on each quota day of a window, and its fullest day. Days without use have no row."""

    since: date
    until: date
    days: int
    rows: tuple[dict[str, Any], ...]
    peaks: tuple[dict[str, Any], ...]


def quota_history(rt: Runtime, *, days: int, project: str | None = None, bucket: str | None = None) -> QuotaHistory:
    """Report the last so many quota days, today among them, of every bucket or of those named."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        first = terms.day - timedelta(days=days - 1)
        if project is not None:
            projects.get(tx, project)
        readings = meters.since(tx, first, project=project, bucket=bucket)
    if bucket is not None and not readings and bucket not in terms.prices.limits:
        raise unknown("bucket", bucket, [*terms.prices.limits], listed_by="ytpool quota report", made_by="")
    by_bucket: dict[tuple[str, str], list[DayReading]] = {}
    for one in readings:
        if one.used:  # a limit that was set opens a day, too
            by_bucket.setdefault((one.project, one.bucket), []).append(one)
    return QuotaHistory(
        since=first,
        until=terms.day,
        days=days,
        rows=tuple(_day_row(one, terms) for one in readings),
        peaks=tuple(_peak(by_bucket[key]) for key in sorted(by_bucket)),
    )


def _day_row(one: DayReading, terms: Terms) -> dict[str, Any]:
    percent = _percent(one)
    return {
        "quota_day": one.day,
        "project": one.project,
        "bucket": one.bucket,
        "limit": one.limit,
        "spent": one.spent,
        "held": one.held,
        "unknown": one.unknown,
        "elsewhere": one.elsewhere,
        "used": one.used,
        "percent": percent,
        "status": quota.light(percent, terms.thresholds),
    }


def _peak(days: list[DayReading]) -> dict[str, Any]:
    fullest = max(days, key=_percent)
    return {
        "project": fullest.project,
        "bucket": fullest.bucket,
        "days": len(days),
        "used": sum(one.used for one in days),
        "mean": round(sum(one.used for one in days) / len(days), 1),
        "percent": _percent(fullest),
        "quota_day": fullest.day,
    }


def _percent(one: DayReading) -> float:
    return round(100 * one.used / one.limit, 1) if one.limit else 100.0
