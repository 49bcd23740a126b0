"""Envelopes: shares of the general bucket, each for one purpose, so that one kind of work cannot eat up another's.

A share is a hard limit until the hour from which what others have left may be lent. The buffer is nobody's share: the
operator's --use-buffer lends from it, at any hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from ytpool.domain.prices import GENERAL, Prices

BUFFER = "buffer"

Units = Mapping[str, int]
"""Units by purpose."""


class Envelopes(NamedTuple):
    """Which envelopes there are, and when they begin to lend."""

    shares: Mapping[str, int]
    """Per cent of the general bucket by purpose, the buffer's among them."""
    purposes: Mapping[str, str]
    """What each operation is done for."""
    lends_at: datetime | None = None
    """From when on what others have left today may be lent; None: never."""

    def draw(self, operation: str, prices: Prices) -> tuple[str, int] | None:
        """Return the purpose whose envelope a call draws on, and how much; None: it draws on none."""
        purpose, units = self.purposes.get(operation), prices.cost(operation).get(GENERAL, 0)
        return (purpose, units) if purpose is not None and units and self.shares.get(purpose) else None

    def needs(self, operations: Iterable[str], prices: Prices) -> Units:
        """Return what these calls draw on each envelope."""
        sums: Counter[str] = Counter()
        for drawn in (self.draw(operation, prices) for operation in operations):
            if drawn is not None:
                sums[drawn[0]] += drawn[1]
        return sums

    def sizes(self, limit: int) -> Units:
        """Return what each envelope holds of a general bucket with this limit."""
        return {purpose: limit * percent // 100 for purpose, percent in self.shares.items() if percent}

    def lends(self, now: datetime) -> bool:
        return self.lends_at is not None and now >= self.lends_at


def admits(sizes: Units, used: Units, needs: Units, *, lends: bool, use_buffer: bool) -> bool:
    """Say whether so much more may be used: from one's own envelope, or from what others and the buffer lend."""
    after = {purpose: used.get(purpose, 0) + needs.get(purpose, 0) for purpose in sizes}
    wanted = _from_buffer(sizes, after, lends=lends)
    open_to = sizes.get(BUFFER, 0) if use_buffer else 0
    # What the buffer has lent already, or what a lowered limit took away, is no reason to stop one who needs neither.
    return wanted <= max(open_to, _from_buffer(sizes, used, lends=lends))


def ceilings(sizes: Units, used: Units, *, lends: bool) -> Units:
    """Return what each envelope may hold now: who has borrowed may hold more, who has lent so much less.

    The sum is that of the envelopes, unless a limit was lowered below what is used; none is ever below its use.
    """
    found = {purpose: max(size, used.get(purpose, 0)) for purpose, size in sizes.items()}
    borrowed = sum(found.values()) - sum(sizes.values())
    lenders = [purpose for purpose in sorted(sizes) if lends and purpose != BUFFER]
    for purpose in (*lenders, BUFFER):
        lent = min(borrowed, found.get(purpose, 0) - used.get(purpose, 0))
        if lent > 0:
            found[purpose] -= lent
            borrowed -= lent
    return found


def _from_buffer(sizes: Units, used: Units, *, lends: bool) -> int:
    """Return how much of what is used beyond its own envelope no other purpose can lend."""
    borrowed = sum(max(0, used.get(purpose, 0) - size) for purpose, size in sizes.items())
    left = sum(max(0, size - used.get(purpose, 0)) for purpose, size in sizes.items() if purpose != BUFFER)
    return max(0, borrowed - (left if lends else 0))
