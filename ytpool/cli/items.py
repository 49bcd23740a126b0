"""One of many items as data: its fields, and what went wrong with it beside them."""

from dataclasses import fields
from typing import Any

from ytpool.cli.values import plain
from ytpool.errors import UpstreamFailed, YtpoolError


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
        "hint": hint_of(problem),
        "details": plain(problem.details),
    }


def hint_of(problem: YtpoolError) -> str:
    """Say what to do about it; for what Google answered, that is what the matrix advises."""
    if problem.hint or not isinstance(problem, UpstreamFailed):
        return problem.hint
    from ytpool.domain import failover  # noqa: PLC0415 - few commands fail this way

    return failover.judge(problem).advice
