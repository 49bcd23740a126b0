"""The file of settings: what is written in it, and on which line."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from ytpool.config.environment import SECRET_VARIABLES, variable
from ytpool.config.given import Given, unknown, unknown_key
from ytpool.config.places import make_private_folder
from ytpool.config.settings import SECTIONS, TABLES
from ytpool.errors import ConfigInvalid


def read(file: Path) -> dict[str, Given]:
    """Return every setting that a file gives; one that is not there gives none."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigInvalid(f"{file}: cannot be read: {error.strerror}", file=str(file)) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigInvalid(f"{file}:{line}: is not UTF-8 text", file=str(file), line=line) from error
    return parse(text, file)


def create(file: Path, text: str) -> bool:
    """Write a new file, readable by its owner only; returns False where there is one, which is never touched.

    Of several processes at once exactly one creates it, and none sees half a file.
    """
    import tempfile  # noqa: PLC0415 - only `init` writes

    make_private_folder(file.parent)
    descriptor, draft = tempfile.mkstemp(prefix=".config.", dir=file.parent)  # 0600, whatever the umask
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(descriptor)
        os.link(draft, file)  # unlike a rename, it never replaces
    except FileExistsError:
        return False
    finally:
        Path(draft).unlink()
    return True


def parse(text: str, file: Path) -> dict[str, Given]:
    """Return every setting that the text of a file gives; raises ConfigInvalid for what is none."""
    table, lines = _table(text, file), _lines(text)

    def given(value: Any, *path: str) -> Given:
        line = next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)
        return Given(value, f"{file}:{line}", str(file), line)

    found_values: dict[str, Given] = {}
    if any(name in table for name in (*TABLES, "alerts")):
        from ytpool.config import tables  # noqa: PLC0415 - most have none

        found_values = tables.taken_from(table, given)
    for section, value in _sections_of(table):
        if section == "state":
            found_values["state"] = given(value, "state")
        elif section not in SECTIONS and section not in TABLES:
            what = "section" if isinstance(value, dict) else "setting"
            given(value, section).refuse(section, unknown(what, section, ["state", *SECTIONS, *TABLES]))
        elif not isinstance(value, dict):
            given(value, section).refuse(section, f"{section} is a section: write [{section}] and its keys below")
        else:
            for key, inner in value.items():
                name, path = f"{section}.{key}", (*section.split("."), key)
                if variable(name) in SECRET_VARIABLES:
                    given(None, *path).refuse(name, _no_place_for_secrets(name))
                if key not in SECTIONS[section]._fields:
                    given(inner, *path).refuse(name, unknown_key(section, key))
                found_values[name] = given(_placed(given, inner, *path), *path)
    return found_values


def _table(text: str, file: Path) -> dict[str, Any]:
    from ytpool.domain import toml  # noqa: PLC0415 - only where there is a file

    try:
        return toml.parse(text)
    except toml.NotToml as error:
        line = error.line or text.count("\n") + 1
        message = f"{file}:{line}: this is not TOML: {error.sentence[:1].lower()}{error.sentence[1:]}"
        raise ConfigInvalid(message, file=str(file), line=line) from error


def _sections_of(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return what is written, a section that stands in another one by its full name."""
    for section, value in table.items():
        rest = value
        for inner in [name for name in SECTIONS if name.startswith(f"{section}.")]:
            key = inner.partition(".")[2]
            if isinstance(value, dict) and key in value:
                yield inner, value[key]
                rest = {name: one for name, one in rest.items() if name != key}
        if rest is value or rest:
            yield section, rest


def _placed(given: Callable[..., Given], value: Any, *path: str) -> Any:
    """Keep the place of every entry of an array, and of every key of its tables."""
    if not isinstance(value, list):
        return value
    entries: list[Given] = []
    for number, entry in enumerate(value):
        where = (*path, str(number))
        inner = {key: given(one, *where, key) for key, one in entry.items()} if isinstance(entry, dict) else entry
        entries.append(given(inner, *where))
    return entries


def _no_place_for_secrets(key: str) -> str:
    keep = f"ytpool vault keep {key.partition('.')[0]}"
    return f"{key} is a secret and does not belong into a file: set {variable(key)}, or run: {keep}"


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Find the line on which each section and key is written, which `tomllib` does not tell."""
    found: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            section = _dotted(header[2])
            found.setdefault(section, number)
            if header[1] == "[[":
                place = next(place for place in count() if (*section, str(place)) not in found)
                section = (*section, str(place))
                found[section] = number
        elif key := re.match(r"""([\w\-."' \t]+)=""", line):
            path = (*section, *_dotted(key[1]))
            found.setdefault(path, number)
            found.setdefault(path[:1], number)
    return found


def _dotted(name: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in name.split("."))
