"""A process that is killed at any named point: the same command again makes one video, with all that goes along."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from agreement import assert_all_agrees
from killing import POINTS
from newsroom import ROOT, assert_books_agree
from pictures import png

MIB = 1024 * 1024
SRT = "1\n00:00:00,000 --> 00:00:02,000\nGrüß Gott\n"

PAID_TWICE = {"before the session is settled": "videos.insert", "before the thumbnail is settled": "thumbnails.set"}
"""What a death costs at the most: a call whose answer nobody kept, and which may be made again."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "title.png").write_bytes(png(1280, 720))
    for language in ("de", "en"):
        (tmp_path / f"talk.{language}.srt").write_text(SRT)
    return tmp_path


def run(*words):
    done = subprocess.run(
        [sys.executable, *map(str, words)], env=os.environ, cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_is_followed_by_one_that_ends_what_it_began(
    ytpool, sandbox, make_video, folder, state, monkeypatch, point
):
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    path = make_video("long.mp4", 17 * MIB)
    captions = [word for language in ("de", "en") for word in ("--caption", f"{language}:{folder}/talk.{language}.srt")]
    command = ("upload", path, "--pool", "main", "--thumbnail", folder / "title.png", *captions, "--playlist", "+Talks")

    killed, err = run("tests/killing.py", point, "ytpool", *command)
    assert killed == -signal.SIGKILL, err
    status, out, err = ytpool(*command, "--json")

    assert (status, json.loads(out)["data"]["state"]) == (0, "done"), err
    truth = sandbox.truth()
    [video] = truth["videos"]
    assert video["channel_id"] == sandbox.channel("news").channel_id  # where it began, of all that the pool has
    assert video["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert truth["thumbnails"][-1]["video_id"] == video["id"]
    assert sorted(one["language"] for one in truth["captions"]) == ["de", "en"]
    [made] = truth["playlists"]
    assert [item["video_id"] for item in made["items"]] == [video["id"]]
    expected = Counter(
        ["videos.insert", "thumbnails.set", "captions.insert", "captions.insert", "playlistItems.insert"]
    )
    expected[PAID_TWICE.get(point, "")] += 1
    for operation in expected - Counter([""]):
        assert sandbox.calls(operation) == expected[operation], operation
    assert_books_agree(ytpool, sandbox)
    assert_all_agrees(state, truth)
