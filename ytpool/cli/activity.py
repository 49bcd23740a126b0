"""`ytpool activity`: what was done."""

from datetime import datetime
from typing import Annotated

import typer

from ytpool.actions import history
from ytpool.actions.history import ActivityReport
from ytpool.cli.commands import command, group
from ytpool.cli.options import moment, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.speed import spoken_bytes

app = group("See what was done, by whom, with what outcome.")

VIEWS[ActivityReport] = (
    View(
        rows="rows",
        title=lambda report: f"Activity from {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC",
        columns=(
            ("Account", "account"),
            ("Operation", "operation"),
            Column("Calls", "calls", justify="right"),
            Column("Done", "done", justify="right", style="green"),
            Column("Failed", "failed", justify="right", style="red"),
            Column("Unknown", "unknown", justify="right", style="magenta"),
            Column("Worked", "success_rate", shown="{:.0%}".format, justify="right"),
            Column("Units", "units", justify="right"),
            Column("Bytes", "bytes", shown=spoken_bytes, justify="right", from_width=100),
            Column("Seconds", "seconds", shown="{:.1f}".format, justify="right", from_width=100),
        ),
        empty="nothing was done in this window",
        footer=lambda report: (
            f"{report.totals['calls']} calls, {report.totals['failed']} failed, {report.totals['unknown']} unknown, "
            f"{report.totals['units']} units, {spoken_bytes(report.totals['bytes'])}"
        ),
    ),
    View(
        rows="errors",
        columns=(
            ("What went wrong in", "operation"),
            ("Reason", "reason"),
            Column("Times", "times", justify="right"),
        ),
        empty="nothing went wrong",
    ),
)


@command(app, "report", example="ytpool activity report --hours 8", statuses=(0, 2, 6))
def report(
    ctx: typer.Context,
    hours: Annotated[
        float | None,
        typer.Option(metavar="N", help="Look back this many hours; 24 unless told.", min=0.0, show_default=False),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Look back to this moment instead.", show_default=False)
    ] = None,
) -> ActivityReport:
    """Sum up what was done in a window, by account and operation, with the reasons for what went wrong."""
    rt = runtime(ctx)
    start: datetime | None = None if since is None else moment(rt.config, since, "--since")
    return history.activity_report(rt, hours=hours, since=start)
