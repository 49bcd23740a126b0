"""Answers that are lost for good: whether the video is there is read from its channel, never guessed."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest
from killing import WHILE_LOOKING
from newsroom import FORCE_SSL, ROOT, assert_books_agree, behind_its_back, forget_googles_clock, run_ahead
from told import data, told

UPLOAD_ONLY = "https://www.googleapis.com/auth/youtube.upload"


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
    assert (data(out)["state"], data(out)["video_id"]) == ("done", there["id"])
    assert data(out)["note"] == "its last answer was lost; it was found on the channel, with our size and file name"
    assert [step["state"] for step in data(out)["steps"]] == ["done", "done"]
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (1, 1)
    assert todo(ytpool) == []
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize("point", WHILE_LOOKING)
def test_a_process_that_dies_while_it_looks_is_followed_by_one_that_finds(ytpool, sandbox, video, point):
    arrive_unheard(sandbox)
    command = ("upload", video, "--pool", "main")
    killing = [sys.executable, "tests/killing.py", point, "ytpool", *map(str, command)]
    killed = subprocess.run(killing, cwd=ROOT, env=os.environ, capture_output=True, encoding="utf-8", check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    status, out, err = ytpool(*command, "--json")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert data(out)["video_id"] == arrived_once(sandbox, video)["id"]
    assert sandbox.calls("videos.insert") == 1
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
    assert "sent again, which cost another upload call" in data(out)["note"]
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
    assert data(out)["video_id"] == arrived_once(sandbox, video)["id"]
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
    assert data(out)["video_id"] == arrived_once(sandbox, video)["id"]
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (1, 4)
    assert_books_agree(ytpool, sandbox)


def test_another_video_of_the_same_size_and_title_is_a_persons_question(ytpool, sandbox, video):
    candidate = by_hand(sandbox, video.read_bytes(), "by hand.mp4", title="The talk")
    never_arrive(sandbox)

    status, out, _ = ytpool("upload", video, "--account", "news", "--title", "The talk", "--json")

    job, error = data(out)["job"], told(out)["error"]
    assert (status, error["code"], error["details"]["candidates"]) == (7, "outcome_unknown", [candidate])
    assert f"ytpool queue resolve {job} --as done:{candidate}" in error["hint"]
    assert todo(ytpool) == [("outcome_unknown", job)]

    status, out, err = ytpool("queue", "resolve", job, "--as", f"done:{candidate}", "--json")

    assert status == 0, err
    assert (data(out)["state"], data(out)["video_id"]) == ("partly", candidate)
    assert todo(ytpool) == []

    status, out, err = ytpool("queue", "retry", job, "--json")

    assert (status, data(out)["state"], data(out)["video_id"]) == (0, "done", candidate), err
    assert sandbox.calls("videos.insert") == 2  # one by hand, one of ours; none after a person's word
    assert_ours_agree(ytpool, sandbox)


def test_a_video_by_hand_with_our_name_and_size_cannot_be_told_from_ours_when_both_are_there(ytpool, sandbox, video):
    other = by_hand(sandbox, video.read_bytes(), video.name, title="somebody's")
    arrive_unheard(sandbox)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    candidates = told(out)["error"]["details"]["candidates"]
    assert (status, data(out)["state"]) == (7, "finished_unknown")
    assert set(candidates) == {video["id"] for video in sandbox.truth()["videos"]} > {other}
    assert "--as done:VIDEO_ID" in told(out)["error"]["hint"]


def test_a_video_of_another_job_is_never_taken_for_ours(ytpool, sandbox, video, later):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    [first] = sandbox.truth()["videos"]
    never_arrive(sandbox)
    again = ("upload", video, "--account", "news", "--key", "second", "--json")

    assert ytpool(*again)[0] == 7
    later(minutes=10, seconds=5)
    status, out, err = ytpool(*again)

    assert status == 0, err
    assert len(sandbox.videos_on("news")) == 2
    assert data(out)["video_id"] != first["id"]
    assert_books_agree(ytpool, sandbox)


def test_a_login_that_may_not_list_leaves_the_question_to_a_person(ytpool, sandbox, video):
    arrive_unheard(sandbox)
    sandbox.channel("news").fail("playlistItems.list", "insufficientPermissions")

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    job, error = data(out)["job"], told(out)["error"]
    assert (status, error["code"]) == (7, "outcome_unknown")
    assert "may not list its channel" in error["message"]
    assert todo(ytpool) == [("outcome_unknown", job)]

    status, _, err = ytpool("queue", "resolve", job, "--as", "restart")

    assert status == 0, err
    assert todo(ytpool) == []
    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["job"], len(sandbox.videos_on("news"))) == (0, job, 2), "a person's word is done"
    assert_books_agree(ytpool, sandbox)


def test_a_grant_known_to_upload_only_is_not_even_asked(ytpool, sandbox, state, video):
    with behind_its_back(state) as tx:
        tx.run("UPDATE accounts SET scopes = :scopes WHERE account = 'news'", scopes=UPLOAD_ONLY)
    arrive_unheard(sandbox)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert status == 7
    assert "may not list its channel" in told(out)["error"]["message"]
    assert sandbox.calls("playlistItems.list") == 0
    assert_books_agree(ytpool, sandbox)


def test_a_list_that_cannot_be_paid_for_today_is_read_tomorrow(ytpool, sandbox, video, later):
    arrive_unheard(sandbox)
    sandbox.channel("news").fail("playlistItems.list", "quotaExceeded")

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert (status, data(out)["state"], told(out)["error"]["code"]) == (5, "deferred", "quota_exhausted")

    later(hours=13)
    status, out, err = ytpool("upload", "--resume", "--json")

    assert status == 0, err
    assert data(out)["video_id"] == arrived_once(sandbox, video)["id"]
    assert sandbox.calls("videos.insert") == 1


@pytest.mark.parametrize("error", ["backendError", "playlistNotFound"])
def test_a_list_that_cannot_be_read_proves_nothing(ytpool, sandbox, video, error, later):
    never_arrive(sandbox)
    sandbox.channel("news").fail("playlistItems.list", error, times=3)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert (status, data(out)["state"]) == (7, "finished_unknown")
    assert "could not be read" in told(out)["error"]["message"]
    sandbox.control.clear_faults()

    later(minutes=10, seconds=5)
    assert ytpool("upload", video, "--account", "news")[0] == 7, "this is the first look"
    later(minutes=10, seconds=5)
    assert ytpool("upload", video, "--account", "news")[0] == 0
    arrived_once(sandbox, video)


def test_more_new_videos_than_a_page_holds_are_all_looked_at(ytpool, sandbox, video):
    arrive_unheard(sandbox)
    sandbox.channel("news").fail("playlistItems.list", "backendError", times=3)
    assert ytpool("upload", video, "--account", "news")[0] == 7
    [ours] = sandbox.truth()["videos"]
    for number in range(101):
        by_hand(sandbox, b"x" * (100 + number), f"{number}.mp4", title=f"{number}")

    status, out, err = ytpool("upload", video, "--account", "news", "--json")

    assert status == 0, err
    assert data(out)["video_id"] == ours["id"]
    assert sandbox.calls("playlistItems.list") == 3 + 3
    assert_ours_agree(ytpool, sandbox)


def test_a_session_that_stands_and_does_not_answer_is_no_reason_to_send_again(ytpool, sandbox, video):
    sandbox.channel("news").spoil("upload.final", "lose_answer")
    sandbox.channel("news").fail("upload.query", "forbidden")

    status, out, err = ytpool("upload", video, "--account", "news", "--json")

    assert status == 0, err
    assert data(out)["video_id"] == arrived_once(sandbox, video)["id"]
    assert_books_agree(ytpool, sandbox)


def test_a_video_that_may_still_come_of_a_standing_session_is_not_sent_again_however_often_it_is_not_there(
    ytpool, sandbox, video, later
):
    sandbox.channel("news").spoil("upload.final", "close")
    sandbox.channel("news").fail("upload.query", "forbidden", times=3)

    for _ in range(3):
        status, out, _ = ytpool("upload", video, "--account", "news", "--json")
        assert (status, data(out)["state"]) == (7, "finished_unknown")
        later(minutes=10, seconds=5)
    assert sandbox.calls("videos.insert") == 1

    status, _, err = ytpool("upload", video, "--account", "news")

    assert status == 0, err
    arrived_once(sandbox, video)
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_video_is_found_although_its_file_is_gone_by_now(ytpool, sandbox, video, later):
    sandbox.control.settings(listed_after=400)
    arrive_unheard(sandbox)
    job = data(ytpool("upload", video, "--pool", "main", "--json")[1])["job"]
    there = arrived_once(sandbox, video)
    video.unlink()
    later(minutes=11)

    status, out, err = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["job"], data(out)["video_id"], data(out)["state"]) == (0, job, there["id"], "done"), err
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_file_that_is_gone_is_missed_only_when_it_must_be_sent_again(ytpool, sandbox, video, later):
    never_arrive(sandbox)
    job = data(ytpool("upload", video, "--account", "news", "--json")[1])["job"]
    moved = video.rename(video.with_name("archived.mp4"))
    later(minutes=11)

    status, out, _ = ytpool("queue", "retry", job, "--json")

    assert (status, told(out)["error"]["code"], data(out)["state"]) == (2, "file_invalid", "interrupted")
    assert f"ytpool queue retry {job} --file PATH" in told(out)["error"]["hint"]
    assert (sandbox.calls("playlistItems.list"), sandbox.calls("videos.insert")) == (2, 1)
    status, out, err = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["videos"]) == (0, [])
    assert f"ytpool queue retry {job} --file PATH" in err

    status, _, err = ytpool("queue", "retry", job, "--file", moved)

    assert status == 0, err
    arrived_once(sandbox, moved)
    assert sandbox.calls("videos.insert") == 2
    assert_books_agree(ytpool, sandbox)


def test_a_session_that_stands_tells_without_the_file_that_all_of_it_is_there(ytpool, sandbox, video):
    sandbox.channel("news").spoil("upload.final", "lose_answer")
    sandbox.channel("news").fail("upload.query", "forbidden")
    sandbox.channel("news").fail("playlistItems.list", "playlistNotFound")
    job = data(ytpool("upload", video, "--account", "news", "--json")[1])["job"]
    there = arrived_once(sandbox, video)
    video.unlink()

    status, out, err = ytpool("queue", "retry", job, "--json")

    assert (status, data(out)["video_id"], data(out)["state"]) == (0, there["id"], "done"), err
    assert_books_agree(ytpool, sandbox)


@pytest.fixture
def waiting(ytpool, sandbox, video, later):
    """An upload for `news` that waits for the next day, which has come; its words and its job."""
    command = ("upload", video, "--account", "news", "--title", "The talk", "--json")
    sandbox.channel("news").fail("videos.insert", "quotaExceeded")
    status, out, _ = ytpool(*command)
    assert (status, data(out)["state"]) == (5, "deferred")
    later(hours=13)
    return command, data(out)["job"]


@pytest.mark.parametrize(
    ("name", "title", "why"),
    [("talk.mp4", "somebody's", "our size and file name"), ("by hand.mp4", "The talk", "our size and title")],
)
def test_what_was_published_by_hand_while_an_upload_waited_is_named_before_anything_is_spent(
    ytpool, sandbox, video, waiting, name, title, why
):
    _, job = waiting
    there = by_hand(sandbox, video.read_bytes(), name, title=title)
    calls = sandbox.calls("videos.insert")

    status, out, _ = ytpool("upload", "--resume", "--json")

    error = told(out)["error"]
    assert (status, error["code"], data(out)["state"]) == (7, "outcome_unknown", "finished_unknown")
    assert (error["details"]["candidates"], why in error["message"]) == ([there], True)
    assert f"ytpool queue resolve {job} --as done:{there}" in error["hint"]
    assert f"ytpool queue resolve {job} --as restart" in error["hint"]
    assert sandbox.calls("videos.insert") == calls
    [item] = data(ytpool("todo", "--json")[1])["items"]
    assert item["command"].startswith(f"ytpool queue resolve {job} --as done:{there}")

    assert ytpool("queue", "resolve", job, "--as", f"done:{there}")[0] == 0
    status, out, err = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["video_id"], data(out)["state"]) == (0, there, "done"), err
    assert sandbox.calls("videos.insert") == calls
    assert_ours_agree(ytpool, sandbox)


def test_a_person_who_says_that_it_is_another_video_is_not_asked_again(ytpool, sandbox, video, waiting, later):
    command, job = waiting
    by_hand(sandbox, video.read_bytes(), video.name, title="somebody's")
    assert ytpool(*command)[0] == 7

    assert ytpool("queue", "resolve", job, "--as", "restart")[0] == 0
    sandbox.channel("news").fail("videos.insert", "quotaExceeded")
    assert ytpool("upload", "--resume")[0] == 5
    later(hours=24)
    status, out, err = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["state"], len(sandbox.videos_on("news"))) == (0, "done", 2), err
    assert_ours_agree(ytpool, sandbox)


def test_again_sends_it_whatever_stands_on_the_channel(ytpool, sandbox, video, waiting):
    command, job = waiting
    by_hand(sandbox, video.read_bytes(), video.name, title="somebody's")
    assert ytpool(*command)[0] == 7
    looks = sandbox.calls("playlistItems.list")

    status, out, err = ytpool(*command, "--again")

    assert (status, data(out)["job"], data(out)["state"]) == (0, job, "done"), err
    assert sandbox.calls("playlistItems.list") == looks


@pytest.mark.usefixtures("waiting")
def test_nothing_by_hand_costs_a_look_and_goes_on(ytpool, sandbox):
    by_hand(sandbox, b"another", "other.mp4", title="another")
    sandbox.control.settings(file_details_after=3600)

    status, out, err = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert sandbox.calls("playlistItems.list") == 1
    assert_ours_agree(ytpool, sandbox)


@pytest.mark.usefixtures("waiting")
def test_our_title_without_file_details_is_waited_for(ytpool, sandbox, later):
    sandbox.control.settings(file_details_after=300)
    by_hand(sandbox, b"another", "other.mp4", title="The talk")

    status, out, _ = ytpool("upload", "--resume", "--json")
    assert (status, "does not tell its file details yet" in told(out)["error"]["message"]) == (7, True)
    later(minutes=11)
    status, out, err = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["state"]) == (0, "done"), err


def test_what_a_pool_found_on_one_channel_is_not_sent_to_another(ytpool, sandbox, video, later):
    for name in ("news", "sports"):
        sandbox.channel(name).fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 5
    later(hours=25)
    there = by_hand(sandbox, video.read_bytes(), video.name, title="somebody's")
    status, out, _ = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["account"]) == (7, "news")

    sandbox.channel("news").fail("playlistItems.list", "quotaExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 5
    later(hours=25)
    status, out, _ = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["account"], told(out)["error"]["details"]["candidates"]) == (7, "news", [there])
    assert sandbox.videos_on("sports") == []


@pytest.mark.usefixtures("waiting")
def test_a_channel_that_never_published_anything_keeps_nobody_from_uploading(ytpool, sandbox):
    sandbox.channel("news").fail("playlistItems.list", "playlistNotFound")

    status, out, err = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert_books_agree(ytpool, sandbox)


def test_a_first_upload_looks_only_where_that_is_asked_for(ytpool, sandbox, video, later):
    there = by_hand(sandbox, video.read_bytes(), video.name, title="somebody's")
    later(days=3)

    status, out, _ = ytpool("upload", video, "--account", "news", "--look", "--dry-run", "--json")
    assert (status, data(out)["units"]) == (0, {"uploads": 1, "general": 4 + 2})
    status, out, _ = ytpool("upload", video, "--account", "news", "--look", "--json")

    assert (status, told(out)["error"]["details"]["candidates"]) == (7, [there])
    assert (sandbox.calls("videos.insert"), sandbox.calls("playlistItems.list")) == (1, 1)
    job = data(out)["job"]
    later(minutes=11)
    for again in (("upload", "--resume"), ("upload", video, "--account", "news")):
        assert ytpool(*again)[0] == 7, "the question stays open"
    assert ytpool("queue", "cancel", job)[0] == 0
    assert ytpool("upload", video, "--account", "news")[0] == 0
    assert sandbox.calls("playlistItems.list") == 3
    assert_ours_agree(ytpool, sandbox)


def test_resume_looks_ever_more_seldom_while_a_persons_word_is_wanted(ytpool, sandbox, video, later):
    by_hand(sandbox, video.read_bytes(), "by hand.mp4", title="The talk")
    never_arrive(sandbox)
    command = ("upload", video, "--account", "news", "--title", "The talk", "--json")
    job = data(ytpool(*command)[1])["job"]

    looks = []
    for span in ({"minutes": 5}, {"minutes": 6}, {"minutes": 30}, {"minutes": 31}, {"hours": 20}, {"hours": 5}):
        later(**span)
        status, out, _ = ytpool("upload", "--resume", "--json")
        assert (status, f"ytpool queue resolve {job}" in told(out)["error"]["hint"]) == (7, True)
        looks.append(sandbox.calls("playlistItems.list"))

    assert looks == [1, 2, 2, 3, 3, 4]
    assert todo(ytpool) == [("outcome_unknown", job)]
    assert_ours_agree(ytpool, sandbox)


def by_hand(sandbox, content, name, *, title, channel="news"):
    """Publish with another program, paid by another project; return the video's id."""
    sandbox.project("studio", limits={"uploads": 500})
    token = sandbox.control.grant("studio", channel, [FORCE_SSL])["access_token"]
    host = sandbox.server.url.removeprefix("http://")
    bearer = {"Authorization": f"Bearer {token}"}
    body = json.dumps({"snippet": {"title": title}, "status": {"privacyStatus": "private"}})
    start = "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status"
    headers = {"Content-Type": "application/json", "Slug": name.replace(" ", "%20"), **bearer}
    with closing(http.client.HTTPConnection(host)) as line:
        line.request("POST", start, body, {**headers, "X-Upload-Content-Type": "video/mp4"})
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
        session = answer.headers["Location"]
        answer.read()
        line.request("PUT", session.removeprefix(f"http://{host}"), content, bearer)
        answer = line.getresponse()
        assert answer.status == 201
        return json.loads(answer.read())["id"]


def assert_ours_agree(ytpool, sandbox):
    """Compare our own project's books with the truth, where another one uploaded as well."""
    report = data(ytpool("quota", "report", "--json")[1])
    [project] = report["projects"]
    [row] = data(ytpool("projects", "list", "--json")[1])["projects"]
    for bucket in project["buckets"]:
        really = sandbox.truth()["units"][row["number"]].get(report["quota_day"], {}).get(bucket["bucket"], 0)
        assert bucket["spent"] <= really <= bucket["spent"] + bucket["unknown"], bucket
    assert ytpool("state", "check")[0] == 0


def test_a_clock_that_was_ahead_when_an_upload_began_hides_no_video(ytpool, sandbox, state, video, later):
    forget_googles_clock(state)
    sandbox.control.settings(listed_after=60)
    arrive_unheard(sandbox)
    command = ("upload", video, "--account", "news", "--json")
    status, out, err = run_ahead(sandbox, *command)
    assert (status, data(out)["state"]) == (7, "finished_unknown"), err

    later(minutes=45)
    status, out, err = ytpool(*command)

    assert (status, data(out)["video_id"]) == (0, arrived_once(sandbox, video)["id"]), err
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_two_looks_are_ten_minutes_apart_by_googles_clock_whatever_the_machine_says(
    ytpool, sandbox, state, video, later
):
    sandbox.control.settings(listed_after=50 * 60)
    arrive_unheard(sandbox)
    sandbox.channel("news").fail("playlistItems.list", "forbidden")
    command = ("upload", video, "--account", "news", "--json")
    assert ytpool(*command)[0] == 7
    sandbox.control.clock(forward=timedelta(minutes=45))
    forget_googles_clock(state)
    assert run_ahead(sandbox, *command, by=-timedelta(minutes=30))[0] == 7  # it looks, and is told the time by the list

    assert ytpool(*command)[0] == 7

    later(minutes=11)
    status, out, err = ytpool(*command)
    assert (status, data(out)["video_id"]) == (0, arrived_once(sandbox, video)["id"]), err
