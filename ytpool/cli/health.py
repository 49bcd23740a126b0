"""`ytpool health`: can this machine work?"""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import runtime

app = single()

# What looks, and `looked`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "health",
    example=(
        "ytpool health\n"
        "ytpool health --json || echo look at it\n"
        "ytpool health --only ftp.studio --only disk\n"
        "ytpool health --deep --strict\n"
        "ytpool health --daily"
    ),
    statuses=(0, 2, 6, 8, 130),
)
def health(
    ctx: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Look at this alone, as often as needed: state, wake_ups, backup, vault, disk, clock, fleet, "
            "configuration, grants, pools, buckets, rests, queue, sessions, cookie_files, youtube, providers, ftp, "
            "checks, policy, targets; or at one server, as ftp.NAME or checks.NAME.",
            show_default=False,
        ),
    ] = None,
    *,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Ask YouTube too where no call of the last minutes shows that it answers, for 1 unit, and read a "
            "large state as a whole; at most [health] deep_units a day.",
            show_default=False,
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count a warning as unhealthy too.")] = False,
    daily: Annotated[
        bool,
        typer.Option(
            "--daily",
            help="The morning checklist: what happened since yesterday, the targets, what to do today.",
            show_default=False,
        ),
    ] = False,
) -> Any:  # Health or Morning
    """Check the state, vault, disk, clock, logins, buckets, queue, sessions and services, and say what to type.

    Proof from real traffic comes first, and without --deep nothing costs a unit. Each check has its own time limit, so
    none can keep the others waiting: what does not answer is named and left alone.
    """
    from ytpool.actions.health import looking, morning  # noqa: PLC0415
    from ytpool.cli import looked  # noqa: F401, PLC0415

    rt = runtime(ctx)
    look = morning.morning if daily else looking.look
    return look(rt, deep=deep, only=tuple(only or ()), strict=strict)
