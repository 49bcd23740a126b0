"""The state moves to another database, PostgreSQL or a file, while nobody is at work on it.

**How it is done.** The state that is left is paused and says where it goes to: from then on nothing is sold by it. Then
all its rows are written into the other place in one transaction, with the pause taken away, and compared before it is
committed: rows of every table, units of the ledger, meters against their journal. Whoever dies on the way leaves the
other place as it was; the same command goes on, and `ytpool unpause --yes` stays here instead.

**What is never overwritten** is a state that anybody may still use. The other place is empty, or it is what was left
by a move from there, which is paused: so one may go to and fro.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ytpool.actions import restoring, sealing
from ytpool.domain import ids
from ytpool.errors import BooksDisagree, FileInvalid, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import copies, leases, ledger, machines, meta, moving, rests
from ytpool.store.db import Database, Tx
from ytpool.store.moving import Progress
from ytpool.store.rests import Scope

_WORK = ("accounts", "jobs", "ledger", "activity", "secrets", "sessions")
"""Tables in which there is something as soon as a state is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What is in the other place now, as it was compared with what was here."""

    left: str
    """Where the state was."""
    place: str
    """Where it is."""
    rows: dict[str, int]
    """Of each table."""
    units: dict[str, int]
    """Of the ledger, by where they are: held, sent, spent and so on."""
    digest: str
    """Of the newest segment of the activity journal, here as there."""
    already: bool
    """An earlier run had moved it."""
    advice: tuple[str, ...]
    dry_run: bool


def migrate(rt: Runtime, to: str, told: Callable[[Progress], None], *, dry_run: bool = False) -> Migrated:
    """Move the state to an address of PostgreSQL, or into a file.

    Raises Busy while anybody is at work here or there, UsageWrong where the other place holds a state that may be in
    use, BooksDisagree where what arrived is not what left; then nothing was changed there.
    """
    target = rt.database_named(to)
    try:
        if target.shown == rt.store.shown:
            raise UsageWrong(f"the state is at {target.shown} already", hint="name another place")
        if rt.is_sandbox and target.is_shared:
            raise UsageWrong("the sandbox of this profile is on this machine, and so is its state")
        if not target.is_shared:
            _require_state_or_nothing(Path(target.shown))
        if dry_run and target.is_older():
            raise UsageWrong(
                f"{target.shown} holds a state of an older ytpool, and to look into it would bring it up to date",
                hint="with --yes instead of --dry-run it is, and refused all the same where anybody may still use it",
            )
        return _migrate(rt, target, told, dry_run=dry_run)
    finally:
        target.close()


def _require_state_or_nothing(file: Path) -> None:
    """Refuse a file that is something else: it is nobody's state, so no backup would help it."""
    if file.is_dir():
        raise FileInvalid(f"{file} is a folder, not a file", hint="name a file that is not there", path=str(file))
    if file.is_file() and file.stat().st_size and copies.marks(file) is None:
        raise FileInvalid(f"{file} is no state of ytpool", hint="name a file that is not there", path=str(file))


def _migrate(rt: Runtime, target: Database, told: Callable[[Progress], None], *, dry_run: bool) -> Migrated:
    with rt.store.reading() as tx:
        rt.require_same_root(tx, may_be_left=True)
        restoring.require_nobody(tx, shared=True)
        state = meta.get(tx, meta.STATE)
        was_left_for = _left_for(tx)
        _require_not_left(rt, was_left_for, target)
        found = _seen(rt, tx, target, dry_run=dry_run)
    if target.exists():
        with target.reading() as tx:
            if state is not None and was_left_for == target.shown and _is_here_already(tx, state, found):
                return _proven(rt, target, found, already=True)
            _require_free(rt, tx, state, target)
    if dry_run:
        return found
    _leave(rt, target)
    target.create()
    with rt.store.reading() as source, target.transaction() as tx:
        source.take_time()
        tx.take_time()
        _require_free(rt, tx, meta.get(source, meta.STATE), target)  # since it was looked at
        found = _seen(rt, source, target, dry_run=False)
        arrived = moving.move(source, tx, rt.require_going, told)
        _require_equal(tx, source, found, arrived)
        _arrive(tx, source)
    return _proven(rt, target, found, already=False)


def _seen(rt: Runtime, tx: Tx, target: Database, *, dry_run: bool) -> Migrated:
    return Migrated(
        left=rt.store.shown,
        place=target.shown,
        rows=copies.rows(tx),
        units=ledger.totals(tx),
        digest="",
        already=False,
        advice=(),
        dry_run=dry_run,
    )


def _left_for(tx: Tx) -> str | None:
    """Return where a state has moved that nobody has taken up again since; None for one that may be in use."""
    return meta.get(tx, meta.MOVED_TO)


def _require_not_left(rt: Runtime, place: str | None, target: Database) -> None:
    """Refuse to let go on from here what may have gone on elsewhere: two states would each sell the same units."""
    if place is not None and place != target.shown:
        raise UsageWrong(
            f"this state was left for {place}, and goes on there",
            hint=f"{rt.way_to(place)}; or, if it never got there: ytpool unpause --yes, and again",
        )


def _require_free(rt: Runtime, tx: Tx, state: str | None, target: Database) -> None:
    """Raise unless a place is empty, or was left by a move of this very state to where it is now."""
    rows = copies.rows(tx)
    if not any(rows[table] for table in _WORK):
        return
    if state is not None and meta.get(tx, meta.STATE) == state and _left_for(tx) == rt.store.shown:
        restoring.require_nobody(tx, shared=True)
        return
    raise UsageWrong(
        f"{target.shown} holds a state that may be in use: {rows['accounts']:,} accounts, {rows['jobs']:,} jobs",
        hint="name an empty schema, with YTPOOL_POSTGRES_SCHEMA, or a file that is not there",
    )


def _is_here_already(tx: Tx, state: str, found: Migrated) -> bool:
    """Tell whether the other place is what an earlier run has made of this state, and nobody has gone on there."""
    same = meta.get(tx, meta.STATE) == state and _left_for(tx) is None
    counts = copies.rows(tx)
    return same and ledger.totals(tx) == found.units and all(counts[table] == found.rows[table] for table in _WORK)


def _leave(rt: Runtime, target: Database) -> None:
    """Let nothing more be sold here, and write down where this state goes to."""
    with rt.store.transaction() as tx:
        restoring.require_nobody(tx, shared=True)
        meta.put_first(tx, meta.STATE, ids.new(tx.now, rt.rng))
        meta.put(tx, meta.MOVED_TO, target.shown)
        rests.rest(
            tx,
            Scope.EVERYTHING,
            "",
            reason=_reason(target.shown),
            lifts="ytpool unpause --yes, to stay here",
            until=None,
        )


def _reason(place: str) -> str:
    return f"the state moves to {place}, and goes on there; let `state` in the settings name it"


def _arrive(tx: Tx, source: Tx) -> None:
    """Let what has arrived be used; a pause that an operator had asked for before goes on."""
    place = meta.get(tx, meta.MOVED_TO)
    meta.forget(tx, meta.MOVED_TO)
    if any(one.scope is Scope.EVERYTHING and one.reason == _reason(place or "") for one in rests.pauses(tx)):
        rests.lift(tx, Scope.EVERYTHING, "")
    leases.by_this_clock(tx, source)  # nobody of ours holds any; what is checked out is with programs of others
    machines.begin_anew(tx)


def _require_equal(tx: Tx, source: Tx, found: Migrated, arrived: dict[str, int]) -> None:
    for table, rows in found.rows.items():
        there = arrived.get(table, 0)
        if rows != there:
            raise BooksDisagree(f"of {rows:,} rows of {table} {there:,} arrived", hint="please report this")
    if ledger.totals(tx) != found.units or ledger.differences(tx) != ledger.differences(source):
        raise BooksDisagree("the units of the ledger are not what they were", hint="please report this")


def _proven(rt: Runtime, target: Database, found: Migrated, *, already: bool) -> Migrated:
    """Read the activity journal from end to end in the other place; its last digest covers every row before it."""
    there, here = sealing.look_over(target), sealing.look_over(rt.store)
    if (there.digest, there.rows, there.wrong) != (here.digest, here.rows, here.wrong):
        raise BooksDisagree(
            f"the activity journal is not what it was: {next(iter(there.wrong), 'another digest')}",
            hint="ytpool unpause --yes stays with the state that is here; please report this",
        )
    where = "there, on every machine" if target.is_shared else "there"
    advice = (
        f"to go on {where}: {rt.way_to(found.place)}; then: ytpool state check",
        f"what was left is kept, and paused: {found.left}",
    )
    return replace(found, digest=there.digest, already=already, advice=advice)
