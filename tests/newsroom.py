"""The place where the stories happen: a local YouTube, a project, and accounts that are logged in to it.

`sandbox` in a test is one of these. It speaks the words of the trade to the sandbox's control, so that a story reads
like one; everything that ytpool knows of it came in through the command line.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import sleep

from books import database_at

from ytpool import config
from ytpool.actions import waking, working
from ytpool.actions.watch import Nobody
from ytpool.clock import SystemClock
from ytpool.domain import quota
from ytpool.runtime import Runtime
from ytpool.sandbox.server import Sandbox
from ytpool.store import meta

ROOT = Path(__file__).parents[1]
FORCE_SSL = "https://www.googleapis.com/auth/youtube.force-ssl"
PROJECT = "press"


@dataclass(frozen=True)
class Channel:
    """One channel of the local YouTube, and what can happen to it."""

    newsroom: "Newsroom"
    title: str

    @property
    def channel_id(self):
        return self.newsroom.control.add_channel(self.title)

    def fail(self, method, error, **more):
        """Let the next call of this method by this channel end in a named error."""
        self.newsroom.control.add_fault(method=method, kind="error", error=error, channel=self.title, **more)

    def spoil(self, method, kind, **more):
        """Let the next request of this method be cut, closed, slowed down, or lose its answer."""
        self.newsroom.control.add_fault(method=method, kind=kind, channel=self.title, **more)

    def holds_back(self, method, **more):
        """Let the answers to this method keep waiting until the sandbox goes on."""
        self.newsroom.holds_back(method, channel=self.title, **more)

    def revoke(self):
        self.newsroom.control.revoke_grant(self.title)

    def expire_token(self):
        self.newsroom.control.expire_tokens(self.title)


class PatientClock(SystemClock):
    """The clock of a YouTube that is slow for as long as a story needs, however busy the machine is."""

    def __init__(self):
        self.goes_on = threading.Event()

    def sleep(self, seconds):
        if self.goes_on.wait(seconds):
            super().sleep(min(seconds, 0.01))  # who looks again and again would spin


class Newsroom:
    """A local YouTube as its visitors see it, and the files that open it."""

    def __init__(self, server: Sandbox, folder: Path, clock: PatientClock | None = None) -> None:
        self.server = server
        self.control = server.control
        self._folder = folder
        self._clock = clock
        self._projects = {}

    def holds_back(self, method, *, times=1, **more):
        """Let the answers to this method keep waiting until the sandbox goes on."""
        self.control.add_fault(method=method, kind="slow", seconds=30, times=times, **more)

    def goes_on(self):
        """Let what is held back leave, and hold back nothing more."""
        self._clock.goes_on.set()

    def project(self, name=PROJECT, **how):
        """Make a project or change it (`testing`, `limits`); return its client-secrets file's content."""
        self._projects[name] = {**self._projects.get(name, {}), **how}
        return self.control.add_project(name, **self._projects[name])

    def channel(self, title):
        return Channel(self, title)

    def truth(self):
        return self.control.truth()

    def calls(self, name):
        """How often a method was called, whatever came of it."""
        return self.truth()["calls"].get(name, 0)

    def videos_on(self, title):
        channel_id = self.channel(title).channel_id
        return [video for video in self.truth()["videos"] if video["channel_id"] == channel_id]

    def stands_still(self):
        """Tell whether no upload has received a byte for a moment."""
        before = self._received()
        sleep(0.4)
        return self._received() == before

    def _received(self):
        return sum(path.stat().st_size for path in (self._folder / "youtube" / "uploads").iterdir())

    def secrets_file(self, project=PROJECT, **how):
        """Download a project's client-secrets file, as from Google's console."""
        path = self._folder / f"client-{project}.json"
        path.write_text(json.dumps(self.project(project, **how)))
        return path

    def token_file(self, title, project=PROJECT, scopes=(FORCE_SSL,), **changes):
        """Consent as the owner of a channel, with another program that leaves an authorized-user file."""
        self.channel(title).channel_id  # noqa: B018 - asking for it makes it
        client = self.project(project)["installed"]
        granted = self.control.grant(project, title, scopes)
        content = {
            "type": "authorized_user",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "refresh_token": granted["refresh_token"],
            **changes,
        }
        path = self._folder / f"token-{title}.json"
        path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
        return path

    def addresses(self):
        """The variables that make ytpool take this place for Google."""
        url = self.server.url
        return {
            "YTPOOL_GOOGLE_API_ROOT": f"{url}/",
            "YTPOOL_GOOGLE_AUTH_URI": f"{url}/o/oauth2/v2/auth",
            "YTPOOL_GOOGLE_TOKEN_URI": f"{url}/token",
            "YTPOOL_GOOGLE_REVOKE_URI": f"{url}/revoke",
        }

    def noon(self):
        let_it_be_noon(self.control)


def let_it_be_noon(control):
    """Let it be noon in California, so that no midnight comes in between."""
    now = control.clock()
    day = quota.quota_day(now)
    noon = datetime.combine(day, time(12), tzinfo=quota.PACIFIC).astimezone(UTC)
    control.clock(to=noon if noon > now else datetime.combine(day + timedelta(days=1), time(12), quota.PACIFIC))


def assert_books_agree(ytpool, sandbox, *words, idle=True):
    """Compare what ytpool believes of today with what was really charged; unless told, nothing is under way."""
    status, out, err = ytpool("quota", "report", "--json", *words)
    assert status == 0, err
    report = json.loads(out)["data"]
    truth = sandbox.truth()
    numbers = {
        row["project"]: row["number"]
        for row in json.loads(ytpool("projects", "list", "--json", *words)[1])["data"]["projects"]
    }
    booked = 0
    for project in report["projects"]:
        charged = truth["units"].get(numbers[project["project"]], {}).get(report["quota_day"], {})
        for bucket in project["buckets"]:
            really = charged.get(bucket["bucket"], 0)
            assert bucket["spent"] <= really <= bucket["spent"] + bucket["unknown"], (bucket, really)
            if idle:
                assert (bucket["held"], bucket["sent"]) == (0, 0), bucket
            booked += really
    assert booked == sum(sum(days.get(report["quota_day"], {}).values()) for days in truth["units"].values())
    assert truth["refused"] == []
    assert ytpool("state", "check", *words)[0] == 0


LOOKS_SELDOM = """
from ytpool.actions import waking
waking.LOOKS_EVERY = 120.0
from ytpool.actions import working
working._TASKS_EVERY = 120.0
from ytpool.__main__ import run
run()
"""
"""The same program, of which a worker that is not called looks for work every other minute, not every five seconds."""


def start(*words, env, through=(), program=None):
    """Start `ytpool` as a program of its own, by another program if that is named; or what stands for it."""
    return subprocess.Popen(
        [*through, sys.executable, *(("-c", program) if program else ("-m", "ytpool")), *map(str, words)],
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


_DYING = """
import os, signal, sys
import ytpool.store.copies, ytpool.store.moving
from ytpool.cli.app import main
once = getattr({module}, {name!r})
def dies(*args, **kwargs):
    if {after}:
        once(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr({module}, {name!r}, dies)
main(sys.argv[1:])
"""


def dies_at(module, name, *words, after=False):
    """Run a command that kills itself right before, or after, it calls a function of a module."""
    script = _DYING.format(module=module, name=name, after=after)
    program = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(program, env=os.environ, cwd=ROOT, capture_output=True, check=False).returncode


def heard(process, sentence):
    """Wait until a process says this on stderr; fail with all it said if it ends before."""
    said = []
    for line in process.stderr:
        said.append(line)
        if sentence in line:
            return line
    raise AssertionError(f"{sentence!r} was never said: {said}")


def say_later(ytpool, video_id, count):
    """Queue so many comments below a video, by turns as news and as sports; return each job's text."""
    texts = {}
    for number in range(count):
        text, account = f"Good morning, number {number}", ("news", "sports")[number % 2]
        status, out, err = ytpool("comment", "post", video_id, text, "--account", account, "--queue", "--json")
        assert status == 0, err
        texts[json.loads(out)["data"]["job"]] = text
    return texts


def an_hour_later(state):
    """Let every lease be over, as if nobody had renewed any for an hour: the machine's boot clock cannot be moved."""
    with behind_its_back(state) as tx:
        tx.run("UPDATE leases SET expires = 1 WHERE expires > 0")


@contextmanager
def behind_its_back(state):
    """Change a state, or keep it locked, as no command does."""
    clock = SystemClock()
    with closing(database_at(state, clock, clock.now)) as database, database.transaction() as tx:
        yield tx


def forget_googles_clock(state):
    """Let it be as after a restart of the machine: what Google's clock said then is told by no clock that goes on."""
    with behind_its_back(state) as tx:
        confirmed = meta.confirmation(tx)
        meta.forget_confirmation(tx)
        meta.keep_confirmation(tx, replace(confirmed, era="before"))


def run_ahead(sandbox, *words, by=timedelta(minutes=30)):
    """Run a command by a machine's clock that is ahead of YouTube's."""
    ahead = sandbox.control.clock() - datetime.now(UTC) + by
    program = [sys.executable, "tests/wrong_clock.py", str(ahead.total_seconds()), "ytpool", *map(str, words)]
    done = subprocess.run(program, cwd=ROOT, env=os.environ, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def looking_at(state):
    """Read a state as no command does."""
    clock = SystemClock()
    with closing(database_at(state, clock, clock.now)) as database, database.reading() as tx:
        yield tx


def ended(process):
    """Return how a process ended and what its result is."""
    out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out.splitlines()[-1]), err


@contextmanager
def working_by(clock=None):
    """Let a worker, who may go by another clock, work beside the story; yields the jobs that it has ended."""
    rt = Runtime(config.load(profile=None, environ=os.environ), clock=clock)
    ended, failed = [], []

    def work():
        try:
            working.work(rt, Nobody(), begun=lambda _: None, ended=ended.append)
        except BaseException as error:  # noqa: BLE001 - it is raised where the story is told
            failed.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield ended
    finally:
        rt.stopping.set()
        waking.ring(rt)
        worker.join(timeout=30)
        rt.close()
    assert not worker.is_alive()
    assert failed == []
