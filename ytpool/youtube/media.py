"""Files as request bodies: read while they leave, block by block, alone or framed together with a resource.

A thumbnail has fifty megabytes and a caption a hundred; neither is ever in memory, whoever sends it.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ytpool.clock import Clock
from ytpool.domain.pacing import Pace
from ytpool.errors import FileChanged, FileInvalid

# Large enough to cost nothing, small enough to show movement on a slow line; and a slow line must get one of these
# away within the time-out, which Python counts for the whole block.
_BLOCK = 256 * 1024


class Line:
    """A line with a limit, shared by all threads that are given it: each asks for its turn, and waits for it."""

    def __init__(self, rate: int, clock: Clock) -> None:
        self._pace = Pace(rate=rate)
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, wanted: int) -> int:
        """Wait until some of the wanted bytes may leave, and return how many; at least one."""
        with self._lock:
            self._pace, count, seconds = self._pace.take(wanted, self._clock.monotonic())
        if seconds > 0:
            self._clock.sleep(seconds)
        return count


class FileBody:
    """A stretch of a file as a request body, with something of ours before and behind it.

    `read(offset, length)` is asked for block after block; a file that has become shorter is `FileChanged`, and one
    that cannot be read `FileInvalid`: the request then ends before its announced length, so nobody acts on it.
    `pace` is asked before each block and may wait; `progress` then hears how much of the file has left so far.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes | memoryview],
        *,
        start: int,
        end: int,
        head: bytes = b"",
        tail: bytes = b"",
        progress: Callable[[int], None] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> None:
        self._read = read
        self._position = start
        self._end = end
        self._head = head
        self._tail = tail
        self._progress = progress
        self._pace = pace
        self._length = len(head) + end - start + len(tail)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1, /) -> bytes | memoryview:
        if self._head:
            head, self._head = self._head, b""
            return head
        length = min(_BLOCK, self._end - self._position)
        if 0 <= size < length:
            length = size
        if length and self._pace is not None:
            length = self._pace(length)
        # Being asked for the next block says that the one before has left. Whoever must not go on, says so here:
        # after the wait, and right before the block leaves.
        if self._progress is not None:
            self._progress(self._position)
        if length:
            block = exactly(self._read, self._position, self._position + length)
            self._position += length
            return block
        tail, self._tail = self._tail, b""
        return tail


def exactly(read: Callable[[int, int], bytes | memoryview], start: int, end: int) -> memoryview:
    """Read these bytes of a file, or say why they are not there."""
    try:
        view = memoryview(read(start, end - start)).cast("B")
    except OSError as error:
        # On its way through the wire it would pass for a broken line.
        raise FileInvalid(f"the file cannot be read at byte {start}: {error.strerror or error}") from error
    if len(view) != end - start:
        raise FileChanged(f"the file ends at byte {start + len(view)}; it was longer when its upload began")
    return view


class Frame(NamedTuple):
    """What stands before and behind a file that travels with its resource, and the type of the whole."""

    content_type: str
    head: bytes
    tail: bytes


def frame(resource: Mapping[str, Any], content_type: str) -> Frame:
    """Frame a file for multipart/related: first the resource as JSON, then the file as it is."""
    # Made after the file was, and of 128 bits of chance: it stands nowhere in it.
    boundary = f"=={secrets.token_hex(16)}=="
    head = (
        f"--{boundary}\r\n"
        "Content-Type: application/json; charset=UTF-8\r\n"
        "\r\n"
        f"{json.dumps(resource)}\r\n"
        f"--{boundary}\r\n"
        f"Content-Type: {content_type}\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "\r\n"
    )
    tail = f"\r\n--{boundary}--\r\n"
    return Frame(f'multipart/related; boundary="{boundary}"', head.encode(), tail.encode())
