"""How the activity journal is seen, handed out and followed; only its own commands import this."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import typer

from ytpool.actions import activity, exporting
from ytpool.actions.activity import ActivityReport, Wanted
from ytpool.cli.invocation import Invocation, speaks_unicode
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.cli.reading import is_read_on
from ytpool.cli.values import json_line, plain, visible
from ytpool.domain.sizes import spoken_bytes
from ytpool.errors import Interrupted, UsageWrong, YtpoolError
from ytpool.store.entries import Entry

T = TypeVar("T")

_TITLES = {"account": "Account", "project": "Project", "operation": "Operation", "outcome": "Outcome", "hour": "Hour"}
_NUMBERS = (
    *("calls", "done", "failed", "unknown", "success_rate", "units", "bytes", "seconds"),
    *("median_seconds", "p95_seconds", "last_at"),
)
"""What a line of sums has behind what it is of."""
_OPERATION = tuple(name for name in Entry._fields if name not in ("entry", "settles"))
"""What of a row is told of an operation."""
_ROW = (*_OPERATION, "settles")
"""What is told of a row as it was written."""
_COLOURS = {"done": "\x1b[32m", "failed": "\x1b[31m", "unknown": "\x1b[35m"}
_LINES_AT_ONCE = 500
_LOOKS_EVERY = 1.0


def _spoken_seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min"


def _some(count: int) -> str:
    return f"{count:,}" if count else "·"


def _some_bytes(count: int) -> str:
    return spoken_bytes(count) if count else "·"


def _title(told: ActivityReport) -> str:
    return f"Activity from {told.since:%Y-%m-%d %H:%M} to {told.until:%Y-%m-%d %H:%M} UTC"


def _below(told: ActivityReport) -> str:
    total = told.totals
    counts = f"{total['calls']:,} calls, {total['failed']:,} failed, {total['unknown']:,} unknown"
    line = f"{counts}, {total['units']:,} units, {spoken_bytes(total['bytes'])}"
    if told.kept_from is None or told.since > told.kept_from:
        return line
    return f"{line}\nwhat was done before {told.kept_from:%Y-%m-%d %H:%M} UTC is gone by its age"


def _views(by: Iterable[str]) -> tuple[View, View]:
    """Show what was asked for in front of the numbers, and nothing else: a pipe has no use for empty columns."""
    return (
        View(
            rows="rows",
            title=_title,
            columns=(
                *(Column(_TITLES[name], name, style=STATUS_STYLES if name == "outcome" else "") for name in by),
                Column("Calls", "calls", shown="{:,}".format, justify="right"),
                Column("Done", "done", shown=_some, justify="right", style="green", from_width=100),
                Column("Failed", "failed", shown=_some, justify="right", style="red"),
                Column("Unknown", "unknown", shown=_some, justify="right", style="magenta", from_width=60),
                Column("Worked", "success_rate", shown="{:.0%}".format, justify="right", from_width=50),
                Column("Units", "units", shown=_some, justify="right"),
                Column("Bytes", "bytes", shown=_some_bytes, justify="right", from_width=100),
                Column("Seconds", "seconds", shown="{:,.1f}".format, justify="right", from_width=120),
                Column("Median", "median_seconds", shown=_spoken_seconds, justify="right", from_width=100),
                Column("p95", "p95_seconds", shown=_spoken_seconds, justify="right", from_width=100),
                Column("Last", "last_at", from_width=140),
            ),
            empty="nothing was done in this window",
            footer=_below,
        ),
        View(
            rows="errors",
            columns=(
                ("What went wrong in", "operation"),
                ("Reason", "reason"),
                Column("Times", "times", shown="{:,}".format, justify="right"),
            ),
            empty="nothing went wrong",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written where."""

    file: Path | None
    """None where it went to stdout."""
    format: str
    since: datetime
    until: datetime
    lines: int
    bytes: int | None


def _written(told: Exported) -> str:
    if told.file is None or told.bytes is None:
        return ""
    lines = "1 line" if told.lines == 1 else f"{told.lines:,} lines"
    return f"{told.file}: {lines}, {spoken_bytes(told.bytes)}"


VIEWS[Exported] = View(text=_written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tailed:
    """How much was shown."""

    lines: int
    problem: YtpoolError | None = None


VIEWS[Tailed] = View(text=lambda _: "")


def report(ctx: typer.Context, wanted: Wanted, *, by: str | None, plot: bool) -> Any:  # an ActivityReport, or drawn
    """Sum up what was done."""
    rt = runtime(ctx)
    told = activity.report(rt, wanted, by=by)
    VIEWS[ActivityReport] = _views(told.by)
    if not plot:
        return told
    from ytpool.actions.pictures import done  # noqa: PLC0415 -- most do not draw
    from ytpool.cli.plots import Plotted  # noqa: PLC0415

    # Now is the same for all three of them.
    wanted = replace(wanted, since=told.since, until=wanted.until or told.until + timedelta(microseconds=1))
    heat = done.heat_map(rt, wanted)
    if wanted.project is None and wanted.operation in (None, "videos.insert"):
        return Plotted(told, heat, done.upload_timeline(rt, wanted))
    return Plotted(told, heat)


# Export


def export(
    ctx: typer.Context,
    wanted: Wanted,
    *,
    by: str | None,
    how: str | None,
    rows: bool,
    output: Path | None,
    named: bool,
) -> Exported | ActivityReport | None:
    """Write sums or operations to a file, or to stdout as they are read."""
    call = invocation(ctx)
    _require_sense(call, by=by, how=how, rows=rows, output=output, named=named)
    if how is None:
        suffix = "" if output is None else output.suffix.removeprefix(".").lower()
        how = suffix if suffix in ("jsonl", "csv") else "json"
    rt = runtime(ctx)
    to_file = named or output is not None
    as_line = partial(json_line, ascii_only=not to_file and not speaks_unicode(call.stdout))
    lines = _Counted()
    if rows:
        since, until, found = activity.operations(rt, wanted)
        operations = map(_as_operation, lines.of(found))
        if call.json and not to_file:
            for one in operations:
                call.emit("operation", **one)
                if call.lost is not None:
                    break
            return Exported(file=None, format=how, since=since, until=until, lines=lines.count, bytes=None)
        pieces = _operations(since, until, operations, how, as_line)
    else:
        told = activity.report(rt, wanted, by=by)
        if call.json and not to_file:
            return told
        since, until = told.since, told.until
        pieces = _sums(told, lines.of(told.rows), how, as_line)
    if named or (output is not None and output.is_dir()):
        kind = "activity" if rows else "aggregated_activity"
        output = (output or Path()) / f"{kind}_{_stamp(since)}_{_stamp(until)}.{how}"
    size = None
    if output is not None:
        exporting.require_no_binary(output)
        size = exporting.write(output, pieces)
    else:
        rest = iter(pieces)
        while call.lost is None and (some := "".join(islice(rest, _LINES_AT_ONCE))):
            call.write(some)
    return Exported(file=output, format=how, since=since, until=until, lines=lines.count, bytes=size)


def _require_sense(
    call: Invocation, *, by: str | None, how: str | None, rows: bool, output: Path | None, named: bool
) -> None:
    if named and output is not None:
        raise UsageWrong("--file and --output exclude each other", hint="--output FILE names the file, --file does not")
    if rows and by is not None:
        raise UsageWrong("--by sums operations up, and --rows writes each by itself", hint="leave out one of them")
    if call.json and how is not None and output is None and not named:
        raise UsageWrong("--json and --format exclude each other, unless --file or --output is named")


class _Counted:
    """How many lines went through."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, rows: Iterable[T]) -> Iterator[T]:
        for row in rows:
            self.count += 1
            yield row


def _sums(
    told: ActivityReport, rows: Iterable[dict[str, Any]], how: str, as_line: Callable[[Any], str]
) -> Iterator[str]:
    if how == "json":
        yield as_line(replace(told, rows=tuple(rows)))
    else:
        yield from _lines(rows, (*told.by, *_NUMBERS), how, as_line)


def _operations(
    since: datetime, until: datetime, rows: Iterable[dict[str, Any]], how: str, as_line: Callable[[Any], str]
) -> Iterator[str]:
    if how != "json":
        yield from _lines(rows, _OPERATION, how, as_line)
        return
    yield as_line({"since": since, "until": until}).rstrip("}\n")
    before = ', "rows": [\n'
    for row in rows:
        yield before + as_line(row).rstrip("\n")
        before = ",\n"
    yield "\n]}\n" if before == ",\n" else ', "rows": []}\n'


def _lines(
    rows: Iterable[dict[str, Any]], columns: Sequence[str], how: str, as_line: Callable[[Any], str]
) -> Iterator[str]:
    if how == "jsonl":
        yield from map(as_line, rows)
        return
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_in_csv(plain(row[name])) for name in columns])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _in_csv(value: Any) -> Any:
    return ("false", "true")[value] if isinstance(value, bool) else value


def _as_operation(one: Entry) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _OPERATION}


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"


# Following


def tail(ctx: typer.Context, wanted: Wanted, *, lines: int, follow: bool) -> Tailed:
    """Show the last rows, and what comes."""
    call, rt = invocation(ctx), runtime(ctx)
    shown = 0
    try:
        found, reached = activity.newest(rt, wanted, lines)
        if not call.json and not call.on_terminal(call.stdout):
            call.write("\t".join(_ROW) + "\n")
        while True:
            for one in found:
                shown += 1  # first: a line that somebody has read is counted, whenever Ctrl-C comes
                _show(call, one)
            if not follow or call.lost is not None:
                return Tailed(lines=shown)
            if not found and not is_read_on(call, rt, _LOOKS_EVERY):
                return Tailed(lines=shown)
            found, reached = activity.newer(rt, wanted, reached)
    except KeyboardInterrupt:
        return Tailed(lines=shown, problem=Interrupted("no longer following"))


def _show(call: Invocation, one: Entry) -> None:
    row = {**_as_operation(one), "settles": one.settles}
    if call.json:
        call.emit("activity", **row)
    elif call.on_terminal(call.stdout):
        call.write(_spoken(one, coloured=call.coloured(call.stdout)) + "\n")
    else:
        cells = [_in_csv(plain(row[name])) for name in _ROW]
        call.write("\t".join("" if cell is None else visible(str(cell)) for cell in cells) + "\n")


def _spoken(one: Entry, *, coloured: bool) -> str:
    """Word a row for people: when, how it ended, who, what, and what is worth knowing of it."""
    outcome = f"{one.outcome:7}"
    if coloured:
        outcome = f"{_COLOURS.get(one.outcome, '')}{outcome}\x1b[0m"
    known = (
        f"{one.units:,} unit{'s' * (one.units != 1)}" if one.units else "",
        spoken_bytes(one.bytes) if one.bytes else "",
        _spoken_seconds(one.seconds) if one.seconds else "",
        f"was unknown: {one.settles}" if one.settles else "",
        ": ".join(filter(None, (one.reason, one.detail))),
    )
    words = (f"{one.happened_at:%Y-%m-%d %H:%M:%S}Z", outcome, one.account or "-", one.operation, *filter(None, known))
    return "  ".join((*words[:2], *map(visible, words[2:])))
