"""Choosing an account and holding a publication on it: a pool of 1,500 accounts against one of 15.

Every account has a history, meters of its own day, and every hundredth a learned cap; ten work at the moment.
One round is one transaction, as the program does it: candidates, choice, hold, commit.

Run: python tests/benchmarks/choosing.py
"""

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import ratios
from books import Books, make_account, make_channel, make_pool

from ytpool.clock import SystemClock
from ytpool.domain import balancing
from ytpool.domain.balancing import Strategy, Weights
from ytpool.domain.jobs import Target, TargetKind
from ytpool.store import accounts, candidates, leases, ledger
from ytpool.store.leases import LeaseKind
from ytpool.store.ledger import Call, Payer

SMALL, LARGE = 15, 1_500
ROUNDS = 60
PUBLICATION = ("videos.insert", *["videos.list"] * 4)


def _made(folder, size):
    books = Books(folder / f"{size}.db", SystemClock()).created()
    names = [f"account-{number:04}" for number in range(size)]
    with books.transaction() as tx:
        for number, name in enumerate(names):
            make_channel(tx, f"UC{name}", upload_cap=50 if number % 100 == 0 else None)
            make_account(tx, name)
            accounts.worked(tx, name, "videos.insert", well=number % 7 != 0, uploaded=True)
        make_pool(tx, "main", names)
    for bucket in ("uploads", "general"):
        books.limit(10**9, bucket=bucket)
    with books.transaction() as tx:
        for name in names:
            payer = Payer(account=name, project="acme", channel_id=f"UC{name}")
            ledger.hold(tx, payer, [Call(operation=each) for each in PUBLICATION], books.terms(tx), books.rng)
        for name in names[:10]:
            leases.take(tx, LeaseKind.SLOT, name, holder="j1", lasts_for=leases.REFRESH_LASTS_FOR * 100)
            leases.take(tx, LeaseKind.CHANNEL, f"UC{name}", holder="j1", lasts_for=leases.REFRESH_LASTS_FOR * 100)
    return books


def _place(books):
    """Choose and hold, as an upload does, and commit."""
    with books.transaction() as tx:
        terms = books.terms(tx)
        able = candidates.of(tx, Target(kind=TargetKind.POOL, name="main"), PUBLICATION, terms)
        choice = balancing.choose(able, strategy=Strategy.HEALTH, weights=Weights(), now=tx.now, rng=books.rng)
        payer = Payer(account=choice.account, project="acme", channel_id=f"UC{choice.account}")
        ledger.hold(tx, payer, [Call(operation=each) for each in PUBLICATION], terms, books.rng)


def main():
    with tempfile.TemporaryDirectory() as folder:
        small, large = _made(Path(folder), SMALL), _made(Path(folder), LARGE)
        rounds = ratios.in_turn(lambda: _place(large), lambda: _place(small), ROUNDS)
        small.database.close()
        large.database.close()
    slower = [many / few for many, few in rounds]
    ratios.report("choose and hold, 1,500 accounts against 15", slower, at_most=12)


if __name__ == "__main__":
    ratios.run(main)
