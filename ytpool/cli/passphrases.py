"""A passphrase comes from a file or from a person at a terminal; never from an argument or a variable's value.

Both of those are seen by others: arguments by `ps`, variables by every child.
"""

import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from ytpool.cli.invocation import Invocation
from ytpool.domain.secret import Secret
from ytpool.errors import FileInvalid, UsageWrong

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        envvar="YTPOOL_PASSPHRASE_FILE",
        help="Read the passphrase from the first line of this file; without it a terminal is asked.",
        readable=False,
        show_default=False,
    ),
]

_SHORTEST = 12
_LONGEST = 4096


def passphrase(call: Invocation, file: Path | None, *, new: bool) -> Secret:
    """Return the passphrase; a new one is asked for twice, and must not be a short one."""
    if file is not None:
        found = _from_file(file)
    elif call.stderr.isatty() and not call.json:
        found = Secret(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    else:
        raise UsageWrong("this needs a passphrase, and nobody can be asked", hint="use --passphrase-file FILE")
    if new and len(found.reveal()) < _SHORTEST:
        raise UsageWrong(
            f"the passphrase has fewer than {_SHORTEST} characters; whoever has the file can try as many as they like",
            hint="take several words",
        )
    return found


def api_key(call: Invocation, file: Path | None) -> Secret:
    """Return the key of another service."""
    return _asked(call, file, "key")


def password(call: Invocation, file: Path | None) -> Secret:
    """Return the password of a server."""
    return _asked(call, file, "password")


def _asked(call: Invocation, file: Path | None, what: str) -> Secret:
    if file is not None:
        return _from_file(file, what)
    if call.stderr.isatty() and not call.json:
        return Secret(typer.prompt(what.capitalize(), hide_input=True, err=True).strip())
    raise UsageWrong(f"this needs a {what}, and nobody can be asked", hint=f"use --{what}-file FILE")


def proxy(file: Path) -> Secret:
    """Return the address of a proxy, which may have a password in it."""
    return _from_file(file, "proxy")


def _from_file(file: Path, what: str = "passphrase") -> Secret:
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                raise FileInvalid(f"others can read the {what} in {file}", hint=f"run: chmod 600 {file}")
            line = opened.readline(_LONGEST)
        text = line.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise FileInvalid(f"the {what} file {file} cannot be read: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError:
        raise FileInvalid(f"the {what} file {file} is no text in UTF-8", hint="save it as UTF-8") from None
    if not text:
        raise FileInvalid(f"the first line of {file} is empty", hint=f"write the {what} there")
    return Secret(text)
