"""`quota report` over and over, and as a picture. Imported only where either is asked for."""

import contextlib
import os
import re
import select
import shutil
import signal
import sys
import termios
from collections.abc import Callable
from typing import Any, Self

import typer
from rich.cells import cell_len

from ytpool.actions import reports
from ytpool.actions.pictures import use
from ytpool.cli import output
from ytpool.cli.invocation import Invocation
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, View
from ytpool.cli.plots import Plotted
from ytpool.cli.reading import is_read_on
from ytpool.cli.values import plain
from ytpool.domain import quota
from ytpool.domain.prices import GENERAL
from ytpool.errors import Interrupted
from ytpool.runtime import Runtime


def report(ctx: typer.Context, rt: Runtime, *, account: str | None, seconds: float | None, plot: bool) -> Any:
    """Report once as a picture, or every so many seconds until somebody stops it."""

    def look() -> Any:
        found = reports.quota_report(rt, account=account)
        if not plot:
            return found
        buckets = [GENERAL, quota.UPLOADS, *found.totals["used"]]
        shares = [use.use_by_account(rt, bucket, account=account) for bucket in dict.fromkeys(buckets)]
        return Plotted(found, *([one for one in shares if one.used] or shares[:1]))

    return look() if seconds is None else watch(invocation(ctx), rt, look, seconds)


class Watched(dict[str, Any]):
    """The last of many results, and that somebody ended it; `pictures` are what is still to be shown of it."""

    def __init__(self, last: Any, *pictures: Any) -> None:
        super().__init__(plain(last))
        self.pictures = pictures
        self.problem = Interrupted("no longer watching")


VIEWS[Watched] = View(text=lambda _: "")


def watch(call: Invocation, rt: Runtime, look: Callable[[], Any], seconds: float) -> Any:
    """Show what a look finds, and again every so many seconds, until Ctrl-C or until nobody reads it any more."""
    last = look()
    on_screen = not call.json and call.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
    try:
        if on_screen:
            with Screen(call) as screen:
                while call.lost is None:
                    screen.show(output.drawn(last, call, call.stdout), _below(rt, seconds))
                    if not screen.changes_within(seconds):
                        last = look()
            return last
        while True:
            if call.json:
                call.emit("report", **plain(last))
            else:
                call.write(output.for_people(last, call) + "\n")
            if not is_read_on(call, rt, seconds):
                return last
            last = look()
    except KeyboardInterrupt:
        return Watched(last, *(getattr(last, "pictures", (last,)) if on_screen else ()))


def _below(rt: Runtime, seconds: float) -> str:
    now = rt.calendar.now()
    minutes = int((quota.resets_at(quota.quota_day(now)) - now).total_seconds()) // 60
    return f"{now:%H:%M:%S}Z, {minutes // 60}:{minutes % 60:02} h to the reset; every {seconds:g} s, Ctrl-C ends"


class Screen:
    """The terminal's other screen, filled anew without a flicker, whatever size it has; what stood there comes back."""

    def __init__(self, call: Invocation) -> None:
        self._call = call
        self._stream = call.stdout
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._stream.flush()
        self._changed, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGTSTP, self._suspended)):
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._give_back()
        os.close(self._changed)
        os.close(self._tell)

    def show(self, text: str, below: str) -> None:
        """Fill the screen; what is too long for it is left out, and said to be."""
        columns, rows = shutil.get_terminal_size().columns, self._rows()
        lines = text.rstrip("\n").split("\n")
        if len(lines) > rows - 1:
            left_out = len(lines) - (rows - 2)
            lines = [*lines[: max(rows - 2, 0)], f"and {left_out} lines more"[:columns]]
        lines = [*lines, *[""] * (rows - 1 - len(lines)), below[: columns - 1]][-rows:]
        # The rest of a line is wiped only where there is one: behind a full line the cursor stands on its last letter.
        ended = [line + ("\x1b[K" if cell_len(_COLOURS.sub("", line)) < columns else "") for line in lines]
        self._write("\x1b[?2026h\x1b[H" + "\r\n".join(ended) + "\x1b[?2026l")

    def _rows(self) -> int:
        """Return how high the terminal is now: LINES, where a shell exports it, is how high it once was."""
        try:
            return os.get_terminal_size(self._stream.fileno()).lines or shutil.get_terminal_size().lines
        except OSError:  # it is gone, which whoever writes to it hears
            return shutil.get_terminal_size().lines

    def changes_within(self, seconds: float) -> bool:
        """Wait so long, or until the terminal has another size; tell whether it has."""
        if not select.select([self._changed], [], [], seconds)[0]:
            return False
        os.read(self._changed, 4096)
        return True

    def _take(self) -> None:
        self._write("\x1b[?1049h\x1b[?25l\x1b[2J")
        self._keys: list[Any] | None = None
        if sys.stdin is not None and sys.stdin.isatty():
            self._keys = termios.tcgetattr(sys.stdin)
            quiet = [*self._keys]
            quiet[3] &= ~termios.ECHO  # what is typed would stand in the middle of the report
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)

    def _give_back(self) -> None:
        self._write("\x1b[?25h\x1b[?1049l")
        if self._keys is not None:
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, self._keys)

    def _resized(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):  # it is full of such news already
            os.write(self._tell, b".")

    def _suspended(self, *_: object) -> None:
        """Ctrl-Z: leave the terminal to the shell as it was, and take it again when going on."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspended)
        self._take()
        self._resized()

    def _write(self, text: str) -> None:
        # Not through the stream's buffer, which a signal's handler must not touch while it is being written to.
        left = text.encode(self._stream.encoding or "utf-8", self._stream.errors or "strict")
        try:
            while left:
                left = left[os.write(self._stream.fileno(), left) :]
        except OSError as error:  # the terminal is gone
            self._call.lost = error


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
