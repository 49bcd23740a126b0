"""`ytpool unpause`: let writes go on."""

from typing import Annotated

import typer

from ytpool.actions import pausing
from ytpool.actions.pausing import Unpaused
from ytpool.cli.commands import command, single
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, View

app = single()


def _told(told: Unpaused) -> str:
    what = "everything" if told.pool is None else f"pool {told.pool}"
    lines = [f"{what} was not paused" if told.was is None else f"{what} goes on; it was paused: {told.was}"]
    lines += [f"but {still}" for still in told.still]
    if told.waiting:
        jobs = "1 job waits" if told.waiting == 1 else f"{told.waiting} jobs wait"
        lines.append(f"{jobs}; to go on with them: ytpool upload --resume")
    if told.others:
        others = "1 job goes on alone" if told.others == 1 else f"{told.others} jobs go on one by one"
        lines.append(f"{others}; see: ytpool queue list")
    return "\n".join(lines)


VIEWS[Unpaused] = View(text=_told)


@command(app, "unpause", example="ytpool unpause\nytpool unpause --pool main", statuses=(0, 2, 6))
def unpause(
    ctx: typer.Context,
    pool: Annotated[
        str | None,
        typer.Option("--pool", "-p", metavar="NAME", help="What was paused with this pool.", show_default=False),
    ] = None,
    *,
    dry_run: WouldOption = False,
) -> Unpaused:
    """Let the writes go on that `ytpool pause` stopped; what waits goes on with `ytpool upload --resume`."""
    return pausing.unpause(runtime(ctx), pool=pool, dry_run=dry_run)
