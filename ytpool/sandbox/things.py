"""What exists at our Google: projects, clients, channels, grants, tokens, upload sessions, videos.

Values only. A field that ends in `_at` is a moment, and stands in the journal as text.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from ytpool.domain import moments
from ytpool.sandbox.wire import Json


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
    dead: bool = False
    video_id: str = ""


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
