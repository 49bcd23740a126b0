"""What YouTube counts of videos, fifty for a unit of a bucket of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ytpool.actions import claiming, reading
from ytpool.actions.steps import WATCH_URL
from ytpool.domain import stats
from ytpool.domain.jobs import Target
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.domain.stats import Stats
from ytpool.errors import Interrupted, UnknownName, YtpoolError
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStats:
    """The counts of one video, and who asked for them."""

    video_id: str
    url: str
    account: str | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    published_at: datetime | None = None
    duration: str | None = None
    problem: YtpoolError | None = None


def of(rt: Runtime, video_ids: Sequence[str], target: Target | None, *, use_buffer: bool = False) -> list[VideoStats]:
    """Return the counts of these videos, in their order, as an account of the target sees them.

    What goes wrong is told beside the videos concerned; once nobody can ask any more, that is said of all that are
    left.
    """
    rt.open_vault()
    asks = target or reading.anybody(rt)
    with rt.store.reading() as tx:
        claiming.require_target(tx, asks)
    urgency = Urgency.BUFFER if use_buffer else Urgency.NORMAL
    told: list[VideoStats] = []
    problem: YtpoolError | None = None
    for some in stats.calls(list(dict.fromkeys(video_ids))):
        if problem is None:
            try:
                account, items = reading.through(
                    rt, asks, "videos.batchGetStats", partial(_ask, rt, some), urgency=urgency
                )
            except Interrupted:
                raise
            except YtpoolError as trouble:
                problem = trouble
            else:
                found = {str(item.get("id")): Stats.from_resource(item) for item in items}
                told += [_told(video_id, account, found.get(video_id)) for video_id in some]
                continue
        told += [VideoStats(video_id=video_id, url=f"{WATCH_URL}{video_id}", problem=problem) for video_id in some]
    return told


def _ask(rt: Runtime, video_ids: Sequence[str], token: Secret) -> list[dict[str, Any]]:
    return rt.youtube.stats(token, video_ids)


def _told(video_id: str, account: str, found: Stats | None) -> VideoStats:
    url = f"{WATCH_URL}{video_id}"
    if found is None:
        unknown = UnknownName(
            f"{account} sees no video {video_id}",
            hint="it was deleted, or is private: its own channel sees it, named with --account NAME",
            what="video",
            name=video_id,
        )
        return VideoStats(video_id=video_id, url=url, account=account, problem=unknown)
    return VideoStats(
        video_id=video_id,
        url=url,
        account=account,
        views=found.views,
        likes=found.likes,
        comments=found.comments,
        published_at=found.published_at,
        duration=found.duration,
    )
