"""Google's own Python client, which knows nothing of us, gets along with the sandbox."""

import hashlib
import json
from datetime import timedelta

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload

from ytpool.data import discovery_document
from ytpool.sandbox.discovery import Description

QUANTUM = 256 * 1024


def insert(youtube, path, *, resumable=True, **status):
    return youtube.videos().insert(
        part="snippet,status",
        body={"snippet": {"title": "A day"}, "status": {"privacyStatus": "private", **status}},
        media_body=MediaFileUpload(str(path), mimetype="video/mp4", chunksize=QUANTUM, resumable=resumable),
    )


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("resumable", [True, False], ids=["resumable", "multipart"])
def test_a_video_arrives_byte_for_byte(google, control, movie, resumable):
    path = movie(1_000_000)

    video = insert(google(), path, resumable=resumable).execute()

    (stored,) = control.truth()["videos"]
    assert (stored["id"], stored["bytes"], stored["sha256"]) == (video["id"], 1_000_000, sha256(path))
    assert stored["privacy"] == "private"
    assert control.truth()["refused"] == []


def test_an_upload_goes_on_after_the_line_was_cut(google, control, movie):
    path = movie(1_000_000)
    control.add_fault(method="upload.chunk", kind="cut", at=100_000, skip=1)
    request = insert(google(), path)

    video, breaks = None, 0
    while video is None:
        try:
            _, video = request.next_chunk(num_retries=0)
        except (ConnectionError, TimeoutError):
            breaks += 1

    truth = control.truth()
    assert breaks == 1
    assert [stored["sha256"] for stored in truth["videos"]] == [sha256(path)]
    assert truth["calls"]["upload.query"] == 1
    assert sum(truth["upload_sessions"].values()) == 1


def test_an_empty_file_becomes_a_video_that_failed(google, movie, control):
    youtube = google()

    video = insert(youtube, movie(0)).execute()

    status = youtube.videos().list(part="status", id=video["id"]).execute()["items"][0]["status"]
    assert (status["uploadStatus"], status["failureReason"]) == ("failed", "emptyFile")
    assert control.truth()["refused"] == []


def test_a_video_is_listed_changed_and_deleted(google, control, movie):
    youtube = google()
    channel = youtube.channels().list(part="snippet,contentDetails", mine=True).execute()["items"][0]
    uploads = channel["contentDetails"]["relatedPlaylists"]["uploads"]
    ids = [insert(youtube, movie(1000 + n)).execute()["id"] for n in range(3)]

    pages, request = [], youtube.playlistItems().list(part="snippet", playlistId=uploads, maxResults=2)
    while request is not None:
        page = request.execute()
        pages.append([item["snippet"]["resourceId"]["videoId"] for item in page["items"]])
        request = youtube.playlistItems().list_next(request, page)
    body = {"id": ids[0], "snippet": {"title": "Another day", "categoryId": "25", "tags": ["news"]}}
    changed = youtube.videos().update(part="snippet", body=body).execute()
    again = youtube.videos().update(part="snippet", body={"id": ids[0], "snippet": {"title": "B", "categoryId": "25"}})
    erased = again.execute()
    youtube.videos().delete(id=ids[1]).execute()
    left = youtube.videos().list(part="id,snippet", id=ids).execute()["items"]

    assert pages == [[ids[2], ids[1]], [ids[0]]]
    assert changed["snippet"]["tags"] == ["news"]
    assert "tags" not in erased["snippet"]  # an update replaces its part
    assert [item["id"] for item in left] == [ids[0], ids[2]]
    assert control.truth()["refused"] == []


def test_only_the_owner_sees_file_details_and_private_videos(google, control, movie):
    control.add_channel("Sports")
    owner, other = google("News"), google("Sports")
    private = insert(owner, movie(1000)).execute()["id"]
    public = insert(owner, movie(1001), privacyStatus="public").execute()["id"]
    control.clock(forward=timedelta(minutes=1))

    seen = other.videos().list(part="status", id=[private, public]).execute()["items"]
    with pytest.raises(HttpError) as refused:
        other.videos().list(part="fileDetails", id=public).execute()

    assert [item["id"] for item in seen] == [public]
    assert refused.value.status_code == 403
    assert json.loads(refused.value.content)["error"]["errors"][0]["reason"] == "forbidden"
    own = owner.videos().list(part="fileDetails,processingDetails", id=public).execute()["items"][0]
    assert own["fileDetails"]["fileSize"] == "1001"
    assert own["processingDetails"]["processingStatus"] == "succeeded"


def test_a_list_too_long_for_a_url_comes_as_a_form(google, movie):
    youtube = google()
    video = insert(youtube, movie(1000)).execute()["id"]

    answer = youtube.videos().list(part="id", id=video, hl="x" * 3000).execute()

    assert [item["id"] for item in answer["items"]] == [video]


def test_a_date_publishes_a_private_video(google, control, movie):
    youtube = google()
    video = insert(youtube, movie(1000), publishAt="2026-11-20T21:00:00Z").execute()["id"]
    before = youtube.videos().list(part="status", id=video).execute()["items"][0]["status"]

    control.clock(forward=timedelta(hours=1))

    after = youtube.videos().list(part="status", id=video).execute()["items"][0]["status"]
    assert (before["privacyStatus"], before["publishAt"]) == ("private", "2026-11-20T21:00:00Z")
    assert after["privacyStatus"] == "public"
    assert "publishAt" not in after


def test_what_is_answered_has_the_shape_of_the_discovery_document(google, movie):
    described = Description.from_document(discovery_document())
    youtube = google()
    parts = {
        resource: ",".join(sorted(described.parts(resource))) for resource in ("videos", "channels", "playlistItems")
    }
    channel = youtube.channels().list(part=parts["channels"], mine=True).execute()
    video = insert(youtube, movie(1000)).execute()
    uploads = channel["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"]

    described.check_body("ChannelListResponse", channel, "channels")
    described.check_body("Video", video, "video")
    listed = youtube.videos().list(part=parts["videos"], id=video["id"]).execute()
    described.check_body("VideoListResponse", listed, "videos")
    items = youtube.playlistItems().list(part=parts["playlistItems"], playlistId=uploads).execute()
    described.check_body("PlaylistItemListResponse", items, "items")
    assert (len(channel["items"]), len(listed["items"]), len(items["items"])) == (1, 1, 1)


def test_a_client_that_asks_for_a_scope_less_is_told_which_error_it_is(google, control, movie):
    youtube = google(scopes=["https://www.googleapis.com/auth/youtube.upload"])
    insert(youtube, movie(1000)).execute()

    with pytest.raises(HttpError) as refused:
        youtube.channels().list(part="id", mine=True).execute()

    error = json.loads(refused.value.content)["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["errors"][0] == {
        "message": "Insufficient Permission",
        "domain": "global",
        "reason": "insufficientPermissions",
    }
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert error["details"][0]["metadata"]["method"] == "youtube.api.v3.V3DataChannelService.List"
    assert "general" not in next(iter(control.truth()["projects"][0]["units"].values()))
