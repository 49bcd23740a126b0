"""HTTP to a service that runs tasks: one request out, one answer back, and nothing is ever sent a second time.

What an answer means is not decided here (`domain/providers`). What is said of a failure names the host alone: an
address may carry a key.
"""

import json
import logging
import os
import ssl
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from ytpool import __version__
from ytpool.domain.causes import causes
from ytpool.domain.endpoints import is_loopback, is_safe
from ytpool.domain.providers import Heard
from ytpool.errors import ConfigInvalid, ServiceSilent

_LONGEST = 4 << 20
"""Bytes of an answer that are read; a longer one is none that we understand."""

# These write whole addresses, and some services want their key in one.
for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(lambda _: False)


class TaskServices:
    """The way to every such service; connections are not kept, because calls are rare and minutes apart."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout

    def send(self, root: str, request: str, *, headers: Mapping[str, Any], body: Mapping[str, Any]) -> Heard:
        """Send a request such as `POST /tasks`, and return the answer whatever its status.

        Raises ServiceSilent where none came, ConfigInvalid where it cannot be written as a request at all.
        """
        method, _, path = request.partition(" ")
        url = path if path.startswith(("http://", "https://")) else root.rstrip("/") + path
        if not is_safe(url):
            raise ConfigInvalid("the address of a task service may not be given a key", hint="use https")
        host = urlsplit(url).hostname
        with requests.Session() as session:
            session.trust_env = False  # a ~/.netrc entry for the host would replace our Authorization header
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=0))
            sent = {"User-Agent": f"ytpool/{__version__}", **{name: str(value) for name, value in headers.items()}}
            content = None if method == "GET" else json.dumps(body).encode()
            if content is not None:
                sent.setdefault("Content-Type", "application/json")
            try:
                for value in sent.values():
                    value.encode("latin-1")  # all that a header can hold; else it would fail half way
                prepared = session.prepare_request(requests.Request(method, url, headers=sent, data=content))
            except (requests.RequestException, ValueError):
                raise ConfigInvalid(f"what is to be sent to {host} cannot be written as a request") from None
            try:
                response = session.send(
                    prepared,
                    stream=True,
                    timeout=self._timeout,
                    verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
                    proxies={} if is_loopback(url) else get_environ_proxies(url),
                    allow_redirects=False,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                # Its own words hold the whole address, so the chain ends here.
                raise _silent(host, error) from None
            with response:
                return Heard(response.status_code, _read(response, self._timeout), _retry_after(response))


def _read(response: requests.Response, timeout: float) -> Any:
    """Read the JSON of an answer, within a bound of bytes and time; None where it is not to be had."""
    content, until = bytearray(), time.monotonic() + timeout
    try:
        for block in iter(lambda: response.raw.read1(1 << 16, True), b""):
            content += block
            if len(content) > _LONGEST or time.monotonic() > until:
                return None
        return json.loads(content)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, RecursionError):
        return None


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 7 else None


def _silent(host: str | None, error: Exception) -> ServiceSilent:
    never_left = any(isinstance(cause, _BEFORE_ANY_BYTE) for cause in causes(error))
    why = "nothing took the connection" if never_left else "the line broke, or it took too long"
    return ServiceSilent(f"no answer came from {host}: {why}", sent=not never_left)


_BEFORE_ANY_BYTE = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    ssl.SSLCertVerificationError,
)
