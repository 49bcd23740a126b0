"""A backup of a state on PostgreSQL is a file like any other: it goes back there, elsewhere, and into a file."""

import json
import os
import shutil
import signal
import time

import pytest
from newsroom import assert_books_agree, dies_at, start
from schemas import fits


@pytest.fixture
def database(home, postgres, schema, monkeypatch):
    """Let the state of this profile be a schema of PostgreSQL."""
    monkeypatch.setenv("YTPOOL_STATE", postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    return home


def told(found):
    status, out, err = found
    assert status == 0, out + err
    return json.loads(out.splitlines()[-1])["data"]


def listed(ytpool, *words):
    return told(ytpool("queue", "list", "--json", *words))["jobs"]


def restored(ytpool, path):
    status, out, err = ytpool("state", "restore", path, "--yes", "--json")
    assert status == 0, out + err
    return fits("state-restore", out)


@pytest.fixture
def elsewhere(database, tmp_path, monkeypatch):
    """Go on on another machine, with nothing of this one but the key's file, and with a state of these settings."""

    def go(name, **settings):
        key = shutil.copy(database / "default" / "vault.key", tmp_path / f"{name}.key")
        monkeypatch.setenv("YTPOOL_HOME", str(tmp_path / name))
        monkeypatch.setenv("YTPOOL_VAULT_KEY_FILE", str(key))
        for variable in ("YTPOOL_STATE", "YTPOOL_POSTGRES_SCHEMA"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in settings.items():
            monkeypatch.setenv(variable, value)

    return go


def test_a_backup_goes_back_on_another_machine_with_its_key_and_nothing_is_posted_twice(
    database, ytpool, sandbox, make_video, elsewhere, postgres, tmp_path
):
    del database
    assert ytpool("upload", make_video("first.mp4"), "--account", "news")[0] == 0
    later = make_video("later.mp4")
    assert ytpool("upload", later, "--account", "news", "--queue")[0] == 0
    made = fits("state-backup", ytpool("state", "backup", tmp_path / "saved.db", "--json")[1])
    assert (made["rows"]["accounts"], made["rows"]["jobs"], made["wrong"]) == (2, 2, [])
    assert told(ytpool("work", "--once", "--json"))["counts"] == {"done": 1}
    assert len(sandbox.videos_on("news")) == 2

    with postgres.schema() as other:
        for name, settings in (
            ("beta", {"YTPOOL_STATE": postgres.url, "YTPOOL_POSTGRES_SCHEMA": other}),
            ("gamma", {}),
        ):
            elsewhere(name, **settings)
            done = restored(ytpool, tmp_path / "saved.db")

            assert (done["held"], done["key_is_here"], done["aside"], done["same_state"]) == (1, True, None, False)
            assert other in done["state"] or done["state"].endswith("gamma/default/state.db")
            assert ytpool("upload", later, "--account", "news")[0] != 0  # everything is paused
            job = next(job for job in listed(ytpool) if job["held"])
            assert told(ytpool("queue", "hold", job["job"], "--release", "--json"))["held"] is False
            assert ytpool("unpause")[0] == 0
            assert ytpool("rests", "lift", "project", "press")[0] == 0
            assert ytpool("work", "--once")[0] == 7  # it is there, and a person is asked
            assert ytpool("state", "check")[0] == 0
            assert ytpool("refresh-tokens", "--force")[0] == 0  # with the secrets of the first machine
    assert len(sandbox.videos_on("news")) == 2


def test_what_was_there_is_kept_in_a_file_and_goes_back_the_same_way(database, ytpool, sandbox, make_video, tmp_path):
    assert ytpool("state", "backup", tmp_path / "empty.db")[0] == 0
    assert ytpool("upload", make_video("first.mp4"), "--account", "news")[0] == 0
    before = listed(ytpool, "--all")

    done = restored(ytpool, tmp_path / "empty.db")

    assert done["same_state"] is True
    assert done["aside"].startswith(str(database / "default" / "state.db.before-"))
    assert listed(ytpool, "--all") == []
    assert ytpool("state", "restore", done["aside"], "--yes", "--accept")[0] == 0
    assert listed(ytpool, "--all") == before
    assert_books_agree(ytpool, sandbox)
    assert ytpool("upload", make_video("second.mp4"), "--account", "news")[0] == 0


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        ("ytpool.store.moving", "move", False),
        ("ytpool.store.moving", "move", True),
    ],
)
def test_whoever_dies_while_going_back_leaves_the_state_as_it_was(
    database, ytpool, empty_sandbox, tmp_path, module, name, after
):
    del database, empty_sandbox
    assert ytpool("state", "backup", tmp_path / "saved.db")[0] == 0
    assert ytpool("pause", "--reason", "an audit")[0] == 0
    words = ("state", "restore", str(tmp_path / "saved.db"), "--yes", "--accept")

    assert dies_at(module, name, *words, after=after) == -signal.SIGKILL
    [pause] = told(ytpool("rests", "list", "--json"))["rests"]
    assert "an audit" in pause["reason"]
    assert ytpool(*words)[0] == 0
    assert told(ytpool("rests", "list", "--json"))["rests"] == []


def test_nobody_goes_back_while_a_worker_stays(database, ytpool, empty_sandbox, tmp_path):
    del database, empty_sandbox
    assert ytpool("state", "backup", tmp_path / "saved.db")[0] == 0

    with start("work", "--json", env=os.environ) as worker:
        try:
            until_it_stays(ytpool)
            status, _, err = ytpool("state", "restore", tmp_path / "saved.db", "--yes")
            assert (status, f"process {worker.pid} on" in err) == (6, True), err
        finally:
            worker.terminate()
            worker.communicate(timeout=30)
    assert ytpool("state", "restore", tmp_path / "saved.db", "--yes")[0] == 0


def until_it_stays(ytpool):

    until = time.monotonic() + 30
    while '"work"' not in ytpool("fleet", "status", "--json")[1]:
        assert time.monotonic() < until
        time.sleep(0.1)
