"""Many at once: nothing is sold twice, whatever processes do and whenever they are killed."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from books import Books, make_account, make_pool

from ytpool.clock import SystemClock
from ytpool.domain.quota import Urgency
from ytpool.errors import QuotaExhausted

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
BOOKKEEPER = Path(__file__).with_name("bookkeeper.py")
TESTS = BOOKKEEPER.parents[1]
_PATHS = [str(TESTS.parent), str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join(_PATHS)}
WORKERS = 8
KILLS = max(20, round(250 * SCALE))
LIMITS = {("acme", "uploads"): 30, ("acme", "general"): 700, ("beta", "uploads"): 3, ("beta", "general"): 60}


class LaterClock(SystemClock):
    """The machine's clock an hour from now, when nobody can still be working."""

    def boot(self):
        return super().boot() + 3600

    def database_time(self):
        return "clock_timestamp() + interval '1 hour'"


@pytest.fixture
def path(place):
    """A state whose limits are soon reached."""
    books = Books(place, SystemClock()).created()
    for (project, bucket), units in LIMITS.items():
        books.limit(units, name=project, bucket=bucket)
    books.database.close()
    return place


class Crowd:
    """Eight processes at work on one state."""

    def __init__(self, path, rng, errors):
        self._path = path
        self._rng = rng
        self._said = errors
        self._errors = errors.open("wb")
        self._working = []

    def __enter__(self):
        for _ in range(WORKERS):
            self._working.append(self._start())
        return self

    def __exit__(self, *_):
        for process in self._working:
            self._kill(process)
        self._errors.close()

    def kill_one(self):
        """Kill one at random, wherever it stands, and start another in its place."""
        place = self._rng.randrange(WORKERS)
        assert self._working[place].poll() is None, f"a bookkeeper ended by itself: {self.errors()}"
        self._kill(self._working[place])
        self._working[place] = self._start()

    def errors(self):
        return self._said.read_text()

    def _start(self):
        seed = str(self._rng.randrange(10**9))
        process = subprocess.Popen(
            [sys.executable, BOOKKEEPER, self._path, seed],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=ENVIRON,
        )
        process.stdout.readline()
        return process

    @staticmethod
    def _kill(process):
        process.kill()
        process.wait()
        process.stdout.close()


class Inspector(threading.Thread):
    """Looks at the books as fast as it can while others write."""

    def __init__(self, path):
        super().__init__(name="inspector")
        self._books = Books(path, SystemClock())
        # What the database counts whenever somebody has written something.
        is_shared = self._books.database.is_shared
        self._version = "SELECT pg_snapshot_xmin(pg_current_snapshot())" if is_shared else "PRAGMA data_version"
        self._over = threading.Event()
        self.pictures = 0
        self.found = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self):
        seen = None
        while not self._over.is_set() and not self.found:
            with self._books.database.reading() as tx:
                version = tx.one(self._version)[0]
            if version != seen:
                seen = version
                self.pictures += 1
                self.found += self._books.differences() + _oversold(self._books)
        self._books.database.close()


def _oversold(books):
    """Add up the journal itself and compare it with what may be sold."""
    with books.database.reading() as tx:
        rows = tx.all(
            """
            SELECT name, bucket, sum(units) AS units FROM ledger
             WHERE scope = 'project' AND state <> 'released' GROUP BY name, bucket, day
            """
        )
    return [f"{r['name']} {r['bucket']}: {r['units']}" for r in rows if r["units"] > LIMITS[r["name"], r["bucket"]]]


def test_processes_killed_at_random_never_oversell_and_leave_books_that_are_right(path, tmp_path):
    rng = random.Random()
    with Inspector(path) as inspector, Crowd(path, rng, tmp_path / "errors") as crowd:
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.01, 0.15))
            crowd.kill_one()

    assert crowd.errors() == ""
    assert inspector.found == []
    assert inspector.pictures > KILLS
    later = Books(path, LaterClock())
    later.expire()
    assert later.differences() == _oversold(later) == []
    with later.database.reading() as tx:
        assert tx.one("SELECT count(*) FROM meters WHERE held <> 0 OR sent <> 0 OR overrun <> 0")[0] == 0
        assert tx.one("SELECT count(*) FROM ledger WHERE state = 'spent'")[0] > 0
    assert later.database.integrity() == []
    later.database.close()


def test_of_eight_threads_that_want_the_last_unit_one_gets_it(books):
    payer = books.account()
    books.fill(payer, 99, "uploads")
    start, got, refused = threading.Barrier(WORKERS), [], []

    def take():
        start.wait()
        try:
            got.append(books.hold(payer, "videos.insert", urgency=Urgency.BUFFER))
        except QuotaExhausted as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(got), len(refused)) == (1, WORKERS - 1)
    assert books.meter("uploads") == {"held": 100}


_TAKE = """
import sys
from books import database_at
from ytpool.clock import SystemClock
from ytpool.store import leases
clock = SystemClock()
database = database_at(sys.argv[1], clock, clock.now)
print("ready", flush=True)
sys.stdin.readline()
with database.transaction() as tx:
    got = leases.take(tx, sys.argv[2], "a", holder="j1", places=int(sys.argv[3]))
print("refused" if got is None else got.place, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(("kind", "places"), [("job", 1), ("slot", 3)])
def test_of_eight_processes_as_many_get_a_lease_as_there_are_places(path, kind, places):
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", _TAKE, path, kind, str(places)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRON,
        )
        for _ in range(WORKERS)
    ]
    for process in racing:
        process.stdout.readline()
    for process in racing:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = sorted(process.stdout.readline().strip() for process in racing)
    for process in racing:
        process.communicate()

    assert answers == [*map(str, range(places)), *["refused"] * (WORKERS - places)]


TURN_TAKER = Path(__file__).with_name("turn_taker.py")
TAKERS, TURNS, MEMBERS = 4, 26, 7


def test_round_robin_is_exact_over_processes_that_choose_at_the_same_time(place):
    books = Books(place, SystemClock()).created()
    with books.transaction() as tx:
        for number in range(MEMBERS):
            make_account(tx, f"a{number}", slots=1_000)
        make_pool(tx, "main", [f"a{number}" for number in range(MEMBERS)], strategy="round_robin")
    racing = [
        subprocess.Popen(
            [sys.executable, TURN_TAKER, place, str(TURNS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRON,
        )
        for _ in range(TAKERS)
    ]
    for process in racing:
        process.stdout.readline()
    for process in racing:
        process.communicate("\n")

    assert [process.returncode for process in racing] == [0] * TAKERS
    with books.database.reading() as tx:
        rows = tx.all("SELECT account FROM ledger WHERE scope = 'account' ORDER BY hold")
        turns = tx.one("SELECT turn FROM pools")["turn"]
    took = [row["account"] for row in rows]
    assert turns == len(took) == TAKERS * TURNS
    assert {took.count(account) for account in set(took)} == {TURNS * TAKERS // MEMBERS, TURNS * TAKERS // MEMBERS + 1}
    assert len(set(took)) == MEMBERS
    books.database.close()
