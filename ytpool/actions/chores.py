"""The way of every write to a video that is there; `changing` has what is written.

Every write is a job, held before it is sent and settled after. Whoever does not hear the answer looks before writing
again: the same command typed once more finds its job and what came of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ytpool.actions import claiming, looking, queue, videos, waking
from ytpool.actions.errand import Work
from ytpool.actions.heartbeat import renewing
from ytpool.actions.placing import Placed
from ytpool.actions.steps import WATCH_URL
from ytpool.actions.trying import Try
from ytpool.actions.watch import Watch
from ytpool.domain import changes, failover
from ytpool.domain.balancing import Tier
from ytpool.domain.changes import Change
from ytpool.domain.failover import Charge, Next
from ytpool.domain.jobs import CHORES, InLine, Job, JobState, Step, StepState, Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import (
    Busy,
    FileInvalid,
    LoginNeeded,
    MetadataInvalid,
    OutcomeUnknown,
    OutOfService,
    Partly,
    QuotaExhausted,
    Resting,
    UnknownName,
    UpstreamFailed,
    UsageWrong,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, leases, ledger, line
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Call, Payer
from ytpool.store.line import Picked

T = TypeVar("T")
_LOOK_AGAIN_AFTER = 0.25
_TRIES = 3
_LOOK = "videos.list"


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a video's command was asked for, whatever it does."""

    account: str | None = None
    wait: bool = True
    use_buffer: bool = False
    dry_run: bool = False
    in_line: InLine | None = None
    """Wait for whoever works the line off, so."""
    picked: Picked | None = None
    """The turn of the worker who goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One write to one video."""

    kind: str
    step: str
    request: Mapping[str, Any]
    """What makes it this job and no other."""
    calls: tuple[str, ...]
    """What is set aside for it: the calls it makes when all goes well."""
    parts: tuple[str, ...] = ("snippet", "status")
    """What it has to know of the video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDone:
    """What became of a write to a video, or would become of it."""

    action: str
    video_id: str
    url: str
    state: str
    account: str
    channel_id: str
    channel_title: str
    title: str
    privacy: str
    job: str | None = None
    changes: tuple[Change, ...] = ()
    not_kept: tuple[Change, ...] = ()
    """Changes that YouTube's answer does not show: what was written, and what it has."""
    detail: str = ""
    steps: tuple[Step, ...] = ()
    dry_run: bool = False
    units: Mapping[str, int] = field(default_factory=dict)
    """With `dry_run`: what it would cost, the look that was made apart."""
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A video as its owner's account sees it; the resource is None where it is not there any more."""

    video_id: str
    lease: Lease
    """While it is held, nobody else changes the video."""
    account: str
    channel_id: str
    channel_title: str
    title: str
    privacy: str
    resource: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write has come to."""

    detail: str = ""
    changes: tuple[Change, ...] = ()
    not_kept: tuple[Change, ...] = ()


class Chore(Work):
    """The work on a video that is there: one account, one step."""

    def __init__(
        self, rt: Runtime, job: Job, lease: Lease, watch: Watch, *, found: Found, task: Task, how: How, unsure: bool
    ) -> None:
        super().__init__(rt, job, lease, watch, use_buffer=how.use_buffer)
        self.found = found
        self.task = task
        self.how = how
        self.attempt = Try(self, task.step, unsure=unsure)

    @property
    def privacy(self) -> str:
        return self.found.privacy

    def place(self) -> None:
        """Take a slot of the video's account and hold the calls; waits for its turn, saying for whom."""
        urgency = Urgency.of(self.rt.calendar.now(), use_buffer=self.use_buffer, begun=self.job.attempts > 0)
        said = ""
        while True:
            with self.rt.store.transaction() as tx:
                self.rt.require_clock()
                jobs.require(tx, self.lease)
                ledger.expire(tx)
                account = accounts.get(tx, self.found.account)
                accounts.require_open(tx, account.account, begins=self.job.attempts == 0)
                slot = leases.take(tx, LeaseKind.SLOT, account.account, holder=self.lease.name, places=account.slots)
                if slot is not None:
                    payer = Payer(account=account.account, project=account.project, channel_id=account.channel_id)
                    calls = [Call(operation=operation, step=self.task.step) for operation in self.task.calls]
                    holds = ledger.hold(
                        tx,
                        payer,
                        calls,
                        self.rt.terms(tx),
                        self.rt.rng,
                        job=self.lease.name,
                        fence=self.lease.fence,
                        urgency=urgency.on_reserve() if account.tier == Tier.RESERVE else urgency,
                    )
                    jobs.move(
                        tx,
                        self.lease,
                        JobState.RUNNING,
                        account=account.account,
                        channel_id=account.channel_id,
                        video_id=self.found.video_id,
                        attempted=True,
                    )
                    places = (slot, self.found.lease)  # both are renewed together, and nothing is sent without
                    placed = Placed(payer=payer, channel_title=account.channel_title, holds=holds, leases=places)
                    break
                working = ", ".join(leases.held(tx, LeaseKind.SLOT).get(account.account, ()))
                in_the_way = f"all {account.slots} slots of {account.account} are taken by {working}"
            if not self.how.wait:
                raise Busy(in_the_way, hint="leave out --no-wait to wait for it", account=account.account)
            if in_the_way != said:
                said = in_the_way
                self.watch.waits(self.job.job, f"waiting: {said}")
            self.rt.sleep(_LOOK_AGAIN_AFTER)
        self._hold(placed)

    def look(self) -> Mapping[str, Any] | None:
        """Look at the video once more, in the job's name."""
        send = _videos(self.rt, self.found.video_id, self.task.parts)
        seen = self.attempt.read(_LOOK, send)
        return seen[0] if seen else None

    def begin(self, what: str) -> None:
        """Say what is about to be written, where, and who sees the video."""
        self.watch.announces(
            self.job.job,
            f"{self.found.title!r} ({self.found.video_id}, {self.found.privacy}) on channel "
            f"{self.found.channel_title} ({self.found.channel_id}) as {self.found.account}: {what}",
        )

    def send(self, operation: str, write: Callable[[Secret], T]) -> T:
        """Make the call that changes something; from its booking on, it may have been done."""

        def begins(tx: Tx) -> None:
            job_steps.move(tx, self.job.job, self.task.step, StepState.RUNNING)

        return self.pay(self.held_or_new(operation, self.task.step), write, before=begins)

    def until_known(self, operation: str, write: Callable[[], Any], done: Callable[[], bool]) -> Any:
        """Make a call that may be made twice, but look before the second time; None where the look says it is done.

        Raises OutcomeUnknown where the last answer did not come and nobody could look any more.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                return write()
            except Resting as resting:
                if attempt == _TRIES:
                    raise
                self.attempt.sleep_through(resting)
            except UpstreamFailed as failure:
                verdict = failover.judge(failure)
                unheard = verdict.charge is Charge.UNKNOWN
                if verdict.next not in (Next.SAME_ACCOUNT, Next.REFRESH) or (attempt == _TRIES and not unheard):
                    raise
                if attempt == _TRIES:
                    raise self._unknown(operation) from failure
                self.says(f"{failure.message or failure.reason}; once more in a moment")
                self.pause(failure, attempt)
                if unheard and self._looks_done(operation, done):
                    return None
        raise AssertionError("a call ended neither well nor badly")

    def _looks_done(self, operation: str, done: Callable[[], bool]) -> bool:
        try:
            return done()
        except (UpstreamFailed, QuotaExhausted, Resting, LoginNeeded, OutOfService) as trouble:
            raise self._unknown(operation) from trouble

    def _unknown(self, operation: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"the answer to {operation} did not come: nobody can say whether it was done",
            hint="type the same command again: it looks first",
            job=self.job.job,
        )

    def _state_after(self, error: BaseException) -> JobState:
        if isinstance(error, (UnknownName, FileInvalid, MetadataInvalid, UsageWrong)):
            return JobState.FAILED
        return super()._state_after(error)

    def _left(self, tx: Tx, state: JobState, error: BaseException) -> None:
        # Whatever was begun and not finished stays so: the next run looks before it writes.
        if state is JobState.FAILED:
            job_steps.move(tx, self.job.job, self.task.step, StepState.FAILED, str(error))
        if state is JobState.FINISHED_UNKNOWN:
            job_steps.move(tx, self.job.job, self.task.step, StepState.UNKNOWN, str(error))


def _videos(rt: Runtime, video_id: str, parts: Sequence[str]) -> Callable[[Secret], list[dict[str, Any]]]:
    return lambda token: rt.youtube.videos(token, [video_id], parts)


def one_step(
    rt: Runtime, video_id: str, task: Task, how: How, watch: Watch, write: Callable[..., Written]
) -> VideoDone:
    """Do a write that wants to know of the video only whose it is; or say what it costs, or put it in line."""
    if how.in_line is not None and not how.dry_run:
        return put_in_line(rt, video_id, task, how.in_line, how.account)
    with alone(rt, video_id, how, watch) as lease:
        found = find(rt, video_id, lease, task, how)
        if how.dry_run:
            return planned(rt, found, task)
        return carry_out(rt, found, task, how, watch, write)


@contextmanager
def alone(rt: Runtime, video_id: str, how: How, watch: Watch) -> Iterator[Lease]:
    """Be the only one who changes this video, from the look to the last write."""
    rt.open_vault()
    said = False
    while True:
        with rt.store.transaction() as tx:
            lease = leases.take(tx, LeaseKind.VIDEO, video_id, holder=video_id)
        if lease is not None:
            break
        if not how.wait:
            raise Busy(f"video {video_id} is being changed by another process", hint="leave out --no-wait to wait")
        if not said:
            said = True
            watch.waits(video_id, f"waiting: video {video_id} is being changed by another process")
        rt.sleep(_LOOK_AGAIN_AFTER)
    try:
        with renewing(rt, lease, leases.LASTS_FOR):
            yield lease
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])


def find(rt: Runtime, video_id: str, lease: Lease, task: Task, how: How, *, may_be_gone: bool = False) -> Found:
    """Look at the video as the account it belongs to, and make sure that it is that account's channel's."""
    urgency = Urgency.BUFFER if how.use_buffer else Urgency.NORMAL
    name = looking.owners(rt, [video_id], how.account, urgency).get(video_id)
    if name is None:
        raise looking.nobody_knows(video_id)
    with rt.store.reading() as tx:
        account = accounts.get(tx, name)
    resource = looking.videos(rt, name, [video_id], task.parts, urgency=urgency).get(video_id)
    if resource is None and not (may_be_gone and unfinished(rt, video_id, task)):
        raise videos.not_there(video_id, name)
    snippet = {} if resource is None else resource.get("snippet", {})
    channel_id = snippet.get("channelId", account.channel_id)
    if channel_id != account.channel_id:
        raise WrongChannel(
            f"video {video_id} is on channel {snippet.get('channelTitle')} ({channel_id}), and {name} works for "
            f"{account.channel_title} ({account.channel_id})",
            hint="name an account of that channel: --account NAME",
            video_id=video_id,
            channel_id=channel_id,
        )
    return Found(
        video_id=video_id,
        lease=lease,
        account=name,
        channel_id=account.channel_id,
        channel_title=account.channel_title,
        title=str(snippet.get("title", "")),
        privacy=_visibility(resource or {}),
        resource=resource,
    )


def _visibility(resource: Mapping[str, Any]) -> str:
    return str(resource.get("status", {}).get("privacyStatus", "unknown"))


def _sends_file(task: Task) -> bool:
    return "sha256" in task.request


def _request(task: Task) -> str:
    return json.dumps(task.request, sort_keys=True)


def put_in_line(
    rt: Runtime, video_id: str, task: Task, in_line: InLine, named: str | None, *, agreed: bool = False
) -> VideoDone:
    """Store a write to a video for later; YouTube is not asked, so whose it is must be known or named."""
    told, _ = looking.known_owners(rt, [video_id], named)
    if video_id not in told:
        raise looking.nobody_knows(video_id)
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        account = accounts.get(tx, told[video_id])
        target = Target(kind=TargetKind.ACCOUNT, name=account.account)
        job = claiming.found_or_asked(
            rt,
            tx,
            kind=task.kind,
            target=target,
            job_key=video_id,
            request=_request(task),
            step=task.step,
            sends_file=_sends_file(task),
        )
        if job.state is JobState.QUEUED:
            line.ask(tx, job.job, in_line)
        if agreed:
            line.agree(tx, job.job)
        steps_of = job_steps.of_job(tx, job.job)
    waking.ring(rt)
    return VideoDone(
        action=task.kind.removeprefix(CHORES),
        video_id=video_id,
        url=f"{WATCH_URL}{video_id}",
        state=job.state,
        account=account.account,
        channel_id=account.channel_id,
        channel_title=account.channel_title,
        title="",
        privacy="unknown",
        job=job.job,
        steps=steps_of,
    )


def unfinished(rt: Runtime, video_id: str, task: Task) -> bool:
    """Tell whether just this was asked for before and is not at its end."""
    with rt.store.reading() as tx:
        return jobs.asked_for(tx, task.kind, video_id, _request(task)) is not None


def carry_out(
    rt: Runtime, found: Found, task: Task, how: How, watch: Watch, write: Callable[..., Written]
) -> VideoDone:
    """Write in the name of a job, found or made, and say what became of it; only what ends the program is raised."""
    written = Written()
    problem: YtpoolError | None = None
    job, lease, tried = _claim(rt, found, task, how.picked)
    try:
        with Chore(rt, job, lease, watch, found=found, task=task, how=how, unsure=tried) as chore:
            chore.place()
            try:
                written = write(chore, tried=tried)
            except UpstreamFailed as failure:
                raise looking.meant(rt, found.account, failure) from failure
            problem = _not_kept(written)
            with rt.store.transaction() as tx:
                job_steps.move(tx, job.job, task.step, StepState.DONE, written.detail)
                jobs.move(
                    tx,
                    lease,
                    JobState.DONE if problem is None else JobState.PARTLY,
                    error_code="" if problem is None else problem.code,
                    error="" if problem is None else problem.message,
                )
    except YtpoolError as error:
        problem = error
    with rt.store.reading() as tx:
        now, told = jobs.get(tx, job.job), job_steps.of_job(tx, job.job)
        if problem is not None and now.state is JobState.DEFERRED:
            problem.hint = "\n".join(filter(None, (problem.hint, _goes_on(tx, now))))
    return replace(
        result(found, task, state=now.state, detail=written.detail),
        job=job.job,
        changes=written.changes,
        not_kept=written.not_kept,
        steps=told,
        problem=problem,
    )


def _goes_on(tx: Tx, job: Job) -> str:
    """Say what takes a job that waits."""
    command = queue.advice(tx, job)
    if command == queue.retry(job):
        return f"job {job.job} waits for it: {command}"
    return f"job {job.job} waits for it: have cron run {command}, or type: {queue.retry(job)}"


def _claim(rt: Runtime, found: Found, task: Task, picked: Picked | None) -> tuple[Job, Lease, bool]:
    """Return the job, the lease on it, and whether an earlier run may have written already."""
    job, lease, stood = claiming.asked_for(
        rt,
        kind=task.kind,
        account=found.account,
        job_key=found.video_id,
        request=_request(task),
        step=task.step,
        sends_file=_sends_file(task),
        picked=picked,
    )
    return job, lease, stood in (StepState.RUNNING, StepState.UNKNOWN)


def _not_kept(written: Written) -> Partly | None:
    if not written.not_kept:
        return None
    said = "; ".join(
        f"{one.field} {changes.shown(one.before)}, and has {changes.shown(one.after)}" for one in written.not_kept
    )
    return Partly(
        f"YouTube took the change and did not keep all of it: it was sent {said}",
        hint="a project that YouTube has not audited may be held to private; else look in YouTube Studio",
    )


def planned(rt: Runtime, found: Found, task: Task) -> VideoDone:
    """Say what a write would cost."""
    with rt.store.reading() as tx:
        units = rt.terms(tx).prices.cost_of(task.calls)
    return replace(result(found, task, state="planned"), dry_run=True, units=units)


def result(found: Found, task: Task, *, state: str, detail: str = "") -> VideoDone:
    """Say what became of a write that needed no job."""
    return VideoDone(
        action=task.kind.removeprefix(CHORES),
        video_id=found.video_id,
        url=f"{WATCH_URL}{found.video_id}",
        state=state,
        account=found.account,
        channel_id=found.channel_id,
        channel_title=found.channel_title,
        title=found.title,
        privacy=found.privacy,
        detail=detail,
    )
