"""Accounts that are on their way out: said here first, so that whatever dies meanwhile, somebody finishes it."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ytpool.domain import moments
from ytpool.store.db import Tx

REASON = "being removed"
"""Why such an account is out of service."""

DEADLINE = timedelta(days=7)
"""By then what Google's rules want deleted is deleted, whether or not Google could be asked (Developer Policies)."""


# A named tuple costs a sixth of a dataclass to define, and every report that knows accounts defines this one.


class Leaving(NamedTuple):
    """An account that is to be forgotten, and why it is not yet."""

    account: str
    asked_at: datetime
    tried_at: datetime | None
    problem: str

    @property
    def ends_at(self) -> datetime:
        return self.asked_at + DEADLINE


def intend(tx: Tx, account: str) -> None:
    """Say that an account is to go; saying it again changes nothing, the deadline least of all."""
    tx.run(
        "INSERT INTO leavings (account, asked_at) VALUES (:account, :at) ON CONFLICT DO NOTHING",
        account=account,
        at=tx.at,
    )


def find(tx: Tx, account: str) -> Leaving | None:
    row = tx.one("SELECT * FROM leavings WHERE account = :account", account=account)
    return None if row is None else _leaving(row)


def every(tx: Tx) -> list[Leaving]:
    return [_leaving(row) for row in tx.all("SELECT * FROM leavings ORDER BY asked_at, account")]


def failed(tx: Tx, account: str, problem: str) -> None:
    """Write down why it did not work this time."""
    tx.run(
        "UPDATE leavings SET tried_at = :at, problem = :problem WHERE account = :account",
        account=account,
        at=tx.at,
        problem=problem,
    )


def take_back(tx: Tx, account: str) -> bool:
    """Let an account stay after all, or say that it has gone; tell whether it was on its way."""
    return bool(tx.run("DELETE FROM leavings WHERE account = :account", account=account))


def _leaving(row: Any) -> Leaving:
    return Leaving(
        account=row["account"],
        asked_at=moments.parse(row["asked_at"]),
        tried_at=None if row["tried_at"] is None else moments.parse(row["tried_at"]),
        problem=row["problem"],
    )
