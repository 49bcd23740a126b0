"""Chains: services asked one after the other until one has done it.

What a step is about to do is committed before it does it. A command that nobody heard of may have done its work, so the
chain stops there as unknown, unless its step says that it may run twice; a task is asked about. What fails altogether
is a job that waits, longer each time, and at last for a person.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from ytpool.actions import api_keys, breakers, programs, queue, waking, word
from ytpool.actions.heartbeat import Heartbeat
from ytpool.actions.tasks import asking, slots
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
    NoEligibleAccount,
    OutcomeUnknown,
    UnknownName,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import breakers as kept_breakers
from ytpool.store import chains, jobs, leases, line, rests
from ytpool.store.chains import Try
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.line import Picked
from ytpool.store.rests import Scope

_TASK_LOOKED_AT_AFTER = timedelta(minutes=1)
_LOOKS_EVERY = 0.5
_OPEN = (Outcome.RUNNING, Outcome.UNKNOWN)
_OVER = (JobState.DONE, JobState.CANCELLED)
_BEGINS_ANEW = (JobState.QUEUED, JobState.DEFERRED, JobState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOrder:
    """What somebody wants of a chain."""

    chain: str
    inputs: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    max_cost: float | None = None
    """For all that is tried together."""
    min_quality: float | None = None
    again: bool = False
    """Do it although just this was asked for and is not over."""


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
class StepTested:
    """Whether a step would be tried now, and if not, why."""

    step: str
    service: str
    by: str
    """command or provider"""
    cost: float
    quality: float
    would: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTest:
    """What a run would try now, in order."""

    chain: str
    steps: tuple[StepTested, ...]


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
    steps = _require_sensible(rt, order)
    with rt.store.transaction() as tx:
        job, begun = _found_or_made(rt, tx, order, steps)
    _tell(watch, job, begun)
    return job


def put_in_line(rt: Runtime, order: ChainOrder, in_line: InLine, watch: Watch) -> ChainDone:
    """Store a job of a chain for whoever works the line off; one that was begun goes on as it does."""
    steps = _require_sensible(rt, order)
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


def test(rt: Runtime, order: ChainOrder) -> ChainTest:
    """Say which steps would be tried now, and why the others not; nothing is run, sent or stored."""
    _require_numbers(order)
    return _tested(rt, order, _require_chain(rt, order.chain), spent=0.0)


def look_again(rt: Runtime, job_id: str) -> ChainTest:
    """Say which steps would be tried now for a job that was asked for."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
        spent = sum(one.cost for one in chains.of_job(tx, job.job))
    return _tested(rt, _order_of(job), _require_chain(rt, job.target.name), spent=spent)


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
        self._order = _order_of(job)
        self._steps = _require_chain(rt, job.target.name)
        with rt.store.reading() as tx:
            self._tries = chains.of_job(tx, job.job)

    def go_on(self) -> None:
        last = self._tries[-1] if self._tries else None
        if last is None or self._job.state in _BEGINS_ANEW:
            self._round = last.round + 1 if last else 1
            with self._rt.store.transaction() as tx:
                jobs.move(tx, self._lease, JobState.RUNNING, attempted=True)
                jobs.plan_steps(tx, self._lease, tuple(self._steps))
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
        why = _not_ready(self._rt, self._order, step, spent)
        with self._rt.store.transaction() as tx:
            jobs.require(tx, self._lease)
            why = why or _rests(tx, step)
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
            jobs.set_step(tx, self._job.job, label, state, f"skipped: {why}" if why else "")
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
            jobs.set_step(tx, one.job, one.step, StepState.DONE)
            kept_breakers.service_succeeded(tx, one.service)
            jobs.move(tx, self._lease, JobState.DONE)

    def _fails(self, one: Try, why: str, *, cost: float, task: str | None = None) -> None:
        with self._rt.store.transaction() as tx:
            jobs.require(tx, self._lease)
            chains.end(tx, one, Outcome.FAILED, why=why, cost=cost, task=task)
            jobs.set_step(tx, one.job, one.step, StepState.FAILED, why)
            kept_breakers.service_failed(tx, one.service, breakers.rules(self._rt.config), self._rt.rng, why)
            self._tries = chains.of_job(tx, one.job)
        self._watch.says(one.job, f"{one.step} failed: {why}")

    def _unknown(self, one: Try, error: str, *, task: str | None = None, looks_again: bool = False) -> None:
        with self._rt.store.transaction() as tx:
            chains.end(tx, one, Outcome.UNKNOWN, why=error, cost=one.cost, task=task)
            jobs.set_step(tx, one.job, one.step, StepState.UNKNOWN, error)
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


def _require_chain(rt: Runtime, name: str) -> dict[str, Step]:
    known = rt.config.chains
    if name in known:
        return dict(rules.flattened(known, name))
    close = get_close_matches(name, known, n=1)
    there = f"there are {', '.join(known)}" if known else f"describe it in [[chains.NAME]] of {rt.config.paths.config}"
    raise UnknownName(
        f"there is no chain named {name!r}",
        hint=f"did you mean {close[0]}?" if close else there,
        what="chain",
        name=name,
    )


def _require_sensible(rt: Runtime, order: ChainOrder) -> dict[str, Step]:
    """Refuse what no step could ever do, and inputs that are missing or that nobody takes."""
    steps = _require_chain(rt, order.chain)
    _require_numbers(order)
    if all(_out_of_reach(order, step, spent=0.0) for step in steps.values()):
        raise UsageWrong(
            f"no step of {order.chain} fits --max-cost and --min-quality",
            hint=f"see: ytpool chain test {order.chain}",
        )
    needed: set[str] = set()
    known: set[str] = set()
    for step in steps.values():
        takes = rt.config.providers[step.provider].inputs if step.provider else dict.fromkeys(step.words, True)
        known |= set(takes)
        needed |= {name for name, must in takes.items() if must}
    if missing := sorted(needed - set(order.inputs)):
        raise UsageWrong(f"{order.chain} needs {', '.join(missing)}", hint=f"say --set {missing[0]}=VALUE")
    if strange := sorted(set(order.inputs) - known):
        takes_all = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise UsageWrong(f"{order.chain} has no {', '.join(strange)}", hint=takes_all)
    return steps


def _require_numbers(order: ChainOrder) -> None:
    """Refuse what is no number, or has no end: nothing can be said to cost so much."""
    for option, number in (("--max-cost", order.max_cost), ("--min-quality", order.min_quality)):
        if number is not None and not math.isfinite(number):
            raise UsageWrong(f"{option} takes a number, not {number}", hint="leave it out, and there is no limit")


def _tested(rt: Runtime, order: ChainOrder, steps: Mapping[str, Step], *, spent: float) -> ChainTest:
    tested = []
    for label, step in steps.items():
        why = _not_ready(rt, order, step, spent)
        with rt.store.reading() as tx:
            why = why or _rests(tx, step)
        tested.append(
            StepTested(
                step=label,
                service=step.service,
                by="provider" if step.provider else "command",
                cost=step.cost,
                quality=step.quality,
                would=not why,
                why=why,
            )
        )
    return ChainTest(chain=order.chain, steps=tuple(tested))


def _out_of_reach(order: ChainOrder, step: Step, spent: float) -> str:
    if order.min_quality is not None and not step.quality >= order.min_quality:
        return f"its quality is {step.quality:g}, below {order.min_quality:g}"
    if order.max_cost is not None and not spent + step.cost <= order.max_cost + _ROUNDING:
        already = f" and {spent:g} are spent" if spent else ""
        return f"it is too dear: it costs {step.cost:g}{already}, and {order.max_cost:g} is the most"
    return ""


_ROUNDING = 1e-9
"""0.1 + 0.2 is not more than 0.3."""


def _not_ready(rt: Runtime, order: ChainOrder, step: Step, spent: float) -> str:
    """Say why a step is not to be tried; empty where nothing speaks against it. Whether it rests is asked apart."""
    if why := _out_of_reach(order, step, spent):
        return why
    if step.provider:
        provider = rt.config.providers[step.provider]
        try:
            free = slots.free(rt, provider, api_keys.require(rt, provider))
        except NoEligibleAccount as error:
            return error.message
        return "" if free else "no slot of its keys is free"
    return "" if programs.find(rt, step.command[0], programs.environment(rt)) else f"{step.command[0]} is not there"


def _rests(tx: Tx, step: Step) -> str:
    for rest in rests.running(tx):
        is_it = rest.scope is Scope.SERVICE and rest.name in {step.service, step.provider}
        if is_it or rest.scope is Scope.EVERYTHING:
            until = "a person acts" if rest.until is None else moments.spoken(rest.until)
            return f"it rests until {until}: {rest.reason}"
    return ""


def _order_of(job: Job) -> ChainOrder:
    request = json.loads(job.request)
    return ChainOrder(
        chain=job.target.name,
        inputs=request["inputs"],
        arguments=tuple(request["arguments"]),
        max_cost=request["max_cost"],
        min_quality=request["min_quality"],
    )


def _seen(tx: Tx, job: Job) -> ChainDone:
    tries = chains.of_job(tx, job.job)
    order = _order_of(job)
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
