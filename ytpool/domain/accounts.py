"""Accounts as values: one login of one project for one channel."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments


class AccountState(StrEnum):
    """Whether an account may be given work."""

    ACTIVE = "active"
    LOGIN_NEEDED = "login_needed"
    DRAINING = "draining"
    DISABLED = "disabled"


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
    state: AccountState
    state_reason: str
    priority: int
    slots: int
    scopes: tuple[str, ...]
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
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
            state=AccountState(row["state"]),
            state_reason=row["state_reason"],
            priority=row["priority"],
            slots=row["slots"],
            scopes=tuple(row["scopes"].split()),
            token_expires_at=moments.parse_optional(row["token_expires_at"]),
            grant_expires_at=moments.parse_optional(row["grant_expires_at"]),
            created_at=moments.parse(row["created_at"]),
            successes=row["successes"],
            failures=row["failures"],
            last_upload_at=moments.parse_optional(row["last_upload_at"]),
            last_operation=row["last_operation"],
            last_operation_at=moments.parse_optional(row["last_operation_at"]),
        )

    @property
    def success_rate(self) -> float:
        """The share of calls that worked; an account without history is trusted."""
        calls = self.successes + self.failures
        return self.successes / calls if calls else 1.0
