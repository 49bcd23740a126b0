"""`ytpool alerts`: what somebody should look at, and who is told of it."""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import WouldOption, runtime
from ytpool.domain.alerts import Severity

app = group("See what somebody should look at, one line for each cause; tell whoever wants it, say that you know.")

# What works, and `raised`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "list",
    example="ytpool alerts list\nytpool alerts list --severity critical --json | jq '.data.alerts[].message'",
    statuses=(0, 2, 6),
)
def list_(
    ctx: typer.Context,
    severity: Annotated[
        Severity, typer.Option(metavar="LEAST", help="info, warning or critical: only what is at least so bad.")
    ] = Severity.INFO,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also what is over, the latest 500.", show_default=False)
    ] = False,
) -> Any:  # AlertList
    """List what somebody should look at now, the worst first, each cause once, with what to type.

    An alert opens when its cause is seen in the state, escalates when that gets worse or a warning lasts for a day
    (`alerts.escalate_after_hours`), and is resolved when it is gone. TIMES is how often somebody saw it.
    """
    from ytpool.cli import raised  # noqa: PLC0415

    return raised.listed(runtime(ctx), every=every, severity=severity)


@command(
    app,
    "test",
    example="ytpool alerts test\nytpool alerts test team --json",
    statuses=(0, 1, 2, 3, 6, 8),
)
def try_out(
    ctx: typer.Context,
    target: Annotated[str | None, typer.Argument(metavar="TARGET", help="Only this one.", show_default=False)] = None,
    *,
    dry_run: WouldOption = False,
) -> Any:  # TestedTargets
    """Send every target of [alerts.targets.NAME] a message that says it is a test, and say what came of it.

    It is sent once, now, whatever the hour and the rate; what is wrong is said with what helps. A message that waits
    for another attempt goes out next where its target was reached.
    """
    from ytpool.cli import raised  # noqa: PLC0415

    return raised.tested(runtime(ctx, logs=True), target, dry_run=dry_run)


@command(
    app,
    "ack",
    example="ytpool alerts ack 01k9 --note 'new login on Monday'\nytpool alerts ack --all",
    statuses=(0, 2, 6),
)
def ack(
    ctx: typer.Context,
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="ALERT", help="Which, by the beginning of its id.", show_default=False),
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What you know, in one line.", show_default=False)] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="All that nobody knows of yet.", show_default=False)] = False,
    dry_run: WouldOption = False,
) -> Any:  # Acknowledged
    """Say that you know of alerts: who, when and your note are kept; each is told again only if it gets worse.

    A warning that is acknowledged does not become critical by lasting. Nothing is resolved by it: that the cause is
    gone is seen in the state.
    """
    from ytpool.cli import raised  # noqa: PLC0415

    return raised.acknowledged(runtime(ctx), which or [], every=every, note=note, dry_run=dry_run)
