"""`ytpool tidy`: housekeeping alone."""

from dataclasses import dataclass
from typing import Any

import typer

from ytpool.actions import housekeeping
from ytpool.cli.commands import command, single
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, Column, View, worded

app = single()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What became of every duty."""

    duties: tuple[dict[str, Any], ...]
    dry_run: bool
    exit_status: int


def _done(row: dict[str, Any]) -> str:
    if row["error"]:
        return worded(row["error"]["message"], row["error"]["hint"])
    return ", ".join(f"{count} {what}" for what, count in row["done"].items() if count) or "nothing"


VIEWS[Tidied] = View(
    rows="duties",
    columns=(
        ("Duty", "duty"),
        Column("About", "about", style="dim", from_width=100),
        Column("Done", _done, style=lambda row: "red" if row["error"] else ""),
    ),
    footer=lambda told: "nothing was changed" if told.dry_run else "",
)


@command(app, "tidy", example="ytpool tidy --quiet\nytpool tidy --dry-run", statuses=(0, 1, 2, 3, 4, 5, 6, 8))
def tidy(ctx: typer.Context, *, dry_run: WouldOption = False) -> Tidied:
    """Do what is due by the calendar, and nothing else; for cron, where neither `work` nor `serve` runs.

    Holds that nobody settled in time, browser sessions that are over, the activity journal, accounts that are to be
    forgotten, channels that have to be seen again within 30 days (a unit of the general bucket each), alerts, and who
    is told of them. Each begins nothing after two seconds; what one cannot do now is left to the next time, and hinders
    no other. A target of alerts has the time that its settings say.
    """
    kept = tuple(housekeeping.tidied(runtime(ctx, logs=True), dry_run=dry_run))
    statuses = [DONE if one.problem is None else status_of(one.problem) for one in kept]
    return Tidied(duties=tuple(as_item(one) for one in kept), dry_run=dry_run, exit_status=common(statuses))
