"""Browser sessions of many users in one safe place: storage-state files in, what is there out."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ytpool.actions import secrets
from ytpool.domain import cookies, ids
from ytpool.domain.secret import Secret
from ytpool.errors import SessionsInvalid, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import sessions
from ytpool.store.secrets import Kind
from ytpool.store.sessions import Session

_LARGEST = 10_000_000
"""Bytes of a storage-state file; a real one has tens of thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What became of one file."""

    file: str
    outcome: str
    """stored, would_store, already_stored or refused"""
    user: str | None
    platform: str | None
    session: str | None
    cookies: int
    expires_at: datetime | None
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    sessions: tuple[Session, ...]


def migrate(
    rt: Runtime, path: Path, *, user: str | None = None, platform: str | None = None, dry_run: bool = False
) -> Migrated:
    """Take one storage-state file into the vault; the file itself is left where it is."""
    try:
        content = _content(path)
        guessed = cookies.named(path.name)
        whose = user or (guessed[0] if guessed else None)
        where = platform or (guessed[1] if guessed else None)
        state = cookies.from_storage_state(content)
        if not whose or not where:
            raise SessionsInvalid(
                f"{path.name} does not say whose session it is and where",
                hint="name the file USER_PLATFORM.json, or say it: --user U --platform P",
            )
    except YtpoolError as problem:
        return Migrated(
            file=str(path),
            outcome="refused",
            user=user,
            platform=platform,
            session=None,
            cookies=0,
            expires_at=None,
            problem=problem,
        )
    if not dry_run:
        rt.open_vault()
    outcome, session = "would_store", None
    with rt.store.reading() if dry_run else rt.store.transaction() as tx:
        known = sessions.with_digest(tx, whose, where, state.digest)
        if known is not None:
            outcome, session = "already_stored", known.session
        elif not dry_run:
            outcome, session = "stored", ids.new(tx.now, rt.rng)
            sessions.add(
                tx,
                session,
                user=whose,
                platform=where,
                digest=state.digest,
                cookies=state.cookies,
                expires_at=state.expires_at,
            )
            secrets.keep(rt, tx, Kind.BROWSER_SESSION, session, Secret(content))
    return Migrated(
        file=str(path),
        outcome=outcome,
        user=whose,
        platform=where,
        session=session,
        cookies=state.cookies,
        expires_at=state.expires_at,
    )


def list_sessions(rt: Runtime) -> SessionList:
    with rt.store.reading() as tx:
        return SessionList(sessions=tuple(sessions.every(tx)))


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the JSON files of a folder, in order."""
    if not folder.is_dir():
        raise SessionsInvalid(f"there is no folder {folder}", hint="name the folder that holds the session files")
    return tuple(sorted(path for path in folder.iterdir() if path.suffix == ".json"))


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            raise SessionsInvalid(f"there is no file {path}", hint="check the path")
        if path.stat().st_size > _LARGEST:
            raise SessionsInvalid(f"{path} is larger than any storage state ({_LARGEST:,} bytes)")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SessionsInvalid(f"{path} is no text, so it is no storage state") from error
    except OSError as error:
        raise SessionsInvalid(f"{path} cannot be read: {error.strerror}") from error
