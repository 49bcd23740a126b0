"""The whole publication: what goes along with a video is done once, by this run or by a later one, or said aloud."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from time import sleep

import pytest
from agreement import assert_all_agrees
from pictures import png

from ytpool.actions import publish, tokens
from ytpool.domain import captions
from ytpool.domain.publication import Publication, playlist, spoken
from ytpool.domain.video import Licence, Localization, Privacy, VideoRequest
from ytpool.errors import FileInvalid, LoginNeeded, OutcomeUnknown, UnknownName
from ytpool.store import limits, meters, rests
from ytpool.store.rests import Scope

SRT = "1\n00:00:00,000 --> 00:00:02,000\nGrüß Gott\n"
MIB = 1024 * 1024


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "title.png"
    path.write_bytes(png(1280, 720))
    return path


@pytest.fixture
def upright(tmp_path):
    path = tmp_path / "upright.png"
    path.write_bytes(png(720, 1280))
    return path


@pytest.fixture
def track(tmp_path):
    def track(language, name=""):
        path = tmp_path / f"talk.{language}.srt"
        path.write_text(SRT)
        return captions.Caption(path=path, language=language, name=name)

    return track


def send(desk, path, *, video=None, account="news", again=False, **along):
    """Publish a file with what goes along; the same words again are the same command again."""
    order = desk.order(path, account=account, again=again)
    wished = Publication(video=video or VideoRequest(title=path.stem), **along)
    return publish.publish(desk.rt, replace(order, publication=wished), desk)


def steps(done):
    return {step.step: step.state.value for step in done.steps}


def detail(done, name):
    return next(step.detail for step in done.steps if step.step == name)


def spent(desk):
    """What each call cost, by operation and by what became of it."""
    with desk.rt.store.reading() as tx:
        rows = tx.all("SELECT operation, state, count(DISTINCT hold) AS n FROM ledger GROUP BY operation, state")
    return {(row["operation"], row["state"]): row["n"] for row in rows}


def agree(desk):
    assert_all_agrees(desk.rt.config.paths.state, desk.control.truth())
    truth = desk.control.truth()
    assert len(truth["videos"]) == desk.calls("videos.insert")
    for one in truth["playlists"]:
        assert max(Counter(item["video_id"] for item in one["items"]).values(), default=1) == 1
    assert len({(one["video_id"], one["language"], one["name"]) for one in truth["captions"]}) == len(truth["captions"])


def fault(desk, method, kind, **more):
    desk.control.add_fault(method=method, kind=kind, channel="news", **more)


def fail(desk, method, error, **more):
    fault(desk, method, "error", error=error, **more)


def tomorrow(desk):
    desk.control.clock(forward=timedelta(hours=25))
    tokens.refresh_all(desk.rt, force=True)  # any answer tells the new day


# All of it at once


def test_a_video_arrives_with_all_that_goes_along_and_every_unit_is_set_aside_before_it_starts(
    desk, make_video, picture, track
):
    before = {}

    def look(*_):  # said right before the first call is sent
        before.update(spent(desk))

    desk.announces = look
    wished = {
        "thumbnail": picture,
        "captions": (track("de", "Untertitel"), track("en")),
        "playlists": (playlist("+News"),),
    }

    done = send(desk, make_video(), **wished)

    assert (done.state, done.problem) == ("done", None)
    assert set(steps(done).values()) == {"done"}
    calls = {
        "videos.insert": 1,
        "thumbnails.set": 1,
        "captions.insert": 2,
        "playlists.list": 1,
        "playlists.insert": 1,
        "playlistItems.insert": 1,
    }
    assert {operation: n for (operation, state), n in before.items() if state == "held"} == calls | {"videos.list": 4}
    after = spent(desk)
    assert {operation: n for (operation, state), n in after.items() if state == "spent"} == calls | {
        "videos.list": 1,
        "channels.list": 2,  # the two logins
    }
    assert {operation: n for (operation, state), n in after.items() if state == "released"} == {"videos.list": 3}
    truth = desk.control.truth()
    assert [(one["width"], one["height"]) for one in truth["thumbnails"]] == [(1280, 720)]
    assert sorted((one["language"], one["name"]) for one in truth["captions"]) == [("de", "Untertitel"), ("en", "")]
    [made] = truth["playlists"]
    assert (made["title"], [item["video_id"] for item in made["items"]]) == ("News", [done.video_id])
    agree(desk)

    calls = desk.control.truth()["calls"]
    again = send(desk, make_video(), **wished)
    assert (again.note, desk.control.truth()["calls"]) == ("already published; --again publishes it once more", calls)


def test_a_playlist_that_is_there_is_found_by_its_title_its_id_and_its_address(desk, make_video):
    send(desk, make_video("first.mp4"), playlists=(playlist("+News"),))
    playlist_id = desk.control.truth()["playlists"][0]["playlist_id"]

    for number, typed in enumerate(
        ("News", playlist_id, f"https://www.youtube.com/playlist?list={playlist_id}", "+News")
    ):
        done = send(desk, make_video(f"{number}.mp4"), playlists=(playlist(typed),))
        assert done.state == "done", done.problem

    [made] = desk.control.truth()["playlists"]
    assert len(made["items"]) == 5
    agree(desk)


@pytest.mark.parametrize("typed", ["Nwes", "PL" + "x" * 32])
def test_a_playlist_that_is_not_there_stops_an_upload_before_it_costs_one(desk, make_video, typed):
    path = make_video()

    refused = send(desk, path, playlists=(playlist(typed),))

    assert isinstance(refused.problem, UnknownName)
    assert "the channel news has no playlist" in refused.problem.message
    assert (desk.calls("videos.insert"), spent(desk)["playlists.list", "spent"]) == (0, 1)
    done = send(desk, path, playlists=(playlist("+News"),))
    assert (done.state, done.job) == ("done", refused.job)
    agree(desk)


def test_every_setting_of_a_video_arrives(desk, make_video):
    video = VideoRequest(
        title="Der Vortrag",
        language="de",
        made_for_kids=True,
        synthetic=True,
        licence=Licence.CREATIVE_COMMON,
        embeddable=False,
        notify=False,
        privacy=Privacy.UNLISTED,
        recorded_on=date(2026, 11, 1),
        localizations=(Localization(language="en", title="The talk", description="What was said"),),
    )

    done = send(desk, make_video(), video=video)

    assert done.state == "done", done.problem
    [there] = desk.videos
    status, parts = there["parts"]["status"], there["parts"]
    assert (status["selfDeclaredMadeForKids"], status["containsSyntheticMedia"]) == (True, True)
    assert (status["license"], status["embeddable"], there["notify"]) == ("creativeCommon", False, False)
    assert parts["snippet"]["defaultLanguage"] == "de"
    assert parts["recordingDetails"]["recordingDate"].startswith("2026-11-01")
    assert parts["localizations"]["en"] == {"title": "The talk", "description": "What was said"}


# Files that go along


def test_files_that_youtube_would_not_take_are_named_together_before_anything_is_sent(
    desk, make_video, tmp_path, track
):
    gif, gone = tmp_path / "title.png", track("de")
    gif.write_bytes(b"GIF89a" + bytes(100))
    gone.path.unlink()

    refused = send(desk, make_video(), thumbnail=gif, captions=(gone,))

    assert isinstance(refused.problem, FileInvalid)
    assert (refused.state, refused.job, desk.calls("videos.insert")) == ("refused", None, 0)
    assert "title.png is a GIF" in refused.problem.message
    assert f"there is no caption file {gone.path}" in refused.problem.message


def test_a_file_that_is_gone_when_its_turn_comes_is_named_and_another_is_taken_for_it(
    desk, make_video, picture, track, tmp_path
):
    path, english = make_video(), track("en")
    desk.announces = lambda *_: english.path.unlink(missing_ok=True)

    partly = send(desk, path, thumbnail=picture, captions=(english,))

    assert (partly.state, partly.problem.code) == ("partly", "partly")
    assert f"captions en: there is no caption file {english.path}" in partly.problem.message
    assert steps(partly) == {"upload": "done", "thumbnail": "done", "caption:en:": "failed", "read_back": "done"}

    other = tmp_path / "other.srt"
    other.write_text(SRT)
    done = send(desk, path, thumbnail=picture, captions=(replace(english, path=other),))

    assert (done.state, done.note) == ("done", "")
    assert detail(done, "caption:en:").startswith("other.srt")
    assert [desk.calls(name) for name in ("videos.insert", "thumbnails.set", "captions.list")] == [1, 1, 0]
    agree(desk)


def test_a_picture_that_shrinks_while_it_is_sent_is_named(desk, make_video, tmp_path):
    picture = tmp_path / "title.png"
    picture.write_bytes(png(1280, 720, padding=bytes(16 * MIB)))
    path = make_video()
    fault(desk, "thumbnails.set", "slow", bytes_per_second=16 * MIB)

    def shrink():
        while not desk.calls("thumbnails.set"):
            desk.rt.clock.sleep(0.01)
        picture.write_bytes(png(1280, 720))

    shrinking = threading.Thread(target=shrink)
    shrinking.start()
    partly = send(desk, path, thumbnail=picture)
    shrinking.join()

    assert f"the thumbnail {picture} changed while it was sent" in partly.problem.message
    assert steps(partly)["thumbnail"] == "waiting"
    assert send(desk, path, thumbnail=picture).state == "done"
    assert desk.calls("videos.insert") == 1


def test_a_file_is_found_again_from_another_folder(desk, make_video, picture, monkeypatch):
    monkeypatch.chdir(picture.parent)
    fail(desk, "thumbnails.set", "invalidImage")
    path = make_video()
    assert send(desk, path, thumbnail=picture.relative_to(picture.parent)).state == "partly"

    monkeypatch.chdir("/")
    done = send(desk, path)

    assert done.state == "done", done.problem


# Answers


def test_a_thumbnail_that_is_forbidden_leaves_the_rest_done_and_says_what_to_do(desk, make_video, picture, track):
    desk.control.add_channel("news", thumbnails=False)
    path, wished = make_video(), {"thumbnail": picture, "captions": (track("de"),), "playlists": (playlist("+News"),)}

    partly = send(desk, path, **wished)

    assert (partly.state, steps(partly)["thumbnail"]) == ("partly", "failed")
    assert sorted(steps(partly).values()) == ["done"] * 4 + ["failed"]
    assert "thumbnail: forbidden" in partly.problem.message
    assert "verify its phone number" in partly.problem.hint
    assert "type the same command again: only what is not done is done" in partly.problem.hint

    desk.control.add_channel("news", thumbnails=True)
    assert send(desk, path, **wished).state == "done"
    assert [desk.calls(name) for name in ("videos.insert", "captions.insert", "captions.list")] == [1, 1, 0]
    agree(desk)


def test_a_channel_that_has_had_its_thumbnails_of_a_day_goes_on_uploading(desk, make_video, picture):
    desk.control.add_channel("news", thumbnail_cap=1)
    send(desk, make_video("first.mp4"), thumbnail=picture)
    path = make_video("second.mp4")

    waiting = send(desk, path, thumbnail=picture)
    third = send(desk, make_video("third.mp4"), thumbnail=picture)

    for one in (waiting, third):
        assert (one.state, steps(one)["thumbnail"]) == ("partly", "waiting")
        assert one.problem.details["until"] > desk.control.clock() + timedelta(hours=23)
    assert desk.calls("thumbnails.set") == 2  # the third was not even tried
    tomorrow(desk)
    assert send(desk, path, thumbnail=picture).state == "done"
    assert desk.calls("videos.insert") == 3
    agree(desk)


def test_an_upright_thumbnail_waits_until_the_short_is_processed(desk, make_video, upright):
    desk.control.settings(processing_seconds=3600, video_width=720, video_height=1280, video_seconds=30)
    path = make_video()

    waiting = send(desk, path, thumbnail=upright)

    assert (waiting.state, steps(waiting)["thumbnail"]) == ("partly", "waiting")
    assert "only once the video is processed" in waiting.problem.message
    assert desk.calls("thumbnails.set") == 0

    desk.control.clock(forward=timedelta(hours=2))
    tokens.refresh_all(desk.rt, force=True)
    done = send(desk, path, thumbnail=upright)

    assert done.state == "done", done.problem
    assert [desk.calls(name) for name in ("videos.insert", "thumbnails.set")] == [1, 1]
    agree(desk)


def test_a_video_that_youtube_does_not_know_yet_gets_its_thumbnail_later(desk, make_video, picture, monkeypatch):
    monkeypatch.setattr("random.Random.uniform", lambda *_: 0.0)
    desk.control.settings(thumbnails_wait=True, processing_seconds=3600)
    path = make_video()

    waiting = send(desk, path, thumbnail=picture)

    assert (waiting.state, steps(waiting)["thumbnail"]) == ("partly", "waiting")
    assert desk.calls("thumbnails.set") == 2  # each time costs, so it is not tried more often
    desk.control.clock(forward=timedelta(hours=2))
    tokens.refresh_all(desk.rt, force=True)
    assert send(desk, path, thumbnail=picture).state == "done"
    agree(desk)


def test_a_video_that_processing_rejects_is_told_with_youtubes_own_word(desk, make_video):
    desk.control.settings(processing_seconds=0, processing_ends="duplicate")

    partly = send(desk, make_video())

    assert (partly.state, steps(partly)["read_back"]) == ("partly", "failed")
    assert "rejectionReason duplicate: the channel has this very video already" in partly.problem.message


def test_the_first_entry_of_a_fresh_playlist_that_breaks_off_goes_again(desk, make_video, monkeypatch):
    monkeypatch.setattr("random.Random.uniform", lambda *_: 0.0)
    fail(desk, "playlistItems.insert", "SERVICE_UNAVAILABLE", times=2)

    done = send(desk, make_video(), playlists=(playlist("+News"),))

    assert done.state == "done", done.problem
    assert spent(desk)["playlistItems.insert", "spent"] == 3
    agree(desk)


@pytest.mark.parametrize(
    ("method", "error"), [("captions.insert", "captionExists"), ("playlistItems.insert", "videoAlreadyInPlaylist")]
)
def test_what_youtube_says_is_there_already_is_done(desk, make_video, track, method, error):
    fail(desk, method, error)

    done = send(desk, make_video(), captions=(track("de"),), playlists=(playlist("+News"),))

    assert done.state == "done", done.problem
    assert sum("already there" in step.detail for step in done.steps) == 1


def test_a_refusal_per_minute_is_slept_through(desk, make_video, picture, monkeypatch):
    monkeypatch.setattr("random.Random.uniform", lambda *_: 0.2)
    fail(desk, "thumbnails.set", "rateLimitExceeded.per_minute")

    done = send(desk, make_video(), thumbnail=picture)

    assert (done.state, desk.calls("thumbnails.set")) == ("done", 2)
    agree(desk)


# Answers that are lost


LOST = {
    "captions.insert": ("captions.list", "caption:de:"),
    "playlistItems.insert": ("playlistItems.list", "playlist:=News"),
    "playlists.insert": ("playlists.list", "playlist:=News"),
}


@pytest.mark.parametrize("method", LOST)
def test_a_step_whose_answer_was_lost_is_looked_up_and_not_made_again(desk, make_video, track, method):
    looks_with, step = LOST[method]
    path, wished = make_video(), {"captions": (track("de"),), "playlists": (playlist("+News"),)}
    fault(desk, method, "lose_answer")

    unknown = send(desk, path, **wished)

    assert (unknown.state, steps(unknown)[step]) == ("partly", "unknown")
    assert f"{spoken(step)}: the answer to {method} did not come" in unknown.problem.message
    assert isinstance(unknown.problem, OutcomeUnknown)
    assert desk.calls(method) == 1
    looked = desk.calls(looks_with)

    done = send(desk, path, **wished)

    assert done.state == "done", done.problem
    assert (desk.calls(looks_with), desk.calls(method)) == (looked + 1, 1)
    assert spent(desk)[looks_with, "spent"] == looked + 1
    agree(desk)


@pytest.mark.parametrize("method", LOST)
def test_a_step_that_was_not_done_is_made_again_where_that_cannot_make_two(desk, make_video, track, method):
    looks_with, step = LOST[method]
    path, wished = make_video(), {"captions": (track("de"),), "playlists": (playlist("+News"),)}
    fault(desk, method, "close")
    assert steps(send(desk, path, **wished))[step] == "unknown"
    looked = desk.calls(looks_with)

    done, looks = send(desk, path, **wished), 1
    if method != "captions.insert":  # YouTube refuses a second track of one name, and takes a second of these
        for minutes in (0, 9):
            desk.control.clock(forward=timedelta(minutes=minutes))
            tokens.refresh_all(desk.rt, force=True)
            still = send(desk, path, **wished)
            assert steps(still)[step] == "unknown"
            assert "which only a second look ten minutes later may confirm" in still.problem.message
        assert (desk.calls(looks_with), desk.calls(method)) == (looked + 1, 1)
        desk.control.clock(forward=timedelta(minutes=1, seconds=5))
        tokens.refresh_all(desk.rt, force=True)
        done, looks = send(desk, path, **wished), 2

    assert done.state == "done", done.problem
    assert (desk.calls(looks_with), desk.calls(method)) == (looked + looks, 2)
    [made] = desk.control.truth()["playlists"]
    assert (len(made["items"]), len(desk.control.truth()["captions"])) == (1, 1)
    agree(desk)


def test_an_answer_that_a_busy_state_could_not_keep_is_looked_up_and_not_made_again(desk, make_video):
    method, step = "playlistItems.insert", "playlist:=News"
    path, wished = make_video(), {"playlists": (playlist("+News"),)}
    desk.rt.store_within(0.3)
    fault(desk, method, "slow", seconds=0.3)
    beside = threading.Thread(target=stands_still_in_a_write, args=(desk.rt.config.paths.state, method, 0.8))
    beside.start()

    unknown = send(desk, path, **wished)

    beside.join()
    assert steps(unknown)[step] == "unknown", unknown.problem
    done = send(desk, path, **wished)
    assert done.state == "done", done.problem
    assert desk.calls(method) == 1
    agree(desk)


def stands_still_in_a_write(state, method, seconds):
    """Hold the state for so long, as another process may, from when this call is booked as sent."""
    with closing(sqlite3.connect(state, isolation_level=None)) as other:
        sent = "SELECT 1 FROM ledger WHERE operation = ? AND state = 'sent'"
        while other.execute(sent, (method,)).fetchone() is None:
            sleep(0.005)
        other.execute("BEGIN IMMEDIATE")
        sleep(seconds)
        other.execute("ROLLBACK")


def test_a_step_stays_unknown_until_somebody_could_look(desk, make_video, monkeypatch):
    monkeypatch.setattr("random.Random.uniform", lambda *_: 0.0)
    path, wished = make_video(), {"playlists": (playlist("+News"),)}
    fault(desk, "playlistItems.insert", "lose_answer")
    send(desk, path, **wished)
    fail(desk, "playlistItems.list", "quotaExceeded")

    still = send(desk, path, **wished)

    assert steps(still)["playlist:=News"] == "unknown"
    tomorrow(desk)
    assert send(desk, path, **wished).state == "done"
    assert desk.calls("playlistItems.insert") == 1
    agree(desk)


def test_captions_that_youtube_heard_by_itself_are_not_ours(desk, make_video, track, monkeypatch):
    path, german = make_video(), track("de")
    fault(desk, "captions.insert", "close")
    send(desk, path, captions=(german,))
    heard = {"snippet": {"language": "de", "name": "", "trackKind": "asr"}}
    monkeypatch.setattr(type(desk.rt.youtube), "captions", lambda *_: [heard])

    assert send(desk, path, captions=(german,)).state == "done"
    assert desk.calls("captions.insert") == 2


# What may happen between the upload and its steps


def test_quota_that_ends_between_upload_and_steps_leaves_them_to_the_next_day(desk, make_video, picture, track):
    path, wished = make_video(), {"thumbnail": picture, "captions": (track("de"),), "playlists": (playlist("+News"),)}
    fail(desk, "thumbnails.set", "quotaExceeded")

    waiting = send(desk, path, **wished)

    assert waiting.state == "partly"
    assert set(steps(waiting).values()) == {"done", "waiting"}
    assert waiting.problem.details["until"] > desk.control.clock()
    assert [desk.calls(name) for name in ("thumbnails.set", "captions.insert")] == [1, 0]

    assert send(desk, path, **wished).state == "partly"  # the same day it costs nothing to try
    assert [desk.calls(name) for name in ("thumbnails.set", "captions.insert")] == [1, 0]
    tomorrow(desk)
    done = send(desk, path, **wished)

    assert (done.state, desk.calls("videos.insert")) == ("done", 1)
    agree(desk)


def test_a_login_that_dies_between_upload_and_steps_is_named_and_the_steps_follow_the_new_one(
    desk, make_video, picture, track
):
    path, wished = make_video(), {"thumbnail": picture, "captions": (track("de"),)}
    fail(desk, "thumbnails.set", "authError")
    fail(desk, "token", "invalid_grant")

    partly = send(desk, path, **wished)

    assert (partly.state, partly.problem.details["cause"]) == ("partly", "login_needed")
    assert partly.problem.hint.count("ytpool auth add news") == 1
    assert steps(partly) == {"upload": "done", "thumbnail": "waiting", "caption:de:": "waiting", "read_back": "waiting"}
    still = send(desk, path, **wished)
    assert still.state in ("partly", "deferred")
    assert isinstance(still.problem, LoginNeeded) or still.problem.details["cause"] == "login_needed"

    desk.log_in("news")
    done = send(desk, path, **wished)

    assert (done.state, desk.calls("videos.insert")) == ("done", 1)
    agree(desk)


def test_a_token_that_is_refused_twice_needs_a_login(desk, make_video, picture):
    fail(desk, "thumbnails.set", "authError", times=2)

    partly = send(desk, make_video(), thumbnail=picture)

    assert partly.problem.details["cause"] == "login_needed"
    assert desk.calls("thumbnails.set") == 2


def test_a_job_says_when_the_first_of_its_steps_may_go(desk, make_video, upright, track):
    desk.control.settings(processing_seconds=3600)
    fail(desk, "captions.insert", "quotaExceeded")

    waiting = send(desk, make_video(), thumbnail=upright, captions=(track("de"),))

    assert steps(waiting) == {
        "upload": "done",
        "thumbnail": "waiting",
        "caption:de:": "waiting",
        "read_back": "waiting",
    }
    assert waiting.problem.details["until"] is None  # processing may be over at any time


def test_two_uploads_that_make_the_same_playlist_make_one(desk, make_video):
    paths = [make_video(f"{number}.mp4") for number in range(3)]
    results = []
    threads = [
        threading.Thread(target=lambda path=path: results.append(send(desk, path, playlists=(playlist("+News"),))))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {done.state for done in results} == {"done"}
    [made] = desk.control.truth()["playlists"]
    assert len(made["items"]) == 3
    agree(desk)


def test_what_was_set_aside_for_a_step_is_still_there_when_it_has_waited_for_a_rest(desk, make_video, picture):
    with desk.rt.store.transaction() as tx:
        terms = desk.rt.terms(tx)
        spent_by_logins = meters.on(tx, terms.day)["project", "press", "general"].used
        enough = {"origin": limits.OPERATOR, "reason": "just enough"}
        limits.set_limit(tx, "project", "press", "general", spent_by_logins + 54, terms, desk.rt.rng, **enough)
    path, says = make_video(), desk.says

    def let_it_rest(job, text):
        says(job, text)
        if text == "setting the thumbnail":
            with desk.rt.store.transaction() as tx:
                until = tx.now + timedelta(seconds=1)
                rests.rest(tx, Scope.PROJECT, "press", reason="rateLimitExceeded", lifts="a minute", until=until)

    desk.says = let_it_rest
    done = send(desk, path, thumbnail=str(picture))

    assert (done.state, steps(done)) == ("done", {"upload": "done", "thumbnail": "done", "read_back": "done"})
    agree(desk)
