"""The key in a real keyring, and in a file where there is none: whole days of a desktop, a server and its cron."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from newsroom import ROOT, Newsroom, ended, start

from ytpool.sandbox.server import Sandbox

pytest_plugins = ["secret_service"]


@pytest.fixture
def newsroom(tmp_path):
    with Sandbox(tmp_path / "youtube", seed=1) as server:
        newsroom = Newsroom(server, tmp_path)
        newsroom.noon()
        yield newsroom


@pytest.fixture
def desktop(newsroom, secret_service, home):
    """What a program finds in a desktop session: the keyring is in reach."""
    return {
        **secret_service.env,
        **newsroom.addresses(),
        "YTPOOL_HOME": str(home),
        "YTPOOL_VAULT_KEYRING_TIMEOUT": "10",  # a busy machine is not a frozen keyring
    }


@pytest.fixture
def cron(desktop):
    """The same without the session."""
    return {name: value for name, value in desktop.items() if not name.startswith(("DBUS", "XDG"))}


def run(*words, env):
    return ended(start(*words, "--json", env=env))


def works(*words, env):
    status, answer, err = run(*words, env=env)
    assert status == 0, (words, answer, err)
    return answer["data"]


def log_in(newsroom, env):
    secrets, token = newsroom.secrets_file(), newsroom.token_file("news")
    works("auth", "import", "news", "--client-secrets", secrets, "--token", token, env=env)


def test_a_key_leaves_the_keyring_for_a_file_that_cron_reads_and_comes_back(newsroom, desktop, cron, secret_service):
    [made] = [works("init", "--yes", "--vault", "keyring", env=desktop)["key_id"]]
    log_in(newsroom, desktop)
    status, answer, _ = run("refresh-tokens", "--force", env=cron)
    assert (status, answer["error"]["code"]) == (6, "vault_unavailable")
    assert "three ways out" in answer["error"]["hint"]
    assert works("vault", "status", env=desktop)["cron_can_read_the_key"] is False

    moved = works("vault", "move", "--to", "keyfile", env=desktop)

    assert moved["cron_can_read_the_key"]
    assert f"keyring del ytpool key:{made}" in moved["advice"]
    assert list(secret_service.items()) == [f"key:{made}"]  # nothing is taken away
    assert works("refresh-tokens", "--force", env=cron)["accounts"][0]["outcome"] == "refreshed"

    works("vault", "move", "--to", "keyring", env=desktop)
    Path(moved["where"]).unlink()
    assert works("vault", "status", env=desktop)["keys"][0]["place"] == "keyring"
    assert works("refresh-tokens", "--force", env=desktop)["accounts"][0]["outcome"] == "refreshed"


def test_a_rotation_in_the_keyring_adds_an_item_and_touches_no_other(newsroom, desktop, secret_service):
    works("init", "--yes", "--vault", "keyring", env=desktop)
    log_in(newsroom, desktop)
    before = secret_service.items()

    new = works("vault", "rotate", env=desktop)["next_key_id"]
    done = works("vault", "rotate", "--finish", env=desktop)

    assert (done["key_id"], done["moved"], done["left"]) == (new, 3, 0)
    assert before.items() < secret_service.items().items()
    assert secret_service.items().keys() - before.keys() == {f"key:{new}"}
    assert works("refresh-tokens", "--force", env=desktop)["accounts"][0]["outcome"] == "refreshed"


def test_a_frozen_keyring_holds_nobody_for_longer_than_the_limit(newsroom, desktop, secret_service):
    works("init", "--yes", "--vault", "keyring", env=desktop)
    log_in(newsroom, desktop)
    secret_service.daemon.send_signal(signal.SIGSTOP)
    try:
        for words in (("refresh-tokens", "--force"), ("vault", "rotate")):
            began = time.monotonic()
            status, answer, _ = run(*words, env={**desktop, "YTPOOL_VAULT_KEYRING_TIMEOUT": "0.5"})

            assert (status, answer["error"]["code"]) == (6, "vault_unavailable"), words
            assert "did not answer within 0.5 s" in answer["error"]["message"]
            assert time.monotonic() - began < 10
    finally:
        secret_service.daemon.send_signal(signal.SIGCONT)
    assert works("refresh-tokens", "--force", env=desktop)["accounts"][0]["outcome"] == "refreshed"
    assert works("vault", "status", env=desktop)["keys"][0]["role"] == "in use"  # no rotation was begun


def test_a_keyring_that_locks_in_between_stops_nothing_that_runs(newsroom, desktop, secret_service, make_video):
    works("init", "--yes", "--vault", "keyring", env=desktop)
    log_in(newsroom, desktop)
    newsroom.channel("news").spoil("upload.chunk", "slow", seconds=1.5)
    upload = start("upload", make_video(), "--account", "news", "--json", env=desktop)
    while newsroom.calls("videos.insert") == 0:
        time.sleep(0.02)

    secret_service.lock()

    status, answer, err = ended(upload)
    assert (status, answer["data"]["state"]) == (0, "done"), err
    status, answer, _ = run("refresh-tokens", "--force", env=desktop)
    assert (status, answer["error"]["code"]) == (6, "vault_unavailable")
    assert works("quota", "report", env=desktop)["totals"]["used"]["uploads"] == 1  # books need no key


def test_on_a_server_everything_works_with_what_cron_gives(newsroom, tmp_path):
    """Neither a variable of ours nor a session: `env -i`, with the settings in their file."""
    bare = ["env", "-i", f"HOME={tmp_path / 'server'}", f"PATH={os.environ['PATH']}", sys.executable, "-m", "ytpool"]
    (tmp_path / "server").mkdir()

    def there(*words):
        done = subprocess.run([*bare, *map(str, words), "--json"], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)["data"]

    made = there("init", "--yes", "--vault", "keyfile")
    settings = Path(made["config"])
    google = {name.removeprefix("YTPOOL_GOOGLE_").lower(): url for name, url in newsroom.addresses().items()}
    lines = [f'{name} = "{url}"' for name, url in google.items()]
    settings.write_text("\n".join([settings.read_text(), "[google]", *lines, ""]))
    secrets, token = newsroom.secrets_file(), newsroom.token_file("news")
    there("auth", "import", "news", "--client-secrets", secrets, "--token", token)

    assert made["cron_can_read_the_key"]
    assert there("refresh-tokens", "--force")["accounts"][0]["outcome"] == "refreshed"
    there("vault", "rotate")
    assert there("vault", "rotate", "--finish")["moved"] == 3
    assert there("refresh-tokens", "--force")["accounts"][0]["outcome"] == "refreshed"
