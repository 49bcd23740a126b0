"""The connections to our visitors, and how long each may take its time.

uvicorn waits for a request's end for as long as its sender likes. Here a connection has seconds for the head of a
request, and some more until it is answered; and where there are too many of them, those go first that have asked for
nothing yet, the oldest before the others.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from ytpool.web.traffic import Traffic

HEAD_WITHIN = 10.0
"""Seconds from the opening of a connection, or its last answer, until the head of the next request is whole."""

ANSWERED_WITHIN = 30.0
"""Seconds from there until the answer has left; a callback's content comes in that time, too."""

LONGEST_HEAD = 16 << 10
"""Bytes of a request's head that are taken."""

MOST = 400

CONNECTION = "ytpool.connection"
"""In a request's scope: the connection on which it came."""

_HANGS_UP_WITHIN = 1.0
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Crowd:
    """All connections of one server."""

    def __init__(self, traffic: Traffic) -> None:
        self.open = 0
        self._traffic = traffic
        self._asking: dict[Connection, None] = {}

    def comes(self, one: "Connection") -> None:
        self.open += 1
        if self.open > MOST:
            oldest = next(iter(self._asking), one)
            self.refuses("too many connections", oldest)
            oldest.hang_up()

    def leaves(self, one: "Connection") -> None:
        self.open -= 1
        self._asking.pop(one, None)

    def asks(self, one: "Connection") -> None:
        """Take down that this one has no whole request yet."""
        self._asking.setdefault(one)

    def has_asked(self, one: "Connection") -> None:
        self._asking.pop(one, None)

    def refuses(self, reason: str, one: "Connection") -> None:
        """Count and tell what never became a request."""
        self._traffic.refuse(reason, client=one.client[0] if one.client else "?")


class Connection(H11Protocol):
    """One connection, with a time limit for everything that is done on it."""

    crowd: Crowd

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._limit: asyncio.TimerHandle | None = None
        self._heard = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.crowd.asks(self)
        self._has(HEAD_WITHIN)
        self.crowd.comes(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.crowd.leaves(self)
        if self._limit is not None:
            self._limit.cancel()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        self._heard = True
        super().data_received(data)
        self._look(before)

    def on_response_complete(self) -> None:
        before = self.cycle
        self._heard = False
        super().on_response_complete()  # which begins with the next request, if it is there already
        if self.cycle is before:
            self.crowd.asks(self)
            self._has(HEAD_WITHIN)
        else:
            self._look(before)

    def send_400_response(self, msg: str) -> None:
        self.crowd.refuses("malformed", self)
        super().send_400_response(msg)

    def goes_on(self) -> None:
        """Give an answer that comes piece by piece its time anew: a piece was taken."""
        self._has(ANSWERED_WITHIN)

    def hang_up(self) -> None:
        self.transport.abort()

    def _look(self, before: Any) -> None:
        if self.cycle is None:
            return
        if self.cycle is not before:
            # A scope holds more than its type says.
            self.cycle.scope[CONNECTION] = self  # type: ignore[literal-required]
            self._has(ANSWERED_WITHIN)
        if not self.cycle.more_body:
            self.crowd.has_asked(self)

    def _has(self, seconds: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self.loop.call_later(seconds, self._is_too_slow)

    def _is_too_slow(self) -> None:
        if self.transport.is_closing():  # the last answer is not fetched
            self.hang_up()
            return
        self.crowd.refuses("too slow", self)
        if self._heard and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(_TOO_SLOW)
        self.transport.close()
        self._limit = self.loop.call_later(_HANGS_UP_WITHIN, self.hang_up)
