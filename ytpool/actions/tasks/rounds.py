"""Rounds over all tasks: each is asked about in its time, given up after it, or sent when it is its turn."""

import logging
import select
from contextlib import nullcontext
from dataclasses import dataclass

from ytpool.actions import api_keys
from ytpool.actions.afar import Ear
from ytpool.actions.tasks.hearing import look_after
from ytpool.actions.tasks.sending import advance
from ytpool.actions.waking import Bell
from ytpool.actions.watch import Nobody, Watch
from ytpool.domain.jobs import JobState
from ytpool.domain.providers import Provider
from ytpool.errors import Interrupted, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import leases, tasks
from ytpool.store.leases import LeaseKind

log = logging.getLogger(__name__)

_LOOKS_WHETHER_TO_STOP_EVERY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round has done."""

    submitted: int
    asked: int
    ended: int
    unknown: int
    left: int
    """Tasks that have not ended."""


def one_round(rt: Runtime, watch: Watch | None = None) -> Round:
    """Ask about every task that it is time for, give up those whose time is over, and send what waits.

    A service that cannot be asked keeps no other waiting; what kept it is raised when all have had their turn.
    """
    rounds, failed = [], []
    for provider in rt.config.providers.values():
        try:
            rounds.append(round_of(rt, provider, watch or Nobody()))
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


def keep_going(rt: Runtime, every: float, watch: Watch | None = None, ear: Ear | None = None) -> None:
    """Go round after round, so many seconds apart or at once where something was put in the line, until asked to stop.

    A round that fails is told once and made again.
    """
    said = ""
    with Bell(rt) as bell, nullcontext() if ear is None else ear.striking(bell):
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


def round_of(rt: Runtime, provider: Provider, watch: Watch) -> Round:
    """Go round over the tasks of one service."""
    with rt.store.reading() as tx:
        due = tasks.to_ask(tx, provider.name, but=set(leases.held(tx, LeaseKind.JOB)))
        idle = not due and not tasks.waiting(tx, provider.name)
    keys = () if idle else api_keys.found(rt, provider)  # who has nothing to do reads no file and opens no vault
    asked, before = 0, {task.job for task in due}
    for task in due:
        rt.require_going()
        asked += look_after(rt, provider, keys, task)
    submitted = advance(rt, provider, keys, watch)
    with rt.store.reading() as tx:
        states = [tasks.get(tx, job).state for job in before]
    return Round(
        submitted=submitted,
        asked=asked,
        ended=sum(state in (JobState.DONE, JobState.FAILED) for state in states),
        unknown=states.count(JobState.FINISHED_UNKNOWN),
        left=0,
    )
