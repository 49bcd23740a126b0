"""A process that gives jobs to a pool, one transaction each, as the program does. Run: turn_taker.py STATE JOBS."""

import sys

from books import Books

from ytpool.clock import SystemClock
from ytpool.domain import balancing
from ytpool.domain.balancing import Strategy, Weights
from ytpool.domain.jobs import Target, TargetKind
from ytpool.store import accounts, candidates, ledger, pools
from ytpool.store.ledger import Call, Payer

POOL = Target(kind=TargetKind.POOL, name="main")


def give(books):
    with books.transaction() as tx:
        choice = balancing.choose(
            candidates.of(tx, POOL, ("videos.list",), books.terms(tx)),
            strategy=Strategy(pools.get(tx, POOL.name).strategy),
            weights=Weights(),
            now=tx.now,
            rng=books.rng,
        )
        pools.take_turn(tx, POOL.name, choice.account)
        found = accounts.get(tx, choice.account)
        payer = Payer(account=found.account, project=found.project, channel_id=found.channel_id)
        ledger.hold(tx, payer, [Call(operation="videos.list")], books.terms(tx), books.rng)


def main():
    books = Books(sys.argv[1], SystemClock())
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        give(books)
    books.database.close()


if __name__ == "__main__":
    main()
