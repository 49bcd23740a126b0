"""Stored browser sessions: whose, on which platform, and in what state. The cookies themselves are secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One stored session, without its cookies."""

    session: str
    user: str
    platform: str
    state: str
    reason: str
    cookies: int
    expires_at: datetime | None
    stored_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            session=row["session"],
            user=row["person"],
            platform=row["platform"],
            state=row["state"],
            reason=row["reason"],
            cookies=row["cookies"],
            expires_at=moments.parse_optional(row["expires_at"]),
            stored_at=moments.parse(row["stored_at"]),
        )


def every(tx: Tx) -> list[Session]:
    return [Session.from_row(row) for row in tx.all("SELECT * FROM sessions ORDER BY person, platform, stored_at")]


def with_digest(tx: Tx, user: str, platform: str, digest: str) -> Session | None:
    """Return the session that was stored from the very same file, if there is one."""
    row = tx.one(
        "SELECT * FROM sessions WHERE person = :user AND platform = :platform AND digest = :digest",
        user=user,
        platform=platform,
        digest=digest,
    )
    return None if row is None else Session.from_row(row)


def add(
    tx: Tx, session: str, *, user: str, platform: str, digest: str, cookies: int, expires_at: datetime | None
) -> None:
    tx.run(
        """
        INSERT INTO sessions (session, person, platform, state, digest, cookies, expires_at, stored_at)
        VALUES (:session, :user, :platform, 'active', :digest, :cookies, :expires_at, :at)
        """,
        session=session,
        user=user,
        platform=platform,
        digest=digest,
        cookies=cookies,
        expires_at=None if expires_at is None else moments.text(expires_at),
        at=tx.at,
    )
