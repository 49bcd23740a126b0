"""Moments as text: fixed-width UTC where we store them, so that text compares as time does; as people type them where
they come in.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_WITH_ZONE = re.compile(r"(?P<moment>\d.*\d) +(?P<zone>[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)", re.ASCII)


def text(moment: datetime) -> str:
    """Write a moment as `2026-11-20T04:38:50.123456Z`; always 27 characters."""
    if moment.tzinfo is None:
        # Python would take it for the time of whatever zone this machine happens to be in.
        raise ValueError(f"{moment} names no time zone")
    # Not strftime: it writes the year 999 with three digits, and text would no longer compare as time does.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def spoken(moment: datetime) -> str:
    """Write a moment as people read it: `2026-11-20 04:38 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def parse(stored: str) -> datetime:
    """Read what `text` wrote, or any ISO 8601 moment that names its offset."""
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError(f"{stored!r} names no time zone")
    # What we wrote ourselves is in UTC, and is read by the thousand.
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{stored!r} lies outside of all calendars") from None


def parse_optional(stored: str | None) -> datetime | None:
    return None if stored is None else parse(stored)


def typed(written: str, zone: tzinfo) -> datetime:
    """Read a moment as people write it, in UTC: `2026-12-24T18:00`, with an offset, or with `Europe/Berlin` after it.

    Without either it is meant in `zone`. Raises ValueError with a sentence, also for an hour that the change of
    clocks leaves out or brings twice: which moment was meant only the writer knows.
    """
    match = _WITH_ZONE.fullmatch(written.strip())
    moment = match["moment"] if match else written.strip()
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        raise ValueError(
            f"{written[:60]!r} is no date and time; write it as 2026-12-24T18:00, with an offset as +01:00 if need be"
        ) from None
    if match:
        if found.tzinfo is not None:
            raise ValueError(f"{written[:60]!r} names an offset and a zone; leave out one")
        zone = named_zone(match["zone"])
    return in_utc(found, zone)


def span(written: str) -> timedelta:
    """Read a stretch of time as people write it, such as `90s`, `45m`, `8h` or `1d12h`; raises ValueError."""
    found = _SPAN.fullmatch(written)
    if found is None or not any(found.groups()):
        raise ValueError(f"{written[:60]!r} is no stretch of time")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"{written[:60]} lies beyond every calendar") from None


def in_utc(moment: datetime, zone: tzinfo) -> datetime:
    """Move a moment to UTC; without an offset it is meant in `zone`. Raises ValueError as `typed` does."""
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        first, second = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            return first
        back = first.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{moment} lies outside of all calendars") from None
    if back != moment.replace(fold=0):
        raise ValueError(f"there is no {moment:%Y-%m-%d %H:%M} in {zone}, the clocks skip it")
    raise ValueError(f"{moment:%Y-%m-%d %H:%M} comes twice in {zone}, the clocks go back; write it with its offset")


def named_zone(name: str) -> tzinfo:
    """Return the time zone of a name such as Europe/Berlin; raises ValueError with the one that may be meant."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 -- only where somebody names a zone

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder of the database, such as Europe, is an OSError
        meant = _meant(name)
    raise ValueError(f"there is no time zone {name[:60]}" + (f"; did you mean {meant}?" if meant else ""))


def _meant(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- only for the message
    from zoneinfo import available_timezones  # noqa: PLC0415

    cities: dict[str, str] = {}
    for zone in sorted(available_timezones(), reverse=True):
        cities[zone.rpartition("/")[2].lower()] = zone
        cities[zone.lower()] = zone
    close = get_close_matches(name.lower(), cities, n=1, cutoff=0.75)
    return cities[close[0]] if close else ""
