"""Pools: sets of accounts that a job may be routed over."""

from dataclasses import dataclass
from typing import Any, Self

from ytpool.errors import PoolForbidden
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool and its accounts, those first that come first."""

    pool: str
    strategy: str
    across_projects: bool
    reason: str
    turn: int
    accounts: tuple[str, ...]

    @classmethod
    def from_row(cls, row: Any, accounts: tuple[str, ...]) -> Self:
        return cls(
            pool=row["pool"],
            strategy=row["strategy"],
            across_projects=bool(row["across_projects"]),
            reason=row["reason"],
            turn=row["turn"],
            accounts=accounts,
        )


def every(tx: Tx) -> list[Pool]:
    return [Pool.from_row(row, _members(tx, row["pool"])) for row in tx.all("SELECT * FROM pools ORDER BY pool")]


def find(tx: Tx, pool: str) -> Pool | None:
    row = tx.one("SELECT * FROM pools WHERE pool = :pool", pool=pool)
    return None if row is None else Pool.from_row(row, _members(tx, pool))


def get(tx: Tx, pool: str) -> Pool:
    """Return a pool; raises UnknownName, with the names that come close."""
    found = find(tx, pool)
    if found is None:
        names = [row["pool"] for row in tx.all("SELECT pool FROM pools ORDER BY pool")]
        raise unknown("pool", pool, names, listed_by="ytpool pools list", made_by="ytpool auth add NAME --pool POOL")
    return found


def make(tx: Tx, pool: str, strategy: str) -> None:
    """Make a pool unless there is one of that name."""
    tx.run(
        "INSERT INTO pools (pool, strategy, created_at) VALUES (:pool, :strategy, :at) ON CONFLICT DO NOTHING",
        pool=pool,
        strategy=strategy,
        at=tx.at,
    )


def arrange(
    tx: Tx,
    pool: str,
    *,
    strategy: str | None = None,
    across_projects: bool | None = None,
    reason: str | None = None,
) -> None:
    """Change a pool's settings; None leaves as it is."""
    tx.run(
        """
        UPDATE pools SET strategy = coalesce(:strategy, strategy), reason = coalesce(:reason, reason),
               across_projects = coalesce(:across_projects, across_projects)
         WHERE pool = :pool
        """,
        pool=pool,
        strategy=strategy,
        reason=reason,
        across_projects=None if across_projects is None else int(across_projects),
    )


def join(tx: Tx, pool: str, account: str) -> None:
    tx.run(
        "INSERT INTO pool_members (pool, account) VALUES (:pool, :account) ON CONFLICT DO NOTHING",
        pool=pool,
        account=account,
    )


def leave(tx: Tx, pool: str, account: str) -> None:
    tx.run("DELETE FROM pool_members WHERE pool = :pool AND account = :account", pool=pool, account=account)


def take_turn(tx: Tx, pool: str, account: str, *, comments: bool = False) -> None:
    """Count one turn of a pool and write down whose it was, exact over all processes.

    Every strategy takes turns, so that a pool may change to round robin at any time and knows who was served when.
    Comments are served apart from the rest.
    """
    served = "served_comments" if comments else "served"
    row = tx.one("UPDATE pools SET turn = turn + 1 WHERE pool = :pool RETURNING turn", pool=pool)
    tx.run(
        f"UPDATE pool_members SET {served} = :turn WHERE pool = :pool AND account = :account",
        turn=row["turn"],
        pool=pool,
        account=account,
    )


def require_one_project(tx: Tx, pool: str) -> None:
    """Refuse a pool whose accounts sit on several projects, unless it says so with a reason.

    Google forbids spreading one use case over projects to gain quota (YouTube API Services Developer Policies,
    III.D.1.c).
    """
    projects = projects_of(tx, pool)
    found = get(tx, pool)
    if len(projects) > 1 and not (found.across_projects and found.reason.strip()):
        raise PoolForbidden(
            f"pool {pool!r} would spread its work over {len(projects)} projects ({', '.join(projects)}), "
            "which Google's Developer Policies III.D.1.c forbid as a way to gain quota",
            hint=f"keep one project per pool, or say why it is allowed: "
            f"ytpool pools set {pool} --across-projects --reason '…'",
            pool=pool,
            projects=list(projects),
        )


def projects_of(tx: Tx, pool: str) -> tuple[str, ...]:
    """Return the projects that pay for a pool's accounts."""
    rows = tx.all(
        """
        SELECT DISTINCT a.project FROM pool_members m JOIN accounts a ON a.account = m.account
         WHERE m.pool = :pool ORDER BY a.project
        """,
        pool=pool,
    )
    return tuple(row["project"] for row in rows)


def spread(tx: Tx) -> list[Pool]:
    """Return the pools that may use several projects by their operator's word."""
    rows = tx.all("SELECT * FROM pools WHERE across_projects = 1 ORDER BY pool")
    return [Pool.from_row(row, _members(tx, row["pool"])) for row in rows]


def spread_words(tx: Tx, pool: Pool) -> str:
    """Say over which projects a pool spreads its work, and why it may."""
    projects = projects_of(tx, pool.pool)
    return f"may spread its work over several projects ({', '.join(projects) or 'none yet'}): {pool.reason}"


def remove(tx: Tx, pool: str) -> None:
    """Forget a pool; its accounts stay."""
    tx.run("DELETE FROM pool_members WHERE pool = :pool", pool=pool)
    tx.run("DELETE FROM pools WHERE pool = :pool", pool=pool)


def _members(tx: Tx, pool: str) -> tuple[str, ...]:
    rows = tx.all(
        """
        SELECT m.account FROM pool_members m JOIN accounts a ON a.account = m.account
         WHERE m.pool = :pool ORDER BY a.priority, m.account
        """,
        pool=pool,
    )
    return tuple(row["account"] for row in rows)


def channels_around(tx: Tx, *, pool: str | None = None, account: str | None = None) -> set[str]:
    """Return the channels of a pool, or of an account and of everybody who shares a pool with it."""
    rows = tx.all(
        """
        SELECT DISTINCT a.channel_id FROM accounts a LEFT JOIN pool_members m ON m.account = a.account
         WHERE a.channel_id IS NOT NULL
           AND (a.account = :account OR m.pool = :pool
                OR m.pool IN (SELECT pool FROM pool_members WHERE account = :account))
        """,
        pool=pool,
        account=account,
    )
    return {row["channel_id"] for row in rows}
