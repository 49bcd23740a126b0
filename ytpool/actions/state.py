"""Looking whether the state is whole and its books are right."""

from dataclasses import dataclass
from pathlib import Path

from ytpool.errors import BooksDisagree
from ytpool.runtime import Runtime
from ytpool.store import breakers, jobs, ledger, meta, rests


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChecked:
    """What the state looks like from inside."""

    state: Path
    schema: int
    size: int
    integrity: tuple[str, ...]
    books: tuple[str, ...]
    expired_holds: int
    open_jobs: dict[str, int]
    clock_accepted: bool
    problem: BooksDisagree | None = None


def check(rt: Runtime, *, accept_clock: bool = False) -> StateChecked:
    """Check file and books; holds that nobody settled in time are settled on the way."""
    integrity = tuple(rt.store.integrity())
    with rt.store.transaction() as tx:
        if accept_clock:
            meta.forget_confirmation(tx)
            rests.begin_by(tx, rt.clock.now())  # what was written by a clock that ran ahead would rest for longer
            breakers.forget_all(tx)
        expired = ledger.expire(tx)
        books = tuple(ledger.differences(tx))
        schema = int(meta.get(tx, "schema") or 0)
        open_jobs = jobs.counts(tx)
    problem = None
    if integrity or books:
        problem = BooksDisagree(
            (integrity or books)[0],
            hint="stop all ytpool processes and restore a backup" if integrity else "please report this",
        )
    return StateChecked(
        state=rt.store.path,
        schema=schema,
        size=rt.store.path.stat().st_size,
        integrity=integrity,
        books=books,
        expired_holds=expired,
        open_jobs=open_jobs,
        clock_accepted=accept_clock,
        problem=problem,
    )
