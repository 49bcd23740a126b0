"""`ytpool sessions`: browser sessions of many users, kept in the vault and lent to one program at a time."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import WouldOption, YesOption, runtime, span, typed
from ytpool.domain.cookies import Written
from ytpool.domain.sessions import Outcome, SessionState

app = group("Keep browser sessions of many users in the vault, and lend each to one program at a time.")

WhichArgument = Annotated[
    str, typer.Argument(metavar="USER[@PLATFORM[/NAME]]", help="Whose session, or its id.", show_default=False)
]
_WHERE = "Where: facebook, instagram, x, youtube, or any name."
PlatformOption = Annotated[str, typer.Option(metavar="P", help=_WHERE, show_default=False)]
NameOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Tells several of one user on one platform apart.", show_default=False),
]
ProxyOption = Annotated[
    Path | None,
    typer.Option(
        "--proxy-file",
        metavar="FILE",
        help="Its first line is the address of the proxy to go with it; kept in the vault.",
        show_default=False,
    ),
]
AgentOption = Annotated[
    str, typer.Option("--user-agent", metavar="TEXT", help="What its browser calls itself.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why, in one line.", show_default=False)]

# What works, and `kept`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "migrate",
    example=(
        "ytpool sessions migrate --list ./old-sessions\n"
        "ytpool sessions migrate --all ./old-sessions --dry-run\n"
        "ytpool sessions migrate --file cookies.txt --user anna --platform instagram"
    ),
    statuses=(0, 2, 3, 6),
)
def migrate(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="With --list and --all; else this folder.", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Take one file.", show_default=False)] = None,
    user: Annotated[
        str | None, typer.Option(metavar="U", help="Whose session the file is.", show_default=False)
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(metavar="P", help=_WHERE, show_default=False),
    ] = None,
    name: NameOption = None,
    proxy_file: ProxyOption = None,
    user_agent: AgentOption = "",
    *,
    lists: Annotated[
        bool, typer.Option("--list", help="Only say what the files of the folder hold.", show_default=False)
    ] = False,
    takes_all: Annotated[
        bool, typer.Option("--all", help="Take every .json, .txt and .cookies file.", show_default=False)
    ] = False,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="New cookies for the session that is there, which keeps its id, name and proxy; else it is one more.",
            show_default=False,
        ),
    ] = False,
    delete_files: Annotated[
        bool,
        typer.Option(
            "--delete-files",
            help="Delete each file once it is stored and was read back; asks, or takes --yes.",
            show_default=False,
        ),
    ] = False,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:  # Migration
    """Take the files of browser sessions into the vault; they stay where they are unless told otherwise.

    Storage states of Playwright, Netscape cookie files and what cookie extensions export are understood. A file named
    USER_PLATFORM.json, or the other way round, says whose it is; else the cookies say where, and the name says whose.
    A file that was taken before is known again.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    files = kept.files(folder=folder, file=file, lists=lists, takes_all=takes_all, user=user, name=name)
    said = kept.said(
        user=user, platform=platform, name=name, proxy_file=proxy_file, user_agent=user_agent, renews=renew
    )
    delete = kept.agrees_to_delete(ctx, files, lists=lists, dry_run=dry_run, yes=yes) if delete_files else False
    return kept.migrate(ctx, files, said, lists=lists, is_one=file is not None, dry_run=dry_run, delete=delete)


@command(app, "list", example="ytpool sessions list --state expired --json", statuses=(0, 2, 6))
def list_(
    ctx: typer.Context,
    which: Annotated[
        str | None,
        typer.Argument(metavar="USER[@PLATFORM]", help="Only theirs.", show_default=False),
    ] = None,
    state: Annotated[
        SessionState | None, typer.Option(metavar="STATE", help="active, expired or banned.", show_default=False)
    ] = None,
) -> Any:  # Sessions
    """List the stored sessions, in which state they are, and who has them; their cookies stay in the vault."""
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.listed(runtime(ctx), which, state)


@command(app, "show", example="ytpool sessions show anna@instagram", statuses=(0, 2, 6))
def show(ctx: typer.Context, which: WhichArgument) -> Any:  # SessionsShown
    """Show all that is known of a session: its state and why, who has it, and the cookies that matter, by name."""
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.shown(runtime(ctx), which)


@command(
    app,
    "mark",
    example="ytpool sessions mark anna@instagram banned --reason 'asks for a phone number'",
    statuses=(0, 2, 4, 6),
)
def mark(
    ctx: typer.Context,
    which: WhichArgument,
    state: Annotated[SessionState, typer.Argument(help="What it is from now on.", show_default=False)],
    reason: ReasonOption = "",
    *,
    dry_run: WouldOption = False,
) -> Any:  # Marked
    """Say yourself that a session is active, expired or banned; nothing else lifts a ban.

    Expired and banned want a reason. What its cookies say goes before: with a login that is over it cannot be active.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.marked(runtime(ctx), which, state, reason, dry_run=dry_run)


@command(
    app,
    "delete",
    example="ytpool sessions delete anna@instagram --dry-run\nytpool sessions delete anna ben@x --yes",
    statuses=(0, 2, 6, 130),
)
def delete(
    ctx: typer.Context,
    which: Annotated[
        list[str],
        typer.Argument(metavar="USER[@PLATFORM[/NAME]]", help="Whose sessions, or their ids.", show_default=False),
    ],
    *,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:  # SessionsDeleted
    """Delete sessions for good, with their cookies and proxies, once you agree; without a terminal --yes is needed.

    USER alone means all that this user has, on every platform. All that is named goes, or nothing: while somebody has
    one checked out, none goes (status 6). Backups and files that were written out keep what is in them.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.deleted(ctx, which, dry_run=dry_run, yes=yes)


@command(
    app,
    "checkout",
    example=(
        "ytpool sessions checkout anna@instagram --to state.json --for 2h --json\n"
        "ytpool sessions checkout anna@instagram > state.json"
    ),
    statuses=(0, 2, 4, 6),
)
def checkout(
    ctx: typer.Context,
    which: WhichArgument,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the storage state there, readable by you only; else print it.",
            show_default=False,
        ),
    ] = None,
    proxy_to: Annotated[
        Path | None,
        typer.Option(
            "--proxy-to",
            metavar="FILE",
            help="Write the address of its proxy there, if it has one.",
            show_default=False,
        ),
    ] = None,
    lasts_for: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="How long it is yours, such as 30m or 2h.")
    ] = "30m",
    holder: Annotated[
        str, typer.Option(metavar="TEXT", help="Who has it then; else you on this machine.", show_default=False)
    ] = "",
    *,
    dry_run: WouldOption = False,
) -> Any:  # SessionLent
    """Take a session out for yourself: nobody else gets it until you bring it back, or its time is over.

    Of several that are meant, the one that was left alone for longest. The number that is told brings it back.
    Status 6: somebody else has it, or it is banned; status 4: it is expired.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.lent(
        ctx, which, to=to, proxy_to=proxy_to, lasts_for=span(lasts_for, "--for"), holder=holder, dry_run=dry_run
    )


@command(
    app,
    "release",
    example=(
        "ytpool sessions release anna@instagram --number 3 --from state.json\n"
        "ytpool sessions release anna@instagram --number 3 --as expired"
    ),
    statuses=(0, 1, 2, 6),
)
def release(
    ctx: typer.Context,
    which: WhichArgument,
    number: Annotated[
        int, typer.Option(metavar="N", help="The number that the checkout told.", min=1, show_default=False)
    ],
    outcome: Annotated[
        Outcome, typer.Option("--as", metavar="OUTCOME", help="What you found: ok, expired or banned.")
    ] = Outcome.OK,
    content: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Its storage state as it is now; kept if it is a login.", show_default=False
        ),
    ] = None,
    reason: ReasonOption = "",
    *,
    dry_run: WouldOption = False,
) -> Any:  # SessionReleased
    """Bring a session back, say how it was, and hand in what its cookies have become.

    Who is late and was followed by somebody else changes nothing (status 1). Cookies that are no login any more are
    refused, and the session stays yours.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.released(runtime(ctx), which, number, outcome, content=content, reason=reason, dry_run=dry_run)


@command(
    app,
    "export",
    example="ytpool sessions export anna@youtube --format netscape --to cookies.txt",
    statuses=(0, 2, 6),
)
def export(
    ctx: typer.Context,
    which: WhichArgument,
    form: Annotated[
        Written, typer.Option("--format", metavar="FORMAT", help="storage-state or netscape.")
    ] = Written.STORAGE_STATE,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there, readable by you only; else print it.", show_default=False),
    ] = None,
) -> Any:  # SessionExported
    """Write a session out as other programs read it; it stays here, and whoever has it keeps it."""
    from ytpool.cli import kept  # noqa: PLC0415

    return kept.exported(runtime(ctx), which, form, to)


@command(
    app,
    "check",
    example=(
        "ytpool sessions check --quiet\n"
        "ytpool sessions check anna@instagram ben --json\n"
        "ytpool sessions check --platform x --browser"
    ),
    statuses=(0, 1, 2, 3, 4, 6, 7, 8),
)
def check(
    ctx: typer.Context,
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="USER[@PLATFORM[/NAME]]", help="Only these; else all.", show_default=False),
    ] = None,
    platform: Annotated[
        str | None, typer.Option(metavar="P", help="Only those of this platform.", show_default=False)
    ] = None,
    parallel: Annotated[int, typer.Option(metavar="N", help="How many at once; in the browser 2.")] = 16,
    within: Annotated[float, typer.Option(metavar="SECONDS", help="The time for each.")] = 3.0,
    *,
    browser: Annotated[
        bool, typer.Option("--browser", help="Look in a real Chromium, which draws the page.", show_default=False)
    ] = False,
    expired: Annotated[
        bool,
        typer.Option(
            "--expired", help="Ask for expired ones too; one that is logged in is active again.", show_default=False
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask, and leave every state as it is.", show_default=False)
    ] = False,
) -> Any:  # SessionsChecked
    """Look whether sessions are still logged in: each within 3 seconds, and all side by side.

    A page is asked for with the session's cookies, proxy and user agent, and what it does says what is wrong: logged
    out, cookies past their date, a checkpoint or ban, renewed elsewhere, the network on our side, or unclear. Only a
    sure sign changes a state: the first two and the fourth make a session expired, a checkpoint or ban makes it banned,
    until a person says otherwise (ytpool sessions mark). Banned ones are never asked, and neither is one that somebody
    has checked out. What the platform renews meanwhile is kept, in a dry run as well.

    Status 0: all are logged in. 4: each needs a login. 7: a platform wants a person. 8: none could be asked. 1: none
    was clear. 3: several of these.
    """
    from ytpool.actions.session_checks import How  # noqa: PLC0415
    from ytpool.cli import checked  # noqa: PLC0415

    at_once = parallel if not browser or "parallel" in typed(ctx) else _IN_A_BROWSER
    how = How(browser=browser, parallel=at_once, within=within, expired=expired, dry_run=dry_run)
    return checked.check(ctx, which or (), platform, how)


_IN_A_BROWSER = 2
"""Contexts of one Chromium at once: on two cores more are slower than one after the other."""


@command(
    app,
    "capture",
    example="ytpool sessions capture anna --platform instagram",
    statuses=(0, 1, 2, 4, 6, 130),
)
def capture(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Who logs in.", show_default=False)],
    platform: PlatformOption,
    name: NameOption = None,
    url: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where; else the platform's front page.", show_default=False)
    ] = "",
    proxy_file: ProxyOption = None,
    user_agent: AgentOption = "",
    within: Annotated[str, typer.Option(metavar="SPAN", help="How long the login may take.")] = "10m",
    *,
    dry_run: WouldOption = False,
) -> Any:  # SessionCaptured
    """Log in yourself, in a Chromium window that opens for it, and keep what the browser holds then.

    A session that is there keeps its id, name and proxy, and has the new cookies. It needs the extra `browser` and a
    screen. Where nobody here knows which cookies make a login, Enter says that you are logged in. Some platforms let
    nobody log in through a window that a program opened: log in in your own browser then, and export its cookies.
    """
    from ytpool.cli import kept  # noqa: PLC0415

    said = kept.said(user=user, platform=platform, name=name, proxy_file=proxy_file, user_agent=user_agent)
    return kept.captured(ctx, said, url=url, within=span(within, "--within"), dry_run=dry_run)


@command(
    app,
    "refresh",
    example="ytpool sessions refresh news\nytpool sessions refresh news --dry-run",
    statuses=(0, 1, 2, 5, 6),
)
def refresh(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose cookie file.")],
    *,
    dry_run: WouldOption = False,
) -> Any:  # Refreshed, or RefreshPlanned
    """Run your command that fetches new cookies, check what it brings, and put that into the cookie file's place.

    The command is `[sessions.refresh] command`; it writes to {file}, which is also $YTPOOL_COOKIES_FILE. It runs on
    one machine at a time (another is told since when and by whom, status 6) and at most once in five minutes, whatever
    comes of it: a failure is not repeated sooner (status 5), a success need not be (status 0). What it brings must
    hold cookies that live, written as the file was before; else the file stays what it is (status 1).
    """
    from ytpool.actions import cookie_files  # noqa: PLC0415
    from ytpool.cli import fetched  # noqa: F401, PLC0415

    rt = runtime(ctx, logs=True)
    return cookie_files.planned(rt, account) if dry_run else cookie_files.refresh(rt, account)
