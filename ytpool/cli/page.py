"""The help page: plain text with a little colour, as wide as the terminal but never wider than reads well.

Typer's own page imports the whole of Rich, Markdown and traceback included, and takes longer than most commands.
"""

import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any, TextIO

Row = tuple[str, str]
"""A name, and what is said about it."""

_WIDEST = 100
_INDENT = "  "
_WORDS = re.compile(r"(?:[^\s']|'[^']*')+")


def render(command: Any, ctx: Any, stream: TextIO) -> str:
    """Return the help page of a command or group, for this stream."""
    width = max(min(_width(), _WIDEST), 30)
    paint = _Paint(coloured=ctx.obj.coloured(stream))
    return "\n".join(_lines(command, ctx, width, paint)) + "\n"


class _Paint:
    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def heading(self, text: str) -> str:
        return self._in("1", text)

    def name(self, text: str) -> str:
        return self._in("36", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and text.strip() else text


def _width() -> int:
    # A terminal that does not tell its size (a new pty, some CI) says 0.
    return shutil.get_terminal_size().columns or 80


def _lines(command: Any, ctx: Any, width: int, paint: _Paint) -> Iterator[str]:
    yield from textwrap.wrap(
        f"Usage: {_usage(command, ctx)}", width, subsequent_indent=" " * len("Usage: "), break_on_hyphens=False
    )
    for paragraph in (command.help or "").strip().split("\n\n"):
        yield ""
        yield from textwrap.wrap(" ".join(paragraph.split()), width, break_on_hyphens=False)
    sections = _sections(command, ctx)
    column = min(max(len(name) for rows in sections.values() for name, _ in rows), max(width // 3, 12))
    for heading, rows in sections.items():
        if rows:
            yield from _section(heading, rows, column, width, paint)
    yield ""
    for line in (command.epilog or _of_verbs(command, ctx)).splitlines():
        if not line.startswith(" "):
            yield paint.heading(line)
        elif line.startswith("  ytpool "):
            yield from _example(line, width)
        else:
            yield from textwrap.wrap(line, width, subsequent_indent=7 * " ", break_on_hyphens=False)


def _of_verbs(group: Any, ctx: Any) -> str:
    """Write what ends a group's page: the first example of each of its commands."""
    verbs = (group.get_command(ctx, name) for name in group.list_commands(ctx))
    first = (verb.epilog.splitlines()[1] for verb in verbs if not verb.hidden)
    return "\n".join(("Example", *first, "", "Exit status", f"  See {ctx.command_path} COMMAND --help."))


def _example(line: str, width: int) -> Iterator[str]:
    """Yield a command that can be copied: it breaks where a shell lets it, never inside a word or its quotes."""
    broken = _INDENT
    for word in _WORDS.findall(line):
        if len(f"{broken} {word} \\") > width and broken.strip():
            yield f"{broken} \\"
            broken = 3 * _INDENT + word
        else:
            broken = f"{broken} {word}" if broken.strip() else broken + word
    yield broken


def _usage(command: Any, ctx: Any) -> str:
    arguments = [param for param in command.get_params(ctx) if param.param_type_name == "argument"]
    pieces = [_argument_name(param) if param.required else f"[{_argument_name(param)}]" for param in arguments]
    verb = ["COMMAND ..."] if hasattr(command, "list_commands") else []
    return " ".join((ctx.command_path, "[OPTIONS]", *pieces, *verb))


def _sections(command: Any, ctx: Any) -> dict[str, list[Row]]:
    """Arguments, commands and options, each by their headings."""
    sections: dict[str, list[Row]] = {"Arguments": []}
    if hasattr(command, "list_commands"):
        listed = ((name, command.get_command(ctx, name)) for name in command.list_commands(ctx))
        rows = {name: one.get_short_help_str(200) for name, one in listed if not one.hidden}
        for heading, names in command.headings().items():
            sections[heading] = [(name, rows.pop(name)) for name in names if name in rows]
        sections["Commands"] = list(rows.items())
    sections["Options"] = []
    for param in command.get_params(ctx):
        if param.hidden:
            continue
        if param.param_type_name == "argument":
            sections["Arguments"].append((_argument_name(param), _help(param)))
        else:
            heading = param.rich_help_panel or "Options"
            sections.setdefault(heading, []).append((_option_name(param, ctx), _help(param)))
    return sections


def _section(heading: str, rows: list[Row], column: int, width: int, paint: _Paint) -> Iterator[str]:
    yield ""
    yield paint.heading(heading)
    below = " " * (column + 2 * len(_INDENT))
    for name, text in rows:
        first, *rest = textwrap.wrap(text, width - len(below), break_on_hyphens=False) or [""]
        if len(name) > column:
            yield _INDENT + paint.name(name)
            yield below + first
        else:
            yield _INDENT + paint.name(name) + " " * (column - len(name)) + _INDENT + first
        yield from (below + line for line in rest)


def _argument_name(param: Any) -> str:
    return f"{param.metavar}..." if param.nargs == -1 else str(param.metavar)


def _option_name(param: Any, ctx: Any) -> str:
    names = sorted(param.opts, key=len)
    if param.secondary_opts:
        names += param.secondary_opts
    text = ", ".join(names)
    return text if param.is_flag or param.count else f"{text} {param.metavar or param.make_metavar(ctx=ctx)}"


def _help(param: Any) -> str:
    facts = []
    if param.required:
        facts.append("required")
    default = param.default
    if param.show_default and default not in (None, (), [], "") and not isinstance(default, bool):
        facts.append(f"default: {getattr(default, 'value', default)}")
    if param.envvar and param.show_envvar:
        facts.append(f"env: {param.envvar}")
    words = " ".join((param.help or "").split())
    return f"{words} [{'; '.join(facts)}]" if facts else words
