"""`ytpool quota`: what each project and account has used and has left."""

from collections.abc import Callable
from typing import Any

import typer

from ytpool.actions import reports
from ytpool.actions.reports import QuotaReport
from ytpool.cli.commands import command, group
from ytpool.cli.options import AccountOption, runtime
from ytpool.cli.output import VIEWS, Column, View

app = group("See what is used, what is left, and until when.")

_LIGHTS = {"green": "green", "yellow": "yellow", "orange": "dark_orange", "red": "red"}


def _light(row: dict[str, Any]) -> str:
    return _LIGHTS[row["status"]]


def _bucket_rows(report: QuotaReport) -> list[dict[str, Any]]:
    return [
        {
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
        for project in report.projects
        for bucket in project["buckets"]
    ]


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
                Column("Limit", "limit", shown="{:,}".format, justify="right"),
                Column("Spent", "spent", shown=_some, justify="right"),
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
                ("Tier", "tier"),
                Column("State", "state", style={"active": "green", "login_needed": "red", "disabled": "dim"}),
                Column("Uploads", _capped("uploads_today", "uploads_cap"), justify="right"),
                Column("Comments", _capped("comments_today", "comments_cap"), justify="right", from_width=100),
                Column("Units", lambda row: row["used"].get("general", 0), shown=_some, justify="right"),
                Column("Score", "score", shown="{:.2f}".format, justify="right"),
                Column("Last operation", "last_operation", from_width=100),
            ),
            empty="no account yet",
            footer=lambda result: "\n".join([*map(_alert, of(result).alerts), *map(_spread, of(result).pools)]),
        ),
    )


VIEWS[QuotaReport] = seen(lambda report: report)


@command(app, "report", example="ytpool quota report --json | jq '.data.totals'", statuses=(0, 2, 6))
def report(ctx: typer.Context, account: AccountOption = None) -> QuotaReport:
    """Show what each project's buckets and each account have used and have left today.

    Today is the quota day, which ends at midnight in California. A bucket is green below 70 % of its limit, yellow
    below 80, orange below 90, then red; new work stops at orange, publications that have begun at red, and only
    --use-buffer reaches into the rest. These are our own books: Google publishes none.
    """
    return reports.quota_report(runtime(ctx), account=account)
