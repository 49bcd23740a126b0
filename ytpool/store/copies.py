"""States as files: what a copy says of itself, and how one takes the place of another.

A state that somebody has open is never replaced. SQLite keeps a lock on the file for as long as a connection has its
write-ahead log open, so a switch to another kind of log succeeds only where nobody else has it, idle workers included;
and whoever opens the file at that moment looks once more whether it is still the one that is in place (`store/db`).
"""

import fcntl
import os
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from ytpool.domain import moments
from ytpool.errors import Busy
from ytpool.store import meta
from ytpool.store.db import Tx
from ytpool.store.sqlite import is_ours, log_of, named, only_read

_LOCKS_AT, _LOCKS = 0x40000000, 512
"""The bytes on which SQLite keeps its locks, whatever the file's size (sqlite.org/fileformat2.html, 1.4)."""

_PAGES_AT_ONCE = 2048

_OTHERS_END_WITHIN = 2.0
"""Seconds for which a command that is just ending may still have the state."""

_FLOCK = "qqihh" if sys.platform == "darwin" else "hhqqi"
_START, _LENGTH, _PID, _TYPE = (0, 1, 2, 3) if sys.platform == "darwin" else (2, 3, 4, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a state's file says of itself."""

    state: str | None
    """The id of the state it is, or is a copy of; None: it was never backed up."""
    profile: str | None
    """Of a backup: the profile it was made of."""
    taken_at: datetime | None
    """Of a backup: the moment it shows."""
    api_root: str | None
    schema: int
    min_reader: int


def marks(path: Path) -> Marks | None:
    """Read what a file says of itself and change nothing; None where it is no state."""
    try:
        with closing(only_read(path)) as connection:
            if not is_ours(connection):
                return None
            said: dict[str, str] = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # SQLite quotes what is damaged, which may be no text
        return None
    try:
        return _marks(said)
    except (ValueError, TypeError, OverflowError):  # of whoever has written there what no version of ours does
        return None


def marks_in(tx: Tx) -> Marks:
    """Return what a state that is open says of itself."""
    return _marks({row["key"]: row["value"] for row in tx.all("SELECT key, value FROM meta")})


def _marks(said: Mapping[str, str]) -> Marks:
    return Marks(
        state=said.get(meta.STATE),
        profile=said.get(meta.TAKEN_OF),
        taken_at=moments.parse_optional(said.get(meta.TAKEN)),
        api_root=said.get(meta.API_ROOT),
        schema=int(said.get("schema", 0)),
        min_reader=int(said.get("min_reader", 0)),
    )


def copy(path: Path, to: Path, still_going: Callable[[], None]) -> None:
    """Copy a state's file that nobody writes to into an empty file; what `still_going` raises breaks it off."""
    try:
        with closing(only_read(path)) as source, closing(sqlite3.connect(to, isolation_level=None)) as target:
            target.execute("PRAGMA journal_mode = OFF")
            source.backup(target, pages=_PAGES_AT_ONCE, progress=lambda *_: still_going())
    except sqlite3.Error as error:
        raise named(error, to, 0) from error


def last_written_at(path: Path) -> datetime | None:
    """Return the latest moment that a state's own rows name; nothing was done by it later, as far as it tells.

    None where they name none, or none that can be read.
    """
    try:
        return _last_written_at(path)
    except sqlite3.DatabaseError as error:
        # A table that is missing has no name of its own, and what is no text has none at all.
        if not getattr(error, "sqlite_errorname", _NO_TABLE).startswith((_NO_TABLE, "SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise named(error, path, 0) from error
        return None
    except (ValueError, TypeError):
        return None


_NO_TABLE = "SQLITE_ERROR"


def _last_written_at(path: Path) -> datetime | None:
    with closing(only_read(path)) as connection:
        found = [
            connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]
            for table, column in (
                ("activity", "happened_at"),
                ("jobs", "updated_at"),
                ("ledger", "held_at"),
                ("ledger", "sent_at"),
                ("ledger", "settled_at"),
                ("leases", "taken_at"),
                ("accounts", "created_at"),
            )
        ]
    return max((moments.parse(one) for one in found if one), default=None)


def rows(tx: Tx) -> dict[str, int]:
    """Count the rows of each table."""
    return {name: int(tx.one(f"SELECT count(*) AS rows FROM {name}")["rows"]) for name in tx.tables()}


def fold(path: Path) -> None:
    """Bring a copy that nobody has open into one file, readable where nothing may be written, and onto the disk."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise named(error, path, 0) from error
    keep_on_disk(path)


def keep_on_disk(path: Path) -> None:
    """Let what was written to a file, or to a folder's list, outlast a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(new: Path, state: Path, aside: Path) -> bool:
    """Put a state in the place of another, which is kept beside it; False where there was none.

    Raises Busy while any process has the state open. Until the last step the former state is in its place and whole,
    and afterwards the new one, whenever this process dies. `new` must lie in the same folder, and be open nowhere.
    """
    for left in state.parent.glob(f"{state.name}.before-*"):  # of one that died between the two steps
        if state.exists() and left.samefile(state):
            left.unlink()
    with _alone(state) as opens:
        was_there = state.exists()
        if was_there:
            os.link(state, aside)
        if not opens:  # what cannot be opened has not been folded into one file, and its log must not meet the new one
            _move(log_of(state), log_of(aside))
            state.with_name(f"{state.name}-shm").unlink(missing_ok=True)
        os.replace(new, state)  # noqa: PTH105 - the twin of `link`
        keep_on_disk(state.parent)
    return was_there


def holder(path: Path) -> str:
    """Name a process that has a state open, where this machine tells."""
    pid = _lock_holder(path)
    if not pid:
        return "another process"
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    words = [os.fsdecode(word) for word in argv if word]
    # Only the command itself: what follows may be an operator's own words.
    command = next((words[n + 1 : n + 2] for n, word in enumerate(words) if Path(word).name.startswith("ytpool")), [])
    return f"process {pid}{f' (ytpool {command[0]})' if command else ''}"


@contextmanager
def _alone(state: Path) -> Iterator[bool]:
    """Keep everybody else from a state; yields whether it could be opened, and is one file now."""
    if not state.exists():
        yield False
        return
    uri = f"file:{quote(str(state))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_OTHERS_END_WITHIN, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            opens = connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise named(error, state, _OTHERS_END_WITHIN) from error
            opens = None
        except sqlite3.DatabaseError:
            opens = False
        if opens:
            yield True
            return
    if opens is None:
        raise in_use(state)
    with state.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS, _LOCKS_AT)
        except OSError as error:
            raise in_use(state) from error
        yield False


def in_use(state: Path) -> Busy:
    who = holder(state)
    return Busy(
        f"{who} has {state} open, and would go on with what is no longer there",
        hint="end every worker and `ytpool serve` of this profile, and keep cron from starting new ones; then again",
        path=str(state),
        who=who,
    )


def _lock_holder(path: Path) -> int:
    """Return the number of a process with one of SQLite's locks; 0 where there is none, or none that is seen here."""
    asked = [0] * 5
    asked[_TYPE], asked[_START], asked[_LENGTH] = fcntl.F_WRLCK, _LOCKS_AT, _LOCKS
    with path.open("rb") as file:
        try:
            told = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_FLOCK, *asked))
        except OSError:
            return 0
    found = struct.unpack(_FLOCK, told)
    return 0 if found[_TYPE] == fcntl.F_UNLCK else max(0, found[_PID])


def _move(path: Path, to: Path) -> None:
    if path.exists():
        path.replace(to)
