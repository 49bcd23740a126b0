"""One background sandbox per folder, for commands that come one after another.

Who runs is told by a lock, never by a process number: the server holds `serving.lock` for as long as it lives, and
the kernel lets go of it however it dies.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import ytpool
from ytpool.errors import SandboxFailed

_STARTS_WITHIN = 20.0
_STOPS_WITHIN = 10.0
_LOG_IS_LONG = 1 << 20


def ensure(folder: Path, *, idle: float = 600, seed: int = 0) -> str:
    """Return the address of this folder's sandbox, starting one that ends after `idle` seconds without a request.

    However many processes ask at once, one is started.
    """
    url = running(folder)
    if url is not None:
        return url
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "starting.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return running(folder) or _start(folder.resolve(), idle=idle, seed=seed)


def running(folder: Path) -> str | None:
    """Return the address of the sandbox that runs in this folder, if one does and is ready."""
    about = _about(folder)
    return None if about is None else str(about["url"])


def stop(folder: Path) -> bool:
    """Stop this folder's sandbox, and wait until it is gone; False where none ran."""
    about = _about(folder)
    if about is None:
        return False
    with suppress(ProcessLookupError):  # it may end by itself just now
        os.kill(int(about["pid"]), signal.SIGTERM)
    end = time.monotonic() + _STOPS_WITHIN
    while _is_served(folder):
        if time.monotonic() > end:
            raise SandboxFailed(f"the sandbox (process {about['pid']}) did not stop", pid=about["pid"])
        time.sleep(0.01)
    return True


@contextmanager
def serving(folder: Path) -> Iterator[IO[str]]:
    """Hold this folder as its only server, or raise that another one does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "serving.lock").open("a") as lock:
        end = time.monotonic() + 1
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # It may be somebody who only looks whether we run; that takes a moment and no longer.
                if time.monotonic() > end:
                    raise SandboxFailed(f"another sandbox already runs in {folder}") from None
                time.sleep(0.01)
        yield lock


def still_ours(folder: Path, lock: IO[str]) -> bool:
    """Tell whether the lock that is held is still the one in the folder."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (folder / "serving.lock").stat())
    except FileNotFoundError:
        return False


def announce(folder: Path, *, url: str, started: str) -> str:
    """Write down where this process answers, and return the line that says so."""
    line = json.dumps({"url": url, "pid": os.getpid(), "started": started})
    draft = folder / f"sandbox.json.{os.getpid()}"
    draft.write_text(line + "\n", encoding="ascii")
    draft.replace(folder / "sandbox.json")
    return line


def _start(folder: Path, *, idle: float, seed: int) -> str:
    # What a killed one left behind must not be taken for the word of the new one.
    (folder / "sandbox.json").unlink(missing_ok=True)
    log = folder / "sandbox.log"
    if log.exists() and log.stat().st_size > _LOG_IS_LONG:
        log.replace(log.with_suffix(".log.1"))
    here = str(Path(ytpool.__file__).resolve().parent.parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    arguments = ["--folder", str(folder), "--idle", str(idle), "--seed", str(seed)]
    with log.open("ab") as output:
        log.chmod(0o600)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "ytpool.sandbox", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )
    # Whoever started it may live longer than it does: somebody has to wait for it, or it stays a zombie.
    threading.Thread(target=child.wait, name="sandbox-reaper", daemon=True).start()
    try:
        return _ready(folder, child, log)
    except BaseException:  # nobody who was interrupted wants one that is ready a moment later
        child.terminate()
        raise


def _ready(folder: Path, child: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait until the sandbox that was begun is ready, and return its address."""
    end = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < end:
        url = running(folder)
        if url is not None:
            return url
        if child.returncode is not None:
            raise SandboxFailed(f"the sandbox did not start: {_last_line(log)}", log=str(log))
        time.sleep(0.01)
    raise SandboxFailed(f"the sandbox was not ready within {_STARTS_WITHIN:.0f} s: {_last_line(log)}", log=str(log))


def _about(folder: Path) -> dict[str, str | int] | None:
    if not _is_served(folder):
        return None
    try:
        about: dict[str, str | int] = json.loads((folder / "sandbox.json").read_bytes())
    except FileNotFoundError:  # it has the lock and is not listening yet
        return None
    return about


def _is_served(folder: Path) -> bool:
    try:
        lock = (folder / "serving.lock").open()
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
