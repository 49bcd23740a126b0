"""Thumbnails, captions and playlists, through Google's own Python client."""

import hashlib
import json
from datetime import timedelta

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, MediaInMemoryUpload
from pictures import jpeg, png

from ytpool.data import discovery_document
from ytpool.sandbox.discovery import Description

SRT = "1\n00:00:00,000 --> 00:00:02,000\nGrüß Gott\n".encode()
QUANTUM = 256 * 1024


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def youtube(google):
    return google()


@pytest.fixture
def insert(youtube, movie):
    """Upload a small video, and return its id."""
    made = []

    def insert(service=youtube, **status):
        made.append(None)
        body = {"snippet": {"title": f"Day {len(made)}"}, "status": {"privacyStatus": "private", **status}}
        media = MediaFileUpload(str(movie(1000 + len(made))), mimetype="video/mp4")
        return service.videos().insert(part="snippet,status", body=body, media_body=media).execute()["id"]

    return insert


@pytest.fixture
def thumbnail(youtube):
    def thumbnail(video, content, mimetype="image/png", *, resumable=False):
        media = MediaInMemoryUpload(content, mimetype=mimetype, chunksize=QUANTUM, resumable=resumable)
        return youtube.thumbnails().set(videoId=video, media_body=media).execute()

    return thumbnail


@pytest.fixture
def caption(youtube):
    def caption(video, language="de", name="", content=SRT, *, resumable=False, **more):
        body = {"snippet": {"videoId": video, "language": language, "name": name, **more}}
        media = MediaInMemoryUpload(content, mimetype="application/octet-stream", resumable=resumable)
        return youtube.captions().insert(part="snippet", body=body, media_body=media).execute()

    return caption


@pytest.fixture
def playlist(youtube):
    def playlist(title="Days", **status):
        body = {"snippet": {"title": title}, **({"status": status} if status else {})}
        return youtube.playlists().insert(part="snippet,status", body=body).execute()

    return playlist


@pytest.fixture
def add(youtube):
    def add(playlist, video, service=youtube, details=None, **more):
        snippet = {"playlistId": playlist, "resourceId": {"kind": "youtube#video", "videoId": video}, **more}
        body = {"snippet": snippet, **({"contentDetails": details} if details else {})}
        return service.playlistItems().insert(part="snippet,contentDetails", body=body).execute()

    return add


@pytest.fixture
def order(youtube):
    def order(playlist):
        """List the videos of a playlist, page by page, checking that their positions count."""
        found, request = [], youtube.playlistItems().list(part="snippet", playlistId=playlist, maxResults=2)
        while request is not None:
            page = request.execute()
            found += [(item["snippet"]["position"], item["snippet"]["resourceId"]["videoId"]) for item in page["items"]]
            request = youtube.playlistItems().list_next(request, page)
        assert [position for position, _ in found] == list(range(len(found)))
        return [video for _, video in found]

    return order


def refused(call, *arguments, **more):
    """Call, and return the status and the reason of the refusal."""
    with pytest.raises(HttpError) as error:
        call(*arguments, **more)
    return error.value.status_code, json.loads(error.value.content)["error"]["errors"][0]["reason"]


# -- thumbnails -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resumable", [False, True], ids=["media", "resumable"])
def test_a_thumbnail_arrives_byte_for_byte(insert, thumbnail, youtube, control, resumable):
    video = insert()
    picture = png(1280, 720, bytes(2 * QUANTUM))

    answer = thumbnail(video, picture, resumable=resumable)

    described = Description.from_document(discovery_document())
    described.check_body("ThumbnailSetResponse", answer, "answer")
    truth = control.truth()
    (stored,) = truth["thumbnails"]
    assert (stored["video_id"], stored["sha256"], stored["content_type"]) == (video, sha256(picture), "image/png")
    assert (stored["kind"], stored["width"], stored["height"]) == ("png", 1280, 720)
    assert truth["refused"] == []
    assert sum(truth["upload_sessions"].values()) == 1  # the video's alone
    assert truth["projects"][0]["units"]["2026-11-20"] == {"uploads": 1, "general": 50}
    details = youtube.videos().list(part="contentDetails", id=video).execute()["items"][0]["contentDetails"]
    assert details["hasCustomThumbnail"] is True


@pytest.mark.parametrize("resumable", [False, True], ids=["media", "resumable"])
@pytest.mark.parametrize("content", [b"GIF89a", b"", png(0, 720), b"\x89PNG\r\n\x1a\nIHDR", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(insert, thumbnail, control, content, resumable):
    expected = "mediaBodyRequired" if not content and not resumable else "invalidImage"

    assert refused(thumbnail, insert(), content, resumable=resumable) == (400, expected)
    assert control.truth()["thumbnails"] == []


def test_what_a_picture_is_its_bytes_say(insert, thumbnail, control):
    thumbnail(insert(), jpeg(640, 360), "application/octet-stream")

    (stored,) = control.truth()["thumbnails"]
    assert (stored["kind"], stored["width"], stored["height"]) == ("jpeg", 640, 360)


def test_a_picture_of_another_type_or_too_large_is_refused(insert, sandbox, token, send):
    url = f"{sandbox.url}/upload/youtube/v3/thumbnails/set?videoId={insert()}"
    wrong = send(url + "&uploadType=media", "POST", b"RIFF", token=token, Content_Type="image/webp")
    large = send(
        url + "&uploadType=resumable", "POST", b"", token=token,
        X_Upload_Content_Type="image/png", X_Upload_Content_Length="52428801",
    )  # fmt: skip

    assert (wrong[0], wrong[2]["error"]["errors"][0]["reason"]) == (400, "badContent")
    assert (large[0], large[2]["error"]["errors"][0]["reason"]) == (413, "uploadTooLarge")


def test_a_channel_may_be_forbidden_thumbnails_or_have_set_enough_for_a_day(insert, thumbnail, control):
    video = insert()
    control.add_channel("News", thumbnails=False)
    assert refused(thumbnail, video, png(64, 36)) == (403, "forbidden")

    control.add_channel("News", thumbnail_cap=1)
    thumbnail(video, png(64, 36))

    assert refused(thumbnail, video, png(64, 36)) == (429, "uploadRateLimitExceeded")
    control.clock(forward=timedelta(hours=24))
    thumbnail(video, png(64, 36))
    assert control.truth()["refused"] == []


def test_a_short_takes_an_upright_thumbnail_once_it_is_processed(insert, thumbnail, control):
    control.settings(video_width=1080, video_height=1920, video_seconds=180)
    video = insert()

    assert refused(thumbnail, video, png(36, 64)) == (404, "videoNotFound")
    control.clock(forward=timedelta(minutes=1))
    assert refused(thumbnail, video, png(64, 36)) == (400, "invalidImage")
    assert "shortsAspectRatio" in thumbnail(video, png(36, 64))["items"][0]
    control.settings(video_seconds=181)
    thumbnail(insert(), png(64, 36))  # longer than three minutes is no Short


def test_a_video_of_nobody_or_of_another_channel_gets_no_thumbnail(insert, thumbnail, google, control):
    control.add_channel("Sports")

    assert refused(thumbnail, "nothing", png(64, 36)) == (404, "videoNotFound")
    assert refused(thumbnail, insert(google("Sports")), png(64, 36)) == (403, "forbidden")


# -- captions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resumable", [False, True], ids=["multipart", "resumable"])
def test_captions_are_added_listed_changed_and_deleted(insert, caption, youtube, control, resumable):
    video = insert()
    german = caption(video, "de", "Deutsch", resumable=resumable)
    caption(video, "en", "", b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n", isDraft=True)
    news = SRT + b"2\n"

    body = {"id": german["id"], "snippet": {"isDraft": False}}
    media = MediaInMemoryUpload(news, mimetype="application/octet-stream", resumable=resumable)
    changed = youtube.captions().update(part="snippet", body=body, media_body=media).execute()
    drafted = youtube.captions().update(part="snippet", body={**body, "snippet": {"isDraft": True}}).execute()
    listed = youtube.captions().list(part="snippet", videoId=video).execute()

    Description.from_document(discovery_document()).check_body("CaptionListResponse", listed, "captions")
    assert [(row["snippet"]["language"], row["snippet"]["status"]) for row in listed["items"]] == [
        ("de", "serving"),
        ("en", "serving"),
    ]
    assert (changed["snippet"]["isDraft"], drafted["snippet"]["isDraft"]) == (False, True)
    stored = control.truth()["captions"]
    assert (stored[0]["sha256"], stored[0]["draft"]) == (sha256(news), True)
    youtube.captions().delete(id=german["id"]).execute()
    left = youtube.captions().list(part="id", videoId=video).execute()["items"]
    assert [row["id"] for row in left] == [stored[1]["caption_id"]]
    assert control.truth()["refused"] == []
    assert control.truth()["projects"][0]["units"]["2026-11-20"]["general"] == 2 * 400 + 2 * 450 + 50 + 2 * 50


def test_a_video_says_whether_it_has_captions(insert, caption, youtube):
    video = insert()

    def says():
        return youtube.videos().list(part="contentDetails", id=video).execute()["items"][0]["contentDetails"]["caption"]

    before = says()
    caption(video, "en", isDraft=True)
    drafted = says()
    caption(video, "de")

    assert (before, drafted, says()) == ("false", "false", "true")


def test_a_track_that_is_there_already_is_a_conflict(insert, caption, control):
    video = insert()
    caption(video, "de", "Deutsch")

    assert refused(caption, video, "de", "Deutsch") == (409, "captionExists")
    caption(video, "de", "Einfach")
    caption(insert(), "de", "Deutsch")
    assert len(control.truth()["captions"]) == 3


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ({"name": "x" * 151}, (400, "nameTooLong")),
        ({"language": "German!"}, (400, "invalidMetadata")),
        ({"language": None}, (400, "required")),
        ({"content": b""}, (400, "contentRequired")),
        ({"video": "nothing"}, (404, "videoNotFound")),
    ],
)
def test_a_track_that_is_wrong_is_refused(insert, caption, track, expected):
    assert refused(caption, **{"video": insert(), **track}) == expected


def test_a_track_of_nothing_is_refused(insert, youtube):
    body = {"snippet": {"videoId": insert(), "language": "de", "name": ""}}

    assert refused(youtube.captions().insert(part="snippet", body=body).execute) == (400, "contentRequired")
    assert refused(youtube.captions().delete(id="nothing").execute) == (404, "captionNotFound")
    assert refused(youtube.captions().update(part="id", body={"id": "nothing"}).execute) == (404, "captionNotFound")


def test_a_file_that_holds_no_captions_is_taken_and_fails(insert, caption):
    snippet = caption(insert(), content=b"Dear reader,")["snippet"]

    assert (snippet["status"], snippet["failureReason"]) == ("failed", "unknownFormat")


# -- playlists --------------------------------------------------------------------------------------------------------


def test_a_playlist_is_made_filled_sorted_and_deleted(insert, playlist, add, order, youtube, control):
    days = playlist(privacyStatus="unlisted")["id"]
    one, two, three = (insert() for _ in range(3))

    items = [add(days, video) for video in (one, two)]
    add(days, three, position=0)
    assert order(days) == [three, one, two]
    body = {"id": items[1]["id"], "snippet": {**items[1]["snippet"], "position": 1}}
    youtube.playlistItems().update(part="snippet", body=body).execute()
    assert order(days) == [three, two, one]
    youtube.playlistItems().delete(id=items[0]["id"]).execute()

    (stored,) = control.truth()["playlists"]
    assert (stored["title"], [item["video_id"] for item in stored["items"]]) == ("Days", [three, two])
    assert youtube.playlists().list(part="contentDetails", id=days).execute()["items"][0]["contentDetails"] == {
        "itemCount": 2
    }
    found = youtube.playlistItems().list(part="id", playlistId=days, videoId=two).execute()["items"]
    assert [item["id"] for item in found] == [items[1]["id"]]
    youtube.playlists().delete(id=days).execute()
    assert youtube.playlists().list(part="id", mine=True).execute()["items"] == []
    assert control.truth()["refused"] == []


def test_playlists_are_listed_and_renamed(playlist, youtube):
    made = [playlist(f"Days {number}")["id"] for number in range(3)]
    body = {"id": made[0], "snippet": {"title": "Nights"}}

    renamed = youtube.playlists().update(part="snippet,status", body=body).execute()
    pages, request = [], youtube.playlists().list(part="snippet,status,contentDetails", mine=True, maxResults=2)
    while request is not None:
        page = request.execute()
        Description.from_document(discovery_document()).check_body("PlaylistListResponse", page, "page")
        pages.append([row["snippet"]["title"] for row in page["items"]])
        request = youtube.playlists().list_next(request, page)

    assert renamed["status"]["privacyStatus"] == "public"
    assert pages == [["Days 2", "Days 1"], ["Nights"]]


def test_others_see_public_playlists_and_no_private_videos(insert, playlist, add, google, control):
    control.add_channel("Sports")
    other = google("Sports")
    hidden, shown = playlist(privacyStatus="private")["id"], playlist(privacyStatus="public")["id"]
    private, public = insert(), insert(privacyStatus="public")
    for video in (private, public):
        add(shown, video)
    control.clock(forward=timedelta(minutes=1))
    channel = control.status()["channels"][0]["channel_id"]

    seen = other.playlists().list(part="id", channelId=channel).execute()["items"]
    titles = other.playlistItems().list(part="snippet", playlistId=shown).execute()["items"]

    assert [row["id"] for row in seen] == [shown]
    assert [row["snippet"]["title"] for row in titles] == ["Day 1", "Day 2"]
    closed = other.playlistItems().list(part="id", playlistId=hidden)
    assert refused(closed.execute) == (403, "playlistItemsNotAccessible")
    assert refused(add, shown, public, other) == (403, "playlistItemsNotAccessible")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"playlist": "nothing"}, (404, "playlistNotFound")),
        ({"video": "nothing"}, (404, "videoNotFound")),
        ({"position": 1}, (400, "invalidPlaylistItemPosition")),
        ({"details": {"note": "x" * 281}}, (400, "invalidContentDetails")),
        ({"resourceId": {"kind": "youtube#channel", "channelId": "UCx"}}, (400, "invalidResourceType")),
        ({"resourceId": None}, (400, "required")),
    ],
)
def test_an_item_that_is_wrong_is_refused(insert, playlist, add, control, item, expected):
    assert refused(add, **{"playlist": playlist()["id"], "video": insert(), **item}) == expected
    assert control.truth()["playlists"][0]["items"] == []


@pytest.mark.parametrize(
    ("settings", "more", "expected"),
    [
        ({"videos_once_per_playlist": True}, {}, (409, "videoAlreadyInPlaylist")),
        ({"playlist_holds": 1}, {}, (403, "playlistContainsMaximumNumberOfVideos")),
        ({"sorted_by_date": True}, {"position": 0}, (400, "manualSortRequired")),
    ],
)
def test_a_playlist_may_not_take_any_more(insert, playlist, add, control, settings, more, expected):
    days, video = playlist()["id"], insert()
    add(days, video)
    control.settings(**settings)

    assert refused(add, days, video, **more) == expected

    control.settings(**dict.fromkeys(settings))
    add(days, video, **more)
    assert [item["video_id"] for item in control.truth()["playlists"][0]["items"]] == [video, video]


def test_the_playlist_of_uploads_is_youtubes(insert, add, youtube):
    video = insert()
    channel = youtube.channels().list(part="contentDetails", mine=True).execute()["items"][0]
    uploads = channel["contentDetails"]["relatedPlaylists"]["uploads"]
    item = youtube.playlistItems().list(part="id", playlistId=uploads).execute()["items"][0]["id"]

    assert refused(add, uploads, video) == (400, "playlistOperationUnsupported")
    assert refused(youtube.playlistItems().delete(id=item).execute) == (400, "playlistOperationUnsupported")
    assert refused(youtube.playlists().delete(id=uploads).execute) == (400, "playlistOperationUnsupported")


def test_a_playlist_wants_a_title_and_a_channel_has_so_many(playlist, youtube, control):
    assert refused(playlist, None) == (400, "required")
    assert refused(playlist, " ") == (400, "invalid")
    control.settings(playlists_per_channel=1)
    playlist()
    assert refused(playlist) == (400, "maxPlaylistExceeded")
    gone = youtube.playlists().update(part="snippet", body={"id": "PLx", "snippet": {"title": "A"}})
    assert refused(gone.execute) == (404, "playlistNotFound")


def test_what_is_new_may_be_listed_late(insert, playlist, add, caption, youtube, control):
    control.settings(playlists_listed_after=60, playlist_items_listed_after=120, captions_listed_after=180)
    video, days = insert(), playlist()["id"]
    add(days, video)
    caption(video)

    def listed():
        playlists = youtube.playlists().list(part="id", mine=True)
        items = youtube.playlistItems().list(part="id", playlistId=days, videoId=video)
        tracks = youtube.captions().list(part="id", videoId=video)
        return [len(one.execute()["items"]) for one in (playlists, items, tracks)]

    seen = [listed()]
    for _ in range(3):
        control.clock(forward=timedelta(seconds=61))
        seen.append(listed())

    assert seen == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
