"""`ytpool report`: how it stands with everything, as a page or a picture that can be handed on."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import invocation, moment
from ytpool.errors import UsageWrong

app = single()


class Picture(StrEnum):
    """What a picture may show."""

    BURN_DOWN = "burn-down"
    USE_BY_ACCOUNT = "use-by-account"
    DAYS = "days"
    HEAT_MAP = "heat-map"
    UPLOAD_TIMELINE = "upload-timeline"
    SLOTS = "slots"


def _file(name: str, about: str) -> Any:
    return typer.Option(name, metavar="FILE", help=about, show_default=False)


@command(
    app,
    "report",
    example=(
        "ytpool report --html today.html\n"
        "ytpool report --days 7 --html - | mail --content-type=text/html -s 'The week' desk@example.com\n"
        "ytpool report --svg left.svg --picture burn-down --project press --bucket uploads\n"
        "ytpool report --png busy.png --picture heat-map --since 2026-11-01T00:00"
    ),
    statuses=(0, 1, 2, 6),
)
def report(
    ctx: typer.Context,
    html: Annotated[Path | None, _file("--html", "Write the whole report as a page there; - is stdout.")] = None,
    svg: Annotated[Path | None, _file("--svg", "Write the --picture there as SVG; - is stdout.")] = None,
    png: Annotated[Path | None, _file("--png", "Write the --picture there as PNG; - is stdout.")] = None,
    picture: Annotated[
        Picture | None,
        typer.Option(
            metavar="NAME",
            help="With --svg and --png: burn-down, use-by-account, days, heat-map, upload-timeline or slots.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of burn-down and days: this project's buckets.", show_default=False),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of burn-down, use-by-account and days: this bucket; else the fullest one.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="What was done: back to this moment.", show_default=False)
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(
            metavar="N", help="What was done: back this many days; 1 unless told.", min=0.0, show_default=False
        ),
    ] = None,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Write over a file that ytpool did not make.", show_default=False)
    ] = False,
) -> Any:  # a Reported
    """Write how it stands with everything as one page for people: quota, uploads, activity, health, drift, what to do.

    The page holds all it shows, pictures included, and asks nobody for anything: no script, no network. It is shown in
    light and dark, on a phone and on paper. One picture of it is written by --svg and --png: how the fullest bucket
    goes down and may go on (burn-down), who used it (use-by-account), how full buckets were on each of at least 14 days
    (days), hours by accounts (heat-map), which upload went when (upload-timeline), or slots. It spends no quota; health
    is looked at as far as that is free.

    A file is there whole or not at all. One that an earlier report wrote is replaced and keeps its permissions, so cron
    may write the same one every day; any other file is left alone without --yes. PNG is drawn by rsvg-convert, or by
    Chromium with the [browser] extra.
    """
    from ytpool.actions.activity import Wanted  # noqa: PLC0415 -- help needs nothing of it
    from ytpool.cli import reported  # noqa: PLC0415

    if days is not None and since is not None:
        raise UsageWrong("--days and --since exclude each other", hint="leave out one of the two")
    config = invocation(ctx).config
    wanted = Wanted(
        hours=None if days is None else 24 * days, since=None if since is None else moment(config, since, "--since")
    )
    files = {kind: path for kind, path in (("html", html), ("svg", svg), ("png", png)) if path is not None}
    asked = reported.Asked(
        files=files,
        picture=None if picture is None else picture.value,
        project=project,
        bucket=bucket,
        wanted=wanted,
        yes=yes,
    )
    return reported.report(ctx, asked)
