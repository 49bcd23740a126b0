"""A worker with nothing to do: less than half a per cent of a core, and it begins at once when something is queued.

Run from the repository's root as `python tests/benchmarks/idling.py`. The profile is the sandbox's.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ratios

ROOT = Path(__file__).parents[2]
AT_MOST_OF_A_CORE = 0.5
AT_MOST_BESIDE_A_START = 1.5
"""From the end of the command that queues to the worker's word, in starts of an empty command."""
IDLES_FOR = 20.0
ROUNDS = 5
JOBS = 10


def main():
    with tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder:
        env = {**os.environ, "YTPOOL_HOME": folder, "YTPOOL_PROFILE": "sandbox", "PYTHONPATH": str(ROOT)}
        told(env, "auth", "add", "news")
        video = Path(folder) / "talk.mp4"
        video.write_bytes(b"0" * 1000)
        video_id = told(env, "upload", video, "--account", "news", "--privacy", "public")["video_id"]
        command = [sys.executable, "-m", "ytpool", "work", "--json"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as worker:
            try:
                measure(env, worker, video_id)
            finally:
                worker.terminate()
                told(env, "sandbox", "down")


def measure(env, worker, video_id):
    time.sleep(5)  # it starts, and keeps house once
    shares, waits = [], []
    for _ in range(ratios.some(ROUNDS)):
        before = used(worker.pid)
        time.sleep(IDLES_FOR)
        shares.append((used(worker.pid) - before) / IDLES_FOR * 100)
    ratios.report("an idle worker", shares, at_most=AT_MOST_OF_A_CORE, unit="% of a core")
    for number in range(ratios.some(JOBS)):
        told(env, "comment", "post", video_id, f"Word {number}", "--account", "news", "--queue")
        began = time.perf_counter()
        assert json.loads(worker.stdout.readline())["event"] == "begun"
        waits.append(time.perf_counter() - began)
        assert json.loads(worker.stdout.readline())["state"] == "done"
    start = statistics.median(ratios.seconds(lambda: told(env, "config", "path")) for _ in waits)
    ratios.report(
        "until a queued job begins against the start of a command",
        [wait / start for wait in waits],
        at_most=AT_MOST_BESIDE_A_START,
    )


def told(env, *words):
    command = [sys.executable, "-m", "ytpool", *map(str, words), "--json"]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["data"]


def used(pid):
    """Return the seconds that a process has used of the processor."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    ratios.run(main)
