"""Several machines on one state: who they are, what they hold, and an operator's word on one of them.

A machine is a host name, so a process with a host name of its own is one.
"""

import json
import os
import signal
import time
from contextlib import closing
from datetime import timedelta

import pytest
from newsroom import assert_books_agree, ended, heard, start
from real_parts import miss
from receivers import webhook
from schemas import fits
from served import once, serving
from told import data
from waiting import wait_until

from ytpool import config
from ytpool.runtime import Runtime
from ytpool.store import owners

HERE = owners.me().host


@pytest.fixture
def on(empty_sandbox):  # noqa: ARG001 - there has to be a state
    """Start `ytpool` on another machine: `on("studio-2", "work")`; whoever still lives in the end is killed."""
    if os.geteuid() != 0:
        miss("another host name needs root")
    started = []

    def run(host, *words, env=None):
        named = ("unshare", "-u", "sh", "-c", 'hostname "$0" && exec "$@"', host)
        process = start(*words, env=env or os.environ, through=named)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def machine(ytpool):
    """What `fleet status` says of a machine; None while it has not been heard."""

    def find(host):
        _, out, _ = ytpool("fleet", "status", "--json")
        return next((row for row in fits("fleet-status", out)["machines"] if row["host"] == host), None)

    return find


@pytest.fixture
def comment(ytpool, sandbox, make_video):  # noqa: ARG001 - the sandbox logs in who comments
    """Put a comment on a video in the queue, and return its job."""
    status, out, err = ytpool("upload", make_video("talk.mp4", 1000), "--account", "news", "--json")
    assert status == 0, err
    talk = data(out)["video_id"]

    def queue(text, account="news"):
        status, out, err = ytpool("comment", "post", talk, text, "--account", account, "--queue", "--json")
        assert status == 0, err
        return data(out)["job"]

    return queue


def texts(sandbox):
    return [comment["text"] for comment in sandbox.truth()["comments"]]


def test_workers_say_that_they_stay_and_that_they_leave_and_one_that_is_killed_is_silent(ytpool, on, machine):
    worker = on("studio-2", "work", "--parallel", "2")
    once(lambda: machine("studio-2"), within=60)

    seen = machine("studio-2")
    assert (seen["condition"], seen["holds"], [one["doing"] for one in seen["processes"]]) == ("idle", {}, ["work"])
    assert ytpool("fleet", "status")[0] == 0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    assert (machine("studio-2")["condition"], machine("studio-2")["processes"]) == ("away", [])

    worker = on("studio-2", "work")
    once(lambda: machine("studio-2")["processes"], within=60)
    worker.kill()
    worker.wait()
    let_nothing_be_heard_for_two_minutes("studio-2")
    assert ytpool("fleet", "status")[0] == 8
    assert machine("studio-2")["condition"] == "silent"
    assert "if it is no more: ytpool fleet forget studio-2" in ytpool("fleet", "status")[1]

    assert ytpool("fleet", "forget", "studio-2")[0] == 0
    assert (machine("studio-2"), ytpool("fleet", "status")[0]) == (None, 0)


def let_nothing_be_heard_for_two_minutes(host):
    """Put back when a machine was heard last: the clock by which that counts cannot be moved."""
    rt = Runtime(config.load(profile=None, environ=os.environ))
    with closing(rt), rt.store.transaction() as tx:
        for table in ("machines", "processes"):
            tx.run(f"UPDATE {table} SET beat = beat - 120 WHERE host = :host", host=host)


def test_a_machine_that_is_drained_takes_nothing_new_until_it_is_resumed(ytpool, sandbox, on, machine, comment):
    worker = on("studio-2", "work", "--json")
    once(lambda: machine("studio-2"), within=60)

    status, out, err = ytpool("fleet", "drain", "studio-2", "--wait", "--reason", "new disk", "--json")

    assert status == 0, err
    drained = fits("fleet-drain", out)
    assert (drained["free"], drained["already"], drained["reason"]) == (True, False, "new disk")
    heard(worker, "studio-2 is drained")
    comment("When studio-2 is back")
    by_cron = on("studio-2", "work", "--once", "--json")
    status, told, _ = ended(by_cron)
    assert (status, told["data"]["worked"]) == (0, 0)
    assert "(new disk): nothing new is taken here" in told["data"]["notes"][0]
    assert (texts(sandbox), worker.poll(), machine("studio-2")["condition"]) == ([], None, "drained")

    assert ytpool("fleet", "resume", "studio-2")[1] == "studio-2 takes work again\n"

    once(lambda: not data(ytpool("queue", "list", "--json")[1])["jobs"], within=60)
    assert texts(sandbox) == ["When studio-2 is back"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    assert_books_agree(ytpool, sandbox)


def test_what_a_drained_machine_has_begun_it_finishes_and_others_take_the_rest(
    ytpool, sandbox, on, machine, make_video
):
    sandbox.channel("news").holds_back("upload.final")
    first = ytpool("upload", make_video("first.mp4", 2_000_000), "--account", "news", "--queue", "--json")
    assert first[0] == 0, first
    on("studio-2", "work", "--json")
    once(lambda: (machine("studio-2") or {"holds": {}})["holds"].get("channel"), within=60)

    status, out, _ = ytpool("fleet", "drain", "studio-2", "--json")
    assert (status, fits("fleet-drain", out)["free"], machine("studio-2")["condition"]) == (5, False, "draining")
    second = ytpool("upload", make_video("second.mp4", 2000), "--account", "sports", "--queue", "--json")
    assert ended(on("studio-3", "work", "--once", "--json"))[0] == 0
    assert [video["title"] for video in sandbox.videos_on("sports")] == ["second"], second

    sandbox.goes_on()
    assert ytpool("fleet", "drain", "studio-2", "--wait")[0] == 0
    assert [video["title"] for video in sandbox.videos_on("news")] == ["first"]
    assert_books_agree(ytpool, sandbox)


def test_a_word_on_a_machine_nobody_knows_is_refused_and_one_that_lives_is_not_forgotten(ytpool, on, machine):
    on("studio-2", "work")
    once(lambda: machine("studio-2"), within=60)

    status, out, _ = ytpool("fleet", "drain", "studio2", "--json")
    assert (status, json.loads(out)["error"]["hint"]) == (
        2,
        "did you mean studio-2? all of them: ytpool fleet status",
    )
    status, out, _ = ytpool("fleet", "forget", "studio-2", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (6, "busy")
    status, out, _ = ytpool("fleet", "drain", "studio-2", "--dry-run", "--json")
    assert (status, data(out)["dry_run"], machine("studio-2")["condition"]) == (0, True, "idle")


def test_what_a_machine_held_that_is_gone_is_free_at_a_time_that_is_said(ytpool, sandbox, on, machine, make_video):
    sandbox.channel("news").holds_back("upload.final")
    ytpool("upload", make_video("first.mp4", 2_000_000), "--account", "news", "--queue")
    worker = on("studio-2", "work")
    once(lambda: (machine("studio-2") or {"holds": {}})["holds"].get("channel"), within=60)
    worker.kill()
    worker.wait()
    let_nothing_be_heard_for_two_minutes("studio-2")

    status, out, _ = ytpool("fleet", "drain", "studio-2", "--json")

    found = data(out)
    assert (status, found["free"], [one["lives"] for one in found["processes"]]) == (5, False, [False])
    assert 0 < found["free_in_seconds"] <= 10


@pytest.fixture
def with_key(home):
    """Take the vault's key from where every machine finds it; returns the environment of one that finds it still."""
    kept = home / "taken-along.key"
    (home / "default" / "vault.key").rename(kept)
    return {**os.environ, "YTPOOL_VAULT_KEY_FILE": str(kept)}


def test_a_machine_without_the_vaults_key_leaves_the_work_to_others_and_blames_nobody(
    ytpool, sandbox, on, machine, comment, with_key
):
    comment("Somebody with a key says this")
    before = ytpool("accounts", "list", "--json")[1]

    worker = on("studio-2", "work", "--json")
    heard(worker, "leaves the work of 2 accounts to others")

    assert machine("studio-2")["key"] == "not in reach"
    assert "leaves to others what needs the vault's key" in machine("studio-2")["remarks"][0]
    time.sleep(1)
    assert (worker.poll(), texts(sandbox)) == (None, [])
    [job] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (job["state"], job["attempts"]) == ("queued", 0)
    assert ytpool("accounts", "list", "--json")[1] == before
    status, told, _ = ended(on("studio-2", "work", "--once", "--json"))
    assert (status, len(told["data"]["notes"])) == (0, 1), "this machine has said that it has the key"
    assert ytpool("fleet", "forget", HERE)[0] == 0
    status, told, _ = ended(on("studio-2", "work", "--once", "--json"))
    assert status == 6, "nobody is known to have it"
    assert told["error"]["code"] in {"vault_unavailable", "vault_key_lost"}

    assert ended(on("studio-3", "work", "--once", "--json", env=with_key))[0] == 0
    assert texts(sandbox) == ["Somebody with a key says this"]
    assert machine("studio-3")["key"] == "in reach"


def test_a_login_is_ended_at_google_by_a_machine_that_can_and_no_other_gives_it_up(ytpool, sandbox, on, home, video):
    sandbox.channel("news").fail("revoke", "backendError")
    assert ytpool("auth", "revoke", "news", "--yes")[0] == 5
    sandbox.control.clock(forward=timedelta(days=7, minutes=1))
    assert ytpool("upload", video, "--account", "sports")[0] == 0  # which tells ytpool the time
    assert ytpool("vault", "status")[0] == 0
    key = home / "default" / "vault.key"
    key.rename(home / "put-away.key")

    assert ended(on("studio-2", "tidy", "--json"))[1]["ok"]
    assert ytpool("accounts", "show", "news")[0] == 0

    (home / "put-away.key").rename(key)
    assert ytpool("tidy")[0] == 0
    assert ytpool("accounts", "show", "news")[0] == 2
    assert sandbox.calls("revoke") == 2


def test_what_one_machine_sees_of_itself_is_not_over_because_another_is_well(ytpool, on):
    assert ytpool("health", "--only", "disk")[0] == 0
    full = {**os.environ, "YTPOOL_HEALTH_DISK_FAIL_MIB": "999999999", "YTPOOL_HEALTH_DISK_WARN_MIB": "999999999"}

    def look(host, env=os.environ):
        status, told, _ = ended(on(host, "health", "--only", "disk", "--json", env=env))
        return status, told["data"]["host"]

    def full_disks():
        found = data(ytpool("alerts", "list", "--json")[1])["alerts"]
        return [one["subject"] for one in found if one["kind"] == "health"]

    for host in ("studio-2", "studio-3"):
        ended(on(host, "work", "--once", "--json"))
    assert look("studio-2", full) == (8, "studio-2")
    assert look("studio-3", full) == (8, "studio-3")
    assert full_disks() == ["disk state on studio-2", "disk state on studio-3"]

    assert look("studio-3") == (0, "studio-3")
    assert ytpool("health", "--only", "disk")[0] == 0

    assert full_disks() == ["disk state on studio-2"]


def test_a_machine_that_is_gone_is_an_alert_until_it_is_heard_again_or_forgotten(ytpool, on, machine):
    worker = on("studio-2", "work")
    once(lambda: machine("studio-2"), within=60)
    worker.kill()
    worker.wait()
    let_nothing_be_heard_for_two_minutes("studio-2")

    def silent():
        found = data(ytpool("alerts", "list", "--json")[1])["alerts"]
        return [(one["subject"], one["command"]) for one in found if one["kind"] == "machine_silent"]

    assert silent() == [("studio-2", "ytpool fleet forget studio-2")]
    assert "fleet studio-2" in ytpool("health", "--only", "fleet")[1]

    ended(on("studio-2", "work", "--once", "--json"))

    assert (silent(), machine("studio-2")["processes"]) == ([], [])


def test_a_chain_is_left_to_a_machine_whose_settings_know_it(ytpool, on, home, tmp_path):
    for host in ("studio-2", "studio-3"):
        ended(on(host, "work", "--once", "--json"))
    ours = home / "default" / "config.toml"
    settings, with_it = ours.read_text(), tmp_path / "with-the-chain"
    ours.write_text(settings + '\n[[chains.voice]]\nservice = "local"\ncommand = ["echo", "done"]\n')
    status, out, err = ytpool("chain", "run", "voice", "--queue", "--json")
    assert status == 0, err
    job = data(out)["job"]
    with_it.write_text(ours.read_text())
    ours.write_text(settings)

    assert ended(on("studio-2", "work", "--once", "--json"))[0] == 0
    [waits] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (waits["job"], waits["state"], waits["attempts"]) == (job, "queued", 0)

    ours.write_text(with_it.read_text())
    assert ended(on("studio-3", "work", "--once", "--json"))[1]["data"]["counts"] == {"done": 1}


@pytest.mark.usefixtures("empty_sandbox")
def test_a_server_says_that_it_stays_and_is_given_no_work_while_its_machine_is_drained(ytpool, machine):
    with serving() as server:
        once(lambda: server.ask("/readyz")[0] == 200, within=60)
        once(lambda: (machine(HERE) or {"processes": []})["processes"], within=60)
        assert [(one["doing"], one["pid"]) for one in machine(HERE)["processes"]] == [("serve", server.process.pid)]
        assert ytpool("fleet", "drain", HERE, "--reason", "new disk")[0] == 0
        drained_at = time.monotonic()
        once(lambda: server.ask("/readyz")[0] == 503, within=60)
        told = [server.ask(path)[:2] for path in ("/livez", "/api/health", "/health", "/readyz?verbose")]
        assert ytpool("fleet", "resume", HERE)[0] == 0
        once(lambda: server.ask("/readyz")[0] == 200, within=60)
        took = time.monotonic() - drained_at
    assert [status for status, _ in told] == [200, 503, 503, 503]
    assert "takes nothing new" in told[1][1]["message"]
    assert [check["fix"] for check in told[3][1]["checks"] if check["check"] == "drained"] == [
        f"run: ytpool fleet resume {HERE}"
    ]
    assert took < 20, "whoever sends work there waits for no round of checks"
    assert machine(HERE)["processes"] == []


def test_a_target_hears_of_what_a_machine_has_seen_that_does_not_know_it(ytpool, sandbox, on, home, tmp_path):
    for host in ("studio-2", "studio-3"):
        ended(on(host, "work", "--once", "--json"))
    sandbox.channel("news").expire_token()
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] != 0
    assert ended(on("studio-2", "alerts", "list", "--json"))[0] == 0
    ours, book = home / "default" / "config.toml", tmp_path / "book.jsonl"
    ours.write_text(f'{ours.read_text()}\n[alerts.targets.book]\ntype = "file"\npath = "{book}"\n')

    assert ended(on("studio-3", "tidy", "--json"))[0] == 0

    told = [alert["kind"] for line in book.read_text().splitlines() for alert in json.loads(line)["alerts"]]
    assert "login_needed" in told
    assert ended(on("studio-3", "tidy", "--json"))[0] == 0
    assert len(book.read_text().splitlines()) == 1


def test_a_target_whose_secret_does_not_open_here_is_left_to_a_machine_that_has_the_key(ytpool, sandbox, on, home):
    ours, address = home / "default" / "config.toml", home / "address"
    sandbox.channel("news").expire_token()
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] != 0
    ours.write_text(f'{ours.read_text()}\n[alerts.targets.team]\ntype = "webhook"\n')
    with webhook() as hook:
        address.touch(mode=0o600)
        address.write_text(hook.url)
        assert ytpool("vault", "keep", "alerts.targets.team", "--password-file", address)[0] == 0
        key = home / "default" / "vault.key"
        key.rename(home / "put-away.key")

        ended(on("studio-2", "work", "--once", "--json"))
        assert ended(on("studio-2", "tidy", "--json"))[1]["ok"]

        [target] = data(ytpool("alerts", "list", "--json")[1])["targets"]
        assert (target["waiting"], target["attempts"], target["reason"]) == (1, 0, "")
        (home / "put-away.key").rename(key)
        assert ytpool("tidy")[0] == 0
        assert len(hook.told) == 1


def test_where_one_key_of_two_is_missing_the_rest_is_done(ytpool, sandbox, make_video):
    assert ytpool("accounts", "set", "sports", "--priority", "1")[0] == 0
    rt = Runtime(config.load(profile=None, environ=os.environ))
    with closing(rt), rt.store.transaction() as tx:
        tx.run("UPDATE secrets SET key_id = 'aaaaaaaaaaaa' WHERE owner = 'sports'")
    for name, where in (("any.mp4", ("--pool", "main")), ("one.mp4", ("--account", "sports"))):
        assert ytpool("upload", make_video(name, 2000), *where, "--queue")[0] == 0

    status, out, _ = ytpool("work", "--once", "--json")

    assert (status, data(out)["counts"]) == (6, {"done": 1})
    assert "the work of 1 account " in data(out)["notes"][0]
    assert [video["title"] for video in sandbox.videos_on("news")] == ["any"]
    [left] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (left["state"], left["attempts"]) == ("queued", 0)


def test_a_visitor_who_logs_in_or_out_at_one_machine_has_done_so_at_another(ytpool, postgres, schema, monkeypatch):
    monkeypatch.setenv("YTPOOL_STATE", postgres.url)
    monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", schema)
    monkeypatch.setenv("YTPOOL_SERVE_TOKEN", "what visitors bring".replace(" ", "-"))
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    with serving() as one, serving() as other:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        cookie = one.ask("/login", "POST", body="token=what-visitors-bring", **form)[2]["set-cookie"]
        by = {"Cookie": cookie.partition(";")[0]}
        opened = [server.ask("/", **by)[0] for server in (one, other)]
        strangers = [server.ask("/", Cookie=f"{by['Cookie']}x")[0] for server in (one, other)]
        left = one.ask("/logout", "POST", **form, **by)[0]
        wait_until(lambda: other.ask("/", **by)[0] == 303)
        closed = [server.ask(path, **by)[0] for server in (other, one) for path in ("/", "/events", "/login")]

    assert (opened, strangers) == ([200, 200], [303, 303])
    assert (left, closed) == (303, [303, 401, 200] * 2)
    assert "serve.visitors" in [row["owner"] for row in data(ytpool("vault", "status", "--json")[1])["secrets"]]
