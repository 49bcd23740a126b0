"""`ytpool auth`: logins, in and out of a browser."""

import webbrowser
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ytpool.actions import accounts, login
from ytpool.actions.login import LoggedIn, Place
from ytpool.cli import leaving
from ytpool.cli.commands import command, group
from ytpool.cli.options import PriorityOption, TierOption, invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import grants
from ytpool.domain.accounts import AccountState

app = group("Log accounts in, and see their logins.")

JoinOption = Annotated[
    str | None, typer.Option("--pool", "-p", metavar="NAME", help="Put it into this pool, made if there is none.")
]
SecretsOption = Annotated[
    Path | None,
    typer.Option(
        "--client-secrets", metavar="FILE", readable=False, help="The OAuth client as Google's console downloads it."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One account's login, without its secrets."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    state: str
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    accounts: tuple[Login, ...]


def _told(done: LoggedIn) -> str:
    again = "again " if done.renewed else ""
    channel = f"channel {done.channel_title} ({done.channel_id})"
    lines = [f"{done.account} is logged in {again}for {channel}, paid by project {done.project}"]
    if done.pool:
        lines.append(f"it works in pool {done.pool}, as {done.tier}")
    return "\n".join([*lines, *done.warnings])


VIEWS[LoggedIn] = View(text=_told)
VIEWS[Logins] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        ("Channel", "channel_title"),
        Column("Channel id", "channel_id", from_width=110),
        Column("Project", "project", from_width=90),
        Column("State", "state", style={"active": "green", "login_needed": "red"}),
        ("Token until", "token_expires_at"),
        ("Login until", "grant_expires_at"),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
    footer=lambda logins: "\n".join(
        f"{one.account} needs a login; run: ytpool auth add {one.account}"
        for one in logins.accounts
        if one.state == AccountState.LOGIN_NEEDED
    ),
)


@command(
    app, "add", example="ytpool auth add news --client-secrets client.json --pool main", statuses=(0, 1, 2, 4, 5, 6)
)
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the account; known ones are logged in again.")],
    client_secrets: SecretsOption = None,
    join: JoinOption = None,
    tier: TierOption = None,
    priority: PriorityOption = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="Ask for this scope instead of youtube.force-ssl."),
    ] = None,
    *,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Show the address instead of opening a browser.")
    ] = False,
) -> LoggedIn:
    """Log an account in through the browser, verify its channel, and keep the login.

    With --profile sandbox neither file nor browser is needed: a channel of that name is made and consents.
    """
    call = invocation(ctx)

    def browse(url: str) -> None:
        if no_browser or not webbrowser.open(url):
            call.say(
                f"within five minutes open this address in a browser that reaches this machine's 127.0.0.1:\n{url}"
            )
        else:
            call.note(f"the browser shows the login; if it does not, open {url}")

    return login.add(
        runtime(ctx, logs=True),
        name,
        client_secrets=client_secrets,
        scopes=tuple(scope or (grants.DEFAULT_SCOPE,)),
        place=Place(pool=join, tier=tier, priority=priority),
        browse=browse,
    )


@command(
    app,
    "import",
    example="ytpool auth import news --client-secrets client.json --token news.json",
    statuses=(0, 1, 2, 4, 5, 6),
)
def bring_in(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the account.")],
    client_secrets: Annotated[
        Path,
        typer.Option(
            "--client-secrets", metavar="FILE", readable=False, help="The OAuth client that the token was made with."
        ),
    ],
    token: Annotated[
        Path,
        typer.Option(
            "--token",
            metavar="FILE",
            readable=False,
            help="Authorized-user JSON; its access token may be dead or absent.",
        ),
    ],
    join: JoinOption = None,
    tier: TierOption = None,
    priority: PriorityOption = None,
) -> LoggedIn:
    """Take over a login from a token file, without asking anything, and verify its channel."""
    return login.bring_in(
        runtime(ctx, logs=True),
        name,
        client_secrets=client_secrets,
        token_file=token,
        place=Place(pool=join, tier=tier, priority=priority),
    )


@command(app, "list", example="ytpool auth list --json", statuses=(0, 2, 6))
def show(ctx: typer.Context) -> Logins:
    """List every login: its channel, its state, and until when it lives."""
    return Logins(
        accounts=tuple(
            Login(
                account=row.account,
                project=row.project,
                channel_id=row.channel_id,
                channel_title=row.channel_title,
                state=row.state,
                token_expires_at=row.token_expires_at,
                grant_expires_at=row.grant_expires_at,
                scopes=row.scopes,
            )
            for row in accounts.list_accounts(runtime(ctx)).accounts
        )
    )


command(app, "revoke", example=leaving.EXAMPLE, statuses=leaving.STATUSES)(leaving.revoke)
