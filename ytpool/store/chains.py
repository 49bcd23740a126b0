"""What chains have tried: written before a step begins, and again when it is known how it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.domain.chains import Outcome
from ytpool.domain.jobs import Job
from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One step that a job came to."""

    job: str
    round: int
    position: int
    step: str
    service: str
    outcome: Outcome
    why: str
    cost: float
    repeatable: bool
    output: str | None
    cut: bool
    task: str | None
    begun_at: datetime
    ended_at: datetime | None

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            job=row["job"],
            round=row["round"],
            position=row["position"],
            step=row["step"],
            service=row["service"],
            outcome=Outcome(row["outcome"]),
            why=row["why"],
            cost=row["cost"],
            repeatable=bool(row["repeatable"]),
            output=row["output"],
            cut=bool(row["cut"]),
            task=row["task"],
            begun_at=moments.parse(row["begun_at"]),
            ended_at=moments.parse_optional(row["ended_at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one step of a chain has come to over all its jobs."""

    step: str
    tried: int
    served: int
    spent: float


def begin(
    tx: Tx,
    job: str,
    *,
    round_: int,
    position: int,
    chain: str,
    step: str,
    service: str,
    outcome: Outcome,
    why: str = "",
    cost: float = 0.0,
    repeatable: bool = False,
) -> None:
    """Write down that a job has come to a step; a step that is begun again is the same."""
    tx.run(
        """
        INSERT INTO chain_tries (job, round, position, chain, step, service, outcome, why, cost, repeatable, begun_at)
        VALUES (:job, :round, :position, :chain, :step, :service, :outcome, :why, :cost, :repeatable, :at)
        ON CONFLICT (job, round, position) DO UPDATE
           SET outcome = excluded.outcome, why = excluded.why, cost = excluded.cost, repeatable = excluded.repeatable
        """,
        job=job,
        round=round_,
        position=position,
        chain=chain,
        step=step,
        service=service,
        outcome=outcome,
        why=why,
        cost=cost,
        repeatable=int(repeatable),
        at=tx.at,
    )


def end(
    tx: Tx,
    found: Try,
    outcome: Outcome,
    *,
    why: str,
    cost: float,
    output: str | None = None,
    cut: bool = False,
    task: str | None = None,
) -> None:
    """Write down how a step ended."""
    tx.run(
        """
        UPDATE chain_tries SET outcome = :outcome, why = :why, cost = :cost, output = :output, cut = :cut,
               task = coalesce(:task, task), ended_at = :at
         WHERE job = :job AND round = :round AND position = :position
        """,
        job=found.job,
        round=found.round,
        position=found.position,
        outcome=outcome,
        why=why,
        cost=cost,
        output=output,
        cut=int(cut),
        task=task,
        at=tx.at,
    )


def of_job(tx: Tx, job: str) -> list[Try]:
    """Return every step that a job came to, in order."""
    rows = tx.all("SELECT * FROM chain_tries WHERE job = :job ORDER BY round, position", job=job)
    return [Try.from_row(row) for row in rows]


def counted(tx: Tx, chain: str) -> list[Counted]:
    """Count the steps of a chain over all its jobs; what was skipped was not tried."""
    rows = tx.all(
        """
        SELECT step, sum(CASE WHEN outcome = 'skipped' THEN 0 ELSE 1 END) AS tried,
               sum(CASE WHEN outcome = 'served' THEN 1 ELSE 0 END) AS served, sum(cost) AS spent
          FROM chain_tries WHERE chain = :chain GROUP BY step
        """,
        chain=chain,
    )
    return [Counted(step=row["step"], tried=row["tried"], served=row["served"], spent=row["spent"]) for row in rows]


def runs(tx: Tx, chain: str) -> dict[str, int]:
    """Count the jobs of a chain by how they stand."""
    rows = tx.all(
        """
        SELECT state, count(*) AS jobs FROM jobs
         WHERE kind = 'chain' AND target = :chain AND state <> 'cancelled' GROUP BY state
        """,
        chain=chain,
    )
    return {row["state"]: row["jobs"] for row in rows}


def task_of(tx: Tx, key: str) -> str | None:
    """Return the newest job of a task that was asked for under this key."""
    row = tx.one(
        "SELECT t.job FROM tasks t JOIN jobs j ON j.job = t.job WHERE j.job_key = :key ORDER BY t.job DESC LIMIT 1",
        key=key,
    )
    return None if row is None else str(row["job"])


def goes_on(tx: Tx, job: str) -> None:
    """Let a chain be looked at now that waits to hear how its last step went; another one is left alone."""
    tx.run(
        """
        UPDATE jobs SET not_before = :at, put_off_until = NULL, is_due = 0
         WHERE job = :job AND kind = 'chain' AND state = 'finished_unknown'
        """,
        job=job,
        at=tx.at,
    )
    tx.ring()


def given_up(tx: Tx) -> list[Job]:
    """Return the jobs of chains that nobody could serve, and that wait for a person."""
    rows = tx.all("SELECT * FROM jobs WHERE kind = 'chain' AND error_code = 'chain_failed' ORDER BY job")
    return [Job.from_row(row) for row in rows if row["state"] == "failed"]
