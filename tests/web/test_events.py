"""What is told to those who watch: one look serves them all, whoever comes back gets what is new to it."""

import asyncio
import json
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise

from ytpool.errors import StateBusy
from ytpool.web.events import Feed, Snapshot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERY = 0.25
"""Seconds, in which a look comes to its end also on a busy machine."""


def snapshot(**sections):
    return Snapshot(sections=sections, now=NOON, at=time.monotonic(), took=0.0)


def told(feed, seen=""):
    """Return an event's id and what it says."""
    _, head, data, *_ = feed.piece(seen).decode().splitlines()
    return head.removeprefix("id: "), json.loads(data.removeprefix("data: "))


async def ticks(feed, number):
    for _ in range(number):
        await asyncio.wait_for(feed.tick(), 10)


def test_one_look_serves_all_who_watch_and_nobody_looks_for_nobody():
    looks = []

    def look():
        looks.append(time.monotonic())
        return snapshot(rests="none")

    async def story():
        feed = Feed(look, every=EVERY)
        with ExitStack() as viewers:
            for _ in range(20):
                viewers.enter_context(feed.watched())
            await asyncio.gather(*(ticks(feed, 5) for _ in range(20)))
            for _ in range(20):
                await feed.shown()
        watched = len(looks)
        await asyncio.sleep(4 * EVERY)
        return watched

    watched = asyncio.run(story())

    assert watched == len(looks)
    assert 4 <= watched <= 7
    assert all(later - sooner >= EVERY for sooner, later in pairwise(looks))


def test_a_viewer_gets_what_is_new_to_it_and_after_a_restart_everything():
    snapshots = iter([snapshot(rests="a", queue="b"), snapshot(rests="a", queue="c"), snapshot(rests="a", queue="c")])

    async def story():
        feed = Feed(lambda: next(snapshots), every=EVERY)
        heard = []
        for _ in range(3):
            await feed.shown()
            heard.append(told(feed, heard[-1][0] if heard else ""))
            await asyncio.sleep(EVERY)
        return heard, [
            told(feed, seen)[1]["sections"]
            for seen in ("another-1", "nonsense", f"{heard[0][0]}{'9' * 5000}", heard[0][0])
        ]

    heard, others = asyncio.run(story())

    assert [one["sections"] for _, one in heard] == [{"rests": "a", "queue": "b"}, {"queue": "c"}, {}]
    assert heard[1][0] == heard[2][0] != heard[0][0]
    assert others == [{"rests": "a", "queue": "c"}] * 3 + [{"queue": "c"}]


def test_books_that_cannot_be_read_leave_what_was_and_say_how_old_it_is():
    hangs = threading.Event()
    answers = iter([lambda: snapshot(rests="a"), busy, hangs.wait])

    def look():
        return next(answers)()

    async def story():
        feed = Feed(look, every=EVERY)
        heard = []
        for _ in range(3):
            await feed.shown()
            heard.append(told(feed)[1])
            await asyncio.sleep(2 * EVERY)
        hangs.set()
        return heard

    fine, locked, hanging = asyncio.run(story())

    assert (fine["problem"], locked["problem"], hanging["problem"]) == ("", "the state is busy", "the state is busy")
    assert locked["sections"] == hanging["sections"] == {"rests": "a"}
    assert fine["age"] + EVERY < locked["age"] < hanging["age"]


def busy():
    raise StateBusy("the state is busy")
