"""An address asked whether it is well: one GET, within a deadline over everything and a bound of bytes."""

from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

from ytpool import __version__
from ytpool.domain.endpoints import is_loopback
from ytpool.domain.servers import Page
from ytpool.errors import ServerFailed
from ytpool.probes.punctual import Deadline, authorities, deadline_of, failure, session_of

_LONGEST = 1 << 20
"""Bytes of a page in which its text is looked for."""

_MOST_REDIRECTS = 5


def look(page: Page, *, stays_here: bool) -> int:
    """Ask for a page and return its status, if it is what was expected; raises ServerFailed, saying what to do.

    With `stays_here` nobody is asked beyond this machine, wherever a page leads.
    """
    with deadline_of(page.timeout) as deadline, session_of(deadline) as session:
        try:
            return _arrive(page, session, deadline, stays_here=stays_here)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Its own words hold the whole address, so the chain ends here.
            raise failure(error, deadline, page.shown, _section(page), page.timeout) from None


def _arrive(page: Page, session: requests.Session, deadline: Deadline, *, stays_here: bool) -> int:
    url = page.url
    for _ in range(_MOST_REDIRECTS + 1):
        response = session.get(
            url,
            stream=True,
            timeout=deadline.left(),
            headers={"User-Agent": f"ytpool/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
            verify=authorities(page.ca_file),
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
        if stays_here and not is_loopback(url):
            raise ServerFailed(
                f"{page.shown} leads to another machine, and this profile never leaves this one",
                hint=f"check {_section(page)}, or look from another profile",
            )
    raise ServerFailed(
        f"{page.shown} led on {_MOST_REDIRECTS} times and never arrived",
        hint=f"look where it leads, or name the address where it ends: {_section(page)}.url",
    )


def _judged(page: Page, response: requests.Response, deadline: Deadline) -> int:
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


def _read(response: requests.Response, deadline: Deadline) -> bytes:
    content = bytearray()
    for block in iter(lambda: response.raw.read1(1 << 16), b""):
        content += block
        if len(content) > _LONGEST:
            break
    deadline.require_time()
    return bytes(content)


def _section(page: Page) -> str:
    return f"checks.{page.name}"
