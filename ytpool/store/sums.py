"""What the activity journal comes to over any window, without reading it row by row.

Sealed rows are summed up by hour, day and month when they are sealed. A window is whole months, days and hours of
those, the rows of the two hours it only touches, and whatever is not sealed yet; so it costs the same whatever came
before. Each operation counts once, at the moment when it happened, with the outcome that is known now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from ytpool.domain import latencies, moments
from ytpool.domain.sealing import Sealed
from ytpool.store import meta
from ytpool.store.db import Tx

HOUR, DAY, MONTH, EVERYONE = "hour", "day", "month", "everyone"
"""What a sum spans; `everyone` is the hours of all accounts together."""

_LENGTHS = {HOUR: 13, DAY: 10, MONTH: 7}
"""Letters of a stored moment that name its hour, its day and its month."""

_KEPT_FROM = "activity_kept_from"

_TOOK = tuple(f"took_{number}" for number in range(latencies.CLASSES))
_KEYS = ("span", "begins", "account", "project", "operation", "outcome", "reason")
_NUMBERS = ("calls", "units", "bytes", "seconds", *_TOOK)

Sums = dict[tuple[str, ...], list[Any]]
"""By span, beginning, account, project, operation, outcome and reason: the latest moment, and the numbers."""


class Window(NamedTuple):
    """What a report is about: a stretch of time, and whose doings of which kind in it."""

    since: datetime
    until: datetime
    account: str | None = None
    projects: tuple[str, ...] = ()
    """The names that a project has, and had before others were merged into it; none: every project."""
    operation: str | None = None

    def conditions(self, *, by_index: bool) -> tuple[list[str], dict[str, Any]]:
        """Word whose doings of which kind are meant, of a table called `f` in SQL, with its parameters."""
        words, given = [], {}
        for name, value in (("account", self.account), ("operation", self.operation)):
            if value is not None:
                words.append(f"f.{name} = :{name}" if by_index else f"coalesce(f.{name}, '') = :{name}")
                given[name] = value
        if self.projects:
            named = {f"project_{number}": name for number, name in enumerate(self.projects)}
            words.append(f"f.project IN ({', '.join(f':{name}' for name in named)})")
            given |= named
        return words, given


class Sum(NamedTuple):
    """What some operations with the same outcome came to."""

    by: tuple[str, ...]
    outcome: str
    last_at: str
    calls: int
    units: int
    bytes: int
    seconds: float
    took: tuple[int, ...]
    """Calls by how long they took; nothing of those that were not done."""


# Adding


def of(rows: Sequence[Sealed], settled: Mapping[str, Sealed]) -> Sums:
    """Sum rows up for every span that they are in; `settled` are those that some of them settle."""
    hours: Sums = {}
    for row in rows:
        if row.settles is None:
            _count(hours, row, row.outcome, row.reason, 1)
        elif (first := settled.get(row.settles)) is not None:
            # It was counted as unknown, and counts as what it was, at its own hour.
            _count(hours, first, first.outcome, first.reason, -1)
            _count(hours, first, row.outcome, row.reason, 1)
    return _in_every_span(hours)


def _in_every_span(hours: Sums) -> Sums:
    found = dict(hours)
    for (_, begins, account, project, operation, outcome, reason), numbers in hours.items():
        for key in (
            (DAY, begins[: _LENGTHS[DAY]], account, project, operation, outcome, reason),
            (MONTH, begins[: _LENGTHS[MONTH]], account, project, operation, outcome, reason),
            (EVERYONE, begins, "", "", operation, outcome, reason),
        ):
            _merge(found, key, numbers)
    return found


def add(tx: Tx, sums: Sums) -> None:
    """Add to what is there."""
    tx.many(
        f"""
        INSERT INTO activity_sums ({", ".join((*_KEYS, "last_at", *_NUMBERS))})
        VALUES ({", ".join(f":{name}" for name in (*_KEYS, "last_at", *_NUMBERS))})
        ON CONFLICT ({", ".join(_KEYS)}) DO UPDATE
           SET {", ".join(f"{name} = activity_sums.{name} + excluded.{name}" for name in _NUMBERS)},
               last_at = CASE WHEN excluded.last_at > activity_sums.last_at
                              THEN excluded.last_at ELSE activity_sums.last_at END
        """,
        [
            dict(zip((*_KEYS, "last_at", *_NUMBERS), (*key, *numbers), strict=True))
            # In the order of the index they stand in.
            for key, numbers in sorted(sums.items())
        ],
    )


def erase(tx: Tx, rows: Iterable[Sealed], settled: Mapping[str, Sealed]) -> None:
    """Take the reasons of rows that are erased out of what is there; `settled` are those that some of them settle."""
    sealed = sealed_to(tx)
    hours: Sums = {}
    for row in rows:
        counted_at = row if row.settles is None else settled.get(row.settles)
        if row.entry > sealed or counted_at is None:
            continue
        # Where it is known by now how it ended, it counts as that, and only the empty sum is left of its reason.
        sign = 0 if row.settles is None and _is_settled(tx, row, sealed) else 1
        _count(hours, counted_at, row.outcome, row.reason, -sign)
        _count(hours, counted_at, row.outcome, "", sign)
    moved = _in_every_span(hours)
    add(tx, moved)
    tx.many(
        f"DELETE FROM activity_sums WHERE {' AND '.join(f'{name} = :{name}' for name in _KEYS)} AND calls = 0",
        [dict(zip(_KEYS, key, strict=True)) for key in sorted(moved)],
    )


def _is_settled(tx: Tx, row: Sealed, sealed: int) -> bool:
    return (
        tx.one(
            "SELECT 1 FROM activity WHERE settles = :activity AND entry <= :sealed LIMIT 1",
            activity=row.activity,
            sealed=sealed,
        )
        is not None
    )


def forget(tx: Tx, until: datetime) -> None:
    """Forget the sums of every span that begins no later, for rows of it are gone; reports begin behind it from now."""
    kept_from = _down(until, HOUR) + timedelta(hours=1)
    if (standing := meta.get(tx, _KEPT_FROM)) is not None and standing >= moments.text(kept_from):
        return
    meta.put(tx, _KEPT_FROM, moments.text(kept_from))
    for span in (HOUR, DAY, MONTH, EVERYONE):
        tx.run(
            "DELETE FROM activity_sums WHERE span = :span AND begins < :begins",
            span=span,
            begins=_named(HOUR if span == EVERYONE else span, kept_from),
        )


def what_is_wrong(tx: Tx) -> str:
    """Say where the sums differ from the rows that they are of; nothing where they do not."""
    begins = kept_from(tx)
    since = "" if begins is None else moments.text(begins)
    # Rows that a clock dated ahead went with their segment, and what they came to goes when the time has come.
    dropped = tx.one("SELECT max(last_at) AS at FROM activity_segments WHERE dropped_at IS NOT NULL")["at"]
    if dropped is not None and dropped > since:
        since = moments.text(_up(moments.parse(dropped), HOUR))
    there = tx.one(
        """
        SELECT count(*) AS calls, coalesce(sum(units), 0) AS units, coalesce(sum(bytes), 0) AS bytes FROM activity
         WHERE entry <= :sealed AND coalesce(happened_at, '') >= :since AND settles IS NULL
        """,
        sealed=sealed_to(tx),
        since=since,
    )
    for span in (HOUR, EVERYONE):
        told = _whole(tx, span, since)
        for what in _COMPARED:
            if told[what] != there[what]:
                return f"its sums by hour tell of {told[what]:,} {what}, and its rows of {there[what]:,}"
    for span in (DAY, MONTH):
        whole_from = moments.text(_up(moments.parse(since), span)) if since else ""
        told, hours = _whole(tx, span, whole_from), _whole(tx, HOUR, whole_from)
        for what in _COMPARED:
            if told[what] != hours[what]:
                return f"its sums by {span} tell of {told[what]:,} {what}, and those by hour of {hours[what]:,}"
    return ""


_COMPARED = ("calls", "units", "bytes")


def _whole(tx: Tx, span: str, since: str) -> Any:
    """Return what all sums of a span come to that begin then or later."""
    return tx.one(
        """
        SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(units), 0) AS units, coalesce(sum(bytes), 0) AS bytes
          FROM activity_sums WHERE span = :span AND begins >= :begins
        """,
        span=span,
        begins=since[: _LENGTHS[HOUR if span == EVERYONE else span]],
    )


def kept_from(tx: Tx) -> datetime | None:
    """Return the moment from which on the journal is complete; None where nothing was ever dropped."""
    return moments.parse_optional(meta.get(tx, _KEPT_FROM))


def _count(hours: Sums, row: Sealed, outcome: str, reason: str, sign: int) -> None:
    begins = row.happened_at[: _LENGTHS[HOUR]]
    key = (HOUR, begins, row.account or "", row.project or "", row.operation, outcome, reason)
    numbers = hours.get(key)
    if numbers is None:
        numbers = hours[key] = [row.happened_at, *([0] * len(_NUMBERS))]
    numbers[0] = max(numbers[0], row.happened_at)
    numbers[1] += sign
    numbers[2] += sign * row.units
    numbers[3] += sign * row.bytes
    numbers[4] += sign * row.seconds
    if outcome == "done" and row.seconds > 0:
        numbers[5 + latencies.class_of(row.seconds)] += sign


def _merge(found: Sums, key: tuple[str, ...], numbers: Sequence[Any]) -> None:
    standing = found.get(key)
    if standing is None:
        found[key] = list(numbers)
        return
    standing[0] = max(standing[0], numbers[0])
    for place in range(1, len(numbers)):
        if numbers[place]:
            standing[place] += numbers[place]


# Asking


def over(tx: Tx, window: Window, by: Sequence[str], *, of_failures: Sequence[str] = ()) -> Iterator[Sum]:
    """Yield what a window comes to, by outcome and by some of account, project, operation, reason and hour.

    One combination may come several times, from several stretches of the window. An hour is named as the beginning of
    a stored moment, `2026-11-20T04`. How long it took is told of what was done; what was not is told apart by
    `of_failures`, too, which stand behind the others.
    """
    yield from _over(tx, window, by, done=True)
    yield from _over(tx, window, (*by, *of_failures), done=False)


def _over(tx: Tx, window: Window, by: Sequence[str], *, done: bool) -> Iterator[Sum]:
    # What was not done has nothing in the columns of `took`, and need not be read for them.
    sealed = sealed_to(tx)
    if window.until > tx.now and not _goes_on_after(tx, window.until):  # so this month is a whole one, too
        window = window._replace(until=_up(window.until, MONTH))
    edges, spans = _stretches(window.since, window.until, hourly="hour" in by)
    everyone = "hour" in by and not {"account", "project"} & {*by} and window.account is None and not window.projects

    def asked(question: _Question, since: datetime, until: datetime, **given: Any) -> Iterator[Sum]:
        return _asked(tx, window._replace(since=since, until=until), by, question, done=done, **given)

    for span, since, until in spans:
        begins, ends = _named(span, since), _named(span, until)
        yield from asked(_OF_SUMS, since, until, span=EVERYONE if everyone else span, begins=begins, ends=ends)
    for since, until in edges:
        yield from asked(_SEALED, since, until, sealed=sealed)
    for question in (_NOT_SEALED, _NOT_UNKNOWN_ANY_MORE, _KNOWN_SINCE):
        yield from asked(question, window.since, window.until, sealed=sealed)


def _goes_on_after(tx: Tx, moment: datetime) -> bool:
    """Tell whether something stands behind this moment already: a clock was ahead when it was written."""
    latest = tx.one("SELECT max(happened_at) AS at FROM activity")["at"]
    if latest is not None and latest >= moments.text(moment):
        return True
    hour = tx.one("SELECT max(begins) AS at FROM activity_sums WHERE span = :span", span=HOUR)["at"]
    return hour is not None and hour >= _named(HOUR, _up(moment, HOUR))  # of rows that are gone by their age


def went_wrong(tx: Tx, window: Window) -> list[tuple[str, str, int]]:
    """Count what went wrong by operation and Google's own word for it, the most frequent first."""
    found: dict[tuple[str, ...], int] = {}
    for part in _over(tx, window, ("operation", "reason"), done=False):
        found[part.by] = found.get(part.by, 0) + part.calls
    return by_frequency(found)


def by_frequency(found: Mapping[tuple[str, ...], int]) -> list[tuple[str, str, int]]:
    """List operations and reasons with how often they were met, the most frequent first."""
    return sorted(
        ((operation, reason, times) for (operation, reason), times in found.items() if times > 0),
        key=lambda one: (-one[2], one),
    )


def sealed_to(tx: Tx) -> int:
    """Return the last entry that is sealed."""
    return tx.one("SELECT max(last) AS last FROM activity_segments")["last"] or 0


class _Question(NamedTuple):
    """A part of the journal, in SQL: what is asked of it, where it is, and how its columns are called there."""

    counts: str
    took: str
    table: str
    where: str
    names: Mapping[str, str]
    outcome: str
    by_index: bool = True
    """An account's rows are looked up; else there are fewer of those that `where` names."""


def _of_rows(sign: str) -> tuple[str, str]:
    bounds = [None, *latencies.BOUNDS, None]
    took = []
    for low, high in pairwise(bounds):
        above = "f.seconds > 0" if low is None else f"f.seconds > {low}"
        took.append(f"sum(CASE WHEN {above}{'' if high is None else f' AND f.seconds <= {high}'} THEN 1 ELSE 0 END)")
    numbers = ("count(*)", "sum(f.units)", "sum(f.bytes)", "sum(f.seconds)")
    counts = ", ".join(("max(f.happened_at)", *(f"{sign}{number}" for number in numbers)))
    return counts, ", ".join(f"{sign}{number}" for number in took)


# `coalesce` keeps a condition from being looked up by its index, where another one has fewer rows.
_WITHIN = "coalesce(f.happened_at, '') >= :since AND coalesce(f.happened_at, '') < :until AND f.settles IS NULL"
_HOUR_OF_ROW = f"substr(f.happened_at, 1, {_LENGTHS[HOUR]})"
_KNOWN_NOW = {"hour": _HOUR_OF_ROW, "reason": "CASE WHEN later.entry IS NULL THEN f.reason ELSE later.reason END"}
_OUTCOME_NOW = "CASE WHEN later.entry IS NULL THEN f.outcome ELSE later.outcome END"

_OF_SUMS = _Question(
    counts="max(f.last_at), sum(f.calls), sum(f.units), sum(f.bytes), sum(f.seconds)",
    took=", ".join(f"sum(f.{name})" for name in _TOOK),
    table="activity_sums AS f",
    where="f.span = :span AND f.begins >= :begins AND f.begins < :ends",
    names={"hour": "f.begins"},
    outcome="f.outcome",
)
_SEALED = _Question(
    *_of_rows(""),
    table="activity AS f LEFT JOIN activity AS later ON later.settles = f.activity AND later.entry <= :sealed",
    where="f.happened_at >= :since AND f.happened_at < :until AND f.entry + 0 <= :sealed AND f.settles IS NULL",
    names=_KNOWN_NOW,
    outcome=_OUTCOME_NOW,
)
_NOT_SEALED = _Question(
    *_of_rows(""),
    table="activity AS f LEFT JOIN activity AS later ON later.settles = f.activity",
    where=f"f.entry > :sealed AND {_WITHIN}",
    names=_KNOWN_NOW,
    outcome=_OUTCOME_NOW,
    by_index=False,
)
_NOT_UNKNOWN_ANY_MORE = _Question(
    *_of_rows("-"),
    table="activity AS later JOIN activity AS f ON f.activity = later.settles",
    where=f"later.entry > :sealed AND later.settles IS NOT NULL AND coalesce(f.entry, 0) <= :sealed AND {_WITHIN}",
    names={"hour": _HOUR_OF_ROW},
    outcome="f.outcome",
    by_index=False,
)
_KNOWN_SINCE = _Question(
    *_of_rows(""),
    table=_NOT_UNKNOWN_ANY_MORE.table,
    where=_NOT_UNKNOWN_ANY_MORE.where,
    names={"hour": _HOUR_OF_ROW, "reason": "later.reason"},
    outcome="later.outcome",
    by_index=False,
)


def _asked(
    tx: Tx, window: Window, by: Sequence[str], question: _Question, *, done: bool, **given: Any
) -> Iterator[Sum]:
    columns = [question.names.get(name, f"coalesce(f.{name}, '')") for name in by]
    conditions, of_whom = window.conditions(by_index=question.by_index)
    where = " AND ".join((question.where, *conditions, f"{question.outcome} {'=' if done else '<>'} 'done'"))
    numbers = f"{question.counts}, {question.took}" if done else question.counts
    groups = ", ".join((*columns, question.outcome))
    rows = tx.all(
        f"SELECT {groups}, {numbers} FROM {question.table} WHERE {where} GROUP BY {groups}",
        since=moments.text(window.since),
        until=moments.text(window.until),
        **of_whom,
        **given,
    )
    for row in rows:
        outcome, last_at, calls, units, size, seconds, *took = row[len(by) :]
        yield Sum(tuple(row[: len(by)]), outcome, last_at, calls, units, size, seconds, tuple(took))


def _stretches(
    since: datetime, until: datetime, *, hourly: bool
) -> tuple[list[tuple[datetime, datetime]], list[tuple[str, datetime, datetime]]]:
    """Cut a window into hours it only touches, and whole spans as large as they can be."""
    first, last = _up(since, HOUR), _down(until, HOUR)
    if first >= last:
        return [(since, until)], []
    edges = [(one, two) for one, two in ((since, first), (last, until)) if one < two]
    if hourly:
        return edges, [(HOUR, first, last)]
    spans, span = [], HOUR
    for larger in (DAY, MONTH):
        begins, ends = _up(first, larger), _down(last, larger)
        if begins >= ends:
            break
        spans += [(span, one, two) for one, two in ((first, begins), (ends, last)) if one < two]
        first, last, span = begins, ends, larger
    spans.append((span, first, last))
    return edges, spans


def _named(span: str, moment: datetime) -> str:
    return moments.text(moment)[: _LENGTHS[span]]


def _down(moment: datetime, span: str) -> datetime:
    """Return the beginning of the span that a moment is in."""
    begins = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if span != HOUR:
        begins = begins.replace(hour=0)
    return begins.replace(day=1) if span == MONTH else begins


def _up(moment: datetime, span: str) -> datetime:
    """Return the first beginning of a span that is no earlier."""
    begins = _down(moment, span)
    if begins == moment:
        return begins
    return _down(begins + {HOUR: timedelta(hours=1), DAY: timedelta(days=1), MONTH: timedelta(days=32)}[span], span)
