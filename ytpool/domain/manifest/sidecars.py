"""Videos that each have a TOML file of the same name beside them, or none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from ytpool.domain import toml, video
from ytpool.domain.manifest.batch import Batch, Defaults, Problem
from ytpool.domain.manifest.columns import column_of, meant
from ytpool.domain.manifest.rows import Reading, Row, assembled

SUFFIX = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A video, and what the TOML file beside it says; no content where there is no such file."""

    video: PurePath
    path: PurePath | None = None
    content: bytes = b""


def read_sidecars(sidecars: Sequence[Sidecar], defaults: Defaults, now: datetime) -> Batch:
    """Read videos that each have a TOML file beside them or none; paths in one are relative to its folder."""
    readings = []
    for one in sidecars:
        reading = Reading(one.path or one.video, defaults, now)
        text = reading.decode(one.content)
        if text is None:
            reading.take_unread(PurePath(one.video.name))
        else:
            _take_toml(reading, one.video, text)
        readings.append(reading)
    return assembled(readings, defaults, now)


def pair(folder: PurePath, names: Iterable[str]) -> tuple[tuple[Sidecar, ...], tuple[Problem, ...]]:
    """Find the videos among a folder's names, by their suffix, and the TOML file of each, still unread.

    Other files, and hidden ones, are left alone.
    """
    seen = sorted(name for name in names if not name.startswith("."))
    videos = [PurePath(name) for name in seen if video.content_type(name).startswith("video/")]
    by_stem: dict[str, list[PurePath]] = {}
    for one in videos:
        by_stem.setdefault(one.stem, []).append(one)
    notes = {PurePath(name).stem: name for name in seen if PurePath(name).suffix == SUFFIX}
    problems = [
        Problem(source=str(folder / note), line=None, column=None, message=said)
        for stem, note in notes.items()
        if (said := _not_of_one(stem, by_stem))
    ]
    found = (
        Sidecar(video=folder / one, path=folder / notes[one.stem] if one.stem in notes else None) for one in videos
    )
    return tuple(found), tuple(problems)


def _not_of_one(stem: str, by_stem: Mapping[str, Sequence[PurePath]]) -> str:
    match by_stem.get(stem, ()):
        case []:
            return f"there is no video of this name{meant(stem, by_stem)}"
        case [_]:
            return ""
        case several:
            return f"it stands beside {' and '.join(map(str, several))}; which is it for?"


def _take_toml(reading: Reading, beside: PurePath, text: str) -> None:
    try:
        values = toml.parse(text)
    except toml.NotToml as error:
        reading.says(f"this is no TOML: {error.sentence}", error.line)
        reading.take_unread(PurePath(beside.name))
        return
    lines = _lines_of(text)
    known = reading.by_column(values, None, lines)
    if "file" in known:
        reading.says(f"the file is {beside.name}, because this stands beside it", lines.get("file"), "file")
    reading.take(Row(line=None, values={**known, "file": beside.name}, lines=lines))


def _lines_of(text: str) -> dict[str, int]:
    """Find the lines of TOML's keys: good enough to point at, since its parser keeps none."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = re.match(r"""([\w "'\t-]+)[=.\]]""", line.lstrip("[ \t"))
        if match:
            found.setdefault(column_of(match[1].strip(" \t\"'")), number)
    return found
