"""One run of the program: what was asked for everywhere, and the two streams it may write to.

Everything that leaves goes through here, from whichever thread. A stream that breaks never breaks the work: an
upload goes on when `| head -1` has read its line, and the loss is told at the end.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from ytpool.cli import values
from ytpool.config import Config, load
from ytpool.runtime import Runtime


class Invocation:
    """What `ctx.obj` is: the flags that every command has, and the way out."""

    def __init__(self, *, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.json = False
        self.quiet = False
        self.debug = False
        self.profile: str | None = None
        self.emitted = False
        """An event was written, so that the last line must say that it is the result."""
        self.lost: OSError | None = None
        """Why stdout no longer takes anything."""
        self.speak: Callable[[str], None] | None = None
        """Where a live display is shown, sentences go through it."""
        self._lock = threading.Lock()
        self._config: Config | None = None
        self._runtime: Runtime | None = None

    @property
    def profile_typed(self) -> bool:
        """Tell whether only this command line names the profile, so that the next one would be for another."""
        return self.profile is not None and self.profile != (os.environ.get("YTPOOL_PROFILE") or "default")

    @property
    def config(self) -> Config:
        """The settings, decided at the first question."""
        if self._config is None:
            self._config = load(profile=self.profile, environ=os.environ)
        return self._config

    @property
    def runtime(self) -> Runtime:
        """What actions work with, wired at the first question."""
        if self._runtime is None:
            self._runtime = Runtime(self.config)
        return self._runtime

    def close(self) -> None:
        """Let go of what the command opened."""
        if self._runtime is not None:
            self._runtime.close()

    def emit(self, event: str, **facts: Any) -> None:
        """Say that something happened: one JSON line at once under --json, else nothing."""
        if self.json:
            self.emitted = True
            self.write_object({"event": event, **facts})

    def note(self, sentence: str) -> None:
        """Tell the person something on stderr that is not the result; --quiet leaves it out."""
        if not self.quiet:
            self.say(sentence)

    def say(self, sentence: str) -> None:
        """Tell the person something on stderr, also under --quiet."""
        if self.speak is not None:
            self.speak(sentence)
            return
        with self._lock:
            try:
                self.stderr.write(sentence + "\n")
                self.stderr.flush()
            except OSError:
                # Nobody is left to be told; the exit status still tells.
                return

    def write(self, text: str) -> None:
        """Write to stdout, whole and at once."""
        with self._lock:
            if self.lost is not None:
                return
            try:
                self.stdout.write(text)
                self.stdout.flush()
            except OSError as error:
                self.lost = error

    def write_bytes(self, content: bytes) -> None:
        """Write to stdout what is a file's content: as it is, whatever letters the terminal knows."""
        binary = getattr(self.stdout, "buffer", None)
        if binary is None:
            self.write(content.decode("utf-8", "replace"))
            return
        with self._lock:
            if self.lost is not None:
                return
            try:
                self.stdout.flush()
                binary.write(content)
                binary.flush()
            except OSError as error:
                self.lost = error

    def write_object(self, content: Mapping[str, Any]) -> None:
        """Write one JSON object as one line."""
        self.write(values.json_line(content, ascii_only=not speaks_unicode(self.stdout)))

    def on_terminal(self, stream: TextIO) -> bool:
        """Tell whether people look at this stream, or want it to look as if (FORCE_COLOR)."""
        return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))

    def coloured(self, stream: TextIO) -> bool:
        """Tell whether this stream takes colours; NO_COLOR beats FORCE_COLOR."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return self.on_terminal(stream)


def speaks_unicode(stream: TextIO) -> bool:
    """Tell whether box characters and letters beyond ASCII can be written."""
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")
