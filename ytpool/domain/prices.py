"""What a call costs and what a bucket holds, on a given quota day.

The book is dated data (`data/prices.json`): an entry begins with a quota day and holds until the next one. Prices
are kept per operation and bucket, so that a new bucket is a new line of data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Self

from ytpool.errors import ConfigInvalid

Cost = Mapping[str, int]
"""Units per bucket."""

GENERAL = "general"
"""The bucket of everything that has none of its own."""


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
    changed: frozenset[str]
    """The operations whose price this entry brought; the others' is common to all entries."""

    def cost(self, operation: str) -> Cost:
        """Return the units per bucket of one call, for instance `videos.insert`."""
        try:
            return self.prices[operation]
        except KeyError:
            raise ConfigInvalid(f"the price book has no price for {operation}", operation=operation) from None

    def cost_of(self, operations: Iterable[str]) -> Cost:
        """Return the units per bucket of several calls together."""
        together: dict[str, int] = {}
        for operation in operations:
            for bucket, units in self.cost(operation).items():
                together[bucket] = together.get(bucket, 0) + units
        return together

    def has_bucket_of_its_own(self, operation: str) -> bool:
        """Tell whether nothing else draws on what this operation draws on."""
        own = self.cost(operation).keys()
        return not any(own & cost.keys() for other, cost in self.prices.items() if other != operation)


class Price(NamedTuple):
    """What one operation costs in one bucket, since when, and who says so; None: since ever."""

    operation: str
    bucket: str
    units: int
    since: date | None
    source: str


class Allowance(NamedTuple):
    """What a project may use of a bucket a day unless somebody knows better."""

    bucket: str
    limit: int
    since: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """All entries, oldest first."""

    entries: tuple[Prices, ...]
    names: Mapping[str, str]
    """What Google calls a limit or its metric, in small letters → the bucket."""
    purposes: Mapping[str, str]
    """Operation → what it is done for: which share of `general` it may use where there are shares."""
    common_source: str

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read the shape of `data/prices.json`: dated books, and the prices common to all of them."""
        common = {operation: {GENERAL: units} for operation, units in table["common_prices"][GENERAL].items()}
        entries = (
            Prices(
                begins=date.fromisoformat(book["from"]),
                source=book["source"],
                limits=book["buckets"],
                prices={**common, **book["prices"]},
                changed=frozenset(book["prices"]),
            )
            for book in table["books"]
        )
        return cls(
            entries=tuple(sorted(entries, key=lambda entry: entry.begins)),
            names={name.lower(): bucket for bucket, names in table["names"]["buckets"].items() for name in names},
            purposes={operation: purpose for purpose, each in table["purposes"].items() for operation in each},
            common_source=table["common_prices"]["source"],
        )

    def on(self, day: date) -> Prices:
        """Return the entry that holds on a quota day."""
        return next(entry for entry in reversed(self.entries) if entry.begins <= day)

    def bucket_named(self, *names: str) -> str | None:
        """Return the bucket that Google means by one of these names of a metric or a limit, or None."""
        for name in names:
            found = self.names.get(name.lower().removesuffix(" per day"))
            if found is not None:
                return found
        return None

    def prices_on(self, day: date) -> Iterator[Price]:
        """Yield every price of a quota day, the operations by name."""
        for operation, cost in sorted(self.on(day).prices.items()):
            first = self._since(day, lambda entry: entry.prices.get(operation) == cost)  # noqa: B023 - called at once
            source = first.source if operation in first.changed else self.common_source
            for bucket, units in cost.items():
                yield Price(operation, bucket, units, _unless_ever(first.begins), source)

    def limits_on(self, day: date) -> Iterator[Allowance]:
        """Yield the default limit of every bucket of a quota day."""
        for bucket, limit in self.on(day).limits.items():
            first = self._since(day, lambda entry: entry.limits.get(bucket) == limit)  # noqa: B023 - called at once
            yield Allowance(bucket, limit, _unless_ever(first.begins), first.source)

    def _since(self, day: date, same: "Callable[[Prices], bool]") -> Prices:
        """Return the first of the entries that have been the same in a row up to this day."""
        first = self.on(day)
        for entry in reversed([entry for entry in self.entries if entry.begins <= day]):
            if not same(entry):
                break
            first = entry
        return first


def _unless_ever(begins: date) -> date | None:
    return None if begins == date.min else begins
