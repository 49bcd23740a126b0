"""`ytpool quota`: what each project and account has used and has left."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any

import typer

from ytpool.actions import reports
from ytpool.actions.reports import QuotaReport
from ytpool.cli.commands import command, group
from ytpool.cli.options import AccountOption, PlotOption, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.prices import GENERAL
from ytpool.errors import UsageWrong

app = group("See what is used, what is left, and until when.")

_LIGHTS = {"green": "green", "yellow": "yellow", "orange": "dark_orange", "red": "red"}


def _light(row: dict[str, Any]) -> str:
    return _LIGHTS[row["status"]]


def _bucket_rows(report: QuotaReport) -> Iterator[dict[str, Any]]:
    for project in report.projects:
        for bucket in project["buckets"]:
            yield {
                "project": project["project"],
                "bucket": bucket.bucket,
                "limit": bucket.limit,
                "spent": bucket.spent,
                "held": bucket.held + bucket.sent,
                "unknown": bucket.unknown,
                "elsewhere": bucket.elsewhere,
                "left": bucket.left,
                "percent": bucket.percent,
                "status": bucket.status,
            }
            if bucket.bucket == GENERAL:
                for share in project["envelopes"]:
                    purpose, status = f"{GENERAL}/{share['purpose']}", "green" if share["left"] else "red"
                    yield {**share, "project": project["project"], "bucket": purpose, "elsewhere": 0, "status": status}


def _some(count: int) -> str:
    return f"{count:,}" if count else "·"


def _capped(now: str, cap: str) -> Any:
    return lambda row: f"{row[now]}" if row[cap] is None else f"{row[now]}/{row[cap]}"


def _alert(alert: dict[str, str]) -> str:
    return f"{alert['severity']}: {alert['subject']} {alert['message']}"


def _spread(pool: dict[str, Any]) -> str:
    return f"pool {pool['pool']} may use several projects ({', '.join(pool['projects'])}): {pool['reason']}"


def seen(of: Callable[[Any], QuotaReport]) -> tuple[View, View]:
    """Return how a report is seen that is `of` a result: buckets first, accounts below."""
    return (
        View(
            rows=lambda result: _bucket_rows(of(result)),
            title=lambda result: f"Quota of {of(result).quota_day}",
            columns=(
                ("Project", "project"),
                ("Bucket", "bucket"),
                Column("Used", "percent", bar=12, style=_light),
                Column("Limit", "limit", shown="{:,}".format, justify="right", from_width=60),
                Column("Spent", "spent", shown=_some, justify="right", from_width=60),
                Column("Held", "held", shown=_some, justify="right", from_width=90),
                Column("Unknown", "unknown", shown=_some, justify="right", style="magenta", from_width=90),
                Column("Elsewhere", "elsewhere", shown=_some, justify="right", from_width=110),
                Column("Left", "left", shown="{:,}".format, justify="right", style=_light),
            ),
            empty="no project yet; the first login brings one: ytpool auth add NAME --client-secrets FILE",
            footer=lambda result: f"resets {of(result).resets_at:%Y-%m-%d %H:%M} UTC, midnight in California",
        ),
        View(
            rows=lambda result: of(result).accounts,
            columns=(
                ("Account", "account"),
                Column("Project", "project", from_width=110),
                Column("Channel", "channel_title", from_width=90),
                Column("Tier", "tier", from_width=60),
                Column("State", "state", style={"active": "green", "login_needed": "red", "disabled": "dim"}),
                Column("Uploads", _capped("uploads_today", "uploads_cap"), justify="right"),
                Column("Comments", _capped("comments_today", "comments_cap"), justify="right", from_width=100),
                Column("Units", lambda row: row["used"].get("general", 0), shown=_some, justify="right", from_width=60),
                Column("Score", "score", shown="{:.2f}".format, justify="right", from_width=60),
                Column("Last operation", "last_operation", from_width=100),
            ),
            empty="no account yet",
            footer=lambda result: "\n".join([*map(_alert, of(result).alerts), *map(_spread, of(result).pools)]),
        ),
    )


VIEWS[QuotaReport] = seen(lambda report: report)


WATCHES_EVERY = "2"
"""Seconds, unless told."""


@command(
    app,
    "report",
    example="ytpool quota report --json | jq '.data.totals'\nytpool quota report --watch\nytpool quota report --plot",
    statuses=(0, 2, 6, 130),
    alone={"--watch": WATCHES_EVERY},
)
def report(
    ctx: typer.Context,
    account: AccountOption = None,
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch",
            metavar="[SECONDS]",
            help=f"Go on showing it every so many seconds, {WATCHES_EVERY} unless told, until Ctrl-C.",
            min=0.1,
            max=86400,
            show_default=False,
        ),
    ] = None,
    *,
    plot: PlotOption = False,
) -> Any:  # a QuotaReport, or what is drawn of it
    """Show what each project's buckets and each account have used and have left today.

    Today is the quota day, which ends at midnight in California. A bucket is green below 70 % of its limit, yellow
    below 80, orange below 90, then red. New work stops at orange; what has begun, reserve accounts, and videos whose
    --publish-at lies within 24 hours stop at red; and only --use-buffer reaches into the rest, never past a limit, a
    cap or a rest. Where the general bucket is shared out ([envelopes]), each purpose has a line of its own, as
    general/publishing. These are our own books: Google publishes none.

    --plot lays what the accounts used on one another, hour by hour. --watch fills the terminal, whatever size it has,
    and leaves the last report there when it ends, with status 130; a pipe gets a table each time, and --json an event.
    """
    rt = runtime(ctx)
    if watch is None and not plot:
        return reports.quota_report(rt, account=account)
    from ytpool.cli import watched  # noqa: PLC0415 -- `quota report` itself is typed all day

    return watched.report(ctx, rt, account=account, seconds=watch, plot=plot)


DaysOption = Annotated[
    int, typer.Option("--days", metavar="N", help="Look back so many quota days.", min=1, max=3660, show_default=True)
]
ProjectOption = Annotated[
    str | None, typer.Option("--project", metavar="NAME", help="Only this project.", show_default=False)
]
RIGHT_BEFORE = "before"
"""What --compare means where no day is named."""
BucketOption = Annotated[
    str | None,
    typer.Option("--bucket", metavar="NAME", help="Only this bucket: uploads, general, search …", show_default=False),
]


@command(
    app,
    "history",
    example=(
        "ytpool quota history --days 30 --bucket uploads\n"
        "ytpool quota history --days 7 --compare\n"
        "ytpool quota history --days 7 --compare 2026-11-01 --plot"
    ),
    statuses=(0, 2, 6),
    alone={"--compare": RIGHT_BEFORE},
)
def history(
    ctx: typer.Context,
    days: DaysOption = 14,
    project: ProjectOption = None,
    bucket: BucketOption = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="[DAY]",
            help="Set them beside as many days from this one on; beside those right before them, if none is named.",
            show_default=False,
        ),
    ] = None,
    *,
    plot: PlotOption = False,
) -> Any:  # a QuotaHistory, or what is drawn of it
    """Show what every bucket came to on each of the last quota days, and which was its fullest.

    Limits are those that held on the day. What was used elsewhere is what Google's refusals or an operator told; units
    whose call was never answered stay unknown. Today counts as far as it has gone. A day without use has no row.

    --compare tells what each bucket came to in both periods, which are equally long, and by how much it changed.
    """
    from ytpool.actions import history as past  # noqa: PLC0415 -- `quota report` is typed all day, and looks at today
    from ytpool.cli import outlook  # noqa: F401, PLC0415 -- how the result is seen

    rt = runtime(ctx)
    found: past.QuotaHistory
    if compare is None:
        found = past.quota_history(rt, days=days, project=project, bucket=bucket)
    else:
        since = None if compare == RIGHT_BEFORE else _day(compare)
        found = past.quota_compared(rt, days=days, since=since, project=project, bucket=bucket)
    if not plot:
        return found
    from ytpool.actions.pictures import days as bars  # noqa: PLC0415 -- most do not draw
    from ytpool.cli.plots import Plotted  # noqa: PLC0415

    return Plotted(found, bars.day_bars(rt, found))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageWrong(f"--compare: {text[:60]!r} is no day", hint="write it as 2026-11-01") from None


@command(
    app,
    "forecast",
    example="ytpool quota forecast\nytpool quota forecast --plot --project press --bucket uploads",
    statuses=(0, 2, 6),
)
def forecast(
    ctx: typer.Context,
    days: DaysOption = 14,
    project: ProjectOption = None,
    bucket: BucketOption = None,
    *,
    plot: PlotOption = False,
) -> Any:  # a Forecast, or what is drawn of it
    """Tell when each bucket and each cap runs out today, with a range.

    Used today, and set aside, is where it starts. What waits in the queue is added from the moment it may go, shared
    out evenly over the accounts of its pool. On top of that, each past quota day is one way in which today may go on:
    what it used from this hour on. "Runs out" is the middle of what these days say, the range leaves out the tenth that
    is soonest and the tenth that is latest. The queue was part of past days' use too, so this is rather too early than
    too late. With fewer than five past days the range is wide on purpose.

    A bucket has run out where new work stops (80 %, `thresholds.orange`); the rest is for what has begun. An envelope
    is taken as it stands now, borrowed and lent included. Caps are those set on accounts and those learned for
    channels, which count the last 24 hours. "Not today" means that it lasts until the reset.

    --plot draws how the buckets burn down, those first that run out first, and what may be left of each until the
    reset; JSON has the same as `band`: what may be used at every full hour, low, likely and high.
    """
    from ytpool.actions import forecast as ahead  # noqa: PLC0415 -- `quota report` is typed all day, and looks at today
    from ytpool.cli import outlook  # noqa: F401, PLC0415 -- how the result is seen

    rt = runtime(ctx)
    found = ahead.look_ahead(rt, days=days, project=project, bucket=bucket)
    if not plot:
        return found
    from ytpool.actions.pictures import use  # noqa: PLC0415 -- most do not draw
    from ytpool.cli.plots import Plotted  # noqa: PLC0415

    return Plotted(found, use.burn_downs(rt, days=days, project=project, bucket=bucket))


@command(
    app,
    "adjust",
    example="ytpool quota adjust press uploads +12 --reason 'uploaded by hand'\n"
    "ytpool quota adjust press general -3000 --reason 'the console says 7,000'",
    statuses=(0, 2, 6),
    signed=True,
)
def adjust(
    ctx: typer.Context,
    project: Annotated[str, typer.Argument(help="The project, as `ytpool projects list` names it.")],
    bucket: Annotated[str, typer.Argument(help="The bucket, as `ytpool quota report` names it.")],
    units: Annotated[str, typer.Argument(metavar="±N", help="How many units more, or fewer, were used elsewhere.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; `quota drift` shows it.", show_default=False)],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be booked, and book nothing.", show_default=False)
    ] = False,
) -> Any:
    """Say that more, or less, of today's bucket was used elsewhere than the books have.

    The limit stays as it is, and what ytpool itself has spent too: a negative number takes back what was booked as used
    elsewhere, by you or because Google refused a call, and no more than that. A bucket that rests because of a refusal
    goes on resting; the result says so, and what lifts it.
    """
    from ytpool.actions import quota_books  # noqa: PLC0415 -- `quota report` needs nothing of it
    from ytpool.cli import booked  # noqa: F401, PLC0415 -- how it is seen

    if not re.fullmatch(r"[+\-\N{MINUS SIGN}]\d{1,12}", units):
        raise UsageWrong(f"{units!r} is no adjustment", hint="say how many more or fewer, with a sign: +50 or -50")
    number = int(units.replace("\N{MINUS SIGN}", "-"))
    return quota_books.adjust(runtime(ctx), project, bucket, number, reason=reason, dry_run=dry_run)


@command(app, "drift", example="ytpool quota drift\nytpool quota drift --days 30 --json", statuses=(0, 2, 6))
def drift(
    ctx: typer.Context,
    days: Annotated[
        int, typer.Option(metavar="N", help="Look at so many quota days, today included.", min=1, max=3660)
    ] = 7,
) -> Any:
    """Show where Google and our books disagreed, by how much, and what was learned from it.

    Elsewhere: Google refused where we thought units were left, or somebody adjusted. Overrun: more was spent than the
    limit that showed itself later. Unknown: calls of which nobody can say whether they were counted. A learned limit or
    cap is forgotten after seven quiet days, and one call a day may try beyond it; a limit that you set stays.
    """
    from ytpool.actions import quota_books  # noqa: PLC0415 -- `quota report` needs nothing of it
    from ytpool.cli import booked  # noqa: F401, PLC0415 -- how it is seen

    return quota_books.drift(runtime(ctx), days)


@command(app, "prices", example="ytpool quota prices\nytpool quota prices --proposed --json", statuses=(0, 2, 6))
def prices(
    ctx: typer.Context,
    *,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="List the limits that Google named and the book does not have.")
    ] = False,
) -> Any:
    """Show today's price book: what each call costs in which bucket, since when, and who says so.

    A limit that nobody knew, named by Google in a refusal, is kept as a proposal and changes nothing by itself: the
    operation rests until the reset, and the rest of its bucket works on.
    """
    from ytpool.actions import quota_books  # noqa: PLC0415 -- `quota report` needs nothing of it
    from ytpool.cli import booked  # noqa: F401, PLC0415 -- how it is seen

    rt = runtime(ctx)
    return quota_books.proposals(rt) if proposed else quota_books.prices(rt)
