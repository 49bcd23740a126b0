"""What a page shows that is looked at all day: bounded, however much there is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import moments
from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A file that is being sent."""

    job: str
    path: str
    size: int
    kept: int
    """Bytes that have arrived for sure."""
    target: str
    account: str
    state: str
    started_at: datetime | None


def transfers(tx: Tx, among: Collection[str]) -> tuple[Transfer, ...]:
    """Return the files that these jobs are sending, in the order they were asked for; other jobs send none."""
    rows = tx.among(
        """
        SELECT jobs.job, uploads.path, uploads.size, uploads.kept, uploads.started_at, jobs.video_id, jobs.state,
               jobs.target, jobs.account
          FROM jobs JOIN uploads ON uploads.job = jobs.job
         WHERE jobs.job IN (:names) ORDER BY jobs.job
        """,
        among,
    )
    return tuple(
        Transfer(
            job=row["job"],
            path=row["path"],
            size=row["size"],
            kept=row["size"] if row["video_id"] else row["kept"],
            target=row["target"],
            account=row["account"] or "",
            state=row["state"],
            started_at=moments.parse_optional(row["started_at"]),
        )
        for row in rows
    )
