"""Reading a channel's uploads list, newest first, with the file details of its newer videos; each reading is paid."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from ytpool.actions.errand import Errand
from ytpool.actions.trying import Try
from ytpool.domain import grants, moments
from ytpool.domain.publication import UPLOAD
from ytpool.domain.reconcile import FileDetails, Listed
from ytpool.domain.secret import Secret
from ytpool.runtime import Runtime
from ytpool.store import accounts

_IDS_PER_CALL = 50
_UNDATED = datetime.max.replace(tzinfo=UTC)
"""An entry without a moment counts as new, and is looked at."""

_PARTS = ("fileDetails", "status", "snippet")


def can_list(rt: Runtime, account: str) -> bool:
    """Tell whether this account's login may list its channel."""
    with rt.store.reading() as tx:
        return grants.can_list(accounts.get(tx, account).scopes)


def read(
    errand: Errand, *, since: datetime, claimed: Collection[str], back_to: datetime | None = None
) -> tuple[list[Listed], bool]:
    """Return the videos of the errand's channel back to one from before `since`, and whether that was all of them.

    Those published since, and not claimed, come with the details of their files. `back_to` is enough of it where it is
    later, with all of the page that it is on.
    """
    with errand.rt.store.reading() as tx:
        playlist = accounts.uploads_playlist(tx, errand.payer.channel_id)
    attempt = Try(errand, UPLOAD)
    entries, whole = _entries(attempt, playlist, since if back_to is None else max(since, back_to))
    newer = [video_id for video_id, at in entries if at >= since and video_id not in claimed]
    known: dict[str, dict[str, Any]] = {}
    for first in range(0, len(newer), _IDS_PER_CALL):
        for video in attempt.read("videos.list", _videos(errand, newer[first : first + _IDS_PER_CALL])):
            known[str(video.get("id"))] = video
    return [_listed(video_id, at, known.get(video_id, {})) for video_id, at in entries], whole


def _entries(attempt: Try, playlist: str, back_to: datetime) -> tuple[list[tuple[str, datetime]], bool]:
    """Return the list's videos with their moments, newest first, and whether it was read to its end."""
    entries: list[tuple[str, datetime]] = []
    page = ""
    while True:
        items, page = attempt.read("playlistItems.list", _page(attempt, playlist, page))
        entries += _dated(items)
        if not page:
            return entries, True
        if entries and entries[-1][1] < back_to:
            return entries, False


def _videos(errand: Errand, ids: list[str]) -> Callable[[Secret], list[dict[str, Any]]]:
    return lambda token: errand.rt.youtube.videos(token, ids, _PARTS)


def _page(attempt: Try, playlist: str, page: str) -> Callable[[Secret], tuple[list[dict[str, Any]], str]]:
    return lambda token: attempt.errand.rt.youtube.uploads(token, playlist, page)


def _dated(items: list[dict[str, Any]]) -> Iterator[tuple[str, datetime]]:
    """Read entries of the list; of its two moments the later counts, so that a doubtful one is looked at."""
    for item in items:
        details, snippet = item.get("contentDetails", {}), item.get("snippet", {})
        told = (details.get("videoPublishedAt"), snippet.get("publishedAt"))
        if isinstance(details.get("videoId"), str):
            yield details["videoId"], max(filter(None, map(_moment, told)), default=_UNDATED)


def _moment(told: object) -> datetime | None:
    try:
        return moments.parse(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _listed(video_id: str, at: datetime, video: dict[str, Any]) -> Listed:
    title = video.get("snippet", {}).get("title")
    return Listed(
        video_id=video_id,
        published_at=at,
        title=title if isinstance(title, str) else "",
        details=FileDetails.from_resource(video),
    )
