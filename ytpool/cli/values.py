"""Results as JSON: a dataclass field by field, moments in UTC with Z. What may not be shown has no form here."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from ytpool.domain import names

NOT_DATA = frozenset({"exit_status", "problem"})
"""A result's own words about how it went; the envelope has places of its own for them."""


def plain(value: Any) -> Any:
    """Return what JSON has a form for. A `Secret`, or anything else we do not know, is a bug and says so."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.name not in NOT_DATA}
    for kind, form in _FORMS.items():
        if isinstance(value, kind):
            return form(value)
    raise TypeError(f"a {type(value).__name__} is not shown")


def json_line(content: Any, *, ascii_only: bool = False) -> str:
    """Write a value as one line of JSON."""
    text = json.dumps(plain(content), ensure_ascii=ascii_only, allow_nan=False, separators=(", ", ": "))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is how Python carries a file name that is not UTF-8; JSON has its own way to write it.
        text = "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text + "\n"


def visible(text: str) -> str:
    """Make control characters visible, so that a title can neither move a cursor nor break a line."""
    return text if text.isprintable() else "".join(map(_visible, names.readable(text)))


def _visible(character: str) -> str:
    if character.isprintable() or character == "\u200d":  # the joiner inside an emoji
        return character
    return _ESCAPES.get(character) or character.encode("unicode_escape").decode("ascii")


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise TypeError("a moment without a time zone is not shown")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


# The first that fits: a datetime is a date too.
_FORMS: Mapping[type | tuple[type, ...], Callable[[Any], Any]] = {
    datetime: _moment,
    date: date.isoformat,
    timedelta: timedelta.total_seconds,
    PurePath: str,
    Mapping: lambda table: {str(plain(key)): plain(value) for key, value in table.items()},
    (set, frozenset): lambda values: sorted(plain(value) for value in values),
    (list, tuple, Iterator): lambda values: [plain(value) for value in values],
}

_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
