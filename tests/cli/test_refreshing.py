"""Keeping tokens fresh: one refresh at a time over all processes, and nothing lost to whoever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from newsroom import ROOT, behind_its_back, looking_at, start
from told import data

NO_SUCH_VIDEO = 2
KILLING = ROOT / "tests" / "killing.py"


def outcomes(out):
    return {row["account"]: row["outcome"] for row in data(out)["accounts"]}


def all_due(ytpool, sandbox):
    """Let the tokens of `news` be over; the answer to the other's refresh tells ytpool the time."""
    sandbox.control.clock(forward=timedelta(hours=1, minutes=1))
    assert ytpool("refresh-tokens", "--account", "sports", "--force")[0] == 0


def test_when_the_one_that_refreshes_is_killed_the_next_goes_on_within_seconds(ytpool, sandbox, state):
    all_due(ytpool, sandbox)
    channel = sandbox.channel("news")
    channel.spoil("token", "slow", seconds=3, times=1)
    before = sandbox.truth()["refreshes"].get(channel.channel_id, 0)
    needing = (("refresh-tokens", "--account", "news"), ("stats", "aaaaaaaaaaa", "--account", "news"))
    started = [start(*words, "--json", env=os.environ) for words in needing * 3]
    processes = {process.pid: process for process in started}
    refresher = wait_for(lambda: refreshing(state))

    os.kill(refresher, signal.SIGKILL)
    killed_at = time.monotonic()
    ended = {pid: (process.communicate(timeout=60), process.returncode) for pid, process in processes.items()}

    assert time.monotonic() - killed_at < 20  # and not the 30 seconds that its lease would have lasted
    assert ended.pop(refresher)[1] == -signal.SIGKILL
    assert {status for _, status in ended.values()} == {0, NO_SUCH_VIDEO}, ended
    assert sandbox.truth()["refreshes"][channel.channel_id] - before <= 2  # that of the dead, and one for all others


def refreshing(state):
    """Return the process that holds the refresh of `news`."""
    with looking_at(state) as tx:
        row = tx.one("SELECT pid FROM leases WHERE kind = 'refresh' AND name = 'news' AND expires > 0")
    return row and row[0]


def wait_for(what):
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came to be")


class Rotating(ThreadingHTTPServer):
    """A token endpoint that hands out a new refresh token each time, and takes the one before no more."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Visitor)
        self.current = None
        self.given = 0
        self.lasts = 3599
        self.rotates = True
        self.forgiving = False
        self.regrets = False
        self.says = None
        self.asked = threading.Event()
        self.answers = threading.Event()
        self.answers.set()


class Visitor(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        [sent] = form["refresh_token"]
        if self.server.says is not None:
            self.say(*self.server.says)
            return
        if self.server.current not in (None, sent) and not self.server.forgiving:
            self.say(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
            return
        self.server.given += 1
        number, answers, lasts = self.server.given, self.server.answers, self.server.lasts
        answer = {"access_token": f"access-{number}", "expires_in": lasts, "token_type": "Bearer"}
        if self.server.rotates:
            self.server.current = answer["refresh_token"] = f"rotated-{number}"
        self.server.asked.set()
        answers.wait(30)
        if number == 1 and self.server.regrets:
            self.say(400, {"error": "invalid_grant"})
        else:
            self.say(200, answer)

    def say(self, status, body):
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def rotating(sandbox, monkeypatch):  # noqa: ARG001 - the accounts are logged in there
    with Rotating() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", f"http://127.0.0.1:{server.server_port}/token")
        yield server
        server.answers.set()
        server.shutdown()
        thread.join()


ONE = ("refresh-tokens", "--account", "news", "--force", "--json")


def test_a_refresh_token_that_is_rotated_is_the_one_that_is_sent_next(ytpool, rotating):
    for number in (1, 2, 3):
        status, out, _ = ytpool(*ONE)

        assert (status, outcomes(out), rotating.given) == (0, {"news": "refreshed"}, number)


@pytest.mark.parametrize("words", [ONE, ("stats", "aaaaaaaaaaa", "--account", "news")], ids=["refresh-tokens", "stats"])
def test_a_program_that_is_asked_to_stop_stores_the_token_it_was_about_to_be_given(ytpool, rotating, words):
    rotating.lasts = 1
    assert ytpool(*ONE)[0] == 0  # what it got is over at once, and so due for everybody
    rotating.asked.clear()
    rotating.answers.clear()
    process = start(*words, env=os.environ)
    assert rotating.asked.wait(30)

    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # it has noticed, and waits for the answer
    rotating.answers.set()
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert outcomes(ytpool(*ONE)[1]) == {"news": "refreshed"}
    assert rotating.given == 3


@pytest.mark.parametrize("forgiving", [True, False], ids=["as Google does", "strictly"])
def test_whoever_dies_between_the_answer_and_its_storing_is_spoken_of(ytpool, rotating, forgiving):
    rotating.forgiving = forgiving
    died = subprocess.run(
        [sys.executable, KILLING, "before the token is stored", "ytpool", *ONE], cwd=ROOT, check=False, timeout=30
    )
    assert died.returncode == -signal.SIGKILL

    status, out, _ = ytpool(*ONE)

    if forgiving:
        assert (status, outcomes(out)) == (0, {"news": "refreshed"})
        return
    assert (status, outcomes(out)) == (4, {"news": "login_needed"})
    assert "broken off before its answer was stored" in data(out)["accounts"][0]["error"]["message"]


@pytest.fixture
def overtaken(ytpool, rotating, state):
    """Let a refresh be overtaken: its process stands still until its lease is over, and another one comes."""

    def overtake():
        first = rotating.answers
        first.clear()
        late = start(*ONE, env=os.environ)
        assert rotating.asked.wait(30)
        late.send_signal(signal.SIGSTOP)
        rotating.answers = threading.Event()
        rotating.answers.set()
        with behind_its_back(state) as tx:
            tx.run("UPDATE leases SET expires = 1 WHERE kind = 'refresh'")  # as if its thirty seconds were over
        rotating.lasts = 3000
        other = ytpool(*ONE)
        first.set()
        late.send_signal(signal.SIGCONT)
        late.communicate(timeout=30)
        assert late.returncode == 0
        return other

    return overtake


def token_expires_at(ytpool):
    return data(ytpool("auth", "list", "--json")[1])["accounts"][0]["token_expires_at"]


def test_whoever_comes_late_does_not_replace_what_another_got_meanwhile(ytpool, rotating, overtaken):
    rotating.rotates = False

    status, out, _ = overtaken()

    assert (status, outcomes(out), rotating.given) == (0, {"news": "refreshed"}, 2)
    assert token_expires_at(ytpool) == data(out)["accounts"][0]["token_expires_at"]


def test_whoever_comes_late_does_not_end_a_login_that_another_saw_alive_meanwhile(ytpool, rotating, overtaken):
    rotating.rotates, rotating.regrets = False, True

    status, out, _ = overtaken()

    assert (status, outcomes(out)) == (0, {"news": "refreshed"})
    assert data(ytpool("auth", "list", "--json")[1])["accounts"][0]["state"] == "active"


def test_whoever_comes_late_stores_a_refresh_token_that_ended_the_one_before(ytpool, overtaken):
    status, out, _ = overtaken()
    assert (status, outcomes(out)) == (4, {"news": "login_needed"})  # what it had was ended by the other's refresh

    status, out, _ = ytpool(*ONE)

    assert (status, outcomes(out)) == (0, {"news": "refreshed"})


def test_a_token_that_ends_during_an_upload_is_refreshed_before_the_next_chunk(sandbox, make_video):
    video = make_video(size=20 * 2**20)
    sandbox.channel("news").spoil("upload.chunk", "slow", seconds=0.5, times=9)
    process = start("upload", video, "--account", "news", "--json", env={**os.environ, "YTPOOL_UPLOAD_CHUNK_MIB": "8"})
    wait_for(lambda: sandbox.calls("videos.insert"))
    before = sandbox.calls("token")

    sandbox.control.clock(forward=timedelta(minutes=58))  # its answers tell ytpool the time
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert data(out)["state"] == "done"
    assert sandbox.calls("token") - before == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"error": "invalid_grant"}),
        (200, {"error": "invalid_grant"}),
        (400, "<html>invalid_grant</html>"),
        (401, {"error": "invalid_client"}),
    ],
    ids=["5xx", "2xx", "HTML", "invalid_client"],
)
def test_a_login_is_not_dead_unless_the_endpoint_itself_says_so(ytpool, rotating, status, body):
    rotating.says = (status, body)

    assert outcomes(ytpool(*ONE)[1]) == {"news": "failed"}
    rotating.says = None
    assert outcomes(ytpool(*ONE)[1]) == {"news": "refreshed"}
