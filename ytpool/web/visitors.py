"""Who looks at the pages: a browser brings the token once, in a form, and gets a cookie that opens them alone.

The cookie holds neither the token nor anything made from it alone, no script can read it, and other sites cannot use
it. It is forgotten after half a day, and when the server ends. Machines that share a state and stand behind one address
let in whom one of them has let in: there the cookie says until when, under a seal of a secret that all of them know;
the state tells them who has logged out at another.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping

from ytpool.domain.secret import Secret

PAGES = frozenset({"/", "/events", "/login", "/logout", "/dashboard.css", "/dashboard.js"})
"""Addresses that see for themselves who may know what."""

_LASTS_FOR = 12 * 3600
_AT_MOST = 200


class Visitors:
    """Browsers that have brought the token; with `shared`, a secret of several machines, to any of them."""

    def __init__(self, token: Secret | None, shared: Secret | None = None) -> None:
        self._token = token
        self._shared = shared
        self._until: dict[bytes, float] = {}
        """By the digest of the cookie: who reads this process's memory has no cookie from it."""
        self._left: dict[str, int] = {}

    @property
    def left(self) -> Mapping[str, int]:
        """Who has logged out, at any machine: digests of sealed cookies, each with the second that ends it anyway."""
        return self._left

    def learn(self, left: Mapping[str, int]) -> None:
        """Take over who has logged out at other machines."""
        now = time.time()
        known = {**self._left, **left}
        self._left = {one: until for one, until in known.items() if until > now}

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
        if self._shared is not None:
            return _cookie(
                self._name(port), self._sealed(int(time.time()) + _LASTS_FOR), _LASTS_FOR, is_secure=is_secure
            )
        now = time.monotonic()
        self._until = {one: until for one, until in self._until.items() if until > now}
        while len(self._until) >= _AT_MOST:
            del self._until[next(iter(self._until))]
        value = secrets.token_urlsafe(32)
        self._until[_digest(value)] = now + _LASTS_FOR
        return _cookie(self._name(port), value, _LASTS_FOR, is_secure=is_secure)

    def knows(self, headers: Mapping[bytes, bytes], port: int) -> bool:
        """Tell whether a browser has brought the token before."""
        given = _given(headers, self._name(port))
        if given is None or self._shared is None:
            return given is not None and self._until.get(_digest(given), 0.0) > time.monotonic()
        return _digest(given).hex() not in self._left and self._is_sealed(given)

    def leave(self, headers: Mapping[bytes, bytes], *, port: int, is_secure: bool) -> str:
        """Forget a browser; return the header that takes its cookie away."""
        given = _given(headers, self._name(port))
        if given is not None and self._shared is None:
            self._until.pop(_digest(given), None)
        elif given is not None and self._is_sealed(given):
            self.learn({_digest(given).hex(): int(given.partition(".")[0])})
        return _cookie(self._name(port), "", 0, is_secure=is_secure)

    def _name(self, port: int) -> str:
        if self._shared is None:
            return f"ytpool-{port}"  # cookies know no ports, and a machine may have several of us
        return f"ytpool-{_digest(f'name {self._shared.reveal()}').hex()[:12]}"  # each may listen on a port of its own

    def _sealed(self, until: int, nonce: str = "") -> str:
        """Return a cookie that is good until then, for whoever knows secret and token; another token ends it."""
        assert self._shared is not None
        assert self._token is not None
        nonce = nonce or secrets.token_urlsafe(16)
        said = f"visitor {until} {nonce} ".encode() + _digest(self._token.reveal())
        seal = hmac.digest(self._shared.reveal().encode(), said, "sha256")
        return f"{until}.{nonce}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"

    def _is_sealed(self, given: str) -> bool:
        until, _, rest = given.partition(".")
        if self._token is None or not re.fullmatch(r"[0-9]{1,12}", until):
            return False
        expected = self._sealed(int(until), rest.partition(".")[0] or "-")
        return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")) and (
            int(until) > time.time()
        )


def _cookie(name: str, value: str, seconds: int, *, is_secure: bool) -> str:
    # Without a path it goes for the folder that the browser sees, which a proxy may have put us into.
    secure = "; Secure" if is_secure else ""
    return f"{name}={value}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def _given(headers: Mapping[bytes, bytes], name: str) -> str | None:
    # By hand: of cookies that others on this machine left, some are such that http.cookies reads no further.
    for cookie in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        its_name, _, value = cookie.partition("=")
        if its_name.strip() == name:
            return value.strip()
    return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
