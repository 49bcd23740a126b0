"""A person logs in, in a Chromium with a window, and what the browser then holds is handed back.

Nothing is typed or pressed for the person, and nothing hides that a program has opened the window.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ytpool.domain.secret import Secret
from ytpool.errors import ExtraMissing, LoginFailed
from ytpool.probes.browser import executable, taken, way_out

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_LOOKS_EVERY = 500
"""Milliseconds; each look asks the browser for its cookies, which disturbs nobody."""
_SETTLES_IN = 2
"""Looks in a row that find a login, before it is one: what comes right after it belongs to it."""
_STARTS_WITHIN = 30_000


class LoggedIn(NamedTuple):
    """What a browser holds after a login, and what it calls itself."""

    state: Mapping[str, Any]
    user_agent: str


def log_in(
    url: str,
    *,
    state: Mapping[str, Any] | None,
    proxy: Secret | None,
    user_agent: str,
    program: str,
    is_login: Callable[[Sequence[Mapping[str, Any]]], bool],
    goes_on: Callable[[], bool],
) -> LoggedIn:
    """Open a window at this address, and wait until its cookies are a login; `goes_on` is asked twice a second.

    The window begins with what `state` holds. Raises LoginFailed where it is closed before, or `goes_on` says no.
    """
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ExtraMissing("a login in a window needs Playwright", hint="run: pip install 'ytpool[browser]'") from error
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise LoginFailed(
            "there is no screen here to open a window on",
            hint="log in where there is one, and bring the session in with: ytpool sessions migrate",
        )
    path = executable(program)
    with sync_playwright() as driver:
        try:
            chromium = driver.chromium.launch(
                executable_path=path, headless=False, handle_sigint=False, timeout=_STARTS_WITHIN
            )
        except Error as error:
            raise ExtraMissing(
                f"{path} does not open a window",
                hint="try it yourself; another is named with: [browser] executable = '/path/to/it'",
            ) from error
        with chromium:
            try:
                context = chromium.new_context(
                    storage_state=taken(state) if state is not None else None,
                    user_agent=user_agent or None,
                    proxy=way_out(proxy),
                    no_viewport=True,
                )
                page = context.new_page()
                page.goto(url, wait_until="commit", timeout=0)
                _wait(context, page, is_login, goes_on)
                return LoggedIn(dict(context.storage_state(indexed_db=True)), page.evaluate("navigator.userAgent"))
            except Error as error:  # its words may hold what is typed there
                raise LoginFailed(
                    "the window was closed, or could not open the page, before anybody was logged in",
                    hint="type the same command again",
                ) from error


def _wait(
    context: "BrowserContext",
    page: "Page",
    is_login: Callable[[Sequence[Mapping[str, Any]]], bool],
    goes_on: Callable[[], bool],
) -> None:
    found = 0
    while found < _SETTLES_IN:
        page.wait_for_timeout(_LOOKS_EVERY)
        found = found + 1 if is_login([dict(cookie) for cookie in context.cookies()]) else 0
        if not found and not goes_on():
            raise LoginFailed("nobody was logged in in time; nothing was stored", hint="type the same command again")
