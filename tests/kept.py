"""Programs that end with the test run, whatever ends it: one that is killed leaves nothing running either.

Each has a guardian, which holds the other end of a line to the tests and ends the program as soon as that line is gone.
It is a process because a parent's death is heard of by whoever was started from the thread that dies, and tests start
programs from threads. Run as a program this is the guardian: `kept.py SIGNAL PROGRAM WORDS…`.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def status_of(words, *, says, **how):
    """Run a program to its end and return its status; ^C ends it first, in order."""
    with Path(says).open("wb") as log, subprocess.Popen([*map(str, words)], stdout=log, stderr=log, **how) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)  # who sent it to us alone meant both
            process.wait()
            raise


class Kept:
    """A program that runs until `end`, and no longer than these tests."""

    def __init__(self, words, *, ends_by=signal.SIGTERM, says=None, user=None, **how):
        """Start it, as another user where one is named; `says` is the file that takes what it has to say."""
        drops = [] if user is None else [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        with Path(says or os.devnull).open("ab") as log:
            self._guardian = subprocess.Popen(
                # A guardian that is killed takes the program along.
                [sys.executable, "-I", "-S", __file__, ends_by.name, "setpriv", *drops, "--pdeathsig", "KILL"]
                + [str(word) for word in words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # ^C is for the tests, which then end everything in order
                **how,
            )
        self.pid = int(self._guardian.stdout.readline())
        self._guardian.stdout.close()

    def is_alive(self):
        return self._guardian.poll() is None

    def signal(self, number):
        """Send the program a signal; one that has ended hears nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def end(self, by=None):
        """Let it end, by a signal of one's own if that is named, and wait until it has."""
        if by is not None:
            self.signal(by)
            self._guardian.wait(timeout=30)
        self._guardian.stdin.close()
        self._guardian.wait(timeout=30)


def _guard(ends_by, *words):
    program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    print(program.pid, flush=True)
    ended = os.pidfd_open(program.pid)
    if ended not in select.select([sys.stdin, ended], [], [])[0]:
        program.send_signal(signal.Signals[ends_by])
        if not select.select([ended], [], [], 10)[0]:
            program.kill()
    return program.wait()


if __name__ == "__main__":
    sys.exit(max(0, _guard(*sys.argv[1:])))
