"""A file that is written piece by piece, and is there whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ytpool.actions.files import require_file
from ytpool.errors import DiskFull, FileInvalid, YtpoolError


def write(path: Path, pieces: Iterable[str]) -> int:
    """Write a file as its pieces come, and return its size; what was there before stays until the last one.

    Raises DiskFull where there is no room, FileInvalid where it cannot be written: then nothing of it is left. It is
    readable by its owner only, as is what it is made of.
    """
    try:
        with suppress(FileNotFoundError):
            require_file(path, path.stat())  # a device that is replaced by a file is lost to everybody
        descriptor, name = tempfile.mkstemp(prefix=".export.", dir=path.parent)
        draft = Path(name)
        try:
            # Half a surrogate pair is how Python carries what was no UTF-8; a file has another way to write it.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(descriptor)
                size = os.fstat(descriptor).st_size
            draft.replace(path)
        except BaseException:
            draft.unlink()
            raise
    except OSError as error:
        raise _named(error, path) from error
    return size


def _named(error: OSError, path: Path) -> YtpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"the disk that holds {path} is full, and nothing of it was kept",
            hint="free some space, or name another place with --output",
            path=str(path),
        )
    return FileInvalid(f"{path} cannot be written: {error.strerror}", hint="check the folder", path=str(path))
