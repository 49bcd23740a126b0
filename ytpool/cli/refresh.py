"""`ytpool refresh-tokens`: keep every login alive, from cron."""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import AccountOption, ForceOption

app = single()

# What works, and `refreshed`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "refresh-tokens",
    example="ytpool refresh-tokens --quiet\nytpool refresh-tokens --print-cron",
    statuses=(0, 1, 2, 3, 4, 5, 6),
)
def refresh_tokens(
    ctx: typer.Context,
    account: AccountOption = None,
    *,
    force: ForceOption = False,
    print_cron: Annotated[
        bool, typer.Option("--print-cron", help="Only print the line for this installation's crontab.")
    ] = False,
    print_systemd: Annotated[
        bool, typer.Option("--print-systemd", help="Only print a service and a timer for this installation.")
    ] = False,
) -> Any:  # Refresh or Scheduled
    """Refresh every access token that ends within 30 minutes, one refresh per account over all processes.

    A refresh that fails keeps the token that still works. Only Google's own word that a login is dead makes an
    account ask for a new one. Along the way, for two seconds at the most, the channels behind logins are looked at
    again that were not seen for four weeks: a unit of the general bucket each. Last comes what `ytpool tidy` does.

    What --print-cron and --print-systemd print is tried with an empty environment first; where the vault's key could
    not be read there, the status is 6 and the words say what helps.
    """
    from ytpool.cli import refreshed  # noqa: PLC0415

    if print_cron or print_systemd:
        return refreshed.scheduled(ctx, account, cron=print_cron, systemd=print_systemd, force=force)
    return refreshed.refresh(ctx, account, force=force)
