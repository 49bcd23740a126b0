"""Looking for a video whose last answer did not come, on the uploads list of its channel.

What one look shows decides `domain/reconcile`; here it is read, paid for and kept with the job, so that the second
look may be another process's. A reading that fails proves nothing and leaves the outcome as unknown as it was.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from ytpool.actions.errand import Errand
from ytpool.actions.steps import WATCH_URL
from ytpool.actions.trying import Try
from ytpool.domain import failover, grants, moments, quota, reconcile
from ytpool.domain.failover import Until
from ytpool.domain.publication import UPLOAD
from ytpool.domain.reconcile import (
    CLOCK_TOLERANCE,
    LOOKS_APART,
    Doubtful,
    FileDetails,
    Listed,
    Look,
    NotYet,
    Outcome,
    Sought,
)
from ytpool.domain.secret import Secret
from ytpool.errors import OutcomeUnknown, QuotaExhausted, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, looks
from ytpool.store.db import Tx

T = TypeVar("T")

_IDS_PER_CALL = 50
_UNDATED = datetime.max.replace(tzinfo=UTC)
"""An entry without a moment counts as new, and is looked at."""

_PARTS = ("fileDetails", "status", "snippet")


def can_look(rt: Runtime, account: str) -> bool:
    """Tell whether this account's login may list its channel."""
    with rt.store.reading() as tx:
        return grants.can_list(accounts.get(tx, account).scopes)


def require_due(rt: Runtime, job: str) -> None:
    """Raise OutcomeUnknown, with the moment, while it is too early for another look to say anything new."""
    with rt.store.reading() as tx:
        since, known, now = _since(tx, job), looks.of_job(tx, job), tx.now
    standing = reconcile.verdict(known, since=since)
    if isinstance(standing, NotYet) and now < _again_at(standing, known, since):
        raise unknown(rt, job, standing)


def look(errand: Errand) -> Outcome:
    """Look once, on the account the errand is placed on, and return what all looks so far say together.

    Raises OutcomeUnknown where the login cannot list or the list cannot be read, QuotaExhausted, Resting or
    LoginNeeded where it can be read later.
    """
    rt, job = errand.rt, errand.job.job
    assert errand.placed is not None
    payer = errand.placed.payer
    if not can_look(rt, payer.account):
        raise _may_not_list(errand)
    with rt.store.reading() as tx:
        upload, now = jobs.upload(tx, job), tx.now
        claimed = jobs.claimed(tx, payer.channel_id, job)
        playlist = accounts.uploads_playlist(tx, payer.channel_id)
    assert upload.intent_at is not None
    assert upload.last_sent_at is not None
    sought = Sought(
        intent_at=upload.intent_at,
        size=upload.size,
        slug=upload.slug,
        title=errand.publication.video.title,
        claimed=claimed,
    )
    listed, whole = _read(errand, playlist, sought)
    seen = Look(at=now, outcome=reconcile.look(sought, listed, whole=whole))
    with rt.store.transaction() as tx:
        jobs.require(tx, errand.lease)
        looks.keep(tx, job, seen)
        return reconcile.verdict(looks.of_job(tx, job), since=upload.last_sent_at)


def unknown(rt: Runtime, job: str, outcome: Outcome) -> OutcomeUnknown:
    """Word what the looks leave open, with what to type and, where that is known, when."""
    if isinstance(outcome, Doubtful):
        named = ", ".join(outcome.candidates)
        return _needs_a_person(rt, job, f"{named} may be this video: {outcome.reason}", candidates=outcome.candidates)
    assert isinstance(outcome, NotYet)
    with rt.store.reading() as tx:
        name, known, since = jobs.upload(tx, job).slug, looks.of_job(tx, job), _since(tx, job)
    again_at = _again_at(outcome, known, since)
    return OutcomeUnknown(
        f"every byte of {name} may have arrived, and the answer did not: {outcome.reason}",
        hint=f"at {moments.spoken(again_at)} type the same command again, or: ytpool queue retry {job}",
        job=job,
        until=again_at,
        missing=list(outcome.missing),
    )


def _since(tx: Tx, job: str) -> datetime:
    """Return the moment from which on the video may exist; looks from before it were for another session."""
    upload = jobs.upload(tx, job)
    assert upload.last_sent_at is not None
    return upload.last_sent_at


def _again_at(standing: NotYet, known: Sequence[Look], since: datetime) -> datetime:
    latest = max((one.at for one in known if one.at >= since), default=None)
    return standing.again_at or (since if latest is None else latest + LOOKS_APART)


def _may_not_list(errand: Errand) -> OutcomeUnknown:
    why = f"the login of {errand.account} may not list its channel, so only a person can look there"
    return _needs_a_person(errand.rt, errand.job.job, why)


def _needs_a_person(rt: Runtime, job: str, why: str, *, candidates: tuple[str, ...] = ()) -> OutcomeUnknown:
    with rt.store.reading() as tx:
        name = jobs.upload(tx, job).slug
    looks_at = [f"look at {WATCH_URL}{one}" for one in candidates] or ["look on the channel"]
    video_id = candidates[0] if len(candidates) == 1 else "VIDEO_ID"
    return OutcomeUnknown(
        f"every byte of {name} may have arrived, and the answer did not; {why}",
        hint="\n".join(
            [
                *looks_at,
                f"if it is this video: ytpool queue resolve {job} --as done:{video_id}",
                f"if it is not there: ytpool queue resolve {job} --as restart",
            ]
        ),
        job=job,
        candidates=list(candidates),
    )


def _read(errand: Errand, playlist: str, sought: Sought) -> tuple[list[Listed], bool]:
    """Read the uploads list back to before the intent, with the file details of every video since."""
    since = sought.intent_at - CLOCK_TOLERANCE
    entries, whole = _entries(errand, playlist, since)
    newer = [video_id for video_id, at in entries if at >= since and video_id not in sought.claimed]
    known: dict[str, dict[str, Any]] = {}
    for first in range(0, len(newer), _IDS_PER_CALL):
        for video in _paid(errand, "videos.list", _videos(errand, newer[first : first + _IDS_PER_CALL])):
            known[str(video.get("id"))] = video
    return [_listed(video_id, at, known.get(video_id, {})) for video_id, at in entries], whole


def _entries(errand: Errand, playlist: str, since: datetime) -> tuple[list[tuple[str, datetime]], bool]:
    """Return the list's videos with their moments, newest first, and whether it was read to its end."""
    entries: list[tuple[str, datetime]] = []
    page = ""
    while True:
        items, page = _paid(errand, "playlistItems.list", _page(errand, playlist, page))
        entries += _dated(items)
        if not page:
            return entries, True
        if entries and entries[-1][1] < since:
            return entries, False


def _videos(errand: Errand, ids: list[str]) -> Callable[[Secret], list[dict[str, Any]]]:
    return lambda token: errand.rt.youtube.videos(token, ids, _PARTS)


def _page(errand: Errand, playlist: str, page: str) -> Callable[[Secret], tuple[list[dict[str, Any]], str]]:
    return lambda token: errand.rt.youtube.uploads(token, playlist, page)


def _dated(items: list[dict[str, Any]]) -> Iterator[tuple[str, datetime]]:
    """Read entries of the list; of its two moments the later counts, so that a doubtful one is looked at."""
    for item in items:
        details, snippet = item.get("contentDetails", {}), item.get("snippet", {})
        told = (details.get("videoPublishedAt"), snippet.get("publishedAt"))
        if isinstance(details.get("videoId"), str):
            yield details["videoId"], max(filter(None, map(_moment, told)), default=_UNDATED)


def _moment(told: object) -> datetime | None:
    try:
        return moments.parse(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _listed(video_id: str, at: datetime, video: dict[str, Any]) -> Listed:
    title = video.get("snippet", {}).get("title")
    return Listed(
        video_id=video_id,
        published_at=at,
        title=title if isinstance(title, str) else "",
        details=FileDetails.from_resource(video),
    )


def _paid(errand: Errand, operation: str, send: Callable[[Secret], T]) -> T:
    """Make a reading, again where that helps. A list that is not there is no empty list, and proves as little."""
    try:
        return Try(errand, UPLOAD).read(operation, send)
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
