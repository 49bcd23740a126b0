"""A person in front of a real Chromium without a window: `Person.program` is what `$BROWSER` names.

The program opens the address it is given and takes its steps on the pages it meets, until the login has arrived.
"""

import json
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from real_parts import miss, need

_WAITS = 30_000
_THE_END = re.compile("this page can be closed")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Person:
    """Who sits there: the program to start, and what it left behind."""

    program: Path
    log: Path

    def saw(self):
        """Wait until the browser is closed; return where it went, in order, and what its last page said."""
        ends = time.monotonic() + _WAITS / 1000
        while not self.log.exists():
            assert time.monotonic() < ends, "the browser never came to the end"
            time.sleep(0.02)
        return json.loads(self.log.read_text())


@pytest.fixture
def chromium(tmp_path):
    """Make a person who takes these steps: ("fill", selector, text), ("check", words), ("click", words)."""
    browser = need("chromium")
    if find_spec("playwright") is None:
        miss("Playwright is not installed (pip install playwright)")

    def person(*steps):
        made = Person(program=tmp_path / "chromium", log=tmp_path / "chromium.log")
        made.program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(HERE)!r})\nfrom chromium import walk\n"
            f"walk({browser!r}, sys.argv[1], {steps!r}, {str(made.log)!r})\n"
        )
        made.program.chmod(0o700)
        return made

    return person


def logged_in(url):
    """Log in at a page whose form has a name and a word, in a real Chromium; return the storage state it leaves."""
    browser = need("chromium")
    if find_spec("playwright") is None:
        miss("Playwright is not installed (pip install playwright)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, driver.chromium.launch(executable_path=browser) as chrome:
        page = chrome.new_page()
        page.goto(url)
        page.fill("input[name=user]", "anna")
        page.fill("input[name=word]", "secret")
        page.click("button")
        page.get_by_text("Hello").wait_for()
        return page.context.storage_state()


def walk(browser, url, steps, log):
    """Take the steps, and write down what was seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, driver.chromium.launch(executable_path=browser) as chrome:
        page = chrome.new_page()
        page.set_default_timeout(_WAITS)
        went = []
        page.on("request", lambda request: went.append(request.url))
        page.goto(url)
        for act, *words in steps:
            match act:
                case "fill":
                    page.fill(*words)
                case "check":
                    page.get_by_label(words[0]).check()
                case "click":
                    page.get_by_role("button", name=words[0]).click()
        page.get_by_text(_THE_END).wait_for()
        seen = {"went": went, "page": page.inner_text("body")}
    draft = Path(f"{log}.draft")
    draft.write_text(json.dumps(seen))
    draft.rename(log)


@contextmanager
def looking(**how):
    """Sit in front of a real Chromium; yields a page that keeps all that its console says in `page.said`."""
    browser = need("chromium")
    if find_spec("playwright") is None:
        miss("Playwright is not installed (pip install playwright)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, driver.chromium.launch(executable_path=browser) as chrome:
        page = chrome.new_context(**how).new_page()
        page.set_default_timeout(_WAITS)
        page.said = []
        page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        yield page


def amiss(page, packages):
    """Return what axe finds on a page that keeps people out, in its words."""
    # As a debugger, which the page's own policy does not bind.
    page.evaluate((packages / "axe-core" / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]
