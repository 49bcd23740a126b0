"""What buckets came to day by day: drawn."""

from datetime import date, timedelta

from ytpool.actions.pictures.days import DayBars, DayRow
from ytpool.domain import quota
from ytpool.web.markup import Markup, together
from ytpool.web.pictures.canvas import WIDE, Drawing, box, label, legend, legend_height, line, nothing
from ytpool.web.pieces import counted

_NAMES, _WORDS = 200, 120
_ROW = 36
_FULL = 26
"""How high the bar of a day is on which all was used."""
_LABELS = 12


def day_bars(seen: DayBars) -> Drawing:
    """Draw how full each bucket was on each day; what was booked beyond a limit is as high as the limit."""
    title = "Quota by day"
    if not seen.rows:
        return nothing(title, f"Nothing was used from {seen.since} to {seen.until}.")
    bottom = len(seen.rows) * _ROW
    wide = (WIDE - _NAMES - _WORDS) / seen.days
    every = -(-seen.days // _LABELS)
    yellow, orange, red = seen.thresholds
    lights = [
        ("light green", f"below {yellow} %"),
        ("light yellow", f"from {yellow} %"),
        ("light orange", f"from {orange} %"),
        ("light red", f"from {red} %"),
    ]
    return Drawing(
        title=title,
        about=f"How full {counted(len(seen.rows), 'bucket')} {'was' if len(seen.rows) == 1 else 'were'} "
        f"on each of {seen.days:,} quota days, from {seen.since} to {seen.until}.",
        left_out=f"Left out: {counted(seen.more, 'bucket')} of which less was used." if seen.more else "",
        width=WIDE,
        height=bottom + 28 + legend_height(len(lights), 6) + 4,
        content=together(
            [_row(row, seen, number * _ROW, wide) for number, row in enumerate(seen.rows)],
            [
                label(
                    f"{_day(seen, day):%m-%d}",
                    _NAMES + (day + 0.5) * wide,
                    bottom + 15,
                    8,
                    kind="tick",
                    anchor="middle",
                )
                for day in range(0, seen.days, every)
            ],
            legend(lights, bottom + 28, WIDE, columns=6),
        ),
    )


def _row(row: DayRow, seen: DayBars, top: float, wide: float) -> Markup:
    ground = top + 4 + _FULL
    name = f"{row.project} {row.bucket}"
    fullest = max((percent for percent in row.percents if percent is not None), default=0.0)
    bars = [
        box(
            _NAMES + day * wide + 0.5,
            ground - _height(percent),
            max(wide - 1, 0.8),
            _height(percent),
            f"light {quota.light(percent, seen.thresholds)}",
            f"{name}, {_day(seen, day)}: {percent:g} %",
        )
        for day, percent in enumerate(row.percents)
        if percent is not None
    ]
    return together(
        label(name, _NAMES - 8, ground - 4, (_NAMES - 16) / 6.7, anchor="end"),
        line(_NAMES, ground, WIDE - _WORDS, ground, "grid"),
        bars,
        label(f"at most {fullest:g} %", WIDE - _WORDS + 8, ground - 4, (_WORDS - 10) / 6.7),
    )


def _height(percent: float) -> float:
    return max(1.0, _FULL * min(percent, 100) / 100)


def _day(seen: DayBars, number: int) -> date:
    return seen.since + timedelta(days=number)
