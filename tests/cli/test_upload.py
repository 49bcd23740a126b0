"""Uploading through the front door, and what YouTube really got."""

import hashlib
import json

from newsroom import assert_books_agree


def data(out):
    return json.loads(out.splitlines()[-1])["data"]


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
    assert {name: told[name] for name in ("state", "account", "channel_id", "video_id", "bytes", "sha256", "privacy")} == {
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
    assert [one["chosen"] for one in decisions] == ["news", "sports"]
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
