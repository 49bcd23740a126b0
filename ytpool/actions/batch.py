"""Several videos as one order: read and checked whole before the first call, then sent side by side.

Whoever writes a table of two hundred videos wants to hear of all its faults at once, and before any of them is on
YouTube. Nothing is remembered of a batch itself: each video is a job of its own, so the same batch typed again goes
on with what is left.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

from ytpool.actions import claiming, files, media, publish
from ytpool.actions.claiming import Order
from ytpool.actions.publish import PublishedVideo
from ytpool.actions.watch import Watch
from ytpool.domain import publication
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.manifest import listed, sidecars
from ytpool.domain.manifest.batch import Batch, Defaults, Entry, Named, Problem
from ytpool.domain.manifest.sidecars import Sidecar
from ytpool.errors import BatchInvalid, FileInvalid, Interrupted, YtpoolError
from ytpool.runtime import Runtime

Go = Callable[[Runtime, Order, Watch], PublishedVideo]
"""What is done with each order; `publish.publish`, or something that looks first."""


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
"""Read at this moment no moment of publication is over; whether one matters only the state can say."""


def from_manifest(path: Path, defaults: Defaults) -> Batch:
    """Read a manifest; raises FileInvalid where there is none."""
    return listed.read_manifest(path, _content(path), defaults, _BEFORE_ALL)


def has_more(paths: Sequence[Path]) -> bool:
    """Say whether these are more than bare videos: a folder, or a video with a TOML file beside it."""
    return any(is_folder(path) or _sidecar(path) is not None for path in paths)


def is_folder(path: Path) -> bool:
    """Say whether this is a folder; what cannot be looked at is none, and is refused as a video."""
    try:
        return path.is_dir()
    except OSError:
        return False


def from_files(paths: Sequence[Path], defaults: Defaults) -> Batch:
    """Read videos and folders of videos, each with the TOML file beside it, where there is one."""
    found: list[Sidecar] = []
    problems: list[Problem] = []
    for path in paths:
        if is_folder(path):
            inside, said = sidecars.pair(path, _names(path))
            problems += said
        else:
            inside = (Sidecar(video=path, path=_sidecar(path)),)
        found += [one if one.path is None else replace(one, content=_content(Path(one.path))) for one in inside]
    batch = sidecars.read_sidecars(found, defaults, _BEFORE_ALL)
    return Batch(entries=batch.entries, problems=(*problems, *batch.problems), named=batch.named)


def require_right(rt: Runtime, batch: Batch, *, target: Target | None = None, again: bool = False) -> None:
    """Raise BatchInvalid, with every problem and its place, unless all of a batch can be sent as it stands.

    A moment of publication that is over is a problem only of what was not begun: a batch may take days, and goes on.

    Files are looked at and their pictures and captions read; what only YouTube can say, as whether a playlist of some
    title exists, each video finds out before its own first byte.
    """
    if target is not None:  # asked for once, on the command line, and not by every row
        with rt.store.reading() as tx:
            claiming.require_target(tx, target)
    found = [*batch.problems, *_of_targets(rt, batch), *_of_files(batch.named)]
    found += _of_moments(rt, batch.entries, again=again)
    if not found:
        return
    found.sort(key=lambda problem: (problem.source, problem.line or 0))
    if len(found) == 1:
        raise BatchInvalid(str(found[0]), hint="nothing was sent; correct this and try again", problems=found)
    raise BatchInvalid(
        f"{len(found)} things are wrong with this batch; nothing was sent",
        hint="\n".join(str(problem) for problem in found),
        problems=found,
    )


def run(
    rt: Runtime,
    orders: Sequence[Order],
    watch: Watch,
    *,
    go: Go,
    parallel: int,
    ended: Callable[[PublishedVideo], None],
) -> tuple[list[PublishedVideo], Interrupted | None]:
    """Work on all, so many at once, and return what became of each in the order they were asked for.

    `ended` hears of each when it is over, in the thread that called. Ctrl-C stops every worker where nothing is lost;
    what was not begun then is not among the results. A second one leaves without waiting for anybody.
    """
    if parallel == 1 or len(orders) < 2:
        return _one_by_one(rt, orders, watch, go, ended)
    return _side_by_side(rt, orders, watch, go, parallel, ended)


def _one_by_one(
    rt: Runtime, orders: Sequence[Order], watch: Watch, go: Go, ended: Callable[[PublishedVideo], None]
) -> tuple[list[PublishedVideo], Interrupted | None]:
    done: list[PublishedVideo] = []
    try:
        for order in orders:
            done.append(go(rt, order, watch))
            ended(done[-1])
    except KeyboardInterrupt:  # what is done already must be told all the same
        return done, _interrupted()
    return done, None


def _side_by_side(
    rt: Runtime,
    orders: Sequence[Order],
    watch: Watch,
    go: Go,
    parallel: int,
    ended: Callable[[PublishedVideo], None],
) -> tuple[list[PublishedVideo], Interrupted | None]:
    rt.open_vault()
    _ = rt.youtube, rt.rng, rt.calendar  # made by one thread, and then shared by all
    work = _Work(rt, orders, watch, go, min(parallel, len(orders)))
    told = 0
    stopped: Interrupted | None = None
    while True:
        try:
            more = work.ended_since(told)
            if not more:
                break
            for video in more:
                told += 1
                ended(video)
        except KeyboardInterrupt:
            if stopped is not None:
                break
            stopped = _interrupted()
            try:
                work.stop()
                watch.says("", "stopping: each upload ends where it can go on later (Ctrl-C again leaves at once)")
            except KeyboardInterrupt:
                break
    if work.defect is not None:
        raise work.defect
    return work.results(), stopped


_LOOKS_EVERY = 0.05
"""Seconds between two looks at what has ended, and whether all is to stop."""


class _Work:
    """What is to be done, who does it, and what came of it.

    A channel takes one upload at a time, so two uploads for one account are never begun at once: a worker that would
    only wait for its sibling takes another one.
    """

    def __init__(self, rt: Runtime, orders: Sequence[Order], watch: Watch, go: Go, crew: int) -> None:
        self.defect: BaseException | None = None
        self._rt = rt
        self._watch = watch
        self._go = go
        self._left = list(enumerate(orders))
        self._accounts: set[Target] = set()
        self._ended: list[tuple[int, PublishedVideo]] = []
        self._crew = crew
        self._changed = threading.Condition()
        for number in range(crew):
            # Daemons: whoever presses Ctrl-C twice is not kept waiting by an answer that does not come.
            threading.Thread(target=self._run, name=f"upload {number + 1}", daemon=True).start()

    def ended_since(self, told: int) -> list[PublishedVideo]:
        """Return what has ended beside the first so many, waiting for it; nothing once everybody has left.

        Called by the thread that Ctrl-C interrupts, so it looks from time to time and takes no lock: an interruption
        in the middle of a lock's own work would leave it neither held nor free.
        """
        while True:
            everybody_left = not self._crew
            more = [video for _, video in self._ended[told:]]
            if more or everybody_left:
                return more
            self._rt.clock.sleep(_LOOKS_EVERY)

    def results(self) -> list[PublishedVideo]:
        """Return what has ended, in the order in which it was asked for."""
        return [video for _, video in sorted([*self._ended], key=itemgetter(0))]

    def stop(self) -> None:
        """Let nobody begin anything, and everybody leave at the next place where nothing is lost."""
        self._rt.stopping.set()

    def _run(self) -> None:
        try:
            while (taken := self._take()) is not None:
                number, order = taken
                self._end(number, order, self._go(self._rt, order, self._watch))
        except BaseException as defect:  # noqa: BLE001 -- it is raised in the thread that waits for it
            self.defect = self.defect or defect
            self.stop()
        finally:
            with self._changed:
                self._crew -= 1
                self._changed.notify_all()

    def _take(self) -> tuple[int, Order] | None:
        with self._changed:
            while self._left and not self._rt.stopping.is_set():
                for place, (number, order) in enumerate(self._left):
                    if order.target not in self._accounts:
                        del self._left[place]
                        if order.target.kind is TargetKind.ACCOUNT:
                            self._accounts.add(order.target)
                        return number, order
                self._changed.wait(_LOOKS_EVERY)
            return None

    def _end(self, number: int, order: Order, video: PublishedVideo) -> None:
        with self._changed:
            self._accounts.discard(order.target)
            if video.job is not None or not isinstance(video.problem, Interrupted):  # what was not begun is not told
                self._ended.append((number, video))
            self._changed.notify_all()


def _interrupted() -> Interrupted:
    return Interrupted("interrupted; what was begun can be resumed", hint="run the same command again")


def _of_targets(rt: Runtime, batch: Batch) -> list[Problem]:
    """Name every account and pool that is not there, wherever it is asked for."""
    said: dict[Target, str] = {}
    with rt.store.reading() as tx:
        for target in {entry.target for entry in batch.entries}:
            try:
                claiming.require_target(tx, target)
            except YtpoolError as unknown:
                said[target] = f"{unknown.message}; {unknown.hint}" if unknown.hint else unknown.message
    return [
        Problem(source=entry.source, line=entry.line, column=entry.target.kind.value, message=said[entry.target])
        for entry in batch.entries
        if entry.target in said
    ]


def _of_moments(rt: Runtime, entries: Sequence[Entry], *, again: bool) -> list[Problem]:
    """Name what would be public at once, and is not on its way already."""
    now = rt.calendar.now()
    return [
        Problem(source=entry.source, line=entry.line_of(field), column=field, message=sentence)
        for entry in entries
        for field, sentence in publication.problems_by_field(entry.publication, now)
        if not _is_begun(rt, entry, again=again)
    ]


def _is_begun(rt: Runtime, entry: Entry, *, again: bool) -> bool:
    path = Path(entry.file)
    order = Order(path=path, publication=entry.publication, target=entry.target, key=entry.key, again=again)
    try:
        return publish.is_begun(rt, order, files.inspect(path))
    except YtpoolError:  # a file that is not there, an account that is unknown: that is told as such
        return False


def _of_files(named: Sequence[Named]) -> list[Problem]:
    """Look at every file that a batch names, each once, however many rows name it."""
    said: dict[tuple[str, Path], str] = {}
    for one in named:
        path = Path(one.path)
        if (one.column, path) not in said:
            said[one.column, path] = _wrong_with(one.column, path)
    return [
        Problem(source=one.source, line=one.line, column=one.column, message=message)
        for one in named
        if (message := said[one.column, Path(one.path)])
    ]


def _wrong_with(column: str, path: Path) -> str:
    try:
        match column:
            case "thumbnail":
                with media.thumbnail_media(path):
                    pass
            case "captions":
                with media.caption_media(path):
                    pass
            case _:
                files.look(path)
    except FileInvalid as invalid:
        return invalid.message
    return ""


def _sidecar(path: Path) -> Path | None:
    beside = path.parent / f"{path.stem}{sidecars.SUFFIX}"
    try:
        return beside if beside != path and beside.is_file() else None
    except OSError:  # a name too long, a folder not to be entered: looking at the video itself says so
        return None


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise FileInvalid(f"{folder} cannot be read: {error.strerror}", path=str(folder)) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileInvalid(f"there is no file {path}", hint="check the path", path=str(path)) from error
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
