"""What must be there at once, each as a whole process, against the start of Python with the two imports that nobody can
avoid: `quota report --json`, a page of help, and a name completed with Tab.

The state has 50 accounts and 30 days of history: three uploads and their read-backs a day and account.

Run: python tests/benchmarks/startup.py
"""

import compileall
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import ratios
from books import BOOK, Books, ObedientClock, make_account, make_pool

from ytpool import config
from ytpool.store import activity, ledger
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Call, Entry

YTPOOL = (sys.executable, "-m", "ytpool")
BARE = (sys.executable, "-c", "import typer, sqlite3")
ACCOUNTS, DAYS, UPLOADS_A_DAY = 50, 30, 3
ROUNDS = 40
TAB = {"COMP_WORDS": "ytpool\naccounts\nshow\nacc", "COMP_CWORD": "3", "_YTPOOL_COMPLETE": "complete_bash"}


def _make_state(environ):
    """Live through thirty days, the last of them today."""
    clock = ObedientClock(datetime.now(UTC) - timedelta(days=DAYS))
    books = Books(config.load(profile=None, environ=environ).paths.state, clock).created()
    books.limit(10_000, name="acme", bucket="uploads")
    with books.transaction() as tx:
        payers = [make_account(tx, f"account-{number:02}") for number in range(ACCOUNTS)]
        make_pool(tx, "main", [payer.account for payer in payers])
    for _ in range(DAYS):
        books.forward(days=1)
        for payer in payers:
            with books.transaction() as tx:
                _publish(tx, books, payer)
    books.database.close()


def _publish(tx, books, payer):
    terms = books.terms(tx)
    calls = [Call(operation="videos.insert"), Call(operation="videos.list")] * UPLOADS_A_DAY
    for held in ledger.hold(tx, payer, calls, terms, books.rng):
        ledger.send(tx, held, BOOK, terms)
        ledger.settle(tx, held.hold, Entry.SPENT)
        activity.record(tx, books.rng, payer, held.operation, Outcome.DONE, units=held.units, seconds=1.0)


def _whole(words, environ):
    def run():
        subprocess.run(words, env=environ, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    return run


def main():
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "YTPOOL_HOME": home}
        _make_state(environ)
        compileall.compile_dir(ROOT / "ytpool", quiet=1)  # as pip does; the environment may forbid Python to do it
        _measure("quota report --json", _whole((*YTPOOL, "quota", "report", "--json"), environ), environ, 1.6)
        _measure("upload --help", _whole((*YTPOOL, "upload", "--help"), environ), environ, 2.5)
        _measure("Tab behind accounts show", _whole(YTPOOL, {**environ, **TAB}), environ, 2.0)


def _measure(what, run, environ, limit):
    rounds = ratios.in_turn(run, _whole(BARE, environ), ROUNDS)
    slower = [ours / theirs for ours, theirs in rounds]
    ratios.report(f"{what} against importing typer and sqlite3", slower, at_most=limit)


if __name__ == "__main__":
    ratios.run(main)
