"""Programs of this machine: whoever starts one can be interrupted at any line, and leaves none running."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ytpool.probes import commands

WATCHED = {module.__file__ for module in (commands, subprocess)}


def interrupted_at(number, run):
    """Run something, and interrupt it as Ctrl-C does, before that line of it; tell whether it came so far."""
    passed = 0

    def trace(frame, event, _):
        nonlocal passed
        if frame.f_code.co_filename not in WATCHED:
            return None
        passed += event == "line"
        if event == "line" and passed == number:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def children():
    """Return the processes that this one has started and that live; the dead may wait for their burial."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(int(stat.parent.name))
    return set(found)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux says here who started whom")
def test_whoever_is_interrupted_at_any_line_leaves_no_program_running():
    others, number = children(), 1

    def run():
        return commands.run(["sleep", "20"], environ=dict(os.environ), timeout=0.01)

    while interrupted_at(number, run):
        until = time.monotonic() + 15
        while left := children() - others:
            assert time.monotonic() < until, (number, left)
            time.sleep(0.005)
        number += 1

    assert number > 1  # it was interrupted somewhere, after all
