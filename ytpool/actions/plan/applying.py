"""Carrying a plan out, and comparing it with what happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ytpool.actions import claiming, files, media
from ytpool.actions.claiming import Order
from ytpool.actions.plan.making import Plan
from ytpool.actions.plan.wishes import PLANNED, PlannedItem
from ytpool.actions.waking import ring
from ytpool.domain import ids
from ytpool.domain.jobs import JobState, Target
from ytpool.runtime import Runtime
from ytpool.store import plans, whereabouts


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
    numbers: dict[tuple[Target, str, str], list[int]] = {}
    wanted = []
    for number, (order, item) in enumerate(zip(orders, plan.items, strict=True)):
        if item.state == PLANNED:
            file = files.inspect(order.path)
            same = numbers.setdefault((order.target, file.marks.fingerprint, order.key), [])
            if not same:  # the same video twice in one manifest is one upload
                located = replace(order, publication=media.located(order.publication))
                wanted.append(claiming.Later(order=located, file=file, job=item.job))
            same.append(number)
    told = list(plan.items)
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        name = ids.new(tx.now, rt.rng)
        planned = []
        for waiting, same in zip(claiming.wait(rt, tx, wanted), numbers.values(), strict=True):
            planned.append(_planned(waiting, plan.items[same[0]]))
            for number in same:
                told[number] = replace(plan.items[number], job=waiting.job)
        plans.keep(tx, name, planned)
        whereabouts.found(tx, [one.waiting.job for one in planned])
        tx.ring()
    ring(rt)
    return replace(plan, applied=name, items=tuple(told))


def _planned(waiting: plans.Waiting, item: PlannedItem) -> plans.Planned:
    assert item.account is not None
    assert item.starts_at is not None
    assert item.ends_at is not None
    return plans.Planned(waiting, item.account, item.block, item.starts_at, item.ends_at)


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
