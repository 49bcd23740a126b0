"""The page that shows how it stands with everything, and the form where a browser brings the token.

It only reads. The page holds no script and no style of its own and loads none from elsewhere, so that a name with
markup in it, were it ever shown unescaped, would still be nothing but text.
"""

from string import Template
from urllib.parse import parse_qs

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ytpool import __version__, data
from ytpool.actions import serving
from ytpool.domain import moments
from ytpool.runtime import Runtime
from ytpool.web.answers import needs_token, refused
from ytpool.web.events import Feed, Shown, Snapshot, Stream
from ytpool.web.guard import TRUSTED
from ytpool.web.markup import Content, Markup, tag, together
from ytpool.web.sections import TITLES
from ytpool.web.visitors import Visitors

_SAFELY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_NOT_KEPT = {"Cache-Control": "no-store", **_SAFELY}

_LONGEST_FORM = 4096
_COMES_BACK_WITHIN = 30


def routes(rt: Runtime, feed: Feed, visitors: Visitors) -> list[Route]:
    """Return the page, what belongs to it, and the door to it."""
    pages = _Pages(rt, feed, visitors)
    return [
        Route("/", pages.dashboard),
        Route("/events", pages.events),
        Route("/login", pages.login, methods=["GET", "POST"]),
        Route("/logout", pages.logout, methods=["POST"]),
        _file("dashboard.css", "text/css", "dashboard/dashboard.css", "report/pictures.css"),
        _file("dashboard.js", "text/javascript", "dashboard/dashboard.js"),
    ]


class _Pages:
    def __init__(self, rt: Runtime, feed: Feed, visitors: Visitors) -> None:
        self._rt = rt
        self._feed = feed
        self._visitors = visitors
        self._frame = Template(data.text("dashboard/dashboard.html"))

    async def dashboard(self, request: Request) -> Response:
        if not request.scope[TRUSTED]:
            return _elsewhere("./login")
        came_by_door = self._came_by_door(request)
        shown = await self._feed.shown()
        if came_by_door and not self._came_by_door(request):  # it has logged out at another machine
            return _elsewhere("./login")
        log_out = tag("form", tag("button", "Log out"), method="post", action="logout")
        header = (*_state(shown), log_out if came_by_door else None)
        script = tag("script", src="dashboard.js", defer=True)
        return self._page(_live(shown.snapshot, self._feed), header=header, script=script)

    async def events(self, request: Request) -> Response:
        if not request.scope[TRUSTED]:
            return needs_token()
        came_by_door = self._came_by_door(request)
        await self._feed.shown()  # nobody's first look is at what the last viewer left
        if came_by_door and not self._came_by_door(request):
            return needs_token()
        if self._feed.is_full:
            return refused("too many are watching", 503, {"Retry-After": str(_COMES_BACK_WITHIN)})
        if request.method == "HEAD":
            return Response(headers=_NOT_KEPT, media_type="text/event-stream")
        seen = request.headers.get("last-event-id") or request.query_params.get("after", "")
        return Stream(self._feed, seen, lambda: not came_by_door or self._came_by_door(request), _SAFELY)

    async def login(self, request: Request) -> Response:
        if request.scope[TRUSTED]:
            return _elsewhere("./")
        if request.method != "POST":
            return self._page(_form())
        try:
            given = await _field(request, "token")
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        cookie = self._visitors.enter(given, port=_port(request), is_secure=_is_secure(request))
        if cookie is None:
            return self._page(_form("That is not the token."), status=401)
        return _elsewhere("./", cookie)

    async def logout(self, request: Request) -> Response:
        if not self._came_by_door(request):  # such as one whom the page of another site sends here, without the cookie
            return _elsewhere("./login")
        cookie = self._visitors.leave(_headers(request), port=_port(request), is_secure=_is_secure(request))
        # A state that is away keeps nobody who leaves.
        return _elsewhere("./login", cookie, BackgroundTask(serving.tell_who_left, self._rt, self._visitors.left))

    def _came_by_door(self, request: Request) -> bool:
        self._visitors.learn(self._feed.left)
        return self._visitors.knows(_headers(request), _port(request))

    def _page(self, content: Markup, *, header: Content = None, script: str = "", status: int = 200) -> Response:
        filled = self._frame.substitute(
            profile=together(self._rt.config.profile),
            version=__version__,
            script=script,
            header=together(header),
            content=content,
        )
        return Response(filled, status, _NOT_KEPT, "text/html")


def _live(snapshot: Snapshot | None, feed: Feed) -> Markup:
    found = {} if snapshot is None else snapshot.sections
    return together(
        tag("nav", found.get("summary"), id="summary", aria_label="Sections"),
        tag(
            "main",
            [
                tag(
                    "section",
                    tag("h2", title, id=f"{name}-title"),
                    tag("div", found.get(name), id=name),
                    aria_labelledby=f"{name}-title",
                    class_=name,
                )
                for name, title in TITLES.items()
            ],
            id="main",
            tabindex="-1",
            data_every=int(feed.every * 1000),
            data_at=feed.at,
        ),
    )


def _state(shown: Shown) -> tuple[Markup, ...]:
    """Say how things stand with the page itself; from here on its script does."""
    as_of = "" if shown.snapshot is None else f"as of {moments.text(shown.snapshot.now)[11:19]} UTC"
    problem = f"The books cannot be read: {shown.problem}" if shown.problem else ""
    return (
        tag("p", problem, id="state", role="status", class_="badge orange" if problem else "badge"),
        tag("p", as_of, id="as-of"),
        tag("p", id="news", role="status", class_="unseen"),
        tag("noscript", tag("p", "Without JavaScript this page does not renew itself: load it again.")),
    )


def _form(problem: str = "") -> Markup:
    field = {"aria_invalid": "true", "aria_describedby": "problem"} if problem else {}
    return tag(
        "main",
        tag("h2", "Who is there?"),
        tag("p", problem, id="problem", role="alert", class_="badge red") if problem else None,
        tag(
            "form",
            # Programs that keep passwords ask for whom.
            tag("input", name="name", autocomplete="username", value="ytpool", hidden=True),
            tag("label", "The token of this server", for_="token"),
            tag(
                "input",
                id="token",
                name="token",
                type="password",
                autocomplete="current-password",
                required=True,
                autofocus=True,
                **field,
            ),
            tag("button", "Open"),
            method="post",
            action="login",
        ),
        id="main",
        class_="door",
    )


async def _field(request: Request, name: str) -> str:
    """Return a field of a form that was sent; what is no form of ours has none."""
    content = bytearray()
    async for block in request.stream():
        if len(content) <= _LONGEST_FORM:  # the rest is read and forgotten, so that its sender hears the answer
            content += block
    if len(content) > _LONGEST_FORM:
        return ""
    try:
        fields = parse_qs(content.decode("ascii", "replace"), max_num_fields=10)
    except ValueError:
        return ""
    return fields.get(name, [""])[0].strip()


def _elsewhere(place: str, cookie: str | None = None, afterwards: BackgroundTask | None = None) -> Response:
    # The place is a neighbour's name: who stands before us may have put us into a folder of its own.
    headers = {**_NOT_KEPT, "Location": place}
    if cookie is not None:
        headers["Set-Cookie"] = cookie
    return Response(status_code=303, headers=headers, background=afterwards)


def _headers(request: Request) -> dict[bytes, bytes]:
    return dict(request.scope["headers"])


def _port(request: Request) -> int:
    port: int = request.scope["server"][1]
    return port


def _is_secure(request: Request) -> bool:
    """Tell whether the browser's line is encrypted; a proxy that ends TLS says so, and a lie harms only the liar."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").lower())


def _file(name: str, media_type: str, *parts: str) -> Route:
    content = "\n".join(map(data.text, parts))

    async def packaged(_: Request) -> Response:
        return Response(content, headers={**_SAFELY, "Cache-Control": "no-cache"}, media_type=media_type)

    return Route(f"/{name}", packaged)
