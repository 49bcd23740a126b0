"""One worker's way through one job: what it holds, whom it tells, and how it leaves the job behind.

Whoever sends or writes in a job's name does it through an errand: its lease is renewed while it lives, its places on
an account are taken and given back here, and whatever stops it, the next run can read where the job stands.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ytpool.actions import breakers, placing, tokens
from ytpool.actions.calls import paid
from ytpool.actions.claiming import Order
from ytpool.actions.heartbeat import Heartbeat
from ytpool.actions.placing import Placed
from ytpool.actions.watch import Watch
from ytpool.domain import failover
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Obstacle
from ytpool.domain.failover import Next, Verdict
from ytpool.domain.jobs import Job, JobState, StepState, Target
from ytpool.domain.publication import UPLOAD, Publication
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.domain.video import Privacy
from ytpool.errors import (
    FileChanged,
    LoginNeeded,
    NoEligibleAccount,
    OutcomeUnknown,
    OutOfService,
    QuotaExhausted,
    Resting,
    UpstreamFailed,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, leases, ledger, uploads
from ytpool.store.db import Tx
from ytpool.store.leases import Lease
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.secrets import Kind, forget

if TYPE_CHECKING:
    from ytpool.store.breakers import Probe

log = logging.getLogger(__name__)

T = TypeVar("T")

WAITS_AT_MOST = 120.0
"""Seconds of `Retry-After`, or of a rest, that are slept through; a longer wait is left to a later run."""

_WORTH_SAYING = 3.0
"""A wait of so many seconds is told also where only silence would be heard, as under --json."""


class Work(ABC):
    """A job that is ours, and what we hold for it. Used in a `with` statement; leaving it gives everything back."""

    def __init__(self, rt: Runtime, job: Job, lease: Lease, watch: Watch, *, use_buffer: bool = False) -> None:
        self.rt = rt
        self.job = job
        self.lease = lease
        self.watch = watch
        self.use_buffer = use_buffer
        self.pace: Callable[[int], int] | None = None
        """The line's limit that what is sent keeps to, shared with others."""
        self.placed: Placed | None = None
        self._heart = Heartbeat(rt, lease)
        self._made: list[Hold] = []
        """What was set aside since it was placed."""
        self._used: set[str] = set()
        self._probes: tuple[Probe, ...] = ()

    def __enter__(self) -> Self:
        self._heart.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._stopped(error)
            self._give_up_places()
        finally:
            self._heart.__exit__(kind, error, trace)

    def require(self) -> None:
        """Raise HoldLost unless the job is surely still ours, Interrupted once the program is asked to stop.

        Asked before anything is sent.
        """
        self.rt.require_going()
        self._heart.require()

    def require_open(self) -> None:
        """Raise OutOfService once an operator has paused writes or disabled the account; asked before each chunk."""
        with self.rt.store.reading() as tx:
            placing.require_open(tx, self.account)

    def says(self, text: str) -> None:
        self.watch.says(self.job.job, text)

    # The account it works on

    @property
    def account(self) -> str:
        return self.payer.account

    @property
    def payer(self) -> Payer:
        assert self.placed is not None
        return self.placed.payer

    @property
    def channel_title(self) -> str:
        assert self.placed is not None
        return self.placed.channel_title

    def token(self, refused: Secret | None = None) -> Secret:
        return tokens.fresh(self.rt, self.account, refused=refused)

    def login_is_dead(self, failure: UpstreamFailed) -> None:
        why = f"{failure.reason}: a fresh token was refused as well"
        with self.rt.store.transaction() as tx:
            accounts.set_state(tx, self.account, AccountState.LOGIN_NEEDED, why)

    def leave(self, *, stays: bool = False) -> None:
        """Give back what this account lent; the next round chooses anew, unless the job `stays` the account's."""
        self._heart.hold()  # first: a lease that is given back is not there to be renewed
        placing.give_back(self.rt, self.lease, self.placed)
        self.placed = None
        self._made.clear()
        if not stays:
            with self.rt.store.transaction() as tx:
                jobs.leave_account(tx, self.lease)

    # What it may spend

    def held(self, operation: str, step: str) -> Hold | None:
        """Return a call that was set aside for this step and is not used yet."""
        holds = () if self.placed is None else (*self.placed.holds, *self._made)
        found = next(
            (one for one in holds if (one.operation, one.step) == (operation, step) and one.hold not in self._used),
            None,
        )
        if found is not None:
            self._used.add(found.hold)
        return found

    def held_or_new(self, operation: str, step: str) -> Hold:
        """Return a call that was set aside, or set one aside now; raises QuotaExhausted where today has none left."""
        found = self.held(operation, step)
        if found is not None:
            return found
        assert self.placed is not None
        with self.rt.store.transaction() as tx:
            self.rt.require_clock()
            jobs.require(tx, self.lease)
            (made,) = ledger.hold(
                tx,
                self.placed.payer,
                [Call(operation=operation, step=step)],
                self.rt.terms(tx),
                self.rt.rng,
                job=self.lease.name,
                fence=self.lease.fence,
                urgency=Urgency.BUFFER if self.use_buffer else Urgency.STARTED,
            )
        self._made.append(made)
        self._used.add(made.hold)
        return made

    def pay(
        self,
        held: Hold,
        send: Callable[[Secret], T],
        *,
        before: Callable[[Tx], None] | None = None,
        after: Callable[[Tx, T], None] | None = None,
        refused: Callable[[Tx, Verdict], None] | None = None,
    ) -> T:
        """Send a call that was held, in the name of the job; see `calls.paid`. What had to rest stays set aside."""

        def still_ours(tx: Tx) -> None:
            self.require()
            jobs.require(tx, self.lease)
            if before is not None:
                before(tx)

        try:
            return paid(self.rt, held, send, job=self.job.job, before=still_ours, after=after, refused=refused)
        except Resting:
            with self.rt.store.reading() as tx:
                if ledger.is_held(tx, held):
                    self._used.discard(held.hold)
            raise

    def pause(self, failure: UpstreamFailed, attempt: int) -> None:
        """Wait before the same call is made again; a wait that Google wants longer than we sleep ends this run."""
        asked = failure.retry_after or 0.0
        if asked > WAITS_AT_MOST:
            until = self.rt.calendar.now() + timedelta(seconds=asked)
            raise Resting(
                f"Google asks to be left alone for {asked:.0f} seconds",
                hint=f"it goes on at {until:%Y-%m-%d %H:%M} UTC: type the same command then, or leave that to cron",
                until=until,
            ) from failure
        seconds = failover.backoff(attempt, self.rt.rng, failure.retry_after)
        if seconds >= _WORTH_SAYING:
            self.watch.waits(self.job.job, f"waiting {seconds:.0f} seconds: {failure.message or failure.reason}")
        self.rt.sleep(seconds)

    def sleep_through(self, resting: Resting, what: str = "") -> None:
        """Wait for the end of a rest that is soon over, as after too many calls in a minute; else raise it."""
        until = resting.details.get("until")
        left = until - self.rt.calendar.now() if isinstance(until, datetime) else timedelta.max
        if left > timedelta(seconds=WAITS_AT_MOST):
            raise resting
        self.watch.waits(self.job.job, f"waiting: {what}{resting.message}")
        self.rt.sleep(left.total_seconds())

    # Calls beside the paid ones: the chunks and questions of an upload that is paid for

    def admit(self) -> None:
        """Raise Resting while the account or YouTube takes no calls, because too many have failed.

        A call that tries it out is one until it is `heard` of, or until this work ends without it.
        """
        with self.rt.store.transaction() as tx:
            breakers.take_back(tx, self._probes)
            probes = breakers.admit(self.rt, tx, self.account)
        self._probes = probes

    def heard(self, tx: Tx, failure: UpstreamFailed | None = None) -> None:
        """Take in that a call was answered, or failed."""
        breakers.heard(self.rt, tx, self.account, failure)

    def raise_rest(self, failure: UpstreamFailed) -> None:
        """Raise Resting if a breaker rests because of this failure: then it goes on by itself at a known time."""
        with self.rt.store.reading() as tx:
            try:
                breakers.require_closed(tx, self.account, failure)
            except Resting as resting:
                raise resting from failure

    @property
    @abstractmethod
    def privacy(self) -> str:
        """Say how visible the video is to be; a playlist that is made along the way is like it."""

    def _hold(self, placed: Placed) -> None:
        self.placed = placed
        self._heart.hold(*placed.leases)

    def _stopped(self, error: BaseException) -> None:
        """Leave the job so that a person and the next run can read where it stands."""
        state = self._state_after(error)
        try:
            with self.rt.store.transaction() as tx:
                jobs.move(
                    tx,
                    self.lease,
                    state,
                    error_code=error.code if isinstance(error, YtpoolError) else "interrupted",
                    error=error.message if isinstance(error, YtpoolError) else "interrupted",
                    error_reason=error.reason if isinstance(error, UpstreamFailed) else "",
                    not_before=error.details.get("until") if isinstance(error, YtpoolError) else None,
                )
                self._left(tx, state, error)
        except YtpoolError as second:
            # The first error is what the operator must see; the job is found by its dead lease.
            log.warning("job's state not stored", extra={"job": self.job.job, "reason": second.message})

    def _state_after(self, error: BaseException) -> JobState:
        return _state_after(error)

    @abstractmethod
    def _left(self, tx: Tx, state: JobState, error: BaseException) -> None:
        """Write down what else is to be known of a job that is left in this state."""

    def _give_up_places(self) -> None:
        try:
            placing.give_back(self.rt, self.lease, self.placed)
            with self.rt.store.transaction() as tx:
                breakers.take_back(tx, self._probes)
                leases.give_back(tx, [self.lease])
        except YtpoolError as error:
            log.warning("places not given back; they expire", extra={"job": self.job.job, "reason": error.message})


class Errand(Work):
    """The work on one publication: a file becomes a video, with what goes along."""

    def __init__(
        self, rt: Runtime, order: Order, job: Job, lease: Lease, publication: Publication, watch: Watch
    ) -> None:
        super().__init__(rt, job, lease, watch, use_buffer=order.use_buffer)
        self.order = order
        self.pace = order.pace
        self.publication = publication

    def place(
        self, target: Target, besides: Sequence[Call], unfit: Mapping[str, Obstacle], last: Collection[str]
    ) -> None:
        """Choose an account of the target and hold the whole publication there; nothing where one is held already.

        `besides` is held as well, for what is looked at before the upload is paid; `unfit` channels are passed over.
        Accounts that are named `last` have just failed, and are taken only where nobody else can work.
        """
        if self.placed is not None:
            return
        urgency = placing.urgency_of(self.order, self.rt.calendar.now(), begun=self.job.attempts > 0)
        calls = (*self._calls(), *besides)
        self._hold(
            placing.place(
                self.rt,
                self.lease,
                self.order,
                target,
                self.watch,
                calls=calls,
                urgency=urgency,
                unfit=unfit,
                last=last,
            )
        )

    def place_on(self, account: str) -> None:
        """Take the places of the account the job is bound to, and hold what is still to be done."""
        if self.placed is not None:
            return
        with self.rt.store.reading() as tx:
            done = {step.step for step in job_steps.of_job(tx, self.job.job) if step.state is StepState.DONE}
        calls = tuple(call for call in self._calls() if call.step not in done and call.operation != "videos.insert")
        self._hold(placing.place_again(self.rt, self.lease, self.order, account, self.watch, calls=calls))

    # How visible it will be

    def visibility(self) -> str:
        """Say how visible the video will be, and from when on."""
        wished = self.publication.video
        if wished.publish_at is None:
            return shown_privacy(self.publication)
        moment = f"{wished.publish_at:%Y-%m-%d %H:%M} UTC"
        return f"public at once, for its moment {moment} is over" if self.is_due() else f"private until {moment}"

    def is_due(self) -> bool:
        """Tell whether the moment of publication has come, while the video was on its way or rested."""
        moment = self.publication.video.publish_at
        return moment is not None and moment <= self.rt.calendar.now()

    @property
    def privacy(self) -> str:
        return shown_privacy(self.publication)

    def _calls(self) -> list[Call]:
        return placing.calls_of(self.publication)

    def _hold(self, placed: Placed) -> None:
        super()._hold(placed)
        payer = placed.payer
        self.watch.announces(
            self.job.job,
            f"{self.order.path.name} goes to channel {placed.channel_title} ({payer.channel_id}) "
            f"as {payer.account}, {self.visibility()}",
        )

    def _left(self, tx: Tx, state: JobState, error: BaseException) -> None:
        if state is JobState.FAILED:
            forget(tx, Kind.UPLOAD_SESSION, self.job.job)
            uploads.forget_session(tx, self.lease)
            job_steps.move(tx, self.job.job, UPLOAD, StepState.FAILED, str(error))
        if state is JobState.FINISHED_UNKNOWN:
            job_steps.move(tx, self.job.job, UPLOAD, StepState.UNKNOWN, str(error))


def shown_privacy(publication: Publication) -> str:
    """Say how visible a video will be; one with a moment of publication is private until then."""
    return Privacy.PRIVATE if publication.video.publish_at else publication.video.privacy


_STANDS = (
    (OutcomeUnknown, JobState.FINISHED_UNKNOWN),
    ((QuotaExhausted, Resting, LoginNeeded, NoEligibleAccount, OutOfService), JobState.DEFERRED),
    (WrongChannel, JobState.PARTLY),
    (FileChanged, JobState.FAILED),  # what was begun exists nowhere any more
)


def _state_after(error: BaseException) -> JobState:
    """Say how a job stands after an error; stored only if the job itself is still ours."""
    if isinstance(error, UpstreamFailed) and failover.judge(error).next is Next.GIVE_UP:
        return JobState.FAILED
    return next((state for kinds, state in _STANDS if isinstance(error, kinds)), JobState.INTERRUPTED)
