"""Chains: services asked one after the other until one has done it.

What a step is about to do is committed before it does it. A command that nobody heard of may have done its work, so the
chain stops there as unknown, unless its step says that it may run twice; a task is asked about. What fails altogether
is a job that waits, longer each time, and at last for a person.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ytpool.actions import breakers, programs, queue, waking, word
from ytpool.actions.chain_steps import ChainOrder, not_ready, order_of, require_chain, require_sensible, why_it_rests
from ytpool.actions.heartbeat import Heartbeat
from ytpool.actions.tasks import asking
from ytpool.actions.tasks.asking import TaskOrder, TaskSeen
from ytpool.actions.watch import Watch
from ytpool.domain import chains as rules
from ytpool.domain import ids, moments
from ytpool.domain.chains import CHAIN, MOST_TRIES, Outcome, Step
from ytpool.domain.jobs import InLine, Job, JobState, StepState, Target, TargetKind
from ytpool.errors import (
    Busy,
    ChainDeferred,
    ChainFailed,
    OutcomeUnknown,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import breakers as kept_breakers
from ytpool.store import chains, job_steps, jobs, leases, line
from ytpool.store.chains import Try
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.line import Picked

_TASK_LOOKED_AT_AFTER = timedelta(minutes=1)
_LOOKS_EVERY = 0.5
_OPEN = (Outcome.RUNNING, Outcome.UNKNOWN)
_OVER = (JobState.DONE, JobState.CANCELLED)
_BEGINS_ANEW = (JobState.QUEUED, JobState.DEFERRED, JobState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrySeen:
    """One step that was come to."""

    round: int
    step: str
    service: str
    outcome: Outcome
    why: str
    cost: float
    task: str | None
    begun_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDone:
    """What became of one job of a chain."""

    job: str
    chain: str
    state: JobState
    served_by: str | None
    output: str
    """The beginning of what the command printed, or the task's result as JSON."""
    output_cut: bool
    """The command printed more."""
    cost: float
    max_cost: float | None
    min_quality: float | None
    attempts: int
    not_before: datetime | None
    error_code: str
    error: str
    advice: str
    tries: tuple[TrySeen, ...]
    problem: YtpoolError | None = None

    @property
    def detail(self) -> str:
        return f"served by {self.served_by}" if self.served_by else self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCounted:
    """What a step has come to; rates are between 0 and 1, and None where nothing was tried."""

    step: str
    tried: int
    served: int
    success_rate: float | None
    spend: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCounted:
    """What a chain has come to."""

    chain: str
    runs: int
    """Jobs, less those that were cancelled."""
    served: int
    failed: int
    open: int
    success_rate: float | None
    """Of the jobs that are over."""
    fallback_share: float | None
    """How much of what was served was not served by the first step."""
    spend: float
    steps: tuple[StepCounted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainList:
    """Every chain of the settings."""

    chains: tuple[ChainCounted, ...]


def ask(rt: Runtime, order: ChainOrder, watch: Watch) -> str:
    """Return the job of a chain, found or made; just the same, asked for before and not over, is the same job."""
    steps = require_sensible(rt, order)
    with rt.store.transaction() as tx:
        job, begun = _found_or_made(rt, tx, order, steps)
    _tell(watch, job, begun)
    return job


def put_in_line(rt: Runtime, order: ChainOrder, in_line: InLine, watch: Watch) -> ChainDone:
    """Store a job of a chain for whoever works the line off; one that was begun goes on as it does."""
    steps = require_sensible(rt, order)
    with rt.store.transaction() as tx:
        in_line.require_time(tx.now)
        name, begun = _found_or_made(rt, tx, order, steps)
        if jobs.get(tx, name).state is JobState.QUEUED:
            line.ask(tx, name, in_line)
        seen = _seen(tx, jobs.get(tx, name))
    waking.ring(rt)
    _tell(watch, name, begun)
    return seen


def _tell(watch: Watch, job: str, begun: JobState | None) -> None:
    if begun is not None:
        watch.says(job, f"job {job} was asked for just this and is {begun}; --again makes another")


def _found_or_made(rt: Runtime, tx: Tx, order: ChainOrder, steps: Mapping[str, Step]) -> tuple[str, JobState | None]:
    """Return a chain's job, and how it stands where it was there before."""
    request = json.dumps(
        {
            "inputs": dict(order.inputs),
            "arguments": list(order.arguments),
            "max_cost": order.max_cost,
            "min_quality": order.min_quality,
        },
        sort_keys=True,
    )
    before = None if order.again else jobs.asked_for(tx, CHAIN, order.chain, request)
    if before is not None:
        return before.job, before.state
    job = ids.new(tx.now, rt.rng)
    jobs.add(
        tx,
        job,
        kind=CHAIN,
        target=Target(kind=TargetKind.CHAIN, name=order.chain),
        job_key=order.chain,
        fingerprint="",
        sha256=None,
        request=request,
        steps=tuple(steps),
    )
    return job, None


def go_on(rt: Runtime, job_id: str, watch: Watch, *, wait: bool = False, picked: Picked | None = None) -> ChainDone:
    """Go on with a chain's job from wherever it stopped. While somebody else does: wait for it, or raise Busy."""
    said = False
    while True:
        with rt.store.transaction() as tx:
            line.require(tx, picked)
            job = jobs.get(tx, job_id)
            if job.state in _OVER:
                return _seen(tx, job)
            if said and job.state is JobState.DEFERRED:  # whoever was waited for has told until when
                return _judged(_seen(tx, job))
            lease = leases.take(tx, LeaseKind.JOB, job.job, holder=job.job)
        if lease is not None:
            break
        if not wait:
            hint = "wait for it, or stop it, then say it again"
            raise Busy(f"job {job.job} is being worked on by another process", hint=hint, job=job.job)
        if not said:
            watch.waits(job.job, f"waiting for the process that works on job {job.job} already")
        said = True
        rt.sleep(_LOOKS_EVERY)
    try:
        with Heartbeat(rt, lease) as heart:
            _Run(rt, job, lease, heart, watch).go_on()
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])
    with rt.store.reading() as tx:
        return _judged(_seen(tx, jobs.get(tx, job.job)))


def in_turn(rt: Runtime, picked: Picked, watch: Watch) -> ChainDone:
    """Go on with a chain's job whose turn has come; what comes too late for its deadline is not paid for."""
    with rt.store.transaction() as tx:
        line.require(tx, picked)
        job = jobs.get(tx, picked.job.job)
        overdue = job.deadline is not None and job.deadline <= tx.now and job.state in _BEGINS_ANEW
        lease = leases.take(tx, LeaseKind.JOB, job.job, holder=job.job) if overdue else None
        if lease is not None and job.deadline is not None:
            error = f"its deadline was over, {moments.spoken(job.deadline)}, before it was begun"
            if job.attempts:
                error = f"{job.error}; its deadline is over, {moments.spoken(job.deadline)}"
            jobs.move(tx, lease, JobState.FAILED, error_code=ChainFailed.code, error=error)
            leases.give_back(tx, [lease])
            return _judged(_seen(tx, jobs.get(tx, job.job)))
    return go_on(rt, picked.job.job, watch, picked=picked)


def show(rt: Runtime, job_id: str) -> ChainDone:
    """Show what was tried for one job of a chain."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
        if job.kind != CHAIN:
            hint = f"see: ytpool queue show {job.job}"
            raise UsageWrong(f"job {job.job} is a {job.kind} and no chain", hint=hint, job=job.job)
        return _seen(tx, job)


def list_chains(rt: Runtime) -> ChainList:
    """Count what every chain has come to."""
    with rt.store.reading() as tx:
        return ChainList(chains=tuple(_counted(tx, rt, name) for name in rt.config.chains))


class _Run:
    """One worker at one job of a chain."""

    def __init__(self, rt: Runtime, job: Job, lease: Lease, heart: Heartbeat, watch: Watch) -> None:
        self._rt = rt
        self._job = job
        self._lease = lease
        self._heart = heart
        self._watch = watch
        self._order = order_of(job)
        self._steps = require_chain(rt, job.target.name)
        with rt.store.reading() as tx:
            self._tries = chains.of_job(tx, job.job)

    def go_on(self) -> None:
        last = self._tries[-1] if self._tries else None
        if last is None or self._job.state in _BEGINS_ANEW:
            self._round = last.round + 1 if last else 1
            with self._rt.store.transaction() as tx:
                jobs.move(tx, self._lease, JobState.RUNNING, attempted=True)
                job_steps.plan(tx, self._lease, tuple(self._steps))
            last = None
        else:
            self._round = last.round
        if last is not None and last.outcome in _OPEN and self._ends_with(last, self._steps.get(last.step)):
            return
        for label, step in self._steps.items():
            if any((one.round, one.step) == (self._round, label) for one in self._tries):
                continue
            begun = self._begin(label, step)
            if begun is not None and self._ends_with(begun, step, is_new=True):
                return
        self._nobody_served()

    def _begin(self, label: str, step: Step) -> Try | None:
        """Commit that a step is begun, or why it is not."""
        self._require_going()
        spent = sum(one.cost for one in self._tries)
        why = not_ready(self._rt, self._order, step, spent)
        with self._rt.store.transaction() as tx:
            jobs.require(tx, self._lease)
            why = why or why_it_rests(tx, step)
            if not why and not kept_breakers.admit_service(tx, step.service, breakers.rules(self._rt.config)):
                why = "it is being tried out after failures"
            chains.begin(
                tx,
                self._job.job,
                round_=self._round,
                position=sum(one.round == self._round for one in self._tries),
                chain=self._job.target.name,
                step=label,
                service=step.service,
                outcome=Outcome.SKIPPED if why else Outcome.RUNNING,
                why=why,
                cost=0.0 if why else step.cost,
                repeatable=step.repeatable,
            )
            state = StepState.WAITING if why else StepState.RUNNING
            job_steps.move(tx, self._job.job, label, state, f"skipped: {why}" if why else "")
            self._tries = chains.of_job(tx, self._job.job)
        if why:
            self._watch.says(self._job.job, f"{label} is skipped: {why}")
            return None
        return self._tries[-1]

    def _require_going(self) -> None:
        try:
            self._rt.require_going()
            self._heart.require()
        except YtpoolError:
            self._park()
            raise

    def _ends_with(self, one: Try, step: Step | None, *, is_new: bool = False) -> bool:
        """Do a step, or find out how it went; False where the next one is to be tried."""
        may_run = is_new or one.repeatable
        if step is None or (not step.provider and not may_run):
            self._unknown(one, f"nobody heard how {one.step} ended: whoever ran it died or was stopped")
            return True
        self._watch.announces(self._job.job, f"{one.step}: job {self._job.job}, cost {step.cost:g}")
        try:
            return self._asks(one, step) if step.provider else self._runs(one, step)
        except BaseException:
            if step.provider or step.repeatable:
                self._park()
            else:
                self._unknown(one, f"this process was stopped while {one.step} ran")
            raise

    def _runs(self, one: Try, step: Step) -> bool:
        argv = step.filled(self._order.inputs, self._order.arguments)
        environ = programs.environment(self._rt)
        argv[0] = programs.find(self._rt, argv[0], environ) or argv[0]
        self._heart.require()
        ran = self._rt.run_program(argv, environ=environ, timeout=step.timeout)
        if ran.started and ran.status == 0 and not ran.hung:
            self._serves(one, ran.output, cut=ran.cut, cost=step.cost)
            return True
        if not ran.started:
            why, cost = f"{step.command[0]} cannot be started: {ran.complaint}", 0.0
        elif ran.hung:
            why, cost = f"it was not done within {step.timeout:g} seconds, and was ended", step.cost
        elif ran.status < 0:
            why, cost = f"it was ended by signal {-ran.status}", step.cost
        else:
            why, cost = f"status {ran.status}{f': {ran.complaint}' if ran.complaint else ''}", 0.0
        self._fails(one, why, cost=cost)
        return False

    def _asks(self, one: Try, step: Step) -> bool:
        seen, why = self._task(one, step)
        if seen is None:
            self._fails(one, why, cost=0.0)
            return False
        match seen.state:
            case JobState.DONE:
                output = "" if seen.result is None else json.dumps(seen.result, ensure_ascii=False)
                self._serves(one, output, cut=False, cost=step.cost, task=seen.job)
            case JobState.FAILED | JobState.CANCELLED:
                was_taken = seen.sent_at is not None and seen.heard_from != "answer"
                cost = step.cost if was_taken else 0.0
                self._fails(one, seen.error or why or f"its task is {seen.state}", cost=cost, task=seen.job)
                return False
            case JobState.RUNNING:
                error = f"task {seen.job} of {one.step} has not ended within {step.timeout:g} seconds"
                self._unknown(one, error, task=seen.job, looks_again=True)
            case _:
                self._unknown(one, f"task {seen.job}: {seen.error}", task=seen.job)
        return True

    def _task(self, one: Try, step: Step) -> tuple[TaskSeen | None, str]:
        """Submit a step's task, once, and wait for its end; None where it was surely not sent, and why."""
        rt = self._rt
        key = rules.task_key(one.job, one.round, one.position)
        with rt.store.reading() as tx:
            job = chains.task_of(tx, key)
        why = ""
        if job is None or asking.show(rt, job).state is JobState.QUEUED:  # a person may have said: send it again
            wanted = rt.config.providers[step.provider].inputs
            inputs = {name: value for name, value in self._order.inputs.items() if name in wanted}
            try:
                job = asking.submit(rt, TaskOrder(provider=step.provider, inputs=inputs, key=key), self._watch).job
            except YtpoolError as error:
                self._rt.require_going()
                why = error.message
                with rt.store.reading() as tx:
                    job = chains.task_of(tx, key)
        if job is None:
            return None, why
        if asking.show(rt, job).state is JobState.QUEUED:
            try:
                word.cancel(rt, job)
            except (Busy, OutcomeUnknown, UsageWrong):  # somebody has just sent it
                pass
            else:
                return None, why or "no slot of its keys was free"
        return asking.follow(rt, job, self._watch, within=step.timeout), why

    def _serves(self, one: Try, output: str, *, cut: bool, cost: float, task: str | None = None) -> None:
        with self._rt.store.transaction() as tx:
            chains.end(tx, one, Outcome.SERVED, why="", cost=cost, output=output, cut=cut, task=task)
            job_steps.move(tx, one.job, one.step, StepState.DONE)
            kept_breakers.service_succeeded(tx, one.service)
            jobs.move(tx, self._lease, JobState.DONE)

    def _fails(self, one: Try, why: str, *, cost: float, task: str | None = None) -> None:
        with self._rt.store.transaction() as tx:
            jobs.require(tx, self._lease)
            chains.end(tx, one, Outcome.FAILED, why=why, cost=cost, task=task)
            job_steps.move(tx, one.job, one.step, StepState.FAILED, why)
            kept_breakers.service_failed(tx, one.service, breakers.rules(self._rt.config), self._rt.rng, why)
            self._tries = chains.of_job(tx, one.job)
        self._watch.says(one.job, f"{one.step} failed: {why}")

    def _unknown(self, one: Try, error: str, *, task: str | None = None, looks_again: bool = False) -> None:
        with self._rt.store.transaction() as tx:
            chains.end(tx, one, Outcome.UNKNOWN, why=error, cost=one.cost, task=task)
            job_steps.move(tx, one.job, one.step, StepState.UNKNOWN, error)
            jobs.move(
                tx,
                self._lease,
                JobState.FINISHED_UNKNOWN,
                not_before=tx.now + _TASK_LOOKED_AT_AFTER if looks_again else None,
                error_code=OutcomeUnknown.code,
                error=error,
            )

    def _park(self) -> None:
        """Leave the job for whoever goes on with it: nothing is lost by that."""
        with self._rt.store.transaction() as tx:
            if leases.holds(tx, self._lease):
                jobs.move(tx, self._lease, JobState.INTERRUPTED, error="stopped before it was done")

    def _nobody_served(self) -> None:
        error = "; ".join(f"{one.step}: {one.why}" for one in self._tries if one.round == self._round)
        with self._rt.store.transaction() as tx:
            attempts = jobs.get(tx, self._job.job).attempts
            gives_up = attempts >= MOST_TRIES
            jobs.move(
                tx,
                self._lease,
                JobState.FAILED if gives_up else JobState.DEFERRED,
                not_before=None if gives_up else tx.now + rules.waits_after(attempts),
                error_code=ChainFailed.code if gives_up else ChainDeferred.code,
                error=f"no step served: {error}",
            )


def _seen(tx: Tx, job: Job) -> ChainDone:
    tries = chains.of_job(tx, job.job)
    order = order_of(job)
    served = next((one for one in reversed(tries) if one.outcome is Outcome.SERVED), None)
    return ChainDone(
        job=job.job,
        chain=job.target.name,
        state=job.state,
        served_by=served.step if served else None,
        output=(served.output or "") if served else "",
        output_cut=served.cut if served else False,
        cost=sum(one.cost for one in tries),
        max_cost=order.max_cost,
        min_quality=order.min_quality,
        attempts=job.attempts,
        not_before=job.not_before,
        error_code=job.error_code,
        error=job.error,
        advice=queue.advice(tx, job),
        tries=tuple(_shown(tries)),
    )


def _shown(tries: Sequence[Try]) -> Iterator[TrySeen]:
    for one in tries:
        yield TrySeen(
            round=one.round,
            step=one.step,
            service=one.service,
            outcome=one.outcome,
            why=one.why,
            cost=one.cost,
            task=one.task,
            begun_at=one.begun_at,
            ended_at=one.ended_at,
        )


def _judged(seen: ChainDone) -> ChainDone:
    """Say of a job that was just worked on whether it went wrong."""
    match seen.state:
        case JobState.DEFERRED if seen.not_before is not None:
            hint = f"it is tried again by `ytpool work` from {moments.spoken(seen.not_before)}, or now: "
            hint += f"ytpool queue retry {seen.job}"
            return replace(seen, problem=ChainDeferred(seen.error, hint=hint, job=seen.job, until=seen.not_before))
        case JobState.FAILED:
            hint = f"when something has changed: {seen.advice}"
            return replace(seen, problem=ChainFailed(seen.error, hint=hint, job=seen.job))
        case JobState.FINISHED_UNKNOWN:
            task = next((one.task for one in reversed(seen.tries) if one.outcome is Outcome.UNKNOWN), None)
            hint = f"look there, then: {seen.advice}"
            if task and seen.not_before is not None:
                hint = f"`ytpool work` goes on once that is known; to ask at once: ytpool queue retry {seen.job}"
            elif task:
                hint += f"; then `ytpool work` goes on with the chain, or: ytpool queue retry {seen.job}"
            return replace(seen, problem=OutcomeUnknown(seen.error, hint=hint, job=seen.job))
        case _:
            return seen


def _counted(tx: Tx, rt: Runtime, name: str) -> ChainCounted:
    labels = [label for label, _ in rules.flattened(rt.config.chains, name)]
    found = {one.step: one for one in chains.counted(tx, name)}
    states = chains.runs(tx, name)
    served, failed = states.get(JobState.DONE, 0), states.get(JobState.FAILED, 0)
    by_steps = sum(one.served for one in found.values())
    first = found[labels[0]].served if labels[0] in found else 0
    steps = [
        StepCounted(
            step=label,
            tried=found[label].tried if label in found else 0,
            served=found[label].served if label in found else 0,
            success_rate=_share(found[label].served, found[label].tried) if label in found else None,
            spend=found[label].spent if label in found else 0.0,
        )
        # Also those that are no longer in the settings: what they cost stays spent.
        for label in dict.fromkeys([*labels, *found])
    ]
    return ChainCounted(
        chain=name,
        runs=sum(states.values()),
        served=served,
        failed=failed,
        open=sum(states.values()) - served - failed,
        success_rate=_share(served, served + failed),
        fallback_share=_share(by_steps - first, by_steps),
        spend=sum(one.spend for one in steps),
        steps=tuple(steps),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
