"""Browser sessions as files: read in the ways they are written, counted and dated, and never quoted in an error.

What we keep is a storage state as Playwright's browsers write and take it. One that comes as such keeps everything that
is in it; cookie files and what browser extensions export become one, with their cookies and nothing else.
"""

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import PurePath
from typing import Any, NoReturn

from ytpool.domain import platforms
from ytpool.domain.names import is_text
from ytpool.domain.platforms import Platform
from ytpool.domain.secret import Secret
from ytpool.errors import SessionsInvalid

LARGEST_BYTES = 8 * 1024 * 1024
"""A browser's whole storage is far smaller; what is larger is no session."""

SUFFIXES = (".json", ".txt", ".cookies")
"""How the files of sessions are called."""


class Format(StrEnum):
    """How others write a session down."""

    STORAGE_STATE = "storage-state"
    NETSCAPE = "netscape"
    EXTENSION = "extension"


class Written(StrEnum):
    """How we write one down."""

    STORAGE_STATE = "storage-state"
    NETSCAPE = "netscape"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageState:
    """A session's content, and what can be said of it without showing it."""

    content: Secret
    """A storage state as JSON."""
    format: Format
    """How it was written where it comes from."""
    cookies: int
    expires_at: datetime | None
    """When the first of its cookies ends; None if all last as long as the browser."""
    domains: tuple[str, ...]
    digest: str
    """Of what was read, so that one file is known again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cookie that matters, without its value."""

    name: str
    domain: str
    expires_at: datetime | None
    """None: it lasts as long as the browser."""
    needed: bool
    """Without it, or another that stands in for it, nobody is logged in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a session's cookies say of being logged in at its platform."""

    belongs: bool
    """Some cookie is the platform's."""
    missing: tuple[str, ...]
    """What a login takes and is not there; one word for each group, which may name several that would do."""
    ends_at: datetime | None
    """From then on nobody is logged in; None where the cookies do not say."""
    marks: tuple[Mark, ...]


def read(text: str) -> StorageState:
    """Read a session in whichever way it is written; raise SessionsInvalid, naming the place, if it is none."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST_BYTES:
        _refuse(f"it has {len(raw):,} bytes, a browser session has at most {LARGEST_BYTES:,}")
    text = text.removeprefix("\ufeff")
    form, state = _json(text) if text.lstrip()[:1] in ("{", "[") else (Format.NETSCAPE, _netscape(text))
    cookies = state["cookies"]
    if not cookies:
        _refuse("it has no cookies, so nobody is logged in")
    ends = [end for end in map(_end, cookies) if end is not None]
    return StorageState(
        content=Secret(_written_down(state)),
        format=form,
        cookies=len(cookies),
        expires_at=min(ends, default=None),
        domains=tuple(sorted({cookie["domain"].lstrip(".").lower() for cookie in cookies})),
        digest=sha256(raw).hexdigest(),
    )


def login(cookies: Sequence[Mapping[str, Any]], platform: Platform) -> Login:
    """Say what a storage state's cookies are worth at a platform."""
    own = [cookie for cookie in cookies if platform.owns(cookie["domain"])]
    groups = [[cookie for cookie in own if cookie["name"] in group] for group in platform.login]
    missing = tuple(" or ".join(group) for group, found in zip(platform.login, groups, strict=True) if not found)
    ends = [_last_end(found) for found in (groups or [own]) if found]
    needed = {name for group in platform.login for name in group}
    marked = [cookie for name in platform.cookies for cookie in own if cookie["name"] == name]
    return Login(
        belongs=bool(own),
        missing=missing,
        ends_at=None if missing else min((end for end in ends if end is not None), default=None),
        marks=tuple(
            Mark(
                name=cookie["name"],
                domain=cookie["domain"],
                expires_at=_end(cookie),
                needed=cookie["name"] in needed,
            )
            for cookie in marked
        ),
    )


def platform_of(cookies: Sequence[Mapping[str, Any]]) -> str | None:
    """Name the one platform at which these cookies are a login; None where it is none, or several."""
    names = {one.name for one in platforms.every() if one.login and not login(cookies, one).missing}
    if "youtube" in names:
        names.discard("google")  # who is logged in at YouTube always is
    return names.pop() if len(names) == 1 else None


def named(file_name: str) -> tuple[str, str] | None:
    """Guess user and platform from `<user>_<platform>.json` or `<platform>_<user>.json`."""
    path = PurePath(file_name)
    if path.suffix.lower() not in SUFFIXES:
        return None
    before, _, last = path.stem.rpartition("_")
    first, _, after = path.stem.partition("_")
    for user, platform in ((before, last), (after, first)):
        if user and platforms.is_known(platform):
            return user, platforms.canonical(platform)
    return None


def netscape(state: Mapping[str, Any]) -> str:
    """Write a storage state's cookies as a Netscape cookie file, which yt-dlp, curl and wget read."""
    lines = ["# Netscape HTTP Cookie File"]
    for cookie in state["cookies"]:
        text = cookie["name"] + cookie["value"] + cookie["path"]
        if "\t" in text or not is_text(text):
            raise SessionsInvalid(
                "a cookie of this session holds what a Netscape cookie file cannot: a tab, or half a sign",
                hint="export it as it is: --format storage-state",
            )
        end = _end(cookie)
        lines.append(
            "\t".join(
                (
                    (_HTTP_ONLY if cookie.get("httpOnly") else "") + cookie["domain"],
                    "TRUE" if cookie["domain"].startswith(".") else "FALSE",
                    cookie["path"],
                    "TRUE" if cookie.get("secure") else "FALSE",
                    "0" if end is None else str(max(1, int(end.timestamp()))),
                    cookie["name"],
                    cookie["value"],
                )
            )
        )
    return "\n".join(lines) + "\n"


def _written_down(state: Mapping[str, Any]) -> str:
    try:
        return json.dumps(state, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        _refuse("beside its cookies it holds what is no JSON: a number without end, or too many levels")


_HINT = (
    "a session is a storage state of Playwright (context.storage_state()), a Netscape cookie file, or the JSON that a "
    "browser's cookie extension exports"
)
_LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_HOST = re.compile(r"[\s/\\@?#]|^\.*$")
_LONGEST_HOST = 255
_OF_AN_EXTENSION = {"expirationDate", "hostOnly", "storeId", "expiry"}
_ENDS = ("expirationDate", "expires", "expiry")
_WRITTEN: Mapping[str, Callable[[Any], bool]] = {
    "httpOnly": lambda value: isinstance(value, bool),
    "secure": lambda value: isinstance(value, bool),
    "sameSite": lambda value: value in ("Strict", "Lax", "None"),
    "partitionKey": lambda value: isinstance(value, str),
}
_SAME_SITE = {"no_restriction": "None", "none": "None", "lax": "Lax", "strict": "Strict"}
_HTTP_ONLY = "#HttpOnly_"
"""A comment to programs that do not know it, a cookie that scripts do not see to all others."""
_FIELDS = 7


def _json(text: str) -> tuple[Format, dict[str, Any]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise SessionsInvalid(
            f"the session file is not JSON: line {error.lineno}, column {error.colno}", hint=_HINT
        ) from None  # the original quotes the whole file
    except (ValueError, RecursionError) as error:
        raise SessionsInvalid("the session file is not JSON", hint=_HINT) from error
    listed = found if isinstance(found, list) else found.get("cookies")
    if not isinstance(listed, list):
        _refuse('it is JSON, but without the list "cookies"')
    exported = isinstance(found, list) or any(isinstance(one, dict) and _OF_AN_EXTENSION & one.keys() for one in listed)
    if exported:
        cookies = [_exported(number, cookie) for number, cookie in enumerate(listed, start=1)]
        return Format.EXTENSION, {"cookies": cookies, "origins": []}
    for number, cookie in enumerate(listed, start=1):
        _check(number, cookie)
    state = {**found, "cookies": [_plain(cookie) for cookie in listed]}
    _check_origins(state.setdefault("origins", []))
    return Format.STORAGE_STATE, state


def _check(number: int, cookie: Any) -> None:
    if not isinstance(cookie, Mapping):
        _refuse(f"cookie {number} is not an object")
    for field in ("name", "value", "domain", "path"):
        if not isinstance(cookie.get(field), str):
            _refuse(f"cookie {number} has no text as its {field}")
        if _CONTROL.search(cookie[field]):
            _refuse(f"cookie {number} has a control character in its {field}")
    if not cookie["name"] or not cookie["domain"]:
        _refuse(f"cookie {number} has an empty name or domain")
    if _NO_HOST.search(cookie["domain"]) or len(cookie["domain"]) > _LONGEST_HOST:
        _refuse(f"cookie {number} has a domain that is none")
    expires = cookie.get("expires", -1)
    if isinstance(expires, bool) or not isinstance(expires, int | float) or expires != expires:  # noqa: PLR0124 -- NaN
        _refuse(f"cookie {number} expires at something that is no number")


def _plain(cookie: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what no browser writes and none would take."""
    plain = {**_finite(cookie)}
    for field, is_right in _WRITTEN.items():
        if field in plain and not is_right(plain[field]):
            del plain[field]
    return plain


def _finite(cookie: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an end that JSON cannot write, or no calendar has, the last moment there is."""
    expires = cookie.get("expires", -1)
    if -_LATEST <= expires <= _LATEST:
        return cookie
    return {**cookie, "expires": _LATEST if expires > 0 else -1}


def _check_origins(origins: Any) -> None:
    if not isinstance(origins, list) or not all(
        isinstance(one, dict) and isinstance(one.get("origin"), str) for one in origins
    ):
        _refuse('its "origins" are no list of objects with an "origin"')


def _exported(number: int, cookie: Any) -> dict[str, Any]:
    """Read a cookie as extensions write it."""
    if not isinstance(cookie, Mapping):
        _refuse(f"cookie {number} is not an object")
    end = next((cookie[field] for field in _ENDS if cookie.get(field) is not None), -1)
    found = {
        "name": cookie.get("name"),
        "value": cookie.get("value"),
        "domain": cookie.get("domain"),
        "path": cookie.get("path", "/"),
        "expires": -1 if cookie.get("session") is True or end == 0 else end,
    }
    _check(number, found)
    found["domain"] = _scoped(found["domain"], host_only=cookie.get("hostOnly"))
    found |= {"httpOnly": cookie.get("httpOnly") is True, "secure": cookie.get("secure") is True}
    same_site = _SAME_SITE.get(str(cookie.get("sameSite")).lower())
    if same_site is not None and (same_site != "None" or found["secure"]):  # a browser drops None without secure
        found["sameSite"] = same_site
    partition = cookie.get("partitionKey")
    site = partition.get("topLevelSite") if isinstance(partition, Mapping) else partition
    if isinstance(site, str) and site:
        found["partitionKey"] = site
    return dict(_finite(found))


def _netscape(text: str) -> dict[str, Any]:
    return {"cookies": list(_lines(text)), "origins": []}


def _lines(text: str) -> Iterator[dict[str, Any]]:
    # Not splitlines(): a cookie may hold what Unicode calls the end of a line.
    for number, ended in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = ended.removeprefix(_HTTP_ONLY)
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t", _FIELDS - 1)
        if len(fields) == _FIELDS - 1:
            fields.append("")  # some programs leave out an empty value with its tab
        if len(fields) != _FIELDS:
            _refuse(f"line {number} is neither JSON nor a cookie of {_FIELDS} fields with tabs between them")
        domain, under_it, path, secure, expires, name, value = fields
        if {under_it.upper(), secure.upper()} - {"TRUE", "FALSE"}:
            _refuse(f"line {number} says neither TRUE nor FALSE where one of them belongs")
        cookie = {
            "name": name,
            "value": value,
            "domain": domain,
            "path": path,
            "expires": _seconds(number, expires),
            "httpOnly": ended.startswith(_HTTP_ONLY),
            "secure": secure.upper() == "TRUE",
        }
        _check(number, cookie)
        yield {**_finite(cookie), "domain": _scoped(domain, host_only=under_it.upper() == "FALSE")}


def _seconds(number: int, text: str) -> float:
    try:
        seconds = float(text or "0")
    except ValueError:
        _refuse(f"the cookie in line {number} expires at something that is no number")
    if not math.isfinite(seconds):
        _refuse(f"the cookie in line {number} expires at something that is no number")
    return seconds if seconds > 0 else -1


def _scoped(domain: str, *, host_only: Any) -> str:
    """Write a domain so that it says whether its subdomains are meant; an address and a bare name have none."""
    host = domain.lstrip(".")
    if host_only is True:
        return host
    if host_only is not False or "." not in host or _is_address(host):
        return domain
    return f".{host}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _end(cookie: Mapping[str, Any]) -> datetime | None:
    """When a cookie ends; None for one that lasts as long as the browser, or longer than calendars."""
    expires = cookie.get("expires", -1)
    return datetime.fromtimestamp(expires, UTC) if 0 <= expires < _LATEST else None


def _last_end(cookies: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the last of these ends, each of which would do; None where one does not end."""
    ends = [_end(cookie) for cookie in cookies]
    return None if None in ends else max(end for end in ends if end is not None)


def _refuse(why: str) -> NoReturn:
    raise SessionsInvalid(f"the file is no browser session: {why}", hint=_HINT)
