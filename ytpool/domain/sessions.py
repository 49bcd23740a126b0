"""What a browser session may be, what a look at it may find, and what that says of its state. Only a sure sign says
anything, and a ban waits for a person.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ytpool.domain import platforms
from ytpool.errors import UsageWrong


class SessionState(StrEnum):
    """Whether a session may be used."""

    ACTIVE = "active"
    EXPIRED = "expired"
    BANNED = "banned"


class Finding(StrEnum):
    """What a look at a session found."""

    ALIVE = "alive"
    LOGGED_OUT = "logged_out"
    COOKIES_EXPIRED = "cookies_expired"
    ROTATED = "rotated"
    """The platform has changed its cookies elsewhere, and these are void."""
    CHECKPOINT = "checkpoint"
    """The platform asks for a person, or has shut the account out."""
    NETWORK = "network"
    UNCLEAR = "unclear"


class Outcome(StrEnum):
    """What somebody says who worked with a session."""

    OK = "ok"
    EXPIRED = "expired"
    BANNED = "banned"


SAYS: Mapping[Finding, SessionState] = {
    Finding.ALIVE: SessionState.ACTIVE,
    Finding.LOGGED_OUT: SessionState.EXPIRED,
    Finding.COOKIES_EXPIRED: SessionState.EXPIRED,
    Finding.ROTATED: SessionState.EXPIRED,
    Finding.CHECKPOINT: SessionState.BANNED,
}
"""The state that a sure sign proves; what is not here proves nothing."""


REASONS: Mapping[Finding, str] = {
    Finding.LOGGED_OUT: "logged out",
    Finding.COOKIES_EXPIRED: "its cookies have ended",
    Finding.ROTATED: "its cookies were replaced elsewhere",
    Finding.CHECKPOINT: "the platform asks for a person, or has shut the account out",
}
"""Why a session is in the state that a finding proves."""


def reason(finding: Finding, detail: str) -> str:
    """Say why a session is in the state that a finding proves."""
    return ": ".join(filter(None, (REASONS.get(finding, ""), detail)))


def after(state: SessionState, finding: Finding) -> SessionState:
    """Return the state after a look: a ban stays until a person lifts it."""
    return state if state is SessionState.BANNED else SAYS.get(finding, state)


def lapsed(now: datetime, *, login_ends_at: datetime | None, active_at: datetime, inactive_for: timedelta) -> str:
    """Say why an active session is expired by itself; empty where it is not."""
    if login_ends_at is not None and login_ends_at <= now:
        return f"its login ended on {login_ends_at:%Y-%m-%d}"
    if active_at + inactive_for <= now:
        return f"not used for {inactive_for.days} days"
    return ""


class Reading(NamedTuple):
    """One way to understand what somebody typed; None leaves it open."""

    user: str
    platform: str | None = None
    name: str | None = None


def readings(typed: str) -> tuple[Reading, ...]:
    """Return what `USER`, `USER@PLATFORM` or `USER@PLATFORM/NAME` may mean; a user's own name may have an @ in it."""
    which = unicodedata.normalize("NFC", typed)
    whole = Reading(which)
    user, at, rest = which.rpartition("@")
    if not at or not user:
        return (whole,)
    platform, slash, name = rest.partition("/")
    return (whole, Reading(user, platforms.canonical(platform), name if slash else None))


def spoken(user: str, platform: str, name: str) -> str:
    """Write which session is meant, as `readings` reads it."""
    return f"{user}@{platform}/{name}" if name else f"{user}@{platform}"


LONGEST_NAME = 200


def require_name(name: str, what: str) -> str:
    """Return a user's, a platform's or a session's name in its one spelling; raises UsageWrong where it cannot be one.

    Any script will do. Names are typed, printed and put into addresses of ours, so none holds what a terminal obeys,
    what turns the direction of writing, or a slash.
    """
    spelled = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(spelled) <= LONGEST_NAME:
        raise UsageWrong(f"the {what} {name[:40]!r} has {len(name)} letters", hint=f"1 to {LONGEST_NAME} will do")
    if (
        not spelled.translate(_JOINERS).isprintable()
        or any(sign in "/\\" for sign in spelled)
        or not spelled.strip(".")
    ):
        raise UsageWrong(
            f"{ascii(name)[:80]} cannot be a {what}",
            hint="letters of any script will do; slashes, control characters and names of dots alone will not",
        )
    return spelled


_JOINERS = {0x200C: None, 0x200D: None}
"""Signs without a width that some scripts spell with."""


def require_platform(name: str) -> str:
    """Return the name under which a platform's sessions are kept; any name will do."""
    spelled = platforms.canonical(require_name(name, "platform"))
    if "@" in spelled:
        raise UsageWrong(f"{spelled!r} cannot be a platform: after the @ of USER@PLATFORM there is none")
    return spelled
