"""How a task ends: what is known is written once, into its job and the journal, and its chain goes on."""

from ytpool.domain import chains
from ytpool.domain.jobs import TASK
from ytpool.errors import OutcomeUnknown, TaskFailed
from ytpool.runtime import Runtime
from ytpool.store import activity, tasks
from ytpool.store import chains as kept_chains
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.ledger import Payer
from ytpool.store.tasks import Task


def settled(rt: Runtime, tx: Tx, job: str, outcome: Outcome | None) -> None:
    """Take a person's word on a task: free its slot, write it into the journal, let its chain go on.

    Without an outcome it is to be sent anew.
    """
    task = tasks.get(tx, job)
    if outcome is None:
        tasks.withdraw(tx, job)
    elif task.was_sent:
        tasks.settled(tx, job)
        record(rt, tx, task, outcome, "settled by a person")
    tell_chain(tx, task)


def tell_chain(tx: Tx, task: Task) -> None:
    """Let the chain go on that asked for this task, if it did not wait any longer for what is known of it now."""
    chain = chains.asked_by(task.job_key)
    if chain is not None:
        kept_chains.goes_on(tx, chain)


def lose(rt: Runtime, tx: Tx, task: Task, error: str, *, frees: bool) -> None:
    """Write down that nobody knows how a task ends; its slot is free again only where its time is over."""
    if tasks.lost(tx, task.job, error=error, frees=frees):
        record(rt, tx, task, Outcome.UNKNOWN, error)


def record(rt: Runtime, tx: Tx, task: Task, outcome: Outcome, error: str) -> None:
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
