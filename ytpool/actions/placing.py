"""Choosing an account and setting everything aside for a publication: units, slot, channel and decision, at once."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from ytpool.actions import breakers
from ytpool.actions.claiming import Order
from ytpool.actions.watch import Watch
from ytpool.domain import balancing, grants, moments, quota
from ytpool.domain.accounts import Account, Standing
from ytpool.domain.balancing import Candidate, Choice, Obstacle, Strategy, Weights
from ytpool.domain.breakers import Service
from ytpool.domain.grants import Purpose
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.domain.prices import GENERAL
from ytpool.domain.publication import Publication
from ytpool.domain.quota import Urgency
from ytpool.errors import Busy, LoginNeeded, NoEligibleAccount, OutOfService, QuotaExhausted, Resting, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, candidates, decisions, jobs, leases, ledger, limits, plans, pools, rests
from ytpool.store import breakers as store_breakers
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.meters import ACCOUNT, PROJECT, Meter

_THERE = Obstacle("another job publishes this content on its channel")
_LOGIN_NEEDED = "login needed"
_NARROW = Obstacle(f"{_LOGIN_NEEDED}: the one it has does not cover this")

_CLOSED = Obstacle("its secrets do not open on this machine, which lacks their key")

_FAILED = Obstacle("it has just failed several times in this run")

_PLAN = "plan"
"""What is said instead of a strategy where a plan has chosen."""

_LOOK_AGAIN_AFTER = 0.25

_ADVICE_AT_MOST = 5

_WORTH_WAITING_FOR = timedelta(minutes=2)
"""A rest that ends this soon, as after too many calls a minute, is slept through rather than reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a publication goes, and what is set aside for it."""

    payer: Payer
    channel_title: str
    holds: tuple[Hold, ...]
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkKind:
    """What one kind of work asks of an account, beside the units of its calls."""

    bucket: str
    """What the strategies count as its use."""
    alone: bool
    """It has a channel to itself, where nobody else publishes the same content meanwhile."""
    purpose: Purpose | None = None
    """What the account's login must be good for."""
    goes_on: str = ""
    """The command that takes it up again once it was deferred, if there is one; `{job}` stands for its id."""


UPLOADING = WorkKind(bucket=quota.UPLOADS, alone=True, goes_on="ytpool upload --resume")


class Asked(Protocol):
    """How something was asked for."""

    @property
    def wait(self) -> bool:
        """Wait for one's turn."""
        ...


def calls_of(publication: Publication) -> list[Call]:
    """Return every call of a publication, each with its step: all of them are set aside before the first is made."""
    return [Call(operation=operation, step=step.step) for step in publication.steps() for operation in step.calls]


def urgency_of(order: Order, now: datetime, *, begun: bool) -> Urgency:
    """Say how far into a bucket an upload may reach; its moment of publication is a deadline, too."""
    deadline = min(filter(None, (order.publication.video.publish_at, order.deadline)), default=None)
    return Urgency.of(now, use_buffer=order.use_buffer, begun=begun, deadline=deadline)


def place(
    rt: Runtime,
    lease: Lease,
    order: Asked,
    target: Target,
    watch: Watch,
    *,
    calls: tuple[Call, ...],
    urgency: Urgency,
    unfit: Mapping[str, Obstacle] = MappingProxyType({}),
    last: Collection[str] = (),
    kind: WorkKind = UPLOADING,
) -> Placed:
    """Choose one of the target's accounts and hold everything there, waiting for one's turn.

    `unfit` are channels that turned out to be of no use for it, and why. Accounts that are named `last` have just
    failed, and are taken only where nobody else can work.

    Raises QuotaExhausted or Resting with the moment at which it goes on, LoginNeeded or NoEligibleAccount where only
    a person can help, Busy where nobody is free and waiting was not wanted. The job is left deferred, with the reason.
    """
    said = ""
    while True:
        with rt.store.transaction() as tx:
            rt.require_clock()
            jobs.require(tx, lease)
            ledger.expire(tx)
            there = jobs.channels_with(tx, jobs.get(tx, lease.name)) if kind.alone else ()
            out = {**unfit, **dict.fromkeys(there, _THERE)}
            planned = plans.account_of(tx, lease.name)
            strategy, choice = _choose(rt, tx, target, calls, urgency, kind=kind, out=out, last=last, planned=planned)
            if last and choice.account is None and not choice.busy:
                strategy, choice = _choose(rt, tx, target, calls, urgency, kind=kind, out=out)
            if choice.account is not None:
                decisions.keep(tx, rt.rng, lease.name, strategy, choice)
                if target.kind is TargetKind.POOL:
                    pools.take_turn(tx, target.name, choice.account, comments=kind.bucket == quota.COMMENTS)
                return _take(rt, tx, lease, choice.account, calls, urgency, kind)
            if not choice.busy:
                obstacle = _nobody(rt, tx, target, choice, kind, lease.name)
                if obstacle.message != said:  # while it waits, the same decision is made four times a second
                    decisions.keep(tx, rt.rng, lease.name, strategy, choice)
                jobs.move(
                    tx,
                    lease,
                    JobState.DEFERRED,
                    not_before=choice.until,
                    error_code=obstacle.code,
                    error=obstacle.message,
                )
            else:
                obstacle = _everybody_busy(rt, tx, target, choice, kind)
            soon = choice.until is not None and choice.until - tx.now <= _WORTH_WAITING_FOR
        if not order.wait or not (choice.busy or soon):
            raise obstacle
        if obstacle.message != said:
            said = obstacle.message
            watch.waits(lease.name, f"waiting: {said}")
        rt.sleep(_LOOK_AGAIN_AFTER)


def place_again(
    rt: Runtime, lease: Lease, order: Order, account: str, watch: Watch, *, calls: tuple[Call, ...]
) -> Placed:
    """Take the places of an account that a job is already bound to, and hold what is still to come.

    Units for what comes after the upload may be missing; sending bytes costs nothing, so that does not stop it: what
    can still be set aside is, and a step without any waits for the next day.
    """
    said = ""
    attempts = [calls, tuple(call for call in calls if call.operation == "videos.list"), ()]
    while True:
        calls = attempts[0]
        try:
            with rt.store.transaction() as tx:
                rt.require_clock()
                jobs.require(tx, lease)
                ledger.expire(tx)
                require_open(tx, account)
                in_the_way = _in_the_way(tx, account, UPLOADING)
                if not in_the_way:
                    return _take(rt, tx, lease, account, calls, urgency_of(order, tx.now, begun=True), UPLOADING)
        except QuotaExhausted:
            attempts.pop(0)
            continue
        if not order.wait:
            raise Busy(in_the_way, hint="leave out --no-wait to wait for it", account=account)
        if in_the_way != said:
            said = in_the_way
            watch.waits(lease.name, f"waiting: {said}")
        rt.sleep(_LOOK_AGAIN_AFTER)


def require_open(tx: Tx, account: str) -> None:
    """Raise OutOfService while an operator's word keeps this account from going on with what it has begun."""
    rests.require_unpaused(tx, account=account)
    accounts.require_open(tx, account, begins=False)


def give_back(rt: Runtime, job: Lease, placed: Placed | None) -> None:
    """Free everything that was set aside and not used; safe to call twice, and by a worker that was overtaken."""
    with rt.store.transaction() as tx:
        if leases.holds(tx, job):
            ledger.release_job(tx, job.name, "not needed")
        elif placed is not None:  # somebody else has the job, and holds of its own
            ledger.release(tx, [held.hold for held in placed.holds], "not needed")
        if placed is not None:
            leases.give_back(tx, placed.leases)


def would_place(rt: Runtime, orders: Sequence[Order]) -> list[tuple[Choice, YtpoolError | None]]:
    """Say who would take each of these, one after the other as today's quota goes, and leave no trace."""
    if len(orders) < 2:
        with rt.store.reading() as tx:  # nothing comes after it, so nothing needs to be held
            return [_would_choose(rt, tx, order)[:2] for order in orders]
    with rt.store.imagining() as tx:
        ledger.expire(tx)
        return list(_would_place(rt, tx, orders))


def would_choose(
    rt: Runtime, tx: Tx, target: Target, calls: tuple[Call, ...], urgency: Urgency, kind: WorkKind
) -> tuple[Choice, YtpoolError | None]:
    """Say who would do this now, or why nobody would."""
    _, choice = _choose(rt, tx, target, calls, urgency, kind=kind)
    if choice.account or choice.busy:
        return choice, None
    return choice, _nobody(rt, tx, target, choice, kind)


def _would_place(rt: Runtime, tx: Tx, orders: Sequence[Order]) -> Iterator[tuple[Choice, YtpoolError | None]]:
    # Where one found nobody the next of its kind finds nobody either: so the work, with the state locked, ends with
    # today's quota and not with the batch.
    nobody: dict[tuple[Target, tuple[str, ...], Urgency], tuple[Choice, YtpoolError | None]] = {}
    for order in orders:
        calls = tuple(call.operation for call in calls_of(order.publication))
        kind = (order.target, calls, urgency_of(order, tx.now, begun=False))
        if kind in nobody:
            yield nobody[kind]
            continue
        choice, problem, urgency = _would_choose(rt, tx, order)
        chosen = choice.account or next(iter(choice.busy), None)
        if chosen is None:
            nobody[kind] = (choice, problem)
        else:
            if order.target.kind is TargetKind.POOL:
                pools.take_turn(tx, order.target.name, chosen)
            try:
                _set_aside(rt, tx, accounts.get(tx, chosen), tuple(calls_of(order.publication)), urgency)
            except QuotaExhausted as exhausted:
                problem = exhausted
                nobody[kind] = (choice, problem)
        yield choice, problem


def _would_choose(rt: Runtime, tx: Tx, order: Order) -> tuple[Choice, YtpoolError | None, Urgency]:
    urgency = urgency_of(order, tx.now, begun=False)
    choice, problem = would_choose(rt, tx, order.target, tuple(calls_of(order.publication)), urgency, UPLOADING)
    return choice, problem, urgency


def _choose(
    rt: Runtime,
    tx: Tx,
    target: Target,
    calls: tuple[Call, ...],
    urgency: Urgency,
    *,
    kind: WorkKind,
    out: Mapping[str, Obstacle] = MappingProxyType({}),
    last: Collection[str] = (),
    planned: str | None = None,
) -> tuple[str, Choice]:
    """Choose an account; `out` are the channels that are out of the question, and why, `last` is not chosen.

    One that the work was planned for is taken if it is free.
    """
    of_pool = target.kind is TargetKind.POOL
    strategy = Strategy(pools.get(tx, target.name).strategy) if of_pool else Strategy.FILL
    settings = rt.config.balancing
    operations = tuple(call.operation for call in calls)
    found = candidates.of(
        tx,
        target,
        operations,
        rt.terms(tx),
        urgency=urgency,
        main_bucket=kind.bucket,
        rules=breakers.rules(rt.config),
    )
    if not kind.alone:
        found = [one._replace(channel_busy=False) for one in found]
    if kind.purpose is not None:
        found = list(_with_login_for(kind.purpose, accounts.scopes(tx), found))
    if out:
        found = [one._replace(obstacle=out.get(one.channel_id, one.obstacle)) for one in found]
    if rt.closed:
        found = [one._replace(obstacle=_CLOSED) if one.account in rt.closed else one for one in found]
    if last:
        found = [one._replace(obstacle=_FAILED) if one.account in last and not one.obstacle else one for one in found]
    weights = Weights(quota=settings.quota, success=settings.success, idle=settings.idle, age=settings.age)
    choice = balancing.choose(found, strategy=strategy, weights=weights, now=tx.now, rng=rt.rng)
    wished = next((one for one in found if one.account == planned and one.free), None)
    if wished is None:
        return strategy, choice
    first = balancing.score(wished, weights, tx.now)
    others = [one for one in choice.best if one.account != planned]
    return _PLAN, choice._replace(account=planned, busy=(), best=(first, *others[: balancing.BEST_KEPT - 1]))


def _with_login_for(purpose: Purpose, scopes: Mapping[str, str], found: Sequence[Candidate]) -> Iterator[Candidate]:
    for one in found:
        narrow = one.obstacle is None and grants.missing(grants.parse_scopes(scopes[one.account]), purpose)
        yield one._replace(obstacle=_NARROW) if narrow else one


def _take(
    rt: Runtime, tx: Tx, lease: Lease, account: str, calls: tuple[Call, ...], urgency: Urgency, kind: WorkKind
) -> Placed:
    found = accounts.get(tx, account)
    payer, holds = _set_aside(rt, tx, found, calls, urgency, lease)
    taken = [leases.take(tx, LeaseKind.SLOT, account, holder=lease.name, places=found.slots)]
    if kind.alone:
        taken.append(leases.take(tx, LeaseKind.CHANNEL, found.channel_id, holder=lease.name))
    places = tuple(place for place in taken if place is not None)
    assert len(places) == len(taken)
    jobs.move(tx, lease, JobState.RUNNING, account=account, channel_id=found.channel_id, attempted=True)
    return Placed(payer=payer, channel_title=found.channel_title, holds=holds, leases=places)


def _set_aside(
    rt: Runtime, tx: Tx, account: Account, calls: tuple[Call, ...], urgency: Urgency, lease: Lease | None = None
) -> tuple[Payer, tuple[Hold, ...]]:
    payer = Payer(account=account.account, project=account.project, channel_id=account.channel_id)
    if account.tier == balancing.Tier.RESERVE:
        urgency = urgency.on_reserve()
    job, fence = (None, None) if lease is None else (lease.name, lease.fence)
    return payer, ledger.hold(tx, payer, calls, rt.terms(tx), rt.rng, job=job, fence=fence, urgency=urgency)


def _in_the_way(tx: Tx, account: str, kind: WorkKind) -> str:
    """Say whom an account's next job would have to wait for, or nothing."""
    found = accounts.get(tx, account)
    uploading = leases.held(tx, LeaseKind.CHANNEL).get(found.channel_id)
    if kind.alone and uploading:
        return f"job {uploading[0]} is uploading to channel {found.channel_title}"
    working = leases.held(tx, LeaseKind.SLOT).get(account, ())
    if len(working) >= found.slots:
        return f"all {found.slots} slots of {account} are taken by {', '.join(working)}"
    return ""


def _tried_out(rt: Runtime, tx: Tx, account: str) -> str:
    """Say that an account, or the service, has as many calls under way as try out whether it works again."""
    trials = store_breakers.on_trial(tx, breakers.rules(rt.config))
    for key in store_breakers.keys(account, Service.YOUTUBE):
        if trials.get(key) == 0:
            return f"{key} failed lately, and the calls that try it out are under way"
    return ""


def _everybody_busy(rt: Runtime, tx: Tx, target: Target, choice: Choice, kind: WorkKind) -> Busy:
    reasons = [_in_the_way(tx, account, kind) or _tried_out(rt, tx, account) for account in choice.busy[:1]]
    others = f", and {len(choice.busy) - 1} more accounts are busy" if len(choice.busy) > 1 else ""
    return Busy(
        f"{reasons[0]}{others}" if reasons[0] else f"every account of {target} is busy",
        hint="leave out --no-wait to wait for it",
        target=str(target),
        busy=list(choice.busy),
    )


def _nobody(rt: Runtime, tx: Tx, target: Target, choice: Choice, kind: WorkKind, job: str = "JOB") -> YtpoolError:
    """Name the reason why nobody can work, as the error that tells a script what to do about it."""
    groups = {reason: (group.count, list(group.names)) for reason, group in choice.rejected.items()}
    rejected = [{"reason": reason, "count": count, "accounts": names} for reason, (count, names) in groups.items()]
    facts = {"target": str(target), "rejected": rejected}
    words = "; ".join(f"{', '.join(names[:3])}{' …' if count > 3 else ''}: {r}" for r, (count, names) in groups.items())
    if not groups:
        return NoEligibleAccount(
            f"{target} has no account",
            hint=f"put one in: ytpool pools set {target.name} --add ACCOUNT; or: ytpool auth add NAME --pool "
            f"{target.name}",
            **facts,
        )
    of_pool = target.kind is TargetKind.POOL
    try:
        rests.require_unpaused(tx, **{target.kind.value: target.name})
    except OutOfService as paused:
        if paused.message in groups:  # who only reads is not stopped by it, and has another reason
            return paused
    nobody = f"no account of {target}" if of_pool else "nobody"
    if choice.until is not None:
        or_cron = f", or have cron run: {kind.goes_on.format(job=job)}" if kind.goes_on else ""
        hint = f"it goes on at {moments.spoken(choice.until)}: type the same command then, or with --wait now{or_cron}"
        error = QuotaExhausted if choice.until == quota.resets_at(rt.terms(tx).day) else Resting
        return error(f"{nobody} can work now ({words})", hint=hint, until=choice.until, **facts)
    if all(reason.startswith(_LOGIN_NEEDED) for reason in groups):
        reason, (_, names) = next(iter(groups.items()))
        wider = ""
        if kind.purpose is not None and reason == _NARROW.reason:
            wider = f" --for {grants.wider(accounts.get(tx, names[0]).scopes, (kind.purpose,))}"
        return LoginNeeded(
            f"every account of {target} needs a login ({words})" if of_pool else f"{target} needs a login",
            hint=f"run: ytpool auth add {names[0]}{wider}",
            **facts,
        )
    return NoEligibleAccount(
        f"{nobody} can work until somebody changes something ({words})",
        hint=_advice(tx, [name for _, names in groups.values() for name in names], kind.bucket),
        **facts,
    )


def _advice(tx: Tx, names: list[str], capped: str) -> str:
    """Say what lifts the caps, limits and rests that keep these accounts from working, each once."""
    day = quota.quota_day(tx.now)
    lifts, caps, decided, today = {}, accounts.caps(tx), limits.standing(tx, day), day.isoformat()
    for name in names:
        found = accounts.get(tx, name)
        if found.standing is not Standing.ACTIVE:
            lifts[name] = f"to let it work again: ytpool accounts enable {name}"
        if caps.get((name, capped)) == 0:
            lifts[f"cap {name}"] = ledger.raised_by(Meter(ACCOUNT, name, capped, today))
        for bucket in (capped, GENERAL):
            limit = decided.get((PROJECT, found.project, bucket))
            if limit is not None and not limit.units and limit.origin == limits.OPERATOR:
                meter = Meter(PROJECT, found.project, bucket, today)
                lifts[f"limit {found.project} {bucket}"] = ledger.raised_by(meter)
        resting = rests.in_the_way(
            tx, account=name, project=found.project, channel_id=found.channel_id, buckets=(capped, GENERAL)
        )
        if resting is not None:
            by_word = ""
            if resting.until is None and not resting.is_pause:
                by_word = f"; then: ytpool rests lift {shlex.join([resting.scope, resting.name])}"
            said = resting.lifts.rstrip(".") if by_word else resting.lifts
            lifts[resting.lifts] = f"{resting.scope} {resting.name}: {said}{by_word}"
    # A sentence for each of twenty accounts would hide the one that helps.
    some = [*lifts.values()][:_ADVICE_AT_MOST]
    return "\n".join([*some, "see: ytpool accounts list, and: ytpool auth list"])
