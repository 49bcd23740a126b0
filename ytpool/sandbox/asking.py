"""What the methods of the API have in common: bodies, parts, filters and pages."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ytpool.sandbox.bodies import back_end, not_played
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.resources import listing
from ytpool.sandbox.wire import Json, from_json

_IDS_AT_ONCE = 50
T = TypeVar("T")


def resource_of(body: bytes) -> Json:
    """Read a request's JSON, or refuse it."""
    if not body.strip():
        return {}
    try:
        resource = from_json(body)
    except ValueError as error:
        raise back_end(400, "global", "parseError", f"Parse Error: {error}") from None
    if not isinstance(resource, dict):
        raise back_end(400, "global", "parseError", "Parse Error: the body is not an object")
    return resource


def parts_and_resource(description: Description, call: Call) -> tuple[frozenset[str], Json]:
    """Return the parts that a change names, and its body, which must hold no other; or refuse it."""
    parts = description.check_parts(call.method.resource, call.parameters["part"])
    resource = resource_of(call.request.body)
    description.check_resource(call.method, resource)
    check_expected(resource, parts)
    return parts, resource


def check_expected(resource: Mapping[str, object], parts: frozenset[str]) -> None:
    """Refuse a body with a part that the `part` parameter does not name."""
    for name in resource:
        if name not in {"id", "kind", "etag"} and name not in parts:
            message = f"The request body holds the part '{name}', which the part parameter does not name."
            raise back_end(400, "youtube.part", "unexpectedPart", message, location="part")


def one_filter(call: Call, *played: str, others: tuple[str, ...] = ()) -> None:
    """Refuse a list without exactly one filter, or with one that is not played."""
    given = [name for name in (*played, *others) if name in call.parameters]
    if not given:
        message = f"No filter selected. Expected one of: {', '.join((*played, *others))}"
        raise back_end(
            400, "youtube.parameter", "missingRequiredParameter", message, location="parameters.", location_type="other"
        )
    if len(given) > 1:
        message = f"Incompatible parameters specified in the request: {', '.join(given)}"
        raise back_end(
            400, "youtube.parameter", "incompatibleParameters", message, location="parameters.", location_type="other"
        )
    if given[0] in others:
        raise not_played(f"{call.method.name} by {given[0]}")


def ids(call: Call) -> list[str]:
    """Return the ids that are asked for, each once."""
    wanted = call.parameters["id"]
    if len(wanted) > _IDS_AT_ONCE:
        message = "The request specifies an invalid filter parameter."
        raise back_end(
            400, "youtube.parameter", "invalidFilters", message, location="parameters.", location_type="other"
        )
    return list(dict.fromkeys(wanted))


def page(call: Call, kind: str, rows: Sequence[T], show: Callable[[int, T], Json], *, per_page: int = 5) -> Json:
    """Show one page of what was found; `show` gets each row with its place among all."""
    size = int(call.argument("maxResults", str(per_page)))
    start = _position(call)
    items = [show(start + index, row) for index, row in enumerate(rows[start : start + size])]
    more = {}
    if size and start + size < len(rows):
        more["nextPageToken"] = _page_token(start + size)
    if start > 0:
        more["prevPageToken"] = _page_token(max(0, start - size))
    return listing(kind, items, total=len(rows), per_page=size, **more)


def _page_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"at {position}".encode()).decode().rstrip("=")


def _position(call: Call) -> int:
    token = call.argument("pageToken")
    if not token:
        return 0
    try:
        word, position = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii").split()
        if word == "at" and position.isdecimal():
            return int(position)
    except ValueError:  # the decoding errors are ValueErrors too
        pass
    message = "The request specifies an invalid page token."
    raise back_end(400, "youtube.parameter", "invalidPageToken", message, location="pageToken")
