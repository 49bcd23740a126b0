"""Looks at a channel for a video whose outcome is not known; any process may take the second one."""

import json

from ytpool.domain import moments
from ytpool.domain.reconcile import Look
from ytpool.store.db import Tx


def keep(tx: Tx, job: str, look: Look) -> None:
    """Keep a look; of two at the same moment the first one counts."""
    tx.run(
        """
        INSERT INTO looks (job, looked_at, outcome) VALUES (:job, :looked_at, :outcome) ON CONFLICT DO NOTHING
        """,
        job=job,
        looked_at=moments.text(look.at),
        outcome=json.dumps(look.to_dict()),
    )


def of_job(tx: Tx, job: str) -> list[Look]:
    """Return a job's looks, the oldest first."""
    rows = tx.all("SELECT outcome FROM looks WHERE job = :job ORDER BY looked_at", job=job)
    return [Look.from_dict(json.loads(row["outcome"])) for row in rows]
