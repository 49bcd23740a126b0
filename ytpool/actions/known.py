"""Names that may be typed, for whoever presses Tab: they have to be there at once, and reading them changes nothing."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from ytpool.runtime import Runtime
from ytpool.store.db import Tx

_PATIENCE = 0.5
"""Seconds to wait for a state that somebody else has locked: nobody waits longer for a Tab."""

_MOST_JOBS = 200
"""So many jobs are named, the newest; one more letter of the id names others."""


class Kind(StrEnum):
    """What a name is the name of."""

    ACCOUNT = "account"
    POOL = "pool"
    PROJECT = "project"
    JOB = "job"
    SESSION = "session"
    USER = "user"
    RESTING = "resting"
    SCOPE = "scope"
    EXPLAINED = "explained"
    PROVIDER = "provider"
    CHAIN = "chain"
    TOPIC = "topic"
    MACHINE = "machine"


class Known(NamedTuple):
    """A name, and what is said beside it where a shell has room."""

    name: str
    about: str = ""


def names(rt: Runtime, kind: Kind, beginning: str) -> list[Known]:
    """Return the names of a kind, in an order people know; none where there is no state yet."""
    if kind in _OF_SETTINGS:
        found: Iterable[Known] = _OF_SETTINGS[kind](rt)
    elif (store := rt.store_within(_PATIENCE)).exists():
        with store.reading() as tx:
            found = list(_OF_STATE[kind](rt, tx, beginning))
    else:
        found = ()
    return [one for one in dict.fromkeys(found) if one.name.startswith(beginning)]


# Whoever presses Tab waits for what is imported, so that each kind imports its own.


def _accounts(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import accounts  # noqa: PLC0415

    return (Known(one.account, one.channel_title) for one in accounts.every(tx))


def _pools(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import pools  # noqa: PLC0415

    return (Known(one.pool, ", ".join(one.accounts)) for one in pools.every(tx))


def _projects(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import projects  # noqa: PLC0415

    return (Known(one.project) for one in projects.every(tx))


def _jobs(_rt: Runtime, tx: Tx, beginning: str) -> Iterable[Known]:
    from ytpool.store import jobs  # noqa: PLC0415

    found = jobs.beginning_with(tx, beginning, most=_MOST_JOBS)
    return (Known(one.job, f"{one.kind} for {one.target}: {one.state}") for one in found)


def _sessions(rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import sessions  # noqa: PLC0415

    return (
        Known(one.spoken, str(one.state))
        for one in sessions.every(tx, timedelta(days=rt.config.sessions.inactive_days))
    )


def _users(rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    return (Known(one.name.rpartition("@")[0]) for one in _sessions(rt, tx, ""))


def _resting(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import rests  # noqa: PLC0415

    return (Known(one.name, one.reason) for one in rests.running(tx) if not one.is_pause)


def _scopes(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import rests  # noqa: PLC0415

    return (Known(str(one.scope)) for one in rests.running(tx) if not one.is_pause)


def _explained(rt: Runtime, tx: Tx, beginning: str) -> Iterable[Known]:
    return (*_accounts(rt, tx, beginning), *_projects(rt, tx, beginning), *_jobs(rt, tx, beginning))


def _machines(_rt: Runtime, tx: Tx, _: str) -> Iterable[Known]:
    from ytpool.store import machines  # noqa: PLC0415

    return (Known(one.host, "drained" if one.drain else "") for one in machines.every(tx))


def _topics(_: Runtime) -> Iterable[Known]:
    from ytpool.actions import guide  # noqa: PLC0415

    return (Known(one.topic, one.about) for one in guide.contents().topics)


_OF_STATE: Mapping[Kind, Callable[[Runtime, Tx, str], Iterable[Known]]] = {
    Kind.ACCOUNT: _accounts,
    Kind.POOL: _pools,
    Kind.PROJECT: _projects,
    Kind.JOB: _jobs,
    Kind.SESSION: _sessions,
    Kind.USER: _users,
    Kind.RESTING: _resting,
    Kind.SCOPE: _scopes,
    Kind.EXPLAINED: _explained,
    Kind.MACHINE: _machines,
}

_OF_SETTINGS: Mapping[Kind, Callable[[Runtime], Iterable[Known]]] = {
    Kind.PROVIDER: lambda rt: (Known(name) for name in rt.config.providers),
    Kind.CHAIN: lambda rt: (Known(name) for name in rt.config.chains),
    Kind.TOPIC: _topics,
}
