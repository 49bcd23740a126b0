"""Which machine lacks the files of which job: what is not here is left for a machine that has it.

A machine's word counts for itself alone, and for so long; whether a job's files are anywhere is what all of them say.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ytpool.domain import moments
from ytpool.domain.jobs import Job
from ytpool.store import leases, machines, owners
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind

LOOKED_FOR_AGAIN_AFTER = timedelta(minutes=10)
"""A machine that lacks a file looks no sooner than that whether it has come; being asked by name it looks at once."""

_WORKS = "work"
_ENDED = "('done', 'failed', 'cancelled')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A machine that has looked for the files of a job, and what it missed."""

    job: str
    host: str
    path: str
    seen_at: datetime


def missed(tx: Tx, paths: Mapping[str, str]) -> None:
    """Write down which file of which jobs is not on this machine."""
    host = owners.me().host
    for job, path in paths.items():
        tx.run(
            """
            INSERT INTO absences (job, host, path, seen_at) VALUES (:job, :host, :path, :at)
            ON CONFLICT (job, host) DO UPDATE SET path = excluded.path, seen_at = excluded.seen_at
            """,
            job=job,
            host=host,
            path=path,
            at=tx.at,
        )


def found(tx: Tx, jobs: Iterable[str]) -> None:
    """Forget that files of these jobs were missed on this machine."""
    host = owners.me().host
    tx.many("DELETE FROM absences WHERE job = :job AND host = :host", [{"job": job, "host": host} for job in jobs])


def forget_ended(tx: Tx) -> None:
    """Forget which machines lack the files of jobs that are over; nobody looks for those any more."""
    tx.run(
        f"""
        DELETE FROM absences
         WHERE EXISTS (SELECT 1 FROM jobs j WHERE j.job = absences.job AND j.state IN {_ENDED})
        """
    )


def missed_here(tx: Tx) -> list[str]:
    """Return the jobs that this machine leaves alone for now, because it lacks their files."""
    rows = tx.all("SELECT job FROM absences WHERE host = :host AND seen_at > :since ORDER BY job", **_here(tx))
    return [row["job"] for row in rows]


def not_here(tx: Tx) -> tuple[str, dict[str, str]]:
    """Return the condition, as SQL with its parameters, that leaves those jobs out; mostly there are none."""
    given = _here(tx)
    if tx.one("SELECT 1 FROM absences WHERE host = :host AND seen_at > :since LIMIT 1", **given) is None:
        return "", {}
    return "job NOT IN (SELECT a.job FROM absences a WHERE a.host = :host AND a.seen_at > :since)", given


def to_look_for(tx: Tx, *, most: int) -> list[Job]:
    """Return jobs that are due, were asked for on other machines and have not been looked for here of late."""
    rows = tx.all(
        """
        SELECT * FROM jobs
         WHERE files_on <> :host AND state IN ('queued', 'deferred', 'interrupted') AND held_at IS NULL
           AND coalesce(put_off_until, not_before, '') <= :at
           AND job NOT IN (SELECT a.job FROM absences a WHERE a.host = :host AND a.seen_at > :since)
         ORDER BY job LIMIT :most
        """,
        at=tx.at,
        most=most,
        **_here(tx),
    )
    return [Job.from_row(row) for row in rows]


def without(tx: Tx, job: str) -> tuple[Absence, ...]:
    """Return the machines that have looked for the files of a job and have them not, by name."""
    rows = tx.all("SELECT * FROM absences WHERE job = :job ORDER BY host", job=job)
    return tuple(_absence(row) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """A job whose files are on no machine that is at work, and the machines that have looked."""

    job: Job
    absences: tuple[Absence, ...]


def nowhere(tx: Tx) -> list[Nowhere]:
    """Return the unfinished jobs whose files no machine that is at work can be expected to have.

    A machine is at work while a worker lives on it or anything is held there. One that has looked may not have come by
    the files since: it looks again, and takes its word back.
    """
    rows = tx.all(
        f"""
        SELECT a.* FROM absences a JOIN jobs j ON j.job = a.job
         WHERE j.state NOT IN {_ENDED} ORDER BY a.job, a.host
        """
    )
    by_job: dict[str, list[Absence]] = {}
    for row in rows:
        by_job.setdefault(row["job"], []).append(_absence(row))
    if not by_job:
        return []
    working = leases.held(tx, LeaseKind.JOB)
    workers = {one.owner.host for one in machines.processes(tx) if one.doing == _WORKS and one.lives}
    at_work = leases.hosts(tx) | workers
    return [
        Nowhere(job=_job(tx, job), absences=tuple(absences))
        for job, absences in by_job.items()
        if job not in working and not _others(at_work, absences)
    ]


def _others(at_work: Collection[str], absences: Iterable[Absence]) -> set[str]:
    return {*at_work} - {one.host for one in absences}


def _job(tx: Tx, job: str) -> Job:
    row = tx.one("SELECT * FROM jobs WHERE job = :job", job=job)
    assert row is not None
    return Job.from_row(row)


def _absence(row: Any) -> Absence:
    return Absence(job=row["job"], host=row["host"], path=row["path"], seen_at=moments.parse(row["seen_at"]))


def _here(tx: Tx) -> dict[str, str]:
    return {"host": owners.me().host, "since": moments.text(tx.now - LOOKED_FOR_AGAIN_AFTER)}
