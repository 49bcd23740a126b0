"""hold, sent and settle of an upload, against the same three commits in bare sqlite3, on the same disk.

Run: python tests/benchmarks/ledger.py
"""

import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import ratios
from books import Books, make_account

from ytpool.clock import SystemClock
from ytpool.store.ledger import Entry

CALLS = 20
"""How many calls go through the books in one round."""
ROUNDS = 60

METER = "WHERE scope = ? AND name = ? AND bucket = 'uploads' AND day = '2026-11-18'"
TAKE = f"""
    UPDATE meters SET held = held + 1 {METER}
       AND (ceiling IS NULL OR (spent + held + sent + unknown + elsewhere + 1 <= ceiling
            AND (spent + held + sent + unknown + elsewhere) * 100 < ceiling * 80))
"""
NOTE = """
    INSERT INTO ledger (hold, scope, name, bucket, day, units, state, operation, job, step, account, channel_id, fence,
                        era, expires, held_at)
    VALUES (?, ?, ?, 'uploads', '2026-11-18', 1, 'held', 'videos.insert', NULL, '', 'news', 'UCnews', NULL, 'era', ?,
            '2026-11-18T20:00:00.000000Z')
"""
SEND = """
    UPDATE ledger SET state = 'sent', sent_at = '2026-11-18T20:00:00.000000Z', expires = ?
     WHERE hold = ? AND state = 'held' AND era = 'era' AND expires > ?
       AND (fence IS NULL OR fence = (SELECT fence FROM leases
                                       WHERE kind = 'job' AND leases.name = ledger.job AND place = 0))
    RETURNING scope, name, bucket, day, units
"""
RESTS = """
    SELECT * FROM rests
     WHERE (until IS NULL OR until > '2026-11-18T20:00:00.000000Z')
       AND (scope = 'everything' OR (scope = 'service' AND name = 'youtube')
            OR (scope = 'pool' AND name IN (SELECT pool FROM pool_members WHERE account = 'news'))
            OR (scope = 'account' AND name = 'news') OR (scope = 'project' AND name = 'acme')
            OR (scope = 'channel' AND name = 'UCnews'))
     ORDER BY until IS NOT NULL, until DESC
"""
SETTLE = """
    UPDATE ledger SET state = CASE WHEN blurred = 1 AND 'spent' = 'spent' THEN 'unknown' ELSE 'spent' END,
           settled_at = '2026-11-18T20:00:00.000000Z', reason = ''
     WHERE hold = ? AND state = 'sent'
    RETURNING scope, name, bucket, day, units, state
"""
METERS = (("account", "news"), ("project", "acme"))


class Bare:
    """The same statements by hand, with nothing around them."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.made = 0

    def calls(self):
        run = self.connection.execute
        for _ in range(CALLS):
            self.made += 1
            hold = f"bare-{self.made:011}"
            run("BEGIN IMMEDIATE")
            for meter in METERS:
                run(TAKE, meter)
            self.connection.executemany(NOTE, [(hold, *meter, 90.0) for meter in METERS])
            run("COMMIT")
            run("BEGIN IMMEDIATE")
            run(SEND, (180.0, hold, 1.0)).fetchall()
            run(RESTS).fetchall()
            for meter in METERS:
                run(f"UPDATE meters SET held = held - 1, sent = sent + 1 {METER}", meter)
            run("COMMIT")
            run("BEGIN IMMEDIATE")
            run(SETTLE, (hold,)).fetchall()
            for meter in METERS:
                run(f"UPDATE meters SET sent = sent - 1, spent = spent + 1 {METER}", meter)
            run("COMMIT")


def _made(folder, name):
    """Make a state with one account, which may upload as often as it likes."""
    books = Books(folder / name, SystemClock()).created()
    with books.transaction() as tx:
        payer = make_account(tx)
    books.limit(10**9, bucket="uploads")
    return books, payer


def main():
    with tempfile.TemporaryDirectory() as folder:
        books, payer = _made(Path(folder), "ours.db")
        theirs, _ = _made(Path(folder), "bare.db")
        theirs.hold(payer, "videos.insert")
        with theirs.transaction() as tx:
            tx.run("UPDATE meters SET day = '2026-11-18'")
        theirs.database.close()
        bare = Bare(Path(folder) / "bare.db")

        def ours():
            for _ in range(CALLS):
                held = books.hold(payer, "videos.insert")
                books.send(held)
                books.settle(held, Entry.SPENT)

        rounds = ratios.in_turn(ours, bare.calls, ROUNDS)
        assert books.meter("uploads")["spent"] == bare.made == CALLS * (len(rounds) + 1)
        bare.connection.close()
        books.database.close()
    speeds = [theirs / ours for ours, theirs in rounds]
    ratios.report("hold, sent, settle against bare sqlite3", speeds, at_least=0.5)


if __name__ == "__main__":
    ratios.run(main)
