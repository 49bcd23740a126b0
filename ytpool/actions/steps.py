"""What goes along with a video once it is there: thumbnail, captions, playlists, and a look at what YouTube made of it.

Each is a step with a state of its own, so a step that failed never uploads anything again. A write whose answer was
lost is looked up before it is made again; one that was refused is not, for looking up costs as well.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ytpool.actions import listing
from ytpool.actions.errand import Errand, Work
from ytpool.actions.media import caption_media, thumbnail_media
from ytpool.actions.trying import Try
from ytpool.domain import failover, moments, processing, quota
from ytpool.domain.captions import Caption
from ytpool.domain.failover import THUMBNAILS, Next, Until
from ytpool.domain.jobs import Step, StepState
from ytpool.domain.processing import Processing, ProcessingState
from ytpool.domain.publication import READ_BACK, THUMBNAIL, PlaylistWish, spoken
from ytpool.domain.video import VideoRequest
from ytpool.errors import (
    FileInvalid,
    HoldLost,
    Interrupted,
    MetadataInvalid,
    OutcomeUnknown,
    Partly,
    Resting,
    UnknownName,
    UpstreamFailed,
    YtpoolError,
)
from ytpool.store import job_steps, jobs, playlists, rests

WATCH_URL = "https://www.youtube.com/watch?v="
THE_SAME = "type the same command again: only what is not done is done"

_LOOKS = 3
"""How often a video that is not listed yet is asked for in one run."""
_LOOKS_AGAIN_AFTER = 0.5

_ALREADY = "already there"
_NO_GOOD = (ProcessingState.FAILED, ProcessingState.REJECTED, ProcessingState.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A step that is not done, why, and what would help."""

    step: str
    error: YtpoolError
    hint: str = ""
    waits: bool = True
    """A later run may do it; else it is a person's turn first."""
    until: datetime | None = None
    """When it goes by itself, where that is known."""
    unknown: bool = False
    """It may be done; nobody heard."""


class _NotYet(YtpoolError):
    """A step has to wait for YouTube."""


class _NotAsAsked(YtpoolError):
    """YouTube made something else of the video, and only a person knows whether that will do."""


_WAITS_FOR_A_PERSON = (FileInvalid, MetadataInvalid, UnknownName, _NotAsAsked)
"""What the same call would meet again; after everything else a later run does the step by itself."""


def require_playlists(errand: Errand) -> None:
    """Ask, before anything is sent, for the playlists that are to be there already; raises UnknownName.

    A playlist belongs to one channel, so this is asked on the channel that was chosen.
    """
    wishes = [wish for wish in errand.publication.playlists if not wish.create]
    by_id = {wish.playlist_id: wish for wish in wishes if wish.playlist_id is not None}
    if by_id:
        ids, first = list(by_id), next(iter(by_id.values()))
        found, _ = Try(errand, first.step).read(
            "playlists.list", lambda token: errand.rt.youtube.playlists(token, ids=ids)
        )
        known = {item["id"] for item in found if _is_ours(errand, item)}
        for playlist_id in ids:
            if playlist_id not in known:
                raise _unknown(errand, playlist_id, f"the channel {errand.channel_title} has no playlist {playlist_id}")
    for wish in wishes:
        if wish.title is not None and playlist_titled(Try(errand, wish.step), wish.title) is None:
            raise no_such_title(errand, wish.title, to_make_it(wish.title))


def run_all(errand: Errand, video_id: str) -> list[Unfinished]:
    """Do every step that is not done, each whatever became of the others; return those that are still not."""
    with errand.rt.store.reading() as tx:
        found = {step.step: step for step in job_steps.of_job(tx, errand.job.job)}
    unfinished = []
    for name, act in _steps(errand, video_id):
        step = found.get(name)
        if step is not None and step.state is not StepState.DONE:
            problem = _do(errand, step, act)
            unfinished += [problem] if problem else []
    return unfinished


def told(job: str, video_id: str | None, unfinished: list[Unfinished]) -> Partly | OutcomeUnknown | None:
    """Put what is not done into one error: what each step said, what helps, and when it goes by itself.

    A step that may be done outweighs one that is not.
    """
    if not unfinished:
        return None
    what = "; ".join(f"{spoken(one.step)}: {one.error.message}" for one in unfinished)
    # The same advice for three steps is given once, in the order of the steps.
    hints = dict.fromkeys(one.hint.rstrip(".") for one in unfinished if one.hint)
    known = [one.until for one in unfinished if one.waits]
    # As soon as one of them may go; where that is not known of one, it may be tried at any time.
    until = min(filter(None, known), default=None) if all(known) else None
    when = f" (not before {moments.text(until)})" if until else ""
    kind = OutcomeUnknown if any(one.unknown for one in unfinished) else Partly
    return kind(
        f"the video is up, and not all that goes along is done: {what}",
        hint="\n".join([*hints, f"{THE_SAME}{when}"]),
        job=job,
        video_id=video_id,
        step=unfinished[0].step,
        steps=[one.step for one in unfinished],
        cause=unfinished[0].error.code,
        until=until,
    )


def _steps(errand: Errand, video_id: str) -> Iterator[tuple[str, Callable[[Try], str]]]:
    publication = errand.publication
    if publication.thumbnail is not None:
        yield THUMBNAIL, partial(put_thumbnail, video_id, Path(publication.thumbnail))
    for caption in publication.captions:
        yield caption.step, partial(put_caption, video_id, caption)
    for playlist in publication.playlists:
        yield playlist.step, partial(put_on_playlist, video_id, playlist)
    yield READ_BACK, partial(_read_back, publication.video, video_id)


def _do(errand: Errand, step: Step, act: Callable[[Try], str]) -> Unfinished | None:
    """Do one step and store how it went."""
    errand.says(_saying(step.step))
    # A step that was running belongs to somebody who died while its call was on its way.
    attempt = Try(errand, step.step, unsure=step.state in (StepState.RUNNING, StepState.UNKNOWN))
    try:
        detail = act(attempt)
    except (HoldLost, Interrupted):  # the job is another's now, or a later run's, and so are its steps
        raise
    except YtpoolError as error:
        state, problem = _judged(errand, step.step, error)
        if attempt.unsure:  # also when it was only the looking up that failed
            state, problem = StepState.UNKNOWN, replace(problem, unknown=True)
        _set(errand, step.step, state, problem.error.message)
        return problem
    _set(errand, step.step, StepState.DONE, detail)
    return None


def _judged(errand: Errand, step: str, error: YtpoolError) -> tuple[StepState, Unfinished]:
    """Say whether a step waits for a later run or for a person, and what helps."""
    until = error.details.get("until")
    waits = not isinstance(error, _WAITS_FOR_A_PERSON)
    hint = error.hint
    if isinstance(error, UpstreamFailed):
        verdict = failover.judge(error)
        waits = verdict.next is not Next.GIVE_UP
        if verdict.until is Until.QUOTA_RESET:
            until = quota.resets_at(quota.quota_day(errand.rt.calendar.now()))
        hint = verdict.advice
        # Google's own word stands first: an operator will look for it.
        message = f"{error.reason or error.http_status or 'no answer'}: {error.message}"
        error = YtpoolError(message, hint=hint, **error.details)
    return (
        StepState.WAITING if waits else StepState.FAILED,
        Unfinished(
            step=step, error=error, hint=hint, waits=waits, until=until if isinstance(until, datetime) else None
        ),
    )


def _set(errand: Errand, step: str, state: StepState, detail: str = "") -> None:
    with errand.rt.store.transaction() as tx:
        jobs.require(tx, errand.lease)
        job_steps.move(tx, errand.job.job, step, state, detail)


def _saying(step: str) -> str:
    kind, _, what = step.partition(":")
    match kind:
        case "caption":
            return f"adding the captions {what.rstrip(':')}"
        case "playlist":
            return f"putting it on the playlist {what.removeprefix('=')}"
        case "thumbnail":
            return "setting the thumbnail"
        case _:
            return "reading back what YouTube made of it"


# The thumbnail


def put_thumbnail(video_id: str, path: Path, attempt: Try) -> str:
    errand = attempt.errand
    _require_thumbnails_go(errand)
    with thumbnail_media(path) as (media, found):
        if found.upright:
            _require_processed(attempt, video_id, path)
        try:
            attempt.write(
                "thumbnails.set",
                lambda token: errand.rt.youtube.set_thumbnail(token, video_id, media, pace=errand.pace),
            )
        except UpstreamFailed as failure:
            if failover.judge(failure).bucket == THUMBNAILS:
                _require_thumbnails_go(errand)
            raise
    size = f"{found.width} x {found.height}" if found.width else "size unknown"
    return "; ".join([f"{path.name}, {size}", *found.advice])


def _require_thumbnails_go(errand: Work) -> None:
    """Raise Resting while the channel has had its thumbnails of a day; its uploads go on meanwhile."""
    payer = errand.payer
    with errand.rt.store.reading() as tx:
        resting = rests.in_the_way(
            tx, account=payer.account, project=payer.project, channel_id=payer.channel_id, buckets={THUMBNAILS}
        )
    if resting is not None and resting.bucket == THUMBNAILS:
        raise Resting(
            f"the channel has reached YouTube's limit of custom thumbnails ({resting.reason})",
            hint=f"its thumbnails rest until {resting.lifts}, its uploads go on",
            until=resting.until,
        )


def _require_processed(attempt: Try, video_id: str, path: Path) -> None:
    """Raise unless YouTube has processed the video: before that it takes no upright picture, which is for a Short."""
    errand = attempt.errand
    found = attempt.read(
        "videos.list",
        lambda token: errand.rt.youtube.videos(token, [video_id], processing.PARTS),
        paid_by=READ_BACK,
    )
    seen = Processing.from_resource(found[0]) if found else None
    if seen is not None and seen.state in _NO_GOOD:
        raise _NotAsAsked(_what_became(seen), hint=f"look at {WATCH_URL}{video_id}")
    if seen is None or not seen.is_over:
        raise _NotYet(
            f"{path.name} is upright, and YouTube takes it for a Short only once the video is processed",
            hint="processing takes minutes to hours",
        )


# Captions


def put_caption(video_id: str, wish: Caption, attempt: Try) -> str:
    errand = attempt.errand
    if attempt.unsure:
        tracks = attempt.read("captions.list", lambda token: errand.rt.youtube.captions(token, video_id))
        attempt.unsure = False
        if any(is_track(track, wish) for track in tracks):
            return _ALREADY
    with caption_media(Path(wish.path)) as media:
        made = attempt.write(
            "captions.insert",
            lambda token: errand.rt.youtube.insert_caption(
                token, video_id=video_id, language=wish.language, name=wish.name, track=media, pace=errand.pace
            ),
        )
    return _ALREADY if made is None else f"{wish.path.name}, {made.get('id', 'taken')}"


def is_track(track: dict[str, Any], wish: Caption) -> bool:
    snippet = track.get("snippet", {})
    if str(snippet.get("trackKind", "")).lower() == "asr":  # YouTube's own ears, which have no name either
        return False
    language, name = str(snippet.get("language", "")), snippet.get("name", "")
    return (language.lower(), name) == (wish.language.lower(), wish.name)


# Playlists


def put_on_playlist(video_id: str, wish: PlaylistWish, attempt: Try, *, look_first: bool = False) -> str:
    """Put a video on a playlist; `look_first` where it may be on it since long ago.

    YouTube takes a video twice and lists it late, so one whose answer was lost is missed twice before it is sent again.
    """
    errand = attempt.errand
    attempt.require_due()
    playlist_id = wish.playlist_id or _found_or_made(attempt, wish, wish.title or "")
    unheard = attempt.may_have("playlistItems.insert")
    if unheard or look_first:
        found, _ = attempt.read(
            "playlistItems.list", lambda token: errand.rt.youtube.playlist_items(token, playlist_id, video_id)
        )
        if found:
            attempt.unsure = False
            return f"{playlist_id}, {_ALREADY}"
    if unheard:
        attempt.misses("the video on its playlist")
    attempt.unsure = False  # what was not heard of was the playlist, and that is there
    made = attempt.write(
        "playlistItems.insert", lambda token: errand.rt.youtube.insert_playlist_item(token, playlist_id, video_id)
    )
    return f"{playlist_id}, {_ALREADY}" if made is None else playlist_id


def _found_or_made(attempt: Try, wish: PlaylistWish, title: str) -> str:
    """Return the channel's playlist of this title, made now where that was asked for."""
    errand = attempt.errand
    found = playlist_titled(attempt, title)
    if found is not None:
        return found
    if not wish.create:
        attempt.unsure = False  # without its playlist nothing was put on it
        raise no_such_title(errand, title, to_make_it(title))
    attempt.misses(f"the playlist {title!r}")
    privacy = errand.privacy
    made = attempt.write("playlists.insert", lambda token: errand.rt.youtube.insert_playlist(token, title, privacy))
    if made is None:
        raise YtpoolError(f"YouTube says that the playlist {title!r} is there, and does not list it", hint=THE_SAME)
    playlist_id = str(made["id"])
    with errand.rt.store.transaction() as tx:
        playlists.made(tx, errand.payer.channel_id, title, playlist_id)
    return playlist_id


def playlist_titled(attempt: Try, title: str) -> str | None:
    """Return the channel's playlist of this title: as YouTube lists it, or made here lately and not listed yet."""
    errand, page = attempt.errand, ""
    while True:
        items, page = attempt.read("playlists.list", partial(errand.rt.youtube.playlists, page=page))
        for item in items:
            if item.get("snippet", {}).get("title") == title:
                return str(item["id"])
        if not page:
            with errand.rt.store.reading() as tx:
                return playlists.made_lately(tx, errand.payer.channel_id, title)


def _is_ours(errand: Work, item: dict[str, Any]) -> bool:
    channel_id = errand.payer.channel_id
    return bool(item.get("snippet", {}).get("channelId", channel_id) == channel_id)


def no_such_title(errand: Work, title: str, hint: str) -> UnknownName:
    return _unknown(errand, title, f"the channel {errand.channel_title} has no playlist titled {title!r}", hint)


def to_make_it(title: str) -> str:
    return f"write it as {shlex.quote(f'+{title}')} to have it made, or name its id"


def _unknown(errand: Work, name: str, message: str, hint: str = "copy its id from its address") -> UnknownName:
    return UnknownName(message, hint=hint, what="playlist", name=name, account=errand.account)


# Reading back


def _read_back(asked: VideoRequest, video_id: str, attempt: Try) -> str:
    """Ask YouTube what it made of the video, and compare; a difference is told, never repaired in silence."""
    errand = attempt.errand
    if not listing.can_list(errand.rt, errand.payer.account):
        return "not read back: this login may upload and not look"
    seen = _seen(attempt, video_id)
    became = Processing.from_resource(seen)
    if became.state in _NO_GOOD:
        raise _NotAsAsked(_what_became(became), hint=f"look at {WATCH_URL}{video_id}")
    differs = processing.differences(asked, seen, errand.rt.calendar.now())
    if differs:
        raise _NotAsAsked("; ".join(map(str, differs)), hint=f"look at {WATCH_URL}{video_id}")
    status = seen.get("status", {})
    return f"{status.get('privacyStatus')}, {status.get('uploadStatus', 'no upload status')}"


def _seen(attempt: Try, video_id: str) -> dict[str, Any]:
    errand = attempt.errand
    for look in range(_LOOKS):
        if look:
            errand.rt.sleep(_LOOKS_AGAIN_AFTER)  # a new video may take a moment to be listed
        found = attempt.read("videos.list", lambda token: errand.rt.youtube.videos(token, [video_id], processing.PARTS))
        if found:
            return found[0]
    raise _NotYet("YouTube does not list the video yet", hint=f"look at {WATCH_URL}{video_id}")


def _what_became(seen: Processing) -> str:
    reasons = "; ".join(f"{one.about} {one.word}: {one.meaning}" for one in seen.reasons)
    return f"YouTube has {seen.state} the video{f' ({reasons})' if reasons else ''}"
