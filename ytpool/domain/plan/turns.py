"""Blocks of the day and the turns in them: when, in the operator's zone, an upload may begin."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from ytpool.domain.plan.scene import Block

_MINUTES_A_DAY = 24 * 60


class Turn(NamedTuple):
    """A time in which one upload may begin."""

    begins: datetime
    ends: datetime
    block: str
    apart: timedelta
    """How long after it the next one begins."""


def turns(
    blocks: Iterable[Block], zone: tzinfo, since: datetime, until: datetime, made: Sequence[datetime] = ()
) -> Iterator[Turn]:
    """Yield the turns of the blocks between two moments, in their order: so many in each block, evenly spread.

    Of a block that has begun, what `made` has not taken is spread over what is left of it. On a day on which the clocks
    change a block is as long as the clocks' faces say; one that the change leaves out has no turns.
    """
    day, last = since.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
    found = []
    while day <= last:
        for block in blocks:
            begins, ends = moment(day, block.begins, zone), moment(day, block.ends, zone)
            left = block.videos - sum(begins <= at < ends for at in made)
            begins = max(begins, since)
            if begins < ends and left > 0:
                apart = timedelta(seconds=(ends - begins) // timedelta(seconds=left))
                found += [Turn(begins + number * apart, ends, block.name, apart) for number in range(left)]
        day += timedelta(days=1)
    return (turn for turn in sorted(found) if turn.begins < until)


def moment(day: date, minutes: int, zone: tzinfo) -> datetime:
    """Return when the clocks of a zone show so many minutes since midnight."""
    day += timedelta(days=minutes // _MINUTES_A_DAY)
    minutes %= _MINUTES_A_DAY
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone).astimezone(UTC)


def around(free: Sequence[Turn], at: datetime) -> tuple[Turn | None, Turn | None]:
    """Return the last free turn that has come and whose block still runs, and the next one to come."""
    place = bisect_right(free, at, key=_begins)
    come = free[place - 1] if place else None
    return (
        come if come is not None and come.ends > at else None,
        free[place] if place < len(free) else None,
    )


def better(missed: Turn | None, coming: Turn | None, at: datetime, until: datetime) -> Turn | None:
    """Choose between a turn that has come and the next one: what was missed is made up for when no other turn is left.

    So what had to wait, for a reset that came first, is spread over the rest of its block.
    """
    if missed is None or coming is None or coming.begins >= until or coming.ends > missed.ends:
        return missed or coming
    return missed if at < missed.begins + missed.apart else coming


def _begins(turn: Turn) -> datetime:
    return turn.begins
