"""Playing a scenario: disasters strike, the usual workers work, and the clock goes where all of them would wait to.

Nobody here does any work: `working.work` is what `ytpool work --once` is, and what becomes of a job is in the books.
"""

import heapq
import itertools
import math
import random
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions import working
from ytpool.actions.rehearsal.stage import Stage
from ytpool.actions.rehearsal.striking import Blow, Striker, Struck
from ytpool.actions.watch import Nobody
from ytpool.actions.working import JobWorked
from ytpool.domain.accounts import Account
from ytpool.domain.jobs import Job
from ytpool.domain.scenarios import Disaster, What
from ytpool.errors import DiskFull, Interrupted, StateBusy, YtpoolError
from ytpool.store import leases, rehearsals

_PARALLEL = 4
_CRON, _CRON_AT_MOST = timedelta(minutes=5), timedelta(hours=6)
"""After which a worker that could not begin is started again, as cron would; ever later while nothing changes."""
_A_PERSON_IS_ASKED_AGAIN = timedelta(minutes=11)
_STANDS_STILL = 120.0
"""Seconds by the clock on the wall in which no video has come to its end and nothing has struck; then it ends."""
_MOST_IDLE, _IDLES_FOR = 100, 0.25
"""So often in a row nobody has found what is due, each time so many seconds later: longer than any place is held."""
_AT_MOST = 20.0
"""Seconds, and one for each video, that workers may take until nothing is left for now."""
_SOON = timedelta(seconds=2)
_BETWEEN = (What.KILL, What.DISK)
"""What brings workers of its own, and so waits until nobody works."""

_Coming = Disaster | Blow | Account
"""What has its moment: a disaster, its end, and the death of a login that is known beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What happened on a stage, as far as the books and the sandbox do not tell it."""

    began_at: datetime
    ended_at: datetime
    first_at: datetime | None
    """When the first disaster struck."""
    leaps: tuple[tuple[datetime, timedelta], ...]
    """Where the clock came to stand after a leap, and how far all of them went until then."""
    struck: tuple[Struck, ...]
    refusals: frozenset[str]
    """By which words YouTube has refused what it takes in the undisturbed run."""
    slept: timedelta
    """How long everybody waited at the longest, after the last moment that was planned."""
    missed: tuple[str, ...]
    """Disasters that would have come when all was done."""
    stopped: tuple[str, ...]
    """What kept workers from taking anything, each once."""
    rounds: int
    comes_to_an_end: bool
    broken_off: str
    """Why it was not played to its end, although nothing is known to be wrong; empty where it was."""


def play(
    stage: Stage, disasters: Sequence[Disaster], *, days: int, chance: random.Random, leans_on: Collection[str] = ()
) -> Played:
    """Play disasters on a stage until nothing is left that goes on by itself, or the days are over.

    They strike first at the accounts that the work leans on.
    """
    return _Play(stage, disasters, days=days, striker=Striker(stage, disasters, chance, leans_on)).through()


class _Play:
    def __init__(self, stage: Stage, disasters: Sequence[Disaster], *, days: int, striker: Striker) -> None:
        self._stage = stage
        self._rt = stage.rt
        self._striker = striker
        self._began_at = self._rt.calendar.now()
        self._ends_at = self._began_at + timedelta(days=days)
        self._order = itertools.count()
        self._coming: list[tuple[datetime, int, _Coming]] = []
        self._amidst: list[tuple[int, Disaster]] = []
        for one in disasters:
            if one.after is None:
                self._push(self._began_at + one.at, one)
            else:
                self._amidst.append((math.ceil(one.after / 100 * len(stage.script.films)), one))
        if not any(one.what is What.CLOCK for one in disasters):  # after a leap of months every test login is dead
            for account in stage.accounts.values():
                if account.grant_expires_at is not None and not account.needs_login:
                    self._push(account.grant_expires_at, account)
        self._amidst.sort(key=lambda each: each[0])
        self._worked: set[str] = set()
        self._leaps: list[tuple[datetime, timedelta]] = []
        self._first_at: datetime | None = None
        self._stopped: dict[str, None] = {}
        self._only_persons = False
        self._asked_persons = False
        self._restarts = False
        self._begun = 0
        self._overtime = False
        self._slept = timedelta()
        self._came_this_far: tuple[int, ...] = ()
        self._moved_at = 0.0

    def through(self) -> Played:
        rounds = idle = 0
        again, broken_off = _CRON, ""
        try:
            while idle < _MOST_IDLE:
                rounds += 1
                begun = self._begun
                self._strike_due(between=True)
                if self._work():
                    again = _CRON
                else:  # the next worker comes when cron starts it
                    begun = -1
                    now = self._rt.calendar.now()
                    changes_at = self._coming[0][0] if self._coming else self._ends_at
                    self._rt.clock_to(min(now + again, max(now + _CRON, changes_at)))
                    again = min(2 * again, _CRON_AT_MOST)
                if self._overtime:
                    break
                moment = self._goes_on_at()
                if moment is None or moment > self._ends_at:
                    break
                if self._stands_still():
                    broken_off = self._what_lasts()
                    self._overtime = not broken_off
                    break
                idle = 0 if self._begun > begun or moment > self._rt.calendar.now() + _SOON else idle + 1
                if idle:  # a place that somebody holds no more ends by the machine's clock, which leaps nowhere
                    self._rt.clock.sleep(_IDLES_FOR)
                self._sleep_until(moment)
        finally:
            struck = self._striker.struck()
        return Played(
            began_at=self._began_at,
            ended_at=self._rt.calendar.now(),
            first_at=self._first_at,
            leaps=tuple(self._leaps),
            struck=struck,
            refusals=self._striker.refusals(),
            slept=self._slept,
            missed=tuple(str(one.what) for one in self._left()),
            stopped=tuple(self._stopped),
            rounds=rounds,
            comes_to_an_end=idle < _MOST_IDLE and not self._overtime,
            broken_off=broken_off,
        )

    def _stands_still(self) -> bool:
        """Tell whether for long no video has come to its end and nothing has struck, however often workers begin."""
        with self._rt.store.reading() as tx:
            far = (rehearsals.count_open(tx), len(self._coming), len(self._amidst))
        now = self._rt.clock.monotonic()
        if far != self._came_this_far:
            self._came_this_far, self._moved_at = far, now
        return now - self._moved_at > _STANDS_STILL

    def _what_lasts(self) -> str:
        """Say which disasters are not over: as long as they last, nobody can be blamed for standing still."""
        lasting = [one.told for _, _, one in self._coming if isinstance(one, Blow)]
        if not lasting:
            return ""
        return f"in {_STANDS_STILL:.0f} seconds no video came any further, and this was not over: {'; '.join(lasting)}"

    def _sleep_until(self, moment: datetime) -> None:
        begins = max([self._rt.calendar.now(), *filter(None, [self._stage.script.planned_until])])
        if not self._only_persons:  # who come when they come
            self._slept = max(self._slept, moment - begins)
        self._rt.clock_to(moment)

    def _left(self) -> list[Disaster]:
        return [
            *(one for _, _, one in self._coming if isinstance(one, Disaster)),
            *(one for _, one in self._amidst),
        ]

    def _push(self, moment: datetime, one: _Coming) -> None:
        heapq.heappush(self._coming, (moment, next(self._order), one))

    def _work(self) -> bool:
        """Let workers work until nothing is left for now, as if they were a program that cron has started.

        False where something keeps them from taking what is due.
        """
        self._rt.forget_vault()
        self._rt.closed = frozenset()
        in_time = threading.Timer(_AT_MOST + len(self._stage.script.films), self._takes_too_long)
        in_time.daemon = True
        in_time.start()
        try:
            found = working.work(
                self._rt, Nobody(), begun=self._begins, ended=self._ended, parallel=_PARALLEL, once=True
            )
        except (Interrupted, DiskFull):  # of ours: workers that are to find no room are processes of their own
            raise
        except YtpoolError as error:
            self._stopped[error.message] = None
            self._let_workers_be_gone()
            return False
        finally:
            in_time.cancel()
        if found.stopped and not (self._restarts or self._overtime):
            raise Interrupted("interrupted; the rehearsal leaves nothing behind", hint="run the same command again")
        if found.stopped:
            self._let_workers_be_gone()
        self._stopped.update(dict.fromkeys(found.notes))
        return not found.notes

    def _takes_too_long(self) -> None:
        """End work that goes round in circles; every wait is over in no time here, so that is what it does."""
        self._overtime = True
        self._rt.stopping.set()

    def _let_workers_be_gone(self) -> None:
        """Make it so that the workers of before were another program, which has ended and holds no place any more."""
        self._restarts = False
        self._rt.stopping.clear()
        with suppress(StateBusy), self._rt.store.transaction() as tx:  # their places end by themselves, too
            leases.begin_anew(tx)

    def _begins(self, _: Job) -> None:
        self._begun += 1

    def _ended(self, done: JobWorked) -> None:
        """Let come what was to come in the middle of the work."""
        self._worked.add(done.job)
        while self._amidst and self._amidst[0][0] <= len(self._worked):
            self._strike(self._amidst.pop(0)[1])
        self._strike_due(between=False)

    def _strike_due(self, *, between: bool) -> None:
        while self._coming and self._coming[0][0] <= self._rt.calendar.now():
            one = self._coming[0][2]
            if not between and isinstance(one, Disaster) and one.what in _BETWEEN:
                return
            heapq.heappop(self._coming)
            match one:
                case Disaster():
                    self._strike(one)
                case Blow():
                    self._striker.take_back(one)
                case Account():
                    self._rt.sandbox.revoke_grant(one.channel_id)

    def _strike(self, disaster: Disaster) -> None:
        now = self._rt.calendar.now()
        self._first_at = self._first_at or now
        with self._rt.store.reading() as tx:
            is_done = rehearsals.goes_on_at(tx) is None
        blow = self._striker.strike(disaster)
        if is_done:  # where nobody counts who meets it, somebody has to be there who can
            blow.times = 0
        if disaster.what is What.CLOCK:
            self._leaps.append((self._rt.calendar.now(), self._striker.leapt))
            self._ends_at += self._rt.calendar.now() - now
        if disaster.what is What.KEYRING and not self._rt.stopping.is_set():
            # Whoever has the key goes on with it; those who are started next have to find it.
            self._restarts = True
            self._rt.stopping.set()
        if disaster.lasts_for:
            self._push(now + disaster.lasts_for, blow)

    def _goes_on_at(self) -> datetime | None:
        """Return when there is something to do again; None where nothing is left, or only what a person has to do."""
        with self._rt.store.reading() as tx:
            moment, persons, now = rehearsals.goes_on_at(tx), rehearsals.waits_for_a_person(tx), tx.now
        if moment is None and not persons:
            return None
        coming = [self._coming[0][0]] if self._coming else []
        self._only_persons = moment is None
        if moment is not None:
            self._asked_persons = False
            return min([max(moment, now + timedelta(seconds=1)), *coming])
        if coming:
            return coming[0]
        if self._asked_persons:
            return None
        self._asked_persons = True  # what stood in their way may be gone, as after a disaster is over
        return now + _A_PERSON_IS_ASKED_AGAIN
