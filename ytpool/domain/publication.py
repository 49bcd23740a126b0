"""What belongs to one publication beside the video, which steps that makes, and what they cost together.

A step's name is its identity in the state: it comes from what the step is for and never from its place or its file,
so a job that is asked for again finds the steps it has done.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any, Self

from ytpool.domain import captions, video
from ytpool.domain.captions import Caption
from ytpool.domain.prices import Cost, Prices
from ytpool.domain.video import VideoRequest
from ytpool.errors import MetadataInvalid

UPLOAD = "upload"
THUMBNAIL = "thumbnail"
READ_BACK = "read_back"

READ_BACKS = 4
"""Reads that go with every publication: to compare, and to look for the video should its outcome be unknown."""

PLAYLIST_TITLE_CHARACTERS = 150
"""Not confirmed by any page of Google's; it is what YouTube's own form takes."""

# What people make is PL and 32 characters, on old channels 16. A title of just this shape is typed with = before it.
_PLAYLIST_ID = re.compile(r"PL(?:[A-Za-z0-9_-]{32}|[A-Za-z0-9_-]{16})")
_OTHER_LIST = re.compile(r"UU[A-Za-z0-9_-]{22}|LL|WL")
_LIST_IN_ADDRESS = re.compile(r"https?://\S+[?&]list=([A-Za-z0-9_-]+)\S*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistWish:
    """A playlist that a video is to be put on: by its id, or by its title on the channel that takes the video."""

    playlist_id: str | None = None
    title: str | None = None
    create: bool = False
    """Make it where the channel has none of this title."""

    def __post_init__(self) -> None:
        if (self.playlist_id is None) == (self.title is None) or (self.create and self.title is None):
            raise ValueError("a playlist is named by its id or by its title, and only one with a title can be made")

    @property
    def step(self) -> str:
        """Name the step of a job that puts the video there."""
        return f"playlist:{self.playlist_id}" if self.title is None else f"playlist:={self.title}"

    @property
    def calls(self) -> tuple[str, ...]:
        """Return the calls of its step; one that is to be there already is asked for before the upload as well."""
        if self.title is None:
            return ("playlists.list", "playlistItems.insert")
        if self.create:
            return ("playlists.list", "playlists.insert", "playlistItems.insert")
        return ("playlists.list", "playlists.list", "playlistItems.insert")

    def to_dict(self) -> dict[str, Any]:
        return {"playlist_id": self.playlist_id, "title": self.title, "create": self.create}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(playlist_id=stored["playlist_id"], title=stored["title"], create=stored["create"])


def spoken(step: str) -> str:
    """Word the name of a step for people."""
    kind, _, what = step.partition(":")
    if kind == "caption":
        language, _, name = what.partition(":")
        return f"captions {language} {name!r}" if name else f"captions {language}"
    return f"{kind} {what.removeprefix('=')}" if what else kind.replace("_", " ")


def playlist(typed: str) -> PlaylistWish:
    """Read a playlist as people type it: an id, an address, a title, `=title`, or `+title` to have it made.

    `=` and `+` make a title of whatever follows, also of something shaped like an id.
    """
    text = typed.strip()
    if text[:1] in ("=", "+"):
        return PlaylistWish(title=text[1:].strip(), create=text[0] == "+")
    address = _LIST_IN_ADDRESS.fullmatch(text)
    if address:
        return PlaylistWish(playlist_id=address[1])
    if _PLAYLIST_ID.fullmatch(text) or _OTHER_LIST.fullmatch(text):
        return PlaylistWish(playlist_id=text)
    return PlaylistWish(title=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step of a publication and the calls it makes when all goes well."""

    step: str
    calls: tuple[str, ...]

    def cost(self, prices: Prices) -> Cost:
        """Return the units per bucket of all its calls."""
        total: Counter[str] = Counter()
        for operation in self.calls:
            total.update(prices.cost(operation))
        return dict(total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A video and all that is to be there with it."""

    video: VideoRequest
    thumbnail: PurePath | None = None
    captions: tuple[Caption, ...] = ()
    playlists: tuple[PlaylistWish, ...] = ()

    def steps(self) -> tuple[PlannedStep, ...]:
        """Return the steps in their order; their names are unique once `problems` finds nothing."""
        return (
            PlannedStep(step=UPLOAD, calls=("videos.insert",)),
            *([PlannedStep(step=THUMBNAIL, calls=("thumbnails.set",))] if self.thumbnail is not None else []),
            *(PlannedStep(step=one.step, calls=("captions.insert",)) for one in self.captions),
            *(PlannedStep(step=one.step, calls=one.calls) for one in self.playlists),
            PlannedStep(step=READ_BACK, calls=("videos.list",) * READ_BACKS),
        )

    def cost(self, prices: Prices) -> Cost:
        """Return the units per bucket of the whole publication."""
        total: Counter[str] = Counter()
        for step in self.steps():
            total.update(step.cost(prices))
        return dict(total)

    def with_files_of(self, other: Self, steps: Collection[str]) -> Self:
        """Take the files of these steps from where another names them; all else stays as it was asked for."""
        named = {one.step: one.path for one in other.captions if one.step in steps}
        return replace(
            self,
            thumbnail=(other.thumbnail or self.thumbnail) if THUMBNAIL in steps else self.thumbnail,
            captions=tuple(replace(one, path=named.get(one.step, one.path)) for one in self.captions),
        )

    def with_paths(self, named: Callable[[PurePath], PurePath]) -> Self:
        """Name every file anew."""
        return replace(
            self,
            thumbnail=None if self.thumbnail is None else named(self.thumbnail),
            captions=tuple(replace(one, path=named(one.path)) for one in self.captions),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: the video's own fields, and beside them only what there is.

        So a version that knows videos alone reads a video alone, and refuses by name what it would leave out.
        """
        stored = self.video.to_dict()
        if self.thumbnail is not None:
            stored["thumbnail"] = str(self.thumbnail)
        if self.captions:
            stored["captions"] = [one.to_dict() for one in self.captions]
        if self.playlists:
            stored["playlists"] = [one.to_dict() for one in self.playlists]
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote, or the video that an older version stored alone."""
        rest = dict(stored)
        thumbnail = rest.pop("thumbnail", None)
        return cls(
            thumbnail=None if thumbnail is None else PurePath(thumbnail),
            captions=tuple(Caption.from_dict(one) for one in rest.pop("captions", ())),
            playlists=tuple(PlaylistWish.from_dict(one) for one in rest.pop("playlists", ())),
            video=VideoRequest.from_dict(rest),
        )


def problems_by_field(publication: Publication, now: datetime) -> list[tuple[str, str]]:
    """Return a sentence for everything YouTube would refuse, each with the field it is about; files are not opened."""
    return [
        *video.problems_by_field(publication.video, now),
        *(("captions", sentence) for sentence in captions.problems(publication.captions)),
        *(("playlists", sentence) for sentence in playlist_problems(publication.playlists)),
    ]


def check(publication: Publication, now: datetime) -> None:
    """Raise MetadataInvalid, with every problem at once, if YouTube would refuse this."""
    found = [sentence for _, sentence in problems_by_field(publication, now)]
    if found:
        raise MetadataInvalid("; ".join(found), hint="nothing was sent; correct this and try again", problems=found)


def notifies(*, asked: bool | None, files: int, setting: bool = True) -> bool:
    """Say whether subscribers are notified: what was asked for counts; else one file as set, and never a batch."""
    if asked is not None:
        return asked
    return setting and files == 1


def playlist_problems(playlists: tuple[PlaylistWish, ...]) -> Iterator[str]:
    """Say everything about these playlists that YouTube would refuse, without asking it."""
    for step, times in Counter(one.step for one in playlists).items():
        if times > 1:
            yield f"the playlist {step.removeprefix('playlist:').removeprefix('=')!r} is named {times} times"
    for one in playlists:
        if one.title is None:
            if _OTHER_LIST.fullmatch(one.playlist_id or ""):
                yield f"{one.playlist_id} is a list that YouTube keeps itself, nothing can be put on it"
            continue
        if not one.title:
            yield "a playlist's title is empty"
        if one.create and len(one.title) > PLAYLIST_TITLE_CHARACTERS:
            yield (
                f"the playlist's title has {len(one.title)} characters, "
                f"YouTube makes none with more than {PLAYLIST_TITLE_CHARACTERS}"
            )
        if any("\ud800" <= sign <= "\udfff" for sign in one.title):
            yield f"the playlist's title {one.title!r} is no text in UTF-8"
