"""Callbacks of task services.

A callback is small; what is longer is read to its end and forgotten, so that its sender hears the answer instead of a
line that breaks.
"""

import asyncio
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ytpool.actions.tasks import hearing
from ytpool.errors import CallbackRefused, YtpoolError
from ytpool.runtime import Runtime

ROOT = "/webhooks/"

_LONGEST = 1 << 20
"""Bytes of a callback that are taken."""

_READ_AT_MOST = 64 << 20
_READ_WITHIN = 20.0


def routes(rt: Runtime) -> list[Route]:
    """Return where task services call; each task's secret, which they were told, is the key to it."""

    async def webhook(request: Request) -> Response:
        try:
            content = await asyncio.wait_for(_content(request), _READ_WITHIN)
            secret = request.query_params.get("secret") or request.headers.get("x-ytpool-secret") or ""
            called = await run_in_threadpool(hearing.hear, rt, request.path_params["provider"], content, secret)
        except TimeoutError:
            return _refused("the callback did not come to its end in time", 408)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except CallbackRefused as refused:
            return _refused(refused.message, refused.http_status)
        except YtpoolError as error:  # the state is busy, the disk is full: the service may try again
            return _refused(error.message, 503)
        return JSONResponse({"ok": True, "job": called.job, "state": called.state.value, "news": called.news})

    return [Route(f"{ROOT}{{provider}}", webhook, methods=["POST"])]


async def _content(request: Request) -> Any:
    """Read what a callback says; raises CallbackRefused for what is no JSON, or longer than any callback."""
    content, length = bytearray(), 0
    async for block in request.stream():
        length += len(block)
        if length <= _LONGEST:
            content += block
        if length > _READ_AT_MOST:
            break
    if length > _LONGEST:
        raise CallbackRefused(f"a callback has at most {_LONGEST} bytes", http_status=413)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise CallbackRefused("the callback is not JSON", http_status=400) from None


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"ok": False, "error": message}, status_code=status)
