"""Why a job went where it went, or why it waits: what the state wrote down while it happened."""

from dataclasses import dataclass
from datetime import datetime

from ytpool.domain.jobs import Step
from ytpool.runtime import Runtime
from ytpool.store import comments, decisions, jobs
from ytpool.store.decisions import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One job, its steps, and every decision about it."""

    job: str
    kind: str
    state: str
    target: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    attempts: int
    created_at: datetime
    not_before: datetime | None
    error: str
    error_reason: str
    steps: tuple[Step, ...]
    decisions: tuple[Decision, ...]


def job(rt: Runtime, job_id: str) -> Explanation:
    """Explain a job, named by its id or the beginning of it."""
    with rt.store.reading() as tx:
        found = jobs.get(tx, job_id)
        said = comments.find(tx, found.job)
        return Explanation(
            job=found.job,
            kind=found.kind,
            state=found.state,
            target=str(found.target),
            account=found.account,
            channel_id=found.channel_id,
            video_id=found.video_id if said is None else said.video_id,
            attempts=found.attempts,
            created_at=found.created_at,
            not_before=found.not_before,
            error=found.error,
            error_reason=found.error_reason,
            steps=jobs.steps(tx, found.job),
            decisions=tuple(decisions.of_job(tx, found.job)),
        )
