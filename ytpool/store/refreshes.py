"""The last refresh of each account's cookies: how it went, and how long ago it began."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments
from ytpool.store.db import Tx


class Outcome(StrEnum):
    """How a refresh went."""

    RUNNING = "running"
    """It has begun; unless somebody holds its lease, whoever ran it died on the way."""
    REPLACED = "replaced"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One account's last refresh; moments are the machine's."""

    account: str
    begun_at: datetime
    era: str
    begun: float
    ended_at: datetime | None
    outcome: Outcome
    detail: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            account=row["account"],
            begun_at=moments.parse(row["begun_at"]),
            era=row["era"],
            begun=row["begun"],
            ended_at=moments.parse_optional(row["ended_at"]),
            outcome=Outcome(row["outcome"]),
            detail=row["detail"],
        )


def latest(tx: Tx, account: str) -> Refresh | None:
    row = tx.one("SELECT * FROM refreshes WHERE account = :account", account=account)
    return None if row is None else Refresh.from_row(row)


def failed(tx: Tx) -> list[Refresh]:
    """Return the accounts' last refreshes that failed."""
    return [
        Refresh.from_row(row) for row in tx.all("SELECT * FROM refreshes WHERE outcome = 'failed' ORDER BY account")
    ]


def begin(tx: Tx, account: str, at: datetime) -> None:
    """Write down that the command is about to run, whatever becomes of it."""
    tx.run(
        """
        INSERT INTO refreshes (account, begun_at, era, begun, outcome) VALUES (:account, :at, :era, :boot, :outcome)
        ON CONFLICT (account) DO UPDATE
           SET begun_at = excluded.begun_at, era = excluded.era, begun = excluded.begun, ended_at = NULL,
               outcome = excluded.outcome, detail = ''
        """,
        account=account,
        at=moments.text(at),
        era=tx.era,
        boot=tx.boot,
        outcome=Outcome.RUNNING,
    )


def end(tx: Tx, account: str, at: datetime, outcome: Outcome, detail: str) -> None:
    tx.run(
        "UPDATE refreshes SET ended_at = :at, outcome = :outcome, detail = :detail WHERE account = :account",
        account=account,
        at=moments.text(at),
        outcome=outcome,
        detail=detail,
    )


def seconds_since(tx: Tx, refresh: Refresh, now: datetime) -> float:
    """Return how long ago it began: on the boot clock, or after a reboot by the clock that people may set."""
    if refresh.era == tx.era:
        return tx.boot - refresh.begun
    return (now - refresh.begun_at).total_seconds()
