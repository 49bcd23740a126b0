"""`ytpool pause`: stop every new write."""

from typing import Annotated

import typer

from ytpool.actions import pausing
from ytpool.actions.pausing import Paused
from ytpool.cli.commands import command, single
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.domain import moments

app = single()


def _told(told: Paused) -> str:
    what = "everything" if told.pool is None else f"pool {told.pool}"
    again = " already" if told.already else ""
    lines = [f"{what} is paused{again}: {told.reason} (since {moments.spoken(told.since)})"]
    if told.running:
        lines.append(f"at work, and stopping before the next write: {', '.join(told.running)}")
    return "\n".join(lines)


VIEWS[Paused] = View(text=_told)


@command(
    app,
    "pause",
    example="ytpool pause --reason 'wrong logo in all cuts'\nytpool pause --pool main --reason 'holiday'",
    statuses=(0, 2, 6),
)
def pause(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; every command that is stopped by it says so.")],
    pool: Annotated[
        str | None,
        typer.Option("--pool", "-p", metavar="NAME", help="Only the accounts of this pool.", show_default=False),
    ] = None,
    *,
    dry_run: WouldOption = False,
) -> Paused:
    """Stop every new write to YouTube, on all machines that share this state; reads go on.

    What is at work stops before its next call, and an upload before its next chunk; it waits, with this reason, and
    goes on with `ytpool upload --resume` after `ytpool unpause`. A write that is refused meanwhile ends with status 6.
    """
    return pausing.pause(runtime(ctx), reason, pool=pool, dry_run=dry_run)
