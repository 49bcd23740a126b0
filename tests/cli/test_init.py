"""Setting a profile up, and what stands there afterwards."""

import json
import os
import stat
import sys
from pathlib import Path

import pexpect
import pytest
from newsroom import ROOT, start
from told import data

pytest_plugins = ["secret_service"]


def run(*words, env):
    with start(*words, env=env) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def modes(folder):
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.rglob("*"))
    }


def test_init_says_where_everything_lives(ytpool, home):
    status, out, err = ytpool("init", "--yes", "--vault", "keyfile", "--zone", "Europe/Berlin", "--json")

    assert status == 0, err
    told = data(out)
    assert (told["already"], told["vault"], told["zone"]) == (False, "key file", "Europe/Berlin")
    for what in ("config", "state", "key"):
        assert Path(told[what]).is_file()
        assert Path(told[what]).is_relative_to(home)
    assert told["cron_can_read_the_key"] is True
    assert 'zone = "Europe/Berlin"' in Path(told["config"]).read_text()
    assert ytpool("health")[0] == 0


def test_where_settings_are_and_no_state_it_may_be_elsewhere(ytpool, home):
    ytpool("init", "--vault", "keyfile")
    (home / "default" / "state.db").unlink()

    status, _, err = ytpool("quota", "report")

    assert status == 6
    assert f"name it, as `state` in {home / 'default' / 'config.toml'} or in YTPOOL_STATE" in err
    assert err.endswith("else run: ytpool init\n")


def test_init_again_says_what_it_leaves_as_it_is_although_it_was_asked_for(ytpool):
    ytpool("init", "--vault", "keyfile", "--zone", "Europe/Berlin")

    same = ytpool("init", "--vault", "keyfile", "--zone", "Europe/Berlin")
    other = ytpool("init", "--vault", "keyring", "--zone", "Asia/Tokyo")

    assert (same[0], same[2], other[0]) == (0, "", 0)
    assert "the time zone stays Europe/Berlin" in other[2]
    assert other[2].endswith("to move it: ytpool vault move --to keyring\n")


def test_init_again_changes_nothing(ytpool, home):
    first = data(ytpool("init", "--yes", "--vault", "keyfile", "--json")[1])
    before = {path: path.read_bytes() for path in home.rglob("*") if path.suffix in {".toml", ".key"}}

    status, out, _ = ytpool("init", "--yes", "--vault", "keyfile", "--zone", "Asia/Tokyo", "--json")

    assert (status, data(out)["already"]) == (0, True)
    assert {**data(out), "already": False} == first
    assert {path: path.read_bytes() for path in before} == before
    assert "nothing was changed" in ytpool("init", "--yes")[1]


def test_several_inits_at_once_end_with_one_key(ytpool, home):
    processes = [start("init", "--yes", "--vault", "keyfile", "--json", env=os.environ) for _ in range(6)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in processes]

    assert [status for *_, status in ended] == [0] * 6, ended
    assert len({data(out)["key_id"] for out, *_ in ended}) == 1
    assert len(list(home.rglob("*.key"))) == 1
    assert ytpool("health")[0] == 0
    assert ytpool("state", "check")[0] == 0


def test_everything_is_its_owners_alone_whatever_the_umask(ytpool, home):
    before = os.umask(0)
    try:
        assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    finally:
        os.umask(before)

    for name, mode in modes(home).items():
        assert mode == ("0o700" if (home / name).is_dir() else "0o600"), name


def test_on_a_terminal_a_mistyped_answer_is_asked_for_again(home):
    env = {**os.environ, "YTPOOL_HOME": str(home), "PYTHONPATH": str(ROOT)}

    with pexpect.spawn(sys.executable, ["-m", "ytpool", "init"], env=env, timeout=20, encoding="utf-8") as child:
        child.expect("Time zone")
        child.sendline("Europe/Berln")
        child.expect("no time zone")
        child.sendline("Europe/Berlin")
        child.expect("auto, keyring, keyfile")
        child.sendline("file")
        child.expect("neither auto nor keyring nor keyfile")
        child.sendline("keyfile")
        child.expect("profile default is set up")
        child.expect(pexpect.EOF)

    assert child.exitstatus == 0
    assert (home / "default" / "vault.key").is_file()


def test_a_zone_that_does_not_exist_leaves_nothing_behind(ytpool, home):
    status, out, _ = ytpool("init", "--yes", "--vault", "keyfile", "--zone", "Mars/Olympus", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (2, "config_invalid")
    assert "Mars/Olympus" in error["message"]
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_without_a_keyring_auto_takes_a_key_file_and_keyring_is_refused(ytpool, home, monkeypatch):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    status, out, _ = ytpool("init", "--yes", "--vault", "keyring", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (6, "vault_unavailable")
    assert "keyfile" in json.loads(out)["error"]["hint"]
    assert not list(home.rglob("state.db"))

    status, out, err = ytpool("init", "--yes", "--vault", "auto", "--json")
    assert (status, data(out)["vault"]) == (0, "key file"), err


@pytest.mark.parametrize("vault", ["auto", "keyring"])
def test_a_keyring_that_answers_holds_the_key_and_cron_is_warned(home, secret_service, vault):
    env = {**secret_service.env, "YTPOOL_HOME": str(home)}

    status, out, err = run("init", "--yes", "--vault", vault, "--json", env=env)

    assert status == 0, err
    told = data(out)
    assert told["vault"] == "keyring"
    assert list(secret_service.items()) == [f"key:{told['key_id']}"]
    assert not list(home.rglob("*.key"))
    assert told["cron_can_read_the_key"] is False
    assert "under cron the key cannot be read" in told["advice"]
    assert run("health", env=env)[0] == 0

    secret_service.lock()
    status, out, _ = run("health", "--json", env={**env, "YTPOOL_VAULT_KEYRING_TIMEOUT": "2"})
    assert status == 8
    [vault_check] = [check for check in data(out)["checks"] if check["check"] == "vault"]
    assert (vault_check["status"], bool(vault_check["fix"])) == ("fail", True)
