"""`ytpool unpause`: let writes go on."""

from typing import Annotated

import typer

from ytpool.actions import pausing
from ytpool.actions.pausing import Unpaused
from ytpool.cli.agreeing import agrees
from ytpool.cli.commands import command, single
from ytpool.cli.options import WouldOption, YesOption, invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.errors import Interrupted

app = single()


def _told(told: Unpaused) -> str:
    what = "everything" if told.pool is None else f"pool {told.pool}"
    if told.was is not None:
        lines = [f"{what} goes on; it was paused: {told.was}"]
    else:
        lines = ["nothing was paused" if told.pool is None else f"{what} was not paused"]
    lines += [f"but {still}" for still in told.still]
    if told.waiting:
        jobs = "1 job waits; to go on with it" if told.waiting == 1 else f"{told.waiting} jobs wait; to go on with them"
        lines.append(f"{jobs}: ytpool upload --resume")
    if told.others:
        others = "1 job goes on alone" if told.others == 1 else f"{told.others} jobs go on one by one"
        lines.append(f"{others}; see: ytpool queue list")
    return "\n".join(lines)


VIEWS[Unpaused] = View(text=_told)


@command(app, "unpause", example="ytpool unpause\nytpool unpause --pool main", statuses=(0, 2, 6, 130))
def unpause(
    ctx: typer.Context,
    pool: Annotated[
        str | None,
        typer.Option("--pool", "-p", metavar="NAME", help="What was paused with this pool.", show_default=False),
    ] = None,
    *,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Unpaused:
    """Let the writes go on that `ytpool pause` stopped; what waits goes on with `ytpool upload --resume`.

    A state that was left by `ytpool state migrate` is paused too. It asks before
    work goes on there: what goes on in the other place would sell the same units.
    """
    call = invocation(ctx)
    place = None if pool is not None or dry_run else pausing.left_for(call.runtime)
    if place is not None:
        does = f"lets a state go on that was left for {place}; should that go on too, both sell the same units"
        if not agrees(call, does, f"It was left for {place}, and may go on there. Go on here?", yes=yes):
            raise Interrupted("it stays paused")
    return pausing.unpause(runtime(ctx), pool=pool, dry_run=dry_run)
