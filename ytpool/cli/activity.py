"""`ytpool activity`: what was done."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import AccountOption, PlotOption, invocation, moment
from ytpool.errors import UsageWrong

if TYPE_CHECKING:
    from ytpool.actions.activity import Wanted

app = group("See what was done, by whom, with what outcome.")


class By(StrEnum):
    """What a report has a line for."""

    ACCOUNT = "account"
    PROJECT = "project"
    OPERATION = "operation"
    OUTCOME = "outcome"
    HOUR = "hour"


class Format(StrEnum):
    """How an export is written."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


HoursOption = Annotated[
    float | None,
    typer.Option(metavar="N", help="Look back this many hours; 24 unless told.", min=0.0, show_default=False),
]
SinceOption = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="Look back to this moment instead.", show_default=False)
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="Look no further than this moment.", show_default=False)
]
ByOption = Annotated[
    By | None,
    typer.Option(
        metavar="WHAT",
        help="A line for each account, project, operation, outcome or hour; else for each account and operation.",
        show_default=False,
    ),
]
ProjectOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only what this project paid for.", show_default=False)
]
OperationOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this operation, as videos.insert.", show_default=False)
]


@command(
    app,
    "report",
    example=(
        "ytpool activity report --hours 8\n"
        "ytpool activity report --since 2026-11-01T00:00 --by account\n"
        "ytpool activity report --account news --by hour\n"
        "ytpool activity report --hours 72 --plot"
    ),
    statuses=(0, 2, 6),
)
def report(
    ctx: typer.Context,
    hours: HoursOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    by: ByOption = None,
    account: AccountOption = None,
    project: ProjectOption = None,
    operation: OperationOption = None,
    *,
    plot: PlotOption = False,
) -> Any:
    """Sum up what was done in a window, by account and operation, with the reasons for what went wrong.

    Each operation counts once, at the moment when it happened; one whose outcome was unknown counts as what it turned
    out to be. Half of what was done took no longer than the median, 95 of a hundred no longer than p95; both are
    estimated from counts by how long calls took. Hours are UTC.

    --plot draws how busy each account was in each hour, and which uploads were on their way when.
    """
    from ytpool.cli import recorded  # noqa: PLC0415 -- with what it shows

    wanted = _wanted(ctx, hours, since, until, account, project, operation)
    return recorded.report(ctx, wanted, by=by, plot=plot)


@command(
    app,
    "export",
    example=(
        "ytpool activity export --hours 24 --file\n"
        "ytpool activity export --rows --format csv --since 2026-11-01T00:00 --output november.csv\n"
        "ytpool activity export --rows --format jsonl | jq .reason"
    ),
    statuses=(0, 1, 2, 6, 130),
)
def export(
    ctx: typer.Context,
    hours: HoursOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    by: ByOption = None,
    account: AccountOption = None,
    project: ProjectOption = None,
    operation: OperationOption = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="json, jsonl or csv; else as the name of --output ends, or json.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it there, whole; into a folder as --file.", show_default=False
        ),
    ] = None,
    *,
    rows: Annotated[
        bool, typer.Option("--rows", help="Write every operation by itself, not what they come to.", show_default=False)
    ] = False,
    file: Annotated[
        bool,
        typer.Option(
            "--file",
            help="Write it to aggregated_activity_FROM_TO.json here, or activity_FROM_TO.json with --rows.",
            show_default=False,
        ),
    ] = False,
) -> Any:
    """Write what was done in a window for other programs: what it comes to, or with --rows every operation.

    Without --rows it is what `ytpool activity report` tells, by the same lines: as json with totals and errors, as
    jsonl or csv the lines alone. With --rows operations come in the order of their moments, each once, with the outcome
    that is known now. It goes to stdout, or to a file that is there whole or not at all; memory stays flat either way.
    With --json and no file, each operation is an event.
    """
    from ytpool.cli import recorded  # noqa: PLC0415 -- with what it shows

    wanted = _wanted(ctx, hours, since, until, account, project, operation)
    how = None if format_ is None else format_.value
    return recorded.export(ctx, wanted, by=by, how=how, rows=rows, output=output, named=file)


@command(
    app,
    "tail",
    example="ytpool activity tail\nytpool activity tail -f --account news\nytpool activity tail -f --lines 0 --json",
    statuses=(0, 2, 6, 130),
)
def tail(
    ctx: typer.Context,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", help="Begin with the last N.", min=0, max=1_000_000)
    ] = 20,
    account: AccountOption = None,
    project: ProjectOption = None,
    operation: OperationOption = None,
    *,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.", show_default=False),
    ] = False,
) -> Any:
    """Show the last lines of the activity journal as they were written, and with -f what comes, within a second.

    A line that settles what was unknown before names it. Under --json each line is an event. With -f it ends when
    Ctrl-C is pressed, or when nobody reads its output any more.
    """
    from ytpool.cli import recorded  # noqa: PLC0415 -- with what it shows

    wanted = _wanted(ctx, None, None, None, account, project, operation)
    return recorded.tail(ctx, wanted, lines=lines, follow=follow)


def _wanted(
    ctx: typer.Context,
    hours: float | None,
    since: str | None,
    until: str | None,
    account: str | None,
    project: str | None,
    operation: str | None,
) -> "Wanted":
    from ytpool.actions.activity import Wanted  # noqa: PLC0415 -- with what is asked

    if hours is not None and since is not None:
        raise UsageWrong("--hours and --since exclude each other", hint="leave out one of the two")
    config = invocation(ctx).config
    return Wanted(
        hours=hours,
        since=None if since is None else moment(config, since, "--since"),
        until=None if until is None else moment(config, until, "--until"),
        account=account,
        project=project,
        operation=operation,
    )
