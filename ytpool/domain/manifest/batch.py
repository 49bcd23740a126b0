"""What a batch asks for, what is wrong with it, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import PurePath

from ytpool.domain.captions import Caption
from ytpool.domain.jobs import InLine, Target
from ytpool.domain.publication import PlaylistWish, Publication
from ytpool.domain.video import VideoRequest

_FLAGS = {"captions": "--caption", "playlists": "--playlist"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every video of a batch that says nothing else: flags, then settings."""

    target: Target | None = None
    video: VideoRequest = field(default_factory=lambda: VideoRequest(title=""))
    """An empty title becomes the file's name; `notify` is the setting for a single file."""
    notify: bool | None = None
    """What the command line asked for; None where it said nothing."""
    thumbnail: PurePath | None = None
    captions: tuple[Caption, ...] = ()
    playlists: tuple[PlaylistWish, ...] = ()
    key: str = ""
    in_line: InLine | None = None
    """How it is to wait in the queue; None where nothing is queued, and no row can say so."""
    zone: tzinfo = UTC
    """Moments without an offset are meant in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a batch, and where: in a file, or in a flag that holds for all of it."""

    source: str
    line: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}" if self.column is None else f"{place}: {self.column}: {self.message}"


def of_flag(column: str, message: str) -> Problem:
    """Return a problem with what the command line says for all videos."""
    flag = _FLAGS.get(column) or f"--{column.replace('_', '-')}"
    return Problem(source=flag, line=None, column=None, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One video of a batch, as far as its row can be understood: without problems it is whole."""

    source: str
    line: int | None
    file: PurePath | None
    publication: Publication
    target: Target | None
    key: str | None
    in_line: InLine | None = None
    named: tuple[Target, ...] = ()
    """The accounts and pools that the row names itself."""
    columns: frozenset[str] = frozenset()
    """What the row says itself; everything else the defaults say."""
    unread: frozenset[str] = frozenset()
    """Columns that say nothing we understand."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where a column stands, if not on the entry's own line."""

    def wrong(self, column: str, message: str) -> Problem:
        """Return a problem with a column, placed where it was said: in the row, or on the command line."""
        if column not in self.columns:
            return of_flag(column, message)
        return Problem(source=self.source, line=self.lines.get(column, self.line), column=column, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch asks for. With any problem none of it is to be sent."""

    entries: tuple[Entry, ...]
    """Every row that could be read, also those with problems: the files and names in them are looked at too."""
    problems: tuple[Problem, ...]
