"""What was done, by whom, with what outcome: a journal for people, which is only ever appended to.

Entries are numbered in the order in which they are written; only one writes at a time, so this is the order of commits
too, whatever moment a row names. How something ended that was unknown is a row of its own, which settles the first:
whoever counts operations leaves such rows out, and takes the outcome from them.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ytpool.domain import ids, moments
from ytpool.store import accounts
from ytpool.store.db import Tx
from ytpool.store.ledger import Payer

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds


UPLOAD, TASK = "upload", "task"
REFRESH, REVOKE = "oauth.refresh", "oauth.revoke"
SESSION_DELETED = "sessions.delete"
OURS = (UPLOAD, TASK, REFRESH, REVOKE, SESSION_DELETED)
"""What operations are called that are no call of YouTube's API, which the price book names."""


class Outcome(StrEnum):
    """How an operation ended."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that was done, and how it ended."""

    happened_at: datetime
    account: str
    operation: str
    outcome: Outcome
    reason: str
    detail: str

    @property
    def was_answered(self) -> bool:
        """Whoever was asked is there: a refusal that means something shows it too."""
        return self.outcome is Outcome.DONE or (
            self.outcome is Outcome.FAILED and self.reason not in ("noAnswer", "malformedAnswer", "unsendable")
        )


def record(
    tx: Tx,
    rng: "random.Random",
    payer: Payer,
    operation: str,
    outcome: Outcome,
    *,
    units: int = 0,
    size: int = 0,
    seconds: float = 0.0,
    job: str | None = None,
    reason: str = "",
    detail: str = "",
    spare_score: bool = False,
) -> None:
    """Write what happened, and count it towards the account's score unless the account is not to blame."""
    _append(
        tx,
        rng,
        payer,
        operation,
        outcome,
        units=units,
        size=size,
        seconds=seconds,
        job=job,
        reason=reason,
        detail=detail,
    )
    if not spare_score:
        accounts.worked(
            tx,
            payer.account,
            operation,
            well=outcome is Outcome.DONE,
            uploaded=operation == UPLOAD and outcome is Outcome.DONE,
        )


def settle_unknown(
    tx: Tx,
    rng: "random.Random",
    job: str,
    operation: str,
    outcome: Outcome,
    *,
    since: datetime,
    reason: str = "",
    spare_score: bool = False,
) -> bool:
    """Write how something ended that was unknown until now and begun since then; False where nothing of it was.

    An account that was charged with it as a failure is given that back, unless its score was spared then and is now.
    """
    waiting = tx.all(
        """
        SELECT activity, account, project, channel_id FROM activity AS first
         WHERE job = :job AND operation = :operation AND outcome = 'unknown' AND happened_at >= :since
           AND settles IS NULL AND NOT EXISTS (SELECT 1 FROM activity AS later WHERE later.settles = first.activity)
        """,
        since=moments.text(since),
        job=job,
        operation=operation,
    )
    if outcome is Outcome.UNKNOWN:  # that was known
        return bool(waiting)
    for row in waiting:
        payer = Payer(account=row["account"], project=row["project"], channel_id=row["channel_id"])
        _append(tx, rng, payer, operation, outcome, job=job, reason=reason, settles=row["activity"])
        if not spare_score and outcome is Outcome.DONE:
            accounts.blame(tx, payer.account, -1)
            accounts.worked(tx, payer.account, operation, well=True, uploaded=operation == UPLOAD)
    return bool(waiting)


def remember(
    tx: Tx,
    activity: str,
    payer: Payer,
    *,
    happened_at: datetime,
    operation: str,
    outcome: Outcome,
    reason: str,
    detail: str,
) -> bool:
    """Write what another program did, which counts towards nobody's score; False where it is there already."""
    return (
        tx.run(
            """
            INSERT INTO activity (activity, happened_at, account, project, channel_id, operation, outcome, reason,
                                  detail, salt)
            VALUES (:activity, :at, :account, :project, :channel_id, :operation, :outcome, :reason, :detail, :salt)
            ON CONFLICT DO NOTHING
            """,
            activity=activity,
            at=moments.text(happened_at),
            account=payer.account,
            project=payer.project,
            channel_id=payer.channel_id,
            operation=operation,
            outcome=outcome,
            reason=reason,
            detail=detail,
            salt=new_salt(),
        )
        == 1
    )


def lately(tx: Tx, account: str, deeds: int = 100) -> set[str]:
    """Return which operations are among an account's last ones; that its tokens are refreshed says nothing of it."""
    rows = tx.all(
        """
        SELECT DISTINCT operation FROM (SELECT operation FROM activity
                                         WHERE account = :account AND operation <> :refresh
                                         ORDER BY happened_at DESC LIMIT :deeds) AS last
        """,
        account=account,
        refresh=REFRESH,
        deeds=deeds,
    )
    return {row["operation"] for row in rows}


def last_of_youtube(tx: Tx, since: datetime) -> Deed | None:
    """Return the last call to YouTube since then; what keys of other services did belongs to no project.

    Whether a login can be refreshed or ended says another server.
    """
    row = tx.one(
        """
        SELECT * FROM activity WHERE happened_at >= :since AND project <> '' AND operation NOT LIKE 'oauth.%'
         ORDER BY happened_at DESC, entry DESC LIMIT 1
        """,
        since=moments.text(since),
    )
    return None if row is None else _deed(row)


def last_of(tx: Tx, account: str) -> Deed | None:
    """Return the last thing that an account did."""
    row = tx.one(
        "SELECT * FROM activity WHERE account = :account ORDER BY happened_at DESC, entry DESC LIMIT 1", account=account
    )
    return None if row is None else _deed(row)


def _deed(row: Any) -> Deed:
    return Deed(
        happened_at=moments.parse(row["happened_at"]),
        account=row["account"],
        operation=row["operation"],
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        detail=row["detail"],
    )


def new_salt() -> str:
    """Make what keeps an erased row from being guessed by its digest; not of the seeded chance, which can be redone."""
    return os.urandom(8).hex()


def _append(
    tx: Tx,
    rng: "random.Random",
    payer: Payer,
    operation: str,
    outcome: Outcome,
    *,
    units: int = 0,
    size: int = 0,
    seconds: float = 0.0,
    job: str | None = None,
    reason: str = "",
    detail: str = "",
    settles: str | None = None,
) -> None:
    tx.run(
        """
        INSERT INTO activity (activity, happened_at, account, project, channel_id, operation, outcome, units, bytes,
                              seconds, job, reason, detail, settles, salt)
        VALUES (:activity, :at, :account, :project, :channel_id, :operation, :outcome, :units, :size,
                :seconds, :job, :reason, :detail, :settles, :salt)
        """,
        activity=ids.new(tx.now, rng),
        at=tx.at,
        account=payer.account,
        project=payer.project,
        channel_id=payer.channel_id,
        operation=operation,
        outcome=outcome,
        units=units,
        size=size,
        seconds=seconds,
        job=job,
        reason=reason,
        detail=detail,
        settles=settles,
        salt=new_salt(),
    )
