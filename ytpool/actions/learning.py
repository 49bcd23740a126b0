"""What Google's refusals teach us: how full a bucket is that others draw on too, and how much a channel takes.

Google publishes neither, so each lesson is a belief with a date, and the operator's word stands above it.
"""

from datetime import timedelta

from ytpool.domain import quota
from ytpool.domain.failover import Verdict
from ytpool.domain.terms import Terms
from ytpool.errors import UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import caps, ledger, lessons, limits, projects, rests
from ytpool.store.db import Tx
from ytpool.store.ledger import Hold
from ytpool.store.meters import PROJECT, Meter
from ytpool.store.rests import Scope


def bucket_refused(rt: Runtime, tx: Tx, held: Hold, failure: UpstreamFailed, terms: Terms) -> None:
    """Believe Google that the day is over for the bucket it names, else for every one the call draws on.

    A limit that the price book does not have is proposed for it; then the operation rests alone, and the bucket that we
    thought it draws on works on. `terms` are those of the day on which the call was sent.
    """
    project, operation = projects.current(tx, held.payer.project), held.operation
    reason = failure.reason or failure.message
    draws_on = terms.prices.cost(operation)
    is_named = bool(failure.metric or failure.limit)
    bucket = rt.book.bucket_named(failure.metric, failure.limit)
    if not is_named or (bucket is None and terms.prices.has_bucket_of_its_own(operation)):
        exhausted = tuple(draws_on)  # nothing else can be meant, whatever Google calls it
    else:
        exhausted = () if bucket is None else (bucket,)
    for each in exhausted:
        if is_named and failure.limit_value is not None:
            meter = Meter(PROJECT, project, each, terms.day.isoformat())
            limits.learn(
                tx, meter, failure.limit_value, terms, rt.rng, hold=held.hold, operation=operation, reason=reason
            )
        ledger.book_elsewhere(tx, project, each, terms, rt.rng, reason, operation=operation)
    if not draws_on.keys() & set(exhausted):
        lessons.propose(
            tx,
            project=project,
            operation=operation,
            metric=failure.metric,
            named=failure.limit,
            units=failure.limit_value,
        )
        named = failure.limit or failure.metric
        _rest_today(tx, project, operation, f"{reason}: the price book knows no {named} of {operation}", terms)
    for each in exhausted:
        _rest_today(tx, project, each, reason, terms)


def _rest_today(tx: Tx, project: str, bucket: str, reason: str, terms: Terms) -> None:
    rests.rest(
        tx,
        Scope.PROJECT,
        project,
        bucket=bucket,
        reason=reason,
        lifts="midnight Pacific",
        until=quota.resets_at(terms.day),
    )


def channel_refused(tx: Tx, held: Hold, failure: UpstreamFailed, verdict: Verdict) -> None:
    """Let a channel rest from what it takes no more of, and remember how many uploads it took."""
    channel_id = held.payer.channel_id
    reason = failure.reason or failure.message
    if verdict.bucket == quota.UPLOADS:
        uploads = caps.taken_in_24_hours(tx, channel_id)
        former = caps.learn(tx, channel_id, uploads)
        lessons.keep(
            tx,
            held.hold,
            scope=lessons.CHANNEL,
            name=channel_id,
            bucket=quota.UPLOADS,
            day=quota.quota_day(tx.now),
            operation=held.operation,
            believed=None if former is None else former.uploads,
            shown=uploads,
            reason=reason,
        )
    rests.rest(
        tx,
        Scope.CHANNEL,
        channel_id,
        bucket=verdict.bucket,
        reason=reason,
        lifts="24 hours after the refusal",
        until=tx.now + timedelta(hours=24),
    )
