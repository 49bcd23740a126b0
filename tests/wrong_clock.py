"""A program whose machine's clock is wrong: `python tests/wrong_clock.py -600 ytpool work` is ten minutes behind.

In this process alone the clock on the wall is set off; what counts the seconds since the machine started is not.
"""

import runpy
import sys
from datetime import timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from ytpool.clock import SystemClock


def main(seconds, module, *words):
    """Run a module as a program, by that clock."""
    right = SystemClock.now
    SystemClock.now = lambda self: right(self) + timedelta(seconds=float(seconds))
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
