"""`ytpool serve` under load: `/readyz` beside a bare Starlette route, and beside a hundred slow clients.

Run from the repository's root as `python tests/benchmarks/serving.py`. Both servers are uvicorn, each in a process of
its own; `/readyz` looks at a cookie file for every answer.
"""

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ratios import in_turn, report, run, some
from served import netscape

AT_LEAST = 0.3
AT_MOST = 2.0
CLIENTS = 8
REQUESTS = 100
"""Of each client in one round."""
ROUNDS = 15
SLOW = 100

BARE = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def readyz(request):
    return JSONResponse({"status": "pass"})
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(512)
print('{"url": "http://127.0.0.1:%d"}' % listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/readyz", readyz)])
uvicorn.Server(uvicorn.Config(app, lifespan="off", access_log=False, log_level="critical")).run(sockets=[listener])
"""


def main():
    with tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder:
        cookies = Path(folder) / "cookies.txt"
        cookies.write_text(netscape())
        env = {
            **os.environ,
            "YTPOOL_HOME": folder,
            "PYTHONPATH": str(ROOT),
            "YT_ACCOUNT_ID": "news",
            "YT_DLP_COOKIES_FILE": str(cookies),
        }
        ytpool = [sys.executable, "-m", "ytpool"]
        subprocess.run([*ytpool, "init", "--yes", "--vault", "keyfile"], env=env, check=True, capture_output=True)
        with running([*ytpool, "serve", "--bind", "0", "--json"], env) as ours:
            with running([sys.executable, "-c", BARE], env) as bare:
                seconds = in_turn(lambda: load(ours), lambda: load(bare), ROUNDS)
            own = statistics.median(own for own, _ in seconds)
            report(
                "/readyz against a bare Starlette route",
                [theirs / own for own, theirs in seconds],
                at_least=AT_LEAST,
                note=f"{CLIENTS * REQUESTS / own:.0f} answers a second",
            )
            beside_slow_ones(ours)


def beside_slow_ones(port):
    """Compare the 99th percentile of the answers' times with and without slow clients, in turn."""
    ratios = []
    for _ in range(some(ROUNDS)):
        alone = percentile(load(port))
        with slow_clients(port):
            ratios.append(percentile(load(port)) / alone)
    report(f"p99 of /readyz beside {SLOW} slow clients against alone", ratios, at_most=AT_MOST)


def percentile(times):
    return statistics.quantiles(times, n=100)[98]


@contextlib.contextmanager
def running(command, env):
    """Start a server that says its address, and end it."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(request())
            if line.recv(65536).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.1)
    raise SystemExit("the server does not become ready")


def load(port):
    """Ask with several clients at once, each on a line that stays; return how long each answer took."""
    times, failed = [], []

    def client():
        mine = []
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(REQUESTS):
                before = time.perf_counter()
                line.sendall(request())
                if not answered(line):
                    failed.append(line)
                mine.append(time.perf_counter() - before)
        times.extend(mine)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert not failed
    assert len(times) == CLIENTS * REQUESTS
    return times


def answered(line):
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += line.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < length:
        body += line.recv(65536)
    return head.startswith(b"HTTP/1.1 200")


def request():
    return b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def slow_clients(port):
    """Keep a hundred lines on which a request comes byte by byte, each one begun anew when it is ended."""
    stopped = threading.Event()

    def trickle():
        lines = [None] * SLOW
        while not stopped.is_set():
            for number in range(SLOW):
                try:
                    if lines[number] is None:
                        lines[number] = socket.create_connection(("127.0.0.1", port))
                        lines[number].sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                    lines[number].sendall(b"x")
                except OSError:
                    lines[number].close()
                    lines[number] = None
            stopped.wait(0.5)
        for line in filter(None, lines):
            line.close()

    thread = threading.Thread(target=trickle)
    thread.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        stopped.set()
        thread.join()


if __name__ == "__main__":
    run(main)
