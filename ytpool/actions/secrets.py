"""Secrets on their way between the vault, which seals them, and the state, which keeps them."""

from ytpool.domain.secret import Secret
from ytpool.errors import LoginNeeded
from ytpool.runtime import Runtime
from ytpool.store import meta, secrets
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind


def keep(rt: Runtime, tx: Tx, kind: Kind, owner: str, value: Secret) -> None:
    """Seal a secret and store it with whatever else this transaction writes.

    The key in use is asked for here, because it may have been rotated since this process fetched its own.
    """
    rt.vault.seal_with(meta.get(tx, meta.VAULT_KEY))
    secrets.put(tx, kind, owner, rt.vault.seal(kind, owner, value))


def read(rt: Runtime, tx: Tx, kind: Kind, owner: str) -> Secret | None:
    """Open a stored secret, or return None where there is none."""
    sealed = secrets.get(tx, kind, owner)
    return None if sealed is None else rt.vault.open(kind, owner, sealed)


def require(rt: Runtime, tx: Tx, kind: Kind, owner: str) -> Secret:
    """Open a secret that a login must have left."""
    found = read(rt, tx, kind, owner)
    if found is None:
        raise LoginNeeded(
            f"there is no {kind.replace('_', ' ')} for {owner}", hint=f"run: ytpool auth add {owner}", account=owner
        )
    return found
