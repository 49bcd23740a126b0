"""How fast bytes leave."""

from collections import deque


class Speed:
    """How fast bytes leave. Nothing is said of less than a second: it would tell of buffers and not of the line."""

    def __init__(self) -> None:
        self._sent = 0
        self._marks: deque[tuple[float, int]] = deque()
        """Moments, and how many bytes had left by then; the first is where looking back ends."""
        self._began: tuple[float, int] | None = None

    def sent(self, count: int, now: float) -> None:
        """Take note that so many more bytes have left."""
        marks = self._marks
        if marks and now - marks[-1][0] > _LOOKS_BACK:
            marks.clear()  # after a long wait the line is measured anew
        self._sent += max(count, 0)
        if not marks or now - marks[-1][0] >= _MARKS_EVERY:
            marks.append((now, self._sent))
        self._began = self._began or marks[0]
        while len(marks) > 1 and marks[1][0] <= now - _LOOKS_BACK:
            marks.popleft()

    def at(self, now: float) -> float | None:
        """Return bytes per second over the last while, or None where there is nothing to tell."""
        if not self._marks or now - self._marks[-1][0] > _LOOKS_BACK:
            return None
        return self._since(self._marks[0], now)

    def overall(self) -> float | None:
        """Return bytes per second from the first to the last, or None where there is nothing to tell."""
        return None if self._began is None else self._since(self._began, self._marks[-1][0])

    def _since(self, mark: tuple[float, int], now: float) -> float | None:
        seconds, count = now - mark[0], self._sent - mark[1]
        return count / seconds if seconds >= 1 and count else None


_LOOKS_BACK = 10.0
"""Seconds over which the speed of now is measured."""
_MARKS_EVERY = 0.2
