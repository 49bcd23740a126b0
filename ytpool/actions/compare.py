"""Which strategy would have served a pool best: its last days, played again under each. Reads only.

Jobs come as they came, cost what they cost and take as long as they took; what else was done with the same accounts
and projects takes its room. Limits, caps, slots, tiers and weights are today's. The figures are our own operation's
(when jobs went, who did them); nothing here is made from what YouTube counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median_low
from typing import Any

from ytpool.actions.forecast import CALLS
from ytpool.domain import failover, quota, replay
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Strategy, Tier, Weights
from ytpool.domain.failover import Next, RestScope
from ytpool.domain.jobs import JobState
from ytpool.domain.prices import Cost
from ytpool.domain.quota import COMMENTS, UPLOADS
from ytpool.domain.replay import Advice, PastJob, Played, Player, Scene, Use
from ytpool.domain.terms import Terms
from ytpool.errors import NoEligibleAccount
from ytpool.runtime import Runtime
from ytpool.store import accounts, caps, hours, journal, ledger, limits, meters, pools
from ytpool.store.db import Tx
from ytpool.store.journal import Asked, Made, Worked

ENOUGH_JOBS = 20
"""With fewer jobs than this, chance decides which strategy looks best."""

_MOST_JOBS, _MOST_WORK = 10_000, 1_000_000
"""How many jobs are played at most, and jobs times accounts: a comparison is to be waited for."""

_LASTS = 60.0
"""Seconds that a job is taken to last where no job of these days says it."""

_HANDS_OVER = {
    reason
    for (reason, _), verdict in failover.VERDICTS.items()
    if verdict.next is Next.OTHER_ACCOUNT and verdict.rests in (RestScope.ACCOUNT, RestScope.PROJECT)
}
"""Reasons that speak against an account. What a limit refuses, the replay meets by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How each strategy would have done, and which one to take."""

    pool: str
    strategy: Strategy
    """As it is now."""
    days: int
    since: datetime
    until: datetime
    jobs: int
    """Jobs for any account of the pool."""
    bound: int
    """Jobs that its accounts did for somebody else: they take room, and are not compared."""
    accounts: int
    left_out: tuple[str, ...]
    """Accounts that cannot work now."""
    enough: bool
    """Whether there were jobs enough to say which strategy to take."""
    strategies: tuple[dict[str, Any], ...]
    take: Strategy | None
    reason: str
    notes: tuple[str, ...]


def compare(rt: Runtime, pool: str, *, days: int) -> Comparison:
    """Play a pool's last so many quota days, and today as far as it has gone, under each strategy.

    Raises NoEligibleAccount where no account of the pool can work: nobody is there to play.
    """
    settings = rt.config.balancing
    weights = Weights(quota=settings.quota, success=settings.success, idle=settings.idle, age=settings.age)
    with rt.store.reading() as tx:
        found = pools.get(tx, pool)
        terms = rt.terms(tx)
        members = [accounts.get(tx, name) for name in found.accounts]
        playing = [one for one in members if one.state is AccountState.ACTIVE]
        if not playing:
            raise NoEligibleAccount(
                f"pool {pool} has no account that can work, so there is nothing to compare",
                hint="see: ytpool accounts list, and: ytpool auth list",
                pool=pool,
            )
        first = terms.day - timedelta(days=days)
        since, until = quota.starts_at(first), tx.now
        most = min(_MOST_JOBS, max(1, _MOST_WORK // len(playing)))
        asked = journal.jobs_of(tx, pool, since, most=most)
        scene = _scene(tx, terms, playing, asked, first=first, weights=weights)
    played = [replay.play(scene, strategy) for strategy in Strategy]
    jobs = sum(1 for one in scene.jobs if one.account is None)
    advice = replay.advise(played, Strategy(found.strategy)) if jobs >= ENOUGH_JOBS else None
    return Comparison(
        pool=pool,
        strategy=Strategy(found.strategy),
        days=days,
        since=asked[0].at if len(asked) == most else since,
        until=until,
        jobs=jobs,
        bound=len(scene.jobs) - jobs,
        accounts=len(playing),
        left_out=tuple(one.account for one in members if one not in playing),
        enough=advice is not None,
        strategies=tuple(_row(one, found.strategy) for one in played) if jobs else (),
        take=None if advice is None else advice.take,
        reason=_reason(advice, jobs, days),
        notes=tuple(_notes(members, playing, truncated=len(asked) == most)),
    )


def _reason(advice: Advice | None, jobs: int, days: int) -> str:
    if advice is not None:
        return advice.reason
    had = "no job" if jobs == 0 else "one job" if jobs == 1 else f"only {jobs} jobs"
    return f"the pool had {had} in {days} days and today; {ENOUGH_JOBS} are needed to tell one strategy from another"


def _notes(members: Sequence[Account], playing: Sequence[Account], *, truncated: bool) -> Iterator[str]:
    if truncated:
        yield "there were more jobs: the newest are compared"
    for one in members:
        if one not in playing:
            yield f"{one.account} is left out: {one.state.replace('_', ' ')}"


def _row(played: Played, present: str) -> dict[str, Any]:
    shares = played.shares.values()
    peak = played.peak
    return {
        "strategy": played.strategy,
        "present": played.strategy == present,
        "jobs": played.jobs,
        "done": played.done,
        "failed": played.failed,
        "left": played.left,
        "deferred": played.deferred,
        "median_delay_seconds": round(played.median_delay, 3),
        "p95_delay_seconds": round(played.p95_delay, 3),
        "fairness": round(played.fairness, 3),
        "most": max(shares),
        "least": min(shares),
        "peak": None
        if peak is None
        else {
            "project": peak.project,
            "bucket": peak.bucket,
            "quota_day": peak.day,
            "percent": round(peak.percent, 1),
        },
    }


# The scene


def _scene(
    tx: Tx, terms: Terms, playing: Sequence[Account], asked: Sequence[Asked], *, first: date, weights: Weights
) -> Scene:
    names = {one.account for one in playing}
    # What an account does that is not there to play leaves only what it used of the projects' buckets.
    asked = [one for one in asked if one.for_pool or one.account in names]
    calls = {one.job: journal.calls_of(tx, one.job) for one in asked}
    since = quota.starts_at(first)
    work: dict[str, list[Worked]] = {}
    for row in journal.work(tx, since):
        if row.job in calls:
            work.setdefault(row.job, []).append(row)
    lasted = {job: sum(row.seconds for row in rows) for job, rows in work.items()}
    usual = median_low([seconds for seconds in lasted.values() if seconds > 0] or [_LASTS])
    past = [_past(one, calls[one.job], lasted.get(one.job) or usual, terms) for one in asked]
    fails = _failing(asked, work)
    ceilings = _limits(tx, terms, {one.project for one in playing})
    return Scene(
        players=_players(tx, terms, playing, fails),
        jobs=past,
        limits=ceilings,
        others=_others(tx, terms, calls, ceilings, first=first),
        thresholds=terms.thresholds,
        weights=weights,
    )


def _past(one: Asked, made: Sequence[Made], seconds: float, terms: Terms) -> PastJob:
    """Price a job by the calls it made and was not refused; one that made none costs what its kind does."""
    operations = [*{call.hold: call.operation for call in made if not call.refused}.values()]
    units, counts = ledger.needs(operations or CALLS.get(one.kind, ()), terms)
    return PastJob(
        job=one.job,
        at=one.at,
        units=units,
        counts=counts,
        seconds=seconds,
        opening=_opening(operations or [*CALLS.get(one.kind, ())], terms),
        account=None if one.for_pool else one.account,
        hopeless=one.state == JobState.FAILED,
    )


def _opening(operations: Sequence[str], terms: Terms) -> Cost:
    return terms.prices.cost(operations[0]) if operations else {}


def _failing(asked: Sequence[Asked], work: Mapping[str, Sequence[Worked]]) -> dict[str, float]:
    """Say for each account which share of the jobs it was given it had to hand over to another.

    One more that went well is added, so that an account is not taken for dead because of its only job.
    """
    given: dict[str, int] = {}
    handed_over: dict[str, int] = {}
    for one in asked:
        rows = work.get(one.job, ())
        for account in {row.account for row in rows}:
            given[account] = given.get(account, 0) + 1
        for account in {row.account for row in rows if row.failures and row.reason in _HANDS_OVER} - {one.account}:
            handed_over[account] = handed_over.get(account, 0) + 1
    return {account: handed_over.get(account, 0) / (times + 1) for account, times in given.items()}


def _players(tx: Tx, terms: Terms, playing: Sequence[Account], fails: Mapping[str, float]) -> list[Player]:
    readings, believed = meters.on(tx, terms.day), limits.standing(tx, terms.day)
    learned = caps.standing(tx)

    def cap(account: str, bucket: str) -> int | None:
        key = (meters.ACCOUNT, account, bucket)
        if key in readings:
            return readings[key].ceiling
        return believed[key].units if key in believed else None

    def channel_cap(one: Account) -> int | None:
        """Return the learned cap, unless the operator has set one on the account."""
        overruled = cap(one.account, UPLOADS) is not None
        return None if overruled or one.channel_id not in learned else learned[one.channel_id].uploads

    return [
        Player(
            account=one.account,
            project=one.project,
            channel_id=one.channel_id,
            tier=Tier(one.tier),
            priority=one.priority,
            slots=one.slots,
            created_at=one.created_at,
            caps={bucket: units for bucket in (UPLOADS, COMMENTS) if (units := cap(one.account, bucket)) is not None},
            channel_cap=channel_cap(one),
            fails=fails.get(one.account, 0.0),
            successes=one.successes,
            failures=one.failures,
        )
        for one in playing
    ]


def _limits(tx: Tx, terms: Terms, paying: set[str]) -> dict[tuple[str, str], int]:
    readings, believed = meters.on(tx, terms.day), limits.standing(tx, terms.day)
    found = {}
    for project in sorted(paying):
        for bucket, default in terms.prices.limits.items():
            key = (meters.PROJECT, project, bucket)
            reading = readings.get(key)
            limit = believed[key].units if key in believed else default
            found[project, bucket] = limit if reading is None else reading.ceiling or 0
    return found


def _others(
    tx: Tx,
    terms: Terms,
    calls: Mapping[str, Sequence[Made]],
    ceilings: Mapping[tuple[str, str], int],
    *,
    first: date,
) -> list[Use]:
    """Return what the projects' buckets were used for beside the jobs that are played, hour by hour."""
    own: dict[tuple[str, str, datetime], int] = {}
    for made in calls.values():
        for call in made:
            if call.scope == meters.PROJECT:
                key = (call.name, call.bucket, call.sent_at.replace(minute=0, second=0, microsecond=0))
                own[key] = own.get(key, 0) + call.units
    found = []
    for project, bucket in ceilings:
        used = hours.used(tx, meters.PROJECT, project, bucket, since=first, until=terms.day + timedelta(days=1))
        for day, of_hours in used.items():
            for number, units in enumerate(of_hours):
                at = quota.starts_at(day) + timedelta(hours=number)
                rest = units - own.get((project, bucket, at), 0)
                if rest > 0:
                    found.append(Use(at, project, bucket, rest))
    return found
