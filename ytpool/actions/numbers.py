"""The numbers that machines watch: read from the books in one go, every now and then."""

from collections.abc import Mapping
from dataclasses import dataclass

from ytpool.actions.reports import QuotaReport, quota_report
from ytpool.runtime import Runtime
from ytpool.store import jobs, rests


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How much there is of what."""

    quota: QuotaReport
    jobs: Mapping[str, int]
    """Jobs that have not ended, by state."""
    rests: int
    """Rests that run."""
    is_paused: bool


def numbers(rt: Runtime) -> Numbers:
    """Read them; costs no quota."""
    report = quota_report(rt)
    with rt.store.reading() as tx:
        running = rests.running(tx)
        return Numbers(
            quota=report,
            jobs=jobs.counts(tx),
            rests=sum(not one.is_pause for one in running),
            is_paused=any(one.is_pause for one in running),
        )
