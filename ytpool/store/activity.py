"""What was done, by whom, with what outcome: a journal for people."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one account did of one operation, over a window."""

    account: str
    operation: str
    calls: int
    done: int
    failed: int
    unknown: int
    units: int
    bytes: int
    seconds: float
    last_at: str


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
    tx.run(
        """
        INSERT INTO activity (activity, happened_at, account, project, channel_id, operation, outcome, units, bytes,
                              seconds, job, reason, detail)
        VALUES (:activity, :at, :account, :project, :channel_id, :operation, :outcome, :units, :size,
                :seconds, :job, :reason, :detail)
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
    )
    if not spare_score:
        accounts.worked(
            tx,
            payer.account,
            operation,
            well=outcome is Outcome.DONE,
            uploaded=operation == "upload" and outcome is Outcome.DONE,
        )


def settle_unknown(tx: Tx, job: str, operation: str, outcome: Outcome, *, since: datetime, reason: str = "") -> bool:
    """Write how something ended that was unknown until now and begun since then; False where nothing of it was."""
    return (
        tx.run(
            """
            UPDATE activity SET outcome = :outcome, reason = :reason
             WHERE job = :job AND operation = :operation AND outcome = 'unknown' AND happened_at >= :since
            """,
            since=moments.text(since),
            job=job,
            operation=operation,
            outcome=outcome,
            reason=reason,
        )
        > 0
    )


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
                                  detail)
            VALUES (:activity, :at, :account, :project, :channel_id, :operation, :outcome, :reason, :detail)
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
        )
        == 1
    )


def lately(tx: Tx, account: str, deeds: int = 100) -> set[str]:
    """Return which operations are among an account's last ones."""
    rows = tx.all(
        """
        SELECT DISTINCT operation FROM (SELECT operation FROM activity WHERE account = :account
                                         ORDER BY happened_at DESC LIMIT :deeds) AS last
        """,
        account=account,
        deeds=deeds,
    )
    return {row["operation"] for row in rows}


def last_of_youtube(tx: Tx, since: datetime) -> Deed | None:
    """Return the last call to YouTube since then; what keys of other services did belongs to no project."""
    row = tx.one(
        """
        SELECT * FROM activity WHERE happened_at >= :since AND project <> '' ORDER BY happened_at DESC LIMIT 1
        """,
        since=moments.text(since),
    )
    return None if row is None else _deed(row)


def last_of(tx: Tx, account: str) -> Deed | None:
    """Return the last thing that an account did."""
    row = tx.one("SELECT * FROM activity WHERE account = :account ORDER BY happened_at DESC LIMIT 1", account=account)
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


def tally(tx: Tx, since: datetime, until: datetime) -> list[Tally]:
    """Sum up what was done from one moment up to another, by account and operation."""
    rows = tx.all(
        """
        SELECT account, operation, count(*) AS calls, sum(CASE outcome WHEN 'done' THEN 1 ELSE 0 END) AS done,
               sum(CASE outcome WHEN 'failed' THEN 1 ELSE 0 END) AS failed,
               sum(CASE outcome WHEN 'unknown' THEN 1 ELSE 0 END) AS unknown,
               sum(units) AS units, sum(bytes) AS bytes, sum(seconds) AS seconds, max(happened_at) AS last_at
          FROM activity WHERE happened_at >= :since AND happened_at < :until
         GROUP BY account, operation ORDER BY account, operation
        """,
        since=moments.text(since),
        until=moments.text(until),
    )
    return [Tally(**{column: row[column] for column in row.keys()}) for row in rows]  # noqa: SIM118 -- a Row is no dict


def reasons(tx: Tx, since: datetime, until: datetime) -> list[tuple[str, str, int]]:
    """Count what went wrong, by operation and Google's own word for it."""
    rows = tx.all(
        """
        SELECT operation, reason, count(*) AS times FROM activity
         WHERE happened_at >= :since AND happened_at < :until AND outcome <> 'done'
         GROUP BY operation, reason ORDER BY times DESC, operation, reason
        """,
        since=moments.text(since),
        until=moments.text(until),
    )
    return [(row["operation"], row["reason"], row["times"]) for row in rows]
