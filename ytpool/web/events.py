"""The live part of the dashboard: one look at the books per interval for all who watch, told as server-sent events.

Nobody looks while nobody watches. A piece holds the sections that are new to its viewer, and always how old all of it
is, so that it beats like a pulse; a viewer who comes back says what it has seen last.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ytpool.domain import moments
from ytpool.errors import YtpoolError
from ytpool.web.connections import CONNECTION
from ytpool.web.memory import Memory

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds from one look to the next."""

MOST = 40
"""Viewers; a line stays open for each."""

_RESTS = 9
"""Times as long as a look took, until the next: large books do not keep this machine busy."""

_LONGEST_PAUSE = 20.0
"""Seconds, whatever a look takes: a connection that is silent is taken for dead."""

_LONGEST_NUMBER = 12
_AGAIN_AFTER = 1000
"""Milliseconds after which a browser comes back whose connection broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How it stood with everything, as sections of a page."""

    sections: Mapping[str, str]
    now: datetime
    at: float
    """On the monotonic clock, when it was begun."""
    took: float
    """Seconds of this machine's work."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Which visitors have logged out at any machine that shares the state, as `Visitors` has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What there is to show at a moment."""

    snapshot: Snapshot | None
    """None where the books could not be read yet."""
    problem: str
    """Why the books cannot be read just now."""


class Feed:
    """What is told to all who watch; belongs to the event loop that serves."""

    def __init__(self, look: Callable[[], Snapshot], *, every: float) -> None:
        self._look = look
        self.every = every
        self._memory = Memory("the dashboard", self._look_or_say_why, fresh_for=every, within=every)
        self._shown = Shown(snapshot=None, problem="the books are being read")
        self._began = secrets.token_hex(4)  # after a restart, numbers mean something else
        self._number = 0
        self._changed: dict[str, int] = {}
        """By section: the number at which it was last another."""
        self._viewers = 0
        self._tick: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self.has_ended = False

    @property
    def is_full(self) -> bool:
        return self._viewers >= MOST

    @property
    def at(self) -> str:
        """What somebody has seen who has seen all that is shown now."""
        return f"{self._began}-{self._number}"

    async def shown(self) -> Shown:
        """Return what there is to show; while others watch, what they see."""
        if self._pump is None or self._shown.snapshot is None:
            await self._renew()
        return self._shown

    @property
    def left(self) -> Mapping[str, int]:
        """Which visitors have logged out, as far as was seen."""
        return {} if self._shown.snapshot is None else self._shown.snapshot.left

    @property
    def _pause(self) -> float:
        took = 0.0 if self._shown.snapshot is None else self._shown.snapshot.took
        return max(self.every, min(_RESTS * took, _LONGEST_PAUSE))

    def piece(self, seen: str) -> bytes:
        """Return an event with all that is new to somebody who has seen this."""
        began, _, number = seen.partition("-")
        is_ours = began == self._began and number.isdecimal() and len(number) <= _LONGEST_NUMBER
        last = int(number) if is_ours else -1
        snapshot = self._shown.snapshot
        told = {
            "now": None if snapshot is None else moments.text(snapshot.now),
            "age": None if snapshot is None else round(time.monotonic() - snapshot.at, 3),
            "every": self._pause,
            "problem": self._shown.problem,
            "sections": {}
            if snapshot is None
            else {name: snapshot.sections[name] for name, when in self._changed.items() if when > last},
        }
        return f"retry: {_AGAIN_AFTER}\nid: {self.at}\ndata: {json.dumps(told, separators=(',', ':'))}\n\n".encode()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look again and again as long as somebody is in here."""
        self._viewers += 1
        if self._pump is None:
            self._pump = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._pump.cancel()
                self._pump = None

    def tick(self) -> "asyncio.Future[None]":
        """Return what is done when there is something new, or when all is over."""
        if self._tick is None:
            self._tick = asyncio.get_running_loop().create_future()
        return self._tick

    def end(self) -> None:
        """Let everybody go."""
        self.has_ended = True
        self._tell()

    async def _go_on(self) -> None:
        while True:
            try:
                await self._renew()
            except Exception:
                # Those who watch see how old it is.
                log.exception("dashboard not renewed")
            self._tell()
            await asyncio.sleep(self._pause)

    def _tell(self) -> None:
        tick, self._tick = self._tick, None
        if tick is not None and not tick.done():
            tick.set_result(None)

    async def _renew(self) -> None:
        try:
            shown = (await self._memory.get()).value
        except YtpoolError as error:
            shown = Shown(snapshot=self._shown.snapshot, problem=error.message)
        if shown is self._shown:
            return
        before: Mapping[str, str] = {} if self._shown.snapshot is None else self._shown.snapshot.sections
        now = {} if shown.snapshot is None else shown.snapshot.sections
        changed = [name for name, content in now.items() if before.get(name) != content]
        if changed:
            self._number += 1
            self._changed.update(dict.fromkeys(changed, self._number))
        self._shown = shown

    def _look_or_say_why(self) -> Shown:
        try:
            return Shown(snapshot=self._look(), problem="")
        except YtpoolError as error:
            return Shown(snapshot=self._shown.snapshot, problem=error.message)


class Stream(Response):
    """One viewer's answer, which goes on until it, its right to look or the server ends."""

    def __init__(self, feed: Feed, seen: str, may_look: Callable[[], bool], headers: Mapping[str, str]) -> None:
        super().__init__()
        self._feed = feed
        self._seen = seen
        self._may_look = may_look
        self._more = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(self._start())
            with self._feed.watched():
                while not self._feed.has_ended and not gone.done() and self._may_look():
                    tick = self._feed.tick()
                    await send(_body(self._feed.piece(self._seen)))
                    self._seen = self._feed.at
                    if (connection := scope.get(CONNECTION)) is not None:
                        connection.goes_on()
                    await asyncio.wait({gone, tick}, return_when=asyncio.FIRST_COMPLETED)
            await send(_body(b"", more=False))
        finally:
            gone.cancel()

    def _start(self) -> Message:
        headers = {
            "content-type": "text/event-stream",
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would keep the events until it has enough of them
            **self._more,
        }
        told = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": told}


def _body(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
