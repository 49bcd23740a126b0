"""What a batch asks for, what is wrong with it, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import PurePath

from ytpool.domain.jobs import Target
from ytpool.domain.publication import PlaylistWish, Publication
from ytpool.domain.video import VideoRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every video of a batch that says nothing else: flags, then settings."""

    target: Target | None = None
    video: VideoRequest = field(default_factory=lambda: VideoRequest(title=""))
    """An empty title becomes the file's name; `notify` is the setting for a single file."""
    notify: bool | None = None
    """What the command line asked for; None where it said nothing."""
    playlists: tuple[PlaylistWish, ...] = ()
    create_playlists: bool = False
    """Make every playlist that is named by a title and missing, not only those written as `+title`."""
    key: str = ""
    zone: tzinfo = UTC
    """Moments without an offset are meant in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a batch, and where."""

    source: str
    line: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}" if self.column is None else f"{place}: {self.column}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One video of a batch."""

    source: str
    line: int | None
    file: PurePath
    publication: Publication
    target: Target
    key: str
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where a column stands, if not on the entry's own line."""

    def line_of(self, column: str) -> int | None:
        return self.lines.get(column, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A file that a batch names, and where it does."""

    source: str
    line: int | None
    column: str
    path: PurePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch asks for. With any problem none of it is to be sent."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    named: tuple[Named, ...] = ()
