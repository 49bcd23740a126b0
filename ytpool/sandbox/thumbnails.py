"""Thumbnails: pictures of one's own for a video."""

from datetime import datetime, timedelta

from ytpool.sandbox.bodies import plain
from ytpool.sandbox.formats import picture
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.resources import thumbnail_set, upload_status
from ytpool.sandbox.things import Session, Thumbnail, Video
from ytpool.sandbox.uploads import Admitted, Arrived
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Json
from ytpool.sandbox.world import World

_CAP_LASTS = timedelta(hours=24)


class Thumbnails:
    """What becomes of the bytes of `thumbnails.set`."""

    missing = "mediaBodyRequired"
    done = 200

    def __init__(self, world: World, videos: Videos) -> None:
        self._world = world
        self._videos = videos

    def admit(self, call: Call, resource: Json) -> Admitted:  # noqa: ARG002 -- it brings nothing but its bytes
        channel = self._world.channel(call.caller.channel_id)
        row = self._videos.own(call, call.argument("videoId"), "videoId")
        if not channel.thumbnails:
            raise plain("forbidden", call.method.name, mistake=False)
        status = upload_status(row, call.now, self._world.settings)
        waits = row.is_short or self._world.settings.get("thumbnails_wait")
        if waits and status != "processed":  # whether a video is a Short is known only then
            raise plain("videoNotFound", call.method.name, location="videoId", mistake=False)
        if channel.thumbnail_cap is not None and self._set_lately(call) >= channel.thumbnail_cap:
            raise plain("uploadRateLimitExceeded", call.method.name, mistake=False)
        return Admitted(parts=(), resource={"videoId": row.video_id})

    def make(self, session: Session, arrived: Arrived) -> str:
        shape = picture(arrived.content)
        row = self._video(session)
        if shape is None or (row.is_short and shape.width > shape.height):
            raise plain("invalidImage", session.method)
        made = self._world.thumbnails.put(
            Thumbnail(
                thumbnail_id=self._world.new_id("thumbnail", 11),
                video_id=row.video_id,
                channel_id=session.channel_id,
                content_type=session.content_type,
                kind=shape.kind,
                bytes=arrived.bytes,
                sha256=arrived.sha256,
                width=shape.width,
                height=shape.height,
                set_at=arrived.at,
            )
        )
        return made.thumbnail_id

    def show(self, session: Session, now: datetime) -> Json:  # noqa: ARG002 -- a picture does not age
        made = self._world.thumbnails.get(session.made)
        assert made is not None  # the two were written in one line
        return thumbnail_set(made, short=self._video(session).is_short)

    def _video(self, session: Session) -> Video:
        row = self._world.videos.get(session.resource["videoId"])
        assert row is not None  # a video is never forgotten, only marked as deleted
        return row

    def _set_lately(self, call: Call) -> int:
        return sum(
            each.channel_id == call.caller.channel_id and each.set_at > call.now - _CAP_LASTS
            for each in self._world.thumbnails.all()
        )
