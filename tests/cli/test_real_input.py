"""Real films through the real program: made by ffmpeg, sent by a process of its own, received byte for byte."""

import hashlib
import json
import os
import random
import subprocess

import pytest
from newsroom import start
from real_parts import need, scaled

MB = 1_000_000


@pytest.fixture
def film(tmp_path):
    """Make an MP4 of so many bytes: two seconds of picture and sound, and a box that every player skips."""

    def make(size):
        path = tmp_path / f"Ein schöner Film, {size // MB} MB.mp4"
        pictures = ("-f", "lavfi", "-i", "testsrc2=size=320x240:duration=2")
        sound = ("-f", "lavfi", "-i", "sine=duration=2")
        ffmpeg = [need("ffmpeg"), "-nostdin", "-v", "error"]
        subprocess.run([*ffmpeg, *pictures, *sound, "-c:v", "mpeg4", "-c:a", "aac", path], check=True)
        box = size - path.stat().st_size
        chance = random.Random(size)
        with path.open("ab") as file:
            file.write(box.to_bytes(4, "big") + b"free")
            left = box - 8
            while left:
                left -= file.write(chance.randbytes(min(left, MB)))
        subprocess.run([*ffmpeg, "-i", path, "-f", "null", "-"], check=True)  # it plays
        return path

    return make


@pytest.fixture
def background(home, ytpool):  # noqa: ARG001 - the home must be there first
    """The sandbox profile with its own background sandbox, and one account."""
    assert ytpool("auth", "add", "news", "--profile", "sandbox")[0] == 0
    yield
    assert ytpool("sandbox", "down", "--profile", "sandbox")[0] == 0


SIZES = [1 * MB, 20 * MB, *([300 * MB] if scaled(100) == 100 else [])]


@pytest.mark.usefixtures("background")
@pytest.mark.parametrize("size", SIZES, ids=[f"{size // MB} MB" for size in SIZES])
def test_a_film_arrives_byte_for_byte(ytpool, film, size, home):
    path = film(size)

    with start("upload", path, "--account", "news", "--profile", "sandbox", "--json", env=os.environ) as process:
        out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    told = json.loads(out)["data"]
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    assert (told["sha256"], told["bytes"]) == (content, size)
    truth = truth_of(home)
    [video] = truth["videos"]
    assert (video["sha256"], video["bytes"], video["file_name"]) == (content, size, path.name)
    assert (video["content_type"], video["id"]) == ("video/mp4", told["video_id"])
    status = json.loads(ytpool("sandbox", "status", "--profile", "sandbox", "--json")[1])["data"]
    assert (status["videos"], status["refused"]) == (1, 0)


def truth_of(home):
    from ytpool.sandbox import process
    from ytpool.sandbox.control import Control

    return Control(process.running(home / "sandbox" / "sandbox")).truth()
