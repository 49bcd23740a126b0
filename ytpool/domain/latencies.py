"""How long calls took, as counts by class: what hours hold, so that medians over millions of calls need no row of them.

A percentile that is read from classes is an estimate: it is right to within its class, and exact for a single call.
"""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS = (
    0.02,
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.6,
    0.8,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
    20.0,
    60.0,
    300.0,
    1200.0,
    3600.0,
)
"""Upper bounds in seconds, close together where calls of an API are; the last class, of a whole upload, has none."""

CLASSES = len(BOUNDS) + 1

_LONGEST = 4 * BOUNDS[-1]
"""Where the last class is taken to end."""


def class_of(seconds: float) -> int:
    """Return the class of a duration: the first whose bound it does not exceed."""
    return bisect_left(BOUNDS, seconds)


def percentile(counts: Sequence[int], percent: float) -> float | None:
    """Estimate the duration that so many per cent of the calls do not exceed; None where none was measured."""
    total = sum(counts)
    if total <= 0:
        return None
    rank, below = total * percent / 100, 0
    for number, count in enumerate(counts):
        if count > 0 and below + count >= rank:
            low = BOUNDS[number - 1] if number else 0.0
            high = BOUNDS[number] if number < len(BOUNDS) else _LONGEST
            return low + (high - low) * (rank - below) / count
        below += count
    return _LONGEST
