"""A login's page on its way to a browser, and what a person copies back out of one."""

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator

_LOOK_EVERY = 0.1
# Without -I a file named webbrowser.py in the current folder would be run instead.
_OPEN = ("-I", "-c", "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))")


def has_screen() -> bool:
    """Tell whether a browser with a window can be opened; one within the terminal cannot show Google's pages."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def opened(url: str) -> bool:
    """Show an address in the person's browser; False where none could be started.

    In a process of its own: browsers write to stdout, which is the result's, and end on the terminal's Ctrl-C. It may
    live for as long as the browser does.
    """
    quiet = subprocess.DEVNULL
    child = subprocess.run(
        [sys.executable, *_OPEN, url], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, check=False
    )
    return child.returncode == 0


def lines(until: threading.Event) -> Iterator[str]:
    """Yield what is typed, line by line, and leave everything that comes after `until` to whoever asks next."""
    number = _stdin()
    rest = b""
    while number is not None and not until.is_set():
        if not select.select([number], [], [], _LOOK_EVERY)[0]:
            continue
        read = os.read(number, 65536)  # of a terminal this is one line
        *whole, rest = (rest + read).split(b"\n")
        if not read and rest:  # the last line had no end
            whole, rest = [rest], b""
        for line in whole:
            if line.strip():
                yield line.decode(errors="replace").strip()
        if not read:
            return


def _stdin() -> int | None:
    try:
        return None if sys.stdin is None else sys.stdin.fileno()
    except (OSError, ValueError):  # somebody has put something else in its place, or closed it
        return None
