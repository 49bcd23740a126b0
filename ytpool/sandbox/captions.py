"""Caption tracks: one per video, language and name."""

import re
from dataclasses import replace
from datetime import datetime

from ytpool.sandbox import asking, resources
from ytpool.sandbox.bodies import plain
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.formats import caption_fault
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.things import Caption, Session
from ytpool.sandbox.uploads import Admitted, Arrived
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World

NAME_CHARACTERS = 150
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Captions:
    """The methods of `captions`, and what becomes of the bytes of an insert or an update."""

    missing = "contentRequired"
    done = 200

    def __init__(self, world: World, description: Description, videos: Videos) -> None:
        self._world = world
        self._description = description
        self._videos = videos

    def find(self, call: Call) -> Answer:
        parts = self._parts(call)
        video = self._videos.own(call, call.argument("videoId"), "videoId")
        wanted = asking.ids(call) if "id" in call.parameters else None
        found = [
            row
            for row in self._of(video.video_id)
            if (wanted is None or row.caption_id in wanted) and self._world.is_listed("captions", row.made_at, call.now)
        ]
        items = [resources.caption(row, parts) for row in found]
        body = {"kind": "youtube#captionListResponse", "etag": resources.etag(items), "items": items}  # it has no pages
        return Answer(status=200, body=body)

    def update(self, call: Call) -> Answer:
        """Change a track without touching what it says."""
        admitted = self._admit_update(call, asking.resource_of(call.request.body))
        row = self._own(call, admitted.resource["id"])
        row = self._world.captions.put(replace(row, draft=_is_draft(admitted.resource, row), updated_at=call.now))
        return Answer(status=200, body=resources.caption(row, admitted.parts))

    def delete(self, call: Call) -> Answer:
        row = self._own(call, call.argument("id"))
        self._world.captions.put(replace(row, deleted_at=call.now))
        return Answer(status=204)

    # -- uploading --------------------------------------------------------------------------------------------------

    def admit(self, call: Call, resource: Json) -> Admitted:
        if call.method.name == "captions.update":
            return self._admit_update(call, resource)
        parts = self._parts(call)
        self._description.check_resource(call.method, resource)
        asking.check_expected(resource, parts)
        snippet = resource["snippet"]
        if len(snippet["name"]) > NAME_CHARACTERS:
            raise plain("nameTooLong", call.method.name, location="body.snippet.name")
        if not _LANGUAGE.fullmatch(snippet["language"]):
            raise plain("invalidMetadata", call.method.name, location="body.snippet.language")
        video = self._videos.own(call, snippet["videoId"], "body.snippet.videoId")
        self._check_new(call.method.name, video.video_id, snippet)
        return Admitted(parts=tuple(sorted(parts)), resource={"snippet": snippet})

    def make(self, session: Session, arrived: Arrived) -> str:
        if not arrived.bytes:
            raise plain("contentRequired", session.method)
        if session.method == "captions.update":
            row = self._world.captions.get(session.resource["id"])
            if row is None or row.deleted_at is not None:  # while its bytes were under way
                raise plain("captionNotFound", session.method, mistake=False)
            row = replace(row, draft=_is_draft(session.resource, row))
        else:
            snippet = session.resource["snippet"]
            self._check_new(session.method, snippet["videoId"], snippet)
            row = Caption(
                caption_id=self._world.new_id("caption", 34),
                video_id=snippet["videoId"],
                channel_id=session.channel_id,
                language=snippet["language"],
                name=snippet["name"],
                draft=bool(snippet.get("isDraft")),
                content_type=session.content_type,
                bytes=arrived.bytes,
                sha256=arrived.sha256,
                fault="",
                updated_at=arrived.at,
                made_at=arrived.at,
            )
        row = replace(
            row,
            content_type=session.content_type,
            bytes=arrived.bytes,
            sha256=arrived.sha256,
            fault=caption_fault(arrived.content),
            updated_at=arrived.at,
        )
        return self._world.captions.put(row).caption_id

    def show(self, session: Session, now: datetime) -> Json:  # noqa: ARG002 -- a track does not age
        row = self._world.captions.get(session.made)
        assert row is not None  # the two were written in one line
        return resources.caption(row, session.parts)

    def _admit_update(self, call: Call, resource: Json) -> Admitted:
        parts = self._parts(call)
        self._description.check_resource(call.method, resource)
        asking.check_expected(resource, parts)
        row = self._own(call, resource["id"])
        given = {"snippet": resource.get("snippet") or {}} if "snippet" in parts else {}
        return Admitted(parts=tuple(sorted(parts)), resource={"id": row.caption_id, **given})

    def _check_new(self, method: str, video_id: str, snippet: Json) -> None:
        if any((row.language, row.name) == (snippet["language"], snippet["name"]) for row in self._of(video_id)):
            raise plain("captionExists", method, mistake=False)

    def _own(self, call: Call, caption_id: str) -> Caption:
        row = self._world.captions.get(caption_id)
        if row is None or row.deleted_at is not None or self._videos.existing(row.video_id) is None:
            raise plain("captionNotFound", call.method.name, location="id")
        if row.channel_id != call.caller.channel_id:
            raise plain("forbidden", call.method.name)
        return row

    def _of(self, video_id: str) -> list[Caption]:
        return [row for row in self._world.captions.all() if row.video_id == video_id and row.deleted_at is None]

    def _parts(self, call: Call) -> frozenset[str]:
        return self._description.check_parts("captions", call.parameters["part"])


def _is_draft(resource: Json, row: Caption) -> bool:
    """Say what an update makes of the draft flag: a part that is sent without it erases it."""
    return bool(resource["snippet"].get("isDraft")) if "snippet" in resource else row.draft
