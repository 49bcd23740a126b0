"""`ytpool todo`: what only a person can settle."""

import typer

from ytpool.actions import todo as todos
from ytpool.actions.todo import Todo
from ytpool.cli.commands import command, single
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, Column, View

app = single()

VIEWS[Todo] = View(
    rows="items",
    columns=(
        ("What", "kind"),
        ("Which", "name"),
        Column("Not before", "not_before", from_width=100),
        ("Said", "message"),
        ("Type", "command"),
    ),
    empty="nothing waits for you",
)


@command(app, "todo", example="ytpool todo\nytpool todo --json", statuses=(0, 2, 6))
def todo(ctx: typer.Context) -> Todo:
    """List what only a person can settle, each with the command that settles it.

    Uploads, changes and comments whose outcome nobody knows, chains that nobody could serve, logins that are dead, die
    soon or lack a scope, files of jobs that no machine has, videos that went to another channel than the account's,
    deletions that were put off, browser sessions that are banned, and rests that no moment ends.
    """
    return todos.todo(runtime(ctx))
