"""The whole publication as an operator types it: what goes along, what it says when something is missing, and again."""

import json
from datetime import timedelta

import pytest
from agreement import assert_all_agrees
from newsroom import assert_books_agree
from pictures import png
from told import told

SRT = "1\n00:00:00,000 --> 00:00:02,000\nGrüß Gott\n"


@pytest.fixture
def folder(tmp_path):
    """A picture and two caption tracks beside the videos."""
    (tmp_path / "title.png").write_bytes(png(1280, 720))
    for language in ("de", "en"):
        (tmp_path / f"talk.{language}.srt").write_text(SRT)
    return tmp_path


@pytest.fixture
def along(folder):
    """The words for all that goes along."""
    return (
        *("--thumbnail", folder / "title.png"),
        *("--caption", f"de:{folder}/talk.de.srt:Untertitel", "--caption", f"en:{folder}/talk.en.srt"),
        *("--playlist", "+Talks"),
    )


def steps(out):
    return {step["step"]: step["state"] for step in told(out)["data"]["steps"]}


ALL = ("upload", "thumbnail", "caption:de:Untertitel", "caption:en:", "playlist:=Talks", "read_back")


def test_a_video_goes_up_with_thumbnail_captions_and_playlist(ytpool, sandbox, video, along):
    status, out, _ = ytpool("upload", video, "--account", "news", *along, "--dry-run", "--json")
    assert (status, told(out)["data"]["units"]) == (0, {"uploads": 1, "general": 50 + 2 * 400 + 101 + 4})
    assert sandbox.calls("videos.insert") == 0

    status, out, err = ytpool("upload", video, "--account", "news", *along, "--json")

    assert status == 0, err
    assert steps(out) == dict.fromkeys(ALL, "done")
    truth = sandbox.truth()
    assert {one["title"]: len(one["items"]) for one in truth["playlists"]} == {"Talks": 1}
    assert {one["name"] for one in truth["captions"]} == {"Untertitel", ""}
    assert len(truth["thumbnails"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_what_is_not_done_says_what_helps_and_is_done_by_the_same_command(ytpool, sandbox, video, along):
    sandbox.control.add_channel("news", thumbnails=False)
    sandbox.channel("news").spoil("captions.insert", "lose_answer")
    command = ("upload", video, "--account", "news", *along)

    status, out, err = ytpool(*command)

    assert (status, "partly" in out) == (7, True), "captions that may be there outweigh a thumbnail that is not"
    assert "thumbnail: forbidden" in err
    assert "verify its phone number" in err
    assert "type the same command again" in err
    sandbox.control.add_channel("news", thumbnails=True)
    status, out, _ = ytpool(*command, "--json")
    assert (status, steps(out)) == (0, dict.fromkeys(ALL, "done"))
    counts = {name: sandbox.calls(name) for name in ("videos.insert", "captions.insert", "captions.list")}
    assert counts == {"videos.insert": 1, "captions.insert": 2, "captions.list": 1}
    assert_books_agree(ytpool, sandbox)


def test_a_playlist_that_is_missing_is_said_before_an_upload_is_paid(ytpool, sandbox, video):
    status, out, _ = ytpool("upload", video, "--account", "news", "--playlist", "Tlaks", "--json")

    error = told(out)["error"]
    assert (status, error["code"], sandbox.calls("videos.insert")) == (2, "unknown_name", 0)
    assert "write it as +Tlaks to have it made" in error["hint"]
    assert_books_agree(ytpool, sandbox)


def test_of_a_pool_a_channel_that_has_the_playlist_is_taken(ytpool, sandbox, make_video):
    first = ytpool("upload", make_video("first.mp4"), "--account", "sports", "--playlist", "+Talks")
    assert first[0] == 0

    status, out, err = ytpool("upload", make_video("second.mp4"), "--pool", "main", "--playlist", "Talks", "--json")

    assert (status, told(out)["data"]["account"]) == (0, "sports"), err
    assert sandbox.videos_on("news") == []
    [made] = sandbox.truth()["playlists"]
    assert len(made["items"]) == 2
    why = told(ytpool("why", told(out)["data"]["job"], "--json")[1])["data"]
    assert "lacks a playlist" in json.dumps(why)
    assert_books_agree(ytpool, sandbox)


def test_a_playlist_that_no_channel_of_a_pool_has_is_said_before_an_upload_is_paid(ytpool, sandbox, video):
    status, out, _ = ytpool("upload", video, "--pool", "main", "--playlist", "Tlaks", "--json")

    error = told(out)["error"]
    assert (status, error["code"], sandbox.calls("videos.insert")) == (2, "unknown_name", 0)
    assert error["message"] == (
        "no channel of pool main will do: the channel news has no playlist titled 'Tlaks'; "
        "the channel sports has no playlist titled 'Tlaks'"
    )
    assert "write it as +Tlaks to have it made" in error["hint"]
    assert sandbox.truth()["playlists"] == []
    assert_books_agree(ytpool, sandbox)


def test_the_only_channel_with_the_playlist_is_waited_for(ytpool, sandbox, make_video):
    assert ytpool("upload", make_video("first.mp4"), "--account", "sports", "--playlist", "+Talks")[0] == 0
    sandbox.channel("sports").fail("videos.insert", "uploadLimitExceeded")

    status, out, _ = ytpool("upload", make_video("second.mp4"), "--pool", "main", "--playlist", "Talks", "--json")

    assert (status, told(out)["error"]["code"], told(out)["data"]["state"]) == (5, "resting", "deferred")
    assert sandbox.videos_on("news") == []
    assert_books_agree(ytpool, sandbox)


def test_a_thumbnail_of_the_wrong_type_is_refused_before_anything_is_sent(ytpool, sandbox, video, tmp_path):
    (tmp_path / "title.gif").write_bytes(b"GIF89a" + bytes(100))
    before = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", video, "--account", "news", "--thumbnail", tmp_path / "title.gif", "--json")

    assert (status, told(out)["error"]["code"]) == (2, "file_invalid")
    assert "is a GIF, YouTube takes JPEG and PNG" in told(out)["error"]["message"]
    assert sandbox.truth()["calls"] == before


def test_quota_that_ends_between_upload_and_steps_is_waited_for(ytpool, sandbox, video, along, home):
    sandbox.channel("news").fail("captions.insert", "quotaExceeded")
    command = ("upload", video, "--pool", "main", *along, "--json")

    status, out, _ = ytpool(*command)

    assert status == 3
    until = told(out)["error"]["details"]["until"]
    assert until == told(ytpool("quota", "report", "--json")[1])["data"]["resets_at"]
    sandbox.control.clock(forward=timedelta(hours=25))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # any answer tells the new day
    status, out, err = ytpool(*command)
    assert (status, steps(out)) == (0, dict.fromkeys(ALL, "done")), err
    assert sandbox.calls("videos.insert") == 1
    assert sandbox.videos_on("sports") == []
    assert_all_agrees(home / "default" / "state.db", sandbox.truth())


LATE = {
    "playlistItems.insert": "playlist_items_listed_after",
    "playlists.insert": "playlists_listed_after",
    "captions.insert": "captions_listed_after",
}


@pytest.mark.parametrize("method", LATE)
def test_what_is_listed_late_after_its_answer_was_lost_is_not_made_twice(ytpool, sandbox, video, along, method, home):
    sandbox.control.settings(**{LATE[method]: 400})
    sandbox.channel("news").spoil(method, "lose_answer")
    command = ("upload", video, "--account", "news", *along, "--json")

    status, out, _ = ytpool(*command)
    assert (status, "unknown" in steps(out).values()) == (7, True)
    status, out, _ = ytpool("upload", "--resume", "--json")
    if method != "captions.insert":  # YouTube refuses a second track of one name
        assert (status, told(out)["error"]["code"]) == (7, "outcome_unknown")
        assert "type the same command again, or: ytpool upload --resume" in told(out)["error"]["hint"]
        calls = sandbox.truth()["calls"]
        assert ytpool("upload", "--resume")[0] == 7
        assert sandbox.truth()["calls"] == calls, "asking again too early says nothing new"
        sandbox.control.clock(forward=timedelta(minutes=11))
        assert ytpool("refresh-tokens", "--force")[0] == 0
        status, out, _ = ytpool("upload", "--resume", "--json")

    assert (status, steps(out)) == (0, dict.fromkeys(ALL, "done"))
    [made] = sandbox.truth()["playlists"]
    assert (len(made["items"]), len(sandbox.truth()["captions"])) == (1, 2)
    assert_all_agrees(home / "default" / "state.db", sandbox.truth())


def test_a_playlist_that_is_not_listed_yet_is_not_made_for_the_next_upload_too(ytpool, sandbox, make_video):
    sandbox.control.settings(playlists_listed_after=400)

    for name, playlist in (("first.mp4", "+Talks"), ("second.mp4", "+Talks"), ("third.mp4", "Talks")):
        assert ytpool("upload", make_video(name), "--account", "news", "--playlist", playlist)[0] == 0

    [made] = sandbox.truth()["playlists"]
    assert len(made["items"]) == 3
    assert_books_agree(ytpool, sandbox)
