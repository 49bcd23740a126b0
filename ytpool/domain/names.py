"""What people may call things: names stand in commands, tables and messages, so they are plain words."""

import re

from ytpool.errors import UsageWrong

_NAME = re.compile(r"[^\s/\x00-\x1f\x7f-][^\s/\x00-\x1f\x7f]{0,63}")


def require(name: str, what: str) -> str:
    """Return a name that something new may have, or raise UsageWrong."""
    if _NAME.fullmatch(name) is None or not is_text(name):
        raise UsageWrong(
            f"{name!r} cannot be {what}'s name",
            hint="1 to 64 characters without spaces and slashes, not beginning with a hyphen",
        )
    return name


def is_text(text: str) -> bool:
    """Tell whether this can be written as UTF-8; what a shell hands over as other bytes cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
