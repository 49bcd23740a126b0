"""A pause stops every new write, wherever it would come from, and says so to everybody."""

import os

import pytest
from newsroom import assert_books_agree, start
from told import data, told
from waiting import wait_until

MIB = 1024 * 1024


@pytest.fixture
def large(make_video, monkeypatch):
    """A file of three chunks."""
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    return make_video("long.mp4", 20 * MIB + 1)


def test_while_everything_is_paused_nothing_is_written_and_everything_is_read(ytpool, sandbox, video, make_video):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    [published] = sandbox.videos_on("news")

    status, out, _ = ytpool("pause", "--reason", "wrong logo")

    assert status == 0
    assert out.startswith("everything is paused: wrong logo (since ")
    for words in (
        ("upload", make_video("b.mp4"), "--pool", "main"),
        ("upload", make_video("c.mp4"), "--account", "sports", "--dry-run"),
        ("video", "update", published["id"], "--title", "Other"),
    ):
        status, out, _ = ytpool(*words, "--json")
        assert (status, told(out)["error"]["message"]) == (6, "everything is paused: wrong logo")
        assert "ytpool unpause" in told(out)["error"]["hint"]
    status, out, _ = ytpool("comment", "post", published["id"], "Well said", "--account", "sports", "--json")
    assert (status, told(out)["error"]["message"]) == (6, "everything is paused: wrong logo")
    assert (sandbox.calls("videos.insert"), sandbox.calls("videos.update")) == (1, 0)
    assert sandbox.calls("commentThreads.insert") == 0
    assert ytpool("comment", "list", published["id"])[0] == 0
    assert ytpool("stats", published["id"])[0] == 0
    assert ytpool("video", "show", published["id"])[0] == 0
    assert ytpool("refresh-tokens", "--force")[0] == 0
    status, out, _ = ytpool("health", "--json")
    assert (status, data(out)["status"]) == (0, "warn")
    assert {"check": "paused", "status": "warn", "fix": "run: ytpool unpause"}.items() <= next(
        check for check in data(out)["checks"] if check["check"] == "paused"
    ).items()
    assert data(ytpool("accounts", "list", "--json")[1])["paused"] == ["everything is paused: wrong logo"]
    assert "is paused (wrong logo)" in data(ytpool("quota", "report", "--json")[1])["alerts"][0]["message"]
    assert data(ytpool("todo", "--json")[1])["items"][0]["command"] == "ytpool unpause"
    assert data(ytpool("pause", "--reason", "again", "--json")[1])["reason"] == "wrong logo"

    status, out, _ = ytpool("unpause")

    assert status == 0
    assert "2 jobs wait; to go on with them: ytpool upload --resume\n1 job goes on alone; see: ytpool queue list" in out
    assert ytpool("upload", "--resume")[0] == 0
    assert (len(sandbox.videos_on("news")), sandbox.calls("videos.update")) == (2, 1)
    assert ytpool("unpause")[1].startswith("nothing was paused")
    assert_books_agree(ytpool, sandbox)


def test_an_upload_that_is_paused_stops_before_its_next_chunk_and_goes_on_there(ytpool, sandbox, large):
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=4 * MIB)
    process = start("upload", large, "--pool", "main", "--json", env=os.environ)
    wait_until(lambda: sandbox.calls("upload.chunk"))

    status, out, _ = ytpool("pause", "--pool", "main", "--reason", "holiday", "--json")

    assert (status, len(data(out)["running"])) == (0, 1)
    with process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, data(out)["state"]) == (6, "deferred"), err
    assert told(out)["error"]["message"] == "pool main is paused: holiday"
    assert sandbox.truth()["videos"] == []
    assert ytpool("upload", "--resume")[0] == 6
    assert ytpool("pools", "show", "main", "--json")[1].count("holiday") == 1
    assert ytpool("unpause", "--pool", "main")[0] == 0
    status, out, _ = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["videos"][0]["resumed"], sandbox.calls("videos.insert")) == (0, True, 1)
    assert_books_agree(ytpool, sandbox)


def test_what_goes_along_with_a_video_waits_for_the_end_of_a_pause(ytpool, sandbox, video):
    sandbox.channel("news").holds_back("upload.final")
    process = start("upload", video, "--account", "news", "--playlist", "+Talks", "--json", env=os.environ)
    wait_until(lambda: sandbox.calls("upload.final"))

    assert ytpool("pause", "--reason", "stop")[0] == 0

    sandbox.goes_on()
    with process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, data(out)["state"]) == (3, "partly")
    assert "everything is paused: stop" in told(out)["error"]["message"]
    assert ytpool("unpause")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert (len(sandbox.videos_on("news")), sandbox.calls("playlistItems.insert")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


@pytest.mark.usefixtures("sandbox")
def test_a_pause_wants_a_reason_and_a_pool_that_is_there(ytpool):
    assert ytpool("pause")[0] == 2
    assert ytpool("pause", "--reason", "two\nlines")[0] == 2
    assert ytpool("pause", "--pool", "mian", "--reason", "x")[0] == 2
    assert ytpool("unpause", "--pool", "mian")[0] == 2
    status, _, err = ytpool("pause", "--reason", "x", "--dry-run")
    assert (status, err) == (0, "a dry run: nothing is sent, and nothing changes\n")
    assert data(ytpool("accounts", "list", "--json")[1])["paused"] == []
