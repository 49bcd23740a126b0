"""The keys of the vault: where they are, what they seal, and how one follows another.

A key is never replaced in its place and never deleted: a rotation adds one, seals row by row anew with it, and leaves
the old one where it is, because backups of the state need it. Every step can be repeated, and whatever dies between
two of them leaves secrets that open.
"""

import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ytpool.config.places import expanded
from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.errors import Busy, SecretDamaged, VaultKeyLost, VaultUnavailable, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import leases, meta, readers, secrets
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.readers import Report
from ytpool.store.secrets import Row

_AT_ONCE = 50
_LASTS_FOR = leases.REFRESH_LASTS_FOR

_ONLY_WITH_THE_KEY = (
    "a copy of this state opens nothing by itself: its {} secrets need the key, wherever that is; "
    "books and history can be read without it"
)
_FINISH = "ytpool vault rotate --finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key that this state knows."""

    key_id: str
    role: str
    """`in use` seals what is stored now, `next` is what a rotation brings, `old` still seals something."""
    seals: int
    place: str
    """Empty where it is out of reach."""
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRow:
    """What is stored for whom; never its value."""

    kind: str
    owner: str
    key_id: str
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRow:
    """A way to the keys on a machine, and what was found on it last."""

    host: str
    place: str
    location: str
    keys: tuple[str, ...]
    seen_at: datetime
    lives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStatus:
    """Where the keys are, what they seal, and who has found them."""

    keys: tuple[KeyRow, ...]
    secrets: tuple[SecretRow, ...]
    machines: tuple[ReaderRow, ...]
    cron_can_read_the_key: bool
    advice: str
    problem: YtpoolError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where the keys are read from now."""

    keys: tuple[str, ...]
    place: str
    where: str
    before: tuple[str, ...]
    """Where copies of them still are."""
    cron_can_read_the_key: bool
    dry_run: bool
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How far a rotation is."""

    phase: str
    """`begun`: the next key is there and seals nothing yet; `done`: everything is sealed with it."""
    key_id: str
    """The key in use."""
    next_key_id: str | None
    where: str
    """Where this machine found, or would put, the newer of both."""
    missing: tuple[str, ...]
    """Living machines that have not found the next key yet."""
    moved: int
    left: int
    dry_run: bool
    advice: str
    problem: YtpoolError | None = None


# Looking


def status(rt: Runtime) -> VaultStatus:
    """Say where the keys are and what they seal; works without a key, and then says what is missing."""
    with rt.store.reading() as tx:
        current, coming = meta.get(tx, meta.VAULT_KEY), meta.get(tx, meta.VAULT_NEXT_KEY)
        stored = secrets.every(tx)
    problem: YtpoolError | None = None
    try:
        rt.open_vault()
    except (VaultUnavailable, VaultKeyLost) as error:
        problem = error
    rows = []
    for key_id, role in _roles(current, coming, {row.sealed.key_id for row in stored}).items():
        found = None if problem else _find(rt, key_id)
        rows.append(
            KeyRow(
                key_id=key_id,
                role=role,
                seals=sum(row.sealed.key_id == key_id for row in stored),
                place=str(found.place) if found else "",
                where=found.where if found else "",
            )
        )
    if problem is None:
        readable, advice = _for_cron(rt, current)
    else:  # what the empty environment lacks is the least of it
        readable, advice = False, _ONLY_WITH_THE_KEY.format(len(stored))
    with rt.store.reading() as tx:
        reported, now = readers.every(tx), tx.now
    return VaultStatus(
        keys=tuple(rows),
        secrets=tuple(
            SecretRow(kind=row.kind, owner=row.owner, key_id=row.sealed.key_id, stored_at=row.stored_at)
            for row in stored
        ),
        machines=tuple(
            ReaderRow(
                host=one.reader.host,
                place=one.reader.place,
                location=one.reader.location,
                keys=one.keys,
                seen_at=one.seen_at,
                lives=one.lives(now),
            )
            for one in reported
        ),
        cron_can_read_the_key=readable,
        advice=advice,
        problem=problem,
    )


def _roles(current: str | None, coming: str | None, sealing: Collection[str]) -> Mapping[str, str]:
    roles = dict.fromkeys(sorted(sealing), "old")
    if coming is not None:
        roles[coming] = "next"
    return roles if current is None else {**roles, current: "in use"}


def _find(rt: Runtime, key_id: str) -> KeyFound | None:
    try:
        return rt.vault.locate(key_id)
    except (VaultUnavailable, VaultKeyLost):
        return None


def _for_cron(rt: Runtime, key_id: str | None) -> tuple[bool, str]:
    if key_id is None:
        return False, ""
    found = rt.key_for_cron(key_id)
    if not isinstance(found, YtpoolError):
        return True, ""
    return False, f"under cron the key cannot be read: {found.message}\n{found.hint}"


# Moving


def move(rt: Runtime, to: KeyPlace, *, key_file: Path | None = None, dry_run: bool = False) -> Moved:
    """Copy every key this state needs to the keyring or to a file, read them back there, and read them there only.

    The copies in the place before stay, for nobody else can say what else needs them.
    """
    place = _place(rt, to, key_file)
    before = rt.vault.locate()
    with rt.store.reading() as tx:
        current, coming = meta.get(tx, meta.VAULT_KEY), meta.get(tx, meta.VAULT_NEXT_KEY)
        needed = [*_roles(current, coming, secrets.keys_in_use(tx))]
    found = [rt.vault.locate(key_id) for key_id in needed]
    left = [one for one in found if not _same(one, place)]
    if not dry_run:
        with _alone(rt):
            for key_id in needed:
                place = _copied(rt, key_id, place)
            with rt.store.transaction() as tx:
                if to is KeyPlace.KEYRING:
                    meta.forget(tx, meta.VAULT_KEY_FILE)
                else:
                    meta.put(tx, meta.VAULT_KEY_FILE, place.where)
                readers.forget_one(tx, readers.here(before.place, before.where))
        rt.forget_vault()
        before = rt.vault.locate()
    readable, advice = _for_cron(rt, current)
    return Moved(
        keys=tuple(needed),
        place=str(to),
        where="the keyring" if to is KeyPlace.KEYRING else place.where,
        before=tuple(dict.fromkeys(one.where for one in left)),
        cron_can_read_the_key=readable,
        dry_run=dry_run,
        advice="\n".join(filter(None, ("" if dry_run else _still_first(before, place), _removal(left), advice))),
    )


def _copied(rt: Runtime, key_id: str, place: KeyFound) -> KeyFound:
    try:
        return rt.vault.copy(key_id, place)
    except VaultUnavailable as error:
        if place.place is KeyPlace.KEYRING:
            raise
        raise VaultUnavailable(error.message, hint="name another file: --key-file FILE", **error.details) from error


def _place(rt: Runtime, to: KeyPlace, key_file: Path | None) -> KeyFound:
    where = str(expanded(key_file or rt.config.paths.config.parent / "vault.key").absolute())
    return KeyFound(key_id="", place=to, where="" if to is KeyPlace.KEYRING else where)


def _same(one: KeyFound, other: KeyFound) -> bool:
    """Tell whether two places are one, whatever key is in it."""
    return one.place is other.place and (one.place is KeyPlace.KEYRING or one.where == other.where)


def _still_first(now: KeyFound, meant: KeyFound) -> str:
    """Say so where another place still comes before the new one, because settings or surroundings name it."""
    if _same(now, meant):
        return ""
    return f"{now.where} still comes first: your settings, or what starts ytpool, name it ({now.place})"


def _removal(left: Collection[KeyFound]) -> str:
    lines = []
    for one in left:
        if one.place is KeyPlace.KEYRING:
            lines.append(f"{sys.executable} -m keyring del ytpool key:{one.key_id}")
        elif one.place is KeyPlace.KEY_FILE:
            lines.append(f"rm {shlex.quote(one.where)}")
    if not lines:
        return ""
    return "\n".join(
        [
            "what was read so far is still there; once nothing else needs it, backups included, take it away:",
            *dict.fromkeys(lines),
        ]
    )


# Rotating


def rotate(rt: Runtime, *, dry_run: bool = False) -> Rotation:
    """Add a new key where the one in use is, or say what to install; calling again tells how far it is.

    Nothing is sealed with the new key yet, so nobody who lacks it is harmed.
    """
    found = rt.vault.locate()
    with rt.store.reading() as tx:
        coming = meta.get(tx, meta.VAULT_NEXT_KEY)
    if coming is not None:
        rt.report_keys()
        return _standing(rt, dry_run=dry_run)
    if dry_run:
        return _standing(rt, dry_run=True, advice=f"it would add a key to {found.where}, which then seals nothing yet")
    with _alone(rt):
        try:
            made, elsewhere = rt.vault.make_beside(found), ""
        except VaultUnavailable as error:
            made, elsewhere = _made_aside(rt), error.message
        with rt.store.transaction() as tx:
            # Another process may have begun since; its key is the one that machines have heard of.
            if meta.put_first(tx, meta.VAULT_NEXT_KEY, made.key_id) != made.key_id:
                elsewhere = ""
            else:
                meta.forget(tx, meta.VAULT_NEXT_KEY_AT)  # of the rotation before
                if elsewhere:
                    meta.put(tx, meta.VAULT_NEXT_KEY_AT, made.where)
    rt.report_keys()
    return _standing(rt, why=elsewhere)


def cancel(rt: Runtime, *, dry_run: bool = False) -> Rotation:
    """Take a rotation back that has sealed nothing yet; the new key stays where it is, and is of no use."""
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        if coming is not None:
            meta.forget(tx, meta.VAULT_NEXT_KEY)
            meta.forget(tx, meta.VAULT_NEXT_KEY_AT)
    return _standing(rt, dry_run=dry_run, advice="" if coming else "no rotation was under way")


def finish(rt: Runtime, *, without: Collection[str] = (), dry_run: bool = False) -> Rotation:
    """Seal everything anew with the next key, once every living machine has reported that it has it.

    `without` names hosts that are not waited for and are forgotten. Killed at any moment, the same call goes on;
    secrets that do not open keep their key, and are told.
    """
    rt.report_keys()
    if dry_run:
        return _standing(rt, dry_run=True, without=without)
    with _alone(rt) as lease:
        with rt.store.reading() as tx:
            coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        if coming is not None:
            _take_into_use(rt, coming, without)
        moved, closed = _seal_anew(rt, lease)
    return _standing(rt, moved=moved, problem=closed)


def _take_into_use(rt: Runtime, coming: str, without: Collection[str]) -> None:
    """Let every process seal with the next key from now on; both keys open."""
    try:
        rt.vault.locate(coming)
    except (VaultUnavailable, VaultKeyLost) as error:
        raise type(error)(
            f"the rotation is not finished: this machine does not have the next key: {error.message}",
            hint="install it here as `ytpool vault rotate` said; or begin again: ytpool vault rotate --cancel",
            **error.details,
        ) from error
    with rt.store.transaction() as tx:
        for host in without:
            readers.forget(tx, host)
        missing = _missing(tx, coming)
        if missing:
            hosts = sorted({one.reader.host for one in missing})
            raise Busy(
                f"the rotation is not finished: {', '.join(str(one.reader) for one in missing)} "
                f"{'has' if len(missing) == 1 else 'have'} not found the key {coming} yet",
                hint="install it there, and let any command run that opens the vault, as `ytpool health`;\n"
                f"for a machine that is no more: {_FINISH} --without {hosts[0]}",
                machines=[str(one.reader) for one in missing],
                key_id=coming,
            )
        if meta.get(tx, meta.VAULT_NEXT_KEY) == coming:  # not taken back meanwhile
            meta.put(tx, meta.VAULT_KEY, coming)
            meta.forget(tx, meta.VAULT_NEXT_KEY)


def _seal_anew(rt: Runtime, lease: Lease) -> tuple[int, YtpoolError | None]:
    """Give every secret of another key the one in use, a batch at a time; return how many, and what stayed closed."""
    with rt.store.reading() as tx:
        current = meta.get(tx, meta.VAULT_KEY)
        sealing = [*secrets.keys_in_use(tx)]
    assert current is not None
    lost: dict[str, YtpoolError] = {}
    for key_id in sealing:  # a keyring takes its time, which no transaction should wait for
        try:
            rt.vault.locate(key_id)
        except (VaultUnavailable, VaultKeyLost) as error:
            lost[key_id] = error
    rt.vault.seal_with(current)
    moved, after = 0, ("", "")
    closed: list[tuple[Row, YtpoolError]] = []
    while True:
        with rt.store.transaction() as tx:
            if not leases.renew(tx, [lease], _LASTS_FOR):
                raise Busy("another process has taken over the rotation", hint=f"look again: {_FINISH}")
            batch = secrets.not_of_key(tx, current, after=after, most=_AT_ONCE)
            stayed = [(row, why) for row in batch if (why := _resealed(rt, tx, row, lost)) is not None]
        if not batch:
            return moved, _told(closed)
        after = (batch[-1].kind, batch[-1].owner)
        closed += stayed
        moved += len(batch) - len(stayed)


def _resealed(rt: Runtime, tx: Tx, row: Row, lost: Mapping[str, YtpoolError]) -> YtpoolError | None:
    """Seal one secret anew, or return why it cannot be opened."""
    if row.sealed.key_id in lost:
        return lost[row.sealed.key_id]
    try:
        value = rt.vault.open(row.kind, row.owner, row.sealed)
    except SecretDamaged as error:
        return error
    sealed = rt.vault.seal(row.kind, row.owner, value)
    if rt.vault.open(row.kind, row.owner, sealed) != value:
        raise SecretDamaged(f"the {row.kind} of {row.owner} did not come back as it was sealed")
    secrets.reseal(tx, row, sealed)
    return None


def _told(closed: Sequence[tuple[Row, YtpoolError]]) -> YtpoolError | None:
    if not closed:
        return None
    first, why = closed[0]
    some = ", ".join(f"{row.kind} of {row.owner}" for row, _ in closed[:5])
    return SecretDamaged(
        f"{len(closed)} secret{'s' * (len(closed) > 1)} cannot be sealed anew and keep the old key: {some}",
        hint=f"{why.message}\n{why.hint}",
        key_id=first.sealed.key_id,
    )


def _standing(
    rt: Runtime,
    *,
    dry_run: bool = False,
    moved: int = 0,
    without: Collection[str] = (),
    why: str = "",
    advice: str = "",
    problem: YtpoolError | None = None,
) -> Rotation:
    with rt.store.reading() as tx:
        current, coming = meta.get(tx, meta.VAULT_KEY), meta.get(tx, meta.VAULT_NEXT_KEY)
        used = secrets.keys_in_use(tx)
        waiting = [] if coming is None else _missing(tx, coming)
        aside = meta.get(tx, meta.VAULT_NEXT_KEY_AT)
    assert current is not None
    missing = [one for one in waiting if one.reader.host not in without]
    found = _find(rt, coming or current)
    where = found.where if found else aside or ""
    lines = [advice]
    if why:
        lines.append(f"the new key could not be put beside the one in use: {why}")
    if coming is not None:
        source = None if found is not None and found.place is KeyPlace.KEYRING else where
        lines += _to_install(missing, coming, source) if missing else [f"every machine has it; now: {_FINISH}"]
    elif not problem and not dry_run and moved:
        lines.append("keep the old key as long as you keep backups from before: they need it")
        if aside:
            lines.append(f"the file that the new one was made in is not needed any more: rm {shlex.quote(aside)}")
    return Rotation(
        phase="done" if coming is None else "begun",
        key_id=current,
        next_key_id=coming,
        where=where,
        missing=tuple(str(one.reader) for one in missing),
        moved=moved,
        left=sum(count for key_id, count in used.items() if key_id != (coming or current)),
        dry_run=dry_run,
        advice="\n".join(filter(None, lines)),
        problem=problem,
    )


def _missing(tx: Tx, coming: str) -> list[Report]:
    return [one for one in readers.every(tx) if one.lives(tx.now) and coming not in one.keys]


def _to_install(missing: Collection[Report], coming: str, source: str | None) -> Iterator[str]:
    """Say how each way to the keys gets the next one, without ever showing it; no source is this keyring."""
    if source is None:
        yield f"take it out of this keyring: (umask 077; {sys.executable} -m keyring get ytpool key:{coming} > FILE)"
    elif not source:
        yield f"the next key {coming} is not on this machine; take the file from the one where the rotation began"
    source = shlex.quote(source) if source else "FILE"
    for report in missing:
        reader = report.reader
        match reader.place:
            case KeyPlace.KEYRING:
                yield f"on {reader.host}: {sys.executable} -m keyring set ytpool key:{coming} < {source}"
            case KeyPlace.CREDENTIAL:
                yield f"on {reader.host}: grep {coming} {source} >> the file that LoadCredential=ytpool-key: names"
            case _:
                yield f"on {reader.host}: grep {coming} {source} >> {shlex.quote(reader.location)}"
    yield f"then let a command run there that opens the vault, as `ytpool health`, and here: {_FINISH}"


def _made_aside(rt: Runtime) -> KeyFound:
    """Make the new key in a file of its own, private, for whoever can install it."""
    path = rt.config.paths.config.parent / f"vault-new-{rt.clock.now():%Y%m%dT%H%M%S}.key"
    made = rt.make_key(path)
    return KeyFound(key_id=made.key_id, place=KeyPlace.KEY_FILE, where=str(path.absolute()))


@contextmanager
def _alone(rt: Runtime) -> Iterator[Lease]:
    """Keep every other process from changing keys."""
    with rt.store.transaction() as tx:
        lease = leases.take(tx, LeaseKind.VAULT, "keys", holder="vault", lasts_for=_LASTS_FOR)
    if lease is None:
        raise Busy("another process is changing the vault's keys", hint="try again when it is done")
    try:
        yield lease
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])
