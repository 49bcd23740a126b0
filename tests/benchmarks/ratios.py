"""Ratios of two things done in turn: what both have to bear (a busy machine, a slow disk) cancels out."""

import statistics
import time


def in_turn(ours, theirs, rounds):
    """Do both, A B A B, and return the seconds that each took, round by round."""
    ours()
    theirs()  # what the first run has to warm up is in neither figure
    return [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]


def report(what, ratios, *, at_most=None, at_least=None):
    """Print one line, and return whether the promise is kept."""
    median = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4)
    kept = (at_most is None or median <= at_most) and (at_least is None or median >= at_least)
    promise = f"at most {at_most}" if at_most is not None else f"at least {at_least}"
    verdict = "kept" if kept else "BROKEN"
    print(f"{what}: {median:.2f} ({low:.2f} to {high:.2f}, {len(ratios)} rounds), promised {promise}: {verdict}")
    return kept


def _seconds(deed):
    before = time.perf_counter()
    deed()
    return time.perf_counter() - before
