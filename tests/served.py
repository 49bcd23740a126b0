"""`ytpool serve` as a program of its own, and how it is asked."""

import http.client
import json
import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from newsroom import ROOT

IMPATIENT = """
from ytpool.web import connections
connections.HEAD_WITHIN, connections.ANSWERED_WITHIN, connections.MOST = 0.4, 0.8, 30
from ytpool.__main__ import run
run()
"""
"""The same program, which waits for seconds where it would wait for half a minute."""

LIVES_UNTIL = 4_000_000_000


@dataclass
class Served:
    """One server that runs."""

    process: subprocess.Popen
    url: str
    said: str = ""
    """All that it said on stderr, once it has ended."""
    headers: dict = field(default_factory=dict)

    @property
    def port(self):
        return urlsplit(self.url).port

    def ask(self, path, method="GET", body=None, **headers):
        """Ask on a line of its own; return status, content and headers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as line:
            line.request(method, path, body=body, headers={**self.headers, **headers})
            with line.getresponse() as answer:
                content = answer.read()
        is_json = answer.headers["content-type"] == "application/json" and content
        return answer.status, json.loads(content) if is_json else content, answer.headers


@contextmanager
def serving(*words, program=None, **variables):
    """Serve at a port that is free, and end it as systemd would."""
    environ = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    environ["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen(
        [sys.executable, *(("-c", program) if program else ("-m", "ytpool")), "serve", "--bind", "0", "--json", *words],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    told = process.stdout.readline()
    assert told, process.communicate()[1]
    served = Served(process, json.loads(told)["url"])
    try:
        once(lambda: served.ask("/livez")[0] == 200)
        yield served
    finally:
        process.terminate()
        out, served.said = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["ok"]) == (0, True), served.said
    assert "bug" not in served.said, served.said


def once(question, within=30.0):
    """Ask until it is so, and return what was found."""
    end = time.monotonic() + within
    while not (found := question()):
        assert time.monotonic() < end, "it never was so"
        time.sleep(0.02)
    return found


def netscape(value="first", ends_at=LIVES_UNTIL):
    """A cookie file as yt-dlp reads it, of somebody who is logged in at YouTube."""
    names = ("SID", "HSID", "SSID", "APISID", "SAPISID", "LOGIN_INFO", "__Secure-1PSID", "__Secure-3PSID")
    lines = [f".youtube.com\tTRUE\t/\tTRUE\t{ends_at}\t{name}\t{value}" for name in names]
    return "\n".join(["# Netscape HTTP Cookie File", *lines, ""])
