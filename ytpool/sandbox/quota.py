"""Who pays for a call, and what a refused one costs.

Quota is the project's. Each bucket counts on its own, per Pacific day; the sums live in the world's counts.
"""

from datetime import datetime

from ytpool.data import load
from ytpool.domain.prices import PriceBook, Prices
from ytpool.domain.quota import quota_day
from ytpool.errors import ConfigInvalid
from ytpool.sandbox.bodies import Refused, Scene, quota_exhausted
from ytpool.sandbox.world import World

_QUOTA_REASONS = frozenset(
    {"quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded"}
)


class Quota:
    """The till of every project."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._book = PriceBook.from_table(load("prices.json"))

    def price(self, method: str, now: datetime) -> dict[str, int]:
        """Return what a call costs today, per bucket; what no table names costs what every call costs at least."""
        try:
            return dict(self._prices(now).cost(method))
        except ConfigInvalid:
            return {"general": 1}

    def buckets(self, now: datetime) -> tuple[str, ...]:
        """Name the buckets that there are today."""
        return tuple(self._prices(now).limits)

    def limit(self, project: str, bucket: str, now: datetime) -> int:
        """Return a project's limit today: its own, or the default one."""
        known = self._world.projects.get(project)
        default = self._prices(now).limits.get(bucket, 0)
        return known.limits.get(bucket, default) if known else default

    def scene(self, method: str, project: str, now: datetime) -> Scene:
        """Describe where an error happens; a call's first bucket is the one it would name."""
        bucket = next(iter(self.price(method, now)))
        return Scene(method=method, project=project, bucket=bucket, limit=self.limit(project, bucket, now))

    def require(self, project: str, method: str, now: datetime) -> None:
        """Refuse a call that a bucket cannot pay any more."""
        for bucket, units in self.price(method, now).items():
            limit = self.limit(project, bucket, now)
            if self._world.counts.get(_key(project, bucket, now), 0) + units > limit:
                raise quota_exhausted(Scene(method=method, project=project, bucket=bucket, limit=limit))

    def charge(self, project: str, method: str, now: datetime) -> None:
        """Count a call's units; to be done inside the same change as the call's work."""
        for bucket, units in self.price(method, now).items():
            self.use(project, bucket, units, now)

    def use(self, project: str, bucket: str, units: int, now: datetime) -> None:
        """Count units of a bucket as used today; to be done inside a change, too."""
        self._world.count(_key(project, bucket, now), units)

    def units(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return what was charged, by project, day and bucket."""
        sums: dict[str, dict[str, dict[str, int]]] = {}
        for key, units in self._world.counted("units/").items():
            project, day, bucket = key.split("/")
            sums.setdefault(project, {}).setdefault(day, {})[bucket] = units
        return sums

    def _prices(self, now: datetime) -> Prices:
        return self._book.on(quota_day(now))


def is_charged(refused: Refused) -> bool:
    """Tell whether a refused call costs its full price (DESIGN 5): what YouTube's back end refuses with 4xx does."""
    if refused.answer.status >= 500 or refused.answer.status == 401:
        return False
    if refused.reason in _QUOTA_REASONS:
        return False
    return not (refused.answer.status in {403, 429} and refused.front_end)


def _key(project: str, bucket: str, now: datetime) -> str:
    return f"units/{project}/{quota_day(now)}/{bucket}"
