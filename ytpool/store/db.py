"""The database: connections, transactions, migrations.

Every write runs in `BEGIN IMMEDIATE`, so that nobody reads what another is about to change. A transaction is short
and never open across a call to the outside. `tx.now` is the one moment that all its rows share; `tx.boot` is the
clock by which leases and holds expire, valid within `tx.era`.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ytpool.clock import Clock
from ytpool.domain import moments
from ytpool.errors import DiskFull, NotInitialised, StateBusy, StateTooNew, StateUnusable, YtpoolError

Row = Mapping[str, Any]

_BUSY_SECONDS = 30.0
"""How long we wait for another process's transaction; theirs are short, so this is only met when one hangs."""


class Tx:
    """One transaction. The dialect is the one both databases share; the differences have names."""

    __slots__ = ("_connection", "at", "boot", "era", "now")

    for_update = ""
    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection, now: datetime, clock: Clock) -> None:
        self._connection = connection
        self.now = now
        self.at = moments.text(now)
        self.boot = clock.boot()
        self.era = clock.era()

    def one(self, sql: str, /, **parameters: Any) -> Any:
        """Return the first row, or None."""
        return self._connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, /, **parameters: Any) -> list[Any]:
        """Return every row."""
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, /, **parameters: Any) -> int:
        """Change rows and return how many."""
        return self._connection.execute(sql, parameters).rowcount


class Database:
    """One state file; a connection per thread, opened on first use."""

    def __init__(self, path: Path, clock: Clock, now: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    @property
    def path(self) -> Path:
        return self._path

    def exists(self) -> bool:
        return self._path.exists()

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

    def create(self) -> None:
        """Make the file, readable by its owner only whatever the umask; an existing one is left alone."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnusable(f"{self._path} cannot be made: {error.strerror}", path=str(self._path)) from error
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
        self._connection()

    def integrity(self) -> list[str]:
        """Ask SQLite whether the file is whole; an empty list is good news."""
        with self._translated():
            try:
                found = [row[0] for row in self._connection().execute("PRAGMA integrity_check(20)")]
            except sqlite3.DatabaseError as error:
                return [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close every connection this object opened, in whichever thread."""
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    @contextmanager
    def _opened(self, begin: str) -> Iterator[Tx]:
        connection = self._connection()
        with self._translated():
            connection.execute(begin)
            try:
                yield Tx(connection, self._now(), self._clock)
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled back by itself
                    connection.execute("ROLLBACK")
                raise
            try:
                connection.execute("COMMIT")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if not self._path.exists():
                raise NotInitialised(
                    f"there is no state at {self._path}", hint="run: ytpool init", path=str(self._path)
                )
            with self._translated():
                connection = self._connect()
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _bring_up_to_date(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _named(error, self._path) from error


def _named(error: sqlite3.Error, path: Path) -> YtpoolError:
    """Give SQLite's trouble one of our names."""
    name = getattr(error, "sqlite_errorname", "")
    match name.split("_")[1:2]:
        case ["BUSY" | "LOCKED"]:
            return StateBusy(
                f"another process has held {path} for more than {_BUSY_SECONDS:.0f} seconds",
                hint="try again; if it stays so, look for a stopped ytpool process",
                path=str(path),
            )
        case ["FULL"]:
            return DiskFull(f"the disk that holds {path} is full", hint="free some space and try again", path=str(path))
        case ["CANTOPEN" | "READONLY" | "PERM" | "AUTH"]:
            return StateUnusable(
                f"{path} cannot be opened for writing: {error}",
                hint="check its owner and that of its folder",
                path=str(path),
            )
        case ["IOERR" | "CORRUPT" | "NOTADB"]:
            return StateUnusable(
                f"{path} cannot be read as a state: {error}",
                hint="run: ytpool state check; then restore a backup",
                path=str(path),
            )
    raise error


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Apply the migrations this file lacks; refuse a file that only a newer ytpool may open."""
    known = len(_migration_files())
    schema, min_reader = _versions(connection)
    if min_reader > known:
        raise StateTooNew(
            f"{path} belongs to a newer ytpool (it needs state version {min_reader}, this one knows {known})",
            hint="upgrade ytpool on this machine",
            path=str(path),
            needs=min_reader,
            knows=known,
        )
    if schema >= known:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        schema, _ = _versions(connection)  # another process may have been faster
        for sql in migrations()[schema:]:
            for statement in _statements(sql):
                connection.execute(statement)
        if schema < known:
            connection.execute(
                """
                INSERT INTO meta (key, value) VALUES ('schema', ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """,
                (str(known),),
            )
            connection.execute("INSERT INTO meta (key, value) VALUES ('min_reader', '1') ON CONFLICT DO NOTHING")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrations() -> list[str]:
    """Return every migration's text, oldest first; they only go forward."""
    return [path.read_text(encoding="utf-8") for path in _migration_files()]


def _migration_files() -> list[Path]:
    return sorted((Path(__file__).parent / "migrations").glob("*.sql"))


def _versions(connection: sqlite3.Connection) -> tuple[int, int]:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone() is None:
        return 0, 0
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('schema', 'min_reader')").fetchall())
    return int(found.get("schema", 0)), int(found.get("min_reader", 0))


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
