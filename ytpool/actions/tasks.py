"""Work that another service does: submitted once, then asked about, or heard of by a callback.

A task is a job from the moment it is asked for. Before its request may leave, its key's slot is taken and both are
committed; whoever dies after that leaves a task that may or may not exist, and it is called unknown, never sent
again. The slot stays taken while the task runs, without any process, until it has ended or its time is over.
"""

import hashlib
import hmac
import json
import logging
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, urlsplit

from ytpool.actions import api_keys, queue, waking
from ytpool.actions.heartbeat import renewing
from ytpool.actions.queue import AccountSlots, QueueStatus
from ytpool.actions.waking import Bell
from ytpool.actions.watch import Nobody, Watch
from ytpool.domain import chains, ids, moments, providers
from ytpool.domain.accounts import AccountState
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.jobs import TASK, InLine, JobState, Target, TargetKind
from ytpool.domain.providers import Heard, Provider, Taken, Told
from ytpool.errors import (
    CallbackRefused,
    HoldLost,
    Interrupted,
    OutcomeUnknown,
    ServiceSilent,
    TaskFailed,
    UnknownName,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import activity, jobs, leases, line, rests, tasks
from ytpool.store import chains as kept_chains
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Payer
from ytpool.store.rests import Rest, Scope
from ytpool.store.tasks import Task

log = logging.getLogger(__name__)

_LEAVES_WITHIN = 5.0
"""Seconds after the intent is committed within which a request leaves, or it does not leave at all."""

_TRIES_AGAIN_AFTER = timedelta(seconds=30)
"""How long a key or a service rests that takes nothing just now and does not say until when."""

_LOOKS_EVERY = 0.5
_LOOKS_WHETHER_TO_STOP_EVERY = 0.5

RESTING, GONE = "resting", "gone"
"""How a key may stand that takes no task; else it is active."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many tasks one key may run at once, and how many it does."""

    name: str
    place: str
    """Where it was found; empty where it was taken away."""
    running: int
    max_slots: int
    available: int
    state: str
    """active, resting, or gone: taken away while tasks of it run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Every key of every provider."""

    keys: tuple[Slots, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round has done."""

    submitted: int
    asked: int
    ended: int
    unknown: int
    left: int
    """Tasks that have not ended."""


def require_provider(rt: Runtime, name: str) -> Provider:
    """Return a provider of the settings, or raise UnknownName."""
    known = rt.config.providers
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    there = f"there are {', '.join(known)}" if known else f"describe it in [providers.NAME] of {rt.config.paths.config}"
    raise UnknownName(
        f"there is no provider named {name!r}",
        hint=f"did you mean {close[0]}?" if close else there,
        what="provider",
        name=name,
    )


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
    _advance(rt, provider, keys, watch)
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
        free = _free(tx, provider, keys)
        waiting = tasks.waiting(tx, provider.name)
    return TaskPlanned(
        provider=provider.name,
        request=provider.submit.request,
        account=free[len(waiting)].account if len(free) > len(waiting) else None,
        free=len(free),
        cost=provider.cost,
    )


def free_slots(rt: Runtime, provider: Provider, keys: Sequence[ApiKey]) -> int:
    """Count the slots that a new task could take now, less those that others wait for."""
    with rt.store.reading() as tx:
        return max(0, len(_free(tx, provider, keys)) - len(tasks.waiting(tx, provider.name)))


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
        _one_round(rt, require_provider(rt, seen.provider), watch)
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
        _one_round(rt, require_provider(rt, seen.provider), watch)
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


def slots(rt: Runtime) -> Keys:
    """Say of every key how many tasks it runs and may run; their values are not looked at."""
    found = []
    for provider in rt.config.providers.values():
        places = {key.account: key.place for key in api_keys.found(rt, provider)}
        with rt.store.reading() as tx:
            running = tasks.running(tx, provider.name)
            resting = {rest.name for rest in rests.running(tx) if rest.scope is Scope.ACCOUNT}
        for account in (*places, *sorted(running.keys() - places)):
            taken = running.get(account, 0)
            state = GONE if account not in places else RESTING if account in resting else AccountState.ACTIVE
            most = 0 if state == GONE else provider.slots
            found.append(
                Slots(
                    name=account,
                    place=places.get(account, ""),
                    running=taken,
                    max_slots=most,
                    available=max(0, most - taken) if state == AccountState.ACTIVE else 0,
                    state=state,
                )
            )
    return Keys(keys=tuple(found))


def counted_in(rt: Runtime, status: QueueStatus) -> QueueStatus:
    """Count the keys of other services, and the tasks that wait for one, among accounts and jobs."""
    keys = slots(rt).keys
    with rt.store.reading() as tx:
        waiting = sum(len(tasks.waiting(tx, name)) for name in rt.config.providers)
    # One service alone needs no naming, unless an account of YouTube is called like one of its keys.
    short = {key.name: key.name.rpartition("/")[2] for key in keys}
    alone = len(rt.config.providers) == 1 and not {one.name for one in status.accounts} & {*short.values()}
    return replace(
        status,
        total_max_slots=status.total_max_slots + sum(key.max_slots for key in keys),
        total_running=status.total_running + sum(key.running for key in keys),
        total_queued=status.total_queued + waiting,
        accounts=(
            *status.accounts,
            *(
                AccountSlots(
                    name=short[key.name] if alone else key.name,
                    running=key.running,
                    max_slots=key.max_slots,
                    available=key.available,
                    state=key.state,
                )
                for key in keys
            ),
        ),
    )


def one_round(rt: Runtime, watch: Watch | None = None) -> Round:
    """Ask about every task that it is time for, give up those whose time is over, and send what waits.

    A service that cannot be asked keeps no other waiting; what kept it is raised when all have had their turn.
    """
    rounds, failed = [], []
    for provider in rt.config.providers.values():
        try:
            rounds.append(_one_round(rt, provider, watch or Nobody()))
        except Interrupted:
            raise
        except YtpoolError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    with rt.store.reading() as tx:
        left = len(tasks.every(tx, ended=False))
    return Round(
        submitted=sum(one.submitted for one in rounds),
        asked=sum(one.asked for one in rounds),
        ended=sum(one.ended for one in rounds),
        unknown=sum(one.unknown for one in rounds),
        left=left,
    )


def settled(rt: Runtime, tx: Tx, job: str, outcome: Outcome | None) -> None:
    """Take a person's word on a task: free its slot, write it into the journal, let its chain go on.

    Without an outcome it is to be sent anew.
    """
    task = tasks.get(tx, job)
    if outcome is None:
        tasks.withdraw(tx, job)
    elif task.was_sent:
        tasks.settled(tx, job)
        _record(rt, tx, task, outcome, "settled by a person")
    _tell_chain(tx, task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What a callback has told."""

    job: str
    state: JobState
    news: bool
    """Nobody had heard of this end before."""


def keep_going(rt: Runtime, every: float, watch: Watch | None = None) -> None:
    """Go round after round, so many seconds apart or at once where something was put in the line, until asked to stop.

    A round that fails is told once and made again.
    """
    said = ""
    with Bell(rt) as bell:
        while _waits(rt, bell, every):
            try:
                one_round(rt, watch)
            except Interrupted:
                return
            except YtpoolError as error:
                # A busy state or a setting that is wrong just now: the next round finds out.
                if error.message != said:
                    log.warning("round not finished", extra={"reason": error.message})
                said = error.message
            else:
                said = ""


def _waits(rt: Runtime, bell: Bell, seconds: float) -> bool:
    """Wait until it is time or the bell rings; False where the program was asked to stop."""
    until = rt.clock.monotonic() + seconds
    while not rt.stopping.is_set() and (left := until - rt.clock.monotonic()) > 0:
        if select.select(bell.descriptors(), [], [], min(left, _LOOKS_WHETHER_TO_STOP_EVERY))[0]:
            bell.hush()
            break
    return not rt.stopping.is_set()


def hear(rt: Runtime, name: str, content: Any, secret: str) -> Called:
    """Take a callback; taking it twice changes nothing. Raises CallbackRefused with the status of the answer.

    It may come before the answer to the submission: then it is known by its secret, which only the service was told.
    """
    provider = rt.config.providers.get(name)
    if provider is None or not provider.callback.url:
        raise CallbackRefused(f"no callbacks are taken for {name!r}", http_status=404)
    task_id = providers.task_id(content, provider.callback.task_id)
    if not task_id:
        raise CallbackRefused(f"there is no task id at {provider.callback.task_id}", http_status=400)
    proof = _proof(secret)
    unspoken = [secret, *(key.key.reveal() for key in api_keys.found(rt, provider))]
    told = providers.told(provider.callback, providers.hushed(content, [one for one in unspoken if one]))
    with rt.store.transaction() as tx:
        task = tasks.called(tx, name, task_id, proof)
        if task is None:
            raise CallbackRefused("no job of ours has this task", http_status=404)
        if not hmac.compare_digest(task.proof or "", proof):
            raise CallbackRefused("the secret is not this task's", http_status=403)
        tasks.name(tx, task.job, task_id)
        news = _keep(rt, tx, provider, task, told, "callback")
        called = Called(job=task.job, state=tasks.get(tx, task.job).state, news=news)
    if news:
        _ring_for_chain(rt, task)
    return called


def _one_round(rt: Runtime, provider: Provider, watch: Watch) -> Round:
    with rt.store.reading() as tx:
        due = tasks.to_ask(tx, provider.name, but=set(leases.held(tx, LeaseKind.JOB)))
        idle = not due and not tasks.waiting(tx, provider.name)
    keys = () if idle else api_keys.found(rt, provider)  # who has nothing to do reads no file and opens no vault
    asked, before = 0, {task.job for task in due}
    for task in due:
        rt.require_going()
        asked += _look_after(rt, provider, keys, task)
    submitted = _advance(rt, provider, keys, watch)
    with rt.store.reading() as tx:
        states = [tasks.get(tx, job).state for job in before]
    return Round(
        submitted=submitted,
        asked=asked,
        ended=sum(state in (JobState.DONE, JobState.FAILED) for state in states),
        unknown=states.count(JobState.FINISHED_UNKNOWN),
        left=0,
    )


def _advance(rt: Runtime, provider: Provider, keys: Sequence[ApiKey], watch: Watch) -> int:
    """Send what waits, in the order of the line, as long as a key has a free slot; return how many were taken."""
    sent = 0
    while True:
        rt.require_going()
        with rt.store.reading() as tx:  # nobody is kept waiting where there is nothing to do
            if not tasks.waiting(tx, provider.name):
                return sent
            late = bool(tasks.overdue(tx, provider.name))
        if late:
            _give_up_overdue(rt, provider, watch)
        begun = _begin(rt, provider, keys)
        if begun is None:
            return sent
        sent += _send(rt, provider, begun, watch)


def _give_up_overdue(rt: Runtime, provider: Provider, watch: Watch) -> None:
    """Let no task be sent whose deadline is over: it would be paid for and come too late."""
    with rt.store.transaction() as tx:
        late = tasks.overdue(tx, provider.name)
        for task in late:
            assert task.deadline is not None
            error = f"its deadline was over, {moments.spoken(task.deadline)}, before a slot was free; it was not sent"
            tasks.give_up(tx, task.job, error_code=TaskFailed.code, error=error)
    for task in late:
        watch.says(task.job, f"task {task.job} of {provider.name} is not sent: its deadline is over")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A task whose slot is taken and whose request may leave."""

    task: Task
    key: ApiKey
    secret: str
    lease: Lease
    since: float


def _begin(rt: Runtime, provider: Provider, keys: Sequence[ApiKey]) -> _Begun | None:
    with rt.store.transaction() as tx:
        free = _free(tx, provider, keys)
        if not free:
            return None
        for job in tasks.waiting(tx, provider.name):
            lease = leases.take(tx, LeaseKind.JOB, job, holder=job)
            if lease is None:
                continue
            secret = token_urlsafe(32)
            until = tx.now + timedelta(seconds=provider.time_limit)
            tasks.begin(tx, job, free[0].account, proof=_proof(secret), until=until)
            return _Begun(task=tasks.get(tx, job), key=free[0], secret=secret, lease=lease, since=tx.boot)
    return None


def _free(tx: Tx, provider: Provider, keys: Sequence[ApiKey]) -> list[ApiKey]:
    """Return a key for every free slot, in the order in which they are filled."""
    resting = {(rest.scope, rest.name) for rest in rests.running(tx)}
    if (Scope.SERVICE, provider.name) in resting or any(scope is Scope.EVERYTHING for scope, _ in resting):
        return []
    taken = tasks.running(tx, provider.name)
    return [
        key
        for key in keys
        if (Scope.ACCOUNT, key.account) not in resting
        for _ in range(provider.slots - taken.get(key.account, 0))
    ]


def _send(rt: Runtime, provider: Provider, begun: _Begun, watch: Watch) -> bool:
    """Send a task once, and keep what came of it; True where the service has it."""
    job, account = begun.task.job, begun.key.account
    watch.announces(job, f"submitting to {provider.name} as {account}, cost {provider.cost:g}: job {job}")
    values = {**json.loads(begun.task.request)["inputs"], "key": begun.key.key.reveal(), "job": job}
    if provider.callback.url:
        values["callback"] = _callback_address(provider, begun.secret)
    try:
        _require_soon(rt, begun)
        with renewing(rt, begun.lease, leases.LASTS_FOR):
            heard = _ask_service(rt, provider, provider.submit, values)
    except ServiceSilent as silent:
        _settle(rt, provider, begun, Taken.UNKNOWN if silent.sent else Taken.BUSY, silent.message, silent=True)
        watch.says(job, f"{account}: {silent.message}")
        return False
    except YtpoolError as error:  # it could not even be written down as a request
        _settle(rt, provider, begun, Taken.NO, error.message)
        raise
    except BaseException:
        _settle(rt, provider, begun, Taken.UNKNOWN, "this process was stopped while the answer was on its way")
        raise
    verdict = providers.taken(provider.submit, heard.status, heard.content)
    said = _words_of(provider, heard)
    if verdict is Taken.UNKNOWN and heard.status < 300:
        said = f"{said}; its answer has no task id at {provider.submit.task_id}"
    task_id = providers.task_id(heard.content, provider.submit.task_id)
    _settle(rt, provider, begun, verdict, said, task_id=task_id, retry_after=heard.retry_after)
    if verdict is not Taken.YES:
        watch.says(job, f"{account}: {said}")
    return verdict is Taken.YES


def _words_of(provider: Provider, heard: Heard) -> str:
    """Say what a service answered, in its own words as far as it has any."""
    code = providers.reach(heard.content, provider.submit.code)
    message = providers.reach(heard.content, provider.poll.message)
    first = f"HTTP {heard.status}" if code is None else f"{provider.submit.code} {providers.spoken(code)[:100]}"
    return first if message in (None, "") else f"{first}, {providers.spoken(message)[:500]}"


def _require_soon(rt: Runtime, begun: _Begun) -> None:
    """Refuse to send what was decided too long ago: somebody may have taken us for dead."""
    if rt.clock.boot() - begun.since > _LEAVES_WITHIN:
        raise ServiceSilent("this process stood still before the task was sent", sent=False)


def _settle(
    rt: Runtime,
    provider: Provider,
    begun: _Begun,
    verdict: Taken,
    said: str,
    *,
    task_id: str = "",
    retry_after: float | None = None,
    silent: bool = False,
) -> None:
    job, account = begun.task.job, begun.key.account
    with rt.store.transaction() as tx:
        if tasks.get(tx, job).proof != begun.task.proof:
            raise HoldLost(f"job {job} was begun anew elsewhere while its answer was on the way", job=job)
        until = tx.now + (_TRIES_AGAIN_AFTER if retry_after is None else timedelta(seconds=retry_after))
        match verdict:
            case Taken.YES:
                ask_at = tx.now + timedelta(seconds=provider.poll.every) if provider.poll.request else None
                tasks.taken(tx, job, task_id, cost=provider.cost, ask_at=ask_at)
            case Taken.NO:
                error = f"{provider.name} refused it: {said}"
                tasks.ended(
                    tx, job, JobState.FAILED, heard_from="answer", error_code=TaskFailed.code, error=error, cost=0.0
                )
                _record(rt, tx, begun.task, Outcome.FAILED, error)
            case Taken.UNKNOWN:
                error = f"{provider.name} may have this task: {said}"
                _lose(rt, tx, begun.task, error, frees=False)
            case Taken.BUSY | Taken.KEY_REFUSED:
                tasks.put_back(tx, job, not_before=None, error_code="", error=said)
                refused = verdict is Taken.KEY_REFUSED
                rests.rest(
                    tx,
                    Scope.SERVICE if silent else Scope.ACCOUNT,
                    provider.name if silent else account,
                    reason=f"{'it refuses this key' if refused else 'it takes nothing now'}: {said}",
                    lifts=f"ytpool rests lift account {account}" if refused else "then it is tried again",
                    until=None if refused else until,
                )
        if verdict is not Taken.UNKNOWN:
            _tell_chain(tx, begun.task)
        leases.give_back(tx, [begun.lease])


def _look_after(rt: Runtime, provider: Provider, keys: Sequence[ApiKey], task: Task) -> int:
    """Ask about one task; give it up when its time is over, or when whoever sent it died before the answer."""
    with rt.store.transaction() as tx:
        task = tasks.get(tx, task.job)  # its answer or its callback may have come since
        over = task.until is not None and task.until <= tx.now
        if task.state is not JobState.RUNNING or task.job in leases.held(tx, LeaseKind.JOB):
            return 0
        if task.task_id is None:
            error = f"{provider.name} may have this task: whoever was sending it died before the answer"
            _lose(rt, tx, task, error, frees=over)
            return 0
        tasks.will_ask(tx, task.job, tx.now + timedelta(seconds=provider.poll.every))
    key = next((key for key in keys if key.account == task.account), None)
    asked = bool(provider.poll.request) and key is not None
    if asked and key is not None:
        values = {"key": key.key.reveal(), "task_id": task.task_id, "job": task.job}
        try:
            heard = _ask_service(rt, provider, provider.poll, values)
        except ServiceSilent as silent:
            log.warning("task not asked about", extra={"job": task.job, "reason": silent.message})
        else:
            # An error page that happens to hold a word like ours tells nothing.
            told = providers.told(provider.poll, heard.content) if 200 <= heard.status < 300 else None
            if told is not None:
                with rt.store.transaction() as tx:
                    news = _keep(rt, tx, provider, task, told, "poll")
                if news:
                    _ring_for_chain(rt, task)
    if over:
        with rt.store.transaction() as tx:
            span = f"{provider.time_limit:g} seconds"
            error = f"nobody heard within {span} how task {task.task_id} of {provider.name} ended"
            _lose(rt, tx, task, error, frees=True)
    return int(asked)


def _keep(rt: Runtime, tx: Tx, provider: Provider, task: Task, told: Told, heard_from: str) -> bool:
    """Keep what a service says of a task; False where that was known."""
    if told.ended is None:
        if told.progress:
            tasks.goes_on(tx, task.job, told.progress)
        return False
    result = None if told.result is None else providers.stored(told.result)
    if told.ended:
        news = tasks.ended(tx, task.job, JobState.DONE, heard_from=heard_from, result=result, cost=provider.cost)
        error = ""
    else:
        error = f"{provider.name} says that it failed{f': {told.message}' if told.message else ''}"
        news = tasks.ended(
            tx,
            task.job,
            JobState.FAILED,
            heard_from=heard_from,
            result=result,
            error_code=TaskFailed.code,
            error=error,
        )
    if news:
        _record(rt, tx, task, Outcome.DONE if told.ended else Outcome.FAILED, error)
        _tell_chain(tx, task)
    return news


def _tell_chain(tx: Tx, task: Task) -> None:
    """Let the chain go on that asked for this task, if it did not wait any longer for what is known of it now."""
    chain = chains.asked_by(task.job_key)
    if chain is not None:
        kept_chains.goes_on(tx, chain)


def _ring_for_chain(rt: Runtime, task: Task) -> None:
    if chains.asked_by(task.job_key) is not None:
        waking.ring(rt)


def _lose(rt: Runtime, tx: Tx, task: Task, error: str, *, frees: bool) -> None:
    if tasks.lost(tx, task.job, error=error, frees=frees):
        _record(rt, tx, task, Outcome.UNKNOWN, error)


def _record(rt: Runtime, tx: Tx, task: Task, outcome: Outcome, error: str) -> None:
    """Write how a task ended into the journal, once: what was unknown before is known now."""
    assert task.account is not None
    assert task.sent_at is not None
    reason = {Outcome.FAILED: TaskFailed.code, Outcome.UNKNOWN: OutcomeUnknown.code}.get(outcome, "")
    if activity.settle_unknown(
        tx, rt.rng, task.job, TASK, outcome, since=task.sent_at, reason=reason, spare_score=True
    ):
        return
    activity.record(
        tx,
        rt.rng,
        Payer(account=task.account, project="", channel_id=""),
        TASK,
        outcome,
        seconds=max(0.0, (tx.now - task.sent_at).total_seconds()),
        job=task.job,
        reason=reason,
        detail=error,
        spare_score=True,  # it is no account of YouTube
    )


def _ask_service(
    rt: Runtime, provider: Provider, how: providers.Submit | providers.Poll, values: Mapping[str, Any]
) -> Heard:
    request = providers.fill_request(how.request, values)
    if rt.is_sandbox and "://" in request:  # never to the real one, wherever its settings point
        method, _, url = request.partition(" ")
        request = f"{method} {urlsplit(url).path or '/'}"
    headers = {name: providers.spoken(value) for name, value in providers.fill(how.headers, values).items()}
    body = providers.fill(how.body, values)
    heard = rt.task_services.send(rt.service_root(provider), request, headers=headers, body=body)
    return heard._replace(
        content=providers.hushed(heard.content, [str(values[name]) for name in _SECRET & set(values)])
    )


_SECRET = frozenset({"key", "callback"})
"""What of a request is never to be seen again."""


def _callback_address(provider: Provider, secret: str) -> str:
    return f"{provider.callback.url.rstrip('/')}/webhooks/{quote(provider.name)}?secret={secret}"


def _proof(secret: str) -> str:
    # 256 bits of chance need no slow hash; and what is stored here opens nothing.
    return hashlib.sha256(secret.encode()).hexdigest()


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
    if _free(tx, provider, keys):
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
