"""A real PostgreSQL for tests: Debian's programs with a folder and a port of their own, beside the system's cluster.

`YTPOOL_TEST_PG_DSN` names a server to use instead, where a test needs no more than a schema of its own.
"""

import os
import signal
import socket
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from kept import Kept
from ports import free_port
from real_parts import need, small_file_system

# Read at once: a test's own environment knows nothing of how tests are run.
ELSEWHERE = os.environ.get("YTPOOL_TEST_PG_DSN")
USER = "postgres"
STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""How a server is asked to stop; after `immediate` it finds itself crashed."""


class Postgres:
    """A server that runs somewhere."""

    def __init__(self, url):
        self.url = url

    def connected(self, **how):
        """Connect as its superuser, with autocommit."""
        import psycopg

        return closing(psycopg.connect(self.url, autocommit=True, **how))

    def sql(self, statement, *values):
        """Run a statement on a connection of its own, and return the rows where it has any."""
        with self.connected() as connection:
            done = connection.execute(statement, values or None)
            return done.fetchall() if done.description else []

    @contextmanager
    def schema(self):
        """Name a schema that nobody has made yet; in the end it is dropped with all that is in it."""
        name = f"ytpool_{uuid4().hex[:12]}"
        try:
            yield name
        finally:
            self.end_connections(  # of somebody who was cut off with a lock in the hand
                f"""
                pid IN (SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                         WHERE c.relnamespace = to_regnamespace('{name}'))
                """
            )
            self.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")

    def end_connections(self, which="true"):
        """End the connections of others for which this holds in pg_stat_activity; return how many."""
        return len(
            self.sql(
                f"""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {which}
                """
            )
        )

    @contextmanager
    def read_only(self):
        """Let every transaction of everybody only read, as on a server that somebody has frozen."""
        self._set("default_transaction_read_only", "on")
        try:
            yield
        finally:
            self._set("default_transaction_read_only", None)

    def _set(self, name, value):
        with self.connected(options="-c default_transaction_read_only=off") as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf()")
        until = time.monotonic() + 30
        while self.sql(f"SHOW {name}") != [(value or "off",)]:
            assert time.monotonic() < until, f"{name} never became {value}"
            time.sleep(0.01)


class Server(Postgres):
    """A server of our own, which can be stopped and started."""

    def __init__(self, folder, settings):
        self.port = free_port()
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres")
        self.folder = folder
        self._log = folder / "log"
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": folder,
            "shared_buffers": "16MB",
            "full_page_writes": settings.get("fsync", "off"),
            "fsync": "off",
            **settings,
        }
        self._kept = None

    @property
    def pid(self):
        """The process to whom all others of it belong."""
        return self._kept.pid

    def start(self):
        """Start it, and wait until it answers."""
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        self._kept = Kept(
            [binaries() / "postgres", "-D", self.folder / "data", *words],
            ends_by=STOPS["fast"],
            says=self._log,
            **_by_whom(self.folder),
        )
        self._until_it_answers()

    def stop(self, mode="fast"):
        """Stop it and wait until it has; `immediate` is a crash."""
        if self._kept is not None:
            self._kept.end(STOPS[mode])
            self._kept = None

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def crash(self):
        """Kill one of its processes, as a machine without memory does: it recovers, and is not started anew."""
        import psycopg

        with self.connected() as killed, self.connected() as other:
            os.kill(killed.info.backend_pid, signal.SIGKILL)
            with suppress(psycopg.OperationalError):
                other.execute("SELECT pg_sleep(30)")  # everybody's connection ends
        self._until_it_answers()

    def log(self):
        """Return what it has said so far."""
        return self._log.read_text(errors="replace")

    @contextmanager
    def database_on_small_disk(self, megabytes=40):
        """Make a database whose tables all lie on a small disk; yields its address and the disk's folder."""
        name = f"small_{uuid4().hex[:12]}"
        with small_file_system(self.folder / name, megabytes) as disk:
            _give_to_server(disk)
            self.sql(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
            self.sql(f"CREATE DATABASE {name} TABLESPACE {name}")
            try:
                yield f"postgresql://{USER}@127.0.0.1:{self.port}/{name}", disk
            finally:
                self.sql(f"DROP DATABASE {name} WITH (FORCE)")
                self.sql(f"DROP TABLESPACE {name}")

    def _until_it_answers(self):
        import psycopg

        until = time.monotonic() + 30
        while True:
            try:
                return psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._kept.is_alive(), self.log()
                assert time.monotonic() < until, self.log()
                time.sleep(0.02)


@contextmanager
def running(*, certificate=None, **settings):
    """Run a server of its own with these settings (`fsync="on"`, `max_connections=5`), and TLS if it has a PEM file."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:  # a socket's path must be short
        folder = Path(name)
        if certificate is not None:
            own = folder / "server.pem"
            own.write_bytes(certificate.read_bytes())
            own.chmod(0o600)
            _give_to_server(own)
            settings |= {"ssl": "on", "ssl_cert_file": own, "ssl_key_file": own}
        server = Server(folder, settings)
        _make_cluster(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def pooled(server, **settings):
    """Run PgBouncer in transaction mode in front of a server; yields the address it answers at."""
    program = need("pgbouncer")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        _give_to_server(folder)
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            **settings,
        }
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user={USER}\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in lines.items())
        )
        _give_to_server(file)
        kept = Kept([program, file], ends_by=signal.SIGINT, says=folder / "log", **_by_whom(folder))
        pool = Postgres(f"postgresql://{USER}@127.0.0.1:{port}/postgres")
        try:
            _until_it_listens(port, kept, folder / "log")
            yield pool
        finally:
            kept.end(signal.SIGTERM)  # it waits for nobody


def binaries():
    """Return the folder with the newest PostgreSQL's programs."""
    return Path(need("postgres")).resolve().parent


def _make_cluster(folder):
    _give_to_server(folder)
    log = folder / "initdb"
    words = ("-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--no-instructions")
    made = Kept([binaries() / "initdb", "-D", folder / "data", *words], says=log, **_by_whom(folder))
    until = time.monotonic() + 60
    while made.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    made.end()
    assert (folder / "data" / "PG_VERSION").exists(), log.read_text()


def _by_whom(folder):
    """Neither initdb nor the server nor PgBouncer runs as root."""
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    return {"cwd": folder, "env": environ, "user": USER if os.geteuid() == 0 else None}


def _give_to_server(path):
    if os.geteuid() == 0:
        import shutil

        shutil.chown(path, USER, USER)


def _until_it_listens(port, kept, log):
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert kept.is_alive(), log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
