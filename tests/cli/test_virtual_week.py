"""A virtual week: fifty videos a day over fifteen accounts, disasters every day, and an operator who looks in at night.

Everything is queued and worked off by the command line. A login dies, the service is out, answers are lost, lines are
cut, caps fall, a bucket is smaller than we think, workers are killed, midnight passes while they work, and one of the
nights the clocks of California change. Every evening the books are compared with the sandbox's own; in the end every
video is on a channel once. What happens comes from one seed, which is printed; `YTPOOL_CHAOS_SEED` plays it again, as
far as two runs of a machine are alike.
"""

import csv
import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from agreement import assert_all_agrees
from newsroom import behind_its_back, start

from ytpool.domain import moments, quota
from ytpool.sandbox.control import Control

SEED = int(os.environ.get("YTPOOL_CHAOS_SEED", "1"))
SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
DAYS, VIDEOS, ACCOUNTS, CAP, HOURS, DISASTERS = (7, 50, 15, 5, (9, 14, 19), 4) if SCALE >= 1 else (2, 5, 4, 3, (9,), 3)
LATE_DAYS = 3
"""How long the last videos may take after the week; a bucket that was half of what we thought leaves work behind."""
PLAYLIST = "The week"
EVENING = 20
AT_NIGHT = max(2, VIDEOS // 10)
"""How many of a day's videos are asked for right before the reset."""
BEFORE_MIDNIGHT = timedelta(seconds=4)
ENDS = {0, 1, 3, 4, 5, 6, 7, -signal.SIGKILL}
"""How a worker may end: with everything done, with what is not, or not by itself."""


@dataclass(frozen=True)
class Wish:
    """One video that is to be published, and by whom; by anybody where nobody is named."""

    sha256: str
    account: str
    is_listed: bool


class Week:
    """An office whose days are drawn from one seed."""

    def __init__(self, ytpool, control, state, folder):
        self.ytpool = ytpool
        self.control = control
        self.state = state
        self.folder = folder
        self.rng = random.Random(SEED)
        self.names = [f"channel-{number + 1:02}" for number in range(ACCOUNTS)]
        self.wishes = []
        self.remedies = []
        self.ended = Counter()
        self.log_in(self.names)
        self.told("accounts", "set", *self.names, "--cap", f"uploads={CAP}")
        [self.project] = self.told("projects", "list")["projects"]

    def told(self, *words):
        status, out, err = self.ytpool(*words, "--json")
        assert status == 0, (words, out, err)
        return json.loads(out.splitlines()[-1])["data"]

    def log_in(self, names):
        """Log accounts in; one of five stands in reserve."""
        for name in names:
            tier = "reserve" if self.names.index(name) % 5 == 4 else "production"
            self.told("auth", "add", name, "--pool", "main", "--tier", tier)

    def it_is(self, day, hour):
        """Let it be at least this time of day in California."""
        if self.control.clock() < quota.at(day, hour, 0):
            self.control.clock(to=quota.at(day, hour, 0))

    def queue(self, day, count):
        """Ask for so many videos: two of three of the pool, the others of one account each."""
        folder = self.folder / f"{day}-{len(self.wishes)}"
        folder.mkdir()
        with (folder / "manifest.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["file", "title", "account", "pool", "playlists"])
            for place in range(count):
                content = self.rng.randbytes(self.rng.randint(1_000, 200_000))
                (folder / f"{place:02}.mp4").write_bytes(content)
                account = "" if place % 3 else self.rng.choice(self.names)
                is_listed = place % 5 == 0
                goes_to = (account, "" if account else "main", f"+{PLAYLIST}" if is_listed else "")
                rows.writerow([f"{place:02}.mp4", f"{day}, number {place}", *goes_to])
                self.wishes.append(Wish(hashlib.sha256(content).hexdigest(), account, is_listed))
        self.told("upload", "--manifest", folder / "manifest.csv", "--queue")

    def strike(self, number):
        """Let some things go wrong for the rest of the day; return their names."""
        disasters = [
            self.a_login_dies,
            self.the_service_is_out,
            self.answers_are_lost,
            self.lines_are_cut,
            self.a_cap_falls,
            self.tokens_and_sessions_end,
        ]
        struck = self.rng.sample(disasters, DISASTERS)
        if number == 1:
            struck.append(self.a_bucket_is_smaller)
        for disaster in struck:
            disaster()
        return [disaster.__name__.replace("_", " ") for disaster in struck]

    def a_login_dies(self):
        name = self.rng.choice(self.names)
        self.control.revoke_grant(name)
        self.remedies.append(lambda: self.log_in([name]))

    def the_service_is_out(self):
        for method in ("videos.insert", "upload.final", "videos.list", "token"):
            times = self.rng.randint(1, max(2, VIDEOS // 10))
            self.control.add_fault(method=method, kind="error", error="backendError", times=times)

    def answers_are_lost(self):
        for method in ("upload.final", "videos.insert", "playlistItems.insert"):
            skip, times = self.rng.randint(0, VIDEOS // 3), self.rng.randint(1, max(1, VIDEOS // 10))
            self.control.add_fault(method=method, kind="lose_answer", skip=skip, times=times)

    def lines_are_cut(self):
        for _ in range(max(2, VIDEOS // 10)):
            self.control.add_fault(method="upload.final", kind="cut", at=self.rng.randint(0, 100_000))

    def a_cap_falls(self):
        name = self.rng.choice(self.names)
        self.control.add_channel(name, cap=1)
        self.remedies.append(lambda: self.control.add_channel(name))

    def tokens_and_sessions_end(self):
        self.control.expire_tokens(self.rng.choice(self.names))
        self.control.expire_sessions()

    def a_bucket_is_smaller(self):
        """Google allows half of a day's videos, until the evening; what we learned of it, a person sets right."""
        charged = self.control.truth()["units"][self.project["number"]]
        used = charged.get(quota.quota_day(self.control.clock()).isoformat(), {}).get("uploads", 0)
        name = self.project["project"]
        self.control.add_project(name, limits={"uploads": used + VIDEOS // 2})
        self.remedies.append(lambda: self.control.add_project(name))
        self.remedies.append(lambda: self.told("projects", "set", name, "--limit", "uploads=100"))

    def work(self):
        """Let a worker be killed in the middle of its work, and two others do what is due."""
        doomed, before = self._worker(), self._begun()
        while doomed.poll() is None and self._begun() == before:
            time.sleep(0.02)
        time.sleep(self.rng.uniform(0, 0.3))
        doomed.kill()
        for one in (doomed, self._worker(), self._worker()):
            self._end(one)

    def over_midnight(self, day):
        """Ask for the day's last videos and begin to work right before the reset."""
        self.queue(day, AT_NIGHT)
        self.control.clock(to=quota.resets_at(day) - BEFORE_MIDNIGHT)
        self._end(self._worker())

    def _worker(self):
        return start("work", "--once", "--parallel", 2, "--quiet", env=os.environ)

    def _begun(self):
        """Count the uploads that were begun."""
        return self.control.truth()["calls"].get("videos.insert", 0)

    def _end(self, one):
        _, err = one.communicate(timeout=600)
        assert "Traceback" not in err, err
        assert "this is a bug" not in err, err
        assert one.returncode in ENDS, (one.returncode, err)
        self.ended[one.returncode] += 1

    def evening(self, day):
        """Mend what a person mends, and work on until all is done or nothing goes on today."""
        self.control.clear_faults()
        for mend in self.remedies:
            mend()
        self.remedies.clear()
        self.it_is(day, EVENING)
        while self.control.clock() < quota.at(day, 23, 0) and (left := self.left()):
            # What is in doubt is looked at again after ten minutes, and then after an hour.
            self.control.clock(forward=timedelta(minutes=20))
            assert self.ytpool("work", "--once", "--parallel", 4, "--quiet")[0] in ENDS
            if left == self.left() and all(one["state"] == "deferred" for one in left):
                break

    def left(self):
        return [{name: one[name] for name in ("job", "state")} for one in self.told("queue", "list")["jobs"]]

    def compare(self):
        """Compare the books of every day so far with what was really charged."""
        with behind_its_back(self.state) as tx:  # nobody waits any more for the answers that the dead waited for
            tx.run("UPDATE ledger SET expires = 0 WHERE state IN ('held', 'sent') AND job IS NULL")
        self.told("tidy")
        assert_all_agrees(self.state, self.control.truth(), idle=False)
        self.told("state", "check")


@pytest.fixture
def week(home, ytpool, tmp_path, monkeypatch):
    """An office in the sandbox profile, some days before a change of California's clocks."""
    monkeypatch.setenv("YTPOOL_PROFILE", "sandbox")
    monkeypatch.setenv("YTPOOL_BREAKERS_REST", "0.5")  # who sleeps sees no disasters
    status, out, err = ytpool("sandbox", "up", "--json")
    assert status == 0, err
    control = Control(json.loads(out)["data"]["url"], timeout=30)
    control.clock(to=quota.at(first_day(control.clock()), 8, 0))
    print(f"YTPOOL_CHAOS_SEED={SEED}")
    yield Week(ytpool, control, home / "sandbox" / "state.db", tmp_path)
    ytpool("sandbox", "down")


def first_day(now):
    """Return the day with which a week begins in whose middle the clocks change."""
    day = quota.quota_day(now) + timedelta(days=DAYS)
    while quota.hours_of(day) == 24:
        day += timedelta(days=1)
    return day - timedelta(days=DAYS // 2)


def test_every_video_of_a_week_of_disasters_is_there_once_and_the_books_agree_every_evening(week):
    first, began = quota.quota_day(week.control.clock()), time.monotonic()
    hours = [quota.hours_of(first + timedelta(days=number)) for number in range(DAYS)]
    assert hours.count(24) == DAYS - 1

    for number in range(DAYS + LATE_DAYS):
        day = first + timedelta(days=number)
        struck = []
        if number < DAYS:
            by_day = VIDEOS - AT_NIGHT if number < DAYS - 1 else VIDEOS
            for place, hour in enumerate(HOURS):
                week.it_is(day, hour)
                week.queue(day, len(range(place, by_day, len(HOURS))))
                struck = struck or week.strike(number)
                week.work()
        week.evening(day)
        week.compare()
        left = week.left()
        there = len(week.control.truth()["videos"])
        print(f"{day}: {there} of {len(week.wishes)} videos, {len(left)} jobs left; {', '.join(struck) or 'quiet'}")
        if number < DAYS - 1:
            week.over_midnight(day)
        elif not left:
            break

    truth = week.control.truth()
    print(f"{len(truth['videos'])} of {len(week.wishes)} videos in {time.monotonic() - began:.0f} s of real time")
    print(f"how workers ended: {dict(week.ended)}")
    assert week.ended[-signal.SIGKILL]
    assert week.left() == []
    assert Counter(video["sha256"] for video in truth["videos"]) == Counter(wish.sha256 for wish in week.wishes)
    assert not any(video["deleted"] for video in truth["videos"])
    channels = {channel["channel_id"]: channel["title"] for channel in truth["channels"]}
    wished = {wish.sha256: wish for wish in week.wishes}
    found = {video["sha256"]: channels[video["channel_id"]] for video in truth["videos"]}
    assert all(found[wish.sha256] == wish.account for wish in week.wishes if wish.account)
    by_day = Counter(
        (video["channel_id"], quota.quota_day(moments.parse(video["published_at"]))) for video in truth["videos"]
    )
    assert max(by_day.values()) <= CAP
    listed = Counter(item["video_id"] for playlist in truth["playlists"] for item in playlist["items"])
    assert listed == Counter(video["id"] for video in truth["videos"] if wished[video["sha256"]].is_listed)
    assert moments.parse(truth["now"]) > quota.resets_at(first + timedelta(days=DAYS - 2))
    assert_all_agrees(week.state, truth)
