"""A process that works on the books until it is killed. Run: python bookkeeper.py STATE SEED.

Most of what it holds costs nothing in the end, so that there is always something to quarrel about.
"""

import os
import random
import sys
from datetime import timedelta

from books import Books

from ytpool.clock import SystemClock
from ytpool.domain.quota import Urgency
from ytpool.errors import HoldLost, QuotaExhausted
from ytpool.store import ledger
from ytpool.store.ledger import Entry, Payer

PAYERS = [Payer(account=name, project=name[:4], channel_id=f"UC{name}") for name in ("acme1", "acme2", "beta1")]
CALLS = [("videos.list",), ("commentThreads.insert",), ("videos.insert",), ("videos.insert", *["videos.list"] * 4)]
OUTCOMES = [Entry.RELEASED] * 17 + [Entry.UNKNOWN, Entry.SPENT, Entry.SPENT]


def work(books, rng):
    """Do one thing that a worker does: a publication from hold to settling, or what housekeeping does."""
    job = f"j{rng.randrange(4)}"
    if rng.random() < 0.1:
        with books.transaction() as tx:
            rng.choice([ledger.expire, lambda tx: ledger.renew(tx, job), lambda tx: ledger.release_job(tx, job)])(tx)
        return
    try:
        made = books.hold(
            rng.choice(PAYERS),
            *rng.choice(CALLS),
            job=job,
            urgency=Urgency.BUFFER,
            lasts_for=timedelta(seconds=rng.choice([0.01, 90])),
        )
    except QuotaExhausted:
        return
    for held in made if isinstance(made, tuple) else (made,):
        try:
            books.send(held)
        except HoldLost:  # another has expired or released it
            continue
        books.settle(held, rng.choice(OUTCOMES))
        books.settle(held, rng.choice(OUTCOMES))


def main():
    rng = random.Random(int(sys.argv[2]))
    books = Books(sys.argv[1], SystemClock())
    parent = os.getppid()
    print("working", flush=True)
    while os.getppid() == parent:  # nobody is left to kill it when the test itself was killed
        work(books, rng)


if __name__ == "__main__":
    main()
