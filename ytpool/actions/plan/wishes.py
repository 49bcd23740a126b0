"""What is to be planned: the rows of a manifest, and the jobs that wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from ytpool.actions import beforehand, forecast, publish, queue
from ytpool.actions.claiming import Order, narrower, publication_of
from ytpool.actions.plan.place import Place
from ytpool.domain.jobs import InLine, Job, JobState, Target, TargetKind
from ytpool.domain.plan.scene import Item
from ytpool.domain.publication import UPLOAD
from ytpool.store import jobs, uploads
from ytpool.store.db import Tx

PLANNED, LEFT, DONE = "planned", "left", "done"
"""What becomes of an item: it has its place, it has none, or there is nothing to do."""

_LOOKS = tuple(call.operation for call in beforehand.CALLS)
"""What begins later than just now looks first whether somebody was faster by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One thing to do, and what the plan has for it."""

    item: str
    job: str | None
    kind: str
    target: str
    state: str
    account: str | None = None
    project: str | None = None
    channel_id: str | None = None
    quota_day: date | None = None
    block: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    publish_at: datetime | None = None
    bytes: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    """Why it has no place, or why there is nothing to do."""


class Wish(NamedTuple):
    """What is to be planned: how it is told, and what it needs, unless that is settled."""

    told: PlannedItem
    item: Item | None
    hidden: bool = False
    """It waits already, and was not asked about."""


def size_of(path: Path) -> int:
    """Return how large a file is; one that is gone has no size."""
    try:
        return path.stat().st_size
    except OSError:  # it is gone, and what needs it no more says so
        return 0


def of_order(place: Place, order: Order, size: int) -> Wish:
    """Wish for what nobody has asked for yet."""
    calls = _calls_of(order)
    public_at = order.publication.video.publish_at
    in_line = order.in_line or InLine()
    overdue = in_line.deadline is not None and in_line.deadline <= place.tx.now
    deadlines = [at for at in (public_at, None if overdue else in_line.deadline) if at is not None]
    told = PlannedItem(
        item=str(order.path),
        job=None,
        kind=UPLOAD,
        target=str(order.target),
        state=LEFT,
        publish_at=public_at,
        bytes=size,
    )
    item = place.item(
        told.item,
        order.target,
        calls,
        size=size,
        alone=True,
        deadline=min(deadlines, default=None),
        not_before=in_line.not_before,
        priority=in_line.priority,
        overdue=overdue,
    )
    return Wish(told, item)


def _calls_of(order: Order) -> tuple[str, ...]:
    return (*(call for step in order.publication.steps() for call in step.calls), *_LOOKS)


def settled(place: Place, order: Order, found: publish.Plan | Job) -> Wish:
    """Tell what needs no plan: it is published, or does not go on by itself."""
    told = PlannedItem(
        item=str(order.path),
        job=found.job,
        kind=UPLOAD,
        target=str(order.target),
        state=LEFT,
        account=found.account,
        channel_id=found.channel_id,
        publish_at=order.publication.video.publish_at,
    )
    problem = None if isinstance(found, Job) else found.problem
    if problem is not None:
        return Wish(replace(told, reasons=(problem.message,)), None)
    assert found.job is not None
    job = jobs.get(place.tx, found.job)
    if job.published:
        return Wish(replace(told, state=DONE, reasons=("already published",)), None)
    return Wish(replace(told, reasons=(f"its job is {job.state}: {queue.advice(place.tx, job)}",)), None)


def queued(place: Place) -> list[Wish]:
    """Wish for what waits, in the order in which it was asked for."""
    return [of_job(place, job) for job in waiting(place.tx)]


def waiting(tx: Tx) -> list[Job]:
    """Return what waits for an account of YouTube; other services have slots of their own, or none."""
    return [job for job in jobs.unfinished(tx) if job.target.kind in (TargetKind.ACCOUNT, TargetKind.POOL)]


def of_job(place: Place, job: Job, order: Order | None = None) -> Wish:
    """Wish for what a job has left; one that is planned already keeps its place.

    With an order it is planned anew: until it is begun, what is asked for now is what counts.
    """
    tx = place.tx
    upload = uploads.find(tx, job.job)
    begun = upload is not None and upload.started_at is not None
    sends = upload is not None and job.video_id is None
    asked = order if sends and not begun else None
    planned = place.planned.get(job.job)
    by_plan = planned is not None and planned.starts_at == job.not_before
    in_line = InLine(
        priority=job.priority,
        not_before=None if by_plan and order is not None else job.not_before,
        deadline=job.deadline,
    )
    if asked is not None and asked.in_line is not None and asked.in_line != InLine():
        in_line = asked.in_line
    public_at = None
    if sends:
        public_at = (publication_of(job) if asked is None else asked.publication).video.publish_at
    overdue = in_line.deadline is not None and in_line.deadline <= tx.now
    deadlines = [at for at in (public_at, None if overdue else in_line.deadline) if at is not None]
    size = 0 if upload is None or not sends else upload.size - upload.kept
    told = PlannedItem(
        item=f"{job.kind} {job.job_key or job.job}" if upload is None else upload.path,
        job=job.job,
        kind=job.kind,
        target=str(job.target),
        state=LEFT,
        publish_at=public_at,
        bytes=size,
    )
    if job.held_at is not None:
        return Wish(replace(told, reasons=(f"it is held back: {queue.advice(tx, job)}",)), None)
    # What is asked for again is tried again; only an unknown outcome wants its answer first.
    stuck = (JobState.DEFERRED, JobState.FINISHED_UNKNOWN) if order is None else (JobState.FINISHED_UNKNOWN,)
    if job.not_before is None and job.state in stuck:
        return Wish(replace(told, reasons=(f"it waits for a person: {queue.advice(tx, job)}",)), None)
    calls = (*forecast.calls_left(tx, job), *(_LOOKS if sends and not begun else ()))
    if asked is not None:
        calls = _calls_of(asked)
    place.frees(job, calls)
    stays = upload is None or job.video_id is not None or upload.sent_to is not None
    bound = job.account if stays else None
    if bound is None and planned is not None and order is None and place.works(planned.account):
        bound = planned.account
    target = job.target if asked is None else narrower(asked.target, job.target)
    item = place.item(
        told.item,
        target if bound is None else Target(kind=TargetKind.ACCOUNT, name=bound),
        calls,
        size=size,
        alone=sends,
        deadline=min(deadlines, default=None),
        begun=begun,
        not_before=in_line.not_before,
        priority=in_line.priority,
        overdue=overdue,
    )
    return Wish(told, item)
