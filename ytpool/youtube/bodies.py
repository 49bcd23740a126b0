"""Whether a request body is one that Google's document describes.

Google's client checks parameters and never bodies, and YouTube ignores what it does not know: a misspelt
`privacyStatus` publishes. So a body is held against the document's schemas before anything is spent.
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from ytpool.errors import MetadataInvalid

# What JSON carries as text because JavaScript could not hold it as a number.
_INTEGER_TEXT = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
_INTEGER_RANGE = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_MOMENTS = ("date-time", "google-datetime")


def check_body(document: Mapping[str, Any], schema_name: str, body: object, *, method: str = "") -> None:
    """Refuse unknown fields, wrong types and unknown values, naming the field and what it may hold.

    With a method (`youtube.videos.update`) also the fields that the document requires for it must be there.
    """
    _Check(document["schemas"], method).value({"$ref": schema_name}, body, "")


class _Check:
    def __init__(self, schemas: Mapping[str, Any], method: str) -> None:
        self._schemas = schemas
        self._method = method

    def value(self, schema: Mapping[str, Any], value: object, path: str) -> None:
        if "$ref" in schema:
            self.value(self._schemas[schema["$ref"]], value, path)
            return
        kind = schema.get("type", "")
        if kind == "object":
            self._object(schema, value, path)
        elif kind == "array":
            if not isinstance(value, list | tuple):
                _wrong(path, "must be a list", value)
            for index, item in enumerate(value):
                self.value(schema["items"], item, f"{path}[{index}]")
        else:
            _SCALARS[kind](schema, value, path)

    def _object(self, schema: Mapping[str, Any], value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            _wrong(path, "must be an object", value)
        fields = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            described = fields.get(name, others)
            if described is None:
                raise MetadataInvalid(
                    f"YouTube knows no field {here}", field=here, hint=f"known here: {', '.join(sorted(fields))}"
                )
            self.value(described, inner, here)
        for name, described in fields.items():
            required = self._method in described.get("annotations", {}).get("required", ())
            here = f"{path}.{name}" if path else name
            nothing = (None,) if (self._method, here) in _MAY_BE_EMPTY else (None, "")
            if self._method and required and value.get(name) in nothing:
                raise MetadataInvalid(f"{here} is missing, and {self._method} requires it", field=here)


_MAY_BE_EMPTY = frozenset({("youtube.captions.insert", "snippet.name")})
"""What must be there and may say nothing: a language's only track mostly has no name."""


def _check_string(schema: Mapping[str, Any], value: object, path: str) -> None:
    if not isinstance(value, str):
        _wrong(path, "must be text", value)
    if "enum" in schema and value not in schema["enum"]:
        allowed = schema["enum"]
        raise MetadataInvalid(
            f"{path} cannot be {_short(value)}; allowed are {', '.join(allowed)}", field=path, allowed=list(allowed)
        )
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        _wrong(path, "holds bytes that are no text", None)
    spelled = schema.get("format")
    if spelled in _INTEGER_TEXT:
        low, high = _INTEGER_TEXT[spelled]
        if not re.fullmatch(r"-?[0-9]{1,20}", value) or not low <= int(value) <= high:
            _wrong(path, f"must be a whole number from {low} to {high}, written as text", value)
    if spelled in _MOMENTS and not _is_moment(value):
        _wrong(path, "must be a moment with its offset, as in 2026-11-20T18:30:00Z", value)


def _check_integer(schema: Mapping[str, Any], value: object, path: str) -> None:
    low, high = _INTEGER_RANGE.get(schema.get("format", ""), _INTEGER_TEXT["int64"])
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _wrong(path, f"must be a whole number from {low} to {high}", value)


def _check_boolean(_: Mapping[str, Any], value: object, path: str) -> None:
    if not isinstance(value, bool):
        _wrong(path, "must be true or false", value)


def _check_number(_: Mapping[str, Any], value: object, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _wrong(path, "must be a number", value)


def _is_moment(value: str) -> bool:
    try:
        return "T" in value and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _wrong(path: str, rule: str, value: object) -> NoReturn:
    shown = "" if value is None else f", not {_short(value)}"
    raise MetadataInvalid(f"{path or 'the body'} {rule}{shown}", field=path)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


_SCALARS = {
    "string": _check_string,
    "integer": _check_integer,
    "boolean": _check_boolean,
    "number": _check_number,
    "any": lambda *_: None,
}
