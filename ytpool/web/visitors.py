"""Who looks at the pages: a browser brings the token once, in a form, and gets a cookie that opens them alone.

The cookie holds neither the token nor anything made from it, no script can read it, and other sites cannot use it. It
is forgotten after half a day, and when the server ends.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from ytpool.domain.secret import Secret

PAGES = frozenset({"/", "/events", "/login", "/logout", "/dashboard.css", "/dashboard.js"})
"""Addresses that see for themselves who may know what."""

_LASTS_FOR = 12 * 3600
_AT_MOST = 200


class Visitors:
    """Browsers that have brought the token."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token
        self._until: dict[bytes, float] = {}
        """By the digest of the cookie: who reads this process's memory has no cookie from it."""

    def is_token(self, given: str) -> bool:
        """Tell whether this is the token; where there is none, nothing is."""
        if self._token is None:
            return False
        # Digests have one length, so that how long the comparison takes says nothing of the token's.
        return hmac.compare_digest(_digest(given), _digest(self._token.reveal()))

    def enter(self, given: str, *, port: int, is_secure: bool) -> str | None:
        """Return the header that gives a browser its cookie, or None where it has not brought the token."""
        if not self.is_token(given):
            return None
        now = time.monotonic()
        self._until = {one: until for one, until in self._until.items() if until > now}
        while len(self._until) >= _AT_MOST:
            del self._until[next(iter(self._until))]
        value = secrets.token_urlsafe(32)
        self._until[_digest(value)] = now + _LASTS_FOR
        return _cookie(port, value, _LASTS_FOR, is_secure=is_secure)

    def knows(self, headers: Mapping[bytes, bytes], port: int) -> bool:
        """Tell whether a browser has brought the token before."""
        given = _given(headers, port)
        return given is not None and self._until.get(_digest(given), 0.0) > time.monotonic()

    def leave(self, headers: Mapping[bytes, bytes], *, port: int, is_secure: bool) -> str:
        """Forget a browser; return the header that takes its cookie away."""
        given = _given(headers, port)
        if given is not None:
            self._until.pop(_digest(given), None)
        return _cookie(port, "", 0, is_secure=is_secure)


def _name(port: int) -> str:
    return f"ytpool-{port}"  # cookies know no ports, and a machine may have several of us


def _cookie(port: int, value: str, seconds: int, *, is_secure: bool) -> str:
    # Without a path it goes for the folder that the browser sees, which a proxy may have put us into.
    secure = "; Secure" if is_secure else ""
    return f"{_name(port)}={value}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def _given(headers: Mapping[bytes, bytes], port: int) -> str | None:
    # By hand: of cookies that others on this machine left, some are such that http.cookies reads no further.
    for cookie in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == _name(port):
            return value.strip()
    return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
