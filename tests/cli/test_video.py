"""The life of a video after its upload: what is written is what was asked for, once, and nothing else changes."""

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from newsroom import ROOT, assert_books_agree, heard, start
from pictures import png
from real_parts import need
from schemas import fits
from told import data, told
from waiting import wait_until

SRT = "1\n00:00:01,000 --> 00:00:02,000\nhello\n"


@pytest.fixture
def published(ytpool, sandbox, video):  # noqa: ARG001 - there must be somebody to publish
    """The id of a video on `news`, published with words and settings of its own."""
    words = ("--title", "The talk", "--description", "About it", "--tags", "a,b c", "--category", "27")
    status, out, err = ytpool("upload", video, "--account", "news", *words, "--json")
    assert status == 0, err
    return data(out)["video_id"]


@pytest.fixture
def run(ytpool, published):
    """A command of `ytpool video` about that video."""

    def command(verb, *words, account=None):
        named = () if account is None else ("--account", account)
        return ytpool("video", verb, *named, "--json", "--", published, *words)

    return command


@pytest.fixture
def change(ytpool, published):
    def change(*words):
        return ytpool("video", "update", *words, "--json", "--", published)

    return change


def parts(sandbox, title="news"):
    [video] = sandbox.videos_on(title)
    return video["parts"]


def units(sandbox):
    return sum(buckets.get("general", 0) for days in sandbox.truth()["units"].values() for buckets in days.values())


# Showing


def test_a_video_is_shown_with_all_there_is_to_say(ytpool, sandbox, published):
    status, out, _ = ytpool("video", "show", f"https://youtu.be/{published}", "--json")

    shown = data(out)
    assert status == 0
    assert {name: shown[name] for name in ("account", "channel_title", "title", "tags", "category", "privacy")} == {
        "account": "news",
        "channel_title": "news",
        "title": "The talk",
        "tags": ["a", "b c"],
        "category": "27",
        "privacy": "private",
    }
    assert (shown["processing"], shown["differences"], len(shown["videos"])) == ("processing", [], 1)
    assert "The talk" in ytpool("video", "show", "--", published)[1]
    assert_books_agree(ytpool, sandbox)


def test_a_video_that_is_not_there_does_not_hide_the_others(ytpool, published):
    status, out, _ = ytpool("video", "show", "--json", "--", published, "aaaaaaaaaaa")

    found = {one["video_id"]: one["error"] for one in data(out)["videos"]}
    assert status == 3
    assert found[published] is None
    assert found["aaaaaaaaaaa"]["code"] == "unknown_name"


def test_what_somebody_changed_by_hand_is_told_beside_what_was_asked_for(ytpool, sandbox, video):
    sandbox.control.settings(decided_for_kids=True)
    video_id = data(ytpool("upload", video, "--account", "news", "--json")[1])["video_id"]

    status, out, _ = ytpool("video", "show", "--json", "--", video_id)

    assert status == 0
    assert [one["field"] for one in data(out)["differences"]] == ["made_for_kids"]


# Whose it is


@pytest.fixture
def elsewhere(ytpool, sandbox):
    """Another state with the same accounts, which knows nothing of what the first one published."""

    def run(noun, verb, *words):
        return ytpool(noun, "--profile", "second", "--json", verb, *words)

    assert ytpool("init", "--yes", "--vault", "keyfile", "--profile", "second")[0] == 0
    secrets = sandbox.secrets_file()
    for priority, name in ((1, "sports"), (2, "news")):
        login = ("--client-secrets", secrets, "--token", sandbox.token_file(name), "--priority", priority)
        assert run("auth", "import", name, *login)[0] == 0
    return run


def test_a_video_from_elsewhere_is_found_by_its_channel(sandbox, published, elsewhere, change):
    assert change("--privacy", "unlisted")[0] == 0
    sandbox.control.settings(processing_seconds=0)

    status, out, _ = elsewhere("video", "show", "--", published)

    assert (status, data(out)["account"], data(out)["title"]) == (0, "news", "The talk")


def test_a_private_video_from_elsewhere_needs_its_account_named(published, elsewhere):
    status, out, _ = elsewhere("video", "delete", "--yes", "--", published)

    assert (status, told(out)["error"]["code"]) == (2, "unknown_name")
    assert "--account NAME" in told(out)["error"]["hint"]
    assert elsewhere("video", "delete", "--yes", "--account", "news", "--", published)[0] == 0


def test_a_video_of_another_channel_is_not_touched(ytpool, sandbox, published, change):
    assert change("--privacy", "unlisted")[0] == 0
    sandbox.control.settings(processing_seconds=0)

    status, out, _ = ytpool("video", "update", "--title", "Mine", "--account", "sports", "--json", "--", published)

    assert (status, told(out)["error"]["code"]) == (2, "wrong_channel")
    assert parts(sandbox)["snippet"]["title"] == "The talk"


# Changing


def test_an_update_changes_what_is_named_and_nothing_else(ytpool, sandbox, change):
    before = parts(sandbox)

    status, out, err = change("--title", "Another talk", "--not-embeddable")

    assert status == 0, err
    after = parts(sandbox)
    assert after["snippet"] == {**before["snippet"], "title": "Another talk"}
    assert after["status"] == {
        **before["status"],
        "embeddable": False,
        "license": "youtube",
        "publicStatsViewable": True,
        "containsSyntheticMedia": False,
    }
    assert "'The talk'" in err
    assert "on channel news" in err
    assert data(out)["changes"] == [
        {"field": "title", "before": "The talk", "after": "Another talk"},
        {"field": "embeddable", "before": True, "after": False},
    ]
    assert (data(out)["state"], sandbox.calls("videos.update")) == ("done", 1)
    assert data(ytpool("why", data(out)["job"], "--json")[1])["kind"] == "video.update"
    assert_books_agree(ytpool, sandbox)


def test_nothing_to_change_costs_the_reading_alone(ytpool, sandbox, change):
    before = units(sandbox)

    status, out, _ = change("--title", "The talk", "--category", "27")

    assert (status, data(out)["state"], data(out)["job"]) == (0, "unchanged", None)
    assert (units(sandbox) - before, sandbox.calls("videos.update")) == (1, 0)
    assert_books_agree(ytpool, sandbox)


def test_a_dry_run_tells_field_by_field_and_writes_nothing(ytpool, sandbox, published):
    words = ("video", "update", "--privacy", "public", "--tags", "", "--dry-run")

    status, out, _ = ytpool(*words, "--", published)

    assert status == 0
    assert "on channel news" in out
    assert "privacy: private -> public" in out
    assert "tags: a, b c -> nothing" in out
    assert "50 general" in out
    assert (sandbox.calls("videos.update"), parts(sandbox)["status"]["privacyStatus"]) == (0, "private")
    assert data(ytpool(*words, "--json", "--", published)[1])["units"] == {"general": 50}


def test_what_youtube_would_refuse_is_refused_before_it_costs(sandbox, change):
    assert change("--privacy", "public")[0] == 0

    for words in (("--title", "x" * 101), ("--publish-at", "2030-01-01T10:00"), ("--localization", "de:Titel")):
        status, out, _ = change(*words)

        assert (status, told(out)["error"]["code"]) == (2, "metadata_invalid")
    assert sandbox.calls("videos.update") == 1


def test_a_lost_answer_to_an_update_is_looked_up_and_not_written_twice(ytpool, sandbox, change):
    sandbox.channel("news").spoil("videos.update", "lose_answer")

    status, out, err = change("--title", "Another talk")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert (parts(sandbox)["snippet"]["title"], sandbox.calls("videos.update")) == ("Another talk", 1)
    assert_books_agree(ytpool, sandbox)


def test_an_update_that_nobody_answers_is_unknown_and_looks_first_when_it_is_typed_again(ytpool, sandbox, change):
    sandbox.channel("news").spoil("videos.update", "close", times=3)

    status, out, _ = change("--title", "Another talk")

    assert (status, told(out)["error"]["code"], data(out)["state"]) == (7, "outcome_unknown", "finished_unknown")

    status, out, _ = change("--title", "Another talk")

    assert (status, data(out)["state"]) == (0, "done")
    assert parts(sandbox)["snippet"]["title"] == "Another talk"
    assert_books_agree(ytpool, sandbox)


def test_an_update_whose_look_fails_too_is_unknown(ytpool, sandbox, change):
    sandbox.channel("news").spoil("videos.update", "lose_answer")
    sandbox.channel("news").fail("videos.list", "quotaExceeded", skip=1)

    status, out, _ = change("--title", "Another talk")

    assert (status, told(out)["error"]["code"], data(out)["state"]) == (7, "outcome_unknown", "finished_unknown")
    assert [one["name"] for one in data(ytpool("todo", "--json")[1])["items"]] == [data(out)["job"]]


def test_too_many_calls_a_minute_are_waited_out(ytpool, sandbox, change):
    sandbox.channel("news").fail("videos.update", "rateLimitExceeded", retry_after=1)
    sandbox.channel("news").fail("videos.list", "rateLimitExceeded", retry_after=1)

    status, out, err = change("--title", "Another talk")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert parts(sandbox)["snippet"]["title"] == "Another talk"
    assert_books_agree(ytpool, sandbox)


def test_an_update_that_is_killed_goes_on_with_the_same_command(ytpool, sandbox, published, change):
    sandbox.channel("news").holds_back("videos.update")
    killed = start("video", "update", "--title", "Another talk", "--", published, env=dict(os.environ))
    assert "title becomes Another talk" in killed.stderr.readline()
    wait_until(lambda: sandbox.calls("videos.update"))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stderr.close()
    killed.stdout.close()

    status, out, err = change("--title", "Another talk")

    assert (status, data(out)["state"]) == (0, "done"), err
    assert parts(sandbox)["snippet"]["title"] == "Another talk"
    jobs = json.loads(ytpool("state", "check", "--json")[1])["data"]["open_jobs"]
    assert jobs == {}
    assert_books_agree(ytpool, sandbox)


def test_two_who_change_one_video_do_not_undo_each_other(ytpool, sandbox, published):
    sandbox.channel("news").holds_back("videos.update")
    other = start("video", "update", "--title", "Another talk", "--", published, env=dict(os.environ))
    wait_until(lambda: sandbox.calls("videos.update"))

    late = start("video", "update", "--tags", "c", "--", published, env=dict(os.environ))
    heard(late, "is being changed by another process")

    sandbox.goes_on()
    for process in (other, late):
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
    assert (parts(sandbox)["snippet"]["title"], parts(sandbox)["snippet"]["tags"]) == ("Another talk", ["c"])
    assert_books_agree(ytpool, sandbox)


def test_a_dead_login_is_told_with_what_to_type(sandbox, change):
    sandbox.channel("news").expire_token()
    sandbox.channel("news").revoke()

    for _ in range(2):  # found out, and then known
        status, out, _ = change("--title", "Another talk")

        assert (status, told(out)["error"]["code"]) == (4, "login_needed")
        assert "ytpool auth add news" in told(out)["error"]["hint"]


# Deleting


def test_a_deletion_wants_a_yes_and_names_channel_and_title(ytpool, sandbox, published, run):
    status, out, _ = run("delete")

    assert (status, told(out)["error"]["code"]) == (2, "usage")
    assert len(sandbox.videos_on("news")) == 1

    status, _, err = ytpool("video", "delete", "--yes", "--", published)

    assert status == 0
    assert f"'The talk' ({published}, private) on channel news" in err
    assert sandbox.videos_on("news")[0]["deleted"]
    assert_books_agree(ytpool, sandbox)


def test_a_person_is_asked_before_a_deletion(sandbox, published):
    for answer, status, gone in (("n", 130, False), ("y", 0, True)):
        ours, theirs = pty.openpty()
        asking = subprocess.Popen(
            [sys.executable, "-m", "ytpool", "video", "delete", "--", published],
            env={**os.environ, "NO_COLOR": "1"},
            cwd=ROOT,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        )
        os.close(theirs)
        said = ""
        while "for good?" not in said:
            said += os.read(ours, 4096).decode()
        os.write(ours, f"{answer}\n".encode())

        assert asking.wait(30) == status
        os.close(ours)
        assert f"'The talk' ({published}, private) on channel news" in said.replace("\r\n", "")
        assert sandbox.videos_on("news")[0]["deleted"] is gone


def test_a_lost_answer_to_a_deletion_is_looked_up(ytpool, sandbox, published):
    sandbox.channel("news").spoil("videos.delete", "lose_answer")

    status, out, _ = ytpool("video", "delete", "--yes", "--json", "--", published)

    assert (status, data(out)["state"], sandbox.calls("videos.delete")) == (0, "done", 1)
    assert_books_agree(ytpool, sandbox)


def test_a_deletion_that_died_unheard_is_done_when_the_video_is_gone(ytpool, sandbox, published):
    sandbox.channel("news").spoil("videos.delete", "close", times=2)
    sandbox.channel("news").spoil("videos.delete", "lose_answer")
    words = ("video", "delete", "--yes", "--json", "--", published)

    status, out, _ = ytpool(*words)

    assert (status, data(out)["state"]) == (7, "finished_unknown")

    status, out, _ = ytpool(*words)

    assert (status, data(out)["state"], data(out)["detail"]) == (0, "done", "it is gone")
    assert sandbox.calls("videos.delete") == 3
    assert ytpool(*words)[0] == 2  # nothing of it is open any more: such a video is simply not there
    assert_books_agree(ytpool, sandbox)


# Thumbnail, captions, playlists


def test_a_thumbnail_is_set_and_a_wrong_one_refused_before_it_costs(ytpool, sandbox, run, tmp_path):
    picture, text = tmp_path / "cover.png", tmp_path / "cover.jpg"
    picture.write_bytes(png(1280, 720))
    text.write_text("no picture")
    before = units(sandbox)

    assert run("thumbnail", text)[0] == 2
    assert units(sandbox) == before
    status, out, _ = run("thumbnail", picture)

    assert (status, data(out)["steps"][0]["state"]) == (0, "done")
    assert len(sandbox.truth()["thumbnails"]) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_picture_that_may_not_be_read_when_its_turn_comes_is_named(ytpool, sandbox, published, tmp_path):
    picture = tmp_path / "title.png"
    picture.write_bytes(png(1280, 720))
    job = data(ytpool("video", "thumbnail", "--queue", "--json", "--", published, picture)[1])["job"]
    picture.chmod(0)
    # Root reads everything, unless it gives that right away.
    plain_user = [need("setpriv"), "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    with start("queue", "retry", job, "--json", env=os.environ, through=plain_user) as process:
        out, err = process.communicate(timeout=30)

    assert told(out)["error"]["message"] == f"{picture} cannot be read: Permission denied", err
    assert sandbox.truth()["thumbnails"] == []


@pytest.fixture
def track(tmp_path):
    path = tmp_path / "talk.srt"
    path.write_text(SRT)
    return f"de:{path}"


def test_captions_are_added_once_and_replaced_only_when_told(ytpool, sandbox, run, track, tmp_path, published):
    assert run("caption", track)[0] == 0

    (tmp_path / "talk.srt").write_text(SRT.replace("hello", "good morning"))
    status, out, _ = run("caption", track)

    assert (status, told(out)["error"]["code"]) == (2, "usage")
    assert "--replace" in told(out)["error"]["hint"]
    before = sandbox.truth()["captions"]
    status, out, _ = ytpool("video", "caption", "--replace", "--json", "--", published, track)
    assert (status, data(out)["state"]) == (0, "done")
    [after] = sandbox.truth()["captions"]
    assert after["sha256"] != before[0]["sha256"]
    assert (sandbox.calls("captions.insert"), sandbox.calls("captions.update")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_captions_whose_answer_was_lost_are_looked_up(ytpool, sandbox, run, track):
    sandbox.channel("news").spoil("captions.insert", "lose_answer")

    status, out, _ = run("caption", track)
    assert (status, data(out)["state"]) == (7, "finished_unknown")
    status, out, _ = run("caption", track)

    assert (status, data(out)["state"]) == (0, "done")
    assert "already there" in data(out)["detail"]
    assert (len(sandbox.truth()["captions"]), sandbox.calls("captions.insert")) == (1, 1)
    assert_books_agree(ytpool, sandbox)


def test_a_video_is_put_on_a_playlist_once_and_taken_off(ytpool, sandbox, run, published):
    sandbox.channel("news").spoil("playlistItems.insert", "lose_answer")
    statuses = [run("playlist", name)[0] for name in ("+Talks", "+Talks", "Talks")]

    assert statuses == [7, 0, 0]
    [playlist] = sandbox.truth()["playlists"]
    assert [item["video_id"] for item in playlist["items"]] == [published]
    assert sandbox.calls("playlistItems.insert") == 1

    status, out, _ = ytpool("video", "playlist", "--remove", "--json", "--", published, "Talks")

    assert (status, data(out)["state"]) == (0, "done")
    assert sandbox.truth()["playlists"][0]["items"] == []
    assert run("playlist", "No such list")[0] == 2
    status, out, _ = ytpool("video", "playlist", "--remove", "--json", "--", published, "No such list")
    assert (status, told(out)["error"]["hint"]) == (2, "check the title, or name its id; nothing was taken off")
    calls = sandbox.truth()["calls"]
    assert run("playlist", "WL")[0] == 2
    assert ytpool("video", "playlist", "--remove", "--", published, "+Talks")[0] == 2
    assert sandbox.truth()["calls"] == calls
    assert_books_agree(ytpool, sandbox)


def test_no_units_left_defers_a_change_to_the_reset(ytpool, sandbox, change):
    sandbox.channel("news").fail("videos.update", "quotaExceeded")

    status, out, _ = change("--title", "Another talk")

    assert (status, told(out)["error"]["code"], data(out)["state"]) == (5, "quota_exhausted", "deferred")
    assert told(out)["error"]["details"]["until"]
    assert parts(sandbox)["snippet"]["title"] == "The talk"
    assert "video.update" in ytpool("queue", "list")[1]
    assert ytpool("queue", "cancel", data(out)["job"])[0] == 0
    assert data(ytpool("queue", "list", "--json")[1])["jobs"] == []


def test_what_is_not_done_stands_in_the_queue_and_goes_on_from_there(ytpool, sandbox, run, track, published):
    sandbox.channel("news").spoil("captions.insert", "lose_answer")
    job = data(run("caption", track)[1])["job"]

    [queued] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    assert (queued["job"], queued["kind"], queued["video_id"]) == (job, "video.caption", published)
    assert queued["advice"] == f"ytpool queue retry {job}"

    status, out, _ = ytpool("queue", "retry", job, "--json")

    assert (status, data(out)["job"], data(out)["state"]) == (0, job, "done")
    assert (len(sandbox.truth()["captions"]), sandbox.calls("captions.insert")) == (1, 1)
    assert data(ytpool("queue", "list", "--json")[1])["jobs"] == []
    assert ytpool("queue", "retry", job)[0] == 2
    assert_books_agree(ytpool, sandbox)


def test_a_deletion_in_the_queue_wants_its_yes_again(ytpool, sandbox, published):
    sandbox.channel("news").spoil("videos.delete", "close", times=3)
    job = data(ytpool("video", "delete", "--yes", "--json", "--", published)[1])["job"]

    assert ytpool("queue", "retry", job)[0] == 2
    assert sandbox.videos_on("news")[0]["deleted"] is False
    assert ytpool("queue", "retry", job, "--yes")[0] == 0
    assert sandbox.videos_on("news")[0]["deleted"] is True
    assert_books_agree(ytpool, sandbox)


@pytest.fixture
def later(ytpool, sandbox):
    """Let time pass; the token that is refreshed brings Google's clock along."""

    def pass_by(**span):
        sandbox.control.clock(forward=timedelta(**span))
        assert ytpool("refresh-tokens", "--force")[0] == 0

    return pass_by


def test_a_change_that_waits_for_the_reset_is_taken_by_resume(ytpool, sandbox, change, later):
    sandbox.channel("news").fail("videos.update", "quotaExceeded")
    status, out, _ = change("--title", "Another talk")
    job = data(out)["job"]
    assert (status, data(out)["state"]) == (5, "deferred")
    assert "have cron run ytpool work --once" in told(out)["error"]["hint"]
    assert data(ytpool("queue", "list", "--json")[1])["jobs"][0]["advice"] == "ytpool work --once"
    calls = sandbox.truth()["calls"]

    status, out, _ = ytpool("upload", "--resume", "--json")

    assert (status, [one["error"]["code"] for one in data(out)["chores"]]) == (5, ["resting"])
    assert sandbox.truth()["calls"] == calls
    later(hours=13)
    status, out, err = ytpool("upload", "--resume", "--json")
    fits("upload", out)
    assert (status, [(one["job"], one["state"]) for one in data(out)["chores"]]) == (0, [(job, "done")]), err
    assert parts(sandbox)["snippet"]["title"] == "Another talk"
    assert "chores" not in data(ytpool("upload", "--resume", "--json")[1])
    assert_books_agree(ytpool, sandbox)


def test_a_deletion_that_was_put_off_is_no_matter_for_cron(ytpool, sandbox, published, later):
    sandbox.channel("news").fail("videos.delete", "quotaExceeded")
    status, out, _ = ytpool("video", "delete", "--yes", "--json", "--", published)
    job = data(out)["job"]
    assert (status, f"ytpool queue retry {job} --yes" in told(out)["error"]["hint"]) == (5, True)
    later(hours=13)

    status, _, err = ytpool("upload", "--resume")

    assert (status, f"ytpool queue retry {job} --yes" in err) == (0, True)
    [item] = fits("todo", ytpool("todo", "--json")[1])["items"]
    assert (item["kind"], item["name"], item["command"]) == ("deletion", job, f"ytpool queue retry {job} --yes")
    assert sandbox.videos_on("news")[0]["deleted"] is False
    assert ytpool("queue", "retry", job, "--yes")[0] == 0
    assert sandbox.videos_on("news")[0]["deleted"] is True
    assert data(ytpool("todo", "--json")[1])["items"] == []


@pytest.mark.parametrize(
    ("word", "state", "calls"), [("done", "done", 1), ("failed", "failed", 1), ("restart", "queued", 2)]
)
def test_a_persons_word_settles_a_change_that_nobody_heard_of(
    ytpool, sandbox, run, track, published, word, state, calls
):
    sandbox.channel("news").spoil("captions.insert", "close")
    status, out, _ = run("caption", track)
    job = data(out)["job"]
    assert (status, data(out)["state"]) == (7, "finished_unknown")
    assert [one["name"] for one in data(ytpool("todo", "--json")[1])["items"]] == [job]
    another = ytpool("queue", "resolve", job, "--as", "done:abcdefghijk", "--json")
    assert (another[0], f"is about video {published}" in told(another[1])["error"]["message"]) == (2, True)

    status, out, err = ytpool(
        "queue", "resolve", job, "--as", f"done:{published}" if word == "done" else word, "--json"
    )

    assert (status, data(out)["state"], data(out)["video_id"]) == (0, state, published), err
    assert data(ytpool("todo", "--json")[1])["items"] == []
    status, _, err = ytpool("upload", "--resume")
    assert status == 0, err
    assert sandbox.calls("captions.insert") == calls
    assert len(sandbox.videos_on("news")) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_playlist_entry_that_is_listed_late_is_not_made_twice(ytpool, sandbox, run, later, published):
    sandbox.control.settings(playlist_items_listed_after=400)
    sandbox.channel("news").spoil("playlistItems.insert", "lose_answer")
    job = data(run("playlist", "+Talks")[1])["job"]

    status, out, _ = ytpool("upload", "--resume", "--json")

    assert (status, data(out)["chores"][0]["state"]) == (7, "finished_unknown")
    [item] = data(ytpool("todo", "--json")[1])["items"]
    assert (item["command"], item["not_before"] is None) == (f"ytpool queue retry {job}", False)
    assert ytpool("queue", "retry", job)[0] == 7
    later(minutes=11)
    status, out, err = ytpool("upload", "--resume", "--json")
    assert (status, data(out)["chores"][0]["state"]) == (0, "done"), err
    [playlist] = sandbox.truth()["playlists"]
    assert [one["video_id"] for one in playlist["items"]] == [published]
    assert sandbox.calls("playlistItems.insert") == 1
    assert_books_agree(ytpool, sandbox)
