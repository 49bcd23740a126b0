"""Every parser of foreign input keeps its promises, whatever comes: see `target`.

Here each tries a few inputs, always the same ones. `python tests/fuzzing TARGET --seconds N` goes on for as long as it
is told to; `-m nightly` does so for all of them.
"""

import os

import pytest
from fuzzing.every import TARGETS
from fuzzing.target import Target, TooMany
from hypothesis import strategies as st

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
NAMED = [pytest.param(target, id=target.name) for target in TARGETS]


@pytest.mark.parametrize("target", NAMED)
def test_whatever_goes_in_a_value_or_a_sentence_comes_out(target):
    for once in target.found:
        target.hold(once)

    target.test(examples=max(10, int(250 * SCALE)))()
