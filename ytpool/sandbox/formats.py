"""What a file says about itself in its head: pictures their kind and size, films their size and length."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEAD = 1 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_CAPTIONS = re.compile(
    r"WEBVTT"  # vtt
    r"|\d+:\d{2}(:\d{2})?[.,]\d{1,3}\s*-->"  # srt
    r"|\d+:\d{2}:\d{2}\.\d{3},\d+:\d{2}:\d{2}\.\d{3}"  # sbv
    r"|<tt[\s>:]"  # ttml
)
# Markers of a JPEG that begin with its size: baseline, progressive and the rarer ones.
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    kind: str
    """`jpeg` or `png`."""
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    width: int
    height: int
    seconds: float


def picture(path: Path) -> Picture | None:
    """Read a picture's kind and size; None where it is none."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    size = _png_size(head) or _jpeg_size(head)
    if size is None or not all(size):
        return None
    return Picture(kind="png" if head.startswith(_PNG) else "jpeg", width=size[0], height=size[1])


def film(path: Path) -> Film | None:
    """Read the size and the length of an MP4 or QuickTime film; None where it cannot be told."""
    with path.open("rb") as file:
        try:
            moov = next((box for kind, box in _boxes(file, 0, path.stat().st_size) if kind == b"moov"), None)
            return None if moov is None else _film(file, moov)
        except (struct.error, IndexError, ZeroDivisionError):  # it ends in the middle, or tells nonsense
            return None


def caption_fault(path: Path) -> str:
    """Return why YouTube could not show these captions, as its `failureReason`; nothing where it could."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            head = file.read(_HEAD)
        except UnicodeDecodeError:
            return "unknownFormat"
    return "" if _CAPTIONS.search(head) else "unknownFormat"


def _png_size(head: bytes) -> tuple[int, int] | None:
    if not head.startswith(_PNG) or head[12:16] != b"IHDR" or len(head) < 24:
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    if not head.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], struct.unpack_from(">H", head, at + 2)[0]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + length
    return None


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the boxes between two places of a file: their kinds, and where what is in them begins and ends."""
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        begins = at + 8
        if size == 1:  # too long for four bytes
            size = struct.unpack(">Q", file.read(8))[0]
            begins += 8
        size = size or end - at
        if size < begins - at:
            return
        yield kind, (begins, min(at + size, end))
        at += size


def _film(file: BinaryIO, moov: tuple[int, int]) -> Film | None:
    seconds, width, height = 0.0, 0, 0
    for kind, (begins, ends) in _boxes(file, *moov):
        if kind == b"mvhd":
            file.seek(begins)
            head = file.read(32)
            scale, length = struct.unpack_from(">IQ" if head[0] else ">II", head, 20 if head[0] else 12)
            seconds = length / scale
        elif kind == b"trak":
            for inner, (first, last) in _boxes(file, begins, ends):
                if inner == b"tkhd":
                    wide, high = _track_size(file, first, last)
                    if wide * high > width * height:  # a film's sound has a track too, without a size
                        width, height = wide, high
    return Film(width=width, height=height, seconds=seconds) if width and height else None


def _track_size(file: BinaryIO, begins: int, ends: int) -> tuple[int, int]:
    """Read how a track is to be shown: its size, turned as its matrix says."""
    file.seek(begins)
    head = file.read(min(ends - begins, 256))
    # The last 44 bytes are the matrix, nine numbers of four bytes, and the two of the size, in 1/65536.
    same, _, _, crossed, _ = struct.unpack_from(">5i", head, len(head) - 44)
    width, height = (number >> 16 for number in struct.unpack_from(">II", head, len(head) - 8))
    return (height, width) if same == 0 and crossed != 0 else (width, height)
