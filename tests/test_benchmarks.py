"""Benchmarks are not tests, but what they find must be told as it is."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
SAYS = """
import sys
sys.path.insert(0, {folder!r})
import ratios

def main():
    ratios.report("a start", [1.5, 1.25, 9.0], at_most=2)
    {more}

ratios.run(main)
"""


@pytest.fixture
def benchmark(tmp_path):
    """Run a benchmark that says this; return its status, what it printed, and the rows it left."""

    def run(more):
        rows = tmp_path / "rows"
        rows.touch()
        done = subprocess.run(
            [sys.executable, "-c", SAYS.format(folder=str(FOLDER), more=more)],
            env={**os.environ, "YTPOOL_BENCHMARK_ROWS": str(rows)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, [json.loads(line) for line in rows.read_text().splitlines()]

    return run


@pytest.mark.parametrize(
    ("more", "status", "kept"),
    [
        ("", 0, [True]),
        ("ratios.report('a speed', [0.9, 0.4, 0.4], at_least=0.5)", 3, [True, False]),
        ("ratios.report('memory', [10, 10, 50], at_most=40, unit='MB')", 0, [True, True]),
        ("ratios.report('memory', [10, 10, 50], at_most=40, unit='MB', each_round=True)", 3, [True, False]),
        ("raise ratios.Unable('there is no such server')", 4, [True]),
        ("1 / 0", 1, [True]),
    ],
)
def test_a_benchmark_says_what_was_kept_and_what_was_not(benchmark, more, status, kept):
    ended, said, rows = benchmark(more)

    assert (ended, [row["kept"] for row in rows]) == (status, kept)
    assert "a start: 1.50 times (1.25 to 9.00, 3 rounds), promised at most 2 times: kept" in said
    assert ("BROKEN" in said) == (False in kept)
    assert rows[0]["median"] == 1.5


def test_every_benchmark_is_named_with_what_it_measures():
    told = subprocess.run(
        [sys.executable, FOLDER / "table.py", "--list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    programs = {
        path.stem
        for path in FOLDER.glob("*.py")
        if "ratios.run(" in path.read_text() or "    run(main)" in path.read_text()
    }
    assert {line.split()[0] for line in told} == programs
    assert all(len(line.split()) > 3 for line in told)


def test_what_could_not_run_is_a_row_that_says_why_and_is_not_kept(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    table = importlib.import_module("table")
    there = table.Outcome(benchmark="ledger", seconds=1.0, others=0.0)
    unable = replace(there, unable="postgres is not installed")
    failed = replace(there, failed="ZeroDivisionError")

    [_, _, first, second] = table.table([unable, failed])

    assert [cell.strip() for cell in first.split("|")][-3:-1] == ["could not run", "postgres is not installed"]
    assert [cell.strip() for cell in second.split("|")][-3:-1] == ["FAILED", "ZeroDivisionError"]
    assert (unable.is_bad, failed.is_bad) == (False, True)
