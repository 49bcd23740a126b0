"""Giving every item its place: the planner, and what is taken already by what has its place."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ytpool.domain import envelopes, moments, quota
from ytpool.domain.balancing import Tier
from ytpool.domain.plan.scene import Item, Left, Placed, Rest, Scene, Seat, lasts, sends
from ytpool.domain.plan.turns import Turn, around, better, turns
from ytpool.domain.quota import MIDNIGHT_BLUR, UPLOADS, WANTED_WITHIN, Urgency
from ytpool.domain.terms import Terms

_DAY = timedelta(hours=24)
_INSTANT = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_LONGEST_BEFORE_MIDNIGHT = timedelta(hours=12)
"""What takes longer than this may run over midnight: it would hardly find a day of its own."""


def plan(scene: Scene, items: Sequence[Item]) -> tuple[Placed | Left, ...]:
    """Give every item its place, or say why it has none; in the order of the items."""
    planner = _Planner(scene)
    found: dict[int, Placed | Left] = {}
    order = sorted(range(len(items)), key=lambda number: (*_rank(items[number]), number))
    for number in order:
        found[number] = planner.place(items[number])
    return tuple(found[number] for number in range(len(items)))


def _rank(item: Item) -> tuple[bool, int, bool, datetime]:
    return not item.begun, -item.priority, not item.overdue, item.deadline or datetime.max.replace(tzinfo=UTC)


class _Busy:
    """Stretches of time that are taken, in order; those that touch are one."""

    def __init__(self) -> None:
        self._begins: list[datetime] = []
        self._ends: list[datetime] = []

    def free_from(self, at: datetime, span: timedelta) -> datetime:
        """Return the first moment from which so long a stretch is free."""
        place = bisect_right(self._ends, at)
        while place < len(self._begins) and self._begins[place] < at + span:
            at = self._ends[place]
            place += 1
        return at

    def take(self, begins: datetime, ends: datetime) -> None:
        place = bisect_left(self._begins, begins)
        before = place > 0 and self._ends[place - 1] == begins
        after = place < len(self._begins) and self._begins[place] == ends
        if before and after:
            self._ends[place - 1] = self._ends.pop(place)
            del self._begins[place]
        elif before:
            self._ends[place - 1] = ends
        elif after:
            self._begins[place] = begins
        else:
            self._begins.insert(place, begins)
            self._ends.insert(place, ends)


class _Obstacle(NamedTuple):
    reason: str
    until: datetime | None
    """When it is worth looking again; None: never."""


_Why = dict[str, None]
"""Reasons, each once, in the order in which they were met."""


class _Planner:
    """What is taken already, by what has its place."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seats = {seat.account: seat for seat in scene.seats}
        self._days = sorted(scene.terms)
        self._midnights = [*map(quota.starts_at, self._days), scene.ends]
        self._ends = scene.ends
        self._used = Counter({(self._days[0], *key): units for key, units in scene.used.items()})
        self._shares = Counter({(self._days[0], *key): units for key, units in scene.envelopes_used.items()})
        self._counted = Counter(
            {
                (self._days[0], seat.account, bucket): units
                for seat in scene.seats
                for bucket, units in seat.used.items()
            }
        )
        self._load = Counter({seat.account: seat.used.get(UPLOADS, 0) for seat in scene.seats})
        self._line = _Busy()
        self._channels: dict[str, _Busy] = {}
        self._at_work: dict[str, list[tuple[datetime, datetime]]] = {}
        self._uploads = {name: sorted(cap.taken) for name, cap in scene.channel_caps.items()}
        self._turns = list(turns(scene.blocks, scene.zone, scene.now, self._ends, scene.made))
        self._costs: dict[tuple[date, tuple[str, ...]], Counter[str]] = {}
        self._rooms: dict[tuple[object, ...], tuple[int, _Obstacle | None]] = {}
        self._version: Counter[tuple[date, str]] = Counter()
        self._last = defaultdict[tuple[date, str], datetime](lambda: datetime.min.replace(tzinfo=UTC))

    def place(self, item: Item) -> Placed | Left:
        """Find the earliest place for an item, and take it."""
        if item.not_before is not None and item.not_before >= self._ends:
            waits = f"it is to wait until {moments.spoken(item.not_before)}, and this plan ends before"
            return Left(item=item, reasons=(waits,))
        why: _Why = {}
        seats = self._able(item, why)
        found = self._search(item, seats, item.deadline, why) if seats else None
        if found is not None:
            return self._take(item, *found)
        if item.deadline is not None and seats:
            later = self._search(item, seats, None, {})
            if later is not None:
                at = later[0] + lasts(item, self._scene.rate)
                why = {
                    f"it can be there at {moments.spoken(at)} at the earliest, and is wanted by "
                    f"{moments.spoken(item.deadline)}": None,
                    **why,
                }
        return Left(item=item, reasons=tuple(why) or ("the days of this plan have no room for it",))

    def _able(self, item: Item, why: _Why) -> list[Seat]:
        """Return who may do it at some time, in the order in which they are asked."""
        seats = [self._seats[account] for account in item.accounts if account in self._seats]
        if not seats:
            why["nobody is there to do it"] = None
        able = []
        for seat in seats:
            forever = next((rest for rest in seat.rests if rest.until is None and self._concerns(rest, item)), None)
            if seat.out or forever is not None:
                why[f"{seat.account}: {seat.out or (forever and forever.reason)}"] = None
            else:
                able.append(seat)
        if item.in_order:
            return sorted(able, key=lambda seat: (seat.priority, seat.account))
        return sorted(able, key=lambda seat: (self._load[seat.account], seat.priority, seat.account))

    def _search(
        self, item: Item, seats: list[Seat], deadline: datetime | None, why: _Why
    ) -> tuple[datetime, Seat, Turn | None] | None:
        production = [seat for seat in seats if seat.tier is Tier.PRODUCTION]
        first = self._earliest(item, production, deadline, why, self._scene.now) if production else None
        reserve = [seat for seat in seats if seat.tier is Tier.RESERVE]
        since = self._scene.now
        while reserve:
            joined = self._earliest(item, reserve, deadline, why, since)
            if joined is None or (first is not None and first[0] <= joined[0]):
                return first
            if any(self._works(item, seat, joined[0]) for seat in production):
                return first
            # Before its last piece of work of the day has begun, production has room for it, and needs that.
            day = self._days[self._number(joined[0])]
            begun = max((self._last[day, seat.project] for seat in production), default=self._scene.now)
            if begun < joined[0] or not production:
                return joined
            since = begun + _SECOND
        return first

    def _works(self, item: Item, seat: Seat, at: datetime) -> bool:
        """Tell whether an account can work on this quota day: whoever is merely busy can."""
        rests = any(rest.until is None or rest.until > at for rest in seat.rests if self._concerns(rest, item))
        return not rests and self._obstacle(item, seat, at) is None

    def _earliest(
        self, item: Item, seats: list[Seat], deadline: datetime | None, why: _Why, since: datetime
    ) -> tuple[datetime, Seat, Turn | None] | None:
        span = lasts(item, self._scene.rate)
        until = self._ends if deadline is None else min(self._ends, deadline - span + _INSTANT)
        at = max(since, item.not_before or since)
        if not self._scene.blocks or not item.alone or item.begun:
            found = self._in_window(item, seats, at, until, why)
            return None if found is None else (*found, None)
        while (found := self._in_window(item, seats, at, until, why)) is not None:
            at = found[0]
            missed, coming = around(self._turns, at)
            turn = better(missed, coming, at, until)
            if turn is None or turn.begins >= until:
                break
            if turn.begins > at:
                later = self._in_window(item, seats, turn.begins, min(until, turn.ends), why)
                if later is not None:
                    return (*later, turn)
                turn = missed
            if turn is not None:
                return (*found, turn)
            assert coming is not None
            at = coming.ends  # a later turn of a block is a part of this one, and no better
        if not why:
            why["no turn of the blocks is left for it"] = None
        return None

    def _in_window(
        self, item: Item, seats: list[Seat], at: datetime, until: datetime, why: _Why
    ) -> tuple[datetime, Seat] | None:
        """Return who can begin first between two moments; of those who can together the first of them."""
        best: tuple[datetime, Seat] | None = None
        floors: dict[tuple[str, Tier], datetime | None] = {}
        for seat in seats:
            key = (seat.project, seat.tier)
            if key not in floors:
                floors[key] = self._floor(item, seat, at, until, why)
            floor = floors[key]
            if floor is None or (best is not None and floor >= best[0]):
                continue
            start = self._fit(item, seat, floor, until if best is None else best[0], why)
            if start is not None:
                best = (start, seat)
        return best

    def _floor(self, item: Item, seat: Seat, at: datetime, until: datetime, why: _Why) -> datetime | None:
        """Return from when on the line and the project have room, whichever of its accounts it is."""
        span = sends(item, self._scene.rate)
        while at < until:
            moved = self._off_midnight(self._line.free_from(at, span) if span else at, item)
            if moved != at:
                at = moved
                continue
            obstacle = self._project_obstacle(item, seat, at)
            if obstacle is None:
                return at
            why[obstacle.reason] = None
            if obstacle.until is None:
                return None
            at = max(obstacle.until, at + _INSTANT)
        return None

    def _fit(self, item: Item, seat: Seat, at: datetime, until: datetime, why: _Why) -> datetime | None:
        """Return when this account can begin, before a moment."""
        for rest in seat.rests:
            if rest.until is not None and rest.until > at and self._concerns(rest, item):
                at = rest.until
                why[f"{seat.account} rests until {moments.spoken(rest.until)}: {rest.reason}"] = None
        span = lasts(item, self._scene.rate)
        while at < until:
            moved = self._channel(seat).free_from(at, span) if item.alone else at
            moved = self._free_slot(seat, moved, span)
            if moved == at:
                floor = self._floor(item, seat, at, until, why)
                if floor is None:
                    return None
                moved = floor
            if moved != at:
                at = moved
                continue
            obstacle = self._seat_obstacle(item, seat, at)
            if obstacle is None:
                return at
            why[obstacle.reason] = None
            if obstacle.until is None:
                return None
            at = obstacle.until
        return None

    def _off_midnight(self, at: datetime, item: Item) -> datetime:
        """Keep a piece of work on one quota day: nobody can say where Google counts what is sent at midnight."""
        number = self._number(at)
        begins, ends = self._midnights[number], self._midnights[number + 1]
        if item.begun:
            return at
        if at < begins + MIDNIGHT_BLUR:
            return begins + MIDNIGHT_BLUR
        last = ends - MIDNIGHT_BLUR
        span = lasts(item, self._scene.rate)
        if at > last or (at + span > last and span < _LONGEST_BEFORE_MIDNIGHT):
            return ends + MIDNIGHT_BLUR
        return at

    def _number(self, at: datetime) -> int:
        """Return which day of the plan a moment is on."""
        return min(max(bisect_right(self._midnights, at) - 1, 0), len(self._days) - 1)

    def _channel(self, seat: Seat) -> _Busy:
        return self._channels.setdefault(seat.channel_id or f"of {seat.account}", _Busy())

    def _free_slot(self, seat: Seat, at: datetime, span: timedelta) -> datetime:
        working = self._at_work.get(seat.account, ())
        while True:
            meets = [ends for begins, ends in working if begins < at + span and ends > at]
            if len(meets) < seat.slots:
                return at
            at = min(meets)

    def _obstacle(self, item: Item, seat: Seat, at: datetime) -> _Obstacle | None:
        return self._project_obstacle(item, seat, at) or self._seat_obstacle(item, seat, at)

    def _seat_obstacle(self, item: Item, seat: Seat, at: datetime) -> _Obstacle | None:
        day = self._days[self._number(at)]
        for bucket, count in item.counts.items():
            cap = seat.caps.get(bucket)
            if cap is not None and self._counted[day, seat.account, bucket] + count > cap:
                tomorrow = quota.resets_at(day) + MIDNIGHT_BLUR if cap >= count else None
                return _Obstacle(f"{seat.account}: at its cap of {cap} {bucket} a day", tomorrow)
        cap_of_channel = self._scene.channel_caps.get(seat.channel_id)
        count = item.counts.get(UPLOADS, 0)
        if cap_of_channel is None or not count or UPLOADS in seat.caps or at >= cap_of_channel.until:
            return None
        # Whoever is put before others must leave their 24 hours what they were promised.
        starts = self._uploads[seat.channel_id]
        for end in (at, *(start for start in starts if at < start < at + _DAY)):
            within = [start for start in starts if end - _DAY < start <= end]
            beyond = len(within) + count - cap_of_channel.uploads
            if beyond > 0:
                said = (
                    f"{seat.account}: its channel takes {cap_of_channel.uploads} uploads in 24 hours, as it has shown"
                )
                return _Obstacle(said, within[beyond - 1] + _DAY if end == at else end + _INSTANT)
        return None

    def _project_obstacle(self, item: Item, seat: Seat, at: datetime) -> _Obstacle | None:
        """Say what keeps a project from paying for an item on the day of this moment."""
        day = self._days[self._number(at)]
        terms = self._scene.terms[day]
        urgency = Urgency.of(at, use_buffer=False, begun=item.begun, deadline=item.deadline)
        if seat.tier is Tier.RESERVE:
            urgency = urgency.on_reserve()
        lends = terms.envelopes is not None and terms.envelopes.lends(at)
        key = (day, seat.project, item.calls, urgency, lends)
        version, known = self._rooms.get(key, (-1, None))
        if version != self._version[day, seat.project]:
            known = self._room(item, seat.project, terms, urgency, lends=lends)
            self._rooms[key] = (self._version[day, seat.project], known)
        if known is None or known.until is None:
            return known
        sooner = None if item.deadline is None else item.deadline - WANTED_WITHIN
        if sooner is not None and urgency is Urgency.NORMAL and at < sooner < known.until:
            return known._replace(until=sooner)
        return known

    def _room(self, item: Item, project: str, terms: Terms, urgency: Urgency, *, lends: bool) -> _Obstacle | None:
        percent = quota.opens_until(urgency, terms.thresholds)
        tomorrow = quota.resets_at(terms.day) + MIDNIGHT_BLUR
        limits = self._scene.limits[terms.day]
        for bucket, units in self._cost(item, terms).items():
            limit, used = limits.get((project, bucket)), self._used[terms.day, project, bucket]
            if limit is None:
                continue
            if units > limit:
                said = f"{project}: it needs {units} {bucket}, and there are {limit} a day"
                return _Obstacle(said, tomorrow)  # another day may have another limit
            if used + units > limit:
                return _Obstacle(f"{project}: all {limit} {bucket} a day are used or planned", tomorrow)
            if used * 100 >= limit * percent:
                said = f"{percent} % of {limit} {bucket} a day are used or planned, and ordinary work takes no more"
                return _Obstacle(f"{project}: {said}", tomorrow)
        shares = terms.envelopes
        needs = {} if shares is None else shares.needs(item.calls, terms.prices)
        if shares is None or not needs:
            return None
        sizes = shares.sizes(limits.get((project, "general"), 0))
        before = {purpose: self._shares[terms.day, project, purpose] for purpose in sizes}
        if envelopes.admits(sizes, before, needs, lends=lends, use_buffer=False):
            return None
        words = ", ".join(sorted(needs))
        waits = shares.lends_at if shares.lends_at is not None and not lends else tomorrow
        return _Obstacle(f"{project}: the envelope for {words} is used or planned up", waits)

    def _cost(self, item: Item, terms: Terms) -> Counter[str]:
        key = (terms.day, item.calls)
        if key not in self._costs:
            total: Counter[str] = Counter()
            for operation in item.calls:
                total.update(terms.prices.cost(operation))
            self._costs[key] = total
        return self._costs[key]

    def _concerns(self, rest: Rest, item: Item) -> bool:
        buckets = self._cost(item, self._scene.terms[self._days[0]])
        return not rest.what or rest.what in buckets or rest.what in item.counts or rest.what in item.calls

    def _take(self, item: Item, at: datetime, seat: Seat, turn: Turn | None) -> Placed:
        """Write an item down where it has its place."""
        day = self._days[self._number(at)]
        terms = self._scene.terms[day]
        ends = at + lasts(item, self._scene.rate)
        units = self._cost(item, terms)
        for bucket, count in units.items():
            self._used[day, seat.project, bucket] += count
        for purpose, count in (
            {} if terms.envelopes is None else terms.envelopes.needs(item.calls, terms.prices)
        ).items():
            self._shares[day, seat.project, purpose] += count
        for bucket, count in item.counts.items():
            self._counted[day, seat.account, bucket] += count
        self._version[day, seat.project] += 1
        if seat.tier is Tier.PRODUCTION:
            self._last[day, seat.project] = max(at, self._last[day, seat.project])
        self._load[seat.account] += 1
        if item.alone:
            self._channel(seat).take(at, ends)
        self._at_work.setdefault(seat.account, []).append((at, ends))
        if item.bytes:
            self._line.take(at, at + sends(item, self._scene.rate))
        if item.counts.get(UPLOADS) and seat.channel_id in self._uploads:
            starts = self._uploads[seat.channel_id]
            starts.insert(bisect_right(starts, at), at)
        if turn is not None:
            self._turns.remove(turn)
        return Placed(
            item=item,
            seat=seat,
            day=day,
            block="" if turn is None else turn.block,
            starts_at=at,
            ends_at=ends,
            units=dict(units),
        )
