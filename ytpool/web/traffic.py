"""What was asked and what was refused: counted always, told once in a while, because anybody can send a million."""

import logging
import time
from collections import Counter
from typing import Any

log = logging.getLogger(__name__)

_SAID_EVERY = 10.0


class Traffic:
    """What was asked and what was refused, counted."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        """By address, method and status."""
        self.refusals: Counter[str] = Counter()
        """By reason."""
        self._said_at: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def refuse(self, reason: str, **facts: Any) -> None:
        """Count it, and log it; of many for the same reason one in ten seconds, with the number of the others."""
        self.refusals[reason] += 1
        now = time.monotonic()
        if now - self._said_at.get(reason, -_SAID_EVERY) < _SAID_EVERY:
            self._unsaid[reason] += 1
            return
        self._said_at[reason] = now
        others = self._unsaid.pop(reason, 0)
        log.warning("request refused", extra={"reason": reason, **facts, **({"and_others": others} if others else {})})
