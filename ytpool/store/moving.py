"""All rows of a state, from one database into another: SQLite to PostgreSQL, back, or into a file that is a backup.

Both ends are one transaction each: what is read is one consistent picture, and what is written is all there or not at
all. Whoever dies on the way leaves the target as it was, and the same begins anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ytpool.errors import StateTooNew
from ytpool.store import copies, meta
from ytpool.store.db import Tx
from ytpool.store.sqlite import SqliteDatabase

_AT_ONCE = 2_000
"""Rows between two questions whether to go on."""

_OF_THE_TABLES = ("schema", "min_reader")
"""What a state says of its tables, and not of what is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a move is."""

    table: str
    rows: int
    """Of all tables together, so far."""
    of: int


def move(
    source: Tx, target: Tx, still_going: Callable[[], None], told: Callable[[Progress], None] = lambda _: None
) -> dict[str, int]:
    """Put every row of one state in the place of all rows of another; returns how many each table has now.

    `target` has the tables that this program knows. What `still_going` raises breaks it off. Raises StateTooNew where
    the source has what the target has no place for, which a newer version has added.
    """
    counts = copies.rows(source)
    order = _in_order(target)
    _require_room(source, target, counts)
    own = {key: _said(target, key) for key in _OF_THE_TABLES}
    for table in reversed(order):
        target.run(f"DELETE FROM {table}")
    total, moved = sum(counts.values()), 0
    for table in order:
        columns = source.columns(table) if table in counts else {}
        if not columns:
            continue

        def passing(table: str = table, columns: Mapping[str, str] = columns) -> Iterator[tuple[Any, ...]]:
            nonlocal moved
            for row in source.every_row(table, [*columns]):
                if moved % _AT_ONCE == 0:
                    still_going()
                    told(Progress(table=table, rows=moved, of=total))
                moved += 1
                yield row

        target.fill(table, columns, passing())
    for key, value in own.items():
        target.run("UPDATE meta SET value = :value WHERE key = :key", key=key, value=value)
    heard = meta.confirmation(source)
    if heard is not None:  # by the clock that counts where it came from
        meta.forget_confirmation(target)
        meta.keep_confirmation(target, heard)
    target.renumber()
    told(Progress(table="", rows=moved, of=total))
    return copies.rows(target)


def into_file(source: Tx, file: SqliteDatabase, still_going: Callable[[], None]) -> None:
    """Make an empty file of SQLite a state with the same rows."""
    try:
        file.create()
        with file.transaction() as target:
            move(source, target, still_going)
    finally:
        file.close()


def _said(tx: Tx, key: str) -> str:
    return str(tx.one("SELECT value FROM meta WHERE key = :key", key=key)["value"])


def _in_order(tx: Tx) -> list[str]:
    """Return the tables so that each comes after those that its rows name."""
    waiting = {table: tx.references(table) - {table} for table in tx.tables()}
    order: list[str] = []
    while waiting:
        ready = [table for table, names in waiting.items() if not names & waiting.keys()]
        assert ready, f"tables that name each other: {sorted(waiting)}"
        order += ready
        for table in ready:
            del waiting[table]
    return order


def _require_room(source: Tx, target: Tx, counts: Mapping[str, int]) -> None:
    known = {table: target.columns(table).keys() for table in target.tables()}
    for table, count in counts.items():
        beyond = source.columns(table).keys() - known.get(table, frozenset())
        if beyond and count:
            missing = f"the column {min(beyond)} of {table}" if table in known else f"the table {table}"
            raise StateTooNew(
                f"a newer ytpool has added {missing}, which this one would lose on the way",
                hint="upgrade ytpool on this machine",
                table=table,
            )
