"""Reading the meters of quota days, for reports."""

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


class DayReading(NamedTuple):
    """What the meter of a project's bucket said at the end of a day, or says now of today."""

    day: date
    project: str
    bucket: str
    limit: int
    spent: int
    held: int
    """Not settled yet, sent or not."""
    unknown: int
    elsewhere: int

    @property
    def used(self) -> int:
        return self.spent + self.held + self.unknown + self.elsewhere


def since(tx: Tx, day: date, *, project: str | None = None, bucket: str | None = None) -> list[DayReading]:
    """Return the projects' meters from a day on, by day, project and bucket; a day without any use has none."""
    rows = tx.all(
        """
        SELECT day, name, bucket, coalesce(ceiling, 0), spent, held + sent, unknown, elsewhere FROM meters
         WHERE day >= :day AND scope = 'project'
           AND (:project IS NULL OR name = :project) AND (:bucket IS NULL OR bucket = :bucket)
         ORDER BY day, name, bucket
        """,
        day=day.isoformat(),
        project=project,
        bucket=bucket,
    )
    return [DayReading(date.fromisoformat(day), *rest) for day, *rest in rows]


def limits(tx: Tx) -> dict[tuple[str, str, str], int]:
    """Return what operators decided or Google taught us, beside the price book's defaults."""
    rows = tx.all("SELECT * FROM limits")
    return {(row["scope"], row["name"], row["bucket"]): row["units"] for row in rows}
