"""Comments and replies, each a job that says its text once, whatever dies in between.

The order of writing is the promise: the text is looked for and stored in one transaction, the intent is booked with
the call, the comment's id is stored with its settling. `saying` is the way from the first to the last.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ytpool.actions import claiming, placing, settling, waking
from ytpool.actions.saying import COMMENTING, How, Saying, calls_of, repeated, urgency
from ytpool.actions.watch import Watch
from ytpool.domain import comments as rules
from ytpool.domain import ids
from ytpool.domain.comments import KIND, POST, READ_BACK, Remark
from ytpool.domain.jobs import InLine, Job, JobState, Step, Target, TargetKind
from ytpool.errors import (
    Busy,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, comments, job_steps, jobs, leases, ledger, line, pools
from ytpool.store.comments import Said
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind

_LOOK_AGAIN_AFTER = 0.25
_SEEN_BY = "whoever sees the video sees it, unless it is held for review"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDone:
    """What became of a comment, or would become of it."""

    action: str
    """post or reply."""
    state: str
    text: str
    video_id: str | None
    parent_id: str | None
    job: str | None = None
    target: str = ""
    account: str | None = None
    channel_id: str | None = None
    channel_title: str | None = None
    comment_id: str | None = None
    url: str | None = None
    moderation: str | None = None
    """Whether it is seen: published, held_for_review, likely_spam, rejected, or not_listed, which proves nothing."""
    attempts: int = 0
    steps: tuple[Step, ...] = ()
    note: str = ""
    dry_run: bool = False
    units: Mapping[str, int] = field(default_factory=dict)
    """With `dry_run`: what it would cost."""
    problem: YtpoolError | None = None


def say(rt: Runtime, remark: Remark, target: Target, how: How, watch: Watch) -> CommentDone:
    """Comment on a video or reply to a comment, as one of the target's accounts, once.

    Raises MetadataInvalid for a text that YouTube would refuse, TextRepeated for one that was said already, and
    OutcomeUnknown for one that another job may have said. What becomes of the job comes back as a value.
    """
    rules.check(remark.text)
    rt.open_vault()
    job, lease = _claim(rt, remark, target, how, watch)
    return _carry_out(rt, job, lease, how, watch)


def put_in_line(rt: Runtime, remark: Remark, target: Target, how: How, in_line: InLine) -> CommentDone:
    """Store a comment for whoever works the line off; what was said before is refused as if it were said now."""
    rules.check(remark.text)
    with rt.store.transaction() as tx:
        name, begun = _found_or_made(rt, tx, remark, target, how)
        if begun is not None and begun.may_be_there:
            raise settling.unheard(begun)
        if jobs.get(tx, name).state is JobState.QUEUED:
            line.ask(tx, name, in_line)
    waking.ring(rt)
    return replace(shown(rt, name), note="" if begun is None else f"job {name} was to say it already")


def plan(rt: Runtime, remark: Remark, target: Target, how: How) -> CommentDone:
    """Check the text and choose, but send nothing and store nothing."""
    rules.check(remark.text)
    with rt.store.reading() as tx:
        claiming.require_target(tx, target)
        known = comments.same_text(tx, rules.digest(remark.text))
        begun = _begun(known, remark, target)
        planned = replace(_shown(remark, target), state="planned", dry_run=True)
        if begun is not None:
            problem = settling.unheard(begun) if begun.may_be_there else None
            note = f"goes on with the job that is {begun.state}"
            return replace(planned, job=begun.job, account=begun.account, note=note, problem=problem)
        if not how.repeat_text:
            _require_new(tx, remark, target, known)
        calls = calls_of(remark)
        choice, obstacle = placing.would_choose(rt, tx, target, calls, urgency(how), COMMENTING)
        chosen = choice.account or next(iter(choice.busy), None)
        account = None if chosen is None else accounts.get(tx, chosen)
        units = rt.terms(tx).prices.cost_of(call.operation for call in calls)
    return replace(
        planned,
        account=chosen,
        channel_id=account.channel_id if account else None,
        channel_title=account.channel_title if account else None,
        units=units,
        note=_SEEN_BY if choice.account or account is None else f"it would wait for its turn on {chosen}; {_SEEN_BY}",
        problem=obstacle,
    )


def planned(rt: Runtime, job_id: str, how: How) -> CommentDone | None:
    """Say what going on with a job of this kind would do; None for a job of another kind."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
    return plan(rt, settling.remark_of(job), job.target, how) if job.kind == KIND else None


def go_on(rt: Runtime, job_id: str, how: How, watch: Watch) -> CommentDone | None:
    """Go on with a job of this kind as it was asked for; None for a job of another kind."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
    if job.kind != KIND:
        return None
    rt.open_vault()
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        line.require(tx, how.picked)
        if comments.get(tx, job.job).is_over:
            raise UsageWrong(f"job {job.job} is {job.state} already; there is nothing to go on with", job=job.job)
        lease = claiming.take(tx, job.job)
        job = jobs.get(tx, job.job)
    return _carry_out(rt, job, lease, how, watch)


def shown(rt: Runtime, job_id: str) -> CommentDone:
    """Say what is known of a job of this kind."""
    with rt.store.reading() as tx:
        job, said, steps = jobs.get(tx, job_id), comments.get(tx, job_id), job_steps.of_job(tx, job_id)
        account = None if job.account is None else accounts.find(tx, job.account)
    remark = replace(settling.remark_of(job), video_id=said.video_id)
    return replace(
        _shown(remark, job.target),
        state=job.state,
        job=job.job,
        account=job.account,
        channel_id=job.channel_id,
        channel_title=account.channel_title if account else None,
        comment_id=said.comment_id,
        url=None if said.comment_id is None else rules.address(said.video_id, said.comment_id),
        moderation=said.moderation or None,
        attempts=job.attempts,
        steps=steps,
    )


# Finding or making the job


def _claim(rt: Runtime, remark: Remark, target: Target, how: How, watch: Watch) -> tuple[Job, Lease]:
    """Return the job for this, found or made, and the lease on it."""
    waited_for = ""
    while True:
        with rt.store.transaction() as tx:
            name, _ = _found_or_made(rt, tx, remark, target, how)
            lease = leases.take(tx, LeaseKind.JOB, name, holder=name)
            if lease is not None:
                ledger.take_over(tx, name, lease.fence)
                return jobs.get(tx, name), lease
        if not how.wait:
            raise Busy(
                f"job {name} is saying this in another process just now",
                hint="leave out --no-wait to wait for it",
                job=name,
            )
        if waited_for != name:
            watch.waits(name, "waiting for the process that is saying this already")
            waited_for = name
        rt.sleep(_LOOK_AGAIN_AFTER)


def _found_or_made(rt: Runtime, tx: Tx, remark: Remark, target: Target, how: How) -> tuple[str, Said | None]:
    """Return the job for this, and how it stands where it was there before.

    What was said before is looked at in the transaction that stores the job: of two who want to say the same at the
    same moment, one does.
    """
    rt.require_same_root(tx)
    claiming.require_target(tx, target)
    known = comments.same_text(tx, rules.digest(remark.text))
    begun = _begun(known, remark, target)
    if begun is not None:
        return begun.job, begun
    if not how.repeat_text:
        _require_new(tx, remark, target, known)
    return _make(rt, tx, remark, target, how), None


def _begun(known: Iterable[Said], remark: Remark, target: Target) -> Said | None:
    """Return the job that was asked for just this and is not at its end."""
    return next((one for one in known if not one.is_over and one.place == remark.place and one.target == target), None)


def _make(rt: Runtime, tx: Tx, remark: Remark, target: Target, how: How) -> str:
    name = ids.new(tx.now, rt.rng)
    jobs.add(
        tx,
        name,
        kind=KIND,
        target=target,
        job_key=remark.place,
        fingerprint="",  # it sends no video
        sha256=None,
        request=json.dumps({**remark.to_dict(), "repeat_text": how.repeat_text}),
        steps=(POST, READ_BACK),
    )
    comments.add(tx, name, digest=rules.digest(remark.text), video_id=remark.video_id, parent_id=remark.parent_id)
    return name


def _require_new(tx: Tx, remark: Remark, target: Target, known: Iterable[Said]) -> None:
    """Raise TextRepeated for words that were said on this video, or lately by whoever shares a pool with the target."""
    mates = _channels_around(tx, target)
    for one in known:
        here = one.place == remark.place or (remark.video_id is not None and one.video_id == remark.video_id)
        recent = one.sent_at is None or one.sent_at > tx.now - rules.REPEATS_WITHIN
        theirs = {one.channel_id} if one.channel_id is not None else _channels_around(tx, one.target)
        if here or (recent and theirs & mates):
            raise repeated(tx, one, target, here=here)


def _channels_around(tx: Tx, target: Target) -> set[str]:
    if target.kind is TargetKind.POOL:
        return pools.channels_around(tx, pool=target.name)
    return pools.channels_around(tx, account=target.name)


# Going on with it


def _carry_out(rt: Runtime, job: Job, lease: Lease, how: How, watch: Watch) -> CommentDone:
    problem: YtpoolError | None = None
    note = ""
    try:
        with Saying(rt, job, lease, watch, how) as saying:
            problem = saying.run()
            note = saying.note
    except YtpoolError as error:
        problem = error
    return replace(shown(rt, job.job), note=note, problem=problem)


def _shown(remark: Remark, target: Target) -> CommentDone:
    return CommentDone(
        action="reply" if remark.parent_id else "post",
        state="",
        text=remark.text,
        video_id=remark.video_id,
        parent_id=remark.parent_id,
        target=str(target),
    )
