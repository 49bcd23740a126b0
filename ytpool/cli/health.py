"""`ytpool health`: can this machine work?"""

from typing import Annotated

import typer

from ytpool.actions.health import looking
from ytpool.actions.health.looking import Health
from ytpool.cli.commands import command, single
from ytpool.cli.options import runtime
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View

app = single()

VIEWS[Health] = View(
    rows="checks",
    columns=(
        Column("", "status", style=STATUS_STYLES),
        ("Check", "check"),
        ("What was seen", "message"),
        Column("What to do", "fix", style="cyan"),
    ),
    footer=lambda health: f"all in all: {health.status}",
)


@command(app, "health", example="ytpool health --json || echo look at it", statuses=(0, 2, 6, 8))
def health(
    ctx: typer.Context,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Count a warning as unhealthy too.")] = False,
) -> Health:
    """Check state, vault, clock, logins, buckets, services and rests; costs no quota, and says what to type."""
    return looking.look(runtime(ctx), strict=strict)
