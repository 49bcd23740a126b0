"""`ytpool video`: the life of a video after its upload.

What looks and what changes is loaded where it is wanted: help and completion do without.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    FollowOption,
    NotAskedOption,
    NoWaitOption,
    UseBufferOption,
    WaitOption,
    YesOption,
    invocation,
    runtime,
)
from ytpool.cli.writing import DeadlineOption, NotBeforeOption, Privacy, QueueOption, QueuePriorityOption, in_line
from ytpool.domain.video import Licence
from ytpool.errors import Interrupted, UsageWrong

app = group("Look at videos, change and delete them; their thumbnails, captions and playlists.")

_STATUSES = (0, 1, 2, 4, 5, 6, 7, 130)

VideoArgument = Annotated[str, typer.Argument(metavar="ID", help="The video: its id or its address.")]


@command(
    app,
    "show",
    example="ytpool video show a1b2c3d4e5f\nytpool video show a1b2c3d4e5f --follow --json",
    statuses=(0, 1, 2, 3, 4, 5, 6, 130),
)
def show(
    ctx: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="The videos: their ids or addresses.")],
    account: AccountOption = None,
    *,
    follow: FollowOption = False,
    use_buffer: UseBufferOption = False,
) -> Any:  # a Shown
    """Show what YouTube has of videos: title, visibility, processing, and what differs from what was asked for.

    One unit for fifty videos of an account. With --follow it looks again after 30 seconds and then ever later, up to
    every ten minutes, until YouTube is done; stop it at any time and type it again. Whose a video is, is known from
    its upload, or where all accounts work for one channel; else YouTube is asked, or --account says it.
    """
    from ytpool.actions import videos  # noqa: PLC0415
    from ytpool.cli import changing, seen  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    wanted = list(dict.fromkeys(map(changing.video_id, ids)))
    rt = runtime(ctx, logs=True)
    notes = Notes(invocation(ctx))
    try:
        found = videos.show(rt, wanted, notes, account=account, follow=follow, use_buffer=use_buffer)
    except KeyboardInterrupt:
        again = f"ytpool video show{' --follow' if follow else ''} -- {' '.join(wanted)}"
        raise Interrupted("interrupted; YouTube goes on with what it was given", hint=f"run again: {again}") from None
    return seen.ShownInFull(found) if len(found) == 1 else seen.Shown(found)


@command(
    app,
    "update",
    example=(
        "ytpool video update a1b2c3d4e5f --title 'The talk, cut' --tags 'talk,cut'\n"
        "ytpool video update a1b2c3d4e5f --privacy public --dry-run\n"
        "ytpool video update a1b2c3d4e5f --language en --localization 'de:Der Vortrag|Ein Vortrag'"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def update(
    ctx: typer.Context,
    video_id: VideoArgument,
    account: AccountOption = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Another title.", show_default=False)] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Another description; '' empties it.", show_default=False)
    ] = None,
    tags: Annotated[
        str | None,
        typer.Option(metavar="TAG,TAG", help="Other tags, instead of all there are; '' for none.", show_default=False),
    ] = None,
    category: Annotated[
        str | None, typer.Option(metavar="N", help="Another category, by its number.", show_default=False)
    ] = None,
    privacy: Annotated[
        Privacy | None,
        typer.Option(metavar="WHO", help="Who may see it: private, unlisted or public.", show_default=False),
    ] = None,
    publish_at: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="Make it public then, as 2026-12-24T18:00 (in [time] zone), private until; or never.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="The language of title and description, such as en.", show_default=False),
    ] = None,
    localization: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LANG:TITLE|TEXT",
            help="Title and description in another language; those not named stay. May be repeated.",
            show_default=False,
        ),
    ] = None,
    licence: Annotated[
        Licence | None,
        typer.Option(metavar="NAME", help="youtube or creativeCommon.", case_sensitive=False, show_default=False),
    ] = None,
    recorded_on: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day of its recording, as 2026-12-24.", show_default=False)
    ] = None,
    *,
    made_for_kids: Annotated[
        bool | None,
        typer.Option("--made-for-kids/--not-made-for-kids", help="Declare whether it is made for kids."),
    ] = None,
    synthetic: Annotated[
        bool | None,
        typer.Option("--synthetic/--no-synthetic", help="Declare whether it shows realistic synthetic media."),
    ] = None,
    embeddable: Annotated[
        bool | None, typer.Option("--embeddable/--not-embeddable", help="Whether other sites may embed it.")
    ] = None,
    public_stats: Annotated[
        bool | None, typer.Option("--public-stats/--no-public-stats", help="Whether everybody sees its statistics.")
    ] = None,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # a VideoDone
    """Change a video: what is named changes, and everything else stays as it is.

    YouTube replaces whole parts, so the video is read first (one unit), what was asked for is put over what is there,
    and the parts that differ are written back whole (50 units). Nothing to change costs the reading alone.
    """
    from ytpool.cli.changing import Asked  # noqa: PLC0415

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    asked = Asked(
        ctx, video_id, account, wait=wait, no_wait=no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=waits
    )
    return asked.update(
        title=title,
        description=description,
        tags=tags,
        category=category,
        privacy=privacy,
        publish_at=publish_at,
        made_for_kids=made_for_kids,
        synthetic=synthetic,
        licence=licence,
        embeddable=embeddable,
        public_stats=public_stats,
        language=language,
        recorded_on=recorded_on,
        localizations=localization or [],
    )


@command(
    app,
    "delete",
    example="ytpool video delete a1b2c3d4e5f --dry-run\nytpool video delete a1b2c3d4e5f --yes",
    statuses=_STATUSES,
)
def delete(
    ctx: typer.Context,
    video_id: VideoArgument,
    account: AccountOption = None,
    *,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> Any:  # a VideoDone
    """Delete a video for good, once you agree; without a terminal --yes is needed.

    It names channel and title first. One unit for reading it, 50 for deleting it. With --queue it is deleted when its
    turn comes, without another question.
    """
    from ytpool.cli.changing import Asked  # noqa: PLC0415

    call = invocation(ctx)
    if not (yes or dry_run) and (call.json or not call.stderr.isatty()):
        raise UsageWrong("this deletes a video for good", hint="say --yes, or look first with --dry-run")

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    if waits is not None and not yes:
        raise UsageWrong("nobody is asked when its turn comes", hint="say --yes now, or look first with --dry-run")
    asked = Asked(
        ctx, video_id, account, wait=wait, no_wait=no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=waits
    )
    return asked.delete(yes=yes)


@command(app, "thumbnail", example="ytpool video thumbnail a1b2c3d4e5f cover.png", statuses=_STATUSES)
def thumbnail(
    ctx: typer.Context,
    video_id: VideoArgument,
    file: Annotated[Path, typer.Argument(help="The image: JPEG or PNG, at most 50 MB.", readable=False)],
    account: AccountOption = None,
    *,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # a VideoDone
    """Give a video its own thumbnail, in place of the one it has; 50 units, and one for looking at the video."""
    from ytpool.cli.changing import Asked  # noqa: PLC0415

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    asked = Asked(
        ctx, video_id, account, wait=wait, no_wait=no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=waits
    )
    return asked.thumbnail(file)


@command(
    app,
    "caption",
    example="ytpool video caption a1b2c3d4e5f de:talk.de.srt\nytpool video caption a1b2c3d4e5f de:new.srt --replace",
    statuses=_STATUSES,
)
def caption(
    ctx: typer.Context,
    video_id: VideoArgument,
    track: Annotated[str, typer.Argument(metavar="LANG:FILE[:NAME]", help="Language, file and perhaps a name.")],
    account: AccountOption = None,
    *,
    again: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the track of this language and name.")
    ] = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # a VideoDone
    """Add a caption track to a video, or replace one.

    The tracks are listed first (50 units); adding costs 400, replacing 450. A track of the same language and name is
    replaced only with --replace.
    """
    from ytpool.cli.changing import Asked  # noqa: PLC0415

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    asked = Asked(
        ctx, video_id, account, wait=wait, no_wait=no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=waits
    )
    return asked.caption(track, again=again)


@command(
    app,
    "playlist",
    example=(
        "ytpool video playlist a1b2c3d4e5f 'Talks of 2026'\n"
        "ytpool video playlist a1b2c3d4e5f '+Talks of 2027'\n"
        "ytpool video playlist a1b2c3d4e5f 'Talks of 2026' --remove"
    ),
    statuses=_STATUSES,
)
def playlist(
    ctx: typer.Context,
    video_id: VideoArgument,
    name: Annotated[
        str, typer.Argument(metavar="PLAYLIST", help="Its id, address or title; +TITLE makes one that is missing.")
    ],
    account: AccountOption = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take it off instead.")] = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # a VideoDone
    """Put a video at the end of a playlist, unless it is there already; or take it off.

    50 units, one for finding the playlist by its title, one for looking whether the video is on it.
    """
    from ytpool.cli.changing import Asked  # noqa: PLC0415

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    asked = Asked(
        ctx, video_id, account, wait=wait, no_wait=no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=waits
    )
    return asked.playlist(name, remove=remove)
