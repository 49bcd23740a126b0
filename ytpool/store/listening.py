"""Hearing, on PostgreSQL, what other processes ring with `tx.ring` when their transaction is committed.

A pooler that hands connections round by transaction swallows all of it without a word, so whoever listens calls out
once and waits for it: a listener that does not hear itself hears nobody.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from ytpool.errors import YtpoolError

RUNG = ""
"""What `tx.ring` says; everything else is somebody's call to himself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was said on a channel since somebody listened last."""

    rung: bool
    calls: frozenset[str]


class Listener:
    """Listens on one channel from when it is entered, by a connection that does nothing else. For one thread.

    Everything raises what `named` makes of a connection that is lost; entering it again connects anew.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        channel: str,
        *,
        named: Callable[[psycopg.Error], YtpoolError | None],
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._name = named
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        with self._named():
            connection = self._connect()
            try:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            except BaseException:
                connection.close()
                raise
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with closing(connection), suppress(psycopg.Error):
                # A pooler keeps what it calls the connection, and whoever has it next would hear.
                connection.execute("UNLISTEN *")

    def fileno(self) -> int:
        """Return what to wait for: it can be read when there is something to hear, or the connection is lost."""
        with self._named():
            return self._open.fileno()

    def heard(self) -> Heard:
        """Return what was said since, without waiting for it."""
        # Not psycopg's `notifies`: of a connection that was ended it says for ever that nothing came.
        said = set()
        with self._named():
            self._open.pgconn.consume_input()
            while (notified := self._open.pgconn.notifies()) is not None:
                said.add(notified.extra.decode())
        return Heard(rung=RUNG in said, calls=frozenset(said - {RUNG}))

    def call(self, word: str) -> None:
        """Say a word on the channel as others do: by another connection, which has not asked to hear anything."""
        with self._named(), closing(self._connect()) as another:
            another.execute("SELECT pg_notify(%s, %s)", (self._channel, word))

    @property
    def _open(self) -> psycopg.Connection[Any]:
        assert self._connection is not None
        return self._connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            failure = self._name(error)
            if failure is None:
                raise
            raise failure from error
