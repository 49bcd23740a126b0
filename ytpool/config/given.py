"""What somebody gave: a value with the place where it stands, and the words when it cannot be meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from ytpool.config.settings import NO_PASSWORD_HERE, SECTIONS
from ytpool.errors import ConfigInvalid


class Given(NamedTuple):
    """A value somebody wrote, with the place where it stands."""

    value: Any
    origin: str
    file: str = ""
    line: int = 0

    def refuse(self, key: str, sentence: str) -> NoReturn:
        """Raise ConfigInvalid: what stands there cannot be the setting of that name."""
        raise ConfigInvalid(
            f"{self.origin}: {sentence}",
            hint="correct it, and look again with: ytpool config check",
            key=key,
            **({"file": self.file, "line": self.line} if self.file else {"variable": self.origin}),
        )


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Say that there is no such thing, and which is nearly called so."""
    return f"there is no {what} {name}{suggestion(name, known)}"


def unknown_key(section: str, key: str) -> str:
    """Say that a section has no such key, and which it has."""
    known = SECTIONS[section]._fields
    if (section, key) == ("postgres", "password"):
        return f"postgres.password is no setting; {NO_PASSWORD_HERE}"
    if close := get_close_matches(key, known, n=1):
        return f"there is no setting {section}.{key}; did you mean {section}.{close[0]}?"
    return f"there is no setting {section}.{key}; {section} has {', '.join(known)}"


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return the question whether something of nearly that name was meant; empty where there is none."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
