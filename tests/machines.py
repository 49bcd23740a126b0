"""Machines that are namespaces of this one: each with a name, processes, a network and a count of the seconds since it
was started of its own, and the same files.

A machine reaches nothing but its own loopback. What listens there are links (`links.Link`) to servers of this machine,
each at the port that the server has here, so that every address is right on every machine. To a loopback belongs all of
10.0.0.0/8 as well: a link can listen there under the address that another machine has in a story (`leads_to`). When the
tests end, however they end, every machine ends with all that runs on it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from first_process import ASKED
from links import Link
from newsroom import ROOT
from real_parts import miss, need

FIRST_PROCESS = Path(__file__).with_name("first_process.py")
WRONG_CLOCK = Path(__file__).with_name("wrong_clock.py")
STARTED_APART = 10_000
"""Seconds between the moments at which two of our machines were started, by their own count."""


class Machine:
    """One machine, by its host name."""

    def __init__(self, name, pid, line, links):
        self.name = name
        self.wrong_by = timedelta(0)
        """How far its clock is ahead of the right time; `ytpool` goes by it there."""
        self.links = links
        """The way to each server, by its port."""
        self.pid = pid
        self._line = line
        self._asking = threading.Lock()

    def start(self, *words, env=None, **how):
        """Start `ytpool` on it; the process that comes back is the real one, whatever signal it is sent."""
        by = (WRONG_CLOCK, self.wrong_by.total_seconds()) if self.wrong_by else ("-m",)
        return self.start_program(sys.executable, *by, "ytpool", *words, env=env, **how)

    def start_program(self, *words, env=None, **how):
        """Start a program on it."""
        how = {
            "cwd": ROOT,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "encoding": "utf-8",
        } | how
        return Process([*self._entered(), *map(str, words)], env=os.environ if env is None else env, **how)

    def run(self, *words, env=None):
        """Run `ytpool` on it, and return status, stdout and stderr."""
        with self.start(*words, env=env) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def cut_off(self):
        """Take every cable out: what is said on the way to or from it is heard by nobody."""
        for link in self.links.values():
            link.stall()

    def reconnect(self):
        for link in self.links.values():
            link.mend()

    def listen(self, port, address="127.0.0.1"):
        """Return a socket that listens on its loopback; what listened there before must be closed."""
        return self._socket(port, address, connects=False)

    def connect(self, port, address="127.0.0.1"):
        """Return a socket that is connected with what listens there; raises OSError."""
        return self._socket(port, address, connects=True)

    def leads_to(self, other, port, address):
        """Return a link: who connects to this address on this machine is at the same address of the other."""
        return Link(lambda: other.connect(port, address), listen=lambda: self.listen(port, address))

    def power_off(self):
        """End it with all that runs on it, as if somebody had pulled the plug: over its links nobody hears a word."""
        self.cut_off()
        os.kill(self.pid, signal.SIGKILL)

    def _socket(self, port, address, *, connects):
        with self._asking:
            self._line.sendall(ASKED.pack(connects, port, socket.inet_aton(address)))
            told, given, _, _ = socket.recv_fds(self._line, 100, 1)
        if not given:
            why = told.decode() or "it is off"
            raise ConnectionRefusedError(f"{self.name}, {address}:{port}: {why}")
        made = socket.socket(fileno=given[0])
        made.setblocking(True)  # whoever connected there had a time limit
        return made

    def _entered(self):
        own_user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        # Whoever is inside goes with whoever waits outside.
        return [
            *(need("nsenter"), f"--target={self.pid}", *own_user, "--net", "--uts", "--pid", "--mount", "--time"),
            *(f"--wd={ROOT}", need("setpriv"), "--pdeathsig", "KILL"),
        ]


class Process(subprocess.Popen):
    """A process on a machine. What is seen of it here waits for it and ends as it does; signals go to it itself."""

    def __init__(self, *words, **how):
        super().__init__(*words, **how)
        while self.poll() is None and _child(self.pid) is None:
            time.sleep(0.001)

    def send_signal(self, number):
        if self.poll() is not None:
            return
        inner = _child(self.pid)
        if inner is None:
            super().send_signal(number)
            return
        os.kill(inner, number)
        if number == signal.SIGCONT:
            super().send_signal(number)  # it stopped too

    @property
    def pid_there(self):
        """The number it has on its machine."""
        status = Path(f"/proc/{_child(self.pid)}/status").read_text()
        [numbers] = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
        return int(numbers[-1])


@contextmanager
def machines(*names, reach=()):
    """Set up machines with these host names, each with a link to each of these ports of this machine."""
    with ExitStack() as up:
        made = []
        for number, name in enumerate(names, 1):
            ours, theirs = socket.socketpair()
            up.callback(ours.close)
            pid = up.enter_context(_booted(name, number * STARTED_APART, theirs))
            machine = Machine(name, pid, ours, {})
            for port in reach:
                link = Link(port, listen=lambda machine=machine, port=port: machine.listen(port))
                machine.links[port] = up.enter_context(link)
            made.append(machine)
        yield made


@contextmanager
def _booted(name, seconds_ago, line):
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    spaces = ("--net", "--uts", "--pid", "--time", "--fork", "--kill-child", "--mount-proc")
    count = (f"--boottime={seconds_ago}", f"--monotonic={seconds_ago}")
    with line:
        outer = subprocess.Popen(
            [need("unshare"), *own_user, *spaces, *count, sys.executable, "-I", "-S", FIRST_PROCESS, name],
            stdin=line,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        told = outer.stdout.readline().decode().strip()
        if told != "up":
            miss(f"no namespaces for machines here: {told} {outer.communicate()[0].decode()}")
        yield _child(outer.pid)
    finally:
        outer.kill()
        outer.communicate()


def _child(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[0]) if found else None
