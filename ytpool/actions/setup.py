"""Setting up a profile: configuration, state and key; what is there already is never replaced."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytpool import config
from ytpool.errors import ConfigInvalid, VaultUnavailable, YtpoolError
from ytpool.runtime import KeyMade, Runtime
from ytpool.store import accounts, machines, meta, owners, readers

AUTO = "auto"
KEYRING = "keyring"
KEY_FILE = "keyfile"

_ZONE_FILE = Path("/etc/localtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialised:
    """Where everything of a profile lives."""

    profile: str
    config: Path
    state: str
    """A path, or the address of a database."""
    vault: str
    key: str
    key_id: str
    zone: str
    already: bool
    """The state was set up before; nothing of it was changed."""
    joined: bool
    """Another machine had set the state up; this one has settings now that name it."""
    machines: tuple[str, ...]
    """The others that work on the state."""
    accounts: int
    """How many the state has."""
    cron_can_read_the_key: bool
    advice: str


def init(rt: Runtime, *, vault: str = AUTO, zone: str = "") -> Initialised:
    """Create what is missing of configuration, state and key, and say where each lives.

    A machine that comes to a state of others writes settings of its own, once it has found the key. Several at once end
    with one key in use. Raises VaultUnavailable when the keyring was asked for by name and does
    not answer, ConfigInvalid for a zone that does not exist.
    """
    if zone and not config.is_zone(zone):
        raise ConfigInvalid(f"there is no time zone {zone!r}", hint="write it like Europe/Berlin", zone=zone)
    if rt.store.exists():
        with rt.store.reading() as tx:
            standing = meta.get(tx, meta.VAULT_KEY)
        if standing is not None:
            return _joined(rt, zone) if rt.store.is_shared else _described(rt, rt.config.time.zone, already=True)
    made = _make_key(rt, vault)
    zone = zone or local_zone(rt)
    if not config.write_initial(rt.config.paths, {**_way_to_the_state(rt), "time": {"zone": zone}}):
        zone = rt.config.time.zone  # the settings were there before the state
    rt.store.create()
    with rt.store.transaction() as tx:
        if meta.put_first(tx, meta.VAULT_KEY, made.key_id) == made.key_id and made.key_file is not None:
            meta.put_first(tx, meta.VAULT_KEY_FILE, str(made.key_file))
    return _described(rt, zone, already=False)


def _joined(rt: Runtime, zone: str) -> Initialised:
    """Write settings for this machine, if it has none; it must have found the key, so that they are right."""
    rt.open_vault()
    zone = zone or local_zone(rt)
    key_file = {"vault": {"key_file": rt.config.vault.key_file}} if rt.config.vault.key_file else {}
    settings = {**_way_to_the_state(rt), "time": {"zone": zone}, **key_file}
    joined = config.write_initial(rt.config.paths, settings)
    return _described(rt, zone if joined else rt.config.time.zone, already=True, joined=joined)


def _way_to_the_state(rt: Runtime) -> dict[str, Any]:
    """Return what variables alone say of the way to a database: without it the next command would look for a file."""
    said = {name for name, origin in rt.config.origins.items() if origin.startswith("YTPOOL_")}
    if rt.config.database is None or "state" not in said:
        return {}
    options = {key: value for key, value in rt.config.postgres._asdict().items() if f"postgres.{key}" in said}
    return {"state": rt.environ["YTPOOL_STATE"], **({"postgres": options} if options else {})}


def prepare_sandbox(rt: Runtime) -> None:
    """Set up the sandbox profile at its first use: nobody should have to, to try something out."""
    if rt.is_sandbox and not rt.is_set_up():
        init(rt, vault=KEY_FILE)


def local_zone(rt: Runtime) -> str:
    """Name this machine's time zone, or UTC where it does not say."""
    named = rt.environ.get("TZ", "").removeprefix(":")
    if not named:
        try:
            named = str(_ZONE_FILE.resolve()).partition("zoneinfo/")[2]
        except OSError:
            named = ""
    return named if named and config.is_zone(named) else "UTC"


def _make_key(rt: Runtime, vault: str) -> KeyMade:
    if vault == KEY_FILE or (vault == AUTO and rt.keyring_answers() is None):
        return rt.make_key(rt.config.paths.config.parent / "vault.key")
    try:
        return rt.make_key(None)
    except VaultUnavailable as error:
        if vault == KEYRING:
            hint = f"{error.hint}\nor keep the key in a file: ytpool init --vault {KEY_FILE}".strip()
            raise VaultUnavailable(error.message, hint=hint, **error.details) from error
        return rt.make_key(rt.config.paths.config.parent / "vault.key")


def _described(rt: Runtime, zone: str, *, already: bool, joined: bool = False) -> Initialised:
    here = owners.me().host
    with rt.store.reading() as tx:
        key_id = meta.get(tx, meta.VAULT_KEY)
        # Where only `init` and logins were typed, the key has been found and nothing taken yet.
        hosts = {one.host for one in machines.every(tx)} | {
            one.reader.host for one in readers.every(tx) if one.lives(tx.now)
        }
        known = len(accounts.every(tx))
    assert key_id is not None
    found = rt.vault.locate()
    for_cron = rt.key_for_cron(key_id)
    readable = not isinstance(for_cron, YtpoolError)
    return Initialised(
        profile=rt.config.profile,
        config=rt.config.paths.config,
        state=rt.config.state,
        vault=found.place,
        key=found.where,
        key_id=key_id,
        zone=zone,
        already=already,
        joined=joined,
        machines=tuple(sorted(hosts - {here})),
        accounts=known,
        cron_can_read_the_key=readable,
        advice=""
        if not isinstance(for_cron, YtpoolError)
        else f"under cron the key cannot be read: {for_cron.message}\n{for_cron.hint}",
    )
