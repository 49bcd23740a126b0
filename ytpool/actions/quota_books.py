"""The operator's word on the books, where Google disagreed with them, and the prices they are kept by."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ytpool.domain import moments, quota
from ytpool.domain.terms import Terms
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, caps, jobs, ledger, lessons, limits, meters, projects, rests
from ytpool.store.db import Tx
from ytpool.store.lessons import Lesson, Proposed
from ytpool.store.meters import PROJECT, Correction, Meter
from ytpool.store.rests import Rest, Scope
from ytpool.store.suggest import unknown

AT_MOST = 10**9
"""No project has more units a day; a number above is a slip of the finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """What an operator's word did to a bucket, or would do."""

    project: str
    bucket: str
    quota_day: date
    asked: int
    booked: int
    """Taking back ends where nothing more was booked as used elsewhere."""
    limit: int | None
    elsewhere: int
    left_before: int | None
    left: int | None
    rests_until: datetime | None
    rests_for: str
    """Why the bucket still rests, although units are left; empty where it does not."""
    advice: str
    """What to type to end that rest."""
    dry_run: bool


def adjust(rt: Runtime, project: str, bucket: str, units: int, *, reason: str, dry_run: bool = False) -> Adjusted:
    """Book units of today's bucket as used elsewhere, or take such a booking back; the limit stays as it is.

    Raises UnknownName for a project or bucket that is not there.
    """
    if not 0 < abs(units) <= AT_MOST:
        raise UsageWrong(f"{units:+d} units is no adjustment", hint="say how many, as +50 or -50")
    if not reason.strip():
        raise UsageWrong("--reason is empty", hint="say where the number comes from; `quota drift` shows it")
    opened = rt.store.imagining if dry_run else rt.store.transaction
    with opened() as tx:
        rt.require_clock()
        terms = rt.terms(tx)
        name = projects.get(tx, project).project
        _require_bucket(tx, name, bucket, terms)
        meter = limits.opened(tx, Meter(PROJECT, name, bucket, terms.day.isoformat()), terms)
        before = meters.read(tx, meter)
        booked = ledger.book_elsewhere(tx, name, bucket, terms, rt.rng, reason.strip(), units)
        after = meters.read(tx, meter)
        if booked < 0:
            jobs.look_again(tx)
        resting = _resting(tx, name, bucket) if _left(after) != 0 else None
    return Adjusted(
        project=name,
        bucket=bucket,
        quota_day=terms.day,
        asked=units,
        booked=booked,
        limit=after["ceiling"],
        elsewhere=after["elsewhere"],
        left_before=_left(before),
        left=_left(after),
        rests_until=None if resting is None else resting.until,
        rests_for="" if resting is None else resting.reason,
        advice="" if resting is None else _lifted_by(resting),
        dry_run=dry_run,
    )


def _require_bucket(tx: Tx, project: str, bucket: str, terms: Terms) -> None:
    counted = {name for scope, of, name in meters.on(tx, terms.day) if (scope, of) == (PROJECT, project)}
    names = [*terms.prices.limits, *sorted(counted - terms.prices.limits.keys())]
    if bucket not in names:
        raise unknown("bucket", bucket, names, listed_by="ytpool quota prices", made_by="ytpool auth add NAME")


def _left(row: Any) -> int | None:
    return None if row["ceiling"] is None else max(0, int(row["ceiling"]) - meters.used(row))


def _resting(tx: Tx, project: str, bucket: str) -> Rest | None:
    return next(
        (
            rest
            for rest in reversed(rests.running(tx))  # the one that lasts longest first
            if rest.scope is Scope.PROJECT and rest.name == project and rest.bucket in ("", bucket)
        ),
        None,
    )


def _lifted_by(rest: Rest) -> str:
    bucket = f" --bucket {rest.bucket}" if rest.bucket else ""
    return f"ytpool rests lift {rest.scope} {shlex.quote(rest.name)}{bucket}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that set a bucket's books apart from the calls that we made."""

    kind: str
    """elsewhere, overrun, unknown, or limit: another one showed itself than was believed."""
    units: int
    by: str
    """Who says so: google, operator, or ytpool where nobody knows."""
    operation: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One bucket of one project on one quota day, as far as Google and our books differ, or may."""

    quota_day: date
    project: str
    bucket: str
    limit: int | None
    believed: int | None
    """The limit before that day's lesson; None where there was none."""
    spent: int
    elsewhere: int
    overrun: int
    unknown: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapLesson:
    """What a channel showed of how many uploads it takes in 24 hours."""

    channel_id: str
    channel_title: str
    believed: int | None
    shown: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """A limit that Google taught us and that is still believed."""

    of: str
    bucket: str
    units: int
    since: datetime
    until: datetime
    """When it is forgotten, if Google does not refuse again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Where Google and our books disagreed."""

    since: date
    until: date
    rows: tuple[Disagreement, ...]
    channels: tuple[CapLesson, ...]
    beliefs: tuple[Belief, ...]
    proposed: int
    """Limits that Google named and the price book does not have."""


def drift(rt: Runtime, days: int) -> Drift:
    """Tell where Google disagreed with us in the last quota days, today included, and by how much."""
    with rt.store.reading() as tx:
        today = rt.terms(tx).day
        first = today - timedelta(days=days - 1)
        titles = accounts.channel_titles(tx)
        learned = lessons.since(tx, first)
        return Drift(
            since=first,
            until=today,
            rows=tuple(_disagreements(tx, first, [one for one in learned if one.scope == lessons.PROJECT])),
            channels=tuple(
                CapLesson(
                    channel_id=one.name,
                    channel_title=titles.get(one.name, ""),
                    believed=one.believed,
                    shown=one.shown,
                    at=one.learned_at,
                    reason=one.reason,
                )
                for one in learned
                if one.scope == lessons.CHANNEL
            ),
            beliefs=tuple(_beliefs(tx, today)),
            proposed=len(lessons.proposed(tx)),
        )


def _disagreements(tx: Tx, first: date, learned: list[Lesson]) -> Iterator[Disagreement]:
    rows = {(row["day"], row["name"], row["bucket"]): row for row in meters.apart(tx, first)}
    taught: dict[tuple[str, str, str], list[Lesson]] = {}
    for lesson in learned:
        taught.setdefault((lesson.day.isoformat(), lesson.name, lesson.bucket), []).append(lesson)
    for key in sorted(rows.keys() | taught.keys(), key=lambda key: (-date.fromisoformat(key[0]).toordinal(), key[1:])):
        day, project, bucket = key
        meter = Meter(PROJECT, project, bucket, day)
        row = rows.get(key) or meters.read(tx, meter)
        told = [_reason_of(one) for one in meters.corrections(tx, meter)]
        told += [_reason_learned(lesson) for lesson in taught.get(key, ())]
        yield Disagreement(
            quota_day=date.fromisoformat(day),
            project=project,
            bucket=bucket,
            limit=row["ceiling"],
            believed=taught[key][0].believed if key in taught else row["ceiling"],
            spent=row["spent"],
            elsewhere=row["elsewhere"],
            overrun=row["overrun"],
            unknown=row["unknown"],
            reasons=tuple(sorted(told, key=lambda one: one.at)),
        )


def _reason_of(one: Correction) -> Reason:
    reason = one.reason
    if one.column == "unknown":
        by = "ytpool"
        reason = "sent at midnight, on either day" if one.at_midnight else reason or "no answer"
    elif reason == limits.TRY:
        by = "ytpool"
    else:
        by = "google" if one.operation else "operator"
    return Reason(
        kind=one.column, units=one.units, by=by, operation=one.operation, reason=reason, at=moments.parse(one.at)
    )


def _reason_learned(lesson: Lesson) -> Reason:
    before = "no limit was known" if lesson.believed is None else f"{lesson.believed} was believed"
    stays = "" if lesson.stands else ", and the operator's word stays"
    return Reason(
        kind="limit",
        units=lesson.shown,
        by="google",
        operation=lesson.operation,
        reason=f"{lesson.reason}: {before}{stays}",
        at=lesson.learned_at,
    )


def _beliefs(tx: Tx, today: date) -> Iterator[Belief]:
    for (_, name, bucket), limit in sorted(limits.standing(tx, today).items()):
        if limit.origin == limits.LEARNED:
            until = quota.resets_at(limit.since + limits.BELIEVED_FOR)
            since = moments.parse(limit.said_at)
            yield Belief(of=f"project {name}", bucket=bucket, units=limit.units, since=since, until=until)
    titles = accounts.channel_titles(tx)
    for channel_id, cap in sorted(caps.standing(tx).items()):
        yield Belief(
            of=f"channel {titles.get(channel_id, channel_id)}",
            bucket=quota.UPLOADS,
            units=cap.uploads,
            since=cap.learned_at,
            until=cap.ends_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """What one operation costs in one bucket; `since` is None where it never was otherwise."""

    operation: str
    bucket: str
    units: int
    purpose: str
    since: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The price book of one quota day."""

    quota_day: date
    prices: tuple[PriceLine, ...]
    buckets: tuple[dict[str, Any], ...]
    """Each with its default limit, since when it holds, and its source."""
    proposed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """The limits that Google named and the price book does not have."""

    proposed: tuple[Proposed, ...]


def prices(rt: Runtime) -> PriceList:
    """Return today's prices and default limits, with their dates and sources."""
    with rt.store.reading() as tx:
        day = rt.terms(tx).day
        waiting = len(lessons.proposed(tx))
    return PriceList(
        quota_day=day,
        prices=tuple(
            PriceLine(
                operation=price.operation,
                bucket=price.bucket,
                units=price.units,
                purpose=rt.book.purposes.get(price.operation, ""),
                since=price.since,
                source=price.source,
            )
            for price in rt.book.prices_on(day)
        ),
        buckets=tuple(each._asdict() for each in rt.book.limits_on(day)),
        proposed=waiting,
    )


def proposals(rt: Runtime) -> Proposals:
    """Return what Google's answers propose for the price book."""
    with rt.store.reading() as tx:
        return Proposals(proposed=tuple(lessons.proposed(tx)))
