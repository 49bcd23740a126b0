"""TCP links that can be cut, held up, slowed down and mended: what happens between a program and a server."""

import asyncio
import socket
import struct
import threading
from contextlib import suppress

RESETS = struct.pack("ii", 1, 0)
"""Closing at once, with what is called a reset."""


class Link:
    """Passes on what comes to its port to another, and back.

    It has a thread of its own; every verb returns when it has taken effect.
    """

    def __init__(self, to, *, listen=None):
        """Lead to a port of this machine, or to where `to()` gives a connected socket.

        `listen` makes the listening socket, where it is not to be one of our own.
        """
        self._to = to
        self._listen = listen or self._listen_here
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._server = None
        self._connections = []
        self._pumping = set()
        self._delay = 0.0
        self._cuts = None

    def __enter__(self):
        self._thread.start()
        self._do(self._begin)
        return self

    def __exit__(self, *_):
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    @property
    def connections(self):
        """How many connections stand."""
        return len(self._connections)

    def cut(self):
        """Break every connection; new ones stand again at once."""
        self._do(self._break_all)

    def refuse(self):
        """Break every connection, and refuse new ones until it is mended."""
        self._do(self._refuse)

    def stall(self):
        """Let nothing through and say nothing about it, as a line does that lies cut at the bottom of the sea.

        New connections stand, and hear nothing. What was said meanwhile arrives when it is mended.
        """
        self._do(self._flows.clear)

    def slow_down(self, seconds):
        """Let whatever is said take so long on its way, in both directions."""
        self._delay = seconds

    def cut_after(self, count, *, back=False):
        """Break every connection, once, as soon as so many bytes more have come through there (or back)."""
        seen = [0]

        def enough(data):
            seen[0] += len(data)
            return len(data) - (seen[0] - count) if seen[0] >= count else None

        self._cuts = (back, enough)

    def cut_at(self, words, *, passes):
        """Break every connection, once, when these bytes come by: before they arrive, or right after (`passes`)."""
        self._cuts = (False, lambda data: (len(data) if passes else 0) if words in data else None)

    @property
    def has_cut(self):
        """Tell whether what `cut_after` or `cut_at` waits for has happened."""
        return self._cuts is None

    def mend(self):
        """Let everything through as it comes."""
        self._delay, self._cuts = 0.0, None
        self._do(self._mend)

    def _do(self, what):
        """Do something in the link's own thread, and wait until it is done."""

        async def done():
            result = what()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=30)

    def _listen_here(self):
        return socket.create_server(("127.0.0.1", self.port))

    async def _begin(self):
        self._flows = asyncio.Event()
        await self._mend()

    async def _mend(self):
        self._flows.set()
        if self._server is None:
            listener = self._listen()
            self.port = listener.getsockname()[1]
            self._server = await asyncio.start_server(self._meet, sock=listener)

    def _refuse(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        self._break_all()

    async def _end(self):
        self._refuse()
        for one in self._pumping:
            one.cancel()
        await asyncio.gather(*self._pumping, return_exceptions=True)

    async def _meet(self, reader, writer):
        task = asyncio.current_task()
        self._pumping.add(task)
        with suppress(asyncio.CancelledError):  # at the link's end; nobody waits for this task but the link
            await self._join(reader, writer)
        self._pumping.discard(task)

    async def _join(self, reader, writer):
        ends = [writer]
        self._connections.append(ends)
        try:
            await self._flows.wait()  # where nothing comes through, nobody hears of a visitor
            there = {"sock": self._to()} if callable(self._to) else {"host": "127.0.0.1", "port": self._to}
            there_reader, there_writer = await asyncio.open_connection(**there)
            ends.append(there_writer)
            if ends not in self._connections:  # cut meanwhile
                _reset(there_writer)
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._pump(reader, there_writer, back=False))
                both_ways.create_task(self._pump(there_reader, writer, back=True))
        except* OSError:
            for end in ends:
                _reset(end)
        finally:
            if ends in self._connections:
                self._connections.remove(ends)
            for end in ends:
                end.close()

    async def _pump(self, reader, writer, *, back):
        while data := await reader.read(65536):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flows.wait()
            if self._cuts is not None and self._cuts[0] == back and (passes := self._cuts[1](data)) is not None:
                self._cuts = None
                writer.write(data[:passes])
                writer.transport.set_write_buffer_limits(high=0)
                await writer.drain()
                self._break_all()
                return
            writer.write(data)
            await writer.drain()
        await self._flows.wait()
        if writer.can_write_eof():
            writer.write_eof()

    def _break_all(self):
        while self._connections:
            for end in self._connections.pop():
                _reset(end)


def _reset(end):
    with suppress(OSError):
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
    end.transport.abort()
