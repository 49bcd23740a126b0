"""`ytpool accounts`: who is in the pool, and how they are."""

from typing import Annotated

import typer

from ytpool.actions import pool
from ytpool.actions.pool import AccountList, AccountRow
from ytpool.cli.commands import command, group
from ytpool.cli.options import PoolOption, runtime
from ytpool.cli.output import VIEWS, Column, View

app = group("List accounts, and show one in full.")

VIEWS[AccountList] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        ("Channel", "channel_title"),
        Column("Project", "project", from_width=100),
        ("Pools", lambda row: ", ".join(row.pools)),
        ("Tier", "tier"),
        Column("Priority", "priority", justify="right", from_width=110),
        Column("State", "state", style={"active": "green", "login_needed": "red", "disabled": "dim"}),
        Column("Slots", lambda row: f"{row.running}/{row.slots}", justify="right"),
        Column("Worked", "success_rate", shown=lambda rate: f"{rate:.0%}", justify="right", from_width=90),
        Column("Rests", lambda row: "; ".join(row.rests), style="yellow"),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
)


@command(app, "list", example="ytpool accounts list --pool main", statuses=(0, 2, 6))
def list_(ctx: typer.Context, pool_name: PoolOption = None) -> AccountList:
    """List accounts with tier, state, slots and what keeps them from working."""
    return pool.list_accounts(runtime(ctx), pool=pool_name)


@command(app, "show", example="ytpool accounts show news", statuses=(0, 2, 6))
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The account.")]) -> AccountRow:
    """Show everything that is known of one account, a line per field."""
    return pool.show_account(runtime(ctx), name)
