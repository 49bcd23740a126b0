"""What the state itself writes down while many work on it: every taking, renewing and giving back of a place, every
sending, as each was committed, whoever did it. Nothing happens between two looks.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

from postgres import Postgres

LEASE = 10.0
PRECISION = 0.002
"""Seconds: SQLite's clock counts milliseconds."""
COLUMNS = "kind, name, place, fence, holder, host, pid, expires"


@dataclass(frozen=True)
class Held:
    """A place that was taken, as the state has it."""

    fence: int
    holder: str
    who: tuple[str, int]
    """The machine, and the process there."""
    expires: float
    written_at: float
    """By the clock on the wall."""


def steps_of(state, **most):
    """Let a state write down its steps from now on; each account has so many `slots`, and so many take `turns`."""
    return StepsOfSchema(state, **most) if str(state).startswith("postgresql:") else StepsOfFile(state, **most)


class Steps:
    """The steps so far, and what must be true of each."""

    def __init__(self, *, slots, turns):
        self.most = {"slot": slots, "job": 1, "turn": turns}
        self.killed_at = {}
        self.ended = {}
        self.doubted = {}
        self.held = {}
        self.sent = {}
        self.looked = 0

    def require(self):
        """Look at what happened since: nobody takes what another has, sends without a place, or sends twice."""
        for step, kind, name, place, fence, holder, host, pid, expires, at, sent_at in self.rows_after(self.looked):
            self.looked = step
            if kind == "sent":
                self._sends(name, sent_at)
            elif kind in self.most:
                self._holds((kind, name, place), Held(fence, holder, (host, pid), expires, at))

    def kills(self, who):
        """Say that this process is killed now."""
        self.killed_at[who] = time.time()

    def lives(self, who):
        """Say that this process is seen alive now: what others took from it was not theirs."""
        too_early = [one for one in self.doubted.get(who, ()) if one[-1].written_at < time.time() - 1]
        assert not too_early, (who, too_early)

    def ends(self, who, status):
        """Say that this process has ended; it may have failed to give back what it held, which no other status says."""
        self.ended[who] = status
        assert status != 0 or who not in self.doubted, self.doubted[who]
        self.doubted.pop(who, None)

    def at_work(self, who):
        """Tell whether a process has a job."""
        return any(key[0] == "job" and held.who == who and held.expires for key, held in self.held.items())

    def remove(self):
        """Let the state write down no more; nobody may be left who had something taken away and did not end."""
        assert not self.doubted, self.doubted

    def _holds(self, key, now):
        kind, _, place = key
        before = self.held.get(key)
        self.held[key] = now
        assert place < self.most[kind], key
        if before is None:
            return
        if now.fence == before.fence:
            assert (now.holder, now.who) == (before.holder, before.who), (key, before, now)
            return
        assert now.fence == before.fence + 1, (key, before, now)
        over = before.expires <= now.expires - LEASE  # given back, or not renewed in time
        dead = self.killed_at.get(before.who, now.written_at + 1) <= now.written_at + PRECISION
        if not over and not dead and self.ended.get(before.who, 0) == 0:
            self.doubted.setdefault(before.who, []).append((key, before, now))

    def _sends(self, job, sent_at):
        if sent_at is not None:
            assert self.sent.get(job) is None, job  # what may be there is never said again
            assert any(key[0] == "slot" and held.holder == job and held.expires for key, held in self.held.items()), job
        self.sent[job] = sent_at


class StepsOfFile(Steps):
    """Of a state that is a file."""

    def __init__(self, path, **most):
        super().__init__(**most)
        self._path = path
        values = ", ".join(f"new.{column}" for column in COLUMNS.split(", "))
        now = "(julianday('now') - julianday('1970-01-01')) * 86400"
        with closing(sqlite3.connect(path)) as books:
            books.executescript(
                f"""
                CREATE TABLE steps (step INTEGER PRIMARY KEY, {COLUMNS}, at, sent_at);
                CREATE TRIGGER step_taken AFTER INSERT ON leases BEGIN
                    INSERT INTO steps ({COLUMNS}, at) VALUES ({values}, {now});
                END;
                CREATE TRIGGER step_changed AFTER UPDATE ON leases BEGIN
                    INSERT INTO steps ({COLUMNS}, at) VALUES ({values}, {now});
                END;
                CREATE TRIGGER step_sent AFTER UPDATE ON comments WHEN new.sent_at IS NOT old.sent_at BEGIN
                    INSERT INTO steps (kind, name, sent_at) VALUES ('sent', new.job, new.sent_at);
                END;
                """
            )

    def rows_after(self, step):
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as books:
            return books.execute("SELECT * FROM steps WHERE step > ? ORDER BY step", (step,)).fetchall()

    def remove(self):
        super().remove()
        with closing(sqlite3.connect(self._path)) as books:
            books.executescript("DROP TRIGGER step_taken; DROP TRIGGER step_changed; DROP TRIGGER step_sent;")
            books.executescript("DROP TABLE steps")


class StepsOfSchema(Steps):
    """Of a state in PostgreSQL; they are numbered in the order of their commits because one writes at a time."""

    def __init__(self, place, **most):
        super().__init__(**most)
        url, _, schema = place.partition("#")
        server = Postgres(url)
        self._server = server
        self._schema = schema
        values = ", ".join(f"new.{column}" for column in COLUMNS.split(", "))
        server.sql(
            f"""
            SET search_path = {schema};
            CREATE TABLE steps (
                step BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind TEXT, name TEXT, place BIGINT, fence BIGINT,
                holder TEXT, host TEXT, pid BIGINT, expires DOUBLE PRECISION, at DOUBLE PRECISION, sent_at TEXT
            );
            CREATE FUNCTION step_of_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO steps ({COLUMNS}, at) VALUES ({values}, extract(epoch FROM clock_timestamp()));
                RETURN NULL;
            END $$;
            CREATE FUNCTION step_of_comment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO steps (kind, name, sent_at) VALUES ('sent', new.job, new.sent_at);
                RETURN NULL;
            END $$;
            CREATE TRIGGER step_of_lease AFTER INSERT OR UPDATE ON leases
                FOR EACH ROW EXECUTE FUNCTION step_of_lease();
            CREATE TRIGGER step_sent AFTER UPDATE ON comments FOR EACH ROW
                WHEN (new.sent_at IS DISTINCT FROM old.sent_at) EXECUTE FUNCTION step_of_comment();
            """
        )

    def rows_after(self, step):
        return self._server.sql(f"SELECT * FROM {self._schema}.steps WHERE step > %s ORDER BY step", step)

    def remove(self):
        super().remove()
        self._server.sql(
            f"""
            SET search_path = {self._schema};
            DROP TABLE steps;
            DROP FUNCTION step_of_lease, step_of_comment CASCADE;
            """
        )
