"""Finding or making the job of an upload, and taking it: one content, one target, one key, one worker.

The search and the storing are one transaction, before any account is chosen: two commands that publish the same file
at the same moment end up with one job.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ytpool.actions.files import VideoFile, whole_hash
from ytpool.actions.watch import Watch
from ytpool.actions.whereabouts import publication_here
from ytpool.domain import ids, publication
from ytpool.domain.jobs import UPLOAD, InLine, Job, JobState, StepState, Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.uploads import FileMarks, is_covered, why_changed
from ytpool.errors import Busy, FileChanged, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, job_steps, jobs, leases, ledger, line, owners, plans, pools, uploads, whereabouts
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.line import Picked
from ytpool.store.uploads import Upload

_LOOK_AGAIN_AFTER = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One file to publish, and how."""

    path: Path
    publication: Publication
    target: Target
    key: str = ""
    """Part of the job's key: another key makes the same content another job."""
    again: bool = False
    """Publish it although it is published already."""
    look: bool = False
    """Look first whether the newest videos of the channel have it already."""
    wait: bool = True
    """Wait for one's turn at a slot, a channel or a job instead of giving up."""
    use_buffer: bool = False
    """Reach into the last share of a bucket."""
    deadline: datetime | None = None
    """Until when it shall be done; a moment of publication that is sooner counts instead."""
    in_line: InLine | None = None
    """How it is to wait in the queue, where it does."""
    job: str | None = None
    """Go on with this job, and with no other."""
    picked: Picked | None = field(default=None, compare=False, repr=False)
    """The turn of the worker who goes on with it."""
    pace: Callable[[int], int] | None = field(default=None, compare=False, repr=False)
    """A limit of bytes per second, shared by all who are given it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job that is ours to work on; no lease where there is nothing left to do."""

    job: Job
    lease: Lease | None


def claim(rt: Runtime, order: Order, file: VideoFile, watch: Watch) -> Claim:
    """Return the job for this order, found or made, and the lease on it.

    Raises Busy when another worker has it and `order.wait` is off, or the turn is over, FileChanged when the job was
    begun with other bytes, UnknownName for an account or pool that is not there, MetadataInvalid for what YouTube would
    refuse. What was sent already is not asked again whether it may be sent: a moment of publication passes while an
    upload rests.
    """
    sha256 = None if order.job is None else _hash_to_compare(rt, order.job, file)
    waited_for = ""
    while True:
        with rt.store.transaction() as tx:
            rt.require_same_root(tx)
            line.require(tx, order.picked)
            require_target(tx, order.target)
            named = None if order.job is None else jobs.get(tx, order.job)
            found = [] if named else _same(tx, order, file)
            if found and sha256 is None:
                taken = None
            else:
                job = named or _found_or_made(rt, tx, order, file, sha256, found, waited_for)
                if job.published and not job_steps.has_work_left(tx, job.job):
                    return Claim(job=job, lease=None)
                taken = _take(rt, tx, order, file, job, sha256)
                if taken is not None:
                    return Claim(job=jobs.get(tx, job.job), lease=taken)
        if sha256 is None and named is None:
            sha256 = whole_hash(file.path)  # outside of the transaction: this reads the whole file
            continue
        if not order.wait:
            raise Busy(
                f"job {job.job} for {file.path.name} is being worked on by another process",
                hint="leave out --no-wait to wait for it",
                job=job.job,
            )
        if waited_for != job.job:
            watch.waits(job.job, f"waiting for the process that is already uploading {file.path.name}")
            waited_for = job.job
        rt.sleep(_LOOK_AGAIN_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """One file to publish when its moment has come."""

    order: Order
    file: VideoFile
    job: str | None
    """The job that waits already; None where the content has none."""


def wait(rt: Runtime, tx: Tx, wanted: Sequence[Later]) -> list[plans.Waiting]:
    """Return what is to wait for its moment, in the same order: the job that is there, or a new one; stores nothing.

    All are looked at with a few questions, because nobody else writes meanwhile. Raises Busy where something has
    changed since it was looked at, or somebody is at it; the error has to leave the transaction.
    """
    channels = {target: jobs.channels_of(tx, target) for target in {one.order.target for one in wanted}}
    _require_nobody_was_faster(rt, tx, [one for one in wanted if one.job is None], channels)
    names = [one.job for one in wanted if one.job is not None]
    standing, sent = jobs.several(tx, names), uploads.several(tx, names)
    worked_on = leases.held(tx, LeaseKind.JOB)
    found = []
    for one in wanted:
        publication.check(one.order.publication, tx.now)
        if one.job is None:
            found.append(_waiting(rt, one, ids.new(tx.now, rt.rng)))
            continue
        job, upload = standing[one.job], sent[one.job]
        if job.job in worked_on:
            what = f"job {job.job} for {one.file.path.name} is being worked on by another process"
        elif job.video_id is not None or upload.started_at is not None:
            what = f"the upload of {one.file.path.name} has begun meanwhile"
        elif job.state is JobState.CANCELLED or job.held_at is not None:
            what = f"the upload of {one.file.path.name} was {'held back' if job.held_at else 'cancelled'} meanwhile"
        else:
            found.append(_waiting_still(rt, one, job, upload))
            continue
        raise Busy(what, hint="plan again", job=job.job)
    return found


def _require_nobody_was_faster(
    rt: Runtime, tx: Tx, wanted: Sequence[Later], channels: Mapping[Target, AbstractSet[str]]
) -> None:
    """Refuse what has got a job since it was looked at, or that broke off when its file had other content."""
    there: dict[tuple[str, str], list[Job]] = {}
    for job in jobs.with_content(tx, [one.file.marks.fingerprint for one in wanted]):
        there.setdefault((job.fingerprint, job.job_key), []).append(job)
    asked: dict[tuple[str, str], list[Target]] = {}
    paths = {one.file.path: str(rt.path_map.there(one.file.path)) for one in wanted}
    begun = uploads.begun_from(tx, paths.values())
    for one in wanted:
        order, file = one.order, one.file
        content = (file.marks.fingerprint, order.key)
        before = asked.setdefault(content, [])
        twice = next((target for target in before if channels[target] & channels[order.target]), None)
        if twice is not None:
            raise UsageWrong(
                f"{file.path.name} is asked for twice: for {twice} and for {order.target}, which share a channel",
                hint="leave out one of them; to publish it twice, give one a key of its own",
                path=str(file.path),
            )
        before.append(order.target)
        for same in there.get(content, ()):
            if not _means_again(order, same) and jobs.meets(tx, same, order.target, channels[order.target]):
                raise Busy(f"somebody else has just asked for {file.path.name}", hint="plan again", path=str(file.path))
        ours = [each for each in begun if each.upload.path == paths[file.path]]
        _require_same_content(ours, order, file, channels[order.target])


def _waiting(rt: Runtime, one: Later, job: str) -> plans.Waiting:
    return plans.Waiting(
        job=job,
        target=one.order.target,
        job_key=one.order.key,
        request=stored(rt, one.order.publication),
        steps=_steps(one.order),
        in_line=one.order.in_line or InLine(),
        path=str(rt.path_map.there(one.file.path)),
        marks=one.file.marks,
        slug=one.file.path.name,
        files_on=owners.me().host,
    )


def _waiting_still(rt: Runtime, one: Later, job: Job, upload: Upload) -> plans.Waiting:
    """Say what a job waits with from now on: what is asked for now is what counts, as nothing was sent yet."""
    anew = _waiting(rt, one, job.job)
    unasked = one.order.in_line in (None, InLine())
    return replace(
        anew,
        target=narrower(one.order.target, job.target),
        # Where it is the same, it keeps the names it was asked for with.
        request=job.request if one.order.publication == publication_here(rt, job) else anew.request,
        in_line=InLine(priority=job.priority, deadline=job.deadline) if unasked else anew.in_line,
        files_on=job.files_on if rt.path_map.here(Path(upload.path)) == one.file.path else anew.files_on,
    )


def _same(tx: Tx, order: Order, file: VideoFile) -> list[Job]:
    return jobs.same_content(tx, order.target, file.marks.fingerprint, order.key)


def put_in_line(rt: Runtime, order: Order, file: VideoFile, in_line: InLine) -> Job:
    """Return the job for this order, found or made; one that nobody has begun waits in the line as it is asked to.

    Found and made as `claim` does it, so what is asked for twice is one job, whether it is done now or later.
    """
    sha256: str | None = None
    while True:
        with rt.store.transaction() as tx:
            rt.require_same_root(tx)
            require_target(tx, order.target)
            found = _same(tx, order, file)
            if sha256 is not None or not found:
                job = _found_or_made(rt, tx, order, file, sha256, found, "")
                taken = _take(rt, tx, order, file, job, sha256) if job.state is JobState.QUEUED else None
                if taken is not None:
                    line.ask(tx, job.job, in_line)
                    leases.give_back(tx, [taken])
                return jobs.get(tx, job.job)
        sha256 = whole_hash(file.path)  # outside of the transaction: this reads the whole file


def asked_for(
    rt: Runtime,
    *,
    kind: str,
    account: str,
    job_key: str,
    request: str,
    step: str,
    sends_file: bool = False,
    picked: Picked | None = None,
) -> tuple[Job, Lease, StepState]:
    """Return the job that was asked for just this, found or made, the lease on it, and how its only step stands.

    For jobs that send no video. Raises Busy while another process works on it, and where the turn is over.
    """
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        line.require(tx, picked)
        target = Target(kind=TargetKind.ACCOUNT, name=account)
        job = found_or_asked(
            rt,
            tx,
            kind=kind,
            target=target,
            job_key=job_key,
            request=request,
            step=step,
            sends_file=sends_file,
        )
        lease = take(tx, job.job)
        (only,) = job_steps.of_job(tx, job.job)
    return job, lease, only.state


def found_or_asked(
    rt: Runtime,
    tx: Tx,
    *,
    kind: str,
    target: Target,
    job_key: str,
    request: str,
    step: str,
    sends_file: bool = False,
) -> Job:
    """Return the unfinished job that was asked for just this, or a new one; for jobs that send no video."""
    job = jobs.asked_for(tx, kind, job_key, request)
    if job is not None:
        return job
    name = ids.new(tx.now, rt.rng)
    jobs.add(
        tx,
        name,
        kind=kind,
        target=target,
        job_key=job_key,
        fingerprint="",  # it sends no video
        sha256=None,
        request=request,
        steps=(step,),
        files_on=owners.me().host if sends_file else None,
    )
    return jobs.get(tx, name)


def take(tx: Tx, job: str) -> Lease:
    """Take a job that nobody works on, with what an earlier worker left behind; raises Busy while somebody does."""
    lease = leases.take(tx, LeaseKind.JOB, job, holder=job)
    if lease is None:
        raise Busy(f"job {job} is being worked on by another process", hint="try again", job=job)
    ledger.take_over(tx, job, lease.fence)
    return lease


def _found_or_made(
    rt: Runtime, tx: Tx, order: Order, file: VideoFile, sha256: str | None, found: list[Job], waited_for: str
) -> Job:
    same = next((job for job in found if job.sha256 in (None, sha256)), None)
    if same is None:
        _require_nothing_begun(rt, tx, order, file)
    elif not _means_again(order, same) or same.job == waited_for:
        return same
    return _make(rt, tx, order, file, sha256)


def _take(rt: Runtime, tx: Tx, order: Order, file: VideoFile, job: Job, sha256: str | None) -> Lease | None:
    """Take the lease on a job, or None when somebody alive has it; refuse a file that is not the job's."""
    begun = uploads.get(tx, job.job)
    unbegun = begun.started_at is None and job.video_id is None
    if order.job is not None or not unbegun:
        _require_same_file(begun, file, sha256, job.sha256)
    taken = leases.take(tx, LeaseKind.JOB, job.job, holder=job.job)
    if taken is None:
        return None
    ledger.take_over(tx, job.job, taken.fence)
    if unbegun:  # nothing was sent yet: what is asked for now is what counts
        publication.check(order.publication, tx.now)
        target = narrower(order.target, job.target)
        same = order.publication == publication_here(rt, job)  # then it keeps the names it was asked for with
        request = job.request if same else stored(rt, order.publication)
        jobs.ask_for(tx, taken, target, request, file.marks.modified_ns)
        job_steps.plan(tx, taken, _steps(order))
    if rt.path_map.here(Path(begun.path)) != file.path:
        uploads.lies_at(tx, taken, str(rt.path_map.there(file.path)), owners.me().host)
    whereabouts.found(tx, [job.job])
    return taken


def _hash_to_compare(rt: Runtime, job_id: str, file: VideoFile) -> str | None:
    """Read the whole of a file only where nothing less tells whether it is the one its job began with."""
    with rt.store.reading() as tx:
        job, upload = jobs.get(tx, job_id), uploads.get(tx, job_id)
    same_time = upload.modified_ns == file.marks.modified_ns
    return None if job.sha256 is None or same_time or is_covered(file.size) else whole_hash(file.path)


def require_target(tx: Tx, target: Target) -> None:
    """Raise UnknownName unless the account or pool is there."""
    if target.kind is TargetKind.ACCOUNT:
        accounts.get(tx, target.name)
    else:
        pools.get(tx, target.name)


def publication_of(job: Job) -> Publication:
    """Read what a job was asked to publish."""
    return Publication.from_dict(json.loads(job.request))


def _steps(order: Order) -> tuple[str, ...]:
    return tuple(step.step for step in order.publication.steps())


def stored(rt: Runtime, wished: Publication) -> str:
    """Return what is to be published as the state keeps it: every machine finds its files by the names in it."""
    return json.dumps(wished.with_paths(rt.path_map.there).to_dict())


def narrower(asked: Target, standing: Target) -> Target:
    """Say where a job goes that was asked for twice: where it is asked for now, and never beyond a single channel."""
    return standing if standing.kind is TargetKind.ACCOUNT and asked.kind is TargetKind.POOL else asked


def _means_again(order: Order, same: Job) -> bool:
    # What is unfinished is finished first, whatever --again says.
    return (order.again and same.published) or same.state is JobState.CANCELLED


def _make(rt: Runtime, tx: Tx, order: Order, file: VideoFile, sha256: str | None) -> Job:
    job = ids.new(tx.now, rt.rng)
    jobs.add(
        tx,
        job,
        kind=UPLOAD,
        target=order.target,
        job_key=order.key,
        fingerprint=file.marks.fingerprint,
        sha256=sha256,
        request=stored(rt, order.publication),
        steps=_steps(order),
        files_on=owners.me().host,
    )
    uploads.add(
        tx,
        job,
        path=str(rt.path_map.there(file.path)),
        size=file.size,
        modified_ns=file.marks.modified_ns,
        fingerprint=file.marks.fingerprint,
        slug=file.path.name,
    )
    return jobs.get(tx, job)


def _require_nothing_begun(rt: Runtime, tx: Tx, order: Order, file: VideoFile) -> None:
    begun = uploads.begun_from(tx, [str(rt.path_map.there(file.path))])
    _require_same_content(begun, order, file, jobs.channels_of(tx, order.target))


def _require_same_content(
    begun: Iterable[uploads.Begun], order: Order, file: VideoFile, channels: AbstractSet[str]
) -> None:
    """Refuse a file whose upload broke off when it had other content: somebody may believe it is the same."""
    for one in begun:
        if one.job_key == order.key and one.channel_id in channels:
            _require_same_file(one.upload, file, None, None)


def _require_same_file(upload: Upload, file: VideoFile, sha256: str | None, begun_with: str | None) -> None:
    """Half of one file and half of another must never become a video.

    A session may hold more bytes than we know of, so an open one is enough; and another path is no excuse, because two
    long files may differ where the fingerprint does not look.
    """
    before = FileMarks(
        size=upload.size, modified_ns=upload.modified_ns, fingerprint=upload.fingerprint, sha256=begun_with
    )
    # A fingerprint that has just read every byte knows better than any moment of writing.
    modified_ns = upload.modified_ns if is_covered(file.size) else file.marks.modified_ns
    now = FileMarks(size=file.size, modified_ns=modified_ns, fingerprint=file.marks.fingerprint, sha256=sha256)
    changed = why_changed(before, now)
    if changed:
        whose = "" if upload.path == str(file.path) else f", as {upload.path}"
        raise FileChanged(
            f"{file.path} changed since its upload began{whose}: {changed}",
            hint="put the old file back with its old time (cp -p), or publish the new one with --key NAME",
            path=str(file.path),
            job=upload.job,
        )
