"""What a person or a chain asks for: a task is submitted, followed, listed and shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ytpool.actions import api_keys, queue, waking
from ytpool.actions.tasks.rounds import round_of
from ytpool.actions.tasks.sending import advance
from ytpool.actions.tasks.slots import free_keys, require_provider
from ytpool.actions.watch import Watch
from ytpool.domain import ids, moments
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.jobs import TASK, InLine, JobState, Target, TargetKind
from ytpool.domain.providers import Provider
from ytpool.errors import OutcomeUnknown, TaskFailed, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import jobs, line, rests, tasks
from ytpool.store.db import Tx
from ytpool.store.rests import Rest, Scope
from ytpool.store.tasks import Task

_LOOKS_EVERY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOrder:
    """A task as somebody asks for it."""

    provider: str
    inputs: Mapping[str, Any]
    key: str = ""
    """Part of the job's key: with one, a task that is done is not done again."""
    again: bool = False
    """Submit it although the same one waits, runs or is done."""
    in_line: InLine | None = None
    """Only store it, to wait so for whoever sends what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSeen:
    """A task as people and scripts see it."""

    job: str
    provider: str
    state: JobState
    account: str | None
    task_id: str | None
    progress: str
    result: Any
    cost: float
    key: str
    inputs: Mapping[str, Any]
    priority: int
    not_before: datetime | None
    deadline: datetime | None
    created_at: datetime
    sent_at: datetime | None
    until: datetime | None
    ended_at: datetime | None
    heard_from: str
    """Who told how it ended: answer, poll or callback."""
    error_code: str
    error: str
    advice: str
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """Tasks, in the order in which they were asked for."""

    tasks: tuple[TaskSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlanned:
    """What a submission would come to."""

    provider: str
    request: str
    account: str | None
    """The key whose slot it would take; None: it would wait."""
    free: int
    cost: float


def submit(rt: Runtime, order: TaskOrder, watch: Watch) -> TaskSeen:
    """Store a task; send it, unless it is for the line, if a key has a free slot and nobody waits before it."""
    provider = require_provider(rt, order.provider)
    _require_inputs(provider, order.inputs)
    keys = api_keys.require(rt, provider)
    request = _request(order)
    with rt.store.transaction() as tx:
        if order.in_line is not None:
            order.in_line.require_time(tx.now)
        before = None if order.again else tasks.same(tx, provider.name, request, order.key)
        job = before.job if before else ids.new(tx.now, rt.rng)
        if before is None:
            target = Target(kind=TargetKind.PROVIDER, name=provider.name)
            jobs.add(
                tx,
                job,
                kind=TASK,
                target=target,
                job_key=order.key,
                fingerprint="",
                sha256=None,
                request=request,
                steps=(),
            )
            tasks.add(tx, job, provider.name)
        if order.in_line is not None and tasks.get(tx, job).state is JobState.QUEUED:
            line.ask(tx, job, order.in_line)
    if before is not None:
        watch.says(job, f"job {job} was asked for just this already and is {before.state}; --again makes another")
    if order.in_line is not None:
        waking.ring(rt)
        return show(rt, job)
    advance(rt, provider, keys, watch)
    with rt.store.reading() as tx:
        task = tasks.get(tx, job)
        if task.state is JobState.QUEUED:
            held = task.held_at is not None
            watch.waits(job, "queued, and held back" if held else _why_queued(tx, provider, keys))
        return _judged(_seen(task))


def planned(rt: Runtime, order: TaskOrder) -> TaskPlanned:
    """Check a task and say which key would run it; nothing is stored or sent."""
    provider = require_provider(rt, order.provider)
    _require_inputs(provider, order.inputs)
    keys = api_keys.require(rt, provider)
    with rt.store.reading() as tx:
        free = free_keys(tx, provider, keys)
        waiting = tasks.waiting(tx, provider.name)
    return TaskPlanned(
        provider=provider.name,
        request=provider.submit.request,
        account=free[len(waiting)].account if len(free) > len(waiting) else None,
        free=len(free),
        cost=provider.cost,
    )


def follow(rt: Runtime, job: str, watch: Watch, *, within: float | None = None) -> TaskSeen:
    """Wait for a task's end: by asking the service, or by a callback that another process takes.

    It waits for so many seconds at the most, and then returns how the task stands.
    """
    until = None if within is None else rt.clock.monotonic() + within
    while True:
        with rt.store.reading() as tx:
            seen = _seen(_named(tx, job))
        if seen.state not in (JobState.QUEUED, JobState.RUNNING) or (until and rt.clock.monotonic() >= until):
            return _judged(seen)
        round_of(rt, require_provider(rt, seen.provider), watch)
        with rt.store.reading() as tx:
            task = _named(tx, job)
            _require_let_go(task)
        if task.progress and task.progress != seen.progress:
            watch.says(job, f"{job}: {task.progress}")
        if not task.is_over:
            rt.sleep(_LOOKS_EVERY)


def wait_for_slot(rt: Runtime, job: str, watch: Watch) -> TaskSeen:
    """Wait until a task is with its service."""
    while True:
        with rt.store.reading() as tx:
            seen = _seen(_named(tx, job))
            _require_let_go(_named(tx, job))
        if seen.state is not JobState.QUEUED:
            return _judged(seen)
        round_of(rt, require_provider(rt, seen.provider), watch)
        rt.sleep(_LOOKS_EVERY)


def list_tasks(rt: Runtime, provider: str | None = None, *, every: bool = False) -> TaskList:
    """List the tasks that have not ended, or all of them."""
    if provider is not None:
        require_provider(rt, provider)
    with rt.store.reading() as tx:
        return TaskList(tasks=tuple(_seen(task) for task in tasks.every(tx, provider, ended=every)))


def show(rt: Runtime, job: str) -> TaskSeen:
    """Show one task, named by its job or the beginning of that."""
    with rt.store.reading() as tx:
        return _seen(_named(tx, job))


def _request(order: TaskOrder) -> str:
    return json.dumps({"inputs": dict(order.inputs)}, sort_keys=True)


def _require_inputs(provider: Provider, inputs: Mapping[str, Any]) -> None:
    wanted = provider.inputs
    needed = sorted(name for name, must in wanted.items() if must and name not in inputs)
    if needed:
        raise UsageWrong(
            f"a task of {provider.name} needs {', '.join(needed)}",
            hint=f"say --set {needed[0]}=VALUE, or --file with a JSON object",
        )
    strange = sorted(set(inputs) - set(wanted))
    if strange:
        takes = f"it takes {', '.join(wanted)}" if wanted else "it takes none"
        raise UsageWrong(f"a task of {provider.name} has no {', '.join(strange)}", hint=takes)


def _why_queued(tx: Tx, provider: Provider, keys: Sequence[ApiKey]) -> str:
    task = "`ytpool work` or `ytpool serve` sends it"
    if free_keys(tx, provider, keys):
        return f"queued behind those whose turn comes first; {task}"
    resting = [
        rest
        for rest in rests.running(tx)
        if rest.scope is Scope.EVERYTHING
        or (rest.scope is Scope.SERVICE and rest.name == provider.name)
        or rest.name in {key.account for key in keys}
    ]
    if resting:
        return f"queued: {_rests(resting[0])}; {task} then"
    return f"queued: all {provider.slots * len(keys)} slots of {provider.name} are taken; {task} when one is free"


def _rests(rest: Rest) -> str:
    if rest.is_pause:
        return rest.words
    until = "until a person acts" if rest.until is None else f"until {moments.spoken(rest.until)}"
    return f"{rest.name} rests {until}, {rest.reason}"


def _named(tx: Tx, job: str) -> Task:
    found = jobs.get(tx, job)
    task = tasks.find(tx, found.job)
    if task is None:
        hint = f"see: ytpool queue show {found.job}"
        raise UsageWrong(f"job {found.job} is a {found.kind} and no task", hint=hint, job=found.job)
    return task


def _require_let_go(task: Task) -> None:
    """Refuse to wait for what is held back: nobody sends it."""
    if task.held_at is not None and task.state is JobState.QUEUED:
        hint = f"run: {queue.task_advice(task.job, task.state, held=True)}"
        raise UsageWrong(f"task {task.job} is held back", hint=hint, job=task.job)


def _seen(task: Task) -> TaskSeen:
    return TaskSeen(
        job=task.job,
        provider=task.provider,
        state=task.state,
        account=task.account,
        task_id=task.task_id,
        progress=task.progress,
        result=None if task.result is None else json.loads(task.result),
        cost=task.cost,
        key=task.job_key,
        inputs=json.loads(task.request)["inputs"],
        priority=task.priority,
        not_before=task.not_before,
        deadline=task.deadline,
        created_at=task.created_at,
        sent_at=task.sent_at,
        until=task.until,
        ended_at=task.ended_at,
        heard_from=task.heard_from,
        error_code=task.error_code,
        error=task.error,
        advice=queue.task_advice(task.job, task.state, held=task.held_at is not None),
    )


def _judged(seen: TaskSeen) -> TaskSeen:
    """Say of a task that somebody waits for whether it went wrong."""
    match seen.state:
        case JobState.FAILED:
            return replace(seen, problem=TaskFailed(seen.error, job=seen.job))
        case JobState.FINISHED_UNKNOWN:
            hint = f"look at the service, then: {seen.advice}"
            return replace(seen, problem=OutcomeUnknown(seen.error, hint=hint, job=seen.job))
        case _:
            return seen
