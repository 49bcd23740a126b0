"""`ytpool task`: work that other services do, each with its keys and slots."""

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ytpool.actions import api_keys, tasks
from ytpool.actions.tasks import Keys, Round, TaskList, TaskOrder, TaskPlanned, TaskSeen
from ytpool.cli.commands import command, group
from ytpool.cli.options import DryRunOption, invocation, runtime
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.cli.values import json_line, visible
from ytpool.domain import moments, names
from ytpool.errors import FileInvalid, UsageWrong

app = group("Let other services work: submit tasks over their keys' slots, and see how they go.")

JobArgument = Annotated[str, typer.Argument(help="The task's job, or the beginning of its id.")]
ProviderArgument = Annotated[str, typer.Argument(help="The service, as [providers.NAME] of the settings calls it.")]
FollowTaskOption = Annotated[
    bool,
    typer.Option("--follow", help="Wait until it has ended; one that failed is status 1.", show_default=False),
]

_STATES = {**STATUS_STYLES, "finished_unknown": "magenta", "queued": "yellow", "running": "cyan"}
_LONGEST_FILE = 1 << 20


def _told(seen: TaskSeen) -> str:
    where = f" as {seen.account}" if seen.account else ""
    named = f", task {seen.task_id}" if seen.task_id else ""
    lines = [f"job {seen.job}: {seen.state.removeprefix('finished_')} at {seen.provider}{where}{named}"]
    if seen.progress and seen.ended_at is None:
        lines.append(f"it is at {seen.progress}")
    if seen.until is not None and seen.state == "running":
        lines.append(f"its slot is kept until {moments.spoken(seen.until)} at the longest")
    if seen.ended_at is not None:
        lines.append(f"ended {moments.spoken(seen.ended_at)}, told by {seen.heard_from}; cost {seen.cost:g}")
    if seen.error and seen.problem is None:
        lines.append(f"because: {seen.error}")
    if seen.result is not None:
        lines.append(f"result: {json_line(seen.result).rstrip()}")
    if seen.advice and seen.problem is None:
        lines.append(f"type: {seen.advice}")
    return "\n".join(map(visible, lines))


def _would(planned: TaskPlanned) -> str:
    where = f"as {planned.account}" if planned.account else "as soon as a slot is free"
    lines = [f"would submit to {planned.provider} {where}, cost {planned.cost:g}: {planned.request}"]
    return "\n".join(map(visible, [*lines, f"{planned.free} slots are free; nothing was stored or sent"]))


VIEWS[TaskSeen] = View(text=_told)
VIEWS[TaskPlanned] = View(text=_would)
VIEWS[TaskList] = View(
    rows="tasks",
    columns=(
        ("Job", "job"),
        Column(
            "State",
            "state",
            shown=lambda state: state.removeprefix("finished_"),
            style=lambda row: _STATES.get(row.state, ""),
        ),
        ("Account", lambda row: row.account or row.provider),
        Column("Task", "task_id", from_width=100),
        Column("At", "progress", from_width=100),
        Column("Since", lambda row: row.sent_at or row.created_at, from_width=100),
        Column("Cost", "cost", shown="{:g}".format, justify="right", from_width=100),
        Column("Said", "error", style="yellow"),
        ("Type", "advice"),
    ),
    empty="no task waits or runs",
)
VIEWS[Keys] = View(
    rows="keys",
    columns=(
        ("Account", "name"),
        ("Key from", "place"),
        Column("Running", "running", justify="right"),
        Column("Slots", "max_slots", justify="right"),
        Column("Free", "available", justify="right"),
    ),
    empty="no key yet; describe a service in [providers.NAME], and set the variable that it names in `keys`",
)


@command(
    app,
    "submit",
    example=(
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --follow\n"
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --file nodes.json --key episode-7\n"
        "ytpool task submit runninghub --set workflow_id=1904136902449209346 --dry-run"
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
    dry_run: DryRunOption = False,
) -> Any:  # TaskSeen or TaskPlanned
    """Submit a task to a service, once, with the first of its keys that has a free slot.

    Without a free slot it is queued, and said so. An answer that got lost on the way is never followed by a second
    request: the task is unknown then (status 7), and a callback may still tell. The same task typed again while it
    waits or runs is the same one. What it needs stands in braces in [providers.NAME.submit] of the settings.
    """
    call = invocation(ctx)
    if key:
        names.require(key, "a key")
    order = TaskOrder(provider=provider, inputs=_inputs(given or [], file), key=key, again=again)
    rt = runtime(ctx, logs=True)
    if dry_run:
        return tasks.planned(rt, order)
    from ytpool.cli.written import Notes  # noqa: PLC0415 -- only what sends has something to say on the way

    notes = Notes(call)
    seen = tasks.submit(rt, order, notes)
    if follow:
        return tasks.follow(rt, seen.job, notes)
    return tasks.wait_for_slot(rt, seen.job, notes) if wait else seen


@command(app, "list", example="ytpool task list\nytpool task list runninghub --all --json", statuses=(0, 2, 6))
def list_(
    ctx: typer.Context,
    provider: Annotated[str | None, typer.Argument(help="Only the tasks of this service.", show_default=False)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
) -> TaskList:
    """List the tasks that wait or run, in the order they were asked for, each with its key and what to type."""
    return tasks.list_tasks(runtime(ctx), provider, every=every)


@command(
    app,
    "show",
    example="ytpool task show 1jd3v2a97\nytpool task show 1jd3v2a97 --follow",
    statuses=(0, 1, 2, 6, 7, 130),
)
def show(ctx: typer.Context, job: JobArgument, *, follow: FollowTaskOption = False) -> TaskSeen:
    """Show one task: which key runs it, how far it is, and what came of it; without --follow nobody is asked."""
    rt = runtime(ctx, logs=follow)
    if not follow:
        return tasks.show(rt, job)
    from ytpool.cli.written import Notes  # noqa: PLC0415

    return tasks.follow(rt, job, Notes(invocation(ctx)))


@command(app, "poll", example="ytpool task poll\n*/5 * * * * ytpool task poll --quiet", statuses=(0, 2, 6, 130))
def poll(ctx: typer.Context) -> Round:
    """Go round once: ask about the tasks it is time for, give up those whose time is over, send what waits.

    For cron, where no `ytpool serve` runs: a callback that never came is made good here.
    """
    from ytpool.cli.written import Notes  # noqa: PLC0415

    rt = runtime(ctx, logs=True)
    return tasks.one_round(rt, Notes(invocation(ctx)))


@command(app, "keys", example="ytpool task keys --json", statuses=(0, 2, 6))
def keys(ctx: typer.Context) -> Keys:
    """List the keys of every service by account, where each was found, and how many of its slots are free.

    The first key is `primary`, NAME_2 is `account_2` and so on. Their values are never shown.
    """
    return tasks.slots(runtime(ctx))


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
) -> Keys:
    """Keep a key in the vault instead of the environment; one that is there is replaced.

    A variable of the same number goes before it. No argument takes the key itself: others see those.
    """
    from ytpool.cli import passphrases  # noqa: PLC0415 -- reading it is rare

    rt = runtime(ctx)
    found = tasks.require_provider(rt, provider)
    api_keys.keep(rt, found, account, passphrases.api_key(invocation(ctx), key_file))
    return tasks.slots(rt)


def _inputs(given: list[str], file: Path | None) -> dict[str, Any]:
    found: dict[str, Any] = {} if file is None else _of_file(file)
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not names.is_text(one):
            raise UsageWrong(f"--set takes NAME=VALUE, not {one!r}")
        found[name] = value
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"there is no {word} in JSON")


def _of_file(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST_FILE + 1)
        found = json.loads(content, parse_constant=_refuse) if len(content) <= _LONGEST_FILE else None
    except OSError as error:
        raise FileInvalid(f"{file} cannot be read: {error.strerror}", hint="check the path") from error
    except (ValueError, RecursionError) as error:
        raise FileInvalid(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise FileInvalid(f"{file} is not a JSON object of at most {_LONGEST_FILE >> 20} MiB", hint="{ ... }")
    return found
