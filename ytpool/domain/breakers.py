"""Breakers: after too many failures in a row something takes no calls for a while, and then a few that try it out.

Only what says nothing about the call counts as a failure: no answer, or one of trouble on the other side. An answer
that means something, a refusal too, shows that somebody is there. A breaker is a value; an event returns the next one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    import random

ANSWERS_WITHIN = timedelta(minutes=3)
"""A probe that nobody has heard of for so long is counted as lost, and another may go."""


_SPREAD = 1.5


class Service(StrEnum):
    """Who may be in trouble as a whole."""

    YOUTUBE = "youtube"
    OAUTH = "oauth"


class Rules(NamedTuple):
    """When a breaker opens, and for how long."""

    failures: int = 5
    within: timedelta = timedelta(seconds=60)
    probes: int = 3
    rest: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)

    def rest_after(self, openings: int, rng: "random.Random") -> timedelta:
        """How long the rest is that begins now: twice as long each time, spread out, and longer than the one before.

        The spread adds up to half, so that the callers of many machines do not come back at the same moment.
        """
        doubled = self.rest * (1 << min(openings - 1, 16))
        return min(doubled, self.longest / _SPREAD) * rng.uniform(1, _SPREAD)


class Failure(NamedTuple):
    """One failure, and whose call it was."""

    at: datetime
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Opens after too many failures in a row; once it has rested it lets a few calls through, and one decides.

    It is closed while it has no `until`, open before that moment, and half-open from then on.
    """

    failures: tuple[Failure, ...] = ()
    """In a row, as far as they are recent."""
    openings: int = 0
    """How often it has opened since it was last well for long."""
    since: datetime | None = None
    until: datetime | None = None
    probes: tuple[datetime, ...] = ()
    """When each call left that tries it out, and was not heard of yet."""
    closed_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    def is_half_open(self, now: datetime) -> bool:
        return self.until is not None and now >= self.until

    def places(self, now: datetime, rules: Rules) -> int | None:
        """How many calls may leave now; None where it does not count them."""
        if self.until is None:
            return None
        return 0 if self.is_open(now) else max(0, rules.probes - len(self._under_way(now)))

    def after_sending(self, now: datetime) -> Self:
        """A call leaves; while it is half-open, that is a probe."""
        return replace(self, probes=(*self._under_way(now), now)) if self.is_half_open(now) else self

    def after_taking_back(self, sent_at: datetime) -> Self:
        """A call that was counted as a probe did not leave after all."""
        left = [*self.probes]
        if sent_at in left:
            left.remove(sent_at)
        return replace(self, probes=tuple(left))

    def after_failure(self, failure: Failure, rules: Rules) -> Self:
        """Count a failure; `trips` says whether it opens now. One that comes in while it is open was sent before."""
        if self.is_open(failure.at):
            return self
        recent = (one for one in self.failures if failure.at - one.at < rules.within)
        return replace(self, failures=(*recent, failure))

    def trips(self, now: datetime, rules: Rules) -> bool:
        """Say whether it has to open: there were too many failures, or one while it was tried out."""
        return len(self.failures) >= (1 if self.is_half_open(now) else rules.failures)

    def opened(self, now: datetime, rules: Rules, rng: "random.Random") -> Self:
        """Open: for longer than the last time, unless it has been well for long since then."""
        well_for_long = self.closed_at is not None and now - self.closed_at >= rules.longest
        openings = 1 if well_for_long else self.openings + 1
        return replace(
            self,
            failures=(),
            openings=openings,
            since=now,
            until=now + rules.rest_after(openings, rng),
            probes=(),
            closed_at=None,
        )

    def spared(self) -> Self:
        """Stay closed, or close, although it should open: too much else rests already."""
        return replace(self, since=None, until=None, probes=())

    def after_success(self, now: datetime) -> Self:
        """Close: a call got through. How often it has opened is kept, in case it is not over."""
        if not self.failures and self.until is None:
            return self
        closed_at = now if self.until is not None else self.closed_at
        return replace(self, failures=(), since=None, until=None, probes=(), closed_at=closed_at)

    def _under_way(self, now: datetime) -> list[datetime]:
        return [sent_at for sent_at in self.probes if now - sent_at < ANSWERS_WITHIN]
