"""Fixtures that every test may use."""

import io
import os

import pytest
from books import Books, ObedientClock

from ytpool.cli.app import main


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A place of its own for every profile, and an environment that says nothing else."""
    for name in [*os.environ]:
        if name.startswith("YTPOOL_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "CREDENTIALS_DIRECTORY"}:
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("YTPOOL_HOME", str(folder))
    return folder


@pytest.fixture
def ytpool(home):  # noqa: ARG001 - it sets the environment
    """The command line: `ytpool("config", "show")` returns status, stdout and stderr."""

    def run(*words):
        stdout, stderr = io.StringIO(), io.StringIO()
        status = main([str(word) for word in words], stdout=stdout, stderr=stderr)
        return status, stdout.getvalue(), stderr.getvalue()

    return run


@pytest.fixture
def clock():
    """A clock that obeys: noon in California, until the test says otherwise."""
    return ObedientClock()


@pytest.fixture
def books(tmp_path, clock):
    """A fresh state with that clock, and the verbs of the ledger."""
    books = Books(tmp_path / "state.db", clock).created()
    yield books
    books.database.close()
