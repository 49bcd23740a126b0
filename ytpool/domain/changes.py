"""Changing a video that is there: what is asked for, put over what YouTube has, part by part.

`videos.update` replaces every part it is sent, and what the part leaves out is erased. So a part is read, changed and
written back whole, with everything in it that its owner may write, and nothing that is YouTube's own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self

from ytpool.domain import moments, video
from ytpool.domain.video import Licence, Localization, Privacy, VideoRequest
from ytpool.errors import MetadataInvalid

WRITABLE: Mapping[str, tuple[str, ...]] = {
    "snippet": ("title", "description", "tags", "categoryId", "defaultLanguage", "defaultAudioLanguage"),
    "status": (
        "privacyStatus",
        "publishAt",
        "license",
        "embeddable",
        "publicStatsViewable",
        "selfDeclaredMadeForKids",
        "containsSyntheticMedia",
    ),
    "recordingDetails": ("recordingDate",),
}
"""What an owner may write, by part; `localizations` is written whole. Everything else of a part is YouTube's."""

PARTS = (*WRITABLE, "localizations")

_FIELDS: Mapping[str, tuple[str, str]] = {
    "title": ("snippet", "title"),
    "description": ("snippet", "description"),
    "tags": ("snippet", "tags"),
    "category": ("snippet", "categoryId"),
    "language": ("snippet", "defaultLanguage"),
    "privacy": ("status", "privacyStatus"),
    "publish_at": ("status", "publishAt"),
    "made_for_kids": ("status", "selfDeclaredMadeForKids"),
    "synthetic": ("status", "containsSyntheticMedia"),
    "licence": ("status", "license"),
    "embeddable": ("status", "embeddable"),
    "public_stats": ("status", "publicStatsViewable"),
    "recorded_on": ("recordingDetails", "recordingDate"),
}
"""Our names for the fields, and where YouTube has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be different about a video; None leaves a field as it is."""

    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    category: str | None = None
    privacy: Privacy | None = None
    publish_at: datetime | None = None
    unscheduled: bool = False
    """It is to wait for no moment of publication any more."""
    made_for_kids: bool | None = None
    synthetic: bool | None = None
    licence: Licence | None = None
    embeddable: bool | None = None
    public_stats: bool | None = None
    language: str | None = None
    recorded_on: date | None = None
    localizations: tuple[Localization, ...] = ()
    """These languages are added or replaced; the others stay."""

    def __bool__(self) -> bool:
        return self != type(self)()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, without what is left as it is; two wishes alike are alike here too."""
        stored = {name: _stored(getattr(self, name)) for name in _FIELDS if getattr(self, name) is not None}
        if self.unscheduled:
            stored["unscheduled"] = True
        if self.localizations:
            stored["localizations"] = {
                one.language: {"title": one.title, "description": one.description} for one in self.localizations
            }
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        typed = dict(stored)
        for name, read in _READERS.items():
            if name in typed:
                typed[name] = read(typed[name])
        return cls(**typed)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "tags": tuple,
    "privacy": Privacy,
    "licence": Licence,
    "publish_at": moments.parse,
    "recorded_on": date.fromisoformat,
    "localizations": lambda stored: tuple(Localization(language=one, **texts) for one, texts in stored.items()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that becomes another; None is a field that YouTube has nothing in."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What is to be written: whole parts, and which fields of them differ from what is there."""

    changes: tuple[Change, ...]
    body: Mapping[str, Any]
    """The resource for `videos.update`, with the video's id and the parts that differ."""

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in PARTS if part in self.body)

    @classmethod
    def of(cls, wish: Wish, resource: Mapping[str, Any], now: datetime) -> Self:
        """Put a wish over a video as its owner reads it, with all of `PARTS`.

        Raises MetadataInvalid, with every problem at once, if YouTube would refuse a part that is to be written.
        """
        before = {part: _writable(resource, part, now) for part in PARTS}
        after = _wished(wish, before)
        changes = tuple(_changes(before, after))
        changed = {_part(one.field) for one in changes}
        merged = cls(
            changes=changes,
            body={"id": resource["id"], **{part: after[part] for part in PARTS if part in changed}} if changes else {},
        )
        problems = list(_problems(merged, before, after, now))
        if problems:
            raise MetadataInvalid("; ".join(problems), hint="nothing was changed", problems=problems)
        return merged

    def not_kept(self, answer: Mapping[str, Any], now: datetime) -> tuple[Change, ...]:
        """Return the changes that YouTube's answer to the update does not show, with what it shows instead."""
        kept = {part: _writable(answer, part, now) for part in self.parts}
        return tuple(
            Change(field=one.field, before=one.after, after=got)
            for one in self.changes
            if _bare(got := _got(kept, one.field), one.field) != _bare(one.after, one.field)
        )


def _stored(value: Any) -> Any:
    match value:
        case datetime():
            return moments.text(value)
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def _writable(resource: Mapping[str, Any], part: str, now: datetime) -> dict[str, Any]:
    """Return what is written in a part, in one form, and no field that is empty or over."""
    found = resource.get(part)
    given = found if isinstance(found, Mapping) else {}
    if part == "localizations":
        return {
            str(language): {"title": texts.get("title", ""), "description": texts.get("description", "")}
            for language, texts in given.items()
            if isinstance(texts, Mapping)
        }
    kept = {name: given[name] for name in WRITABLE[part] if given.get(name) not in (None, "", [])}
    if "recordingDate" in kept:
        kept["recordingDate"] = _day(str(kept["recordingDate"]))
    if "publishAt" in kept:
        moment = _moment(str(kept["publishAt"]))
        # A moment that is over has had its effect; sent again, YouTube would refuse it.
        if moment is None or moment <= now or kept.get("privacyStatus") != Privacy.PRIVATE:
            del kept["publishAt"]
        else:
            kept["publishAt"] = _rfc3339(moment)
    return kept


def _wished(wish: Wish, before: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    after = {part: dict(content) for part, content in before.items()}
    for name, (part, field) in _FIELDS.items():
        value = getattr(wish, name)
        if value is None:
            continue
        if value in ("", ()):
            after[part].pop(field, None)  # as it is when nothing was ever written
        else:
            after[part][field] = _sent(name, value)
    for one in wish.localizations:
        after["localizations"][one.language] = {"title": one.title, "description": one.description}
    if wish.publish_at is not None and wish.privacy is None:
        after["status"]["privacyStatus"] = Privacy.PRIVATE.value  # what is public already is refused below
    elif wish.publish_at is None and (wish.unscheduled or after["status"].get("privacyStatus") != Privacy.PRIVATE):
        after["status"].pop("publishAt", None)  # only a private video waits for a moment
    return after


def _sent(name: str, value: Any) -> Any:
    match name:
        case "publish_at":
            return _rfc3339(value)
        case "recorded_on":
            return f"{value.isoformat()}T00:00:00Z"
        case "tags":
            return list(value)
        case "privacy" | "licence":
            return value.value
        case _:
            return value


def _changes(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    for name, (part, field) in _FIELDS.items():
        if before[part].get(field) != after[part].get(field):
            yield Change(field=name, before=before[part].get(field), after=after[part].get(field))
    for language, texts in after["localizations"].items():
        old = before["localizations"].get(language)
        if old != texts:
            yield Change(field=f"localization {language}", before=old, after=texts)


def _part(field: str) -> str:
    return _FIELDS[field][0] if field in _FIELDS else "localizations"


def _got(kept: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    if name.startswith("localization "):
        return kept["localizations"].get(name.removeprefix("localization "))
    part, field = _FIELDS[name]
    return kept[part].get(field)


def _bare(value: Any, field: str) -> Any:
    """Leave out what YouTube writes its own way: spaces around a text, and the case of a language."""
    match value:
        case str():
            return value.strip().casefold() if field == "language" else value.strip()
        case dict():
            return {name: _bare(one, name) for name, one in value.items()}
        case _:
            return value


def _problems(
    merged: Merged,
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> Iterator[str]:
    """Yield what YouTube would refuse: it checks a written part whole, also where nothing was changed in it."""
    written = {name for name, (part, _) in _FIELDS.items() if part in merged.parts}
    if "localizations" in merged.parts or ("snippet" in merged.parts and after["localizations"]):
        written.add("localizations")
    for field, sentence in video.problems_by_field(_request(after), now):
        if field in written:
            yield sentence
    if any(one.field == "publish_at" and one.after for one in merged.changes) and (
        before["status"].get("privacyStatus") == Privacy.PUBLIC
    ):
        yield "the video is public, and YouTube takes a moment of publication only for one that never was"


def _request(parts: Mapping[str, Mapping[str, Any]]) -> VideoRequest:
    snippet, status = parts["snippet"], parts["status"]
    publish_at = status.get("publishAt")
    return VideoRequest(
        title=snippet.get("title", ""),
        description=snippet.get("description", ""),
        tags=tuple(snippet.get("tags", ())),
        category=snippet.get("categoryId", ""),
        privacy=Privacy(status.get("privacyStatus", Privacy.PRIVATE)),
        publish_at=_moment(publish_at) if publish_at else None,
        language=snippet.get("defaultLanguage"),
        localizations=tuple(
            Localization(language=language, title=texts["title"], description=texts["description"])
            for language, texts in parts["localizations"].items()
        ),
    )


def _moment(text: str) -> datetime | None:
    try:
        return moments.parse(text)
    except (ValueError, OverflowError):
        return None


def _day(text: str) -> str:
    """Write a recording date in one form: YouTube keeps the day alone."""
    return f"{text[:10]}T00:00:00Z"


def _rfc3339(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def localization(typed: str) -> Localization:
    """Read `LANG:TITLE` or `LANG:TITLE|DESCRIPTION` as people type it; raises ValueError with what was expected."""
    language, colon, texts = typed.partition(":")
    title, _, description = texts.partition("|")
    if not colon or not language.strip() or not title.strip():
        raise ValueError(f"{typed!r} is no localization; write it as de:Titel, or de:Titel|Beschreibung")
    return Localization(language=language.strip(), title=title.strip(), description=description.strip())


def shown(value: Any) -> str:
    """Write a field's content on one line, for people."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case {"title": title, "description": description}:
            return f"{title} | {description}" if description else str(title)
        case _ if isinstance(value, Sequence):
            return ", ".join(map(str, value))
        case _:
            return str(value)
