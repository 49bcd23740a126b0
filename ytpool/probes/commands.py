"""Programs of this machine, run for a while: their output is kept to a limit, and read on so that nothing blocks.

A program leads a process group of its own. When its time is over, or whoever waits goes away, the whole group is asked
to end and then made to; what a program leaves running behind itself is ended with it.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import IO, NamedTuple

_KEPT = 64 << 10
_PIECE = 64 << 10
_ENDS_WITHIN = 2.0
_LOOKS_EVERY = 0.05
_HEARS_WITHIN = 0.5


class Ran(NamedTuple):
    """How a program ended."""

    started: bool
    status: int
    """As a shell tells it, or minus the signal that ended it."""
    output: str
    """The beginning of its stdout."""
    cut: bool
    """There was more."""
    complaint: str
    """The last line of the beginning of its stderr; or why it could not be started."""
    hung: bool
    """Its time was over before it was done, or it was not to go on."""


def run(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    timeout: float,
    stopping: threading.Event | None = None,
    given: str = "",
) -> Ran:
    """Run a program without a shell, for so many seconds at the most, or until `stopping` is set; `given` is its input.

    Ctrl-C may come at any line, also between the start of a program and our knowing of it. It comes to the main thread
    alone, so another one starts the program and sees to its end.
    """
    gone = threading.Event()

    def no_more() -> bool:
        return gone.is_set() or (stopping is not None and stopping.is_set())

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="program") as others:
        try:
            ran = others.submit(_run, argv, environ, timeout, no_more, given)
            # A wait without end never hears of a Ctrl-C that came just before it began.
            while not wait((ran,), _HEARS_WITHIN).done:
                pass
            return ran.result()
        finally:
            gone.set()


def _run(
    argv: Sequence[str], environ: Mapping[str, str], timeout: float, no_more: Callable[[], bool], given: str
) -> Ran:
    try:
        with _content(given) as content:
            process = subprocess.Popen(
                argv,
                env=dict(environ),
                stdin=content,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Ran(started=False, status=127, output="", cut=False, complaint=why, hung=False)
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    try:
        cut = _drain(process, kept, time.monotonic() + timeout, no_more)
        hung = not _is_over(process)
    finally:
        _end(process)
        for stream in kept:
            stream.close()
    complaint = _text(kept[process.stderr]).strip().rpartition("\n")[2]
    return Ran(
        started=True,
        status=process.returncode,
        output=_text(kept[process.stdout]),
        cut=cut,
        complaint=complaint[:500],
        hung=hung,
    )


@contextlib.contextmanager
def _content(given: str) -> Iterator[IO[bytes] | int]:
    """Open what a program is given; a file and no pipe, because it need not read it."""
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as content:
        content.write(given.encode())
        content.seek(0)
        yield content


def _drain(
    process: subprocess.Popen[bytes], kept: Mapping[IO[bytes], bytearray], until: float, no_more: Callable[[], bool]
) -> bool:
    """Read until the program has ended, its time is over or nobody waits; tell whether some stdout was left out."""
    cut = False
    with selectors.DefaultSelector() as selector:
        for pipe in kept:
            selector.register(pipe, selectors.EVENT_READ, data=pipe)
        while time.monotonic() < until and not no_more():
            # Whoever has ended may have left others with its pipes: then what is in them now is all that is waited for.
            over = _is_over(process)
            found = selector.select(0 if over else _LOOKS_EVERY) if selector.get_map() else []
            if over and not found:
                break
            if not found and not selector.get_map():
                time.sleep(_LOOKS_EVERY)
            for key, _ in found:
                stream: IO[bytes] = key.data
                piece = os.read(stream.fileno(), _PIECE)
                if not piece:
                    selector.unregister(stream)
                room = _KEPT - len(kept[stream])
                kept[stream].extend(piece[:room])
                cut = cut or (stream is process.stdout and len(piece) > room)
    return cut


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a program has ended; it stays unburied, so that its number is nobody else's while its group is."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all of its group: by asking, then by force."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + _ENDS_WITHIN
    while not _is_over(process) and time.monotonic() < until:
        time.sleep(_LOOKS_EVERY)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(content: bytes | bytearray) -> str:
    return content.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
