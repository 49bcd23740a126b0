"""What the real state remembers of rehearsals: how the last one ended of those that come in turn."""

import json
from dataclasses import dataclass
from datetime import datetime

from ytpool.domain import moments
from ytpool.store import meta
from ytpool.store.db import Tx

FAILED = "failed"
"""A promise was broken in it."""
NOT_RUN = "not_run"
"""It did not come to a verdict; the same one has its turn again."""
NOT_MET = "not_met"
"""Nobody met what was to go wrong, so nothing is proven."""
BROKEN_OFF = "broken_off"
"""What went wrong lasted for too long to be played, so nothing is proven of what comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """How a rehearsal ended, and what plays it again."""

    at: datetime
    scenario: str
    ended: str
    told: str
    seed: int


def last(tx: Tx) -> Last | None:
    """Return the last rehearsal that was remembered."""
    stored = meta.get(tx, meta.REHEARSED)
    if stored is None:
        return None
    said = json.loads(stored)
    return Last(**{**said, "at": moments.parse(said["at"])})


def keep(tx: Tx, one: Last) -> None:
    """Write down how a rehearsal ended; nothing else of it is ever written to the real state."""
    said = {"at": moments.text(one.at), "scenario": one.scenario, "ended": one.ended, "told": one.told}
    meta.put(tx, meta.REHEARSED, json.dumps({**said, "seed": one.seed}))
