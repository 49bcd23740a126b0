"""What a look is, what it is given, and what it says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ytpool.config import Config
from ytpool.runtime import Runtime


class Status(StrEnum):
    """How well something is."""

    PASS = "pass"  # noqa: S105 -- a status
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one look found, what it cost, and what to type."""

    check: str
    status: Status
    message: str
    fix: str = ""
    units: int = 0
    seconds: float = 0.0
    seen_at: datetime | None = None
    """When it was so, on the machine's clock: now, or for proof from real traffic the moment of that traffic."""
    look: str = ""
    """The name of the look, as `--only` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look is given."""

    rt: Runtime
    deep: bool = False
    """Units may be spent, within the look's own budget."""
    often: bool = False
    """It is asked again in half a minute: what takes long is left out."""
    part: str = ""
    """Which of its parts is looked at, where it has parts."""
    before: Sequence[Check] = ()
    """What was seen the last time, where it is asked often."""

    def on_the_machines_clock(self, moment: datetime) -> datetime:
        """Say when something was that the books date by quota time, which may be another clock."""
        return self.rt.clock.now() - (self.rt.calendar.now() - moment)


def _no_parts(_: Config) -> Sequence[str]:
    return ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing that can be looked at."""

    name: str
    about: str
    ask: Callable[[Sight], Iterable[Check]]
    parts: Callable[[Config], Sequence[str]] = _no_parts
    """What is looked at each on its own, at the same time: the servers of a section, for instance."""
    within: float | Callable[[Sight], float] = 5.0
    """Seconds after which it is left alone, or what says how many."""
    needs_state: bool = True


def ago(now: datetime, then: datetime) -> str:
    """Say how long ago something was, as people do."""
    seconds = max(0, round((now - then).total_seconds()))
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
