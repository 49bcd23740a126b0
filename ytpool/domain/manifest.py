"""Batches as people write them: a table, one object a line, or a small TOML file beside each video.

Everything wrong is found at once, each with its place, because nothing of a batch is sent before all of it is right.
Text goes in and values come out; no file is opened here, so `Batch.named` lists the files whose presence the caller
checks, also those of rows that have other faults.
"""

import csv
import io
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, tzinfo
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, NoReturn

from ytpool.domain import captions, moments, publication, video
from ytpool.domain.captions import Caption
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import PlaylistWish, Publication
from ytpool.domain.video import Licence, Localization, Privacy, VideoRequest

SIDECAR = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every video of a batch that says nothing else: flags, then settings."""

    target: Target | None = None
    video: VideoRequest = field(default_factory=lambda: VideoRequest(title=""))
    """An empty title becomes the file's name; `notify` is the setting for a single file."""
    notify: bool | None = None
    """What the command line asked for; None where it said nothing."""
    playlists: tuple[PlaylistWish, ...] = ()
    create_playlists: bool = False
    """Make every playlist that is named by a title and missing, not only those written as `+title`."""
    key: str = ""
    zone: tzinfo = UTC
    """Moments without an offset are meant in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a batch, and where."""

    source: str
    line: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}" if self.column is None else f"{place}: {self.column}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One video of a batch."""

    source: str
    line: int | None
    file: PurePath
    publication: Publication
    target: Target
    key: str
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where a column stands, if not on the entry's own line."""

    def line_of(self, column: str) -> int | None:
        return self.lines.get(column, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A file that a batch names, and where it does."""

    source: str
    line: int | None
    column: str
    path: PurePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch asks for. With any problem none of it is to be sent."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A video, and what the TOML file beside it says; no content where there is no such file."""

    video: PurePath
    path: PurePath | None = None
    content: bytes = b""


def read_manifest(source: PurePath, content: bytes, defaults: Defaults, now: datetime) -> Batch:
    """Read a manifest, CSV or JSON Lines by its suffix; paths in it are relative to its folder."""
    match source.suffix.lower():
        case ".csv":
            return read_csv(source, content, defaults, now)
        case ".jsonl" | ".ndjson":
            return read_jsonl(source, content, defaults, now)
        case suffix:
            said = f"a manifest ends in .csv or .jsonl, not in {suffix or 'nothing'}"
            return Batch(entries=(), problems=(Problem(source=str(source), line=None, column=None, message=said),))


def read_csv(source: PurePath, content: bytes, defaults: Defaults, now: datetime) -> Batch:
    """Read a table with one row per video; its first row names the columns."""
    reading = _Reading(source, defaults, now)
    text = reading.decode(content)
    if text is not None:
        for row in _table(reading, text):
            reading.take(row)
    return _batch([reading], defaults)


def read_jsonl(source: PurePath, content: bytes, defaults: Defaults, now: datetime) -> Batch:
    """Read one JSON object per line, each a video."""
    reading = _Reading(source, defaults, now)
    text = reading.decode(content)
    if text is not None:
        # Not splitlines(): JSON allows some of the signs that it splits at inside of a text.
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                _take_json(reading, number, line)
    return _batch([reading], defaults)


def read_sidecars(sidecars: Sequence[Sidecar], defaults: Defaults, now: datetime) -> Batch:
    """Read videos that each have a TOML file beside them or none; paths in one are relative to its folder."""
    readings = []
    for one in sidecars:
        reading = _Reading(one.path or one.video, defaults, now)
        text = reading.decode(one.content)
        if text is not None:
            _take_toml(reading, one.video, text)
        readings.append(reading)
    return _batch(readings, defaults)


def pair(folder: PurePath, names: Iterable[str]) -> tuple[tuple[Sidecar, ...], tuple[Problem, ...]]:
    """Find the videos among a folder's names, by their suffix, and the TOML file of each, still unread.

    Other files, and hidden ones, are left alone.
    """
    seen = sorted(name for name in names if not name.startswith("."))
    videos = [PurePath(name) for name in seen if video.content_type(name).startswith("video/")]
    by_stem: dict[str, list[PurePath]] = {}
    for one in videos:
        by_stem.setdefault(one.stem, []).append(one)
    notes = {PurePath(name).stem: name for name in seen if PurePath(name).suffix == SIDECAR}
    problems = [
        Problem(source=str(folder / note), line=None, column=None, message=said)
        for stem, note in notes.items()
        if (said := _not_of_one(stem, by_stem))
    ]
    if not videos:
        problems.append(Problem(source=str(folder), line=None, column=None, message="there are no videos in it"))
    found = (
        Sidecar(video=folder / one, path=folder / notes[one.stem] if one.stem in notes else None) for one in videos
    )
    return tuple(found), tuple(problems)


def _not_of_one(stem: str, by_stem: Mapping[str, Sequence[PurePath]]) -> str:
    match by_stem.get(stem, ()):
        case []:
            return f"there is no video of this name{_meant(stem, by_stem)}"
        case [_]:
            return ""
        case several:
            return f"it stands beside {' and '.join(map(str, several))}; which is it for?"


class _Wrong(Exception):
    """A value is not what its column wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One video as it is written: values by column, and the line of each where it is known."""

    line: int | None
    values: Mapping[str, object]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, column: str) -> int | None:
        return self.lines.get(column, self.line)


class _Reading:
    """One manifest or sidecar on its way from text to values."""

    def __init__(self, source: PurePath, defaults: Defaults, now: datetime) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.named: list[Named] = []
        self.found: list[tuple[Entry, bool | None]] = []
        """Each with what its row says about notifying subscribers."""
        self._defaults = defaults
        self._now = now

    def says(self, message: str, line: int | None = None, column: str | None = None) -> None:
        self.problems.append(Problem(source=str(self.source), line=line, column=column, message=message))

    def decode(self, content: bytes) -> str | None:
        """Return the text, without its byte order mark; None, with the problem noted, where it is none."""
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            self.says("it is written in UTF-16; save it as UTF-8")
            return None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.says(f"byte {content[error.start]:#04x} is no UTF-8; save the file as UTF-8", line)
            return None
        if "\0" in text:
            self.says("there is a zero byte in it, so this is no text", text.count("\n", 0, text.index("\0")) + 1)
            return None
        return text

    def by_column(
        self, values: Mapping[str, object], line: int | None, lines: Mapping[str, int] | None = None
    ) -> dict[str, object]:
        """Return the values by column, with a problem for every name that is none, or that means one twice."""
        columns = {name: _column(name) for name in values}
        known: dict[str, object] = {}
        for name, column in columns.items():
            if column in known:
                self.says(f"{column!r} is named twice", (lines or {}).get(column, line))
            known[column] = values[name]
        self.require_columns(known, line, lines)
        return known

    def require_columns(self, columns: Iterable[str], line: int | None, lines: Mapping[str, int] | None = None) -> None:
        """Note a problem for everything that is no column of ours."""
        for column in columns:
            if column not in _COLUMNS:
                where = (lines or {}).get(column, line)
                self.says(f"{column!r} is no column{_meant(column, _COLUMNS)}; there are {', '.join(_COLUMNS)}", where)

    def take(self, row: _Row) -> None:
        """Turn one row into an entry, or into its problems."""
        values, faulty = self._read(row)
        self._name_files(row, values)
        target = self._target(row, values, faulty)
        if "file" not in values:
            if "file" not in faulty:
                self.says("there is no file", row.line, "file")
            return
        wanted = self._publication(values)
        refused = [
            (column, sentence)
            for column, sentence in publication.problems_by_field(wanted, self._now)
            if column not in faulty
        ]
        for column, sentence in refused:
            self.says(sentence, row.line_of(column), column)
        if target is None or faulty or refused:
            return
        entry = Entry(
            source=str(self.source),
            line=row.line,
            file=self._beside(values["file"]),
            publication=wanted,
            target=target,
            key=values.get("key", self._defaults.key),
            lines=row.lines,
        )
        self.found.append((entry, values.get("notify")))

    def _read(self, row: _Row) -> tuple[dict[str, Any], set[str]]:
        """Return what the columns say, and the columns that say nothing we understand."""
        values: dict[str, Any] = {}
        faulty: set[str] = set()
        for column, value in row.values.items():
            if column not in _COLUMNS or value is None:
                continue
            try:
                values[column] = _COLUMNS[column](value, self._defaults)
            except _Wrong as wrong:
                faulty.add(column)
                self.says(str(wrong), row.line_of(column), column)
        return values, faulty

    def _beside(self, path: str | PurePath) -> PurePath:
        return self.source.parent / path

    def _name_files(self, row: _Row, values: Mapping[str, Any]) -> None:
        paths = [(column, values[column]) for column in ("file", "thumbnail") if column in values]
        paths += [("captions", one.path) for one in values.get("captions", ())]
        self.named += [
            Named(source=str(self.source), line=row.line_of(column), column=column, path=self._beside(path))
            for column, path in paths
        ]

    def _target(self, row: _Row, values: Mapping[str, Any], faulty: set[str]) -> Target | None:
        account, pool = values.get("account"), values.get("pool")
        if faulty & {"account", "pool"}:
            return None
        if account is not None and pool is not None:
            said = f"it names the account {account} and the pool {pool}; name one"
            self.says(said, row.line_of("account"), "account")
            return None
        if account is not None:
            return Target(kind=TargetKind.ACCOUNT, name=account)
        if pool is not None:
            return Target(kind=TargetKind.POOL, name=pool)
        if self._defaults.target is None:
            self.says("it names no account and no pool; add one, or use --account or --pool", row.line)
        return self._defaults.target

    def _publication(self, values: Mapping[str, Any]) -> Publication:
        template = self._defaults.video
        given = {name: values[name] for name in _OF_THE_VIDEO if name in values}
        if "title" not in given and not template.title:
            given["title"] = video.default_title(values["file"])
        return Publication(
            video=replace(template, **given),
            thumbnail=self._beside(values["thumbnail"]) if "thumbnail" in values else None,
            captions=tuple(replace(one, path=self._beside(one.path)) for one in values.get("captions", ())),
            playlists=values.get("playlists", self._defaults.playlists),
        )


def _batch(readings: Sequence[_Reading], defaults: Defaults) -> Batch:
    """Put together what was read: only the whole says which rows repeat, and whether one file alone may notify."""
    for reading in readings:
        if not reading.found and not reading.problems:
            reading.says("it names no videos")
    found = [one for reading in readings for one in reading.found]
    entries = []
    for entry, asked in found:
        notify = publication.notifies(
            asked=defaults.notify if asked is None else asked, files=len(found), setting=defaults.video.notify
        )
        whole = entry.publication
        entries.append(replace(entry, publication=replace(whole, video=replace(whole.video, notify=notify))))
    return Batch(
        entries=tuple(entries),
        problems=(*(problem for reading in readings for problem in reading.problems), *_repeated(entries)),
        named=tuple(named for reading in readings for named in reading.named),
    )


def _take_json(reading: _Reading, number: int, line: str) -> None:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        repeated.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return dict(pairs)

    try:
        values = json.loads(line, object_pairs_hook=once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        reading.says(f"this is no JSON: {error.msg} at character {error.colno}", number)
        return
    except (ValueError, RecursionError) as error:
        reading.says(f"this is no JSON that we read: {error}", number)
        return
    for name in repeated:
        reading.says(f"{name!r} is named twice", number)
    if isinstance(values, dict):
        reading.take(_Row(line=number, values=reading.by_column(values, number)))
    else:
        reading.says('a line is an object, as {"file": "talk.mp4"}', number)


def _take_toml(reading: _Reading, beside: PurePath, text: str) -> None:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        at = re.search(r"\(at line (\d+), column \d+\)$", str(error))
        said = str(error)[: at.start()].strip() if at else str(error)
        reading.says(f"this is no TOML: {said}", int(at[1]) if at else None)
        return
    lines = _lines_of(text)
    known = reading.by_column(values, None, lines)
    if "file" in known:
        reading.says(f"the file is {beside.name}, because this stands beside it", lines.get("file"), "file")
    reading.take(_Row(line=None, values={**known, "file": beside.name}, lines=lines))


def _table(reading: _Reading, text: str) -> Iterator[_Row]:
    """Read rows of CSV, each with the line on which it begins."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            if header is None:
                reading.says("it is empty; its first row names the columns, and one of them is file")
            return
        except csv.Error as error:
            reading.says(f'the row that begins here cannot be read: {error}; a " inside of a text is doubled', line)
            return
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _header(reading, cells, line)
            if header is None:
                return
        elif len(cells) != len(header):
            reading.says(
                f"this row has {len(cells)} cells, and there are {len(header)} columns; "
                "a text with a comma stands in quotes",
                line,
            )
        else:
            values = {
                column: cell.strip() if column != "description" else cell
                for column, cell in zip(header, cells, strict=True)
                if cell.strip()
            }
            yield _Row(line=line, values=values)


def _header(reading: _Reading, cells: Sequence[str], line: int) -> list[str] | None:
    if len(cells) == 1 and "file" not in map(_column, cells):
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if sign in cells[0]:
                reading.says(f"its columns are separated by {name}; save it with commas", line)
                return None
    header = [_column(cell) for cell in cells]
    for name, times in Counter(header).items():
        if times > 1:
            reading.says(f"the column {name!r} is there {times} times", line)
    reading.require_columns(dict.fromkeys(header), line)
    if "file" not in header:
        reading.says(f"there is no column file{_meant('file', header, 'is it ')}", line)
        return None
    return header


def _repeated(entries: Iterable[Entry]) -> Iterator[Problem]:
    first: dict[tuple[PurePath, Target, str], Entry] = {}
    for entry in entries:
        same = first.setdefault((entry.file, entry.target, entry.key), entry)
        if same is not entry:
            where = same.source if same.line is None else f"line {same.line}"
            said = f"{entry.file} for {entry.target} is there already, in {where}; with another key it is another job"
            yield Problem(source=entry.source, line=entry.line, column="file", message=said)


def _column(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _meant(name: str, known: Iterable[str], says: str = "did you mean ") -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; {says}{close[0]}?" if close else ""


def _lines_of(text: str) -> dict[str, int]:
    """Find the lines of TOML's keys: good enough to point at, since its parser keeps none."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = re.match(r"\s*\[*\s*[\"']?([\w -]+?)[\"']?\s*[=.\]]", line)
        if match:
            found.setdefault(_column(match[1]), number)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


# What stands in a column becomes a value. Cells of a table are always text; JSON and TOML know more kinds.


def _text(value: object, _: Defaults) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
        value = str(value)
    if not isinstance(value, str):
        raise _Wrong(f"{_shown(value)} is no text")
    return value


def _name(value: object, defaults: Defaults) -> str:
    text = _text(value, defaults).strip()
    if not text:
        raise _Wrong("it is empty")
    return _encodable(text)


def _key(value: object, defaults: Defaults) -> str:
    return _encodable(_text(value, defaults).strip())


def _encodable(text: str) -> str:
    if any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in text):
        raise _Wrong(f"{text!r} is no text in UTF-8")
    return text


def _path(value: object, _: Defaults) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"{_shown(value)} is no path")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _Wrong(f"{value!r} is no path, it has half a sign in it") from None
    if "\0" in value:
        raise _Wrong(f"{value!r} is no path, it has a zero byte in it")
    return value


def _bool(value: object, _: Defaults) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.strip().lower() in ("true", "yes", "on", "1"):
            return True
        if value.strip().lower() in ("false", "no", "off", "0"):
            return False
    raise _Wrong(f"{_shown(value)} is neither yes nor no")


def _moment(value: object, defaults: Defaults) -> datetime:
    try:
        if isinstance(value, datetime):
            return moments.in_utc(value, defaults.zone)
        if isinstance(value, date):
            return moments.in_utc(datetime.combine(value, time()), defaults.zone)
        if isinstance(value, str):
            return moments.typed(value, defaults.zone)
    except ValueError as error:
        raise _Wrong(str(error)) from None
    raise _Wrong(f"{_shown(value)} is no date and time; write it as 2026-12-24T18:00")


def _day(value: object, _: Defaults) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    raise _Wrong(f"{_shown(value)} is no date; write it as 2026-12-24")


def _one_of(choices: type[Privacy] | type[Licence]) -> Callable[[object, Defaults], Privacy | Licence]:
    def read(value: object, _: Defaults) -> Privacy | Licence:
        known = {choice.value.lower(): choice for choice in choices}
        said = value.strip().lower() if isinstance(value, str) else ""
        if said in known:
            return known[said]
        close = get_close_matches(said, known, n=1)
        hint = f"; did you mean {known[close[0]].value}?" if close else ""
        raise _Wrong(f"{_shown(value)} is none of {', '.join(choice.value for choice in choices)}{hint}")

    return read


def _tags(value: object, defaults: Defaults) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(tag.strip() for tag in re.split("[,;]", value) if tag.strip())
    return tuple(_text(tag, defaults) for tag in _list(value, "tags"))


def _playlists(value: object, defaults: Defaults) -> tuple[PlaylistWish, ...]:
    several = value.split(";") if isinstance(value, str) else _list(value, "playlists")
    return tuple(
        publication.playlist(_text(one, defaults), create=defaults.create_playlists)
        for one in several
        if not isinstance(one, str) or one.strip()
    )


def _captions(value: object, defaults: Defaults) -> tuple[Caption, ...]:
    several = value.split(";") if isinstance(value, str) else _list(value, "captions")
    return tuple(_caption(one, defaults) for one in several if not isinstance(one, str) or one.strip())


def _caption(value: object, defaults: Defaults) -> Caption:
    if isinstance(value, Mapping):
        unknown = sorted(str(name) for name in value.keys() - {"path", "language", "name"})
        if unknown or not {"path", "language"} <= value.keys():
            raise _Wrong(f"a caption has a language, a path and perhaps a name, not {', '.join(map(str, value))}")
        found = Caption(
            path=PurePath(_path(value["path"], defaults)),
            language=_name(value["language"], defaults),
            name=_text(value.get("name", ""), defaults).strip(),
        )
    else:
        try:
            found = captions.parse(_text(value, defaults))
        except ValueError as error:
            raise _Wrong(str(error)) from None
        _path(str(found.path), defaults)
        _encodable(found.language)
    _encodable(found.name)
    return found


def _localizations(value: object, defaults: Defaults) -> tuple[Localization, ...]:
    if not isinstance(value, Mapping):
        raise _Wrong("localizations are written in JSON or TOML, as title and description by language")
    found = []
    for language, texts in value.items():
        if not isinstance(texts, Mapping) or not {"title"} <= texts.keys() <= {"title", "description"}:
            raise _Wrong(f"the localization {language!r} wants a title, and perhaps a description")
        found.append(
            Localization(
                language=str(language),
                title=_text(texts["title"], defaults),
                description=_text(texts.get("description", ""), defaults),
            )
        )
    return tuple(found)


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise _Wrong(f"{_shown(value)} is no list of {what}")
    return value


def _shown(value: object) -> str:
    match value:
        case str():
            shown = repr(value)
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case int() if value.bit_length() >= 64:  # Python refuses to write very long ones
            return "such a number"
        case _:
            shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


_OF_THE_VIDEO: Mapping[str, Callable[[object, Defaults], Any]] = {
    "title": _text,
    "description": _text,
    "tags": _tags,
    "category": _name,
    "privacy": _one_of(Privacy),
    "publish_at": _moment,
    "language": _name,
    "made_for_kids": _bool,
    "synthetic": _bool,
    "licence": _one_of(Licence),
    "embeddable": _bool,
    "public_stats": _bool,
    "recorded_on": _day,
    "localizations": _localizations,
}
_COLUMNS: Mapping[str, Callable[[object, Defaults], Any]] = {
    "file": _path,
    **_OF_THE_VIDEO,
    "account": _name,
    "pool": _name,
    "key": _key,
    "thumbnail": _path,
    "captions": _captions,
    "playlists": _playlists,
    "notify": _bool,
}
"""The columns of a table, and the keys of an object or a sidecar; each says how its value is read."""
