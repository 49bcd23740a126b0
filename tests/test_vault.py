"""The envelope and the key files, in this process; nothing here reaches a keyring."""

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.domain.secret import Sealed, Secret
from ytpool.errors import NotInitialised, SecretDamaged, VaultUnavailable
from ytpool.vault.cron import readable_by_cron
from ytpool.vault.envelope import Vault
from ytpool.vault.keyfiles import create_in_file
from ytpool.vault.keys import Key

ANY_TEXT = st.text(st.characters())  # half surrogate pairs too, as a JSON file may hold them


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    create_in_file(path)
    return path


@pytest.fixture
def vault(key_file):
    return vault_of(key_file)


def vault_of(key_file: Path, **environ: str) -> Vault:
    return Vault(key_id=create_in_file(key_file).key_id, key_file=key_file, environ=environ)


def write_keys(path: Path, *keys: Key, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{key.line().reveal()}\n" for key in keys))
    path.chmod(mode)
    return path


@pytest.fixture(scope="session")
def one_vault(tmp_path_factory):
    return vault_of(tmp_path_factory.mktemp("vault") / "key")


@given(kind=ANY_TEXT, owner=ANY_TEXT, text=ANY_TEXT)
def test_any_text_comes_back_as_it_was_sealed(one_vault, kind, owner, text):
    sealed = one_vault.seal(kind, owner, Secret(text))

    assert one_vault.open(kind, owner, sealed) == Secret(text)


@given(
    sealed_for=st.tuples(ANY_TEXT, ANY_TEXT),
    opened_as=st.tuples(ANY_TEXT, ANY_TEXT),
)
def test_a_secret_opens_for_its_own_kind_and_owner_only(one_vault, sealed_for, opened_as):
    sealed = one_vault.seal(*sealed_for, Secret("cookie"))

    if sealed_for == opened_as:
        assert one_vault.open(*opened_as, sealed) == Secret("cookie")
    else:
        with pytest.raises(SecretDamaged):
            one_vault.open(*opened_as, sealed)


def test_kind_and_owner_cannot_be_shifted_into_each_other(vault):
    sealed = vault.seal("token", 'a", "b', Secret("cookie"))

    with pytest.raises(SecretDamaged):
        vault.open('token", "a', "b", sealed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: content[:-1] + bytes([content[-1] ^ 1]), id="last bit"),
        pytest.param(lambda content: bytes([content[0] ^ 1]) + content[1:], id="first bit"),
        pytest.param(lambda content: content[:20], id="cut short"),
        pytest.param(lambda _: b"abc", id="shorter than a nonce"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_a_changed_secret_is_damaged_and_says_whose_it_is(vault, change: Callable[[bytes], bytes]):
    sealed = vault.seal("token", "news", Secret("cookie"))
    changed = base64.b64encode(change(base64.b64decode(sealed.text))).decode()

    with pytest.raises(SecretDamaged, match="token of news"):
        vault.open("token", "news", Sealed(key_id=sealed.key_id, text=changed))


@pytest.mark.parametrize("text", ["no base64!", "Grüße"])
def test_what_is_no_sealed_text_is_damaged(vault, text):
    key_id = vault.seal("token", "news", Secret("cookie")).key_id

    with pytest.raises(SecretDamaged):
        vault.open("token", "news", Sealed(key_id=key_id, text=text))


def test_a_secret_relabelled_with_another_key_is_damaged(tmp_path):
    old, new = Key.make(), Key.make()
    path = write_keys(tmp_path / "key", old, new)
    sealed = Vault(key_id=old.key_id, key_file=path, environ={}).seal("token", "news", Secret("cookie"))

    with pytest.raises(SecretDamaged):
        Vault(key_id=new.key_id, key_file=path, environ={}).open(
            "token", "news", Sealed(key_id=new.key_id, text=sealed.text)
        )


def test_secrets_of_an_older_key_open_beside_the_new_one(tmp_path):
    old, new = Key.make(), Key.make()
    path = write_keys(tmp_path / "key", old, new)
    sealed = Vault(key_id=old.key_id, key_file=path, environ={}).seal("token", "news", Secret("cookie"))

    assert Vault(key_id=new.key_id, key_file=path, environ={}).open("token", "news", sealed) == Secret("cookie")


def test_two_seals_of_one_secret_have_nothing_in_common(vault):
    first, second = (base64.b64decode(vault.seal("token", "news", Secret("cookie")).text) for _ in range(2))

    assert first[:12] != second[:12]
    assert first[12:] != second[12:]


def test_a_state_without_a_key_says_what_to_run(tmp_path):
    with pytest.raises(NotInitialised) as raised:
        Vault(key_id=None, key_file=tmp_path / "key", environ={}).seal("token", "news", Secret("cookie"))

    assert "ytpool init" in raised.value.hint


def test_keys_are_looked_for_in_the_credential_then_the_variables_file_then_the_chosen_file(tmp_path):
    key = Key.make()
    credential = write_keys(tmp_path / "credentials" / "ytpool-key", key, mode=0o400)
    named, chosen = (write_keys(tmp_path / name, key) for name in ("named", "chosen"))
    environ = {"CREDENTIALS_DIRECTORY": str(credential.parent), "YTPOOL_VAULT_KEY_FILE": str(named)}
    vault = Vault(key_id=key.key_id, key_file=chosen, environ=environ)

    found = []
    for path in (credential, named, chosen):
        found.append(vault.locate())
        path.unlink()

    assert found == [
        KeyFound(key_id=key.key_id, place=KeyPlace.CREDENTIAL, where=str(credential)),
        KeyFound(key_id=key.key_id, place=KeyPlace.ENVIRONMENT_FILE, where=str(named)),
        KeyFound(key_id=key.key_id, place=KeyPlace.KEY_FILE, where=str(chosen)),
    ]


def test_a_file_that_holds_other_keys_is_passed_over(tmp_path, key_file):
    other = write_keys(tmp_path / "other", Key.make(), Key.make())

    found = vault_of(key_file, YTPOOL_VAULT_KEY_FILE=str(other)).locate()

    assert found.where == str(key_file)


def test_comments_and_blank_lines_are_welcome_in_a_key_file(key_file):
    key_file.write_text(f"# pool of the newsroom\n\n{key_file.read_text()}")

    assert vault_of(key_file).locate().place is KeyPlace.KEY_FILE


def test_a_credential_may_be_readable_by_its_group_and_a_key_file_may_not(tmp_path):
    key = Key.make()
    path = write_keys(tmp_path / "ytpool-key", key, mode=0o440)  # systemd makes 0440 where it uses access lists

    as_credential = Vault(key_id=key.key_id, key_file=None, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    as_file = Vault(key_id=key.key_id, key_file=path, environ={})

    assert as_credential.locate().place is KeyPlace.CREDENTIAL
    with pytest.raises(VaultUnavailable, match="others can read"):
        as_file.locate()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_key_file_open_to_others_is_refused_with_the_command_that_closes_it(key_file, mode):
    key_file.chmod(mode)

    with pytest.raises(VaultUnavailable) as raised:
        vault_of(key_file)

    assert str(key_file) in raised.value.message
    assert raised.value.hint == f"run: chmod 600 {key_file}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_user_is_refused(key_file):
    os.chown(key_file, 65534, -1)

    with pytest.raises(VaultUnavailable, match="belongs to another user"):
        vault_of(key_file)


def a_directory(path: Path) -> None:
    path.mkdir(mode=0o700)


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def content(text: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(text)
        path.chmod(0o600)

    return make


def damaged(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return content(" ".join(change(Key.make().line().reveal().split())).encode())


BAD_KEY_FILES = {
    "not a regular file": [a_directory, a_pipe],
    "cannot be read": [a_loop],
    "link to nothing": [a_link_to_nothing],
    "holds no key": [content(b""), content(b"# nothing but a comment\n")],
    "line 2 holds no line of the form": [content(b"\nhunter2 and more garbage\n")],
    "not plain text": [content(b"\xff\xfe\x00")],
    "larger than": [content(b"#" * 70_000)],
    "no base64": [damaged(lambda words: [*words[:2], "hunter2!"])],
    "3 bytes instead of 32": [damaged(lambda words: [*words[:2], "YWJj"])],
    "not the one its id names": [damaged(lambda words: [*words[:2], Key.make().line().reveal().split()[2]])],
}


@pytest.mark.parametrize(("says", "make"), [(says, make) for says, makes in BAD_KEY_FILES.items() for make in makes])
def test_a_file_that_cannot_be_a_key_file_is_named_and_left_as_it_is(tmp_path, says, make):
    path = tmp_path / "key"
    make(path)
    before = (path.lstat(), sorted(tmp_path.iterdir()))

    with pytest.raises(VaultUnavailable) as raised:
        create_in_file(path)

    assert str(path) in raised.value.message
    assert says in raised.value.message
    assert raised.value.hint
    assert "hunter2" not in f"{raised.value!r} {raised.value.details}"
    assert (path.lstat().st_ino, path.lstat().st_mtime_ns) == (before[0].st_ino, before[0].st_mtime_ns)
    assert sorted(tmp_path.iterdir()) == before[1]


def test_looking_for_a_key_stops_at_a_file_that_cannot_be_used(tmp_path, key_file):
    garbage = tmp_path / "garbage"
    content(b"garbage")(garbage)

    with pytest.raises(VaultUnavailable, match=str(garbage)):
        vault_of(key_file, YTPOOL_VAULT_KEY_FILE=str(garbage)).locate()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_new_key_file_is_private_whatever_the_umask(tmp_path, umask):
    path = tmp_path / "new" / "deeper" / "key"

    before = os.umask(umask)
    try:
        create_in_file(path)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_making_a_key_file_again_finds_the_first_key(tmp_path):
    path = tmp_path / "key"

    first, again = create_in_file(path), create_in_file(path)

    assert first == again == KeyFound(key_id=first.key_id, place=KeyPlace.KEY_FILE, where=str(path))


def test_key_files_made_at_once_end_with_one_key_for_all(tmp_path):
    together = 8
    with ThreadPoolExecutor(together) as pool:
        for number in range(20):
            path, start = tmp_path / f"{number}" / "key", Barrier(together)

            found = pool.map(lambda _, path=path, start=start: (start.wait(), create_in_file(path))[1], range(together))

            assert len(set(found)) == 1
            assert list(path.parent.iterdir()) == [path]


def test_a_key_file_in_a_place_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(VaultUnavailable, match=str(tmp_path / "file" / "key")):
        create_in_file(tmp_path / "file" / "key")


def test_nothing_of_a_key_or_a_secret_shows(key_file):
    vault = vault_of(key_file)
    sealed = vault.seal("token", "news", Secret("hunter2"))
    key = Key.from_line(key_file.read_text())

    shown = f"{vault!r} {sealed!r} {key!r} {key} {key.line()!r} {vault.locate()!r} {vars(vault)}"

    assert "hunter2" not in shown
    assert key_file.read_text().split()[2] not in shown
    assert repr(key.value) not in shown


def test_cron_will_find_a_key_in_the_chosen_file(key_file, monkeypatch):
    monkeypatch.chdir(key_file.parent)  # cron starts elsewhere, so the path must have been made whole

    found = readable_by_cron(create_in_file(key_file).key_id, Path(key_file.name))

    assert isinstance(found, KeyFound)
    assert (found.place, found.where) == (KeyPlace.KEY_FILE, str(key_file))


def test_cron_will_not_know_a_variable_of_this_shell(key_file, monkeypatch):
    monkeypatch.setenv("YTPOOL_VAULT_KEY_FILE", str(key_file))

    answer = readable_by_cron(create_in_file(key_file).key_id, None)

    assert isinstance(answer, VaultUnavailable)
    assert "YTPOOL_VAULT_KEY_FILE" in answer.hint


def test_a_key_in_a_file_loads_no_keyring_and_finding_it_no_cipher(key_file):
    program = (
        "import sys; from pathlib import Path\n"
        "from ytpool.domain.secret import Sealed, Secret; from ytpool.vault.envelope import Vault\n"
        "vault = Vault(key_id=sys.argv[1], key_file=Path(sys.argv[2]), environ={}); vault.locate()\n"
        "assert 'cryptography' not in sys.modules\n"
        "vault.open('token', 'news', vault.seal('token', 'news', Secret('')))\n"
        "assert 'keyring' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", program, create_in_file(key_file).key_id, key_file], check=True)
