"""Going on holding what a worker holds, while it works; and knowing when it no longer does."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Self

from ytpool.errors import HoldLost, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import leases, ledger
from ytpool.store.leases import Lease

log = logging.getLogger(__name__)

_BEATS_PER_LEASE = 3


class Heartbeat:
    """Renews a job's leases and holds in a thread of its own, at a third of a lease's life.

    `require()` is asked before anything is sent or written: a worker that could not renew (its process slept, the
    state was locked, somebody took over) stops before its lease ends.
    """

    def __init__(self, rt: Runtime, job: Lease) -> None:
        self._rt = rt
        self._job = job
        self._leases: tuple[Lease, ...] = (job,)
        self._changing = threading.Lock()
        self._good_until = job.until
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {job.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def hold(self, *also: Lease) -> None:
        """Renew these beside the job's own from now on."""
        with self._changing:
            self._leases = (self._job, *also)

    def require(self) -> None:
        """Raise HoldLost unless the job is surely still ours."""
        if self._rt.clock.boot() >= self._good_until:
            raise HoldLost(
                f"job {self._job.name} could not be kept: this process stood still for too long, or another took over",
                hint="type the same command again; it goes on from where the server is",
                job=self._job.name,
            )

    def _beat(self) -> None:
        every = leases.LASTS_FOR.total_seconds() / _BEATS_PER_LEASE
        said = ""
        while not self._stopped.wait(every):
            try:
                with self._changing, self._rt.store.transaction() as tx:
                    renewed = leases.renew(tx, self._leases)
                    ledger.renew(tx, self._job.name)
                    until = tx.machine_boot + leases.LASTS_FOR.total_seconds()
            except YtpoolError as error:
                # The state may be free again at the next beat; until then `require` counts down.
                if error.message != said:
                    log.warning("lease not renewed", extra={"job": self._job.name, "reason": error.message})
                said = error.message
                continue
            if not renewed:
                self._good_until = 0.0
                return
            self._good_until = until
            said = ""


@contextmanager
def renewing(rt: Runtime, lease: Lease, lasts_for: timedelta) -> Iterator[None]:
    """Keep one lease while a single call is under way, however slow it is."""
    stopped = threading.Event()

    def beat() -> None:
        said = ""
        while not stopped.wait(lasts_for.total_seconds() / _BEATS_PER_LEASE):
            try:
                with rt.store.transaction() as tx:
                    if not leases.renew(tx, [lease], lasts_for):
                        return
            except YtpoolError as error:
                if error.message != said:
                    log.warning("lease not renewed", extra={"lease": lease.name, "reason": error.message})
                said = error.message

    thread = threading.Thread(target=beat, name=f"{lease.kind} {lease.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
