"""A browser session looked at in a real Chromium without a window, and left as soon as the answer is certain.

One browser serves all looks, each with a context of its own. A page that redirects is heard before it is fetched, so
that a slow login page holds nobody up. Nothing hides that a program is looking.
"""

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from ytpool.domain.markers import LONGEST_PAGE, MOST_REDIRECTS, Heard, Looked, Marks, Trouble
from ytpool.domain.secret import Secret
from ytpool.errors import ExtraMissing

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Page, Request, Response

Found = TypeVar("Found")

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_STARTS_WITHIN = 30.0
_ENDS_WITHIN = 2.0
_QUIET_FOR = 0.5
"""Seconds for which a page has been idle before it is judged: its scripts may send us away, or draw a form."""
_JUDGES_WITHIN = 0.2
_MARGIN = 0.3
_STAYS_HERE = (
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)
"""Has a Chromium find nothing but this machine: what a page loads, nobody here is asked about."""

_IDLE = """
    quiet => new Promise(done => setTimeout(() => requestIdleCallback(() => done(), {timeout: quiet}), quiet))
"""
"""Resolved by the page itself, behind whatever its scripts have begun, however slow this machine is just now."""

_MAY_DRAW = ("script", "xhr", "fetch")
"""Requests whose answers may change what the page is; pictures and films do not."""


def executable(setting: str) -> str:
    """Return the browser to start: the one that the settings name, else the first that is installed."""
    found = shutil.which(setting) if setting else next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        missing = f"{setting!r}, which browser.executable names, is" if setting else "Chromium is"
        raise ExtraMissing(
            f"{missing} not installed here",
            hint="install Chromium, on Debian: apt install chromium; or name one: [browser] executable = '/path/to/it'",
        )
    return found


class Browser:
    """A Chromium that is there for as long as this is entered; may be shared by threads."""

    def __init__(self, *, setting: str, stays_here: bool) -> None:
        self._setting = setting
        self._stays_here = stays_here
        self._chromium: Chromium | None = None
        self._driver: Any = None
        self._closing: set[asyncio.Future[None]] = set()

    def __enter__(self) -> Self:
        try:
            from playwright.async_api import async_playwright  # noqa: PLC0415 -- an extra
        except ImportError as error:
            raise ExtraMissing(
                "looking in a browser needs Playwright", hint="run: pip install 'ytpool[browser]'"
            ) from error
        program = executable(self._setting)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
        self._thread.start()
        try:
            self._wait(self._start(async_playwright(), program), _STARTS_WITHIN)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for last in (self._end(), _give_up()):  # what still hangs then ends with this program
            with suppress(TimeoutError):
                self._wait(last, _ENDS_WITHIN)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDS_WITHIN)
        if not self._loop.is_running():
            self._loop.close()

    def look(
        self, marks: Marks, state: Mapping[str, Any], *, proxy: Secret | None, user_agent: str, within: float
    ) -> Looked:
        """Open a platform's page with what a storage state holds; there is an answer within so many seconds."""
        try:
            return self._wait(self._look(marks, state, proxy, user_agent, within - _MARGIN), within)
        except TimeoutError:
            return _GONE

    def _wait(self, work: Coroutine[Any, Any, Found], seconds: float) -> Found:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        finally:
            future.cancel()

    async def _start(self, playwright: Any, program: str) -> None:
        from playwright.async_api import Error  # noqa: PLC0415

        self._driver = await playwright.start()
        try:
            self._chromium = await self._driver.chromium.launch(
                executable_path=program,
                args=_STAYS_HERE if self._stays_here else None,
                handle_sigint=False,
                timeout=1000 * _STARTS_WITHIN,
            )
        except Error as error:
            raise ExtraMissing(
                f"{program} does not start as a Chromium",
                hint="try it yourself; another is named with: [browser] executable = '/path/to/it'",
            ) from error

    async def _end(self) -> None:
        if self._chromium is not None:
            await self._chromium.close()
        if self._driver is not None:
            await self._driver.stop()

    async def _look(
        self, marks: Marks, state: Mapping[str, Any], proxy: Secret | None, user_agent: str, within: float
    ) -> Looked:
        from playwright.async_api import Error  # noqa: PLC0415

        assert self._chromium is not None
        until = asyncio.get_running_loop().time() + within
        try:
            context = await self._chromium.new_context(
                storage_state=taken(state),
                user_agent=user_agent or None,
                proxy=way_out(proxy),
                accept_downloads=False,
                service_workers="block",
            )
        except ValueError:
            return Looked(Heard(trouble=Trouble.NETWORK, words="its proxy is no way out: its address is none"))
        except Error:  # its words hold the cookies
            refused = Heard(trouble=Trouble.STRANGE, words="the browser does not take its cookies, or its proxy")
            return Looked(refused) if self._chromium.is_connected() else _GONE
        try:
            before = await context.cookies()
            heard = await _Visit(marks, await context.new_page()).heard(until)
            now = await context.cookies()
        except Error:
            return _GONE
        finally:
            # Nobody waits for that: it takes its time, and a browser that hangs for ever.
            closing = asyncio.ensure_future(_closed(context))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return Looked(heard._replace(lost=_lost(before, now)), tuple(now))


async def _closed(context: "BrowserContext") -> None:
    from playwright.async_api import Error  # noqa: PLC0415

    with suppress(Error):  # it may have crashed over the page
        await context.close()


async def _give_up() -> None:
    """End what has not come to its end by itself."""
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for one in pending:
        one.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


_GONE = Looked(Heard(trouble=Trouble.STRANGE, words="the browser has gone, or answers no more"))


class _Visit:
    """One page, from its address to the first thing that settles what it is."""

    def __init__(self, marks: Marks, page: "Page") -> None:
        self._marks = marks
        self._page = page
        self._form = ", ".join(marks.form)
        self._ended: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._answer = Heard()
        self._is_answered = asyncio.Event()
        self._went = 0
        self._on_their_way: set[Request] = set()
        self._stirred = asyncio.Event()
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_arrival)
        page.on("requestfailed", self._on_arrival)
        page.on("response", self._on_response)
        page.on("framenavigated", lambda frame: self._goes_to(frame.url) if frame == page.main_frame else None)

    async def heard(self, until: float) -> Heard:
        """Go there, and return what is heard first, or what is known when the time is over."""
        work = [asyncio.ensure_future(self._open(until)), asyncio.ensure_future(self._find_form()), self._ended]
        try:
            left = max(0, until - asyncio.get_running_loop().time())
            done, _ = await asyncio.wait(work, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                return self._ended.result()
            if done:
                return next(iter(done)).result()
            if not self._answer.status:
                return Heard(trouble=Trouble.NETWORK, words="no answer came in time")
            return self._answer._replace(seen=False)
        finally:
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _open(self, until: float) -> Heard:
        from playwright.async_api import Error  # noqa: PLC0415

        # Much else may be done on this machine: a tenth of the time is kept for judging what is there in the end.
        judges_at = until - max(_JUDGES_WITHIN, (until - asyncio.get_running_loop().time()) / 10)
        try:
            answer = await self._page.goto(self._marks.url, wait_until="commit", timeout=0)
            if answer is None or not self._hear(answer):
                return self._answer
            await self._settles(judges_at)
            # Who waits for a form may be behind, on a machine with much else to do.
            has_form = bool(self._form) and await self._page.query_selector(self._form) is not None
        except Error as error:
            return _failed(error.message)
        return self._answer._replace(has_form=has_form)

    async def _settles(self, until: float) -> None:
        """Wait until the page is there and its scripts are done with what they began.

        A page that is idle and goes on asking, as one with a chat does, is what it is when the time is over. One that
        is never idle is waited for in vain.
        """
        from playwright.async_api import Error  # noqa: PLC0415

        clock = asyncio.get_running_loop()
        while True:
            await self._page.wait_for_load_state("domcontentloaded", timeout=0)
            self._stirred.clear()
            try:
                await self._page.evaluate(_IDLE, 1000 * _QUIET_FOR)
            except Error as error:
                if _WENT_ON not in error.message:
                    raise
                continue
            if not self._on_their_way and not self._stirred.is_set():
                return
            if self._on_their_way:
                self._stirred.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(until):
                        await self._stirred.wait()
            if clock.time() + _QUIET_FOR >= until:
                return

    def _hear(self, answer: "Response") -> bool:
        """Keep what an answer says; return whether its page is worth waiting for."""
        length = answer.headers.get("content-length", "")
        self._answer = Heard(
            status=answer.status,
            content_type=answer.headers.get("content-type", "").lower(),
            length=int(length) if length.isascii() and length.isdecimal() else 0,
            drawn=True,
        )
        self._is_answered.set()
        return answer.status == 200 and self._answer.length <= LONGEST_PAGE

    async def _find_form(self) -> Heard:
        from playwright.async_api import Error  # noqa: PLC0415

        try:
            if not self._form:
                await asyncio.Event().wait()
            await self._page.wait_for_selector(self._form, state="attached", timeout=0)
        except Error:  # the page has gone away, and who opens it says why
            await asyncio.Event().wait()
        await self._is_answered.wait()
        return self._answer._replace(has_form=True)

    def _on_request(self, request: "Request") -> None:
        is_ours = self._is_ours(request)
        if is_ours or request.resource_type in _MAY_DRAW:
            self._on_their_way.add(request)
            self._stirred.set()
        if not is_ours:
            return
        self._went += 1
        if self._went > 1 + MOST_REDIRECTS:
            self._end(Heard(status=302, sent_to=request.url))
        self._goes_to(request.url)

    def _on_arrival(self, request: "Request") -> None:
        if request in self._on_their_way:
            self._on_their_way.discard(request)
            self._stirred.set()

    def _on_response(self, response: "Response") -> None:
        if self._is_ours(response.request) and 300 <= response.status < 400:
            location = response.headers.get("location", "")
            if location:
                with suppress(ValueError):  # the browser says what it thinks of that
                    self._goes_to(urljoin(response.url, location))

    def _is_ours(self, request: "Request") -> bool:
        """Tell whether the page itself goes somewhere: what is framed in it may be logged out as it likes."""
        return request.is_navigation_request() and request.frame == self._page.main_frame

    def _goes_to(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and self._marks.is_end(url):
            self._end(Heard(status=302, sent_to=url))

    def _end(self, heard: Heard) -> None:
        if not self._ended.done():
            self._ended.set_result(heard)


def taken(state: Mapping[str, Any]) -> Any:
    """Return of a storage state what a browser takes; a cookie that is over would only be refused."""
    now = time.time()
    cookies = [
        {name: cookie[name] for name in _FIELDS if name in cookie}
        for cookie in state["cookies"]
        if not 0 <= cookie.get("expires", -1) <= now
    ]
    return {"cookies": cookies, "origins": state.get("origins", [])}


_FIELDS = ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite", "partitionKey")


def way_out(proxy: Secret | None) -> Any:
    """Return a proxy as a browser takes it; raises ValueError where it is no address."""
    if proxy is None:
        return None
    parts = urlsplit(proxy.reveal())
    host = parts.netloc.rpartition("@")[2]
    found = {"server": f"{parts.scheme}://{host}", "bypass": "<-loopback>"}
    if parts.username:
        found |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return found


def _lost(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Name the cookies that were good and are gone, or empty, since."""
    left = {(one["domain"], one["path"], one["name"]): one["value"] for one in now}
    gone = (one for one in before if not left.get((one["domain"], one["path"], one["name"])))
    return frozenset(one["name"] for one in gone if one["value"])


def _failed(words: str) -> Heard:
    """Say why there was no page. The browser's own words hold the address, so only its code is looked at."""
    code = _CODE.search(words)
    if "Download is starting" in words:
        return Heard(trouble=Trouble.STRANGE, words="was answered with something that is no page")
    if code is None:
        return Heard(trouble=Trouble.STRANGE, words="the browser could not open the page")
    for beginning, (trouble, said) in _CODES.items():
        if code[1].startswith(beginning):
            return Heard(trouble=trouble, words=said)
    return Heard(trouble=Trouble.STRANGE, words=f"the browser could not open the page ({code[1]})")


_WENT_ON = "Execution context was destroyed"
"""What Playwright says where a page has made room for another one."""

_CODE = re.compile(r"net::ERR_([A-Z_]{1,60})")
_CODES: Mapping[str, tuple[Trouble, str]] = {
    "PROXY": (Trouble.NETWORK, "its proxy is no way out: nothing accepted the connection"),
    "TUNNEL": (Trouble.NETWORK, "its proxy is no way out: it refused"),
    "SOCKS": (Trouble.NETWORK, "its proxy is no way out: it refused"),
    "NO_SUPPORTED_PROXIES": (Trouble.NETWORK, "its proxy is no way out: its address is none"),
    "NAME_": (Trouble.NETWORK, "the name could not be resolved"),
    "CONNECTION_REFUSED": (Trouble.NETWORK, "nothing accepted the connection"),
    "CONNECTION_TIMED_OUT": (Trouble.NETWORK, "the connection was not accepted in time"),
    "CONNECTION": (Trouble.NETWORK, "the line broke"),
    "EMPTY_RESPONSE": (Trouble.NETWORK, "the line broke"),
    "SOCKET": (Trouble.NETWORK, "the line broke"),
    "INTERNET_DISCONNECTED": (Trouble.NETWORK, "this machine has no network"),
    "NETWORK": (Trouble.NETWORK, "the network changed or cannot be used"),
    "ADDRESS_UNREACHABLE": (Trouble.NETWORK, "nothing can be reached there"),
    "TIMED_OUT": (Trouble.NETWORK, "no answer came in time"),
    "CERT": (Trouble.NETWORK, "the certificate was not issued by anybody this machine trusts"),
    "SSL": (Trouble.NETWORK, "the encrypted connection broke"),
    "ABORTED": (Trouble.STRANGE, "was answered with something that is no page"),
}
