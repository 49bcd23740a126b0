"""What scripts read fits the schemas that are shipped."""

import json

import pytest
from jsonschema import Draft202012Validator
from newsroom import let_it_be_noon
from schemas import fits

from ytpool import data
from ytpool.sandbox.control import Control

CHUNKS = bytes(range(256)) * 4000


@pytest.fixture
def run(ytpool):
    """Commands of the sandbox profile, as scripts call them."""

    def command(*words):
        status, printed, _ = ytpool(*words, "--profile", "sandbox", "--json")
        return status, printed

    let_it_be_noon(Control(json.loads(command("sandbox", "up")[1])["data"]["url"]))
    yield command
    command("sandbox", "down")


@pytest.fixture
def videos(tmp_path):
    made = [tmp_path / f"talk {number}.mp4" for number in range(3)]
    for number, path in enumerate(made):
        path.write_bytes(CHUNKS + bytes([number]))
    return made


def test_reports_fit_their_schemas_before_anything_happened(run):
    assert run("sandbox", "up")[0] == 0
    for name, command in [
        ("quota-report", ("quota", "report")),
        ("quota-history", ("quota", "history")),
        ("quota-forecast", ("quota", "forecast")),
        ("quota-drift", ("quota", "drift")),
        ("quota-prices", ("quota", "prices")),
        ("quota-prices", ("quota", "prices", "--proposed")),
        ("activity-report", ("activity", "report")),
        ("auth-list", ("auth", "list")),
        ("auth-status", ("auth", "status")),
        ("refresh-tokens", ("refresh-tokens",)),
        ("health", ("health",)),
        ("queue-list", ("queue", "list")),
        ("todo", ("todo",)),
        ("rests-list", ("rests", "list")),
        ("upload", ("upload", "--resume")),
        ("vault-status", ("vault", "status")),
        ("vault-rotate", ("vault", "rotate")),
        ("vault-rotate", ("vault", "rotate", "--finish")),
        ("vault-move", ("vault", "move", "--to", "keyfile", "--dry-run")),
    ]:
        status, printed = run(*command)

        assert status == 0
        fits(name, printed)


def test_what_happened_is_told_as_the_schemas_say(run, videos):
    for account in ("news", "sports"):
        status, printed = run("auth", "add", account, "--pool", "main")
        assert (status, fits("auth-add", printed)["renewed"]) == (0, False)

    status, printed = run("upload", "--resume")
    assert (status, fits("upload", printed)["videos"]) == (0, [])

    status, printed = run("upload", videos[0], "--pool", "main", "--dry-run")
    assert (status, fits("upload", printed)["dry_run"]) == (0, True)

    status, printed = run("upload", videos[0], "--pool", "main")
    alone = fits("upload", printed)
    assert (status, alone["state"], alone["counts"]["total"]) == (0, "done", 1)

    status, printed = run("upload", videos[1], videos[2], "/nowhere.mp4", "--pool", "main")
    several = fits("upload", printed)
    assert (status, json.loads(printed.splitlines()[-1])["event"]) == (3, "result")
    assert [video["error"]["code"] for video in several["videos"] if video["error"]] == ["file_invalid"]

    report = fits("quota-report", run("quota", "report")[1])
    assert report["totals"]["used"]["uploads"] == 3
    assert fits("activity-report", run("activity", "report")[1])["totals"]["failed"] == 0


def test_what_is_not_done_is_told_as_the_schemas_say(run, videos):
    assert run("auth", "add", "news")[0] == 0
    for fault in (("upload.final", "--close"), ("upload.query", "--error", "notFound")):
        assert run("sandbox", "fault", *fault)[0] == 0

    status, printed = run("upload", videos[0], "--account", "news")
    assert (status, fits("upload", printed)["state"]) == (7, "finished_unknown")

    [job] = fits("queue-list", run("queue", "list")[1])["jobs"]
    [item] = fits("todo", run("todo")[1])["items"]
    assert (job["job"], job["not_before"], job["advice"]) == (item["name"], item["not_before"], item["command"])
    assert run("sandbox", "clock", "--forward", "10m")[0] == 0
    status, printed = run("upload", "--resume")
    assert (status, fits("upload", printed)["state"]) == (0, "done")
    assert [one["state"] for one in fits("queue-list", run("queue", "list", "--all")[1])["jobs"]] == ["done"]


def test_the_life_of_a_video_is_told_as_the_schemas_say(run, videos):
    assert run("auth", "add", "news")[0] == 0
    first, second = (fits("upload", run("upload", one, "--account", "news")[1])["video_id"] for one in videos[:2])

    assert fits("video-show", run("video", "show", f"https://youtu.be/{first}")[1])["title"] == "talk 0"
    assert (
        len(
            fits("video-show", run("video", "show", *(f"https://youtu.be/{one}" for one in (first, second)))[1])[
                "videos"
            ]
        )
        == 2
    )
    status, printed = run("video", "show", "https://youtu.be/aaaaaaaaaaa")
    assert (status, fits("video-show", printed)["title"]) == (2, None)

    words = ("video", "update", f"https://youtu.be/{first}", "--title", "Another")
    assert fits("video-update", run(*words, "--dry-run")[1])["dry_run"] is True
    assert fits("video-update", run(*words)[1])["state"] == "done"
    assert fits("video-update", run(*words)[1])["state"] == "unchanged"

    status, printed = run("video", "delete", f"https://youtu.be/{first}", "--yes")
    assert (status, fits("video-delete", printed)["state"]) == (0, "done")


def test_a_dead_login_is_told_as_the_schemas_say(run):
    for account in ("news", "sports"):
        assert run("auth", "add", account)[0] == 0
    assert run("sandbox", "fault", "--revoke", "news")[0] == 0

    status, printed = run("refresh-tokens", "--force")
    outcomes = {row["account"]: row["outcome"] for row in fits("refresh-tokens", printed)["accounts"]}
    assert (status, outcomes) == (3, {"news": "login_needed", "sports": "refreshed"})
    for account, ended in (("news", (4, "login_needed")), ("sports", (0, "refreshed"))):
        status, printed = run("auth", "refresh", account, "--force")
        assert (status, [row["outcome"] for row in fits("refresh-tokens", printed)["accounts"]]) == (
            ended[0],
            [ended[1]],
        )

    assert fits("auth-revoke", run("auth", "revoke", "news", "--dry-run")[1])["dry_run"]
    states = {row["account"]: row["state"] for row in fits("auth-list", run("auth", "list")[1])["accounts"]}
    assert states == {"news": "login_needed", "sports": "active"}
    status, printed = run("health")
    assert (status, fits("health", printed)["status"]) == (8, "fail")


def test_what_google_taught_is_told_as_the_schemas_say(run, videos):
    assert run("auth", "add", "news")[0] == 0
    for fault in (("videos.insert", "uploadLimitExceeded"), ("videos.list", "rateLimitExceeded.new_per_day")):
        assert run("sandbox", "fault", fault[0], "--error", fault[1])[0] == 0
    assert run("upload", videos[0], "--account", "news")[0] == 5
    assert run("video", "show", "https://youtu.be/aaaaaaaaaaa", "--account", "news")[0] == 5

    status, printed = run("quota", "adjust", "sandbox", "general", "+5000", "--reason", "the console says so")
    assert (status, fits("quota-adjust", printed)["rests_for"]) == (0, "")
    told = fits("quota-drift", run("quota", "drift")[1])
    assert [(row["bucket"], row["elsewhere"]) for row in told["rows"]] == [("general", 5000)]
    assert [(one["believed"], one["shown"]) for one in told["channels"]] == [(None, 0)]
    assert [one["of"] for one in told["beliefs"]] == ["channel news"]
    [proposed] = fits("quota-prices", run("quota", "prices", "--proposed")[1])["proposed"]
    assert proposed["operation"] == "videos.list"


def test_a_refusal_fits_the_envelope(run):
    assert run("auth", "add", "news")[0] == 0

    status, printed = run("quota", "report", "--account", "newz")

    told = json.loads(printed)
    Draft202012Validator(data.load("schemas/envelope.json")).validate(told)
    assert (status, told["error"]["code"], told["data"]) == (2, "unknown_name", None)


def test_the_demo_ends_with_a_verdict_that_fits(run):
    status, printed = run("demo")

    verdict = fits("demo", printed)
    assert status == 0
    assert verdict["uploaded"] == 50
    assert {verdict[name] for name in ("duplicates", "oversold", "hash_mismatches", "unknown")} == {0}


def test_comments_and_counts_are_told_as_the_schemas_say(run, videos):
    assert run("auth", "add", "news", "--pool", "main")[0] == 0
    video_id = fits("upload", run("upload", videos[0], "--pool", "main", "--privacy", "public")[1])["video_id"]
    post = ("comment", "post", video_id, "Hello")

    assert fits("comment-post", run(*post, "--pool", "main", "--dry-run")[1])["dry_run"]
    comment_id = fits("comment-post", run(*post, "--pool", "main")[1])["comment_id"]
    answer = fits("comment-post", run("comment", "reply", comment_id, "Thanks", "--account", "news")[1])
    listed = fits("comment-list", run("comment", "list", video_id, "--replies")[1])["comments"]
    decided = run("comment", "moderate", comment_id, "UgzDE2tasfmrYLyNkGt4AaABAg", "--as", "held")
    stats = run("stats", video_id, "nowhere1234")

    assert [one["comment_id"] for one in listed] == [comment_id, answer["comment_id"]]
    assert (decided[0], fits("comment-moderate", decided[1])["comments"][0]["state"]) == (3, "done")
    assert (stats[0], fits("stats", stats[1])["videos"][0]["comments"]) == (3, 1)
    fits("stats", run("stats", video_id)[1])
    fits("queue-list", run("queue", "list", "--all")[1])
