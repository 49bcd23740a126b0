"""The methods of the Data API that are played here; uploads have a file of their own."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ytpool.sandbox import resources
from ytpool.sandbox.bodies import back_end, not_played, plain
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.resources import upload_status
from ytpool.sandbox.rules import SETTABLE, check_languages, check_video, settable
from ytpool.sandbox.things import Video
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World

_IDS_AT_ONCE = 50
_OWNERS_PARTS = frozenset({"fileDetails", "processingDetails", "suggestions"})


class Api:
    """channels, videos and playlistItems."""

    def __init__(self, world: World, description: Description) -> None:
        self._world = world
        self._description = description
        self._played = {
            "channels.list": self.channels_list,
            "videos.list": self.videos_list,
            "videos.update": self.videos_update,
            "videos.delete": self.videos_delete,
            "playlistItems.list": self.playlist_items_list,
        }

    def answer(self, call: Call) -> Answer:
        """Do what an admitted call asks for."""
        played = self._played.get(call.method.name)
        if played is None:
            raise not_played(call.method.name)
        return played(call)

    def channels_list(self, call: Call) -> Answer:
        parts = self._parts(call)
        _one_filter(
            call, "id", "mine", others=("forHandle", "forUsername", "managedByMe", "mySubscribers", "categoryId")
        )
        ids = [call.caller.channel_id] if call.argument("mine") == "true" else _ids(call)
        found = [row for row in map(self._world.channels.get, ids) if row is not None]
        items = [
            resources.channel(row, parts, public_videos=sum(self._is_public(v, call) for v in self._of(row.channel_id)))
            for row in found
        ]
        return Answer(status=200, body=resources.listing("youtube#channelListResponse", items))

    def videos_list(self, call: Call) -> Answer:
        parts = self._parts(call)
        _one_filter(call, "id", others=("chart", "myRating"))
        found = [row for row in map(self._existing, _ids(call)) if row is not None]
        if parts & _OWNERS_PARTS and any(row.channel_id != call.caller.channel_id for row in found):
            message = (
                "The request cannot access the video's <code>fileDetails</code>, <code>processingDetails</code> or "
                "<code>suggestions</code>. Only the video's owner may retrieve them."
            )
            raise back_end(403, "youtube.video", "forbidden", message, location="part")
        items = [self.show(row, parts, call.caller.channel_id, call.now) for row in found if self._sees(call, row)]
        return Answer(status=200, body=resources.listing("youtube#videoListResponse", items))

    def videos_update(self, call: Call) -> Answer:
        parts = self._parts(call)
        resource = resource_of(call.request.body)
        self._description.check_resource(call.method, resource)
        check_expected(resource, parts)
        row = self._own(call, str(resource["id"]))
        given = {part: settable(resource, part) for part in parts if part in SETTABLE or part == "localizations"}
        published = row.was_public(call.now)
        check_video(call.method.name, given, published_before=published)
        # Leaving the privacy out of the part erases it, and what is erased falls back to public.
        if "status" in given:
            given["status"].setdefault("privacyStatus", "public")
        stored = {**row.parts, **given}
        check_languages(call.method.name, stored["snippet"], stored.get("localizations", {}))
        row = self._world.videos.put(replace(row, parts=stored, published_before=published))
        return Answer(status=200, body=self.show(row, parts, call.caller.channel_id, call.now))

    def videos_delete(self, call: Call) -> Answer:
        row = self._own(call, call.argument("id"))
        self._world.videos.put(replace(row, deleted_at=call.now))
        return Answer(status=204)

    def playlist_items_list(self, call: Call) -> Answer:
        parts = self._parts(call)
        _one_filter(call, "playlistId", others=("id",))
        playlist = call.argument("playlistId")
        owner = self._world.channels.get("UC" + playlist[2:]) if playlist.startswith("UU") else None
        if owner is None:
            raise plain("playlistNotFound", call.method.name, location="playlistId")
        late = timedelta(seconds=self._world.settings.get("listed_after", 0))
        rows = [
            row
            for row in reversed(self._of(owner.channel_id))
            if self._lists(call, row) and row.uploaded_at + late <= call.now
        ]
        per_page = int(call.argument("maxResults", "5"))
        start = _position(call)
        items = [
            resources.playlist_item(row, owner, start + index, parts, call.now)
            for index, row in enumerate(rows[start : start + per_page])
        ]
        more = {}
        if per_page and start + per_page < len(rows):
            more["nextPageToken"] = _page_token(start + per_page)
        if start > 0:
            more["prevPageToken"] = _page_token(max(0, start - per_page))
        body = resources.listing("youtube#playlistItemListResponse", items, total=len(rows), per_page=per_page, **more)
        return Answer(status=200, body=body)

    def show(self, row: Video, parts: frozenset[str], viewer: str, now: datetime) -> Json:
        """Show a video to the channel that asks."""
        title = self._world.channel(row.channel_id).title
        return resources.video(row, title, parts, now, self._world.settings, owner=row.channel_id == viewer)

    def _parts(self, call: Call) -> frozenset[str]:
        return self._description.check_parts(call.method.resource, call.parameters["part"])

    def _of(self, channel_id: str) -> list[Video]:
        return [row for row in self._world.videos.all() if row.channel_id == channel_id and row.deleted_at is None]

    def _existing(self, video_id: str) -> Video | None:
        row = self._world.videos.get(video_id)
        return None if row is None or row.deleted_at is not None else row

    def _own(self, call: Call, video_id: str) -> Video:
        row = self._existing(video_id)
        if row is None:
            raise plain("videoNotFound", call.method.name, location="id")
        if row.channel_id != call.caller.channel_id:
            raise plain("forbidden", call.method.name)
        return row

    def _is_public(self, row: Video, call: Call) -> bool:
        return row.privacy(call.now) == "public" and self._is_processed(row, call)

    def _is_processed(self, row: Video, call: Call) -> bool:
        return upload_status(row, call.now, self._world.settings) == "processed"

    def _sees(self, call: Call, row: Video) -> bool:
        if row.channel_id == call.caller.channel_id:
            return True
        return row.privacy(call.now) != "private" and self._is_processed(row, call)

    def _lists(self, call: Call, row: Video) -> bool:
        return row.channel_id == call.caller.channel_id or self._is_public(row, call)


def resource_of(body: bytes) -> Json:
    """Read a request's JSON, or refuse it."""
    if not body.strip():
        return {}
    try:
        resource = json.loads(body)
    except ValueError as error:
        raise back_end(400, "global", "parseError", f"Parse Error: {error}") from None
    if not isinstance(resource, dict):
        raise back_end(400, "global", "parseError", "Parse Error: the body is not an object")
    return resource


def check_expected(resource: Mapping[str, object], parts: frozenset[str]) -> None:
    """Refuse a body with a part that the `part` parameter does not name."""
    for name in resource:
        if name not in {"id", "kind", "etag"} and name not in parts:
            message = f"The request body holds the part '{name}', which the part parameter does not name."
            raise back_end(400, "youtube.part", "unexpectedPart", message, location="part")


def _one_filter(call: Call, *played: str, others: tuple[str, ...]) -> None:
    given = [name for name in (*played, *others) if name in call.parameters]
    if not given:
        message = f"No filter selected. Expected one of: {', '.join((*played, *others))}"
        raise back_end(
            400, "youtube.parameter", "missingRequiredParameter", message, location="parameters.", location_type="other"
        )
    if len(given) > 1:
        message = f"Incompatible parameters specified in the request: {', '.join(given)}"
        raise back_end(
            400, "youtube.parameter", "incompatibleParameters", message, location="parameters.", location_type="other"
        )
    if given[0] in others:
        raise not_played(f"{call.method.name} by {given[0]}")


def _ids(call: Call) -> list[str]:
    ids = call.parameters["id"]
    if len(ids) > _IDS_AT_ONCE:
        message = "The request specifies an invalid filter parameter."
        raise back_end(
            400, "youtube.parameter", "invalidFilters", message, location="parameters.", location_type="other"
        )
    return list(dict.fromkeys(ids))


def _page_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"at {position}".encode()).decode().rstrip("=")


def _position(call: Call) -> int:
    token = call.argument("pageToken")
    if not token:
        return 0
    try:
        word, position = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii").split()
        if word == "at":
            return int(position)
    except ValueError:  # the decoding errors are ValueErrors too
        pass
    message = "The request specifies an invalid page token."
    raise back_end(400, "youtube.parameter", "invalidPageToken", message, location="pageToken")
