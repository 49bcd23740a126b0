"""A platform of our own on loopback, with a login: what it does to a session is set by the cookie that names it.

Its login page takes as long as it is told to, so that who waits for it is found out. Run as a program it prints its
address, answers everybody as one who is logged in after so many seconds, and ends with its standard input.
"""

import ssl
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import urlsplit

COOKIE = "sid"
FORM = """
    <form action="/login" method="post">
      <input name="user"><input type="password" name="word"><button>Log in</button>
    </form>
"""
ENDED = f"{COOKIE}=; Path=/; Max-Age=0"
A_MONTH = 30 * 24 * 3600

REDIRECTS = {
    "out": ("/login?next=/home",),
    "rotated": ("/login?next=/home", ENDED),
    "checkpoint": ("/checkpoint/1501/?next=/home",),
    "banned": ("/account/suspended",),
    "unsafe": ("http://platform.example/home",),
    "elsewhere": ("https://platform.example:9/login",),
    "onward": ("https://www.instagram.com/accounts/edit/",),
}
PAGES = {
    "in": {"content": "<p>Hello</p><script>var form = '<input type=\"password\">'</script>"},
    "form": {"content": f"<h1>Welcome back</h1>{FORM}", "stalls": True},
    "scripted": {"content": "<script>location.href = '/login'</script>"},
    "drawn": {"content": f"<p id=here></p><script>here.innerHTML = `{FORM}`</script>"},
    "fetched": {
        "content": "<p id=here></p><script>fetch('/later').then(got => got.text()).then(text => "
        f"{{ if (text) here.innerHTML = `{FORM}` }})</script>"
    },
    "busy": {
        "content": "<p id=here></p><script>setTimeout(() => { const until = Date.now() + 1500;"
        f"while (Date.now() < until); here.innerHTML = `{FORM}` }}, 300)</script>"
    },
    "chatting": {"content": "<p>Hello</p><script>fetch('/never')</script>"},
    "ended": {"content": "<p>Hello</p>", "cookie": ENDED},
    "outward": {"content": "<script>fetch('http://platform.example/').finally(() => fetch('/asked'))</script>"},
    "refused": {"content": "<p>Not you</p>", "status": 403},
    "unauthorised": {"content": "<p>Who?</p>", "status": 401},
}
BEGINNINGS = {
    "drip": b"HTTP/1.1 200 OK\r\nX-Drip: ",
    "slow page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n<p>",
}
HUGE = {"huge": "text/html", "download": "application/octet-stream"}
"""What the platform may do; beside these it may be endless, renewed, silent, or hang up."""


class Visit(NamedTuple):
    path: str
    cookies: str
    user_agent: str


class Site:
    """What the platform does, and what it was asked."""

    def __init__(self, url):
        self.url = url
        self.login_takes = 0.0
        self.answers_after = 0.0
        self.strangers = "out"
        self.visits = []
        self.connects = []
        """Where others asked to be let through to, as if this were a proxy."""
        self.closing = threading.Event()
        self._moods = {}

    @property
    def home(self):
        return f"{self.url}/home"

    def log_in(self, mood="in"):
        """Log somebody in; return the session's cookie value."""
        value = token_hex(8)
        self._moods[value] = mood
        return value

    def becomes(self, value, mood):
        """Let a session be out, at a checkpoint, banned, rotated, and so on, from now on."""
        assert value in self._moods
        self._moods[value] = mood

    def mood(self, value):
        return self._moods.get(value, self.strangers)

    def state(self, value=None, mood="in", **more):
        """Write the storage state of a session, as a browser's login leaves it; a new one unless named."""
        cookie = {
            "name": COOKIE,
            "value": value or self.log_in(mood),
            "domain": "127.0.0.1",
            "path": "/",
            "expires": time.time() + A_MONTH,
            "httpOnly": True,
            "secure": False,
            "sameSite": "Lax",
        }
        return {"cookies": [{**cookie, **more}], "origins": []}

    def paths(self):
        return [visit.path for visit in self.visits]


@contextmanager
def running(*, pem=None, **how):
    """Let a platform run, with TLS if it is given a certificate, and end it with all its visitors."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_):
            """Who hangs up on us is what these tests are about."""

    server = Server(("127.0.0.1", 0), _Handler)
    if pem is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pem)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.site = site = Site(f"{'http' if pem is None else 'https'}://127.0.0.1:{server.server_port}")
    for name, value in how.items():
        setattr(site, name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 15

    @property
    def site(self):
        return self.server.site

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urlsplit(self.path).path
        sent = self.headers.get("Cookie", "")
        if path == "/favicon.ico":
            self.page("", 404)
            return
        if "://" in self.path:
            self.site.connects.append(self.path)
        self.site.visits.append(Visit(path, sent, self.headers.get("User-Agent", "")))
        if path.startswith("/home"):
            cookie = SimpleCookie(sent).get(COOKIE)
            if self.site.answers_after:
                self.site.closing.wait(self.site.answers_after)
            self.home(self.site.mood(cookie.value if cookie else ""))
        elif path in ("/later", "/never"):
            self.site.closing.wait(1.5 if path == "/later" else self.timeout)
            self.page("<p>what was asked for</p>")
        elif path == "/login":
            self.site.closing.wait(self.site.login_takes)
            self.page(FORM)
        else:
            self.page(f"<p>This is {path}</p>")

    def do_CONNECT(self):
        self.site.connects.append(self.path)
        self.send_error(403)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send("/home", f"{COOKIE}={self.site.log_in()}; Path=/; HttpOnly; Max-Age={A_MONTH}")

    def home(self, mood):
        if mood in REDIRECTS:
            self.send(*REDIRECTS[mood])
        elif mood in PAGES:
            self.page(**PAGES[mood])
        elif mood in BEGINNINGS:
            self.drip(BEGINNINGS[mood])
        elif mood in HUGE:
            self.huge(HUGE[mood])
        elif mood == "endless":
            self.send(f"{self.path}x")
        elif mood == "renewed":
            self.page("<p>Hello</p>", cookie=f"{COOKIE}={self.site.log_in()}; Path=/; HttpOnly; Max-Age={A_MONTH}")
        else:  # silent, or hangs up
            self.site.closing.wait(self.timeout if mood == "silent" else 0)
            self.close_connection = True

    def send(self, where, cookie=""):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def page(self, content, status=200, *, cookie="", stalls=False):
        body = f"<!doctype html><html><body>{content}</body></html>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body) + (100_000 if stalls else 0)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)
        if stalls:  # the rest of the page never comes
            self.site.closing.wait(self.timeout)
            self.close_connection = True

    def huge(self, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(10 * 10**9))
        self.end_headers()
        with suppress(OSError):
            while not self.site.closing.is_set():
                self.wfile.write(b"<p>more</p>" * 6000)
        self.close_connection = True

    def drip(self, beginning):
        self.close_connection = True
        with suppress(OSError):
            self.wfile.write(beginning)
            while not self.site.closing.wait(0.05):
                self.wfile.write(b"x")


if __name__ == "__main__":
    with running(answers_after=float(sys.argv[1]), strangers="in") as here:
        print(here.url, flush=True)
        sys.stdin.read()
