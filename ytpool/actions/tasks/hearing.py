"""What a service says of a task that it has: asked for, or called back."""

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ytpool.actions import api_keys, waking
from ytpool.actions.tasks.endings import lose, record, tell_chain
from ytpool.actions.tasks.wire import ask, proof_of
from ytpool.domain import chains, providers
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.jobs import JobState
from ytpool.domain.providers import Provider, Told
from ytpool.errors import CallbackRefused, ServiceSilent, TaskFailed
from ytpool.runtime import Runtime
from ytpool.store import leases, tasks
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.tasks import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What a callback has told."""

    job: str
    state: JobState
    news: bool
    """Nobody had heard of this end before."""


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
    proof = proof_of(secret)
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


def look_after(rt: Runtime, provider: Provider, keys: Sequence[ApiKey], task: Task) -> int:
    """Ask about one task; give it up when its time is over, or when whoever sent it died before the answer."""
    with rt.store.transaction() as tx:
        task = tasks.get(tx, task.job)  # its answer or its callback may have come since
        over = task.until is not None and task.until <= tx.now
        if task.state is not JobState.RUNNING or task.job in leases.held(tx, LeaseKind.JOB):
            return 0
        if task.task_id is None:
            error = f"{provider.name} may have this task: whoever was sending it died before the answer"
            lose(rt, tx, task, error, frees=over)
            return 0
        tasks.will_ask(tx, task.job, tx.now + timedelta(seconds=provider.poll.every))
    key = next((key for key in keys if key.account == task.account), None)
    asked = bool(provider.poll.request) and key is not None
    if asked and key is not None:
        values = {"key": key.key.reveal(), "task_id": task.task_id, "job": task.job}
        try:
            heard = ask(rt, provider, provider.poll, values)
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
            lose(rt, tx, task, error, frees=True)
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
        record(rt, tx, task, Outcome.DONE if told.ended else Outcome.FAILED, error)
        tell_chain(tx, task)
    return news


def _ring_for_chain(rt: Runtime, task: Task) -> None:
    if chains.asked_by(task.job_key) is not None:
        waking.ring(rt)
