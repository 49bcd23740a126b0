"""Rehearsing: which scenarios, how often, in which order; and what of it the real state remembers."""

import logging
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ytpool import data
from ytpool.actions import files, media, publish, whereabouts
from ytpool.actions.claiming import Order
from ytpool.actions.rehearsal import judging, playing, stage, standing, striking
from ytpool.actions.rehearsal.judging import Ended, Run
from ytpool.domain import quota, scenarios
from ytpool.domain.scenarios import Scenario
from ytpool.errors import Bug, FileInvalid, UnknownName, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, limits, meters, rehearsals

_FOLDER = "scenarios"
_SUFFIX = ".toml"
_LARGEST = 1 << 20

UNDISTURBED = "undisturbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What was rehearsed, and how it went."""

    at: datetime
    """The moment of which the state was copied."""
    source: str
    seed: int
    days: int
    left_out: Mapping[str, int]
    """Jobs by kind that cannot be rehearsed: what they are about is at YouTube only, or is no matter of YouTube's."""
    left_over: int
    """Uploads that could be, beyond as many as were asked for."""
    not_there: int
    """Uploads of the queue whose file is not where it was asked for on this machine."""
    undisturbed: Run
    runs: tuple[Run, ...]
    seconds: float
    exit_status: int
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldRehearse:
    """What would be rehearsed."""

    dry_run: bool
    scenarios: tuple[str, ...]
    accounts: int
    queued: int
    """Uploads of the queue that can be rehearsed."""
    manifest: int
    made_up: int
    state_bytes: int
    needs_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The scenarios that are shipped, in the order in which `--weekly` takes them."""

    scenarios: tuple["Shown", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDisaster:
    """One disaster, in words."""

    what: str
    when: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A scenario, in words."""

    scenario: str
    title: str
    about: str
    disasters: tuple[ShownDisaster, ...]


def shipped() -> tuple[Scenario, ...]:
    """Return the scenarios that come with ytpool."""
    return tuple(
        scenarios.read(name, data.text(f"{_FOLDER}/{name}{_SUFFIX}").encode(), f"{name}{_SUFFIX}")
        for name in data.names(_FOLDER, _SUFFIX)
    )


def listed() -> Listed:
    return Listed(scenarios=tuple(map(shown, shipped())))


def shown(scenario: Scenario) -> Shown:
    """Put a scenario in words."""
    return Shown(
        scenario=scenario.name,
        title=scenario.title,
        about=scenario.about,
        disasters=tuple(
            ShownDisaster(what=one.what, when=scenarios.when(one), told=scenarios.words(one))
            for one in scenario.disasters
        ),
    )


def find(word: str) -> Scenario:
    """Return a scenario by its name, or from a file; raises UnknownName, with the one that was probably meant."""
    names = data.names(_FOLDER, _SUFFIX)
    if word in names:
        return scenarios.read(word, data.text(f"{_FOLDER}/{word}{_SUFFIX}").encode(), f"{word}{_SUFFIX}")
    path = Path(word)
    if path.suffix != _SUFFIX and not whereabouts.is_file(path):
        from difflib import get_close_matches  # noqa: PLC0415 -- only a mistyped name needs it

        close = get_close_matches(word, names, n=1)
        raise UnknownName(
            f"there is no scenario {word!r}" + (f"; did you mean {close[0]}?" if close else ""),
            hint="all of them: ytpool rehearse list; one of your own is a file that ends in .toml",
            name=word,
        )
    try:
        found = path.stat()
        files.require_file(path, found)
        if found.st_size > _LARGEST:
            raise FileInvalid(f"{path} is no scenario: it is too large", hint="ytpool guide rehearse", path=word)
        content = path.read_bytes()
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}", hint="check the path", path=word) from error
    return scenarios.read(path.stem, content, word)


def enough(rt: Runtime, wanted: Sequence[Scenario]) -> int:
    """Return how many videos let shipped scenarios be met; never more than can be rehearsed in minutes."""
    shares = [one.share for scenario in wanted for one in scenario.disasters if one.bucket == quota.UPLOADS]
    with rt.store.reading() as tx:
        every = [one for one in accounts.every(tx) if one.channel_id]
        usual, known = rt.terms(tx).prices.limits, limits.units_on(tx, quota.quota_day(tx.now))
    projects = {one.project for one in every}
    given = sum(known.get((meters.PROJECT, one, quota.UPLOADS), usual[quota.UPLOADS]) for one in projects)
    more = [math.floor(given * share) + stage.EACH for share in shares]  # some project has to come beyond its share
    return min(_ENOUGH, max([stage.EACH * len(every), *more]))


_ENOUGH = 1000


def next_in_turn(rt: Runtime) -> Scenario:
    """Return the shipped scenario whose turn it is this week."""
    every = shipped()
    with rt.store.reading() as tx:
        before = standing.last(tx)
    names = [one.name for one in every]
    if before is None or before.scenario not in names:
        return every[0]
    done = before.ended != standing.NOT_RUN
    return every[(names.index(before.scenario) + done) % len(every)]


@contextmanager
def remembered(rt: Runtime, scenario: Scenario, *, seed: int) -> Iterator[None]:
    """Let the real state remember that a rehearsal was begun, and why where it comes to no verdict.

    It is remembered before anything else, so that it is known also of one that dies on the way.
    """
    began = rt.calendar.now()

    def keep(told: str) -> None:
        with rt.store.transaction() as tx:
            one = standing.Last(at=began, scenario=scenario.name, ended=standing.NOT_RUN, told=told, seed=seed)
            standing.keep(tx, one)

    keep("it was begun, and has not come to its end")
    try:
        yield
    except Exception as error:
        told = error if isinstance(error, YtpoolError) else Bug.of(error, hint="")
        with suppress(YtpoolError):  # what stands there then is true, too
            keep(told.message)
        raise


def remember(rt: Runtime, done: Rehearsed) -> None:
    """Let the real state remember how a rehearsal ended."""
    run = done.runs[-1]
    first = done.undisturbed
    if first.ended is Ended.FAILED:  # what is broken without any disaster is not whole with one
        run = replace(first, scenario=run.scenario)
    with rt.store.transaction() as tx:
        standing.keep(
            tx,
            standing.Last(at=done.at, scenario=run.scenario, ended=run.ended, told=in_short(run), seed=done.seed),
        )


def in_short(run: Run) -> str:
    """Word how a run ended."""
    if run.ended is Ended.FAILED:
        return "; ".join(run.complaints[:2])
    told = f"{run.kept + run.late} of {run.videos} videos arrived"
    told += f", {run.late} late" if run.late else ""
    return told + ", none lost, none twice"


def not_rehearsed(done: Rehearsed) -> Iterator[str]:
    """Word what waits and was not rehearsed, or not as the queue has it."""
    if done.left_out:
        kinds = ", ".join(f"{count} of the kind {kind}" for kind, count in done.left_out.items())
        yield f"left out, because only YouTube or another service has what they are about: {kinds}"
    if done.left_over:
        yield f"left over, as so many were not asked for: {done.left_over} uploads; more of them: --videos N"
    if done.not_there:
        yield f"not where the queue says: {done.not_there} files; which: ytpool queue list"


def rehearse(
    rt: Runtime,
    wanted: Sequence[Scenario],
    orders: Sequence[Order] = (),
    *,
    seed: int,
    days: int,
    videos: int,
    at_least: int | None,
    proves: bool = False,
    says: Callable[[str], None],
    ended: Callable[[Run], None],
) -> Rehearsed:
    """Play each scenario on a copy of the state, after a run in which nothing goes wrong; raises before what cannot be.

    The same seed draws the same disasters. How two workers meet is the machine's matter, as in earnest. What `proves`
    ends with status 8 also where nobody met what was to go wrong.
    """
    began = rt.clock.monotonic()
    for one in wanted:
        striking.require_possible(rt, one.disasters, days)
    stage.require_room(rt, videos)
    with _silent(), stage.private_folder(rt) as folder:
        script = stage.write_script(
            rt, folder, orders, wanted, videos=videos, at_least=at_least, days=days, chance=random.Random(seed)
        )
        says(f"rehearsed is: {script.source}; nothing of it reaches YouTube or the books")
        nothing = Scenario(name=UNDISTURBED, title="Nothing goes wrong", about="", disasters=())
        undisturbed = _run(rt, script, nothing, None, seed=seed, days=days)
        ended(undisturbed)
        runs = []
        for one in wanted:
            runs.append(_run(rt, script, one, undisturbed, seed=seed, days=days))
            ended(runs[-1])
    bad = {Ended.FAILED, Ended.NOT_MET, Ended.BROKEN_OFF} if proves else {Ended.FAILED}
    return Rehearsed(
        at=script.begins_at,
        source=script.source,
        seed=seed,
        days=days,
        left_out=script.left_out,
        left_over=script.left_over,
        not_there=script.not_there,
        undisturbed=undisturbed,
        runs=tuple(runs),
        seconds=round(rt.clock.monotonic() - began, 1),
        exit_status=8 if any(one.ended in bad for one in (undisturbed, *runs)) else 0,
    )


@contextmanager
def _silent() -> Iterator[None]:
    """Log nothing that nobody wants to hear: what goes wrong in a rehearsal is told by its verdict."""
    ours, nowhere = logging.getLogger("ytpool"), logging.NullHandler()
    ours.addHandler(nowhere)
    try:
        yield
    finally:
        ours.removeHandler(nowhere)


def _run(
    rt: Runtime, script: stage.Script, scenario: Scenario, undisturbed: Run | None, *, seed: int, days: int
) -> Run:
    rt.require_going()
    began = rt.clock.monotonic()
    # Every scenario has dice of its own, so that it is the same alone and among others.
    chance = random.Random(f"{seed}/{scenario.name}")
    with stage.staged(rt, script, seed=seed) as built:
        leans_on = {one.account for one in undisturbed.films if one.account} if undisturbed else set()
        played = playing.play(built, scenario.disasters, days=days, chance=chance, leans_on=leans_on)
        return judging.judge(
            built,
            played,
            scenario=scenario.name,
            title=scenario.title,
            seconds=rt.clock.monotonic() - began,
            undisturbed=undisturbed,
        )


def not_asked_for_yet(rt: Runtime, orders: Sequence[Order]) -> tuple[Order, ...]:
    """Return what a manifest asks for beside what waits already, is under way, or is done."""
    located = (replace(one, publication=media.located(one.publication)) for one in orders)
    return tuple(one for one in located if publish.without_choosing(rt, one) is None)


def would_rehearse(
    rt: Runtime, wanted: Sequence[Scenario], orders: Sequence[Order], *, days: int, videos: int, at_least: int | None
) -> WouldRehearse:
    """Say what would be rehearsed, and find everything that stands against it."""
    for one in wanted:
        striking.require_possible(rt, one.disasters, days)
    needs = stage.require_room(rt, videos)
    stage.require_known(rt, wanted)
    with rt.store.reading() as tx:
        every = accounts.every(tx)
        queued = len(rehearsals.beginnable(tx, videos))
        asked = min(len(orders), videos - queued)
        made_up = stage.to_make_up(tx, queued + asked, at_least=at_least, videos=videos)
    return WouldRehearse(
        dry_run=True,
        scenarios=tuple(one.name for one in wanted),
        accounts=len(every),
        queued=queued,
        manifest=asked,
        made_up=made_up,
        state_bytes=rt.store.size(),
        needs_bytes=needs,
    )
