"""Bringing a file's bytes to YouTube: sessions, chunks, and what to make of a line that breaks.

The order of writing is the promise: an intent is stored before the call it announces, the session's address before
its first byte, the file's hash before its last. A session that broke is asked; where it is gone after the last byte
may have left, the channel is looked at (`reconciling`); what may have happened is never repeated.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ytpool.actions import beforehand, listing, reconciling, secrets, steps, whereabouts
from ytpool.actions.errand import Errand
from ytpool.actions.files import Reader, VideoFile
from ytpool.domain import failover, video
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Obstacle
from ytpool.domain.failover import Next
from ytpool.domain.jobs import JobState, StepState, Target, TargetKind
from ytpool.domain.publication import UPLOAD
from ytpool.domain.reconcile import Found, NotThere
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Moved, chunk_size
from ytpool.errors import (
    FileChanged,
    FileInvalid,
    LoginNeeded,
    NoEligibleAccount,
    OutcomeUnknown,
    OutOfService,
    QuotaExhausted,
    Resting,
    UnknownName,
    UpstreamFailed,
    WrongChannel,
)
from ytpool.store import accounts, activity, job_steps, jobs, pools, uploads
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.ledger import Call
from ytpool.store.secrets import Kind, forget
from ytpool.store.uploads import Upload

_SESSION_STARTS = 6
"""How many session starts may fail for no account's fault before an upload is left for a later run."""

_STARTS_ON_ONE = 3
"""How many session starts in a row may fail for no account's fault before a pool's next account is asked."""

_RESTARTS = 2
"""How many sessions that are gone at once are replaced in one run; each costs another upload call."""

_STANDSTILLS = 8
"""Failures in a row without a byte of progress after which an upload is left for a later run."""


_LACKS_PLAYLIST = Obstacle("its channel lacks a playlist that is to be there")
_SENT_ELSEWHERE = Obstacle("bytes of it were sent to another channel")


class Transfer:
    """The way of one file to YouTube, over as many accounts and sessions as it takes."""

    def __init__(self, errand: Errand, file: VideoFile) -> None:
        self._errand = errand
        self._file = file
        self._session: Secret | None = None
        self._resumed = False
        self._note = ""
        self._refreshed: set[str] = set()
        self._failed_starts = 0
        self._failed_on: Counter[str] = Counter()
        self._failed: tuple[str, UpstreamFailed] | None = None
        self._restarts = 0
        self._turned_away: Counter[str] = Counter()
        self._looked_at: set[str] = set()
        self._is_bound = False
        self._lacking: dict[str, UnknownName] = {}
        self._began_at = 0.0
        self._began_with = 0

    @property
    def resumed(self) -> bool:
        """It went on with a session of an earlier run."""
        return self._resumed

    @property
    def note(self) -> str:
        """What an operator should know of the way it took, and nothing where it was straight."""
        return self._note

    def run(self) -> None:
        """Bring the bytes to YouTube, over as many accounts and sessions as it takes."""
        while True:
            try:
                finished = self._bring()
                if finished is not None:
                    self._finish(finished)
                    return
                if not self._last_byte_may_be_there():
                    # The session is gone, and nothing came of it: start again, on the same channel.
                    self._errand.leave(stays=True)
            except (LoginNeeded, QuotaExhausted, Resting, OutOfService) as obstacle:
                # The account chosen turned out to be of no use just now: another one, unless bytes are there already.
                bound = self._session is not None or self._last_byte_may_be_there()
                if self._errand.placed is None or bound:
                    raise
                self._turned_away[self._errand.account] += 1
                if (
                    self._turned_away[self._errand.account] >= _SESSION_STARTS
                ):  # chosen again and again, and never of use
                    raise
                self._errand.says(f"{self._errand.account}: {obstacle.message}")
                self._errand.leave(stays=self._is_bound)
            except UpstreamFailed as failure:
                if self._session is not None:  # it is paid for, and a later run goes on with it
                    raise
                self._next_after(failure)
                self._errand.leave(stays=self._is_bound)

    def _bring(self) -> dict[str, Any] | None:
        """Go on where the state says an earlier round stopped; None when what it left behind is gone."""
        errand = self._errand
        with errand.rt.store.reading() as tx:
            state = uploads.get(tx, errand.job.job)
            self._session = secrets.read(errand.rt, tx, Kind.UPLOAD_SESSION, errand.job.job)
        if self._session is not None and state.account is not None:
            errand.place_on(state.account)
            self._resumed = True
            errand.says("asking the session of the earlier run how far it is")
            return self._transfer(state.kept, ask_first=True)
        if state.last_sent_at is not None:
            return self._look_for_it(state)
        if not self._file.path.is_file():  # it was not needed for as long as its video might be there
            raise whereabouts.lacking(errand.job, self._file.path)
        looks_first = beforehand.is_wanted(errand.rt, errand.order, errand.job)
        seen_at = beforehand.where_it_was_seen(errand.rt, errand.job) if looks_first else None
        self._is_bound = seen_at is not None or state.sent_to is not None
        target = seen_at or errand.job.target
        self._place(target, beforehand.CALLS if looks_first else (), self._unfit(target, state))
        if self._failed is not None:
            account, failure = self._failed
            self._failed = None
            if account == errand.account:  # somebody else need not wait
                errand.pause(failure, self._failed_on[account])
        if looks_first and errand.payer.channel_id not in self._looked_at:
            beforehand.look(errand)
            self._is_bound = state.sent_to is not None
            self._looked_at.add(errand.payer.channel_id)
        self._session = self._open_session()
        return self._transfer(0)

    def _unfit(self, target: Target, state: Upload) -> Mapping[str, Obstacle]:
        """Return the channels of a pool that this upload may not go to, because another one has taken bytes of it."""
        if state.sent_to is None or target.kind is TargetKind.ACCOUNT:
            return {}
        with self._errand.rt.store.reading() as tx:
            channels = pools.channels_around(tx, pool=target.name)
        return dict.fromkeys(channels - {state.sent_to}, _SENT_ELSEWHERE)

    def _place(self, target: Target, besides: Sequence[Call], unfit: Mapping[str, Obstacle]) -> None:
        """Take places on an account whose channel has the playlists that are to be there; of a pool, on the next one.

        Nothing is sent yet, and nobody makes a playlist that was not asked to be made.
        """
        errand = self._errand
        while True:
            try:
                errand.place(
                    target,
                    besides,
                    unfit={**dict.fromkeys(self._lacking, _LACKS_PLAYLIST), **unfit},
                    last=[name for name, times in self._failed_on.items() if times >= _STARTS_ON_ONE],
                )
            except NoEligibleAccount as nobody:
                reasons = {one["reason"] for one in nobody.details.get("rejected", ())}
                if self._lacking and reasons <= {_LACKS_PLAYLIST.reason, _SENT_ELSEWHERE.reason}:
                    raise self._no_channel_has(target) from nobody
                if unfit:
                    elsewhere = f"to send it to another channel: ytpool queue resolve {errand.job.job} --as restart"
                    nobody.hint = f"{nobody.hint}\n{elsewhere}"
                raise
            try:
                steps.require_playlists(errand)
            except UnknownName as unknown:
                if target.kind is TargetKind.ACCOUNT:
                    raise
                errand.says(f"{unknown.message}: looking for another channel of {target}")
                self._lacking[errand.payer.channel_id] = unknown
                errand.leave()
            else:
                return

    def _no_channel_has(self, target: Target) -> UnknownName:
        lacking = list(self._lacking.values())
        said = "; ".join(one.message for one in lacking)
        return UnknownName(f"no channel of {target} will do: {said}", hint=lacking[0].hint, **lacking[0].details)

    def _next_after(self, failure: UpstreamFailed) -> None:
        """Decide what a refused session start means for this job; raises the failure when it ends here."""
        verdict = failover.judge(failure)
        self._failed_starts += 1
        may_go_on = verdict.next in (Next.SAME_ACCOUNT, Next.OTHER_ACCOUNT, Next.REFRESH)
        if not may_go_on or self._failed_starts >= (2 if verdict.once else _SESSION_STARTS):
            self._errand.raise_rest(failure)
            raise failure
        self._errand.says(
            f"{self._errand.account}: {(failure.message or failure.reason).rstrip('.')}. {verdict.advice}"
        )
        match verdict.next:
            case Next.SAME_ACCOUNT if failover.is_breakdown(failure) and not failure.retry_after:
                self._failed_on[self._errand.account] += 1
                self._failed = (self._errand.account, failure)
            case Next.SAME_ACCOUNT:
                self._errand.pause(failure, self._failed_starts)
            case Next.REFRESH if self._errand.account in self._refreshed:
                self._errand.login_is_dead(failure)
            case Next.REFRESH:
                self._refreshed.add(self._errand.account)
            case _:
                # The account, its channel or its project rests now, so this ends with the last candidate.
                self._failed_starts -= 1

    def _open_session(self) -> Secret:
        """Ask for a session: the call that costs.

        The intent is stored with its booking, the session's address with its settling.
        """
        held = self._errand.held_or_new("videos.insert", UPLOAD)
        account, slug = held.payer.account, self._file.path.name
        # Waiting for one's turn may outlast a moment to publish.
        video.check(self._errand.publication.video, self._errand.rt.calendar.now())

        def before(tx: Tx) -> None:
            uploads.intend(tx, self._errand.lease, account, slug)
            job_steps.move(tx, self._errand.job.job, UPLOAD, StepState.RUNNING)

        def after(tx: Tx, session: Secret) -> None:
            secrets.keep(self._errand.rt, tx, Kind.UPLOAD_SESSION, self._errand.job.job, session)
            uploads.started(tx, self._errand.lease, self._errand.rt.calendar.as_google_says())

        wished = self._errand.publication.video
        return self._errand.pay(
            held,
            lambda token: self._errand.rt.youtube.open_session(
                token,
                body=wished.body(),
                parts=wished.parts.split(","),
                size=self._file.size,
                content_type=video.content_type(self._file.path.name),
                slug=slug,
                notify=wished.notify,
            ),
            before=before,
            after=after,
        )

    def _look_for_it(self, state: Upload) -> dict[str, Any] | None:
        """Find the video on its channel although its answer never came, or None when it is certainly not there."""
        errand = self._errand
        assert state.account is not None
        reconciling.require_due(errand.rt, errand.job.job)
        errand.place_on(state.account)
        errand.says("its session is gone and its outcome unknown: looking on the channel's uploads list")
        match reconciling.look(errand):
            case Found(video_id=video_id):
                return self._found(video_id)
            case NotThere():
                self._looked_at.add(errand.payer.channel_id)
                with errand.rt.store.transaction() as tx:
                    uploads.forget_session(tx, errand.lease)
                self._note = (
                    "it was not there, as two looks confirm, and was sent again, which cost another upload call"
                )
                errand.says("it is not there, as two looks confirm; starting again, which costs another upload call")
                return None
            case outcome:
                raise reconciling.unknown(errand.rt, errand.job.job, outcome)

    def _look_aside(self, failure: UpstreamFailed) -> dict[str, Any]:
        """Look for the video while its session stands and does not answer; only what is found counts then.

        What is not there may still come of that session, so this never starts again.
        """
        errand = self._errand
        asks_again = self._unknown(failure, "type the same command again: the session is asked")
        if not listing.can_list(errand.rt, errand.account):
            raise asks_again from failure
        reconciling.require_due(errand.rt, errand.job.job)
        if not reconciling.is_due(errand.rt, errand.job.job):
            raise asks_again from failure
        match reconciling.look(errand):
            case Found(video_id=video_id):
                return self._found(video_id)
            case NotThere():
                raise asks_again from failure
            case outcome:
                raise reconciling.unknown(errand.rt, errand.job.job, outcome) from failure

    def _found(self, video_id: str) -> dict[str, Any]:
        """Make a video that a look has found this job's own, and go on with it."""
        errand = self._errand
        assert errand.placed is not None
        channel_id = errand.placed.payer.channel_id
        with errand.rt.store.transaction() as tx:
            if jobs.is_claimed(tx, channel_id, video_id, errand.job.job):  # by a person's word, since we looked
                raise OutcomeUnknown(
                    f"{video_id} was found for {self._file.path.name}, and is the video of another job now",
                    hint=f"see: ytpool queue list --all; then: ytpool queue retry {errand.job.job}",
                    job=errand.job.job,
                )
            jobs.move(tx, errand.lease, JobState.RUNNING, video_id=video_id)
            job_steps.move(tx, errand.job.job, UPLOAD, StepState.DONE, video_id)
            forget(tx, Kind.UPLOAD_SESSION, errand.job.job)
        self._note = "its last answer was lost; it was found on the channel, with our size and file name"
        errand.says(f"{video_id} is on the channel, with our size and file name: going on with it")
        self._resumed = True
        self._began_at, self._began_with = errand.rt.clock.monotonic(), self._file.size
        return {"id": video_id, "snippet": {"channelId": channel_id}}

    def _transfer(self, offset: int, *, ask_first: bool = False) -> dict[str, Any] | None:
        """Send what is missing and return the video, or None when the session is gone."""
        self._began_at, self._began_with = self._errand.rt.clock.monotonic(), offset
        try:
            with Reader(self._file) as reader:
                video = self._converse(reader, offset, ask=ask_first)
                if video is not None and (changed := reader.why_changed()):
                    # The last chunk was read before it was sent, so this may be a recording that goes on.
                    said = f"the file changed while it was uploaded ({changed}); the video has what was read before"
                    self._errand.says(said)
                    self._note = "; ".join(filter(None, (self._note, said)))
                return video
        except FileInvalid as missing:
            path = self._file.path
            raise (missing if path.exists() else whereabouts.lacking(self._errand.job, path)) from None
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
                self._errand.require()
                self._errand.require_open()
                self._admit()
                if ask:
                    event = self._errand.rt.youtube.ask(
                        self._standing_session(), self._errand.token(refused), self._file.size
                    )
                    if isinstance(event, Finished):
                        return event.video
                    offset = self._kept(event)
                return self._send(reader, offset)
            except UpstreamFailed as failure:
                if failure.operation != "token":  # that is no call of YouTube's, and `tokens` has written it down
                    with self._errand.rt.store.transaction() as tx:
                        self._errand.heard(tx, failure)
                        self._record(tx, failure)
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
                        refused = self._errand.token()
                    case Next.SAME_ACCOUNT if standstills < _STANDSTILLS:
                        self._errand.says(f"{failure.message.rstrip('.')}; asking the session in a moment")
                        self._errand.pause(failure, standstills + 1)
                    case verdict:
                        return self._broken_off(failure, verdict)

    def _record(self, tx: Tx, failure: UpstreamFailed) -> None:
        """Write into the journal what broke the line or was refused; the upload itself says how it ended."""
        errand = self._errand
        activity.record(
            tx,
            errand.rt.rng,
            errand.payer,
            failure.operation,
            Outcome.FAILED,
            job=errand.job.job,
            reason=failure.reason,
            detail=failure.message,
            spare_score=True,  # its breaker charges it, where it turns out to be the account's
        )

    def _admit(self) -> None:
        """Wait while the account or YouTube takes no calls, where that is soon over; else raise Resting."""
        while True:
            try:
                self._errand.admit()
            except Resting as resting:
                if not self._errand.order.wait:
                    raise
                self._errand.sleep_through(resting)
            else:
                return

    def _broken_off(self, failure: UpstreamFailed, verdict: Next) -> dict[str, Any]:
        """Raise what a session that cannot go on means, unless the video turns out to be there."""
        if verdict is Next.REFRESH:
            self._errand.login_is_dead(failure)
            raise LoginNeeded(
                f"{self._errand.account} needs a login: {failure.message}",
                hint=f"run: ytpool auth add {self._errand.account}; then the same command again",
                account=self._errand.account,
            ) from failure
        ends = verdict in (Next.SAME_ACCOUNT, Next.GIVE_UP)
        if ends and self._last_byte_may_be_there() and not _refuses_the_file(failure):
            return self._look_aside(failure)
        raise failure

    def _send(self, reader: Reader, offset: int) -> dict[str, Any]:
        def read(start: int, length: int) -> memoryview:
            self._errand.require()
            self._errand.require_open()
            data = reader.read(start, length)
            if start + length == self._file.size:
                sha256 = reader.sha256()
                with self._errand.rt.store.transaction() as tx:
                    uploads.last_byte_leaves(tx, self._errand.lease, sha256)
            return data

        def moved(sent: int) -> None:
            self._errand.require()
            self._errand.watch.moved(self._errand.job.job, sent)

        for event in self._errand.rt.youtube.send(
            self._standing_session(),
            token=self._errand.token,
            read=read,
            size=self._file.size,
            offset=offset,
            chunk_size=chunk_size(self._errand.rt.config.upload.chunk_mib),
            progress=moved,
            pace=self._errand.pace,
        ):
            match event:
                case Finished():
                    return event.video
                case Moved():
                    self._move_session(event.session)
                case Kept():
                    if self._kept(event) == self._file.size:
                        self._errand.rt.sleep(event.retry_after or 1.0)  # all there, and YouTube not done with it
        raise AssertionError("an upload ended without an answer")

    def _standing_session(self) -> Secret:
        assert self._session is not None
        return self._session

    def _kept(self, event: Kept) -> int:
        """Store how many bytes the server has, and where it wants the rest."""
        with self._errand.rt.store.transaction() as tx:
            uploads.keep(tx, self._errand.lease, event.offset)
            self._errand.heard(tx)
        if event.moved_to is not None:
            self._move_session(event.moved_to)
        self._errand.watch.stands(self._errand.job.job, event.offset)
        return event.offset

    def _move_session(self, session: Secret) -> None:
        with self._errand.rt.store.transaction() as tx:
            jobs.require(tx, self._errand.lease)
            secrets.keep(self._errand.rt, tx, Kind.UPLOAD_SESSION, self._errand.job.job, session)
        self._session = session

    def _kept_so_far(self) -> int:
        with self._errand.rt.store.reading() as tx:
            return uploads.get(tx, self._errand.job.job).kept

    def _session_gone(self, failure: UpstreamFailed) -> None:
        """The session is not known any more: forget it, and start again unless the video may exist."""
        with self._errand.rt.store.transaction() as tx:
            state = uploads.get(tx, self._errand.job.job)
            jobs.require(tx, self._errand.lease)
            forget(tx, Kind.UPLOAD_SESSION, self._errand.job.job)
            if state.last_sent_at is not None:
                return
            uploads.forget_session(tx, self._errand.lease)
        self._note = f"its session was gone after {state.kept:,} bytes; it was begun again, at another upload call"
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise failure
        self._errand.says(
            f"the session is gone after {state.kept:,} bytes; starting again, which costs another upload call",
        )

    def _unknown(self, failure: UpstreamFailed | None, hint: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"every byte of {self._file.path.name} may have arrived, and the answer did not: "
            "nobody can say yet whether the video exists",
            hint=f"{hint} (job {self._errand.job.job})",
            job=self._errand.job.job,
            reason=failure.reason if failure else "",
        )

    def _finish(self, resource: dict[str, Any]) -> None:
        """The video exists: store its id before anything else is done."""
        assert self._errand.placed is not None
        video_id = resource.get("id")
        if not isinstance(video_id, str) or not video_id:
            raise OutcomeUnknown(
                f"YouTube took {self._file.path.name} and named no video id",
                hint="type the same command again: the session is asked once more",
                job=self._errand.job.job,
            )
        channel_id = resource.get("snippet", {}).get("channelId")
        astray = channel_id not in (None, self._errand.placed.payer.channel_id)
        with self._errand.rt.store.transaction() as tx:
            jobs.move(tx, self._errand.lease, JobState.RUNNING, video_id=video_id)
            if astray:
                where = f"{video_id} is on channel {channel_id}"
                job_steps.move(tx, self._errand.job.job, UPLOAD, StepState.FAILED, where)
                why = f"its uploads go to channel {channel_id}"
                accounts.set_state(tx, self._errand.account, AccountState.LOGIN_NEEDED, why)
            else:
                job_steps.move(tx, self._errand.job.job, UPLOAD, StepState.DONE, video_id)
            forget(tx, Kind.UPLOAD_SESSION, self._errand.job.job)
            self._errand.heard(tx)
            activity.record(
                tx,
                self._errand.rt.rng,
                self._errand.placed.payer,
                activity.UPLOAD,
                Outcome.DONE,
                size=self._file.size - self._began_with,
                seconds=self._errand.rt.clock.monotonic() - self._began_at,
                job=self._errand.job.job,
            )
        if astray:
            raise WrongChannel(
                f"video {video_id} went to channel {channel_id}, and {self._errand.account} is for "
                f"{self._errand.placed.payer.channel_id}",
                hint=f"look at that video, then log in again: ytpool auth add {self._errand.account}",
                video_id=video_id,
            )

    def _last_byte_may_be_there(self) -> bool:
        with self._errand.rt.store.reading() as tx:
            return uploads.get(tx, self._errand.job.job).last_sent_at is not None


def _refuses_the_file(failure: UpstreamFailed) -> bool:
    """Tell YouTube's own refusal of the last bytes from a page of somebody in between, which proves nothing."""
    return failure.operation == "upload.final" and bool(failure.domain)
