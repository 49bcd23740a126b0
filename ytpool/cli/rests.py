"""`ytpool rests`: what takes no work for a while, and a person's word that it may again."""

from typing import Annotated

import typer

from ytpool.actions import rests
from ytpool.actions.rests import Lifted, Phase, RestList, RestRow
from ytpool.cli.commands import command, group
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import moments

app = group("List what rests, until when and why; lift a rest by your word.")

_STYLES = {Phase.RESTING: "yellow", Phase.ON_TRIAL: "cyan", Phase.ENDED: "dim"}


_A_PERSON = "a person acts"


VIEWS[RestList] = View(
    rows="rests",
    columns=(
        Column("What", lambda row: f"{row.scope} {row.title}".strip(), style=lambda row: _STYLES[row.phase]),
        Column("Bucket", lambda row: row.bucket or "everything"),
        Column("Since", "since", from_width=110),
        Column("Until", lambda row: row.until or _A_PERSON),
        Column("Phase", lambda row: "" if row.phase is Phase.RESTING else row.phase),
        Column("Reason", "reason"),
        Column("Then", "lifts", from_width=140),
        Column("Guess", lambda row: "yes" if row.guessed else "", from_width=90),
    ),
    footer=lambda told: (
        "each ends by itself at its time; sooner: ytpool rests lift SCOPE NAME"
        if any(row.phase is Phase.RESTING and row.until is not None for row in told.rests)
        else ""
    ),
    empty="nothing rests",
)


def _what(row: RestRow) -> str:
    return f"{row.bucket or 'everything'} of {row.scope} {row.title}"


def _end(row: RestRow) -> str:
    return _A_PERSON if row.until is None else moments.spoken(row.until)


def _told(done: Lifted) -> str:
    verb = "would be lifted" if done.dry_run else "lifted"
    lines = [f"{verb}: {_what(row)}, which rested until {_end(row)} ({row.reason})" for row in done.lifted]
    return "\n".join([*lines, *done.notes])


VIEWS[Lifted] = View(text=_told)


@command(app, "list", example="ytpool rests list\nytpool rests list --all --json", statuses=(0, 2, 6))
def list_(
    ctx: typer.Context,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also what has ended since, and what is being tried out again.")
    ] = False,
) -> RestList:
    """List what takes no work now, until when, why, and what ends it, the soonest first.

    A guess is a breaker's: so many calls in a row got no answer that means something. When its time is over a few calls
    try it out, and the first that gets through ends it. Everything else rests for a reason that Google gave.
    """
    return rests.list_rests(runtime(ctx), every=every)


@command(
    app,
    "lift",
    example=(
        "ytpool rests lift account news\n"
        "ytpool rests lift project press --bucket uploads --dry-run\n"
        "ytpool rests lift service youtube"
    ),
    statuses=(0, 2, 6),
)
def lift(
    ctx: typer.Context,
    scope: Annotated[str, typer.Argument(help="What it is: project, channel, account or service.")],
    name: Annotated[str, typer.Argument(help="Which; a channel by its title or id.")],
    bucket: Annotated[
        str | None, typer.Option("--bucket", metavar="BUCKET", help="Only the rest of this bucket.", show_default=False)
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be lifted, and lift nothing.")] = False,
) -> Lifted:
    """End a rest before its time, because you know better; says what was lifted, and what that does not change.

    A rest until midnight that is lifted makes up no quota: the count stays as it is. What was paused is lifted by
    `unpause`, and a dead login by `auth add`.
    """
    return rests.lift(runtime(ctx), scope, name, bucket=bucket, dry_run=dry_run)
