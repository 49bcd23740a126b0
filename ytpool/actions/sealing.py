"""Keeping the activity journal: sealing what is a minute old, erasing whose owner left, dropping what is too old.

For housekeeping; each step is a transaction of its own, so whoever dies in between leaves a journal that is whole.
"""

from dataclasses import dataclass
from datetime import timedelta

from ytpool.runtime import Runtime
from ytpool.store import segments, sums
from ytpool.store.db import Database

SEALED_AFTER = timedelta(minutes=1)

AT_ONCE = 10_000
"""Rows of the largest segment; smaller ones come of pools where less happens between two looks."""

_ERASED_AT_ONCE = 1000
_LASTS_FOR = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """How the sealed part of the journal stands."""

    segments: int
    rows: int
    """Sealed ones that are still there."""
    digest: str
    """Of the newest segment: kept elsewhere, it proves later that nothing up to here was changed."""
    wrong: tuple[str, ...]
    """What is not as it was sealed."""


def keep(rt: Runtime) -> int:
    """Erase, seal and drop what is due, and return in how many steps.

    Begins nothing after two seconds of each, and goes on the next time.
    """
    steps = 0
    for some in (erase_some, seal_some, _drop_some):
        ends_at = rt.clock.monotonic() + _LASTS_FOR
        while some(rt):
            steps += 1
            if rt.clock.monotonic() >= ends_at:
                break
            rt.require_going()
    return steps


def due(rt: Runtime) -> int:
    """Return how many sorts of steps are due: erasing, sealing, dropping."""
    days = rt.config.activity.retention_days
    with rt.store.reading() as tx:
        return sum(
            one is not None
            for one in (
                segments.whom_to_erase(tx),
                segments.draft(tx, SEALED_AFTER, AT_ONCE),
                segments.too_old(tx, tx.now - timedelta(days=days)) if days else None,
            )
        )


def seal_some(rt: Runtime) -> bool:
    """Seal the next rows; False where there are none. Of several processes one seals, and the others look again."""
    with rt.store.reading() as tx:
        draft = segments.draft(tx, SEALED_AFTER, AT_ONCE)
    if draft is None:
        return False
    with rt.store.transaction() as tx:
        segments.seal(tx, draft)
    return True


def erase_some(rt: Runtime) -> bool:
    """Erase the next rows of an account that has left; False where none has."""
    with rt.store.reading() as tx:
        account = segments.whom_to_erase(tx)
    if account is None:
        return False
    with rt.store.transaction() as tx:
        segments.erase_some(tx, account, _ERASED_AT_ONCE)
    return True


def look_over(store: Database) -> Journal:
    """Read every sealed row, and say which segments are not as they were sealed, and whether reports count them."""
    before, count, rows, wrong = None, 0, 0, []
    while True:
        with store.reading() as tx:
            found = segments.next_to(tx, before)
            if found is None:
                problem = sums.what_is_wrong(tx)
                break
            problem = segments.what_is_wrong(tx, before, found)
        if problem:
            wrong.append(f"{found}: {problem}")
        if not found.dropped:
            count, rows = count + 1, rows + found.rows
        before = found
    if problem:
        wrong.append(problem)
    return Journal(segments=count, rows=rows, digest="" if before is None else before.digest, wrong=tuple(wrong))


def _drop_some(rt: Runtime) -> bool:
    days = rt.config.activity.retention_days
    if not days:
        return False
    with rt.store.reading() as tx:
        if segments.too_old(tx, tx.now - timedelta(days=days)) is None:
            return False
    with rt.store.transaction() as tx:
        oldest = segments.too_old(tx, tx.now - timedelta(days=days))
        if oldest is not None:  # nobody else was faster
            segments.drop(tx, oldest)
    return True
