"""A browser session looked at over HTTP: where a platform sends its cookies says whether anybody is logged in.

Redirects are followed by hand, and never to a login page: where the way leads is answer enough, and such pages are
slow. Whatever a site does, an answer is there in time and in bounds. Nothing is ever sent round a proxy, cookies go to
their own domains only, and of what failed neither address nor cookie is told.
"""

import logging
import os
import socket
import ssl
import threading
import time
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies

from ytpool import __version__
from ytpool.domain.causes import causes
from ytpool.domain.endpoints import is_loopback
from ytpool.domain.markers import LONGEST_LOOK, MOST_REDIRECTS, NOTHING, Forms, Heard, Looked, Marks, Trouble
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid

# These write whole addresses, and where a platform sends somebody may hold a key.
for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(lambda _: False)

_BLOCK = 16 << 10
_MARGIN = 0.1
"""Seconds before the end at which the one who asks gives up by itself, and can tell how far it came."""


class WebSessions:
    """The way to ask over HTTP. Each session has a connection of its own, so that nothing links one to another."""

    def __init__(self) -> None:
        # Read once: that takes longer than a look.
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
        is_folder = Path(bundle).is_dir()
        try:
            self._trust = ssl.create_default_context(
                cafile=None if is_folder else bundle, capath=bundle if is_folder else None
            )
        except OSError as error:
            raise ConfigInvalid(
                f"the certificates in {bundle} cannot be read", hint="look at REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
            ) from error

    def look(
        self, marks: Marks, state: Mapping[str, Any], *, proxy: Secret | None, user_agent: str, within: float
    ) -> Looked:
        """Ask a platform's page with a storage state's cookies; there is an answer within so many seconds."""
        until = time.monotonic() + within - _MARGIN
        asking = _Asking(marks, state["cookies"], proxy, user_agent, self._trust, until)
        # A thread of its own: nothing else bounds the search for a name, or an answer that drips.
        thread = threading.Thread(target=asking.run, name="look at a session", daemon=True)
        thread.start()
        thread.join(within)
        return asking.looked()


class _Asking:
    """One look, from the first request to what is known when its time is over."""

    def __init__(
        self,
        marks: Marks,
        cookies: Sequence[Mapping[str, Any]],
        proxy: Secret | None,
        user_agent: str,
        trust: ssl.SSLContext,
        until: float,
    ) -> None:
        self._marks = marks
        self._until = until
        self._proxy = proxy
        self._headers = {
            "User-Agent": user_agent or f"ytpool/{__version__}",
            "Accept": "text/html,application/xhtml+xml",
            "Accept-Encoding": "identity",
        }
        self._trust = trust
        self._jar = _jar(cookies)
        self._good = {_key(cookie): cookie.value for cookie in self._jar}
        self._heard: Heard | None = None
        self._defect: BaseException | None = None
        self._lock = threading.Lock()
        self._connection: Any = None
        self._is_over = False

    def run(self) -> None:
        """Ask, and keep what is heard; what goes wrong is for the thread that waits."""
        try:
            heard = self._ask()
        except _StrangeError as strange:
            heard = Heard(trouble=Trouble.STRANGE, words=str(strange))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            heard = Heard(trouble=Trouble.NETWORK, words=_why(error))
        except BaseException as defect:  # noqa: BLE001 -- it is raised in the thread that waits
            self._defect = defect
            return
        with self._lock:
            if not self._is_over:
                self._heard = heard

    def looked(self) -> Looked:
        """Return what is known now, and end what still goes on."""
        with self._lock:
            self._is_over = True
            heard = self._heard
        if self._defect is not None:
            raise self._defect
        if heard is None:
            self._cut()
            return Looked(Heard(trouble=Trouble.NETWORK, words="no answer came in time"))
        return Looked(heard, tuple(_as_stored(cookie, self._marks.url) for cookie in self._jar))

    def _cut(self) -> None:
        """Break the line that the other thread waits on, so that it ends as well."""
        line = getattr(self._connection, "sock", None)
        line = getattr(line, "socket", line)  # within the encryption of a proxy
        if isinstance(line, socket.socket):
            try:
                # The plain one's: an encrypted socket's own shutdown is not made for two threads.
                socket.socket.shutdown(line, socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    def _ask(self) -> Heard:
        url = self._marks.url
        for _ in range(1 + MOST_REDIRECTS):
            with self._open(url) as manager:
                response = self._send(manager, url)
                try:
                    following = _following(response, url)
                    if not following:
                        return self._page(response)
                finally:
                    response.close()
            url = following
            if self._marks.is_end(url):
                break
        return Heard(status=response.status, sent_to=url, lost=self._lost())

    def _send(self, manager: urllib3.PoolManager, url: str) -> urllib3.BaseHTTPResponse:
        asked = urllib.request.Request(url)  # noqa: S310 -- it is sent by nobody, and says which cookies go where
        self._jar.add_cookie_header(asked)
        cookies = asked.get_header("Cookie")
        headers = {**self._headers, "Cookie": cookies} if cookies else self._headers
        if not all(_UNWRITABLE.isdisjoint(value) and max(value) < "\u0100" for value in headers.values()):
            raise _StrangeError("its cookies or its user agent cannot be written as a request")
        pool = manager.connection_from_url(url)
        made = pool.ConnectionCls

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._connection = made(*args, **kwargs)
            return self._connection

        pool.ConnectionCls = watched  # type: ignore[assignment]
        response = manager.urlopen(
            "GET",
            url,
            headers=headers,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(total=self._left()),
            preload_content=False,
            decode_content=False,
        )
        self._jar.extract_cookies(response, asked)  # type: ignore[arg-type]
        return response

    def _open(self, url: str) -> urllib3.PoolManager:
        proxy = self._proxy.reveal() if self._proxy is not None else _of_environment(url)
        if not proxy:
            return urllib3.PoolManager(ssl_context=self._trust)
        if proxy.startswith("socks"):
            if find_spec("socks") is None:
                raise urllib3.exceptions.ProxyError("PySocks is missing", ImportError("socks"))
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 -- only with that package

            return SOCKSProxyManager(proxy, ssl_context=self._trust)
        try:
            auth = urllib3.util.parse_url(proxy).auth
            named = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
            return urllib3.ProxyManager(
                proxy, proxy_headers=named, proxy_ssl_context=self._trust, ssl_context=self._trust
            )
        except ValueError as error:
            raise urllib3.exceptions.ProxyError("not an address", error) from None

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _page(self, response: urllib3.BaseHTTPResponse) -> Heard:
        """Look at the beginning of a page, as it comes, until there is a login form in it."""
        forms, unpack = Forms(self._marks.form), _unpacking(response.headers.get("Content-Encoding", "identity"))
        if unpack is None and response.status == 200:
            raise _StrangeError("was answered in a coding that nobody asked for")
        size, seen = 0, unpack is not None
        try:
            while unpack is not None and size < LONGEST_LOOK and not forms.found:
                self._left()
                block = response.read1(_BLOCK, decode_content=False)
                if not block:
                    break
                plain = unpack(block)
                size += max(len(plain), len(block))
                forms.feed(plain.decode("utf-8", "replace"))
        except (urllib3.exceptions.HTTPError, OSError, zlib.error):
            seen = False
        return Heard(
            status=response.status,
            lost=self._lost(),
            has_form=forms.found,
            content_type=response.headers.get("Content-Type", "").lower(),
            length=_length(response.headers.get("Content-Length", "")),
            seen=seen,
        )

    def _lost(self) -> frozenset[str]:
        """Name the cookies that were good and are gone, or empty, since."""
        now = {_key(cookie): cookie.value for cookie in self._jar}
        return frozenset(key[2] for key, value in self._good.items() if value and now.get(key) in NOTHING)


def _of_environment(url: str) -> str:
    """Return the environment's proxy, minding no_proxy; this machine is never reached through one."""
    found: Mapping[str, str] = {} if is_loopback(url) else get_environ_proxies(url)
    return found.get(urlsplit(url).scheme) or found.get("all") or ""


def _following(response: urllib3.BaseHTTPResponse, url: str) -> str:
    """Return where an answer sends, or nothing."""
    location = response.headers.get("Location", "").strip()
    if response.status not in (301, 302, 303, 307, 308) or not location:
        return ""
    try:
        # Some write letters where an address has only signs; what is escaped already stays so.
        following = urljoin(url, quote(location.encode("latin-1"), safe="!#$%&'()*+,/:;=?@[]~"))
        _ = urlsplit(following).port, urllib3.util.parse_url(following)
    except ValueError:
        raise _StrangeError("is sent on to something that is no address") from None
    return following


def _length(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else 0


def _unpacking(coding: str) -> Any:
    """Return what makes a page of its packed bytes, never more of it than is looked at; None where nobody here can."""
    if coding in ("", "identity"):
        return lambda block: block
    if coding in ("gzip", "x-gzip", "deflate"):
        inflate = zlib.decompressobj(wbits=47)
        return lambda block: inflate.decompress(block, LONGEST_LOOK)
    return None


# Cookies


def _jar(cookies: Sequence[Mapping[str, Any]]) -> CookieJar:
    """Put stored cookies where each is sent to its own domain only: without a dot before it, to that one host."""
    jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain))
    for cookie in cookies:
        expires = cookie.get("expires", -1)
        lasts = expires <= 0
        if not lasts and expires <= time.time():
            continue
        domain = cookie["domain"].lower()
        jar.set_cookie(
            Cookie(
                version=0,
                name=cookie["name"],
                value=cookie["value"],
                port=None,
                port_specified=False,
                # The jar gives names without a dot this end, as RFC 2965 wants it.
                domain=domain if "." in domain or ":" in domain else f"{domain}.local",
                domain_specified=domain.startswith("."),
                domain_initial_dot=domain.startswith("."),
                path=cookie.get("path") or "/",
                path_specified=True,
                secure=bool(cookie.get("secure")),
                expires=None if lasts else int(expires),
                discard=lasts,
                comment=None,
                comment_url=None,
                rest={
                    **({"HttpOnly": ""} if cookie.get("httpOnly") else {}),
                    **({"SameSite": cookie["sameSite"]} if cookie.get("sameSite") else {}),
                },
            )
        )
    return jar


def _key(cookie: Cookie) -> tuple[str, str, str]:
    return cookie.domain, cookie.path, cookie.name


def _as_stored(cookie: Cookie, asked: str) -> Mapping[str, Any]:
    host = urlsplit(asked).hostname or ""
    same_site = (cookie.get_nonstandard_attr("SameSite") or "Lax").capitalize()
    return {
        "name": cookie.name,
        "value": cookie.value or "",
        "domain": host if cookie.domain == f"{host}.local" else cookie.domain,
        "path": cookie.path,
        "expires": -1 if cookie.expires is None else cookie.expires,
        "httpOnly": cookie.has_nonstandard_attr("HttpOnly") or cookie.has_nonstandard_attr("httponly"),
        "secure": cookie.secure,
        "sameSite": same_site if same_site in ("Strict", "Lax", "None") else "Lax",
    }


# Failures


class _StrangeError(Exception):
    """Something that no request or no platform looks like."""


_UNWRITABLE = frozenset(map(chr, [*range(9), *range(10, 32), 127]))


def _why(error: Exception) -> str:
    """Say why there was no answer. An error's own words hold addresses, so only its kind is told."""
    found = list(causes(error))
    kind = next((words for kinds, words in _KINDS if any(isinstance(one, kinds) for one in found)), "the line broke")
    if any(isinstance(one, urllib3.exceptions.ProxyError) for one in found):
        return f"its proxy is no way out: {kind}"
    return kind


_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ImportError,), "SOCKS proxies need the package PySocks"),
    ((urllib3.exceptions.NameResolutionError,), "the name could not be resolved"),
    ((urllib3.exceptions.NewConnectionError,), "nothing accepted the connection"),
    ((urllib3.exceptions.ConnectTimeoutError,), "the connection was not accepted in time"),
    ((ssl.SSLCertVerificationError,), "the certificate was not issued by anybody this machine trusts"),
    ((ssl.SSLError, urllib3.exceptions.SSLError), "the encrypted connection broke"),
    ((urllib3.exceptions.ReadTimeoutError, TimeoutError), "no answer came in time"),
    ((urllib3.exceptions.LocationParseError, urllib3.exceptions.URLSchemeUnknown), "its address is none"),
)
