"""The sandbox profile as an operator rehearses with it: everything by the command line, in processes of their own."""

import json
import os
import subprocess
import sys

import pexpect
import pytest
from newsroom import ROOT, start


@pytest.fixture
def rehearse(home, ytpool, monkeypatch):  # noqa: ARG001 - the home must be there first
    """Run a command in the sandbox profile; return its status and the last object it said."""
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")

    def run(*words):
        status, out, err = ytpool(*words, "--json")
        return status, (json.loads(out.splitlines()[-1]) if out else err)

    yield run
    ytpool("sandbox", "down")


def at_noon(rehearse):
    """Set the sandbox's clock to noon in California, so that no midnight comes in between."""
    day = rehearse("quota", "report")[1]["data"]["resets_at"][:10]  # the reset is after midnight UTC
    assert rehearse("sandbox", "clock", "--set", f"{day}T20:00Z")[0] == 0


def uploads(rehearse):
    [project] = rehearse("quota", "report")[1]["data"]["projects"]
    return next(bucket for bucket in project["buckets"] if bucket["bucket"] == "uploads")


def test_a_day_of_faults_rests_and_midnight(rehearse, make_video):
    assert rehearse("auth", "add", "news", "--pool", "main")[0] == 0
    at_noon(rehearse)
    assert rehearse("sandbox", "fault", "videos.insert", "--error", "rateLimitExceeded.per_day")[0] == 0
    video = make_video()

    status, told = rehearse("upload", video, "--pool", "main")
    assert (status, told["error"]["code"]) == (5, "quota_exhausted")
    assert uploads(rehearse)["left"] == 0
    assert rehearse("upload", video, "--pool", "main")[0] == 5
    assert [fault["done"] for fault in rehearse("sandbox", "fault")[1]["data"]["faults"]] == [1]

    assert rehearse("sandbox", "clock", "--forward", "13h")[0] == 0
    assert (uploads(rehearse)["left"], uploads(rehearse)["elsewhere"]) == (100, 0)
    status, told = rehearse("upload", video, "--pool", "main")
    assert (status, told["data"]["state"]) == (0, "done")
    assert rehearse("sandbox", "status")[1]["data"]["videos"] == 1
    assert uploads(rehearse)["spent"] == 1


def test_what_the_sandbox_knows_outlives_it(rehearse, make_video):
    assert rehearse("auth", "add", "news")[0] == 0
    at_noon(rehearse)
    assert rehearse("upload", make_video("one.mp4"), "--account", "news")[0] == 0
    assert rehearse("sandbox", "down")[1]["data"]["stopped"] is True
    assert rehearse("sandbox", "status")[1]["data"]["running"] is False

    assert rehearse("upload", make_video("two.mp4"), "--account", "news")[0] == 0
    assert rehearse("sandbox", "status")[1]["data"]["videos"] == 2

    assert rehearse("sandbox", "reset")[0] == 2
    assert rehearse("sandbox", "reset", "--yes")[0] == 0
    assert rehearse("accounts", "list")[1]["data"]["accounts"] == []
    assert rehearse("sandbox", "status")[1]["data"]["videos"] == 0
    assert rehearse("auth", "add", "news")[0] == 0


def test_a_reader_that_leaves_does_not_stop_the_work(rehearse, make_video):
    assert rehearse("auth", "add", "news")[0] == 0
    files = [make_video(f"{number}.mp4", 100_000) for number in range(3)]
    words = [sys.executable, "-m", "ytpool", "upload", *map(str, files), "--account", "news", "--json"]

    ended = subprocess.run(
        ["bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "bash", *words],
        env=os.environ,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert ended.returncode == 141
    assert json.loads(ended.stdout)["event"] == "video"
    assert rehearse("sandbox", "status")[1]["data"]["videos"] == 3


def test_on_a_terminal_an_upload_shows_its_progress_and_then_its_result(rehearse, make_video):
    assert rehearse("auth", "add", "news")[0] == 0
    assert rehearse("sandbox", "fault", "upload.final", "--slow", "1")[0] == 0
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ytpool", "upload", str(make_video("talk.mp4", 3_000_000)), "--account", "news"],
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
        dimensions=(24, 120),
        encoding="utf-8",
        timeout=20,
    )

    child.expect("talk.mp4 goes to channel news")
    child.expect(r"talk\.mp4.*\d+ ?%")
    child.expect("https://www.youtube.com/watch")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_several_commands_that_need_the_sandbox_at_once_start_one(rehearse):
    names = ["news", "sports", "culture"]
    processes = [start("auth", "add", name, "--pool", "main", "--json", env=os.environ) for name in names]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in processes]

    assert [status for *_, status in ended] == [0] * 3, ended
    assert len(rehearse("sandbox", "status")[1]["data"]["channels"]) == 3
    [pool] = rehearse("pools", "list")[1]["data"]["pools"]
    assert sorted(pool["accounts"]) == sorted(names)
