"""Thumbnails: what an image is, read from its first bytes, and which ones YouTube takes.

An upright thumbnail is for Shorts, and YouTube takes it only once the Short is processed: before that it does not
know that the video is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from ytpool.errors import FileInvalid

FILE_BYTES = 50 * 1024**2
NARROWEST = 640
HEAD = 1024**2
"""This much of a file's beginning is enough, unless somebody put a megabyte of colour profiles before the picture."""

JPEG = "image/jpeg"
PNG = "image/png"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (8, b"WEBP", "a WebP"),
    (0, b"BM", "a BMP"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (4, b"ftypavif", "an AVIF"),
    (4, b"ftyphei", "a HEIC"),
    (4, b"ftypmif1", "a HEIC"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"%PDF", "a PDF"),
    (0, b"<svg", "an SVG"),
    (0, b"<?xml", "an XML file"),
)
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_SHAPE_MAY_DIFFER_BY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """An image that YouTube takes. Width and height are None where they stand beyond what was read."""

    content_type: str
    width: int | None
    height: int | None
    advice: tuple[str, ...] = ()
    """What YouTube takes and viewers may not like."""

    @property
    def upright(self) -> bool:
        """It is for a Short, and must wait until that is processed."""
        return self.width is not None and self.height is not None and self.height > self.width


def thumbnail(name: str, size: int, head: bytes) -> Thumbnail:
    """Read a thumbnail from its file's size and its first `HEAD` bytes; raises FileInvalid with every problem."""
    content_type = _type(head)
    dimensions: tuple[int, int] | None = None
    found: list[str] = []
    if size == 0:
        found.append("is empty")
    elif content_type is None:
        found.append(f"is {_what(head)}, YouTube takes JPEG and PNG; save it as one of them")
    else:
        try:
            dimensions = _jpeg(head) if content_type == JPEG else _png(head)
        except ValueError as error:
            found.append(f"is damaged: {error}")
        else:
            if dimensions is None and len(head) >= size:
                found.append("is damaged: it ends before its width and height")
    if size > FILE_BYTES:
        found.append(f"has {size:,} bytes, YouTube takes {FILE_BYTES:,} (50 MB)")
    if dimensions is not None and dimensions[0] < NARROWEST:
        found.append(f"is {dimensions[0]} pixels wide, YouTube wants at least {NARROWEST}")
    if found:
        raise FileInvalid(f"the thumbnail {name} {' and '.join(found)}", file=name, size=size, problems=found)
    assert content_type is not None
    width, height = dimensions or (None, None)
    return Thumbnail(content_type=content_type, width=width, height=height, advice=tuple(_advice(name, dimensions)))


def _type(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    return PNG if head.startswith(_PNG_SIGNATURE) else None


def _what(head: bytes) -> str:
    return next((what for offset, sign, what in _OTHERS if head.startswith(sign, offset)), "no image we know")


def _png(head: bytes) -> tuple[int, int] | None:
    if len(head) < 24:
        return None
    length, kind, width, height = unpack_from(">I4sII", head, 8)
    if kind != b"IHDR" or length != 13:
        raise ValueError("it does not begin with its header")
    return _sides(width, height)


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Go from segment to segment to the one that begins the frame; None where that is beyond these bytes."""
    at = 2
    while at + 2 <= len(head):
        if head[at] != 0xFF:
            raise ValueError(f"there is no segment at byte {at}")
        marker = head[at + 1]
        if marker == 0xFF:  # any number of these may stand before a marker
            at += 1
            continue
        at += 2
        if marker in _STANDALONE:
            continue
        if marker in (_SCAN, 0xD8, 0xD9, 0x00):
            raise ValueError("the picture begins before its width and height are told")
        if at + 2 > len(head):
            return None
        (length,) = unpack_from(">H", head, at)
        if length < 2:
            raise ValueError(f"the segment at byte {at} has no length")
        if marker in _FRAMES:
            if at + 7 > len(head):
                return None
            height, width = unpack_from(">HH", head, at + 3)
            return _sides(width, height)
        at += length
    return None


def _sides(width: int, height: int) -> tuple[int, int]:
    if width == 0 or height == 0:
        raise ValueError(f"it says that it is {width} x {height} pixels")
    return width, height


def _advice(name: str, dimensions: tuple[int, int] | None) -> Iterator[str]:
    if dimensions is None:
        yield f"the width of {name} stands behind its first {HEAD:,} bytes and was not checked"
        return
    width, height = dimensions
    if _is_shaped(width, height, 16, 9):
        return
    if _is_shaped(width, height, 9, 16):
        yield f"{name} is 9:16, which YouTube takes for a Short, once that is processed"
    else:
        yield f"{name} is {width} x {height}, YouTube shows 16:9 and will cut it or add bars"


def _is_shaped(width: int, height: int, across: int, down: int) -> bool:
    return abs(width * down - height * across) <= _SHAPE_MAY_DIFFER_BY * height * across
