"""The arrangement of a whole pool as a file: projects, accounts and pools, and no secret.

A file is a wish: what it names is to be so, and what it leaves out stays as it is. Everything that is wrong with one is
told at once. The shape is the same for what is wished and for what there is: section → name → field → value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ytpool.domain import names, toml
from ytpool.domain.accounts import CAPPED, Standing, label
from ytpool.domain.balancing import Strategy, Tier
from ytpool.errors import UsageWrong

PROJECTS, ACCOUNTS, POOLS = "projects", "accounts", "pools"
SECTIONS = (PROJECTS, ACCOUNTS, POOLS)

ONE = {PROJECTS: "project", ACCOUNTS: "account", POOLS: "pool"}
"""What one thing of a section is called."""

Things = Mapping[str, Mapping[str, Any]]
"""The things of one section by their names, each as field → value."""

HEADER = """\
# The arrangement of a pool: projects with their limits, accounts, pools. There is no secret in it.
# `ytpool accounts apply FILE --dry-run` shows how a state differs from it, and without --dry-run changes that.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a file."""

    where: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return "".join(
            (f"line {self.line}: " if self.line else "", f"{self.where}: " if self.where else "", self.message)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a file asks for, as far as it could be understood."""

    sections: Mapping[str, Things]
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """The line on which each key stands."""

    def of(self, section: str) -> Things:
        return self.sections.get(section, {})

    def fault(self, message: str, *path: str) -> Fault:
        """Say that something is wrong, with the nearest line that is known."""
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)
        if line is None:  # a table that is only there as the beginning of others' names
            line = min((at for key, at in self.lines.items() if key[: len(path)] == path), default=None)
        return Fault(where=".".join(path), line=line, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between what there is and what is wished; None stands for nothing."""

    what: str
    name: str
    field: str
    before: Any
    after: Any

    @property
    def removes(self) -> bool:
        """Tell whether the whole thing goes."""
        return self.after is None and not self.field


def read(text: str) -> tuple[Wish, list[Fault]]:
    """Understand a file, and say everything that is wrong with it in itself."""
    faults: list[Fault] = []
    table = _parsed(text, faults)
    bare = Wish(sections={}, lines=_lines_of(text))
    sections: dict[str, dict[str, dict[str, Any]]] = {}
    for section, things in table.items():
        if section.startswith(_AGAIN):
            continue
        if section not in SECTIONS:
            faults.append(bare.fault(f"is not known; there are {', '.join(SECTIONS)}", section))
        elif not isinstance(things, dict):
            faults.append(bare.fault(f"is a table: [{section}.NAME]", section))
        else:
            sections[section] = dict(_things(bare, section, things, faults))
    return Wish(sections=sections, lines=bare.lines), faults


def differences(wish: Wish, there: Mapping[str, Things], *, prune: bool) -> Iterator[Change]:
    """Yield what has to change so that what is wished is there; with `prune` also what has to go.

    A section that is left out is left alone. Within a thing that is named, `prune` takes away what its tables do not
    have.
    """
    for section in SECTIONS:
        for name, wished in wish.of(section).items():
            yield from _changes(section, name, wished, there.get(section, {}).get(name), prune=prune)
    if prune:
        for section in reversed(SECTIONS):
            if section in wish.sections:
                for name in there.get(section, {}):
                    if name not in wish.of(section):
                        yield Change(what=ONE[section], name=name, field="", before="there", after=None)


def _changes(
    section: str, name: str, wished: Mapping[str, Any], there: Mapping[str, Any] | None, *, prune: bool
) -> Iterator[Change]:
    what = ONE[section]
    if there is None:
        yield Change(what=what, name=name, field="", before=None, after="new")
    for key, value in wished.items():
        if key in _IDENTITY[section] and (there is not None or key == "channel_title"):
            continue  # it cannot be wished for, only agree, and whoever applies this asks for that
        before = (there or {}).get(key)
        if not isinstance(value, dict):
            if value != before and not (there is None and value in ("", ())):
                yield Change(what=what, name=name, field=key, before=before, after=value)
            continue
        before = before or {}
        for one in [*value, *(one for one in before if prune and one not in value)]:
            if value.get(one) != before.get(one):
                yield Change(what=what, name=name, field=f"{key}.{one}", before=before.get(one), after=value.get(one))


def _things(
    bare: Wish, section: str, things: Mapping[str, Any], faults: list[Fault]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, fields in things.items():
        try:
            names.require(name, f"a {ONE[section]}" if section != ACCOUNTS else "an account")
        except UsageWrong as wrong:
            faults.append(bare.fault(f"{wrong.message}: {wrong.hint}", section, name))
            continue
        if not isinstance(fields, dict):
            faults.append(bare.fault(f"is a table: [{section}.{name}]", section, name))
            continue
        understood: dict[str, Any] = {}
        for key, value in fields.items():
            read_field = _FIELDS[section].get(key)
            if read_field is None:
                known = ", ".join(_FIELDS[section])
                faults.append(bare.fault(f"is not known; there are {known}", section, name, key))
                continue
            try:
                understood[key] = read_field(value)
            except ValueError as wrong:
                faults.append(bare.fault(str(wrong), section, name, key))
        yield name, understood


# Readers of values: each returns what it understood or raises ValueError with words that follow the field's name


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is text, and not {value!r:.80}")  # noqa: TRY004 -- caught with the others
    return value


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value or " " in value:
        raise ValueError(f"is one word, and not {value!r:.80}")
    return str(value)


def _number(least: int, most: int) -> Callable[[Any], int]:
    def read_number(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"is a whole number from {least} to {most}, and not {value!r:.80}")
        return value

    return read_number


def _word(words: type[Tier | Strategy | Standing]) -> Callable[[Any], str]:
    def read_word(value: Any) -> str:
        known = [str(word) for word in words]
        if value not in known:
            raise ValueError(f"is {', '.join(known[:-1])} or {known[-1]}, and not {value!r:.80}")
        return str(value)

    return read_word


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, and not {value!r:.80}")  # noqa: TRY004 -- caught with the others
    return value


def _list(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"is a list of names, and not {value!r:.80}")
    twice = sorted({one for one in value if value.count(one) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} twice")
    return tuple(sorted(value))


def _counts(known: tuple[str, ...] | None) -> Callable[[Any], dict[str, int]]:
    def read_counts(value: Any) -> dict[str, int]:
        if not isinstance(value, dict):
            raise ValueError(f"is a table of numbers, and not {value!r:.80}")  # noqa: TRY004
        found = {}
        for name, count in value.items():
            if known is not None and name not in known:
                raise ValueError(f"is about {' and '.join(known)}, and not {name!r:.80}")
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _MOST:
                raise ValueError(f"has {count!r:.80} for {name}, which is no whole number from 0 up")
            found[name] = count
        return found

    return read_counts


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError(f"is a table of texts, and not {value!r:.80}")
    try:
        return dict(label(name, each) for name, each in value.items())
    except UsageWrong as wrong:
        raise ValueError(f"has one that cannot be: {wrong.message}: {wrong.hint}") from None


_MOST = 10**12

_FIELDS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    PROJECTS: {"project_id": _id, "number": _id, "clients": _list, "limits": _counts(None)},
    ACCOUNTS: {
        "project": _id,
        "client_id": _id,
        "channel_id": _id,
        "channel_title": _text,
        "tier": _word(Tier),
        "priority": _number(0, 1_000_000),
        "slots": _number(1, 1000),
        "state": _word(Standing),
        "reason": _text,
        "caps": _counts(CAPPED),
        "labels": _labels,
    },
    POOLS: {"strategy": _word(Strategy), "accounts": _list, "across_projects": _flag, "reason": _text},
}
"""What may be said of a thing of each section, in the order in which it is written."""

_IDENTITY: Mapping[str, frozenset[str]] = {
    PROJECTS: frozenset({"project_id", "number", "clients"}),
    ACCOUNTS: frozenset({"project", "client_id", "channel_id", "channel_title"}),
    POOLS: frozenset(),
}
"""Fields that say which thing is meant, and are no wishes about it."""


_AGAIN = "again, at line "
_MOST_TWICE = 100
"""Each is a reading of the whole file."""


def _parsed(text: str, faults: list[Fault]) -> Mapping[str, Any]:
    """Parse TOML; what is there twice is a fault and stands aside, so that what else is wrong is found as well."""
    lines = [*text.split("\n"), ""]  # so that the parser names the line of what is wrong at the end
    aside: set[int] = set()
    while True:
        try:
            return toml.parse("\n".join(lines))
        except toml.NotToml as error:
            said, number = error.sentence, error.line
            line = lines[number - 1].strip() if number else ""
            if number in aside or len(aside) >= _MOST_TWICE:  # a file may have a table of just the name it would get
                faults.append(Fault(where="", line=number, message=f"this is no TOML: {said}"))
                return {}
            if number:
                aside.add(number)
            if number and said.startswith("Cannot declare") and line.startswith("["):
                faults.append(Fault(where=line.strip("[] "), line=number, message="is there twice"))
                lines[number - 1] = f'["{_AGAIN}{number}"]'
            elif number and said.startswith("Cannot overwrite") and "=" in line and not line.startswith("#"):
                faults.append(Fault(where=line.partition("=")[0].strip(), line=number, message="is there twice"))
                lines[number - 1] = f"# {line}"
            else:
                faults.append(Fault(where="", line=number, message=f"this is no TOML: {said}"))
                return {}


def _lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Find the lines of TOML's tables and keys: good enough to point at, since its parser keeps none."""
    import tomllib  # noqa: PLC0415

    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.fullmatch(r"\s*(\[[^\[].*?\])\s*(?:#.*)?", line)
        key = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", line)
        try:
            if header:
                table = _path(tomllib.loads(header[1]))
                lines.setdefault(table, number)
            elif key:
                lines.setdefault((*table, *_path(tomllib.loads(f"{key[1]} = 0"))), number)
        except ValueError:  # a line within a text of several lines may look like anything
            continue
    return lines


def _path(nested: Any) -> tuple[str, ...]:
    path = []
    while isinstance(nested, dict) and nested:
        name, nested = next(iter(nested.items()))
        path.append(name)
    return tuple(path)
