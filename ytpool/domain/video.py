"""What is said about a video when it is uploaded, and YouTube's limits on it, checked before anything is spent.

Two fields are always sent because leaving them out means something: without a privacy status YouTube publishes, and
without a word on children it asks the channel's owner later.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Self

from ytpool import data
from ytpool.domain import moments
from ytpool.errors import FileInvalid, MetadataInvalid

TITLE_CHARACTERS = 100
DESCRIPTION_BYTES = 5000
TAGS_CHARACTERS = 500
FILE_BYTES = 256 * 1024**3

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ID = re.compile(r"([A-Za-z0-9_-]{11})")
_ID_IN_ADDRESS = re.compile(
    r"https?://(?:youtu\.be/|(?:\w+\.)?youtube\.com/(?:watch\?(?:\S*&)?v=|shorts/|live/|embed/|video/))"
    r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])"
)
_CONTENT_TYPES = {
    ".3g2": "video/3gpp2",
    ".3gp": "video/3gpp",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".m2ts": "video/mp2t",
    ".m4v": "video/x-m4v",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".ogv": "video/ogg",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}


class Privacy(StrEnum):
    """Who may see a video."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class Licence(StrEnum):
    """The licence a video is published under, in YouTube's words."""

    YOUTUBE = "youtube"
    CREATIVE_COMMON = "creativeCommon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Localization:
    """A video's title and description in another language than its own."""

    language: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A video as it was asked for. None leaves a field to YouTube or to the channel's defaults."""

    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    category: str = "22"
    privacy: Privacy = Privacy.PRIVATE
    publish_at: datetime | None = None
    notify: bool = True
    made_for_kids: bool = False
    synthetic: bool | None = None
    licence: Licence | None = None
    embeddable: bool | None = None
    public_stats: bool | None = None
    language: str | None = None
    recorded_on: date | None = None
    localizations: tuple[Localization, ...] = ()
    """They need `language`: YouTube must know which one the title itself is in."""

    def body(self) -> dict[str, Any]:
        """Return the resource for `videos.insert`; a video with a moment of publication is private until then."""
        snippet = {
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags) or None,
            "categoryId": self.category,
            "defaultLanguage": self.language,
        }
        status = {
            "privacyStatus": (Privacy.PRIVATE if self.publish_at else self.privacy).value,
            "selfDeclaredMadeForKids": self.made_for_kids,
            "publishAt": _rfc3339(self.publish_at) if self.publish_at else None,
            "containsSyntheticMedia": self.synthetic,
            "license": self.licence.value if self.licence else None,
            "embeddable": self.embeddable,
            "publicStatsViewable": self.public_stats,
        }
        body = {"snippet": _without_none(snippet), "status": _without_none(status)}
        if self.recorded_on:
            body["recordingDetails"] = {"recordingDate": f"{self.recorded_on.isoformat()}T00:00:00Z"}
        if self.localizations:
            body["localizations"] = {
                one.language: {"title": one.title, "description": one.description} for one in self.localizations
            }
        return body

    @property
    def parts(self) -> str:
        """Name the parts of the resource that `body` fills, as the `part` parameter wants them."""
        return ",".join(self.body())

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; `from_dict` reads it back."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)} | {
            "tags": list(self.tags),
            "publish_at": moments.text(self.publish_at) if self.publish_at else None,
            "recorded_on": self.recorded_on.isoformat() if self.recorded_on else None,
            "localizations": [asdict(one) for one in self.localizations],
        }
        if not self.localizations:
            # A version that does not know them refuses the name, and may still read a request that has none.
            del plain["localizations"]
        return plain

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote, by this version or an older one."""
        unknown = sorted(stored.keys() - {field.name for field in fields(cls)})
        if unknown:
            # Leaving out what another version understood would publish something else than was asked for.
            raise MetadataInvalid(f"this version of ytpool does not know {', '.join(unknown)}", unknown=unknown)
        typed = dict(stored)
        for name, read in _READERS.items():
            if typed.get(name) is not None:
                typed[name] = read(typed[name])
        return cls(**typed)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "tags": tuple,
    "privacy": Privacy,
    "licence": Licence,
    "publish_at": moments.parse,
    "recorded_on": date.fromisoformat,
    "localizations": lambda stored: tuple(Localization(**one) for one in stored),
}


def problems(request: VideoRequest, now: datetime) -> list[str]:
    """Return a sentence for everything YouTube would refuse, with the rule and what was measured."""
    return [sentence for _, sentence in problems_by_field(request, now)]


def problems_by_field(request: VideoRequest, now: datetime) -> list[tuple[str, str]]:
    """Return the same sentences, each with the name of the field that it is about."""
    found: tuple[tuple[str, Iterable[str]], ...] = (
        ("title", _title_problems("the title", request.title)),
        ("description", _description_problems("the description", request.description)),
        ("tags", _tag_problems(request.tags)),
        ("category", _category_problems(request.category)),
        ("publish_at", _moment_problems(request, now)),
        ("privacy", _privacy_problems(request)),
        ("language", _language_problems(request.language)),
        ("localizations", _localization_problems(request)),
    )
    return [(field, sentence) for field, sentences in found for sentence in sentences]


def check(request: VideoRequest, now: datetime) -> None:
    """Raise MetadataInvalid, with every problem at once, if YouTube would refuse this."""
    found = problems(request, now)
    if found:
        raise MetadataInvalid("; ".join(found), hint="nothing was sent; correct this and try again", problems=found)


def check_size(name: str, size: int) -> None:
    """Raise FileInvalid if YouTube takes no file of this size."""
    if size == 0:
        raise FileInvalid(
            f"{name} is empty", hint="look at what wrote it, then type the same command again", file=name, size=size
        )
    if size > FILE_BYTES:
        raise FileInvalid(f"{name} has {size:,} bytes, YouTube takes {FILE_BYTES:,} (256 GB)", file=name, size=size)


def content_type(file_name: str) -> str:
    """Return the media type to announce; what no suffix gives away YouTube finds out by itself."""
    return _CONTENT_TYPES.get(PurePath(file_name).suffix.lower(), "application/octet-stream")


def default_title(file_name: str) -> str:
    """Make a title that YouTube takes out of a file's name."""
    # A name that is not UTF-8 arrives with surrogates in it, which no JSON can carry.
    stem = PurePath(file_name).stem.encode("utf-8", "replace").decode()
    words = re.sub(r"[<>\s\x00-\x1f\x7f]+", " ", stem).strip()
    return words[:TITLE_CHARACTERS].strip() or "Untitled"


def tags_length(tags: tuple[str, ...]) -> int:
    """Count tags as YouTube does: with the commas between them, and two quotes around a tag that has a space."""
    return len(",".join(f'"{tag}"' if " " in tag else tag for tag in tags))


def video_id(typed: str) -> str:
    """Read a video's id as people type it, alone or within an address; raises ValueError with what was expected."""
    text = typed.strip()
    found = _ID.fullmatch(text) or _ID_IN_ADDRESS.match(text)
    if found is None:
        raise ValueError(f"{typed!r:.60} is no video; give its id of 11 letters, or its address")
    return found[1]


def is_language(tag: str) -> bool:
    """Say whether this is shaped like a BCP-47 tag such as en or pt-BR; which ones YouTube knows only it can say."""
    return _LANGUAGE.fullmatch(tag) is not None


def _title_problems(what: str, title: str) -> Iterator[str]:
    if not title.strip():
        yield f"{what} is empty, YouTube wants at least one character"
    if len(title) > TITLE_CHARACTERS:
        yield f"{what} has {len(title)} characters, YouTube takes {TITLE_CHARACTERS}"
    yield from _text_problems(what, title)


def _description_problems(what: str, description: str) -> Iterator[str]:
    size = len(description.encode("utf-8", "surrogatepass"))
    if size > DESCRIPTION_BYTES:
        yield f"{what} has {size} bytes in UTF-8, YouTube takes {DESCRIPTION_BYTES}"
    yield from _text_problems(what, description)


def _text_problems(what: str, text: str) -> Iterator[str]:
    for sign in "<>":
        if sign in text:
            yield f"{what} has a {sign} at character {text.index(sign) + 1}, YouTube takes none"
    yield from _encoding_problems(what, text)


def _encoding_problems(what: str, text: str) -> Iterator[str]:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        yield f"{what} has something at character {error.start + 1} that is no text in UTF-8"


def _tag_problems(tags: tuple[str, ...]) -> Iterator[str]:
    length = tags_length(tags)
    if length > TAGS_CHARACTERS:
        yield (
            f"the tags have {length} characters with the commas between them and two quotes for each tag with a space, "
            f"YouTube takes {TAGS_CHARACTERS}"
        )
    for tag in tags:
        if not tag.strip():
            yield "one of the tags is empty"
        if "," in tag:
            yield f"the tag {tag!r} has a comma, where YouTube would split it; give two tags"
        yield from _encoding_problems(f"the tag {tag!r}", tag)


def _category_problems(category: str) -> Iterator[str]:
    assignable: Mapping[str, str] = data.load("categories.json")["assignable"]
    if category not in assignable:
        known = ", ".join(f"{number} {name}" for number, name in assignable.items())
        yield f"the category {category!r:.60} cannot be given to an upload; YouTube takes {known}"


def _moment_problems(request: VideoRequest, now: datetime) -> Iterator[str]:
    if request.publish_at is not None and request.publish_at <= now:
        yield (
            f"the moment of publication, {_rfc3339(request.publish_at)}, is over (it is {_rfc3339(now)}); "
            "YouTube would publish at once"
        )


def _privacy_problems(request: VideoRequest) -> Iterator[str]:
    if request.publish_at is not None and request.privacy is not Privacy.PRIVATE:
        yield f"a video with a moment of publication is private until then, not {request.privacy.value}"


def _language_problems(language: str | None) -> Iterator[str]:
    if language is not None and not is_language(language):
        yield f"the language {language!r:.60} is no BCP-47 tag such as en or pt-BR"


def _localization_problems(request: VideoRequest) -> Iterator[str]:
    if request.localizations and request.language is None:
        yield "there are localizations, so YouTube wants the language of the title itself as well"
    seen: set[str] = set()
    for one in request.localizations:
        if not is_language(one.language):
            yield f"the localization's language {one.language!r:.60} is no BCP-47 tag such as en or pt-BR"
        if one.language.lower() in seen:
            yield f"there are two localizations for {one.language}"
        seen.add(one.language.lower())
        # An empty one is refused by YouTube as `invalidVideoMetadata`, which names no field.
        yield from _title_problems(f"the title in {one.language!r:.60}", one.title)
        yield from _description_problems(f"the description in {one.language!r:.60}", one.description)


def _rfc3339(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
