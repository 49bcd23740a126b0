"""`ytpool refresh-tokens`: keep every login alive, from cron."""

from dataclasses import dataclass
from typing import Any

import typer

from ytpool.actions import leaving, tokens
from ytpool.cli.commands import command, single
from ytpool.cli.exits import common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import AccountOption, ForceOption, runtime
from ytpool.cli.output import VIEWS, Column, View, worded
from ytpool.errors import YtpoolError

app = single()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """What became of every token."""

    accounts: tuple[dict[str, Any], ...]
    exit_status: int
    problem: YtpoolError | None = None


VIEWS[Refresh] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        Column("Outcome", "outcome", style={"refreshed": "green", "login_needed": "red", "failed": "red"}),
        ("Token until", "token_expires_at"),
        ("Login until", "grant_expires_at"),
        Column("What to do", lambda row: worded(row["error"]["message"], row["error"]["hint"]) if row["error"] else ""),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
)


@command(app, "refresh-tokens", example="ytpool refresh-tokens --quiet", statuses=(0, 1, 2, 3, 4, 6))
def refresh_tokens(ctx: typer.Context, account: AccountOption = None, *, force: ForceOption = False) -> Refresh:
    """Refresh every access token that ends within 30 minutes, one refresh per account over all processes.

    A refresh that fails keeps the token that still works. Only Google's own word that a login is dead makes an
    account ask for a new one.
    """
    if account is None:
        leaving.go_on(runtime(ctx, logs=True))
    found = tokens.refresh_all(runtime(ctx, logs=True), account=account, force=force)
    return Refresh(
        accounts=tuple(as_item(one) for one in found),
        exit_status=common(0 if one.problem is None else status_of(one.problem) for one in found),
        problem=found[0].problem if account is not None else None,
    )
