"""Plans from the command line: what is planned, what is not and why; nothing changes and nothing is spent."""

import csv
import io
import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from schemas import fits

from ytpool import config
from ytpool.actions.plan import applying, making
from ytpool.cli.planned import orders_of
from ytpool.errors import Busy
from ytpool.runtime import Runtime

pytestmark = pytest.mark.usefixtures("sandbox")

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
BLOCKS = """
[time]
zone = "Europe/Berlin"

[[plan.blocks]]
name = "morning"
from = "06:00"
to = "12:00"
videos = 20

[[plan.blocks]]
name = "afternoon"
from = "12:00"
to = "18:00"
videos = 20

[[plan.blocks]]
name = "evening"
from = "18:00"
to = "23:00"
videos = 10
"""


@pytest.fixture
def planned(ytpool):
    """Plan something, and return the status and what a script is told."""

    def run(*words):
        status, out, _ = ytpool("plan", *words, "--json")
        return status, fits("plan", out)

    return run


@pytest.fixture
def manifest(tmp_path, make_video):
    """Write a manifest of so many videos, each with the same further columns."""

    def write(count, size=1000, **columns):
        for number in range(count):
            make_video(f"{number}.mp4", size=size)
        rows = [{"file": f"{number}.mp4", **columns} for number in range(count)]
        path = tmp_path / "manifest.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


def by_state(plan):
    return {
        state: [one["item"].rpartition("/")[2] for one in plan["items"] if one["state"] == state]
        for state in ("planned", "left", "done")
    }


def test_a_day_of_three_blocks_has_its_fifty_videos(home, sandbox, planned, manifest):
    settings = home / "default" / "config.toml"
    settings.write_text(settings.read_text().partition("[time]")[0] + BLOCKS)
    before = sandbox.truth()

    status, plan = planned(manifest(110), "--pool", "main", "--days", "4")

    days = {}
    for row in plan["calendar"]:
        days.setdefault(row["day"], []).append((row["block"], row["planned"], row["videos"]))
    assert (status, plan["counts"]["planned"]) == (0, 110)
    assert [("morning", 20, 20), ("afternoon", 20, 20), ("evening", 10, 10)] in days.values()
    assert all(count <= most for rows in days.values() for _, count, most in rows)
    assert sum(row["planned"] for row in plan["accounts"]) == 110
    assert plan["blocks"] == ["morning", "afternoon", "evening"]
    assert sandbox.truth()["calls"] == before["calls"]


def test_what_has_no_place_says_why_and_what_would_help(ytpool, planned, manifest):
    assert ytpool("projects", "set", "press", "--limit", "uploads=10")[0] == 0
    path = manifest(12)

    status, plan = planned(path, "--pool", "main", "--days", "1")
    helped, more = planned(path, "--pool", "main", "--days", "1", "--what-if", "limit uploads=500")
    longer, _ = planned(path, "--pool", "main", "--days", "2")

    assert (status, plan["counts"]["planned"], plan["counts"]["left"]) == (3, 8, 4)
    assert plan["items"][-1]["reasons"] == [
        "press: 80 % of 10 uploads a day are used or planned, and ordinary work takes no more"
    ]
    assert (helped, longer) == (0, 0)
    assert more["what_if"] == ["press had 500 units of uploads a day, from today on"]
    assert ytpool("quota", "report")[1].split("uploads\t")[1].startswith("0.0\t10\t0")  # nothing was set aside


def test_another_account_shares_the_line_of_a_channel_but_brings_no_quota(planned, manifest):
    path = manifest(3, size=1)
    same = planned(path, "--pool", "main")[1]
    like = planned(path, "--pool", "main", "--what-if", "add account:news")[1]
    new = planned(path, "--pool", "main", "--what-if", "add account:weather")[1]

    assert [row["account"] for row in same["accounts"]] == ["news", "sports"]
    assert [row["account"] for row in like["accounts"]] == ["news", "news+1", "sports"]
    assert [row["account"] for row in new["accounts"]] == ["news", "sports", "weather"]
    assert "press pays for it" in like["what_if"][0]


def test_a_plan_that_cannot_be_done_is_refused_with_the_reason(ytpool, manifest):
    path = manifest(2)
    for account in ("news", "sports"):
        assert ytpool("accounts", "disable", account, "--reason", "handed over")[0] == 0

    status, out, _ = ytpool("plan", path, "--pool", "main", "--json")

    told = json.loads(out)
    assert (status, told["error"]["code"]) == (6, "no_eligible_account")
    assert told["data"]["items"][0]["reasons"] == ["news: disabled", "sports: disabled"]


def test_what_must_be_public_sooner_than_it_can_be_says_when_it_could(sandbox, planned, manifest):
    soon = sandbox.control.clock().replace(microsecond=0)
    day = f"{soon.replace(hour=23, minute=59):%Y-%m-%dT%H:%M}Z"

    status, plan = planned(manifest(1, size=900_000, publish_at=day), "--pool", "main", "--rate", "1")

    assert status == 6
    assert " at the earliest, and is wanted by " in plan["items"][0]["reasons"][0]


def test_what_waits_in_the_queue_comes_first(ytpool, planned, make_video, manifest):
    assert ytpool("projects", "set", "press", "--limit", "uploads=10")[0] == 0
    assert ytpool("quota", "adjust", "press", "uploads", "+10", "--reason", "by hand")[0] == 0
    assert ytpool("upload", make_video("waiting.mp4"), "--pool", "main")[0] == 5
    path = manifest(10)

    status, alone = planned("--queue", "--days", "2")
    _, both = planned(path, "--pool", "main", "--days", "2")

    assert (status, by_state(alone)["planned"]) == (0, ["waiting.mp4"])
    assert (both["counts"]["waiting"], both["counts"]["planned"], both["counts"]["left"]) == (1, 7, 3)
    assert both["items"][0]["starts_at"] > alone["items"][0]["starts_at"]


def test_what_waits_has_its_place_by_priority_and_deadline_and_what_is_held_has_none(
    ytpool, sandbox, planned, make_video
):
    soon = f"{sandbox.control.clock() + timedelta(hours=2):%Y-%m-%dT%H:%MZ}"
    asked = {
        "last": (),
        "held": (),
        "wanted": ("--deadline", soon),
        "overdue": ("--deadline", "2020-01-01"),
        "first": ("--priority", "5"),
        "later": ("--not-before", "2090-01-01T00:00Z"),
    }
    jobs = {}
    for name, words in asked.items():
        file = make_video(f"{name}.mp4", size=1000 + len(jobs))
        status, out, err = ytpool("upload", file, "--account", "news", "--queue", *words, "--json")
        assert status == 0, err
        jobs[name] = json.loads(out)["data"]["job"]
    assert ytpool("queue", "hold", jobs["held"])[0] == 0

    status, plan = planned("--queue")

    places = {one["item"].rpartition("/")[2].partition(".")[0]: one for one in plan["items"]}
    held = places.pop("held")
    assert (status, held["state"]) == (3, "left")
    assert held["reasons"] == [f"it is held back: ytpool queue hold {jobs['held']} --release"]
    assert places.pop("later")["reasons"] == ["it is to wait until 2090-01-01 00:00 UTC, and this plan ends before"]
    assert sorted(places, key=lambda name: places[name]["starts_at"]) == ["first", "overdue", "wanted", "last"]


def test_what_is_no_upload_waits_in_the_plan_as_well(ytpool, planned, make_video):
    video_id = json.loads(ytpool("upload", make_video(), "--account", "news", "--json")[1])["data"]["video_id"]
    assert ytpool("quota", "adjust", "press", "general", "+9990", "--reason", "the console says so")[0] == 0
    assert ytpool("comment", "post", video_id, "Hello", "--pool", "main")[0] == 5

    _, today = planned("--queue", "--days", "1")
    status, plan = planned("--queue", "--days", "2")

    [comment] = plan["items"]
    assert (status, comment["kind"], comment["units"], comment["block"]) == (0, "comment", {"general": 52}, "")
    assert comment["starts_at"] >= today["until"]
    assert [one["state"] for one in today["items"]] == ["left"]


@pytest.mark.parametrize(("used", "cap"), [(0, "none"), (5, "none"), (5, 1), (0, 3)])
def test_a_plan_of_today_has_room_for_as_many_as_upload_has(ytpool, planned, manifest, used, cap):
    assert ytpool("projects", "set", "press", "--limit", "uploads=11")[0] == 0
    assert ytpool("accounts", "set", "sports", "--cap", f"uploads={cap}")[0] == 0
    if used:
        assert ytpool("quota", "adjust", "press", "uploads", f"+{used}", "--reason", "by hand")[0] == 0
    path = manifest(12)

    for target in (("--pool", "main"), ("--account", "sports")):
        dry = json.loads(ytpool("upload", "--manifest", path, *target, "--dry-run", "--json")[1].splitlines()[-1])
        would = sum(video["error"] is None for video in dry["data"]["plans"])

        assert planned(path, *target, "--days", "1")[1]["counts"]["planned"] == would > 0


def test_what_is_published_already_needs_no_place(ytpool, planned, manifest, tmp_path):
    path = manifest(2)
    assert ytpool("upload", tmp_path / "0.mp4", "--pool", "main")[0] == 0

    status, plan = planned(path, "--pool", "main")

    assert (status, by_state(plan)) == (0, {"planned": ["1.mp4"], "left": [], "done": ["0.mp4"]})


def test_a_plan_is_a_table_of_moments_for_a_spreadsheet(ytpool, manifest):
    status, out, _ = ytpool("plan", manifest(2), "--pool", "main", "--csv")

    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert [(row["state"], row["account"], row["units"]) for row in rows] == [
        ("planned", "news", "uploads=1 general=6"),
        ("planned", "sports", "uploads=1 general=6"),
    ]
    assert rows[0]["starts_at"].endswith("Z")


def test_a_table_of_moments_ends_with_the_status_of_its_plan(ytpool, manifest):
    assert ytpool("projects", "set", "press", "--limit", "uploads=1")[0] == 0

    status, out, err = ytpool("plan", manifest(3), "--pool", "main", "--days", "1", "--csv")

    assert status == 3
    assert [row["state"] for row in csv.DictReader(io.StringIO(out))] == ["planned", "left", "left"]
    assert "2 of 3 have no place" in err


def test_a_chain_that_waits_for_its_services_has_no_place_among_accounts_and_needs_none(ytpool, home, planned):
    settings = home / "default" / "config.toml"
    settings.write_text(f'{settings.read_text()}\n[[chains.voice]]\nservice = "one"\ncommand = ["false"]\n')
    assert ytpool("chain", "run", "voice")[0] == 5

    status, plan = planned("--queue")

    assert (status, plan["items"]) == (0, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name either a manifest or --queue"),
        (("--queue", "--pool", "main"), "--queue takes neither --account nor --pool"),
        (("--queue", "--csv", "--json"), "--csv and --json exclude each other"),
        (("--queue", "--what-if", "limit uplaods=5"), "there is no bucket uplaods; did you mean uploads?"),
        (("--queue", "--what-if", "limit pres uploads=5"), "there is no project pres; did you mean press?"),
        (("--queue", "--what-if", "twice as much"), "--what-if does not take 'twice as much'"),
        (("--queue", "--what-if", "limit uploads=\u0663"), "--what-if does not take"),
        (("--queue", "--what-if", "add account:a\x1b[2Jb"), "cannot be an account's name"),
        (("--queue", "--what-if", "add account:news", *["--what-if", "add account:new"] * 100), "at most 100"),
        (("--queue", "--rate", "fast"), "'fast' is no rate"),
        (("talk.mp4", "--pool", "main"), "talk.mp4 is no manifest"),
    ],
)
def test_what_makes_no_sense_is_refused(ytpool, words, said):
    status, out, err = ytpool("plan", *words)

    assert status == 2
    assert said in out + err


@pytest.fixture
def pool(home, ytpool, monkeypatch):
    """Three accounts of the sandbox profile, three blocks a day, and its virtual clock before the first of them."""
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")
    monkeypatch.delenv("YTPOOL_BALANCING_STRATEGY")
    folder = home / "sandbox"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(BLOCKS)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ytpool("sandbox", "clock", "--set", f"{tomorrow:%Y-%m-%d}T23:30:00Z")[0] == 0
    for name in ("news", "sports", "weather"):
        assert ytpool("auth", "add", name, "--pool", "main")[0] == 0
    yield ytpool
    assert ytpool("sandbox", "down")[0] == 0


def test_a_day_that_was_planned_and_applied_goes_as_planned(pool, manifest):
    ytpool, path = pool, manifest(round(50 * SCALE))
    for number in range(round(12 * SCALE)):
        assert ytpool("auth", "add", f"account-{number:02}", "--pool", "main")[0] == 0

    status, out, err = ytpool("plan", path, "--pool", "main", "--apply", "--json")
    made = fits("plan", out)
    assert (status, err) == (0, "")
    before = fits("plan-review", ytpool("plan", "review", "--json")[1])
    for at in sorted({one["starts_at"] for one in made["items"]}):
        assert ytpool("sandbox", "clock", "--set", at)[0] == 0
        ytpool("work", "--once", "--quiet")
    reviewed = fits("plan-review", ytpool("plan", "review", "--json")[1])

    assert before["counts"]["waiting"] == before["counts"]["total"] == made["counts"]["planned"]
    assert (reviewed["plan"], reviewed["counts"]["deviations"]) == (made["applied"], 0)
    assert reviewed["counts"]["as_planned"] == made["counts"]["planned"]
    assert len(made["accounts"]) == 3 + round(12 * SCALE)
    assert {one["job"]: one["account"] for one in reviewed["items"]} == {
        one["job"]: one["account"] for one in made["items"]
    }


def test_what_does_not_go_as_planned_is_named(pool, manifest):
    ytpool, path = pool, manifest(4)
    made = fits("plan", ytpool("plan", path, "--pool", "main", "--apply", "--json")[1])
    first, second, third, fourth = made["items"]

    assert ytpool("sandbox", "clock", "--set", first["starts_at"])[0] == 0
    assert ytpool("accounts", "disable", first["account"], "--reason", "handed over")[0] == 0
    ytpool("upload", "--resume")
    assert ytpool("sandbox", "clock", "--set", second["starts_at"])[0] == 0
    assert ytpool("sandbox", "clock", "--forward", "10m")[0] == 0
    ytpool("upload", "--resume")
    assert ytpool("queue", "cancel", third["job"])[0] == 0
    verdicts = {
        one["job"]: one["verdict"] for one in fits("plan-review", ytpool("plan", "review", "--json")[1])["items"]
    }

    assert verdicts == {
        first["job"]: "elsewhere",
        second["job"]: "late",
        third["job"]: "not_done",
        fourth["job"]: "waiting",
    }


def test_a_plan_that_was_applied_can_be_made_anew(pool, manifest):
    ytpool, path = pool, manifest(2)
    first = fits("plan", ytpool("plan", path, "--pool", "main", "--apply", "--json")[1])
    again = fits("plan", ytpool("plan", path, "--pool", "main", "--apply", "--json")[1])

    assert [one["job"] for one in again["items"]] == [one["job"] for one in first["items"]]
    assert again["applied"] > first["applied"]
    assert again["counts"]["planned"] == 2
    assert fits("plan-review", ytpool("plan", "review", "--json")[1])["counts"]["waiting"] == 2


def test_a_row_that_is_to_wait_waits_as_long_when_it_is_planned_anew(pool, manifest):
    ytpool = pool
    after = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    wishes = {"not_before": f"{after:%Y-%m-%dT%H:%M:%SZ}", "priority": "7"}

    for later in (timedelta(0), timedelta(hours=2)):
        wishes["deadline"] = f"{after + timedelta(days=1) + later:%Y-%m-%dT%H:%M:%SZ}"
        status, out, _ = ytpool("plan", manifest(1, **wishes), "--pool", "main", "--apply", "--json")
        (made,) = fits("plan", out)["items"]

        assert status == 0
        assert made["starts_at"] >= wishes["not_before"]
        (waits,) = json.loads(ytpool("queue", "list", "--json")[1])["data"]["jobs"]
        assert (waits["not_before"], waits["priority"]) == (made["starts_at"], 7)
        assert waits["deadline"] == wishes["deadline"]


def test_a_video_that_two_channels_get_is_two_jobs_and_each_is_told(pool, tmp_path, make_video):
    ytpool, path, video = pool, tmp_path / "both.csv", make_video("both.mp4", size=1000)
    path.write_text(f"file,account\n{video},news\n{video},sports\n")

    made = fits("plan", ytpool("plan", path, "--apply", "--json")[1])
    reviewed = fits("plan-review", ytpool("plan", "review", "--json")[1])

    planned = {one["job"]: one["account"] for one in made["items"]}
    assert planned == {one["job"]: one["planned_account"] for one in reviewed["items"]}
    assert sorted(planned.values()) == ["news", "sports"]


def test_a_row_for_a_channel_whose_video_waits_for_its_pool_already_says_so(pool, tmp_path, make_video):
    ytpool, path, video = pool, tmp_path / "both.csv", make_video("both.mp4", size=1000)
    path.write_text(f"file,pool\n{video},main\n")
    made = fits("plan", ytpool("plan", path, "--apply", "--json")[1])["items"][0]
    path.write_text(f"file,pool,account\n{video},main,\n{video},,{made['account']}\n")

    status, out, _ = ytpool("plan", path, "--json")

    (waits, same) = fits("plan", out)["items"]
    assert (status, waits["state"], same["state"]) == (3, "planned", "left")
    assert waits["job"] == same["job"] == made["job"]
    assert same["reasons"][0].startswith("its job is deferred: ")


def test_a_video_that_rows_want_twice_on_one_channel_is_queued_for_neither(pool, tmp_path, make_video):
    ytpool, path, video = pool, tmp_path / "both.csv", make_video("both.mp4", size=1000)
    path.write_text(f"file,pool,account\n{make_video('other.mp4', size=1000)},main,\n{video},main,\n{video},,news\n")

    status, _, err = ytpool("plan", path, "--apply")

    assert (status, "both.mp4 is asked for twice: for pool main and for account news" in err) == (2, True)
    assert json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"] == []


@pytest.mark.parametrize("meanwhile", ["cancel", "upload"])
def test_a_plan_is_applied_whole_or_not_at_all_when_something_has_changed_meanwhile(pool, manifest, meanwhile):
    ytpool, path = pool, manifest(3)
    waits = fits("plan", ytpool("plan", path, "--pool", "main", "--apply", "--json")[1])["items"][1]
    before = ytpool("queue", "list", "--json")[1]
    with closing(Runtime(config.load(profile=None, environ=os.environ))) as rt:
        orders = orders_of(rt, path, account=None, pool="main")
        found = making.of_orders(rt, orders, days=7, rate=None, what_if=())
        words = {"upload": ("upload", waits["item"], "--pool", "main")}.get(
            meanwhile, ("queue", meanwhile, waits["job"])
        )
        assert ytpool(*words)[0] == 0

        with pytest.raises(Busy, match=r"1\.mp4"):
            applying.apply(rt, orders, found)

    stands = {one["job"]: one["not_before"] for one in json.loads(before)["data"]["jobs"] if one["job"] != waits["job"]}
    after = json.loads(ytpool("queue", "list", "--json")[1])["data"]["jobs"]
    assert {one["job"]: one["not_before"] for one in after if one["job"] != waits["job"]} == stands


def test_another_plan_leaves_what_is_planned_where_it_is(pool, manifest, tmp_path, make_video):
    ytpool, path = pool, manifest(20)
    first = fits("plan", ytpool("plan", path, "--pool", "main", "--apply", "--json")[1])
    more = tmp_path / "more.csv"
    more.write_text(f"file\n{make_video('more.mp4', size=1000)}\n")

    queued = fits("plan", ytpool("plan", "--queue", "--json")[1])
    other = fits("plan", ytpool("plan", more, "--pool", "main", "--json")[1])

    places = {(one["job"], one["account"], one["starts_at"]) for one in first["items"]}
    assert {(one["job"], one["account"], one["starts_at"]) for one in queued["items"]} == places
    assert (other["counts"]["waiting"], other["items"][0]["block"]) == (20, "afternoon")


def test_only_a_plan_as_things_are_is_applied(ytpool, manifest):
    for words in (("--queue",), (manifest(1), "--pool", "main", "--what-if", "limit uploads=5")):
        status, _, err = ytpool("plan", *words, "--apply")

        assert status == 2
        assert "--apply does not go with" in err
    assert "no plan was applied yet" in ytpool("plan", "review")[2]
    assert "leave out --pool" in ytpool("plan", "review", "--pool", "main")[2]
