"""Every parser of foreign input keeps its promises, whatever comes: see `target`.

Here each tries a few inputs, always the same ones, and first of all what was found once. `python tests/fuzzing` goes on
for as long as it is told to, and `tests/nightly` has it give every parser ten minutes.
"""

import os

import pytest
from fuzzing.every import TARGETS

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
EVERY = [pytest.param(target, id=target.name) for target in TARGETS]


@pytest.mark.parametrize("target", EVERY)
def test_whatever_goes_in_a_value_or_a_sentence_comes_out(target):
    for once in target.found:
        target.hold(once)

    target.test(examples=max(10, int(250 * SCALE)))()
