"""Following videos until YouTube is done with them: the end is told in YouTube's words, and waiting costs little."""

import os
import signal
import time
from datetime import timedelta

import pytest
from newsroom import assert_books_agree, ended, heard, start
from pictures import png
from told import data, told


@pytest.fixture
def publish(ytpool, sandbox, make_video):  # noqa: ARG001 - there must be somebody to publish
    """Upload a file of this name and return the video's id."""

    def publish(name, account="news", *words):
        status, out, err = ytpool("upload", make_video(name, 9_000), "--account", account, "--json", *words)
        assert status == 0, err
        return data(out)["video_id"]

    return publish


def follow(ytpool, *ids):
    return ytpool("video", "show", "--follow", "--json", "--", *ids)


def test_a_video_that_succeeds_is_followed_to_its_end(ytpool, sandbox, publish):
    sandbox.control.settings(processing_seconds=0)
    video_id = publish("talk.mp4")
    sandbox.channel("news").fail("videos.list", "backendError")  # which is asked once more

    status, out, _ = follow(ytpool, video_id)

    assert (status, data(out)["processing"], data(out)["differences"]) == (0, "succeeded", [])
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize(
    ("ending", "state", "words", "meaning"),
    [
        ("codec", "failed", "failureReason codec", "does not know the video's codec"),
        ("copyright", "rejected", "rejectionReason copyright", "whose owner does not allow it"),
    ],
)
def test_a_bad_end_is_told_verbatim_with_what_it_means(ytpool, sandbox, publish, ending, state, words, meaning):
    sandbox.control.settings(processing_seconds=1)
    sandbox.control.add_fault(method="processing", kind="error", error=ending)
    video_id = publish("talk.mp4")
    time.sleep(1)

    status, out, _ = follow(ytpool, video_id)

    assert (status, data(out)["processing"]) == (1, state)
    assert words in told(out)["error"]["message"]
    assert meaning in told(out)["error"]["hint"]
    assert ytpool("video", "show", "--", video_id)[0] == 0  # to look at it is no failure
    assert_books_agree(ytpool, sandbox)


def test_a_video_whose_processing_youtube_no_longer_tells_of_is_no_failure(ytpool, sandbox, publish):
    sandbox.control.settings(processing_seconds=0, processing_known_for=0)
    video_id = publish("talk.mp4")

    status, out, _ = follow(ytpool, video_id)

    assert (status, data(out)["processing"], data(out)["reasons"]) == (0, "succeeded", [])


# With waiting


@pytest.fixture
def local(ytpool):
    """Commands of the sandbox profile, whose clock they share."""
    yield lambda *words: ytpool(*words, "--profile", "sandbox", "--json")
    ytpool("sandbox", "down", "--profile", "sandbox")


@pytest.fixture
def env():
    return dict(os.environ, YTPOOL_PROFILE="sandbox")


def looks(local):
    """How often YouTube was asked for videos."""
    rows = data(local("activity", "report", "--hours", "48")[1])["rows"]
    return sum(row["calls"] for row in rows if row["operation"] == "videos.list")


def test_moving_the_sandbox_clock_ends_the_wait_and_videos_share_calls(local, env, make_video):
    ids = []
    for account in ("news", "sports"):
        assert local("auth", "add", account)[0] == 0
    for number, account in enumerate(("news", "news", "news", "sports")):
        video = make_video(f"part {number}.mp4", 9_000)
        ids.append(data(local("upload", video, "--account", account)[1])["video_id"])
    local("sandbox", "fault", "--setting", "processing_seconds=3600")
    before = looks(local)

    following = start("video", "show", "--follow", "--json", "--", *ids, env=env)
    heard(following, "looks again in 30 s")
    began = time.monotonic()
    local("sandbox", "clock", "--forward", "31s")
    heard(following, "looks again in 60 s")
    local("sandbox", "clock", "--forward", "2h")
    status, result, _ = ended(following)

    assert (status, {one["processing"] for one in result["data"]["videos"]}) == (0, {"succeeded"})
    assert time.monotonic() - began < 20  # of an hour and more
    each = 1 + 3 + 1  # what is there now, three times as it goes on, and how it ended
    assert looks(local) - before == 2 * each  # for each account one
    assert local("state", "check")[0] == 0


def test_stopped_by_hand_it_says_how_to_go_on_and_does(local, env, make_video):
    assert local("auth", "add", "news")[0] == 0
    local("sandbox", "fault", "--setting", "processing_seconds=600")
    video_id = data(local("upload", make_video("talk.mp4", 9_000), "--account", "news")[1])["video_id"]

    following = start("video", "show", "--follow", "--json", "--", video_id, env=env)
    heard(following, "looks again in 30 s")
    following.send_signal(signal.SIGINT)
    status, result, _ = ended(following)

    assert (status, result["error"]["code"]) == (130, "interrupted")
    assert f"ytpool video show --follow -- {video_id}" in result["error"]["hint"]

    local("sandbox", "clock", "--forward", "20m")
    status, out = local("video", "show", "--follow", f"https://youtu.be/{video_id}")[:2]

    assert (status, data(out)["processing"]) == (0, "succeeded")
    assert local("state", "check")[0] == 0


# With the upload itself


def test_an_upload_can_be_followed_and_its_job_remembers_the_end(ytpool, sandbox, make_video):
    sandbox.control.settings(processing_seconds=0)
    good, bad = make_video("good.mp4", 9_000), make_video("bad.mp4", 9_001)
    sandbox.control.add_fault(method="processing", kind="error", error="invalidFile", skip=1)

    status, out, _ = ytpool("upload", good, "--account", "news", "--follow", "--json")

    assert (status, data(out)["state"], data(out)["processing"]) == (0, "done", "succeeded")
    steps = {step["step"]: step["detail"] for step in data(ytpool("why", data(out)["job"], "--json")[1])["steps"]}
    assert steps["follow"] == "succeeded"

    sandbox.control.settings(processing_seconds=600)
    process = start("upload", bad, "--account", "news", "--follow", "--json", env=dict(os.environ))
    heard(process, "looks again in 30 s")
    process.send_signal(signal.SIGINT)
    status, result, _ = ended(process)
    assert (status, result["data"]["state"]) == (130, "done")
    video_id = result["data"]["video_id"]
    assert f"ytpool video show --follow -- {video_id}" in result["error"]["hint"]

    sandbox.control.clock(forward=timedelta(minutes=11))
    status, out, _ = ytpool("upload", bad, "--account", "news", "--follow", "--json")

    assert (status, data(out)["processing"]) == (1, "failed")
    assert "failureReason invalidFile" in told(out)["error"]["message"]
    assert [one["word"] for one in data(out)["reasons"]][:1] == ["invalidFile"]
    assert len(sandbox.videos_on("news")) == 2
    assert_books_agree(ytpool, sandbox)


def test_what_waited_for_the_processing_is_done_at_its_end(ytpool, sandbox, video, tmp_path):
    sandbox.control.settings(processing_seconds=1, video_width=720, video_height=1280, video_seconds=30)
    sandbox.channel("news").spoil("captions.insert", "slow", seconds=2)
    (tmp_path / "upright.png").write_bytes(png(720, 1280))
    (tmp_path / "de.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHallo\n")
    along = ("--thumbnail", tmp_path / "upright.png", "--caption", f"de:{tmp_path / 'de.srt'}")

    status, out, err = ytpool("upload", video, "--account", "news", *along, "--again", "--follow", "--json")

    assert (status, data(out)["state"], data(out)["processing"]) == (0, "done", "succeeded"), err
    assert {step["step"]: step["state"] for step in data(out)["steps"]}["thumbnail"] == "done"
    assert (sandbox.calls("videos.insert"), sandbox.calls("thumbnails.set")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_what_keeps_it_from_looking_hides_no_upload(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.list", "quotaExceeded", skip=1)

    status, out, _ = ytpool("upload", video, "--account", "news", "--follow", "--json")

    assert (status, data(out)["state"]) == (5, "done")
    assert f"ytpool video show --follow -- {data(out)['video_id']}" in told(out)["error"]["hint"]
