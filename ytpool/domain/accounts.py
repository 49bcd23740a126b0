"""Accounts as values: one login of one project for one channel."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments, names, quota
from ytpool.errors import UsageWrong

CAPPED = (quota.UPLOADS, quota.COMMENTS)
"""What an account counts a day, and an operator may cap."""

TOKEN_LIVES_LONG_ENOUGH = timedelta(minutes=3, seconds=45)
"""A token with less life left is refreshed before it is used (the margin of Google's own library)."""


class AccountState(StrEnum):
    """Whether an account may be given work: the operator's word where there is one, else what its login is good for."""

    ACTIVE = "active"
    LOGIN_NEEDED = "login_needed"
    DRAINING = "draining"
    DISABLED = "disabled"


class Standing(StrEnum):
    """What the operator decided of an account."""

    ACTIVE = "active"
    DRAINING = "draining"
    """Nothing new begins; what was begun there is finished there."""
    DISABLED = "disabled"
    """Nothing is sent in its name."""


def label(name: str, value: str) -> tuple[str, str]:
    """Return a label that an account may have, or raise UsageWrong: both parts stand in commands and tables."""
    names.require(name, "a label")
    if "=" in name:
        raise UsageWrong(f"{name!r} cannot be a label's name", hint="a label is KEY=VALUE, and the key has no =")
    if not 0 < len(value) <= _LONGEST_LABEL or not value.isprintable() or not names.is_text(value):
        raise UsageWrong(
            f"{value!r} cannot be the value of label {name}",
            hint=f"1 to {_LONGEST_LABEL} letters on one line; to take a label off: --unlabel {name}",
        )
    return name, value


_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the state knows of an account; its secrets are elsewhere."""

    account: str
    project: str
    client_id: str
    channel_id: str
    """Empty as long as no login has told which channel it is."""
    channel_title: str
    tier: str
    standing: Standing
    standing_reason: str
    needs_login: bool
    login_reason: str
    """Why it needs a login, in Google's words."""
    priority: int
    slots: int
    scopes: tuple[str, ...]
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    logged_in_at: datetime | None
    """When its login was made; not known of logins that are older than this column."""
    logins: int
    """How many logins it was given by its OAuth client."""
    refreshed_at: datetime | None
    refresh_sent_at: datetime | None
    """Set while a refresh is under way, and after one whose answer nobody kept."""
    verified_at: datetime | None
    """When its login was last seen to speak for its channel."""
    created_at: datetime
    successes: int
    failures: int
    last_upload_at: datetime | None
    last_operation: str | None
    last_operation_at: datetime | None

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            account=row["account"],
            project=row["project"],
            client_id=row["client_id"],
            channel_id=row["channel_id"] or "",
            channel_title=row["channel_title"] or "",
            tier=row["tier"],
            standing=Standing(row["standing"]),
            standing_reason=row["standing_reason"],
            needs_login=row["state"] == AccountState.LOGIN_NEEDED,
            login_reason=row["state_reason"],
            priority=row["priority"],
            slots=row["slots"],
            scopes=tuple(row["scopes"].split()),
            token_expires_at=moments.parse_optional(row["token_expires_at"]),
            grant_expires_at=moments.parse_optional(row["grant_expires_at"]),
            logged_in_at=moments.parse_optional(row["logged_in_at"]),
            logins=row["logins"],
            refreshed_at=moments.parse_optional(row["refreshed_at"]),
            refresh_sent_at=moments.parse_optional(row["refresh_sent_at"]),
            verified_at=moments.parse_optional(row["verified_at"]),
            created_at=moments.parse(row["created_at"]),
            successes=row["successes"],
            failures=row["failures"],
            last_upload_at=moments.parse_optional(row["last_upload_at"]),
            last_operation=row["last_operation"],
            last_operation_at=moments.parse_optional(row["last_operation_at"]),
        )

    @property
    def state(self) -> AccountState:
        if self.standing is not Standing.ACTIVE:
            return AccountState(self.standing)
        return AccountState.LOGIN_NEEDED if self.needs_login else AccountState.ACTIVE

    @property
    def state_reason(self) -> str:
        return self.login_reason if self.standing is Standing.ACTIVE else self.standing_reason

    @property
    def success_rate(self) -> float:
        """The share of calls that worked; an account without history is trusted."""
        calls = self.successes + self.failures
        return self.successes / calls if calls else 1.0
