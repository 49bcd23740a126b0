"""Time as an object: what the machine's clocks say, and how long to wait.

Two clocks matter and are never mixed. `now()` is the wall: it can be set, and a sandbox has one of its own.
`boot()` is the machine's own count since it started, sleeping included: leases and holds expire by it, because
nobody can set it.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What everything that needs the time is given."""

    def now(self) -> datetime:
        """Return the wall clock's moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    def boot(self) -> float:
        """Return seconds since this machine started, time asleep included."""
        ...

    def era(self) -> str:
        """Name this run of the machine; `boot()` of another era cannot be compared."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot(self) -> float:
        return _boot_seconds()

    def era(self) -> str:
        return _boot_id()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


def _boot_seconds() -> float:
    # macOS has no CLOCK_BOOTTIME; there CLOCK_MONOTONIC goes on while the machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # Without a name for the boot, the moment of the boot (to the minute, clocks drift) is the name.
        return f"boot-{round((time.time() - _boot_seconds()) / 60)}"
