"""What every benchmark shares: two things done in turn, so that what both have to bear (a busy machine, a slow disk)
cancels out; and one way to say what was found.

Each benchmark is a program that may be run alone and prints a line for each promise. `tests/benchmarks/run` starts them
all: it names a file in `YTPOOL_BENCHMARK_ROWS`, to which each promise is added as a line of JSON too, and with
`YTPOOL_BENCHMARK_QUICK` it asks for few rounds.
"""

import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass

TIMES = "times"
BROKEN, UNABLE = 3, 4
"""How a benchmark ends that breaks a promise, and one that cannot run on this machine: its last line says why."""
QUICK = bool(os.environ.get("YTPOOL_BENCHMARK_QUICK"))
_FEW = 3
_rows = []


class Unable(Exception):
    """This machine lacks what a benchmark needs; the message is one clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was promised, and what was found."""

    what: str
    unit: str
    at_most: float | None
    at_least: float | None
    each_round: bool
    note: str
    rounds: int
    median: float
    low: float
    high: float
    kept: bool

    @property
    def promise(self):
        bound, value = ("at least", self.at_least) if self.at_most is None else ("at most", self.at_most)
        return f"{bound} {value:g} {self.unit or TIMES}{' in each round' if self.each_round else ''}"

    @property
    def found(self):
        return f"{_short(self.median)} {self.unit or TIMES}"

    @property
    def spread(self):
        return f"{_short(self.low)} to {_short(self.high)}"


def run(main):
    """Run a benchmark and end the program: with status 0 if all that was promised is kept."""
    try:
        main()
    except Unable as error:
        print(error, file=sys.stderr)
        sys.exit(UNABLE)
    sys.exit(0 if all(row.kept for row in _rows) else BROKEN)


def in_turn(ours, theirs, rounds):
    """Do both, A B A B, and return the seconds that each took, round by round."""
    ours()
    theirs()  # what the first run has to warm up is in neither figure
    return [(seconds(ours), seconds(theirs)) for _ in range(some(rounds))]


def some(rounds):
    """Return how many rounds are to be made: all of them, or few."""
    return min(rounds, _FEW) if QUICK else rounds


def seconds(deed):
    """Return how long it takes."""
    before = time.perf_counter()
    deed()
    return time.perf_counter() - before


def report(what, values, *, at_most=None, at_least=None, unit="", each_round=False, note=""):
    """Say what was found: ratios, or what `unit` names.

    The promise is about the median, unless every round has to keep it. What is always measured in the same way stands
    in `what`; `note` is for what else was seen.
    """
    judged = values if each_round else [statistics.median(values)]
    low, _, high = statistics.quantiles(values, n=4)
    row = Row(
        what=what,
        unit=unit,
        at_most=at_most,
        at_least=at_least,
        each_round=each_round,
        note=note,
        rounds=len(values),
        median=statistics.median(values),
        low=low,
        high=high,
        kept=all((at_most is None or value <= at_most) and (at_least is None or value >= at_least) for value in judged),
    )
    _rows.append(row)
    if place := os.environ.get("YTPOOL_BENCHMARK_ROWS"):
        with open(place, "a", encoding="utf-8") as file:  # noqa: PTH123 - a word for a word
            file.write(json.dumps(asdict(row)) + "\n")
    said = f"{what}: {row.found} ({row.spread}, {row.rounds} rounds), promised {row.promise}: "
    print(said + ("kept" if row.kept else "BROKEN") + (f"; {note}" if note else ""), flush=True)


def _short(value):
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
