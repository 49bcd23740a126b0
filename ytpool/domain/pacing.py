"""A limit of bytes per second that several uploads share: each piece is given its moment to leave.

What was not used is not saved up: after a pause the line is as fast as the limit says, and no faster.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

from ytpool.errors import ConfigInvalid

PIECE_SECONDS = 0.25
"""No piece is longer than the limit allows in this time, so that nobody waits long, be the limit ever so low."""

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([KMG]?)(?:i?B)?(?:/s)?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def bytes_per_second(text: str) -> int:
    """Read a limit as curl and rclone write it: `5M` is five times 1024 times 1024 bytes per second."""
    found = _RATE.fullmatch(text.strip())
    rate = int(float(found[1]) * _SIZES[found[2].upper()]) if found else 0
    if rate < 1:
        raise ConfigInvalid(
            f"{text!r} is no rate", hint="write bytes per second, for instance 800K, 5M or 1.5G", rate=text
        )
    return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A rate in bytes per second, and the moment from which the line is free again."""

    rate: int
    free_at: float = 0.0

    def take(self, wanted: int, now: float) -> tuple[Self, int, float]:
        """Give a turn: the next pace, how many bytes may leave in one piece, and the seconds until they may.

        Turns follow each other in the order they were asked for. `now` is of any clock that never goes back.
        """
        count = min(wanted, max(1, int(self.rate * PIECE_SECONDS)))
        begins = max(now, self.free_at)
        return replace(self, free_at=begins + count / self.rate), count, begins - now
