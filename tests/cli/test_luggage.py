"""`accounts export --with-secrets`, `accounts apply`: a pool moves to another machine without any browser."""

import json
import os
import shutil
import sys
import unicodedata

import pexpect
import pytest
from newsroom import ROOT
from schemas import fits
from told import told

PHRASE = "correct horse bättery staple"


def lifetimes(ytpool):
    rows = told(ytpool("auth", "status", "--json")[1])["data"]["accounts"]
    return [{name: value for name, value in row.items() if name != "token_expires_at"} for row in rows]


@pytest.fixture
def phrase(tmp_path):
    path = tmp_path / "phrase"
    path.write_text(f"{PHRASE}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def parcel(ytpool, sandbox, phrase, tmp_path):  # noqa: ARG001 - the sandbox's accounts are what is packed
    path = tmp_path / "pool.parcel"
    status, out, err = ytpool(
        *("accounts", "export", "--with-secrets", "--output", path, "--passphrase-file", phrase, "--json")
    )
    assert (status, told(out)["data"]["logins"]) == (0, ["news", "sports"]), err
    return path


@pytest.fixture
def other_machine(ytpool, tmp_path, monkeypatch):
    """From here on the commands run on a machine that has a profile and knows nobody."""

    def enter():
        monkeypatch.setenv("YTPOOL_HOME", str(tmp_path / "other machine"))
        assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    return enter


def test_logins_work_on_the_other_machine_without_any_browser(
    ytpool, sandbox, parcel, phrase, other_machine, video, monkeypatch
):
    arrangement = ytpool("accounts", "export")[1]
    assert parcel.stat().st_mode & 0o777 == 0o600
    lives = lifetimes(ytpool)
    other_machine()

    dry = fits(
        "accounts-apply", ytpool("accounts", "apply", parcel, "--passphrase-file", phrase, "--dry-run", "--json")[1]
    )
    phrase.write_text(unicodedata.normalize("NFD", PHRASE))  # as another system's keyboard may write it
    monkeypatch.setenv("YTPOOL_PASSPHRASE_FILE", str(phrase))
    status, out, err = ytpool("accounts", "apply", parcel, "--json")
    done = fits("accounts-apply", out)

    assert status == 0, err
    assert dry["logins_brought"] == done["logins_brought"] == ["news", "sports"]
    assert dry["logins_needed"] == done["logins_needed"] == []
    assert "ytpool pause" in done["notes"][0]
    assert ytpool("accounts", "export")[1] == arrangement
    assert lifetimes(ytpool) == lives  # a login is not younger for having moved
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    assert len(sandbox.videos_on("news")) == 1
    status, out, _ = ytpool("accounts", "apply", parcel, "--json")
    assert (status, told(out)["data"]["changes"], told(out)["data"]["logins_brought"]) == (0, [], [])


def test_a_living_login_is_not_replaced_and_a_dead_one_is(ytpool, sandbox, parcel, phrase):
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 4
    sandbox.channel("sports").expire_token()

    status, out, _ = ytpool("accounts", "apply", parcel, "--passphrase-file", phrase, "--json")

    assert (status, told(out)["data"]["logins_brought"]) == (0, ["news"])


def test_a_wrong_passphrase_says_so_and_changes_nothing(ytpool, parcel, phrase, other_machine):
    other_machine()
    phrase.write_text("correct horse battery stable\n")

    status, out, _ = ytpool("accounts", "apply", parcel, "--passphrase-file", phrase, "--json")

    assert (status, told(out)["error"]["code"]) == (2, "passphrase_wrong")
    assert told(ytpool("accounts", "list", "--json")[1])["data"]["accounts"] == []
    status, _, err = ytpool("accounts", "apply", parcel)
    assert (status, "--passphrase-file" in err) == (2, True)


def spoil(name, value):
    def change(text):
        return json.dumps({**json.loads(text), name: value})

    return change


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda text: text[: len(text) // 2], "file_invalid", "cut short"),
        (spoil("format", "ytpool-parcel-9"), "file_invalid", "ytpool-parcel-9"),
        (spoil("n", 2**40), "file_invalid", "no ytpool writes"),
        (spoil("kdf", "none"), "file_invalid", "no ytpool writes"),
        (spoil("salt", "AAAAAAAAAAAAAAAAAAAAAA=="), "passphrase_wrong", "or the file was changed"),
        (spoil("r", 9), "passphrase_wrong", "or the file was changed"),
    ],
    ids=["cut", "newer", "greedy", "no kdf", "other salt", "other r"],
)
def test_a_file_that_was_changed_does_not_open(ytpool, parcel, phrase, change, code, says):
    parcel.write_text(change(parcel.read_text()))

    status, out, _ = ytpool("accounts", "apply", parcel, "--passphrase-file", phrase, "--json")

    assert (status, told(out)["error"]["code"]) == (2, code)
    assert says in told(out)["error"]["message"]


@pytest.mark.usefixtures("sandbox")
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(tmp_path):
    output = tmp_path / "pool.parcel"
    words = ["-m", "ytpool", "accounts", "export", "--with-secrets", "--output", str(output)]
    asking = pexpect.spawn(sys.executable, words, env=dict(os.environ), cwd=str(ROOT), encoding="utf-8", timeout=20)
    said = ""
    for question in ("Passphrase: ", "Repeat for confirmation: "):
        asking.expect_exact(question)
        asking.sendline(PHRASE)
        said += asking.before
    asking.expect_exact(pexpect.EOF)
    said += asking.before
    asking.close()

    assert asking.exitstatus == 0, said
    assert PHRASE not in said
    assert json.loads(output.read_text())["format"] == "ytpool-parcel-1"


@pytest.mark.usefixtures("sandbox")
def test_a_passphrase_is_neither_short_nor_for_everybody(ytpool, phrase, tmp_path):
    command = ("accounts", "export", "--with-secrets", "--passphrase-file", phrase)
    output = tmp_path / "pool.parcel"
    assert "--output" in ytpool(*command)[2]
    phrase.chmod(0o644)
    assert f"chmod 600 {phrase}" in ytpool(*command, "--output", output)[2]
    phrase.chmod(0o600)
    phrase.write_text("too short\n")

    status, _, err = ytpool(*command, "--output", output)

    assert (status, "fewer than 12" in err) == (2, True)
    assert not output.exists()


def test_what_is_packed_shows_nowhere(ytpool, parcel, phrase, tmp_path):
    tokens = [json.loads((tmp_path / f"token-{name}.json").read_text()) for name in ("news", "sports")]
    shutil.copy2(parcel, tmp_path / "copy")
    out = ytpool("accounts", "apply", tmp_path / "copy", "--passphrase-file", phrase, "--json")

    for token in tokens:
        for secret in (token["refresh_token"], token["client_secret"], PHRASE):
            assert secret not in parcel.read_text() + str(out)


def test_logins_of_a_sandbox_are_not_brought_to_google(ytpool, parcel, phrase, other_machine, monkeypatch):
    other_machine()
    monkeypatch.delenv("YTPOOL_GOOGLE_API_ROOT")

    status, out, _ = ytpool("accounts", "apply", parcel, "--passphrase-file", phrase, "--json")

    assert (status, told(out)["error"]["code"]) == (2, "endpoints_changed")
