"""Whether this machine can work, told to people, scripts and load balancers."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ytpool.actions.cookie_files import FileSeen, RefreshSeen
from ytpool.actions.health.checks import Check, Status
from ytpool.errors import YtpoolError
from ytpool.web.answers import answer, refused
from ytpool.web.guard import TRUSTED
from ytpool.web.standing import Standing

_NAMES = {"state": "database", "cookie_files": "cookies"}
"""What a look is called where it is a service."""

_GRAVITY = (Status.PASS, Status.WARN, Status.FAIL)
_COMES_BACK_WITHIN = 30
_REFRESH_TAKES = 5
"""Seconds after which it is worth while to ask again."""


def routes(standing: Standing) -> list[Route]:
    """Return the addresses; what each says stands in the README."""

    async def livez(request: Request) -> Response:
        return _status(request, Status.PASS, age_seconds=_rounded(standing.age))

    async def readyz(request: Request) -> Response:
        now = await standing.now()
        more: dict[str, Any] = {"age_seconds": _rounded(now.age), "message": now.hindrance or "can work"}
        if "verbose" in request.query_params:
            more["checks"] = [_check(one) for one in now.checks]
        return _status(request, now.status, **more)

    async def health(_: Request) -> Response:
        now = await standing.now()
        services = _services(now.checks)
        if now.age is None:
            services["database"] = {"status": Status.FAIL, "message": now.hindrance}
        worst = max((_GRAVITY.index(one["status"]) for one in services.values()), default=0)
        status = Status.FAIL if now.hindrance else _GRAVITY[worst]
        body = {"status": status, "services": services, "age_seconds": _rounded(now.age)}
        return answer(body, *_as_http(status))

    async def api_health(request: Request) -> Response:
        now = await standing.now()
        refresh = await standing.refresh()
        lacks = now.cookies is not None and not now.cookies.usable
        running = standing.begin_refresh(refresh) if lacks else bool(refresh.by)
        word = "degraded" if now.hindrance else "healthy"
        headers = {"Retry-After": str(_asks_again(refresh, lacks=lacks, running=running))} if now.hindrance else {}
        body = {
            "status": word,
            "cookies_available": now.cookies is not None and now.cookies.usable,
            "refresh_in_progress": running,
            "account_id": standing.account or None,
            "can_process_downloads": not now.hindrance,
            "message": now.hindrance or "can work",
            "age_seconds": _rounded(now.age),
        }
        shown = body if request.scope[TRUSTED] else {"status": word}
        return answer(shown, 503 if now.hindrance else 200, headers)

    async def cookies(_: Request) -> Response:
        seen = await standing.cookies()
        refresh = await standing.refresh()
        running = bool(refresh.by) or standing.refresher.is_running
        return answer(
            {
                "configured": seen is not None,
                "exists": seen is not None and seen.exists,
                "account_id": standing.account or None,
                "refresh_in_progress": running,
                "file_info": _file_info(standing, seen),
                "message": "no cookie file is watched" if seen is None else seen.message,
                "age_seconds": 0.0,
            }
        )

    async def refreshes(_: Request) -> Response:
        known = await standing.refreshes()
        seen = await standing.cookies()
        return answer(_refreshes(standing, known.value, seen, known.age))

    async def status(_: Request) -> Response:
        known = await standing.queue()
        return answer({**known.value.told(), "age_seconds": round(known.age, 3)})

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/api/health", api_health),
        Route("/health", health),
        Route("/api/health/cookies", cookies),
        Route("/api/cookies/queue-status", _known(refreshes)),
        Route("/status", _known(status)),
    ]


def _known(ask: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Say so where nothing is known yet, because the state cannot be read."""

    async def asked(request: Request) -> Response:
        try:
            return await ask(request)
        except YtpoolError as error:
            return refused(error.message, 503, {"Retry-After": str(_COMES_BACK_WITHIN)})

    return asked


def _status(request: Request, status: Status, **more: Any) -> Response:
    shown = {"status": status, **(more if request.scope[TRUSTED] else {})}
    return answer(shown, *_as_http(status))


def _as_http(status: Status) -> tuple[int, dict[str, str]]:
    return (503, {"Retry-After": str(_COMES_BACK_WITHIN)}) if status is Status.FAIL else (200, {})


def _check(check: Check) -> dict[str, Any]:
    return {
        "check": check.check,
        "status": check.status,
        "message": check.message,
        "fix": check.fix,
        "seen_at": check.seen_at,
    }


def _services(checks: Iterable[Check]) -> dict[str, dict[str, Any]]:
    """Sum up each look by its worst check, and how many others there were."""
    found: dict[str, list[Check]] = {}
    for check in checks:
        found.setdefault(_NAMES.get(check.look, check.look), []).append(check)
    services = {}
    for name, of_one in found.items():
        worst = max(of_one, key=lambda check: _GRAVITY.index(check.status))
        others = f" (and {len(of_one) - 1} more)" if len(of_one) > 1 else ""
        told = worst.message if worst.check == worst.look else f"{worst.check}: {worst.message}"
        services[name] = {"status": worst.status, "message": f"{told}{others}"}
    return services


def _asks_again(refresh: RefreshSeen, *, lacks: bool, running: bool) -> int:
    if running:
        return _REFRESH_TAKES
    if lacks and 0 < refresh.next_in < math.inf:
        return math.ceil(refresh.next_in)
    return _COMES_BACK_WITHIN


def _file_info(standing: Standing, seen: FileSeen | None) -> dict[str, Any] | None:
    if standing.file is None or seen is None or not seen.exists:
        return None
    return {
        "size_bytes": seen.size_bytes,
        "last_modified": seen.last_modified,
        "path": str(standing.file.path),
    }


def _refreshes(
    standing: Standing, known: Mapping[str, RefreshSeen], seen: FileSeen | None, age: float
) -> dict[str, Any]:
    """Tell of refreshes as the queue tells of jobs: each account has one slot, and waits where its file is lost."""
    own = standing.account
    here = own if standing.refresher.is_running else None
    running = {name for name, one in known.items() if one.by or name == here}
    waits = own in known and own not in running and seen is not None and not seen.usable
    rows = [
        {
            "name": name,
            "running": int(name in running),
            "maxSlots": 1,
            "available": int(name not in running),
            "state": "running" if name in running else "" if one.outcome is None else one.outcome,
            "since": one.begun_at,
            "by": one.by,
            "next_in_seconds": math.ceil(one.next_in),
        }
        for name, one in known.items()
    ]
    return {
        "totalMaxSlots": len(rows),
        "totalRunning": len(running),
        "totalQueued": int(waits),
        "accounts": rows,
        "age_seconds": round(age, 3),
    }


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 3)
