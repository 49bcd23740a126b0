"""How it stands with everything, in one picture: read again and again for those who watch. Spends no quota."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import activity, lifetimes, queue, reports, rests, sessions
from ytpool.actions.activity import Wanted
from ytpool.actions.lifetimes import Lifetime
from ytpool.actions.queue import QueueStatus
from ytpool.actions.reports import QuotaReport
from ytpool.actions.rests import RestRow
from ytpool.actions.sessions import Seen
from ytpool.actions.tasks.slots import counted_in
from ytpool.errors import StateAway, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import alerts, jobs, leases, overview
from ytpool.store.alerts import Alert
from ytpool.store.entries import Entry
from ytpool.store.leases import LeaseKind
from ytpool.store.overview import Transfer

_SLOW_EVERY = 15.0
"""Seconds; logins and sessions change seldom, and each asks the books."""

_LOOKED_INTO_AT_MOST = 500
_NEWEST = 25
_LATELY = Wanted(hours=31 * 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What an operator looks at all day."""

    profile: str
    now: datetime
    """In quota time, as all moments here; the sandbox has a clock of its own."""
    alerts: Sequence[Alert]
    """Those that are open, the worst first, as housekeeping found them."""
    quota: QuotaReport
    thresholds: tuple[int, int, int]
    """Percentages of a limit from which its colour is another."""
    queue: QueueStatus
    """As `queue status` tells it."""
    keys_uncounted: str
    """Why the slots of other services' keys are not counted in there, or nothing."""
    jobs: Mapping[str, int]
    """Jobs that have not ended, by state."""
    at_work: int
    """Jobs of every kind that somebody alive is at."""
    transfers: tuple[Transfer, ...]
    rests: tuple[RestRow, ...]
    logins: tuple[Lifetime, ...]
    sessions: tuple[Seen, ...]
    activity: Sequence[Entry]
    """What was done last, the newest first."""


class Overviews:
    """Takes one picture after the other; belongs to one thread."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._slow_at: float | None = None
        self._logins: tuple[Lifetime, ...] = ()
        self._sessions: tuple[Seen, ...] = ()
        self._keys_problem = ""
        self._keys_failed_at: float | None = None

    def take(self) -> Overview:
        """Read the books; raises StateAway and whatever else keeps them from being read."""
        rt = self._rt
        now = rt.clock.monotonic()
        if self._slow_at is None or now - self._slow_at >= _SLOW_EVERY:
            self._logins = lifetimes.lifetimes(rt)
            self._sessions = sessions.list_sessions(rt).sessions
            self._slow_at = now
        with rt.store.reading() as tx:
            moment, thresholds = tx.now, rt.terms(tx).thresholds
            at_work = sorted(leases.held(tx, LeaseKind.JOB))
            transfers = overview.transfers(tx, at_work[:_LOOKED_INTO_AT_MOST])
            open_alerts = alerts.standing(tx)
            counts = jobs.counts(tx)
        places, keys_uncounted = self._places(now)
        return Overview(
            profile=rt.config.profile,
            now=moment,
            alerts=open_alerts,
            quota=reports.quota_report(rt),
            thresholds=thresholds,
            queue=places,
            keys_uncounted=keys_uncounted,
            jobs=counts,
            at_work=len(at_work),
            transfers=transfers,
            rests=rests.list_rests(rt).rests,
            logins=self._logins,
            sessions=self._sessions,
            activity=activity.newest(rt, _LATELY, _NEWEST)[0][::-1],
        )

    def _places(self, now: float) -> tuple[QueueStatus, str]:
        """Say which slots are taken; keys that cannot be read, as in a vault that is locked, hide nothing else."""
        found = queue.status(self._rt)
        if not self._rt.config.providers:
            return found, ""
        if self._keys_failed_at is None or now - self._keys_failed_at >= _SLOW_EVERY:  # a keyring may take its time
            try:
                counted, self._keys_failed_at = counted_in(self._rt, found), None
            except StateAway:
                raise
            except YtpoolError as error:
                self._keys_problem, self._keys_failed_at = error.message, now
            else:
                return counted, ""
        return found, self._keys_problem
