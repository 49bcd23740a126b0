"""What goes along with a video once it is there: thumbnail, captions, playlists, and a look at what YouTube made of it.

Each is a step with a state of its own, so a step that failed never uploads anything again. A call whose answer was
lost is looked up before it is made again: what is there already is done.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ytpool.actions.errand import Errand, Work
from ytpool.actions.media import caption_media, thumbnail_media
from ytpool.domain import failover, processing
from ytpool.domain.captions import Caption
from ytpool.domain.failover import THUMBNAILS, Next
from ytpool.domain.jobs import StepState
from ytpool.domain.publication import READ_BACK, THUMBNAIL, PlaylistWish
from ytpool.domain.secret import Secret
from ytpool.errors import (
    LoginNeeded,
    OutcomeUnknown,
    QuotaExhausted,
    Resting,
    UnknownName,
    UpstreamFailed,
    YtpoolError,
)
from ytpool.store import jobs, rests

T = TypeVar("T")

WATCH_URL = "https://www.youtube.com/watch?v="

_TRIES = 3
"""How often a call of a step is made in one run where Google's trouble allows it."""

_READS = 3
"""How often a video that is not listed yet is asked for."""

_ALREADY = "already there"


def run_all(errand: Errand, video_id: str) -> list[YtpoolError]:
    """Do every step that is not done, each whatever became of the others; return what went wrong."""
    with errand.rt.store.reading() as tx:
        found = {step.step: step.state for step in jobs.steps(tx, errand.job.job)}
    publication = errand.publication
    todo: list[tuple[str, Callable[[bool], str]]] = []
    if publication.thumbnail is not None:
        image = Path(publication.thumbnail)
        todo.append((THUMBNAIL, lambda _: thumbnail(errand, video_id, image)))
    todo += [(one.step, _bound(caption, errand, video_id, one)) for one in publication.captions]
    todo += [(one.step, _bound(playlist, errand, video_id, one)) for one in publication.playlists]
    problems = []
    for name, act in todo:
        state = found.get(name, StepState.WAITING)
        if state is StepState.DONE:
            continue
        problem = _one(errand, name, act, tried=state is not StepState.WAITING)
        if problem is not None:
            problems.append(problem)
    return problems


def _bound(act: Callable[[Errand, str, T, bool], str], errand: Errand, video_id: str, wish: T) -> Callable[[bool], str]:
    return lambda tried: act(errand, video_id, wish, tried)


def _one(errand: Errand, name: str, act: Callable[[bool], str], *, tried: bool) -> YtpoolError | None:
    """Do one step and store how it went; only what ends the whole run is raised."""
    _set(errand, name, StepState.RUNNING)
    errand.says(name)
    try:
        detail = act(tried)
    except OutcomeUnknown as error:
        _set(errand, name, StepState.UNKNOWN, error.message)
        return _told(errand, name, error)
    except (QuotaExhausted, Resting, LoginNeeded) as error:
        _set(errand, name, StepState.WAITING, error.message)
        return _told(errand, name, error)
    except UpstreamFailed as error:
        verdict = failover.judge(error)
        final = verdict.next is Next.GIVE_UP
        detail = f"{error.reason or error.http_status}: {error.message}. {verdict.advice}"
        _set(errand, name, StepState.FAILED if final else StepState.WAITING, detail)
        return _told(errand, name, error)
    except YtpoolError as error:
        _set(errand, name, StepState.FAILED, error.message)
        return _told(errand, name, error)
    _set(errand, name, StepState.DONE, detail)
    return None


def _told(errand: Errand, name: str, error: YtpoolError) -> YtpoolError:
    return YtpoolError(
        f"the video is up, and its step {name} is not done: {error.message}",
        hint="type the same command again: only this step is done anew",
        step=name,
        job=errand.job.job,
        cause=error.code,
    )


def _set(errand: Errand, name: str, state: StepState, detail: str = "") -> None:
    with errand.rt.store.transaction() as tx:
        jobs.require(tx, errand.lease)
        jobs.set_step(tx, errand.job.job, name, state, detail)


def call(errand: Work, operation: str, step: str, send: Callable[[Secret], T]) -> T | None:
    """Make a paid call for a step, again where that is safe; None says that it was there already.

    Raises OutcomeUnknown when nobody can say whether it was done, UpstreamFailed when it was refused.
    """
    refreshed = False
    for attempt in range(1, _TRIES + 1):
        try:
            return errand.pay(errand.held_or_new(operation, step), send)
        except UpstreamFailed as failure:
            verdict = failover.judge(failure)
            match verdict.next:
                case Next.DONE:
                    return None
                case Next.UNKNOWN:
                    raise OutcomeUnknown(
                        f"the answer to {operation} did not come: nobody can say whether it was done",
                        hint="type the same command again: it is looked up first",
                        job=errand.job.job,
                    ) from failure
                case Next.REFRESH if not refreshed:
                    refreshed = True
                case Next.SAME_ACCOUNT if attempt < (2 if verdict.once else _TRIES):
                    errand.says(f"{step}: {failure.message or failure.reason}; once more in a moment")
                    errand.pause(failure, attempt)
                case _:
                    raise
    raise AssertionError("a call ended neither well nor badly")


def thumbnail(errand: Work, video_id: str, path: Path) -> str:
    payer = errand.placed.payer if errand.placed else None
    assert payer is not None
    with errand.rt.store.reading() as tx:
        resting = rests.in_the_way(
            tx, account=payer.account, project=payer.project, channel_id=payer.channel_id, buckets={THUMBNAILS}
        )
    if resting is not None:
        raise Resting(f"thumbnails of this channel rest: {resting.reason}", hint=resting.lifts, until=resting.until)
    with thumbnail_media(path) as (media, found):
        call(errand, "thumbnails.set", THUMBNAIL, lambda token: errand.rt.youtube.set_thumbnail(token, video_id, media))
    size = f"{found.width} × {found.height}" if found.width else "size unknown"  # noqa: RUF001 -- as sizes are written
    return "; ".join([f"{path.name}, {size}", *found.advice])


def caption(errand: Work, video_id: str, wish: Caption, tried: bool) -> str:
    if tried and caption_track(errand, video_id, wish) is not None:
        return _ALREADY
    with caption_media(Path(wish.path)) as media:
        made = call(
            errand,
            "captions.insert",
            wish.step,
            lambda token: errand.rt.youtube.insert_caption(
                token, video_id=video_id, language=wish.language, name=wish.name, track=media
            ),
        )
    return _ALREADY if made is None else str(made.get("id", "taken"))


def caption_track(errand: Work, video_id: str, wish: Caption) -> str | None:
    """Return the id of the video's track of this language and name, if it has one."""
    tracks = call(errand, "captions.list", wish.step, lambda token: errand.rt.youtube.captions(token, video_id)) or []
    for track in tracks:
        snippet = track.get("snippet", {})
        if (snippet.get("language"), snippet.get("name")) == (wish.language, wish.name):
            return str(track["id"])
    return None


def playlist(errand: Work, video_id: str, wish: PlaylistWish, tried: bool) -> str:
    playlist_id = wish.playlist_id or playlist_titled(errand, wish)
    if tried and _is_listed(errand, video_id, wish, playlist_id):
        return f"{playlist_id}, {_ALREADY}"
    call(
        errand,
        "playlistItems.insert",
        wish.step,
        lambda token: errand.rt.youtube.insert_playlist_item(token, playlist_id, video_id),
    )
    return playlist_id


def _is_listed(errand: Work, video_id: str, wish: PlaylistWish, playlist_id: str) -> bool:
    found = call(
        errand,
        "playlistItems.list",
        wish.step,
        lambda token: errand.rt.youtube.playlist_items(token, playlist_id, video_id),
    )
    return bool(found and found[0])


def playlist_titled(errand: Work, wish: PlaylistWish) -> str:
    """Find the channel's playlist of this title, or make it where that was asked for."""
    title, page = wish.title or "", ""
    while True:
        found = call(errand, "playlists.list", wish.step, _list_playlists(errand, page))
        items, page = found or ([], "")
        for item in items:
            if item.get("snippet", {}).get("title") == title:
                return str(item["id"])
        if not page:
            break
    if not wish.create:
        raise UnknownName(
            f"the channel has no playlist titled {title!r}",
            hint=f"write it +{title} to have it made, or name its id",
            what="playlist",
            name=title,
        )
    made = call(
        errand,
        "playlists.insert",
        wish.step,
        lambda token: errand.rt.youtube.insert_playlist(token, title, errand.privacy),
    )
    assert made is not None
    return str(made["id"])


def _list_playlists(errand: Work, page: str) -> Callable[[Secret], tuple[list[dict[str, Any]], str]]:
    return lambda token: errand.rt.youtube.playlists(token, page=page)


def read_back(errand: Errand, video_id: str) -> YtpoolError | None:
    """Ask YouTube what it made of the video, and compare; a difference is told, never repaired in silence."""
    seen: dict[str, Any] | None = None
    problem: YtpoolError | None = None
    for number in range(1, _READS + 1):
        try:
            found = errand.pay(
                errand.held_or_new("videos.list", READ_BACK),
                lambda token: errand.rt.youtube.videos(token, [video_id], ["status", "snippet"]),
            )
        except UpstreamFailed as error:
            problem = error
            if number < _READS and failover.judge(error).next is Next.SAME_ACCOUNT:
                errand.pause(error, number)
            continue
        except (QuotaExhausted, Resting, LoginNeeded) as error:
            problem = error
            break
        problem = None
        if found:
            seen = found[0]
            break
        errand.rt.clock.sleep(0.5)  # a new video may take a moment to be listed
    state, detail = _compared(errand, seen, problem)
    _set(errand, READ_BACK, state, detail)
    if state is StepState.DONE:
        return None
    looks_again = "type the same command again: it looks once more"
    return YtpoolError(
        detail,
        hint=looks_again if state is StepState.WAITING else f"look at {WATCH_URL}{video_id}",
        video_id=video_id,
        cause="" if problem is None else problem.code,
    )


def _compared(errand: Errand, seen: dict[str, Any] | None, problem: YtpoolError | None) -> tuple[StepState, str]:
    if seen is None:
        why = problem.message if problem else "YouTube does not list it yet"
        # Nothing is wrong that we know of; the same command typed again looks once more.
        return StepState.WAITING, f"the video is up, and could not be read back: {why}"
    wrong = processing.differences(errand.publication.video, seen, errand.rt.calendar.now())
    if wrong:
        return StepState.FAILED, "; ".join(map(str, wrong))
    status = seen.get("status", {})
    return StepState.DONE, f"{status.get('privacyStatus')}, {status.get('uploadStatus', 'no upload status')}"
