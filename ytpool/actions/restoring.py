"""A backup takes the place of the state, which is kept beside it.

**What is true afterwards.** A backup shows a moment that is over. Jobs were done after it, units spent, comments said,
and its books know of none of that: whoever just went on from them would sell the same units twice and post what is
posted. So everything between that moment and now is unknown, and unknown is never repeated:

- Every new write is paused until a person says `ytpool unpause`: what was asked for after the backup is not in the
  books at all, so only a person, or the program that asked, knows of it.
- Each job that was not at its end is held back, for it may have been done since. An upload that had begun counts as one
  whose last byte may have arrived: its session is asked, then the channel's list, and only what was not found by two
  looks is sent again. A comment counts as one that may be there.
- For thirty days an upload is looked for on its channel, back to the backup's moment, before it is paid for, also one
  that is asked for anew.
- What was set aside or sent and not settled is booked as unknown. Every project rests until its quota day is over, for
  nobody knows what it has spent since; from the reset on the books are whole again.
- Leases are free, and their fencing numbers leap, so that nobody who comes back late is mistaken for the new holder.

A person who knows that nothing was done since says so (`accept`), and none of this is needed.

**How it is done.** All of it is written into a copy of the backup, in one transaction, before that copy takes the
state's place in one step: a file that of the state, and the rows of the copy that of all rows of a database, in one
transaction. Whoever dies on the way leaves the former state in its place, and the same command begins anew; the backup
itself is never written to.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ytpool.actions import backups, sealing
from ytpool.actions.backups import keys_of
from ytpool.clock import Confirmation
from ytpool.config import make_private_folder
from ytpool.config.places import expanded
from ytpool.domain import moments, quota
from ytpool.errors import (
    Busy,
    ClockBehind,
    EndpointsChanged,
    FileInvalid,
    StateTooNew,
    UsageWrong,
    VaultKeyLost,
    VaultUnavailable,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import copies, jobs, leases, ledger, machines, meta, moving, projects, rests
from ytpool.store.copies import Marks
from ytpool.store.db import Database, Tx, migrations
from ytpool.store.rests import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Which moment the state shows now, and what nobody knows of the time since."""

    state: str
    """Where it is."""
    backup: Path
    taken_at: datetime
    same_state: bool
    """It is a backup of the state that was here, not of another one."""
    aside: Path | None
    """The file in which the former state is kept; None: there was none."""
    accepted: bool
    """A person said that nothing was done since, so nothing is unknown."""
    held: int
    """Jobs that are held back, because they may have been done since."""
    begun: int
    """Of these, the uploads and comments that may be there."""
    unknown: int
    """Calls that were booked as unknown."""
    projects: tuple[str, ...]
    """Those that rest until the quota day is over."""
    rest_until: datetime | None
    schema: int
    keys: tuple[str, ...]
    """The ids of the keys that its secrets need, the one in use first."""
    key_is_here: bool
    wrong: tuple[str, ...]
    """What is wrong with the books or the journal in it."""
    advice: tuple[str, ...]
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A copy of a backup that is checked, brought up to date and marked: it only has to take the state's place."""

    new: Path
    restored: Restored


@contextmanager
def prepared(rt: Runtime, file: Path, *, accept: bool = False, dry_run: bool = False) -> Iterator[Ready]:
    """Make the copy that is to take the state's place, beside it; it is gone afterwards unless it was put there.

    Raises Busy while anybody is at work here, FileInvalid for what is no whole state, StateTooNew, EndpointsChanged for
    the books of another place than the settings name, UsageWrong for a backup of another profile.
    """
    file = expanded(file).absolute()
    state = _file_of(rt)
    marks = _checked(rt, file)
    here = _present(rt)
    confirmed = _nobody_at_work(rt) if here is not None else None
    taken_at = marks.taken_at or copies.last_written_at(file)
    if taken_at is None:
        raise FileInvalid(
            f"{file} is the state of a profile that was never used, or it is damaged", hint="run: ytpool init"
        )
    make_private_folder(state.parent)
    with backups.beside(state) as new:
        copies.copy(file, new, rt.require_going)
        database = rt.database_at(new)
        try:
            wrong = _looked_through(file, database)
            _require_later(rt, database, file, taken_at)
            with database.transaction() as tx:
                if confirmed is not None:
                    meta.keep_confirmation(tx, confirmed)
                restored = _marked(tx, file, taken_at, accept=accept)
        finally:
            database.close()
        copies.keep_on_disk(new)
        yield Ready(
            new=new,
            restored=replace(
                restored,
                state=str(state) if rt.config.database is None else rt.config.database.shown,
                same_state=here is not None and here.state is not None and here.state == marks.state,
                aside=_aside(state, rt.calendar.now()) if _is_there(rt) else None,
                wrong=wrong,
                dry_run=dry_run,
            ),
        )


def put_in_place(rt: Runtime, ready: Ready) -> Restored:
    """Let what was prepared be the state; raises Busy where anybody has come to work meanwhile."""
    told = ready.restored
    rt.let_go_of_state()
    if rt.config.database is None:
        state = _file_of(rt)
        copies.replace(ready.new, state, told.aside or _aside(state, rt.calendar.now()))
    else:
        _put_into_database(rt, ready)
    if not told.keys:
        return replace(told, advice=_what_next(told))
    try:
        rt.open_vault()
    except (VaultUnavailable, VaultKeyLost) as missing:
        bring = (
            f"key {told.keys[0]} is not in reach here ({missing.message}); bring the key file, and name it: "
            "YTPOOL_VAULT_KEY_FILE or key_file in [vault]; then: ytpool vault status"
        )
        return replace(told, advice=(*_what_next(told), bring))
    return replace(told, key_is_here=True, advice=_what_next(told))


def _put_into_database(rt: Runtime, ready: Ready) -> None:
    """Let all rows be those of the copy, in one transaction; the former ones are in a file before it is committed.

    Whoever reads meanwhile sees the former state to the end, and whoever waits to write goes on with the new one.
    """
    rt.store.create()
    source, aside = rt.database_at(ready.new), ready.restored.aside
    try:
        with backups.beside(aside or ready.new) as former, rt.store.transaction() as tx, source.reading() as rows:
            tx.take_time()
            require_nobody(tx, shared=True)
            if aside is not None:
                moving.into_file(tx, rt.database_at(former), rt.require_going)
                copies.fold(former)
            moving.move(rows, tx, rt.require_going)
            if aside is not None:
                former.replace(aside)
                copies.keep_on_disk(aside.parent)
    finally:
        source.close()
        rt.let_go_of_state()


def _file_of(rt: Runtime) -> Path:
    """Return the file that is the state, or that would be if no database were named: what is kept is kept beside it."""
    return Path(os.path.realpath(rt.config.paths.state))


def _is_there(rt: Runtime) -> bool:
    """Tell whether there is anything whose place the backup would take, whole or not."""
    return _file_of(rt).exists() if rt.config.database is None else rt.store.exists()


def _present(rt: Runtime) -> Marks | None:
    """Return what the present state says of itself; None where there is none, or none that can be read."""
    if not _is_there(rt):
        return None
    if rt.config.database is None:
        return copies.marks(_file_of(rt))
    with rt.store.reading() as tx:
        return copies.marks_in(tx)


def _what_next(told: Restored) -> tuple[str, ...]:
    back = () if told.aside is None else (f"the state before is kept: {told.aside}",)
    if told.accepted:
        return back
    return (*back, "what is to be looked at: ytpool todo", "when it is settled: ytpool unpause")


def _checked(rt: Runtime, file: Path) -> Marks:
    """Refuse what cannot be this profile's state, before anything of it is copied."""
    if file.is_dir():
        raise FileInvalid(f"{file} is a folder, not a file", hint="name a backup that is in it", path=str(file))
    if not file.is_file():
        raise FileInvalid(f"there is no file {file}", hint="see what is in the backup folder", path=str(file))
    state = _file_of(rt)
    if rt.config.database is None and state.exists() and file.samefile(state):
        raise UsageWrong(f"{file} is the state itself", hint="name a backup of it")
    marks = copies.marks(file)
    if marks is None:
        raise FileInvalid(
            f"{file} is no backup of ytpool, or it is damaged", hint="name another backup", path=str(file)
        )
    known = len(migrations())
    if marks.min_reader > known:
        raise StateTooNew(
            f"{file} was made by a newer ytpool (it needs state version {marks.min_reader}, this one knows {known})",
            hint="upgrade ytpool on this machine",
            path=str(file),
            needs=marks.min_reader,
            knows=known,
        )
    if marks.profile not in (None, rt.config.profile):
        raise UsageWrong(
            f"{file} is a backup of profile {marks.profile}, and this is profile {rt.config.profile}: two states with "
            "the same accounts would each spend their quota",
            hint=f"run: ytpool --profile {marks.profile} state restore FILE",
            profile=marks.profile,
        )
    if marks.api_root not in (None, rt.root_name):
        raise EndpointsChanged(
            f"{file} belongs to {marks.api_root}, where its first login was, and the settings now say {rt.root_name}",
            hint="let [google] api_root say the same, or use another --profile for the other place",
            remembered=marks.api_root,
            configured=rt.root_name,
        )
    return marks


def _nobody_at_work(rt: Runtime) -> Confirmation | None:
    """Refuse while anybody works on the present state; return what Google's clock said last, as it is kept."""
    try:
        with rt.store.reading() as tx:
            confirmed = meta.confirmation(tx)
            require_nobody(tx, shared=rt.store.is_shared)
    except Busy:
        raise
    except YtpoolError:
        return None  # it cannot be read, which may be why it is to be replaced; its lock is asked for later
    finally:
        rt.let_go_of_state()
    return confirmed


def require_nobody(tx: Tx, *, shared: bool) -> None:
    """Raise Busy where anybody works on the state; a file's lock tells of those who only have it open."""
    working = leases.at_work(tx)
    if shared:
        working += [
            f"process {one.owner.pid} on {one.owner.host} stays there ({one.doing}, heard "
            f"{one.silent_for.total_seconds():.0f} s ago)"
            for one in machines.processes(tx)
            if one.lives
        ]
    if working:
        more = f", and {len(working) - 1} more" if len(working) > 1 else ""
        raise Busy(
            f"work is going on here: {working[0]}{more}",
            hint="let it end, or stop it with SIGTERM, and keep cron from starting more; then again. One that was "
            f"killed counts as gone {machines.SILENT_AFTER.total_seconds():.0f} s after it was heard",
            working=working,
        )


def _looked_through(file: Path, database: Database) -> tuple[str, ...]:
    """Check the copy from end to end; what is wrong with its books is said, and one that is not whole refused."""
    broken = database.integrity()
    if broken:
        raise FileInvalid(f"{file} is damaged: {broken[0]}", hint="name another backup", path=str(file))
    journal = sealing.look_over(database)
    with database.reading() as tx:
        return (*ledger.differences(tx), *journal.wrong)


def _require_later(rt: Runtime, database: Database, file: Path, taken_at: datetime) -> None:
    """Refuse to go back to what, by this machine's clock, is still to come: days and rests would be wrong."""
    if rt.calendar.confirmation() is None:  # nothing here knows Google's clock; the backup may
        with database.reading() as tx:
            confirmed = meta.confirmation(tx)
        if confirmed is not None:
            rt.calendar.remember(confirmed)
    rt.require_clock()
    if taken_at > rt.calendar.now():
        raise ClockBehind(
            f"{file} was made at {moments.spoken(taken_at)}, and this machine's clock says it is earlier",
            hint="set the clock",
        )


def _marked(tx: Tx, file: Path, taken_at: datetime, *, accept: bool) -> Restored:
    """Write into the copy what is not known of the time since; the one transaction that makes it safe to go on from."""
    before = meta.gap(tx)
    for key in (meta.TAKEN, meta.TAKEN_OF):
        meta.forget(tx, key)
    meta.put(tx, meta.BACKED_UP, f"{moments.text(taken_at)} {file}")
    leases.begin_anew(tx)
    machines.begin_anew(tx)
    held = begun = unknown = 0
    names: tuple[str, ...] = ()
    until: datetime | None = None
    if not accept:
        why = f"restored from a backup of {moments.spoken(taken_at)}"
        unknown = ledger.lose_sight(tx, why)
        held, begun = jobs.lose_sight(tx, taken_at, f"{why}: it may have been done since")
        rests.rest(
            tx,
            Scope.EVERYTHING,
            "",
            reason=f"{why}: what was done since is not known here",
            lifts="ytpool unpause",
            until=None,
        )
        until = quota.resets_at(quota.quota_day(tx.now))
        names = tuple(one.project for one in projects.every(tx))
        for name in names:
            reason = f"{why}: what it has spent since is not known"
            rests.rest(tx, Scope.PROJECT, name, reason=reason, lifts="midnight Pacific", until=until)
        first = taken_at if before is None else min(taken_at, before[0])
        meta.keep_gap(tx, first)
    return Restored(
        state="",
        backup=file,
        taken_at=taken_at,
        same_state=False,
        aside=None,
        accepted=accept,
        held=held,
        begun=begun,
        unknown=unknown,
        projects=names,
        rest_until=until,
        schema=int(meta.get(tx, "schema") or 0),
        keys=keys_of(tx),
        key_is_here=False,
        wrong=(),
        advice=(),
        dry_run=False,
    )


def _aside(state: Path, now: datetime) -> Path:
    """Return where the state that is in place now is kept; never the name of another one."""
    name = f"{state.name}.before-{now:%Y%m%dT%H%M%SZ}"
    tries = (state.with_name(f"{name}{f'-{number}' if number else ''}") for number in itertools.count())
    return next(path for path in tries if not path.exists())
