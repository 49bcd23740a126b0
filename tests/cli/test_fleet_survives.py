"""Three machines whose clocks disagree work on one PostgreSQL; workers are killed, cables are cut, the database is
restarted, and every job's effect is there once, or said to be unknown.

What happens comes from one seed; `YTPOOL_CHAOS_SEED` plays it again, as far as two runs are alike.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from agreement import assert_all_agrees, assert_each_was_said_once
from machines import machines
from newsroom import say_later
from steps import LEASE, steps_of

SEED = int(os.environ.get("YTPOOL_CHAOS_SEED", "1"))
SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
JOBS = 30 if SCALE <= 0.1 else int(1000 * SCALE)
NAMES = ("studio-1", "studio-2", "studio-3")
WORKERS = 4
"""On each machine."""
SLOTS = 3
KINDS_OF_WORKERS = (("--once",), (), (), (), ("--parallel", "2"))
UNDER_WAY = "kind = 'comment' AND state NOT IN ('done', 'finished_unknown')"


class Fleet:
    """The machines with their workers, replaced as they end; what becomes of them is drawn from a seed."""

    def __init__(self, studios, postgres, steps, environs):
        self.rng = random.Random(SEED)
        self.studios = studios
        self.postgres = postgres
        self.steps = steps
        self.environs = environs
        self.working = {studio: [] for studio in studios}
        self.cut = {}
        self.fates = Counter()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for crew in self.working.values():
            for one in crew:
                one.kill()
                one.communicate()

    def go_on(self):
        """Let the dead be replaced, and mend the cables whose time has come."""
        for studio, crew in self.working.items():
            for one in [one for one in crew if one.poll() is not None]:
                crew.remove(one)
                self._ended(studio, one)
            for one in crew:
                self.steps.lives(one.who)
            while len(crew) < WORKERS:
                one = studio.start("work", "--quiet", *self.rng.choice(KINDS_OF_WORKERS), env=self.environs[studio])
                one.who = (studio.name, one.pid_there)
                crew.append(one)
        for link, until in [*self.cut.items()]:
            if time.monotonic() > until:
                link.mend()
                del self.cut[link]

    def strikes(self):
        """Return what will happen, the last first; the database is restarted while there is much to do."""
        strikes = [self.kill] * max(6, JOBS // 20)
        for more in (self.stall, self.refuse, self.reset):
            strikes += [more] * max(2, JOBS // 100)
        self.rng.shuffle(strikes)
        for third in (1, 2):
            strikes.insert(len(strikes) * third // 3 + third, self.restart)
        return strikes

    def kill(self):
        """Kill somebody, rather somebody who is at work."""
        everybody = [one for crew in self.working.values() for one in crew]
        at_work = [one for one in everybody if self.steps.at_work(one.who)]
        one = self.rng.choice(at_work or everybody)
        self.fates[f"killed {'at work' if one in at_work else 'idle'}"] += 1
        self.steps.kills(one.who)
        one.kill()

    def stall(self):
        """Let a machine reach the database, or YouTube, no more, without hearing so."""
        self._cut(lambda link: link.stall(), "stalled", self.rng.choice([1.0, LEASE + 1] if SCALE > 0.1 else [1.0]))

    def refuse(self):
        self._cut(lambda link: link.refuse(), "refused", 1.0)

    def reset(self):
        self._cut(lambda link: link.cut(), "reset", 0.0)

    def restart(self):
        mode = "immediate" if self.fates["database restarted"] else "fast"
        self.postgres.restart(mode)
        self.fates["database restarted"] += 1

    def dismiss(self):
        """Mend everything and ask everybody to stop."""
        for link in self.cut:
            link.mend()
        self.cut.clear()
        for studio, crew in self.working.items():
            for one in crew:
                one.send_signal(signal.SIGTERM)
            while crew:
                self._ended(studio, crew.pop())

    def _cut(self, how, word, seconds):
        studio = self.rng.choice(self.studios)
        to = self.rng.choice([*studio.links])
        how(studio.links[to])
        self.cut[studio.links[to]] = time.monotonic() + seconds
        self.fates[f"{word} to {'the database' if to == self.postgres.port else 'YouTube'}"] += 1

    def _ended(self, studio, one):
        _, err = one.communicate(timeout=120)
        assert "Traceback" not in err, (studio.name, err)
        assert "this is a bug" not in err, (studio.name, err)
        killed = one.who in self.steps.killed_at
        self.steps.ends(one.who, one.returncode)
        asked_too_early = one.returncode == -signal.SIGTERM  # it had hardly been started
        assert killed or asked_too_early or one.returncode in (0, 1, 3, 6, 7, 130), (one.returncode, err)
        self.fates["killed" if killed else f"ended with {one.returncode}"] += 1


@pytest.fixture
def home(home, own_postgres, schema, monkeypatch):
    """The same place, whose state lies where three machines reach it."""
    monkeypatch.setenv("YTPOOL_STATE", own_postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    return home


def test_whatever_is_killed_cut_or_restarted_every_job_is_done_once_or_said_to_be_unknown(
    ytpool, sandbox, home, own_postgres, schema, talk, tmp_path
):
    texts = say_later(ytpool, talk, JOBS)
    state = f"{own_postgres.url}#{schema}"
    steps = steps_of(state, slots=SLOTS, turns=2 * WORKERS * len(NAMES))
    [key] = home.rglob("vault.key")
    youtube = urlsplit(sandbox.server.url).port
    print(f"YTPOOL_CHAOS_SEED={SEED}")

    with machines(*NAMES, reach=[own_postgres.port, youtube]) as studios:
        studios[1].wrong_by, studios[2].wrong_by = timedelta(minutes=-10), timedelta(minutes=10)
        environs = {
            studio: {
                **os.environ,
                "YTPOOL_HOME": str(tmp_path / studio.name),
                "YTPOOL_VAULT_KEY_FILE": str(key),
            }
            for studio in studios
        }
        with Fleet(studios, own_postgres, steps, environs) as fleet:
            strikes = fleet.strikes()
            count = len(strikes)
            began = time.monotonic()
            while unfinished := left(own_postgres, schema):
                fleet.go_on()
                steps.require()
                assert over_limits(own_postgres, schema) == []
                while strikes and unfinished * (count + 1) < JOBS * (len(strikes) + 1):
                    strikes.pop()()
                sandbox.control.clock(forward=timedelta(seconds=5))  # what was put off is looked at before long
                time.sleep(0.1)
            print(f"{JOBS} jobs in {time.monotonic() - began:.0f} s")
            fleet.dismiss()
    steps.require()
    steps.remove()
    print(fleet.fates)

    assert fleet.fates["database restarted"] == 2
    assert {who[0] for who in steps.killed_at} <= {*NAMES}
    assert_each_was_said_once(ytpool, state, texts, sandbox.truth(), unknown_at_most=count)
    # Nobody here sees whether a process of another machine lives: what it held is free when its lease ends.
    until = time.monotonic() + LEASE + 5
    while (told := json.loads(ytpool("queue", "status", "--json")[1])["data"])["totalRunning"]:
        assert time.monotonic() < until, told
        time.sleep(0.2)
    assert told["totalQueued"] == 0
    # Nobody is at work any more: let the time be over in which an answer may come that somebody waited for.
    own_postgres.sql(f"UPDATE {schema}.ledger SET expires = 0 WHERE state IN ('held', 'sent')")
    assert ytpool("work", "--once")[0] == 0
    assert_all_agrees(state, sandbox.truth())
    assert ytpool("state", "check")[0] == 0


def left(postgres, schema):
    """Count the comments that are not posted yet."""
    try:
        [(count,)] = postgres.sql(f"SELECT count(*) FROM {schema}.jobs WHERE {UNDER_WAY}")
    except psycopg.OperationalError:
        return JOBS
    return count


def over_limits(postgres, schema):
    return postgres.sql(
        f"""
        SELECT scope, name, bucket, day FROM {schema}.meters
         WHERE spent + held + sent + unknown + elsewhere > ceiling + overrun
        """
    )
