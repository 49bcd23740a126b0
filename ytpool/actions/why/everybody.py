"""Why each account could not take an upload now: all of them at once, in few words. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from ytpool.actions import breakers
from ytpool.actions.why.ways import UPLOADING
from ytpool.domain import balancing
from ytpool.runtime import Runtime
from ytpool.store import candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """An account that could not take an upload now."""

    account: str
    project: str
    tier: str
    reason: str
    """As `why ACCOUNT` says it; of several what lasts longest."""
    until: datetime | None
    """When that ends by itself, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """Who could take an upload now, and what keeps the others."""

    at: datetime
    free: int
    rows: tuple[NotNow, ...]


def why_not(rt: Runtime) -> WhyNot:
    """Say what keeps each account from an ordinary upload that names it; reserve counts as any other here."""
    with rt.store.reading() as tx:
        found = candidates.of(tx, None, UPLOADING, rt.terms(tx), rules=breakers.rules(rt.config))
        now = tx.now
    rows = tuple(
        NotNow(
            account=one.account,
            project=one.project,
            tier=one.tier,
            reason=reason,
            until=None if one.obstacle is None else one.obstacle.until,
        )
        for one in found
        if (reason := balancing.why_not(one, one.tier)) is not None
    )
    return WhyNot(at=now, free=len(found) - len(rows), rows=rows)
