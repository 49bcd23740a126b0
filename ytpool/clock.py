"""Time as an object: what the machine's clocks say, and how long to wait.

Two clocks matter and are never mixed. `now()` is the wall: it can be set, and a sandbox has one of its own.
`boot()` is the machine's own count since it started, sleeping included: leases and holds expire by it, because
nobody can set it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
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
        return _era()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


def _boot_seconds() -> float:
    # macOS has no CLOCK_BOOTTIME; there CLOCK_MONOTONIC goes on while the machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def _era() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # macOS names its boots too. The moment of the boot is no name: whoever sets the clock would begin a new era.
        import subprocess  # noqa: PLC0415 -- Linux needs none

        return subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], check=True, capture_output=True, text=True
        ).stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A moment that Google's `Date` named, and what the boot clock of that era said when it arrived."""

    moment: datetime
    boot: float
    era: str


class Calendar:
    """Quota time: the machine's clock, corrected by the last `Date` that Google sent, and never going back.

    A correction is anchored to the boot clock, so a wall clock that is set right later does not move quota time.
    A sandbox has a calendar of its own: `ahead` says how far it is before the machine, and corrections are not made.
    """

    _TOLERANCE = timedelta(seconds=2)
    """`Date` has whole seconds and takes time to arrive: less than this is no difference."""

    _BEHIND = timedelta(minutes=5)

    def __init__(
        self,
        clock: Clock,
        *,
        ahead: Callable[[], timedelta] | None = None,
    ) -> None:
        self._clock = clock
        self._ahead = ahead
        self._confirmed: Confirmation | None = None
        self._anchor: Confirmation | None = None
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def remember(self, confirmed: Confirmation) -> None:
        """Take in what an earlier process was told; of use as an anchor only within the same era."""
        with self._lock:
            self._confirmed = confirmed
            self._anchor = confirmed if self._ahead is None and confirmed.era == self._clock.era() else None
            self._latest = max(self._latest, confirmed.moment)

    def go_by(self, confirmed: Confirmation) -> None:
        """Take in what another clock says that is better known than this machine's, until Google is heard."""
        with self._lock:
            if self._ahead is None and self._anchor is None:
                self._anchor = confirmed

    def now(self) -> datetime:
        """Return the moment that decides the quota day, rests, plans and the life of grants."""
        with self._lock:
            self._latest = max(self._latest, self._uncorrected())
            return self._latest

    def as_google_says(self) -> datetime:
        """Return Google's moment as far as it was heard, also where quota time stands later and waits for it.

        What Google counts from its own answer, such as the life of a token, is counted from here.
        """
        with self._lock:
            return self._uncorrected()

    def is_behind(self) -> bool:
        """Tell whether the clock is more than five minutes behind what Google has already confirmed."""
        with self._lock:
            return self._confirmed is not None and self._uncorrected() < self._confirmed.moment - self._BEHIND

    def confirm(self, date: datetime) -> None:
        """Take in a `Date` of Google's."""
        if self._ahead is not None:
            return
        with self._lock:
            confirmation = Confirmation(moment=date, boot=self._clock.boot(), era=self._clock.era())
            ours = self._uncorrected()
            if abs(date - ours) > self._TOLERANCE:
                self._anchor = confirmation
            elif self._anchor is None:  # the clock was right: from now on it may be set wrong
                self._anchor = replace(confirmation, moment=ours)
            if self._confirmed is None or date > self._confirmed.moment:
                self._confirmed = confirmation

    def confirmation(self) -> Confirmation | None:
        """Return the latest moment Google confirmed, for the state to keep."""
        return self._confirmed

    def _uncorrected(self) -> datetime:
        if self._ahead is not None:
            return self._clock.now() + self._ahead()
        if self._anchor is not None:
            return self._anchor.moment + timedelta(seconds=self._clock.boot() - self._anchor.boot)
        return self._clock.now()
