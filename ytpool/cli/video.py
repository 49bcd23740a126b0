"""`ytpool video`: the life of a video after its upload."""

import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool import data
from ytpool.actions import chores, videos, waiting
from ytpool.actions.chores import How, VideoDone
from ytpool.actions.videos import VideoShown
from ytpool.cli.commands import command, group
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    FollowOption,
    NoWaitOption,
    Privacy,
    UseBufferOption,
    WaitOption,
    YesOption,
    invocation,
    moment,
    require_one_way_to_wait,
    runtime,
)
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.cli.written import Notes
from ytpool.domain import captions, changes, publication, video
from ytpool.domain.changes import Wish
from ytpool.domain.video import Licence
from ytpool.errors import Interrupted, UsageWrong
from ytpool.runtime import Runtime

app = group("Look at videos, change and delete them; their thumbnails, captions and playlists.")

_STATUSES = (0, 1, 2, 4, 5, 6, 7, 130)

VideoArgument = Annotated[str, typer.Argument(metavar="ID", help="The video: its id or its address.")]


class Shown(dict[str, Any]):
    """Several videos, or one whose fields stand beside the list as well."""

    def __init__(self, found: Sequence[VideoShown]) -> None:
        items = [as_item(one) for one in found]
        super().__init__({**(items[0] if len(items) == 1 else {}), "videos": items})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in found)
        self.problem = found[0].problem if len(found) == 1 else None


class ShownInFull(Shown):
    """One video, seen as a sheet instead of a line."""


def _sheet(shown: Shown) -> str:
    """Show one video in full: a line for everything there is to say."""
    row = shown["videos"][0]
    lines = []
    for name, value in row.items():
        if value in (None, "", (), {}) or name in ("error", "description", "channel_id"):
            continue
        if name == "channel_title":
            lines.append(f"{'channel':<14}{value} ({row['channel_id']})")
        elif name == "category":
            known: dict[str, str] = data.load("categories.json")["assignable"]
            lines.append(f"{name:<14}{' '.join(filter(None, (value, known.get(value))))}")
        elif name == "duration":
            lines.append(f"{name:<14}{_spoken(value)}")
        elif name in ("reasons", "suggestions"):
            lines += [f"{name[:-1]:<14}{one.about} {one.word}: {one.meaning}" for one in value]
        elif name == "differences":
            lines += [f"{'difference':<14}{one}" for one in value]
        elif name == "localizations":
            lines += [f"{'localization':<14}{language}: {changes.shown(texts)}" for language, texts in value.items()]
        elif isinstance(value, datetime):
            lines.append(f"{_label(name):<14}{value:%Y-%m-%d %H:%M}Z")
        else:
            lines.append(f"{_label(name):<14}{changes.shown(value)}")
    return "\n".join([*map(visible, lines), *(["", row["description"]] if row["description"] else [])])


def _label(name: str) -> str:
    return name.replace("_", " ")


def _spoken(duration: str) -> str:
    """Word a duration of YouTube's, such as PT1H2M3S, as 1:02:03."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", duration)
    if found is None:
        return duration
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    hours += days * 24
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _said(row: Any) -> str:
    words = [f"{one.about} {one.word}" for one in row["reasons"]] + [str(one) for one in row["differences"]]
    return row["error"]["message"] if row["error"] else "; ".join(words)


VIEWS[ShownInFull] = View(text=_sheet)
VIEWS[Shown] = View(
    rows="videos",
    columns=(
        ("Video", "video_id"),
        ("Title", "title"),
        ("Account", "account"),
        ("Privacy", "privacy"),
        ("Public from", "publish_at"),
        Column(
            "Processing",
            "processing",
            style={"succeeded": "green", "failed": "red", "rejected": "red", "processing": "yellow"},
        ),
        Column("Said", _said, style="yellow"),
    ),
)


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
) -> Shown:
    """Show what YouTube has of videos: title, visibility, processing, and what differs from what was asked for.

    One unit for fifty videos of an account. With --follow it looks again after 30 seconds and then ever later, up to
    every ten minutes, until YouTube is done; stop it at any time and type it again. Whose a video is, is known from
    its upload, or where all accounts work for one channel; else YouTube is asked, or --account says it.
    """
    call = invocation(ctx)
    wanted = list(dict.fromkeys(map(_id, ids)))
    rt = runtime(ctx, logs=True)
    try:
        found = videos.show(rt, wanted, Notes(call), account=account, follow=follow, use_buffer=use_buffer)
    except KeyboardInterrupt:
        again = f"ytpool video show{' --follow' if follow else ''} -- {' '.join(wanted)}"
        raise Interrupted("interrupted; YouTube goes on with what it was given", hint=f"run again: {again}") from None
    return ShownInFull(found) if len(found) == 1 else Shown(found)


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
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> VideoDone:
    """Change a video: what is named changes, and everything else stays as it is.

    YouTube replaces whole parts, so the video is read first (one unit), what was asked for is put over what is there,
    and the parts that differ are written back whole (50 units). Nothing to change costs the reading alone.
    """
    rt = runtime(ctx, logs=True)
    never = publish_at is not None and publish_at.strip().lower() == "never"
    wish = Wish(
        title=title,
        description=description,
        tags=None if tags is None else tuple(tag.strip() for tag in tags.split(",") if tag.strip()),
        category=category,
        privacy=None if privacy is None else video.Privacy(privacy),
        publish_at=None if publish_at is None or never else moment(rt.config, publish_at, "--publish-at"),
        unscheduled=never,
        made_for_kids=made_for_kids,
        synthetic=synthetic,
        licence=licence,
        embeddable=embeddable,
        public_stats=public_stats,
        language=language,
        recorded_on=None if recorded_on is None else _day(recorded_on),
        localizations=tuple(map(_localization, localization or ())),
    )
    if not wish:
        raise UsageWrong("nothing is named that is to change", hint="see: ytpool video update --help")
    how, notes = _how(account, wait, no_wait, use_buffer, dry_run), _notes(ctx)
    return _done(rt, notes, video_id, lambda: chores.update(rt, _id(video_id), wish, how, notes), wait=wait)


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
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> VideoDone:
    """Delete a video for good, once you agree; without a terminal --yes is needed.

    It names channel and title first. One unit for reading it, 50 for deleting it.
    """
    call = invocation(ctx)
    if not (yes or dry_run) and (call.json or not call.stderr.isatty()):
        raise UsageWrong("this deletes a video for good", hint="say --yes, or look first with --dry-run")

    @cache  # who has waited is not asked again
    def agrees(what: str) -> bool:
        if yes:
            return True
        width = max(shutil.get_terminal_size().columns, 20)
        call.say("\n".join(textwrap.wrap(visible(what), width, break_long_words=False, break_on_hyphens=False)))
        return typer.confirm("Delete it for good?", err=True)

    rt = runtime(ctx, logs=True)
    how, notes = _how(account, wait, no_wait, use_buffer, dry_run), _notes(ctx)
    return _done(rt, notes, video_id, lambda: chores.delete(rt, _id(video_id), how, notes, agrees), wait=wait)


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
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> VideoDone:
    """Give a video its own thumbnail, in place of the one it has; 50 units, and one for looking at the video."""
    rt = runtime(ctx, logs=True)
    how, notes = _how(account, wait, no_wait, use_buffer, dry_run), _notes(ctx)
    return _done(rt, notes, video_id, lambda: chores.thumbnail(rt, _id(video_id), file, how, notes), wait=wait)


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
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> VideoDone:
    """Add a caption track to a video, or replace one.

    The tracks are listed first (50 units); adding costs 400, replacing 450. A track of the same language and name is
    replaced only with --replace.
    """
    rt = runtime(ctx, logs=True)
    try:
        wish = captions.parse(track)
    except ValueError as error:
        raise UsageWrong(str(error)) from None
    how, notes = _how(account, wait, no_wait, use_buffer, dry_run), _notes(ctx)
    return _done(
        rt, notes, video_id, lambda: chores.caption(rt, _id(video_id), wish, how, notes, again=again), wait=wait
    )


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
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> VideoDone:
    """Put a video at the end of a playlist, unless it is there already; or take it off.

    50 units, one for finding the playlist by its title, one for looking whether the video is on it.
    """
    rt = runtime(ctx, logs=True)
    wish = publication.playlist(name)
    if said := "; ".join(publication.playlist_problems((wish,))):
        raise UsageWrong(said, hint="name another: its id, its address or its title")
    how, notes = _how(account, wait, no_wait, use_buffer, dry_run), _notes(ctx)
    return _done(
        rt, notes, video_id, lambda: chores.playlist(rt, _id(video_id), wish, how, notes, remove=remove), wait=wait
    )


def _how(account: str | None, wait: bool, no_wait: bool, use_buffer: bool, dry_run: bool) -> How:
    require_one_way_to_wait(wait=wait, no_wait=no_wait)
    return How(account=account, wait=not no_wait, use_buffer=use_buffer, dry_run=dry_run)


def _done(rt: Runtime, notes: Notes, video_id: str, act: Callable[[], VideoDone], *, wait: bool) -> VideoDone:
    """Do it, at once or, with --wait, whenever it can go."""
    return waiting.patiently(rt, notes, video_id, act) if wait else act()


def _notes(ctx: typer.Context) -> Notes:
    return Notes(invocation(ctx))


def _id(typed: str) -> str:
    try:
        return video.video_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="an id that begins with - is written behind --") from None


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise UsageWrong(f"--recorded-on does not understand {typed!r}", hint="write it as 2026-12-24") from None


def _localization(typed: str) -> video.Localization:
    try:
        return changes.localization(typed)
    except ValueError as error:
        raise UsageWrong(f"--localization: {error}") from None
