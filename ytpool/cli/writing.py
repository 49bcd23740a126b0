"""What commands that write share: for which account or pool, now or in the queue, and the options that say so."""

from enum import StrEnum
from typing import Annotated

import typer

from ytpool.cli.options import invocation, moment, typed
from ytpool.domain.jobs import HIGHEST_PRIORITY, InLine, Target, TargetKind
from ytpool.errors import UsageWrong


def target(account: str | None, pool: str | None) -> Target:
    """Return what a command is for; raises UsageWrong unless exactly one of the two is named."""
    if (account is None) == (pool is None):
        raise UsageWrong("name either --account or --pool", hint="see: ytpool accounts list, ytpool pools list")
    if account is not None:
        return Target(kind=TargetKind.ACCOUNT, name=account)
    assert pool is not None
    return Target(kind=TargetKind.POOL, name=pool)


_NOW = frozenset(("wait", "no_wait", "follow", "use_buffer", "look", "parallel", "rate"))
"""Options that say how a thing is done when it is done now."""


def in_line(
    ctx: typer.Context, *, queue: bool, priority: int | None, not_before: str | None, deadline: str | None
) -> InLine | None:
    """Return how a job is to wait in the queue; None where it is to be done now."""
    if not queue:
        if priority is not None or not_before is not None or deadline is not None:
            raise UsageWrong("--priority, --not-before and --deadline go with --queue", hint="say --queue as well")
        return None
    idle = [flag for name, flag in typed(ctx).items() if name in _NOW]
    if idle:
        raise UsageWrong(f"--queue does nothing yet, so leave out {', '.join(idle)}")
    config = invocation(ctx).config
    found = InLine(
        priority=priority or 0,
        not_before=None if not_before is None else moment(config, not_before, "--not-before"),
        deadline=None if deadline is None else moment(config, deadline, "--deadline"),
    )
    if found.fault:
        raise UsageWrong(found.fault, hint="say --not-before earlier, or --deadline later")
    return found


class Privacy(StrEnum):
    """Who may see a video."""

    PRIVATE = "private"
    UNLISTED = "unlisted"
    PUBLIC = "public"


PrivacyOption = Annotated[
    Privacy | None,
    typer.Option(
        "--privacy",
        metavar="WHO",
        help="Who may see it: private, unlisted or public; without it what `upload.privacy` says.",
        show_default=False,
    ),
]
QueueOption = Annotated[
    bool,
    typer.Option("--queue", help="Check it and put it in the queue, for `ytpool work`.", show_default=False),
]
QueuePriorityOption = Annotated[
    int | None,
    typer.Option(
        "--priority",
        metavar="N",
        help="With --queue: higher goes first; 0 unless told.",
        min=-HIGHEST_PRIORITY,
        max=HIGHEST_PRIORITY,
        show_default=False,
    ),
]
NotBeforeOption = Annotated[
    str | None,
    typer.Option(
        "--not-before",
        metavar="MOMENT",
        help="With --queue: begin no earlier, as 2026-12-24T18:00 (in [time] zone).",
        show_default=False,
    ),
]
DeadlineOption = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="MOMENT",
        help="With --queue: of equal priority the soonest goes first.",
        show_default=False,
    ),
]
ServiceDeadlineOption = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="MOMENT",
        help="With --queue: of equal priority the soonest goes first; after it, it is not begun.",
        show_default=False,
    ),
]
"""What a service does is paid for, so it is not begun when it is too late to be of use."""
