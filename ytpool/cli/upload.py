"""`ytpool upload`: files in, videos out, each exactly once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    FollowOption,
    NotAskedOption,
    NoWaitOption,
    PathMapOption,
    PoolOption,
    UseBufferOption,
    WaitOption,
    invocation,
    map_paths,
    require_one_way_to_wait,
    runtime,
    typed,
)
from ytpool.cli.values import visible
from ytpool.cli.writing import DeadlineOption, NotBeforeOption, PrivacyOption, QueueOption, QueuePriorityOption, in_line
from ytpool.errors import UsageWrong

app = single()

_MOST_AT_ONCE = 64
_BESIDE_RESUME = frozenset(
    (
        "resume",
        "path_map",
        "parallel",
        "rate",
        "follow",
        "use_buffer",
        "wait",
        "no_wait",
        "dry_run",
        "yes",
        "json",
        "quiet",
        "profile",
    )
)
"""How it is done may be said anew; what is done was said when it was asked for."""


def _text(about: str, metavar: str = "TEXT", *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=about, show_default=False)


def _yes_no(names: str, about: str) -> Any:
    return typer.Option(names, help=about, show_default=False)


def _path(typed: str) -> Path:
    if not typed:  # an unset variable of a script; as a path it would be this folder, with all videos in it
        raise UsageWrong("a file's name is empty", hint="look at what it comes from")
    return Path(typed)


@command(
    app,
    "upload",
    example=(
        "ytpool upload talk.mp4 --account news --title 'The talk' --thumbnail talk.png --caption de:talk.de.srt\n"
        "ytpool upload *.mp4 --pool main --tags 'news,morning' --playlist '+Mornings' --parallel 4 --json\n"
        "ytpool upload --manifest autumn.csv --pool main --rate 5M --dry-run\n"
        "ytpool upload --manifest autumn.csv --pool main --queue --not-before 2030-09-01T06:00\n"
        "ytpool upload --resume --parallel 4 --wait"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def upload(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="The videos, or folders of videos.", parser=_path, show_default=False),
    ] = None,
    manifest: Annotated[Path | None, _text("Upload what this CSV or JSON Lines file lists.", "FILE")] = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    title: Annotated[str | None, _text("Its title; without it the file's name.")] = None,
    description: Annotated[str, _text("Its description.")] = "",
    tags: Annotated[str, _text("Its tags, with commas between.", "TAG,TAG")] = "",
    category: Annotated[str | None, _text("Its category's number; 22, People & Blogs, unless set.", "N")] = None,
    privacy: PrivacyOption = None,
    publish_at: Annotated[
        str | None, _text("Make it public then, as 2026-12-24T18:00 (in [time] zone).", "MOMENT")
    ] = None,
    thumbnail: Annotated[Path | None, _text("Its thumbnail: JPEG or PNG, up to 50 MB.", "FILE")] = None,
    caption: Annotated[
        list[str] | None, _text("A caption track, as de:talk.de.srt or de:talk.de.srt:Name; may be repeated.", "TRACK")
    ] = None,
    playlist: Annotated[
        list[str] | None,
        _text("Put it on this playlist, by id or title; +TITLE makes one that is missing. May be repeated.", "LIST"),
    ] = None,
    language: Annotated[str | None, _text("The language of title and description, as en or pt-BR.", "TAG")] = None,
    recorded_on: Annotated[str | None, _text("The day of its recording, as 2026-12-24.", "DATE")] = None,
    licence: Annotated[str | None, _text("Its licence: youtube or creativeCommon.", "NAME")] = None,
    key: Annotated[str, _text("With another key the same content is another job.")] = "",
    parallel: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="YTPOOL_PARALLEL",
            help="Send so many at once; a channel still takes one at a time.",
            min=1,
            max=_MOST_AT_ONCE,
            show_default=False,
        ),
    ] = 1,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            envvar="YTPOOL_RATE",
            help="Send no faster than this, all together: bytes per second, 5M is five times 1024 times 1024.",
            show_default=False,
        ),
    ] = None,
    *,
    made_for_kids: Annotated[
        bool, _yes_no("--made-for-kids/--not-made-for-kids", "Declare whether it is made for kids; not, unless told.")
    ] = False,
    synthetic: Annotated[
        bool | None, _yes_no("--synthetic/--no-synthetic", "Declare whether it shows realistic synthetic media.")
    ] = None,
    embeddable: Annotated[
        bool | None, _yes_no("--embeddable/--not-embeddable", "Whether other sites may embed it.")
    ] = None,
    public_stats: Annotated[
        bool | None, _yes_no("--public-stats/--no-public-stats", "Whether everybody sees its statistics.")
    ] = None,
    notify: Annotated[
        bool | None,
        _yes_no(
            "--notify/--no-notify", "Notify subscribers; unless told, `upload.notify` for one video, never for more."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Publish it once more although it is published already.")
    ] = False,
    look: Annotated[
        bool,
        typer.Option(
            "--look", help="Look first whether the channel's newest 50 videos have it already, from elsewhere; 2 units."
        ),
    ] = False,
    path_map: PathMapOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with every upload and change to a video that stopped; takes no file and no metadata.",
        ),
    ] = False,
    follow: FollowOption = False,
    use_buffer: UseBufferOption = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> dict[str, Any]:
    """Upload videos, each exactly once, on one account's channel or on any channel of a pool.

    File and metadata are checked before anything is spent. The whole publication is set aside first: the upload, its
    thumbnail, captions and playlists, and four units for reading back. What breaks off goes on where the server is
    when the same command is typed again; what is published already is said and not repeated. Nothing left today ends
    with status 5 and the time at which the same command will work; with --wait it sleeps until then, and goes on. From
    80 % of a bucket on only what has begun, reserve accounts, and videos whose --publish-at lies within 24 hours go on;
    from 90 % only --use-buffer.

    What goes on more than five minutes after it was asked for is looked for first, on the channel it goes to: a video
    that somebody put there meanwhile with the same size and file name, or size and title, is named (status 7), and
    nothing is sent until a person has said what it is. --look does so at once, --again never.

    What is to be said of each video stands in a manifest, or in a TOML file beside it (talk.toml for talk.mp4), under
    the names of these options, and counts before them: file, title, description, tags, category, privacy, publish_at,
    account, pool, key, thumbnail, captions, playlists, language, localizations, recorded_on, licence, made_for_kids,
    synthetic, embeddable, public_stats, notify; with --queue also priority, not_before and deadline. All of it is
    checked first; anything wrong is told with file, line and column, and nothing is sent. A playlist that a channel
    does not have is refused before the video's first byte; of a pool, a channel that has it is taken.
    """
    # Help and completion need nothing of what publishing needs, and that is most of the program.
    from ytpool.actions import publish, resuming  # noqa: PLC0415
    from ytpool.actions.chores import How  # noqa: PLC0415
    from ytpool.cli import orders  # noqa: PLC0415
    from ytpool.cli.uploaded import Planned, with_chores, work_through  # noqa: PLC0415
    from ytpool.domain import pacing  # noqa: PLC0415

    call = invocation(ctx)
    require_one_way_to_wait(wait=wait, no_wait=no_wait)
    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    if resume:
        _require_nothing_else(typed(ctx))
    rt = runtime(ctx, logs=True)
    map_paths(ctx, path_map)
    limit = None if rate is None else pacing.bytes_per_second(rate)
    pace = None if limit is None or dry_run else rt.youtube.line(limit, rt.clock)
    if resume:
        found = resuming.unfinished(rt, wait=not no_wait, use_buffer=use_buffer)
        for left in found.left:
            call.note(f"{left.message}; {left.hint}")
        if dry_run:
            for job in found.chores:
                call.note(f"job {job.job}, {job.kind} of {job.job_key}, would go on as well")
            return Planned(publish.plan(rt, found.orders))
        stopped = [replace(order, pace=pace) for order in found.orders]
        done = work_through(call, rt, stopped, go=resuming.when_due, parallel=parallel, follow=follow, wait=wait)
        return with_chores(call, rt, done, found.chores, How(wait=not no_wait, use_buffer=use_buffer), wait=wait)
    wanted = orders.wanted(
        rt,
        orders.Typed(
            files=files or (),
            manifest=manifest,
            account=account,
            pool=pool,
            title=title,
            description=description,
            tags=tags,
            category=category,
            privacy=privacy,
            publish_at=publish_at,
            thumbnail=thumbnail,
            captions=caption or (),
            playlists=playlist or (),
            language=language,
            recorded_on=recorded_on,
            licence=licence,
            made_for_kids=made_for_kids,
            synthetic=synthetic,
            embeddable=embeddable,
            public_stats=public_stats,
            notify=notify,
            key=key,
            in_line=waits,
            again=again,
            wait=not no_wait,
            use_buffer=use_buffer,
            pace=pace,
        ),
    )
    for folder in wanted.empty:
        call.note(f"{visible(str(folder))}: there are no videos in it")
    ordered = [replace(order, look=look) for order in wanted.orders]
    if dry_run:
        return Planned(publish.plan(rt, ordered))
    if waits is not None:
        return work_through(
            call, rt, ordered, go=lambda rt, order, _: publish.put_in_line(rt, order), is_batch=wanted.is_batch
        )
    return work_through(call, rt, ordered, parallel=parallel, is_batch=wanted.is_batch, follow=follow, wait=wait)


def _require_nothing_else(typed: Mapping[str, str]) -> None:
    beside = ["the files" if name == "files" else flag for name, flag in typed.items() if name not in _BESIDE_RESUME]
    if beside:
        raise UsageWrong(
            f"--resume goes on with what was asked for before, and takes nothing new; leave out {', '.join(beside)}",
            hint="to change a video that is up: ytpool video update --help",
        )
