"""The resumable state of uploads: the file, and what of it is at YouTube; the session's URI is among the secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from ytpool.domain import moments
from ytpool.domain.jobs import JobState, StepState
from ytpool.store import jobs
from ytpool.store.db import Tx
from ytpool.store.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What a later run needs to go on with an upload; the session's URI is among the secrets."""

    job: str
    path: str
    size: int
    modified_ns: int
    fingerprint: str
    slug: str
    account: str | None
    intent_at: datetime | None
    started_at: datetime | None
    kept: int
    last_sent_at: datetime | None
    cleared_at: datetime | None
    """When a person said that it is to be sent, whatever stands on the channel."""
    sent_to: str | None
    """The channel that has taken bytes of it, or may have; it never goes to another one."""

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            job=row["job"],
            path=row["path"],
            size=row["size"],
            modified_ns=row["modified_ns"],
            fingerprint=row["fingerprint"],
            slug=row["slug"],
            account=row["account"],
            intent_at=moments.parse_optional(row["intent_at"]),
            started_at=moments.parse_optional(row["started_at"]),
            kept=row["kept"],
            last_sent_at=moments.parse_optional(row["last_sent_at"]),
            cleared_at=moments.parse_optional(row["cleared_at"]),
            sent_to=row["sent_to"],
        )


class Begun(NamedTuple):
    """An upload that broke off with some of its bytes at YouTube."""

    upload: Upload
    channel_id: str | None
    job_key: str


def begun_from(tx: Tx, paths: Collection[str]) -> list[Begun]:
    """Return the uploads of these files that broke off with some of their bytes at YouTube, the newest first."""
    rows = tx.among(
        """
        SELECT u.*, j.channel_id, j.job_key FROM jobs j JOIN uploads u ON u.job = j.job
         WHERE j.state IN ('running', 'deferred', 'interrupted') AND u.kept > 0 AND u.path IN (:names)
        """,
        paths,
    )
    found = [Begun(Upload.from_row(row), row["channel_id"], row["job_key"]) for row in rows]
    return sorted(found, key=lambda one: one.upload.job, reverse=True)


def lies_at(tx: Tx, lease: Lease, path: str, host: str) -> None:
    """Remember where the file of an upload lies now, and on which machine that is so."""
    jobs.require(tx, lease)
    tx.run("UPDATE uploads SET path = :path WHERE job = :job", job=lease.name, path=path)
    tx.run("UPDATE jobs SET files_on = :host WHERE job = :job", job=lease.name, host=host)


def begin_anew(tx: Tx, lease: Lease) -> None:
    """Forget video, session and account of a job, as if it had just been asked for."""
    forget_session(tx, lease)
    tx.run("UPDATE uploads SET cleared_at = :at, sent_to = NULL WHERE job = :job", job=lease.name, at=tx.at)
    tx.run("UPDATE jobs SET video_id = NULL, account = NULL, channel_id = NULL WHERE job = :job", job=lease.name)
    tx.run(
        "UPDATE job_steps SET state = :state, detail = '', updated_at = :at WHERE job = :job",
        job=lease.name,
        state=StepState.WAITING,
        at=tx.at,
    )


def add(tx: Tx, job: str, *, path: str, size: int, modified_ns: int, fingerprint: str, slug: str) -> None:
    tx.run(
        """
        INSERT INTO uploads (job, path, size, modified_ns, fingerprint, slug)
        VALUES (:job, :path, :size, :modified_ns, :fingerprint, :slug)
        """,
        job=job,
        path=path,
        size=size,
        modified_ns=modified_ns,
        fingerprint=fingerprint,
        slug=slug,
    )


def find(tx: Tx, job: str) -> Upload | None:
    """Return the resumable state of a job, or None where it is a job of another kind."""
    row = tx.one("SELECT * FROM uploads WHERE job = :job", job=job)
    return None if row is None else Upload.from_row(row)


def several(tx: Tx, jobs: Collection[str]) -> dict[str, Upload]:
    """Return the resumable state of jobs by their ids."""
    return {row["job"]: Upload.from_row(row) for row in tx.among("SELECT * FROM uploads WHERE job IN (:names)", jobs)}


def get(tx: Tx, job: str) -> Upload:
    return Upload.from_row(tx.one("SELECT * FROM uploads WHERE job = :job", job=job))


def intend(tx: Tx, lease: Lease, account: str, slug: str) -> None:
    """Write down that a session is about to be asked for on this account, for a file of this name."""
    jobs.require(tx, lease)
    tx.run(
        """
        UPDATE uploads SET account = :account, slug = :slug, intent_at = :at, started_at = NULL, kept = 0,
               last_sent_at = NULL
         WHERE job = :job
        """,
        job=lease.name,
        account=account,
        slug=slug,
        at=tx.at,
    )


def started(tx: Tx, lease: Lease, heard_at: datetime) -> None:
    """Write down that the session is open; its URI is stored in the same transaction.

    From now on the job stays on its channel, also when the session is gone. `heard_at` is Google's own moment: the
    intent was no later, even if the clock was ahead by which it was written down, and no video of it is older.
    """
    jobs.require(tx, lease)
    tx.run(
        """
        UPDATE uploads SET started_at = :at, sent_to = (SELECT channel_id FROM jobs WHERE jobs.job = uploads.job),
               intent_at = CASE WHEN intent_at > :heard_at THEN :heard_at ELSE intent_at END
         WHERE job = :job
        """,
        job=lease.name,
        at=tx.at,
        heard_at=moments.text(heard_at),
    )


def keep(tx: Tx, lease: Lease, kept: int) -> None:
    """Write down how many bytes the server has.

    Fewer than were sent prove that the video is not there now, and not that it never will be: a last chunk that was
    cut off on our side may still lie in somebody's buffer and arrive. So `last_sent_at` stays, and a session that is
    lost after it is reconciled; all that costs is two looks ten minutes apart, in the rare case of both.
    """
    jobs.require(tx, lease)
    tx.run("UPDATE uploads SET kept = :kept WHERE job = :job", job=lease.name, kept=kept)


def last_byte_leaves(tx: Tx, lease: Lease, sha256: str) -> None:
    """Write down, before the last byte may leave, that from now on the video may exist."""
    jobs.require(tx, lease)
    tx.run("UPDATE uploads SET last_sent_at = :at WHERE job = :job", job=lease.name, at=tx.at)
    tx.run(
        "UPDATE jobs SET sha256 = :sha256, updated_at = :at WHERE job = :job", job=lease.name, sha256=sha256, at=tx.at
    )


def forget_session(tx: Tx, lease: Lease) -> None:
    """The session is of no use any more; the next run starts anew, on the same channel."""
    jobs.require(tx, lease)
    tx.run(
        "UPDATE uploads SET account = NULL, started_at = NULL, kept = 0, last_sent_at = NULL WHERE job = :job",
        job=lease.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """An upload that has been begun, and how far it has come."""

    job: str
    file: str
    account: str
    state: JobState
    begun_at: datetime
    """When its last session was asked for."""
    moved_at: datetime
    ended_at: datetime | None
    size: int
    kept: int


def sent_within(
    tx: Tx, since: datetime, until: datetime, *, account: str | None = None, most: int
) -> tuple[list[Sending], int]:
    """Return the uploads that were on their way in a window, the latest of them first, and how many there are."""
    begun = "coalesce(u.started_at, u.intent_at)"
    found = f"""
        SELECT j.job, j.state, coalesce(j.account, u.account, '') AS account, j.updated_at, j.finished_at, u.path,
               u.size, u.kept, {begun} AS begun_at
          FROM jobs j JOIN uploads u ON u.job = j.job
         WHERE {begun} < :until AND (:account IS NULL OR coalesce(j.account, u.account, '') = :account) AND """
    both = f"""
        {found} j.finished_at >= :since
         UNION ALL
        {found} j.finished_at IS NULL AND j.state IN ('running', 'deferred', 'interrupted', 'finished_unknown')
           AND (j.state = 'running' OR j.updated_at >= :since)
    """
    given = {"since": moments.text(since), "until": moments.text(until), "account": account}
    total = tx.one(f"SELECT count(*) AS jobs FROM ({both}) AS sent", **given)["jobs"]
    rows = tx.all(f"SELECT * FROM ({both}) AS sent ORDER BY begun_at DESC, job LIMIT :most", **given, most=most)
    return [
        Sending(
            job=row["job"],
            file=row["path"],
            account=row["account"],
            state=JobState(row["state"]),
            begun_at=moments.parse(row["begun_at"]),
            moved_at=moments.parse(row["updated_at"]),
            ended_at=moments.parse_optional(row["finished_at"]),
            size=row["size"],
            kept=row["kept"],
        )
        for row in rows
    ], total
