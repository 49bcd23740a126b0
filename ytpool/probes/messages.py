"""Messages about alerts on their way to webhooks."""

from collections.abc import Mapping

import requests
import urllib3
from requests.utils import get_environ_proxies

from ytpool import __version__
from ytpool.domain.alert_targets import Target, origin
from ytpool.domain.endpoints import is_loopback
from ytpool.domain.secret import Secret
from ytpool.errors import ServerFailed
from ytpool.probes.punctual import authorities, deadline_of, failure, session_of

_LONGEST_WAIT = 3600.0


def post(
    target: Target, url: Secret, token: Secret | None, body: str, headers: Mapping[str, str], *, seconds: float
) -> None:
    """Post a message once, without following anybody anywhere; raises ServerFailed unless the answer is 2xx."""
    address = url.reveal()
    shown = origin(address)
    named = {**headers, "Content-Type": "application/json; charset=utf-8", "User-Agent": f"ytpool/{__version__}"}
    if token is not None:
        named["Authorization"] = f"Bearer {token.reveal()}"
    if (token is not None or not target.url) and not address.startswith("https://") and not is_loopback(address):
        hint = f"let {target.section} have an address of https"
        raise ServerFailed(f"{shown} is not protected, and what proves who we are is not sent there", hint=hint)
    with deadline_of(seconds) as deadline, session_of(deadline) as session:
        try:
            with session.post(
                address,
                data=body.encode(),
                stream=True,  # what is answered beside the status is nobody's to read
                timeout=deadline.left(),
                headers=named,
                verify=authorities(target.ca_file),
                proxies={} if is_loopback(address) else get_environ_proxies(address),
                allow_redirects=False,
            ) as response:
                deadline.require_time()  # headers that were cut off look like headers that have ended
                status, wait = response.status_code, response.headers.get("Retry-After", "")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise failure(error, deadline, shown, target.section, seconds) from None
    if not 200 <= status < 300:
        hint = "check its address" if 300 <= status < 500 and status != 429 else "look into the service's own log"
        asked = {"retry_after": min(float(wait), _LONGEST_WAIT)} if wait.isdecimal() else {}
        raise ServerFailed(f"{shown} answered {status}", hint=hint, **asked)
