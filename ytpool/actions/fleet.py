"""The machines that share a state: what each does and holds, and an operator's word on one of them.

Nobody asks a machine. What is told here is what it has said last, in the state, and how long ago.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ytpool.actions import people, waking
from ytpool.domain import names
from ytpool.errors import Busy
from ytpool.runtime import Runtime
from ytpool.store import db, leases, machines, meta, owners, readers
from ytpool.store.db import Tx
from ytpool.store.leases import HeldThere
from ytpool.store.machines import Machine, Process
from ytpool.store.readers import Report

_LOOK_AGAIN_AFTER = 0.5
_CLOCK_IS_RIGHT_WITHIN = 60.0
_HOLDERS_NAMED = 5


class Condition(StrEnum):
    """How it stands with a machine."""

    AT_WORK = "at work"
    """It holds something."""
    IDLE = "idle"
    """Something stays on it, and holds nothing."""
    AWAY = "away"
    """Nothing stays on it; it works when somebody types, or cron does."""
    DRAINING = "draining"
    """It takes nothing new, and holds something still."""
    DRAINED = "drained"
    SILENT = "silent"
    """What stayed on it has not been heard for too long, and has not said that it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """A worker or a server that has not said that it leaves."""

    doing: str
    pid: int
    version: str
    began_at: datetime
    silent_seconds: float
    lives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """Something that only this machine may go on with, as long as it holds it."""

    kind: str
    name: str
    holder: str
    left_seconds: float
    """After which it is free by itself, unless it is renewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """A machine, as it was heard last."""

    host: str
    is_here: bool
    condition: Condition
    first_seen_at: datetime
    last_seen_at: datetime
    silent_seconds: float
    version: str
    knows_state: int
    """The newest version of a state that it knows."""
    processes: tuple[ProcessRow, ...]
    holds: Mapping[str, int]
    """How much, by kind."""
    held: tuple[HeldRow, ...]
    key: str
    """`in reach`, `not in reach`, or `unknown` where nothing there has opened the vault."""
    clock_ahead_seconds: float | None
    """Against the database's clock; None where the state has none of its own."""
    drained_at: datetime | None
    drained_by: str
    reason: str
    remarks: tuple[str, ...]
    """What somebody should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """Every machine that works on this state."""

    machines: tuple[MachineRow, ...]
    state_version: int
    versions: tuple[str, ...]
    """Of ytpool, as far as they work here now."""
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """A machine that takes nothing new, and what it has not let go of."""

    host: str
    already: bool
    """It was drained before, and the older word stands."""
    drained_at: datetime
    drained_by: str
    reason: str
    free: bool
    held: tuple[HeldRow, ...]
    processes: tuple[ProcessRow, ...]
    silent_seconds: float
    free_in_seconds: float | None
    """Where nothing lives on it: when what it holds is free by itself."""
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A machine that takes work again."""

    host: str
    was_drained: bool
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A machine that is no more."""

    host: str
    processes: int
    """Of those that stayed on it and never said that they leave."""
    dry_run: bool


def status(rt: Runtime) -> FleetStatus:
    """Say of every machine what is known: who stays on it, what it holds, and what somebody should look at."""
    with rt.store.reading() as tx:
        rows, version = machines_seen(tx), int(meta.get(tx, "schema") or 0)
    versions = sorted({process.version for row in rows for process in row.processes if process.lives})
    return FleetStatus(
        machines=rows, state_version=version, versions=tuple(versions), remarks=tuple(_remarks(rows, versions))
    )


def machines_seen(tx: Tx) -> tuple[MachineRow, ...]:
    """Return every machine as it was heard last, by name."""
    held, staying = leases.by_machine(tx), _by_host(machines.processes(tx))
    key, reports = meta.get(tx, meta.VAULT_KEY), readers.every(tx)
    return tuple(
        _row(one, staying.get(one.host, ()), held.get(one.host, ()), _key(one, key, reports, tx.now))
        for one in machines.every(tx)
    )


def _by_host(processes: Sequence[Process]) -> Mapping[str, list[Process]]:
    found: dict[str, list[Process]] = {}
    for process in processes:
        found.setdefault(process.owner.host, []).append(process)
    return found


def _row(machine: Machine, staying: Sequence[Process], held: Sequence[HeldThere], key: str) -> MachineRow:
    drain = machine.drain
    return MachineRow(
        host=machine.host,
        is_here=machine.host == owners.me().host,
        condition=_condition(machine, staying, held),
        first_seen_at=machine.first_at,
        last_seen_at=machine.seen_at,
        silent_seconds=round(machine.silent_for.total_seconds(), 1),
        version=machine.version,
        knows_state=machine.knows,
        processes=_process_rows(staying),
        holds=dict(sorted(Counter(one.kind for one in held).items())),
        held=_held_rows(held),
        key=key,
        clock_ahead_seconds=None if machine.ahead is None else round(machine.ahead, 1),
        drained_at=None if drain is None else drain.at,
        drained_by="" if drain is None else drain.by,
        reason="" if drain is None else drain.reason,
        remarks=tuple(_remarks_on(machine, staying, held, key)),
    )


def _condition(machine: Machine, staying: Sequence[Process], held: Sequence[HeldThere]) -> Condition:
    if machine.drain is not None:
        return Condition.DRAINING if held else Condition.DRAINED
    # One that is seen dead may be replaced in a moment by whoever looks after it.
    if staying and all(process.silent_for >= machines.SILENT_AFTER for process in staying):
        return Condition.SILENT
    if held:
        return Condition.AT_WORK
    return Condition.IDLE if any(process.lives for process in staying) else Condition.AWAY


def _process_rows(staying: Sequence[Process]) -> tuple[ProcessRow, ...]:
    return tuple(
        ProcessRow(
            doing=one.doing,
            pid=one.owner.pid,
            version=one.version,
            began_at=one.began_at,
            silent_seconds=round(one.silent_for.total_seconds(), 1),
            lives=one.lives,
        )
        for one in staying
    )


def _held_rows(held: Sequence[HeldThere]) -> tuple[HeldRow, ...]:
    return tuple(
        HeldRow(kind=one.kind, name=one.name, holder=one.holder, left_seconds=round(one.left.total_seconds(), 1))
        for one in held
    )


def _key(machine: Machine, key: str | None, reports: Sequence[Report], now: datetime) -> str:
    """Say whether a machine has found the vault's key; what it did not find last counts more than what it once had."""
    if key is None:
        return "unknown"
    if key in machine.lacks:
        return "not in reach"
    has = any(one.reader.host == machine.host and key in one.keys and one.lives(now) for one in reports)
    return "in reach" if has else "unknown"


def _remarks_on(machine: Machine, staying: Sequence[Process], held: Sequence[HeldThere], key: str) -> list[str]:
    found = []
    silent = [process for process in staying if not process.lives]
    if silent:
        who = ", ".join(f"{process.doing} (process {process.owner.pid})" for process in silent)
        forget = "" if len(silent) < len(staying) else f"; if it is no more: ytpool fleet forget {machine.host}"
        found.append(f"not heard any more, and never left: {who}{forget}")
    if len({process.owner.pid_space.partition(" ")[0] for process in staying if process.lives}) > 1:
        found.append(f"two machines call themselves {machine.host}; give each a name of its own")
    if held and not any(process.lives for process in staying) and machine.silent_for >= machines.SILENT_AFTER:
        longest = max(one.left for one in held).total_seconds()
        found.append(f"what it holds is free by itself in {longest:.0f} s")
    if key == "not in reach":
        found.append("it leaves to others what needs the vault's key; how to bring it: ytpool vault status, there")
    elif machine.lacks:
        found.append(f"it lacks {', '.join(machine.lacks)} of the vault's keys")
    if machine.ahead is not None and abs(machine.ahead) > _CLOCK_IS_RIGHT_WITHIN:
        which = "ahead of" if machine.ahead > 0 else "behind"
        found.append(f"its clock is {abs(machine.ahead):.0f} s {which} the database's; there: timedatectl set-ntp true")
    return found


def _remarks(rows: Sequence[MachineRow], versions: Sequence[str]) -> list[str]:
    found = []
    if len(versions) > 1:
        found.append(f"versions {' and '.join(versions)} work side by side")
    newest = max((row.knows_state for row in rows), default=0)
    older = [row.host for row in rows if row.processes and row.knows_state < newest]
    if older:
        found.append(f"older than others: {', '.join(older)}")
    if db.known() < newest:
        found.append("this ytpool is older than others that work here")
    return found


def is_silent(told: FleetStatus) -> bool:
    """Tell whether a machine is gone that has not said so."""
    return any(row.condition is Condition.SILENT for row in told.machines)


def drain(
    rt: Runtime,
    host: str,
    reason: str = "",
    *,
    wait: bool = False,
    says: Callable[[str], None] = lambda _: None,
    dry_run: bool = False,
) -> Drained:
    """Let the workers of a machine finish what they have and take nothing new; a word that stands is left as it is.

    With `wait` it returns when the machine holds nothing. Raises UnknownName.
    """
    if reason:
        names.require_words(reason, "a reason")
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        already = machines.get(tx, host).drain is not None
        machines.drain(tx, host, by=people.me(), reason=reason)
        told = _drained(tx, host, already=already, dry_run=dry_run)
    if not dry_run:
        waking.ring(rt)
    said = ""
    while wait and not dry_run and not told.free:
        now = waits_for(told)
        if now != said:
            said = now
            says(f"waiting: {said}")
        rt.sleep(_LOOK_AGAIN_AFTER)
        with rt.store.reading() as tx:
            told = _drained(tx, host, already=already, dry_run=False)
    return told


def waits_for(told: Drained) -> str:
    """Say what a machine that is drained holds still, the same as long as that does not change."""
    kinds = Counter(one.kind.replace("_", " ") for one in told.held)
    holders = sorted({one.holder for one in told.held if one.holder})
    more = len(holders) - _HOLDERS_NAMED
    named = ", ".join(holders[:_HOLDERS_NAMED]) + (f" and {more} more" if more > 0 else "")
    what = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(kinds.items()))
    return f"{told.host} holds {what} ({named})"


def _drained(tx: Tx, host: str, *, already: bool, dry_run: bool) -> Drained:
    machine = machines.get(tx, host)
    assert machine.drain is not None
    held, staying = leases.by_machine(tx).get(host, []), _by_host(machines.processes(tx)).get(host, [])
    gone = machine.silent_for >= machines.SILENT_AFTER or (bool(staying) and not any(one.lives for one in staying))
    free_in = max((one.left.total_seconds() for one in held), default=0.0) if gone else None
    return Drained(
        host=host,
        already=already,
        drained_at=machine.drain.at,
        drained_by=machine.drain.by,
        reason=machine.drain.reason,
        free=not held,
        held=_held_rows(held),
        processes=_process_rows(staying),
        silent_seconds=round(machine.silent_for.total_seconds(), 1),
        free_in_seconds=None if free_in is None else round(free_in, 1),
        dry_run=dry_run,
    )


def resume(rt: Runtime, host: str, *, dry_run: bool = False) -> Resumed:
    """Let a machine take work again; raises UnknownName."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        was_drained = machines.get(tx, host).drain is not None
        machines.resume(tx, host)
    if not dry_run:
        waking.ring(rt)
    return Resumed(host=host, was_drained=was_drained, dry_run=dry_run)


def forget(rt: Runtime, host: str, *, dry_run: bool = False) -> Forgotten:
    """Forget a machine that is no more, and what it said of the vault's keys.

    Raises UnknownName, and Busy where it lives or holds something.
    """
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        machine = machines.get(tx, host)
        staying = _by_host(machines.processes(tx)).get(host, [])
        living = [process for process in staying if process.lives]
        held = leases.by_machine(tx).get(host, [])
        if living or held:
            what = f"{living[0].doing} runs there" if living else f"it holds {held[0].kind.replace('_', ' ')}s still"
            raise Busy(
                f"{host} was heard {machine.silent_for.total_seconds():.0f} s ago, and {what}",
                hint=f"drain it, and stop what runs there: ytpool fleet drain {host} --wait",
                host=host,
            )
        machines.forget(tx, host)
        readers.forget(tx, host)
    return Forgotten(host=host, processes=len(staying), dry_run=dry_run)
