"""Options that mean the same wherever they stand, and the way from a command to its runtime."""

from enum import StrEnum
from typing import Annotated

import typer

from ytpool.cli.invocation import Invocation
from ytpool.runtime import Runtime


def runtime(ctx: typer.Context) -> Runtime:
    """Return what actions work with; the settings are read at the first call."""
    return invocation(ctx).runtime


def invocation(ctx: typer.Context) -> Invocation:
    """Return this run of the program: its flags, its settings, its way to say things."""
    assert isinstance(ctx.obj, Invocation)
    return ctx.obj


class Privacy(StrEnum):
    """Who may see a video."""

    PRIVATE = "private"
    UNLISTED = "unlisted"
    PUBLIC = "public"


AccountOption = Annotated[
    str | None, typer.Option("--account", "-a", metavar="NAME", help="Only this account.", show_default=False)
]
PoolOption = Annotated[
    str | None, typer.Option("--pool", "-p", metavar="NAME", help="Any account of this pool.", show_default=False)
]
PrivacyOption = Annotated[
    Privacy | None,
    typer.Option(
        "--privacy",
        metavar="WHO",
        help="Who may see it: private, unlisted or public; without it what `upload.privacy` says.",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Show account, channel, visibility and cost, and send nothing.", show_default=False),
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; needed where no terminal is.", show_default=False)
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it although it is not due.", show_default=False)]
NoWaitOption = Annotated[
    bool,
    typer.Option(
        "--no-wait", envvar="YTPOOL_NO_WAIT", help="Do not wait for a free slot: end with status 6.", show_default=False
    ),
]
