"""`ytpool sessions`: browser sessions of many users, kept in the vault."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import session_files, sessions
from ytpool.actions.session_files import Said
from ytpool.actions.sessions import SessionList
from ytpool.cli.commands import command, group
from ytpool.cli.exits import common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.sessions import SessionState
from ytpool.errors import UsageWrong, YtpoolError
from ytpool.store.sessions import Session

app = group("Keep browser sessions of many users in the vault.")

WhichArgument = Annotated[
    str, typer.Argument(metavar="USER[@PLATFORM[/NAME]]", help="Whose session, or its id.", show_default=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What became of every file."""

    files: tuple[dict[str, Any], ...]
    exit_status: int
    problem: YtpoolError | None = None


VIEWS[Migration] = View(
    rows="files",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        Column("Outcome", "outcome", style={"stored": "green", "refused": "red"}),
        ("User", "user"),
        ("Platform", "platform"),
        Column("Cookies", "cookies", justify="right"),
        ("First expires", "expires_at"),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else "", style="yellow"),
    ),
    empty="the folder holds no .json, .txt or .cookies file",
)
VIEWS[SessionList] = View(
    rows="sessions",
    columns=(
        ("User", "user"),
        ("Platform", "platform"),
        Column("State", "state", style={"active": "green", "expired": "yellow", "banned": "red"}),
        Column("Cookies", "cookies", justify="right"),
        ("First expires", "expires_at"),
        ("Stored", "stored_at"),
        Column("Session", "session", from_width=100),
    ),
    empty="no session yet; bring one in: ytpool sessions migrate --file FILE --user U --platform P",
)


@command(
    app,
    "migrate",
    example=(
        "ytpool sessions migrate --file state.json --user anna --platform instagram\n"
        "ytpool sessions migrate --all ./sessions --dry-run"
    ),
    statuses=(0, 2, 3, 6),
)
def migrate(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One storage-state file.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--all",
            metavar="FOLDER",
            help="Every .json, .txt and .cookies file in it, named USER_PLATFORM.json.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Whose session it is.", show_default=False)] = None,
    platform: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Where: facebook, instagram, x, youtube, or any name.", show_default=False),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files and store nothing.")] = False,
) -> Migration:
    """Take storage-state files, as Playwright writes them, into the vault; the files stay where they are."""
    if (file is None) == (folder is None):
        raise UsageWrong("name either --file or --all", hint="see: ytpool sessions migrate --help")
    if folder is not None and user is not None:
        raise UsageWrong("--user is for one --file; the files of a folder say it in their names")
    files = [file] if file is not None else session_files.files_in(folder) if folder is not None else []
    rt = runtime(ctx)
    said = session_files.require_said(Said(user=user, platform=platform))
    found = list(session_files.migrate(rt, files, said, dry_run=dry_run))
    return Migration(
        files=tuple(as_item(one) for one in found),
        exit_status=common(0 if one.problem is None else status_of(one.problem) for one in found),
        problem=found[0].problem if file is not None else None,
    )


@command(app, "list", example="ytpool sessions list --json", statuses=(0, 2, 6))
def list_(ctx: typer.Context) -> SessionList:
    """List the stored sessions; their cookies stay in the vault."""
    return sessions.list_sessions(runtime(ctx))


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
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; active needs no reason.", show_default=False)] = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> Session:
    """Say yourself that a session is active, expired or banned; nothing else lifts a ban."""
    return sessions.mark(runtime(ctx), which, state, reason, dry_run=dry_run)


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
