"""From what was typed to what is to be published: flags, and what a manifest or a TOML file beside a video says.

Flags are what holds for every video that says nothing else. A command line of bare videos is no batch: each of them is
judged when its turn comes. As soon as somebody has written something down, all of it is checked first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from ytpool.actions import batch
from ytpool.actions.claiming import Order
from ytpool.cli import writing
from ytpool.cli.options import moment
from ytpool.config import Config
from ytpool.domain import captions, moments, names, publication, video
from ytpool.domain.captions import Caption
from ytpool.domain.jobs import InLine
from ytpool.domain.manifest.batch import Defaults
from ytpool.domain.publication import PlaylistWish, Publication
from ytpool.domain.video import Licence, Privacy, VideoRequest
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stood on the command line."""

    files: Sequence[Path]
    manifest: Path | None
    account: str | None
    pool: str | None
    title: str | None = None
    description: str = ""
    tags: str = ""
    category: str | None = None
    privacy: str | None = None
    publish_at: str | None = None
    thumbnail: Path | None = None
    captions: Sequence[str] = ()
    playlists: Sequence[str] = ()
    language: str | None = None
    recorded_on: str | None = None
    licence: str | None = None
    made_for_kids: bool = False
    synthetic: bool | None = None
    embeddable: bool | None = None
    public_stats: bool | None = None
    notify: bool | None = None
    key: str = ""
    in_line: InLine | None = None
    again: bool = False
    wait: bool = True
    use_buffer: bool = False
    pace: Callable[[int], int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be published."""

    orders: tuple[Order, ...]
    is_batch: bool
    """There is a manifest, a folder, or more than one video."""
    empty: tuple[Path, ...] = ()
    """Folders without a video: nothing to do, as an outbox often has."""


def wanted(rt: Runtime, typed: Typed) -> Wanted:
    """Return what is to be published; raises BatchInvalid, UsageWrong or FileInvalid before anything is spent."""
    if bool(typed.files) == (typed.manifest is not None):
        raise UsageWrong(
            "name either the videos or a --manifest", hint="or --resume, to go on with every upload that stopped"
        )
    if not names.is_text(typed.key):
        raise UsageWrong(f"--key does not take {typed.key!r}", hint="write it in UTF-8")
    for path in typed.files:
        if path.suffix.lower() in (".csv", ".jsonl", ".ndjson"):
            raise UsageWrong(f"{path} is no video", hint=f"if it lists videos: --manifest {path}")
    written = typed.manifest is not None or batch.has_more(typed.files)
    alone = len(typed.files) == 1 and not batch.is_folder(typed.files[0])
    if typed.title is not None and not alone:
        raise UsageWrong("--title is for one file, and there are several", hint="leave it out: each file's name serves")
    if typed.captions and not alone:
        raise UsageWrong("--caption is for one video, and there are several", hint="name captions in the manifest")
    defaults = _defaults(rt.config, typed, target_needed=not written)
    if written:
        orders = _written(rt, typed, defaults)
    else:
        orders = tuple(_bare(typed, defaults, path, len(typed.files)) for path in typed.files)
    with_videos = {one.path.parent for one in orders}
    empty = (path for path in typed.files if batch.is_folder(path) and path not in with_videos)
    return Wanted(orders=orders, is_batch=not alone, empty=tuple(empty))


def _written(rt: Runtime, typed: Typed, defaults: Defaults) -> tuple[Order, ...]:
    if typed.manifest is not None:
        found = batch.from_manifest(typed.manifest, defaults)
    else:
        found = batch.from_files(typed.files, defaults)
    made = batch.orders(rt, found, target=defaults.target, again=typed.again)
    return tuple(replace(one, wait=typed.wait, use_buffer=typed.use_buffer, pace=typed.pace) for one in made)


def _bare(typed: Typed, defaults: Defaults, path: Path, files: int) -> Order:
    assert defaults.target is not None
    template = defaults.video
    notify = publication.notifies(asked=defaults.notify, files=files, setting=template.notify)
    wished = Publication(
        video=replace(
            template, title=video.default_title(path.name) if typed.title is None else typed.title, notify=notify
        ),
        thumbnail=defaults.thumbnail,
        captions=defaults.captions,
        playlists=defaults.playlists,
    )
    return Order(
        path=path,
        publication=wished,
        target=defaults.target,
        key=typed.key,
        in_line=typed.in_line,
        again=typed.again,
        wait=typed.wait,
        use_buffer=typed.use_buffer,
        pace=typed.pace,
    )


def _defaults(config: Config, typed: Typed, *, target_needed: bool) -> Defaults:
    settings = config.upload
    target = writing.target(typed.account, typed.pool) if target_needed or typed.account or typed.pool else None
    return Defaults(
        target=target,
        video=VideoRequest(
            title=typed.title or "",
            description=typed.description,
            tags=tuple(tag.strip() for tag in typed.tags.split(",") if tag.strip()),
            category=typed.category or settings.category,
            privacy=Privacy(typed.privacy or settings.privacy),
            publish_at=None if typed.publish_at is None else moment(config, typed.publish_at, "--publish-at"),
            notify=settings.notify,
            made_for_kids=typed.made_for_kids,
            synthetic=typed.synthetic,
            licence=_licence(typed.licence),
            embeddable=typed.embeddable,
            public_stats=typed.public_stats,
            language=typed.language,
            recorded_on=_day(typed.recorded_on),
        ),
        notify=typed.notify,
        thumbnail=typed.thumbnail,
        captions=_captions(typed),
        playlists=_playlists(typed),
        key=typed.key,
        in_line=typed.in_line,
        zone=moments.named_zone(config.time.zone),
    )


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageWrong(f"--recorded-on: {text!r} is no date", hint="write it as 2026-12-24") from None


def _licence(text: str | None) -> Licence | None:
    if text is None:
        return None
    for known in Licence:
        if known.lower() == text.lower():
            return known
    raise UsageWrong(f"--licence: {text!r} is no licence", hint=f"there are {' and '.join(Licence)}")


def _captions(typed: Typed) -> tuple[Caption, ...]:
    try:
        return tuple(captions.parse(one) for one in typed.captions)
    except ValueError as error:
        raise UsageWrong(f"--caption: {error}") from None


def _playlists(typed: Typed) -> tuple[PlaylistWish, ...]:
    return tuple(publication.playlist(one) for one in typed.playlists)
