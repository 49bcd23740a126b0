"""What pictures on a terminal are drawn with: signs that it has, names cut to cells, and axes of time.

A line is never wider than the terminal: what does not fit is put together, and told. Only what draws imports this.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from ytpool.cli.values import visible

EIGHTHS = " ▁▂▃▄▅▆▇█"
_HOUR = timedelta(hours=1)
_STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 336, 672, 1344, 2688)
"""Hours from one label of an axis to the next."""

_PLAIN = str.maketrans(
    dict(zip("█▓▒░·", "#=-:.", strict=True))
    | dict(zip("▁▂▃▄▅▆▇", "1234567", strict=True))
    | {"│": "|", "┤": "|", "└": "+", "─": "-", "┄": "~", "━": "=", "▶": ">", "■": "#", "□": ".", "…": "~"}
)
"""What stands for a sign on a terminal of ASCII; a name's other letters become question marks there."""


class Canvas(NamedTuple):
    """A terminal as a picture sees it."""

    width: int
    unicode: bool
    coloured: bool

    def signs(self, signs: str) -> str:
        """Return these signs as far as the terminal has them, else others in their place."""
        return signs if self.unicode else signs.translate(_PLAIN)

    def cut(self, name: str, cells: int) -> str:
        """Return a name in exactly so many cells: filled up, or cut and marked; wide letters count as two."""
        name = self._letters(name)
        if (length := cell_len(name)) <= cells:
            return name + " " * (cells - length)
        kept, taken = "", 0
        for letter in name:
            wide = cell_len(letter)
            if taken + wide > cells - 1:
                break
            kept, taken = kept + letter, taken + wide
        return (kept + self.signs("…") + " " * (cells - 1 - taken)) if cells > 0 else ""

    def column(self, names: Sequence[str], least: int = 6) -> int:
        """Return how many cells a column of names takes: what the longest wants, and never more than a third."""
        wanted = max((cell_len(visible(name)) for name in names), default=0)
        return min(wanted, max(least, self.width // 3))

    def line(self, *parts: str | tuple[str, str]) -> Text:
        """Return a line that is cut at the edge and never wraps."""
        text = Text.assemble(*parts, no_wrap=True, overflow="crop")
        text.truncate(self.width, overflow="crop")
        return text

    def said(self, sentence: str, style: str = "") -> Text:
        """Return a sentence, which wraps between words."""
        return Text(self._letters(sentence), style=style)

    def _letters(self, text: str) -> str:
        text = visible(text)
        return text if self.unicode else "".join(letter if letter.isascii() else "?" for letter in text)

    def listed(self, entries: Sequence[Text]) -> Iterator[Text]:
        """Yield entries of a legend side by side, as many in a line as fit."""
        line = Text(no_wrap=True, overflow="crop")
        for entry in entries:
            if line.cell_len and line.cell_len + 2 + entry.cell_len > self.width:
                yield line
                line = Text(no_wrap=True, overflow="crop")
            line.append("  " if line.cell_len else "").append_text(entry)
            line.truncate(self.width, overflow="crop")
        if line.cell_len:
            yield line


def hours_below(begins: datetime, ends: datetime, columns: int) -> str:
    """Return the labels below an axis of time, in UTC: hours, and the date where a day begins and many are shown.

    The first column is where it begins, the last where it ends.
    """
    total = max((ends - begins) / _HOUR, 0.001)
    dated = total > 25
    step = next((step for step in _STEPS if step * columns / total >= (6 if dated else 3)), _STEPS[-1])
    first = begins.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    whole_days = first.replace(hour=0)
    cells = [" "] * columns
    mark, taken = whole_days if dated or step >= 24 else first, -1
    while mark <= ends:
        place = round((mark - begins) / _HOUR / total * columns)
        label = f"{mark:%m-%d}" if dated and mark.hour == 0 else f"{mark:%H}"
        if mark >= begins and place > taken and place + len(label) <= columns:
            cells[place : place + len(label)] = label
            taken = place + len(label)
        mark += step * _HOUR
    return "".join(cells).rstrip()


def days_below(first: date, days: int, cell: int) -> str:
    """Return the labels below an axis of days, each of them so many cells wide."""
    step = -(-6 // cell)
    marks = (number for number in range(0, days, step) if number * cell + len("12-24") <= days * cell)
    return "".join(f"{first + timedelta(days=number):%m-%d}".ljust(step * cell) for number in marks).rstrip()


def put_together(values: Sequence[int], by: int, how: Callable[[Sequence[int]], int] = sum) -> list[int]:
    """Return values with so many neighbours made one."""
    return [how(values[place : place + by]) for place in range(0, len(values), by)]


def level(value: float, most: float, levels: int) -> int:
    """Return which of so many levels a value reaches; only nothing is none."""
    return 0 if value <= 0 or most <= 0 else min(levels, max(1, -int(-(value * levels / most) // 1)))
