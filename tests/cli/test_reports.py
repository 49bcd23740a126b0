"""What the reports say after the fact, and what the other commands of a small newsroom show."""

import json
import re
import sqlite3
from datetime import timedelta

import pytest
from newsroom import assert_books_agree
from told import data


@pytest.mark.usefixtures("sandbox")
def test_the_quota_report_has_the_shape_that_scripts_rely_on(ytpool, video):
    assert ytpool("upload", video, "--account", "news")[0] == 0

    status, out, _ = ytpool("quota", "report", "--json")

    assert status == 0
    report = data(out)
    assert set(report) >= {"quota_day", "resets_at", "projects", "accounts", "totals", "alerts"}
    [project] = report["projects"]
    buckets = {bucket["bucket"]: bucket for bucket in project["buckets"]}
    assert {name: buckets["uploads"][name] for name in ("limit", "spent", "held", "unknown", "elsewhere", "left")} == {
        "limit": 100,
        "spent": 1,
        "held": 0,
        "unknown": 0,
        "elsewhere": 0,
        "left": 99,
    }
    assert (buckets["uploads"]["percent"], buckets["uploads"]["status"]) == (1.0, "green")
    assert buckets["general"]["spent"] == 3  # two logins, one look
    news = next(row for row in report["accounts"] if row["account"] == "news")
    assert set(news) >= {
        *("account", "project", "channel_id", "tier", "state", "used", "uploads_today", "uploads_cap"),
        *("comments_today", "comments_cap", "last_operation", "score"),
    }
    assert (news["used"]["uploads"], news["uploads_today"], news["uploads_cap"]) == (1, 1, None)
    assert 0 < report["totals"]["health_score"] <= 1
    assert report["totals"]["used"]["uploads"] == 1
    assert report["alerts"] == []
    assert [row["account"] for row in data(ytpool("quota", "report", "-a", "news", "--json")[1])["accounts"]] == [
        "news"
    ]


def test_the_quota_report_is_a_table_for_people_and_for_pipes(ytpool, sandbox, monkeypatch):
    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--force")

    piped = ytpool("quota", "report")[1]
    assert piped.splitlines()[0].split("\t")[:3] == ["Project", "Bucket", "Used"]

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    drawn = ytpool("quota", "report")[1]
    assert "░" in drawn
    assert "\x1b[" in drawn
    for word in ("uploads", "general", "news", "login_needed", "midnight in California", "ytpool auth add news"):
        assert word in drawn


@pytest.mark.parametrize("words", [("report",), ("history",), ("history", "--compare")])
@pytest.mark.usefixtures("sandbox")
def test_a_terminal_of_twenty_columns_still_says_which_number_is_whose(ytpool, monkeypatch, words):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")

    lines = re.sub(r"\x1b\[[\d;]*m", "", ytpool("quota", *words)[1]).splitlines()

    assert max(map(len, lines)) <= 20
    row = lines[lines.index("Bucket: general") - 1 :]
    assert row[0].startswith("Project: ")
    assert any(re.match(r"(?:Left|Units): [\d,]+", line) for line in row)


def test_what_cron_mails_names_each_item_that_failed_and_what_to_type(ytpool, sandbox):
    sandbox.channel("news").revoke()

    status, _, mailed = ytpool("refresh-tokens", "--force", "--quiet")

    assert status == 3
    assert "news: " in mailed
    assert "ytpool auth add news" in mailed
    assert "sports" not in mailed
    status, out, _ = ytpool("refresh-tokens", "--force", "--account", "news", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (4, "login_needed")


@pytest.mark.usefixtures("sandbox")
def test_people_see_moments_and_lists_as_they_are_said_and_no_empty_column(ytpool, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    shown = ytpool("accounts", "show", "news")[1]
    listed = ytpool("auth", "list")[1]

    assert re.search(r"^pools +main$", shown, re.MULTILINE)
    assert re.search(r"^created_at +\d{4}-\d\d-\d\d \d\d:\d\dZ$", shown, re.MULTILINE)
    assert "Token until" in listed
    assert "Login until" not in listed


@pytest.mark.usefixtures("sandbox")
def test_an_address_in_a_table_is_never_broken_where_a_sentence_can_make_room(ytpool, video, monkeypatch):
    ytpool("upload", video, "--account", "news")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    status, told, _ = ytpool("upload", video, "--account", "news")

    assert status == 0
    assert re.search(r"youtu\.be/[\w-]{11}(?![\w-])", told)
    assert all(len(line) <= 120 for line in re.sub(r"\x1b\[[\d;]*m", "", told).splitlines())


def test_where_there_is_no_state_yet_health_says_so_once(ytpool):
    status, out, _ = ytpool("health", "--json")

    assert status == 8
    [check] = [one for one in data(out)["checks"] if one["status"] != "pass"]
    assert (check["check"], check["fix"]) == ("state", "run: ytpool init")


def test_the_activity_report_looks_as_far_back_as_it_is_told(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0

    report = data(ytpool("activity", "report", "--json")[1])

    rows = {(row["account"], row["operation"]): row for row in report["rows"]}
    assert (rows["news", "videos.insert"]["failed"], rows["news", "videos.insert"]["success_rate"]) == (1, 0.0)
    assert (rows["sports", "videos.insert"]["done"], rows["sports", "upload"]["bytes"]) == (1, 900_000)
    assert report["errors"] == [{"operation": "videos.insert", "reason": "uploadLimitExceeded", "times": 1}]
    assert report["totals"]["units"] == sum(
        sum(buckets.values()) for days in sandbox.truth()["units"].values() for buckets in days.values()
    )

    def since_then(*words):
        """What is there but the refreshing by which ytpool was told the time."""
        rows = data(ytpool("activity", "report", *words, "--json")[1])["rows"]
        return [row for row in rows if row["operation"] != "oauth.refresh"]

    sandbox.control.clock(forward=timedelta(hours=9))
    ytpool("refresh-tokens", "--force")  # its answer tells ytpool the time
    assert since_then("--hours", "8") == []
    assert since_then("--hours", "10") == report["rows"]
    assert since_then("--since", report["since"]) == report["rows"]
    assert since_then("--hours", "48", "--until", report["since"]) == []


def checks(out):
    return {check["check"]: check for check in data(out)["checks"]}


def test_health_is_well_until_something_is_not(ytpool, sandbox):
    status, out, _ = ytpool("health", "--json")
    assert status == 0
    # It is noon at this YouTube, whatever the time is here; where that is noon too, the clock is right.
    assert {one["check"] for one in data(out)["checks"] if one["status"] != "pass"} <= {"clock"}
    assert {name.split()[0] for name in checks(out)} >= {"state", "vault", "clock", "grant", "bucket", "rests"}

    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--force")
    before = sandbox.truth()["calls"]
    status, out, _ = ytpool("health", "--json")
    assert (status, data(out)["status"]) == (8, "fail")
    assert checks(out)["grant news"]["fix"] == "run: ytpool auth add news"
    assert checks(out)["grant sports"]["status"] == "pass"
    assert sandbox.truth()["calls"] == before


def test_a_rest_is_a_warning_that_strictness_counts(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0

    assert ytpool("health")[0] == 0
    assert ytpool("health", "--strict")[0] == 8
    assert "uploadLimitExceeded" in ytpool("health")[1]
    assert_books_agree(ytpool, sandbox)


@pytest.mark.usefixtures("sandbox")
def test_books_that_are_wrong_are_found(ytpool, home, video):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    assert ytpool("state", "check")[0] == 0
    connection = sqlite3.connect(next(home.rglob("state.db")))
    connection.execute("UPDATE meters SET spent = spent + 1 WHERE bucket = 'uploads' AND scope = 'project'")
    connection.commit()
    connection.close()

    status, out, _ = ytpool("state", "check", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (8, "books_disagree")
    assert "uploads" in json.dumps(data(out)["books"])
    assert ytpool("health")[0] == 8


def test_an_upload_that_waits_for_its_day_is_explained(ytpool, sandbox, video):
    sandbox.project(limits={"uploads": 0})
    told = data(ytpool("upload", video, "--pool", "main", "--json")[1])

    status, out, _ = ytpool("why", told["job"][:10], "--json")

    assert status == 0
    why = data(out)
    assert (why["state"], why["target"], why["account"]) == ("deferred", "pool main", None)
    assert why["not_before"] == data(ytpool("quota", "report", "--json")[1])["resets_at"]
    shown = ytpool("why", told["job"])[1]
    assert "news" in shown
    assert "sports" in shown
