"""What a plan is made from, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from ytpool.domain import quota
from ytpool.domain.balancing import Tier
from ytpool.domain.prices import Cost
from ytpool.domain.terms import Terms

BESIDE_ITS_BYTES = timedelta(seconds=30)
"""What a piece of work takes beside its bytes: opening, what goes along, reading back."""


class Rest(NamedTuple):
    """A time in which an account takes no work; `what` is a bucket or a call, or empty for all of it."""

    what: str
    until: datetime | None
    reason: str


class Seat(NamedTuple):
    """An account as a place where work can be done."""

    account: str
    project: str
    channel_id: str
    channel: str
    tier: Tier = Tier.PRODUCTION
    priority: int = 100
    slots: int = 3
    out: str = ""
    """Why it takes no work until a person acts; empty: it does."""
    rests: tuple[Rest, ...] = ()
    caps: Mapping[str, int] = {}
    """How much a quota day the operator allows it, where there is such a word."""
    used: Mapping[str, int] = {}
    """How much of what is capped it has used today."""


class ChannelCap(NamedTuple):
    """How many uploads a channel takes in 24 hours, as learned from its refusals."""

    uploads: int
    until: datetime
    """Believed until then."""
    taken: tuple[datetime, ...] = ()
    """When it took what counts now."""


class Block(NamedTuple):
    """A stretch of each day for so many uploads, spread over it; minutes since midnight in the operator's zone."""

    name: str
    begins: int
    ends: int
    videos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do."""

    item: str
    accounts: tuple[str, ...]
    """Who may do it."""
    calls: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    """What it adds to what caps count."""
    bytes: int = 0
    alone: bool = True
    """It is an upload: a channel takes one at a time, and it goes by the blocks."""
    begun: bool = False
    """It goes on at once, whatever the blocks say."""
    not_before: datetime | None = None
    deadline: datetime | None = None
    """When it must be there at the latest."""
    priority: int = 0
    """A higher one has its place first."""
    overdue: bool = False
    """The moment is over at which it was wanted."""
    in_order: bool = False
    """Of accounts that could begin together take the first by priority, not the one with the least to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a plan is made from."""

    now: datetime
    seats: tuple[Seat, ...]
    terms: Mapping[date, Terms]
    """The quota days of the plan, today first, and what holds on each."""
    limits: Mapping[date, Mapping[tuple[str, str], int]]
    """By day: project and bucket → how much of it there is."""
    rate: int
    """Bytes per second of the line."""
    used: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Project and bucket → how much is used today."""
    envelopes_used: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Project and purpose → the same."""
    channel_caps: Mapping[str, ChannelCap] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    made: tuple[datetime, ...] = ()
    """When the last day's uploads were sent: a block that has begun has so many fewer left."""
    zone: tzinfo = UTC
    """The blocks are meant in it."""

    @property
    def ends(self) -> datetime:
        return quota.resets_at(max(self.terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is done where and when."""

    item: Item
    seat: Seat
    day: date
    block: str
    starts_at: datetime
    ends_at: datetime
    units: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What finds no place, and why."""

    item: Item
    reasons: tuple[str, ...]


def lasts(item: Item, rate: int) -> timedelta:
    """Return how long a piece of work is taken to last on a line of so many bytes per second."""
    return sends(item, rate) + BESIDE_ITS_BYTES


def sends(item: Item, rate: int) -> timedelta:
    """Return how long its bytes keep the line, in whole seconds."""
    return timedelta(seconds=-(-item.bytes // rate))
