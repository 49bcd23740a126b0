"""Moments as text: fixed-width UTC, so that text compares as time does."""

from datetime import UTC, datetime


def text(moment: datetime) -> str:
    """Write a moment as `2026-11-20T04:38:50.123456Z`; always 27 characters."""
    if moment.tzinfo is None:
        # Python would take it for the time of whatever zone this machine happens to be in.
        raise ValueError(f"{moment} names no time zone")
    # Not strftime: it writes the year 999 with three digits, and text would no longer compare as time does.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse(stored: str) -> datetime:
    """Read what `text` wrote, or any ISO 8601 moment that names its offset."""
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError(f"{stored!r} names no time zone")
    # What we wrote ourselves is in UTC, and is read by the thousand.
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def parse_optional(stored: str | None) -> datetime | None:
    return None if stored is None else parse(stored)
