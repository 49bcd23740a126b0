"""What buckets came to day by day, as bars; and beside each what it came to in another window."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from ytpool.actions.history import QuotaCompared, QuotaHistory
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One bucket: the share of its limit, in per cent, that was used on each day; None: nothing was booked."""

    project: str
    bucket: str
    percents: tuple[float | None, ...]
    before: tuple[float | None, ...] | None
    """The same of the window that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBars:
    """Days by buckets, those with most use first; the numbers are those of `quota history`."""

    picture: ClassVar[str] = "days"

    since: date
    until: date
    days: int
    before_since: date | None
    thresholds: tuple[int, int, int]
    """Percentages at which a bar turns yellow, orange and red."""
    rows: tuple[DayRow, ...]
    more: int
    """So many buckets with less use are left out."""


def day_bars(rt: Runtime, past: QuotaHistory, *, most: int = 40) -> DayBars:
    """Make the picture of what `quota history` has found."""
    before = past.before if isinstance(past, QuotaCompared) else None
    now, then = _by_bucket(past), {} if before is None else _by_bucket(before)
    keys = sorted(now.keys() | then.keys(), key=lambda key: (-sum(now.get(key, {}).values()), key))
    return DayBars(
        since=past.since,
        until=past.until,
        days=past.days,
        before_since=None if before is None else before.since,
        thresholds=rt.config.thresholds,
        rows=tuple(
            DayRow(
                project=project,
                bucket=bucket,
                percents=_by_day(now.get((project, bucket), {}), past),
                before=None if before is None else _by_day(then.get((project, bucket), {}), before),
            )
            for project, bucket in keys[:most]
        ),
        more=max(0, len(keys) - most),
    )


def _by_bucket(past: QuotaHistory) -> dict[tuple[str, str], dict[date, float]]:
    found: dict[tuple[str, str], dict[date, float]] = {}
    for row in past.rows:
        found.setdefault((row["project"], row["bucket"]), {})[row["quota_day"]] = row["percent"]
    return found


def _by_day(days: Mapping[date, float], past: QuotaHistory) -> tuple[float | None, ...]:
    ordinals = range(past.since.toordinal(), past.until.toordinal() + 1)
    return tuple(days.get(date.fromordinal(number)) for number in ordinals)
