"""Several videos, in rounds: those that have to wait go again when their time comes, with `--wait`.

Nobody holds anything while it waits, and nobody who could go waits for somebody who cannot.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from ytpool.actions import batch, placing, waiting
from ytpool.actions.batch import Go
from ytpool.actions.claiming import Order
from ytpool.actions.publish import PublishedVideo
from ytpool.actions.watch import Watch
from ytpool.domain.jobs import JobState
from ytpool.errors import Interrupted
from ytpool.runtime import Runtime

_LOOKS_AT_ACCOUNTS_EVERY = 3
"""So many looks at the clock apart it is asked whether somebody could work already: a person may have lifted a rest."""


def run(
    rt: Runtime,
    orders: Sequence[Order],
    watch: Watch,
    *,
    go: Go,
    parallel: int,
    ended: Callable[[PublishedVideo], None],
) -> tuple[list[PublishedVideo], Interrupted | None]:
    """Work on all as `batch.run` does, and on those that have to wait again when their time comes, the soonest first.

    `ended` hears of each once: when nothing more is going to happen with it.
    """
    current = dict(enumerate(orders))
    found: dict[int, PublishedVideo] = {}
    said: set[str] = set()
    going = list(current)
    while True:
        seen: dict[int, PublishedVideo] = {}

        def noted(rt: Runtime, order: Order, watch: Watch, seen: dict[int, PublishedVideo] = seen) -> PublishedVideo:
            video = go(rt, order, watch)
            seen[id(order)] = video
            return video

        def tell(video: PublishedVideo) -> None:
            if waiting.goes_on_at(video.problem) is None:
                ended(video)

        some = [current[number] for number in going]
        _, stopped = batch.run(rt, some, watch, go=noted, parallel=parallel, ended=tell)
        found |= {number: seen[id(current[number])] for number in going if id(current[number]) in seen}
        later = {
            number: until for number, one in found.items() if (until := waiting.goes_on_at(one.problem)) is not None
        }
        if stopped is None and later:
            try:
                for number in later:
                    # This job and no other: another process may have done it meanwhile, whatever --again says.
                    current[number] = replace(current[number], job=found[number].job, again=False)
                going = _wait(rt, current, found, later, watch, said)
            except (KeyboardInterrupt, Interrupted):
                stopped = Interrupted("interrupted; what waits can go on later", hint="run the same command again")
            else:
                continue
        for number in later:
            ended(found[number])
        return [found[number] for number in sorted(found)], stopped


def _wait(
    rt: Runtime,
    orders: dict[int, Order],
    found: dict[int, PublishedVideo],
    later: dict[int, datetime],
    watch: Watch,
    said: set[str],
) -> list[int]:
    """Sleep until the first of them may go, and return all that may."""
    _say(found, later, watch, said)
    looks = 0
    while True:
        now = rt.calendar.now()
        due = [number for number, until in later.items() if until <= now]
        looks += 1
        if not due and looks % _LOOKS_AT_ACCOUNTS_EVERY == 0:
            due = [number for number in later if _may_be_chosen(rt, orders[number], found[number])]
        if due:
            return due
        left = (min(later.values()) - now).total_seconds()
        rt.sleep(min(left, waiting.LOOKS_AT_CLOCK_EVERY))


def _say(found: dict[int, PublishedVideo], later: dict[int, datetime], watch: Watch, said: set[str]) -> None:
    """Say for what it waits and until when: once, however many videos wait for the same."""
    who: dict[str, list[str]] = {}
    for number, until in later.items():
        one = found[number]
        if one.problem is not None:
            who.setdefault(waiting.says(one.problem, until), []).append(one.job or one.file)
    for text, names in who.items():
        sentence = text if len(names) == 1 else f"{len(names)} videos: {text}"
        if sentence not in said:  # it may have been asked in vain whether somebody can go already
            said.add(sentence)
            watch.waits(names[0], sentence)


def _may_be_chosen(rt: Runtime, order: Order, video: PublishedVideo) -> bool:
    """Say whether an account could take a job that waits for one; what is bound to an account waits for its time."""
    if video.state != JobState.DEFERRED or video.account is not None:
        return False
    [(choice, problem)] = placing.would_place(rt, [order])
    return problem is None and (choice.account is not None or bool(choice.busy))
