"""Commands and groups: Typer's, with the options that every command has, and a help page of our own.

A command module makes an app with `group` or `single` and registers functions with `command`. The function returns
a result and neither prints nor exits. Nothing is imported from Click: Typer carries a copy that is its own affair.
"""

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from ytpool.cli import page
from ytpool.cli.exits import MEANING, USAGE

Function = TypeVar("Function", bound=Callable[..., Any])

COMMON = "Common options"
"""The heading of the options that every command has."""


def group(about: str) -> typer.Typer:
    """Make the app of a noun with several verbs; `about` is the line in the list of commands."""
    return typer.Typer(cls=Group, help=about, add_completion=False)


def single() -> typer.Typer:
    """Make the app of one command that stands directly under `ytpool`."""
    return typer.Typer(add_completion=False)


def command(
    app: typer.Typer,
    name: str,
    *,
    example: str,
    statuses: Iterable[int] = (0, 1, 2),
    hidden: bool = False,
    signed: bool = False,
    alone: Mapping[str, str] | None = None,
) -> Callable[[Function], Function]:
    """Register a function; its docstring is the help, followed by an example and the statuses it may end with.

    With `signed` an argument may begin with a minus, as a number or another command's option, which else would be taken
    for an option of this one. `alone` are the options whose value may be left out, each with what it is then.
    """
    epilog = examples(example, statuses)

    def register(function: Function) -> Function:
        settings = {"ignore_unknown_options": True} if signed else None
        kind = type("Command", (Command,), {"alone": alone}) if alone else Command
        return app.command(name, cls=kind, epilog=epilog, hidden=hidden, context_settings=settings)(function)

    return register


def examples(example: str, statuses: Iterable[int]) -> str:
    """Write what ends a help page: command lines that work, and the statuses to expect."""
    lines = ["Example", *(f"  {line}" for line in example.splitlines()), "", "Exit status"]
    return "\n".join((*lines, *(f"  {status:<3}  {MEANING[status]}" for status in sorted(statuses))))


def built(app: typer.Typer) -> "Command | Group":
    """Turn an app into what runs."""
    made = typer.main.get_group(app) if app.info.cls is Group else typer.main.get_command(app)
    assert isinstance(made, (Command, Group))
    return made


class Command(TyperCommand):
    """A command with the common options."""

    alone: Mapping[str, str] = {}
    """The options whose value may be left out, and what it is then; a command with such has no arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            if isinstance(param, TyperArgument) and param.metavar is None and param.name:
                param.metavar = param.name.upper()  # so the help page and a refusal say the same
        self.params = [*self.params, *_common_options()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _refused_here(ctx):
            return super().parse_args(ctx, [*_with_values(args, self.alone)] if self.alone else args)

    def invoke(self, ctx: Any) -> Any:
        if not gc.isenabled():  # see `__main__`; whoever calls this from a program of theirs keeps their own garbage
            gc.freeze()  # what starting has made stays for good
            gc.enable()
        result = super().invoke(ctx)
        if ctx.params.get("dry_run") and not hasattr(result, "dry_run"):
            # Such a result looks like that of the real thing, and somebody may believe it.
            ctx.obj.note("a dry run: nothing is sent, and nothing changes")
        return result


@contextlib.contextmanager
def _refused_here(ctx: Any) -> Iterator[None]:
    """Name the command whose words were wrong; Typer forgets it for an option that lacks its value."""
    try:
        yield
    except typer.TyperException as error:
        if getattr(error, "ctx", ctx) is None:
            error.ctx = ctx  # type: ignore[attr-defined]
        raise


def _with_values(words: Sequence[str], alone: Mapping[str, str]) -> Iterator[str]:
    for word, following in pairwise([*words, "--"]):
        yield f"{word}={alone[word]}" if word in alone and following.startswith("-") else word


class Group(TyperGroup):
    """A group with the common options, also before the verb, and a suggestion for a misspelt verb."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_common_options()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            # Nothing was asked, so there is no result: the help goes to stderr.
            ctx.obj.say(page.render(self, ctx, ctx.obj.stderr).rstrip())
            raise typer.Exit(USAGE)
        with _refused_here(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        found = self.find(ctx, name)
        if found is None and not ctx.resilient_parsing:
            ctx.fail(unknown_command(ctx.command_path, name, self.list_commands(ctx)))
        return (None if found is None else name), found, args[1:]

    def headings(self) -> Mapping[str, Sequence[str]]:
        """Return which commands stand under which heading of the help page; all others are `Commands`."""
        return {}

    def find(self, ctx: Any, name: str) -> Any:
        """Return the command that is to run; `get_command` may return less, for a list of commands."""
        return self.get_command(ctx, name)


def unknown_command(path: str, name: str, known: Sequence[str]) -> str:
    """Word the refusal of a command that does not exist."""
    close = get_close_matches(name, known, n=1)
    advice = f"did you mean `{path} {close[0]}`?" if close else f"there are {', '.join(known)}"
    return f"there is no command `{path} {name}`; {advice}"


def _common_options() -> list[TyperOption]:
    if not _OPTIONS:
        # `--profile` shows no variable: the settings read YTPOOL_PROFILE, and know where the name came from.
        _OPTIONS.extend(
            (
                _common("--json", "Print the result as one line of JSON.", _set_json),
                _common("--profile", "Work with this profile's state and settings.", _set_profile, metavar="NAME"),
                _common("--quiet", "Show neither progress nor notes.", _set_quiet),
                _common("--help", "Show this page.", _show_help),
            )
        )
    return _OPTIONS


def _common(name: str, about: str, callback: Callable[..., None], metavar: str | None = None) -> TyperOption:
    return TyperOption(
        param_decls=[name],
        is_flag=metavar is None,
        metavar=metavar,
        help=about,
        callback=callback,
        expose_value=False,
        is_eager=True,
        rich_help_panel=COMMON,
    )


_OPTIONS: list[TyperOption] = []
"""Made once; options hold no state of their own, so all commands share them."""


def _set_json(ctx: Any, _: Any, value: Any) -> None:
    if value:
        ctx.obj.json = True


def _set_profile(ctx: Any, _: Any, value: Any) -> None:
    if value is not None:
        ctx.obj.profile = value


def _set_quiet(ctx: Any, _: Any, value: Any) -> None:
    if value:
        ctx.obj.quiet = True


def _show_help(ctx: Any, _: Any, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        ctx.obj.write(page.render(ctx.command, ctx, ctx.obj.stdout))
        ctx.exit()
