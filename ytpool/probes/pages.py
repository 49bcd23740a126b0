"""An address asked whether it is well: one GET, within a deadline over everything and a bound of bytes."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection

from ytpool import __version__
from ytpool.domain.causes import causes
from ytpool.domain.endpoints import is_loopback
from ytpool.domain.servers import Page
from ytpool.errors import ServerFailed

_LONGEST = 1 << 20
"""Bytes of a page in which its text is looked for."""

_MOST_REDIRECTS = 5


def look(page: Page) -> int:
    """Ask for a page and return its status, if it is what was expected; raises ServerFailed, saying what to do."""
    with _deadline(page.timeout) as deadline, requests.Session() as session:
        session.trust_env = False  # no ~/.netrc: nobody is given a password that nobody named here
        for scheme, adapter in (("https://", _Punctual(deadline)), ("http://", _Punctual(deadline))):
            session.mount(scheme, adapter)
        try:
            return _arrive(page, session, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Its own words hold the whole address, so the chain ends here.
            raise _failed(page, error, late=deadline.is_over) from None


def _arrive(page: Page, session: requests.Session, deadline: "_Deadline") -> int:
    url = page.url
    for _ in range(_MOST_REDIRECTS + 1):
        response = session.get(
            url,
            stream=True,
            timeout=deadline.left(),
            headers={"User-Agent": f"ytpool/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
            verify=_authorities(page),
            proxies={} if is_loopback(url) else get_environ_proxies(url),
            allow_redirects=False,
        )
        with response:
            deadline.require_time()  # headers that were cut off look like headers that have ended
            target = response.headers.get("Location", "")
            if not response.is_redirect or response.status_code in page.statuses:
                return _judged(page, response, deadline)
        url = urljoin(url, target)
        if urlsplit(url).scheme not in ("https", urlsplit(page.url).scheme):
            raise ServerFailed(
                f"{page.shown} leads to an address without TLS, which is not followed", hint=f"check {_section(page)}"
            )
    raise ServerFailed(
        f"{page.shown} led on {_MOST_REDIRECTS} times and never arrived",
        hint=f"look where it leads, or name the address where it ends: {_section(page)}.url",
    )


def _judged(page: Page, response: requests.Response, deadline: "_Deadline") -> int:
    status = response.status_code
    wanted = page.statuses
    if status not in wanted if wanted else not 200 <= status < 300:
        expected = ", ".join(map(str, wanted)) or "2xx"
        raise ServerFailed(f"{page.shown} answered {status} and not {expected}", hint="look into the service's own log")
    if page.texts:
        content = _read(response, deadline)
        for text in page.texts:
            if text.encode() not in content:
                raise ServerFailed(
                    f"{page.shown} answered {status} without {text!r}",
                    hint=f"look at the page, or change {_section(page)}.expect",
                )
    return status


def _read(response: requests.Response, deadline: "_Deadline") -> bytes:
    content = bytearray()
    for block in iter(lambda: response.raw.read1(1 << 16), b""):
        content += block
        if len(content) > _LONGEST:
            break
    deadline.require_time()
    return bytes(content)


def _failed(page: Page, error: Exception, *, late: bool) -> ServerFailed:
    if late or isinstance(error, TimeoutError | requests.Timeout):
        return ServerFailed(
            f"{page.shown} has not answered within {page.timeout:g} s",
            hint=f"look whether it works at all, or let it take longer: {_section(page)}.timeout",
        )
    found = list(causes(error))
    certificate = next((one for one in found if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return ServerFailed(
            f"the certificate of {page.shown} is not to be trusted: {certificate.verify_message}",
            hint=f"let the service have a valid one, or name who vouches for it: {_section(page)}.ca_file",
        )
    if any(isinstance(one, urllib3.exceptions.ProxyError) for one in found):
        return ServerFailed(f"the proxy does not lead to {page.shown}", hint="check HTTPS_PROXY and NO_PROXY")
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in found):
        return ServerFailed(
            f"nobody knows the machine of {page.shown}", hint=f"check {_section(page)}.url, and this machine's network"
        )
    if any(isinstance(one, urllib3.exceptions.NewConnectionError) for one in found):
        return ServerFailed(f"nothing takes the connection at {page.shown}", hint="start the service")
    why = next((one.strerror for one in found if isinstance(one, OSError) and one.strerror), "it made no sense")
    return ServerFailed(
        f"{page.shown} broke the connection off: {why}", hint="look into the service's own log; check http or https"
    )


def _section(page: Page) -> str:
    return f"checks.{page.name}"


def _authorities(page: Page) -> str | bool:
    return page.ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


class _Deadline:
    """A moment after which every connection that belongs to it is shut.

    A time limit of `requests` is for each read: whoever sends a byte now and then holds it for ever. A second
    descriptor of the same connection lets it be shut from outside, also where TLS has taken over the first.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self.is_over = False

    def left(self) -> float:
        return max(0.001, self._until - time.monotonic())

    def require_time(self) -> None:
        if self.is_over:
            raise TimeoutError

    def watch(self, connection: socket.socket) -> None:
        with self._lock:
            if self.is_over:
                connection.close()
                raise TimeoutError
            self._watched.append(connection.dup())

    def end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._watched:
                with suppress(OSError):  # it is shut already
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for connection in self._watched:
                connection.close()
            self._watched.clear()


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline(seconds)
    timer = threading.Timer(seconds, deadline.end)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        deadline.close()


class _Punctual(HTTPAdapter):
    """Connections that end with a deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self._bind(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **named)
        self._bind(manager)
        return manager

    def _bind(self, manager: Any) -> None:
        deadline = self._deadline

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                connection = super()._new_conn()
                deadline.watch(connection)
                return connection

        class Protected(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                connection = super()._new_conn()
                deadline.watch(connection)
                return connection

        pools = urllib3.connectionpool
        manager.pool_classes_by_scheme = {
            "http": type("PlainPool", (pools.HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("ProtectedPool", (pools.HTTPSConnectionPool,), {"ConnectionCls": Protected}),
        }
