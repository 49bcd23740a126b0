"""Pictures show the numbers that the commands tell."""

import json
import os
from datetime import timedelta

import pytest
from books import Books, ObedientClock

from ytpool import config
from ytpool.actions.pictures import done, slots, use
from ytpool.cli.values import plain
from ytpool.domain import quota
from ytpool.runtime import Runtime
from ytpool.store.ledger import Payer


@pytest.fixture
def rt(sandbox):  # noqa: ARG001 - the newsroom must be there
    runtime = Runtime(config.load(profile=None, environ=os.environ))
    yield runtime
    runtime.close()


@pytest.fixture
def told(ytpool):
    """What a command tells a script."""

    def data(*words):
        status, out, err = ytpool(*words, "--json")
        assert status == 0, err
        return json.loads(out)["data"]

    return data


@pytest.fixture
def this_morning(sandbox, ytpool, home):
    """The books at half past midnight today, for what was used before noon."""
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    begins = quota.starts_at(quota.quota_day(sandbox.control.clock()))
    books = Books(next(home.rglob("state.db")), ObedientClock(begins + timedelta(minutes=30)), seed=1)
    books.payers = {
        name: Payer(account=name, project="press", channel_id=sandbox.channel(name).channel_id)
        for name in ("news", "sports")
    }
    yield books
    books.database.close()


def test_burn_downs_and_shares_of_accounts_are_the_books_of_the_report_and_the_forecast(rt, told, this_morning):
    for hour in range(9):
        for name, calls in (("news", 2), ("sports", hour % 2)):
            for _ in range(calls):
                this_morning.spend(this_morning.payers[name], "videos.insert")
                this_morning.spend(this_morning.payers[name], "videos.list")
        this_morning.forward(hours=1)
    this_morning.sent(this_morning.payers["news"], "videos.insert")
    this_morning.hold(this_morning.payers["sports"], "videos.insert")
    this_morning.elsewhere(7, project="press", bucket="uploads")

    report, ahead = told("quota", "report"), told("quota", "forecast")
    downs = plain(use.burn_downs(rt))

    books = {bucket["bucket"]: bucket for bucket in report["projects"][0]["buckets"]}
    rows = {row["bucket"]: row for row in ahead["rows"] if row["scope"] == "project"}
    assert {one["bucket"] for one in downs["pictures"]} == {"uploads", "general"}
    for one in downs["pictures"]:
        book = books[one["bucket"]]
        assert one["limit"] == book["limit"]
        assert one["used"] == one["course"][-1]["used"] == book["limit"] - book["left"]
        # Time has gone on between the two, so what is to come differs by a moment's use.
        row, same = rows[one["bucket"]], one["ahead"].keys() - {"early", "likely", "late", "band"}
        assert {key: one["ahead"][key] for key in same} == {key: row[key] for key in same}
        for mine, its in zip(one["ahead"]["band"][1:], row["band"][1:], strict=True):
            assert mine["at"] == its["at"]
            assert mine["high"] == pytest.approx(its["high"], abs=0.1)
        assert one["course"][0]["at"] == one["begins"]
    for bucket in ("uploads", "general"):
        shares = plain(use.use_by_account(rt, bucket))
        assert {one["account"]: one["used"] for one in shares["accounts"]} == {
            account["account"]: account["used"][bucket] for account in report["accounts"]
        }
        assert all(sum(one["hourly"]) == one["used"] for one in shares["accounts"])
        assert shares["used"] == books[bucket]["limit"] - books[bucket]["left"] - books[bucket]["elsewhere"]


def test_the_heat_map_and_the_timeline_are_the_journal_and_the_queue(rt, told, ytpool, video, make_video):
    assert ytpool("upload", video, make_video("second.mp4"), "--pool", "main")[0] == 0

    heat, report = plain(done.heat_map(rt)), told("activity", "report")
    line, jobs = plain(done.upload_timeline(rt)), told("queue", "list", "--all")["jobs"]

    calls = {}
    for row in report["rows"]:
        calls[row["account"]] = calls.get(row["account"], 0) + row["calls"]
    assert {row["account"]: row["calls"] for row in heat["rows"]} == calls
    assert all(sum(row["cells"]) == row["calls"] and len(row["cells"]) == len(heat["starts"]) for row in heat["rows"])
    assert heat["calls"] == report["totals"]["calls"]
    assert heat["most"] == max(max(row["cells"]) for row in heat["rows"])
    keys = ("job", "file", "account", "state", "working", "bytes", "kept")
    assert [{key: one[key] for key in keys} for one in line["uploads"]] == [
        {key: job[key] for key in keys} for job in jobs
    ]
    assert all(one["begun_at"] <= one["ended_at"] == one["until"] for one in line["uploads"])


def test_slots_are_those_of_the_queue(rt, told):
    status, seen = told("queue", "status"), plain(slots.slots(rt))

    assert (seen["running"], seen["max_slots"]) == (status["totalRunning"], status["totalMaxSlots"])
    assert {one["name"]: one["max_slots"] for one in seen["accounts"]} == {
        one["name"]: one["maxSlots"] for one in status["accounts"]
    }
