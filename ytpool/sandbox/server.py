"""The sandbox's sockets: what comes in, who answers it, and how a line breaks when a fault says so."""

import contextlib
import os
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from ytpool.clock import Clock, SystemClock
from ytpool.data import discovery_document
from ytpool.domain import moments
from ytpool.errors import SandboxFailed
from ytpool.sandbox import tasks
from ytpool.sandbox.api import Api
from ytpool.sandbox.bodies import Refused, back_end, malformed, not_played
from ytpool.sandbox.captions import Captions
from ytpool.sandbox.clock import VirtualClock
from ytpool.sandbox.control import Control
from ytpool.sandbox.desk import Desk
from ytpool.sandbox.discovery import Description, Method
from ytpool.sandbox.faults import Play
from ytpool.sandbox.frontend import FrontEnd
from ytpool.sandbox.oauth import OAuth
from ytpool.sandbox.quota import Quota
from ytpool.sandbox.tasks import TaskService
from ytpool.sandbox.thumbnails import Thumbnails
from ytpool.sandbox.uploads import Uploads
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Answer, Body, Json, Request, Stream, from_json
from ytpool.sandbox.world import World

_SMALL_BODY = 16 << 20
_UNTOLD = 1 << 62
"""How long a body in chunks may be, as far as a fault knows."""
_UPLOAD_PATHS = ("/upload/youtube/v3/", "/resumable/upload/youtube/v3/")
_AUTH_PATHS = frozenset({"/o/oauth2/v2/auth", "/o/oauth2/auth"})
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")


class Sandbox:
    """A local YouTube with its login, on loopback, in this process.

    What it knows lives in its folder: another sandbox started there later goes on where this one stopped, at the same
    address as long as that is free.
    """

    def __init__(
        self, folder: Path, *, port: int = 0, seed: int = 0, clock: Clock | None = None, keep_bytes: bool = False
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._port = port
        self._seed = seed
        self._keep_bytes = keep_bytes
        self.clock = VirtualClock(clock or SystemClock(), folder)
        self.stopped = threading.Event()
        self._server: _Server | None = None
        self._world: World | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Lock()

    def start(self) -> Self:
        """Listen and serve in a thread of its own."""
        self._world = World(self._folder, seed=self._seed, now=self.clock.now())
        self._server = _Server(_listen(self._folder, self._port), self.clock)
        self._server.floor = _Floor(self._folder, self._world, self.clock, url=self.url, keep_bytes=self._keep_bytes)
        self._server.floor.desk.on_stop = lambda: threading.Thread(target=self.stop).start()
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, let running answers end, and close everything; stopping twice changes nothing."""
        with self._stopping:
            if self.stopped.is_set() or self._server is None or self._world is None or self._thread is None:
                return
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.hang_up()
            self._server.floor.tasks.stop()
            self._world.close()
            self.stopped.set()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        if self._server is None:
            raise SandboxFailed("the sandbox was not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def control(self) -> Control:
        """What a rehearsal may ask for and set."""
        return Control(self.url)

    @property
    def idle_since(self) -> float | None:
        """Return the monotonic moment of the last request's end; None while one runs."""
        return self._server.idle_since if self._server else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


class _Floor:
    """Everybody who answers something, and who is asked for what."""

    def __init__(self, folder: Path, world: World, clock: VirtualClock, *, url: str, keep_bytes: bool) -> None:
        description = Description.from_document(discovery_document())
        quota = Quota(world)
        self.description = description
        self.world = world
        self.clock = clock
        self.front = FrontEnd(world, quota, description, clock)
        self.oauth = OAuth(world, description, clock)
        self.tasks = TaskService(world, clock)
        videos = Videos(folder, world, description, keep=keep_bytes)
        captions = Captions(world, description, videos)
        self.api = Api(world, description, videos=videos, captions=captions)
        self.uploads = Uploads(
            folder,
            world,
            clock,
            front=self.front,
            makers={
                "videos.insert": videos,
                "thumbnails.set": Thumbnails(world, videos),
                "captions.insert": captions,
                "captions.update": captions,
            },
        )
        about = {"url": url, "pid": os.getpid(), "folder": str(folder.resolve()), "started": moments.text(clock.now())}
        self.desk = Desk(world, clock, quota=quota, oauth=self.oauth, description=description, about=about)
        self._videos = videos
        self.desk.on_reset = self._forget_bytes

    def _forget_bytes(self) -> None:
        self.uploads.clear()
        self._videos.clear()

    def play(self, names: tuple[str, ...], channel: str, project: str, length: int | None) -> Play:
        """Count a request, and ask the fault rules about it."""
        with self.world.change():
            for name in names:
                self.world.count(f"calls/{name}")
            return self.world.strike(
                names, channel=channel, project=project, length=_UNTOLD if length is None else length
            )


class _LineEndedError(ConnectionError):
    """The line is gone, on purpose; nothing is left to be said on it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    floor: _Floor

    def __init__(self, listener: socket.socket, clock: VirtualClock) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self.clock = clock
        self._lock = threading.Lock()
        self._lines: dict[socket.socket, threading.Thread] = {}
        self._running = 0
        self._idle_since = clock.monotonic()

    @property
    def idle_since(self) -> float | None:
        with self._lock:
            return None if self._running else self._idle_since

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Count a request as running."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._idle_since = self.clock.monotonic()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._lines[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._lines.pop(request, None)

    def hang_up(self) -> None:
        """End every open line, and wait for those who serve them."""
        with self._lock:
            lines = dict(self._lines)
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RD)
        for thread in lines.values():
            if thread is not threading.current_thread():
                thread.join(timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients hang up whenever they like; only what is our fault is worth a line in the log.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    disable_nagle_algorithm = True  # or every answer on a kept line costs 43 ms
    wbufsize = 1 << 16  # head and body leave as one packet
    timeout = 120  # or a client that never ends its request holds a thread for ever

    @property
    def floor(self) -> _Floor:
        return cast("_Server", self.server).floor

    def do_GET(self) -> None:
        with cast("_Server", self.server).busy():
            self._serve()

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Say the sandbox's time: what clients correct their clocks by."""
        return (
            format_datetime(self.floor.clock.now(), usegmt=True)
            if timestamp is None
            else super().date_time_string(timestamp)
        )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing: what happened is in the truth."""

    def _serve(self) -> None:
        try:
            request, length = self._head()
        except Refused as refused:
            self.close_connection = True
            self._send(refused.answer)
            return
        if request.path.startswith(_UPLOAD_PATHS) and (_is_session(request) or _is_simple(request)):
            self._serve_stream(request, length)
            return
        content = Body(cast("Stream", self.rfile), length, most=_SMALL_BODY)
        told = length or 0
        body = content.read() if told <= _SMALL_BODY else b""
        if told > _SMALL_BODY or content.too_long:
            self.close_connection = True
            self._send(back_end(413, "global", "uploadTooLarge", "Request Too Large").answer)
            return
        if content.broken:
            raise _LineEndedError
        request = Request(verb=request.verb, path=request.path, query=request.query, headers=request.headers, body=body)
        self._serve_small(_unfolded(request))

    def _serve_small(self, request: Request) -> None:
        if request.path.startswith("/sandbox/"):
            self._send(self._controlled(request))
        elif request.path in _AUTH_PATHS:
            self._send(self.floor.oauth.page(request) if request.verb == "GET" else self.floor.oauth.decide(request))
        elif request.path in {"/token", "/revoke", "/tokeninfo"}:
            self._serve_login(request)
        elif request.path.startswith(tasks.PATH):
            self._serve_task(request)
        else:
            self._serve_api(request)

    def _serve_login(self, request: Request) -> None:
        floor = self.floor
        name = request.path.removeprefix("/")
        verbs = {"token": {"POST"}, "revoke": {"POST", "GET"}, "tokeninfo": {"GET", "POST"}}
        if request.verb not in verbs[name]:
            self._send(Answer(status=405, body={"error": "method_not_allowed"}))
            return
        channel, project = floor.oauth.holder(request)
        played = {"token": floor.oauth.token, "revoke": floor.oauth.revoke, "tokeninfo": floor.oauth.tokeninfo}[name]
        play = floor.play((name,), channel, project, len(request.body))

        def work() -> Answer:
            try:
                if play.error is not None:
                    raise floor.front.scripted(play.error, name, project)
                return played(request)
            except Refused as refused:
                floor.front.write_down(refused, name)
                return refused.answer

        self._act(play, work)

    def _serve_task(self, request: Request) -> None:
        floor = self.floor
        name = request.path.removeprefix(tasks.PATH)
        if name not in tasks.METHODS or request.verb != "POST":
            self._send(Answer(status=404, body={"code": 404, "msg": "NOT_FOUND", "data": None}))
            return
        play = floor.play((f"tasks.{name}",), "", "", len(request.body))

        def work() -> Answer:
            if play.error is not None:
                return Answer(status=play.error.status or 500, body={"code": 500, "msg": play.error.error})
            return floor.tasks.answer(name, request)

        self._act(play, work)

    def _serve_api(self, request: Request) -> None:
        floor = self.floor
        method = floor.description.find(request.verb, request.path)
        if method is None:
            self._send(self._nothing_here(request))
            return
        play = self._play(method, request, len(request.body))

        def work() -> Answer:
            if method.media is not None and floor.uploads.plays(method):
                if request.path.startswith(_UPLOAD_PATHS):  # one request with its media would not be served here
                    return floor.uploads.start(request, method, play)
                if method.name != "captions.update":  # which may come without media
                    return floor.uploads.without_media(request, method, play)
            return floor.front.run(request, method, play.error, floor.api.answer)

        self._act(play, work, charge=lambda: self._charge(request, method))

    def _serve_stream(self, request: Request, length: int | None) -> None:
        """Serve what is too big to be read first: the PUTs of a session, and uploads in one request."""
        floor = self.floor
        uploads = floor.uploads
        if _is_session(request):
            session = uploads.session(request)
            channel, project = (session.channel_id, session.project) if session else ("", "")
            play = floor.play(uploads.names(request, length), channel, project, length)
            body = self._body(length, play)
            self._act(play, lambda: uploads.put(request, body, play), body)
            return
        method = floor.description.find(request.verb, request.path)
        if method is None or method.media is None or not uploads.plays(method):
            self.close_connection = True
            self._send(self._nothing_here(request) if method is None else not_played(method.name).answer)
            return
        play = self._play(method, request, length)
        body = self._body(length, play, most=int(method.media["maxSize"]) + _SMALL_BODY)
        self._act(
            play,
            lambda: uploads.simple(request, method, body, play),
            body,
            charge=lambda: self._charge(request, method),
        )

    def _play(self, method: Method, request: Request, length: int | None) -> Play:
        caller = self.floor.front.caller(request)
        channel, project = (caller.channel_id, caller.project) if caller else ("", "")
        return self.floor.play((method.name,), channel, project, length)

    def _charge(self, request: Request, method: Method) -> None:
        caller = self.floor.front.caller(request)
        if caller is not None:
            self.floor.front.charge(caller.project, method.name)

    def _body(self, length: int | None, play: Play, most: int = 1 << 40) -> Body:
        stream = cast("Stream", self.rfile)
        return Body(stream, length, most=most, cut_at=play.cut_at, bytes_per_second=play.bytes_per_second)

    def _act(
        self,
        play: Play,
        work: Callable[[], Answer | None],
        body: Body | None = None,
        charge: Callable[[], None] = lambda: None,
    ) -> None:
        """Do the work and answer, unless a fault says otherwise."""
        if play.close or (play.cut_at is not None and body is None):
            if body is not None:
                body.drain()
            if play.charge:
                charge()
            self._hang_up(reset=not play.close)
        answer = work()
        if answer is None or (body is not None and body.broken):
            if play.charge:
                charge()
            self._hang_up(reset=play.cut_at is not None)
        if play.seconds:
            self.floor.clock.sleep(play.seconds)
        if play.lose_answer:
            self._hang_up(reset=False)
        self.close_connection = self.close_connection or (body is not None and body.too_long)
        assert answer is not None
        self._send(answer)

    def _hang_up(self, *, reset: bool) -> None:
        """End the line without a word: politely, or with a reset as when a cable is pulled."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The buffered files still hold the socket, so closing it the polite way would close nothing yet.
            os.close(self.connection.detach())
        raise _LineEndedError

    def _controlled(self, request: Request) -> Answer:
        # A page in a browser must not reach in here, neither by a form nor by a name that it points at loopback.
        if "origin" in request.headers or not _LOOPBACK.fullmatch(request.headers["host"]):
            return Answer(
                status=403, body={"error": "the sandbox is controlled from this machine only", "code": "usage"}
            )
        try:
            wish: Json = from_json(request.body) if request.body else {}
        except ValueError as error:
            return Answer(status=400, body={"error": f"the request is not JSON: {error}", "code": "usage"})
        if not isinstance(wish, dict):
            return Answer(status=400, body={"error": "the request is not an object", "code": "usage"})
        return self.floor.desk.answer(request.verb, request.path.removeprefix("/sandbox/"), request.root, wish)

    def _nothing_here(self, request: Request) -> Answer:
        status = 405 if self.floor.description.knows_path(request.path) else 404
        message = f"The requested URL {request.path} was not found on this server."
        refused = back_end(status, "global", "notFound" if status == 404 else "httpMethodNotAllowed", message)
        self.floor.front.write_down(refused, f"{request.verb} {request.path}")
        return refused.answer

    def _head(self) -> tuple[Request, int | None]:
        """Read the request's head, and the length of what follows it; None where it comes in chunks."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers.setdefault("host", f"127.0.0.1:{cast('_Server', self.server).server_address[1]}")
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length", "0")
        if coding is not None and (coding.lower() != "chunked" or "content-length" in headers):
            raise malformed(f"Transfer-Encoding {coding} is not understood, or there is a Content-Length beside it.")
        if not re.fullmatch(r"[0-9]{1,18}", length):
            raise malformed("Failed to parse Content-Length header.")
        if self.command in {"POST", "PUT"} and "content-length" not in headers and coding is None:
            raise back_end(411, "global", "lengthRequired", "Length Required")
        try:
            parts = urlsplit(self.path)
        except ValueError as error:
            raise malformed(f"This is no address: {error}") from None
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(verb=self.command, path=parts.path, query=query, headers=headers)
        return request, None if coding else int(length)

    def _send(self, answer: Answer) -> None:
        content, kind = answer.content()
        self.send_response(answer.status, "Resume Incomplete" if answer.status == 308 else None)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def _is_session(request: Request) -> bool:
    return request.verb == "PUT" and "upload_id" in request.query


def _is_simple(request: Request) -> bool:
    return request.verb in {"POST", "PUT"} and request.argument("uploadType") != "resumable"


def _unfolded(request: Request) -> Request:
    """Turn a GET that was too long for its URL, and came as a POST with a form, back into what it is."""
    if request.headers.get("x-http-method-override", "").upper() != "GET" or request.verb != "POST":
        return request
    form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    query = {name: [*request.query.get(name, []), *form.get(name, [])] for name in {*request.query, *form}}
    return Request(verb="GET", path=request.path, query=query, headers=request.headers)


def _listen(folder: Path, port: int) -> socket.socket:
    """Bind where this folder's sandbox was found last, so that stored upload addresses stay good."""
    note = folder / "port"
    remembered = int(note.read_text(encoding="ascii")) if note.exists() else 0
    for wanted in [port] if port else [remembered, 0]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
            listener.listen(_Server.request_queue_size)
        except OSError as error:
            listener.close()
            if port or not wanted:
                raise SandboxFailed(f"the sandbox cannot listen on port {wanted}: {error.strerror}") from error
        else:
            note.write_text(str(listener.getsockname()[1]), encoding="ascii")
            return listener
    raise AssertionError("port 0 is always free or an error")
