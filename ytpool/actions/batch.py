"""Several videos as one order: read and checked whole before the first call, then sent side by side.

Whoever writes a table of two hundred videos wants to hear of all its faults at once, and before any of them is on
YouTube. Nothing is remembered of a batch itself: each video is a job of its own, so the same batch typed again goes
on with what is left.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from pathlib import Path, PurePath

from ytpool.actions import claiming, files, media
from ytpool.actions.claiming import Order
from ytpool.actions.publish import PublishedVideo
from ytpool.actions.watch import Watch
from ytpool.domain import publication
from ytpool.domain.jobs import StepState, Target, TargetKind
from ytpool.domain.manifest import listed, sidecars
from ytpool.domain.manifest.batch import Batch, Defaults, Entry, Problem, of_flag
from ytpool.domain.manifest.sidecars import Sidecar
from ytpool.errors import BatchInvalid, FileInvalid, Interrupted, UnknownName
from ytpool.runtime import Runtime
from ytpool.store import job_steps, jobs, uploads

Go = Callable[[Runtime, Order, Watch], PublishedVideo]
"""What is done with each order; `publish.publish`, or something that looks first."""


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
"""Read at this moment no moment of publication is over; whether one matters only the state can say."""


def from_manifest(path: Path, defaults: Defaults) -> Batch:
    """Read a manifest; raises FileInvalid where there is none."""
    content = _content(path) if path.suffix.lower() in listed.SUFFIXES else b""  # else its name is refused
    return listed.read_manifest(path, content, defaults, _BEFORE_ALL)


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
        inside = _inside(path, problems) if is_folder(path) else (Sidecar(video=path, path=_sidecar(path)),)
        found += [_with_content(one, problems) for one in inside]
    batch = sidecars.read_sidecars(found, defaults, _BEFORE_ALL)
    return replace(batch, problems=tuple(dict.fromkeys((*problems, *batch.problems))))


def _inside(folder: Path, problems: list[Problem]) -> tuple[Sidecar, ...]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        problems.append(_whole(folder, f"it cannot be read: {error.strerror}"))
        return ()
    inside, said = sidecars.pair(folder, names)
    problems += said
    return inside


def _with_content(one: Sidecar, problems: list[Problem]) -> Sidecar:
    if one.path is None:
        return one
    try:
        return replace(one, content=_content(Path(one.path)))
    except FileInvalid as invalid:
        problems.append(_whole(one.path, invalid.message.replace(str(one.path), "it", 1)))
        return one


def _whole(path: PurePath, message: str) -> Problem:
    return Problem(source=str(path), line=None, column=None, message=message)


def orders(rt: Runtime, batch: Batch, *, target: Target | None = None, again: bool = False) -> tuple[Order, ...]:
    """Return what a batch asks for; raises BatchInvalid, with every problem and its place, unless all can be sent.

    Files are looked at and their pictures and captions read; what only YouTube can say, as whether a playlist of some
    title exists, each video finds out before its own first byte.

    What an earlier run has done needs nothing any more: a batch may take days, and be asked for again long after. So
    a file that is gone, or a moment of publication that is over, is a problem only of what was not begun.
    """
    unknown = None if target is None else _unknown(rt, target)
    found = [] if target is None or unknown is None else [of_flag(target.kind.value, _worded(unknown))]
    found += [*batch.problems, *_of_targets(rt, batch.entries)]
    wanted: list[Order] = []
    look = cache(_wrong_with)
    for entry in batch.entries:
        job = _settle(rt, entry, look, found, again=again)
        if entry.file is not None and entry.target is not None and entry.key is not None:
            wanted.append(
                Order(
                    path=Path(entry.file),
                    publication=entry.publication,
                    target=entry.target,
                    key=entry.key,
                    again=again,
                    in_line=entry.in_line,
                    job=job,
                )
            )
    found = list(dict.fromkeys(found))
    if unknown is not None and len(found) == 1:
        raise unknown
    _require_none(found)
    return tuple(wanted)


def _require_none(found: list[Problem]) -> None:
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


def _unknown(rt: Runtime, target: Target) -> UnknownName | None:
    with rt.store.reading() as tx:
        try:
            claiming.require_target(tx, target)
        except UnknownName as unknown:
            return unknown
    return None


def _worded(unknown: UnknownName) -> str:
    return "; ".join(filter(None, (unknown.message, unknown.hint)))


def _of_targets(rt: Runtime, entries: Sequence[Entry]) -> list[Problem]:
    """Name every account and pool that is not there, wherever a row asks for it."""
    named = {target for entry in entries for target in entry.named}
    said = {target: _worded(unknown) for target in named if (unknown := _unknown(rt, target)) is not None}
    return [
        entry.wrong(target.kind.value, said[target]) for entry in entries for target in entry.named if target in said
    ]


def _settle(
    rt: Runtime, entry: Entry, look: Callable[[str, Path], str], problems: list[Problem], *, again: bool
) -> str | None:
    """Add what is wrong with an entry's files and moment; return its job where that needs the file no more."""
    now = rt.calendar.now()
    files_of = [(column, step, look(column, path)) for column, step, path in _files_of(entry)]
    over = [said for column, said in publication.problems_by_field(entry.publication, now) if column == "publish_at"]
    if not over and not any(message for _, _, message in files_of):
        return None
    job, left = _standing(rt, entry, again=again)
    gone = job is not None and not _is_there(entry)
    for column, step, message in files_of:
        needed = not gone if step == publication.UPLOAD else job is None or step in left
        if message and needed:
            problems.append(entry.wrong(column, message))
    if job is None and "publish_at" not in entry.unread:
        problems += [entry.wrong("publish_at", sentence) for sentence in over]
    return job if gone else None


def _files_of(entry: Entry) -> Iterator[tuple[str, str, Path]]:
    """Name the files of an entry, each with its column and the step it is for."""
    if entry.file is not None:
        yield "file", publication.UPLOAD, Path(entry.file)
    if entry.publication.thumbnail is not None:
        yield "thumbnail", publication.THUMBNAIL, Path(entry.publication.thumbnail)
    for one in entry.publication.captions:
        yield "captions", one.step, Path(one.path)


def _standing(rt: Runtime, entry: Entry, *, again: bool) -> tuple[str | None, frozenset[str]]:
    """Return the job that has begun with an entry, and its steps that are not done; None where none has.

    Where the file is gone, it is the job that has brought a video from the same path.
    """
    if entry.file is None or entry.target is None or entry.key is None:
        return None, frozenset()
    path = Path(entry.file)
    try:
        marks = files.inspect(path).marks if _is_there(entry) else None
    except FileInvalid:  # that is told as such
        return None, frozenset()
    with rt.store.reading() as tx:
        if marks is None:
            known = jobs.uploaded_from(tx, entry.target, str(rt.path_map.there(files.place_of(path))), entry.key)
        else:
            known = jobs.same_content(tx, entry.target, marks.fingerprint, entry.key)
        for job in known:
            begun = job.video_id is not None or uploads.get(tx, job.job).started_at is not None
            if begun and not (again and job.published):
                left = (step.step for step in job_steps.of_job(tx, job.job) if step.state is not StepState.DONE)
                return job.job, frozenset(left)
    return None, frozenset()


def _is_there(entry: Entry) -> bool:
    assert entry.file is not None
    return os.path.lexists(entry.file)


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


def _content(path: Path) -> bytes:
    try:
        files.require_file(path, path.stat())
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileInvalid(f"there is no file {path}", hint="check the path", path=str(path)) from error
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
