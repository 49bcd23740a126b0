"""One of many items as data: its fields, and what went wrong with it beside them."""

from dataclasses import fields
from typing import Any

from ytpool.cli.values import plain
from ytpool.errors import YtpoolError


def as_item(item: Any) -> dict[str, Any]:
    """Return a dataclass with a `problem` as a mapping with an `error`, in the form of the envelope's."""
    found = {one.name: getattr(item, one.name) for one in fields(item) if one.name != "problem"}
    return {**found, "error": as_error(item.problem)}


def as_error(problem: YtpoolError | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "details": plain(problem.details),
    }
