"""From one row, wherever it was written, to one video of a batch; and from all rows to the batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from ytpool.domain import publication, video
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.manifest.batch import Batch, Defaults, Entry, Named, Problem
from ytpool.domain.manifest.columns import COLUMNS, OF_THE_VIDEO, Wrong, column_of, meant
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
        columns = {name: column_of(name) for name in values}
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
            if column not in COLUMNS:
                where = (lines or {}).get(column, line)
                self.says(f"{column!r} is no column{meant(column, COLUMNS)}; there are {', '.join(COLUMNS)}", where)

    def take(self, row: Row) -> None:
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

    def _read(self, row: Row) -> tuple[dict[str, Any], set[str]]:
        """Return what the columns say, and the columns that say nothing we understand."""
        values: dict[str, Any] = {}
        faulty: set[str] = set()
        for column, value in row.values.items():
            if column not in COLUMNS or value is None:
                continue
            try:
                values[column] = COLUMNS[column](value, self._defaults)
            except Wrong as wrong:
                faulty.add(column)
                self.says(str(wrong), row.line_of(column), column)
        return values, faulty

    def _beside(self, path: str | PurePath) -> PurePath:
        return self.source.parent / path

    def _name_files(self, row: Row, values: Mapping[str, Any]) -> None:
        paths = [(column, values[column]) for column in ("file", "thumbnail") if column in values]
        paths += [("captions", one.path) for one in values.get("captions", ())]
        self.named += [
            Named(source=str(self.source), line=row.line_of(column), column=column, path=self._beside(path))
            for column, path in paths
        ]

    def _target(self, row: Row, values: Mapping[str, Any], faulty: set[str]) -> Target | None:
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
        given = {name: values[name] for name in OF_THE_VIDEO if name in values}
        if "title" not in given and not template.title:
            given["title"] = video.default_title(values["file"])
        return Publication(
            video=replace(template, **given),
            thumbnail=self._beside(values["thumbnail"]) if "thumbnail" in values else None,
            captions=tuple(replace(one, path=self._beside(one.path)) for one in values.get("captions", ())),
            playlists=values.get("playlists", self._defaults.playlists),
        )


def assembled(readings: Sequence[Reading], defaults: Defaults) -> Batch:
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


def _repeated(entries: Iterable[Entry]) -> Iterator[Problem]:
    first: dict[tuple[PurePath, Target, str], Entry] = {}
    for entry in entries:
        same = first.setdefault((entry.file, entry.target, entry.key), entry)
        if same is not entry:
            where = same.source if same.line is None else f"line {same.line}"
            said = f"{entry.file} for {entry.target} is there already, in {where}; with another key it is another job"
            yield Problem(source=entry.source, line=entry.line, column="file", message=said)
