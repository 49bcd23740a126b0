"""`ytpool tidy`: housekeeping alone."""

from typing import Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import WouldOption, runtime

app = single()

# What works, and `tidied`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(app, "tidy", example="ytpool tidy --quiet\nytpool tidy --dry-run", statuses=(0, 1, 2, 3, 4, 5, 6, 8))
def tidy(ctx: typer.Context, *, dry_run: WouldOption = False) -> Any:  # Tidied
    """Do what is due by the calendar, and nothing else; for cron, where neither `work` nor `serve` runs.

    Holds that nobody settled in time, browser sessions that are over, the activity journal, accounts that are to be
    forgotten, channels that have to be seen again within 30 days (a unit of the general bucket each), alerts, and who
    is told of them. Each begins nothing after two seconds; what one cannot do now is left to the next time, and hinders
    no other. A target of alerts has the time that its settings say.
    """
    from ytpool.cli import tidied  # noqa: PLC0415

    return tidied.tidied(runtime(ctx, logs=True), dry_run=dry_run)
