"""One request to a service, and what it answers: nothing of ours that is secret comes back in it."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ytpool.domain import providers
from ytpool.domain.providers import Heard, Provider
from ytpool.runtime import Runtime


def ask(rt: Runtime, provider: Provider, how: providers.Submit | providers.Poll, values: Mapping[str, Any]) -> Heard:
    """Send one request, filled in with these values; raises ServiceSilent where no answer came."""
    request = providers.fill_request(how.request, values)
    if rt.is_sandbox and "://" in request:  # never to the real one, wherever its settings point
        method, _, url = request.partition(" ")
        request = f"{method} {urlsplit(url).path or '/'}"
    headers = {name: providers.spoken(value) for name, value in providers.fill(how.headers, values).items()}
    body = providers.fill(how.body, values)
    heard = rt.task_services.send(rt.service_root(provider), request, headers=headers, body=body)
    return heard._replace(
        content=providers.hushed(heard.content, [str(values[name]) for name in _SECRET & set(values)])
    )


_SECRET = frozenset({"key", "callback"})
"""What of a request is never to be seen again."""


def proof_of(secret: str) -> str:
    """Return what is stored of a callback's secret."""
    # 256 bits of chance need no slow hash; and what is stored here opens nothing.
    return hashlib.sha256(secret.encode()).hexdigest()
