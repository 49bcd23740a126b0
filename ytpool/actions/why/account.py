"""Why an account would be given the next upload, or why not: its score by factor, its place in each of its pools."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ytpool.actions import breakers
from ytpool.actions.why import ways
from ytpool.actions.why.ways import UPLOADING, Way
from ytpool.domain import balancing
from ytpool.domain.accounts import Account
from ytpool.domain.balancing import RESERVE_SPARED, Candidate, Choice, Strategy, Tier, Weights
from ytpool.domain.jobs import Target, TargetKind
from ytpool.runtime import Runtime
from ytpool.store import accounts, candidates, leases, ledger, pools, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.pools import Pool
from ytpool.store.rests import Rest

_BEFORE: Mapping[Strategy, str] = {
    Strategy.HEALTH: "scores higher, or the same and comes first by priority and name",
    Strategy.ROUND_ROBIN: "has waited longer for its turn",
    Strategy.LEAST_USED: "has used less today, or the same and comes first by priority and name",
    Strategy.RANDOM: "was chosen by chance this time",
    Strategy.FILL: "comes first by priority and name, and has a free slot",
}
"""Why another is taken before one that is free as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InPool:
    """How an account stands in one of its pools, were an upload to come now."""

    pool: str
    strategy: str
    chosen: bool
    """It would get it. By chance where the strategy is `random`."""
    place: int | None
    """Its place among the ten that would come first; None: none of these."""
    first: str | None
    """Who would get it."""
    reason: str
    """Why another would, and not this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountExplained:
    """Whether an account would be chosen for an upload now, and all that speaks for and against it."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    tier: str
    state: str
    state_reason: str
    able: bool
    """It can take an upload today."""
    free: bool
    """It can take one now."""
    obstacle: str
    """Why not today, of several what lasts longest."""
    until: datetime | None
    """When that ends by itself; None: it does not, or there is none."""
    running: tuple[str, ...]
    """The jobs that hold its slots."""
    slots: int
    score: float
    factors: Mapping[str, float]
    weights: Mapping[str, float]
    """What each factor counts; together 1."""
    buckets: tuple[dict[str, Any], ...]
    """What an upload draws on: limit, used, units needed."""
    caps: tuple[dict[str, Any], ...]
    rests: tuple[Rest, ...]
    pools: tuple[InPool, ...]
    ways: tuple[Way, ...]


def explain(rt: Runtime, name: str) -> AccountExplained:
    """Explain an account, as it stands for an ordinary upload."""
    settings = rt.config.balancing
    weights = Weights(quota=settings.quota, success=settings.success, idle=settings.idle, age=settings.age)
    with rt.store.reading() as tx:
        account = accounts.get(tx, name)
        terms = rt.terms(tx)
        needs, _ = ledger.needs(UPLOADING, terms)
        target = Target(kind=TargetKind.ACCOUNT, name=name)
        [candidate] = candidates.of(tx, target, UPLOADING, terms, rules=breakers.rules(rt.config))
        scored = balancing.score(candidate, weights, tx.now)
        obstacle = candidate.obstacle
        in_pools = tuple(_in_pool(rt, tx, one, name, weights) for one in pools.every(tx) if name in one.accounts)
        buckets = []
        for bucket, units in needs.items():
            limit, reading = ways.standing(tx, terms, account.project, bucket)
            buckets.append({"bucket": bucket, "limit": limit, "used": reading.used, "needed": units})
        return AccountExplained(
            account=name,
            project=account.project,
            channel_id=account.channel_id,
            channel_title=account.channel_title,
            tier=account.tier,
            state=account.state,
            state_reason=account.state_reason,
            able=obstacle is None,
            free=candidate.free,
            obstacle="" if obstacle is None else obstacle.reason,
            until=None if obstacle is None else obstacle.until,
            running=tuple(leases.held(tx, LeaseKind.SLOT).get(name, ())),
            slots=account.slots,
            score=round(scored.score, 4),
            factors={factor: round(value, 4) for factor, value in scored.factors.items()},
            weights={factor: round(value, 4) for factor, value in weights.shares()._asdict().items()},
            buckets=tuple(buckets),
            caps=tuple(ways.caps_of(tx, terms, account)),
            rests=tuple(ways.rests_of(tx, account, rests.running(tx))),
            pools=in_pools,
            ways=ways.distinct(_ways(rt, tx, account, candidate, in_pools)),
        )


def _in_pool(rt: Runtime, tx: Tx, pool: Pool, name: str, weights: Weights) -> InPool:
    target = Target(kind=TargetKind.POOL, name=pool.pool)
    found = candidates.of(tx, target, UPLOADING, rt.terms(tx), rules=breakers.rules(rt.config))
    strategy = Strategy(pool.strategy)
    choice = balancing.choose(found, strategy=strategy, weights=weights, now=tx.now, rng=rt.rng)
    order = [scored.account for scored in choice.best]
    ours = next(one for one in found if one.account == name)
    return InPool(
        pool=pool.pool,
        strategy=strategy,
        chosen=choice.account == name,
        place=order.index(name) + 1 if name in order else None,
        first=choice.account,
        reason=_why_another(ours, choice, strategy),
    )


def _why_another(ours: Candidate, choice: Choice, strategy: Strategy) -> str:
    if choice.account == ours.account:
        return ""
    reason = balancing.why_not(ours, choice.tier)
    if reason is not None:
        return reason
    return f"{choice.account} {_BEFORE[strategy]}"


def _ways(rt: Runtime, tx: Tx, account: Account, candidate: Candidate, in_pools: tuple[InPool, ...]) -> Iterator[Way]:
    yield from ways.of_account(tx, rt.terms(tx), account, UPLOADING)
    if candidate.obstacle is None and not candidate.free:
        working = ", ".join(leases.held(tx, LeaseKind.SLOT).get(account.account, ()))
        yield Way(what=f"it is busy, and free when that is done: {working}" if working else "its channel is busy")
    if account.tier == Tier.RESERVE and any(one.reason == RESERVE_SPARED for one in in_pools):
        yield Way(
            what=f"{account.account} is in reserve, and joins when no production account can work today",
            command=f"ytpool accounts set {account.account} --tier production",
        )
    for one in in_pools:
        if candidate.free and not one.chosen and one.strategy in (Strategy.FILL, Strategy.HEALTH):
            yield Way(
                what=f"in pool {one.pool}, another strategy would spread the work otherwise",
                command=f"ytpool pools compare {one.pool}",
            )
