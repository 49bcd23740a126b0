"""Making a plan, and summing it up by the days and blocks of the operator, and by account."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ytpool.actions import media, publish
from ytpool.actions.claiming import Order
from ytpool.actions.plan.place import Place
from ytpool.actions.plan.supposing import suppose
from ytpool.actions.plan.wishes import (
    DONE,
    LEFT,
    PLANNED,
    PlannedItem,
    Wish,
    of_job,
    of_order,
    queued,
    settled,
    size_of,
    waiting,
)
from ytpool.domain import moments, pacing
from ytpool.domain.plan.placing import plan as place_all
from ytpool.domain.plan.scene import Left, Placed, Scene
from ytpool.domain.plan.turns import moment
from ytpool.runtime import Runtime


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


def of_orders(rt: Runtime, orders: Sequence[Order], *, days: int, rate: str | None, what_if: Sequence[str]) -> Plan:
    """Plan what a manifest asks for, after what waits already."""
    known = [publish.without_choosing(rt, replace(one, publication=media.located(one.publication))) for one in orders]
    sizes = [size_of(order.path) for order in orders]

    def wishes(place: Place) -> list[Wish]:
        waits = {job.job: job for job in waiting(place.tx)}
        found = []
        for order, before, size in zip(orders, known, sizes, strict=True):
            if before is None:
                found.append(of_order(place, order, size))
            elif before.job is not None and before.job in waits:
                found.append(of_job(place, waits.pop(before.job), order))
            else:
                found.append(settled(place, order, before))
        return [*(of_job(place, job)._replace(hidden=True) for job in waits.values()), *found]

    return _planned(rt, wishes, days=days, rate=rate, what_if=what_if)


def of_queue(rt: Runtime, *, days: int, rate: str | None, what_if: Sequence[str]) -> Plan:
    """Plan everything that waits."""
    return _planned(rt, queued, days=days, rate=rate, what_if=what_if)


def _planned(
    rt: Runtime, wishes: Callable[[Place], list[Wish]], *, days: int, rate: str | None, what_if: Sequence[str]
) -> Plan:
    zone = moments.named_zone(rt.config.time.zone)
    line = pacing.bytes_per_second(rate or rt.config.plan.rate)
    with rt.store.reading() as tx:
        terms = rt.terms(tx)
        supposed = suppose(what_if, terms.prices)
        place = Place(rt, tx, terms, supposed, days)
        wanted = list(wishes(place))
        scene = place.scene(zone, line)
        now = tx.now
    items = [wish.item for wish in wanted if wish.item is not None]
    results = iter(place_all(scene, items))
    told = []
    behind = 0
    for wish in wanted:
        found = wish.told if wish.item is None else _told(wish.told, next(results))
        if wish.hidden:
            behind += 1
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
            "waiting": behind,
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
            begins=None if block is None else moment(day, block.begins, scene.zone),
            ends=None if block is None else moment(day, block.ends, scene.zone),
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
