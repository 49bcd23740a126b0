"""`ytpool queue`: the jobs of this state, going on with one, and a person's word on one."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import (
    DryRunOption,
    NoWaitOption,
    PathMapOption,
    PlotOption,
    UseBufferOption,
    WaitOption,
    WouldOption,
    invocation,
    map_paths,
    require_one_way_to_wait,
    runtime,
)
from ytpool.errors import UsageWrong

app = group("See and change what waits to be done, go on with one job, settle what nobody else can.")

# What works, and `queued`, which knows how it is shown, is loaded by the command that runs: help and Tab do without.

JobArgument = Annotated[str, typer.Argument(help="The job's id, or the beginning of it.")]

_ADDRESS = re.compile(r"https?://\S+(?:[?&]v=|/)([A-Za-z0-9_-]{11})(?:[?&#]\S*)?")
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")

_TO_BE_QUEUED = {
    ("upload",),
    *(("video", verb) for verb in ("update", "delete", "thumbnail", "caption", "playlist")),
    *(("comment", verb) for verb in ("post", "reply", "moderate")),
    ("task", "submit"),
    ("chain", "run"),
}


@command(app, "list", example="ytpool queue list\nytpool queue list --all --json", statuses=(0, 2, 6))
def list_(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are done, failed or cancelled.")] = False,
) -> Any:  # Queue
    """List the jobs that have not come to an end, in the order they were asked for, each with what to type."""
    from ytpool.actions import queue  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: F401, PLC0415

    return queue.list_jobs(runtime(ctx), every=every)


@command(
    app,
    "status",
    example="ytpool queue status\nytpool queue status --json\nytpool queue status --plot",
    statuses=(0, 2, 6),
)
def status(ctx: typer.Context, *, plot: PlotOption = False) -> Any:  # a Status, or what is drawn of it
    """Show which slots of which accounts are taken, and how many jobs wait for `ytpool work`.

    The keys of other services stand among the accounts, by the short name where there is one service. --plot draws the
    slots, the busiest accounts first.
    """
    from ytpool.actions import queue  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: PLC0415

    rt = runtime(ctx)
    found = queue.status(rt)
    if rt.config.providers:
        from ytpool.actions.tasks import slots  # noqa: PLC0415 -- most have no other services

        found = slots.counted_in(rt, found)
    if not plot:
        return queued.Status(found)
    from ytpool.actions.pictures import slots as drawn  # noqa: PLC0415 -- most do not draw
    from ytpool.cli.plots import Plotted  # noqa: PLC0415

    return Plotted(queued.Status(found), drawn.of(found, rt.calendar.now()))


@command(app, "hold", example="ytpool queue hold 1jd3v2a97\nytpool queue hold 1jd3v2a97 --release", statuses=(0, 2, 6))
def hold(
    ctx: typer.Context,
    job: JobArgument,
    *,
    release: Annotated[bool, typer.Option("--release", help="Let it go instead.")] = False,
    dry_run: WouldOption = False,
) -> Any:  # QueuedJob
    """Hold a job back: neither `ytpool work` nor `upload --resume` takes it until --release lets it go.

    Asking for this very job, by `queue retry` or by the command that made it, goes on with it all the same.
    """
    from ytpool.actions import queue  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: F401, PLC0415

    return queue.hold(runtime(ctx), job, release=release, dry_run=dry_run)


@command(
    app,
    "add",
    example=(
        "ytpool queue add upload talk.mp4 --pool main --not-before 2030-12-24T06:00\n"
        "ytpool queue add video update a1b2c3d4e5f --privacy public --priority 5\n"
        "ytpool queue add comment post a1b2c3d4e5f 'Good morning' --account news\n"
        "ytpool queue add chain run voice_synthesis --set text='Good morning' --deadline 2030-12-24T18:00"
    ),
    statuses=(0, 1, 2, 3, 4, 6, 7),
    signed=True,
)
def add(
    ctx: typer.Context,
    words: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="The command, as it would be typed to do it at once.")
    ],
) -> Any:  # what the command tells
    """Check what a command is asked to do, and put it in the queue; the command itself with --queue means the same.

    It takes `upload`, `video update|delete|thumbnail|caption|playlist`, `comment post|reply|moderate`, `task submit`
    and `chain run`. Nothing is sent and nothing is paid; what was asked for before is the job that it was. --priority,
    --not-before and --deadline say how it waits, and `ytpool work` takes it when its turn comes. What changes accounts,
    logins, settings or the queue itself does not wait: it is meant for now.
    """
    from ytpool.cli.app import Root  # noqa: PLC0415 -- which knows this very module by name

    length = 1 if words[0] == "upload" else 2
    if tuple(words[:length]) not in _TO_BE_QUEUED:
        raise UsageWrong(
            f"{' '.join(words[:length])!r} is nothing that can wait in the queue",
            hint="it takes upload, video update, delete, thumbnail, caption and playlist, comment post, reply and "
            "moderate, task submit, chain run",
        )
    root = Root()
    with root.make_context("ytpool", [*words[:length], "--queue", *words[length:]], obj=ctx.obj) as inner:
        return root.invoke(inner)


@command(app, "show", example="ytpool queue show 1jd3v2a97", statuses=(0, 2, 6))
def show(ctx: typer.Context, job: JobArgument) -> Any:  # JobShown
    """Show one job: what was asked for, how far it is, its steps, and every look for a video nobody heard of."""
    from ytpool.actions import queue  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: F401, PLC0415

    return queue.show(runtime(ctx), job)


@command(
    app,
    "retry",
    example="ytpool queue retry 1jd3v2a97\nytpool queue retry 1jd3v2a97 --file /archive/talk.mp4",
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def retry(
    ctx: typer.Context,
    job: JobArgument,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="PATH", help="Where its file lies now, if it was moved.", show_default=False),
    ] = None,
    path_map: PathMapOption = None,
    *,
    use_buffer: UseBufferOption = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Yes, where it deletes a video for good.", show_default=False)
    ] = False,
) -> Any:  # Uploaded, Planned, VideoDone, CommentDone, Moderated, ChainDone or ChainTest
    """Go on with one job from wherever it stopped, as it was asked for, in this process.

    The session is asked how far it is, so nothing is sent twice. A file that is not what it was when its upload began
    is refused, with what changed. A video that is up only gets the steps that are left, and needs no file. What was
    asked for with `ytpool video` is looked up first; a deletion wants --yes. A comment that may be there is looked for,
    and not said again. A chain is begun again, or goes on with the step that can be asked how it went.
    """
    from ytpool.actions import changing, comments, publish, queue, resuming, threads, waiting  # noqa: PLC0415
    from ytpool.actions.chores import How  # noqa: PLC0415
    from ytpool.actions.saying import How as SaidHow  # noqa: PLC0415
    from ytpool.cli.said import Moderated  # noqa: PLC0415
    from ytpool.cli.uploaded import Planned, work_through  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415
    from ytpool.domain.chains import CHAIN  # noqa: PLC0415

    call = invocation(ctx)
    require_one_way_to_wait(wait=wait, no_wait=no_wait)
    rt = runtime(ctx, logs=True)
    map_paths(ctx, path_map)

    def agrees(what: str) -> bool:
        if not yes:
            raise UsageWrong(f"this deletes {what} for good", hint="say --yes")
        return True

    how = How(wait=not no_wait, use_buffer=use_buffer, dry_run=dry_run)
    said_how = SaidHow(wait=not no_wait, use_buffer=use_buffer)
    notes = Notes(call)
    kind = queue.kind_of(rt, job)

    def go_on() -> Any:
        if kind == CHAIN:
            from ytpool.actions import chain_steps, chains  # noqa: PLC0415
            from ytpool.cli import chained  # noqa: F401, PLC0415

            return chain_steps.look_again(rt, job) if dry_run else chains.go_on(rt, job, notes)
        said = comments.planned(rt, job, said_how) if dry_run else comments.go_on(rt, job, said_how, notes)
        decided = said or threads.go_on(rt, job, said_how, notes, dry_run=dry_run)
        if isinstance(decided, list):
            return Moderated(decided)
        return decided or changing.go_on(rt, job, how, notes, agrees)

    done = waiting.patiently(rt, notes, job, go_on) if wait else go_on()
    if done is not None:
        return done
    order = resuming.order_of(rt, job, file=file, wait=not no_wait, use_buffer=use_buffer)
    if dry_run:
        return Planned(publish.plan(rt, [order]))
    return work_through(call, rt, [order], wait=wait)


@command(
    app,
    "resolve",
    example=(
        "ytpool queue resolve 1jd3v2a97 --as done:abcdefghijk\n"
        "ytpool queue resolve 1jd3v2a97 --as restart\n"
        "ytpool queue resolve 1jd3v2a97 --as failed"
    ),
    statuses=(0, 1, 2, 4, 5, 6),
)
def resolve(
    ctx: typer.Context,
    job: JobArgument,
    word: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="WORD",
            help="done:ID (of the video or comment) or done, failed, restart (send it again, and pay again).",
            show_default=False,
        ),
    ],
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take your word for the ID, and do not look.", show_default=False)
    ] = False,
    dry_run: WouldOption = False,
) -> Any:  # QueuedJob
    """Settle by your word what nothing else can: it is done, it has failed, or it starts again.

    A video that is named must be on the job's channel, a comment in its words by its account; to see that costs one
    unit, also with --dry-run, and --yes takes your word for it. With `done:VIDEO_ID` the steps that are left go on with
    `queue retry`; with `done` alone they are yours. A chain that waits to hear of a task goes on by the word on that
    task: with the next step where it failed, with the task sent once more where it starts again.
    """
    from ytpool.actions import queue  # noqa: PLC0415
    from ytpool.actions import word as words  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: F401, PLC0415

    said, colon, named = word.partition(":")
    try:
        meant = words.Word(said)
    except ValueError:
        raise UsageWrong(f"--as does not take {word!r}", hint="say done:ID, done, failed or restart") from None
    if colon and meant is not words.Word.DONE:
        raise UsageWrong(f"--as {meant} takes no id", hint="say done:ID, done, failed or restart")
    rt = runtime(ctx, logs=True)
    found = _named(queue.kind_of(rt, job), named) if colon else None
    return words.resolve(rt, job, meant, named=found, trusted=yes, dry_run=dry_run)


@command(app, "cancel", example="ytpool queue cancel 1jd3v2a97", statuses=(0, 2, 6, 7))
def cancel(ctx: typer.Context, job: JobArgument, *, dry_run: WouldOption = False) -> Any:  # QueuedJob
    """End a job that has published nothing, and forget what of it is at YouTube.

    The same command typed again makes a new job. Where the video may be up already, `queue resolve` is asked for.
    """
    from ytpool.actions import word  # noqa: PLC0415
    from ytpool.cli import queued  # noqa: F401, PLC0415

    return word.cancel(runtime(ctx), job, dry_run=dry_run)


def _named(kind: str, named: str) -> str:
    if kind != "comment":
        return _video(named)
    from ytpool.domain.comments import comment_id  # noqa: PLC0415 -- for a word on a comment only

    try:
        return comment_id(named)
    except ValueError as error:
        raise UsageWrong(str(error), hint="ytpool comment list VIDEO shows the ids") from None


def _video(named: str) -> str:
    address = _ADDRESS.fullmatch(named)
    video_id = address[1] if address else named
    if not _VIDEO_ID.fullmatch(video_id):
        raise UsageWrong(f"{named!r} is no video id", hint="copy the eleven characters behind v= in its address")
    return video_id
