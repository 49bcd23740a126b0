"""Videos: uploaded, processed, looked at, changed and deleted."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from ytpool.sandbox import asking, faults, resources
from ytpool.sandbox.bodies import back_end, plain, upload_limit_exceeded
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.formats import Film, film
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.resources import upload_status
from ytpool.sandbox.rules import SETTABLE, check_languages, check_video, settable
from ytpool.sandbox.things import Session, Video
from ytpool.sandbox.uploads import Admitted, Arrived
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World

_OWNERS_PARTS = frozenset({"fileDetails", "processingDetails", "suggestions"})
_CAP_LASTS = timedelta(hours=24)


class Videos:
    """The methods of `videos`, and what becomes of the bytes of an insert."""

    missing = "mediaBodyRequired"
    done = 201

    def __init__(self, folder: Path, world: World, description: Description, *, keep: bool) -> None:
        self._kept = folder / "videos"
        self._keep = keep
        self._world = world
        self._description = description

    # -- looking ----------------------------------------------------------------------------------------------------

    def find(self, call: Call) -> Answer:
        parts = self._parts(call)
        asking.one_filter(call, "id", others=("chart", "myRating"))
        found = [row for row in map(self.existing, asking.ids(call)) if row is not None]
        if parts & _OWNERS_PARTS and any(row.channel_id != call.caller.channel_id for row in found):
            message = (
                "The request cannot access the video's <code>fileDetails</code>, <code>processingDetails</code> or "
                "<code>suggestions</code>. Only the video's owner may retrieve them."
            )
            raise back_end(403, "youtube.video", "forbidden", message, location="part")
        items = [self._look(row, parts, call.caller.channel_id, call.now) for row in found if self.sees(call, row)]
        return Answer(status=200, body=resources.listing("youtube#videoListResponse", items))

    def stats(self, call: Call) -> Answer:
        """Count for many videos at once; those the caller does not see are left out."""
        for name in ("id", "part"):  # required by its text, and not by the document's own mark
            if name not in call.parameters:
                raise back_end(400, "global", "required", f"Required parameter: {name}", location=name)
        parts = self._description.check_parts("videos:batchGetStats", call.parameters["part"])
        found = [row for row in map(self.existing, asking.ids(call)) if row is not None and self.sees(call, row)]
        items = [resources.video_stat(row, self._scene(row, call.caller.channel_id, call.now), parts) for row in found]
        body = {"kind": "youtube#batchGetStatsResponse", "etag": resources.etag(items), "items": items}
        return Answer(status=200, body=body)

    def existing(self, video_id: str) -> Video | None:
        """Return a video that has not been deleted."""
        row = self._world.videos.get(video_id)
        return None if row is None or row.deleted_at is not None else row

    def own(self, call: Call, video_id: str, location: str = "id") -> Video:
        """Return a video of the caller's channel, or refuse."""
        row = self.existing(video_id)
        if row is None:
            raise plain("videoNotFound", call.method.name, location=location)
        if row.channel_id != call.caller.channel_id:
            raise plain("forbidden", call.method.name)
        return row

    def of(self, channel_id: str) -> list[Video]:
        """Return what a channel has, the oldest first."""
        return [row for row in self._world.videos.all() if row.channel_id == channel_id and row.deleted_at is None]

    def is_public(self, call: Call, row: Video) -> bool:
        return row.privacy(call.now) == "public" and self._is_processed(call, row)

    def sees(self, call: Call, row: Video) -> bool:
        """Tell whether the caller may see a video whose id it knows."""
        if row.channel_id == call.caller.channel_id:
            return True
        return row.privacy(call.now) != "private" and self._is_processed(call, row)

    def _is_processed(self, call: Call, row: Video) -> bool:
        return upload_status(row, call.now, self._world.settings) == "processed"

    def _look(self, row: Video, parts: frozenset[str], viewer: str, now: datetime) -> Json:
        return resources.video(row, self._scene(row, viewer, now), parts)

    def _scene(self, row: Video, viewer: str, now: datetime) -> resources.Scene:
        return resources.Scene(
            title=self._world.channel(row.channel_id).title,
            now=now,
            settings=self._world.settings,
            owner=row.channel_id == viewer,
            thumbnail=next(
                (each for each in reversed(self._world.thumbnails.all()) if each.video_id == row.video_id), None
            ),
            captioned=any(
                each.video_id == row.video_id and each.deleted_at is None and not each.draft and not each.fault
                for each in self._world.captions.all()
            ),
            comments=sum(
                each.video_id == row.video_id and each.deleted_at is None and each.standing == "published"
                for each in self._world.comments.all()
            ),
        )

    def _parts(self, call: Call) -> frozenset[str]:
        return self._description.check_parts("videos", call.parameters["part"])

    # -- changing ---------------------------------------------------------------------------------------------------

    def update(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        row = self.own(call, str(resource["id"]))
        if call.request.headers.get("if-match", "*").strip('"') not in {"*", resources.video_etag(row)}:
            raise plain("conditionNotMet", call.method.name, mistake=False)
        given = {part: settable(resource, part) for part in parts if part in SETTABLE or part == "localizations"}
        published = row.was_public(call.now)
        check_video(call.method.name, given, published_before=published)
        # Leaving the privacy out of the part erases it, and what is erased falls back to public.
        if "status" in given:
            given["status"].setdefault("privacyStatus", "public")
        stored = {**row.parts, **given}
        check_languages(call.method.name, stored["snippet"], stored.get("localizations", {}))
        row = self._world.videos.put(replace(row, parts=stored, published_before=published))
        return Answer(status=200, body=self._look(row, parts, call.caller.channel_id, call.now))

    def delete(self, call: Call) -> Answer:
        row = self.own(call, call.argument("id"))
        self._world.videos.put(replace(row, deleted_at=call.now))
        return Answer(status=204)

    # -- uploading --------------------------------------------------------------------------------------------------

    def admit(self, call: Call, resource: Json) -> Admitted:
        parts = self._parts(call)
        self._description.check_resource(call.method, resource)
        asking.check_expected(resource, parts)
        given = {part: settable(resource, part) for part in parts if part in SETTABLE or part == "localizations"}
        check_video(call.method.name, given, published_before=False)
        check_languages(call.method.name, given.get("snippet", {}), given.get("localizations", {}))
        self._check_cap(call)
        self._world.count(f"sessions/{call.caller.channel_id}")
        return Admitted(parts=tuple(sorted(parts)), resource=given)

    def make(self, session: Session, arrived: Arrived) -> str:
        video_id = self._world.new_id("video", 11)
        if self._keep:
            self._kept.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(arrived.content, self._kept / video_id)
        shape = film(arrived.content) or self._usual_shape()
        settings = self._world.settings
        life = {step: self._strike(session, step) for step in ("processing", "listing", "file_details")}
        spoiled = life["processing"].error
        self._world.videos.put(
            Video(
                video_id=video_id,
                channel_id=session.channel_id,
                project=session.project,
                upload_id=session.upload_id,
                bytes=arrived.bytes,
                sha256=arrived.sha256,
                file_name=session.file_name,
                content_type=session.content_type,
                notify=session.notify,
                uploaded_at=arrived.at,
                parts=_with_defaults(session, locked=bool(settings.get("locked_private"))),
                width=shape.width,
                height=shape.height,
                seconds=shape.seconds,
                ends=spoiled.error if spoiled else settings.get("processing_ends") or "",
                processing_for=life["processing"].seconds or None,
                listed_after=life["listing"].seconds or None,
                file_details_after=life["file_details"].seconds or None,
                decided_for_kids=settings.get("decided_for_kids"),
            )
        )
        return video_id

    def show(self, session: Session, now: datetime) -> Json:
        row = self._world.videos.get(session.made)
        assert row is not None  # the two were written in one line
        return self._look(row, frozenset(session.parts), session.channel_id, now)

    def clear(self) -> None:
        """Forget what was kept of their bytes."""
        if self._kept.exists():
            shutil.rmtree(self._kept)

    def _check_cap(self, call: Call) -> None:
        cap = self._world.channel(call.caller.channel_id).cap
        if cap is None:
            return
        begun = sum(
            session.channel_id == call.caller.channel_id
            and session.method == call.method.name
            and session.started_at > call.now - _CAP_LASTS
            for session in self._world.sessions.all()
        )
        if begun >= cap:
            raise upload_limit_exceeded()

    def _strike(self, session: Session, step: str) -> faults.Play:
        return self._world.strike((step,), channel=session.channel_id, project=session.project, length=0)

    def _usual_shape(self) -> Film:
        """Return what a video is like whose bytes are no film we can read, as those of most tests."""
        settings = self._world.settings
        return Film(
            width=settings.get("video_width") or 1920,
            height=settings.get("video_height") or 1080,
            seconds=settings.get("video_seconds") or 10,
        )


def _with_defaults(session: Session, *, locked: bool) -> dict[str, Json]:
    """Fill in what YouTube fills in; a video whose privacy is left out is public."""
    title = Path(session.file_name).stem or "unknown"
    snippet = {"title": title, "description": "", "categoryId": "22", **session.resource.get("snippet", {})}
    status = {"privacyStatus": "public", **session.resource.get("status", {})}
    if locked:
        status = {name: value for name, value in status.items() if name != "publishAt"} | {"privacyStatus": "private"}
    return {**session.resource, "snippet": snippet, "status": status}
