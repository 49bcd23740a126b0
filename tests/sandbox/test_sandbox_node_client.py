"""Google's own Node client, which sends its uploads in chunks of HTTP, gets along with the sandbox."""

import hashlib
import json
import os
import subprocess

import pytest
from node_packages import NODE
from pictures import png
from real_parts import need

pytest_plugins = ["node_packages"]

ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
QUANTUM = 256 * 1024


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
            [program, NODE / "client.cjs"],
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
