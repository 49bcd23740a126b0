"""Parsers of the sandbox, which other people's clients may talk to: whatever comes, it answers as YouTube might.

No request is answered with a defect (500 and the like) or not at all, a refused one changes nothing, and what is made
is in the journal. Requests come over a real connection and are served in this thread, so that their steps are counted.
"""

import atexit
import base64
import hashlib
import json
import os
import socket
import threading
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from books import ObedientClock
from fuzzing.documents import BYTES, altered, contents, tables, texts
from fuzzing.target import Target, scratch
from hypothesis import strategies as st

from ytpool.sandbox import formats
from ytpool.sandbox.server import Sandbox, _Handler

_FOLDER = scratch()
_YOUTUBE = "https://www.googleapis.com/auth/youtube.force-ssl"
_REFUSED_OURSELVES = {501, 505}
"""What is not played, and what Python's own server knows no answer to."""
_HEADERS_WE_SEND = {
    *("server", "date", "content-type", "content-length", "connection", "location", "range", "retry-after"),
    *("x-guploader-uploadid", "www-authenticate", "cache-control", "pragma"),
}
_FILM = hashlib.shake_256(b"a film").digest(600_000)


class _Room:
    """A sandbox with somebody's videos, playlists and comments, which are the same again before each visit."""

    def __init__(self):
        self.sandbox = Sandbox(_FOLDER / "sandbox", clock=ObedientClock(datetime(2026, 11, 20, 12, tzinfo=UTC))).start()
        atexit.register(self.sandbox.stop)
        self._floor = self.sandbox._server.floor
        self._world = self._floor.world
        self._floor.desk.on_stop = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        atexit.register(self._listener.close)
        self.names = {"root": self.sandbox.url}
        self._furnish()
        self._counts, self._settings, self._set = dict(self._world.counts), dict(self._world.settings), {}
        self._first = self._things()
        self._require_fit()

    def _furnish(self):
        desk = self._floor.desk
        told = desk.add_project("studio", self.sandbox.url)["installed"]
        channel = desk.add_channel("News")["channel_id"]
        granted = desk.grant("studio", channel, [_YOUTUBE])
        self.names |= {
            "client": told["client_id"],
            "secret": told["client_secret"],
            "channel": channel,
            "token": granted["access_token"],
            "refresh": granted["refresh_token"],
            "uploads": "UU" + channel[2:],
        }
        part = _multipart({"snippet": {"title": "A talk"}, "status": {"privacyStatus": "private"}}, b"film")
        for name, verb, path, body in (
            ("video", "POST", "/upload/youtube/v3/videos?part=snippet,status&uploadType=multipart", part),
            ("playlist", "POST", "/youtube/v3/playlists?part=snippet", _CALLS["playlists.insert"]["body"]),
            ("item", "POST", "/youtube/v3/playlistItems?part=snippet", _CALLS["playlistItems.insert"]["body"]),
            ("thread", "POST", "/youtube/v3/commentThreads?part=snippet", _CALLS["commentThreads.insert"]["body"]),
            (
                "caption",
                "POST",
                "/upload/youtube/v3/captions?part=snippet&uploadType=multipart",
                _multipart(_CAPTION, b"WEBVTT"),
            ),
        ):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = _RELATED if isinstance(body, bytes) else "application/json"
            ((status, _, answer),) = self.visit(self.request(verb, path, {"Content-Type": kind}, content))
            assert status == 200, answer
            self.names[name] = json.loads(answer)["id"]

    def _require_fit(self):
        """Fail where what inputs are made from is refused: then nothing behind the first look would be fuzzed."""
        for root, wishes in (("/youtube/v3/", _WISHES), ("/upload/youtube/v3/", _STARTS)):
            for wish in wishes:
                self.tidy()
                ((status, _, told),) = self.visit(_written(self, root, wish))
                assert status < 300, told
        for content in _MANY[:2]:
            self.tidy()
            ((status, _, told),) = self.visit(self.request("POST", _IN_PARTS, {"Content-Type": _RELATED}, content))
            assert status == 200, told

    def request(self, verb, target, headers, body=b"", *, token=True):
        """Write a request; what stands in braces in it is the name of a thing here."""
        named = {"Authorization": "Bearer {token}"} if token else {}
        head = [f"{verb} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**named, **headers}.items())]
        if verb in {"POST", "PUT"} and not {"content-length", "transfer-encoding"} & {name.lower() for name in headers}:
            head.append(f"Content-Length: {len(self.named(body))}")
        return self.named("\r\n".join([*head, "", ""]).encode("latin-1", "replace")) + self.named(body)

    def named(self, content):
        for name, value in self.names.items():
            content = content.replace(f"{{{name}}}".encode(), value.encode())
        return content

    def visit(self, content):
        """Send bytes and hang up; return the answers to them: status, headers, body."""
        heard = bytearray()
        with socket.create_connection(self._listener.getsockname()[:2], timeout=30) as ours:
            theirs, address = self._listener.accept()
            talking = threading.Thread(target=_talk, args=(ours, content, heard))
            talking.start()
            try:
                with theirs:
                    _Handler(theirs, address, self.sandbox._server)
            except (ConnectionError, TimeoutError):
                pass  # the sandbox's way of hanging up
            finally:
                talking.join()
        return list(_answers(bytes(heard)))

    def tidy(self):
        """Let everything be as it was."""
        for name, table in self._world._tables.items():
            table._rows = dict(self._first[name])
        self._world.counts, self._world.settings = dict(self._counts), dict(self._settings)
        self._world.refused, self._set = {}, {}
        self._floor.uploads.clear()
        (_FOLDER / "sandbox" / "clock.json").unlink(missing_ok=True)
        self.sandbox.clock._latest = None
        os.truncate(_FOLDER / "sandbox" / "journal.jsonl", 0)

    def set(self, **settings):
        """Change settings for one visit."""
        self._set = settings
        self._world.settings |= settings

    def _things(self):
        return {name: dict(table._rows) for name, table in self._world._tables.items()}

    def require_order(self, answers):
        """Fail unless all answers are fit for a client, refused requests left nothing, and the journal says it all."""
        for status, headers, body in answers:
            assert status < 500 or status in _REFUSED_OURSELVES, (status, body[:300])
            assert headers.keys() <= _HEADERS_WE_SEND, headers
            if headers.get("content-type", "").startswith("application/json"):
                json.loads(body, parse_constant=_no_number)
        things = self._things()
        if all(status >= 400 for status, *_ in answers):
            assert self._world.settings == self._settings | self._set
            for name, before in self._first.items():
                if name != "grants":  # a code that comes twice is stolen, and kills what it was exchanged for
                    assert things[name] == before, f"{name} changed, and the answer was a refusal"
        told = {}
        for line in (_FOLDER / "sandbox" / "journal.jsonl").read_bytes().splitlines():
            for table, key, value in json.loads(line, parse_constant=_no_number):
                told[table, key] = value
        for (name, key), value in told.items():
            if name in things:
                stored = None if value is None else self._world._tables[name]._kind.from_row(value)
                assert things[name].get(key) == stored, (name, key)
        changed = {
            (name, key)
            for name, rows in things.items()
            for key in rows.keys() | self._first[name].keys()
            if rows.get(key) != self._first[name].get(key)
        }
        assert changed <= told.keys()

    def videos(self):
        return [row for row in self._world.videos.all() if row.key not in self._first["videos"]]


def _talk(line, content, heard):
    try:
        line.sendall(content)
        line.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the answer may be there all the same
    try:
        while block := line.recv(1 << 16):
            heard += block
    except OSError:
        pass


def _answers(heard):
    while heard:
        head, end, heard = heard.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):  # a request of before HTTP/1.0 gets a body and nothing else
            return
        assert end, head
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        headers = {name.lower(): value for name, _, value in pairs}
        length = int(headers.get("content-length", 0))
        body, heard = heard[:length], heard[length:]
        status = int(first.split(" ")[1])
        if status >= 200:
            yield status, headers, body


def _no_number(name):
    raise AssertionError(f"{name} is no JSON")


_rooms = []


def _room():
    if not _rooms:
        _rooms.append(_Room())
    _rooms[0].tidy()
    return _rooms[0]


# One call of the API

_THING = {"kind": "youtube#video", "videoId": "{video}"}
_SNIPPET = {
    "title": "A talk",
    "description": "With words",
    "tags": ["one", "two words"],
    "categoryId": "22",
    "defaultLanguage": "en",
}
_PARTS = "snippet,status,localizations,recordingDetails"
_CAPTION = {"snippet": {"videoId": "{video}", "language": "de", "name": "Deutsch", "isDraft": False}}
_VIDEO = {
    "snippet": _SNIPPET,
    "status": {"privacyStatus": "private", "publishAt": "2026-12-24T18:00:00Z", "selfDeclaredMadeForKids": False},
    "localizations": {"de": {"title": "Ein Vortrag", "description": ""}},
    "recordingDetails": {"recordingDate": "2026-11-19T00:00:00Z"},
}
_UPDATE = {"id": "{video}", **_VIDEO}
_CALLS = {
    "channels.list": {
        "query": {
            "part": "snippet,contentDetails,statistics",
            "mine": "true",
            "maxResults": "5",
            "fields": "items(id,snippet/title)",
        }
    },
    "videos.list": {"query": {"part": "snippet,status,fileDetails,processingDetails,statistics", "id": "{video},x"}},
    "videos.update": {
        "verb": "PUT",
        "query": {"part": _PARTS},
        "body": _UPDATE,
    },
    "videos.delete": {"verb": "DELETE", "query": {"id": "{video}"}},
    "videos.batchGetStats": {"path": "videos:batchGetStats", "query": {"part": "id,statistics", "id": "{video}"}},
    "captions.list": {"query": {"part": "snippet", "videoId": "{video}", "id": "{caption}"}},
    "captions.update": {
        "verb": "PUT",
        "query": {"part": "snippet"},
        "body": {"id": "{caption}", "snippet": {"isDraft": True}},
    },
    "captions.delete": {"verb": "DELETE", "query": {"id": "{caption}"}},
    "playlists.list": {
        "query": {"part": "snippet,status,contentDetails", "mine": "true", "maxResults": "1", "pageToken": "YXQgMQ"}
    },
    "playlists.insert": {
        "verb": "POST",
        "query": {"part": "snippet,status"},
        "body": {
            "snippet": {"title": "Talks", "description": "All", "defaultLanguage": "en"},
        },
    },
    "playlists.update": {
        "verb": "PUT",
        "query": {"part": "snippet,localizations"},
        "body": {
            "id": "{playlist}",
            "snippet": {"title": "Talks", "defaultLanguage": "en"},
            "localizations": {"de": {"title": "Vorträge"}},
        },
    },
    "playlists.delete": {"verb": "DELETE", "query": {"id": "{playlist}"}},
    "playlistItems.list": {
        "query": {"part": "snippet,contentDetails,status", "playlistId": "{playlist}", "videoId": "{video}"}
    },
    "playlistItems.list of uploads": {"query": {"part": "snippet", "playlistId": "{uploads}", "maxResults": "50"}},
    "playlistItems.insert": {
        "verb": "POST",
        "query": {"part": "snippet,contentDetails"},
        "body": {"snippet": {"playlistId": "{playlist}", "resourceId": _THING, "position": 0}},
    },
    "playlistItems.update": {
        "verb": "PUT",
        "query": {"part": "snippet,contentDetails"},
        "body": {
            "id": "{item}",
            "snippet": {"playlistId": "{playlist}", "resourceId": _THING, "position": 0},
            "contentDetails": {"note": "A note", "startAt": "1s"},
        },
    },
    "playlistItems.delete": {"verb": "DELETE", "query": {"id": "{item}"}},
    "commentThreads.list": {
        "query": {"part": "snippet,replies", "videoId": "{video}", "moderationStatus": "published", "searchTerms": "h"}
    },
    "commentThreads.insert": {
        "verb": "POST",
        "query": {"part": "snippet"},
        "body": {"snippet": {"videoId": "{video}", "topLevelComment": {"snippet": {"textOriginal": "Hello"}}}},
    },
    "comments.list": {"query": {"part": "snippet", "parentId": "{thread}", "textFormat": "plainText"}},
    "comments.insert": {
        "verb": "POST",
        "query": {"part": "snippet"},
        "body": {"snippet": {"parentId": "{thread}", "textOriginal": "Hello"}},
    },
    "comments.update": {
        "verb": "PUT",
        "query": {"part": "snippet", "fields": "items(id,snippet/title),id"},
        "body": {"id": "{thread}", "snippet": {"textOriginal": "Hello"}},
    },
    "comments.delete": {"verb": "DELETE", "query": {"id": "{thread}"}},
    "comments.setModerationStatus": {
        "verb": "POST",
        "path": "comments/setModerationStatus",
        "query": {"id": "{thread}", "moderationStatus": "rejected", "banAuthor": "true"},
    },
}
_WISHES = [
    {"verb": "GET", "path": name.partition(".")[0], "headers": {"If-Match": "*"}, **call}
    for name, call in _CALLS.items()
]


def _in(part):
    """Give wishes of which one part alone is another, so that what is behind the first look is reached."""
    whole = st.sampled_from([wish for wish in _WISHES if part in wish])
    return whole.flatmap(lambda wish: altered(wish[part]).map(lambda changed: {**wish, part: changed}))


def _wish(name, body):
    return {"path": name.partition(".")[0], **_CALLS[name], "body": body}


def ask_for_something(wish):
    """Call a method whose parameters, headers and body are others than they should be."""
    if not isinstance(wish, dict):
        return
    room = _room()
    answers = room.visit(_written(room, "/youtube/v3/", wish))
    assert answers, "no answer"
    room.require_order(answers)


def _written(room, root, wish):
    body = wish.get("body")
    content = b"" if body is None else json.dumps(body).encode()
    return room.request(_token(wish.get("verb")), _target(wish, root), _fields(wish.get("headers")), content)


def _token(value):
    return next((verb for verb in ("GET", "PUT", "DELETE") if value == verb), "POST")


def _target(wish, root):
    query = wish.get("query")
    query = {name: one for name, one in query.items() if name} if isinstance(query, dict) else {"part": query}
    path = str(wish.get("path"))
    path = "".join(sign for sign in path[:300] if sign.isascii() and sign.isprintable() and sign not in " ?#")
    return f"{root}{path}?{urlencode(query, doseq=True, safe='{},', errors='replace')}"


def _fields(headers):
    """Return headers as a line can carry them."""
    found = headers.items() if isinstance(headers, dict) else ()
    return {
        name: "".join(sign for sign in str(value)[:8000] if sign.isprintable() and ord(sign) < 256)
        for name, value in found
        if isinstance(name, str) and name.isascii() and name.replace("-", "").isalnum()
    }


# Uploads

_LINE = b"\r\n"
_RELATED = 'multipart/related; boundary="here"'


def _multipart(resource, media):
    parts = (b"application/json", json.dumps(resource).encode()), (b"video/mp4", media)
    return (
        b"".join(b"--here\r\nContent-Type: " + kind + b"\r\n\r\n" + content + b"\r\n" for kind, content in parts)
        + b"--here--"
    )


_IN_PARTS = f"/upload/youtube/v3/videos?part={_PARTS}&uploadType=multipart"
_MANY = (_multipart(_VIDEO, b"a film"), b"--here\n\n{}\n--here\n\nx\n--here--", b"--here\n" * 200)
_STARTS = [
    {
        "path": "videos",
        "query": {"part": _PARTS, "uploadType": "resumable", "notifySubscribers": "false"},
        "headers": {
            "X-Upload-Content-Length": str(size),
            "X-Upload-Content-Type": "video/mp4",
            "Slug": "talk%20%C3%BC.mp4",
        },
        "body": _VIDEO,
    }
    for size in (300_000, 6)
] + [
    {
        "path": "thumbnails/set",
        "query": {"videoId": "{video}", "uploadType": "resumable"},
        "headers": {"X-Upload-Content-Type": "image/png", "X-Upload-Content-Length": "6"},
        "body": {},
    },
    {
        "path": "captions",
        "query": {"part": "snippet", "uploadType": "resumable"},
        "headers": {"X-Upload-Content-Type": "application/octet-stream"},
        "body": {"snippet": {"videoId": "{video}", "language": "en", "name": "", "isDraft": True}},
    },
]
_ADDRESSES = st.sampled_from(["{address}"] * 8) | texts("/upload/youtube/v3/videos?upload_id=x&uploadType=resumable")
_PUTS = st.lists(
    st.tuples(
        _ADDRESSES,
        st.sampled_from(
            [None, "bytes */*", "bytes */300000", "bytes 0-262143/300000", "bytes 262144-299999/300000", "bytes 0-5/6"]
        )
        | st.builds("bytes {}-{}/{}".format, *[st.sampled_from([0, 1, 5, 6, 262143, 262144, 299999, 300000, "*"])] * 3)
        | texts("bytes 0-262143/300000"),
        st.sampled_from([None, None, None, 0, 6, 300_000]),
        st.booleans(),
    ),
    max_size=4,
)


def send_a_film(asked):
    """Begin an upload and send pieces of a film; a video is made of its bytes, in their order, or of none."""
    start, puts = asked
    if not isinstance(start, dict):
        return
    room = _room()
    answers = room.visit(_written(room, "/upload/youtube/v3/", start))
    place = urlsplit(next((headers["location"] for _, headers, _ in answers if "location" in headers), ""))
    at_once = room.videos()  # where it was no beginning, the JSON was the film
    room.names["address"] = f"{place.path}?{place.query}" if place.path else "/upload/youtube/v3/videos?upload_id=x"
    for address, content_range, length, is_chunked in puts:
        film = _piece(content_range, length)
        headers = _fields({} if content_range is None else {"Content-Range": content_range})
        if is_chunked:
            headers["Transfer-Encoding"] = "chunked"
            film = f"{len(film):x}\r\n".encode() + film + b"\r\n0\r\n\r\n" if film else b"0\r\n\r\n"
        target = "".join(sign for sign in address[:500] if sign.isascii() and sign.isprintable() and sign != " ")
        heard = room.visit(room.request("PUT", target or "/", headers, film, token=False))
        assert len(heard) <= 1 or not content_range
        answers += heard
    del room.names["address"]
    room.require_order(answers)
    for video in room.videos()[len(at_once) :]:
        assert video.sha256 == hashlib.sha256(_FILM[: video.bytes]).hexdigest(), "another film arrived"


def _piece(content_range, length):
    first, last = 0, 5
    if content_range is not None:
        span = content_range.removeprefix("bytes ").partition("/")[0].partition("-")
        if all(one.isascii() and one.isdecimal() and len(one) < 8 for one in (span[0], span[2])):
            first, last = int(span[0]), int(span[2])
        else:
            last = -1
    return _FILM[first : last + 1 if length is None else first + length]


def send_parts(asked):
    """Send JSON and media in one request."""
    kind, content = asked
    room = _room()
    answers = room.visit(room.request("POST", _IN_PARTS, _fields({"Content-Type": kind}), content))
    assert answers, "no answer"
    room.require_order(answers)


# What comes over the line at all

_HEAD = "{verb} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {{token}}\r\n"
_LINES = (
    _HEAD.format(verb="GET", target="/youtube/v3/videos?part=id&id={{video}}") + "\r\n",
    _HEAD.format(verb="GET", target="/youtube/v3/videos?part=id&id={{video}}")
    + "\r\n"
    + _HEAD.format(verb="DELETE", target="/youtube/v3/videos?id={{video}}")
    + "Connection: close\r\n\r\n",
    _HEAD.format(verb="POST", target="/youtube/v3/playlists?part=snippet")
    + 'Transfer-Encoding: chunked\r\n\r\n17;x=y\r\n{"snippet":{"title":"a\r\n3\r\n"}}\r\n0\r\nA: b\r\n\r\n',
    _HEAD.format(verb="POST", target="/youtube/v3/videos")
    + "X-HTTP-Method-Override: GET\r\nContent-Length: 24\r\nExpect: 100-continue\r\n\r\npart=id&id={{video}},abc",
    "GET http://[::1]:80/tokeninfo?access_token={{token}} HTTP/1.1\r\n\r\n",
)


_POSTED = (
    b"POST /youtube/v3/playlists?part=snippet HTTP/1.1\r\nContent-Length: 3000\r\nAuthorization: Bearer {token}\r\n\r\n"
)


def say_something(content):
    room = _room()
    room.require_order(room.visit(room.named(content)))


# Logins

_ASKS = {
    "client_id": "{client}",
    "redirect_uri": "http://127.0.0.1:40001/back?x=y",
    "response_type": "code",
    "state": "state of ours",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode().rstrip("="),
    "code_challenge_method": "S256",
    "scope": _YOUTUBE,
}
_CHOICE = {**_ASKS, "channel": "{channel}", "decision": "allow", f"allow {_YOUTUBE}": "on"}
_EXCHANGE = {
    "grant_type": "authorization_code",
    "code": "{code}",
    "redirect_uri": _ASKS["redirect_uri"],
    "code_verifier": "v" * 43,
    "client_id": "{client}",
    "client_secret": "{secret}",
}
_REFRESH = {
    "grant_type": "refresh_token",
    "refresh_token": "{refresh}",
    "client_id": "{client}",
    "client_secret": "{secret}",
    "scope": _YOUTUBE,
}
_BASIC = "Basic e2NsaWVudH06e3NlY3JldH0="
_LOGINS = st.lists(
    st.one_of(
        st.tuples(st.just("GET"), st.just("/o/oauth2/v2/auth"), tables(_ASKS), st.none()),
        st.tuples(st.just("POST"), st.just("/o/oauth2/v2/auth"), tables(_CHOICE), st.none()),
        st.tuples(st.just("POST"), st.just("/o/oauth2/v2/auth"), tables(_CHOICE), st.none()),
        st.tuples(st.just("POST"), st.just("/token"), tables(_EXCHANGE, _REFRESH), st.none() | texts(_BASIC)),
        st.tuples(st.just("POST"), st.just("/revoke"), tables({"token": "{refresh}"}), st.none()),
        st.tuples(st.just("GET"), st.sampled_from(["/tokeninfo", "/revoke"]), tables({"token": "{token}"}), st.none()),
    ),
    min_size=1,
    max_size=3,
)


def log_in(steps):
    """Take the steps of a login; where a browser was sent with a code, the next step has it."""
    room, answers = _room(), []
    for verb, path, form, authorization in steps:
        written = urlencode(form, safe="{}", errors="replace") if isinstance(form, dict) else ""
        headers = {} if authorization is None else _fields({"Authorization": authorization})
        target, body = (f"{path}?{written}", b"") if verb == "GET" else (path, written.encode())
        heard = room.visit(room.request(verb, target, headers, body, token=False))
        assert heard, "no answer"
        answers += heard
        place = heard[0][1].get("location", "")
        assert not place or urlsplit(place).hostname in {"127.0.0.1", "::1", "localhost"}
        if "code=" in place:
            room.names["code"] = place.partition("code=")[2].partition("&")[0]
    room.names.pop("code", None)
    room.require_order(answers)


# The desk, and the service of tasks beside YouTube

_TOLD = [
    {"name": "clock", "wish": {"to": "2026-11-20T12:00:00Z"}},
    {"name": "clock", "wish": {"forward_seconds": 5}},
    {"name": "projects", "wish": {"name": "studio", "testing": True, "limits": {"uploads": 5}}},
    {"name": "clients", "wish": {"client_id": "123-x", "client_secret": "s", "project": "studio"}},
    {"name": "channels", "wish": {"title": "News", "cap": 3, "thumbnails": False, "thumbnail_cap": 1}},
    {"name": "units", "wish": {"project": "studio", "bucket": "general", "units": 5}},
    {"name": "grants", "wish": {"project": "studio", "channel": "News", "scopes": [_YOUTUBE], "client": ""}},
    {"name": "faults", "wish": {"method": "videos.list", "kind": "error", "error": "backendError", "times": 1}},
    {"name": "faults", "wish": {"method": "upload.chunk", "kind": "boast", "at": 5, "skip": 1, "channel": "News"}},
    {"name": "faults/clear", "wish": {"fault_ids": ["fault-1"]}},
    {"name": "grants/revoke", "wish": {"channel": "News"}},
    {"name": "settings", "wish": {"processing_seconds": 5, "locked_private": True, "video_width": 5}},
    {"name": "settings", "wish": {"comments_stand": "heldForReview", "tasks_take": 0, "session_lives_for": 5}},
]


def tell_the_desk(asked):
    """Whatever it was told, it can be asked afterwards, and calls are answered."""
    if not isinstance(asked, dict):
        return
    room = _room()
    name = "".join(sign for sign in str(asked.get("name")) if (sign.isascii() and sign.isalpha()) or sign == "/")
    wish = asked.get("wish")
    if name == "faults" and isinstance(wish, dict) and wish.get("kind") in ("slow", "close", "cut", "lose_answer"):
        return  # what is asked afterwards would be answered as it was told
    answers = room.visit(room.request("POST", f"/sandbox/{name}", {}, json.dumps(wish).encode(), token=False))
    assert answers, "no answer"
    room.require_order(answers)
    refresh = urlencode(_REFRESH, safe="{}").encode()
    for verb, path, content in (
        ("GET", "/sandbox/truth", b""),
        ("GET", "/youtube/v3/videos?part=status,snippet,processingDetails&id={video}", b""),
        ("POST", "/token", refresh),
        ("POST", "/upload/youtube/v3/videos?part=id&uploadType=media", b"film"),
    ):
        ((status, _, body),) = room.visit(room.request(verb, path, {"Content-Type": "video/mp4"}, content))
        assert path != "/sandbox/truth" or status == 200, body


_CREATES = {
    "apiKey": "key",
    "workflowId": "1",
    "nodeInfoList": [{"nodeId": "1", "fieldValue": "x"}],
    "webhookUrl": "http://127.0.0.1:1/callback?secret=x",
}
_TASK_WISHES = st.tuples(st.sampled_from(["create", "create", "status", "outputs"]), tables(_CREATES, {"taskId": "1"}))


def ask_for_a_task(asked):
    name, wish = asked
    if isinstance(wish, dict) and not _is_nobodys(wish.get("webhookUrl")):
        return
    room = _room()
    room.set(tasks_call="early", tasks_take=1e9)
    answers = room.visit(
        room.request("POST", f"/task/openapi/{name}", {}, json.dumps(wish).encode() if wish != "" else b"", token=False)
    )
    assert answers, "no answer"
    room.require_order(answers)


def _is_nobodys(address):
    """Whether an address leads to no service that happens to run here."""
    try:
        parts = urlsplit(str(address))
        port = parts.port
    except ValueError:
        return True
    return parts.hostname not in {"127.0.0.1", "localhost", "::1"} or port == 1


_ADDRESSED = texts(_CREATES["webhookUrl"]).map(lambda text: ("create", {**_CREATES, "webhookUrl": text}))

# Films and pictures


def _box(kind, content):
    return (8 + len(content)).to_bytes(4, "big") + kind + content


_TRACK = _box(b"tkhd", bytes(40) + b"\0\1\0\0" + bytes(12) + b"\0\1\0\0" + bytes(16) + b"\7\x80\0\0\4\x38\0\0")
_MP4 = (
    _box(b"ftyp", b"isom")
    + _box(b"moov", _box(b"mvhd", bytes(12) + b"\0\0\3\xe8\0\0\x27\x10" + bytes(80)) + _box(b"trak", _TRACK))
    + _box(b"mdat", b"x" * 20)
)
_LONG = b"\0\0\0\1moov" + (16 + 8).to_bytes(8, "big") + _box(b"mvhd", b"")


def look_at_a_film(content):
    path = _FOLDER / "film"
    path.write_bytes(content)
    found = formats.film(path)
    assert found is None or (found.width > 0 and found.height > 0 and 0 <= found.seconds < 2**64)
    formats.picture(path)
    formats.caption_fault(path)


@st.composite
def _spoilt(draw):
    content = draw(st.sampled_from([_MP4, _LONG + _MP4, _MP4 + _LONG]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        put = draw(st.binary(max_size=8) | st.sampled_from([b"\0\0\0\0", b"\0\0\0\1", b"\xff" * 4, b"moov", b"trak"]))
        content = content[:at] + put + content[at + draw(st.sampled_from([0, len(put), 8, 100])) :]
    return content


TARGETS = (
    Target(
        name="call of the sandbox",
        inputs=st.one_of(tables(*_WISHES), _in("query"), _in("body"), _in("body")),
        check=ask_for_something,
    ),
    Target(name="upload to the sandbox", inputs=st.tuples(tables(*_STARTS), _PUTS), check=send_a_film),
    Target(
        name="parts of an upload",
        inputs=st.tuples(
            st.just(_RELATED) | texts(_RELATED, "multipart/related;boundary=here", "video/mp4"),
            contents(*(one.decode() for one in _MANY)),
        ),
        check=send_parts,
    ),
    Target(
        name="line of the sandbox",
        inputs=contents(*(line.replace("{{", "{").replace("}}", "}") for line in _LINES)),
        check=say_something,
    ),
    Target(name="login at the sandbox", inputs=_LOGINS, check=log_in),
    Target(name="desk of the sandbox", inputs=tables(*_TOLD), check=tell_the_desk),
    Target(name="task of the sandbox", inputs=_TASK_WISHES | _ADDRESSED, check=ask_for_a_task),
    Target(name="film", inputs=st.one_of(_spoilt(), BYTES), check=look_at_a_film),
)
