"""`ytpool projects`: the Google Cloud projects that pay."""

from typing import Annotated

import typer

from ytpool.actions import projects
from ytpool.actions.projects import Merged, ProjectList, ProjectRow
from ytpool.cli.commands import command, group
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.errors import UsageWrong

app = group("List the projects that pay, set their limits, and join two that are one at Google.")

ProjectArgument = Annotated[str, typer.Argument(help="The project.")]


def _limits(row: ProjectRow) -> str:
    return ", ".join(f"{bucket} {units}" for bucket, units in row.limits.items())


def _below(told: ProjectList) -> str:
    pairs = {tuple(sorted((row.project, twin))) for row in told.projects for twin in row.twins}
    return "\n".join(
        f"{one} and {other} have the same id at Google; if they are one: ytpool projects merge {one} {other}"
        for one, other in sorted(pairs)
    )


def _told(told: Merged) -> str:
    was = f"{told.former} would become" if told.dry_run else f"{told.former} is now"
    row = told.project
    lines = [f"{was} one with {row.project}: {len(row.clients)} clients, accounts {', '.join(row.accounts) or 'none'}"]
    for bucket in told.buckets:
        one, other = bucket.used
        lines.append(f"  {bucket.bucket}: {one} and {other} used of {bucket.limit} today, {bucket.left} left")
    return "\n".join(lines)


VIEWS[ProjectList] = View(
    rows="projects",
    columns=(
        ("Project", "project"),
        ("Number", "number"),
        ("Clients", lambda row: str(len(row.clients))),
        ("Limits", _limits),
        ("Accounts", lambda row: ", ".join(row.accounts)),
    ),
    empty="no project yet; the first login brings one: ytpool auth add NAME --client-secrets FILE",
    footer=_below,
)
VIEWS[Merged] = View(text=_told)


@command(app, "list", example="ytpool projects list --json", statuses=(0, 2, 6))
def list_(ctx: typer.Context) -> ProjectList:
    """List projects with their OAuth clients, the limits that are not Google's usual ones, and their accounts."""
    return projects.list_projects(runtime(ctx))


@command(app, "show", example="ytpool projects show my-project-123", statuses=(0, 2, 6))
def show(ctx: typer.Context, name: ProjectArgument) -> ProjectRow:
    """Show one project, a line per field."""
    return projects.show_project(runtime(ctx), name)


@command(
    app,
    "set",
    example="ytpool projects set press --limit uploads=500\nytpool projects set press --limit uploads=default",
    statuses=(0, 2, 6),
)
def set_(
    ctx: typer.Context,
    name: ProjectArgument,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUCKET=N",
            help="What Google granted it a day; BUCKET=default is Google's usual limit, 0 lets it do nothing.",
            show_default=False,
        ),
    ] = None,
    rename: Annotated[
        str | None, typer.Option(metavar="NEW", help="Call it so from now on.", show_default=False)
    ] = None,
    *,
    dry_run: WouldOption = False,
) -> ProjectRow:
    """Change what a project may use a day, or what it is called here.

    What is booked already beyond a new limit stays booked, as overrun. A project that Google calls otherwise than
    before is known by the number its client ids begin with, and needs no command.
    """
    limits = dict(map(_limit, limit or ()))
    if not limits and rename is None:
        raise UsageWrong("nothing to change was named", hint="see `ytpool projects set --help`")
    return projects.set_project(runtime(ctx), name, limits=limits, rename=rename, dry_run=dry_run)


@command(
    app,
    "merge",
    example="ytpool projects merge old-name press --dry-run\nytpool projects merge old-name press",
    statuses=(0, 2, 6),
)
def merge(
    ctx: typer.Context,
    former: Annotated[str, typer.Argument(metavar="FROM", help="The project that was taken for another.")],
    project: Annotated[str, typer.Argument(metavar="INTO", help="The one it is.")],
    *,
    dry_run: WouldOption = False,
) -> Merged:
    """Join two projects that are one at Google: clients, accounts, limits, rests and all books move together.

    Two OAuth clients of one project draw on one quota, so today's use is added; what is beyond the limit is booked as
    overrun. Jobs that run go on. Where both numbers are known and differ, Google counts them apart, and it is refused.
    It cannot be undone.
    """
    return projects.merge(runtime(ctx), former, project, dry_run=dry_run)


def _limit(text: str) -> tuple[str, int | None]:
    bucket, _, number = text.partition("=")
    if number == "default":
        return bucket, None
    if not bucket or not (number.isascii() and number.isdigit() and len(number) < 13):
        raise UsageWrong(
            f"--limit {text}: a limit is BUCKET=N, with a whole number or default",
            hint="for instance --limit uploads=500",
        )
    return bucket, int(number)
