"""The token of `serve`: where it comes from, and how it is kept."""

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe

from ytpool.actions import secrets
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid, VaultKeyLost, VaultUnavailable, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import meta
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind, owners_of

VARIABLE = "YTPOOL_SERVE_TOKEN"
CREDENTIAL = "ytpool-serve-token"
"""The file's name in $CREDENTIALS_DIRECTORY, where systemd puts it."""

OWNER = "serve"
"""Under which name the vault has it."""

VISITORS = "serve.visitors"
"""Under which name the vault has what seals the cookies of visitors."""

log = logging.getLogger(__name__)

_FITS = re.compile(r"[!-~]{16,512}")
_LONGEST = 4096


def token(rt: Runtime) -> Secret | None:
    """Return the token that visitors must bring, or None; the environment goes first, the vault last."""
    if text := rt.environ.get(VARIABLE):
        return require_usable(Secret(text), f"${VARIABLE}")
    if folder := rt.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / CREDENTIAL
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ConfigInvalid(f"{path} cannot be read: {error.strerror}", hint="let this user read it") from None
        else:
            return require_usable(Secret(os.fsdecode(content).strip()), str(path))
    with rt.store.reading() as tx:
        is_kept = OWNER in owners_of(tx, Kind.PASSWORD)
    if not is_kept:
        return None
    rt.open_vault()
    with rt.store.reading() as tx:
        return secrets.read(rt, tx, Kind.PASSWORD, OWNER)


def shared(rt: Runtime) -> Secret | None:
    """Return the secret by which machines know each other's visitors; the first of them makes it.

    None where only one machine can work on the state, and where its vault is out of reach: then each visitor is known
    to one server alone.
    """
    if not rt.store.is_shared:
        return None
    try:
        rt.open_vault()
        with rt.store.transaction() as tx:
            found = secrets.read(rt, tx, Kind.PASSWORD, VISITORS)
            if found is None:
                found = Secret(token_urlsafe(32))
                secrets.keep(rt, tx, Kind.PASSWORD, VISITORS, found)
    except (VaultUnavailable, VaultKeyLost) as error:
        log.warning("visitors have to log in at each machine", extra={"reason": error.message})
        return None
    return found


def who_left(rt: Runtime) -> dict[str, int]:
    """Return which visitors have logged out, at whichever machine: digests of their cookies, and when those end."""
    if not rt.store.is_shared:
        return {}
    with rt.store.reading() as tx:
        return _who_left(tx)


def tell_who_left(rt: Runtime, left: Mapping[str, int]) -> None:
    """Tell the other machines who has logged out here; where that does not arrive, the next one to log out tells it."""
    if not rt.store.is_shared:
        return
    try:
        with rt.store.transaction() as tx:
            now = tx.now.timestamp()
            known = {**_who_left(tx), **left}
            meta.put(tx, meta.LEFT, json.dumps({one: until for one, until in known.items() if until > now}))
    except YtpoolError as error:
        log.warning("other machines do not know who has logged out", extra={"reason": error.message})


def _who_left(tx: Tx) -> dict[str, int]:
    told: dict[str, int] = json.loads(meta.get(tx, meta.LEFT) or "{}")
    return told


def require_usable(value: Secret, place: str) -> Secret:
    """Return a token that fits into a header and is not guessed at once; raises ConfigInvalid."""
    if not _FITS.fullmatch(value.reveal()):
        raise ConfigInvalid(
            f"the token in {place} cannot be used: it has 16 to 512 visible characters of ASCII, without spaces",
            hint="make one, for instance with: openssl rand -hex 32",
        )
    return value
