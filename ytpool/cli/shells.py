"""Shells, as their completion scripts ask and want to be answered: what of a line is typed, and what could follow.

The scripts are Typer's. bash takes lines and puts them on the command line as they are; zsh runs what it is told; fish
and PowerShell quote by themselves. So a name that has spaces, quotes or `$(...)` in it is quoted for each as needed.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ytpool.actions.known import Known

_END = "\x01"
"""Stands for the cursor, so that a word which is not begun is told from one that ends there."""


class Typed(NamedTuple):
    """A command line up to the cursor."""

    words: Sequence[str]
    """Those before the one that is being typed, without the program."""
    last: str
    kept: str = ""
    """What of the last one the shell leaves in place, because it takes it for another word."""
    quote: str = ""
    """The quote that the last one begins with."""


class Shell(NamedTuple):
    """How one shell asks, and how it is answered: text for stdout, and a status."""

    typed: Callable[[Mapping[str, str]], Typed]
    told: Callable[[Sequence[Known], Typed, Mapping[str, str]], tuple[str, int]]


def _line(environ: Mapping[str, str]) -> Typed:
    words = _split(environ.get("_TYPER_COMPLETE_ARGS", "") + _END)
    return Typed(words[1:-1], words[-1].removesuffix(_END) if words else "")


def _split(text: str) -> list[str]:
    """Split as a shell does; a quote that is not closed ends with the text."""
    for closed in (text, f"{text}'", f'{text}"', f"{text}\\"):
        try:
            return shlex.split(closed)
        except ValueError:
            continue
    return text.split()


def _of_bash(environ: Mapping[str, str]) -> Typed:
    """bash counts what lies between `=`, `@` and `:` as words of their own, and replaces the last of them only.

    An `@` it replaces as well.
    """
    at = int(environ.get("COMP_CWORD", "0"))
    raw = [*environ.get("COMP_WORDS", "").split("\n"), ""][: at + 1]
    words: list[str] = []
    kept = ""
    for number, word in enumerate(raw):
        breaks = _BREAK.fullmatch(word) is not None
        if number > 1 and (breaks or _BREAK.fullmatch(raw[number - 1])):
            if breaks:
                kept = words[-1] + word.removesuffix("@")
            words[-1] += word
        else:
            kept = ""
            words.append(word)
    quote = raw[-1][:1] if raw[-1][:1] in {"'", '"'} else ""
    plain = ["".join(_split(word)) for word in words]
    return Typed(plain[1:-1], plain[-1], "".join(_split(kept)), quote)


_BREAK = re.compile(r"[=@:]+")


def _to_bash(found: Sequence[Known], typed: Typed, _: Mapping[str, str]) -> tuple[str, int]:
    names = (one.name[len(typed.kept) :] for one in found)
    return "\n".join(name if typed.quote else _SPECIAL.sub(r"\\\1", name) for name in names), 0


_SPECIAL = re.compile(r"([^\w@%+=:,./-])")


def _to_zsh(found: Sequence[Known], _: Typed, __: Mapping[str, str]) -> tuple[str, int]:
    if not found:
        return "_files", 0
    # The script has zsh run this after it was split at white space, so there is none within a word.
    entries = (f"{_escaped(one.name)}:{_escaped(one.about)}" if one.about else _escaped(one.name) for one in found)
    listed = " ".join(map(_in_dollar_quotes, entries))
    return f"local -a _ytpool_found; _ytpool_found=( {listed} ); _describe ytpool _ytpool_found", 0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _in_dollar_quotes(text: str) -> str:
    return "$'" + "".join(f"\\x{ord(sign):02x}" if sign in _NOT_IN_QUOTES else sign for sign in text) + "'"


_NOT_IN_QUOTES = frozenset(" \t\n\r'\"\\$`!")


def _to_fish(found: Sequence[Known], _: Typed, environ: Mapping[str, str]) -> tuple[str, int]:
    if environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return "", 0 if found else 1
    return "\n".join(f"{one.name}\t{one.about}" if one.about else one.name for one in found), 0


def _of_powershell(environ: Mapping[str, str]) -> Typed:
    words = _split(environ.get("_TYPER_COMPLETE_ARGS", ""))
    last = environ.get("_TYPER_COMPLETE_WORD_TO_COMPLETE", "")
    return Typed(words[1:-1] if last else words[1:], last)


def _to_powershell(found: Sequence[Known], _: Typed, __: Mapping[str, str]) -> tuple[str, int]:
    return "\n".join(f"{one.name}:::{one.about or ' '}" for one in found), 0


SHELLS: Mapping[str, Shell] = {
    "complete_bash": Shell(_of_bash, _to_bash),
    "complete_zsh": Shell(_line, _to_zsh),
    "complete_fish": Shell(_line, _to_fish),
    "complete_powershell": Shell(_of_powershell, _to_powershell),
    "complete_pwsh": Shell(_of_powershell, _to_powershell),
}
"""By what the scripts put into the variable."""
