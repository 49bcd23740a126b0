"""Snapshots of the books for the dashboard: its sections, and pictures, which are drawn less often."""

import time

from ytpool.actions import serving
from ytpool.actions.overview import Overviews
from ytpool.actions.pictures import use
from ytpool.runtime import Runtime
from ytpool.web import events
from ytpool.web.events import Feed, Snapshot
from ytpool.web.markup import Markup, tag, together
from ytpool.web.pictures import canvas
from ytpool.web.pictures.use import burn_down
from ytpool.web.sections import sections

_DRAWN_EVERY = 20.0
"""Seconds; a forecast reads days."""

_BUCKETS = 3


def feed(rt: Runtime) -> Feed:
    """Return what is shown to all who watch."""
    camera = _Camera(rt, events.EVERY)
    return Feed(camera.take, every=events.EVERY)


class _Camera:
    """Belongs to one thread."""

    def __init__(self, rt: Runtime, patience: float) -> None:
        self._rt = rt
        self._patience = patience
        self._overviews = Overviews(rt)
        self._drawn = Markup()
        self._drawn_at: float | None = None

    def take(self) -> Snapshot:
        self._rt.store.wait_at_most(self._patience)
        self._rt.store.follow()
        began, busy = time.monotonic(), time.thread_time()
        seen = self._overviews.take()
        if self._drawn_at is None or began - self._drawn_at >= _DRAWN_EVERY:
            self._drawn, self._drawn_at = self._draw(), began
        shown = dict(sections(seen))
        shown["quota"] = together(shown["quota"], self._drawn)
        left = serving.who_left(self._rt)
        return Snapshot(sections=shown, now=seen.now, at=began, took=time.thread_time() - busy, left=left)

    def _draw(self) -> Markup:
        found = use.burn_downs(self._rt, most=_BUCKETS).pictures
        figures = [canvas.figure(burn_down(one), f"course-{number}") for number, one in enumerate(found)]
        return tag("div", figures, class_="figures") if figures else Markup()
