"""What is wrong now, as far as the state tells. What `todo` and `quota report` say too, they say in the same words."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ytpool.actions import fleet, lifetimes, reports, todo
from ytpool.actions.health import work
from ytpool.actions.lifetimes import Lifetime
from ytpool.actions.todo import Item
from ytpool.domain import moments, quota
from ytpool.domain.alerts import Cause, Kind, Severity
from ytpool.domain.sessions import SessionState
from ytpool.runtime import Runtime
from ytpool.store import accounts, alert_messages, jobs, leavings, meters, refreshes, rests, sessions
from ytpool.store.db import Tx

_DAY = timedelta(days=1)
_NEWS_FOR = timedelta(days=7)
"""How long a session that has expired is worth a word; after that nobody misses it."""

SEVERITIES: Mapping[str, Severity] = {
    Kind.OUTCOME_UNKNOWN: Severity.WARNING,
    Kind.CHAIN_FAILED: Severity.WARNING,
    Kind.RESTORED: Severity.WARNING,
    Kind.FILE_MISSING: Severity.WARNING,
    Kind.LEAVING: Severity.WARNING,
    Kind.ASTRAY: Severity.CRITICAL,
    Kind.STEP_FAILED: Severity.WARNING,
    Kind.DELETION: Severity.INFO,
    Kind.SESSION_BANNED: Severity.WARNING,
    Kind.LOGIN_NEEDED: Severity.CRITICAL,
    Kind.LOGIN_ENDS: Severity.WARNING,
    Kind.SCOPE_MISSING: Severity.WARNING,
    Kind.UNVERIFIED: Severity.WARNING,
    Kind.CROWDED: Severity.INFO,
}
"""How bad things are that do not say it themselves."""

_STUCK = ("queue left", "queue due", "queue waiting", "queue tasks")
"""What `health` sees in the queue and no other kind tells."""


def everything(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    """Yield what is wrong, each cause once; reads only."""
    logins = lifetimes.everyone(tx)
    yield from _books(rt, tx)
    yield from _logins(tx, logins)
    for item in todo.items(tx, logins):
        if item.kind not in (Kind.RESTING, *_OF_LOGINS):
            yield _to_do(tx, item)
    yield from _failed(tx)
    yield from _stuck(rt, tx)
    yield from _drift(rt, tx)
    yield from _sessions(rt, tx)
    yield from _refreshes(tx)
    yield from _targets(rt, tx)
    yield from _machines(tx)


_OF_LOGINS = (Kind.LOGIN_NEEDED, Kind.LOGIN_ENDS, Kind.SCOPE_MISSING, Kind.UNVERIFIED, Kind.CROWDED)


def _books(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    """Yield what a quota report says of buckets and rests, and buckets of which nothing is left."""
    terms = rt.terms(tx)
    pays, resting = reports.buckets_today(tx, terms), rests.running(tx)
    commands = {f"{one.scope} {one.name} {one.bucket}": todo.lifting(one) for one in resting if one.until is None}
    for subject, concern in reports.concerns(pays, accounts.every(tx), resting):
        kind = Kind(concern["kind"])
        if kind is not Kind.LOGIN_NEEDED:
            yield Cause(
                kind=kind,
                subject=subject,
                title=concern["subject"],
                severity=Severity(concern["severity"]),
                message=concern["message"],
                command=concern["command"] or commands.get(subject, ""),
            )
    resets_at = moments.spoken(quota.resets_at(terms.day))
    for project, buckets in pays.items():
        for bucket in buckets:
            if bucket.limit and not bucket.left:
                name = f"{project} {bucket.bucket}"
                message = f"nothing is left of {bucket.limit}; what needs it goes on at {resets_at}"
                yield Cause(kind=Kind.EXHAUSTED, subject=name, title=name, severity=Severity.CRITICAL, message=message)


def _logins(tx: Tx, logins: tuple[Lifetime, ...]) -> Iterator[Cause]:
    for login in logins:
        for concern in login.concerns:
            if concern.kind is lifetimes.Kind.CLIENT_REFUSED:
                continue  # its project rests, which is told once
            kind = Kind(concern.kind)
            ends_today = kind is Kind.LOGIN_ENDS and login.ends_at is not None and login.ends_at - tx.now < _DAY
            yield Cause(
                kind=kind,
                subject=login.account,
                title=login.account,
                severity=Severity.CRITICAL if ends_today else SEVERITIES[kind],
                message=concern.message,
                command=concern.command,
            )


def _to_do(tx: Tx, item: Item) -> Cause:
    severity = SEVERITIES[item.kind]
    if item.kind == Kind.OUTCOME_UNKNOWN and "resolve" in item.command:
        severity = Severity.CRITICAL  # nobody but a person can find out
    if item.kind == Kind.LEAVING and item.since is not None and item.since + leavings.DEADLINE <= tx.now:
        severity = Severity.CRITICAL
    return Cause(
        kind=Kind(item.kind),
        subject=item.name,
        title=item.name,
        severity=severity,
        message=item.message,
        command=item.command,
    )


def _failed(tx: Tx) -> Iterator[Cause]:
    for job in jobs.failed_since(tx, tx.now - _DAY):
        yield Cause(
            kind=Kind.UPLOAD_FAILED,
            subject=job.job,
            title=job.job,
            severity=Severity.WARNING,
            message=f"{job.target}: {job.error}",
            command=f"ytpool why {job.job}",
        )


def _stuck(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    for check in work.stuck(tx, timedelta(hours=rt.config.health.waiting_hours)):
        if check.check in _STUCK:
            yield Cause(
                kind=Kind.QUEUE_STUCK,
                subject=check.check,
                title=check.check,
                severity=Severity.WARNING,
                message=check.message,
                command=check.fix.removeprefix("run: "),
            )


def _drift(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    """Yield the buckets of today whose books and Google's answers are apart; what is unknown has a kind of its own."""
    for row in meters.apart(tx, rt.terms(tx).day):
        if row["elsewhere"] or row["overrun"]:
            name = f"{row['name']} {row['bucket']}"
            words = [f"{row[column]} {said}" for column, said in _APART if row[column]]
            yield Cause(
                kind=Kind.DRIFT,
                subject=name,
                title=name,
                severity=Severity.WARNING,
                message=f"Google's answers and our books are apart: {', '.join(words)}",
                command="ytpool quota drift",
            )


_APART = (("elsewhere", "used elsewhere"), ("overrun", "beyond the limit"))


def _sessions(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    soon = tx.now + timedelta(days=rt.config.health.cookie_days)
    anew = "ytpool sessions migrate --file FILE --renew"
    for session in sessions.every(tx, timedelta(days=rt.config.sessions.inactive_days)):
        # Where nothing is known of its login, the first of its cookies is all there is to go by.
        ends = session.login_ends_at or session.expires_at
        if session.state is SessionState.EXPIRED and tx.now - session.state_since < _NEWS_FOR:
            kind, message = Kind.SESSION_EXPIRED, session.reason
        elif session.is_usable and ends is not None and ends <= soon:
            kind, message = Kind.SESSION_ENDS, f"its login ends at {moments.spoken(ends)}"
        else:
            continue
        yield Cause(
            kind=kind,
            subject=session.session,
            title=session.spoken,
            severity=Severity.WARNING,
            message=message,
            command=anew,
        )


def _refreshes(tx: Tx) -> Iterator[Cause]:
    for one in refreshes.failed(tx):
        yield Cause(
            kind=Kind.REFRESH_FAILED,
            subject=one.account,
            title=one.account,
            severity=Severity.WARNING,
            message=f"its cookies could not be refreshed: {one.detail}",
            command=f"ytpool sessions refresh {one.account}",
        )


def _machines(tx: Tx) -> Iterator[Cause]:
    """Yield the machines whose workers are gone and never said that they leave; those that are drained may be."""
    for row in fleet.machines_seen(tx):
        if row.condition is fleet.Condition.SILENT:
            yield Cause(
                kind=Kind.MACHINE_SILENT,
                subject=row.host,
                title=row.host,
                severity=Severity.WARNING,
                message="; ".join(row.remarks),
                command=f"ytpool fleet forget {row.host}",
            )


def _targets(rt: Runtime, tx: Tx) -> Iterator[Cause]:
    """Yield the targets that could not be told, again and again."""
    for target in rt.config.alert_targets.values():
        last = alert_messages.under_way(tx, target.name)
        if last is None or last.attempts < _DOWN_FROM:
            last = alert_messages.given_up(tx, target.name)  # and nothing has arrived since
        if last is None:
            continue
        tried = f"{last.attempts} attempts failed since {moments.spoken(last.written_at)}"
        given_up = "" if last.ended_at is None else ", and it was given up"
        yield Cause(
            kind=Kind.TARGET_DOWN,
            subject=target.name,
            title=target.name,
            severity=Severity.WARNING,
            message=f"{tried}{given_up}: {last.reason or 'nobody heard whether it arrived'}",
            command=f"ytpool alerts test {target.name}",
        )


_DOWN_FROM = 3
