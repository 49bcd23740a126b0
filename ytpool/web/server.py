"""The server's life: it listens, looks after the tasks that nobody calls back about, and ends when it is told to."""

import logging
import socket
import threading
from collections.abc import Callable

import uvicorn

from ytpool.actions import tasks
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.web.app import application

log = logging.getLogger(__name__)

_ROUND_EVERY = 1.0
_ENDS_WITHIN = 5


def serve(rt: Runtime, *, host: str, port: int, listening: Callable[[str], None]) -> None:
    """Serve until the program is asked to stop; `listening` is told the address once it answers there."""
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    # Addresses are not logged: a callback's holds its secret.
    config = uvicorn.Config(
        application(rt),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_ENDS_WITHIN,
        limit_concurrency=200,
    )
    rounds = threading.Thread(target=tasks.keep_going, args=(rt, _ROUND_EVERY), name="tasks", daemon=True)
    rounds.start()
    try:
        listening(f"http://{name}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        # How it is meant to end: uvicorn has closed everything, and raises the signal again.
        log.info("asked to stop")
    finally:
        rt.stopping.set()
        rounds.join()
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        hint = "choose another with --host and --port"
        raise UsageWrong(f"cannot listen on {host}, port {port}: {error.strerror}", hint=hint) from error
    return listener
