"""The sandbox's own clock: the machine's time plus an offset that is kept in the sandbox's folder.

It runs at the machine's pace from where it stands, can be moved forward, and never goes back. Every process that
plays along reads the same small file, so this module imports next to nothing.
"""

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ytpool.clock import Clock
from ytpool.errors import SandboxFailed, UsageWrong

_FILE = "clock.json"
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
"""Where the clock stops being moved: it never goes back, and at the end of all calendars nobody reckons any more."""


def offset(folder: Path) -> timedelta:
    """Return how far the sandbox's clock is ahead of the machine's; nothing where it was never moved."""
    path = folder / _FILE
    try:
        return timedelta(seconds=json.loads(path.read_bytes())["offset"])
    except FileNotFoundError:
        return timedelta()
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxFailed(f"{path} is damaged: {error}", hint="remove it, and the clock is the machine's") from error


class VirtualClock:
    """A clock for everything that lives in the sandbox's time; it notices when another process moves it."""

    def __init__(self, base: Clock, folder: Path) -> None:
        self._base = base
        self._folder = folder
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._offset = timedelta()
        self._latest: datetime | None = None

    def now(self) -> datetime:
        with self._lock:
            return self._now()

    def monotonic(self) -> float:
        return self._base.monotonic()

    def boot(self) -> float:
        return self._base.boot()

    def era(self) -> str:
        return self._base.era()

    def sleep(self, seconds: float) -> None:
        self._base.sleep(seconds)

    def forward(self, span: timedelta) -> datetime:
        """Move the clock ahead, for every process, and return where it stands."""
        if span < timedelta():
            raise UsageWrong(f"the sandbox's clock never goes back, and {span} is negative")
        with self._lock:
            now = self._now()
            return self._stand_at(now + min(span, _LAST - now + timedelta(1)))

    def set_to(self, moment: datetime) -> datetime:
        """Move the clock ahead to a moment, for every process, and return where it stands."""
        with self._lock:
            now = self._now()
            if moment < now:
                raise UsageWrong(f"the sandbox's clock stands at {now:%Y-%m-%d %H:%M:%S} UTC and never goes back")
            return self._stand_at(moment)

    def _now(self) -> datetime:
        version = self._file_version()
        if version != self._version:
            self._offset = offset(self._folder)
            self._version = version
        now = self._base.now() + self._offset
        # The machine's clock may be set back under us; ours waits until it has caught up.
        self._latest = now if self._latest is None else max(now, self._latest)
        return self._latest

    def _stand_at(self, moment: datetime) -> datetime:
        if moment > _LAST:
            raise UsageWrong(f"the sandbox's clock goes to {_LAST:%Y-%m-%d} and no further, for it never goes back")
        ahead = (moment - self._base.now()).total_seconds()
        path = self._folder / _FILE
        draft = path.with_name(f"{_FILE}.{os.getpid()}")
        draft.write_text(json.dumps({"offset": ahead}), encoding="ascii")
        draft.replace(path)
        return self._now()

    def _file_version(self) -> tuple[int, int] | None:
        try:
            status = (self._folder / _FILE).stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino
