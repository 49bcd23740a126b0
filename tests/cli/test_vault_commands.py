"""`ytpool vault`: where the keys are, another place for them, and another key, whatever dies or runs meanwhile."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from newsroom import ROOT, ended, start
from told import told

from ytpool.actions import secrets
from ytpool.config import load
from ytpool.domain.secret import Secret
from ytpool.runtime import Runtime
from ytpool.store import secrets as sealed
from ytpool.store.secrets import Kind

MANY = 120


@pytest.fixture
def key_file(home):
    return home / "default" / "vault.key"


@pytest.fixture
def many(sandbox):  # noqa: ARG001 - it sets the profile up
    """More secrets than one transaction seals anew; they are compared with what they must open to."""
    rt = Runtime(load(profile=None, environ=os.environ))
    rt.open_vault()
    with rt.store.transaction() as tx:
        for number in range(MANY):
            secrets.keep(rt, tx, Kind.BROWSER_SESSION, f"person {number}", Secret(f"cookie {number}"))
    rt.close()


def opened():
    """Open every stored secret, as a process that starts now; return them, and which keys seal them."""
    rt = Runtime(load(profile=None, environ=os.environ))
    try:
        with rt.store.reading() as tx:
            rows = sealed.every(tx)
        found = {(row.kind, row.owner): rt.vault.open(row.kind, row.owner, row.sealed).reveal() for row in rows}
        return found, {row.sealed.key_id for row in rows}
    finally:
        rt.close()


@pytest.mark.usefixtures("sandbox")
def test_status_tells_where_keys_are_and_what_is_stored_and_no_value(ytpool, key_file):
    status, out, _ = ytpool("vault", "status", "--json")
    data = told(out)["data"]

    assert status == 0
    [key] = data["keys"]
    assert (key["role"], key["seals"], key["where"]) == ("in use", 5, str(key_file))
    assert {(row["kind"], row["owner"]) for row in data["secrets"]} >= {
        ("refresh_token", "news"),
        ("access_token", "sports"),
    }
    assert [(row["location"], row["keys"], row["lives"]) for row in data["machines"]] == [
        (str(key_file), [key["key_id"]], True)
    ]
    assert data["cron_can_read_the_key"]
    values = set(opened()[0].values()) | {key_file.read_text().split()[2]}
    people = ytpool("vault", "status")[1]
    assert not any(value in out + people for value in values)


@pytest.mark.usefixtures("sandbox")
def test_a_copy_of_the_state_without_its_key_opens_nothing_and_says_so(ytpool, home, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere)
    (elsewhere / "default" / "vault.key").unlink()
    (home / "default" / "vault.key").rename(tmp_path / "the key of the other machine")
    monkeypatch.setenv("YTPOOL_HOME", str(elsewhere))

    status, out, _ = ytpool("vault", "status", "--json")
    answer = told(out)

    assert (status, answer["error"]["code"]) == (6, "vault_unavailable")
    assert "vault.key (no such file)" in answer["error"]["message"]
    assert "copy" in answer["error"]["hint"]
    assert "5 secrets need the key" in answer["data"]["advice"]
    assert answer["data"]["keys"][0]["place"] == ""
    assert len(answer["data"]["secrets"]) == 5
    assert ytpool("refresh-tokens", "--force")[0] == 6
    assert ytpool("quota", "report")[0] == 0  # books need no key


@pytest.mark.usefixtures("sandbox")
def test_a_key_file_that_others_can_read_is_refused_by_every_verb(ytpool, key_file):
    key_file.chmod(0o644)

    for words in (("status",), ("rotate",), ("rotate", "--finish"), ("move", "--to", "keyfile", "--key-file", "/x")):
        status, _, err = ytpool("vault", *words)

        assert status == 6, words
        assert f"chmod 600 {key_file}" in err


@pytest.mark.usefixtures("sandbox")
def test_keys_move_to_another_file_and_what_was_there_stays(ytpool, key_file, tmp_path):
    wanted = tmp_path / "new" / "key"
    before = opened()

    assert ytpool("vault", "move", "--to", "keyfile", "--key-file", wanted, "--dry-run")[0] == 0
    assert not wanted.exists()
    status, out, _ = ytpool("vault", "move", "--to", "keyfile", "--key-file", wanted, "--json")

    assert (status, told(out)["data"]["where"], told(out)["data"]["before"]) == (0, str(wanted), [str(key_file)])
    assert f"rm {key_file}" in told(out)["data"]["advice"]
    assert (wanted.stat().st_mode & 0o777, wanted.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    key_file.unlink()
    assert opened() == before
    assert ytpool("vault", "move", "--to", "keyfile", "--key-file", wanted)[0] == 0  # again changes nothing


@pytest.mark.usefixtures("many")
def test_a_rotation_seals_everything_anew_and_keeps_the_old_key(ytpool, key_file):
    values, [old] = opened()
    line = key_file.read_text()

    status, out, _ = ytpool("vault", "rotate", "--json")
    new = told(out)["data"]["next_key_id"]
    assert (status, told(out)["data"]["phase"], told(out)["data"]["key_id"]) == (0, "begun", old)
    assert opened() == (values, {old})
    assert "ytpool vault rotate" in ytpool("health")[1]
    assert told(ytpool("vault", "rotate", "--json")[1])["data"]["next_key_id"] == new  # begun once

    status, out, _ = ytpool("vault", "rotate", "--finish", "--json")

    assert (status, told(out)["data"]["moved"], told(out)["data"]["left"]) == (0, len(values), 0)
    assert opened() == (values, {new})
    assert key_file.read_text().startswith(line)
    assert told(ytpool("vault", "rotate", "--finish", "--json")[1])["data"]["moved"] == 0
    assert ytpool("refresh-tokens", "--force")[0] == 0


@pytest.mark.usefixtures("sandbox")
def test_a_rotation_that_seals_nothing_yet_can_be_taken_back(ytpool):
    before = opened()
    assert ytpool("vault", "rotate")[0] == 0

    assert ytpool("vault", "rotate", "--cancel")[0] == 0

    assert told(ytpool("vault", "rotate", "--finish", "--json")[1])["data"]["moved"] == 0
    assert opened() == before


@pytest.mark.parametrize("words", [("rotate",), ("rotate", "--finish"), ("move",)], ids=" ".join)
@pytest.mark.usefixtures("many")
def test_whatever_dies_after_any_commit_nothing_is_lost(ytpool, tmp_path, words):
    values, _ = opened()
    if "--finish" in words:
        assert ytpool("vault", "rotate")[0] == 0
    more = ("--to", "keyfile", "--key-file", tmp_path / "moved" / "key") if words == ("move",) else ()
    command = ["ytpool", "vault", *words, *more]

    deaths = 0
    while True:
        point = f"{('before', 'after')[deaths % 2]} {deaths // 2 + 1}"
        program = [sys.executable, "tests/killing.py", point, *map(str, command)]
        died = subprocess.run(program, cwd=ROOT, env=os.environ, capture_output=True, check=False)
        assert opened()[0] == values
        if died.returncode == 0:
            break
        assert died.returncode == -signal.SIGKILL, died.stderr
        deaths += 1

    assert deaths >= 4
    assert ytpool("vault", "rotate", "--finish")[0] == 0
    assert (opened()[0], len(opened()[1])) == (values, 1)


@pytest.mark.usefixtures("many")
def test_two_that_finish_at_once_and_an_upload_meanwhile_get_along(ytpool, sandbox, make_video):
    values, [old] = opened()
    path = make_video(size=2_000_000)
    sandbox.channel("news").spoil("upload.chunk", "slow", seconds=1.5)
    upload = start("upload", path, "--account", "news", "--json", env=os.environ)
    while sandbox.calls("videos.insert") == 0:
        time.sleep(0.02)
    assert ytpool("vault", "rotate")[0] == 0

    both = [start("vault", "rotate", "--finish", "--json", env=os.environ) for _ in range(2)]
    ends = [ended(one) for one in both]

    assert {status for status, _, _ in ends} <= {0, 6}, ends
    assert 0 in {status for status, _, _ in ends}
    assert ended(upload)[0] == 0
    found, keys = opened()
    assert values.items() <= found.items()
    assert len(keys) == 1
    assert old not in keys


@pytest.mark.usefixtures("sandbox")
def test_a_process_that_was_there_before_follows_the_keys_wherever_they_go(ytpool, key_file, tmp_path):
    rt = Runtime(load(profile=None, environ=os.environ))
    rt.open_vault()

    assert ytpool("vault", "move", "--to", "keyfile", "--key-file", tmp_path / "moved.key")[0] == 0
    key_file.unlink()
    assert ytpool("vault", "rotate")[0] == ytpool("vault", "rotate", "--finish")[0] == 0
    with rt.store.transaction() as tx:
        secrets.keep(rt, tx, Kind.BROWSER_SESSION, "anna", Secret("cookie"))
        token = secrets.read(rt, tx, Kind.REFRESH_TOKEN, "news")
    rt.close()

    found, keys = opened()
    assert (found["browser_session", "anna"], found["refresh_token", "news"]) == ("cookie", token.reveal())
    assert len(keys) == 1


@pytest.mark.usefixtures("sandbox")
def test_a_machine_that_lacks_the_new_key_is_waited_for(ytpool, key_file, tmp_path, monkeypatch):
    other = tmp_path / "other machine.key"  # another way to the key, as another machine has it
    shutil.copy2(key_file, other)
    values, _ = opened()
    with monkeypatch.context() as there:
        there.setenv("YTPOOL_VAULT_KEY_FILE", str(other))
        assert ytpool("health")[0] == 0

    advice = told(ytpool("vault", "rotate", "--json")[1])["data"]["advice"]
    status, out, _ = ytpool("vault", "rotate", "--finish", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "busy")
    assert str(other) in told(out)["error"]["message"]
    install = next(line for line in advice.splitlines() if "grep" in line).partition(": ")[2]
    subprocess.run(["sh", "-c", install], check=True)
    assert ytpool("vault", "rotate", "--finish")[0] == 6  # it has not said so yet
    with monkeypatch.context() as there:
        there.setenv("YTPOOL_VAULT_KEY_FILE", str(other))
        assert ytpool("health")[0] == 0
        assert ytpool("vault", "rotate", "--finish")[0] == 0
        assert (opened()[0], len(opened()[1])) == (values, 1)
    assert opened()[0] == values


@pytest.mark.usefixtures("sandbox")
def test_a_machine_that_is_no_more_is_not_waited_for(ytpool, key_file, tmp_path, monkeypatch):
    gone = tmp_path / "gone.key"
    shutil.copy2(key_file, gone)
    with monkeypatch.context() as there:
        there.setenv("YTPOOL_VAULT_KEY_FILE", str(gone))
        assert ytpool("health")[0] == 0
    assert ytpool("vault", "rotate")[0] == 0
    refused = ytpool("vault", "rotate", "--finish")
    [host] = {row["host"] for row in told(ytpool("vault", "status", "--json")[1])["data"]["machines"]}

    assert refused[0] == 6
    assert f"--without {host}" in refused[2]
    assert ytpool("vault", "rotate", "--finish", "--without", host)[0] == 0


@pytest.mark.usefixtures("sandbox")
def test_where_the_key_cannot_be_written_it_is_said_what_to_install(ytpool, key_file, tmp_path, monkeypatch):
    values, _ = opened()
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ytpool-key").write_text(key_file.read_text())
    (credentials / "ytpool-key").chmod(0o400)
    key_file.unlink()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))

    status, out, _ = ytpool("vault", "rotate", "--json")
    data = told(out)["data"]

    assert status == 0
    assert "LoadCredential=ytpool-key" in data["advice"]
    aside = next(path for path in key_file.parent.glob("vault-new-*.key"))
    assert (data["where"], aside.stat().st_mode & 0o777) == (str(aside), 0o600)
    assert aside.read_text().split()[2] not in out
    assert told(ytpool("vault", "rotate", "--json")[1])["data"]["where"] == str(aside)  # it is remembered
    assert ytpool("vault", "rotate", "--finish")[0] == 6
    (credentials / "ytpool-key").chmod(0o600)
    with (credentials / "ytpool-key").open("a") as file:
        file.write(aside.read_text())
    (credentials / "ytpool-key").chmod(0o400)
    [host] = {row["host"] for row in told(ytpool("vault", "status", "--json")[1])["data"]["machines"]}
    done = ytpool("vault", "rotate", "--finish", "--without", host)  # it was set up with a file, now gone
    assert (done[0], f"rm {aside}" in done[1]) == (0, True)
    assert (opened()[0], opened()[1]) == (values, {data["next_key_id"]})


@pytest.mark.usefixtures("many")
def test_a_secret_that_does_not_open_keeps_its_key_and_is_named(ytpool):
    rt = Runtime(load(profile=None, environ=os.environ))
    with rt.store.transaction() as tx:
        tx.run("UPDATE secrets SET sealed = 'AAAA' || substr(sealed, 5) WHERE owner = 'person 7'")
    rt.close()
    assert ytpool("vault", "rotate")[0] == 0

    status, out, _ = ytpool("vault", "rotate", "--finish", "--json")

    assert (status, told(out)["error"]["code"], told(out)["data"]["left"]) == (6, "secret_damaged", 1)
    assert "browser_session of person 7" in told(out)["error"]["message"]
    assert ytpool("refresh-tokens", "--force")[0] == 0
