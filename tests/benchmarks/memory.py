"""How much memory an upload needs, whatever it uploads: at most 40 MB more for 5 GB than for 50 MB.

Run from the repository's root as `python tests/benchmarks/memory.py`. Each upload is a process of its own, `ytpool
upload` from its start to its end; what the kernel says of its largest size is compared. The files are sparse, and the
server, which runs in a process of its own too, drops the bytes.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import dropping
import ratios
from upload import logged_in

AT_MOST = 40
SMALL, LARGE = 50_000_000, 5_000_000_000
ROUNDS = 3


def main():
    with dropping.running() as (folder, url):
        measure(folder, url)


def measure(folder, url):
    rt = logged_in(folder, url)
    environ = {**os.environ, **rt.environ}
    rt.close()
    peaks = {SMALL: [], LARGE: []}
    for number in range(ratios.some(ROUNDS)):
        for size, found in peaks.items():
            film = folder / f"{number}-{size}.mp4"
            with film.open("wb") as file:
                file.write(f"{number} {size}".encode())  # one content is one video
                file.truncate(size)
            found.append(peak(film, environ))
            film.unlink()
    small = min(peaks[SMALL])
    ratios.report(
        f"memory of an upload of {LARGE // 10**9} GB beyond that of {SMALL // 10**6} MB",
        [large - small for large in peaks[LARGE]],
        at_most=AT_MOST,
        unit="MB",
        each_round=True,
        note=f"{small:.0f} and {max(peaks[LARGE]):.0f} MB",
    )


def peak(film, environ):
    """Upload a file in a process of its own, and return the megabytes it had at its largest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ytpool", "upload", film, "--account", "bench", "--quiet"],
        env=environ,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return used.ru_maxrss * unit / 1e6


if __name__ == "__main__":
    ratios.run(main)
