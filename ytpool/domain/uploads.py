"""How a file is cut for sending, what happens while it is sent, and how one file is told from another.

The fingerprint reads twelve megabytes at most, so it is known at once even for a file of 256 GB; up to that size it
covers every byte. That two long files are equal only their whole hashes can say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid

MIB = 1024 * 1024
CHUNK_STEP = 256 * 1024
"""Every chunk but the last is a multiple of this; what is sent beyond it the server does not keep."""
SMALLEST_CHUNK_MIB = 8
LARGEST_CHUNK_MIB = 64
PIECE = 4 * MIB


def chunk_size(mib: int) -> int:
    """Return the bytes of a chunk of so many MiB; smaller ones cost a round trip each, larger ones cost repeats."""
    if not SMALLEST_CHUNK_MIB <= mib <= LARGEST_CHUNK_MIB:
        raise ConfigInvalid(
            f"a chunk of {mib} MiB is outside of {SMALLEST_CHUNK_MIB} to {LARGEST_CHUNK_MIB}", chunk_mib=mib
        )
    return mib * MIB


def pieces(size: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return offset and length of the three pieces of a file that its fingerprint reads; short files overlap."""
    length = min(PIECE, size)
    return (0, length), ((size - length) // 2, length), (size - length, length)


def fingerprint(size: int, first: bytes, middle: bytes, last: bytes) -> str:
    """Name a file by its size and its three `pieces`."""
    digest = sha256(first)
    digest.update(middle)
    digest.update(last)
    return f"{size}-{digest.hexdigest()}"


def is_covered(size: int) -> bool:
    """Tell whether the fingerprint of a file of this size has read all of it."""
    return size <= 3 * PIECE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMarks:
    """What a file is recognised by."""

    size: int
    modified_ns: int
    fingerprint: str
    sha256: str | None = None
    """Of the whole file, once somebody has read it to its end."""


def why_changed(before: FileMarks, now: FileMarks) -> str | None:
    """Say why a file must not be taken for the one whose upload began, or None if it is the same.

    Two whole hashes decide alone. Without them a file that was written to counts as changed: the bytes that differ
    may lie where the fingerprint does not look, and half of each must never become one video.
    """
    if before.size != now.size:
        return f"it had {before.size:,} bytes when its upload began, and has {now.size:,} now"
    if before.fingerprint != now.fingerprint or _differ(before.sha256, now.sha256):
        return "it has other content than when its upload began"
    if before.modified_ns != now.modified_ns and (before.sha256 is None or now.sha256 is None):
        return "it was written to since its upload began, and only its whole hash could tell whether it is the same"
    return None


def _differ(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file that goes along with a call: a thumbnail, a caption track. `read(offset, length)` hands out its bytes."""

    read: Callable[[int, int], bytes | memoryview]
    size: int
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The server has exactly this many bytes.

    An offset equal to the size says: all arrived, not finished yet; wait a little (or `retry_after` seconds) before
    asking for the next step. `moved_to` is set by `ask` alone, where the server names a new session address; while
    sending, `Moved` says it.
    """

    offset: int
    retry_after: float | None = None
    moved_to: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The server named a new address for the session; the old one may be dead."""

    session: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The video exists."""

    video: dict[str, Any]
