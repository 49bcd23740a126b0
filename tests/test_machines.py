"""The machines of our tests: each is one, reaches what it should, and is gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from machines import STARTED_APART, machines
from newsroom import ROOT

ASKS = """
import socket, sys
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=float(sys.argv[2]))
for said in sys.stdin:
    line.sendall(said.encode())
    print(line.recv(100).decode(), flush=True)
"""
"""Says what it hears on stdin to a port, and prints the answers."""


@contextmanager
def asking(machine, port, timeout=20):
    with machine.start_program(sys.executable, "-c", ASKS, port, timeout, stdin=subprocess.PIPE) as process:

        def ask(words):
            process.stdin.write(words + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        ask.process = process
        yield ask
        process.kill()


@pytest.fixture
def echo():
    """The port of a server that answers with what it heard, in capital letters."""
    program = """
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.strip().upper())
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as server:
        yield int(server.stdout.readline())
        server.kill()


def test_each_has_a_name_processes_and_a_start_of_its_own():
    say = """
import os, socket, time
print(socket.gethostname(), os.readlink("/proc/self/ns/pid"), time.clock_gettime(time.CLOCK_BOOTTIME))
"""
    with machines("one", "two") as pair:
        told = [machine.start_program(sys.executable, "-c", say).communicate()[0].split() for machine in pair]
        there = [machine.start_program("ls", "/proc").communicate()[0].split() for machine in pair]

    assert [name for name, *_ in told] == ["one", "two"]
    assert socket.gethostname() not in ("one", "two")
    assert len({told[0][1], told[1][1], str(Path("/proc/self/ns/pid").readlink())}) == 3
    started = sorted([time.clock_gettime(time.CLOCK_BOOTTIME), *(float(count) for *_, count in told)])
    assert [round(later - earlier, -2) for earlier, later in pairwise(started)] == [STARTED_APART] * 2
    for seen in there:
        assert len([entry for entry in seen if entry.isdigit()]) == 2  # the first one and ls


def test_ytpool_runs_there_and_finds_what_it_needs(home):
    with machines("one") as [one]:
        status, out, err = one.run("config", "path", "--json")

    assert (status, err) == (0, "")
    assert str(home) in out


def test_a_link_leads_to_the_server_at_the_same_port_until_it_is_cut(echo):
    with (
        machines("one", "two", reach=[echo]) as (one, two),
        asking(one, echo) as ask,
        asking(two, echo) as ask_of_two,
    ):
        assert (ask("hello"), ask_of_two("hello")) == ("HELLO", "HELLO")

        one.cut_off()
        ask.process.stdin.write("anybody?\n")
        ask.process.stdin.flush()
        assert ask_of_two("still there") == "STILL THERE"
        time.sleep(0.3)
        assert ask.process.poll() is None
        with asking(one, echo, timeout=0.3) as ask_again:
            assert ask_again("a new line") == ""
            assert "timed out" in ask_again.process.stderr.read()

        one.reconnect()
        assert ask.process.stdout.readline().strip() == "ANYBODY?"

        one.links[echo].refuse()
        assert ask("gone?") == ""
        assert "reset" in ask.process.stderr.read()
        with asking(one, echo) as ask_again:
            assert "Connection refused" in ask_again.process.stderr.read()

        one.reconnect()
        with asking(one, echo) as ask_again:
            assert ask_again("back") == "BACK"


def test_what_has_no_link_cannot_be_reached(echo):
    with machines("one") as [one], asking(one, echo) as ask:
        assert "Connection refused" in ask.process.stderr.read()


def test_a_machine_is_reached_from_another_under_its_own_address_until_it_is_off():
    answer = """
import socket
with socket.create_server(("10.0.0.11", 8383)) as server:
    print("up", flush=True)
    while True:
        server.accept()[0].sendall(b"I am " + socket.gethostname().encode())
"""
    with machines("one", "two") as (one, two), two.leads_to(one, 8383, "10.0.0.11"):
        server = one.start_program(sys.executable, "-c", answer)
        server.stdout.readline()
        with two.connect(8383, "10.0.0.11") as line:
            assert line.recv(100) == b"I am one"

        one.power_off()

        server.communicate(timeout=10)
        with pytest.raises(ConnectionError), two.connect(8383, "10.0.0.11") as line:
            line.recv(100)


def test_a_link_breaks_where_it_was_told_to(echo):
    with machines("one", reach=[echo]) as [one]:
        link = one.links[echo]
        for passes in (False, True):
            link.cut_at(b"stop", passes=passes)
            with asking(one, echo) as ask:
                assert ask("go") == "GO"
                assert ask("stop") == ""
                assert link.has_cut
        link.cut_after(4)
        with asking(one, echo) as ask:
            assert ask("go") == "GO"
            assert ask("stop") == ""
        link.slow_down(0.2)
        with asking(one, echo) as ask:
            began = time.monotonic()
            assert ask("slowly") == "SLOWLY"
            assert time.monotonic() - began > 0.4


def test_a_signal_reaches_the_process_itself():
    with machines("one") as [one]:
        for number in (signal.SIGKILL, signal.SIGTERM):
            with one.start_program("sleep", "1000") as process:
                inner = _inner(process)
                process.send_signal(number)
                assert process.wait(timeout=10) == -number
                assert not Path(f"/proc/{inner}").exists()
        with one.start_program("sleep", "1000") as process:
            inner = _inner(process)
            assert process.pid_there != inner
            process.send_signal(signal.SIGSTOP)
            _until(lambda: _state(inner) == "T")
            process.send_signal(signal.SIGCONT)
            _until(lambda: _state(inner) == "S")
            os.kill(process.pid, signal.SIGKILL)  # who waits outside takes along who is inside
            _until(lambda: not Path(f"/proc/{inner}").exists())


@pytest.mark.parametrize("killed", [False, True], ids=["that end", "that are killed"])
def test_tests_leave_no_machine_and_no_server_behind(killed):
    story = """
import sys
from machines import machines
from postgres import running
with running() as server, machines("one", reach=[server.port]) as [one]:
    one.start_program("sh", "-c", "sleep 1000 & sleep 1000", stdout=None, stderr=None)
    print(server.folder, flush=True)
    sys.stdin.readline()
"""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", story],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as tests:
        folder = tests.stdout.readline().strip()
        _until(lambda: len(_everything_below([tests.pid])) > 12)
        before = _everything_below([tests.pid])
        if killed:
            tests.kill()

    _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))
    assert Path(folder).exists() == killed
    shutil.rmtree(folder, ignore_errors=True)  # whoever is killed leaves files behind, and no process


def _inner(process):
    [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


def _everything_below(pids):
    found = []
    for pid in pids:
        found.append(pid)
        found += _everything_below(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


def _state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _until(true, seconds=15):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
