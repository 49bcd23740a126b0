"""Files with browser sessions, taken into the vault. A file stays where it is unless it was said that it goes; then it
goes last, after what was stored of it has been read back.
"""

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from ytpool.actions import secrets
from ytpool.actions.sessions import described, idle_for, renew, require_free, require_login
from ytpool.domain import cookies, ids, sessions
from ytpool.domain.cookies import LARGEST_BYTES, SUFFIXES, Format, StorageState
from ytpool.domain.secret import Secret
from ytpool.domain.sessions import Reading, SessionState
from ytpool.errors import SessionsInvalid, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import sessions as stored
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind
from ytpool.store.sessions import Session

_AT_ONCE = 50
_BYTES_AT_ONCE = 16 * 1024 * 1024
_PROXIES = ("http", "https", "socks4", "socks5", "socks5h")
_NOBODY = re.compile(
    r"(?:[\w.-]+\.[a-z]{2,}[ _-]+)?(?:cookies?|state|storage[ _-]?state|sessions?|auth)[ _-]*\(?\d*\)?", re.IGNORECASE
)
"""What programs call such a file by themselves: that is nobody's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of the files beside their names."""

    user: str | None = None
    platform: str | None = None
    name: str | None = None
    proxy: Secret | None = None
    user_agent: str = ""
    renews: bool = False
    """They are the new content of what is there, where something is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What became of one file, or would."""

    file: str
    outcome: str
    """stored, renewed, updated, already_stored, refused; and with a dry run would_store, would_renew, would_update"""
    format: Format | None = None
    user: str | None = None
    platform: str | None = None
    name: str | None = None
    session: str | None = None
    state: SessionState | None = None
    cookies: int = 0
    expires_at: datetime | None = None
    login_ends_at: datetime | None = None
    note: str = ""
    deleted: bool = False
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A file that holds a session."""

    path: Path
    seen: tuple[int, ...]
    """Which file it was, and how it looked: what is another by now is not deleted."""
    state: StorageState
    login: cookies.Login
    user: str
    platform: str


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that may hold sessions, in order."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES))
    except OSError as error:
        raise SessionsInvalid(
            f"the folder {folder} cannot be read: {error.strerror}", hint="name the folder that holds the session files"
        ) from error
    return tuple(folder / name for name in found)


def require_said(said: Said) -> Said:
    """Return what is said of the files in its one spelling; raises UsageWrong where it cannot be."""
    agent = said.user_agent.strip()
    if agent and not (agent.isascii() and agent.isprintable() and len(agent) <= _LONGEST_AGENT):
        raise UsageWrong("the user agent is none", hint="what a browser calls itself, in one line of plain letters")
    if said.proxy is not None:
        _require_proxy(said.proxy)
    return replace(
        said,
        user=None if said.user is None else sessions.require_name(said.user, "user"),
        platform=None if said.platform is None else sessions.require_platform(said.platform),
        name=None if said.name is None else sessions.require_name(said.name, "session's name"),
        user_agent=agent,
    )


_LONGEST_AGENT = 500


def _require_proxy(proxy: Secret) -> None:
    try:
        parts = urlsplit(proxy.reveal())
        right = parts.scheme in _PROXIES and parts.hostname and parts.port is not None
    except ValueError:
        right = False
    if not right or not proxy.reveal().isprintable() or " " in proxy.reveal():
        raise UsageWrong(
            "the proxy is no address", hint=f"write it as http://HOST:PORT; it may be {', '.join(_PROXIES)}"
        )


def migrate(
    rt: Runtime, files: Iterable[Path], said: Said, *, dry_run: bool = False, delete: bool = False
) -> Iterator[Migrated]:
    """Take files into the vault; says of each, in their order, what became of it.

    A file that was taken before is known again. With `delete` a file is removed once what is stored of it was read
    back; one that has changed meanwhile, or is a link to another place, stays.
    """
    rt.open_vault()
    for some in _in_bundles(rt, files, said):
        with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
            found = [(one, one if isinstance(one, Migrated) else _take(rt, tx, one, said)) for one in some]
        for one, done in found:
            if isinstance(one, _Read) and done.problem is None:
                yield _imagined(done) if dry_run else _deleted(rt, one, done) if delete else done
            else:
                yield done


_WOULD = {"stored": "would_store", "renewed": "would_renew", "updated": "would_update"}


def _imagined(done: Migrated) -> Migrated:
    is_new = done.outcome == "stored"
    return replace(done, outcome=_WOULD.get(done.outcome, done.outcome), session=None if is_new else done.session)


def _in_bundles(rt: Runtime, files: Iterable[Path], said: Said) -> Iterator[Sequence[_Read | Migrated]]:
    """Read the files, so many at once as one transaction takes."""
    bundle: list[_Read | Migrated] = []
    size = 0
    for path in files:
        guessed = cookies.named(path.name) or (None, None)
        try:
            one: _Read | Migrated = _read(rt, path, said)
        except YtpoolError as problem:
            one = Migrated(
                file=str(path),
                outcome="refused",
                user=said.user or guessed[0],
                platform=said.platform or guessed[1],
                problem=problem,
            )
        bundle.append(one)
        size += len(one.state.content.reveal()) if isinstance(one, _Read) else 0
        if len(bundle) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield bundle
            bundle, size = [], 0
    if bundle:
        yield bundle


def _read(rt: Runtime, path: Path, said: Said) -> _Read:
    text, seen = _content(path)
    state = cookies.read(text)
    listed = json.loads(state.content.reveal())["cookies"]
    guessed = cookies.named(path.name)
    platform = said.platform or (guessed[1] if guessed else cookies.platform_of(listed))
    user = said.user
    if user is None and guessed is not None and guessed[1] == platform:
        user = guessed[0]
    elif user is None and not _NOBODY.fullmatch(path.stem):
        user = path.stem
    if not user or not platform:
        missing = " and ".join(
            word for word, known in (("whose session it is", user), ("where", platform)) if not known
        )
        raise SessionsInvalid(
            f"nothing says {missing}",
            hint="name the file USER_PLATFORM.json, or say it: --user U --platform P",
        )
    known = described(rt, platform)
    login = cookies.login(listed, known)
    require_login(login, known)
    return _Read(
        path=path,
        seen=seen,
        state=state,
        login=login,
        user=sessions.require_name(user, "user"),
        platform=platform,
    )


def read_file(path: Path) -> str:
    """Read a file that may hold a session; raises SessionsInvalid where it cannot."""
    return _content(path)[0]


def _content(path: Path) -> tuple[str, tuple[int, ...]]:
    unreadable = f"{path.name} is a folder or a pipe, and no file"
    try:
        # Without O_NONBLOCK a pipe of that name would be waited at for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise SessionsInvalid(unreadable, hint="name a file, or a folder with --all")
            with os.fdopen(handle, "rb", closefd=False) as file:
                raw = file.read(LARGEST_BYTES + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise SessionsInvalid(f"the file cannot be read: {error.strerror}", hint="check the path") from error
    if len(raw) > LARGEST_BYTES:
        raise SessionsInvalid(f"the file is larger than any browser session, which has {LARGEST_BYTES:,} bytes at most")
    try:
        return raw.decode("utf-8"), _look(status)
    except UnicodeDecodeError as error:
        raise SessionsInvalid("the file is no text, so it is no browser session") from error


def _look(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _take(rt: Runtime, tx: Tx, one: _Read, said: Said) -> Migrated:
    base = Migrated(
        file=str(one.path),
        outcome="refused",
        format=one.state.format,
        user=one.user,
        platform=one.platform,
        cookies=one.state.cookies,
        expires_at=one.state.expires_at,
        login_ends_at=one.login.ends_at,
    )
    of_this = replace(said, user=one.user, platform=one.platform)
    known = stored.with_digest(tx, one.user, one.platform, one.state.digest, idle_for(rt))
    try:
        if known is not None and not (said.renews and known.version > 1):
            outcome = (
                "already_stored" if said.proxy is None and said.user_agent in ("", known.user_agent) else "updated"
            )
            session = known.session
        elif (old := to_renew(rt, tx, of_this) if said.renews else None) is not None:
            outcome, session = "renewed", renew(rt, tx, old, one.state, digest=one.state.digest).session
        else:
            outcome, session = "stored", add(rt, tx, of_this, one.state, one.login)
    except YtpoolError as problem:
        return replace(base, problem=problem)
    equip(rt, tx, session, said)
    now = stored.get(tx, session, idle_for(rt))
    assert now is not None
    return replace(base, outcome=outcome, session=session, name=now.name, state=now.state, note=now.reason)


def to_renew(rt: Runtime, tx: Tx, said: Said) -> Session | None:
    """Return the one session that is there already, if nobody has it; None where there is none."""
    assert said.user is not None
    found = stored.meant(tx, Reading(said.user, said.platform, said.name), idle_for(rt))
    if len(found) > 1:
        raise UsageWrong(
            f"{said.user} has {len(found)} sessions there: {', '.join(each.spoken for each in found)}",
            hint="say which is meant, or what a new one is called: --name NAME",
        )
    if not found:
        return None
    require_free(tx, found[0])
    return found[0]


def add(rt: Runtime, tx: Tx, said: Said, content: StorageState, login: cookies.Login) -> str:
    """Store one more session of a user on a platform, and return its id."""
    assert said.user is not None
    assert said.platform is not None
    session = ids.new(tx.now, rt.rng)
    stored.add(
        tx,
        session,
        user=said.user,
        platform=said.platform,
        name=_name(tx, said.user, said.platform, said.name),
        digest=content.digest,
        cookies=content.cookies,
        expires_at=content.expires_at,
        login_ends_at=login.ends_at,
    )
    secrets.keep(rt, tx, Kind.BROWSER_SESSION, session, content.content)
    return session


def equip(rt: Runtime, tx: Tx, session: str, said: Said) -> None:
    """Keep how a session is to be used, as far as that was said."""
    if said.user_agent:
        stored.set_user_agent(tx, session, said.user_agent)
    if said.proxy is not None:
        secrets.keep(rt, tx, Kind.SESSION_PROXY, session, said.proxy)


def _name(tx: Tx, user: str, platform: str, name: str | None) -> str:
    """Return what a new session is called: as was said, else nothing for the first of a pair, a number for the next."""
    taken = set(stored.names(tx, user, platform))
    if name is not None:
        if name in taken:
            raise UsageWrong(
                f"{sessions.spoken(user, platform, name)} is another session already",
                hint="give this one another --name, or say --renew",
            )
        return name
    return "" if "" not in taken else next(str(n) for n in range(2, len(taken) + 3) if str(n) not in taken)


def _deleted(rt: Runtime, one: _Read, done: Migrated) -> Migrated:
    """Remove a file whose session is surely in the vault."""
    assert done.session is not None
    with rt.store.reading() as tx:
        kept = secrets.read(rt, tx, Kind.BROWSER_SESSION, done.session)
    if kept is None or (done.outcome in ("stored", "renewed") and kept != one.state.content):
        return replace(done, problem=SessionsInvalid("the file is left: what is stored of it is not what it holds"))
    try:
        status = os.lstat(one.path)
        if stat.S_ISLNK(status.st_mode):
            return replace(done, note="a link to another place; it is left")
        if _look(status) != one.seen:
            return replace(done, problem=SessionsInvalid("the file has changed since it was read; it is left"))
        one.path.unlink()
    except OSError as error:
        problem = SessionsInvalid(f"it is stored, and its file could not be deleted: {error.strerror}")
        return replace(done, problem=problem)
    return replace(done, deleted=True)
