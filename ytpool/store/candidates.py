"""The accounts a job may be given to, each with what speaks against it: one picture, from one transaction.

A pool may have thousands of accounts and few of them have anything to say, so what holds for a project is worked out
once, and what holds for single accounts and channels is fetched only where there is something.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ytpool.domain import moments, quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Candidate, Obstacle, Tier
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.prices import Terms
from ytpool.domain.quota import Urgency
from ytpool.store import leases, ledger, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Scope

_STATE_OBSTACLES: Mapping[str, Obstacle] = {
    AccountState.LOGIN_NEEDED: Obstacle("login needed"),
    AccountState.DRAINING: Obstacle("draining"),
    AccountState.DISABLED: Obstacle("disabled"),
}
_TIERS: Mapping[str, Tier] = {tier: tier for tier in Tier}  # looked up sooner than called


class _Room(NamedTuple):
    """What share is left of what counts, and what forbids the work."""

    left: float = 1.0
    obstacle: Obstacle | None = None

    def within(self, other: "_Room") -> "_Room":
        """Both count: the smaller share, and the obstacle that lasts longer."""
        return _Room(min(self.left, other.left), _longer(self.obstacle, other.obstacle))


def of(
    tx: Tx,
    target: Target,
    operations: tuple[str, ...],
    terms: Terms,
    *,
    urgency: Urgency = Urgency.NORMAL,
    main_bucket: str = quota.UPLOADS,
) -> list[Candidate]:
    """Return the target's accounts as candidates for these calls, obstacles and all."""
    picture = _Picture(tx, operations, terms, urgency)
    return [picture.candidate(*row) for row in _accounts(tx, target, terms, main_bucket)]


class _Picture:
    """What the rows say, fetched once for all candidates."""

    def __init__(self, tx: Tx, operations: tuple[str, ...], terms: Terms, urgency: Urgency) -> None:
        self._terms = terms
        self._urgency = urgency
        self._resets = quota.resets_at(terms.day)
        self._project_needs, self._account_needs = ledger.needs(operations, terms)
        self._meters = _limited_meters(tx, terms)
        self._limits = _limits(tx)
        self._slots = leases.held(tx, LeaseKind.SLOT)
        self._busy_channels = leases.held(tx, LeaseKind.CHANNEL)
        self._rests = _rests(tx, {*self._project_needs, *self._account_needs})
        self._pool_rests = _pool_rests(tx, self._rests)
        self._upload_caps = _upload_caps(tx) if quota.UPLOADS in self._account_needs else {}
        self._capped = {name for scope, name, _ in (*self._meters, *self._limits) if scope == ledger.ACCOUNT}
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
        if channel_id in self._upload_caps:
            room = room.within(self._upload_caps[channel_id])
        left, obstacle = room
        if self._rests:
            resting = self._resting((Scope.CHANNEL, channel_id), (Scope.ACCOUNT, account))
            obstacle = _longer(_longer(resting, self._pool_rests.get(account)), obstacle)
        if state in _STATE_OBSTACLES:
            obstacle = _longer(_STATE_OBSTACLES[state], obstacle)
        return Candidate(
            account,
            project,
            channel_id,
            _TIERS[tier],
            priority,
            slots - len(self._slots[account]) if account in self._slots else slots,
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

    def _room_of_project(self, project: str, tier: str) -> _Room:
        reserve = tier == Tier.RESERVE and self._urgency is Urgency.NORMAL
        percent = quota.opens_until(Urgency.STARTED if reserve else self._urgency, self._terms.thresholds)
        room = _Room(obstacle=_longer(self._everywhere, self._resting((Scope.PROJECT, project))))
        for bucket, units in self._project_needs.items():
            ceiling, used = self._reading(ledger.PROJECT, project, bucket)
            if ceiling is None:
                continue
            obstacle = None
            if used + units > ceiling:
                obstacle = Obstacle(f"no {bucket} left today", self._resets)
            elif used * 100 >= ceiling * percent:
                obstacle = Obstacle(f"{percent} % of {bucket} used, the rest is kept back", self._resets)
            room = room.within(_Room(_share(ceiling - used, ceiling), obstacle))
        self._projects[project, tier] = room
        return room

    def _room_under_caps(self, account: str) -> _Room:
        room = _Room()
        for bucket, units in self._account_needs.items():
            cap, used = self._reading(ledger.ACCOUNT, account, bucket)
            if cap is not None:
                full = Obstacle(f"at its cap of {cap} {bucket} today", self._resets) if used + units > cap else None
                room = room.within(_Room(_share(cap - used, cap), full))
        return room

    def _reading(self, scope: str, name: str, bucket: str) -> tuple[int | None, int]:
        """Return a meter's ceiling and what is used of it, also before the day's first call has made the meter."""
        reading = self._meters.get((scope, name, bucket))
        if reading is not None:
            return reading
        default = self._terms.prices.limits.get(bucket) if scope == ledger.PROJECT else None
        return self._limits.get((scope, name, bucket), default), 0

    def _resting(self, *what: tuple[Scope, str]) -> Obstacle | None:
        obstacle = None
        for key in what:
            obstacle = _longer(obstacle, self._rests.get(key))
        return obstacle


def _share(left: int, ceiling: int) -> float:
    return max(0, left) / ceiling if ceiling else 0.0


def _longer(one: Obstacle | None, other: Obstacle | None) -> Obstacle | None:
    """Return the obstacle that lasts longer, one without an end above all; the first of equals."""
    if one is None or other is None:
        return one or other
    if one.until is None:
        return one
    return other if other.until is None or other.until > one.until else one


def _accounts(tx: Tx, target: Target, terms: Terms, bucket: str) -> list[Any]:
    """Return the target's accounts, each with what it has used of this bucket today."""
    of_pool = target.kind is TargetKind.POOL
    served = "p.served_comments" if bucket == quota.COMMENTS else "p.served"
    chosen = "pool_members p JOIN accounts a ON a.account = p.account" if of_pool else "accounts a"
    return tx.all(
        f"""
        SELECT a.account, a.project, a.channel_id, a.tier, a.state, a.priority, a.slots, a.successes, a.failures,
               a.last_upload_at, a.created_at, coalesce({_USED}, 0), {served if of_pool else "0"}
          FROM {chosen} LEFT JOIN meters m
               ON m.scope = 'account' AND m.name = a.account AND m.bucket = :bucket AND m.day = :day
         WHERE {"p.pool" if of_pool else "a.account"} = :name AND a.channel_id IS NOT NULL
         ORDER BY a.priority, a.account
        """,
        name=target.name,
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


def _limits(tx: Tx) -> dict[tuple[str, str, str], int]:
    rows = tx.all("SELECT scope, name, bucket, units FROM limits")
    return {(scope, name, bucket): units for scope, name, bucket, units in rows}


def _upload_caps(tx: Tx) -> dict[str, _Room]:
    """Say for each channel with a learned cap what is left of it."""
    uploads = ledger.uploads_of_capped_channels(tx)
    rooms = {}
    for channel_id, cap in tx.all("SELECT channel_id, upload_cap FROM channels WHERE upload_cap IS NOT NULL"):
        taken = uploads.get(channel_id, 0)
        full = taken >= cap
        obstacle = Obstacle("channel at its learned cap", ledger.cap_lifts_at(tx, channel_id, cap)) if full else None
        rooms[channel_id] = _Room(_share(cap - taken, cap), obstacle)
    return rooms


def _rests(tx: Tx, buckets: set[str]) -> dict[tuple[Scope, str], Obstacle]:
    """Return for each thing that rests, as far as these buckets are concerned, the rest that lasts longest."""
    found: dict[tuple[Scope, str], Obstacle] = {}
    for rest in rests.running(tx):  # the soonest to end come first, so the last one stands
        if not rest.bucket or rest.bucket in buckets:
            name = "" if rest.scope is Scope.EVERYTHING else rest.name
            found[rest.scope, name] = Obstacle(f"resting ({rest.scope}): {rest.reason}", rest.until)
    return found


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
