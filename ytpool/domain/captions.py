"""Caption tracks: what belongs to one, and which files YouTube takes, checked before 400 units are spent on each.

A track is known by its language and name: a second one with both alike is refused by YouTube, whatever its file says.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Self

from ytpool.domain.video import is_language
from ytpool.errors import FileInvalid

FILE_BYTES = 100 * 1024**2
NAME_CHARACTERS = 150
HEAD = 64 * 1024
"""This much of a file's beginning tells its format."""

_SIGNS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    ".srt": ("a line such as 00:00:01,000 --> 00:00:02,000", re.compile(r"\d:\d\d:\d\d[,.]\d+\s*-->")),
    ".sbv": ("a line such as 0:00:01.000,0:00:02.000", re.compile(r"(?m)^\d+:\d\d:\d\d\.\d+,\d+:\d\d:\d\d\.\d+")),
    ".vtt": ("WEBVTT at its beginning", re.compile(r"\AWEBVTT(?:[ \t\r\n]|\Z)")),
    ".ttml": ("a <tt> element", re.compile(r"<(?:\w+:)?tt[\s>]")),
}
_SUFFIXES = "|".join(suffix[1:] for suffix in _SIGNS)
_TYPED = re.compile(
    rf"(?P<language>[^:]*):(?P<path>.+?\.(?:{_SUFFIXES})|[^:]*)(?::(?P<name>.*))?", re.IGNORECASE | re.DOTALL
)
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One caption track as it was asked for."""

    path: PurePath
    language: str
    name: str = ""

    @property
    def step(self) -> str:
        """Name the step of a job that brings this track; another file for the same track is the same step."""
        return f"caption:{self.language}:{self.name}"

    def to_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "language": self.language, "name": self.name}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(path=PurePath(stored["path"]), language=stored["language"], name=stored["name"])


def parse(typed: str) -> Caption:
    """Read `language:path` or `language:path:name` as people type it; raises ValueError with what was expected.

    The path may hold colons as long as it ends in a suffix we know.
    """
    match = _TYPED.fullmatch(typed.strip())
    if match is None or not match["language"].strip() or not match["path"].strip():
        raise ValueError(f"{typed!r:.60} is no caption; write it as de:talk.de.srt, or de:talk.de.srt:Name")
    return Caption(
        path=PurePath(match["path"].strip()),
        language=match["language"].strip(),
        name=(match["name"] or "").strip(),
    )


def problems(captions: Sequence[Caption]) -> list[str]:
    """Return a sentence for everything YouTube would refuse about these tracks of one video, their files apart."""
    return list(_problems(captions))


def _problems(captions: Sequence[Caption]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for one in captions:
        if not is_language(one.language):
            yield f"the caption's language {one.language!r:.60} is no BCP-47 tag such as en or pt-BR"
        if len(one.name) > NAME_CHARACTERS:
            yield f"the caption's name has {len(one.name)} characters, YouTube takes {NAME_CHARACTERS}"
        if not _is_text(one.name):
            yield f"the caption's name {one.name!r:.60} is no text in UTF-8"
        if one.path.suffix.lower() not in _SIGNS:
            yield f"{one.path!s:.200} is no caption file that YouTube takes: {', '.join(_SIGNS)}"
        track = (one.language.lower(), one.name)
        if track in seen:
            named = f"the name {one.name!r}" if one.name else "no name"
            yield f"there are two captions in {one.language} with {named}; give one of them another name"
        seen.add(track)


def check_file(path: PurePath, size: int, chunks: Iterable[bytes]) -> None:
    """Raise FileInvalid, with every problem at once, if YouTube takes no such caption file.

    `chunks` are the file's bytes in order; they are looked at one by one and never kept together.
    """
    found = list(_file_problems(path, size, chunks))
    if found:
        raise FileInvalid(f"{path.name} {' and '.join(found)}", path=str(path), problems=found)


def _file_problems(path: PurePath, size: int, chunks: Iterable[bytes]) -> Iterator[str]:
    if size == 0:
        yield "is empty"
        return
    if size > FILE_BYTES:
        yield f"has {size:,} bytes, YouTube takes {FILE_BYTES:,} (100 MB) of captions"
        return
    known = _SIGNS.get(path.suffix.lower())
    if known is None:
        yield f"is no caption file that YouTube takes: {', '.join(_SIGNS)}"
        return
    head, not_text = _read(chunks)
    if not_text:
        yield not_text
        return
    sign, pattern = known
    if not pattern.search(head):
        yield f"is not what {path.suffix} promises: it lacks {sign}"


def _read(chunks: Iterable[bytes]) -> tuple[str, str]:
    """Return the beginning of a text, and what keeps it from being UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    head, read = "", 0
    try:
        for chunk in chunks:
            if read == 0 and chunk.startswith(_WIDE):
                return "", "is written in UTF-16; save it as UTF-8"
            text = decoder.decode(chunk)
            read += len(chunk)
            if len(head) < HEAD:
                head += text[: HEAD - len(head)]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return head, "is not written in UTF-8; save it as UTF-8"
    return head, ""


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
