"""Stopping every new write, on all machines that share the state, and letting them go on.

A pause is a rest without an end, of everything or of a pool. Whoever is about to write asks for it in the transaction
that books the call; reads go on.
"""

from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import names
from ytpool.domain.jobs import JobState
from ytpool.runtime import Runtime
from ytpool.store import jobs, leases, line, meta, pools, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """What is paused now, and what it meets."""

    pool: str | None
    """None: everything."""
    reason: str
    since: datetime
    already: bool
    """It was paused before, and the older reason stands."""
    running: tuple[str, ...]
    """Jobs at work: each stops before its next call that writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaused:
    """What may go on."""

    pool: str | None
    was: str | None
    """The reason for which it was paused; None: it was not."""
    still: tuple[str, ...]
    """What is paused all the same, in words."""
    waiting: int
    """Jobs that go on with `upload --resume`."""
    others: int
    """Jobs that go on one by one, as the queue says."""


def pause(rt: Runtime, reason: str, *, pool: str | None = None, dry_run: bool = False) -> Paused:
    """Stop every new write, or those on the accounts of a pool; a pause that stands is left as it is."""
    names.require_words(reason, "a reason")
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        scope, name = _what(tx, pool)
        before = _standing(tx, scope, name)
        if before is None:
            lifts = f"ytpool unpause --pool {name}" if name else "ytpool unpause"
            rests.rest(tx, scope, name, reason=reason, lifts=lifts, until=None)
        standing = before or _standing(tx, scope, name)
        assert standing is not None
        members = None if pool is None else pools.get(tx, pool).accounts
        working = leases.held(tx, LeaseKind.SLOT)
        running = {job for account, held in working.items() if members is None or account in members for job in held}
        return Paused(
            pool=pool,
            reason=standing.reason,
            since=standing.since,
            already=before is not None,
            running=tuple(sorted(running)),
        )


def left_for(rt: Runtime) -> str | None:
    """Return where the state has moved to, where this one was left."""
    with rt.store.reading() as tx:
        return meta.get(tx, meta.MOVED_TO)


def unpause(rt: Runtime, *, pool: str | None = None, dry_run: bool = False) -> Unpaused:
    """Let writes go on that were paused; what is not paused is left as it is.

    A state that was left for another place goes on here from then on; whoever asks for that must know it (`left_for`).
    """
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        scope, name = _what(tx, pool)
        before = _standing(tx, scope, name)
        rests.lift(tx, scope, name)
        if pool is None:
            meta.forget(tx, meta.MOVED_TO)
        line.look_again(tx)
        waits = (JobState.DEFERRED, JobState.INTERRUPTED)
        stopped = [job for job in jobs.unfinished(tx) if job.state in waits]
        resumed = [job for job in stopped if job.is_upload or (job.is_chore and not job.deletes)]
        return Unpaused(
            pool=pool,
            was=None if before is None else before.reason,
            still=tuple(one.words for one in rests.pauses(tx)),
            waiting=len(resumed),
            others=len(stopped) - len(resumed),
        )


def _what(tx: Tx, pool: str | None) -> tuple[Scope, str]:
    return (Scope.EVERYTHING, "") if pool is None else (Scope.POOL, pools.get(tx, pool).pool)


def _standing(tx: Tx, scope: Scope, name: str) -> rests.Rest | None:
    return next((one for one in rests.pauses(tx) if (one.scope, one.name) == (scope, name)), None)
