"""One paid call: booked before it leaves, settled after it, and what its answer means written down with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from ytpool.actions import breakers, learning, tokens
from ytpool.domain import failover, quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.failover import Charge, Next, RestScope, Until, Verdict
from ytpool.domain.secret import Secret
from ytpool.errors import HoldLost, MetadataInvalid, UpstreamFailed, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, ledger, rests
from ytpool.store.activity import Outcome
from ytpool.store.breakers import Probe
from ytpool.store.db import Tx
from ytpool.store.ledger import Entry, Hold
from ytpool.store.rests import Scope

T = TypeVar("T")

_LEAVES_WITHIN = 5.0
"""Seconds between booking a call as sent and its first byte; a process that slept in between sends nothing."""

_ENTRY = {Charge.NOTHING: Entry.RELEASED, Charge.FULL: Entry.SPENT, Charge.UNKNOWN: Entry.UNKNOWN}


def paid(
    rt: Runtime,
    held: Hold,
    send: Callable[[Secret], T],
    *,
    token: Secret | None = None,
    job: str | None = None,
    before: Callable[[Tx], None] | None = None,
    after: Callable[[Tx, T], None] | None = None,
    refused: Callable[[Tx, Verdict], None] | None = None,
) -> T:
    """Send one call that was held, and settle it with whatever else belongs into the same transactions.

    The account's token is used, or during a login the one that is not its yet. `before` is written with the booking,
    `after` with the settling, `refused` with that of a failure. Raises UpstreamFailed with the books already
    settled; the caller asks `failover.judge` what comes next. A token that Google calls invalid is refreshed, and
    the call comes back as UpstreamFailed for the caller to hold and send anew. Raises Resting, with nothing sent, while
    something that the call needs rests, for a reason that is known or by a breaker's guess.
    """
    bearer = token or tokens.fresh(rt, held.payer.account)
    with rt.store.transaction() as tx:
        rt.require_clock()
        if before is not None:
            before(tx)
        probes = breakers.admit(rt, tx, held.payer.account)
        ledger.send(tx, held, rt.book, rt.terms(tx))
        booked_at = tx.machine_boot
    if rt.clock.boot() - booked_at > _LEAVES_WITHIN:
        _never_left(rt, held, probes)
        raise HoldLost(f"{held.operation} was booked and then kept waiting; it was not sent", hint="try again")
    started = rt.clock.monotonic()
    try:
        answer = send(bearer)
    except UpstreamFailed as failure:
        verdict = failover.judge(failure)
        with rt.store.transaction() as tx:
            ledger.settle(tx, held.hold, _ENTRY[verdict.charge], failure.reason)
            if token is None or verdict.rests is not RestScope.ACCOUNT:
                # What is said of a login that is tried is not said of the one that the account has.
                settle_verdict(rt, tx, held, failure, verdict)
            if refused is not None:
                refused(tx, verdict)
            breakers.heard(rt, tx, held.payer.account, failure)
            activity.record(
                tx,
                rt.rng,
                held.payer,
                held.operation,
                Outcome.UNKNOWN if verdict.charge is Charge.UNKNOWN else Outcome.FAILED,
                units=held.units if verdict.charge is Charge.FULL else 0,
                seconds=rt.clock.monotonic() - started,
                job=job,
                reason=failure.reason,
                detail=failure.message,
                # A breakdown is charged once it is known to be the account's own: when its breaker opens.
                spare_score=verdict.rests in (RestScope.BUCKET, RestScope.CHANNEL) or failover.is_breakdown(failure),
            )
            rt.keep_clock(tx)
        if verdict.next is Next.REFRESH and token is None:
            tokens.fresh(rt, held.payer.account, refused=bearer)
        raise
    except (MetadataInvalid, UsageWrong):  # found wrong while it was written down, before a byte of it left
        _never_left(rt, held, probes)
        raise
    except BaseException:
        with rt.store.transaction() as tx:  # stopped while it was on its way: nobody will hear the answer
            ledger.settle(tx, held.hold, Entry.UNKNOWN, "interrupted")
            breakers.take_back(tx, probes)
        raise
    with rt.store.transaction() as tx:
        ledger.settle(tx, held.hold, Entry.SPENT)
        breakers.heard(rt, tx, held.payer.account, None)
        if after is not None:
            after(tx, answer)
        activity.record(
            tx,
            rt.rng,
            held.payer,
            held.operation,
            Outcome.DONE,
            units=held.units,
            seconds=rt.clock.monotonic() - started,
            job=job,
        )
        rt.keep_clock(tx)
    return answer


def _never_left(rt: Runtime, held: Hold, probes: tuple[Probe, ...]) -> None:
    with rt.store.transaction() as tx:
        ledger.settle(tx, held.hold, Entry.RELEASED, "never left")
        breakers.take_back(tx, probes)


def settle_verdict(rt: Runtime, tx: Tx, held: Hold, failure: UpstreamFailed, verdict: Verdict) -> None:
    """Let rest what the verdict names, for as long as it says."""
    held = ledger.present(tx, held)  # its project may have been merged while the call was on its way
    terms = rt.terms(tx, ledger.sent_on(tx, held.hold))  # a refusal is about the day of the call, not of the answer
    until = {
        Until.QUOTA_RESET: quota.resets_at(terms.day),
        Until.IN_24_HOURS: tx.now + timedelta(hours=24),
        Until.BACKOFF: tx.now + timedelta(seconds=failure.retry_after or failover.backoff(1, rt.rng)),
        Until.HUMAN: None,
    }
    reason = failure.reason or failure.message
    match verdict.rests:
        case RestScope.BUCKET:
            learning.bucket_refused(rt, tx, held, failure, terms)
        case RestScope.CHANNEL:
            learning.channel_refused(tx, held, failure, verdict)
        case RestScope.PROJECT:
            rests.rest(
                tx, Scope.PROJECT, held.payer.project, reason=reason, lifts=verdict.advice, until=until[verdict.until]
            )
        case RestScope.ACCOUNT if verdict.until is Until.NEW_LOGIN:
            why = f"{failure.reason}: {failure.message}"
            accounts.set_state(tx, held.payer.account, AccountState.LOGIN_NEEDED, why)
        case RestScope.ACCOUNT:
            rests.rest(
                tx, Scope.ACCOUNT, held.payer.account, reason=reason, lifts=verdict.advice, until=until[verdict.until]
            )
        case RestScope.SERVICE | RestScope.NOTHING:
            pass  # what says nothing about the call is counted by the breakers
