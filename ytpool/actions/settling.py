"""A person's word on a comment that nobody can tell about, and what is asked of that person."""

import json
from functools import partial
from typing import Any

from ytpool.actions import looking
from ytpool.domain import comments as rules
from ytpool.domain.comments import Comment, Remark
from ytpool.domain.jobs import Job, JobState, StepState, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import OutcomeUnknown, UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, comments, job_steps, jobs
from ytpool.store.comments import Said
from ytpool.store.db import Tx
from ytpool.store.leases import Lease


def remark_of(job: Job) -> Remark:
    """Read what a job was asked to say."""
    return Remark.from_dict(json.loads(job.request))


def unheard(said: Said) -> OutcomeUnknown:
    """Say that nobody knows whether this comment is there."""
    return OutcomeUnknown(
        f"job {said.job} may have said this as {said.account}, and nobody heard the answer",
        hint=hint(said.job, said.video_id),
        job=said.job,
    )


def hint(job: str, video_id: str | None) -> str:
    """Say where to look and what to type then."""
    where = f"look at {rules.address(video_id) or 'its thread'}"
    return f"{where}, then: {rules.word_wanted(job)}"


def require_ours(rt: Runtime, job: Job, comment_id: str) -> None:
    """Raise UnknownName unless YouTube shows this comment as the job's account's own, in the job's words; one unit."""
    name = job.account or (job.target.name if job.target.kind is TargetKind.ACCOUNT else None)
    if name is None:
        raise UsageWrong(
            f"no account has said anything for job {job.job} yet",
            hint="if you are sure that it is there, say it with --yes",
            job=job.job,
        )
    with rt.store.reading() as tx:
        channel_id = accounts.get(tx, name).channel_id
    items, _ = looking.read(
        rt, name, partial(_by_id, rt, comment_id), operation="comments.list", urgency=Urgency.STARTED
    )
    seen = next(iter(map(Comment.from_resource, items)), None)
    remark = remark_of(job)
    ours = seen is not None and seen.author_id == channel_id and seen.parent_id == remark.parent_id
    if not ours or seen is None or rules.compared(seen.text) != rules.compared(remark.text):
        raise UnknownName(
            f"{comment_id} is no comment of {name} with the text of job {job.job}",
            hint="check the id; if you are sure, say it with --yes",
            what="comment",
            name=comment_id,
        )


def has_arrived(tx: Tx, lease: Lease, comment_id: str, word: str) -> None:
    """End a job whose comment is there, as a person says."""
    if comments.claimed(tx, [comment_id], lease.name):
        raise UsageWrong(f"{comment_id} is the comment of another job", hint="see: ytpool queue list --all")
    comments.posted(tx, lease.name, comment_id)
    job_steps.settle(tx, lease, StepState.DONE, f"{comment_id}, {word}")
    jobs.move(tx, lease, JobState.DONE)


def begin_anew(tx: Tx, lease: Lease) -> None:
    """Forget that a comment may be there, as a person says; any account of the target may say it then."""
    _require_not_posted(comments.get(tx, lease.name))
    comments.withdraw(tx, lease)
    jobs.leave_account(tx, lease)


def require_not_there(tx: Tx, job: str) -> None:
    """Raise OutcomeUnknown for a job whose comment may be there, UsageWrong where it is."""
    said = comments.get(tx, job)
    _require_not_posted(said)
    if said.may_be_there:
        raise unheard(said)


def is_there(tx: Tx, job: str) -> bool:
    """Tell whether a job's comment is known to be there."""
    return comments.get(tx, job).comment_id is not None


def _require_not_posted(said: Said) -> None:
    if said.comment_id is not None:
        raise UsageWrong(
            f"the comment of job {said.job} is there: {said.comment_id}",
            hint=f"to leave the rest of it undone: ytpool queue resolve {said.job} --as failed",
            job=said.job,
        )


def _by_id(rt: Runtime, comment_id: str, token: Secret) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comments(token, ids=[comment_id])
