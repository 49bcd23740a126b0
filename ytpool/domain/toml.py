"""TOML as people write it, within the bounds that TOML itself sets; what breaks them is said with its line.

Python's own reader takes numbers of any length, which later neither can be written nor fit where a number is wanted,
and goes as deep as the stack allows.
"""

import re
from collections.abc import Iterable
from typing import Any

_DEEPEST = 64
_BITS = 63
"""TOML's whole numbers have 64 bits with their sign."""
_LONG_NUMBER = re.compile(r"(?<![\w.\"'])(?:0[xob][0-9a-fA-F_]{16,}|\d[\d_]{17,})(?![\w.])")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class NotToml(ValueError):
    """A text is no TOML; `line` is where, if that is known."""

    def __init__(self, sentence: str, line: int | None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.line = line


def parse(text: str) -> dict[str, Any]:
    """Return what a text says; raises NotToml."""
    import tomllib  # noqa: PLC0415 -- most commands find no file to read

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        sentence = str(error)[: at.start()] if at else str(error)
        raise NotToml(sentence, int(at[1]) if at and at[1] else None) from None
    except RecursionError:
        raise NotToml(_TOO_DEEP, None) from None
    except ValueError:  # its words speak of Python's own limit
        raise NotToml(_TOO_LONG, _line_of_a_long_number(text)) from None
    _require_bounds(table, text)
    return table


_TOO_DEEP = f"It is nested more than {_DEEPEST} levels deep"
_TOO_LONG = "A whole number in it has more than 64 bits"


def _require_bounds(table: dict[str, Any], text: str) -> None:
    level: list[Any] = [table]
    for _ in range(_DEEPEST):
        if any(isinstance(one, int) and one.bit_length() > _BITS for one in level):
            raise NotToml(_TOO_LONG, _line_of_a_long_number(text))
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return
    raise NotToml(_TOO_DEEP, None)


def _within(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _line_of_a_long_number(text: str) -> int | None:
    """Find it as well as can be: the parser keeps no lines of what it has understood."""
    return next((number for number, line in enumerate(text.split("\n"), 1) if _LONG_NUMBER.search(line)), None)
