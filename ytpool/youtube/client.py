"""The Data API, and the door to everything else at Google: `rt.youtube` is a `YouTube`.

Each method sends exactly one request. What Google refuses, or does not answer, is `UpstreamFailed`; what would be
refused anyway is said before it costs anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ytpool.clock import Clock
from ytpool.domain.logins import ChannelSeen, Client, Token
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Media, Moved
from ytpool.errors import MetadataInvalid, UpstreamFailed, UsageWrong
from ytpool.youtube import oauth
from ytpool.youtube.answers import Answer, malformed, refused, require_object
from ytpool.youtube.calls import Call, Calls, announced, check_resource
from ytpool.youtube.media import FileBody, Line, frame
from ytpool.youtube.uploads import ask as ask_session
from ytpool.youtube.uploads import send as send_file
from ytpool.youtube.uploads import session_address
from ytpool.youtube.wire import Readable, Wire, require_safe

IDS_PER_CALL = 50
THREADS_PER_PAGE = 100
CAPTION_NAME_CHARACTERS = 150
_NO_CHANNEL = "youtubeSignupRequired"
# RFC 5023: the visible characters of ASCII and the space stand for themselves in a Slug, except the percent sign.
_PLAIN_IN_SLUG = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class YouTube:
    """Talks to Google, or to any server that speaks its protocol. May be shared by threads.

    `api_root` ends with a slash. `heard` is told the moment of every answer's `Date`, whatever the answer was.
    `timeout` is for each step on the line (connect, a block out, a block in), not for the whole call.
    """

    def __init__(self, *, api_root: str, heard: Callable[[datetime], None], timeout: float = 60.0) -> None:
        require_safe(api_root, "the API root")
        self._calls = Calls(api_root if api_root.endswith("/") else f"{api_root}/")
        self._wire = Wire(heard=heard, timeout=timeout)

    def close(self) -> None:
        """Close all kept connections."""
        self._wire.close()

    # The Data API

    def my_channel(self, token: Secret) -> ChannelSeen | None:
        """Return the one channel this token speaks for, or None where the login has no channel."""
        found = self._own_channel(token, ("snippet", "contentDetails"))
        return None if found is None else _channel(*found)

    def channel(self, token: Secret, parts: Sequence[str]) -> dict[str, Any] | None:
        """Return what YouTube has of this token's channel, or None where the login has no channel."""
        found = self._own_channel(token, parts)
        return None if found is None else found[0]

    def videos(self, token: Secret, ids: Sequence[str], parts: Sequence[str]) -> list[dict[str, Any]]:
        """Return what YouTube has of these videos, at most fifty; those it does not know are simply not there."""
        if not ids:
            return []
        if len(ids) > IDS_PER_CALL:
            raise UsageWrong(f"videos.list takes at most {IDS_PER_CALL} ids, not {len(ids)}")
        call = self._calls.build("videos", "list", part=",".join(parts), id=",".join(ids))
        return _items(require_object(self._ask(call, token), call.operation))

    def uploads(self, token: Secret, playlist_id: str, page: str = "") -> tuple[list[dict[str, Any]], str]:
        """Return one page of an uploads playlist, newest first, and the token of the next page, or ""."""
        return self.playlist_items(token, playlist_id, page=page)

    def update_video(self, token: Secret, body: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
        """Replace whole parts of a video; a mutable field that a sent part leaves out is erased."""
        check_resource("videos.update", body, parts)
        call = self._calls.build("videos", "update", part=",".join(parts), body=dict(body))
        return require_object(self._ask(call, token), call.operation)

    def delete_video(self, token: Secret, video_id: str) -> None:
        call = self._calls.build("videos", "delete", id=video_id)
        self._ask(call, token)

    # What belongs to a video

    def set_thumbnail(
        self,
        token: Secret,
        video_id: str,
        image: Media,
        *,
        progress: Callable[[int], None] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> dict[str, Any]:
        """Give a video its own thumbnail; a second time replaces the first, so this may be repeated.

        The image is read while it leaves; `progress` and `pace` are those of `uploads.send`.
        """
        announced_image = announced("thumbnails.set", size=image.size, content_type=image.content_type)
        call = self._calls.build("thumbnails", "set", videoId=video_id, media_body=announced_image)
        body = FileBody(image.read, start=0, end=image.size, progress=progress, pace=pace)
        return require_object(self._ask(call, token, body=body), call.operation)

    def captions(self, token: Secret, video_id: str) -> list[dict[str, Any]]:
        """Return all caption tracks of a video; the API has no pages of them."""
        call = self._calls.build("captions", "list", part="snippet", videoId=video_id)
        return _items(require_object(self._ask(call, token), call.operation))

    def insert_caption(
        self,
        token: Secret,
        *,
        video_id: str,
        language: str,
        name: str,
        track: Media,
        draft: bool = False,
        progress: Callable[[int], None] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> dict[str, Any]:
        """Add a caption track. Where the answer is lost, `captions` tells whether the track is there."""
        if len(name) > CAPTION_NAME_CHARACTERS:
            raise MetadataInvalid(
                f"a caption's name may have {CAPTION_NAME_CHARACTERS} characters, not {len(name)}",
                field="snippet.name",
            )
        body = {"snippet": {"videoId": video_id, "language": language, "name": name, "isDraft": draft}}
        return self._send_track(token, "insert", body, "snippet", track, progress, pace)

    def update_caption(
        self,
        token: Secret,
        caption_id: str,
        *,
        track: Media | None = None,
        draft: bool | None = None,
        progress: Callable[[int], None] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> dict[str, Any]:
        """Replace the file of a caption track, or change whether it is a draft, or both; this may be repeated."""
        if track is None and draft is None:
            raise UsageWrong("captions.update needs a file or a draft state to change")
        body: dict[str, Any] = {"id": caption_id}
        if draft is not None:
            body["snippet"] = {"isDraft": draft}
        # A snippet that is announced and not sent would be taken for an empty one.
        return self._send_track(token, "update", body, "id" if draft is None else "snippet", track, progress, pace)

    # Playlists

    def playlists(self, token: Secret, *, ids: Sequence[str] = (), page: str = "") -> tuple[list[dict[str, Any]], str]:
        """Return one page of the channel's own playlists, or these, at most fifty, and the token of the next page.

        A playlist that YouTube does not know is simply not there; behind the last page the token is "".
        """
        if len(ids) > IDS_PER_CALL:
            raise UsageWrong(f"playlists.list takes at most {IDS_PER_CALL} ids, not {len(ids)}")
        which = {"id": ",".join(ids)} if ids else {"mine": True, "maxResults": IDS_PER_CALL, "pageToken": page or None}
        call = self._calls.build("playlists", "list", part="snippet,status", **which)
        return _page(require_object(self._ask(call, token), call.operation))

    def insert_playlist(self, token: Secret, title: str, privacy: str, description: str = "") -> dict[str, Any]:
        """Make a playlist. Where the answer is lost, `playlists` tells whether it is there."""
        body = {"snippet": {"title": title, "description": description}, "status": {"privacyStatus": privacy}}
        check_resource("playlists.insert", body, ("snippet", "status"))
        call = self._calls.build("playlists", "insert", part="snippet,status", body=body)
        return _made(self._ask(call, token), call.operation)

    def playlist_items(
        self, token: Secret, playlist_id: str, video_id: str = "", page: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Return one page of a playlist's items, or of those that are this video, and the token of the next page."""
        call = self._calls.build(
            "playlistItems",
            "list",
            part="snippet,contentDetails",
            playlistId=playlist_id,
            videoId=video_id or None,
            maxResults=IDS_PER_CALL,
            pageToken=page or None,
        )
        return _page(require_object(self._ask(call, token), call.operation))

    def insert_playlist_item(
        self, token: Secret, playlist_id: str, video_id: str, position: int | None = None
    ) -> dict[str, Any]:
        """Put a video into a playlist, at its end or at a position from 0 on; a second time may put it in twice.

        Where the answer is lost, `playlist_items` tells whether it is there.
        """
        resource = {"kind": "youtube#video", "videoId": video_id}
        snippet: dict[str, Any] = {"playlistId": playlist_id, "resourceId": resource}
        if position is not None:
            snippet["position"] = position
        check_resource("playlistItems.insert", {"snippet": snippet}, ("snippet",))
        call = self._calls.build("playlistItems", "insert", part="snippet", body={"snippet": snippet})
        return _made(self._ask(call, token), call.operation)

    def delete_playlist_item(self, token: Secret, item_id: str) -> None:
        """Take an entry out of a playlist; the video itself stays."""
        call = self._calls.build("playlistItems", "delete", id=item_id)
        self._ask(call, token)

    # Comments

    def insert_comment(self, token: Secret, video_id: str, text: str) -> dict[str, Any]:
        """Comment on a video and return the thread. A second time says it twice; a lost answer proves nothing."""
        snippet = {"videoId": video_id, "topLevelComment": {"snippet": {"textOriginal": text}}}
        check_resource("commentThreads.insert", {"snippet": snippet}, ("snippet",))
        call = self._calls.build("commentThreads", "insert", part="snippet", body={"snippet": snippet})
        return _made(self._ask(call, token), call.operation)

    def insert_reply(self, token: Secret, parent_id: str, text: str) -> dict[str, Any]:
        """Reply to a comment that begins a thread; a second time says it twice."""
        body = {"snippet": {"parentId": parent_id, "textOriginal": text}}
        check_resource("comments.insert", body, ("snippet",))
        call = self._calls.build("comments", "insert", part="snippet", body=body)
        return _made(self._ask(call, token), call.operation)

    def comment_threads(
        self,
        token: Secret,
        *,
        video_id: str = "",
        ids: Sequence[str] = (),
        status: str = "published",
        search: str = "",
        page: str = "",
    ) -> tuple[list[dict[str, Any]], str]:
        """Return one page of a video's threads, the newest first, or these, and the token of the next page.

        Only the video's owner may ask for another `status` than `published`; what is held is in no other list.
        """
        which: dict[str, Any] = {"id": ",".join(ids)}
        if not ids:
            which = {
                "videoId": video_id,
                "moderationStatus": status,
                "order": "time",
                "searchTerms": search or None,
                "maxResults": THREADS_PER_PAGE,
                "pageToken": page or None,
            }
        call = self._calls.build("commentThreads", "list", part="snippet,replies", textFormat="plainText", **which)
        return _page(require_object(self._ask(call, token), call.operation))

    def comments(
        self, token: Secret, *, ids: Sequence[str] = (), parent_id: str = "", page: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Return these comments, at most fifty, or one page of the replies to one, and the token of the next page."""
        if len(ids) > IDS_PER_CALL:
            raise UsageWrong(f"comments.list takes at most {IDS_PER_CALL} ids, not {len(ids)}")
        which: dict[str, Any] = {"id": ",".join(ids)}
        if not ids:
            which = {"parentId": parent_id, "maxResults": THREADS_PER_PAGE, "pageToken": page or None}
        call = self._calls.build("comments", "list", part="snippet", textFormat="plainText", **which)
        return _page(require_object(self._ask(call, token), call.operation))

    def moderate(self, token: Secret, ids: Sequence[str], status: str, *, ban: bool = False) -> None:
        """Let comments on the channel's own videos be seen, or not; with `ban` their authors are rejected from now on.

        This names the state it wants, so it may be repeated.
        """
        if len(ids) > IDS_PER_CALL:
            raise UsageWrong(f"comments.setModerationStatus takes at most {IDS_PER_CALL} ids, not {len(ids)}")
        call = self._calls.build(
            "comments", "setModerationStatus", id=",".join(ids), moderationStatus=status, banAuthor=ban or None
        )
        self._ask(call, token)

    # Counts

    def stats(self, token: Secret, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return what is counted of these videos, at most fifty; those it does not know are simply not there."""
        if len(ids) > IDS_PER_CALL:
            raise UsageWrong(f"videos.batchGetStats takes at most {IDS_PER_CALL} ids, not {len(ids)}")
        call = self._calls.build("videos", "batchGetStats", part="snippet,contentDetails,statistics", id=",".join(ids))
        return _items(require_object(self._ask(call, token), call.operation))

    # Uploads

    def line(self, rate: int, clock: Clock) -> Line:
        """Return a limit in bytes per second, to be given as `pace` to everything that is to share it."""
        return Line(rate, clock)

    def open_session(
        self,
        token: Secret,
        *,
        body: Mapping[str, Any],
        parts: Sequence[str],
        size: int,
        content_type: str,
        slug: str,
        notify: bool,
    ) -> Secret:
        """Start a resumable upload and return the address to send the bytes to. This is the call that costs."""
        check_resource("videos.insert", body, parts)
        if not body.get("status", {}).get("privacyStatus"):
            raise MetadataInvalid("a video without privacyStatus would be public", field="status.privacyStatus")
        media = announced("videos.insert", size=size, content_type=content_type, resumable=True)
        call = self._calls.build(
            "videos",
            "insert",
            part=",".join(parts),
            notifySubscribers=notify,
            body=dict(body),
            media_body=media,
        )
        headers = {
            "X-Upload-Content-Length": str(size),
            "X-Upload-Content-Type": content_type,
            "Slug": _slug(slug),
        }
        answer = self._ask(call, token, headers)
        session = session_address(answer, call.operation, call.url)
        if session is None:
            raise malformed(answer, call.operation, "without the session's address")
        return session

    def ask(self, session: Secret, token: Secret, size: int) -> Kept | Finished:
        """Ask an upload session how far it is; see `uploads.ask`."""
        return ask_session(self._wire, session, token, size)

    def send(
        self,
        session: Secret,
        *,
        token: Callable[[], Secret],
        read: Callable[[int, int], bytes | memoryview],
        size: int,
        offset: int,
        chunk_size: int,
        progress: Callable[[int], None] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> Iterator[Kept | Moved | Finished]:
        """Send a file from an offset on; see `uploads.send`."""
        return send_file(
            self._wire,
            session,
            token=token,
            read=read,
            size=size,
            offset=offset,
            chunk_size=chunk_size,
            progress=progress,
            pace=pace,
        )

    # Logins

    def authorization(
        self, client: Client, auth_uri: str, *, redirect_uri: str, scopes: Sequence[str], login_hint: str = ""
    ) -> oauth.Authorization:
        """Write the address that a person opens to log in; see `oauth.authorization`."""
        return oauth.authorization(client, auth_uri, redirect_uri=redirect_uri, scopes=scopes, login_hint=login_hint)

    def receiver(self, redirect_uri: str = "") -> oauth.Receiver:
        """Return a loopback receiver for the answer of a login, to be used in a `with` statement."""
        return oauth.Receiver(redirect_uri)

    def exchange(self, client: Client, token_uri: str, *, code: Secret, redirect_uri: str, verifier: Secret) -> Token:
        """Turn the code of a login into tokens."""
        return oauth.exchange(self._wire, client, token_uri, code=code, redirect_uri=redirect_uri, verifier=verifier)

    def refresh(self, client: Client, token_uri: str, refresh_token: Secret) -> Token:
        """Get a new access token; one request, never repeated."""
        return oauth.refresh(self._wire, client, token_uri, refresh_token)

    def revoke(self, revoke_uri: str, token: Secret) -> None:
        """End a grant at Google: everything the person granted to the whole project."""
        oauth.revoke(self._wire, revoke_uri, token)

    def _own_channel(self, token: Secret, parts: Sequence[str]) -> tuple[dict[str, Any], Answer, str] | None:
        call = self._calls.build("channels", "list", part=",".join(parts), mine=True)
        try:
            answer = self._ask(call, token)
        except UpstreamFailed as failure:
            if failure.reason == _NO_CHANNEL:
                return None
            raise
        channels = _items(require_object(answer, call.operation))
        return (channels[0], answer, call.operation) if channels else None

    def _send_track(
        self,
        token: Secret,
        method: str,
        resource: Mapping[str, Any],
        part: str,
        track: Media | None,
        progress: Callable[[int], None] | None,
        pace: Callable[[int], int] | None,
    ) -> dict[str, Any]:
        operation = f"captions.{method}"
        check_resource(operation, resource, (part,))
        if track is None:
            call = self._calls.build("captions", method, part=part, body=dict(resource))
            return _made(self._ask(call, token), operation)
        media = announced(operation, size=track.size, content_type=track.content_type)
        call = self._calls.build("captions", method, part=part, body=dict(resource), media_body=media)
        framed = frame(resource, track.content_type)
        body = FileBody(
            track.read, start=0, end=track.size, head=framed.head, tail=framed.tail, progress=progress, pace=pace
        )
        return _made(self._ask(call, token, {"content-type": framed.content_type}, body), operation)

    def _ask(
        self, call: Call, token: Secret, headers: Mapping[str, str] | None = None, body: Readable | None = None
    ) -> Answer:
        answer = self._wire.send(
            call.operation,
            call.method,
            call.url,
            headers={**call.headers, **(headers or {})},
            body=call.body if body is None else body,
            token=token,
        )
        if not answer.is_good:
            raise refused(answer, call.operation, hides=(token,))
        return answer


def _items(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    # Google leaves `items` out where there are none.
    items = table.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _page(table: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    following = table.get("nextPageToken")
    return _items(table), following if isinstance(following, str) else ""


def _made(answer: Answer, operation: str) -> dict[str, Any]:
    """Return the resource that a write answered with; one without an id says nothing about what was made."""
    resource = require_object(answer, operation)
    if not isinstance(resource.get("id"), str) or not resource["id"]:
        raise malformed(answer, operation, "what was made has no id")
    return resource


def _channel(resource: Mapping[str, Any], answer: Answer, operation: str) -> ChannelSeen:
    try:
        channel_id, title = resource["id"], resource["snippet"]["title"]
        playlist = resource.get("contentDetails", {}).get("relatedPlaylists", {}).get("uploads", "")
    except (KeyError, TypeError, AttributeError):
        raise malformed(answer, operation, "the channel in it has no id or title") from None
    if not (isinstance(channel_id, str) and channel_id and isinstance(title, str) and isinstance(playlist, str)):
        raise malformed(answer, operation, "the channel in it has no id or title")
    return ChannelSeen(channel_id=channel_id, title=title, uploads_playlist=playlist)


def _slug(name: str) -> str:
    # A header loses the spaces at its ends, so those are written out.
    inner = name.strip(" ")
    left, right = (len(name) - len(name.lstrip(" "))), (len(name) - len(name.rstrip(" ")))
    if not inner:
        return "%20" * len(name)
    # A name that is no UTF-8 keeps its bytes.
    return "%20" * left + quote(inner, safe=_PLAIN_IN_SLUG, errors="surrogateescape") + "%20" * right
