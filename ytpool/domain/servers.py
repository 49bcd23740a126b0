"""Servers that `health` looks at: `[ftp.NAME]` and `[checks.NAME]` of the settings."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import urlsplit

from ytpool.domain import names

ANONYMOUS = "anonymous"

EXPLICIT, IMPLICIT, NONE = "explicit", "implicit", "none"

_PORTS = {EXPLICIT: 21, IMPLICIT: 990, NONE: 21}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f-\U0010ffff]|//[^/?#]*@")
_LONGEST = 1000
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 30.0

Refuse = Callable[[tuple[str, ...], str], NoReturn]
"""Says what is wrong with the setting at this path, and raises."""


class FtpServer(NamedTuple):
    """An FTP server, and how to log in to it; `timeout` is seconds for all of it."""

    name: str
    host: str = ""
    port: int = 0
    user: str = ANONYMOUS
    password_env: str = ""
    """The variable that holds the password; without it the vault is asked."""
    tls: str = EXPLICIT
    ca_file: str = ""
    """Whom to trust instead of this machine's own list."""
    timeout: float = 5.0

    @property
    def section(self) -> str:
        """What it is called in the settings, and in the vault."""
        return f"ftp.{self.name}"

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port or _PORTS[self.tls]


class Page(NamedTuple):
    """An address that answers when a service is well; `timeout` is seconds for all of it."""

    name: str
    url: str = ""
    expect: tuple[int | str, ...] = ()
    """Statuses of which it has to be one, and texts that all have to be in it; without a status any 2xx is right."""
    ca_file: str = ""
    timeout: float = 5.0

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(one for one in self.expect if isinstance(one, int))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(one for one in self.expect if isinstance(one, str))

    @property
    def shown(self) -> str:
        """Its address as it may be shown: what follows a question mark may be a key."""
        return self.url.partition("?")[0]


Server = TypeVar("Server", FtpServer, Page)


def ftp_from_table(name: str, table: Mapping[str, Any], refuse: Refuse) -> FtpServer:
    """Read one `[ftp.NAME]`, strictly; a path given to `refuse` begins behind the name."""
    return _from_table("ftp", FtpServer, name, table, _wrong_ftp, refuse)


def page_from_table(name: str, table: Mapping[str, Any], refuse: Refuse) -> Page:
    """Read one `[checks.NAME]`, strictly; `expect` may be one status or text, or a list of them."""
    return _from_table("checks", Page, name, table, _wrong_page, refuse)


def _from_table(
    section: str,
    kind: type[Server],
    name: str,
    table: Mapping[str, Any],
    wrong: Callable[[Server], Iterator[tuple[str, str]]],
    refuse: Refuse,
) -> Server:
    if not names.is_legal(name) or "." in name:
        refuse((), f"{name!r} cannot be a name in [{section}]: no spaces, slashes and dots")
    known = kind._fields[1:]
    found: dict[str, Any] = {}
    for key, value in table.items():
        shown = f"{section}.{name}.{key}"
        if key not in known:
            close = get_close_matches(key, known, n=1)
            advice = f"did you mean {close[0]}?" if close else f"{section}.{name} has {', '.join(known)}"
            refuse((key,), f"there is no setting {shown}; {advice}")
        found[key] = _typed(shown, key, value, kind._field_defaults[key], refuse)
    read: Server = kind(name, **found)
    for key, sentence in wrong(read):
        refuse((key,) if key in table else (), f"{section}.{name}.{key} {sentence}")
    return read


def _typed(shown: str, key: str, value: Any, default: Any, refuse: Refuse) -> Any:
    match default:
        case tuple():
            every = value if isinstance(value, list) else [value]
            if not all(type(one) in (int, str) for one in every):
                refuse((key,), f"{shown} must be statuses like 200 and texts in quotes, not {value!r}")
            return tuple(every)
        case float() if type(value) is int:
            return float(value)
        case _ if type(value) is not type(default):
            refuse((key,), f"{shown} must be {_TYPES[type(default)]}, not {value!r}")
    return value


_TYPES = {str: "text in quotes", int: "a whole number", float: "a number"}


def _wrong_ftp(server: FtpServer) -> Iterator[tuple[str, str]]:
    if not is_host(server.host):
        yield "host", f"must be the name or the address of a machine, not {server.host!r}"
    if not 0 <= server.port <= 65535:
        yield "port", f"must be between 1 and 65535, not {server.port}"
    if not server.user or not server.user.isprintable() or len(server.user) > _LONGEST:
        yield "user", f"must be a name on one line, not {server.user!r}"
    if server.tls not in _PORTS:
        yield "tls", f"must be one of {', '.join(_PORTS)}, not {server.tls!r}"
    if server.password_env and not is_variable(server.password_env):
        yield "password_env", "must be the name of a variable, and never the password itself"
    yield from wrong_wait(server.timeout)


def _wrong_page(page: Page) -> Iterator[tuple[str, str]]:
    if not is_address(page.url):
        yield "url", "must be an address like https://host/path, without a user or a password in it"
    if strange := [one for one in page.statuses if not 200 <= one <= 599]:
        yield "expect", f"must name statuses between 200 and 599, not {strange[0]}"
    if not all(0 < len(text) <= _LONGEST for text in page.texts):
        yield "expect", f"must name texts of up to {_LONGEST} characters, and none that is empty"
    yield from wrong_wait(page.timeout)


def is_host(host: str) -> bool:
    """Tell whether this can be a machine's name or address."""
    return _HOST.fullmatch(host) is not None


def is_variable(name: str) -> bool:
    """Tell whether this can be the name of a variable; a password mostly cannot."""
    return _VARIABLE.fullmatch(name) is not None


def wrong_wait(seconds: float) -> Iterator[tuple[str, str]]:
    """Say what is wrong with a time limit."""
    if not _SHORTEST_WAIT <= seconds <= _LONGEST_WAIT:
        yield "timeout", f"must be between {_SHORTEST_WAIT:g} and {_LONGEST_WAIT:g} seconds, not {seconds:g}"


def is_address(url: str) -> bool:
    """Tell whether this is an address of http or https that every program reads alike."""
    if _AMBIGUOUS.search(url) or len(url) > 2 * _LONGEST:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
