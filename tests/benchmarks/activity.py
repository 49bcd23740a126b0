"""Reports as whole processes over ten million operations of 200 accounts in 90 days, and their memory.

Making and sealing them takes some minutes and four gigabytes of a scratch folder, which is removed; where few
rounds are asked for there are few operations too.

Run: python tests/benchmarks/activity.py [ROWS]
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import ratios
from books import Books, make_account

from ytpool import config
from ytpool.actions import sealing
from ytpool.clock import SystemClock
from ytpool.runtime import Runtime

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000 if ratios.QUICK else 10_000_000
ACCOUNTS, DAYS = 200, 90
AT_ONCE = 500_000
BYTES_A_ROW = 600
ROUNDS = 7
AT_MOST = 1.0

MAKE = """
    WITH RECURSIVE
        n (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last),
        -- Three numbers that have nothing to do with each other.
        chance (i, whose, what, how) AS (
            SELECT i, (i * 2654435761 >> 9) % :accounts, (i * 40503 >> 5) % 10, (i * 69069 >> 7) % 100 FROM n
        )
    INSERT INTO activity (activity, happened_at, account, project, channel_id, operation, outcome, units, bytes,
                          seconds, job, reason, detail, salt)
    SELECT printf('%016d', i), strftime('%Y-%m-%dT%H:%M:%f', :begins + i * :step, 'unixepoch') || '000Z',
           printf('account-%03d', whose), printf('project-%d', whose % 10), printf('UC%022d', whose),
           CASE what WHEN 0 THEN 'videos.insert' WHEN 1 THEN 'upload' WHEN 2 THEN 'thumbnails.set'
                     WHEN 3 THEN 'commentThreads.insert' WHEN 4 THEN 'oauth.refresh' ELSE 'videos.list' END,
           CASE how WHEN 3 THEN 'failed' WHEN 5 THEN 'failed' WHEN 7 THEN 'failed' WHEN 9 THEN 'unknown'
                    ELSE 'done' END,
           i % 3, CASE what WHEN 1 THEN 50000000 ELSE 0 END, 0.05 + (i * 2654435761 % 1000) / 400.0, NULL,
           CASE how WHEN 3 THEN 'forbidden' WHEN 5 THEN 'quotaExceeded' WHEN 7 THEN 'backendError'
                    WHEN 9 THEN 'internalError' ELSE '' END,
           '', '0123456789abcdef'
      FROM chance
"""


def _make(path):
    """Live through ninety days, in SQL."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    begins = (datetime.now(UTC) - timedelta(days=DAYS)).timestamp()
    step = (DAYS * 86_400 - 600) / ROWS
    for first in range(1, ROWS + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, ROWS)
        connection.execute(MAKE, {"first": first, "last": last, "begins": begins, "step": step, "accounts": ACCOUNTS})
    connection.close()


def _seal(rt):
    while sealing.seal_some(rt):
        pass


def _report(words, environ):
    """Return how long it took as a whole process, and the most memory it had, in megabytes."""
    before = time.perf_counter()
    child = subprocess.Popen(
        (sys.executable, "-m", "ytpool", *words, "--json"),
        env=environ,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return time.perf_counter() - before, used.ru_maxrss / 1024


def main():
    if shutil.disk_usage(tempfile.gettempdir()).free < ROWS * BYTES_A_ROW * 2:
        need = f"{ROWS:,} operations need {ROWS * BYTES_A_ROW / 1e9:.1f} GB twice in {tempfile.gettempdir()}"
        raise ratios.Unable(need)
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "YTPOOL_HOME": home, "YTPOOL_ACTIVITY_RETENTION_DAYS": "0"}
        settings = config.load(profile=None, environ=environ)
        books = Books(settings.paths.state, SystemClock()).created()
        with books.transaction() as tx:
            for number in range(ACCOUNTS):
                whose = {"project": f"project-{number % 10}", "channel_id": f"UC{number:022}"}
                make_account(tx, f"account-{number:03}", **whose)
        books.database.close()
        began = time.perf_counter()
        _make(settings.paths.state)
        print(f"{ROWS:,} operations made in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        rt = Runtime(settings, environ=environ)
        _seal(rt)
        rt.close()
        took = time.perf_counter() - began
        size = settings.paths.state.stat().st_size
        print(f"sealed in {took:.0f} s, {took / ROWS * 1e6:.1f} us each; {size / 1e9:.1f} GB", flush=True)
        activity = ("activity", "report")
        for words in (
            activity,
            (*activity, "--hours", str(24 * DAYS)),
            (*activity, "--hours", str(24 * DAYS - 7.3), "--by", "account"),
            (*activity, "--hours", str(24 * DAYS), "--by", "hour"),
            (*activity, "--hours", "240", "--account", "account-007"),
            ("quota", "report"),
        ):
            found = [_report(words, environ) for _ in range(ratios.some(ROUNDS))]
            ratios.report(
                f"{' '.join(words)} over {ROWS:,} operations",
                [seconds for seconds, _ in found],
                at_most=AT_MOST,
                unit="s",
                note=f"{max(memory for _, memory in found):.0f} MB",
            )


if __name__ == "__main__":
    ratios.run(main)
