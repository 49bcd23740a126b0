"""The calls as they stand on the wire, and what is made of their answers."""

import gzip
import json
import threading
import tracemalloc
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from ytpool.domain.logins import ChannelSeen
from ytpool.domain.secret import Secret
from ytpool.errors import FileInvalid, MetadataInvalid, UpstreamFailed, UsageWrong
from ytpool.youtube.client import YouTube

CHANNEL = {
    "id": "UCnews",
    "snippet": {"title": "News"},
    "contentDetails": {"relatedPlaylists": {"uploads": "UUnews"}},
}
NO_CHANNEL = {"error": {"code": 401, "errors": [{"domain": "youtube.header", "reason": "youtubeSignupRequired"}]}}
BODY = {"snippet": {"title": "A day", "tags": ["a", "b"]}, "status": {"privacyStatus": "private"}}


def query(request):
    return parse_qs(urlsplit(request.target).query)


def start(youtube, token, **changes):
    given = {
        "body": BODY,
        "parts": ["snippet", "status"],
        "size": 1000,
        "content_type": "video/mp4",
        "slug": "day.mp4",
        "notify": False,
    }
    return youtube.open_session(token, **(given | changes))


def test_the_channel_of_a_token_is_seen(google, youtube, token):
    google.answers(google.reply(200, {"items": [CHANNEL]}))

    channel = youtube.my_channel(token)

    assert channel == ChannelSeen(channel_id="UCnews", title="News", uploads_playlist="UUnews")
    (request,) = google.requests
    assert (request.method, urlsplit(request.target).path) == ("GET", "/youtube/v3/channels")
    assert query(request) == {"part": ["snippet,contentDetails"], "mine": ["true"], "alt": ["json"]}
    assert request.headers["authorization"] == "Bearer the-access-token"
    assert request.headers["user-agent"].startswith("ytpool/")


def test_a_login_without_a_channel_is_told_in_three_ways(google, youtube, token):
    google.answers(google.reply(200, {"items": []}), google.reply(200, {"kind": "x"}), google.reply(401, NO_CHANNEL))

    assert [youtube.my_channel(token) for _ in range(3)] == [None, None, None]


def test_a_channel_without_an_id_is_no_channel(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"snippet": {"title": "x"}}]}))

    with pytest.raises(UpstreamFailed) as failed:
        youtube.my_channel(token)

    assert failed.value.reason == "malformedAnswer"


def test_fifty_videos_are_one_call_and_more_are_refused_before_it(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"id": "v1"}]}))
    ids = [f"v{number}" for number in range(50)]

    assert youtube.videos(token, ids, ["status", "fileDetails"]) == [{"id": "v1"}]
    assert youtube.videos(token, [], ["status"]) == []
    with pytest.raises(UsageWrong):
        youtube.videos(token, [*ids, "v50"], ["status"])

    (request,) = google.requests
    assert query(request)["id"] == [",".join(ids)]
    assert query(request)["part"] == ["status,fileDetails"]


def test_an_uploads_playlist_is_read_page_by_page(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"id": "1"}], "nextPageToken": "N"}), google.reply(200, {"items": []}))

    assert youtube.uploads(token, "UUnews") == ([{"id": "1"}], "N")
    assert youtube.uploads(token, "UUnews", "N") == ([], "")

    assert "pageToken" not in query(google.requests[0])
    assert query(google.requests[1])["pageToken"] == ["N"]
    assert query(google.requests[1])["maxResults"] == ["50"]


def test_a_video_is_updated_by_whole_parts_and_deleted_by_id(google, youtube, token):
    google.answers(google.reply(200, {"id": "v1"}), google.reply(204, b"", Content_Type=None))
    body = {"id": "v1", "status": {"privacyStatus": "unlisted"}}

    assert youtube.update_video(token, body, ["status"]) == {"id": "v1"}
    youtube.delete_video(token, "v1")

    update, delete = google.requests
    assert (update.method, query(update)["part"], json.loads(update.body)) == ("PUT", ["status"], body)
    assert (delete.method, query(delete)["id"]) == ("DELETE", ["v1"])


def test_a_session_is_started_as_google_asks_for_it(google, youtube, token):
    google.answers(google.reply(200, b"", Location=f"{google.url}upload/youtube/v3/videos?upload_id=1"))

    session = start(youtube, token, slug="Grüße %41 & Co.mp4")

    assert session.reveal() == f"{google.url}upload/youtube/v3/videos?upload_id=1"
    (request,) = google.requests
    assert (request.method, urlsplit(request.target).path) == ("POST", "/upload/youtube/v3/videos")
    assert query(request)["uploadType"] == ["resumable"]
    assert query(request)["notifySubscribers"] == ["false"]
    assert json.loads(request.body) == BODY
    assert request.headers["x-upload-content-length"] == "1000"
    assert request.headers["x-upload-content-type"] == "video/mp4"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["slug"] == "Gr%C3%BC%C3%9Fe %2541 & Co.mp4"
    assert unquote(request.headers["slug"]) == "Grüße %41 & Co.mp4"


@pytest.mark.parametrize("name", [" a b.mp4 ", "  ", "100%.mp4", "\udcff.mp4", "zeile\n2.mp4"])
def test_every_file_name_survives_the_header(google, youtube, token, name):
    google.answers(google.reply(200, b"", Location="/session"))

    start(youtube, token, slug=name)

    assert unquote(google.requests[0].headers["slug"], errors="surrogateescape") == name


def test_a_session_start_without_an_address_is_no_session(google, youtube, token):
    google.answers(google.reply(200, b""))

    with pytest.raises(UpstreamFailed) as failed:
        start(youtube, token)

    assert (failed.value.reason, failed.value.operation) == ("malformedAnswer", "videos.insert")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"body": {"snippet": {"title": "x"}, "status": {}}}, MetadataInvalid),
        ({"parts": ["snippet"]}, MetadataInvalid),
        ({"body": {**BODY, "status": {"privacyStatus": "secret"}}}, MetadataInvalid),
        ({"size": 0}, FileInvalid),
        ({"size": 274_877_906_945}, FileInvalid),
        ({"content_type": "image/png"}, FileInvalid),
    ],
)
def test_what_would_be_refused_or_published_by_accident_is_never_sent(google, youtube, token, changes, error):
    with pytest.raises(error):
        start(youtube, token, **changes)

    assert google.requests == []


def test_a_root_with_a_path_holds_calls_and_uploads_alike(google, heard, token):
    google.answers(google.reply(200, {"items": []}), google.reply(200, b"", Location="/session"))
    youtube = YouTube(api_root=f"{google.url}deep/er/", heard=heard.append)

    youtube.my_channel(token)
    start(youtube, token)
    youtube.close()

    assert [urlsplit(request.target).path for request in google.requests] == [
        "/deep/er/youtube/v3/channels",
        "/deep/er/upload/youtube/v3/videos",
    ]


def test_no_variable_of_googles_own_moves_our_requests(google, heard, token, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.com")
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "always")
    google.answers(google.reply(200, {"items": []}))
    youtube = YouTube(api_root=f"{google.url}moved/", heard=heard.append)

    youtube.my_channel(token)
    youtube.close()

    assert google.requests[0].target.startswith("/moved/youtube/v3/channels")


def test_threads_have_connections_of_their_own(google, youtube):
    google.handle = lambda request: google.reply(200, {"items": [{**CHANNEL, "id": request.headers["authorization"]}]})
    seen = {}

    def look(number):
        seen[number] = {youtube.my_channel(Secret(f"t{number}")).channel_id for _ in range(20)}

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {number: {f"Bearer t{number}"} for number in range(4)}
    assert len({request.connection for request in google.requests}) == 4
    youtube.close()


def test_compressed_answers_are_read(google, youtube, token):
    google.answers(google.reply(200, gzip.compress(json.dumps({"items": [CHANNEL]}).encode()), Content_Encoding="gzip"))

    assert youtube.my_channel(token).channel_id == "UCnews"
    assert "gzip" in google.requests[0].headers["accept-encoding"]


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_without_end_is_not_read_to_its_end(google, youtube, token, packed):
    page = b"x" * (64 << 20)
    content = gzip.compress(page, 1) if packed else page
    google.answers(
        *[google.reply(status, content, Content_Encoding="gzip" if packed else None) for status in (500, 200)]
    )
    tracemalloc.start()

    for status, reason in ((500, ""), (200, "malformedAnswer")):
        with pytest.raises(UpstreamFailed) as failed:
            youtube.my_channel(token)
        assert (failed.value.http_status, failed.value.reason) == (status, reason)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 << 20


def test_a_good_answer_that_breaks_off_is_told_with_its_status(google, youtube, token):
    google.answers(google.reply(200, b'{"items": [', Content_Length="500", hang_up=True))

    with pytest.raises(UpstreamFailed) as failed:
        youtube.my_channel(token)

    assert (failed.value.http_status, failed.value.reason) == (200, "malformedAnswer")
