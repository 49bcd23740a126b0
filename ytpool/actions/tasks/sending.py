"""Tasks on their way to a service.

Before a request may leave, its key's slot is taken and both are committed; whoever dies after that leaves a task that
may or may not exist, and it is called unknown, never sent again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe
from urllib.parse import quote

from ytpool.actions import presence
from ytpool.actions.heartbeat import renewing
from ytpool.actions.tasks.endings import lose, record, tell_chain
from ytpool.actions.tasks.slots import free_keys
from ytpool.actions.tasks.wire import ask, proof_of
from ytpool.actions.watch import Watch
from ytpool.domain import moments, providers
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.jobs import JobState
from ytpool.domain.providers import Heard, Provider, Taken
from ytpool.errors import HoldLost, ServiceSilent, TaskFailed, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import leases, rests, tasks
from ytpool.store.activity import Outcome
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.rests import Scope
from ytpool.store.tasks import Task

_LEAVES_WITHIN = 5.0
"""Seconds after the intent is committed within which a request leaves, or it does not leave at all."""

_TRIES_AGAIN_AFTER = timedelta(seconds=30)
"""How long a key or a service rests that takes nothing just now and does not say until when."""


def advance(rt: Runtime, provider: Provider, keys: Sequence[ApiKey], watch: Watch) -> int:
    """Send what waits, in the order of the line, as long as a key has a free slot; return how many were taken."""
    sent = 0
    while True:
        rt.require_going()
        with rt.store.reading() as tx:  # nobody is kept waiting where there is nothing to do
            if not tasks.waiting(tx, provider.name) or presence.drained(tx) is not None:
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
        free = free_keys(tx, provider, keys)
        if not free:
            return None
        for job in tasks.waiting(tx, provider.name):
            lease = leases.take(tx, LeaseKind.JOB, job, holder=job)
            if lease is None:
                continue
            secret = token_urlsafe(32)
            until = tx.now + timedelta(seconds=provider.time_limit)
            tasks.begin(tx, job, free[0].account, proof=proof_of(secret), until=until)
            return _Begun(task=tasks.get(tx, job), key=free[0], secret=secret, lease=lease, since=tx.machine_boot)
    return None


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
            heard = ask(rt, provider, provider.submit, values)
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


def _callback_address(provider: Provider, secret: str) -> str:
    return f"{provider.callback.url.rstrip('/')}/webhooks/{quote(provider.name)}?secret={secret}"


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
                record(rt, tx, begun.task, Outcome.FAILED, error)
            case Taken.UNKNOWN:
                error = f"{provider.name} may have this task: {said}"
                lose(rt, tx, begun.task, error, frees=False)
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
            tell_chain(tx, begun.task)
        leases.give_back(tx, [begun.lease])
