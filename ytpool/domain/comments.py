"""Comments: what may be said, when two texts are the same, and what a list of comments proves.

A comment that is held back answers its writer as one that went live does, and may be listed late. So what is in a list
is evidence, and what is not there proves nothing.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments
from ytpool.errors import MetadataInvalid

KIND = "comment"
"""What a job that says something is called."""
POST, READ_BACK = "post", "read_back"
"""Its steps."""

TEXT_CHARACTERS = 10_000
"""YouTube publishes no limit; this is what people report. A text that is refused costs as much as one that is not."""

REPEATS_WITHIN = timedelta(hours=24)
"""How long a text that an account has posted may not come again from the accounts of its pool."""

_BEFORE_INTENT = timedelta(minutes=1)
"""How far before our intent YouTube may date a comment: its moments are whole seconds of another clock."""

_ID = re.compile(r"[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]{10,})?")
_ID_IN_ADDRESS = re.compile(r"https?://(?:\w+\.)?youtube\.com/\S*[?&]lc=([^&#\s]+)\S*")


class Moderation(StrEnum):
    """Whether a comment is seen."""

    PUBLISHED = "published"
    HELD = "held_for_review"
    SPAM = "likely_spam"
    REJECTED = "rejected"
    NOT_LISTED = "not_listed"
    """It is not among those that are published, and only the video's owner can see why."""

    @property
    def status(self) -> str:
        """Say it in the words of `moderationStatus`."""
        return _STATUS[self]

    @property
    def spoken(self) -> str:
        return self.replace("_", " ")


_STATUS = {
    Moderation.PUBLISHED: "published",
    Moderation.HELD: "heldForReview",
    Moderation.SPAM: "likelySpam",
    Moderation.REJECTED: "rejected",
}
_MODERATIONS = {status: moderation for moderation, status in _STATUS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is to be said: a comment on a video, or a reply to a comment."""

    text: str
    video_id: str | None = None
    """None for a reply until its thread was looked at."""
    parent_id: str | None = None

    @property
    def place(self) -> str:
        """The id of what it stands under."""
        place = self.parent_id or self.video_id
        assert place is not None
        return place

    @property
    def operation(self) -> str:
        return "comments.insert" if self.parent_id else "commentThreads.insert"

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """The steps and calls it takes: a look at its place, itself, and a look whether it is seen."""
        if self.parent_id:
            return (POST, "commentThreads.list"), (POST, self.operation), (READ_BACK, "comments.list")
        return (POST, "videos.list"), (POST, self.operation), (READ_BACK, "commentThreads.list")

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `from_dict` reads it back."""
        return {"video_id": self.video_id, "parent_id": self.parent_id, "text": self.text}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(text=stored["text"], video_id=stored["video_id"], parent_id=stored["parent_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment as YouTube tells of it."""

    comment_id: str
    video_id: str | None
    parent_id: str | None
    owner_id: str | None
    """The channel whose video it is."""
    author_id: str | None
    author: str
    text: str
    likes: int
    replies: int | None
    """None where it is a reply itself."""
    published_at: datetime | None
    moderation: Moderation | None
    """None where YouTube does not tell, as it tells only the owner."""

    @classmethod
    def from_resource(cls, resource: Mapping[str, Any], *, replies: int | None = None) -> Self:
        """Read a `comment`; whatever is not as it should be is taken as not said."""
        snippet = _table(resource, "snippet")
        likes = snippet.get("likeCount")
        return cls(
            comment_id=_text(resource, "id") or "",
            video_id=_text(snippet, "videoId"),
            parent_id=_text(snippet, "parentId"),
            owner_id=_text(snippet, "channelId"),
            author_id=_text(_table(snippet, "authorChannelId"), "value"),
            author=_text(snippet, "authorDisplayName") or "",
            text=_text(snippet, "textOriginal") or _text(snippet, "textDisplay") or "",
            likes=likes if isinstance(likes, int) else 0,
            replies=replies,
            published_at=_moment(snippet.get("publishedAt")),
            moderation=_MODERATIONS.get(_text(snippet, "moderationStatus") or ""),
        )

    @classmethod
    def from_thread(cls, resource: Mapping[str, Any]) -> tuple[Self, ...]:
        """Read a `commentThread`: its first comment, and the replies that came with it."""
        snippet = _table(resource, "snippet")
        count = snippet.get("totalReplyCount")
        top = cls.from_resource(_table(snippet, "topLevelComment"), replies=count if isinstance(count, int) else 0)
        answers = _table(resource, "replies").get("comments")
        found = [one for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
        return (top, *map(cls.from_resource, found))


def check(text: str) -> None:
    """Raise MetadataInvalid for a text that YouTube would refuse, which costs as much as one that it takes."""
    if not compared(text):
        raise MetadataInvalid("the text is empty", field="text", hint="nothing was sent")
    if len(text) > TEXT_CHARACTERS:
        raise MetadataInvalid(
            f"the text has {len(text):,} characters, and YouTube is known to take {TEXT_CHARACTERS:,}",
            field="text",
            hint="nothing was sent; shorten it",
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise MetadataInvalid("the text holds bytes that are no letters", field="text", hint="write it in UTF-8")


def compared(text: str) -> str:
    """Return a text as it is compared: neither spacing nor case nor invisible characters make it another one."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(one for one in folded if unicodedata.category(one) != "Cf").split())


def digest(text: str) -> str:
    """Return what is stored to find the same text again."""
    return hashlib.sha256(compared(text).encode()).hexdigest()


def address(video_id: str | None, comment_id: str | None = None) -> str | None:
    """Return where a comment is seen, or its video where the comment is not known."""
    if video_id is None:
        return None
    return f"https://www.youtube.com/watch?v={video_id}" + (f"&lc={comment_id}" if comment_id else "")


def word_wanted(job: str) -> str:
    """Return what a person types who knows what became of a comment that nobody heard of."""
    return f"ytpool queue resolve {job} --as done:COMMENT_ID, failed or restart"


def comment_id(typed: str) -> str:
    """Return the id in what somebody typed: itself, or the address behind a comment's date; ValueError for others."""
    found = _ID_IN_ADDRESS.fullmatch(typed)
    plain = found[1] if found else typed
    if not _ID.fullmatch(plain):
        raise ValueError(f"{typed!r} is no comment: write its id, or the address behind its date, with lc= in it")
    return plain


def find(
    seen: Iterable[Comment], remark: Remark, *, author_id: str, since: datetime, claimed: Collection[str]
) -> Comment | None:
    """Find what we may have posted: by our channel, in our words, since our intent, and no other job's."""
    same = [
        one
        for one in seen
        if one.author_id == author_id
        and one.comment_id not in claimed
        and one.parent_id == remark.parent_id
        and one.published_at is not None
        and one.published_at >= since - _BEFORE_INTENT
        and compared(one.text) == compared(remark.text)
    ]
    return min(same, key=lambda one: str(one.published_at), default=None)


def is_before(seen: Iterable[Comment], since: datetime) -> bool:
    """Tell whether a list, the newest first, has come to what was there before our intent."""
    dated = [one.published_at for one in seen if one.published_at is not None and one.parent_id is None]
    return bool(dated) and dated[-1] < since - _BEFORE_INTENT


def _table(resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = resource.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(resource: Mapping[str, Any], name: str) -> str | None:
    found = resource.get(name)
    return found if isinstance(found, str) and found else None


def _moment(written: Any) -> datetime | None:
    try:
        return moments.parse_optional(written)
    except (TypeError, ValueError):
        return None
