"""Reading the meters of a quota day, for reports."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one meter says."""

    scope: str
    name: str
    bucket: str
    ceiling: int | None
    held: int
    sent: int
    spent: int
    unknown: int
    elsewhere: int

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            scope=row["scope"],
            name=row["name"],
            bucket=row["bucket"],
            ceiling=row["ceiling"],
            held=row["held"],
            sent=row["sent"],
            spent=row["spent"],
            unknown=row["unknown"],
            elsewhere=row["elsewhere"],
        )


def on(tx: Tx, day: date) -> dict[tuple[str, str, str], Reading]:
    """Return every meter of a day by scope, name and bucket."""
    rows = tx.all("SELECT * FROM meters WHERE day = :day", day=day.isoformat())
    return {(row["scope"], row["name"], row["bucket"]): Reading.from_row(row) for row in rows}


def limits(tx: Tx) -> dict[tuple[str, str, str], int]:
    """Return what operators decided or Google taught us, beside the price book's defaults."""
    rows = tx.all("SELECT * FROM limits")
    return {(row["scope"], row["name"], row["bucket"]): row["units"] for row in rows}
