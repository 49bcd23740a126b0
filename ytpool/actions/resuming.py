"""Going on with what is in the state: everything that stopped, or one upload by its job, from whichever process.

What was asked for stands with the job, so nothing of the first command line is needed but the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from pathlib import Path

from ytpool.actions import changing, publish, queue, whereabouts
from ytpool.actions.chores import How
from ytpool.actions.claiming import Order
from ytpool.actions.publish import PublishedVideo
from ytpool.actions.watch import Watch
from ytpool.domain import moments
from ytpool.domain.jobs import TASK, Job, JobState
from ytpool.errors import FileNotHere, OutcomeUnknown, Resting, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import jobs, leases, uploads
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What can go on here, in the order it was asked for, and what cannot without a person, with what to type."""

    orders: tuple[Order, ...]
    chores: tuple[Job, ...]
    """What was asked for with `ytpool video`."""
    left: tuple[YtpoolError, ...]
    """Uploads whose file is not here, and deletions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreResumed:
    """What became of a change to a video that had stopped."""

    job: str
    kind: str
    video_id: str
    account: str | None
    state: str
    detail: str
    problem: YtpoolError | None


def unfinished(rt: Runtime, *, wait: bool = True, use_buffer: bool = False) -> Unfinished:
    """Find everything that stopped; what another process is working on just now is left to it."""
    with rt.store.reading() as tx:
        working = leases.held(tx, LeaseKind.JOB)
        stopped = [job for job in jobs.unfinished(tx) if job.job not in working and not _is_for_later(job, tx.now)]
        found = [job for job in stopped if job.is_upload]
        made = [_order(rt, tx, job, wait=wait, use_buffer=use_buffer) for job in found]
    missing = [_not_here(rt, job) for job in found]
    chores_missing = {job.job: _not_here(rt, job) for job in stopped if job.is_chore and not job.deletes}
    return Unfinished(
        orders=tuple(compress(made, (one is None for one in missing))),
        chores=tuple(job for job in stopped if job.job in chores_missing and chores_missing[job.job] is None),
        left=(
            *filter(None, (*missing, *chores_missing.values())),
            *(_wants_a_yes(job) for job in stopped if job.wants_a_yes),
        ),
    )


def order_of(
    rt: Runtime, job_id: str, *, file: Path | None = None, wait: bool = True, use_buffer: bool = False
) -> Order:
    """Return the order that goes on with a job, named by its id or the beginning of it, perhaps from another path.

    Raises FileInvalid, with what to type, where the file is gone from the path it was uploaded from.
    """
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
        if job.kind == TASK:
            advice = queue.advice(tx, job)
            hint = f"run: {advice}" if advice else f"see: ytpool task show {job.job}; for another: {_another(job)}"
            stands = "is held back" if job.held_at is not None else _TASK_STANDS[job.state]
            raise UsageWrong(f"task {job.job} of {job.target.name} {stands}", hint=hint, job=job.job)
        assert job.is_upload
        order = _order(rt, tx, job, file=file, wait=wait, use_buffer=use_buffer)
    if file is None:
        whereabouts.require(rt, job)
    return order


_TASK_STANDS: Mapping[JobState, str] = {
    JobState.QUEUED: "waits for a free slot, and is sent when it is its turn",
    JobState.RUNNING: "is with its service, which is asked how it goes",
    JobState.DONE: "is done",
    JobState.FAILED: "has failed, and is sent again only when you say so",
    JobState.FINISHED_UNKNOWN: "may be done or not, and waits for your word",
    JobState.CANCELLED: "was cancelled",
}
"""Why a task of another service is not tried again here: it may have been paid for."""


def _another(job: Job) -> str:
    return f"ytpool task submit {job.target.name} --again, with its inputs"


def when_due(rt: Runtime, order: Order, watch: Watch) -> PublishedVideo:
    """Go on with a job unless its moment has not come; then say when that is, and leave it alone."""
    assert order.job is not None
    with rt.store.reading() as tx:
        job = jobs.get(tx, order.job)
        early = _too_early(tx, job) if job.not_before is not None and job.not_before > tx.now else None
    if early is not None:
        return publish.told(rt, order, job.job, early)
    return publish.publish(rt, order, watch)


def chore(rt: Runtime, job: Job, how: How, watch: Watch) -> ChoreResumed:
    """Go on with a change to a video unless its moment has not come; whatever happens comes back as a value."""
    with rt.store.reading() as tx:
        problem = _too_early(tx, job) if job.not_before is not None and job.not_before > tx.now else None
    detail = ""
    if problem is None:
        try:
            done = changing.go_on(rt, job.job, how, watch, lambda _: False)
            assert done is not None
            problem, detail = done.problem, done.detail
        except YtpoolError as error:
            problem = error
    with rt.store.reading() as tx:
        now = jobs.get(tx, job.job)
    return ChoreResumed(
        job=now.job,
        kind=now.kind,
        video_id=now.job_key,
        account=now.account or now.target.name,
        state=now.state,
        detail=detail,
        problem=problem,
    )


def _is_for_later(job: Job, now: datetime) -> bool:
    """Tell whether a person wants a job to wait; what had to wait for something else says until when."""
    planned = job.state is JobState.QUEUED and job.not_before is not None and job.not_before > now
    return planned or job.held_at is not None


def _wants_a_yes(job: Job) -> YtpoolError:
    return UsageWrong(
        f"job {job.job} deletes video {job.job_key} for good, and wants a yes again",
        hint=f"run: {queue.retry(job)}",
        job=job.job,
    )


def _order(rt: Runtime, tx: Tx, job: Job, *, file: Path | None = None, wait: bool, use_buffer: bool) -> Order:
    upload = uploads.get(tx, job.job)
    return Order(
        path=rt.path_map.here(Path(upload.path)) if file is None else file,
        publication=whereabouts.publication_here(rt, job),
        target=job.target,
        key=job.job_key,
        wait=wait,
        use_buffer=use_buffer,
        deadline=job.deadline,
        job=job.job,
    )


def _not_here(rt: Runtime, job: Job) -> FileNotHere | None:
    """Return why a job cannot go on here, where its files are not."""
    try:
        whereabouts.require(rt, job)
    except FileNotHere as missing:
        return missing
    return None


def _too_early(tx: Tx, job: Job) -> YtpoolError:
    """Say again why a job waits, with the moment at which it goes on."""
    assert job.not_before is not None
    is_unknown = job.state is JobState.FINISHED_UNKNOWN or job.error_code == OutcomeUnknown.code
    kind = OutcomeUnknown if is_unknown else Resting
    command = queue.advice(tx, job)
    sooner = [f"to settle it before: {command}"] if "resolve" in command else []
    return kind(
        f"job {job.job} waits until {moments.spoken(job.not_before)}: {job.error or 'so it was asked for'}",
        hint="\n".join([*sooner, "type the same command then, or leave it to cron"]),
        job=job.job,
        until=job.not_before,
    )
