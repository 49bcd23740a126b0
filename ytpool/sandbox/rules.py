"""What YouTube refuses in a video's metadata beyond the discovery document, with the reason it names."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from ytpool.domain import moments
from ytpool.sandbox.bodies import plain
from ytpool.sandbox.wire import Json

TITLE_CHARACTERS = 100
DESCRIPTION_BYTES = 5000
TAGS_CHARACTERS = 500
FILE_NAME_BYTES = 1024
CATEGORIES = frozenset(["1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"])

# Per part, the fields an owner may set; everything else in a part is YouTube's.
SETTABLE: Mapping[str, Collection[str]] = {
    "snippet": ("title", "description", "tags", "categoryId", "defaultLanguage", "defaultAudioLanguage"),
    "status": (
        "privacyStatus",
        "publishAt",
        "license",
        "embeddable",
        "publicStatsViewable",
        "selfDeclaredMadeForKids",
        "containsSyntheticMedia",
    ),
    "recordingDetails": ("recordingDate",),
    "paidProductPlacementDetails": ("hasPaidProductPlacement",),
}


def settable(resource: Json, part: str) -> Json:
    """Return the fields of a part that its owner may set, as given; a null is a field that is not there."""
    given = {name: value for name, value in (resource.get(part) or {}).items() if value is not None}
    if part == "localizations":
        return given
    return {name: value for name, value in given.items() if name in SETTABLE[part]}


def check_video(method: str, parts: Mapping[str, Json], *, published_before: bool) -> None:
    """Refuse what YouTube would refuse in the parts that a call sets."""
    if "snippet" in parts:
        _check_snippet(method, parts["snippet"])
    if "status" in parts:
        _check_publish_at(method, parts["status"], published_before=published_before)
    if "recordingDetails" in parts and not _is_moment(parts["recordingDetails"].get("recordingDate")):
        raise plain("invalidRecordingDetails", method, location="body.recordingDetails")
    for localized in parts.get("localizations", {}).values():
        if not localized.get("title"):
            raise plain("invalidVideoMetadata", method)


def check_languages(method: str, snippet: Json, localizations: Json) -> None:
    """Refuse translations of a video that does not say what they translate."""
    if localizations and not snippet.get("defaultLanguage"):
        raise plain("defaultLanguageNotSet", method)


def tags_length(tags: Collection[str]) -> int:
    """Count tags as YouTube does: commas between them, and quotes around those that hold a space."""
    return len(",".join(f'"{tag}"' if " " in tag else tag for tag in tags))


def file_name(slug: str) -> str:
    """Read the `Slug` header, or refuse it."""
    raw = unquote_to_bytes(slug)
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise plain("invalidFilename", "videos.insert", location="Slug") from None
    if len(raw) > FILE_NAME_BYTES or re.search(r"[\x00-\x1f\x7f/]", name):
        raise plain("invalidFilename", "videos.insert", location="Slug")
    return name


def _check_snippet(method: str, snippet: Json) -> None:
    if method == "videos.update":  # an update replaces the part, and a video without these two cannot be
        for needed, reason in (("title", "invalidTitle"), ("categoryId", "invalidCategoryId")):
            if not snippet.get(needed):
                raise plain(reason, method, location=f"body.snippet.{needed}")
    title = snippet.get("title")
    if title is not None and (not title.strip() or len(title) > TITLE_CHARACTERS or _has_angle_brackets(title)):
        raise plain("invalidTitle", method, location="body.snippet.title")
    description = snippet.get("description", "")
    if len(description.encode()) > DESCRIPTION_BYTES or _has_angle_brackets(description):
        raise plain("invalidDescription", method, location="body.snippet.description")
    tags = snippet.get("tags", [])
    if tags_length(tags) > TAGS_CHARACTERS or any(_has_angle_brackets(tag) or not tag.strip() for tag in tags):
        raise plain("invalidTags", method, location="body.snippet.tags")
    if snippet.get("categoryId", "22") not in CATEGORIES:
        raise plain("invalidCategoryId", method, location="body.snippet.categoryId")


def _check_publish_at(method: str, status: Json, *, published_before: bool) -> None:
    date = status.get("publishAt")
    if date is None:
        return
    if status.get("privacyStatus") != "private" or published_before or not _is_moment(date):
        raise plain("invalidPublishAt", method, location="body.status.publishAt")


def _has_angle_brackets(text: str) -> bool:
    return "<" in text or ">" in text


def _is_moment(text: Any) -> bool:
    if text is None:
        return True
    try:
        _: datetime = moments.parse(text)
    except ValueError:
        return False
    return True
