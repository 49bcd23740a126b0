"""Partial answers: what the `fields` parameter leaves of a body, for instance `items(id,snippet/title)`."""

import re
from typing import Any

from ytpool.sandbox.bodies import Refused, back_end

_TOKEN = re.compile(r"[\w-]+|[*/(),]")
_DEEPEST = 20

Mask = dict[str, "Mask"]
"""The fields that are wanted, each with those that are wanted of it; none means all of it."""


def read(fields: str) -> Mask:
    """Read a `fields` parameter, or refuse it."""
    tokens = _TOKEN.findall(fields)
    if "".join(tokens) != "".join(fields.split()):
        raise _unreadable(fields)
    mask, rest = _selection(tokens, fields) if tokens else ({}, [])
    if rest:
        raise _unreadable(fields)
    return mask


def kept(value: Any, mask: Mask) -> Any:
    """Return what a mask leaves of a body."""
    if not mask:
        return value
    if isinstance(value, list):
        return [kept(item, mask) for item in value]
    if not isinstance(value, dict):
        return {}  # it has no fields
    everything = mask.get("*")
    wanted = {name: mask.get(name, everything) for name in value}
    found = {name: kept(item, inner) for name, item in value.items() if (inner := wanted[name]) is not None}
    return {name: item for name, item in found.items() if item != {} or not wanted[name]}


def _selection(tokens: list[str], fields: str, depth: int = 0) -> tuple[Mask, list[str]]:
    """Read names with commas between them."""
    mask: Mask = {}
    while True:
        name, inner, tokens = _one(tokens, fields, depth)
        mask[name] = {**mask.get(name, {}), **inner}
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def _one(tokens: list[str], fields: str, depth: int) -> tuple[str, Mask, list[str]]:
    """Read a name and what is wanted of it."""
    if not tokens or tokens[0] in "/()," or depth > _DEEPEST:
        raise _unreadable(fields)
    name, tokens = tokens[0], tokens[1:]
    if tokens[:1] == ["/"]:
        inner_name, inner, tokens = _one(tokens[1:], fields, depth + 1)
        return name, {inner_name: inner}, tokens
    if tokens[:1] == ["("]:
        inner, tokens = _selection(tokens[1:], fields, depth + 1)
        if tokens[:1] != [")"]:
            raise _unreadable(fields)
        return name, inner, tokens[1:]
    return name, {}, tokens


def _unreadable(fields: str) -> Refused:
    message = f"Invalid field selection {fields}"
    return back_end(400, "global", "invalidParameter", message, location="fields")
