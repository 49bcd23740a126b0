"""Pools: sets of accounts that a job may be routed over, and how they choose."""

from dataclasses import dataclass

from ytpool.domain import names
from ytpool.domain.balancing import Strategy
from ytpool.errors import UnknownName
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, pools, rests
from ytpool.store.db import Tx
from ytpool.store.pools import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """A pool and how it chooses."""

    pool: str
    strategy: str
    accounts: tuple[str, ...]
    projects: tuple[str, ...]
    """Those that pay for it."""
    across_projects: bool
    reason: str
    paused: str
    """Why an operator has stopped its writes, and empty while they go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolList:
    pools: tuple[PoolRow, ...]


def list_pools(rt: Runtime) -> PoolList:
    with rt.store.reading() as tx:
        return PoolList(pools=tuple(_row(tx, one) for one in pools.every(tx)))


def show_pool(rt: Runtime, pool: str) -> PoolRow:
    with rt.store.reading() as tx:
        return _row(tx, pools.get(tx, pool))


def set_pool(
    rt: Runtime,
    pool: str,
    *,
    strategy: Strategy | None = None,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    across_projects: bool | None = None,
    reason: str | None = None,
    dry_run: bool = False,
) -> PoolRow:
    """Change a pool, or make it with the accounts that are added; all of it or nothing.

    Raises PoolForbidden when its accounts would sit on several projects without a stated reason.
    """
    if reason:
        names.require_words(reason, "a reason")
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        if pools.find(tx, pool) is None:
            if not add:
                pools.get(tx, pool)  # says which names come close
            pools.make(tx, names.require(pool, "a pool"), strategy or rt.config.balancing.strategy)
        for account in (*add, *remove):
            accounts.get(tx, account)
        for account in add:
            pools.join(tx, pool, account)
        for account in remove:
            if account not in pools.get(tx, pool).accounts:
                raise UnknownName(f"{account} is not in pool {pool}", hint="see: ytpool pools list", name=account)
            pools.leave(tx, pool, account)
        if across_projects is False:
            reason = ""  # it allowed what is not allowed any more, and must not come back with the next change
        pools.arrange(tx, pool, strategy=strategy, across_projects=across_projects, reason=reason)
        pools.require_one_project(tx, pool)
        jobs.look_again(tx)
        return _row(tx, pools.get(tx, pool))


def _row(tx: Tx, pool: Pool) -> PoolRow:
    return PoolRow(
        pool=pool.pool,
        strategy=pool.strategy,
        accounts=pool.accounts,
        projects=pools.projects_of(tx, pool.pool),
        across_projects=pool.across_projects,
        reason=pool.reason,
        paused=next((one.reason for one in rests.pauses(tx) if one.name in ("", pool.pool)), ""),
    )
