"""The files that are uploaded: what they are, whether they change under our hands, and their hash on the way out."""

import hashlib
import os
import queue
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ytpool.domain import names, uploads, video
from ytpool.domain.uploads import FileMarks
from ytpool.errors import FileChanged, FileInvalid, FileNotHere

_READ_AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFile:
    """A file as it was when its upload was asked for."""

    path: Path
    marks: FileMarks

    @property
    def size(self) -> int:
        return self.marks.size


def look(path: Path) -> int:
    """Return the size of a file to upload; raises FileInvalid for what cannot be uploaded. Reads nothing of it."""
    with _opened(path) as (_, found):
        return found.st_size


def inspect(path: Path) -> VideoFile:
    """Look at a file to upload; raises FileInvalid for what cannot be uploaded, before anything is spent."""
    with _opened(path) as (file, found):
        first, middle, last = (_piece(file, offset, length) for offset, length in uploads.pieces(found.st_size))
    return VideoFile(
        path=place_of(path),
        marks=FileMarks(
            size=found.st_size,
            modified_ns=found.st_mtime_ns,
            fingerprint=uploads.fingerprint(found.st_size, first, middle, last),
        ),
    )


def place_of(path: Path) -> Path:
    """Name a file, there or gone, by its whole path; a folder's `..` is left out where that leads to the same."""
    whole = path.absolute()
    neat = Path(os.path.normpath(whole))
    try:
        return neat if neat.parent.samefile(whole.parent) else whole
    except OSError:  # its folder is gone too
        return neat


def require_file(path: Path, found: os.stat_result, what: str = "") -> None:
    """Raise FileInvalid for what only looks like a file: opening a FIFO would wait for its writer."""
    if not stat.S_ISREG(found.st_mode):
        raise FileInvalid(
            f"{what}{path} is {_kind(found.st_mode)}, not a file",
            hint="write it to a file and name that",
            path=str(path),
        )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    _require_name(path.absolute())
    try:
        found = path.stat()
        require_file(path, found)
        video.check_size(path.name, found.st_size)
        with path.open("rb") as file:
            yield file, found
    except FileNotFoundError as error:
        raise FileInvalid(f"there is no file {path}", hint="check the path", path=str(path)) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def whole_hash(path: Path) -> str:
    """Read a file from end to end and return its SHA-256."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


class Reader:
    """Hands out a file's bytes chunk by chunk and hashes them in a thread of its own while they travel.

    Each byte is read once, unless an upload goes on half way: then what another run sent is read for the hash alone.
    The file is opened for the first of them: a session that turns out to have everything needs none.

    What was handed out stays as it is until the next chunk but one is asked for: two buffers take turns, because fresh
    memory for every chunk would cost more than reading it.
    """

    def __init__(self, file: VideoFile) -> None:
        self._video = file
        self._file: FileIO | None = None
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._pending: queue.Queue[memoryview | None] = queue.Queue()
        self._buffers = [bytearray(), bytearray()]
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._join()
        if self._file is not None:
            self._file.close()

    def read(self, offset: int, length: int) -> memoryview:
        """Return bytes of the file; raises FileChanged when it is not what it was."""
        self._require_unchanged()
        while self._hashed < offset:  # an earlier run sent these
            self._take_in(self._bytes(self._hashed, min(_READ_AT_ONCE, offset - self._hashed)))
        data = self._bytes(offset, length)
        if offset + length > self._hashed:
            self._take_in(data[self._hashed - offset :])
        return data

    def sha256(self) -> str:
        """Return the hash of the whole file, once all of it has been read."""
        self._join()
        self._require_unchanged()
        if self._hashed != self._video.size:
            raise FileChanged(f"{self._video.path} ended early", path=str(self._video.path))
        return self._hash.hexdigest()

    def _bytes(self, offset: int, length: int) -> memoryview:
        buffer = self._free_buffer(length)
        file = self._open()
        filled = 0
        try:
            file.seek(offset)
            while filled < length and (more := file.readinto(buffer[filled:])):
                filled += more
        except OSError as error:
            raise _unreadable(self._video.path, error) from error
        if filled != length:
            raise FileChanged(f"{self._video.path} became shorter while it was uploaded", path=str(self._video.path))
        return buffer

    def _open(self) -> FileIO:
        if self._file is None:
            try:
                self._file = self._video.path.open("rb", buffering=0)
            except OSError as error:
                raise _unreadable(self._video.path, error) from error
        return self._file

    def _free_buffer(self, length: int) -> memoryview:
        """Return the buffer that was handed out before the last one, once its bytes are hashed."""
        self._pending.join()
        self._buffers.reverse()
        if len(self._buffers[0]) < length:
            self._buffers[0] = bytearray(length)
        return memoryview(self._buffers[0])[:length]

    def _take_in(self, data: memoryview) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._digest, name="hash", daemon=True)
            self._thread.start()
        self._pending.put(data)
        self._hashed += len(data)

    def _digest(self) -> None:
        while (data := self._pending.get()) is not None:
            self._hash.update(data)
            self._pending.task_done()
        self._pending.task_done()

    def _join(self) -> None:
        if self._thread is not None:
            self._pending.put(None)
            self._thread.join()
            self._thread = None

    def why_changed(self) -> str | None:
        """Say in what the file is not what it was when its upload was asked for, or None: it is, or was not read."""
        if self._file is None:
            return None
        found = os.fstat(self._file.fileno())
        before = self._video.marks
        return uploads.why_changed(before, replace(before, size=found.st_size, modified_ns=found.st_mtime_ns))

    def _require_unchanged(self) -> None:
        self._open()
        changed = self.why_changed()
        if changed:
            raise FileChanged(
                f"{self._video.path} changed while it was uploaded: {changed}",
                hint="upload it again once it is finished",
                path=str(self._video.path),
            )


def gone(path: Path, job: str | None) -> FileNotHere:
    """Say that the file of a job is not where it was, and how it is named where it is."""
    return FileNotHere(
        f"there is no file {path} any more, and job {job} needs it",
        hint=f"if it was moved: ytpool queue retry {job} --file PATH",
        elsewhere=False,
        path=str(path),
        job=job,
    )


def _require_name(path: Path) -> None:
    """Refuse names that no terminal should be shown; YouTube is told the name too, and refuses such ones for units."""
    if not names.is_text(str(path)):
        said = f"{names.readable(str(path))} has a name that is no UTF-8"
        raise FileInvalid(said, hint="rename the file, or its folder")
    if any(ord(sign) < ord(" ") or sign == "\x7f" for sign in path.name):
        raise FileInvalid(f"{path.name!r} has control characters in its name", hint="rename the file")


def _unreadable(path: Path, error: OSError) -> FileInvalid:
    return FileInvalid(f"{path} cannot be read: {error.strerror}", path=str(path))


def _piece(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
