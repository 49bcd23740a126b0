"""Sealed secrets, one row per kind and owner. What is in them only the vault can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ytpool.domain import moments
from ytpool.domain.secret import Sealed
from ytpool.store.db import Tx


class Kind(StrEnum):
    """What a secret is; part of what its seal is bound to."""

    CLIENT_SECRET = "client_secret"  # noqa: S105 -- the name of a kind
    ACCESS_TOKEN = "access_token"  # noqa: S105
    REFRESH_TOKEN = "refresh_token"  # noqa: S105
    UPLOAD_SESSION = "upload_session"
    BROWSER_SESSION = "browser_session"
    SESSION_PROXY = "session_proxy"
    API_KEY = "api_key"
    PASSWORD = "password"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stored secret as it lies there."""

    kind: str
    owner: str
    sealed: Sealed
    stored_at: datetime


def put(tx: Tx, kind: Kind, owner: str, sealed: Sealed) -> None:
    tx.run(
        """
        INSERT INTO secrets (kind, owner, key_id, sealed, stored_at) VALUES (:kind, :owner, :key_id, :sealed, :at)
        ON CONFLICT (kind, owner) DO UPDATE
           SET key_id = excluded.key_id, sealed = excluded.sealed, stored_at = excluded.stored_at
        """,
        kind=kind,
        owner=owner,
        key_id=sealed.key_id,
        sealed=sealed.text,
        at=tx.at,
    )


def get(tx: Tx, kind: Kind, owner: str) -> Sealed | None:
    row = tx.one("SELECT key_id, sealed FROM secrets WHERE kind = :kind AND owner = :owner", kind=kind, owner=owner)
    return None if row is None else Sealed(key_id=row["key_id"], text=row["sealed"])


def forget(tx: Tx, kind: Kind, owner: str) -> None:
    tx.run("DELETE FROM secrets WHERE kind = :kind AND owner = :owner", kind=kind, owner=owner)


def owners_of(tx: Tx, kind: Kind) -> list[str]:
    """Return whose secrets of a kind there are."""
    return [row["owner"] for row in tx.all("SELECT owner FROM secrets WHERE kind = :kind ORDER BY owner", kind=kind)]


def keys_in_use(tx: Tx) -> Mapping[str, int]:
    """Return how many secrets each key seals."""
    return {row["key_id"]: row["n"] for row in tx.all("SELECT key_id, count(*) AS n FROM secrets GROUP BY key_id")}


def every(tx: Tx) -> list[Row]:
    return [_row(row) for row in tx.all("SELECT * FROM secrets ORDER BY kind, owner")]


def not_of_key(tx: Tx, key_id: str, *, after: tuple[str, str] = ("", ""), most: int) -> list[Row]:
    """Return the next secrets that another key seals, in the order of kind and owner."""
    rows = tx.all(
        """
        SELECT * FROM secrets WHERE key_id <> :key_id AND (kind > :kind OR (kind = :kind AND owner > :owner))
         ORDER BY kind, owner LIMIT :most
        """,
        key_id=key_id,
        kind=after[0],
        owner=after[1],
        most=most,
    )
    return [_row(row) for row in rows]


def reseal(tx: Tx, row: Row, sealed: Sealed) -> None:
    """Put the same secret in its row under another key; when it was stored stays."""
    tx.run(
        """
        UPDATE secrets SET key_id = :key_id, sealed = :text
         WHERE kind = :kind AND owner = :owner AND sealed = :before
        """,
        key_id=sealed.key_id,
        text=sealed.text,
        kind=row.kind,
        owner=row.owner,
        before=row.sealed.text,
    )


def _row(row: Any) -> Row:
    return Row(
        kind=row["kind"],
        owner=row["owner"],
        sealed=Sealed(key_id=row["key_id"], text=row["sealed"]),
        stored_at=moments.parse(row["stored_at"]),
    )
