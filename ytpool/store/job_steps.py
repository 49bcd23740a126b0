"""The steps of a job: what is to be done of it, how far each has come, and the call whose answer did not come."""

from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import moments
from ytpool.domain.jobs import Step, StepState
from ytpool.store import jobs
from ytpool.store.db import Tx
from ytpool.store.leases import Lease


def of_job(tx: Tx, job: str) -> tuple[Step, ...]:
    """Return a job's steps, in their order."""
    rows = tx.all("SELECT step, state, detail FROM job_steps WHERE job = :job ORDER BY position", job=job)
    return tuple(Step(step=row["step"], state=StepState(row["state"]), detail=row["detail"]) for row in rows)


def has_work_left(tx: Tx, job: str) -> bool:
    """Tell whether a published job has a step that the same command would do; its upload never is one."""
    row = tx.one(
        """
        SELECT count(*) AS steps FROM job_steps
         WHERE job = :job AND state <> 'done' AND step <> 'upload'
        """,
        job=job,
    )
    return bool(row["steps"])


def settle(tx: Tx, lease: Lease, state: StepState, detail: str) -> None:
    """Bring every step of a job that is not done to the same state, by a person's word."""
    jobs.require(tx, lease)
    tx.run(
        """
        UPDATE job_steps SET state = :state, detail = :detail, updated_at = :at WHERE job = :job AND state <> 'done'
        """,
        job=lease.name,
        state=state,
        detail=detail,
        at=tx.at,
    )


def plan(tx: Tx, lease: Lease, steps: tuple[str, ...]) -> None:
    """Replace the steps of a job that has sent nothing yet."""
    jobs.require(tx, lease)
    tx.run("DELETE FROM job_steps WHERE job = :job", job=lease.name)
    jobs.add_steps(tx, lease.name, steps)


def writes(tx: Tx, job: str, step: str, operation: str) -> None:
    """Write down that a step is about to make this call; until it is done, nobody knows whether it was made."""
    move(tx, job, step, StepState.RUNNING)
    tx.run(
        """
        UPDATE job_steps SET unheard = :operation, missed = '', missed_at = NULL WHERE job = :job AND step = :step
        """,
        operation=operation,
        job=job,
        step=step,
    )


def misses(tx: Tx, job: str, step: str, what: str) -> datetime:
    """Write down that a look has not found what a step may have made; return when that was so for the first time."""
    row = tx.one(
        """
        UPDATE job_steps SET missed = :what, missed_at = CASE WHEN missed = :what THEN missed_at ELSE :at END
         WHERE job = :job AND step = :step
        RETURNING missed_at
        """,
        what=what,
        at=tx.at,
        job=job,
        step=step,
    )
    assert row is not None
    return moments.parse(row["missed_at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """What is known of a step whose answer did not come."""

    operation: str
    """The call it began last; empty where an older version did not write it down."""
    missed: str
    """What the call was to make, where a look has not found it."""
    missed_at: datetime | None


def unheard(tx: Tx, job: str, step: str) -> Unheard:
    row = tx.one(
        "SELECT unheard, missed, missed_at FROM job_steps WHERE job = :job AND step = :step", job=job, step=step
    )
    assert row is not None
    missed_at = moments.parse_optional(row["missed_at"])
    return Unheard(operation=row["unheard"], missed=row["missed"], missed_at=missed_at)


def move(tx: Tx, job: str, step: str, state: StepState, detail: str = "") -> None:
    tx.run(
        """
        UPDATE job_steps SET state = :state, detail = :detail, updated_at = :at,
               attempts = attempts + CASE WHEN :state = 'running' THEN 1 ELSE 0 END
         WHERE job = :job AND step = :step
        """,
        job=job,
        step=step,
        state=state,
        detail=detail,
        at=tx.at,
    )


def keep(tx: Tx, job: str, step: str, state: StepState, detail: str) -> None:
    """Store a step that was not planned, behind those there are; a second time replaces the first."""
    tx.run(
        """
        INSERT INTO job_steps (job, step, position, state, detail, attempts, updated_at)
        VALUES (:job, :step, (SELECT coalesce(max(position), -1) + 1 FROM job_steps WHERE job = :job), :state, :detail,
                1, :at)
        ON CONFLICT (job, step) DO UPDATE
           SET state = excluded.state, detail = excluded.detail, attempts = job_steps.attempts + 1,
               updated_at = excluded.updated_at
        """,
        job=job,
        step=step,
        state=state,
        detail=detail,
        at=tx.at,
    )
