"""Hearing from other machines that there is something to do; what is rung on this one goes from bell to bell.

One connection of a process listens, in a thread of its own: to connect anew may take its time, and no worker waits for
that. Whoever hears nothing looks by itself before long, so whatever happens here only makes a start later.
"""

import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ytpool.actions.waking import LOOKS_EVERY, Bell
from ytpool.domain import failover, ids
from ytpool.errors import YtpoolError
from ytpool.runtime import Runtime

if TYPE_CHECKING:
    from ytpool.store.listening import Listener

log = logging.getLogger(__name__)

ARRIVES_WITHIN = 5.0
"""Seconds in which a call comes back to whoever sent it, or it never will."""
_ASKS_A_POOLER_AGAIN_AFTER = 60.0
_ENDS_WITHIN = 1.0
"""Seconds that an end is waited for; a thread that is connecting just then ends with the process."""


class Ear:
    """Strikes the bells of this process when somebody rings on any machine; where the state is a file it does nothing.

    A connection that is lost is made anew, later and later; raises nothing.
    """

    def __init__(self, rt: Runtime, *, listens: bool = True) -> None:
        self._rt = rt
        self._listener = rt.store.listener() if listens else None
        self._bells: list[Bell] = []
        self._changing = threading.Lock()
        self._reads, self._writes = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)

    def __enter__(self) -> Self:
        if self._listener is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._writes)  # every wait ends
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN)
        if not self._thread.is_alive():
            os.close(self._reads)

    @contextmanager
    def striking(self, bell: Bell) -> Iterator[None]:
        """Strike this bell, too, as long as it is there."""
        with self._changing:
            self._bells.append(bell)
        try:
            yield
        finally:
            with self._changing:
                self._bells.remove(bell)

    def _strike(self) -> None:
        with self._changing:
            for bell in self._bells:
                bell.strike()

    def _listen(self) -> None:
        assert self._listener is not None
        attempt, told = 0, ""
        while True:
            try:
                with self._listener as listener:
                    self._strike()  # what was rung while nobody listened was heard by nobody
                    if arrives(self._rt, listener, meanwhile=self._strike, stops=self._reads):
                        attempt, told = 0, ""
                        while self._stays([listener.fileno()], None):
                            if listener.heard().rung:
                                self._strike()
                        return
                seconds, reason = _ASKS_A_POOLER_AGAIN_AFTER, "wake-ups do not arrive through this pooler"
            except YtpoolError as error:
                attempt += 1
                seconds, reason = failover.backoff(attempt, self._rt.rng), error.message
            if reason != told and self._stays([], 0):
                log.info(
                    "no wake-ups from other machines; looking by itself", extra={"reason": reason, "every": LOOKS_EVERY}
                )
            told = reason
            if not self._stays([], seconds):
                return

    def _stays(self, also: list[int], seconds: float | None) -> bool:
        """Wait so long, or until there is something to hear; False once it is over."""
        ready, _, _ = select.select([*also, self._reads], [], [], seconds)
        return self._reads not in ready


def arrives(rt: Runtime, listener: "Listener", *, meanwhile: Callable[[], None] | None = None, stops: int = -1) -> bool:
    """Call out to ourselves, and tell whether we hear it; `meanwhile` is called when somebody rings before that.

    It is over, and nothing heard, once `stops` can be read.
    """
    word = ids.new(rt.clock.now(), rt.rng)
    also = [stops] if stops >= 0 else []
    listener.call(word)
    until = rt.clock.monotonic() + ARRIVES_WITHIN
    while (left := until - rt.clock.monotonic()) > 0:
        ready, _, _ = select.select([listener.fileno(), *also], [], [], left)
        if stops in ready:
            return False
        if not ready:
            break
        heard = listener.heard()
        if heard.rung and meanwhile is not None:
            meanwhile()
        if word in heard.calls:
            return True
    return False
