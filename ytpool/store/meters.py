"""Reading the meters of a quota day, for reports."""

from datetime import date
from typing import NamedTuple

from ytpool.store.db import Tx


class Reading(NamedTuple):
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

    @property
    def used(self) -> int:
        """All that counts against the ceiling."""
        return self.held + self.sent + self.spent + self.unknown + self.elsewhere


def on(tx: Tx, day: date) -> dict[tuple[str, str, str], Reading]:
    """Return every meter of a day by scope, name and bucket."""
    rows = tx.all(
        """
        SELECT scope, name, bucket, ceiling, held, sent, spent, unknown, elsewhere FROM meters WHERE day = :day
        """,
        day=day.isoformat(),
    )
    return {(row[0], row[1], row[2]): Reading(*row) for row in rows}


def limits(tx: Tx) -> dict[tuple[str, str, str], int]:
    """Return what operators decided or Google taught us, beside the price book's defaults."""
    rows = tx.all("SELECT * FROM limits")
    return {(row["scope"], row["name"], row["bucket"]): row["units"] for row in rows}
