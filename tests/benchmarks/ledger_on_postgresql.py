"""hold, sent and settle of uploads from sixteen processes on PostgreSQL, against the same statements in bare psycopg.

All draw on one project. The bare ones run what ours was seen to run, transaction by transaction, but without the lock
that makes ours one writer at a time: there the database's own locks on rows have to do. Afterwards sixteen processes
ask for more than a limit allows, and get what it allows, to the last unit.

Run: python tests/benchmarks/ledger_on_postgresql.py
"""

import json
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import postgres
import ratios
import real_parts
from books import Books, make_account

from ytpool.clock import SystemClock
from ytpool.errors import QuotaExhausted
from ytpool.store.ledger import Entry, Payer

try:
    import psycopg
except ImportError:
    psycopg = None

PROCESSES = 16
CALLS = 10
"""How many calls each process makes in one round."""
ROUNDS = 20
LIMIT = 100
"""Uploads, for a limit that is asked for too much."""
PAYER = Payer(account="news", project="acme", channel_id="UCnews")


class Ours:
    """Calls as the program makes them."""

    def __init__(self, place):
        self.books = Books(place, SystemClock())

    def call(self):
        held = self.books.hold(PAYER, "videos.insert")
        self.books.send(held)
        self.books.settle(held, Entry.SPENT)
        return held.hold


class Bare:
    """The same statements, with nothing around them."""

    def __init__(self, place):
        url, _, schema = place.partition("#")
        self.transactions, self.hold = json.loads(Path(sys.argv[3]).read_text())
        self.connection = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor)
        self.connection.execute(f"SET search_path = {schema}")

    def call(self):
        hold = uuid4().hex
        for statements in self.transactions:
            with self.connection.transaction():
                for sql, given in statements:
                    own = {name: hold if value == self.hold else value for name, value in given.items()}
                    self.connection.execute(sql, own)


def recorded(place):
    """Return what one call runs: for each transaction its statements and their values; and the hold's id in them."""
    transactions = []

    class Noting(psycopg.ClientCursor):
        def execute(self, query, params=None, **how):
            if str(query).startswith("BEGIN"):
                transactions.append([])
            elif params is not None:
                transactions[-1].append((query, params))
            return super().execute(query, params, **how)

        def executemany(self, query, params_seq, **how):
            rows = [*params_seq]
            transactions[-1].extend((query, row) for row in rows)
            return super().executemany(query, rows, **how)

    ours = Ours(place)
    ours.call()  # what is done once a day is done
    plain, psycopg.ClientCursor = psycopg.ClientCursor, Noting
    try:
        hold = ours.call()
    finally:
        psycopg.ClientCursor = plain
        ours.books.database.close()
    assert len(transactions) == 3, transactions
    return transactions, hold


class Crowd:
    """Sixteen processes that make calls when they are told to."""

    def __init__(self, stack, kind, *given):
        words = [sys.executable, __file__, kind, *map(str, given)]
        self.processes = [
            stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(PROCESSES)
        ]
        stack.callback(self._end)

    def calls(self, each=CALLS):
        """Have each make so many calls at the same time; return how many were made in all."""
        for one in self.processes:
            one.stdin.write(f"{each}\n")
            one.stdin.flush()
        return sum(int(one.stdout.readline()) for one in self.processes)

    def _end(self):
        for one in self.processes:
            one.stdin.close()


def obey(caller):
    """Make calls as often as the standard input says, and say how many there were before the quota was used up."""
    for line in sys.stdin:
        made = 0
        for _ in range(int(line)):
            try:
                caller.call()
            except QuotaExhausted:
                break
            made += 1
        print(made, flush=True)


def made(place, limit):
    """Make a state with one account, whose project may upload so often."""
    with closing(Books(place, SystemClock()).created().database) as database:
        books = Books(place, SystemClock())
        with database.transaction() as tx:
            make_account(tx)
        with closing(books.database):
            books.limit(limit, bucket="uploads")


def spent(place):
    books = Books(place, SystemClock())
    with closing(books.database):
        assert books.differences() == []
        return books.meter("uploads")["spent"]


def main():
    if psycopg is None:
        raise ratios.Unable("psycopg is not installed (pip install 'ytpool[postgres]')")
    if lacking := real_parts.lacking("postgres"):
        raise ratios.Unable(lacking)
    with postgres.running(fsync="on", max_connections=100) as server, ExitStack() as stack:
        places = [f"{server.url}#{stack.enter_context(server.schema())}" for _ in range(3)]
        ours_at, bare_at, full_at = places
        made(ours_at, 10**9)
        made(bare_at, 10**9)
        made(full_at, LIMIT)
        statements = server.folder / "statements.json"
        statements.write_text(json.dumps(recorded(bare_at)))
        with ExitStack() as crowds:
            ours = Crowd(crowds, "ours", ours_at)
            bare = Crowd(crowds, "bare", bare_at, statements)
            rounds = ratios.in_turn(ours.calls, bare.calls, ROUNDS)
        calls = PROCESSES * CALLS * (len(rounds) + 1)
        assert (spent(ours_at), spent(bare_at)) == (calls, calls + 2)
        with ExitStack() as crowds:
            got = Crowd(crowds, "ours", full_at).calls(each=LIMIT)
        assert got == spent(full_at) <= LIMIT, (got, spent(full_at))
        print(f"{PROCESSES} processes asked for {PROCESSES * LIMIT} uploads of {LIMIT}, and got {got}")
    ratios.report(
        f"hold, sent, settle from {PROCESSES} processes against bare psycopg",
        [theirs / ours for ours, theirs in rounds],
        at_least=0.5,
        note=f"at best {PROCESSES * CALLS / min(one for one, _ in rounds):.0f} calls a second, of three commits each",
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        obey({"ours": Ours, "bare": Bare}[sys.argv[1]](sys.argv[2]))
    else:
        ratios.run(main)
