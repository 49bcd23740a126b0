"""Moments as text: fixed-width UTC, so that text compares as time does."""

from datetime import UTC, datetime


def text(moment: datetime) -> str:
    """Write a moment as `2026-11-20T04:38:50.123456Z`; always 27 characters."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(stored: str) -> datetime:
    """Read what `text` wrote, or any ISO 8601 moment that names its offset."""
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError(f"{stored!r} names no time zone")
    return moment.astimezone(UTC)


def parse_optional(stored: str | None) -> datetime | None:
    return None if stored is None else parse(stored)
