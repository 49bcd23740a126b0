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
    """Return the name of the project that a client belongs to, if there is one already."""
    row = tx.one(
        """
        SELECT project FROM clients WHERE client_id = :client_id
        UNION SELECT project FROM projects WHERE number = :number OR project_id = :project_id
        """,
        client_id=client_id,
        number=number,
        project_id=project_id,
    )
    return None if row is None else str(row["project"])


def of_client(tx: Tx, *, client_id: str, project_id: str | None, number: str | None) -> str:
    """Return the name of the project that a client belongs to, making it if it is new.

    Two clients are of one project when the file's `project_id` or the client id's leading number agrees.
    """
    known = known_of_client(tx, client_id=client_id, project_id=project_id, number=number)
    if known is not None:
        tx.run(
            """
            UPDATE projects SET project_id = coalesce(project_id, :project_id), number = coalesce(number, :number)
             WHERE project = :project
            """,
            project=known,
            project_id=project_id,
            number=number,
        )
        return known
    name = project_id or number or client_id
    tx.run(
        "INSERT INTO projects (project, project_id, number, created_at) VALUES (:name, :project_id, :number, :at)",
        name=name,
        project_id=project_id,
        number=number,
        at=tx.at,
    )
    return name


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
