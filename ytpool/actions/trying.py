"""One try at one step: its calls, made again where that is safe, and the memory of a write that nobody answered.

A write is stored as begun in the transaction that books it as sent. So whoever comes after a process that died knows
whether there is something to be looked up before the same write is made again, and whether looking may be spared.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from ytpool.actions.errand import Work
from ytpool.domain import failover, moments
from ytpool.domain.failover import Next, Until
from ytpool.domain.publication import spoken
from ytpool.domain.reconcile import LOOKS_APART
from ytpool.domain.secret import Secret
from ytpool.errors import (
    FileChanged,
    FileInvalid,
    LoginNeeded,
    MetadataInvalid,
    OutcomeUnknown,
    Resting,
    UpstreamFailed,
    UsageWrong,
)
from ytpool.store import job_steps, jobs
from ytpool.store.db import Tx
from ytpool.store.job_steps import Unheard

T = TypeVar("T")

_CALLS = 3
"""How often one call is made in one run where Google's trouble allows it."""


class Try:
    """One try at one step; `unsure` while a write of this step may have been done without our hearing of it."""

    def __init__(self, errand: Work, step: str, *, unsure: bool = False) -> None:
        self.errand = errand
        self.step = step
        self.unsure = unsure

    def read(self, operation: str, send: Callable[[Secret], T], *, paid_by: str = "") -> T:
        """Make a call that changes nothing, with what was set aside for this step or for the one that is named."""
        return self._repeated(operation, send, paid_by or self.step, None)

    def write(self, operation: str, send: Callable[[Secret], T]) -> T | None:
        """Make a call that changes something; None where YouTube says that it is there already.

        Raises OutcomeUnknown when nobody can say whether it was done; then the step is `unsure`, as it is where
        the answer came and could not be stored.
        """

        def begins(tx: Tx) -> None:
            job_steps.writes(tx, self.errand.job.job, self.step, operation)

        def leaves(token: Secret) -> T:
            before, self.unsure = self.unsure, True  # until the answer is stored
            try:
                return send(token)
            except UpstreamFailed as failure:
                self.unsure = failover.judge(failure).next is Next.UNKNOWN
                raise
            except (FileChanged, FileInvalid, MetadataInvalid, UsageWrong):  # nothing whole has left
                self.unsure = before
                raise

        try:
            answer = self._repeated(operation, leaves, self.step, begins)
        except UpstreamFailed as failure:
            verdict = failover.judge(failure)
            if verdict.next is Next.UNKNOWN:
                raise OutcomeUnknown(
                    f"the answer to {operation} did not come, so it may have been done",
                    hint="type the same command again: it looks first, and does nothing twice",
                    job=self.errand.job.job,
                ) from failure
            if verdict.next is Next.DONE:
                return None
            raise
        self.unsure = False
        return answer

    def may_have(self, operation: str) -> bool:
        """Tell whether it may be this call that nobody heard the answer of."""
        return self.unsure and self._unheard().operation in ("", operation)

    def require_due(self) -> None:
        """Raise OutcomeUnknown while it is too early to look again for what was not listed."""
        if not self.unsure:
            return
        known = self._unheard()
        if known.missed_at is not None and self.errand.rt.calendar.now() < known.missed_at + LOOKS_APART:
            raise self._not_listed(known.missed, known.missed_at)

    def misses(self, what: str) -> None:
        """Take note that what an unheard call may have made is not listed, for YouTube lists late.

        Returns once a second look, ten minutes after the first, has not seen it either: then it is not there. Raises
        OutcomeUnknown until then, with the moment of that look.
        """
        if not self.unsure:
            return
        with self.errand.rt.store.transaction() as tx:
            jobs.require(tx, self.errand.lease)
            missed_at, now = job_steps.misses(tx, self.errand.job.job, self.step, what), tx.now
        if now < missed_at + LOOKS_APART:
            raise self._not_listed(what, missed_at)
        self.unsure = False

    def _unheard(self) -> Unheard:
        with self.errand.rt.store.reading() as tx:
            return job_steps.unheard(tx, self.errand.job.job, self.step)

    def _not_listed(self, what: str, missed_at: datetime) -> OutcomeUnknown:
        again_at = missed_at + LOOKS_APART
        return OutcomeUnknown(
            f"it may have been done: {what} is not listed, which only a second look ten minutes later may confirm",
            hint=f"at {moments.spoken(again_at)} type the same command again, or: ytpool upload --resume",
            job=self.errand.job.job,
            until=again_at,
        )

    def _repeated(
        self, operation: str, send: Callable[[Secret], T], paid_by: str, begins: Callable[[Tx], None] | None
    ) -> T:
        """Make a paid call, again while Google's answers allow it; each time costs, and is held anew."""
        made, refreshed = 0, False
        while True:
            try:
                made += 1
                return self.errand.pay(self.errand.held_or_new(operation, paid_by), send, before=begins)
            except Resting as resting:
                if made >= _CALLS:
                    raise
                self.sleep_through(resting)
            except UpstreamFailed as failure:
                verdict = failover.judge(failure)
                if verdict.next is Next.REFRESH:
                    if refreshed:
                        self._login_is_dead(failure)
                    refreshed = True
                    continue
                # What rests for a day is not asked again in a moment.
                again = verdict.next is Next.SAME_ACCOUNT and verdict.until is not Until.IN_24_HOURS
                if not again or made >= (2 if verdict.once else _CALLS):
                    raise
                self.errand.says(f"{spoken(self.step)}: {failure.message or failure.reason}; once more in a moment")
                self.errand.pause(failure, made)

    def sleep_through(self, resting: Resting) -> None:
        """Wait for the end of a rest that is soon over, as after too many calls in a minute; else raise it."""
        self.errand.sleep_through(resting, f"{spoken(self.step)}: ")

    def _login_is_dead(self, failure: UpstreamFailed) -> None:
        self.errand.login_is_dead(failure)
        account = self.errand.account
        raise LoginNeeded(
            f"{account} needs a login: {failure.message}", hint=f"run: ytpool auth add {account}", account=account
        ) from failure
