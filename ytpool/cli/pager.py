"""A long text on a terminal: handed to the reader's pager, as git and man do."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

_PLAIN = ("", "cat")
_CANNOT_RUN = (126, 127)
"""What a shell answers where there is no such program, or it may not be run."""


def paged(text: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Let $PAGER show a text, else `less`; False where there is none and nobody has seen it.

    $PAGER is a piece of shell, as everywhere. `less` ends by itself where all fits on the screen, unless $LESS says
    otherwise.
    """
    pager = environ.get("PAGER", "less" if shutil.which("less") else "").strip()
    if pager in _PLAIN or environ.get("TERM") == "dumb":
        return False
    stream.flush()
    # Ctrl-C is for the pager: `less` stops searching with it, and whoever reads on must not lose the page.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        reader = subprocess.Popen(
            ["/bin/sh", "-c", pager],
            stdin=subprocess.PIPE,
            stdout=stream,
            env={"LESS": "FRX", **environ},
            encoding=stream.encoding,
            errors=stream.errors,
            restore_signals=True,
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 -- no thread of ours runs here
        )
        with suppress(BrokenPipeError):  # it was left before it had read everything
            reader.communicate(text)
        return reader.wait() not in _CANNOT_RUN
    finally:
        signal.signal(signal.SIGINT, before)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
