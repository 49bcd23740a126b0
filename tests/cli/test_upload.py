"""Uploading through the front door, and what YouTube really got."""

import hashlib
import json
import threading
import urllib.request
from datetime import datetime, timedelta

from newsroom import FORCE_SSL, assert_books_agree
from told import data
from waiting import wait_until


def test_a_file_arrives_whole_and_private_and_is_read_back(ytpool, sandbox, video):
    status, out, err = ytpool("upload", video, "--account", "news", "--title", "The talk", "--tags", "a,b c")

    assert status == 0, err
    assert "talk.mp4 goes to channel news" in err
    [arrived] = sandbox.videos_on("news")
    assert arrived["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    assert (arrived["title"], arrived["privacy"], arrived["file_name"]) == ("The talk", "private", "talk.mp4")
    assert arrived["parts"]["snippet"]["tags"] == ["a", "b c"]
    assert sandbox.calls("videos.insert") == 1
    assert arrived["id"] in out
    assert_books_agree(ytpool, sandbox)


def test_the_result_says_where_what_and_how(ytpool, sandbox, video):
    status, out, _ = ytpool("upload", video, "--account", "news", "--privacy", "unlisted", "--no-notify", "--json")

    assert status == 0
    told = data(out)
    [arrived] = sandbox.videos_on("news")
    assert told["counts"] == {"total": 1, "done": 1}
    assert {
        name: told[name] for name in ("state", "account", "channel_id", "video_id", "bytes", "sha256", "privacy")
    } == {
        "state": "done",
        "account": "news",
        "channel_id": sandbox.channel("news").channel_id,
        "video_id": arrived["id"],
        "bytes": 900_000,
        "sha256": arrived["sha256"],
        "privacy": "unlisted",
    }
    assert (told["attempts"], told["resumed"]) == (1, False)
    assert [(step["step"], step["state"]) for step in told["steps"]] == [("upload", "done"), ("read_back", "done")]
    assert (arrived["privacy"], arrived["notify"]) == ("unlisted", False)


def test_several_files_are_told_one_by_one_and_summed_up(ytpool, sandbox, make_video):
    files = [make_video(f"part {number}.mp4", 300_000) for number in range(3)]

    status, out, _ = ytpool("upload", *files, "--pool", "main", "--json")

    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["event"] for line in lines] == ["video"] * 3 + ["result"]
    assert lines[-1]["data"]["counts"] == {"total": 3, "done": 3}
    assert [line["video_id"] for line in lines[:3]] == [one["video_id"] for one in lines[-1]["data"]["videos"]]
    assert {one["title"] for one in sandbox.truth()["videos"]} == {"part 0", "part 1", "part 2"}
    assert_books_agree(ytpool, sandbox)


def test_a_channel_at_its_upload_cap_hands_over_to_the_next(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert status == 0
    assert data(out)["account"] == "sports"
    assert sandbox.videos_on("news") == []
    decisions = data(ytpool("why", data(out)["job"], "--json")[1])["decisions"]
    assert [one["account"] for one in decisions] == ["news", "sports"]
    assert "uploadLimitExceeded" in json.dumps(decisions[1])
    assert_books_agree(ytpool, sandbox)


def test_a_dead_login_hands_over_to_the_next(ytpool, sandbox, video):
    sandbox.channel("news").revoke()

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert status == 0
    assert data(out)["account"] == "sports"
    states = {one["account"]: one["state"] for one in data(ytpool("auth", "list", "--json")[1])["accounts"]}
    assert states == {"news": "login_needed", "sports": "active"}
    assert_books_agree(ytpool, sandbox)


def test_a_dead_login_alone_asks_for_a_new_one(ytpool, sandbox, video):
    sandbox.channel("news").revoke()

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (4, "login_needed")
    assert "ytpool auth add news" in error["hint"]
    assert sandbox.truth()["videos"] == []
    assert_books_agree(ytpool, sandbox)


def test_the_same_file_again_is_told_and_not_sent(ytpool, sandbox, video):
    first = data(ytpool("upload", video, "--pool", "main", "--json")[1])
    before = sandbox.truth()
    copy = video.with_name("copy.mp4")
    copy.write_bytes(video.read_bytes())

    for path, target in ((video, ("--pool", "main")), (video, ("--account", "news")), (copy, ("--pool", "main"))):
        status, out, _ = ytpool("upload", path, *target, "--json")

        assert status == 0
        assert data(out)["video_id"] == first["video_id"]
        assert "already published" in data(out)["note"]
    assert sandbox.truth()["calls"] == before["calls"]
    assert_books_agree(ytpool, sandbox)


def test_another_channel_key_or_again_publishes_the_same_file_once_more(ytpool, sandbox, video):
    ids = [
        data(ytpool("upload", video, "--account", account, *more, "--json")[1])["video_id"]
        for account, more in (("news", ()), ("sports", ()), ("news", ("--key", "evening")), ("news", ("--again",)))
    ]

    assert len(set(ids)) == 4
    assert len(sandbox.videos_on("news")) == 3
    assert_books_agree(ytpool, sandbox)


def test_a_dry_run_of_what_waits_says_who_would_take_it_or_why_nobody_would(ytpool, sandbox, video):
    assert ytpool("projects", "set", "press", "--limit", "uploads=0")[0] == 0
    _, out, _ = ytpool("upload", video, "--account", "sports", "--json")
    job = json.loads(out)["data"]["job"]

    status, out, _ = ytpool("upload", video, "--pool", "main", "--dry-run", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (6, "no_eligible_account")

    assert ytpool("projects", "set", "press", "--limit", "uploads=default")[0] == 0
    status, out, _ = ytpool("upload", video, "--pool", "main", "--dry-run", "--json")
    planned = json.loads(out)["data"]
    assert (status, planned["account"], planned["job"]) == (0, "sports", job)
    assert planned["note"] == "goes on with the job that is deferred; nothing of it was sent yet"
    assert sandbox.calls("videos.insert") == 0


def test_a_dry_run_says_all_and_sends_nothing(ytpool, sandbox, video):
    before = sandbox.truth()

    status, out, _ = ytpool("upload", video, "--pool", "main", "--privacy", "public", "--dry-run", "--json")

    assert status == 0
    told = data(out)
    assert (told["dry_run"], told["account"], told["privacy"]) == (True, "news", "public")
    assert told["channel_id"] == sandbox.channel("news").channel_id
    assert told["units"] == {"uploads": 1, "general": 4}
    assert sandbox.truth()["calls"] == before["calls"]
    assert data(ytpool("activity", "report", "--json")[1])["totals"]["calls"] == 2  # the logins'


def test_a_video_for_later_is_private_until_then(ytpool, sandbox, video, monkeypatch):
    monkeypatch.setenv("YTPOOL_TIME_ZONE", "Europe/Berlin")

    status, out, _ = ytpool("upload", video, "--account", "news", "--publish-at", "2031-06-01T18:00", "--json")

    assert status == 0
    [arrived] = sandbox.videos_on("news")
    assert (arrived["privacy"], data(out)["privacy"]) == ("private", "private")
    assert arrived["publish_at"] in {"2031-06-01T16:00:00Z", "2031-06-01T16:00:00.000000Z"}


def test_work_stops_at_eighty_percent_and_the_buffer_opens_by_hand(ytpool, sandbox, make_video, monkeypatch):
    for name, percent in (("YELLOW", "1"), ("ORANGE", "2"), ("RED", "3")):  # of 100 uploads
        monkeypatch.setenv(f"YTPOOL_THRESHOLDS_{name}", percent)
    for number in range(2):
        assert ytpool("upload", make_video(f"{number}.mp4", 1000), "--pool", "main")[0] == 0
    third = make_video("third.mp4", 1000)

    status, out, _ = ytpool("upload", third, "--pool", "main", "--json")

    error = json.loads(out)["error"]
    report = data(ytpool("quota", "report", "--json")[1])
    assert (status, error["code"]) == (5, "quota_exhausted")
    assert error["details"]["until"] == report["resets_at"]
    assert data(out)["state"] == "deferred"
    assert next(b for b in report["projects"][0]["buckets"] if b["bucket"] == "uploads")["status"] == "orange"
    assert len(sandbox.truth()["videos"]) == 2

    assert ytpool("upload", third, "--pool", "main", "--use-buffer")[0] == 0
    assert len(sandbox.truth()["videos"]) == 3
    assert_books_agree(ytpool, sandbox)


def test_an_empty_bucket_waits_for_midnight_in_california(ytpool, sandbox, make_video):
    sandbox.project(limits={"uploads": 1})
    assert ytpool("upload", make_video("first.mp4"), "--pool", "main")[0] == 0
    second = make_video("second.mp4")

    status, out, _ = ytpool("upload", second, "--pool", "main", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (5, "quota_exhausted")
    assert error["details"]["until"] == data(ytpool("quota", "report", "--json")[1])["resets_at"]
    assert_books_agree(ytpool, sandbox)
    refused = sandbox.calls("videos.insert")
    assert ytpool("upload", second, "--pool", "main")[0] == 5
    assert sandbox.calls("videos.insert") == refused  # the books know, nobody is asked again

    sandbox.control.clock(forward=timedelta(hours=13))
    ytpool("refresh-tokens", "--force")  # any answer tells the new day
    status, out, _ = ytpool("upload", second, "--pool", "main", "--json")

    assert status == 0
    assert data(out)["job"] == json.loads(ytpool("why", data(out)["job"], "--json")[1])["data"]["job"]
    assert len(sandbox.truth()["videos"]) == 2
    assert_books_agree(ytpool, sandbox)


def test_what_youtube_refuses_is_told_with_what_to_do_and_not_repeated(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "invalidVideoMetadata")

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"], error["details"]["reason"]) == (1, "youtube_refused", "invalidVideoMetadata")
    assert "correct the field" in error["hint"]
    assert data(out)["state"] == "failed"
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_project_without_the_api_rests_until_somebody_has_acted(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "accessNotConfigured")

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (6, "no_eligible_account")
    assert "enable it in Google's console" in error["hint"]
    assert_books_agree(ytpool, sandbox)

    again = ("auth", "import", "news", "--client-secrets", sandbox.secrets_file())
    assert ytpool(*again, "--token", sandbox.token_file("news"))[0] == 0
    assert ytpool("upload", video, "--pool", "main")[0] == 0


def test_a_channel_at_its_cap_is_tried_again_after_a_day(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (5, "resting")
    until = datetime.fromisoformat(error["details"]["until"])
    assert timedelta(hours=23, minutes=59) < until - sandbox.control.clock() <= timedelta(hours=24)
    assert ytpool("upload", video, "--account", "news")[0] == 5
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)

    sandbox.control.clock(forward=timedelta(hours=24, minutes=1))
    ytpool("refresh-tokens", "--force")  # any answer tells the time
    assert ytpool("upload", video, "--account", "news")[0] == 0


def test_one_bad_file_among_good_ones_is_told_and_keeps_nobody_up(ytpool, sandbox, make_video, tmp_path):
    files = (make_video("a.mp4"), tmp_path / "missing.mp4", make_video("b.mp4"))

    status, out, _ = ytpool("upload", *files, "--pool", "main", "--json")

    told = json.loads(out.splitlines()[-1])
    assert (status, told["ok"], told["error"]["code"]) == (3, False, "partly")
    assert told["data"]["counts"] == {"total": 3, "done": 2, "refused": 1}
    assert [video["error"] and video["error"]["code"] for video in told["data"]["videos"]] == [
        None,
        "file_invalid",
        None,
    ]
    assert len(sandbox.truth()["videos"]) == 2


def test_a_look_that_fails_is_taken_again_and_the_video_stays_one(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.list", "backendError", times=3)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    told = json.loads(out)
    assert (status, told["data"]["state"]) == (3, "partly")
    assert "the video is up, and not all that goes along is done: read back: backendError" in told["error"]["message"]
    assert told["data"]["video_id"] == sandbox.truth()["videos"][0]["id"]

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert (status, data(out)["state"]) == (0, "done")
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_what_youtube_made_of_it_is_compared_with_what_was_asked(ytpool, sandbox, video):
    sandbox.channel("news").holds_back("upload.final")  # until somebody in the Studio is ready
    meddler = threading.Thread(target=make_it_unlisted, args=(sandbox,))
    meddler.start()

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    meddler.join()
    told = json.loads(out)
    assert (status, told["ok"], told["data"]["state"]) == (3, False, "partly")
    assert "asked for privacy private, YouTube has unlisted" in told["error"]["message"]
    assert ytpool("upload", video, "--account", "news")[0] == 3  # it looks again, and finds the same
    assert len(sandbox.truth()["videos"]) == 1


def make_it_unlisted(sandbox):
    granted = sandbox.control.grant("press", "news", [FORCE_SSL])
    wait_until(lambda: sandbox.videos_on("news"))
    change = {"id": sandbox.videos_on("news")[0]["id"], "status": {"privacyStatus": "unlisted"}}
    request = urllib.request.Request(
        f"{sandbox.server.url}/youtube/v3/videos?part=status",
        data=json.dumps(change).encode(),
        headers={"Authorization": f"Bearer {granted['access_token']}", "Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()
    sandbox.goes_on()
