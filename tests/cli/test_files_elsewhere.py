"""One state, several machines: each works on what it has the files for, under the names that it has for them.

A machine is a host name of its own here (a UTS namespace), and its disk a folder of its own.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from newsroom import assert_books_agree, ended, start
from real_parts import miss
from waiting import wait_until

MIB = 1024 * 1024
ALPHA = "alpha.example"
BETA = socket.gethostname()
"""Where the tests run."""


def on(host):
    """Return the words that run a program on a machine of this name; what is killed is the program itself."""
    user = () if os.geteuid() == 0 else ("--map-root-user",)
    return ("unshare", "--uts", *user, "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"', host)


@pytest.fixture(autouse=True)
def machines(home, monkeypatch):  # noqa: ARG001 - which forgets every variable first
    if shutil.which("unshare") is None or subprocess.run([*on(ALPHA), "true"], check=False).returncode != 0:
        miss("this needs namespaces")
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")


@pytest.fixture
def disks(tmp_path):
    """Two folders: what is in the first the state knows, and the second is what beta has of it."""
    here, there = tmp_path / "a", tmp_path / "b"
    here.mkdir()
    there.mkdir()
    return here, there


def on_alpha(*words):
    """Run a command on alpha to its end: its status, its result and what it said."""
    return ended(start(*words, "--json", env=os.environ, through=on(ALPHA)))


@pytest.fixture
def on_beta(ytpool):
    def run(*words):
        status, out, err = ytpool(*words, "--json")
        return status, json.loads(out.splitlines()[-1]), err

    return run


def told(found):
    status, result, err = found
    assert status == 0, (result, err)
    return result["data"]


def jobs_of(ytpool):
    return json.loads(ytpool("queue", "list", "--json")[1])["data"]["jobs"]


def to_do(ytpool):
    return [one for one in json.loads(ytpool("todo", "--json")[1])["data"]["items"] if one["kind"] == "file_missing"]


def picture(path):
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (1280).to_bytes(4) + (720).to_bytes(4) + b"\x08\x06\0\0\0"
    )
    return path


def leave_alpha(here, there):
    """Let beta have a copy of alpha's disk, and nobody the disk itself."""
    shutil.copytree(here, there, dirs_exist_ok=True)  # with the moments of writing
    here.rename(here.with_name("unplugged"))


def test_an_upload_whose_machine_died_goes_on_on_another_one_and_only_when_its_time_is_over(
    ytpool, on_beta, sandbox, make_video, disks, home
):
    here, there = disks
    talk = make_video("a/talk.mp4", 20 * MIB + 1)
    sandbox.control.add_fault(method="upload.chunk", kind="slow", skip=1, bytes_per_second=4 * MIB)
    with start("upload", talk, "--account", "news", env=os.environ, through=on(ALPHA)) as process:
        wait_until(lambda: sandbox.calls("upload.chunk") == 2)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    wait_until(sandbox.stands_still)
    leave_alpha(here, there)
    with closing(sqlite3.connect(home / "default" / "state.db")) as books, books:
        books.execute("UPDATE leases SET expires = expires + 8 WHERE expires > 0")  # beta needs a while to look
        [[lasts_until]] = books.execute("SELECT expires FROM leases WHERE kind = 'job'")
        [[kept]] = books.execute("SELECT kept FROM uploads")
    assert kept == 8 * MIB
    before = sandbox.truth()["calls"]

    worker = start("work", "--path-map", f"{here}={there}", "--json", env=os.environ)
    with worker:
        assert told(on_beta("work", "--once", "--path-map", f"{here}={there}"))["worked"] == 0  # it takes nothing
        assert time.clock_gettime(time.CLOCK_BOOTTIME) < lasts_until
        assert sandbox.truth()["calls"] == before
        wait_until(lambda: sandbox.calls("upload.query"))
        asked_at = time.clock_gettime(time.CLOCK_BOOTTIME)
        wait_until(lambda: not jobs_of(ytpool))
        worker.send_signal(signal.SIGTERM)
        _, err = worker.communicate(timeout=30)

    assert worker.returncode == 0, err
    assert asked_at >= lasts_until
    [video] = sandbox.truth()["videos"]
    assert video["sha256"] == hashlib.sha256((there / "talk.mp4").read_bytes()).hexdigest()
    assert (sandbox.calls("videos.insert"), sandbox.calls("upload.query")) == (1, 1)
    assert sandbox.calls("upload.chunk") <= 4  # two of them alpha's
    assert_books_agree(ytpool, sandbox)


def test_what_is_not_here_is_left_as_it_is_for_whoever_has_it(ytpool, on_beta, sandbox, make_video, disks):
    here, there = disks
    for number in range(3):
        make_video(f"a/{number}.mp4", 900_000)
    told(on_alpha("upload", here, "--account", "news", "--queue"))
    leave_alpha(here, there)

    first = told(on_beta("work", "--once"))
    again = ytpool("work", "--once", "--json")[1].splitlines()

    assert (first["worked"], first["elsewhere"], len(again)) == (0, 3, 1)  # none was picked in vain once more
    assert {(job["state"], job["attempts"], job["error"]) for job in jobs_of(ytpool)} == {("queued", 0, "")}
    assert {(job["files_on"], *job["not_on"]) for job in jobs_of(ytpool)} == {(ALPHA, BETA)}
    job = jobs_of(ytpool)[0]["job"]
    goes_on = f"to go on: ytpool work, on {ALPHA}, or where the folder has another name: ytpool work --path-map FROM=TO"
    shown = ytpool("queue", "show", job)[1]
    assert f"its file is not on {BETA}; it was asked for on {ALPHA}\n{goes_on}" in shown
    assert goes_on in ytpool("why", job)[1]
    assert f"is not on {BETA}" in ytpool("why", job)[1]
    [missing] = to_do(ytpool)
    assert (missing["name"], missing["message"].startswith("3 jobs, the first is ")) == (ALPHA, True)
    assert missing["message"].endswith(f"not on {BETA}; asked for on {ALPHA}, where nobody is at work; {goes_on}")
    assert "queue files" in ytpool("health", "--only", "queue")[1]
    status, _, err = ytpool("queue", "retry", job)
    assert status == 2
    assert f"there is no file {here / '0.mp4'} on {BETA}" in err
    assert "--path-map FROM=TO" in err

    done = told(on_beta("work", "--once", "--path-map", f"{here}={there}"))

    assert (done["counts"], done["elsewhere"]) == ({"done": 3}, 0)
    assert len(sandbox.videos_on("news")) == 3
    assert to_do(ytpool) == []
    assert_books_agree(ytpool, sandbox)


def test_a_file_that_is_gone_where_it_was_is_told_there_and_another_machine_need_not_wait(
    ytpool, on_beta, sandbox, video, disks
):
    here, there = disks
    talk = video.rename(here / "talk.mp4")
    told(on_alpha("upload", talk, "--account", "news", "--queue"))
    leave_alpha(here, there)

    status, result, _ = on_alpha("work", "--once")
    assert (status, result["data"]["counts"]) == (2, {"deferred": 1})
    assert told(on_alpha("work", "--once"))["worked"] == 0
    [missing] = to_do(ytpool)
    assert missing["message"].endswith(f"{talk} is on no machine that is at work: not on {ALPHA}")

    assert told(on_beta("work", "--once", "--path-map", f"{here}={there}"))["counts"] == {"done": 1}
    assert len(sandbox.videos_on("news")) == 1


def test_what_goes_along_is_found_by_the_map_too_and_named_in_the_state_as_it_names_it(
    ytpool, on_beta, sandbox, make_video, disks, monkeypatch
):
    here, there = disks
    talk = make_video("a/talk.mp4", 900_000)
    thumbnail = picture(here / "talk.png")
    (here / "talk.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nGood morning\n")
    told(
        on_alpha(
            *("upload", talk, "--account", "news", "--thumbnail", thumbnail, "--caption", f"de:{here / 'talk.srt'}"),
            "--queue",
        )
    )
    leave_alpha(here, there)
    (there / "talk.srt").rename(there / "late.srt")
    monkeypatch.setenv("YTPOOL_PATH_MAP", f"{here}={there}")
    assert told(on_beta("work", "--once"))["elsewhere"] == 1  # all of it is here, or none of it is begun
    (there / "late.srt").rename(there / "talk.srt")

    assert told(on_beta("work", "--once"))["counts"] == {"done": 1}

    [video] = sandbox.videos_on("news")
    job = json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"][0]
    asked = json.loads(ytpool("queue", "show", job["job"], "--json")[1])["data"]["request"]
    assert (job["file"], asked["thumbnail"]) == (str(talk), str(thumbnail))
    assert sandbox.calls("thumbnails.set") == sandbox.calls("captions.insert") == 1

    words = ("video", "thumbnail", video["id"], there / "talk.png", "--account", "news")
    told(on_beta(*words, "--queue"))
    monkeypatch.delenv("YTPOOL_PATH_MAP")
    assert told(on_alpha("work", "--once"))["elsewhere"] == 1
    assert jobs_of(ytpool)[0]["state"] == "queued"
    here.with_name("unplugged").rename(here)
    assert told(on_alpha("work", "--once"))["counts"] == {"done": 1}  # under the name that beta wrote down for it
    assert sandbox.calls("thumbnails.set") == 2


def test_a_map_that_leads_to_another_content_sends_nothing(ytpool, on_beta, sandbox, make_video, disks):
    here, there = disks
    talk = make_video("a/talk.mp4", 900_000)
    told(on_alpha("upload", talk, "--account", "news", "--queue"))
    (there / "talk.mp4").write_bytes(b"another talk")
    [job] = jobs_of(ytpool)

    status, result, _ = on_beta("queue", "retry", job["job"], "--path-map", f"{here}={there}")

    assert (status, result["error"]["code"]) == (1, "file_changed")
    assert "it had 900,000 bytes when its upload began" in result["error"]["message"]
    assert jobs_of(ytpool)[0]["state"] == "queued"
    assert sandbox.calls("videos.insert") == 0


def test_bad_maps_are_refused_and_one_that_leads_nowhere_is_warned_of(ytpool, sandbox, tmp_path, monkeypatch):  # noqa: ARG001
    for words in (("work", "--once"), ("upload", "--resume"), ("queue", "retry", "1")):
        status, _, err = ytpool(*words, "--path-map", "mnt=/srv")
        assert (status, "--path-map must be FROM=TO, two whole paths" in err) == (2, True), err

    status, _, err = ytpool("work", "--once", "--path-map", f"/mnt/a={tmp_path / 'none'}")
    assert (status, f"leads /mnt/a to {tmp_path / 'none'}, and there is no such folder on" in err) == (0, True), err
    monkeypatch.setenv("YTPOOL_PATH_MAP", f"/mnt/a={tmp_path / 'none'}")
    assert "there is no such folder" in ytpool("health", "--only", "configuration")[1]
    monkeypatch.setenv("YTPOOL_PATH_MAP", "/mnt/a=/srv/a /mnt/a=/srv/b")
    status, _, err = ytpool("config", "check")
    assert (status, "path.map leads /mnt/a to two places" in err) == (2, True), err
