"""Backups are taken while everything goes on; whoever goes back to one sells nothing and posts nothing twice."""

import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from newsroom import ROOT, dies_at, looking_at, start
from schemas import fits
from waiting import wait_until

from ytpool.clock import SystemClock
from ytpool.store import leases
from ytpool.store.db import migrations
from ytpool.store.leases import LeaseKind
from ytpool.store.sqlite import SqliteDatabase


def told(out):
    return json.loads(out)["data"]


@pytest.fixture
def state(home):
    return home / "default" / "state.db"


@pytest.fixture
def saved(ytpool, tmp_path):
    """Make a backup now: `saved()` returns its path."""

    def save(name="saved.db"):
        path = tmp_path / name
        status, _, err = ytpool("state", "backup", path)
        assert status == 0, err
        return path

    return save


def restore(ytpool, path, *words):
    status, out, err = ytpool("state", "restore", path, "--yes", "--json", *words)
    assert status == 0, out + err
    return fits("state-restore", out)


def goes_on(ytpool):
    """A person has looked: writes go on, and they know what the project has left."""
    assert ytpool("unpause")[0] == 0
    assert ytpool("rests", "lift", "project", "press")[0] == 0


# Backing up


@pytest.mark.usefixtures("sandbox")
def test_a_backup_is_one_whole_private_file_that_says_what_it_takes_to_read_it(ytpool, video, tmp_path):
    assert ytpool("upload", video, "--pool", "main")[0] == 0

    status, out, _ = ytpool("state", "backup", tmp_path / "new" / "one.db", "--json")

    assert status == 0
    made = fits("state-backup", out)
    path = tmp_path / "new" / "one.db"
    assert (made["path"], made["bytes"]) == (str(path), path.stat().st_size)
    assert made["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (made["rows"]["accounts"], made["rows"]["jobs"]) == (2, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["one.db"]
    [key] = [one["key_id"] for one in told(ytpool("vault", "status", "--json")[1])["keys"]]
    assert made["keys"] == [key]
    assert str(path.parents[1] / "home" / "default" / "vault.key") in made["advice"]


@pytest.mark.usefixtures("empty_sandbox")
def test_every_backup_is_whole_while_somebody_writes_without_waiting(ytpool, state, tmp_path):
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    program = [sys.executable, ROOT / "tests" / "store" / "bookkeeper.py", state, "1"]
    with subprocess.Popen(program, env=environ, stdout=subprocess.PIPE, encoding="utf-8") as writer:
        try:
            assert writer.stdout.readline() == "working\n"
            held = []
            for number in range(2):
                status, out, err = ytpool("state", "backup", tmp_path / f"{number}.db", "--json")
                assert status == 0, err
                held.append(told(out)["rows"]["ledger"])
                wait_until(lambda: entries(state) > held[-1])
        finally:
            writer.kill()

    assert held == sorted(held)
    assert held[0] < held[-1]


def entries(state):
    with looking_at(state) as tx:
        return tx.one("SELECT count(*) FROM ledger")[0]


@pytest.mark.usefixtures("empty_sandbox")
def test_what_is_no_backup_of_this_state_is_not_written_over(ytpool, state, tmp_path, saved):
    diary = tmp_path / "diary.txt"
    diary.write_text("Dear diary")

    status, _, err = ytpool("state", "backup", diary)
    assert status == 2
    assert "is no backup of ytpool" in err
    assert diary.read_text() == "Dear diary"
    assert ytpool("state", "backup", state, "--yes")[0] == 2
    again = saved()
    assert ytpool("state", "backup", again)[0] == 0
    assert ytpool("state", "backup", diary, "--yes")[0] == 0
    assert ytpool("init", "--yes", "--vault", "keyfile", "--profile", "other")[0] == 0
    status, _, err = ytpool("state", "backup", again, "--profile", "other")
    assert status == 2
    assert "is not a backup of this state" in err


@pytest.mark.usefixtures("empty_sandbox")
def test_only_so_many_are_kept_and_nothing_else_is_touched(ytpool, tmp_path):
    folder = tmp_path / "vault"
    folder.mkdir()
    assert ytpool("state", "backup", folder)[0] == 0
    [first] = folder.iterdir()
    for day in (1, 2, 3):
        shutil.copy(first, folder / f"ytpool-default-2026010{day}T000000Z.db")
    (folder / "ytpool-default-20250101T000000Z.db").write_text("of somebody else")
    (folder / "notes.db").write_text("mine")
    time.sleep(1.1)  # names go by the second

    would = told(ytpool("state", "backup", folder, "--keep", "3", "--dry-run", "--json")[1])
    assert len(list(folder.iterdir())) == 6
    done = told(ytpool("state", "backup", folder, "--keep", "3", "--json")[1])

    assert would["deleted"] == done["deleted"]
    left = sorted(one.name for one in folder.iterdir())
    assert "ytpool-default-20260103T000000Z.db" in left
    assert {"notes.db", "ytpool-default-20250101T000000Z.db", first.name} < set(left)
    assert len(left) == 5
    assert ytpool("state", "backup", tmp_path / "one.db", "--keep", "3")[0] == 2


@pytest.mark.usefixtures("empty_sandbox")
def test_a_full_disk_leaves_the_backup_of_yesterday(ytpool, small_disk):
    path = small_disk / "one.db"
    assert ytpool("state", "backup", path)[0] == 0
    yesterday = path.read_bytes()
    (small_disk / "film.mp4").write_bytes(bytes(1_300_000))

    status, _, err = ytpool("state", "backup", path)

    assert status == 6
    assert f"the disk that holds {small_disk} is full: nothing was written" in err
    assert path.read_bytes() == yesterday
    assert sorted(one.name for one in small_disk.iterdir()) == ["film.mp4", "one.db"]


@pytest.mark.usefixtures("empty_sandbox")
def test_whoever_is_killed_leaves_no_backup_and_the_next_one_tidies_up(ytpool, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()

    assert dies_at("ytpool.store.copies", "fold", "state", "backup", folder) == -signal.SIGKILL
    assert [one.name[:8] for one in folder.iterdir()] == [".ytpool-"]
    assert ytpool("state", "backup", folder)[0] == 0

    [left] = folder.iterdir()
    assert left.name.startswith("ytpool-default-")


@pytest.mark.usefixtures("empty_sandbox")
def test_what_a_killed_one_of_the_same_process_number_has_left_is_in_nobodys_way(ytpool, tmp_path):
    name = tmp_path / "books.db"
    # In a container all have the same number.
    left = name.with_name(f".{name.name}.part-{socket.gethostname()}-{os.getpid()}")
    left.write_bytes(b"half of it")

    status, _, err = ytpool("state", "backup", name)

    assert (status, left.exists()) == (0, False), err


@pytest.mark.usefixtures("sandbox")
def test_books_that_are_wrong_are_backed_up_and_older_backups_stay(ytpool, video, state, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    assert ytpool("state", "backup", folder)[0] == 0
    with closing(sqlite3.connect(state)) as books, books:
        books.execute("UPDATE meters SET spent = spent + 1")
    time.sleep(1.1)

    status, out, _err = ytpool("state", "backup", folder, "--keep", "1", "--json")

    assert status == ytpool("state", "check")[0] != 0
    assert "the meter says spent" in told(out)["wrong"][0]
    assert (told(out)["deleted"], len(list(folder.iterdir()))) == ([], 2)


# Going back


def test_what_was_posted_after_the_backup_is_not_posted_again(ytpool, sandbox, make_video, saved):
    before, after = make_video("before.mp4"), make_video("after.mp4")
    assert ytpool("upload", before, "--account", "news")[0] == 0
    backup = saved()
    assert ytpool("upload", after, "--account", "news")[0] == 0

    restored = restore(ytpool, backup)

    assert restored["projects"] == ["press"]
    status, _, err = ytpool("upload", after, "--account", "news", "--no-wait")
    assert status in (5, 6), err
    goes_on(ytpool)
    assert ytpool("upload", before, "--account", "news")[0] == 0  # it is in the books
    status, out, _ = ytpool("upload", after, "--account", "news", "--json")
    assert status == 7
    [video] = [video for video in sandbox.videos_on("news") if video["title"] == "after"]
    assert json.loads(out)["error"]["details"]["candidates"] == [video["id"]]
    assert len(sandbox.videos_on("news")) == 2
    job = told(out)["job"]
    assert ytpool("queue", "resolve", job, "--as", f"done:{video['id']}")[0] == 0
    assert ytpool("state", "check")[0] == 0


def test_a_job_that_was_done_after_the_backup_waits_for_a_person(ytpool, sandbox, video, saved):
    assert ytpool("upload", video, "--account", "news", "--queue")[0] == 0
    backup = saved()
    assert ytpool("work", "--once")[0] == 0

    restored = restore(ytpool, backup)

    assert (restored["held"], restored["begun"]) == (1, 0)
    assert "restored" in [item["kind"] for item in told(ytpool("todo", "--json")[1])["items"]]
    goes_on(ytpool)
    status, out, err = ytpool("work", "--once")
    assert status == 0, out + err
    [job] = told(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (job["held"], job["state"]) == (True, "queued")
    status, _, err = ytpool("queue", "retry", job["job"])
    assert status == 7, err
    assert len(sandbox.videos_on("news")) == 1


def test_an_upload_that_had_begun_is_found_and_not_sent_again(ytpool, sandbox, make_video, saved, monkeypatch):
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    path = make_video("long.mp4", 17 << 20)
    words = ("upload", path, "--account", "news")
    program = [sys.executable, "tests/killing.py", "after the first chunk", "ytpool", *map(str, words)]
    assert subprocess.run(program, env=os.environ, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    backup = saved()
    assert ytpool(*words)[0] == 0

    restored = restore(ytpool, backup)

    assert (restored["held"], restored["begun"]) == (1, 1)
    assert restored["unknown"] >= 1  # what was set aside for reading back may have been spent since
    goes_on(ytpool)
    status, out, err = ytpool(*words, "--json")
    assert (status, told(out)["state"]) == (0, "done"), err
    assert sandbox.calls("videos.insert") == 1
    assert ytpool("state", "check")[0] == 0


@pytest.mark.parametrize(("whose", "becomes"), [(("--account", "news"), 0), (("--pool", "main"), 7)])
def test_a_comment_that_was_asked_for_is_looked_for_and_not_said_again(ytpool, sandbox, video, saved, whose, becomes):
    status, out, _ = ytpool("upload", video, "--account", "news", "--privacy", "public", "--json")
    assert status == 0
    words = ("comment", "post", told(out)["video_id"], *whose, "Well done")
    status, _, err = ytpool(*words, "--queue")
    assert status == 0, err
    backup = saved()
    assert ytpool("work", "--once")[0] == 0

    restored = restore(ytpool, backup)

    assert (restored["held"], restored["begun"]) == (1, 1)
    goes_on(ytpool)
    status, out, err = ytpool(*words)
    assert status == becomes, out + err
    assert sandbox.calls("commentThreads.insert") == 1
    assert (becomes == 7) == (
        "outcome_unknown" in [item["kind"] for item in told(ytpool("todo", "--json")[1])["items"]]
    )


def test_who_knows_that_nothing_was_done_since_goes_on_at_once(ytpool, sandbox, video, saved):
    assert ytpool("upload", video, "--account", "news", "--queue")[0] == 0
    backup = saved()

    restored = restore(ytpool, backup, "--accept")

    assert (restored["held"], restored["projects"], restored["accepted"]) == (0, [], True)
    assert ytpool("work", "--once")[0] == 0
    assert len(sandbox.videos_on("news")) == 1


@pytest.mark.usefixtures("sandbox")
def test_the_state_before_is_kept_and_can_be_restored_too(ytpool, video, saved, state):
    backup = saved()
    assert ytpool("upload", video, "--account", "news")[0] == 0

    aside = restore(ytpool, backup)["aside"]

    assert told(ytpool("queue", "list", "--all", "--json")[1])["jobs"] == []
    back = restore(ytpool, aside)
    assert [job["state"] for job in told(ytpool("queue", "list", "--all", "--json")[1])["jobs"]] == ["done"]
    assert back["same_state"]
    assert state.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("sandbox")
def test_without_a_terminal_it_wants_a_yes_and_a_dry_run_changes_nothing(ytpool, saved, state):
    backup = saved()
    before = {path.name: path.read_bytes() for path in state.parent.glob("state.db*")}

    assert ytpool("state", "restore", backup)[0] == 2
    status, out, _ = ytpool("state", "restore", backup, "--dry-run", "--json")

    assert (status, told(out)["dry_run"]) == (0, True)
    after = {path.name: path.read_bytes() for path in state.parent.glob("state.db*")}
    assert before["state.db"] == after["state.db"]
    assert not [name for name in after if "before" in name]
    assert not list(state.parent.glob(".*"))


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        ("ytpool.store.copies", "copy", True),
        ("ytpool.store.copies", "replace", False),
        ("ytpool.store.copies.os", "link", True),
        ("ytpool.store.copies.os", "replace", True),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_whenever_it_is_killed_the_old_or_the_new_state_is_there(ytpool, video, saved, state, module, name, after):
    backup = saved()
    assert ytpool("upload", video, "--account", "news")[0] == 0

    assert dies_at(module, name, "state", "restore", backup, "--yes", after=after) == -signal.SIGKILL

    jobs = len(told(ytpool("queue", "list", "--all", "--json")[1])["jobs"])
    assert jobs == (0 if (module, name) == ("ytpool.store.copies.os", "replace") else 1)
    assert ytpool("state", "check")[0] == 0
    aside = restore(ytpool, backup)["aside"]
    assert ytpool("state", "check")[0] == 0
    assert told(ytpool("queue", "list", "--all", "--json")[1])["jobs"] == []
    asides = [path for path in state.parent.glob("state.db.before-*") if not path.samefile(state)]
    assert aside in map(str, asides)
    assert not list(state.parent.glob(".*"))


@pytest.mark.usefixtures("sandbox")
def test_it_is_refused_while_a_worker_waits_for_work_and_says_which(ytpool, saved):
    backup = saved()
    with start("work", env=os.environ) as worker:
        try:
            gives_up_at = time.monotonic() + 10
            while True:
                status, _, err = ytpool("state", "restore", backup, "--yes")
                if status != 0 or time.monotonic() > gives_up_at:  # before it was there, nobody was in the way
                    break
            assert status == 6
            assert f"process {worker.pid} (ytpool work)" in err
        finally:
            worker.send_signal(signal.SIGINT)
            worker.communicate(timeout=30)
    assert ytpool("state", "restore", backup, "--yes")[0] == 0


@pytest.mark.usefixtures("empty_sandbox")
def test_it_is_refused_while_somebody_holds_a_job_and_says_who(ytpool, saved, state):
    backup = saved()
    clock = SystemClock()
    books = SqliteDatabase(state, clock, clock.now)
    try:
        with books.transaction() as tx:
            assert leases.take(tx, LeaseKind.JOB, "1jd3v2a97", holder="1jd3v2a97")
    finally:
        books.close()

    status, _, err = ytpool("state", "restore", backup, "--yes")

    assert status == 6
    assert f"work is going on here: process {os.getpid()} on " in err
    assert "holds job 1jd3v2a97" in err


def test_it_works_on_another_machine_with_its_key(ytpool, sandbox, video, saved, home, tmp_path, monkeypatch):
    backup = saved()
    shutil.copy(home / "default" / "vault.key", tmp_path / "brought.key")
    shutil.move(home, tmp_path / "the machine before")

    without = restore(ytpool, backup)
    assert (without["aside"], without["key_is_here"]) == (None, False)
    assert "YTPOOL_VAULT_KEY_FILE" in without["advice"][-1]
    monkeypatch.setenv("YTPOOL_VAULT_KEY_FILE", str(tmp_path / "brought.key"))
    assert restore(ytpool, backup)["key_is_here"]
    goes_on(ytpool)

    assert ytpool("upload", video, "--account", "news")[0] == 0
    assert len(sandbox.videos_on("news")) == 1


@pytest.mark.usefixtures("sandbox")
def test_a_state_that_cannot_be_opened_any_more_is_replaced_and_kept(ytpool, saved, state):
    backup = saved()
    state.write_bytes(b"not a database at all" * 1000)

    aside = restore(ytpool, backup)["aside"]

    assert ytpool("state", "check")[0] == 0
    assert Path(aside).read_bytes().startswith(b"not a database")


@pytest.mark.usefixtures("sandbox")
def test_what_cannot_be_this_profiles_state_is_refused(ytpool, saved, state, tmp_path):
    backup = saved()
    before = state.read_bytes()
    diary = tmp_path / "diary.txt"
    diary.write_text("Dear diary")
    newer, broken = tmp_path / "newer.db", tmp_path / "broken.db"
    shutil.copy(backup, newer)
    with closing(sqlite3.connect(newer)) as books, books:
        books.execute("UPDATE meta SET value = '9999' WHERE key = 'min_reader'")
    whole = backup.read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    broken.write_bytes(whole[:middle] + b"\xff" * 65536 + whole[middle + 65536 :])

    for path, words in (
        (diary, "is no backup of ytpool"),
        (newer, "was made by a newer ytpool"),
        (broken, "is damaged"),
        (state, "is the state itself"),
        (tmp_path / "nowhere.db", "there is no file"),
    ):
        status, _, err = ytpool("state", "restore", path, "--yes")
        assert status in (1, 2, 6), path
        assert words in err, (path, err)
    status, _, err = ytpool("state", "restore", backup, "--yes", "--profile", "other")
    assert (status, "is a backup of profile default" in err) == (2, True)
    assert state.read_bytes() == before


@pytest.mark.usefixtures("sandbox")
def test_an_older_backup_is_brought_up_to_date(ytpool, tmp_path):
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as books, books:
        for sql in migrations()[:20]:
            books.executescript(sql)
        books.execute("INSERT INTO meta VALUES ('schema', '20'), ('min_reader', '1'), ('backup_taken', ?)", [_EARLY])

    assert restore(ytpool, older)["schema"] == len(migrations())
    assert ytpool("state", "check")[0] == 0


_EARLY = "2026-01-01T00:00:00.000000Z"


# Health


@pytest.mark.usefixtures("sandbox")
def test_health_warns_of_a_state_that_was_not_backed_up_for_a_week(ytpool, saved, state):
    def seen(*words):
        _, out, _ = ytpool("health", "--only", "backup", "--json", *words)
        return told(out)["checks"][0]

    assert seen()["status"] == "pass"
    with closing(sqlite3.connect(state)) as books, books:
        books.execute("UPDATE accounts SET created_at = ?", [_EARLY])
    assert (seen()["status"], seen()["message"]) == ("warn", "the state was never backed up")
    path = saved()
    assert seen()["status"] == "pass"
    assert str(path) in seen()["message"]
    with closing(sqlite3.connect(state)) as books, books:
        books.execute("UPDATE meta SET value = ? WHERE key = 'backed_up'", [f"{_EARLY} {path}"])
    assert seen()["status"] == "warn"
    os.environ["YTPOOL_HEALTH_BACKUP_DAYS"] = "0"
    try:
        assert seen()["status"] == "pass"
    finally:
        del os.environ["YTPOOL_HEALTH_BACKUP_DAYS"]
