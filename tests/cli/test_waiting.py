"""`--wait` sleeps until something can work: it says for what and until when, holds nothing, and goes on by itself."""

import os
import signal

import pytest
from newsroom import ended, heard, let_it_be_noon, start
from told import data

from ytpool.sandbox.control import Control


@pytest.fixture
def local(ytpool):
    """Commands of the sandbox profile, whose clock they share; `news` comes first, then `sports`."""

    def run(*words):
        status, out, err = ytpool(*words, "--profile", "sandbox", "--json")
        assert status == 0, (words, out, err)
        return data(out)

    let_it_be_noon(Control(run("sandbox", "up")["url"]))
    for priority, name in ((10, "news"), (20, "sports")):
        run("auth", "add", name, "--pool", "main", "--priority", priority)
    yield run
    run("sandbox", "down")


@pytest.fixture
def waiting(local):  # noqa: ARG001 - the profile must be there
    """Start a command of this profile that waits."""
    processes = []

    def begin(*words):
        processes.append(start(*words, "--wait", "--json", env=dict(os.environ, YTPOOL_PROFILE="sandbox")))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def calls(local, operation):
    return sum(row["calls"] for row in local("activity", "report")["rows"] if row["operation"] == operation)


def test_an_upload_waits_for_midnight_in_california_and_goes_on(local, waiting, make_video):
    files = [make_video(f"part {number}.mp4", 9_000) for number in range(2)]
    local("sandbox", "fault", "videos.insert", "--error", "rateLimitExceeded.per_day")

    upload = waiting("upload", *files, "--pool", "main")
    said = heard(upload, "waiting until")

    assert "2 videos: waiting until" in said
    assert "no account of pool main can work now" in said
    assert calls(local, "videos.insert") == 1
    assert {(job["state"], job["working"]) for job in local("queue", "list")["jobs"]} == {("deferred", False)}
    local("sandbox", "clock", "--forward", "25h")
    status, told, _ = ended(upload)
    assert (status, told["data"]["counts"]) == (0, {"total": 2, "done": 2})
    assert local("state", "check")["books"] == []


def test_nobody_waits_for_another_and_stopping_loses_nothing(local, waiting, make_video, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        make_video(name, 9_000)
    manifest = tmp_path / "two.csv"
    manifest.write_text("file,account\na.mp4,news\nb.mp4,sports\n")
    local("sandbox", "fault", "videos.insert", "--error", "uploadLimitExceeded", "--channel", "news")

    upload = waiting("upload", "--manifest", manifest)
    heard(upload, "waiting until")

    assert local("sandbox", "status")["videos"] == 1  # of sports, although news came first
    upload.send_signal(signal.SIGINT)
    status, told, _ = ended(upload)
    assert (status, told["error"]["code"]) == (130, "interrupted")
    assert told["data"]["counts"] == {"total": 2, "deferred": 1, "done": 1}

    local("sandbox", "clock", "--forward", "25h")
    assert local("upload", "--resume")["account"] == "news"


def test_a_rest_that_a_person_lifts_is_not_waited_for(local, waiting, make_video):
    local("sandbox", "fault", "videos.insert", "--error", "uploadLimitExceeded", "--channel", "news")
    upload = waiting("upload", make_video("a.mp4", 9_000), "--account", "news")
    heard(upload, "waiting until")

    local("rests", "lift", "channel", "news")

    status, told, _ = ended(upload)
    assert (status, told["data"]["account"]) == (0, "news")


def test_a_second_look_for_a_video_is_waited_for(local, waiting, make_video):
    for fault in (("upload.final", "--close"), ("upload.query", "--error", "notFound")):
        local("sandbox", "fault", *fault)

    upload = waiting("upload", make_video("a.mp4", 9_000), "--account", "news")
    assert "only a second look ten minutes later" in heard(upload, "waiting until")
    local("sandbox", "clock", "--forward", "11m")

    status, told, _ = ended(upload)
    assert (status, told["data"]["state"]) == (0, "done")
    assert local("sandbox", "status")["videos"] == 1


def test_a_change_to_a_video_waits_too(local, waiting, make_video):
    video_id = local("upload", make_video("a.mp4", 9_000), "--account", "news")["video_id"]
    local("sandbox", "fault", "videos.update", "--error", "quotaExceeded")

    update = waiting("video", "update", video_id, "--title", "Another")
    heard(update, "waiting until")
    local("sandbox", "clock", "--forward", "25h")

    status, told, _ = ended(update)
    assert (status, told["data"]["state"]) == (0, "done")
    assert local("video", "show", video_id)["title"] == "Another"


def test_to_wait_for_everything_and_for_nothing_is_refused(ytpool, video):
    status, _, err = ytpool("upload", video, "--pool", "main", "--wait", "--no-wait")

    assert status == 2
    assert "--wait and --no-wait exclude each other" in err
