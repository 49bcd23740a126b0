"""The server's life: it listens, looks after what goes on behind the answers, and ends when it is told to."""

import logging
import socket
import threading
from collections.abc import Callable

import uvicorn

from ytpool.actions import housekeeping, presence
from ytpool.actions.cookie_files import CookieFile
from ytpool.actions.tasks.rounds import keep_going
from ytpool.domain import endpoints
from ytpool.domain.secret import Secret
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.web import snapshots
from ytpool.web.app import application
from ytpool.web.connections import LONGEST_HEAD, Connection, Crowd
from ytpool.web.events import Feed
from ytpool.web.standing import Standing
from ytpool.web.traffic import Traffic

log = logging.getLogger(__name__)

_ROUND_EVERY = 1.0
_ENDS_WITHIN = 5
_BACKLOG = 512


def serve(
    rt: Runtime,
    *,
    host: str,
    port: int,
    token: Secret | None,
    shared: Secret | None,
    hosts: frozenset[str],
    file: CookieFile | None,
    listening: Callable[[str], None],
) -> None:
    """Serve until the program is asked to stop; `listening` is told the address once it answers there.

    `hosts` are the names under which we may be asked on loopback, besides its own; `shared` is a secret by which the
    machines of a fleet know each other's visitors.
    """
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    traffic = Traffic()
    crowd = Crowd(traffic)
    standing = Standing(rt, file)
    feed = snapshots.feed(rt)
    own_hosts = hosts if endpoints.is_own(host) else None
    app = application(rt, standing, traffic, crowd, feed, token=token, shared=shared, hosts=own_hosts)
    # Addresses are not logged: a callback's holds its secret. Of a connection uvicorn knows the class alone.
    config = uvicorn.Config(
        app,
        http=type("ConnectionOfCrowd", (Connection,), {"crowd": crowd}),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=_ENDS_WITHIN,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        backlog=_BACKLOG,
    )
    _hush()
    rounds = threading.Thread(target=keep_going, args=(rt, _ROUND_EVERY), name="tasks", daemon=True)
    rounds.start()
    housekeeping_ended = housekeeping.keep_going(rt, doing=presence.SERVE)
    standing.begin()
    try:
        listening(f"http://{name}:{listener.getsockname()[1]}")
        _Server(config, feed).run(sockets=[listener])
    except KeyboardInterrupt:
        # How it is meant to end: uvicorn has closed everything, and raises the signal again.
        log.info("asked to stop")
    finally:
        rt.stopping.set()
        rounds.join()
        housekeeping_ended()
        standing.end()
        presence.leave(rt)
        listener.close()


class _Server(uvicorn.Server):
    """A server that sends home those who watch before it waits for all answers to come to their end."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.end()
        await super().shutdown(sockets)


def _hush() -> None:
    """Leave out what uvicorn says of single requests: they are counted, and anybody can send a million of them."""
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio switch Nagle's algorithm off, which costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        hint = "choose another place with --bind HOST:PORT"
        raise UsageWrong(f"cannot listen on {host}, port {port}: {error.strerror}", hint=hint) from error
    return listener
