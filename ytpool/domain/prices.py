"""What a call costs and what a bucket holds, on a given quota day.

The book is dated data (`data/prices.json`): an entry begins with a quota day and holds until the next one. Prices
are kept per operation and bucket, so that a new bucket is a new line of data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from ytpool.errors import ConfigInvalid

Cost = Mapping[str, int]
"""Units per bucket."""


def only_reads(operation: str) -> bool:
    """Tell whether a call changes nothing at YouTube, by its verb."""
    return operation.rpartition(".")[2] in {"list", "batchGetStats", "getRating"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices and default limits of one stretch of quota days."""

    begins: date
    source: str
    limits: Mapping[str, int]
    prices: Mapping[str, Cost]

    def cost(self, operation: str) -> Cost:
        """Return the units per bucket of one call, for instance `videos.insert`."""
        try:
            return self.prices[operation]
        except KeyError:
            raise ConfigInvalid(f"the price book has no price for {operation}", operation=operation) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """All entries, oldest first."""

    entries: tuple[Prices, ...]

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read the shape of `data/prices.json`: dated books, and the prices common to all of them."""
        common = {operation: {"general": units} for operation, units in table["common_prices"]["general"].items()}
        entries = (
            Prices(
                begins=date.fromisoformat(book["from"]),
                source=book["source"],
                limits=book["buckets"],
                prices={**common, **book["prices"]},
            )
            for book in table["books"]
        )
        return cls(entries=tuple(sorted(entries, key=lambda entry: entry.begins)))

    def on(self, day: date) -> Prices:
        """Return the entry that holds on a quota day."""
        return next(entry for entry in reversed(self.entries) if entry.begins <= day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds at one moment: the quota day, its prices, and how far into a limit ordinary work may reach."""

    day: date
    prices: Prices
    thresholds: tuple[int, int, int] = (70, 80, 90)
    """Percentages of a limit at which a bucket turns yellow, orange and red."""
