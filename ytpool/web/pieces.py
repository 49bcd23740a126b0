"""What pages are put together from: tables, names, moments, numbers. Colours never say anything alone, words do."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from ytpool.domain import moments
from ytpool.domain.quota import Light
from ytpool.domain.sizes import spoken_bytes
from ytpool.web.markup import Content, Markup, tag, together

T = TypeVar("T")

GLUE = "\N{NO-BREAK SPACE}"
"""Keeps a number and its unit on one line."""

_NONE = "\N{EN DASH}"

_LOUD = {
    "active": "green",
    "done": "green",
    "critical": "red",
    "warning": "orange",
    "warn": "orange",
    "fail": "red",
    "pass": "green",
    "failed": "red",
    "unknown": "orange",
    "login_needed": "red",
    "banned": "red",
    "expired": "orange",
    "finished_unknown": "orange",
    "resting": "orange",
    "draining": "yellow",
    "disabled": "plain",
}


def foremost(rows: Sequence[T], most: int, by: Callable[[T], Any]) -> Sequence[T]:
    """Return those rows that matter most, in the order they had: what moves is hard to read."""
    if len(rows) <= most:
        return rows
    chosen = sorted(sorted(range(len(rows)), key=lambda place: by(rows[place]))[:most])
    return [rows[place] for place in chosen]


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    """Return a table that is called what the heading with the id `TITLE-title` says."""
    # The roles are said aloud because a phone shows each row as a block, and it would be no table any more.
    head = tag("tr", [tag("th", one, role="columnheader", scope="col") for one in heads], role="row")
    body = [
        tag(
            "tr",
            tag("th", row[0], role="rowheader", scope="row"),
            [
                tag("td", tag("span", cell or _NONE), role="cell", data_head=of)
                for of, cell in zip(heads[1:], row[1:], strict=True)
            ],
            role="row",
        )
        for row in rows
    ]
    return tag(
        "table",
        tag("thead", head, role="rowgroup"),
        tag("tbody", body, role="rowgroup"),
        role="table",
        aria_labelledby=f"{title}-title",
    )


def more(left_out: int, command: str) -> Markup | None:
    """Say how many rows are left out, and what to type to see them."""
    return None if left_out <= 0 else tag("p", f"and {left_out:,} more: ", tag("code", command), class_="more")


def note(sentence: str) -> Markup:
    return tag("p", sentence, class_="note")


def words(text: str) -> Markup:
    """Keep words of others, which may run from right to left, from turning around what stands beside them."""
    return tag("bdi", text or _NONE)


def badge(word: str, text: str = "") -> Markup:
    colour = word if word in tuple(Light) else _LOUD.get(word, "plain")
    return tag("span", (text or str(word)).replace("_", " "), class_=f"badge {colour}")


def when(at: datetime | None) -> Markup:
    return tag("span", _NONE) if at is None else moment(at)


def moment(at: datetime, *, with_seconds: bool = False) -> Markup:
    """Return a moment, and a place where a page that lives writes how far it is away."""
    stored = moments.text(at)
    spoken = f"{stored[:10]} {stored[11:19]} UTC" if with_seconds else moments.spoken(at)
    return together(tag("time", spoken, datetime=stored), tag("span", class_="away", data_moment=stored))


def counted(count: int, what: str) -> str:
    """Say how many of something there are."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def number(count: int) -> str:
    return f"{count:,}"


def size(count: float) -> str:
    """Write a number of bytes as people read it."""
    return spoken_bytes(count).replace(" ", GLUE)
