"""`python -m ytpool` is the same program as `ytpool`, and both begin here."""

import gc
import sys


def run() -> None:
    """Run as a program.

    Importing makes many objects and no garbage, so nothing is collected before a command has been found: that takes
    a tenth of the time of a short command. `cli.commands` turns collecting on again.
    """
    gc.disable()
    try:
        from ytpool.cli.app import entry  # noqa: PLC0415 -- what comes before it must come before its imports
    except KeyboardInterrupt:  # before there is anybody who could say more of it
        sys.stderr.write("ytpool: interrupted\n")
        exec("")  # noqa: S102 - see cli.app: Python would end by SIGINT, whatever the status
        sys.exit(130)
    entry()


if __name__ == "__main__":
    run()
