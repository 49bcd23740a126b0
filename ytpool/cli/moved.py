"""How a move of the state is asked for and seen; only `ytpool state migrate` loads it."""

import typer

from ytpool.actions import migrating
from ytpool.actions.migrating import Migrated
from ytpool.cli.agreeing import agrees
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.errors import Interrupted
from ytpool.store.moving import Progress

_TOLD_EVERY = 100_000
"""Rows."""


def migrate(ctx: typer.Context, to: str, *, dry_run: bool, yes: bool) -> Migrated:
    rt, call = runtime(ctx), invocation(ctx)
    place = rt.database_named(to).shown  # what makes no sense, or holds a password, is refused before it is repeated
    does = "pauses the state that is here, and lets it go on elsewhere"
    if not dry_run and not agrees(call, does, f"Move the state to {place}?", yes=yes):
        raise Interrupted("nothing was moved")

    def told(progress: Progress) -> None:
        if progress.rows and progress.rows % _TOLD_EVERY == 0:
            call.note(f"{progress.rows:,} of {progress.of:,} rows are there")

    return migrating.migrate(rt, to, told, dry_run=dry_run)


def _moved(done: Migrated) -> str:
    rows = sum(done.rows.values())
    verb = "would go" if done.dry_run else "went already" if done.already else "went"
    units = ", ".join(f"{count:,} {state}" for state, count in done.units.items()) or "none"
    lines = [f"{rows:,} rows of {len(done.rows)} tables {verb} from {done.left} to {done.place}"]
    lines.append(f"units of the ledger: {units}")
    if done.digest:
        lines.append(f"the last digest of the activity journal is {done.digest}, here as there")
    return "\n".join([*lines, *done.advice])


VIEWS[Migrated] = View(text=_moved)
