"""Nothing that everyday tests make smaller is forgotten at night."""

import re
from pathlib import Path

from at_length import TRIALS

HERE = Path(__file__).parent
SMALLER = re.compile(r"TEST_SCALE\"|scaled\(|mark\.nightly")


def test_every_test_that_has_a_large_form_belongs_to_a_trial():
    sized = [
        path.relative_to(HERE.parent)
        for path in HERE.rglob("test_*.py")
        if path != Path(__file__) and SMALLER.search(path.read_text(encoding="utf-8"))
    ]
    named = {Path(word) for trial in TRIALS.values() for word in (*trial.tests, *trial.program)} - {Path("tests")}

    assert sized
    assert [str(path) for path in sized if not named & {path, *path.parents}] == []
