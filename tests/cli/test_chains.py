"""Chains: services asked in order until one has done it, with real programs and real tasks."""

import json
import os
import signal
import stat
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import pytest
from newsroom import start
from schemas import fits

SAYS = '#!/bin/sh\necho "$@"\n'


@pytest.fixture
def desk(home, ytpool):
    """A profile whose chains are written by `chains(...)`, and whose programs by `program(...)`."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    return Desk(home / "default")


class Desk:
    def __init__(self, folder):
        self.folder = folder
        self._settings = (folder / "config.toml").read_text()

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU)
        return path

    def chains(self, text):
        (self.folder / "config.toml").write_text(f"{self._settings}\n{text}")


def step(chain, service, command, **more):
    lines = [f'[[chains.{chain}]]\nservice = "{service}"\ncommand = {json.dumps([str(part) for part in command])}']
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in more.items()), ""])


def ran(ytpool, *words, status=0):
    done, out, err = ytpool("chain", "run", "voice", "--json", *words)
    assert done == status, (done, out, err)
    return fits("chain-run", out)


def lives(pid):
    """Where nobody buries the orphans of a container, the dead are there still."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def tries(seen):
    return {one["step"]: one["outcome"] for one in seen["tries"]}


def test_the_next_step_serves_where_others_fail_hang_are_too_dear_or_are_not_there(ytpool, desk):
    fails = desk.program("fails", "#!/bin/sh\necho no voice left >&2\nexit 3\n")
    hangs = desk.program("hangs", f"#!/bin/sh\nsleep 60 & echo $! > {desk.folder}/pid\nwait\n")
    says = desk.program("says", SAYS)
    desk.chains(
        step("voice", "broken", [fails], cost=0.1)
        + step("voice", "slow", [hangs], cost=0.1, timeout=2)
        + step("voice", "gone", ["no-such-program"])
        + step("voice", "dear", [says], cost=0.25)
        + step("voice", "poor", [says], quality=1)
        + step("voice", "good", ["./says", "it says:", "{text}"], quality=9, cost=0.2)
        + step("voice", "last", [says], quality=9)
    )
    # What is not good enough goes with the quality, which all others have.
    text = (desk.folder / "config.toml").read_text()
    for service in ("broken", "slow", "gone", "dear"):
        text = text.replace(f'service = "{service}"', f'service = "{service}"\nquality = 5')
    (desk.folder / "config.toml").write_text(text)

    status, out, _ = ytpool("chain", "test", "voice", "--max-cost", "0.3", "--min-quality", "2", "--json")
    tested = fits("chain-test", out)
    seen = ran(ytpool, *("--max-cost", "0.3", "--min-quality", "2", "--set", "text=$(id); hello", "--", "world"))

    assert status == 0
    assert [one["step"] for one in tested["steps"] if one["would"]] == ["broken", "slow", "dear", "good", "last"]
    assert seen["served_by"] == "good"
    assert seen["output"] == "it says: $(id); hello world\n"
    assert tries(seen) == {
        "broken": "failed",
        "slow": "failed",
        "good": "served",
        **dict.fromkeys(("gone", "dear", "poor"), "skipped"),
    }
    why = {one["step"]: one["why"] for one in seen["tries"]}
    assert why["broken"] == "status 3: no voice left"
    assert "2 seconds" in why["slow"]
    assert why["gone"] == "no-such-program is not there"
    assert "too dear: it costs 0.25 and 0.1 are spent" in why["dear"]
    assert seen["cost"] == pytest.approx(0.3)  # what hung may have been paid for
    assert not lives(int((desk.folder / "pid").read_text()))
    _, out, _ = ytpool("chain", "list", "--json")
    (counted,) = fits("chain-list", out)["chains"]
    assert (counted["runs"], counted["success_rate"], counted["fallback_share"]) == (1, 1, 1)
    assert counted["spend"] == pytest.approx(0.3)
    assert "good" in ytpool("chain", "list")[1]


def test_a_flood_is_kept_to_a_limit_and_a_command_knows_no_secrets(ytpool, desk, monkeypatch):
    monkeypatch.setenv("YTPOOL_LOG_LEVEL", "error")
    monkeypatch.setenv("FILM_KEY_2", "not-for-you")
    monkeypatch.setenv("THEIR_OWN", "kept")
    floods = desk.program(
        "floods", "#!/bin/sh\nenv\nhead -c 30000000 /dev/zero | tr '\\0' x\nhead -c 3000000 /dev/zero >&2\n"
    )
    desk.chains(
        '[providers.film]\npreset = "runninghub"\nurl = "http://127.0.0.1:9"\nkeys = "FILM_KEY"\n'
        + step("voice", "flood", [floods])
    )

    seen = ran(ytpool)

    assert (seen["served_by"], seen["output_cut"], len(seen["output"])) == ("flood", True, 64 << 10)
    assert "THEIR_OWN=kept" in seen["output"]
    assert "YTPOOL_" not in seen["output"]
    assert "not-for-you" not in seen["output"]


def test_what_nobody_serves_waits_longer_each_time_and_then_for_a_person(ytpool, desk):
    works = desk.folder / "works"
    fails = desk.program("fails", f"#!/bin/sh\ntest -e {works}\n")
    desk.chains(step("voice", "broken", [fails]) + "[breakers]\nfailures = 100\n")

    first = ran(ytpool, status=5)
    job = first["job"]
    waits = [first["not_before"]]
    for status in (5, 5, 5, 1):
        done, out, err = ytpool("queue", "retry", job, "--json")
        assert done == status, err
        waits.append(json.loads(out)["data"]["not_before"])
    _, out, _ = ytpool("todo", "--json")
    (item,) = fits("todo", out)["items"]
    works.touch()
    status, out, err = ytpool(*item["command"].removeprefix("ytpool ").split(), "--json")

    assert waits[:4] == sorted(waits[:4])
    assert waits[4] is None
    assert (item["kind"], item["name"]) == ("chain_failed", job)
    assert "status 1" in item["message"]
    assert status == 0, err
    assert fits("chain-run", out)["attempts"] == 6
    assert json.loads(ytpool("todo", "--json")[1])["data"]["items"] == []


def test_a_worker_begins_a_deferred_chain_when_it_is_due_and_a_person_may_cancel_it(ytpool, desk):
    works = desk.folder / "works"
    fails = desk.program("fails", f"#!/bin/sh\ntest -e {works}\n")
    desk.chains(step("voice", "broken", [fails, "{text}"]))
    job = ran(ytpool, "--set", "text=1", status=5)["job"]
    other = ran(ytpool, "--set", "text=2", status=5)["job"]
    works.touch()

    early = ytpool("work", "--once", "--json")
    cancelled = ytpool("queue", "cancel", other)
    with closing(connect(desk.folder / "state.db")) as state:
        state.execute("UPDATE jobs SET not_before = '2020-01-01T00:00:00.000000Z'")
        state.commit()
    due = ytpool("work", "--once", "--json")

    assert early[0] == 0
    assert cancelled[0] == 0, cancelled
    assert due[0] == 0, due
    seen = fits("chain-run", ytpool("chain", "show", job, "--json")[1])
    assert (seen["state"], seen["served_by"], seen["attempts"]) == ("done", "broken", 2)
    assert fits("chain-run", ytpool("chain", "show", other, "--json")[1])["state"] == "cancelled"


def test_a_service_that_fails_again_and_again_rests_and_is_skipped(ytpool, desk):
    fails = desk.program("fails", "#!/bin/sh\nexit 1\n")
    says = desk.program("says", SAYS)
    desk.chains(step("voice", "broken", [fails]) + step("voice", "good", [says]) + "[breakers]\nfailures = 2\n")

    outcomes = [tries(ran(ytpool))["broken"] for _ in range(3)]
    lifted = ytpool("rests", "lift", "service", "broken")

    assert outcomes == ["failed", "failed", "skipped"]
    assert lifted[0] == 0, lifted
    assert tries(ran(ytpool))["broken"] == "failed"


@pytest.mark.parametrize("repeatable", [False, True])
def test_a_command_beside_which_ytpool_died_is_unknown_unless_it_may_run_twice(ytpool, desk, repeatable):
    began, works = desk.folder / "began", desk.folder / "works"
    slow = desk.program("slow", f"#!/bin/sh\ntest -e {works} && exit 0\necho $$ >> {began}\nexec sleep 60\n")
    says = desk.program("says", SAYS)
    desk.chains(step("voice", "slow", [slow], repeatable=repeatable) + step("voice", "good", [says]))
    process = start("chain", "run", "voice", env=dict(os.environ))
    while not began.exists() or not began.read_text().endswith("\n"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    os.kill(int(began.read_text()), signal.SIGKILL)
    works.touch()

    if repeatable:
        assert ran(ytpool)["served_by"] == "slow"
        return
    seen = ran(ytpool, status=7)
    assert tries(seen) == {"slow": "unknown"}
    assert ytpool("queue", "cancel", seen["job"])[0] == 7
    assert ytpool("queue", "retry", seen["job"])[0] == 7
    assert seen["advice"] in ytpool("todo", "--json")[1]
    assert ytpool("queue", "resolve", seen["job"], "--as", "restart")[0] == 0
    again = ran(ytpool)
    assert (again["job"], again["served_by"]) == (seen["job"], "slow")


def test_ctrl_c_ends_the_command_too_and_says_that_it_may_have_done_its_work(ytpool, desk):
    began = desk.folder / "began"
    slow = desk.program("slow", f"#!/bin/sh\necho $$ >> {began}\nexec sleep 60\n")
    desk.chains(step("voice", "slow", [slow]))
    process = start("chain", "run", "voice", env=dict(os.environ))
    while not began.exists() or not began.read_text().endswith("\n"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)

    assert process.returncode == 130
    assert not lives(int(began.read_text()))
    assert tries(ran(ytpool, status=7)) == {"slow": "unknown"}


def test_a_task_of_a_provider_serves_and_one_that_is_lost_is_never_followed_by_the_next(
    ytpool, empty_sandbox, home, monkeypatch
):
    desk = Desk(home / "default")
    says = desk.program("says", SAYS)
    chain = '[[chains.voice]]\nservice = "studio"\nprovider = "film"\ntimeout = 3\ncost = 0.5\n'
    more = chain + step("voice", "good", [says])
    desk.chains(
        f'[providers.film]\npreset = "runninghub"\nurl = "{empty_sandbox.server.url}"\nkeys = "FILM_KEY"\n'
        f"[providers.film.poll]\nevery = 0.1\n{more}"
    )
    empty_sandbox.control.settings(tasks_take=0)

    without_key = ran(ytpool, "--set", "workflow_id=6")
    monkeypatch.setenv("FILM_KEY", "rh-first-key")
    done = ran(ytpool, "--set", "workflow_id=7")
    empty_sandbox.control.settings(tasks_take=3600)
    slow = ran(ytpool, "--set", "workflow_id=8", status=7)
    task = slow["tries"][-1]["task"]
    assert ytpool("queue", "resolve", task, "--as", "failed")[0] == 0
    settled = ran(ytpool, "--set", "workflow_id=8")

    assert tries(without_key) == {"studio": "skipped", "good": "served"}
    assert done["served_by"] == "studio"
    assert "fileUrl" in done["output"]
    assert tries(slow) == {"studio": "unknown"}
    assert slow["not_before"] is not None
    assert (settled["job"], tries(settled)) == (slow["job"], {"studio": "failed", "good": "served"})
    assert len(empty_sandbox.truth()["tasks"]) == 2


@pytest.fixture
def studio(empty_sandbox, home, monkeypatch):
    """A chain whose first step is a service of tasks, and its second a command; returns how often that one ran."""
    desk = Desk(home / "default")
    ran_by = desk.folder / "ran"
    counts = desk.program("counts", f"#!/bin/sh\necho x >> {ran_by}\n")
    first = '[[chains.voice]]\nservice = "studio"\nprovider = "film"\ntimeout = 3\ncost = 0.5\n'
    desk.chains(
        f'[providers.film]\npreset = "runninghub"\nurl = "{empty_sandbox.server.url}"\nkeys = "FILM_KEY"\n'
        f"[providers.film.poll]\nevery = 0.1\n{first}" + step("voice", "spare", [counts])
    )
    monkeypatch.setenv("FILM_KEY", "rh-first-key")
    empty_sandbox.control.settings(tasks_take=0)
    return lambda: len(ran_by.read_text().split()) if ran_by.exists() else 0


@pytest.mark.parametrize(
    ("word", "served_by", "sent"), [("failed", "spare", 1), ("done", "studio", 1), ("restart", "studio", 2)]
)
def test_a_task_whose_answer_is_lost_stops_its_chain_until_somebody_knows(
    ytpool, empty_sandbox, studio, word, served_by, sent
):
    empty_sandbox.control.add_fault(method="tasks.create", kind="lose_answer")

    lost = ran(ytpool, "--set", "workflow_id=7", status=7)
    job, task = lost["job"], lost["tries"][-1]["task"]
    again = ran(ytpool, "--set", "workflow_id=7", status=7)
    retried = ytpool("queue", "retry", job)
    worked = ytpool("work", "--once", "--json")

    settles = f"ytpool queue resolve {task} --as done, failed or restart"
    assert (tries(lost), again["job"], lost["advice"]) == ({"studio": "unknown"}, job, settles)
    assert (retried[0], "may have this task" in retried[2], "look there" in retried[2]) == (7, True, True)
    assert (worked[0], studio(), len(empty_sandbox.truth()["tasks"])) == (0, 0, 1)
    items = fits("todo", ytpool("todo", "--json")[1])["items"]
    assert [(item["name"], item["command"]) for item in items] == [(task, settles)]
    assert ytpool("queue", "cancel", job)[0] == 7

    assert ytpool("queue", "resolve", task, "--as", word)[0] == 0
    worked = ytpool("work", "--once", "--json")

    assert worked[0] == 0, worked
    seen = fits("chain-run", ytpool("chain", "show", job, "--json")[1])
    assert (seen["state"], seen["served_by"]) == ("done", served_by)
    assert (studio(), len(empty_sandbox.truth()["tasks"])) == (int(served_by == "spare"), sent)
    (row,) = json.loads(ytpool("activity", "report", "--json")[1])["data"]["rows"]
    assert (row["calls"], row["failed"], row["unknown"]) == (sent, int(word == "failed"), int(word == "restart"))
    assert json.loads(ytpool("todo", "--json")[1])["data"]["items"] == []


def test_a_chain_goes_on_by_itself_once_it_is_heard_how_its_task_ended(ytpool, empty_sandbox, studio):
    empty_sandbox.control.settings(tasks_take=3600, tasks_end="FAILED")
    late = ran(ytpool, "--set", "workflow_id=7", status=7)
    assert (tries(late), late["advice"]) == ({"studio": "unknown"}, "ytpool work --once")
    assert json.loads(ytpool("todo", "--json")[1])["data"]["items"] == []
    empty_sandbox.control.clock(forward=timedelta(hours=1))

    assert ytpool("task", "poll")[0] == 0
    worked = ytpool("work", "--once")

    assert worked[0] == 0, worked
    seen = fits("chain-run", ytpool("chain", "show", late["job"], "--json")[1])
    assert (seen["state"], tries(seen), studio()) == ("done", {"studio": "failed", "spare": "served"}, 1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[chains.a]]\nchain = "b"\n[[chains.b]]\nchain = "c"\n[[chains.c]]\nchain = "b"', 6, "b -> c -> b"),
        ('[[chains.a]]\nservice = "x"\ncommand = ["y"]\n[[chains.a]]\nchain = "a"', 5, "a -> a"),
        ('[[chains.a]]\nchain = "b"', 2, "there is no chain b"),
        ('[[chains.a]]\nservice = "x"\nprovider = "film"', 3, "there is no service film"),
        ('[[chains.a]]\nservice = "x"\ncommand = "say it"', 3, "no shell reads it"),
        ('[[chains.a]]\nservice = "x"\ncost = -1\ncommand = ["y"]', 3, "cost must be a number"),
        ('[[chains.a]]\nservice = "x"\ncots = 1\ncommand = ["y"]', 3, "a step has no cots"),
        ('[[chains.a]]\nservice = "x"', 1, "one of command, provider and chain"),
        ('[[chains.a]]\nservice = "youtube"\ncommand = ["y"]', 2, "youtube cannot be"),
        ("[chains]\na = 1", 2, "list of tables"),
        ("[chains.a]\nservice = 1", 1, "list of tables"),
    ],
)
def test_a_chain_that_is_wrong_is_refused_with_file_and_line(ytpool, home, text, line, words):
    (home / "default").mkdir(parents=True)
    (home / "default" / "config.toml").write_text(text)

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert words in err
    assert f"config.toml:{line}:" in err


def test_what_no_step_can_do_is_refused_before_anything_is_stored(ytpool, desk):
    says = desk.program("says", SAYS)
    desk.chains(step("voice", "good", [says, "{text}"], cost=1) + '[[chains.all]]\nchain = "voice"\n')

    for words, said in (
        (("voice",), "needs text"),
        (("voice", "--set", "text=1", "--set", "txet=2"), "has no txet"),
        (("voice", "--set", "text=1", "--max-cost", "0.5"), "no step of voice fits"),
        (("voice", "--set", "text=1", "--max-cost", "inf"), "--max-cost"),
        (("voice", "--set", "text=1", "--min-quality=-inf"), "--min-quality"),
        (("voise", "--set", "text=1"), "did you mean voice"),
    ):
        status, _, err = ytpool("chain", "run", *words)
        assert (status, said in err) == (2, True), err
    assert json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"] == []
    assert '"voice/good"' in ytpool("chain", "test", "all", "--json")[1]


def test_a_chain_waits_in_the_queue_like_any_write_and_not_beyond_its_deadline(ytpool, desk):
    said = desk.folder / "said"
    tells = desk.program("tells", f'#!/bin/sh\necho "$1" >> {said}\n')
    desk.chains(step("voice", "good", [tells, "{text}"]))
    late = {"second": (), "first": ("--priority", "5"), "too late": ("--deadline", "2090-01-01")}
    for text, words in late.items():
        queued = ran(ytpool, "--set", f"text={text}", "--queue", *words)
        assert (queued["state"], queued["tries"], queued["advice"]) == ("queued", [], "ytpool work --once")
    again = ytpool("queue", "add", "chain", "run", "voice", "--set", "text=second", "--priority", "1", "--json")
    over = ytpool("chain", "run", "voice", "--set", "text=x", "--queue", "--deadline", "2020-01-01", "--json")
    now = ytpool("chain", "run", "voice", "--set", "text=x", "--priority", "1", "--json")
    with closing(connect(desk.folder / "state.db")) as state:
        state.execute("UPDATE jobs SET deadline = '2020-01-01T00:00:00.000000Z' WHERE deadline IS NOT NULL")
        state.commit()
    waiting = fits("queue-status", ytpool("queue", "status", "--json")[1])["totalQueued"]
    planned = ytpool("plan", "--queue", "--json")

    done = ytpool("work", "--once", "--json")

    assert (over[0], now[0], waiting, planned[0], done[0]) == (2, 2, 3, 0, 3), (planned, done)
    assert json.loads(again[1])["data"]["job"] in done[1]
    assert said.read_text() == "first\nsecond\n"
    (item,) = fits("todo", ytpool("todo", "--json")[1])["items"]
    assert "its deadline was over" in item["message"]
    assert ytpool(*item["command"].split()[1:])[0] == 0  # a person may want it all the same
    assert said.read_text() == "first\nsecond\ntoo late\n"


def test_wait_begins_a_chain_again_until_it_is_served(ytpool, desk, monkeypatch):
    counts = desk.folder / "counts"
    third = desk.program("third", f"#!/bin/sh\necho x >> {counts}\ntest $(wc -l < {counts}) -ge 2\n")
    desk.chains(step("voice", "late", [third]))
    monkeypatch.setattr("ytpool.domain.chains._FIRST_WAIT", timedelta(seconds=0.3))

    done = ran(ytpool, "--wait")

    assert (done["state"], done["attempts"]) == ("done", 2)
