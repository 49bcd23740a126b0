"""The accounts a job may be given to, each with what speaks against it: one picture, from one transaction.

A pool may have thousands of accounts and few of them have anything to say, so what holds for a project is worked out
once, and what holds for single accounts and channels is fetched only where there is something.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from ytpool.domain import moments, quota
from ytpool.domain.accounts import TOKEN_LIVES_LONG_ENOUGH, AccountState
from ytpool.domain.balancing import Candidate, Obstacle, Tier
from ytpool.domain.breakers import Rules, Service
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.prices import only_reads
from ytpool.domain.quota import Urgency
from ytpool.domain.terms import Terms
from ytpool.store import breakers, caps, envelopes, leases, ledger, limits, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.meters import ACCOUNT, PROJECT
from ytpool.store.rests import Rest, Scope

_STATE_OBSTACLES: Mapping[str, Obstacle] = {
    AccountState.LOGIN_NEEDED: Obstacle("login needed"),
    AccountState.DRAINING: Obstacle("draining"),
    AccountState.DISABLED: Obstacle("disabled"),
}
_STATE_OBSTACLES_OF_READERS = {
    state: obstacle for state, obstacle in _STATE_OBSTACLES.items() if state != AccountState.DRAINING
}
"""Looking begins nothing, so an account that is being drained may still do it."""
_TIERS: Mapping[str, Tier] = {tier: tier for tier in Tier}  # looked up sooner than called


_RULES = Rules()
_EVERY_SLOT = 1 << 30


class _Room(NamedTuple):
    """What share is left of what counts, and what forbids the work."""

    left: float = 1.0
    obstacle: Obstacle | None = None

    def within(self, other: "_Room") -> "_Room":
        """Both count: the smaller share, and the obstacle that lasts longer."""
        return _Room(min(self.left, other.left), _longer(self.obstacle, other.obstacle))


def of(
    tx: Tx,
    target: Target | None,
    operations: tuple[str, ...],
    terms: Terms,
    *,
    urgency: Urgency = Urgency.NORMAL,
    main_bucket: str = quota.UPLOADS,
    rules: Rules = _RULES,
) -> list[Candidate]:
    """Return the target's accounts, or everybody's, as candidates for these calls, obstacles and all.

    One that is tried out after its failures has no more free slots than calls that may leave to try it, as `rules` say.
    """
    picture = _Picture(tx, operations, terms, urgency, rules)
    return [picture.candidate(*row) for row in _accounts(tx, target, terms, main_bucket)]


class _Picture:
    """What the rows say, fetched once for all candidates."""

    def __init__(self, tx: Tx, operations: tuple[str, ...], terms: Terms, urgency: Urgency, rules: Rules) -> None:
        self._tx = tx
        self._terms = terms
        self._urgency = urgency
        self._resets = quota.resets_at(terms.day)
        self._project_needs, self._account_needs = ledger.needs(operations, terms)
        shares = terms.envelopes
        self._envelope_needs = {} if shares is None else shares.needs(operations, terms.prices)
        self._meters = _limited_meters(tx, terms)
        self._limits = limits.standing(tx, terms.day)
        self._tries = limits.to_be_tried(tx, self._limits, terms.day)
        self._calls = _calls_by_bucket(operations, terms)
        self._slots = leases.held(tx, LeaseKind.SLOT)
        self._busy_channels = leases.held(tx, LeaseKind.CHANNEL)
        running = rests.running(tx)
        reading = all(only_reads(each) for each in operations)
        self._rests = _rests(running, {*self._project_needs, *self._account_needs, *operations}, reading=reading)
        self._out = _STATE_OBSTACLES_OF_READERS if reading else _STATE_OBSTACLES
        self._logins = _login_rests(tx, running)
        self._trials = breakers.on_trial(tx, rules)
        self._pool_rests = _pool_rests(tx, self._rests)
        self._upload_caps = _upload_caps(tx) if quota.UPLOADS in self._account_needs else {}
        self._capped = {name for scope, name, _ in (*self._meters, *self._limits) if scope == ACCOUNT}
        self._everywhere = self._resting((Scope.EVERYTHING, ""), (Scope.SERVICE, rests.YOUTUBE))
        self._projects: dict[tuple[str, str], _Room] = {}

    def candidate(
        self,
        account: str,
        project: str,
        channel_id: str,
        tier: str,
        state: str,
        priority: int,
        slots: int,
        successes: int,
        failures: int,
        last_upload_at: str | None,
        created_at: str,
        used: int,
        served: int,
    ) -> Candidate:
        room = self._projects.get((project, tier)) or self._room_of_project(project, tier)
        if account in self._capped:
            room = room.within(self._room_under_caps(account))
        if channel_id in self._upload_caps and (ACCOUNT, account, quota.UPLOADS) not in self._limits:
            room = room.within(self._upload_caps[channel_id])
        left, obstacle = room
        if self._rests:
            resting = self._resting((Scope.CHANNEL, channel_id), (Scope.ACCOUNT, account))
            obstacle = _longer(_longer(resting, self._pool_rests.get(account)), obstacle)
        if self._logins:
            obstacle = _longer(self._logins.get(account), obstacle)
        if state in self._out:
            obstacle = _longer(self._out[state], obstacle)
        free_slots = slots - len(self._slots[account]) if account in self._slots else slots
        if self._trials:
            free_slots = min(free_slots, self._calls_that_try_it(account))
        return Candidate(
            account,
            project,
            channel_id,
            _TIERS[tier],
            priority,
            free_slots,
            channel_id in self._busy_channels,
            left,
            used,
            successes,
            failures,
            moments.parse_optional(last_upload_at),
            moments.parse(created_at),
            obstacle,
            served,
        )

    def _calls_that_try_it(self, account: str) -> int:
        tried = breakers.keys(account, Service.YOUTUBE)
        return min((self._trials[key] for key in tried if key in self._trials), default=_EVERY_SLOT)

    def _room_of_project(self, project: str, tier: str) -> _Room:
        urgency = self._urgency.on_reserve() if tier == Tier.RESERVE else self._urgency
        percent = quota.opens_until(urgency, self._terms.thresholds)
        room = _Room(obstacle=_longer(self._everywhere, self._resting((Scope.PROJECT, project))))
        for bucket, units in self._project_needs.items():
            ceiling, used = self._reading(PROJECT, project, bucket)
            if ceiling is None:
                continue
            obstacle = None
            if used + units > ceiling:
                if not ceiling and self._is_decided(project, bucket):  # one of zero does not come back tomorrow
                    obstacle = Obstacle(f"its project has a limit of 0 {bucket}")
                elif not self._may_try(project, bucket, used, ceiling):  # a try is beyond all thresholds
                    obstacle = Obstacle(f"no {bucket} left today", self._resets)
            elif used * 100 >= ceiling * percent:
                obstacle = Obstacle(f"{percent} % of {bucket} used, the rest is kept back", self._resets)
            room = room.within(_Room(_share(ceiling - used, ceiling), obstacle))
        full = envelopes.in_the_way(self._tx, project, self._envelope_needs, self._terms, urgency)
        if full is not None:
            room = room.within(_Room(0.0, Obstacle(*full)))
        self._projects[project, tier] = room
        return room

    def _may_try(self, project: str, bucket: str, used: int, ceiling: int) -> bool:
        """Tell whether a single call may see whether a learned limit still holds."""
        return (PROJECT, project, bucket) in self._tries and self._calls[bucket] == 1 and used <= ceiling

    def _is_decided(self, project: str, bucket: str) -> bool:
        """Tell whether a limit is the operator's word rather than a belief."""
        limit = self._limits.get((PROJECT, project, bucket))
        return limit is not None and limit.origin == limits.OPERATOR

    def _room_under_caps(self, account: str) -> _Room:
        room = _Room()
        for bucket, units in self._account_needs.items():
            cap, used = self._reading(ACCOUNT, account, bucket)
            if cap is not None:
                obstacle = None
                if used + units > cap:  # one of zero does not come back tomorrow
                    obstacle = Obstacle(f"at its cap of {cap} {bucket} today", self._resets if cap else None)
                room = room.within(_Room(_share(cap - used, cap), obstacle))
        return room

    def _reading(self, scope: str, name: str, bucket: str) -> tuple[int | None, int]:
        """Return a meter's ceiling and what is used of it, also before the day's first call has made the meter."""
        reading = self._meters.get((scope, name, bucket))
        if reading is not None:
            return reading
        limit = self._limits.get((scope, name, bucket))
        if limit is not None:
            return limit.units, 0
        return self._terms.prices.limits.get(bucket) if scope == PROJECT else None, 0

    def _resting(self, *what: tuple[Scope, str]) -> Obstacle | None:
        obstacle = None
        for key in what:
            obstacle = _longer(obstacle, self._rests.get(key))
        return obstacle


def _calls_by_bucket(operations: tuple[str, ...], terms: Terms) -> Counter[str]:
    return Counter(bucket for operation in operations for bucket in terms.prices.cost(operation))


def _share(left: int, ceiling: int) -> float:
    return max(0, left) / ceiling if ceiling else 0.0


def _longer(one: Obstacle | None, other: Obstacle | None) -> Obstacle | None:
    """Return the obstacle that lasts longer, one without an end above all; the first of equals."""
    if one is None or other is None:
        return one or other
    if one.until is None:
        return one
    return other if other.until is None or other.until > one.until else one


def _accounts(tx: Tx, target: Target | None, terms: Terms, bucket: str) -> list[Any]:
    """Return the target's accounts, or all, each with what it has used of this bucket today."""
    of_pool = target is not None and target.kind is TargetKind.POOL
    named = "" if target is None else "p.pool = :name AND" if of_pool else "a.account = :name AND"
    served = "p.served_comments" if bucket == quota.COMMENTS else "p.served"
    chosen = "pool_members p JOIN accounts a ON a.account = p.account" if of_pool else "accounts a"
    return tx.all(
        f"""
        SELECT a.account, a.project, coalesce(a.channel_id, ''), a.tier,
               CASE a.standing WHEN 'active' THEN a.state ELSE a.standing END, a.priority, a.slots, a.successes,
               a.failures, a.last_upload_at, a.created_at, coalesce({_USED}, 0), {served if of_pool else "0"}
          FROM {chosen} LEFT JOIN meters m
               ON m.scope = 'account' AND m.name = a.account AND m.bucket = :bucket AND m.day = :day
         WHERE {named} a.kind = 'youtube'
         ORDER BY a.priority, a.account
        """,
        name="" if target is None else target.name,
        bucket=bucket,
        day=terms.day.isoformat(),
    )


_USED = "m.spent + m.held + m.sent + m.unknown + m.elsewhere"


def _limited_meters(tx: Tx, terms: Terms) -> dict[tuple[str, str, str], tuple[int | None, int]]:
    """Return ceiling and use of the projects' meters and of those of capped accounts."""
    rows = tx.all(
        f"""
        SELECT scope, name, bucket, ceiling, {_USED} FROM meters m
         WHERE day = :day AND (scope = 'project' OR ceiling IS NOT NULL)
        """,
        day=terms.day.isoformat(),
    )
    return {(scope, name, bucket): (ceiling, used) for scope, name, bucket, ceiling, used in rows}


def _upload_caps(tx: Tx) -> dict[str, _Room]:
    """Say for each channel with a learned cap what is left of it."""
    uploads = caps.taken_by_capped_channels(tx)
    rooms = {}
    for channel_id, cap in caps.standing(tx).items():
        taken, reach = uploads.get(channel_id, 0), cap.reaches(tx.now)
        full = taken >= reach
        obstacle = Obstacle("channel at its learned cap", caps.lifts_at(tx, channel_id, reach)) if full else None
        rooms[channel_id] = _Room(_share(cap.uploads - taken, cap.uploads), obstacle)
    return rooms


def _rests(running: list[Rest], buckets: set[str], *, reading: bool) -> dict[tuple[Scope, str], Obstacle]:
    """Return for each thing that rests, as far as these buckets are concerned, the rest that lasts longest.

    Who only reads goes on while an operator has paused the writes.
    """
    found: dict[tuple[Scope, str], Obstacle] = {}
    for rest in running:  # the soonest to end come first, so the last one stands
        if (not rest.bucket or rest.bucket in buckets) and not (reading and rest.is_pause):
            name = "" if rest.scope is Scope.EVERYTHING else rest.name
            found[rest.scope, name] = Obstacle(rest.words, rest.until)
    return found


def _login_rests(tx: Tx, running: list[Rest]) -> dict[str, Obstacle]:
    """Return the accounts whose tokens are over while they cannot be refreshed."""
    found = [one for one in running if one.bucket == rests.LOGINS or (one.scope, one.name) == _LOGIN_SERVICE]
    if not found:
        return {}
    soon = moments.text(tx.now + TOKEN_LIVES_LONG_ENOUGH)
    rows = tx.all("SELECT account FROM accounts WHERE token_expires_at IS NULL OR token_expires_at <= :soon", soon=soon)
    return {
        account: Obstacle(f"resting ({rest.scope}): {rest.reason}", rest.until)
        for rest in found
        for (account,) in rows
        if rest.scope is Scope.SERVICE or rest.name == account
    }


_LOGIN_SERVICE = (Scope.SERVICE, rests.OAUTH)


def _pool_rests(tx: Tx, resting: Mapping[tuple[Scope, str], Obstacle]) -> dict[str, Obstacle]:
    """Return the accounts of pools that rest: one that is in two pools rests with either."""
    found: dict[str, Obstacle] = {}
    for scope, pool in resting:
        if scope is Scope.POOL:
            for (account,) in tx.all("SELECT account FROM pool_members WHERE pool = :pool", pool=pool):
                longer = _longer(resting[scope, pool], found.get(account))
                assert longer is not None
                found[account] = longer
    return found
