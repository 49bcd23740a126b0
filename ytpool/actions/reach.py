"""Which secrets open on this machine: work that needs others is left to the machines that have their key.

A key that is not here says nothing of an account: nothing is written down against anybody but this machine.
"""

import logging

from ytpool.errors import VaultKeyLost, VaultUnavailable, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, machines, meta, owners, readers, secrets

log = logging.getLogger(__name__)


def look(rt: Runtime) -> YtpoolError | None:
    """Look anew for every key that seals something, and remember whose secrets stay closed here.

    Returns why a key is out of reach, or None where all are here. Must not be called within a transaction.
    """
    with rt.store.reading() as tx:
        needed = set(secrets.keys_in_use(tx)) | {key for key in (meta.get(tx, meta.VAULT_KEY),) if key is not None}
        before = machines.lacked_by(tx, owners.me().host)
    missing: dict[str, YtpoolError] = {}
    try:
        vault = rt.vault
    except (VaultUnavailable, VaultKeyLost) as error:
        # Without the key in use nothing new can be sealed, so whatever else opens is of no use here.
        missing = dict.fromkeys(needed, error)
    else:
        for key_id in sorted(needed):
            try:
                if not vault.holds(key_id):
                    vault.locate(key_id)
            except (VaultUnavailable, VaultKeyLost) as error:
                missing[key_id] = error
    if set(before) != set(missing):
        with rt.store.transaction() as tx:
            machines.keep_lacking(tx, owners.me().host, tuple(missing))
    with rt.store.reading() as tx:
        rt.closed = accounts.sealed_with(tx, tuple(missing)) if missing else frozenset()
    return next(iter(missing.values()), None)


def look_again(rt: Runtime) -> YtpoolError | None:
    """Look once more, in case a key was installed meanwhile."""
    rt.forget_vault()
    return look(rt)


def is_for_others(rt: Runtime) -> bool:
    """Tell whether the vault's key is not here and another machine is known to have it, so that it can do better."""
    try:
        rt.open_vault()
    except (VaultUnavailable, VaultKeyLost):
        return others_have_the_key(rt)
    return False


def others_have_the_key(rt: Runtime) -> bool:
    """Tell whether another machine that lives has found the key in use, so that it can do what this one cannot."""
    here = owners.me().host
    with rt.store.reading() as tx:
        current = meta.get(tx, meta.VAULT_KEY)
        return any(current in one.keys and one.reader.host != here and one.lives(tx.now) for one in readers.every(tx))
