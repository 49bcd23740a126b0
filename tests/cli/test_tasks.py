"""Tasks that other services do: once each, over the slots of several keys, heard of by asking or by a callback."""

import json
import os
import random
import re
import signal
import time
from contextlib import closing
from datetime import timedelta
from sqlite3 import connect

import pytest
from newsroom import LOOKS_SELDOM, ended, heard, start
from schemas import fits
from served import serving
from waiting import wait_until

from ytpool.actions import guide
from ytpool.store import leases

KEY = "rh-first-key"


@pytest.fixture
def service(empty_sandbox, home, monkeypatch):
    """The sandbox's service of tasks, as `[providers.film]` describes it, with one key in the environment."""
    describe(home, empty_sandbox)
    monkeypatch.setenv("FILM_KEY", KEY)
    empty_sandbox.control.settings(tasks_take=0.2)
    return empty_sandbox


def describe(home, sandbox, more="", **settings):
    file = home / "default" / "config.toml"
    before = file.read_text().partition("[providers.film]")[0]
    lines = {"preset": '"runninghub"', "url": f'"{sandbox.server.url}"', "keys": '"FILM_KEY"', **settings}
    table = "\n".join(f"{key} = {value}" for key, value in lines.items())
    file.write_text(f"{before}\n[providers.film]\n{table}\n[providers.film.poll]\nevery = 0.1\n{more}")


def submitted(ytpool, *words, workflow="7", status=0):
    done, out, err = ytpool("task", "submit", "film", "--set", f"workflow_id={workflow}", "--json", *words)
    assert done == status, (done, out, err)
    return json.loads(out)["data"]


def free(ytpool):
    return {row["name"]: row["available"] for row in told(ytpool, "task", "keys")["keys"]}


def told(ytpool, *words):
    status, out, err = ytpool(*words, "--json")
    assert status == 0, err
    return json.loads(out)["data"]


# Submitting


def test_a_task_is_submitted_and_followed_to_its_end(ytpool, service):
    status, out, err = ytpool("task", "submit", "film", "--set", "workflow_id=7", "--follow", "--json")

    assert status == 0, err
    seen = fits("task-show", out)
    (really,) = service.truth()["tasks"]
    assert (seen["state"], seen["account"], seen["task_id"]) == ("done", "film/primary", really["task_id"])
    assert seen["result"][0]["fileUrl"].endswith(f"{really['task_id']}.png")
    assert really["wish"] == {"workflowId": "7"}
    assert "submitting to film as film/primary" in err
    assert KEY not in out + err
    assert free(ytpool) == {"film/primary": 3}


def test_slots_are_filled_key_by_key_and_what_is_over_waits(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    keys = home / "keys.env"
    describe(home, service, env_file=f'"{keys}"', slots=2)
    keys.write_text('# the others\nexport FILM_KEY_2="second"\n')

    accounts = [submitted(ytpool, workflow=n)["account"] for n in range(5)]
    with_two = free(ytpool)
    keys.write_text("FILM_KEY_2=second\nFILM_KEY_4=fourth # no third\n")
    ytpool("task", "poll")

    assert accounts == ["film/primary"] * 2 + ["film/account_2"] * 2 + [None]
    assert with_two == {"film/primary": 0, "film/account_2": 0}
    assert free(ytpool) == {"film/primary": 0, "film/account_2": 0, "film/account_4": 1}
    assert max(task["at_once"] for task in service.truth()["tasks"]) == 2
    listed = fits("task-list", ytpool("task", "list", "--json")[1])
    assert [task["state"] for task in listed["tasks"]] == ["running"] * 5


def test_without_a_free_slot_a_task_is_queued_and_said(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    describe(home, service, slots=1)
    submitted(ytpool, workflow=1)

    status, out, err = ytpool("task", "submit", "film", "--set", "workflow_id=2")

    assert status == 0
    assert "queued at film" in out
    assert "queued: all 1 slots of film are taken" in err
    assert len(service.truth()["tasks"]) == 1


def test_a_lost_answer_is_unknown_and_never_sent_again(ytpool, service):
    service.control.add_fault(method="tasks.create", kind="lose_answer")

    lost = submitted(ytpool, status=7)
    again = submitted(ytpool, status=7)
    ytpool("task", "poll")

    assert lost["state"] == "finished_unknown"
    assert again["job"] == lost["job"]
    assert len(service.truth()["tasks"]) == 1
    assert lost["job"] in [item["name"] for item in told(ytpool, "todo")["items"]]
    assert ytpool("queue", "resolve", lost["job"], "--as", "restart")[0] == 0
    assert told(ytpool, "task", "show", lost["job"])["state"] == "queued"


def test_tasks_wait_by_priority_and_deadline_and_none_is_sent_too_late(ytpool, service, home):
    describe(home, service, slots=1)
    ways = {1: (), 2: ("--deadline", "2080-01-01"), 3: ("--priority", 5), 4: ("--not-before", "2070-01-01"), 5: ()}
    jobs = {number: submitted(ytpool, "--queue", *words, workflow=number) for number, words in ways.items()}
    late = submitted(ytpool, "--queue", "--deadline", "2090-01-01", workflow=6)["job"]
    assert {job["state"] for job in jobs.values()} == {"queued"}
    assert submitted(ytpool, "--queue", "--priority", -1, workflow=1)["job"] == jobs[1]["job"]
    submitted(ytpool, "--queue", "--deadline", "2020-01-01", workflow=7, status=2)
    assert service.truth()["tasks"] == []
    with closing(connect(home / "default" / "state.db")) as state:
        state.execute("UPDATE jobs SET deadline = '2020-01-01T00:00:00.000000Z' WHERE job = ?", (late,))
        state.commit()

    for number in (3, 2, 5, 1):
        assert ytpool("task", "show", jobs[number]["job"], "--follow")[0] == 0

    begun = sorted((told(ytpool, "task", "show", jobs[number]["job"])["sent_at"], number) for number in (1, 2, 3, 5))
    assert [number for _, number in begun] == [3, 2, 5, 1]
    seen = told(ytpool, "task", "show", late)
    assert (seen["state"], seen["error"].startswith("its deadline was over")) == ("failed", True)
    assert len(service.truth()["tasks"]) == 4
    assert ytpool("queue", "resolve", late, "--as", "restart")[0] == 0
    assert ytpool("task", "show", late, "--follow")[0] == 0


def test_a_task_that_waits_is_cancelled_and_one_that_runs_wants_a_word(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    describe(home, service, slots=1)
    runs, waits = (submitted(ytpool, workflow=n)["job"] for n in (1, 2))

    assert "\trunning\ttask\t" in ytpool("queue", "list")[1]
    assert ytpool("queue", "cancel", waits)[0] == 0
    status, _, err = ytpool("queue", "cancel", runs)
    settled = [ytpool("queue", "resolve", runs, "--as", "failed")[0], free(ytpool)]
    later = ytpool("task", "poll", "--json")[1]

    assert (status, "it cannot just be forgotten" in err) == (7, True)
    assert settled == [0, {"film/primary": 1}]
    assert json.loads(later)["data"]["left"] == 0
    assert "on account film/primary\n" in ytpool("why", runs)[1]


def test_an_answer_without_a_task_id_is_unknown_and_keeps_its_slot_for_its_time(ytpool, service, home):
    describe(home, service, slots=1, time_limit=60)
    service.control.settings(tasks_without_id=True)

    status, out, _ = ytpool("task", "submit", "film", "--set", "workflow_id=1", "--json")

    assert status == 7
    assert "no task id at data.taskId" in json.loads(out)["error"]["message"]
    assert free(ytpool) == {"film/primary": 0}


def test_a_service_that_is_not_there_takes_nothing_and_loses_nothing(ytpool, service, home):
    describe(home, service, url='"http://127.0.0.1:1"')

    seen = submitted(ytpool)

    assert (seen["state"], seen["account"]) == ("queued", None)
    assert "on account" not in ytpool("queue", "show", seen["job"])[1]
    assert told(ytpool, "rests", "list")["rests"][0]["name"] == "film"
    describe(home, service)
    assert ytpool("rests", "lift", "service", "film")[0] == 0
    assert told(ytpool, "task", "show", seen["job"]) == {**seen, "state": "queued"}
    assert ytpool("task", "show", seen["job"], "--follow")[0] == 0


@pytest.mark.usefixtures("service")
def test_a_key_that_is_refused_rests_and_the_next_one_works(ytpool, monkeypatch):
    monkeypatch.setenv("FILM_KEY", "bad key")
    monkeypatch.setenv("FILM_KEY_2", "good key")

    seen = submitted(ytpool)

    assert (seen["state"], seen["account"]) == ("running", "film/account_2")
    (rest,) = told(ytpool, "rests", "list")["rests"]
    assert (rest["name"], rest["lifts"]) == ("film/primary", "ytpool rests lift account film/primary")
    slots = {row["name"]: (row["available"], row["state"]) for row in told(ytpool, "queue", "status")["accounts"]}
    assert slots == {"primary": (0, "resting"), "account_2": (2, "active")}


def test_a_key_that_is_taken_away_is_counted_as_long_as_its_tasks_run(ytpool, service, monkeypatch):
    service.control.settings(tasks_take=3600)
    monkeypatch.setenv("FILM_KEY_2", "another key")
    submitted(ytpool)
    monkeypatch.delenv("FILM_KEY")

    keys = fits("task-keys", ytpool("task", "keys", "--json")[1])["keys"]
    status = told(ytpool, "queue", "status")

    assert [(key["name"], key["running"], key["max_slots"], key["state"]) for key in keys] == [
        ("film/account_2", 0, 3, "active"),
        ("film/primary", 1, 0, "gone"),
    ]
    assert (status["totalMaxSlots"], status["totalRunning"]) == (3, 1)


def test_pages_tell_of_the_slots_of_keys_what_queue_status_tells(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    submitted(ytpool)
    status = told(ytpool, "queue", "status")

    with serving() as server:
        live = server.ask("/")[1].decode()
    printed = ytpool("report", "--html", "-")[1]
    describe(home, service, env_file='"none.env"')
    (home / "default" / "none.env").mkdir()
    with serving() as server:
        unread = server.ask("/")[1].decode()

    taken = "<dt>Slots taken</dt><dd>{totalRunning} of {totalMaxSlots}</dd>".format(**status)
    assert (status["totalRunning"], status["totalMaxSlots"]) == (1, 3)
    assert taken in live
    assert taken in printed
    assert "Slots: 1 of 3 taken" in printed
    assert "Keys of other services are not counted: " in unread
    assert "<dt>Slots taken</dt><dd>0 of 0</dd>" in unread


def test_a_service_that_is_busy_lets_the_task_wait(ytpool, service):
    service.control.settings(tasks_per_key=0)

    seen = submitted(ytpool)

    assert (seen["state"], seen["error"]) == ("queued", "code 421, TASK_QUEUE_MAXED")


def test_a_task_that_is_refused_has_failed(ytpool, service):
    service.control.add_fault(method="tasks.create", kind="error", error="badRequest", status=400)

    seen = submitted(ytpool, status=1)

    assert seen["state"] == "failed"
    assert free(ytpool) == {"film/primary": 3}


def test_a_task_that_fails_at_its_service_has_failed_here(ytpool, service):
    service.control.settings(tasks_end="FAILED")

    seen = submitted(ytpool, "--follow", status=1)

    assert seen["error"] == "film says that it failed: APIKEY_TASK_STATUS_ERROR"


def test_the_same_task_typed_again_is_the_same_one(ytpool, service):
    first = submitted(ytpool, "--key", "episode", "--follow")
    same = submitted(ytpool, "--key", "episode")
    meant = submitted(ytpool, "--key", "episode", "--again")

    assert first["job"] == same["job"] != meant["job"]
    assert len(service.truth()["tasks"]) == 2


def test_a_task_whose_time_is_over_is_unknown_and_its_slot_free(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    describe(home, service, slots=1, time_limit=1)
    job = submitted(ytpool)["job"]

    status, out, _ = ytpool("task", "show", job, "--follow", "--json")

    assert status == 7
    assert "nobody heard within 1 seconds how task" in json.loads(out)["error"]["message"]
    assert free(ytpool) == {"film/primary": 1}


def test_whoever_is_killed_while_submitting_leaves_an_unknown_task(ytpool, service):
    service.holds_back("tasks.create")
    process = start("task", "submit", "film", "--set", "workflow_id=7", env={**os.environ})
    heard(process, "submitting to film")
    while not service.truth()["tasks"]:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()

    done = told(ytpool, "task", "poll")

    assert (done["unknown"], done["submitted"]) == (1, 0)
    assert len(service.truth()["tasks"]) == 1
    (task,) = told(ytpool, "task", "list")["tasks"]
    assert (task["state"], task["account"]) == ("finished_unknown", "film/primary")


def test_whoever_stands_still_while_submitting_and_wakes_knows_better_than_those_who_took_it_for_dead(ytpool, service):
    service.holds_back("tasks.create")
    with start("task", "submit", "film", "--set", "workflow_id=7", "--json", env={**os.environ}) as sleeper:
        heard(sleeper, "submitting to film")
        while not service.truth()["tasks"]:
            pass
        sleeper.send_signal(signal.SIGSTOP)
        service.goes_on()
        time.sleep(leases.LASTS_FOR.total_seconds() + 1)

        status, _, _ = ytpool("work", "--once")
        (task,) = told(ytpool, "task", "list")["tasks"]

        sleeper.send_signal(signal.SIGCONT)
        woken, result, err = ended(sleeper)

    assert (status, task["state"], task["account"]) == (0, "finished_unknown", "film/primary")
    assert (woken, result["data"]["state"]) == (0, "running"), err
    assert ytpool("task", "show", task["job"], "--follow")[0] == 0
    assert len(service.truth()["tasks"]) == 1
    [row] = told(ytpool, "activity", "report")["rows"]
    assert (row["calls"], row["done"], row["unknown"]) == (1, 1, 0)


SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))


def test_many_at_once_some_of_them_killed_send_each_task_once_and_overfill_no_key(ytpool, service, monkeypatch):
    monkeypatch.setenv("FILM_KEY_2", "second")
    service.control.settings(tasks_take=0.5)
    service.control.add_fault(method="tasks.create", kind="slow", seconds=0.3, times=10_000)
    dice = random.Random(4)
    for batch in range(max(2, round(12 * SCALE))):
        started = [
            start("task", "submit", "film", "--set", f"workflow_id={batch}-{n}", env={**os.environ}) for n in range(6)
        ]
        time.sleep(dice.uniform(0.4, 1.0))
        for process in dice.sample(started, 2):
            process.kill()
        for process in started:
            process.communicate(timeout=60)

    while any(task["state"] in ("queued", "running") for task in told(ytpool, "task", "list")["tasks"]):
        ytpool("task", "poll")
    ours, truth = told(ytpool, "task", "list", "--all")["tasks"], service.truth()["tasks"]
    really = [task["wish"]["workflowId"] for task in truth]
    for task in ours:
        times = really.count(task["inputs"]["workflow_id"])
        assert times == 1 if task["state"] == "done" else times <= 1, task
        assert task["state"] in ("done", "finished_unknown")
    assert {task["wish"]["workflowId"] for task in truth} <= {task["inputs"]["workflow_id"] for task in ours}
    assert max(task["at_once"] for task in truth) <= 3
    assert [task["state"] for task in ours].count("done") >= len(ours) / 2


@pytest.mark.usefixtures("service")
def test_what_is_asked_for_wrongly_is_refused_before_anything_is_stored(ytpool, monkeypatch, tmp_path):
    nodes = tmp_path / "nodes.json"
    nodes.write_text("[1]")
    number = tmp_path / "number.json"
    number.write_text('{"workflow_id": NaN}')
    for words, status, message in [
        (("film",), 2, "a task of film needs workflow_id"),
        (("film", "--set", "workflow_id=1", "--set", "node=2"), 2, "a task of film has no node"),
        (("flim", "--set", "workflow_id=1"), 2, "there is no service named 'flim'"),
        (("film", "--set", "workflow_id"), 2, "--set takes NAME=VALUE"),
        (("film", "--file", nodes), 2, "is not a JSON object"),
        (("film", "--file", number), 2, "there is no NaN in JSON"),
        (("film", "--set", "workflow_id=\udcff"), 2, "--set takes NAME=VALUE"),
        (("film", "--set", "workflow_id=1", "--dry-run"), 0, ""),
    ]:
        done, _, err = ytpool("task", "submit", *words)
        assert (done, message in err) == (status, True), err
    monkeypatch.delenv("FILM_KEY")
    status, _, err = ytpool("task", "submit", "film", "--set", "workflow_id=1")

    assert status == 6
    assert "film has no key: FILM_KEY is not set in the environment" in err
    assert told(ytpool, "task", "list", "--all")["tasks"] == []


@pytest.mark.usefixtures("service")
def test_a_key_may_lie_in_the_vault(ytpool, monkeypatch, tmp_path):
    monkeypatch.delenv("FILM_KEY")
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)

    status, out, _ = ytpool("task", "keep-key", "film", "account_2", "--key-file", file, "--json")

    assert status == 0
    assert [row["name"] for row in fits("task-keys", out)["keys"]] == ["film/account_2"]
    assert submitted(ytpool)["account"] == "film/account_2"


def test_every_task_waits_while_everything_is_paused(ytpool, service):
    assert ytpool("pause", "--reason", "the bill")[0] == 0

    seen = submitted(ytpool)

    assert seen["state"] == "queued"
    assert service.truth()["tasks"] == []


def test_the_services_that_the_guide_describes_are_understood(ytpool, home):
    described = re.findall(r"^```toml\n(\[providers\..*?)^```", guide.page("services").text, re.MULTILINE | re.DOTALL)
    home.joinpath("default").mkdir(parents=True)
    home.joinpath("default", "config.toml").write_text("\n".join(described))

    status, out, err = ytpool("config", "show", "--json")

    assert status == 0, err
    assert len(described) > 1
    settings = {one["key"]: one["value"] for one in json.loads(out)["data"]["settings"]}
    assert settings["providers.runninghub.slots"] == 3
    assert "Bearer" not in out


# In the queue


def test_the_queue_counts_keys_among_accounts_and_a_worker_leaves_tasks_to_their_own_rounds(ytpool, service):
    service.control.settings(tasks_take=3600)
    for number in range(4):
        submitted(ytpool, workflow=str(number))

    busy = told(ytpool, "queue", "status")

    assert (busy["totalMaxSlots"], busy["totalRunning"], busy["totalQueued"]) == (3, 3, 1)
    assert [(row["name"], row["running"], row["available"]) for row in busy["accounts"]] == [("primary", 3, 0)]

    service.control.clock(forward=timedelta(hours=1))
    time.sleep(0.6)  # each may be asked about again
    assert ytpool("work", "--once")[0] == 0

    assert len(service.truth()["tasks"]) == 4
    states = sorted(row["state"] for row in told(ytpool, "task", "list", "--all")["tasks"])
    assert states == ["done", "done", "done", "running"]


@pytest.mark.parametrize("missing", ["url", "keys"])
def test_what_a_service_needs_and_has_not_is_called_missing(ytpool, home, missing):
    told = {"url": "https://film.example", "keys": "FILM_KEY"}
    lines = "\n".join(f'{key} = "{value}"' for key, value in told.items() if key != missing)
    (home / "default").mkdir(parents=True)
    (home / "default" / "config.toml").write_text(f'[providers.film]\npreset = "runninghub"\n{lines}\n')

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert f"providers.film.{missing} is missing: it is" in err
    assert "''" not in err


def test_a_key_keeps_its_full_name_where_an_account_is_called_like_it(ytpool, home, monkeypatch):
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")
    monkeypatch.setenv("FILM_KEY", KEY)
    folder = home / "sandbox"
    folder.mkdir(parents=True)
    film = '[providers.film]\npreset = "runninghub"\nurl = "https://film.example"\nkeys = "FILM_KEY"\n'
    (folder / "config.toml").write_text(film)
    assert ytpool("auth", "add", "primary", "--pool", "main")[0] == 0

    names = [row["name"] for row in told(ytpool, "queue", "status")["accounts"]]

    assert names == ["primary", "film/primary"]
    assert ytpool("sandbox", "down")[0] == 0


def test_a_task_is_held_back_let_go_and_done_again_like_any_job(ytpool, service, home):
    service.control.settings(tasks_take=3600)
    describe(home, service, slots=1)
    runs, waits = (submitted(ytpool, workflow=n)["job"] for n in (1, 2))

    assert ytpool("queue", "hold", waits)[0] == 0
    status, _, err = ytpool("queue", "hold", runs)
    assert (status, f"task {runs} is with film already" in err) == (2, True)
    assert ytpool("queue", "resolve", runs, "--as", "failed")[0] == 0
    assert ytpool("work", "--once")[0] == 0
    assert told(ytpool, "task", "show", waits)["advice"] == f"ytpool queue hold {waits} --release"
    assert told(ytpool, "queue", "status")["totalQueued"] == 0
    for words in (("task", "show", waits, "--follow"), ("task", "submit", "film", "--set", "workflow_id=2", "--wait")):
        status, _, err = ytpool(*words)
        assert (status, f"ytpool queue hold {waits} --release" in err) == (2, True)

    assert ytpool("queue", "hold", waits, "--release")[0] == 0
    assert ytpool("work", "--once")[0] == 0
    assert told(ytpool, "task", "show", waits)["state"] == "running"
    status, _, err = ytpool("queue", "retry", runs)
    assert (status, f"ytpool queue resolve {runs} --as restart" in err) == (2, True)
    assert ytpool("queue", "resolve", runs, "--as", "restart")[0] == 0
    assert told(ytpool, "task", "show", runs)["state"] == "queued"
    explained = ytpool("why", runs)[1]
    assert "it waits for a free slot; `ytpool work` or `ytpool serve` sends it" in explained
    assert "on account" not in explained  # it is nobody's any more
    assert "film is at it" in ytpool("why", waits)[1]

    assert ytpool("queue", "resolve", waits, "--as", "done")[0] == 0
    status, _, err = ytpool("queue", "retry", waits)
    assert (status, f"task {waits} of film is done" in err) == (2, True)
    assert "for another: ytpool task submit film --again" in err


def test_a_task_that_is_let_go_or_queued_is_sent_at_once_by_a_worker_that_waits(ytpool, service, home):
    describe(home, service, slots=3)
    service.control.settings(tasks_take=3600)
    held = submitted(ytpool, "--queue", workflow=1)["job"]
    assert ytpool("queue", "hold", held)[0] == 0
    worker = start("work", "--json", env=os.environ, program=LOOKS_SELDOM)
    wait_until(lambda: len([*home.glob("default/workers/*.pipe")]) == 2)
    time.sleep(0.3)

    assert ytpool("queue", "hold", held, "--release")[0] == 0
    wait_until(lambda: len(service.truth()["tasks"]) == 1)
    submitted(ytpool, "--queue", workflow=2)
    wait_until(lambda: len(service.truth()["tasks"]) == 2)

    worker.send_signal(signal.SIGTERM)
    assert ended(worker)[0] == 0


def test_a_service_whose_keys_cannot_be_read_keeps_neither_jobs_nor_other_services_waiting(
    ytpool, service, sandbox, home, make_video, tmp_path
):
    keys = tmp_path / "about.env"
    keys.write_text("ABOUT_KEY=one\n")
    about = f'preset = "runninghub"\nurl = "{service.server.url}"\nkeys = "ABOUT_KEY"\nenv_file = "{keys}"'
    settings = home / "default" / "config.toml"
    described = settings.read_text()
    settings.write_text(described.replace("[providers.film]", f"[providers.about]\n{about}\n\n[providers.film]", 1))
    assert ytpool("pause", "--reason", "an audit")[0] == 0
    for provider in ("about", "film"):
        assert ytpool("task", "submit", provider, "--set", "workflow_id=1")[0] == 0
    assert ytpool("upload", make_video("news.mp4", 1000), "--account", "news", "--queue")[0] == 0
    assert ytpool("unpause")[0] == 0
    keys.unlink()
    keys.mkdir()

    status, out, err = ytpool("work", "--once", "--json")

    assert [task["account"] for task in told(ytpool, "task", "list")["tasks"]] == [None, "film/primary"]
    assert len(sandbox.videos_on("news")) == 1
    assert status == 3, out
    assert f"the env file {keys} of about cannot be read" in err


def test_what_tasks_came_to_is_in_the_activity_report_once_each(ytpool, service, monkeypatch):
    monkeypatch.setenv("FILM_KEY_2", "second")
    submitted(ytpool, "--follow", workflow=1)
    service.control.settings(tasks_end="FAILED")
    submitted(ytpool, "--follow", workflow=2, status=1)
    service.control.add_fault(method="tasks.create", kind="lose_answer")
    lost = submitted(ytpool, workflow=3, status=7)["job"]

    [row] = told(ytpool, "activity", "report")["rows"]
    errors = {(one["operation"], one["reason"]) for one in told(ytpool, "activity", "report")["errors"]}

    assert (row["account"], row["operation"]) == ("film/primary", "task")
    assert (row["calls"], row["done"], row["failed"], row["unknown"]) == (3, 1, 1, 1)
    assert row["seconds"] > 0.2
    assert errors == {("task", "task_failed"), ("task", "outcome_unknown")}

    service.control.settings(tasks_end="SUCCESS")
    assert ytpool("queue", "resolve", lost, "--as", "restart")[0] == 0
    assert ytpool("task", "show", lost, "--follow")[0] == 0
    [row] = told(ytpool, "activity", "report")["rows"]
    assert (row["calls"], row["done"], row["unknown"]) == (4, 2, 1)


def test_health_looks_whether_each_service_has_keys_that_nobody_else_can_read(ytpool, service, home, monkeypatch):
    def checks():
        status, out, _ = ytpool("health", "--json")
        return status, [
            (one["status"], one["message"], one["fix"])
            for one in json.loads(out)["data"]["checks"]
            if one["check"] == "provider film"
        ]

    keys = home / "keys with spaces.env"
    describe(home, service, env_file=f'"{keys}"')
    assert checks() == (0, [("pass", "1 key, 3 slots each", "")])

    keys.write_text("FILM_KEY_2=second\n")
    keys.chmod(0o644)
    assert checks() == (
        0,
        [
            ("warn", f"others may read {keys}, where its keys are", f"run: chmod 600 '{keys}'"),
            ("pass", "2 keys, 3 slots each", ""),
        ],
    )

    keys.unlink()
    monkeypatch.delenv("FILM_KEY")
    [(status, message, fix)] = checks()[1]
    assert (status, message) == ("warn", f"has no key: FILM_KEY is neither set nor in {keys}")
    assert "ytpool task keep-key film --key-file FILE" in fix
    keys.mkdir()
    assert checks()[0] == 8
    assert service.truth()["tasks"] == []
