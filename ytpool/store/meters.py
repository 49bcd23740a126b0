"""Meters: what is booked on one counted limit on one quota day, and the corrections that no call made."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from ytpool.domain import ids
from ytpool.store.db import Tx

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds

PROJECT = "project"
ACCOUNT = "account"
ENVELOPE = "envelope"
"""The scopes of the meters that a call draws on; an envelope's bucket is its purpose."""

WHERE = "WHERE scope = :scope AND name = :name AND bucket = :bucket AND day = :day"


@dataclass(frozen=True, slots=True)
class Meter:
    """The key of one counted limit."""

    scope: str
    name: str
    bucket: str
    day: str

    @classmethod
    def of(cls, row: Any) -> "Meter":
        return cls(row["scope"], row["name"], row["bucket"], row["day"])

    @property
    def key(self) -> dict[str, str]:
        return {"scope": self.scope, "name": self.name, "bucket": self.bucket, "day": self.day}


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


def read(tx: Tx, meter: Meter) -> Any:
    """Return a meter's row for a change of it, or None before the day's first call."""
    return tx.one(f"SELECT * FROM meters {WHERE}", **meter.key)


def booked(row: Any) -> int:
    """Return what our own calls count on a meter: what its limit must cover."""
    return int(row["spent"] + row["held"] + row["sent"] + row["unknown"])


def used(row: Any) -> int:
    """Return all that counts against a meter's ceiling."""
    return booked(row) + int(row["elsewhere"])


def correct(
    tx: Tx, meter: Meter, column: str, units: int, rng: "random.Random", reason: str, operation: str = ""
) -> None:
    """Move `elsewhere` or `overrun` of a meter by a row of the journal that is no hold.

    `operation` is the call whose answer showed it, and empty where an operator says so.
    """
    tx.run(
        """
        INSERT INTO ledger (hold, scope, name, bucket, day, units, state, operation, held_at, settled_at, reason)
        VALUES (:hold, :scope, :name, :bucket, :day, :units, :state, :operation, :at, :at, :reason)
        """,
        hold=ids.new(tx.now, rng),
        units=units,
        state=column,
        operation=operation,
        at=tx.at,
        reason=reason,
        **meter.key,
    )
    tx.run(f"UPDATE meters SET {column} = {column} + :units {WHERE}", units=units, **meter.key)


class Correction(NamedTuple):
    """Units of one meter that are not simply spent: used elsewhere, beyond the limit, or of unknown outcome."""

    column: str
    units: int
    operation: str
    reason: str
    at: str
    at_midnight: bool


def apart(tx: Tx, since: date) -> list[Any]:
    """Return the projects' meters, from this quota day on, whose books are not simply what we sent."""
    return tx.all(
        """
        SELECT * FROM meters
         WHERE day >= :since AND scope = 'project' AND (elsewhere <> 0 OR overrun <> 0 OR unknown <> 0)
         ORDER BY day DESC, name, bucket
        """,
        since=since.isoformat(),
    )


def corrections(tx: Tx, meter: Meter) -> list[Correction]:
    """Return what keeps a meter apart from the calls that went well, the oldest first."""
    rows = tx.all(
        f"""
        SELECT state, units, operation, reason, blurred, coalesce(settled_at, sent_at, held_at) AS at
          FROM ledger {WHERE}
           AND state IN ('elsewhere', 'overrun', 'unknown')
         ORDER BY at, hold
        """,
        **meter.key,
    )
    return [
        Correction(row["state"], row["units"], row["operation"], row["reason"], row["at"], bool(row["blurred"]))
        for row in rows
    ]


class Spender(NamedTuple):
    """What an account has used of a meter by one operation, what is set aside or unknown included."""

    account: str | None
    operation: str
    calls: int
    units: int


def spenders(tx: Tx, meter: Meter, *, most: int) -> list[Spender]:
    """Return who has used most of a meter, and for what."""
    rows = tx.all(
        f"""
        SELECT account, operation, count(DISTINCT hold), sum(units) AS units FROM ledger {WHERE}
           AND state IN ('held', 'sent', 'spent', 'unknown')
         GROUP BY account, operation ORDER BY units DESC, account, operation LIMIT :most
        """,
        most=most,
        **meter.key,
    )
    return [Spender(*row) for row in rows]
