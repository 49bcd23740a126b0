"""The books of two projects that are one at Google become one: nothing that was booked is lost or counted twice.

The ledger's rows go over as they are, those of running calls too: whoever sent them settles them by their hold. Sums
are added, and what is beyond the limit then becomes a row `overrun`. The activity journal stays as it was written; who
reads it knows by `merged_projects` what a project is called now.
"""

from typing import TYPE_CHECKING, Any

from ytpool.domain.terms import Terms
from ytpool.store import limits, meters
from ytpool.store.db import Tx
from ytpool.store.ledger import Entry
from ytpool.store.meters import ENVELOPE, PROJECT, Meter

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds

_SUMS = ("held", "sent", "spent", "unknown", "elsewhere", "overrun")


def move(tx: Tx, former: str, project: str, terms: Terms, rng: "random.Random", reason: str) -> None:
    """Move limits, rests, lessons, journal and meters of one project to another that is there."""
    _move_limits(tx, former, project)
    _move_rests(tx, former, project)
    _move_books(tx, PROJECT, former, project)
    # An envelope's ceiling is our own wish, and set anew by the next hold; until then it covers what both have used.
    _move_books(tx, ENVELOPE, former, project, "ceiling = meters.ceiling + excluded.ceiling")
    _move_lessons(tx, former, project)
    for row in tx.all("SELECT * FROM meters WHERE scope = :scope AND name = :project", scope=PROJECT, project=project):
        _judge(tx, row, terms, rng, reason)


def _move_lessons(tx: Tx, former: str, project: str) -> None:
    """Keep what was learned of either; a limit that both saw named was named as often as both saw it."""
    tx.run(
        "UPDATE lessons SET name = :project WHERE scope = :scope AND name = :former",
        scope=PROJECT,
        project=project,
        former=former,
    )
    tx.run(
        """
        INSERT INTO proposed_prices (project, operation, metric, named, units, times, first_at, last_at)
        SELECT :project, operation, metric, named, units, times, first_at, last_at FROM proposed_prices
         WHERE project = :former
        ON CONFLICT (project, operation, metric, named) DO UPDATE
           SET times = proposed_prices.times + excluded.times,
               first_at = CASE WHEN excluded.first_at < proposed_prices.first_at
                               THEN excluded.first_at ELSE proposed_prices.first_at END,
               last_at = CASE WHEN excluded.last_at > proposed_prices.last_at
                              THEN excluded.last_at ELSE proposed_prices.last_at END
        """,
        project=project,
        former=former,
    )
    tx.run("DELETE FROM proposed_prices WHERE project = :former", former=former)


def _judge(tx: Tx, row: Any, terms: Terms, rng: "random.Random", reason: str) -> None:
    """Let a meter say what it may hold now, and what of it is beyond that."""
    meter = Meter.of(row)
    ceiling = row["ceiling"]
    if row["day"] >= terms.day.isoformat():
        ceiling = limits.believe(tx, meter, terms)
    if ceiling is None:
        return
    booked = row["held"] + row["sent"] + row["spent"] + row["unknown"]
    # What one of the two took for somebody else's use was, as far as it does not fit, the other's.
    ours = min(row["elsewhere"], booked + row["elsewhere"] - ceiling)
    if ours > 0:
        meters.correct(tx, meter, Entry.ELSEWHERE, -ours, rng, reason)
    if booked > ceiling + row["overrun"]:
        meters.correct(tx, meter, Entry.OVERRUN, booked - ceiling - row["overrun"], rng, reason)


def _move_books(tx: Tx, scope: str, former: str, project: str, *besides: str) -> None:
    tx.run(
        "UPDATE ledger SET name = :project WHERE scope = :scope AND name = :former",
        scope=scope,
        project=project,
        former=former,
    )
    sums = ", ".join(_SUMS)
    added = ", ".join([*(f"{column} = meters.{column} + excluded.{column}" for column in _SUMS), *besides])
    tx.run(
        f"""
        INSERT INTO meters (scope, name, bucket, day, ceiling, {sums})
        SELECT scope, :project, bucket, day, ceiling, {sums} FROM meters WHERE scope = :scope AND name = :former
        ON CONFLICT (scope, name, bucket, day) DO UPDATE SET {added}
        """,
        scope=scope,
        project=project,
        former=former,
    )
    tx.run("DELETE FROM meters WHERE scope = :scope AND name = :former", scope=scope, former=former)


def _move_limits(tx: Tx, former: str, project: str) -> None:
    """Keep one limit for each bucket: the operator's word before a learned one, then the newer."""
    rows = tx.all(
        """
        SELECT * FROM limits WHERE scope = :scope AND name IN (:former, :project)
         ORDER BY bucket, origin = 'operator' DESC, since DESC, name = :project DESC
        """,
        scope=PROJECT,
        former=former,
        project=project,
    )
    kept: set[str] = set()
    for row in rows:
        if row["bucket"] in kept:
            tx.run(
                "DELETE FROM limits WHERE scope = :scope AND name = :name AND bucket = :bucket",
                scope=PROJECT,
                name=row["name"],
                bucket=row["bucket"],
            )
        kept.add(row["bucket"])
    tx.run(
        "UPDATE limits SET name = :project WHERE scope = :scope AND name = :former",
        scope=PROJECT,
        project=project,
        former=former,
    )


def _move_rests(tx: Tx, former: str, project: str) -> None:
    """Keep the longer of two rests."""
    tx.run(
        """
        DELETE FROM rests
         WHERE scope = :scope AND name IN (:former, :project)
           AND EXISTS (SELECT 1 FROM rests other
                        WHERE other.scope = rests.scope AND other.bucket = rests.bucket AND other.name <> rests.name
                          AND other.name IN (:former, :project)
                          AND rests.until IS NOT NULL
                          AND (other.until IS NULL OR other.until > rests.until
                               OR (other.until = rests.until AND other.name = :project)))
        """,
        scope=PROJECT,
        former=former,
        project=project,
    )
    tx.run(
        """
        DELETE FROM rests
         WHERE scope = :scope AND name = :former
           AND bucket IN (SELECT bucket FROM rests WHERE scope = :scope AND name = :project)
        """,
        scope=PROJECT,
        former=former,
        project=project,
    )
    tx.run(
        "UPDATE rests SET name = :project WHERE scope = :scope AND name = :former",
        scope=PROJECT,
        project=project,
        former=former,
    )
