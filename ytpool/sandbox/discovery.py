"""Google's own description of the API, read for what it forbids.

It knows paths, parameters with their types and bounds, the fields of bodies, and scopes. It knows neither lengths of
text nor reasons of errors; those rules stand in `rules`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ytpool.sandbox.bodies import Refused, back_end, malformed
from ytpool.sandbox.wire import Json

Parameters = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the API."""

    name: str
    """For instance `videos.insert`."""
    verb: str
    path: str
    parameters: Mapping[str, Json]
    scopes: frozenset[str]
    request: str | None
    response: str | None
    media: Json | None

    @property
    def resource(self) -> str:
        return self.name.rpartition(".")[0]


class Description:
    """The discovery document, asked by method, parameter and schema."""

    def __init__(self, document: Json) -> None:
        self._schemas: Mapping[str, Json] = document["schemas"]
        self._common: Mapping[str, Json] = document["parameters"]
        self.scopes: Mapping[str, str] = {
            scope: about["description"] for scope, about in document["auth"]["oauth2"]["scopes"].items()
        }
        self.methods = {method.name: method for method in _methods(document)}
        self._routes: dict[tuple[str, str], Method] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Method]] = []
        for method in self.methods.values():
            if "{" in method.path:
                pattern = re.compile("/" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(method.path)))
                self._patterns.append((method.verb, pattern, method))
            else:
                self._routes[method.verb, f"/{method.path}"] = method
            for protocol in (method.media or {}).get("protocols", {}).values():
                self._routes[method.verb, protocol["path"]] = method

    @classmethod
    def from_document(cls, document: bytes) -> Self:
        return cls(json.loads(document))

    def find(self, verb: str, path: str) -> Method | None:
        """Return the method that answers to this verb and path."""
        found = self._routes.get((verb, path))
        if found is None:
            found = next(
                (method for v, pattern, method in self._patterns if v == verb and pattern.fullmatch(path)), None
            )
        return found

    def knows_path(self, path: str) -> bool:
        """Tell whether any verb goes with this path."""
        return any(route == path for _, route in self._routes)

    def check_parameters(self, method: Method, query: Parameters) -> dict[str, list[str]]:
        """Return the parameters with comma-joined lists taken apart, or refuse what the document does not allow."""
        given: dict[str, list[str]] = {}
        for name, values in query.items():
            spec = method.parameters.get(name) or self._common.get(name)
            if spec is None:
                raise malformed(
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. Field '
                    f"'{name}' could not be found in request message."
                )
            repeated = spec.get("repeated", False)
            if not repeated and len(values) > 1:
                raise malformed(f"Invalid value at '{name}': the parameter is not repeated.")
            given[name] = [item for value in values for item in (value.split(",") if repeated else [value])]
            for value in given[name]:
                _check_parameter(name, value, spec)
        for name, spec in method.parameters.items():
            if spec.get("required") and not any(given.get(name, [])):
                raise back_end(400, "global", "required", f"Required parameter: {name}", location=name)
        return given

    def parts(self, resource: str) -> frozenset[str]:
        """Return the parts a resource has: its fields that are objects, and `id`."""
        schema = self._schemas[_RESOURCES[resource]]
        return frozenset({"id", *(name for name in schema["properties"] if name not in {"id", "etag", "kind"})})

    def check_parts(self, resource: str, parts: list[str]) -> frozenset[str]:
        """Refuse a part that the resource does not have."""
        for part in parts:
            if part not in self.parts(resource):
                raise back_end(400, "youtube.part", "unknownPart", f"'{part}'", location="part")
        return frozenset(parts)

    def check_resource(self, method: Method, resource: Json) -> None:
        """Refuse a request body with a field or value that the document does not know, or without one it wants."""
        assert method.request is not None
        self.check_body(method.request, resource, "resource")
        self._check_required(method, self._schemas[method.request], resource, "resource")

    def _check_required(self, method: Method, schema: Json, resource: Json, where: str) -> None:
        for name, spec in schema["properties"].items():
            wanted = f"youtube.{method.name}" in spec.get("annotations", {}).get("required", [])
            # An empty text is a value, except where it would have to name something.
            if wanted and (resource.get(name) is None or (name == "id" and not resource[name])):
                message = f"Required field: {name}"
                raise back_end(400, "global", "required", message, location=f"{where}.{name}", location_type="other")
            if name == "snippet":
                inner = self._schemas[spec["$ref"]]
                self._check_required(method, inner, resource.get(name) or {}, f"{where}.{name}")

    def check_body(self, schema: str, body: Any, where: str) -> None:
        """Refuse a value that does not have the shape of a schema; also fit to check answers with."""
        self._check(self._schemas[schema], body, where)

    def _check(self, spec: Json, value: Any, where: str) -> None:
        if value is None:  # in Google's JSON, null is a field that is not there
            return
        if "$ref" in spec:
            self._check(self._schemas[spec["$ref"]], value, where)
            return
        match spec.get("type"):
            case "object":
                self._check_object(spec, value, where)
            case "array":
                if not isinstance(value, list):
                    raise _wrong(where, "LIST", value)
                for index, item in enumerate(value):
                    if item is None:
                        raise _wrong(f"{where}[{index}]", "VALUE", item)
                    self._check(spec["items"], item, f"{where}[{index}]")
            case kind:
                _check_scalar(kind, spec, value, where)

    def _check_object(self, spec: Json, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "MESSAGE", value)
        properties = spec.get("properties", {})
        for name, item in value.items():
            inner = properties.get(name) or spec.get("additionalProperties")
            if inner is None:
                raise malformed(
                    f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
                )
            self._check(inner, item, f"{where}.{name}")


_RESOURCES = {
    "videos": "Video",
    "channels": "Channel",
    "captions": "Caption",
    "playlists": "Playlist",
    "playlistItems": "PlaylistItem",
    "comments": "Comment",
    "commentThreads": "CommentThread",
    "videos:batchGetStats": "VideoStat",
}

_INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def _methods(node: Json) -> list[Method]:
    found = [
        Method(
            name=raw["id"].removeprefix("youtube."),
            verb=raw["httpMethod"],
            path=raw["path"],
            parameters=raw.get("parameters", {}),
            scopes=frozenset(raw.get("scopes", ())),
            request=raw.get("request", {}).get("$ref"),
            response=raw.get("response", {}).get("$ref"),
            media=raw.get("mediaUpload"),
        )
        for raw in node.get("methods", {}).values()
    ]
    for inner in node.get("resources", {}).values():
        found += _methods(inner)
    return found


def _check_parameter(name: str, value: str, spec: Json) -> None:
    if spec["type"] == "boolean" and value not in {"true", "false"}:
        raise malformed(f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\"")
    if spec["type"] == "integer":
        if not re.fullmatch(r"-?[0-9]{1,20}", value):
            raise malformed(f"Invalid value at '{name}' (TYPE_{spec.get('format', 'int32').upper()}), \"{value}\"")
        low, high = _INTEGERS[spec.get("format", "int32")]
        low, high = int(spec.get("minimum", low)), int(spec.get("maximum", high))
        if not low <= int(value) <= high:
            message = f"Invalid value '{value}'. Values must be within the range: [{low}, {high}]"
            raise back_end(400, "global", "invalidParameter", message, location=name)
    if "enum" in spec and value not in spec["enum"]:
        raise malformed(f"Invalid value at '{name}' (TYPE_ENUM), \"{value}\"")


def _check_scalar(kind: str | None, spec: Json, value: Any, where: str) -> None:
    if kind == "boolean":
        right = isinstance(value, bool)
    elif kind == "integer" or spec.get("format") in {"int64", "uint64"}:
        right = _is_integer(value, spec.get("format", "int32"))
    elif kind == "number":
        right = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind == "string":
        right = isinstance(value, str)
    else:
        right = True
    if not right:
        raise _wrong(where, (kind or "any").upper(), value)
    if "enum" in spec and value not in spec["enum"]:
        raise _wrong(where, "ENUM", value)


def _is_integer(value: Any, form: str) -> bool:
    # 64-bit numbers are written as text in Google's JSON, because JavaScript cannot hold them; both are read.
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value):
        value = int(value)
    low, high = _INTEGERS[form]
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _wrong(where: str, kind: str, value: Any) -> Refused:
    return malformed(f"Invalid value at '{where}' (TYPE_{kind}), {json.dumps(value, ensure_ascii=False)}")
