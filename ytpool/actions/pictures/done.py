"""What was done over a window: hour by hour for each account, and upload by upload. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from ytpool.actions import activity
from ytpool.actions.activity import Wanted
from ytpool.domain.jobs import JobState
from ytpool.runtime import Runtime
from ytpool.store import leases, sums, uploads
from ytpool.store.leases import LeaseKind
from ytpool.store.uploads import Sending

_HOUR = timedelta(hours=1)
_MOST_CELLS = 168
_STEPS = (1, 2, 3, 4, 6, 8, 12, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """How busy one account was, cell by cell."""

    account: str
    calls: int
    failed: int
    cells: tuple[int, ...]
    """Operations in each cell, whatever came of them."""
    wrong: tuple[int, ...]
    """Those of them that failed or whose outcome is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Hours by accounts. The sums of the rows are what `activity report` tells of the same window."""

    picture: ClassVar[str] = "heat-map"

    since: datetime
    until: datetime
    starts: tuple[datetime, ...]
    """The beginnings of the cells; the first and the last may be cut by the window."""
    span: timedelta
    """How much time a cell is: an hour, or several where the window is long."""
    calls: int
    """Of all accounts."""
    rows: tuple[HeatRow, ...]
    """The busiest accounts first."""
    most: int
    """The operations in the fullest cell."""
    more: int
    """So many accounts that did something are left out."""


def heat_map(rt: Runtime, wanted: Wanted | None = None, *, most: int = 50) -> HeatMap:
    """Return how busy each account was in each hour of a window, the last day unless told; the busiest, if many."""
    found: dict[str, dict[datetime, list[int]]] = {}
    with rt.store.reading() as tx:
        window, _ = activity.window_of(rt, tx, wanted or Wanted())
        start, until = window.since, window.until
        for part in sums.over(tx, window, ("account", "hour")):
            account, begins = part.by
            cell = found.setdefault(account, {}).setdefault(datetime.fromisoformat(f"{begins}:00:00+00:00"), [0, 0])
            cell[0] += part.calls
            cell[1] += part.calls if part.outcome != "done" else 0
    start = _begins(start, until, [min(hours) for hours in found.values()])
    first, cells, span = _cells(start, until)
    rows = []
    for account, by_hour in found.items():
        calls, wrong = [0] * cells, [0] * cells
        for hour, (number, not_done) in by_hour.items():
            place = min(max(int((hour - first) / span), 0), cells - 1)
            calls[place] += number
            wrong[place] += not_done
        rows.append(
            HeatRow(account=account, calls=sum(calls), failed=sum(wrong), cells=tuple(calls), wrong=tuple(wrong))
        )
    rows = [row for row in rows if row.calls > 0]
    rows.sort(key=lambda row: (-row.calls, row.account))
    return HeatMap(
        since=start,
        until=until,
        starts=tuple(first + number * span for number in range(cells)),
        span=span,
        calls=sum(row.calls for row in rows),
        rows=tuple(rows[:most]),
        most=max((max(row.cells) for row in rows), default=0),
        more=max(0, len(rows) - most),
    )


def _begins(since: datetime, until: datetime, seen: Sequence[datetime]) -> datetime:
    """Return where a picture begins: where it was asked to, or, of a window without bounds, with what is seen first."""
    return max(since, min(seen, default=since)) if until - since > _MOST_CELLS * _HOUR else since


def _cells(since: datetime, until: datetime) -> tuple[datetime, int, timedelta]:
    """Cut a window into whole hours, or into as many together as make a picture that can be looked at."""
    first = since.replace(minute=0, second=0, microsecond=0)
    length = int((until - first) / _HOUR) + 1
    step = next((step for step in _STEPS if length <= step * _MOST_CELLS), 0) or 24 * -(-length // (24 * _MOST_CELLS))
    return first, -(-length // step), step * _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One upload on the timeline."""

    job: str
    file: str
    account: str
    state: str
    """As `queue list --all` says it."""
    working: bool
    """Somebody is at it now."""
    begun_at: datetime
    ended_at: datetime | None
    """When its job came to an end; None: not yet."""
    until: datetime
    """How far it has come: its end, now while somebody is at it, else when it last moved."""
    bytes: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTimeline:
    """Which uploads went when, the first to begin first."""

    picture: ClassVar[str] = "upload-timeline"

    since: datetime
    until: datetime
    uploads: tuple[Sent, ...]
    more: int
    """So many older ones of this window are left out."""


def upload_timeline(rt: Runtime, wanted: Wanted | None = None, *, most: int = 100) -> UploadTimeline:
    """Return the uploads that were on their way in a window, the last day unless told; the latest of them, if many."""
    with rt.store.reading() as tx:
        now = tx.now
        window, _ = activity.window_of(rt, tx, wanted or Wanted())
        found, total = uploads.sent_within(tx, window.since, window.until, account=window.account, most=most)
        working = leases.held(tx, LeaseKind.JOB)
    sent = sorted((_sent(one, now, working=one.job in working) for one in found), key=lambda one: one.begun_at)
    until = min(window.until, now)
    since = _begins(window.since, until, [one.begun_at for one in sent])
    return UploadTimeline(since=since, until=until, uploads=tuple(sent), more=total - len(sent))


def _sent(one: Sending, now: datetime, *, working: bool) -> Sent:
    moved = now if working else max(one.begun_at, min(one.moved_at, now))
    return Sent(
        job=one.job,
        file=one.file,
        account=one.account,
        state=one.state,
        working=working,
        begun_at=one.begun_at,
        ended_at=one.ended_at,
        until=one.ended_at or moved,
        bytes=one.size,
        kept=one.size if one.state in (JobState.DONE, JobState.PARTLY) else one.kept,
    )
