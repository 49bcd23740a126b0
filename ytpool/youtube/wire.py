"""One request out, one answer back. Nothing here ever sends a request a second time.

Not requests, not urllib3 and not http.client repeat anything as configured here; a kept connection that the server has
closed meanwhile is noticed before the request is written, and replaced. What still breaks is the caller's to judge:
`UpstreamFailed.sent` is False only where the connection never stood.
"""

import logging
import os
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from ytpool import __version__
from ytpool.domain.causes import causes
from ytpool.domain.endpoints import is_loopback, is_safe
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid, UpstreamFailed
from ytpool.youtube.answers import Answer

log = logging.getLogger(__name__)

# Google compresses only for clients with gzip in their name.
USER_AGENT = f"ytpool/{__version__} (gzip)"

BLOCK = 1 << 20
_LONGEST_ERROR = 1 << 20
_LONGEST_GOOD = 16 << 20  # fifty videos with long descriptions in several languages fit

# These write whole addresses, at debug and at warning, and an upload session's address is a secret.
for _name in ("urllib3.connectionpool", "urllib3.connection", "googleapiclient.discovery"):
    logging.getLogger(_name).addFilter(lambda _: False)


class Readable(Protocol):
    """A request body of known length that is read in blocks."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes | memoryview: ...


def require_safe(url: str, what: str) -> str:
    """Return the address, or refuse one that would carry a secret in the clear."""
    if not is_safe(url):
        raise ConfigInvalid(
            f"{what} is not an address that may be given a token",
            hint="use https; plain http is for loopback addresses only, for instance http://127.0.0.1:8080/",
        )
    return url


class Wire:
    """Sends over kept connections, one session per thread, and tells the moment of every answer."""

    def __init__(self, *, heard: Callable[[datetime], None], timeout: float) -> None:
        self._heard = heard
        self._timeout = timeout
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Readable | None = None,
        token: Secret | None = None,
        is_short: bool = False,
    ) -> Answer:
        """Send once and return whatever was answered; only the absence of an answer is an error here.

        An answer that `is_short` is read within one `timeout` in all, however slowly it drips.
        """
        require_safe(url, f"the address for {operation}")
        sent_headers = {**headers, "User-Agent": USER_AGENT}
        if token is not None:
            sent_headers["Authorization"] = f"Bearer {token.reveal()}"
        session = self._session()
        verify, proxies = _trust(), _proxies(url)
        try:
            request = session.prepare_request(requests.Request(method, url, headers=sent_headers, data=body))
        except (requests.RequestException, ValueError):
            raise UpstreamFailed(
                f"{operation} cannot be written as a request", operation=operation, reason="unsendable", sent=False
            ) from None
        began = time.monotonic()
        try:
            response = session.send(
                request, stream=True, timeout=self._timeout, verify=verify, proxies=proxies, allow_redirects=False
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Its own words hold the whole address; ours hold the kind of failure, and the chain ends here.
            raise _lost(operation, urlsplit(url).hostname, error) from None
        with response:
            answer = _read(response, time.monotonic() + self._timeout if is_short else None)
        log.debug(
            "answered",
            extra={"operation": operation, "status": answer.status, "seconds": time.monotonic() - began},
        )
        if answer.answered_at is not None:
            self._heard(answer.answered_at)
        return answer

    def close(self) -> None:
        """Close the connections of all threads; the next request opens a new one."""
        for session in list(self._sessions):
            session.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session()
            self._sessions.add(session)
        return session


class _Session(requests.Session):
    """Follows nothing, remembers nothing, and takes no login out of the environment."""

    def __init__(self) -> None:
        super().__init__()
        # With it on, a ~/.netrc entry for the host would replace our Authorization header. Proxies and the
        # certificate bundle are read by us.
        self.trust_env = False
        # Many accounts share a thread; nobody's cookie goes along with somebody else's token.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(max_retries=0))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # A 308 of the upload protocol is no redirect, and even with allow_redirects=False requests reads the body
        # of what it takes for one, and prepares the request that would follow.
        del resp
        return None


class _Adapter(HTTPAdapter):
    """Hands urllib3 large blocks, to the server itself and through a proxy."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, blocksize=BLOCK, **pool_kwargs)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, blocksize=BLOCK, **proxy_kwargs)


def _proxies(url: str) -> dict[str, str]:
    """Return the environment's proxies, minding no_proxy; this machine is never reached through one."""
    return {} if is_loopback(url) else get_environ_proxies(url)


def _trust() -> bool | str:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = os.environ.get(name)
        if bundle:
            if not Path(bundle).exists():
                raise ConfigInvalid(f"{name} names {bundle}, which does not exist", hint=f"unset {name} or correct it")
            return bundle
    return True


def _read(response: requests.Response, until: float | None) -> Answer:
    """Read the body up to a bound. A line that breaks here has still told its status."""
    bound = _LONGEST_GOOD if response.ok else _LONGEST_ERROR
    body, whole = bytearray(), True
    # Where time counts the body is taken as it comes, or a drip would hold us within one read.
    blocks = response.iter_content(1 << 16) if until is None else iter(lambda: response.raw.read1(1 << 16, True), b"")
    try:
        for block in blocks:
            body += block
            if len(body) > bound or (until is not None and time.monotonic() > until):
                whole = False
                break
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        whole = False
    del body[bound:]
    return Answer(status=response.status_code, headers=response.headers, body=bytes(body), whole=whole)


def _lost(operation: str, host: str | None, error: Exception) -> Exception:
    """Describe a request that got no answer; of its address only the host is said."""
    if isinstance(error, requests.exceptions.InvalidProxyURL | requests.exceptions.InvalidSchema):
        return ConfigInvalid(
            "the proxy that the environment names cannot be used",
            hint="look at https_proxy and all_proxy; SOCKS proxies need the package PySocks",
        )
    found = list(causes(error))
    never_left = any(isinstance(cause, _BEFORE_ANY_BYTE) or _is_refused_tunnel(cause) for cause in found)
    kind = next(
        (words for kinds, words in _KINDS if any(isinstance(cause, kinds) for cause in found)), "the line broke"
    )
    return UpstreamFailed(
        f"{operation} got no answer from {host}: {kind}",
        operation=operation,
        reason="noAnswer",
        sent=not never_left,
    )


# urllib3's NewConnectionError and ConnectTimeoutError come from connect() alone, and a certificate is judged before
# the first byte of HTTP. A ProxyError proves nothing by itself: it is also made of a line lost much later.
_BEFORE_ANY_BYTE = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    ssl.SSLCertVerificationError,
)

_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((urllib3.exceptions.NameResolutionError,), "the server's name could not be resolved"),
    ((urllib3.exceptions.NewConnectionError,), "nothing accepted the connection"),
    ((urllib3.exceptions.ConnectTimeoutError,), "the connection was not accepted in time"),
    ((ssl.SSLCertVerificationError,), "its certificate was not issued by anybody this machine trusts"),
    ((ssl.SSLError, urllib3.exceptions.SSLError), "the encrypted connection broke"),
    ((urllib3.exceptions.ReadTimeoutError, TimeoutError), "it did not come in time"),
)


def _is_refused_tunnel(cause: BaseException) -> bool:
    # http.client has only these words for a proxy that did not open the way.
    return isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed")
