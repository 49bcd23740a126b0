"""`ytpool health`: one honest answer, in seconds, from everything that a machine needs."""

import json
import sqlite3
import ssl
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

import pytest
from certificates import certificates
from ftp_servers import PASSWORD, USER, misbehaving, pyftpdlib, repeating, vsftpd
from newsroom import assert_books_agree
from real_parts import miss
from schemas import fits

from ytpool.actions.health.looking import LOOKS


@pytest.fixture
def settings(ytpool, home):
    """Add sections to the settings of a profile that is set up."""
    file = home / "default" / "config.toml"
    if not file.exists():
        assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    def write(**sections):
        with file.open("a") as settings:
            for name, keys in sections.items():
                lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
                settings.write(f"\n[{name.replace('__', '.')}]\n{lines}\n")

    return write


@pytest.fixture
def looked(ytpool):
    """What `health` saw, by check, after it ended with this status."""

    def look(*words, status=0):
        ended, out, err = ytpool("health", *words, "--json")
        assert ended == status, (out, err)
        assert err == ""
        return {one["check"]: one for one in fits("health", out)["checks"]}

    return look


def private(file, text):
    file.write_text(text)
    file.chmod(0o600)
    return file


def only(*names):
    return [word for name in names for word in ("--only", name)]


# FTP, with real servers


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    return certificates(folder)


@contextmanager
def real_servers(folder, pem, *, slow=False):
    """Both servers, each plain and with TLS; slow ones take half a minute to answer a login."""
    try:
        import OpenSSL  # noqa: F401 - pyftpdlib has no TLS without it
    except ImportError:
        miss("pyOpenSSL is not installed")
    of_vsftpd = {"more": {"delay_successful_login": 30}} if slow else {}
    of_pyftpdlib = {"refuses_after": 30} if slow else {}
    with ExitStack() as stack:
        yield {
            f"{name}_{how}": stack.enter_context(
                make(folder / f"{name}_{how}", pem=pem if how == "tls" else None, **more)
            )
            for name, make, more in (("vsftpd", vsftpd, of_vsftpd), ("pyftpdlib", pyftpdlib, of_pyftpdlib))
            for how in ("plain", "tls")
        }


def section(name, server, ca, **more):
    keys = {"host": "127.0.0.1", "port": server.port, **more}
    keys |= {"ca_file": str(ca)} if name.endswith("tls") else {"tls": "none"}
    if name.startswith("pyftpdlib"):
        keys |= {"user": USER, "password_env": "STUDIO_PASSWORD"}
    return {f"ftp__{name}": keys}


def test_real_servers_are_logged_in_to_plain_and_with_tls(settings, looked, tmp_path, trusted, monkeypatch):
    monkeypatch.setenv("STUDIO_PASSWORD", PASSWORD)
    ca, pem = trusted
    with real_servers(tmp_path / "servers", pem) as servers:
        for name, server in servers.items():
            settings(**section(name, server, ca))

        found = looked("--only", "ftp")

    assert {name: one["status"] for name, one in found.items()} == {f"ftp.{name}": "pass" for name in servers}
    for name, one in found.items():
        assert ("TLSv1.3" if name.endswith("tls") else "the password went in plain text") in one["message"]
        assert (one["units"], one["look"]) == (0, "ftp")


def test_servers_that_die_in_the_middle_of_a_check_are_told_apart_from_slow_ones(
    settings, looked, tmp_path, trusted, monkeypatch
):
    monkeypatch.setenv("STUDIO_PASSWORD", "wrong")
    ca, pem = trusted
    with real_servers(tmp_path / "servers", pem, slow=True) as servers:
        for name, server in servers.items():
            settings(**section(name, server, ca, timeout=20))
        ends = [server.kill_when_somebody_is_connected() for server in servers.values()]

        started = time.monotonic()
        found = looked("--only", "ftp", status=8)
        took = time.monotonic() - started
        for end in ends:
            end.join()
        assert all("Connection refused" in one["message"] for one in looked("--only", "ftp", status=8).values())

    assert took < 15
    for one in found.values():
        assert one["status"] == "fail"
        assert "broke the connection off" in one["message"], one


def test_what_is_wrong_with_a_login_is_said_and_the_password_never_is(settings, looked, tmp_path, trusted, monkeypatch):
    ca, pem = trusted
    monkeypatch.setenv("STUDIO_PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG_PASSWORD", "another canary")
    with real_servers(tmp_path / "servers", pem) as servers:
        plain, protected = servers["pyftpdlib_plain"], servers["pyftpdlib_tls"]
        right = section("pyftpdlib_tls", protected, ca)["ftp__pyftpdlib_tls"]
        settings(
            ftp__stranger={key: value for key, value in right.items() if key != "ca_file"},
            ftp__wrong={**right, "password_env": "WRONG_PASSWORD"},
            ftp__slow={**right, "password_env": "WRONG_PASSWORD", "timeout": 1},
            ftp__wants={key: value for key, value in right.items() if key != "ca_file"} | {"tls": "none"},
            ftp__cannot={**right, "port": plain.port},
            ftp__early={**right, "tls": "implicit", "timeout": 1},
            ftp__unset={**right, "password_env": "NOT_SET"},
            ftp__kept={key: value for key, value in right.items() if key != "password_env"},
            ftp__lost={**right, "ca_file": "nowhere.pem"},
        )

        found = looked("--only", "ftp", status=8)

    said = {name.removeprefix("ftp."): (one["message"], one["fix"]) for name, one in found.items()}
    for name, what, advice in (
        ("stranger", "is not to be trusted", "ftp.stranger.ca_file"),
        ("wrong", f"refuses the login of {USER} (530", "ftp.wrong.user and its password"),
        ("slow", "within 1 s", "some wait on purpose after a wrong password"),
        ("wants", "refuses the login", 'ftp.wants.tls = "explicit"'),
        ("cannot", "has no TLS", 'ftp.cannot.tls = "none"'),
        ("early", "no TLS comes about", "ftp.early.tls"),
        ("unset", "NOT_SET is not set", "ytpool vault keep ftp.unset"),
        ("kept", "there is no password", "ytpool vault keep ftp.kept --password-file FILE"),
        ("lost", "there is no file", "ftp.lost.ca_file"),
    ):
        assert what in said[name][0], (name, said[name])
        assert advice in said[name][1], (name, said[name])
    assert "canary" not in json.dumps(found)


def test_a_password_is_kept_in_the_vault_and_forgotten_again(ytpool, settings, looked, tmp_path, home):
    password = private(tmp_path / "password.txt", f"{PASSWORD}\n")
    with pyftpdlib(tmp_path / "server") as server:
        settings(ftp__studio={"host": "127.0.0.1", "port": server.port, "user": USER, "tls": "none"})
        keep = ("vault", "keep", "ftp.studio", "--password-file", password)

        assert ytpool(*keep, "--dry-run")[0] == 0
        assert "there is no password" in looked(*only("ftp.studio"), status=8)["ftp.studio"]["message"]
        assert fits("vault-keep", ytpool(*keep, "--json")[1])["kept"]
        assert looked(*only("ftp.studio"))["ftp.studio"]["status"] == "pass"
        assert not fits("vault-forget", ytpool("vault", "forget", "ftp.studio", "--json")[1])["kept"]
        looked(*only("ftp.studio"), status=8)

    assert ytpool("vault", "forget", "ftp.studio")[0] == 2
    status, _, err = ytpool("vault", "keep", "ftp.stuido", "--password-file", password)
    assert (status, "did you mean ftp.studio?" in err) == (2, True)
    assert all(PASSWORD.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


# Servers that misbehave


def says(*lines, then=None):
    """Greet, and answer each line with the next of these."""

    def behave(connection):
        for line in lines:
            connection.sendall(line + b"\r\n")
            connection.recv(4096)
        if then == "hang":
            connection.recv(1)

    return behave


def leaves(_):
    pass


def drips(connection):
    while True:
        connection.sendall(b"2")
        time.sleep(0.1)


def floods(connection):
    while True:
        connection.sendall(b"220-" + b"x" * 65_000 + b"\r\n")


BAD_FTP = {
    "silent": (lambda connection: connection.recv(1), {}, "has not come to the end of a login within 1 s"),
    "drips": (drips, {}, "has not come to the end of a login within 1 s"),
    "floods": (floods, {}, "does not speak FTP"),
    "web": (says(b"HTTP/1.1 400 Bad Request"), {}, "does not speak FTP"),
    "full": (says(b"421 too many of us"), {}, "lets nobody in now: 421 too many of us"),
    "soon": (says(*[b"120 soon"] * 3, then="hang"), {}, "within 1 s"),
    "leaves": (leaves, {}, "broke the connection off"),
    "no_noop": (says(b"220 hi", b"230 in", b"500 what"), {}, "refuses NOOP (500)"),
    "repeats": (repeating, {}, "refuses the login"),
    "ends_tls": (says(b"220 hi", b"234 go on"), {"tls": "explicit"}, "no TLS comes about"),
    "no_tls": (
        says(b"220 hi", b"234 go on", b"220 plain words", then="hang"),
        {"tls": "explicit"},
        "no TLS comes about",
    ),
    "slips_in": (says(b"220 hi", b"234 go on\r\n230 welcome"), {"tls": "explicit"}, "before TLS began"),
    "stuck_in_tls": (says(b"220 hi", b"234 go on", then="hang"), {"tls": "explicit"}, "within 1 s"),
}


def test_no_ftp_server_can_hold_it_whatever_it_does(settings, looked, monkeypatch):
    monkeypatch.setenv("STUDIO_PASSWORD", PASSWORD)
    with ExitStack() as stack:
        for name, (behave, more, _) in BAD_FTP.items():
            port = stack.enter_context(misbehaving(behave))
            keys = {"host": "127.0.0.1", "port": port, "user": USER, "password_env": "STUDIO_PASSWORD", "tls": "none"}
            settings(**{f"ftp__{name}": {**keys, "timeout": 1, **more}})
        settings(ftp__gone={"host": "127.0.0.1", "port": 9, "tls": "none", "timeout": 1})
        settings(ftp__nowhere={"host": "no-such-machine.invalid", "timeout": 1})

        started = time.monotonic()
        found = looked("--only", "ftp", status=8)

    assert time.monotonic() - started < 15
    for name, (_, _, sentence) in BAD_FTP.items():
        assert sentence in found[f"ftp.{name}"]["message"], found[f"ftp.{name}"]
    assert "nothing takes the connection" in found["ftp.gone"]["message"]
    assert "nobody knows the machine" in found["ftp.nowhere"]["message"]
    assert PASSWORD not in json.dumps(found)


def answers(head, body=b"", again=False):
    def behave(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 " + head + b"\r\n\r\n" + body)
        while again:
            connection.sendall(body)

    return behave


def drips_headers(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: 1\r\n")
        time.sleep(0.1)


def drips_a_body(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b".")
        time.sleep(0.1)


ROUND = b"302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: /again?key=canary"
FINE = b"200 OK\r\nContent-Length: 4\r\nConnection: close"
PAGES = {
    "fine": (answers(FINE, b"well"), {}, "answered 200"),
    "words": (answers(FINE, b"well"), {"expect": [200, "well"]}, "answered 200"),
    "moved": (answers(ROUND), {"expect": 302}, "answered 302"),
    "ten_gigabytes": (answers(b"200 OK\r\nContent-Length: 10000000000", b"x" * 65536, again=True), {}, "answered 200"),
    "round_and_round": (answers(ROUND), {}, "led on 5 times and never arrived"),
    "other_words": (answers(FINE, b"well"), {"expect": "sick"}, "answered 200 without 'sick'"),
    "much": (answers(b"200 OK", b"x" * 65536, again=True), {"expect": "sick"}, "answered 200 without 'sick'"),
    "not_well": (answers(b"503 No\r\nContent-Length: 0"), {}, "answered 503 and not 2xx"),
    "silent": (lambda connection: connection.recv(1) and time.sleep(9), {}, "has not answered within 1 s"),
    "drips": (drips_headers, {}, "has not answered within 1 s"),
    "drips_on": (drips_a_body, {"expect": "sick"}, "has not answered within 1 s"),
    "leaves": (leaves, {}, "broke the connection off"),
    "nonsense": (says(b"220 this is FTP"), {}, "broke the connection off"),
}


def test_no_page_can_hold_it_whatever_it_sends(settings, looked):
    with ExitStack() as stack:
        for name, (behave, more, _) in PAGES.items():
            port = stack.enter_context(misbehaving(behave))
            settings(**{f"checks__{name}": {"url": f"http://127.0.0.1:{port}/well?key=canary", "timeout": 1, **more}})
        settings(checks__gone={"url": "http://127.0.0.1:9/", "timeout": 1})
        settings(checks__nowhere={"url": "https://no-such-machine.invalid/", "timeout": 1})

        started = time.monotonic()
        found = looked("--only", "checks", status=8)

    assert time.monotonic() - started < 15
    for name, (_, _, sentence) in PAGES.items():
        one = found[f"checks.{name}"]
        assert sentence in one["message"], one
        assert one["status"] == ("pass" if name in ("fine", "words", "moved", "ten_gigabytes") else "fail")
    assert "nothing takes the connection" in found["checks.gone"]["message"]
    assert "nobody knows the machine" in found["checks.nowhere"]["message"]
    assert "canary" not in json.dumps(found)


def test_the_certificate_of_a_page_is_checked(settings, looked, trusted):
    ca, pem = trusted
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    def protected(connection):
        with context.wrap_socket(connection, server_side=True) as inner:
            answers(FINE, b"well")(inner)

    def stalls(connection):
        with context.wrap_socket(connection, server_side=True) as inner:
            drips_headers(inner)

    with misbehaving(protected) as port, misbehaving(stalls) as slow:
        url = f"https://localhost:{port}/"
        settings(checks__known={"url": url, "ca_file": str(ca)}, checks__stranger={"url": url})
        settings(checks__slow={"url": f"https://localhost:{slow}/", "ca_file": str(ca), "timeout": 1})

        found = looked("--only", "checks", status=8)

    assert found["checks.known"]["status"] == "pass"
    assert "is not to be trusted" in found["checks.stranger"]["message"]
    assert "has not answered within 1 s" in found["checks.slow"]["message"]
    assert found["checks.slow"]["seconds"] < 2


# The settings


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[ftps.studio]\nhost = 'a'", "there is no section ftps; did you mean ftp?"),
        ("[check.site]\nurl = 'a'", "there is no section check; did you mean checks?"),
        ("[ftp.studio]\nhots = 'a'", "there is no setting ftp.studio.hots; did you mean host?"),
        ("[ftp.studio]\nhost = 'a'\ntls = 'no'", "ftp.studio.tls must be one of explicit, implicit, none"),
        ("[ftp.studio]\nhost = 'a b'", "ftp.studio.host must be the name or the address of a machine"),
        ("[ftp.studio]\nhost = 'a'\nport = 'ftp'", "ftp.studio.port must be a whole number"),
        ("[ftp.studio]\nhost = 'a'\nuser = \"a\\nDELE x\"", "ftp.studio.user must be a name on one line"),
        ("[ftp]\nhost = 'a'", "host is an FTP server: write [ftp.host]"),
        ("[checks.site]\nexpect = 200", "checks.site.url must be an address"),
        ("[checks.site]\nurl = 'https://me:secret@a/'", "checks.site.url must be an address"),
        ("[checks.site]\nurl = 'https://a/'\nexpect = 99", "checks.site.expect must name statuses"),
        ("[checks.site]\nurl = 'https://a/'\nexpect = [true]", "checks.site.expect must be statuses"),
        ("[checks.site]\nurl = 'https://a/'\ntimeout = 600", "checks.site.timeout must be between 0.1 and 30"),
        ("[targets]\nreserve_ready = 3", "there is no setting targets.reserve_ready; did you mean"),
        ("[targets]\nscore = 70", "targets.score must be between 0 and 1"),
        ("[health]\ndisk_warn = 3", "there is no setting health.disk_warn; did you mean health.disk_warn_mib?"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(ytpool, home, text, sentence):
    file = home / "default" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)

    status, _, err = ytpool("health")

    assert status == 2
    assert sentence in err
    assert f"{file}:" in err
    assert "secret" not in err


def test_the_help_names_everything_that_can_be_looked_at(ytpool):
    told = " ".join(ytpool("health", "--help")[1].split())

    assert f"as often as needed: {', '.join(one.name for one in LOOKS)}; or at one server" in told


def test_only_what_is_named_is_looked_at(ytpool, settings, looked):
    settings(ftp__studio={"host": "127.0.0.1", "port": 9, "timeout": 1})

    assert {one["look"] for one in looked(*only("clock", "disk")).values()} == {"clock", "disk"}
    assert list(looked(*only("ftp.studio"), status=8)) == ["ftp.studio"]
    for name, advice in (
        ("dsik", "did you mean disk?"),
        ("ftp.stuido", "did you mean ftp.studio?"),
        ("checks", "the settings have no [checks.NAME]"),
    ):
        status, _, err = ytpool("health", "--only", name)
        assert (status, advice in err) == (2, True), err


# The state, and whoever holds it


def test_a_state_that_another_process_holds_is_told_soon_and_the_rest_is_looked_at(ytpool, home, looked):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with closing(sqlite3.connect(home / "default" / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        started = time.monotonic()
        found = looked(status=8)

    assert time.monotonic() - started < 15
    assert "another process has held" in found["state"]["message"]
    assert found["buckets" if "buckets" in found else "rests"]["status"] == "pass"
    assert {"vault", "disk state", "clock", "queue", "youtube"} <= found.keys()


def test_too_little_room_and_files_that_others_may_change_are_told(settings, looked, home, monkeypatch):
    settings()
    (home / "default" / "config.toml").chmod(0o666)
    (home / "default" / "state.db").chmod(0o644)
    monkeypatch.setenv("YTPOOL_HEALTH_DISK_WARN_MIB", str(1 << 30))

    found = looked(*only("disk", "configuration"))

    assert found["disk state"]["status"] == "warn"
    assert f"others may change {home / 'default' / 'config.toml'}" in found["configuration config.toml"]["message"]
    assert f"others may read {home / 'default' / 'state.db'}" in found["configuration state.db"]["message"]
    monkeypatch.setenv("YTPOOL_HEALTH_DISK_FAIL_MIB", str(1 << 30))
    assert looked(*only("disk"), status=8)["disk state"]["fix"] == "free some space; nothing is stored on a full disk"


# YouTube


def test_traffic_proves_that_youtube_answers_and_only_depth_spends_a_unit_for_it(
    ytpool, sandbox, looked, video, monkeypatch
):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    before = sandbox.truth()["calls"]
    [check] = looked("--deep", *only("youtube")).values()
    assert "last answer" in check["message"]
    assert check["units"] == 0
    assert sandbox.truth()["calls"] == before

    sandbox.control.clock(forward=timedelta(minutes=10))
    ytpool("refresh-tokens", "--force")  # its answer tells ytpool the time
    assert "10 min ago" in looked(*only("youtube"))["youtube"]["message"]
    asked = sandbox.calls("channels.list")
    [check] = looked("--deep", *only("youtube")).values()
    assert (check["status"], check["units"]) == ("pass", 1)
    assert sandbox.calls("channels.list") == asked + 1
    assert_books_agree(ytpool, sandbox)

    monkeypatch.setenv("YTPOOL_HEALTH_DEEP_UNITS", "1")
    sandbox.control.clock(forward=timedelta(minutes=10))
    ytpool("refresh-tokens", "--force")
    [check] = looked("--deep", *only("youtube")).values()
    assert check["status"] == "warn"
    assert "the 1 units a day that --deep may spend are used" in check["message"]
    assert sandbox.calls("channels.list") == asked + 1

    monkeypatch.setenv("YTPOOL_HEALTH_DEEP_UNITS", "2")
    sandbox.channel("news").fail("channels.list", "backendError")
    [check] = looked("--deep", *only("youtube"), status=8).values()
    assert check["status"] == "fail"
    assert_books_agree(ytpool, sandbox)


# Work


def test_jobs_that_nobody_takes_are_told_until_somebody_does(ytpool, sandbox, looked, video):
    assert ytpool("queue", "add", "upload", video, "--pool", "main")[0] == 0
    assert looked(*only("queue"))["queue"]["message"] == "1 wait, 0 at work"

    sandbox.control.clock(forward=timedelta(minutes=30))
    ytpool("refresh-tokens", "--force")
    [late] = looked(*only("queue")).values()
    assert (late["check"], late["status"]) == ("queue due", "warn")
    assert "1 job is due and not taken, the first for 30 min" in late["message"]
    assert ytpool(*late["fix"].removeprefix("run: ytpool ").partition(",")[0].split())[0] == 0

    assert looked(*only("queue"))["queue"]["message"] == "0 wait, 0 at work"


def test_a_job_left_half_done_by_the_dead_is_told(ytpool, sandbox, home, looked, video):
    assert ytpool("queue", "add", "upload", video, "--pool", "main")[0] == 0
    with closing(sqlite3.connect(home / "default" / "state.db")) as state, state:
        state.execute("UPDATE jobs SET state = 'running'")

    [left] = looked(*only("queue")).values()

    assert (left["check"], left["status"]) == ("queue left", "warn")
    assert "left half done by a process that died" in left["message"]
    assert ytpool("work", "--once")[0] == 0
    assert len(sandbox.truth()["videos"]) == 1


def test_tasks_whose_time_is_over_are_told_until_somebody_asks_about_them(ytpool, sandbox, settings, home, looked):
    settings(providers__film={"preset": "runninghub", "url": sandbox.server.url, "keys": "FILM_KEY"})
    assert ytpool("task", "keep-key", "film", "--key-file", private(home / "key", "a key"))[0] == 0
    assert ytpool("task", "submit", "film", "--set", "workflow_id=7")[0] == 0
    assert looked(*only("providers"))["provider film"]["message"] == "1 key, 3 slots each"
    with closing(sqlite3.connect(home / "default" / "state.db")) as state, state:
        state.execute("UPDATE tasks SET until = '2020-01-01T00:00:00.000000Z'")

    [left] = looked(*only("queue")).values()

    assert left["message"] == "the time of 1 task is over, and nobody asks about it"
    assert ytpool("task", "poll")[0] == 0
    assert "queue tasks" not in looked(*only("queue"))
    assert "; its last task, " in looked(*only("providers"))["provider film"]["message"]


@pytest.mark.usefixtures("sandbox")
def test_an_account_that_is_to_be_forgotten_has_a_deadline(ytpool, looked, monkeypatch):
    assert "policy deletion" not in looked(*only("policy"))
    monkeypatch.setenv("YTPOOL_GOOGLE_REVOKE_URI", "http://127.0.0.1:9/revoke")
    assert ytpool("auth", "revoke", "news", "--yes")[0] != 0

    told = looked(*only("policy"))["policy deletion"]

    assert (told["status"], told["fix"]) == ("warn", "run: ytpool auth revoke news")
    assert told["message"].startswith("news is to be forgotten by ")


def test_the_profile_that_never_leaves_this_machine_asks_no_server_elsewhere(ytpool, home):
    with misbehaving(answers(b"302 Found\r\nContent-Length: 0\r\nLocation: http://service.example/")) as port:
        assert ytpool("health", "--only", "state", "--profile", "sandbox")[0] == 0
        with (home / "sandbox" / "config.toml").open("a") as settings:
            settings.write('\n[ftp.studio]\nhost = "ftp.example"\ntls = "none"\n')
            settings.write(
                f'\n[checks.far]\nurl = "https://service.example/"\n\n[checks.near]\nurl = "http://127.0.0.1:{port}/"\n'
            )
        _, out, _ = ytpool("health", *only("ftp", "checks"), "--profile", "sandbox", "--json")

    found = {one["check"]: (one["status"], one["message"]) for one in fits("health", out)["checks"]}
    not_asked = ("pass", "is not asked: the profile sandbox never leaves this machine")
    assert (found["ftp.studio"], found["checks.far"]) == (not_asked, not_asked)
    assert found["checks.near"][0] == "fail"
    assert found["checks.near"][1].endswith("leads to another machine, and this profile never leaves this one")


def test_sessions_whose_cookies_have_ended_or_end_soon_are_named(ytpool, settings, looked, tmp_path, monkeypatch):
    settings()
    for user, days in (("anna", 100), ("ben", 1), ("cleo", -1)):
        cookie = {"name": "sid", "value": "canary", "domain": "forum.test", "path": "/"}
        file = tmp_path / f"{user}.json"
        file.write_text(json.dumps({"cookies": [{**cookie, "expires": time.time() + days * 86400}]}))
        ytpool("sessions", "migrate", "--file", file, "--user", user, "--platform", "forum")

    found = looked(*only("sessions"))

    assert "ben@forum" in found["sessions ending"]["message"]
    assert "anna" not in json.dumps(found)
    assert "canary" not in json.dumps(found)
    monkeypatch.setenv("YTPOOL_HEALTH_COOKIE_DAYS", "0")
    assert "sessions ending" not in looked(*only("sessions"))
    typed = (
        found["sessions expired"]["fix"].partition("ytpool ")[2].replace("PLATFORM", "forum").replace("USER", "cleo")
    )
    new = private(tmp_path / "new.json", json.dumps({"cookies": [{**cookie, "expires": time.time() + 8_640_000}]}))
    assert ytpool(*typed.replace("FILE", str(new)).split())[0] == 0
    assert looked(*only("sessions"))["sessions"]["message"] == "3 of 3 active"


def test_cookie_files_of_other_programs_are_looked_at(settings, looked, tmp_path):
    def cookies(days):
        domain, name = ".youtube.com\tTRUE\t/\tTRUE", "LOGIN_INFO\tcanary"
        return f"# Netscape HTTP Cookie File\n{domain}\t{int(time.time() + days * 86400)}\t{name}\n"

    for name, days in (("fresh", 100), ("late", 1), ("over", -1)):
        settings(**{f"cookie_files__{name}": {"path": str(private(tmp_path / f"{name}.txt", cookies(days)))}})
    settings(serve={"account": "mine", "cookies_file": str(tmp_path / "gone.txt")})

    found = looked(*only("cookie_files"), status=8)

    assert {name.removeprefix("cookie file "): one["status"] for name, one in found.items()} == {
        "mine": "fail",
        "fresh": "pass",
        "late": "warn",
        "over": "warn",
    }
    assert "log in anew" in found["cookie file over"]["fix"]
    assert "canary" not in json.dumps(found)


def test_targets_are_compared_with_what_is(ytpool, sandbox, looked, video, make_video, monkeypatch):
    found = looked(*only("targets"))
    assert {name: one["status"] for name, one in found.items()} == {"target score": "pass"}

    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    assert ytpool("accounts", "set", "sports", "--tier", "reserve")[0] == 0
    monkeypatch.setenv("YTPOOL_TARGETS_SCORE", "0.99")
    found = looked(*only("targets"), "--strict", status=8)

    assert found["target reserves"]["message"] == "1 of 1 ready, wanted at least 3 ready"
    assert found["target score"]["status"] == "warn"
    assert found["target uploads"]["message"] == "1 of 1 uploads of the last day, wanted above 98 % successful"
    assert (
        found["target fallbacks"]["message"] == "1 of 1 uploads went to another than the first choice, wanted below 5 %"
    )

    sandbox.channel("sports").fail("videos.insert", "invalidTitle")
    assert ytpool("upload", make_video("bad.mp4", 1000), "--account", "sports")[0] == 1
    assert looked(*only("targets"))["target uploads"]["message"].startswith("1 of 2 uploads")


def test_the_morning_list_says_what_happened_and_what_to_do_today(ytpool, sandbox, video, make_video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    sandbox.channel("sports").revoke()
    assert ytpool("upload", make_video("later.mp4", 1000), "--account", "sports")[0] == 4

    status, out, _ = ytpool("health", "--daily", "--json")

    told = fits("health", out)
    assert (status, told["status"]) == (8, "fail")
    happened = {one["what"]: one["told"] for one in told["happened"]}
    assert happened["uploads"].startswith("1 done, 0 failed, 1 by another than the first choice")
    assert "videos.insert: uploadLimitExceeded, 1 time" in happened["went wrong"]
    assert told["todo"][0]["urgency"] == "now"
    assert "ytpool auth add sports" in told["todo"][0]["command"]
    assert [one["urgency"] for one in told["todo"]] == sorted(
        (one["urgency"] for one in told["todo"]), key=["now", "today", "soon"].index
    )
    assert sum("ytpool auth add sports" in one["command"] for one in told["todo"]) == 1
    assert {"reserves", "score", "uploads", "fallbacks"} == {one["target"] for one in told["targets"]}

    status, out, _ = ytpool("health", "--daily")
    assert status == 8
    assert out.index("uploads") < out.index("reserves") < out.index("ytpool auth add sports")
