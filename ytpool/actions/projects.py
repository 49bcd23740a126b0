"""Projects, which pay: looking at them, their limits, and joining two that are one at Google."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ytpool.domain import names
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, merging, meters, projects
from ytpool.store import limits as beliefs
from ytpool.store.db import Tx
from ytpool.store.projects import Project

_MERGED = "two projects turned out to be one"
_RENAMED = "the project was renamed"
_SAID_SO = "the operator said so"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project, its clients, the accounts it pays for, and what differs from Google's usual limits."""

    project: str
    project_id: str | None
    number: str | None
    clients: tuple[str, ...]
    accounts: tuple[str, ...]
    limits: Mapping[str, int] = field(default_factory=dict)
    """What an operator decided or Google taught us; other buckets have the price book's."""
    twins: tuple[str, ...] = ()
    """Projects that Google knows by the same id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectList:
    projects: tuple[ProjectRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedBucket:
    """One bucket of the day after two projects became one."""

    bucket: str
    limit: int | None
    used: tuple[int, int]
    """What was used by the one that is gone, and by the one that is there."""
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What two projects have become."""

    former: str
    project: ProjectRow
    buckets: tuple[MergedBucket, ...]
    dry_run: bool


def list_projects(rt: Runtime) -> ProjectList:
    with rt.store.reading() as tx:
        return ProjectList(projects=tuple(_row(rt, tx, one.project) for one in projects.every(tx)))


def show_project(rt: Runtime, project: str) -> ProjectRow:
    with rt.store.reading() as tx:
        return _row(rt, tx, projects.get(tx, project).project)


def set_project(
    rt: Runtime,
    project: str,
    *,
    limits: Mapping[str, int | None],
    rename: str | None = None,
    dry_run: bool = False,
) -> ProjectRow:
    """Change what a project may use a day, None being Google's usual limit, and what we call it."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        name = projects.get(tx, project).project
        set_limits(rt, tx, name, limits)
        if rename is not None and rename != name:
            _rename(rt, tx, projects.get(tx, name), names.require(rename, "a project"))
            name = rename
        jobs.look_again(tx)
        return _row(rt, tx, name)


def set_limits(rt: Runtime, tx: Tx, project: str, limits: Mapping[str, int | None]) -> None:
    """Change limits of a project that is there; what is booked beyond a new one becomes overrun."""
    terms = rt.terms(tx)
    known = {*terms.prices.limits, *(bucket for _, name, bucket in beliefs.standing(tx, terms.day) if name == project)}
    for bucket, units in limits.items():
        if bucket not in known:
            raise UsageWrong(f"there is no bucket named {bucket!r}", hint=f"there are {', '.join(sorted(known))}")
        beliefs.set_limit(tx, meters.PROJECT, project, bucket, units, terms, rt.rng, origin="operator", reason=_SAID_SO)


def merge(rt: Runtime, former: str, project: str, *, dry_run: bool = False) -> Merged:
    """Join a project to another that is the same at Google: clients, accounts, limits, rests and all books.

    Raises UsageWrong where the two are known to be two.
    """
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        gone, stays = projects.get(tx, former), projects.get(tx, project)
        _require_one(gone, stays)
        terms = rt.terms(tx)
        before = meters.on(tx, terms.day)
        merging.move(tx, gone.project, stays.project, terms, rt.rng, _MERGED)
        projects.absorb(tx, gone.project, stays.project)
        jobs.look_again(tx)
        after = meters.on(tx, terms.day)
        return Merged(
            former=gone.project,
            project=_row(rt, tx, stays.project),
            buckets=tuple(
                MergedBucket(
                    bucket=bucket,
                    limit=now.ceiling,
                    used=(_used(before, gone, bucket), _used(before, stays, bucket)),
                    left=max(0, (now.ceiling or 0) - now.used),
                )
                for (scope, name, bucket), now in sorted(after.items())
                if (scope, name) == (meters.PROJECT, stays.project)
            ),
            dry_run=dry_run,
        )


def _used(readings: Mapping[tuple[str, str, str], meters.Reading], project: Project, bucket: str) -> int:
    reading = readings.get((meters.PROJECT, project.project, bucket))
    return 0 if reading is None else reading.used


def _require_one(gone: Project, stays: Project) -> None:
    """Refuse to join what Google counts apart: the number of a project decides, then its id."""
    if gone.project == stays.project:
        raise UsageWrong(
            f"{gone.project} is one project already", hint="name the one that goes, then the one that stays"
        )
    if None not in (gone.number, stays.number):
        differ = f"their clients begin with {gone.number} and {stays.number}" if gone.number != stays.number else ""
    elif None not in (gone.project_id, stays.project_id) and gone.project_id != stays.project_id:
        differ = f"Google calls them {gone.project_id} and {stays.project_id}"
    else:
        differ = ""
    if differ:
        raise UsageWrong(
            f"{gone.project} and {stays.project} are two projects at Google: {differ}",
            hint="each has a quota of its own, so their books stay apart",
        )


def _rename(rt: Runtime, tx: Tx, found: Project, name: str) -> None:
    if name in {one.project for one in projects.every(tx)}:
        raise UsageWrong(
            f"there is a project {name} already",
            hint=f"if the two are one: ytpool projects merge {found.project} {name}",
        )
    projects.add(tx, name, project_id=found.project_id, number=found.number)
    merging.move(tx, found.project, name, rt.terms(tx), rt.rng, _RENAMED)
    projects.absorb(tx, found.project, name)


def _row(rt: Runtime, tx: Tx, project: str) -> ProjectRow:
    found = projects.get(tx, project)
    return ProjectRow(
        project=found.project,
        project_id=found.project_id,
        number=found.number,
        clients=tuple(projects.clients_of(tx, project)),
        accounts=tuple(one.account for one in accounts.every(tx) if one.project == project),
        limits={
            bucket: units
            for (scope, name, bucket), units in sorted(beliefs.units_on(tx, rt.terms(tx).day).items())
            if (scope, name) == (meters.PROJECT, project)
        },
        twins=tuple(projects.twins(tx, project)),
    )
