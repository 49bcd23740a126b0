"""How it stands with everything, in one picture: read again and again for those who watch. Spends no quota."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import lifetimes, queue, reports, rests, sessions
from ytpool.actions.lifetimes import Lifetime
from ytpool.actions.queue import QueueStatus
from ytpool.actions.reports import QuotaReport
from ytpool.actions.rests import RestRow
from ytpool.actions.sessions import Seen
from ytpool.runtime import Runtime
from ytpool.store import jobs, leases, overview
from ytpool.store.leases import LeaseKind
from ytpool.store.overview import Happening, Transfer

_SLOW_EVERY = 15.0
"""Seconds; logins and sessions change seldom, and each asks the books."""

_LOOKED_INTO_AT_MOST = 500
_NEWEST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What an operator looks at all day."""

    profile: str
    now: datetime
    """In quota time, as all moments here; the sandbox has a clock of its own."""
    quota: QuotaReport
    queue: QueueStatus
    jobs: Mapping[str, int]
    """Jobs that have not ended, by state."""
    at_work: int
    """Jobs of every kind that somebody alive is at."""
    transfers: tuple[Transfer, ...]
    rests: tuple[RestRow, ...]
    logins: tuple[Lifetime, ...]
    sessions: tuple[Seen, ...]
    activity: tuple[Happening, ...]


class Overviews:
    """Takes one picture after the other; belongs to one thread."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._slow_at: float | None = None
        self._logins: tuple[Lifetime, ...] = ()
        self._sessions: tuple[Seen, ...] = ()

    def take(self) -> Overview:
        """Read the books; raises StateBusy and whatever else keeps them from being read."""
        rt = self._rt
        now = rt.clock.monotonic()
        if self._slow_at is None or now - self._slow_at >= _SLOW_EVERY:
            self._logins = lifetimes.lifetimes(rt)
            self._sessions = sessions.list_sessions(rt).sessions
            self._slow_at = now
        with rt.store.reading() as tx:
            moment = tx.now
            at_work = sorted(leases.held(tx, LeaseKind.JOB))
            transfers = overview.transfers(tx, at_work[:_LOOKED_INTO_AT_MOST])
            counts = jobs.counts(tx)
            activity = overview.newest(tx, _NEWEST)
        return Overview(
            profile=rt.config.profile,
            now=moment,
            quota=reports.quota_report(rt),
            queue=queue.status(rt),
            jobs=counts,
            at_work=len(at_work),
            transfers=transfers,
            rests=rests.list_rests(rt).rests,
            logins=self._logins,
            sessions=self._sessions,
            activity=activity,
        )
