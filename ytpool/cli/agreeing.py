"""Asking before something is destroyed: a person at a terminal is asked, and everybody else says --yes."""

from collections.abc import Iterable

import typer

from ytpool.cli.invocation import Invocation
from ytpool.cli.values import visible
from ytpool.errors import UsageWrong


def agrees(
    call: Invocation,
    does: str,
    question: str,
    *,
    yes: bool,
    shows: Iterable[str] = (),
    hint: str = "say --yes, or look first with --dry-run",
) -> bool:
    """Tell whether it may be done, as `yes` says or the person answers; `shows` are lines above the question.

    Raises UsageWrong where nobody can be asked: `does` says what it is about, as in "this deletes …".
    """
    if yes:
        return True
    if call.json or not call.stderr.isatty():
        raise UsageWrong(f"this {does}", hint=hint)
    for line in shows:
        call.say(visible(line))
    return typer.confirm(visible(question), err=True)
