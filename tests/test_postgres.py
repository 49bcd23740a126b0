"""The PostgreSQL of our tests, and what can happen to it."""

import psycopg
import pytest
from certificates import certificates
from links import Link
from postgres import pooled, running
from real_parts import fill


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_is_there_after_a_restart_and_who_was_connected_hears_of_it(own_postgres, mode):
    own_postgres.sql("CREATE TABLE kept AS SELECT 7 AS number")
    with own_postgres.connected() as connection:
        own_postgres.restart(mode)

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert own_postgres.sql("SELECT number FROM kept") == [(7,)]
    own_postgres.sql("DROP TABLE kept")


def test_one_that_is_stopped_refuses_connections(own_postgres):
    own_postgres.stop()
    try:
        with pytest.raises(psycopg.OperationalError, match="refused"):
            own_postgres.sql("SELECT 1")
    finally:
        own_postgres.start()


def test_a_schema_is_gone_in_the_end_whoever_still_holds_something_in_it(postgres):
    with postgres.connected() as other:
        with postgres.schema() as name:
            postgres.sql(f"CREATE SCHEMA {name}")
            postgres.sql(f"CREATE TABLE {name}.rows (number int)")
            other.execute(f"BEGIN; INSERT INTO {name}.rows VALUES (1)")

        assert postgres.sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", name) == []
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")


def test_one_that_only_reads_says_so_to_everybody_and_writes_again_afterwards(own_postgres, schema):
    own_postgres.sql(f"CREATE SCHEMA {schema}")
    own_postgres.sql(f"CREATE TABLE {schema}.rows (number int)")
    with own_postgres.connected() as connection, own_postgres.read_only():
        for _ in range(2):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(f"INSERT INTO {schema}.rows VALUES (1)")
    own_postgres.sql(f"INSERT INTO {schema}.rows VALUES (1)")


def test_a_database_on_a_small_disk_fills_it_and_the_server_goes_on(own_postgres):
    with (
        own_postgres.database_on_small_disk() as (url, disk),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE rows (words text)")
        fill(disk)
        with pytest.raises(psycopg.errors.DiskFull):
            connection.execute("INSERT INTO rows SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
        (disk / "ballast").unlink()
        connection.execute("INSERT INTO rows VALUES ('x')")
    assert own_postgres.sql("SELECT 1") == [(1,)]


def test_with_tls_a_name_and_an_authority_are_proven(tmp_path):
    for of, at, problem in (
        ("localhost", "127.0.0.1", None),
        ("db.elsewhere.example", "192.0.2.1", "does not match host name"),
    ):
        (tmp_path / of).mkdir()
        authority, pem = certificates(tmp_path / of, of=of, at=at)
        with running(certificate=pem) as server:
            known = f"{server.url}?sslmode=verify-full&sslrootcert={authority}"
            stranger = f"{server.url}?sslmode=verify-full&sslrootcert=system"
            with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
                psycopg.connect(stranger)
            if problem:
                with pytest.raises(psycopg.OperationalError, match=problem):
                    psycopg.connect(known)
            else:
                with psycopg.connect(known) as connection:
                    assert connection.pgconn.ssl_in_use


def test_one_with_few_places_refuses_the_next():
    with running(max_connections=4, superuser_reserved_connections=0, max_wal_senders=0) as server:
        standing = [psycopg.connect(server.url) for _ in range(4)]
        try:
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                server.sql("SELECT 1")
        finally:
            for connection in standing:
                connection.close()


def test_through_a_pool_two_transactions_of_a_connection_may_meet_two_servers(own_postgres):
    with pooled(own_postgres, default_pool_size=2) as pool, pool.connected() as one, pool.connected() as two:
        one.execute("BEGIN")
        in_transaction = one.execute("SELECT pg_backend_pid()").fetchone()
        two.execute("SET application_name = 'left behind'")
        two.execute("BEGIN")
        assert two.execute("SELECT pg_backend_pid()").fetchone() != in_transaction
        two.execute("COMMIT")
        assert one.execute("SELECT pg_backend_pid()").fetchone() == in_transaction
        one.execute("COMMIT")


def test_a_link_lies_between_a_client_and_its_answer(own_postgres):
    """What is asked to be committed may be, although nobody hears of it."""
    own_postgres.sql("CREATE TABLE told (number int)")
    with Link(own_postgres.port) as link:
        url = own_postgres.url.replace(str(own_postgres.port), str(link.port))
        for number, passes in ((1, True), (2, False)):
            with psycopg.connect(url) as connection:
                connection.execute("INSERT INTO told VALUES (%s)", [number])
                link.cut_at(b"COMMIT", passes=passes)
                with pytest.raises(psycopg.OperationalError):
                    connection.commit()
    assert own_postgres.sql("SELECT number FROM told") == [(1,)]
    own_postgres.sql("DROP TABLE told")
