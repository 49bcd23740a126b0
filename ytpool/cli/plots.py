"""Pictures of results on a terminal; in a pipe their numbers, tab-separated. Only `--plot` imports this.

The numbers are those of `ytpool.actions.pictures`, and so of the commands' JSON. What a picture says by a colour it
says by a sign as well.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any

from rich.text import Text

from ytpool.actions.pictures.days import DayBars
from ytpool.actions.pictures.done import HeatMap, Sent, UploadTimeline
from ytpool.actions.pictures.slots import Slots
from ytpool.actions.pictures.use import AccountUse, BurnDown, BurnDowns, UseByAccount
from ytpool.actions.queue import AccountSlots
from ytpool.cli import canvas
from ytpool.cli.canvas import EIGHTHS, Canvas
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.cli.values import plain

_HOUR = timedelta(hours=1)


class Plotted(dict[str, Any]):
    """A result as scripts know it, and under `plots` the numbers of its pictures, which people see instead of it."""

    def __init__(self, result: Any, *pictures: Any) -> None:
        plots = [{"picture": one.picture, **plain(one)} for one in pictures]
        super().__init__({**plain(result), "plots": plots})
        self.pictures = pictures


def _head(where: Canvas, title: str, facts: str = "") -> Iterator[Text]:
    yield where.said(title, "bold")
    if facts:
        yield where.said(facts, "dim")


def _and_more(where: Canvas, sentence: str) -> Iterator[Text]:
    if sentence:
        yield where.said(sentence, "dim")


def _clock(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%H:%M}Z"


def _height(where: Canvas) -> int:
    return 8 if where.width < 120 else 12


def _row(where: Canvas, label: str, gutter: int) -> Text:
    """Begin a row of a chart: its label, where it has one, and the upright axis."""
    return where.line((f"{label:>{gutter}} " + where.signs("┤" if label else "│"), "dim"))


def _hours_axis(where: Canvas, gutter: int, begins: datetime, ends: datetime, columns: int) -> Iterator[Text]:
    yield where.line((f"{'0':>{gutter}} " + where.signs("└" + "─" * columns), "dim"))
    yield where.line((" " * (gutter + 2) + canvas.hours_below(begins, ends, columns), "dim"))


# A bucket over its day

_OUTLOOK = {"out": "red", "likely": "dark_orange", "possible": "yellow", "lasts": "green"}


def _burn_downs(downs: BurnDowns, where: Canvas) -> Iterator[Text]:
    for number, one in enumerate(downs.pictures):
        if number:
            yield Text("")
        yield from _burn_down(one, where)
    if not downs.pictures:
        yield where.said("nothing is used today, and nothing is expected to be", "dim")
        return
    yield Text("")
    worst = _OUTLOOK[downs.pictures[0].ahead.status]
    legend = (("█", "left until now", worst), *_AHEAD, ("┄", "new work stops", "dim"))
    yield from where.listed([_entry(where, *each) for each in legend])
    yield where.said("Hours are UTC.", "dim")
    for basis in dict.fromkeys(one.ahead.basis for one in downs.pictures):
        names = [f"{one.bucket} of {one.name}" for one in downs.pictures if one.ahead.basis == basis]
        what = "What is ahead" if len(names) == len(downs.pictures) else f"What is ahead of {', '.join(names)}"
        yield where.said(f"{what} rests on {basis}.", "dim")
    more = f"and {downs.more} more; name one: --project NAME --bucket NAME" if downs.more else ""
    yield from _and_more(where, more)


def _burn_down(one: BurnDown, where: Canvas) -> Iterator[Text]:
    ahead = one.ahead
    left = max(0, one.limit - one.used)
    yield from _head(where, f"{one.bucket} of {one.name}: {left:,} of {one.limit:,} left", _runs_out(one))
    height = _height(where)
    stops = max(0, one.limit - one.level)
    labels = {height: f"{one.limit:,}", round(stops / one.limit * height) if one.limit else 0: f"{stops:,}"}
    gutter = max(map(len, labels.values()))
    columns, hours = where.width - gutter - 2, round((one.resets_at - one.begins) / _HOUR)
    if columns >= hours:  # each of them gets as much room as the others
        columns = min(columns // hours, 6) * hours
    if columns < _LEAST_COLUMNS or not one.limit:
        return
    lefts = [_left_at(one, one.begins + (one.resets_at - one.begins) * ((n + 0.5) / columns)) for n in range(columns)]
    style = _OUTLOOK[ahead.status]
    for row in range(height - 1, -1, -1):
        label = labels.get(row + 1, "")
        line = _row(where, label, gutter)
        at_stop = label and row + 1 < height
        for each in lefts:
            sign, colour = _cell(each, one.limit, row, height, style)
            if not where.unicode and sign in EIGHTHS[1:8]:
                sign = "█" if sign in EIGHTHS[4:] or row == 0 else " "
            if sign == " " and at_stop:
                sign, colour = "┄", "dim"
            line.append(where.signs(sign), colour)
        yield line
    yield from _hours_axis(where, gutter, one.begins, one.resets_at, columns)


_LEAST_COLUMNS = 6
_AHEAD = (("▓", "in any case", "green"), ("▒", "likely", "yellow"), ("░", "at best", "dim"))
"""What is left later on, from the least to the most."""


def _entry(where: Canvas, sign: str, words: str, style: str) -> Text:
    return Text.assemble((where.signs(sign), style), f" {words}")


def _runs_out(one: BurnDown) -> str:
    ahead = one.ahead
    now = f"now {_clock(one.now)}, resets {_clock(one.resets_at)}"
    if ahead.status == "out":
        return f"has run out for new work; {now}"
    early, likely, late = _clock(ahead.early), _clock(ahead.likely), _clock(ahead.late)
    if ahead.likely is None:
        said = "lasts today" + ("" if ahead.early is None else f"; on a busy day it runs out at {early}")
    elif ahead.late is None:
        said = f"runs out at {likely}; at {early} on a busy day, and not today on a quiet one"
    else:
        said = f"runs out at {likely}" + ("" if early == late else f"; between {early} and {late}")
    return f"{said}; {now}"


_Lefts = tuple[float, float, float] | float
"""What is left: one number in the past; in any case, likely and at best in the time to come."""


def _left_at(one: BurnDown, at: datetime) -> _Lefts:
    if at <= one.now:
        used = _between(at, [(point.at, point.used) for point in one.course])
        return max(0.0, one.limit - used)
    band = one.ahead.band
    ways = (_between(at, [(point["at"], point[way]) for point in band]) for way in ("high", "likely", "low"))
    worst, likely, best = (max(0.0, one.limit - used) for used in ways)
    return worst, likely, best


def _between(at: datetime, points: Sequence[tuple[datetime, float]]) -> float:
    """Return the value on the line through these points."""
    place = bisect_right(points, at, key=lambda point: point[0])
    if place == 0:
        return points[0][1]
    if place == len(points):
        return points[-1][1]
    (begins, low), (ends, high) = points[place - 1], points[place]
    return low + (high - low) * ((at - begins) / (ends - begins))


def _cell(left: _Lefts, limit: int, row: int, height: int, style: str) -> tuple[str, str]:
    if not isinstance(left, tuple):
        eighths = round((left / limit * height - row) * 8)
        if row == 0 and left > 0:
            eighths = max(eighths, 1)  # a little is never shown as nothing
        return EIGHTHS[min(max(eighths, 0), 8)], style
    middle = (row + 0.5) / height * limit
    for amount, (sign, _, colour) in zip(left, _AHEAD, strict=True):
        if amount >= middle or (row == 0 and amount > 0):
            return sign, colour
    return " ", ""


def _burn_down_rows(downs: BurnDowns) -> Iterator[Mapping[str, Any]]:
    for one in downs.pictures:
        who = {"name": one.name, "bucket": one.bucket, "limit": one.limit}
        for point in one.course:
            yield {**who, "at": point.at, "used": point.used, "low": None, "likely": None, "high": None}
        for ahead in one.ahead.band[1:]:
            yield {**who, "used": None, **ahead}


VIEWS[BurnDowns] = View(
    rows=_burn_down_rows,
    columns=(
        ("Project", "name"),
        ("Bucket", "bucket"),
        ("Limit", "limit"),
        ("At", "at"),
        ("Used", "used"),
        ("Low", "low"),
        ("Likely", "likely"),
        ("High", "high"),
    ),
    picture=_burn_downs,
)


# Who used it

_ACCOUNTS = ("cyan", "magenta", "yellow", "green", "blue", "bright_magenta", "bright_cyan", "white", "bright_black")
_LETTERS = "abcdefgh+"


def _use_by_account(use: UseByAccount, where: Canvas) -> Iterator[Text]:
    title = f"{use.bucket} of {use.quota_day}: {use.used:,} of {use.limit:,} used by accounts"
    if not use.used:
        yield from _head(where, title, "no account has used any of it yet")
        return
    shares = [*use.accounts, *([use.others] if use.others else ())]
    hours = round((use.resets_at - use.begins) / _HOUR)
    together = 1
    most = _tallest(shares, together)
    while (room := where.width - len(f"{most:,}") - 2) < -(-hours // together) and together < hours:
        together += 1
        most = _tallest(shares, together)
    span = "hour" if together == 1 else f"{together} hours"
    yield from _head(where, title, f"by the {span}, at most {most:,}; now {_clock(use.now)}")
    cells = -(-hours // together)
    cell = min(max(room // cells, 1), 6)
    if room >= cells:
        yield from _stacked(shares, use, where, together=together, cell=cell, most=most)
    legend = []
    for place, share in enumerate(shares):
        style, letter = _mark(share, place, where)
        number = f" {share.used:,} ({100 * share.used / use.used:.0f} %)"
        room = max(min(_NAME, where.width - len(number) - 2), 1)
        name = f"{use.more:,} others" if share is use.others else share.account
        legend.append(Text.assemble((letter, style), f" {where.cut(name, room).rstrip()}{number}"))
    yield from where.listed(legend)
    yield where.said("Hours are UTC.", "dim")


_NAME = 32


def _mark(share: AccountUse, number: int, where: Canvas) -> tuple[str, str]:
    number = len(_LETTERS) - 1 if not share.account else number
    by_colour = where.coloured and where.unicode
    return _ACCOUNTS[number % len(_ACCOUNTS)], "█" if by_colour else _LETTERS[number % len(_LETTERS)]


def _tallest(shares: Sequence[AccountUse], together: int) -> int:
    return max(map(sum, zip(*(canvas.put_together(share.hourly, together) for share in shares), strict=True)))


def _stacked(
    shares: Sequence[AccountUse], use: UseByAccount, where: Canvas, *, together: int, cell: int, most: int
) -> Iterator[Text]:
    height, gutter = min(_height(where), most), len(f"{most:,}")
    marks = [_mark(share, number, where) for number, share in enumerate(shares)]
    stacks = list(zip(*(canvas.put_together(share.hourly, together) for share in shares), strict=True))
    scale = height / max(most, 1)
    gap = " " if cell >= 3 else ""
    for row in range(height - 1, -1, -1):
        label = f"{most:,}" if row == height - 1 else ""
        line = _row(where, label, gutter)
        for stack in stacks:
            sign, style = _layer([units * scale for units in stack], marks, row)
            line.append(sign * (cell - len(gap)), style).append(gap)
        yield line
    columns = cell * -(-round((use.resets_at - use.begins) / _HOUR) // together)
    ends = use.begins + columns // cell * together * _HOUR
    yield from _hours_axis(where, gutter, use.begins, ends, columns)


def _layer(stack: Sequence[float], marks: Sequence[tuple[str, str]], row: int) -> tuple[str, str]:
    """Return what one cell of a column shows: at most two of its layers, or the letter of the widest."""
    parts: list[tuple[float, int]] = []
    bottom = 0.0
    for number, height in enumerate(stack):
        seen = min(bottom + height, row + 1) - max(bottom, row)
        if seen > 0:
            parts.append((seen, number))
        bottom += height
    if not parts:
        return " ", ""
    filled = sum(seen for seen, _ in parts)
    widest = max(parts)[1]
    style, sign = marks[widest]
    if sign != "█":
        return (sign, style) if filled >= 0.5 or row == 0 else (" ", "")
    if len(parts) == 1:
        eighths = max(round(filled * 8), 1 if row == 0 else 0)
        return EIGHTHS[eighths], style
    (seen, lower), (_, upper) = parts[0], max(parts[1:])
    if filled < _NEARLY_FULL:  # above them it is empty, and a cell has two colours only
        return EIGHTHS[max(round(filled * 8), 1)], style
    eighths = round(seen * 8)
    return EIGHTHS[eighths], f"{marks[lower][0]} on {marks[upper][0]}"


_NEARLY_FULL = 15 / 16


def _use_rows(use: UseByAccount) -> Iterator[Mapping[str, Any]]:
    for share in (*use.accounts, *([use.others] if use.others else ())):
        name = share.account or f"{use.more} others"
        for begins, units in zip(use.hours, share.hourly, strict=True):
            yield {"account": name, "bucket": use.bucket, "hour": begins, "used": units}


VIEWS[UseByAccount] = View(
    rows=_use_rows,
    columns=(("Account", "account"), ("Bucket", "bucket"), ("Hour", "hour"), ("Used", "used")),
    picture=_use_by_account,
)


# Hours and accounts

_HEAT = "·░▒▓█"


def _heat_map(heat: HeatMap, where: Canvas) -> Iterator[Text]:
    yield from _head(where, f"Calls from {_day(heat.since)} to {_day(heat.until)} UTC")
    if not heat.rows:
        yield where.said("nothing was done in this window", "dim")
        return
    names = [row.account or "-" for row in heat.rows]
    column = where.column(names)
    right = _numbers_beside(heat, where)
    room = max(where.width - column - 1 - (len(right[0]) if right else 0), 1)
    together = -(-len(heat.starts) // room)
    cells = -(-len(heat.starts) // together)
    cell = min(max(room // cells, 1), 4)
    rows = [(canvas.put_together(row.cells, together), canvas.put_together(row.wrong, together)) for row in heat.rows]
    most = max(max(counts) for counts, _ in rows)
    marked = cell > 1 and not where.coloured
    for name, (counts, wrong), numbers in zip(names, rows, right[1:] or [""] * len(rows), strict=True):
        line = where.line(where.cut(name, column) + " ")
        for count, failed in zip(counts, wrong, strict=True):
            sign = where.signs(_HEAT[canvas.level(count, most, len(_HEAT) - 1)]) * cell
            if failed and marked:
                sign = sign[:-1] + "!"
            line.append(sign, "red" if failed else "cyan" if count else "dim")
        yield line.append(numbers)
    ends = heat.starts[0] + cells * together * heat.span
    below = canvas.hours_below(heat.starts[0], ends, cells * cell)
    yield where.line((" " * (column + 1) + below.ljust(cells * cell), "dim"), (right[0] if right else "", "dim"))
    span = together * round(heat.span / _HOUR)
    steps = [-(-most * number // (len(_HEAT) - 1)) for number in range(1, len(_HEAT))]
    scale = [_entry(where, sign, f"to {count:,}", "cyan") for sign, count in zip(_HEAT[1:], steps, strict=True)]
    if any(row.failed for row in heat.rows) and (marked or where.coloured):
        scale.append(Text.assemble(("!" if marked else where.signs("█"), "red"), " some failed"))
    yield from where.listed(scale)
    each = "an hour" if span == 1 else f"{span} hours"
    yield where.said(f"{heat.calls:,} calls; a cell is {each}, and hours are UTC.", "dim")
    yield from _and_more(where, f"and {heat.more:,} accounts more, less busy; the report has all" if heat.more else "")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _numbers_beside(heat: HeatMap, where: Canvas) -> list[str]:
    """Return the sums at the right of the rows, after their heading; none where there is little room."""
    if where.width < _ROOM_FOR_SUMS:
        return []
    failed = any(row.failed for row in heat.rows)
    lines = [("calls", "failed"), *((f"{row.calls:,}", f"{row.failed:,}" if row.failed else "") for row in heat.rows)]
    first, second = (max(len(line[place]) for line in lines) for place in (0, 1))
    return [f"  {calls:>{first}}" + (f"  {wrong:>{second}}" if failed else "") for calls, wrong in lines]


_ROOM_FOR_SUMS = 50


def _heat_rows(heat: HeatMap) -> Iterator[Mapping[str, Any]]:
    for row in heat.rows:
        for begins, calls, failed in zip(heat.starts, row.cells, row.wrong, strict=True):
            if calls:
                yield {"account": row.account, "from": begins, "calls": calls, "failed": failed}


VIEWS[HeatMap] = View(
    rows=_heat_rows,
    columns=(("Account", "account"), ("From", "from"), ("Calls", "calls"), ("Failed", "failed")),
    picture=_heat_map,
)


# Uploads in their time

_STATES = {"done": "green", "partly": "yellow", "failed": "red", "finished_unknown": "magenta", "running": "cyan"}
_ENDS = {"done": "━", "partly": "━", "failed": "!", "cancelled": "!", "finished_unknown": "?"}
"""How a line ends whose upload nobody is at; one that may go on breaks off."""


def _timeline(line: UploadTimeline, where: Canvas) -> Iterator[Text]:
    yield from _head(where, f"Uploads from {_day(line.since)} to {_day(line.until)} UTC")
    if not line.uploads:
        yield where.said("no upload was on its way in this window", "dim")
        return
    shown = line.uploads[-_MOST_LINES:]
    names = [PurePath(one.file).name for one in shown]
    column = where.column(names)
    accounts = where.column([one.account for one in shown]) if where.width >= _ROOM_FOR_ACCOUNTS else 0
    state = max(len(_how(one)) for one in shown) if where.width >= _ROOM_FOR_SUMS else 0
    left = column + 1 + (accounts + 1 if accounts else 0)
    room = max(where.width - left - (state + 1 if state else 0), 1)
    for name, one in zip(names, shown, strict=True):
        begins, ends = _place(one, line, room)
        style = _STATES.get(one.state, "yellow")
        sign = where.signs("━" * (ends - begins - 1) + ("▶" if one.working else _ENDS.get(one.state, "┄")))
        text = where.line(where.cut(name, column) + " ", where.cut(one.account, accounts) + " " * bool(accounts))
        text.append(" " * begins).append(sign, style).append(" " * (room - ends))
        yield text.append(f" {_how(one)}" if state else "", style)
    yield where.line((" " * left + canvas.hours_below(line.since, line.until, room), "dim"))
    more = line.more + len(line.uploads) - len(shown)
    yield where.said("Hours are UTC.", "dim")
    yield from _and_more(where, f"and {more:,} uploads more, begun earlier" if more else "")


_MOST_LINES = 30
_ROOM_FOR_ACCOUNTS = 100


def _place(one: Sent, line: UploadTimeline, room: int) -> tuple[int, int]:
    whole = max((line.until - line.since) / _HOUR, 0.001)
    begins, ends = (round((at - line.since) / _HOUR / whole * room) for at in (one.begun_at, one.until))
    begins = min(max(begins, 0), room - 1)
    return begins, min(max(ends, begins + 1), room)


def _how(one: Sent) -> str:
    if one.working:
        return f"{100 * one.kept / one.bytes:.0f} %" if one.bytes else "at work"
    return one.state.replace("_", " ")


VIEWS[UploadTimeline] = View(
    rows="uploads",
    columns=(
        ("Job", "job"),
        ("Account", "account"),
        ("File", "file"),
        ("State", "state"),
        ("Begun", "begun_at"),
        ("Until", "until"),
        ("Bytes", "bytes"),
        ("Kept", "kept"),
    ),
    picture=_timeline,
)


# Places to work


def _slots(found: Slots, where: Canvas) -> Iterator[Text]:
    waiting = "one job waits" if found.queued == 1 else f"{found.queued:,} jobs wait"
    yield from _head(where, f"{found.running:,} of {found.max_slots:,} slots taken; {waiting}")
    if not found.accounts:
        yield where.said("no account yet; add one: ytpool auth add NAME --client-secrets FILE", "dim")
        return
    column = where.column([one.name for one in found.accounts])
    words = [f"{one.running} of {one.max_slots}" for one in found.accounts]
    numbers = max(map(len, words)) if where.width >= _ROOM_FOR_NUMBERS else 0
    room = max(where.width - column - 1 - (numbers + 1 if numbers else 0), 1)
    most = max(max(one.max_slots, one.running) for one in found.accounts)
    boxes = min(most, room)
    for one, word in zip(found.accounts, words, strict=True):
        taken, free, closed = _boxes(one, boxes, most)
        line = where.line(where.cut(one.name, column) + " ")
        line.append(where.signs("■" * taken), "cyan").append(where.signs("□" * free), "green")
        line.append(where.signs("·" * closed), "dim").append(" " * (boxes - taken - free - closed))
        line.append(f" {word:>{numbers}}" if numbers else "")
        state = "" if one.state == "active" else f"  {one.state.replace('_', ' ')}"
        line.append(state, "dim")
        line.truncate(where.width, overflow="crop")
        yield line
    closed = any(not one.available and one.running < one.max_slots for one in found.accounts)
    legend = [_entry(where, "■", "taken", "cyan"), _entry(where, "□", "free", "green")]
    yield from where.listed([*legend, *([_entry(where, "·", "of no use now", "dim")] if closed else ())])
    yield from _and_more(where, f"and {found.more:,} accounts more, none of them busier" if found.more else "")


_ROOM_FOR_NUMBERS = 30


def _boxes(one: AccountSlots, boxes: int, most: int) -> tuple[int, int, int]:
    """Return how many boxes stand for places that are taken, free, and of no use now."""
    scale = boxes / most if most else 0
    taken = max(round(one.running * scale), int(one.running > 0))
    free = min(round(one.available * scale), boxes - taken)
    closed = max(0, min(round(one.max_slots * scale), boxes) - taken - free)
    return taken, free, closed


VIEWS[Slots] = View(
    rows="accounts",
    columns=(("Account", "name"), ("Running", "running"), ("Slots", "max_slots"), ("Free", "available")),
    picture=_slots,
)


# Days and buckets


def _day_bars(bars: DayBars, where: Canvas) -> Iterator[Text]:
    beside = "" if bars.before_since is None else f"; before: as many days from {bars.before_since} on"
    yield from _head(where, f"Share of the limit used, {bars.since} to {bars.until}, by quota day{beside}")
    if not bars.rows:
        yield where.said("nothing was used in these days", "dim")
        return
    names = [f"{row.project} {row.bucket}" for row in bars.rows]
    column = where.column(names, least=12)  # two buckets of a project differ at their end
    right = 7 if where.width >= _ROOM_FOR_NUMBERS else 0
    room = max(where.width - column - 1 - right, 1)
    together = -(-bars.days // room)
    cells = -(-bars.days // together)
    cell = min(max(room // cells, 1), 6)
    for name, row in zip(names, bars.rows, strict=True):
        for label, percents, style in ((name, row.percents, ""), ("  before", row.before, "dim")):
            if percents is None:
                continue
            line = where.line((where.cut(label, column) + " ", style))
            for day in range(0, bars.days, together):
                line.append_text(_bar_of(percents[day : day + together], where, bars.thresholds, cell))
            fullest = max((each for each in percents if each is not None), default=0.0)
            line.append(f" {fullest:>4.0f} %" if right else "", style)
            line.truncate(where.width, overflow="crop")
            yield line
    below = canvas.days_below(bars.since, cells, cell) if together == 1 else f"{bars.since:%m-%d}"
    yield where.line((" " * (column + 1) + below, "dim"))
    each = "a day" if together == 1 else f"{together} days, of which it is the fullest"
    yield where.said(f"A sign is {each}; it is full at the limit. Today counts as far as it has gone.", "dim")
    yield from _and_more(where, f"and {bars.more:,} buckets more; name one: --project, --bucket" if bars.more else "")


def _bar_of(percents: Iterable[float | None], where: Canvas, thresholds: Sequence[int], cell: int) -> Text:
    fullest = max((each for each in percents if each is not None), default=0.0)
    if not fullest:
        return Text(where.signs("·") + " " * (cell - 1), "dim")
    light = ("green", "yellow", "orange", "red")[bisect_right(thresholds, fullest)]
    sign = where.signs(EIGHTHS[canvas.level(fullest, 100, 8)])
    return Text(sign * max(1, cell - 1) + " " * min(1, cell - 1), STATUS_STYLES[light])


def _day_rows(bars: DayBars) -> Iterator[Mapping[str, Any]]:
    for row in bars.rows:
        for number, percent in enumerate(row.percents):
            before = None if row.before is None else row.before[number]
            if percent is not None or before is not None:
                day = bars.since + timedelta(days=number)
                yield {
                    "quota_day": day,
                    "project": row.project,
                    "bucket": row.bucket,
                    "percent": percent,
                    "before": before,
                }


VIEWS[DayBars] = View(
    rows=_day_rows,
    columns=(
        ("Day", "quota_day"),
        ("Project", "project"),
        ("Bucket", "bucket"),
        Column("Percent", "percent"),
        Column("Before", "before"),
    ),
    picture=_day_bars,
)
