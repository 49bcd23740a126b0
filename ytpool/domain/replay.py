"""What another strategy would have made of the same days: the jobs of a pool, played once more with its accounts.

The rules are those by which a pool works: the whole of a job is set aside when it begins; an account has slots, its
channel takes one upload at a time; buckets stop new work at a threshold; caps count by quota day, a channel's learned
cap by the last 24 hours; reserve joins when no production account can work. Time is the journal's: nothing sleeps.
Left out is what no journal tells or what strategies have no part in: rests that are over, envelopes, deadlines, and the
one call a day that tries beyond a learned limit.

Every strategy meets the same luck: whether an account fails at a job depends on the job, the account and the seed, and
not on what was tried before. So two strategies differ by what they choose, and the same seed gives the same result.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from statistics import median_low
from typing import NamedTuple

from ytpool.domain import balancing, quota
from ytpool.domain.balancing import Candidate, Choice, Obstacle, Strategy, Tier, Weights
from ytpool.domain.prices import Cost
from ytpool.domain.quota import UPLOADS, Urgency

GIVES_UP_AFTER = timedelta(days=60)
"""A job that cannot begin so long after the last one came is left over."""

_DAY = timedelta(hours=24)


class Player(NamedTuple):
    """An account as it takes part."""

    account: str
    project: str
    channel_id: str
    tier: Tier
    priority: int
    slots: int
    created_at: datetime
    caps: Cost = {}  # noqa: RUF012 -- a mapping that nobody writes to
    """What it may count of a bucket in a quota day, where that is limited."""
    channel_cap: int | None = None
    """Uploads that its channel takes in 24 hours, where that was learned."""
    fails: float = 0.0
    """The share of the jobs it is given that it cannot do."""
    successes: int = 0
    failures: int = 0


class PastJob(NamedTuple):
    """A job as the journal knows it: when it came, what it cost, how long it took."""

    job: str
    at: datetime
    units: Cost
    """What the project pays, by bucket."""
    counts: Cost
    """What the account counts, by bucket."""
    seconds: float
    opening: Cost = {}  # noqa: RUF012 -- a mapping that nobody writes to
    """What the project pays for a try that fails: the first call."""
    account: str | None = None
    """The account it was for; None: any of the pool."""
    hopeless: bool = False
    """It failed for a reason of its own, and would on any account."""


class Use(NamedTuple):
    """Units of a bucket that went to something else."""

    at: datetime
    project: str
    bucket: str
    units: float


class Scene(NamedTuple):
    """All there is to play with."""

    players: Sequence[Player]
    jobs: Sequence[PastJob]
    limits: Mapping[tuple[str, str], int]
    """By project and bucket."""
    others: Sequence[Use] = ()
    thresholds: tuple[int, int, int] = (70, 80, 90)
    weights: Weights = Weights()
    seed: int = 1


class Peak(NamedTuple):
    """How full the fullest bucket became."""

    project: str
    bucket: str
    day: date
    percent: float


class Played(NamedTuple):
    """What a strategy made of the jobs that were for any account of the pool."""

    strategy: Strategy
    jobs: int
    done: int
    failed: int
    deferred: int
    """Jobs that found nobody able to work, and waited for a reset or a cap."""
    left: int
    """Jobs that could never begin."""
    median_delay: float
    """Seconds from asking to beginning, of the jobs that were done; half of them waited no longer."""
    p95_delay: float
    shares: Mapping[str, int]
    """How many jobs each account has done."""
    fairness: float
    """Jain's index over the accounts that work first: 1 where all did the same, 1/n where one did everything."""
    peak: Peak | None
    took: Mapping[str, str]
    """Which account did which job."""

    @property
    def undone(self) -> int:
        return self.failed + self.left


def play(scene: Scene, strategy: Strategy) -> Played:
    """Play a scene under one strategy; the same scene gives the same result."""
    return _Play(scene, strategy).played()


class _Actor:
    """What becomes of one account while the scene is played."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.running = 0
        self.used: Counter[str] = Counter()
        self.successes, self.failures = player.successes, player.failures
        self.last_upload_at: datetime | None = None
        self.served = 0


class _Waiting:
    """A job that has come and not begun."""

    def __init__(self, past: PastJob, number: int) -> None:
        self.past = past
        self.number = number
        self.tried: frozenset[str] = frozenset()
        self.gone = False
        self.deferred = False

    @property
    def kind(self) -> "_Kind":
        past = self.past
        return _Kind(past.account, tuple(past.units.items()), tuple(past.counts.items()), self.tried)


class _Kind(NamedTuple):
    """What decides who can do a job: where one finds nobody, another of its kind finds nobody either."""

    account: str | None
    units: tuple[tuple[str, int], ...]
    counts: tuple[tuple[str, int], ...]
    tried: frozenset[str]


class _Line:
    """Those of one kind who wait, the first to come first; only the first is tried, so a long line costs nothing."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self._fresh: list[_Waiting] = []

    def join(self, one: _Waiting) -> None:
        self.waiting.append(one)
        self._fresh.append(one)

    def defer(self) -> int:
        """Note that nobody is able to do their work; return how many of the pool's hear that for the first time."""
        heard = [one for one in self._fresh if not one.gone and not one.deferred]
        for one in heard:
            one.deferred = True
        self._fresh.clear()
        return sum(1 for one in heard if one.past.account is None)


class _Ended(NamedTuple):
    """An account is done with a job."""

    actor: _Actor
    past: PastJob


class _Woken(NamedTuple):
    """A moment at which those who wait look again."""


class _Room(NamedTuple):
    left: float = 1.0
    obstacle: Obstacle | None = None


class _Play:
    """One scene under one strategy: events in their order, and the line of those who wait."""

    def __init__(self, scene: Scene, strategy: Strategy) -> None:
        self._scene = scene
        self._strategy = strategy
        self._rng = random.Random(scene.seed)
        self._actors = {player.account: _Actor(player) for player in scene.players}
        self._order = count()
        self._events: list[tuple[datetime, int, PastJob | Use | _Ended | _Woken]] = []
        for some in (scene.others, scene.jobs):
            for one in some:
                self._push(one.at, one)
        self._wakes_at: set[datetime] = set()
        self._lines: dict[_Kind, _Line] = {}
        self._day = date.min
        self._resets_at: datetime | None = None
        self._used: dict[tuple[str, str], float] = {}
        self._busy_channels: set[str] = set()
        self._uploads: dict[str, deque[datetime]] = {one.channel_id: deque() for one in scene.players}
        self._turn = 0
        self._peak: Peak | None = None
        self._failed = self._deferred = 0
        self._delays: list[float] = []
        self._shares = dict.fromkeys(self._actors, 0)
        self._took: dict[str, str] = {}

    def played(self) -> Played:
        gives_up_at = max((past.at for past in self._scene.jobs), default=None)
        while gives_up_at and self._events and self._events[0][0] <= gives_up_at + GIVES_UP_AFTER:
            now = self._events[0][0]
            self._turn_the_day(now)
            while self._events and self._events[0][0] == now:
                self._happen(heappop(self._events)[2], now)
            self._begin_what_can(now)
        left = sum(len(line.waiting) for kind, line in self._lines.items() if kind.account is None)
        delays = sorted(self._delays)
        return Played(
            strategy=self._strategy,
            jobs=len(delays) + self._failed + left,
            done=len(delays),
            failed=self._failed,
            deferred=self._deferred,
            left=left,
            median_delay=median_low(delays) if delays else 0.0,
            p95_delay=delays[-(-len(delays) * 95 // 100) - 1] if delays else 0.0,
            shares=self._shares,
            fairness=self._fairness(),
            peak=self._peak,
            took=self._took,
        )

    def _turn_the_day(self, now: datetime) -> None:
        if self._resets_at is not None and now < self._resets_at:
            return
        self._day = quota.quota_day(now)
        self._resets_at = quota.resets_at(self._day)
        self._used.clear()
        for actor in self._actors.values():
            actor.used.clear()

    def _happen(self, event: PastJob | Use | _Ended | _Woken, now: datetime) -> None:
        match event:
            case PastJob():
                self._join(_Waiting(event, next(self._order)))
            case Use():
                self._spend(event.project, {event.bucket: event.units})
            case _Ended(actor, past):
                actor.running -= 1
                actor.successes += 1
                if UPLOADS in past.counts:
                    self._busy_channels.discard(actor.player.channel_id)
                    actor.last_upload_at = now
            case _Woken():
                self._wakes_at.discard(now)

    def _join(self, one: _Waiting) -> None:
        self._lines.setdefault(one.kind, _Line()).join(one)

    def _begin_what_can(self, now: datetime) -> None:
        """Let everybody begin who can, the first to come first; a line whose first finds nobody waits."""
        firsts = [(line.waiting[0].number, kind) for kind, line in self._lines.items()]
        heapify(firsts)
        while firsts:
            _, kind = heappop(firsts)
            line = self._lines[kind]
            one = line.waiting[0]
            choice = self._begin(one, now)
            if choice is None or one.tried != kind.tried:
                line.waiting.popleft()
                one.gone = choice is None
                if not one.gone:  # those it tried have failed, and the others it has to wait for
                    self._join(one)
                if line.waiting:
                    heappush(firsts, (line.waiting[0].number, kind))
            if choice is not None and not choice.busy:
                self._deferred += self._lines[one.kind].defer()
        self._lines = {kind: line for kind, line in self._lines.items() if line.waiting}

    def _begin(self, one: _Waiting, now: datetime) -> Choice | None:
        """Give a job to an account, or find that it fails; return the choice of nobody where it has to wait."""
        past = one.past
        while True:
            candidates = [*self._candidates(one, now)]
            choice = balancing.choose(
                candidates,
                strategy=self._strategy if past.account is None else Strategy.FILL,
                weights=self._scene.weights,
                now=now,
                rng=self._rng,
            )
            if choice.account is None:
                if one.tried and not candidates:
                    self._failed += past.account is None
                    return None
                if choice.until is not None:
                    self._wake(choice.until)
                return choice
            actor = self._actors[choice.account]
            if past.account is None:
                self._turn += 1
                actor.served = self._turn
            if not past.hopeless and not self._fails(past, actor.player):
                self._take(actor, past, now)
                return None
            self._spend(actor.player.project, past.opening)
            if past.hopeless:
                self._failed += past.account is None
                return None
            actor.failures += 1
            one.tried |= {choice.account}

    def _fails(self, past: PastJob, player: Player) -> bool:
        if player.fails <= 0:
            return False
        return random.Random(f"{self._scene.seed} {past.job} {player.account}").random() < player.fails

    def _take(self, actor: _Actor, past: PastJob, now: datetime) -> None:
        player = actor.player
        self._spend(player.project, past.units)
        actor.used.update(past.counts)
        actor.running += 1
        if UPLOADS in past.counts:
            self._busy_channels.add(player.channel_id)
            self._uploads[player.channel_id].append(now)
        self._push(now + timedelta(seconds=past.seconds), _Ended(actor, past))
        if past.account is None:
            self._delays.append((now - past.at).total_seconds())
            self._shares[player.account] += 1
            self._took[past.job] = player.account

    def _wake(self, at: datetime) -> None:
        if at not in self._wakes_at:
            self._wakes_at.add(at)
            self._push(at, _Woken())

    def _push(self, at: datetime, event: PastJob | Use | _Ended | _Woken) -> None:
        heappush(self._events, (at, next(self._order), event))

    def _spend(self, project: str, units: Mapping[str, float]) -> None:
        for bucket, some in units.items():
            key = project, bucket
            self._used[key] = self._used.get(key, 0) + some
            limit = self._scene.limits.get(key, 0)
            percent = 100 * self._used[key] / limit if limit else 100.0
            if self._peak is None or percent > self._peak.percent:
                self._peak = Peak(project, bucket, self._day, percent)

    # Who could do it

    def _candidates(self, one: _Waiting, now: datetime) -> Iterator[Candidate]:
        past = one.past
        actors = self._actors.values() if past.account is None else [self._actors[past.account]]
        projects: dict[tuple[str, Tier], _Room] = {}
        for actor in actors:
            player = actor.player
            if player.account in one.tried:
                continue
            payer = player.project, player.tier
            if payer not in projects:
                projects[payer] = self._room_of_project(player, past.units)
            room = projects[payer]
            if player.caps:
                room = _within(room, self._room_under_caps(actor, past.counts))
            if player.channel_cap is not None and UPLOADS in past.counts:
                room = _within(room, self._room_on_channel(player.channel_id, player.channel_cap, now))
            yield Candidate(
                account=player.account,
                project=player.project,
                channel_id=player.channel_id,
                tier=player.tier,
                priority=player.priority,
                free_slots=player.slots - actor.running,
                channel_busy=UPLOADS in past.counts and player.channel_id in self._busy_channels,
                quota_left=room.left,
                used=actor.used[UPLOADS],
                successes=actor.successes,
                failures=actor.failures,
                last_upload_at=actor.last_upload_at,
                created_at=player.created_at,
                obstacle=room.obstacle,
                served=actor.served,
            )

    def _room_of_project(self, player: Player, units: Cost) -> _Room:
        urgency = Urgency.NORMAL.on_reserve() if player.tier is Tier.RESERVE else Urgency.NORMAL
        percent = quota.opens_until(urgency, self._scene.thresholds)
        room = _Room()
        for bucket, some in units.items():
            key = player.project, bucket
            limit, used = self._scene.limits.get(key, 0), self._used.get(key, 0)
            closed = used + some > limit or used * 100 >= limit * percent
            room = _within(room, self._room(limit, used, some, closed=closed))
        return room

    def _room_under_caps(self, actor: _Actor, counts: Cost) -> _Room:
        room = _Room()
        for bucket, some in counts.items():
            cap, used = actor.player.caps.get(bucket), actor.used[bucket]
            if cap is not None:
                room = _within(room, self._room(cap, used, some, closed=used + some > cap))
        return room

    def _room(self, limit: int, used: float, some: int, *, closed: bool) -> _Room:
        """Say what share is left; what is more than the limit altogether no reset helps."""
        until = self._resets_at if some <= limit and limit > 0 else None
        return _Room(_share(limit - used, limit), Obstacle("nothing left today", until) if closed else None)

    def _room_on_channel(self, channel_id: str, cap: int, now: datetime) -> _Room:
        uploads = self._uploads[channel_id]
        while uploads and uploads[0] <= now - _DAY:
            uploads.popleft()
        if len(uploads) < cap:
            return _Room(_share(cap - len(uploads), cap))
        return _Room(0.0, Obstacle("channel at its learned cap", uploads[-cap] + _DAY if cap else None))

    def _fairness(self) -> float:
        players = self._scene.players
        first = [one for one in players if one.tier is Tier.PRODUCTION] or players
        shares = [self._shares[one.account] for one in first]
        squares = sum(share * share for share in shares)
        return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def _within(one: _Room, other: _Room) -> _Room:
    """Both count: the smaller share, and the obstacle that lasts longer."""
    obstacle = one.obstacle or other.obstacle
    if one.obstacle is not None and other.obstacle is not None:
        ends = (one.obstacle.until, other.obstacle.until)
        obstacle = one.obstacle if ends[0] is None or (ends[1] is not None and ends[0] >= ends[1]) else other.obstacle
    return _Room(min(one.left, other.left), obstacle)


def _share(left: float, limit: int) -> float:
    return max(0.0, left) / limit if limit else 0.0


# Which to take


class Advice(NamedTuple):
    """The strategy to take, and why, in a sentence."""

    take: Strategy
    reason: str


class _Measure(NamedTuple):
    """One thing by which strategies are compared: less is better, and a trifle is no difference."""

    value: Callable[[Played], float]
    trifle: Callable[[float], float]
    words: Callable[[Played], str]


def _no_less(_best: float) -> float:
    return 0.0


_MEASURES = (
    _Measure(lambda one: one.undone, _no_less, lambda one: f"{one.undone} of {one.jobs} jobs stay undone"),
    _Measure(
        lambda one: one.deferred,
        lambda best: max(1.0, best / 50),
        lambda one: f"{one.deferred} of {one.jobs} jobs wait for a reset or a cap",
    ),
    _Measure(
        lambda one: one.p95_delay,
        lambda best: 30 + best / 10,
        lambda one: f"19 of 20 jobs begin within {span(one.p95_delay)}",
    ),
    _Measure(
        lambda one: one.median_delay,
        lambda best: 30 + best / 10,
        lambda one: f"half of the jobs begin within {span(one.median_delay)}",
    ),
    _Measure(
        lambda one: -one.fairness,
        lambda _best: 0.02,
        lambda one: f"the accounts' shares are even to {one.fairness:.2f} of 1",
    ),
    _Measure(
        lambda one: 0.0 if one.peak is None else one.peak.percent,
        lambda _best: 1.0,
        lambda one: f"the fullest bucket reaches {0.0 if one.peak is None else one.peak.percent:.0f} %",
    ),
)
"""In the order of what matters: the work gets done, today, soon; then the load is even."""


def advise(played: Sequence[Played], present: Strategy) -> Advice:
    """Say which strategy to take: the present one, unless another is better by more than a trifle.

    One measure after the other leaves those that are no worse than the best by more than a trifle.
    """
    left = list(played)
    now = next(one for one in played if one.strategy is present)
    against: _Measure | None = None
    for measure in _MEASURES:
        best = min(map(measure.value, left))
        left = [one for one in left if measure.value(one) <= best + measure.trifle(best)]
        if against is None and now not in left:
            against = measure
    if against is None:
        return Advice(present, f"stay with {present}: no other strategy does better by more than a trifle")
    take = left[0]
    return Advice(
        take.strategy,
        f"take {take.strategy}: with it {against.words(take)}; with {present}, as now, {against.words(now)}",
    )


def span(seconds: float) -> str:
    """Write a span as people say it: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"
