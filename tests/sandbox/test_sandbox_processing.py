"""What happens to a video after its last byte: over the sandbox's clock, by settings and by faults."""

import json
import subprocess
from datetime import timedelta

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload
from real_parts import need

from ytpool.errors import UsageWrong
from ytpool.sandbox.resources import FAILURES, REJECTIONS

PARTS = "snippet,status,contentDetails,processingDetails,fileDetails,suggestions"


@pytest.fixture
def insert(google, movie):
    def insert(path=None, service=None, **status):
        body = {"snippet": {"title": "A day"}, "status": {"privacyStatus": "private", **status}}
        media = MediaFileUpload(str(path or movie(1000)), mimetype="video/mp4")
        made = (service or google()).videos().insert(part="snippet,status", body=body, media_body=media)
        return made.execute()["id"]

    return insert


@pytest.fixture
def look(google):
    def look(video, **more):
        return google().videos().list(part=PARTS, id=video, **more).execute()["items"][0]

    return look


@pytest.fixture
def listed(google):
    def listed():
        youtube = google()
        channel = youtube.channels().list(part="contentDetails", mine=True).execute()["items"][0]
        uploads = channel["contentDetails"]["relatedPlaylists"]["uploads"]
        items = youtube.playlistItems().list(part="contentDetails", playlistId=uploads).execute()["items"]
        return [item["contentDetails"]["videoId"] for item in items]

    return listed


def test_processing_takes_its_time_and_tells_how_far_it_is(insert, look, control):
    control.settings(processing_seconds=100, processing_known_for=3600)
    video = insert()
    control.clock(forward=timedelta(seconds=60))

    underway = look(video)
    control.clock(forward=timedelta(seconds=40))
    done = look(video)
    control.clock(forward=timedelta(hours=1))
    forgotten = look(video)

    assert underway["status"]["uploadStatus"] == "uploaded"
    assert underway["contentDetails"]["duration"] == "P0D"
    assert underway["processingDetails"]["processingStatus"] == "processing"
    progress = underway["processingDetails"]["processingProgress"]
    assert (progress["partsProcessed"], progress["timeLeftMs"]) == ("60", "40000")
    assert (done["status"]["uploadStatus"], done["contentDetails"]["duration"]) == ("processed", "PT10S")
    assert done["processingDetails"]["processingStatus"] == "succeeded"
    assert forgotten["processingDetails"] == {"processingStatus": "terminated"}  # which is no failure
    assert forgotten["status"]["uploadStatus"] == "processed"


def test_a_video_may_end_in_every_way_youtube_knows(insert, google, control):
    youtube = google()
    reasons = sorted(FAILURES | REJECTIONS)
    for reason in reasons:
        control.add_fault(method="processing", kind="error", error=reason, channel="News")
    ids = [insert(service=youtube) for _ in [*reasons, "one that is sound"]]
    assert {row["upload_status"] for row in control.truth()["videos"]} == {"uploaded"}

    control.clock(forward=timedelta(minutes=1))

    *spoiled, sound = youtube.videos().list(part="status,processingDetails", id=ids).execute()["items"]
    assert sound["status"]["uploadStatus"] == "processed"
    for reason, video in zip(reasons, spoiled, strict=True):
        if reason in FAILURES:
            assert (video["status"]["uploadStatus"], video["status"]["failureReason"]) == ("failed", reason)
            assert video["processingDetails"]["processingStatus"] == "failed"
        else:
            assert (video["status"]["uploadStatus"], video["status"]["rejectionReason"]) == ("rejected", reason)


def test_a_setting_ends_all_new_videos(insert, look, control):
    control.settings(processing_ends="invalidFile", processing_seconds=0)

    video = look(insert())

    assert video["status"]["failureReason"] == "invalidFile"
    assert video["suggestions"]["processingErrors"] == ["notAVideoFile"]


def test_one_video_may_be_late_where_others_are_not(insert, look, listed, control):
    control.settings(processing_seconds=0)
    for step in ("processing", "listing", "file_details"):
        control.add_fault(method=step, kind="slow", seconds=3600)
    late, prompt = insert(), insert()

    assert listed() == [prompt]
    assert look(late)["status"]["uploadStatus"] == "uploaded"
    assert look(late)["fileDetails"] == {}
    assert look(late)["processingDetails"]["fileDetailsAvailability"] == "inProgress"
    assert look(prompt)["fileDetails"]["fileSize"] == "1000"
    control.clock(forward=timedelta(hours=1))
    assert listed() == [prompt, late]
    assert look(late)["status"]["uploadStatus"] == "processed"
    assert look(late)["fileDetails"]["fileSize"] == "1000"


def test_youtube_may_decide_over_its_owners_head(insert, look, control):
    control.settings(locked_private=True, decided_for_kids=True)

    status = look(insert(privacyStatus="public", selfDeclaredMadeForKids=False))["status"]

    assert status["privacyStatus"] == "private"
    assert (status["madeForKids"], status["selfDeclaredMadeForKids"]) == (True, False)


def test_a_date_that_has_passed_publishes_at_once(insert, look):
    status = look(insert(publishAt="2026-11-01T00:00:00Z"))["status"]

    assert status["privacyStatus"] == "public"


@pytest.mark.parametrize(
    ("size", "seconds", "container"), [("360x640", 2, "mp4"), ("640x360", 65, "mov")], ids=["short", "wide"]
)
def test_a_films_size_and_length_are_read_from_its_head(insert, look, control, tmp_path, size, seconds, container):
    film = tmp_path / f"film.{container}"
    source = f"color=c=navy:s={size}:d={seconds}:r=1"
    subprocess.run([need("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", film], check=True)
    control.settings(processing_seconds=0)

    video = look(insert(film))

    (stream,) = video["fileDetails"]["videoStreams"]
    assert f"{stream['widthPixels']}x{stream['heightPixels']}" == size
    assert video["fileDetails"]["durationMs"] == str(seconds * 1000)
    assert video["contentDetails"]["duration"] == {2: "PT2S", 65: "PT1M5S"}[seconds]


def test_localizations_are_kept_and_shown(insert, google):
    youtube, video = google(), insert()
    told = {"de": {"title": "Ein Tag", "description": "Lang"}}
    snippet = {"title": "A day", "categoryId": "22", "defaultLanguage": "en"}
    body = {"id": video, "snippet": snippet, "localizations": told}

    youtube.videos().update(part="snippet,localizations", body=body).execute()

    shown = youtube.videos().list(part="localizations", id=video).execute()["items"][0]["localizations"]
    assert shown == told


def test_an_update_of_what_somebody_else_has_changed_fails_if_asked_to(insert, google, control):
    youtube, video = google(), insert()
    body = {"id": video, "snippet": {"title": "Another day", "categoryId": "22"}}
    seen = youtube.videos().list(part="status", id=video).execute()["items"][0]["etag"]

    def update():
        request = youtube.videos().update(part="snippet", body=body)
        request.headers["If-Match"] = seen
        return request.execute()

    assert update()["snippet"]["title"] == "Another day"
    with pytest.raises(HttpError) as refused:
        update()
    assert refused.value.status_code == 412
    assert json.loads(refused.value.content)["error"]["errors"][0]["reason"] == "conditionNotMet"
    assert control.truth()["refused"] == []


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ("items/id", {"items": [{"id": "VIDEO"}]}),
        (
            "kind,items(snippet(title),status/privacyStatus)",
            {
                "kind": "youtube#videoListResponse",
                "items": [{"snippet": {"title": "A day"}, "status": {"privacyStatus": "private"}}],
            },
        ),
        ("items/*/title", {"items": [{"snippet": {"title": "A day"}}]}),
    ],
)
def test_fields_leaves_of_an_answer_what_is_asked_for(insert, google, fields, kept):
    video = insert()

    answer = google().videos().list(part="snippet,status", id=video, fields=fields).execute()

    assert json.loads(json.dumps(answer).replace(video, "VIDEO")) == kept


@pytest.mark.parametrize("fields", ["items(id", "items)", "a//b", "items[0]", ","])
def test_a_mask_that_cannot_be_read_is_refused(google, fields):
    with pytest.raises(HttpError) as refused:
        google().channels().list(part="id", mine=True, fields=fields).execute()

    assert json.loads(refused.value.content)["error"]["errors"][0]["reason"] == "invalidParameter"


@pytest.mark.parametrize(
    "settings",
    [{"processing_ends": "badMood"}, {"locked_private": "yes"}, {"colour": "red"}, {"video_width": "wide"}],
)
def test_a_setting_that_makes_no_sense_is_refused(control, settings):
    before = control.status()["settings"]

    with pytest.raises(UsageWrong):
        control.settings(**settings)

    assert control.status()["settings"] == before
