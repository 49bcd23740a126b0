"""Hearing, on PostgreSQL, what other processes ring with `tx.ring` when their transaction is committed.

A pooler that hands connections round by transaction swallows all of it without a word, so whoever listens calls out
once and waits for it: a listener that does not hear itself hears nobody.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ytpool.errors import StateUnusable

if TYPE_CHECKING:
    import psycopg

RUNG = ""
"""What `tx.ring` says; everything else is somebody's call to himself."""


class Listener:
    """Listens on one channel from when it is entered, by a connection that does nothing else. For one thread.

    Everything raises StateUnusable once the connection is lost; entering it again connects anew.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Any]]", channel: str) -> None:
        import psycopg  # noqa: PLC0415 -- only where the state is on PostgreSQL

        self._error = psycopg.Error
        self._connect = connect
        self._channel = channel
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        from psycopg import sql  # noqa: PLC0415 -- as above

        connection = self._connect()
        try:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        except self._error as error:
            connection.close()
            raise _lost(error) from error
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with closing(connection), suppress(self._error):
                # A pooler keeps what it calls the connection, and whoever has it next would hear.
                connection.execute("UNLISTEN *")

    def fileno(self) -> int:
        """Return what to wait for: it can be read when there is something to hear, or the connection is lost."""
        return self._open.pgconn.socket

    def heard(self) -> set[str]:
        """Return what was said since: `RUNG`, and calls."""
        # Not psycopg's `notifies`: of a connection that was ended it says for ever that nothing came.
        said = set()
        connection = self._open
        try:
            connection.pgconn.consume_input()
            while (notified := connection.pgconn.notifies()) is not None:
                said.add(notified.extra.decode())
        except self._error as error:
            raise _lost(error) from error
        return said

    def call(self, word: str) -> None:
        """Say a word on the channel as others do: by another connection, which has not asked to hear anything."""
        try:
            with closing(self._connect()) as another:
                another.execute("SELECT pg_notify(%s, %s)", [self._channel, word])
        except self._error as error:
            raise _lost(error) from error

    @property
    def _open(self) -> "psycopg.Connection[Any]":
        assert self._connection is not None
        return self._connection


def _lost(error: Exception) -> StateUnusable:
    return StateUnusable(f"nothing is heard from the database: {error}".strip())
