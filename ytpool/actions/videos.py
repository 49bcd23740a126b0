"""What YouTube has of videos, seen outside of any job: what they are, how their processing stands, what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ytpool.actions import claiming, following, looking
from ytpool.actions.following import Followed
from ytpool.actions.steps import WATCH_URL
from ytpool.actions.watch import Watch
from ytpool.domain import moments, processing
from ytpool.domain.jobs import Job
from ytpool.domain.processing import Difference, Processing, Remark
from ytpool.domain.quota import Urgency
from ytpool.domain.video import VideoRequest
from ytpool.errors import UnknownName, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import jobs

UPDATE = "video.update"
"""The kind of job after which a video is no longer as its upload asked for."""

_SHOWN = ("snippet", "contentDetails", "recordingDetails", "localizations", *processing.PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoShown:
    """What YouTube has of one video, and where it came from."""

    video_id: str
    url: str
    account: str | None
    channel_id: str | None = None
    channel_title: str | None = None
    job: str | None = None
    title: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    category: str | None = None
    language: str | None = None
    localizations: Mapping[str, Any] = field(default_factory=dict)
    privacy: str | None = None
    publish_at: datetime | None = None
    made_for_kids: bool | None = None
    synthetic: bool | None = None
    licence: str | None = None
    embeddable: bool | None = None
    public_stats: bool | None = None
    recorded_on: str | None = None
    uploaded_at: datetime | None = None
    duration: str | None = None
    processing: str | None = None
    percent: int | None = None
    reasons: tuple[Remark, ...] = ()
    suggestions: tuple[Remark, ...] = ()
    differences: tuple[Difference, ...] = ()
    problem: YtpoolError | None = None


def show(
    rt: Runtime,
    video_ids: Sequence[str],
    watch: Watch,
    *,
    account: str | None = None,
    follow: bool = False,
    use_buffer: bool = False,
) -> tuple[VideoShown, ...]:
    """Look at videos, or follow them to the end of their processing and then look."""
    rt.open_vault()
    urgency = Urgency.BUFFER if use_buffer else Urgency.NORMAL
    owners = looking.owners(rt, video_ids, account, urgency)
    seen = _seen(rt, owners, urgency)
    endings: dict[str, YtpoolError | None] = {}
    if follow:
        going_on = [
            _followed(rt, video_id, owners[video_id], str(video.get("snippet", {}).get("title", video_id)))
            for video_id, video in seen.items()
            if not Processing.from_resource(video).is_over
        ]
        endings = {one.video_id: one.problem for one in following.follow(rt, going_on, watch)}
        if going_on:
            seen |= _seen(rt, {one.video_id: one.account for one in going_on}, urgency)
    shown = [_shown(rt, one, owners.get(one), seen.get(one)) for one in video_ids]
    if follow:
        shown = [
            replace(one, problem=one.problem or endings.get(one.video_id) or _ended_badly(seen.get(one.video_id)))
            for one in shown
        ]
    return tuple(shown)


def _seen(rt: Runtime, owners: Mapping[str, str], urgency: Urgency) -> dict[str, Mapping[str, Any]]:
    by_account: dict[str, list[str]] = {}
    for video_id, account in owners.items():
        by_account.setdefault(account, []).append(video_id)
    seen: dict[str, Mapping[str, Any]] = {}
    for account, some in by_account.items():
        seen |= looking.videos(rt, account, some, _SHOWN, urgency=urgency)
    return seen


def _followed(rt: Runtime, video_id: str, account: str, title: str) -> Followed:
    job, asked = asked_for(rt, video_id)
    return Followed(video_id=video_id, account=account, name=title, job=None if job is None else job.job, asked=asked)


def asked_for(rt: Runtime, video_id: str) -> tuple[Job | None, VideoRequest | None]:
    """Return the job that published a video, and what it asked for unless that was changed since."""
    with rt.store.reading() as tx:
        about = jobs.about_video(tx, video_id)
    job = next((one for one in about if one.is_upload), None)
    if job is None or any(one.kind == UPDATE and one.published for one in about):
        return job, None
    return job, claiming.publication_of(job).video


def _ended_badly(video: Mapping[str, Any] | None) -> YtpoolError | None:
    if video is None:
        return None
    return following.problem_of(str(video.get("id")), Processing.from_resource(video))


def _shown(rt: Runtime, video_id: str, account: str | None, video: Mapping[str, Any] | None) -> VideoShown:
    job, asked = asked_for(rt, video_id)
    base = VideoShown(
        video_id=video_id, url=f"{WATCH_URL}{video_id}", account=account, job=None if job is None else job.job
    )
    if account is None:
        return replace(base, problem=looking.nobody_knows(video_id))
    if video is None:
        return replace(base, problem=not_there(video_id, account))
    snippet, status = video.get("snippet", {}), video.get("status", {})
    state = Processing.from_resource(video)
    return replace(
        base,
        channel_id=snippet.get("channelId"),
        channel_title=snippet.get("channelTitle"),
        title=snippet.get("title"),
        description=snippet.get("description", ""),
        tags=tuple(snippet.get("tags", ())),
        category=snippet.get("categoryId"),
        language=snippet.get("defaultLanguage"),
        localizations=video.get("localizations", {}),
        privacy=status.get("privacyStatus"),
        publish_at=_moment(status.get("publishAt")),
        made_for_kids=status.get("selfDeclaredMadeForKids", status.get("madeForKids")),
        synthetic=status.get("containsSyntheticMedia"),
        licence=status.get("license"),
        embeddable=status.get("embeddable"),
        public_stats=status.get("publicStatsViewable"),
        recorded_on=str(video.get("recordingDetails", {}).get("recordingDate", ""))[:10] or None,
        uploaded_at=_moment(snippet.get("publishedAt")),
        duration=video.get("contentDetails", {}).get("duration"),
        processing=state.state,
        percent=state.percent,
        reasons=state.reasons,
        suggestions=state.suggestions,
        differences=() if asked is None else processing.differences(asked, video, rt.calendar.now()),
    )


def _moment(text: Any) -> datetime | None:
    try:
        return moments.parse_optional(text)
    except (TypeError, ValueError):
        return None


def not_there(video_id: str, account: str) -> UnknownName:
    return UnknownName(
        f"{account} sees no video {video_id}",
        hint="it was deleted, or belongs to another channel: name that one's account with --account NAME",
        what="video",
        name=video_id,
    )
