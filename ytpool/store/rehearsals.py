"""What makes a copy of a state one to rehearse with: nothing in it can reach anybody, and its uploads can begin.

All of it is for copies alone. The real state is read, and never comes in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ytpool.domain import moments
from ytpool.domain.jobs import Job
from ytpool.domain.uploads import FileMarks
from ytpool.store import leases, ledger, meta
from ytpool.store.db import Tx

_BEGINNABLE = """
    kind = 'upload' AND video_id IS NULL AND held_at IS NULL
    AND state IN ('queued', 'deferred', 'interrupted', 'running')
    AND job NOT IN (SELECT job FROM uploads WHERE last_sent_at IS NOT NULL)
"""
_OPEN = "state NOT IN ('done', 'failed', 'cancelled') AND finished_at IS NULL"
_BY_ITSELF = "(state NOT IN ('deferred', 'finished_unknown', 'partly') OR not_before IS NOT NULL)"

_EMPTIED = (
    *("secrets", "sessions", "alert_notices", "alerts", "alert_messages", "leavings", "key_readers", "refreshes"),
    *("machines", "processes", "absences"),
    *("activity", "activity_segments", "activity_sums", "activity_erasures"),
)
"""Tables of which a rehearsal needs nothing: what is sealed, what would speak to people, and what is long over."""

_ABOUT_THE_PLACE = (meta.STATE, meta.BACKED_UP, meta.VAULT_NEXT_KEY, meta.VAULT_NEXT_KEY_AT, meta.LOOKED_AT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a project has used of a bucket on a day, as the books have it."""

    project: str
    bucket: str
    day: date
    spent: int
    """Known to be charged for calls of ours."""
    open: int
    """Of calls of ours, and not known yet."""
    elsewhere: int
    ceiling: int | None = None
    """What the books let through on that day; None: all."""

    @property
    def all(self) -> int:
        return self.spent + self.open + self.elsewhere


def detach(tx: Tx, *, root: str, key_id: str, key_file: Path) -> None:
    """Take out of a copy whatever would lead back, to a secret, a person or a place; another key seals from now on."""
    for table in _EMPTIED:
        tx.run(f"DELETE FROM {table}")
    for key in _ABOUT_THE_PLACE:
        meta.forget(tx, key)
    meta.put(tx, meta.API_ROOT, root)
    meta.put(tx, meta.VAULT_KEY, key_id)
    meta.put(tx, meta.VAULT_KEY_FILE, str(key_file))
    leases.begin_anew(tx)
    ledger.lose_sight(tx, "under way when it was copied")
    tx.run("UPDATE accounts SET token_expires_at = NULL, refresh_sent_at = NULL")


def beginnable(tx: Tx, most: int) -> list[Job]:
    """Return the uploads that can be rehearsed, the first in line first: their videos are not at YouTube yet.

    One whose last byte may have arrived is none of them: what became of it only YouTube itself can say.
    """
    rows = tx.all(
        f"""
        SELECT * FROM jobs WHERE {_BEGINNABLE}
         ORDER BY priority DESC, coalesce(deadline, '9'), coalesce(not_before, ''), job LIMIT :most
        """,
        most=most,
    )
    return [Job.from_row(row) for row in rows]


def count_beginnable(tx: Tx) -> int:
    """Count all of them."""
    return int(tx.one(f"SELECT count(*) AS jobs FROM jobs WHERE {_BEGINNABLE}")["jobs"])


def hold_back(tx: Tx) -> None:
    """Hold back every open job; those that are rehearsed are let go one by one, as `begin_with` does."""
    tx.run(f"UPDATE jobs SET held_at = :at, is_due = 0 WHERE {_OPEN} AND held_at IS NULL", at=tx.at)


def held_back(tx: Tx) -> Mapping[str, int]:
    """Count by its kind what is held back."""
    rows = tx.all(
        f"SELECT kind, count(*) AS jobs FROM jobs WHERE {_OPEN} AND held_at IS NOT NULL GROUP BY kind ORDER BY kind"
    )
    return {row["kind"]: int(row["jobs"]) for row in rows}


def begin_with(tx: Tx, job: str, path: Path, marks: FileMarks) -> None:
    """Let an upload begin from its beginning, with another file in the place of its own."""
    tx.run(
        """
        UPDATE uploads SET path = :path, size = :size, modified_ns = :modified_ns, fingerprint = :fingerprint,
               account = NULL, intent_at = NULL, started_at = NULL, kept = 0, sent_to = NULL
         WHERE job = :job
        """,
        job=job,
        path=str(path),
        size=marks.size,
        modified_ns=marks.modified_ns,
        fingerprint=marks.fingerprint,
    )
    tx.run(
        """
        UPDATE jobs SET fingerprint = :fingerprint, sha256 = NULL, account = NULL, channel_id = NULL, attempts = 0,
               not_before = CASE state WHEN 'deferred' THEN not_before ELSE NULL END,
               state = CASE state WHEN 'deferred' THEN 'deferred' ELSE 'queued' END, is_due = 0, put_off_until = NULL,
               held_at = NULL, files_on = NULL
         WHERE job = :job
        """,
        job=job,
        fingerprint=marks.fingerprint,
    )
    tx.run("UPDATE job_steps SET state = 'waiting', attempts = 0, detail = '', unheard = '' WHERE job = :job", job=job)
    tx.run("DELETE FROM looks WHERE job = :job", job=job)


def goes_on_at(tx: Tx) -> datetime | None:
    """Return when the next open job goes on by itself, which may be over; None where all of them wait for a person."""
    row = tx.one(
        f"""
        SELECT min(coalesce(put_off_until, not_before, '')) AS moment FROM jobs
         WHERE {_OPEN} AND held_at IS NULL AND {_BY_ITSELF}
        """
    )
    if row["moment"] is None:
        return None
    return moments.parse(row["moment"]) if row["moment"] else tx.now


def count_open(tx: Tx) -> int:
    """Count the jobs that are rehearsed and have not come to their end."""
    return int(tx.one(f"SELECT count(*) AS jobs FROM jobs WHERE {_OPEN} AND held_at IS NULL")["jobs"])


def waits_for_a_person(tx: Tx) -> set[str]:
    """Return the open jobs that do not go on by themselves."""
    rows = tx.all(f"SELECT job FROM jobs WHERE {_OPEN} AND held_at IS NULL AND NOT {_BY_ITSELF}")
    return {row["job"] for row in rows}


def used(tx: Tx) -> list[Used]:
    """Return what every project has used, on every day that the books know."""
    rows = tx.all("SELECT * FROM meters WHERE scope = 'project' ORDER BY name, bucket, day")
    return [
        Used(
            project=row["name"],
            bucket=row["bucket"],
            day=date.fromisoformat(row["day"]),
            spent=row["spent"],
            open=row["unknown"] + row["sent"] + row["held"],
            elsewhere=row["elsewhere"],
            ceiling=row["ceiling"],
        )
        for row in rows
    ]
