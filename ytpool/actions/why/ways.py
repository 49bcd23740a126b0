"""What would change how things are: each obstacle with when it ends by itself, and what a person may type instead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ytpool.domain import moments, quota
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.publication import READ_BACKS
from ytpool.domain.quota import COMMENTS, UPLOADS, Urgency
from ytpool.domain.terms import Terms
from ytpool.store import caps, envelopes, ledger, limits, meters, pools, rests
from ytpool.store.db import Tx
from ytpool.store.meters import Meter, Reading
from ytpool.store.rests import Rest, Scope

UPLOADING = ("videos.insert", *["videos.list"] * READ_BACKS)
"""The calls of an ordinary upload: what an account is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Something that would change it: by itself, where there is nothing to type, or by a person."""

    what: str
    command: str = ""


def distinct(ways: Iterator[Way]) -> tuple[Way, ...]:
    """Keep each way once, in its order: many accounts wait for the same reset."""
    return tuple(dict.fromkeys(ways))


def rests_of(tx: Tx, account: Account, resting: Sequence[Rest]) -> list[Rest]:
    """Return the rests that keep an account from some of its work."""
    member_of = [pool.pool for pool in pools.every(tx) if account.account in pool.accounts]
    concerned = {
        (Scope.ACCOUNT, account.account),
        (Scope.PROJECT, account.project),
        (Scope.CHANNEL, account.channel_id),
        (Scope.SERVICE, rests.YOUTUBE),
        (Scope.SERVICE, rests.OAUTH),
        *((Scope.POOL, pool) for pool in member_of),
    }
    return [one for one in resting if one.scope is Scope.EVERYTHING or (one.scope, one.name) in concerned]


def of_account(
    tx: Tx, terms: Terms, account: Account, operations: Sequence[str], urgency: Urgency = Urgency.NORMAL
) -> Iterator[Way]:
    """Say what would let an account take work of these calls."""
    if account.tier == Tier.RESERVE:
        urgency = urgency.on_reserve()
    match account.state:
        case AccountState.LOGIN_NEEDED:
            why = f" ({account.state_reason})" if account.state_reason else ""
            yield Way(what=f"a new login of {account.account}{why}", command=f"ytpool auth add {account.account}")
        case AccountState.DISABLED | AccountState.DRAINING:
            yield Way(
                what=f"{account.account} is {account.state}; enable it",
                command=f"ytpool accounts enable {account.account}",
            )
    for rest in rests_of(tx, account, rests.running(tx)):
        yield of_rest(rest, account.channel_title)
    needs, _ = ledger.needs(operations, terms)
    for bucket, units in needs.items():
        yield from of_bucket(tx, terms, account.project, bucket, units, urgency)
    yield from _of_envelopes(tx, terms, account.project, operations, urgency)
    yield from _of_caps(tx, terms, account)


def of_rest(rest: Rest, channel_title: str = "") -> Way:
    """Say what ends a rest: a pause ends by a word, a guess may be wrong, and the others end as they say.

    A channel is called by its title, where that is given.
    """
    if rest.is_pause:
        of_pool = f" --pool {rest.name}" if rest.scope is Scope.POOL else ""
        return Way(what=rest.words, command=f"ytpool unpause{of_pool}")
    until = "until a person acts" if rest.until is None else f"until {moments.spoken(rest.until)}"
    name = channel_title if rest.scope is Scope.CHANNEL and channel_title else rest.name
    what = f"{rest.bucket or 'all'} of {rest.scope} {name} rests {until} ({rest.reason}): {rest.lifts}"
    if rest.until is not None and not rest.guessed:
        return Way(what=what)
    bucket = f" --bucket {rest.bucket}" if rest.bucket else ""
    return Way(what=what, command=f"ytpool rests lift {rest.scope} {rest.name}{bucket}")


def of_bucket(
    tx: Tx, terms: Terms, project: str, bucket: str, units: int = 1, urgency: Urgency = Urgency.NORMAL
) -> Iterator[Way]:
    """Say what would give a bucket room for new work; nothing where it has room."""
    limit, reading = standing(tx, terms, project, bucket)
    if has_room(limit, reading.used, units, terms, urgency):
        return
    if limit == 0 and limits.is_decided(tx, Meter(meters.PROJECT, project, bucket, terms.day.isoformat())):
        yield Way(
            what=f"{project} has a limit of 0 {bucket}, and no reset changes that; allow it some",
            command=f"ytpool projects set {project} --limit {bucket}=N",
        )
        return
    yield Way(what=f"{bucket} of {project} comes back at {moments.spoken(quota.resets_at(terms.day))}")
    left = limit - reading.used
    if left >= units:
        yield Way(
            what=f"{left:,} of {limit:,} {bucket} of {project} are kept back for what has begun; "
            "--use-buffer takes from them"
        )
    if reading.elsewhere > 0:
        yield Way(
            what=f"{reading.elsewhere:,} {bucket} of {project} are booked as used elsewhere; take back what is wrong",
            command=f"ytpool quota adjust {project} {bucket} -{reading.elsewhere} --reason '…'",
        )
    if reading.unknown > 0:
        yield Way(
            what=f"{reading.unknown:,} {bucket} of {project} went to calls whose answer nobody heard; they count "
            "until the reset, or until it is known what became of them"
        )
    yield Way(
        what=f"where Google has granted {project} more, say so",
        command=f"ytpool projects set {project} --limit {bucket}=N",
    )


def standing(tx: Tx, terms: Terms, project: str, bucket: str) -> tuple[int, Reading]:
    """Return a bucket's limit, and what is booked on it today."""
    key = (meters.PROJECT, project, bucket)
    reading = meters.on(tx, terms.day).get(key)
    if reading is not None:
        return reading.ceiling or 0, reading
    believed = limits.standing(tx, terms.day).get(key)
    limit = terms.prices.limits.get(bucket, 0) if believed is None else believed.units
    return limit, Reading(*key, limit, 0, 0, 0, 0, 0)


def has_room(limit: int, used: int, units: int, terms: Terms, urgency: Urgency = Urgency.NORMAL) -> bool:
    """Tell whether work of so many units may begin; new work where nothing else is said."""
    percent = quota.opens_until(urgency, terms.thresholds)
    return used + units <= limit and used * 100 < limit * percent


def _of_envelopes(tx: Tx, terms: Terms, project: str, operations: Sequence[str], urgency: Urgency) -> Iterator[Way]:
    needs = {} if terms.envelopes is None else terms.envelopes.needs(operations, terms.prices)
    full = envelopes.in_the_way(tx, project, needs, terms, urgency)
    if full is not None:
        reason, until = full
        yield Way(
            what=f"in project {project} {reason} until {moments.spoken(until)}; --use-buffer lends from the buffer"
        )


def caps_of(tx: Tx, terms: Terms, account: Account) -> list[dict[str, Any]]:
    """Return every cap that counts for an account: its own by quota day, its channel's over 24 hours."""
    readings, believed = meters.on(tx, terms.day), limits.standing(tx, terms.day)
    found: list[dict[str, Any]] = []
    for bucket in (UPLOADS, COMMENTS):
        key = (meters.ACCOUNT, account.account, bucket)
        if key in believed:
            used = readings[key].used if key in readings else 0
            found.append(
                {"scope": "account", "bucket": bucket, "cap": believed[key].units, "used": used, "until": None}
            )
    learned = caps.standing(tx).get(account.channel_id)
    if learned is not None:
        used, reach = caps.taken_in_24_hours(tx, account.channel_id, held=True), learned.reaches(tx.now)
        until = caps.lifts_at(tx, account.channel_id, reach) if used >= reach else None
        found.append({"scope": "channel", "bucket": UPLOADS, "cap": reach, "used": used, "until": until})
    return found


def _of_caps(tx: Tx, terms: Terms, account: Account) -> Iterator[Way]:
    standing_caps = caps_of(tx, terms, account)
    overruled = any(cap["scope"] == "account" and cap["bucket"] == UPLOADS for cap in standing_caps)
    for cap in standing_caps:
        if cap["used"] < cap["cap"]:
            continue
        bucket, name = cap["bucket"], account.account
        if cap["scope"] == "account" and cap["cap"] == 0:
            yield Way(
                what=f"{name} does no {bucket}: its cap is 0, and no reset changes that; allow it some",
                command=f"ytpool accounts set {name} --cap {bucket}=N",
            )
        elif cap["scope"] == "account":
            yield Way(
                what=f"{name} is at its cap of {cap['cap']:,} {bucket} a day until "
                f"{moments.spoken(quota.resets_at(terms.day))}; raise it",
                command=f"ytpool accounts set {name} --cap {bucket}=N",
            )
        elif not overruled:
            yield Way(
                what=f"the channel of {name} takes {cap['cap']:,} upload{'' if cap['cap'] == 1 else 's'} in 24 hours, "
                "as YouTube's refusals taught, "
                f"and the next at {moments.spoken(cap['until'])}; a cap of your own overrules that",
                command=f"ytpool accounts set {name} --cap {bucket}=N",
            )
