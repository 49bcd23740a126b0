"""The columns of a batch, and how what stands in one becomes a value.

Cells of a table are always text; JSON and TOML know more kinds.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from ytpool.domain import captions, moments, publication
from ytpool.domain.captions import Caption
from ytpool.domain.jobs import HIGHEST_PRIORITY
from ytpool.domain.manifest.batch import Defaults
from ytpool.domain.publication import PlaylistWish
from ytpool.domain.video import Licence, Localization, Privacy


class Wrong(Exception):
    """A value is not what its column wants."""


def column_of(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def meant(name: str, known: Iterable[str], says: str = "did you mean ") -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; {says}{close[0]}?" if close else ""


def _text(value: object, _: Defaults) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
        value = str(value)
    if not isinstance(value, str):
        raise Wrong(f"{_shown(value)} is no text")
    return value


def _name(value: object, defaults: Defaults) -> str:
    text = _text(value, defaults).strip()
    if not text:
        raise Wrong("it is empty")
    return _encodable(text)


def _key(value: object, defaults: Defaults) -> str:
    return _encodable(_text(value, defaults).strip())


def _encodable(text: str) -> str:
    if any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in text):
        raise Wrong(f"{_shown(text)} is no text in UTF-8")
    return text


def _path(value: object, _: Defaults) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong(f"{_shown(value)} is no path")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Wrong(f"{_shown(value)} is no path, it has half a sign in it") from None
    if "\0" in value:
        raise Wrong(f"{_shown(value)} is no path, it has a zero byte in it")
    return value


def _bool(value: object, _: Defaults) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.strip().lower() in ("true", "yes", "on", "1"):
            return True
        if value.strip().lower() in ("false", "no", "off", "0"):
            return False
    raise Wrong(f"{_shown(value)} is neither yes nor no")


def _moment(value: object, defaults: Defaults) -> datetime:
    try:
        if isinstance(value, datetime):
            return moments.in_utc(value, defaults.zone)
        if isinstance(value, date):
            return moments.in_utc(datetime.combine(value, time()), defaults.zone)
        if isinstance(value, str):
            return moments.typed(value, defaults.zone)
    except ValueError as error:
        raise Wrong(str(error)) from None
    raise Wrong(f"{_shown(value)} is no date and time; write it as 2026-12-24T18:00")


def _day(value: object, _: Defaults) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    raise Wrong(f"{_shown(value)} is no date; write it as 2026-12-24")


def _one_of(choices: type[Privacy] | type[Licence]) -> Callable[[object, Defaults], Privacy | Licence]:
    def read(value: object, _: Defaults) -> Privacy | Licence:
        known = {choice.value.lower(): choice for choice in choices}
        said = value.strip().lower() if isinstance(value, str) else ""
        if said in known:
            return known[said]
        close = get_close_matches(said, known, n=1)
        hint = f"; did you mean {known[close[0]].value}?" if close else ""
        raise Wrong(f"{_shown(value)} is none of {', '.join(choice.value for choice in choices)}{hint}")

    return read


def _tags(value: object, defaults: Defaults) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(tag.strip() for tag in re.split("[,;]", value) if tag.strip())
    return tuple(_text(tag, defaults) for tag in _list(value, "tags"))


def _playlists(value: object, defaults: Defaults) -> tuple[PlaylistWish, ...]:
    several = value.split(";") if isinstance(value, str) else _list(value, "playlists")
    return tuple(
        publication.playlist(_text(one, defaults)) for one in several if not isinstance(one, str) or one.strip()
    )


def _captions(value: object, defaults: Defaults) -> tuple[Caption, ...]:
    several = value.split(";") if isinstance(value, str) else _list(value, "captions")
    return tuple(_caption(one, defaults) for one in several if not isinstance(one, str) or one.strip())


def _caption(value: object, defaults: Defaults) -> Caption:
    if isinstance(value, Mapping):
        unknown = sorted(str(name) for name in value.keys() - {"path", "language", "name"})
        if unknown or not {"path", "language"} <= value.keys():
            raise Wrong(f"a caption has a language, a path and perhaps a name, not {', '.join(map(str, value)):.60}")
        found = Caption(
            path=PurePath(_path(value["path"], defaults)),
            language=_name(value["language"], defaults),
            name=_text(value.get("name", ""), defaults).strip(),
        )
    else:
        try:
            found = captions.parse(_text(value, defaults))
        except ValueError as error:
            raise Wrong(str(error)) from None
        _path(str(found.path), defaults)
        _encodable(found.language)
    _encodable(found.name)
    return found


def _localizations(value: object, defaults: Defaults) -> tuple[Localization, ...]:
    if not isinstance(value, Mapping):
        raise Wrong("localizations are written in JSON or TOML, as title and description by language")
    found = []
    for language, texts in value.items():
        if not isinstance(texts, Mapping) or not {"title"} <= texts.keys() <= {"title", "description"}:
            raise Wrong(f"the localization {language!r:.60} wants a title, and perhaps a description")
        found.append(
            Localization(
                language=str(language),
                title=_text(texts["title"], defaults),
                description=_text(texts.get("description", ""), defaults),
            )
        )
    return tuple(found)


def _priority(value: object, defaults: Defaults) -> int:
    text = _text(value, defaults).strip()
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) or abs(int(text)) > HIGHEST_PRIORITY:
        raise Wrong(f"{_shown(value)} is no whole number from {-HIGHEST_PRIORITY:,} to {HIGHEST_PRIORITY:,}")
    return int(text)


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise Wrong(f"{_shown(value)} is no list of {what}")
    return value


def _shown(value: object) -> str:
    match value:
        case str():
            shown = repr(value)
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case int() if value.bit_length() >= 64:  # Python refuses to write very long ones
            return "such a number"
        case _:
            shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


OF_THE_VIDEO: Mapping[str, Callable[[object, Defaults], Any]] = {
    "title": _text,
    "description": _text,
    "tags": _tags,
    "category": _name,
    "privacy": _one_of(Privacy),
    "publish_at": _moment,
    "language": _name,
    "made_for_kids": _bool,
    "synthetic": _bool,
    "licence": _one_of(Licence),
    "embeddable": _bool,
    "public_stats": _bool,
    "recorded_on": _day,
    "localizations": _localizations,
}
OF_THE_LINE: Mapping[str, Callable[[object, Defaults], Any]] = {
    "priority": _priority,
    "not_before": _moment,
    "deadline": _moment,
}
"""How a video waits in the queue."""
COLUMNS: Mapping[str, Callable[[object, Defaults], Any]] = {
    "file": _path,
    **OF_THE_VIDEO,
    "account": _name,
    "pool": _name,
    "key": _key,
    "thumbnail": _path,
    "captions": _captions,
    "playlists": _playlists,
    "notify": _bool,
    **OF_THE_LINE,
}
"""The columns of a table, and the keys of an object or a sidecar; each says how its value is read."""
