"""What Google's refusals teach us: how full a bucket is that others draw on too, and how much a channel takes.

Google publishes neither, so each lesson is a belief with a date, and the operator's word stands above it.
"""

from datetime import timedelta

from ytpool.domain import quota
from ytpool.domain.failover import Verdict
from ytpool.domain.prices import Terms
from ytpool.errors import UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import accounts, ledger, rests
from ytpool.store.db import Tx
from ytpool.store.ledger import Hold
from ytpool.store.rests import Scope


def bucket_refused(rt: Runtime, tx: Tx, held: Hold, failure: UpstreamFailed, terms: Terms) -> None:
    """Believe Google that the day is over for every bucket the call draws on; `terms` are those of the call's day."""
    reason = failure.reason or failure.message
    for bucket in terms.prices.cost(held.operation):
        ledger.book_elsewhere(tx, held.payer.project, bucket, terms, rt.rng, reason)
        rests.rest(
            tx,
            Scope.PROJECT,
            held.payer.project,
            bucket=bucket,
            reason=reason,
            lifts="midnight Pacific",
            until=quota.resets_at(terms.day),
        )


def channel_refused(tx: Tx, held: Hold, failure: UpstreamFailed, verdict: Verdict) -> None:
    """Let a channel rest from what it takes no more of, and remember how many uploads it took."""
    if verdict.bucket == quota.UPLOADS:
        uploads = ledger.uploads_in_24_hours(tx, held.payer.channel_id)
        accounts.learn_upload_cap(tx, held.payer.channel_id, uploads)
    rests.rest(
        tx,
        Scope.CHANNEL,
        held.payer.channel_id,
        bucket=verdict.bucket,
        reason=failure.reason or failure.message,
        lifts="24 hours after the refusal",
        until=tx.now + timedelta(hours=24),
    )
