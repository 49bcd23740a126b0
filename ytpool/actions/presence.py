"""Saying that a process stays on this machine, as workers and servers do, and that it leaves.

It is said in transactions that are opened anyway: nobody is woken to say that he lives.
"""

import logging

from ytpool.domain import moments
from ytpool.errors import YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import machines, owners
from ytpool.store.db import Tx
from ytpool.store.machines import Drain

log = logging.getLogger(__name__)

WORK, SERVE = "work", "serve"
"""What those do who stay."""


def beat(rt: Runtime, tx: Tx, doing: str) -> None:
    """Say that this process stays, and what it does; written down seldom, so it may be said at every opportunity."""
    # Only a database that several machines share has a clock of its own.
    ahead = rt.clock.now().timestamp() - tx.boot if rt.store.is_shared else None
    machines.beat(tx, doing, ahead=ahead)


def drained(tx: Tx) -> Drain | None:
    """Return whose word keeps this machine from taking anything new."""
    return machines.drain_of(tx, owners.me().host)


def spoken(drain: Drain) -> str:
    """Say that this machine takes nothing new, since when and by whose word."""
    host = owners.me().host
    why = f" ({drain.reason})" if drain.reason else ""
    return (
        f"{host} is drained since {moments.spoken(drain.at)} by {drain.by}{why}: nothing new is taken here until "
        f"`ytpool fleet resume {host}`"
    )


def leave(rt: Runtime) -> None:
    """Say that this process stays no longer; where nobody can be told, it will be found out."""
    try:
        with rt.store.transaction() as tx:
            machines.leave(tx)
    except YtpoolError as error:
        log.debug("nobody was told that this process leaves", extra={"reason": error.message})
