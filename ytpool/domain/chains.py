"""Chains: services that can do the same thing, in the order in which they are asked until one has done it.

A step is a command of this machine, a provider of tasks, or another chain, whose steps then stand in its place. What
a step is called is its service, behind the names of the chains that led to it: `cheap/espeak`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn

from ytpool.domain import names

CHAIN = "chain"
"""The kind of the jobs that a chain does."""

MOST_TRIES = 5
"""So often a chain is begun by itself before a person is asked."""

_KEY = "chain."
_MOST_STEPS = 100
_FIRST_WAIT = timedelta(minutes=1)
_TAKEN = ("youtube", "oauth")
_WORD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

Refuse = Callable[[tuple[str, ...], str], NoReturn]
"""Says what is wrong with the setting at this path, and raises."""


class Step(NamedTuple):
    """One service of a chain, and how it is asked; `timeout` is seconds."""

    service: str = ""
    cost: float = 0.0
    quality: float = 0.0
    command: tuple[str, ...] = ()
    provider: str = ""
    chain: str = ""
    timeout: float = 60.0
    repeatable: bool = False
    """The command may run twice without harm, so one that nobody heard of is run again."""

    @property
    def words(self) -> frozenset[str]:
        """What its command names in braces."""
        return frozenset(word for part in self.command for word in _WORD.findall(part))

    def filled(self, inputs: Mapping[str, str], arguments: Sequence[str]) -> list[str]:
        """Return the command with its words filled in, and the arguments behind it; no shell ever reads it."""
        return [*(_WORD.sub(lambda found: inputs[found[1]], part) for part in self.command), *arguments]


class Outcome(StrEnum):
    """What became of one step."""

    SKIPPED = "skipped"
    RUNNING = "running"
    SERVED = "served"
    FAILED = "failed"
    UNKNOWN = "unknown"


def from_tables(tables: Mapping[str, Any], providers: Collection[str], refuse: Refuse) -> dict[str, tuple[Step, ...]]:
    """Read every `[[chains.NAME]]`, strictly; no name may lead nowhere, and no chain to itself."""
    found = {name: _steps(name, steps, refuse) for name, steps in tables.items()}
    for name, steps in found.items():
        for number, step in enumerate(steps):
            if step.provider and step.provider not in providers:
                place = (name, str(number), "provider")
                refuse(place, f"chains.{name}: there is no service {step.provider}; describe [providers.NAME]")
            if step.chain and step.chain not in found:
                refuse((name, str(number), "chain"), f"chains.{name}: there is no chain {step.chain}")
    sizes: dict[str, int] = {}
    for name in found:
        _measure(name, found, sizes, [], refuse)
    return found


def flattened(chains: Mapping[str, tuple[Step, ...]], name: str, before: str = "") -> Iterator[tuple[str, Step]]:
    """Yield the steps of a chain that ask somebody, by what they are called, with those of other chains in place."""
    for step in chains[name]:
        if step.chain:
            yield from flattened(chains, step.chain, f"{before}{step.chain}/")
        else:
            yield f"{before}{step.service}", step


def task_key(job: str, round_: int, position: int) -> str:
    """Return the key under which a chain asks for a task: one task for one step of one round."""
    return f"{_KEY}{job}.{round_}.{position}"


def asked_by(key: str) -> str | None:
    """Return the chain's job that asks for a task under this key; None where a person does."""
    return key.removeprefix(_KEY).split(".")[0] if key.startswith(_KEY) else None


def waits_after(tries: int) -> timedelta:
    """How long a chain waits that failed so many times: four times as long each time."""
    wait: timedelta = _FIRST_WAIT * 4 ** (tries - 1)
    return wait


def _measure(
    name: str,
    chains: Mapping[str, tuple[Step, ...]],
    sizes: dict[str, int],
    path: list[str],
    refuse: Refuse,
) -> int:
    if name not in sizes:
        size = 0
        for number, step in enumerate(chains[name]):
            if step.chain in (*path, name):
                circle = [*path, name]
                circle = [*circle[circle.index(step.chain) :], step.chain]
                refuse((name, str(number), "chain"), f"the chains lead in a circle: {' -> '.join(circle)}")
            if len(path) >= _MOST_STEPS:
                refuse((name,), f"more than {_MOST_STEPS} chains lead to each other, down to {name}")
            size += _measure(step.chain, chains, sizes, [*path, name], refuse) if step.chain else 1
        if size > _MOST_STEPS:
            refuse((name,), f"chains.{name} has {size} steps with those of the chains it names, over {_MOST_STEPS}")
        sizes[name] = size
    return sizes[name]


def _steps(name: str, tables: Any, refuse: Refuse) -> tuple[Step, ...]:
    if not names.is_legal(name) or "." in name:
        refuse((name,), f"{name!r} cannot be a chain's name: no spaces, slashes and dots")
    if not isinstance(tables, list) or not tables or not all(isinstance(one, dict) for one in tables):
        refuse((name,), f"chains.{name} is a list of tables: write [[chains.{name}]] for each step")
    steps: list[Step] = []
    for number, table in enumerate(tables):

        def wrong(key: str, sentence: str, number: int = number, table: Mapping[str, Any] = table) -> NoReturn:
            refuse((name, str(number), key) if key in table else (name, str(number)), f"chains.{name}: {sentence}")

        step = _step(table, wrong)
        label = step.chain or step.service
        if any((other.chain or other.service) == label for other in steps):
            wrong("chain" if step.chain else "service", f"there are two steps called {label}")
        steps.append(step)
    return tuple(steps)


def _step(table: Mapping[str, Any], wrong: Callable[[str, str], NoReturn]) -> Step:
    for key, value in table.items():
        if key not in Step._fields:
            wrong(key, f"a step has no {key}; it has {', '.join(Step._fields)}")
        _require_type(key, value, wrong)
    ways = [key for key in ("command", "provider", "chain") if key in table]
    if len(ways) != 1:
        wrong(ways[-1] if ways else "", f"a step has one of command, provider and chain, and this one has {len(ways)}")
    if "chain" in table:
        if len(table) > 1:
            wrong(next(key for key in table if key != "chain"), "a step that names a chain has nothing else")
        return Step(chain=table["chain"])
    service = table.get("service", "")
    if not names.is_legal(service) or "." in service:
        wrong("service", f"a step needs a service, a name without spaces, slashes and dots, not {service!r}")
    if service in _TAKEN:
        wrong("service", f"{service} cannot be a service's name: it is what rests when Google does not answer")
    if "provider" in table and "repeatable" in table:
        wrong("repeatable", "repeatable is for commands; whether a task was done is asked of its service")
    command = table.get("command", ())
    if "command" in table and (not command or not command[0]):
        wrong("command", "command needs at least the program to run")
    numbers = {key: float(table[key]) for key in _NUMBERS if key in table}
    return Step(**{**table, **numbers, "command": tuple(command)})


def _require_type(key: str, value: Any, wrong: Callable[[str, str], NoReturn]) -> None:
    if key in _NUMBERS:
        least, most = _NUMBERS[key]
        if type(value) not in (int, float) or not least <= value <= most:
            wrong(key, f"{key} must be a number between {least:g} and {most:g}, not {value!r}")
    elif key == "command":
        if not isinstance(value, list) or not all(isinstance(part, str) and "\0" not in part for part in value):
            wrong(key, f"command is a list of texts like ['say', '{{text}}'], and no shell reads it; not {value!r}")
    elif key == "repeatable":
        if not isinstance(value, bool):
            wrong(key, f"repeatable must be true or false, not {value!r}")
    elif not isinstance(value, str) or not value:
        wrong(key, f"{key} must be a name in quotes, not {value!r}")


_NUMBERS: Mapping[str, tuple[float, float]] = {
    "cost": (0.0, 1e9),
    "quality": (0.0, 1e9),
    "timeout": (0.1, 24 * 3600.0),
}
