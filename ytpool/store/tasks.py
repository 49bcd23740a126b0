"""Tasks that other services do: who runs them, until when they hold a slot, and how they ended.

A callback comes from outside and holds no lease, so a task's end is one conditional update: the first word counts,
and telling it again changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.domain.api_keys import PRIMARY
from ytpool.domain.jobs import JobState
from ytpool.store import line
from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the state knows of a task, and of its job."""

    job: str
    provider: str
    state: JobState
    account: str | None
    task_id: str | None
    proof: str | None
    sent_at: datetime | None
    until: datetime | None
    ended_at: datetime | None
    freed_at: datetime | None
    ask_at: datetime | None
    progress: str
    result: str | None
    cost: float
    heard_from: str
    job_key: str
    request: str
    priority: int
    not_before: datetime | None
    deadline: datetime | None
    held_at: datetime | None
    error_code: str
    error: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> Self:
        # Whoever sent a task before accounts were remembered had one key.
        older = f"{row['provider']}/{PRIMARY}" if row["sent_at"] else None
        return cls(
            job=row["job"],
            provider=row["provider"],
            state=JobState(row["state"]),
            account=row["account"] or older,
            task_id=row["task_id"],
            proof=row["proof"],
            sent_at=moments.parse_optional(row["sent_at"]),
            until=moments.parse_optional(row["until"]),
            ended_at=moments.parse_optional(row["ended_at"]),
            freed_at=moments.parse_optional(row["freed_at"]),
            ask_at=moments.parse_optional(row["ask_at"]),
            progress=row["progress"],
            result=row["result"],
            cost=row["cost"],
            heard_from=row["heard_from"],
            job_key=row["job_key"],
            request=row["request"],
            priority=row["priority"],
            not_before=moments.parse_optional(row["not_before"]),
            deadline=moments.parse_optional(row["deadline"]),
            held_at=moments.parse_optional(row["held_at"]),
            error_code=row["error_code"],
            error=row["error"],
            created_at=moments.parse(row["created_at"]),
            updated_at=moments.parse(row["updated_at"]),
        )

    @property
    def was_sent(self) -> bool:
        return self.sent_at is not None

    @property
    def is_over(self) -> bool:
        """It came to an end that is known."""
        return self.state.is_over


_SELECT = """
    SELECT t.*, j.state, j.job_key, j.request, j.priority, j.not_before, j.deadline, j.held_at, j.error_code, j.error,
           j.created_at, j.updated_at
      FROM tasks t JOIN jobs j ON j.job = t.job
"""


def add(tx: Tx, job: str, provider: str) -> None:
    """Store what belongs to a task's job, which is stored already."""
    tx.run("INSERT INTO tasks (job, provider) VALUES (:job, :provider)", job=job, provider=provider)


def find(tx: Tx, job: str) -> Task | None:
    row = tx.one(f"{_SELECT} WHERE t.job = :job", job=job)
    return None if row is None else Task.from_row(row)


def get(tx: Tx, job: str) -> Task:
    found = find(tx, job)
    assert found is not None
    return found


def every(tx: Tx, provider: str | None = None, *, ended: bool) -> list[Task]:
    """Return the tasks that have not ended, or all, in the order in which they were asked for."""
    rows = tx.all(
        f"""
        {_SELECT}
         WHERE (:provider IS NULL OR t.provider = :provider)
           AND (:ended = 1 OR j.state NOT IN ('done', 'failed', 'cancelled'))
         ORDER BY t.job
        """,
        provider=provider,
        ended=int(ended),
    )
    return [Task.from_row(row) for row in rows]


def same(tx: Tx, provider: str, request: str, job_key: str) -> Task | None:
    """Return the newest task that was asked for just so and has not ended; with a key, also one that is done."""
    row = tx.one(
        f"""
        {_SELECT}
         WHERE t.provider = :provider AND j.job_key = :job_key AND j.fingerprint = '' AND j.request = :request
           AND j.state NOT IN ('failed', 'cancelled') AND (j.state <> 'done' OR :job_key <> '')
         ORDER BY t.job DESC LIMIT 1
        """,
        provider=provider,
        job_key=job_key,
        request=request,
    )
    return None if row is None else Task.from_row(row)


def waiting(tx: Tx, provider: str) -> list[str]:
    """Return the jobs of a provider that wait for a slot and may go now, in the order of the line."""
    rows = tx.all(
        f"""
        SELECT job FROM jobs
         WHERE job IN (SELECT job FROM tasks WHERE provider = :provider) AND state = 'queued' AND held_at IS NULL
           AND (not_before IS NULL OR not_before <= :at)
         ORDER BY {line.ORDER}
        """,
        provider=provider,
        at=tx.at,
    )
    return [row["job"] for row in rows]


def overdue(tx: Tx, provider: str) -> list[Task]:
    """Return the tasks that wait although their deadline is over."""
    rows = tx.all(
        f"{_SELECT} WHERE t.provider = :provider AND j.state = 'queued' AND j.held_at IS NULL AND j.deadline <= :at",
        provider=provider,
        at=tx.at,
    )
    return [Task.from_row(row) for row in rows]


def give_up(tx: Tx, job: str, *, error_code: str, error: str) -> None:
    """End a task that was never sent."""
    _move(tx, job, JobState.FAILED, (JobState.QUEUED,), error_code=error_code, error=error)


def running(tx: Tx, provider: str) -> dict[str, int]:
    """Return how many slots of each account are taken."""
    rows = tx.all(
        """
        SELECT coalesce(account, provider || '/primary') AS account, count(*) AS taken FROM tasks
         WHERE provider = :provider AND sent_at IS NOT NULL AND freed_at IS NULL AND until > :at
         GROUP BY 1
        """,
        provider=provider,
        at=tx.at,
    )
    return {row["account"]: row["taken"] for row in rows}


def outlived(tx: Tx, before: datetime) -> int:
    """Count the tasks whose time was over before this moment, and whose slots nobody has freed."""
    row = tx.one(
        """
        SELECT count(*) AS tasks FROM tasks WHERE sent_at IS NOT NULL AND freed_at IS NULL AND until <= :before
        """,
        before=moments.text(before),
    )
    return int(row["tasks"])


def begin(tx: Tx, job: str, account: str, *, proof: str | None, until: datetime) -> None:
    """Take a slot and write down that the request may leave now; from here on nobody sends it again."""
    tx.run(
        """
        UPDATE tasks SET account = :account, proof = :proof, sent_at = :at, until = :until, freed_at = NULL,
               task_id = NULL, ended_at = NULL, ask_at = NULL, progress = '', result = NULL, heard_from = ''
         WHERE job = :job
        """,
        job=job,
        account=account,
        proof=proof,
        until=moments.text(until),
        at=tx.at,
    )
    tx.run(
        """
        UPDATE jobs SET state = 'running', account = :account, attempts = attempts + 1, not_before = NULL,
               error_code = '', error = '', updated_at = :at
         WHERE job = :job
        """,
        job=job,
        account=account,
        at=tx.at,
    )


def taken(tx: Tx, job: str, task_id: str, *, cost: float, ask_at: datetime | None) -> None:
    """Keep the id that the service gave; a callback may have been faster, and then its word stands."""
    tx.run(
        """
        UPDATE tasks SET task_id = :task_id, cost = :cost, ask_at = CASE WHEN ended_at IS NULL THEN :ask_at END
         WHERE job = :job
        """,
        job=job,
        task_id=task_id,
        cost=cost,
        ask_at=None if ask_at is None else moments.text(ask_at),
    )
    # Somebody may have taken us for dead, and called it unknown: the answer knows better.
    tx.run(
        """
        UPDATE jobs SET state = 'running', error_code = '', error = '', updated_at = :at
         WHERE job = :job AND state IN ('running', 'finished_unknown')
        """,
        job=job,
        at=tx.at,
    )


def put_back(tx: Tx, job: str, *, not_before: datetime | None, error_code: str, error: str) -> None:
    """Queue again a task that was surely not taken, also where somebody had to call it unknown meanwhile."""
    come_from = ("running", "finished_unknown")
    moved = _move(tx, job, JobState.QUEUED, come_from, error_code=error_code, error=error, not_before=not_before)
    if moved:
        withdraw(tx, job)


def withdraw(tx: Tx, job: str) -> None:
    """Forget that a task was sent: it was not taken, or a person says that it shall be sent anew."""
    tx.run(
        """
        UPDATE tasks SET account = NULL, task_id = NULL, proof = NULL, sent_at = NULL, until = NULL, ask_at = NULL
         WHERE job = :job
        """,
        job=job,
    )
    tx.run("UPDATE jobs SET account = NULL WHERE job = :job AND kind = 'task'", job=job)


def ended(
    tx: Tx,
    job: str,
    state: JobState,
    *,
    heard_from: str,
    result: str | None = None,
    cost: float | None = None,
    error_code: str = "",
    error: str = "",
) -> bool:
    """Keep how a task ended, and free its slot; False where that was known before."""
    if not _move(tx, job, state, ("running", "finished_unknown"), error_code=error_code, error=error):
        return False
    tx.run(
        """
        UPDATE tasks SET ended_at = :at, freed_at = :at, ask_at = NULL, result = :result, heard_from = :heard_from,
               cost = coalesce(:cost, cost)
         WHERE job = :job
        """,
        job=job,
        result=result,
        heard_from=heard_from,
        cost=cost,
        at=tx.at,
    )
    return True


def lost(tx: Tx, job: str, *, error: str, frees: bool) -> bool:
    """Write down that nobody knows how a running task went; its slot stays taken until its time is over."""
    if not _move(tx, job, JobState.FINISHED_UNKNOWN, ("running",), error_code="outcome_unknown", error=error):
        return False
    if frees:
        tx.run("UPDATE tasks SET freed_at = :at, ask_at = NULL WHERE job = :job", job=job, at=tx.at)
    return True


def settled(tx: Tx, job: str) -> None:
    """Free the slot of a task that a person has settled; a job of another kind has none."""
    tx.run("UPDATE tasks SET freed_at = :at, ask_at = NULL WHERE job = :job AND sent_at IS NOT NULL", job=job, at=tx.at)


def to_ask(tx: Tx, provider: str, *, but: Collection[str], every: bool = False) -> list[Task]:
    """Return the running tasks that it is time to ask about, or whose own time is over; or all that run."""
    rows = tx.all(
        f"""
        {_SELECT}
         WHERE t.provider = :provider AND j.state = 'running'
           AND (:every = 1 OR t.task_id IS NULL OR t.ask_at <= :at OR t.until <= :at)
         ORDER BY t.job
        """,
        provider=provider,
        every=int(every),
        at=tx.at,
    )
    return [task for task in map(Task.from_row, rows) if task.job not in but]


def will_ask(tx: Tx, job: str, ask_at: datetime) -> None:
    """Set when a task is asked about next, before it is asked about now: two who look do not both ask."""
    tx.run(
        "UPDATE tasks SET ask_at = :ask_at WHERE job = :job AND ended_at IS NULL",
        job=job,
        ask_at=moments.text(ask_at),
    )


def goes_on(tx: Tx, job: str, progress: str) -> None:
    """Keep how far a task is."""
    tx.run("UPDATE tasks SET progress = :progress WHERE job = :job", job=job, progress=progress)


def called(tx: Tx, provider: str, task_id: str, proof: str) -> Task | None:
    """Find the task that a callback is about: by its id, or by its secret while the answer with its id is not here."""
    row = tx.one(
        f"""
        {_SELECT}
         WHERE t.provider = :provider AND t.task_id = :task_id
         ORDER BY CASE WHEN t.proof = :proof THEN 0 ELSE 1 END, t.job DESC LIMIT 1
        """,
        provider=provider,
        task_id=task_id,
        proof=proof,
    )
    if row is None:
        row = tx.one(
            f"{_SELECT} WHERE t.provider = :provider AND t.task_id IS NULL AND t.proof = :proof",
            provider=provider,
            proof=proof,
        )
    return None if row is None else Task.from_row(row)


def name(tx: Tx, job: str, task_id: str) -> None:
    """Keep the id that a callback brought before the answer did."""
    tx.run("UPDATE tasks SET task_id = coalesce(task_id, :task_id) WHERE job = :job", job=job, task_id=task_id)


def _move(
    tx: Tx,
    job: str,
    state: JobState,
    come_from: tuple[str, ...],
    *,
    error_code: str = "",
    error: str = "",
    not_before: datetime | None = None,
) -> bool:
    states = ", ".join(f"'{each}'" for each in come_from)
    return bool(
        tx.run(
            f"""
            UPDATE jobs SET state = :state, error_code = :error_code, error = :error, not_before = :not_before,
                   updated_at = :at, finished_at = CASE WHEN :finished = 1 THEN :at END
             WHERE job = :job AND state IN ({states})
            """,
            job=job,
            state=state,
            error_code=error_code,
            error=error,
            not_before=None if not_before is None else moments.text(not_before),
            finished=int(state.is_over),
            at=tx.at,
        )
    )
