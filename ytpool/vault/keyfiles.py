"""Keys in files: one key a line, `#` begins a comment, and nobody but the owner may read it."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.errors import DiskFull, VaultUnavailable, YtpoolError
from ytpool.vault.keys import Key

_LARGEST = 64 * 1024
_FOR_OWNER_ONLY = 0o077
_AS_SYSTEMD_MAKES_IT = 0o037  # a credential is 0400, or 0440 where an access list lets the unit's user in


def read(path: Path, place: KeyPlace) -> tuple[Key, ...] | None:
    """Return the keys of a file, or None if there is no such file; anything else wrong with it is an error."""
    try:
        # Without O_NONBLOCK a pipe of that name would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            _check(os.fstat(descriptor), path, place)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(_LARGEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultUnavailable(
            f"the key file {path} cannot be read: {error.strerror}",
            hint="let the user who runs ytpool read it, or name another file with YTPOOL_VAULT_KEY_FILE.",
            path=str(path),
        ) from error
    return _parse(content, path)


def create_in_file(path: Path) -> KeyFound:
    """Make a key in a new file, 0600 in a folder that is 0700 if we had to make it, and read it back.

    A key file that is already there is returned as it is found, also when another process made it a moment ago; any
    other file of that name is an error. Nothing is ever replaced.
    """
    path = path.absolute()
    try:
        if not os.path.lexists(path):
            _make_folder(path.parent)
            _write_new(path, Key.make())
    except OSError as error:
        raise _not_written(path, error) from error
    keys = read(path, KeyPlace.KEY_FILE)
    if keys is None:
        raise VaultUnavailable(
            f"no key file can be made at {path}: a link to nothing is there",
            hint="remove the link, or choose another file.",
            path=str(path),
        )
    return KeyFound(key_id=keys[0].key_id, place=KeyPlace.KEY_FILE, where=str(path))


def add_to_file(path: Path, key: Key, place: KeyPlace = KeyPlace.KEY_FILE) -> KeyFound:
    """Write a key as a further line of a key file, made if there is none, and read it back.

    What the file holds stays as it is, to the byte: it is replaced as a whole by one that holds more. A key that is in
    it already is not written again.
    """
    if place is KeyPlace.CREDENTIAL:
        raise VaultUnavailable(
            f"the key file {path} is handed out by systemd, and what is written there would be gone with the service",
            path=str(path),
        )
    path = Path(os.path.realpath(path))  # a link stays a link
    try:
        _make_folder(path.parent)
        with _alone_in(path.parent):
            there = read(path, place)
            if there is None:
                _write_new(path, key)
            elif key not in there:
                before = path.read_bytes()
                joint = b"" if before.endswith(b"\n") else b"\n"
                _put_in_place(path, before + joint + key.line().reveal().encode("ascii") + b"\n")
    except OSError as error:
        raise _not_written(path, error) from error
    if key not in (read(path, place) or ()):
        raise VaultUnavailable(f"the key file {path} does not keep what is written to it", path=str(path))
    return KeyFound(key_id=key.key_id, place=place, where=str(path))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let nobody else add to a key file of this folder: of two who replace the same one, one would lose a key."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _put_in_place(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".ytpool-key-", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _check(found: os.stat_result, path: Path, place: KeyPlace) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _no_key_file(path, "it is not a regular file")
    mode = stat.S_IMODE(found.st_mode)
    if mode & (_AS_SYSTEMD_MAKES_IT if place is KeyPlace.CREDENTIAL else _FOR_OWNER_ONLY):
        raise VaultUnavailable(
            f"the key file {path} is refused: others can read or change it (mode {mode:04o})",
            hint=f"run: chmod 600 {path}",
            path=str(path),
        )
    if found.st_uid not in (os.geteuid(), 0):
        raise VaultUnavailable(
            f"the key file {path} is refused: it belongs to another user (uid {found.st_uid})",
            hint=f"run: chown {os.geteuid()} {path}",
            path=str(path),
        )


def _parse(content: bytes, path: Path) -> tuple[Key, ...]:
    if len(content) > _LARGEST:
        raise _no_key_file(path, f"it is larger than {_LARGEST // 1024} KiB")
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise _no_key_file(path, "it is not plain text") from None
    keys = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            keys.append(Key.from_line(line))
        except ValueError as error:
            raise _no_key_file(path, f"line {number} holds {error}") from None
    if not keys:
        raise _no_key_file(path, "it holds no key")
    return tuple(keys)


def _no_key_file(path: Path, why: str) -> VaultUnavailable:
    return VaultUnavailable(
        f"the key file {path} cannot be used: {why}",
        hint="put the right file back from your backup, or name another one with YTPOOL_VAULT_KEY_FILE.",
        path=str(path),
    )


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return  # another process was quicker; if it is no folder, writing into it will say so
    folder.chmod(0o700)  # an odd umask may have taken even our own rights


def _write_new(path: Path, key: Key) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".ytpool-key-", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o600)
            file.write(key.line().reveal() + "\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # two at once: the first one's key is everybody's
            os.link(unfinished, path)  # whole or not at all, and never over another file
    finally:
        unfinished.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(path: Path, error: OSError) -> YtpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"there is no room for the key file {path}", hint="make room and try again.", path=str(path))
    return VaultUnavailable(
        f"the key file {path} cannot be written: {error.strerror}",
        hint="choose a file in a folder that this user may write to.",
        path=str(path),
    )
