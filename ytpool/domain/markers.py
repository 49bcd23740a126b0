"""The marks by which a platform shows whether a session is logged in, and what an answer to its cookies means.

Marks are data (`data/markers.json`, and `[platforms.NAME]` over it). A path stands for itself and for all below it, on
the platform's own site; before a path of another site its host has to be named, so that a network that sends everybody
to a login page of its own proves nothing. Only what no logged-in visitor meets is a sure sign.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from ytpool import data
from ytpool.domain import platforms
from ytpool.domain.endpoints import is_loopback, is_safe
from ytpool.domain.sessions import Finding

MOST_REDIRECTS = 5
LONGEST_LOOK = 64 << 10
"""Bytes of a page that are looked at."""
LONGEST_PAGE = 64 << 20
"""Bytes that a page may say it has; what is longer is none."""


class Place(StrEnum):
    """A page that only those are sent to who cannot go on with their session."""

    LOGIN = "login"
    CHECKPOINT = "checkpoint"
    BANNED = "banned"


class Marks(NamedTuple):
    """How one platform is asked, and how it tells."""

    name: str
    url: str = ""
    login: tuple[str, ...] = ()
    checkpoint: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    scripted: bool = False
    """Its pages are drawn by scripts, the login as well, so that only in a browser a page proves anything."""
    cookies: tuple[tuple[str, ...], ...] = ()
    """What a login takes: of each group one cookie is enough. Empty: nobody knows."""
    stays_here: bool = False
    """Nobody goes beyond this machine, wherever a page leads."""

    def place(self, url: str) -> Place | None:
        """Tell what an address is; a ban is told before a checkpoint, and a checkpoint before a login."""
        places = ((Place.BANNED, self.banned), (Place.CHECKPOINT, self.checkpoint), (Place.LOGIN, self.login))
        return next((place for place, paths in places if any(_is_at(url, mark, self.url) for mark in paths)), None)

    def is_own(self, url: str) -> bool:
        """Tell whether an address is on the platform's own site, or on another of its domains."""
        host, platform = _host(url), platforms.known(self.name)
        return _site(host) == _site(_host(self.url)) or (bool(platform.domains) and platform.owns(host))

    def is_end(self, url: str) -> bool:
        """Tell whether an address is answer enough, so that nobody goes there."""
        return self.place(url) is not None or not is_safe(url) or not self.is_own(url) or self.is_out(url)

    def is_out(self, url: str) -> bool:
        """Tell whether an address is one where nobody may go from here."""
        return self.stays_here and not is_loopback(url)


Refuse = Callable[[tuple[str, ...], str], NoReturn]
"""Says what is wrong with the setting at this path, and raises."""


def shipped(name: str) -> Marks:
    """Return the marks of a platform as they come with the program; of most there is no address."""
    return _marks(platforms.canonical(name), {})


def from_table(name: str, table: Mapping[str, Any], refuse: Refuse) -> Marks:
    """Read one `[platforms.NAME]`, strictly; what it leaves out is as shipped."""
    own = platforms.canonical(name)
    if own != name:
        refuse((), f"the sessions of {name} are kept as {own}: write [platforms.{own}]")
    for key, value in table.items():
        if key not in _KEYS:
            refuse((key,), f"there is no setting platforms.{name}.{key}; platforms.{name} has {', '.join(_KEYS)}")
        right, meaning = _KEYS[key]
        if not right(value):
            refuse((key,), f"platforms.{name}.{key} must be {meaning}, not {value!r}")
    return _marks(own, table)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and is_safe(value) and "#" not in value


def _list_of(pattern: str, what: str) -> tuple[Callable[[Any], bool], str]:
    right = re.compile(pattern)

    def fits(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(one, str) and right.fullmatch(one) for one in value)

    return fits, f"a list of {what}"


_PATHS = _list_of(r"[a-z0-9.-]*/[^\s?#]+", 'paths like "/login" or "accounts.example.com/login"')
_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "url": (
        _is_address,
        "an https address; plain http is for this machine only (127.0.0.1, ::1, localhost)",
    ),
    "login": _PATHS,
    "checkpoint": _PATHS,
    "banned": _PATHS,
    "form": _list_of(r'[a-z][a-z0-9-]*(\[[a-z-]+([*^]?="[^"\]]+")?\])+', "elements like 'input[type=\"password\"]'"),
    "scripted": (lambda value: isinstance(value, bool), "true or false"),
    "cookies": _list_of(
        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "names of cookies, of which one is there as long as one is logged in"
    ),
}


def _marks(name: str, overruled: Mapping[str, Any]) -> Marks:
    tables = data.load("markers.json")
    found = {**tables["any"], **tables["platforms"].get(name, {}), **overruled}
    groups = (tuple(found["cookies"]),) if found.get("cookies") else platforms.known(name).login
    return Marks(
        name=name,
        url=found.get("url", ""),
        scripted=found.get("scripted", False),
        cookies=groups,
        stays_here=False,
        **{key: tuple(found[key]) for key in ("login", "checkpoint", "banned", "form")},
    )


def _is_at(url: str, mark: str, asked: str) -> bool:
    """Tell whether an address is at a mark: the same path or one below it, on the site that is meant."""
    parts = urlsplit(url)
    host, path = _host(url), parts.path.lower()
    named, _, below = mark.lower().partition("/")
    is_there = host == named or host.endswith(f".{named}") if named else _site(host) == _site(_host(asked))
    wanted = f"/{below}".rstrip("/")
    # A login page may be /login, /login/, /login.php or below /login/.
    return is_there and path.startswith(wanted) and path[len(wanted) :][:1] in ("", "/", ".")


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _site(host: str) -> str:
    """Return the part of a host's name that one owner has: `www.example.co.uk` belongs to `example.co.uk`."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        labels = host.split(".")
    is_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if is_country else labels[-2:])


# What was heard, and what it means


class Trouble(StrEnum):
    """Why there is no answer to judge."""

    NETWORK = "network"
    """It lies between us and the platform."""
    STRANGE = "strange"
    """Something answered, and not as a platform does."""


class Heard(NamedTuple):
    """What came back. Without an answer `trouble` says why, in `words`."""

    status: int = 0
    """Of the last answer."""
    sent_to: str = ""
    """Where that answer sends, if nobody went there: a page of `Place`, or one too many."""
    lost: frozenset[str] = frozenset()
    """Cookies that were good when they were sent, and that the site has ended."""
    has_form: bool = False
    content_type: str = ""
    length: int = 0
    """Of the page in bytes, where that was said."""
    seen: bool = True
    """As much of the page came as is looked at."""
    drawn: bool = False
    """A browser has drawn the page, and followed its scripts."""
    trouble: Trouble | None = None
    words: str = ""


class Looked(NamedTuple):
    """What was heard, and the cookies as they are since."""

    heard: Heard
    cookies: tuple[Mapping[str, Any], ...] = ()
    """In the form of a storage state; empty where there was no answer."""


class Judgement(NamedTuple):
    """What a look found, and why."""

    finding: Finding
    words: str


def beforehand(marks: Marks, cookies: Sequence[Mapping[str, Any]], now: float) -> Judgement | None:
    """Judge what needs no request: cookies that are past their date, or that the platform would never be shown."""
    matter = _mattering(marks, cookies)
    if matter and all(_end(cookie) <= now for cookie in matter):
        names = ", ".join(sorted({cookie["name"] for cookie in matter})[:3])
        return Judgement(Finding.COOKIES_EXPIRED, f"the cookies of its login are past their date ({names})")
    if not marks.url:
        return Judgement(Finding.UNCLEAR, f"nobody says which page of {marks.name} only those see who are logged in")
    host = _host(marks.url)
    if not any(_goes_to(cookie["domain"], host) for cookie in cookies):
        return Judgement(Finding.UNCLEAR, f"none of its cookies is for {host}")
    return None


def _mattering(marks: Marks, cookies: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cookies that the login stands and falls with: a login takes one of each group."""
    platform = platforms.known(marks.name)
    own = [cookie for cookie in cookies if platform.owns(cookie["domain"])]
    if not marks.cookies:
        return own
    groups = [[cookie for cookie in own if cookie["name"] in group] for group in marks.cookies]
    present = [group for group in groups if group]
    return min(present, key=lambda group: max(map(_end, group))) if present else []


def _end(cookie: Mapping[str, Any]) -> float:
    expires: float = cookie.get("expires", -1)
    return expires if expires > 0 else float("inf")


def _goes_to(domain: str, host: str) -> bool:
    bare = domain.lstrip(".").lower()
    return host == bare or (domain.startswith(".") and host.endswith(f".{bare}"))


NOTHING = (None, "", '""', "deleted")
"""What servers put in the place of a cookie that they end."""


def proving(marks: Marks, lost: Collection[str], now: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return those of the lost cookies that prove a lost login: nothing that is there now stands in for them."""
    host = _host(marks.url)
    good = {one["name"] for one in now if one["value"] not in NOTHING and _goes_to(one["domain"], host)}
    return frozenset(name for group in marks.cookies if good.isdisjoint(group) for name in group if name in lost)


def judge(marks: Marks, heard: Heard, now: Sequence[Mapping[str, Any]] = ()) -> Judgement:
    """Say what an answer means, with the cookies as they are since. What is no sure sign changes nothing."""
    if heard.trouble is not None:
        return _unanswered(heard)
    lost = proving(marks, heard.lost, now)
    if heard.sent_to:
        return _sent(marks, heard, lost)
    if heard.status in _TELLING and (heard.status == 401 or heard.has_form):
        return _out(lost, "shows a login form" if heard.has_form else "was answered 401: nobody is logged in")
    if heard.status in _TELLING and lost:
        return Judgement(Finding.ROTATED, _taken(lost))
    doubt = _doubt(marks, heard)
    return Judgement(Finding.UNCLEAR, doubt) if doubt else Judgement(Finding.ALIVE, "sees what takes a login")


_TELLING = (200, 401, 403)
"""With any other status a page is about something else than who sees it."""


def _unanswered(heard: Heard) -> Judgement:
    if heard.trouble is Trouble.NETWORK:
        return Judgement(Finding.NETWORK, f"could not be asked: {heard.words}")
    return Judgement(Finding.UNCLEAR, heard.words)


def _doubt(marks: Marks, heard: Heard) -> str:
    """Say why an answer without any bad sign is no good one either."""
    if heard.status != 200:
        return f"was answered {heard.status}{_MEANINGS.get(heard.status, '')}"
    if not heard.seen:
        return "was answered, and the page did not come in time"
    if not heard.content_type.startswith(_PAGES):
        return "was answered with something that is no page"
    if heard.length > LONGEST_PAGE:
        return f"was answered with {heard.length:,} bytes, which is no page"
    if marks.scripted and not heard.drawn:
        return f"got a page that {marks.name} draws by scripts, logged in or not: ask with --browser"
    return ""


_PAGES = ("text/", "application/xhtml", "application/json", "application/xml")
_MEANINGS = {
    403: ": it refuses us, which has more than one reason",
    404: ": there is no such page any more",
    429: ": we asked too often",
    503: ": the platform has trouble of its own",
}


def _sent(marks: Marks, heard: Heard, lost: Collection[str]) -> Judgement:
    parts = urlsplit(heard.sent_to)
    host = (parts.hostname or "")[:100]
    match marks.place(heard.sent_to):
        case Place.BANNED:
            return Judgement(Finding.CHECKPOINT, f"is sent to {host}{_at(parts.path)}, banned or disabled")
        case Place.CHECKPOINT:
            return Judgement(Finding.CHECKPOINT, f"is sent to {host}{_at(parts.path)}, where a person has to act")
        case Place.LOGIN:
            return _out(lost, f"is sent to the login page of {host}")
    if marks.is_out(heard.sent_to):
        words = f"is sent to {host}, and this profile never leaves this machine"
    elif not marks.is_own(heard.sent_to):
        words = f"is sent to another site, {host}, which platforms.{marks.name} does not name"
    elif not is_safe(heard.sent_to):
        words = "is sent on to an address that may be given no cookies"
    else:
        words = f"is sent on more than {MOST_REDIRECTS} times, at last to {host}"
    return Judgement(Finding.UNCLEAR, words)


def _at(path: str) -> str:
    """Return the beginning of a path: what follows may be somebody's key."""
    return "/" + "/".join(path.split("/")[1:3])[:60]


def _out(lost: Collection[str], words: str) -> Judgement:
    return Judgement(Finding.ROTATED, f"{words}, and {_taken(lost)}") if lost else Judgement(Finding.LOGGED_OUT, words)


def _taken(lost: Collection[str]) -> str:
    names = ", ".join(sorted(lost)[:3])
    return f"the platform has ended {names} before its date"


def renewed(
    marks: Marks, stored: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]] | None:
    """Return the cookies as they are since, if one that matters has another value or lasts longer; else None."""
    names = {*platforms.known(marks.name).cookies, *(name for group in marks.cookies for name in group)}
    before = {_key(cookie): cookie for cookie in stored}
    mattering = [cookie for cookie in now if cookie["value"] and (not names or cookie["name"] in names)]
    if not any(_is_news(before.get(_key(cookie)), cookie) for cookie in mattering):
        return None
    return [{**before.get(_key(cookie), {}), **cookie} for cookie in now]


def _is_news(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    if before is None or before["value"] != now["value"]:
        return True
    # Some push a cookie's end a little further with every answer; that is no news every time.
    return float("inf") > _end(now) > _end(before) + _AN_HOUR


_AN_HOUR = 3600


def _key(cookie: Mapping[str, Any]) -> tuple[str, str, str]:
    return cookie["domain"].lower(), cookie["path"], cookie["name"]


# Forms


class Forms:
    """Looks for the marks of a login form in a page that comes in pieces.

    What stands in a comment, a script or a template is not on the page.
    """

    def __init__(self, marks: Sequence[str]) -> None:
        self._wanted = [_selector(mark) for mark in marks]
        self._left = ""
        self._until = ""
        self.found = False

    def feed(self, text: str) -> bool:
        """Take the next piece; return whether a form was found by now."""
        page, at = self._left + text.lower(), 0
        while not self.found:
            if self._until:
                ends = page.find(self._until, at)
                if ends < 0:
                    at = max(at, len(page) - len(self._until))
                    break
                at, self._until = ends + len(self._until), ""
            begins = page.find("<", at)
            if begins < 0:
                at = len(page)
                break
            if page.startswith("<!--", begins):
                at, self._until = begins + len("<!--"), "-->"
                continue
            ends = page.find(">", begins, begins + _LONGEST_TAG)
            if ends < 0 and len(page) - begins < _LONGEST_TAG:
                at = begins  # the tag goes on in the next piece
                break
            at = begins + 1 if ends < 0 else ends + 1
            self._look(page[begins + 1 : max(ends, begins + 1)])
        self._left = page[at:]
        return self.found

    def _look(self, tag: str) -> None:
        match = _TAG_NAME.match(tag)
        name = match[0] if match else ""
        self.found = any(of == name and _has(tag, conditions) for of, conditions in self._wanted)
        if name in _HIDDEN:
            self._until = f"</{name}"


_LONGEST_TAG = 4096
_HIDDEN = frozenset({"noscript", "script", "style", "template", "textarea", "title"})
_TAG_NAME = re.compile(r"[a-z][a-z0-9-]*")
_ATTRIBUTE = re.compile(r"""([a-z][a-z0-9_:.-]*)(?:\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_CONDITION = re.compile(r"\[([a-z-]+)(?:([*^]?)=\"([^\"\]]+)\")?\]")


class _Condition(NamedTuple):
    attribute: str
    how: str
    value: str


def _selector(mark: str) -> tuple[str, list[_Condition]]:
    conditions = [_Condition(match[1], match[2] or "", (match[3] or "").lower()) for match in _CONDITION.finditer(mark)]
    return mark.partition("[")[0], conditions


def _has(tag: str, conditions: Sequence[_Condition]) -> bool:
    found = dict(_attributes(tag))
    for attribute, how, value in conditions:
        if attribute not in found:
            return False
        its = found[attribute]
        fits = {"*": value in its, "^": its.startswith(value)}.get(how, not value or its == value)
        if not fits:
            return False
    return True


def _attributes(tag: str) -> Iterator[tuple[str, str]]:
    name = _TAG_NAME.match(tag)
    for match in _ATTRIBUTE.finditer(tag, name.end() if name else 0):
        yield match[1], match[2] or match[3] or match[4] or ""
