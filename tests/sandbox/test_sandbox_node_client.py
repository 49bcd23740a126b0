"""Google's own Node client, which sends its uploads in chunks of HTTP, gets along with the sandbox."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pictures import png
from real_parts import miss, need

HERE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[2] / ".cache" / "tests" / "node"
ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
QUANTUM = 256 * 1024


@pytest.fixture(scope="session")
def packages():
    """Where the client is installed; npm brings it the first time, without running anything of it."""
    npm = need("npm")
    wanted = (HERE / "package.json").read_bytes()
    if (CACHE / "node_modules").exists() and (CACHE / "package.json").read_bytes() == wanted:
        return CACHE / "node_modules"
    shutil.rmtree(CACHE, ignore_errors=True)
    draft = CACHE.with_name(f"node.{os.getpid()}")
    draft.mkdir(parents=True)
    (draft / "package.json").write_bytes(wanted)
    quiet = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    run = subprocess.run(
        [npm, "install", *quiet, "--prefix", draft], capture_output=True, text=True, timeout=120, check=False
    )
    if run.returncode:
        shutil.rmtree(draft)
        miss(f"npm could not install Google's Node client: {run.stderr.strip()[-500:]}")
    draft.rename(CACHE)  # whole or not there
    return CACHE / "node_modules"


@pytest.fixture
def node(packages, sandbox, control):
    """Take steps with the client in a process of its own, and return what each brought."""
    program = need("node")
    grant = control.grant("demo", "News", [ALL])
    wish = {
        "root": sandbox.url,
        "client": control.add_project("demo")["installed"],
        "refreshToken": grant["refresh_token"],
    }

    def node(*steps):
        run = subprocess.run(
            [program, HERE / "client.cjs"],
            input=json.dumps({**wish, "steps": steps}),
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return node


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_whole_publication(node, movie, tmp_path, control):
    film = movie(1_000_000)
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(1280, 720, bytes(100_000)))

    video, thumbnail, caption, playlist = node(
        {"step": "upload", "file": str(film), "title": "A day"},
        {"step": "thumbnail", "file": str(picture)},
        {"step": "caption", "language": "en", "name": "", "text": "WEBVTT\n"},
        {"step": "playlist", "title": "Days"},
    )

    truth = control.truth()
    (stored,) = truth["videos"]
    assert (stored["id"], stored["bytes"], stored["sha256"]) == (video["id"], 1_000_000, sha256(film.read_bytes()))
    assert (stored["title"], stored["privacy"], stored["notify"]) == ("A day", "unlisted", False)
    assert thumbnail["items"][0]["default"]["width"] == 120
    assert truth["thumbnails"][0]["sha256"] == sha256(picture.read_bytes())
    assert truth["captions"][0]["caption_id"] == caption["id"]
    assert truth["captions"][0]["sha256"] == sha256(b"WEBVTT\n")
    assert truth["playlists"][0]["playlist_id"] == playlist["id"]
    assert [item["video_id"] for item in truth["playlists"][0]["items"]] == [video["id"]]
    assert truth["refused"] == []


def test_an_upload_goes_on_in_another_process_and_everything_is_listed(node, movie, control):
    film = movie(3 * QUANTUM + 5)
    control.add_fault(method="upload.chunk", kind="cut", at=100_000, skip=1)

    first, uri = node(
        {"step": "upload", "file": str(movie(1000)), "title": "A day"},
        {"step": "begin", "file": str(film), "title": "Another day"},
    )
    (broken,) = node({"step": "resume", "file": str(film), "uri": uri})
    done, again, uploads = node(
        {"step": "resume", "file": str(film), "uri": uri},
        {"step": "resume", "file": str(film), "uri": uri},
        {"step": "uploads"},
    )

    assert "failed" in broken
    assert (done["from"], done["status"]) == (QUANTUM, 201)
    assert (again["status"], again["video"]) == (201, done["video"])
    assert uploads == [done["video"]["id"], first["id"]]
    truth = control.truth()
    assert [video["sha256"] for video in truth["videos"]] == [
        sha256(movie(1000).read_bytes()),
        sha256(film.read_bytes()),
    ]
    assert sum(truth["upload_sessions"].values()) == 2
    assert truth["refused"] == []


def test_a_refusal_reaches_the_client_with_its_reason(node, tmp_path, movie):
    note = tmp_path / "note.txt"
    note.write_text("Not a picture.")

    _, wrong, missing = node(
        {"step": "upload", "file": str(movie(1000)), "title": "A day"},
        {"step": "thumbnail", "file": str(note)},
        {"step": "thumbnail", "videoId": "nothing", "file": str(note)},
    )

    assert (wrong["failed"], wrong["reason"]) == (400, "invalidImage")
    assert (missing["failed"], missing["reason"]) == (404, "videoNotFound")
