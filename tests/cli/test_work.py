"""Working off the queue: in order, once each, whoever dies, and at once when something is put there."""

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import LOOKS_SELDOM, an_hour_later, assert_books_agree, behind_its_back, ended, start, working_by
from pictures import png
from schemas import fits
from told import data
from waiting import wait_until

from ytpool.store import postgres, sqlite

MIB = 1024 * 1024


def events(out, name):
    return [line for line in map(json.loads, out.splitlines()) if line.get("event") == name]


@pytest.fixture
def talk(ytpool, sandbox, make_video):
    """A video on the channel `news` that everybody sees."""
    status, out, err = ytpool(
        "upload", make_video("talk.mp4", 1000), "--account", "news", "--privacy", "public", "--json"
    )
    assert status == 0, err
    sandbox.control.clock(forward=timedelta(minutes=1))
    return data(out)["video_id"]


@pytest.fixture
def say_later(ytpool, talk):
    """Put a comment in the queue, and return its job."""

    def queue(text, *words, account="news"):
        status, out, err = ytpool("comment", "post", talk, text, "--account", account, "--queue", *words, "--json")
        assert status == 0, err
        assert data(out)["state"] == "queued"
        return data(out)["job"]

    return queue


def texts(sandbox):
    return [comment["text"] for comment in sandbox.truth()["comments"]]


def test_what_is_due_is_worked_off_by_priority_then_deadline_then_age(ytpool, sandbox, say_later):
    say_later("third: no deadline")
    say_later("fourth: no deadline, and younger")
    say_later("second: the deadline is sooner", "--deadline", "2030-01-01")
    say_later("first: it matters more", "--priority", "5")
    say_later("not today", "--not-before", "2030-01-01")

    status, out, err = ytpool("work", "--once", "--json")

    assert status == 0, err
    assert [text.partition(":")[0] for text in texts(sandbox)] == ["first", "second", "third", "fourth"]
    assert [line["state"] for line in events(out, "job")] == ["done"] * 4
    found = fits("work", out)
    assert (found["worked"], found["counts"], found["waiting"]) == (4, {"done": 4}, 1)
    assert found["next_at"].startswith("2030-01-01")
    assert ytpool("work", "--once")[0] == 0
    assert len(texts(sandbox)) == 4
    assert_books_agree(ytpool, sandbox)


@pytest.fixture
def worker():
    """Start workers as programs of their own; whoever still lives in the end is stopped."""
    started = []

    def run(*words, program=None):
        process = start("work", "--json", *words, env=os.environ, program=program)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def idles(process, home):
    """Wait until a worker has its pipe and uses no time of the processor."""

    def used():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]

    def sleeps():
        before = used()
        time.sleep(0.5)
        return bool([*home.glob("default/workers/*.pipe")]) and used() == before

    wait_until(sleeps)


def test_a_job_is_picked_up_at_once_and_being_asked_to_stop_is_no_failure(sandbox, say_later, worker, home):
    process = worker(program=LOOKS_SELDOM)
    idles(process, home)

    began = time.monotonic()
    job = say_later("Somebody is there")
    line = json.loads(process.stdout.readline())
    took = time.monotonic() - began

    assert (line["event"], line["job"]) == ("begun", job)
    assert took < 60  # it looks by itself every other minute
    assert json.loads(process.stdout.readline())["state"] == "done"
    process.send_signal(signal.SIGTERM)
    status, result, _ = ended(process)
    assert (status, result["data"]["counts"]) == (0, {"done": 1})
    assert texts(sandbox) == ["Somebody is there"]


def test_uploads_and_changes_to_videos_wait_in_the_same_line_and_are_not_paid_before(ytpool, sandbox, make_video, talk):
    before = sandbox.truth()["units"]
    file = make_video("later.mp4", 2000)
    for words in (
        ("video", "update", talk, "--title", "Another title"),
        ("upload", file, "--pool", "main", "--title", "In its turn"),
        ("upload", file, "--pool", "main", "--title", "In its turn", "--deadline", "2030-01-01"),
    ):
        status, out, err = ytpool(*words, "--queue", "--json")
        assert (status, data(out)["state"]) == (0, "queued"), (out, err)
    assert sandbox.truth()["units"] == before
    status, out, _ = ytpool("queue", "status", "--json")
    found = fits("queue-status", out)
    assert (found["totalMaxSlots"], found["totalRunning"], found["totalQueued"]) == (6, 0, 2)
    assert f"video.update {talk}" in ytpool("queue", "list")[1]

    status, out, err = ytpool("work", "--once", "--parallel", "2", "--json")

    assert status == 0, err
    assert data(out)["counts"] == {"done": 2}
    assert {video["title"] for video in sandbox.truth()["videos"]} == {"Another title", "In its turn"}
    assert "goes to channel news" in err
    assert_books_agree(ytpool, sandbox)


def test_what_is_held_back_is_taken_by_nobody_until_it_is_let_go(ytpool, sandbox, say_later):
    job = say_later("After the lawyers have read it")
    status, out, _ = ytpool("queue", "hold", job, "--json")
    assert (status, data(out)["held"], data(out)["advice"]) == (0, True, f"ytpool queue hold {job} --release")
    assert ytpool("work", "--once")[0] == 0
    assert ytpool("upload", "--resume")[0] == 0
    assert texts(sandbox) == []
    assert data(ytpool("queue", "status", "--json")[1])["totalQueued"] == 0

    assert ytpool("queue", "hold", job, "--release")[0] == 0

    assert ytpool("work", "--once")[0] == 0
    assert texts(sandbox) == ["After the lawyers have read it"]


def test_what_has_to_wait_for_a_person_is_not_tried_in_vain_again_and_again(ytpool, sandbox, say_later, make_video):
    job = say_later("When we are back")
    gone = make_video("gone.mp4", 1000)
    assert ytpool("upload", gone, "--account", "news", "--queue")[0] == 0
    gone.unlink()
    assert ytpool("pause", "--reason", "an audit")[0] == 0

    status, out, _ = ytpool("work", "--once", "--json")
    assert (status, data(out)["counts"]) == (3, {"deferred": 2}), out
    assert data(ytpool("work", "--once", "--json")[1])["worked"] == 0

    assert ytpool("unpause")[0] == 0
    status, out, _ = ytpool("work", "--once", "--json")
    assert [line["state"] for line in events(out, "job") if line["job"] == job] == ["done"]
    assert texts(sandbox) == ["When we are back"]


def test_a_quiet_worker_of_cron_says_what_went_wrong_and_what_to_type(ytpool, sandbox, make_video):
    status, out, _ = ytpool("upload", make_video("later.mp4", 2000), "--account", "news", "--queue", "--json")
    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--force")

    ended, _, err = ytpool("work", "--once", "--quiet")

    assert (status, ended) == (0, 4)
    assert f"job {data(out)['job']}, upload: deferred" in err
    assert "run: ytpool auth add news" in err


def test_queue_add_means_what_the_command_with_queue_means(ytpool, sandbox, talk, make_video):
    file = make_video("later.mp4", 2000)
    status, out, err = ytpool("queue", "add", "upload", file, "--pool", "main", "--priority", "5", "--json")
    assert status == 0, err
    job = data(out)["job"]
    status, out, _ = ytpool("upload", file, "--pool", "main", "--priority", "7", "--queue", "--json")
    assert (status, data(out)["job"]) == (0, job)
    assert ytpool("queue", "add", "comment", "post", talk, "Good morning", "--account", "news")[0] == 0

    [first, second] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (first["job"], first["priority"], first["advice"]) == (job, 7, "ytpool work --once")
    assert (second["kind"], second["priority"]) == ("comment", 0)
    for words in (
        ("queue", "add", "video", "delete", talk),  # without a yes
        ("queue", "add", "accounts"),
        ("queue", "add", "task", "submit", "film"),
        ("upload", file, "--pool", "main", "--priority", "5"),
        ("upload", file, "--pool", "main", "--queue", "--follow"),
        ("upload", file, "--pool", "main", "--queue", "--not-before", "yesterday"),
    ):
        assert ytpool(*words)[0] == 2, words
    assert sandbox.calls("videos.insert") == 1  # the talk's


def test_being_asked_to_stop_ends_an_upload_where_it_goes_on_later(ytpool, sandbox, make_video, worker, monkeypatch):
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    file = make_video("long.mp4", 20 * MIB)
    assert ytpool("upload", file, "--account", "news", "--queue")[0] == 0
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=8 * MIB)
    process = worker()
    wait_until(lambda: sandbox.calls("upload.chunk") == 2)

    process.send_signal(signal.SIGTERM)
    status, result, err = ended(process)

    assert (status, result["data"]["counts"]) == (130, {"interrupted": 1}), err
    [job] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (job["working"], job["kept"] >= 8 * MIB) == (False, True)
    status, out, err = ytpool("work", "--once", "--json")
    assert (status, data(out)["counts"]) == (0, {"done": 1}), err
    assert sandbox.calls("videos.insert") == len(sandbox.truth()["videos"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_what_is_planned_for_later_is_left_alone_by_resume_and_taken_at_its_moment(
    ytpool, sandbox, make_video, monkeypatch
):
    monkeypatch.setenv("YTPOOL_TIME_ZONE", "UTC")
    moment = sandbox.control.clock() + timedelta(hours=3)
    words = ("--account", "news", "--queue", "--not-before", f"{moment:%Y-%m-%dT%H:%M:%S}")
    assert ytpool("upload", make_video("later.mp4", 2000), *words)[0] == 0
    status, out, err = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["videos"], err) == (0, [], "")
    assert data(ytpool("work", "--once", "--json")[1])["worked"] == 0

    sandbox.control.clock(forward=timedelta(hours=3, minutes=1))
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 0  # its answer tells ytpool the time

    status, out, err = ytpool("work", "--once", "--json")
    assert (status, data(out)["counts"]) == (0, {"done": 1}), err
    assert len(sandbox.videos_on("news")) == 1


def test_a_deletion_is_taken_only_with_the_yes_it_was_queued_with(ytpool, sandbox, talk, make_video):
    other = make_video("other.mp4", 1000)
    status, out, _ = ytpool("upload", other, "--account", "sports", "--json")
    other_id = data(out)["video_id"]
    sandbox.control.add_fault(method="videos.delete", kind="error", error="quotaExceeded", channel="sports")
    assert ytpool("video", "delete", other_id, "--yes")[0] == 5  # asked for directly, and not queued
    assert ytpool("video", "delete", talk, "--queue")[0] == 2
    status, out, err = ytpool("queue", "add", "video", "delete", talk, "--yes", "--json")
    assert (status, data(out)["state"]) == (0, "queued"), err
    assert [one["name"] for one in data(ytpool("todo", "--json")[1])["items"] if one["name"] == data(out)["job"]] == []
    sandbox.control.clock(forward=timedelta(days=1))
    assert ytpool("refresh-tokens", "--force")[0] == 0

    status, out, err = ytpool("work", "--once", "--json")

    assert (status, data(out)["counts"]) == (0, {"done": 1}), err
    assert [video["id"] for video in sandbox.truth()["videos"] if not video["deleted"]] == [other_id]


def test_a_step_that_failed_is_done_by_a_worker_and_one_that_was_refused_is_for_a_person(
    ytpool, sandbox, make_video, tmp_path
):
    picture = tmp_path / "a.png"
    picture.write_bytes(png(1280, 720))
    sandbox.channel("news").fail("thumbnails.set", "backendError", times=3)
    words = ("upload", make_video("a.mp4", 1000), "--account", "news", "--thumbnail", picture, "--json")
    status, out, _ = ytpool(*words)
    assert (status, data(out)["state"]) == (3, "partly")
    job = data(out)["job"]
    [listed] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (listed["job"], listed["advice"], data(ytpool("todo", "--json")[1])["items"]) == (
        job,
        "ytpool work --once",
        [],
    )
    assert data(ytpool("work", "--once", "--json")[1])["worked"] == 0  # not in the very next moment
    sandbox.control.add_channel("sports", thumbnails=False)
    status, out, _ = ytpool("upload", make_video("b.mp4", 1001), "--account", "sports", *words[4:])
    refused = data(out)["job"]
    sandbox.control.clock(forward=timedelta(minutes=5))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time

    status, out, err = ytpool("work", "--once", "--json")

    assert [(line["job"], line["state"]) for line in events(out, "job")] == [(job, "done")], err
    assert len(sandbox.truth()["thumbnails"]) == 1
    [item] = fits("todo", ytpool("todo", "--json")[1])["items"]
    assert (item["kind"], item["name"], item["command"]) == ("step_failed", refused, f"ytpool queue retry {refused}")
    assert "thumbnail: forbidden" in item["message"]
    assert ytpool("queue", "resolve", refused, "--as", "done")[0] == 0  # it may stay so
    assert data(ytpool("todo", "--json")[1])["items"] == []
    assert sandbox.calls("videos.insert") == 2
    assert_books_agree(ytpool, sandbox)


def test_a_decision_about_comments_waits_in_line_for_whoever_may_decide(ytpool, sandbox, talk, make_video):
    status, out, _ = ytpool("upload", make_video("b.mp4", 1001), "--account", "sports", "--privacy", "public", "--json")
    other = data(out)["video_id"]
    sandbox.control.clock(forward=timedelta(minutes=1))
    said = []
    for video_id, account in ((talk, "sports"), (other, "news")):
        status, out, err = ytpool("comment", "post", video_id, f"as {account}", "--account", account, "--json")
        assert status == 0, err
        said.append(data(out)["comment_id"])
    gone = "UgzDE2tasfmrYLyNkGt4AaABAg"
    units = sandbox.truth()["units"]

    status, out, err = ytpool("comment", "moderate", *said, gone, "--as", "held", "--queue", "--json")
    assert (status, "--account or --pool" in json.loads(out)["error"]["hint"]) == (2, True)
    words = ("comment", "moderate", *said, gone, "--as", "held", "--pool", "main")
    status, out, err = ytpool(*words, "--queue", "--priority", "5", "--json")
    found = fits("comment-moderate", out)["comments"]
    again = ytpool("queue", "add", *words, "--json")
    assert (status, {one["state"] for one in found}, sandbox.truth()["units"]) == (0, {"queued"}, units), err
    assert {one["job"] for one in data(again[1])["comments"]} == {one["job"] for one in found}

    status, out, err = ytpool("work", "--once", "--json")

    assert (status, data(out)["counts"]) == (3, {"partly": 1}), (out, err)
    assert [one["standing"] for one in sandbox.truth()["comments"]] == ["heldForReview"] * 2
    assert "nobody asked sees a comment" in err
    assert ytpool("queue", "list")[1].strip().count("moderation") == 0
    assert_books_agree(ytpool, sandbox)


def test_a_state_that_is_locked_for_longer_than_anybody_waits_ends_no_worker(
    ytpool, sandbox, say_later, state, monkeypatch
):
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    monkeypatch.setattr(postgres, "PATIENCE", 0.2)
    sandbox.holds_back("commentThreads.insert")
    jobs = {say_later("While it is on its way"), say_later("While nobody can pick it")}

    with working_by() as ended_jobs:
        wait_until(lambda: sandbox.calls("commentThreads.insert") == 1)
        with behind_its_back(state):
            sandbox.goes_on()
            time.sleep(1.5)
        wait_until(lambda: ended_jobs)
        an_hour_later(state)
        wait_until(lambda: {one.job for one in ended_jobs if one.state == "done"} == jobs, seconds=30)

    assert sorted(texts(sandbox)) == ["While it is on its way", "While nobody can pick it"]
    states = [one.state for one in ended_jobs]
    assert (states.count("running"), states.count("done")) == (1, 2)
    assert set(states) <= {"running", "done", "queued"}  # on a busy machine two of ours may meet at the state, too
    assert_books_agree(ytpool, sandbox)


def test_a_job_that_brings_out_a_defect_keeps_no_other_waiting(ytpool, sandbox, say_later, state):
    broken, whole = say_later("Whatever it says"), say_later("Good morning")
    with behind_its_back(state) as tx:
        tx.run("UPDATE jobs SET request = '{}', priority = 9 WHERE job = :job", job=broken)

    status, out, err = ytpool("work", "--once", "--json")

    assert status == 3
    assert [(line["job"], line["state"]) for line in events(out, "job")] == [(broken, "queued"), (whole, "done")]
    assert f"ytpool --debug queue retry {broken}" in out
    assert texts(sandbox) == ["Good morning"]
    assert "this is a bug in ytpool" in err
    assert data(ytpool("work", "--once", "--json")[1])["worked"] == 0
