"""Lines for a file that others read: each is there as a whole or not at all."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from ytpool.errors import ServerFailed


def append(path: Path, line: str) -> None:
    """Add a line to a file that only its owner may read; a line is there as a whole or not at all.

    Raises ServerFailed where it cannot be written.
    """
    try:
        _append(path, f"{line}\n".encode())
    except OSError as error:
        hint = "check the path, its owner and the disk"
        raise ServerFailed(f"{path} cannot be written: {error.strerror or error}", hint=hint) from error


def _append(path: Path, line: bytes) -> None:
    # Without waiting: a pipe that nobody reads would hold whoever opens it, and so would somebody's lock.
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(handle, 0o600)
        _append_whole(handle, line)
    finally:
        os.close(handle)


def _append_whole(handle: int, line: bytes) -> None:
    size = os.fstat(handle).st_size
    # Whoever died in the middle of a line has left it without its end.
    whole = line if not size or os.pread(handle, 1, size - 1) == b"\n" else b"\n" + line
    try:
        written = os.write(handle, whole)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise
    if written < len(whole):
        os.ftruncate(handle, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
