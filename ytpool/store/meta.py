"""Facts about the state itself: one row each."""

from datetime import datetime, timedelta

from ytpool.clock import Confirmation
from ytpool.domain import moments
from ytpool.store.db import Tx

API_ROOT = "api_root"
"""Where this state's first login talked to; another root is refused."""

VAULT_KEY = "vault_key"
"""The id of the key that new secrets are sealed with."""

VAULT_KEY_FILE = "vault_key_file"
"""The key file that was chosen at `init` or by `vault move`, where one was."""

VAULT_NEXT_KEY = "vault_next_key"
"""The id of the key that a rotation under way will seal with."""

VAULT_NEXT_KEY_AT = "vault_next_key_at"
"""The file that this next key was made in, where it could not be put beside the one in use."""

LOOKED_AT = "health_looked_at"
"""When `health` last wrote here, which shows that it can be written."""

STATE = "state"
"""An id of this state, made for its first backup: its backups have the same."""

BACKED_UP = "backed_up"
"""When and where the last backup was made, with a space between."""

MOVED_TO = "moved_to"
"""Only in a state that was left: where it has moved to. `unpause` takes it away, for who stays all the same."""

TAKEN = "backup_taken"
"""Only in backups: the moment they show."""

TAKEN_OF = "backup_profile"
"""Only in backups: the profile they were made of."""

REHEARSED = "rehearsed"
"""How the last rehearsal of those that come in turn ended, as JSON."""

LEFT = "serve_left"
"""Digests of cookies of `serve` whose visitors have logged out, each with the second that ends it anyway, as JSON."""

_CONFIRMED = "google_confirmed"

_GAP = "restored"
"""Of which moment the backup was that this state came from, and when it was restored, with a space between."""

_GAP_MATTERS_FOR = timedelta(days=30)


def get(tx: Tx, key: str) -> str | None:
    row = tx.one("SELECT value FROM meta WHERE key = :key", key=key)
    return None if row is None else row["value"]


def put(tx: Tx, key: str, value: str) -> None:
    tx.run(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key=key,
        value=value,
    )


def put_first(tx: Tx, key: str, value: str) -> str:
    """Store a value unless there is one, and return the one that stands."""
    tx.run("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT DO NOTHING", key=key, value=value)
    standing = get(tx, key)
    assert standing is not None
    return standing


def forget(tx: Tx, key: str) -> None:
    tx.run("DELETE FROM meta WHERE key = :key", key=key)


def confirmation(tx: Tx) -> Confirmation | None:
    """Return the latest moment that Google's `Date` confirmed."""
    stored = get(tx, _CONFIRMED)
    if stored is None:
        return None
    moment, boot, era = stored.split(" ")
    if era == tx.era:  # whichever machine heard it, it can be told by this one's clock
        since = tx.boot - float(boot)
        return Confirmation(moment=moments.parse(moment), boot=tx.machine_boot - since, era=tx.machine_era)
    return Confirmation(moment=moments.parse(moment), boot=float(boot), era=era)


def keep_confirmation(tx: Tx, confirmed: Confirmation) -> None:
    """Keep a confirmed moment; an older one never replaces a newer one."""
    standing = confirmation(tx)
    if standing is None or standing.moment < confirmed.moment:
        boot, era = confirmed.boot, confirmed.era
        if era == tx.machine_era:
            boot, era = tx.boot - (tx.machine_boot - boot), tx.era
        put(tx, _CONFIRMED, f"{moments.text(confirmed.moment)} {boot!r} {era}")


def keep_gap(tx: Tx, since: datetime) -> None:
    """Write down that nobody knows here what was done from that moment until now."""
    put(tx, _GAP, f"{moments.text(since)} {tx.at}")


def gap(tx: Tx) -> tuple[datetime, datetime] | None:
    """Return the span of which this state knows nothing; None where it knows all, and after thirty days."""
    said = get(tx, _GAP)
    if said is None:
        return None
    since, until = map(moments.parse, said.split(" "))
    return (since, until) if tx.now - until < _GAP_MATTERS_FOR else None


def forget_confirmation(tx: Tx) -> None:
    """The operator says the machine's clock is right."""
    forget(tx, _CONFIRMED)
