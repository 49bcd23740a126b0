"""Disasters as they strike: each says what it has done, and takes it back when its time is over."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import ytpool
from ytpool.actions.rehearsal.stage import Stage, environment
from ytpool.domain import scenarios
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.scenarios import Disaster, What, spoken_span
from ytpool.errors import StateBusy, UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts

_ALWAYS = 1_000_000
_CALLS = (
    *("videos.insert", "videos.list", "channels.list", "thumbnails.set", "captions.insert", "captions.list"),
    *("playlists.list", "playlists.insert", "playlistItems.list", "playlistItems.insert"),
)
"""The calls that publishing makes under a channel's name."""
_SENDING = ("upload.chunk", "upload.query", "media.chunk", "token")
_SUSPENDED = "authenticatedUserAccountSuspended"
DEAD = ("invalid_grant",)
SUSPENDED = (_SUSPENDED,)
NO_QUOTA = ("quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded")
FULL = ("uploadLimitExceeded",)
"""By which words YouTube says that there is no use in asking again before long."""
_BEFORE_THE_END = timedelta(seconds=1.5)
_A_MINUTE_IS = 2.0
"""Seconds for which a rehearsed minute lasts, where it has to pass."""
_PATIENCE = 0.8
"""Seconds of such a minute after which who wants to write gives up: a bit less than half of it, as in earnest."""
_WORKERS_END_WITHIN = 15.0
"""Seconds after which a worker is ended that waits, for room on a disk or for something to begin."""
_LOCKS_WITHIN = 60.0
"""Seconds after which nobody tries any more to hold the state who is to; longer than another can do so."""
_ROOM = 1 << 16
_DIES_AMIDST = 0.4
"""Seconds within which a worker is killed once it has begun something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What a disaster has done."""

    what: str
    told: str
    times: int
    """How often anybody met it."""
    whom: int = 0
    """How many it was aimed at."""
    drawn: tuple[str, ...] = ()
    """What the seed has drawn for it: who is struck at, or which calls are spoiled, counted from when it struck."""


def _nothing() -> None: ...


@dataclass(slots=True, kw_only=True)
class Blow:
    """A disaster that has struck, and how it is taken back."""

    disaster: Disaster
    told: str
    rules: Sequence[str] = ()
    """Faults of the sandbox that wait for calls."""
    meets: Sequence[str] = ()
    """Refusals of YouTube's by which it is met."""
    times: int = 1
    whom: int = 0
    drawn: Sequence[str] = ()
    undo: Callable[[], object] = field(default=_nothing)


def require_possible(rt: Runtime, disasters: Sequence[Disaster], days: int) -> None:
    """Raise what is wrong with a scenario in this state: a name nobody has, a bucket, a moment beyond the end."""
    with rt.store.reading() as tx:
        for disaster in disasters:
            for name in disaster.named:
                accounts.get(tx, name)
        buckets = rt.terms(tx).prices.limits
    for disaster in disasters:
        if disaster.at >= timedelta(days=days):
            raise UsageWrong(
                f"{disaster.what} strikes after {spoken_span(disaster.at)}, and the rehearsal is over after "
                f"{days} {'day' if days == 1 else 'days'}",
                hint="let it go on for longer: --days N",
            )
        if disaster.bucket and disaster.bucket not in buckets:
            raise UnknownName(
                f"there is no bucket {disaster.bucket!r}", hint=f"there are {', '.join(buckets)}", name=disaster.bucket
            )


class Striker:
    """Strikes on one stage; what is not said in the scenario is drawn from chance."""

    def __init__(
        self, stage: Stage, disasters: Sequence[Disaster], chance: random.Random, leans_on: Collection[str]
    ) -> None:
        self.leapt = timedelta()
        """How far the clock has leapt, beside what passed."""
        self._stage = stage
        # Workers meet as it happens, and so do disasters: what is drawn for one must not depend on which comes first.
        self._dice = {id(one): random.Random(chance.getrandbits(64)) for one in disasters}
        self._leans_on = leans_on
        self._blows: list[Blow] = []
        self._keyless = 0
        """How many disasters keep the key out of reach."""
        self._patiences = [stage.rt.patience]
        """For how long everybody waits for a transaction: as usual, and less while one is held; the least counts."""

    def strike(self, disaster: Disaster) -> Blow:
        blow = _BLOWS[disaster.what](self, disaster)
        self._blows.append(blow)
        return blow

    def take_back(self, blow: Blow) -> None:
        """End a disaster; twice changes nothing."""
        if blow.rules:
            blow.times = self._met(blow.rules)
            self._stage.rt.sandbox.clear_faults(blow.rules)
            blow.rules = ()
        undo, blow.undo = blow.undo, _nothing
        undo()

    def refusals(self) -> frozenset[str]:
        """Return by which words YouTube refuses what it takes without these disasters."""
        said = {reason for blow in self._blows for reason in blow.meets}
        return frozenset(said | {blow.disaster.error.partition(".")[0] for blow in self._blows})

    def struck(self) -> tuple[Struck, ...]:
        """Take back what is left, and say what every disaster has done."""
        errors = self._stage.rt.sandbox.truth()["errors"]
        for blow in self._blows:
            self.take_back(blow)
            if blow.meets:
                blow.times = sum(errors.get(reason, 0) for reason in blow.meets)
        return tuple(
            Struck(
                what=blow.disaster.what,
                told=blow.told,
                times=blow.times,
                whom=blow.whom,
                drawn=tuple(blow.drawn),
            )
            for blow in self._blows
        )

    def _met(self, rules: Sequence[str]) -> int:
        return sum(one["done"] for one in self._stage.rt.sandbox.faults() if one["fault_id"] in rules)

    def _faults(self, *rules: Mapping[str, Any]) -> list[str]:
        return [self._stage.rt.sandbox.add_fault(**rule) for rule in rules]

    def _whom(self, disaster: Disaster) -> list[Account]:
        """Return who is struck at: who is named, or some of those that the undisturbed run leans on.

        All draw in one order, so that a seed strikes at the same ones even where another run leans on others.
        """
        every = self._stage.accounts
        if disaster.named:
            return [every[name] for name in dict.fromkeys(disaster.named) if name in every]
        able = [one for one in every.values() if one.state is AccountState.ACTIVE]
        if not disaster.accounts:
            return able
        first = [one for one in able if one.tier == Tier.PRODUCTION] or able
        drawn = self._dice[id(disaster)].sample(first, len(first))
        drawn.sort(key=lambda one: one.account not in self._leans_on)
        return sorted(drawn[: disaster.accounts], key=lambda one: one.account)

    def suspend(self, disaster: Disaster) -> Blow:
        struck = self._whom(disaster)
        rules = [
            {"method": method, "kind": "error", "error": _SUSPENDED, "channel": one.channel_id, "times": _ALWAYS}
            for one in struck
            for method in _CALLS
        ]
        return Blow(
            disaster=disaster,
            told=f"suspended: {_names(struck)}",
            rules=self._faults(*rules),
            whom=len(struck),
            drawn=[one.account for one in struck],
        )

    def revoke(self, disaster: Disaster) -> Blow:
        struck = self._whom(disaster)
        for one in struck:
            self._stage.rt.sandbox.revoke_grant(one.channel_id)
            self._stage.rt.sandbox.expire_tokens(one.channel_id)
        return Blow(
            disaster=disaster,
            told=f"the logins are dead: {_names(struck)}",
            meets=DEAD,
            whom=len(struck),
            drawn=[one.account for one in struck],
        )

    def limit(self, disaster: Disaster) -> Blow:
        told = []
        for one in self._stage.rt.sandbox.status()["projects"]:
            with self._stage.rt.store.reading() as tx:
                limits = {**self._stage.rt.terms(tx).prices.limits, **one["limits"]}
            cut = {**one["limits"], disaster.bucket: int(limits[disaster.bucket] * disaster.share)}
            self._stage.rt.sandbox.add_project(one["name"], limits=cut)
            told.append(f"{one['name']} {cut[disaster.bucket]:,}")
        return Blow(disaster=disaster, told=f"units of {disaster.bucket} a day: {', '.join(told)}", meets=NO_QUOTA)

    def cap(self, disaster: Disaster) -> Blow:
        struck = self._whom(disaster)
        for one in struck:
            self._stage.rt.sandbox.add_channel(
                one.channel_title or one.account, channel_id=one.channel_id, cap=disaster.uploads
            )
        return Blow(
            disaster=disaster,
            told=f"{disaster.uploads} uploads in 24 hours: {_names(struck)}",
            meets=FULL,
            whom=len(struck),
            drawn=[one.account for one in struck],
        )

    def answer(self, disaster: Disaster) -> Blow:
        methods = disaster.methods or (*_CALLS, *_SENDING)
        rules = [{"method": one, "kind": "error", "error": disaster.error, "times": _ALWAYS} for one in methods]
        about = ", ".join(disaster.methods) or "every call"
        return Blow(disaster=disaster, told=f"{about}: {disaster.error}", rules=self._faults(*rules))

    def lose(self, disaster: Disaster) -> Blow:
        films = len(self._stage.script.films)
        # Whoever strikes ends the asking: a rule that comes later was not asked then.
        rules = [
            {"method": "upload.final", "kind": "lose_answer", "skip": number * disaster.every - number}
            for number in range(1, max(1, films // disaster.every) + 1)
        ]
        return Blow(
            disaster=disaster, told=f"of {disaster.every} final answers one is lost", rules=self._faults(*rules)
        )

    def cut(self, disaster: Disaster) -> Blow:
        chance, films = self._dice[id(disaster)], len(self._stage.script.films)
        rules: list[dict[str, Any]] = []
        for _ in range(disaster.times):
            skip = chance.randrange(max(1, films - 1))
            rules.append(
                chance.choice(
                    (
                        {"method": "upload.chunk", "kind": "cut", "at": chance.randrange(20_000), "skip": skip},
                        {"method": "upload.final", "kind": "lose_answer", "skip": skip},
                        {"method": "upload.final", "kind": "close", "skip": skip},
                        {"method": "videos.insert", "kind": "lose_answer", "skip": skip},
                        {"method": "videos.insert", "kind": "close", "skip": skip, "charge": chance.random() < 0.5},
                    )
                )
            )
        return Blow(
            disaster=disaster,
            told=f"the line is cut {disaster.times} times",
            rules=self._faults(*rules),
            drawn=[
                f"{one['method']} {one['skip'] + 1}: {one['kind']}" + (f" at byte {one['at']}" if "at" in one else "")
                for one in rules
            ],
        )

    def kill(self, disaster: Disaster) -> Blow:
        died, chance = 0, self._dice[id(disaster)]
        while died < disaster.times and self._worker_dies(chance.uniform(0, _DIES_AMIDST)):
            died += 1
        return Blow(disaster=disaster, told=f"{died} workers were killed at work", times=died)

    def clock(self, disaster: Disaster) -> Blow:
        rt = self._stage.rt
        now = rt.calendar.now()
        ends = scenarios.day_ends(disaster.over, now)
        self.leapt += max(timedelta(), ends - _BEFORE_THE_END - now)
        rt.clock_to(ends - _BEFORE_THE_END)
        return Blow(disaster=disaster, told=f"the clock leapt to {ends:%Y-%m-%d %H:%M:%S} UTC, where a day ends")

    def keyring(self, disaster: Disaster) -> Blow:
        key = self._stage.script.key_file
        aside = key.with_name(f"{key.name}.gone")
        if not self._keyless:
            key.rename(aside)
        self._keyless += 1

        def undo() -> None:
            self._keyless -= 1
            if not self._keyless:
                aside.rename(key)

        return Blow(disaster=disaster, told="the key is out of reach", undo=undo)

    def database(self, disaster: Disaster) -> Blow:
        """Hold the state as a process would that stands still in the middle of a write; two do so one after another."""
        rt, minutes = self._stage.rt, disaster.lasts_for / timedelta(minutes=1)
        held, over = threading.Event(), threading.Event()

        def hold() -> None:
            store = rt.store
            store.wait_at_most(_LOCKS_WITHIN)
            with suppress(StateBusy), store.transaction():
                held.set()
                over.wait(minutes * _A_MINUTE_IS)

        beside = threading.Thread(target=hold, name="holds the state", daemon=True)
        beside.start()
        held.wait(_LOCKS_WITHIN)
        self._patiences.append(_PATIENCE * minutes)
        rt.patience = min(self._patiences)

        def undo() -> None:
            over.set()
            beside.join()
            self._patiences.remove(_PATIENCE * minutes)
            rt.patience = min(self._patiences)

        return Blow(disaster=disaster, told="another process stands still in the middle of a write", undo=undo)

    def disk(self, disaster: Disaster) -> Blow:
        state, failed = self._stage.rt.config.paths.state, 0
        for _ in range(disaster.times):
            room = (state.stat().st_size // _ROOM + 1) * _ROOM
            with self._worker(room) as worker:
                try:
                    failed += worker.wait(_WORKERS_END_WITHIN) != 0
                except subprocess.TimeoutExpired:  # it waits for room
                    failed += 1
                finally:
                    worker.kill()
        return Blow(disaster=disaster, told=f"{failed} workers could not write any more", times=failed)

    def _worker_dies(self, after: float) -> bool:
        """Begin a worker, and kill it so many seconds after it has begun something; False where it had nothing to do.

        One that has something to do and never begins it is none of those who die at work, and is not waited for.
        """
        with self._worker() as worker:
            assert worker.stdout is not None
            waits = threading.Timer(_WORKERS_END_WITHIN, worker.kill)
            waits.daemon = True
            waits.start()
            try:
                has_begun = any(json.loads(line).get("event") == "begun" for line in worker.stdout)
                if has_begun:
                    self._stage.rt.clock.sleep(after)
                return has_begun and worker.poll() is None
            finally:
                waits.cancel()
                worker.kill()

    def _worker(self, room: int | None = None) -> "subprocess.Popen[str]":
        """Begin a worker as a process of its own; with `room` none of its files gets longer than so many bytes."""
        environ = environment(self._stage.home, self._stage.rt)
        here = str(Path(ytpool.__file__).resolve().parent.parent)
        environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [environ.get("PYTHONPATH")])])
        words = [sys.executable, "-P", "-m", "ytpool", "work", "--once", "--parallel", "3", "--json"]
        if room is not None:
            # Whoever is root has room on every disk, and a small one can be mounted by nobody else. What a process may
            # write at most holds for everybody; a write beyond it fails in its middle, as on a full disk.
            narrow = "import os,resource,sys;resource.setrlimit(resource.RLIMIT_FSIZE,(int(sys.argv[1]),)*2);"
            words = [sys.executable, "-P", "-c", f"{narrow}os.execv(sys.argv[2],sys.argv[2:])", str(room), *words]
        return subprocess.Popen(
            words,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if room is None else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )


_BLOWS: Mapping[What, Callable[[Striker, Disaster], Blow]] = {
    What.SUSPEND: Striker.suspend,
    What.REVOKE: Striker.revoke,
    What.LIMIT: Striker.limit,
    What.CAP: Striker.cap,
    What.ANSWER: Striker.answer,
    What.LOSE: Striker.lose,
    What.CUT: Striker.cut,
    What.KILL: Striker.kill,
    What.CLOCK: Striker.clock,
    What.KEYRING: Striker.keyring,
    What.DATABASE: Striker.database,
    What.DISK: Striker.disk,
}


def _names(struck: Sequence[Account]) -> str:
    names = [one.account for one in struck[:_NAMED]]
    more = [f"{len(struck) - _NAMED} more"] if len(struck) > _NAMED else []
    return ", ".join([*names, *more]) or "nobody"


_NAMED = 6
