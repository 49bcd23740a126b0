"""A limit on how many bytes a second leave this machine.

`5M` is five million bytes a second, not bits, and not 5 MiB: what `ls` and a provider's megabytes mean.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

from ytpool.errors import ConfigInvalid

_TYPED = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kKmMgG]?)(?:[bB](?:/s)?)?", re.ASCII)
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse(typed: str) -> int:
    """Return bytes a second from `800k`, `5M`, `1.5M` or `1G`; raises ConfigInvalid for anything else, also for 0."""
    match = _TYPED.fullmatch(typed.strip())
    rate = int(float(match[1]) * _TIMES[match[2].lower()]) if match else 0
    if rate == 0:
        raise ConfigInvalid(
            f"{typed!r} is no rate",
            hint="write bytes a second, as 800k, 5M or 1G (thousands); leave it out for no limit",
            rate=typed,
        )
    return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """What may leave now. Whoever waits as told sends in any stretch of time at most its worth and one second's more.

    Moments are seconds of a clock that never goes back. A piece may be larger than a second's worth: it is waited for.
    """

    rate: int
    left: float
    """Bytes that may leave at once; below zero, what is owed."""
    at: float

    @classmethod
    def new(cls, rate: int, at: float) -> Self:
        return cls(rate=rate, left=float(rate), at=at)

    def take(self, size: int, at: float) -> tuple[Self, float]:
        """Return the next throttle, and the seconds to wait before these bytes may leave."""
        now = max(at, self.at)
        left = min(float(self.rate), self.left + (now - self.at) * self.rate) - size
        return replace(self, left=left, at=now), max(0.0, -left / self.rate)
