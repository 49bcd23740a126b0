"""How today's quota is being used: bucket by bucket with what is to come, and account by account. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from ytpool.actions import forecast
from ytpool.actions.forecast import Ahead
from ytpool.domain import quota
from ytpool.runtime import Runtime
from ytpool.store import accounts, hours, limits, meters
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How much was used up to a moment."""

    at: datetime
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnDown:
    """One limit over one quota day: what was used until now, and how it may go on until the reset.

    What is left at a moment is `limit` less `used`, and never less than nothing. `ahead` is the row of `quota
    forecast`: its `band` begins now, where `course` ends.
    """

    scope: str
    name: str
    bucket: str
    begins: datetime
    now: datetime
    resets_at: datetime
    limit: int
    level: int
    """So much used, and no new work is taken."""
    used: int
    course: tuple[Used, ...]
    """From midnight in California, at every full hour, and now."""
    ahead: Ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnDowns:
    """The limits that were asked for, the one that runs out first at the beginning."""

    picture: ClassVar[str] = "burn-down"

    quota_day: date
    resets_at: datetime
    pictures: tuple[BurnDown, ...]
    more: int
    """So many that are used, or will be, are left out."""
    unused: int
    """So many of which nothing is used and nothing is expected to be."""


def burn_downs(
    rt: Runtime, *, days: int = 14, project: str | None = None, bucket: str | None = None, most: int = 6
) -> BurnDowns:
    """Return how the buckets of the projects, or of one, go down today; the fullest of them, at most so many.

    One that is named is shown whether it is used or not. The forecast rests on the last so many quota days.
    """
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        seen = forecast.seen_in(tx, terms, days=days, project=project, bucket=bucket)
        rows = [row for row in seen.rows if row.scope == meters.PROJECT]
        shown = [row for row in rows if (project and bucket) or _is_used(row)]
        first = sorted(shown, key=lambda row: (row.likely or seen.resets_at, row.early or seen.resets_at, -row.percent))
        begins = quota.starts_at(terms.day)
        return BurnDowns(
            quota_day=terms.day,
            resets_at=seen.resets_at,
            pictures=tuple(
                BurnDown(
                    scope=row.scope,
                    name=row.name,
                    bucket=row.bucket,
                    begins=begins,
                    now=seen.now,
                    resets_at=seen.resets_at,
                    limit=row.limit,
                    level=row.level,
                    used=row.used,
                    course=_course(tx, row, terms.day, begins, seen.now),
                    ahead=row,
                )
                for row in first[:most]
            ),
            more=max(0, len(shown) - most),
            unused=len(rows) - len(shown),
        )


def _is_used(row: Ahead) -> bool:
    return bool(row.used or row.queued or any(one["likely"] > 0 for one in row.band))


def _course(tx: Tx, row: Ahead, day: date, begins: datetime, now: datetime) -> tuple[Used, ...]:
    units = hours.of_day(tx, row.scope, row.bucket, day, name=row.name).get(row.name, [0] * quota.hours_of(day))
    course, used = [Used(at=begins, used=0)], 0
    for number in range(min(len(units), int((now - begins) / _HOUR))):
        used += units[number]
        course.append(Used(at=begins + (number + 1) * _HOUR, used=used))
    return (*course, Used(at=now, used=row.used))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUse:
    """What one account used of a bucket today, in all and hour by hour; the hours to come are not among them."""

    account: str
    used: int
    hourly: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseByAccount:
    """What all accounts used of one bucket over the day, to be laid on one another.

    `used` of each is what `quota report` says of it; `accounts` are those that used most, `others` all the rest in one.
    What was used elsewhere is nobody's and not among them.
    """

    picture: ClassVar[str] = "use-by-account"

    quota_day: date
    bucket: str
    begins: datetime
    now: datetime
    resets_at: datetime
    limit: int
    """Of all projects of these accounts together."""
    used: int
    hours: tuple[datetime, ...]
    """The hours of the day that have begun, by their beginnings."""
    accounts: tuple[AccountUse, ...]
    others: AccountUse | None
    more: int
    """So many accounts are in `others`."""


def use_by_account(rt: Runtime, bucket: str, *, account: str | None = None, most: int = 8) -> UseByAccount:
    """Return what each account used of a bucket today, hour by hour."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        everybody = [accounts.get(tx, account)] if account is not None else accounts.every(tx)
        readings, believed = meters.on(tx, terms.day), limits.units_on(tx, terms.day)
        if bucket not in {*terms.prices.limits, *(key[2] for key in readings)}:
            raise unknown("bucket", bucket, [*terms.prices.limits], listed_by="ytpool quota report", made_by="")
        hourly = hours.of_day(tx, meters.ACCOUNT, bucket, terms.day)
        begins, now = quota.starts_at(terms.day), tx.now
    passed = min(quota.hours_of(terms.day), max(1, int((now - begins) / _HOUR) + 1))
    used = {
        one.account: reading.used
        for one in everybody
        if (reading := readings.get((meters.ACCOUNT, one.account, bucket))) is not None and reading.used
    }
    rows = [
        AccountUse(account=name, used=units, hourly=tuple(hourly.get(name, [0] * passed)[:passed]))
        for name, units in sorted(used.items(), key=lambda one: (-one[1], one[0]))
    ]
    shown, rest = (rows, []) if len(rows) <= most else (rows[: most - 1], rows[most - 1 :])
    return UseByAccount(
        quota_day=terms.day,
        bucket=bucket,
        begins=begins,
        now=now,
        resets_at=quota.resets_at(terms.day),
        limit=sum(
            _limit(readings, believed, name, bucket, terms.prices.limits.get(bucket, 0))
            for name in {one.project for one in everybody}
        ),
        used=sum(used.values()),
        hours=tuple(begins + number * _HOUR for number in range(passed)),
        accounts=tuple(shown),
        others=_together(rest),
        more=len(rest),
    )


def _limit(readings: Mapping[Any, Any], believed: Mapping[Any, int], project: str, bucket: str, default: int) -> int:
    key = (meters.PROJECT, project, bucket)
    reading = readings.get(key)
    return believed.get(key, default) if reading is None else reading.ceiling or 0


def _together(rows: Sequence[AccountUse]) -> AccountUse | None:
    if not rows:
        return None
    hourly = tuple(map(sum, zip(*(row.hourly for row in rows), strict=True)))
    return AccountUse(account="", used=sum(row.used for row in rows), hourly=hourly)
