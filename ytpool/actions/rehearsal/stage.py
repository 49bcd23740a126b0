"""The stage: a copy of the state, a sandbox with the same channels, projects and limits, and files to send.

Nothing in the copy can reach anybody. Its secrets are gone with the key they were sealed with, its settings name no
service but the sandbox, and what waits in it for anybody but YouTube is held back.
"""

import errno
import fcntl
import itertools
import os
import random
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ytpool import config
from ytpool.actions import files, publish, secrets, whereabouts
from ytpool.actions.claiming import Order
from ytpool.actions.plan import applying, making
from ytpool.config import Config, make_private_folder
from ytpool.config.settings import Block
from ytpool.domain import grants, quota
from ytpool.domain.accounts import Account
from ytpool.domain.jobs import InLine, Job, Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.scenarios import Scenario
from ytpool.domain.secret import Secret
from ytpool.domain.sizes import spoken_bytes
from ytpool.domain.video import VideoRequest
from ytpool.errors import (
    DiskFull,
    FileInvalid,
    Interrupted,
    NoEligibleAccount,
    StateUnusable,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, caps, copies, limits, meters, pools, projects, rehearsals, uploads
from ytpool.store.db import Database, Tx
from ytpool.store.rehearsals import Used
from ytpool.store.secrets import Kind

_FOLDER = "rehearsals"

_SMALLEST, _SHORT = 24_000, 240_000
_LONG = 9 * 1024 * 1024
_LONG_EVERY = 12
"""Of so many stand-ins one is longer than a chunk, if its film is."""
_CHUNK_MIB = 8
_SPARE = 64 * 1024 * 1024
_SOME = 1 << 20
"""Bytes; whoever finds less has found none when it mattered."""

_KEPT_SETTINGS = ("time", "thresholds", "balancing", "breakers", "envelopes", "refresh", "upload", "plan", "path")
"""What decides how work is done; all else in the settings is about other services, people and places."""

_HURRY = 100.0
_WORTH_A_CALL = timedelta(milliseconds=10)
_NAP = 0.05
_PATIENCE = 30.0

EACH = 5
"""Where nothing waits, so many videos are made up for each account: one more than the shipped scenario of caps lets."""


class Rehearsing(Runtime):
    """A runtime that is in a hurry: whoever sleeps lets the sandbox's clock go on instead, and is awake soon."""

    def __init__(self, config: Config, *, environ: Mapping[str, str], seed: int) -> None:
        super().__init__(config, environ=environ, seed=seed)
        self.patience = _PATIENCE
        """Seconds for which everybody waits for another's transaction: what is rehearsed need not take as long."""
        self._jumping = threading.Lock()
        self._thread = threading.local()

    def sleep(self, seconds: float) -> None:
        self.require_going()
        wakes_at = self.calendar.now() + timedelta(seconds=seconds)
        self.clock.sleep(min(seconds / _HURRY, _NAP))
        self.clock_to(wakes_at)
        self.require_going()

    def clock_to(self, moment: datetime) -> None:
        """Let the sandbox's clock be at this moment, unless it is later there by now."""
        with self._jumping:
            left = moment - self.calendar.now()
            if left > _WORTH_A_CALL:
                self.sandbox.clock(forward=left)

    @property
    def store(self) -> Database:
        store = super().store
        if getattr(self._thread, "patience", None) != self.patience:
            self._thread.patience = self.patience
            store.wait_at_most(self.patience)
        return store


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A video that is to be published, and the file that stands in for it."""

    job: str
    name: str
    target: Target
    path: Path
    sha256: str
    not_before: datetime | None = None
    """For when it is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is rehearsed: a state that was made ready once, from which every run takes its own copy."""

    folder: Path
    state: Path
    key_file: Path
    config: Config
    begins_at: datetime
    planned_until: datetime | None
    """The last moment for which one of them is planned; None where all may begin at once."""
    films: tuple[Film, ...]
    source: str
    """What is rehearsed, in words."""
    left_out: Mapping[str, int]
    """Jobs by their kind that cannot be rehearsed."""
    left_over: int
    """Uploads beyond as many as are rehearsed."""
    not_there: int
    """Uploads whose file is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where one run is played."""

    script: Script
    rt: Rehearsing
    home: Path
    projects: int
    used: Sequence[Used]
    """What was used before it began."""
    accounts: Mapping[str, Account]


@contextmanager
def private_folder(rt: Runtime) -> Iterator[Path]:
    """Yield a folder of our own, which is gone afterwards; what a killed rehearsal has left goes first.

    Whoever closes the terminal, or asks the program to stop in another way, finds nothing left either.
    """
    parent = rt.config.paths.cache / _FOLDER
    with _named(parent):
        make_private_folder(parent)
        with (parent / "lock").open("w") as every:
            fcntl.flock(every, fcntl.LOCK_EX)  # nobody takes for dead what is just being made
            _sweep(rt, parent)
            folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=parent))
            ours = (folder / "lock").open("w")
            fcntl.flock(ours, fcntl.LOCK_EX)
    with ours, _signals({signal.SIGHUP: _as_sigterm}):
        try:
            with _named(parent):
                yield folder
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted; the rehearsal leaves nothing behind", hint="run the same command again"
            ) from None
        finally:
            with _signals(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)):
                _remove(rt, folder)  # who is impatient would leave it lying


@contextmanager
def _signals(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    """Deal with signals in another way; one that is ignored, as by `nohup`, stays so."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, to) for one, to in handlers.items() if _is_heard(one)}
    try:
        yield
    finally:
        for one, former in before.items():
            signal.signal(one, former)


def _is_heard(number: signal.Signals) -> bool:
    return signal.getsignal(number) is not signal.SIG_IGN


def _as_sigterm(_number: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGTERM)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Say what is in the way where rehearsals lie, and that their disk is full whatever fails first because of it."""
    try:
        yield
    except Interrupted:
        raise
    except YtpoolError as error:
        _require_some_room(folder, error)
        raise
    except OSError as error:
        _require_some_room(folder, error)
        if error.errno in _NOT_OURS and Path(error.filename or "/").is_relative_to(folder.parent):
            raise StateUnusable(
                f"a rehearsal cannot use {error.filename}: {error.strerror}",
                hint=f"let {folder} be a folder that you may write to",
                path=str(error.filename),
            ) from error
        raise


_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
"""How a file system says that something is as somebody else has made it."""


def _require_some_room(folder: Path, error: Exception | None = None) -> None:
    """Raise DiskFull where a rehearsal has no room left for anything; what it has seen then is nobody's fault."""
    with suppress(OSError):  # it is not there
        if shutil.disk_usage(folder).free >= _SOME:
            return
        raise DiskFull(
            f"the disk that holds {folder} has filled up during the rehearsal",
            hint="free some space there, and run the same command again",
            path=str(folder),
        ) from error


def _sweep(rt: Runtime, parent: Path) -> None:
    for folder in filter(Path.is_dir, parent.glob("rehearsal-*")):
        try:
            lock = (folder / "lock").open("w")
        except FileNotFoundError:
            continue  # it has just come to its end
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it is under way
            _remove(rt, folder)


def _remove(rt: Runtime, folder: Path) -> None:
    """Remove a rehearsal with its sandboxes; what is left where somebody writes all the same goes with the next one."""
    for _ in range(_REMOVED_AFTER):
        for home in (folder / "script", *folder.glob("run-*")):
            _runtime(home, rt, seed=0).stop_sandbox()
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        rt.clock.sleep(_NAP)


_REMOVED_AFTER = 40
"""Tries: a program that was just ended may still have written a file."""


def require_room(rt: Runtime, videos: int) -> int:
    """Return how many bytes a rehearsal needs; raises DiskFull where the disk of the cache has less."""
    folder = rt.config.paths.cache
    with _named(folder / _FOLDER):
        make_private_folder(folder)
        free = shutil.disk_usage(folder).free
    needed = 3 * rt.store.size() + videos * _SHORT + (videos // _LONG_EVERY + 1) * 2 * _LONG + _SPARE
    if free < needed:
        raise DiskFull(
            f"a rehearsal needs {spoken_bytes(needed)} for its copy of the state, and {folder} has "
            f"{spoken_bytes(free)} left",
            hint="free some space there, or rehearse with fewer videos: --videos N",
            needed=needed,
            free=free,
        )
    return needed


def write_script(
    rt: Runtime,
    folder: Path,
    orders: Sequence[Order],
    wanted: Sequence[Scenario],
    *,
    videos: int,
    at_least: int | None,
    days: int,
    chance: random.Random,
) -> Script:
    """Copy the state and make the copy ready: its uploads begin anew, with files of ours in the place of theirs.

    Where fewer than `at_least` wait, the others are made up; None makes some up only where nothing waits.
    """
    home = folder / "script"
    begins_at = rt.calendar.now()
    key_file = folder / "vault.key"
    ready = _runtime(_prepared(home, rt.config), rt, seed=0)
    try:
        state = ready.config.paths.state
        os.close(os.open(state, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        rt.store.copy_to(state, rt.require_going)
        key = ready.make_key(key_file)
        ready.clock_to(begins_at)
        _require_known(ready, wanted)
        with ready.store.transaction() as tx:
            rehearsals.detach(tx, root=ready.root_name, key_id=key.key_id, key_file=key_file)
            waiting = rehearsals.beginnable(tx, videos)
            queued = rehearsals.count_beginnable(tx)
            rehearsals.hold_back(tx)
        films, gone = _recast(ready, rt, waiting, folder / "files", chance)
        told = [f"{len(films)} uploads of the queue"] if films else []
        taken = orders[: max(0, videos - len(films))]
        asked = _planned(ready, taken, folder / "files", days, chance)
        told += [f"{len(asked)} of the manifest"] if asked else []
        films += asked
        with ready.store.reading() as tx:
            number = to_make_up(tx, len(films), at_least=at_least, videos=videos)
        made = _made_up(ready, folder / "files", number, chance)
        told += [f"{len(made)} that are made up"] if made else []
        films += made
        with ready.store.reading() as tx:
            left_out = dict(rehearsals.held_back(tx))
        over = queued - len(waiting)
        left_out["upload"] = left_out.get("upload", 0) - over
    finally:
        ready.stop_sandbox()
        ready.close()
    copies.fold(state)
    return Script(
        folder=folder,
        state=state,
        key_file=key_file,
        config=rt.config,
        begins_at=begins_at,
        planned_until=max((one.not_before for one in films if one.not_before is not None), default=None),
        films=tuple(films),
        source=" and ".join(told),
        left_out={kind: count for kind, count in left_out.items() if count},
        left_over=over + len(orders) - len(taken),
        not_there=gone,
    )


def _prepared(home: Path, real: Config) -> Path:
    """Make the home of a runtime that has the settings of the real one as far as they decide how work is done."""
    settings: dict[str, dict[str, Any]] = {"upload": {"chunk_mib": _CHUNK_MIB}}
    for section in _KEPT_SETTINGS:
        for key, value in getattr(real, section)._asdict().items():
            if real.is_set(f"{section}.{key}") and key != "chunk_mib":
                settings.setdefault(section, {})[key] = _as_written(value)
    place = config.load(profile=config.SANDBOX, environ={"YTPOOL_HOME": str(home)})
    make_private_folder(place.paths.folder)
    config.write_initial(place.paths, settings)
    return home


def _as_written(value: Any) -> Any:
    """Return a setting as it stands in a file."""
    if not isinstance(value, tuple):
        return value
    return [one.written() if isinstance(one, Block) else one for one in value]


def require_known(rt: Runtime, wanted: Sequence[Scenario]) -> None:
    """Raise FileInvalid for a scenario with an error or a call that the sandbox does not know."""
    if any(one.error for scenario in wanted for one in scenario.disasters):
        with private_folder(rt) as folder:
            asked = _runtime(_prepared(folder / "script", rt.config), rt, seed=0)
            try:
                _require_known(asked, wanted)
            finally:
                asked.stop_sandbox()
                asked.close()


def _require_known(asked: Runtime, wanted: Sequence[Scenario]) -> None:
    for scenario in wanted:
        for one in filter(lambda one: one.error, scenario.disasters):
            for method in one.methods or ("videos.insert",):
                try:
                    rule = asked.sandbox.add_fault(method=method, kind="error", error=one.error)
                except UsageWrong as wrong:
                    raise FileInvalid(
                        f"scenario {scenario.name}: {wrong.message}", hint=wrong.hint or "ytpool guide rehearse"
                    ) from wrong
                asked.sandbox.clear_faults([rule])


def environment(home: Path, rt: Runtime) -> dict[str, str]:
    """Return an environment that names this home, and nothing of the real one."""
    hidden = ("YTPOOL_", "CREDENTIALS_DIRECTORY", "DBUS_")
    kept = {name: value for name, value in rt.environ.items() if not name.startswith(hidden)}
    return {**kept, "YTPOOL_HOME": str(home), "YTPOOL_PROFILE": config.SANDBOX}


def _runtime(home: Path, rt: Runtime, *, seed: int) -> Rehearsing:
    environ = environment(home, rt)
    return Rehearsing(config.load(profile=None, environ=environ), environ=environ, seed=seed)


def _stand_in(folder: Path, name: str, size: int, chance: random.Random) -> tuple[Path, str]:
    """Make a file that stands in for a film: of its name, no longer than it needs to be, and like no other."""
    make_private_folder(folder)
    length = min(max(size, _SMALLEST), chance.randint(_SMALLEST, _SHORT))
    if size > _LONG and chance.randrange(_LONG_EVERY) == 0:
        length = _LONG
    content = chance.randbytes(length)
    path = Path(tempfile.mkdtemp(dir=folder)) / name
    path.write_bytes(content)
    return path, files.whole_hash(path)


def _recast(
    ready: Runtime, real: Runtime, waiting: Sequence[Job], folder: Path, chance: random.Random
) -> tuple[list[Film], int]:
    """Let uploads begin with stand-ins; a file that is gone stays so, and is counted."""
    films, gone = [], 0
    with ready.store.reading() as tx:
        asked = [uploads.get(tx, job.job) for job in waiting]
    made = [_stand_in(folder, Path(one.path).name, one.size, chance) for one in asked]
    marks = [files.inspect(path).marks for path, _ in made]
    with ready.store.transaction() as tx:
        for job, upload, (path, sha256), seen in zip(waiting, asked, made, marks, strict=True):
            here = real.path_map.here(Path(upload.path))
            is_gone = not whereabouts.is_elsewhere(job) and not whereabouts.is_file(here)
            rehearsals.begin_with(tx, job.job, here if is_gone else path, seen)
            gone += is_gone
            films.append(
                Film(
                    job=job.job,
                    name=path.name,
                    target=job.target,
                    path=path,
                    sha256=sha256,
                    not_before=job.not_before,
                )
            )
    return films, gone


_PLANS_FOR = 7
"""Days, as `plan` does where nobody says for how many; what is planned for later than is rehearsed waits."""


def _planned(ready: Runtime, orders: Sequence[Order], folder: Path, days: int, chance: random.Random) -> list[Film]:
    """Queue what a manifest asks for as `plan --apply` would; what finds no place is rehearsed at once."""
    if not orders:
        return []
    made = [_stand_in(folder, order.path.name, order.path.stat().st_size, chance) for order in orders]
    ours = [replace(order, path=path, job=None) for order, (path, _) in zip(orders, made, strict=True)]
    plan = making.of_orders(ready, orders, days=max(days, _PLANS_FOR), rate=None, what_if=())  # by their real sizes
    plan = applying.apply(ready, ours, plan)
    films = []
    for order, item, (path, sha256) in zip(ours, plan.items, made, strict=True):
        job = item.job or publish.put_in_line(ready, replace(order, in_line=order.in_line or InLine())).job
        assert job is not None
        films.append(
            Film(
                job=job,
                name=path.name,
                target=order.target,
                path=path,
                sha256=sha256,
                not_before=item.starts_at if item.job else None,
            )
        )
    return films


def to_make_up(tx: Tx, waits: int, *, at_least: int | None, videos: int) -> int:
    """Return how many videos are made up beside those that wait; raises NoEligibleAccount where there is nobody."""
    number = max(0, (at_least or 0) - waits)
    if number or not waits:
        number = number or EACH * len(_targets(tx))
    return min(number, videos - waits)


def _targets(tx: Tx) -> list[Target]:
    """Return the pools, each as often as it has accounts, or the accounts where there is no pool."""
    found = [Target(kind=TargetKind.POOL, name=one.pool) for one in pools.every(tx) for _ in one.accounts] or [
        Target(kind=TargetKind.ACCOUNT, name=one.account) for one in accounts.every(tx) if one.channel_id
    ]
    if not found:
        raise NoEligibleAccount(
            "there is no account to rehearse with", hint="log one in: ytpool auth add; or see it work: ytpool demo"
        )
    return found


def _made_up(ready: Runtime, folder: Path, number: int, chance: random.Random) -> list[Film]:
    """Queue so many uploads."""
    if not number:
        return []
    with ready.store.reading() as tx:
        targets = _targets(tx)
    films = []
    for made, target in zip(range(number), itertools.cycle(targets), strict=False):
        path, sha256 = _stand_in(folder, f"rehearsal-{made + 1:03}.mp4", _LONG + 1, chance)
        wished = Publication(video=VideoRequest(title=path.stem))
        order = Order(path=path, publication=wished, target=target, in_line=InLine())
        job = publish.put_in_line(ready, order).job
        assert job is not None
        films.append(Film(job=job, name=path.name, target=target, path=path, sha256=sha256))
    return films


@contextmanager
def staged(rt: Runtime, script: Script, *, seed: int) -> Iterator[Stage]:
    """Yield a stage for one run; its books and its sandbox are gone afterwards, and no run is without room for them."""
    home = _prepared(Path(tempfile.mkdtemp(prefix="run-", dir=script.folder)), script.config)
    ours = _runtime(home, rt, seed=seed)
    try:
        with _named(script.folder.parent):
            shutil.copyfile(script.state, ours.config.paths.state)
            ours.config.paths.state.chmod(0o600)
            ours.clock_to(script.begins_at)
            yield _built(ours, script, home)
            _require_some_room(script.folder.parent)
    finally:
        ours.stop_sandbox()
        ours.close()
        shutil.rmtree(home, ignore_errors=True)  # else a dozen copies of a large state lie there at last


def _built(ours: Rehearsing, script: Script, home: Path) -> Stage:
    """Build the channels and projects of the copy in its sandbox, and log the accounts in there."""
    with ours.store.reading() as tx:
        every = {one.account: one for one in accounts.every(tx) if one.channel_id}
        wanted = _in_use(script.films, every, {one.pool: one.accounts for one in pools.every(tx)})
        used, today = rehearsals.used(tx), quota.quota_day(tx.now)
        clients = {one.project: projects.clients_of(tx, one.project) for one in projects.every(tx)}
        allowed = {name: _limits(limits.standing(tx, today), name, today) for name in clients}
        learned = caps.standing(tx)
    control, payers = ours.sandbox, {one.project for one in wanted}
    kept: list[tuple[Kind, str, str]] = []
    for project in sorted(payers):
        control.add_project(project, limits=allowed[project])
        for client_id in clients[project]:
            secret = f"sandbox-secret-{len(kept)}"
            control.add_client(client_id, secret, project)
            kept.append((Kind.CLIENT_SECRET, client_id, secret))
        for one in used:
            if (one.project, one.day) == (project, today):
                control.charge(project, one.bucket, one.all)
    for account in wanted:
        cap = learned.get(account.channel_id)
        control.add_channel(
            account.channel_title or account.account,
            channel_id=account.channel_id,
            cap=None if cap is None else cap.uploads,
        )
        if not account.needs_login:
            scopes = grants.of_youtube(account.scopes) or (grants.DEFAULT_SCOPE,)
            token = control.grant(account.project, account.channel_id, scopes, account.client_id)
            kept.append((Kind.REFRESH_TOKEN, account.account, token["refresh_token"]))
    ours.open_vault()
    with ours.store.transaction() as tx:
        for kind, owner, value in kept:
            secrets.keep(ours, tx, kind, owner, Secret(value))
    return Stage(
        script=script,
        rt=ours,
        home=home,
        projects=len(payers),
        used=used,
        accounts={one.account: one for one in wanted},
    )


def _limits(standing: Mapping[Any, Any], project: str, today: date) -> dict[str, int]:
    return {
        bucket: limit.units
        for (scope, name, bucket), limit in standing.items()
        if (scope, name) == (meters.PROJECT, project) and limit.stands_on(today)
    }


def _in_use(films: Sequence[Film], every: Mapping[str, Account], members: Mapping[str, Sequence[str]]) -> list[Account]:
    """Return the accounts that any of the films may go to."""
    names: set[str] = set()
    for target in {film.target for film in films}:
        names |= {target.name} if target.kind is TargetKind.ACCOUNT else {*members.get(target.name, ())}
    return [every[name] for name in sorted(names) if name in every]
