"""HTML that is put together here: whatever is not markup of ours is text, and is escaped."""

import html
import re
from collections.abc import Iterable

_LONGEST = 300
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EMPTY = frozenset({"input", "rect"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Iterable[str | None] | None
"""Text, or several things one after the other."""


def tag(name: str, /, *contents: Content, **attributes: str | int | bool | None) -> Markup:
    """Return an element; `_` in a name of an attribute is `-`, one at its end falls away, and False or None is none.

    An attribute that is markup already, such as the points of a line, stands as it is, however long it is.
    """
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_value(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _EMPTY:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{together(*contents)}</{name}>")


def together(*contents: Content) -> Markup:
    """Return several as one."""
    return Markup("".join(_one(content) for content in contents))


def _one(content: Content) -> str:
    match content:
        case None:
            return ""
        case Markup():
            return str(content)
        case str():
            return _text(content)
        case _:
            return "".join(_one(each) for each in content)


def _value(value: str | int) -> str:
    return value if isinstance(value, Markup) else _text(str(value))


def _text(text: str) -> str:
    """Escape a text; what nobody can see or say is replaced, and what is longer than anybody reads is cut."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return html.escape(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text))
