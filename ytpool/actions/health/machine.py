"""Looks at what this machine brings: the state, the vault, the disk, the clock, the settings."""

import shlex
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ytpool.actions import afar, whereabouts
from ytpool.actions import fleet as fleets
from ytpool.actions.health.checks import Check, Sight, Status, ago
from ytpool.actions.waking import LOOKS_EVERY
from ytpool.domain import moments
from ytpool.errors import StateAway
from ytpool.store import accounts, ledger, meta, owners, secrets

_READS_WHOLE = 256 << 20
"""A state up to this size is read from end to end each time; a larger one with `deep` alone."""

_MIB = 1 << 20
_RIGHT_ENOUGH = timedelta(seconds=60)
_REMOTE = frozenset({"9p", "afs", "cifs", "ceph", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"})


def reads_within(sight: Sight) -> float:
    return 600.0 if sight.deep else 10.0


def state(sight: Sight) -> Iterator[Check]:
    """Read and write it; whole and its books right, unless it is asked often."""
    store = sight.rt.store
    try:
        with store.transaction() as tx:
            meta.put(tx, meta.LOOKED_AT, tx.at)
    except StateAway as error:
        with store.reading():  # where it can still be read, the others have something to say
            pass
        yield Check(check="state", status=Status.FAIL, message=error.message, fix=error.hint)
        return
    with store.reading() as tx:
        wrong = ledger.differences(tx, sight.rt.terms(tx).day)
    size = store.size()
    large = size > _READS_WHOLE and not sight.deep
    broken = [] if sight.often or large else store.integrity()
    if broken or wrong:
        fix = "stop all ytpool processes; restore a backup" if broken else "run: ytpool state check"
        yield Check(check="state", status=Status.FAIL, message=[*broken, *wrong][0], fix=fix)
        return
    seen = "reads and writes" if sight.often else "is whole, reads and writes"
    if large and not sight.often:
        seen = "reads and writes; it is large, and read as a whole with --deep only"
    yield Check(check="state", status=Status.PASS, message=f"{store.shown}, {size / 1_000_000:.1f} MB, {seen}")
    if not store.is_shared and (kind := _file_system(sight.rt.config.paths.state)) in _REMOTE:
        message = f"{store.shown} lies on {kind}, where locks are not to be relied on"
        fix = "put the state on a disk of this machine: state = PATH in the settings"
        yield Check(check="state place", status=Status.WARN, message=message, fix=fix)


def wake_ups(sight: Sight) -> Iterator[Check]:
    """Call out to ourselves, where several machines share the state, and hear whether it comes back."""
    listener = sight.rt.store.listener()
    if listener is None or sight.often:
        return
    with listener:
        arrive = afar.arrives(sight.rt, listener)
    if arrive:
        yield Check(check="wake-ups", status=Status.PASS, message="workers on all machines hear at once of new jobs")
        return
    yield Check(
        check="wake-ups",
        status=Status.WARN,
        message=f"wake-ups do not arrive through this pooler; workers look every {LOOKS_EVERY:g} s",
        fix="let the pooler keep a connection for as long as its client does (PgBouncer: pool_mode = session)",
    )


def backup(sight: Sight) -> Iterator[Check]:
    """Say when the last backup was made; what is younger than that may wait for its first."""
    days = sight.rt.config.health.backup_days
    with sight.rt.store.reading() as tx:
        said, began_at, now = meta.get(tx, meta.BACKED_UP), accounts.first_at(tx), tx.now
    if not days or sight.rt.is_sandbox or (said is None and began_at is None):
        why = "none is asked for" if not days else "there is nothing yet that would be missed"
        yield Check(check="backup", status=Status.PASS, message=why)
        return
    if said is None:
        assert began_at is not None
        last, message = began_at, "the state was never backed up"
    else:
        moment, where = said.split(" ", 1)
        last = moments.parse(moment)
        message = f"the last backup was made {ago(now, last)} ago: {where}"
    late = now - last > timedelta(days=days)
    fix = "run: ytpool state backup; every night: ytpool guide cron" if late else ""
    yield Check(check="backup", status=Status.WARN if late else Status.PASS, message=message, fix=fix)


def _file_system(path: Path) -> str:
    """Return what kind of file system holds a path, where the machine says so."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = ("", "")
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        folder = place.replace("\\040", " ")
        if path.is_relative_to(folder) and len(folder) >= len(found[0]):
            found = folder, kind
    return found[1]


def vault(sight: Sight) -> Iterator[Check]:
    found = sight.rt.vault.locate()
    yield Check(check="vault", status=Status.PASS, message=f"key {found.key_id} is in the {found.place}: {found.where}")
    with sight.rt.store.reading() as tx:
        coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        left = sum(count for key_id, count in secrets.keys_in_use(tx).items() if key_id != found.key_id)
    if coming is not None:
        message, fix = f"the change to key {coming} is begun, and nothing is sealed with it yet", "rotate"
    elif left:
        message, fix = f"{left} secrets are still sealed with the key before", "rotate --finish"
    else:
        return
    yield Check(check="vault rotation", status=Status.WARN, message=message, fix=f"run: ytpool vault {fix}")


def disk(sight: Sight) -> Iterator[Check]:
    """Look for room where the state and the cache lie, or will."""
    paths = sight.rt.config.paths
    seen: set[int] = set()
    for what, path in (("state", paths.folder), ("cache", paths.cache)):
        place = _nearest(path)
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield _room(sight, what, path, shutil.disk_usage(place).free)


def _room(sight: Sight, what: str, path: Path, free: int) -> Check:
    limits = sight.rt.config.health
    status = Status.PASS
    if free < limits.disk_warn_mib * _MIB:
        status = Status.FAIL if free < limits.disk_fail_mib * _MIB else Status.WARN
    return Check(
        check=f"disk {what}",
        status=status,
        message=f"{free / 1_000_000_000:.1f} GB free at {path}"
        if free >= 100_000_000
        else f"{free / 1_000_000:.1f} MB free at {path}",
        fix="" if status is Status.PASS else "free some space; nothing is stored on a full disk",
    )


def _nearest(path: Path) -> Path:
    """Return a folder, or the nearest above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())


def clock(sight: Sight) -> Iterator[Check]:
    """Compare this machine's clock with what Google's `Date` said last."""
    rt = sight.rt
    rt.require_clock()
    now = rt.calendar.now()
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    confirmed = rt.calendar.confirmation()
    if rt.is_sandbox or confirmed is None:
        words = "by the sandbox's clock" if rt.is_sandbox else "not compared with Google's yet"
        yield Check(check="clock", status=Status.PASS, message=f"{shown}, {words}")
        return
    off = rt.calendar.as_google_says() - rt.clock.now()
    seen_at = sight.on_the_machines_clock(confirmed.moment)
    heard = f"Google's was heard {ago(now, confirmed.moment)} ago"
    if abs(off) <= _RIGHT_ENOUGH:
        yield Check(check="clock", status=Status.PASS, message=f"{shown}, {heard}", seen_at=seen_at)
        return
    which = "behind" if off > timedelta(0) else "ahead of"
    message = f"this machine's clock is {abs(off).total_seconds():.0f} s {which} Google's, which is used; {heard}"
    fix = "set the clock, best by NTP: timedatectl set-ntp true"
    yield Check(check="clock", status=Status.WARN, message=message, fix=fix, seen_at=seen_at)


DRAINED = "drained"
"""What the check is called that says that this machine takes nothing new."""


def drained(by: str) -> Check:
    """Say that this machine takes nothing new."""
    return Check(
        check=DRAINED,
        status=Status.WARN,
        message=f"this machine takes nothing new, by the word of {by}",
        fix=f"run: ytpool fleet resume {owners.me().host}",
    )


def fleet(sight: Sight) -> Iterator[Check]:
    """Say which other machines share the state, and what somebody should look at on any of them."""
    told = fleets.status(sight.rt)
    here = next((row for row in told.machines if row.is_here), None)
    others = [row for row in told.machines if not row.is_here and row.condition is not fleets.Condition.AWAY]
    message = (
        f"{owners.me().host} works alone" if not others else f"at work too: {', '.join(row.host for row in others)}"
    )
    yield Check(check="fleet", status=Status.PASS, message=message)
    if here is not None and here.drained_at is not None:
        yield drained(here.drained_by)
    for row in told.machines:
        if row.remarks:
            name, fix = f"fleet {row.host}", "run: ytpool fleet status"
            yield Check(check=name, status=Status.WARN, message="; ".join(row.remarks), fix=fix)


def configuration(sight: Sight) -> Iterator[Check]:
    """Say where the settings come from, and whether others could change or read what they should not."""
    config = sight.rt.config
    file = config.paths.config
    written = sum(origin.startswith(f"{file}:") for origin in config.origins.values())
    variables = sorted({origin for origin in config.origins.values() if origin.startswith("YTPOOL_")})
    parts = [
        f"{file} sets {written} {'value' if written == 1 else 'values'}" if file.exists() else f"there is no {file}"
    ]
    if variables:
        parts.append(f"over it {', '.join(variables)}")
    yield Check(check="configuration", status=Status.PASS, message="; ".join(parts))
    if config.database is not None and config.database.warning:
        fix = "set postgres.sslmode to verify-full, and postgres.sslrootcert to the certificate of its authority"
        yield Check(check="configuration TLS", status=Status.WARN, message=config.database.warning, fix=fix)
    for sentence in whereabouts.unmapped(sight.rt) if config.path.map else ():
        yield Check(check="path map", status=Status.WARN, message=sentence, fix="mount it, or change path.map")
    for path, private in ((file, 0o022), (config.paths.state, 0o077)):
        try:
            mode = path.stat().st_mode
        except OSError:  # it is not there, or the look at the state says why it cannot be reached
            continue
        if stat.S_ISREG(mode) and mode & private:
            verb = "change" if private == 0o022 else "read"
            message = f"others may {verb} {path}"
            name, fix = f"configuration {path.name}", f"run: chmod 600 {shlex.quote(str(path))}"
            yield Check(check=name, status=Status.WARN, message=message, fix=fix)
