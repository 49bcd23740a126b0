"""A terminal in front of a program: what stands on it, and what a person does to it."""

import os
import sys
import time

import pexpect
import pyte
from newsroom import ROOT

_PATIENCE = 20


class Terminal:
    """`ytpool` on a terminal of its own, until the end of the block."""

    def __init__(self, *words, columns=80, rows=24, through=()):
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        command = [*through, sys.executable, "-m", "ytpool", *words]
        self._program = pexpect.spawn(
            command[0],
            command[1:],
            dimensions=(rows, columns),
            env={**os.environ, "TERM": "xterm-256color"},
            cwd=str(ROOT),
            timeout=_PATIENCE,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._program.close(force=True)

    @property
    def lines(self):
        return [line.rstrip() for line in self._screen.display]

    @property
    def cursor_is_shown(self):
        return not self._screen.cursor.hidden

    def shows(self, text):
        """Wait until this stands on the screen, and return the lines."""
        ends = time.monotonic() + _PATIENCE
        while not any(text in line for line in self.lines):
            assert time.monotonic() < ends, self.lines
            assert self._read(), self.lines
        return self.lines

    def resize(self, columns, rows):
        self._screen.resize(rows, columns)
        self._program.setwinsize(rows, columns)

    def press_ctrl_c(self):
        """Interrupt it; return its status."""
        self._program.sendintr()
        while self._read():
            pass
        self._program.close()
        return self._program.exitstatus

    def _read(self):
        try:
            some = self._program.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.written += some
        self._stream.feed(some)
        return True
