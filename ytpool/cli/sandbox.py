"""`ytpool sandbox`: the local YouTube, and its levers."""

import json
import os
from typing import Annotated, Any

import typer

from ytpool.actions import sandbox
from ytpool.actions.sandbox import ClockMoved, Disturbed, Emptied, SandboxStatus, SandboxUp, Stopped
from ytpool.cli.agreeing import agrees
from ytpool.cli.commands import command, group
from ytpool.cli.options import YesOption, invocation, moment, span
from ytpool.cli.output import VIEWS, Column, View
from ytpool.config import SANDBOX
from ytpool.errors import Interrupted, UsageWrong
from ytpool.runtime import Runtime

app = group("Start, stop, look at and disturb the local YouTube.")


VIEWS[SandboxStatus] = (
    View(
        text=lambda status: (
            f"the sandbox answers at {status.url}; its clock says {status.now:%Y-%m-%d %H:%M:%S} UTC\n"
            f"channels: {len(status.channels)}, videos: {status.videos}, "
            f"requests that YouTube would have refused: {status.refused}"
            if status.running
            else f"no sandbox runs in {status.folder}; start one: ytpool sandbox up"
        )
    ),
    View(
        rows="units",
        columns=(
            ("Project", "name"),
            Column("Number", "project", from_width=90),
            ("Quota day", "day"),
            ("Bucket", "bucket"),
            Column("Really charged", "units", justify="right"),
        ),
        empty="nothing was charged yet",
    ),
)
VIEWS[ClockMoved] = View(text=lambda moved: f"the sandbox's clock says {moved.now:%Y-%m-%d %H:%M:%S} UTC")
VIEWS[Stopped] = View(text=lambda done: "stopped; it forgets nothing" if done.stopped else "no sandbox was running")
VIEWS[Disturbed] = (
    View(text=lambda done: done.said),
    View(
        rows="faults",
        columns=(
            ("Method", "method"),
            ("Kind", "kind"),
            ("Error", "error"),
            ("Channel", "channel"),
            Column("Times", "times", justify="right"),
            Column("Struck", "done", justify="right"),
        ),
        empty="no fault waits",
    ),
)


def _profile(ctx: typer.Context) -> Runtime:
    """These commands mean the sandbox profile's sandbox, unless another profile is named."""
    call = invocation(ctx)
    if call.profile is None and not os.environ.get("YTPOOL_PROFILE"):
        call.profile = SANDBOX
    return call.runtime


@command(app, "up", example="ytpool sandbox up --json\nytpool sandbox up --accept-any-token news", statuses=(0, 1, 2))
def up(
    ctx: typer.Context,
    accept_any_token: Annotated[
        str | None,
        typer.Option(
            metavar="CHANNEL",
            help="Take every bearer token for this channel's, made if there is none, to try the API behind another "
            "login server; it stays so until it is said with an empty name.",
            show_default=False,
        ),
    ] = None,
) -> SandboxUp:
    """Start the sandbox unless it runs, and say where it answers; it ends after ten idle minutes."""
    return sandbox.up(_profile(ctx), accept_any_token=accept_any_token)


@command(app, "down", example="ytpool sandbox down", statuses=(0, 1, 2))
def down(ctx: typer.Context) -> Stopped:
    """Stop the sandbox; channels, videos, half-sent bytes and clock are kept."""
    return sandbox.down(_profile(ctx))


@command(app, "status", example="ytpool sandbox status", statuses=(0, 1, 2))
def status(ctx: typer.Context) -> SandboxStatus:
    """Show what the sandbox has and what really happened there."""
    return sandbox.status(_profile(ctx))


@command(app, "clock", example="ytpool sandbox clock --forward 8h", statuses=(0, 1, 2))
def clock(
    ctx: typer.Context,
    forward: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Move it ahead by 90s, 8h or 1d12h.", show_default=False)
    ] = None,
    to: Annotated[
        str | None, typer.Option("--set", metavar="MOMENT", help="Move it to this moment.", show_default=False)
    ] = None,
) -> ClockMoved:
    """Move the sandbox's clock ahead, or show it; it never goes back.

    Quota days, rests, tokens and logins of the sandbox profile follow it.
    """
    rt = _profile(ctx)
    return sandbox.move_clock(
        rt,
        forward=None if forward is None else span(forward, "--forward"),
        to=None if to is None else moment(rt.config, to, "--set"),
    )


@command(
    app,
    "fault",
    example=(
        "ytpool sandbox fault upload.chunk --error backendError --times 3\n"
        "ytpool sandbox fault upload.final --lose-answer\n"
        "ytpool sandbox fault upload.chunk --cut 100000 --channel news\n"
        "ytpool sandbox fault upload.chunk --forget 262144\n"
        "ytpool sandbox fault processing --error codec\n"
        "ytpool sandbox fault --setting processing_seconds=600\n"
        "ytpool sandbox fault --revoke news"
    ),
    statuses=(0, 1, 2),
)
def fault(
    ctx: typer.Context,
    method: Annotated[
        str | None,
        typer.Argument(
            help=(
                "What to spoil: a method such as videos.insert, or token; upload.chunk, upload.final, upload.query "
                "(with media. for what is no video); processing, listing, file_details of new videos."
            ),
            show_default=False,
        ),
    ] = None,
    error: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Answer with this error of YouTube's; for processing, end with this failure or rejection.",
            show_default=False,
        ),
    ] = None,
    status: Annotated[
        int | None,
        typer.Option(metavar="N", help="Its HTTP status, where not the usual.", show_default=False, min=100, max=599),
    ] = None,
    retry_after: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", help="Its Retry-After; alone, that of a 308.", show_default=False, min=0),
    ] = None,
    cut: Annotated[
        int | None, typer.Option(metavar="BYTE", help="Reset the line after so many bytes.", show_default=False, min=0)
    ] = None,
    slow: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wait so long before answering.", show_default=False, min=0)
    ] = None,
    forget: Annotated[
        int | None,
        typer.Option(
            metavar="BYTES", help="Keep so many bytes of a chunk, and claim to have it all.", show_default=False, min=0
        ),
    ] = None,
    boast: Annotated[
        int | None,
        typer.Option(
            metavar="BYTES", help="Claim to have so many bytes more than were sent.", show_default=False, min=0
        ),
    ] = None,
    expire: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Keep so many bytes; then the session is gone.", show_default=False, min=0),
    ] = None,
    channel: Annotated[str, typer.Option(metavar="CHANNEL", help="Only for this channel.", show_default=False)] = "",
    times: Annotated[int, typer.Option(metavar="N", help="How often.", min=1)] = 1,
    skip: Annotated[int, typer.Option(metavar="N", help="Let so many pass first.", min=0)] = 0,
    revoke: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Let a channel's login die.", show_default=False)
    ] = None,
    expire_token: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Let a channel's access tokens be over.", show_default=False)
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Change how the sandbox is, such as processing_seconds; null puts it back, a wrong NAME lists them.",
            show_default=False,
        ),
    ] = None,
    *,
    lose_answer: Annotated[bool, typer.Option("--lose-answer", help="Do the work and hang up.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Hang up without doing the work.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Give an upload another address in the middle.")] = False,
    expire_sessions: Annotated[
        bool, typer.Option("--expire-sessions", help="Let every upload session be gone.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all faults.")] = False,
) -> Disturbed:
    """Disturb the sandbox on purpose, or list what waits to strike."""
    rt = _profile(ctx)
    if clear:
        return sandbox.clear_faults(rt)
    if setting:
        return sandbox.change_settings(rt, dict(map(_setting, setting)))
    if expire_sessions or revoke is not None or expire_token is not None:
        return _end(rt, login=revoke, tokens=expire_token)
    kinds: dict[str, dict[str, Any]] = {
        "error": {"error": error, "status": status, "retry_after": retry_after} if error is not None else {},
        "cut": {"at": cut} if cut is not None else {},
        "slow": {"seconds": slow} if slow is not None else {},
        "lose_answer": {"times": times} if lose_answer else {},
        "close": {"times": times} if close else {},
        "forget": {"at": forget, "retry_after": retry_after} if forget is not None else {},
        "boast": {"at": boast, "retry_after": retry_after} if boast is not None else {},
        "expire": {"at": expire, "status": status} if expire is not None else {},
        "move": {"times": times, "retry_after": retry_after} if move else {},
    }
    if retry_after is not None and not any(kinds.values()):
        kinds["wait"] = {"retry_after": retry_after}
    wanted = [kind for kind, rule in kinds.items() if rule]
    if method is None and not wanted:
        return sandbox.list_faults(rt)
    if method is None or len(wanted) != 1:
        raise UsageWrong(
            "a fault wants a METHOD and one of --error, --cut, --slow, --lose-answer, --close, --forget, --boast, "
            "--expire, --move and --retry-after",
            hint="for instance: ytpool sandbox fault upload.chunk --error backendError --times 3",
        )
    rule = {"method": method, "kind": wanted[0], "times": times, "skip": skip, "channel": channel, **kinds[wanted[0]]}
    return sandbox.disturb(rt, {name: value for name, value in rule.items() if value not in (None, "")})


@command(app, "reset", example="ytpool sandbox reset --yes", statuses=(0, 1, 2, 130))
def reset(ctx: typer.Context, *, yes: YesOption = False) -> Emptied:
    """Empty the sandbox together with the books of its profile; only the clock stays."""
    rt = _profile(ctx)
    question = f"Empty the sandbox in {rt.config.paths.sandbox} and its books?"
    if not agrees(invocation(ctx), "empties the sandbox and its books", question, yes=yes, hint="say --yes"):
        raise Interrupted("nothing was emptied")
    return sandbox.reset(rt)


def _end(rt: Runtime, *, login: str | None, tokens: str | None) -> Disturbed:
    """Let a channel's login or its access tokens end, or else every upload session."""
    if login is not None:
        return sandbox.end_grant(rt, login)
    if tokens is not None:
        return sandbox.expire_tokens(rt, tokens)
    return sandbox.expire_sessions(rt)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageWrong(f"--setting does not understand {text!r}", hint="write it as processing_seconds=600")
    try:
        return name, json.loads(value)
    except ValueError:  # a word, and no number, true, false or null
        return name, value
