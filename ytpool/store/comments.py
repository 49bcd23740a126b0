"""What was said, by which job, and whether it may be there; found again by its text.

`sent_at` is set in the transaction that books the call as sent, and `comment_id` in the one that settles it. A row
with the first and without the second is a comment of which nobody knows whether it is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.store import jobs
from ytpool.store.db import Tx
from ytpool.store.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One comment of ours: what became of it, and which job it belongs to."""

    job: str
    state: JobState
    target: Target
    account: str | None
    channel_id: str | None
    video_id: str | None
    parent_id: str | None
    sent_at: datetime | None
    comment_id: str | None
    moderation: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            job=row["job"],
            state=JobState(row["state"]),
            target=Target(kind=TargetKind(row["target_kind"]), name=row["target"]),
            account=row["account"],
            channel_id=row["channel_id"],
            video_id=row["video_id"],
            parent_id=row["parent_id"],
            sent_at=moments.parse_optional(row["sent_at"]),
            comment_id=row["comment_id"],
            moderation=row["moderation"],
        )

    @property
    def may_be_there(self) -> bool:
        """Its call may have left, and nobody heard the answer."""
        return self.sent_at is not None and self.comment_id is None and not self.is_over

    @property
    def is_over(self) -> bool:
        return self.state.is_over

    @property
    def place(self) -> str | None:
        """The id of what it stands under."""
        return self.parent_id or self.video_id


_SELECT = """
    SELECT c.*, j.state, j.target_kind, j.target, j.account, j.channel_id
      FROM comments c JOIN jobs j ON j.job = c.job
"""


def add(tx: Tx, job: str, *, digest: str, video_id: str | None, parent_id: str | None) -> None:
    """Store what a job is to say, before it is said."""
    tx.run(
        "INSERT INTO comments (job, digest, video_id, parent_id) VALUES (:job, :digest, :video_id, :parent_id)",
        job=job,
        digest=digest,
        video_id=video_id,
        parent_id=parent_id,
    )


def find(tx: Tx, job: str) -> Said | None:
    """Return what a job says, or None where it is a job of another kind."""
    row = tx.one(f"{_SELECT} WHERE c.job = :job", job=job)
    return None if row is None else Said.from_row(row)


def get(tx: Tx, job: str) -> Said:
    found = find(tx, job)
    assert found is not None
    return found


def same_text(tx: Tx, digest: str) -> list[Said]:
    """Return what was said, or is to be said, in these words, the newest first; what failed or was cancelled is not.

    Whoever stores another one in the same transaction knows that nobody else does.
    """
    rows = tx.all(
        f"{_SELECT} WHERE c.digest = :digest AND j.state NOT IN ('failed', 'cancelled') ORDER BY c.job DESC",
        digest=digest,
    )
    return [Said.from_row(row) for row in rows]


def unheard(tx: Tx) -> set[str]:
    """Return the jobs whose comment may be there, nobody knows."""
    rows = tx.all(
        """
        SELECT c.job FROM comments c JOIN jobs j ON j.job = c.job
         WHERE c.sent_at IS NOT NULL AND c.comment_id IS NULL AND j.state NOT IN ('done', 'failed', 'cancelled')
        """
    )
    return {row["job"] for row in rows}


def is_on(tx: Tx, lease: Lease, video_id: str) -> None:
    """Remember on which video a reply stands."""
    jobs.require(tx, lease)
    tx.run("UPDATE comments SET video_id = :video_id WHERE job = :job", job=lease.name, video_id=video_id)


def intend(tx: Tx, lease: Lease, now: datetime) -> None:
    """Write down that the call is about to leave; from then on the comment may be there, and bears no earlier moment.

    So `now` is Google's moment: quota time may stand ahead of it.
    """
    jobs.require(tx, lease)
    tx.run(
        "UPDATE comments SET sent_at = :at, comment_id = NULL, moderation = '' WHERE job = :job",
        job=lease.name,
        at=moments.text(now),
    )


def withdraw(tx: Tx, lease: Lease) -> None:
    """Write down that it is not there: it was refused, or never left, or a person says so."""
    jobs.require(tx, lease)
    tx.run("UPDATE comments SET sent_at = NULL, comment_id = NULL, moderation = '' WHERE job = :job", job=lease.name)


def posted(tx: Tx, job: str, comment_id: str) -> None:
    """Write down that it is there. An answer is evidence whoever heard it, so this asks for no lease."""
    tx.run(
        """
        UPDATE comments SET comment_id = :comment_id, sent_at = coalesce(sent_at, :at)
         WHERE job = :job AND comment_id IS NULL
        """,
        job=job,
        comment_id=comment_id,
        at=tx.at,
    )


def is_seen_as(tx: Tx, lease: Lease, moderation: str) -> None:
    """Write down whether it was seen."""
    jobs.require(tx, lease)
    tx.run("UPDATE comments SET moderation = :moderation WHERE job = :job", job=lease.name, moderation=moderation)


def claimed(tx: Tx, comment_ids: Iterable[str], job: str) -> frozenset[str]:
    """Return those of these comments that are the work of other jobs than this."""
    return frozenset(
        comment_id
        for comment_id in comment_ids
        if tx.one(
            "SELECT 1 FROM comments WHERE comment_id = :comment_id AND job <> :job", comment_id=comment_id, job=job
        )
    )
