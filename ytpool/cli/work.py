"""`ytpool work`: whoever works off the queue, once or for good.

What works is loaded where it is wanted: help and completion do without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.exits import DONE, INTERRUPTED, common, status_of
from ytpool.cli.options import PathMapOption, invocation, map_paths, runtime
from ytpool.cli.output import VIEWS, View, worded
from ytpool.domain import moments
from ytpool.errors import Interrupted, UsageWrong, YtpoolError

app = single()

_MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """How much was done, and what waits still."""

    worked: int
    counts: Mapping[str, int]
    waiting: int | None
    elsewhere: int
    next_at: datetime | None
    notes: Sequence[str]
    """What kept this machine from taking more: it is drained, or lacks a key of the vault."""
    exit_status: int
    problem: YtpoolError | None = None


def _told(told: Worked) -> str:
    states = ", ".join(f"{count} {state}" for state, count in sorted(told.counts.items())).replace("_", " ")
    lines = [
        f"{told.worked} job{'' if told.worked == 1 else 's'} worked on: {states}" if told.worked else "nothing due"
    ]
    if told.waiting:
        when = "" if told.next_at is None else f", the next from {moments.spoken(told.next_at)} on"
        lines.append(f"{told.waiting} wait{'s' if told.waiting == 1 else ''}{when}; see: ytpool queue list")
    if told.elsewhere:
        files = "1 needs a file" if told.elsewhere == 1 else f"{told.elsewhere} need files"
        lines.append(f"{files} that this machine has not; see: ytpool queue list")
    return "\n".join([*lines, *told.notes])


VIEWS[Worked] = View(text=_told)


@command(
    app,
    "work",
    example=(
        "ytpool work --parallel 4\n"
        "ytpool work --once --quiet\n"
        "ytpool work --pool main --json\n"
        "ytpool work --parallel 4 --print-systemd"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def work(
    ctx: typer.Context,
    pool: Annotated[
        str | None,
        typer.Option(
            "--pool", "-p", metavar="NAME", help="Only jobs for this pool and its accounts.", show_default=False
        ),
    ] = None,
    parallel: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="YTPOOL_PARALLEL",
            help="Work on so many jobs at once; a channel still takes one upload at a time.",
            min=1,
            max=_MOST_AT_ONCE,
            show_default=False,
        ),
    ] = 1,
    path_map: PathMapOption = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Work off what is due, and end; for cron.")] = False,
    print_cron: Annotated[
        bool, typer.Option("--print-cron", help="Only print the line for this installation's crontab.")
    ] = False,
    print_systemd: Annotated[
        bool, typer.Option("--print-systemd", help="Only print a service for this installation.")
    ] = False,
) -> Any:  # Worked or Scheduled
    """Work off the queue: uploads, changes to videos and comments that wait, are due again, or were left half done.

    The order is priority, deadline, not-before, age. Any number of workers may share a state: each job is one's, and
    what a worker leaves that died is taken up by another. Without --once it waits for more and is woken by whoever
    queues a job; SIGTERM or Ctrl-C ends what is under way where nothing is lost, and the rest goes on with the next
    worker (status 0, or 130 where a job was broken off). A deletion is taken only if it was queued with
    its yes, and what only a person can settle never; what waits for a person is looked at again every ten minutes.
    The tasks of other services are sent and asked about beside it all. Of machines that share a state each takes what
    it has the files for, and leaves the rest as it is. On a machine that was drained (`ytpool fleet drain`) it waits,
    and --once takes nothing (status 0); without the vault's key it leaves to others what needs it.
    With --json a line for each job.
    """
    if print_cron or print_systemd:
        words = [word for text in path_map or () for word in ("--path-map", text)]
        return _scheduled(ctx, pool, parallel, words, once=once, cron=print_cron, systemd=print_systemd)
    from ytpool.actions import working  # noqa: PLC0415
    from ytpool.cli.items import as_item, hint_of  # noqa: PLC0415
    from ytpool.cli.values import visible  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    call, rt = invocation(ctx), runtime(ctx, logs=True)
    map_paths(ctx, path_map)

    def begun(job: Any) -> None:
        call.emit("begun", job=job.job, kind=job.kind, target=str(job.target), priority=job.priority)

    def ended(done: working.JobWorked) -> None:
        call.emit("job", **as_item(done))
        said = worded(done.problem.message, hint_of(done.problem)) if done.problem else done.detail
        # What went wrong is all that cron's mail has to tell, so --quiet does not leave it out there.
        tell = call.say if once and done.problem and not call.json else call.note
        tell(visible(f"job {done.job}, {done.kind}: {done.state}{f', {said}' if said else ''}"))

    found = working.work(rt, Notes(call), begun=begun, ended=ended, parallel=parallel, once=once, pool=pool)
    status = common(DONE if one is None else status_of(one) for one in found.problems) if once else DONE
    problem: YtpoolError | None = None
    if once and status == DONE and found.out_of_reach is not None:
        problem = found.out_of_reach
        status = status_of(problem)
    if found.stopped and (once or found.broken_off):
        status = INTERRUPTED
        problem = Interrupted(
            "interrupted; what was begun can be resumed", hint="the next worker goes on with it: ytpool work"
        )
    return Worked(
        worked=sum(found.counts.values()),
        counts=found.counts,
        waiting=found.waiting,
        elsewhere=found.elsewhere,
        next_at=found.next_at,
        notes=[visible(note) for note in found.notes],
        exit_status=status,
        problem=problem,
    )


def _scheduled(
    ctx: typer.Context, pool: str | None, parallel: int, more: list[str], *, once: bool, cron: bool, systemd: bool
) -> Any:
    from ytpool.actions import scheduling  # noqa: PLC0415
    from ytpool.cli.scheduled import program  # noqa: PLC0415

    if once or (cron and systemd):
        raise UsageWrong("--print-cron, --print-systemd and --once exclude each other", hint="name one of them")
    words = [*(["--pool", pool] if pool else []), *(["--parallel", str(parallel)] if parallel > 1 else []), *more]
    scheduler = scheduling.Scheduler.CRON if cron else scheduling.Scheduler.SYSTEMD
    return scheduling.work(runtime(ctx), scheduler, program(), words)
