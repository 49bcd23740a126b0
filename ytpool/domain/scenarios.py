"""Scenarios: what goes wrong in a rehearsal, as people write it down in TOML.

A scenario is a list of disasters. Each says what it is, when it strikes and how hard; what it strikes at, where that
is not said, is drawn from the seed of the rehearsal. Nothing here knows an account or a clock: names and moments are
compared with the state where a scenario is played.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple

from ytpool.domain import moments, quota, toml
from ytpool.errors import FileInvalid


class What(StrEnum):
    """The kinds of disasters."""

    SUSPEND = "suspend"
    REVOKE = "revoke"
    LIMIT = "limit"
    CAP = "cap"
    ANSWER = "answer"
    LOSE = "lose"
    CUT = "cut"
    KILL = "kill"
    CLOCK = "clock"
    KEYRING = "keyring"
    DATABASE = "database"
    DISK = "disk"


class Leap(StrEnum):
    """What a clock leaps over."""

    RESET = "reset"
    """The next midnight in California."""
    SPRING = "spring"
    """The day on which the clocks there go forward: the quota day has 23 hours."""
    AUTUMN = "autumn"
    """The day on which they go back: it has 25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disaster:
    """One thing that goes wrong. What a kind does not know stays as it is here."""

    what: What
    at: timedelta = timedelta()
    """When it strikes, counted from the beginning; not used where `after` is named."""
    after: int | None = None
    """It strikes in the middle of the work, when so many per cent of the videos have been worked on."""
    lasts_for: timedelta = timedelta()
    accounts: int = 0
    """How many are struck at; 0: all."""
    named: tuple[str, ...] = ()
    """Who is struck at, where that is not left to the seed."""
    bucket: str = ""
    share: float = 1.0
    """What is left of a limit."""
    uploads: int = 0
    error: str = ""
    methods: tuple[str, ...] = ()
    """Which calls it is about; none: every call that publishing makes."""
    every: int = 1
    times: int = 1
    over: Leap = Leap.RESET


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What goes wrong, and what that means in words."""

    name: str
    title: str
    about: str
    disasters: tuple[Disaster, ...]


class _Key(NamedTuple):
    """One key of a disaster: the field it fills, how it is read, and whether it must be there."""

    field: str
    read: Callable[[Any], Any]
    needed: bool = False


class _Wrong(Exception):
    """What a value should have been."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Wrong("a text on one line")
    return value


def _about(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong("a text")
    return value.strip()


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise _Wrong("a list of names")
    return tuple(map(_text, value))


def _number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _Wrong(f"a whole number from {least} to {most:,}")
        return value

    return read


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise _Wrong("a share from 0 to less than 1, as 0.5 for the half")
    return float(value)


def _span(value: object) -> timedelta:
    try:
        span = moments.span(value if isinstance(value, str) else "")
    except ValueError:
        raise _Wrong('a stretch of time as "90s", "45m", "8h" or "1d12h"') from None
    if span > LONGEST:
        raise _Wrong(f"no more than {LONGEST.days} days: nobody plans further ahead")
    return span


def _lasting(value: object) -> timedelta:
    span = _span(value)
    if not span:
        raise _Wrong("longer than nothing")
    return span


def _short(value: object) -> timedelta:
    span = _lasting(value)
    if span > _LOCKED_AT_MOST:
        raise _Wrong("no more than ten minutes: for this, time really passes")
    return span


def _leap(value: object) -> Leap:
    if value not in tuple(Leap):
        raise _Wrong(f"one of {', '.join(Leap)}")
    return Leap(str(value))


def _whom(value: object) -> tuple[str, ...] | int:
    return _texts(value) if isinstance(value, list) else _number(1, 10_000)(value)


LONGEST = timedelta(days=400)
_LOCKED_AT_MOST = timedelta(minutes=10)

_WHEN = {"at": _Key("at", _span)}
_AMIDST = {**_WHEN, "after": _Key("after", _number(1, 99))}
_WHOM = {"accounts": _Key("accounts", _whom)}
_HOW_LONG = {"for": _Key("lasts_for", _lasting, needed=True)}
_TIMES = {"times": _Key("times", _number(1, 1000))}

_KEYS: Mapping[What, Mapping[str, _Key]] = {
    What.SUSPEND: {**_AMIDST, **_WHOM},
    What.REVOKE: {**_AMIDST, **_WHOM},
    What.LIMIT: {
        **_AMIDST,
        "bucket": _Key("bucket", _text, needed=True),
        "share": _Key("share", _share, needed=True),
    },
    What.CAP: {**_AMIDST, **_WHOM, "uploads": _Key("uploads", _number(0, 1_000_000), needed=True)},
    What.ANSWER: {
        **_AMIDST,
        **_HOW_LONG,
        "error": _Key("error", _text, needed=True),
        "methods": _Key("methods", _texts),
    },
    What.LOSE: {**_AMIDST, "every": _Key("every", _number(1, 1000), needed=True)},
    What.CUT: {**_AMIDST, **_TIMES},
    What.KILL: {**_WHEN, **_TIMES},
    What.CLOCK: {**_AMIDST, "over": _Key("over", _leap, needed=True)},
    What.KEYRING: {**_AMIDST, **_HOW_LONG},
    What.DATABASE: {**_AMIDST, "for": _Key("lasts_for", _short, needed=True)},
    What.DISK: {**_WHEN, **_TIMES},
}
"""What may be said of each kind. Workers that are processes of their own are begun before the work, not amidst."""


def read(name: str, content: bytes, path: str) -> Scenario:
    """Read a scenario; raises FileInvalid with what is wrong, where, and what would be right."""
    try:
        table = toml.parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FileInvalid(f"{path} is no text in UTF-8", hint=_HINT, path=path) from None
    except toml.NotToml as error:
        line = "" if error.line is None else f" (line {error.line})"
        raise FileInvalid(f"{path} is no TOML: {error.sentence}{line}", hint=_HINT, path=path) from None

    def refuse(sentence: str) -> FileInvalid:
        return FileInvalid(f"{path}: {sentence}", hint=_HINT, path=path)

    head: Mapping[str, Callable[[Any], str]] = {"title": _text, "about": _about}
    for key in table:
        if key not in (*head, "disaster"):
            raise refuse(f"there is no key {key!r}{_meant(key, (*head, 'disaster'))}")
    said = {key: _value(refuse, key, table.get(key, ""), reads) for key, reads in head.items() if key in table}
    rows = table.get("disaster")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise refuse("it has no [[disaster]]")
    return Scenario(
        name=name,
        title=said.get("title", name),
        about=said.get("about", ""),
        disasters=tuple(_disaster(row, number, refuse) for number, row in enumerate(rows, start=1)),
    )


_HINT = "how scenarios are written: ytpool guide rehearse"


def _disaster(row: Mapping[str, Any], number: int, refuse: Callable[[str], FileInvalid]) -> Disaster:
    def wrong(sentence: str) -> FileInvalid:
        return refuse(f"disaster {number}: {sentence}")

    what = row.get("what")
    if what not in tuple(What):
        if what is None:
            raise wrong(f"it does not say what it is, as what = {What.SUSPEND.value!r}")
        raise wrong(f"there is no disaster {what!r}{_meant(str(what), tuple(What))}; there are {', '.join(What)}")
    kind = What(what)
    known = _KEYS[kind]
    for key in row:
        if key not in ("what", *known):
            raise wrong(f"{kind} knows no {key!r}{_meant(key, tuple(known))}; it knows {', '.join(known)}")
    if "at" in row and "after" in row:
        raise wrong("it strikes either at a moment or after so many per cent; leave out one")
    missing = [key for key, one in known.items() if one.needed and key not in row]
    if missing:
        raise wrong(f"{kind} needs {missing[0]!r}")
    values = {one.field: _value(wrong, key, row[key], one.read) for key, one in known.items() if key in row}
    if isinstance(values.get("accounts"), tuple):
        values["named"] = values.pop("accounts")
    return Disaster(what=kind, **values)


def _value(refuse: Callable[[str], FileInvalid], key: str, value: object, reads: Callable[[Any], Any]) -> Any:
    try:
        return reads(value)
    except _Wrong as wrong:
        raise refuse(f"{key} is {wrong}, and not {value!r:.60}") from None


def _meant(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {str(close[0])!r}?" if close else ""


def when(disaster: Disaster) -> str:
    """Say when a disaster strikes."""
    if disaster.after is not None:
        return f"after {disaster.after} % of the videos"
    return f"after {spoken_span(disaster.at)}" if disaster.at else "at the beginning"


def words(disaster: Disaster) -> str:
    """Say what a disaster does."""
    whom = ", ".join(disaster.named) or ("every account" if not disaster.accounts else f"{disaster.accounts} accounts")
    whom = "1 account" if disaster.accounts == 1 else whom
    lasts = spoken_span(disaster.lasts_for)
    about = ", ".join(disaster.methods) or "every call"
    return {
        What.SUSPEND: f"YouTube suspends {whom}",
        What.REVOKE: f"the login of {whom} dies",
        What.LIMIT: f"of the bucket {disaster.bucket} there is {disaster.share:.0%} of what we think",
        What.CAP: f"the channel of {whom} takes {disaster.uploads} uploads in 24 hours",
        What.ANSWER: f"{about} is answered with {disaster.error} for {lasts}",
        What.LOSE: f"of {disaster.every} final answers one is lost",
        What.CUT: f"the line is cut {disaster.times} times, somewhere",
        What.KILL: f"{disaster.times} workers are killed while they work",
        What.CLOCK: f"the clock leaps to the end of {_DAYS[disaster.over]}",
        What.KEYRING: f"the key of the vault is out of reach for {lasts}",
        What.DATABASE: f"the state is locked for {lasts}",
        What.DISK: f"{disaster.times} workers run out of room on their disk",
    }[disaster.what]


_DAYS = {
    Leap.RESET: "the quota day",
    Leap.SPRING: "the next quota day of 23 hours",
    Leap.AUTUMN: "the next quota day of 25 hours",
}


def spoken_span(span: timedelta) -> str:
    """Word a stretch of time for people."""
    seconds = span.total_seconds()
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit or seconds == unit:
            return f"{seconds / unit:g} {name.removesuffix('s') if seconds == unit else name}"
    return f"{seconds:g} seconds"


def day_ends(over: Leap, now: datetime) -> datetime:
    """Return the end of the quota day that a clock leaps over: today, or the next one that has an hour less or more."""
    day = quota.quota_day(now)
    hours = {Leap.SPRING: 23, Leap.AUTUMN: 25}.get(over)
    while hours is not None and quota.hours_of(day) != hours:
        day += timedelta(days=1)
    return quota.resets_at(day)
