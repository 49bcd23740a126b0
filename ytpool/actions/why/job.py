"""Why a job went where it went, or why it waits: what was written down while it happened, and what stands today."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import breakers, claiming, forecast, queue
from ytpool.actions import whereabouts as files
from ytpool.actions.why import ways
from ytpool.actions.why.ways import Way
from ytpool.domain import balancing, moments
from ytpool.domain.balancing import BUSY_CHANNEL, BUSY_SLOTS, RESERVE_SPARED, Tier
from ytpool.domain.jobs import TASK, Job, JobState, Step, Target, TargetKind
from ytpool.domain.publication import UPLOAD
from ytpool.domain.quota import Urgency
from ytpool.runtime import Runtime
from ytpool.store import accounts, candidates, comments, decisions, job_steps, jobs, leases, whereabouts
from ytpool.store.db import Tx
from ytpool.store.decisions import Decision
from ytpool.store.leases import LeaseKind

_NAMED = 3
"""Of accounts that are kept from working by the same thing, so many are told how to change it."""


_ENDS_SOON = (BUSY_CHANNEL, BUSY_SLOTS, RESERVE_SPARED)
"""Reasons that need no advice: somebody else is at work, or does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InTheWay:
    """What speaks against one account for this job, now."""

    account: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One job, its steps, every decision about it, and what would change how it stands."""

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
    in_the_way: tuple[InTheWay, ...]
    """Of a job that is not at its end: who of its accounts cannot take it now, and why."""
    able: tuple[str, ...]
    """Who could."""
    ways: tuple[Way, ...]


def explain(rt: Runtime, job_id: str) -> Explanation:
    """Explain a job, named by its id or the beginning of it."""
    with rt.store.reading() as tx:
        found = jobs.get(tx, job_id)
        said = comments.find(tx, found.job)
        in_the_way, able = _now(rt, tx, found) if _waits(found) else ((), ())
        return Explanation(
            job=found.job,
            kind=found.kind,
            state=found.state,
            target=str(found.target),
            account=found.account,
            channel_id=found.channel_id,
            video_id=found.about if said is None else said.video_id,
            attempts=found.attempts,
            created_at=found.created_at,
            not_before=found.not_before,
            error=found.error,
            error_reason=found.error_reason,
            steps=job_steps.of_job(tx, found.job),
            decisions=tuple(decisions.of_job(tx, found.job)),
            in_the_way=in_the_way,
            able=able,
            ways=ways.distinct(_ways(rt, tx, found, in_the_way)),
        )


def _waits(job: Job) -> bool:
    return job.state in (JobState.QUEUED, JobState.RUNNING, JobState.DEFERRED, JobState.INTERRUPTED)


def _now(rt: Runtime, tx: Tx, job: Job) -> tuple[tuple[InTheWay, ...], tuple[str, ...]]:
    """Look at the accounts that may do what is left of a job; one that has begun stays where it is."""
    target = job.target if job.account is None else Target(kind=TargetKind.ACCOUNT, name=job.account)
    calls = forecast.calls_left(tx, job)
    urgency, rules = _urgency(tx, job), breakers.rules(rt.config)
    found = candidates.of(tx, target, tuple(calls), rt.terms(tx), urgency=urgency, rules=rules)
    if job.kind != UPLOAD:  # nothing else needs a channel to itself
        found = [one._replace(channel_busy=False) for one in found]
    works = {one.tier for one in found if one.obstacle is None}
    tier = next((one for one in Tier if one in works), None)
    passed_over = [(one, balancing.why_not(one, tier)) for one in found]
    in_the_way = [
        InTheWay(account=one.account, reason=reason, until=None if one.obstacle is None else one.obstacle.until)
        for one, reason in passed_over
        if reason is not None
    ]
    return tuple(in_the_way), tuple(one.account for one, reason in passed_over if reason is None)


def _urgency(tx: Tx, job: Job) -> Urgency:
    deadline = claiming.publication_of(job).video.publish_at if job.kind == UPLOAD else None
    return Urgency.of(tx.now, use_buffer=False, begun=job.attempts > 0, deadline=deadline)


def _waits_for(job: Job) -> str:
    if job.held_at is not None:
        return "it is held back until somebody lets it go"
    if job.kind == TASK and job.state is JobState.RUNNING:
        return f"{job.target.name} is at it; `ytpool work` or `ytpool serve` asks how it goes"
    if job.kind == TASK and job.state is JobState.QUEUED:
        return "it waits for a free slot; `ytpool work` or `ytpool serve` sends it"
    if job.state is JobState.QUEUED and not job.wants_a_yes:
        return "it waits for its turn; `ytpool work` takes it"
    return "it waits for somebody to say so"


def _ways(rt: Runtime, tx: Tx, job: Job, in_the_way: tuple[InTheWay, ...]) -> Iterator[Way]:
    if job.job in leases.held(tx, LeaseKind.JOB):
        yield Way(what="somebody is working on it now; it goes its way by itself")
        return
    absences = whereabouts.without(tx, job.job) if _waits(job) else ()
    if absences and job.files_on and job.files_on not in {one.host for one in absences}:
        yield Way(what=f"its file was on {job.files_on}; {files.ways(job.files_on)}")
    for absence in absences:
        yield Way(
            what=f"its file {absence.path} is not on {absence.host}, which leaves it to machines that have it",
            command=queue.retry(job) + (" --file PATH" if job.kind == UPLOAD else ""),
        )
    advice = queue.advice(tx, job)
    if job.held_at is None and job.not_before is not None and job.not_before > tx.now:
        yield Way(what=f"it goes on at {moments.spoken(job.not_before)}, by the next run", command=advice)
    elif advice:
        yield Way(what=_waits_for(job), command=advice)
    terms = rt.terms(tx)
    calls = forecast.calls_left(tx, job)
    named: dict[str, int] = {}
    for one in in_the_way:
        named[one.reason] = named.get(one.reason, 0) + 1
        if named[one.reason] <= _NAMED and one.reason not in _ENDS_SOON:
            yield from ways.of_account(tx, terms, accounts.get(tx, one.account), calls, _urgency(tx, job))
