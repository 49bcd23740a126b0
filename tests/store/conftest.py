"""What the store promises, it promises on both databases: whatever asks for a place runs on each."""

from contextlib import ExitStack

import newer
import psycopg
import pytest
from books import database_at

from ytpool.clock import SystemClock


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where an empty state lies, or may be made: a file, or a schema of PostgreSQL."""
    if request.param == "sqlite":
        yield tmp_path / "state.db"
        return
    used_again = request.getfixturevalue("used_again")
    yield used_again.place()
    used_again.empty()


@pytest.fixture(scope="session")
def used_again(postgres):
    with UsedAgain(postgres) as schema:
        yield schema


class UsedAgain:
    """A schema with an empty state: to make one takes longer than most of our tests."""

    def __init__(self, server):
        self._server = server
        self._made = ExitStack()
        self._name = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._made.close()

    def place(self):
        if self._name is None:
            self._name = self._made.enter_context(self._server.schema())
            clock = SystemClock()
            database = database_at(self._place, clock, clock.now)
            database.create()
            if newer.EVERYWHERE:
                newer.made(database)
            database.close()
            self._shape, self._meta = self._shape_now(), self._rows("SELECT key, value FROM meta")
        return self._place

    def empty(self):
        """Let it be as it was; one whose tables a test has changed is not used again."""
        try:
            if self._shape_now() != self._shape:
                raise psycopg.ProgrammingError("other tables")
            with self._server.connected() as connection, connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '5s'; SET LOCAL search_path = {self._name}")
                connection.execute("SET LOCAL session_replication_role = replica")  # whatever refers to what
                tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema")
                connection.execute("; ".join(f"DELETE FROM {table}" for [table] in tables.fetchall()))
                for key, value in self._meta:
                    connection.execute("INSERT INTO meta (key, value) VALUES (%s, %s)", (key, value))
                connection.execute(
                    "SELECT setval(oid::regclass, 1, false) FROM pg_class"
                    " WHERE relkind = 'S' AND relnamespace = current_schema::regnamespace"
                )
        except psycopg.Error:
            self._made.close()
            self._name = None

    @property
    def _place(self):
        return f"{self._server.url}#{self._name}"

    def _shape_now(self):
        return self._rows(
            """
            SELECT c.relname, c.relkind, a.attname, a.attnotnull, t.tgname FROM pg_class c
              LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0
              LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
             WHERE c.relnamespace = current_schema::regnamespace ORDER BY 1, 3, 5
            """
        )

    def _rows(self, statement):
        with self._server.connected() as connection:
            connection.execute(f"SET search_path = {self._name}")
            return connection.execute(statement).fetchall()
