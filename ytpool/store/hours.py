"""What meters held by the hour of their days: the journal summed up, for looking ahead and for replaying.

Each question reads the journal of the days it is about, by its index, and nothing else.
"""

from datetime import date, datetime, timedelta

from ytpool.domain import quota
from ytpool.store.db import Tx

BY_HOUR = """
    SELECT day, substr(coalesce(sent_at, held_at), 1, 13) AS hour, sum(units) AS units FROM ledger
     WHERE scope = :scope AND name = :name AND bucket = :bucket AND day >= :since AND day < :until
       AND state IN ('spent', 'unknown', 'sent', 'elsewhere')
     GROUP BY day, hour
"""
"""Use of one meter by quota day and hour; an hour is the beginning of a stored moment, `2026-11-20T04`."""


def used(tx: Tx, scope: str, name: str, bucket: str, *, since: date, until: date) -> dict[date, list[float]]:
    """Return what a meter used in each hour of each day, from its first hour on, up to a day that is left out.

    A day without use has no entry.
    """
    days: dict[date, list[float]] = {}
    for row in tx.all(BY_HOUR, scope=scope, name=name, bucket=bucket, since=since.isoformat(), until=until.isoformat()):
        day = date.fromisoformat(row["day"])
        hours = days.setdefault(day, [0.0] * quota.hours_of(day))
        number = int((_moment(row["hour"]) - quota.starts_at(day)) / timedelta(hours=1))
        # What an operator takes back may be more than an hour used; and a call sent at midnight is booked on two days.
        place = min(max(number, 0), len(hours) - 1)
        hours[place] = max(0.0, hours[place] + row["units"])
    return days


def of_day(tx: Tx, scope: str, bucket: str, day: date, *, name: str | None = None) -> dict[str, list[int]]:
    """Return what a bucket's meters, or one of them, came to in each hour of a day; their sums are what they say now.

    What is set aside counts where it was set aside, and what was taken back makes an hour smaller, even negative.
    """
    names: dict[str, list[int]] = {}
    begins = quota.starts_at(day)
    rows = tx.all(
        """
        SELECT m.name, substr(coalesce(l.sent_at, l.held_at), 1, 13) AS hour, sum(l.units) AS units
          FROM meters m JOIN ledger l ON l.scope = m.scope AND l.name = m.name AND l.bucket = m.bucket AND l.day = m.day
         WHERE m.day = :day AND m.scope = :scope AND m.bucket = :bucket AND (:name IS NULL OR m.name = :name)
           AND l.state IN ('held', 'sent', 'spent', 'unknown', 'elsewhere')
         GROUP BY m.name, substr(coalesce(l.sent_at, l.held_at), 1, 13)
        """,
        scope=scope,
        bucket=bucket,
        day=day.isoformat(),
        name=name,
    )
    for row in rows:
        hours = names.setdefault(row["name"], [0] * quota.hours_of(day))
        number = int((_moment(row["hour"]) - begins) / timedelta(hours=1))
        hours[min(max(number, 0), len(hours) - 1)] += row["units"]
    return names


def first_day(tx: Tx, scope: str, name: str, *, since: date) -> date | None:
    """Return the first day from this one on that has a meter of this name; earlier it may not have been there."""
    row = tx.one(
        "SELECT min(day) AS day FROM meters WHERE scope = :scope AND name = :name AND day >= :since",
        scope=scope,
        name=name,
        since=since.isoformat(),
    )
    return None if row["day"] is None else date.fromisoformat(row["day"])


def _moment(hour: str) -> datetime:
    return datetime.fromisoformat(f"{hour}:00:00+00:00")
