"""Plans that were applied: where and when each job was to be done, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from ytpool.domain import moments
from ytpool.domain.jobs import JobState
from ytpool.errors import UnknownName
from ytpool.store.db import Tx


class Place(NamedTuple):
    """Who is to begin a job, and when."""

    account: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """One job of a plan, beside what happened."""

    job: str
    path: str
    state: JobState
    planned_account: str
    block: str
    planned_start: datetime
    planned_end: datetime
    account: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            job=row["job"],
            path=row["path"],
            state=JobState(row["state"]),
            planned_account=row["planned_account"],
            block=row["block"],
            planned_start=moments.parse(row["starts_at"]),
            planned_end=moments.parse(row["ends_at"]),
            account=row["account"],
            started_at=moments.parse_optional(row["started_at"]),
            finished_at=moments.parse_optional(row["finished_at"]),
            error=row["error"],
        )


def keep(tx: Tx, plan: str, job: str, *, account: str, block: str, starts_at: datetime, ends_at: datetime) -> None:
    """Write down what is planned for a job; a later plan takes the place of an earlier one."""
    tx.run(
        """
        INSERT INTO plans (job, plan, account, block, starts_at, ends_at)
        VALUES (:job, :plan, :account, :block, :starts_at, :ends_at)
        ON CONFLICT (job) DO UPDATE
           SET plan = excluded.plan, account = excluded.account, block = excluded.block,
               starts_at = excluded.starts_at, ends_at = excluded.ends_at
        """,
        job=job,
        plan=plan,
        account=account,
        block=block,
        starts_at=moments.text(starts_at),
        ends_at=moments.text(ends_at),
    )


def account_of(tx: Tx, job: str) -> str | None:
    """Return the account that a job was planned for."""
    row = tx.one("SELECT account FROM plans WHERE job = :job", job=job)
    return None if row is None else str(row["account"])


def unfinished(tx: Tx) -> dict[str, Place]:
    """Return where the unfinished jobs of all plans have their places."""
    rows = tx.all(
        """
        SELECT p.job, p.account, p.starts_at FROM jobs j JOIN plans p ON p.job = j.job
         WHERE j.state NOT IN ('done', 'failed', 'cancelled')
        """
    )
    return {row["job"]: Place(row["account"], moments.parse(row["starts_at"])) for row in rows}


def latest(tx: Tx) -> str:
    """Return the plan that was applied last; raises UnknownName where there was none."""
    row = tx.one("SELECT plan FROM plans ORDER BY plan DESC LIMIT 1")
    if row is None:
        raise UnknownName(
            "no plan was applied yet", hint="see: ytpool plan MANIFEST, and with --apply", what="plan", name=""
        )
    return str(row["plan"])


def jobs_of(tx: Tx, plan: str) -> list[PlannedJob]:
    """Return the jobs of a plan in the order of their planned starts."""
    rows = tx.all(
        """
        SELECT p.job, u.path, j.state, p.account AS planned_account, p.block, p.starts_at, p.ends_at, j.account,
               u.started_at, j.finished_at, j.error
          FROM plans p JOIN jobs j ON j.job = p.job JOIN uploads u ON u.job = p.job
         WHERE p.plan = :plan ORDER BY p.starts_at, p.job
        """,
        plan=plan,
    )
    return [PlannedJob.from_row(row) for row in rows]
