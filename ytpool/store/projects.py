"""Google Cloud projects, which pay, and the OAuth clients that belong to them."""

from dataclasses import dataclass
from typing import Any, Self

from ytpool.errors import UnknownName
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project under the name we keep its books by."""

    project: str
    project_id: str | None
    number: str | None
    created_at: str

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            project=row["project"], project_id=row["project_id"], number=row["number"], created_at=row["created_at"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """An OAuth client without its secret."""

    client_id: str
    project: str
    auth_uri: str
    token_uri: str


def every(tx: Tx) -> list[Project]:
    return [Project.from_row(row) for row in tx.all("SELECT * FROM projects ORDER BY project")]


def get(tx: Tx, project: str) -> Project:
    row = tx.one("SELECT * FROM projects WHERE project = :project", project=project)
    if row is None:
        raise _unknown(tx, project)
    return Project.from_row(row)


def known_of_client(tx: Tx, *, client_id: str, project_id: str | None, number: str | None) -> str | None:
    """Return the name of the project that a client belongs to, if there is one already.

    The number that a client's id begins with decides, for Google never changes it; where there is none, the
    `project_id` of the client's file. A project that the file names otherwise than before is the same project.
    """
    row = tx.one(
        """
        SELECT project FROM (
            SELECT project, 1 AS place FROM projects WHERE number = :number
            UNION ALL SELECT project, 2 FROM clients WHERE client_id = :client_id
            UNION ALL SELECT project, 3 FROM projects
                       WHERE project_id = :project_id AND (number IS NULL OR :number IS NULL)
        ) AS found ORDER BY place LIMIT 1
        """,
        client_id=client_id,
        number=number,
        project_id=project_id,
    )
    return None if row is None else str(row["project"])


def of_client(tx: Tx, *, client_id: str, project_id: str | None, number: str | None) -> str:
    """Return the name of the project that a client belongs to, making it if it is new."""
    known = known_of_client(tx, client_id=client_id, project_id=project_id, number=number)
    if known is not None:
        tx.run(
            """
            UPDATE projects SET project_id = coalesce(:project_id, project_id), number = coalesce(number, :number)
             WHERE project = :project
            """,
            project=known,
            project_id=project_id,
            number=number,
        )
        return known
    taken = {one.project for one in every(tx)}
    names = [name for name in (project_id, number, client_id) if name]
    name = next((name for name in names if name not in taken), client_id)
    add(tx, name, project_id=project_id, number=number)
    return name


def add(tx: Tx, project: str, *, project_id: str | None, number: str | None) -> None:
    """Make a project under a name that is free."""
    tx.run("DELETE FROM merged_projects WHERE former = :project", project=project)  # the name is in use again
    tx.run(
        "INSERT INTO projects (project, project_id, number, created_at) VALUES (:project, :project_id, :number, :at)",
        project=project,
        project_id=project_id,
        number=number,
        at=tx.at,
    )


def twins(tx: Tx, project: str) -> list[str]:
    """Return projects that may be this one under another name: Google knows both by the same id."""
    rows = tx.all(
        """
        SELECT other.project FROM projects p JOIN projects other
               ON other.project_id = p.project_id AND other.project <> p.project
         WHERE p.project = :project AND (p.number IS NULL OR other.number IS NULL) ORDER BY other.project
        """,
        project=project,
    )
    return [row["project"] for row in rows]


def current(tx: Tx, project: str) -> str:
    """Return the name under which a project's books are kept now; others have been merged or renamed away."""
    row = tx.one("SELECT project FROM merged_projects WHERE former = :project", project=project)
    return project if row is None else str(row["project"])


def names_of(tx: Tx, project: str) -> tuple[str, ...]:
    """Return all names under which the books may have kept a project: the one of now first, whichever was asked for."""
    now = current(tx, project)
    rows = tx.all("SELECT former FROM merged_projects WHERE project = :project ORDER BY former", project=now)
    return (now, *(row["former"] for row in rows))


def merged(tx: Tx) -> dict[str, str]:
    """Return what projects are called now that were merged or renamed away."""
    return {row["former"]: row["project"] for row in tx.all("SELECT former, project FROM merged_projects")}


def absorb(tx: Tx, former: str, project: str) -> None:
    """Give another project's clients and accounts to this one, and forget that there were two.

    Processes that began under the former name find the books by `current`; the books themselves are moved by `merging`.
    """
    tx.run(
        """
        UPDATE projects
           SET project_id = coalesce(project_id, (SELECT project_id FROM projects WHERE project = :former)),
               number = coalesce(number, (SELECT number FROM projects WHERE project = :former))
         WHERE project = :project
        """,
        former=former,
        project=project,
    )
    for table in ("clients", "accounts", "merged_projects"):
        tx.run(f"UPDATE {table} SET project = :project WHERE project = :former", former=former, project=project)
    tx.run("DELETE FROM projects WHERE project = :former", former=former)
    tx.run("INSERT INTO merged_projects (former, project) VALUES (:former, :project)", former=former, project=project)


def remove(tx: Tx, project: str) -> None:
    """Forget a project that no account is of, with its clients and limits; its books stay as history."""
    tx.run("DELETE FROM merged_projects WHERE project = :project", project=project)
    tx.run("DELETE FROM clients WHERE project = :project", project=project)
    tx.run("DELETE FROM limits WHERE scope = 'project' AND name = :project", project=project)
    tx.run("DELETE FROM rests WHERE scope = 'project' AND name = :project", project=project)
    tx.run("DELETE FROM projects WHERE project = :project", project=project)


def decided_limits(tx: Tx) -> dict[str, dict[str, int]]:
    """Return the limits that operators have told, by project and bucket; what Google taught us is none of them."""
    found: dict[str, dict[str, int]] = {}
    for row in tx.all(
        "SELECT name, bucket, units FROM limits WHERE scope = 'project' AND origin = 'operator' ORDER BY name, bucket"
    ):
        found.setdefault(row["name"], {})[row["bucket"]] = row["units"]
    return found


def keep_client(tx: Tx, *, client_id: str, project: str, auth_uri: str, token_uri: str) -> None:
    tx.run(
        """
        INSERT INTO clients (client_id, project, auth_uri, token_uri, created_at)
        VALUES (:client_id, :project, :auth_uri, :token_uri, :at)
        ON CONFLICT (client_id) DO UPDATE SET auth_uri = excluded.auth_uri, token_uri = excluded.token_uri
        """,
        client_id=client_id,
        project=project,
        auth_uri=auth_uri,
        token_uri=token_uri,
        at=tx.at,
    )


def client(tx: Tx, client_id: str) -> ClientRow:
    row = tx.one("SELECT * FROM clients WHERE client_id = :client_id", client_id=client_id)
    if row is None:
        raise unknown("OAuth client", client_id, [], listed_by="ytpool projects list", made_by="ytpool auth add NAME")
    return ClientRow(
        client_id=row["client_id"], project=row["project"], auth_uri=row["auth_uri"], token_uri=row["token_uri"]
    )


def clients_of(tx: Tx, project: str) -> list[str]:
    rows = tx.all("SELECT client_id FROM clients WHERE project = :project ORDER BY client_id", project=project)
    return [row["client_id"] for row in rows]


def _unknown(tx: Tx, project: str) -> UnknownName:
    names = [row["project"] for row in tx.all("SELECT project FROM projects ORDER BY project")]
    return unknown("project", project, names, listed_by="ytpool projects list", made_by="ytpool auth add NAME")
