"""What people may call things: names stand in commands, tables and messages, so they are plain words."""

import re

from ytpool.errors import UsageWrong

_LENGTH = 64
_NAME = re.compile(r"[^\s/\x00-\x1f\x7f-][^\s/\x00-\x1f\x7f]{0,63}")


def require(name: str, what: str) -> str:
    """Return a name that something new may have, or raise UsageWrong."""
    if not is_legal(name):
        raise UsageWrong(
            f"{name!r} cannot be {what}'s name",
            hint="1 to 64 characters without spaces and slashes, not beginning with a hyphen",
        )
    return name


def legal(name: str) -> str:
    """Return the name that comes closest and may be given; one that may be is returned as it is.

    Raises UsageWrong where nothing is left to make a name of.
    """
    kept = re.sub(r"[\s/\x00-\x1f\x7f\ud800-\udfff]+", "-", name).strip("-")
    return name if is_legal(name) else require(kept[:_LENGTH].rstrip("-"), "something")


def is_legal(name: str) -> bool:
    """Tell whether something new may have this name."""
    return _NAME.fullmatch(name) is not None and is_text(name)


def require_words(text: str, what: str) -> str:
    """Return a reason that somebody gave, if it can stand in one line of a table."""
    if not text.strip() or len(text) > _LONGEST_REASON or not text.isprintable():
        raise UsageWrong(f"{text!r:.80} cannot be {what}", hint=f"say it in one line of 1 to {_LONGEST_REASON} letters")
    return text


_LONGEST_REASON = 500


def readable(text: str) -> str:
    """Return a name as it can be shown: bytes that are no UTF-8 become `\\xe9`."""
    return "".join(f"\\x{ord(sign) - 0xDC00:02x}" if "\udc80" <= sign <= "\udcff" else sign for sign in text)


def is_text(text: str) -> bool:
    """Tell whether this can be written as UTF-8; what a shell hands over as other bytes cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
