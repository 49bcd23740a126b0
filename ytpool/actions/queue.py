"""What is in the queue, and what to type for it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ytpool.actions import waking
from ytpool.domain.accounts import AccountState
from ytpool.domain.chains import CHAIN
from ytpool.domain.comments import KIND, word_wanted
from ytpool.domain.jobs import TASK, Job, JobState, Step
from ytpool.domain.reconcile import Doubtful
from ytpool.errors import Busy, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, chains, comments, job_steps, jobs, leases, line, looks, uploads, whereabouts
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind

_BY_HAND = "settled by a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """One job as the list shows it."""

    job: str
    kind: str
    state: str
    working: bool
    """Somebody alive is at it."""
    file: str
    files_on: str | None
    """The machine on which its files lay when it was asked for, where that is known."""
    not_on: tuple[str, ...]
    """Machines that have looked for its files, and have them not."""
    bytes: int
    kept: int
    target: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    attempts: int
    priority: int
    not_before: datetime | None
    deadline: datetime | None
    held: bool
    """An operator holds it back."""
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
        upload = uploads.find(tx, job.job)
        return JobShown(
            job=_queued(tx, job, working=job.job in leases.held(tx, LeaseKind.JOB)),
            request=json.loads(job.request),
            sha256=job.sha256,
            intent_at=None if upload is None else upload.intent_at,
            last_sent_at=None if upload is None else upload.last_sent_at,
            steps=job_steps.of_job(tx, job.job),
            looks=tuple(look.to_dict() for look in looks.of_job(tx, job.job)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSlots:
    """An account's places to work."""

    name: str
    running: int
    max_slots: int
    available: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """How busy everybody is, and how much waits."""

    total_max_slots: int
    total_running: int
    total_queued: int
    """Jobs that `work` takes when their moment and their turn come."""
    held: int
    workers: int
    """Jobs that workers are at just now."""
    next_at: datetime | None
    accounts: tuple[AccountSlots, ...]

    def told(self) -> dict[str, Any]:
        """Return the same under the names that scripts rely on."""
        rows = [
            {
                "name": one.name,
                "running": one.running,
                "maxSlots": one.max_slots,
                "available": one.available,
                "state": one.state,
            }
            for one in self.accounts
        ]
        return {
            "totalMaxSlots": self.total_max_slots,
            "totalRunning": self.total_running,
            "totalQueued": self.total_queued,
            "held": self.held,
            "workers": self.workers,
            "next_at": self.next_at,
            "accounts": rows,
        }


def status(rt: Runtime) -> QueueStatus:
    """Say which slots are taken and how many jobs wait; what works now is not counted as waiting."""
    with rt.store.reading() as tx:
        slots = leases.held(tx, LeaseKind.SLOT)
        turns = line.turns(tx)
        running = {job for holders in slots.values() for job in holders}
        every = [(one, len(slots.get(one.account, ()))) for one in accounts.every(tx)]
        able = (AccountState.ACTIVE, AccountState.DRAINING)
        return QueueStatus(
            total_max_slots=sum(one.slots for one, _ in every),
            total_running=sum(taken for _, taken in every),
            total_queued=line.waiting(tx, besides={*running, *turns}),
            held=line.held(tx),
            workers=len(turns),
            next_at=line.soonest(tx),
            accounts=tuple(
                AccountSlots(
                    name=one.account,
                    running=taken,
                    max_slots=one.slots,
                    available=max(0, one.slots - taken) if one.state in able else 0,
                    state=one.state,
                )
                for one, taken in every
            ),
        )


def told(tx: Tx, job_id: str) -> QueuedJob:
    """Return one job as the list shows it."""
    job = jobs.get(tx, job_id)
    return _queued(tx, job, working=job.job in leases.held(tx, LeaseKind.JOB))


def hold(rt: Runtime, job_id: str, *, release: bool = False, dry_run: bool = False) -> QueuedJob:
    """Keep a job back from everybody, or let it go; one that somebody works on is refused."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        job = jobs.get(tx, job_id)
        working = leases.held(tx, LeaseKind.JOB)
        if job.state.is_over:
            raise UsageWrong(f"job {job.job} is {job.state} already; there is nothing to hold back", job=job.job)
        if not release and job.kind == TASK and job.state is JobState.RUNNING:
            raise UsageWrong(
                f"task {job.job} is with {job.target.name} already; there is nothing to hold back",
                hint=f"stop it there, then: ytpool queue resolve {job.job} --as failed",
                job=job.job,
            )
        if not release and job.job in working:
            raise Busy(f"job {job.job} is being worked on", hint="wait for it, or stop who works on it", job=job.job)
        if release:
            line.let_go(tx, job.job)
        else:
            line.hold(tx, job.job)
        held = told(tx, job.job)
    if release and not dry_run:
        waking.ring(rt)
    return held


def kind_of(rt: Runtime, job_id: str) -> str:
    """Return what kind of job this is: what a person may name as its outcome depends on it."""
    with rt.store.reading() as tx:
        return jobs.get(tx, job_id).kind


def _queued(tx: Tx, job: Job, *, working: bool) -> QueuedJob:
    upload = uploads.find(tx, job.job)
    said = comments.find(tx, job.job)
    return QueuedJob(
        job=job.job,
        kind=job.kind,
        state=job.state,
        working=working,
        file=upload.path if upload else "",
        files_on=job.files_on,
        not_on=tuple(one.host for one in whereabouts.without(tx, job.job)) if not job.state.is_over else (),
        bytes=upload.size if upload else 0,
        kept=(upload.size if job.video_id else upload.kept) if upload else 0,
        target=str(job.target),
        account=job.account,
        channel_id=job.channel_id,
        video_id=job.about if said is None else said.video_id,
        attempts=job.attempts,
        priority=job.priority,
        not_before=job.not_before,
        deadline=job.deadline,
        held=job.held_at is not None and not job.state.is_over,
        error_code=job.error_code,
        error=job.error,
        advice="" if working else advice(tx, job),
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def advice(tx: Tx, job: Job) -> str:
    """Say what to type for a job that does not go on by itself."""
    if job.kind == TASK:
        return task_advice(job.job, job.state, held=job.held_at is not None)
    if job.state in (JobState.DONE, JobState.CANCELLED):
        return ""
    if job.held_at is not None:
        return f"ytpool queue hold {job.job} --release"
    if job.kind == CHAIN and job.state is JobState.FINISHED_UNKNOWN and job.not_before is None:
        return f"ytpool queue resolve {_unheard_task(tx, job) or job.job} --as done, failed or restart"
    return _goes_on_by(tx, job)


def _unheard_task(tx: Tx, job: Job) -> str | None:
    """Return the task that a chain waits to hear of: a word on it lets the chain go on."""
    tries = chains.of_job(tx, job.job)
    task = tries[-1].task if tries else None
    return task if task is not None and jobs.get(tx, task).state is JobState.FINISHED_UNKNOWN else None


def _goes_on_by(tx: Tx, job: Job) -> str:
    if job.kind == KIND and job.state is not JobState.QUEUED and comments.get(tx, job.job).may_be_there:
        return word_wanted(job.job)
    if _is_taken_by_workers(job):
        return "ytpool work --once"
    if job.is_upload and job.state is JobState.FINISHED_UNKNOWN and (video_id := _wants_a_word(tx, job)):
        return f"ytpool queue resolve {job.job} --as done:{video_id}, failed or restart"
    return retry(job)


def _is_taken_by_workers(job: Job) -> bool:
    """Tell whether a job goes on by itself where somebody works the line off, now or at a moment that is known."""
    may_be_timed = job.state in (JobState.DEFERRED, JobState.PARTLY) or job.kind == CHAIN
    return (job.state is JobState.QUEUED or (may_be_timed and job.not_before is not None)) and not job.wants_a_yes


def task_advice(job: str, state: JobState, *, held: bool) -> str:
    """Say what to type for a task of another service that has not ended well."""
    match state:
        case JobState.QUEUED if held:
            return f"ytpool queue hold {job} --release"
        case JobState.FAILED:
            return f"ytpool queue resolve {job} --as restart"
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
