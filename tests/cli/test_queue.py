"""Going on with what stopped, from whichever process, and a person's word where nothing else helps."""

import hashlib
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import assert_books_agree, behind_its_back, start
from told import data, told
from waiting import wait_until

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def small_chunks(home, monkeypatch):  # noqa: ARG001 - which forgets every variable first
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")


@pytest.fixture
def large(make_video):
    """A file of three chunks."""
    return make_video("long.mp4", 20 * MIB + 1)


def listed(ytpool, *words):
    status, out, err = ytpool("queue", "list", "--json", *words)
    assert status == 0, err
    return data(out)["jobs"]


def arrived_once(sandbox, path):
    [video] = sandbox.truth()["videos"]
    assert video["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return video


def kill_in_the_middle(sandbox, path, *words):
    """Begin an upload in a process of its own and kill it in the middle of its second chunk."""
    before = sandbox.calls("upload.chunk")
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=4 * MIB)
    with start("upload", path, *words, "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk") == before + 2)
        time.sleep(0.3)
        process.kill()
        process.communicate(timeout=30)
    wait_until(sandbox.stands_still)


def test_a_pool_upload_that_crashed_goes_on_on_the_same_channel_with_the_same_command(ytpool, sandbox, large):
    assert ytpool("pools", "set", "main", "--strategy", "round_robin")[0] == 0
    kill_in_the_middle(sandbox, large, "--pool", "main")
    [job] = listed(ytpool)
    assert (job["state"], job["working"], job["account"]) == ("running", False, "news")
    assert "\tstopped\t" in ytpool("queue", "list")[1]

    status, out, err = ytpool("upload", large, "--pool", "main", "--json")

    assert status == 0, err
    assert (data(out)["job"], data(out)["account"], data(out)["resumed"]) == (job["job"], "news", True)
    assert arrived_once(sandbox, large)["channel_id"] == job["channel_id"]
    assert sandbox.calls("videos.insert") == 1
    assert listed(ytpool) == []
    assert_books_agree(ytpool, sandbox)


def test_one_job_goes_on_by_its_id_and_says_what_it_did_not_send_again(ytpool, sandbox, large):
    kill_in_the_middle(sandbox, large, "--pool", "main", "--title", "As it was asked for")
    [job] = listed(ytpool)
    sent = sandbox.calls("upload.chunk")

    status, out, err = ytpool("queue", "retry", job["job"][:9], "--json")

    assert status == 0, err
    assert (data(out)["job"], data(out)["resumed"], data(out)["state"]) == (job["job"], True, "done")
    assert arrived_once(sandbox, large)["title"] == "As it was asked for"
    assert (sandbox.calls("videos.insert"), sandbox.calls("upload.query")) == (1, 1)
    assert sandbox.calls("upload.chunk") <= sent + 2
    assert_books_agree(ytpool, sandbox)


def test_resume_goes_on_with_everything_in_the_order_it_was_asked_for(ytpool, sandbox, make_video):
    files = [make_video(f"{number}.mp4", 9 * MIB) for number in range(3)]
    for file in files:
        sandbox.control.add_fault(method="upload.chunk", kind="error", error="authError")
        sandbox.channel("news").fail("token", "invalid_grant")
        assert ytpool("upload", file, "--account", "news")[0] == 4
        log_in_again(ytpool, sandbox)
    assert [(job["state"], job["advice"]) for job in listed(ytpool)] == [
        ("deferred", f"ytpool queue retry {job['job']}") for job in listed(ytpool)
    ]

    with start("upload", "--resume", "--json", env=os.environ) as process:  # another process, the same state
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert [Path(video["file"]).name for video in data(out)["videos"]] == ["0.mp4", "1.mp4", "2.mp4"]
    assert all(video["resumed"] for video in data(out)["videos"])
    assert sandbox.calls("videos.insert") == len(sandbox.videos_on("news")) == 3
    assert ytpool("upload", "--resume")[0] == 0
    assert sandbox.calls("videos.insert") == 3
    assert_books_agree(ytpool, sandbox)


def log_in_again(ytpool, sandbox, name="news"):
    again = ("--client-secrets", sandbox.secrets_file(), "--token", sandbox.token_file(name))
    assert ytpool("auth", "import", name, *again)[0] == 0


def test_what_waits_for_the_reset_is_told_by_resume_and_not_tried(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "quotaExceeded")
    assert ytpool("upload", video, "--account", "news")[0] == 5
    calls = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["state"]) == (5, "deferred")
    assert told(out)["error"]["details"]["until"] == listed(ytpool)[0]["not_before"]
    assert sandbox.truth()["calls"] == calls

    sandbox.control.clock(forward=timedelta(hours=13))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # which brings Google's clock along
    status, _, err = ytpool("upload", "--resume")

    assert status == 0, err
    arrived_once(sandbox, video)


def test_a_file_that_was_moved_is_told_of_and_goes_on_from_where_it_lies(ytpool, sandbox, large, tmp_path):
    kill_in_the_middle(sandbox, large, "--account", "news")
    [job] = listed(ytpool)
    moved = large.rename(tmp_path / "archived.mp4")

    status, out, err = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["videos"]) == (0, [])
    assert f"ytpool queue retry {job['job']} --file PATH" in err
    status, out, _ = ytpool("queue", "retry", job["job"], "--json")
    assert (status, told(out)["error"]["code"]) == (2, "file_invalid")
    assert "--file PATH" in told(out)["error"]["hint"]

    status, _, err = ytpool("queue", "retry", job["job"], "--file", moved)

    assert status == 0, err
    arrived_once(sandbox, moved)
    assert sandbox.calls("videos.insert") == 1


@pytest.mark.parametrize("begun", [True, False])
def test_a_file_that_changed_since_is_refused_with_what_changed(ytpool, sandbox, large, begun):
    if begun:
        kill_in_the_middle(sandbox, large, "--account", "news")
    else:
        sandbox.channel("news").fail("videos.insert", "quotaExceeded")
        assert ytpool("upload", large, "--account", "news")[0] == 5
    [job] = listed(ytpool)
    content = large.read_bytes()
    calls = sandbox.truth()["calls"]

    for changed, said in (
        (content + b"x", f"it had {len(content):,} bytes"),
        (content[:-1] + b"x", "it has other content"),
    ):
        large.write_bytes(changed)
        status, out, _ = ytpool("queue", "retry", job["job"], "--json")
        assert (status, told(out)["error"]["code"]) == (1, "file_changed")
        assert said in told(out)["error"]["message"]

    assert sandbox.truth()["calls"] == calls
    assert [one["job"] for one in listed(ytpool)] == [job["job"]]


def test_a_worker_that_stood_still_while_another_finished_writes_nothing(ytpool, sandbox, large):
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=4 * MIB)
    with start("upload", large, "--pool", "main", "--json", env=os.environ) as old:
        wait_until(lambda: sandbox.calls("upload.chunk") == 2)
        old.send_signal(signal.SIGSTOP)
        try:
            status, out, err = ytpool("upload", large, "--pool", "main", "--json")  # when the lease is over
            assert status == 0, err
            assert "waiting for the process that is already uploading" in err
            finished = ytpool("queue", "show", data(out)["job"], "--json")[1]
            calls = sandbox.truth()["calls"]
        finally:
            old.send_signal(signal.SIGCONT)
        out, err = old.communicate(timeout=30)

    assert (old.returncode, told(out)["error"]["code"]) == (1, "hold_lost"), err
    assert ytpool("queue", "show", data(out)["job"], "--json")[1] == finished
    assert sandbox.truth()["calls"] == calls
    arrived_once(sandbox, large)
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def unknown(ytpool, sandbox, path, *words):
    """Leave an upload whose outcome nobody knows; return its job."""
    sandbox.channel("news").spoil("upload.final", "close")
    sandbox.channel("news").fail("upload.query", "notFound")
    status, out, _ = ytpool("upload", path, *words, "--json")
    assert status == 7
    return data(out)["job"]


def test_a_job_is_shown_with_everything_that_was_seen(ytpool, sandbox, video):
    job = unknown(ytpool, sandbox, video, "--account", "news", "--title", "The talk")

    shown = data(ytpool("queue", "show", job, "--json")[1])

    assert (shown["request"]["title"], shown["job"]["state"]) == ("The talk", "finished_unknown")
    assert [look.get("not_there") for look in shown["looks"]] == [True]
    assert shown["intent_at"] <= shown["last_sent_at"] < shown["job"]["not_before"]
    status, text, _ = ytpool("queue", "show", job)
    assert (status, "not there" in text, f"ytpool queue retry {job}" in text) == (0, True, True)


def test_a_person_says_that_it_failed_and_the_same_command_begins_anew(ytpool, sandbox, video):
    job = unknown(ytpool, sandbox, video, "--account", "news")

    status, out, err = ytpool("queue", "resolve", job, "--as", "failed", "--json")

    assert (status, data(out)["state"]) == (0, "failed"), err
    assert listed(ytpool) == []
    assert [one["state"] for one in listed(ytpool, "--all")] == ["failed"]
    status, out, err = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["job"]) == (0, job), err
    arrived_once(sandbox, video)
    assert_books_agree(ytpool, sandbox)


def test_a_person_says_that_it_is_done_and_nothing_is_sent_again(ytpool, sandbox, video):
    job = unknown(ytpool, sandbox, video, "--account", "news")

    assert ytpool("queue", "resolve", job, "--as", "done")[0] == 0

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    assert (status, data(out)["state"]) == (0, "done")
    assert "already published" in data(out)["note"]
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_video_that_is_named_must_be_on_the_jobs_channel(ytpool, sandbox, video, make_video):
    assert ytpool("upload", make_video("other.mp4"), "--account", "sports")[0] == 0
    assert ytpool("upload", make_video("taken.mp4"), "--account", "news")[0] == 0
    elsewhere, taken = (sandbox.videos_on(name)[0]["id"] for name in ("sports", "news"))
    job = unknown(ytpool, sandbox, video, "--account", "news")

    for named, status, said in (
        (elsewhere, 2, "is no video on the channel"),
        ("x" * 11, 2, "is no video on the channel"),
        (taken, 2, "is the video of another job"),
        ("nonsense", 2, "no video id"),
    ):
        ended, out, _ = ytpool("queue", "resolve", job, "--as", f"done:{named}", "--json")
        assert (ended, said in told(out)["error"]["message"]) == (status, True), out

    assert listed(ytpool)[0]["state"] == "finished_unknown"
    assert_books_agree(ytpool, sandbox)

    asked = sandbox.calls("videos.list")
    status, out, _ = ytpool("queue", "resolve", job, "--as", "done:abcdefghijk", "--yes", "--json")
    assert (status, data(out)["video_id"], sandbox.calls("videos.list")) == (0, "abcdefghijk", asked)


def test_a_video_is_named_without_a_login_only_by_a_persons_word(ytpool, sandbox, video):
    job = unknown(ytpool, sandbox, video, "--account", "news")
    sandbox.channel("news").revoke()
    sandbox.channel("news").expire_token()
    word = ("queue", "resolve", job, "--as", "done:abcdefghijk", "--json")

    status, out, _ = ytpool(*word)

    assert (status, told(out)["error"]["code"]) == (4, "login_needed")
    assert listed(ytpool)[0]["state"] == "finished_unknown"
    status, out, err = ytpool(*word, "--yes")
    assert (status, data(out)["video_id"]) == (0, "abcdefghijk"), err
    assert_books_agree(ytpool, sandbox)


def test_a_pool_job_that_found_nobody_yet_is_settled_on_the_channel_that_has_the_video(
    ytpool, sandbox, state, make_video
):
    assert ytpool("upload", make_video("by hand.mp4"), "--account", "sports")[0] == 0
    [there] = sandbox.videos_on("sports")
    with behind_its_back(state) as tx:  # nobody here made that one
        for table in ("job_steps", "uploads", "jobs"):
            tx.run(f"DELETE FROM {table}")
    for name in ("news", "sports"):
        sandbox.channel(name).fail("videos.insert", "uploadLimitExceeded")
    status, out, _ = ytpool("upload", make_video(), "--pool", "main", "--json")
    assert (status, data(out)["account"]) == (5, None)

    status, out, err = ytpool("queue", "resolve", data(out)["job"], "--as", f"done:{there['id']}", "--json")

    assert (status, data(out)["account"], data(out)["channel_id"]) == (0, "sports", there["channel_id"]), err
    assert_books_agree(ytpool, sandbox)


def test_a_word_that_is_only_tried_changes_nothing_and_says_what_would_be(ytpool, sandbox, video, make_video):
    job = unknown(ytpool, sandbox, video, "--account", "news")
    waiting = data(ytpool("upload", make_video("next.mp4"), "--account", "news", "--queue", "--json")[1])["job"]
    before = listed(ytpool)

    def tried(*words):
        status, out, err = ytpool("queue", *words, "--dry-run", "--json")
        assert (status, "a dry run: nothing is sent, and nothing changes" in err) == (0, True), out
        return data(out)

    assert tried("resolve", job, "--as", "done:abcdefghijk", "--yes")["video_id"] == "abcdefghijk"
    assert tried("resolve", job, "--as", "restart")["state"] == "queued"
    assert tried("cancel", waiting)["state"] == "cancelled"
    assert tried("hold", waiting)["held"] is True
    for words in (("cancel", job), ("resolve", job, "--as", "done:abcdefghijk")):
        assert ytpool("queue", *words, "--dry-run")[0] == ytpool("queue", *words)[0] != 0
    assert listed(ytpool) == before
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize(
    "words", [("--as", "maybe"), ("--as", "failed:abcdefghijk"), ("--as", "done:"), ("--as", "")], ids=lambda w: w[1]
)
def test_a_word_that_is_none_is_refused(ytpool, sandbox, video, words):
    job = unknown(ytpool, sandbox, video, "--account", "news")

    status, out, _ = ytpool("queue", "resolve", job, *words, "--json")

    assert (status, told(out)["error"]["code"]) == (2, "usage")
    assert listed(ytpool)[0]["state"] == "finished_unknown"


def test_nobody_settles_a_job_that_is_being_worked_on(ytpool, sandbox, video):
    sandbox.channel("news").holds_back("upload.final")
    with start("upload", video, "--account", "news", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk"))
        [job] = listed(ytpool)
        assert (job["working"], job["advice"]) == (True, "")
        for words in (("resolve", job["job"], "--as", "restart"), ("cancel", job["job"])):
            status, out, _ = ytpool("queue", *words, "--json")
            assert (status, told(out)["error"]["code"]) == (6, "busy")
        sandbox.goes_on()
        process.communicate(timeout=30)

    assert process.returncode == 0
    status, out, _ = ytpool("queue", "resolve", job["job"], "--as", "restart", "--json")
    assert (status, "is done already" in told(out)["error"]["message"]) == (2, True)


def test_what_published_nothing_is_cancelled_and_the_same_command_makes_a_new_job(ytpool, sandbox, large, video):
    kill_in_the_middle(sandbox, large, "--account", "news")
    [job] = listed(ytpool)
    for words in (("cancel", ""), ("resolve", "", "--as", "failed"), ("show", "")):  # a script's variable was empty
        assert ytpool("queue", *words)[0] == 2
    assert ytpool("why", "")[0] == 2

    assert ytpool("queue", "cancel", job["job"])[0] == 0

    assert listed(ytpool) == []
    status, out, _ = ytpool("upload", large, "--account", "news", "--json")
    assert (status, data(out)["resumed"]) == (0, False)
    assert data(out)["job"] != job["job"]
    arrived_once(sandbox, large)
    uncertain = unknown(ytpool, sandbox, video, "--account", "news")
    status, out, _ = ytpool("queue", "cancel", uncertain, "--json")
    assert (status, told(out)["error"]["code"]) == (7, "outcome_unknown")
    assert_books_agree(ytpool, sandbox)


def test_todo_names_a_dead_login_and_the_command_for_it(ytpool, sandbox):
    sandbox.channel("news").revoke()
    assert ytpool("refresh-tokens", "--force")[0] == 3

    [item] = data(ytpool("todo", "--json")[1])["items"]

    assert (item["kind"], item["name"], item["command"]) == ("login_needed", "news", "ytpool auth add news")
    status, text, _ = ytpool("todo")
    assert (status, "ytpool auth add news" in text) == (0, True)


@pytest.mark.parametrize(("word", "becomes", "videos"), [("restart", "queued", 2), ("failed", "failed", 1)])
def test_a_video_that_went_astray_is_a_persons_matter(ytpool, sandbox, state, video, word, becomes, videos):
    swap = "UPDATE accounts SET channel_id = :channel_id WHERE account = 'news'"
    with behind_its_back(state) as tx:  # the login moved to another channel, unseen
        tx.run(swap, channel_id=sandbox.channel("sports").channel_id)
    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    job = data(out)["job"]
    assert (status, data(out)["state"]) == (3, "partly")

    login, item = data(ytpool("todo", "--json")[1])["items"]

    assert (login["kind"], login["command"]) == ("login_needed", "ytpool auth add news")
    assert (item["kind"], item["name"]) == ("astray", job)
    assert sandbox.channel("news").channel_id in item["message"]
    status, out, _ = ytpool("queue", "resolve", job, "--as", word, "--json")
    assert (status, data(out)["state"], data(out)["video_id"]) == (0, becomes, None)
    assert data(ytpool("todo", "--json")[1])["items"] == [login]
    with behind_its_back(state) as tx:
        tx.run(swap, channel_id=sandbox.channel("news").channel_id)
    log_in_again(ytpool, sandbox)
    status, out, _ = ytpool("upload", "--resume", "--json")
    assert (status, len(sandbox.truth()["videos"])) == (0, videos)


def test_resume_takes_no_file(ytpool, sandbox, video):
    for words in (("--resume", video), ("--resume", "--pool", "main"), ()):
        assert ytpool("upload", *words)[0] == 2
    assert sandbox.calls("videos.insert") == 0
