"""Who holds a lease, and whether they still live. Only processes we can see are ever called dead."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ytpool.clock import SystemClock

_STATE_FIELD = 0
_STARTED_FIELD = 19
"""Positions in /proc/PID/stat after the command's closing parenthesis (proc(5): fields 3 and 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process on a host; the start time tells it from a later process with the same number."""

    host: str
    pid_space: str
    """The run of the machine and the pid namespace: two machines of one name must not look for each other's numbers."""
    pid: int
    started: str


NOBODY_WE_SEE = Owner(host="", pid_space="", pid=0, started="")
"""Who holds what a program of somebody else works with: nobody can tell whether that lives."""


def me() -> Owner:
    """Describe this process; asked anew after a fork."""
    return _owner(os.getpid())


def is_dead(owner: Owner) -> bool:
    """Tell whether this owner has surely ended: gone, a zombie, or its number taken by another process.

    A process of another host or pid namespace cannot be seen from here and counts as alive.
    """
    mine = me()
    if (owner.host, owner.pid_space) != (mine.host, mine.pid_space):
        return False
    if owner.pid == mine.pid:
        return owner.started != mine.started
    stat = _stat(owner.pid)
    if stat is None:
        return not answers(owner.pid)  # without /proc (macOS) a signal is all there is
    return stat[_STATE_FIELD] in "ZX" or stat[_STARTED_FIELD] != owner.started


@cache
def _owner(pid: int) -> Owner:
    stat = _stat(pid)
    return Owner(
        host=socket.gethostname(),
        pid_space=_pid_space(),
        pid=pid,
        started="" if stat is None else stat[_STARTED_FIELD],
    )


def _pid_space() -> str:
    run = SystemClock().era()
    try:
        # The first namespace has the same number wherever Linux runs.
        return f"{run} {Path('/proc/self/ns/pid').readlink().name}"
    except OSError:
        return run


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def answers(pid: int) -> bool:
    """Tell whether a process of this machine has this number; a zombie cannot be told from the living so."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
