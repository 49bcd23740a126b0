"""Callbacks: what another service tells `ytpool serve`, whatever comes before, twice, late, wrong or never."""

import http.client
import importlib.util
import json
import os
import re
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from newsroom import start
from ports import free_port
from real_parts import miss

SECOND_KEYS = {"FILM_KEY": "key-of-the-first", "FILM_KEY_2": "key-of-the-second"}


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def service(empty_sandbox, home, monkeypatch, port):
    """The sandbox's service of tasks, which calls back; asking it would take an hour."""
    if not all(map(importlib.util.find_spec, ("starlette", "uvicorn"))):
        miss("the extra `serve` is not installed")
    for name, value in SECOND_KEYS.items():
        monkeypatch.setenv(name, value)
    (home / "default" / "config.toml").write_text(
        f'[providers.film]\npreset = "runninghub"\nurl = "{empty_sandbox.server.url}"\nkeys = "FILM_KEY"\nslots = 1\n'
        f'callback.url = "http://127.0.0.1:{port}"\npoll.every = 3600\n'
    )
    empty_sandbox.control.settings(tasks_take=0.1)
    return empty_sandbox


@pytest.fixture
def serving(service, port):  # noqa: ARG001 - its settings come first
    with served(port) as process:
        yield process


@contextmanager
def served(port):
    """Serve in a process of its own, and end it as systemd would."""
    process = start("serve", "--bind", port, "--json", env={**os.environ})
    try:
        once(lambda: answers(port), bool)
        yield process
    finally:
        process.terminate()
        out, err = process.communicate(timeout=20)
        process.said = out + err
    listening, result = map(json.loads, out.splitlines())
    assert listening == {"event": "listening", "url": f"http://127.0.0.1:{port}"}
    assert (process.returncode, result["event"], result["ok"]) == (0, "result", True), err
    assert "Traceback" not in err


def answers(port):
    try:
        return asked(port, "GET", "/livez")[0] == 200
    except OSError:
        return False


def call(port, path, body):
    """Call back by hand, and return the status and what was said."""
    return asked(port, "POST", path, body if isinstance(body, bytes) else json.dumps(body))


def asked(port, verb, path, body=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        line.request(verb, path, body=body)
        with line.getresponse() as answer:
            return answer.status, json.loads(answer.read())


def submitted(ytpool, workflow=1, status=0):
    done, out, err = ytpool("task", "submit", "film", "--set", f"workflow_id={workflow}", "--json")
    assert done == status, (out, err)
    return json.loads(out)["data"]


def once(question, what):
    """Ask until it is so."""
    end = time.monotonic() + 60
    while not what(found := question()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def shown(ytpool, job):
    return json.loads(ytpool("task", "show", job, "--json")[1])["data"]


def is_done(task):
    return task["state"] == "done"


@pytest.mark.usefixtures("serving")
def test_a_callback_finds_its_job_whichever_key_ran_it(ytpool, service):
    service.control.settings(tasks_take=1)
    jobs = [submitted(ytpool, workflow=n) for n in (1, 2)]

    ends = [once(lambda job=job: shown(ytpool, job["job"]), is_done) for job in jobs]

    assert [end["account"] for end in ends] == ["film/primary", "film/account_2"]
    assert {end["heard_from"] for end in ends} == {"callback"}
    assert [end["result"][0]["fileType"] for end in ends] == ["png", "png"]
    keys = json.loads(ytpool("task", "keys", "--json")[1])["data"]["keys"]
    assert [key["available"] for key in keys] == [1, 1]


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(("how", "heard"), [("twice", [200, 200]), ("early", [200])])
def test_a_callback_that_comes_twice_or_before_the_answer_counts_once(ytpool, service, how, heard):
    service.control.settings(tasks_call=how)

    job = submitted(ytpool)["job"]

    end = once(lambda: shown(ytpool, job), is_done)
    (really,) = once(lambda: service.truth()["tasks"], lambda tasks: tasks[0]["called"])
    assert (end["task_id"], really["heard"]) == (really["task_id"], heard)


@pytest.mark.usefixtures("serving")
def test_a_callback_tells_what_became_of_a_task_whose_answer_was_lost(ytpool, service):
    service.control.settings(tasks_take=0.5)
    service.control.add_fault(method="tasks.create", kind="lose_answer")

    job = submitted(ytpool, status=7)["job"]

    end = once(lambda: shown(ytpool, job), is_done)
    assert end["task_id"] == service.truth()["tasks"][0]["task_id"]
    assert end["error"] == ""


@pytest.mark.usefixtures("serving")
def test_a_callback_frees_a_slot_and_what_waited_is_sent(ytpool, service):
    service.control.settings(tasks_take=0.6)
    states = [submitted(ytpool, workflow=n) for n in range(4)]

    ends = [once(lambda job=one["job"]: shown(ytpool, job), is_done) for one in states]

    assert [one["state"] for one in states] == ["running", "running", "queued", "queued"]
    assert {end["heard_from"] for end in ends} == {"callback"}
    assert max(task["at_once"] for task in service.truth()["tasks"]) == 1


def test_a_lost_callback_is_made_good_by_asking(ytpool, service, home, port):
    config = home / "default" / "config.toml"
    config.write_text(config.read_text().replace("3600", "0.2"))
    service.control.settings(tasks_call="lost")
    with served(port):
        job = submitted(ytpool)["job"]

        end = once(lambda: shown(ytpool, job), is_done)

    assert end["heard_from"] == "poll"


@pytest.mark.usefixtures("serving")
def test_what_is_no_callback_of_ours_gets_its_answer_and_changes_nothing(ytpool, service, port):
    service.control.settings(tasks_take=3600)
    job = submitted(ytpool)
    address = urlsplit(service.truth()["tasks"][0]["callback"])
    right, wrong = f"{address.path}?{address.query}", f"{address.path}?secret=guessed"
    told = {"event": "TASK_END", "taskId": job["task_id"], "eventData": '{"code": 0, "msg": "", "data": [1]}'}

    for path, body, status, said in [
        (wrong, told, 403, "the secret is not this task's"),
        (address.path, told, 403, "the secret is not this task's"),
        (wrong, {**told, "taskId": "19"}, 404, "no job of ours has this task"),
        ("/webhooks/flim?secret=x", told, 404, "no callbacks are taken for 'flim'"),
        (right, {"event": "TASK_END"}, 400, "there is no task id at taskId"),
        (right, b"<html>", 400, "the callback is not JSON"),
        (right, b'{"taskId": "' + b"1" * 10_000_000 + b'"}', 413, "a callback has at most 1048576 bytes"),
    ]:
        assert call(port, path, body) == (status, {"ok": False, "error": said})
    assert shown(ytpool, job["job"])["state"] == "running"
    told["eventData"] = '{"code": 0, "data": [NaN, "\\ud800"]}'

    news = [call(port, right, told)[1]["news"] for _ in range(2)]

    assert news == [True, False]
    assert call(port, right, {**told, "eventData": '{"code": 805}'})[1]["state"] == "done"
    assert shown(ytpool, job["job"])["result"] == "the service gave a result that is no JSON"


def test_a_secret_is_neither_shown_nor_logged(ytpool, service, port):
    with served(port) as process:
        job = submitted(ytpool)["job"]
        once(lambda: shown(ytpool, job), is_done)
        secret = re.search(r"secret=(.+)", service.truth()["tasks"][0]["callback"])[1]
    told = json.dumps([ytpool("task", "show", job), ytpool("queue", "show", job), ytpool("config", "show")])

    assert len(secret) > 40
    assert secret not in told + process.said
    assert not any(key in told + process.said for key in SECOND_KEYS.values())


def test_keys_that_appear_while_it_runs_take_their_share_and_no_more(ytpool, service, home, port, monkeypatch):
    for name in SECOND_KEYS:
        monkeypatch.delenv(name)
    keys, config = home / "keys.env", home / "default" / "config.toml"
    keys.write_text("FILM_KEY=key-1\n")
    config.write_text(config.read_text().replace("slots = 1", f'slots = 3\nenv_file = "{keys}"'))
    service.control.settings(tasks_take=3600)
    everybody = {"film/primary", *(f"film/account_{n}" for n in range(2, 6))}

    with served(port):
        jobs = [submitted(ytpool, workflow=n)["job"] for n in range(30)]
        with_one = {shown(ytpool, job)["account"] for job in jobs}
        for number in range(2, 6):
            with keys.open("a") as file:
                file.write(f"FILM_KEY_{number}=key-{number}\n")
        once(lambda: {shown(ytpool, job)["account"] for job in jobs} - {None}, lambda at_work: at_work == everybody)
        service.control.settings(tasks_take=0.1)
        service.control.clock(forward=timedelta(hours=1))
        tasks = once(lambda: [shown(ytpool, job) for job in jobs], lambda all_: all(map(is_done, all_)))

    truth = service.truth()["tasks"]
    assert with_one == {"film/primary", None}
    assert {task["account"] for task in tasks} == everybody
    assert sorted(task["wish"]["workflowId"] for task in truth) == sorted(str(n) for n in range(30))
    assert max(task["at_once"] for task in truth) == 3
