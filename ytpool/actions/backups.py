"""Backups of the state: taken while everything goes on, checked before they count, and put in their place whole.

A backup is the state at one moment. Its secrets stay sealed in it, and the key is not in it: whoever restores it on
another machine brings the key there.
"""

import errno
import hashlib
import os
import re
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ytpool.actions import sealing
from ytpool.actions.state import what_is_wrong
from ytpool.config import make_private_folder
from ytpool.config.places import expanded
from ytpool.domain import ids, moments
from ytpool.errors import DiskFull, FileInvalid, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import copies, ledger, meta, owners, secrets
from ytpool.store.db import Tx

_FOLDER = "backups"
_READ_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What was written, and what it takes to read it."""

    path: Path
    taken_at: datetime
    """The moment it shows: all that was committed before is in it."""
    bytes: int
    sha256: str
    state: str
    """The id that all backups of this state share."""
    profile: str
    schema: int
    rows: dict[str, int]
    keys: tuple[str, ...]
    """The ids of the keys that its secrets are sealed with; none of them is in it."""
    wrong: tuple[str, ...]
    """What is wrong with the books or the journal in it, as it is in the state."""
    deleted: tuple[Path, ...]
    """Older backups that are gone, as `--keep` says."""
    advice: str
    dry_run: bool
    problem: YtpoolError | None = None


def backup(
    rt: Runtime, file: Path | None = None, *, keep: int | None = None, overwrite: bool = False, dry_run: bool = False
) -> BackedUp:
    """Write the state as it is now to a file, or into a folder under its moment, and check what was written.

    What lies there is replaced only if it is a backup of this state, unless told to `overwrite`, and only when the new
    one is whole. With `keep`, of those that were named by the moment so many stay in the folder, this one included.
    """
    state, now = _state(rt, dry_run=dry_run)
    path, named_by_us = _place(rt, file, now)
    if keep is not None and not named_by_us:
        raise UsageWrong(
            "--keep goes with a folder: it counts the files that were named there by their moment",
            hint=f"where {path} should be a folder, make it first: mkdir -p {shlex.quote(str(path))}",
        )
    _require_replaceable(rt, path, state, overwrite=overwrite)
    if dry_run:
        with rt.store.reading() as tx:
            would = _seen(rt, tx, path, state, taken_at=now)
        gone = _too_many(rt, path.parent, state, keep, besides=path)
        return replace(would, bytes=rt.store.size(), deleted=gone, dry_run=True)
    done = _written(rt, path, state)
    with rt.store.transaction() as tx:
        meta.put(tx, meta.BACKED_UP, f"{moments.text(done.taken_at)} {path}")
    if done.problem is not None:
        return done  # an older one may be better than this
    gone = _too_many(rt, path.parent, state, keep, besides=path)
    for old in gone:
        old.unlink(missing_ok=True)
    return replace(done, deleted=gone)


def _state(rt: Runtime, *, dry_run: bool) -> tuple[str, datetime]:
    """Return the id that this state shares with its backups, and the moment."""
    with rt.store.reading() as tx:
        known = meta.get(tx, meta.STATE)
        if known is not None:
            return known, tx.now
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        return meta.put_first(tx, meta.STATE, ids.new(tx.now, rt.rng)), tx.now


def _place(rt: Runtime, file: Path | None, now: datetime) -> tuple[Path, bool]:
    """Return where the backup goes, and whether the name is of our making."""
    if file is not None and not file.is_dir():
        return expanded(file).absolute(), False
    folder = rt.config.paths.state.parent / _FOLDER if file is None else expanded(file).absolute()
    return folder / f"ytpool-{rt.config.profile}-{now:%Y%m%dT%H%M%SZ}.db", True


def _require_replaceable(rt: Runtime, path: Path, state: str, *, overwrite: bool) -> None:
    """Refuse to write over anything but a backup of this state, and over what can never be one."""
    books = rt.config.paths.state
    if path.parent.resolve() == books.parent.resolve() and path.name.startswith(books.name):
        raise UsageWrong(f"{path} belongs to the state itself", hint="name another file", path=str(path))
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_file():
        raise FileInvalid(f"{path} is no file", hint="name a file or a folder", path=str(path))
    there = copies.marks(path)
    if there is not None and there.taken_at is not None and there.state == state:
        return
    if not overwrite:
        what = "is no backup of ytpool" if there is None else "is not a backup of this state"
        raise UsageWrong(f"{path} {what}, and would be lost", hint="name another file, or say --yes", path=str(path))


def _written(rt: Runtime, path: Path, state: str) -> BackedUp:
    with beside(path) as new:
        taken_at = rt.store.copy_to(new, rt.require_going)
        written = rt.database_at(new)
        try:
            with written.transaction() as tx:
                meta.put(tx, meta.TAKEN, moments.text(taken_at))
                meta.put(tx, meta.TAKEN_OF, rt.config.profile)
            integrity = tuple(written.integrity())
            journal = sealing.look_over(written)
            with written.reading() as tx:
                books = tuple(ledger.differences(tx))
                seen = _seen(rt, tx, path, state, taken_at=taken_at)
        finally:
            written.close()
        problem = what_is_wrong(integrity, books, journal)
        if integrity:
            assert problem is not None
            problem.message = f"the copy of {rt.store.shown} is not whole, and was not kept: {problem.message}"
            raise problem
        copies.fold(new)
        size, digest = new.stat().st_size, _sha256(rt, new)
        new.replace(path)
        copies.keep_on_disk(path.parent)
    return replace(seen, bytes=size, sha256=digest, wrong=(*books, *journal.wrong), problem=problem)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield an empty file of our own beside a path; it is gone afterwards unless it was moved away."""
    try:
        make_private_folder(path.parent)
    except OSError as error:
        raise FileInvalid(f"{path.parent} cannot be made: {error.strerror}", hint="name another folder") from error
    ours = f".part-{socket.gethostname()}-"
    for left in path.parent.glob(f".*{ours}*"):
        owner = re.search(r"-(\d+)(?:-journal|-wal|-shm)?$", left.name)
        if owner and not owners.answers(int(owner[1])):
            left.unlink(missing_ok=True)
    new = path.with_name(f".{path.name[:150]}{ours}{os.getpid()}")
    try:
        _clear(new)  # in a container everybody has the same number, whoever was killed there too
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        yield new
    except DiskFull as error:
        raise _full(path) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(path) from error
        raise FileInvalid(
            f"{path} cannot be written: {error.strerror}", hint="check the folder", path=str(path)
        ) from error
    finally:
        _clear(new)


def _clear(new: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        new.with_name(f"{new.name}{ending}").unlink(missing_ok=True)


def _full(path: Path) -> DiskFull:
    return DiskFull(
        f"the disk that holds {path.parent} is full: nothing was written, and what was there is as it was",
        hint="free some space there",
        path=str(path),
    )


def _seen(rt: Runtime, tx: Tx, path: Path, state: str, *, taken_at: datetime) -> BackedUp:
    """Describe a state that is, or would be, copied to this path."""
    keys = keys_of(tx)
    return BackedUp(
        path=path,
        taken_at=taken_at,
        bytes=0,
        sha256="",
        state=state,
        profile=rt.config.profile,
        schema=int(meta.get(tx, "schema") or 0),
        rows=copies.rows(tx),
        keys=keys,
        wrong=(),
        deleted=(),
        advice=_how_the_key_gets_elsewhere(rt, tx) if keys else "",
        dry_run=False,
    )


def keys_of(tx: Tx) -> tuple[str, ...]:
    """Return the ids of all keys that the secrets of a state need, the one in use first."""
    current = meta.get(tx, meta.VAULT_KEY)
    return tuple(dict.fromkeys([*([current] if current else []), *sorted(secrets.keys_in_use(tx))]))


def _how_the_key_gets_elsewhere(rt: Runtime, tx: Tx) -> str:
    file = rt.key_file_in(tx)
    if file is None:
        return (
            "the key is not in it, and without the key its secrets stay closed; it is in this machine's keyring: "
            "`ytpool vault move --to keyfile` writes it to a file; keep a copy of that in another place"
        )
    return (
        "the key is not in it, and without the key its secrets stay closed; keep a copy in another place of "
        f"{shlex.quote(str(file))}"
    )


def _too_many(rt: Runtime, folder: Path, state: str, keep: int | None, *, besides: Path) -> tuple[Path, ...]:
    """Return the older backups of this state in a folder that are more than are to be kept, this one counted."""
    if keep is None or not folder.is_dir():
        return ()
    name = re.compile(rf"ytpool-{re.escape(rt.config.profile)}-\d{{8}}T\d{{6}}Z\.db")
    older = sorted(
        (one for one in folder.iterdir() if name.fullmatch(one.name) and one.name < besides.name), reverse=True
    )
    ours = [one for one in older if (there := copies.marks(one)) is not None and there.state == state]
    return tuple(ours[keep - 1 :])


def _sha256(rt: Runtime, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_AT_ONCE):
            digest.update(block)
            rt.require_going()
    return digest.hexdigest()
