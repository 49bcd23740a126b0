"""The accounts a job may be given to, each with what speaks against it: one picture, from one transaction."""

from collections.abc import Mapping
from typing import Any

from ytpool.domain import moments, quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Candidate, Obstacle, Tier
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.prices import Terms
from ytpool.domain.quota import Urgency
from ytpool.store import leases, ledger, rests
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Rest, Scope

_STATE_OBSTACLES = {
    AccountState.LOGIN_NEEDED: Obstacle("login needed"),
    AccountState.DRAINING: Obstacle("draining"),
    AccountState.DISABLED: Obstacle("disabled"),
}


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
    needs = _needs(operations, terms)
    picture = _Picture(tx, target, terms)
    return [picture.candidate(row, needs, urgency, main_bucket) for row in picture.accounts]


class _Picture:
    """What the rows say, fetched once for all candidates."""

    def __init__(self, tx: Tx, target: Target, terms: Terms) -> None:
        self._tx = tx
        self._terms = terms
        self._resets = quota.resets_at(terms.day)
        self.accounts = _accounts(tx, target)
        self._meters = _meters(tx, terms)
        self._limits = _limits(tx)
        self._rests = _rests(tx)
        self._slots = leases.held(tx, LeaseKind.SLOT)
        self._channels = leases.held(tx, LeaseKind.CHANNEL)

    def candidate(self, row: Any, needs: Mapping[str, int], urgency: Urgency, main_bucket: str) -> Candidate:
        tier = Tier(row["tier"])
        reach = Urgency.STARTED if tier is Tier.RESERVE and urgency is Urgency.NORMAL else urgency
        left, obstacle = self._room(row, needs, reach)
        used = self._meters.get(("account", row["account"], main_bucket))
        return Candidate(
            account=row["account"],
            project=row["project"],
            channel_id=row["channel_id"],
            tier=tier,
            priority=row["priority"],
            free_slots=row["slots"] - len(self._slots.get(row["account"], ())),
            channel_busy=row["channel_id"] in self._channels,
            quota_left=left,
            used=0 if used is None else _used(used),
            successes=row["successes"],
            failures=row["failures"],
            last_upload_at=moments.parse_optional(row["last_upload_at"]),
            created_at=moments.parse(row["created_at"]),
            obstacle=_STATE_OBSTACLES.get(AccountState(row["state"])) or self._rest(row, needs) or obstacle,
        )

    def _rest(self, row: Any, needs: Mapping[str, int]) -> Obstacle | None:
        buckets = ("", *needs)
        for key in (
            (Scope.EVERYTHING, ""),
            (Scope.SERVICE, "youtube"),
            (Scope.PROJECT, row["project"]),
            (Scope.CHANNEL, row["channel_id"]),
            (Scope.ACCOUNT, row["account"]),
        ):
            for found in self._rests.get(key, ()):
                if found.bucket in buckets:
                    return Obstacle(f"resting ({found.scope}): {found.reason}", found.until)
        return None

    def _room(self, row: Any, needs: Mapping[str, int], urgency: Urgency) -> tuple[float, Obstacle | None]:
        """Return the smallest share that is left of bucket, cap and channel cap, and what forbids the work."""
        smallest, obstacle = 1.0, None
        percent = quota.opens_until(urgency, self._terms.thresholds)
        for bucket, units in needs.items():
            for scope, name in (("project", row["project"]), ("account", row["account"])):
                ceiling = self._ceiling(scope, name, bucket)
                if ceiling is None:
                    continue
                meter = self._meters.get((scope, name, bucket))
                used = 0 if meter is None else _used(meter)
                smallest = min(smallest, max(0, ceiling - used) / ceiling if ceiling else 0.0)
                if used + units > ceiling:
                    words = f"no {bucket} left" if scope == "project" else f"at its cap of {ceiling} {bucket}"
                    obstacle = obstacle or Obstacle(f"{words} today", self._resets)
                elif scope == "project" and used * 100 >= ceiling * percent:
                    obstacle = obstacle or Obstacle(
                        f"{percent} % of {bucket} used, the rest is kept back", self._resets
                    )
        if quota.UPLOADS in needs and row["upload_cap"] is not None:
            cap = row["upload_cap"]
            uploads = ledger.uploads_in_24_hours(self._tx, row["channel_id"])
            smallest = min(smallest, max(0, cap - uploads) / cap if cap else 0.0)
            if uploads >= cap:
                lifts = ledger.cap_lifts_at(self._tx, row["channel_id"], cap)
                obstacle = obstacle or Obstacle("channel at its learned cap", lifts)
        return smallest, obstacle

    def _ceiling(self, scope: str, name: str, bucket: str) -> int | None:
        meter = self._meters.get((scope, name, bucket))
        if meter is not None:
            ceiling: int | None = meter["ceiling"]
            return ceiling
        if (scope, name, bucket) in self._limits:
            return self._limits[scope, name, bucket]
        return self._terms.prices.limits.get(bucket) if scope == "project" else None


def _needs(operations: tuple[str, ...], terms: Terms) -> dict[str, int]:
    needs: dict[str, int] = {}
    for operation in operations:
        for bucket, units in terms.prices.cost(operation).items():
            needs[bucket] = needs.get(bucket, 0) + units
    return needs


def _accounts(tx: Tx, target: Target) -> list[Any]:
    columns = """
        a.account, a.project, a.channel_id, a.tier, a.state, a.priority, a.slots, a.successes, a.failures,
        a.last_upload_at, a.created_at, c.upload_cap
    """
    if target.kind is TargetKind.ACCOUNT:
        return tx.all(
            f"""
            SELECT {columns} FROM accounts a JOIN channels c ON c.channel_id = a.channel_id WHERE a.account = :name
            """,
            name=target.name,
        )
    return tx.all(
        f"""
        SELECT {columns} FROM pool_members m JOIN accounts a ON a.account = m.account
               JOIN channels c ON c.channel_id = a.channel_id
         WHERE m.pool = :name ORDER BY a.priority, a.account
        """,
        name=target.name,
    )


def _meters(tx: Tx, terms: Terms) -> dict[tuple[str, str, str], Any]:
    rows = tx.all("SELECT * FROM meters WHERE day = :day", day=terms.day.isoformat())
    return {(row["scope"], row["name"], row["bucket"]): row for row in rows}


def _limits(tx: Tx) -> dict[tuple[str, str, str], int]:
    return {(row["scope"], row["name"], row["bucket"]): row["units"] for row in tx.all("SELECT * FROM limits")}


def _rests(tx: Tx) -> dict[tuple[str, str], list[Rest]]:
    found: dict[tuple[str, str], list[Rest]] = {}
    for rest in rests.running(tx):
        found.setdefault((rest.scope, rest.name), []).append(rest)
    return found


def _used(row: Any) -> int:
    return int(row["spent"] + row["held"] + row["sent"] + row["unknown"] + row["elsewhere"])
