"""Options that mean the same wherever they stand, and the way from a command to its runtime."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ytpool.cli.invocation import Invocation
from ytpool.config import Config
from ytpool.domain import moments
from ytpool.domain.balancing import Tier
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime


def runtime(ctx: typer.Context, *, logs: bool = False) -> Runtime:
    """Return what actions work with; the settings are read at the first call.

    The sandbox profile is set up at its first use. Commands that work rather than read ask for `logs` on stderr.
    """
    call = invocation(ctx)
    rt = call.runtime
    if rt.is_sandbox and not rt.is_set_up():
        from ytpool.actions import setup  # noqa: PLC0415 -- once in the life of a profile

        setup.prepare_sandbox(rt)
    if logs:
        from ytpool.cli import logs as logging  # noqa: PLC0415 -- reports log nothing

        logging.to_stderr(call)
    return rt


def moment(config: Config, text: str, option: str) -> datetime:
    """Read a moment as people write it; without an offset it is meant in the zone of the settings."""
    try:
        return moments.typed(text, moments.named_zone(config.time.zone))
    except ValueError as error:
        raise UsageWrong(f"{option}: {error}") from None


def span(text: str, option: str) -> timedelta:
    """Read a stretch of time as people write it, such as 90s, 45m, 8h or 1d12h."""
    try:
        return moments.span(text)
    except ValueError as error:
        raise UsageWrong(f"{option}: {error}", hint="write it as 90s, 45m, 8h or 1d12h") from None


def typed(ctx: typer.Context) -> dict[str, str]:
    """Return what stands on the command line itself: by the parameter's name, as people write it."""
    found = {}
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name) if param.name else None
        if param.name and source is not None and source.name == "COMMANDLINE":
            names = param.secondary_opts if ctx.params.get(param.name) is False else []
            found[param.name] = max(names or param.opts, key=len)
    return found


def invocation(ctx: typer.Context) -> Invocation:
    """Return this run of the program: its flags, its settings, its way to say things."""
    assert isinstance(ctx.obj, Invocation)
    return ctx.obj


def map_paths(ctx: typer.Context, texts: Sequence[str] | None) -> None:
    """Let this run find files by these pairs of folders, too, and say which of all are not there."""
    from ytpool.actions import whereabouts  # noqa: PLC0415 -- only where files are looked for
    from ytpool.domain.path_map import PathMap  # noqa: PLC0415

    call = invocation(ctx)
    try:
        rt = call.runtime
        rt.path_map = rt.path_map.overruled_by(PathMap.from_texts(texts or ()))
    except ValueError as error:
        raise UsageWrong(f"--path-map {error}") from None
    for sentence in whereabouts.unmapped(rt):
        call.note(f"warning: {sentence}")


def require_one_way_to_wait(*, wait: bool, no_wait: bool) -> None:
    """Refuse to wait for everything and for nothing at once."""
    if wait and no_wait:
        raise UsageWrong(
            "--wait and --no-wait exclude each other",
            hint="leave out one; YTPOOL_WAIT and YTPOOL_NO_WAIT say them, too",
        )


AccountOption = Annotated[
    str | None, typer.Option("--account", "-a", metavar="NAME", help="Only this account.", show_default=False)
]
PoolOption = Annotated[
    str | None, typer.Option("--pool", "-p", metavar="NAME", help="Any account of this pool.", show_default=False)
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Show account, channel, visibility and cost, and send nothing.", show_default=False),
]
WouldOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what it would come to, and change nothing.", show_default=False)
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; needed where no terminal is.", show_default=False)
]
NotAskedOption = Annotated[bool, typer.Option("--yes", "-y", help="Not needed: this asks nothing.", show_default=False)]
PasswordFileOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Its first line is the password; else a terminal asks.",
        readable=False,
        show_default=False,
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it although it is not due.", show_default=False)]
NoWaitOption = Annotated[
    bool,
    typer.Option(
        "--no-wait", envvar="YTPOOL_NO_WAIT", help="Do not wait for a free slot: end with status 6.", show_default=False
    ),
]
WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait",
        envvar="YTPOOL_WAIT",
        help="Sleep until it can go, however long, instead of ending with status 5.",
        show_default=False,
    ),
]
FollowOption = Annotated[
    bool,
    typer.Option(
        "--follow",
        help="Wait until YouTube has processed the videos; one that failed or is rejected is status 1.",
        show_default=False,
    ),
]
PlotOption = Annotated[
    bool,
    typer.Option(
        "--plot",
        help="Draw it instead; a pipe gets the picture's numbers, and JSON has them in `plots`.",
        show_default=False,
    ),
]
PathMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--path-map",
        metavar="FROM=TO",
        help="What the state has in folder FROM lies in TO on this machine; goes before path.map. May be repeated.",
        show_default=False,
    ),
]
UseBufferOption = Annotated[
    bool,
    typer.Option(
        "--use-buffer", help="Use the last tenth of a bucket, which is kept back otherwise.", show_default=False
    ),
]
TierOption = Annotated[
    Tier | None,
    typer.Option(
        "--tier",
        metavar="TIER",
        help="production, or reserve: joins when no production account can work today.",
        show_default=False,
    ),
]
PriorityOption = Annotated[
    int | None,
    typer.Option(
        "--priority",
        metavar="N",
        help="Lower comes first; 100 unless told.",
        min=0,
        max=1_000_000,
        show_default=False,
    ),
]
