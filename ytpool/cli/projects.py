"""`ytpool projects`: the Google Cloud projects that pay."""

from typing import Annotated

import typer

from ytpool.actions import projects
from ytpool.actions.projects import ProjectList, ProjectRow
from ytpool.cli.commands import command, group
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, View

app = group("List the projects that pay, and show one in full.")

VIEWS[ProjectList] = View(
    rows="projects",
    columns=(
        ("Project", "project"),
        ("Number", "number"),
        ("Clients", lambda row: str(len(row.clients))),
        ("Accounts", lambda row: ", ".join(row.accounts)),
    ),
    empty="no project yet; the first login brings one: ytpool auth add NAME --client-secrets FILE",
)


@command(app, "list", example="ytpool projects list --json", statuses=(0, 2, 6))
def list_(ctx: typer.Context) -> ProjectList:
    """List projects with their OAuth clients and the accounts they pay for."""
    return projects.list_projects(runtime(ctx))


@command(app, "show", example="ytpool projects show my-project-123", statuses=(0, 2, 6))
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The project.")]) -> ProjectRow:
    """Show one project, a line per field."""
    return projects.show_project(runtime(ctx), name)
