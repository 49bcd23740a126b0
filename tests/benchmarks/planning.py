"""Planning 1,000 videos over 50 accounts, against reading the manifest that asks for them.

Fifty accounts of five projects, each with a cap of its own, three blocks a day, two weeks. Reading and checking the
rows of a manifest is what happens before any plan; a plan that takes much longer than that would be felt.

Run: python tests/benchmarks/planning.py
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import ratios

from ytpool import data
from ytpool.domain import quota
from ytpool.domain.manifest import listed
from ytpool.domain.manifest.batch import Defaults
from ytpool.domain.plan.placing import plan
from ytpool.domain.plan.scene import Block, Item, Placed, Scene, Seat
from ytpool.domain.prices import PriceBook
from ytpool.domain.terms import Terms

VIDEOS, ACCOUNTS, DAYS = 1_000, 50, 14
NOW = datetime(2026, 11, 18, 20, tzinfo=UTC)
BOOK = PriceBook.from_table(data.load("prices.json"))
CALLS = ("videos.insert", *["videos.list"] * 4)


def _scene():
    today = quota.quota_day(NOW)
    horizon = [today + timedelta(days=number) for number in range(DAYS)]
    seats = tuple(
        Seat(f"account-{number}", f"press-{number % 5}", f"UC{number}", str(number), caps={"uploads": 6})
        for number in range(ACCOUNTS)
    )
    limits = {(seat.project, bucket): units for seat in seats for bucket, units in BOOK.on(today).limits.items()}
    return Scene(
        now=NOW,
        seats=seats,
        terms={day: Terms(day=day, prices=BOOK.on(day)) for day in horizon},
        limits=dict.fromkeys(horizon, limits),
        rate=10 * 1024**2,
        blocks=(Block("morning", 360, 720, 80), Block("afternoon", 720, 1080, 80), Block("evening", 1080, 1380, 40)),
    )


def main():
    scene = _scene()
    names = tuple(seat.account for seat in scene.seats)
    items = [
        Item(item=f"{number}.mp4", accounts=names, calls=CALLS, counts={"uploads": 1}, bytes=300 * 1024**2)
        for number in range(VIDEOS)
    ]
    rows = "\n".join(f"{number}.mp4,Video number {number},main,private" for number in range(VIDEOS))
    manifest = f"file,title,pool,privacy\n{rows}\n".encode()
    assert all(isinstance(one, Placed) for one in plan(scene, items))
    rounds = ratios.in_turn(
        lambda: plan(scene, items),
        lambda: listed.read_manifest(PurePath("autumn.csv"), manifest, Defaults(), NOW),
        20,
    )
    ratios.report(
        "plan 1,000 videos over 50 accounts against reading them",
        [ours / theirs for ours, theirs in rounds],
        at_most=10,
        note=f"at best {min(ours for ours, _ in rounds):.2f} s",
    )


if __name__ == "__main__":
    ratios.run(main)
