"""Uploads that break: lines, answers, logins, sessions and processes; what arrives is one video, and nothing twice."""

import hashlib
import json
import os
import signal
import time

import pytest
from newsroom import assert_books_agree, heard, start
from told import data
from waiting import wait_until

MIB = 1024 * 1024


@pytest.fixture
def large(make_video):
    """A file of three chunks."""
    return make_video("long.mp4", 20 * MIB + 1)


@pytest.fixture(autouse=True)
def small_chunks(home, monkeypatch):  # noqa: ARG001 - which forgets every variable first
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")


def arrived_once(sandbox, path):
    """The whole of what happened: one session was paid, and one video is there, byte for byte."""
    [video] = sandbox.truth()["videos"]
    assert video["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return video


def test_a_line_that_breaks_in_the_middle_goes_on_where_the_server_is(ytpool, sandbox, large):
    sandbox.channel("news").spoil("upload.chunk", "cut", at=3 * MIB)

    status, out, err = ytpool("upload", large, "--account", "news", "--json")

    assert status == 0, err
    arrived_once(sandbox, large)
    assert data(out)["sha256"] == sandbox.truth()["videos"][0]["sha256"]
    assert (sandbox.calls("videos.insert"), sandbox.calls("upload.query")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_final_answer_that_is_lost_is_asked_for(ytpool, sandbox, video):
    sandbox.channel("news").spoil("upload.final", "lose_answer")

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert (status, data(out)["state"]) == (0, "done")
    arrived_once(sandbox, video)
    assert (sandbox.calls("videos.insert"), sandbox.calls("upload.query")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_session_start_that_fails_may_have_cost_and_is_tried_again(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "backendError", charge=True)

    status, out, _ = ytpool("upload", video, "--account", "news", "--json")

    assert (status, data(out)["state"]) == (0, "done")
    arrived_once(sandbox, video)
    report = data(ytpool("quota", "report", "--json")[1])
    uploads = next(b for b in report["projects"][0]["buckets"] if b["bucket"] == "uploads")
    assert (uploads["spent"], uploads["unknown"]) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_token_that_dies_on_the_way_is_refreshed_once(ytpool, sandbox, large):
    sandbox.channel("news").fail("upload.chunk", "authError", skip=1)

    status, _, err = ytpool("upload", large, "--account", "news")

    assert status == 0, err
    arrived_once(sandbox, large)
    assert sandbox.calls("token") == 3  # two logins and this
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_login_that_dies_on_the_way_leaves_an_upload_that_can_go_on(ytpool, sandbox, large):
    sandbox.channel("news").fail("upload.chunk", "authError", skip=1)
    sandbox.channel("news").fail("token", "invalid_grant")

    status, out, _ = ytpool("upload", large, "--pool", "main", "--json")

    assert (status, data(out)["state"]) == (4, "deferred")
    assert sandbox.truth()["videos"] == []

    again = (
        "auth",
        "import",
        "news",
        "--client-secrets",
        sandbox.secrets_file(),
        "--token",
        sandbox.token_file("news"),
    )
    assert ytpool(*again)[0] == 0
    status, out, _ = ytpool("upload", large, "--pool", "main", "--json")

    assert (status, data(out)["account"], data(out)["resumed"]) == (0, "news", True)
    arrived_once(sandbox, large)
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_session_that_expires_before_the_last_bytes_is_begun_again(ytpool, sandbox, large):
    sandbox.channel("news").fail("upload.chunk", "notFound", skip=1)

    status, _, err = ytpool("upload", large, "--pool", "main")

    assert status == 0, err
    assert "starting again, which costs another upload call" in err
    arrived_once(sandbox, large)
    assert sandbox.calls("videos.insert") == 2
    assert sandbox.videos_on("sports") == []
    assert_books_agree(ytpool, sandbox)


def test_a_job_whose_bytes_were_taken_waits_for_their_channel_also_when_the_session_is_gone(ytpool, sandbox, large):
    sandbox.channel("news").fail("upload.chunk", "notFound", skip=1)
    sandbox.channel("news").fail("videos.insert", "channelSuspended", skip=1)
    assert ytpool("upload", large, "--pool", "main")[0] == 6

    status, out, _ = ytpool("upload", large, "--pool", "main", "--json")

    told = json.loads(out.splitlines()[-1])
    job, rejected = told["data"]["job"], told["error"]["details"]["rejected"]
    assert (status, told["data"]["account"], sandbox.truth()["videos"]) == (6, "news", [])
    assert {"reason": "bytes of it were sent to another channel", "count": 1, "accounts": ["sports"]} in rejected
    assert f"to send it to another channel: ytpool queue resolve {job} --as restart" in told["error"]["hint"]

    assert ytpool("rests", "lift", "account", "news")[0] == 0
    assert ytpool("upload", large, "--pool", "main")[0] == 0
    arrived_once(sandbox, large)
    assert len(sandbox.videos_on("news")) == 1
    assert_books_agree(ytpool, sandbox)


def test_by_a_persons_word_bytes_that_led_to_nothing_may_be_sent_to_another_channel(ytpool, sandbox, large):
    sandbox.channel("news").fail("upload.chunk", "notFound", skip=1)
    sandbox.channel("news").fail("videos.insert", "channelSuspended", skip=1)
    job = data(ytpool("upload", large, "--pool", "main", "--json")[1])["job"]

    assert ytpool("queue", "resolve", job, "--as", "restart")[0] == 0

    assert ytpool("upload", large, "--pool", "main")[0] == 0
    arrived_once(sandbox, large)
    assert len(sandbox.videos_on("sports")) == 1


def test_half_of_one_file_is_never_followed_by_half_of_another(ytpool, sandbox, large):
    break_off(ytpool, sandbox, large)
    content, written = large.read_bytes(), large.stat().st_mtime_ns
    calls = sandbox.truth()["calls"]

    large.write_bytes(content[: 10 * MIB] + b"x" + content[10 * MIB + 1 :])
    status, out, _ = ytpool("upload", large, "--account", "news", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (1, "file_changed")
    assert "it has other content than when its upload began" in error["message"]
    assert sandbox.truth()["calls"] == calls

    large.write_bytes(content[:-1])
    status, out, _ = ytpool("upload", large, "--account", "news", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (1, "file_changed")
    assert f"it had {20 * MIB + 1:,} bytes" in json.loads(out)["error"]["message"]
    assert sandbox.truth()["calls"] == calls

    large.write_bytes(content)
    os.utime(large, ns=(written, written))
    assert ytpool("upload", large, "--account", "news")[0] == 0
    arrived_once(sandbox, large)
    assert sandbox.calls("videos.insert") == 1


def break_off(ytpool, sandbox, path):
    """Begin an upload and lose the login after the first chunk, then log in again."""
    sandbox.channel("news").fail("upload.chunk", "authError", skip=1)
    sandbox.channel("news").fail("token", "invalid_grant")
    assert ytpool("upload", path, "--account", "news")[0] == 4
    again = (
        "auth",
        "import",
        "news",
        "--client-secrets",
        sandbox.secrets_file(),
        "--token",
        sandbox.token_file("news"),
    )
    assert ytpool(*again)[0] == 0


def test_a_file_that_grows_while_it_is_sent_is_not_published(ytpool, sandbox, large):
    sandbox.channel("news").spoil("upload.chunk", "slow", seconds=1)
    with start("upload", large, "--account", "news", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk"))
        with large.open("ab") as file:
            file.write(b"more")
        out, err = process.communicate(timeout=30)

    assert (process.returncode, json.loads(out)["error"]["code"]) == (1, "file_changed"), err
    assert sandbox.truth()["videos"] == []

    assert ytpool("upload", large, "--account", "news")[0] == 0
    arrived_once(sandbox, large)
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_stopped_is_followed_by_one_that_goes_on(ytpool, sandbox, large, stop):
    sandbox.channel("news").spoil("upload.chunk", "slow", skip=1, bytes_per_second=4 * MIB)
    with start("upload", large, "--pool", "main", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk") == 2)
        time.sleep(0.3)
        process.send_signal(stop)
        out, err = process.communicate(timeout=30)

    if stop is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert (process.returncode, json.loads(out)["error"]["code"]) == (130, "interrupted"), err
    assert sandbox.truth()["videos"] == []
    wait_until(sandbox.stands_still)  # what the dead had left on the line is read to its end

    status, out, err = ytpool("upload", large, "--pool", "main", "--json")

    assert status == 0, err
    assert data(out)["resumed"]
    arrived_once(sandbox, large)
    # After one question at most two chunks of 8 MiB were enough for a file of more than 20: the rest was there.
    assert [sandbox.calls(name) for name in ("videos.insert", "upload.query")] == [1, 1]
    assert sandbox.calls("upload.chunk") <= 4
    assert sandbox.truth()["errors"] == {}
    assert_books_agree(ytpool, sandbox)


def test_an_interrupted_batch_tells_what_is_done(ytpool, sandbox, make_video):
    files = [make_video(f"{number}.mp4") for number in range(3)]
    sandbox.channel("news").spoil("upload.final", "slow", skip=1, seconds=2)
    with start("upload", *files, "--account", "news", "--json", env=os.environ) as process:
        wait_until(lambda: len(sandbox.videos_on("news")) == 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    told = json.loads(out.splitlines()[-1])
    assert (process.returncode, told["event"], told["error"]["code"]) == (130, "result", "interrupted"), err
    assert [video["state"] for video in told["data"]["videos"]] == ["done"]

    status, out, _ = ytpool("upload", *files, "--account", "news", "--json")

    assert (status, data(out)["counts"]) == (0, {"total": 3, "done": 3})
    assert sandbox.calls("videos.insert") == len(sandbox.videos_on("news")) == 3
    assert_books_agree(ytpool, sandbox)


def test_a_process_killed_while_it_waits_for_the_final_answer_has_published(ytpool, sandbox, video):
    sandbox.channel("news").holds_back("upload.final")
    with start("upload", video, "--pool", "main", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.videos_on("news"))
        process.kill()

    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")

    assert (status, data(out)["resumed"]) == (0, True)
    arrived_once(sandbox, video)
    assert (sandbox.calls("videos.insert"), sandbox.calls("upload.chunk")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_process_stopped_while_it_asks_for_a_session_may_have_paid(ytpool, sandbox, video, stop):
    sandbox.channel("news").spoil("videos.insert", "slow", seconds=1)
    with start("upload", video, "--pool", "main", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("videos.insert"))
        time.sleep(0.2)
        process.send_signal(stop)

    assert ytpool("upload", video, "--pool", "main")[0] == 0
    arrived_once(sandbox, video)
    report = data(ytpool("quota", "report", "--json")[1])
    uploads = next(b for b in report["projects"][0]["buckets"] if b["bucket"] == "uploads")
    assert (uploads["spent"], uploads["unknown"], uploads["held"]) == (1, 1, 0)
    assert_books_agree(ytpool, sandbox)


def test_two_processes_with_the_same_file_make_one_video(ytpool, sandbox, video):
    sandbox.channel("news").spoil("upload.final", "slow", seconds=1)

    pair = [start("upload", video, "--pool", "main", "--json", env=os.environ) for _ in range(2)]
    results = [process.communicate(timeout=30)[0] for process in pair]

    assert [process.returncode for process in pair] == [0, 0]
    assert len({data(out)["video_id"] for out in results}) == 1
    arrived_once(sandbox, video)
    assert sandbox.calls("videos.insert") == 1
    assert_books_agree(ytpool, sandbox)


def test_a_channel_takes_one_upload_at_a_time(ytpool, sandbox, make_video):
    sandbox.channel("news").holds_back("upload.final")
    first, second = make_video("first.mp4"), make_video("second.mp4")

    with start("upload", first, "--account", "news", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk"))
        status, out, _ = ytpool("upload", second, "--account", "news", "--no-wait", "--json")
        assert (status, json.loads(out)["error"]["code"]) == (6, "busy")
        assert "news" in json.loads(out)["error"]["message"]
        assert sandbox.calls("videos.insert") == 1

        with start("upload", second, "--account", "news", env=os.environ) as waits:
            heard(waits, "waiting")
            sandbox.goes_on()
            assert [one.wait(timeout=30) for one in (process, waits)] == [0, 0]
            waits.communicate()
        process.communicate()

    assert [video["title"] for video in sandbox.videos_on("news")] == ["first", "second"]
    assert_books_agree(ytpool, sandbox)


def test_a_pool_goes_round_a_channel_that_is_busy(ytpool, sandbox, make_video):
    sandbox.channel("news").holds_back("upload.final")

    with start("upload", make_video("first.mp4"), "--pool", "main", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk"))
        status, out, _ = ytpool("upload", make_video("second.mp4"), "--pool", "main", "--no-wait", "--json")
        assert (status, data(out)["account"]) == (0, "sports")
        sandbox.goes_on()
        process.communicate(timeout=30)

    assert_books_agree(ytpool, sandbox)
