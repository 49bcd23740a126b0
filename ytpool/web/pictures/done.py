"""What was done over a window: hours by accounts, and the uploads on a line of time. Drawn."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta

from ytpool.actions.pictures.done import HeatMap, HeatRow, Sent, UploadTimeline
from ytpool.domain import moments
from ytpool.domain.jobs import JobState
from ytpool.web.markup import Markup, tag, together
from ytpool.web.pictures.canvas import (
    WIDE,
    Drawing,
    Field,
    box,
    hours,
    label,
    legend,
    legend_height,
    line,
    nothing,
)
from ytpool.web.pieces import counted

_NAMES, _SUMS = 170, 96
_ROW = 19
_SHADES = 5
_A_WEEK = timedelta(days=7)
"""A longer window may be all there ever was: its picture begins with the first."""


def heat_map(seen: HeatMap) -> Drawing:
    """Draw how busy each account was in each hour: darker is more, and a mark says that something went wrong."""
    window = _window(seen.since, seen.until)
    title = "Operations by hour and account"
    if not seen.rows:
        return nothing(title, f"Nothing was done {window}.")
    bottom = len(seen.rows) * _ROW
    ends = seen.starts[-1] + seen.span
    field = Field(left=_NAMES, right=WIDE - _SUMS, top=0, bottom=bottom, begins=seen.starts[0], ends=ends)
    wide = (field.right - field.left) / len(seen.starts)
    shades = {_least(shade, seen.most): f"heat h{shade}" for shade in range(1, _SHADES + 1)}
    colours = [(kind, f"from {least:,}") for least, kind in shades.items()]
    content = together(
        [_heat_row(row, seen, field, number * _ROW, wide) for number, row in enumerate(seen.rows)],
        hours(field, most=12),
        legend([*colours, ("wrong", "some went wrong")], bottom + 40, WIDE, columns=6),
    )
    calls, failed = sum(row.calls for row in seen.rows), sum(row.failed for row in seen.rows)
    return Drawing(
        title=title,
        left_out=f"Left out: {counted(seen.more, 'account')} that did less." if seen.more else "",
        about=f"{counted(calls, 'operation')} of {counted(len(seen.rows), 'account')} {window}, "
        f"{failed:,} of them failed or unknown. "
        f"At most {seen.most:,} in {_span(seen.span)}.",
        width=WIDE,
        height=bottom + 40 + legend_height(6, 6) + 4,
        content=content,
    )


def _heat_row(row: HeatRow, seen: HeatMap, field: Field, top: float, wide: float) -> Markup:
    cells = []
    for number, (calls, wrong) in enumerate(zip(row.cells, row.wrong, strict=True)):
        if not calls:
            continue
        x = field.left + number * wide
        shade = 1 + min(calls * _SHADES // (seen.most + 1), _SHADES - 1)
        hint = f"{row.account}, {seen.starts[number]:%m-%d %H:%M} UTC: {calls:,} done or tried"
        mark = None
        if wrong:
            hint += f", {wrong:,} went wrong"
            size = min(wide - 1, 7)
            mark = box(x + wide - 0.5 - size, top + 1, size, size, "wrong")
        cell = box(x + 0.5, top + 1, max(wide - 1, 0.8), _ROW - 2, f"heat h{shade}")
        cells.append(tag("g", tag("title", hint), cell, mark))
    sums = f"{row.calls:,}" + (f" ({row.failed:,})" if row.failed else "")
    return together(
        label(row.account, _NAMES - 8, top + 14, (_NAMES - 16) / 6.7, anchor="end"),
        box(field.left, top + 1, field.right - field.left, _ROW - 2, "none"),
        cells,
        label(sums, field.right + 8, top + 14, (_SUMS - 10) / 6.7),
    )


def _least(shade: int, most: int) -> int:
    """Return the number with which a shade begins."""
    return max(1, -(-(shade - 1) * (most + 1) // _SHADES))


def upload_timeline(seen: UploadTimeline) -> Drawing:
    """Draw which upload went when, how far it has come and how it ended."""
    window = _window(seen.since, seen.until)
    title = "When which upload was sent"
    if not seen.uploads:
        return nothing(title, f"Nothing was uploaded {window}.")
    bottom = len(seen.uploads) * _ROW
    first = min(one.begun_at for one in seen.uploads)
    begins = seen.since if seen.until - seen.since <= _A_WEEK else max(seen.since, first)
    field = Field(left=230, right=WIDE - 210, top=0, bottom=bottom, begins=begins, ends=seen.until)
    counts: dict[str, int] = {}
    for one in seen.uploads:
        counts[_state(one)] = counts.get(_state(one), 0) + 1
    return Drawing(
        title=title,
        left_out=f"Left out: {counted(seen.more, 'older one')}." if seen.more else "",
        about=f"{counted(len(seen.uploads), 'upload')} {window}: "
        + ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items()))
        + ".",
        width=WIDE,
        height=bottom + 40,
        content=together(
            hours(field, most=10), [_sent(one, field, number * _ROW) for number, one in enumerate(seen.uploads)]
        ),
    )


def _sent(one: Sent, field: Field, top: float) -> Markup:
    begins, ends = field.x(one.begun_at), field.x(one.until)
    share = one.kept / one.bytes if one.bytes else 1.0
    name = os.path.basename(one.file)  # noqa: PTH119 -- its last part is wanted, be it a path or not
    hint = (
        f"{name} as {one.account or 'nobody yet'}: {_state(one)}, {one.kept:,} of {one.bytes:,} bytes, from "
        f"{moments.spoken(one.begun_at)} to {moments.spoken(one.until)}"
    )
    return together(
        label(name, field.left - 8, top + 14, (field.left - 16) / 6.7, anchor="end"),
        line(field.left, top + _ROW, field.right, top + _ROW, "grid"),
        box(begins, top + 4, max(ends - begins, 3), _ROW - 7, f"sent {_KINDS.get(one.state, 'waits')}", hint),
        None if one.ended_at else line(ends, top + 2, ends, top + _ROW - 1, "now"),
        label(
            f"{_state(one)}{'' if share >= 1 else f', {share:.0%}'} · {one.account}",
            field.right + 10,
            top + 14,
            200 / 6.7,
        ),
    )


_KINDS: Mapping[str, str] = {
    JobState.DONE: "done",
    JobState.PARTLY: "partly",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
    JobState.FINISHED_UNKNOWN: "unknown",
    JobState.RUNNING: "running",
}


def _state(one: Sent) -> str:
    return "running" if one.working else one.state.replace("_", " ")


def _window(since: datetime, until: datetime) -> str:
    return f"from {moments.spoken(since)} to {moments.spoken(until)}"


def _span(span: timedelta) -> str:
    number = round(span / timedelta(hours=1))
    return "an hour" if number == 1 else f"{number} hours"
