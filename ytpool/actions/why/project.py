"""Why a project's buckets take new work or not: where each limit comes from, who has used it, when it comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ytpool.actions.why import ways
from ytpool.actions.why.ways import Way
from ytpool.domain import quota
from ytpool.domain.prices import PriceBook
from ytpool.domain.quota import Light, Urgency
from ytpool.domain.terms import Terms
from ytpool.errors import UnknownName
from ytpool.runtime import Runtime
from ytpool.store import accounts, limits, meters, projects, rests
from ytpool.store.db import Tx
from ytpool.store.limits import LEARNED
from ytpool.store.meters import Meter
from ytpool.store.rests import Rest, Scope

_BIGGEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketExplained:
    """One bucket today."""

    bucket: str
    limit: int
    origin: str
    """Who says so: the price book, the operator, or Google's refusals."""
    spent: int
    held: int
    """Set aside or sent, and not settled yet."""
    unknown: int
    elsewhere: int
    left: int
    percent: float
    status: Light
    level: int
    """So much used, and no new work is taken."""
    open: bool
    """It takes new work now."""
    comes_back: datetime | None
    """When it does again; None where it does now, or only a person can say."""
    spenders: tuple[dict[str, Any], ...]
    """Who has used most, and for what."""
    corrections: tuple[dict[str, Any], ...]
    """What is booked beside our own calls that went well, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectExplained:
    """A project, or one of its buckets."""

    project: str
    quota_day: date
    resets_at: datetime
    accounts: tuple[str, ...]
    rests: tuple[Rest, ...]
    buckets: tuple[BucketExplained, ...]
    ways: tuple[Way, ...]


def explain(rt: Runtime, name: str, bucket: str | None = None) -> ProjectExplained:
    """Explain a project's buckets today, or the one that is named; raises UnknownName for one that is not there."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        project = projects.get(tx, name).project
        buckets = buckets_of(tx, terms, project)
        if bucket is not None and bucket not in buckets:
            raise UnknownName(
                f"project {project} has no bucket {bucket!r}", hint=f"it has {', '.join(buckets)}", name=bucket
            )
        resting = [
            one
            for one in rests.running(tx)
            if one.scope in (Scope.EVERYTHING, Scope.SERVICE) or (one.scope, one.name) == (Scope.PROJECT, project)
        ]
        shown = buckets if bucket is None else [bucket]
        return ProjectExplained(
            project=project,
            quota_day=terms.day,
            resets_at=quota.resets_at(terms.day),
            accounts=tuple(one.account for one in accounts.every(tx) if one.project == project),
            rests=tuple(one for one in resting if one.bucket in ("", *shown)),
            buckets=tuple(_bucket(tx, rt.book, terms, project, one, resting) for one in shown),
            ways=ways.distinct(_ways(tx, terms, project, shown, resting)),
        )


def buckets_of(tx: Tx, terms: Terms, project: str) -> list[str]:
    """Return the names of a project's buckets: those of the price book, and others that were used today."""
    used = (bucket for scope, name, bucket in meters.on(tx, terms.day) if (scope, name) == (meters.PROJECT, project))
    return [*dict.fromkeys((*terms.prices.limits, *used))]


def _bucket(tx: Tx, book: PriceBook, terms: Terms, project: str, bucket: str, resting: list[Rest]) -> BucketExplained:
    limit, reading = ways.standing(tx, terms, project, bucket)
    percent = round(100 * reading.used / limit, 1) if limit else 100.0
    has_room = ways.has_room(limit, reading.used, 1, terms)
    stopped = [one for one in resting if one.bucket in ("", bucket)]
    meter = Meter(meters.PROJECT, project, bucket, terms.day.isoformat())
    forbidden = limit == 0 and limits.is_decided(tx, meter)  # no reset changes a word
    return BucketExplained(
        bucket=bucket,
        limit=limit,
        origin=_origin(tx, book, terms, project, bucket),
        spent=reading.spent,
        held=reading.held + reading.sent,
        unknown=reading.unknown,
        elsewhere=reading.elsewhere,
        left=max(0, limit - reading.used),
        percent=percent,
        status=quota.light(percent, terms.thresholds),
        level=-(-limit * quota.opens_until(Urgency.NORMAL, terms.thresholds) // 100),
        open=has_room and not stopped,
        comes_back=None if forbidden else _comes_back(terms, stopped, has_room=has_room),
        spenders=tuple(one._asdict() for one in meters.spenders(tx, meter, most=_BIGGEST)),
        corrections=tuple(one._asdict() for one in meters.corrections(tx, meter)),
    )


def _comes_back(terms: Terms, stopped: list[Rest], *, has_room: bool) -> datetime | None:
    ends = [one.until for one in stopped]
    known = [until for until in ends if until is not None]
    if len(known) < len(ends):
        return None
    if not has_room:
        known.append(quota.resets_at(terms.day))
    return max(known, default=None)


def _origin(tx: Tx, book: PriceBook, terms: Terms, project: str, bucket: str) -> str:
    limit = limits.standing(tx, terms.day).get((meters.PROJECT, project, bucket))
    if limit is None:
        since = next((one.since for one in book.limits_on(terms.day) if one.bucket == bucket), None)
        return "price book" if since is None else f"price book since {since}"
    who = "learned from Google's refusals" if limit.origin == LEARNED else "set by the operator"
    return f"{who} on {limit.since}"


def _ways(tx: Tx, terms: Terms, project: str, buckets: list[str], resting: list[Rest]) -> Iterator[Way]:
    for rest in resting:
        if rest.bucket in ("", *buckets):
            yield ways.of_rest(rest)
    believed = limits.standing(tx, terms.day)
    for bucket in buckets:
        yield from ways.of_bucket(tx, terms, project, bucket)
        limit = believed.get((meters.PROJECT, project, bucket))
        if limit is not None and limit.origin == LEARNED:
            yield Way(
                what=f"the limit of {bucket} is forgotten seven quiet quota days after {limit.since}, and one call a "
                "day tries whether it still holds; your own word overrules it",
                command=f"ytpool projects set {project} --limit {bucket}=N",
            )
