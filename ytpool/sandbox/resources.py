"""How channels, videos and playlist items look in an answer, part by part."""

import base64
import hashlib
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from ytpool.sandbox.things import Channel, Video
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


def video(row: Video, title: str, parts: Collection[str], now: datetime, settings: Json, *, owner: bool) -> Json:
    """Show a video of a channel with this title, to its owner or to somebody else."""
    shown: dict[str, Json] = {
        "snippet": _snippet(row, title),
        "status": _status(row, now, settings, owner=owner),
        "contentDetails": {
            "duration": "P0D" if upload_status(row, now, settings) == "uploaded" else "PT10S",
            "dimension": "2d",
            "definition": "hd",
            "caption": "false",
            "licensedContent": False,
            "contentRating": {},
            "projection": "rectangular",
        },
        "statistics": {"viewCount": "0", "likeCount": "0", "favoriteCount": "0", "commentCount": "0"},
        "player": {
            "embedHtml": f'<iframe width="480" height="270" src="//www.youtube.com/embed/{row.video_id}"></iframe>'
        },
        "fileDetails": _file_details(row, now, settings),
        "processingDetails": _processing(row, now, settings),
        "suggestions": {},
        "topicDetails": {},
        "recordingDetails": row.parts.get("recordingDetails", {}),
        "localizations": row.parts.get("localizations", {}),
        "paidProductPlacementDetails": row.parts.get("paidProductPlacementDetails", {}),
    }
    return _resource("youtube#video", row.video_id, shown, parts)


def playlist_item(row: Video, owner: Channel, position: int, parts: Collection[str], now: datetime) -> Json:
    """Show a video as an entry of its channel's uploads."""
    shown: dict[str, Json] = {
        "snippet": {
            "publishedAt": stamp(row.uploaded_at),
            "channelId": row.channel_id,
            "title": row.parts["snippet"]["title"],
            "description": row.parts["snippet"].get("description", ""),
            "thumbnails": _thumbnails(row.video_id),
            "channelTitle": owner.title,
            "playlistId": owner.uploads,
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": row.video_id},
            "videoOwnerChannelTitle": owner.title,
            "videoOwnerChannelId": row.channel_id,
        },
        "contentDetails": {"videoId": row.video_id, "videoPublishedAt": stamp(row.uploaded_at)},
        "status": {"privacyStatus": row.privacy(now)},
    }
    name = base64.urlsafe_b64encode(f"{owner.uploads}.{row.video_id}".encode()).decode().rstrip("=")
    return _resource("youtube#playlistItem", name, shown, parts)


def listing(
    kind: str, items: list[Json], *, total: int | None = None, per_page: int | None = None, **more: str
) -> Json:
    """Wrap resources as every list method does."""
    count = len(items) if total is None else total
    page = {"totalResults": count, "resultsPerPage": len(items) if per_page is None else per_page}
    return {"kind": kind, "etag": etag(items), **more, "items": items, "pageInfo": page}


def upload_status(row: Video, now: datetime, settings: Json) -> str:
    """Return how far YouTube is with a video."""
    if row.bytes == 0:
        return "failed"
    seconds = settings.get("processing_seconds", PROCESSING_SECONDS)
    return "processed" if now >= row.uploaded_at + timedelta(seconds=seconds) else "uploaded"


def stamp(moment: datetime) -> str:
    """Write a moment as YouTube does: whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def etag(value: Any) -> str:
    digest = hashlib.sha1(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _resource(kind: str, key: str, shown: dict[str, Json], parts: Collection[str]) -> Json:
    chosen = {part: shown[part] for part in shown if part in parts}
    return {"kind": kind, "etag": etag([key, chosen]), "id": key, **chosen}


def _snippet(row: Video, title: str) -> Json:
    own = row.parts["snippet"]
    return {
        "publishedAt": stamp(row.uploaded_at),
        "channelId": row.channel_id,
        "title": own["title"],
        "description": own.get("description", ""),
        "thumbnails": _thumbnails(row.video_id),
        "channelTitle": title,
        **({"tags": own["tags"]} if own.get("tags") else {}),
        "categoryId": own.get("categoryId", "22"),
        "liveBroadcastContent": "none",
        **{name: own[name] for name in ("defaultLanguage", "defaultAudioLanguage") if own.get(name)},
        "localized": {"title": own["title"], "description": own.get("description", "")},
    }


def _status(row: Video, now: datetime, settings: Json, *, owner: bool) -> Json:
    own = row.parts["status"]
    kids = own.get("selfDeclaredMadeForKids", False)
    status = upload_status(row, now, settings)
    date = row.publish_at()
    return {
        "uploadStatus": status,
        **({"failureReason": "emptyFile"} if status == "failed" else {}),
        "privacyStatus": row.privacy(now),
        **({"publishAt": stamp(date)} if date is not None and date > now else {}),
        "license": own.get("license", "youtube"),
        "embeddable": own.get("embeddable", True),
        "publicStatsViewable": own.get("publicStatsViewable", True),
        "madeForKids": kids,
        **({"selfDeclaredMadeForKids": kids} if owner else {}),
        "containsSyntheticMedia": own.get("containsSyntheticMedia", False),
    }


def _file_details(row: Video, now: datetime, settings: Json) -> Json:
    if not _file_known(row, now, settings):
        return {}
    return {
        **({"fileName": row.file_name} if row.file_name else {}),
        "fileSize": str(row.bytes),
        "fileType": "video" if row.bytes else "other",
    }


def _file_known(row: Video, now: datetime, settings: Json) -> bool:
    return now >= row.uploaded_at + timedelta(seconds=settings.get("file_details_after", 0))


def _processing(row: Video, now: datetime, settings: Json) -> Json:
    status = {"uploaded": "processing", "processed": "succeeded", "failed": "failed"}[upload_status(row, now, settings)]
    done = "available" if status == "succeeded" else "inProgress"
    return {
        "processingStatus": status,
        **({"processingProgress": {"partsTotal": "100", "partsProcessed": "50"}} if status == "processing" else {}),
        **({"processingFailureReason": "other"} if status == "failed" else {}),
        "fileDetailsAvailability": "available" if _file_known(row, now, settings) else "inProgress",
        "processingIssuesAvailability": done,
        "tagSuggestionsAvailability": done,
        "editorSuggestionsAvailability": done,
        "thumbnailsAvailability": done,
    }


def _thumbnails(key: str) -> Json:
    return {"default": {"url": f"https://i.ytimg.com/vi/{key}/default.jpg", "width": 120, "height": 90}}
