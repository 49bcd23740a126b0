"""A plan: which account takes what and when, from a manifest or from what waits. It changes nothing and costs nothing.

What waits in the queue comes first, also where a manifest is planned: it was asked for before.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import NamedTuple

from ytpool.actions import beforehand, claiming, files, forecast, media, publish, queue
from ytpool.actions.claiming import Order, publication_of
from ytpool.actions.waking import ring
from ytpool.domain import ids, moments, names, pacing
from ytpool.domain import plan as rules
from ytpool.domain.accounts import CAPPED, Account, AccountState
from ytpool.domain.balancing import Strategy, Tier
from ytpool.domain.jobs import InLine, Job, JobState, Target, TargetKind
from ytpool.domain.plan import Block, ChannelCap, Item, Left, Placed, Rest, Scene, Seat
from ytpool.domain.prices import Prices
from ytpool.domain.publication import UPLOAD
from ytpool.domain.terms import Terms
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, caps, envelopes, jobs, ledger, limits, meters, plans, pools, projects, rests
from ytpool.store.db import Tx
from ytpool.store.rests import Scope

PLANNED, LEFT, DONE = "planned", "left", "done"
"""What becomes of an item: it has its place, it has none, or there is nothing to do."""

_OUT: Mapping[AccountState, str] = {
    AccountState.LOGIN_NEEDED: "login needed",
    AccountState.DRAINING: "draining",
    AccountState.DISABLED: "disabled",
}

_LOOKS = tuple(call.operation for call in beforehand.CALLS)
"""What begins later than just now looks first whether somebody was faster by hand."""

_LIMIT = re.compile(r"limit\s+(?:(?P<project>\S+)\s+)?(?P<bucket>[a-z_]+)\s*=\s*(?P<units>[0-9]{1,12})")
_ADD = re.compile(r"add\s+account\s*:\s*(?P<account>\S+)")
_MOST_SUPPOSED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One thing to do, and what the plan has for it."""

    item: str
    job: str | None
    kind: str
    target: str
    state: str
    account: str | None = None
    project: str | None = None
    channel_id: str | None = None
    quota_day: date | None = None
    block: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    publish_at: datetime | None = None
    bytes: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    """Why it has no place, or why there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBlock:
    """A block of a day, or a day without blocks, in the operator's zone: how much of it is planned, and for whom."""

    day: date
    block: str
    begins: datetime | None
    ends: datetime | None
    videos: int | None
    """How many the settings allow it; None where they say nothing."""
    planned: int
    percent: float | None
    bytes: int
    accounts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAccount:
    """What the plan has for one account: how much on which day of the operator's, by blocks."""

    account: str
    project: str | None
    planned: int
    bytes: int
    days: Mapping[date, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to happen when, as things stand now; nothing is set aside for it."""

    now: datetime
    zone: str
    until: datetime
    """Nothing is planned beyond it."""
    rate: int
    what_if: tuple[str, ...]
    """What was supposed, and what that means."""
    counts: Mapping[str, int]
    applied: str | None = None
    """The plan's id, where it was queued."""
    blocks: tuple[str, ...]
    """The blocks of a day, in their order; none where the settings have none."""
    calendar: tuple[PlannedBlock, ...]
    accounts: tuple[PlannedAccount, ...]
    items: tuple[PlannedItem, ...]


class _Wish(NamedTuple):
    """What is to be planned: how it is told, and what it needs, unless that is settled."""

    told: PlannedItem
    item: Item | None
    hidden: bool = False
    """It waits already, and was not asked about."""


class _Supposed(NamedTuple):
    """What --what-if says."""

    limits: tuple[tuple[str, str, int], ...]
    """Project (empty: every one), bucket, units a day."""
    added: tuple[str, ...]


def of_orders(rt: Runtime, orders: Sequence[Order], *, days: int, rate: str | None, what_if: Sequence[str]) -> Plan:
    """Plan what a manifest asks for, after what waits already."""
    known = [publish.without_choosing(rt, replace(one, publication=media.located(one.publication))) for one in orders]
    sizes = [_size(order.path) for order in orders]

    def wishes(place: "_Place") -> list[_Wish]:
        waiting = {job.job: job for job in _waiting(place.tx)}
        found = []
        for order, settled, size in zip(orders, known, sizes, strict=True):
            if settled is None:
                found.append(_new(place, order, size))
            elif settled.job is not None and settled.job in waiting:
                found.append(_of_job(place, waiting.pop(settled.job), anew=True))
            else:
                assert not isinstance(settled, Job), "a job that waits is not done"
                found.append(_settled(place, order, settled))
        return [*(_of_job(place, job)._replace(hidden=True) for job in waiting.values()), *found]

    return _planned(rt, wishes, days=days, rate=rate, what_if=what_if)


def of_queue(rt: Runtime, *, days: int, rate: str | None, what_if: Sequence[str]) -> Plan:
    """Plan everything that waits."""
    return _planned(rt, _queued, days=days, rate=rate, what_if=what_if)


def _planned(
    rt: Runtime, wishes: Callable[["_Place"], list[_Wish]], *, days: int, rate: str | None, what_if: Sequence[str]
) -> Plan:
    zone = moments.named_zone(rt.config.time.zone)
    line = pacing.bytes_per_second(rate or rt.config.plan.rate)
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        supposed = _suppose(what_if, terms.prices)
        place = _Place(rt, tx, terms, supposed, days)
        wanted = list(wishes(place))
        scene = place.scene(zone, line)
        now = tx.now
    items = [wish.item for wish in wanted if wish.item is not None]
    results = iter(rules.plan(scene, items))
    told = []
    waiting = 0
    for wish in wanted:
        found = wish.told if wish.item is None else _told(wish.told, next(results))
        if wish.hidden:
            waiting += 1
        else:
            told.append(found)
    states = Counter(one.state for one in told)
    return Plan(
        now=now,
        zone=rt.config.time.zone,
        until=scene.ends,
        rate=line,
        what_if=tuple(place.meant),
        counts={
            "total": len(told),
            **{state: states[state] for state in (PLANNED, LEFT, DONE)},
            "waiting": waiting,
        },
        blocks=tuple(block.name for block in scene.blocks),
        calendar=tuple(_calendar(told, scene)),
        accounts=tuple(_by_account(told, scene)),
        items=tuple(told),
    )


def _told(wish: PlannedItem, result: Placed | Left) -> PlannedItem:
    if isinstance(result, Left):
        return replace(wish, state=LEFT, reasons=result.reasons)
    return replace(
        wish,
        state=PLANNED,
        account=result.seat.account,
        project=result.seat.project,
        channel_id=result.seat.channel_id or None,
        quota_day=result.day,
        block=result.block,
        starts_at=result.starts_at,
        ends_at=result.ends_at,
        units=result.units,
    )


def _calendar(told: Iterable[PlannedItem], scene: Scene) -> Iterable[PlannedBlock]:
    """Sum up the plan by the days and blocks of the operator."""
    blocks = {block.name: block for block in scene.blocks}
    found: dict[tuple[date, int, str], list[PlannedItem]] = {}
    for one in told:
        if one.starts_at is not None:
            block = blocks.get(one.block)
            key = (one.starts_at.astimezone(scene.zone).date(), -1 if block is None else block.begins, one.block)
            found.setdefault(key, []).append(one)
    for (day, _, name), inside in sorted(found.items()):
        block = blocks.get(name)
        counts = Counter(one.account for one in inside if one.account is not None)
        yield PlannedBlock(
            day=day,
            block=name,
            begins=None if block is None else rules.moment(day, block.begins, scene.zone),
            ends=None if block is None else rules.moment(day, block.ends, scene.zone),
            videos=None if block is None else block.videos,
            planned=len(inside),
            percent=None if block is None else round(100 * len(inside) / block.videos, 1),
            bytes=sum(one.bytes for one in inside),
            accounts=dict(sorted(counts.items())),
        )


def _by_account(told: Iterable[PlannedItem], scene: Scene) -> Iterable[PlannedAccount]:
    blocks = [block.name for block in scene.blocks]
    found: dict[str, list[PlannedItem]] = {}
    for one in told:
        if one.account is not None and one.starts_at is not None:
            found.setdefault(one.account, []).append(one)
    for account, given in sorted(found.items()):
        days: dict[date, Counter[str]] = {}
        for one in given:
            assert one.starts_at is not None
            days.setdefault(one.starts_at.astimezone(scene.zone).date(), Counter())[one.block] += 1
        yield PlannedAccount(
            account=account,
            project=given[0].project,
            planned=len(given),
            bytes=sum(one.bytes for one in given),
            days={
                day: {name: counts[name] for name in (*blocks, "") if name or counts[name]}
                for day, counts in sorted(days.items())
            },
        )


# Plans that are carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One job of a plan: what was planned, and what happened."""

    item: str
    job: str
    state: str
    verdict: str
    """as_planned, waiting, or how it deviated: late, early, elsewhere, not_done."""
    block: str
    planned_account: str
    account: str | None
    planned_start: datetime
    started_at: datetime | None
    late_by: int
    """Seconds between the planned start and what happened; negative: it was early."""
    planned_end: datetime
    finished_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How a plan went."""

    plan: str
    zone: str
    within: int
    """Seconds by which a start may differ and still be as planned."""
    counts: Mapping[str, int]
    items: tuple[Reviewed, ...]


AS_PLANNED, WAITING, LATE, EARLY, ELSEWHERE, NOT_DONE = (
    *("as_planned", "waiting", "late", "early"),
    *("elsewhere", "not_done"),
)
VERDICTS = (AS_PLANNED, WAITING, LATE, EARLY, ELSEWHERE, NOT_DONE)


def apply(rt: Runtime, orders: Sequence[Order], plan: Plan) -> Plan:
    """Queue what a plan of these orders has a place for, each for its moment, all of them or none.

    Raises Busy where something has begun, or was asked for, since the plan was made.
    """
    placed = [
        (number, replace(order, publication=media.located(order.publication)), item, files.inspect(order.path))
        for number, (order, item) in enumerate(zip(orders, plan.items, strict=True))
        if item.state == PLANNED
    ]
    made: dict[tuple[Target, str, str], str] = {}
    told = list(plan.items)
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        name = ids.new(tx.now, rt.rng)
        for number, order, item, file in placed:
            assert item.account is not None
            assert item.starts_at is not None
            assert item.ends_at is not None
            key = (order.target, file.marks.fingerprint, order.key)
            if key in made:  # the same video twice in one manifest is one upload
                told[number] = replace(item, job=made[key])
                continue
            words = f"planned for {item.account}{f', {item.block}' if item.block else ''}"
            job = claiming.put_off(rt, tx, order, file, job=item.job, until=item.starts_at, why=words)
            made[key] = job.job
            told[number] = replace(item, job=job.job)
            plans.keep(
                tx,
                name,
                job.job,
                account=item.account,
                block=item.block,
                starts_at=item.starts_at,
                ends_at=item.ends_at,
            )
    ring(rt)
    return replace(plan, applied=name, items=tuple(told))


def review(rt: Runtime, *, within: timedelta) -> Review:
    """Compare the plan that was applied last with what happened; a start may differ by so much."""
    with rt.store.reading() as tx:
        name = plans.latest(tx)
        items = tuple(_reviewed(one, within, tx.now) for one in plans.jobs_of(tx, name))
    found = Counter(one.verdict for one in items)
    return Review(
        plan=name,
        zone=rt.config.time.zone,
        within=round(within.total_seconds()),
        counts={
            "total": len(items),
            **{verdict: found[verdict] for verdict in VERDICTS},
            "deviations": len(items) - found[AS_PLANNED] - found[WAITING],
        },
        items=items,
    )


def _reviewed(one: plans.PlannedJob, within: timedelta, now: datetime) -> Reviewed:
    begun = one.started_at is not None
    late = (one.started_at or max(now, one.planned_start)) - one.planned_start
    if one.state in (JobState.FAILED, JobState.CANCELLED, JobState.PARTLY, JobState.FINISHED_UNKNOWN):
        verdict = NOT_DONE
    elif begun and one.account != one.planned_account:
        verdict = ELSEWHERE
    elif late > within:
        verdict = LATE
    elif late < -within:
        verdict = EARLY
    else:
        verdict = AS_PLANNED if one.state is JobState.DONE else WAITING
    return Reviewed(
        item=one.path,
        job=one.job,
        state=one.state,
        verdict=verdict,
        block=one.block,
        planned_account=one.planned_account,
        account=one.account if begun else None,
        planned_start=one.planned_start,
        started_at=one.started_at,
        late_by=round(late.total_seconds()),
        planned_end=one.planned_end,
        finished_at=one.finished_at,
        error="" if verdict in (AS_PLANNED, WAITING) else one.error,
    )


# What is to be done


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is gone, and what needs it no more says so
        return 0


def _new(place: "_Place", order: Order, size: int) -> _Wish:
    """Wish for what nobody has asked for yet."""
    calls = (*(call for step in order.publication.steps() for call in step.calls), *_LOOKS)
    public_at = order.publication.video.publish_at
    in_line = order.in_line or InLine()
    overdue = in_line.deadline is not None and in_line.deadline <= place.tx.now
    deadlines = [at for at in (public_at, None if overdue else in_line.deadline) if at is not None]
    told = PlannedItem(
        item=str(order.path),
        job=None,
        kind=UPLOAD,
        target=str(order.target),
        state=LEFT,
        publish_at=public_at,
        bytes=size,
    )
    item = place.item(
        told.item,
        order.target,
        calls,
        size=size,
        alone=True,
        deadline=min(deadlines, default=None),
        not_before=in_line.not_before,
        priority=in_line.priority,
        overdue=overdue,
    )
    return _Wish(told, item)


def _settled(place: "_Place", order: Order, settled: publish.Plan | Job) -> _Wish:
    """Tell what needs no plan: it is published, or does not go on by itself."""
    told = PlannedItem(
        item=str(order.path),
        job=settled.job,
        kind=UPLOAD,
        target=str(order.target),
        state=LEFT,
        account=settled.account,
        channel_id=settled.channel_id,
        publish_at=order.publication.video.publish_at,
    )
    problem = None if isinstance(settled, Job) else settled.problem
    if problem is not None:
        return _Wish(replace(told, reasons=(problem.message,)), None)
    assert settled.job is not None
    job = jobs.get(place.tx, settled.job)
    if job.published:
        return _Wish(replace(told, state=DONE, reasons=("already published",)), None)
    return _Wish(replace(told, reasons=(f"its job is {job.state}: {queue.advice(place.tx, job)}",)), None)


def _queued(place: "_Place") -> list[_Wish]:
    """Wish for what waits, in the order in which it was asked for."""
    return [_of_job(place, job) for job in _waiting(place.tx)]


def _waiting(tx: Tx) -> list[Job]:
    """Return what waits for an account of YouTube; other services have slots of their own, or none."""
    return [job for job in jobs.unfinished(tx) if job.target.kind in (TargetKind.ACCOUNT, TargetKind.POOL)]


def _of_job(place: "_Place", job: Job, *, anew: bool = False) -> _Wish:
    """Wish for what a job has left; one that is planned already keeps its place, unless it is planned anew."""
    tx = place.tx
    upload = jobs.find_upload(tx, job.job)
    sends = upload is not None and job.video_id is None
    public_at = publication_of(job).video.publish_at if sends else None
    overdue = job.deadline is not None and job.deadline <= tx.now
    deadlines = [at for at in (public_at, None if overdue else job.deadline) if at is not None]
    size = 0 if upload is None or not sends else upload.size - upload.kept
    told = PlannedItem(
        item=f"{job.kind} {job.job_key or job.job}" if upload is None else upload.path,
        job=job.job,
        kind=job.kind,
        target=str(job.target),
        state=LEFT,
        publish_at=public_at,
        bytes=size,
    )
    if job.held_at is not None:
        return _Wish(replace(told, reasons=(f"it is held back: {queue.advice(tx, job)}",)), None)
    # What is asked for again is tried again; only an unknown outcome wants its answer first.
    stuck = (JobState.FINISHED_UNKNOWN,) if anew else (JobState.DEFERRED, JobState.FINISHED_UNKNOWN)
    if job.not_before is None and job.state in stuck:
        return _Wish(replace(told, reasons=(f"it waits for a person: {queue.advice(tx, job)}",)), None)
    begun = upload is not None and upload.started_at is not None
    calls = (*forecast.calls_left(tx, job), *(_LOOKS if sends and not begun else ()))
    place.frees(job, calls)
    planned = place.planned.get(job.job)
    by_plan = planned is not None and planned.starts_at == job.not_before
    stays = upload is None or job.video_id is not None or upload.sent_to is not None
    bound = job.account if stays else None
    if bound is None and planned is not None and not anew and place.works(planned.account):
        bound = planned.account
    item = place.item(
        told.item,
        job.target if bound is None else Target(kind=TargetKind.ACCOUNT, name=bound),
        calls,
        size=size,
        alone=sends,
        deadline=min(deadlines, default=None),
        begun=begun,
        not_before=None if by_plan and anew else job.not_before,
        priority=job.priority,
        overdue=overdue,
    )
    return _Wish(told, item)


# What there is


class _Place:
    """The pool as it stands, or as it is supposed to stand, in one transaction."""

    def __init__(self, rt: Runtime, tx: Tx, terms: Terms, supposed: _Supposed, days: int) -> None:
        self.tx = tx
        self.meant: list[str] = []
        self._rt = rt
        self._terms = {day: rt.terms(tx, day) for day in (terms.day + timedelta(days=number) for number in range(days))}
        self._today = terms
        self._accounts = {one.account: one for one in accounts.every(tx)}
        self._pools = {one.pool: one for one in pools.every(tx)}
        self._members = {name: one.accounts for name, one in self._pools.items()}
        self._readings = meters.on(tx, terms.day)
        self._standing = limits.standing(tx, terms.day)
        self._freed: Counter[tuple[str, str, str]] = Counter()
        self.planned = plans.unfinished(tx)
        """Where and when earlier plans let their jobs begin."""
        self._running = rests.running(tx)
        self._supposed_limits: dict[tuple[str, str], int] = {}
        self._seats = {one.account: self._seat(one) for one in self._accounts.values()}
        self._suppose_limits(supposed.limits)
        for name in supposed.added:
            self._add(name)

    def item(
        self,
        name: str,
        target: Target,
        calls: tuple[str, ...],
        *,
        size: int,
        alone: bool,
        deadline: datetime | None = None,
        begun: bool = False,
        not_before: datetime | None = None,
        priority: int = 0,
        overdue: bool = False,
    ) -> Item:
        """Return what something needs of these accounts."""
        of_pool = target.kind is TargetKind.POOL
        _, counted = ledger.needs(calls, self._today)
        strategy = self._pools[target.name].strategy if of_pool and target.name in self._pools else ""
        return Item(
            item=name,
            accounts=self._members.get(target.name, ()) if of_pool else (target.name,),
            calls=calls,
            counts={bucket: counted[bucket] for bucket in CAPPED if bucket in counted},
            bytes=size,
            alone=alone,
            begun=begun,
            not_before=not_before,
            deadline=deadline,
            priority=priority,
            overdue=overdue,
            in_order=strategy == Strategy.FILL,
        )

    def works(self, account: str) -> bool:
        """Tell whether an account takes work without a person's help."""
        return account in self._seats and not self._seats[account].out

    def frees(self, job: Job, calls: tuple[str, ...]) -> None:
        """Count what a running job has set aside for these calls once: it is planned with them."""
        account = self._accounts.get(job.account or "")
        if job.state is not JobState.RUNNING or account is None:
            return
        of_project, of_account = ledger.needs(calls, self._today)
        shares = self._today.envelopes
        needs = {
            meters.PROJECT: of_project,
            meters.ACCOUNT: of_account,
            meters.ENVELOPE: {} if shares is None else shares.needs(calls, self._today.prices),
        }
        for (scope, bucket), units in ledger.set_aside(self.tx, job.job).items():
            name = account.account if scope == meters.ACCOUNT else account.project
            self._freed[scope, name, bucket] += min(units, needs[scope].get(bucket, 0))

    def scene(self, zone: tzinfo, rate: int) -> Scene:
        """Return all that the plan is made from."""
        used = {
            (name, bucket): max(0, reading.used - self._freed[scope, name, bucket])
            for (scope, name, bucket), reading in self._readings.items()
            if scope == meters.PROJECT
        }
        shares = {
            (project.project, one.purpose): max(
                0, one.used - self._freed[meters.ENVELOPE, project.project, one.purpose]
            )
            for project in projects.every(self.tx)
            for one in envelopes.standing(self.tx, project.project, self._today)
        }
        channels = {one.channel_id for one in self._accounts.values() if one.channel_id}
        blocks = tuple(Block(*one) for one in self._rt.config.plan.blocks)
        return Scene(
            now=_whole_second(self.tx.now),
            seats=tuple(self._with_use(seat) for seat in self._seats.values()),
            terms=self._terms,
            limits={day: self._limits(day) for day in self._terms},
            rate=rate,
            used=used,
            envelopes_used=shares,
            channel_caps={
                channel_id: ChannelCap(cap.uploads, cap.ends_at, tuple(caps.taken_at(self.tx, channel_id)))
                for channel_id, cap in caps.standing(self.tx).items()
            },
            blocks=blocks,
            made=tuple(at for one in sorted(channels) for at in caps.taken_at(self.tx, one)) if blocks else (),
            zone=zone,
        )

    def _seat(self, account: Account) -> Seat:
        believed = {
            bucket: self._standing[meters.ACCOUNT, account.account, bucket].units
            for bucket in CAPPED
            if (meters.ACCOUNT, account.account, bucket) in self._standing
        }
        return Seat(
            account=account.account,
            project=account.project,
            channel_id=account.channel_id,
            channel=account.channel_title,
            tier=Tier(account.tier),
            priority=account.priority,
            slots=account.slots,
            out=_OUT.get(account.state, ""),
            rests=tuple(self._rests(account)),
            caps=believed,
        )

    def _with_use(self, seat: Seat) -> Seat:
        keys = {bucket: (meters.ACCOUNT, seat.account, bucket) for bucket in CAPPED}
        return seat._replace(
            used={
                bucket: max(0, self._readings[key].used - self._freed[key])
                for bucket, key in keys.items()
                if key in self._readings
            }
        )

    def _rests(self, account: Account) -> Iterable[Rest]:
        for rest in self._running:
            concerns = {
                Scope.EVERYTHING: True,
                Scope.POOL: account.account in self._members.get(rest.name, ()),
                Scope.SERVICE: rest.name == rests.YOUTUBE,
                Scope.PROJECT: rest.name == account.project,
                Scope.CHANNEL: rest.name == account.channel_id,
                Scope.ACCOUNT: rest.name == account.account,
            }
            if concerns[rest.scope]:
                yield Rest(rest.bucket, rest.until, rest.words)

    def _limits(self, day: date) -> dict[tuple[str, str], int]:
        """Return what each project has of each bucket on a day; what Google taught us is forgotten in time."""
        found: dict[tuple[str, str], int] = {}
        for project in projects.every(self.tx):
            for bucket, default in self._terms[day].prices.limits.items():
                key = (meters.PROJECT, project.project, bucket)
                limit, reading = self._standing.get(key), self._readings.get(key)
                units = default if limit is None or not limit.stands_on(day) else limit.units
                if day == self._today.day and reading is not None and reading.ceiling is not None:
                    units = reading.ceiling
                found[project.project, bucket] = units
        return {**found, **self._supposed_limits}

    def _suppose_limits(self, supposed: Iterable[tuple[str, str, int]]) -> None:
        every = [one.project for one in projects.every(self.tx)]
        for project, bucket, units in supposed:
            named = [project] if project else every
            if project and project not in every:
                raise UsageWrong(
                    f"--what-if: there is no project {project}{_meant(project, every)}",
                    hint="see: ytpool projects list",
                )
            self._supposed_limits.update({(one, bucket): units for one in named})
            self.meant.append(f"{', '.join(named)} had {units:,} units of {bucket} a day, from today on")

    def _add(self, name: str) -> None:
        """Suppose one account more: like the one of this name, or a new one where there is none."""
        like = self._seats.get(name)
        new = name if like is None else next(f"{name}+{n}" for n in count(1) if f"{name}+{n}" not in self._seats)
        joins = [pool for pool, members in self._members.items() if like is None or name in members]
        if like is None:
            around = {self._seats[one].project for pool in joins for one in self._members[pool] if one in self._seats}
            if len(around) != 1:
                raise UsageWrong(
                    f"--what-if: there is no account {name} that a new one could be like"
                    f"{_meant(name, list(self._seats))}, and {len(around) or 'no'} projects that could pay for it",
                    hint="name an account that is here: ytpool accounts list",
                )
            seat = Seat(account=new, project=around.pop(), channel_id="", channel="a new channel")
        else:
            seat = like._replace(account=new, channel_id="", channel="a new channel", out="", rests=())
        self._seats[new] = seat
        self._members.update({pool: (*self._members[pool], new) for pool in joins})
        into = f" in {', '.join(joins)}" if joins else ""
        settings = f"with the settings of {name}" if like is not None else "with the usual settings"
        self.meant.append(
            f"there were an account {new}{into}, {settings} and a channel of its own; {seat.project} pays for it, so "
            "there is no more quota by it"
        )


def _suppose(what_if: Sequence[str], prices: Prices) -> _Supposed:
    """Read what is supposed; raises UsageWrong with what there is to suppose."""
    supposed: list[tuple[str, str, int]] = []
    added: list[str] = []
    if len(what_if) > _MOST_SUPPOSED:
        raise UsageWrong(f"--what-if may be said at most {_MOST_SUPPOSED} times", hint="suppose less at once")
    for text in what_if:
        if match := _LIMIT.fullmatch(text.strip()):
            if match["bucket"] not in prices.limits:
                known = list(prices.limits)
                raise UsageWrong(
                    f"--what-if: there is no bucket {match['bucket']}{_meant(match['bucket'], known)}",
                    hint=f"there are {', '.join(known)}",
                )
            supposed.append((match["project"] or "", match["bucket"], int(match["units"])))
        elif match := _ADD.fullmatch(text.strip()):
            added.append(names.require(match["account"], "an account"))
        else:
            raise UsageWrong(
                f"--what-if does not take {text!r}",
                hint="write 'limit uploads=500', 'limit PROJECT uploads=500' or 'add account:NAME'",
            )
    return _Supposed(tuple(supposed), tuple(added))


def _whole_second(moment: datetime) -> datetime:
    """Return the next full second: nobody plans by parts of one."""
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
