"""Quota days and thresholds. YouTube's day ends at midnight in California, not in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
MIDNIGHT_BLUR = timedelta(seconds=60)
"""A call sent closer to midnight than this may be counted by Google on either day."""


def quota_day(moment: datetime) -> date:
    """Return the day on which Google counts a call sent at this moment."""
    return moment.astimezone(PACIFIC).date()


def starts_at(day: date) -> datetime:
    """Return the moment, in UTC, at which a quota day starts."""
    return datetime.combine(day, time(), tzinfo=PACIFIC).astimezone(UTC)


def resets_at(day: date) -> datetime:
    """Return the moment, in UTC, at which a quota day ends; a day has 23 to 25 hours."""
    return starts_at(day + timedelta(days=1))


def hours_of(day: date) -> int:
    """Return how many hours a quota day has: 24, or one less or more where the clocks change."""
    return round((resets_at(day) - starts_at(day)) / timedelta(hours=1))


def at(day: date, hour: int, minute: int) -> datetime:
    """Return the moment, in UTC, at which the clocks of California show this on a quota day."""
    return datetime.combine(day, time(hour, minute), tzinfo=PACIFIC).astimezone(UTC)


def day_across_midnight(moment: datetime) -> date | None:
    """Return the other day on which Google may count a call sent now, or None away from midnight."""
    for shifted in (moment - MIDNIGHT_BLUR, moment + MIDNIGHT_BLUR):
        if quota_day(shifted) != quota_day(moment):
            return quota_day(shifted)
    return None


UPLOADS = "uploads"
COMMENTS = "comments"
"""What every account counts one by one, whatever it costs: operators cap these. `uploads` is a bucket as well."""


WANTED_WITHIN = timedelta(hours=24)
"""A deadline this near does not wait for the next quota day: the reset may come too late for it."""


class Urgency(StrEnum):
    """How far into a bucket a piece of work may reach."""

    NORMAL = "normal"
    STARTED = "started"
    """A publication that has begun, a reserve account's work, or a job with a deadline."""
    BUFFER = "buffer"
    """The operator said --use-buffer."""

    @classmethod
    def of(cls, now: datetime, *, use_buffer: bool, begun: bool, deadline: datetime | None = None) -> Self:
        """Say how far work may reach: by the operator's word, because it has begun, or because it is wanted soon."""
        if use_buffer:
            return cls.BUFFER
        due = deadline is not None and deadline - now <= WANTED_WITHIN
        return cls.STARTED if begun or due else cls.NORMAL

    def on_reserve(self) -> Self:
        """Return the same on a reserve account, which stands by for the days when little is left."""
        return self if self is self.BUFFER else self.STARTED


class Light(StrEnum):
    """The status colour of a bucket."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


def light(percent: float, thresholds: tuple[int, int, int]) -> Light:
    """Colour a bucket by the share of its limit that is used."""
    for threshold, colour in zip(reversed(thresholds), (Light.RED, Light.ORANGE, Light.YELLOW), strict=True):
        if percent >= threshold:
            return colour
    return Light.GREEN


def opens_until(urgency: Urgency, thresholds: tuple[int, int, int]) -> int:
    """Return the percentage of a limit below which this work may start a call; the limit itself always holds."""
    _, started, buffer = thresholds
    return {Urgency.NORMAL: started, Urgency.STARTED: buffer, Urgency.BUFFER: 100}[urgency]
