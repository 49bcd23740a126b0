"""What people get wrong: each ends in one clear sentence and the right status, and nothing is spent."""

import os
import sqlite3

import pytest
from newsroom import assert_books_agree, start
from real_parts import fill, need
from told import told

from ytpool.sandbox.server import Sandbox


@pytest.fixture
def refused(ytpool, sandbox):
    """Run a command line that must be refused; return its error, and see that nothing was spent."""

    def run(*words, status, code):
        before = sandbox.truth()

        got, out, _ = ytpool(*words, "--json")
        error = told(out)["error"]

        assert (got, error["code"]) == (status, code), out
        assert told(out)["ok"] is False
        assert error["message"]
        assert "\n" not in error["message"]
        after = sandbox.truth()
        assert {name: after[name] for name in ("calls", "units", "videos")} == {
            name: before[name] for name in ("calls", "units", "videos")
        }
        assert_books_agree(ytpool, sandbox)
        plain = ytpool(*words)
        assert (plain[0], plain[2].splitlines()[-1 - bool(error["hint"])].startswith("ytpool: ")) == (status, True)
        return error

    return run


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "there is no file"),  # noqa: ARG005
        (lambda path: path.touch(), "empty"),
        (os.mkfifo, "is a pipe"),
    ],
)
def test_a_file_that_cannot_be_uploaded(refused, tmp_path, make, says):
    path = tmp_path / "talk.mp4"
    make(path)

    error = refused("upload", path, "--pool", "main", status=2, code="file_invalid")

    assert str(path) in error["message"] or path.name in error["message"]
    assert says in error["message"]


def test_a_file_whose_name_youtube_refuses(refused, tmp_path):
    path = tmp_path / "two\nlines.mp4"
    path.write_bytes(b"x" * 1000)

    error = refused("upload", path, "--pool", "main", status=2, code="file_invalid")

    assert "control character" in error["message"]


def test_a_file_that_may_not_be_read(sandbox, video):
    video.chmod(0)
    before = sandbox.truth()["calls"]
    # Root reads everything, unless it gives that right away.
    plain_user = [need("setpriv"), "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    with start("upload", video, "--pool", "main", "--json", env=os.environ, through=plain_user) as process:
        out, err = process.communicate(timeout=30)

    assert (process.returncode, told(out)["error"]["code"]) == (2, "file_invalid"), err
    assert told(out)["error"]["message"] == f"{video} cannot be read: Permission denied"
    assert sandbox.truth()["calls"] == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--title", "x" * 101), "101"),
        (("--title", "1 < 2"), "<"),
        (("--title", " "), "title"),
        (("--description", "ü" * 2501), "5002"),
        (("--category", "News"), "category"),
        (("--publish-at", "2001-01-01T00:00Z"), "2001"),
    ],
)
def test_metadata_that_youtube_would_refuse(refused, video, words, says):
    error = refused("upload", video, "--pool", "main", *words, status=2, code="metadata_invalid")

    assert says in error["message"]


def test_tags_count_their_commas_and_quotes(refused, ytpool, video):
    just_right = ",".join(["a" * 99] * 4 + ["b c" + "d" * 95])  # 4 * 100 with commas, and 98 with two quotes: 500
    error = refused("upload", video, "--pool", "main", "--tags", just_right + "e", status=2, code="metadata_invalid")

    assert "501" in error["message"]
    assert ytpool("upload", video, "--pool", "main", "--tags", just_right)[0] == 0


@pytest.mark.parametrize(
    ("words", "status", "code", "says"),
    [
        (("--account", "newz"), 2, "unknown_name", "news"),
        (("--pool", "mian"), 2, "unknown_name", "main"),
        ((), 2, "usage", "--account"),
        (("--account", "news", "--pool", "main"), 2, "usage", "--account"),
        (("--pool", "main", "--privacy", "secret"), 2, "usage", "unlisted"),
        (("--pool", "main", "--publish-at", "tomorrow"), 2, "usage", "tomorrow"),
        (("--pool", "main", "--pirvacy", "public"), 2, "usage", "--privacy"),
    ],
)
def test_names_and_options_that_do_not_exist(refused, video, words, status, code, says):
    error = refused("upload", video, *words, status=status, code=code)

    assert says in error["message"] + error["hint"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("pools", "set", "main", "--strategy", "fil"), "usage", "fill"),
        (("pools", "set", "mian", "--strategy", "fill"), "unknown_name", "main"),
        (("pools", "set", "main", "--add", "nobody"), "unknown_name", "nobody"),
        (("accounts", "show", "sport"), "unknown_name", "sports"),
        (("projects", "show", "pres"), "unknown_name", "press"),
        (("why", "zzz"), "unknown_name", "zzz"),
        (("refresh-tokens", "--account", "newz"), "unknown_name", "news"),
        (("refresh-tokens", "--force", "--account", ""), "unknown_name", "no account named ''"),
        (("quota", "report", "--account", ""), "unknown_name", "no account named ''"),
        (("quota", "report", "--plot", "--account", ""), "unknown_name", "no account named ''"),
        (("quota", "report", "--account", "newz"), "unknown_name", "news"),
        (("activity", "report", "--since", "yesterday"), "usage", "yesterday"),
    ],
)
def test_other_names_that_do_not_exist(refused, words, code, says):
    error = refused(*words, status=2, code=code)

    assert says in error["message"] + error["hint"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"web": {"client_id": "x"}}', "web"),
        (b'{"installed": {"client_id": "1-a.apps.googleusercontent.com"}}', "client_secret"),
        (b'{"type": "service_account"}', "service account"),
    ],
)
def test_a_client_secrets_file_that_is_none(refused, sandbox, tmp_path, content, says):
    path = tmp_path / "broken.json"
    path.write_bytes(content)

    error = refused(
        *("auth", "import", "culture", "--client-secrets", path, "--token", sandbox.token_file("culture")),
        status=2,
        code="client_secrets_invalid",
    )

    assert says.lower() in (error["message"] + error["hint"]).lower()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"token": "x"}', b'{"refresh_token": 5}', b'{"refresh_token": ""}'])
def test_a_token_file_that_is_none(refused, sandbox, tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)

    words = ("auth", "import", "culture", "--client-secrets", sandbox.secrets_file(), "--token", path)

    assert refused(*words, status=2, code="token_file_invalid")["hint"]


def test_files_that_are_not_there(refused, sandbox, tmp_path):
    gone = tmp_path / "gone.json"

    for words, code in (
        (("--client-secrets", gone, "--token", sandbox.token_file("culture")), "client_secrets_invalid"),
        (("--client-secrets", sandbox.secrets_file(), "--token", gone), "token_file_invalid"),
    ):
        assert str(gone) in refused("auth", "import", "culture", *words, status=2, code=code)["message"]


def test_a_token_of_another_client(refused, sandbox):
    other = sandbox.token_file("culture", "other")

    words = ("auth", "import", "culture", "--client-secrets", sandbox.secrets_file(), "--token", other)

    assert "belongs to the OAuth client" in refused(*words, status=2, code="token_file_invalid")["message"]


def test_a_token_for_another_channel(ytpool, sandbox):
    before = told(ytpool("auth", "list", "--json")[1])["data"]

    status, out, _ = ytpool(
        *("auth", "import", "news", "--client-secrets", sandbox.secrets_file()),
        *("--token", sandbox.token_file("sports"), "--json"),
    )

    error = told(out)["error"]
    assert (status, error["code"]) == (2, "wrong_channel")
    assert error["details"]["expected"] == sandbox.channel("news").channel_id
    assert told(ytpool("auth", "list", "--json")[1])["data"] == before
    assert_books_agree(ytpool, sandbox)


def test_a_token_that_was_revoked_imports_nothing(ytpool, sandbox):
    token = sandbox.token_file("culture")
    sandbox.channel("culture").revoke()

    status, out, _ = ytpool(
        "auth", "import", "culture", "--client-secrets", sandbox.secrets_file(), "--token", token, "--json"
    )

    assert (status, told(out)["error"]["code"]) == (4, "login_failed")
    assert "culture" not in ytpool("accounts", "list")[1]
    assert_books_agree(ytpool, sandbox)


def test_nothing_works_before_init_and_says_so(ytpool, video):
    for words in (("quota", "report"), ("upload", video, "--pool", "main"), ("auth", "list"), ("health",)):
        status, out, _ = ytpool(*words, "--json")
        if words == ("health",):
            assert status == 8
        else:
            assert (status, told(out)["error"]["code"]) == (6, "not_initialised")
            assert "ytpool init" in told(out)["error"]["hint"]
    for words in (("tidy",), ("activity", "tail")):
        status, out, err = ytpool(*words)
        assert (status, out, err.count("there is no state"), err.count("ytpool init")) == (6, "", 1, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("accounts", "show", "\udcff"), "no text in UTF-8"),
        (("sessions", "show", "\udcff"), "no text in UTF-8"),
        (("state", "backup", "x" * 300), "too long"),
        (("activity", "export", "--output", "x" * 300), "too long"),
    ],
)
def test_words_that_nothing_can_be_called(refused, words, says):
    assert says in refused(*words, status=2, code="usage")["message"]


def test_a_state_of_a_newer_version_is_left_alone(ytpool, sandbox, home, video):
    [state] = home.rglob("state.db")
    connection = sqlite3.connect(state)
    connection.execute("UPDATE meta SET value = '999' WHERE key = 'min_reader'")
    connection.commit()
    connection.close()
    before = sandbox.truth()["calls"]

    for words in (("upload", video, "--pool", "main"), ("quota", "report"), ("refresh-tokens",), ("init", "--yes")):
        status, out, _ = ytpool(*words, "--json")

        assert (status, told(out)["error"]["code"]) == (6, "state_too_new")
    assert ytpool("health")[0] == 8
    assert sandbox.truth()["calls"] == before


def test_a_state_that_is_damaged_is_named_and_not_replaced(ytpool, sandbox, home, video):
    [state] = home.rglob("state.db")
    ruins = b"not a database at all" * 1000
    for path in home.rglob("state.db-*"):
        path.unlink()
    state.write_bytes(ruins)

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "state_unusable")
    assert str(state) in told(out)["error"]["message"]
    status, out, _ = ytpool("health", "--json")
    assert (status, told(out)["data"]["status"]) == (8, "fail")
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 6
    assert state.read_bytes() == ruins
    assert sandbox.truth()["videos"] == []


def test_a_key_that_is_gone_is_told_and_never_replaced(ytpool, sandbox, home, video):
    [key] = home.rglob("vault.key")
    content = key.read_bytes()
    key.unlink()
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "vault_unavailable"), out
    assert str(key) in told(out)["error"]["message"]
    assert ytpool("health")[0] == 8
    assert sandbox.truth()["calls"] == before
    assert not key.exists()
    key.write_bytes(content)
    key.chmod(0o600)
    assert ytpool("upload", video, "--pool", "main")[0] == 0


def test_other_addresses_than_at_the_first_login_are_refused(ytpool, sandbox, video, tmp_path, monkeypatch):
    with Sandbox(tmp_path / "elsewhere") as other:
        monkeypatch.setenv("YTPOOL_GOOGLE_API_ROOT", f"{other.url}/")
        before = sandbox.truth()["calls"]

        for words in (
            ("upload", video, "--pool", "main"),
            ("refresh-tokens", "--force"),
            (
                "auth",
                "import",
                "culture",
                "--client-secrets",
                sandbox.secrets_file(),
                "--token",
                sandbox.token_file("x"),
            ),
        ):
            status, out, _ = ytpool(*words, "--json")

            assert (status, told(out)["error"]["code"]) == (2, "endpoints_changed"), out
            assert sandbox.server.url in told(out)["error"]["message"]
            assert other.url in told(out)["error"]["message"]
        assert ytpool("quota", "report")[0] == 0
        assert other.control.truth()["calls"] == {}
    assert sandbox.truth()["calls"] == before


def test_a_full_disk_loses_nothing(ytpool, small_disk, monkeypatch, request, make_video):
    monkeypatch.setenv("YTPOOL_HOME", str(small_disk / "home"))
    sandbox = request.getfixturevalue("sandbox")
    first, second = make_video("first.mp4"), make_video("second.mp4")
    assert ytpool("upload", first, "--pool", "main")[0] == 0
    before = sandbox.truth()["units"]
    fill(small_disk)

    status, out, _ = ytpool("upload", second, "--pool", "main", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "disk_full"), out
    assert told(out)["error"]["hint"] == "free some space and try again"
    assert sandbox.truth()["units"] == before

    (small_disk / "ballast").unlink()
    assert ytpool("upload", second, "--pool", "main")[0] == 0
    assert len(sandbox.truth()["videos"]) == 2
    assert_books_agree(ytpool, sandbox)


def test_no_room_to_set_up(ytpool, small_disk, monkeypatch):
    monkeypatch.setenv("YTPOOL_HOME", str(small_disk / "home"))
    fill(small_disk)

    status, out, _ = ytpool("init", "--yes", "--vault", "keyfile", "--json")

    assert (status, told(out)["error"]["code"]) == (6, "disk_full"), out
    (small_disk / "ballast").unlink()
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    assert ytpool("health")[0] == 8
    monkeypatch.setenv("YTPOOL_HEALTH_DISK_FAIL_MIB", "1")
    assert ytpool("health")[0] == 0
