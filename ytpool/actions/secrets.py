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
    current = meta.get(tx, meta.VAULT_KEY)
    _reach(rt, tx, current)
    rt.vault.seal_with(current)
    secrets.put(tx, kind, owner, rt.vault.seal(kind, owner, value))


def read(rt: Runtime, tx: Tx, kind: Kind, owner: str) -> Secret | None:
    """Open a stored secret, or return None where there is none."""
    sealed = secrets.get(tx, kind, owner)
    if sealed is None:
        return None
    _reach(rt, tx, sealed.key_id)
    return rt.vault.open(kind, owner, sealed)


def require(rt: Runtime, tx: Tx, kind: Kind, owner: str) -> Secret:
    """Open a secret that a login must have left."""
    found = read(rt, tx, kind, owner)
    if found is None:
        raise LoginNeeded(
            f"there is no {kind.replace('_', ' ')} for {owner}", hint=f"run: ytpool auth add {owner}", account=owner
        )
    return found


def _reach(rt: Runtime, tx: Tx, key_id: str | None) -> None:
    """Look where the keys are now, where this one is new to us: they may have been moved as well as rotated."""
    if not rt.vault.holds(key_id):
        rt.vault.look_in(rt.key_file_in(tx))
