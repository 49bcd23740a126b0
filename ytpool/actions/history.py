"""Looking back: what each quota day came to. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ytpool.domain import quota
from ytpool.domain.terms import Terms
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import meters, projects
from ytpool.store.db import Tx
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaCompared(QuotaHistory):
    """A window beside one of the same length: each bucket of either, in both."""

    before: QuotaHistory
    compared: tuple[dict[str, Any], ...]


def quota_history(rt: Runtime, *, days: int, project: str | None = None, bucket: str | None = None) -> QuotaHistory:
    """Report the last so many quota days, today among them, of every bucket or of those named."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        return _history(tx, terms, terms.day - timedelta(days=days - 1), days, project, bucket)


def quota_compared(
    rt: Runtime, *, days: int, since: date | None = None, project: str | None = None, bucket: str | None = None
) -> QuotaCompared:
    """Report the last so many quota days beside as many from a day on, those right before them unless told."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        first = terms.day - timedelta(days=days - 1)
        earlier = first - timedelta(days=days) if since is None else since
        if earlier >= first:
            raise UsageWrong(
                f"the days to compare with begin {earlier}, and those that are looked at begin {first}",
                hint="name an earlier day, or fewer days: --compare DAY --days N",
            )
        now = _history(tx, terms, first, days, project, bucket)
        before = _history(tx, terms, earlier, days, project, bucket)
    return QuotaCompared(
        since=now.since,
        until=now.until,
        days=days,
        rows=now.rows,
        peaks=now.peaks,
        before=before,
        compared=tuple(_compared(now, before)),
    )


def _compared(now: QuotaHistory, before: QuotaHistory) -> Iterator[dict[str, Any]]:
    peaks, earlier = ({(peak["project"], peak["bucket"]): peak for peak in one.peaks} for one in (now, before))
    for project, bucket in sorted(peaks.keys() | earlier.keys()):
        one, other = (found.get((project, bucket), _UNUSED) for found in (peaks, earlier))
        change = round(100 * (one["used"] - other["used"]) / other["used"], 1) if other["used"] else None
        yield {
            "project": project,
            "bucket": bucket,
            "used": one["used"],
            "used_before": other["used"],
            "change": change,
            "days": one["days"],
            "days_before": other["days"],
            "mean": one["mean"],
            "mean_before": other["mean"],
            "percent": one["percent"],
            "percent_before": other["percent"],
        }


_UNUSED: Mapping[str, Any] = {"used": 0, "days": 0, "mean": 0.0, "percent": 0.0}


def _history(tx: Tx, terms: Terms, first: date, days: int, project: str | None, bucket: str | None) -> QuotaHistory:
    last = first + timedelta(days=days - 1)
    if project is not None:
        projects.get(tx, project)
    readings = [one for one in meters.since(tx, first, project=project, bucket=bucket) if one.day <= last]
    if bucket is not None and not readings and bucket not in terms.prices.limits:
        raise unknown("bucket", bucket, [*terms.prices.limits], listed_by="ytpool quota report", made_by="")
    by_bucket: dict[tuple[str, str], list[DayReading]] = {}
    for one in readings:
        if one.used:  # a limit that was set opens a day, too
            by_bucket.setdefault((one.project, one.bucket), []).append(one)
    return QuotaHistory(
        since=first,
        until=last,
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
