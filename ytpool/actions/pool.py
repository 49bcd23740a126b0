"""Accounts, projects and pools as an operator arranges and looks at them."""

from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import names
from ytpool.domain.accounts import Account
from ytpool.domain.balancing import Strategy
from ytpool.errors import UnknownName
from ytpool.runtime import Runtime
from ytpool.store import accounts, leases, pools, projects, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.pools import Pool
from ytpool.store.rests import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account with what it does now and what keeps it from working."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    pools: tuple[str, ...]
    tier: str
    priority: int
    state: str
    state_reason: str
    rests: tuple[str, ...]
    running: int
    slots: int
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    scopes: tuple[str, ...]
    created_at: datetime
    last_upload_at: datetime | None
    last_operation: str | None
    success_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountList:
    accounts: tuple[AccountRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project, its clients and the accounts it pays for."""

    project: str
    project_id: str | None
    number: str | None
    clients: tuple[str, ...]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectList:
    projects: tuple[ProjectRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """A pool and how it chooses."""

    pool: str
    strategy: str
    accounts: tuple[str, ...]
    across_projects: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolList:
    pools: tuple[PoolRow, ...]


def list_accounts(rt: Runtime, *, pool: str | None = None) -> AccountList:
    with rt.store.reading() as tx:
        members = None if pool is None else pools.get(tx, pool).accounts
        rows = _rows(tx, [one for one in accounts.every(tx) if members is None or one.account in members])
    return AccountList(accounts=rows)


def show_account(rt: Runtime, account: str) -> AccountRow:
    with rt.store.reading() as tx:
        return _rows(tx, [accounts.get(tx, account)])[0]


def list_projects(rt: Runtime) -> ProjectList:
    with rt.store.reading() as tx:
        return ProjectList(projects=tuple(_project_row(tx, one.project) for one in projects.every(tx)))


def show_project(rt: Runtime, project: str) -> ProjectRow:
    with rt.store.reading() as tx:
        return _project_row(tx, projects.get(tx, project).project)


def list_pools(rt: Runtime) -> PoolList:
    with rt.store.reading() as tx:
        return PoolList(pools=tuple(_pool_row(one) for one in pools.every(tx)))


def set_pool(
    rt: Runtime,
    pool: str,
    *,
    strategy: Strategy | None = None,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    across_projects: bool | None = None,
    reason: str | None = None,
) -> PoolRow:
    """Change a pool, or make it with the accounts that are added; all of it or nothing.

    Raises PoolForbidden when its accounts would sit on several projects without a stated reason.
    """
    with rt.store.transaction() as tx:
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
        pools.arrange(tx, pool, strategy=strategy, across_projects=across_projects, reason=reason)
        pools.require_one_project(tx, pool)
        return _pool_row(pools.get(tx, pool))


def _rows(tx: Tx, found: list[Account]) -> tuple[AccountRow, ...]:
    member_of: dict[str, list[str]] = {}
    for pool in pools.every(tx):
        for account in pool.accounts:
            member_of.setdefault(account, []).append(pool.pool)
    resting = rests.running(tx)
    working = leases.held(tx, LeaseKind.SLOT)
    return tuple(
        AccountRow(
            account=one.account,
            project=one.project,
            channel_id=one.channel_id,
            channel_title=one.channel_title,
            pools=tuple(member_of.get(one.account, ())),
            tier=one.tier,
            priority=one.priority,
            state=one.state,
            state_reason=one.state_reason,
            rests=tuple(
                rest.shown
                for rest in resting
                if (rest.scope, rest.name)
                in (
                    (Scope.ACCOUNT, one.account),
                    (Scope.PROJECT, one.project),
                    (Scope.CHANNEL, one.channel_id),
                    (Scope.SERVICE, rests.YOUTUBE),
                    (Scope.SERVICE, rests.OAUTH),
                )
            ),
            running=len(working.get(one.account, ())),
            slots=one.slots,
            token_expires_at=one.token_expires_at,
            grant_expires_at=one.grant_expires_at,
            scopes=one.scopes,
            created_at=one.created_at,
            last_upload_at=one.last_upload_at,
            last_operation=one.last_operation,
            success_rate=round(one.success_rate, 3),
        )
        for one in found
    )


def _project_row(tx: Tx, project: str) -> ProjectRow:
    found = projects.get(tx, project)
    return ProjectRow(
        project=found.project,
        project_id=found.project_id,
        number=found.number,
        clients=tuple(projects.clients_of(tx, project)),
        accounts=tuple(one.account for one in accounts.every(tx) if one.project == project),
    )


def _pool_row(pool: Pool) -> PoolRow:
    return PoolRow(
        pool=pool.pool,
        strategy=pool.strategy,
        accounts=pool.accounts,
        across_projects=pool.across_projects,
        reason=pool.reason,
    )
