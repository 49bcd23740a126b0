"""The sealed part of the activity journal: segments whose digests follow each other, what they come to, and their end.

Rows are sealed in the order of their entries, which is the order in which they were committed: a row with an old moment
that comes late is sealed later, and lost to nobody. What a draft is made of is read outside of any write; it is stored
only where nobody else has sealed meanwhile, so of many who seal one does.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ytpool.domain import moments, sealing
from ytpool.domain.sealing import Sealed
from ytpool.store import sums
from ytpool.store.activity import new_salt
from ytpool.store.db import Tx
from ytpool.store.sums import Sums

_COLUMNS = ", ".join(Sealed._fields)


class Segment(NamedTuple):
    """A stretch of the journal that is sealed; `dropped` is one whose rows are gone."""

    segment: int
    first: int
    last: int
    rows: int
    first_at: str
    last_at: str
    digest: str
    sealed_at: str
    dropped: bool

    def __str__(self) -> str:
        span = f"{self.first_at[:16]}Z to {self.last_at[:16]}Z"
        return f"segment {self.segment} (entries {self.first} to {self.last}, {span})"


class Draft(NamedTuple):
    """A segment that could be next, and what it adds to the sums."""

    after: Segment | None
    rows: Sequence[Sealed]
    digest: str
    sums: Sums
    settled: Mapping[str, Sealed]
    """Rows whose unknown outcome some of these say, by their ids, as they were then."""
    salted: Sequence[tuple[int, str]]
    """Entries that had no salt, and the one that they get."""


def last(tx: Tx) -> Segment | None:
    return _one(tx.one("SELECT * FROM activity_segments ORDER BY segment DESC LIMIT 1"))


def next_to(tx: Tx, before: Segment | None) -> Segment | None:
    """Return the segment that follows, or the first one."""
    return _one(
        tx.one(
            "SELECT * FROM activity_segments WHERE segment > :before ORDER BY segment LIMIT 1",
            before=0 if before is None else before.segment,
        )
    )


def draft(tx: Tx, older_than: timedelta, most: int) -> Draft | None:
    """Make the next segment of rows that were written before this span; None where there are none."""
    before = last(tx)
    sealed_to = 0 if before is None else before.last
    newest = tx.one(
        """
        SELECT entry FROM activity WHERE entry > :sealed_to AND coalesce(happened_at, '') <= :until
         ORDER BY entry DESC LIMIT 1
        """,
        sealed_to=sealed_to,
        until=moments.text(tx.now - older_than),
    )
    if newest is None:
        return None
    rows = _rows(tx, sealed_to, newest["entry"], most)
    salted = [(row.entry, new_salt()) for row in rows if not row.salt and row.erased is None]
    fresh = dict(salted)
    rows = [row._replace(salt=fresh[row.entry]) if row.entry in fresh else row for row in rows]
    settled = _settled(tx, rows)
    return Draft(
        after=before,
        rows=rows,
        digest=sealing.digest(sealing.BEGINNING if before is None else before.digest, rows),
        sums=sums.of(rows, settled),
        settled=settled,
        salted=salted,
    )


def seal(tx: Tx, draft: Draft) -> bool:
    """Store a segment with what it comes to; False where its rows were sealed, or erased, since it was drafted."""
    if last(tx) != draft.after or _was_erased_since(tx, draft):
        return False
    given = tx.many(
        "UPDATE activity SET salt = :salt WHERE entry = :entry AND salt = '' AND erased IS NULL",
        [{"entry": entry, "salt": salt} for entry, salt in draft.salted],
    )
    if given != len(draft.salted):
        return False
    found = [row.happened_at for row in draft.rows]
    tx.run(
        """
        INSERT INTO activity_segments (segment, first, last, rows, first_at, last_at, digest, sealed_at)
        VALUES (:segment, :first, :last, :rows, :first_at, :last_at, :digest, :at)
        """,
        segment=1 if draft.after is None else draft.after.segment + 1,
        first=draft.rows[0].entry,
        last=draft.rows[-1].entry,
        rows=len(draft.rows),
        first_at=min(found),
        last_at=max(found),
        digest=draft.digest,
        at=tx.at,
    )
    sums.add(tx, draft.sums)
    return True


def _was_erased_since(tx: Tx, draft: Draft) -> bool:
    # The seal would hold, but the sums would keep the words that are gone.
    there = tx.one(
        "SELECT count(erased) AS erased FROM activity WHERE entry >= :first AND entry <= :last",
        first=draft.rows[0].entry,
        last=draft.rows[-1].entry,
    )
    return there["erased"] != sum(row.erased is not None for row in draft.rows) or (
        _settled(tx, draft.rows) != draft.settled
    )


def what_is_wrong(tx: Tx, before: Segment | None, segment: Segment) -> str:
    """Say how a segment differs from what was sealed; nothing where it does not.

    Rows that stand between the segment before and this one count as its own: none was there when it was sealed.
    """
    if segment.dropped:  # then nothing of those before it is left
        if before is not None:
            return "it was not the oldest, and is said to have been dropped"
        there = tx.one("SELECT count(*) AS rows FROM activity WHERE entry <= :last", last=segment.last)["rows"]
        return f"its rows are said to have been dropped, and {there} are there" if there else ""
    if segment.segment != (1 if before is None else before.segment + 1):
        return "the segments before it are missing"
    after, digest = (0, sealing.BEGINNING) if before is None else (before.last, before.digest)
    rows = _rows(tx, after, segment.last, segment.rows + 1)
    if len(rows) != segment.rows:
        there = len(rows) if len(rows) < segment.rows else "more"
        return f"{segment.rows} rows were sealed, and {there} are there"
    return "" if sealing.digest(digest, rows) == segment.digest else "its rows are not those that were sealed"


def too_old(tx: Tx, before: datetime) -> Segment | None:
    """Return the oldest segment with rows if all of them are from before this moment.

    Never the newest one: the numbers of entries go on from there.
    """
    newest = last(tx)
    oldest = _one(tx.one("SELECT * FROM activity_segments WHERE dropped_at IS NULL ORDER BY segment LIMIT 1"))
    if newest is None or oldest is None or oldest.segment == newest.segment:
        return None
    return oldest if _ended_at(oldest) < moments.text(before) else None


def drop(tx: Tx, oldest: Segment) -> None:
    """Drop the rows of a segment that is too old, and the sums they are in; its digest stays until the next goes."""
    tx.run("DELETE FROM activity WHERE entry <= :last", last=oldest.last)
    tx.run("DELETE FROM activity_segments WHERE segment < :segment", segment=oldest.segment)
    tx.run("UPDATE activity_segments SET dropped_at = :at WHERE segment = :segment", at=tx.at, segment=oldest.segment)
    sums.forget(tx, moments.parse(_ended_at(oldest)))


def _ended_at(segment: Segment) -> str:
    # Both say by when all its rows were there; a clock that was ahead for a while must not keep them for as long.
    return min(segment.last_at, segment.sealed_at)


def to_be_erased(tx: Tx, account: str) -> None:
    """Write down that an account's channel and words are to be erased from all rows that are there now."""
    tx.run(
        """
        INSERT INTO activity_erasures (account, upto)
        SELECT :account, coalesce(max(entry), 0) FROM activity WHERE account = :account
        ON CONFLICT (account) DO UPDATE SET upto = excluded.upto, reached_at = '', reached = 0
        """,
        account=account,
    )


def whom_to_erase(tx: Tx) -> str | None:
    """Return the next account that is to be erased."""
    row = tx.one("SELECT min(account) AS account FROM activity_erasures")
    return None if row["account"] is None else str(row["account"])


def erase_some(tx: Tx, account: str, most: int) -> None:
    """Erase the next rows of an account, the oldest first, and what the sums tell in their words."""
    asked = tx.one("SELECT * FROM activity_erasures WHERE account = :account", account=account)
    if asked is None:  # somebody else was at it
        return
    rows = [
        Sealed(*row)
        for row in tx.all(
            f"""
            SELECT {_COLUMNS} FROM activity
             WHERE account = :account AND (happened_at, entry) > (:reached_at, :reached) AND entry <= :upto
             ORDER BY happened_at, entry LIMIT :most
            """,
            account=account,
            reached_at=asked["reached_at"],
            reached=asked["reached"],
            upto=asked["upto"],
            most=most,
        )
    ]
    tx.many(
        """
        UPDATE activity SET erased = :digest, channel_id = NULL, reason = '', detail = '', salt = ''
         WHERE entry = :entry AND erased IS NULL
        """,
        # A row that was written before there were salts, and is not sealed, gets one that nobody sees again.
        [
            {"entry": row.entry, "digest": sealing.payload(row if row.salt else row._replace(salt=new_salt()))}
            for row in rows
        ],
    )
    said = [row for row in rows if row.erased is None and row.reason]
    sums.erase(tx, said, _settled(tx, said))
    if len(rows) < most:
        tx.run("DELETE FROM activity_erasures WHERE account = :account", account=account)
    else:
        tx.run(
            "UPDATE activity_erasures SET reached_at = :at, reached = :entry WHERE account = :account",
            at=rows[-1].happened_at,
            entry=rows[-1].entry,
            account=account,
        )


def _rows(tx: Tx, after: int, upto: int, most: int) -> list[Sealed]:
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM activity WHERE entry > :after AND entry <= :upto ORDER BY entry LIMIT :most",
        after=after,
        upto=upto,
        most=most,
    )
    return [Sealed(*row) for row in rows]


def _settled(tx: Tx, rows: Sequence[Sealed]) -> dict[str, Sealed]:
    """Return the rows that these settle, by their ids; one that is gone by its age is not among them."""
    found = {}
    for row in rows:
        if row.settles is not None:
            first = tx.one(f"SELECT {_COLUMNS} FROM activity WHERE activity = :activity", activity=row.settles)
            if first is not None:
                found[row.settles] = Sealed(*first)
    return found


def _one(row: Any) -> Segment | None:
    if row is None:
        return None
    return Segment(
        segment=row["segment"],
        first=row["first"],
        last=row["last"],
        rows=row["rows"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        digest=row["digest"],
        sealed_at=row["sealed_at"],
        dropped=row["dropped_at"] is not None,
    )
