"""Comments: threads on videos, their replies, and what the channel's owner lets through.

A comment that was held back answers its writer as one that went live does. The difference shows in lists only: the
public ones leave it out, and the owner finds it under its moderation status.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from ytpool.sandbox import asking, resources
from ytpool.sandbox.bodies import plain
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.things import Ban, Comment, Video
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World

TEXT_CHARACTERS = 10_000
"""YouTube publishes no limit; this is what people report."""

PUBLISHED = "published"
REJECTED = "rejected"
STANDINGS = (PUBLISHED, "heldForReview", "likelySpam", REJECTED)

_THREADS = "youtube#commentThreadListResponse"
_COMMENTS = "youtube#commentListResponse"
_PER_PAGE = 20
_REPLIES_SHOWN = 5


class Comments:
    """The methods of `commentThreads` and `comments`."""

    def __init__(self, world: World, description: Description, videos: Videos) -> None:
        self._world = world
        self._description = description
        self._videos = videos

    # -- threads ----------------------------------------------------------------------------------------------------

    def find_threads(self, call: Call) -> Answer:
        parts = self._parts(call)
        asking.one_filter(call, "videoId", "id", "allThreadsRelatedToChannelId", others=("channelId",))
        if "id" in call.parameters:
            rows = [row for row in map(self._existing, asking.ids(call)) if row is not None and not row.parent_id]
            rows = [row for row in rows if self._sees(call, row)]
        else:
            standing = call.argument("moderationStatus", PUBLISHED)
            rows = [row for row in self._candidates(call, standing) if self._in_list(call, row, standing)]
            wanted = call.argument("searchTerms").lower()
            rows = [row for row in rows if wanted in row.text.lower()]
        body = asking.page(call, _THREADS, rows, lambda _, row: self._thread(call, row, parts), per_page=_PER_PAGE)
        return Answer(status=200, body=body)

    def insert_thread(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        snippet = resource.get("snippet") or {}
        if not snippet.get("videoId"):
            raise plain("channelOrVideoIdMissing", call.method.name, location="body.snippet", location_type="other")
        text = _text(call, (snippet.get("topLevelComment") or {}).get("snippet") or {})
        video = self._video(call, snippet["videoId"])
        row = self._make(call, video, text, key="Ug" + self._world.new_id("comment", 18) + "4AaABAg")
        return Answer(status=200, body=self._thread(call, row, parts))

    # -- single comments --------------------------------------------------------------------------------------------

    def find(self, call: Call) -> Answer:
        parts = self._parts(call)
        asking.one_filter(call, "id", "parentId")
        if "id" in call.parameters:
            rows = [row for row in map(self._existing, asking.ids(call)) if row is not None and self._sees(call, row)]
        else:
            parent = self._existing(call.argument("parentId"))
            if parent is None or parent.parent_id or not self._sees(call, parent):
                raise plain("commentNotFound", call.method.name, location="parentId")
            rows = [row for row in self._replies(parent) if self._is_listed(call, row)]
        body = asking.page(call, _COMMENTS, rows, lambda _, row: self._comment(call, row, parts), per_page=_PER_PAGE)
        return Answer(status=200, body=body)

    def insert(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        snippet = resource.get("snippet") or {}
        if not snippet.get("parentId"):
            raise plain("parentIdMissing", call.method.name, location="body.snippet.parentId", location_type="other")
        text = _text(call, snippet)
        parent = self._existing(snippet["parentId"])
        if parent is None or parent.parent_id or not self._sees(call, parent):
            raise plain("parentCommentNotFound", call.method.name, location="body.snippet.parentId")
        video = self._video(call, parent.video_id)
        if parent.standing != PUBLISHED:
            raise plain("parentCommentIsPrivate", call.method.name, location="body.snippet.parentId")
        key = f"{parent.comment_id}.{self._world.new_id('comment', 22)}"
        row = self._make(call, video, text, key=key, parent=parent)
        return Answer(status=200, body=self._comment(call, row, parts))

    def update(self, call: Call) -> Answer:
        parts, resource = asking.parts_and_resource(self._description, call)
        row = self._own(call, str(resource.get("id") or ""), owner_too=False)
        text = _text(call, resource.get("snippet") or {})
        row = self._world.comments.put(replace(row, text=text, updated_at=call.now))
        return Answer(status=200, body=self._comment(call, row, parts))

    def delete(self, call: Call) -> Answer:
        row = self._own(call, call.argument("id"), owner_too=True)
        for each in (row, *self._replies(row)):
            self._world.comments.put(replace(each, deleted_at=call.now))
        return Answer(status=204)

    def moderate(self, call: Call) -> Answer:
        standing, ban = call.argument("moderationStatus"), call.argument("banAuthor") == "true"
        if ban and standing != REJECTED:
            raise plain("banWithoutReject", call.method.name, location="banAuthor")
        rows = [self._existing(comment_id) for comment_id in asking.ids(call)]
        for row in rows:
            if row is None:
                raise plain("commentNotFound", call.method.name, location="id")
            if row.owner_id != call.caller.channel_id:
                raise plain("forbidden", call.method.name, location="id")
        for row in rows:
            assert row is not None
            self._world.comments.put(replace(row, standing=standing))
            if ban:
                self._world.bans.put(Ban(ban_id=f"{row.owner_id}/{row.channel_id}"))
        return Answer(status=204)

    # -- finding ----------------------------------------------------------------------------------------------------

    def _parts(self, call: Call) -> frozenset[str]:
        return self._description.check_parts(call.method.resource, call.parameters["part"])

    def _existing(self, comment_id: str) -> Comment | None:
        row = self._world.comments.get(comment_id)
        return None if row is None or row.deleted_at is not None else row

    def _every(self) -> Iterable[Comment]:
        return (row for row in self._world.comments.all() if row.deleted_at is None)

    def _replies(self, parent: Comment) -> list[Comment]:
        return [row for row in self._every() if row.parent_id == parent.comment_id]

    def _own(self, call: Call, comment_id: str, *, owner_too: bool) -> Comment:
        row = self._existing(comment_id)
        if row is None:
            raise plain("commentNotFound", call.method.name, location="id")
        if call.caller.channel_id not in {row.channel_id, row.owner_id if owner_too else row.channel_id}:
            raise plain("forbidden", call.method.name, location="id")
        return row

    def _candidates(self, call: Call, standing: str) -> list[Comment]:
        """Return the threads of a video or of a whole channel, the newest first."""
        video_id = call.argument("videoId")
        owner_id = call.argument("allThreadsRelatedToChannelId")
        if video_id:
            owner_id = self._video(call, video_id, location="videoId").channel_id
        if standing != PUBLISHED and owner_id != call.caller.channel_id:
            raise plain("forbidden", call.method.name, location="moderationStatus", mistake=False)
        rows = [row for row in self._every() if row.owner_id == owner_id and not row.parent_id]
        return [row for row in reversed(rows) if video_id in {"", row.video_id}]

    def _in_list(self, call: Call, row: Comment, standing: str) -> bool:
        """Tell whether a thread belongs in a list; a held reply brings its thread among those that are held."""
        if standing == PUBLISHED:
            return self._is_listed(call, row)
        return standing in {row.standing, *(reply.standing for reply in self._replies(row))}

    def _is_listed(self, call: Call, row: Comment) -> bool:
        late = timedelta(seconds=self._world.settings.get("comments_listed_after") or 0)
        return row.standing == PUBLISHED and call.now >= row.posted_at + late

    def _sees(self, call: Call, row: Comment) -> bool:
        return call.caller.channel_id in {row.channel_id, row.owner_id} or self._is_listed(call, row)

    def _video(self, call: Call, video_id: str, *, location: str = "body.snippet.videoId") -> Video:
        row = self._videos.existing(video_id)
        if row is None or not self._videos.sees(call, row):
            raise plain("videoNotFound", call.method.name, location=location)
        for_kids = row.parts["status"].get("selfDeclaredMadeForKids") or row.decided_for_kids
        if for_kids or self._world.settings.get("comments_disabled"):
            raise plain("commentsDisabled", call.method.name, location=location, mistake=False)
        return row

    # -- making and showing -----------------------------------------------------------------------------------------

    def _make(self, call: Call, video: Video, text: str, *, key: str, parent: Comment | None = None) -> Comment:
        author = call.caller.channel_id
        banned = self._world.bans.get(f"{video.channel_id}/{author}") is not None
        return self._world.comments.put(
            Comment(
                comment_id=key,
                video_id=video.video_id,
                owner_id=video.channel_id,
                channel_id=author,
                project=call.caller.project,
                parent_id="" if parent is None else parent.comment_id,
                text=text,
                standing=REJECTED if banned else self._world.settings.get("comments_stand") or PUBLISHED,
                posted_at=call.now,
                updated_at=call.now,
            )
        )

    def _thread(self, call: Call, row: Comment, parts: frozenset[str]) -> Json:
        replies = [reply for reply in self._replies(row) if self._is_listed(call, reply)]
        if row.owner_id == call.caller.channel_id and "moderationStatus" in call.parameters:
            replies = self._replies(row)
        return resources.comment_thread(
            row,
            self._comment(call, row, frozenset({"snippet"})),
            [self._comment(call, reply, frozenset({"snippet"})) for reply in replies[-_REPLIES_SHOWN:]],
            len(replies),
            parts,
            can_reply=row.standing == PUBLISHED,
        )

    def _comment(self, call: Call, row: Comment, parts: frozenset[str]) -> Json:
        viewer = call.caller.channel_id
        return resources.comment(
            row,
            self._world.channel(row.channel_id),
            parts,
            original=viewer == row.channel_id,
            standing=viewer == row.owner_id and "id" not in call.parameters,
            html=call.argument("textFormat", "html") == "html",
        )


def _text(call: Call, snippet: Json) -> str:
    text = snippet.get("textOriginal") or ""
    if not text.strip():
        raise plain("commentTextRequired", call.method.name, location="body.snippet", location_type="other")
    if len(text) > TEXT_CHARACTERS:
        raise plain("commentTextTooLong", call.method.name, location="body.snippet", location_type="other")
    return str(text)
