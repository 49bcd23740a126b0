"""Plans that were applied: where and when each job was to be done, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from ytpool.domain import moments
from ytpool.domain.jobs import InLine, JobState, Target
from ytpool.domain.uploads import FileMarks
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An upload that is to wait for its moment: what it was asked for, and its file."""

    job: str
    target: Target
    job_key: str
    request: str
    steps: tuple[str, ...]
    in_line: InLine
    path: str
    marks: FileMarks
    slug: str
    files_on: str | None


class Planned(NamedTuple):
    """What is planned for an upload."""

    waiting: Waiting
    account: str
    block: str
    starts_at: datetime
    ends_at: datetime


def keep(tx: Tx, plan: str, planned: Sequence[Planned]) -> None:
    """Let uploads wait for their moments, and write down what is planned for them.

    A job that is there already, and that nobody is at, is asked for anew; a later plan takes the place of an earlier
    one. However many they are, it takes a few statements: nobody else writes meanwhile, and each would be a way to the
    database and back.
    """
    rows = [_row(tx, plan, one) for one in planned]
    tx.many(
        """
        INSERT INTO jobs (job, kind, state, target_kind, target, job_key, fingerprint, request, files_on, priority,
                          deadline, not_before, error, created_at, updated_at)
        VALUES (:job, 'upload', 'deferred', :target_kind, :target, :job_key, :fingerprint, :request, :files_on,
                :priority, :deadline, :starts_at, :why, :at, :at)
        ON CONFLICT (job) DO UPDATE
           SET state = excluded.state, target_kind = excluded.target_kind, target = excluded.target,
               request = excluded.request, files_on = excluded.files_on, priority = excluded.priority,
               deadline = excluded.deadline, not_before = excluded.not_before, put_off_until = NULL, is_due = 0,
               error_code = '', error = excluded.error, error_reason = '', updated_at = excluded.updated_at,
               finished_at = NULL
        """,
        rows,
    )
    tx.many(
        """
        INSERT INTO uploads (job, path, size, modified_ns, fingerprint, slug)
        VALUES (:job, :path, :size, :modified_ns, :fingerprint, :slug)
        ON CONFLICT (job) DO UPDATE SET path = excluded.path, modified_ns = excluded.modified_ns
        """,
        rows,
    )
    names = [{"job": row["job"]} for row in rows]
    tx.many("DELETE FROM job_steps WHERE job = :job", names)
    tx.many(
        """
        INSERT INTO job_steps (job, step, position, state, updated_at) VALUES (:job, :step, :position, 'waiting', :at)
        """,
        (
            {"job": one.waiting.job, "step": step, "position": position, "at": tx.at}
            for one in planned
            for position, step in enumerate(one.waiting.steps)
        ),
    )
    tx.many(
        """
        INSERT INTO plans (job, plan, account, block, starts_at, ends_at)
        VALUES (:job, :plan, :account, :block, :starts_at, :ends_at)
        ON CONFLICT (job) DO UPDATE
           SET plan = excluded.plan, account = excluded.account, block = excluded.block,
               starts_at = excluded.starts_at, ends_at = excluded.ends_at
        """,
        rows,
    )


def _row(tx: Tx, plan: str, planned: Planned) -> dict[str, Any]:
    job = planned.waiting
    deadline = job.in_line.deadline
    return {
        "job": job.job,
        "target_kind": job.target.kind,
        "target": job.target.name,
        "job_key": job.job_key,
        "request": job.request,
        "files_on": job.files_on,
        "priority": job.in_line.priority,
        "deadline": None if deadline is None else moments.text(deadline),
        "path": job.path,
        "size": job.marks.size,
        "modified_ns": job.marks.modified_ns,
        "fingerprint": job.marks.fingerprint,
        "slug": job.slug,
        "plan": plan,
        "account": planned.account,
        "block": planned.block,
        "starts_at": moments.text(planned.starts_at),
        "ends_at": moments.text(planned.ends_at),
        "why": f"planned for {planned.account}{f', {planned.block}' if planned.block else ''}",
        "at": tx.at,
    }


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
