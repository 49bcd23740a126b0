"""Looking whether browser sessions are still logged in: one or a whole pool, side by side, each within seconds.

A session that somebody has checked out is left alone, and one that is looked at is nobody else's: two at once is what
platforms take for theft. What a platform renews while it is asked is kept, because the cookies before are void from
then on. A ban waits for a person, so a banned session is never asked.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from json import dumps
from queue import SimpleQueue

from ytpool.actions import sessions
from ytpool.actions.sessions import Opened
from ytpool.domain import cookies, markers, platforms
from ytpool.domain import sessions as rules
from ytpool.domain.markers import Judgement, Looked, Marks
from ytpool.domain.sessions import Finding, SessionState
from ytpool.errors import SessionNotFound, SessionsInvalid, SessionUnclear, SessionUnreached, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import leases
from ytpool.store import sessions as stored
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.sessions import Session

_HOLDER = "a check"
_SETTLES_WITHIN = timedelta(seconds=10)
"""How long a session stays ours after the time for its look is over."""
_OURS = 0.1
"""Seconds of each look's time that are kept for what is not the look itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """In which way sessions are looked at."""

    browser: bool = False
    parallel: int = 16
    within: float = 3.0
    """Seconds for one look, whatever the site does."""
    expired: bool = False
    """Ask for expired ones too; one that is logged in after all is active again."""
    dry_run: bool = False
    """Leave every session's state as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of one session."""

    session: str
    user: str
    platform: str
    name: str
    finding: Finding | None
    """None where nobody looked: it is banned or expired, and stays so, or somebody has it."""
    state: SessionState
    """As it is now; with a dry run, as it would be."""
    changed: bool
    """Its state is another one than before."""
    renewed: bool
    """The platform gave it new cookies, which are kept."""
    message: str
    seconds: float | None
    """How long the look took, where one was needed."""
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Begun:
    """A session that is being looked at."""

    opened: Opened
    marks: Marks
    lease: Lease | None


_Look = Callable[[_Begun], Looked]


def check(
    rt: Runtime,
    which: Sequence[str],
    platform: str | None,
    how: How,
    *,
    counted: Callable[[int, int], None] = lambda *_: None,
) -> list[Checked]:
    """Look at the sessions that are meant, or at all, on every platform or on one; return them in their order.

    `counted` is told how many are done, and of how many.
    """
    if not 1 <= how.parallel <= _MOST_AT_ONCE:
        raise UsageWrong(f"--parallel is a number from 1 to {_MOST_AT_ONCE}")
    if not _SHORTEST <= how.within <= _LONGEST:
        raise UsageWrong(f"--within is a number of seconds from {_SHORTEST:g} to {_LONGEST:g}")
    rt.open_vault()
    with rt.store.reading() as tx:
        found = _meant(rt, tx, which, platform)
    with _eyes(rt, how) as look:
        told = _Checking(rt, how, look, named=bool(which), counted=counted).go(found)
    return [told[one.session] for one in found]


_MOST_AT_ONCE = 200
_SHORTEST, _LONGEST = 0.5, 60.0


def _meant(rt: Runtime, tx: Tx, which: Sequence[str], platform: str | None) -> list[Session]:
    if which:
        found = {one.session: one for name in which for one in sessions.meant(rt, tx, name)}
    else:
        found = {one.session: one for one in stored.every(tx, sessions.idle_for(rt))}
    if platform is None:
        return list(found.values())
    own = [one for one in found.values() if one.platform == platforms.canonical(platform)]
    if not own:  # else a misspelt platform would look like a pool in good health
        raise SessionNotFound(f"there is no such session of {platform}", hint="see: ytpool sessions list")
    return own


@contextmanager
def _eyes(rt: Runtime, how: How) -> Iterator[_Look]:
    """Yield what looks: over HTTP, or in one browser for all."""

    def through(look: Callable[..., Looked]) -> _Look:
        return lambda begun: look(
            begun.marks,
            begun.opened.state,
            proxy=begun.opened.proxy,
            user_agent=begun.opened.user_agent,
            within=how.within - _OURS,
        )

    if not how.browser:
        yield through(rt.web_sessions.look)
        return
    with rt.browser() as browser:
        yield through(browser.look)


class _Checking:
    """A round over sessions: this thread keeps the books, the others look."""

    def __init__(self, rt: Runtime, how: How, look: _Look, *, named: bool, counted: Callable[[int, int], None]) -> None:
        self._rt = rt
        self._how = how
        self._look = look
        self._named = named
        self._counted = counted
        self._told: dict[str, Checked] = {}
        self._flying: list[_Begun] = []
        self._landed: SimpleQueue[tuple[_Begun, Looked | BaseException, float]] = SimpleQueue()

    def go(self, found: Sequence[Session]) -> dict[str, Checked]:
        """Look at each, and return by its id what was found."""
        waiting, landed = deque(found), list[tuple[_Begun, Looked, float]]()
        try:
            while waiting or self._flying:
                free = self._how.parallel - len(self._flying) + len(landed)
                begun: list[_Begun] = []
                with self._rt.store.transaction() as tx:
                    for one, looked, seconds in landed:
                        self._settle(tx, one, markers.judge(one.marks, looked.heard, looked.cookies), looked, seconds)
                    for _ in range(min(len(waiting), free)):
                        begun += filter(None, [self._begin(tx, waiting.popleft())])
                self._counted(len(self._told), len(found))
                for one, _, _ in landed:
                    self._flying.remove(one)
                for one in begun:
                    self._flying.append(one)
                    # Daemons: whoever presses Ctrl-C is not kept waiting by a platform that does not answer.
                    threading.Thread(target=self._fly, args=(one,), name="check", daemon=True).start()
                landed = list(self._come_back()) if self._flying else []
        finally:
            if self._flying:
                with self._rt.store.transaction() as tx:
                    leases.give_back(tx, filter(None, (one.lease for one in self._flying)))
        return self._told

    def _fly(self, one: _Begun) -> None:
        started = self._rt.clock.monotonic()
        looked: Looked | BaseException
        try:
            looked = self._look(one)
        except BaseException as defect:  # noqa: BLE001 -- it is raised in the thread that waits
            looked = defect
        self._landed.put((one, looked, self._rt.clock.monotonic() - started))

    def _come_back(self) -> Iterator[tuple[_Begun, Looked, float]]:
        """Wait for the next one, and yield it with all that are there by then."""
        while True:
            one, looked, seconds = self._landed.get()
            if isinstance(looked, BaseException):
                raise looked
            yield one, looked, seconds
            if self._landed.empty():
                return

    def _begin(self, tx: Tx, listed: Session) -> _Begun | None:
        """Take a session to be looked at; None where what is to be told of it is known already."""
        session = stored.get(tx, listed.session, sessions.idle_for(self._rt))
        if session is None:
            gone = SessionNotFound(f"{listed.spoken} was deleted meanwhile", hint="see: ytpool sessions list")
            self._tell(listed, None, gone if self._named else None, message=gone.message)
            return None
        if session.is_banned:
            self._tell(session, None, _why_unusable(session))
            return None
        try:
            sessions.require_free(tx, session)
        except YtpoolError as busy:
            self._tell(session, None, busy if self._named else None, message=busy.message)
            return None
        return self._take(tx, session)

    def _take(self, tx: Tx, session: Session) -> _Begun | None:
        """Take a session that is free; None where its cookies or its state say enough."""
        rt, how = self._rt, self._how
        marks = rt.config.platforms.get(session.platform) or markers.shipped(session.platform)
        marks = marks._replace(stays_here=rt.is_sandbox)
        try:
            opened = sessions.opened(rt, tx, session)
        except YtpoolError as damaged:
            self._tell(session, None, damaged, message=damaged.message)
            return None
        known = markers.beforehand(marks, opened.state["cookies"], tx.now.timestamp())
        if known is None and marks.is_out(marks.url):
            known = Judgement(Finding.UNCLEAR, "is not asked: the profile sandbox never leaves this machine")
        elif known is None and opened.proxy is not None and marks.is_out(opened.proxy.reveal()):
            words = "is not asked: its proxy is not on this machine, which this profile never leaves"
            known = Judgement(Finding.UNCLEAR, words)
        if known is not None and (known.finding is Finding.COOKIES_EXPIRED or session.is_usable or how.expired):
            self._settle(tx, _Begun(opened=opened, marks=marks, lease=None), known, None, None)
            return None
        if not session.is_usable and not how.expired:
            self._tell(session, None, _why_unusable(session))
            return None
        lease, holding = None, leases.holding(tx, LeaseKind.SESSION, session.session)
        if holding is None or holding.given_back:
            # Else somebody is late with it, and may still bring it back under the number that is theirs.
            lasts_for = timedelta(seconds=how.within) + _SETTLES_WITHIN
            lease = leases.take(tx, LeaseKind.SESSION, session.session, holder=_HOLDER, lasts_for=lasts_for)
        return _Begun(opened=opened, marks=marks, lease=lease)

    def _settle(
        self, tx: Tx, begun: _Begun, judgement: Judgement, looked: Looked | None, seconds: float | None
    ) -> None:
        """Write down what a look found, keep what the platform renewed, and give the session back."""
        before = session = begun.opened.session
        renewed = False
        if looked is not None and judgement.finding is Finding.ALIVE:
            session, renewed = self._keep_renewed(tx, begun, looked)
        if self._how.dry_run:
            state = rules.after(session.state, judgement.finding)
            if state is not session.state:
                reason = rules.reason(judgement.finding, judgement.words)
                session = replace(session, state=state, reason=reason, state_since=tx.now)
        else:
            session = sessions.record(self._rt, tx, session, judgement.finding, judgement.words)
        if begun.lease is not None:
            leases.give_back(tx, [begun.lease])
        self._tell(
            session,
            judgement.finding,
            _problem(session, judgement, begun.marks, in_browser=self._how.browser),
            before=before.state,
            message=judgement.words,
            seconds=seconds,
            renewed=renewed,
        )

    def _keep_renewed(self, tx: Tx, begun: _Begun, looked: Looked) -> tuple[Session, bool]:
        opened = begun.opened
        now = markers.renewed(begun.marks, opened.state["cookies"], looked.cookies)
        current = stored.get(tx, opened.session.session, sessions.idle_for(self._rt))
        if now is None or current is None or current.version != opened.session.version:
            return opened.session, False
        try:
            content = cookies.read(dumps({**opened.state, "cookies": now}))
            return sessions.renew(self._rt, tx, current, content), True
        except SessionsInvalid:  # what came is no login by itself; the stored one has just proved to be one
            return opened.session, False

    def _tell(
        self,
        session: Session,
        finding: Finding | None,
        problem: YtpoolError | None,
        *,
        before: SessionState | None = None,
        message: str = "",
        seconds: float | None = None,
        renewed: bool = False,
    ) -> None:
        self._told[session.session] = Checked(
            session=session.session,
            user=session.user,
            platform=session.platform,
            name=session.name,
            finding=finding,
            state=session.state,
            changed=before not in (None, session.state),
            renewed=renewed,
            message=message or session.reason,
            seconds=None if seconds is None else round(seconds, 3),
            problem=problem,
        )


def _why_unusable(session: Session) -> YtpoolError | None:
    try:
        sessions.require_usable(session)
    except YtpoolError as problem:
        return problem
    return None


def _problem(session: Session, judgement: Judgement, marks: Marks, *, in_browser: bool) -> YtpoolError | None:
    if judgement.finding is Finding.NETWORK:
        return SessionUnreached(
            f"{session.spoken} {judgement.words}",
            hint="look at this machine's network, and at the session's proxy; its state is as it was",
            session=session.session,
        )
    if judgement.finding is Finding.UNCLEAR:
        return SessionUnclear(
            f"{session.spoken}: {judgement.words}",
            hint=_clearer(marks, in_browser=in_browser),
            session=session.session,
        )
    return _why_unusable(session)


def _clearer(marks: Marks, *, in_browser: bool) -> str:
    """Say how more could be known of a session that is unclear."""
    if not marks.url:
        return f"name one in config.toml: [platforms.{marks.name}] url = 'https://…'"
    if marks.stays_here:
        return "ask from a --profile that may leave this machine; its state is as it was"
    return f"look yourself{'' if in_browser else ', or ask with --browser'}; its state is as it was"
