"""A state in a file of SQLite: connections, transactions, and what its troubles are called.

Every write runs in `BEGIN IMMEDIATE`, so that there is one writer at a time.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ytpool.clock import Clock
from ytpool.config import make_private_folder
from ytpool.errors import DiskFull, Interrupted, NotInitialised, StateBusy, StateTooNew, StateUnusable, YtpoolError
from ytpool.store.connections import Kept, ThreadConnections
from ytpool.store.db import FIRST_TABLES, PATIENCE, Database, Tx, known, migrations

_LOOK_AGAIN_AFTER = 0.02

_PAGES_AT_ONCE = 2048
"""How much of a state is copied between two questions whether to go on: some eight megabytes."""


class SqliteTx(Tx):
    """A transaction of SQLite."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection, now: datetime, clock: Clock) -> None:
        boot, era = clock.boot(), clock.era()
        super().__init__(now, boot=boot, era=era, machine_boot=boot, machine_era=era)
        self._connection = connection

    def one(self, sql: str, /, **parameters: Any) -> Any:
        return self._connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, /, **parameters: Any) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, /, **parameters: Any) -> int:
        return self._connection.execute(sql, parameters).rowcount

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> int:
        return self._connection.executemany(sql, rows).rowcount

    def tables(self) -> list[str]:
        found = self.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [row["name"] for row in found if not row["name"].startswith("sqlite_")]

    def ring(self) -> None:
        """Do nothing: only processes of this machine are there to be woken, and their bells are pipes."""

    def columns(self, table: str) -> dict[str, str]:
        rows = self.all("SELECT name, type FROM pragma_table_info(:table) ORDER BY cid", table=table)
        return {row["name"]: row["type"].lower() for row in rows}

    def references(self, table: str) -> set[str]:
        return {row["table"] for row in self.all('SELECT "table" FROM pragma_foreign_key_list(:table)', table=table)}

    def every_row(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.row_factory = None
        yield from cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")

    def fill(self, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        places = ", ".join("?" for _ in columns)
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    def take_time(self) -> None:
        """Do nothing: nobody ends a transaction of SQLite but who began it."""

    def renumber(self) -> None:
        """Do nothing: SQLite goes on behind the highest number there is."""


TO_BEGIN = "run: ytpool init"
"""What makes a state, where it is known that there was none."""


class SqliteDatabase(Database):
    """One state file."""

    def __init__(
        self, path: Path, clock: Clock, now: Callable[[], datetime], *, way: Callable[[], str] = lambda: TO_BEGIN
    ) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._way = way  # what helps where there is no file
        self._connections = ThreadConnections()
        self._local = threading.local()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def shown(self) -> str:
        return str(self._path)

    @property
    def is_shared(self) -> bool:
        return False

    def size(self) -> int:
        """Return how many bytes the file has; raises NotInitialised where it has gone."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            raise self._gone() from None

    def exists(self) -> bool:
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _out_of_reach(error, self._path) from error
        return True

    def is_older(self) -> bool:
        if not self.exists():
            return False
        with self._translated(), closing(only_read(self._path)) as connection:
            return is_ours(connection) and _versions(connection, self._path)[0] < known()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Open a transaction that may write; it commits at the end, or leaves no trace."""
        with self._opened("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open a transaction that only reads: one consistent picture, and nobody waits for it."""
        with self._opened("BEGIN") as tx:
            yield tx

    @contextmanager
    def imagining(self) -> Iterator[Tx]:
        """Open a transaction that may write and leaves no trace, however it ends: what would be, were it done."""
        with self._opened("BEGIN IMMEDIATE", ends="ROLLBACK") as tx:
            yield tx

    def create(self) -> None:
        """Make the file, readable by its owner only whatever the umask; an existing one is left alone."""
        try:
            make_private_folder(self._path.parent)
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(handle, 0o600)
            finally:
                os.close(handle)
        except OSError as error:
            raise _out_of_reach(error, self._path) from error
        self._here()

    def integrity(self) -> list[str]:
        """Ask SQLite whether the file is whole; an empty list is good news."""
        with self._translated(), self._here().at_work() as connection:
            try:
                found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
            except sqlite3.DatabaseError as error:
                return [str(error)]
        return [] if found == ["ok"] else found

    def copy_to(self, path: Path, still_going: Callable[[], None]) -> datetime:
        """Copy the state as it is at one moment into an empty file, and return a moment that is not later.

        Nobody waits for it: what is written meanwhile goes on in the write-ahead log, beside what is read here. What
        `still_going` raises breaks it off.
        """
        with self._translated(), self._here().at_work() as connection:
            moment = self._now()
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT count(*) FROM meta").fetchone()  # only reading pins the moment
                with closing(sqlite3.connect(path, isolation_level=None)) as target:
                    # Whoever dies on the way leaves a file that nobody takes for a state, so it needs no journal.
                    target.execute("PRAGMA journal_mode = OFF")
                    target.execute("PRAGMA synchronous = OFF")
                    try:
                        connection.backup(target, pages=_PAGES_AT_ONCE, progress=lambda *_: still_going())
                    except sqlite3.Error as error:
                        raise named(error, path, 0) from error
            finally:
                connection.execute("COMMIT")
            return moment

    def wait_at_most(self, seconds: float) -> None:
        """Let this thread wait no longer than so for another's transaction; the next one it opens counts."""
        self._local.patience = seconds
        kept = self._connections.mine()
        if kept is not None:
            with kept.at_work() as connection:
                connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def follow(self) -> None:
        """Let this thread's next transaction open what is in the state's place by now, if that is another file or none.

        SQLite would go on with the file that it has open, which nobody else finds any more.
        """
        kept = self._connections.mine()
        if kept is not None and kept.about != _identity(self._path):
            self._connections.let_go()

    def stop(self, thread: threading.Thread) -> None:
        """Break off what a thread is reading or writing here, because nobody waits for it any more."""
        for kept in self._connections.of(thread):
            with suppress(sqlite3.ProgrammingError):  # it was done with that, and the connection is closed
                kept.interrupt(sqlite3.Connection.interrupt)

    def listener(self) -> None:
        return None

    def close(self) -> None:
        """Close every connection this object opened; a thread that is in the middle of something closes its own."""
        self._connections.close()
        self._local = threading.local()

    @contextmanager
    def _opened(self, begin: str, ends: str = "COMMIT") -> Iterator[Tx]:
        with self._translated(), self._here().at_work() as connection:
            try:
                connection.execute(begin)  # a signal that came while it waited is heard right behind it
                yield SqliteTx(connection, self._now(), self._clock)
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled back by itself
                    connection.execute("ROLLBACK")
                raise
            try:
                connection.execute(ends)
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def _patience(self) -> float:
        return getattr(self._local, "patience", PATIENCE)

    def _here(self) -> Kept:
        """Return this thread's connection."""
        kept = self._connections.mine()
        if kept is None:
            with self._translated():
                connection = self._connect()
            kept = self._connections.keep(Kept(connection, _identity(self._path)))
        return kept

    def _gone(self) -> NotInitialised:
        return NotInitialised(f"there is no state at {self._path}", hint=self._way(), path=str(self._path))

    def _connect(self) -> sqlite3.Connection:
        while True:
            if not self.exists():
                raise self._gone()
            before = _identity(self._path)
            connection = self._open(before)
            if _identity(self._path) == before:
                return connection
            connection.close()  # a restore has put another state in its place meanwhile

    def _open(self, identity: tuple[int, int] | None) -> sqlite3.Connection:
        # Only `create` makes the file: SQLite would make an empty one in the place of one that goes at this moment.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            connection.row_factory = sqlite3.Row
            _require_ours(connection, self._path)
            if _identity(self._path) != identity:  # of one that was put aside not even the log may be opened
                return connection
            self._use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # a secret that is deleted is to be gone, in each build
            _bring_up_to_date(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        # SQLite calls the switch of a new file busy at once, without waiting, while another process makes the same.
        gives_up_at = self._clock.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or self._clock.monotonic() >= gives_up_at:
                    raise
                self._clock.sleep(_LOOK_AGAIN_AFTER)
            else:
                return

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise named(error, self._path, self._patience) from error
        except UnicodeDecodeError as error:  # SQLite quotes what is damaged, and Python cannot read the quotation
            raise _damaged(self._path, "what it says of its tables is no text") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one that takes its place."""
    try:
        seen = path.stat()
    except OSError:
        return None  # opening it says why
    return seen.st_dev, seen.st_ino


def named(error: sqlite3.Error, path: Path, waited: float) -> YtpoolError:
    """Give SQLite's trouble one of our names."""
    name = getattr(error, "sqlite_errorname", "")
    match name.split("_")[1:2]:
        case ["BUSY" | "LOCKED"]:
            return StateBusy(
                f"another process has held {path} for more than {waited:.0f} seconds",
                hint="try again; if it stays so, look for a stopped ytpool process",
                path=str(path),
            )
        case ["INTERRUPT"]:
            return Interrupted(f"what was asked of {path} took too long, and was broken off")
        # The last two are what SQLite says when its index file cannot grow.
        case ["FULL" | "IOERR" | "CANTOPEN" as how] if how == "FULL" or _has_no_room(path):
            return _disk_full(path) if _has_no_room(path, _LITTLE) else _no_room_beside(path)
        case ["CANTOPEN" | "READONLY" | "PERM" | "AUTH"]:
            return StateUnusable(
                f"{path} cannot be opened for writing: {error}",
                hint="check its owner and that of its folder",
                path=str(path),
            )
        case ["IOERR"] if name.split("_")[2:3] in (["WRITE"], ["FSYNC"], ["TRUNCATE"]):  # so a quota refuses, too
            return StateUnusable(
                f"{path} cannot be written: {error}",
                hint="look at its disk, and at the quota of whoever it belongs to",
                path=str(path),
            )
        case ["IOERR" | "CORRUPT" | "NOTADB"]:
            return _damaged(path, error)
    raise error


def _damaged(path: Path, why: object) -> StateUnusable:
    return StateUnusable(
        f"{path} cannot be read as a state: {why}",
        hint="run: ytpool state check; then restore a backup",
        path=str(path),
    )


def _out_of_reach(error: OSError, path: Path) -> YtpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(path)
    return StateUnusable(
        f"{path} cannot be reached: {error.strerror}",
        hint="check its owner and that of its folder",
        path=str(path),
    )


def _disk_full(path: Path) -> DiskFull:
    return DiskFull(f"the disk that holds {path} is full", hint="free some space and try again", path=str(path))


def _no_room_beside(path: Path) -> DiskFull:
    return DiskFull(
        f"SQLite has found no room for the temporary files that {path} needs",
        hint="free some space where they lie: SQLITE_TMPDIR or TMPDIR say where, else it is /var/tmp",
        path=str(path),
    )


def _has_no_room(path: Path, least: int = 1) -> bool:
    """Tell whether the disk of a state has less than so many bytes left."""
    try:
        found = os.statvfs(path)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < least


_LITTLE = 1 << 20
"""Bytes; a disk that has more of them left is not the one that is full."""


def log_of(path: Path) -> Path:
    """Return where the write-ahead log of a state's file is while it has one."""
    return path.with_name(f"{path.name}-wal")


def only_read(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes to, leaving no trace beside it."""
    log = "" if log_of(path).exists() else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{log}", uri=True)


def is_ours(connection: sqlite3.Connection) -> bool:
    """Tell whether a database that has tables is a state."""
    return _tables(connection) >= FIRST_TABLES


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse, before anything is changed, another program's database and a state that only a newer ytpool may open."""
    if _tables(connection) and not is_ours(connection):
        raise StateUnusable(
            f"{path} is a database of another program",
            hint="say with --profile or YTPOOL_HOME where the state is",
            path=str(path),
        )
    _, min_reader = _versions(connection, path)
    if min_reader > known():
        raise StateTooNew(
            f"{path} belongs to a newer ytpool (it needs state version {min_reader}, this one knows {known()})",
            hint="upgrade ytpool on this machine",
            path=str(path),
            needs=min_reader,
            knows=known(),
        )


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Apply the migrations this file lacks."""
    if _versions(connection, path)[0] >= known():
        return
    steps = migrations()
    connection.execute("BEGIN IMMEDIATE")
    try:
        schema, _ = _versions(connection, path)  # another process may have been faster
        for sql in steps[schema:]:
            for statement in _statements(sql):
                connection.execute(statement)
        if schema < known():
            connection.execute(
                """
                INSERT INTO meta (key, value) VALUES ('schema', ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """,
                (str(known()),),
            )
            connection.execute("INSERT INTO meta (key, value) VALUES ('min_reader', '1') ON CONFLICT DO NOTHING")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _versions(connection: sqlite3.Connection, path: Path) -> tuple[int, int]:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone() is None:
        return 0, 0
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('schema', 'min_reader')").fetchall())
    try:
        return int(found.get("schema", 0)), int(found.get("min_reader", 0))
    except (ValueError, TypeError, OverflowError) as error:
        raise _damaged(path, "what it says of its version is no number") from error


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
