"""How the queue and its jobs are seen; only commands that run need it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ytpool.actions import whereabouts
from ytpool.actions.queue import JobShown, Queue, QueuedJob, QueueStatus
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.domain import moments, publication
from ytpool.domain.chains import CHAIN
from ytpool.domain.jobs import TASK

_STATES = {
    **STATUS_STYLES,
    "partly": "yellow",
    "deferred": "yellow",
    "interrupted": "yellow",
    "finished_unknown": "magenta",
}


def _state(job: QueuedJob) -> str:
    if job.working:
        return f"{job.state}, at work"
    if job.held:
        return f"{job.state}, held"
    # Whoever was at work is dead, and wrote nothing down; a task runs elsewhere, and nobody need be at work here.
    return "stopped" if job.state == "running" and job.kind != TASK else job.state


def _style(row: QueuedJob) -> str:
    return _STATES.get(row.state, "")


VIEWS[Queue] = View(
    rows="jobs",
    columns=(
        ("Job", "job"),
        Column(
            "State",
            _state,
            shown=lambda state: state.removeprefix("finished_"),
            style=_style,
        ),
        ("What", lambda row: Path(row.file).name or f"{row.kind} {row.video_id or ''}".rstrip()),
        Column("For", "target", from_width=100),
        Column("Account", "account", from_width=100),
        Column(
            "Sent",
            lambda row: 100 * row.kept / row.bytes if row.bytes else None,
            shown="{:.0f} %".format,
            from_width=100,
        ),
        Column("Priority", lambda row: row.priority or None, justify="right", from_width=120),
        ("Not before", "not_before"),
        Column("Deadline", "deadline", from_width=160),
        ("Type", "advice"),
    ),
    empty="nothing is left to do",
)


def _told(job: QueuedJob) -> str:
    about = job.file or job.video_id
    what = f" of {about}" if about else ""
    lines = [f"job {job.job}: {job.kind}{what} for {job.target}, {_state(job)}"]
    if job.kind == CHAIN:
        lines.append(f"what was tried for it: ytpool chain show {job.job}")
    elif job.account and job.kind == TASK:
        lines.append(f"on account {job.account}; what came of it: ytpool task show {job.job}")
    elif job.account:
        lines.append(f"on account {job.account}, channel {job.channel_id}, video {job.video_id or 'not yet'}")
    lines += _waits(job)
    if job.advice:
        lines.append(f"type: {job.advice}")
    return "\n".join(lines)


def _waits(job: QueuedJob) -> Iterator[str]:
    if job.held:
        yield "it is held back"
    if job.priority:
        yield f"priority {job.priority}"
    if job.deadline:
        yield f"to be done until {moments.spoken(job.deadline)}"
    if job.not_before:
        yield f"not before {moments.spoken(job.not_before)}"
    if job.error:
        yield f"because: {job.error}"
    if job.not_on:
        asked_on = f"; it was asked for on {job.files_on}" if job.files_on else ""
        yield f"its file is not on {', '.join(job.not_on)}{asked_on}"
        if job.files_on and job.files_on not in job.not_on:
            yield whereabouts.ways(job.files_on)


def _all_of(shown: JobShown) -> str:
    lines = [_told(shown.job)]
    if shown.job.bytes:
        lines.append(f"{shown.job.kept:,} of {shown.job.bytes:,} bytes are at YouTube")
    lines += [
        f"  {publication.spoken(step.step)}: {step.state}{f', {step.detail}' if step.detail else ''}"
        for step in shown.steps
    ]
    lines += [f"  {line}" for line in _looks(shown)]
    return "\n".join(lines)


def _looks(shown: JobShown) -> Iterator[str]:
    for look in shown.looks:
        match look:
            case {"found": video_id}:
                seen = f"found {video_id}"
            case {"doubtful": candidates}:
                seen = f"{', '.join(candidates)} may be it: {look['reason']}"
            case {"not_yet": reason}:
                seen = reason
            case _:
                seen = "not there"
        yield f"looked at {moments.spoken(moments.parse(look['at']))}: {seen}"


VIEWS[QueuedJob] = View(text=_told)
VIEWS[JobShown] = View(text=_all_of)


class Status(dict[str, Any]):
    """How busy everybody is, under the names that scripts rely on."""

    def __init__(self, found: QueueStatus) -> None:
        super().__init__(found.told())


def _summed_up(told: Status) -> str:
    held = f", {told['held']} held back" if told["held"] else ""
    waiting = "1 job waits" if told["totalQueued"] == 1 else f"{told['totalQueued']} jobs wait"
    return f"{told['totalRunning']} of {told['totalMaxSlots']} slots taken; {waiting}{held}"


VIEWS[Status] = View(
    rows="accounts",
    columns=(
        ("Account", "name"),
        Column("Running", "running", justify="right"),
        Column("Slots", "maxSlots", justify="right"),
        Column("Free", "available", justify="right"),
        Column("State", "state", style={"active": "green", "login_needed": "red"}),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
    footer=_summed_up,
)
