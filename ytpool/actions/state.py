"""Looking whether the state is whole and its books are right."""

from collections.abc import Sequence
from dataclasses import dataclass

from ytpool.actions import sealing
from ytpool.actions.sealing import Journal
from ytpool.errors import BooksDisagree
from ytpool.runtime import Runtime
from ytpool.store import breakers, jobs, ledger, meta, rests


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChecked:
    """What the state looks like from inside."""

    state: str
    schema: int
    size: int
    integrity: tuple[str, ...]
    books: tuple[str, ...]
    journal: Journal
    """The sealed part of the activity journal."""
    expired_holds: int
    open_jobs: dict[str, int]
    clock_accepted: bool
    left_for: str | None
    """Where the state goes on, if it has moved."""
    advice: str
    """What to change so that it is named where it goes on."""
    problem: BooksDisagree | None = None


def what_is_wrong(integrity: Sequence[str], books: Sequence[str], journal: Journal) -> BooksDisagree | None:
    """Word the worst of what was found, with what to do; None is good news."""
    if integrity:
        return BooksDisagree(
            integrity[0], hint="stop all ytpool processes and restore a backup: ytpool state restore FILE"
        )
    if books:
        return BooksDisagree(books[0], hint="please report this")
    if journal.wrong:
        return BooksDisagree(
            f"the activity journal was changed by hand, or damaged: {journal.wrong[0]}",
            hint="restore a backup; until then reports may be wrong about that time, and nothing else is",
        )
    return None


def check(rt: Runtime, *, accept_clock: bool = False) -> StateChecked:
    """Check file and books; holds that nobody settled in time are settled on the way."""
    integrity = tuple(rt.store.integrity())
    journal = sealing.look_over(rt.store)
    with rt.store.transaction() as tx:
        if accept_clock:
            meta.forget_confirmation(tx)
            rests.begin_by(tx, rt.clock.now())  # what was written by a clock that ran ahead would rest for longer
            breakers.forget_all(tx)
        expired = ledger.expire(tx)
        books = tuple(ledger.differences(tx))
        schema = int(meta.get(tx, "schema") or 0)
        open_jobs = jobs.counts(tx)
        left_for = meta.get(tx, meta.MOVED_TO)
    return StateChecked(
        state=rt.store.shown,
        schema=schema,
        size=rt.store.size(),
        integrity=integrity,
        books=books,
        journal=journal,
        expired_holds=expired,
        open_jobs=open_jobs,
        clock_accepted=accept_clock,
        left_for=left_for,
        advice="" if left_for is None else rt.way_to(left_for),
        problem=what_is_wrong(integrity, books, journal),
    )
