"""What every picture is drawn with: where moments and amounts lie, their axes, and text that fits."""

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ytpool import __version__, data
from ytpool.web.markup import Markup, tag, together

MARK = "made by ytpool "
MADE_BY = f"{MARK}{__version__}"
"""Stands in the head of every file, and says that it may be made anew."""

SMALL, WIDE = 400, 960
"""Widths of pictures: two of the small ones stand side by side on a desk."""

_HEAD, _FOOT = 34, 26
_HOUR = timedelta(hours=1)
_STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 168, 336)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture, and the same in words for whoever cannot see it."""

    title: str
    about: str
    width: int
    height: int
    content: Markup
    left_out: str = ""
    """What there was no room for; a page says it in its own words, with what to type."""


def in_page(drawing: Drawing, name: str) -> Markup:
    """Return a picture as a part of a page, where no other has this name; the page shows its title."""
    return tag(
        "svg",
        tag("title", drawing.title, id=f"{name}-name"),
        tag("desc", drawing.about, id=f"{name}-about"),
        drawing.content,
        class_="picture",
        viewBox=f"0 0 {drawing.width} {drawing.height}",
        role="img",
        aria_labelledby=f"{name}-name {name}-about",
        focusable="false",
    )


def figure(drawing: Drawing, name: str, *, long: bool = False) -> Markup:
    """Return a picture with its title above it and its words below; where it is long, it is moved and not the page."""
    picture = in_page(drawing, name)
    if long:  # whoever has no mouse moves it with the arrow keys
        picture = tag("div", picture, class_="long", tabindex="0", role="group", aria_labelledby=f"{name}-title")
    return tag("figure", tag("h3", drawing.title, id=f"{name}-title"), picture, tag("figcaption", drawing.about))


def as_file(drawing: Drawing) -> str:
    """Return a picture as a file of its own, with its title above it and its colours in it."""
    height = drawing.height + _HEAD + (_FOOT if drawing.left_out else 0)
    drawn = tag(
        "svg",
        tag("title", drawing.title, id="name"),
        tag("desc", f"{drawing.about} {drawing.left_out}".rstrip(), id="about"),
        tag("style", Markup(data.text("report/pictures.css"))),
        tag("rect", width=drawing.width, height=height, class_="paper"),
        label(drawing.title, 12, 22, drawing.width // 8, kind="title"),
        tag("g", drawing.content, transform=f"translate(0 {_HEAD})"),
        label(drawing.left_out, 12, height - 10, drawing.width // 7, kind="quiet") if drawing.left_out else None,
        xmlns="http://www.w3.org/2000/svg",
        class_="picture",
        viewBox=f"0 0 {drawing.width} {height}",
        width=drawing.width,
        height=height,
        role="img",
        aria_labelledby="name about",
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!-- {MADE_BY} -->\n{drawn}\n'


def nothing(title: str, sentence: str) -> Drawing:
    """Return the picture of something of which there is nothing to see, as wide as those of which there is."""
    content = label(sentence, WIDE / 2, 40, WIDE // 6, kind="quiet", anchor="middle")
    return Drawing(title=title, about=sentence, width=WIDE, height=72, content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The part of a picture where time goes to the right and amounts go up."""

    left: float
    right: float
    top: float
    bottom: float
    begins: datetime
    ends: datetime
    most: float = 1

    def x(self, moment: datetime) -> float:
        """Where a moment is; what lies outside is at the edge."""
        length = (self.ends - self.begins) / _HOUR or 1.0
        share = min(max((moment - self.begins) / _HOUR / length, 0.0), 1.0)
        return self.left + share * (self.right - self.left)

    def y(self, amount: float) -> float:
        """Where an amount is; what lies outside is at the edge."""
        share = min(max(amount / (self.most or 1), 0.0), 1.0)
        return self.bottom - share * (self.bottom - self.top)


def hours(field: Field, *, most: int = 8) -> Markup:
    """Draw lines at whole hours of UTC, as many as are easy to read, and say which they are."""
    marks = [
        together(
            line(field.x(at), field.top, field.x(at), field.bottom, "grid"),
            label(_hour(at, step), field.x(at), field.bottom + 16, 8, kind="tick", anchor="middle"),
        )
        for at, step in _whole_hours(field.begins, field.ends, most)
    ]
    return together(marks, label("UTC", field.right, field.bottom + 30, 3, kind="tick", anchor="end"))


def _whole_hours(begins: datetime, ends: datetime, most: int) -> Iterator[tuple[datetime, int]]:
    length = (ends - begins) / _HOUR
    step = next((step for step in _STEPS if length / step <= most), 24 * math.ceil(length / most / 24))
    at = begins.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if step > 24:  # the same days, whenever one looks
        at += timedelta(days=-at.toordinal() % (step // 24))
    while at <= ends:
        if at >= begins:
            yield at, step
        at += step * _HOUR


def _hour(at: datetime, step: int) -> str:
    return f"{at:%m-%d}" if step >= 24 or at.hour == 0 else f"{at:%H:%M}"


def amounts(field: Field) -> Markup:
    """Draw lines at round amounts, and say which they are."""
    step = _round(field.most / 4)
    at = 0
    marks: list[Markup] = []
    while at <= field.most:
        marks += [
            line(field.left, field.y(at), field.right, field.y(at), "grid"),
            label(f"{at:,}", field.left - 6, field.y(at) + 4, 12, kind="tick", anchor="end"),
        ]
        at += step
    return together(marks)


def _round(amount: float) -> int:
    """Return the next amount above that people count by."""
    size = 1
    while size * 10 < amount:
        size *= 10
    return next(size * times for times in (1, 2, 5, 10) if size * times >= amount)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=short(x1), y1=short(y1), x2=short(x2), y2=short(y2), class_=kind)


def box(x: float, y: float, width: float, height: float, kind: str, hint: str = "") -> Markup:
    """Draw a rectangle, with words for whoever points at it."""
    place = {"x": short(x), "y": short(y), "width": short(max(width, 0.0)), "height": short(max(height, 0.0))}
    if not hint:
        return tag("rect", class_=kind, **place)
    return tag("g", tag("title", hint), tag("rect", class_=kind, **place))


def path(points: list[tuple[float, float]], kind: str, *, closed: bool = False) -> Markup:
    """Draw a line from point to point, or the area within."""
    where = Markup("M" + "L".join(f"{short(x)} {short(y)}" for x, y in points) + ("Z" if closed else ""))
    return tag("path", d=where, class_=kind)


def label(text: str, x: float, y: float, cells: float, *, kind: str = "", anchor: str | None = None) -> Markup:
    """Write a text, no longer than so many letters of a usual width; of a longer one the whole is a hint."""
    fits = fitting(text, int(cells))
    whole = tag("title", text) if fits != text else None
    return tag("text", whole, fits, x=short(x), y=short(y), class_=kind or None, text_anchor=anchor)


def legend(entries: list[tuple[str, str]], top: float, width: int, *, columns: int = 2) -> Markup:
    """Say which colour is what: pairs of a kind and its words."""
    wide = (width - 24) / columns
    marks: list[Markup] = []
    for number, (kind, words) in enumerate(entries):
        x, y = 12 + (number % columns) * wide, top + (number // columns) * 18
        marks += [box(x, y, 11, 11, kind), label(words, x + 17, y + 10, (wide - 22) / 6.5)]
    return together(marks)


def legend_height(entries: int, columns: int = 2) -> int:
    return 18 * -(-entries // columns)


def fitting(text: str, cells: int) -> str:
    """Cut a text to a width, in which letters of Chinese, Japanese and Korean count two and marks upon letters none."""
    taken = 0
    kept: list[str] = []
    for sign in text:
        wide = _cells(sign)
        if taken + wide > cells:
            while kept and taken + 1 > cells:
                taken -= _cells(kept.pop())
            return "".join(kept) + "…"
        taken += wide
        kept.append(sign)
    return text


def _cells(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def short(number: float) -> str:
    """Write a place in a picture: a tenth of its unit is less than anybody sees."""
    return f"{number:.1f}".removesuffix(".0")
