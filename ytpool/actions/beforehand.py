"""Looking, before an upload is paid for, whether somebody has put the same file on its channel by hand.

An upload that waited for its quota, a login or its turn goes on hours later, and a person may not have waited with
it. What was asked for a moment ago is not looked up unless that is asked for: the channel's list is long, and two
units for every upload would tell an operator what they know. After a backup was restored it is looked up all the same,
for a time: what was sent after the backup is not in the books.
"""

from datetime import UTC, datetime, timedelta

from ytpool.actions import listing, reconciling
from ytpool.actions.claiming import Order
from ytpool.actions.errand import Errand
from ytpool.domain import failover, moments, reconcile
from ytpool.domain.failover import Next
from ytpool.domain.jobs import Job, Target, TargetKind
from ytpool.domain.publication import UPLOAD
from ytpool.domain.reconcile import CLOCK_TOLERANCE, Doubtful, Look, NotYet, Outcome, Sought
from ytpool.errors import OutcomeUnknown, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import jobs, looks, meta, uploads
from ytpool.store.db import Tx
from ytpool.store.ledger import Call
from ytpool.store.uploads import Upload

CALLS = (Call(operation="playlistItems.list", step=UPLOAD), Call(operation="videos.list", step=UPLOAD))
"""What a look costs where the channel has published no more than fifty videos since."""

_MEANWHILE = timedelta(minutes=5)
"""From this age on an upload is looked for before it is paid: nobody sends a video by hand in less."""

_EVER = datetime(2005, 1, 1, tzinfo=UTC)
"""Before YouTube's first video."""

_AGAIN = (Next.SAME_ACCOUNT, Next.OTHER_ACCOUNT, Next.REFRESH)


def is_wanted(rt: Runtime, order: Order, job: Job) -> bool:
    """Tell whether to look before this upload is paid; not where a person has just said that it is to be sent."""
    if order.again:
        return False
    with rt.store.reading() as tx:
        upload = uploads.get(tx, job.job)
        is_old = tx.now - _asked_at(job, upload) >= _MEANWHILE
        return order.look or is_old or _is_open(tx, upload) or meta.gap(tx) is not None


def where_it_was_seen(rt: Runtime, job: Job) -> Target | None:
    """Name the account on whose channel the last look saw what may be this file: elsewhere nobody would find it."""
    with rt.store.reading() as tx:
        is_open = _is_open(tx, uploads.get(tx, job.job))
    return Target(kind=TargetKind.ACCOUNT, name=job.account) if is_open and job.account is not None else None


def look(errand: Errand) -> None:
    """Look at the channel the errand is placed on, back to when the job was asked for, and keep what was seen.

    With `--look`, and for as long as its question is open, all of the newest page counts, however old. Raises
    OutcomeUnknown, naming the video, where one may be this file; a list that cannot be read for no passing reason keeps
    nobody from uploading, and that is said.
    """
    rt, job = errand.rt, errand.job
    if not listing.can_list(rt, errand.account):
        errand.says(f"the login of {errand.account} may not list its channel: nobody looked whether it is there")
        return
    with rt.store.reading() as tx:
        upload, now = uploads.get(tx, job.job), tx.now
        claimed = jobs.claimed(tx, errand.payer.channel_id, job.job) | _answered(tx, upload)
        whenever = errand.order.look or _is_open(tx, upload)
        asked_at, gap = _asked_at(job, upload), meta.gap(tx)
        if gap is not None and upload.cleared_at is None:  # a job that is not in the books may have sent it
            asked_at = min(asked_at, gap[0])
    sought = Sought(
        intent_at=_EVER if whenever else asked_at,
        size=upload.size,
        slug=errand.order.path.name,
        title=errand.publication.video.title,
        claimed=claimed,
    )
    errand.says("looking whether somebody has put it on the channel by hand")
    try:
        listed, _ = listing.read(errand, since=sought.since, claimed=claimed, back_to=asked_at - CLOCK_TOLERANCE)
    except UpstreamFailed as failure:
        if failover.judge(failure).next in _AGAIN:
            raise
        errand.says(f"the channel's list could not be read ({failure.message or failure.reason}): nobody looked")
        return
    seen = Look(at=now, outcome=reconcile.beforehand(sought, listed))
    with rt.store.transaction() as tx:
        jobs.require(tx, errand.lease)
        looks.keep(tx, job.job, seen)
        again_at = reconcile.look_again_at(looks.of_job(tx, job.job), since=asked_at)
    if isinstance(seen.outcome, Doubtful | NotYet):
        raise _may_be_there(errand, seen.outcome, None if whenever else asked_at, again_at)


def _asked_at(job: Job, upload: Upload) -> datetime:
    """Return since when it is to be sent: what was on the channel before that, the person knew who asked for it."""
    return max(filter(None, (job.created_at, upload.cleared_at)))


def _answered(tx: Tx, upload: Upload) -> set[str]:
    """Return the videos that a person was asked about, and has said not to be this file."""
    asked = (
        one for one in looks.of_job(tx, upload.job) if upload.cleared_at is not None and one.at <= upload.cleared_at
    )
    return {video_id for one in asked for video_id in _candidates(one.outcome)}


def _is_open(tx: Tx, upload: Upload) -> bool:
    """Tell whether the last look asked a question that nobody has answered yet."""
    seen = looks.of_job(tx, upload.job)
    answered = bool(seen) and upload.cleared_at is not None and seen[-1].at <= upload.cleared_at
    return bool(seen) and not answered and bool(_candidates(seen[-1].outcome))


def _candidates(outcome: Outcome) -> tuple[str, ...]:
    match outcome:
        case Doubtful(candidates=candidates):
            return candidates
        case NotYet(missing=missing):
            return missing
        case _:
            return ()


def _may_be_there(
    errand: Errand, outcome: Outcome, asked_at: datetime | None, again_at: datetime | None
) -> OutcomeUnknown:
    candidates = _candidates(outcome)
    assert isinstance(outcome, Doubtful | NotYet)
    when = "" if asked_at is None else f" since it was asked for at {moments.spoken(asked_at)}"
    return OutcomeUnknown(
        f"{', '.join(candidates)} on channel {errand.channel_title} may be {errand.order.path.name}, put there by hand"
        f"{when}: {outcome.reason}; nothing was sent",
        hint="\n".join(
            reconciling.words_for(errand.job.job, candidates, again_at, instead="if it is another one, to send this")
        ),
        job=errand.job.job,
        candidates=list(candidates),
        until=again_at,
    )
