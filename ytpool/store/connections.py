"""Connections to a database, one for each thread, and who may close them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ytpool.errors import Interrupted


class Kept:
    """A thread's connection, which nobody closes while its thread is in the middle of something.

    A driver lets go of a closed connection at once; a statement that another thread runs on it by then looks at what is
    no longer there, and that ends the whole process.
    """

    __slots__ = ("_busy", "_connection", "_unwanted", "about", "thread")

    def __init__(self, connection: Any, about: Any = None) -> None:
        self.thread = threading.current_thread()
        self.about = about
        """What whoever opened it wants to remember of it."""
        self._connection = connection
        self._busy = threading.RLock()
        self._unwanted = False

    @contextmanager
    def at_work(self) -> Iterator[Any]:
        """Lend the connection to its thread; when nobody wants it any more, it is closed afterwards."""
        try:
            with self._busy:
                if self._unwanted:
                    raise Interrupted("the state was closed meanwhile")
                yield self._connection
        finally:
            if self._unwanted:
                self.close()

    def close(self) -> None:
        """Close the connection, at once or as soon as its thread is done with it."""
        self._unwanted = True
        if self._busy.acquire(blocking=False):
            try:
                self._connection.close()
            finally:
                self._busy.release()

    def interrupt(self, how: Callable[[Any], None]) -> None:
        """Break off what its thread is reading or writing."""
        how(self._connection)


class ThreadConnections:
    """The connection of each thread that has one."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._local = threading.local()
        self._kept: list[Kept] = []

    def mine(self) -> Kept | None:
        """Return this thread's."""
        return getattr(self._local, "kept", None)

    def keep(self, one: Kept) -> Kept:
        """Remember this thread's, and close those whose threads have ended: nobody else can."""
        self._local.kept = one
        with self._changing:
            # Each is asked once: a thread that ended between two questions would be in neither list.
            ended = {kept for kept in self._kept if not kept.thread.is_alive()}
            self._kept = [*(kept for kept in self._kept if kept not in ended), one]
        for kept in ended:
            kept.close()
        return one

    def let_go(self) -> None:
        """Close this thread's, if it has one; its next transaction opens another."""
        kept = self.mine()
        if kept is None:
            return
        self._local.kept = None
        with self._changing:
            self._kept = [one for one in self._kept if one is not kept]
        kept.close()

    def of(self, thread: threading.Thread) -> list[Kept]:
        """Return those of a thread."""
        with self._changing:
            return [kept for kept in self._kept if kept.thread is thread]

    def __len__(self) -> int:
        return len(self._kept)

    def close(self) -> None:
        """Close all of them; a thread that is in the middle of something closes its own."""
        while self._kept:
            self._kept.pop().close()
        self._local = threading.local()
