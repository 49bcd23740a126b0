"""`ytpool auth status`: how long every login will live."""

from dataclasses import dataclass
from typing import Any

import typer

from ytpool.actions import lifetimes
from ytpool.cli.exits import DONE, LOGIN, common
from ytpool.cli.items import as_item
from ytpool.cli.options import AccountOption, runtime
from ytpool.cli.output import VIEWS, Column, View, worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The life of every login, and what repairs it."""

    accounts: tuple[dict[str, Any], ...]
    exit_status: int


def _to_do(row: dict[str, Any]) -> str:
    return ". ".join(worded(one.message, f"run: {one.command}") for one in row["concerns"])


VIEWS[Status] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        Column("Channel", "channel_title", from_width=150),
        Column("State", "state", style={"active": "green", "login_needed": "red"}),
        Column("Token until", "token_expires_at", from_width=120),
        ("Login until", "ends_at"),
        ("Because", "ends_because"),
        Column("Why", "why", from_width=150),
        Column("Last answer", "proved_at", from_width=120),
        Column("Verify by", "verify_by", from_width=150),
        Column("What to do", _to_do, style="cyan"),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
)


def status(ctx: typer.Context, account: AccountOption = None) -> Status:
    """Show until when each login lives and why, when Google last answered to it, and what repairs it.

    Foreseen are the seven days of a consent screen in Testing mode, six months without a refresh, an OAuth client that
    is gone, and the hundred logins of one client. `health` and `todo` warn before the end.
    """
    found = lifetimes.lifetimes(runtime(ctx), account)
    return Status(
        accounts=tuple(as_item(one) for one in found),
        exit_status=common(LOGIN if one.needs_login else DONE for one in found),
    )
