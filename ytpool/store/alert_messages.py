"""What is to be told of alerts, and the messages that tell it. Moments are the machine's, not quota time.

A target has one message on its way at a time; what becomes news meanwhile waits for the next.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from ytpool.domain import ids, moments
from ytpool.domain.alerts import Event, Severity
from ytpool.store.alerts import Alert, Change
from ytpool.store.db import Tx

if TYPE_CHECKING:
    import random


class State(StrEnum):
    """Where a message stands."""

    SENDING = "sending"
    """It was written down, and nobody has heard that it arrived."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What waits to be told of an alert."""

    notice: str
    event: Event
    severity: Severity
    since: datetime
    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one target."""

    message: str
    target: str
    state: State
    content: Mapping[str, Any]
    written_at: datetime
    attempts: int
    not_before: datetime
    ended_at: datetime | None
    reason: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            message=row["message"],
            target=row["target"],
            state=State(row["state"]),
            content=json.loads(row["content"]),
            written_at=moments.parse(row["written_at"]),
            attempts=row["attempts"],
            not_before=moments.parse(row["not_before"]),
            ended_at=moments.parse_optional(row["ended_at"]),
            reason=row["reason"],
        )


def notify(tx: Tx, target: str, change: Change, now: datetime, rng: "random.Random") -> None:
    """Let what has become of an alert wait to be told; what waits already is told as it stands then.

    That something is over is told to those who were or will be told that it began. What a target believes already is
    not told again: what is back before anybody was told that it was over was never gone, unless it is worse now.
    """
    event, believed, ever = change.event, None, False
    for row in tx.all(
        """
        SELECT event, severity FROM alert_notices
         WHERE alert = :alert AND target = :target AND message IS NOT NULL ORDER BY notice
        """,
        alert=change.alert,
        target=target,
    ):
        ever, severity = True, Severity(row["severity"])
        if row["event"] == Event.RESOLVED:
            believed = None
        elif believed is None or not believed.is_at_least(severity):
            believed = severity
    waits = tx.one(
        "SELECT event FROM alert_notices WHERE alert = :alert AND target = :target AND message IS NULL",
        alert=change.alert,
        target=target,
    )
    if event is Event.RESOLVED:
        is_news = believed is not None or (waits is not None and not ever)
    else:
        is_news = believed is None or not believed.is_at_least(change.severity)
        if believed is not None:
            event = Event.ESCALATED
    if not is_news:
        tx.run(
            "DELETE FROM alert_notices WHERE alert = :alert AND target = :target AND message IS NULL",
            alert=change.alert,
            target=target,
        )
        return
    tx.run(
        """
        INSERT INTO alert_notices (notice, alert, target, event, severity, since)
        VALUES (:notice, :alert, :target, :event, :severity, :since)
        ON CONFLICT (target, alert) WHERE message IS NULL DO UPDATE
           SET event = excluded.event, severity = excluded.severity,
               since = CASE WHEN excluded.event = 'resolved' THEN excluded.since ELSE alert_notices.since END
        """,
        notice=ids.new(now, rng),
        alert=change.alert,
        target=target,
        event=event,
        severity=change.severity,
        since=moments.text(now),
    )


def waiting(tx: Tx, target: str) -> list[Notice]:
    """Return what a target is to be told, the worst first and of that the oldest."""
    rows = tx.all(
        """
        SELECT n.notice, n.event, n.severity AS told_severity, n.since, a.*
          FROM alert_notices n JOIN alerts a ON a.alert = n.alert
         WHERE n.target = :target AND n.message IS NULL ORDER BY n.since, n.notice
        """,
        target=target,
    )
    found = [
        Notice(
            notice=row["notice"],
            event=Event(row["event"]),
            severity=Severity(row["told_severity"]),
            since=moments.parse(row["since"]),
            alert=Alert.from_row(row),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.event is Event.RESOLVED, -one.severity.rank))


def count_waiting(tx: Tx, target: str) -> int:
    row = tx.one("SELECT count(*) AS notices FROM alert_notices WHERE target = :t AND message IS NULL", t=target)
    return int(row["notices"])


def under_way(tx: Tx, target: str) -> Message | None:
    """Return the message of a target that has not come to an end."""
    row = tx.one("SELECT * FROM alert_messages WHERE target = :t AND state = 'sending'", t=target)
    return None if row is None else Message.from_row(row)


def latest(tx: Tx, target: str) -> Message | None:
    """Return a target's last message."""
    row = tx.one(
        "SELECT * FROM alert_messages WHERE target = :t ORDER BY written_at DESC, message DESC LIMIT 1", t=target
    )
    return None if row is None else Message.from_row(row)


def given_up(tx: Tx, target: str) -> Message | None:
    """Return a target's last message that came to an end, if it was given up."""
    row = tx.one(
        """
        SELECT * FROM alert_messages
         WHERE target = :t AND state <> 'sending' ORDER BY written_at DESC, message DESC LIMIT 1
        """,
        t=target,
    )
    return Message.from_row(row) if row is not None and row["state"] == State.GIVEN_UP else None


def hurry(tx: Tx, target: str, now: datetime) -> None:
    """Let the next attempt at a target's message be made now: it was reached by other means."""
    tx.run(
        "UPDATE alert_messages SET not_before = :at WHERE target = :target AND state = 'sending'",
        target=target,
        at=moments.text(now),
    )


def delivered_at(tx: Tx, target: str) -> datetime | None:
    """Return when a target was last reached."""
    row = tx.one("SELECT max(ended_at) AS at FROM alert_messages WHERE target = :t AND state = 'delivered'", t=target)
    return moments.parse_optional(row["at"])


def count_since(tx: Tx, target: str, since: datetime) -> int:
    """Count the messages that were written to a target since then."""
    row = tx.one(
        "SELECT count(*) AS messages FROM alert_messages WHERE target = :target AND written_at > :since",
        target=target,
        since=moments.text(since),
    )
    return int(row["messages"])


def write(
    tx: Tx, message: str, target: str, content: Mapping[str, Any], notices: Iterable[Notice], now: datetime
) -> None:
    """Write a message down before it is sent, and that these notices are told by it."""
    tx.run(
        """
        INSERT INTO alert_messages (message, target, state, content, written_at, not_before)
        VALUES (:message, :target, 'sending', :content, :at, :at)
        """,
        message=message,
        target=target,
        content=json.dumps(content, ensure_ascii=False),
        at=moments.text(now),
    )
    tx.many(
        "UPDATE alert_notices SET message = :message WHERE notice = :notice",
        [{"message": message, "notice": one.notice} for one in notices],
    )


def begin(tx: Tx, message: str, not_before: datetime) -> int:
    """Write down that an attempt is about to be made, and when the next may be; returns its number."""
    row = tx.one(
        """
        UPDATE alert_messages SET attempts = attempts + 1, not_before = :not_before
         WHERE message = :message RETURNING attempts
        """,
        message=message,
        not_before=moments.text(not_before),
    )
    return int(row["attempts"])


def end(tx: Tx, message: str, state: State, now: datetime, reason: str) -> None:
    """Write down that a message has arrived, or that nobody tries any more."""
    tx.run(
        """
        UPDATE alert_messages SET state = :state, ended_at = :at, reason = :reason
         WHERE message = :message AND state = 'sending'
        """,
        message=message,
        state=state,
        at=moments.text(now),
        reason=reason,
    )


def failed(tx: Tx, message: str, reason: str, not_before: datetime) -> None:
    """Write down why an attempt has failed, and when the next may be made."""
    tx.run(
        """
        UPDATE alert_messages SET reason = :reason, not_before = :not_before
         WHERE message = :message AND state = 'sending'
        """,
        message=message,
        reason=reason,
        not_before=moments.text(not_before),
    )


def forget(tx: Tx, before: datetime) -> None:
    """Drop messages that ended before this moment, and what was told of alerts that are forgotten."""
    tx.run(
        "DELETE FROM alert_messages WHERE state <> 'sending' AND ended_at < :before",
        before=moments.text(before),
    )
    tx.run("DELETE FROM alert_notices WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.alert = alert_notices.alert)")
