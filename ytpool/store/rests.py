"""Times of rest: until when something takes no work, why, and what lifts it. Rests only ever get longer.

What is kept here has a reason that is known. What rests because it failed too often is a guess, and a breaker's
(`store/breakers`); whoever asks what rests is told of both.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments
from ytpool.errors import OutOfService
from ytpool.store import projects
from ytpool.store.db import Tx

YOUTUBE = "youtube"
"""The service that every call of a YouTube account draws on."""

OAUTH = "oauth"
"""The service that refreshes tokens; a call whose token still lives does without."""

LOGINS = "logins"
"""What of an account rests when only its token cannot be refreshed."""


class Scope(StrEnum):
    """What rests. Everything and a pool rest by an operator's `pause`, which stops writes and lets reads go on."""

    EVERYTHING = "everything"
    POOL = "pool"
    SERVICE = "service"
    PROJECT = "project"
    CHANNEL = "channel"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """One rest; `until` is None where only a person can lift it, `bucket` is empty where all of it rests."""

    scope: Scope
    name: str
    bucket: str
    since: datetime
    until: datetime | None
    reason: str
    lifts: str
    guessed: bool

    @property
    def is_pause(self) -> bool:
        return self.scope in (Scope.EVERYTHING, Scope.POOL)

    @property
    def words(self) -> str:
        """What rests and why, as an operator would say it."""
        if self.is_pause:
            return f"{f'pool {self.name}' if self.scope is Scope.POOL else 'everything'} is paused: {self.reason}"
        return f"resting ({self.scope}): {self.reason}"

    @property
    def shown(self) -> str:
        """What of it rests, until when and why, as an operator would say it."""
        until = "a person acts" if self.until is None else moments.spoken(self.until)
        return f"{self.bucket or 'everything'} until {until}: {self.reason}"

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            scope=Scope(row["scope"]),
            name=row["name"],
            bucket=row["bucket"],
            since=moments.parse(row["since"]),
            until=moments.parse_optional(row["until"]),
            reason=row["reason"],
            lifts=row["lifts"],
            guessed=bool(row["guessed"]),
        )


def rest(
    tx: Tx,
    scope: Scope,
    name: str,
    *,
    reason: str,
    lifts: str,
    until: datetime | None,
    bucket: str = "",
    guessed: bool = False,
) -> None:
    """Let something rest; a shorter rest never replaces a longer one that still runs.

    One that is prolonged has rested since it began; one that had ended begins anew.
    """
    if scope is Scope.PROJECT:
        name = projects.current(tx, name)
    tx.run(
        """
        INSERT INTO rests (scope, name, bucket, since, until, reason, lifts, guessed)
        VALUES (:scope, :name, :bucket, :at, :until, :reason, :lifts, :guessed)
        ON CONFLICT (scope, name, bucket) DO UPDATE
           SET since = CASE WHEN rests.until > :at THEN rests.since ELSE excluded.since END,
               until = excluded.until, reason = excluded.reason, lifts = excluded.lifts, guessed = excluded.guessed
         WHERE rests.until IS NOT NULL AND (excluded.until IS NULL OR rests.until < excluded.until)
        """,
        scope=scope,
        name=name,
        bucket=bucket,
        at=tx.at,
        until=None if until is None else moments.text(until),
        reason=reason,
        lifts=lifts,
        guessed=int(guessed),
    )


def lift(tx: Tx, scope: Scope, name: str, bucket: str = "") -> bool:
    """End a rest; False when there was none."""
    return bool(
        tx.run(
            "DELETE FROM rests WHERE scope = :scope AND name = :name AND bucket = :bucket",
            scope=scope,
            name=name,
            bucket=bucket,
        )
    )


def begin_by(tx: Tx, now: datetime) -> None:
    """Let rests that began by a clock that was ahead begin now: each lasts for as long as it was meant to."""
    for rest in (Rest.from_row(row) for row in tx.all("SELECT * FROM rests WHERE since > :now", now=moments.text(now))):
        until = None if rest.until is None else moments.text(now + (rest.until - rest.since))
        tx.run(
            """
            UPDATE rests SET since = :now, until = :until
             WHERE scope = :scope AND name = :name AND bucket = :bucket
            """,
            now=moments.text(now),
            until=until,
            scope=rest.scope,
            name=rest.name,
            bucket=rest.bucket,
        )


def running(tx: Tx) -> list[Rest]:
    """Return every rest that has not ended, the soonest to end first, those for a person last."""
    rows = tx.all(f"SELECT * FROM resting WHERE until IS NULL OR until > :at {_SOONEST_FIRST}", at=tx.at)
    return [Rest.from_row(row) for row in rows]


def pauses(tx: Tx) -> list[Rest]:
    """Return what an operator has paused, everything first."""
    return sorted((one for one in running(tx) if one.is_pause), key=lambda one: one.name)


def ever(tx: Tx) -> list[Rest]:
    """Return also those that have ended and were not needed again since."""
    return [Rest.from_row(row) for row in tx.all(f"SELECT * FROM resting {_SOONEST_FIRST}")]


_SOONEST_FIRST = "ORDER BY until IS NULL, until, scope, name, bucket"


def in_the_way(tx: Tx, *, account: str, project: str, channel_id: str, buckets: Collection[str]) -> Rest | None:
    """Return a rest that forbids this call now, the longest first, or None; a pause is asked by `require_unpaused`."""
    rows = tx.all(
        """
        SELECT * FROM resting
         WHERE (until IS NULL OR until > :at)
           AND ((scope = 'service' AND name = :service)
                OR (scope = 'account' AND name = :account)
                OR (scope = 'project' AND name = :project)
                OR (scope = 'channel' AND name = :channel_id))
         ORDER BY until IS NOT NULL, until DESC, scope, bucket
        """,
        at=tx.at,
        service=YOUTUBE,
        account=account,
        project=project,
        channel_id=channel_id,
    )
    return next((Rest.from_row(row) for row in rows if row["bucket"] in ("", *buckets)), None)


def require_unpaused(tx: Tx, *, account: str = "", pool: str = "") -> None:
    """Raise OutOfService while an operator has paused everything, this pool, or a pool with this account."""
    row = tx.one(
        """
        SELECT * FROM rests
         WHERE (until IS NULL OR until > :at)
           AND (scope = 'everything'
                OR (scope = 'pool' AND (name = :pool
                                        OR name IN (SELECT pool FROM pool_members WHERE account = :account))))
         ORDER BY scope LIMIT 1
        """,
        at=tx.at,
        account=account,
        pool=pool,
    )
    if row is not None:
        found = Rest.from_row(row)
        hint = f"to let it go on: {found.lifts}; then `ytpool upload --resume`, or what `ytpool queue list` says"
        raise OutOfService(found.words, hint=hint, scope=found.scope, name=found.name, since=found.since)
