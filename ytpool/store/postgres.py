"""A state in a schema of a PostgreSQL database, which many machines may share.

Every writing transaction begins with the one lock of its schema, so that there is one writer at a time, as SQLite has
it; what it reads afterwards is what everybody before it has committed. Leases and holds expire by the database's clock.

Nothing is left in a connection between two transactions, so that a pooler may hand it to somebody else: the schema and
the limits are set for the transaction, and no statement is prepared.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql as text
from psycopg.adapt import Dumper, Loader
from psycopg.pq import TransactionStatus

from ytpool.clock import Clock
from ytpool.config.postgres import Postgres
from ytpool.errors import NotInitialised, StateTooNew, StateUnreachable, StateUnusable
from ytpool.store import moving
from ytpool.store.connections import Kept, ThreadConnections
from ytpool.store.db import FIRST_TABLES, PATIENCE, Database, Tx, known, migrations, without_comments
from ytpool.store.listening import RUNG, Listener
from ytpool.store.postgres_connection import Password, connect, no_password
from ytpool.store.postgres_errors import named
from ytpool.store.sqlite import SqliteDatabase

log = logging.getLogger(__name__)

ERA = "database"
"""The era of moments by the database's clock, which goes on whatever machine restarts."""

_LOCK = 0x79747031
"""The first half of the number of our locks; the second is made of the schema's name."""

_SILENT_FOR = "10s"
"""After so long a transaction that stands still is ended by the database: nobody waits for a machine that is gone."""

_MOVES_FOR = "10min"
"""The same for a transaction that moves a whole state, and waits for a disk in between."""

_STANDS_IN_THE_WAY = "2s"
"""For so long a change of a table may wait for who reads it, with everybody else behind it."""
_LETS_OTHERS_BY_FOR = 1.0
"""Seconds until it tries again."""

_NOTICES_A_DEAD_WIRE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 6}
"""Has the server ask over a silent wire whether anybody is there, and believe in the end that nobody is."""

_BEGINS_TO_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Whatever the server prefers: a stricter level does not see what was committed while one waited for the lock."""

_KEEPS = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
"""What is said to be done is on the disk: a booking that a crash takes back would be sold, or posted, twice."""

_ENCODING = "UTF8"

_OLDEST_SERVER = 130000
"""PostgreSQL 13 is the first that tells afterwards how a transaction ended (`pg_xact_status` of an xid8)."""

_RUN = "pg_postmaster_start_time()::text || ' ' || coalesce(pg_stat_get_bgwriter_stat_reset_time()::text, '')"
"""What tells a run of the server from the next. When one of its processes is killed it recovers without being started
anew; then its statistics begin anew, as they do after every crash.
"""

_ASKS_AGAIN_AFTER = 0.1
_ASKS_AGAIN_AT_MOST_AFTER = 2.0

_PROMPT = 0.5
"""An answer to the question for the time that took longer than so many seconds says too little of the time."""


class PostgresTx(Tx):
    """A transaction of PostgreSQL."""

    __slots__ = ("_cursor", "_schema")

    def __init__(self, begun: "_Begun", now: datetime, clock: Clock, schema: str) -> None:
        super().__init__(now, boot=begun.boot, era=ERA, machine_boot=begun.asked_at, machine_era=clock.era())
        self._cursor = begun.cursor
        self._schema = schema

    def one(self, sql: str, /, **parameters: Any) -> Any:
        return self._executed(sql, parameters).fetchone()

    def all(self, sql: str, /, **parameters: Any) -> list[Any]:
        return self._executed(sql, parameters).fetchall()

    def run(self, sql: str, /, **parameters: Any) -> int:
        return self._executed(sql, parameters).rowcount

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> int:
        self._cursor.executemany(_translated(sql), map(_without_nul, rows))
        return max(0, self._cursor.rowcount)

    def _executed(self, sql: str, parameters: Mapping[str, Any]) -> "psycopg.ClientCursor[Any]":
        try:
            return self._cursor.execute(_translated(sql), parameters)
        except psycopg.DataError as error:
            if error.sqlstate is not None:
                raise
        # The driver refused a NUL, which SQLite keeps: an answer from outside may hold one, and must be settled.
        return self._cursor.execute(_translated(sql), _without_nul(parameters))

    def tables(self) -> list[str]:
        found = self.all("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY 1", schema=self._schema)
        return [row["tablename"] for row in found]

    def ring(self) -> None:
        # Said several times in a transaction, it is heard once.
        self._cursor.execute("SELECT pg_notify(%s, %s)", (self._schema, RUNG))

    def columns(self, table: str) -> dict[str, str]:
        rows = self.all(
            """
            SELECT column_name, data_type FROM information_schema.columns
             WHERE table_schema = :schema AND table_name = :table ORDER BY ordinal_position
            """,
            schema=self._schema,
            table=table,
        )
        return {row["column_name"]: row["data_type"] for row in rows}

    def references(self, table: str) -> set[str]:
        rows = self.all(
            """
            SELECT named.relname AS name FROM pg_constraint AS c
              JOIN pg_class AS naming ON naming.oid = c.conrelid
              JOIN pg_class AS named ON named.oid = c.confrelid
              JOIN pg_namespace AS n ON n.oid = naming.relnamespace
             WHERE c.contype = 'f' AND n.nspname = :schema AND naming.relname = :table
            """,
            schema=self._schema,
            table=table,
        )
        return {row["name"] for row in rows}

    def every_row(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        types = self.columns(table)
        with self._cursor.copy(f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT") as copy:
            copy.set_types([types[name] for name in columns])
            yield from copy.rows()

    def fill(self, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        types = self.columns(table)
        # SQLite keeps a whole number as one wherever it stands, and a number that was divided as a fraction.
        whole = [place for place, name in enumerate(columns) if types[name] == "bigint"]
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                try:
                    copy.write_row(_with_whole_numbers(row, whole))
                except psycopg.DataError as error:
                    # Not mended here: the activity journal is sealed, and proves that it arrived as it was.
                    raise StateUnusable(
                        f"a row of {table} cannot be kept by PostgreSQL: {error}",
                        hint="please report this",
                        table=table,
                    ) from error

    def take_time(self) -> None:
        self.run(f"SET LOCAL idle_in_transaction_session_timeout = '{_MOVES_FOR}'")
        # While rows are on their way it is not idle: only the wire tells that nobody is there, by default in hours.
        for name, value in _NOTICES_A_DEAD_WIRE.items():
            self.run(f"SET LOCAL {name} = {value}")

    def renumber(self) -> None:
        for table in self.tables():
            numbered = self.one(
                """
                SELECT column_name AS name FROM information_schema.columns
                 WHERE table_schema = :schema AND table_name = :table AND is_identity = 'YES'
                """,
                schema=self._schema,
                table=table,
            )
            if numbered is not None:
                name = numbered["name"]
                self.one(
                    f"""
                    SELECT setval(pg_get_serial_sequence(:table, :name), coalesce(max({name}), 0) + 1, false)
                      FROM {table}
                    """,
                    table=f"{self._schema}.{table}",
                    name=name,
                )


class PostgresDatabase(Database):
    """One schema of a PostgreSQL database."""

    def __init__(
        self,
        place: Postgres,
        clock: Clock,
        now: Callable[[], datetime],
        *,
        at_hand: Password = no_password,
        in_keyring: Password = no_password,
        time: Callable[[], str] = lambda: "clock_timestamp()",
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Know where it is and who has the password; nothing is opened yet.

        `time` is SQL that says what the database's clock says. `sleep` waits for a server that went away; what it
        raises ends the waiting.
        """
        self._place = place
        self._at_hand, self._in_keyring = at_hand, in_keyring
        self._clock = clock
        self._now = now
        self._time = time
        self._sleep = sleep or clock.sleep
        self._connections = ThreadConnections()
        self._local = threading.local()
        self._lock = f"pg_advisory_xact_lock({_LOCK}, hashtext('{place.schema}'))"

    @property
    def shown(self) -> str:
        return self._place.shown

    @property
    def is_shared(self) -> bool:
        return True

    def size(self) -> int:
        with self.reading() as tx:
            row = tx.one(
                """
                SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes
                  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE n.nspname = :schema AND c.relkind = 'r'
                """,
                schema=self._place.schema,
            )
        return int(row["bytes"])

    def exists(self) -> bool:
        with self._named():
            try:
                self._here()
            except NotInitialised:
                return False
            return True

    def is_older(self) -> bool:
        with self._named(), closing(self._open()) as connection:
            is_state = _tables(connection, self._place.schema) >= FIRST_TABLES
            return is_state and _versions(connection, self._place.schema)[0] < known()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        with self._opened(f"{_BEGINS_TO_WRITE}; {{settings}}; {_KEEPS}; SELECT {self._lock}", writes=True) as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        with self._opened("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {settings}", writes=False) as tx:
            yield tx

    @contextmanager
    def imagining(self) -> Iterator[Tx]:
        with self._opened(f"{_BEGINS_TO_WRITE}; {{settings}}; SELECT {self._lock}", writes=False) as tx:
            yield tx

    def create(self) -> None:
        with self._named(), closing(self._open()) as connection:
            with connection.transaction():
                connection.execute(f"{self._settings()}; SELECT {self._lock}")
                if not _has_schema(connection, self._place.schema):  # who may not make schemas is given one
                    connection.execute(text.SQL("CREATE SCHEMA {}").format(text.Identifier(self._place.schema)))
            self._make_ready(connection, also_new=True)

    def integrity(self) -> list[str]:
        with self.reading() as tx:
            broken = tx.all(
                """
                SELECT c.relname AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                  JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE n.nspname = :schema AND NOT (i.indisvalid AND i.indisready) ORDER BY 1
                """,
                schema=self._place.schema,
            )
        return [f"the index {row['name']} is not valid; run in the database: REINDEX" for row in broken]

    def copy_to(self, path: Path, still_going: Callable[[], None]) -> datetime:
        """Write the state as it is at one moment into a file of SQLite, which is a state like any other."""
        moment = self._now()  # before anything is pinned: what is committed by then is in it
        with self.reading() as tx:
            tx.take_time()
            moving.into_file(tx, SqliteDatabase(path, self._clock, self._now), still_going)
            return moment

    def wait_at_most(self, seconds: float) -> None:
        self._local.patience = seconds

    def follow(self) -> None:
        """Do nothing: what is in the schema by now is what the next transaction sees."""

    def stop(self, thread: threading.Thread) -> None:
        for kept in self._connections.of(thread):
            with suppress(psycopg.Error):  # it was done with that, or nobody answers any more
                kept.interrupt(lambda connection: connection.cancel_safe(timeout=2.0))

    def listener(self) -> Listener:
        return Listener(self._open, self._place.schema, named=lambda error: named(error, self._place, self._patience))

    def close(self) -> None:
        self._connections.close()
        self._local = threading.local()

    @property
    def _patience(self) -> float:
        return getattr(self._local, "patience", PATIENCE)

    def _settings(self) -> str:
        patience = max(1, int(self._patience * 1000))
        return (
            f'SET LOCAL search_path = "{self._place.schema}"; SET LOCAL lock_timeout = {patience}; '
            f"SET LOCAL idle_in_transaction_session_timeout = '{_SILENT_FOR}'"
        )

    @contextmanager
    def _opened(self, begin: str, *, writes: bool) -> Iterator[Tx]:
        with self._named():
            kept, begun = self._begin(begin.format(settings=self._settings()), writes=writes)
            with kept.at_work() as connection:
                try:
                    yield PostgresTx(begun, self._now(), self._clock, self._place.schema)
                except BaseException:
                    _roll_back(connection)
                    raise
                if begun.number is None:
                    _roll_back(connection)
                    return
                try:
                    ended = connection.execute("COMMIT").statusmessage
                except psycopg.OperationalError as error:
                    if not connection.closed:
                        raise
                    lost = error
                else:
                    assert ended == "COMMIT", "a statement had failed, and somebody went on as if it had not"
                    return
        # Nobody heard how it ended, so the database is asked; a transaction that it does not know was never committed.
        with self._named():
            self._learn_how_it_ended(begun, lost)

    def _begin(self, begin: str, *, writes: bool) -> "tuple[Kept, _Begun]":
        """Begin on this thread's connection, or on another where the server has gone away since: nothing is lost."""
        kept = self._here()
        gives_up_at = self._clock.monotonic() + self._patience
        while (begun := self._begun(kept, begin, writes=writes)) is None:
            self._connections.let_go()
            if self._clock.monotonic() > gives_up_at:
                raise psycopg.OperationalError("the connection is lost as soon as it is made")
            kept = self._connections.keep(self._reconnected(gives_up_at))
        return kept, begun

    def _begun(self, kept: Kept, begin: str, *, writes: bool) -> "_Begun | None":
        """Begin, and return None where nobody is at the other end of the connection any more."""
        number = "pg_current_xact_id()::text" if writes else "NULL"
        time = f"SELECT extract(epoch FROM {self._time()})::double precision, {number}, {_RUN}"
        with kept.at_work() as connection:
            asked_at = self._clock.boot()
            try:
                cursor = psycopg.ClientCursor(connection, row_factory=_rows)
                cursor.execute(f"{begin}; {time}")
                while cursor.nextset():
                    pass
                said = cursor.fetchall()
                if self._clock.boot() - asked_at > _PROMPT:  # it waited for somebody, nobody knows how long
                    asked_at = self._clock.boot()
                    said = cursor.execute(time).fetchall()
            except BaseException as error:
                if connection.closed and isinstance(error, psycopg.Error):
                    return None
                _roll_back(connection)  # also for who is stopped while he waits: he has something to put right
                raise
        [(boot, known_by, server)] = said
        return _Begun(cursor=cursor, asked_at=asked_at, boot=boot, number=known_by, server=server)

    def _learn_how_it_ended(self, begun: "_Begun", lost: psycopg.Error) -> None:
        """Return where a transaction was surely committed although the connection broke; else raise."""
        self._connections.let_go()
        gives_up_at = self._clock.monotonic() + self._patience
        kept = self._connections.keep(self._reconnected(gives_up_at))
        with kept.at_work() as connection:
            while True:
                [(server,)] = connection.execute(f"SELECT {_RUN}").fetchall()
                if server != begun.server:
                    # After a crash the number may be another's. Who hears that it failed, and it did not, is in no
                    # other place than one who was killed at this moment.
                    raise lost
                [(status,)] = connection.execute("SELECT pg_xact_status(%s::xid8)", (begun.number,)).fetchall()
                if status == "committed":
                    return
                if status != "in progress" or self._clock.monotonic() > gives_up_at:
                    raise lost
                self._clock.sleep(_ASKS_AGAIN_AFTER)

    def _reconnected(self, gives_up_at: float) -> Kept:
        """Connect anew after the server went away, and wait for it until then."""
        pause = _ASKS_AGAIN_AFTER
        while True:
            try:
                return Kept(self._opened_state())
            except (StateUnreachable, psycopg.OperationalError) as error:
                if self._clock.monotonic() + pause > gives_up_at:
                    raise
                if pause == _ASKS_AGAIN_AFTER:
                    log.info("waiting for the database", extra={"reason": " ".join(str(error).split())})
            self._sleep(pause)
            pause = min(2 * pause, _ASKS_AGAIN_AT_MOST_AFTER)

    def _here(self) -> Kept:
        """Return this thread's connection."""
        kept = self._connections.mine()
        return self._connections.keep(Kept(self._opened_state())) if kept is None else kept

    def _opened_state(self) -> "psycopg.Connection[Any]":
        connection = self._open()
        try:
            self._make_ready(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> "psycopg.Connection[Any]":
        connection = connect(
            self._place,
            at_hand=self._at_hand,
            in_keyring=self._in_keyring,
            seconds=self._patience,
            autocommit=True,
            prepare_threshold=None,
            cursor_factory=psycopg.ClientCursor,
            client_encoding=_ENCODING,
        )
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        _teach(connection)
        # Behind a pooler it may hear what another asked to hear; without this, all of it would be kept for ever.
        connection.add_notify_handler(lambda _: None)
        version = connection.info.server_version
        if version < _OLDEST_SERVER:
            connection.close()
            raise StateUnusable(
                f"{self.shown} is PostgreSQL {version // 10000}, and ytpool needs {_OLDEST_SERVER // 10000} or newer",
                hint="name a newer server",
                path=self.shown,
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != _ENCODING:
            connection.close()
            raise StateUnusable(
                f"{self.shown} keeps its texts in {encoding}, and ytpool needs a database in {_ENCODING}",
                hint=f"let its operator make one: createdb --encoding {_ENCODING} --template template0 NAME",
                path=self.shown,
            )
        return connection

    def _make_ready(self, connection: "psycopg.Connection[Any]", *, also_new: bool = False) -> None:
        """Bring a state up to date; refuse, before anything is changed, what is none or a newer ytpool's."""
        tables = _tables(connection, self._place.schema)
        if not tables and not also_new:
            raise NotInitialised(f"there is no state at {self.shown}", hint="run: ytpool init", path=self.shown)
        if tables and not tables >= FIRST_TABLES:
            raise StateUnusable(
                f"{self.shown} has the tables of another program",
                hint="name another schema: [postgres] schema in the settings, or YTPOOL_POSTGRES_SCHEMA",
                path=self.shown,
            )
        schema, min_reader = _versions(connection, self._place.schema) if tables else (0, 0)
        if min_reader > known():
            raise StateTooNew(
                f"{self.shown} belongs to a newer ytpool (it needs state version {min_reader}, this one knows "
                f"{known()})",
                hint="upgrade ytpool on this machine",
                path=self.shown,
                needs=min_reader,
                knows=known(),
            )
        if schema < known():
            self._bring_up_to_date(connection)

    def _bring_up_to_date(self, connection: "psycopg.Connection[Any]") -> None:
        """Apply the migrations that it lacks, as soon as nobody reads what they change.

        Whoever comes while a change of a table waits for a reader waits behind it, so it does not wait for long: a
        backup may read for minutes, and others have leases to renew.
        """
        gives_up_at = self._clock.monotonic() + self._patience
        while True:
            try:
                return self._brought_up_to_date(connection)
            except psycopg.errors.LockNotAvailable:
                if self._clock.monotonic() + _LETS_OTHERS_BY_FOR > gives_up_at:
                    raise
            self._sleep(_LETS_OTHERS_BY_FOR)

    def _brought_up_to_date(self, connection: "psycopg.Connection[Any]") -> None:
        with connection.transaction():
            connection.execute(f"{self._settings()}; SELECT {self._lock}")
            connection.execute(f"SET LOCAL lock_timeout = '{_STANDS_IN_THE_WAY}'")
            schema = 0
            if _tables(connection, self._place.schema):  # another process may have been faster
                schema, _ = _versions(connection, self._place.schema)
            for sql in migrations()[schema:]:
                connection.execute(for_postgres(sql))
            if schema < known():
                connection.execute(
                    """
                    INSERT INTO meta (key, value) VALUES ('schema', %s)
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value
                    """,
                    (str(known()),),
                )
                connection.execute("INSERT INTO meta (key, value) VALUES ('min_reader', '1') ON CONFLICT DO NOTHING")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            failure = named(error, self._place, self._patience)
            if failure is None:
                raise
            raise failure from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    cursor: "psycopg.ClientCursor[Any]"
    asked_at: float
    """What this machine's boot clock said before the database's was asked."""
    boot: float
    number: str | None
    """By which the database can be asked how it ended; None where nothing is to be kept of it."""
    server: str
    """Which run of the server it was: another one knows nothing for certain of what this one began."""


class _Row(tuple[Any, ...]):  # noqa: SLOT001 - a tuple has no room for them
    """A row, by place and by name, as SQLite's are."""

    _places: dict[str, int]

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self._places[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        return [*self._places]

    @classmethod
    def of(cls, values: Sequence[Any], places: dict[str, int]) -> Self:
        row = cls(values)
        row._places = places
        return row


def _with_whole_numbers(row: tuple[Any, ...], places: Sequence[int]) -> Sequence[Any]:
    if not any(type(row[place]) is float for place in places):
        return row
    changed = [*row]
    for place in places:
        changed[place] = row[place] if row[place] is None else int(row[place])
    return changed


def _rows(cursor: "psycopg.Cursor[Any]") -> Callable[[Sequence[Any]], _Row]:
    places = {column.name: place for place, column in enumerate(cursor.description or ())}
    return lambda values: _Row.of(values, places)


class _Flag(Dumper):
    """What is true is 1, as it is in SQLite."""

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"

    def quote(self, obj: Any) -> bytes:
        return self.dump(obj)


class _FlagLoader(Loader):
    def load(self, data: Any) -> int:
        return int(bytes(data) == b"t")


class _SumLoader(Loader):
    """A sum of whole numbers is one."""

    def load(self, data: Any) -> float | int:
        said = bytes(data)
        return float(said) if b"." in said or said == b"NaN" else int(said)


def _teach(connection: "psycopg.Connection[Any]") -> None:
    connection.adapters.register_dumper(bool, _Flag)
    connection.adapters.register_loader("bool", _FlagLoader)
    connection.adapters.register_loader("numeric", _SumLoader)


def _without_nul(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in parameters.items()
    }


_WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|::|:(?P<name>[a-zA-Z_]\w*)|%")


@lru_cache(maxsize=2048)
def _translated(sql: str) -> str:
    """Write our parameters as the driver wants them."""

    def word(found: re.Match[str]) -> str:
        name = found["name"]
        return f"%({name})s" if name else found[0].replace("%", "%%")

    return _WORDS.sub(word, sql)


def for_postgres(sql: str) -> str:
    """Write a migration in the words of PostgreSQL: texts compare bytewise, and who numbers rows says so.

    A path may be longer than what its other indexes take; it is only ever asked for as a whole.
    """
    said = "\n".join(without_comments(sql))
    said = said.replace("ON uploads (path)", "ON uploads USING hash (path)")
    said = re.sub(r"\bINTEGER PRIMARY KEY\b", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", said)
    said = re.sub(r"(?<!AS )\bTEXT\b", 'TEXT COLLATE "C"', said)
    return re.sub(r"\bBLOB\b", "BYTEA", said)


def _roll_back(connection: "psycopg.Connection[Any]") -> None:
    if connection.closed or connection.info.transaction_status == TransactionStatus.IDLE:
        return
    with suppress(psycopg.OperationalError):  # the connection is lost, and so is what it had begun
        if connection.info.transaction_status == TransactionStatus.ACTIVE:  # broken off in the middle of an answer
            connection.close()
        else:
            connection.execute("ROLLBACK")


def _has_schema(connection: "psycopg.Connection[Any]", schema: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchall())


def _tables(connection: "psycopg.Connection[Any]", schema: str) -> set[str]:
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))
    return {name for (name,) in found}


def _versions(connection: "psycopg.Connection[Any]", schema: str) -> tuple[int, int]:
    query = text.SQL("SELECT key, value FROM {} WHERE key IN ('schema', 'min_reader')")
    found: dict[str, str] = dict(connection.execute(query.format(text.Identifier(schema, "meta"))).fetchall())
    return int(found.get("schema", 0)), int(found.get("min_reader", 0))
