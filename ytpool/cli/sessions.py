"""`ytpool sessions`: browser sessions of many users, kept in the vault."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import sessions
from ytpool.actions.sessions import SessionList
from ytpool.cli.commands import command, group
from ytpool.cli.exits import common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.errors import UsageWrong, YtpoolError

app = group("Keep browser sessions of many users in the vault.")


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
    empty="the folder holds no .json file",
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
            "--all", metavar="FOLDER", help="Every .json in it, named USER_PLATFORM.json.", show_default=False
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
    files = [file] if file is not None else sessions.files_in(folder) if folder is not None else []
    rt = runtime(ctx)
    found = [sessions.migrate(rt, path, user=user, platform=platform, dry_run=dry_run) for path in files]
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

    The command is `[sessions.refresh] command`; it writes to {file}, which is also $YTPOOL_COOKIES_FILE. It runs on one
    machine at a time (another is told since when and by whom, status 6) and at most once in five minutes, whatever comes
    of it: a failure is not repeated sooner (status 5), a success need not be (status 0). What it brings must hold cookies
    that live, written as the file was before; else the file stays what it is (status 1).
    """
    from ytpool.actions import cookie_files  # noqa: PLC0415
    from ytpool.cli import fetched  # noqa: F401, PLC0415

    rt = runtime(ctx, logs=True)
    return cookie_files.planned(rt, account) if dry_run else cookie_files.refresh(rt, account)
