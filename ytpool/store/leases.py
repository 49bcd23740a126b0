"""Places that one worker holds at a time: slots, channels, jobs, token refreshes.

A lease ends when it is given back, when its time on the boot clock is over, or when its owner is seen dead. Every
taking raises the fencing number, which stays with the row for ever: what an old holder writes late carries an old
number and is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from ytpool.store import machines, owners
from ytpool.store.db import Tx
from ytpool.store.owners import Owner


class LeaseKind(StrEnum):
    """What a lease is about."""

    SLOT = "slot"
    CHANNEL = "channel"
    JOB = "job"
    TURN = "turn"
    """A job that a worker has picked from the line and is about to take, or has taken."""
    REFRESH = "refresh"
    VERIFY = "verify"
    """A login whose channel is being looked at."""
    VIDEO = "video"
    """A video that is being changed: of two who write whole parts of it, one would undo the other's."""
    SESSION_REFRESH = "session_refresh"
    """An account's cookies, while the operator's command fetches new ones."""
    VAULT = "vault"
    """The keys of the vault: one process at a time adds one, or seals anew with another."""
    SESSION = "session"
    """A browser session that somebody has checked out; programs of theirs hold it, not a process of ours."""

    ALERT_TARGET = "alert_target"
    """A target of alerts, while a message is on its way to it."""


LASTS_FOR = timedelta(seconds=10)
REFRESH_LASTS_FOR = timedelta(seconds=30)
SESSION_REFRESH_LASTS_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A place that is ours, and the number that proves it."""

    kind: LeaseKind
    name: str
    place: int
    fence: int
    until: float = field(compare=False)
    """When it ends unless it is renewed, on this machine's boot clock, and rather too early than too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is known of the last one who took a place."""

    lease: Lease
    holder: str
    left: timedelta
    """How long it is still theirs; nothing or less when it is over."""
    given_back: bool


def take(
    tx: Tx,
    kind: LeaseKind,
    name: str,
    *,
    holder: str,
    places: int = 1,
    lasts_for: timedelta = LASTS_FOR,
    owner: Owner | None = None,
) -> Lease | None:
    """Take the first free of so many places, or None when all are held by the living.

    The owner is this process, unless it is `owners.NOBODY_WE_SEE`: then the lease outlives it, until its time is over.
    """
    rows = tx.all("SELECT * FROM leases WHERE kind = :kind AND name = :name", kind=kind, name=name)
    held = {row["place"] for row in rows if is_held(tx, row)}
    if len(held) >= places:  # a place beyond the number counts too: there may have been more of them yesterday
        return None
    place = next(place for place in range(places) if place not in held)
    owner = owner or owners.me()
    taken = tx.one(
        """
        INSERT INTO leases (kind, name, place, fence, holder, host, pid_space, pid, pid_started, era, expires, taken_at)
        VALUES (:kind, :name, :place, 1, :holder, :host, :pid_space, :pid, :pid_started, :era, :expires, :at)
        ON CONFLICT (kind, name, place) DO UPDATE
           SET fence = leases.fence + 1, holder = excluded.holder, host = excluded.host,
               pid_space = excluded.pid_space, pid = excluded.pid, pid_started = excluded.pid_started,
               era = excluded.era, expires = excluded.expires, taken_at = excluded.taken_at
        RETURNING fence
        """,
        kind=kind,
        name=name,
        place=place,
        holder=holder,
        host=owner.host,
        pid_space=owner.pid_space,
        pid=owner.pid,
        pid_started=owner.started,
        era=tx.era,
        expires=tx.boot + lasts_for.total_seconds(),
        at=tx.at,
    )
    if owner.host:
        machines.seen(tx, owner.host)
    until = tx.machine_boot + lasts_for.total_seconds()
    return Lease(kind=kind, name=name, place=place, fence=taken["fence"], until=until)


def is_held(tx: Tx, row: Any) -> bool:
    """Tell whether a lease's row still belongs to somebody: in time, and not seen dead."""
    if row["era"] != tx.era or row["expires"] <= tx.boot:
        return False
    owner = Owner(host=row["host"], pid_space=row["pid_space"], pid=row["pid"], started=row["pid_started"])
    return not owners.is_dead(owner)


def renew(tx: Tx, leases: Iterable[Lease], lasts_for: timedelta = LASTS_FOR) -> bool:
    """Go on holding; False when any of them is no longer ours."""
    machines.beat(tx)
    expires = tx.boot + lasts_for.total_seconds()
    renewed = [
        tx.run(
            """
            UPDATE leases SET expires = :expires
             WHERE kind = :kind AND name = :name AND place = :place AND fence = :fence
               AND era = :era AND expires > :boot
            """,
            kind=lease.kind,
            name=lease.name,
            place=lease.place,
            fence=lease.fence,
            era=tx.era,
            boot=tx.boot,
            expires=expires,
        )
        for lease in leases
    ]
    return all(renewed)


def give_back(tx: Tx, leases: Iterable[Lease]) -> None:
    """Free the places that are still ours; giving back twice changes nothing."""
    for lease in leases:
        tx.run(
            "UPDATE leases SET expires = 0 WHERE kind = :kind AND name = :name AND place = :place AND fence = :fence",
            kind=lease.kind,
            name=lease.name,
            place=lease.place,
            fence=lease.fence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldThere:
    """What a process of a machine holds."""

    host: str
    kind: str
    name: str
    holder: str
    left: timedelta
    """How long it is still theirs unless they renew it."""


ON_MACHINES = f"""
    SELECT * FROM leases
     WHERE kind IN ({", ".join(f"'{kind}'" for kind in LeaseKind)}) AND expires > :boot AND host <> ''
     ORDER BY host, kind, name, place
"""
"""The kinds are named for the index: every job that ever was has a row."""


def by_machine(tx: Tx) -> dict[str, list[HeldThere]]:
    """Return what processes of ours hold now, by their machines."""
    found: dict[str, list[HeldThere]] = {}
    for row in tx.all(ON_MACHINES, boot=tx.boot):
        if is_held(tx, row):
            left = timedelta(seconds=row["expires"] - tx.boot)
            held = HeldThere(host=row["host"], kind=row["kind"], name=row["name"], holder=row["holder"], left=left)
            found.setdefault(row["host"], []).append(held)
    return found


def at_work(tx: Tx) -> list[str]:
    """Say what processes of ours hold now, and who they are."""
    rows = tx.all(
        "SELECT * FROM leases WHERE expires > :boot AND kind <> :theirs ORDER BY kind, name, place",
        boot=tx.boot,
        theirs=LeaseKind.SESSION,
    )
    return [
        f"process {row['pid']} on {row['host']} holds {row['kind'].replace('_', ' ')} {row['name']}"
        for row in rows
        if is_held(tx, row)
    ]


def hosts(tx: Tx) -> set[str]:
    """Name the machines on which processes of ours hold anything now."""
    return {row["host"] for row in tx.all(ON_MACHINES, boot=tx.boot) if is_held(tx, row)}


def by_this_clock(tx: Tx, before: Tx) -> None:
    """Let what was held by the clock of another database, where these rows come from, be held as long by this one's."""
    tx.run(
        """
        UPDATE leases SET era = :era, expires = CASE expires WHEN 0 THEN expires ELSE expires + :ahead END
         WHERE era = :former
        """,
        era=tx.era,
        ahead=tx.boot - before.boot,
        former=before.era,
    )


def begin_anew(tx: Tx) -> None:
    """Free every place but those of programs that are not ours, in a state that others have gone on from.

    What was handed out since is not known, so the fencing numbers leap beyond whatever may have been.
    """
    tx.run(
        """
        UPDATE leases SET fence = fence + :leap, expires = CASE kind WHEN :theirs THEN expires ELSE 0 END
        """,
        leap=_LEAP,
        theirs=LeaseKind.SESSION,
    )


_LEAP = 1_000_000


def holds(tx: Tx, lease: Lease) -> bool:
    """Tell whether a lease is still ours, in the transaction that is about to write in its name."""
    row = tx.one(
        "SELECT fence, era, expires FROM leases WHERE kind = :kind AND name = :name AND place = :place",
        kind=lease.kind,
        name=lease.name,
        place=lease.place,
    )
    return row is not None and row["fence"] == lease.fence and row["era"] == tx.era and row["expires"] > tx.boot


def holding(tx: Tx, kind: LeaseKind, name: str) -> Holding | None:
    """Return who took a thing of one place last, in time or not; None where nobody ever did."""
    row = tx.one("SELECT * FROM leases WHERE kind = :kind AND name = :name AND place = 0", kind=kind, name=name)
    return None if row is None else _holding(tx, kind, row)


def holdings(tx: Tx, kind: LeaseKind) -> dict[str, Holding]:
    """Return who has which things of one place now, by their names."""
    rows = tx.all("SELECT * FROM leases WHERE kind = :kind AND expires > :boot AND place = 0", kind=kind, boot=tx.boot)
    return {row["name"]: _holding(tx, kind, row) for row in rows if is_held(tx, row)}


def _holding(tx: Tx, kind: LeaseKind, row: Any) -> Holding:
    return Holding(
        lease=Lease(
            kind=kind,
            name=row["name"],
            place=0,
            fence=row["fence"],
            until=tx.machine_boot + row["expires"] - tx.boot,
        ),
        holder=row["holder"],
        left=timedelta(seconds=row["expires"] - tx.boot) if is_held(tx, row) else timedelta(0),
        given_back=row["expires"] == 0,
    )


def held(tx: Tx, kind: LeaseKind) -> dict[str, list[str]]:
    """Return who holds what now: for each name, the holders."""
    found: dict[str, list[str]] = {}
    rows = tx.all(
        "SELECT * FROM leases WHERE kind = :kind AND expires > :boot ORDER BY name, place", kind=kind, boot=tx.boot
    )
    for row in rows:
        if is_held(tx, row):
            found.setdefault(row["name"], []).append(row["holder"])
    return found
