"""The keyring as a place for the key: the GNOME keyring itself, and everything that can be in its stead.

Every program runs in a child process, because the keyring library reads the process's environment and remembers what
it chose.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ytpool
from ytpool.vault.keys import Key

pytest_plugins = ["secret_service"]

ROOT = Path(ytpool.__file__).parent.parent
PRELUDE = """
import json, os, sys, time
from dataclasses import asdict
from pathlib import Path
from ytpool.domain.secret import Sealed, Secret
from ytpool.errors import YtpoolError
from ytpool.vault.cron import readable_by_cron
from ytpool.vault.envelope import Vault
from ytpool.vault.keyfiles import create_in_file
from ytpool.vault.keyrings import create_in_keyring, keyring_answers

given = json.loads(sys.argv[1])

def vault(key_id, key_file=None, timeout=10):
    return Vault(key_id=key_id, key_file=key_file and Path(key_file), environ=os.environ, keyring_timeout=timeout)

def told(error):
    return {"code": error.code, "message": error.message, "hint": error.hint, "details": dict(error.details)}
"""


def run(env, program, **given):
    """Run the program in a child process; it answers with its variable `answer`, or with the error it met."""
    body = "\n".join(f"    {line}" for line in program.strip().splitlines())
    source = (
        f"{PRELUDE}\ntry:\n{body}\nexcept YtpoolError as error:\n    answer = told(error)\nprint(json.dumps(answer))"
    )
    child = subprocess.run(
        [sys.executable, "-c", source, json.dumps(given)],
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def make_key(env) -> str:
    return run(env, "answer = create_in_keyring(timeout=10).key_id")


@pytest.fixture
def bare_env(tmp_path):
    """What cron gives."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


LOCATE = "answer = asdict(vault(given['key_id'], timeout=given.get('timeout', 10)).locate())"


def test_what_one_process_seals_another_opens(secret_service):
    key_id = make_key(secret_service.env)

    sealed = run(
        secret_service.env,
        "answer = asdict(vault(given['key_id']).seal('token', 'news', Secret('hunter2')))",
        key_id=key_id,
    )
    opened = run(
        secret_service.env,
        "answer = vault(given['key_id']).open('token', 'news', Sealed(**given['sealed'])).reveal()",
        key_id=key_id,
        sealed=sealed,
    )

    assert opened == "hunter2"
    assert list(secret_service.items()) == [f"key:{key_id}"]


def test_a_key_in_the_keyring_is_located_there(secret_service):
    key_id = make_key(secret_service.env)

    assert run(secret_service.env, LOCATE, key_id=key_id) == {
        "key_id": key_id,
        "place": "keyring",
        "where": f"keyring item ytpool / key:{key_id} (SecretService Keyring)",
    }


def test_a_key_file_comes_before_the_keyring(secret_service, tmp_path):
    key_id = make_key(secret_service.env)
    key_file = tmp_path / "key"
    key_file.write_text(secret_service.items()[f"key:{key_id}"])
    key_file.chmod(0o600)

    found = run(
        secret_service.env,
        "answer = asdict(vault(given['key_id'], given['key_file']).locate())",
        key_id=key_id,
        key_file=str(key_file),
    )

    assert found["where"] == str(key_file)


def test_the_keyring_serves_where_the_key_file_is_gone(secret_service, tmp_path):
    key_id = make_key(secret_service.env)

    found = run(
        secret_service.env,
        "answer = asdict(vault(given['key_id'], given['key_file']).locate())",
        key_id=key_id,
        key_file=str(tmp_path / "gone"),
    )

    assert found["place"] == "keyring"


def test_the_hint_for_cron_makes_a_key_file_that_works(secret_service, bare_env, tmp_path):
    key_id = make_key(secret_service.env)
    out_of_reach = run(bare_env, LOCATE, key_id=key_id)
    command = out_of_reach["hint"].partition("this makes the key file: ")[2]
    key_file = tmp_path / "key"

    subprocess.run(
        ["/bin/sh", "-c", command.replace("FILE", shlex.quote(str(key_file)))], env=secret_service.env, check=True
    )

    found = run({**bare_env, "YTPOOL_VAULT_KEY_FILE": str(key_file)}, LOCATE, key_id=key_id)
    assert found["place"] == "file named by YTPOOL_VAULT_KEY_FILE"


def test_every_new_key_has_its_own_item_and_all_of_them_work(secret_service):
    keys = [make_key(secret_service.env) for _ in range(2)]

    assert sorted(secret_service.items()) == sorted(f"key:{key_id}" for key_id in keys)
    assert [run(secret_service.env, LOCATE, key_id=key_id)["key_id"] for key_id in keys] == keys


def test_the_probe_names_the_keyring_and_leaves_nothing_behind(secret_service):
    assert run(secret_service.env, "answer = keyring_answers(timeout=10)") == "SecretService Keyring"
    assert secret_service.items() == {}


def test_a_frozen_keyring_is_given_up_after_the_time_limit_and_serves_again_later(secret_service):
    key_id = make_key(secret_service.env)
    program = """
started = time.monotonic()
answer = {"probe": keyring_answers(timeout=0.5)}
try:
    vault(given["key_id"], timeout=0.5).locate()
except YtpoolError as error:
    answer |= told(error)
answer["seconds"] = time.monotonic() - started
"""
    secret_service.daemon.send_signal(signal.SIGSTOP)
    frozen = run(secret_service.env, program, key_id=key_id)
    secret_service.daemon.send_signal(signal.SIGCONT)

    assert frozen["probe"] is None
    assert frozen["code"] == "vault_unavailable"
    assert "did not answer within 0.5 s" in frozen["message"]
    assert 1 <= frozen["seconds"] < 20  # it would never answer
    assert run(secret_service.env, LOCATE, key_id=key_id)["key_id"] == key_id


def test_a_locked_keyring_is_said_to_be_locked_and_keeps_its_key(secret_service):
    key_id = make_key(secret_service.env)
    secret_service.lock()

    locked = run(secret_service.env, LOCATE, key_id=key_id)
    refused = run(secret_service.env, "answer = create_in_keyring(timeout=10).key_id")

    assert (locked["code"], refused["code"]) == ("vault_unavailable", "vault_unavailable")
    assert "it is locked" in locked["message"]
    assert key_id in locked["message"]


def test_a_killed_keyring_is_unavailable_and_not_a_lost_key(secret_service):
    key_id = make_key(secret_service.env)
    secret_service.daemon.kill()
    secret_service.daemon.wait()

    # D-Bus may start the daemon anew, then it is locked; else there is none. Either way the key may come back.
    assert run(secret_service.env, LOCATE, key_id=key_id)["code"] == "vault_unavailable"


def test_without_d_bus_the_error_names_the_key_and_three_ways_out(bare_env, tmp_path):
    gone = str(tmp_path / "gone")

    answer = run({**bare_env, "YTPOOL_VAULT_KEY_FILE": gone}, LOCATE, key_id="abcdefgh2345")

    assert answer["code"] == "vault_unavailable"
    assert "abcdefgh2345" in answer["message"]
    assert f"{gone} (no such file)" in answer["message"]
    for way in ("YTPOOL_VAULT_KEY_FILE", "LoadCredential=ytpool-key", f"/run/user/{os.getuid()}/bus"):
        assert way in answer["hint"]


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="no bus"),
        pytest.param({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}, id="dead bus"),
        pytest.param({"PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}, id="chosen, no bus"),
        pytest.param({"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}, id="keeps nothing"),
        pytest.param({"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}, id="switched off"),
        pytest.param({"PYTHON_KEYRING_BACKEND": "no.such.Keyring"}, id="unknown backend"),
        pytest.param({"PYTHON_KEYRING_BACKEND": "nonsense"}, id="no backend's name"),
    ],
)
def test_no_usable_keyring_is_one_error_for_finding_and_for_making_a_key(bare_env, environ):
    program = """
answer = [keyring_answers(timeout=10)]
for attempt in (lambda: vault("abcdefgh2345").locate(), lambda: create_in_keyring(timeout=10)):
    try:
        attempt()
    except YtpoolError as error:
        answer.append(error.code)
"""

    assert run(bare_env | environ, program) == [None, "vault_unavailable", "vault_unavailable"]


A_BACKEND = """
from keyring.backend import KeyringBackend

class {name}(KeyringBackend):
    priority = 9

    def get_password(self, service, username):
        return {answer}

    def set_password(self, service, username, password):
        pass
"""


def write_backend(folder: Path, module: str, name: str, *, answer: str = "None") -> dict[str, str]:
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(A_BACKEND.format(name=name, answer=answer))
    return {"PYTHONPATH": str(folder), "PYTHON_KEYRING_BACKEND": f"{module}.{name}"}


CREATE = "answer = asdict(create_in_keyring(timeout=10))"


def test_a_keyring_that_forgets_is_found_out_by_reading_back(bare_env, tmp_path):
    forgetful = write_backend(tmp_path, "forgetful", "Keyring")

    answer = run(bare_env | forgetful, CREATE)

    assert answer["code"] == "vault_unavailable"
    assert "did not keep it" in answer["message"]


def test_a_keyring_that_gives_back_something_else_is_found_out(bare_env, tmp_path):
    confused = write_backend(tmp_path, "confused", "Keyring", answer=repr(Key.make().line().reveal()))

    answer = run(bare_env | confused, CREATE)

    assert answer["code"] == "vault_unavailable"
    assert "another key" in answer["message"]


def test_a_backend_that_writes_plain_text_is_refused_by_name(bare_env, tmp_path):
    plain = write_backend(tmp_path, "keyrings.alt.file", "PlaintextKeyring")

    answer = run(bare_env | plain, CREATE)

    assert answer["code"] == "vault_unavailable"
    assert "file PlaintextKeyring is refused, it keeps plain text" in answer["message"]


def test_a_key_nobody_has_is_lost_and_nothing_is_made_in_its_place(secret_service, tmp_path):
    other = make_key(secret_service.env)
    lost, gone = Key.make().key_id, tmp_path / "gone"

    answer = run(
        secret_service.env,
        "vault(given['key_id'], given['key_file']).seal('token', 'news', Secret('hunter2'))",
        key_id=lost,
        key_file=str(gone),
    )

    assert answer["code"] == "vault_key_lost"
    assert lost in answer["message"]
    assert answer["details"]["looked_in"] == [f"{gone} (no such file)", "the keyring (no such item)"]
    assert list(secret_service.items()) == [f"key:{other}"]
    assert not gone.exists()


def test_a_wrong_key_under_the_right_id_is_refused_and_left_as_it_is(secret_service):
    key_id, other = make_key(secret_service.env), Key.make()
    forged = other.line().reveal().replace(other.key_id, key_id)

    for text in (other.line().reveal(), forged):
        run(
            secret_service.env,
            "import keyring; answer = keyring.set_password('ytpool', given['user'], given['text'])",
            user=f"key:{key_id}",
            text=text,
        )
        answer = run(secret_service.env, LOCATE, key_id=key_id)

        assert answer["code"] == "vault_unavailable"
        assert f"ytpool / key:{key_id} holds" in answer["message"]
        assert text.split()[2] not in json.dumps(answer)
        assert secret_service.items() == {f"key:{key_id}": text}


def test_a_key_once_read_is_kept_while_the_process_lives(bare_env, tmp_path):
    program = """
key_id = create_in_file(Path(given["path"])).key_id
reader = vault(key_id, given["path"])
sealed = reader.seal("token", "news", Secret("hunter2"))
os.unlink(given["path"])
answer = [reader.open("token", "news", sealed).reveal()]
try:
    reader.locate()
except YtpoolError as error:
    answer.append(error.code)
"""

    assert run(bare_env, program, path=str(tmp_path / "key")) == ["hunter2", "vault_unavailable"]


def test_cron_will_not_reach_a_key_that_is_in_the_desktops_keyring_only(secret_service):
    key_id = make_key(secret_service.env)

    answer = run(secret_service.env, "answer = told(readable_by_cron(given['key_id'], None))", key_id=key_id)

    assert answer["code"] == "vault_unavailable"
    assert key_id in answer["message"]
    assert "DBUS_SESSION_BUS_ADDRESS" in answer["hint"]
