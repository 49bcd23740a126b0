"""The addresses that are served, and what an error means to HTTP."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from ytpool.domain.secret import Secret
from ytpool.runtime import Runtime
from ytpool.web import dashboard, health, metrics, webhooks
from ytpool.web.answers import refused
from ytpool.web.connections import Crowd
from ytpool.web.events import Feed
from ytpool.web.guard import Guard
from ytpool.web.standing import Standing
from ytpool.web.traffic import Traffic
from ytpool.web.visitors import Visitors

_WORDS = {404: "there is nothing at this address", 405: "that is not done at this address"}


def application(
    rt: Runtime,
    standing: Standing,
    traffic: Traffic,
    crowd: Crowd,
    feed: Feed,
    *,
    token: Secret | None,
    shared: Secret | None,
    hosts: frozenset[str] | None,
) -> ASGIApp:
    """Return what answers: how it stands with this machine, callbacks of task services, and a page for people."""
    visitors = Visitors(token, shared)
    served = [
        *health.routes(standing),
        *metrics.routes(standing, traffic, crowd),
        *webhooks.routes(rt),
        *dashboard.routes(rt, feed, visitors),
    ]
    app = Starlette(routes=served, exception_handlers={HTTPException: _no_such})
    app.router.redirect_slashes = False  # it would send people to whatever host they said we are
    methods = {
        webhooks.ROOT if route.path.startswith(webhooks.ROOT) else route.path: ", ".join(
            sorted({*(route.methods or ()), "OPTIONS"})
        )
        for route in served
    }
    return Guard(app, traffic, methods=methods, visitors=visitors, needs_token=token is not None, hosts=hosts)


async def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(_WORDS.get(error.status_code, error.detail), error.status_code, error.headers)
