"""A file that is written piece by piece, and is there whole or not at all."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ytpool.errors import DiskFull, FileInvalid, YtpoolError


def write(path: Path, pieces: Iterable[str]) -> int:
    """Write a file as its pieces come, and return its size; what was there before stays until the last one.

    Raises DiskFull where there is no room, FileInvalid where it cannot be written: then no half of it is left. It is
    readable by its owner only, as what it is made of.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        # Half a surrogate pair is how Python carries what was no UTF-8; a file has another way to write it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(handle)
            size = os.fstat(handle).st_size
        draft.replace(path)
    except BaseException as error:
        _forget(draft)
        if isinstance(error, OSError):
            raise _named(error, path) from error
        raise
    return size


def _forget(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:  # its folder is none, or not ours: then there is no draft either
        return


def _named(error: OSError, path: Path) -> YtpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"the disk that holds {path} is full, and nothing of it was kept",
            hint="free some space, or name another place with --output",
            path=str(path),
        )
    return FileInvalid(f"{path} cannot be written: {error.strerror}", hint="check the folder", path=str(path))
