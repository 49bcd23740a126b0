"""Eight uploads side by side beside one alone, where every chunk is answered after 50 ms: at least twice the speed.

Run from the repository's root as `python tests/benchmarks/parallel.py`. What is compared are bytes per second of whole
commands without the start of the program: `--parallel 8` over eight channels of a pool, and one file on one of them.
The server runs in a process of its own and drops the bytes; a wait like this is what every chunk to Google costs.
"""

import io
import itertools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import dropping
import ratios
import upload

from ytpool.actions.claiming import Order
from ytpool.cli.invocation import Invocation
from ytpool.cli.uploaded import work_through
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import VideoRequest

AT_LEAST = 2.0
SIZE = 80 * 1024 * 1024
AT_ONCE = 8
ANSWERS_AFTER = 0.05
ROUNDS = 5


def main():
    with dropping.running(ANSWERS_AFTER) as (folder, url):
        measure(folder, url)


def measure(folder, url):
    names = [f"channel-{number}" for number in range(AT_ONCE)]
    rt = upload.logged_in(folder, url, names)
    video = folder / "video.mp4"
    with video.open("wb") as file:
        for _ in range(SIZE // 2**20):
            file.write(os.urandom(2**20))
    # Another key makes the same content another job.
    keys = map(str, itertools.count())
    seconds = ratios.in_turn(
        lambda: send(rt, video, [(name, next(keys)) for name in names]),
        lambda: send(rt, video, [(names[0], next(keys))]),
        ROUNDS,
    )
    rt.close()
    alone = SIZE / min(one for _, one in seconds) / 1e6
    together = AT_ONCE * SIZE / min(all_ for all_, _ in seconds) / 1e6
    ratios.report(
        f"{AT_ONCE} uploads at once against one alone",
        [AT_ONCE * one / all_ for all_, one in seconds],
        at_least=AT_LEAST,
        note=f"at best {together:.0f} and {alone:.0f} MB/s",
    )


def send(rt, video, targets):
    call = Invocation(stdout=io.StringIO(), stderr=upload.Terminal())
    orders = [
        Order(
            path=video,
            publication=Publication(video=VideoRequest(title="Benchmark")),
            target=Target(kind=TargetKind.ACCOUNT, name=name),
            key=key,
        )
        for name, key in targets
    ]
    told = work_through(call, rt, orders, parallel=AT_ONCE)
    assert told["counts"] == {"total": len(orders), "done": len(orders)}, told


if __name__ == "__main__":
    ratios.run(main)
