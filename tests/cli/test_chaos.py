"""Chaos: many uploads at once while processes die, lines break, answers are lost and midnight passes.

Afterwards YouTube has every video once and whole, and the books agree with it on every day. What happens comes from
one seed, which is printed; `YTPOOL_CHAOS_SEED` plays it again, as far as two runs of a machine are alike.
"""

import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from agreement import assert_all_agrees
from newsroom import start

from ytpool.domain import quota
from ytpool.sandbox.control import Control

MIB = 1024 * 1024
SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
SEED = int(os.environ.get("YTPOOL_CHAOS_SEED", "1"))
LARGEST = 30 * MIB
AT_ONCE = 6
BEFORE_MIDNIGHT = timedelta(seconds=4)
PAID_A_DAY = 80
"""How many uploads a project begins a day: of a hundred, what the reserve rule leaves."""
MEET_EACH_OTHERS_FAULTS = 40
"""After so many tries the faults that nobody met are gone: those of hundreds who died would stop everybody else."""
CHANNELS = ("news", "sports", "radio", "talks")


@dataclass(frozen=True)
class Wish:
    """One file that is to be published: where, and with what."""

    path: Path
    words: tuple
    sha256: str


@dataclass
class Worker:
    """A process that publishes one file, and the moment at which it is killed, if it lives that long."""

    wish: Wish
    process: object
    dies_at: float


class Chaos:
    """Everything that can happen to a pool of workers, drawn from one seed."""

    def __init__(self, control, folder, seed):
        self.control = control
        self.rng = random.Random(seed)
        self.patience = 1
        self.one_large_of = 4
        self.folder = folder
        self.ended = Counter()

    def wishes(self, number):
        """Half of them for the pool, the others for one account each; one of four is large, of many one of forty."""
        self.one_large_of = 4 if number <= 400 else 40
        return [self._wish(place) for place in range(number)]

    def _wish(self, place):
        largest = LARGEST if place % self.one_large_of == 0 else max(MIB, int(LARGEST * SCALE))
        content = self.rng.randbytes(self.rng.randint(1, largest))
        path = self.folder / f"{place:03}.mp4"
        path.write_bytes(content)
        target = ("--pool", "main") if place % 2 else ("--account", self.rng.choice(CHANNELS))
        along = ("--playlist", "+Chaos") if place % 3 == 0 else ()
        if place % 10 == 0:
            along += ("--caption", f"en:{self.folder / 'talk.en.srt'}")
        return Wish(path=path, words=(*target, *along), sha256=hashlib.sha256(content).hexdigest())

    def round(self, wishes, *, wild):
        """Let every wish be tried once, some at a time; return those that are not done yet."""
        waiting, working, left = list(wishes), [], []
        self.rng.shuffle(waiting)
        while waiting or working:
            while waiting and len(working) < AT_ONCE:
                working.append(self._start(waiting.pop(), wild=wild))
                if wild and waiting and len(waiting) % MEET_EACH_OTHERS_FAULTS == 0:
                    self.control.clear_faults()
            time.sleep(0.02)
            for worker in [one for one in working if self._is_over(one)]:
                working.remove(worker)
                left += [] if self._end(worker) == 0 else [worker.wish]
        if wild and len(left) > 0.8 * len(wishes):
            self.patience *= 2  # on a busy machine most died before they had begun: that is no chaos
        return left

    def _start(self, wish, *, wild):
        if wild:
            for _ in range(self.rng.choice((0, 1, 1, 2))):
                self._spoil()
        # Whoever lives for long in a wild round meets the faults of all who died, and waits ever longer between them.
        lives_for = self.rng.uniform(0.3, 2.5) if wild and self.rng.random() < 0.6 else 8 if wild else 120
        lives_for *= self.patience if wild else 1
        return Worker(
            wish=wish,
            process=start("upload", wish.path, *wish.words, "--json", env=os.environ),
            dies_at=time.monotonic() + lives_for,
        )

    def _is_over(self, worker):
        if worker.process.poll() is None and time.monotonic() >= worker.dies_at:
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
        return worker.process.poll() is not None

    def _end(self, worker):
        out, err = worker.process.communicate()
        status = worker.process.returncode
        self.ended[status] += 1
        assert "Traceback" not in err, err
        assert status in (0, 3, 5, 7, -signal.SIGKILL) or self._says_later(out), (status, out, err)
        return status

    def _says_later(self, out):
        # Google's trouble outlasted this run, and the job says that it goes on.
        told = json.loads(out.splitlines()[-1])
        return told["data"] is not None and told["data"]["state"] in ("interrupted", "deferred")

    def _spoil(self):
        """Let one thing go wrong, for whoever comes next."""
        rng = self.rng
        where, rate = rng.randint(0, 4 * MIB), rng.randint(1, 6) * MIB
        method = rng.choice(("upload.chunk", "upload.final"))
        deeds = (
            fault(method=method, kind="cut", at=where),
            fault(method=method, kind="error", error="backendError", times=rng.randint(1, 3), at=where),
            fault(method=method, kind="slow", bytes_per_second=rate),
            fault(method=method, kind=rng.choice(("forget", "move", "close", "expire")), at=where),
            fault(method="upload.final", kind="lose_answer"),
            fault(method="upload.final", kind="slow", seconds=rng.random()),
            fault(method="upload.query", kind=rng.choice(("close", "lose_answer"))),
            fault(method="upload.query", kind="error", error="backendError"),
            fault(method=method, kind="expire", at=where),
            fault(method=rng.choice(("listing", "file_details")), kind="slow", seconds=rng.randint(60, 900)),
            fault(method="videos.insert", kind=rng.choice(("close", "lose_answer")), charge=rng.random() < 0.5),
            fault(method="videos.insert", kind="error", error="backendError", charge=rng.random() < 0.5),
            fault(method="videos.insert", kind="slow", seconds=rng.random()),
            fault(method="videos.list", kind="error", error="backendError", times=rng.randint(1, 4)),
            fault(method="token", kind="error", error="backendError"),
            fault(method="playlists.insert", kind=rng.choice(("close", "lose_answer"))),
            fault(method="playlistItems.insert", kind=rng.choice(("close", "lose_answer"))),
            fault(method="playlistItems.insert", kind="error", error="SERVICE_UNAVAILABLE", times=rng.randint(1, 3)),
            fault(method="captions.insert", kind=rng.choice(("close", "lose_answer"))),
            None,
        )
        deed = rng.choice(deeds)
        if deed is None:
            self.control.expire_tokens(rng.choice(CHANNELS))
        else:
            self.control.add_fault(**deed)

    def to_midnight(self):
        """Set the clock to some seconds before the reset; midnight itself passes while work goes on."""
        self.control.clock(to=quota.resets_at(quota.quota_day(self.control.clock())) - BEFORE_MIDNIGHT)

    def to_noon(self):
        now = self.control.clock()
        noon = quota.resets_at(quota.quota_day(now)) + timedelta(hours=12)
        self.control.clock(to=noon)


def fault(**rule):
    return rule


@pytest.fixture
def chaos(home, ytpool, tmp_path, monkeypatch):  # noqa: ARG001 - the home must be there first
    """A sandbox of its own process, four channels logged in, two of them in a pool, and a seed."""
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "0.5")  # who sleeps sees no chaos
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
    for name in CHANNELS:
        pool = ("--pool", "main") if name in CHANNELS[:2] else ()
        status, _, err = ytpool("auth", "add", name, *pool)
        assert status == 0, err
    control = Control(json.loads(ytpool("sandbox", "status", "--json")[1])["data"]["url"], timeout=30)
    print(f"YTPOOL_CHAOS_SEED={SEED}")
    made = Chaos(control, tmp_path, SEED)
    (tmp_path / "talk.en.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    made.to_noon()
    yield made
    print(f"how processes ended: {dict(made.ended)}")
    ytpool("sandbox", "down")


def publishes_everything(chaos, ytpool, home, files, *, a_day=PAID_A_DAY):
    wishes = chaos.wishes(files)

    left, rounds = wishes, 6 + 2 * files // a_day
    for number in range(rounds):
        wild = number < rounds // 2
        if number == 1:
            chaos.to_midnight()
        elif number:
            chaos.to_noon()
        if not wild:
            chaos.control.clear_faults()
        today = set(chaos.rng.sample(left, min(len(left), 2 * a_day)))  # the others would only be told that it is over
        tried = sorted(today, key=lambda wish: wish.path)
        left = [wish for wish in left if wish not in today] + chaos.round(tried, wild=wild)
        print(f"round {number}, until {chaos.control.clock():%Y-%m-%d %H:%M:%S} UTC: {len(left)} left")
        if not left:
            break

    assert left == []
    truth = chaos.control.truth()
    assert Counter(video["sha256"] for video in truth["videos"]) == Counter(wish.sha256 for wish in wishes)
    listed = Counter(item["video_id"] for playlist in truth["playlists"] for item in playlist["items"])
    wished = {wish.sha256 for wish in wishes if "--playlist" in wish.words}
    assert listed == Counter(video["id"] for video in truth["videos"] if video["sha256"] in wished)
    assert len({playlist["channel_id"] for playlist in truth["playlists"]}) == len(truth["playlists"])
    assert len(truth["captions"]) == sum("--caption" in wish.words for wish in wishes)
    # A server that lies about what it has is sent what it cannot take; nothing else may ever be refused.
    truth["refused"] = [one for one in truth["refused"] if one["status"] != 416]
    assert_all_agrees(home / "sandbox" / "state.db", truth)
    assert ytpool("state", "check")[0] == 0


def test_whatever_dies_every_video_arrives_once_and_whole(chaos, ytpool, home):
    publishes_everything(chaos, ytpool, home, int(200 * SCALE))


@pytest.mark.nightly
def test_whatever_dies_two_thousand_videos_arrive_once_and_whole(chaos, ytpool, home):
    granted = {"uploads": 500, "general": 200_000}
    chaos.control.add_project("sandbox", limits=granted)
    words = (word for bucket, units in granted.items() for word in ("--limit", f"{bucket}={units}"))
    assert ytpool("projects", "set", "sandbox", *words)[0] == 0
    publishes_everything(chaos, ytpool, home, 2_000, a_day=granted["uploads"] * 8 // 10)
