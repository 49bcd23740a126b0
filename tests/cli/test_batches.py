"""Batches: what is written down is checked whole before the first call, and then sent side by side."""

import hashlib
import json
import os
import re
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pexpect
import pyte
import pytest
from newsroom import ROOT, assert_books_agree, start
from pictures import png
from told import data, told
from waiting import wait_until

MIB = 1024 * 1024


def arrived(sandbox):
    return {video["file_name"]: video for video in sandbox.truth()["videos"]}


@pytest.fixture
def subtitles(tmp_path):
    path = tmp_path / "talk.de.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nGuten Tag\n", encoding="utf-8")
    return path


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "talk.png"
    path.write_bytes(png(1280, 720))
    return path


@pytest.fixture
def third(sandbox, ytpool):
    """One more account of the pool, so that three can work at once."""
    secrets, token = sandbox.secrets_file(), sandbox.token_file("culture")
    words = ("--client-secrets", secrets, "--token", token, "--pool", "main", "--priority", 30)
    assert ytpool("auth", "import", "culture", *words)[0] == 0


# What can be said of a video


def test_everything_that_can_be_said_of_a_video_reaches_youtube(ytpool, sandbox, video, subtitles, picture):
    status, out, err = ytpool(
        *("upload", video, "--account", "news", "--thumbnail", picture, "--caption", f"de:{subtitles}:Untertitel"),
        *("--playlist", "+Mornings", "--language", "de", "--synthetic", "--licence", "creativecommon"),
        *("--not-embeddable", "--no-public-stats", "--recorded-on", "2026-11-01", "--made-for-kids", "--json"),
    )

    assert status == 0, err + out
    truth = sandbox.truth()
    parts = truth["videos"][0]["parts"]
    assert parts["snippet"]["defaultLanguage"] == "de"
    assert {name: parts["status"][name] for name in ("containsSyntheticMedia", "license", "embeddable")} == {
        "containsSyntheticMedia": True,
        "license": "creativeCommon",
        "embeddable": False,
    }
    assert (parts["status"]["publicStatsViewable"], parts["status"]["selfDeclaredMadeForKids"]) == (False, True)
    assert parts["recordingDetails"]["recordingDate"].startswith("2026-11-01")
    assert [(one["language"], one["name"]) for one in truth["captions"]] == [("de", "Untertitel")]
    assert len(truth["thumbnails"]) == 1
    [mornings] = truth["playlists"]
    assert (mornings["title"], [item["video_id"] for item in mornings["items"]]) == (
        "Mornings",
        [truth["videos"][0]["id"]],
    )
    assert {step["state"] for step in data(out)["steps"]} == {"done"}
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--caption", "talk.srt"), "usage", "de:talk.de.srt"),
        (("--caption", f"de:{__file__}"), "file_invalid", ".srt"),
        (("--caption", "de:nowhere.srt"), "file_invalid", "there is no caption file"),
        (("--thumbnail", "nowhere.png"), "file_invalid", "there is no thumbnail"),
        (("--thumbnail", __file__), "file_invalid", "JPEG"),
        (("--playlist", "WL"), "metadata_invalid", "YouTube keeps itself"),
        (("--language", "German!"), "metadata_invalid", "BCP-47"),
        (("--recorded-on", "yesterday"), "usage", "2026-12-24"),
        (("--publish-at", "2031-03-30T02:30 Europe/Berlin"), "usage", "the clocks skip it"),
        (("--licence", "mit"), "usage", "creativeCommon"),
        (("--rate", "fast"), "config_invalid", "5M"),
        (("--parallel", "0"), "usage", "between 1 and 64"),
        (("--manifest", "list.csv"), "usage", "either"),
    ],
)
def test_what_cannot_be_said_is_refused_in_a_sentence_and_nothing_is_spent(ytpool, sandbox, video, words, code, says):
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", video, "--account", "news", *words, "--json")

    error = told(out)["error"]
    assert (status, error["code"]) == (2, code), out
    assert says in error["message"] + error["hint"]
    assert sandbox.truth()["calls"] == before
    assert_books_agree(ytpool, sandbox)


def test_a_playlist_that_the_channel_does_not_have_is_refused_before_the_first_byte(ytpool, sandbox, video):
    words = ("upload", video, "--pool", "main", "--json")

    status, out, _ = ytpool(*words, "--playlist", "Mornings")

    assert (status, told(out)["error"]["code"]) == (2, "unknown_name")
    assert "+Mornings" in told(out)["error"]["hint"]
    assert (sandbox.calls("playlists.list"), sandbox.calls("videos.insert")) == (2, 0), "once on each channel"
    assert_books_agree(ytpool, sandbox)

    status, out, _ = ytpool(*words, "--playlist", "+Mornings")

    assert (status, data(out)["state"]) == (0, "done")
    assert len(sandbox.truth()["videos"]) == len(sandbox.truth()["playlists"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_playlist_that_is_there_takes_the_next_video_too(ytpool, sandbox, make_video):
    first, second = make_video("a.mp4"), make_video("b.mp4")
    assert ytpool("upload", first, "--account", "news", "--playlist", "+Mornings")[0] == 0

    status, _, err = ytpool("upload", second, "--account", "news", "--playlist", "Mornings")

    assert status == 0, err
    [mornings] = sandbox.truth()["playlists"]
    assert len(mornings["items"]) == 2
    assert_books_agree(ytpool, sandbox)


# Manifests, sidecars and folders


def test_a_table_of_videos_is_published_row_by_row(ytpool, sandbox, make_video, tmp_path, subtitles, picture):
    make_video("a.mp4")
    make_video("b.mp4")
    table = tmp_path / "autumn.csv"
    rows = (
        "file,title,account,privacy,captions,thumbnail,tags",
        f"a.mp4,First,,unlisted,de:{subtitles.name},{picture.name},",
        'b.mp4,"Second, and last",sports,,,,"x,y"',
    )
    table.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())

    status, out, err = ytpool("upload", "--manifest", table, "--account", "news", "--tags", "z", "--json")

    assert status == 0, err + out
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert events == ["video", "video", "result"]
    assert data(out)["counts"] == {"total": 2, "done": 2}
    [first], [second] = sandbox.videos_on("news"), sandbox.videos_on("sports")
    assert (first["title"], first["privacy"], first["parts"]["snippet"]["tags"]) == ("First", "unlisted", ["z"])
    assert (second["title"], second["privacy"], second["parts"]["snippet"]["tags"]) == (
        "Second, and last",
        "private",
        ["x", "y"],
    )
    assert len(sandbox.truth()["captions"]) == len(sandbox.truth()["thumbnails"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_batch_notifies_nobody_unless_told(ytpool, sandbox, make_video, tmp_path):
    for name in "abcd":
        make_video(f"{name}.mp4", 20_000)
    lines = tmp_path / "list.jsonl"
    lines.write_text('{"file": "a.mp4"}\n{"file": "b.mp4", "notify": true}\n')

    ytpool("upload", "--manifest", lines, "--account", "news")
    ytpool("upload", tmp_path / "c.mp4", "--account", "news")
    ytpool("upload", tmp_path / "d.mp4", tmp_path / "c.mp4", "--account", "sports")

    said = {(video["channel"], video["file_name"]): video["notify"] for video in named(sandbox)}
    assert said == {
        ("news", "a.mp4"): False,
        ("news", "b.mp4"): True,
        ("news", "c.mp4"): True,
        ("sports", "d.mp4"): False,
        ("sports", "c.mp4"): False,
    }


def named(sandbox):
    titles = {channel["channel_id"]: channel["title"] for channel in sandbox.truth()["channels"]}
    return [{**video, "channel": titles[video["channel_id"]]} for video in sandbox.truth()["videos"]]


def test_a_folder_is_published_with_what_stands_beside_each_video(ytpool, sandbox, make_video, tmp_path):
    folder = tmp_path / "outbox"
    folder.mkdir()
    for name in ("a.mp4", "b.mov"):
        make_video(f"outbox/{name}", 20_000)
    (folder / "a.toml").write_text('title = "Written beside it"\nlocalizations.de.title = "Daneben"\nlanguage = "en"\n')
    (folder / "notes.txt").write_text("left alone")

    status, out, err = ytpool("upload", folder, "--pool", "main", "--json")

    assert status == 0, err + out
    assert {name: video["title"] for name, video in arrived(sandbox).items()} == {
        "a.mp4": "Written beside it",
        "b.mov": "b",
    }
    assert arrived(sandbox)["a.mp4"]["parts"]["localizations"]["de"]["title"] == "Daneben"
    assert_books_agree(ytpool, sandbox)


def test_one_video_with_a_file_beside_it_is_told_as_one(ytpool, sandbox, video):
    video.with_suffix(".toml").write_text('title = "From the file"\nprivacy = "unlisted"\n')

    status, out, _ = ytpool("upload", video, "--account", "news", "--privacy", "public", "--json")

    assert (status, len(out.splitlines()), data(out)["state"]) == (0, 1, "done")
    assert [(one["title"], one["privacy"]) for one in sandbox.videos_on("news")] == [("From the file", "unlisted")]


def test_everything_wrong_with_a_batch_is_told_at_once_and_nothing_is_sent(ytpool, sandbox, make_video, tmp_path):
    make_video("good.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "page.png").write_text("<html>")
    with (tmp_path / "huge.mp4").open("wb") as file:
        file.truncate(256 * 1024**3 + 1)
    os.mkfifo(tmp_path / "pipe.mp4")
    table = tmp_path / "autumn.csv"
    table.write_text(
        "file,title,publish_at,thumbnail,account,colour\n"
        "good.mp4,Fine,,,,\n"
        "missing.mp4,,,,,\n"
        "empty.mp4,,,,,\n"
        "huge.mp4,,,,,\n"
        "pipe.mp4,,,,,\n"
        "good.mp4,Again,,,,\n"
        "good.mp4,,2031-06-01T18:00 Europe/Berlim,,sports,\n"
        "good.mp4,,,page.png,nwes,\n"
    )
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", "--manifest", table, "--account", "news", "--json")
    plain = ytpool("upload", "--manifest", table, "--account", "news")

    problems = told(out)["error"]["details"]["problems"]
    assert (status, told(out)["error"]["code"]) == (2, "batch_invalid")
    assert [(one["line"], one["column"]) for one in problems] == [
        (1, None),
        (3, "file"),
        (4, "file"),
        (5, "file"),
        (6, "file"),
        (7, "file"),
        (8, "publish_at"),
        (9, "account"),
        (9, "thumbnail"),
    ]
    said = ("colour", "there is no file", "empty", "256 GB", "pipe", "line 2", "Europe/Berlin", "news", "JPEG")
    for problem, word in zip(problems, said, strict=True):
        assert word in problem["message"]
        assert f"{table}:{problem['line']}: " in plain[2]
    assert plain[0] == 2
    assert sandbox.truth()["calls"] == before
    assert ytpool("activity", "report", "--json")[0] == 0
    assert_books_agree(ytpool, sandbox)


def test_a_batch_goes_on_after_the_moments_of_those_that_are_done(ytpool, sandbox, make_video, tmp_path):
    make_video("a.mp4", 20_000)
    make_video("b.mp4", 20_000)
    soon = sandbox.control.clock() + timedelta(days=1)
    lines = tmp_path / "list.jsonl"
    lines.write_text(json.dumps({"file": "a.mp4", "publish_at": soon.isoformat()}))
    words = ("upload", "--manifest", lines, "--account", "news", "--json")
    assert ytpool(*words)[0] == 0
    lines.write_text(lines.read_text().replace(soon.isoformat(), "2020-01-01T00:00"))  # as if that time had come
    lines.write_text(lines.read_text() + "\n" + json.dumps({"file": "b.mp4"}))

    status, out, _ = ytpool(*words)

    assert (status, data(out)["counts"]) == (0, {"total": 2, "done": 2})
    assert ytpool(*words, "--dry-run")[0] == 0
    assert len(sandbox.truth()["videos"]) == 2

    lines.write_text(json.dumps({"file": "b.mp4", "publish_at": "2020-01-01T00:00", "key": "another"}))

    status, out, _ = ytpool(*words)

    [problem] = told(out)["error"]["details"]["problems"]
    assert (status, problem["line"], problem["column"]) == (2, 1, "publish_at")
    assert "is over" in problem["message"]


def test_a_row_tells_all_its_faults_however_many_it_has(ytpool, sandbox, make_video, tmp_path):
    make_video("a.mp4", 5000)
    (tmp_path / "page.png").write_text("<html>")
    lines = tmp_path / "list.jsonl"
    row = {"file": "gone.mp4", "account": "nwes", "title": "1 < 2", "privacy": "publik", "thumbnail": "page.png"}
    row |= {"captions": "de:gone.srt", "publish_at": "2020-01-01T00:00", "playlists": "WL", "colour": "red"}
    lines.write_text(f"{json.dumps(row)}\n{json.dumps({**row, 'pool': 'mian'})}\n{json.dumps({'account': 'nwes'})}\n")
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", "--manifest", lines, "--pool", "mian", "--thumbnail", "no.png", "--json")

    problems = told(out)["error"]["details"]["problems"]
    assert (status, told(out)["error"]["code"]) == (2, "batch_invalid")
    assert [one["message"].split(";")[0] for one in problems if one["line"] is None] == [
        "there is no pool named 'mian'",
        "there is no thumbnail no.png",
    ]
    each = {number: [one["column"] for one in problems if one["line"] == number] for number in (1, 2, 3)}
    columns = [None, "privacy", "title", "playlists", "account", "file", "thumbnail", "captions", "publish_at"]
    assert each[1] == columns
    assert sorted(map(str, each[2])) == sorted(map(str, [*columns, "account", "pool"]))
    assert each[3] == ["file", "account"]
    assert sandbox.truth()["calls"] == before


def test_a_folder_tells_all_its_faults_too(ytpool, sandbox, tmp_path, make_video):
    folder = tmp_path / "outbox"
    folder.mkdir()
    make_video("outbox/a.mp4", 5000)
    (folder / "a.toml").write_text('titel = "x"\naccount = "nwes"\nthumbnail = "no.png"\ntags = ["a,b"]\n')
    (folder / "b.mp4").touch()
    (folder / "b.toml").write_text('title = "x\n')
    (folder / "c.mp4").touch()
    (folder / "c.toml").mkdir()
    (folder / "lost.toml").touch()
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", folder, tmp_path / "gone.mp4", "--account", "news", "--json")

    problems = told(out)["error"]["details"]["problems"]
    assert status == 2
    assert [(Path(one["source"]).name, one["line"], one["column"]) for one in problems] == [
        ("gone.mp4", None, "file"),
        ("a.toml", 1, None),
        ("a.toml", 2, "account"),
        ("a.toml", 3, "thumbnail"),
        ("a.toml", 4, "tags"),
        ("b.toml", None, "file"),
        ("b.toml", 1, None),
        ("c.toml", None, None),
        ("c.toml", None, "file"),
        ("lost.toml", None, None),
    ]
    assert sandbox.truth()["calls"] == before


def test_a_manifest_typed_again_needs_nothing_of_what_is_done(
    ytpool, sandbox, make_video, tmp_path, picture, subtitles, monkeypatch
):
    first, second, third = (make_video(f"{name}.mp4", 20_000) for name in "abc")
    lines = tmp_path / "list.jsonl"
    row = {"file": "a.mp4", "thumbnail": picture.name, "captions": f"de:{subtitles.name}"}
    lines.write_text(f"{json.dumps(row)}\n{json.dumps({'file': 'b.mp4', 'account': 'sports'})}\n")
    words = ("upload", "--manifest", lines, "--pool", "main", "--json")
    sandbox.control.add_fault(method="captions.insert", kind="error", error="invalidMetadata")
    assert ytpool(*words)[0] == 3
    for path in (first, second, picture):
        path.unlink()
    lines.write_text(lines.read_text() + json.dumps({"file": "c.mp4"}))

    status, out, err = ytpool(*words)

    assert (status, data(out)["counts"]) == (0, {"total": 3, "done": 3}), out + err
    assert [one["note"] for one in data(out)["videos"]] == ["", "already published", ""]
    truth = sandbox.truth()
    assert len(truth["videos"]) == 3
    assert len(truth["captions"]) == len(truth["thumbnails"]) == 1
    assert_books_agree(ytpool, sandbox)

    subtitles.unlink()
    third.unlink()
    monkeypatch.chdir(tmp_path)

    assert data(ytpool("upload", "--manifest", "../" + tmp_path.name + "/list.jsonl", *words[3:])[1])["counts"] == {
        "total": 3,
        "done": 3,
    }
    assert ytpool(*words, "--dry-run")[0] == 0

    for change in ({"key": "another"}, {"account": "sports"}):
        lines.write_text(json.dumps({**row, **change}))
        status, out, _ = ytpool(*words)

        problems = told(out)["error"]["details"]["problems"]
        assert (status, [one["column"] for one in problems]) == (2, ["file", "thumbnail", "captions"])
    lines.write_text(json.dumps(row))
    assert ytpool(*words, "--again")[0] == 2
    assert len(sandbox.truth()["videos"]) == 3


def test_a_manifest_goes_on_with_an_unknown_outcome_without_its_file(ytpool, sandbox, make_video, tmp_path):
    video = make_video("a.mp4", 20_000)
    (tmp_path / "list.csv").write_text("file\na.mp4\n")
    words = ("upload", "--manifest", tmp_path / "list.csv", "--account", "news", "--json")
    sandbox.channel("news").spoil("upload.final", "lose_answer")
    sandbox.channel("news").spoil("upload.query", "expire")
    sandbox.channel("news").spoil("listing", "slow", seconds=300)
    assert ytpool(*words)[0] == 7
    video.unlink()

    status, out, _ = ytpool(*words)

    assert (status, told(out)["error"]["code"], data(out)["state"]) == (7, "outcome_unknown", "finished_unknown")
    assert len(sandbox.truth()["videos"]) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("list.csv", b"", "empty"),
        ("list.csv", "file,title\na.mp4,é".encode("latin-1"), "UTF-8"),
        ("list.csv", "file\na.mp4".encode("utf-16"), "UTF-16"),
        ("list.csv", b"file,file\na.mp4,a.mp4", "2 times"),
        ("list.jsonl", b'{"file": "a.mp4"\n', "no JSON"),
        ("list.txt", b"a.mp4\n", ".csv or .jsonl"),
    ],
)
def test_a_manifest_that_is_none_is_refused(ytpool, sandbox, make_video, tmp_path, name, content, says):
    make_video("a.mp4")
    (tmp_path / name).write_bytes(content)

    status, out, _ = ytpool("upload", "--manifest", tmp_path / name, "--account", "news", "--json")

    assert (status, told(out)["error"]["code"]) == (2, "batch_invalid")
    assert says in json.dumps(told(out)["error"], ensure_ascii=False)
    assert sandbox.truth()["videos"] == []


def test_a_name_in_another_encoding_is_shown_as_far_as_it_can_be_and_refused(ytpool, sandbox, tmp_path, make_video):
    folder = tmp_path / "outbox"
    folder.mkdir()
    make_video("outbox/fine.mp4", 5000)
    (folder / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"x" * 5000)

    status, out, _ = ytpool("upload", folder, "--account", "news", "--json")

    [problem] = told(out)["error"]["details"]["problems"]
    assert (status, told(out)["error"]["code"], problem["column"]) == (2, "batch_invalid", "file")
    assert r"caf\xe9.mp4 has a name that is no UTF-8" in problem["message"]
    assert sandbox.truth()["videos"] == []


def test_a_file_that_grows_after_it_was_read_is_told(sandbox, make_video):
    video = make_video(size=300_000)
    content = video.read_bytes()
    sandbox.channel("news").spoil("upload.final", "slow", seconds=2)
    with start("upload", video, "--account", "news", "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.videos_on("news"))
        with video.open("ab") as file:
            file.write(b"and on")
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    assert data(out)["note"].startswith("the file changed while it was uploaded (it had 300,000 bytes")
    assert [one["sha256"] for one in sandbox.videos_on("news")] == [hashlib.sha256(content).hexdigest()]


def test_what_only_looks_like_a_file_is_never_waited_for(ytpool, sandbox, make_video, tmp_path):
    make_video("a.mp4", 5000)
    os.mkfifo(tmp_path / "list.csv")
    os.mkfifo(tmp_path / "a.srt")
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "rows.csv").write_text(f"file,captions\na.mp4,de:a.srt\n../{tmp_path.name}/a.mp4,\n")

    status, out, _ = ytpool("upload", "--manifest", tmp_path / "list.csv", "--account", "news", "--json")
    assert (status, told(out)["error"]["message"]) == (2, f"{tmp_path / 'list.csv'} is a pipe, not a file")

    words = ("--account", "news", "--thumbnail", tmp_path / "a.png", "--json")
    status, out, _ = ytpool("upload", "--manifest", tmp_path / "rows.csv", *words)
    said = [one["message"] for one in told(out)["error"]["details"]["problems"]]
    assert (status, [message.partition(tmp_path.name)[2].partition(";")[0] for message in said]) == (
        2,
        [
            "/a.png is a pipe, not a file",
            "/a.srt is a pipe, not a file",
            f"/../{tmp_path.name}/a.mp4 for account news is there already, in line 2",
        ],
    )

    (tmp_path / "a.srt").rename(tmp_path / "a.toml")
    status, out, _ = ytpool("upload", tmp_path / "a.mp4", tmp_path, "--account", "news", "--json")
    assert status == 2
    assert sandbox.truth()["videos"] == []


def test_an_empty_name_is_no_folder(ytpool, sandbox, make_video, monkeypatch, tmp_path):
    make_video("a.mp4", 5000)
    monkeypatch.chdir(tmp_path)

    status, out, _ = ytpool("upload", "", "--account", "news", "--json")

    assert (status, told(out)["error"]["message"]) == (2, "a file's name is empty")
    assert sandbox.truth()["videos"] == []


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (lambda folder: None, "file_invalid", "there is no file"),  # noqa: ARG005
        (lambda folder: (folder.mkdir(), (folder / "lost.toml").touch()), "batch_invalid", "no video of this name"),
    ],
)
def test_a_folder_that_is_not_there_or_has_notes_on_no_video_is_refused(ytpool, sandbox, tmp_path, make, code, says):
    make(tmp_path / "outbox")

    status, out, _ = ytpool("upload", tmp_path / "outbox", "--account", "news", "--json")

    assert (status, told(out)["error"]["code"]) == (2, code)
    assert says in json.dumps(told(out)["error"])
    assert sandbox.truth()["videos"] == []


def test_a_folder_without_videos_is_nothing_to_do(ytpool, sandbox, make_video, tmp_path):
    (tmp_path / "outbox").mkdir()

    status, out, err = ytpool("upload", tmp_path / "outbox", "--account", "news", "--json")
    beside = ytpool("upload", tmp_path / "outbox", make_video("a.mp4", 5000), "--account", "news", "--quiet")
    planned = ytpool("plan", tmp_path / "outbox", "--account", "news")

    assert (status, told(out)["data"]["counts"]) == (0, {"total": 0})
    assert err == f"{tmp_path / 'outbox'}: there are no videos in it\n"
    assert (beside[0], beside[2], len(sandbox.truth()["videos"])) == (0, "", 1)
    assert planned[0] == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--title", "Another"), "--title"),
        (("--description=",), "--description"),
        (("talk.mp4", "--not-made-for-kids", "--key", "x"), "the files, --key, --not-made-for-kids"),
        (("--manifest", "list.csv", "--again", "--parallel", "2", "--rate", "1M"), "--manifest, --again"),
    ],
)
def test_resume_refuses_what_it_would_not_do(ytpool, words, named):
    status, out, _ = ytpool("upload", "--resume", *words, "--json")

    assert (status, told(out)["error"]["code"]) == (2, "usage")
    assert told(out)["error"]["message"].endswith(f"; leave out {named}")


def test_flags_beside_a_manifest_say_what_its_rows_do_not(ytpool, sandbox, make_video, tmp_path, picture, subtitles):
    make_video("a.mp4", 5000)
    (tmp_path / "list.csv").write_text("file,privacy\na.mp4,unlisted\n")
    flags = ("--description", "Said once", "--tags", "a,b", "--category", "25", "--language", "de", "--synthetic")
    flags += ("--licence", "creativeCommon", "--not-embeddable", "--no-public-stats", "--recorded-on", "2026-11-01")
    flags += ("--made-for-kids", "--notify", "--thumbnail", picture, "--playlist", "+Mornings", "--privacy", "public")
    words = ("upload", "--manifest", tmp_path / "list.csv", "--account", "news", *flags)
    assert ytpool(*words, "--title", "One for all")[0] == ytpool(*words, "--caption", f"de:{subtitles}")[0] == 2

    status, _, err = ytpool(*words, "--key", "autumn")

    assert status == 0, err
    truth = sandbox.truth()
    [video] = truth["videos"]
    parts = video["parts"]
    names = ("description", "tags", "categoryId", "defaultLanguage")
    assert [parts["snippet"][name] for name in names] == ["Said once", ["a", "b"], "25", "de"]
    names = ("containsSyntheticMedia", "license", "embeddable", "publicStatsViewable", "selfDeclaredMadeForKids")
    assert [parts["status"][name] for name in names] == [True, "creativeCommon", False, False, True]
    assert parts["recordingDetails"]["recordingDate"].startswith("2026-11-01")
    assert (video["privacy"], video["notify"]) == ("unlisted", True)
    assert (len(truth["thumbnails"]), [one["title"] for one in truth["playlists"]]) == (1, ["Mornings"])
    assert ytpool(*words, "--key", "winter", "--dry-run")[1] != ytpool(*words, "--key", "autumn", "--dry-run")[1]


# Planning


def test_a_dry_run_of_a_batch_sums_up_and_says_what_has_no_room_today(ytpool, sandbox, make_video):
    sandbox.project(limits={"uploads": 100})
    files = [make_video(f"{number}.mp4", 5000) for number in range(5)]
    assert ytpool("upload", files[0], "--account", "news")[0] == 0
    before = sandbox.truth()["calls"]
    for name, percent in (("YELLOW", "1"), ("ORANGE", "3"), ("RED", "50")):  # two more of 100 uploads
        os.environ[f"YTPOOL_THRESHOLDS_{name}"] = percent
    try:
        status, out, _ = ytpool("upload", *files, "--pool", "main", "--thumbnail", made(files), "--dry-run", "--json")
    finally:
        for name in ("YELLOW", "ORANGE", "RED"):
            del os.environ[f"YTPOOL_THRESHOLDS_{name}"]

    plan = data(out)
    assert status == 3
    assert "already published" in plan["plans"][0]["note"]
    assert [one["error"] and one["error"]["code"] for one in plan["plans"]] == [
        None,
        None,
        None,
        "quota_exhausted",
        "quota_exhausted",
    ]
    assert plan["not_today"] == [str(path) for path in files[3:]]
    assert plan["total_units"] == {"uploads": 4, "general": 4 * 54}
    assert sandbox.truth()["calls"] == before
    assert_books_agree(ytpool, sandbox)


def made(files):
    path = files[0].with_suffix(".png")
    path.write_bytes(png(640, 360))
    return path


# Side by side


def test_several_are_sent_at_once_and_a_channel_takes_one_at_a_time(ytpool, sandbox, third, make_video):  # noqa: ARG001
    files = [make_video(f"{number}.mp4", 300_000) for number in range(6)]
    for name in ("news", "sports", "culture"):
        sandbox.channel(name).holds_back("upload.final")

    status, out, err = None, None, None

    def run():
        nonlocal status, out, err
        status, out, err = ytpool("upload", *files, "--pool", "main", "--parallel", 3, "--json")

    runs = threading.Thread(target=run)
    runs.start()
    # Their final answers are all late, so that three channels have a video and nothing is told yet.
    wait_until(lambda: {video["channel"] for video in named(sandbox)} == {"news", "sports", "culture"})
    assert len(sandbox.truth()["videos"]) == 3
    sandbox.goes_on()
    runs.join()

    assert status == 0, err + out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["video"] * 6 + ["result"]
    assert [one["file"] for one in data(out)["videos"]] == [str(path) for path in files]
    assert {name: video["sha256"] for name, video in arrived(sandbox).items()} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    assert_books_agree(ytpool, sandbox)


def test_two_for_one_account_do_not_stand_in_each_others_way(ytpool, sandbox, make_video):  # noqa: ARG001
    files = [make_video(f"{number}.mp4", 30_000) for number in range(3)]

    status, out, err = ytpool("upload", *files, "--account", "news", "--parallel", 3, "--no-wait", "--json")

    assert (status, data(out)["counts"]) == (0, {"total": 3, "done": 3}), err


def test_partly_is_status_three_and_an_unknown_outcome_outweighs_it(ytpool, sandbox, make_video, tmp_path):
    files = [make_video(f"{number}.mp4", 30_000) for number in range(2)]

    status, out, _ = ytpool("upload", *files, tmp_path / "gone.mp4", "--pool", "main", "--parallel", 3, "--json")

    assert (status, data(out)["counts"]) == (3, {"total": 3, "done": 2, "refused": 1})

    late = make_video("late.mp4", 30_000)
    sandbox.channel("news").spoil("upload.final", "lose_answer")
    sandbox.channel("news").spoil("upload.query", "expire")
    sandbox.channel("news").spoil("listing", "slow", seconds=3600)
    words = (late, tmp_path / "gone.mp4", "--account", "news", "--parallel", 2)

    status, out, _ = ytpool("upload", *words, "--json")

    assert (status, data(out)["counts"]) == (7, {"total": 2, "finished_unknown": 1, "refused": 1})


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_stops_all_its_uploads_and_goes_on_when_typed_again(
    ytpool, sandbox, make_video, monkeypatch, stop
):
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    files = [make_video(f"{number}.mp4", 9 * MIB) for number in range(4)]
    words = ("upload", *files, "--pool", "main", "--parallel", 2, "--json")
    sandbox.control.add_fault(method="upload.final", kind="slow", seconds=1.5, times=2)
    with start(*words, "--rate", "12M", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("upload.chunk") >= 2)
        process.send_signal(stop)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert (told(out)["event"], told(out)["error"]["code"]) == ("result", "interrupted")
    states = [video["state"] for video in data(out)["videos"]]
    assert len(states) == 2
    assert set(states) <= {"interrupted", "done"}
    assert data(out)["counts"]["not_begun"] == 2
    begun = sandbox.calls("videos.insert")

    status, out, err = ytpool(*words)

    assert (status, data(out)["counts"]) == (0, {"total": 4, "done": 4}), err
    assert sandbox.calls("videos.insert") == 4
    assert begun == 2
    assert {name: video["sha256"] for name, video in arrived(sandbox).items()} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    assert_books_agree(ytpool, sandbox)


def test_a_worker_that_waits_hears_of_the_interruption_too(ytpool, sandbox, make_video, monkeypatch):
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "1")
    files = [make_video(f"{number}.mp4", 30_000) for number in range(2)]
    sandbox.control.add_fault(method="videos.insert", kind="error", error="backendError", times=50)
    with start("upload", *files, "--pool", "main", "--parallel", 2, "--json", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("videos.insert") >= 5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)  # and not for all that they would still try

    assert process.returncode == 130, err
    assert {video["state"] for video in data(out)["videos"]} <= {"interrupted", "failed"}
    sandbox.control.clear_faults()
    assert ytpool("upload", *files, "--pool", "main", "--json")[0] == 0
    assert_books_agree(ytpool, sandbox)


def test_pressed_twice_it_leaves_at_once_and_nothing_is_lost(ytpool, sandbox, make_video):
    files = [make_video(f"{number}.mp4", 30_000) for number in range(2)]
    sandbox.holds_back("upload.final", times=2)
    with start("upload", *files, "--pool", "main", "--parallel", 2, "--json", env=os.environ) as process:
        wait_until(lambda: len(sandbox.truth()["videos"]) == 2)  # and their answers are not there yet
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "leaves at once" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)  # and they never come

    assert (process.returncode, told(out)["error"]["code"], err) == (130, "interrupted", ""), out

    status, out, err = ytpool("upload", *files, "--pool", "main", "--json")

    assert (status, data(out)["counts"]) == (0, {"total": 2, "done": 2}), err
    assert sandbox.calls("videos.insert") == len(sandbox.truth()["videos"]) == 2
    assert_books_agree(ytpool, sandbox)


def test_what_was_killed_goes_on_side_by_side(ytpool, sandbox, make_video):
    files = [make_video(f"{number}.mp4", 30_000) for number in range(2)]
    sandbox.holds_back("upload.final", times=2)
    with start("upload", *files, "--pool", "main", "--parallel", 2, env=os.environ) as process:
        wait_until(lambda: len(sandbox.truth()["videos"]) == 2)
        process.kill()

    status, out, err = ytpool("upload", "--resume", "--parallel", 2, "--json")

    assert (status, data(out)["counts"]) == (0, {"total": 2, "done": 2}), err + out
    assert [one["resumed"] for one in data(out)["videos"]] == [True, True]
    assert len(sandbox.truth()["videos"]) == 2
    assert_books_agree(ytpool, sandbox)


def test_a_limit_is_shared_by_all_uploads_of_a_command(ytpool, sandbox, make_video):
    files = [make_video(f"{number}.mp4", MIB) for number in range(2)]
    began = time.monotonic()

    status, _, err = ytpool("upload", *files, "--pool", "main", "--parallel", 2, "--rate", "1M")

    assert status == 0, err
    # Two MiB at one a second; the last quarter of a second's worth leaves at its beginning.
    assert time.monotonic() - began > 1.5
    assert len(sandbox.truth()["videos"]) == 2


def test_waiting_is_told_once_where_no_display_shows_it(ytpool, sandbox, make_video):
    first, second = make_video("first.mp4"), make_video("second.mp4")
    sandbox.channel("news").spoil("upload.final", "slow", seconds=3)
    with start("upload", first, "--account", "news", "--quiet", env=os.environ) as process:
        wait_until(lambda: sandbox.videos_on("news"))
        status, out, err = ytpool("upload", second, "--account", "news", "--json")
        process.communicate(timeout=30)

    assert (status, len(out.splitlines())) == (0, 1)
    assert [line for line in err.splitlines() if "waiting" in line] == [
        line for line in err.splitlines() if line.startswith("second.mp4: waiting: ")
    ]
    assert sum("waiting" in line for line in err.splitlines()) == 1


def test_a_long_wait_that_google_asks_for_is_told_too(ytpool, sandbox, video):
    sandbox.channel("news").fail("upload.final", "backendError", retry_after=3)

    status, out, err = ytpool("upload", video, "--account", "news", "--json")

    assert (status, len(out.splitlines())) == (0, 1)
    assert sum(line.startswith("talk.mp4: waiting ") for line in err.splitlines()) == 1, err


def watched(*words, columns, lines=200):
    """Run on a terminal; return what it showed, look by look, and the exit status."""
    terminal = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(terminal)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ytpool", *map(str, words)],
        env={**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1"},
        cwd=str(ROOT),
        dimensions=(lines, columns),
        timeout=30,
    )
    looks = []
    while True:
        try:
            stream.feed(child.read_nonblocking(65536, timeout=30))
        except pexpect.EOF:
            break
        looks.append([line.rstrip() for line in terminal.display])
    child.close()
    return looks, child.exitstatus


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_a_line_per_upload_and_one_for_all(ytpool, sandbox, make_video, columns):  # noqa: ARG001
    files = [make_video(f"a talk with the number {number}.mp4", 3 * MIB) for number in range(3)]
    missing = files[0].with_name("missing.mp4")

    looks, status = watched(
        "upload", *files, missing, "--pool", "main", "--parallel", 2, "--rate", "4M", columns=columns
    )

    assert status == 3
    middle = next(lines for lines in looks if sum("%" in line for line in lines) == 3)
    shown = [line for line in middle if "%" in line]
    assert [line[:4] for line in shown] == ["a ta", "a ta", "0 of"]
    assert all(len(line) <= columns for line in shown)
    ended = "".join(looks[-1]).replace(" ", "")  # a sentence goes on in the next line
    assert [f"number{number}.mp4:https://" in ended for number in range(3)] == [True] * 3
    assert "missing.mp4:thereisnofile" in ended
    [total] = [line for line in looks[-1] if line.startswith("4 of 4 files")]
    assert "100%" in total
    speeds = [float(found) for look in looks for line in look for found in re.findall(r"(\S+) MB/s", line)]
    assert bool(speeds) == (columns == 80)
    assert max(speeds, default=0) < 5.3  # four MiB a second, in pieces of a quarter of that


def test_no_speed_is_told_of_what_was_over_at_once_or_sent_before(ytpool, sandbox, make_video):  # noqa: ARG001
    files = [make_video(f"{number}.mp4", 500_000) for number in range(3)]

    for times in range(2):
        looks, status = watched("upload", *files, "--pool", "main", columns=120)

        assert status == 0
        assert [line for look in looks for line in look if "/s" in line] == []
        assert any(line.startswith("3 of 3 files") and "100%" in line for line in looks[-1]), times


def test_each_row_says_how_it_waits_in_the_queue(ytpool, sandbox, make_video, tmp_path, monkeypatch):
    monkeypatch.setenv("YTPOOL_TIME_ZONE", "UTC")
    for number in range(4):
        make_video(f"{number}.mp4", 1000 + number)
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "file,priority,not_before,deadline\n0.mp4,,,\n1.mp4,7,,\n2.mp4,,2080-01-01T06:00,\n3.mp4,,,2070-01-01\n"
    )
    words = ("upload", "--manifest", rows, "--account", "news", "--json")
    flags = ("--queue", "--priority", "1", "--not-before", "2030-01-01")

    now = ytpool(*words)
    planned = data(ytpool("plan", rows, "--account", "news", "--json")[1])["items"]
    status, out, err = ytpool(*words, *flags)

    assert (now[0], json.loads(now[1])["error"]["message"].startswith("3 things")) == (2, True)
    assert "rows.csv:3: priority: it is for what waits; say --queue" in json.loads(now[1])["error"]["hint"]
    assert (status, data(out)["counts"]) == (0, {"total": 4, "queued": 4}), err
    listed = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert [(one["priority"], one["not_before"][:10], (one["deadline"] or "-")[:10]) for one in listed] == [
        (1, "2030-01-01", "-"),
        (7, "2030-01-01", "-"),
        (1, "2080-01-01", "-"),
        (1, "2030-01-01", "2070-01-01"),
    ]
    assert sandbox.truth()["videos"] == []
    assert "it is to wait until 2080-01-01" in planned[2]["reasons"][0]


def test_faults_of_the_queues_columns_are_told_with_all_the_others(ytpool, sandbox, make_video, tmp_path):
    make_video("0.mp4", 1000)
    lines = tmp_path / "rows.jsonl"
    wrong = [
        {"file": "0.mp4", "priority": "soon", "not_before": "2030-13-01", "key": "1"},
        {"file": "0.mp4", "priority": 10**9, "deadline": 7, "key": "2"},
        {"file": "0.mp4", "not_before": "2030-01-02", "deadline": "2030-01-01", "key": "3"},
        {"file": "0.mp4", "title": "x" * 101, "priority": 1.5, "key": "4"},
    ]
    lines.write_text("".join(f"{json.dumps(one)}\n" for one in wrong))

    status, out, _ = ytpool("upload", "--manifest", lines, "--account", "news", "--queue", "--json")

    places = [line.split(": ")[:2] for line in json.loads(out)["error"]["hint"].splitlines()]
    found = sorted((place.rpartition(":")[2], column) for place, column in places)
    assert status == 2
    assert found == [
        *(("1", "not_before"), ("1", "priority")),
        *(("2", "deadline"), ("2", "priority")),
        ("3", "deadline"),
        *(("4", "priority"), ("4", "title")),
    ]
    assert data(ytpool("queue", "list", "--json")[1])["jobs"] == []
    assert sandbox.truth()["videos"] == []
