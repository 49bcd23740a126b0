"""What a message about alerts says: as data for programs, as words for people. It is the same however often it is sent.

Only the number of the attempt differs: from the second on nobody knows whether an earlier one has arrived.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ytpool.domain import names

MOST_IN_ONE = 20
"""So many alerts are told one by one; of the rest a message says how many there are."""

_LONGEST_WORDS = 600
_LONGEST_SUBJECT = 160
_OVER = "resolved"

_TURNS_TEXT_ROUND = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Letters that let what follows read backwards."""


def content(
    *, message: str, profile: str, target: str, written_at: str, alerts: Sequence[Mapping[str, Any]], more: int
) -> dict[str, Any]:
    """Return a message as data."""
    return {
        "message": message,
        "profile": profile,
        "target": target,
        "written_at": written_at,
        "alerts": [dict(one) for one in alerts],
        "more": more,
    }


def as_json(told: Mapping[str, Any], attempt: int) -> str:
    """Return a message as one line of JSON, with the number of the attempt, and in words."""
    return json.dumps({**told, "attempt": attempt, "text": as_text(told, attempt)}, ensure_ascii=False)


def as_slack(told: Mapping[str, Any], attempt: int) -> str:
    """Return a message as Slack's incoming webhooks, and those who copy them, take it."""
    text = as_text(told, attempt).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": text}, ensure_ascii=False)


def headline(told: Mapping[str, Any]) -> str:
    """Return a message in one line: the one alert, or how many there are and how bad the worst is."""
    alerts = told["alerts"]
    count = len(alerts) + told["more"]
    profile = "" if told["profile"] == "default" else f" ({told['profile']})"
    if count == 1:
        return _cut(f"ytpool{profile}: {_heading(alerts[0])}: {_plain(alerts[0]['message'])}", _LONGEST_SUBJECT)
    opened = [one for one in alerts if one["event"] != _OVER]
    if not opened:
        return f"ytpool{profile}: {count} alerts are resolved"
    return _cut(f"ytpool{profile}: {count} alerts, the worst {_heading(opened[0])}", _LONGEST_SUBJECT)


def as_text(told: Mapping[str, Any], attempt: int) -> str:
    """Return a message for people."""
    lines = [headline(told)]
    if len(told["alerts"]) + told["more"] > 1:
        lines += ["", *map(_line, told["alerts"])]
    elif (one := told["alerts"][0])["command"] and one["event"] != _OVER:
        lines.append(f"to type: {_plain(one['command'])}")
    if told["more"]:
        lines.append(f"and {told['more']} more: ytpool alerts list")
    if attempt > 1:
        lines += ["", f"This is attempt {attempt}; an earlier one may have arrived (message {told['message']})."]
    return "\n".join(lines)


def _line(one: Mapping[str, Any]) -> str:
    words = f"- {_heading(one)}: {_plain(one['message'])}"
    return f"{words}; to type: {_plain(one['command'])}" if one["command"] and one["event"] != _OVER else words


def _heading(one: Mapping[str, Any]) -> str:
    how = _OVER if one["event"] == _OVER else one["severity"]
    return f"{how}, {one['kind']} {_plain(one['subject'])}"


def _plain(words: str) -> str:
    """Return words on one line, in any script, that are not too long, and cannot pass themselves off as others."""
    readable = names.readable(words).translate(_TURNS_TEXT_ROUND)
    kept = "".join(sign if sign.isprintable() or sign in "\u200c\u200d" else " " for sign in readable)
    return _cut(" ".join(kept.split()), _LONGEST_WORDS)


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
