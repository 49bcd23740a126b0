"""A state in PostgreSQL, as an operator meets it: where it is, who gets in, and what is said when nobody does."""

import json
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import psycopg
import pytest
from certificates import certificates
from newsroom import ended, start
from postgres import running
from schemas import fits

from ytpool.domain import moments

pytest_plugins = ["secret_service"]

PASSWORD = "open-sesame"
ADMITS = """
host all postgres 127.0.0.1/32 trust
local all all reject
hostssl all clerk samenet scram-sha-256
hostnossl all plain samenet scram-sha-256
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A server with a certificate, which asks for passwords and takes few connections."""
    folder = tmp_path_factory.mktemp("office")
    authority, certificate = certificates(folder)
    addresses = "127.0.0.1,127.0.0.2"  # the second is one that the certificate does not name
    with running(certificate=certificate, listen_addresses=addresses, max_connections=8) as server:
        for name in ("clerk", "plain"):
            server.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        server.sql("CREATE DATABASE books OWNER clerk")
        server.sql("CREATE DATABASE others")
        server.sql("REVOKE CONNECT ON DATABASE others FROM PUBLIC")
        (server.folder / "data" / "pg_hba.conf").write_text(ADMITS)
        server.sql("SELECT pg_reload_conf()")
        server.authority = authority
        yield server


@pytest.fixture
def private(tmp_path):
    """Make a file that only its owner may read."""

    def make(text, name="password"):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    return make


@pytest.fixture
def desk(office, home, schema_of_office, monkeypatch, tmp_path):  # noqa: ARG001 - the environment is empty first
    """An environment in which the settings name the office, and nobody has its password yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("YTPOOL_STATE", f"postgresql://clerk@127.0.0.1:{office.port}/books")
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema_of_office)
    for name in ("PGPASSWORD", "PGPASSFILE", "PGSERVICEFILE", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def schema_of_office(office):
    books = f"postgresql://postgres@127.0.0.1:{office.port}/books"
    name = f"ytpool_{time.monotonic_ns()}"
    yield name
    with psycopg.connect(books, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def problem(ytpool):
    """The error with which a command ends that reads the state, and its status."""

    def look():
        status, out, err = ytpool("quota", "report", "--json")
        assert PASSWORD not in out + err
        error = json.loads(out)["error"]
        assert error is not None
        return status, error

    return look


def test_init_makes_the_schema_and_says_where_the_state_is(ytpool, desk, private, office, schema_of_office):
    desk.setenv("YTPOOL_POSTGRES_PASSWORD_FILE", str(private(f"{PASSWORD}\n")))
    address = f"postgresql://clerk@127.0.0.1:{office.port}/books"

    status, out, err = ytpool("init", "--yes", "--vault", "keyfile", "--json")

    assert status == 0, err
    assert json.loads(out)["data"]["state"] == address
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{office.port}/books") as connection:
        assert connection.execute(f"SELECT count(*) FROM {schema_of_office}.meta").fetchone() != (0,)
    assert ytpool("quota", "report", "--json")[0] == 0
    assert "was set up already" in ytpool("init", "--yes")[1]


def test_a_database_whose_clock_was_set_back_is_the_one_that_is_named(ytpool, desk, private, office, schema_of_office):
    desk.setenv("YTPOOL_POSTGRES_PASSWORD_FILE", str(private(f"{PASSWORD}\n")))
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{office.port}/books") as connection:
        heard = f"{moments.text(datetime.now(UTC))} {time.time() + 86_400!r} database"  # by a clock a day ahead
        connection.execute(f"INSERT INTO {schema_of_office}.meta VALUES ('google_confirmed', '{heard}')")

    status, _, err = ytpool("work", "--once")

    assert (status, "the database's clock says" in err, "this machine" in err) == (6, True, False), err
    assert ytpool("state", "check", "--accept-clock")[0] == 0
    assert ytpool("work", "--once")[0] == 0


@pytest.mark.parametrize("place", ["service file", "credential", "named file", "pgpass", "variable"])
def test_the_password_is_found_where_libpq_and_systemd_keep_it(ytpool, desk, private, office, tmp_path, place):
    match place:
        case "service file":
            desk.setenv("PGSERVICEFILE", str(private(f"[books]\npassword={PASSWORD}\n")))
            desk.setenv("YTPOOL_POSTGRES_SERVICE", "books")
        case "credential":
            private(f"{PASSWORD}\n", "ytpool-pg").chmod(0o440)  # as systemd makes them
            desk.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        case "named file":
            desk.setenv("YTPOOL_POSTGRES_PASSWORD_FILE", str(private(f"{PASSWORD}\n")))
        case "pgpass":
            private(f"127.0.0.1:{office.port}:books:clerk:{PASSWORD}\n", ".pgpass")
        case "variable":
            desk.setenv("PGPASSWORD", PASSWORD)

    status, _, err = ytpool("quota", "report", "--json")

    assert status == 6
    assert "there is no state at" in err + ytpool("quota", "report")[2]  # whoever is told so has been let in


@pytest.mark.parametrize(
    ("mode", "content", "meant"),
    [
        (0o640, PASSWORD, "can be read by others"),
        (0o600, "\n", "has no password in its first line"),
        (None, None, "cannot be read: No such file or directory"),
    ],
)
def test_a_password_file_that_is_of_no_use_is_named(problem, desk, private, tmp_path, mode, content, meant):
    path = tmp_path / "password"
    if mode is not None:
        private(content).chmod(mode)
    desk.setenv("YTPOOL_POSTGRES_PASSWORD_FILE", str(path))

    status, error = problem()

    assert (status, error["code"]) == (2, "config_invalid")
    assert f"the password file {path} {meant}" in error["message"]


def test_who_has_no_password_is_told_where_to_put_it(problem, desk, office):  # noqa: ARG001
    status, error = problem()

    assert (status, error["code"], error["details"]["reason"]) == (6, "state_refused", "no_password")
    assert "asks for the password of clerk, and there is none" in error["message"]
    for place in ("~/.pgpass", "YTPOOL_POSTGRES_PASSWORD_FILE", "ytpool-pg", "ytpool state password"):
        assert place in error["hint"]


REFUSALS = {
    "a wrong password": ("authentication", {"PGPASSWORD": "guess"}, "password authentication failed"),
    "no such user": ("not_admitted", {"path": "nobody@127.0.0.1:{port}/books"}, "does not admit nobody"),
    "no such database": ("no_database", {"path": "clerk@127.0.0.1:{port}/nowhere"}, "there is no database nowhere"),
    "no right": ("rights", {"path": "clerk@127.0.0.1:{port}/others"}, 'permission denied for database "others"'),
    "no TLS wanted": ("not_admitted", {"YTPOOL_POSTGRES_SSLMODE": "disable"}, "no encryption"),
    "nobody we believe": (
        "certificate_authority",
        {"YTPOOL_POSTGRES_SSLMODE": "verify-full"},
        "nobody that we believe",
    ),
    "another's name": (
        "certificate_name",
        {
            "path": "clerk@127.0.0.2:{port}/books",
            "YTPOOL_POSTGRES_SSLMODE": "verify-full",
            "YTPOOL_POSTGRES_SSLROOTCERT": "{authority}",
        },
        "its certificate is for another name than 127.0.0.2",
    ),
    "a wrong port": ("refused", {"path": "clerk@127.0.0.1:1/books"}, "nobody listens where the state should be"),
    "a wrong folder": ("refused", {"path": "clerk@/books?host=/nowhere"}, "nobody listens where the state should be"),
    "an unknown host": ("unknown_host", {"path": "clerk@db.invalid/books"}, "no name server knows db.invalid"),
    "no certificate": ("tls_files", {"YTPOOL_POSTGRES_SSLROOTCERT": "{pgpass}"}, "could not read root certificate"),
    "an option": ("options", {"path": "clerk@127.0.0.1:{port}/books?channel_binding=maybe"}, "channel_binding"),
}
CODES = {"refused": "state_unreachable", "unknown_host": "state_unreachable"} | dict.fromkeys(
    ("tls_files", "options"), "config_invalid"
)


@pytest.mark.parametrize("case", REFUSALS)
def test_whoever_is_not_let_in_is_told_why(problem, desk, private, office, case):
    reason, variables, meant = REFUSALS[case]
    pgpass = private(f"*:*:*:*:{PASSWORD}\n", ".pgpass")
    known = {"port": office.port, "authority": office.authority, "pgpass": pgpass}
    for name, value in variables.items():
        if name == "path":
            desk.setenv("YTPOOL_STATE", f"postgresql://{value.format(**known)}")
        else:
            desk.setenv(name, value.format(**known))
    if case == "no certificate":
        desk.setenv("YTPOOL_POSTGRES_SSLMODE", "verify-ca")

    status, error = problem()

    assert (error["details"]["reason"], error["code"]) == (reason, CODES.get(reason, "state_refused"))
    assert status == (2 if error["code"] == "config_invalid" else 6)
    assert meant in error["message"]
    assert error["hint"]


def test_a_wrong_password_is_looked_for_where_it_came_from_and_a_wrong_role_at_the_address(
    ytpool, problem, desk, private
):
    wrong = private("guess")
    desk.setenv("YTPOOL_POSTGRES_PASSWORD_FILE", str(wrong))
    assert f"YTPOOL_POSTGRES_PASSWORD_FILE names ({wrong})" in problem()[1]["hint"]

    wrong.write_text(PASSWORD)
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    desk.setenv("YTPOOL_STATE", os.environ["YTPOOL_STATE"].replace("clerk@", "plain@"))
    _, error = problem()
    assert error["details"]["reason"] == "rights"
    assert "belongs to the role that made it" in error["hint"]


def test_a_server_that_speaks_no_tls_is_not_spoken_to_where_it_must_be_verified(problem, desk, postgres):
    desk.setenv("YTPOOL_STATE", postgres.url)
    desk.setenv("YTPOOL_POSTGRES_SSLMODE", "verify-full")

    _, error = problem()

    assert (error["code"], error["details"]["reason"]) == ("state_refused", "no_tls")


def test_one_that_proves_who_it_is_is_believed(ytpool, desk, office):
    desk.setenv("YTPOOL_POSTGRES_SSLMODE", "verify-full")
    desk.setenv("YTPOOL_POSTGRES_SSLROOTCERT", str(office.authority))
    desk.setenv("PGPASSWORD", PASSWORD)

    assert "there is no state at" in ytpool("quota", "report")[2]


def test_health_warns_of_a_state_that_is_reached_without_proof(ytpool, desk, office):
    # Another way to write an address of this machine, which is no name of it that we know.
    desk.setenv("YTPOOL_STATE", f"postgresql://clerk@127.1:{office.port}/books?sslmode=require")
    desk.setenv("PGPASSWORD", PASSWORD)
    status, _, err = ytpool("init", "--yes", "--vault", "keyfile")
    assert status == 0, err

    checks = {one["check"]: one for one in json.loads(ytpool("health", "--json")[1])["data"]["checks"]}

    assert checks["configuration TLS"]["status"] == "warn"
    assert "sslmode require: whoever is between here and the server" in checks["configuration TLS"]["message"]


def test_whoever_accepts_and_says_nothing_is_given_up_in_time(problem, desk):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk.setenv("YTPOOL_STATE", f"postgresql://clerk@127.0.0.1:{silent.getsockname()[1]}/books")
        desk.setenv("YTPOOL_POSTGRES_CONNECT_TIMEOUT", "2")
        begun = time.monotonic()

        _, error = problem()

    assert (error["code"], error["details"]["reason"]) == ("state_unreachable", "timeout")
    assert time.monotonic() - begun < 10


def test_whoever_presses_tab_waits_for_no_server(ytpool, desk):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk.setenv("YTPOOL_STATE", f"postgresql://clerk@127.0.0.1:{silent.getsockname()[1]}/books")
        for name, value in {
            "_YTPOOL_COMPLETE": "complete_bash",
            "COMP_WORDS": "ytpool\nwhy\n",
            "COMP_CWORD": "2",
            "YTPOOL_POSTGRES_CONNECT_TIMEOUT": "60",
        }.items():
            desk.setenv(name, value)
        begun = time.monotonic()

        _, out, err = ytpool()

    assert (out.strip(), err) == ("", "")
    assert 1.5 < time.monotonic() - begun < 20  # of the sixty of everybody else


def test_what_is_no_postgresql_is_named(problem, desk):
    with socket.create_server(("127.0.0.1", 0)) as web, ExitStack() as stack:
        desk.setenv("YTPOOL_STATE", f"postgresql://clerk@127.0.0.1:{web.getsockname()[1]}/books")

        def answer():
            while True:
                try:
                    caller, _ = web.accept()
                except OSError:  # it is over
                    return
                with caller, suppress(ConnectionError):
                    caller.recv(64)
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(web.shutdown, socket.SHUT_RDWR)

        _, error = problem()

    assert (error["code"], error["details"]["reason"]) == ("state_refused", "no_postgres")


def test_a_password_that_cron_would_not_find_is_said_before_anybody_relies_on_it(
    ytpool, installed, desk, private, tmp_path
):
    desk.setenv("PGPASSWORD", PASSWORD)
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    status, out, _ = installed("work", "--print-cron", "--json")

    told = json.loads(out)
    assert (status, told["error"]["code"]) == (6, "schedule_fails")
    assert "does not get to the state" in told["error"]["message"]
    assert "asks for the password of clerk" in told["error"]["message"]
    assert any("PGPASSWORD is set here and left out" in note for note in told["data"]["notes"])

    private(f"*:*:*:*:{PASSWORD}\n", "passwords")
    desk.setenv("PGPASSFILE", "passwords")
    status, out, err = installed("work", "--print-cron", "--json")
    assert status == 0, err
    assert f"PGPASSFILE={tmp_path}/passwords" in json.loads(out)["data"]["line"]
    assert PASSWORD not in out


def test_one_that_is_full_or_is_stopping_may_be_tried_again(problem, desk, office):
    desk.setenv("PGPASSWORD", PASSWORD)
    books = f"postgresql://clerk:{PASSWORD}@127.0.0.1:{office.port}/books"
    with ExitStack() as stack:
        for _ in range(5):  # three are the operator's
            stack.enter_context(psycopg.connect(books))

        status, error = problem()
        assert (status, error["code"], error["details"]["reason"]) == (6, "state_unreachable", "too_many")

        os.kill(office.pid, signal.SIGTERM)  # it waits for whoever is connected
        until = time.monotonic() + 10
        while error["details"]["reason"] == "too_many" and time.monotonic() < until:
            _, error = problem()
        assert (error["code"], error["details"]["reason"]) == ("state_unreachable", "starting")
        assert "shutting down" in error["message"]
    office.restart()


def test_without_the_driver_it_is_said_how_it_is_installed(desk, tmp_path):  # noqa: ARG001
    (tmp_path / "psycopg.py").write_text("raise ImportError(\"No module named 'psycopg'\")\n")
    status, answer, _ = ended(start("quota", "report", "--json", env={**os.environ, "PYTHONPATH": str(tmp_path)}))

    assert (status, answer["error"]["code"]) == (6, "extra_missing")
    assert "needs psycopg, and here: No module named 'psycopg'" in answer["error"]["message"]
    assert answer["error"]["hint"] == "run: pip install 'ytpool[postgres]'"


def test_a_file_has_no_password(ytpool, private, monkeypatch):
    monkeypatch.delenv("YTPOOL_STATE", raising=False)

    status, out, _ = ytpool("state", "password", "--password-file", private(PASSWORD), "--json")

    assert (status, json.loads(out)["error"]["code"]) == (2, "usage")
    assert "the state is a file" in json.loads(out)["error"]["message"]


def test_the_keyring_keeps_the_password_and_gives_it_to_nobody_who_has_one(desk, secret_service, private, office):
    desk.setenv("YTPOOL_VAULT_KEYRING_TIMEOUT", "10")
    names = [name for name in os.environ if name.startswith("YTPOOL_")]
    env = {**secret_service.env, **{name: os.environ[name] for name in names}}

    def run(*words):
        process = start(*words, "--json", env=env)
        out, err = process.communicate(timeout=60)
        assert PASSWORD not in out + err
        return process.returncode, out

    assert json.loads(run("quota", "report")[1])["error"]["details"]["reason"] == "no_password"
    password = ("state", "password", "--password-file", private(f"{PASSWORD}\n"))
    item = f"postgres:127.0.0.1:{office.port}/books:clerk"

    assert fits("state-password", run(*password, "--dry-run")[1])["keyring"] is None
    assert secret_service.items() == {}
    kept = fits("state-password", run(*password)[1])
    assert (kept["item"], kept["kept"]) == (item, True)
    assert secret_service.items() == {item: PASSWORD}
    assert json.loads(run("quota", "report")[1])["error"]["code"] == "not_initialised"

    secret_service.daemon.send_signal(signal.SIGSTOP)
    desk.setenv("YTPOOL_VAULT_KEYRING_TIMEOUT", "0.5")
    env["YTPOOL_VAULT_KEYRING_TIMEOUT"] = "0.5"
    frozen = json.loads(run("quota", "report")[1])["error"]
    assert "there is none; the keyring cannot be used: it did not answer within 0.5 s" in frozen["message"]
    env["YTPOOL_VAULT_KEYRING_TIMEOUT"] = "600"
    env["PGPASSFILE"] = str(private(f"*:*:*:*:{PASSWORD}\n", "pgpass"))
    assert json.loads(run("quota", "report")[1])["error"]["code"] == "not_initialised"  # and nobody waited
    secret_service.daemon.send_signal(signal.SIGCONT)

    assert fits("state-password", run("state", "password", "--forget")[1])["kept"] is False
    assert secret_service.items() == {}
    status, out = run("state", "password", "--forget")
    assert (status, json.loads(out)["error"]["code"]) == (2, "unknown_name")
