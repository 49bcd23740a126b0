"""Why an account was chosen, or why none was: kept with the job, in the same transaction."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ytpool.domain import ids, moments
from ytpool.domain.balancing import Choice
from ytpool.store.db import Tx

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision as it was made."""

    decided_at: datetime
    strategy: str
    account: str | None
    best: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            decided_at=moments.parse(row["decided_at"]),
            strategy=row["strategy"],
            account=row["account"],
            best=json.loads(row["best"]),
            rejected=json.loads(row["rejected"]),
        )


def keep(tx: Tx, rng: "random.Random", job: str, strategy: str, choice: Choice) -> None:
    best = [
        {
            "account": scored.account,
            "score": round(scored.score, 4),
            "factors": {name: round(factor, 4) for name, factor in scored.factors.items()},
        }
        for scored in choice.best
    ]
    rejected = [
        {"reason": reason, "count": group.count, "accounts": list(group.names)}
        for reason, group in choice.rejected.items()
    ]
    tx.run(
        """
        INSERT INTO decisions (decision, job, decided_at, strategy, account, best, rejected)
        VALUES (:decision, :job, :at, :strategy, :account, :best, :rejected)
        """,
        decision=ids.new(tx.now, rng),
        job=job,
        at=tx.at,
        strategy=strategy,
        account=choice.account,
        best=json.dumps(best),
        rejected=json.dumps(rejected),
    )


def of_job(tx: Tx, job: str) -> list[Decision]:
    """Return a job's decisions, the oldest first."""
    rows = tx.all("SELECT * FROM decisions WHERE job = :job ORDER BY decided_at, decision", job=job)
    return [Decision.from_row(row) for row in rows]
