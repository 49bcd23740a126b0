"""What YouTube counts of a video, in its own numbers: nothing is added up, divided or derived from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments

IDS_PER_CALL = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The counts of one video; None where YouTube does not tell."""

    views: int | None
    likes: int | None
    comments: int | None
    published_at: datetime | None
    duration: str | None

    @classmethod
    def from_resource(cls, resource: Mapping[str, Any]) -> Self:
        """Read a `videoStat`; whatever is not as it should be is taken as not said."""
        counts, length = _table(resource, "statistics"), _table(resource, "contentDetails").get("duration")
        return cls(
            views=_count(counts.get("viewCount")),
            likes=_count(counts.get("likeCount")),
            comments=_count(counts.get("commentCount")),
            published_at=_moment(_table(resource, "snippet").get("publishTime")),
            duration=length if isinstance(length, str) else None,
        )


def calls(video_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in the portions that one call takes."""
    for start in range(0, len(video_ids), IDS_PER_CALL):
        yield video_ids[start : start + IDS_PER_CALL]


def _count(written: Any) -> int | None:
    text = str(written)  # 64-bit numbers are text in Google's JSON
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _table(resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = resource.get(name)
    return found if isinstance(found, Mapping) else {}


def _moment(written: Any) -> datetime | None:
    try:
        return moments.parse_optional(written)
    except (TypeError, ValueError):
        return None
