"""`ytpool state`: is the state whole, and are its books right?"""

from typing import Annotated

import typer

from ytpool.actions import state
from ytpool.actions.state import StateChecked
from ytpool.cli.commands import command, group
from ytpool.cli.options import runtime

app = group("Check the state and its books.")


@command(app, "check", example="ytpool state check", statuses=(0, 2, 6, 8))
def check(
    ctx: typer.Context,
    *,
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help="This machine's clock is right, although Google once said a later time."),
    ] = False,
) -> StateChecked:
    """Check the file's integrity, and that every meter equals the sum of its journal.

    Holds whose worker died are settled on the way: what was not sent is released, what was sent is unknown.
    """
    return state.check(runtime(ctx), accept_clock=accept_clock)
