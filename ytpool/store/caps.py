"""How many uploads a channel takes in 24 hours: nobody publishes it, so it is learned from refusals.

A cap is a belief with a date. It ends after a day of rest and seven quiet days; after each 24 hours one upload may
try beyond it, and one that goes well raises it. A cap that an operator has set on the account overrules it.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from ytpool.domain import moments, quota
from ytpool.errors import QuotaExhausted
from ytpool.store import lessons
from ytpool.store.db import Tx
from ytpool.store.limits import BELIEVED_FOR
from ytpool.store.meters import ACCOUNT

DAY = timedelta(hours=24)

UPLOAD = "videos.insert"

# An upload that was refused at full price is spent, with the reason of the refusal, and is no upload of the channel;
# nor is one that was refused at midnight, of which only the day is unknown.
_TAKEN = f"""operation = '{UPLOAD}'
             AND (state = 'sent' OR (state = 'unknown' AND blurred < 2) OR (state = 'spent' AND reason = ''))"""
_HELD = f"operation = '{UPLOAD}' AND sent_at IS NULL AND state = 'held'"


class Cap(NamedTuple):
    """What is believed of a channel."""

    uploads: int
    learned_at: datetime
    raised_at: datetime | None

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            row["upload_cap"],
            moments.parse(row["upload_cap_at"]),
            moments.parse_optional(row["upload_cap_raised_at"]),
        )

    @property
    def ends_at(self) -> datetime:
        """When it is forgotten, unless the channel refuses again."""
        return self.learned_at + DAY + BELIEVED_FOR

    def stands_at(self, now: datetime) -> bool:
        return now < self.ends_at

    def reaches(self, now: datetime) -> int:
        """Return how many uploads may be taken in the 24 hours up to now, the one that tries beyond included."""
        tried_at = self.raised_at or self.learned_at
        return self.uploads + (1 if now >= tried_at + DAY else 0)


def require_room(tx: Tx, channel_id: str, account: str, uploads: int) -> bool:
    """Let so many uploads be held for a channel, and say whether one of them tries beyond its learned cap.

    Raises QuotaExhausted, with the time at which the cap has room again.
    """
    row = tx.one(
        """
        SELECT upload_cap, upload_cap_at, upload_cap_raised_at FROM channels WHERE channel_id = :channel_id
        """,
        channel_id=channel_id,
    )
    if row is None or row["upload_cap"] is None:
        return False
    cap = Cap.from_row(row)
    if not cap.stands_at(tx.now):
        return False
    taken = taken_in_24_hours(tx, channel_id, held=True)
    if taken + uploads <= cap.uploads:
        return False
    if _is_overruled(tx, account) or taken + uploads <= cap.reaches(tx.now):
        return True
    until = lifts_at(tx, channel_id, cap.reaches(tx.now))
    raise QuotaExhausted(
        f"channel {channel_id} has taken {taken} uploads in 24 hours, and YouTube has refused more than {cap.uploads}",
        hint=f"it goes on by itself at {moments.spoken(until)}; if you know better: ytpool accounts set {account} "
        "--cap uploads=N",
        channel_id=channel_id,
        left=max(0, cap.uploads - taken),
        until=until,
    )


def learn(tx: Tx, channel_id: str, uploads: int) -> Cap | None:
    """Remember how many uploads a channel took in 24 hours before YouTube refused one; return what was believed before.

    At least one: when the channel has rested, one call may try whether the cap still holds.
    """
    former = _of(tx, channel_id)
    tx.run(
        """
        UPDATE channels SET upload_cap = :uploads, upload_cap_at = :at, upload_cap_raised_at = NULL
         WHERE channel_id = :channel_id
        """,
        channel_id=channel_id,
        uploads=max(1, uploads),
        at=tx.at,
    )
    return former


def proved(tx: Tx, channel_id: str, account: str, hold: str) -> None:
    """Raise a learned cap to what the channel has taken; the date of the belief stays that of the refusal.

    It is a lesson only where nobody knew better: not for an account whose own cap overrules what was learned.
    """
    cap, taken = _of(tx, channel_id), taken_in_24_hours(tx, channel_id)
    if cap is None or taken <= cap.uploads:
        return
    tx.run(
        "UPDATE channels SET upload_cap = :taken, upload_cap_raised_at = :at WHERE channel_id = :channel_id",
        channel_id=channel_id,
        taken=taken,
        at=tx.at,
    )
    if _is_overruled(tx, account):
        return
    lessons.keep(
        tx,
        hold,
        scope=lessons.CHANNEL,
        name=channel_id,
        bucket=quota.UPLOADS,
        day=quota.quota_day(tx.now),
        operation=UPLOAD,
        believed=cap.uploads,
        shown=taken,
        reason="YouTube took an upload beyond it",
    )


def standing(tx: Tx) -> dict[str, Cap]:
    """Return the caps that are believed now, by channel."""
    rows = tx.all(
        "SELECT channel_id, upload_cap, upload_cap_at, upload_cap_raised_at FROM channels WHERE upload_cap IS NOT NULL"
    )
    found = {row["channel_id"]: Cap.from_row(row) for row in rows}
    return {channel_id: cap for channel_id, cap in found.items() if cap.stands_at(tx.now)}


def taken_in_24_hours(tx: Tx, channel_id: str, *, held: bool = False) -> int:
    """Count the uploads a channel has taken, or may have taken; a refused one is none. `held`: and those set aside."""
    also_held = f"UNION SELECT hold FROM ledger WHERE channel_id = :channel_id AND {_HELD}" if held else ""
    row = tx.one(
        f"""
        SELECT count(*) AS uploads FROM (
            SELECT DISTINCT hold FROM ledger WHERE channel_id = :channel_id AND {_TAKEN} AND sent_at > :since
            {also_held}
        ) AS taken
        """,
        channel_id=channel_id,
        since=_a_day_ago(tx),
    )
    return int(row["uploads"])


def taken_at(tx: Tx, channel_id: str) -> list[datetime]:
    """Return when each of these uploads was sent, the oldest first."""
    rows = tx.all(
        f"""
        SELECT DISTINCT hold, sent_at FROM ledger WHERE channel_id = :channel_id AND {_TAKEN} AND sent_at > :since
         ORDER BY sent_at
        """,
        channel_id=channel_id,
        since=_a_day_ago(tx),
    )
    return [moments.parse(row["sent_at"]) for row in rows]


def taken_by_capped_channels(tx: Tx) -> dict[str, int]:
    """Count the same, and what is set aside, for every channel that has a learned cap, in one go."""
    rows = tx.all(
        f"""
        SELECT channel_id, count(DISTINCT hold) AS uploads FROM ledger
         WHERE channel_id IN (SELECT channel_id FROM channels WHERE upload_cap IS NOT NULL)
           AND (({_TAKEN} AND sent_at > :since) OR ({_HELD}))
         GROUP BY channel_id
        """,
        since=_a_day_ago(tx),
    )
    return {row["channel_id"]: row["uploads"] for row in rows}


def lifts_at(tx: Tx, channel_id: str, cap: int) -> datetime:
    """Return when a channel at its cap may take the next upload: 24 hours after the one that filled it."""
    row = tx.one(
        # Distinct, because an upload has a row for each of its meters and, sent at midnight, for each of two days.
        f"""
        SELECT DISTINCT hold, coalesce(sent_at, :now) AS counts_from FROM ledger
         WHERE channel_id = :channel_id AND (({_TAKEN} AND sent_at > :since) OR ({_HELD}))
         ORDER BY counts_from DESC LIMIT 1 OFFSET :others
        """,
        channel_id=channel_id,
        now=tx.at,
        since=_a_day_ago(tx),
        others=max(0, cap - 1),
    )
    return (tx.now if row is None else moments.parse(row["counts_from"])) + DAY


def _of(tx: Tx, channel_id: str) -> Cap | None:
    row = tx.one(
        """
        SELECT upload_cap, upload_cap_at, upload_cap_raised_at FROM channels
         WHERE channel_id = :channel_id AND upload_cap IS NOT NULL
        """,
        channel_id=channel_id,
    )
    cap = None if row is None else Cap.from_row(row)
    return cap if cap is not None and cap.stands_at(tx.now) else None


def _is_overruled(tx: Tx, account: str) -> bool:
    """Tell whether an operator has said how many uploads this account may make."""
    row = tx.one(
        "SELECT 1 FROM limits WHERE scope = :scope AND name = :name AND bucket = :bucket",
        scope=ACCOUNT,
        name=account,
        bucket=quota.UPLOADS,
    )
    return row is not None


def _a_day_ago(tx: Tx) -> str:
    return moments.text(tx.now - DAY)
