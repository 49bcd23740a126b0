"""`ytpool fleet`: the machines that share this state.

What looks and acts is loaded by the command that runs: help and completion do without.
"""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import WouldOption, invocation, runtime

app = group("See the machines that share this state and what each holds; drain one, resume it, forget one that left.")

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="The machine, by its host name.")]


@command(app, "status", example="ytpool fleet status\nytpool fleet status --json", statuses=(0, 2, 6, 8))
def status(ctx: typer.Context) -> Any:  # FleetTold
    """Show each machine that works on this state: its version, when it was heard last, and what it holds.

    Nobody is asked: a machine is heard when it takes or renews something, and from workers and servers that stay every
    ten to thirty seconds. One whose workers were not heard for 90 seconds and never said that they leave is silent, and
    the status is 8; what it held is free by itself, and others go on with it. To stop waiting for it: ytpool fleet
    forget. Where nothing stays, the machine is away, and works when somebody types or cron does. It also says which
    machines lack the vault's key, whose clock is wrong, and where versions differ.

    What is held is a job, with the slot of its account and the channel it goes to; a turn is a job's that is about to
    begin.
    """
    from ytpool.actions import fleet  # noqa: PLC0415
    from ytpool.cli import fleets  # noqa: PLC0415

    return fleets.told(fleet.status(runtime(ctx)))


@command(
    app,
    "drain",
    example="ytpool fleet drain studio-2 --wait --reason 'new disk'\nytpool fleet drain studio-2 --dry-run",
    statuses=(0, 2, 5, 6, 130),
)
def drain(
    ctx: typer.Context,
    host: HostArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever wonders.", show_default=False)] = "",
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it holds nothing.", show_default=False)
    ] = False,
    dry_run: WouldOption = False,
) -> Any:  # DrainedTold
    """Let a machine's workers finish what they have, and take nothing new there, until `ytpool fleet resume`.

    Its workers stay and wait, `ytpool work --once` takes nothing, and queued tasks are not sent from there; what
    somebody types there is done all the same. Status 0 says that it holds nothing; 5 that it holds something still,
    which ends by itself. What a machine held that is gone is free when its lease ends, which is said.
    """
    from ytpool.actions import fleet  # noqa: PLC0415
    from ytpool.cli import fleets  # noqa: PLC0415

    call = invocation(ctx)
    return fleets.drained(fleet.drain(runtime(ctx), host, reason, wait=wait, says=call.note, dry_run=dry_run))


@command(app, "resume", example="ytpool fleet resume studio-2", statuses=(0, 2, 6))
def resume(ctx: typer.Context, host: HostArgument, *, dry_run: WouldOption = False) -> Any:  # Resumed
    """Let a machine take work again that was drained; its workers begin by themselves."""
    from ytpool.actions import fleet  # noqa: PLC0415
    from ytpool.cli import fleets  # noqa: F401, PLC0415

    return fleet.resume(runtime(ctx), host, dry_run=dry_run)


@command(app, "forget", example="ytpool fleet forget old-laptop", statuses=(0, 2, 6))
def forget(ctx: typer.Context, host: HostArgument, *, dry_run: WouldOption = False) -> Any:  # Forgotten
    """Forget a machine that is no more: it is neither listed nor waited for, by `ytpool vault rotate` neither.

    One that lives or holds something is refused (status 6). Should it come back, it is heard again by itself.
    """
    from ytpool.actions import fleet  # noqa: PLC0415
    from ytpool.cli import fleets  # noqa: F401, PLC0415

    return fleet.forget(runtime(ctx), host, dry_run=dry_run)
