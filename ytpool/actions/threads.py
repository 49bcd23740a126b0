"""The comments under a video: listed, and let through or not by the channel whose video it is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ytpool.actions import claiming, looking, placing, reading, waking
from ytpool.actions.errand import Work
from ytpool.actions.placing import WorkKind
from ytpool.actions.saying import How, urgency
from ytpool.actions.trying import Try
from ytpool.actions.watch import Watch
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.comments import Comment, Moderation, address
from ytpool.domain.grants import Purpose
from ytpool.domain.jobs import InLine, Job, JobState, StepState, Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import (
    MetadataInvalid,
    NoEligibleAccount,
    Partly,
    UnknownName,
    UpstreamFailed,
    UsageWrong,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, ledger, line, pools
from ytpool.store.db import Tx
from ytpool.store.leases import Lease
from ytpool.store.ledger import Call

KIND = "moderation"
_STEP = "moderate"
_WRITES = "comments.setModerationStatus"
_AT_ONCE = 50
_MODERATING = WorkKind(bucket="general", alone=False, purpose=Purpose.COMMENT, goes_on="ytpool queue retry {job}")


# Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Comments of a video, the newest threads first, as one account sees them."""

    video_id: str
    account: str
    moderation: Moderation
    comments: tuple[Comment, ...]
    more: bool
    """There are more than were asked for."""


def list_comments(
    rt: Runtime,
    video_id: str,
    target: Target | None,
    *,
    moderation: Moderation = Moderation.PUBLISHED,
    search: str = "",
    replies: bool = False,
    most: int = 100,
    use_buffer: bool = False,
) -> Listed:
    """List a video's comments: a unit for a hundred threads, and with `replies` one for each thread that has more.

    What is held, likely spam or rejected only the video's own channel may see.
    """
    rt.open_vault()
    urgency = Urgency.BUFFER if use_buffer else Urgency.NORMAL
    asks = target or _asker(rt, video_id, moderation, urgency)
    found: list[Comment] = []
    page, first = "", True
    while first or (page and len(found) < most):
        send = partial(_page, rt, video_id, moderation.status, search, page)
        account, (items, page) = reading.through(
            rt, asks, "commentThreads.list", send, purpose=Purpose.COMMENT, urgency=urgency
        )
        asks, first = Target(kind=TargetKind.ACCOUNT, name=account), False  # the next page is the same one's
        for item in items:
            top, *some = Comment.from_thread(item)
            if moderation is not Moderation.PUBLISHED:
                # A thread is in such a list for any of its comments; which of them it is for, each says itself.
                found += [one for one in (top, *some) if one.moderation in (None, moderation)]
                continue
            found.append(top)
            if replies and len(found) < most:
                found += some if len(some) >= (top.replies or 0) else _replies(rt, account, top, most, urgency)
    return Listed(
        video_id=video_id,
        account=account,
        moderation=moderation,
        comments=tuple(replace(one, moderation=one.moderation or moderation) for one in found[:most]),
        more=bool(page) or len(found) > most,
    )


def _asker(rt: Runtime, video_id: str, moderation: Moderation, urgency: Urgency) -> Target:
    """Return who asks where nobody is named: what is held only the video's own channel may see."""
    owner = None
    if moderation is not Moderation.PUBLISHED:
        owner = looking.owners(rt, [video_id], None, urgency).get(video_id)
    return reading.anybody(rt) if owner is None else Target(kind=TargetKind.ACCOUNT, name=owner)


def _page(
    rt: Runtime, video_id: str, status: str, search: str, page: str, token: Secret
) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comment_threads(token, video_id=video_id, status=status, search=search, page=page)


def _replies(rt: Runtime, account: str, top: Comment, most: int, urgency: Urgency) -> list[Comment]:
    found: list[Comment] = []
    page, first = "", True
    while first or (page and len(found) < most):
        send = partial(_page_of_replies, rt, top.comment_id, page)
        items, page = looking.read(rt, account, send, operation="comments.list", urgency=urgency)
        found += map(Comment.from_resource, items)
        first = False
    return found


def _page_of_replies(rt: Runtime, parent_id: str, page: str, token: Secret) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comments(token, parent_id=parent_id, page=page)


# Moderating


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentModerated:
    """What became of one comment, or would become of it."""

    comment_id: str
    video_id: str | None = None
    url: str | None = None
    author: str = ""
    text: str = ""
    account: str | None = None
    channel_id: str | None = None
    channel_title: str | None = None
    moderation: Moderation
    ban: bool
    job: str | None = None
    state: str = "refused"
    dry_run: bool = False
    units: Mapping[str, int] = field(default_factory=dict)
    """With `dry_run`: what the call would cost that this comment shares with up to forty-nine others."""
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """Comments as those who may decide about them see them."""

    theirs: Mapping[str, tuple[Account, Comment]]
    """By its id: who decides, and the comment."""
    others: Mapping[str, Comment]
    """Those that belong to nobody here."""


def moderate(
    rt: Runtime,
    comment_ids: Sequence[str],
    moderation: Moderation,
    target: Target | None,
    how: How,
    watch: Watch,
    *,
    ban: bool = False,
    dry_run: bool = False,
) -> list[CommentModerated]:
    """Let comments be seen or not, each as the account of the video's channel; fifty for the price of one."""
    _require_sensible(moderation, ban=ban)
    rt.open_vault()
    wanted = list(dict.fromkeys(comment_ids))
    sought = _sought(rt, wanted, target, urgency(how))
    told = {one: _moderated(one, moderation, ban, sought) for one in wanted}
    for account, some in _calls(sought):
        if dry_run:
            with rt.store.reading() as tx:
                units = dict(rt.terms(tx).prices.cost(_WRITES))
            told |= {one: replace(told[one], state="planned", dry_run=True, units=units) for one in some}
            continue
        job, problem = _decide(rt, account, some, moderation, how, watch, ban=ban)
        told |= {one: replace(told[one], job=job.job, state=job.state, problem=problem) for one in some}
    return [told[one] for one in wanted]


def put_in_line(
    rt: Runtime,
    comment_ids: Sequence[str],
    moderation: Moderation,
    target: Target | None,
    in_line: InLine,
    *,
    ban: bool = False,
) -> list[CommentModerated]:
    """Store a decision for whoever works the line off; whose the comments are is looked up when its turn comes."""
    _require_sensible(moderation, ban=ban)
    if target is None:
        raise UsageWrong(
            "whose the comments are is looked up when their turn comes",
            hint="say with --account or --pool who may decide about them",
        )
    wanted = list(dict.fromkeys(comment_ids))
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        claiming.require_target(tx, target)
        # A pool may be called as an account is, whose job is another one.
        key = target.name if target.kind is TargetKind.ACCOUNT else str(target)
        request = _request(wanted, moderation, ban=ban)
        job = claiming.found_or_asked(rt, tx, kind=KIND, target=target, job_key=key, request=request, step=_STEP)
        if job.state is JobState.QUEUED:
            line.ask(tx, job.job, in_line)
    waking.ring(rt)
    named = target.name if target.kind is TargetKind.ACCOUNT else None
    return [
        CommentModerated(comment_id=one, moderation=moderation, ban=ban, account=named, job=job.job, state=job.state)
        for one in wanted
    ]


def go_on(rt: Runtime, job_id: str, how: How, watch: Watch, *, dry_run: bool = False) -> list[CommentModerated] | None:
    """Go on with a job of this kind as it was asked for; None for a job of another kind."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
    if job.kind != KIND:
        return None
    asked = json.loads(job.request)
    wanted, moderation, ban = asked["comments"], Moderation(asked["as"]), asked["ban"]
    if dry_run:
        _require_unended(job)
        return moderate(rt, wanted, moderation, job.target, how, watch, ban=ban, dry_run=True)
    rt.open_vault()
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        line.require(tx, how.picked)
        _require_unended(jobs.get(tx, job.job))
        lease = claiming.take(tx, job.job)
        job = jobs.get(tx, job.job)
    told = {one: CommentModerated(comment_id=one, moderation=moderation, ban=ban, job=job.job) for one in wanted}
    problem: YtpoolError | None = None
    try:
        with Moderating(rt, job, lease, watch, how) as work:
            sought = _sought(rt, wanted, job.target, urgency(how))
            told = {one: replace(_moderated(one, moderation, ban, sought), job=job.job) for one in wanted}
            for account, some in _calls(sought):
                work.decide(account, some, moderation, ban=ban)
            work.end([one.problem for one in told.values() if one.problem is not None], of=len(wanted))
    except YtpoolError as error:
        problem = error
    with rt.store.reading() as tx:
        state = jobs.get(tx, job.job).state
    # What was decided about before another one went wrong is decided about again: it names what is wanted.
    return [
        one
        if one.problem is not None
        else replace(one, state=JobState.DONE if problem is None else state, problem=problem)
        for one in told.values()
    ]


def problem_of(comments: Sequence[CommentModerated]) -> YtpoolError | None:
    """Say what kept a decision from being made about all comments, or about some."""
    problems = [one.problem for one in comments if one.problem is not None]
    if not problems or len(problems) == len(comments):
        return next(iter(problems), None)
    return Partly("; ".join(dict.fromkeys(one.message for one in problems)), hint=problems[0].hint)


def _require_unended(job: Job) -> None:
    if job.state.is_over:
        raise UsageWrong(f"job {job.job} is {job.state} already; there is nothing to go on with", job=job.job)


def _require_sensible(moderation: Moderation, *, ban: bool) -> None:
    if ban and moderation is not Moderation.REJECTED:
        raise UsageWrong("--ban goes with --as rejected only", hint="nothing was sent")


def _calls(sought: "_Sought") -> Iterator[tuple[str, list[str]]]:
    """Share comments out over calls: each an account's, for as many as one call takes."""
    by_account: dict[str, list[str]] = {}
    for comment_id, (account, _) in sought.theirs.items():
        by_account.setdefault(account.account, []).append(comment_id)
    for account_name, theirs in by_account.items():
        for start in range(0, len(theirs), _AT_ONCE):
            yield account_name, theirs[start : start + _AT_ONCE]


def _request(comment_ids: Sequence[str], moderation: Moderation, *, ban: bool) -> str:
    return json.dumps({"comments": sorted(comment_ids), "as": moderation, "ban": ban}, sort_keys=True)


def _moderated(comment_id: str, moderation: Moderation, ban: bool, sought: _Sought) -> CommentModerated:
    told = CommentModerated(comment_id=comment_id, moderation=moderation, ban=ban)
    if comment_id in sought.theirs:
        account, comment = sought.theirs[comment_id]
        return replace(
            told,
            video_id=comment.video_id,
            url=address(comment.video_id, comment_id),
            author=comment.author,
            text=comment.text,
            account=account.account,
            channel_id=account.channel_id,
            channel_title=account.channel_title,
        )
    if comment_id in sought.others:
        channel = sought.others[comment_id].owner_id
        problem: YtpoolError = WrongChannel(
            f"comment {comment_id} is on a video of channel {channel}, which decides about it",
            hint="name an account of that channel: --account NAME",
            comment_id=comment_id,
            channel_id=channel,
        )
    else:
        problem = UnknownName(
            f"nobody asked sees a comment {comment_id}",
            hint="it was deleted, or is held on another channel's video: name its account with --account NAME",
            what="comment",
            name=comment_id,
        )
    return replace(told, problem=problem)


def _sought(rt: Runtime, comment_ids: Sequence[str], target: Target | None, urgency: Urgency) -> _Sought:
    """Look for comments, one channel after the other: what is held only the video's own channel is shown."""
    with rt.store.reading() as tx:
        able = _able(tx, target)
    channels = {one.channel_id: one for one in reversed(able)}
    theirs: dict[str, tuple[Account, Comment]] = {}
    others: dict[str, Comment] = {}
    for account in channels.values():
        for start in range(0, len(comment_ids), _AT_ONCE):
            # One that somebody has seen already is known to be no held one of this channel's.
            some = [one for one in comment_ids[start : start + _AT_ONCE] if one not in theirs and one not in others]
            if not some:
                continue
            items, _ = looking.read(
                rt, account.account, partial(_by_ids, rt, some), operation="comments.list", urgency=urgency
            )
            for comment in map(Comment.from_resource, items):
                decides = channels.get(comment.owner_id or account.channel_id)
                if decides is not None:
                    theirs[comment.comment_id] = (decides, comment)
                else:
                    others[comment.comment_id] = comment
    return _Sought(theirs=theirs, others=others)


def _able(tx: Tx, target: Target | None) -> list[Account]:
    """Return the accounts that are asked, those first that come first."""
    every = accounts.every(tx)
    if target is not None and target.kind is TargetKind.ACCOUNT:
        return [accounts.get(tx, target.name)]
    if target is not None:
        members = pools.get(tx, target.name).accounts
        every = [one for one in every if one.account in members]
    able = [one for one in every if one.state in (AccountState.ACTIVE, AccountState.DRAINING)]
    if not able:
        raise NoEligibleAccount("no account can work", hint="see: ytpool accounts list")
    return able


def _by_ids(rt: Runtime, comment_ids: Sequence[str], token: Secret) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comments(token, ids=comment_ids)


def _decide(
    rt: Runtime,
    account: str,
    comment_ids: Sequence[str],
    moderation: Moderation,
    how: How,
    watch: Watch,
    *,
    ban: bool,
) -> tuple[Job, YtpoolError | None]:
    """Decide about up to fifty comments in the name of a job; the call names what it wants, so it may be repeated."""
    problem: YtpoolError | None = None
    request = _request(comment_ids, moderation, ban=ban)
    job, lease, _ = claiming.asked_for(
        rt, kind=KIND, account=account, job_key=account, request=request, step=_STEP, picked=how.picked
    )
    try:
        with Moderating(rt, job, lease, watch, how) as work:
            work.decide(account, comment_ids, moderation, ban=ban)
            work.end([], of=len(comment_ids))
    except YtpoolError as error:
        problem = error
    with rt.store.reading() as tx:
        return jobs.get(tx, job.job), problem


class Moderating(Work):
    """The work on a decision about some comments."""

    def __init__(self, rt: Runtime, job: Job, lease: Lease, watch: Watch, how: How) -> None:
        super().__init__(rt, job, lease, watch, use_buffer=how.use_buffer)
        self.how = how
        self._became = ""

    @property
    def privacy(self) -> str:
        return "public"

    def decide(self, account: str, comment_ids: Sequence[str], moderation: Moderation, *, ban: bool) -> None:
        """Decide about what one call takes, as this account."""
        if self.placed is not None:
            self.leave()
        self._hold(
            placing.place(
                self.rt,
                self.lease,
                self.how,
                Target(kind=TargetKind.ACCOUNT, name=account),
                self.watch,
                calls=(Call(operation=_WRITES, step=_STEP),),
                urgency=urgency(self.how),
                kind=_MODERATING,
            )
        )
        count = f"{len(comment_ids)} comments" if len(comment_ids) > 1 else f"comment {comment_ids[0]}"
        banned = ", and their authors banned" if ban else ""
        self.watch.announces(
            self.job.job,
            f"{count} on videos of channel {self.channel_title} ({self.payer.channel_id}) "
            f"{'become' if len(comment_ids) > 1 else 'becomes'} {moderation.spoken}{banned}, as {self.account}",
        )
        try:
            Try(self, _STEP).write(
                _WRITES, lambda token: self.rt.youtube.moderate(token, comment_ids, moderation.status, ban=ban)
            )
        except UpstreamFailed as failure:
            raise looking.meant(self.rt, self.account, failure) from failure
        self._became = moderation.spoken

    def end(self, refused: Sequence[YtpoolError], *, of: int) -> None:
        """End the job: done, but for those that nobody here may decide about."""
        state = JobState.PARTLY if len(refused) < of else JobState.FAILED
        step = StepState.DONE if len(refused) < of else StepState.FAILED
        said = "; ".join(dict.fromkeys(one.message for one in refused))
        with self.rt.store.transaction() as tx:
            job_steps.move(tx, self.job.job, _STEP, step, said or self._became)
            jobs.move(
                tx,
                self.lease,
                state if refused else JobState.DONE,
                error_code=(refused[0].code if len(refused) == of else Partly.code) if refused else "",
                error=said,
            )
            ledger.release_job(tx, self.job.job, "not needed")

    def _state_after(self, error: BaseException) -> JobState:
        if isinstance(error, (MetadataInvalid, UsageWrong)):
            return JobState.FAILED
        return super()._state_after(error)

    def _left(self, tx: Tx, state: JobState, error: BaseException) -> None:
        if state is JobState.FAILED:
            job_steps.move(tx, self.job.job, _STEP, StepState.FAILED, str(error))
