"""Picking the next job out of a hundred thousand that wait beside out of a hundred: at most twice.

Run from the repository's root as `python tests/benchmarks/claiming.py`. Half of the jobs wait for their moment; whoever
picks one gives its turn back, as a worker does. The second number is of those who look in vain, because every account
that somebody waits for is full.
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import ratios
from books import Books

from ytpool.clock import SystemClock
from ytpool.domain import moments
from ytpool.store import leases, line
from ytpool.store.leases import LeaseKind

AT_MOST = 2.0
MANY, FEW = 100_000, 100
PICKED = 20
ROUNDS = 15


def main():
    with tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder:
        many, few = (waiting(Path(folder) / f"{count}.db", count) for count in (MANY, FEW))
        seconds = ratios.in_turn(lambda: pick(many), lambda: pick(few), ROUNDS)
        for books in (many, few):
            fill(books)
        in_vain = ratios.in_turn(lambda: look(many), lambda: look(few), ROUNDS)
        many.database.close()
        few.database.close()
    told(f"picking out of {MANY:,} jobs", seconds)
    told(f"looking in vain among {MANY:,} jobs", in_vain)


def told(what, seconds):
    each = min(ours for ours, _ in seconds) / PICKED * 1000
    ratio = [ours / theirs for ours, theirs in seconds]
    ratios.report(f"{what} against {FEW}", ratio, at_most=AT_MOST, note=f"at best {each:.2f} ms each")


def waiting(path, count):
    """Return books with so many jobs in the line, of ten accounts and three priorities."""
    books = Books(path, SystemClock(), seed=1).created()
    for number in range(10):
        books.account(f"account-{number}")
    with books.transaction() as tx:
        later = moments.text(tx.now + timedelta(days=1))
        tx.many(
            """
            INSERT INTO jobs (job, kind, state, target_kind, target, request, priority, not_before, created_at,
                              updated_at)
            VALUES (:job, 'comment', 'queued', 'account', :account, '{}', :priority, :not_before, :at, :at)
            """,
            (
                {
                    "job": f"j{number:08}",
                    "account": f"account-{number % 10}",
                    "priority": number % 3,
                    "not_before": later if number % 2 else None,
                    "at": tx.at,
                }
                for number in range(count)
            ),
        )
    return books


def pick(books):
    for _ in range(PICKED):
        with books.transaction() as tx:
            picked = line.pick(tx)
            assert picked.job.not_before is None
        with books.transaction() as tx:
            leases.give_back(tx, [picked.turn])


def fill(books):
    """Let every account have as many jobs at work as it has slots."""
    with books.transaction() as tx:
        for row in tx.all("SELECT account, slots FROM accounts"):
            for _ in range(row["slots"]):
                leases.take(tx, LeaseKind.SLOT, row["account"], holder="another job", places=row["slots"])


def look(books):
    with books.transaction() as tx:  # so that they are held still
        tx.run("UPDATE leases SET expires = :expires WHERE kind = 'slot'", expires=tx.boot + 60)
    for _ in range(PICKED):
        with books.transaction() as tx:
            assert line.pick(tx) is None


if __name__ == "__main__":
    ratios.run(main)
