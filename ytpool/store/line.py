"""The line in which jobs wait for whoever works it off: who comes next, and when the next one's moment comes.

A job's moment is seen to come once (`is_due`), so picking one of a hundred thousand that wait is a look at the head of
an index. The flag only keeps the search short: picking compares the moment again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ytpool.domain import moments
from ytpool.domain.chains import CHAIN
from ytpool.domain.jobs import UPLOAD, InLine, Job, TargetKind
from ytpool.errors import Busy
from ytpool.store import jobs, leases, whereabouts
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind

_TURNS = "work"
_MOST_TURNS = 10_000
_SOON = timedelta(minutes=1)
LONGEST_PUT_OFF = timedelta(minutes=10)
"""For which a job that could not be begun is left alone at the most."""

_MAY_BE_TAKEN = """
    held_at IS NULL AND CASE kind WHEN 'task' THEN 0 WHEN 'video.delete' THEN agreed ELSE 1 END = 1
    AND CASE WHEN state IN ('queued', 'deferred', 'interrupted') THEN 1
             WHEN state IN ('finished_unknown', 'partly') AND not_before IS NOT NULL THEN 1 ELSE 0 END = 1
"""
"""Word for word as in the indexes, or they are not used; a CASE, or the states are looked up one by one instead."""

_WAITS_IN_LINE = f"is_due = 1 AND {_MAY_BE_TAKEN}"
_IS_TO_COME = f"is_due = 0 AND {_MAY_BE_TAKEN}"
_MOMENT = "coalesce(put_off_until, not_before, '')"
ORDER = "priority DESC, coalesce(deadline, '9'), coalesce(not_before, ''), job"
"""In which what waits has its turn, whoever takes it."""

_LANE = """
    (CASE kind WHEN 'upload' THEN 'upload ' ELSE 'other ' END
     || CASE WHEN account IS NULL THEN target_kind || ' ' || target ELSE 'account ' || account END)
"""
"""Word for word as in its index, too."""

RIPEN = f"UPDATE jobs SET is_due = 1 WHERE {_IS_TO_COME} AND {_MOMENT} <= :at"
NEXT = f"SELECT * FROM jobs WHERE {_WAITS_IN_LINE} AND {_MOMENT} <= :at %s ORDER BY {ORDER} LIMIT 1"
NEAR = f"""
    SELECT * FROM jobs
     WHERE job IN (SELECT job FROM jobs WHERE {_WAITS_IN_LINE} ORDER BY {ORDER} LIMIT 100) AND {_MOMENT} <= :at %s
     ORDER BY {ORDER} LIMIT 1
"""
"""The first who can begin now, if it is among those who come first whether they can or not."""
LANES = f"""
    WITH RECURSIVE lanes (lane) AS (
        SELECT (SELECT {_LANE} FROM jobs WHERE {_WAITS_IN_LINE} ORDER BY {_LANE} LIMIT 1)
         UNION ALL
        SELECT (SELECT {_LANE} FROM jobs WHERE {_WAITS_IN_LINE} AND {_LANE} > lanes.lane ORDER BY {_LANE} LIMIT 1)
          FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT lane FROM lanes WHERE lane IS NOT NULL
"""
"""Whom anybody waits for: one step from each to the next, however many wait there."""
FIRST_IN_LANE = f"""
    SELECT * FROM jobs
     WHERE {_WAITS_IN_LINE} AND {_LANE} = :lane AND {_MOMENT} <= :at %s ORDER BY {ORDER} LIMIT 1
"""
LEFT_BEHIND = f"""
    SELECT * FROM jobs
     WHERE state = 'running' AND held_at IS NULL
       AND CASE kind WHEN 'task' THEN 0 WHEN 'video.delete' THEN agreed ELSE 1 END = 1
       AND {_MOMENT} <= :at %s
"""
"""The jobs at work, less those whose workers live."""
SOONEST = f"SELECT {_MOMENT} AS moment FROM jobs WHERE {_IS_TO_COME} ORDER BY {_MOMENT} LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A job whose turn has come, and the lease that keeps others from picking it too."""

    job: Job
    turn: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crowd:
    """Where nobody else can begin now."""

    full: Collection[str]
    """Accounts whose slots are all taken."""
    uploading: Collection[str]
    """Accounts that take no upload: full, or their channel takes one already."""
    full_pools: Collection[str]
    uploading_pools: Collection[str]

    def is_open(self, lane: str) -> bool:
        """Tell whether one who waits in this lane may be able to begin."""
        what, kind, name = lane.split(" ", 2)
        uploads = what == UPLOAD
        match kind:
            case TargetKind.ACCOUNT:
                return name not in (self.uploading if uploads else self.full)
            case TargetKind.POOL:
                return name not in (self.uploading_pools if uploads else self.full_pools)
            case _:
                return True


def ask(tx: Tx, job: str, how: InLine) -> None:
    """Say how a job that nobody has begun is to wait."""
    tx.run(
        """
        UPDATE jobs SET priority = :priority, not_before = :not_before, deadline = :deadline, is_due = 0,
               put_off_until = NULL, updated_at = :at
         WHERE job = :job
        """,
        job=job,
        priority=how.priority,
        not_before=None if how.not_before is None else moments.text(how.not_before),
        deadline=None if how.deadline is None else moments.text(how.deadline),
        at=tx.at,
    )
    tx.ring()


def agree(tx: Tx, job: str) -> None:
    """Write down that a person has said yes to what a job destroys, so that whoever works the line off may take it."""
    tx.run("UPDATE jobs SET agreed = 1 WHERE job = :job", job=job)
    tx.ring()


def hold(tx: Tx, job: str) -> None:
    """Let nobody take a job until it is let go; holding it twice changes nothing."""
    tx.run(
        "UPDATE jobs SET held_at = coalesce(held_at, :at), is_due = 0, updated_at = :at WHERE job = :job",
        job=job,
        at=tx.at,
    )


def let_go(tx: Tx, job: str) -> None:
    tx.run("UPDATE jobs SET held_at = NULL, put_off_until = NULL, updated_at = :at WHERE job = :job", job=job, at=tx.at)
    tx.ring()


def put_off(tx: Tx, job: str, until: datetime) -> None:
    """Leave a job alone for a while, because working on it led nowhere; others see it as it stands."""
    tx.run("UPDATE jobs SET put_off_until = :until, is_due = 0 WHERE job = :job", job=job, until=moments.text(until))


def go_on_soon(tx: Tx, job: str) -> None:
    """Let what is left of a job be tried again before long, and by whoever asks for it at once; nobody knows when."""
    soon = moments.text(tx.now + _SOON)
    tx.run(
        "UPDATE jobs SET not_before = :at, put_off_until = :soon, is_due = 0 WHERE job = :job",
        job=job,
        at=tx.at,
        soon=soon,
    )


def forget_far(tx: Tx) -> None:
    """Let nothing be put off for longer than ever: then the clock was wrong when that was written."""
    tx.run(
        "UPDATE jobs SET put_off_until = NULL, is_due = 0 WHERE put_off_until > :beyond",
        beyond=moments.text(tx.now + LONGEST_PUT_OFF),
    )


def look_again(tx: Tx) -> None:
    """Let what was put off be looked at now: what kept it back may be over."""
    tx.run("UPDATE jobs SET put_off_until = NULL, is_due = 0 WHERE put_off_until IS NOT NULL AND state = 'deferred'")
    tx.ring()


def pick(
    tx: Tx, *, pool: str | None = None, closed: Collection[str] = (), chains: Collection[str] | None = None
) -> Picked | None:
    """Pick the next job that somebody can work on now, or None: by priority, deadline, not-before and age.

    What a dead worker left is taken up by the same order. A job for an account without a free slot, an upload to a
    channel that takes one already, and what needs files that this machine lacks are passed over; so are jobs for
    accounts that are `closed` to whoever asks, and, where it is said which `chains` he knows, those of others.
    """
    tx.run(RIPEN, at=tx.at)
    picked = turns(tx)
    working = leases.held(tx, LeaseKind.JOB)
    taken = {*picked, *working}
    crowd = _crowd(tx, picked, closed)
    sql, given = _filters(taken, crowd, pool, chains, whereabouts.not_here(tx))
    found = _first_in_line(tx, crowd, sql, given)
    found += [Job.from_row(row) for row in tx.all(LEFT_BEHIND % sql, at=tx.at, **given)]
    if not found:
        return None
    job = min(found, key=_place)
    turn = leases.take(tx, LeaseKind.TURN, _TURNS, holder=job.job, places=_MOST_TURNS)
    return None if turn is None else Picked(job=job, turn=turn)


def _first_in_line(tx: Tx, crowd: _Crowd, sql: str, given: Mapping[str, str]) -> list[Job]:
    """Return the first who can begin now, or the first of each lane; it takes no longer for those who cannot."""
    if crowd is _NOBODY:
        rows = tx.all(NEXT % sql, at=tx.at, **given)
    else:
        rows = tx.all(NEAR % sql, at=tx.at, **given)
        for lane in () if rows else [row["lane"] for row in tx.all(LANES)]:
            if crowd.is_open(lane):
                rows += tx.all(FIRST_IN_LANE % sql, at=tx.at, lane=lane, **given)
    return [Job.from_row(row) for row in rows]


def require(tx: Tx, picked: Picked | None) -> None:
    """Raise Busy unless a job stands as it stood when it was picked, and the turn lasts; for what nobody picked, never.

    Asked in the transaction that takes the job: whoever picked it may have stood still for an hour since, and in the
    meantime somebody has done it, held it back, cancelled it or asked for it at another time.
    """
    if picked is None:
        return
    then, now = picked.job, jobs.get(tx, picked.job.job)
    if not leases.holds(tx, picked.turn) or (now.state, now.updated_at) != (then.state, then.updated_at):
        raise Busy(f"job {now.job} was in other hands before it was begun here", hint="nothing is to do", job=now.job)


def soonest(tx: Tx) -> datetime | None:
    """Return when the moment of the next job comes that is not due yet, or None where none waits for a moment."""
    row = tx.one(SOONEST)
    if row is None:
        return None
    return moments.parse(row["moment"]) if row["moment"] else tx.now


def has_due(
    tx: Tx, *, pool: str | None = None, closed: Collection[str] = (), chains: Collection[str] | None = None
) -> bool:
    """Tell whether a job is due that may be picked; where none could be, all who are wait for somebody's place."""
    crowd = _shut(tx, closed) if closed else _NOBODY
    sql, given = _filters((), crowd, pool, chains, whereabouts.not_here(tx))
    return tx.one(f"SELECT 1 FROM jobs WHERE {_WAITS_IN_LINE} {sql} LIMIT 1", **given) is not None


def waiting(tx: Tx, besides: Collection[str] = ()) -> int:
    """Count the jobs that wait: due, or for their moment; not what a person holds or is asked about."""
    sql, given = _filters(besides, _NOBODY, None)
    counts = [
        tx.one(f"SELECT count(*) AS jobs FROM jobs WHERE {part} {sql}", **given)["jobs"]
        for part in (_WAITS_IN_LINE, _IS_TO_COME)
    ]
    return sum(counts)


def overdue(tx: Tx, before: datetime, besides: Collection[str] = ()) -> tuple[int, datetime | None]:
    """Count the jobs that could have begun before this moment, and say since when the first of them could."""
    sql, given = _filters(besides, _NOBODY, None)
    moment = "coalesce(put_off_until, not_before, created_at)"
    found = [
        tx.one(
            f"SELECT count(*) AS jobs, min({moment}) AS first FROM jobs WHERE {part} AND {moment} <= :before {sql}",
            before=moments.text(before),
            **given,
        )
        for part in (_WAITS_IN_LINE, _IS_TO_COME)
    ]
    first = min((row["first"] for row in found if row["first"] is not None), default=None)
    return sum(row["jobs"] for row in found), moments.parse_optional(first)


def turns(tx: Tx) -> list[str]:
    """Return the jobs that workers have picked and are at."""
    return leases.held(tx, LeaseKind.TURN).get(_TURNS, [])


def held(tx: Tx) -> int:
    """Count the jobs that a person holds back."""
    return int(tx.one("SELECT count(*) AS jobs FROM jobs WHERE held_at IS NOT NULL AND finished_at IS NULL")["jobs"])


def _place(job: Job) -> tuple[Any, ...]:
    deadline = "9" if job.deadline is None else moments.text(job.deadline)
    return (-job.priority, deadline, "" if job.not_before is None else moments.text(job.not_before), job.job)


_NOBODY = _Crowd(full=(), uploading=(), full_pools=(), uploading_pools=())


def _shut(tx: Tx, closed: Collection[str]) -> _Crowd:
    """Say where nobody can begin to whom these accounts are closed, however free they are."""
    full_pools = {row["pool"] for row in tx.all("SELECT pool FROM pools")}
    full_pools -= {
        row["pool"] for row in tx.all("SELECT pool, account FROM pool_members") if row["account"] not in closed
    }
    return _Crowd(full=closed, uploading=closed, full_pools=full_pools, uploading_pools=full_pools)


def _crowd(tx: Tx, picked: Iterable[str], closed: Collection[str]) -> _Crowd:
    slots, channels = leases.held(tx, LeaseKind.SLOT), leases.held(tx, LeaseKind.CHANNEL)
    placed = {job for holders in slots.values() for job in holders}
    coming = _coming(tx, [job for job in picked if job not in placed])
    if not slots and not channels and not coming:
        return _shut(tx, closed) if closed else _NOBODY
    accounts = tx.all("SELECT account, channel_id, slots FROM accounts")
    for_account, for_pool = _counted(coming)
    at_work = {name: len(slots.get(name, ())) + for_account.get((name, False), 0) for name in {*slots, *_names(coming)}}
    full = {row["account"] for row in accounts if at_work.get(row["account"], 0) >= row["slots"]} | {*closed}
    loading = {row["channel_id"] for row in accounts if for_account.get((row["account"], True), 0)} | {*channels}
    uploading = full | {row["account"] for row in accounts if row["channel_id"] in loading}
    free = {row["account"]: max(0, row["slots"] - at_work.get(row["account"], 0)) for row in accounts}
    free |= dict.fromkeys(closed, 0)
    places: dict[str, int] = {}
    for_uploads: dict[str, int] = {}
    for row in tx.all("SELECT pool, account FROM pool_members"):
        pool, name = row["pool"], row["account"]
        places[pool] = places.get(pool, 0) + free[name]
        for_uploads[pool] = for_uploads.get(pool, 0) + (name not in uploading)
    return _Crowd(
        full=full,
        uploading=uploading,
        full_pools={pool for pool, count in places.items() if count <= for_pool.get((pool, False), 0)},
        uploading_pools={pool for pool, count in for_uploads.items() if count <= for_pool.get((pool, True), 0)},
    )


def _coming(tx: Tx, jobs: Collection[str]) -> list[Any]:
    """Return the jobs that were picked and have no slot yet, each with the account it is bound to, if it is."""
    return [
        row
        for job in jobs
        if (row := tx.one("SELECT kind, target_kind, target, account FROM jobs WHERE job = :job", job=job)) is not None
        and row["kind"] != CHAIN  # which needs no account's place
    ]


def _names(coming: Iterable[Any]) -> set[str]:
    return {name for row in coming if (name := _bound_to(row)) is not None}


def _bound_to(row: Any) -> str | None:
    name: str | None = row["target"] if row["target_kind"] == TargetKind.ACCOUNT else row["account"]
    return name


def _counted(coming: Iterable[Any]) -> tuple[Mapping[tuple[str, bool], int], Mapping[tuple[str, bool], int]]:
    """Count what is coming by account and by pool: all of it under False, the uploads once more under True."""
    for_account: dict[tuple[str, bool], int] = {}
    for_pool: dict[tuple[str, bool], int] = {}
    for row in coming:
        name = _bound_to(row)
        counts = for_pool if name is None else for_account
        key = row["target"] if name is None else name
        for uploads in (False, True)[: 1 + (row["kind"] == UPLOAD)]:
            counts[key, uploads] = counts.get((key, uploads), 0) + 1
    return for_account, for_pool


def _filters(
    jobs: Collection[str],
    crowd: _Crowd,
    pool: str | None,
    chains: Collection[str] | None = None,
    further: tuple[str, Mapping[str, str]] = ("", {}),
) -> tuple[str, dict[str, str]]:
    """Return the conditions under which a job can begin now, as SQL and its parameters; `further` is one of them."""
    condition, with_it = further
    given = {**with_it}

    def named(what: str, values: Iterable[str]) -> str:
        names = {f"{what}{number}": value for number, value in enumerate(sorted(values))}
        given.update(names)
        return ", ".join(f":{name}" for name in names)

    whose = "coalesce(account, CASE target_kind WHEN 'account' THEN target ELSE '' END)"
    unbound = "target_kind = 'pool' AND account IS NULL AND target"
    parts = [condition] if condition else []
    if jobs:
        parts.append(f"job NOT IN ({named('j', jobs)})")
    if crowd.full:
        parts.append(f"{whose} NOT IN ({named('a', crowd.full)})")
    if crowd.uploading:
        parts.append(f"NOT (kind = 'upload' AND {whose} IN ({named('u', crowd.uploading)}))")
    if crowd.full_pools:
        parts.append(f"NOT ({unbound} IN ({named('p', crowd.full_pools)}))")
    if crowd.uploading_pools:
        parts.append(f"NOT (kind = 'upload' AND {unbound} IN ({named('q', crowd.uploading_pools)}))")
    if chains is not None:
        known = f" OR target IN ({named('c', chains)})" if chains else ""
        parts.append(f"(target_kind <> 'chain'{known})")
    if pool is not None:
        given["pool"] = pool
        parts.append(
            "((target_kind = 'pool' AND target = :pool) OR (target_kind = 'account' AND target IN "
            "(SELECT account FROM pool_members WHERE pool = :pool)))"
        )
    return "".join(f" AND {part}" for part in parts), given
