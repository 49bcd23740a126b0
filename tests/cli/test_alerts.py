"""Alerts: one for each cause, as long as it lasts, whoever sees it."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from newsroom import PROJECT, ROOT
from real_parts import scaled
from schemas import fits

SEES_IT_TWENTY_TIMES = """
import os
from ytpool import config
from ytpool.actions.alerts import looking
from ytpool.runtime import Runtime

rt = Runtime(config.load(profile=None, environ=os.environ))
for _ in range(20):
    looking.look(rt)
rt.close()
"""


@pytest.fixture
def alerts(ytpool):
    """What `alerts list` says, by kind and subject."""

    def told(*words):
        status, out, err = ytpool("alerts", "list", "--json", *words)
        assert status == 0, err
        return {(one["kind"], one["subject"]): one for one in fits("alerts-list", out)["alerts"]}

    return told


def of_this_moment(alert):
    return {name: alert[name] for name in ("severity", "state", "message", "command")}


@pytest.mark.usefixtures("sandbox")
def test_a_cause_opens_an_alert_and_its_end_resolves_it(ytpool, alerts):
    assert alerts() == {}
    assert ytpool("pause", "--reason", "the strike")[0] == 0

    opened = alerts()
    assert ytpool("unpause")[0] == 0

    assert of_this_moment(opened["resting", "everything"]) == {
        "severity": "warning",
        "state": "opened",
        "message": "is paused (the strike)",
        "command": "ytpool unpause",
    }
    assert alerts() == {}
    over = alerts("--all")["resting", "everything"]
    assert (over["state"], over["alert"]) == ("resolved", opened["resting", "everything"]["alert"])


@pytest.mark.usefixtures("sandbox")
def test_fifty_processes_that_see_one_cause_twenty_times_raise_one_alert(ytpool):
    """Show 3 of the issue; ten processes at the scale of 0.1."""
    processes = scaled(50, least=10)
    assert ytpool("pause", "--reason", "the strike")[0] == 0

    seeing = [
        subprocess.Popen(
            [sys.executable, "-c", SEES_IT_TWENTY_TIMES],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    ended = [(process.communicate(timeout=300)[1], process.returncode) for process in seeing]

    assert {status for _, status in ended} == {0}, ended
    told = fits("alerts-list", ytpool("alerts", "list", "--all", "--json")[1])["alerts"]
    assert [(one["kind"], one["times"]) for one in told] == [("resting", 20 * processes + 1)]


def test_what_gets_worse_escalates_and_is_never_two_alerts(ytpool, sandbox, alerts):
    def spend(percent):
        before = next(
            bucket["spent"] + bucket["elsewhere"]
            for bucket in json.loads(ytpool("quota", "report", "--json")[1])["data"]["projects"][0]["buckets"]
            if bucket["bucket"] == "general"
        )
        units = f"+{10_000 * percent // 100 - before}"
        assert ytpool("quota", "adjust", PROJECT, "general", units, "--reason", "another tool")[0] == 0
        return alerts()["quota", f"{PROJECT} general"]

    seen = [spend(percent) for percent in (75, 85, 95)]

    assert [(one["severity"], one["state"]) for one in seen] == [
        ("info", "opened"),
        ("warning", "escalated"),
        ("critical", "escalated"),
    ]
    assert len({one["alert"] for one in seen}) == 1
    assert spend(100)["severity"] == "critical"
    assert alerts()["exhausted", f"{PROJECT} general"]["severity"] == "critical"
    sandbox.control.clock(forward=timedelta(hours=24))


@pytest.mark.usefixtures("sandbox")
def test_a_report_and_todo_say_the_same_as_the_alerts(ytpool, sandbox, alerts):
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] == 3
    assert ytpool("pause", "--pool", "main", "--reason", "the strike")[0] == 0

    found = alerts()

    report = fits("quota-report", ytpool("quota", "report", "--json")[1])["alerts"]
    assert {(one["kind"], one["subject"], one["severity"]) for one in report} == {
        (*key, one["severity"]) for key, one in found.items() if one["severity"] != "info"
    }
    to_do = json.loads(ytpool("todo", "--json")[1])["data"]["items"]
    assert (
        {(one["kind"], one["command"]) for one in to_do}
        == {
            ("login_needed", "ytpool auth add news"),
            ("resting", "ytpool unpause --pool main"),
        }
        == {(kind, one["command"]) for (kind, _), one in found.items()}
    )


@pytest.mark.usefixtures("sandbox")
def test_a_person_who_knows_is_written_down(ytpool, alerts):
    assert ytpool("pause", "--reason", "the strike")[0] == 0
    alert = alerts()["resting", "everything"]["alert"]

    assert ytpool("alerts", "ack", "")[0] == 2  # a script's variable was empty
    would = fits("alerts-ack", ytpool("alerts", "ack", alert[:12], "--dry-run", "--json")[1])
    before = alerts()["resting", "everything"]
    done = fits("alerts-ack", ytpool("alerts", "ack", alert[:12], "--note", "until Monday", "--json")[1])

    assert (would["dry_run"], before["state"]) == (True, "opened")
    assert [(one["state"], one["note"]) for one in done["alerts"]] == [("acknowledged", "until Monday")]
    after = alerts()["resting", "everything"]
    assert (after["state"], " on " in after["acknowledged_by"]) == ("acknowledged", True)
    assert ytpool("alerts", "ack", "--all")[1] == "nothing waits to be acknowledged\n"
    assert ytpool("alerts", "ack")[0] == 2
    assert ytpool("alerts", "ack", "nothing")[0] == 2


@pytest.mark.usefixtures("sandbox")
def test_tidy_says_what_it_does_and_what_it_would(ytpool, alerts):
    assert ytpool("pause", "--reason", "the strike")[0] == 0

    def opened(*words):
        status, out, err = ytpool("tidy", "--json", *words)
        assert status == 0, err
        return {one["duty"]: one for one in fits("tidy", out)["duties"]}["alerts"]["done"]["opened"]

    assert (opened("--dry-run"), opened("--dry-run"), opened(), opened()) == (1, 1, 1, 0)
    assert alerts()["resting", "everything"]["times"] == 3
