"""What Tab offers: commands, options, the words of a choice, and names from the state.

Typer's own answer draws every line of help with Rich, which takes longer than a command, and hands names to the shell
as they are, to be run. Here nothing is imported but what the command line at hand needs, and a name stays a name: what
each shell is told is in `shells`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ytpool.actions import known
from ytpool.actions.known import Kind, Known
from ytpool.cli.invocation import Invocation
from ytpool.errors import YtpoolError

_OF_OPTION: Mapping[str, Kind] = {"--account": Kind.ACCOUNT, "--pool": Kind.POOL, "--project": Kind.PROJECT}

_OF_WORD: Mapping[str, Kind] = {
    "ACCOUNT": Kind.ACCOUNT,
    "PROJECT": Kind.PROJECT,
    "FROM": Kind.PROJECT,
    "INTO": Kind.PROJECT,
    "JOB": Kind.JOB,
    "USER": Kind.USER,
    "USER[@PLATFORM]": Kind.SESSION,
    "USER[@PLATFORM[/NAME]]": Kind.SESSION,
    "WHAT": Kind.EXPLAINED,
    "PROVIDER": Kind.PROVIDER,
    "TOPIC": Kind.TOPIC,
    "SCOPE": Kind.SCOPE,
    "HOST": Kind.MACHINE,
}
"""What is meant by a word of the help pages."""

_OF_NAME: Mapping[str, Kind] = {
    "accounts": Kind.ACCOUNT,
    "auth": Kind.ACCOUNT,
    "projects": Kind.PROJECT,
    "pools": Kind.POOL,
    "chain": Kind.CHAIN,
    "rests": Kind.RESTING,
}
"""What NAME means to a noun's commands."""


def offers(root: Any, words: Sequence[str], typed: str, invocation: Invocation) -> list[Known]:
    """Return what may stand in place of the word that is being typed; nothing where files may."""
    line = _Line(root)
    for word in words:
        line.read(word)
    if line.profile is not None:
        invocation.profile = line.profile
    option, before, beginning = line.option_at(typed)
    found: Iterable[Known]
    if option is not None:
        found = _values(line, option, beginning, invocation)
    elif typed.startswith("-") and not line.options_end:
        found = _options(line.command)
    elif line.is_group:
        found = _verbs(line.command)
    elif (argument := line.argument) is not None:
        found = _values(line, argument, beginning, invocation)
    else:
        found = () if line.options_end else _options(line.command)
    return [Known(before + one.name, one.about) for one in found if one.name.startswith(beginning)]


class _Line:
    """A command line as far as it was read, as the parser will read it once it is whole."""

    def __init__(self, root: Any) -> None:
        self.command = root
        """None once a word was read that is no command."""
        self.noun = ""
        self.profile: str | None = None
        self.options_end = False
        self._arguments = 0
        self._awaited: Any = None
        """The option whose value comes next."""

    def read(self, word: str) -> None:
        if self._awaited is not None:
            self._heed(self._awaited, word)
            self._awaited = None
        elif word.startswith("-") and not self.options_end:
            self._read_option(word)
        elif self.is_group:
            self.noun = self.noun or word
            self.command = self.command.find(None, word)
        else:
            self._arguments += 1

    def _read_option(self, word: str) -> None:
        self.options_end = word == "--"
        name, equals, value = word.partition("=")
        option = self._option(name)
        if option is None or option.is_flag:
            return
        if equals:
            self._heed(option, value)
        else:
            self._awaited = option

    def _heed(self, option: Any, value: str) -> None:
        if "--profile" in option.opts:
            self.profile = value

    @property
    def is_group(self) -> bool:
        return hasattr(self.command, "list_commands")

    @property
    def argument(self) -> Any:
        """The argument that comes next."""
        places = [one for one in _params(self.command) if one.param_type_name == "argument"]
        if self._arguments < len(places):
            return places[self._arguments]
        return places[-1] if places and places[-1].nargs == -1 else None

    def option_at(self, typed: str) -> tuple[Any, str, str]:
        """Return the option whose value is being typed, if one is; what stands before the value; and its beginning."""
        if self._awaited is not None:
            return self._awaited, "", typed
        name, equals, value = typed.partition("=")
        option = self._option(name) if equals and not self.options_end else None
        return (None, "", typed) if option is None else (option, name + equals, value)

    def _option(self, name: str) -> Any:
        return next((one for one in _params(self.command) if name in (*one.opts, *one.secondary_opts)), None)


def _params(command: Any) -> Sequence[Any]:
    return () if command is None else command.params


def _verbs(group: Any) -> Iterator[Known]:
    for name in group.list_commands(None):
        one = group.get_command(None, name)
        if not one.hidden:
            yield Known(name, one.get_short_help_str(200))


def _options(command: Any) -> Iterator[Known]:
    for one in _params(command):
        if one.param_type_name == "option" and not one.hidden:
            about = " ".join((one.help or "").split())
            yield from (Known(name, about) for name in (*one.opts, *one.secondary_opts) if name.startswith("--"))


def _values(line: _Line, param: Any, beginning: str, invocation: Invocation) -> list[Known]:
    choices = getattr(param.type, "choices", None)
    if choices:
        return [Known(str(getattr(one, "value", one))) for one in choices]
    kind = _kind(line.noun, param)
    if kind is None:
        return []
    try:
        return known.names(invocation.runtime, kind, beginning)
    except YtpoolError:
        return []  # whoever types gets no list, and hears what is wrong from the command


def _kind(noun: str, param: Any) -> Kind | None:
    word = param.metavar or ""
    if param.param_type_name == "option":
        named = (_OF_OPTION.get(name) for name in param.opts)
        return next(filter(None, named), _OF_WORD.get(word))
    return _OF_NAME.get(noun) if word == "NAME" else _OF_WORD.get(word)
