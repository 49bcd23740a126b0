"""The way of one comment or reply: placed, looked around for, said, looked for again, and how it is left.

An answer that did not come is looked for in the thread. What is found there is ours; what is not there proves nothing,
so then a person decides, and nothing is said again.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from ytpool.actions import looking, placing, settling
from ytpool.actions.errand import Work
from ytpool.actions.placing import WorkKind
from ytpool.actions.trying import Try
from ytpool.actions.watch import Watch
from ytpool.domain import comments as rules
from ytpool.domain import failover, moments
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.comments import POST, READ_BACK, Comment, Moderation, Remark
from ytpool.domain.failover import Next, Verdict
from ytpool.domain.grants import Purpose
from ytpool.domain.jobs import Job, JobState, StepState, Target
from ytpool.domain.quota import COMMENTS, Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import (
    HoldLost,
    Interrupted,
    LoginNeeded,
    MetadataInvalid,
    OutcomeUnknown,
    OutOfService,
    Partly,
    QuotaExhausted,
    Resting,
    TextRepeated,
    UnknownName,
    UpstreamFailed,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, comments, job_steps, jobs, leases, ledger, line
from ytpool.store.comments import Said
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Call
from ytpool.store.line import Picked

T = TypeVar("T")

COMMENTING = WorkKind(bucket=COMMENTS, alone=False, purpose=Purpose.COMMENT, goes_on="ytpool work --once")

_TRIES = 3
"""How often a call is made that was refused for nobody's fault."""
_LOOKS = 2
"""How often a comment is looked for in one run; it may be listed a moment late."""
_LOOKS_AGAIN_AFTER = 0.5
_PAGES = 5
"""Pages of a list that are read at the most, a hundred entries each."""
_SHOWN_OF_TEXT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a comment was asked for, whatever it says."""

    wait: bool = True
    """Wait for one's turn."""
    use_buffer: bool = False
    repeat_text: bool = False
    """Say it although it was said on this video, or by this pool in the last day."""
    picked: Picked | None = None
    """The turn of the worker who goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Where a comment goes."""

    video_id: str
    owner_id: str | None
    words: str
    """The place in words: title, visibility, or whom it answers."""


class Saying(Work):
    """The work on one comment, over as many accounts as it takes."""

    def __init__(self, rt: Runtime, job: Job, lease: Lease, watch: Watch, how: How) -> None:
        super().__init__(rt, job, lease, watch, use_buffer=how.use_buffer)
        self.how = how
        self.remark = settling.remark_of(job)
        self.note = ""
        """What an operator should know of how it went, and nothing where it went straight."""
        self._scene: _Scene | None = None
        self._refreshed: set[str] = set()
        self._tries = 0
        self._found_as: Moderation | None = None
        self._unheard = False
        """It may be there, and no answer has told."""

    def run(self) -> Partly | None:
        """Say it, or find out what an earlier run has said; then look whether it is seen."""
        said = self._said()
        self._unheard = said.may_be_there
        if self._unheard:
            self._look_for_it()
        elif said.comment_id is None:
            self._say()
        return self._end()

    @property
    def privacy(self) -> str:
        return "public"

    def _say(self) -> None:
        while True:
            try:
                self._place()
                self._look_around()
                self._post()
            except (LoginNeeded, QuotaExhausted, Resting, OutOfService) as trouble:
                if self.placed is None:
                    raise
                self._turned_away(trouble)  # the one that was chosen is of no use just now
            except UpstreamFailed as failure:
                self._next_after(failure)
            else:
                return
            self.leave()

    def _place(self) -> None:
        self._hold(
            placing.place(
                self.rt,
                self.lease,
                self.how,
                self.job.target,
                self.watch,
                calls=calls_of(self.remark),
                urgency=urgency(self.how),
                kind=COMMENTING,
            )
        )

    def _turned_away(self, trouble: YtpoolError) -> None:
        self._tries += 1
        if self._tries > _TRIES * 2:  # chosen again and again, and never of use
            raise trouble
        self.says(f"{self.account}: {trouble.message}")

    def _next_after(self, failure: UpstreamFailed) -> None:
        """Decide what a refusal means for this job; raises the failure when it ends here."""
        verdict = failover.judge(failure)
        again = verdict.next is Next.SAME_ACCOUNT and self._tries < _TRIES - 1
        if not again and verdict.next not in (Next.OTHER_ACCOUNT, Next.REFRESH):
            raise failure
        self.says(f"{self.account}: {(failure.message or failure.reason).rstrip('.')}. {verdict.advice}")
        match verdict.next:
            case Next.SAME_ACCOUNT:
                self._tries += 1
                self.pause(failure, self._tries)
            case Next.REFRESH if self.account in self._refreshed:
                self.login_is_dead(failure)
            case Next.REFRESH:
                self._refreshed.add(self.account)
            case _:
                pass  # the account, its bucket or its project rests now, so this ends with the last candidate

    def _look_around(self) -> None:
        """See where it would go, before it is paid for: a wrong id costs one unit here and fifty later."""
        scene = self._see()
        if self.remark.parent_id is None:
            return
        with self.rt.store.transaction() as tx:  # a reply knows its video from here on
            comments.is_on(tx, self.lease, scene.video_id)
            self.remark = replace(self.remark, video_id=scene.video_id)
            if not json.loads(self.job.request)["repeat_text"]:
                digest = rules.digest(self.remark.text)
                others = [one for one in comments.same_text(tx, digest) if one.job != self.job.job]
                on_it = [one for one in others if one.video_id == scene.video_id]
                if on_it:
                    raise repeated(tx, on_it[0], self.job.target, here=True)

    def _see(self) -> _Scene:
        if self._scene is None:
            self._scene = self._thread() if self.remark.parent_id else self._video()
        return self._scene

    def _video(self) -> _Scene:
        video_id = self.remark.place
        found = self._read(
            "videos.list", POST, lambda token: self.rt.youtube.videos(token, [video_id], ("snippet", "status"))
        )
        if not found:
            raise UnknownName(
                f"{self._speaker} sees no video {video_id}",
                hint="it was deleted, or is somebody's private one; check the id",
                what="video",
                name=video_id,
            )
        snippet, status = found[0].get("snippet", {}), found[0].get("status", {})
        title, privacy = snippet.get("title", ""), status.get("privacyStatus", "visibility unknown")
        return _Scene(
            video_id=video_id,
            owner_id=snippet.get("channelId"),
            words=f"on {title!r} ({video_id}, {privacy}) of channel {snippet.get('channelTitle', 'unknown')}",
        )

    def _thread(self) -> _Scene:
        parent_id = self.remark.place
        items, _ = self._read(
            "commentThreads.list", POST, lambda token: self.rt.youtube.comment_threads(token, ids=[parent_id])
        )
        top = next((Comment.from_thread(item)[0] for item in items), None)
        if top is None or top.video_id is None:
            parent, dot, _ = parent_id.partition(".")
            raise UnknownName(
                f"{self._speaker} sees no comment {parent_id} that begins a thread",
                hint=f"a reply is answered under its thread: ytpool comment reply {parent}" if dot else "check the id",
                what="comment",
                name=parent_id,
            )
        if items[0].get("snippet", {}).get("canReply") is False:
            raise UsageWrong(f"comment {parent_id} takes no replies", hint="nothing was sent")
        words = f"to {top.author}'s {_short(top.text)!r} ({parent_id}) on video {top.video_id}"
        return _Scene(video_id=top.video_id, owner_id=top.owner_id, words=words)

    def _post(self) -> None:
        """Say it: the call that costs. The intent is stored with its booking, the comment's id with its settling."""
        remark, job = self.remark, self.job.job
        self.watch.announces(
            job,
            f"{'reply' if remark.parent_id else 'comment'} as {self.account} of channel {self.channel_title} "
            f"({self.payer.channel_id}) {self._see().words}: {_short(remark.text)!r}",
        )

        def send(token: Secret) -> dict[str, Any]:
            self._unheard = True
            if remark.parent_id:
                return self.rt.youtube.insert_reply(token, remark.parent_id, remark.text)
            return self.rt.youtube.insert_comment(token, remark.place, remark.text)

        def begins(tx: Tx) -> None:
            comments.intend(tx, self.lease, self.rt.calendar.as_google_says())
            job_steps.move(tx, job, POST, StepState.RUNNING)

        def heard(tx: Tx, made: Mapping[str, Any]) -> None:
            self._was_said(tx, made["id"])

        def refused(tx: Tx, verdict: Verdict) -> None:
            self._unheard = verdict.next is Next.UNKNOWN
            if not self._unheard:
                self._was_not_said(tx)

        try:
            self.pay(self.held_or_new(remark.operation, POST), send, before=begins, after=heard, refused=refused)
            self._unheard = False
        except UpstreamFailed as failure:
            if not self._unheard:
                raise
            self.says(f"the answer did not come ({failure.message or failure.reason}): looking for it")
            self._look_for_it()
        except (HoldLost, MetadataInvalid, UsageWrong):  # found out before a byte of it left
            self._unheard = False
            with self.rt.store.transaction() as tx:
                self._was_not_said(tx)
            raise

    def _was_said(self, tx: Tx, comment_id: str) -> None:
        job = self.job.job
        comments.posted(tx, job, comment_id)
        job_steps.move(tx, job, POST, StepState.DONE, comment_id)
        if jobs.get(tx, job).state is JobState.FINISHED_UNKNOWN:
            line.go_on_soon(tx, job)  # we stood still, and somebody else has given up finding out

    def _was_not_said(self, tx: Tx) -> None:
        if leases.holds(tx, self.lease):  # else it is another worker's, who may have said it since
            comments.withdraw(tx, self.lease)
            job_steps.move(tx, self.job.job, POST, StepState.WAITING)

    # An answer that nobody heard

    def _look_for_it(self) -> None:
        """Find what may be there, or raise OutcomeUnknown: it is never said again for not being found."""
        said = self._said()
        if said.channel_id is None:  # these books are older than its account: a backup was restored
            raise self._unknown(said, ", and who said it is not known")
        try:
            found = self._found(said)
        except (HoldLost, Interrupted):
            raise
        except YtpoolError as trouble:
            raise self._unknown(said, f"; looking for it failed: {trouble.message}") from trouble
        if found is None:
            raise self._unknown(said, " and it is in no list, which proves nothing")
        with self.rt.store.transaction() as tx:
            if comments.claimed(tx, [found.comment_id], self.job.job):  # by another job, since we looked
                raise self._unknown(said, f", and {found.comment_id} is another job's")
            jobs.require(tx, self.lease)
            comments.posted(tx, self.job.job, found.comment_id)
            job_steps.move(tx, self.job.job, POST, StepState.DONE, found.comment_id)
        self._unheard = False
        self.note = "its answer was lost; it was found in the thread, in our words and by our channel"
        self._found_as = found.moderation or Moderation.PUBLISHED

    def _found(self, said: Said) -> Comment | None:
        since = said.sent_at
        assert since is not None
        assert said.channel_id is not None
        for look in range(_LOOKS):
            if look:
                self.rt.sleep(_LOOKS_AGAIN_AFTER)
            for moderation, seen in self._lists(since):
                with self.rt.store.reading() as tx:
                    claimed = comments.claimed(tx, [one.comment_id for one in seen], self.job.job)
                found = rules.find(seen, self.remark, author_id=said.channel_id, since=since, claimed=claimed)
                if found is not None:
                    return replace(found, moderation=moderation)
        return None

    def _unknown(self, said: Said, why: str) -> OutcomeUnknown:
        whose = said.account or said.target
        return OutcomeUnknown(
            f"nobody can say whether the comment of {whose} is there: the answer did not come{why}",
            hint=f"{settling.hint(self.job.job, said.video_id)}; the same command looks again and says nothing twice",
            job=self.job.job,
        )

    # Whether it is seen

    def _end(self) -> Partly | None:
        """Look whether the comment is seen, and store how the job ends."""
        problem: Partly | None = None
        try:
            moderation = self._found_as or self._moderation()
        except (HoldLost, Interrupted):
            raise
        except YtpoolError as trouble:
            moderation = None
            refused = isinstance(trouble, UpstreamFailed) and failover.judge(trouble).next is Next.GIVE_UP
            problem = Partly(
                f"it is posted, and could not be looked at: {trouble.message}",
                hint=f"to look again: ytpool queue retry {self.job.job}",
                job=self.job.job,
            )
        with self.rt.store.transaction() as tx:
            if moderation is None:
                assert problem is not None
                job_steps.move(tx, self.job.job, READ_BACK, StepState.WAITING, problem.message)
                jobs.move(tx, self.lease, JobState.PARTLY, error_code=problem.code, error=problem.message)
                if not refused:
                    line.go_on_soon(tx, self.job.job)
            else:
                comments.is_seen_as(tx, self.lease, moderation)
                job_steps.move(tx, self.job.job, READ_BACK, StepState.DONE, moderation.spoken)
                jobs.move(tx, self.lease, JobState.DONE)
            ledger.release_job(tx, self.job.job, "not needed")
        if moderation is not None and moderation is not Moderation.PUBLISHED:
            self.note = "; ".join(filter(None, (self.note, _NOT_SEEN[moderation])))
        return problem

    def _moderation(self) -> Moderation:
        said = self._said()
        assert said.sent_at is not None
        for look in range(_LOOKS):
            if look:
                self.rt.sleep(_LOOKS_AGAIN_AFTER)
            for moderation, seen in self._lists(said.sent_at):
                if said.comment_id in {one.comment_id for one in seen}:
                    return moderation
        return Moderation.NOT_LISTED

    def _lists(self, since: datetime) -> Iterator[tuple[Moderation, list[Comment]]]:
        """Read what is published where we spoke, then what its owner is shown, if the owner is one of us."""
        scene = self._see()
        if self.remark.parent_id:
            yield Moderation.PUBLISHED, self._replies(self.remark.parent_id)
        else:
            yield Moderation.PUBLISHED, self._threads(scene.video_id, Moderation.PUBLISHED, since, None)
        owner = self._owner(scene)
        if owner is not None:
            for moderation in (Moderation.HELD, Moderation.SPAM, Moderation.REJECTED):
                try:
                    seen = self._threads(scene.video_id, moderation, since, owner)
                except (UpstreamFailed, LoginNeeded, QuotaExhausted, Resting, OutOfService) as trouble:
                    if owner == self._speaker:
                        raise
                    self.says(f"{owner}, who is shown what is held, could not look: {trouble.message}")
                    return
                # A thread is in such a list for any of its comments; which of them it is for, each says itself.
                yield moderation, [one for one in seen if one.moderation in (None, moderation)]

    def _threads(self, video_id: str, moderation: Moderation, since: datetime, owner: str | None) -> list[Comment]:
        """Read a video's threads from the newest back to our intent."""
        found: list[Comment] = []
        page = ""
        for _ in range(_PAGES):
            send = partial(_thread_page, self.rt, video_id, moderation.status, page)
            items, page = self._read("commentThreads.list", READ_BACK, send, owner)
            seen = [comment for item in items for comment in Comment.from_thread(item)]
            found += seen
            # A reply may stand under a thread that is as old as it likes.
            if not page or (self.remark.parent_id is None and rules.is_before(seen, since)):
                break
        return found

    def _replies(self, parent_id: str) -> list[Comment]:
        found: list[Comment] = []
        page = ""
        for _ in range(_PAGES):
            items, page = self._read("comments.list", READ_BACK, partial(_reply_page, self.rt, parent_id, page))
            found += map(Comment.from_resource, items)
            if not page:
                break
        return [replace(one, parent_id=one.parent_id or parent_id) for one in found]

    def _owner(self, scene: _Scene) -> str | None:
        """Return an account of ours that works for the video's channel: it is shown what is held."""
        with self.rt.store.reading() as tx:
            ours = [one for one in accounts.every(tx) if one.channel_id == scene.owner_id and _works(one)]
        return min((one.account for one in ours), key=lambda name: name != self._speaker, default=None)

    def _read(self, operation: str, step: str, send: Callable[[Secret], T], account: str | None = None) -> T:
        """Make a reading call as the one who speaks, with what was set aside for it, or as somebody else of ours."""
        if self.placed is not None and account in (None, self.account):
            return Try(self, step).read(operation, send)
        return looking.read(self.rt, account or self._speaker, send, operation=operation, urgency=Urgency.STARTED)

    @property
    def _speaker(self) -> str:
        if self.placed is not None:
            return self.account
        account = self._said().account
        assert account is not None
        return account

    def _said(self) -> Said:
        with self.rt.store.reading() as tx:
            said = comments.get(tx, self.job.job)
        self.remark = replace(self.remark, video_id=said.video_id)
        return said

    # How the job is left

    def _state_after(self, error: BaseException) -> JobState:
        if self._unheard:
            return JobState.FINISHED_UNKNOWN
        if isinstance(error, (UnknownName, MetadataInvalid, UsageWrong, TextRepeated, OutcomeUnknown)):
            return JobState.FAILED  # the outcome that is unknown is another job's, which may have said the same
        if isinstance(error, UpstreamFailed) and failover.judge(error).next is Next.DONE:
            return JobState.FAILED  # YouTube has it already, from somebody else
        return super()._state_after(error)

    def _left(self, tx: Tx, state: JobState, error: BaseException) -> None:
        if state is JobState.FAILED:
            job_steps.move(tx, self.job.job, POST, StepState.FAILED, str(error))
        if state is JobState.FINISHED_UNKNOWN:
            job_steps.move(tx, self.job.job, POST, StepState.UNKNOWN, str(error) or "interrupted")


_NOT_SEEN = {
    Moderation.HELD: "it is held for review: nobody sees it until the owner of the video lets it through",
    Moderation.SPAM: "YouTube takes it for likely spam: nobody sees it until the owner of the video lets it through",
    Moderation.REJECTED: "it was rejected: this channel may be banned by the owner of the video",
    Moderation.NOT_LISTED: "it is not listed: held for review, or only listed late, which its owner alone can tell",
}


def repeated(tx: Tx, one: Said, target: Target, *, here: bool) -> YtpoolError:
    """Say what keeps a text from being said again: who said it, is saying it or may have."""
    where = "here" if here else f"on {one.video_id or one.parent_id}"
    facts = {"job": one.job, "video_id": one.video_id, "comment_id": one.comment_id, "account": one.account}
    if one.may_be_there and one.job in leases.held(tx, LeaseKind.JOB):
        return TextRepeated(
            f"{one.account} is saying this {where} just now (job {one.job})",
            hint=f"what came of it: ytpool queue show {one.job}; to say it all the same: --repeat-text",
            **facts,
        )
    if one.may_be_there:
        return settling.unheard(one)
    if one.sent_at is None:
        return TextRepeated(
            f"job {one.job} for {one.target} is to say this {where} and is {one.state}",
            hint=f"to go on with it: ytpool queue retry {one.job}; to forget it: ytpool queue cancel {one.job}; "
            "to say it all the same: --repeat-text",
            **facts,
        )
    lately = "" if here else f", and in one day the accounts around {target} do not repeat themselves"
    return TextRepeated(
        f"{one.account} said this {where} at {moments.spoken(one.sent_at)} (job {one.job}){lately}",
        hint="say it in other words; to say it all the same: --repeat-text",
        **facts,
    )


def calls_of(remark: Remark) -> tuple[Call, ...]:
    """Return what saying it costs, call by call."""
    return tuple(Call(operation=operation, step=step) for step, operation in remark.calls)


def urgency(how: How) -> Urgency:
    """Say how far into a bucket this may reach."""
    return Urgency.BUFFER if how.use_buffer else Urgency.NORMAL


def _works(account: Account) -> bool:
    return account.state in (AccountState.ACTIVE, AccountState.DRAINING)


def _thread_page(rt: Runtime, video_id: str, status: str, page: str, token: Secret) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comment_threads(token, video_id=video_id, status=status, page=page)


def _reply_page(rt: Runtime, parent_id: str, page: str, token: Secret) -> tuple[list[dict[str, Any]], str]:
    return rt.youtube.comments(token, parent_id=parent_id, page=page)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_OF_TEXT else f"{line[: _SHOWN_OF_TEXT - 1]}…"
