"""Looking for a video whose last answer did not come, on the uploads list of its channel.

What one look shows decides `domain/reconcile`; here it is read, paid for and kept with the job, so that the second
look may be another process's. A reading that fails proves nothing and leaves the outcome as unknown as it was.
"""

from collections.abc import Sequence
from datetime import datetime

from ytpool.actions import listing
from ytpool.actions.errand import Errand
from ytpool.actions.steps import WATCH_URL
from ytpool.domain import failover, moments, quota, reconcile
from ytpool.domain.failover import Until
from ytpool.domain.reconcile import Doubtful, Listed, Look, NotYet, Outcome, Sought
from ytpool.errors import OutcomeUnknown, QuotaExhausted, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import jobs, looks, uploads
from ytpool.store.db import Tx


def require_due(rt: Runtime, job: str) -> None:
    """Raise OutcomeUnknown, with the moment, while it is too early for another look to say anything new.

    Whoever types a command while a person's word is wanted may have changed something, so that is looked at at once.
    """
    with rt.store.reading() as tx:
        since, known, now = _since(tx, job), looks.of_job(tx, job), tx.now
    standing = reconcile.verdict(known, since=since)
    if isinstance(standing, NotYet) and now < _again_at(standing, known, since):
        raise unknown(rt, job, standing)


def is_due(rt: Runtime, job: str) -> bool:
    """Tell whether another look, whatever the last one said, may say something new."""
    with rt.store.reading() as tx:
        again_at = reconcile.look_again_at(looks.of_job(tx, job), since=_since(tx, job))
        return again_at is None or again_at <= tx.now


def look(errand: Errand) -> Outcome:
    """Look once, on the account the errand is placed on, and return what all looks so far say together.

    Raises OutcomeUnknown where the login cannot list or the list cannot be read, QuotaExhausted, Resting or
    LoginNeeded where it can be read later.
    """
    rt, job = errand.rt, errand.job.job
    assert errand.placed is not None
    payer = errand.placed.payer
    if not listing.can_list(rt, payer.account):
        raise _may_not_list(errand)
    with rt.store.reading() as tx:
        upload = uploads.get(tx, job)
        claimed = jobs.claimed(tx, payer.channel_id, job)
    assert upload.intent_at is not None
    assert upload.last_sent_at is not None
    sought = Sought(
        intent_at=upload.intent_at,
        size=upload.size,
        slug=upload.slug,
        title=errand.publication.video.title,
        claimed=claimed,
    )
    listed, whole = _read(errand, sought)
    outcome = reconcile.look(sought, listed, whole=whole)
    with rt.store.transaction() as tx:
        jobs.require(tx, errand.lease)
        looks.keep(tx, job, Look(at=tx.now, outcome=outcome))  # only now Google has told the time for certain
        return reconcile.verdict(looks.of_job(tx, job), since=upload.last_sent_at)


def unknown(rt: Runtime, job: str, outcome: Outcome) -> OutcomeUnknown:
    """Word what the looks leave open, with what to type and, where that is known, when."""
    with rt.store.reading() as tx:
        name, known, since = uploads.get(tx, job).slug, looks.of_job(tx, job), _since(tx, job)
    if isinstance(outcome, Doubtful):
        named = ", ".join(outcome.candidates)
        why = f"{named} may be this video: {outcome.reason}"
        again_at = reconcile.look_again_at(known, since=since)
        return _needs_a_person(rt, job, why, candidates=outcome.candidates, again_at=again_at)
    assert isinstance(outcome, NotYet)
    again_at = _again_at(outcome, known, since)
    return OutcomeUnknown(
        f"every byte of {name} may have arrived, and the answer did not: {outcome.reason}",
        hint=f"at {moments.spoken(again_at)} type the same command again, or: ytpool queue retry {job}",
        job=job,
        until=again_at,
        missing=list(outcome.missing),
    )


def words_for(job: str, candidates: Sequence[str], again_at: datetime | None, *, instead: str) -> list[str]:
    """Say what a person types who knows what these videos are, and when a look is taken without one."""
    video_id = candidates[0] if len(candidates) == 1 else "VIDEO_ID"
    return [
        *([f"look at {WATCH_URL}{one}" for one in candidates] or ["look on the channel"]),
        f"if it is this video: ytpool queue resolve {job} --as done:{video_id}",
        f"{instead}: ytpool queue resolve {job} --as restart",
        *([] if again_at is None else [f"ytpool upload --resume looks again at {moments.spoken(again_at)}"]),
    ]


def _since(tx: Tx, job: str) -> datetime:
    """Return the moment from which on the video may exist; looks from before it were for another session."""
    upload = uploads.get(tx, job)
    assert upload.last_sent_at is not None
    return upload.last_sent_at


def _again_at(standing: NotYet, known: Sequence[Look], since: datetime) -> datetime:
    return standing.again_at or reconcile.look_again_at(known, since=since) or since


def _may_not_list(errand: Errand) -> OutcomeUnknown:
    why = f"the login of {errand.account} may not list its channel, so only a person can look there"
    return _needs_a_person(errand.rt, errand.job.job, why)


def _needs_a_person(
    rt: Runtime, job: str, why: str, *, candidates: tuple[str, ...] = (), again_at: datetime | None = None
) -> OutcomeUnknown:
    with rt.store.reading() as tx:
        name = uploads.get(tx, job).slug
    return OutcomeUnknown(
        f"every byte of {name} may have arrived, and the answer did not; {why}",
        hint="\n".join(words_for(job, candidates, again_at, instead="if it is not there")),
        job=job,
        candidates=list(candidates),
        until=again_at,
    )


def _read(errand: Errand, sought: Sought) -> tuple[list[Listed], bool]:
    """Read the list, again where that helps. One that is not there is no empty list, and proves as little."""
    try:
        return listing.read(errand, since=sought.since, claimed=sought.claimed)
    except UpstreamFailed as failure:
        verdict = failover.judge(failure)
        if verdict.until is Until.QUOTA_RESET:
            until = quota.resets_at(quota.quota_day(errand.rt.calendar.now()))
            raise QuotaExhausted(failure.message, until=until) from failure
        if verdict.until is Until.NEW_LOGIN:
            raise _may_not_list(errand) from failure
        raise _unreadable(errand, failure) from failure


def _unreadable(errand: Errand, failure: UpstreamFailed) -> OutcomeUnknown:
    advice = failover.judge(failure).advice
    return OutcomeUnknown(
        f"every byte of {errand.order.path.name} may have arrived, and the answer did not; the channel's list could "
        f"not be read: {failure.message or failure.reason}",
        hint=f"{advice}\nthen type the same command again, or: ytpool queue retry {errand.job.job}".lstrip(),
        job=errand.job.job,
        reason=failure.reason,
    )
