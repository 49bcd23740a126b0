"""The Data API, and the door to everything else at Google: `rt.youtube` is a `YouTube`.

Each method sends exactly one request. What Google refuses, or does not answer, is `UpstreamFailed`; what would be
refused anyway is said before it costs anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ytpool.domain.logins import ChannelSeen, Client, Token
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Moved
from ytpool.errors import FileInvalid, MetadataInvalid, UpstreamFailed, UsageWrong
from ytpool.youtube import oauth
from ytpool.youtube.answers import Answer, malformed, refused, require_object
from ytpool.youtube.calls import Announced, Call, Calls, accepts, check_video
from ytpool.youtube.uploads import ask as ask_session
from ytpool.youtube.uploads import send as send_file
from ytpool.youtube.uploads import session_address
from ytpool.youtube.wire import Wire, require_safe

IDS_PER_CALL = 50
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
        call = self._calls.build("channels", "list", part="snippet,contentDetails", mine=True)
        try:
            answer = self._ask(call, token)
        except UpstreamFailed as failure:
            if failure.reason == _NO_CHANNEL:
                return None
            raise
        table = require_object(answer, call.operation)
        channels = _items(table)
        if not channels:
            return None
        return _channel(channels[0], answer, call.operation)

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
        call = self._calls.build(
            "playlistItems",
            "list",
            part="snippet,contentDetails",
            playlistId=playlist_id,
            maxResults=IDS_PER_CALL,
            pageToken=page or None,
        )
        table = require_object(self._ask(call, token), call.operation)
        following = table.get("nextPageToken")
        return _items(table), following if isinstance(following, str) else ""

    def update_video(self, token: Secret, body: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
        """Replace whole parts of a video; a mutable field that a sent part leaves out is erased."""
        check_video(body, parts, "videos.update")
        call = self._calls.build("videos", "update", part=",".join(parts), body=dict(body))
        return require_object(self._ask(call, token), call.operation)

    def delete_video(self, token: Secret, video_id: str) -> None:
        call = self._calls.build("videos", "delete", id=video_id)
        self._ask(call, token)

    # Uploads

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
        check_video(body, parts, "videos.insert")
        if not body.get("status", {}).get("privacyStatus"):
            raise MetadataInvalid("a video without privacyStatus would be public", field="status.privacyStatus")
        if size < 1:
            raise FileInvalid("the file is empty")
        if not accepts(content_type):
            raise FileInvalid(f"YouTube takes no files of type {content_type}", content_type=content_type)
        call = self._calls.build(
            "videos",
            "insert",
            part=",".join(parts),
            notifySubscribers=notify,
            body=dict(body),
            media_body=Announced(size=size, content_type=content_type),
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

    def _ask(self, call: Call, token: Secret, headers: Mapping[str, str] | None = None) -> Answer:
        answer = self._wire.send(
            call.operation,
            call.method,
            call.url,
            headers={**call.headers, **(headers or {})},
            body=call.body,
            token=token,
        )
        if not answer.is_good:
            raise refused(answer, call.operation, hides=(token,))
        return answer


def _items(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    # Google leaves `items` out where there are none.
    items = table.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


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
