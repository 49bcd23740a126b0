"""Publishing: a file becomes a video with all that goes along, exactly once, whatever dies in between."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ytpool.actions import beforehand, claiming, files, media, placing, steps, waking
from ytpool.actions.claiming import Order
from ytpool.actions.errand import Errand, shown_privacy
from ytpool.actions.files import VideoFile
from ytpool.actions.steps import WATCH_URL, Unfinished
from ytpool.actions.transfer import Transfer
from ytpool.actions.watch import Watch
from ytpool.actions.whereabouts import publication_here
from ytpool.domain import publication
from ytpool.domain.jobs import Job, JobState, Step, StepState
from ytpool.domain.prices import Prices
from ytpool.domain.publication import Publication
from ytpool.domain.uploads import FileMarks
from ytpool.errors import YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, ledger, line, uploads
from ytpool.store.db import Tx
from ytpool.store.leases import Lease

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVideo:
    """What became of one file."""

    file: str
    job: str | None
    state: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    url: str | None
    bytes: int
    sha256: str | None
    privacy: str
    attempts: int
    resumed: bool
    steps: tuple[Step, ...]
    problem: YtpoolError | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an upload would do, had it not been asked to hold back."""

    file: str
    account: str | None
    channel_id: str | None
    privacy: str
    units: dict[str, int]
    waits_for: tuple[str, ...]
    job: str | None = None
    note: str = ""
    problem: YtpoolError | None = None


def publish(rt: Runtime, order: Order, watch: Watch) -> PublishedVideo:
    """Publish one file, or go on where an earlier run stopped; whatever happens comes back as a value.

    Only what stops the whole program is raised: an interruption, or a defect.
    """
    job: Job | None = None
    order = replace(order, publication=media.located(order.publication))
    try:
        file = _file_of(rt, order)
        if not is_begun(rt, order, file):  # else each file is looked at when its turn comes
            media.check(order.publication)
        rt.open_vault()
        claimed = claiming.claim(rt, order, file, watch)
        job = claimed.job
        if claimed.lease is None:
            note = _published_already(order)
            if publication_here(rt, job) != order.publication:
                note += "; what was asked for differently now was not applied"
            return _result(rt, order, job.job, problem=_left(rt, job), note=note)
        watch.started(job.job, file.path.name, file.size)
        return _publish(rt, order, file, job, claimed.lease, watch)
    except YtpoolError as problem:
        watch.ended(job.job if job else str(order.path), problem.message)
        return _result(rt, order, job.job if job else order.job, problem=problem)


def put_in_line(rt: Runtime, order: Order) -> PublishedVideo:
    """Check a file and store its job for whoever works the line off; what is refused comes back as a value."""
    in_line = order.in_line
    assert in_line is not None
    order = replace(order, publication=media.located(order.publication))
    try:
        file = files.inspect(order.path)
        if not is_begun(rt, order, file):
            media.check(order.publication)
        job = claiming.put_in_line(rt, order, file, in_line)
    except YtpoolError as problem:
        return _result(rt, order, order.job, problem=problem)
    waking.ring(rt)
    if job.published:
        return _result(rt, order, job.job, problem=_left(rt, job), note=_published_already(order))
    waits = job.state is JobState.QUEUED
    note = f"it waits in the queue, job {job.job}" if waits else f"its job is {job.state}, and goes on in its turn"
    return _result(rt, order, job.job, note=note)


def _file_of(rt: Runtime, order: Order) -> VideoFile:
    """Look at the file of an order; one whose video is up, or may be, need not be there any more."""
    if order.job is not None:
        with rt.store.reading() as tx:
            job, upload = jobs.get(tx, order.job), uploads.get(tx, order.job)
        if job.video_id is not None or (upload.last_sent_at is not None and not order.path.is_file()):
            marks = FileMarks(size=upload.size, modified_ns=upload.modified_ns, fingerprint=upload.fingerprint)
            return VideoFile(path=rt.path_map.here(Path(upload.path)), marks=marks)
    return files.inspect(order.path)


def is_begun(rt: Runtime, order: Order, file: VideoFile) -> bool:
    """Tell whether an earlier run has sent something of this content; the fingerprint is all that was looked at."""
    with rt.store.reading() as tx:
        claiming.require_target(tx, order.target)
        known = jobs.same_content(tx, order.target, file.marks.fingerprint, order.key)
        begun = [job for job in known if uploads.get(tx, job.job).started_at is not None]
    return any(not (order.again and job.published) for job in begun)


def plan(rt: Runtime, orders: Sequence[Order]) -> list[Plan]:
    """Check everything and choose for one after the other, but send nothing and store nothing."""
    with rt.store.reading() as tx:
        prices = rt.terms(tx).prices
    orders = [replace(order, publication=media.located(order.publication)) for order in orders]
    settled = [without_choosing(rt, order) for order in orders]
    to_place = [
        order if one is None else replace(order, target=claiming.narrower(order.target, one.target))
        for order, one in zip(orders, settled, strict=True)
        if not isinstance(one, Plan)
    ]
    choices = iter(placing.would_place(rt, to_place))
    plans = []
    for order, known in zip(orders, settled, strict=True):
        if isinstance(known, Plan):
            plans.append(known)
            continue
        choice, problem = next(choices)
        plans.append(
            Plan(
                file=str(order.path),
                account=choice.account,
                channel_id=_channel_of(rt, choice.account),
                privacy=shown_privacy(order.publication),
                units=_units(order, prices),
                waits_for=choice.busy,
                job=None if known is None else known.job,
                note="" if known is None else f"goes on with the job that is {known.state}; nothing of it was sent yet",
                problem=problem,
            )
        )
    return plans


def _units(order: Order, prices: Prices) -> dict[str, int]:
    units = Counter(order.publication.cost(prices))
    for call in beforehand.CALLS if order.look else ():
        units.update(prices.cost(call.operation))
    return dict(units)


def without_choosing(rt: Runtime, order: Order) -> Plan | Job | None:
    """Return the plan of what is refused or begun already; what has to find an account is a job that waits, or None."""
    try:
        file = _file_of(rt, order)
        if not is_begun(rt, order, file):  # what was sent is not asked again whether it may be sent
            publication.check(order.publication, rt.calendar.now())
            media.check(order.publication)
        with rt.store.reading() as tx:
            known = jobs.same_content(tx, order.target, file.marks.fingerprint, order.key)
            waits = bool(known) and known[0].state is JobState.DEFERRED and known[0].video_id is None
            if waits and uploads.get(tx, known[0].job).sent_to is None:
                return known[0]
    except YtpoolError as error:
        return Plan(
            file=str(order.path),
            account=None,
            channel_id=None,
            privacy=shown_privacy(order.publication),
            units={},
            waits_for=(),
            problem=error,
        )
    return _known(order, known[0]) if known and not (order.again and known[0].published) else None


def _known(order: Order, job: Job) -> Plan:
    """Say what becomes of content that a job publishes already; the same fingerprint is all that was looked at."""
    note = (
        _published_already(order)
        if job.published
        else f"goes on with the job that is {job.state}{', on the account it began with' if job.account else ''}"
    )
    return Plan(
        file=str(order.path),
        account=job.account,
        channel_id=job.channel_id,
        privacy=shown_privacy(claiming.publication_of(job)),
        units={},
        waits_for=(),
        job=job.job,
        note=note,
    )


def _published_already(order: Order) -> str:
    # Whoever asks for a job by its id, or for a file that is gone, is not told how to publish it twice.
    return "already published" if order.job else "already published; --again publishes it once more"


def _publish(rt: Runtime, order: Order, file: VideoFile, job: Job, lease: Lease, watch: Watch) -> PublishedVideo:
    """Bring the video to YouTube and do what goes along, or what is left of it."""
    wished = _wished(rt, order, job, lease)
    with Errand(rt, order, job, lease, wished, watch) as errand:
        transfer = Transfer(errand, file)
        if job.video_id is None:
            transfer.run()
        problem = _finish(errand)
    differs = (transfer.resumed or job.video_id is not None) and wished != order.publication
    as_begun = "it went on as it began: what was asked for differently now was not applied" if differs else ""
    note = "; ".join(filter(None, (transfer.note, as_begun)))
    result = _result(rt, order, job.job, problem=problem, resumed=transfer.resumed, note=note)
    watch.ended(job.job, f"{result.url} on {result.account}, {result.privacy}")
    return result


def _wished(rt: Runtime, order: Order, job: Job, lease: Lease) -> Publication:
    """Return what the job publishes; for a step that is not done, the file that is named now takes the old one's place.

    That is how a picture that YouTube did not take is replaced by one that it takes.
    """
    stood = publication_here(rt, job)
    with rt.store.transaction() as tx:
        left = {step.step for step in job_steps.of_job(tx, job.job) if step.state is not StepState.DONE}
        wished = stood.with_files_of(order.publication, left)
        if wished != stood:
            jobs.ask_with(tx, lease, claiming.stored(rt, wished))
    return wished


def _finish(errand: Errand) -> YtpoolError | None:
    """Do what goes along with a video that is there, look at it, and store how the job ends."""
    with errand.rt.store.reading() as tx:
        job = jobs.get(tx, errand.job.job)
    assert job.account is not None
    assert job.video_id is not None
    errand.place_on(job.account)
    problem: YtpoolError | None = steps.told(job.job, job.video_id, steps.run_all(errand, job.video_id))
    with errand.rt.store.transaction() as tx:
        problem = problem or _of_steps(tx, job)
        jobs.move(
            tx,
            errand.lease,
            JobState.DONE if problem is None else JobState.PARTLY,
            not_before=None if problem is None else problem.details["until"],
            error_code="" if problem is None else problem.code,
            error="" if problem is None else problem.message,
        )
        if problem is not None and problem.details["until"] is None and jobs.may_go_on(tx, job.job):
            line.go_on_soon(tx, job.job)
        ledger.release_job(tx, job.job, "not needed")  # nobody comes back to a job that is done
    return problem


def _left(rt: Runtime, job: Job) -> YtpoolError | None:
    """Name what is not as it should be with a video that is there."""
    with rt.store.reading() as tx:
        return _of_steps(tx, job)


def _of_steps(tx: Tx, job: Job) -> YtpoolError | None:
    left = [
        Unfinished(
            step=step.step,
            error=YtpoolError(step.detail),
            hint=f"see: ytpool why {job.job}",
            unknown=step.state is StepState.UNKNOWN,
        )
        for step in job_steps.of_job(tx, job.job)
        if step.state is not StepState.DONE
    ]
    return steps.told(job.job, job.video_id, left)


def _channel_of(rt: Runtime, account: str | None) -> str | None:
    if account is None:
        return None
    with rt.store.reading() as tx:
        return accounts.get(tx, account).channel_id


def _result(
    rt: Runtime,
    order: Order,
    job_id: str | None,
    *,
    problem: YtpoolError | None = None,
    resumed: bool = False,
    note: str = "",
) -> PublishedVideo:
    """Read back from the state what became of a file."""
    job: Job | None = None
    steps: tuple[Step, ...] = ()
    size = 0
    if job_id is not None:
        with rt.store.reading() as tx:
            job, steps, size = jobs.get(tx, job_id), job_steps.of_job(tx, job_id), uploads.get(tx, job_id).size
    return PublishedVideo(
        file=str(order.path),
        job=job_id,
        state=job.state if job else "refused",
        account=job.account if job else None,
        channel_id=job.channel_id if job else None,
        video_id=job.video_id if job else None,
        url=f"{WATCH_URL}{job.video_id}" if job and job.video_id else None,
        bytes=size,
        sha256=job.sha256 if job else None,
        privacy=shown_privacy(claiming.publication_of(job) if job else order.publication),
        attempts=job.attempts if job else 0,
        resumed=resumed,
        steps=steps,
        problem=problem,
        note=note,
    )


def told(rt: Runtime, order: Order, job: str, problem: YtpoolError) -> PublishedVideo:
    """Say how a job stands that nothing was done for, and why."""
    return _result(rt, order, job, problem=problem)


def counts(videos: Sequence[PublishedVideo]) -> dict[str, int]:
    """Count the files by what became of them."""
    found: dict[str, int] = {}
    for one in videos:
        found[one.state] = found.get(one.state, 0) + 1
    return found
