"""When an allowance runs out: what is used, what waits in the queue, and what past days used from this hour on.

Each past day is one way in which today may go on: from now on today is used as that day was, hour by hour, on top of
what is used already and of what waits, which goes as soon as it can. The answer is not one moment but a range, and
`None` stands for a moment after the reset: it lasts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

ENOUGH_DAYS = 5
"""With fewer past days than this, what they say is stretched in both directions."""

Hours = Sequence[float]
"""What was used in the first hour of a quota day, in the second, and so on; a day has 23 to 25."""

_HOUR = timedelta(hours=1)
_LOW, _HIGH = 0.1, 0.9


class Change(NamedTuple):
    """Units that are taken at a moment, or come back when they are negative."""

    at: datetime
    units: float


class Allowance(NamedTuple):
    """One counted limit as it stands today."""

    level: float
    """So much used, and no new work is taken."""
    used: float
    begins: datetime
    """The day's first moment, from which its hours are counted."""
    now: datetime
    ends: datetime
    changes: Sequence[Change] = ()
    """What is known to come: waiting work, and uploads that leave a count of the last 24 hours."""


class Outlook(NamedTuple):
    """When an allowance runs out; None: not before it ends."""

    early: datetime | None
    """On one day in ten it is sooner."""
    likely: datetime | None
    late: datetime | None
    """On one day in ten it is later."""
    days: int
    """Past days it was made from."""

    @property
    def enough(self) -> bool:
        """Tell whether there were past days enough for the range to mean what it says."""
        return self.days >= ENOUGH_DAYS


class Band(NamedTuple):
    """How much may be used at a moment to come, if nothing stopped it: on one day in ten it is less, or more."""

    at: datetime
    low: float
    likely: float
    high: float


def outlook(allowance: Allowance, history: Sequence[Hours]) -> Outlook:
    """Say when an allowance runs out, if today goes on as one of these past days.

    More use, more waiting work and busier days never make it later; days of one constant rate make it exact. With
    less than `ENOUGH_DAYS` of history it may also go on without anything more, or at twice the pace of the busiest
    day that is known, today's own so far where none is.
    """
    ways = _ways(allowance, history)
    ends = sorted((runs_out(allowance, hours) for hours in ways), key=lambda end: (end is None, end or allowance.ends))
    last = len(ends) - 1
    return Outlook(
        early=ends[int(_LOW * last)],
        likely=ends[last // 2],
        late=ends[-int(-_HIGH * last // 1)],
        days=len(history),
    )


def band(allowance: Allowance, history: Sequence[Hours]) -> list[Band]:
    """Say how much may be used from now to the end, at every full hour; `high` reaches the level where it may early."""
    marks = _full_hours(allowance)
    changes = sorted(allowance.changes)
    ways = [_course(allowance, changes, hours, marks) for hours in _ways(allowance, history)]
    last = len(ways) - 1
    return [
        # The same places as in `outlook`, counted from the other side: who uses most runs out first.
        Band(at, low=used[-int(-_HIGH * last // 1)], likely=used[last // 2], high=used[int(_LOW * last)])
        for at, used in zip(marks, (sorted(each, reverse=True) for each in zip(*ways, strict=True)), strict=True)
    ]


def runs_out(allowance: Allowance, hours: Hours) -> datetime | None:
    """Return the first moment at which the level is reached if the day goes on like this; None: not before it ends."""
    at, used = allowance.now, allowance.used + _due(allowance.changes, allowance.now)
    if used >= allowance.level:
        return at
    for at, until in pairwise(_marks(allowance)):
        rate = _rate(allowance, hours, at)
        grown = used + rate * ((until - at) / _HOUR)
        if grown >= allowance.level:
            end = min(at + (allowance.level - used) / rate * _HOUR, until)
            return end if end < allowance.ends else None
        used = grown + sum(change.units for change in allowance.changes if change.at == until)
        if used >= allowance.level and until < allowance.ends:
            return until
    return None


def _due(changes: Sequence[Change], now: datetime) -> float:
    return sum(change.units for change in changes if change.at <= now)


def _marks(allowance: Allowance) -> list[datetime]:
    """Return the moments between which use grows evenly: now, full hours, changes, and the end."""
    marks = {*_full_hours(allowance), *(change.at for change in allowance.changes)}
    return [allowance.now, *sorted(at for at in marks if allowance.now < at < allowance.ends), allowance.ends]


def _full_hours(allowance: Allowance) -> list[datetime]:
    """Return now, every full hour of the day after it, and the end."""
    first = int((allowance.now - allowance.begins) / _HOUR) + 1
    last = -int(-((allowance.ends - allowance.begins) / _HOUR) // 1)
    return [allowance.now, *(allowance.begins + number * _HOUR for number in range(first, last)), allowance.ends]


def _course(allowance: Allowance, changes: Sequence[Change], hours: Hours, marks: Sequence[datetime]) -> list[float]:
    """Return what is used at each of these moments, between which the rate does not change."""
    used, place, before = allowance.used, 0, allowance.now
    course = []
    for at in marks:
        used += _rate(allowance, hours, before) * ((at - before) / _HOUR)
        while place < len(changes) and changes[place].at <= at:
            used += changes[place].units
            place += 1
        course.append(used)
        before = at
    return course


def _rate(allowance: Allowance, hours: Hours, at: datetime) -> float:
    number = int((at - allowance.begins) / _HOUR)
    return hours[number] if number < len(hours) else 0.0


def _ways(allowance: Allowance, history: Sequence[Hours]) -> Sequence[Hours]:
    """Return the ways in which the day may go on."""
    return history if len(history) >= ENOUGH_DAYS else _stretched(allowance, history)


def _stretched(allowance: Allowance, history: Sequence[Hours]) -> list[Hours]:
    """Return the ways a day may go of which little is known."""
    passed = (allowance.now - allowance.begins) / _HOUR
    pace = max(0.0, allowance.used) / passed if passed > 0 else 0.0
    known: Sequence[Hours] = history or [[pace] * 25]
    busiest = max(known, key=sum)
    return [[], *known, [2 * units for units in busiest]]
