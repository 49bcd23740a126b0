"""The state file: how it is made, who may open it, and what its troubles are called."""

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from books import Books, ObedientClock
from real_parts import fill, scaled

from ytpool.clock import SystemClock
from ytpool.errors import DiskFull, NotInitialised, StateBusy, StateTooNew, StateUnusable
from ytpool.store import db, meta, sqlite
from ytpool.store.sqlite import SqliteDatabase


@pytest.fixture
def opened(tmp_path):
    """Open the state at a path, as the program would."""
    made = []

    def opened(path=tmp_path / "state.db", create=False):
        database = SqliteDatabase(path, ObedientClock(), ObedientClock().now)
        made.append(database)
        if create:
            database.create()
        else:
            with database.reading() as tx:
                meta.get(tx, "schema")
        return database

    yield opened
    for database in made:
        database.close()


def _schema(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    finally:
        connection.close()


@pytest.fixture
def umask_0():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_0")
def test_files_and_folders_are_for_their_owner_only_whatever_the_umask(tmp_path, opened):
    path = tmp_path / "deep" / "down" / "state.db"
    database = opened(path, create=True)
    with database.transaction() as tx:
        meta.put(tx, "a", "b")

    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


def test_without_a_state_the_way_to_one_is_said(opened):
    with pytest.raises(NotInitialised) as caught:
        opened()

    assert caught.value.hint == "run: ytpool init"


def test_making_it_again_changes_nothing(opened):
    with opened(create=True).transaction() as tx:
        meta.put(tx, "a", "b")

    with opened(create=True).reading() as tx:
        assert meta.get(tx, "a") == "b"


def test_every_way_of_migrating_ends_with_the_same_schema(tmp_path, opened):
    opened(create=True)
    fresh = _schema(tmp_path / "state.db")

    for done in range(len(db.migrations()) + 1):
        path = tmp_path / f"after-{done}.db"
        connection = sqlite3.connect(path)
        for sql in db.migrations()[:done]:
            connection.executescript(sql)
        if done:
            connection.execute("INSERT INTO meta (key, value) VALUES ('schema', ?), ('min_reader', '1')", (str(done),))
        connection.commit()
        connection.close()
        opened(path)
        assert _schema(path) == fresh


def test_a_state_that_only_a_newer_version_may_open_is_refused_untouched(tmp_path, opened):
    database = opened(create=True)
    with database.transaction() as tx:
        meta.put(tx, "schema", "98")
        meta.put(tx, "min_reader", "99")
    database.close()
    before = (tmp_path / "state.db").read_bytes()

    with pytest.raises(StateTooNew) as caught:
        opened()

    assert caught.value.details["needs"] == 99
    assert caught.value.details["knows"] == len(db.migrations())
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_newer_state_that_older_versions_may_open_is_opened(opened):
    with opened(create=True).transaction() as tx:
        meta.put(tx, "schema", "98")

    opened()


def test_another_programs_database_is_left_as_it_was(tmp_path, opened):
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.execute("CREATE TABLE meta (theirs TEXT)")
    connection.close()
    before = (tmp_path / "state.db").read_bytes()

    for create in (False, True):
        with pytest.raises(StateUnusable, match="database of another program"):
            opened(create=create)

    assert (tmp_path / "state.db").read_bytes() == before


def test_garbage_is_no_state(tmp_path, opened):
    (tmp_path / "state.db").write_bytes(b"no database at all " * 100)

    with pytest.raises(StateUnusable, match="cannot be read as a state"):
        opened()


def test_damage_is_found_by_the_check(tmp_path, opened):
    database = opened(create=True)
    assert database.integrity() == []
    database.close()
    with (tmp_path / "state.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)

    try:
        found = opened().integrity()
    except StateUnusable:
        return
    assert found


_AS_NOBODY = """
import os, sys
from pathlib import Path
from ytpool.clock import SystemClock
from ytpool.errors import StateUnusable
from ytpool.store.sqlite import SqliteDatabase
os.setgid(65534)
os.setuid(65534)
database = SqliteDatabase(Path(sys.argv[1]), SystemClock(), SystemClock().now)
try:
    if sys.argv[2] == "create":
        database.create()
    else:
        with database.reading():
            pass
except StateUnusable as error:
    print(error, "|", error.hint)
"""


@pytest.fixture
def public_folder():
    """A folder that everybody can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="ytpool-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "deed"), [(0o755, 0, "open"), (0, 0o600, "open"), (0o755, 0o600, "create")]
)
def test_what_we_may_not_read_is_named_with_the_fix(public_folder, opened, folder_mode, file_mode, deed):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody who may not read a file")
    home = public_folder / "home"
    path = home / "state.db"
    opened(path, create=True).close()
    path.chmod(file_mode)
    home.chmod(folder_mode)
    target = home / "new" / "state.db" if deed == "create" else path

    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, target, deed], capture_output=True, text=True, check=True)

    assert str(target) in done.stdout
    assert "check its owner and that of its folder" in done.stdout


_CREATE = """
import sys
from pathlib import Path
from ytpool.clock import SystemClock
from ytpool.store import meta
from ytpool.store.sqlite import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[1]), SystemClock(), SystemClock().now)
print("ready", flush=True)
sys.stdin.readline()
database.create()
with database.transaction() as tx:
    tx.run("INSERT INTO projects (project, created_at) VALUES (:name, '')", name=sys.argv[2])
"""


def test_processes_that_create_it_at_once_share_one_state(tmp_path, opened):
    for attempt in range(5):
        path = tmp_path / str(attempt) / "state.db"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", _CREATE, path, f"p{number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for number in range(8)
        ]
        for process in started:
            process.stdout.readline()
        for process in started:
            process.stdin.write(b"\n")
            process.stdin.flush()
        errors = [process.communicate()[1].decode() for process in started]

        assert errors == [""] * 8
        with opened(path).reading() as tx:
            assert len(tx.all("SELECT * FROM projects")) == 8


def test_a_state_that_another_process_keeps_locked_is_busy_and_says_so(tmp_path, opened, monkeypatch):
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    opened(create=True)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StateBusy), opened().transaction():
        pass

    other.close()
    with opened().transaction():
        pass


def test_ctrl_c_while_it_waits_for_its_turn_leaves_nothing_begun(tmp_path, opened):
    database = opened(create=True)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        done.start()
        signal.setitimer(
            signal.ITIMER_REAL, 0.1
        )  # SQLite goes on waiting, and Python hears of it when its turn has come
        try:
            with pytest.raises(KeyboardInterrupt), database.transaction():
                raise AssertionError("it was not interrupted")
        finally:
            signal.signal(signal.SIGALRM, before)
            done.join()

    with database.transaction() as tx:
        meta.put(tx, "a", "b")


def test_a_reader_sees_one_picture_while_others_write(opened):
    database = opened(create=True)
    with database.reading() as tx:
        assert meta.get(tx, "a") is None
        with opened().transaction() as other:
            meta.put(other, "a", "b")
        assert meta.get(tx, "a") is None

    with database.reading() as tx:
        assert meta.get(tx, "a") == "b"


def test_opening_a_state_that_goes_at_this_moment_makes_none_in_its_place(tmp_path, opened):
    opened(create=True).close()
    path, aside = tmp_path / "state.db", tmp_path / "aside.db"
    has_ended = threading.Event()

    def go_on_opening():
        while not has_ended.is_set():
            with suppress(NotInitialised, StateUnusable):
                opened()

    threads = [threading.Thread(target=go_on_opening) for _ in range(2)]
    for thread in threads:
        thread.start()
    made_anew = 0
    for _ in range(50):
        path.rename(aside)
        time.sleep(0.0005)
        made_anew += path.exists()
        aside.rename(path)
    has_ended.set()
    for thread in threads:
        thread.join()

    assert made_anew == 0


def test_threads_that_ended_leave_no_connection_open(opened):
    database = opened(create=True)

    def read():
        with database.reading() as tx:
            meta.get(tx, "schema")

    for _ in range(5):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    assert len(database._connections) <= 2


class EndsAfterALook(threading.Thread):
    """A thread that ends as soon as somebody has seen it alive."""

    def is_alive(self):
        seen, self.is_looked_at = getattr(self, "is_looked_at", False), True
        return not seen


def test_a_thread_that_ends_while_others_are_looked_at_keeps_no_connection(opened):
    database = opened(create=True)
    borrowed = []

    def read():
        with database.reading() as tx:
            borrowed.append(tx._connection)

    for thread in (EndsAfterALook(target=read), threading.Thread(target=read), threading.Thread(target=read)):
        thread.start()
        thread.join()
    database.close()

    for connection in borrowed:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


CLOSED_MEANWHILE = """
import sys, threading
from pathlib import Path
from ytpool.clock import SystemClock
from ytpool.store.sqlite import SqliteDatabase

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT count(*) AS n FROM n"

def read(database, reads):
    for _ in range(20):
        with database.reading() as tx:
            reads.set()
            assert tx.one(COUNTING)["n"] == 20000

for _ in range(int(sys.argv[2])):
    database, reads = SqliteDatabase(Path(sys.argv[1]), SystemClock(), SystemClock().now), threading.Event()
    reader = threading.Thread(target=read, args=(database, reads))
    reader.start()
    reads.wait()
    if sys.argv[3] == "stop":
        database.stop(reader)
    database.close()
    reader.join()
"""


@pytest.mark.parametrize("first", ["stop", "close"])
def test_whoever_closes_it_leaves_a_thread_the_connection_that_it_works_with(opened, first):
    path = opened(create=True).path
    command = [sys.executable, "-c", CLOSED_MEANWHILE, path, str(scaled(200, least=20)), first]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr  # else it is a signal: SQLite looked at what was no longer there
    assert "closed database" not in done.stderr


def test_on_a_full_disk_nothing_is_booked_and_afterwards_everything_works(small_disk):
    books = Books(small_disk / "state.db", SystemClock()).created()
    payer = books.account()
    fill(small_disk)

    def spend_what_there_is():
        for _ in range(1_000):
            books.hold(payer, *["videos.list"] * 50)

    with pytest.raises(DiskFull) as caught:
        spend_what_there_is()
    assert caught.value.hint == "free some space and try again"

    (small_disk / "ballast").unlink()
    held = books.meter("general").get("held", 0)
    books.hold(payer)
    assert books.meter("general")["held"] == held + 1
    assert books.differences() == []
    books.database.close()


def test_on_a_full_disk_a_state_can_be_neither_made_nor_opened_and_it_is_named(small_disk):
    books = Books(small_disk / "state.db", SystemClock()).created()
    books.database.close()
    fill(small_disk)

    with pytest.raises(DiskFull):
        books.account()
    with pytest.raises(DiskFull):
        Books(small_disk / "other.db", SystemClock()).created()
    (small_disk / "ballast").unlink()
    books.account()
    books.database.close()


def test_whoever_may_write_no_more_is_not_told_of_damage(tmp_path, opened):
    database = opened(create=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "state.db").stat().st_size + 100_000, hard))
    try:
        with pytest.raises(StateUnusable, match="cannot be written"), database.transaction() as tx:
            for number in range(900):
                meta.put(tx, f"key {number}", "x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with database.reading() as tx:
        assert meta.get(tx, "key 0") is None
