"""Browser sessions as Playwright stores them: counted and dated here, never changed, and never quoted in an error."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePath
from typing import Any, NoReturn

from ytpool.errors import SessionsInvalid

LARGEST_BYTES = 8 * 1024 * 1024
"""A browser's whole storage is far smaller; what is larger is no session."""

_PLATFORMS = frozenset(
    {
        "bluesky",
        "facebook",
        "google",
        "instagram",
        "linkedin",
        "mastodon",
        "pinterest",
        "reddit",
        "snapchat",
        "telegram",
        "threads",
        "tiktok",
        "twitch",
        "vimeo",
        "vk",
        "x",
        "youtube",
    }
)
_OTHER_NAMES = {"twitter": "x"}
_LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageState:
    """What can be said of a stored session without showing it."""

    cookies: int
    expires_at: datetime | None
    """When the first of its cookies ends; None if all last as long as the browser."""
    domains: tuple[str, ...]
    digest: str


def from_storage_state(text: str) -> StorageState:
    """Read a storage-state file; raise SessionsInvalid, naming the place, if it is none."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST_BYTES:
        _refuse(f"it has {len(raw):,} bytes, a browser session has at most {LARGEST_BYTES:,}")
    try:
        state = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SessionsInvalid("the session file is not JSON", hint=_HINT) from error
    if not isinstance(state, dict) or not isinstance(state.get("cookies"), list):
        _refuse('it is JSON, but without the list "cookies"')
    cookies = state["cookies"]
    if not cookies:
        _refuse("it has no cookies, so nobody is logged in")
    for number, cookie in enumerate(cookies, start=1):
        _check(number, cookie)
    ends = [cookie["expires"] for cookie in cookies if 0 <= cookie.get("expires", -1) < _LATEST]
    return StorageState(
        cookies=len(cookies),
        expires_at=datetime.fromtimestamp(min(ends), UTC) if ends else None,
        domains=tuple(sorted({cookie["domain"].lstrip(".").lower() for cookie in cookies})),
        digest=sha256(raw).hexdigest(),
    )


def named(file_name: str) -> tuple[str, str] | None:
    """Guess user and platform from `<user>_<platform>.json` or `<platform>_<user>.json`."""
    path = PurePath(file_name)
    if path.suffix.lower() != ".json":
        return None
    before, _, last = path.stem.rpartition("_")
    first, _, after = path.stem.partition("_")
    for user, platform in ((before, last), (after, first)):
        name = _OTHER_NAMES.get(platform.lower(), platform.lower())
        if user and name in _PLATFORMS:
            return user, name
    return None


_HINT = "a session is stored by Playwright's context.storage_state(path=…)"


def _check(number: int, cookie: Any) -> None:
    if not isinstance(cookie, Mapping):
        _refuse(f"cookie {number} is not an object")
    for field in ("name", "value", "domain", "path"):
        if not isinstance(cookie.get(field), str):
            _refuse(f"cookie {number} has no text as its {field}")
    if not cookie["name"] or not cookie["domain"]:
        _refuse(f"cookie {number} has an empty name or domain")
    expires = cookie.get("expires", -1)
    if isinstance(expires, bool) or not isinstance(expires, int | float) or math.isnan(expires):
        _refuse(f"cookie {number} expires at something that is no number")


def _refuse(why: str) -> NoReturn:
    raise SessionsInvalid(f"the file is no browser session: {why}", hint=_HINT)
