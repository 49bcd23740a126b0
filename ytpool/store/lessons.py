"""What Google's answers taught, lesson by lesson: which limit was believed, and which one showed itself."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.store.db import Tx

PROJECT, CHANNEL = "project", "channel"
"""Whose limit a lesson is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One answer that showed another limit than was believed; None: no limit was known."""

    scope: str
    name: str
    bucket: str
    day: date
    operation: str
    believed: int | None
    shown: int
    stands: bool
    """False: the operator had said otherwise, and that stayed."""
    reason: str
    learned_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            scope=row["scope"],
            name=row["name"],
            bucket=row["bucket"],
            day=date.fromisoformat(row["day"]),
            operation=row["operation"],
            believed=row["believed"],
            shown=row["shown"],
            stands=bool(row["stands"]),
            reason=row["reason"],
            learned_at=moments.parse(row["learned_at"]),
        )


def keep(
    tx: Tx,
    hold: str,
    *,
    scope: str,
    name: str,
    bucket: str,
    day: date,
    operation: str,
    believed: int | None,
    shown: int,
    stands: bool = True,
    reason: str,
) -> None:
    """Write down what the answer to this hold's call taught; an answer teaches a thing once."""
    tx.run(
        """
        INSERT INTO lessons (hold, scope, name, bucket, day, operation, believed, shown, stands, reason, learned_at)
        VALUES (:hold, :scope, :name, :bucket, :day, :operation, :believed, :shown, :stands, :reason, :at)
        ON CONFLICT DO NOTHING
        """,
        hold=hold,
        scope=scope,
        name=name,
        bucket=bucket,
        day=day.isoformat(),
        operation=operation,
        believed=believed,
        shown=shown,
        stands=int(stands),
        reason=reason,
        at=tx.at,
    )


def since(tx: Tx, day: date) -> list[Lesson]:
    """Return the lessons about this quota day and later ones, the oldest first."""
    rows = tx.all("SELECT * FROM lessons WHERE day >= :day ORDER BY learned_at, hold", day=day.isoformat())
    return [Lesson.from_row(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A limit that Google named and the price book does not have: what the operation may draw on, and how much."""

    project: str
    operation: str
    metric: str
    named: str
    units: int | None
    times: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            project=row["project"],
            operation=row["operation"],
            metric=row["metric"],
            named=row["named"],
            units=row["units"],
            times=row["times"],
            first_at=moments.parse(row["first_at"]),
            last_at=moments.parse(row["last_at"]),
        )


def propose(tx: Tx, *, project: str, operation: str, metric: str, named: str, units: int | None) -> None:
    """Keep a limit for the price book; the same one again is counted, with the value that was named last."""
    tx.run(
        """
        INSERT INTO proposed_prices (project, operation, metric, named, units, first_at, last_at)
        VALUES (:project, :operation, :metric, :named, :units, :at, :at)
        ON CONFLICT (project, operation, metric, named) DO UPDATE
           SET units = coalesce(excluded.units, proposed_prices.units), times = proposed_prices.times + 1,
               last_at = excluded.last_at
        """,
        project=project,
        operation=operation,
        metric=metric,
        named=named,
        units=units,
        at=tx.at,
    )


def proposed(tx: Tx) -> list[Proposed]:
    rows = tx.all("SELECT * FROM proposed_prices ORDER BY operation, project, metric, named")
    return [Proposed.from_row(row) for row in rows]
