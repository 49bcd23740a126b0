"""`ytpool task`: work that other services do, each with its keys and slots."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import DryRunOption, invocation, runtime
from ytpool.cli.writing import NotBeforeOption, QueueOption, QueuePriorityOption, ServiceDeadlineOption, in_line
from ytpool.domain import names

app = group("Let other services work: submit tasks over their keys' slots, and see how they go.")

JobArgument = Annotated[str, typer.Argument(help="The task's job, or the beginning of its id.")]
ProviderArgument = Annotated[str, typer.Argument(help="The service, as [providers.NAME] of the settings calls it.")]
FollowTaskOption = Annotated[
    bool,
    typer.Option("--follow", help="Wait until it has ended; one that failed is status 1.", show_default=False),
]

# What works, and `tasked`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "submit",
    example=(
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --follow\n"
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --file nodes.json --key episode-7\n"
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --dry-run\n"
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --queue --priority 5"
    ),
    statuses=(0, 1, 2, 6, 7, 130),
)
def submit(
    ctx: typer.Context,
    provider: ProviderArgument,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One input, as text; as often as needed.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="JSON", help="A JSON object of inputs, also lists and tables.", show_default=False
        ),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="NAME", help="Do it once under this name.", show_default=False)
    ] = "",
    *,
    again: Annotated[
        bool,
        typer.Option("--again", help="Although the same task waits, runs or, with --key, is done.", show_default=False),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until a slot is free and the service has it.", show_default=False)
    ] = False,
    follow: FollowTaskOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: ServiceDeadlineOption = None,
    dry_run: DryRunOption = False,
) -> Any:  # TaskSeen or TaskPlanned
    """Submit a task to a service, once, with the first of its keys that has a free slot.

    Without a free slot it is queued, and said so. An answer that got lost on the way is never followed by a second
    request: the task is unknown then (status 7), and a callback may still tell. The same task typed again while it
    waits or runs is the same one. With --queue it is not sent now, but by `ytpool work`, `ytpool serve` or `ytpool task
    poll`. Tasks that wait go by priority, deadline, not-before and age; one whose deadline is over when its turn comes
    is not sent, and has failed. What it needs stands in braces in [providers.NAME.submit] of the settings.
    """
    from ytpool.actions.tasks import asking  # noqa: PLC0415
    from ytpool.cli.tasked import inputs  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    call = invocation(ctx)
    if key:
        names.require(key, "a key")
    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    given_inputs = inputs(given or [], file)
    order = asking.TaskOrder(provider=provider, inputs=given_inputs, key=key, again=again, in_line=waits)
    rt = runtime(ctx, logs=True)
    if dry_run:
        return asking.planned(rt, order)
    notes = Notes(call)
    seen = asking.submit(rt, order, notes)
    if follow:
        return asking.follow(rt, seen.job, notes)
    return asking.wait_for_slot(rt, seen.job, notes) if wait else seen


@command(app, "list", example="ytpool task list\nytpool task list runninghub --all --json", statuses=(0, 2, 6))
def list_(
    ctx: typer.Context,
    provider: Annotated[str | None, typer.Argument(help="Only the tasks of this service.", show_default=False)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
) -> Any:  # TaskList
    """List the tasks that wait or run, in the order they were asked for, each with its key and what to type."""
    from ytpool.actions.tasks import asking  # noqa: PLC0415
    from ytpool.cli import tasked  # noqa: F401, PLC0415

    return asking.list_tasks(runtime(ctx), provider, every=every)


@command(
    app,
    "show",
    example="ytpool task show 1jd3v2a97\nytpool task show 1jd3v2a97 --follow",
    statuses=(0, 1, 2, 6, 7, 130),
)
def show(ctx: typer.Context, job: JobArgument, *, follow: FollowTaskOption = False) -> Any:  # TaskSeen
    """Show one task: which key runs it, how far it is, and what came of it; without --follow nobody is asked."""
    from ytpool.actions.tasks import asking  # noqa: PLC0415
    from ytpool.cli import tasked  # noqa: F401, PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    rt = runtime(ctx, logs=follow)
    if not follow:
        return asking.show(rt, job)
    return asking.follow(rt, job, Notes(invocation(ctx)))


@command(
    app,
    "poll",
    example="ytpool task poll\n*/5 * * * * /opt/ytpool/.venv/bin/ytpool task poll --quiet",
    statuses=(0, 2, 6, 130),
)
def poll(ctx: typer.Context) -> Any:  # Round
    """Go round once: ask about the tasks it is time for, give up those whose time is over, send what waits.

    For cron, where no `ytpool serve` runs: a callback that never came is made good here.
    """
    from ytpool.actions.tasks import rounds  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    rt = runtime(ctx, logs=True)
    return rounds.one_round(rt, Notes(invocation(ctx)))


@command(app, "keys", example="ytpool task keys --json", statuses=(0, 2, 6))
def keys(ctx: typer.Context) -> Any:  # Keys
    """List the keys of every service by account, where each was found, and how many of its slots are free.

    The first key is `primary`, NAME_2 is `account_2` and so on. Their values are never shown. One that rests takes
    nothing (`ytpool rests list` says why); one that was taken away is listed as long as its tasks run.
    """
    from ytpool.actions.tasks import slots  # noqa: PLC0415
    from ytpool.cli import tasked  # noqa: F401, PLC0415

    return slots.of_keys(runtime(ctx))


@command(
    app,
    "keep-key",
    example="ytpool task keep-key runninghub --key-file key.txt\nytpool task keep-key runninghub account_2",
    statuses=(0, 2, 6),
)
def keep_key(
    ctx: typer.Context,
    provider: ProviderArgument,
    account: Annotated[str, typer.Argument(help="primary, account_2, account_3, ...")] = "primary",
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file", metavar="FILE", help="Its first line is the key; else a terminal asks.", show_default=False
        ),
    ] = None,
) -> Any:  # Keys
    """Keep a key in the vault instead of the environment; one that is there is replaced.

    A variable of the same number goes before it. No argument takes the key itself: others see those.
    """
    from ytpool.actions import api_keys  # noqa: PLC0415
    from ytpool.actions.tasks import slots  # noqa: PLC0415
    from ytpool.cli import passphrases, tasked  # noqa: F401, PLC0415

    rt = runtime(ctx)
    found = slots.require_provider(rt, provider)
    api_keys.keep(rt, found, account, passphrases.api_key(invocation(ctx), key_file))
    return slots.of_keys(rt)
