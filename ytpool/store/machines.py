"""Machines that share this state: who they are, when they were heard last, and which of them take nothing new.

A machine is a host name. It is heard by what it does anyway: whoever takes or renews a place says so in the same
transaction, and so do workers and servers, which also say that they stay, and when they leave.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from ytpool import __version__
from ytpool.domain import moments
from ytpool.store import db, owners, suggest
from ytpool.store.db import Tx
from ytpool.store.owners import Owner

BEATS_EVERY = 10.0
"""Seconds between two beats of whoever stays or holds something, at the least."""

_SEEN_EVERY = 60.0
"""The same for what comes and goes."""

SILENT_AFTER = timedelta(seconds=90)
"""For so long nothing may be heard of a process that stays: `serve` looks after its house every half a minute."""

_WORKS_WITHIN = timedelta(days=7)
"""Whoever works once a week is counted on."""

_FORGOTTEN_AFTER = timedelta(days=30)

_PASSED_BY = timedelta(days=1)
"""After so long a machine is forgotten that was heard only once, as a container is that gets a new name each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Somebody's word that a machine takes nothing new."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A worker or a server that has not said that it leaves."""

    owner: Owner
    doing: str
    version: str
    knows: int
    began_at: datetime
    silent_for: timedelta
    is_dead: bool
    """It is seen from here that it has ended."""

    @property
    def lives(self) -> bool:
        return not self.is_dead and self.silent_for < SILENT_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A host that works on this state, as it was heard last."""

    host: str
    first_at: datetime
    seen_at: datetime
    silent_for: timedelta
    version: str
    knows: int
    ahead: float | None
    """Seconds by which its clock was ahead of the database's; None where that has no clock of its own."""
    lacks: tuple[str, ...]
    """The vault's keys that it has looked for and not found."""
    drain: Drain | None

    @classmethod
    def from_row(cls, tx: Tx, row: Any) -> Self:
        silent_for = _silent_for(tx, row)
        return cls(
            host=row["host"],
            first_at=moments.parse(row["first_at"]),
            seen_at=tx.now - silent_for,
            silent_for=silent_for,
            version=row["version"],
            knows=row["knows"],
            ahead=row["ahead"],
            lacks=tuple(row["lacks"].split()),
            drain=_drain(row),
        )


def seen(tx: Tx, host: str) -> None:
    """Write down that a machine works on this state, once a minute at the most."""
    _hear(tx, host, every=_SEEN_EVERY)


def beat(tx: Tx, doing: str = "", *, ahead: float | None = None) -> None:
    """Write down that this machine, and this process if it stays, live: every ten seconds at the most.

    A process stays from its first beat with `doing` on, until it leaves. `ahead` is what it knows of its clock.
    """
    me = owners.me()
    _hear(tx, me.host, every=BEATS_EVERY, ahead=ahead)
    row = tx.one(
        "SELECT pid_started, era, beat FROM processes WHERE host = :host AND pid_space = :pid_space AND pid = :pid",
        host=me.host,
        pid_space=me.pid_space,
        pid=me.pid,
    )
    if row is None or row["pid_started"] != me.started:
        if doing:
            _enter(tx, me, doing)
    elif _is_due(tx, row, BEATS_EVERY):
        tx.run(
            """
            UPDATE processes SET era = :era, beat = :boot, seen_at = :at
             WHERE host = :host AND pid_space = :pid_space AND pid = :pid
            """,
            host=me.host,
            pid_space=me.pid_space,
            pid=me.pid,
            era=tx.era,
            boot=tx.boot,
            at=tx.at,
        )
        _strike_former(tx, me)


def leave(tx: Tx) -> None:
    """Write down that this process stays no longer; leaving twice changes nothing."""
    _strike(tx, owners.me())


def _enter(tx: Tx, me: Owner, doing: str) -> None:
    """Begin to stay; of this machine's, those that are seen to have ended are struck off."""
    for process in processes(tx):
        if process.is_dead or process.silent_for > _FORGOTTEN_AFTER:
            _strike(tx, process.owner)
    _forget_old(tx)
    tx.run(
        """
        INSERT INTO processes (host, pid_space, pid, pid_started, doing, version, knows, began_at, seen_at, era, beat)
        VALUES (:host, :pid_space, :pid, :pid_started, :doing, :version, :knows, :at, :at, :era, :boot)
        ON CONFLICT (host, pid_space, pid) DO UPDATE
           SET pid_started = excluded.pid_started, doing = excluded.doing, version = excluded.version,
               knows = excluded.knows, began_at = excluded.began_at, seen_at = excluded.seen_at, era = excluded.era,
               beat = excluded.beat
        """,
        host=me.host,
        pid_space=me.pid_space,
        pid=me.pid,
        pid_started=me.started,
        doing=doing,
        version=__version__,
        knows=db.known(),
        at=tx.at,
        era=tx.era,
        boot=tx.boot,
    )


def _strike_former(tx: Tx, me: Owner) -> None:
    """Strike off what earlier runs of this machine left that is not heard any more: nobody can see that it ended."""
    rows = tx.all(
        "SELECT * FROM processes WHERE host = :host AND pid_space <> :pid_space", host=me.host, pid_space=me.pid_space
    )
    for row in rows:
        if _silent_for(tx, row) >= SILENT_AFTER:
            _strike(tx, _owner(row))


def _forget_old(tx: Tx) -> None:
    """Forget machines that are no more; one that an operator has drained comes back drained."""
    tx.run(
        """
        DELETE FROM machines
         WHERE drained_at IS NULL AND (seen_at < :before OR first_at = seen_at AND seen_at < :passed_by)
        """,
        before=moments.text(tx.now - _FORGOTTEN_AFTER),
        passed_by=moments.text(tx.now - _PASSED_BY),
    )


def _strike(tx: Tx, owner: Owner) -> None:
    tx.run(
        "DELETE FROM processes WHERE host = :host AND pid_space = :pid_space AND pid = :pid",
        host=owner.host,
        pid_space=owner.pid_space,
        pid=owner.pid,
    )


def _hear(tx: Tx, host: str, *, every: float, ahead: float | None = None) -> None:
    row = tx.one("SELECT era, beat, version FROM machines WHERE host = :host", host=host)
    if row is not None and row["version"] == __version__ and not _is_due(tx, row, every):
        return
    if row is None:
        _forget_old(tx)
    tx.run(
        """
        INSERT INTO machines (host, first_at, seen_at, era, beat, version, knows, ahead)
        VALUES (:host, :at, :at, :era, :boot, :version, :knows, :ahead)
        ON CONFLICT (host) DO UPDATE
           SET seen_at = excluded.seen_at, era = excluded.era, beat = excluded.beat, version = excluded.version,
               knows = excluded.knows, ahead = coalesce(excluded.ahead, machines.ahead)
        """,
        host=host,
        at=tx.at,
        era=tx.era,
        boot=tx.boot,
        version=__version__,
        knows=db.known(),
        ahead=ahead,
    )


def _is_due(tx: Tx, row: Any, every: float) -> bool:
    return row["era"] != tx.era or not 0 <= tx.boot - row["beat"] < every


def _silent_for(tx: Tx, row: Any) -> timedelta:
    if row["era"] == tx.era:
        return max(timedelta(seconds=tx.boot - row["beat"]), timedelta(0))
    return max(tx.now - moments.parse(row["seen_at"]), timedelta(0))


def every(tx: Tx) -> list[Machine]:
    return [Machine.from_row(tx, row) for row in tx.all("SELECT * FROM machines ORDER BY host")]


def processes(tx: Tx) -> list[Process]:
    """Return those that stay, and those that did and have ended without a word."""
    found = []
    for row in tx.all("SELECT * FROM processes ORDER BY host, began_at, pid"):
        owner = _owner(row)
        found.append(
            Process(
                owner=owner,
                doing=row["doing"],
                version=row["version"],
                knows=row["knows"],
                began_at=moments.parse(row["began_at"]),
                silent_for=_silent_for(tx, row),
                is_dead=owners.is_dead(owner),
            )
        )
    return found


def _owner(row: Any) -> Owner:
    return Owner(host=row["host"], pid_space=row["pid_space"], pid=row["pid"], started=row["pid_started"])


def are_several(tx: Tx) -> bool:
    """Tell whether more than one machine has worked on this state of late, so that what one cannot do another may."""
    since = moments.text(tx.now - _WORKS_WITHIN)
    return len(tx.all("SELECT host FROM machines WHERE seen_at > :since LIMIT 2", since=since)) > 1


def get(tx: Tx, host: str) -> Machine:
    """Return a machine; raises UnknownName for one that was never heard."""
    row = tx.one("SELECT * FROM machines WHERE host = :host", host=host)
    if row is None:
        known = [each["host"] for each in tx.all("SELECT host FROM machines ORDER BY host")]
        raise suggest.unknown("machine", host, known, listed_by="ytpool fleet status", made_by="ytpool work")
    return Machine.from_row(tx, row)


def drain_of(tx: Tx, host: str) -> Drain | None:
    """Return whose word keeps a machine from taking anything new, or None where nobody has said so."""
    row = tx.one("SELECT drained_at, drained_by, reason FROM machines WHERE host = :host", host=host)
    return None if row is None else _drain(row)


def _drain(row: Any) -> Drain | None:
    if row["drained_at"] is None:
        return None
    return Drain(at=moments.parse(row["drained_at"]), by=row["drained_by"], reason=row["reason"])


def drain(tx: Tx, host: str, *, by: str, reason: str) -> None:
    """Let a machine take nothing new; a word that stands is left as it is."""
    tx.run(
        """
        UPDATE machines SET drained_at = :at, drained_by = :by, reason = :reason
         WHERE host = :host AND drained_at IS NULL
        """,
        host=host,
        at=tx.at,
        by=by,
        reason=reason,
    )


def resume(tx: Tx, host: str) -> None:
    """Let a machine take work again."""
    tx.run("UPDATE machines SET drained_at = NULL, drained_by = '', reason = '' WHERE host = :host", host=host)


def forget(tx: Tx, host: str) -> None:
    """Forget a machine that is no more, and what stayed on it; should it live, it is heard again."""
    tx.run("DELETE FROM processes WHERE host = :host", host=host)
    tx.run("DELETE FROM machines WHERE host = :host", host=host)


def begin_anew(tx: Tx) -> None:
    """Forget who stays, in a state that comes from a copy; who lives says so again before long."""
    tx.run("DELETE FROM processes")


def lacked_by(tx: Tx, host: str) -> tuple[str, ...]:
    """Return the vault's keys that a machine has looked for and not found."""
    row = tx.one("SELECT lacks FROM machines WHERE host = :host", host=host)
    return () if row is None else tuple(row["lacks"].split())


def keep_lacking(tx: Tx, host: str, keys: tuple[str, ...]) -> None:
    """Write down which of the vault's keys a machine has looked for and not found."""
    seen(tx, host)
    lacks = " ".join(sorted(keys))
    tx.run("UPDATE machines SET lacks = :lacks WHERE host = :host AND lacks <> :lacks", host=host, lacks=lacks)
