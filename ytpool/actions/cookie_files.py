"""Cookie files of other programs: looked at, and replaced by what the operator's command fetches; else never written.

A refresh runs on one machine and in one process at a time, and begins at most once in five minutes whatever came of
the one before: a login that fails is no reason to log in again and again. What the command leaves is read, checked and
only then put in the file's place, whole.
"""

import contextlib
import errno
import glob
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from ytpool.actions import programs
from ytpool.actions.heartbeat import renewing
from ytpool.domain import cookies, moments, platforms
from ytpool.domain.cookies import StorageState
from ytpool.domain.platforms import Platform
from ytpool.domain.providers import hushed
from ytpool.errors import (
    Busy,
    ConfigInvalid,
    FileInvalid,
    HoldLost,
    RefreshFailed,
    Resting,
    SessionsInvalid,
    UnknownName,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import leases, owners, refreshes
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.refreshes import Outcome

ONCE_IN = timedelta(minutes=5)
"""However a refresh ends, the next one begins no sooner."""

_LASTS_FOR = leases.SESSION_REFRESH_LASTS_FOR
_SHORTEST_SECRET = 6
_YOUTUBE = "youtube"
_FILE = "YTPOOL_COOKIES_FILE"
_ACCOUNT = "YTPOOL_ACCOUNT"


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieFile:
    """Whose cookies are where."""

    account: str
    """Empty where nobody said whose they are."""
    path: Path

    @property
    def name(self) -> str:
        """What it is called where it is one of many things that are looked at."""
        return f"cookie file {self.account}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """What can be said of a cookie file without showing it."""

    exists: bool
    usable: bool
    message: str
    size_bytes: int = 0
    last_modified: datetime | None = None
    cookies: int = 0
    ends_at: datetime | None = None
    """From then on nobody is logged in with it; None where its cookies do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSeen:
    """How it stands with the refreshes of an account."""

    by: str = ""
    """Which host, and which process there, is at it now."""
    begun_at: datetime | None = None
    outcome: Outcome | None = None
    detail: str = ""
    next_in: float = 0.0
    """Seconds until another may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """An account has new cookies, or got them so lately that nothing was run."""

    account: str
    outcome: str
    """refreshed, or fresh."""
    path: str
    cookies: int
    ends_at: datetime | None
    refreshed_at: datetime
    next_at: datetime
    """No other refresh begins before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPlanned:
    """What a refresh would do now."""

    account: str
    path: str
    program: str
    """The command's first word: somebody may have written a key behind it."""
    seconds_until: float
    """0: it would begin at once."""
    in_progress_by: str


def every(rt: Runtime) -> tuple[CookieFile, ...]:
    """Return every cookie file of the settings, the one of `[serve]` first."""
    served = of_account(rt)
    named = [CookieFile(account=name, path=path) for name, path in rt.config.cookie_files.items()]
    return (*([served] if served else ()), *(one for one in named if served is None or one.account != served.account))


def of_account(rt: Runtime, account: str | None = None) -> CookieFile | None:
    """Return the cookie file of an account, or without one that of `[serve]`; None where the settings name none."""
    serve = rt.config.serve
    name = account or serve.account
    if name in rt.config.cookie_files:
        return CookieFile(account=name, path=rt.config.cookie_files[name])
    if serve.cookies_file and serve.account in ("", name):
        return CookieFile(account=name, path=Path(serve.cookies_file))
    return None


def look(file: CookieFile, now: datetime) -> FileSeen:
    """Look at a cookie file: is it there, can it be read, and is anybody still logged in with it."""
    return Watched(file).look(now)


class Watched:
    """A cookie file that is looked at again and again, and read only when it is another one than before."""

    def __init__(self, file: CookieFile) -> None:
        self._path = file.path
        self._mark: tuple[int, ...] = ()
        self._read: FileSeen | None = None

    def look(self, now: datetime) -> FileSeen:
        """Look at it once."""
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return FileSeen(exists=False, usable=False, message=f"there is no cookie file {self._path}")
        except OSError as error:
            return FileSeen(exists=False, usable=False, message=f"{self._path} cannot be looked at: {error.strerror}")
        mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if self._read is None or mark != self._mark:
            try:
                self._read = _seen(self._path, found)
            except FileInvalid as error:  # of the disk or the rights, which may change while the file does not
                self._read = None
                return FileSeen(exists=True, usable=False, message=error.message, size_bytes=found.st_size)
            self._mark = mark
        seen = self._read
        if not seen.usable or seen.ends_at is None:
            return seen
        lives = seen.ends_at > now
        message = f"the cookies {'live until' if lives else 'ended at'} {moments.spoken(seen.ends_at)}"
        return replace(seen, usable=lives, message=message)


def _seen(path: Path, found: os.stat_result) -> FileSeen:
    seen = FileSeen(
        exists=True,
        usable=False,
        message="",
        size_bytes=found.st_size,
        last_modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )
    try:
        state = _read(path)
        ends_at = _ends_at(state)
    except SessionsInvalid as error:
        return replace(seen, message=error.message)
    return replace(seen, usable=True, message="the cookies are there", cookies=state.cookies, ends_at=ends_at)


def refresh_seen(rt: Runtime, account: str) -> RefreshSeen:
    """Say who refreshes an account's cookies now, or how it went the last time."""
    with rt.store.reading() as tx:
        last = refreshes.latest(tx, account)
        if last is None:
            return RefreshSeen()
        return RefreshSeen(
            by=_who(tx, account),
            begun_at=last.begun_at,
            outcome=last.outcome,
            detail=last.detail,
            next_in=_seconds_left(refreshes.seconds_since(tx, last, rt.clock.now())),
        )


def planned(rt: Runtime, account: str) -> RefreshPlanned:
    """Say what a refresh would do, and do nothing."""
    file = require_file(rt, account)
    seen = refresh_seen(rt, account)
    return RefreshPlanned(
        account=account,
        path=str(file.path),
        program=_require_command(rt)[0],
        seconds_until=round(seen.next_in, 3),
        in_progress_by=seen.by,
    )


def refresh(rt: Runtime, account: str) -> Refreshed:
    """Run the operator's command for an account, check what it wrote, and put that in the cookie file's place.

    Raises Busy while somebody else is at it, Resting where it failed less than five minutes ago, and RefreshFailed
    where it came to nothing; the file is then what it was. One that succeeded so lately is good news, and not repeated.
    """
    file = require_file(rt, account)
    command = _require_command(rt)
    _require_place(file.path)
    with rt.store.transaction() as tx:
        lease = leases.take(tx, LeaseKind.SESSION_REFRESH, account, holder=_me(), lasts_for=_LASTS_FOR)
        last = refreshes.latest(tx, account)
        if lease is None:
            assert last is not None
            raise _in_progress(account, last, _who(tx, account))
        wait = 0.0 if last is None else _seconds_left(refreshes.seconds_since(tx, last, rt.clock.now()))
        if wait > 0:
            leases.give_back(tx, [lease])
        else:
            refreshes.begin(tx, account, rt.clock.now())
    if last is not None and wait > 0:
        return _as_it_was(rt, file, last, wait)
    begun_at = rt.clock.now()
    try:
        with renewing(rt, lease, _LASTS_FOR), _room(rt, account) as room:
            state, content = _run(rt, file, command, room)
            ends_at = _checked(rt, file, state)
            _replace(rt, lease, file, content)
    except BaseException as error:
        detail = error.message if isinstance(error, YtpoolError) else "it was broken off"
        with rt.store.transaction() as tx:
            if leases.holds(tx, lease):
                refreshes.end(tx, account, rt.clock.now(), Outcome.FAILED, detail)
            leases.give_back(tx, [lease])
        raise
    return Refreshed(
        account=account,
        outcome="refreshed",
        path=str(file.path),
        cookies=state.cookies,
        ends_at=ends_at,
        refreshed_at=rt.clock.now(),
        next_at=begun_at + ONCE_IN,
    )


def require_file(rt: Runtime, account: str) -> CookieFile:
    """Return an account's cookie file; raises UnknownName where the settings name none."""
    file = of_account(rt, account) if account else None
    if file is None:
        known = [one.account for one in every(rt) if one.account]
        raise UnknownName(
            f"the settings name no cookie file of {account!r}; they know {', '.join(known) or 'none at all'}",
            hint=f'write [cookie_files.{account}] and path = "..." below, or say [serve] account and cookies_file',
            account=account,
        )
    return file


def _require_command(rt: Runtime) -> tuple[str, ...]:
    command = rt.config.sessions_refresh.command
    if not command or not command[0]:
        raise ConfigInvalid(
            "no command is set that fetches new cookies",
            hint="write [sessions.refresh] and command = ['/path/to/program', '{account}', '{file}'] below",
        )
    return command


def _require_place(path: Path) -> None:
    """Refuse before anything is run what could not be put there afterwards."""
    place = path.resolve()
    if not place.parent.is_dir():
        raise FileInvalid(f"there is no folder {place.parent} for the cookies", hint="make it, or correct the path")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise FileInvalid(f"this user may not write in {place.parent}", hint="run it as who owns the cookie file")
    with contextlib.suppress(FileNotFoundError):
        found = place.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileInvalid(f"{place} is no file", hint="correct the path")
        if found.st_uid != os.geteuid() != 0:
            raise FileInvalid(
                f"{place} belongs to another user, who could not read what replaces it", hint="run it as that user"
            )


def _me() -> str:
    owner = owners.me()
    return f"{owner.host}/{owner.pid}"


def _who(tx: Tx, account: str) -> str:
    found = leases.holding(tx, LeaseKind.SESSION_REFRESH, account)
    return found.holder if found is not None and found.left else ""


def _seconds_left(since: float) -> float:
    # A clock that was set back makes nobody wait for longer than the five minutes.
    return min(max(0.0, ONCE_IN.total_seconds() - since), ONCE_IN.total_seconds())


def _in_progress(account: str, last: refreshes.Refresh, by: str) -> Busy:
    return Busy(
        f"the cookies of {account} are being refreshed, in progress since {moments.spoken(last.begun_at)}, by {by}",
        hint="wait for it; it has five minutes at the most",
        account=account,
        since=moments.text(last.begun_at),
        by=by,
    )


def _as_it_was(rt: Runtime, file: CookieFile, last: refreshes.Refresh, wait: float) -> Refreshed:
    next_at = rt.clock.now() + timedelta(seconds=wait)
    if last.outcome is Outcome.REPLACED:
        seen = look(file, rt.clock.now())
        if seen.usable:
            return Refreshed(
                account=file.account,
                outcome="fresh",
                path=str(file.path),
                cookies=seen.cookies,
                ends_at=seen.ends_at,
                refreshed_at=last.ended_at or last.begun_at,
                next_at=next_at,
            )
    how = {
        Outcome.REPLACED: "succeeded, and its file is not what it was",
        Outcome.FAILED: f"failed: {last.detail}",
        Outcome.RUNNING: "did not come to its end",
    }[last.outcome]
    raise Resting(
        f"the refresh of {moments.spoken(last.begun_at)} {how}; the cookies of {file.account} may be refreshed again "
        f"from {next_at:%H:%M:%S} UTC on",
        hint="wait until then; a login is not tried more than once in five minutes",
        account=file.account,
        until=moments.text(next_at),
    )


@contextlib.contextmanager
def _room(rt: Runtime, account: str) -> Iterator[Path]:
    """Make a folder of its own for what the command writes, and clear away those of refreshes that were killed."""
    prefix = f"refresh.{sha256(account.encode()).hexdigest()[:16]}."
    for left in rt.config.paths.folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    room = Path(tempfile.mkdtemp(prefix=prefix, dir=rt.config.paths.folder))  # 0700, whatever the umask
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _run(rt: Runtime, file: CookieFile, command: tuple[str, ...], room: Path) -> tuple[StorageState, bytes]:
    """Run the command, and read what it wrote."""
    timeout = rt.config.sessions_refresh.timeout
    written = room / "cookies"
    environ = {**programs.environment(rt), _FILE: str(written), _ACCOUNT: file.account}
    argv = [_filled(word, {"{account}": file.account, "{file}": str(written)}) for word in command]
    argv[0] = programs.find(rt, argv[0], environ) or argv[0]
    ran = rt.run_program(argv, environ=environ, timeout=timeout, to_its_end=False)
    name = Path(command[0]).name
    if not ran.started:
        raise RefreshFailed(f"{name} cannot be started: {ran.complaint}", hint="correct [sessions.refresh] command")
    rt.require_going()
    if ran.hung:
        raise RefreshFailed(
            f"{name} was not done within {timeout:g} seconds, and was ended", hint="look what holds it up"
        )
    if ran.status != 0:
        ended = f"ended with status {ran.status}" if ran.status > 0 else f"was ended by signal {-ran.status}"
        said = f": {hushed(ran.complaint, list(_values((file.path, written))))}" if ran.complaint else ""
        raise RefreshFailed(f"{name} {ended}{said}", hint="run it by hand and look", exit_status=ran.status)
    try:
        content = _bytes(written)
        return cookies.read(content.decode("utf-8")), content
    except FileNotFoundError:
        hint = f"let it write them to {{file}}, which is also ${_FILE}"
        raise RefreshFailed(f"{name} ended well, and wrote no cookies", hint=hint) from None
    except (YtpoolError, OSError, UnicodeDecodeError) as error:
        why = error.message if isinstance(error, YtpoolError) else "it is no file of text"
        raise RefreshFailed(f"what {name} wrote is not taken: {why}", hint="run it by hand and look") from error


def _values(files: Iterable[Path]) -> Iterator[str]:
    """Yield what no complaint may repeat."""
    for path in files:
        with contextlib.suppress(SessionsInvalid, FileInvalid):
            for cookie in json.loads(_read(path).content.reveal())["cookies"]:
                if len(cookie["value"]) >= _SHORTEST_SECRET:
                    yield cookie["value"]


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


def _checked(rt: Runtime, file: CookieFile, state: StorageState) -> datetime | None:
    """Return until when the new cookies live; raises RefreshFailed for what would serve nobody."""
    ends_at = _ends_at(state)
    if ends_at is not None and ends_at <= rt.clock.now():
        raise RefreshFailed(
            f"the new cookies ended at {moments.spoken(ends_at)}", hint="log in again, and let the command find that"
        )
    try:
        before = _read(file.path)
    except (SessionsInvalid, FileInvalid):  # lost or broken: that is why there are new ones
        return ends_at
    if before.format is not state.format:
        raise RefreshFailed(
            f"the new cookies are written as {state.format}, and {file.path} is read as {before.format}",
            hint="let the command write the same; what reads the file would not know the other",
        )
    if _is_login(before) and not _is_login(state):
        raise RefreshFailed(
            f"nobody is logged in at {_YOUTUBE} with the new cookies, as somebody was with the old",
            hint="log in again, and let the command find that",
        )
    return ends_at


def _is_login(state: StorageState) -> bool:
    login = cookies.login(json.loads(state.content.reveal())["cookies"], platforms.known(_YOUTUBE))
    return login.belongs and not login.missing


def _replace(rt: Runtime, lease: Lease, file: CookieFile, content: bytes) -> None:
    """Put the new cookies in the old ones' place, whole and for their owner only; without the lease, do nothing."""
    place = file.path.resolve()
    prefix = f".{place.name}.ytpool-"
    for left in place.parent.glob(f"{glob.escape(prefix)}*"):  # of a refresh that was killed right here
        left.unlink(missing_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=prefix, dir=place.parent)  # 0600, whatever the umask
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            with contextlib.suppress(FileNotFoundError):
                before = place.stat()
                if before.st_uid != os.geteuid():  # we are root: who reads it now shall go on reading it
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fsync(descriptor)
        # The rename stands in the transaction: nobody else can take the lease between the question and the deed.
        with rt.store.transaction() as tx:
            if not leases.holds(tx, lease):
                raise HoldLost(f"the refresh of {file.account} took longer than its lease", hint="look what held it up")
            Path(draft).replace(place)
            _settle_folder(place.parent)
            refreshes.end(tx, file.account, rt.clock.now(), Outcome.REPLACED, "")
            leases.give_back(tx, [lease])
    except OSError as error:
        hint = "make room" if error.errno == errno.ENOSPC else "look at the folder"
        raise RefreshFailed(f"{place} cannot be replaced: {error.strerror}", hint=hint) from error
    finally:
        Path(draft).unlink(missing_ok=True)


def _settle_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> StorageState:
    try:
        return cookies.read(_bytes(path).decode("utf-8"))
    except OSError as error:
        raise FileInvalid(f"the cookie file {path} cannot be read: {error.strerror}", hint="check the path") from None
    except UnicodeDecodeError:
        raise SessionsInvalid(f"the cookie file {path} is no text", hint="let it be written anew") from None


def _bytes(path: Path) -> bytes:
    # A pipe would be waited for, and a file may be of any size.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SessionsInvalid(f"{path.name} is no file", hint="let it be written as one")
        return opened.read(cookies.LARGEST_BYTES + 1)


def _ends_at(state: StorageState) -> datetime | None:
    """Return when nobody is logged in any more: at YouTube if it is a login there, else when the last cookie ends."""
    found = json.loads(state.content.reveal())["cookies"]
    login = cookies.login(found, platforms.known(_YOUTUBE))
    if not login.belongs or login.missing:
        login = cookies.login(found, Platform(name="any"))
    return login.ends_at
