"""Playlists and what is in them: those that somebody made, and the one of everything a channel uploaded."""

import re
from dataclasses import replace

from ytpool.sandbox import asking, resources
from ytpool.sandbox.bodies import Refused, plain
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.resources import is_listed
from ytpool.sandbox.rules import DESCRIPTION_BYTES
from ytpool.sandbox.things import Channel, Playlist, PlaylistItem, Video
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World

TITLE_CHARACTERS = 150
NOTE_CHARACTERS = 280
HOLDS = 5000
"""Videos in a playlist, unless the setting `playlist_holds` says otherwise."""

_ITEMS = "youtube#playlistItemListResponse"


class Playlists:
    """The methods of `playlists` and `playlistItems`."""

    def __init__(self, world: World, description: Description, videos: Videos) -> None:
        self._world = world
        self._description = description
        self._videos = videos

    # -- playlists --------------------------------------------------------------------------------------------------

    def find(self, call: Call) -> Answer:
        parts = self._parts(call)
        asking.one_filter(call, "id", "mine", "channelId")
        if "id" in call.parameters:
            found = [row for row in map(self._existing, asking.ids(call)) if row is not None and _sees(call, row)]
        else:
            channel_id = call.argument("channelId") or call.caller.channel_id
            public = channel_id != call.caller.channel_id
            found = [
                row
                for row in reversed(self._world.playlists.all())
                if row.channel_id == channel_id
                and row.deleted_at is None
                and self._world.is_listed("playlists", row.made_at, call.now)
                and not (public and row.parts["status"]["privacyStatus"] != "public")
            ]
        body = asking.page(call, "youtube#playlistListResponse", found, lambda _, row: self._show(row, parts))
        return Answer(status=200, body=body)

    def insert(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        _check_playlist(call, resource)
        most = self._world.settings.get("playlists_per_channel")
        if most is not None and len(self._of(call.caller.channel_id)) >= most:
            raise plain("maxPlaylistExceeded", call.method.name, mistake=False)
        row = self._world.playlists.put(
            Playlist(
                playlist_id="PL" + self._world.new_id("playlist", 32),
                channel_id=call.caller.channel_id,
                parts=_written(resource, {}),
                made_at=call.now,
            )
        )
        return Answer(status=200, body=self._show(row, parts))

    def update(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        row = self._own(call, str(resource.get("id") or ""), "id")
        _check_playlist(call, resource)
        row = self._world.playlists.put(replace(row, parts=_written(resource, row.parts)))
        return Answer(status=200, body=self._show(row, parts))

    def delete(self, call: Call) -> Answer:
        row = self._own(call, call.argument("id"), "id")
        self._world.playlists.put(replace(row, deleted_at=call.now))
        for item in self._items(row.playlist_id):
            self._world.playlist_items.drop(item.item_id)
        return Answer(status=204)

    # -- what is in them --------------------------------------------------------------------------------------------

    def find_items(self, call: Call) -> Answer:
        parts = self._parts(call)
        asking.one_filter(call, "playlistId", "id")
        only = call.argument("videoId")
        if "id" in call.parameters:
            rows = [row for row in map(self._world.playlist_items.get, asking.ids(call)) if row is not None]
            rows = [row for row in rows if self._may_read(call, row.playlist_id)]
            return Answer(status=200, body=asking.page(call, _ITEMS, rows, lambda _, row: self._item(call, row, parts)))
        playlist_id = call.argument("playlistId")
        uploader = self._uploader(playlist_id)
        if uploader is not None:
            found = [row for row in self._uploads(call, uploader) if only in {"", row.video_id}]
            body = asking.page(
                call, _ITEMS, found, lambda at, row: resources.upload_item(row, uploader, at, parts, call.now)
            )
            return Answer(status=200, body=body)
        if not self._may_read(call, playlist_id):
            raise plain("playlistItemsNotAccessible", call.method.name, location="playlistId")
        rows = [
            row
            for row in self._items(playlist_id)
            if only in {"", row.video_id} and self._world.is_listed("playlist_items", row.added_at, call.now)
        ]
        return Answer(status=200, body=asking.page(call, _ITEMS, rows, lambda _, row: self._item(call, row, parts)))

    def insert_item(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        snippet = resource["snippet"]
        into, video = self._into(call, snippet), self._video(call, snippet)
        _check_details(call, resource)
        items = self._items(into.playlist_id)
        if len(items) >= (self._world.settings.get("playlist_holds") or HOLDS):
            raise plain("playlistContainsMaximumNumberOfVideos", call.method.name, mistake=False)
        if self._world.settings.get("videos_once_per_playlist") and video.video_id in {row.video_id for row in items}:
            raise plain("videoAlreadyInPlaylist", call.method.name, mistake=False)
        position = self._position(call, snippet, len(items))
        row = PlaylistItem(
            item_id=into.playlist_id[2:] + "." + self._world.new_id("item", 16),
            playlist_id=into.playlist_id,
            channel_id=call.caller.channel_id,
            video_id=video.video_id,
            position=len(items) if position is None else position,
            details=_details(resource),
            added_at=call.now,
        )
        self._place(row, items)
        return Answer(status=200, body=self._item(call, row, parts))

    def update_item(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        row = self._own_item(call, str(resource.get("id") or ""))
        snippet = resource["snippet"]
        if (
            self._into(call, snippet).playlist_id != row.playlist_id
            or self._video(call, snippet).video_id != row.video_id
        ):
            raise plain("invalid", call.method.name, location="body.snippet")
        _check_details(call, resource)
        others = [each for each in self._items(row.playlist_id) if each.item_id != row.item_id]
        position = self._position(call, snippet, len(others))
        details = _details(resource) if "contentDetails" in parts else row.details
        row = replace(row, details=details, position=row.position if position is None else position)
        self._place(row, others)
        return Answer(status=200, body=self._item(call, row, parts))

    def delete_item(self, call: Call) -> Answer:
        row = self._own_item(call, call.argument("id"))
        self._world.playlist_items.drop(row.item_id)
        self._number(self._items(row.playlist_id))
        return Answer(status=204)

    # -- finding ----------------------------------------------------------------------------------------------------

    def _parts(self, call: Call) -> frozenset[str]:
        return self._description.check_parts(call.method.resource, call.parameters["part"])

    def _existing(self, playlist_id: str) -> Playlist | None:
        row = self._world.playlists.get(playlist_id)
        return None if row is None or row.deleted_at is not None else row

    def _of(self, channel_id: str) -> list[Playlist]:
        return [row for row in self._world.playlists.all() if row.channel_id == channel_id and row.deleted_at is None]

    def _own(self, call: Call, playlist_id: str, location: str) -> Playlist:
        if self._uploader(playlist_id) is not None:
            raise plain("playlistOperationUnsupported", call.method.name, location=location)
        row = self._existing(playlist_id)
        if row is None:
            raise plain("playlistNotFound", call.method.name, location=location)
        if row.channel_id != call.caller.channel_id:
            raise plain(
                "playlistItemsNotAccessible" if call.method.resource == "playlistItems" else "forbidden",
                call.method.name,
            )
        return row

    def _uploader(self, playlist_id: str) -> Channel | None:
        return self._world.channels.get("UC" + playlist_id[2:]) if playlist_id.startswith("UU") else None

    def _uploads(self, call: Call, owner: Channel) -> list[Video]:
        return [
            row
            for row in reversed(self._videos.of(owner.channel_id))
            if is_listed(row, call.now, self._world.settings)
            and (row.channel_id == call.caller.channel_id or self._videos.is_public(call, row))
        ]

    def _may_read(self, call: Call, playlist_id: str) -> bool:
        row = self._existing(playlist_id)
        if row is None:
            raise plain("playlistNotFound", call.method.name, location="playlistId")
        return _sees(call, row)

    def _items(self, playlist_id: str) -> list[PlaylistItem]:
        rows = [row for row in self._world.playlist_items.all() if row.playlist_id == playlist_id]
        return sorted(rows, key=lambda row: row.position)

    def _own_item(self, call: Call, item_id: str) -> PlaylistItem:
        row = self._world.playlist_items.get(item_id)
        if row is None:
            raise self._no_such_item(call, item_id)
        self._own(call, row.playlist_id, "id")
        return row

    def _no_such_item(self, call: Call, item_id: str) -> Refused:
        mine = self._world.channel(call.caller.channel_id)
        if item_id in {resources.upload_item_id(mine, row) for row in self._videos.of(mine.channel_id)}:
            return plain("playlistOperationUnsupported", call.method.name, location="id")
        return plain("notFound", call.method.name, location="id")

    def _into(self, call: Call, snippet: Json) -> Playlist:
        return self._own(call, snippet["playlistId"], "body.snippet.playlistId")

    def _video(self, call: Call, snippet: Json) -> Video:
        thing = snippet["resourceId"]
        if thing.get("kind") != "youtube#video":
            raise plain("invalidResourceType", call.method.name, location="body.snippet.resourceId.kind")
        row = self._videos.existing(thing.get("videoId") or "")
        if row is None or not self._videos.sees(call, row):
            raise plain("videoNotFound", call.method.name, location="body.snippet.resourceId.videoId")
        return row

    def _position(self, call: Call, snippet: Json, last: int) -> int | None:
        position = snippet.get("position")
        if position is None:
            return None
        if self._world.settings.get("sorted_by_date"):
            raise plain("manualSortRequired", call.method.name, location="body.snippet.position")
        if position > last:
            raise plain("invalidPlaylistItemPosition", call.method.name, location="body.snippet.position")
        return int(position)

    # -- putting in order -------------------------------------------------------------------------------------------

    def _place(self, row: PlaylistItem, others: list[PlaylistItem]) -> None:
        self._world.playlist_items.put(row)
        self._number([*others[: row.position], row, *others[row.position :]])

    def _number(self, rows: list[PlaylistItem]) -> None:
        for position, row in enumerate(rows):
            if row.position != position:
                self._world.playlist_items.put(replace(row, position=position))

    def _show(self, row: Playlist, parts: frozenset[str]) -> Json:
        owner = self._world.channel(row.channel_id)
        return resources.playlist(row, owner, len(self._items(row.playlist_id)), parts)

    def _item(self, call: Call, row: PlaylistItem, parts: frozenset[str]) -> Json:
        video = self._world.videos.get(row.video_id)
        assert video is not None  # a video is never forgotten, only marked as deleted
        adder, owner = self._world.channel(row.channel_id), self._world.channel(video.channel_id)
        return resources.playlist_item(row, adder, video, owner, parts, call.now)


def _sees(call: Call, row: Playlist) -> bool:
    return row.channel_id == call.caller.channel_id or row.parts["status"]["privacyStatus"] != "private"


def _written(resource: Json, stored: dict[str, Json]) -> dict[str, Json]:
    """Return a playlist's parts after a write: a part that is sent replaces what was stored."""
    given = {name: resource[name] for name in ("snippet", "status", "localizations") if resource.get(name) is not None}
    if "snippet" in given:
        fields = ("title", "description", "defaultLanguage")
        given["snippet"] = {name: value for name, value in given["snippet"].items() if name in fields}
    if "status" in given or not stored:
        given["status"] = {"privacyStatus": "public"} | given.get("status", {})
    return {**stored, **given}


def _check_playlist(call: Call, resource: Json) -> None:
    snippet = resource.get("snippet") or {}
    title, description = snippet.get("title") or "", snippet.get("description") or ""
    if not title.strip() or len(title) > TITLE_CHARACTERS or re.search("[<>]", title):
        raise plain("invalid", call.method.name, location="body.snippet.title")
    if len(description.encode()) > DESCRIPTION_BYTES or re.search("[<>]", description):
        raise plain("invalid", call.method.name, location="body.snippet.description")
    if resource.get("localizations") and not snippet.get("defaultLanguage"):
        raise plain("defaultLanguageNotSet", call.method.name)


def _check_details(call: Call, resource: Json) -> None:
    if len(_details(resource).get("note", "")) > NOTE_CHARACTERS:
        raise plain("invalidContentDetails", call.method.name, location="body.contentDetails.note")


def _details(resource: Json) -> Json:
    given = resource.get("contentDetails") or {}
    return {name: given[name] for name in ("note", "startAt", "endAt") if given.get(name) is not None}
