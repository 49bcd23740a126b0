"""What is fuzzed: one parser, what goes into it, and what it promises of whatever goes in.

A parser of foreign input returns a value or raises one of our errors. Nothing else may come out, within a number of
steps that follows from the length of what went in; and what it says fits into one line, has a form in JSON, and repeats
no secret.
"""

import atexit
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from ytpool.cli.values import json_line, visible
from ytpool.domain.secret import Secret
from ytpool.errors import Bug, YtpoolError

CANARY = "canary-Zx81-not-for-logs"
"""Stands wherever a document has a secret; no sentence may repeat it."""

_STEPS, _STEPS_A_SIGN = 400_000, 2_000
"""Lines of Python that a parser may run: so many for anything, and so many more for each sign of its input."""
_CPU_SECONDS = 20.0
"""For what runs in C and counts no lines, a pattern above all; of the processor's time, which no load prolongs."""


class TooMany(AssertionError):
    """A parser did not come to its end within the steps it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser under its promises: `check` takes an input and fails where a promise is broken."""

    name: str
    inputs: SearchStrategy[Any]
    check: Callable[[Any], None]
    found: tuple[Any, ...] = field(default=())
    """Inputs that once broke a promise, and are tried first for ever."""

    def test(
        self, *, examples: int, seeded: int | None = None, shrinks: bool = True, bounded: bool = True
    ) -> Callable[[], None]:
        """Return what tries so many inputs: always the same ones, or those of a seed."""

        def holds(given_input: Any) -> None:
            (self.hold if bounded else self.check)(given_input)

        chosen = settings(
            max_examples=examples,
            derandomize=seeded is None,
            database=None,
            deadline=None,
            phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
            suppress_health_check=list(HealthCheck),
        )
        tried = chosen(given(self.inputs)(holds))
        return tried if seeded is None else seed(seeded)(tried)

    def hold(self, given_input: Any) -> None:
        """Check one input, within its steps."""
        with _bounded(_length(given_input)):
            self.check(given_input)


def outcome(
    call: Callable[[], Any], *, secrets: tuple[str, ...] = (), says: type[Exception] | None = None
) -> tuple[Any, str | None]:
    """Return what a parser gives, or the sentence with which it refuses; anything else it raises goes on as it is.

    `says` is the one error beside ours whose text the parser promises to be a sentence; a kind of it is none.
    """
    try:
        return call(), None
    except Bug:
        raise
    except YtpoolError as error:
        require_sentence(error.message, secrets)
        require_sentence(error.hint, secrets, may_be_empty=True)
        require_shown(dict(error.details), secrets)
        return None, error.message
    except Exception as error:
        if type(error) is not says:
            raise
        require_sentence(str(error), secrets)
        return None, str(error)


def require_sentence(text: str, secrets: tuple[str, ...] = (), *, may_be_empty: bool = False) -> None:
    """Fail unless this can be said to a person: there is something, it shows as one line, and it tells no secret."""
    assert text.strip() or may_be_empty, "an error without a sentence"
    shown = visible(text)
    assert len(shown.splitlines()) <= 1, shown
    shown.encode()
    for secret in secrets:
        assert secret not in text, f"a secret is repeated in: {text}"


def require_shown(value: Any, secrets: tuple[str, ...] = ()) -> None:
    """Fail unless this has a form in JSON that UTF-8 can carry, without a secret in it."""
    line = json_line(value)
    line.encode()
    for secret in secrets:
        assert secret not in line, f"a secret is repeated in: {line}"


def require_hidden(value: Any, *names: str) -> None:
    """Fail unless the value is written the same whatever its secrets are; a canary elsewhere is nobody's secret."""
    others = {name: Secret("another") for name in names if getattr(value, name) is not None}
    assert repr(value) == repr(replace(value, **others)), f"{type(value).__name__} shows a secret"


def scratch() -> Path:
    """Return a folder for files that parsers read; it is gone when the process ends."""
    folder = tempfile.mkdtemp(prefix="ytpool-fuzzing-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@contextmanager
def _bounded(length: int) -> Iterator[None]:
    """Fail what runs on: lines of Python are counted, and a clock of the processor's time looks after the rest."""
    left = _STEPS + _STEPS_A_SIGN * length

    def count(_frame: Any, event: str, _arg: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                raise TooMany(f"more than {_STEPS + _STEPS_A_SIGN * length:,} steps for {length} signs")
        return count

    def ring(_number: int, _frame: Any) -> None:
        raise TooMany(f"more than {_CPU_SECONDS:g} seconds of the processor for {length} signs")

    before, tracer = signal.signal(signal.SIGVTALRM, ring), sys.gettrace()
    signal.setitimer(signal.ITIMER_VIRTUAL, _CPU_SECONDS)
    if COUNTS[0]:
        sys.settrace(count)
    try:
        yield
    finally:
        if COUNTS[0]:
            sys.settrace(tracer)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


COUNTS = [True]
"""Off under libFuzzer, which traces by itself and has a time limit of its own."""


def _length(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_length(key) + _length(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_length, value))
    return 8
