"""A file that is there whole or not at all, and what may be replaced by one."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ytpool.actions.files import require_file
from ytpool.errors import DiskFull, FileInvalid, YtpoolError

_HEAD = 4096


def write(path: Path, pieces: Iterable[str | bytes], *, private: bool = False) -> int:
    """Write a file as its pieces come, and return its size; what was there before stays until the last one.

    Raises DiskFull where there is no room, FileInvalid where it cannot be written: then nothing of it is left. It is
    readable by its owner only, as is what it is made of, unless who may read the one before was decided otherwise; a
    private one is so whatever was there.
    """
    target = Path(os.path.realpath(path))  # a link leads on to the file that is meant
    try:
        mode = None
        with suppress(FileNotFoundError):
            found = path.stat()
            require_file(path, found)  # a device that is replaced by a file is lost to everybody
            mode = stat.S_IMODE(found.st_mode)
        descriptor, name = tempfile.mkstemp(prefix=".export.", dir=target.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if mode is not None and not private:
                    os.fchmod(descriptor, mode)
                file.writelines(map(_encoded, pieces))
                file.flush()
                os.fsync(descriptor)
                size = os.fstat(descriptor).st_size
            draft.replace(target)
        except BaseException:
            draft.unlink()
            raise
    except OSError as error:
        raise _named(error, path) from error
    return size


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a file in one piece, and over nothing that is no text; raises what `write` raises."""
    require_no_binary(path)
    write(path, [text], private=private)


def require_folder(path: Path) -> None:
    """Raise FileInvalid where there is no folder for a file, or none that takes one."""
    folder = Path(os.path.realpath(path)).parent
    if not os.access(folder, os.W_OK | os.X_OK):
        number = errno.EACCES if folder.is_dir() else errno.ENOENT
        raise _named(OSError(number, os.strerror(number)), path)


def require_replaceable(path: Path, mark: str) -> None:
    """Raise FileInvalid for a file that says nowhere in its head that it is one of ours, and holds something."""
    try:
        with suppress(FileNotFoundError):
            require_file(path, path.stat())
            with path.open("rb") as file:
                head = file.read(_HEAD)
            if head and mark.encode() not in head:
                raise FileInvalid(
                    f"{path} is there, and is not a file that ytpool made",
                    hint="name another one, or write over it with --yes",
                    path=str(path),
                )
    except OSError as error:
        raise FileInvalid(
            f"{path} cannot be read: {error.strerror}", hint="name another one", path=str(path)
        ) from error


def require_no_binary(path: Path) -> None:
    """Raise FileInvalid for a file with something in it that is no text, such as a video that was named by mistake."""
    if not path.is_file():
        return
    with suppress(OSError), path.open("rb") as file:  # one that cannot be read is named by what writes there
        if b"\0" in file.read(_HEAD):
            raise FileInvalid(f"{path} is there, and is no text", hint="name another file", path=str(path))


def _encoded(piece: str | bytes) -> bytes:
    # Half a surrogate pair is how Python carries what was no UTF-8; a file has another way to write it.
    return piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace")


def _named(error: OSError, path: Path) -> YtpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"the disk that holds {path} is full, and nothing of it was kept",
            hint="free some space, or name another place",
            path=str(path),
        )
    return FileInvalid(f"{path} cannot be written: {error.strerror}", hint="check the folder", path=str(path))
