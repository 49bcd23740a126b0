"""Who is told of alerts, and when: `[alerts.targets.NAME]` of the settings."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from ytpool.domain import names, servers
from ytpool.domain.alerts import Kind, Severity

SECTION = "alerts.targets"

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_LONGEST = 1000
_MOST_DIGEST, _MOST_HOURLY = 24 * 60.0, 1000
_PORTS = {servers.EXPLICIT: 587, servers.IMPLICIT: 465, servers.NONE: 25}

Refuse = Callable[[tuple[str, ...], str], NoReturn]
"""Says what is wrong with the setting at this path, and raises."""


class Way(StrEnum):
    """How a target is reached."""

    COMMAND = "command"
    WEBHOOK = "webhook"
    EMAIL = "email"
    FILE = "file"


class Target(NamedTuple):
    """Somebody who is told of alerts; `timeout` is seconds for all of a message."""

    name: str
    type: str = ""
    severity: str = Severity.WARNING
    """The least that is told."""
    kinds: tuple[str, ...] = ()
    """Only these; empty: all."""
    quiet: str = ""
    """Hours as `22:00-07:00`, in `time.zone`, in which what is not critical waits."""
    critical_wakes: bool = True
    digest_minutes: float = 0.0
    """What is not critical waits this long for more of its sort."""
    hourly: int = 20
    """So many messages within an hour at the most; what comes then waits for the next."""
    timeout: float = 5.0
    command: tuple[str, ...] = ()
    url: str = ""
    """Where a webhook is, unless its whole address is the secret."""
    format: str = "generic"
    password_env: str = ""
    """The variable that holds the password, the token, or the whole address; without it the vault is asked."""
    ca_file: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    tls: str = servers.EXPLICIT
    sender: str = ""
    to: tuple[str, ...] = ()
    path: str = ""

    @property
    def section(self) -> str:
        """What it is called in the settings, and in the vault."""
        return f"{SECTION}.{self.name}"

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port or _PORTS[self.tls]

    @property
    def shown(self) -> str:
        """Where it is, as it may be shown: the path of a webhook's address is often its secret."""
        match self.type:
            case Way.WEBHOOK if self.url:
                return origin(self.url)
            case Way.WEBHOOK:
                return "an address in the vault" if not self.password_env else f"the address in {self.password_env}"
            case Way.EMAIL:
                return ", ".join(self.to)
            case Way.FILE:
                return self.path
        return self.command[0]

    def settings(self) -> dict[str, Any]:
        """Return its settings as they may be listed: of a command the program, of an address the machine."""
        every = {key: getattr(self, _FIELDS.get(key, key)) for key in (*_COMMON, *_OWN[self.type])}
        hidden = {"command": self.shown, "url": self.shown if self.url else ""}
        return {
            key: hidden.get(key, list(value) if isinstance(value, tuple) else value) for key, value in every.items()
        }

    def wants(self, kind: str, severity: Severity) -> bool:
        """Tell whether alerts of this kind and this bad are told here."""
        return severity.is_at_least(Severity(self.severity)) and (not self.kinds or kind in self.kinds)

    def is_quiet(self, local: datetime) -> bool:
        """Tell whether these are hours, by the operator's clock, in which only what is critical is told."""
        if not (found := _HOURS.fullmatch(self.quiet)):
            return False
        begins, ends = (time(int(found[n]), int(found[n + 1])) for n in (1, 3))
        now = local.time()
        return begins <= now < ends if begins < ends else now >= begins or now < ends

    def waits(self, severity: Severity, local: datetime) -> bool:
        """Tell whether what is this bad waits for the end of quiet hours."""
        return self.is_quiet(local) and not (severity is Severity.CRITICAL and self.critical_wakes)

    def is_time(self, since: datetime, worst: Severity, now: datetime) -> bool:
        """Tell whether what has waited since then goes out now, or waits for more of its sort."""
        return worst is Severity.CRITICAL or now - since >= timedelta(minutes=self.digest_minutes)


def origin(url: str) -> str:
    """Return as much of an address as may be shown: its path, too, may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


_COMMON = ("type", "severity", "kinds", "quiet", "critical_wakes", "digest_minutes", "hourly", "timeout")
_OWN: Mapping[str, tuple[str, ...]] = {
    Way.COMMAND: ("command",),
    Way.WEBHOOK: ("url", "format", "password_env", "ca_file"),
    Way.EMAIL: ("host", "port", "user", "password_env", "tls", "ca_file", "from", "to"),
    Way.FILE: ("path",),
}
"""What each way is described by, beside what all have."""


def from_table(name: str, table: Mapping[str, Any], refuse: Refuse) -> Target:
    """Read one `[alerts.targets.NAME]`, strictly; a path given to `refuse` begins behind the name."""
    if not names.is_legal(name) or "." in name:
        refuse((), f"{name!r} cannot be a name in [{SECTION}]: no spaces, slashes and dots")
    way = table.get("type")
    if not isinstance(way, str) or way not in set(Way):
        refuse(("type",), f"{SECTION}.{name}.type must be one of {', '.join(Way)}, not {way!r}")
    known = (*_COMMON, *_OWN[Way(way)])
    found: dict[str, Any] = {}
    for key, value in table.items():
        shown = f"{SECTION}.{name}.{key}"
        if key not in known:
            close = get_close_matches(key, known, n=1)
            advice = f"did you mean {close[0]}?" if close else f"a target of type {way} has {', '.join(known)}"
            refuse((key,), f"there is no setting {shown}; {advice}")
        field = _FIELDS.get(key, key)
        found[field] = _typed(shown, key, value, Target._field_defaults[field], refuse)
    target = Target(name, **found)
    for key, sentence in _wrong(target):
        refuse((key,) if key in table else (), f"{SECTION}.{name}.{key} {sentence}")
    return target


_FIELDS = {"from": "sender"}
"""Settings whose name is a word of Python's."""


def _typed(shown: str, key: str, value: Any, default: Any, refuse: Refuse) -> Any:
    match default:
        case tuple():
            every = [value] if isinstance(value, str) and key != "command" else value
            if not isinstance(every, list) or not all(isinstance(one, str) for one in every):
                refuse((key,), f"{shown} must be a list of texts in quotes, not {value!r}")
            return tuple(every)
        case float() if type(value) is int:
            return float(value)
        case _ if type(value) is not (str if isinstance(default, str) else type(default)):
            wanted = _TYPES[str if isinstance(default, str) else type(default)]
            refuse((key,), f"{shown} must be {wanted}, not {value!r}")
    return value


_TYPES = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def _wrong(target: Target) -> Iterator[tuple[str, str]]:
    if target.severity not in set(Severity):
        yield "severity", f"must be one of {', '.join(Severity)}, not {target.severity!r}"
    if strange := [kind for kind in target.kinds if kind not in set(Kind)]:
        close = get_close_matches(strange[0], tuple(Kind), n=1)
        advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(Kind)}"
        yield "kinds", f"must name kinds of alerts, not {strange[0]!r}; {advice}"
    if target.quiet and not _is_span(target.quiet):
        yield "quiet", f"must be hours like 22:00-07:00, not {target.quiet!r}"
    if not 0 <= target.digest_minutes <= _MOST_DIGEST:
        yield "digest_minutes", f"must be between 0 and {_MOST_DIGEST:g}, not {target.digest_minutes:g}"
    if not 1 <= target.hourly <= _MOST_HOURLY:
        yield "hourly", f"must be between 1 and {_MOST_HOURLY}, not {target.hourly}"
    yield from servers.wrong_wait(target.timeout)
    if target.password_env and not servers.is_variable(target.password_env):
        yield "password_env", "must be the name of a variable, and never the password itself"
    yield from _WRONG[Way(target.type)](target)


def _is_span(quiet: str) -> bool:
    begins, _, ends = quiet.partition("-")
    return _HOURS.fullmatch(quiet) is not None and begins != ends


def _wrong_command(target: Target) -> Iterator[tuple[str, str]]:
    if not target.command or not target.command[0]:
        yield "command", 'must be a list like ["/opt/page", "--now"]; no shell reads it'


def _wrong_webhook(target: Target) -> Iterator[tuple[str, str]]:
    if target.url and not servers.is_address(target.url):
        yield "url", "must be an address like https://host/path, without a user or a password in it"
    if target.format not in ("generic", "slack"):
        yield "format", f"must be generic or slack, not {target.format!r}"


def _wrong_email(target: Target) -> Iterator[tuple[str, str]]:
    if not servers.is_host(target.host):
        yield "host", f"must be the name or the address of a machine, not {target.host!r}"
    if not 0 <= target.port <= 65535:
        yield "port", f"must be between 1 and 65535, not {target.port}"
    if target.tls not in _PORTS:
        yield "tls", f"must be one of {', '.join(_PORTS)}, not {target.tls!r}"
    if target.user and (not target.user.isprintable() or len(target.user) > _LONGEST):
        yield "user", f"must be a name on one line, not {target.user!r}"
    if not _ADDRESS.fullmatch(target.sender):
        yield "from", f"must be a mail address like ytpool@studio.example, not {target.sender!r}"
    if not target.to:
        yield "to", "must name somebody: a mail address, or a list of them"
    if strange := [one for one in target.to if not _ADDRESS.fullmatch(one)]:
        yield "to", f"must be mail addresses like night@studio.example, not {strange[0]!r}"


def _wrong_file(target: Target) -> Iterator[tuple[str, str]]:
    if not target.path or "\0" in target.path:
        yield "path", f"must be the path of a file, not {target.path!r}"


_WRONG: Mapping[Way, Callable[[Target], Iterator[tuple[str, str]]]] = {
    Way.COMMAND: _wrong_command,
    Way.WEBHOOK: _wrong_webhook,
    Way.EMAIL: _wrong_email,
    Way.FILE: _wrong_file,
}
