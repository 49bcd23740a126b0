"""Accounts as an operator arranges them, takes them out of service and back, and looks at them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ytpool.domain import names as words
from ytpool.domain.accounts import Account, AccountState, Standing
from ytpool.domain.balancing import Tier
from ytpool.domain.jobs import Job, TargetKind
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, leases, limits, meters, pools, rests, uploads
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Scope

BY_THE_OPERATOR = "the operator said so"

_LOOK_AGAIN_AFTER = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account with what it does now and what keeps it from working."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    pools: tuple[str, ...]
    tier: str
    priority: int
    state: str
    state_reason: str
    rests: tuple[str, ...]
    paused: tuple[str, ...]
    """What of an operator's pauses it is under, in words."""
    running: int
    slots: int
    caps: Mapping[str, int]
    """How many a day its operator allows at most, where that is said; 0 is none."""
    labels: Mapping[str, str]
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    scopes: tuple[str, ...]
    created_at: datetime
    last_upload_at: datetime | None
    last_operation: str | None
    success_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountList:
    accounts: tuple[AccountRow, ...]
    paused: tuple[str, ...] = ()
    """What an operator has stopped, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to change of an account; None, and what is not named, stays as it is."""

    tier: Tier | None = None
    priority: int | None = None
    slots: int | None = None
    caps: Mapping[str, int | None] = field(default_factory=dict)
    """By what is counted; None takes a cap away."""
    labels: Mapping[str, str] = field(default_factory=dict)
    unlabel: Collection[str] = ()


def list_accounts(
    rt: Runtime,
    *,
    pool: str | None = None,
    tier: Tier | None = None,
    state: AccountState | None = None,
    labels: Mapping[str, str] | None = None,
) -> AccountList:
    """List the accounts that all of this is true of."""
    with rt.store.reading() as tx:
        members = None if pool is None else pools.get(tx, pool).accounts
        worn = accounts.labels(tx)
        wanted = (labels or {}).items()
        found = [
            one
            for one in accounts.every(tx)
            if (members is None or one.account in members)
            and tier in (None, one.tier)
            and state in (None, one.state)
            and wanted <= worn.get(one.account, {}).items()
        ]
        return _listed(tx, found)


def show_account(rt: Runtime, account: str) -> AccountRow:
    with rt.store.reading() as tx:
        return _listed(tx, [accounts.get(tx, account)]).accounts[0]


def set_accounts(rt: Runtime, names: Collection[str], wish: Wish, *, dry_run: bool = False) -> AccountList:
    """Change all of these accounts, or none when one of them is not there."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        for account in dict.fromkeys(names):
            arrange(rt, tx, accounts.get(tx, account).account, wish)
        jobs.look_again(tx)
        return _named(tx, names)


def arrange(rt: Runtime, tx: Tx, account: str, wish: Wish) -> None:
    """Change an account that is there; what it has used beyond a new cap is booked as overrun."""
    accounts.arrange(tx, account, tier=wish.tier, priority=wish.priority, slots=wish.slots)
    accounts.label(tx, account, wish.labels, wish.unlabel)
    for bucket, units in wish.caps.items():
        limits.set_limit(
            tx,
            meters.ACCOUNT,
            account,
            bucket,
            units,
            rt.terms(tx),
            rt.rng,
            origin="operator",
            reason=BY_THE_OPERATOR,
        )


def enable(rt: Runtime, names: Collection[str], *, dry_run: bool = False) -> AccountList:
    """Let accounts work again; one without a living login still needs that."""
    return _stand(rt, names, Standing.ACTIVE, "", dry_run=dry_run)


def disable(rt: Runtime, names: Collection[str], reason: str = "", *, dry_run: bool = False) -> AccountList:
    """Let nothing more be sent as these accounts; a call that is on its way ends, and its job stops before the next."""
    _require_reason(reason)
    return _stand(rt, names, Standing.DISABLED, reason, dry_run=dry_run)


def _require_reason(reason: str) -> None:
    if reason:
        words.require_words(reason, "a reason")


class Left(StrEnum):
    """What an account that is drained still has to do with a job."""

    RUNNING = "running"
    """Somebody works on it now."""
    PARKED = "parked"
    """It was begun here, so it is finished here, and it waits."""
    WAITING = "waiting"
    """It names this account and nothing of it was sent: it goes when the account is enabled again, or cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftJob:
    """One job an account is not done with."""

    job: str
    left: Left
    state: str
    not_before: datetime | None
    what: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """How far an account is from being free."""

    account: str
    free: bool
    """Nothing runs on it and nothing that was begun on it is unfinished."""
    jobs: tuple[LeftJob, ...]

    @property
    def goes_by_itself(self) -> bool:
        """Something runs, or waits for a moment that is known."""
        return any(job.left is Left.RUNNING or (job.left is Left.PARKED and job.not_before) for job in self.jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    accounts: tuple[Drained, ...]


def drain(
    rt: Runtime,
    names: Collection[str],
    reason: str = "",
    *,
    wait: bool = False,
    says: Callable[[str], None] = lambda _: None,
    dry_run: bool = False,
) -> Draining:
    """Let nothing new begin on these accounts, and report what is not finished there yet.

    With `wait` it returns when they are free, or when what is left does not go by itself.
    """
    _require_reason(reason)
    said = ""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        for account in dict.fromkeys(names):
            accounts.stand(tx, accounts.get(tx, account).account, Standing.DRAINING, reason)
        left = _draining(tx, names)
    while wait and not dry_run and any(one.goes_by_itself for one in left.accounts):
        now = "; ".join(_waits_for(one) for one in left.accounts if not one.free)
        if now != said:
            said = now
            says(f"waiting: {said}")
        rt.sleep(_LOOK_AGAIN_AFTER)
        with rt.store.reading() as tx:
            left = _draining(tx, names)
    return left


def _waits_for(one: Drained) -> str:
    return f"{one.account} has " + ", ".join(
        f"{job.left} {job.job}" for job in one.jobs if job.left is not Left.WAITING
    )


def _draining(tx: Tx, names: Collection[str]) -> Draining:
    return Draining(accounts=tuple(_drained(tx, account) for account in dict.fromkeys(names)))


def _drained(tx: Tx, account: str) -> Drained:
    left = tuple(left_on(tx, account))
    return Drained(account=account, free=all(job.left is Left.WAITING for job in left), jobs=left)


def left_on(tx: Tx, account: str) -> list[LeftJob]:
    """Return what an account is not done with: jobs that run there, that were begun there, that name it."""
    running = leases.held(tx, LeaseKind.SLOT).get(account, ())
    at_work = leases.held(tx, LeaseKind.JOB)
    begun = jobs.bound_to(tx, account)
    known = {job.job for job in begun}
    others = [job for job in jobs.unfinished(tx) if job.job not in known]
    found = [_left(tx, job, Left.RUNNING if job.job in running or job.job in at_work else Left.PARKED) for job in begun]
    found += [_left(tx, job, Left.RUNNING) for job in others if job.job in running]
    found += [
        _left(tx, job, Left.WAITING)
        for job in others
        if job.job not in running and (job.target.kind, job.target.name) == (TargetKind.ACCOUNT, account)
    ]
    return found


def _left(tx: Tx, job: Job, left: Left) -> LeftJob:
    from ytpool.actions import queue  # noqa: PLC0415 -- it knows what all jobs need, and a list of accounts needs none

    upload = uploads.find(tx, job.job)
    match left:
        case Left.RUNNING:
            advice = ""
        case Left.WAITING:
            advice = f"ytpool queue cancel {job.job}"
        case Left.PARKED:
            advice = queue.advice(tx, job)
    return LeftJob(
        job=job.job,
        left=left,
        state=job.state,
        not_before=job.not_before,
        what=upload.path if upload else f"{job.kind} {job.about or ''}".rstrip(),
        advice=advice,
    )


def _stand(rt: Runtime, names: Collection[str], standing: Standing, reason: str, *, dry_run: bool) -> AccountList:
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        for account in dict.fromkeys(names):
            accounts.stand(tx, accounts.get(tx, account).account, standing, reason)
        if standing is Standing.ACTIVE:
            jobs.look_again(tx)
        return _named(tx, names)


def _named(tx: Tx, names: Collection[str]) -> AccountList:
    return _listed(tx, [accounts.get(tx, account) for account in dict.fromkeys(names)])


def _listed(tx: Tx, found: list[Account]) -> AccountList:
    return AccountList(accounts=_rows(tx, found), paused=tuple(one.words for one in rests.pauses(tx)))


def _rows(tx: Tx, found: list[Account]) -> tuple[AccountRow, ...]:
    member_of: dict[str, list[str]] = {}
    for pool in pools.every(tx):
        for account in pool.accounts:
            member_of.setdefault(account, []).append(pool.pool)
    resting = rests.running(tx)
    working = leases.held(tx, LeaseKind.SLOT)
    capped, labels = caps(tx), accounts.labels(tx)
    return tuple(
        AccountRow(
            account=one.account,
            project=one.project,
            channel_id=one.channel_id,
            channel_title=one.channel_title,
            pools=tuple(member_of.get(one.account, ())),
            tier=one.tier,
            priority=one.priority,
            state=one.state,
            state_reason=one.state_reason,
            rests=tuple(
                rest.shown
                for rest in resting
                if (rest.scope, rest.name)
                in (
                    (Scope.ACCOUNT, one.account),
                    (Scope.PROJECT, one.project),
                    (Scope.CHANNEL, one.channel_id),
                    (Scope.SERVICE, rests.YOUTUBE),
                    (Scope.SERVICE, rests.OAUTH),
                )
            ),
            paused=tuple(
                rest.words for rest in resting if rest.is_pause and rest.name in ("", *member_of.get(one.account, ()))
            ),
            running=len(working.get(one.account, ())),
            slots=one.slots,
            caps=capped.get(one.account, {}),
            labels=labels.get(one.account, {}),
            token_expires_at=one.token_expires_at,
            grant_expires_at=one.grant_expires_at,
            scopes=one.scopes,
            created_at=one.created_at,
            last_upload_at=one.last_upload_at,
            last_operation=one.last_operation,
            success_rate=round(one.success_rate, 3),
        )
        for one in found
    )


def caps(tx: Tx) -> dict[str, dict[str, int]]:
    """Return the operators' caps by account and by what is counted."""
    found: dict[str, dict[str, int]] = {}
    for (account, bucket), units in sorted(accounts.caps(tx).items(), reverse=True):  # uploads before comments
        found.setdefault(account, {})[bucket] = units
    return found
