"""What each setting may be, and the words for what it must be."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ytpool.config.settings import PRESETS

Check = tuple[Callable[[Any], bool], str]
"""A test of a value, and the end of the sentence "… must be …"."""


def _is_place(text: str) -> bool:
    from ytpool.domain import endpoints  # noqa: PLC0415 - only where a place is named

    try:
        endpoints.place(text, 0)
    except ValueError:
        return False
    return True


def is_zone(name: str) -> bool:
    """Tell whether this is a time zone that Python knows."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - only where a zone is named

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zones() -> list[str]:
    """Name every time zone."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - only to help with a misspelt one

    return sorted(available_timezones())


def _one_of(*words: str) -> Check:
    return (lambda value: value in words), f"one of {', '.join(words)}"


def _between(least: float, most: float) -> Check:
    return (lambda value: least <= value <= most), f"between {least} and {most}"


ANYTHING: Check = (lambda _: True), ""
_WEIGHT = _between(0, 1000)
WHOLE = 100
_SHARE = _between(0, WHOLE)
_RATE = r"(?ai)0*[1-9]\d{0,11}(\.\d{1,6})?\s*[KMG]?(i?B)?(/s)?"
_SCHEMA = r"(?a)(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_HOUR = r"([01]\d|2[0-3]):[0-5]\d|"

CHECKS: Mapping[str, Check] = {
    "state": (bool, "a path, or an address like postgresql://user@host/database"),
    "time.zone": (is_zone, "a time zone like Europe/Berlin"),
    "vault.place": ((lambda value: value in {"", "keyring", "keyfile"}), "keyring or keyfile"),
    "vault.keyring_timeout": _between(0.1, 600),
    "postgres.schema": (
        (lambda value: re.fullmatch(_SCHEMA, value) is not None),
        "a name of small letters, digits and underlines, and none of the database's own",
    ),
    "postgres.sslmode": ((lambda value: value in {"", *SSL_MODES}), f"one of {', '.join(SSL_MODES)}, or empty"),
    "postgres.connect_timeout": _between(2, 600),
    "postgres.dead_after": _between(5, 3600),
    "upload.privacy": _one_of("private", "unlisted", "public"),
    "upload.chunk_mib": _between(8, 64),
    "upload.category": (str.isdecimal, "the number of a category in quotes"),
    "thresholds.yellow": _between(1, 100),
    "thresholds.orange": _between(1, 100),
    "thresholds.red": _between(1, 100),
    "balancing.strategy": _one_of("health", "round_robin", "least_used", "random", "fill"),
    "balancing.quota": _WEIGHT,
    "balancing.success": _WEIGHT,
    "balancing.idle": _WEIGHT,
    "balancing.age": _WEIGHT,
    "breakers.failures": _between(1, 100),
    "breakers.within": _between(1, 3600),
    "breakers.probes": _between(1, 100),
    "breakers.rest": _between(0.1, 3600),
    "breakers.longest": _between(0.1, 24 * 3600),
    "envelopes.preset": ((lambda value: value in {"", *PRESETS}), "publishing, or empty"),
    "envelopes.publishing": _SHARE,
    "envelopes.metadata": _SHARE,
    "envelopes.reading": _SHARE,
    "envelopes.buffer": _SHARE,
    "envelopes.lend_after": (
        (lambda value: re.fullmatch(_HOUR, value) is not None),
        "an hour of the quota day like 18:00, which is California's, or empty",
    ),
    "refresh.within_minutes": _between(1, 24 * 60),
    "plan.rate": (
        (lambda value: re.fullmatch(_RATE, value) is not None),
        "bytes per second like 800K, 5M or 1.5G",
    ),
    "serve.bind": (_is_place, "a place like 127.0.0.1:8383 or [::1]:8383"),
    "activity.retention_days": _between(0, 36_500),
    "sessions.refresh.timeout": _between(1, 280),
    "sessions.inactive_days": _between(1, 3650),
    "health.disk_warn_mib": _between(0, 1 << 30),
    "health.disk_fail_mib": _between(0, 1 << 30),
    "health.waiting_hours": _between(0.1, 24 * 365),
    "health.cookie_days": _between(0, 365),
    "health.deep_units": _between(0, 1000),
    "health.backup_days": _between(0, 3650),
    "targets.reserves_ready": _between(0, 10_000),
    "targets.score": _between(0, 1),
    "targets.uploads_successful": _SHARE,
    "targets.fallbacks": _SHARE,
    "alerts.escalate_after_hours": _between(0, 24 * 365),
    "network.timeout": _between(1, 3600),
    "log.level": _one_of("debug", "info", "warning", "error"),
}
