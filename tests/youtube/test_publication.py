"""What belongs to a video: thumbnails, captions and playlists as they stand on the wire."""

import email
import email.policy
import json
import random
import socket
import threading
import time
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import httplib2
import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.http import MediaInMemoryUpload

from ytpool.clock import SystemClock
from ytpool.data import discovery_document
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Media
from ytpool.errors import FileChanged, FileInvalid, MetadataInvalid, UpstreamFailed, UsageWrong
from ytpool.youtube.client import YouTube

IMAGE = random.Random(1).randbytes(700_000)
TRACK = b"--==\r\n1\n00:00:01,000 --> 00:00:02,000\r\nGr\xc3\xbc\xc3\x9fe\r\n\r\n" + random.Random(2).randbytes(600_000)
MADE = {"id": "made"}


def media(content, content_type="image/png"):
    return Media(
        read=lambda offset, length: memoryview(content)[offset : offset + length],
        size=len(content),
        content_type=content_type,
    )


def add_track(youtube, token, **changes):
    given = {"video_id": "v1", "language": "de", "name": "Für alle", "track": media(TRACK, "application/octet-stream")}
    return youtube.insert_caption(token, **(given | changes))


def query(request):
    return parse_qs(urlsplit(request.target).query)


def path(request):
    return urlsplit(request.target).path


def parts(request):
    """Take a multipart body apart with a parser that was not written for it."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    assert not message.defects
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in message.get_payload()]


WRITES = {
    "thumbnails.set": lambda youtube, token: youtube.set_thumbnail(token, "v1", media(IMAGE)),
    "captions.insert": add_track,
    "captions.update": lambda youtube, token: youtube.update_caption(token, "c1", track=media(TRACK, "text/xml")),
    "playlists.insert": lambda youtube, token: youtube.insert_playlist(token, "Talks", "unlisted"),
    "playlistItems.insert": lambda youtube, token: youtube.insert_playlist_item(token, "PL1", "v1"),
}


def test_a_thumbnail_is_sent_as_the_bytes_alone(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"default": {}}]}))
    told = []

    answer = youtube.set_thumbnail(token, "v1", media(IMAGE), progress=told.append)

    (request,) = google.requests
    assert answer == {"items": [{"default": {}}]}
    assert (request.method, path(request)) == ("POST", "/upload/youtube/v3/thumbnails/set")
    assert query(request) == {"videoId": ["v1"], "uploadType": ["media"], "alt": ["json"]}
    assert request.headers["content-type"] == "image/png"
    assert request.body == IMAGE
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(IMAGE))


def test_a_caption_travels_with_its_resource_byte_for_byte(google, youtube, token):
    google.answers(google.reply(200, MADE))

    assert add_track(youtube, token, draft=True) == MADE

    (request,) = google.requests
    (kind, resource), track = parts(request)
    assert (request.method, path(request)) == ("POST", "/upload/youtube/v3/captions")
    assert query(request) == {"part": ["snippet"], "uploadType": ["multipart"], "alt": ["json"]}
    assert kind == "application/json"
    assert json.loads(resource) == {"snippet": {"videoId": "v1", "language": "de", "name": "Für alle", "isDraft": True}}
    assert track == ("application/octet-stream", TRACK)


def test_googles_own_client_sends_the_same_thumbnail_and_caption(google, youtube, token):
    google.answers(*[google.reply(200, MADE)] * 4)
    described = {**json.loads(discovery_document()), "rootUrl": google.url, "baseUrl": google.url}
    theirs = build_from_document(described, http=httplib2.Http())
    snippet = {"videoId": "v1", "language": "de", "name": "Für alle", "isDraft": False}
    image = MediaInMemoryUpload(IMAGE, mimetype="image/png")
    track = MediaInMemoryUpload(TRACK, mimetype="application/octet-stream")

    theirs.thumbnails().set(videoId="v1", media_body=image).execute()
    theirs.captions().insert(part="snippet", body={"snippet": snippet}, media_body=track).execute()
    theirs.close()
    youtube.set_thumbnail(token, "v1", media(IMAGE))
    add_track(youtube, token)

    their_image, their_track, our_image, our_track = google.requests
    for one, other in ((their_image, our_image), (their_track, our_track)):
        assert (one.method, path(one), query(one)) == (other.method, path(other), query(other))
    assert (our_image.headers["content-type"], our_image.body) == (their_image.headers["content-type"], IMAGE)
    assert json.loads(parts(our_track)[0][1]) == json.loads(parts(their_track)[0][1])
    assert parts(our_track)[1] == parts(their_track)[1]


def test_a_caption_is_replaced_or_published_or_both(google, youtube, token):
    google.answers(*[google.reply(200, MADE)] * 3)
    track = media(TRACK, "text/xml")

    youtube.update_caption(token, "c1", track=track)
    youtube.update_caption(token, "c1", draft=False)
    youtube.update_caption(token, "c1", track=track, draft=True)
    with pytest.raises(UsageWrong):
        youtube.update_caption(token, "c1")

    replaced, published, both = google.requests
    assert {request.method for request in google.requests} == {"PUT"}
    assert [query(request)["part"] for request in google.requests] == [["id"], ["snippet"], ["snippet"]]
    assert [path(request) for request in (replaced, published)] == [
        "/upload/youtube/v3/captions",
        "/youtube/v3/captions",
    ]
    assert json.loads(parts(replaced)[0][1]) == {"id": "c1"}
    assert json.loads(published.body) == {"id": "c1", "snippet": {"isDraft": False}}
    assert json.loads(parts(both)[0][1]) == {"id": "c1", "snippet": {"isDraft": True}}
    assert parts(replaced)[1] == parts(both)[1] == ("text/xml", TRACK)


def test_captions_are_listed(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"id": "c1"}]}))

    assert youtube.captions(token, "v1") == [{"id": "c1"}]

    (listed,) = google.requests
    assert (query(listed)["videoId"], query(listed)["part"]) == (["v1"], ["snippet"])


def test_playlists_are_read_page_by_page_or_by_id(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"id": "PL1"}], "nextPageToken": "N"}), *[google.reply(200, {})] * 2)

    assert youtube.playlists(token) == ([{"id": "PL1"}], "N")
    assert youtube.playlists(token, page="N") == ([], "")
    assert youtube.playlists(token, ids=["PL1", "PL2"]) == ([], "")
    with pytest.raises(UsageWrong):
        youtube.playlists(token, ids=[f"PL{number}" for number in range(51)])

    first, second, named = map(query, google.requests)
    assert (first["mine"], first["part"], first["maxResults"]) == (["true"], ["snippet,status"], ["50"])
    assert "pageToken" not in first
    assert second["pageToken"] == ["N"]
    assert (named["id"], "mine" in named) == (["PL1,PL2"], False)


def test_a_playlist_is_made_with_its_privacy_said(google, youtube, token):
    google.answers(google.reply(200, MADE))

    assert youtube.insert_playlist(token, "Talks", "unlisted", "All of them") == MADE

    (request,) = google.requests
    assert query(request)["part"] == ["snippet,status"]
    assert json.loads(request.body) == {
        "snippet": {"title": "Talks", "description": "All of them"},
        "status": {"privacyStatus": "unlisted"},
    }


def test_a_video_is_put_into_a_playlist_and_found_in_it(google, youtube, token):
    google.answers(*[google.reply(200, MADE)] * 2, google.reply(200, {"items": [{"id": "i1"}]}))
    snippet = {"playlistId": "PL1", "resourceId": {"kind": "youtube#video", "videoId": "v1"}}

    assert youtube.insert_playlist_item(token, "PL1", "v1") == MADE
    youtube.insert_playlist_item(token, "PL1", "v1", position=0)
    assert youtube.playlist_items(token, "PL1", "v1") == ([{"id": "i1"}], "")

    at_the_end, first, found = google.requests
    assert json.loads(at_the_end.body) == {"snippet": snippet}
    assert json.loads(first.body) == {"snippet": {**snippet, "position": 0}}
    assert (query(found)["playlistId"], query(found)["videoId"]) == (["PL1"], ["v1"])


def test_a_channel_is_read_in_the_parts_asked_for(google, youtube, token):
    google.answers(google.reply(200, {"items": [{"id": "UC1", "status": {}}]}), google.reply(200, {}))

    assert youtube.channel(token, ["status"]) == {"id": "UC1", "status": {}}
    assert youtube.channel(token, ["status"]) is None
    assert query(google.requests[0])["part"] == ["status"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda y, t: y.set_thumbnail(t, "v1", media(b"")), FileInvalid),
        (lambda y, t: y.set_thumbnail(t, "v1", media(IMAGE, "image/webp")), FileInvalid),
        (
            lambda y, t: y.set_thumbnail(t, "v1", Media(read=None, size=52_428_801, content_type="image/png")),
            FileInvalid,
        ),
        (lambda y, t: add_track(y, t, track=Media(read=None, size=104_857_601, content_type="text/xml")), FileInvalid),
        (lambda y, t: add_track(y, t, track=media(TRACK, "text/xml\r\nX: y")), FileInvalid),
        (lambda y, t: add_track(y, t, track=media(b"", "text/xml")), FileInvalid),
        (lambda y, t: add_track(y, t, name="x" * 151), MetadataInvalid),
        (lambda y, t: add_track(y, t, language=""), MetadataInvalid),
        (lambda y, t: y.insert_playlist(t, "", "public"), MetadataInvalid),
        (lambda y, t: y.insert_playlist(t, "Talks", "secret"), MetadataInvalid),
        (lambda y, t: y.insert_playlist_item(t, "PL1", "v1", position=-1), MetadataInvalid),
        (lambda y, t: y.insert_playlist_item(t, "", "v1"), MetadataInvalid),
    ],
)
def test_what_would_be_refused_is_never_sent(google, youtube, token, call, error):
    with pytest.raises(error):
        call(youtube, token)

    assert google.requests == []


def test_the_largest_files_youtube_takes_are_told_by_their_size(youtube, token):
    with pytest.raises(FileInvalid, match="50 MB"):
        youtube.set_thumbnail(token, "v1", Media(read=None, size=52_428_801, content_type="image/png"))
    with pytest.raises(FileInvalid, match="100 MB"):
        add_track(youtube, token, track=Media(read=None, size=104_857_601, content_type="text/xml"))


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("kept", [False, True], ids=["fresh line", "kept line"])
def test_a_write_whose_answer_is_lost_is_sent_once(google, youtube, token, operation, kept):
    google.answers(*[google.reply(200, {"items": []})] * kept, google.hang_up, google.reply(200, MADE))
    if kept:
        youtube.my_channel(token)

    with pytest.raises(UpstreamFailed) as failed:
        WRITES[operation](youtube, token)

    time.sleep(0.05)
    assert len([request for request in google.requests if request.method != "GET"]) == 1
    assert {request.connection for request in google.requests} == {1}
    assert (failed.value.operation, failed.value.sent, failed.value.answered) == (operation, True, False)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("status", [401, 429, 503])
def test_no_status_makes_a_write_go_out_twice(google, youtube, token, operation, status):
    google.answers(google.reply(status, {}, Retry_After="0"), google.reply(200, MADE))

    with pytest.raises(UpstreamFailed) as failed:
        WRITES[operation](youtube, token)

    time.sleep(0.05)
    assert len(google.requests) == 1
    assert (failed.value.http_status, failed.value.retry_after) == (status, 0.0)


@pytest.mark.parametrize("operation", sorted(WRITES.keys() - {"thumbnails.set"}))
@pytest.mark.parametrize("body", [b"", b"<html>", {}, {"id": ""}, {"id": 7}])
def test_an_answer_that_does_not_say_what_was_made_is_not_taken_for_one(google, youtube, token, operation, body):
    google.answers(google.reply(200, body))

    with pytest.raises(UpstreamFailed) as failed:
        WRITES[operation](youtube, token)

    assert (failed.value.http_status, failed.value.reason) == (200, "malformedAnswer")


def test_a_refusal_is_told_in_googles_words(google, youtube, token):
    body = {"error": {"code": 409, "message": "It exists.", "errors": [{"reason": "captionExists", "domain": "d"}]}}
    google.answers(google.reply(409, body))

    with pytest.raises(UpstreamFailed, match="It exists") as failed:
        add_track(youtube, token)

    assert (failed.value.reason, failed.value.domain) == ("captionExists", "d")


@pytest.mark.parametrize("operation", ["thumbnails.set", "captions.insert"])
def test_a_file_that_becomes_shorter_while_it_leaves_is_never_received_whole(google, youtube, token, operation):
    short = Media(
        read=lambda offset, length: bytes(max(0, min(length, 400_000 - offset))), size=900_000, content_type="image/png"
    )

    with pytest.raises(FileChanged, match="400000"):
        send(youtube, token, operation, short)

    assert cut_off(google)


@pytest.mark.parametrize("operation", ["thumbnails.set", "captions.insert"])
def test_a_disk_that_fails_is_not_taken_for_a_broken_line(google, youtube, token, operation):
    def read(offset, length):
        if offset:
            raise OSError(5, "Input/output error")
        return bytes(length)

    with pytest.raises(FileInvalid, match="Input/output error"):
        send(youtube, token, operation, Media(read=read, size=900_000, content_type="image/png"))

    assert cut_off(google)


def send(youtube, token, operation, file, **more):
    if operation == "thumbnails.set":
        return youtube.set_thumbnail(token, "v1", file, **more)
    return add_track(youtube, token, track=file, **more)


def cut_off(google):
    deadline = time.monotonic() + 30
    while not google.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    (request,) = google.requests
    return len(request.body) < int(request.headers["content-length"])


@pytest.mark.parametrize(("operation", "size"), [("thumbnails.set", 50 << 20), ("captions.insert", 100 << 20)])
def test_the_largest_file_is_never_in_memory(heard, token, operation, size):
    block, received = bytes(1 << 20), []

    def drain(listener):
        connection, _ = listener.accept()
        with connection:
            buffer = bytearray(1 << 18)
            start = b""
            while b"\r\n\r\n" not in start:
                start += connection.recv(1024)
            head, _, rest = start.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            total = len(rest)
            while total < length and (count := connection.recv_into(buffer)):
                total += count
            received.extend([length, total])
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"id": "made"}')

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drain, args=(listener,))
        thread.start()
        youtube = YouTube(api_root=f"http://127.0.0.1:{listener.getsockname()[1]}/", heard=heard.append)
        with pytest.raises(FileInvalid):  # what is built once is built before the memory is counted
            send(youtube, token, operation, Media(read=None, size=1 << 40, content_type="image/png"))
        tracemalloc.start()
        file = Media(read=lambda _, length: memoryview(block)[:length], size=size, content_type="image/png")
        send(youtube, token, operation, file)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        thread.join()
        youtube.close()

    announced, arrived = received
    assert arrived == announced >= size
    assert peak < 2 << 20


def test_a_limit_is_shared_by_all_who_send_at_once(google, youtube):
    google.handle = lambda _: google.reply(200, MADE)
    line = youtube.line(512 << 10, SystemClock())
    file = media(bytes(128 << 10))
    began = time.monotonic()

    threads = [
        threading.Thread(target=send, args=(youtube, Secret(f"t{number}"), operation, file), kwargs={"pace": line})
        for number, operation in enumerate(["thumbnails.set", "captions.insert"] * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Four pieces of a quarter of a second; the last one begins when the three before it are through.
    assert time.monotonic() - began >= 0.75
    assert len(google.requests) == 4


def test_whoever_may_have_to_stop_is_asked_after_the_wait_and_right_before_a_piece_leaves(google, youtube, token):
    google.answers(google.reply(200, {}))
    story = []

    def pace(wanted):
        story.append("waited")
        return min(wanted, 100)

    def read(offset, length):
        story.append(f"read {offset}+{length}")
        return bytes(length)

    file = Media(read=read, size=150, content_type="image/png")
    youtube.set_thumbnail(token, "v1", file, pace=pace, progress=lambda left: story.append(f"left {left}"))

    assert story == ["waited", "left 0", "read 0+100", "waited", "left 100", "read 100+50", "left 150"]
