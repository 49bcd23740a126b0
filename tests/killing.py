"""A program that is killed at a named point of its way: `python tests/killing.py "after the session" ytpool upload …`.

With `still` before the point's name it is stopped there (SIGSTOP) until somebody wakes it, once.

The product has no switches for this. In this process alone, what it does is watched from outside: a point names a
function, and the process kills itself as soon as that function's transaction is committed, or right before, or as soon
as so many bytes of a request have left. A point that is never reached lets the command end as it would.
"""

import os
import runpy
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from ytpool.actions import claiming
from ytpool.domain.jobs import StepState
from ytpool.store import accounts, comments, decisions, job_steps, jobs, ledger, line, looks, uploads

if os.environ.get("YTPOOL_STATE"):  # else a driver would be loaded that nobody needs
    from ytpool.store.postgres import PostgresDatabase as TheDatabase
else:
    from ytpool.store.sqlite import SqliteDatabase as TheDatabase


class When(Enum):
    """When the process dies, as seen from the transaction that is watched."""

    BEFORE_COMMIT = "before"
    AFTER_COMMIT = "after"


@dataclass(frozen=True)
class Write:
    """A write of the state: a function of a module of the store, called with what `fits`."""

    module: object
    function: str
    when: When
    fits: object = staticmethod(lambda *_, **__: True)


@dataclass(frozen=True)
class Bytes:
    """Bytes of the video on their way: this share of a chunk has left, of the last one or of one before."""

    share: float
    last: bool


def _is_step(step, state):
    return lambda _tx, _job, name, to, *_: (name, to) == (step, state)


def _is_settled(operation):
    """The settling of this operation's hold."""

    def fits(tx, hold, *_):
        row = tx.one("SELECT operation FROM ledger WHERE hold = :hold", hold=hold)
        return row["operation"] == operation

    return fits


def _has_video(*_, **what):
    return what.get("video_id") is not None


_STILL = "still "

POINTS = {
    "after the intent": Write(uploads, "intend", When.AFTER_COMMIT),
    "before the session is settled": Write(ledger, "settle", When.BEFORE_COMMIT, _is_settled("videos.insert")),
    "after the session": Write(uploads, "started", When.AFTER_COMMIT),
    "after the first chunk": Write(uploads, "keep", When.AFTER_COMMIT),
    "in the middle of a chunk": Bytes(0.5, last=False),
    "before the last byte": Write(uploads, "last_byte_leaves", When.AFTER_COMMIT),
    "in the middle of the last chunk": Bytes(0.5, last=True),
    "after the last byte": Bytes(1.0, last=True),
    "before the video is stored": Write(jobs, "move", When.BEFORE_COMMIT, _has_video),
    "after the video is stored": Write(jobs, "move", When.AFTER_COMMIT, _has_video),
    "after the thumbnail is booked": Write(
        job_steps, "move", When.AFTER_COMMIT, _is_step("thumbnail", StepState.RUNNING)
    ),
    "before the thumbnail is settled": Write(ledger, "settle", When.BEFORE_COMMIT, _is_settled("thumbnails.set")),
    "between thumbnail and captions": Write(
        job_steps, "move", When.AFTER_COMMIT, _is_step("thumbnail", StepState.DONE)
    ),
    "before the captions are settled": Write(ledger, "settle", When.BEFORE_COMMIT, _is_settled("captions.insert")),
    "after the captions are settled": Write(ledger, "settle", When.AFTER_COMMIT, _is_settled("captions.insert")),
    "before the playlist is settled": Write(ledger, "settle", When.BEFORE_COMMIT, _is_settled("playlists.insert")),
    "before the entry is settled": Write(ledger, "settle", When.BEFORE_COMMIT, _is_settled("playlistItems.insert")),
    "after the entry is settled": Write(ledger, "settle", When.AFTER_COMMIT, _is_settled("playlistItems.insert")),
    "before the end is stored": Write(job_steps, "move", When.AFTER_COMMIT, _is_step("read_back", StepState.DONE)),
}
"""Every point at which a command may be killed, by its name."""

WHILE_LOOKING = {
    "before the look is kept": Write(looks, "keep", When.BEFORE_COMMIT),
    "after the look is kept": Write(looks, "keep", When.AFTER_COMMIT),
    "before the find is stored": Write(jobs, "move", When.BEFORE_COMMIT, _has_video),
    "after the find is stored": Write(jobs, "move", When.AFTER_COMMIT, _has_video),
}
"""And those while it looks for a video whose answer it never heard."""


WHILE_COMMENTING = {
    "after the comment is booked": Write(comments, "intend", When.AFTER_COMMIT),
    "before the comment is settled": Write(comments, "posted", When.BEFORE_COMMIT),
    "after the comment is settled": Write(comments, "posted", When.AFTER_COMMIT),
    "before the comment's end is stored": Write(comments, "is_seen_as", When.BEFORE_COMMIT),
}
"""And those while it says something."""


WHILE_WORKING = {
    "after it is picked": Write(line, "pick", When.AFTER_COMMIT),
    "after it is taken": Write(claiming, "take", When.AFTER_COMMIT),
    "after it is placed": Write(decisions, "keep", When.AFTER_COMMIT),
}
"""And those of a worker on its way to its next job."""


WHILE_REFRESHING = {"before the token is stored": Write(accounts, "refreshed", When.BEFORE_COMMIT)}
"""And while it keeps a login alive."""


def arm(name):
    """Let this process die at a point, or with `before 3` or `after 3` at its third commit."""
    name, stands_still = name.removeprefix(_STILL), name.startswith(_STILL)
    word, _, number = name.partition(" ")
    if number.isdigit():
        _arm_commits(When(word), int(number))
        return
    point = {**POINTS, **WHILE_LOOKING, **WHILE_COMMENTING, **WHILE_WORKING, **WHILE_REFRESHING}[name]
    if isinstance(point, Bytes):
        _arm_line(point)
    else:
        _arm_state(point, signal.SIGSTOP if stands_still else signal.SIGKILL)


def _die(by=signal.SIGKILL):
    signal.raise_signal(by)  # to this very thread, or it might go on for a moment


def _arm_state(point, by):
    watched, reached, over = getattr(point.module, point.function), [], []

    @wraps(watched)
    def watching(tx, *given, **named):
        if not over and point.fits(tx, *given, **named):
            reached.append(tx)
        return watched(tx, *given, **named)

    setattr(point.module, point.function, watching)

    transaction = TheDatabase.transaction

    def strike():
        reached.clear()
        over.append(True)
        _die(by)

    @contextmanager
    def watched_transaction(self):
        with transaction(self) as tx:
            yield tx
            if tx in reached and point.when is When.BEFORE_COMMIT:
                strike()
        if tx in reached:
            strike()

    TheDatabase.transaction = watched_transaction


def _arm_commits(when, dies_at):
    transaction, begun = TheDatabase.transaction, []

    @contextmanager
    def counted_transaction(self):
        begun.append(self)
        number = len(begun)
        with transaction(self) as tx:
            yield tx
            if (when, number) == (When.BEFORE_COMMIT, dies_at):
                _die()
        if (when, number) == (When.AFTER_COMMIT, dies_at):
            _die()

    TheDatabase.transaction = counted_transaction


def _arm_line(point):
    from ytpool.youtube import uploads as sending  # only these points need it
    from ytpool.youtube.media import FileBody

    last_byte_leaves, last = uploads.last_byte_leaves, []

    @wraps(last_byte_leaves)
    def watching(*given):
        last.append(True)
        last_byte_leaves(*given)

    class Watched(FileBody):
        def __init__(self, read, *, start, end, **how):
            super().__init__(read, start=start, end=end, **how)
            self._dies_at = start + (end - start) * point.share if bool(last) == point.last else float("inf")

        def read(self, size=-1, /):
            # Being asked for more says that what was given before has left.
            if self._position >= self._dies_at:
                _die()
            return super().read(size)

    uploads.last_byte_leaves = watching
    sending.FileBody = Watched


def main(name, module, *words):
    """Run a module as a program, until it reaches the point."""
    arm(name)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
