"""Everything the sandbox knows, in memory, and the journal that brings it back.

The journal is JSON lines. One line is one change, whole or not there; it is written before the answer that depends
on it leaves, so whatever was answered survives a kill. The last value of a key wins; opening writes a short
journal without what nobody can ask for any more.
"""

import json
import os
import random
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from ytpool.domain import moments
from ytpool.errors import SandboxFailed, UnknownName
from ytpool.sandbox import faults
from ytpool.sandbox.faults import Play, Rule
from ytpool.sandbox.things import (
    Ban,
    Caption,
    Channel,
    Client,
    Code,
    Comment,
    Grant,
    Playlist,
    PlaylistItem,
    Project,
    Session,
    Task,
    Thing,
    Thumbnail,
    Token,
    Video,
)
from ytpool.sandbox.wire import Json

SESSION_LIVES_FOR = timedelta(days=7)
"""YouTube does not say; this is what Cloud Storage documents."""

_REFUSALS_KEPT = 1000
_URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

T = TypeVar("T", bound=Thing)


class Table(Generic[T]):
    """The things of one kind, by key, in the order in which they were made."""

    def __init__(self, world: "World", name: str, kind: type[T]) -> None:
        self._world = world
        self._name = name
        self._kind = kind
        self._rows: dict[str, T] = {}

    def put(self, thing: T) -> T:
        self._rows[thing.key] = thing
        self._world.note(self._name, thing.key, thing.to_row())
        return thing

    def drop(self, key: str) -> None:
        del self._rows[key]
        self._world.note(self._name, key, None)

    def get(self, key: str) -> T | None:
        return self._rows.get(key)

    def all(self) -> tuple[T, ...]:
        return tuple(self._rows.values())

    def load(self, key: str, row: Json | None) -> None:
        """Take what the journal says."""
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = self._kind.from_row(row)

    def clear(self) -> None:
        self._rows.clear()

    def rows(self) -> Iterator[tuple[str, str, Json]]:
        """Yield what the journal needs to say to bring this table back."""
        for key, thing in self._rows.items():
            yield self._name, key, thing.to_row()


class World:
    """The tables, the counts and the refusals. Whoever changes anything does it inside `change()`."""

    def __init__(self, folder: Path, *, seed: int, now: datetime) -> None:
        self._path = folder / "journal.jsonl"
        self._lock = threading.RLock()
        self._depth = 0
        self._pending: list[tuple[str, str, Any]] = []
        self.projects = Table(self, "projects", Project)
        self.clients = Table(self, "clients", Client)
        self.channels = Table(self, "channels", Channel)
        self.grants = Table(self, "grants", Grant)
        self.tokens = Table(self, "tokens", Token)
        self.codes = Table(self, "codes", Code)
        self.sessions = Table(self, "sessions", Session)
        self.videos = Table(self, "videos", Video)
        self.thumbnails = Table(self, "thumbnails", Thumbnail)
        self.captions = Table(self, "captions", Caption)
        self.comments = Table(self, "comments", Comment)
        self.bans = Table(self, "bans", Ban)
        self.playlists = Table(self, "playlists", Playlist)
        self.playlist_items = Table(self, "playlist_items", PlaylistItem)
        self.tasks = Table(self, "tasks", Task)
        self.faults = Table(self, "faults", Rule)
        self._tables: dict[str, Table[Any]] = {
            "projects": self.projects,
            "clients": self.clients,
            "channels": self.channels,
            "grants": self.grants,
            "tokens": self.tokens,
            "codes": self.codes,
            "sessions": self.sessions,
            "videos": self.videos,
            "thumbnails": self.thumbnails,
            "captions": self.captions,
            "comments": self.comments,
            "bans": self.bans,
            "playlists": self.playlists,
            "playlist_items": self.playlist_items,
            "tasks": self.tasks,
            "faults": self.faults,
        }
        self.counts: dict[str, int] = {}
        self.settings: Json = {"seed": seed}
        self.refused: dict[int, Json] = {}
        self._load()
        self._forget(now)
        self._journal = self._begin_journal()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the world still, and write what was changed as one line at the end."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._pending:
                    line, self._pending = self._pending, []
                    _write(self._journal, line)

    def note(self, table: str, key: str, value: Any) -> None:
        """Remember a changed value for the line that `change()` writes."""
        if not self._depth:
            raise RuntimeError("the sandbox's world is changed inside change() only")
        self._pending.append((table, key, value))

    def count(self, key: str, more: int = 1) -> int:
        """Add to a count, and return it."""
        self.counts[key] = self.counts.get(key, 0) + more
        self.note("counts", key, self.counts[key])
        return self.counts[key]

    def counted(self, prefix: str) -> dict[str, int]:
        """Return the counts under a prefix, without it."""
        return {key[len(prefix) :]: count for key, count in self.counts.items() if key.startswith(prefix)}

    def is_listed(self, things: str, made_at: datetime | None, now: datetime) -> bool:
        """Tell whether something new is in its list by now, as the setting `<things>_listed_after` has it."""
        return made_at is None or now >= made_at + timedelta(seconds=self.settings.get(f"{things}_listed_after") or 0)

    def strike(self, methods: Collection[str], *, channel: str, project: str, length: int) -> Play:
        """Ask the fault rules about a request, and remember that they were asked."""
        with self.change():
            play, asked = faults.strike(self.faults.all(), methods, channel=channel, project=project, length=length)
            for rule in asked:
                self.faults.put(rule)
        return play

    def set(self, name: str, value: Any) -> None:
        self.settings[name] = value
        self.note("settings", name, value)

    def refuse(self, row: Json) -> None:
        """Write down a request that YouTube would have refused as wrong."""
        number = self.count("refused")
        self.refused[number] = row
        self.refused.pop(number - _REFUSALS_KEPT, None)
        self.note("refused", str(number), row)

    def chance(self, kind: str) -> random.Random:
        """Return dice that fall the same way for the same seed, kind and count, restarts included."""
        return random.Random(f"{self.settings['seed']}/{kind}/{self.count(f'drawn/{kind}')}")

    def new_id(self, kind: str, length: int) -> str:
        """Make an id of characters that a URL can hold."""
        return "".join(self.chance(kind).choices(_URL_SAFE, k=length))

    def channel(self, name: str) -> Channel:
        """Find a channel by its id or its title."""
        found = self.channels.get(name) or next((each for each in self.channels.all() if each.title == name), None)
        if found is None:
            raise UnknownName(f"the sandbox has no channel {name!r}", name=name)
        return found

    def project(self, name: str) -> Project:
        """Find a project by its number, its name or its id."""
        found = self.projects.get(name) or next(
            (each for each in self.projects.all() if name in {each.name, each.project_id}), None
        )
        if found is None:
            raise UnknownName(f"the sandbox has no project {name!r}", name=name)
        return found

    def reset(self) -> None:
        """Forget everything but the seed."""
        with self._lock:
            for table in self._tables.values():
                table.clear()
            self.counts.clear()
            self.refused.clear()
            self.settings = {"seed": self.settings["seed"]}
            self._pending.clear()
            os.close(self._journal)
            self._journal = self._begin_journal()

    def close(self) -> None:
        with self._lock:
            os.close(self._journal)

    def _load(self) -> None:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        # What stands behind the last line's end was being written when the process died, and was never answered.
        for number, line in enumerate(lines[:-1], start=1):
            try:
                for table, key, value in json.loads(line):
                    self._take(table, key, value)
            except (ValueError, TypeError, KeyError) as error:
                raise SandboxFailed(
                    f"line {number} of {self._path} is damaged: {error}", hint="ytpool sandbox reset --yes"
                ) from error

    def _take(self, table: str, key: str, value: Any) -> None:
        if table == "counts":
            self.counts[key] = value
        elif table == "settings":
            self.settings[key] = value
        elif table == "refused":
            self.refused[int(key)] = value
        else:
            self._tables[table].load(key, value)

    def _forget(self, now: datetime) -> None:
        for code in self.codes.all():
            if code.expires_at <= now:
                self.codes.load(code.key, None)
        for token in self.tokens.all():
            if token.expires_at <= now - timedelta(days=1):
                self.tokens.load(token.key, None)
        for session in self.sessions.all():
            if session.started_at + SESSION_LIVES_FOR <= now:
                self.sessions.load(session.key, None)
        for number in sorted(self.refused)[:-_REFUSALS_KEPT]:
            del self.refused[number]

    def _begin_journal(self) -> int:
        draft = self._path.with_suffix(".draft")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        lines: list[tuple[str, str, Any]] = [("settings", name, value) for name, value in self.settings.items()]
        lines += [("counts", key, count) for key, count in self.counts.items()]
        lines += [("refused", str(number), row) for number, row in self.refused.items()]
        for table in self._tables.values():
            lines += table.rows()
        for line in lines:
            _write(file, [line])
        draft.replace(self._path)
        return file


def _write(file: int, line: list[tuple[str, str, Any]]) -> None:
    left = memoryview((json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n").encode())
    begins = os.lseek(file, 0, os.SEEK_END)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:  # half a line would hide the ones after it
        os.ftruncate(file, begins)
        raise


def when(moment: datetime | None) -> str | None:
    """Write a moment as the sandbox's truth shows it."""
    return None if moment is None else moments.text(moment)
