"""What exists at our Google: projects, clients, channels, grants, tokens, upload sessions, videos and what they have.

Values only. A field that ends in `_at` is a moment, and stands in the journal as text.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.sandbox.wire import Json

SHORT_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Anything the journal keeps under a key of its own."""

    @property
    def key(self) -> str:
        """The value of the first field."""
        return str(getattr(self, fields(self)[0].name))

    def to_row(self) -> Json:
        return {
            each.name: moments.text(value) if isinstance(value, datetime) else value
            for each in fields(self)
            for value in (getattr(self, each.name),)
        }

    @classmethod
    def from_row(cls, row: Json) -> Self:
        return cls(**{name: _value(name, value) for name, value in row.items()})


def _value(name: str, value: Any) -> Any:
    if name.endswith("_at"):
        return moments.parse_optional(value)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Thing):
    """A Cloud project: it pays."""

    number: str
    name: str
    project_id: str
    testing: bool = False
    """In Testing mode every grant dies after seven days."""
    limits: dict[str, int] = field(default_factory=dict)
    """Buckets whose limit is not the default one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(Thing):
    """An OAuth client of the installed kind."""

    client_id: str
    secret: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Thing):
    """A channel, and the Google account that owns nothing else."""

    channel_id: str
    title: str
    made_at: datetime
    cap: int | None = None
    """Uploads in 24 hours; None is as many as one likes."""
    thumbnails: bool = True
    """Whether it may set thumbnails of its own; YouTube wants a verified phone for that."""
    thumbnail_cap: int | None = None
    """Thumbnails in 24 hours."""

    @property
    def uploads(self) -> str:
        """The id of the playlist of everything uploaded."""
        return "UU" + self.channel_id[2:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Thing):
    """What a person has allowed a client to do with a channel; its key is the refresh token."""

    refresh_token: str
    client_id: str
    project: str
    channel_id: str
    scopes: tuple[str, ...]
    made_at: datetime
    dies_at: datetime | None = None
    dead: bool = False

    def alive(self, now: datetime) -> bool:
        return not self.dead and (self.dies_at is None or now < self.dies_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Thing):
    """An access token."""

    access_token: str
    refresh_token: str
    client_id: str
    project: str
    channel_id: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Thing):
    """An authorization code: good once, for ten minutes, for the client and the address that asked."""

    code: str
    client_id: str
    redirect_uri: str
    challenge: str
    channel_id: str
    scopes: tuple[str, ...]
    expires_at: datetime
    used_for: str = ""
    """The refresh token that it became."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Thing):
    """An upload that was begun; one that was sent in a single request is begun and finished at once."""

    upload_id: str
    channel_id: str
    project: str
    parts: tuple[str, ...]
    resource: Json
    size: int | None
    content_type: str
    file_name: str
    notify: bool
    started_at: datetime
    method: str = "videos.insert"
    dead: bool = False
    made: str = ""
    """The id of what the bytes became: a video, a thumbnail, a caption track."""

    @classmethod
    def from_row(cls, row: Json) -> Self:
        # Journals from before there were thumbnails know only videos.
        return cls(**{"made" if name == "video_id" else name: _value(name, value) for name, value in row.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Thing):
    """A video as its owner made it, and what really arrived."""

    video_id: str
    channel_id: str
    project: str
    upload_id: str
    bytes: int
    sha256: str
    file_name: str
    content_type: str
    notify: bool
    uploaded_at: datetime
    parts: dict[str, Json]
    """What the owner may set, part by part."""
    published_before: bool = False
    """It has been public once, so no date can be set for it any more."""
    deleted_at: datetime | None = None
    width: int = 1920
    height: int = 1080
    seconds: float = 10
    ends: str = ""
    """Why processing will fail, or why the video will be rejected."""
    processing_for: float | None = None
    """How long it is processed, in seconds; None is what the setting says. So with the two below."""
    listed_after: float | None = None
    file_details_after: float | None = None
    decided_for_kids: bool | None = None
    """What YouTube itself found, where that is not what the owner said."""

    def privacy(self, now: datetime) -> str:
        """Return who sees it now: a date that has passed has published it."""
        date = self.publish_at()
        if date is not None and date <= now:
            return "public"
        return str(self.parts["status"]["privacyStatus"])

    def publish_at(self) -> datetime | None:
        return moments.parse_optional(self.parts["status"].get("publishAt"))

    def was_public(self, now: datetime) -> bool:
        return self.published_before or self.privacy(now) == "public"

    @property
    def is_short(self) -> bool:
        """Whether YouTube shows it as a Short: not wider than high, and three minutes at most."""
        return self.width <= self.height and self.seconds <= SHORT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail(Thing):
    """A picture that was set for a video; the last one of a video is the one it has."""

    thumbnail_id: str
    video_id: str
    channel_id: str
    content_type: str
    kind: str
    """What the bytes really are: `jpeg` or `png`."""
    bytes: int
    sha256: str
    width: int
    height: int
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption(Thing):
    """A caption track of a video."""

    caption_id: str
    video_id: str
    channel_id: str
    language: str
    name: str
    draft: bool
    content_type: str
    bytes: int
    sha256: str
    fault: str
    """Why YouTube cannot show it, if it cannot."""
    updated_at: datetime
    made_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Thing):
    """A comment on a video, or a reply to one."""

    comment_id: str
    video_id: str
    owner_id: str
    """The channel of the video, which decides what is seen."""
    channel_id: str
    """Who wrote it."""
    project: str
    parent_id: str
    text: str
    standing: str
    """In the words of `moderationStatus`."""
    posted_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban(Thing):
    """A channel that may not comment on another's videos: `OWNER/AUTHOR`."""

    ban_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist(Thing):
    """A playlist that somebody made; the one of all uploads is none of these."""

    playlist_id: str
    channel_id: str
    parts: dict[str, Json]
    made_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistItem(Thing):
    """A video's place in a playlist."""

    item_id: str
    playlist_id: str
    channel_id: str
    video_id: str
    position: int
    details: Json
    """The note and the times of `contentDetails`."""
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Thing):
    """A task of the service beside YouTube; of its key only a mark is kept."""

    task_id: str
    key_mark: str
    at_once: int
    """How many its key ran when it began, itself included."""
    wish: dict[str, Any]
    callback: str
    call: str
    end: str
    made_at: datetime
    over_at: datetime
    call_at: datetime
    called: bool = False
    heard: tuple[int, ...] = ()
    """The status of the answer to each callback; 0 where there was none."""
