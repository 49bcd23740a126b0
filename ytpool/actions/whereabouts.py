"""Files of jobs on a state that machines share: what is here, under which name, and what is left for another machine.

The state names files by one name everywhere; `rt.path_map` says what this machine calls them. A job whose file is not
here is not this machine's: it stays as it is, and this machine looks for it again only after a while.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from ytpool.actions.files import gone
from ytpool.domain.jobs import Job, StepState
from ytpool.domain.publication import THUMBNAIL, Publication
from ytpool.errors import FileNotHere
from ytpool.runtime import Runtime
from ytpool.store import job_steps, jobs, owners, uploads, whereabouts
from ytpool.store.db import Tx
from ytpool.store.whereabouts import Nowhere

_LOOKED_FOR_AT_ONCE = 500


def publication_here(rt: Runtime, job: Job) -> Publication:
    """Read what a job was asked to publish, with its files as this machine calls them."""
    return Publication.from_dict(json.loads(job.request)).with_paths(rt.path_map.here)


def require(rt: Runtime, job: Job) -> None:
    """Raise FileNotHere where a job needs a file that this machine has not; files are looked at outside of the state.

    What a job needs is the video until all of it may be at YouTube. What goes along with it counts where another
    machine had it: on its own machine a step that cannot be done is told as a step.
    """
    with rt.store.reading() as tx:
        needed = list(_needed(tx, job))
    missing = next((name for name in needed if not is_file(rt.path_map.here(name))), None)
    if missing is None:
        return
    raise lacking(job, rt.path_map.here(missing), missing)


def lacking(job: Job, path: Path, name: PurePath | None = None) -> FileNotHere:
    """Say that a file of a job is not here, and what to type where it is on this machine after all.

    On the machine where it was when the job was asked for it is gone; elsewhere it need not be.
    """
    name = name or path
    if not is_elsewhere(job):
        return gone(path, job.job)
    host = owners.me().host
    called = f", as {name}" if name != path else ""
    return FileNotHere(
        f"there is no file {path} on {host}, and job {job.job} needs it; it was asked for on {job.files_on}{called}",
        hint=f"{job.files_on} goes on with it: ytpool work, there. Where its folder hangs here: --path-map FROM=TO"
        + (f"; where its file lies here: ytpool queue retry {job.job} --file PATH" if job.is_upload else ""),
        elsewhere=True,
        path=str(path),
        job=job.job,
        host=host,
        files_on=job.files_on,
    )


def is_elsewhere(job: Job) -> bool:
    """Tell whether a job's files lay on another machine when it was asked for."""
    return job.files_on not in (None, owners.me().host)


def leave(rt: Runtime, job: str, path: str) -> None:
    """Leave a job for a machine that has its file, and with it all others that are due and need what is not here."""
    with rt.store.reading() as tx:
        needed = {one.job: list(_needed(tx, one)) for one in whereabouts.to_look_for(tx, most=_LOOKED_FOR_AT_ONCE)}
    missed = {job: path}
    for other, names in needed.items():
        missing = next((place for name in names if not is_file(place := rt.path_map.here(name))), None)
        if missing is not None:
            missed[other] = str(missing)
    with rt.store.transaction() as tx:
        whereabouts.missed(tx, missed)


def look_again(rt: Runtime) -> None:
    """Take up what was left for others and is here by now: a folder was mounted, a file copied, a path map written."""
    with rt.store.reading() as tx:
        needed = {job: list(_needed(tx, jobs.get(tx, job))) for job in whereabouts.missed_here(tx)}
    here = [job for job, names in needed.items() if all(is_file(rt.path_map.here(name)) for name in names)]
    if here:
        with rt.store.transaction() as tx:
            whereabouts.found(tx, here)


def spoken(missing: Sequence[Nowhere]) -> str:
    """Say which files of jobs are missing that were asked for on one machine, and who has looked for them."""
    first = missing[0]
    what = (
        f"its file {first.absences[0].path} is"
        if len(missing) == 1
        else f"{len(missing):,} jobs, the first is {first.job.job}, need files that are"
    )
    hosts = sorted({one.host for found in missing for one in found.absences})
    asked_on = first.job.files_on
    idle = ""
    if asked_on is not None and asked_on not in hosts:
        idle = f"; asked for on {asked_on}, where nobody is at work; {ways(asked_on)}"
    return f"{what} on no machine that is at work: not on {', '.join(hosts)}{idle}"


def ways(host: str) -> str:
    """Say how a job goes on whose file is on this machine, as far as anybody knows."""
    return f"to go on: ytpool work, on {host}, or where the folder has another name: ytpool work --path-map FROM=TO"


def unmapped(rt: Runtime) -> Iterator[str]:
    """Say which folders of the path map are not there: what the state says of them is not found here."""
    for name, place in rt.path_map.pairs:
        if not os.path.isdir(place):  # noqa: PTH112 - see below
            yield f"the path map leads {name} to {place}, and there is no such folder on {owners.me().host}"


def _needed(tx: Tx, job: Job) -> Iterator[PurePath]:
    """Yield the files without which a job cannot go on, as the state calls them."""
    if job.is_upload:
        upload = uploads.get(tx, job.job)
        if job.video_id is None and upload.last_sent_at is None:
            yield PurePath(upload.path)
        if is_elsewhere(job):
            yield from _going_along(tx, job)
    elif job.is_chore and is_elsewhere(job):
        asked: Mapping[str, str] = json.loads(job.request)
        if "sha256" in asked:
            yield PurePath(asked["path"])


def _going_along(tx: Tx, job: Job) -> Iterator[PurePath]:
    wished = Publication.from_dict(json.loads(job.request))
    open_steps = {
        step.step for step in job_steps.of_job(tx, job.job) if step.state not in (StepState.DONE, StepState.FAILED)
    }
    if wished.thumbnail is not None and THUMBNAIL in open_steps:
        yield wished.thumbnail
    for caption in wished.captions:
        if caption.step in open_steps:
            yield caption.path


def is_file(path: Path) -> bool:
    """Tell whether a file is there, and may be looked at."""
    # Not Path.is_file: a share that has gone away is an error to it, and here only one more way to have no file.
    return os.path.isfile(path)  # noqa: PTH113
