"""Uploading: choose, hold, send, read back; whatever dies in between, the next run finds how far it came.

The order of writing is the promise: an intent is stored before the call it announces, the session's address before
its first byte, the file's hash before its last. A session that broke is asked; what may have happened is never
repeated.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ytpool.actions import claiming, files, placing, secrets, tokens
from ytpool.actions.calls import paid
from ytpool.actions.claiming import Order
from ytpool.actions.files import Reader, VideoFile
from ytpool.actions.heartbeat import Heartbeat
from ytpool.actions.placing import Placed
from ytpool.actions.watch import Watch
from ytpool.domain import failover, video
from ytpool.domain.accounts import AccountState
from ytpool.domain.failover import Next
from ytpool.domain.jobs import Job, JobState, Step, StepState, Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Moved, chunk_size
from ytpool.domain.video import Privacy, VideoRequest
from ytpool.errors import (
    FileChanged,
    LoginNeeded,
    NoEligibleAccount,
    OutcomeUnknown,
    QuotaExhausted,
    Resting,
    UpstreamFailed,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, jobs, leases, ledger
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.jobs import Upload
from ytpool.store.leases import Lease
from ytpool.store.ledger import Hold
from ytpool.store.secrets import Kind, forget

log = logging.getLogger(__name__)

WATCH_URL = "https://www.youtube.com/watch?v="

_SESSION_STARTS = 6
"""How many session starts may fail for no account's fault before an upload is left for a later run."""

_RESTARTS = 2
"""How often a run pays for a new session because the one before was gone."""

_WAITS_AT_MOST = 120.0
"""Seconds of `Retry-After` that are slept through; a longer wait is left to a later run."""

_READS = 3
"""How often a video that is not listed yet is asked for."""

_STANDSTILLS = 8
"""Failures in a row without a byte of progress after which an upload is left for a later run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVideo:
    """What became of one file."""

    file: str
    job: str | None
    state: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    url: str | None
    bytes: int
    sha256: str | None
    privacy: str
    attempts: int
    resumed: bool
    steps: tuple[Step, ...]
    problem: YtpoolError | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an upload would do, had it not been asked to hold back."""

    file: str
    account: str | None
    channel_id: str | None
    privacy: str
    units: dict[str, int]
    waits_for: tuple[str, ...]
    job: str | None = None
    note: str = ""
    problem: YtpoolError | None = None


def publish(rt: Runtime, order: Order, watch: Watch) -> PublishedVideo:
    """Publish one file, or go on where an earlier run stopped; whatever happens comes back as a value.

    Only what stops the whole program is raised: an interruption, or a defect.
    """
    job: Job | None = None
    try:
        file = files.inspect(order.path)
        rt.open_vault()
        claimed = claiming.claim(rt, order, file, watch)
        job = claimed.job
        if claimed.lease is None:
            return _result(rt, order, job.job, note="already published; --again publishes it once more")
        watch.started(job.job, file.path.name, file.size)
        return _Publication(rt, order, file, job, claimed.lease, watch).run()
    except YtpoolError as problem:
        watch.ended(job.job if job else str(order.path), problem.message)
        return _result(rt, order, job.job if job else None, problem=problem)


def plan(rt: Runtime, order: Order) -> Plan:
    """Check everything and choose, but send nothing and store nothing."""
    try:
        file = files.inspect(order.path)
        video.check(order.request, rt.calendar.now())
        with rt.store.reading() as tx:
            claiming.require_target(tx, order.target)
            prices = rt.terms(tx).prices
            known = jobs.same_content(tx, order.target, file.marks.fingerprint, order.key)
        if known and not (order.again and known[0].published):
            return _known(order, known[0])
        choice, problem = placing.would_choose(rt, order.target, use_buffer=order.use_buffer)
    except YtpoolError as error:
        return Plan(
            file=str(order.path),
            account=None,
            channel_id=None,
            privacy=shown_privacy(order.request),
            units={},
            waits_for=(),
            problem=error,
        )
    units: dict[str, int] = {}
    for call in placing.PUBLICATION:
        for bucket, price in prices.cost(call.operation).items():
            units[bucket] = units.get(bucket, 0) + price
    return Plan(
        file=str(order.path),
        account=choice.account,
        channel_id=_channel_of(rt, choice.account),
        privacy=shown_privacy(order.request),
        units=units,
        waits_for=choice.busy,
        problem=problem,
    )


def _known(order: Order, job: Job) -> Plan:
    """Say what becomes of content that a job publishes already; the same fingerprint is all that was looked at."""
    note = (
        "already published; --again publishes it once more"
        if job.published
        else f"goes on with the job that is {job.state}, on the account it began with"
    )
    return Plan(
        file=str(order.path),
        account=job.account,
        channel_id=job.channel_id,
        privacy=shown_privacy(claiming.request_of(job)),
        units={},
        waits_for=(),
        job=job.job,
        note=note,
    )


def shown_privacy(request: VideoRequest) -> str:
    """Say how visible a video will be; one with a moment of publication is private until then."""
    return Privacy.PRIVATE if request.publish_at else request.privacy


class _Publication:
    """One worker's way through one job."""

    def __init__(self, rt: Runtime, order: Order, file: VideoFile, job: Job, lease: Lease, watch: Watch) -> None:
        self._rt = rt
        self._order = order
        self._file = file
        self._job = job
        self._lease = lease
        self._watch = watch
        self._request = claiming.request_of(job)
        self._placed: Placed | None = None
        self._resumed = False
        self._session: Secret | None = None
        self._refreshed: set[str] = set()
        self._failed_starts = 0
        self._restarts = 0
        self._turned_away: Counter[str] = Counter()
        self._began_at = 0.0
        self._began_with = 0

    def run(self) -> PublishedVideo:
        problem: YtpoolError | None = None
        with Heartbeat(self._rt, self._lease) as self._heart:
            try:
                if self._job.video_id is None:
                    self._upload()
                problem = self._read_back()
            except BaseException as error:
                self._stopped(error)
                raise
            finally:
                self._give_up_places()
        differs = self._resumed and self._request != self._order.request
        note = "it went on as it began: what was asked for differently now was not applied" if differs else ""
        result = _result(self._rt, self._order, self._job.job, problem=problem, resumed=self._resumed, note=note)
        self._watch.ended(self._job.job, f"{result.url} on {result.account}, {result.privacy}")
        return result

    # The upload itself

    def _upload(self) -> None:
        """Bring the bytes to YouTube, over as many accounts and sessions as it takes."""
        target = self._job.target
        while True:
            with self._rt.store.reading() as tx:
                state = jobs.upload(tx, self._job.job)
                self._session = secrets.read(self._rt, tx, Kind.UPLOAD_SESSION, self._job.job)
            began_earlier = self._session is not None and state.account is not None
            try:
                if began_earlier:
                    assert state.account is not None
                    self._places(state.account)
                    self._resumed = True
                    self._watch.says(self._job.job, "asking the session of the earlier run how far it is")
                    finished = self._transfer(state.kept, ask_first=True)
                else:
                    self._require_nothing_lost(state)
                    self._place(target)
                    self._session = self._open_session()
                    finished = self._transfer(0)
                if finished is not None:
                    self._finish(finished)
                    return
                # The session is gone, and its last bytes never left: start again, on the same channel.
                target = Target(kind=TargetKind.ACCOUNT, name=self._account)
                self._leave()
            except (LoginNeeded, QuotaExhausted, Resting):
                # The account chosen turned out to be of no use just now: another one, unless bytes are there already.
                if self._placed is None or self._session is not None:
                    raise
                self._turned_away[self._account] += 1
                if self._turned_away[self._account] >= _SESSION_STARTS:  # chosen again and again, and never of use
                    raise
                self._leave()
            except UpstreamFailed as failure:
                if self._session is not None:  # it is paid for, and a later run goes on with it
                    raise
                self._next_after(failure)
                self._leave()

    def _next_after(self, failure: UpstreamFailed) -> None:
        """Decide what a refused session start means for this job; raises the failure when it ends here."""
        verdict = failover.judge(failure)
        self._failed_starts += 1
        may_go_on = verdict.next in (Next.SAME_ACCOUNT, Next.OTHER_ACCOUNT, Next.REFRESH)
        if not may_go_on or self._failed_starts >= (2 if verdict.once else _SESSION_STARTS):
            raise failure
        self._watch.says(
            self._job.job, f"{self._account}: {(failure.message or failure.reason).rstrip('.')}. {verdict.advice}"
        )
        match verdict.next:
            case Next.SAME_ACCOUNT:
                self._pause(failure, self._failed_starts)
            case Next.REFRESH if self._account in self._refreshed:
                self._login_is_dead(failure)
            case Next.REFRESH:
                self._refreshed.add(self._account)
            case _:
                # The account, its channel or its project rests now, so this ends with the last candidate.
                self._failed_starts -= 1

    def _login_is_dead(self, failure: UpstreamFailed) -> None:
        with self._rt.store.transaction() as tx:
            accounts.set_state(
                tx, self._account, AccountState.LOGIN_NEEDED, f"{failure.reason}: a fresh token was refused as well"
            )

    def _place(self, target: Target) -> None:
        if self._placed is not None:
            return
        urgency = Urgency.BUFFER if self._order.use_buffer else Urgency.NORMAL
        if self._job.attempts and not self._order.use_buffer:
            urgency = Urgency.STARTED
        self._hold(placing.place(self._rt, self._lease, self._order, target, self._watch, urgency=urgency))

    def _places(self, account: str) -> None:
        if self._placed is None:
            self._hold(placing.place_again(self._rt, self._lease, self._order, account, self._watch))

    def _hold(self, placed: Placed) -> None:
        self._placed = placed
        self._heart.hold(*placed.leases)
        payer = placed.payer
        self._watch.announces(
            self._job.job,
            f"{self._file.path.name} goes to channel {placed.channel_title} ({payer.channel_id}) "
            f"as {payer.account}, {self._visibility()}",
        )

    def _open_session(self) -> Secret:
        """Ask for a session: the call that costs.

        The intent is stored with its booking, the session's address with its settling.
        """
        held = self._held("videos.insert")
        account, slug = held.payer.account, self._file.path.name
        video.check(self._request, self._rt.calendar.now())  # waiting for one's turn may outlast a moment to publish

        def before(tx: Tx) -> None:
            self._heart.require()
            jobs.intend(tx, self._lease, account, slug)
            jobs.set_step(tx, self._job.job, "upload", StepState.RUNNING)

        def after(tx: Tx, session: Secret) -> None:
            secrets.keep(self._rt, tx, Kind.UPLOAD_SESSION, self._job.job, session)
            jobs.started(tx, self._lease)

        return paid(
            self._rt,
            held,
            lambda token: self._rt.youtube.open_session(
                token,
                body=self._request.body(),
                parts=self._request.parts.split(","),
                size=self._file.size,
                content_type=video.content_type(self._file.path.name),
                slug=slug,
                notify=self._request.notify,
            ),
            job=self._job.job,
            before=before,
            after=after,
        )

    def _transfer(self, offset: int, *, ask_first: bool = False) -> dict[str, Any] | None:
        """Send what is missing and return the video, or None when the session is gone and nothing is lost by it."""
        self._began_at, self._began_with = self._rt.clock.monotonic(), offset
        try:
            with Reader(self._file) as reader:
                return self._converse(reader, offset, ask=ask_first)
        except FileChanged as change:
            if not self._last_byte_may_be_there():
                raise
            hint = "put the old file back and type the same command again: the session is asked"
            raise self._unknown(None, hint) from change

    def _converse(self, reader: Reader, offset: int, *, ask: bool) -> dict[str, Any] | None:
        """Send, and ask the session after whatever goes wrong, for as long as bytes go through."""
        furthest, standstills, refused = offset, 0, None
        while True:
            try:
                self._heart.require()
                if ask:
                    event = self._rt.youtube.ask(self._standing_session(), self._token(refused), self._file.size)
                    if isinstance(event, Finished):
                        return event.video
                    offset = self._kept(event)
                return self._send(reader, offset)
            except UpstreamFailed as failure:
                offset, ask = self._kept_so_far(), True
                if offset > furthest:  # bytes went through, so neither line nor login are at their end
                    furthest, standstills, refused = offset, 0, None
                else:
                    standstills += 1
                match failover.judge(failure).next:
                    case Next.RESTART_SESSION:
                        self._session_gone(failure)
                        return None
                    case Next.REFRESH if refused is None:
                        refused = self._token(None)
                    case Next.SAME_ACCOUNT if standstills < _STANDSTILLS:
                        self._watch.says(self._job.job, f"{failure.message}; asking the session in a moment")
                        self._pause(failure, standstills + 1)
                    case verdict:
                        self._broken_off(failure, verdict)
                        raise

    def _broken_off(self, failure: UpstreamFailed, verdict: Next) -> None:
        """Raise what a session that cannot go on means, where that is more than the failure itself."""
        if verdict is Next.REFRESH:
            self._login_is_dead(failure)
            raise LoginNeeded(
                f"{self._account} needs a login: {failure.message}",
                hint=f"run: ytpool auth add {self._account}; then the same command again",
                account=self._account,
            ) from failure
        ends = verdict in (Next.SAME_ACCOUNT, Next.GIVE_UP)
        if ends and self._last_byte_may_be_there() and not _refuses_the_file(failure):
            raise self._unknown(failure, "type the same command again: the session is asked") from failure

    def _send(self, reader: Reader, offset: int) -> dict[str, Any]:
        def read(start: int, length: int) -> memoryview:
            self._heart.require()
            data = reader.read(start, length)
            if start + length == self._file.size:
                sha256 = reader.sha256()
                with self._rt.store.transaction() as tx:
                    jobs.last_byte_leaves(tx, self._lease, sha256)
            return data

        def moved(sent: int) -> None:
            self._heart.require()
            self._watch.moved(self._job.job, sent)

        for event in self._rt.youtube.send(
            self._standing_session(),
            token=lambda: self._token(None),
            read=read,
            size=self._file.size,
            offset=offset,
            chunk_size=chunk_size(self._rt.config.upload.chunk_mib),
            progress=moved,
        ):
            match event:
                case Finished():
                    return event.video
                case Moved():
                    self._move_session(event.session)
                case Kept():
                    if self._kept(event) == self._file.size:
                        self._rt.clock.sleep(event.retry_after or 1.0)  # all there, and YouTube not done with it
        raise AssertionError("an upload ended without an answer")

    def _standing_session(self) -> Secret:
        assert self._session is not None
        return self._session

    def _kept(self, event: Kept) -> int:
        """Store how many bytes the server has, and where it wants the rest."""
        with self._rt.store.transaction() as tx:
            jobs.keep(tx, self._lease, event.offset)
        if event.moved_to is not None:
            self._move_session(event.moved_to)
        self._watch.moved(self._job.job, event.offset)
        return event.offset

    def _move_session(self, session: Secret) -> None:
        with self._rt.store.transaction() as tx:
            jobs.require(tx, self._lease)
            secrets.keep(self._rt, tx, Kind.UPLOAD_SESSION, self._job.job, session)
        self._session = session

    def _kept_so_far(self) -> int:
        with self._rt.store.reading() as tx:
            return jobs.upload(tx, self._job.job).kept

    def _session_gone(self, failure: UpstreamFailed) -> None:
        """The session is not known any more: start again, unless the video may exist."""
        with self._rt.store.transaction() as tx:
            state = jobs.upload(tx, self._job.job)
            forget(tx, Kind.UPLOAD_SESSION, self._job.job)
            if state.last_sent_at is None:
                jobs.forget_session(tx, self._lease)
        if state.last_sent_at is not None:
            raise self._unknown(failure, "look on the channel; nothing is sent again by itself")
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise failure
        self._watch.says(
            self._job.job,
            f"the session is gone after {state.kept:,} bytes; starting again, which costs another upload call",
        )

    def _require_nothing_lost(self, state: Upload) -> None:
        if state.last_sent_at is not None:
            raise self._unknown(None, "look on the channel; nothing is sent again by itself")

    def _unknown(self, failure: UpstreamFailed | None, hint: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"every byte of {self._file.path.name} may have arrived, and the answer did not: "
            "nobody can say yet whether the video exists",
            hint=f"{hint} (job {self._job.job})",
            job=self._job.job,
            reason=failure.reason if failure else "",
        )

    def _finish(self, resource: dict[str, Any]) -> None:
        """The video exists: store its id before anything else is done."""
        assert self._placed is not None
        video_id = resource.get("id")
        if not isinstance(video_id, str) or not video_id:
            raise OutcomeUnknown(
                f"YouTube took {self._file.path.name} and named no video id",
                hint="look on the channel; nothing is sent again by itself",
                job=self._job.job,
            )
        channel_id = resource.get("snippet", {}).get("channelId")
        astray = channel_id not in (None, self._placed.payer.channel_id)
        with self._rt.store.transaction() as tx:
            jobs.move(tx, self._lease, JobState.RUNNING, video_id=video_id)
            jobs.set_step(tx, self._job.job, "upload", StepState.DONE, video_id)
            if astray:
                jobs.set_step(tx, self._job.job, "read_back", StepState.FAILED, f"it is on channel {channel_id}")
            forget(tx, Kind.UPLOAD_SESSION, self._job.job)
            activity.record(
                tx,
                self._rt.rng,
                self._placed.payer,
                "upload",
                Outcome.DONE,
                size=self._file.size - self._began_with,
                seconds=self._rt.clock.monotonic() - self._began_at,
                job=self._job.job,
            )
        if astray:
            raise WrongChannel(
                f"video {video_id} went to channel {channel_id}, and {self._account} is for "
                f"{self._placed.payer.channel_id}",
                hint=f"look at that video, then log in again: ytpool auth add {self._account}",
                video_id=video_id,
            )

    # After the upload

    def _read_back(self) -> YtpoolError | None:
        """Ask YouTube what it made of the video, and compare; a difference is told, never repaired in silence."""
        with self._rt.store.reading() as tx:
            job = jobs.get(tx, self._job.job)
        assert job.account is not None
        self._places(job.account)
        seen: dict[str, Any] | None = None
        problem: YtpoolError | None = None
        reading = [held for held in self._placed_holds() if held.operation == "videos.list"]
        if not reading:
            problem = QuotaExhausted("today's units of general are used up")
        for number, held in enumerate(reading[:_READS], start=1):
            try:
                found = paid(
                    self._rt,
                    held,
                    lambda token: self._rt.youtube.videos(token, [str(job.video_id)], ["status", "snippet"]),
                    job=job.job,
                    before=lambda _: self._heart.require(),
                )
            except UpstreamFailed as error:
                problem = error
                if number < _READS and failover.judge(error).next is Next.SAME_ACCOUNT:
                    self._pause(error, number)
                continue
            except (QuotaExhausted, Resting, LoginNeeded) as error:
                problem = error
                break
            problem = None
            if found:
                seen = found[0]
                break
            self._rt.clock.sleep(0.5)  # a new video may take a moment to be listed
        state, detail = self._compared(seen, problem)
        if state is not StepState.DONE:
            looks_again = "type the same command again: it looks once more"
            problem = YtpoolError(
                detail,
                hint=looks_again if state is StepState.WAITING else f"look at {WATCH_URL}{job.video_id}",
                video_id=job.video_id,
                cause="" if problem is None else problem.code,
            )
        with self._rt.store.transaction() as tx:
            jobs.set_step(tx, job.job, "read_back", state, detail)
            jobs.move(
                tx,
                self._lease,
                JobState.DONE if state is StepState.DONE else JobState.PARTLY,
                error_code="" if problem is None else problem.code,
                error="" if problem is None else problem.message,
            )
            ledger.release_job(tx, job.job, "not needed")  # nobody comes back to a job that is done
        return problem

    def _compared(self, seen: dict[str, Any] | None, problem: YtpoolError | None) -> tuple[StepState, str]:
        if seen is None:
            why = problem.message if problem else "YouTube does not list it yet"
            # Nothing is wrong that we know of; the same command typed again looks once more.
            return StepState.WAITING, f"the video is up, and could not be read back: {why}"
        status = seen.get("status", {})
        asked, got = shown_privacy(self._request), status.get("privacyStatus")
        if got != asked and not (got == Privacy.PUBLIC and self._is_due()):
            return StepState.FAILED, f"asked for {asked}, and YouTube made it {got}"
        return StepState.DONE, f"{got}, {status.get('uploadStatus', 'no upload status')}"

    # Odds and ends of the way

    def _is_due(self) -> bool:
        """Tell whether the moment of publication has come, while the video was on its way or rested."""
        return self._request.publish_at is not None and self._request.publish_at <= self._rt.calendar.now()

    def _visibility(self) -> str:
        if self._request.publish_at is None:
            return shown_privacy(self._request)
        moment = f"{self._request.publish_at:%Y-%m-%d %H:%M} UTC"
        return f"public at once, for its moment {moment} is over" if self._is_due() else f"private until {moment}"

    @property
    def _account(self) -> str:
        assert self._placed is not None
        return self._placed.payer.account

    def _placed_holds(self) -> tuple[Hold, ...]:
        return () if self._placed is None else self._placed.holds

    def _held(self, operation: str) -> Hold:
        return next(held for held in self._placed_holds() if held.operation == operation)

    def _token(self, refused: Secret | None) -> Secret:
        return tokens.fresh(self._rt, self._account, refused=refused)

    def _last_byte_may_be_there(self) -> bool:
        with self._rt.store.reading() as tx:
            return jobs.upload(tx, self._job.job).last_sent_at is not None

    def _leave(self) -> None:
        """Give back what this account lent; the next round chooses anew."""
        self._heart.hold()  # first: a lease that is given back is not there to be renewed
        placing.give_back(self._rt, self._lease, self._placed)
        self._placed = None
        with self._rt.store.transaction() as tx:
            jobs.leave_account(tx, self._lease)

    def _pause(self, failure: UpstreamFailed, attempt: int) -> None:
        asked = failure.retry_after or 0.0
        if asked > _WAITS_AT_MOST:
            until = self._rt.calendar.now() + timedelta(seconds=asked)
            raise Resting(
                f"Google asks to be left alone for {asked:.0f} seconds",
                hint=f"it goes on at {until:%Y-%m-%d %H:%M} UTC: type the same command then, or leave that to cron",
                until=until,
            ) from failure
        self._rt.clock.sleep(failover.backoff(attempt, self._rt.rng, failure.retry_after))

    def _stopped(self, error: BaseException) -> None:
        """Leave the job so that a person and the next run can read where it stands."""
        state = _state_after(error)
        try:
            with self._rt.store.transaction() as tx:
                jobs.move(
                    tx,
                    self._lease,
                    state,
                    error_code=error.code if isinstance(error, YtpoolError) else "interrupted",
                    error=error.message if isinstance(error, YtpoolError) else "interrupted",
                    error_reason=error.reason if isinstance(error, UpstreamFailed) else "",
                    not_before=error.details.get("until") if isinstance(error, YtpoolError) else None,
                )
                if state is JobState.FAILED:
                    forget(tx, Kind.UPLOAD_SESSION, self._job.job)
                    jobs.forget_session(tx, self._lease)
                    jobs.set_step(tx, self._job.job, "upload", StepState.FAILED, str(error))
                if state is JobState.FINISHED_UNKNOWN:
                    jobs.set_step(tx, self._job.job, "upload", StepState.UNKNOWN, str(error))
        except YtpoolError as second:
            # The first error is what the operator must see; the job is found by its dead lease.
            log.warning("job's state not stored", extra={"job": self._job.job, "reason": second.message})

    def _give_up_places(self) -> None:
        try:
            placing.give_back(self._rt, self._lease, self._placed)
            with self._rt.store.transaction() as tx:
                leases.give_back(tx, [self._lease])
        except YtpoolError as error:
            log.warning("places not given back; they expire", extra={"job": self._job.job, "reason": error.message})


def _refuses_the_file(failure: UpstreamFailed) -> bool:
    """Tell YouTube's own refusal of the last bytes from a page of somebody in between, which proves nothing."""
    return failure.operation == "upload.final" and bool(failure.domain)


_STANDS = (
    (OutcomeUnknown, JobState.FINISHED_UNKNOWN),
    ((QuotaExhausted, Resting, LoginNeeded, NoEligibleAccount), JobState.DEFERRED),
    (WrongChannel, JobState.PARTLY),
    (FileChanged, JobState.FAILED),  # what was begun exists nowhere any more
)


def _state_after(error: BaseException) -> JobState:
    """Say how a job stands after an error; stored only if the job itself is still ours."""
    if isinstance(error, UpstreamFailed) and failover.judge(error).next is Next.GIVE_UP:
        return JobState.FAILED
    return next((state for kinds, state in _STANDS if isinstance(error, kinds)), JobState.INTERRUPTED)


def _channel_of(rt: Runtime, account: str | None) -> str | None:
    if account is None:
        return None
    with rt.store.reading() as tx:
        return accounts.get(tx, account).channel_id


def _result(
    rt: Runtime,
    order: Order,
    job_id: str | None,
    *,
    problem: YtpoolError | None = None,
    resumed: bool = False,
    note: str = "",
) -> PublishedVideo:
    """Read back from the state what became of a file."""
    job: Job | None = None
    steps: tuple[Step, ...] = ()
    size = 0
    if job_id is not None:
        with rt.store.reading() as tx:
            job, steps, size = jobs.get(tx, job_id), jobs.steps(tx, job_id), jobs.upload(tx, job_id).size
    return PublishedVideo(
        file=str(order.path),
        job=job_id,
        state=job.state if job else "refused",
        account=job.account if job else None,
        channel_id=job.channel_id if job else None,
        video_id=job.video_id if job else None,
        url=f"{WATCH_URL}{job.video_id}" if job and job.video_id else None,
        bytes=size,
        sha256=job.sha256 if job else None,
        privacy=shown_privacy(claiming.request_of(job) if job else order.request),
        attempts=job.attempts if job else 0,
        resumed=resumed,
        steps=steps,
        problem=problem,
        note=note,
    )


def counts(videos: Sequence[PublishedVideo]) -> dict[str, int]:
    """Count the files by what became of them."""
    found: dict[str, int] = {}
    for one in videos:
        found[one.state] = found.get(one.state, 0) + 1
    return found
