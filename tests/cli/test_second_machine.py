"""A second machine comes to a state in PostgreSQL: what it is told, and what stands in its settings afterwards."""

import os
import shutil
import socket
import subprocess

import pytest
from newsroom import ended, start
from real_parts import miss

AWAY = "studio-2"


def on(host):
    """Return the words that run a program on a machine of this name."""
    user = () if os.geteuid() == 0 else ("--map-root-user",)
    return ("unshare", "--uts", *user, "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"', host)


@pytest.fixture
def address(home, postgres, schema, monkeypatch, request):  # noqa: ARG001 - the environment is empty first
    """The address of a state that this machine has set up, with two accounts."""
    if shutil.which("unshare") is None or subprocess.run([*on(AWAY), "true"], check=False).returncode != 0:
        miss("this needs namespaces")
    monkeypatch.setenv("YTPOOL_STATE", postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    request.getfixturevalue("sandbox")
    return postgres.url


def test_a_second_machine_hears_who_has_the_key_and_then_joins_with_settings_of_its_own(address, home, tmp_path):
    key = home / "default" / "vault.key"
    copy = key.rename(tmp_path / "brought.key")  # as it would be there: not where this machine keeps it
    there = {**os.environ, "YTPOOL_HOME": str(tmp_path / "there")}

    def away(*words, **more):
        return ended(start(*words, "--json", env={**there, **more}, through=on(AWAY)))

    status, told, _ = away("init", "--yes", YTPOOL_VAULT_KEY_FILE=str(tmp_path / "not-yet"))

    assert told["error"]["message"].count("not-yet") == 1
    assert (status, told["error"]["code"]) == (6, "vault_unavailable")
    assert f"{socket.gethostname()} has it, in {key}: copy that file" in told["error"]["hint"]
    assert "put the key file back" not in told["error"]["hint"]
    assert not list((tmp_path / "there").rglob("config.toml"))

    status, told, err = away("init", "--yes", YTPOOL_VAULT_KEY_FILE=str(copy))

    assert status == 0, err
    told = told["data"]
    assert (told["joined"], told["accounts"], told["machines"]) == (True, 2, [socket.gethostname()])
    # Without the variables, as under cron, it is the same state, and no new one in a file.
    for name in ("YTPOOL_STATE", "YTPOOL_POSTGRES_SCHEMA"):
        del there[name]
    assert [row["account"] for row in away("accounts", "list")[1]["data"]["accounts"]] == ["news", "sports"]
    assert away("vault", "status")[0] == 0
    again = away("init", "--yes")[1]["data"]
    assert (again["state"].startswith(address), again["joined"], again["already"]) == (True, False, True)


def test_a_key_that_is_moved_on_one_machine_is_found_on_another_where_it_was(address, ytpool, tmp_path):
    del address
    moved = tmp_path / "there" / "moved.key"
    moved.parent.mkdir(mode=0o700)

    status, _, err = ended(
        start(
            *("vault", "move", "--to", "keyfile", "--key-file", str(moved), "--json"), env=os.environ, through=on(AWAY)
        )
    )
    assert status == 0, err
    moved.rename(tmp_path / "no disk of this machine")

    assert ytpool("vault", "status")[0] == 0
    assert ytpool("refresh-tokens", "--force")[0] == 0
