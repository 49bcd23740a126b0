"""`--wait`: sleep until something can work, instead of ending with the time at which it will.

What waits holds nothing: no job, no slot, no units. So another process may do the work meanwhile, stopping loses
nothing, and after a crash the same command goes on. Waits are measured on quota time, which in the sandbox profile is
the sandbox's own: moving its clock ends a wait.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from ytpool.actions.watch import Watch
from ytpool.domain import moments, quota
from ytpool.errors import YtpoolError
from ytpool.runtime import Runtime

LOOKS_AT_CLOCK_EVERY = 1.0

T = TypeVar("T")


def goes_on_at(problem: YtpoolError | None) -> datetime | None:
    """Return when it goes on by itself, if that is known.

    Not in the first minute of a quota day: a call sent then would be booked on both days.
    """
    until: Any = None if problem is None else problem.details.get("until")
    if not isinstance(until, datetime):
        return None
    return max(until, quota.starts_at(quota.quota_day(until)) + quota.MIDNIGHT_BLUR)


def patiently(rt: Runtime, watch: Watch, name: str, act: Callable[[], T]) -> T:
    """Do something, again at each moment at which it is said to go, until it ends in some other way.

    It says so by what it raises, or by the `problem` of what it returns.
    """
    while True:
        try:
            result = act()
        except YtpoolError as problem:
            until = goes_on_at(problem)
            if until is None:
                raise
            said = says(problem, until)
        else:
            told: YtpoolError | None = getattr(result, "problem", None)
            until = goes_on_at(told)
            if told is None or until is None:
                return result
            said = says(told, until)
        watch.waits(name, said)
        _sleep_until(rt, until)


def _sleep_until(rt: Runtime, until: datetime) -> None:
    while (left := (until - rt.calendar.now()).total_seconds()) > 0:
        rt.sleep(min(left, LOOKS_AT_CLOCK_EVERY))


def says(problem: YtpoolError, until: datetime) -> str:
    """Say until when and for what it waits."""
    return f"waiting until {moments.spoken(until)}: {problem.message}"
