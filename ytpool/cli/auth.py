"""`ytpool auth`: logins, in and out of a browser.

What logs in is loaded where it is wanted: help and completion do without.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli import lifetimes
from ytpool.cli.commands import command, group
from ytpool.cli.options import ForceOption, PriorityOption, TierOption, WouldOption, YesOption
from ytpool.domain.grants import Use

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
) -> Any:
    """Log an account in through the browser, verify its channel, and keep the login.

    On a terminal it names the channel and asks before an account's first login is kept. With --no-browser, and where
    there is no screen, the address can be opened on another machine; its browser cannot come back to this one, so paste
    the address that it ends at, or the code in it. With --profile sandbox neither file nor browser is needed: a channel
    of that name is made and consents.
    """
    from ytpool.actions.grants import Place  # noqa: PLC0415 - help does without
    from ytpool.cli import logged  # noqa: PLC0415

    return logged.add(
        ctx,
        name,
        client_secrets=client_secrets,
        place=Place(pool=join, tier=tier, priority=priority),
        uses=uses or (),
        scope=scope or (),
        channel=channel,
        no_browser=no_browser,
        yes=yes,
        dry_run=dry_run,
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
) -> Any:
    """Take over a login from a token file, without asking anything, and verify its channel.

    It reads what google-auth, gcloud, oauth2client and most uploaders leave behind (youtubeuploader's request.token,
    youtube-upload's credentials, yutu, Node, PHP and .NET stores). A pickle is refused: reading one runs its code. With
    --dry-run the files are read and the token is not tried.
    """
    from ytpool.actions.grants import Place  # noqa: PLC0415 - help does without
    from ytpool.cli import logged  # noqa: PLC0415

    return logged.bring_in(
        ctx,
        name,
        client_secrets=client_secrets,
        token=token,
        place=Place(pool=join, tier=tier, priority=priority),
        channel=channel,
        dry_run=dry_run,
    )


@command(app, "list", example="ytpool auth list --json", statuses=(0, 2, 6))
def show(ctx: typer.Context) -> Any:
    """List every login: its channel, its state, and until when it lives."""
    from ytpool.cli import logged  # noqa: PLC0415 - help does without

    return logged.listed(ctx)


command(
    app, "status", example="ytpool auth status\nytpool auth status --account news --json", statuses=(0, 2, 3, 4, 6)
)(lifetimes.status)


@command(
    app,
    "refresh",
    example="ytpool auth refresh news\nytpool auth refresh news --force --json",
    statuses=(0, 1, 2, 4, 5, 6),
)
def refresh(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The account.")],
    *,
    force: ForceOption = False,
) -> Any:
    """Refresh one account's access token, if it ends within 30 minutes; `ytpool refresh-tokens` does it for all."""
    from ytpool.cli import refreshed  # noqa: PLC0415 - help does without

    return refreshed.refresh(ctx, name, force=force)


@command(
    app,
    "revoke",
    example="ytpool auth revoke news\nytpool auth revoke news --yes --json",
    statuses=(0, 2, 5, 6, 7, 130),
)
def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The account that is to go.")],
    *,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:
    """End an account's login at Google at once, and delete what came with it; its books stay.

    Of its history it stays what was done when and with what outcome; channel, reasons and details are erased.

    It ends what the person granted to the whole project, so an account with the same project and channel keeps it
    alive; then only the account goes. One with unfinished jobs is refused (status 6). Where Google does not answer, the
    account is out of service and tried again by `refresh-tokens` and by the same command (status 5; 7 where Google
    refuses); after seven days its tokens are deleted all the same. Until then `ytpool accounts enable NAME` takes it
    back, without its pools.
    """
    from ytpool.cli import leaving  # noqa: PLC0415 - help does without

    return leaving.revoke(ctx, name, dry_run=dry_run, yes=yes)
