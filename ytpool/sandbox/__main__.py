"""`python -m ytpool.sandbox --folder DIR`: a sandbox as a process of its own."""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import IO

from ytpool.domain import moments
from ytpool.errors import YtpoolError
from ytpool.sandbox.process import announce, serving, still_ours
from ytpool.sandbox.server import Sandbox


def main() -> int:
    """Serve until told to stop, or until nobody has asked for anything for long enough."""
    parser = argparse.ArgumentParser(prog="python -m ytpool.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where everything it knows is kept")
    parser.add_argument("--port", type=int, default=0, help="the port of last time, if not given")
    parser.add_argument("--seed", type=int, default=0, help="what the ids of an empty folder are made from")
    parser.add_argument("--idle", type=float, default=0, help="end after so many seconds without a request; 0 is never")
    chosen = parser.parse_args()
    try:
        with serving(chosen.folder) as lock:
            (chosen.folder / "sandbox.json").unlink(missing_ok=True)
            _serve(chosen.folder, lock, port=chosen.port, seed=chosen.seed, idle=chosen.idle)
    except YtpoolError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


def _serve(folder: Path, lock: IO[str], *, port: int, seed: int, idle: float) -> None:
    with Sandbox(folder, port=port, seed=seed) as sandbox:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        line = announce(folder, url=sandbox.url, started=moments.text(sandbox.clock.now()))
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        while not sandbox.stopped.wait(timeout=0.5):
            since = sandbox.idle_since
            if not still_ours(folder, lock):  # the folder was removed, and nobody will find us again
                return
            if idle and since is not None and time.monotonic() - since > idle:
                return


if __name__ == "__main__":
    sys.exit(main())
