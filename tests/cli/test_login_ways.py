"""Every way into an account, and everything that can go wrong on it, through the front door."""

import http.client
import json
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import pexpect
import pytest
from newsroom import FORCE_SSL, PROJECT, ROOT, assert_books_agree
from ports import free_port
from told import data, told

SCOPES = "https://www.googleapis.com/auth/"
UPLOAD, READ_ONLY = f"{SCOPES}youtube.upload", f"{SCOPES}youtube.readonly"


def login_of(ytpool, name):
    """What is known of an account's login, if there is such an account."""
    accounts = data(ytpool("auth", "list", "--json")[1])["accounts"]
    return next((row for row in accounts if row["account"] == name), None)


def ends_at(url, channel_id, *, decision="allow"):
    """Consent in a browser on another machine, and return the address that it cannot reach from there."""
    parts = urlsplit(url)
    wish = dict(parse_qsl(parts.query))
    boxes = {f"allow {scope}": "on" for scope in wish["scope"].split()}
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)) as line:
        form = urlencode({**wish, **boxes, "channel": channel_id, "decision": decision})
        line.request("POST", parts.path, form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = line.getresponse()
        answer.read()
        return answer.headers["Location"]


@pytest.fixture
def terminal(empty_sandbox):  # noqa: ARG001 - it sets the environment
    """Run a command on a terminal of its own."""

    @contextmanager
    def terminal(*words):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = ["-m", "ytpool", *map(str, words)]
        with pexpect.spawn(
            sys.executable, words, env=env, timeout=20, encoding="utf-8", dimensions=(50, 2000), echo=False
        ) as child:
            yield child
            child.expect(pexpect.EOF)

    return terminal


def page_shown(child):
    child.expect(r"on any machine:\r\n(http\S+)\r\n")
    return child.match[1]


def test_on_a_server_the_address_is_pasted_and_the_channel_is_agreed_to(ytpool, empty_sandbox, terminal):
    channel = empty_sandbox.channel("The News").channel_id
    secrets = empty_sandbox.secrets_file()

    with terminal("auth", "add", "news", "--client-secrets", secrets, "--no-browser") as child:
        url = page_shown(child)
        child.sendline("what should I paste?")
        child.expect("neither an address nor a code")
        child.sendline(ends_at(url, channel).replace("state=", "state=another"))
        child.expect("belongs to another login")
        child.sendline(f"  {ends_at(url, channel)}  ")
        child.expect(re.escape(f"this login is for channel The News ({channel})"))
        child.expect("Keep it as news, paid by project")
        child.sendline("y")
        child.expect(re.escape(f"news is logged in for channel The News ({channel})"))

    assert child.exitstatus == 0
    assert login_of(ytpool, "news")["channel_id"] == channel
    assert_books_agree(ytpool, empty_sandbox)


def test_a_channel_that_is_not_agreed_to_is_not_kept(ytpool, sandbox, terminal):
    channel = sandbox.channel("news").channel_id

    with terminal("auth", "add", "culture", "--client-secrets", sandbox.secrets_file(), "--no-browser") as child:
        child.sendline(ends_at(page_shown(child), channel))
        child.expect(re.escape(f"({channel}); news works on it too"))
        child.sendline("n")
        child.expect("nothing was kept")

    assert child.exitstatus == 130
    assert login_of(ytpool, "culture") is None


def test_a_login_again_asks_nothing_and_is_declined_by_paste(ytpool, sandbox, terminal):
    channel = sandbox.channel("news").channel_id

    with terminal("auth", "add", "news", "--no-browser") as child:
        child.sendline(ends_at(page_shown(child), channel))
        child.expect("news is logged in again")
    assert child.exitstatus == 0

    with terminal("auth", "add", "news", "--no-browser") as child:
        child.sendline(ends_at(page_shown(child), channel, decision="deny"))
        child.expect("declined in the browser")
    assert child.exitstatus == 4
    assert login_of(ytpool, "news")["state"] == "active"


@contextmanager
def piped(*words):
    """Run `auth add --no-browser --json` as a program whose stdin is a pipe, and yield it with the address it shows."""
    with subprocess.Popen(
        [sys.executable, "-m", "ytpool", "auth", "add", *map(str, words), "--no-browser", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=ROOT,
    ) as process:
        yield process, next(line for line in process.stderr if line.startswith("http")).strip()


def test_a_code_alone_is_enough_and_serves_once(ytpool, empty_sandbox):
    channel = empty_sandbox.channel("news").channel_id
    secrets = empty_sandbox.secrets_file()

    with piped("news", "--client-secrets", secrets) as (process, url):
        code = dict(parse_qsl(urlsplit(ends_at(url, channel)).query))["code"]
        out, err = process.communicate(f"{code}\n", timeout=20)
    assert (process.returncode, data(out)["channel_id"]) == (0, channel), err

    with piped("again", "--client-secrets", secrets) as (process, _):
        out, _ = process.communicate(code, timeout=20)  # the last line without its end

    error = told(out)["error"]
    assert (process.returncode, error["code"], error["details"]["reason"]) == (4, "login_failed", "invalid_grant")
    assert "can be used once" in error["message"]
    assert code not in out
    assert login_of(ytpool, "again") is None


def test_whoever_else_knocks_while_the_login_is_waited_for_gets_nowhere(empty_sandbox):
    channel = empty_sandbox.channel("news").channel_id

    with piped("news", "--client-secrets", empty_sandbox.secrets_file()) as (process, url):
        address = ends_at(url, channel)
        parts = urlsplit(address)
        knocking = [socket.create_connection((parts.hostname, parts.port)) for _ in range(4)]  # a browser pre-connects
        knocking[0].sendall(b"GET /?state=")  # and one of them stops in the middle
        for target in ("/favicon.ico", "/?code=stolen", f"/?{parts.query.replace('state=', 'state=x')}"):
            with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)) as line:
                line.request("GET", target)
                assert line.getresponse().status == 404
        assert process.poll() is None
        with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)) as line:
            line.request("GET", f"/?{parts.query}")
            assert line.getresponse().status == 200
        out, err = process.communicate(timeout=20)
        for one in knocking:
            one.close()

    assert (process.returncode, data(out)["channel_id"]) == (0, channel), err


# -- what is asked for


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        (["--for", "read"], {READ_ONLY}),
        (["--for", "upload"], {UPLOAD, READ_ONLY}),
        (["--for", "upload", "--for", "playlists"], {f"{SCOPES}youtube"}),
        (["--for", "upload", "--for", "comments"], {FORCE_SSL}),
        (["--scope", "youtube.upload", "--scope", READ_ONLY], {UPLOAD, READ_ONLY}),
        ([], {FORCE_SSL}),
    ],
)
def test_a_login_asks_for_what_it_is_for(ytpool, empty_sandbox, browser, words, scopes):
    browser("news")

    status, out, err = ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), *words, "--json")

    assert status == 0, err
    assert set(data(out)["scopes"]) == scopes


def test_a_login_again_asks_for_the_same_until_told_otherwise(ytpool, empty_sandbox, browser, video):
    browser("news")
    assert ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--for", "upload")[0] == 0
    assert ytpool("upload", video, "--account", "news")[0] == 0
    before = data(ytpool("accounts", "show", "news", "--json")[1])

    status, out, err = ytpool("auth", "add", "news", "--json")

    assert (status, set(data(out)["scopes"]), data(out)["renewed"]) == (0, {UPLOAD, READ_ONLY}, True), err
    after = data(ytpool("accounts", "show", "news", "--json")[1])
    assert {name for name in after if after[name] != before[name]} <= {
        *("token_expires_at", "last_operation", "last_operation_at", "success_rate", "successes"),
    }
    assert ytpool("upload", video, "--account", "news")[0] == 0  # which knows that it is done
    assert len(empty_sandbox.videos_on("news")) == 1
    assert data(ytpool("auth", "add", "news", "--for", "all", "--json")[1])["scopes"] == [FORCE_SSL]


def test_a_login_that_was_too_little_is_not_asked_for_again(ytpool, empty_sandbox, browser, video):
    browser("news")
    assert ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--for", "read")[0] == 0

    status, out, _ = ytpool("comment", "post", "a1b2c3d4e5f", "Hello", "--account", "news", "--json")
    assert (status, told(out)["error"]["code"]) == (4, "login_needed")
    assert "ytpool auth add news --for comments" in told(out)["error"]["hint"]
    assert ytpool("upload", video, "--account", "news")[0] == 4

    assert data(ytpool("auth", "add", "news", "--json")[1])["scopes"] == [FORCE_SSL]
    assert ytpool("upload", video, "--account", "news")[0] == 0


# -- the channel


def test_a_channel_that_is_named_is_the_only_one_taken(ytpool, empty_sandbox, browser):
    browser("news")
    sports = empty_sandbox.channel("sports").channel_id
    login = ("auth", "add", "sports", "--client-secrets", empty_sandbox.secrets_file(), "--json")

    status, out, _ = ytpool(*login, "--channel", sports)

    error = told(out)["error"]
    assert (status, error["code"], error["details"]["expected"]) == (2, "wrong_channel", sports)
    assert login_of(ytpool, "sports") is None
    browser("sports")
    assert data(ytpool(*login, "--channel", sports)[1])["channel_id"] == sports
    assert told(ytpool(*login, "--channel", "sports")[1])["error"]["code"] == "usage"


def test_two_accounts_on_one_channel_are_told_of_each_other(ytpool, sandbox, browser):
    browser("news")

    status, out, _ = ytpool("auth", "add", "culture", "--client-secrets", sandbox.secrets_file(), "--json")

    assert status == 0
    assert any("news works on this channel too" in sentence for sentence in data(out)["warnings"])


def test_the_first_login_of_another_project_is_told_googles_rule(ytpool, sandbox, browser):
    def warnings_of(name):
        browser(name)
        login = ("auth", "add", name, "--client-secrets", sandbox.secrets_file("other"), "--json")
        return data(ytpool(*login)[1])["warnings"]

    assert "III.D.1.c" in warnings_of("culture")[0]
    assert warnings_of("weather") == []


def test_a_login_that_may_only_upload_is_kept_on_the_operators_word(ytpool, empty_sandbox, video):
    secrets = empty_sandbox.secrets_file()
    token = empty_sandbox.token_file("news", scopes=(UPLOAD,))
    channel = empty_sandbox.channel("news").channel_id
    login = ("auth", "import", "news", "--client-secrets", secrets, "--token", token, "--json")

    status, out, _ = ytpool(*login)
    error = told(out)["error"]
    assert (status, error["code"]) == (4, "login_failed")
    assert "nobody can tell" in error["message"]
    assert "--channel" in error["hint"]
    assert login_of(ytpool, "news") is None

    status, out, err = ytpool(*login, "--channel", channel)
    assert (status, data(out)["channel_id"], data(out)["channel_verified"]) == (0, channel, False), err
    on_trust, narrow, in_clear = data(out)["warnings"]
    assert str(token) in in_clear
    assert "YouTube has not confirmed the channel" in on_trust
    assert "may upload but not list" in narrow

    status, out, err = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["state"]) == (0, "done"), (out, err)
    assert len(empty_sandbox.videos_on("news")) == 1
    assert "goes to channel (unconfirmed)" in err
    assert "not read back" in str(data(out)["steps"])
    assert_books_agree(ytpool, empty_sandbox)


def test_a_channel_that_was_named_wrong_is_found_out_by_its_first_upload(ytpool, empty_sandbox, make_video):
    token = empty_sandbox.token_file("news", scopes=(UPLOAD,))
    wrong = empty_sandbox.channel("sports").channel_id
    assert ytpool("auth", "import", "sports", "--token", token, "--channel", wrong)[0] == 0

    status, out, _ = ytpool("upload", make_video("first.mp4", 1000), "--account", "sports", "--json")

    assert (status, told(out)["error"]["code"]) == (3, "wrong_channel")  # the video is up
    assert empty_sandbox.channel("news").channel_id in told(out)["error"]["message"]
    status, out, _ = ytpool("upload", make_video("second.mp4", 1000), "--account", "sports", "--json")
    assert (status, told(out)["error"]["code"]) == (4, "login_needed")
    assert len(empty_sandbox.truth()["videos"]) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [("youtubeSignupRequired", "no YouTube channel"), ("authenticatedUserAccountClosed", "closed")],
)
def test_a_token_whose_channel_is_gone_says_so_and_changes_nothing(ytpool, sandbox, browser, video, error, words):
    browser("news")
    before = login_of(ytpool, "news")
    sandbox.channel("news").fail("channels.list", error)

    status, out, _ = ytpool("auth", "add", "news", "--json")

    failed = told(out)["error"]
    assert (status, failed["code"]) == (4, "login_failed")
    assert words in f"{failed['message']} {failed['hint']}"
    assert login_of(ytpool, "news") == before
    assert ytpool("upload", video, "--account", "news")[0] == 0  # the login that was there goes on
    assert ytpool("auth", "add", "news")[0] == 0


def test_what_a_person_has_consented_to_outlives_a_moment_of_trouble(ytpool, empty_sandbox, browser):
    browser("news")
    empty_sandbox.channel("news").fail("channels.list", "backendError")

    status, out, err = ytpool("auth", "add", "news", "--client-secrets", empty_sandbox.secrets_file(), "--json")

    assert status == 0, (out, err)
    assert empty_sandbox.calls("channels.list") == 2
    assert_books_agree(ytpool, empty_sandbox)


def test_a_login_that_nobody_could_pay_for_sends_nobody_to_a_browser(ytpool, sandbox, browser):
    browser("news")
    project = data(ytpool("accounts", "show", "news", "--json")[1])["project"]
    assert ytpool("projects", "set", project, "--limit", "general=3")[0] == 0

    status, out, _ = ytpool("auth", "add", "news", "--json")
    assert (status, data(out)["renewed"]) == (0, True)
    asked = sandbox.calls("token")
    status, out, _ = ytpool("auth", "add", "news", "--json")

    assert (status, told(out)["error"]["code"]) == (5, "quota_exhausted")
    assert sandbox.calls("token") == asked
    assert_books_agree(ytpool, sandbox)


# -- the token endpoint


class Endpoint(threading.Thread):
    """Answers every request with these bytes, whatever was asked, and writes down how often."""

    def __init__(self, pieces, pause=0.0):
        super().__init__(daemon=True)
        self.pieces, self.pause, self.asked = pieces, pause, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/token"

    def run(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.asked += 1
            with line:
                line.recv(65536)
                try:
                    for piece in self.pieces:
                        line.sendall(piece)
                        time.sleep(self.pause)
                except OSError:
                    continue

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def http_answer(status, body, kind="application/json"):
    return f"HTTP/1.1 {status} So\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture
def token_endpoint(monkeypatch):
    """Let tokens come from somewhere else than the sandbox."""
    running = []

    def put(pieces, pause=0.0):
        running.append(Endpoint(pieces, pause))
        monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", running[-1].url)
        return running[-1]

    yield put
    for one in running:
        one.close()


@pytest.mark.parametrize(
    ("pieces", "pause", "reason"),
    [
        ([http_answer(200, "<html>Log in to the hotel</html>", "text/html")], 0, "malformedAnswer"),
        ([http_answer(502, "<html>Bad gateway</html>", "text/html")], 0, ""),
        ([http_answer(500, json.dumps({"error": "internal_failure"}))], 0, "internal_failure"),
        ([b"", b""], 30, "noAnswer"),
        ([b"HTTP/1.1 200 So\r\nContent-Length: 900\r\n\r\n", *[b" "] * 900], 0.1, "malformedAnswer"),
        ([], 0, "noAnswer"),
    ],
    ids=["html", "html_502", "json_500", "never", "a_byte_at_a_time", "hangs_up"],
)
def test_a_token_endpoint_in_trouble_costs_no_login(
    ytpool, sandbox, browser, token_endpoint, video, monkeypatch, pieces, pause, reason
):
    assert sandbox.calls("token") == 2
    browser("news")
    before = login_of(ytpool, "news")
    ours = os.environ["YTPOOL_GOOGLE_TOKEN_URI"]
    endpoint = token_endpoint(pieces, pause)
    monkeypatch.setenv("YTPOOL_NETWORK_TIMEOUT", "1")
    began = time.monotonic()

    status, out, _ = ytpool("auth", "add", "news", "--json")

    error = told(out)["error"]
    assert (status, error["code"], error["details"]["reason"]) == (1, "youtube_refused", reason)
    assert "no fault of the login. Nothing was changed" in error["hint"]
    assert "<html>" not in out
    assert endpoint.asked == 1
    assert time.monotonic() - began < 20  # of thirty and more
    assert login_of(ytpool, "news") == before
    monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", ours)
    monkeypatch.delenv("YTPOOL_NETWORK_TIMEOUT")
    assert ytpool("upload", video, "--account", "news")[0] == 0


def test_a_client_that_google_does_not_know_is_said_to_be_the_trouble(ytpool, empty_sandbox, browser, tmp_path):
    browser("news")
    client = empty_sandbox.project()["installed"]
    path = tmp_path / "client.json"
    path.write_text(json.dumps({"installed": {**client, "client_secret": "another"}}))

    status, out, _ = ytpool("auth", "add", "news", "--client-secrets", path, "--json")

    error = told(out)["error"]
    assert (status, error["details"]["reason"]) == (1, "invalid_client")
    assert "does not accept the project's OAuth client" in error["hint"]
    assert "another" not in out
    assert login_of(ytpool, "news") is None


def test_a_login_without_a_refresh_token_does_not_lose_the_one_that_is_there(
    ytpool, sandbox, browser, token_endpoint, monkeypatch
):
    browser("news")
    ours = os.environ["YTPOOL_GOOGLE_TOKEN_URI"]
    sandbox.control.settings(accept_any_token="news")
    token_endpoint([http_answer(200, json.dumps({"access_token": "short-lived", "expires_in": 3599}))])

    status, out, err = ytpool("auth", "add", "news", "--json")

    assert (status, data(out)["renewed"]) == (0, True), err
    status, out, _ = ytpool("auth", "add", "new", "--client-secrets", sandbox.secrets_file(), "--json")
    assert (status, told(out)["error"]["code"]) == (4, "login_failed")
    assert "no refresh token" in told(out)["error"]["message"]
    monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", ours)
    status, out, _ = ytpool("refresh-tokens", "--account", "news", "--force", "--json")
    assert (status, data(out)["accounts"][0]["outcome"]) == (0, "refreshed")


# -- files


def test_what_a_login_would_be_is_said_without_asking_anybody(ytpool, sandbox, browser):
    browser("news")
    before = (sandbox.truth()["calls"], data(ytpool("auth", "list", "--json")[1]))
    secrets, token = sandbox.secrets_file(), sandbox.token_file("culture")

    status, out, err = ytpool("auth", "add", "news", "--for", "upload", "--dry-run", "--json")
    again = data(out)
    assert (status, again["renews"], again["channel_title"]) == (0, True, "news"), err
    assert (set(again["scopes"]), again["units"]) == ({UPLOAD, READ_ONLY}, {"general": 1})

    status, out, err = ytpool(
        *("auth", "import", "culture", "--client-secrets", secrets, "--token", token, "--dry-run", "--json")
    )
    new = data(out)
    assert (status, new["renews"], new["channel_id"], new["project"]) == (0, False, None, again["project"]), err
    assert ytpool("auth", "import", "culture", "--token", secrets, "--dry-run")[0] == 2
    assert "(the login will tell)" in ytpool("auth", "add", "new", "--client-secrets", secrets, "--dry-run")[1]
    assert (sandbox.truth()["calls"], data(ytpool("auth", "list", "--json")[1])) == before


def shapes(granted, client):
    """One login as other programs keep it."""
    refresh = {"refresh_token": granted["refresh_token"]}
    known = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    answer = {"access_token": "old", "token_type": "Bearer", "expires_in": 3599, **refresh}
    return {
        "authorized-user": {"type": "authorized_user", **known, **refresh},
        "google-auth": {"token": "old", **known, **refresh, "token_uri": client["token_uri"], "scopes": [FORCE_SSL]},
        "oauth2client": {
            **known,
            **refresh,
            "access_token": "old",
            "token_response": answer,
            "_module": "oauth2client.client",
            "invalid": False,
            "_class": "OAuth2Credentials",
            "token_expiry": "2020-01-01T00:00:00Z",
            "scopes": [FORCE_SSL],
        },
        "oauth2client, several per file": {
            "file_version": 1,
            "data": [{"key": {}, "credential": {**known, **refresh}}],
        },
        "youtubeuploader, yutu": {
            "access_token": "old",
            "token_type": "Bearer",
            "expiry": "2020-01-01T00:00:00.26+10:00",
            **refresh,
        },
        "node": {**refresh, "access_token": "old", "scope": FORCE_SSL, "expiry_date": 1577836800000},
        "node, with what is around": {"tokens": {**refresh, "access_token": "old"}, "savedAt": "2020-01-01"},
        "a store of an app": {"youtube": {"accessToken": "old", "refreshToken": refresh["refresh_token"]}},
        "php": {**answer, "created": 1577836800},
        ".net": {
            **answer,
            "Issued": "2020-01-01T01:00:00+01:00",
            "IssuedUtc": "2020-01-01T00:00:00Z",
            "id_token": None,
        },
    }


def test_token_files_of_other_programs_are_taken_over(ytpool, empty_sandbox, tmp_path):
    client = empty_sandbox.project()["installed"]
    secrets = empty_sandbox.secrets_file()
    channel = empty_sandbox.channel("news").channel_id
    granted = empty_sandbox.control.grant(PROJECT, "news", [FORCE_SSL])

    for program, content in shapes(granted, client).items():
        path = tmp_path / "token.json"
        path.write_text(json.dumps(content))
        brings_its_client = "client_secret" in json.dumps(content)

        words = () if brings_its_client else ("--client-secrets", secrets)
        status, out, err = ytpool("auth", "import", "news", "--token", path, *words, "--json")

        assert (status, data(out)["channel_id"]) == (0, channel), (program, err)
    assert_books_agree(ytpool, empty_sandbox)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"refresh_token": "r"}), "runs whatever code it holds"),
        (b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap", "serialised Java object"),
        (b"SQLite format 3\x00" + bytes(80), "a database"),
        (b"# Netscape HTTP Cookie File\n.youtube.com\tTRUE\n", "cookies"),
        (json.dumps({"type": "service_account", "private_key": "k"}).encode(), "service account"),
        (json.dumps({"a": {"refresh_token": "r"}, "b": {"refresh_token": "s"}}).encode(), "2 logins"),
        (json.dumps({"token": "t", "token_uri": "http://a.example/", "refresh_token": "r"}).encode(), "token_uri"),
    ],
)
def test_a_file_that_cannot_be_taken_over_says_what_it_is(ytpool, empty_sandbox, tmp_path, content, words):
    path = tmp_path / "token"
    path.write_bytes(content)

    status, out, _ = ytpool(
        *("auth", "import", "news", "--client-secrets", empty_sandbox.secrets_file(), "--token", path, "--json")
    )

    error = told(out)["error"]
    assert (status, error["code"]) == (2, "token_file_invalid")
    assert words in error["message"]
    assert str(path) in error["message"]
    assert error["hint"]


def test_a_web_client_is_taken_where_its_answers_come_to_this_machine(ytpool, empty_sandbox, browser, tmp_path):
    browser("news")
    client = empty_sandbox.project()["installed"]
    port = free_port()
    path = tmp_path / "web.json"
    login = ("auth", "add", "news", "--client-secrets", path, "--json")

    path.write_text(json.dumps({"web": {**client, "redirect_uris": ["https://press.example/back"]}}))
    status, out, _ = ytpool(*login)
    error = told(out)["error"]
    assert (status, error["code"]) == (2, "client_secrets_invalid")
    assert "they go to https://press.example/back" in error["message"]
    assert "Desktop app" in error["hint"]

    here = f"http://localhost:{port}/back"
    path.write_text(json.dumps({"web": {**client, "redirect_uris": ["https://press.example/back", here]}}))
    with socket.create_server(("127.0.0.1", port)):
        status, out, _ = ytpool(*login)
    assert (status, told(out)["error"]["code"]) == (4, "login_failed")
    assert f"cannot listen at {here}" in told(out)["error"]["message"]

    assert ytpool(*login)[0] == 0
