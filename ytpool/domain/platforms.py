"""Where sessions belong: the domains of a platform, and which of its cookies make a login.

Any platform may be named. Of one that nobody described nothing is known, and nothing is taken for granted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from ytpool import data


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What is known of one platform."""

    name: str
    domains: tuple[str, ...] = ()
    login: tuple[tuple[str, ...], ...] = ()
    """What a login takes: of each group one cookie is enough."""
    matters: tuple[str, ...] = ()
    """Further cookies worth looking at."""
    start: str = ""
    """Where a person begins to log in."""

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        return cls(
            name=name,
            domains=tuple(table.get("domains", ())),
            login=tuple(tuple(group) for group in table.get("login", ())),
            matters=tuple(table.get("matters", ())),
            start=table.get("start", ""),
        )

    @property
    def cookies(self) -> tuple[str, ...]:
        """Name every cookie that matters, those of the login first."""
        return (*(name for group in self.login for name in group), *self.matters)

    def owns(self, domain: str) -> bool:
        """Tell whether a cookie of this domain is the platform's; of an unknown platform every cookie is."""
        host = domain.lstrip(".").lower()
        return not self.domains or any(host == own or host.endswith(f".{own}") for own in self.domains)


def known(name: str) -> Platform:
    """Return what is known of a platform, which may be nothing; `twitter` and other names of one are the same."""
    own = canonical(name)
    return _table().get(own) or Platform(name=own)


def canonical(name: str) -> str:
    """Return the name under which a platform's sessions are kept."""
    lower = name.strip().lower()
    return _other_names().get(lower, lower)


def is_known(name: str) -> bool:
    return canonical(name) in _table()


def every() -> tuple[Platform, ...]:
    return tuple(_table().values())


@cache
def _table() -> Mapping[str, Platform]:
    tables = data.load("platforms.json")["platforms"]
    return {name: Platform.from_table(name, table) for name, table in tables.items()}


@cache
def _other_names() -> Mapping[str, str]:
    tables = data.load("platforms.json")["platforms"]
    return {other: name for name, table in tables.items() for other in table.get("also", ())}
