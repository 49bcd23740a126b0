"""Jobs: asked for, found again, brought from state to state; `job_steps` and `uploads` hold what is begun of them.

Whoever writes to a running job names the lease it holds on it; a write with an old fencing number is refused.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import moments
from ytpool.domain.jobs import TASK, Job, JobState, StepState, Target, TargetKind
from ytpool.errors import HoldLost, UnknownName
from ytpool.store import leases
from ytpool.store.db import Tx
from ytpool.store.leases import Lease


def add(
    tx: Tx,
    job: str,
    *,
    kind: str,
    target: Target,
    job_key: str,
    fingerprint: str,
    sha256: str | None,
    request: str,
    steps: tuple[str, ...],
    files_on: str | None = None,
) -> None:
    """Store a job that nobody has begun; `files_on` is the machine that has the files it sends."""
    tx.run(
        """
        INSERT INTO jobs (job, kind, state, target_kind, target, job_key, fingerprint, sha256, request, files_on,
                          created_at, updated_at)
        VALUES (:job, :kind, :state, :target_kind, :target, :job_key, :fingerprint, :sha256, :request, :files_on,
                :at, :at)
        """,
        job=job,
        kind=kind,
        state=JobState.QUEUED,
        target_kind=target.kind,
        target=target.name,
        job_key=job_key,
        fingerprint=fingerprint,
        sha256=sha256,
        request=request,
        files_on=files_on,
        at=tx.at,
    )
    add_steps(tx, job, steps)


def add_steps(tx: Tx, job: str, steps: tuple[str, ...]) -> None:
    """Store the steps of a job, in their order; nobody has begun any."""
    for position, step in enumerate(steps):
        tx.run(
            """
            INSERT INTO job_steps (job, step, position, state, updated_at) VALUES (:job, :step, :position, :state, :at)
            """,
            job=job,
            step=step,
            position=position,
            state=StepState.WAITING,
            at=tx.at,
        )


def get(tx: Tx, job: str) -> Job:
    """Return a job by its id, or by a beginning of it that only one job has; nothing at all is no beginning."""
    found = beginning_with(tx, job, most=2) if job else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownName(f"more than one job begins with {job!r}", hint="type more of its id", what="job", name=job)
    hint = "see: ytpool queue list --all"
    raise UnknownName(f"there is no job {job!r}", hint=hint, what="job", name=job)


def beginning_with(tx: Tx, beginning: str, *, most: int) -> list[Job]:
    """Return the jobs whose ids begin so, the newest first and no more than asked for."""
    rows = tx.all(
        "SELECT * FROM jobs WHERE job >= :job AND job < :after ORDER BY job DESC LIMIT :most",
        job=beginning,
        after=beginning + "~",
        most=most,
    )
    return [Job.from_row(row) for row in rows]


def is_beginning(tx: Tx, job: str) -> bool:
    """Tell whether the id of any job begins so."""
    return bool(job and beginning_with(tx, job, most=1))


def several(tx: Tx, jobs: Collection[str]) -> dict[str, Job]:
    """Return jobs by their ids."""
    return {row["job"]: Job.from_row(row) for row in tx.among("SELECT * FROM jobs WHERE job IN (:names)", jobs)}


def find(tx: Tx, job: str) -> Job | None:
    row = tx.one("SELECT * FROM jobs WHERE job = :job", job=job)
    return None if row is None else Job.from_row(row)


def same_content(tx: Tx, target: Target, fingerprint: str, job_key: str) -> list[Job]:
    """Return the jobs that publish the same content where this target would, the newest first.

    A pool finds a copy on any of its channels, and a channel finds one that a pool's job put there.
    """
    channels = channels_of(tx, target)
    found = (job for job in with_content(tx, [fingerprint]) if job.job_key == job_key)
    return [job for job in found if meets(tx, job, target, channels)]


def with_content(tx: Tx, fingerprints: Collection[str]) -> list[Job]:
    """Return the jobs that publish any of these contents wherever it be, the newest first."""
    rows = tx.among("SELECT * FROM jobs WHERE fingerprint IN (:names) AND state <> 'cancelled'", fingerprints)
    return sorted(map(Job.from_row, rows), key=lambda job: job.job, reverse=True)


def uploaded_from(tx: Tx, target: Target, path: str, job_key: str) -> list[Job]:
    """Return the jobs that have sent all of a file of this path to where this target would, the newest first."""
    rows = tx.all(
        """
        SELECT j.* FROM uploads u JOIN jobs j ON j.job = u.job
         WHERE u.path = :path AND j.job_key = :job_key AND j.state <> 'cancelled'
           AND (j.video_id IS NOT NULL OR u.last_sent_at IS NOT NULL)
         ORDER BY j.job DESC
        """,
        path=path,
        job_key=job_key,
    )
    channels = channels_of(tx, target)
    return [job for job in map(Job.from_row, rows) if meets(tx, job, target, channels)]


def meets(tx: Tx, job: Job, target: Target, channels: AbstractSet[str]) -> bool:
    """Tell whether a job puts its video where a target of these channels might."""
    if job.target == target:
        return True
    return job.channel_id in channels if job.channel_id else bool(channels_of(tx, job.target) & channels)


def asked_for(tx: Tx, kind: str, job_key: str, request: str) -> Job | None:
    """Return the newest job that was asked for just this and is not at its end; for jobs that send no file."""
    row = tx.one(
        """
        SELECT * FROM jobs
         WHERE fingerprint = '' AND job_key = :job_key AND kind = :kind AND request = :request
           AND state NOT IN ('done', 'partly', 'failed', 'cancelled')
         ORDER BY job DESC LIMIT 1
        """,
        kind=kind,
        job_key=job_key,
        request=request,
    )
    return None if row is None else Job.from_row(row)


def about_video(tx: Tx, video_id: str) -> list[Job]:
    """Return the jobs that made this video or worked on it, the newest first."""
    rows = tx.all("SELECT * FROM jobs WHERE video_id = :video_id ORDER BY job DESC", video_id=video_id)
    return [Job.from_row(row) for row in rows]


def channels_with(tx: Tx, job: Job) -> set[str]:
    """Return the channels that a newer job publishes, or has published, the same content on.

    It was made while this one was elsewhere; an older one was seen when this one was made, and meant to be repeated.
    """
    rows = tx.all(
        """
        SELECT channel_id FROM jobs
         WHERE fingerprint = :fingerprint AND job_key = :job_key AND job > :job AND channel_id IS NOT NULL
           AND state NOT IN ('failed', 'cancelled') AND (sha256 IS NULL OR :sha256 IS NULL OR sha256 = :sha256)
        """,
        fingerprint=job.fingerprint,
        job_key=job.job_key,
        job=job.job,
        sha256=job.sha256,
    )
    return {row["channel_id"] for row in rows}


def claimed(tx: Tx, channel_id: str, job: str) -> frozenset[str]:
    """Return the videos of a channel that are the work of other jobs than this."""
    rows = tx.all(
        """
        SELECT video_id FROM jobs
         WHERE channel_id = :channel_id AND kind = 'upload' AND video_id IS NOT NULL AND job <> :job
        """,
        channel_id=channel_id,
        job=job,
    )
    return frozenset(row["video_id"] for row in rows)


def is_claimed(tx: Tx, channel_id: str, video_id: str, job: str) -> bool:
    """Tell whether a video is the work of another job than this."""
    row = tx.one(
        """
        SELECT 1 FROM jobs
         WHERE channel_id = :channel_id AND kind = 'upload' AND video_id = :video_id AND job <> :job
        """,
        channel_id=channel_id,
        video_id=video_id,
        job=job,
    )
    return row is not None


def channels_of(tx: Tx, target: Target) -> set[str]:
    """Return the channels that a job for this target might go to."""
    if target.kind is TargetKind.ACCOUNT:
        rows = tx.all("SELECT channel_id FROM accounts WHERE account = :name", name=target.name)
    else:
        rows = tx.all(
            """
            SELECT a.channel_id FROM pool_members m JOIN accounts a ON a.account = m.account WHERE m.pool = :name
            """,
            name=target.name,
        )
    return {row["channel_id"] for row in rows if row["channel_id"]}  # one that has never logged in has none


def move(
    tx: Tx,
    lease: Lease,
    state: JobState,
    *,
    account: str | None = None,
    channel_id: str | None = None,
    video_id: str | None = None,
    not_before: datetime | None = None,
    error_code: str = "",
    error: str = "",
    error_reason: str = "",
    attempted: bool = False,
) -> None:
    """Bring a job to another state in the name of its lease; raises HoldLost when the lease is another's now."""
    require(tx, lease)
    tx.run(
        """
        UPDATE jobs
           SET state = :state, account = coalesce(:account, account), channel_id = coalesce(:channel_id, channel_id),
               video_id = coalesce(:video_id, video_id), not_before = :not_before, put_off_until = NULL, is_due = 0,
               error_code = :error_code,
               error = :error, error_reason = :error_reason, attempts = attempts + :attempted, updated_at = :at,
               finished_at = CASE WHEN :finished = 1 THEN :at ELSE NULL END
         WHERE job = :job
        """,
        job=lease.name,
        state=state,
        account=account,
        channel_id=channel_id,
        video_id=video_id,
        not_before=None if not_before is None else moments.text(not_before),
        error_code=error_code,
        error=error,
        error_reason=error_reason,
        attempted=int(attempted),
        finished=int(state.has_ended),
        at=tx.at,
    )


def require(tx: Tx, lease: Lease) -> None:
    """Raise HoldLost unless this worker still holds the job."""
    if not leases.holds(tx, lease):
        raise HoldLost(
            f"job {lease.name} is in other hands now",
            hint="nothing more was done here; the other worker goes on with it",
            job=lease.name,
        )


def ask_for(tx: Tx, lease: Lease, target: Target, request: str, modified_ns: int) -> None:
    """Replace what a job that has sent nothing yet was asked for, and where it is to go."""
    require(tx, lease)
    tx.run(
        "UPDATE jobs SET target_kind = :kind, target = :target, request = :request WHERE job = :job",
        job=lease.name,
        kind=target.kind,
        target=target.name,
        request=request,
    )
    tx.run("UPDATE uploads SET modified_ns = :modified_ns WHERE job = :job", job=lease.name, modified_ns=modified_ns)


def ask_with(tx: Tx, lease: Lease, request: str) -> None:
    """Replace what a job was asked for, where that changes nothing of what is done."""
    require(tx, lease)
    tx.run("UPDATE jobs SET request = :request WHERE job = :job", job=lease.name, request=request)


def leave_account(tx: Tx, lease: Lease) -> None:
    """Forget which account a job was on, so that another may be chosen; only before any byte was sent there."""
    require(tx, lease)
    tx.run(
        "UPDATE jobs SET account = NULL, channel_id = NULL, updated_at = :at WHERE job = :job", job=lease.name, at=tx.at
    )


def every(tx: Tx) -> list[Job]:
    """Return all jobs, in the order they were asked for."""
    return [Job.from_row(row) for row in tx.all("SELECT * FROM jobs ORDER BY job")]


def astray(tx: Tx) -> list[Job]:
    """Return the jobs whose video is up where it should not be."""
    rows = tx.all(
        """
        SELECT * FROM jobs
         WHERE state = 'partly' AND EXISTS (SELECT 1 FROM job_steps s
                                             WHERE s.job = jobs.job AND s.step = 'upload' AND s.state = 'failed')
         ORDER BY job
        """
    )
    return [Job.from_row(row) for row in rows]


def make_due(tx: Tx, until: datetime) -> int:
    """Let go at once what was to wait until this moment, and return how many jobs that are."""
    return tx.run(
        """
        UPDATE jobs SET not_before = :at, put_off_until = NULL, is_due = 0, updated_at = :at
         WHERE not_before = :until AND state IN ('deferred', 'partly')
        """,
        until=moments.text(until),
        at=tx.at,
    )


def look_again(tx: Tx) -> int:
    """Let all that waits for an account or for quota ask at once whether somebody can work now; return how many.

    The moment they wait for was told when they last asked. After a person's word on accounts, limits or pools it may be
    too late; where it is not, asking anew costs nothing and tells the moment again.
    """
    return tx.run(
        """
        UPDATE jobs SET not_before = :at, put_off_until = NULL, is_due = 0, updated_at = :at
         WHERE state = 'deferred' AND not_before > :at AND error_code IN ('resting', 'quota_exhausted')
        """,
        at=tx.at,
    )


def unfinished(tx: Tx) -> list[Job]:
    """Return the jobs that have not come to an end and may go on, in the order they were asked for.

    A published one counts while a step is left that may still be done; a step that was refused for good waits for the
    person who corrects it and asks for it by name.
    """
    rows = tx.all(
        f"SELECT * FROM jobs WHERE {_UNFINISHED} ORDER BY job",
    )
    return [Job.from_row(row) for row in rows]


def may_go_on(tx: Tx, job: str) -> bool:
    """Tell whether a job has something left that may be done without a person: not all that is left was refused."""
    return tx.one(f"SELECT 1 FROM jobs WHERE job = :job AND {_UNFINISHED}", job=job) is not None


def refused_in_part(tx: Tx) -> list[Job]:
    """Return the jobs whose video is up with a step that was refused for good, unless a person has let it stay so."""
    rows = tx.all(
        """
        SELECT * FROM jobs
         WHERE state = 'partly' AND kind = 'upload' AND error_code <> 'failed'
           AND EXISTS (SELECT 1 FROM job_steps s
                        WHERE s.job = jobs.job AND s.step <> 'upload' AND s.state = 'failed')
           AND NOT EXISTS (SELECT 1 FROM job_steps s
                            WHERE s.job = jobs.job AND s.step = 'upload' AND s.state = 'failed')
         ORDER BY job
        """
    )
    return [Job.from_row(row) for row in rows]


def running(tx: Tx) -> list[str]:
    """Return the jobs that somebody is at or has left; a task is with its service, and has nobody here."""
    rows = tx.all("SELECT job FROM jobs WHERE state = 'running' AND kind <> :task ORDER BY job", task=TASK)
    return [row["job"] for row in rows]


def waiting_since(tx: Tx, before: datetime) -> tuple[int, str | None]:
    """Count the jobs that were asked for before this moment and did not get far; name the oldest.

    A job that nobody holds back and that waits for a moment of its own, because it was asked to, is not one of them.
    """
    row = tx.one(
        """
        SELECT count(*) AS jobs, min(job) AS oldest FROM jobs
         WHERE state IN ('queued', 'deferred', 'interrupted') AND kind <> :task AND held_at IS NULL
           AND created_at <= :before AND (not_before IS NULL OR not_before <= :at OR error_code <> '')
        """,
        task=TASK,
        before=moments.text(before),
        at=tx.at,
    )
    return row["jobs"], row["oldest"]


def unknown(tx: Tx) -> int:
    """Count the jobs of which nobody knows how they ended."""
    return int(tx.one("SELECT count(*) AS jobs FROM jobs WHERE state = 'finished_unknown'")["jobs"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the jobs of one kind ended within a time."""

    kind: str
    done: int
    failed: int
    fallbacks: int
    """Done, by another account than the one chosen first, or by a reserve."""


def ended(tx: Tx, since: datetime) -> list[Ended]:
    """Count how jobs ended since then; what was cancelled is no failure of anybody's."""
    rows = tx.all(
        """
        SELECT j.kind, sum(CASE WHEN j.state IN ('done', 'partly') THEN 1 ELSE 0 END) AS done,
               sum(CASE WHEN j.state = 'failed' THEN 1 ELSE 0 END) AS failed,
               sum(CASE WHEN j.state IN ('done', 'partly') AND (
                        EXISTS (SELECT 1 FROM decisions d
                                 WHERE d.job = j.job AND d.account IS NOT NULL AND d.account <> j.account)
                        OR EXISTS (SELECT 1 FROM accounts a WHERE a.account = j.account AND a.tier = 'reserve'))
                   THEN 1 ELSE 0 END) AS fallbacks
          FROM jobs j WHERE j.finished_at >= :since AND j.state <> 'cancelled'
         GROUP BY j.kind ORDER BY j.kind
        """,
        since=moments.text(since),
    )
    return [Ended(kind=row["kind"], done=row["done"], failed=row["failed"], fallbacks=row["fallbacks"]) for row in rows]


def failed_since(tx: Tx, since: datetime) -> list[Job]:
    """Return the uploads that failed since then, unless a person said so: whoever did knows of it."""
    rows = tx.all(
        """
        SELECT * FROM jobs
         WHERE finished_at >= :since AND state = 'failed' AND kind = 'upload' AND error_code <> 'failed' ORDER BY job
        """,
        since=moments.text(since),
    )
    return [Job.from_row(row) for row in rows]


def bound_to(tx: Tx, account: str) -> list[Job]:
    """Return the unfinished jobs that can only be finished on this account, because something was sent there."""
    rows = tx.all(
        f"""
        SELECT * FROM jobs
         WHERE {_UNFINISHED}
           AND ((account = :account AND (kind <> 'upload' OR video_id IS NOT NULL))
                OR EXISTS (SELECT 1 FROM uploads u
                            WHERE u.job = jobs.job AND u.account = :account
                              AND (u.started_at IS NOT NULL OR u.last_sent_at IS NOT NULL)))
         ORDER BY job
        """,
        account=account,
    )
    return [Job.from_row(row) for row in rows]


def unbind(tx: Tx, account: str) -> None:
    """Let unfinished jobs forget an account on which nothing of them was sent."""
    tx.run(
        f"UPDATE jobs SET account = NULL, channel_id = NULL WHERE account = :account AND {_UNFINISHED}",
        account=account,
    )


_UNFINISHED = """
    (state IN ('queued', 'running', 'deferred', 'interrupted', 'finished_unknown')
     OR (state = 'partly' AND EXISTS (SELECT 1 FROM job_steps s
                                       WHERE s.job = jobs.job AND s.step <> 'upload'
                                         AND s.state IN ('waiting', 'running', 'unknown'))))
"""


def lose_sight(tx: Tx, since: datetime, why: str) -> tuple[int, int]:
    """Hold back every job that may go on, as it may be done since that moment; return how many, and how many begun.

    An upload that was begun is from now on one whose last byte may have arrived, and a comment that was asked for one
    that may be there: neither is sent again before it was looked for, or a person has said what became of it. Tasks
    that are with their service stay there, and are asked about.
    """
    unfinished = f"{_UNFINISHED} AND NOT (kind = 'task' AND state = 'running')"
    begun = tx.run(
        f"""
        UPDATE uploads SET last_sent_at = :at
         WHERE intent_at IS NOT NULL AND account IS NOT NULL
           AND job IN (SELECT job FROM jobs WHERE {unfinished} AND video_id IS NULL)
        """,
        at=tx.at,
    )
    begun += tx.run(
        f"""
        UPDATE comments SET sent_at = coalesce(sent_at, :since)
         WHERE comment_id IS NULL AND job IN (SELECT job FROM jobs WHERE {unfinished})
        """,
        since=moments.text(since),
    )
    tx.run(  # who else could have said it; of a pool nobody knows who did
        f"""
        UPDATE jobs
           SET account = target, channel_id = (SELECT channel_id FROM accounts WHERE accounts.account = jobs.target)
         WHERE {unfinished} AND account IS NULL AND target_kind = 'account' AND job IN (SELECT job FROM comments)
        """
    )
    tx.run(
        f"""
        UPDATE jobs SET state = 'finished_unknown', not_before = CASE kind WHEN 'upload' THEN :at ELSE NULL END
         WHERE {unfinished} AND video_id IS NULL
           AND (job IN (SELECT job FROM uploads WHERE last_sent_at IS NOT NULL)
                OR job IN (SELECT job FROM comments WHERE sent_at IS NOT NULL AND comment_id IS NULL))
        """,
        at=tx.at,
    )
    held = tx.run(
        f"""
        UPDATE jobs SET held_at = :at, is_due = 0, put_off_until = NULL, error_code = 'outcome_unknown', error = :why,
               updated_at = :at
         WHERE {unfinished}
        """,
        at=tx.at,
        why=why,
    )
    return held, begun


def held_since(tx: Tx, moment: datetime) -> int:
    """Count the jobs that were held back at just this moment and are so still."""
    row = tx.one(
        "SELECT count(*) AS jobs FROM jobs WHERE held_at = :moment AND finished_at IS NULL", moment=moments.text(moment)
    )
    return int(row["jobs"])


def counts(tx: Tx) -> dict[str, int]:
    """Return how many jobs are in each state that is not an end."""
    rows = tx.all(
        """
        SELECT state, count(*) AS jobs FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled') GROUP BY state
        """
    )
    return {row["state"]: row["jobs"] for row in rows}
