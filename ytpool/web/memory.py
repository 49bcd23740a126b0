"""Answers out of memory: what takes its time is looked up by a thread, seldom, and nobody waits for it for long."""

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from ytpool.errors import StateBusy, YtpoolError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Known(NamedTuple, Generic[T]):
    """Something that was looked up, and how many seconds ago."""

    value: T
    age: float


class Memory(Generic[T]):
    """One thing that many ask for; belongs to the event loop that serves.

    Nobody is told what was so longer than `fresh_for` before the question, and one look serves all who ask meanwhile.
    Only whoever has waited for `within` seconds gets what was known before, however old: a file system that hangs
    keeps nobody.
    """

    def __init__(self, name: str, look: Callable[[], T], *, fresh_for: float, within: float) -> None:
        self._name = name
        self._look = look
        self._fresh_for = fresh_for
        self._within = within
        self._known: tuple[T, float] | None = None
        self._problem: YtpoolError | None = None
        self._coming: asyncio.Future[None] | None = None
        self._asked_at = 0.0
        self._looked_at = -math.inf
        """When the last look began that has come to its end, whatever that was."""
        self._wishes: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def get(self) -> Known[T]:
        """Return it with its age; where nothing is known yet, raises StateBusy or what kept it from being looked up."""
        oldest = time.monotonic() - self._fresh_for
        while self._looked_at < oldest:  # one look may have begun before the question; the next one has not
            if self._coming is None:
                self._asked_at = time.monotonic()
                self._coming = self._ask(self._asked_at)
            left = self._asked_at + self._within - time.monotonic()
            if left <= 0:
                break
            await asyncio.wait({self._coming}, timeout=left)
        if self._known is None:
            raise self._problem or StateBusy(f"{self._name} has not been looked up within {self._within:g} s")
        return Known(self._known[0], time.monotonic() - self._known[1])

    def _ask(self, now: float) -> asyncio.Future[None]:
        if self._thread is None:
            # Not one of a pool: the interpreter would wait for those at its end, and a file system may hang.
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        coming = loop.create_future()

        def keep(value: tuple[T, float] | None, problem: YtpoolError | None) -> None:
            self._known, self._problem, self._coming = value or self._known, problem, None
            self._looked_at = now
            if not coming.done():
                coming.set_result(None)

        def look() -> None:
            found, problem = None, None
            try:
                found = (self._look(), now)
            except YtpoolError as error:
                problem = error
            except Exception:
                log.exception("not looked up", extra={"what": self._name})
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(keep, found, problem)

        self._wishes.put(look)
        return coming

    def _work(self) -> None:
        while True:
            self._wishes.get()()
