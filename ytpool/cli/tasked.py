"""What is shown of other services' tasks and keys, and what is read of a task's inputs."""

import json
from pathlib import Path
from typing import Any, NoReturn

from ytpool.actions.tasks.asking import TaskList, TaskPlanned, TaskSeen
from ytpool.actions.tasks.slots import Keys
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.cli.values import json_line, visible
from ytpool.domain import moments, names
from ytpool.errors import FileInvalid, UsageWrong

_LONGEST_FILE = 1 << 20
_STATES = {**STATUS_STYLES, "finished_unknown": "magenta", "queued": "yellow", "running": "cyan"}


def _told(seen: TaskSeen) -> str:
    where = f" as {seen.account}" if seen.account else ""
    named = f", task {seen.task_id}" if seen.task_id else ""
    lines = [f"job {seen.job}: {seen.state.removeprefix('finished_')} at {seen.provider}{where}{named}"]
    if seen.state == "queued":
        lines += [f"priority {seen.priority}"] if seen.priority else []
        lines += [f"not sent before {moments.spoken(seen.not_before)}"] if seen.not_before else []
        lines += [f"not sent after {moments.spoken(seen.deadline)}"] if seen.deadline else []
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
        Column("State", "state", style={"resting": "yellow", "gone": "magenta"}),
    ),
    empty="no key yet; describe a service in [providers.NAME], and set the variable that it names in `keys`",
)


def inputs(given: list[str], file: Path | None) -> dict[str, Any]:
    """Read what a task is given; what stands on the command line goes before the file."""
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
    except UnicodeDecodeError:
        raise FileInvalid(f"{file} is no text in UTF-8", hint="name a file with a JSON object") from None
    except (ValueError, RecursionError) as error:
        raise FileInvalid(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise FileInvalid(f"{file} is not a JSON object of at most {_LONGEST_FILE >> 20} MiB", hint="{ ... }")
    return found
