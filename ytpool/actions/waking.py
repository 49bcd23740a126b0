"""Telling workers that wait that there is something to do, at once and without anybody looking again and again.

Each worker keeps a named pipe in the profile's folder and sleeps on it; whoever puts a job in the line writes a byte
into all of them. A pipe that nobody reads any more was left by a worker that was killed, and is removed. What comes
from other machines is heard in `afar`.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ytpool.config import make_private_folder
from ytpool.domain import ids
from ytpool.runtime import Runtime

LOOKS_EVERY = 5.0
"""Seconds after which a worker looks also if no bell rang: a dead worker rings none, and some wires carry none."""

_FOLDER = "workers"
_SUFFIX = ".pipe"
_READS = 4096


class Bell:
    """The pipe of one worker; where no such file can be made, the worker looks by itself before long."""

    def __init__(self, rt: Runtime) -> None:
        self._path = _folder(rt) / f"{ids.new(rt.calendar.now(), rt.rng)}{_SUFFIX}"
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        make_private_folder(self._path.parent)
        draft = self._path.with_suffix(".new")  # not seen by whoever rings before somebody reads it
        with suppress(OSError):
            os.mkfifo(draft, 0o600)
            # Open for both ways it never ends, whoever comes and goes.
            self._descriptor = os.open(draft, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            draft.rename(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def descriptors(self) -> list[int]:
        """Return what to wait for."""
        return [] if self._descriptor is None else [self._descriptor]

    def strike(self) -> None:
        """Ring this one alone; from any thread."""
        for one in self.descriptors():
            with suppress(BlockingIOError):  # full: it has been rung often enough
                os.write(one, b"!")

    def hush(self) -> None:
        """Forget how often it rang."""
        for one in self.descriptors():
            with suppress(BlockingIOError):
                os.read(one, _READS)


def ring(rt: Runtime) -> None:
    """Wake every worker of this state on this machine; those on others hear `tx.ring`, or look before long."""
    for path in sorted(_folder(rt).glob(f"*{_SUFFIX}")):
        with suppress(FileNotFoundError):  # it has just left
            if not stat.S_ISFIFO(path.lstat().st_mode):
                continue
            _ring(path)


def _ring(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody reads it: its worker was killed
            path.unlink(missing_ok=True)
        return
    try:
        with suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(descriptor, b"!")
    finally:
        os.close(descriptor)


def _folder(rt: Runtime) -> Path:
    return rt.config.paths.folder / _FOLDER
