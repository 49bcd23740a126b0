"""Which services run tasks, and how many each of their keys may run at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ytpool.actions import api_keys
from ytpool.actions.queue import AccountSlots, QueueStatus
from ytpool.domain.accounts import AccountState
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.providers import Provider
from ytpool.errors import UnknownName
from ytpool.runtime import Runtime
from ytpool.store import rests, tasks
from ytpool.store.db import Tx
from ytpool.store.rests import Scope

RESTING, GONE = "resting", "gone"
"""How a key may stand that takes no task; else it is active."""


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


def require_provider(rt: Runtime, name: str) -> Provider:
    """Return a provider of the settings, or raise UnknownName."""
    known = rt.config.providers
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    there = f"there are {', '.join(known)}" if known else f"describe it in [providers.NAME] of {rt.config.paths.config}"
    raise UnknownName(
        f"there is no service named {name!r}",
        hint=f"did you mean {close[0]}?" if close else there,
        what="provider",
        name=name,
    )


def of_keys(rt: Runtime) -> Keys:
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
    keys = of_keys(rt).keys
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


def free(rt: Runtime, provider: Provider, keys: Sequence[ApiKey]) -> int:
    """Count the slots that a new task could take now, less those that others wait for."""
    with rt.store.reading() as tx:
        return max(0, len(free_keys(tx, provider, keys)) - len(tasks.waiting(tx, provider.name)))


def free_keys(tx: Tx, provider: Provider, keys: Sequence[ApiKey]) -> list[ApiKey]:
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
