"""How a report is made and written; only its own command imports this."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from ytpool.actions import exporting, reports, summary
from ytpool.actions.activity import Wanted
from ytpool.actions.pictures import done, slots, use
from ytpool.cli.invocation import Invocation
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.cli.values import visible
from ytpool.domain import quota
from ytpool.domain.sizes import spoken_bytes
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.web import report as paper
from ytpool.web.pictures import canvas
from ytpool.web.pictures import days as draw_days
from ytpool.web.pictures import done as draw_done
from ytpool.web.pictures import slots as draw_slots
from ytpool.web.pictures import use as draw_use
from ytpool.web.pictures.canvas import Drawing

_STDOUT = Path("-")
_OF_A_PROJECT = ("burn-down", "days")
_OF_A_BUCKET = (*_OF_A_PROJECT, "use-by-account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be written where, and about what."""

    files: Mapping[str, Path]
    picture: str | None
    project: str | None
    bucket: str | None
    wanted: Wanted
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file of a report."""

    kind: str
    """html, svg or png."""
    picture: str | None
    """What it shows; None: everything."""
    file: Path | None
    """None where it went to stdout."""
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What was written."""

    files: tuple[Written, ...]


def _told(one: Written) -> str:
    return visible(f"{one.file}: {one.picture or 'the report'}, {spoken_bytes(one.bytes)}")


VIEWS[Reported] = View(
    # Where one of them went to stdout, nothing may stand behind it.
    text=lambda told: "" if any(one.file is None for one in told.files) else "\n".join(_told(one) for one in told.files)
)


def report(ctx: typer.Context, asked: Asked) -> Reported:
    """Write the page, the picture, or both: whatever stands in the way is met before the first file is written."""
    call = invocation(ctx)
    _require_sense(call, asked)
    for path in asked.files.values():
        if path != _STDOUT:
            exporting.require_folder(path)
            if not asked.yes:
                exporting.require_replaceable(path, canvas.MARK)
    rt = runtime(ctx)
    svg = ""
    if asked.picture is not None:
        svg = canvas.as_file(_drawn(rt, asked.picture, asked))
    made = []
    for kind, path in asked.files.items():
        if kind == "html":
            content = paper.page(summary.gather(rt, asked.wanted)).encode()
        else:
            content = svg.encode() if kind == "svg" else rt.as_png(svg, canvas.MADE_BY)
        made.append((kind, path, content))
    written = []
    for kind, path, content in made:
        if path == _STDOUT:
            call.write_bytes(content)
        else:
            exporting.write(path, [content])
        written.append(
            Written(
                kind=kind,
                picture=None if kind == "html" else asked.picture,
                file=None if path == _STDOUT else path,
                bytes=len(content),
            )
        )
    return Reported(files=tuple(written))


def _require_sense(call: Invocation, asked: Asked) -> None:
    if not asked.files:
        raise UsageWrong("a report is written to a file", hint="name it: --html FILE; for one picture --svg or --png")
    if len(asked.files) > len({os.path.realpath(path) for path in asked.files.values()}):
        raise UsageWrong("each of --html, --svg and --png needs a file of its own")
    if math.isnan(asked.wanted.hours or 0):
        raise UsageWrong("--days is a number of days")
    if _STDOUT in asked.files.values() and call.json:
        raise UsageWrong("--json and a report on stdout exclude each other", hint="name a file instead of -")
    if asked.files.get("png") == _STDOUT and call.stdout.isatty():
        raise UsageWrong("a terminal cannot show a PNG", hint="name a file, or send it on: --png - > FILE")
    _require_picture(asked)


def _require_picture(asked: Asked) -> None:
    wanted = any(kind != "html" for kind in asked.files)
    if wanted and asked.picture is None:
        raise UsageWrong(
            "--svg and --png show one picture",
            hint="say which: --picture burn-down, use-by-account, days, heat-map, upload-timeline or slots",
        )
    if asked.picture is not None and not wanted:
        raise UsageWrong("--picture goes with --svg or --png; a page has all of them")
    if asked.project is not None and asked.picture not in _OF_A_PROJECT:
        raise UsageWrong("--project goes with --picture burn-down or days")
    if asked.bucket is not None and asked.picture not in _OF_A_BUCKET:
        raise UsageWrong("--bucket goes with --picture burn-down, use-by-account or days")


def _drawn(rt: Runtime, picture: str, asked: Asked) -> Drawing:
    match picture:
        case "burn-down":
            drawing = _burn_down(rt, asked)
        case "use-by-account":
            drawing = draw_use.use_by_account(use.use_by_account(rt, asked.bucket or _fullest(rt)))
        case "days":
            found = summary.full_days(rt, _days(asked.wanted, rt), project=asked.project, bucket=asked.bucket)
            drawing = draw_days.day_bars(found)
        case "heat-map":
            drawing = draw_done.heat_map(done.heat_map(rt, asked.wanted))
        case "upload-timeline":
            drawing = draw_done.upload_timeline(done.upload_timeline(rt, asked.wanted))
        case _:
            drawing = draw_slots.slots(slots.slots(rt))
    return drawing


def _burn_down(rt: Runtime, asked: Asked) -> Drawing:
    found = use.burn_downs(rt, project=asked.project, bucket=asked.bucket, most=1)
    if not found.pictures:
        return canvas.nothing("Quota", "Nothing is used today, and nothing is expected to be.")
    return draw_use.burn_down(found.pictures[0])


def _days(wanted: Wanted, rt: Runtime) -> int:
    if wanted.since is not None:
        return (rt.calendar.now() - wanted.since).days + 1
    return math.ceil(min((wanted.hours or 0) / 24, 10_000))


def _fullest(rt: Runtime) -> str:
    return next(iter(summary.fullest(reports.quota_report(rt))), quota.UPLOADS)
