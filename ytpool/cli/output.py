"""How results are seen: an envelope of JSON, a table for people, tab-separated lines for a pipe.

A result is data; how people see it stands beside its command as a `View` in `VIEWS`. `main` calls `show` once.
Rich is imported only where a table is drawn.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from ytpool.cli.exits import CODE, DONE, MEANING
from ytpool.cli.invocation import Invocation, speaks_unicode
from ytpool.cli.items import as_error, hint_of
from ytpool.cli.values import json_line, plain, visible
from ytpool.errors import YtpoolError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from ytpool.cli.canvas import Canvas

SCHEMA = 1

STATUS_STYLES: Mapping[str, str] = {
    "green": "green",
    "yellow": "yellow",
    "orange": "dark_orange",
    "red": "red",
    "pass": "green",
    "warn": "yellow",
    "fail": "red",
    "done": "green",
    "failed": "red",
    "unknown": "magenta",
}
"""The words that have a colour of their own wherever they are a status."""

# A named tuple costs a sixth of a dataclass to define, and these two are defined at every start.


class Column(NamedTuple):
    """One column of a table.

    `value` is a field of the row (dots reach inside) or a function of it; a pipe gets it as it is. For people,
    `shown` words the value; `style` is a style, a mapping from the value, or a function of the row; `bar` draws a
    percentage as a bar of so many cells; `from_width` hides the column on a narrower terminal, never in a pipe.
    """

    title: str
    value: str | Callable[[Any], Any]
    shown: Callable[[Any], str] | None = None
    justify: str = "left"
    style: str | Mapping[Any, str] | Callable[[Any], str] = ""
    bar: int = 0
    from_width: int = 0


class View(NamedTuple):
    """How people see a result: a table of its rows, a text, or a picture.

    `rows` names a field of the result or is a function of it; columns may be given as `(title, field)`. A text that is
    `markdown` is drawn as such on a terminal; what is `paged` is read there through the reader's pager. A picture is
    for terminals: a pipe gets its rows.
    """

    rows: str | Callable[[Any], Iterable[Any]] = ""
    columns: Sequence[Column | tuple[str, str | Callable[[Any], Any]]] = ()
    title: str | Callable[[Any], str] = ""
    footer: str | Callable[[Any], str] = ""
    empty: str = "nothing to show"
    text: Callable[[Any], str] | None = None
    markdown: Callable[[Any], bool] | None = None
    paged: bool = False
    picture: "Callable[[Any, Canvas], Iterable[Text]] | None" = None


VIEWS: dict[type, View | tuple[View, ...]] = {}
"""By the type of a result. Several views are shown one below the other."""

_COMMAND = re.compile(r"\bytpool (?=[a-z])")
"""The beginning of a command that somebody is to type, and that names no profile."""

Seen = tuple[View, Any]
"""A view, and the result that it shows."""


class Outcome(NamedTuple):
    """How a command ended: what it found, and what went wrong."""

    status: int
    result: Any
    problem: YtpoolError | None


def show(outcome: Outcome, invocation: Invocation) -> None:
    """Write the result to stdout and what went wrong beside it or to stderr."""
    if invocation.json:
        last = {"event": "result"} if invocation.emitted else {}
        invocation.write_object({**last, **envelope(outcome)})
        return
    if outcome.result is not None:
        text = for_people(outcome.result, invocation)
        _write(text, outcome.result, invocation)
        if invocation.profile_typed and invocation.on_terminal(invocation.stdout) and _COMMAND.search(text):
            invocation.note(f"the commands above are for this profile with --profile {invocation.profile}")
    if outcome.problem is not None:
        _complain(outcome.problem.message, hint_of(outcome.problem), invocation)
    elif outcome.status != DONE:
        # On a terminal the table stands right above; elsewhere stderr may be all that anybody reads, as cron's mail.
        advice = _advice if invocation.on_terminal(invocation.stdout) else _each_problem
        _complain(MEANING[outcome.status], advice(_failed(outcome.result)), invocation)


def _write(text: str, result: Any, invocation: Invocation) -> None:
    view = VIEWS.get(type(result))
    if isinstance(view, View) and view.paged and invocation.stdout.isatty():
        from ytpool.cli import pager  # noqa: PLC0415 - only what is long needs one

        if pager.paged(text, invocation.stdout, os.environ):
            return
    invocation.write(text)


def envelope(outcome: Outcome) -> dict[str, Any]:
    """Return the one object that `--json` prints: `ok` only at status 0, what is known beside what went wrong."""
    problem = outcome.problem
    error = None
    if problem is not None:
        error = as_error(problem)
    elif outcome.status != DONE:
        error = {"code": CODE[outcome.status], "message": MEANING[outcome.status], "hint": "", "details": {}}
    return {"ok": outcome.status == DONE, "schema": SCHEMA, "data": plain(outcome.result), "error": error}


def _failed(result: Any) -> list[tuple[str, str, str]]:
    """Return what each item is called that carries an `error`, its message and its hint."""
    content = plain(result)
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else []
    failed = [item for items in lists for item in items if isinstance(item, dict) and item.get("error")]
    return [(str(next(iter(item.values()))), item["error"]["message"], item["error"]["hint"]) for item in failed]


def _each_problem(failed: Sequence[tuple[str, str, str]]) -> str:
    return "\n".join(f"{name}: {worded(message, hint)}" for name, message, hint in failed)


def _advice(failed: Sequence[tuple[str, str, str]]) -> str:
    """Say what to do: once where it is the same for all, else by item."""
    hints = {hint for _, _, hint in failed if hint}
    if len(hints) == 1:
        return hints.pop()
    return "\n".join(f"{name}: {worded('', hint)}" for name, _, hint in failed if hint)


def worded(message: str, hint: str) -> str:
    """Put what happened and what to do about it into one line."""
    return "; ".join(filter(None, (message.rstrip("."), ", ".join(hint.splitlines()))))


def _complain(message: str, hint: str, invocation: Invocation) -> None:
    sentence = f"ytpool: {visible(message)}"
    if invocation.coloured(invocation.stderr):
        sentence = f"\x1b[31m{sentence}\x1b[0m"
    invocation.say(sentence)
    if invocation.profile_typed:
        hint = _COMMAND.sub(f"ytpool --profile {invocation.profile} ", hint)
    for line in hint.splitlines():
        invocation.say(f"        {visible(line)}")


def for_people(result: Any, invocation: Invocation) -> str:
    """Return what stdout gets of a result without --json."""
    seen = _seen(result)
    if invocation.on_terminal(invocation.stdout):
        return drawn(result, invocation, invocation.stdout) if seen else _listed(result)
    return "\n".join(filter(None, (_tabbed(view, part) for view, part in seen))) if seen else _fields(result)


def _seen(result: Any) -> list[Seen]:
    """Return the views of a result; one that has `pictures` is seen as those."""
    found: list[Seen] = []
    for part in getattr(result, "pictures", None) or (result,):
        views = VIEWS.get(type(part), ())
        found += [(view, part) for view in ((views,) if isinstance(views, View) else views)]
    return found


def _fields(result: Any) -> str:
    """One line per field: what a result without a view looks like in a pipe."""
    content = plain(result)
    if not isinstance(content, dict):
        return _cell(content) + "\n"
    return "".join(f"{name}\t{_cell(value)}\n" for name, value in content.items())


def _listed(result: Any) -> str:
    """The same for people: names below each other, and values as they are said; what is empty is a dash."""
    content = plain(result)
    if not isinstance(content, dict):
        return _cell(content) + "\n"
    width = max(map(len, content), default=0)
    found = {name: result[name] if isinstance(result, Mapping) else getattr(result, name) for name in content}
    return "".join(f"{name:{width}}  {_said(value) or '-'}\n" for name, value in found.items())


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_said, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(each)}" for key, each in value.items())
    return _cell(plain(value))


def _tabbed(view: View, result: Any) -> str:
    if view.text is not None:
        return _ended(view.text(result))
    columns = [Column(*column) for column in view.columns]
    lines = ["\t".join(column.title for column in columns)]
    lines += ["\t".join(_cell(plain(_value(column, row))) for column in columns) for row in _rows(view, result)]
    return "\n".join(lines) + "\n"


def _cell(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return visible(content)
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, (dict, list)):
        return visible(json_line(content).rstrip("\n"))
    return str(content)


def drawn(result: Any, invocation: Invocation, stream: TextIO) -> str:
    """Return what a terminal gets of a result, as wide as this one is now."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    console = Console(
        file=stream,
        force_terminal=True,
        no_color=not invocation.coloured(stream),
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        unicode = speaks_unicode(stream)
        shown = [list(_parts(view, part, console, unicode=unicode)) for view, part in _seen(result)]
        for number, parts in enumerate(filter(None, shown)):
            if number:
                console.print()
            for part in parts:
                console.print(part)
    return captured.get()


def _parts(view: View, result: Any, console: "Console", *, unicode: bool) -> "Iterable[RenderableType]":
    from rich.text import Text  # noqa: PLC0415

    if view.text is not None:
        if text := _ended(view.text(result)).removesuffix("\n"):
            is_markdown = unicode and view.markdown is not None and view.markdown(result)
            yield _as_markdown(text) if is_markdown else Text(text)
        return
    if view.picture is not None:
        from ytpool.cli.canvas import Canvas  # noqa: PLC0415 -- most results are tables

        yield from view.picture(result, Canvas(console.width, unicode, not console.no_color))
        return
    yield from _table(view, result, console, unicode=unicode)


def _table(view: View, result: Any, console: "Console", *, unicode: bool) -> "Iterable[RenderableType]":
    from rich.text import Text  # noqa: PLC0415

    if title := _words(view.title, result):
        yield Text(title, style="bold")
    rows = list(_rows(view, result))
    if rows:
        columns = [column for column in (Column(*each) for each in view.columns) if console.width >= column.from_width]
        # A column without a word in it only takes room from the others.
        columns = [column for column in columns if any(_value(column, row) not in (None, "") for row in rows)]
        cells = [[_coloured(column, row, unicode=unicode) for column in columns] for row in rows]
        if any(column.bar for column in columns) and _wide(columns, cells) > console.width:
            columns = [column._replace(bar=min(column.bar, 4)) for column in columns]
            cells = [[_coloured(column, row, unicode=unicode) for column in columns] for row in rows]
        if _has_room(columns, cells, console.width):
            yield _side_by_side(columns, cells, console.width)
        else:
            yield from _below_each_other(columns, cells)
    elif view.empty and getattr(result, "problem", None) is None:  # else what went wrong is the answer
        yield Text(view.empty, style="dim")
    if footer := _words(view.footer, result):
        yield Text(footer, style="dim")


def _as_markdown(text: str) -> "RenderableType":
    from ytpool.cli.markdown import drawn  # noqa: PLC0415 - what draws it is the heaviest part of Rich

    return drawn(text)


def _widths(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]") -> list[int]:
    down = zip(*cells, strict=True)
    return [
        max(len(column.title), *(cell.cell_len for cell in each)) for column, each in zip(columns, down, strict=True)
    ]


def _wide(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]") -> int:
    return sum(_widths(columns, cells)) + len(_GAP) * (len(columns) - 1)


def _shared(
    columns: Sequence[Column], cells: "Sequence[Sequence[Text]]", whole: Collection[int], width: int
) -> Mapping[int, int]:
    """Share out among the sentences what the others leave, so that no word is broken; nothing where that cannot be."""
    widths = _widths(columns, cells)
    room = width - len(_GAP) * (len(columns) - 1) - sum(widths[number] for number in whole)
    least = {
        number: max(len(word) for cell in each for word in (columns[number].title, *cell.plain.split()))
        for number, each in enumerate(zip(*cells, strict=True))
        if number not in whole
    }
    more = {number: widths[number] - needed for number, needed in least.items()}
    left = room - sum(least.values())
    if not whole or left < 0 or left >= sum(more.values()):
        return {}
    return {number: needed + left * more[number] // sum(more.values()) for number, needed in least.items()}


def _kept_whole(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]", width: int) -> set[int]:
    """Return the columns of bars, ids and addresses, if sentences can make room for them: nobody copies a half."""
    down, widths = list(zip(*cells, strict=True)), _widths(columns, cells)
    sentences = {n for n, each in enumerate(down) if not columns[n].bar and any(" " in cell.plain for cell in each)}
    room = width - len(_GAP) * (len(columns) - 1) - len(sentences) * _LEAST_FOR_A_SENTENCE
    words = set(range(len(columns))) - sentences
    return words if sum(widths[number] for number in words) <= room else set()


def _has_room(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]", width: int) -> bool:
    """Tell whether each column gets enough to be read, however often its words are broken."""
    down = zip(*cells, strict=True)
    widths: Iterable[int] = (max(cell.cell_len for cell in each) for each in down)
    least = sum(
        wide if column.bar else min(max(wide, _LEAST_FOR_A_TITLE), _LEAST_FOR_A_WORD)
        for column, wide in zip(columns, widths, strict=True)
    )
    return least + len(_GAP) * (len(columns) - 1) <= width


def _side_by_side(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]", width: int) -> "RenderableType":
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    whole = _kept_whole(columns, cells, width)
    shared = _shared(columns, cells, whole, width)
    for number, column in enumerate(columns):
        table.add_column(
            column.title,
            justify=column.justify,  # type: ignore[arg-type]
            overflow="fold",
            no_wrap=bool(column.bar) or number in whole,
            width=shared.get(number),
        )
    for row in cells:
        table.add_row(*row)
    return table


def _below_each_other(columns: Sequence[Column], cells: "Sequence[Sequence[Text]]") -> "Iterable[RenderableType]":
    """Draw each row as lines of its own, where a table has no room."""
    from rich.text import Text  # noqa: PLC0415

    for number, row in enumerate(cells):
        if number:
            yield Text()
        for column, cell in zip(columns, row, strict=True):
            if cell.plain:
                yield Text.assemble((f"{column.title}: ", "bold"), cell)


_GAP = "   "
_LEAST_FOR_A_TITLE = 3
_LEAST_FOR_A_WORD = 6
_LEAST_FOR_A_SENTENCE = 14


def _coloured(column: Column, row: Any, *, unicode: bool) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    value = _value(column, row)
    if callable(column.style):
        style = column.style(row)
    elif isinstance(column.style, str):
        style = column.style
    else:
        style = column.style.get(value, "")
    if column.bar and value is not None:
        return _bar(float(value), column, style, unicode=unicode)
    if column.shown is not None and value is not None:
        return Text(visible(column.shown(value)), style=style)
    if isinstance(value, bool):
        return Text("yes" if value else "no", style=style)
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M}Z", style=style)
    return Text(_cell(plain(value)), style=style)


def _bar(percent: float, column: Column, style: str, *, unicode: bool) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    full, empty = "█░" if unicode else "#."
    # A little is never shown as nothing, and nearly all never as all.
    cells = min(max(round(percent * column.bar / 100), int(percent > 0)), column.bar - int(percent < 100))
    near = "<1" if 0 < percent < 1 else f"{min(percent, 99) if percent < 100 else percent:.0f}"
    words = column.shown(percent) if column.shown is not None else f"{near} %"
    return Text.assemble((full * cells, style), (empty * (column.bar - cells), "dim"), (f" {words:>5}", style))


def _rows(view: View, result: Any) -> Iterable[Any]:
    rows: Iterable[Any] = _reach(result, view.rows) if isinstance(view.rows, str) else view.rows(result)
    return rows


def _value(column: Column, row: Any) -> Any:
    return _reach(row, column.value) if isinstance(column.value, str) else column.value(row)


def _reach(thing: Any, path: str) -> Any:
    for name in path.split("."):
        if thing is None:
            return None
        thing = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name)
    return thing


def _words(words: str | Callable[[Any], str], result: Any) -> str:
    return words if isinstance(words, str) else words(result)


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"
