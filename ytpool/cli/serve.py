"""`ytpool serve`: the process that other services call back."""

import importlib.util
from dataclasses import dataclass
from typing import Annotated

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.errors import ExtraMissing

app = single()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The server has ended, because it was asked to."""

    url: str


VIEWS[Served] = View(text=lambda served: f"stopped serving at {served.url}")


@command(
    app,
    "serve",
    example="ytpool serve\nytpool serve --port 9000 --json",
    statuses=(0, 2, 6),
)
def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; other machines come through a proxy.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", help="0: any that is free.", min=0, max=65535)] = 8383,
) -> Served:
    """Take the callbacks of task services, and look after tasks.

    It asks how they go and sends what waits.
    A service calls `callback.url` of its settings, followed by /webhooks/NAME and a secret that each task has of its
    own. A callback that comes twice changes nothing, and one that never comes is made good by asking. It speaks plain
    HTTP: put a proxy with TLS before it. It needs the extra `ytpool[serve]`, and ends on SIGTERM or Ctrl-C.
    """
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ExtraMissing(f"serving needs {' and '.join(missing)}", hint="run: pip install 'ytpool[serve]'")
    from ytpool.web import server  # noqa: PLC0415 -- only with the extra

    call = invocation(ctx)
    rt = runtime(ctx, logs=True)
    heard: list[str] = []

    def listening(url: str) -> None:
        heard.append(url)
        call.emit("listening", url=url)
        call.note(f"listening at {url}; services call {url}/webhooks/NAME")

    with rt.store.reading():  # without a state there is nothing to serve
        pass
    server.serve(rt, host=host, port=port, listening=listening)
    return Served(url=heard[0])
