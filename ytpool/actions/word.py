"""A person's word on a job that nothing else can settle.

It is written under the job's lease: nobody works on it meanwhile, and a worker that comes back too late is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from ytpool.actions import looking, queue, settling, waking
from ytpool.actions.heartbeat import Heartbeat
from ytpool.actions.queue import QueuedJob
from ytpool.domain.accounts import Account
from ytpool.domain.chains import CHAIN
from ytpool.domain.comments import KIND
from ytpool.domain.jobs import TASK, InLine, Job, JobState, StepState, TargetKind
from ytpool.domain.publication import UPLOAD
from ytpool.domain.quota import Urgency
from ytpool.errors import Busy, OutcomeUnknown, UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, leases, ledger, line, pools, tasks, uploads
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.secrets import Kind, forget

_BY_HAND = "settled by a person"


class Word(StrEnum):
    """What a person may say of a job."""

    DONE = "done"
    FAILED = "failed"
    RESTART = "restart"


def resolve(
    rt: Runtime, job_id: str, word: Word, *, named: str | None = None, trusted: bool = False, dry_run: bool = False
) -> QueuedJob:
    """Settle a job as a person says, and return how it stands then.

    A video that is `named` must be on the job's channel, a comment in its words by its account, which costs one unit
    to see, unless the person is `trusted`. Raises Busy while somebody works on the job, UsageWrong for a word that
    does not fit it. A dry run looks for what is named, and changes nothing else.
    """
    if named is not None and not trusted:
        rt.open_vault()
    if dry_run:
        with rt.store.reading() as tx:
            job = _unsettled(tx, job_id)
        seen = _look(rt, job, named, trusted=trusted)
        with rt.store.imagining() as tx:
            job, lease = _taken(rt, tx, job_id)
            _settle(rt, tx, job, lease, word, seen)
            leases.give_back(tx, [lease])
            return queue.told(tx, job.job)
    with _held(rt, job_id) as (job, lease):
        seen = _look(rt, job, named, trusted=trusted)
        with rt.store.transaction() as tx:
            _settle(rt, tx, job, lease, word, seen)
    waking.ring(rt)
    return queue.show(rt, job.job).job


@dataclass(frozen=True, slots=True)
class _Seen:
    """The video or the comment that a person named for a job."""

    named: str
    owner: Account | None
    """On whose channel a video is; nobody is asked for a comment."""


def _look(rt: Runtime, job: Job, named: str | None, *, trusted: bool) -> _Seen | None:
    """Look for what a person has named; None where that leaves nothing to write down but the word."""
    if named is None:
        return None
    if job.is_chore:
        _require_its_video(job, named)
        return None
    if job.kind == CHAIN:
        raise UsageWrong(f"job {job.job} is a chain and makes no video", hint="say --as done", job=job.job)
    if job.kind != KIND:
        return _Seen(named, _owner(rt, job, named, trusted=trusted))
    if not trusted:
        settling.require_ours(rt, job, named)
    return _Seen(named, None)


def _settle(rt: Runtime, tx: Tx, job: Job, lease: Lease, word: Word, seen: _Seen | None) -> None:
    if seen is None:
        _SETTLES[word](tx, job, lease)
        if job.kind == TASK:
            from ytpool.actions.tasks import endings  # noqa: PLC0415 -- most have no other services

            endings.settled(rt, tx, job.job, _OUTCOMES[word])
    elif seen.owner is None:
        settling.has_arrived(tx, lease, seen.named, _BY_HAND)
    else:
        _has_arrived(tx, job, lease, seen.owner, seen.named)


def cancel(rt: Runtime, job_id: str, *, dry_run: bool = False) -> QueuedJob:
    """End a job that has published nothing; a video that may be there wants a person's word instead."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        job, lease = _taken(rt, tx, job_id)
        if job.kind == KIND:
            settling.require_not_there(tx, job.job)
        if job.kind == TASK and tasks.get(tx, job.job).was_sent:
            raise OutcomeUnknown(
                f"task {job.job} is with {job.target.name}, so it cannot just be forgotten",
                hint=f"stop it there, then: ytpool queue resolve {job.job} --as failed",
                job=job.job,
            )
        if job.kind == CHAIN:
            _require_nothing_under_way(tx, job)
        if job.is_upload and job.video_id is not None:
            raise UsageWrong(
                f"the video of job {job.job} is up: {job.video_id}",
                hint=f"to leave its other steps undone: ytpool queue resolve {job.job} --as failed",
            )
        begun = uploads.find(tx, job.job)
        if begun is not None and begun.last_sent_at is not None:
            raise OutcomeUnknown(
                f"the video of job {job.job} may be up, so it cannot just be forgotten",
                hint=f"look on the channel, then: ytpool queue resolve {job.job} --as done:VIDEO_ID, failed or restart",
                job=job.job,
            )
        _forget_session(tx, lease)
        jobs.move(tx, lease, JobState.CANCELLED)
        ledger.release_job(tx, job.job, "cancelled")
        leases.give_back(tx, [lease])
        tx.ring()
        return queue.told(tx, job.job)


def _require_nothing_under_way(tx: Tx, job: Job) -> None:
    """Refuse to forget a chain of which somebody may have done what was asked for."""
    for step in job_steps.of_job(tx, job.job):
        if step.state in (StepState.RUNNING, StepState.UNKNOWN):
            raise OutcomeUnknown(
                f"{step.step} may have done what job {job.job} asked for, so it cannot just be forgotten",
                hint=f"look there, then: ytpool queue resolve {job.job} --as done, failed or restart",
                job=job.job,
            )


@contextmanager
def _held(rt: Runtime, job_id: str) -> Iterator[tuple[Job, Lease]]:
    """Take a job that is not at its end, and give it back."""
    with rt.store.transaction() as tx:
        job, lease = _taken(rt, tx, job_id)
    try:
        with Heartbeat(rt, lease):
            yield job, lease
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])
            tx.ring()


def _taken(rt: Runtime, tx: Tx, job_id: str) -> tuple[Job, Lease]:
    rt.require_same_root(tx)
    job = _unsettled(tx, job_id)
    lease = leases.take(tx, LeaseKind.JOB, job.job, holder=job.job)
    if lease is None:
        raise Busy(
            f"job {job.job} is being worked on by another process",
            hint="wait for it, or stop it, then say it again",
            job=job.job,
        )
    ledger.take_over(tx, job.job, lease.fence)
    return job, lease


def _unsettled(tx: Tx, job_id: str) -> Job:
    job = jobs.get(tx, job_id)
    if job.state in (JobState.DONE, JobState.CANCELLED):
        raise UsageWrong(f"job {job.job} is {job.state} already; there is nothing to settle", job=job.job)
    return job


def _require_its_video(job: Job, video_id: str) -> None:
    """Refuse a video that a change was never about; naming the right one says no more than naming none."""
    if video_id != job.job_key:
        raise UsageWrong(
            f"job {job.job} is about video {job.job_key}, not {video_id}",
            hint=f"run: ytpool queue resolve {job.job} --as done",
            job=job.job,
        )


def _owner(rt: Runtime, job: Job, video_id: str, *, trusted: bool) -> Account:
    """Find the account of the job on whose channel this video is."""
    with rt.store.reading() as tx:
        candidates = _accounts_of(tx, job)
    if trusted and len(candidates) == 1:
        return candidates[0]
    for account in candidates:
        seen = looking.videos(rt, account.account, [video_id], ["snippet"], urgency=Urgency.STARTED).get(video_id, {})
        if seen.get("snippet", {}).get("channelId") == account.channel_id:
            return account
    where = ", ".join(account.channel_title for account in candidates)
    raise UnknownName(
        f"{video_id} is no video on the channel of job {job.job} ({where})",
        hint="check the id" if len(candidates) > 1 else "check the id; if you are sure, say it with --yes",
        what="video",
        name=video_id,
    )


def _accounts_of(tx: Tx, job: Job) -> list[Account]:
    if job.account is not None:
        return [accounts.get(tx, job.account)]
    if job.target.kind is TargetKind.ACCOUNT:
        return [accounts.get(tx, job.target.name)]
    return [accounts.get(tx, name) for name in pools.get(tx, job.target.name).accounts]


def _has_arrived(tx: Tx, job: Job, lease: Lease, owner: Account, video_id: str) -> None:
    if jobs.is_claimed(tx, owner.channel_id, video_id, job.job):
        raise UsageWrong(f"{video_id} is the video of another job", hint="see: ytpool queue list --all")
    forget(tx, Kind.UPLOAD_SESSION, job.job)
    job_steps.move(tx, job.job, UPLOAD, StepState.DONE, f"{video_id}, {_BY_HAND}")
    jobs.move(
        tx,
        lease,
        JobState.PARTLY if job_steps.has_work_left(tx, job.job) else JobState.DONE,
        account=owner.account,
        channel_id=owner.channel_id,
        video_id=video_id,
    )


def _is_done(tx: Tx, job: Job, lease: Lease) -> None:
    """Leave everything about a video to the person who says that it is there, and did not say which it is."""
    forget(tx, Kind.UPLOAD_SESSION, job.job)
    job_steps.settle(tx, lease, StepState.DONE, _BY_HAND)
    jobs.move(tx, lease, JobState.DONE)


def _is_given_up(tx: Tx, job: Job, lease: Lease) -> None:
    """End a job for good; what is up where it should be stays up, and only its other steps are left undone."""
    is_up = _is_up(tx, job)
    why = _BY_HAND if is_up or job.video_id is None else f"{job.video_id} is on another channel; {_BY_HAND}"
    if not is_up:
        _forget_all(tx, job, lease)
    job_steps.settle(tx, lease, StepState.FAILED, why)
    jobs.move(tx, lease, JobState.PARTLY if is_up else JobState.FAILED, error_code="failed", error=why)


def _begins_anew(tx: Tx, job: Job, lease: Lease) -> None:
    if job.kind == KIND:
        settling.begin_anew(tx, lease)
    elif _is_up(tx, job):
        raise UsageWrong(
            f"the video of job {job.job} is up: {job.video_id}; sending it again would make two",
            hint=f"for the steps that are left: ytpool queue retry {job.job}",
        )
    _forget_all(tx, job, lease)
    job_steps.settle(tx, lease, StepState.WAITING, "")
    jobs.move(tx, lease, JobState.QUEUED)
    if job.kind in (TASK, CHAIN) and job.deadline is not None and job.deadline <= tx.now:
        line.ask(tx, job.job, InLine(priority=job.priority))  # whoever wants it now knows that its deadline is over


_SETTLES = {Word.DONE: _is_done, Word.FAILED: _is_given_up, Word.RESTART: _begins_anew}
_OUTCOMES = {Word.DONE: Outcome.DONE, Word.FAILED: Outcome.FAILED, Word.RESTART: None}


def _forget_all(tx: Tx, job: Job, lease: Lease) -> None:
    """Forget what an upload has come to; what another kind of job is about is no result of it and stays."""
    if job.is_upload:
        forget(tx, Kind.UPLOAD_SESSION, job.job)
        uploads.begin_anew(tx, lease)


def _is_up(tx: Tx, job: Job) -> bool:
    """Tell whether the job's video is where it should be, one that went astray is not; or whether its comment is."""
    if job.kind == KIND:
        return settling.is_there(tx, job.job)
    steps = {step.step: step.state for step in job_steps.of_job(tx, job.job)}
    return job.is_upload and job.video_id is not None and steps.get(UPLOAD) is not StepState.FAILED


def _forget_session(tx: Tx, lease: Lease) -> None:
    forget(tx, Kind.UPLOAD_SESSION, lease.name)
    uploads.forget_session(tx, lease)
