"""A worker with nothing to do: less than half a per cent of a core, and it begins at once when something is queued.

Run from the repository's root as `python tests/benchmarks/idling.py`. The profile is the sandbox's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ratios

ROOT = Path(__file__).parents[2]
YTPOOL = (sys.executable, "-m", "ytpool")
AT_MOST_OF_A_CORE = 0.5
AT_MOST_BESIDE_THE_COMMAND = 1.5
"""From the start of the command that queues to the worker's word, against how long that command takes itself."""
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
        with subprocess.Popen(
            [*YTPOOL, "work", "--json"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as worker:
            try:
                measure(env, worker, video_id)
            finally:
                worker.terminate()
                told(env, "sandbox", "down")


def measure(env, worker, video_id):
    time.sleep(5)  # it starts, and keeps house once
    shares, ratios_of_waiting = [], []
    for _ in range(ratios.some(ROUNDS)):
        before = used(worker.pid)
        time.sleep(IDLES_FOR)
        shares.append((used(worker.pid) - before) / IDLES_FOR * 100)
    ratios.report("an idle worker", shares, at_most=AT_MOST_OF_A_CORE, unit="% of a core")
    for number in range(ratios.some(JOBS)):
        with ThreadPoolExecutor(1) as beside:
            words = ("comment", "post", video_id, f"Word {number}", "--account", "news", "--queue")
            queueing = beside.submit(ratios.seconds, lambda said=words: told(env, *said))
            waited = ratios.seconds(worker.stdout.readline)
            ratios_of_waiting.append(waited / queueing.result())
        assert json.loads(worker.stdout.readline())["state"] == "done"
    ratios.report(
        "until a job that is being queued begins against the command that queues it",
        ratios_of_waiting,
        at_most=AT_MOST_BESIDE_THE_COMMAND,
    )


def told(env, *words):
    done = subprocess.run([*YTPOOL, *map(str, words), "--json"], env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["data"]


def used(pid):
    """Return the seconds that a process has used of the processor."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    ratios.run(main)
