"""Who may ask what: the door before all addresses that are served.

On loopback the `Host` must be this machine's own, or one that the settings name: a page in somebody's browser can have
its name point here, and would read what it gets. Where a token is set, everything asks for it except three addresses,
which then say only their status; webhooks have secrets of their own, and come under whatever name a proxy has.
"""

import logging
import re
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ytpool.domain import endpoints
from ytpool.web import webhooks
from ytpool.web.answers import needs_token, refused
from ytpool.web.traffic import Traffic
from ytpool.web.visitors import PAGES, Visitors

log = logging.getLogger(__name__)

TRUSTED = "ytpool.trusted"
"""In a request's scope: whether it may be told more than a status."""

OPEN = frozenset({"/livez", "/readyz", "/api/health"})
"""Addresses that answer without the token."""

_OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})
_HOST = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]/@]+)(:\d{1,5})?")
_LONGEST_SHOWN = 80
_HEADERS = ((b"x-content-type-options", b"nosniff"),)


class Guard:
    """Lets in who may come in."""

    def __init__(
        self,
        app: ASGIApp,
        traffic: Traffic,
        *,
        methods: Mapping[str, str],
        visitors: Visitors,
        needs_token: bool,
        hosts: frozenset[str] | None,
    ) -> None:
        self._app = app
        self._traffic = traffic
        self._methods = methods
        """What may be done at each address that is served."""
        self._visitors = visitors
        self._needs_token = needs_token
        self._hosts = hosts
        """Names under which we may be asked, besides loopback's; None: under any."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"nothing is served over {scope['type']}")
        path, method = scope["path"], scope["method"]
        place = webhooks.ROOT if path.startswith(webhooks.ROOT) else path if path in self._methods else _OTHER
        shown = ascii(path[:_LONGEST_SHOWN])[1:-1] if place == _OTHER else place  # a callback's may hold its secret

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                status = message["status"]
                self._traffic.answers[place, method if method in _METHODS else "other", status] += 1
                if status in _REASONS:
                    client = (scope.get("client") or ("?",))[0]
                    self._traffic.refuse(_REASONS[status], method=method[:10], path=shown, client=client)
            await send(message)

        answer = self._answer(scope, place)
        try:
            await answer(scope, receive, told)
        except Exception:
            # The visitor has been told 500, or hears that the line breaks.
            log.exception("a request met a bug", extra={"path": shown})

    def _answer(self, scope: Scope, place: str) -> ASGIApp:
        """Return who answers this request, and write down whether it may see more than a status."""
        headers = dict(scope["headers"])
        scope[TRUSTED] = not self._needs_token or self._has_token(headers)
        if scope["path"] in PAGES and not scope[TRUSTED]:
            scope[TRUSTED] = self._visitors.knows(headers, scope["server"][1])
        if headers.keys() >= {b"content-length", b"transfer-encoding"}:
            # Whoever stands before us may go by the other one, and take for one request what are two for us.
            return refused("the length of this request is told in two ways", 400, {"Connection": "close"})
        if place != webhooks.ROOT and not self._may_be_called(headers.get(b"host")):
            return refused("this machine is not asked under that name", 421)
        if scope["method"] == "OPTIONS":
            return self._options(scope["path"], place)
        if place not in (webhooks.ROOT, *OPEN, *PAGES) and not scope[TRUSTED]:
            return needs_token()
        return self._app

    def _has_token(self, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return self._visitors.is_token(given.strip()) and scheme.lower() == "bearer"

    def _may_be_called(self, name: bytes | None) -> bool:
        if self._hosts is None or name is None:  # a browser always says; HAProxy's plain check does not
            return True
        found = _HOST.fullmatch(name.decode("latin-1").strip().lower())
        if found is None:
            return False
        host = found["host"].strip("[]").rstrip(".")
        return endpoints.is_own(host) or host in self._hosts

    def _options(self, path: str, place: str) -> ASGIApp:
        # HAProxy's plain `option httpchk` asks so whether anybody is there.
        if path in ("/", "*"):
            allowed = "GET, HEAD, OPTIONS"
        elif place == _OTHER:
            return refused("there is nothing at this address", 404)
        else:
            allowed = self._methods[place]
        return Response(status_code=204, headers={"Allow": allowed})


_REASONS = {
    400: "malformed",
    401: "no token, or a wrong one",
    403: "wrong secret",
    404: "no such address",
    405: "no such method there",
    408: "too slow",
    413: "too long",
    421: "asked under another name",
}
