"""Working off the line: every job whose moment has come, many at a time, until nothing is left or somebody says stop.

One thread picks, the others work; all that lasts is in the state. A worker may die or stand still at any point: its
leases end, and the next one takes up what it left. Who has nothing to do sleeps until the bell rings.
"""

import contextlib
import logging
import os
import select
import signal
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Self

from ytpool.actions import (
    chains,
    changing,
    chores,
    comments,
    housekeeping,
    presence,
    publish,
    reach,
    resuming,
    threads,
    whereabouts,
)
from ytpool.actions.afar import Ear
from ytpool.actions.heartbeat import renewing
from ytpool.actions.saying import How as SaidHow
from ytpool.actions.waking import LOOKS_EVERY, Bell
from ytpool.actions.watch import Watch
from ytpool.domain import failover
from ytpool.domain.chains import CHAIN
from ytpool.domain.jobs import Job, JobState
from ytpool.errors import (
    Bug,
    Busy,
    FileChanged,
    FileInvalid,
    FileNotHere,
    HoldLost,
    Interrupted,
    LoginNeeded,
    MetadataInvalid,
    NoEligibleAccount,
    OutOfService,
    StateAway,
    TextRepeated,
    UnknownName,
    UsageWrong,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import jobs, leases, ledger, line, machines, pools
from ytpool.store import whereabouts as missed
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.line import Picked
from ytpool.store.machines import Drain

log = logging.getLogger(__name__)

_TASKS_EVERY = 5.0
"""Seconds between two looks at the tasks of other services, where there are any."""
_LOOKS_FOR_A_PLACE_EVERY = 0.5
"""Seconds between two looks while a job is due and somebody else has the slot or the channel that it needs."""
_LOOKS_AT_CLOCK_EVERY = 1.0
"""Seconds between two looks at a clock that a person may move."""
_HOUSEKEEPS_EVERY = 3600.0
_WAITS_TO_LEAVE = 1.0
"""Seconds for which who was told twice to stop waits for others to say that he leaves."""
_LOOKS_FOR_KEYS_EVERY = 60.0
"""Seconds between two looks for a key of the vault that was not here."""

_FINAL = (UnknownName, MetadataInvalid, UsageWrong, TextRepeated, WrongChannel)
_FOR_A_PERSON = (Bug, LoginNeeded, NoEligibleAccount, OutOfService, FileInvalid, FileChanged)
_PERSON_LOOKED_FOR_EVERY = timedelta(minutes=10)
_FIRST_PUT_OFF = timedelta(seconds=15)
_MOST_DOUBLINGS = 6
_BUSY_FOR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorked:
    """What became of a job whose turn had come."""

    job: str
    kind: str
    state: str
    target: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    attempts: int
    not_before: datetime | None
    elsewhere: bool = False
    """It is left as it is for a machine that has its file."""
    detail: str = ""
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """How a worker ended."""

    counts: Mapping[str, int]
    """Jobs by the state in which they were left."""
    problems: tuple[YtpoolError | None, ...]
    """Of each kind of outcome one, for the exit status."""
    waiting: int | None
    """Jobs that are in the line still; None where the state was away in the end, and nobody could say."""
    elsewhere: int
    """Jobs that are left for machines that have their files."""
    next_at: datetime | None
    """When the moment of the next of them comes."""
    stopped: bool
    broken_off: int
    """Jobs that were stopped on their way and go on later."""
    notes: tuple[str, ...] = ()
    """What kept this machine from taking more."""
    out_of_reach: YtpoolError | None = None
    """A key of the vault that is missing here, and that no other machine is known to have."""


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, YtpoolError | None] = field(default_factory=dict)
    broken_off: int = 0

    def take_in(self, done: JobWorked) -> None:
        if done.elsewhere:
            return
        self.counts[done.state] += 1
        self.problems.setdefault("" if done.problem is None else done.problem.code, done.problem)
        self.broken_off += isinstance(done.problem, Interrupted)


def work(
    rt: Runtime,
    watch: Watch,
    *,
    begun: Callable[[Job], None],
    ended: Callable[[JobWorked], None],
    parallel: int = 1,
    once: bool = False,
    pool: str | None = None,
) -> Worked:
    """Take what is due, so many at a time, in order of priority, deadline, not-before and age; whatever its kind.

    With `once` it returns when nothing is left that it can begin; else it waits for more until it is asked to stop
    (SIGTERM, Ctrl-C): what is under way ends where nothing is lost, and goes on with the next worker. A second signal
    leaves at once. `begun` and `ended` are called in the thread that called this.
    """
    if pool is not None:
        with rt.store.reading() as tx:
            pools.get(tx, pool)
    tally, hindrance = _Tally(), _Hindrance(rt, watch)
    whereabouts.look_again(rt)
    with Ear(rt, listens=not once) as ear, Bell(rt) as bell, ear.striking(bell), _Signals(rt) as signals:
        round_ended = _look_after_tasks(rt, watch, ear, once=once)
        alerts_ended = None if once else housekeeping.keep_going(rt, alerts_only=True)
        crew = _Crew(rt, watch, parallel, signals.ring)
        try:
            _work(rt, crew, bell, signals, tally, hindrance, once=once, pool=pool, begun=begun, ended=ended)
        except KeyboardInterrupt:  # a second signal: nobody is waited for any more
            rt.stopping.set()
            rt.store.wait_at_most(_WAITS_TO_LEAVE)
            presence.leave(rt)
            raise
        except BaseException:
            rt.stopping.set()  # a defect here: the others end where nothing is lost
            crew.go_home()
            presence.leave(rt)
            raise
        crew.go_home()
        if alerts_ended is not None:
            alerts_ended()
        unasked = round_ended()
        if unasked is not None:
            tally.problems.setdefault(unasked.code, unasked)
        stopped = rt.stopping.is_set()
    if not stopped:
        housekeeping.housekeep(rt)
    presence.leave(rt)
    worked = Worked(
        counts=dict(tally.counts),
        problems=tuple(tally.problems.values()),
        waiting=None,
        elsewhere=0,
        next_at=None,
        stopped=stopped,
        broken_off=tally.broken_off,
        notes=hindrance.notes,
        out_of_reach=hindrance.problem,
    )
    try:
        if worked.out_of_reach is not None and reach.others_have_the_key(rt):
            worked = replace(worked, out_of_reach=None)
        with rt.store.reading() as tx:
            return replace(
                worked, waiting=line.waiting(tx), elsewhere=len(missed.missed_here(tx)), next_at=line.soonest(tx)
            )
    except (StateAway, Interrupted) as away:
        if not stopped:
            raise
        return replace(worked, notes=(*worked.notes, f"what waits still is not known: {away.message}"))


def _look_after_tasks(rt: Runtime, watch: Watch, ear: Ear, *, once: bool) -> Callable[[], YtpoolError | None]:
    """Send and ask about the tasks of other services, beside the jobs: a service may take its time to answer.

    What comes back waits for the end, so that nothing is broken off between its sending and its answer; of a single
    round it returns what kept it from its end: a service whose keys cannot be read keeps no video waiting.
    """
    if not rt.config.providers:
        return lambda: None
    from ytpool.actions.tasks import rounds  # noqa: PLC0415 -- most have no other services

    found: list[BaseException] = []

    def one_round() -> None:
        try:
            rounds.one_round(rt, watch)
        except BaseException as error:  # noqa: BLE001 -- it is raised in the thread that waits for it
            found.append(error)

    def ended() -> YtpoolError | None:
        beside.join()
        for error in found:
            if not isinstance(error, YtpoolError):
                raise error
            if not isinstance(error, Interrupted):
                log.warning("tasks not looked after", extra={"reason": error.message})
                return error
        return None

    if not once:
        going = threading.Thread(
            target=rounds.keep_going, args=(rt, _TASKS_EVERY, watch, ear), name="tasks", daemon=True
        )
        going.start()
        return going.join
    beside = threading.Thread(target=one_round, name="tasks", daemon=True)
    beside.start()
    return ended


def _work(
    rt: Runtime,
    crew: "_Crew",
    bell: Bell,
    signals: "_Signals",
    tally: _Tally,
    hindrance: "_Hindrance",
    *,
    once: bool,
    pool: str | None,
    begun: Callable[[Job], None],
    ended: Callable[[JobWorked], None],
) -> None:
    absence = _Absence(rt, signals)
    keeps_house_at = rt.clock.monotonic()
    while True:
        for done in crew.ended():
            tally.take_in(done)
            ended(done)
        if rt.stopping.is_set():
            if not crew.at_work:
                return
            signals.wait([], None)
            continue
        with absence.borne(gives_up=once and not crew.at_work):
            if _hand_out(rt, crew, hindrance, begun, pool=pool):
                continue
            if once and not crew.at_work:
                return
            if not once and not crew.at_work and rt.clock.monotonic() >= keeps_house_at:
                keeps_house_at = rt.clock.monotonic() + _HOUSEKEEPS_EVERY
                housekeeping.housekeep(rt, but=(housekeeping.ALERTS, housekeeping.MESSAGES))
            else:
                _sleep(rt, bell, signals, is_full=crew.at_work == crew.size, pool=pool)


class _Absence:
    """Waits for a state that cannot be had, later and later; says that it is away, and that it is back."""

    def __init__(self, rt: Runtime, signals: "_Signals") -> None:
        self._rt = rt
        self._signals = signals
        self._looks = 0

    @contextlib.contextmanager
    def borne(self, *, gives_up: bool) -> Iterator[None]:
        """Do what needs the state; where that is away, wait a while instead, unless nobody is to wait for it."""
        try:
            yield
        except (StateAway, Interrupted) as trouble:  # somebody may have broken off what we asked the database
            if gives_up:
                raise
            if self._rt.stopping.is_set():
                return
            if not self._looks:
                log.warning("nothing is begun until the state is back", extra={"reason": trouble.message})
            self._signals.wait([], failover.backoff(self._looks, self._rt.rng))
            self._looks += 1
        else:
            if self._looks:
                log.warning("the state is back", extra={"looked": self._looks})
            self._looks = 0


def _hand_out(
    rt: Runtime, crew: "_Crew", hindrance: "_Hindrance", begun: Callable[[Job], None], *, pool: str | None
) -> bool:
    """Give the next job to whoever is free; False where nobody is, or nothing can begin."""
    if crew.at_work == crew.size:
        return False
    hindrance.look_for_keys()
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        rt.require_clock()  # else every job would be begun in vain
        presence.beat(rt, tx, presence.WORK)
        drain = presence.drained(tx)
        picked = None if drain else line.pick(tx, pool=pool, closed=rt.closed, chains=_chains(rt, tx))
    hindrance.drained(drain)
    if picked is None:
        return False
    if not crew.at_work and not _open_all(rt, hindrance):
        with rt.store.transaction() as tx:
            leases.give_back(tx, [picked.turn])
        return True  # perhaps there is something for which no key is missing
    begun(picked.job)
    crew.give(picked)
    return True


def _chains(rt: Runtime, tx: Tx) -> Collection[str] | None:
    """Return the chains whose jobs are taken here: where there are other machines, theirs may know others."""
    return tuple(rt.config.chains) if machines.are_several(tx) else None


def _open_all(rt: Runtime, hindrance: "_Hindrance") -> bool:
    """Open by one thread what all then share; whoever finds nothing to do needs none of it.

    False where it turns out that other secrets stay closed here than was known when a job was picked.
    """
    if rt.is_sandbox:
        rt.find_sandbox_again()
    before = rt.closed
    hindrance.missing(reach.look(rt))
    _ = rt.youtube, rt.rng, rt.calendar
    return rt.closed == before


class _Hindrance:
    """What keeps this machine from taking work that others may take; said once, as long as it lasts."""

    def __init__(self, rt: Runtime, watch: Watch) -> None:
        self._rt = rt
        self._watch = watch
        self.problem: YtpoolError | None = None
        self._drained = ""
        self._missing = ""
        self._looks_at = 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._drained, self._missing)))

    def drained(self, drain: Drain | None) -> None:
        """Say that nothing new is taken here by an operator's word, or that it is again."""
        words = "" if drain is None else presence.spoken(drain)
        if words != self._drained:
            self._watch.waits("", words or "this machine takes work again")
        self._drained = words

    def missing(self, problem: YtpoolError | None) -> None:
        """Say that secrets stay closed here, or that they open again."""
        words = ""
        if problem is not None:
            count = len(self._rt.closed)
            whose = f"{count} account{'' if count == 1 else 's'}"
            why = f"{problem.message}; to bring it: ytpool vault status"
            words = f"this machine leaves the work of {whose} to others: {why}"
        if words != self._missing:
            self._watch.waits("", words or "every key of the vault is in reach again")
        self.problem, self._missing = problem, words
        self._looks_at = self._rt.clock.monotonic() + _LOOKS_FOR_KEYS_EVERY

    def look_for_keys(self) -> None:
        """Look every now and then whether a key that was missing is here."""
        if self._missing and self._rt.clock.monotonic() >= self._looks_at:
            self.missing(reach.look_again(self._rt))


def _sleep(rt: Runtime, bell: Bell, signals: "_Signals", *, is_full: bool, pool: str | None) -> None:
    """Wait until the bell rings, a worker ends, the next job's moment comes, or it is time to look all the same."""
    if is_full:
        signals.wait([], None)
        return
    with rt.store.reading() as tx:
        soonest, is_due = line.soonest(tx), line.has_due(tx, pool=pool, closed=rt.closed, chains=_chains(rt, tx))
    looks_at = rt.clock.monotonic() + (_LOOKS_FOR_A_PLACE_EVERY if is_due else LOOKS_EVERY)
    while not rt.stopping.is_set():
        left = looks_at - rt.clock.monotonic()
        if soonest is not None:
            left = min(left, (soonest - rt.calendar.now()).total_seconds())
        if left <= 0:
            return
        if signals.wait(bell.descriptors(), min(left, _LOOKS_AT_CLOCK_EVERY) if rt.is_sandbox else left):
            bell.hush()
            return


class _Signals:
    """SIGTERM and Ctrl-C as something to wait for, and the end of a job as well.

    A signal that raised where it is would break off the picking of a job, or a lock's own work.
    """

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._reads, self._writes = os.pipe()
        self._before: dict[int, Any] = {}
        os.set_blocking(self._reads, False)
        os.set_blocking(self._writes, False)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._stop) for one in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, before in self._before.items():
            signal.signal(one, before)
        if kind is KeyboardInterrupt:
            return  # who was not waited for may still ring, and by then the number may be another file's
        os.close(self._reads)
        os.close(self._writes)

    def ring(self) -> None:
        """End a wait; from any thread, and from a signal."""
        with contextlib.suppress(BlockingIOError, OSError):  # full, or nobody waits any more
            os.write(self._writes, b"!")

    def wait(self, also: list[int], seconds: float | None) -> bool:
        """Wait for a ring here or at one of these; False where the time was over first."""
        found, _, _ = select.select([self._reads, *also], [], [], seconds)
        if self._reads in found:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reads, 4096)
        return bool(found)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._rt.stopping.is_set():
            raise KeyboardInterrupt
        self._rt.stopping.set()
        self.ring()


class _Crew:
    """Those who work, each at one job at a time."""

    def __init__(self, rt: Runtime, watch: Watch, size: int, ring: Callable[[], None]) -> None:
        self.size = size
        self.at_work = 0
        self._rt = rt
        self._watch = watch
        self._ring = ring
        self._given: SimpleQueue[Picked | None] = SimpleQueue()
        self._done: SimpleQueue[JobWorked | BaseException] = SimpleQueue()
        # Daemons: who says stop twice is not kept waiting by an answer that does not come.
        self._threads = [
            threading.Thread(target=self._run, name=f"work {number + 1}", daemon=True) for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def give(self, picked: Picked) -> None:
        self.at_work += 1
        self._given.put(picked)

    def ended(self) -> Iterator[JobWorked]:
        """Return what has ended since; raises what is a defect."""
        while not self._done.empty():
            done = self._done.get()
            self.at_work -= 1
            if isinstance(done, BaseException):
                raise done
            yield done

    def go_home(self) -> None:
        """Wait until everybody has ended what was begun, and has rung for the last time."""
        for _ in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (picked := self._given.get()) is not None:
            try:
                self._done.put(_turn(self._rt, picked, self._watch))
            except BaseException as defect:  # noqa: BLE001 -- it is raised in the thread that waits for it
                self._done.put(defect)
            self._ring()


def _turn(rt: Runtime, picked: Picked, watch: Watch) -> JobWorked:
    """Work on one job, and leave it so that nobody picks it in vain again and again."""
    with renewing(rt, picked.turn, leases.LASTS_FOR):
        detail, problem = _worked_on(rt, picked, watch)
        try:
            if isinstance(problem, FileNotHere):
                whereabouts.leave(rt, picked.job.job, problem.details["path"])
            _leave(rt, picked.job, problem)
            with rt.store.transaction() as tx:
                leases.give_back(tx, [picked.turn])
        except (
            StateAway,
            Interrupted,
        ) as away:  # the turn ends by itself, and the job stands for the next
            log.warning("job left as it stands", extra={"job": picked.job.job, "reason": away.message})
    elsewhere = isinstance(problem, FileNotHere) and problem.elsewhere
    if problem is not None and (elsewhere or isinstance(problem, Busy)):
        detail, problem = problem.message, None  # it is in other hands, or to be, which is no trouble of ours
    try:
        with rt.store.reading() as tx:
            now = jobs.get(tx, picked.job.job)
    except (StateAway, Interrupted) as away:
        now, problem = picked.job, problem or away
    return JobWorked(
        job=now.job,
        kind=now.kind,
        state=now.state,
        target=str(now.target),
        account=now.account,
        channel_id=now.channel_id,
        video_id=now.video_id,
        attempts=now.attempts,
        not_before=now.not_before,
        elsewhere=elsewhere,
        detail=detail,
        problem=problem,
    )


def _worked_on(rt: Runtime, picked: Picked, watch: Watch) -> tuple[str, YtpoolError | None]:
    """Say what came of a job; a defect that it brings out is the job's trouble, and the others do not wait for it."""
    try:
        return _go_on(rt, picked, watch)
    except YtpoolError as error:
        return "", error
    except Exception as defect:
        found = Bug.of(
            defect, hint=f"report it with the traceback that `ytpool --debug queue retry {picked.job.job}` shows"
        )
        log.exception("job given up for now", extra={"job": picked.job.job, "reason": found.message})
        return "", found


def _go_on(rt: Runtime, picked: Picked, watch: Watch) -> tuple[str, YtpoolError | None]:
    rt.require_going()
    job = picked.job
    whereabouts.require(rt, job)
    if job.is_upload:
        video = publish.publish(rt, replace(resuming.order_of(rt, job.job), picked=picked), watch)
        return video.note or video.url or "", video.problem
    if job.is_chore:
        changed = changing.go_on(rt, job.job, chores.How(picked=picked), watch, lambda _: job.agreed)
        assert changed is not None
        return changed.detail, changed.problem
    if job.kind == CHAIN:
        ended = chains.in_turn(rt, picked, watch)
        return ended.detail, ended.problem
    how = SaidHow(picked=picked)
    said = comments.go_on(rt, job.job, how, watch)
    if said is not None:
        return said.note or said.url or "", said.problem
    decided = threads.go_on(rt, job.job, how, watch) or []
    return "", threads.problem_of(decided)


def _leave(rt: Runtime, before: Job, problem: YtpoolError | None) -> None:
    """Write down what keeps a job from going on where nobody has, and when it is to be looked at again."""
    if isinstance(problem, (Interrupted, HoldLost)):
        return
    if isinstance(problem, FileNotHere) and problem.elsewhere:
        return
    with rt.store.transaction() as tx:
        job = jobs.get(tx, before.job)
        if problem is None:
            if not job.state.has_ended:  # whatever was done with it, it is not over
                line.put_off(tx, job.job, tx.now + line.LONGEST_PUT_OFF)
            return
        nobody_wrote = (job.state, job.updated_at) == (before.state, before.updated_at)
        if nobody_wrote and not isinstance(problem, Busy):
            lease = leases.take(tx, LeaseKind.JOB, job.job, holder=job.job)
            if lease is None and not isinstance(problem, Bug):  # somebody else goes on with it
                return
            if lease is not None:
                ledger.take_over(tx, job.job, lease.fence)
                jobs.move(
                    tx,
                    lease,
                    _state_after(job, problem),
                    not_before=problem.details.get("until"),
                    error_code=problem.code,
                    error=problem.message,
                )
                leases.give_back(tx, [lease])
                job = jobs.get(tx, job.job)
        if isinstance(problem, FileNotHere):  # this machine looks again after a while, another one may at once
            return
        if job.not_before is None or job.not_before <= tx.now:
            line.put_off(tx, job.job, tx.now + _put_off_for(job, problem))


def _state_after(job: Job, problem: YtpoolError) -> JobState:
    if job.state in (JobState.FINISHED_UNKNOWN, JobState.PARTLY):
        return job.state  # what is there, or may be, is not forgotten for it
    is_final = isinstance(problem, _FINAL) or (isinstance(problem, FileChanged) and not job.is_upload)
    if is_final and (job.is_chore or job.attempts == 0):
        return JobState.FAILED
    waits = is_final or isinstance(problem, _FOR_A_PERSON) or "until" in problem.details
    return JobState.DEFERRED if waits else JobState.INTERRUPTED


def _put_off_for(job: Job, problem: YtpoolError) -> timedelta:
    if isinstance(problem, Busy):
        return _BUSY_FOR
    if isinstance(problem, (*_FINAL, *_FOR_A_PERSON)):
        return _PERSON_LOOKED_FOR_EVERY
    doublings: int = min(job.attempts, _MOST_DOUBLINGS)
    return min(line.LONGEST_PUT_OFF, _FIRST_PUT_OFF * (1 << doublings))
