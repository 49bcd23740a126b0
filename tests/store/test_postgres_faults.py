"""A state on PostgreSQL when the wire or the server fails: what was committed is kept, once, and told as it is."""

import os
import signal
import socketserver
import struct
import threading
import time

import pytest
from certificates import certificates
from links import Link
from postgres import pooled, running
from real_parts import fill

from ytpool import config
from ytpool.clock import SystemClock
from ytpool.errors import DiskFull, Interrupted, StateBusy, StateUnreachable, StateUnusable
from ytpool.store import db, meta
from ytpool.store.postgres import PostgresDatabase, for_postgres
from ytpool.store.sqlite import SqliteDatabase


@pytest.fixture
def link(own_postgres):
    """The wire to the server."""
    with Link(own_postgres.port) as link:
        yield link


@pytest.fixture
def opened(schema, tmp_path):
    """Open the state at an address, as a machine of its own would."""
    databases = []

    def at(url, schema=schema, **how):
        environ = {"YTPOOL_HOME": str(tmp_path), "YTPOOL_STATE": url, "YTPOOL_POSTGRES_SCHEMA": schema}
        place = config.load(profile=None, environ=environ).database
        clock = SystemClock()
        databases.append(PostgresDatabase(place, clock, clock.now, **how))
        return databases[-1]

    yield at
    for one in databases:
        one.close()


def through(link):
    return f"postgresql://postgres@127.0.0.1:{link.port}/postgres"


@pytest.fixture
def state(opened, link):
    """A state at the other end of that wire."""
    state = opened(through(link))
    state.create()
    return state


def say(state, word):
    with state.transaction() as tx:
        meta.put(tx, "said", f"{meta.get(tx, 'said') or ''} {word}".strip())


def said(state):
    with state.reading() as tx:
        return meta.get(tx, "said") or ""


@pytest.mark.parametrize("trouble", ["cut", "ended", "fast", "immediate"])
def test_a_connection_that_died_while_nobody_used_it_is_replaced_and_nobody_hears_of_it(
    state, link, own_postgres, trouble
):
    say(state, "before")
    match trouble:
        case "cut":
            link.cut()
        case "ended":
            own_postgres.end_connections()
        case mode:
            own_postgres.restart(mode)

    say(state, "after")

    assert said(state) == "before after"


def test_a_server_that_is_down_for_a_moment_is_waited_for(state, own_postgres):
    say(state, "before")
    own_postgres.stop("immediate")
    comes_back = threading.Timer(0.3, own_postgres.start)
    comes_back.start()

    say(state, "after")

    comes_back.join()
    assert said(state) == "before after"


def test_waiting_for_a_server_ends_when_somebody_wants_to_stop(state, opened, link, own_postgres):
    def sleep(_):
        raise Interrupted("somebody wants to stop")

    own = opened(through(link), sleep=sleep)
    say(own, "before")
    own_postgres.stop()
    try:
        with pytest.raises(Interrupted):
            say(own, "never")
    finally:
        own_postgres.start()
    assert said(state) == "before"


def test_a_connection_lost_in_the_middle_leaves_no_trace_and_the_next_one_works(state, own_postgres):
    with pytest.raises(StateUnreachable), state.transaction() as tx:
        meta.put(tx, "said", "half")
        own_postgres.end_connections()
        meta.put(tx, "said", "whole")

    assert said(state) == ""
    say(state, "again")
    assert said(state) == "again"


def test_a_commit_that_never_arrived_is_no_commit(state, link):
    with pytest.raises(StateUnreachable), state.transaction() as tx:
        meta.put(tx, "said", "lost")
        link.cut_at(b"COMMIT", passes=False)

    assert link.has_cut
    assert said(state) == ""


def test_a_commit_whose_answer_was_lost_is_one_and_is_done_once(state, link):
    with state.transaction() as tx:
        meta.put(tx, "said", f"{meta.get(tx, 'said') or ''}once")
        link.cut_after(1, back=True)

    assert link.has_cut
    assert said(state) == "once"


@pytest.mark.parametrize("crash", [lambda server: server.restart("immediate"), lambda server: server.crash()])
def test_after_a_crash_no_number_proves_a_commit(state, opened, link, own_postgres, monkeypatch, crash):
    reconnected, other = state._reconnected, opened(own_postgres.url)

    def crashes_before(*rest):
        crash(own_postgres)
        say(other, "something")  # mostly under the number that was given out before, and forgotten
        return reconnected(*rest)

    monkeypatch.setattr(state, "_reconnected", crashes_before)
    for _ in range(4):
        with pytest.raises(StateUnreachable), state.transaction() as tx:
            meta.put(tx, "mine", "never arrives")
            link.cut_at(b"COMMIT", passes=False)

        assert link.has_cut
        with other.reading() as tx:
            assert meta.get(tx, "mine") is None


def test_this_machines_clock_is_never_read_after_the_databases(state, link):
    """A lease ends here no later than there, however long the answer was on its way."""
    link.slow_down(0.1)

    with state.transaction() as tx:
        apart = time.time() - SystemClock().boot()

        assert tx.machine_boot + apart <= tx.boot


def test_a_machine_that_was_cut_off_in_a_transaction_keeps_nobody_out_for_long(state, opened, link, own_postgres):
    # Ten seconds for others; here nobody wants to wait for them.
    own = opened(own_postgres.url)
    with pytest.raises(StateUnreachable), state.transaction() as tx:
        tx.run("SET LOCAL idle_in_transaction_session_timeout = '200ms'")
        meta.put(tx, "said", "stuck")
        link.stall()
        say(own, "gone on")
        link.mend()
        meta.put(tx, "said", "late")

    assert said(state) == "gone on"


def test_a_machine_that_is_cut_off_while_it_moves_a_state_is_found_gone_in_minutes(state):
    with state.transaction() as tx:
        tx.take_time()
        wait, again, times = (
            int(tx.one(f"SELECT current_setting('tcp_keepalives_{name}')")[0]) for name in ("idle", "interval", "count")
        )

    assert 0 < wait + again * times < 120


def test_a_server_that_ends_what_takes_long_breaks_nobody_off_it_is_busy(state, opened, own_postgres):
    say(state, "before")
    hurried = opened(f"{own_postgres.url}?options=-c%20statement_timeout%3D200ms")
    with state.transaction(), pytest.raises(StateBusy, match="statement_timeout lets postgres wait"):
        say(hurried, "never")

    say(hurried, "after")
    assert said(state) == "before after"


def test_a_server_that_only_reads_for_a_while_is_read_and_written_again_later(state, own_postgres):
    say(state, "before")
    with own_postgres.read_only():
        with pytest.raises(StateUnreachable, match="can only be read"):
            say(state, "never")
        assert said(state) == "before"

    say(state, "after")

    assert said(state) == "before after"


def test_a_disk_that_is_full_loses_nothing_and_is_written_again_when_there_is_room(opened, own_postgres):
    with own_postgres.database_on_small_disk() as (url, disk):
        state = opened(url)
        state.create()
        say(state, "before")
        fill(disk)
        with pytest.raises(DiskFull), state.transaction() as tx:
            for number in range(1000):
                meta.put(tx, f"ballast {number}", "0" * 8000)
        (disk / "ballast").unlink()

        say(state, "after")

        assert said(state) == "before after"
        state.close()


def test_a_nul_that_a_service_answers_with_breaks_nothing(state):
    say(state, "a\0b")
    with state.transaction() as tx:
        tx.many("UPDATE meta SET value = :value || value WHERE key = 'said'", [{"value": "\0"}])

    assert said(state) == "\N{REPLACEMENT CHARACTER}a\N{REPLACEMENT CHARACTER}b"


def test_an_upgrade_waits_for_who_reads_and_lets_everybody_else_by(opened, own_postgres, schema):
    """A backup may read for minutes; meanwhile others renew their leases on the state as it is."""
    with own_postgres.connected() as reader, own_postgres.connected() as other:
        reader.execute(f"CREATE SCHEMA {schema}")
        for connection in (reader, other):
            connection.execute(f"SET search_path = {schema}")
        for step in db.migrations()[:24]:
            reader.execute(for_postgres(step))
        reader.execute("INSERT INTO meta (key, value) VALUES ('schema', '24'), ('min_reader', '1')")
        reader.execute("BEGIN; SELECT count(*) FROM jobs")
        upgrades = threading.Thread(target=say, args=(opened(own_postgres.url), "as it is now"))
        upgrades.start()
        until = time.monotonic() + 30
        while not own_postgres.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"):
            assert time.monotonic() < until

        other.execute("SET statement_timeout = '8s'; SELECT count(*) FROM jobs")

        assert upgrades.is_alive()
        reader.execute("COMMIT")
        upgrades.join(30)

    assert said(opened(own_postgres.url)) == "as it is now"


def test_a_connection_that_is_lost_is_lost_also_where_it_was_encrypted(opened, schema, tmp_path):
    """And no refusal: whoever is refused gives up, and whoever has lost the state waits for it."""
    _, certificate = certificates(tmp_path)
    with running(certificate=certificate) as server, Link(server.port) as link:
        state = opened(f"{through(link)}?sslmode=require", schema=schema)
        state.create()
        say(state, "before")
        for trouble in (
            link.cut,
            lambda: server.restart("immediate"),
            lambda: os.kill(backend(server), signal.SIGKILL),
        ):
            with pytest.raises(StateUnreachable), state.transaction() as tx:
                meta.put(tx, "said", "half")
                trouble()
                meta.put(tx, "said", "whole")

        link.refuse()
        state.wait_at_most(0.5)
        with pytest.raises(StateUnreachable), state.reading():
            pass
        link.mend()
        assert said(state) == "before"
        state.close()


def backend(server):
    """The process of the server that has another's transaction open."""
    [[pid]] = server.sql("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'")
    return pid


class Old(socketserver.StreamRequestHandler):
    """A server of another time, as far as it says hello."""

    def handle(self):
        def hear():
            length, code = struct.unpack("!ii", self.rfile.read(8))
            self.rfile.read(length - 8)
            return code

        def say(kind, content):
            self.wfile.write(kind + struct.pack("!i", 4 + len(content)) + content)

        while hear() >> 16 == 1234:  # asks for encryption
            self.wfile.write(b"N")
        say(b"R", struct.pack("!i", 0))
        for name, value in (
            (b"server_version", b"12.22"),
            (b"server_encoding", b"UTF8"),
            (b"client_encoding", b"UTF8"),
        ):
            say(b"S", name + b"\0" + value + b"\0")
        say(b"Z", b"I")
        self.rfile.read()


def test_a_server_that_is_too_old_is_refused_before_it_is_asked_anything(opened):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(StateUnusable, match=r"is PostgreSQL 12, and ytpool needs 13 or newer"):
            opened(f"postgresql://postgres@127.0.0.1:{server.server_address[1]}/postgres").create()
        server.shutdown()


def test_whatever_isolation_the_server_is_set_to_who_waited_sees_what_was_done_before_him(opened, own_postgres, state):
    say(state, "before")
    strict = opened(f"{own_postgres.url}?options=-c%20default_transaction_isolation%3Dserializable")
    assert said(strict) == "before"
    waits = threading.Thread(target=say, args=(strict, "then"))
    with state.transaction() as tx:
        waits.start()
        until = time.monotonic() + 30
        while not own_postgres.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"):
            assert time.monotonic() < until
        meta.put(tx, "said", "before first")
    waits.join(30)

    assert said(state) == "before first then"


@pytest.mark.parametrize(("set_to", "is_then"), [("off", "on"), ("remote_write", "remote_write")])
def test_what_is_committed_is_on_the_disk_even_where_the_server_is_set_to_hurry(
    opened, own_postgres, state, set_to, is_then
):
    say(state, "before")
    hurried = opened(f"{own_postgres.url}?options=-c%20synchronous_commit%3D{set_to}")

    with hurried.transaction() as tx:
        assert tx.one("SELECT current_setting('synchronous_commit')")[0] == is_then


def test_every_letter_is_kept_whatever_the_surroundings_prefer_and_a_database_that_cannot_is_refused(
    opened, own_postgres, monkeypatch, state
):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    say(opened(own_postgres.url), "čaj 📺")
    assert said(state) == "čaj 📺"

    own_postgres.sql("CREATE DATABASE western ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        western = opened(own_postgres.url.removesuffix("postgres") + "western")
        with pytest.raises(StateUnusable, match="keeps its texts in LATIN1"):
            western.create()
        western.close()
    finally:
        own_postgres.sql("DROP DATABASE western")


def heard(listener):
    """Listen until something is heard."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if (found := listener.heard()).rung or found.calls:
            return found
        time.sleep(0.01)
    raise AssertionError("nothing was heard")


def test_what_rings_is_heard_when_it_is_committed_and_not_before(state):
    with state.listener() as listener:
        with pytest.raises(ValueError, match="no"), state.transaction() as tx:
            tx.ring()
            raise ValueError("no")
        with state.imagining() as tx:
            tx.ring()
        with state.transaction() as tx:
            tx.ring()
            tx.ring()
            time.sleep(0.1)
            assert not listener.heard().rung

        assert heard(listener).rung
        assert not listener.heard().rung


def test_what_rings_in_another_schema_is_another_states(state, opened, own_postgres):
    with own_postgres.schema() as name, state.listener() as listener:
        elsewhere = opened(own_postgres.url, schema=name)
        elsewhere.create()
        with elsewhere.transaction() as tx:
            tx.ring()
        listener.call("the last word")

        assert heard(listener).rung is False
        elsewhere.close()


def test_a_listener_whose_connection_is_ended_says_so_and_listens_again_when_it_is_asked_to(state, own_postgres):
    listener = state.listener()
    with pytest.raises(StateUnreachable), listener:
        own_postgres.end_connections()
        heard(listener)

    with listener:
        listener.call("anybody?")
        assert heard(listener).calls == {"anybody?"}


def test_behind_a_pooler_by_transaction_the_books_are_kept_and_nothing_is_heard(state, opened, own_postgres):
    with pooled(own_postgres) as pool:
        behind = opened(pool.url)
        say(behind, "through the pool")
        with behind.listener() as listener:
            listener.call("anybody?")
            time.sleep(0.3)

            assert listener.heard().calls == set()
        with state.transaction() as tx:
            tx.ring()
        say(behind, "and on")
        behind.close()

    assert said(state) == "through the pool and on"


def test_who_is_stopped_while_another_has_the_state_leaves_a_connection_that_works(state, opened, own_postgres):
    other = opened(own_postgres.url)

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with other.transaction():
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                say(state, "never")
    finally:
        signal.signal(signal.SIGALRM, before)

    say(state, "what was begun is put right")  # as whoever cleans up on the way out does
    assert said(state) == "what was begun is put right"


def test_all_that_was_committed_before_the_moment_of_a_copy_is_in_it(state, opened, own_postgres, tmp_path):
    """Whoever restores it looks back as far as that moment, and no further."""
    copied, clock = opened(own_postgres.url), SystemClock()

    def now():
        say(state, "just in time")
        return clock.now()

    copied._now = now
    path = tmp_path / "copy.db"
    path.touch(0o600)
    copied.copy_to(path, lambda: None)

    copy = SqliteDatabase(path, clock, clock.now)
    assert said(copy).startswith("just in time")
    copy.close()
