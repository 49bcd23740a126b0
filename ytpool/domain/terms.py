"""What holds at one moment for whoever spends."""

from dataclasses import dataclass
from datetime import date

from ytpool.domain.envelopes import Envelopes
from ytpool.domain.prices import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds at one moment: the quota day, its prices, and how far into a limit ordinary work may reach."""

    day: date
    prices: Prices
    thresholds: tuple[int, int, int] = (70, 80, 90)
    """Percentages of a limit at which a bucket turns yellow, orange and red."""
    envelopes: Envelopes | None = None
    """The shares of the general bucket, where there are any."""
