"""How videos are seen: several as a table, one as a sheet."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ytpool import data
from ytpool.actions.videos import VideoShown
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.domain import changes


class Shown(dict[str, Any]):
    """Several videos, or one whose fields stand beside the list as well."""

    def __init__(self, found: Sequence[VideoShown]) -> None:
        items = [as_item(one) for one in found]
        super().__init__({**(items[0] if len(items) == 1 else {}), "videos": items})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in found)
        self.problem = found[0].problem if len(found) == 1 else None


class ShownInFull(Shown):
    """One video, seen as a sheet instead of a line."""


def _sheet(shown: Shown) -> str:
    """Show one video in full: a line for everything there is to say."""
    row = shown["videos"][0]
    lines = []
    for name, value in row.items():
        if value in (None, "", (), {}) or name in ("error", "description", "channel_id"):
            continue
        if name == "channel_title":
            lines.append(f"{'channel':<14}{value} ({row['channel_id']})")
        elif name == "category":
            known: dict[str, str] = data.load("categories.json")["assignable"]
            lines.append(f"{name:<14}{' '.join(filter(None, (value, known.get(value))))}")
        elif name == "duration":
            lines.append(f"{name:<14}{_spoken(value)}")
        elif name in ("reasons", "suggestions"):
            lines += [f"{name[:-1]:<14}{one.about} {one.word}: {one.meaning}" for one in value]
        elif name == "differences":
            lines += [f"{'difference':<14}{one}" for one in value]
        elif name == "localizations":
            lines += [f"{'localization':<14}{language}: {changes.shown(texts)}" for language, texts in value.items()]
        elif isinstance(value, datetime):
            lines.append(f"{_label(name):<14}{value:%Y-%m-%d %H:%M}Z")
        else:
            lines.append(f"{_label(name):<14}{changes.shown(value)}")
    return "\n".join([*map(visible, lines), *(["", row["description"]] if row["description"] else [])])


def _label(name: str) -> str:
    return name.replace("_", " ")


def _spoken(duration: str) -> str:
    """Word a duration of YouTube's, such as PT1H2M3S, as 1:02:03."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", duration)
    if found is None:
        return duration
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    hours += days * 24
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _said(row: Any) -> str:
    words = [f"{one.about} {one.word}" for one in row["reasons"]] + [str(one) for one in row["differences"]]
    return row["error"]["message"] if row["error"] else "; ".join(words)


VIEWS[ShownInFull] = View(text=_sheet)
VIEWS[Shown] = View(
    rows="videos",
    columns=(
        ("Video", "video_id"),
        ("Title", "title"),
        ("Account", "account"),
        ("Privacy", "privacy"),
        ("Public from", "publish_at"),
        Column(
            "Processing",
            "processing",
            style={"succeeded": "green", "failed": "red", "rejected": "red", "processing": "yellow"},
        ),
        Column("Said", _said, style="yellow"),
    ),
)
