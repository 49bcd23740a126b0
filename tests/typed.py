"""Command lines as they stand in documents and help, and how they are read without being run."""

import io
import re
import shlex

import pytest
import typer

from ytpool.cli.app import Root
from ytpool.cli.commands import Group
from ytpool.cli.invocation import Invocation


def leaves(command, path=()):
    """Every command that does something, by its path."""
    if isinstance(command, Group):
        for name in command.list_commands(None):
            yield from leaves(command.find(None, name), (*path, name))
    else:
        yield path, command


EVERY_COMMAND = dict(leaves(Root()))


def blocks_of(document, *languages):
    """The fenced blocks of a Markdown document in these languages."""
    fence = rf"^ *```(?:{'|'.join(languages)})\n(.*?)^ *```$"
    return re.findall(fence, document, re.MULTILINE | re.DOTALL)


def written_in(document):
    """Every ytpool command line of a Markdown document, in blocks and between backticks."""
    inline = [code.replace("\n", " ") for code in re.findall(r"(?<!`)`(ytpool [^`]+)`", document)]
    for script in (*blocks_of(document, "sh", "cron"), *inline):
        yield from commands_in(script)


def commands_in(script):
    """The ytpool command lines of a piece of shell or crontab, without what stands before and behind them."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        found = None
        for word in [*words, ";"]:
            if found is None:
                found = [] if word == "ytpool" or word.endswith("/bin/ytpool") else None
            elif re.fullmatch(r"[();<>|&]+", word):
                yield found
                found = None
            else:
                found.append(word)


def parse(words):
    """Let Typer read a command line without running it; it raises what it would refuse."""
    length = next((length for length in (2, 1) if tuple(words[:length]) in EVERY_COMMAND), None)
    assert length is not None, f"there is no command ytpool {' '.join(words)}"
    path, arguments = words[:length], words[length:]
    obj = Invocation(stdout=io.StringIO(), stderr=io.StringIO())
    try:
        EVERY_COMMAND[tuple(path)].make_context(" ".join(path), arguments, obj=obj)
    except typer.Exit:
        return  # help was asked for
    except typer.TyperException as error:
        pytest.fail(f"ytpool {' '.join(words)}: {error.format_message()}")
