"""`ytpool serve`: the process that other programs ask, and that other services call back."""

import importlib.util
from dataclasses import dataclass
from typing import Annotated

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.domain import endpoints
from ytpool.errors import ConfigInvalid, ExtraMissing, UsageWrong

app = single()

_PORT = 8383


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The server has ended, because it was asked to."""

    url: str


VIEWS[Served] = View(text=lambda served: f"stopped serving at {served.url}")


@command(
    app,
    "serve",
    example="ytpool serve\nytpool serve --account news --bind 127.0.0.1:9000",
    statuses=(0, 2, 6),
)
def serve(
    ctx: typer.Context,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            "-a",
            metavar="NAME",
            help="Watch this account's cookie file; without it that of `serve.account`.",
            show_default=False,
        ),
    ] = None,
    bind: Annotated[
        str | None,
        typer.Option(
            "--bind",
            metavar="HOST:PORT",
            help="Where to listen, port 0 for any that is free; without it `serve.bind`, which is 127.0.0.1:8383.",
            show_default=False,
        ),
    ] = None,
) -> Served:
    """Say whether this machine can work, to scripts and load balancers; take the callbacks of task services.

    A browser finds a live page at /: alerts, quota, uploads, queue, rests, accounts, logins, sessions, activity.

    Answers come from memory and cost no quota: /livez, /readyz?verbose, /health, /api/health, /api/health/cookies,
    /api/cookies/queue-status, /status, /metrics. Free checks run every 30 seconds, and each answer says its age. Where
    cookies are lost, /api/health answers 503 and begins their refresh. Services call /webhooks/NAME, each task with a
    secret of its own. It listens on this machine alone unless told; anywhere else needs a token, from
    $YTPOOL_SERVE_TOKEN, systemd's credential ytpool-serve-token, or the vault (`ytpool vault keep serve`). It speaks
    plain HTTP: put a proxy with TLS before it. Beside that it tells targets of alerts, and does what `ytpool tidy` does
    every hour. It needs the extra `ytpool[serve]`, and ends on SIGTERM or Ctrl-C.
    """
    from ytpool.actions import cookie_files, serving  # noqa: PLC0415

    call = invocation(ctx)
    missing = [name for name in ("starlette", "uvicorn", "prometheus_client") if importlib.util.find_spec(name) is None]
    if missing:
        raise ExtraMissing(f"serving needs {' and '.join(missing)}", hint="run: pip install 'ytpool[serve]'")
    from ytpool.web import server  # noqa: PLC0415 -- only with the extra

    rt = runtime(ctx, logs=True)
    host, port = _place(bind, call.config.serve.bind)
    token = serving.token(rt)
    if token is None and not endpoints.is_own(host):
        raise ConfigInvalid(
            f"others than this machine could ask at {host}, so serving there needs a token",
            hint="set YTPOOL_SERVE_TOKEN, or keep one in the vault: ytpool vault keep serve --password-file FILE",
        )
    heard: list[str] = []

    def listening(url: str) -> None:
        heard.append(url)
        call.emit("listening", url=url)
        call.note(f"listening at {url}, with a page for browsers; services call {url}/webhooks/NAME")

    with rt.store.reading():  # without a state there is nothing to serve
        pass
    server.serve(
        rt,
        host=host,
        port=port,
        token=token,
        shared=None if token is None else serving.shared(rt),
        hosts=frozenset(call.config.serve.hosts.lower().replace(",", " ").split()),
        file=cookie_files.of_account(rt) if account is None else cookie_files.require_file(rt, account),
        listening=listening,
    )
    return Served(url=heard[0])


def _place(typed: str | None, settings: str) -> tuple[str, int]:
    try:
        return endpoints.place(settings if typed is None else typed, _PORT)
    except ValueError as error:
        where = "serve.bind" if typed is None else "--bind"
        raise UsageWrong(f"{where}: {error}") from None
