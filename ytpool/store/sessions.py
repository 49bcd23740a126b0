"""Stored browser sessions: whose, on which platform, and in what state. The cookies themselves are secrets.

A session expires by itself: its login ends, or nobody uses it. Whoever reads sees that at its moment (`inactive_for` is
how long one may lie idle), and `lapse` writes it down later.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from ytpool.domain import moments, sessions
from ytpool.domain.sessions import Finding, Reading, SessionState
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One stored session, without its cookies."""

    session: str
    user: str
    platform: str
    name: str
    """Tells several of a user's sessions on one platform apart; the first needs none."""
    state: SessionState
    reason: str
    state_since: datetime
    cookies: int
    expires_at: datetime | None
    """When the first of its cookies ends."""
    login_ends_at: datetime | None
    """From then on nobody is logged in with it; None where its cookies do not say."""
    user_agent: str
    has_proxy: bool
    stored_at: datetime
    changed_at: datetime
    """When its content was last replaced, or stored."""
    used_at: datetime | None
    checked_at: datetime | None
    found: str
    """What the last look found, as a `Finding`; empty where nobody looked."""
    found_detail: str
    version: int
    """Of its content, raised by every replacement."""

    @classmethod
    def from_row(cls, row: Any) -> Self:
        stored_at = moments.parse(row["stored_at"])
        return cls(
            session=row["session"],
            user=row["person"],
            platform=row["platform"],
            name=row["name"],
            state=SessionState(row["state"]),
            reason=row["reason"],
            state_since=moments.parse_optional(row["state_since"]) or stored_at,
            cookies=row["cookies"],
            expires_at=moments.parse_optional(row["expires_at"]),
            login_ends_at=moments.parse_optional(row["login_ends_at"]),
            user_agent=row["user_agent"],
            has_proxy=bool(row["has_proxy"]),
            stored_at=stored_at,
            changed_at=moments.parse_optional(row["changed_at"]) or stored_at,
            used_at=moments.parse_optional(row["used_at"]),
            checked_at=moments.parse_optional(row["checked_at"]),
            found=row["found"],
            found_detail=row["found_detail"],
            version=row["version"],
        )

    @property
    def spoken(self) -> str:
        """Name it as it is typed: `anna@instagram`, `anna@instagram/2`."""
        return sessions.spoken(self.user, self.platform, self.name)

    @property
    def is_usable(self) -> bool:
        return self.state is SessionState.ACTIVE

    @property
    def is_banned(self) -> bool:
        return self.state is SessionState.BANNED

    @property
    def active_at(self) -> datetime:
        """When somebody last had to do with it: used it, replaced its content, or put it into its state."""
        return max(self.changed_at, self.state_since, self.used_at or self.stored_at)

    def as_of(self, now: datetime, inactive_for: timedelta) -> "Session":
        """Return it as it is at a moment: what is over or idle for too long is expired, written down or not."""
        if self.state is not SessionState.ACTIVE:
            return self
        reason = sessions.lapsed(
            now, login_ends_at=self.login_ends_at, active_at=self.active_at, inactive_for=inactive_for
        )
        if not reason:
            return self
        since = min(filter(None, (self.login_ends_at, self.active_at + inactive_for)))
        return replace(self, state=SessionState.EXPIRED, reason=reason, state_since=since)


_SELECT = f"""
    SELECT sessions.*,
           EXISTS (SELECT 1 FROM secrets WHERE kind = '{Kind.SESSION_PROXY}' AND owner = sessions.session) AS has_proxy
      FROM sessions
"""


def every(tx: Tx, inactive_for: timedelta) -> list[Session]:
    rows = tx.all(f"{_SELECT} ORDER BY person, platform, stored_at, session")
    return [Session.from_row(row).as_of(tx.now, inactive_for) for row in rows]


def banned(tx: Tx) -> list[Session]:
    """Return the sessions whose platform has shut them out, the longest first."""
    rows = tx.all(f"{_SELECT} WHERE state = 'banned' ORDER BY coalesce(state_since, stored_at), session")
    return [Session.from_row(row) for row in rows]


def get(tx: Tx, session: str, inactive_for: timedelta) -> Session | None:
    """Return a session by its id."""
    row = tx.one(f"{_SELECT} WHERE session = :session", session=session)
    return None if row is None else Session.from_row(row).as_of(tx.now, inactive_for)


def meant(tx: Tx, reading: Reading, inactive_for: timedelta) -> list[Session]:
    """Return the sessions that one reading of what was typed means, the oldest first."""
    rows = tx.all(
        f"""
        {_SELECT}
         WHERE person = :user AND (:any_platform = 1 OR platform = :platform) AND (:any_name = 1 OR name = :name)
         ORDER BY platform, stored_at, session
        """,
        user=reading.user,
        platform=reading.platform or "",
        any_platform=int(reading.platform is None),
        name=reading.name or "",
        any_name=int(reading.name is None),
    )
    return [Session.from_row(row).as_of(tx.now, inactive_for) for row in rows]


def with_digest(tx: Tx, user: str, platform: str, digest: str, inactive_for: timedelta) -> Session | None:
    """Return the session that was stored from the very same file, if there is one."""
    row = tx.one(
        f"{_SELECT} WHERE person = :user AND platform = :platform AND digest = :digest",
        user=user,
        platform=platform,
        digest=digest,
    )
    return None if row is None else Session.from_row(row).as_of(tx.now, inactive_for)


def names(tx: Tx, user: str, platform: str) -> list[str]:
    """Return what the sessions of a user on a platform are called."""
    rows = tx.all(
        "SELECT name FROM sessions WHERE person = :user AND platform = :platform", user=user, platform=platform
    )
    return [row["name"] for row in rows]


def add(
    tx: Tx,
    session: str,
    *,
    user: str,
    platform: str,
    name: str,
    digest: str,
    cookies: int,
    expires_at: datetime | None,
    login_ends_at: datetime | None,
) -> None:
    tx.run(
        """
        INSERT INTO sessions (session, person, platform, name, state, state_since, digest, cookies, expires_at,
                              login_ends_at, stored_at)
        VALUES (:session, :user, :platform, :name, 'active', :at, :digest, :cookies, :expires_at,
                :login_ends_at, :at)
        """,
        session=session,
        user=user,
        platform=platform,
        name=name,
        digest=digest,
        cookies=cookies,
        expires_at=_text(expires_at),
        login_ends_at=_text(login_ends_at),
        at=tx.at,
    )


def set_user_agent(tx: Tx, session: str, user_agent: str) -> None:
    tx.run(
        "UPDATE sessions SET user_agent = :user_agent WHERE session = :session", session=session, user_agent=user_agent
    )


def replaced(
    tx: Tx,
    session: str,
    *,
    cookies: int,
    expires_at: datetime | None,
    login_ends_at: datetime | None,
    digest: str | None = None,
) -> None:
    """Write down what the new content of a session says of itself."""
    tx.run(
        """
        UPDATE sessions
           SET cookies = :cookies, expires_at = :expires_at, login_ends_at = :login_ends_at, changed_at = :at,
               version = version + 1, digest = coalesce(:digest, digest)
         WHERE session = :session
        """,
        session=session,
        cookies=cookies,
        expires_at=_text(expires_at),
        login_ends_at=_text(login_ends_at),
        digest=digest,
        at=tx.at,
    )


def put_into(tx: Tx, session: str, state: SessionState, reason: str, *, since: datetime | None = None) -> None:
    """Put a session into a state, from this moment on or from an earlier one."""
    tx.run(
        "UPDATE sessions SET state = :state, reason = :reason, state_since = :since WHERE session = :session",
        session=session,
        state=state,
        reason=reason,
        since=_text(since or tx.now),
    )


def looked_at(tx: Tx, session: str, finding: Finding, detail: str) -> None:
    """Write down what a look at a session found, whatever that says of its state."""
    tx.run(
        "UPDATE sessions SET checked_at = :at, found = :finding, found_detail = :detail WHERE session = :session",
        session=session,
        finding=finding,
        detail=detail,
        at=tx.at,
    )


def used(tx: Tx, session: str) -> None:
    """Write down that somebody works with a session."""
    tx.run("UPDATE sessions SET used_at = :at WHERE session = :session", session=session, at=tx.at)


def remove(tx: Tx, session: str) -> bool:
    """Forget a session, without its secrets; False where it is gone already."""
    return tx.run("DELETE FROM sessions WHERE session = :session", session=session) == 1


def lapse(tx: Tx, inactive_for: timedelta) -> int:
    """Write down which sessions have expired by themselves; returns how many."""
    rows = tx.all(
        f"""
        {_SELECT}
         WHERE state = 'active'
           AND (login_ends_at <= :at
                OR (stored_at <= :idle AND coalesce(used_at, '') <= :idle AND coalesce(state_since, '') <= :idle
                    AND coalesce(changed_at, '') <= :idle))
        """,
        at=tx.at,
        idle=moments.text(tx.now - inactive_for),
    )
    lapsed = [Session.from_row(row).as_of(tx.now, inactive_for) for row in rows]
    for session in lapsed:
        put_into(tx, session.session, session.state, session.reason, since=session.state_since)
    return len(lapsed)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moments.text(moment)
