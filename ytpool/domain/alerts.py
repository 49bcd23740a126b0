"""Alerts: what somebody should look at, as a state machine. One cause is one alert, however often it is seen.

It opens when its cause is seen, escalates when the cause gets worse or lasts, and is resolved when the cause is gone.
Only what is news is told: a cause that gets better and worse again is not told of twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

THE_SAME_WITHIN = timedelta(minutes=10)
"""What comes back this soon after it was gone is the same alert still; nobody is told before that it was over."""


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    def is_at_least(self, other: "Severity") -> bool:
        return self.rank >= other.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class State(StrEnum):
    """Where an alert stands."""

    OPENED = "opened"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    """A person has said that they know of it: it is told of again only when it gets worse."""
    RESOLVED = "resolved"


class Event(StrEnum):
    """What targets are told of."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Kind(StrEnum):
    """What sort of thing is wrong; those that `todo` lists too have its words."""

    QUOTA = "quota"
    EXHAUSTED = "exhausted"
    DRIFT = "drift"
    RESTING = "resting"
    LOGIN_NEEDED = "login_needed"
    LOGIN_ENDS = "login_ends"
    SCOPE_MISSING = "scope_missing"
    UNVERIFIED = "unverified"
    CROWDED = "crowded"
    RESTORED = "restored"
    FILE_MISSING = "file_missing"
    LEAVING = "leaving"
    UPLOAD_FAILED = "upload_failed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ASTRAY = "astray"
    STEP_FAILED = "step_failed"
    DELETION = "deletion"
    QUEUE_STUCK = "queue_stuck"
    CHAIN_FAILED = "chain_failed"
    SESSION_BANNED = "session_banned"
    SESSION_EXPIRED = "session_expired"
    SESSION_ENDS = "session_ends"
    REFRESH_FAILED = "refresh_failed"
    MACHINE_SILENT = "machine_silent"
    HEALTH = "health"
    TARGET_DOWN = "target_down"


OF_HEALTH = frozenset({Kind.HEALTH})
"""What only looking at other servers and at this machine tells; everything else is found in the state."""
IN_THE_STATE = frozenset(Kind) - OF_HEALTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that is wrong now. The kind and the subject say whether it is the same as before."""

    kind: Kind
    subject: str
    title: str
    """What people call the subject."""
    severity: Severity
    message: str
    command: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an alert that is open has come."""

    opened_at: datetime
    worst: Severity
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an alert is after its cause was seen once more."""

    severity: Severity
    worst: Severity
    event: Event | None


def seen_again(
    standing: Standing, severity: Severity, now: datetime, *, escalates_after: timedelta | None = None
) -> Step:
    """Return the next state of an alert whose cause is there, this bad.

    A warning that nobody has acknowledged is critical once it has lasted; whatever it has come to, it is told once.
    """
    lasts = escalates_after is not None and now - standing.opened_at >= escalates_after
    if severity is Severity.WARNING and lasts and not standing.acknowledged:
        severity = Severity.CRITICAL
    worse = severity.rank > standing.worst.rank
    return Step(
        severity=severity,
        worst=severity if worse else standing.worst,
        event=Event.ESCALATED if worse else None,
    )
