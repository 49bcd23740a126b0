"""From one row, wherever it was written, to one video of a batch; and from all rows to the batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from posixpath import normpath
from typing import Any

from ytpool.domain import publication, video
from ytpool.domain.jobs import InLine, Target, TargetKind
from ytpool.domain.manifest.batch import Batch, Defaults, Entry, Problem, of_flag
from ytpool.domain.manifest.columns import COLUMNS, OF_THE_LINE, OF_THE_VIDEO, Wrong, column_of, meant
from ytpool.domain.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One video as it is written: values by column, and the line of each where it is known."""

    line: int | None
    values: Mapping[str, object]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, column: str) -> int | None:
        return self.lines.get(column, self.line)


class Reading:
    """One manifest or sidecar on its way from text to values."""

    def __init__(self, source: PurePath, defaults: Defaults, now: datetime) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.found: list[tuple[Entry, bool | None]] = []
        """Each with what its row says about notifying subscribers."""
        self.names_files = True
        """Off where that no row names a file was said already."""
        self._defaults = defaults
        self._now = now
        self._of_flags = frozenset(_problems_of_flags(defaults, now))

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
        columns = {name: column_of(name) for name in values}
        known: dict[str, object] = {}
        for name, column in columns.items():
            if column in known:
                self.says(f"{column!r:.60} is named twice", (lines or {}).get(column, line))
            known[column] = values[name]
        self.require_columns(known, line, lines)
        return known

    def require_columns(self, columns: Iterable[str], line: int | None, lines: Mapping[str, int] | None = None) -> None:
        """Note a problem for everything that is no column of ours."""
        for column in columns:
            if column not in COLUMNS:
                where = (lines or {}).get(column, line)
                self.says(f"{column!r:.60} is no column{meant(column, COLUMNS)}; there are {', '.join(COLUMNS)}", where)

    def take(self, row: Row) -> None:
        """Turn one row into an entry; what is wrong with any column of it is noted."""
        values, unread = self._read(row)
        if self.names_files and not {"file"} & {*values, *unread}:
            self.says("there is no file", row.line, "file")
        named = _named(values)
        entry = Entry(
            source=str(self.source),
            line=row.line,
            file=self._beside(values["file"]) if "file" in values else None,
            publication=self._publication(values),
            target=self._target(row, named, unread),
            key=None if "key" in unread else values.get("key", self._defaults.key),
            in_line=self._in_line(row, values, unread),
            named=named,
            columns=frozenset({*values, *unread}),
            unread=unread,
            lines=row.lines,
        )
        for column, sentence in publication.problems_by_field(entry.publication, self._now):
            # What the command line says wrongly for every video is told once, and not again by every row.
            if column not in unread and (column in entry.columns or (column, sentence) not in self._of_flags):
                self.says(sentence, row.line_of(column), column)
        self.found.append((entry, values.get("notify")))

    def take_unread(self, file: PurePath) -> None:
        """Take a video of which we cannot read what is said of it: whether it is there can still be looked at."""
        entry = Entry(
            source=str(self.source),
            line=None,
            file=self._beside(file),
            publication=self._publication({"file": file}),
            target=None,
            key=None,
            columns=frozenset({"file"}),
        )
        self.found.append((entry, None))

    def _read(self, row: Row) -> tuple[dict[str, Any], frozenset[str]]:
        """Return what the columns say, and the columns that say nothing we understand."""
        values: dict[str, Any] = {}
        unread: set[str] = set()
        for column, value in row.values.items():
            if column not in COLUMNS or value is None:
                continue
            try:
                values[column] = COLUMNS[column](value, self._defaults)
            except Wrong as wrong:
                unread.add(column)
                self.says(str(wrong), row.line_of(column), column)
        return values, frozenset(unread)

    def _beside(self, path: str | PurePath) -> PurePath:
        return self.source.parent / path

    def _target(self, row: Row, named: Sequence[Target], unread: frozenset[str]) -> Target | None:
        if unread & {"account", "pool"}:
            return None
        match named:
            case []:
                if self._defaults.target is None:
                    self.says("it names no account and no pool; add one, or use --account or --pool", row.line)
                return self._defaults.target
            case [target]:
                return target
            case _:
                said = f"it names the {' and the '.join(map(str, named))}; name one"
                self.says(said, row.line_of("account"), "account")
                return None

    def _in_line(self, row: Row, values: Mapping[str, Any], unread: frozenset[str]) -> InLine | None:
        named = [column for column in OF_THE_LINE if column in values]
        if self._defaults.in_line is None:
            for column in named:
                self.says("it is for what waits; say --queue, or leave it out", row.line_of(column), column)
            return None
        found = replace(self._defaults.in_line, **{column: values[column] for column in named})
        if named and found.fault and not unread & set(OF_THE_LINE):
            self.says(found.fault, row.line_of(named[-1]), named[-1])
        return found

    def _publication(self, values: Mapping[str, Any]) -> Publication:
        template = self._defaults.video
        given = {name: values[name] for name in OF_THE_VIDEO if name in values}
        if "title" not in given and not template.title:
            given["title"] = video.default_title(values.get("file", ""))
        return Publication(
            video=replace(template, **given),
            thumbnail=self._beside(values["thumbnail"]) if "thumbnail" in values else self._defaults.thumbnail,
            captions=tuple(replace(one, path=self._beside(one.path)) for one in values["captions"])
            if "captions" in values
            else self._defaults.captions,
            playlists=values.get("playlists", self._defaults.playlists),
        )


def _named(values: Mapping[str, Any]) -> tuple[Target, ...]:
    kinds = (TargetKind.ACCOUNT, TargetKind.POOL)
    return tuple(Target(kind=kind, name=values[kind.value]) for kind in kinds if kind.value in values)


def _problems_of_flags(defaults: Defaults, now: datetime) -> list[tuple[str, str]]:
    whole = Publication(
        video=defaults.video if defaults.video.title else replace(defaults.video, title="a file's name"),
        thumbnail=defaults.thumbnail,
        captions=defaults.captions,
        playlists=defaults.playlists,
    )
    return publication.problems_by_field(whole, now)


def assembled(readings: Sequence[Reading], defaults: Defaults, now: datetime) -> Batch:
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
    problems = [of_flag(column, sentence) for column, sentence in _problems_of_flags(defaults, now)]
    problems += [problem for reading in readings for problem in reading.problems]
    problems += _repeated(entries)
    return Batch(entries=tuple(entries), problems=tuple(dict.fromkeys(problems)))


def _repeated(entries: Iterable[Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, Target, str], Entry] = {}
    for entry in entries:
        if entry.file is None or entry.target is None or entry.key is None:
            continue
        same = first.setdefault((normpath(entry.file), entry.target, entry.key), entry)
        if same is not entry:
            where = same.source if same.line is None else f"line {same.line}"
            said = f"{entry.file} for {entry.target} is there already, in {where}; with another key it is another job"
            yield entry.wrong("file", said)
