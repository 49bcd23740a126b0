"""Answers that are lost for good: whether the video is there is read from its channel, never guessed."""

import hashlib
import json
from datetime import timedelta

import pytest
from newsroom import assert_books_agree

UPLOAD_ONLY = "https://www.googleapis.com/auth/youtube.upload"


def told(out):
    return json.loads(out.splitlines()[-1])


def data(out):
    return told(out)["data"]


def todo(ytpool):
    """What waits for a person, as (what, which)."""
    status, out, err = ytpool("todo", "--json")
    assert status == 0, err
    return [(item["kind"], item["name"]) for item in data(out)["items"]]


@pytest.fixture
def later(ytpool, sandbox):
    """Let time pass; the token that is refreshed brings Google's clock along."""

    def pass_by(**span):
        sandbox.control.clock(forward=timedelta(**span))
        assert ytpool("refresh-tokens", "--force")[0] == 0

    return pass_by


def arrive_unheard(sandbox, name="news"):
    """Let the video arrive, its answer get lost, and its session be gone when it is asked."""
    sandbox.channel(name).spoil("upload.final", "lose_answer")
    sandbox.channel(name).fail("upload.query", "notFound")


def never_arrive(sandbox, name="news"):
    """Let the last bytes get lost on their way, and the session with them."""
    sandbox.channel(name).spoil("upload.final", "close")
    sandbox.channel(name).fail("upload.query", "notFound")


def arrived_once(sandbox, path):
    [video] = sandbox.truth()["videos"]
    assert video["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return video


def test_a_video_that_arrived_unheard_is_found_on_its_channel_and_goes_on(ytpool, sandbox, video):
    arrive_unheard(sandbox)

    status, out, err = ytpool("upload", video, "--pool", "main", "--json")

    assert status == 0, err
    there = arrived_once(sandbox, video)
    assert (data(out)["state"], data(out)["video_id"]) == ("done", there["video_id"])
    assert f"{there['video_id']} is on the channel, with our size and file name" in err
    assert [step["state"] for step in data(out)["steps"]] == ["done", "done"]
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (1, 1)
    assert todo(ytpool) == []
    assert_books_agree(ytpool, sandbox)


def test_a_video_that_is_not_there_twice_in_ten_minutes_is_sent_again(ytpool, sandbox, video, later):
    never_arrive(sandbox)

    status, out, err = ytpool("upload", video, "--pool", "main", "--json")

    job = data(out)["job"]
    assert (status, told(out)["error"]["code"], data(out)["state"]) == (7, "outcome_unknown", "finished_unknown")
    assert f"ytpool queue retry {job}" in told(out)["error"]["hint"]
    assert todo(ytpool) == [("outcome_unknown", job)]
    calls = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert (status, data(out)["state"]) == (7, "finished_unknown")
    assert sandbox.truth()["calls"] == calls, "asking again too early says nothing new"

    later(minutes=9)
    assert ytpool("upload", video, "--pool", "main")[0] == 7
    assert sandbox.calls("playlistItems.list") == 1

    later(minutes=1, seconds=5)
    status, out, err = ytpool("upload", video, "--pool", "main", "--json")

    assert status == 0, err
    assert "starting again, which costs another upload call" in err
    arrived_once(sandbox, video)
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (2, 2)
    assert (data(out)["job"], data(out)["account"]) == (job, "news")
    assert todo(ytpool) == []
    assert_books_agree(ytpool, sandbox)


def test_a_video_that_is_listed_late_is_found_by_the_second_look(ytpool, sandbox, video, later):
    sandbox.control.settings(listed_after=400)
    arrive_unheard(sandbox)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["state"]) == (7, "finished_unknown")

    later(minutes=11)
    status, out, err = ytpool("upload", video, "--account", "news", "--json")

    assert status == 0, err
    assert data(out)["video_id"] == arrived_once(sandbox, video)["video_id"]
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_video_without_file_details_keeps_the_question_open_however_often_it_is_looked_at(
    ytpool, sandbox, video, later
):
    sandbox.control.settings(file_details_after=1500)
    arrive_unheard(sandbox)

    for _ in range(3):
        status, out, _ = ytpool("upload", video, "--account", "news", "--json")
        assert (status, data(out)["state"]) == (7, "finished_unknown")
        assert "does not tell the file details" in told(out)["error"]["message"]
        later(minutes=10, seconds=5)

    status, out, err = ytpool("upload", video, "--account", "news", "--json")

    assert status == 0, err
    assert data(out)["video_id"] == arrived_once(sandbox, video)["video_id"]
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (1, 4)
    assert_books_agree(ytpool, sandbox)


def test_another_video_of_the_same_size_and_title_is_a_persons_question(ytpool, sandbox, video, tmp_path):
    never_arrive(sandbox)
    by_hand = tmp_path / "by hand.mp4"
    by_hand.write_bytes(video.read_bytes())
    with elsewhere(ytpool, sandbox) as other:
        candidate = other(by_hand, title="The talk")

    status, out, _ = ytpool("upload", video, "--account", "news", "--title", "The talk", "--json")

    job, error = data(out)["job"], told(out)["error"]
    assert (status, error["code"], error["details"]["candidates"]) == (7, "outcome_unknown", [candidate])
    assert f"ytpool queue resolve {job} --as done:{candidate}" in error["hint"]
    assert todo(ytpool) == [("outcome_unknown", job)]

    status, out, err = ytpool("queue", "resolve", job, "--as", f"done:{candidate}", "--json")

    assert status == 0, err
    assert (data(out)["state"], data(out)["video_id"]) == ("partly", candidate)
    assert todo(ytpool) == []

    status, out, err = ytpool("queue", "retry", job, "--json")  # what goes along is done by the steps

    assert (status, data(out)["state"], data(out)["video_id"]) == (0, "done", candidate), err
    assert sandbox.calls("upload.final") == 1
    assert ytpool("state", "check")[0] == 0
