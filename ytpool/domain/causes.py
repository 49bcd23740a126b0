"""Why a request got no answer, as the libraries that send it wrap one error in another."""

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it wraps, as requests and urllib3 wrap: as argument, `reason` or `original_error`."""
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        wrapped = (*cause.args, getattr(cause, "reason", None), getattr(cause, "original_error", None))
        pending += [inner for inner in wrapped if isinstance(inner, BaseException)]
