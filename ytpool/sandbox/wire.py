"""What comes over a line and what goes back: requests, bodies that are still arriving, and answers."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import parse_qs

Json = dict[str, Any]

_LINE = 1 << 10


_DEEPEST = 100
"""Levels of JSON that are read, as in Google's own reader."""


def from_json(body: bytes) -> Any:
    """Read a body; raises ValueError for what is no JSON, or cannot be written down again."""
    try:
        found = json.loads(body, parse_constant=_no_number)
        written = json.dumps(found, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels") from None
    try:
        written.encode()
    except UnicodeEncodeError:
        raise ValueError("a text in it holds half of a surrogate pair") from None
    if _is_deeper(found, _DEEPEST):
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(one, levels - 1) for one in inner if isinstance(one, dict | list))


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request's head, and its body where that is small enough to be read before anything else happens."""

    verb: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""

    @property
    def root(self) -> str:
        """The address under which the caller found us; it may have come through a proxy."""
        return f"http://{self.headers['host']}"

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a posted form, the last of each name."""
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}

    def argument(self, name: str) -> str:
        """Return the last value of a query parameter, or nothing."""
        return self.query.get(name, [""])[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, a JSON body or a page, and headers of its own."""

    status: int
    body: Any = None
    page: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> tuple[bytes, str]:
        """Return the bytes of the body and their media type."""
        if self.page is not None:
            return self.page.encode(), "text/html; charset=UTF-8"
        if self.body is None:
            return b"", ""
        return (json.dumps(self.body, indent=2, ensure_ascii=False) + "\n").encode(), "application/json; charset=UTF-8"


class Stream(Protocol):
    """The end of a line that bytes come out of."""

    def readinto1(self, buffer: memoryview, /) -> int:
        """Place what has arrived, waiting for at least one byte; 0 when the other side has closed."""
        ...


class Chunked:
    """A line whose bytes come in pieces that tell their length, as long as the last piece has not been there."""

    def __init__(self, stream: "Stream") -> None:
        self._stream = stream
        self._left = 0
        self.ended = False

    def readinto1(self, buffer: memoryview, /) -> int:
        """Place what has arrived of a piece; 0 at the end, or when the other side has closed."""
        if not self._left and not self.ended:
            self._next_piece()
        if self.ended or not self._left:
            return 0
        got = self._stream.readinto1(buffer[: self._left])
        self._left -= got
        if got and not self._left:
            self._line()  # the one that ends a piece is empty
        return got

    def _next_piece(self) -> None:
        line = self._line()
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", size):
            raise ConnectionError(f"this is no chunk of a body: {line!r}")
        self._left = int(size, 16)
        if not self._left:
            while self._line():  # fields may follow the last piece; nobody uses them
                pass
            self.ended = True

    def _line(self) -> bytes:
        line = bytearray()
        byte = memoryview(bytearray(1))
        while not line.endswith(b"\n") and len(line) < _LINE:
            if not self._stream.readinto1(byte):
                raise ConnectionError("the line ended between two chunks")
            line += byte
        return bytes(line).rstrip(b"\r\n")


class Body:
    """A body that is still arriving, and may break off: by itself, or because a fault says so.

    Its length is known, or, where it comes in chunks, only that it has `most` bytes at the most.
    """

    def __init__(
        self,
        stream: Stream,
        length: int | None,
        *,
        most: int = 1 << 40,
        cut_at: int | None = None,
        bytes_per_second: float | None = None,
    ) -> None:
        self._chunked = Chunked(stream) if length is None else None
        self._stream = self._chunked or stream
        self._cut_at = cut_at
        self._pace = bytes_per_second
        self._end = most + 1 if length is None else length
        self.promised = length
        """The length that was told beforehand."""
        self.taken = 0
        self.broken = False
        """No byte will come any more, although the body is not complete."""

    @property
    def remaining(self) -> int:
        """How many bytes are still to come, at the most."""
        return self._end - self.taken

    @property
    def cut(self) -> bool:
        """Whether a fault broke the line here."""
        return self.taken == self._cut_at

    @property
    def too_long(self) -> bool:
        """Whether more bytes came in chunks than are taken here."""
        return self._chunked is not None and not self._chunked.ended and not self.remaining

    def fill(self, view: memoryview) -> int:
        """Fill the view with what comes next; less of it only at the body's end, or when the line breaks."""
        wanted = min(len(view), self.remaining)
        if self._cut_at is not None:
            wanted = min(wanted, self._cut_at - self.taken)
        filled = 0
        while filled < wanted:
            try:
                # Small bites where the pace is slow, so that the waits are spread as on a slow line.
                bite = wanted if self._pace is None else min(wanted, filled + max(1, int(self._pace / 20)))
                got = self._stream.readinto1(view[filled:bite])
            except (ConnectionError, TimeoutError):
                got = 0
            if not got:
                if self._chunked is not None and self._chunked.ended:
                    self._end = self.taken + filled
                else:
                    self.broken = True
                break
            filled += got
            if self._pace is not None:
                time.sleep(got / self._pace)
        self.taken += filled
        if self.cut:
            self.broken = True
        return filled

    def read(self) -> bytes:
        """Read all that is left into memory."""
        content = bytearray()
        block = memoryview(bytearray(min(self.remaining, 1 << 20)))
        while self.remaining and not self.broken:
            content += block[: self.fill(block)]
        return bytes(content)

    def drain(self) -> None:
        """Read and forget what is left: closing with bytes unread would reset the line instead of ending it."""
        forgotten = memoryview(bytearray(min(self.remaining, 1 << 20)))
        while self.remaining and not self.broken:
            self.fill(forgotten)
