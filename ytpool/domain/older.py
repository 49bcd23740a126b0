"""The files of the older multi-account tool: its accounts, what it counted of today's quota, and its activity logs.

That tool keeps one JSON file with secrets in plain text, one token file for each account, `quota_usage.json`, and
`activity_log_ID.json`. Its days and moments are those of the machine's own clock and name no time zone. What it counts
for an account is really the project's: accounts whose clients belong to one project drew on one quota.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from ytpool.domain import names, quota
from ytpool.domain.balancing import Strategy
from ytpool.domain.logins import is_token
from ytpool.domain.secret import Secret
from ytpool.errors import ImportInvalid, UsageWrong

STRATEGIES: Mapping[str, Strategy] = {
    "quota_based": Strategy.LEAST_USED,
    "least_used": Strategy.LEAST_USED,
    "round_robin": Strategy.ROUND_ROBIN,
    "random": Strategy.RANDOM,
    "health_based": Strategy.HEALTH,
    "health": Strategy.HEALTH,
    "priority": Strategy.FILL,
    "fill": Strategy.FILL,
}
"""The older tool's word for how accounts take turns, and ours."""

NO_PRIORITY = 999
"""What the older tool gives an account that names none: the end of the line."""

HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the older file and what becomes of it; a secret's value is never here."""

    account: str
    """The account's id in the older file; empty for what concerns all."""
    field: str
    """Its name, below `load_balancing` with that before it."""
    value: str | int | float | bool | None
    became: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One account as the older file has it."""

    older_id: str
    """Its id there, or its place in the list where it has none."""
    name: str
    """What it is called here; empty where it cannot be taken."""
    client_id: str | None
    client_secret: Secret | None
    token_file: str
    comments: int | None
    priority: int
    enabled: bool
    channel_id: str | None
    problem: str
    """Why it cannot be taken, or empty."""

    @property
    def number(self) -> str | None:
        """The number of the project that its client id begins with."""
        digits, hyphen, _ = (self.client_id or "").partition("-")
        return digits if hyphen and digits.isascii() and digits.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """The older tool's configuration."""

    entries: tuple[Entry, ...]
    strategy: Strategy | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Units that the older tool counted for one account on one of its days."""

    older_id: str
    day: date
    units: int
    updated: datetime | None
    """When it last counted, where it says so; without a zone unless it wrote one."""

    def is_of(self, quota_day: date, zone: tzinfo) -> bool:
        """Tell whether any of it may have been spent on this quota day.

        The older tool's day is the machine's, which overlaps two of Google's; its last moment, where known, decides.
        """
        starts = quota.starts_at(quota_day)
        if self.updated is not None:
            return _in_utc(self.updated, zone) >= starts
        begins, ends = (
            datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
            for day in (self.day, self.day + timedelta(days=1))
        )
        return begins < quota.resets_at(quota_day) and ends > starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of an activity log."""

    older_id: str | None
    """Whose it is, where the line says so."""
    moment: datetime
    action: str
    well: bool
    reason: str
    video_id: str | None
    content: str
    """The line itself in one spelling: what makes it the same line the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """An activity log, and how many of its lines cannot be read."""

    lines: tuple[Happened, ...]
    unreadable: int


def configuration(content: bytes) -> Older:
    """Read the older tool's accounts; raises ImportInvalid where the file as a whole is not what it should be.

    What is wrong with one account is its `problem`, and the others go on.
    """
    table = _table(content)
    if not isinstance(table, dict):
        raise ImportInvalid(f"it is JSON, but {_kind(table)} instead of an object", hint=_EXPECTED)
    listed = table.get("accounts")
    if not isinstance(listed, list):
        raise ImportInvalid(f"{_what_it_is(table)}: it has no list 'accounts'", hint=_EXPECTED)
    if not listed:
        raise ImportInvalid("'accounts' is empty, so there is nothing to import", hint=_EXPECTED)
    _require_different(listed)
    entries: list[Entry] = []
    fields: list[Field] = []
    for place, given in enumerate(listed):
        entry = _entry(given, place, {one.name for one in entries})
        entries.append(entry)
        if isinstance(given, dict):
            fields += _account_fields(entry, given)
    strategy, more = _balancing(table.get("load_balancing"))
    fields += more
    fields += [_unknown("", name, value) for name, value in table.items() if name not in ("accounts", "load_balancing")]
    return Older(entries=tuple(entries), strategy=strategy, fields=tuple(fields))


def usage(content: bytes) -> tuple[Counted, ...]:
    """Read `quota_usage.json`, in one of the three shapes that are known; raises ImportInvalid for any other."""
    table = _table(content)
    if not isinstance(table, dict):
        raise ImportInvalid(f"it is {_kind(table)}, which says nobody's use", hint=_USAGES)
    if isinstance(table.get("accounts"), dict):
        day = _day(table.get("date"), "date")
        return tuple(_counted(key, day, value) for key, value in table["accounts"].items())
    return tuple(one for key, value in table.items() for one in _counted_by(key, value))


def log(content: bytes, zone: tzinfo, now: datetime) -> Log:
    """Read an activity log: a list of lines, or an object with such a list under 'activities' or 'items'."""
    table = _table(content)
    if isinstance(table, dict):
        table = next((table[key] for key in ("activities", "items") if key in table), table)
    if not isinstance(table, list):
        raise ImportInvalid(
            f"it is {_kind(table)} without a list of activities",
            hint="an activity log is a list of objects with 'timestamp' and 'action_type'",
        )
    lines = [_happened(line, zone, now) for line in table]
    known = tuple(line for line in lines if line is not None)
    return Log(lines=known, unreadable=len(lines) - len(known))


_EXPECTED = (
    'the older tool\'s file looks like {"accounts": [{"id": …, "client_id": …, "client_secret": …, "token_file": …}], '
    '"load_balancing": {"strategy": …}}'
)
_USAGES = (
    'known are {"date": DAY, "accounts": {ID: {"used": N}}}, {ID: {"date": DAY, "quota_used": N}} and '
    '{ID: {DAY: {"total_units": N}}}; or move the file away'
)
_UNITS = ("used", "quota_used", "total_units")
_MOST_UNITS = 1_000_000_000
_OLDEST = datetime(2005, 2, 14, tzinfo=UTC)
"""Nothing was done on YouTube before it was there."""
_LATEST_YEAR = 3000


def _table(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportInvalid(f"it is not JSON{where}", hint="open it in an editor and see what stands there") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = next(name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1)
        raise ImportInvalid(f"one object names {twice!r} twice", hint="leave one of them")
    return table


def _no_number(word: str) -> None:
    raise ImportInvalid(f"it holds {word}, which is no number", hint="write a number there")


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _what_it_is(table: Mapping[str, Any]) -> str:
    if "installed" in table or "web" in table:
        return "this is an OAuth client as Google's console writes it"
    if "refresh_token" in table or "token" in table:
        return "this is the token file of one account, which `ytpool auth import` takes"
    return "this is not the older tool's file"


def _require_different(listed: Sequence[Any]) -> None:
    """Refuse two accounts with one id: which of them its token, quota and log are, nobody can tell."""
    seen: set[str] = set()
    for one in listed:
        older_id = _id(one)
        if older_id is not None and older_id in seen:
            raise ImportInvalid(f"two accounts have the id {older_id!r}", hint="give each its own id")
        seen.add(older_id or "")


def _id(given: object) -> str | None:
    value = given.get("id") if isinstance(given, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def _entry(given: object, place: int, taken: Collection[str]) -> Entry:
    older_id = _id(given)
    label = older_id or f"accounts[{place}]"
    empty = Entry(
        older_id=label,
        name="",
        client_id=None,
        client_secret=None,
        token_file="",
        comments=None,
        priority=NO_PRIORITY,
        enabled=True,
        channel_id=None,
        problem="",
    )
    if not isinstance(given, dict):
        return replace(empty, problem=f"it is {_kind(given)} instead of an object")
    if older_id is None:
        return replace(empty, problem="it has no id")
    try:
        return replace(empty, name=_free_name(older_id, taken), **_values(older_id, given))
    except (ImportInvalid, UsageWrong) as error:
        return replace(empty, problem=error.message)


def _free_name(older_id: str, taken: Collection[str]) -> str:
    name = names.legal(older_id)
    number = 2
    while name in taken:
        name = f"{names.legal(older_id)[:60]}-{number}"
        number += 1
    return name


def _values(older_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    client_id, client_secret = (_text(given, name) for name in ("client_id", "client_secret"))
    for name, value in (("client_id", client_id), ("client_secret", client_secret)):
        if value is not None and not is_token(value):
            raise ImportInvalid(f"{name} holds letters that no {name} has")
    enabled = given.get("enabled", True)
    if not isinstance(enabled, bool):
        raise ImportInvalid("enabled is neither true nor false")
    return {
        "client_id": client_id,
        "client_secret": None if client_secret is None else Secret(client_secret),
        "token_file": _text(given, "token_file") or f"token_{older_id}.json",
        "comments": _number(given, "max_comments_per_day"),
        "priority": NO_PRIORITY if (priority := _number(given, "priority")) is None else priority,
        "enabled": enabled,
        "channel_id": _text(given, "channel_id"),
    }


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not names.is_text(value) or "\0" in value:
        raise ImportInvalid(f"{name} is no text")
    return value.strip() or None


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:10])
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise ImportInvalid(f"{name} is no whole number from 0 to 1,000,000")
    return value


def _account_fields(entry: Entry, given: Mapping[str, Any]) -> Iterator[Field]:
    for name, value in given.items():
        told = _TOLD.get(name)
        if told is None:
            yield _unknown(entry.older_id, name, value)
        else:
            became, why = told(entry)
            yield Field(account=entry.older_id, field=name, value=_shown(name, value), became=became, why=why)


def _of_id(entry: Entry) -> tuple[str, str]:
    same = entry.name == entry.older_id
    return entry.name, "" if same else "names here have no spaces and slashes, and no two are alike"


def _of_client(entry: Entry) -> tuple[str, str]:
    if entry.number is None:
        return "a project of its own", "it begins with no project number, which would tell who pays"
    return f"project {entry.number}", "the number it begins with is the project's, which pays"


def _of_cap(entry: Entry) -> tuple[str, str]:
    if not entry.comments:
        return "a cap of 0", "it posts no comments, as before"
    return f"a cap of {entry.comments}", "counted by quota day: from midnight to midnight in California"


def _of_enabled(entry: Entry) -> tuple[str, str]:
    return ("active", "") if entry.enabled else ("disabled", "it stays so until you enable it")


_TOLD: Mapping[str, Any] = {
    "id": _of_id,
    "client_id": _of_client,
    "client_secret": lambda _: ("in the vault", "sealed, as every secret"),
    "token_file": lambda _: ("in the vault", "its refresh token, once YouTube has said whose channel it is for"),
    "max_comments_per_day": _of_cap,
    "max_comments_per_hour": lambda _: ("nothing", "caps count by quota day here"),
    "priority": lambda entry: (
        str(entry.priority),
        "taken as lower first, because the older tool's own example calls 1 the main account",
    ),
    "enabled": _of_enabled,
    "channel_id": lambda _: ("compared", "a login for another channel is refused"),
}
"""What becomes of the fields of an account that we know."""


def _balancing(given: object) -> tuple[Strategy | None, list[Field]]:
    if given is None:
        return None, []
    if not isinstance(given, dict):
        return None, [_unknown("", "load_balancing", given)]
    strategy: Strategy | None = None
    fields = []
    for name, value in given.items():
        field = f"load_balancing.{name}"
        if name == "strategy":
            strategy, told = _strategy(value)
        elif name == "failover_enabled":
            told = _failover(value)
        elif name in ("quota_threshold_warning", "quota_threshold_critical"):
            told = "nothing", "thresholds are per cent of each bucket here: [thresholds] in `ytpool config show`"
        else:
            fields.append(_unknown("", field, value))
            continue
        fields.append(Field(account="", field=field, value=_shown(name, value), became=told[0], why=told[1]))
    return strategy, fields


def _strategy(value: object) -> tuple[Strategy, tuple[str, str]]:
    word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
    found = STRATEGIES.get(word)
    if found is None:
        return Strategy.HEALTH, ("strategy health", "the word is not known, and health is what pools have by default")
    why = {
        Strategy.LEAST_USED: "the account that has used least of what the work costs",
        Strategy.FILL: "the first free account in the order of priority",
    }.get(found, "")
    return found, (f"strategy {found}", why)


def _failover(value: object) -> tuple[str, str]:
    if value is False:
        return "nothing", (
            "a pool always hands over, to another channel of the same project; name an account instead of a pool where "
            "only that one is right"
        )
    return "always so", "a pool hands over, and waits for the reset at last; it never leaves its project"


_HARMLESS = frozenset(
    {
        "description",
        "name",
        "title",
        "label",
        "note",
        "notes",
        "strategy",
        "id",
        "client_id",
        "token_file",
        "channel_id",
    }
)
"""Fields whose texts may be shown; any other text might be a secret."""


def _unknown(account: str, field: str, value: object) -> Field:
    name = field.rpartition(".")[2]
    why = _NOT_TAKEN.get(name, "ytpool does not know this field")
    return Field(account=account, field=field, value=_shown(name, value), became="nothing", why=why)


_NOT_TAKEN = {
    "name": "the channel's own title is shown",
    "description": "a remark for people",
}


def _shown(name: str, value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value if name in _HARMLESS and names.is_text(value) else HIDDEN
    return f"({_kind(value)})"


def _counted_by(older_id: str, value: object) -> Iterator[Counted]:
    if not isinstance(value, dict):
        raise ImportInvalid(f"{older_id!r} has {_kind(value)} instead of an object", hint=_USAGES)
    if "date" in value:
        yield _counted(older_id, _day(value["date"], older_id), value)
        return
    for day, counted in value.items():
        yield _counted(older_id, _day(day, older_id), counted)


def _counted(older_id: str, day: date, value: object) -> Counted:
    units = value if not isinstance(value, dict) else next((value[key] for key in _UNITS if key in value), None)
    if not isinstance(units, int) or isinstance(units, bool) or not 0 <= units <= _MOST_UNITS:
        raise ImportInvalid(f"{older_id!r} has no number of units for {day}", hint=_USAGES)
    updated = value.get("last_updated") if isinstance(value, dict) else None
    return Counted(older_id=older_id, day=day, units=units, updated=_moment(updated))


def _day(value: object, where: str) -> date:
    try:
        day = date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        day = date.min
    if not _OLDEST.year <= day.year < _LATEST_YEAR:
        raise ImportInvalid(f"{where!r} names no day such as 2026-11-20", hint=_USAGES)
    return day


def _happened(line: object, zone: tzinfo, now: datetime) -> Happened | None:
    """Read one line of a log, or return None where it cannot be said when what happened."""
    if not isinstance(line, dict):
        return None
    told, action = _moment(line.get("timestamp")), line.get("action_type")
    moment = None if told is None else _in_utc(told, zone)
    if moment is None or not isinstance(action, str) or not _OLDEST <= moment <= now + timedelta(days=1):
        return None
    details = line.get("details")
    details = details if isinstance(details, dict) else {}
    kind = action.removesuffix("_blocked")
    blocked = kind != action
    failed = details.get("success") is False or bool(details.get("error"))
    older_id = line.get("account_id")
    video_id = details.get("video_id")
    return Happened(
        older_id=older_id if isinstance(older_id, str) else None,
        moment=moment,
        action=kind if re.fullmatch(r"[\w.-]{1,40}", kind, re.ASCII) else "unknown",
        well=not (blocked or failed),
        reason="blocked" if blocked else "failed" if failed else "",
        video_id=video_id if isinstance(video_id, str) and re.fullmatch(r"[\w-]{11}", video_id, re.ASCII) else None,
        content=json.dumps(line, sort_keys=True),
    )


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _in_utc(moment: datetime, zone: tzinfo) -> datetime:
    """Move a moment of the older tool to UTC; in the hour that comes twice, the first of the two is taken."""
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
