"""Which account does the next job: tiers, the five strategies, and why not the others.

An account has an *obstacle* when it cannot work today at all; it is *busy* when it could, and only its slots or its
channel are taken. The difference matters twice: reserve joins when every production account has an obstacle, not when
all are merely busy, and a command waits for whoever is busy, not for whoever is out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

from ytpool.errors import ConfigInvalid

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds

IDLE_AFTER = timedelta(hours=24)
"""An account that has not uploaded for this long counts as fully rested."""
GROWN_AFTER = timedelta(days=30)
"""An account this old counts as fully proven."""
BEST_KEPT = 10
NAMES_KEPT = 20

BUSY_CHANNEL = "busy: another upload runs on its channel"
BUSY_SLOTS = "busy: all its slots are taken"
RESERVE_SPARED = "reserve: production accounts can work today"


class Strategy(StrEnum):
    """How one of the free accounts is picked."""

    HEALTH = "health"
    ROUND_ROBIN = "round_robin"
    LEAST_USED = "least_used"
    RANDOM = "random"
    FILL = "fill"


class Tier(StrEnum):
    """Who works first, and who joins when nobody of the first can."""

    PRODUCTION = "production"
    RESERVE = "reserve"


# Small facts are NamedTuples: `quota report` imports this module, and a slotted dataclass takes seven times as long
# to define. Candidates are made by the thousand, and a frozen dataclass takes four times as long to make.
class Obstacle(NamedTuple):
    """Why an account cannot work today: words that group with others, and when it ends by itself, if it does."""

    reason: str
    until: datetime | None = None


class Candidate(NamedTuple):
    """What must be known of an account to choose it or to pass it over."""

    account: str
    project: str
    channel_id: str
    tier: Tier
    priority: int
    """Lower comes first."""
    free_slots: int
    channel_busy: bool
    quota_left: float
    """0 to 1: the smallest of what bucket, cap and channel cap leave."""
    used: int
    """Units of the job's main bucket that this account has used today."""
    successes: int
    failures: int
    last_upload_at: datetime | None
    created_at: datetime
    obstacle: Obstacle | None
    served: int = 0
    """The turn of its pool at which it was last chosen; 0: never."""

    @property
    def free(self) -> bool:
        """Say whether a job could start on it at once."""
        return self.obstacle is None and self.free_slots > 0 and not self.channel_busy


class Weights(NamedTuple):
    """How much each factor counts; only their proportions matter."""

    quota: float = 0.4
    success: float = 0.3
    idle: float = 0.2
    age: float = 0.1

    def shares(self) -> "Weights":
        """Return the same proportions with the sum 1."""
        total = sum(self)
        if total <= 0 or min(self) < 0:
            raise ConfigInvalid(
                "the weights of the health score must not be negative, and one must be above 0", weights=self._asdict()
            )
        return Weights(*(weight / total for weight in self))


class Scored(NamedTuple):
    """A health score between 0 and 1, and the factors it was made from, each between 0 and 1 too."""

    account: str
    score: float
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rejected:
    """How many were passed over for one reason, and the first of them by name."""

    count: int
    names: tuple[str, ...]


class Choice(NamedTuple):
    """Who does the job, and how it came to that."""

    account: str | None
    """None: nobody now."""
    busy: tuple[str, ...]
    """When nobody is free: those who could work today, and are worth waiting for."""
    best: tuple[Scored, ...]
    """Up to ten of the free ones in the order in which the strategy takes them, the chosen one first."""
    rejected: Mapping[str, Rejected]
    until: datetime | None
    """When nobody can work today: the soonest moment at which an obstacle lifts by itself."""
    tier: Tier | None
    """The tier that was chosen from; None when nobody can work today."""


def score(candidate: Candidate, weights: Weights, now: datetime) -> Scored:
    """Score an account's health; one without a history is given the benefit of the doubt."""
    return _scored(candidate, weights.shares(), now)


def choose(
    candidates: Sequence[Candidate],
    *,
    strategy: Strategy,
    weights: Weights,
    now: datetime,
    rng: "random.Random",
) -> Choice:
    """Choose one free account of the tier that works today.

    The same candidates, in whatever order, and the same state of `rng` make the same choice.
    """
    able = [candidate for candidate in candidates if candidate.obstacle is None]
    if not able:
        lifts = (candidate.obstacle.until for candidate in candidates if candidate.obstacle is not None)
        return Choice(
            account=None,
            busy=(),
            best=(),
            rejected=_rejected(candidates, tier=None),
            until=min((until for until in lifts if until is not None), default=None),
            tier=None,
        )
    production = [candidate for candidate in able if candidate.tier is Tier.PRODUCTION]
    tier, able = (Tier.PRODUCTION, production) if production else (Tier.RESERVE, able)
    shares = weights.shares()
    first = _IN_ORDER[strategy](_free(able), shares, now, rng)
    return Choice(
        account=first[0].account if first else None,
        busy=() if first else tuple(candidate.account for candidate in able),
        best=tuple(_scored(candidate, shares, now) for candidate in first),
        rejected=_rejected(candidates, tier=tier),
        until=None,
        tier=tier,
    )


def _scored(candidate: Candidate, shares: Weights, now: datetime) -> Scored:
    factors = _factors(candidate, now)
    return Scored(candidate.account, _sum(factors, shares), dict(zip(Weights._fields, factors, strict=True)))


def _factors(candidate: Candidate, now: datetime) -> tuple[float, float, float, float]:
    tries = candidate.successes + candidate.failures
    return (
        _share(candidate.quota_left),
        candidate.successes / tries if tries else 1.0,
        1.0 if candidate.last_upload_at is None else _share((now - candidate.last_upload_at) / IDLE_AFTER),
        _share((now - candidate.created_at) / GROWN_AFTER),
    )


def _sum(factors: tuple[float, float, float, float], shares: Weights) -> float:
    quota, success, idle, age = factors
    return shares[0] * quota + shares[1] * success + shares[2] * idle + shares[3] * age


def _share(number: float) -> float:
    return 0.0 if number < 0 else min(number, 1.0)


# Each strategy is given those who are free and returns up to ten of them, the one it takes first. A tie is broken by
# priority and then by name, so that two machines looking at the same rows agree.
_Order = Callable[[list[Candidate], Weights, datetime, "random.Random"], list[Candidate]]


def _by_health(free: list[Candidate], shares: Weights, now: datetime, _rng: "random.Random") -> list[Candidate]:
    return nsmallest(
        BEST_KEPT,
        free,
        key=lambda candidate: (-_sum(_factors(candidate, now), shares), candidate.priority, candidate.account),
    )


def _by_turn(free: list[Candidate], _shares: Weights, _now: datetime, _rng: "random.Random") -> list[Candidate]:
    # Whoever waits longest comes next. Counting places (turn modulo accounts) is fair only while the same accounts
    # can work: each one that rests or comes back moves the others' places, and some are passed over again and again.
    return nsmallest(BEST_KEPT, free, key=lambda candidate: (candidate.served, candidate.priority, candidate.account))


def _by_use(free: list[Candidate], _shares: Weights, _now: datetime, _rng: "random.Random") -> list[Candidate]:
    return nsmallest(BEST_KEPT, free, key=lambda candidate: (candidate.used, candidate.priority, candidate.account))


def _by_chance(free: list[Candidate], _shares: Weights, _now: datetime, rng: "random.Random") -> list[Candidate]:
    return rng.sample(sorted(free, key=_rank), min(BEST_KEPT, len(free)))


def _by_rank(free: list[Candidate], _shares: Weights, _now: datetime, _rng: "random.Random") -> list[Candidate]:
    return nsmallest(BEST_KEPT, free, key=_rank)


_IN_ORDER: Mapping[Strategy, _Order] = {
    Strategy.HEALTH: _by_health,
    Strategy.ROUND_ROBIN: _by_turn,
    Strategy.LEAST_USED: _by_use,
    Strategy.RANDOM: _by_chance,
    Strategy.FILL: _by_rank,
}


def _rank(candidate: Candidate) -> tuple[int, str]:
    return candidate.priority, candidate.account


def _free(able: Iterable[Candidate]) -> list[Candidate]:
    return [candidate for candidate in able if candidate.free]


def _rejected(candidates: Sequence[Candidate], *, tier: Tier | None) -> dict[str, Rejected]:
    counts: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    for candidate in candidates:
        reason = why_not(candidate, tier)
        if reason is None:
            continue
        counts[reason] = counts.get(reason, 0) + 1
        if counts[reason] <= NAMES_KEPT:
            names.setdefault(reason, []).append(candidate.account)
    return {reason: Rejected(counts[reason], tuple(names[reason])) for reason in counts}


def why_not(candidate: Candidate, tier: Tier | None) -> str | None:
    """Say why an account is passed over where this tier works; None: it is free."""
    if candidate.obstacle is not None:
        return candidate.obstacle.reason
    if candidate.tier is not tier:
        return RESERVE_SPARED
    if candidate.channel_busy:
        return BUSY_CHANNEL
    if candidate.free_slots <= 0:
        return BUSY_SLOTS
    return None
