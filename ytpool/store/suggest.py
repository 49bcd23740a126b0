"""The sentence for a name that nobody has."""

from collections.abc import Sequence

from ytpool.errors import UnknownName


def unknown(what: str, name: str, names: Sequence[str], *, listed_by: str, made_by: str) -> UnknownName:
    """Say that a name is unknown, and which ones come close."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only a mistyped name needs it

    close = get_close_matches(name, names, n=3)
    if close:
        hint = f"did you mean {' or '.join(close)}? all of them: {listed_by}"
    elif names:
        hint = f"see: {listed_by}"
    else:
        hint = f"there is none yet; make one with: {made_by}"
    return UnknownName(f"there is no {what} named {name!r}", hint=hint, what=what, name=name)
