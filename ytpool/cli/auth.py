"""`ytpool auth`: logins, in and out of a browser."""

import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ytpool.actions import accounts, login
from ytpool.actions.login import Begun, Found, LoggedIn, Place, Planned
from ytpool.cli import browsing, leaving, lifetimes
from ytpool.cli.commands import command, group
from ytpool.cli.invocation import Invocation
from ytpool.cli.options import PriorityOption, TierOption, WouldOption, invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import grants
from ytpool.domain.accounts import AccountState
from ytpool.domain.grants import Use
from ytpool.errors import UsageWrong

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
ChannelOption = Annotated[
    str | None,
    typer.Option(
        "--channel",
        metavar="ID",
        help="The channel it must be (UC…); any other is refused. A login that may not look at its channel is kept on "
        "this word alone.",
        show_default=False,
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


def _named(title: str, channel_id: str) -> str:
    return f"{title} ({channel_id})" if title else channel_id


def _told(done: LoggedIn) -> str:
    again = "again " if done.renewed else ""
    channel = f"channel {_named(done.channel_title, done.channel_id)}"
    lines = [f"{done.account} is logged in {again}for {channel}, paid by project {done.project}"]
    if done.pool:
        lines.append(f"it works in pool {done.pool}, as {done.tier}")
    return "\n".join([*lines, *done.warnings])


def _planned(plan: Planned) -> str:
    channel = _named(plan.channel_title or "", plan.channel_id) if plan.channel_id else "(the login will tell)"
    return "\n".join(
        (
            f"would log {plan.account} in{' again' if plan.renews else ''}",
            f"  channel  {channel}",
            f"  project  {plan.project or '(new here)'}, OAuth client {plan.client_id or '(the sandbox makes one)'}",
            f"  scopes   {', '.join(map(grants.short, plan.scopes)) or '(the token will tell)'}",
            f"  cost     {', '.join(f'{units} of {bucket}' for bucket, units in plan.units.items()) or 'nothing'}",
        )
    )


VIEWS[LoggedIn] = View(text=_told)
VIEWS[Planned] = View(text=_planned)
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
    app,
    "add",
    example="ytpool auth add news --client-secrets client.json --pool main\n"
    "ytpool auth add news --no-browser\n"
    "ytpool auth add news --for upload --for comments",
    statuses=(0, 1, 2, 4, 5, 6, 130),
)
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the account; known ones are logged in again.")],
    client_secrets: SecretsOption = None,
    join: JoinOption = None,
    tier: TierOption = None,
    priority: PriorityOption = None,
    uses: Annotated[
        list[Use] | None,
        typer.Option(
            "--for",
            metavar="WHAT",
            help="Ask only for what this needs: read, upload, videos, playlists, captions, comments or all; may be "
            "repeated. Without it: what the account has, or all.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="SCOPE", help="Ask for this scope, such as youtube.upload.", show_default=False
        ),
    ] = None,
    channel: ChannelOption = None,
    *,
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser",
            help="Show the address instead of opening a browser, and take the one that browser ends at.",
            show_default=False,
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Keep it without asking.", show_default=False)] = False,
    dry_run: WouldOption = False,
) -> LoggedIn | Planned:
    """Log an account in through the browser, verify its channel, and keep the login.

    On a terminal it names the channel and asks before an account's first login is kept. With --no-browser, and where
    there is no screen, the address can be opened on another machine; its browser cannot come back to this one, so paste
    the address that it ends at, or the code in it. With --profile sandbox neither file nor browser is needed: a channel
    of that name is made and consents.
    """
    call = invocation(ctx)
    done_reading = threading.Event()

    def browse(begun: Begun) -> None:
        try:
            _show(call, begun, no_browser=no_browser)
        finally:
            done_reading.set()

    def agrees(found: Found) -> bool:
        done_reading.wait(1)  # what is typed from now on is the answer
        others = f"; {' and '.join(found.twins)} works on it too" if found.twins else ""
        call.say(f"this login is for channel {_named(found.channel_title, found.channel_id)}{others}")
        return typer.confirm(f"Keep it as {found.account}, paid by project {found.project}?", err=True)

    scopes = tuple(dict.fromkeys([*(grants.least(uses) if uses else ()), *map(grants.whole, scope or ())]))
    place = Place(pool=join, tier=tier, priority=priority)
    rt = runtime(ctx, logs=True)
    if dry_run:
        return login.plan(rt, name, client_secrets=client_secrets, place=place, channel=channel, scopes=scopes)
    asks = not (yes or call.json) and call.stderr.isatty() and sys.stdin is not None and sys.stdin.isatty()
    return login.add(
        rt,
        name,
        client_secrets=client_secrets,
        scopes=scopes,
        place=place,
        browse=browse,
        channel=channel,
        agrees=agrees if asks else None,
    )


def _show(call: Invocation, begun: Begun, *, no_browser: bool) -> None:
    """Bring a person to the login's page, and take its answer from the keyboard where no browser could be opened."""
    if not no_browser and browsing.has_screen():
        call.note(f"the browser shows the login; if it does not, open {begun.url}")
        if browsing.opened(begun.url) or begun.is_over.is_set():
            return
    port = urlsplit(begun.redirect_uri).port or 80
    minutes = login.DEADLINE.total_seconds() / 60
    call.say(
        f"within {minutes:.0f} minutes open this address in a browser, on any machine:\n{begun.url}\n"
        f"It will end at {begun.redirect_uri}?…\n"
        "If that browser shows an error there, it runs on another machine: copy the address it shows, paste it here "
        "and press Enter.\n"
        f"(Or forward the port before: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE)"
    )
    for line in browsing.lines(begun.is_over):
        try:
            begun.answer(line)
        except UsageWrong as wrong:
            call.say(f"{wrong.message}; {wrong.hint}")
        else:
            return


@command(
    app,
    "import",
    example="ytpool auth import news --client-secrets client.json --token news.json",
    statuses=(0, 1, 2, 4, 5, 6),
)
def bring_in(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the account.")],
    token: Annotated[
        Path,
        typer.Option(
            "--token",
            metavar="FILE",
            readable=False,
            help="A token file of another program, as JSON; its access token may be dead or absent.",
        ),
    ],
    client_secrets: Annotated[
        Path | None,
        typer.Option(
            "--client-secrets",
            metavar="FILE",
            readable=False,
            help="The OAuth client that the token was made with; not needed where the token file names it.",
            show_default=False,
        ),
    ] = None,
    join: JoinOption = None,
    tier: TierOption = None,
    priority: PriorityOption = None,
    channel: ChannelOption = None,
    *,
    dry_run: WouldOption = False,
) -> LoggedIn | Planned:
    """Take over a login from a token file, without asking anything, and verify its channel.

    It reads what google-auth, gcloud, oauth2client and most uploaders leave behind (youtubeuploader's request.token,
    youtube-upload's credentials, yutu, Node, PHP and .NET stores). A pickle is refused: reading one runs its code. With
    --dry-run the files are read and the token is not tried.
    """
    rt, place = runtime(ctx, logs=True), Place(pool=join, tier=tier, priority=priority)
    if dry_run:
        return login.plan(rt, name, client_secrets=client_secrets, token_file=token, place=place, channel=channel)
    return login.bring_in(rt, name, client_secrets=client_secrets, token_file=token, place=place, channel=channel)


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


command(
    app, "status", example="ytpool auth status\nytpool auth status --account news --json", statuses=(0, 2, 3, 4, 6)
)(lifetimes.status)
command(app, "revoke", example=leaving.EXAMPLE, statuses=leaving.STATUSES)(leaving.revoke)
