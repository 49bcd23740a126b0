"""Alerts: one row for each cause while it lasts, whoever sees it, and what is to be told of it.

Whoever looks sees the state of one moment, and others look meanwhile: what somebody saw later counts more.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from ytpool.domain import alerts, ids, moments
from ytpool.domain.alerts import Cause, Event, Severity, Standing, State
from ytpool.errors import UnknownName
from ytpool.store.db import Tx

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause, from when it was seen first until it was gone."""

    alert: str
    kind: str
    subject: str
    """What it is about, as people call it."""
    severity: Severity
    state: State
    message: str
    command: str
    opened_at: datetime
    escalated_at: datetime | None
    seen_at: datetime
    times: int
    """How often somebody saw it."""
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    note: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        if row["state"] == "resolved":
            state = State.RESOLVED
        elif row["acknowledged_at"] is not None:
            state = State.ACKNOWLEDGED
        else:
            state = State.OPENED if row["escalated_at"] is None else State.ESCALATED
        return cls(
            alert=row["alert"],
            kind=row["kind"],
            subject=row["title"],
            severity=Severity(row["severity"]),
            state=state,
            message=row["message"],
            command=row["command"],
            opened_at=moments.parse(row["opened_at"]),
            escalated_at=moments.parse_optional(row["escalated_at"]),
            seen_at=moments.parse(row["seen_at"]),
            times=row["times"],
            ended_at=moments.parse_optional(row["ended_at"]),
            acknowledged_at=moments.parse_optional(row["acknowledged_at"]),
            acknowledged_by=row["acknowledged_by"],
            note=row["note"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has become of an alert, where that is news."""

    alert: str
    kind: str
    subject: str
    """What tells causes of a kind apart."""
    event: Event
    severity: Severity


def settle(
    tx: Tx,
    causes: Iterable[Cause],
    *,
    looked_at: datetime,
    of: Collection[tuple[str, str]] | None,
    kinds: Collection[str],
    escalates_after: timedelta | None,
    rng: "random.Random",
) -> list[Change]:
    """Bring the alerts of these kinds to what was seen at a moment, and return what is news.

    What is open and was not seen is resolved, unless somebody saw it later; `of` names the subjects that were looked at
    where those are not all there are.
    """
    standing = {
        (row["kind"], row["subject"]): row
        for row in tx.all("SELECT * FROM alerts WHERE state = 'open'")
        if row["kind"] in kinds
    }
    at = moments.text(looked_at)
    changes: list[Change] = []
    for cause in causes:
        row = standing.pop(cause.key, None)
        if row is None:
            changes += _open(tx, cause, looked_at, rng)
        else:
            changes += _see(tx, row, cause, looked_at, escalates_after)
    for key, row in standing.items():
        if not _is_later(tx, row["seen_at"], at) and (of is None or key in of):
            changes += _resolve(tx, row, at)
    return changes


def _is_later(tx: Tx, moment: str, at: str) -> bool:
    """Tell whether somebody looked later than at this moment; a moment that is to come was a wrong clock's."""
    return at < moment <= tx.at


def _open(tx: Tx, cause: Cause, looked_at: datetime, rng: "random.Random") -> Iterator[Change]:
    at = moments.text(looked_at)
    latest = tx.one(
        """
        SELECT * FROM alerts
         WHERE kind = :kind AND subject = :subject AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1
        """,
        kind=cause.kind,
        subject=cause.subject,
    )
    if latest is not None and _is_later(tx, latest["ended_at"], at):
        return  # somebody looked later than we did, and it was gone
    if latest is not None and latest["ended_at"] >= moments.text(looked_at - alerts.THE_SAME_WITHIN):
        yield from _reopen(tx, latest, cause, at)
        return
    row = tx.one(
        """
        INSERT INTO alerts (alert, kind, subject, title, severity, worst, state, message, command, opened_at, seen_at)
        VALUES (:alert, :kind, :subject, :title, :severity, :severity, 'open', :message, :command, :at, :at)
        ON CONFLICT (kind, subject) WHERE state = 'open' DO UPDATE SET times = alerts.times + 1
        RETURNING alert, times
        """,
        alert=ids.new(tx.now, rng),
        kind=cause.kind,
        subject=cause.subject,
        title=cause.title,
        severity=cause.severity,
        message=cause.message,
        command=cause.command,
        at=at,
    )
    if row["times"] == 1:
        yield Change(
            alert=row["alert"], kind=cause.kind, subject=cause.subject, event=Event.OPENED, severity=cause.severity
        )


def _reopen(tx: Tx, row: Any, cause: Cause, at: str) -> Iterator[Change]:
    tx.run(
        """
        UPDATE alerts
           SET state = 'open', ended_at = NULL, seen_at = :at, times = times + 1, severity = :severity,
               worst = :severity, title = :title, message = :message, command = :command
         WHERE alert = :alert
        """,
        alert=row["alert"],
        severity=cause.severity,
        title=cause.title,
        message=cause.message,
        command=cause.command,
        at=at,
    )
    yield Change(
        alert=row["alert"], kind=cause.kind, subject=cause.subject, event=Event.OPENED, severity=cause.severity
    )


def _see(tx: Tx, row: Any, cause: Cause, looked_at: datetime, escalates_after: timedelta | None) -> Iterator[Change]:
    before = Standing(
        opened_at=moments.parse(row["opened_at"]),
        worst=Severity(row["worst"]),
        acknowledged=row["acknowledged_at"] is not None,
    )
    step = alerts.seen_again(before, cause.severity, looked_at, escalates_after=escalates_after)
    at = moments.text(looked_at)
    if _is_later(tx, row["seen_at"], at):  # somebody saw later how it stands now
        tx.run("UPDATE alerts SET times = times + 1 WHERE alert = :alert", alert=row["alert"])
        return
    escalates = step.event is Event.ESCALATED
    tx.run(
        """
        UPDATE alerts
           SET times = times + 1, seen_at = :at, severity = :severity, worst = :worst, title = :title,
               message = :message, command = :command,
               escalated_at = CASE WHEN :escalates = 1 THEN :at ELSE escalated_at END,
               acknowledged_at = CASE WHEN :escalates = 1 THEN NULL ELSE acknowledged_at END
         WHERE alert = :alert
        """,
        alert=row["alert"],
        at=at,
        severity=step.severity,
        worst=step.worst,
        title=cause.title,
        message=cause.message,
        command=cause.command,
        escalates=int(escalates),
    )
    if step.event is not None:
        yield Change(
            alert=row["alert"], kind=cause.kind, subject=cause.subject, event=step.event, severity=step.severity
        )


def _resolve(tx: Tx, row: Any, at: str) -> Iterator[Change]:
    tx.run(
        "UPDATE alerts SET state = 'resolved', ended_at = :at WHERE alert = :alert AND state = 'open'",
        alert=row["alert"],
        at=at,
    )
    yield Change(
        alert=row["alert"],
        kind=row["kind"],
        subject=row["subject"],
        event=Event.RESOLVED,
        severity=Severity(row["worst"]),
    )


def standing(tx: Tx) -> list[Alert]:
    """Return what is open, the worst first and of those the oldest."""
    rows = tx.all("SELECT * FROM alerts WHERE state = 'open' ORDER BY opened_at, alert")
    return sorted(map(Alert.from_row, rows), key=lambda one: -one.severity.rank)


def resolved(tx: Tx, *, most: int) -> list[Alert]:
    """Return what is over, the latest first."""
    rows = tx.all("SELECT * FROM alerts WHERE state = 'resolved' ORDER BY ended_at DESC, alert LIMIT :most", most=most)
    return [Alert.from_row(row) for row in rows]


def get(tx: Tx, alert: str) -> Alert:
    """Return an alert by its id, or by a beginning of it that only one alert has; nothing at all is no beginning."""
    beginning = "SELECT * FROM alerts WHERE alert >= :alert AND alert < :after LIMIT 2"
    rows = tx.all(beginning, alert=alert, after=alert + "~") if alert else []
    if len(rows) == 1:
        return Alert.from_row(rows[0])
    if rows:
        raise UnknownName(
            f"more than one alert begins with {alert!r}", hint="type more of its id", what="alert", name=alert
        )
    raise UnknownName(f"there is no alert {alert!r}", hint="see: ytpool alerts list --all", what="alert", name=alert)


def acknowledge(tx: Tx, alert: str, *, by: str, note: str) -> None:
    """Write down that a person knows of it; a second word replaces the first."""
    tx.run(
        """
        UPDATE alerts SET acknowledged_at = :at, acknowledged_by = :by, note = :note
         WHERE alert = :alert AND state = 'open'
        """,
        alert=alert,
        at=tx.at,
        by=by,
        note=note,
    )


def changed_since(tx: Tx, since: datetime) -> list[Change]:
    """Return what has become of alerts since a moment, each as it is now."""
    rows = tx.all(
        """
        SELECT alert, kind, subject, state, worst FROM alerts
         WHERE state = 'open' AND (opened_at >= :since OR escalated_at >= :since) OR ended_at >= :since
         ORDER BY alert
        """,
        since=moments.text(since),
    )
    return [
        Change(
            alert=row["alert"],
            kind=row["kind"],
            subject=row["subject"],
            event=Event.RESOLVED if row["state"] == "resolved" else Event.OPENED,
            severity=Severity(row["worst"]),
        )
        for row in rows
    ]


def unseen_since(tx: Tx, kinds: Collection[str], before: datetime) -> list[tuple[str, str]]:
    """Return what is open of these kinds and has not been looked at since."""
    rows = tx.all(
        "SELECT kind, subject FROM alerts WHERE state = 'open' AND seen_at < :before", before=moments.text(before)
    )
    return [(row["kind"], row["subject"]) for row in rows if row["kind"] in kinds]


def forget(tx: Tx, before: datetime) -> int:
    """Drop alerts that were over before this moment; returns how many."""
    return tx.run("DELETE FROM alerts WHERE state = 'resolved' AND ended_at < :before", before=moments.text(before))
