"""How channels, videos, captions, playlists and comments look in an answer, part by part."""

import base64
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from ytpool.sandbox.things import Caption, Channel, Comment, Playlist, PlaylistItem, Thumbnail, Video
from ytpool.sandbox.wire import Json

PROCESSING_SECONDS = 20
"""How long a video is `uploaded` before it is `processed`, unless the setting `processing_seconds` says otherwise."""


def channel(row: Channel, parts: Collection[str], *, public_videos: int) -> Json:
    """Show a channel."""
    shown: dict[str, Json] = {
        "snippet": {
            "title": row.title,
            "description": "",
            "customUrl": f"@{row.channel_id.lower()}",
            "publishedAt": stamp(row.made_at),
            "thumbnails": _thumbnails(row.channel_id),
            "localized": {"title": row.title, "description": ""},
        },
        "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": row.uploads}},
        "statistics": {
            "viewCount": "0",
            "subscriberCount": "0",
            "hiddenSubscriberCount": False,
            "videoCount": str(public_videos),
        },
        "status": {"privacyStatus": "public", "isLinked": True, "longUploadsStatus": "allowed"},
        "brandingSettings": {"channel": {"title": row.title}},
    }
    return _resource("youtube#channel", row.channel_id, shown, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a video's look depends on beside the video: who looks, when, and what its owner has added to it."""

    title: str
    """The channel's."""
    now: datetime
    settings: Json
    owner: bool
    thumbnail: Thumbnail | None = None
    captioned: bool = False
    comments: int = 0


def video(row: Video, scene: Scene, parts: Collection[str]) -> Json:
    """Show a video."""
    status = upload_status(row, scene.now, scene.settings)
    shown: dict[str, Json] = {
        "snippet": _snippet(row, scene),
        "status": _status(row, scene, status),
        "contentDetails": {
            "duration": _duration(row.seconds) if status == "processed" else "P0D",
            "dimension": "2d",
            "definition": "hd" if min(row.width, row.height) >= 720 else "sd",
            "caption": "true" if scene.captioned else "false",
            "licensedContent": False,
            "contentRating": {},
            "projection": "rectangular",
            **({"hasCustomThumbnail": scene.thumbnail is not None} if scene.owner else {}),
        },
        "statistics": {**_counts(scene), "favoriteCount": "0"},
        "player": {
            "embedHtml": f'<iframe width="480" height="270" src="//www.youtube.com/embed/{row.video_id}"></iframe>'
        },
        "fileDetails": _file_details(row, scene),
        "processingDetails": _processing(row, scene, status),
        "suggestions": {"processingErrors": ["notAVideoFile"]}
        if (status, row.ends) == ("failed", "invalidFile")
        else {},
        "topicDetails": {},
        "recordingDetails": row.parts.get("recordingDetails", {}),
        "localizations": row.parts.get("localizations", {}),
        "paidProductPlacementDetails": row.parts.get("paidProductPlacementDetails", {}),
    }
    resource = _resource("youtube#video", row.video_id, shown, parts)
    return {**resource, "etag": video_etag(row)}


def video_stat(row: Video, scene: Scene, parts: Collection[str]) -> Json:
    """Show what is counted of a video."""
    processed = upload_status(row, scene.now, scene.settings) == "processed"
    shown: dict[str, Json] = {
        "snippet": {"publishTime": stamp(row.uploaded_at)},
        "contentDetails": {"duration": _duration(row.seconds) if processed else "P0D"},
        "statistics": _counts(scene),
    }
    return _resource("youtube#videoStats", row.video_id, shown, parts)


def _counts(scene: Scene) -> Json:
    names = {"viewCount": "video_views", "likeCount": "video_likes"}
    counted = {field: str(scene.settings.get(setting) or 0) for field, setting in names.items()}
    return {**counted, "commentCount": str(scene.comments)}


def video_etag(row: Video) -> str:
    """Name what the owner has written; whatever part it was asked with, it is the same."""
    return etag([row.video_id, row.parts])


def upload_item(row: Video, owner: Channel, position: int, parts: Collection[str], now: datetime) -> Json:
    """Show a video as an entry of its channel's uploads."""
    return _item(
        upload_item_id(owner, row), (owner, owner.uploads), (row, owner), position, row.uploaded_at, {}, parts, now
    )


def upload_item_id(owner: Channel, row: Video) -> str:
    return base64.urlsafe_b64encode(f"{owner.uploads}.{row.video_id}".encode()).decode().rstrip("=")


def playlist_item(
    row: PlaylistItem, adder: Channel, video: Video, owner: Channel, parts: Collection[str], now: datetime
) -> Json:
    """Show an entry of a playlist that somebody made."""
    about = (adder, row.playlist_id)
    return _item(row.item_id, about, (video, owner), row.position, row.added_at, row.details, parts, now)


def _item(
    key: str,
    playlist: tuple[Channel, str],
    entry: tuple[Video, Channel],
    position: int,
    added_at: datetime,
    details: Json,
    parts: Collection[str],
    now: datetime,
) -> Json:
    adder, playlist_id = playlist
    row, owner = entry
    gone = row.deleted_at is not None
    hidden = gone or (row.privacy(now) == "private" and adder.channel_id != row.channel_id)
    title = "Deleted video" if gone else "Private video" if hidden else row.parts["snippet"]["title"]
    owned = {} if hidden else {"videoOwnerChannelTitle": owner.title, "videoOwnerChannelId": owner.channel_id}
    shown: dict[str, Json] = {
        "snippet": {
            "publishedAt": stamp(added_at),
            "channelId": adder.channel_id,
            "title": title,
            "description": "" if hidden else row.parts["snippet"].get("description", ""),
            "thumbnails": {} if hidden else _thumbnails(row.video_id),
            "channelTitle": adder.title,
            "playlistId": playlist_id,
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": row.video_id},
            **owned,
        },
        "contentDetails": {
            "videoId": row.video_id,
            **details,
            **({} if hidden else {"videoPublishedAt": stamp(row.uploaded_at)}),
        },
        "status": {"privacyStatus": "private" if hidden else row.privacy(now)},
    }
    return _resource("youtube#playlistItem", key, shown, parts)


def playlist(row: Playlist, owner: Channel, count: int, parts: Collection[str]) -> Json:
    """Show a playlist that holds so many items."""
    own = row.parts["snippet"]
    written = {"title": own["title"], "description": own.get("description", "")}
    shown: dict[str, Json] = {
        "snippet": {
            "publishedAt": stamp(row.made_at),
            "channelId": row.channel_id,
            **written,
            "thumbnails": _thumbnails(row.playlist_id),
            "channelTitle": owner.title,
            **({"defaultLanguage": own["defaultLanguage"]} if own.get("defaultLanguage") else {}),
            "localized": written,
        },
        "status": dict(row.parts["status"]),
        "contentDetails": {"itemCount": count},
        "player": {"embedHtml": f'<iframe src="//www.youtube.com/embed/videoseries?list={row.playlist_id}"></iframe>'},
        "localizations": row.parts.get("localizations", {}),
    }
    return _resource("youtube#playlist", row.playlist_id, shown, parts)


def comment_thread(
    row: Comment, top: Json, replies: list[Json], count: int, parts: Collection[str], *, can_reply: bool
) -> Json:
    """Show a thread: its first comment, and some of the replies to it."""
    shown: dict[str, Json] = {
        "snippet": {
            "channelId": row.owner_id,
            "videoId": row.video_id,
            "topLevelComment": top,
            "canReply": can_reply,
            "totalReplyCount": count,
            "isPublic": True,
        },
        **({"replies": {"comments": replies}} if replies else {}),
    }
    return _resource("youtube#commentThread", row.comment_id, shown, parts)


def comment(
    row: Comment, author: Channel, parts: Collection[str], *, original: bool, standing: bool, html: bool
) -> Json:
    """Show a comment; `original` is the text as it was written, which only its author is sure to see."""
    text = escape(row.text, quote=False).replace("\n", "<br>") if html else row.text
    shown: dict[str, Json] = {
        "snippet": {
            "channelId": row.owner_id,
            "videoId": row.video_id,
            "textDisplay": text,
            **({"textOriginal": row.text} if original else {}),
            **({"parentId": row.parent_id} if row.parent_id else {}),
            "authorDisplayName": f"@{author.title}",
            "authorProfileImageUrl": "",
            "authorChannelUrl": f"http://www.youtube.com/channel/{author.channel_id}",
            "authorChannelId": {"value": author.channel_id},
            "canRate": True,
            "viewerRating": "none",
            "likeCount": 0,
            **({"moderationStatus": row.standing} if standing else {}),
            "publishedAt": stamp(row.posted_at),
            "updatedAt": stamp(row.updated_at),
        }
    }
    return _resource("youtube#comment", row.comment_id, shown, parts)


def caption(row: Caption, parts: Collection[str]) -> Json:
    """Show a caption track."""
    shown: dict[str, Json] = {
        "snippet": {
            "videoId": row.video_id,
            "lastUpdated": stamp(row.updated_at),
            "trackKind": "standard",
            "language": row.language,
            "name": row.name,
            "audioTrackType": "unknown",
            "isCC": False,
            "isLarge": False,
            "isEasyReader": False,
            "isDraft": row.draft,
            "isAutoSynced": False,
            "status": "failed" if row.fault else "serving",
            **({"failureReason": row.fault} if row.fault else {}),
        }
    }
    return _resource("youtube#caption", row.caption_id, shown, parts)


def thumbnail_set(row: Thumbnail, *, short: bool) -> Json:
    """Show what became of a picture."""
    sizes = _thumbnails(row.video_id)
    if short:
        url = f"https://i.ytimg.com/vi/{row.video_id}/oardefault.jpg"
        sizes["shortsAspectRatio"] = {"url": url, "width": 1080, "height": 1920}
    return {"kind": "youtube#thumbnailSetResponse", "etag": etag([row.thumbnail_id]), "items": [sizes]}


def listing(
    kind: str, items: list[Json], *, total: int | None = None, per_page: int | None = None, **more: str
) -> Json:
    """Wrap resources as every list method does."""
    count = len(items) if total is None else total
    page = {"totalResults": count, "resultsPerPage": len(items) if per_page is None else per_page}
    return {"kind": kind, "etag": etag(items), **more, "items": items, "pageInfo": page}


FAILURES = frozenset({"conversion", "invalidFile", "emptyFile", "tooSmall", "codec", "uploadAborted"})
REJECTIONS = frozenset(
    {
        "copyright",
        "inappropriate",
        "duplicate",
        "termsOfUse",
        "uploaderAccountSuspended",
        "length",
        "claim",
        "uploaderAccountClosed",
        "trademark",
        "legal",
    }
)
"""How a video may end other than processed."""


def upload_status(row: Video, now: datetime, settings: Json) -> str:
    """Return how far YouTube is with a video."""
    if row.bytes == 0:
        return "failed"
    if now < row.uploaded_at + _processing_takes(row, settings):
        return "uploaded"
    return "failed" if row.ends in FAILURES else "rejected" if row.ends in REJECTIONS else "processed"


def is_listed(row: Video, now: datetime, settings: Json) -> bool:
    """Tell whether a video has reached its channel's uploads playlist."""
    return now >= row.uploaded_at + _span(row.listed_after, settings.get("listed_after"))


def _processing_takes(row: Video, settings: Json) -> timedelta:
    return _span(row.processing_for, settings.get("processing_seconds"), PROCESSING_SECONDS)


def _span(*seconds: float | None) -> timedelta:
    """Return the first of several spans that is given."""
    return timedelta(seconds=next((each for each in seconds if each is not None), 0))


def stamp(moment: datetime) -> str:
    """Write a moment as YouTube does: whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def etag(value: Any) -> str:
    digest = hashlib.sha1(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _resource(kind: str, key: str, shown: dict[str, Json], parts: Collection[str]) -> Json:
    chosen = {part: shown[part] for part in shown if part in parts}
    return {"kind": kind, "etag": etag([key, chosen]), "id": key, **chosen}


def _snippet(row: Video, scene: Scene) -> Json:
    own = row.parts["snippet"]
    return {
        "publishedAt": stamp(row.uploaded_at),
        "channelId": row.channel_id,
        "title": own["title"],
        "description": own.get("description", ""),
        "thumbnails": _thumbnails(row.video_id),
        "channelTitle": scene.title,
        **({"tags": own["tags"]} if own.get("tags") else {}),
        "categoryId": own.get("categoryId", "22"),
        "liveBroadcastContent": "none",
        **{name: own[name] for name in ("defaultLanguage", "defaultAudioLanguage") if own.get(name)},
        "localized": {"title": own["title"], "description": own.get("description", "")},
    }


def _status(row: Video, scene: Scene, status: str) -> Json:
    own = row.parts["status"]
    said = own.get("selfDeclaredMadeForKids", False)
    date = row.publish_at()
    return {
        "uploadStatus": status,
        **({"failureReason": row.ends or "emptyFile"} if status == "failed" else {}),
        **({"rejectionReason": row.ends} if status == "rejected" else {}),
        "privacyStatus": row.privacy(scene.now),
        **({"publishAt": stamp(date)} if date is not None and date > scene.now else {}),
        "license": own.get("license", "youtube"),
        "embeddable": own.get("embeddable", True),
        "publicStatsViewable": own.get("publicStatsViewable", True),
        "madeForKids": said if row.decided_for_kids is None else row.decided_for_kids,
        **({"selfDeclaredMadeForKids": said} if scene.owner else {}),
        "containsSyntheticMedia": own.get("containsSyntheticMedia", False),
    }


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    return "PT" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0S")


def _file_details(row: Video, scene: Scene) -> Json:
    if not _file_known(row, scene):
        return {}
    picture = {"widthPixels": row.width, "heightPixels": row.height, "aspectRatio": round(row.width / row.height, 3)}
    return {
        **({"fileName": row.file_name} if row.file_name else {}),
        "fileSize": str(row.bytes),
        "fileType": "video" if row.bytes else "other",
        **({"durationMs": str(round(row.seconds * 1000)), "videoStreams": [picture]} if row.bytes else {}),
    }


def _file_known(row: Video, scene: Scene) -> bool:
    late = _span(row.file_details_after, scene.settings.get("file_details_after"))
    return scene.now >= row.uploaded_at + late


def _processing(row: Video, scene: Scene, status: str) -> Json:
    takes = _processing_takes(row, scene.settings)
    done_at = row.uploaded_at + takes
    known_for = scene.settings.get("processing_known_for")
    if status != "uploaded" and known_for is not None and scene.now >= done_at + timedelta(seconds=known_for):
        return {"processingStatus": "terminated"}
    processing = {"uploaded": "processing", "processed": "succeeded", "rejected": "succeeded"}.get(status, "failed")
    availability = "inProgress" if processing == "processing" else "available"
    return {
        "processingStatus": processing,
        **({"processingProgress": _progress(row, takes, scene.now)} if processing == "processing" else {}),
        **({"processingFailureReason": _FAILED_IN.get(row.ends, "other")} if processing == "failed" else {}),
        "fileDetailsAvailability": "available" if _file_known(row, scene) else "inProgress",
        "processingIssuesAvailability": availability,
        "tagSuggestionsAvailability": availability,
        "editorSuggestionsAvailability": availability,
        "thumbnailsAvailability": availability,
    }


_FAILED_IN = {"conversion": "transcodeFailed", "codec": "transcodeFailed", "uploadAborted": "uploadFailed"}


def _progress(row: Video, takes: timedelta, now: datetime) -> Json:
    past = now - row.uploaded_at
    return {
        "partsTotal": "100",
        "partsProcessed": str(int(100 * (past / takes))),
        "timeLeftMs": str(int((takes - past) / timedelta(milliseconds=1))),
    }


def _thumbnails(key: str) -> Json:
    return {"default": {"url": f"https://i.ytimg.com/vi/{key}/default.jpg", "width": 120, "height": 90}}
