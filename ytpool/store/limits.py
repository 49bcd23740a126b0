"""What a meter may hold: the operator's word, else what Google taught us, else the price book.

A learned limit is a belief with a date. It ends after seven quota days without another refusal; on each of them one
call may try beyond it, and a call that Google lets through there raises it.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ytpool.domain import moments, quota
from ytpool.domain.terms import Terms
from ytpool.store import lessons, meters
from ytpool.store.db import Tx
from ytpool.store.meters import PROJECT, WHERE, Meter

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds

OPERATOR = "operator"
LEARNED = "learned"
"""Who said so."""

BELIEVED_FOR = timedelta(days=7)
"""After so many quiet quota days a learned limit is forgotten."""

TRY = "one call tried beyond the learned limit"


class Limit(NamedTuple):
    """A limit beside the price book's: how much, and who said so when."""

    units: int
    origin: str
    said_at: str

    @classmethod
    def from_row(cls, row: Any) -> "Limit":
        return cls(row["units"], row["origin"], row["since"])

    @property
    def since(self) -> date:
        """The quota day on which it was said; worked out where it is asked for, since a pool may have many limits."""
        return quota.quota_day(moments.parse(self.said_at))

    def stands_on(self, day: date) -> bool:
        """Tell whether this is still believed on a quota day; the operator's word never ends by itself."""
        return self.origin != LEARNED or day - self.since <= BELIEVED_FOR

    def may_be_tried_on(self, day: date) -> bool:
        """Tell whether a call may go beyond it: after each reset, not on the day of the refusal itself."""
        return self.origin == LEARNED and day > self.since and self.stands_on(day)


Key = tuple[str, str, str]
"""Scope, name and bucket."""


def standing(tx: Tx, day: date) -> dict[Key, Limit]:
    """Return what operators decided or Google taught us and still holds on this quota day."""
    rows = tx.all("SELECT scope, name, bucket, units, origin, since FROM limits")
    found = {(row["scope"], row["name"], row["bucket"]): Limit.from_row(row) for row in rows}
    return {key: limit for key, limit in found.items() if limit.stands_on(day)}


def units_on(tx: Tx, day: date) -> dict[Key, int]:
    """Return how much each of these limits is."""
    return {key: limit.units for key, limit in standing(tx, day).items()}


def to_be_tried(tx: Tx, limits: dict[Key, Limit], day: date) -> set[Key]:
    """Return the learned limits of these that a call may try to pass today; one try a day."""
    open_to = {key for key, limit in limits.items() if limit.may_be_tried_on(day)}
    return {key for key in open_to if not _was_tried(tx, Meter(*key, day.isoformat()))}


def ceiling(tx: Tx, meter: Meter, terms: Terms) -> int | None:
    """Return what a meter may hold; None: it only counts."""
    limit = _believed(tx, meter)
    if limit is not None:
        return limit.units
    return terms.prices.limits.get(meter.bucket) if meter.scope == PROJECT else None


def opened(tx: Tx, meter: Meter, terms: Terms) -> Meter:
    """Make the meter of a day when it is first needed."""
    tx.run(
        """
        INSERT INTO meters (scope, name, bucket, day, ceiling) VALUES (:scope, :name, :bucket, :day, :ceiling)
        ON CONFLICT DO NOTHING
        """,
        ceiling=ceiling(tx, meter, terms),
        **meter.key,
    )
    return meter


def set_limit(
    tx: Tx,
    scope: str,
    name: str,
    bucket: str,
    units: int | None,
    terms: Terms,
    rng: "random.Random",
    *,
    origin: str,
    reason: str,
    operation: str = "",
) -> None:
    """Change what a meter may hold, from today on; None returns to the default.

    What is already booked beyond the new limit becomes a row `overrun`: the books say so instead of hiding it.
    """
    if units is None:
        tx.run(
            "DELETE FROM limits WHERE scope = :scope AND name = :name AND bucket = :bucket",
            scope=scope,
            name=name,
            bucket=bucket,
        )
    else:
        tx.run(
            """
            INSERT INTO limits (scope, name, bucket, units, origin, since)
            VALUES (:scope, :name, :bucket, :units, :origin, :at)
            ON CONFLICT (scope, name, bucket) DO UPDATE
               SET units = excluded.units, origin = excluded.origin, since = excluded.since
            """,
            scope=scope,
            name=name,
            bucket=bucket,
            units=units,
            origin=origin,
            at=tx.at,
        )
    opened(tx, Meter(scope, name, bucket, terms.day.isoformat()), terms)
    for row in tx.all(
        "SELECT * FROM meters WHERE scope = :scope AND name = :name AND bucket = :bucket AND day >= :day ORDER BY day",
        scope=scope,
        name=name,
        bucket=bucket,
        day=terms.day.isoformat(),
    ):
        meter = Meter.of(row)
        fit(tx, meter, row, ceiling(tx, meter, terms), rng, reason, operation)


def fit(
    tx: Tx, meter: Meter, row: Any, ceiling: int | None, rng: "random.Random", reason: str, operation: str = ""
) -> None:
    """Give a meter another ceiling, and write down as overrun what is booked beyond it already."""
    tx.run(f"UPDATE meters SET ceiling = :ceiling {WHERE}", ceiling=ceiling, **meter.key)
    excess = 0 if ceiling is None else meters.booked(row) - ceiling - row["overrun"]
    if excess > 0:
        meters.correct(tx, meter, "overrun", excess, rng, reason, operation)


def learn(
    tx: Tx, meter: Meter, units: int, terms: Terms, rng: "random.Random", *, hold: str, operation: str, reason: str
) -> None:
    """Believe the limit that a refusal named; where an operator has said another, that stays."""
    opened(tx, meter, terms)
    believed = meters.read(tx, meter)["ceiling"]
    former = _row(tx, meter)
    stands = former is None or former.origin == LEARNED
    if stands:
        # Google and the price book agree: then there is nothing to believe beside the book.
        is_default = units == terms.prices.limits.get(meter.bucket)
        if former is not None or not is_default:
            new = None if is_default else units
            key = (meter.scope, meter.name, meter.bucket)
            set_limit(tx, *key, new, terms, rng, origin=LEARNED, reason=reason, operation=operation)
    if believed != units:
        lessons.keep(
            tx,
            hold,
            scope=meter.scope,
            name=meter.name,
            bucket=meter.bucket,
            day=terms.day,
            operation=operation,
            believed=believed,
            shown=units,
            stands=stands,
            reason=reason,
        )


def is_decided(tx: Tx, meter: Meter) -> bool:
    """Tell whether a meter's ceiling is the operator's word rather than a belief or a default."""
    limit = _row(tx, meter)
    return limit is not None and limit.origin == OPERATOR


def believe(tx: Tx, meter: Meter, terms: Terms) -> int | None:
    """Let a meter hold what is decided or believed now, and return that."""
    units = ceiling(tx, meter, terms)
    tx.run(f"UPDATE meters SET ceiling = :ceiling {WHERE}", ceiling=units, **meter.key)
    return units


def try_beyond(tx: Tx, meter: Meter, row: Any, units: int, terms: Terms, rng: "random.Random") -> bool:
    """Let one call a day pass a learned limit that is used up, and say whether this one may.

    What it takes beyond is written down as overrun: the books know that it is a try.
    """
    limit = _believed(tx, meter)
    if limit is None or not limit.may_be_tried_on(terms.day) or _was_tried(tx, meter):
        return False
    if meters.used(row) > row["ceiling"] or meters.used(row) + units <= row["ceiling"]:
        return False
    tx.run(f"UPDATE meters SET held = held + :units {WHERE}", units=units, **meter.key)
    excess = meters.booked(row) + units - row["ceiling"] - row["overrun"]
    if excess > 0:
        meters.correct(tx, meter, "overrun", excess, rng, TRY)
    return True


def proved(tx: Tx, meter: Meter, hold: str, operation: str) -> None:
    """Raise a learned limit to what Google has let through; the date of the belief stays that of the refusal."""
    limit, row = _believed(tx, meter), meters.read(tx, meter)
    if limit is None or limit.origin != LEARNED or row["spent"] <= limit.units:
        return
    tx.run(
        "UPDATE limits SET units = :units WHERE scope = :scope AND name = :name AND bucket = :bucket",
        units=row["spent"],
        scope=meter.scope,
        name=meter.name,
        bucket=meter.bucket,
    )
    tx.run(
        """
        UPDATE meters SET ceiling = :units
         WHERE scope = :scope AND name = :name AND bucket = :bucket AND day >= :day AND ceiling < :units
        """,
        units=row["spent"],
        **meter.key,
    )
    lessons.keep(
        tx,
        hold,
        scope=meter.scope,
        name=meter.name,
        bucket=meter.bucket,
        day=date.fromisoformat(meter.day),
        operation=operation,
        believed=limit.units,
        shown=row["spent"],
        reason="Google took a call beyond it",
    )


def _row(tx: Tx, meter: Meter) -> Limit | None:
    row = tx.one(
        "SELECT units, origin, since FROM limits WHERE scope = :scope AND name = :name AND bucket = :bucket",
        scope=meter.scope,
        name=meter.name,
        bucket=meter.bucket,
    )
    return None if row is None else Limit.from_row(row)


def _believed(tx: Tx, meter: Meter) -> Limit | None:
    limit = _row(tx, meter)
    return limit if limit is not None and limit.stands_on(date.fromisoformat(meter.day)) else None


def _was_tried(tx: Tx, meter: Meter) -> bool:
    """Tell whether this day's try has been made; one that was given back unsent leaves room for another."""
    row = tx.one(f"SELECT 1 FROM ledger {WHERE} AND tries = 1 AND state <> 'released' LIMIT 1", **meter.key)
    return row is not None
