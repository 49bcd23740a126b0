"""The journal of a pool's jobs, for playing them again: when each came, what it cost, how long it took, who failed.

All of it is asked from a moment on, by index: ids of jobs begin with the time they were made.
"""

from datetime import datetime
from typing import NamedTuple

from ytpool.domain import ids, moments
from ytpool.store.db import Tx

JOBS = """
    SELECT job, kind, state, target_kind, target, account, created_at FROM jobs
     WHERE job >= :first AND state <> 'cancelled'
       AND ((target_kind = 'pool' AND target = :pool)
            OR coalesce(account, CASE target_kind WHEN 'account' THEN target END)
               IN (SELECT account FROM pool_members WHERE pool = :pool))
     ORDER BY job DESC LIMIT :most
"""

CALLS = """
    SELECT hold, operation, scope, name, bucket, units, sent_at, reason FROM ledger
     WHERE job = :job AND state IN ('sent', 'spent', 'unknown') AND sent_at IS NOT NULL
     ORDER BY sent_at, hold
"""

WORK = """
    SELECT job, account, reason, sum(CASE outcome WHEN 'done' THEN seconds ELSE 0 END) AS seconds,
           sum(CASE outcome WHEN 'failed' THEN 1 ELSE 0 END) AS failures
      FROM activity WHERE happened_at >= :since AND job IS NOT NULL GROUP BY job, account, reason
"""


class Asked(NamedTuple):
    """A job that came."""

    job: str
    kind: str
    state: str
    for_pool: bool
    """It was for any account of the pool; else it was for `account`, or another pool sent it there."""
    account: str | None
    at: datetime


class Made(NamedTuple):
    """One draw of a call of a job on one meter."""

    hold: str
    operation: str
    scope: str
    name: str
    bucket: str
    units: int
    sent_at: datetime
    refused: bool


class Worked(NamedTuple):
    """What an account did for a job: what worked, or what failed for one of Google's reasons."""

    job: str
    account: str
    reason: str
    seconds: float
    failures: int


def jobs_of(tx: Tx, pool: str, since: datetime, *, most: int) -> list[Asked]:
    """Return the newest jobs that were for a pool, or that its accounts did for somebody else, the oldest first."""
    rows = tx.all(JOBS, first=ids.earliest(since), pool=pool, most=most)
    return [
        Asked(
            job=row["job"],
            kind=row["kind"],
            state=row["state"],
            for_pool=row["target_kind"] == "pool" and row["target"] == pool,
            account=row["account"] or (row["target"] if row["target_kind"] == "account" else None),
            at=moments.parse(row["created_at"]),
        )
        for row in reversed(rows)
    ]


def calls_of(tx: Tx, job: str) -> list[Made]:
    """Return what the calls of a job drew on, in the order they were sent."""
    return [
        Made(
            hold=row["hold"],
            operation=row["operation"],
            scope=row["scope"],
            name=row["name"],
            bucket=row["bucket"],
            units=row["units"],
            sent_at=moments.parse(row["sent_at"]),
            refused=bool(row["reason"]),
        )
        for row in tx.all(CALLS, job=job)
    ]


def work(tx: Tx, since: datetime) -> list[Worked]:
    """Return what was done for each job since a moment, by account and Google's reasons."""
    return [Worked(*row) for row in tx.all(WORK, since=moments.text(since))]
