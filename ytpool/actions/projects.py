"""Projects, which pay: looking at them, their limits, and joining two that are one at Google."""

from dataclasses import dataclass

from ytpool.runtime import Runtime
from ytpool.store import accounts, projects
from ytpool.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project, its clients and the accounts it pays for."""

    project: str
    project_id: str | None
    number: str | None
    clients: tuple[str, ...]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectList:
    projects: tuple[ProjectRow, ...]


def list_projects(rt: Runtime) -> ProjectList:
    with rt.store.reading() as tx:
        return ProjectList(projects=tuple(_row(tx, one.project) for one in projects.every(tx)))


def show_project(rt: Runtime, project: str) -> ProjectRow:
    with rt.store.reading() as tx:
        return _row(tx, projects.get(tx, project).project)


def _row(tx: Tx, project: str) -> ProjectRow:
    found = projects.get(tx, project)
    return ProjectRow(
        project=found.project,
        project_id=found.project_id,
        number=found.number,
        clients=tuple(projects.clients_of(tx, project)),
        accounts=tuple(one.account for one in accounts.every(tx) if one.project == project),
    )
