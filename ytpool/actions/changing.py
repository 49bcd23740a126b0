"""What is done to a video that is there: changed, given a thumbnail, captions and playlists, deleted.

Each is a task and what it writes; `chores` is the way that all of them take.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from ytpool.actions import media, steps, videos, whereabouts
from ytpool.actions.chores import (
    Chore,
    How,
    Task,
    VideoDone,
    Written,
    alone,
    carry_out,
    find,
    one_step,
    planned,
    put_in_line,
    result,
    unfinished,
)
from ytpool.actions.files import whole_hash
from ytpool.actions.watch import Watch
from ytpool.domain import captions, changes, publication
from ytpool.domain.captions import Caption
from ytpool.domain.changes import Merged, Wish
from ytpool.domain.jobs import CHORES
from ytpool.domain.publication import PlaylistWish
from ytpool.domain.secret import Secret
from ytpool.errors import (
    FileChanged,
    Interrupted,
    MetadataInvalid,
    UpstreamFailed,
    UsageWrong,
)
from ytpool.runtime import Runtime
from ytpool.store import jobs, line


def update(rt: Runtime, video_id: str, wish: Wish, how: How, watch: Watch) -> VideoDone:
    """Change a video: read the parts concerned, put the wish over them, write them back whole.

    Where nothing differs, nothing is sent and there is no job.
    """
    task = Task(
        kind=videos.UPDATE,
        step="update",
        request=wish.to_dict(),
        calls=("videos.update",),
        parts=changes.PARTS,
    )
    if how.in_line is not None and not how.dry_run:
        return put_in_line(rt, video_id, task, how.in_line, how.account)
    with alone(rt, video_id, how, watch) as lease:
        found = find(rt, video_id, lease, task, how)
        merged = Merged.of(wish, found.resource or {}, rt.calendar.now())
        if how.dry_run:
            plan = planned(rt, found, task)
            return replace(plan, changes=merged.changes, units=plan.units if merged.changes else {})
        if not merged.changes and not unfinished(rt, video_id, task):
            return result(found, task, state="unchanged", detail="nothing to change: YouTube has it so already")

        def write(chore: Chore, *, tried: bool) -> Written:
            del tried  # the look that was just made says what is still to be done
            return _write_parts(chore, wish, merged) if merged.changes else Written(detail="it was written before")

        done = carry_out(rt, found, task, how, watch, write)
    privacy = next((one.after for one in done.changes if one.field == "privacy"), done.privacy)
    return replace(done, privacy=privacy)


def _write_parts(chore: Chore, wish: Wish, merged: Merged) -> Written:
    rt, latest = chore.rt, merged
    what = ", ".join(f"{one.field} becomes {changes.shown(one.after)}" for one in merged.changes)
    chore.begin(what)

    def done() -> bool:
        nonlocal latest
        resource = chore.look()
        if resource is None:
            raise videos.not_there(chore.found.video_id, chore.found.account)
        latest = Merged.of(wish, resource, rt.calendar.now())
        return not latest.changes

    def send() -> Mapping[str, Any]:
        body, parts = latest.body, latest.parts
        return chore.send("videos.update", lambda token: rt.youtube.update_video(token, body, parts))

    answer = chore.until_known("videos.update", send, done)
    not_kept = () if answer is None else latest.not_kept(answer, rt.calendar.now())
    return Written(detail=what, changes=merged.changes, not_kept=not_kept)


def delete(rt: Runtime, video_id: str, how: How, watch: Watch, agrees: Callable[[str], bool]) -> VideoDone:
    """Delete a video once the person who is asked, with its channel and title, agrees.

    One that is gone is done, if an earlier run may have deleted it.
    """
    task = Task(kind="video.delete", step="delete", request={}, calls=("videos.delete",))
    if how.in_line is not None and not how.dry_run:
        return put_in_line(rt, video_id, task, how.in_line, how.account, agreed=agrees(f"video {video_id}"))
    with alone(rt, video_id, how, watch) as lease:
        found = find(rt, video_id, lease, task, how, may_be_gone=True)
        if how.dry_run:
            return planned(rt, found, task)
        gone = found.resource is None
        if not gone and not agrees(
            f"{found.title!r} ({video_id}, {found.privacy}) on channel {found.channel_title} ({found.channel_id})"
        ):
            nothing = Interrupted("nothing was deleted")
            return replace(result(found, task, state="refused"), problem=nothing)

        def write(chore: Chore, *, tried: bool) -> Written:
            if gone and tried:
                return Written(detail="it is gone")
            return _remove(chore)

        return carry_out(rt, found, task, how, watch, write)


def _remove(chore: Chore) -> Written:
    rt, video_id = chore.rt, chore.found.video_id
    chore.begin("is deleted for good")

    def send() -> None:
        chore.send("videos.delete", lambda token: rt.youtube.delete_video(token, video_id))

    try:
        chore.until_known("videos.delete", send, lambda: chore.look() is None)
    except UpstreamFailed as failure:
        if failure.http_status != 404:
            raise
    job, _ = videos.asked_for(rt, video_id)
    # The job that published it stays done, so the same file typed again would be told to be published already.
    again = "" if job is None else f"; to publish the file of job {job.job} once more, say --again"
    return Written(detail=f"deleted{again}")


def thumbnail(
    rt: Runtime, video_id: str, path: Path, how: How, watch: Watch, *, named: PurePath | None = None
) -> VideoDone:
    """Give a video its own thumbnail; a second one replaces the first. `named` is what the state calls the file."""
    with media.thumbnail_media(path):
        pass  # checked before anything is spent
    task = Task(
        kind="video.thumbnail",
        step=publication.THUMBNAIL,
        request={"path": str(named or rt.path_map.there(path.absolute())), "sha256": whole_hash(path)},
        calls=("thumbnails.set",),
    )

    def write(chore: Chore, *, tried: bool) -> Written:
        del tried  # it may be set twice
        chore.begin(f"{path.name} becomes its thumbnail")
        return Written(detail=steps.put_thumbnail(video_id, path, chore.attempt))

    return one_step(rt, video_id, task, how, watch, write)


def caption(
    rt: Runtime,
    video_id: str,
    track: Caption,
    how: How,
    watch: Watch,
    *,
    again: bool = False,
    named: PurePath | None = None,
) -> VideoDone:
    """Add a caption track; one of the same language and name is replaced only if that is asked for (`again`).

    `named` is what the state calls its file.
    """
    problems = captions.problems([track])
    if problems:
        raise MetadataInvalid("; ".join(problems), hint="nothing was sent", problems=problems)
    with media.caption_media(Path(track.path)):
        pass
    task = Task(
        kind="video.caption",
        step=track.step,
        request={
            **replace(track, path=named or rt.path_map.there(Path(track.path).absolute())).to_dict(),
            "sha256": whole_hash(Path(track.path)),
            "replace": again,
        },
        calls=("captions.list", "captions.update" if again else "captions.insert"),
    )

    def write(chore: Chore, *, tried: bool) -> Written:
        tracks = chore.attempt.read("captions.list", lambda token: rt.youtube.captions(token, video_id))
        there = next((str(one["id"]) for one in tracks if steps.is_track(one, track)), None)
        chore.attempt.unsure = False
        if there is None:
            chore.begin(f"captions {track.language} are added")
            return Written(detail=steps.put_caption(video_id, track, chore.attempt))
        if again:
            chore.begin(f"captions {track.language} are replaced")
            return Written(detail=_replace_track(chore, there, track))
        if tried:
            return Written(detail=f"{there}, already there")
        named = f"{track.language}, {track.name!r}" if track.name else track.language
        raise UsageWrong(
            f"the video has captions {named} already", hint="--replace puts this file in their place, for 450 units"
        )

    return one_step(rt, video_id, task, how, watch, write)


def _replace_track(chore: Chore, track_id: str, track: Caption) -> str:
    with media.caption_media(Path(track.path)) as content:
        chore.attempt.write(
            "captions.update", lambda token: chore.rt.youtube.update_caption(token, track_id, track=content)
        )
    return f"{track_id}, replaced"


def playlist(
    rt: Runtime, video_id: str, wish: PlaylistWish, how: How, watch: Watch, *, remove: bool = False
) -> VideoDone:
    """Put a video on a playlist, or take it off; one that is there already is not put there twice."""
    lists = () if wish.title is None else ("playlists.list",)
    makes = ("playlists.insert",) if wish.create and not remove else ()
    task = Task(
        kind="video.playlist",
        step=wish.step,
        request={**wish.to_dict(), "remove": remove},
        calls=(*lists, *makes, "playlistItems.list", "playlistItems.delete" if remove else "playlistItems.insert"),
    )

    def write(chore: Chore, *, tried: bool) -> Written:
        del tried  # it always looks first, and knows of what it has not heard
        name = wish.title or wish.playlist_id
        if remove:
            chore.begin(f"is taken off playlist {name}")
            return Written(detail=_take_off(chore, wish))
        chore.begin(f"is put on playlist {name}")
        return Written(detail=steps.put_on_playlist(video_id, wish, chore.attempt, look_first=True))

    return one_step(rt, video_id, task, how, watch, write)


def _take_off(chore: Chore, wish: PlaylistWish) -> str:
    playlist_id = wish.playlist_id or steps.playlist_titled(chore.attempt, wish.title or "")
    if playlist_id is None:
        raise steps.no_such_title(chore, wish.title or "", "check the title, or name its id; nothing was taken off")
    taken = 0
    while True:
        entries, _ = chore.attempt.read("playlistItems.list", _items(chore, playlist_id))
        if not entries:
            return (
                f"{playlist_id}, {f'taken off {taken} times' if taken > 1 else 'taken off' if taken else 'not on it'}"
            )
        for entry in entries:
            try:
                chore.attempt.write("playlistItems.delete", _delete_item(chore, str(entry["id"])))
            except UpstreamFailed as failure:
                if failure.http_status != 404:  # gone since it was listed, by the try before or by somebody else
                    raise
            taken += 1


def _items(chore: Chore, playlist_id: str) -> Callable[[Secret], tuple[list[dict[str, Any]], str]]:
    return lambda token: chore.rt.youtube.playlist_items(token, playlist_id, chore.found.video_id)


def _delete_item(chore: Chore, item_id: str) -> Callable[[Secret], None]:
    return lambda token: chore.rt.youtube.delete_playlist_item(token, item_id)


def go_on(rt: Runtime, job_id: str, how: How, watch: Watch, agrees: Callable[[str], bool]) -> VideoDone | None:
    """Go on with a job of this kind as it was asked for; None for a job of another kind."""
    with rt.store.reading() as tx:
        line.require(tx, how.picked)
        job = jobs.get(tx, job_id)
    if not job.is_chore:
        return None
    if job.state.has_ended:
        raise UsageWrong(f"job {job.job} is {job.state} already; there is nothing to go on with", job=job.job)
    asked, video_id = json.loads(job.request), job.job_key
    how = replace(how, account=job.account or job.target.name)
    named = None
    if "sha256" in asked:
        whereabouts.require(rt, job)
        named = PurePath(asked["path"])
        asked["path"] = str(rt.path_map.here(named))
        _require_same_content(Path(asked["path"]), asked.pop("sha256"))
    match job.kind.removeprefix(CHORES):
        case "update":
            return update(rt, video_id, Wish.from_dict(asked), how, watch)
        case "delete":
            return delete(rt, video_id, how, watch, agrees)
        case "thumbnail":
            return thumbnail(rt, video_id, Path(asked["path"]), how, watch, named=named)
        case "caption":
            again = asked.pop("replace")
            return caption(rt, video_id, Caption.from_dict(asked), how, watch, again=again, named=named)
        case _:
            remove = asked.pop("remove")
            return playlist(rt, video_id, PlaylistWish.from_dict(asked), how, watch, remove=remove)


def _require_same_content(path: Path, sha256: str) -> None:
    if not path.is_file() or whole_hash(path) != sha256:
        raise FileChanged(
            f"{path} is not what it was when this was asked for", hint="put it back, or ask anew", path=str(path)
        )
