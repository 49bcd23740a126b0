"""API keys as they are found: `NAME` is the first, `NAME_2`, `NAME_3` and so on are the others.

Their accounts are called `provider/primary`, `provider/account_2`, ... by that number, so a key that is added or taken
away changes nobody else's name.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ytpool.domain.secret import Secret

PRIMARY = "primary"


class ApiKey(NamedTuple):
    """One key, the account that it makes, and where it was found."""

    account: str
    key: Secret
    place: str


def numbered(name: str, variables: Mapping[str, str]) -> dict[int, str]:
    """Find the keys of this name among variables, by number; an empty one is none."""
    first = variables.get(name, "").strip()
    found = {1: first} if first else {}
    for variable, value in variables.items():
        match = re.fullmatch(re.escape(name) + r"_([1-9]\d{0,5})", variable)
        if match and int(match[1]) > 1 and value.strip():
            found[int(match[1])] = value.strip()
    return found


def short_name(number: int) -> str:
    """Name the account of a key by its number."""
    return PRIMARY if number == 1 else f"account_{number}"


def number_of(short: str) -> int | None:
    """Return the number that an account's short name stands for, or None."""
    match = re.fullmatch(r"account_([1-9]\d{0,5})", short)
    return 1 if short == PRIMARY else int(match[1]) if match and int(match[1]) > 1 else None


def variables_of(text: str) -> dict[str, str]:
    """Read an env file: `NAME=value` on each line, perhaps behind `export`, perhaps in quotes; # begins a comment."""
    found = {}
    for line in text.removeprefix("\ufeff").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        quoted = _QUOTED.fullmatch(match[2])
        found[match[1]] = quoted[2] if quoted else re.sub(r"\s+#.*", "", match[2])
    return found


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(['"])(.*?)\1\s*(?:#.*)?""")
