"""Single rows of the activity journal, as people read them: each operation once, or each row as it was written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ytpool.domain import moments
from ytpool.store.db import Tx
from ytpool.store.sums import Window

_FIELDS = """
    f.entry, f.activity, f.happened_at, f.account, coalesce(m.project, f.project) AS project, f.channel_id,
    f.operation, f.units, f.bytes, f.seconds, f.job, f.detail, f.erased
"""
_MERGED = "LEFT JOIN merged_projects AS m ON m.former = f.project"


class Entry(NamedTuple):
    """A row of the journal."""

    entry: int
    activity: str
    happened_at: datetime
    account: str | None
    project: str | None
    channel_id: str | None
    operation: str
    outcome: str
    units: int
    bytes: int
    seconds: float
    job: str | None
    reason: str
    detail: str
    settles: str | None
    """The activity whose unknown outcome this one says; such a row is no operation of its own."""
    settled_at: datetime | None
    """When an outcome that was unknown became known."""
    erased: bool
    """Channel, reason and detail were erased, because the account has left."""


def operations(tx: Tx, window: Window, after: Entry | None, most: int) -> list[Entry]:
    """Return the next operations of a window in the order of their moments, with the outcomes that are known now."""
    conditions, given = _of_whom(window, by_index=True)
    rows = tx.all(
        f"""
        SELECT {_FIELDS}, CASE WHEN later.entry IS NULL THEN f.outcome ELSE later.outcome END AS outcome,
               CASE WHEN later.entry IS NULL THEN f.reason ELSE later.reason END AS reason,
               NULL AS settles, later.happened_at AS settled_at
          FROM activity AS f LEFT JOIN activity AS later ON later.settles = f.activity {_MERGED}
         WHERE (f.happened_at, f.entry) > (:after_at, :after) AND f.happened_at < :until AND f.settles IS NULL
               {conditions}
         ORDER BY f.happened_at, f.entry LIMIT :most
        """,
        # What stands before every row of the window's first moment.
        after_at=moments.text(window.since if after is None else after.happened_at),
        after=-1 if after is None else after.entry,
        until=moments.text(window.until),
        most=most,
        **given,
    )
    return [_entry(row) for row in rows]


def written(tx: Tx, window: Window, after: int, most: int) -> list[Entry]:
    """Return the next rows in the order in which they were written."""
    # Few are new, of whomever.
    return _written(tx, window, "f.entry", after, most, by_index=False)


def newest(tx: Tx, window: Window, most: int) -> list[Entry]:
    """Return the last rows in the order in which they were written."""
    return _written(tx, window, "f.entry DESC", 0, most, by_index=True)[::-1]


def last(tx: Tx) -> int:
    """Return the number of the newest row."""
    return tx.one("SELECT max(entry) AS last FROM activity")["last"] or 0


def has_any_of(tx: Tx, column: str, names: Sequence[str]) -> bool:
    """Tell whether anything stands in the journal of an account, or of a project under one of its names."""
    sealed = tx.one("SELECT max(last) AS last FROM activity_segments")["last"] or 0
    return any(
        tx.one(f"SELECT 1 FROM activity_sums WHERE span = 'month' AND {column} = :name LIMIT 1", name=name)
        or tx.one(
            f"SELECT 1 FROM activity WHERE entry > :sealed AND {column} = :name LIMIT 1", name=name, sealed=sealed
        )
        for name in names
    )


def recorded_operations(tx: Tx) -> set[str]:
    """Return what all operations of the journal are called, those whose rows are gone included."""
    sealed = tx.one("SELECT max(last) AS last FROM activity_segments")["last"] or 0
    rows = tx.all(
        """
        SELECT operation FROM activity_sums WHERE span = 'month'
        UNION SELECT operation FROM activity WHERE entry > :sealed
        """,
        sealed=sealed,
    )
    return {row["operation"] for row in rows}


def _written(tx: Tx, window: Window, order: str, after: int, most: int, *, by_index: bool) -> list[Entry]:
    conditions, given = _of_whom(window, by_index=by_index)
    rows = tx.all(
        f"""
        SELECT {_FIELDS}, f.outcome, f.reason, f.settles, NULL AS settled_at FROM activity AS f {_MERGED}
         WHERE f.entry > :after {conditions} ORDER BY {order} LIMIT :most
        """,
        after=after,
        most=most,
        **given,
    )
    return [_entry(row) for row in rows]


def _of_whom(window: Window, *, by_index: bool) -> tuple[str, dict[str, Any]]:
    conditions, given = window.conditions(by_index=by_index)
    return "".join(f" AND {condition}" for condition in conditions), given


def _entry(row: Any) -> Entry:
    found = {column: row[column] for column in Entry._fields}
    return Entry(
        **{
            **found,
            "happened_at": moments.parse(row["happened_at"]),
            "settled_at": moments.parse_optional(row["settled_at"]),
            "erased": row["erased"] is not None,
        }
    )
