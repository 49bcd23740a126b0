"""Looking ahead: when each bucket and each cap runs out today. Reads only.

What waits in the queue and is not set aside yet is counted from the moment it may go, as if it all went at once; a
pool's waiting jobs are shared out evenly over the accounts that work there, because nobody can say now whom they will
be given to.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from ytpool.domain import comments, forecast, quota
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.envelopes import BUFFER
from ytpool.domain.forecast import Allowance, Change, Hours, Outlook
from ytpool.domain.jobs import Job, JobState, StepState, TargetKind
from ytpool.domain.publication import UPLOAD, Publication
from ytpool.domain.quota import COMMENTS, UPLOADS, Urgency
from ytpool.domain.terms import Terms
from ytpool.runtime import Runtime
from ytpool.store import (
    accounts,
    caps,
    envelopes,
    hours,
    job_steps,
    jobs,
    ledger,
    limits,
    meters,
    pools,
    projects,
    uploads,
)
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown

CHANNEL = "channel"
"""The scope of a learned cap: uploads in 24 hours, and no meter of a day."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "upload": ("videos.insert", "videos.list"),
    "video.update": ("videos.update",),
    "video.delete": ("videos.delete",),
    "video.thumbnail": ("thumbnails.set",),
    "video.caption": ("captions.list", "captions.insert"),
    "video.playlist": ("playlists.list", "playlistItems.list", "playlistItems.insert"),
    "comment": ("commentThreads.insert",),
    "moderation": ("comments.setModerationStatus",),
}
"""What a job is taken to cost where nothing tells it better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """One bucket or cap: how it stands, and when it runs out."""

    scope: str
    name: str
    bucket: str
    limit: int
    level: int
    """So much used, and no new work is taken; of a bucket the rest is kept for what has begun."""
    used: int
    queued: float
    """Units that jobs wait to use today, beside what is set aside."""
    percent: float
    status: str
    """out: it has; likely: it will; possible: on some days it would; lasts: not today."""
    early: datetime | None
    likely: datetime | None
    late: datetime | None
    days: int
    enough: bool
    basis: str = ""
    """What the range and the band rest on, in words."""
    band: tuple[dict[str, Any], ...] = ()
    """What may be used at every full hour to come, `low`, `likely` and `high`, if nothing stopped it at the level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When everything that is limited runs out today; a moment that is missing means: not today."""

    quota_day: date
    now: datetime
    resets_at: datetime
    days: int
    rows: tuple[Ahead, ...]
    notes: tuple[str, ...]


class _Waiting(NamedTuple):
    """Units that a waiting job draws on a meter, and when."""

    scope: str
    name: str
    bucket: str
    change: Change


def look_ahead(rt: Runtime, *, days: int, project: str | None = None, bucket: str | None = None) -> Forecast:
    """Say when buckets and caps run out today, from the queue and from the last so many quota days.

    Of a project that is named, it is its buckets and its shares of them; of a bucket, whatever limits it.
    """
    with rt.store.reading() as tx:
        return seen_in(tx, rt.terms(tx), days=days, project=project, bucket=bucket)


def seen_in(tx: Tx, terms: Terms, *, days: int, project: str | None = None, bucket: str | None = None) -> Forecast:
    """Say the same as `look_ahead` within a transaction, for whoever sets something beside it that must agree."""
    if project is not None:
        projects.get(tx, project)
    if bucket is not None and bucket not in terms.prices.limits:
        raise unknown("bucket", bucket, [*terms.prices.limits], listed_by="ytpool quota report", made_by="")
    everybody = accounts.every(tx)
    waiting = _sums(_waiting(tx, terms, everybody))
    limited = (
        *_buckets(tx, terms, waiting, days),
        *_envelopes(tx, terms, waiting, days),
        *_caps(tx, terms, everybody, waiting, days),
    )
    rows = tuple(
        row
        for row in limited
        if (project is None or (row.name == project and row.scope in (meters.PROJECT, meters.ENVELOPE)))
        and bucket in (None, row.bucket)
    )
    return Forecast(
        quota_day=terms.day,
        now=tx.now,
        resets_at=quota.resets_at(terms.day),
        days=days,
        rows=rows,
        notes=_notes(rows),
    )


def _notes(rows: Sequence[Ahead]) -> tuple[str, ...]:
    least = min((row.days for row in rows), default=forecast.ENOUGH_DAYS)
    if least >= forecast.ENOUGH_DAYS:
        return ()
    known = "no past day is" if least == 0 else "only one past day is" if least == 1 else f"only {least} past days are"
    stretched = (
        f"of some {known} known, and {forecast.ENOUGH_DAYS} make a range that means what it says: until then it is "
        "wide on purpose, from nothing more today to twice the pace of the busiest day"
    )
    return (stretched,)


# What is limited


def _buckets(tx: Tx, terms: Terms, waiting: Mapping[tuple[str, str, str], list[Change]], days: int) -> Iterator[Ahead]:
    readings, believed = meters.on(tx, terms.day), limits.units_on(tx, terms.day)
    percent = quota.opens_until(Urgency.NORMAL, terms.thresholds)
    for project in projects.every(tx):
        first = hours.first_day(tx, meters.PROJECT, project.project, since=terms.day - timedelta(days=days))
        for bucket, default in terms.prices.limits.items():
            key = (meters.PROJECT, project.project, bucket)
            reading = readings.get(key)
            limit = believed.get(key, default) if reading is None else reading.ceiling or 0
            past = _past(tx, *key, first=first, today=terms.day)
            level = -(-limit * percent // 100)
            yield _ahead(tx, terms, key, limit, level, 0 if reading is None else reading.used, waiting, past)


def _envelopes(
    tx: Tx, terms: Terms, waiting: Mapping[tuple[str, str, str], list[Change]], days: int
) -> Iterator[Ahead]:
    """Look ahead for the shares of general, each as it stands now; the buffer is nobody's to use up."""
    for project in projects.every(tx):
        first = hours.first_day(tx, meters.ENVELOPE, project.project, since=terms.day - timedelta(days=days))
        for one in envelopes.standing(tx, project.project, terms):
            if one.purpose == BUFFER:
                continue
            key = (meters.ENVELOPE, project.project, one.purpose)
            past = _past(tx, *key, first=first, today=terms.day)
            yield _ahead(tx, terms, key, one.ceiling, one.ceiling, one.used, waiting, past)


def _caps(
    tx: Tx,
    terms: Terms,
    everybody: Sequence[Account],
    waiting: Mapping[tuple[str, str, str], list[Change]],
    days: int,
) -> Iterator[Ahead]:
    readings, believed = meters.on(tx, terms.day), limits.units_on(tx, terms.day)
    since = terms.day - timedelta(days=days)
    for account in everybody:
        for bucket in (UPLOADS, COMMENTS):
            key = (meters.ACCOUNT, account.account, bucket)
            reading = readings.get(key)
            cap = believed.get(key) if reading is None else reading.ceiling
            if cap is None:
                continue
            first = hours.first_day(tx, meters.ACCOUNT, account.account, since=since)
            past = _past(tx, *key, first=first, today=terms.day)
            yield _ahead(tx, terms, key, cap, cap, 0 if reading is None else reading.used, waiting, past)
    for channel_id, learned in sorted(caps.standing(tx).items()):
        yield _of_channel(tx, terms, channel_id, learned.uploads, everybody, waiting, since)


def _of_channel(
    tx: Tx,
    terms: Terms,
    channel_id: str,
    cap: int,
    everybody: Sequence[Account],
    waiting: Mapping[tuple[str, str, str], list[Change]],
    since: date,
) -> Ahead:
    """Look ahead for a learned cap, which counts the last 24 hours: each upload makes room a day after it was sent."""
    working = [one for one in everybody if one.channel_id == channel_id]
    sent = caps.taken_at(tx, channel_id)
    changes = [Change(at + timedelta(hours=24), -1.0) for at in sent]
    for one in working:
        changes += waiting.get((meters.ACCOUNT, one.account, UPLOADS), ())
    firsts = [hours.first_day(tx, meters.ACCOUNT, one.account, since=since) for one in working]
    first = min((day for day in firsts if day is not None), default=None)
    pasts = [_past(tx, meters.ACCOUNT, one.account, UPLOADS, first=first, today=terms.day) for one in working]
    past = [[sum(units) for units in zip(*same_day, strict=True)] for same_day in zip(*pasts, strict=True)]
    title = next((one.channel_title for one in working), channel_id)
    key = (CHANNEL, title, UPLOADS)
    return _ahead(tx, terms, key, cap, cap, len(sent), {key: changes}, past)


def _past(tx: Tx, scope: str, name: str, bucket: str, *, first: date | None, today: date) -> list[Hours]:
    """Return what each past day used by its hours; a day without use between others counts as one."""
    if first is None:
        return []
    used = hours.used(tx, scope, name, bucket, since=first, until=today)
    past = (first + timedelta(days=number) for number in range((today - first).days))
    return [used.get(day, [0.0] * quota.hours_of(day)) for day in past]


def _ahead(
    tx: Tx,
    terms: Terms,
    key: tuple[str, str, str],
    limit: int,
    level: int,
    used: int,
    waiting: Mapping[tuple[str, str, str], list[Change]],
    past: Sequence[Hours],
) -> Ahead:
    changes = waiting.get(key, [])
    resets_at = quota.resets_at(terms.day)
    allowance = Allowance(
        level=level, used=used, begins=quota.starts_at(terms.day), now=tx.now, ends=resets_at, changes=changes
    )
    seen = forecast.outlook(allowance, past)
    scope, name, bucket = key
    return Ahead(
        scope=scope,
        name=name,
        bucket=bucket,
        limit=limit,
        level=level,
        used=used,
        queued=round(sum(change.units for change in changes if change.units > 0), 2),
        percent=round(100 * used / limit, 1) if limit else 100.0,
        status=_status(seen, out=used >= level),
        early=seen.early,
        likely=seen.likely,
        late=seen.late,
        days=seen.days,
        enough=seen.enough,
        basis=_basis(seen.days),
        band=tuple(
            {"at": one.at, "low": round(one.low, 2), "likely": round(one.likely, 2), "high": round(one.high, 2)}
            for one in forecast.band(allowance, past)
        ),
    )


def _basis(days: int) -> str:
    if days >= forecast.ENOUGH_DAYS:
        return f"{days} past days, without the tenth that used least and the tenth that used most"
    if days == 0:
        return "no past day is known: today's own pace, from nothing more to twice of it"
    known = "one past day" if days == 1 else f"only {days} past days"
    return f"{known}, from nothing more today to twice the pace of the busiest"


def _status(seen: Outlook, *, out: bool) -> str:
    if out:
        return "out"
    if seen.likely is not None:
        return "likely"
    return "lasts" if seen.early is None else "possible"


# What waits


def _sums(waiting: Iterator[_Waiting]) -> dict[tuple[str, str, str], list[Change]]:
    found: dict[tuple[str, str, str], list[Change]] = {}
    for scope, name, bucket, change in waiting:
        found.setdefault((scope, name, bucket), []).append(change)
    return found


def _waiting(tx: Tx, terms: Terms, everybody: Sequence[Account]) -> Iterator[_Waiting]:
    """Say what the jobs that go on by themselves will still draw on today's meters."""
    resets_at = quota.resets_at(terms.day)
    by_name = {one.account: one for one in everybody}
    for job in jobs.unfinished(tx):
        at = max(job.not_before or tx.now, tx.now)
        if at >= resets_at or _waits_for_a_person(job):
            continue
        payers = _payers(tx, job, by_name)
        set_aside = ledger.set_aside(tx, job.job) if job.state is JobState.RUNNING else {}
        calls = calls_left(tx, job)
        of_project, of_account = ledger.needs(calls, terms)
        of_envelope = {} if terms.envelopes is None else terms.envelopes.needs(calls, terms.prices)
        for scope, cost in ((meters.PROJECT, of_project), (meters.ENVELOPE, of_envelope), (meters.ACCOUNT, of_account)):
            for bucket, units in cost.items():
                left = max(0, units - set_aside.get((scope, bucket), 0))
                for one in payers if left else ():
                    name = one.account if scope == meters.ACCOUNT else one.project
                    yield _Waiting(scope, name, bucket, Change(at, left / len(payers)))


def _waits_for_a_person(job: Job) -> bool:
    return job.not_before is None and job.state in (JobState.DEFERRED, JobState.FINISHED_UNKNOWN)


def _payers(tx: Tx, job: Job, by_name: Mapping[str, Account]) -> list[Account]:
    """Return the accounts that a job may be given to: its own, or those of its pool that work first."""
    if job.account is not None or job.target.kind is TargetKind.ACCOUNT:
        names: Sequence[str] = (job.account or job.target.name,)
    else:
        found = pools.find(tx, job.target.name)
        names = () if found is None else found.accounts
    members = [by_name[name] for name in names if name in by_name]
    active = [one for one in members if one.state is AccountState.ACTIVE]
    return [one for one in active if one.tier == Tier.PRODUCTION] or active or members


def calls_left(tx: Tx, job: Job) -> list[str]:
    """Return the calls that a job has not made yet, as far as anybody can say."""
    if job.kind == comments.KIND:
        done = {step.step for step in job_steps.of_job(tx, job.job) if step.state is StepState.DONE}
        return [call for step, call in comments.Remark.from_dict(json.loads(job.request)).calls if step not in done]
    if job.kind != UPLOAD:
        return [*CALLS.get(job.kind, ())]
    stored: dict[str, Any] = json.loads(job.request)
    upload = uploads.get(tx, job.job)
    done = {step.step for step in job_steps.of_job(tx, job.job) if step.state is StepState.DONE}
    if upload.started_at is not None or upload.last_sent_at is not None:
        done.add(UPLOAD)  # it is paid for, and may still be on its way
    return [call for step in Publication.from_dict(stored).steps() if step.step not in done for call in step.calls]
