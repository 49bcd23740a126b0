"""What only a person can settle, each with the command that does it."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import lifetimes, queue, whereabouts
from ytpool.actions.lifetimes import Kind, Lifetime
from ytpool.domain import moments, publication
from ytpool.domain.chains import CHAIN
from ytpool.domain.jobs import Job, JobState, StepState
from ytpool.errors import OutcomeUnknown
from ytpool.runtime import Runtime
from ytpool.store import chains, comments, job_steps, jobs, leases, leavings, meta, rests, sessions
from ytpool.store import whereabouts as stored
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Rest

_FOR_A_PERSON = (Kind.LOGIN_NEEDED, Kind.LOGIN_ENDS, Kind.SCOPE_MISSING)
"""A client that is refused rests its project, which is listed once; the others settle themselves, or only warn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do."""

    kind: str
    """outcome_unknown, chain_failed, login_needed, login_ends, scope_missing, restored, file_missing, leaving, astray,
    step_failed, deletion, session_banned or resting."""
    name: str
    message: str
    command: str
    not_before: datetime | None = None
    """It is of no use earlier."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """Everything there is to do."""

    items: tuple[Item, ...]


def todo(rt: Runtime) -> Todo:
    """List unknown outcomes, chains that failed, logins, those still to be ended, videos astray, and steps refused.

    Then deletions, files that no machine has, browser sessions that are banned, and rests that only a person lifts.
    """
    with rt.store.reading() as tx:
        return Todo(items=tuple(items(tx, lifetimes.everyone(tx))))


def items(tx: Tx, logins: Sequence[Lifetime]) -> Iterator[Item]:
    """Yield the same within a transaction."""
    yield from _unknown(tx)
    yield from _chains(tx)
    yield from _logins(logins)
    for source in (_restored, _missing, _leavings, _astray, _refused, _deletions, _bans, _rests):
        yield from source(tx)


def _restored(tx: Tx) -> Iterator[Item]:
    span = meta.gap(tx)
    count = 0 if span is None else jobs.held_since(tx, span[1])
    if span is not None and count:
        yield Item(
            kind="restored",
            name="jobs",
            message=f"{'1 job is' if count == 1 else f'{count} jobs are'} held back: restored from a backup of "
            f"{moments.spoken(span[0])}, and what was done since is not known; look whether each is done, then let it "
            "go with `queue hold JOB --release`, or settle it with `queue resolve`",
            command="ytpool queue list",
            since=span[1],
        )


def _missing(tx: Tx) -> Iterator[Item]:
    """Yield one item for each machine whose files are missed: with it, a thousand jobs may have gone."""
    by_host: dict[str | None, list[stored.Nowhere]] = {}
    for found in stored.nowhere(tx):
        by_host.setdefault(found.job.files_on, []).append(found)
    for host, missing in by_host.items():
        job, is_one = missing[0].job, len(missing) == 1
        retry = queue.retry(job) + (" --file PATH" if job.is_upload else "")
        yield Item(
            kind="file_missing",
            name=job.job if is_one else host or "files",
            message=whereabouts.spoken(missing),
            command=retry if is_one else f"ytpool queue show {job.job}",
            since=min(one.seen_at for found in missing for one in found.absences),
        )


def _chains(tx: Tx) -> Iterator[Item]:
    for job in chains.given_up(tx):
        yield Item(
            kind="chain_failed",
            name=job.job,
            message=f"{job.target}: {job.error}",
            command=queue.retry(job),
            since=job.updated_at,
        )


def _unknown(tx: Tx) -> Iterator[Item]:
    working = leases.held(tx, LeaseKind.JOB)
    unheard = comments.unheard(tx)
    for job in jobs.unfinished(tx):
        # What was said is unheard of also where whoever said it died on the way.
        if (job.state is JobState.FINISHED_UNKNOWN or job.job in unheard) and job.job not in working:
            command = queue.advice(tx, job)
            if job.kind == CHAIN and job.job not in command:
                continue  # it is taken by workers, or its task is listed and lets it go on
            yield Item(
                kind="outcome_unknown",
                name=job.job,
                message=_unheard_of(job) if job.job in unheard else job.error,
                command=command,
                not_before=None if "resolve" in command else job.not_before,  # a person's word is wanted at once
                since=job.updated_at,
            )


def _unheard_of(job: Job) -> str:
    """Say of a comment what its job cannot: whoever said it may have been stopped on the way."""
    if job.error_code == OutcomeUnknown.code:
        return job.error
    return f"nobody heard whether the comment of {job.account} is there: {job.error or 'whoever sent it died'}"


def _logins(logins: Sequence[Lifetime]) -> Iterator[Item]:
    for login in logins:
        for concern in login.concerns:
            if concern.kind in _FOR_A_PERSON:
                yield Item(kind=concern.kind, name=login.account, message=concern.message, command=concern.command)


def _bans(tx: Tx) -> Iterator[Item]:
    for session in sessions.banned(tx):
        yield Item(
            kind="session_banned",
            name=session.spoken,
            message=session.reason,
            command=f"ytpool sessions mark {session.session} active",
            since=session.state_since,
        )


def _leavings(tx: Tx) -> Iterator[Item]:
    for one in leavings.every(tx):
        yield Item(
            kind="leaving",
            name=one.account,
            message=f"it is to leave, and is still here: {one.problem or 'whoever was to end its login died'}",
            command=f"ytpool auth revoke {one.account}",
            since=one.asked_at,
        )


def _astray(tx: Tx) -> Iterator[Item]:
    for job in jobs.astray(tx):
        detail = next((step.detail for step in job_steps.of_job(tx, job.job) if step.step == "upload"), "")
        yield Item(
            kind="astray",
            name=job.job,
            message=f"{detail}, and {job.account} is for {job.channel_id}",
            command=f"ytpool queue resolve {job.job} --as done, failed or restart",
            since=job.updated_at,
        )


def _refused(tx: Tx) -> Iterator[Item]:
    for job in jobs.refused_in_part(tx):
        failed = (step for step in job_steps.of_job(tx, job.job) if step.state is StepState.FAILED)
        what = "; ".join(f"{publication.spoken(step.step)}: {step.detail}" for step in failed)
        yield Item(
            kind="step_failed",
            name=job.job,
            message=f"video {job.video_id} is up, and not as asked: {what}; "
            f"if it may stay so: ytpool queue resolve {job.job} --as done",
            command=queue.retry(job),
            since=job.updated_at,
        )


def _deletions(tx: Tx) -> Iterator[Item]:
    working = leases.held(tx, LeaseKind.JOB)
    for job in jobs.unfinished(tx):
        if job.wants_a_yes and job.state is not JobState.FINISHED_UNKNOWN and job.job not in working:
            yield Item(
                kind="deletion",
                name=job.job,
                message=f"{job.job_key} is not deleted yet: {job.error or job.state}",
                command=queue.retry(job),
                not_before=job.not_before,
                since=job.updated_at,
            )


def _rests(tx: Tx) -> Iterator[Item]:
    for rest in rests.running(tx):
        if rest.until is None:
            name = f"{rest.scope} {rest.name}".strip()
            command = lifting(rest)
            message = rest.reason if command == rest.lifts else f"{rest.reason}: {rest.lifts}"
            yield Item(kind="resting", name=name, message=message, command=command, since=rest.since)


def lifting(rest: Rest) -> str:
    """Return what to type so that it rests no longer; where what helps is done elsewhere, a word here comes after."""
    if rest.lifts.startswith("ytpool "):
        return rest.lifts
    return f"ytpool rests lift {shlex.join([rest.scope, rest.name])}"
