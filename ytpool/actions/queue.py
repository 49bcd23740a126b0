"""What is in the queue, and what to type for it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ytpool.domain.comments import KIND, word_wanted
from ytpool.domain.jobs import TASK, Job, JobState, Step
from ytpool.domain.reconcile import Doubtful
from ytpool.runtime import Runtime
from ytpool.store import comments, jobs, leases, looks
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind

_BY_HAND = "settled by a person"
_UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """One job as the list shows it."""

    job: str
    kind: str
    state: str
    working: bool
    """Somebody alive is at it."""
    file: str
    bytes: int
    kept: int
    target: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    attempts: int
    not_before: datetime | None
    error_code: str
    error: str
    advice: str
    """What to type, where there is something to type."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The jobs of this state, in the order they were asked for."""

    jobs: tuple[QueuedJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShown:
    """Everything about one job: what was asked for, what was done, what was seen while its outcome was not known."""

    job: QueuedJob
    request: dict[str, Any]
    sha256: str | None
    intent_at: datetime | None
    last_sent_at: datetime | None
    steps: tuple[Step, ...]
    looks: tuple[dict[str, Any], ...]


def list_jobs(rt: Runtime, *, every: bool = False) -> Queue:
    """List the jobs that have not come to an end, or all of them."""
    with rt.store.reading() as tx:
        working = leases.held(tx, LeaseKind.JOB)
        found = jobs.every(tx) if every else jobs.unfinished(tx)
        return Queue(jobs=tuple(_queued(tx, job, working=job.job in working) for job in found))


def show(rt: Runtime, job_id: str) -> JobShown:
    """Show one job, named by its id or the beginning of it."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
        upload = jobs.find_upload(tx, job.job)
        return JobShown(
            job=_queued(tx, job, working=job.job in leases.held(tx, LeaseKind.JOB)),
            request=json.loads(job.request),
            sha256=job.sha256,
            intent_at=None if upload is None else upload.intent_at,
            last_sent_at=None if upload is None else upload.last_sent_at,
            steps=jobs.steps(tx, job.job),
            looks=tuple(look.to_dict() for look in looks.of_job(tx, job.job)),
        )


def kind_of(rt: Runtime, job_id: str) -> str:
    """Return what kind of job this is: what a person may name as its outcome depends on it."""
    with rt.store.reading() as tx:
        return jobs.get(tx, job_id).kind


def _queued(tx: Tx, job: Job, *, working: bool) -> QueuedJob:
    upload = jobs.find_upload(tx, job.job)
    said = comments.find(tx, job.job)
    return QueuedJob(
        job=job.job,
        kind=job.kind,
        state=job.state,
        working=working,
        file=upload.path if upload else "",
        bytes=upload.size if upload else 0,
        kept=(upload.size if job.video_id else upload.kept) if upload else 0,
        target=str(job.target),
        account=job.account,
        channel_id=job.channel_id,
        video_id=job.video_id if said is None else said.video_id,
        attempts=job.attempts,
        not_before=job.not_before,
        error_code=job.error_code,
        error=job.error,
        advice="" if working else advice(tx, job),
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def advice(tx: Tx, job: Job) -> str:
    """Say what to type for a job that does not go on by itself."""
    return task_advice(job.job, job.state) if job.kind == TASK else _advice(tx, job)


def _advice(tx: Tx, job: Job) -> str:
    match job.state:
        case JobState.DONE | JobState.CANCELLED:
            return ""
        case _ if job.kind == KIND and comments.get(tx, job.job).may_be_there:
            return word_wanted(job.job)
        case JobState.DEFERRED if (
            job.not_before is not None and (job.kind == _UPLOAD or job.is_chore) and not job.deletes
        ):
            return "ytpool upload --resume"
        case _ if job.kind != _UPLOAD:
            return retry(job)
        case JobState.FINISHED_UNKNOWN if (video_id := _wants_a_word(tx, job)) is not None:
            return f"ytpool queue resolve {job.job} --as done:{video_id}, failed or restart"
        case _:
            return retry(job)


def task_advice(job: str, state: JobState) -> str:
    """Say what to type for a task of another service that has not ended well."""
    match state:
        case JobState.QUEUED | JobState.RUNNING:
            return f"ytpool task show {job} --follow"
        case JobState.FINISHED_UNKNOWN:
            return f"ytpool queue resolve {job} --as done, failed or restart"
        case _:
            return ""


def retry(job: Job) -> str:
    """Say how one job goes on, whatever it waits for."""
    return f"ytpool queue retry {job.job}{' --yes' if job.deletes else ''}"


def _wants_a_word(tx: Tx, job: Job) -> str | None:
    """Return the video that a person is asked about, or that it is to be found; None where time will tell."""
    seen = looks.of_job(tx, job.job)
    if seen and isinstance(seen[-1].outcome, Doubtful):
        candidates = seen[-1].outcome.candidates
        return candidates[0] if len(candidates) == 1 else "VIDEO_ID"
    return "VIDEO_ID" if job.not_before is None else None
