"""Progress of uploads on stderr: a line per file on a terminal, a sentence at start and end elsewhere.

Any thread may report. A finished file leaves the display as a sentence above it, so that fifty files need no more
room than those under way. Under --quiet nothing is shown; under --json only what is waited for: events tell the rest.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ytpool.cli.invocation import Invocation, speaks_unicode
from ytpool.cli.speed import Speed
from ytpool.cli.values import visible
from ytpool.domain.sizes import spoken_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class File(Protocol):
    """One file under way."""

    def moved_to(self, at: int) -> None:
        """Say up to which byte it has left; what is between this and the last word was sent now."""
        ...

    def stands_at(self, at: int) -> None:
        """Say how much of it is there, whoever sent it and when; it may be less than what has left."""
        ...

    def note(self, words: str) -> None:
        """Say what is being waited for; empty when it goes on."""
        ...

    def waits(self, words: str) -> None:
        """Say whom it waits for; off a terminal this is told once, however often that changes."""
        ...

    def done(self, words: str) -> None:
        """Say how it ended; the file leaves the display."""
        ...


class Uploads(Protocol):
    """The files of one command."""

    def start(self, name: str, size: int) -> File:
        """Show a file of so many bytes."""
        ...

    def pass_over(self, size: int) -> None:
        """Count a file that ended without being sent: refused, or published already."""
        ...

    def take_up(self, size: int) -> None:
        """Count a file no more as ended: it goes on after all."""
        ...


@contextmanager
def uploads(invocation: Invocation, *, total_files: int, total_bytes: int = 0) -> Iterator[Uploads]:
    """Show uploads while the block runs. With several files a last line counts them, by bytes where those are known."""
    if invocation.quiet or invocation.json:
        yield _Silent(invocation)
    elif not invocation.on_terminal(invocation.stderr):
        yield _Sentences(invocation)
    else:
        from ytpool.cli import live  # noqa: PLC0415 - it imports Rich

        display = live.display(invocation.stderr, coloured=invocation.coloured(invocation.stderr))
        with display:
            invocation.speak = lambda sentence: live.say(display, sentence)
            try:
                yield _Shown(display, total_files=total_files, total_bytes=total_bytes, invocation=invocation)
            finally:
                invocation.speak = None


class _Silent:
    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def start(self, name: str, size: int) -> "File":  # noqa: ARG002 - it shows nothing
        return _SilentFile(self._invocation, visible(name))

    def pass_over(self, size: int) -> None:
        pass

    def take_up(self, size: int) -> None:
        pass


class _SilentFile:
    def __init__(self, invocation: Invocation, name: str) -> None:
        self._invocation = invocation
        self._name = name
        self._waited = False

    def moved_to(self, at: int) -> None:
        pass

    def stands_at(self, at: int) -> None:
        pass

    def note(self, words: str) -> None:
        pass

    def waits(self, words: str) -> None:
        # Whoever started this from a script wonders otherwise why nothing happens.
        if not self._waited:
            self._waited = True
            self._invocation.note(f"{self._name}: {visible(words)}")

    def done(self, words: str) -> None:
        pass


class _Sentences:
    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def start(self, name: str, size: int) -> "File":
        return _Sentence(self._invocation, visible(name), size)

    def pass_over(self, size: int) -> None:
        pass

    def take_up(self, size: int) -> None:
        pass


class _Sentence:
    def __init__(self, invocation: Invocation, name: str, size: int) -> None:
        self._invocation = invocation
        self._name = name
        self._size = size
        self._note = ""
        self._waited = False
        self._at = 0
        invocation.note(f"{name}: {spoken_bytes(size)} to send")

    def moved_to(self, at: int) -> None:
        self._at = at

    def stands_at(self, at: int) -> None:
        if self._at == 0 < at:  # sent by an earlier run; what this one sends is news only at its end
            self._invocation.note(
                f"{self._name}: {spoken_bytes(at)} are there already, {spoken_bytes(self._size - at)} to send"
            )
        self._at = at

    def note(self, words: str) -> None:
        # A wait is told once, not at every look.
        if words and words != self._note:
            self._invocation.note(f"{self._name}: {visible(words)}")
        self._note = words

    def waits(self, words: str) -> None:
        if not self._waited:
            self._waited = True
            self.note(words)

    def done(self, words: str) -> None:
        self._invocation.note(f"{self._name}: {visible(words)}")


class _Shown:
    def __init__(self, display: "Progress", *, total_files: int, total_bytes: int, invocation: Invocation) -> None:
        self.display = display
        self.unicode = speaks_unicode(invocation.stderr)
        self._files = total_files
        self._by_bytes = total_bytes > 0
        self._to_send = total_bytes
        self._finished = 0
        self._speed = Speed()
        self._lock = threading.Lock()
        self._total: TaskID | None = None
        if total_files > 1:
            total = total_bytes if self._by_bytes else total_files
            self._total = display.add_task(
                self._counted(), total=total, sums=True, by_bytes=self._by_bytes, note="", speed=self._speed
            )

    def start(self, name: str, size: int) -> "File":
        speed = Speed()
        task = self.display.add_task(visible(name), total=size, sums=False, by_bytes=True, note="", speed=speed)
        return _ShownFile(self, task, visible(name), size, speed)

    def pass_over(self, size: int) -> None:
        self.add(0, finished=1, unsent=size)

    def take_up(self, size: int) -> None:
        self.add(0, finished=-1, unsent=-size)

    def add(self, moved: int, *, finished: int = 0, unsent: int = 0) -> None:
        """Count bytes that left, files that ended, and bytes that need not leave: the total is what this run sends."""
        with self._lock:
            self._finished += finished
            self._to_send -= unsent
            self._speed.sent(moved, self.display.get_time())
            if self._total is None:
                return
            if self._by_bytes:
                self.display.update(
                    self._total, advance=moved, total=max(self._to_send, 0), description=self._counted()
                )
            else:
                self.display.update(self._total, advance=finished, description=self._counted())

    def _counted(self) -> str:
        return f"{self._finished} of {self._files} files"


class _ShownFile:
    def __init__(self, shown: _Shown, task: "TaskID", name: str, size: int, speed: "Speed") -> None:
        self._shown = shown
        self._task = task
        self._name = name
        self._size = size
        self._speed = speed
        self._at = 0

    def moved_to(self, at: int) -> None:
        self._speed.sent(at - self._at, self._shown.display.get_time())
        self._shown.display.update(self._task, completed=at)
        self._shown.add(at - self._at)
        self._at = at

    def stands_at(self, at: int) -> None:
        self._shown.display.update(self._task, completed=at)
        if at != self._at:
            self._shown.add(0, unsent=at - self._at)  # sent before, or to be sent once more
        self._at = at

    def note(self, words: str) -> None:
        self._shown.display.update(self._task, note=visible(words))

    def waits(self, words: str) -> None:
        self.note(words)

    def done(self, words: str) -> None:
        from ytpool.cli import live  # noqa: PLC0415

        self._shown.display.remove_task(self._task)
        self._shown.add(0, finished=1, unsent=self._size - self._at)
        live.say(self._shown.display, f"{self._name}: {visible(words)}")
