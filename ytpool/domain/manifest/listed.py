"""Manifests: one file that lists videos, as a table or with one object a line."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import NoReturn

from ytpool.domain.manifest.batch import Batch, Defaults, Problem
from ytpool.domain.manifest.columns import column_of, meant
from ytpool.domain.manifest.rows import Reading, Row, assembled

SUFFIXES = (".csv", ".jsonl", ".ndjson")


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
    reading = Reading(source, defaults, now)
    text = reading.decode(content)
    if text is not None:
        for row in _table(reading, text):
            reading.take(row)
    return assembled([reading], defaults, now)


def read_jsonl(source: PurePath, content: bytes, defaults: Defaults, now: datetime) -> Batch:
    """Read one JSON object per line, each a video."""
    reading = Reading(source, defaults, now)
    text = reading.decode(content)
    if text is not None:
        # Not splitlines(): JSON allows some of the signs that it splits at inside of a text.
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                _take_json(reading, number, line)
    return assembled([reading], defaults, now)


def _table(reading: Reading, text: str) -> Iterator[Row]:
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
            if said := _separated_otherwise(cells):
                reading.says(said, line)
                return
            header = _header(reading, cells, line)
        elif len(cells) != len(header):
            reading.says(
                f"this row has {_counted(len(cells), 'cell')}, and there {'is' if len(header) == 1 else 'are'} "
                f"{_counted(len(header), 'column')}; "
                "a text with a comma stands in quotes",
                line,
            )
        else:
            values = {
                column: cell.strip() if column != "description" else cell
                for column, cell in zip(header, cells, strict=True)
                if cell.strip()
            }
            yield Row(line=line, values=values)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _separated_otherwise(cells: Sequence[str]) -> str:
    if len(cells) == 1 and "file" not in map(column_of, cells):
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if sign in cells[0]:
                return f"its columns are separated by {name}; save it with commas"
    return ""


def _header(reading: Reading, cells: Sequence[str], line: int) -> list[str]:
    header = [column_of(cell) for cell in cells]
    for name, times in Counter(header).items():
        if times > 1:
            reading.says(f"the column {name!r:.60} is there {times} times", line)
    reading.require_columns(dict.fromkeys(header), line)
    if "file" not in header:
        reading.says(f"there is no column file{meant('file', header, 'is it ')}", line)
        reading.names_files = False
    return header


def _take_json(reading: Reading, number: int, line: str) -> None:
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
        reading.says(f"{name!r:.60} is named twice", number)
    if isinstance(values, dict):
        reading.take(Row(line=number, values=reading.by_column(values, number)))
    else:
        reading.says('a line is an object, as {"file": "talk.mp4"}', number)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
