"""`ytpool rehearse`: disasters on a copy, judged by what really happened; the real state and Google never notice.

Planted defects show that it is worth something: each of them is a copy of the program in which one promise is broken.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from datetime import timedelta

import pexpect
import pytest
from newsroom import ROOT, start
from real_parts import miss
from schemas import fits

from ytpool import config
from ytpool.actions.rehearsal import playing, rehearsing, stage, standing
from ytpool.actions.rehearsal.judging import Ended, Run
from ytpool.actions.rehearsal.rehearsing import Rehearsed
from ytpool.clock import SystemClock
from ytpool.runtime import Runtime

FEW = 12


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def pool(sandbox, ytpool, make_video):
    """Two accounts and one in reserve, and a dozen uploads that wait for their pool."""
    secrets = sandbox.secrets_file()
    words = ("--client-secrets", secrets, "--token", sandbox.token_file("spare"), "--pool", "main")
    assert ytpool("auth", "import", "spare", *words, "--tier", "reserve")[0] == 0
    videos = [make_video(f"film-{number:02}.mp4", 40_000 + number) for number in range(FEW)]
    assert ytpool("upload", *videos, "--pool", "main", "--queue")[0] == 0
    return sandbox


@pytest.fixture
def rehearse(ytpool):
    """Rehearse, and return status and verdict."""

    def run(*words):
        status, out, err = ytpool("rehearse", *words, "--json")
        assert out, err
        return status, json.loads(out.splitlines()[-1])

    return run


def rows(state):
    """Every row of a state, as one digest."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as books:
        for line in books.iterdump():
            digest.update(line.encode())
    return digest.hexdigest()


def left_behind(home):
    return [path.name for path in (home / "default" / "cache" / "rehearsals").glob("rehearsal-*")]


def test_a_suspended_account_is_left_alone_and_the_real_state_and_google_notice_nothing(pool, rehearse, home, ytpool):
    assert ytpool("accounts", "disable", "news")[0] == 0  # whom no work is given, no disaster is aimed at
    state = home / "default" / "state.db"
    before = (rows(state), state.read_bytes(), pool.truth()["calls"])

    status, told = rehearse("suspended", "lost-answers", "--seed", "1")
    data = fits("rehearse", json.dumps(told))

    assert (rows(state), state.read_bytes(), pool.truth()["calls"]) == before
    assert left_behind(home) == []
    assert status == 0
    assert data["source"] == f"{FEW} uploads of the queue"
    assert [
        (one["scenario"], one["ended"], one["lost"], one["duplicates"], one["oversold"]) for one in data["runs"]
    ] == [
        ("suspended", "passed", 0, 0, 0),
        ("lost-answers", "passed", 0, 0, 0),
    ]
    assert data["undisturbed"]["kept"] == FEW
    suspended = data["runs"][0]
    assert suspended["kept"] + suspended["late"] + suspended["for_a_person"] == FEW
    assert suspended["struck"][0]["told"] == "suspended: sports"
    assert "account sports" in [one["name"] for one in suspended["todo"]]
    assert all(row["agree"] for run in data["runs"] for row in run["books"])


def test_a_channel_that_takes_little_brings_in_the_reserve_and_the_rest_comes_the_day_after(pool, rehearse):  # noqa: ARG001 - it waits
    status, told = rehearse("channel-cap", "--at-least", "15")
    run = told["data"]["runs"][0]

    assert (status, run["ended"], run["kept"], run["late"], run["lost"]) == (0, "passed", 12, 3, 0)
    assert [one["account"] for one in run["reserves"]] == ["spare"]
    assert 23 * 3600 < run["recovers_after"] < 26 * 3600
    assert run["units"]["uploads"] >= told["data"]["undisturbed"]["units"]["uploads"]


@pytest.mark.nightly
def test_an_hour_of_trouble_delays_everything_by_an_hour_and_loses_nothing(pool, rehearse):  # noqa: ARG001 - it waits
    status, told = rehearse("outage")
    run = told["data"]["runs"][0]

    assert (status, run["ended"], run["kept"] + run["late"], run["duplicates"]) == (0, "passed", FEW, 0)
    assert run["late"]
    assert 3000 < run["latest_by"] < 3 * 3600


@pytest.mark.nightly
def test_whoever_is_killed_or_finds_no_key_leaves_nothing_half_done(pool, rehearse):  # noqa: ARG001 - it waits
    status, told = rehearse("killed-workers", "no-key")

    assert status == 0
    for run in told["data"]["runs"]:
        assert (run["ended"], run["kept"] + run["late"], run["duplicates"]) == ("passed", FEW, 0), run
    assert "out of reach" in told["data"]["runs"][1]["stopped"][0]


def test_a_manifest_is_rehearsed_as_it_would_be_planned(sandbox, rehearse, make_video, tmp_path, home):
    with (home / "default" / "config.toml").open("a") as settings:
        settings.write('[[plan.blocks]]\nname = "late"\nfrom = "22:00"\nto = "24:00"\nvideos = 2\n')
    manifest = tmp_path / "autumn.csv"
    names = [make_video(f"{number}.mp4", 30_000).name for number in range(3)]
    manifest.write_text("\n".join(["file,title", *(f"{name},Talk {name}" for name in names)]))
    page = tmp_path / "verdict.html"
    status, told = rehearse("lost-answers", "--manifest", manifest, "--pool", "main", "--html", page)

    assert status == 0, told
    assert told["data"]["source"] == "3 of the manifest"
    films = told["data"]["undisturbed"]["films"]
    assert {film["file"] for film in films} == set(names)
    arrived = sorted(film["arrived_at"] for film in films)
    assert {moment[11:13] for moment in arrived} <= {"22", "23"}
    assert arrived[1][:10] < arrived[2][:10]  # the block of a day takes two
    written = page.read_text(encoding="utf-8")
    assert "<script" not in written
    assert "Every tenth final answer is lost" in written
    assert told["data"]["runs"][0]["ended"] == "not_met"  # three have no tenth
    assert sandbox.truth()["videos"] == []


def in_the_morning(ytpool):
    """What the morning checklist says of the last rehearsal, and what it says is to be done."""
    told = json.loads(ytpool("health", "--daily", "--json")[1])["data"]
    return [
        *(one["told"] for one in told["happened"] if one["what"] == "last rehearsal"),
        *(f"{one['what']}: {one['command']}" for one in told["todo"] if "rehearsal" in one["what"]),
    ]


def test_the_next_in_turn_is_remembered_and_told_in_the_morning(pool, ytpool, home):  # noqa: ARG001 - it waits
    state = home / "default" / "state.db"
    assert "last rehearsal" not in ytpool("health", "--daily")[1]

    status, out, _ = ytpool("rehearse", "--weekly", "--videos", "3", "--json")  # however they fall, no channel has four
    first = json.loads(out.splitlines()[-1])["data"]
    assert (status, first["runs"][0]["ended"], first["left_over"]) == (8, "not_met", 9)
    morning = json.loads(ytpool("health", "--daily", "--json")[1])["data"]
    [todo] = [one for one in morning["todo"] if "rehearsal" in one["what"]]
    assert todo["what"].startswith("the last rehearsal proved nothing: 3 of 3 videos arrived")
    with closing(sqlite3.connect(state)) as books:
        [(stored,)] = books.execute("SELECT value FROM meta WHERE key = 'rehearsed'").fetchall()
        books.execute(
            "UPDATE meta SET value = ? WHERE key = 'rehearsed'",
            (json.dumps({**json.loads(stored), "scenario": "suspended", "ended": "failed", "told": "1 lost"}),),
        )
        books.commit()
    morning = json.loads(ytpool("health", "--daily", "--json")[1])["data"]
    again = ytpool("rehearse", "--weekly", "--videos", "6", "--dry-run")[1]

    assert first["runs"][0]["scenario"] == "channel-cap"
    [event] = [one for one in morning["happened"] if one["what"] == "last rehearsal"]
    assert event["told"].startswith("suspended at ")
    assert event["told"].endswith("failed, 1 lost")
    [todo] = [one for one in morning["todo"] if one["what"] == "the last rehearsal failed: 1 lost"]
    assert (todo["urgency"], todo["command"]) == ("today", "ytpool rehearse suspended --seed 1")
    assert "would rehearse channel-cap:" in again  # the one after the last begins anew
    with closing(sqlite3.connect(state)) as books:
        books.execute("UPDATE meta SET value = replace(value, 'suspended', 'full-disk') WHERE key = 'rehearsed'")
        books.commit()
    # Of a hundred uploads a day the half has to be passed.
    assert "would rehearse half-bucket: 12 uploads of the queue, 0 of a manifest and 43 that are made up" in " ".join(
        ytpool("rehearse", "--weekly", "--dry-run")[1].split()
    )
    assert ytpool("rehearse", "--weekly", "outage")[0] == 2


def test_what_cannot_be_is_refused_before_anything_is_copied(pool, ytpool, tmp_path, home):  # noqa: ARG001 - it waits
    def scenario(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    for text, sentence in (
        ("[[disaster]]\nwhat = 'fire'", "there is no disaster 'fire'"),
        ("[[disaster]]\nwhat = 'suspend'\naccounts = ['nwes']", "there is no account named 'nwes'"),
        ("[[disaster]]\nwhat = 'limit'\nbucket = 'upload'\nshare = 0.5", "there is no bucket 'upload'"),
        ("[[disaster]]\nwhat = 'revoke'\nat = '3d'", "let it go on for longer: --days N"),
    ):
        status, _, err = ytpool("rehearse", scenario(text))
        assert (status, sentence in err) == (2, True), err
    for words in (("outag",), ("nowhere.toml",), ("outage", "outage"), ("show",), ("list", "x"), ("--pool", "main")):
        assert ytpool("rehearse", *words)[0] == 2, words
    os.mkfifo(tmp_path / "pipe.toml")
    status, _, err = ytpool("rehearse", tmp_path / "pipe.toml")
    assert (status, "is a pipe, not a file" in err) == (2, True), err
    assert not (home / "default" / "cache" / "rehearsals").exists()

    bad = scenario("[[disaster]]\nwhat = 'answer'\nerror = 'sulking'\nfor = '1h'")
    for words in ((), ("--dry-run",)):
        status, _, err = ytpool("rehearse", bad, *words)
        assert (status, "there is no error named 'sulking'" in err, "undisturbed" in err) == (2, True, False)
    assert left_behind(home) == []
    assert ytpool("rehearse", "outage", "--at-least", "7", "--videos", "6")[0] == 2


def test_a_file_that_is_gone_is_missed_and_a_page_that_cannot_be_written_takes_no_verdict_along(
    pool, rehearse, tmp_path
):
    (tmp_path / "film-00.mp4").unlink()

    status, told = rehearse("lost-answers", "--html", "/proc/verdict.html")

    assert (status, told["error"]["code"]) == (2, "file_invalid")
    data = told["data"]
    assert (data["not_there"], data["undisturbed"]["kept"], data["undisturbed"]["for_a_person"]) == (1, FEW - 1, 1)
    [todo] = data["undisturbed"]["todo"]
    assert "film-00.mp4" in todo["what"]
    assert data["runs"][0]["ended"] == "passed"
    assert pool.truth()["videos"] == []


def test_a_state_on_postgresql_is_rehearsed_from_a_copy_and_remembers_no_more_than_the_result(
    home, postgres, schema, monkeypatch, request
):
    monkeypatch.setenv("YTPOOL_STATE", postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    pool, rehearse = map(request.getfixturevalue, ("pool", "rehearse"))

    def rows_by_table():
        names = [name for (name,) in postgres.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")]
        digest = "SELECT md5(string_agg(one::text, ',' ORDER BY one::text)) FROM"
        return {name: postgres.sql(f'{digest} "{schema}"."{name}" one') for name in names}

    before = rows_by_table()
    status, told = rehearse("--weekly", "--videos", "3")
    after = rows_by_table()

    assert (status, told["data"]["undisturbed"]["kept"], told["data"]["left_over"]) == (8, 3, FEW - 3), told
    assert [name for name in after if after[name] != before[name]] == ["meta"]
    assert pool.truth()["videos"] == []
    assert left_behind(home) == []


def test_what_is_broken_without_any_disaster_is_remembered_as_broken(ytpool):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    run = Run(**{each.name: () for each in fields(Run)} | {"scenario": "outage", "ended": Ended.PASSED})
    fine = replace(run, kept=3, late=0, videos=3)
    broken = replace(fine, scenario="undisturbed", ended=Ended.FAILED, complaints=("1 lost",))
    done = Rehearsed(**{each.name: 1 for each in fields(Rehearsed)} | {"at": SystemClock().now(), "runs": (fine,)})

    with closing(Runtime(config.load(profile=None, environ=os.environ))) as rt:
        rehearsing.remember(rt, replace(done, undisturbed=broken))
        with rt.store.reading() as tx:
            last = standing.last(tx)

    assert (last.scenario, last.ended, last.told) == ("outage", "failed", "1 lost")


def test_a_state_that_is_too_large_for_the_disk_is_not_copied(pool, ytpool, home, small_disk):  # noqa: ARG001 - it waits
    cache = home / "default" / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.symlink_to(small_disk)

    status, _, err = ytpool("rehearse", "suspended")

    assert (status, "2.1 MB left" in err) == (6, True), err
    assert list(small_disk.iterdir()) == []


def test_a_state_that_nobody_is_logged_in_to_has_nothing_to_rehearse(empty_sandbox, ytpool):  # noqa: ARG001
    status, _, err = ytpool("rehearse", "suspended")

    assert (status, "ytpool demo" in err) == (6, True)


def test_whatever_ends_it_leaves_nothing_and_what_a_kill_leaves_goes_with_the_next_which_needs_no_network(
    pool,  # noqa: ARG001 - it waits
    home,
    ytpool,
):
    def begin(*words):
        process = start("rehearse", *words, "--json", env=os.environ)
        while not (home / "default" / "cache" / "rehearsals").is_dir() or not left_behind(home):
            assert process.poll() is None
            time.sleep(0.02)
        return process

    screen = on_a_terminal("rehearse", "lost-answers", "outage", "--videos", "3")
    screen.expect("lost-answers: not met")
    [kept] = (home / "default" / "cache" / "rehearsals").glob("rehearsal-*")
    assert len([*kept.glob("run-*")]) <= 1  # else a dozen copies of a large state lie there at last
    screen.sendcontrol("c")
    screen.sendcontrol("c")
    screen.expect(pexpect.EOF)
    screen.close()
    assert (screen.exitstatus, screen.before.count("interrupted"), left_behind(home)) == (130, 1, [])
    assert "\x1b[?" not in screen.before  # no other screen, and the cursor is where it was

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup pytest` would hand down that it is ignored
    process = begin("outage")
    signal.signal(signal.SIGHUP, before)
    time.sleep(0.5)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert (process.returncode, left_behind(home)) == (130, [])

    process = begin("--weekly")
    while not [*(home / "default" / "cache" / "rehearsals").glob("rehearsal-*/run-*/sandbox/state.db")]:
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=30)
    assert len(left_behind(home)) == 1
    assert "did not run: it was begun, and has not come to its end" in in_the_morning(ytpool)[0]
    assert_no_secret_left_the_vault(home)

    assert alone_on_its_network("rehearse", "cut-line", "--videos", "4")["data"]["undisturbed"]["kept"] == 4
    assert left_behind(home) == []


def on_a_terminal(*words):
    """Run a command where a person sits in front of it."""
    return pexpect.spawn(
        sys.executable,
        ["-P", "-m", "ytpool", *words],
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=60,
    )


def assert_no_secret_left_the_vault(home):
    """What was sealed is nowhere in a copy, not even where rows were deleted; nor is the key that opens it."""
    with closing(sqlite3.connect(f"file:{home / 'default' / 'state.db'}?mode=ro", uri=True)) as books:
        sealed = [row[0].encode() for row in books.execute("SELECT sealed FROM secrets")]
    (copy,) = (home / "default" / "cache" / "rehearsals").glob("rehearsal-*")
    kept = [path.read_bytes() for path in copy.rglob("*") if path.is_file()]
    assert sealed
    assert any(content.startswith(b"SQLite format 3") for content in kept)
    for secret in [*sealed, *(path.read_bytes().strip() for path in (home / "default").glob("*.key"))]:
        assert not any(secret in content for content in kept)


def alone_on_its_network(*words):
    """Run a command that finds no network but loopback."""
    words = [sys.executable, "-P", "-m", "ytpool", *words, "--json"]
    alone = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        miss("no network of its own can be made here")

    ended = subprocess.run(
        [*alone, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.nightly
def test_the_real_work_goes_on_meanwhile_and_is_rehearsed_from_its_beginning(pool, home, rehearse):
    pool.control.add_fault(method="upload.final", kind="slow", seconds=20, times=3)
    worker = start("work", "--once", "--parallel", "3", "--json", env=os.environ)
    assert json.loads(worker.stdout.readline())["event"] == "begun"

    status, told = rehearse("lost-answers")
    out, err = worker.communicate(timeout=90)

    # Whose last byte is on its way just now may be there, which only YouTube can say.
    assert (status, told["data"]["undisturbed"]["kept"] + told["data"]["left_out"].get("upload", 0)) == (0, FEW)
    assert worker.returncode == 0, (out, err)
    assert len(pool.truth()["videos"]) == FEW
    assert left_behind(home) == []


@pytest.mark.nightly
def test_a_login_that_is_to_die_dies_in_the_rehearsal_too(pool, rehearse, home):
    tomorrow = (pool.control.clock() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    with closing(sqlite3.connect(home / "default" / "state.db")) as books:
        books.execute("UPDATE accounts SET grant_expires_at = ?", (tomorrow,))
        books.commit()

    status, told = rehearse("half-bucket", "--at-least", "60")

    run = told["data"]["runs"][0]
    assert (status, run["lost"]) == (0, 0)
    assert run["kept"] < 60
    assert any("ytpool auth add" in one["command"] for one in told["data"]["undisturbed"]["todo"] + run["todo"])


@pytest.mark.nightly
def test_two_at_once_do_not_meet(pool, home):  # noqa: ARG001 - it waits
    both = [start("rehearse", "lost-answers", "--videos", "4", "--json", env=os.environ) for _ in range(2)]
    told = [(*one.communicate(timeout=60), one.returncode) for one in both]

    assert [status for *_, status in told] == [0, 0], told
    assert left_behind(home) == []


def drawn(told):
    """What the seed has drawn, by the kind of disaster."""
    return {one["what"]: one["drawn"] for one in told["data"]["runs"][0]["struck"]}


def test_a_seed_draws_the_same_whichever_disaster_comes_first_and_windows_may_overlap(pool, rehearse, tmp_path):  # noqa: ARG001 - it waits
    def scenario(suspends_after, cuts_after, *others):
        path = tmp_path / "monday.toml"
        path.write_text(
            "".join(
                f"[[disaster]]\n{one}\n"
                for one in (
                    f"what = 'suspend'\nafter = {suspends_after}\naccounts = 1",
                    f"what = 'cut'\nafter = {cuts_after}\ntimes = 9",
                    *others,
                )
            )
        )
        return path

    twice = ("keyring'\nfor = '2h'", "keyring'\nfor = '1h'", "database'\nfor = '3s'", "database'\nfor = '6s'")
    first = rehearse(scenario(10, 60, *(f"what = '{one}" for one in twice)), "--videos", "4")
    other = rehearse(scenario(60, 10), "--videos", "4")

    assert (first[0], other[0]) == (0, 0)
    assert drawn(other[1]) == {what: drawn(first[1])[what] for what in ("suspend", "cut")}
    assert len(set(drawn(other[1])["cut"])) > 3


def test_whoever_waits_for_a_person_or_for_what_lasts_too_long_to_be_played_breaks_no_promise(
    pool,  # noqa: ARG001 - it waits
    rehearse,
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(playing, "_STANDS_STILL", 0.5)
    late, long = tmp_path / "late.toml", tmp_path / "long.toml"
    late.write_text("[[disaster]]\nwhat = 'suspend'\n[[disaster]]\nwhat = 'cut'\nat = '60h'\n")
    long.write_text("[[disaster]]\nwhat = 'answer'\nerror = 'backendError'\nfor = '20d'\n")

    status, told = rehearse(late, long, "--days", "30", "--videos", "2")

    late, long = fits("rehearse", json.dumps(told))["runs"]
    assert status == 0
    assert (late["ended"], late["complaints"], late["for_a_person"]) == ("not_met", [], 2)
    assert (long["ended"], long["complaints"], long["waiting"]) == ("broken_off", [], 2)
    assert long["broken_off"].endswith("this was not over: every call: backendError")


@pytest.mark.usefixtures("sandbox")
def test_a_rehearsal_in_turn_that_comes_to_no_verdict_is_told_in_the_morning_and_has_its_turn_again(ytpool, home):
    place = home / "default" / "cache" / "rehearsals"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where a folder should be")
    status, _, err = ytpool("rehearse", "--weekly")
    event, todo = in_the_morning(ytpool)

    assert (status, "cannot use" in err, "that you may write to" in err) == (6, True, True), err
    assert "did not run: a rehearsal cannot use" in event
    assert todo.startswith("the last rehearsal did not run: a rehearsal cannot use")
    assert todo.endswith(": ytpool rehearse --weekly --seed 1")

    place.unlink()
    assert "would rehearse channel-cap:" in ytpool("rehearse", "--weekly", "--dry-run")[1]


def test_one_that_begins_while_others_end_finds_nothing_in_its_way():
    with closing(Runtime(config.load(profile=None, environ=os.environ))) as rt, ThreadPoolExecutor(4) as everybody:

        def begin_and_end(_):
            with stage.private_folder(rt) as folder:
                return folder

        folders = [*everybody.map(begin_and_end, range(600))]

    assert len({*folders}) == 600
    assert not any(folder.exists() for folder in folders)


MUTANTS = {
    "a limit is not learned": (
        "actions/learning.py",
        "    for each in exhausted:\n        if is_named",
        "    return\n    for each in exhausted:\n        if is_named",
        "little.toml",
        "in vain",
    ),
    "what may be there is sent again": (
        "actions/transfer.py",
        "            if state.last_sent_at is not None:\n                return\n",
        "",
        "gone-sessions.toml",
        "there more than once",
    ),
    "settled twice": (
        "store/ledger.py",
        "            if latter is not former:\n                _shift(tx, rows, former, latter)\n",
        "            for _ in range(2):\n                _shift(tx, rows, former, latter)\n",
        "lost-answers",
        "booked",
    ),
    "a lost answer costs nothing": (
        "actions/calls.py",
        "ledger.settle(tx, held.hold, _ENTRY[verdict.charge], failure.reason)",
        "ledger.settle(tx, held.hold, Entry.RELEASED if verdict.charge is Charge.UNKNOWN else _ENTRY[verdict.charge])",
        "unheard.toml",
        "charged",
    ),
    "a rest is forgotten": (
        "store/rests.py",
        "    if scope is Scope.PROJECT:\n        name = projects.current(tx, name)\n    tx.run(",
        "    if scope is Scope.ACCOUNT:\n        return\n    tx.run(",
        "suspended",
        "in vain",
    ),
    "a rest lasts a day too long": (
        "actions/learning.py",
        "        until=quota.resets_at(terms.day),\n    )\n",
        "        until=quota.resets_at(terms.day) + timedelta(days=1),\n    )\n",
        "little.toml",
        "everybody waits for",
    ),
    "a limit is higher than it was named": (
        "store/limits.py",
        "    if limit is not None:\n        return limit.units\n",
        "    if limit is not None:\n        return limit.units + 20\n",
        "little.toml",
        "are let through",
    ),
    "a channel that takes nothing rests for an hour": (
        "actions/learning.py",
        "until=tx.now + timedelta(hours=24),",
        "until=tx.now + timedelta(hours=1),",
        "full.toml",
        "in vain",
    ),
    "a session is forgotten": (
        "actions/transfer.py",
        "                        self._errand.pause(failure, standstills + 1)\n",
        "                        self._session_gone(failure)\n                        return None\n",
        "outage",
        "paid for again",
    ),
}
"""What is broken, where, and which rehearsal says so with which word."""

AT_CI = ("what may be there is sent again", "a lost answer costs nothing")


def planted(tmp_path, name):
    """A copy of the program with one defect."""
    file, right, wrong, scenario, word = MUTANTS[name]
    copy = tmp_path / "mutant"
    shutil.copytree(ROOT / "ytpool", copy / "ytpool")
    path = copy / "ytpool" / file
    text = path.read_text()
    assert text.count(right) == 1, "the code has changed: plant the defect anew"
    path.write_text(text.replace(right, wrong))
    return copy, scenario, word


OWN = {
    "full.toml": "[[disaster]]\nwhat = 'cap'\nuploads = 0\n",
    "little.toml": "[[disaster]]\nwhat = 'limit'\nbucket = 'uploads'\nshare = 0.05\n",
    "gone-sessions.toml": "[[disaster]]\nwhat = 'lose'\nevery = 2\n"
    "[[disaster]]\nwhat = 'answer'\nerror = 'notFound'\nmethods = ['upload.query']\nfor = '1h'\n",
    "unheard.toml": "[[disaster]]\nwhat = 'cut'\ntimes = 40\n",
}


def is_found(tmp_path, name, *, compare=False):
    copy, scenario, word = planted(tmp_path, name)
    if scenario in OWN:
        (tmp_path / scenario).write_text(OWN[scenario])
    words = ["rehearse", scenario, "--at-least", "15", "--json"]

    def run(where):
        return subprocess.run(
            [sys.executable, "-P", "-m", "ytpool", *words],
            env={**os.environ, "PYTHONPATH": str(where)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    broken = run(copy)
    assert broken.returncode == 8, (broken.stdout[-3000:], broken.stderr)
    data = json.loads(broken.stdout.splitlines()[-1])["data"]
    said = [one for run in (data["undisturbed"], *data["runs"]) for one in run["complaints"]]
    assert any(word in one for one in said), said
    if compare:
        whole = run(ROOT)
        assert whole.returncode == 0, (whole.stdout[-3000:], whole.stderr)


@pytest.mark.parametrize("name", AT_CI)
def test_a_planted_defect_is_found(pool, tmp_path, name):  # noqa: ARG001 - it waits
    is_found(tmp_path, name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", MUTANTS)
def test_every_planted_defect_is_found_and_only_that(pool, tmp_path, name):  # noqa: ARG001 - it waits
    is_found(tmp_path, name, compare=True)


@pytest.mark.nightly
def test_on_fifteen_accounts_no_scenario_that_is_shipped_breaks_a_promise(home, ytpool, tmp_path, monkeypatch):  # noqa: ARG001
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")
    for number in range(15):
        tier = "production" if number < 12 else "reserve"
        assert ytpool("auth", "add", f"channel-{number + 1:02}", "--pool", "main", "--tier", tier)[0] == 0
    made = []
    for number in range(40):
        made.append(tmp_path / f"film-{number:02}.mp4")
        made[-1].write_bytes(random.Random(number).randbytes(30_000))
    assert ytpool("upload", *made, "--pool", "main", "--queue")[0] == 0
    ytpool("sandbox", "down")

    status, out, err = ytpool("rehearse", "--at-least", "75", "--json")
    data = fits("rehearse", out)

    assert status == 0, err
    assert len(data["runs"]) == 12
    for run in data["runs"]:
        assert (run["ended"], run["lost"], run["duplicates"], run["oversold"]) == ("passed", 0, 0, 0), run["complaints"]
        assert run["kept"] + run["late"] + run["for_a_person"] == 75
