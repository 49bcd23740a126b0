"""Who reads the vault's keys, from where, and which of them they have found.

A reader is a way to a key on a host: what a desktop finds in its keyring, the same host's cron does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.domain import moments
from ytpool.store import owners
from ytpool.store.db import Tx

KEYRING = "keyring"

LIVES_FOR = timedelta(days=7)
"""For so long after its last word a reader counts as living: whoever works once a week is waited for."""

_FORGOTTEN_AFTER = timedelta(days=30)

_SAID_AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A way to the keys: a host, and the kind of place and the file where it found the key in use."""

    host: str
    place: str
    location: str

    def __str__(self) -> str:
        return f"{self.host} ({self.location or self.place})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a reader has said last."""

    reader: Reader
    keys: tuple[str, ...]
    seen_at: datetime

    def lives(self, now: datetime) -> bool:
        return now - self.seen_at < LIVES_FOR


def here(place: str, where: str) -> Reader:
    """Describe this process's way to the keys; in a keyring each key has an item of its own, so none is named."""
    return Reader(host=owners.me().host, place=place, location="" if place == KEYRING else where)


def every(tx: Tx) -> list[Report]:
    rows = tx.all("SELECT * FROM key_readers ORDER BY host, place, location")
    return [
        Report(
            reader=Reader(host=row["host"], place=row["place"], location=row["location"]),
            keys=tuple(row["keys"].split()),
            seen_at=moments.parse(row["seen_at"]),
        )
        for row in rows
    ]


def files_here(tx: Tx) -> list[str]:
    """Return the key files in which this machine has found keys, whoever named them, the latest first."""
    rows = tx.all(
        """
        SELECT location FROM key_readers WHERE host = :host AND place = 'key file' ORDER BY seen_at DESC
        """,
        host=owners.me().host,
    )
    return [row["location"] for row in rows]


def is_known(tx: Tx, reader: Reader, keys: Sequence[str]) -> bool:
    """Tell whether a reader has said just this lately, so that it need not write it again."""
    return any(
        known.reader == reader and set(known.keys) == set(keys) and tx.now - known.seen_at < _SAID_AGAIN_AFTER
        for known in every(tx)
    )


def report(tx: Tx, reader: Reader, keys: Sequence[str]) -> None:
    """Write down what a reader found; those that were not seen for a month are forgotten."""
    tx.run("DELETE FROM key_readers WHERE seen_at < :before", before=moments.text(tx.now - _FORGOTTEN_AFTER))
    tx.run(
        """
        INSERT INTO key_readers (host, place, location, keys, seen_at) VALUES (:host, :place, :location, :keys, :at)
        ON CONFLICT (host, place, location) DO UPDATE SET keys = excluded.keys, seen_at = excluded.seen_at
        """,
        host=reader.host,
        place=reader.place,
        location=reader.location,
        keys=" ".join(keys),
        at=tx.at,
    )


def forget_one(tx: Tx, reader: Reader) -> None:
    """Forget a way that is not used any more."""
    tx.run(
        "DELETE FROM key_readers WHERE host = :host AND place = :place AND location = :location",
        host=reader.host,
        place=reader.place,
        location=reader.location,
    )


def forget(tx: Tx, host: str) -> int:
    """Forget a machine that is no more; should it live, it reports again."""
    return tx.run("DELETE FROM key_readers WHERE host = :host", host=host)
