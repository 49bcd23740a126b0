"""What is used, what is left, and until when. Reads only: nothing here opens the vault or Google."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ytpool.domain import balancing, moments, quota
from ytpool.domain.accounts import Account, AccountState, Standing
from ytpool.domain.balancing import Candidate, Tier, Weights
from ytpool.domain.quota import Light
from ytpool.domain.terms import Terms
from ytpool.runtime import Runtime
from ytpool.store import accounts, limits, meters, pools, projects, rests
from ytpool.store.db import Tx
from ytpool.store.meters import Reading
from ytpool.store.rests import Rest, Scope

_Readings = dict[tuple[str, str, str], Reading]
_Limits = dict[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketQuota:
    """One bucket of one project, today."""

    bucket: str
    limit: int
    spent: int
    held: int
    sent: int
    unknown: int
    elsewhere: int
    left: int
    percent: float
    status: Light


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReport:
    """All books of a quota day. The rows are mappings, so that a report of fifty accounts is made in no time."""

    quota_day: date
    resets_at: datetime
    projects: tuple[dict[str, Any], ...]
    accounts: tuple[dict[str, Any], ...]
    totals: dict[str, Any]
    alerts: tuple[dict[str, str], ...]
    pools: tuple[dict[str, Any], ...] = ()
    """Those that may use several projects, with their operator's reason."""


def quota_report(rt: Runtime, *, account: str | None = None) -> QuotaReport:
    """Report what each project and account has used and has left today."""
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        readings = meters.on(tx, terms.day)
        believed = limits.units_on(tx, terms.day)
        found = [accounts.get(tx, account)] if account is not None else accounts.every(tx)
        names = sorted({one.project for one in found}) if account else [one.project for one in projects.every(tx)]
        resting = rests.running(tx)
        pays = {name: _buckets(name, terms, readings, believed) for name in names}
        spread = tuple(
            {"pool": one.pool, "projects": pools.projects_of(tx, one.pool), "reason": one.reason}
            for one in pools.spread(tx)
        )
        shares = {name: _envelopes(tx, name, terms) for name in names}
        rows = tuple(_account_row(rt, tx, one, pays, readings, believed) for one in found)
    return QuotaReport(
        quota_day=terms.day,
        resets_at=quota.resets_at(terms.day),
        projects=tuple(
            {"project": name, "buckets": buckets, "envelopes": shares[name]} for name, buckets in pays.items()
        ),
        accounts=rows,
        totals=_totals(pays, rows),
        alerts=tuple(_advised(one) for _, one in concerns(pays, found, resting) if one["severity"] != "info"),
        pools=spread,
    )


def buckets_today(tx: Tx, terms: Terms) -> dict[str, tuple[BucketQuota, ...]]:
    """Return today's buckets of every project."""
    readings, believed = meters.on(tx, terms.day), limits.units_on(tx, terms.day)
    return {one.project: _buckets(one.project, terms, readings, believed) for one in projects.every(tx)}


def _buckets(project: str, terms: Terms, readings: _Readings, believed: _Limits) -> tuple[BucketQuota, ...]:
    names = dict.fromkeys(terms.prices.limits)
    names.update(dict.fromkeys(bucket for scope, name, bucket in readings if (scope, name) == ("project", project)))
    return tuple(_bucket(project, bucket, terms, readings, believed) for bucket in names)


def _bucket(project: str, bucket: str, terms: Terms, readings: _Readings, believed: _Limits) -> BucketQuota:
    key = ("project", project, bucket)
    reading = readings.get(key)
    if reading is not None:
        limit = reading.ceiling or 0
    else:
        limit = believed.get(key, terms.prices.limits.get(bucket, 0))
        reading = Reading(*key, limit, 0, 0, 0, 0, 0)
    used = reading.used
    percent = round(100 * used / limit, 1) if limit else 100.0
    return BucketQuota(
        bucket=bucket,
        limit=limit,
        spent=reading.spent,
        held=reading.held,
        sent=reading.sent,
        unknown=reading.unknown,
        elsewhere=reading.elsewhere,
        left=max(0, limit - used),
        percent=percent,
        status=quota.light(percent, terms.thresholds),
    )


def _envelopes(tx: Tx, project: str, terms: Terms) -> tuple[dict[str, Any], ...]:
    """Say what each purpose has of its share of the general bucket; nothing where there are no shares."""
    if terms.envelopes is None:
        return ()
    from ytpool.store import envelopes  # noqa: PLC0415 -- most have none

    return tuple(
        {
            "purpose": one.purpose,
            "limit": one.ceiling,
            "share": one.size,
            "lent": one.size - one.ceiling,
            "spent": one.spent,
            "held": one.held,
            "unknown": one.unknown,
            "left": max(0, one.ceiling - one.used),
            "percent": round(100 * one.used / one.ceiling, 1) if one.ceiling else 100.0,
        }
        for one in envelopes.standing(tx, project, terms)
    )


def _account_row(
    rt: Runtime,
    tx: Tx,
    account: Account,
    pays: dict[str, tuple[BucketQuota, ...]],
    readings: _Readings,
    believed: _Limits,
) -> dict[str, Any]:
    used = {
        bucket: reading.used
        for (scope, name, bucket), reading in readings.items()
        if scope == "account" and name == account.account and reading.used
    }
    uploads_cap = believed.get(("account", account.account, quota.UPLOADS))
    comments_cap = believed.get(("account", account.account, quota.COMMENTS))
    uploads = used.get(quota.UPLOADS, 0)
    shares = (1 - bucket.percent / 100 for bucket in pays.get(account.project, ()) if bucket.bucket in _WORK)
    left = min(shares, default=1.0)
    if uploads_cap is not None:
        left = min(left, 1 - uploads / uploads_cap if uploads_cap else 0.0)
    return {
        "account": account.account,
        "project": account.project,
        "channel_id": account.channel_id,
        "channel_title": account.channel_title,
        "tier": account.tier,
        "state": account.state,
        "used": used,
        "uploads_today": uploads,
        "uploads_cap": uploads_cap,
        "comments_today": used.get(quota.COMMENTS, 0),
        "comments_cap": comments_cap,
        "last_operation": account.last_operation,
        "last_operation_at": account.last_operation_at,
        "score": round(_score(rt, tx, account, left), 3),
    }


_WORK = (quota.UPLOADS, "general")
"""The buckets that an upload draws on, and so the ones that say how much an account can still do."""


def _score(rt: Runtime, tx: Tx, account: Account, left: float) -> float:
    if account.state is not AccountState.ACTIVE:
        return 0.0
    settings = rt.config.balancing
    weights = Weights(quota=settings.quota, success=settings.success, idle=settings.idle, age=settings.age)
    candidate = Candidate(
        account=account.account,
        project=account.project,
        channel_id=account.channel_id,
        tier=Tier(account.tier),
        priority=account.priority,
        free_slots=account.slots,
        channel_busy=False,
        quota_left=left,
        used=0,
        successes=account.successes,
        failures=account.failures,
        last_upload_at=account.last_upload_at,
        created_at=account.created_at,
        obstacle=None,
    )
    return balancing.score(candidate, weights, tx.now).score


def _totals(pays: dict[str, tuple[BucketQuota, ...]], rows: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    used: dict[str, int] = {}
    limit: dict[str, int] = {}
    for buckets in pays.values():
        for bucket in buckets:
            used[bucket.bucket] = used.get(bucket.bucket, 0) + bucket.spent + bucket.held + bucket.sent
            used[bucket.bucket] += bucket.unknown + bucket.elsewhere
            limit[bucket.bucket] = limit.get(bucket.bucket, 0) + bucket.limit
    scores = [row["score"] for row in rows]
    return {
        "used": used,
        "limit": limit,
        "health_score": round(sum(scores) / len(scores), 3) if scores else None,
    }


def concerns(
    pays: Mapping[str, tuple[BucketQuota, ...]], found: Sequence[Account], resting: Sequence[Rest]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what somebody should look at in the books, each with what tells it apart from others of its kind.

    A report lists it from `warning` on; what becomes an alert begins here too, so both have the same words.
    """
    titles = {account.channel_id: account.channel_title for account in found}
    for project, buckets in pays.items():
        for bucket in buckets:
            if bucket.status in _SEVERITIES:
                subject = f"{project} {bucket.bucket}"
                message = f"{bucket.percent:g} % of {bucket.limit} used, {bucket.left} left"
                message += f"; {bucket.elsewhere} were used elsewhere" if bucket.elsewhere else ""
                yield subject, _concern("quota", _SEVERITIES[bucket.status], subject, message)
    for account in found:
        if account.needs_login and account.standing is not Standing.DISABLED:
            message, command = f"needs a login ({account.login_reason})", f"ytpool auth add {account.account}"
            yield account.account, _concern("login_needed", "critical", account.account, message, command)
    for rest in resting:
        subject = f"{rest.scope} {titles.get(rest.name, rest.name)}".strip()
        command = rest.lifts if rest.is_pause else ""
        key = f"{rest.scope} {rest.name} {rest.bucket}"
        yield key, _concern("resting", _how_bad(rest), subject, _rests(rest), command)


def _concern(kind: str, severity: str, subject: str, message: str, command: str = "") -> dict[str, str]:
    return {"kind": kind, "severity": severity, "subject": subject, "message": message, "command": command}


def _advised(concern: dict[str, str]) -> dict[str, str]:
    """Return a concern with what to type in its message, where something helps: there it was before it had a field."""
    advice = f"; run: {concern['command']}" if concern["command"] else ""
    return {**concern, "message": concern["message"] + advice}


def _rests(rest: Rest) -> str:
    if rest.is_pause:
        return f"is paused ({rest.reason})"
    until = "a person lifts it" if rest.until is None else moments.spoken(rest.until)
    return f"rests ({rest.reason}) until {until}"


def _how_bad(rest: Rest) -> str:
    """Say how soon somebody should look: what waits for a person stands still until then, a guess ends before long."""
    if rest.until is None and not rest.is_pause:
        return "critical"
    return "info" if rest.guessed and rest.scope is not Scope.SERVICE else "warning"


_SEVERITIES = {Light.YELLOW: "info", Light.ORANGE: "warning", Light.RED: "critical"}
