"""Sealed secrets, one row per kind and owner. What is in them only the vault can tell."""

from collections.abc import Mapping
from enum import StrEnum

from ytpool.domain.secret import Sealed
from ytpool.store.db import Tx


class Kind(StrEnum):
    """What a secret is; part of what its seal is bound to."""

    CLIENT_SECRET = "client_secret"  # noqa: S105 -- the name of a kind
    ACCESS_TOKEN = "access_token"  # noqa: S105
    REFRESH_TOKEN = "refresh_token"  # noqa: S105
    UPLOAD_SESSION = "upload_session"
    BROWSER_SESSION = "browser_session"


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


def keys_in_use(tx: Tx) -> Mapping[str, int]:
    """Return how many secrets each key seals."""
    return {row["key_id"]: row["n"] for row in tx.all("SELECT key_id, count(*) AS n FROM secrets GROUP BY key_id")}
