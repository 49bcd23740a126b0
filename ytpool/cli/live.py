"""The live display of uploads. Imports Rich, so only `progress` imports it, and only on a terminal."""

import math
import textwrap
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column, Table
from rich.text import Text

from ytpool.domain.sizes import spoken_bytes

if TYPE_CHECKING:
    from ytpool.cli.speed import Speed


def display(stream: TextIO, *, coloured: bool) -> Progress:
    """Make a display that fits itself to the width of the terminal, also when that changes."""
    console = Console(
        file=stream, force_terminal=True, no_color=not coloured, highlight=False, markup=False, emoji=False
    )
    return _Fitting(console)


def say(shown: Progress, sentence: str) -> None:
    """Print a sentence above the display, broken between words; an address that is too long stays one to copy."""
    # Rich draws under this lock, but prints above the display without it: of two threads one would draw over the other.
    with shown.live._lock:  # noqa: SLF001
        for line in textwrap.wrap(sentence, shown.console.width, break_long_words=False, break_on_hyphens=False):
            shown.console.print(Text(line), soft_wrap=True)


_WIDEST_NAME = 64
_ROOM_FOR_BOTH_ENDS = 20


class _Fitting(Progress):
    """A line never wraps: what matters least goes first when there is little room."""

    def __init__(self, console: Console) -> None:
        self._terminal = console  # the first table is made before `self.console` works
        # stdout holds the result and nothing else, so Rich leaves it alone.
        super().__init__(console=console, refresh_per_second=8, redirect_stdout=False)

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        width = self._terminal.width - len("^C")  # typed at the end of a full line, it would move all others
        bar = 0 if width < 56 else 10 if width < 72 else 20 if width < 110 else 36
        figures: list[ProgressColumn] = (
            [BarColumn(bar_width=bar, complete_style="cyan", finished_style="green")] if bar else []
        )
        widths = [bar] if bar else []
        for kind, size, wanted in ((_Percent, 4, 0), (_Bytes, 18, 100), (_Speed, 9, 72), (_Left, 8, 0)):
            if width >= wanted:
                figures.append(kind(size))
                widths.append(size)
        room = width - sum(widths) - len(widths)
        self.columns = (_Name(min(room, _WIDEST_NAME)), *figures)
        return super().make_tasks_table(sorted(tasks, key=lambda task: bool(task.fields["sums"])))


class _Name(ProgressColumn):
    """The file, and after it what it waits for."""

    def __init__(self, room: int) -> None:
        super().__init__(Column(width=room, no_wrap=True, overflow="ellipsis"))
        self._room = room

    def render(self, task: Task) -> Text:
        # Where both do not fit, the name is cut: what is waited for is the news.
        note = task.fields["note"]
        room = max(self._room - len(note) - 2, 8) if note else self._room
        name = Text(_cut(task.description, room), style="bold" if task.fields["sums"] else "")
        if note:
            name.append(f"  {note}", style="yellow")
        return name


def _cut(name: str, room: int) -> str:
    """Leave out the middle of a name that is too long: files of a batch often differ at their end."""
    if len(name) <= room:
        return name
    if room < _ROOM_FOR_BOTH_ENDS:
        return f"{name[: room - 1]}…"
    tail = (room - 1) * 3 // 5
    return f"{name[: room - 1 - tail]}…{name[-tail:]}"


class _Figure(ProgressColumn):
    """A figure at the right edge of a column of fixed width, so that nothing jumps."""

    def __init__(self, width: int) -> None:
        super().__init__(Column(width=width, no_wrap=True, justify="right"))

    def render(self, task: Task) -> Text:
        return Text(self.words(task))

    @abstractmethod
    def words(self, task: Task) -> str:
        """Word the figure."""


class _Percent(_Figure):
    def words(self, task: Task) -> str:
        # 100 % is said when the last byte has arrived, not before.
        # Where nothing is left to send, as when everything was published before, all of it has.
        return f"{int(task.percentage) if task.total else 100}%"


class _Bytes(_Figure):
    def words(self, task: Task) -> str:
        if not task.fields["by_bytes"] or not task.total:
            return ""
        return f"{spoken_bytes(task.completed)} of {spoken_bytes(task.total or 0)}"


class _Speed(_Figure):
    def words(self, task: Task) -> str:
        speed = _speed(task)
        return f"{spoken_bytes(speed).replace('bytes', 'B')}/s" if speed else ""


def _speed(task: Task) -> float | None:
    speed: Speed = task.fields["speed"]
    return speed.overall() if task.finished else speed.at(task.get_time())


class _Left(_Figure):
    def words(self, task: Task) -> str:
        if task.finished or not task.fields["by_bytes"]:
            return ""
        speed = _speed(task)
        if not speed or task.remaining is None:
            return "-:--:--"
        minutes, second = divmod(math.ceil(task.remaining / speed), 60)
        hours, minute = divmod(minutes, 60)
        return f"{hours}:{minute:02}:{second:02}" if hours < 100 else f"{hours} h"
