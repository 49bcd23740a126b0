"""Who works where now: every account's places. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ytpool.actions import queue
from ytpool.actions.queue import AccountSlots, QueueStatus
from ytpool.actions.tasks.slots import counted_in
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The places to work, those of the busiest accounts first; the numbers are those of `queue status`."""

    picture: ClassVar[str] = "slots"

    at: datetime
    running: int
    max_slots: int
    queued: int
    accounts: tuple[AccountSlots, ...]
    more: int
    """So many accounts, all of them idle or less busy, are left out; the sums count them."""


def slots(rt: Runtime, *, most: int = 40) -> Slots:
    """Return which places are taken, at most so many accounts."""
    found = queue.status(rt)
    if rt.config.providers:
        found = counted_in(rt, found)
    return of(found, rt.calendar.now(), most=most)


def of(found: QueueStatus, at: datetime, *, most: int = 40) -> Slots:
    """Make the picture of what `queue status` has found."""
    by_work = sorted(found.accounts, key=lambda one: (-one.running, one.max_slots == 0))
    return Slots(
        at=at,
        running=found.total_running,
        max_slots=found.total_max_slots,
        queued=found.total_queued,
        accounts=tuple(by_work[:most]),
        more=max(0, len(by_work) - most),
    )
