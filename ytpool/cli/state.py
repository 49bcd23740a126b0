"""`ytpool state`: is the state whole, and are its books right?"""

from typing import Annotated

import typer

from ytpool.actions import state
from ytpool.actions.state import StateChecked
from ytpool.cli.commands import command, group
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, View

app = group("Check the state and its books.")


def _told(checked: StateChecked) -> str:
    journal = checked.journal
    sealed = f"{journal.rows:,} rows in {journal.segments:,} segments"
    states = ", ".join(f"{count} {state}" for state, count in sorted(checked.open_jobs.items()))
    lines = [
        f"{checked.state} is {'damaged' if checked.integrity else 'whole'}, {checked.size / 1_000_000:.1f} MB",
        f"the books {'disagree with' if checked.books else 'agree with'} their journal",
        f"the activity journal is {'not as it was sealed' if journal.wrong else 'as it was sealed'}: {sealed}",
        *([f"its last digest is {journal.digest}"] if journal.digest else []),
        f"jobs that are not finished: {states or 'none'}",
    ]
    if checked.expired_holds:
        lines.append(f"holds that nobody settled in time, settled now: {checked.expired_holds}")
    if checked.clock_accepted:
        lines.append("this machine's clock is taken as right from now on")
    return "\n".join([*lines, *checked.integrity, *checked.books, *journal.wrong])


VIEWS[StateChecked] = View(text=_told)


@command(app, "check", example="ytpool state check", statuses=(0, 2, 6, 8))
def check(
    ctx: typer.Context,
    *,
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help="This machine's clock is right, although Google once said a later time."),
    ] = False,
) -> StateChecked:
    """Check the file's integrity, that every meter equals the sum of its journal, and the activity journal's seals.

    What was done is sealed by housekeeping, each segment with the digest of the one before it; who keeps the last
    digest elsewhere can prove later that nothing up to there was changed. It is read from end to end: some fifteen
    seconds for a million rows.

    Holds whose worker died are settled on the way: what was not sent is released, what was sent is unknown.
    """
    return state.check(runtime(ctx), accept_clock=accept_clock)
