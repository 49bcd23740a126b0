"""Following videos until YouTube has processed them: few calls, long waits, and its own words for how it ended.

Waits are measured on quota time, which in the sandbox profile is the sandbox's own: moving its clock ends a wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ytpool.actions import claiming, looking
from ytpool.actions.watch import Watch
from ytpool.domain import failover, processing
from ytpool.domain.failover import Next
from ytpool.domain.jobs import StepState
from ytpool.domain.processing import Difference, Processing, ProcessingState
from ytpool.domain.quota import Urgency
from ytpool.domain.video import VideoRequest
from ytpool.errors import Resting, UpstreamFailed, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import job_steps, jobs

FOLLOW = "follow"
"""The step of the job that published a video; its detail says how YouTube ended."""

_LOOKS_AT_CLOCK_EVERY = 1.0
_UNSEEN = 3
"""So many looks in a row that do not show a video, and it is not there any more."""

_FAILED = (ProcessingState.FAILED, ProcessingState.REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A video that is to be followed."""

    video_id: str
    account: str
    name: str
    """What to call it while it is followed."""
    job: str | None = None
    asked: VideoRequest | None = None
    """What its job asked for, to be compared with what YouTube made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How YouTube ended with a video; no processing where it is not there any more."""

    video_id: str
    processing: Processing | None
    differences: tuple[Difference, ...] = ()
    problem: YtpoolError | None = None


def to_follow(rt: Runtime, job_ids: Sequence[str]) -> tuple[Followed, ...]:
    """Return what there is to follow of these jobs: the videos that are up."""
    with rt.store.reading() as tx:
        found = [jobs.get(tx, job_id) for job_id in job_ids]
    return tuple(
        Followed(
            video_id=job.video_id,
            account=job.account,
            name=(asked := claiming.publication_of(job).video).title,
            job=job.job,
            asked=asked,
        )
        for job in found
        if job.video_id is not None and job.account is not None
    )


def follow(rt: Runtime, followed: Sequence[Followed], watch: Watch) -> tuple[Ending, ...]:
    """Look at these videos until each has come to an end, and return how, in their order.

    It looks at once, then after 30 seconds, then ever later up to ten minutes; the videos of one account share a call
    by fifty. Raises what keeps it from looking on: QuotaExhausted, Resting, LoginNeeded, or a refusal of Google's.
    Stopping it loses nothing: it can be begun again at any time.
    """
    rt.open_vault()
    endings: dict[str, Ending] = {}
    unseen: dict[str, int] = {}
    polls = 0
    while pending := [one for one in followed if one.video_id not in endings]:
        if polls:
            _wait(rt, processing.poll_after(polls - 1))
        for one, video in _look(rt, pending, watch):
            unseen[one.video_id] = 0 if video is not None else unseen.get(one.video_id, 0) + 1
            ending = _ending(rt, one, video, unseen[one.video_id])
            if ending is None:
                after = processing.poll_after(polls).total_seconds()
                watch.says(one.job or one.video_id, f"{one.name}: {_so_far(video)}; looks again in {after:.0f} s")
                continue
            endings[one.video_id] = ending
            _keep(rt, one, ending)
            watch.says(one.job or one.video_id, f"{one.name}: {spoken(ending)}")
        polls += 1
    return tuple(endings[one.video_id] for one in followed)


def _look(rt: Runtime, pending: Sequence[Followed], watch: Watch) -> list[tuple[Followed, Mapping[str, Any] | None]]:
    """Ask for all that is pending, by account; what could not be asked now is not in the answer."""
    by_account: dict[str, list[Followed]] = {}
    for one in pending:
        by_account.setdefault(one.account, []).append(one)
    seen: list[tuple[Followed, Mapping[str, Any] | None]] = []
    for account, some in by_account.items():
        ids = [one.video_id for one in some]
        try:
            found = looking.videos(rt, account, ids, processing.PARTS, urgency=Urgency.STARTED)
        except (UpstreamFailed, Resting) as trouble:
            if not _passes(rt, trouble):
                raise
            watch.says(some[0].job or some[0].video_id, f"YouTube could not be asked: {trouble.message}")
            continue
        seen += [(one, found.get(one.video_id)) for one in some]
    return seen


def _passes(rt: Runtime, trouble: UpstreamFailed | Resting) -> bool:
    """Tell whether it is worth while to look again at the usual time."""
    if isinstance(trouble, UpstreamFailed):
        return failover.judge(trouble).next is Next.SAME_ACCOUNT
    until = trouble.details.get("until")
    return isinstance(until, datetime) and until - rt.calendar.now() <= processing.LONGEST_POLL_AFTER


def _wait(rt: Runtime, span: timedelta) -> None:
    until = rt.calendar.now() + span
    while (left := (until - rt.calendar.now()).total_seconds()) > 0:
        rt.sleep(min(left, _LOOKS_AT_CLOCK_EVERY))


def _ending(rt: Runtime, one: Followed, video: Mapping[str, Any] | None, unseen: int) -> Ending | None:
    if video is None:
        if unseen < _UNSEEN:
            return None
        gone = YtpoolError(
            f"video {one.video_id} is not there any more",
            hint="it was deleted, or is another channel's: look at it in YouTube Studio",
            video_id=one.video_id,
        )
        return Ending(video_id=one.video_id, processing=None, problem=gone)
    state = Processing.from_resource(video)
    if not state.is_over:
        return None
    wrong = () if one.asked is None else processing.differences(one.asked, video, rt.calendar.now())
    return Ending(video_id=one.video_id, processing=state, differences=wrong, problem=problem_of(one.video_id, state))


def problem_of(video_id: str, state: Processing) -> YtpoolError | None:
    """Word what YouTube says of a video it failed to process, rejected, or no longer has."""
    if state.state is ProcessingState.DELETED:
        return YtpoolError(f"video {video_id} is deleted", video_id=video_id)
    if state.state not in _FAILED:
        return None
    verb = "rejected" if state.state is ProcessingState.REJECTED else "could not process"
    words = "; ".join(f"{one.about} {one.word}" for one in state.reasons) or "no reason given"
    return YtpoolError(
        f"YouTube {verb} video {video_id}: {words}",
        hint="\n".join(one.meaning for one in (*state.reasons, *state.suggestions)),
        video_id=video_id,
        reasons=[{"about": one.about, "word": one.word, "meaning": one.meaning} for one in state.reasons],
    )


def _so_far(video: Mapping[str, Any] | None) -> str:
    if video is None:
        return "not listed yet"
    state = Processing.from_resource(video)
    percent = "" if state.percent is None else f", {state.percent} %"
    left = "" if state.time_left is None else f", about {state.time_left.total_seconds():.0f} s left by YouTube's guess"
    return f"processing{percent}{left}"


def spoken(ending: Ending) -> str:
    """Say in one line how it ended."""
    if ending.processing is None:
        return "not there any more"
    reasons = [f"{one.about} {one.word} ({one.meaning})" for one in ending.processing.reasons]
    said = f"{ending.processing.state}: {'; '.join(reasons)}" if reasons else str(ending.processing.state)
    return "; ".join([said, *map(str, ending.differences)])


def _keep(rt: Runtime, one: Followed, ending: Ending) -> None:
    """Write down how it ended, beside the job's own steps: to follow is done, whatever the end was."""
    if one.job is None:
        return
    with rt.store.transaction() as tx:
        job_steps.keep(tx, one.job, FOLLOW, StepState.DONE, spoken(ending))
