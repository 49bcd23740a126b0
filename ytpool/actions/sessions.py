"""Browser sessions of many users in one safe place: found, opened, judged, given new content, and deleted.

What a person types to name one is `USER`, `USER@PLATFORM` or `USER@PLATFORM/NAME`, or its id. Whatever is done with
what was found takes the transaction that found it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from shlex import quote
from typing import Any

from ytpool.actions import secrets
from ytpool.domain import cookies, moments, platforms, sessions
from ytpool.domain.cookies import Login, StorageState
from ytpool.domain.names import require_words
from ytpool.domain.platforms import Platform
from ytpool.domain.secret import Secret
from ytpool.domain.sessions import Finding, SessionState
from ytpool.errors import (
    Interrupted,
    SecretDamaged,
    SessionBanned,
    SessionBusy,
    SessionExpired,
    SessionNotFound,
    SessionsInvalid,
    UsageWrong,
)
from ytpool.runtime import Runtime
from ytpool.store import activity, leases
from ytpool.store import secrets as sealed
from ytpool.store import sessions as stored
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import Holding, LeaseKind
from ytpool.store.ledger import Payer
from ytpool.store.secrets import Kind
from ytpool.store.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session with what it takes to be it: nothing of this is ever logged or printed by accident."""

    session: Session
    state: Mapping[str, Any] = field(repr=False)
    """A storage state, as Playwright's browsers take it."""
    proxy: Secret | None

    @property
    def user_agent(self) -> str:
        """What its browser called itself; empty where nobody said."""
        return self.session.user_agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A stored session, and who has it."""

    session: Session
    holder: str
    """Empty where it is free."""
    held_until: datetime | None
    number: int | None
    """Of its checkout, while somebody has it."""
    login: Login | None = None
    """What its cookies say, where somebody looked into the vault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    sessions: tuple[Seen, ...]


def list_sessions(rt: Runtime, which: str | None = None, state: SessionState | None = None) -> SessionList:
    """Return the stored sessions, all or those that somebody means, as they are now."""
    with rt.store.reading() as tx:
        found = stored.every(tx, idle_for(rt)) if which is None else meant(rt, tx, which)
        held = leases.holdings(tx, LeaseKind.SESSION)
        return SessionList(sessions=tuple(_seen(tx, held, one) for one in found if state in (None, one.state)))


def show(rt: Runtime, which: str) -> SessionList:
    """Return what is known of the sessions that somebody means, and of the cookies in them that matter."""
    rt.open_vault()
    with rt.store.reading() as tx:
        found = meant(rt, tx, which)
        held = leases.holdings(tx, LeaseKind.SESSION)
        return SessionList(
            sessions=tuple(
                replace(_seen(tx, held, one), login=login_of(opened(rt, tx, one).state, described(rt, one.platform)))
                for one in found
            )
        )


def _seen(tx: Tx, holdings: Mapping[str, Holding], session: Session) -> Seen:
    holding = holdings.get(session.session)
    if holding is None:
        return Seen(session=session, holder="", held_until=None, number=None)
    return Seen(session=session, holder=holding.holder, held_until=tx.now + holding.left, number=holding.lease.fence)


def described(rt: Runtime, platform: str) -> Platform:
    """Return what is known of a platform; the settings may say which cookies make a login there."""
    known = platforms.known(platform)
    marks = rt.config.platforms.get(known.name)
    return known if marks is None else replace(known, login=marks.cookies, start=known.start or marks.url)


def login_of(state: Mapping[str, Any], platform: Platform) -> Login:
    """Say what a storage state is worth at a platform."""
    return cookies.login(state["cookies"], platform)


def idle_for(rt: Runtime) -> timedelta:
    """Return how long a session may be left alone before it is expired."""
    return timedelta(days=rt.config.sessions.inactive_days)


def meant(rt: Runtime, tx: Tx, which: str) -> list[Session]:
    """Return the sessions that somebody means; raises SessionNotFound where there is none."""
    by_id = stored.get(tx, which, idle_for(rt))
    found = {} if by_id is None else {which: by_id}
    for reading in sessions.readings(which):
        found |= {one.session: one for one in stored.meant(tx, reading, idle_for(rt))}
    if not found:
        raise _not_found(rt, tx, which)
    return list(found.values())


def one(rt: Runtime, tx: Tx, which: str) -> Session:
    """Return the one session that somebody means; raises SessionNotFound, or UsageWrong where it could be several."""
    found = meant(rt, tx, which)
    if len(found) > 1:
        raise UsageWrong(
            f"{which} has {len(found)} sessions: {', '.join(f'{each.spoken} is {each.session}' for each in found)}",
            hint="name the one you mean by its id",
            sessions=[each.session for each in found],
        )
    return found[0]


def require_usable(session: Session) -> None:
    """Raise SessionBanned or SessionExpired unless a session may be worked with."""
    if session.state is SessionState.BANNED:
        raise SessionBanned(
            f"{session.spoken} is banned since {session.state_since:%Y-%m-%d %H:%M} UTC: {session.reason}",
            hint="log in yourself and look what the platform wants; then: "
            f"ytpool sessions mark {session.session} active; one that is lost for good goes with: "
            f"ytpool sessions delete {session.session}",
            session=session.session,
        )
    if session.state is SessionState.EXPIRED:
        raise SessionExpired(
            f"{session.spoken} is expired since {session.state_since:%Y-%m-%d %H:%M} UTC: {session.reason}",
            hint=f"bring new cookies in: ytpool sessions migrate --renew --file FILE --user {quote(session.user)} "
            f"--platform {quote(session.platform)}" + (f" --name {quote(session.name)}" if session.name else ""),
            session=session.session,
        )


def require_free(tx: Tx, *found: Session) -> None:
    """Raise SessionBusy while somebody has checked a session out: what they bring back would be written over."""
    holdings = {one.spoken: leases.holding(tx, LeaseKind.SESSION, one.session) for one in found}
    held = {spoken: one for spoken, one in holdings.items() if one is not None and one.left > timedelta(0)}
    if held:
        raise busy(tx, held)


def busy(tx: Tx, held: Mapping[str, Holding]) -> SessionBusy:
    """Say who has what was asked for, and until when at the longest."""
    soonest = tx.now + min(one.left for one in held.values())
    return SessionBusy(
        "; ".join(f"{spoken} is with {one.holder}" for spoken, one in held.items())
        + f", until {moments.spoken(soonest)} at the longest",
        hint="try again, or bring it back for its holder: ytpool sessions release, with the number that "
        "`ytpool sessions show` tells",
        until=soonest,
    )


def opened(rt: Runtime, tx: Tx, session: Session) -> Opened:
    """Take a session out of the vault; `rt.open_vault()` comes before the transaction."""
    content = secrets.read(rt, tx, Kind.BROWSER_SESSION, session.session)
    if content is None:
        raise SecretDamaged(
            f"the cookies of {session.spoken} are not in the vault",
            hint="run: ytpool state check; then bring the session in again",
            session=session.session,
        )
    return Opened(
        session=session,
        state=json.loads(content.reveal()),
        proxy=secrets.read(rt, tx, Kind.SESSION_PROXY, session.session),
    )


def mark(rt: Runtime, which: str, state: SessionState, reason: str, *, dry_run: bool = False) -> Session:
    """Put a session into a state because a person says so; only a person lifts a ban."""
    if not reason and state is not SessionState.ACTIVE:
        raise UsageWrong(f"a session is {state} for a reason, and none was said", hint="say it: --reason TEXT")
    if reason:
        require_words(reason, "the reason for a session's state")
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        session = one(rt, tx, which)
        if state is SessionState.ACTIVE and session.login_ends_at is not None and session.login_ends_at <= tx.now:
            require_usable(replace(session, state=SessionState.EXPIRED, reason=_OVER))
        stored.put_into(tx, session.session, state, reason)
        return _again(rt, tx, session)


_OVER = "its login is over, and only new cookies help"


def delete(
    rt: Runtime, which: Sequence[str], agrees: Callable[[Sequence[Session]], bool], *, dry_run: bool = False
) -> list[Session]:
    """Delete all the sessions that somebody means, with their cookies and proxies, once the person asked agrees.

    All or none: raises SessionBusy while somebody has checked one out. The vault need not open, because what goes is
    not read. The history keeps that it went, by its id: the person's name goes, too.
    """
    with rt.store.reading() as tx:
        found = {one.session: one for name in which for one in _of_one_user(rt, tx, name)}
        require_free(tx, *found.values())
    going = list(found.values())
    if dry_run:
        return going
    if not agrees(going):
        raise Interrupted("nothing was deleted")
    with rt.store.transaction() as tx:
        require_free(tx, *going)
        for session in going:
            if stored.remove(tx, session.session):  # else somebody else did, while the person was asked
                sealed.forget(tx, Kind.BROWSER_SESSION, session.session)
                sealed.forget(tx, Kind.SESSION_PROXY, session.session)
                activity.record(
                    tx,
                    rt.rng,
                    _NOBODY,
                    activity.SESSION_DELETED,
                    Outcome.DONE,
                    detail=f"{session.session}, of {session.platform}",
                    spare_score=True,
                )
    return going


_NOBODY = Payer(account="", project="", channel_id="")
"""A browser session is no account's."""


def _of_one_user(rt: Runtime, tx: Tx, which: str) -> list[Session]:
    """Return what is to go; raises UsageWrong where a name with an @ in it could be two people's."""
    found = meant(rt, tx, which)
    if len({one.user for one in found}) > 1:
        raise UsageWrong(
            f"{which} could be {' or '.join(f'{each.spoken} ({each.session})' for each in found)}",
            hint="name those that are to go by their ids",
            sessions=[each.session for each in found],
        )
    return found


def record(rt: Runtime, tx: Tx, session: Session, finding: Finding, detail: str = "") -> Session:
    """Write down what a look at a session found, and change its state where that is a sure sign.

    What was found in a content that has been replaced meanwhile says nothing any more, and is not written down.
    """
    now = stored.get(tx, session.session, idle_for(rt))
    if now is None or now.version != session.version:
        return now or session
    stored.looked_at(tx, session.session, finding, detail)
    state = sessions.after(now.state, finding)
    if state is not now.state:
        stored.put_into(tx, session.session, state, sessions.reason(finding, detail))
    return _again(rt, tx, session)


def use(tx: Tx, session: Session) -> None:
    """Write down that somebody works with a session now."""
    stored.used(tx, session.session)


def renew(rt: Runtime, tx: Tx, session: Session, content: StorageState, *, digest: str | None = None) -> Session:
    """Give a session new content, if that is a login: then an expired one is active again, and a ban stays.

    Raises SessionsInvalid, and leaves the old content, where the new one is no login of the session's platform. Whoever
    does not hold the session asks `require_free` in the same transaction. `digest` is that of a file that is to be
    known again.
    """
    platform = described(rt, session.platform)
    login = login_of(json.loads(content.content.reveal()), platform)
    require_login(login, platform)
    if login.ends_at is not None and login.ends_at <= tx.now:
        raise SessionsInvalid(f"its login at {session.platform} ended on {login.ends_at:%Y-%m-%d %H:%M} UTC")
    stored.replaced(
        tx,
        session.session,
        cookies=content.cookies,
        expires_at=content.expires_at,
        login_ends_at=login.ends_at,
        digest=digest,
    )
    secrets.keep(rt, tx, Kind.BROWSER_SESSION, session.session, content.content)
    if session.state is SessionState.EXPIRED:
        stored.put_into(tx, session.session, SessionState.ACTIVE, "")
    return _again(rt, tx, session)


def require_login(login: Login, platform: Platform) -> None:
    """Raise SessionsInvalid unless the cookies hold what a login at the platform takes."""
    if not login.belongs:
        raise SessionsInvalid(f"none of its cookies is of {' or '.join(platform.domains)}")
    if login.missing:
        raise SessionsInvalid(
            f"nobody is logged in at {platform.name} with it: it has no {', no '.join(login.missing)}"
        )


def _again(rt: Runtime, tx: Tx, session: Session) -> Session:
    found = stored.get(tx, session.session, idle_for(rt))
    assert found is not None
    return found


def _not_found(rt: Runtime, tx: Tx, which: str) -> SessionNotFound:
    known = [each.spoken for each in stored.every(tx, idle_for(rt))]
    close = get_close_matches(which, {*known, *(name.rpartition("@")[0] for name in known)}, n=1)
    return SessionNotFound(
        f"there is no session {which[:_LONGEST_SAID]!r}" + (f"; did you mean {close[0]}?" if close else ""),
        hint="see: ytpool sessions list; bring one in: ytpool sessions migrate --file FILE --user U --platform P",
    )


_LONGEST_SAID = 80
